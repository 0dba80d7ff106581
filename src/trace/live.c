#include "trace/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/tshark.h"

enum { CHUNK = 65536, NOTE_MAX = 8192, TEXT_MAX = 1 << 30, READS_A_STEP = 4 };

struct live {
	struct dissected model;
	struct tshark *tshark; /* NULL: it has ended */
	enum live_state state;
	char *name;
	int file, feed; /* feed: the pipe to tshark while a file is followed; -1: none */
	bool follow, stopped;
	bool pipe;          /* its end is known when it comes */
	struct buf waiting; /* read, and not yet taken by tshark */
	struct buf note;
};

static bool on_line(void *arg, struct str line)
{
	struct live *l = arg;

	return dissect_line(&l->model, line);
}

static int start(struct live *l, int in, const char *filter, struct buf *why)
{
	const char *argv[TSHARK_ARGS_MAX] = {"tshark", "-r", "-"};
	int at = 3;

	if (l->follow)
		argv[at++] = "-l";
	if (filter) {
		argv[at++] = "-Y";
		argv[at++] = filter;
	}
	dissect_command(argv, at);
	return tshark_start(argv, in, on_line, l, &l->tshark, why);
}

/* A file that is whole is read by tshark itself: the position in it is ours, too. */
static int start_feed(struct live *l, const char *filter, struct buf *why)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		buf_z(why, strerror(errno));
		return ERR_IO;
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	err = start(l, ends[0], filter, why);
	close(ends[0]);
	if (err)
		close(ends[1]);
	else
		l->feed = ends[1];
	return err;
}

static int open_file(struct live *l, const char *file)
{
	struct stat st;

	l->file = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(file, O_RDONLY | O_CLOEXEC);
	if (l->file < 0 || fstat(l->file, &st) != 0)
		return ERR_IO;
	l->pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (l->pipe)
		fcntl(l->file, F_SETFL, O_NONBLOCK);
	return 0;
}

int live_open(const char *file, const char *filter, bool follow, struct live **ret, struct buf *why)
{
	struct live *l = xcalloc(1, sizeof(*l));
	int err = open_file(l, file);

	if (err) {
		buf_fmt(why, "%s: %s", file, strerror(errno));
		if (l->file >= 0)
			close(l->file);
		xfree(l);
		return err;
	}
	l->name = xstrdup(file);
	l->feed = -1;
	l->follow = follow;
	buf_init(&l->model.text, TEXT_MAX);
	buf_init(&l->waiting, CHUNK);
	buf_init(&l->note, NOTE_MAX);
	err = follow ? start_feed(l, filter, why) : start(l, l->file, filter, why);
	if (err)
		live_free(&l);
	else
		*ret = l;
	return err;
}

void live_free(struct live **live)
{
	struct live *l = TAKE(*live);

	if (!l)
		return;
	if (l->feed >= 0)
		close(l->feed);
	if (l->tshark)
		tshark_end(&l->tshark, &l->note);
	close(l->file);
	dissected_clear(&l->model);
	buf_clear(&l->waiting);
	buf_clear(&l->note);
	xfree(l->name);
	xfree(l);
}

/* ---- feeding ---- */

static void end_feed(struct live *l)
{
	close(l->feed);
	l->feed = -1;
}

/* False: nothing is there now. */
static bool fill(struct live *l)
{
	char *room;
	ssize_t n;

	if (l->waiting.n)
		return true;
	room = buf_room(&l->waiting, CHUNK);
	n = room ? read(l->file, room, CHUNK) : -1;
	if (n > 0)
		l->waiting.n += (size_t)n;
	else if (n == 0 && l->pipe)
		l->stopped = true;
	return n > 0;
}

static void feed(struct live *l)
{
	for (int i = 0; i < READS_A_STEP && l->feed >= 0; i++) {
		ssize_t n;

		if (!fill(l)) {
			if (l->stopped)
				end_feed(l);
			return;
		}
		n = write(l->feed, l->waiting.p, l->waiting.n);
		if (n > 0)
			buf_eat(&l->waiting, (size_t)n);
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			end_feed(l);
	}
}

/* ---- going on ---- */

void live_fds(const struct live *l, struct pollfd fds[LIVE_FDS])
{
	fds[0] = fds[1] = (struct pollfd){.fd = -1};
	if (l->tshark)
		tshark_fds(l->tshark, fds);
	/* Only when there is something to be taken: an empty pipe is always ready. */
	fds[2] = (struct pollfd){.fd = l->waiting.n ? l->feed : -1, .events = POLLOUT};
}

static void end(struct live *l)
{
	CLEANUP(buf_clear) struct buf why = {.max = NOTE_MAX};
	int err;

	if (l->feed >= 0)
		end_feed(l);
	err = tshark_end(&l->tshark, &why);
	if (err)
		buf_str(&l->note, buf_view(&why));
	capture_dropped(l->name, &l->model);
	l->state = err && !l->model.n ? LIVE_FAILED : LIVE_DONE;
}

bool live_step(struct live *l)
{
	uint32_t had = l->model.n;
	bool more;

	if (!l->tshark)
		return false;
	feed(l);
	more = tshark_step(l->tshark);
	dissect_end(&l->model);
	if (!more)
		end(l);
	return l->model.n != had || !more;
}

void live_stop(struct live *l) { l->stopped = true; }

const struct dissected *live_model(const struct live *l) { return &l->model; }
enum live_state live_state(const struct live *l) { return l->state; }
struct str live_note(const struct live *l) { return buf_view(&l->note); }

unsigned live_percent(const struct live *l)
{
	struct stat st;
	off_t at = lseek(l->file, 0, SEEK_CUR);

	if (fstat(l->file, &st) != 0 || st.st_size <= 0 || at < 0 || at > st.st_size)
		return 100;
	return (unsigned)(at * 100 / st.st_size);
}
