/* `wireside trace ...`: what is in a capture file, as Wireshark's engine reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/strip.h"

enum { VIEW_MAX = 512 << 20 };

static const char usage[] =
	"Usage: wireside trace FILE [-a] [-Y FILTER]          the ladder: what happened between whom, line by line\n"
	"       wireside trace explain FILE [-Y FILTER]       the questions of a lesson, answered, with frames and filters\n"
	"       wireside trace strip FILE -w NEW-FILE         a copy without secrets: what was encrypted stays so\n\n"
	"FILE is a capture of any kind that tshark reads. It is dissected by Wireshark's engine (tshark), with Wireside's chat\n"
	"layer and without the user's own Wireshark settings. `wireside lab` makes one.\n\n"
	"  -a          shows bare acknowledgements and other packets, too, which are only counted else\n"
	"  -Y FILTER   only frames that Wireshark's display filter lets through, e.g. 'chat.kind == \"message\"'\n"
	"  -w FILE     where to write\n\n"
	"Examples:\n"
	"  wireside lab --batch && wireside trace wireside-lab/lab.pcapng\n"
	"  wireside trace explain wireside-lab/lab.pcapng\n";

struct trace_args {
	const char *file, *filter, *into;
	bool all;
};

/* ---- views ---- */

static int show(const struct trace_args *a,
	void (*put)(const struct trace_args *a, const struct dissected *d, struct buf *out))
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf out = {.max = VIEW_MAX};
	struct dissected d;

	if (dissect(a->file, a->filter, &d, &why) != 0) {
		fprintf(stderr, "wireside: trace: %s\n", buf_cstr(&why));
		return 1;
	}
	put(a, &d, &out);
	dissected_clear(&d);
	if (!buf_ok(&out)) {
		fputs("wireside: trace: too much to show: give a filter (-Y)\n", stderr);
		return 1;
	}
	return fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? 0 : 1;
}

static void put_ladder(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	ladder_put(d, &(struct ladder_options){.all = a->all}, out);
}

static void put_explain(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	(void)a;
	explain_put(d, out);
}

static int run_ladder(const struct trace_args *a) { return show(a, put_ladder); }
static int run_explain(const struct trace_args *a) { return show(a, put_explain); }

/* ---- files ---- */

static int run_strip(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	unsigned removed = 0;

	if (!a->into) {
		fputs("wireside: trace strip: -w FILE says where to\n", stderr);
		return 2;
	}
	if (strip_file(a->file, a->into, &removed, &why) != 0) {
		fprintf(stderr, "wireside: trace strip: %s\n", buf_cstr(&why));
		return 1;
	}
	printf("%s: without the secrets of %u link%s\n", a->into, removed, removed == 1 ? "" : "s");
	return 0;
}

/* ---- words ---- */

static const struct action {
	const char *name;
	int (*run)(const struct trace_args *a);
} actions[] = {
	{"ladder", run_ladder}, /* also without a word */
	{"explain", run_explain},
	{"strip", run_strip},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

static bool take_args(struct trace_args *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-a") == 0)
			a->all = true;
		else if (strcmp(argv[i], "-Y") == 0 && argv[i + 1])
			a->filter = argv[++i];
		else if (strcmp(argv[i], "-w") == 0 && argv[i + 1])
			a->into = argv[++i];
		else if (argv[i][0] != '-' && !a->file)
			a->file = argv[i];
		else {
			fprintf(stderr, "wireside: trace: '%s' is not understood\nSee `wireside trace --help`.\n",
				argv[i]);
			return false;
		}
	}
	if (!a->file)
		fputs("wireside: trace: which file?\nSee `wireside trace --help`.\n", stderr);
	return a->file != NULL;
}

int cmd_trace(int argc, char **argv)
{
	const struct action *action = argc > 1 ? find(argv[1]) : NULL;
	struct trace_args a = {0};

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	if (action) {
		argc--;
		argv++;
	}
	return take_args(&a, argc, argv) ? (action ? action : &actions[0])->run(&a) : 2;
}
