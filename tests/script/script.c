#include "script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* ---- the verbs ---- */

/* Longest first where one begins like another. plural: "alice and bob log in". */
static const struct {
	const char *singular, *plural;
	enum verb verb;
	bool block; /* what follows is the text of the step */
} verbs[] = {
	{"authenticates", "authenticate", VERB_AUTHENTICATES, true},
	{"binds", "bind", VERB_BINDS, true},
	{"closes the stream", "close the stream", VERB_CLOSES, false},
	{"connects", "connect", VERB_CONNECTS, false},
	{"gets nothing", "get nothing", VERB_GETS_NOTHING, false},
	{"gets, in any order", "get, in any order", VERB_GETS_ANY_ORDER, true},
	{"gets", "get", VERB_GETS, true},
	{"ignores what came", "ignore what came", VERB_IGNORES, false},
	{"is disconnected", "are disconnected", VERB_DISCONNECTED, false},
	{"is online", "are online", VERB_ONLINE, false},
	{"logs in", "log in", VERB_LOGS_IN, false},
	{"loses the connection", "lose the connection", VERB_LOSES, false},
	{"may get", "may get", VERB_MAY_GET, true},
	{"opens a stream", "open a stream", VERB_OPENS, false},
	{"reads on", "read on", VERB_READS_ON, false},
	{"sends bytes", "send bytes", VERB_BYTES, true},
	{"sends", "send", VERB_SENDS, true},
	{"starts TLS", "start TLS", VERB_STARTS_TLS, false},
	{"stops reading", "stop reading", VERB_STOPS_READING, false},
	{"tries", "try", VERB_TRIES, true},
};

/* ---- reading ---- */

struct parsing {
	struct script *s;
	struct buf *why;
	unsigned line;
	struct step *last; /* takes indented lines; NULL: none may come */
};

static bool fail(struct parsing *p, const char *what, struct str about)
{
	if (!p->why->n)
		buf_fmt(p->why, "%s:%u: %s: %.*s", p->s->path, p->line, what, STR_FMT(about));
	return false;
}

static struct str word(struct str *rest)
{
	*rest = str_trim(*rest);
	size_t n = 0;

	while (n < rest->n && !isspace((unsigned char)rest->p[n]))
		n++;
	struct str w = {rest->p, n};
	*rest = str_trim((struct str){rest->p + n, rest->n - n});
	return w;
}

static bool takes(struct str *rest, struct str prefix)
{
	if (!str_starts(*rest, prefix))
		return false;
	*rest = str_trim((struct str){rest->p + prefix.n, rest->n - prefix.n});
	return true;
}

static struct block *add_block(struct script *s, unsigned line, struct str heading)
{
	struct block *b;

	s->blocks = xrealloc(s->blocks, (s->block_count + 1) * sizeof(*s->blocks));
	b = &s->blocks[s->block_count++];
	*b = (struct block){.line = line, .heading = str_dup(heading)};
	return b;
}

static struct step *add_step(struct parsing *p, enum verb verb)
{
	struct block *b;
	struct step *step;

	if (!p->s->block_count)
		add_block(p->s, p->line, STR(""));
	b = &p->s->blocks[p->s->block_count - 1];
	b->steps = xrealloc(b->steps, (b->step_count + 1) * sizeof(*b->steps));
	step = &b->steps[b->step_count++];
	*step = (struct step){.line = p->line, .verb = verb, .text = xstrdup("")};
	if (verb == VERB_AFTER || verb == VERB_STOPS_READING)
		p->s->needs_clock = true;
	return step;
}

static void append_text(struct step *step, struct str line)
{
	size_t old = strlen(step->text), n = old + line.n + 2;

	step->text = xrealloc(step->text, n);
	snprintf(step->text + old, n - old, "%s%.*s", old ? "\n" : "", STR_FMT(line));
}

/* ---- what stands before the steps ---- */

static bool add_account(struct parsing *p, struct str bare)
{
	struct script *s = p->s;

	for (unsigned i = 0; i < s->account_count; i++)
		if (str_is(bare, s->accounts[i]))
			return true;
	if (s->account_count == SCRIPT_ACCOUNTS_MAX)
		return fail(p, "too many accounts", bare);
	s->accounts[s->account_count++] = str_dup(bare);
	return true;
}

