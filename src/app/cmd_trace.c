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
#include "app/config.h"
#include "app/trace_i.h"
#include "app/trace_wireshark.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/recorder.h"
#include "trace/screen.h"
#include "trace/stats.h"
#include "trace/strip.h"
#include "tui/filter.h"

enum { WORDS_MAX = 100 };

static const char usage[] =
	"Usage: wireside trace FILE [-a] [-Y FILTER]          the ladder: what happened between whom; on a terminal to move in\n"
	"                                                     (? tells the keys), in a pipe or with --plain as text\n"
	"       wireside trace --live [FILE]                  the same of a file that is still written; no FILE: as capture --live\n"
	"       wireside trace explain FILE [-Y FILTER]       the questions of a lesson, answered, with frames and filters\n"
	"       wireside trace stats FILE [-Y FILTER]         numbers: messages, receipts, losses, bytes\n"
	"       wireside trace report FILE [-o PAGE.html]     all of this as one page that needs no network; or, by the flag or\n"
	"              the name of the file: --svg (the ladder) --csv --json --txt --pdml --pcap\n"
	"       wireside trace open FILE [-Y FILTER] [--frame N] in the user's Wireshark, with our profile and chat layer\n"
	"       wireside trace open --live [-i INTERFACE] [--peer NAME] [--stanzas]\n"
	"                                                     the same while the chat goes on, with its secrets\n"
	"       wireside trace install [--json]               puts profile, chat layer and interfaces into the user's Wireshark\n"
	"       wireside trace uninstall [--json]             takes exactly that away, and nothing that was changed\n"
	"       wireside trace follow FILE [--connection N] [--plain]\n"
	"                                                     what one connection (0) said; --plain: its bytes as they were on the wire\n"
	"       wireside trace save FILE [-Y FILTER] -w NEW-FILE [--format pcapng|pcap|snoop]\n"
	"                                                     some or all packets; also as the name ends: .pcap .snoop .gz\n"
	"       wireside trace import TEXT -w NEW-FILE        packets out of a hexadecimal dump\n"
	"       wireside trace capture [-i INTERFACE] [-w FILE] [--peer NAME] [--with-secrets] [--seconds N] [--count N]\n"
	"                              [--port N]... [--stanzas]\n"
	"                                                     packets of this machine's chat into a file; with --live the ladder\n"
	"                                                     grows meanwhile\n"
	"       wireside trace strip FILE -w NEW-FILE         a copy without secrets: what was encrypted stays so\n"
	"       wireside trace share FILE -w NEW-FILE         the same, and passwords and logins in clear are made unreadable\n\n"
	"FILE is a capture of any kind that tshark reads. It is dissected by Wireshark's engine (tshark), with Wireside's chat\n"
	"layer and without the user's own Wireshark settings. `wireside lab` makes one.\n\n"
	"  -a          shows bare acknowledgements and other packets, too, which are only counted else\n"
	"  -Y FILTER   (--filter) only frames that Wireshark's display filter lets through, e.g. 'chat.kind == \"message\"'\n"
	"  -w FILE     (-o) where to write (capture: chat.pcapng, - for standard output; views: standard output)\n"
	"  -i INTERFACE   the network (default: where the node's links are, else the first one)\n"
	"  --peer NAME    only what is said with this one; the node (--data DIR) knows where that is\n"
	"  --crlf      line ends of text as on Windows (report --txt; --csv has them always)\n"
	"  --from ADDRESS:PORT, --to ADDRESS:PORT   of import: the dumps are what TCP carried, and get headers\n"
	"  --with-secrets   the node (--data DIR) tells the secrets of its links, and makes those that are up anew, so that their\n"
	"              handshake is in the file too. Whoever has the file can read what is said.\n"
	"  --stanzas   what the node exchanges with others, not packets: needs no right, and the node\n"
	"  --dumpcap   captures by Wireshark's dumpcap, which is done anyway where this program may not capture itself\n\n"
	"Examples:\n"
	"  wireside trace wireside-lab/lab.pcapng\n"
	"  wireside trace explain wireside-lab/lab.pcapng\n";

void trace_complain(const char *action, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf line = {.max = 16384};

	filter_line(&line, buf_view(why));
	fprintf(stderr, "wireside: trace%s: %s\n", action, buf_cstr(&line));
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

static int run_stats(const struct trace_args *a) { return show(a, put_stats); }
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
		trace_complain(" strip", &why);
		return 1;
	}
	printf("%s: without the secrets of %u link%s\n", a->into, removed, removed == 1 ? "" : "s");
	return 0;
}

