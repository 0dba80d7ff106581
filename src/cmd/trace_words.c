/* The words behind `wireside trace`: which of them there are, and what they mean together. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/trace_i.h"

enum { NUMBER_MAX = 1000000000 };

enum kind { FLAG, TEXT, NUMBER, PORT, FORM };

#define AT(member) offsetof(struct trace_args, member)

/* Which subcommands have it, and what it does there: trace_help.c. */
static const struct option {
	const char *name, *also;
	enum kind kind;
	size_t at; /* of a FORM: which */
	unsigned min;
} options[] = {
	{"-a", NULL, FLAG, AT(all), 0},
	{"--live", NULL, FLAG, AT(live), 0},
	{"--plain", NULL, FLAG, AT(plain), 0},
	{"-Y", "--filter", TEXT, AT(filter), 0},
	{"-w", "-o", TEXT, AT(into), 0},
	{"--force", NULL, FLAG, AT(force), 0},
	{"--exact", NULL, FLAG, AT(exact), 0},
	{"--format", NULL, TEXT, AT(format), 0},
	{"--html", NULL, FORM, TRACE_HTML, 0},
	{"--svg", NULL, FORM, TRACE_SVG, 0},
	{"--csv", NULL, FORM, TRACE_CSV, 0},
	{"--json", NULL, FORM, TRACE_JSON, 0},
	{"--txt", NULL, FORM, TRACE_TXT, 0},
	{"--pdml", NULL, FORM, TRACE_PDML, 0},
	{"--pcap", NULL, FORM, TRACE_PCAP, 0},
	{"--crlf", NULL, FLAG, AT(crlf), 0},
	{"--from", NULL, TEXT, AT(from), 0},
	{"--to", NULL, TEXT, AT(to), 0},
	{"--connection", NULL, NUMBER, AT(stream), 0},
	{"--frame", NULL, NUMBER, AT(frame), 1},
	{"--folder", NULL, FLAG, AT(folder), 0},
	{"-i", NULL, TEXT, AT(capture.interface), 0},
	{"--data", NULL, TEXT, AT(capture.data), 0},
	{"--peer", NULL, TEXT, AT(capture.peer), 0},
	{"--seconds", NULL, NUMBER, AT(capture.seconds), 1},
	{"--count", NULL, NUMBER, AT(capture.count), 1},
	{"--port", NULL, PORT, 0, 1},
	{"--with-secrets", NULL, FLAG, AT(secrets), 0},
	{"--stanzas", NULL, FLAG, AT(capture.stanzas), 0},
	{"--dumpcap", NULL, FLAG, AT(capture.dumpcap), 0},
	{"--child", NULL, FLAG, AT(child), 0},
};

enum { OPTIONS = ARRAY_LEN(options) };

/* Two that cannot both be meant. */
static const struct {
	const char *one, *other, *why;
} apart[] = {
	{"--stanzas", "-i", "stanzas are what the node says, whatever network they go over"},
	{"--stanzas", "--port", "stanzas are what the node says, whatever port they go over"},
	{"--stanzas", "--dumpcap", "stanzas are no packets"},
	{"--stanzas", "--with-secrets", "stanzas are readable as they are"},
	{"--format", "--html", "both tell the form"},
	{"--format", "--svg", "both tell the form"},
	{"--format", "--csv", "both tell the form"},
	{"--format", "--json", "both tell the form"},
	{"--format", "--txt", "both tell the form"},
	{"--format", "--pdml", "both tell the form"},
	{"--format", "--pcap", "both tell the form"},
};

struct words {
	struct trace_args *a;
	const char *name;          /* of the subcommand */
	const char *used[OPTIONS]; /* as it was typed */
};

static bool refuse(const struct words *w, const char *word, const char *why)
{
	fprintf(stderr, "wireside: trace: '%s' %s\nSee `wireside trace %s --help`.\n", word, why, w->name);
	return false;
}

static const struct option *find(const char *word)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strcmp(word, options[i].name) == 0 || (options[i].also && strcmp(word, options[i].also) == 0))
			return &options[i];
	return NULL;
}

static bool take_number(const struct words *w, const struct option *o, const char *value, unsigned max, unsigned *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 200};
	uint64_t n = 0;

	if (str_uint(str_z(value), max, &n) != 0 || n < o->min) {
		buf_fmt(&why, "wants a number from %u to %u", o->min, max);
		return refuse(w, o->name, buf_cstr(&why));
	}
	*ret = (unsigned)n;
	return true;
}

static bool take_port(const struct words *w, const struct option *o, const char *value)
{
	struct trace_args *a = w->a;
	unsigned port = 0;

	if (a->capture.port_n == CAPTURE_PORTS_MAX)
		return refuse(w, o->name, "comes too often");
	if (!take_number(w, o, value, 65535, &port))
		return false;
	a->capture.ports[a->capture.port_n++] = (uint16_t)port;
	return true;
}

static bool take_option(struct words *w, const struct option *o, const char *word, const char *value)
{
	char *to = (char *)w->a + o->at;

	if (w->used[o - options] && o->kind != PORT)
		return refuse(w, word, "says once more what has been said");
	w->used[o - options] = word;
	if (o->kind == FLAG) {
		*(bool *)(void *)to = true;
	} else if (o->kind == FORM) {
		w->a->forms |= 1u << o->at;
	} else if (!value || find(value)) {
		return refuse(w, word, "wants a word behind it");
	} else if (o->kind == TEXT) {
		*(const char **)(void *)to = value;
	} else if (o->kind == PORT) {
		return take_port(w, o, value);
	} else {
		return take_number(w, o, value, NUMBER_MAX, (unsigned *)(void *)to);
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

static bool fits(const struct words *w, unsigned action)
{
	CLEANUP(buf_clear) struct buf why = {.max = 200};

	for (size_t i = 0; i < OPTIONS; i++)
		if (w->used[i] && !trace_has(options[i].name, action)) {
			buf_fmt(&why, "does not belong to `trace %s`", w->name);
			return refuse(w, w->used[i], buf_cstr(&why));
		}
	for (size_t i = 0; i < ARRAY_LEN(apart); i++)
		if (w->used[find(apart[i].one) - options] && w->used[find(apart[i].other) - options]) {
			buf_fmt(&why, "and '%s' do not go together: %s", apart[i].other, apart[i].why);
			return refuse(w, apart[i].one, buf_cstr(&why));
		}
	return true;
}

bool trace_words(struct trace_args *a, unsigned *action, const char *name)
{
	struct words w = {.a = a, .name = name};

	for (int i = 1; i < a->argc; i++) {
		char *word = a->argv[i];
		const struct option *o = find(word);

		if (o) {
			if (!take_option(&w, o, word, a->argv[i + 1]))
				return false;
			i += o->kind == TEXT || o->kind == NUMBER || o->kind == PORT;
		} else if ((word[0] == '-' && word[1]) || a->file) {
			return refuse(&w, word, "is not understood");
		} else {
			a->file = word;
		}
	}
	*action = resolve(a, *action);
	return fits(&w, *action);
}