static int find_actor(const struct script *s, struct str name)
{
	for (unsigned i = 0; i < s->actor_count; i++)
		if (str_is(name, s->actors[i].name))
			return (int)i;
	return -1;
}

static bool add_actor(struct parsing *p, struct str name, struct str who)
{
	struct script *s = p->s;
	struct str rest = who, bare;

	if (s->actor_count == SCRIPT_ACTORS_MAX || find_actor(s, name) >= 0)
		return fail(p, "one actor too many", name);
	s->actors[s->actor_count++] =
		(struct script_actor){str_dup(name), str_is(who, "stranger") ? NULL : str_dup(who)};
	if (str_is(who, "stranger"))
		return true;
	bare = str_cut(&rest, '/');
	if (!rest.n || !memchr(bare.p, '@', bare.n))
		return fail(p, "neither USER@DOMAIN/RESOURCE nor stranger", who);
	return add_account(p, bare);
}

static bool read_accounts(struct parsing *p, struct str rest)
{
	while (rest.n)
		if (!add_account(p, word(&rest)))
			return false;
	return true;
}

static bool read_options(struct parsing *p, struct str rest)
{
	while (rest.n) {
		if (p->s->option_count == SCRIPT_OPTIONS_MAX)
			return fail(p, "too many options", rest);
		p->s->options[p->s->option_count++] = str_dup(word(&rest));
	}
	return true;
}

/* "only wireside: why", for the block it stands in or, before the first, for the script. */
static bool read_only_wireside(struct parsing *p, struct str reason)
{
	if (!reason.n)
		return fail(p, "say why", STR("only wireside"));
	if (p->s->block_count)
		p->s->blocks[p->s->block_count - 1].only_wireside = true;
	else
		p->s->only_wireside = true;
	return true;
}

static bool read_only_on(struct parsing *p, struct str rest)
{
	struct str names = str_cut(&rest, ':');

	if (!str_trim(rest).n)
		return fail(p, "say why", STR("only on"));
	p->s->only_on = str_dup(str_trim(names));
	return true;
}

static bool read_after(struct parsing *p, struct str rest)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
	char *end;
	long n = strtol(rest.p, &end, 10);
	struct str unit = {end, rest.n - (size_t)(end - rest.p)};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (n > 0 && str_is(unit, units[i].unit)) {
			add_step(p, VERB_AFTER)->ms = n * units[i].ms;
			return true;
		}
	return fail(p, "not a time as in 30s", rest);
}

static bool read_let(struct parsing *p, struct str rest)
{
	p->last = add_step(p, VERB_LET);
	append_text(p->last, rest);
	return true;
}

static bool read_restarts(struct parsing *p, struct str rest)
{
	if (rest.n)
		return fail(p, "too much", rest);
	add_step(p, VERB_RESTARTS);
	p->s->restarts = true;
	return true;
}

static const struct {
	struct str begins;
	bool (*read)(struct parsing *p, struct str rest);
} plain_lines[] = {
	{{"accounts:", 9}, read_accounts},
	{{"options:", 8}, read_options},
	{{"only wireside:", 14}, read_only_wireside},
	{{"only on ", 8}, read_only_on},
	{{"after ", 6}, read_after},
	{{"let ", 4}, read_let},
	{{"the server restarts", 19}, read_restarts},
};

/* ---- steps ---- */

/* "alice, bob and carol" -> numbers; *rest becomes what follows. */
static bool read_names(struct parsing *p, struct str *rest, struct step *step)
{
	for (;;) {
		struct str name = word(rest);
		bool more = str_ends(name, STR(","));
		int i;

		if (more)
			name.n--;
		i = find_actor(p->s, name);
		if (i < 0)
			return fail(p, "nobody is called", name);
		step->actors[step->actor_count++] = (unsigned)i;
		if (step->actor_count == SCRIPT_ACTORS_MAX)
			return fail(p, "too many names", name);
		if (!more && !takes(rest, STR("and ")))
			return true;
	}
}

