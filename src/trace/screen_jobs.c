/* What other programs do for the screen, beside it: the fields of one frame, a filter, a file, a window. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/carried.h"
#include "trace/open.h"
#include "trace/recorder.h"
#include "trace/screen_i.h"
#include "tui/filter.h"

enum {
	WHY_MAX = 8192,
	TWO_PASSES_MAX = 20000, /* frames: beyond, a frame is looked up in one pass up to it */
	AGAIN_MS = 1000,        /* a filter on a file that grows */
	TEXT_FILE_MAX = 512 << 20
};

static void say_why(struct screen *s, const char *what, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf line = {.max = WHY_MAX};

	buf_fmt(&line, "%s: %.*s", what, STR_FMT(buf_view(why)));
	screen_say(s, buf_view(&line));
}

static bool run_job(struct screen *s, struct job *j, const char *const *argv, tshark_line_fn *on_line, const char *what)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};

	if (tshark_start(argv, -1, on_line, s, &j->tshark, &why) == 0)
		return true;
	say_why(s, what, &why);
	return false;
}

static void stop(struct job *j)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};

	if (j->tshark)
		tshark_end(&j->tshark, &why);
	*j = (struct job){0};
}

/* ---- one frame ---- */

static bool on_look(void *arg, struct str line)
{
	struct screen *s = arg;

	s->looking.lines = true;
	s->dirty = true;
	return !tree_line(&s->looking.tree, &line) || page_line(&s->page, line);
}

/* What later frames tell of it only two passes know; in long files one pass up to the frame has to do. */
void screen_look(struct screen *s)
{
	const struct rung *r = rungs_chosen(&s->rungs);
	char which[64], count[24];
	const char *argv[] = {"tshark", "-o", dissect_order(s->rungs.d->as_it_came), "-r", s->o->file, "-Y", which,
		"-V", "-x", "-2", "-R", DISSECT_FIRST_PASS, NULL};

	if (!r)
		return;
	stop(&s->looking);
	page_clear(&s->page);
	s->skip = 0;
	snprintf(which, sizeof(which), "frame.number == %u", s->rungs.d->frames[r->frame].number);
	snprintf(count, sizeof(count), "%u", s->rungs.d->frames[r->frame].number);
	if (s->rungs.d->n > TWO_PASSES_MAX) {
		argv[9] = "-c";
		argv[10] = count;
		argv[11] = NULL;
	}
	buf_reset(&s->title);
	buf_fmt(&s->title, "frame %s of %s", count, s->o->file);
	run_job(s, &s->looking, argv, on_look, "frame");
}

static void end_look(struct screen *s)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};
	bool lines = s->looking.lines;

	/* A file that still grows may end in the middle of a frame: that is no error of this one. */
	if (tshark_end(&s->looking.tshark, &why) != 0 && !lines)
		say_why(s, "frame", &why);
	s->looking = (struct job){0};
}

/* ---- a filter ---- */

static void take_filter(struct screen *s)
{
	if (s->filtering.lines)
		return;
	s->filtering.lines = true;
	if (s->filtering.again)
		return;
	buf_reset(&s->filter);
	buf_str(&s->filter, buf_view(&s->trying));
	rungs_filter(&s->rungs);
}

/* The number of a frame that passes, in order. The old view is kept until the first one, or the end. */
static bool on_number(void *arg, struct str line)
{
	struct screen *s = arg;
	uint64_t number;

	if (str_uint(line, DISSECTED_FRAMES_MAX, &number) != 0)
		return true;
	take_filter(s);
	rungs_pass(&s->rungs, (uint32_t)number);
	rungs_decided(&s->rungs, (uint32_t)number);
	s->dirty = true;
	return true;
}

static void start_filter(struct screen *s, bool again)
{
	const char *argv[] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o", dissect_order(s->rungs.d->as_it_came),
		"-r", s->o->file, "-Y", buf_cstr(again ? &s->filter : &s->trying), "-T", "fields", "-e", "frame.number",
		NULL};

	stop(&s->filtering);
	s->filtering.again = again;
	/* What is read by now is in the file, too. Of a file that is whole everything is. */
	s->filtering.limit = s->o->follow && live_state(s->live) == LIVE_READING ? s->rungs.d->n : UINT32_MAX;
	s->filtered_at = clock_mono();
	run_job(s, &s->filtering, argv, on_number, "filter");
}

void screen_filter(struct screen *s, struct str filter)
{
	filter = str_trim(filter);
	buf_reset(&s->trying);
	buf_str(&s->trying, filter);
	if (filter.n) {
		start_filter(s, false);
		return;
	}
	stop(&s->filtering);
	buf_reset(&s->filter);
	rungs_unfilter(&s->rungs);
}

void screen_filter_anew(struct screen *s)
{
	bool trying = s->filtering.tshark && !s->filtering.again;
	CLEANUP(buf_clear) struct buf filter = {.max = ASKED_MAX + 1};

	buf_str(&filter, buf_view(trying ? &s->trying : &s->filter));
	if (filter.n)
		screen_filter(s, buf_view(&filter));
}

static void end_filter(struct screen *s)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};
	uint32_t limit = s->filtering.limit;
	int err = tshark_end(&s->filtering.tshark, &why);

	if (err && !s->filtering.lines) {
		if (!s->filtering.again)
			say_why(s, "filter", &why);
	} else {
		take_filter(s);
		rungs_decided(&s->rungs, limit);
	}
	s->filter_took = clock_mono() - s->filtered_at;
	s->filtering = (struct job){0};
}

/* New frames of a file that grows: asked about again, but most of the time is left to others. */
static void filter_again(struct screen *s)
{
	bool waits = s->filter.n && !s->filtering.tshark && s->rungs.seen < s->rungs.d->n &&
		s->rungs.d->frames[s->rungs.seen].number > s->rungs.decided;

	if (waits && clock_mono() - s->filtered_at > AGAIN_MS + 4 * s->filter_took)
		start_filter(s, true);
}

