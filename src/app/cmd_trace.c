/* `wireside trace ...`: what is in a capture file, as Wireshark's engine reads it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/trace_i.h"
#include "app/trace_wireshark.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/recorder.h"
#include "trace/screen.h"
#include "trace/stats.h"
#include "tui/filter.h"

enum { WORDS_MAX = 100 };

static const char usage[] =
	"Usage: wireside trace FILE [-a] [-Y FILTER]          the ladder: what happened between whom; on a terminal to move in\n"
	"                                                     (? tells the keys), in a pipe or with --plain as text\n"
	"       wireside trace --live [FILE]                  the same of a file that is still written; no FILE: as capture --live\n"
	"       wireside trace explain FILE [-Y FILTER]       the questions of a lesson, answered, with frames and filters\n"
	"       wireside trace stats FILE [-Y FILTER] [--json] numbers: messages, receipts, losses, bytes\n"
	"       wireside trace report FILE [-o PAGE.html]     all of this as one page that needs no network; or, by the flag or\n"
	"              the name of the file: --svg (the ladder) --csv --json --txt --pdml --pcap\n"
	"       wireside trace open FILE [-Y FILTER] [--frame N] in the user's Wireshark, with our profile and chat layer\n"
	"       wireside trace open --live [-i INTERFACE] [--peer NAME] [--stanzas]\n"
	"                                                     the same while the chat goes on, with its secrets\n"
	"       wireside trace install [--json]               puts profile, chat layer and interfaces into the user's Wireshark\n"
	"       wireside trace uninstall [--json]             takes exactly that away, and nothing that was changed\n"
	"       wireside trace follow FILE [--connection N] [--plain]\n"
	"                                                     what one connection (0) said; --plain: its bytes as they were on the wire\n"
	"       wireside trace save FILE [-Y FILTER] -w NEW-FILE [--format pcapng|pcap|snoop] [--exact]\n"
	"                                                     some or all packets; also as the name ends: .pcap .snoop .gz;\n"
	"              of TLS with what it takes to decrypt them, --exact: those chosen alone, and no secrets\n"
	"       wireside trace import TEXT -w NEW-FILE        packets out of a hexadecimal dump\n"
	"       wireside trace capture [-i INTERFACE] [-w FILE] [--peer NAME] [--with-secrets] [--seconds N] [--count N]\n"
	"                              [--port N]... [--stanzas]\n"
	"                                                     packets of this machine's chat (node and server) into a file; with\n"
	"                                                     --live the ladder grows meanwhile\n"
	"       wireside trace strip FILE -w NEW-FILE         a copy without secrets: what was encrypted stays so\n"
	"       wireside trace share FILE -w NEW-FILE         the same, and passwords and logins in clear are made unreadable\n\n"
	"FILE is a capture of any kind that tshark reads. It is dissected by Wireshark's engine (tshark), with Wireside's chat\n"
	"layer and without the user's own Wireshark settings. `wireside lab` makes one.\n\n"
	"  -a          shows bare acknowledgements and other packets, too, which are only counted else\n"
	"  -Y FILTER   (--filter) only frames that Wireshark's display filter lets through, e.g. 'chat.kind == \"message\"'\n"
	"  -w FILE     (-o) where to write (capture: chat.pcapng, - for standard output; views: standard output)\n"
	"  -i INTERFACE   the network (default: where the node's links are, else the first one)\n"
	"  --force     of capture, save, strip, share, import: a file that is there is replaced\n"
	"  --peer NAME    only what is said with this one; the node (--data DIR) knows where that is\n"
	"  --crlf      line ends of text as on Windows (report --txt; --csv has them always)\n"
	"  --from ADDRESS:PORT, --to ADDRESS:PORT   of import: the dumps are what TCP carried, and get headers\n"
	"  --with-secrets   the node or server (--data DIR) tells the secrets of its links. A node makes those that are up anew, so that\n"
	"              their handshake is in the file too. Whoever has the file can read what is said.\n"
	"  --stanzas   what the node exchanges with others, not packets: needs no right, and the node\n"
	"  --dumpcap   captures by Wireshark's dumpcap, which is done anyway where this program may not capture itself\n\n"
	"Examples:\n"
	"  wireside trace wireside-lab/lab.pcapng\n"
	"  wireside trace explain wireside-lab/lab.pcapng\n";

void trace_complain(const char *action, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf line = {.max = 16384};
	struct str rest = str_trim(buf_view(why));

	fprintf(stderr, "wireside: trace%s: ", action);
	/* More lines are set off: a name with an end of line in it must not look like a word of ours. */
	for (const char *gap = ""; rest.p; gap = "  ") {
		buf_reset(&line);
		filter_line(&line, str_cut(&rest, '\n'));
		fprintf(stderr, "%s%s\n", gap, buf_cstr(&line));
	}
}

