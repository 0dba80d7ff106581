/* What frames have to do with each other: who acknowledges whom, who began, since when it is encrypted, which receipt is for
 * which message. Goes on where it stopped when more frames have come. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trace/track_i.h"

enum { ROW_TEXT_MAX = 16 << 20, LOOK_BACK = 10000 /* frames */ };

/* No timer sends a SYN again as fast as this (RFC 6298: a second). */
#define SYN_SOON 0.2

static void keep(struct indexes *all, uint32_t index)
{
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 16;
		all->v = xrealloc(all->v, all->cap * sizeof(*all->v));
	}
	all->v[all->n++] = index;
}

/* ---- acknowledgements ---- */

static void wait_for_ack(struct direction *dir, uint32_t index)
{
	if (dir->first == dir->waiting.n)
		dir->first = dir->waiting.n = 0;
	keep(&dir->waiting, index);
}

static void acknowledge(struct dissected *d, struct direction *dir, uint32_t by)
{
	while (dir->first < dir->waiting.n &&
		reaches(d->frames[by].ack, frame_end(&d->frames[dir->waiting.v[dir->first]])))
		d->frames[dir->waiting.v[dir->first++]].acked_by = by + 1;
}

/* ---- what was sent again ---- */

/* Had the trace these bytes? */
static bool is_known(const struct dissected *d, const struct direction *dir, const struct dissected_frame *f)
{
	uint32_t steps = 0;

	if (!f->len)
		return f->flags & TCP_SYN ? dir->syn : f->flags & TCP_FIN && dir->fin;
	for (uint32_t i = dir->last; i && steps < LOOK_BACK; i = d->frames[i - 1].before, steps++)
		if (reaches(f->seq, d->frames[i - 1].seq) &&
			!reaches(f->seq, d->frames[i - 1].seq + d->frames[i - 1].len))
			return true;
	return false;
}

uint32_t frame_first_sent(const struct dissected *d, const struct dissected_frame *f)
{
	uint32_t found = 0, steps = 0;

	for (uint32_t i = f->had ? f->before : 0; i && steps < LOOK_BACK; i = d->frames[i - 1].before, steps++)
		if (reaches(f->seq, d->frames[i - 1].seq) &&
			!reaches(f->seq, d->frames[i - 1].seq + d->frames[i - 1].len))
			found = i;
	return found;
}

/* Without data: a SYN, SYN,ACK or FIN that comes again although it had arrived. Of two SYN,ACKs that come together one only
 * answers the SYN that was sent again: the other end waited for one. */
static bool had_arrived(const struct dissected *d, const struct direction *dir, const struct direction *other,
	const struct dissected_frame *f)
{
	uint32_t first = f->flags & TCP_SYN ? dir->syn : dir->fin;
	const struct dissected_frame *last = dir->syn_last ? &d->frames[dir->syn_last - 1] : NULL;

	if (f->len || !first)
		return false;
	if (f->flags & TCP_SYN && !(f->flags & TCP_ACK))
		return other->syn && d->frames[other->syn - 1].flags & TCP_ACK;
	return d->frames[first - 1].acked_by ||
		(f->flags & TCP_SYN && dir->syn_last != first && f->time - last->time < SYN_SOON);
}

static void judge(struct dissected *d, struct direction *dir, const struct direction *other, struct dissected_frame *f,
	uint32_t i)
{
	if (field_has(f, F_NEEDLESS))
		f->again = AGAIN_NEEDLESS;
	else if (field_has(f, F_RETRANSMISSION) || field_has(f, F_OUT_OF_ORDER))
		f->again = AGAIN_SENT;
	f->had = f->again && is_known(d, dir, f);
	if (f->again == AGAIN_SENT && !f->had && field_has(f, F_OUT_OF_ORDER))
		f->again = AGAIN_LATE;
	if (f->again == AGAIN_SENT && had_arrived(d, dir, other, f))
		f->again = AGAIN_NEEDLESS;
	if (f->again && f->len)
		keep(&dir->again, i);
	/* What comes late may have been overtaken. */
	dir->lost_here |= f->len && frame_lost_here(f);
	dir->lost_behind |= f->len && f->had && f->again == AGAIN_SENT;
}

static void note_marks(struct direction *dir, const struct dissected_frame *f, uint32_t i)
{
	if (f->flags & TCP_SYN)
		dir->syn_last = i + 1;
	if (f->flags & TCP_SYN && !dir->syn)
		dir->syn = i + 1;
	if (f->flags & TCP_FIN && !dir->fin)
		dir->fin = i + 1;
}

/* RFC 2883: the other end got these bytes twice. The last one of them that was sent again need not have been. */
static void on_twice(struct dissected *d, struct direction *dir, const struct dissected_frame *by, uint32_t index)
{
	uint32_t from = field_uint(d, by, F_TWICE_FROM), to = field_uint(d, by, F_TWICE_TO);
	uint32_t steps = 0;

	for (uint32_t i = dir->again.n; i-- && steps < LOOK_BACK; steps++) {
		struct dissected_frame *f = &d->frames[dir->again.v[i]];

		if (f->again == AGAIN_LATE || f->needless_by || !reaches(f->seq, from) || !reaches(to, f->seq + f->len))
			continue;
		f->again = AGAIN_NEEDLESS;
		f->needless_by = index + 1;
		return;
	}
}

