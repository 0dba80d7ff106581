/* The file, by libconfuse. Comments are blanked before it sees them: it counts their lines wrong. */
#include "app/config_i.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { FILE_LIMIT = 1 << 20 };

/* The library's error function takes no argument. */
static struct {
	const char *path;
	struct buf *why;
	struct config *config;
} reading;

__attribute__((format(printf, 2, 0))) static void on_file_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (!reading.why->n) /* the first one is the cause */
		buf_fmt(reading.why, "%s:%d: %s", reading.path, cfg ? cfg->line : 0, text);
}

/* ---- comments ---- */

/* The ends of what begins at p; NULL: it has none. */
static const char *end_of_text(const char *p, const char *end)
{
	for (char quote = *p++; p < end; p++) {
		if (*p == quote)
			return p + 1;
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return NULL;
}

static const char *end_of_comment(const char *p, const char *end)
{
	const char *found;

	if (p[1] == '*') {
		found = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
		return found ? found + 2 : NULL;
	}
	found = memchr(p, '\n', (size_t)(end - p));
	return found ? found : end;
}

/* As the library sees it: slashes within a word are part of it. */
static bool is_comment(const char *p, const char *start, const char *end)
{
	if (*p == '#')
		return true;
	if (p > start && !strchr(" \t\n\r={},+", p[-1]))
		return false;
	return p + 1 < end && p[0] == '/' && (p[1] == '/' || p[1] == '*');
}

/* False: what begins in this line does not end; the library would take the rest of the file for it, and say nothing. */
static bool blank_comments(struct buf *b, int *ret_line)
{
	const char *end = b->p + b->n, *next;
	int line = 1;

	for (char *p = b->p; p < end; p = b->p + (next - b->p)) {
		bool comment = is_comment(p, b->p, end);

		next = p + 1;
		if (comment)
			next = end_of_comment(p, end);
		else if (*p == '"' || *p == '\'')
			next = end_of_text(p, end);
		if (!next) {
			*ret_line = line;
			return false;
		}
		for (; p < next; p++) {
			line += *p == '\n';
			if (comment && *p != '\n')
				*p = ' ';
		}
	}
	return true;
}

/* ---- values ---- */

static void make_opts(cfg_opt_t *opts)
{
	size_t n = 0;

	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];

		if (o->kind == LIST)
			opts[n++] = (cfg_opt_t)CFG_STR_LIST(o->name, NULL, CFGF_NODEFAULT);
		else if (o->kind == NUMBER)
			opts[n++] = (cfg_opt_t)CFG_INT(o->name, 0, CFGF_NODEFAULT);
		else if (o->kind == SWITCH)
			opts[n++] = (cfg_opt_t)CFG_BOOL(o->name, cfg_false, CFGF_NODEFAULT);
		else
			opts[n++] = (cfg_opt_t)CFG_STR(o->name, NULL, CFGF_NODEFAULT);
	}
	opts[n] = (cfg_opt_t)CFG_END();
}

/* The i-th value that the file gives to an option, as text. */
static const char *file_value(cfg_opt_t *opt, const struct option *o, unsigned i, char number[24])
{
	if (o->kind == SWITCH)
		return cfg_opt_getnbool(opt, i) ? "true" : "false";
	if (o->kind != NUMBER)
		return cfg_opt_getnstr(opt, i);
	snprintf(number, 24, "%ld", cfg_opt_getnint(opt, i));
	return number;
}

/* Called after each value, when the library still knows the line. */
static int on_file_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct option *o = config_find(str_z(cfg_opt_name(opt)));
	unsigned n = cfg_opt_size(opt);
	char number[24];
	struct buf why;
	bool valid;

	if (n == 0)
		return 0;
	if (n > CONFIG_LIST_MAX) {
		cfg_error(cfg, "%s: more than %d values", o->name, CONFIG_LIST_MAX);
		return -1;
	}
	reading.config->line[o - config_options][n - 1] = cfg->line;
	buf_init(&why, 1024);
	valid = config_is_valid(o, file_value(opt, o, n - 1, number), &why);
	if (!valid)
		cfg_error(cfg, "%s", buf_cstr(&why));
	buf_clear(&why);
	return valid ? 0 : -1;
}

static bool take_values(struct config *c, cfg_t *cfg, const struct option *o, struct buf *why)
{
	cfg_opt_t *opt = cfg_getopt(cfg, o->name);
	char number[24];

	for (unsigned i = 0; i < cfg_opt_size(opt); i++)
		if (!config_set(c, o, file_value(opt, o, i, number), why))
			return false;
	return true;
}

/* ---- all of it ---- */

static int load(const char *path, struct buf *text, struct buf *why)
{
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;

	if (!f)
		goto failed;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(text, chunk, n);
	if (ferror(f))
		goto failed;
	fclose(f);
	if (buf_ok(text) && !memchr(text->p ? text->p : "", 0, text->n))
		return 0;
	buf_fmt(why, "%s: %s", path, buf_ok(text) ? "is no text" : "is too large");
	return ERR_INVALID;
failed:
	buf_fmt(why, "%s: cannot be read: %m", path);
	if (f)
		fclose(f);
	return ERR_NOTFOUND;
}

static int parse(struct config *c, struct buf *text, struct buf *why)
{
	cfg_opt_t *opts = xcalloc(config_option_count + 1, sizeof(*opts));
	cfg_t *cfg;
	int err = 0;

	make_opts(opts);
	cfg = cfg_init(opts, CFGF_NONE);
	must(cfg);
	cfg_set_error_function(cfg, on_file_error);
	for (size_t i = 0; i < config_option_count; i++)
		cfg_set_validate_func(cfg, config_options[i].name, on_file_value);
	if (cfg_parse_buf(cfg, buf_cstr(text)) != CFG_SUCCESS)
		err = ERR_INVALID;
	for (size_t i = 0; !err && i < config_option_count; i++)
		if (!take_values(c, cfg, &config_options[i], why))
			err = ERR_INVALID;
	cfg_free(cfg);
	xfree(opts);
	return err;
}

static int parse_text(struct config *c, const char *path, struct buf *text, struct buf *why)
{
	int line, err;

	if (!blank_comments(text, &line)) {
		buf_fmt(why, "%s:%d: what begins here does not end", path, line);
		return ERR_INVALID;
	}
	reading.path = path;
	reading.why = why;
	reading.config = c;
	err = parse(c, text, why);
	reading.path = NULL;
	reading.why = NULL;
	reading.config = NULL;
	if (err && !why->n)
		buf_fmt(why, "%s: not understood", path);
	return err;
}

int config_read_file(struct config *c, const char *path, struct buf *why)
{
	struct buf text;
	int err;

	buf_init(&text, FILE_LIMIT);
	err = load(path, &text, why);
	if (!err)
		err = parse_text(c, path, &text, why);
	buf_clear(&text);
	return err;
}