/* ---- views ---- */

/* The file is one that only its owner can read: it may have what was encrypted. */
int trace_write_out(const struct trace_args *a, struct str text)
{
	int fd = a->into ? trace_file(a->into) : STDOUT_FILENO;
	int err = fd < 0 ? ERR_IO : trace_write(fd, text);

	if (a->into && fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	if (err)
		fprintf(stderr, "wireside: trace: %s: %s\n", a->into ? a->into : "standard output", strerror(errno));
	return err ? 1 : 0;
}

static int show(const struct trace_args *a,
	void (*put)(const struct trace_args *a, const struct dissected *d, struct buf *out))
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf out = {.max = TRACE_VIEW_MAX};
	struct dissected d;

	if (dissect(a->file, a->filter, &d, &why) != 0) {
		trace_complain("", &why);
		return 1;
	}
	if (why.n)
		trace_complain("", &why); /* a word about what is shown */
	put(a, &d, &out);
	dissected_clear(&d);
	if (!buf_ok(&out)) {
		fputs("wireside: trace: too much to show: give a filter (-Y)\n", stderr);
		return 1;
	}
	return trace_write_out(a, buf_view(&out));
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

static void put_stats(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	(void)a;
	stats_put(d, out);
}

static void put_stats_json(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	(void)a;
	stats_json(d, out);
}

static int run_stats(const struct trace_args *a) { return show(a, a->format ? put_stats_json : put_stats); }

/* ---- the ladder, growing or on the whole screen ---- */

static bool has_screen(const struct trace_args *a)
{
	const char *term = getenv("TERM");

	return !a->plain && !a->into && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term &&
		strcmp(term, "dumb") != 0;
}

static int show_live(const struct trace_args *a, const char *const *writer)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf said = {.max = 65536};
	struct screen_options o = {a->file, a->filter, a->all, a->live, a->secrets, writer};
	int err = has_screen(a) ? screen_run(&o, &said, &why) : ERR_UNSUPPORTED;

	if (err == ERR_UNSUPPORTED && a->live)
		err = live_lines(&o, &why);
	else if (err == ERR_UNSUPPORTED)
		return show(a, put_ladder);
	/* The writer has said who it is. */
	if (str_starts(buf_view(&why), STR("wireside: ")))
		fprintf(stderr, "%s\n", buf_cstr(&why));
	else if (why.n)
		trace_complain("", &why);
	if (said.n)
		fprintf(stderr, "%s\n", buf_cstr(&said));
	return err ? 1 : 0;
}

static int capture_live(const struct trace_args *a);

static int run_ladder(const struct trace_args *a)
{
	if (a->live && !a->file)
		return capture_live(a);
	return has_screen(a) || a->live ? show_live(a, NULL) : show(a, put_ladder);
}

static int run_explain(const struct trace_args *a) { return show(a, put_explain); }

/* ---- what tshark does alone ---- */

static bool print_line(void *arg, struct str line)
{
	struct buf *out = arg;

	filter_line(out, line);
	buf_char(out, '\n');
	return buf_ok(out);
}

int trace_tshark(const char *const *argv)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf out = {.max = TRACE_VIEW_MAX};

	umask(077);
	if (tshark_run(argv, print_line, &out, &why) != 0) {
		trace_complain("", &why);
		return 1;
	}
	if (!buf_ok(&out)) {
		fprintf(stderr, "wireside: trace: that is more than %d MiB: take less of it with -Y\n",
			TRACE_VIEW_MAX >> 20);
		return 1;
	}
	return fwrite(out.p ? out.p : "", 1, out.n, stdout) == out.n ? 0 : 1;
}