/* ---- files ---- */

static bool ignore_line(void *arg, struct str line) { return true; }

static void write_ladder(struct screen *s, const char *path)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_FILE_MAX};
	CLEANUP(buf_clear) struct buf line = {.max = WHY_MAX};
	int fd = trace_file(path), err;

	ladder_put(s->rungs.d, &(struct ladder_options){.all = s->rungs.all}, &text);
	err = fd < 0 || !buf_ok(&text) ? ERR_IO : trace_write(fd, buf_view(&text));
	if (fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	buf_fmt(&line, err ? "%s: not written: %s" : "%s is written", path, strerror(errno));
	screen_say(s, buf_view(&line));
}

/* By the end of the name; the commands of `wireside trace` do it, which know the filter, too. */
static const struct export_kind {
	const char *end, *action, *option;
} kinds[] = {
	{".txt", NULL, "--plain"}, /* the ladder */
	{".html", "report", NULL},
	{".svg", "report", NULL},
	{".csv", "report", NULL},
	{".json", "report", NULL},
	{".pdml", "report", NULL},
	{".pcapng", "save", NULL},
	{".pcap", "save", NULL},
	{".snoop", "save", NULL},
	{".gz", "save", NULL},
};

static const struct export_kind *kind_of(struct str path)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_ends(path, str_z(kinds[i].end)) && path.n > strlen(kinds[i].end))
			return &kinds[i];
	return NULL;
}

static void start_export(struct screen *s, const struct export_kind *kind, const char *path)
{
	const char *argv[12] = {"/proc/self/exe", "trace"};
	int n = 2;

	if (kind->action)
		argv[n++] = kind->action;
	argv[n++] = s->o->file;
	if (kind->option)
		argv[n++] = kind->option;
	if (s->rungs.all && !kind->action)
		argv[n++] = "-a";
	if (s->filter.n) {
		argv[n++] = "-Y";
		argv[n++] = buf_cstr(&s->filter);
	}
	argv[n++] = "-w";
	argv[n++] = path;
	stop(&s->exporting);
	run_job(s, &s->exporting, argv, ignore_line, "export");
	screen_say(s, STR("writing ..."));
}

void screen_export(struct screen *s, struct str path)
{
	const struct export_kind *kind = kind_of(path);
	char *name;

	buf_reset(&s->trying);
	buf_str(&s->trying, path);
	if (!kind) {
		screen_say(s,
			STR("the end of the name says what: .txt .html .svg .csv .json .pdml .pcapng .pcap .snoop .gz"));
		return;
	}
	name = str_dup(path);
	if (access(name, F_OK) == 0)
		screen_say(s, STR("a file of this name is there already: choose another one"));
	else if (!kind->action && !s->filter.n)
		write_ladder(s, name);
	else
		start_export(s, kind, name);
	xfree(name);
}

static void end_export(struct screen *s)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};
	struct carried c;

	if (tshark_end(&s->exporting.tshark, &why) != 0) {
		say_why(s, "export", &why);
		return;
	}
	capture_carried(buf_cstr(&s->trying), &c);
	buf_fmt(&why, "%.*s is written", STR_FMT(buf_view(&s->trying)));
	if (c.sessions)
		buf_fmt(&why, ", with the SECRETS of %u TLS session%s in it", c.sessions, c.sessions == 1 ? "" : "s");
	screen_say(s, buf_view(&why));
}

/* ---- Wireshark ---- */

/* Its own session, so that it stays when we end, and no word of it on this screen. */
static _Noreturn void become_wireshark(const char *file, const char *order, int tell)
{
	CLEANUP(buf_clear) struct buf why = {.max = WHY_MAX};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	open_wireshark(file, order, &why);
	trace_write(tell, buf_view(&why));
	_exit(1);
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

void screen_wireshark(struct screen *s)
{
	char text[WHY_MAX];
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) {
		screen_say(s, STR("Wireshark needs a graphical display, and there is none here"));
		return;
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		/* Twice: whoever is not our child leaves nothing to wait for. */
		if (fork() == 0)
			become_wireshark(s->o->file, s->rungs.d->as_it_came ? dissect_order(true) : NULL, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	/* Nothing, as soon as it has become Wireshark. */
	n = pid > 0 ? read(ends[0], text, sizeof(text)) : 0;
	close(ends[0]);
	screen_say(s, n > 0 ? (struct str){text, (size_t)n} : STR("Wireshark is starting"));
}

/* ---- all ---- */

void jobs_fds(const struct screen *s, struct pollfd fds[JOB_FDS])
{
	const struct job *all[] = {&s->filtering, &s->looking, &s->exporting};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		fds[2 * i] = fds[2 * i + 1] = (struct pollfd){.fd = -1};
		if (all[i]->tshark)
			tshark_fds(all[i]->tshark, fds + 2 * i);
	}
}

void jobs_step(struct screen *s)
{
	const struct {
		struct job *job;
		void (*end)(struct screen *s);
	} all[] = {{&s->filtering, end_filter}, {&s->looking, end_look}, {&s->exporting, end_export}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].job->tshark && !tshark_step(all[i].job->tshark)) {
			all[i].end(s);
			s->dirty = true;
		}
	filter_again(s);
}

void jobs_end(struct screen *s)
{
	stop(&s->filtering);
	stop(&s->looking);
	stop(&s->exporting);
}

bool jobs_cancel(struct screen *s)
{
	struct job *all[] = {&s->filtering, &s->looking, &s->exporting};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		any |= all[i]->tshark != NULL && !all[i]->again;
		stop(all[i]);
	}
	return any;
}
