/* The ladder that grows line by line. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/ladder.h"
#include "trace/live.h"
#include "trace/live_writer.h"
#include "trace/recorder.h"
#include "trace/screen.h"

enum { FOLLOW_MS = 100, STEP_BYTES_MAX = 64 << 20 };

struct lines {
	const struct screen_options *o;
	struct live *live;
	struct writer *writer;
	uint32_t done;     /* frames */
	struct buf header; /* as it was written last */
	struct folded open;
	bool stopped;
};

/* Names over the lanes, again whenever somebody new is there. */
static void put_header(struct lines *l, struct buf *out)
{
	CLEANUP(buf_clear) struct buf header = {.max = 1 << 20};

	ladder_put_header(live_model(l->live), &header);
	if (str_eq(buf_view(&header), buf_view(&l->header)))
		return;
	ladder_put_folded(live_model(l->live), &l->open, out);
	buf_str(out, buf_view(&header));
	buf_reset(&l->header);
	buf_str(&l->header, buf_view(&header));
}

/* Lines that are out cannot be taken back. */
static void put_again(struct lines *l, struct buf *out)
{
	const struct dissected *d = live_model(l->live);
	uint32_t from;

	if (!live_anew(l->live, &from) || from >= l->done)
		return;
	ladder_put_folded(d, &l->open, out);
	buf_fmt(out, LIVE_AGAIN ", again from frame %u on:\n", d->frames[from].number);
	l->done = from;
}

static bool put_new(struct lines *l)
{
	CLEANUP(buf_clear) struct buf out = {.max = STEP_BYTES_MAX};
	const struct dissected *d = live_model(l->live);
	struct ladder_options how = {.all = l->o->all};

	put_again(l, &out);
	put_header(l, &out);
	ladder_put_frames(d, &how, l->done, d->n, &l->open, &out);
	l->done = d->n;
	if (live_state(l->live) != LIVE_READING)
		ladder_put_end(d, &l->open, &out);
	return trace_write(STDOUT_FILENO, buf_view(&out)) == 0;
}

static void follow_writer(struct lines *l)
{
	struct str said;

	if (!l->writer)
		return;
	if (!writer_step(l->writer))
		live_stop(l->live);
	said = writer_said(l->writer);
	if (said.n) {
		trace_write(STDERR_FILENO, said);
		trace_write(STDERR_FILENO, STR("\n"));
	}
}

/* The first signal ends the capture, and what is there is still shown; the second ends us. */
static bool told_to_end(struct lines *l, int signals)
{
	struct signalfd_siginfo info;
	bool told = read(signals, &info, sizeof(info)) == sizeof(info), again = told && l->stopped;

	if (!told)
		return false;
	l->stopped = true;
	if (l->writer)
		writer_stop(l->writer);
	else
		live_stop(l->live);
	return again;
}

static void go_on(struct lines *l, int signals)
{
	while (live_state(l->live) == LIVE_READING) {
		struct pollfd fds[1 + LIVE_FDS + 2] = {{.fd = signals, .events = POLLIN}};
		unsigned n = 1 + LIVE_FDS;

		live_fds(l->live, fds + 1);
		if (l->writer) {
			writer_fds(l->writer, fds + n);
			n += 2;
		}
		poll(fds, n, FOLLOW_MS);
		follow_writer(l);
		if (told_to_end(l, signals) || (live_step(l->live) && !put_new(l)))
			return;
	}
}

static int end_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

int live_lines(const struct screen_options *o, struct buf *why)
{
	CLEANUP(buf_clear) struct buf told = {.max = 65536}; /* on the way already */
	struct lines l = {.o = o, .header = {.max = 1 << 20}};
	int signals = end_signals(), err = o->writer ? writer_start(o->writer, &l.writer, why) : 0;

	if (!err)
		err = live_open(o->file, o->filter, o->follow, &l.live, why);
	if (!err) {
		go_on(&l, signals);
		if (live_state(l.live) == LIVE_FAILED) {
			buf_str(why, live_note(l.live));
			err = ERR_INVALID;
		}
	}
	if (writer_end(&l.writer, &told) != 0 && !err)
		err = ERR_CLOSED;
	live_free(&l.live);
	buf_clear(&l.header);
	close(signals);
	return err;
}
