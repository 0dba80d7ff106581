/* `wireside lab`: a demonstration on one machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "cmd/help.h"
#include "cmd/lab.h"
#include "cmd/trace_i.h"

static const char usage[] =
	"Usage: wireside lab [OPTION]...\n\n"
	"Puts some hosts into a box, joined by a switch, lets a node and a person on each of them chat, captures their packets, "
	"and leaves a capture file for `wireside trace` and Wireshark, with the secrets of its TLS sessions in it. "
	"No other network is touched. As root, or as anybody where user namespaces are allowed.\n\n"
	"  --tls             links between nodes as they are: encrypted (default)\n"
	"  --plain           links of old programs: everybody on the wire reads along\n"
	"  --starttls        links of other programs that can encrypt: in clear until both have agreed\n"
	"  --loss PERCENT    so many TCP segments are lost (0 to 50)\n"
	"  --peers N         hosts (2 to 8, default 2)\n"
	"  --ipv6            hosts have IPv6 addresses alone (default: IPv4 alone)\n"
	"  --port N|random   nodes listen there (default 5298)\n"
	"  --script FILE     what they say and do, as docs/traces.md explains\n"
	"  --batch           does not show the ladder at the end\n"
	"  -o DIR            folder for lab.pcapng, report.html and transcript.json (default wireside-lab; if one of them is there "
	"already: wireside-lab-2, and so on)\n"
	"  --force           replaces these three, if they are in the folder already\n\n"
	"Examples:\n  wireside lab\n  wireside lab --plain --loss 15% -o lossy\n  wireside lab --script docs/samples/loss.lab\n";

#define FOLDER "wireside-lab"
enum { FOLDERS_MAX = 99, INTERRUPTED = 130, RANDOM_FIRST = 20000, RANDOM_N = 20000 };

static bool read_number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
	struct str s = str_z(text);
	uint64_t n = 0;

	if (s.n > 1 && s.p[s.n - 1] == '%')
		s.n--;
	if (!s.p || str_uint(s, max, &n) != 0 || n < min)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool read_port(const char *text, unsigned *ret)
{
	uint16_t any;

	if (strcmp(text, "random") != 0)
		return read_number(text, 1, 65535, ret);
	rand_bytes(&any, sizeof(any));
	*ret = RANDOM_FIRST + any % RANDOM_N;
	return true;
}

struct lab_words {
	struct lab_options o;
	bool batch, force;
	char folder[32]; /* if none was named */
	unsigned kinds;  /* that were named, one bit each */
	const char *script;
	int64_t began;
};

static bool take_kind(struct lab_words *w, const char *word)
{
	for (unsigned i = LAB_TLS; i <= LAB_STARTTLS; i++)
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, lab_kinds[i]) == 0) {
			w->kinds |= 1u << i;
			w->o.kind = i;
			return true;
		}
	return false;
}

/* Options without a value; false: it is none of them. */
static bool take_flag(struct lab_words *w, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"--ipv6", &w->o.v6},
		{"--batch", &w->batch},
		{"--force", &w->force},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(word, flags[i].name) == 0) {
			*flags[i].flag = true;
			return true;
		}
	return take_kind(w, word);
}

/* What values may be, for whoever gave another one. */
static const struct {
	const char *word, *wants;
} values[] = {
	{"--loss", "a percentage from 0 to 50"},
	{"--peers", "a number of hosts from 2 to 8"},
	{"--port", "a port, or the word random"},
	{"--script", "a file"},
	{"-o", "a folder"},
};

static int bad_usage(const char *word)
{
	const char *wants = NULL;

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (strcmp(word, values[i].word) == 0)
			wants = values[i].wants;
	fprintf(stderr, "wireside: lab: '%s' %s%s\nSee `wireside lab --help`.\n", word,
		wants ? "wants " : "is not understood", wants ? wants : "");
	return 2;
}

/* False: it is none of them, or the value is wrong. */
static bool take_value(struct lab_words *w, const char *word, const char *value)
{
	/* The next option is no value of this one. */
	if (!value || value[0] == '-')
		return false;
	if (strcmp(word, "--loss") == 0)
		return read_number(value, 0, 50, &w->o.loss);
	if (strcmp(word, "--peers") == 0)
		return read_number(value, 2, LAB_PEERS_MAX, &w->o.peers);
	if (strcmp(word, "--port") == 0)
		return read_port(value, &w->o.port);
	if (strcmp(word, "--script") == 0)
		w->script = value;
	else if (strcmp(word, "-o") == 0)
		w->o.into = value;
	else
		return false;
	return true;
}

