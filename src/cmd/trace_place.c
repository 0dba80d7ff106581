/* Where new files of `wireside trace` go: what is there may be the only copy of something. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/explain.h"
#include "trace/export.h"
#include "trace/ladder.h"
#include "trace/recorder.h"
#include "trace/report.h"
#include "trace/stats.h"

enum { HEAD_MAX = 8192, CHUNK = 65536 };

/* ---- files that views have written ---- */

/* How each form begins, and what comes soon after. */
static const struct {
	const char *begins, *has; /* NULL: either */
} views[] = {
	{REPORT_BEGINS, REPORT_POLICY},
	{REPORT_SVG_BEGINS, REPORT_SVG_STYLE},
	{EXPORT_CSV_BEGINS, NULL},
	{EXPORT_JSON_BEGINS, EXPORT_JSON_HAS},
	{STATS_JSON_BEGINS, STATS_JSON_HAS},
	{"<?xml ", "pdml2html.xsl"}, /* as tshark writes it */
	{STATS_FRAMES "  ", STATS_DROPPED "  "},
	{"\n1. " EXPLAIN_FIRST "\n", NULL},
	{NULL, "s. " LADDER_LEGEND},
	{NULL, "s. " LADDER_STANZAS},
};

/* Which one; -1: none. */
static int view_of(struct str text)
{
	char head[HEAD_MAX + 1] = "";

	memcpy(head, text.p ? text.p : "", text.n < HEAD_MAX ? text.n : HEAD_MAX);
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if ((!views[i].begins || str_starts(str_z(head), str_z(views[i].begins))) &&
			(!views[i].has || strstr(head, views[i].has)))
			return (int)i;
	return -1;
}

static int view_in(const char *path)
{
	char head[HEAD_MAX];
	size_t n = trace_head(path, head, sizeof(head));

	return n ? view_of((struct str){head, n}) : -1;
}

/* ---- what is there ---- */

/* To write into the capture that is read would destroy it. */
static bool is_one_file(const char *from, const struct stat *into)
{
	struct stat st;

	return from && stat(from, &st) == 0 && st.st_dev == into->st_dev && st.st_ino == into->st_ino;
}

static int refuse(const char *action, const char *into, const char *what, int status)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};

	buf_fmt(&why, "%s %s", into, what);
	trace_complain(action, &why);
	return status;
}

int trace_no_place(const struct trace_args *a, const char *into)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct stat st;

	if (strcmp(into, "-") == 0 || stat(into, &st) != 0)
		return 0;
	if (is_one_file(a->file, &st))
		return refuse("", into, "is the capture itself: give the new file another name", 2);
	if (!S_ISREG(st.st_mode))
		return refuse("", into, "is no file that could be replaced (- is standard output)", 1);
	if (a->force || !st.st_size || view_in(into) >= 0)
		return 0;
	return refuse("", into,
		trace_is_capture(into, &why)
			? "is there already, and a capture, as far as can be told; --force replaces it"
			: "is there already, and nothing that `wireside trace` has written: another name, or --force",
		1);
}

int trace_other_view(const struct trace_args *a, struct str text)
{
	struct stat st;

	if (a->force || stat(a->into, &st) != 0 || !st.st_size || view_in(a->into) == view_of(text))
		return 0;
	return refuse("", a->into, "is there already, and another view of a capture: another name, or --force", 1);
}

/* ---- captures ---- */

/* How names end of what is no file of packets, and is not to be mistaken for one either. */
static const char *const other_ends[] = {".txt", ".text", ".log", ".csv", ".json", ".html", ".htm", ".svg", ".pdml",
	".xml"};

static int check_kind(const struct trace_args *a, const char *action)
{
	struct str name = str_z(a->into);

	for (size_t i = 0; !a->format && i < ARRAY_LEN(other_ends); i++)
		if (trace_ends_as(name, other_ends[i]))
			return refuse(action, a->into,
				"is no name of a file of packets: these end in .pcapng, .pcap, .cap or .snoop, each also with "
				".gz (`save --format` has more); `wireside trace report` writes txt, csv, json, html, svg and pdml",
				2);
	return 0;
}

