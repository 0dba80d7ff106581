/* `wireside trace ...`: what is in a capture file, as Wireshark's engine reads it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "cmd/trace_i.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/recorder.h"
#include "trace/screen.h"
#include "trace/stats.h"
#include "tui/filter.h"

enum { WORDS_MAX = 100 };

/* Other programs say what is wrong in several lines. */
void trace_complain(const char *action, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16384};
	struct str rest = buf_view(why);

	buf_fmt(&text, "wireside: trace%s:", action);
	while (rest.p && rest.n) {
		struct str line = str_trim(str_cut(&rest, '\n'));

		if (!line.n)
			continue;
		buf_z(&text, text.p[text.n - 1] == '\n' ? "  " : " ");
		filter_line(&text, line);
		buf_char(&text, '\n');
	}
	if (text.n && text.p[text.n - 1] != '\n')
		buf_char(&text, '\n');
	fputs(buf_cstr(&text), stderr);
}

/* ---- views ---- */

/* The file is one that only its owner can read: it may have what was encrypted. */
int trace_write_out(const struct trace_args *a, struct str text)
{
	int fd, err;

	if (a->into && trace_other_view(a, text))
		return 1;
	fd = a->into ? trace_file(a->into) : STDOUT_FILENO;
	err = fd < 0 ? ERR_IO : trace_write(fd, text);
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

static int run_stats(const struct trace_args *a) { return show(a, a->forms ? put_stats_json : put_stats); }

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
	o.pcap = a->into && strcmp(trace_form_of(a).format, "pcap") == 0;
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
	{"open", TRACE_OPEN, trace_open},
	{"install", TRACE_INSTALL, trace_install},
	{"uninstall", TRACE_UNINSTALL, trace_uninstall},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

static int bad_usage(const struct action *action, const char *why)
{
	fprintf(stderr, "wireside: trace: %s\nSee `wireside trace %s --help`.\n", why, action->name);
	return 2;
}

/* What Wireshark reads twice cannot come through a pipe. */
static bool is_pipe(const char *file)
{
	struct stat st;

	return strcmp(file, "-") == 0 ||
		(stat(file, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)));
}

/* What an action needs besides its own words. The exit status; 0: go on. */
static int check(const struct trace_args *a, const struct action *action, unsigned bit)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	int status = a->into && !(bit & (TRACE_CAPTURE | TRACE_LIVE)) ? trace_no_place(a, a->into) : 0;
	struct stat st;

	if (bit & (TRACE_INSTALL | TRACE_UNINSTALL | TRACE_CAPTURE | TRACE_LIVE) && a->file)
		return bad_usage(action,
			bit & (TRACE_CAPTURE | TRACE_LIVE) ? "the file to write is named with -w"
							   : "no file belongs here");
	if (bit & (TRACE_CAPTURE | TRACE_LIVE) && a->into)
		return trace_capture_kind(a);
	if (bit & (TRACE_INSTALL | TRACE_UNINSTALL | TRACE_CAPTURE | TRACE_LIVE | TRACE_OPEN))
		return 0;
	if (!a->file)
		return bad_usage(action, "which file?");
	if (bit & TRACE_FILES && !a->into)
		return bad_usage(action, "-w FILE says where to");
	/* What grows may have nothing in it yet. */
	if (status || bit & TRACE_IMPORT ||
		(bit & TRACE_WATCH && (stat(a->file, &st) != 0 || (S_ISREG(st.st_mode) && !st.st_size))))
		return status;
	if (!(bit & TRACE_WATCH) && is_pipe(a->file))
		buf_fmt(&why,
			"%s cannot be read twice: save the capture in a file first; `wireside trace --live %s` shows it while it comes",
			a->file, a->file);
	else if (trace_is_capture(a->file, &why))
		return 0;
	trace_complain("", &why);
	return 1;
}

/* - is standard output: of a view, which goes there anyway, and of packets, which get there when all of them are done. */
static int run_into(struct trace_args *a, const struct action *action, unsigned bit)
{
	char room[TRACE_PATH_MAX];
	int status;
	bool out = a->into && strcmp(a->into, "-") == 0;

	if (!(bit & TRACE_FILES)) {
		if (out && !(bit & (TRACE_CAPTURE | TRACE_LIVE)))
			a->into = NULL;
		return action->run(a);
	}
	if (out && bit & TRACE_SHARE)
		return bad_usage(action, "what is for others is looked at first: -w names a file");
	status = out ? trace_scratch(a, room) : 0;
	if (status)
		return status;
	status = action->run(a);
	trace_end(a);
	return status;
}

/* Where a command was meant: "trace stat lab.pcapng", "trace frobnicate". */
static bool is_no_command(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-' || access(argv[1], F_OK) == 0)
		return false;
	return argc > 2 ? argv[2][0] != '-' : !strpbrk(argv[1], "./");
}

int cmd_trace(int argc, char **argv)
{
	const struct action *action = argc > 1 ? find(argv[1]) : NULL;
	struct trace_args a = {0};
	unsigned bit;
	int status;

	if (wants_help(argc, argv)) {
		trace_help(action ? action->name : NULL);
		return 0;
	}
	if (!action && is_no_command(argc, argv)) {
		fprintf(stderr, "wireside: trace: '%s' is no command and no file\nSee `wireside trace --help`.\n",
			argv[1]);
		return 2;
	}
	a.argc = action ? argc - 1 : argc;
	a.argv = action ? argv + 1 : argv;
	action = action ? action : &actions[0];
	bit = action->bit;
	if (argc > WORDS_MAX || !trace_words(&a, &bit, action->name))
		return 2;
	status = check(&a, action, bit);
	return status ? status : run_into(&a, action, bit);
}