static int run_capture(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf done = {.max = 8192};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct capture_options o = a->capture;
	char *folder;
	int err;

	if (a->live)
		return capture_live(a);
	folder = a->data ? xstrdup(a->data) : config_default_data(CONFIG_NODE);
	/* Whoever shows what is captured has started this: it ends with that. */
	if (a->child)
		prctl(PR_SET_PDEATHSIG, SIGINT);
	o.file = a->into ? a->into : "chat.pcapng";
	o.data = folder;
	o.secrets = a->secrets;
	err = capture_run(&o, &done, &why);
	if (err)
		trace_complain(" capture", &why);
	else
		fputs(buf_cstr(&done), strcmp(o.file, "-") == 0 ? stderr : stdout);
	xfree(folder);
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
	int (*run)(const struct trace_args *a);
	bool no_file;
} actions[] = {
	{"ladder", run_ladder, false}, /* also without a word */
	{"explain", run_explain, false},
	{"stats", run_stats, false},
	{"report", trace_report, false},
	{"follow", trace_follow, false},
	{"save", trace_save, false},
	{"strip", run_strip, false},
	{"share", trace_share, false},
	{"import", trace_import, false},
	{"capture", run_capture, true},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

static bool take_number(const char *text, unsigned max, unsigned *ret)
{
	uint64_t n = 0;

	if (!text || str_uint(str_z(text), max, &n) != 0)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* An option with a value; false: it is none of them, or the value is wrong. */
static bool take_value(struct trace_args *a, const char *word, const char *value)
{
	const struct {
		const char *name;
		const char **text;
		unsigned *number;
	} options[] = {
		{"-Y", &a->filter, NULL},
		{"--filter", &a->filter, NULL},
		{"-w", &a->into, NULL},
		{"-o", &a->into, NULL},
		{"--format", &a->format, NULL},
		{"--from", &a->from, NULL},
		{"--to", &a->to, NULL},
		{"-i", &a->capture.interface, NULL},
		{"--data", &a->data, NULL},
		{"--peer", &a->capture.peer, NULL},
		{"--seconds", NULL, &a->capture.seconds},
		{"--count", NULL, &a->capture.count},
		{"--connection", NULL, &a->stream},
	};
	unsigned port = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!value || strcmp(word, options[i].name) != 0)
			continue;
		if (options[i].number)
			return take_number(value, 1000000000, options[i].number);
		*options[i].text = value;
		return true;
	}
	if (strcmp(word, "--port") != 0 || a->capture.port_n == CAPTURE_PORTS_MAX || !take_number(value, 65535, &port))
		return false;
	a->capture.ports[a->capture.port_n++] = (uint16_t)port;
	return true;
}

/* Options without a value; false: it is none of them. */
static bool take_flag(struct trace_args *a, const char *word)
{
	static const char *const formats[] = {"--html", "--svg", "--csv", "--json", "--txt", "--pcap", "--pdml"};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"-a", &a->all},
		{"--with-secrets", &a->secrets},
		{"--plain", &a->plain},
		{"--live", &a->live},
		{"--child", &a->child},
		{"--dumpcap", &a->capture.dumpcap},
		{"--stanzas", &a->capture.stanzas},
		{"--crlf", &a->crlf},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(word, flags[i].name) == 0) {
			*flags[i].flag = true;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(word, formats[i]) == 0) {
			a->format = formats[i] + 2;
			return true;
		}
	return false;
}

static bool take_args(struct trace_args *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (take_flag(a, argv[i])) {
			continue;
		} else if ((argv[i][0] != '-' || !argv[i][1]) && !a->file) {
			a->file = argv[i];
		} else if (argv[i][0] == '-' && take_value(a, argv[i], argv[i + 1])) {
			i++;
		} else {
			fprintf(stderr, "wireside: trace: '%s' is not understood\nSee `wireside trace --help`.\n",
				argv[i]);
			return false;
		}
	}
	return true;
}

/* To write into the capture that is read would destroy it. */
static bool is_one_file(const struct trace_args *a)
{
	struct stat from, into;

	return a->file && a->into && stat(a->file, &from) == 0 && stat(a->into, &into) == 0 &&
		from.st_dev == into.st_dev && from.st_ino == into.st_ino;
}

int cmd_trace(int argc, char **argv)
{
	const struct action *action = argc > 1 ? find(argv[1]) : NULL;
	struct trace_args a = {0};
	int status;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	status = argc > 1 ? trace_wireshark(argc - 1, argv + 1) : -1;
	if (status >= 0)
		return status;
	if (action) {
		argc--;
		argv++;
	} else {
		action = &actions[0];
	}
	if (argc > WORDS_MAX || !take_args(&a, argc, argv))
		return 2;
	a.argc = argc;
	a.argv = argv;
	if (!a.file != action->no_file && !(a.live && action->run == run_ladder)) {
		fprintf(stderr, "wireside: trace: %s\nSee `wireside trace --help`.\n",
			a.file ? "the file to write is named with -w" : "which file?");
		return 2;
	}
	if (is_one_file(&a)) {
		fputs("wireside: trace: -w names the capture itself: give the new file another name\n", stderr);
		return 2;
	}
	return action->run(&a);
}
