#include "trace/strip.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/pcapng.h"
#include "trace/recorder.h"

enum { CHUNK = 1 << 20, RANDOM_DIGITS = 64 };

struct strip {
	int from, to;
	struct pcapng_reader reader;
	struct buf in;
	const struct strip_rules *rules;
	bool begun; /* the first interface is there */
	bool cut;   /* the last block is not whole */
};

/* ---- secrets ---- */

/* "LABEL RANDOM SECRET": is it of a session that stays? */
static bool stays(const struct strip_rules *rules, struct str line)
{
	struct str rest = line, random, keep = rules->keep;

	str_cut(&rest, ' ');
	random = rest.p ? str_cut(&rest, ' ') : STR_NONE;
	while (random.n == RANDOM_DIGITS && keep.p && keep.n) {
		struct str one = str_cut(&keep, '\n');

		if (one.n == random.n && strncasecmp(one.p, random.p, one.n) == 0)
			return true;
	}
	return false;
}

static int pass_secrets(struct strip *s, const struct pcapng_block *b)
{
	CLEANUP(buf_clear) struct buf kept = {.max = PCAPNG_BLOCK_MAX};
	CLEANUP(buf_clear) struct buf block = {.max = (size_t)PCAPNG_BLOCK_MAX + CHUNK};
	struct str lines = b->secrets;
	int err = 0;

	if (s->rules->all)
		return trace_write(s->to, b->raw);
	while (lines.p && lines.n) {
		struct str line = str_cut(&lines, '\n');

		if (!stays(s->rules, line))
			continue;
		buf_str(&kept, line);
		buf_char(&kept, '\n');
	}
	if (s->rules->removed)
		*s->rules->removed += kept.n < b->secrets.n || !b->secrets.n;
	if (!kept.n)
		return 0;
	pcapng_put_secrets(&block, buf_view(&kept));
	err = trace_write(s->to, buf_view(&block));
	mem_wipe(kept.p, kept.n);
	mem_wipe(block.p, block.n);
	return err;
}

/* ---- blocks ---- */

static int pass_block(struct strip *s, const struct pcapng_block *b)
{
	int err = b->kind == PCAPNG_SECRETS ? pass_secrets(s, b) : trace_write(s->to, b->raw);

	if (err || s->begun || b->kind != PCAPNG_INTERFACE)
		return err;
	s->begun = true;
	return s->rules->more.n ? trace_write(s->to, s->rules->more) : 0;
}

/* Blocks that are complete go over, or do not. */
static int pass(struct strip *s)
{
	struct str rest = buf_view(&s->in);
	struct pcapng_block b;
	int n, err = 0;

	while (!err && (n = pcapng_next(&s->reader, &rest, &b)) != 0) {
		if (n < 0)
			return n;
		err = pass_block(s, &b);
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
	/* What was captured last may not be whole: it is left out. */
	s->cut = s->in.n > 0;
	return err ? err : !s->reader.started ? ERR_SYNTAX : 0;
}

int strip_copy(const char *from, const char *to, const struct strip_rules *rules, struct buf *why)
{
	struct strip s = {.from = open(from, O_RDONLY | O_CLOEXEC), .to = -1, .rules = rules};
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
		if (!err && s.cut && !why->n)
			buf_fmt(why, "%s is cut short in the middle of a block: here is what is whole", from);
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
	return err;
}

int strip_file(const char *from, const char *to, unsigned *ret_removed, struct buf *why)
{
	*ret_removed = 0;
	return strip_copy(from, to, &(struct strip_rules){.removed = ret_removed}, why);
}
