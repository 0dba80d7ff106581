#include "trace/strip.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/pcapng.h"
#include "trace/recorder.h"

enum { CHUNK = 1 << 20 };

struct strip {
	int from, to;
	struct pcapng_reader reader;
	struct buf in;
	unsigned removed;
};

/* Blocks that are complete go over, or do not. */
static int pass(struct strip *s)
{
	struct str rest = buf_view(&s->in);
	struct pcapng_block b;
	int n, err = 0;

	while (!err && (n = pcapng_next(&s->reader, &rest, &b)) != 0) {
		if (n < 0)
			return n;
		if (b.kind == PCAPNG_SECRETS)
			s->removed++;
		else
			err = trace_write(s->to, b.raw);
	}
	buf_eat(&s->in, s->in.n - rest.n);
	return err;
}

static int copy(struct strip *s)
{
	ssize_t n;
	int err = 0;

	do {
		char *room = buf_room(&s->in, CHUNK);

		if (!room)
			return ERR_LIMIT;
		n = read(s->from, room, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		s->in.n += (size_t)n;
		err = pass(s);
	} while (!err && n != 0);
	return err ? err : s->in.n || !s->reader.started ? ERR_SYNTAX : 0;
}

int strip_file(const char *from, const char *to, unsigned *ret_removed, struct buf *why)
{
	struct strip s = {.from = open(from, O_RDONLY | O_CLOEXEC), .to = -1};
	int err = s.from < 0 ? ERR_IO : 0;

	if (!err) {
		s.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		err = s.to >= 0 ? 0 : errno == EEXIST ? ERR_EXISTS : ERR_IO;
	}
	if (err)
		buf_fmt(why, "%s: %s", s.from < 0 ? from : to, strerror(errno));
	buf_init(&s.in, (size_t)PCAPNG_BLOCK_MAX + 2 * CHUNK);
	pcapng_reader_init(&s.reader);
	if (!err) {
		err = copy(&s);
		if (err)
			buf_fmt(why, "%s: %s", from, err == ERR_SYNTAX ? "is no whole pcapng file" : err_name(err));
	}
	if (s.to >= 0 && close(s.to) != 0 && !err)
		err = ERR_IO;
	if (s.to >= 0 && err)
		unlink(to);
	if (s.from >= 0)
		close(s.from);
	if (s.in.p)
		mem_wipe(s.in.p, s.in.n);
	buf_clear(&s.in);
	*ret_removed = s.removed;
	return err;
}