int trace_capture_kind(const struct trace_args *a)
{
	struct trace_form form = trace_form_of(a);
	int status = check_kind(a, " capture");
	bool pcap = strcmp(form.format, "pcap") == 0;

	if (status)
		return status;
	if (form.packed || (!pcap && strcmp(form.format, "pcapng") != 0))
		return refuse(" capture", a->into,
			"cannot be written while packets come: capture into .pcapng or .pcap, then `wireside trace save` makes it",
			2);
	if (pcap && a->secrets)
		return refuse(" capture", a->into, "would have no place for secrets: pcap has none, .pcapng has", 2);
	return 0;
}

int trace_is_there(const struct trace_args *a, const char *action)
{
	int status = check_kind(a, action);

	if (status || a->force || a->scratch || access(a->into, F_OK) != 0)
		return status;
	return refuse(action, a->into, "is there already; --force replaces it", 1);
}

void trace_part(const struct trace_args *a, const char *what, char ret[TRACE_PATH_MAX])
{
	snprintf(ret, TRACE_PATH_MAX, "%s%s.%d.%s", a->scratch ? a->scratch : "", a->scratch ? "/new" : a->into,
		(int)getpid(), what);
}

const char *trace_into_name(const struct trace_args *a) { return a->scratch ? "standard output" : a->into; }
FILE *trace_said(const struct trace_args *a) { return a->scratch ? stderr : stdout; }

/* ---- files that must not stay ---- */

/* What would end this, but for what whoever started it had ignored: that stays ignored. */
static sigset_t endings(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct sigaction now;
	sigset_t ret;

	sigemptyset(&ret);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&ret, all[i]);
	return ret;
}

/* Signals of a terminal end tshark, which has them unblocked. */
int trace_begin(const struct trace_args *a, struct buf *why)
{
	sigset_t held = endings();

	sigprocmask(SIG_BLOCK, &held, NULL);
	if (!a->scratch || mkdtemp(a->scratch))
		return 0;
	buf_fmt(why, "%s: %s", a->scratch, strerror(errno));
	return ERR_IO;
}

void trace_end(const struct trace_args *a)
{
	sigset_t held = endings();

	if (a->scratch)
		rmdir(a->scratch);
	sigprocmask(SIG_UNBLOCK, &held, NULL);
}

static bool is_ended(void)
{
	sigset_t held = endings(), came;

	sigpending(&came);
	sigandset(&came, &came, &held);
	return !sigisemptyset(&came);
}

/* ---- standard output ---- */

int trace_scratch(struct trace_args *a, char room[TRACE_PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (isatty(STDOUT_FILENO)) {
		fputs("wireside: trace: " CAPTURE_NO_TERMINAL "\n", stderr);
		return 1;
	}
	snprintf(room, TRACE_PATH_MAX, "%s/wireside-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	a->scratch = room;
	return 0;
}

static int pour(const struct trace_args *a, const char *part, struct buf *why)
{
	int fd = open(part, O_RDONLY | O_CLOEXEC), err = fd < 0 ? ERR_IO : 0;
	char chunk[CHUNK];
	ssize_t n = 0;

	/* Whoever reads it may end before it does, and end this with it: from here on there is nothing to be left. */
	unlink(part);
	trace_end(a);
	while (!err && (n = read(fd, chunk, sizeof(chunk))) > 0)
		err = trace_write(STDOUT_FILENO, (struct str){chunk, (size_t)n});
	if (err || n < 0) {
		buf_fmt(why, "standard output: %s", strerror(errno));
		err = ERR_IO;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

int trace_publish(const struct trace_args *a, const char *part, struct buf *why)
{
	int failed;

	/* tshark may have been ended, too, and this not be all of it. */
	if (is_ended()) {
		unlink(part);
		buf_z(why, "interrupted");
		return ERR_CLOSED;
	}
	if (a->scratch)
		return pour(a, part, why);
	failed = renameat2(AT_FDCWD, part, AT_FDCWD, a->into, a->force ? 0 : RENAME_NOREPLACE);
	/* Some file systems cannot do it in one step. */
	if (failed && errno == EINVAL && access(a->into, F_OK) != 0)
		failed = rename(part, a->into);
	if (!failed)
		return 0;
	buf_fmt(why, "%s: %s", a->into, strerror(errno));
	unlink(part);
	return ERR_IO;
}
