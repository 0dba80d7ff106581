/* What is missing of a connection: bytes that later packets go on behind, or acknowledge, and that no packet of this file has. */
#include "base/mem.h"
#include "trace/track_i.h"

enum { HOLES_MAX = 1000 /* of one direction */ };

static struct hole *add_hole(struct direction *dir, const struct hole *h)
{
	if (dir->hole_n == HOLES_MAX)
		return NULL;
	if (dir->hole_n == dir->hole_cap) {
		dir->hole_cap = dir->hole_cap ? 2 * dir->hole_cap : 8;
		dir->holes = xrealloc(dir->holes, dir->hole_cap * sizeof(*dir->holes));
	}
	dir->holes[dir->hole_n] = *h;
	return &dir->holes[dir->hole_n++];
}

static void close_hole(struct direction *dir, uint32_t i)
{
	dir->hole_n--;
	memmove(&dir->holes[i], &dir->holes[i + 1], (dir->hole_n - i) * sizeof(*dir->holes));
}

static void open_hole(struct dissected *d, struct direction *dir, uint32_t end, uint32_t index, bool by_ack)
{
	struct hole h = {.first = dir->end, .last = end - 1, .seen = index, .by_ack = by_ack};

	if (add_hole(dir, &h))
		d->frames[index].shows_hole = true;
}

/* Bytes first..end - 1 have come after all. */
static void fill(struct direction *dir, uint32_t first, uint32_t end)
{
	for (uint32_t i = dir->hole_n; i-- > 0;) {
		struct hole *h = &dir->holes[i], rest = *h;

		if (!reaches(h->last, first) || reaches(h->first, end))
			continue;
		if (reaches(h->first, first) && reaches(end, h->last + 1)) {
			close_hole(dir, i);
		} else if (reaches(h->first, first)) {
			h->first = end;
		} else {
			h->last = first - 1;
			rest.first = end;
			if (!reaches(end, rest.last + 1))
				add_hole(dir, &rest);
		}
	}
}

void holes_sent(struct dissected *d, struct direction *dir, const struct dissected_frame *f, uint32_t index)
{
	uint32_t end = frame_end(f);

	if (f->flags & TCP_RST || field_has(f, F_KEEPALIVE))
		return;
	/* A SYN that comes again, or late, is no new beginning. */
	if (!dir->counts)
		dir->end = f->seq;
	dir->counts = true;
	if (!reaches(dir->end, f->seq))
		open_hole(d, dir, f->seq, index, false);
	if (!reaches(f->seq, dir->end))
		fill(dir, f->seq, end);
	if (!reaches(dir->end, end))
		dir->end = end;
}

void holes_acknowledged(struct dissected *d, struct direction *dir, const struct dissected_frame *by, uint32_t index)
{
	if (by->flags & TCP_RST)
		return;
	if (dir->counts && !reaches(dir->end, by->ack))
		open_hole(d, dir, by->ack, index, true);
	if (!dir->counts || !reaches(dir->end, by->ack))
		dir->end = by->ack;
	dir->counts = true;
}

/* ---- for views ---- */

bool hole_next(const struct dissected *d, int32_t stream, uint32_t *at, struct hole *ret)
{
	const struct stream *s = stream_at(d, stream);

	for (uint32_t way = 0, i = *at; s && way < 2; i -= s->dirs[way++].hole_n)
		if (i < s->dirs[way].hole_n) {
			++*at;
			*ret = s->dirs[way].holes[i];
			ret->opener = !way;
			return true;
		}
	return false;
}

unsigned holes_count(const struct dissected *d, int32_t stream)
{
	uint32_t at = 0;
	struct hole h;
	unsigned n = 0;

	while (hole_next(d, stream, &at, &h))
		n++;
	return n;
}

bool hole_shown(const struct dissected *d, const struct dissected_frame *f, struct hole *ret)
{
	uint32_t at = 0;

	while (f->shows_hole && hole_next(d, f->stream, &at, ret))
		if (ret->seen == (uint32_t)(f - d->frames))
			return true;
	return false;
}

bool hole_before(const struct dissected *d, const struct dissected_frame *f, struct hole *ret)
{
	uint32_t at = 0;
	bool found = false;
	struct hole h;

	while (hole_next(d, f->stream, &at, &h))
		if (h.opener == f->opener && reaches(f->seq, h.last + 1)) {
			*ret = h;
			found = true;
		}
	return found;
}

bool hole_behind(const struct dissected *d, const struct dissected_frame *f)
{
	uint32_t at = 0;
	struct hole h;

	while (hole_next(d, f->stream, &at, &h))
		if (h.opener == f->opener && h.first == f->seq + f->len)
			return true;
	return false;
}
