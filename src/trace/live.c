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

enum {
	CHUNK = 65536,
	NOTE_MAX = 8192,
	TEXT_MAX = 1 << 30,
	READS_A_STEP = 4,
	LOOK_BACK = 2000 /* frames, for what is not acknowledged yet */
};

/* The file, read once by a tshark. */
struct reading {
	struct dissected model;
	struct tshark *tshark; /* NULL: it has ended */
	int err;               /* of how it ended */
	int file, feed;        /* feed: the pipe to tshark while a file is followed; -1: none */
	struct buf waiting;    /* read, and not yet taken by tshark */
};

struct live {
	struct reading *now;
	struct reading *anew; /* takes its place; NULL: there is none */
	enum live_state state;
	char *name, *filter; /* filter: NULL: none */
	bool follow, stopped;
	bool pipe;         /* its end is known when it comes, and it can be read once only */
	bool tried;        /* to read it anew */
	uint32_t looked;   /* frames in which nothing waits in vain */
	bool is_other;     /* for live_anew(): */
	uint32_t is_since; /* frame */
	struct buf note;
};

static bool on_line(void *arg, struct str line)
{
	struct reading *r = arg;

	return dissect_line(&r->model, line);
}

static int start(const struct live *l, struct reading *r, int in, struct buf *why)
{
	const char *argv[TSHARK_ARGS_MAX] = {"tshark", "-o", dissect_order(r->model.as_it_came), "-r", "-"};
	int at = 5;

	if (l->follow)
		argv[at++] = "-l";
	if (l->filter) {
		argv[at++] = "-Y";
		argv[at++] = l->filter;
	}
	dissect_command(argv, at);
	return tshark_start(argv, in, on_line, r, &r->tshark, why);
}

/* A file that is whole is read by tshark itself: the position in it is ours, too. */
static int start_feed(const struct live *l, struct reading *r, struct buf *why)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		buf_z(why, strerror(errno));
		return ERR_IO;
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	err = start(l, r, ends[0], why);
	close(ends[0]);
	if (err)
		close(ends[1]);
	else
		r->feed = ends[1];
	return err;
}

static void reading_free(struct reading **reading)
{
	CLEANUP(buf_clear) struct buf why = {.max = NOTE_MAX};
	struct reading *r = TAKE(*reading);

	if (!r)
		return;
	if (r->feed >= 0)
		close(r->feed);
	if (r->tshark)
		tshark_end(&r->tshark, &why);
	close(r->file);
	dissected_clear(&r->model);
	buf_clear(&r->waiting);
	xfree(r);
}

/* Takes the file, whatever happens. */
static int reading_new(const struct live *l, int file, bool as_it_came, struct reading **ret, struct buf *why)
{
	struct reading *r = xcalloc(1, sizeof(*r));
	int err;

	r->file = file;
	r->feed = -1;
	r->model.as_it_came = as_it_came;
	buf_init(&r->model.text, TEXT_MAX);
	buf_init(&r->waiting, CHUNK);
	err = l->follow ? start_feed(l, r, why) : start(l, r, file, why);
	if (err)
		reading_free(&r);
	else
		*ret = r;
	return err;
}

/* -1: errno tells. */
static int open_file(struct live *l, const char *file)
{
	int fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return -1;
	}
	l->pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (l->pipe)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int live_open(const char *file, const char *filter, bool follow, struct live **ret, struct buf *why)
{
	struct live *l = xcalloc(1, sizeof(*l));
	int fd = open_file(l, file), err;

	if (fd < 0) {
		buf_fmt(why, "%s: %s", file, strerror(errno));
		xfree(l);
		return ERR_IO;
	}
	l->name = xstrdup(file);
	l->filter = filter ? xstrdup(filter) : NULL;
	l->follow = follow;
	buf_init(&l->note, NOTE_MAX);
	err = reading_new(l, fd, false, &l->now, why);
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
	reading_free(&l->now);
	reading_free(&l->anew);
	buf_clear(&l->note);
	xfree(l->name);
	xfree(l->filter);
	xfree(l);
}

/* ---- feeding ---- */

static void end_feed(struct reading *r)
{
	close(r->feed);
	r->feed = -1;
}

/* False: nothing is there now. */
static bool fill(struct live *l, struct reading *r)
{
	char *room;
	ssize_t n;

	if (r->waiting.n)
		return true;
	room = buf_room(&r->waiting, CHUNK);
	n = room ? read(r->file, room, CHUNK) : -1;
	if (n > 0)
		r->waiting.n += (size_t)n;
	else if (n == 0 && l->pipe)
		l->stopped = true;
	return n > 0;
}

static void feed(struct live *l, struct reading *r)
{
	for (int i = 0; i < READS_A_STEP && r->feed >= 0; i++) {
		ssize_t n;

		if (!fill(l, r)) {
			if (l->stopped)
				end_feed(r);
			return;
		}
		n = write(r->feed, r->waiting.p, r->waiting.n);
		if (n > 0)
			buf_eat(&r->waiting, (size_t)n);
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			end_feed(r);
	}
}

/* ---- going on ---- */

