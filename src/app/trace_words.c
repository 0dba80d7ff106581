/* The words behind `wireside trace`: which of them there are, and which of them belong to which action. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/trace_i.h"
#include "base/mem.h"

enum { NUMBER_MAX = 1000000000 };

/* Where a word belongs. */
enum {
	CAPTURES = TRACE_CAPTURE | TRACE_LIVE,
	LADDERS = TRACE_LADDER | TRACE_WATCH | TRACE_LIVE,
	PAGES = TRACE_EXPLAIN | TRACE_STATS | TRACE_REPORT
};

enum kind { FLAG, TEXT, NUMBER, PORT, FORMAT };

#define AT(member) offsetof(struct trace_args, member)

static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
	unsigned of;
	unsigned min;
} options[] = {
	{"-a", FLAG, AT(all), LADDERS | TRACE_REPORT, 0},
	{"--live", FLAG, AT(live), TRACE_WATCH | TRACE_LIVE, 0},
	{"--plain", FLAG, AT(plain), LADDERS | TRACE_FOLLOW, 0},
	{"-Y", TEXT, AT(filter), LADDERS | PAGES | TRACE_SAVE, 0},
	{"--filter", TEXT, AT(filter), LADDERS | PAGES | TRACE_SAVE, 0},
	{"-w", TEXT, AT(into), TRACE_LADDER | PAGES | TRACE_FILES | CAPTURES, 0},
	{"-o", TEXT, AT(into), TRACE_LADDER | PAGES | TRACE_FILES | CAPTURES, 0},
	{"--force", FLAG, AT(force), TRACE_FILES | CAPTURES, 0},
	{"--exact", FLAG, AT(exact), TRACE_SAVE, 0},
	{"--format", TEXT, AT(format), TRACE_SAVE | TRACE_REPORT, 0},
	{"--html", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--svg", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--csv", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--json", FORMAT, AT(format), TRACE_REPORT | TRACE_STATS, 0},
	{"--txt", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--pcap", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--pdml", FORMAT, AT(format), TRACE_REPORT, 0},
	{"--crlf", FLAG, AT(crlf), TRACE_REPORT, 0},
	{"--from", TEXT, AT(from), TRACE_IMPORT, 0},
	{"--to", TEXT, AT(to), TRACE_IMPORT, 0},
	{"--connection", NUMBER, AT(stream), TRACE_FOLLOW, 0},
	{"-i", TEXT, AT(capture.interface), CAPTURES, 0},
	{"--data", TEXT, AT(capture.data), CAPTURES, 0},
	{"--peer", TEXT, AT(capture.peer), CAPTURES, 0},
	{"--seconds", NUMBER, AT(capture.seconds), CAPTURES, 1},
	{"--count", NUMBER, AT(capture.count), CAPTURES, 1},
	{"--port", PORT, 0, CAPTURES, 1},
	{"--with-secrets", FLAG, AT(secrets), CAPTURES, 0},
	{"--stanzas", FLAG, AT(capture.stanzas), CAPTURES, 0},
	{"--dumpcap", FLAG, AT(capture.dumpcap), CAPTURES, 0},
	{"--child", FLAG, AT(child), TRACE_LIVE, 0},
};

enum { OPTIONS = ARRAY_LEN(options) };

/* Two that cannot both be meant; what stands for the same text is one word. */
static const struct {
	const char *one, *other, *why;
} apart[] = {
	{"--stanzas", "-i", "stanzas are what the node says, whatever network they go over"},
	{"--stanzas", "--port", "stanzas are what the node says, whatever port they go over"},
	{"--stanzas", "--dumpcap", "stanzas are no packets"},
	{"--stanzas", "--with-secrets", "stanzas are readable as they are"},
};

struct words {
	struct trace_args *a;
	bool used[OPTIONS];
};

static bool refuse(const char *word, const char *why)
{
	fprintf(stderr, "wireside: trace: '%s' %s\nSee `wireside trace --help`.\n", word, why);
	return false;
}

static const struct option *find(const char *word)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strcmp(word, options[i].name) == 0)
			return &options[i];
	return NULL;
}

static bool take_number(const struct option *o, const char *value, unsigned max, unsigned *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 200};
	uint64_t n = 0;

	if (str_uint(str_z(value), max, &n) != 0 || n < o->min) {
		buf_fmt(&why, "wants a number from %u to %u", o->min, max);
		return refuse(o->name, buf_cstr(&why));
	}
	*ret = (unsigned)n;
	return true;
}

static bool take_port(struct trace_args *a, const struct option *o, const char *value)
{
	unsigned port = 0;

	if (a->capture.port_n == CAPTURE_PORTS_MAX)
		return refuse(o->name, "comes too often");
	if (!take_number(o, value, 65535, &port))
		return false;
	a->capture.ports[a->capture.port_n++] = (uint16_t)port;
	return true;
}

/* Said twice in other words? */
static bool is_new(const struct words *w, const struct option *o)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (w->used[i] && options[i].at == o->at && o->kind != PORT)
			return false;
	return true;
}

static bool take_option(struct words *w, const struct option *o, const char *value)
{
	char *to = (char *)w->a + o->at;

	if (!is_new(w, o))
		return refuse(o->name, "says once more what has been said");
	w->used[o - options] = true;
	if (o->kind == FLAG) {
		*(bool *)(void *)to = true;
	} else if (o->kind == FORMAT) {
		*(const char **)(void *)to = o->name + 2;
	} else if (!value || find(value)) {
		return refuse(o->name, "wants a word behind it");
	} else if (o->kind == TEXT) {
		*(const char **)(void *)to = value;
	} else if (o->kind == PORT) {
		return take_port(w->a, o, value);
	} else {
		return take_number(o, value, NUMBER_MAX, (unsigned *)(void *)to);
	}
	return true;
}

/* Both `trace capture --live` and `trace --live` without a file capture and show; with a file the latter only shows. */
static unsigned resolve(const struct trace_args *a, unsigned action)
{
	if (action == TRACE_CAPTURE && (a->live || a->child))
		return TRACE_LIVE;
	if (action == TRACE_LADDER && a->live)
		return a->file ? TRACE_WATCH : TRACE_LIVE;
	return action;
}

static bool fits(const struct words *w, unsigned action, const char *name)
{
	CLEANUP(buf_clear) struct buf why = {.max = 200};

	for (size_t i = 0; i < OPTIONS; i++)
		if (w->used[i] && !(options[i].of & action)) {
			buf_fmt(&why, "does not belong to `trace %s`", name);
			return refuse(options[i].name, buf_cstr(&why));
		}
	for (size_t i = 0; i < ARRAY_LEN(apart); i++)
		if (w->used[find(apart[i].one) - options] && w->used[find(apart[i].other) - options]) {
			buf_fmt(&why, "and '%s' do not go together: %s", apart[i].other, apart[i].why);
			return refuse(apart[i].one, buf_cstr(&why));
		}
	return true;
}

bool trace_words(struct trace_args *a, unsigned *action, const char *name)
{
	struct words w = {.a = a};

	for (int i = 1; i < a->argc; i++) {
		char *word = a->argv[i];
		const struct option *o = find(word);

		if (o) {
			if (!take_option(&w, o, a->argv[i + 1]))
				return false;
			i += o->kind == TEXT || o->kind == NUMBER || o->kind == PORT;
		} else if ((word[0] == '-' && word[1]) || a->file) {
			return refuse(word, "is not understood");
		} else {
			a->file = word;
		}
	}
	*action = resolve(a, *action);
	return fits(&w, *action, name);
}