static bool read_verb(struct parsing *p, struct str rest, struct step *step)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		struct str after = rest;

		if (!takes(&after, str_z(step->actor_count > 1 ? verbs[i].plural : verbs[i].singular)))
			continue;
		if (after.n && !verbs[i].block)
			return fail(p, "too much", after);
		step->verb = verbs[i].verb;
		if (step->verb == VERB_STOPS_READING)
			p->s->needs_clock = true;
		if (after.n)
			append_text(step, after);
		p->last = verbs[i].block ? step : NULL;
		return true;
	}
	return fail(p, "not understood", rest);
}

static bool read_step(struct parsing *p, struct str line)
{
	struct step *step = add_step(p, VERB_NONE);

	return read_names(p, &line, step) && read_verb(p, line, step);
}

/* "juliet: juliet@localhost/balcony" */
static bool is_actor_line(struct str line)
{
	size_t n = 0;

	while (n < line.n && (isalnum((unsigned char)line.p[n]) || line.p[n] == '-'))
		n++;
	return n && n < line.n && line.p[n] == ':';
}

static bool read_line(struct parsing *p, struct str line)
{
	struct str text = str_trim(line);

	if (!text.n || *text.p == '#')
		return true;
	if (isspace((unsigned char)*line.p)) {
		if (!p->last)
			return fail(p, "belongs to nothing", text);
		append_text(p->last, text);
		return true;
	}
	p->last = NULL;
	if (*text.p == '[') {
		add_block(p->s, p->line, text);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(plain_lines); i++) {
		struct str rest = text;

		if (takes(&rest, plain_lines[i].begins))
			return plain_lines[i].read(p, rest);
	}
	if (is_actor_line(text)) {
		struct str name = str_cut(&text, ':');

		return add_actor(p, name, str_trim(text));
	}
	return read_step(p, text);
}

int script_parse(const char *path, struct str text, struct script *ret, struct buf *why)
{
	struct script s = {.path = xstrdup(path)};
	struct parsing p = {.s = &s, .why = why};
	const char *base = strrchr(path, '/');
	struct str name = str_z(base ? base + 1 : path);
	bool good = true;

	s.name = str_dup(str_cut(&name, '.'));
	while (good && text.p) {
		p.line++;
		good = read_line(&p, str_cut(&text, '\n'));
	}
	if (!good) {
		script_clear(&s);
		return ERR_SYNTAX;
	}
	*ret = s;
	return 0;
}

int text_read(const char *path, struct buf *ret, struct buf *why)
{
	FILE *f = fopen(path, "r");
	char *room;
	size_t n;
	int err = 0;

	if (!f) {
		buf_fmt(why, "%s: cannot be read", path);
		return ERR_NOTFOUND;
	}
	while ((room = buf_room(ret, 4096)) && (n = fread(room, 1, 4096, f)) > 0)
		ret->n += n;
	if (ferror(f) || !buf_ok(ret)) {
		buf_fmt(why, "%s: cannot be read as a whole", path);
		err = ERR_IO;
	}
	fclose(f);
	return err;
}

int script_read(const char *path, struct script *ret, struct buf *why)
{
	struct buf text;
	int err;

	buf_init(&text, 1 << 20);
	err = text_read(path, &text, why);
	if (!err)
		err = script_parse(path, buf_view(&text), ret, why);
	buf_clear(&text);
	return err;
}

void script_clear(struct script *s)
{
	for (unsigned i = 0; i < s->block_count; i++) {
		for (unsigned k = 0; k < s->blocks[i].step_count; k++)
			xfree(s->blocks[i].steps[k].text);
		xfree(s->blocks[i].steps);
		xfree(s->blocks[i].heading);
	}
	for (unsigned i = 0; i < s->actor_count; i++) {
		xfree(s->actors[i].name);
		xfree(s->actors[i].jid);
	}
	for (unsigned i = 0; i < s->account_count; i++)
		xfree(s->accounts[i]);
	for (unsigned i = 0; i < s->option_count; i++)
		xfree(s->options[i]);
	xfree(s->blocks);
	xfree(s->only_on);
	xfree(s->path);
	xfree(s->name);
	*s = (struct script){0};
}

bool script_runs_on(const struct script *s, const char *transport)
{
	struct str rest = str_z(s->only_on);

	if (!rest.p)
		return true;
	while (rest.n) {
		struct str name = word(&rest);

		if (str_ends(name, STR(",")))
			name.n--;
		if (str_is(name, transport))
			return true;
	}
	return false;
}