/* ---- capturing ---- */

static int run_capture(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf done = {.max = 8192};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct capture_options o = a->capture;
	int err;

	if (a->live)
		return capture_live(a);
	/* Whoever shows what is captured has started this: it ends with that. */
	if (a->child)
		prctl(PR_SET_PDEATHSIG, SIGINT);
	o.file = a->into ? a->into : "chat.pcapng";
	o.secrets = a->secrets;
	o.force = a->force;
	err = capture_run(&o, &done, &why);
	if (err)
		trace_complain(" capture", &why);
	else
		fputs(buf_cstr(&done), strcmp(o.file, "-") == 0 ? stderr : stdout);
	return err ? 1 : 0;
}

/* The same words again, for a child that captures while this shows. */
static int capture_live(const struct trace_args *a)
{
	struct trace_args shown = *a;
	const char *argv[WORDS_MAX + 4] = {"/proc/self/exe", "trace", "capture", "--child"};
	int n = 4;

	for (int i = 1; i < a->argc; i++)
		if (strcmp(a->argv[i], "--live") != 0)
			argv[n++] = a->argv[i];
	argv[n] = NULL;
	shown.live = true;
	shown.into = NULL;
	shown.file = a->into ? a->into : "chat.pcapng";
	return show_live(&shown, argv);
}

/* ---- words ---- */

static const struct action {
	const char *name;
	unsigned bit; /* TRACE_... */
	int (*run)(const struct trace_args *a);
} actions[] = {
	{"ladder", TRACE_LADDER, run_ladder}, /* also without a word */
	{"explain", TRACE_EXPLAIN, run_explain},
	{"stats", TRACE_STATS, run_stats},
	{"report", TRACE_REPORT, trace_report},
	{"follow", TRACE_FOLLOW, trace_follow},
	{"save", TRACE_SAVE, trace_save},
	{"strip", TRACE_STRIP, trace_strip},
	{"share", TRACE_SHARE, trace_share},
	{"import", TRACE_IMPORT, trace_import},
	{"capture", TRACE_CAPTURE, run_capture},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

/* To write into the capture that is read would destroy it. */
static bool is_one_file(const struct trace_args *a)
{
	struct stat from, into;

	return a->file && a->into && stat(a->file, &from) == 0 && stat(a->into, &into) == 0 &&
		from.st_dev == into.st_dev && from.st_ino == into.st_ino;
}

/* What an action needs besides its own words. The exit status; 0: go on. */
static int check(const struct trace_args *a, unsigned bit)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	bool no_file = bit & (TRACE_CAPTURE | TRACE_LIVE);
	struct stat st;

	if (!a->file != no_file) {
		fprintf(stderr, "wireside: trace: %s\nSee `wireside trace --help`.\n",
			a->file ? "the file to write is named with -w" : "which file?");
		return 2;
	}
	if (bit & TRACE_FILES && !a->into) {
		fputs("wireside: trace: -w FILE says where to\n", stderr);
		return 2;
	}
	if (is_one_file(a)) {
		fputs("wireside: trace: -w names the capture itself: give the new file another name\n", stderr);
		return 2;
	}
	/* What grows may have nothing in it yet. */
	if (no_file || bit & TRACE_IMPORT ||
		(bit & TRACE_WATCH && (stat(a->file, &st) != 0 || (S_ISREG(st.st_mode) && !st.st_size))))
		return 0;
	if (trace_is_capture(a->file, &why))
		return 0;
	trace_complain("", &why);
	return 1;
}

int cmd_trace(int argc, char **argv)
{
	const struct action *action = argc > 1 ? find(argv[1]) : NULL;
	struct trace_args a = {0};
	unsigned bit;
	int status;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	status = argc > 1 ? trace_wireshark(argc - 1, argv + 1) : -1;
	if (status >= 0)
		return status;
	a.argc = action ? argc - 1 : argc;
	a.argv = action ? argv + 1 : argv;
	action = action ? action : &actions[0];
	bit = action->bit;
	if (argc > WORDS_MAX || !trace_words(&a, &bit, action->name))
		return 2;
	status = check(&a, bit);
	return status ? status : action->run(&a);
}