/* ---- the folder ---- */

/* The first of our files that is in the folder; NULL: none. It may be somebody's only copy, or have his notes in it. */
static const char *is_used(const char *folder)
{
	static const char *const ours[] = {"lab.pcapng", "report.html", "transcript.json"};
	struct stat st;
	char path[4096];

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, ours[i]);
		if (lstat(path, &st) == 0)
			return ours[i];
	}
	return NULL;
}

/* Nothing that is there is written over unless that is wanted. */
static bool choose_folder(struct lab_words *w)
{
	const char *used;

	if (!w->o.into) {
		snprintf(w->folder, sizeof(w->folder), FOLDER);
		for (unsigned i = 2; !w->force && is_used(w->folder) && i <= FOLDERS_MAX; i++)
			snprintf(w->folder, sizeof(w->folder), FOLDER "-%u", i);
		w->o.into = w->folder;
	}
	used = w->force ? NULL : is_used(w->o.into);
	if (used)
		fprintf(stderr,
			"wireside: lab: %s/%s is there already; --force replaces it, -o DIR names another folder\n",
			w->o.into, used);
	return !used;
}

/* ---- showing it ---- */

static int show_ladder(const struct lab_options *o)
{
	char word[] = "trace", file[4096], *argv[] = {word, file, NULL};

	snprintf(file, sizeof(file), "%s/lab.pcapng", o->into);
	putchar('\n');
	return cmd_trace(2, argv);
}

/* False: there is none, and neither is a ladder; the capture is there without tshark, too. */
static bool write_report(const struct lab_options *o)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	char file[4096], page[4096];

	snprintf(file, sizeof(file), "%s/lab.pcapng", o->into);
	snprintf(page, sizeof(page), "%s/report.html", o->into);
	if (trace_report_file(file, page, &why) == 0) {
		printf("%s: all of it as a page\n", page);
		return true;
	}
	fprintf(stderr, "wireside: lab: no report: %s\n", buf_cstr(&why));
	return false;
}

/* The story, with the seconds since it began. */
static void on_line(void *arg, const char *who, const char *text)
{
	static const char *const tints[] = {"36", "35", "32", "34"};
	struct lab_words *w = arg;
	const char *tint = "33";

	for (unsigned i = 0; i < LAB_PEERS_MAX; i++)
		if (strcmp(who, lab_user(i)) == 0)
			tint = tints[i % ARRAY_LEN(tints)];
	if (!*who)
		printf("\n%s\n", text);
	else if (isatty(STDOUT_FILENO) && !getenv("NO_COLOR"))
		printf("  %6.2f s  \033[%sm%-6s\033[0m %s\n", (double)(clock_mono() - w->began) / 1e3, tint, who, text);
	else
		printf("  %6.2f s  %-6s %s\n", (double)(clock_mono() - w->began) / 1e3, who, text);
	fflush(stdout);
}

static int run(struct lab_words *w)
{
	CLEANUP(buf_clear) struct buf done = {.max = 4096};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct lab_script *script = NULL;
	unsigned peers = 0;
	int err = lab_script_read(w->script, &script, &peers, &why), status = err == ERR_SYNTAX ? 2 : 1;

	w->o.script = script;
	w->o.on_line = on_line;
	w->o.arg = w;
	w->began = clock_mono();
	w->o.peers = peers > w->o.peers ? peers : w->o.peers;
	if (!err) {
		err = lab_run(&w->o, &done, &why);
		status = err == ERR_CLOSED ? INTERRUPTED : 1;
	}
	lab_script_free(&script);
	if (err) {
		fprintf(stderr, "wireside: lab: %s\n", buf_cstr(&why));
		return status;
	}
	putchar('\n');
	fputs(buf_cstr(&done), stdout);
	return !write_report(&w->o) || w->batch ? 0 : show_ladder(&w->o);
}

int cmd_lab(int argc, char **argv)
{
	struct lab_words w = {.o = {.peers = 2}};

	if (wants_help(argc, argv)) {
		help_print(usage);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (take_flag(&w, argv[i]))
			continue;
		if (!take_value(&w, argv[i], argv[i + 1]))
			return bad_usage(argv[i]);
		i++;
	}
	if (w.kinds & (w.kinds - 1)) {
		fputs("wireside: lab: --tls, --plain and --starttls are three kinds of links: name one\n", stderr);
		return 2;
	}
	return choose_folder(&w) ? run(&w) : 1;
}