static void reading_fds(const struct reading *r, struct pollfd fds[LIVE_FDS / 2])
{
	fds[0] = fds[1] = (struct pollfd){.fd = -1};
	if (r && r->tshark)
		tshark_fds(r->tshark, fds);
	/* Only when there is something to be taken: an empty pipe is always ready. */
	fds[2] = (struct pollfd){.fd = r && r->waiting.n ? r->feed : -1, .events = POLLOUT};
}

void live_fds(const struct live *l, struct pollfd fds[LIVE_FDS])
{
	reading_fds(l->now, fds);
	reading_fds(l->anew, fds + LIVE_FDS / 2);
}

/* What went wrong is told of the reading that stays. */
static void reading_end(struct reading *r, struct buf *note)
{
	CLEANUP(buf_clear) struct buf why = {.max = NOTE_MAX};

	if (r->feed >= 0)
		end_feed(r);
	r->err = tshark_end(&r->tshark, &why);
	if (r->err && note)
		buf_str(note, buf_view(&why));
}

static void reading_step(struct live *l, struct reading *r, struct buf *note)
{
	bool more;

	if (!r->tshark)
		return;
	feed(l, r);
	more = tshark_step(r->tshark);
	dissect_end(&r->model);
	if (!more)
		reading_end(r, note);
}

/* ---- once more ---- */

/* The same file again, from its beginning. -1: that is not to be had. */
static int open_again(const struct live *l)
{
	bool standard = strcmp(l->name, "-") == 0;
	int fd = l->pipe ? -1 : open(standard ? "/proc/self/fd/0" : l->name, O_RDONLY | O_CLOEXEC);
	struct stat was, is;

	if (fd < 0)
		return fd;
	if (fstat(l->now->file, &was) == 0 && fstat(fd, &is) == 0 && was.st_dev == is.st_dev && was.st_ino == is.st_ino)
		return fd;
	close(fd);
	return -1;
}

/* What the other end has acknowledged, or what the end of the file does not bring, does not come any more. */
static bool is_in_vain(struct live *l)
{
	const struct dissected *d = &l->now->model;
	bool growing = l->now->tshark != NULL;
	uint32_t from = growing && l->looked > LOOK_BACK ? l->looked - LOOK_BACK : 0;

	if (growing && l->looked == d->n)
		return false;
	l->looked = d->n;
	return dissected_waits(d, from, growing);
}

static void begin_anew(struct live *l)
{
	CLEANUP(buf_clear) struct buf why = {.max = NOTE_MAX};
	int fd;

	/* A filter leaves out segments: that they are missing proves nothing. */
	if (l->filter || l->tried || !is_in_vain(l))
		return;
	l->tried = true;
	fd = open_again(l);
	if (fd >= 0)
		reading_new(l, fd, true, &l->anew, &why);
}

/* The first frame that says something else. */
static uint32_t first_other(const struct dissected *was, const struct dissected *is)
{
	uint32_t n = was->n < is->n ? was->n : is->n, i = 0;

	while (i < n && was->frames[i].number == is->frames[i].number &&
		str_eq(field_of(was, &was->frames[i], F_CHAT), field_of(is, &is->frames[i], F_CHAT)))
		i++;
	return i;
}

static void take_anew(struct live *l)
{
	if (!l->anew)
		return;
	if (l->anew->model.n >= l->now->model.n && (l->anew->tshark || !l->now->tshark || l->anew->err == 0)) {
		l->is_since = first_other(&l->now->model, &l->anew->model);
		l->is_other = true;
		reading_free(&l->now);
		l->now = TAKE(l->anew);
	} else if (!l->anew->tshark) {
		reading_free(&l->anew);
	}
}

static void end(struct live *l)
{
	struct reading *r = l->now;

	capture_dropped(l->name, &r->model);
	l->state = r->err && !r->model.n ? LIVE_FAILED : LIVE_DONE;
}

bool live_step(struct live *l)
{
	uint32_t had = l->now->model.n;

	if (l->state != LIVE_READING)
		return false;
	reading_step(l, l->now, &l->note);
	if (l->anew)
		reading_step(l, l->anew, NULL);
	take_anew(l);
	begin_anew(l);
	if (!l->now->tshark && !l->anew)
		end(l);
	return l->now->model.n != had || l->is_other || l->state != LIVE_READING;
}

bool live_anew(struct live *l, uint32_t *ret_from)
{
	bool other = l->is_other;

	if (other)
		*ret_from = l->is_since;
	l->is_other = false;
	return other;
}

void live_stop(struct live *l) { l->stopped = true; }

const struct dissected *live_model(const struct live *l) { return &l->now->model; }
enum live_state live_state(const struct live *l) { return l->state; }
struct str live_note(const struct live *l) { return buf_view(&l->note); }

unsigned live_percent(const struct live *l)
{
	int file = l->now->tshark || !l->anew ? l->now->file : l->anew->file;
	off_t at = lseek(file, 0, SEEK_CUR);
	struct stat st;

	if (fstat(file, &st) != 0 || st.st_size <= 0 || at < 0 || at > st.st_size)
		return 100;
	return (unsigned)(at * 100 / st.st_size);
}
