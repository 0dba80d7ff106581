/* What frames have to do with each other: who acknowledges whom, who began, since when it is encrypted, which receipt is for
 * which message. Goes on where it stopped when more frames have come. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "trace/dissect.h"

enum { ROW_TEXT_MAX = 16 << 20 };

struct direction {
	uint32_t *waiting; /* indexes of frames with data */
	uint32_t first, n, cap;
};

struct stream {
	struct direction dirs[2];
	uint16_t opener; /* its port; 0: not seen yet */
	bool secured;
};

/* A message and its receipt, whichever of them is there: index + 1 of the first frame of each. */
struct exchange {
	struct exchange *next;
	struct str key;
	uint32_t message, receipt;
};

struct track {
	uint32_t done; /* frames */
	struct stream *streams;
	uint32_t stream_cap;
	struct map exchanges;
	struct exchange *all;
};

/* ---- acknowledgements ---- */

/* In 32 bits that may wrap. */
static bool reaches(uint32_t ack, uint32_t end) { return (int32_t)(ack - end) >= 0; }

static void wait_for_ack(struct direction *dir, uint32_t index)
{
	if (dir->first == dir->n)
		dir->first = dir->n = 0;
	if (dir->n == dir->cap) {
		dir->cap = dir->cap ? 2 * dir->cap : 16;
		dir->waiting = xrealloc(dir->waiting, dir->cap * sizeof(*dir->waiting));
	}
	dir->waiting[dir->n++] = index;
}

static uint32_t end_of(const struct dissected_frame *f)
{
	return f->seq + f->len + !!(f->flags & TCP_SYN) + !!(f->flags & TCP_FIN);
}

static void acknowledge(struct dissected *d, struct direction *dir, uint32_t by)
{
	while (dir->first < dir->n && reaches(d->frames[by].ack, end_of(&d->frames[dir->waiting[dir->first]])))
		d->frames[dir->waiting[dir->first++]].acked_by = by + 1;
}

static struct stream *stream_of(struct track *t, const struct dissected *d, uint32_t i)
{
	if (i >= t->stream_cap) {
		uint32_t had = t->stream_cap, cap = had ? had : 16;

		while (cap < d->stream_n)
			cap *= 2;
		t->streams = xrealloc(t->streams, cap * sizeof(*t->streams));
		memset(t->streams + had, 0, (cap - had) * sizeof(*t->streams));
		t->stream_cap = cap;
	}
	return &t->streams[i];
}

static void track_tcp(struct dissected *d, struct dissected_frame *f, uint32_t i)
{
	struct stream *s = stream_of(d->track, d, (uint32_t)f->stream);
	uint16_t port = (uint16_t)field_uint(d, f, F_PORT_FROM);

	/* The first packet of a connection is of whoever began it, unless it is an answer. */
	if (!s->opener)
		s->opener = (f->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)
			? (uint16_t)field_uint(d, f, F_PORT_TO)
			: port;
	s->secured |= field_has(f, F_ENCRYPTED);
	f->encrypted = f->len && s->secured;
	f->opener = port == s->opener;
	if (f->flags & TCP_ACK)
		acknowledge(d, &s->dirs[f->opener], i);
	if (end_of(f) != f->seq && !field_has(f, F_KEEPALIVE))
		wait_for_ack(&s->dirs[!f->opener], i);
}

/* ---- messages and receipts ---- */

static struct str key_of(const void *item) { return ((const struct exchange *)item)->key; }

static struct exchange *exchange_of(struct track *t, struct str key)
{
	struct exchange *x = map_find(&t->exchanges, key);

	if (x)
		return x;
	x = xcalloc(1, sizeof(*x));
	x->key = (struct str){str_dup(key), key.n};
	x->next = t->all;
	t->all = x;
	map_add(&t->exchanges, x);
	return x;
}

static void track_chat(struct dissected *d, const struct dissected_frame *f, uint32_t i)
{
	CLEANUP(buf_clear) struct buf store = {.max = ROW_TEXT_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e)) {
		bool message = str_is(e.kind, "message");
		struct exchange *x;

		if (!e.key.n || !(message || str_is(e.kind, "receipt")))
			continue;
		x = exchange_of(d->track, e.key);
		if (message && !x->message)
			x->message = i + 1;
		else if (!message && !x->receipt)
			x->receipt = i + 1;
	}
}

/* To the precision with which tshark tells it. */
static double rounded(double seconds)
{
	char text[64];

	snprintf(text, sizeof(text), "%.6f", seconds < 0 ? -seconds : seconds);
	return strtod(text, NULL);
}

void chat_resolve(const struct dissected *d, const struct dissected_frame *f, struct chat_event *e)
{
	bool message = str_is(e->kind, "message");
	const struct exchange *x;
	uint32_t other;

	if (e->other || !e->key.n || !d->track || !(message || str_is(e->kind, "receipt")))
		return;
	x = map_find(&d->track->exchanges, e->key);
	other = !x ? 0 : message ? x->receipt : x->message;
	if (!other)
		return;
	e->other = d->frames[other - 1].number;
	e->latency = rounded(d->frames[other - 1].time - f->time);
}

/* ---- all ---- */

void dissect_end(struct dissected *d)
{
	if (!d->track) {
		d->track = xcalloc(1, sizeof(*d->track));
		map_init(&d->track->exchanges, key_of, DISSECTED_FRAMES_MAX);
	}
	for (uint32_t i = d->track->done; i < d->n; i++) {
		struct dissected_frame *f = &d->frames[i];

		if (f->stream >= 0)
			track_tcp(d, f, i);
		if (field_has(f, F_CHAT))
			track_chat(d, f, i);
	}
	d->track->done = d->n;
}

void track_free(struct track **track)
{
	struct track *t = TAKE(*track);
	struct exchange *x;

	if (!t)
		return;
	for (uint32_t i = 0; i < t->stream_cap; i++) {
		xfree(t->streams[i].dirs[0].waiting);
		xfree(t->streams[i].dirs[1].waiting);
	}
	xfree(t->streams);
	while ((x = t->all)) {
		t->all = x->next;
		xfree((char *)(uintptr_t)x->key.p);
		xfree(x);
	}
	map_clear(&t->exchanges);
	xfree(t);
}