static void track_data(struct dissected *d, struct direction *dir, const struct direction *other,
	struct dissected_frame *f, uint32_t i)
{
	judge(d, dir, other, f, i);
	note_marks(dir, f, i);
	holes_sent(d, dir, f, i);
	if (!f->len || field_has(f, F_KEEPALIVE))
		return;
	f->before = dir->last;
	dir->last = i + 1;
}

/* ---- encryption ---- */

/* What of it came before the first record that could be recognised was encrypted as well. */
static void secure_all(struct dissected *d, struct stream *s)
{
	for (int way = 0; way < 2; way++)
		for (uint32_t i = s->dirs[way].last; i; i = d->frames[i - 1].before)
			d->frames[i - 1].encrypted = true;
}

static void track_tls(struct dissected *d, struct stream *s, struct dissected_frame *f)
{
	bool secured = s->facts.secured;

	s->facts.readable |= field_has(f, F_CHAT);
	s->facts.handshake |=
		values_have(field_of(d, f, F_TLS_TYPE), "1") || values_have(field_of(d, f, F_TLS_TYPE), "2");
	s->facts.secured |= field_has(f, F_ENCRYPTED) || values_have(field_of(d, f, F_TLS_CONTENT), "23");
	if (s->facts.secured && !secured && !s->facts.handshake && !s->facts.readable)
		secure_all(d, s);
	f->encrypted = f->len && s->facts.secured;
	s->facts.decrypted |= f->encrypted && field_has(f, F_CHAT);
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

/* Whatever else acknowledges nothing but the SYN comes later. */
static bool completes(const struct stream *s, const struct dissected_frame *f)
{
	return f->bare_ack && f->opener && f->seq == 1 && f->ack == 1 && s->facts.syn && !s->facts.third;
}

static void track_tcp(struct dissected *d, struct dissected_frame *f, uint32_t i)
{
	struct stream *s = stream_of(d->track, d, (uint32_t)f->stream);

	s->facts.syn |= !!(f->flags & TCP_SYN);
	s->facts.data |= f->len > 0;
	f->completes = completes(s, f);
	if (f->completes)
		s->facts.third = i + 1;
	if (f->flags & (TCP_FIN | TCP_RST) && !s->facts.closed_by)
		s->facts.closed_by = i + 1;
	track_data(d, &s->dirs[!f->opener], &s->dirs[f->opener], f, i);
	track_tls(d, s, f);
	records_add(d, f, i, s, &s->dirs[!f->opener]);
	if (field_has(f, F_TWICE_FROM))
		on_twice(d, &s->dirs[f->opener], f, i);
	if (f->flags & TCP_ACK) {
		acknowledge(d, &s->dirs[f->opener], i);
		holes_acknowledged(d, &s->dirs[f->opener], f, i);
	}
	if (frame_end(f) != f->seq && !field_has(f, F_KEEPALIVE))
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

static void note_end(struct dissected *d, const struct dissected_frame *f, uint32_t i)
{
	if (f->stream >= 0 && !d->track->streams[f->stream].facts.ended_by)
		d->track->streams[f->stream].facts.ended_by = i + 1;
}

static void note_exchange(struct track *t, struct str key, bool answer, uint32_t i)
{
	struct exchange *x = exchange_of(t, key);

	if (!answer && !x->message)
		x->message = i + 1;
	else if (answer && !x->receipt)
		x->receipt = i + 1;
}

static void track_chat(struct dissected *d, const struct dissected_frame *f, uint32_t i)
{
	CLEANUP(buf_clear) struct buf store = {.max = ROW_TEXT_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e)) {
		bool message = str_is(e.kind, "message");

		if (str_is(e.kind, "stream-end"))
			note_end(d, f, i);
		if (e.key.n && (message || str_is(e.kind, "receipt")))
			note_exchange(d->track, e.key, !message, i);
		if (e.room_key.n && e.room != ROOM_COPY)
			note_exchange(d->track, e.room_key, e.room == ROOM_BACK, i);
	}
}

/* To the precision with which tshark tells it. */
static double rounded(double seconds)
{
	char text[64];

	snprintf(text, sizeof(text), "%.6f", seconds < 0 ? -seconds : seconds);
	return strtod(text, NULL);
}

static void resolve_room(const struct dissected *d, const struct dissected_frame *f, struct chat_event *e)
{
	const struct exchange *x = e->room_key.n && d->track ? map_find(&d->track->exchanges, e->room_key) : NULL;
	uint32_t other = !x ? 0 : e->room == ROOM_SENT ? x->receipt : x->message;

	if (!other)
		return;
	e->room_other = d->frames[other - 1].number;
	e->room_after = rounded(d->frames[other - 1].time - f->time);
}

void chat_resolve(const struct dissected *d, const struct dissected_frame *f, struct chat_event *e)
{
	bool message = str_is(e->kind, "message");
	const struct exchange *x;
	uint32_t other;

	resolve_room(d, f, e);
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
	for (uint32_t i = 0; i < 2 * t->stream_cap; i++) {
		struct direction *dir = &t->streams[i / 2].dirs[i % 2];

		xfree(dir->waiting.v);
		xfree(dir->again.v);
		xfree(dir->records);
		xfree(dir->holes);
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
