/* Messages: which bytes, and who acknowledged them where; and how streams end. */
#include "base/mem.h"
#include "trace/explain_i.h"
#include "trace/vantage.h"

enum { STORE_MAX = 64 << 20, SEGMENTS_LISTED = 12 };

/* ---- which bytes ---- */

static void put_segment(const struct explain *x, uint32_t index, const struct place *p, struct buf *out)
{
	const struct dissected_frame *f = &x->d->frames[index];
	uint32_t first = (int32_t)(f->seq - p->first) > 0 ? f->seq : p->first, end = f->seq + f->len - 1;

	if ((int32_t)(end - p->last) > 0)
		end = p->last;
	buf_fmt(out, "frame %u (%u to %u)", f->number, first, end);
}

/* "frame 31 (274 to 1721), frame 32 ..." */
static void put_segments(struct explain *x, const struct dissected_frame *f, const struct place *p)
{
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	uint32_t at[SEGMENTS_LISTED], n = place_segments(x->d, f, p, at, SEGMENTS_LISTED);

	if (n < 2)
		return;
	for (uint32_t i = 0; i < n && i < SEGMENTS_LISTED; i++) {
		buf_z(&text, i ? ", " : "");
		put_segment(x, at[i], p, &text);
	}
	if (n > SEGMENTS_LISTED)
		buf_fmt(&text, " and %u more", n - SEGMENTS_LISTED);
	explain_say(x, "   in %u segments: %s", n, buf_cstr(&text));
}

static void put_records(struct explain *x, const struct chat_event *e, const struct place *p)
{
	uint32_t last = p->text_first + e->size - 1;

	if (p->records == 1)
		explain_say(x, "   these are one TLS record; in its text of %u bytes the message is bytes %u to %u",
			p->text_n, p->text_first, last);
	else if (p->records)
		explain_say(x,
			"   these are %u TLS records; in their text of %u bytes together the message is bytes %u to %u",
			p->records, p->text_n, p->text_first, last);
}

static void put_bytes(struct explain *x, const struct dissected_frame *f, const struct chat_event *e,
	const struct place *p)
{
	CLEANUP(buf_clear) struct buf flags = {.max = 100};
	uint32_t zero = field_uint(x->d, f, F_SEQ_RAW) - f->seq;

	tcp_flags_put(f->flags, &flags);
	explain_say(x, "   bytes %u to %u of the stream, %u in all (absolute %u to %u); flags %s", p->first, p->last,
		p->last - p->first + 1, zero + p->first, zero + p->last, buf_cstr(&flags));
	if (p->exact && f->encrypted)
		put_records(x, e, p);
	else if (!p->exact)
		explain_say(x, "   that is the segment it ends in; which bytes of it are the message cannot be told");
	put_segments(x, f, p);
}

/* ---- who acknowledged it ---- */

/* What is not there may have been in what is missing. */
static const char *but_holes(const struct explain *x)
{
	return x->stream >= 0 && holes_count(x->d, x->stream) ? ", from which bytes are missing" : "";
}

static void put_again(struct explain *x, const struct dissected_frame *f, const struct place *p)
{
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	uint32_t at[SEGMENTS_LISTED], n = place_again(x->d, f, p, at, SEGMENTS_LISTED);

	for (uint32_t i = 0; i < n && i < SEGMENTS_LISTED; i++)
		if (frame_lost_here(&x->d->frames[at[i]]))
			explain_say(x, "   frame %u is it sent again: the first time it was lost on its way here",
				x->d->frames[at[i]].number);
	sent_again_put(x->d, at, n, SEGMENTS_LISTED, " (needlessly: it had arrived)", &text);
	if (text.n)
		explain_say(x, "   %s", buf_cstr(&text));
}

/* In a room nobody gives receipts: the room itself says that it has it. */
static void put_returned(struct explain *x, const struct chat_event *e)
{
	if (e->room == ROOM_COPY)
		explain_say(x, "   this is the room's copy for %.*s", e->to.n ? (int)e->to.n : 8,
			e->to.n ? e->to.p : "somebody");
	else if (e->room == ROOM_BACK && e->room_other)
		explain_say(x, "   this is the room's acknowledgement of the message of frame %u, after %.3f ms",
			e->room_other, explain_ms(e->room_after));
	else if (e->room_other)
		explain_say(x,
			"   the room acknowledges it in frame %u, after %.3f ms: it sends it back to whoever said it",
			e->room_other, explain_ms(e->room_after));
	else
		explain_say(x, "   the room does not send it back in this trace");
}

/* Where the times from a message on were measured, if that matters: the way there and back is not in them at whoever got it. */
static void put_measured(struct explain *x, const struct dissected_frame *f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf name = {.max = 1000};
	struct vantage v = vantage_of(x->d, f->stream);

	if (f->stream < 0)
		return;
	if (vantage_is_receiver(&v, f)) {
		buf_fmt(out, ", as measured at %s, who got it", explain_name(x, f->to, &name));
		buf_fmt(out, "; to %s, who sent it, about %.1f ms more", explain_name(x, f->from, &name),
			explain_ms(v.answered + v.completed));
	} else if (v.place == VANTAGE_UNKNOWN) {
		buf_z(out, ", as measured where this was captured, and where that was is not known");
	} else if (v.place == VANTAGE_BETWEEN) {
		buf_z(out, ", as measured on the way; to whoever sent it, more");
	} else if (v.place == (f->opener ? VANTAGE_OTHER : VANTAGE_OPENER)) {
		buf_fmt(out, ", as measured on the side of %s, who got it", explain_name(x, f->to, &name));
		buf_fmt(out, "; to %s, who sent it, more", explain_name(x, f->from, &name));
	}
}

static void put_receipt(struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	CLEANUP(buf_clear) struct buf measured = {.max = 3000};

	if (e->room) {
		put_returned(x, e);
		return;
	}
	put_measured(x, f, &measured);
	if (e->other)
		explain_say(x,
			"   the other program acknowledges it in frame %u, after %.3f ms: a receipt (XEP-0184)%s",
			e->other, explain_ms(e->latency), buf_cstr(&measured));
	else
		explain_say(x, "   no receipt of the other program is in this trace%s", but_holes(x));
}

static void put_acknowledged(struct explain *x, const struct dissected_frame *f, const struct place *p)
{
	const struct dissected_frame *by = p->acked_by ? &x->d->frames[p->acked_by - 1] : NULL;
	CLEANUP(buf_clear) struct buf measured = {.max = 3000};

	put_again(x, f, p);
	put_measured(x, f, &measured);
	if (by)
		explain_say(x, "   TCP acknowledges it in frame %u, after %.3f ms: acknowledgement number %u%s",
			by->number, explain_ms(by->time - f->time), by->ack, buf_cstr(&measured));
	else
		explain_say(x, "   TCP does not acknowledge it in this trace%s", but_holes(x));
}

static void put_message(struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};
	CLEANUP(buf_clear) struct buf text = {.max = EXPLAIN_TEXT_MAX};
	struct place p;

	said_put(e->text, &text);
	/* An address of a server's, or of XEP-0174, in full: it need not be the only one of that name. */
	if (memchr(e->speaker.p, '@', e->speaker.n))
		buf_str(&store, e->speaker);
	else
		speaker_label(x->d, f, e, &store);
	if (e->room == ROOM_SENT)
		buf_fmt(&store, " to %.*s", STR_FMT(e->to));
	explain_say(x, "frame %u: %s: %s", f->number, buf_cstr(&store), buf_cstr(&text));
	if (f->stream >= 0) {
		chat_place(x->d, f, e, &p);
		put_bytes(x, f, e, &p);
		put_acknowledged(x, f, &p);
	}
	put_receipt(x, f, e);
}

void explain_each_message(struct explain *x,
	void (*on)(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg),
	void *arg)
{
	CLEANUP(buf_clear) struct buf store = {.max = STORE_MAX};

	EACH(f, x)
	{
		struct str rows = field_of(x->d, f, F_CHAT);
		struct chat_event e;

		while (chat_next(&rows, &store, &e)) {
			chat_resolve(x->d, f, &e);
			if (str_is(e.kind, "message"))
				on(x, f, &e, arg);
		}
	}
}

struct listed {
	unsigned n, hidden;
};

static void list_message(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg)
{
	struct listed *l = arg;

	l->hidden += !f->shown;
	if (f->shown && l->n++ < EXPLAIN_LISTED)
		put_message(x, f, e);
}

void explain_messages(struct explain *x)
{
	struct listed l = {0};

	explain_ask(x,
		x->stream == EXPLAIN_STANZAS ? "Which are the chat messages, and who has them?"
					     : "Which bytes are a chat message, and who acknowledges it where?");
	explain_each_message(x, list_message, &l);
	if (!l.n && l.hidden)
		explain_say(x, "Not among the frames that are shown: the filter hides %u message%s.", l.hidden,
			l.hidden == 1 ? "" : "s");
	else if (!l.n)
		explain_say(x, "No message can be read in this trace.");
	else if (l.n > EXPLAIN_LISTED)
		explain_say(x, "... and %u more", l.n - EXPLAIN_LISTED);
	explain_prove(x, "chat.kind == \"message\" || chat.kind == \"receipt\"");
}

/* ---- the end of streams ---- */

static void put_end(struct explain *x, const struct dissected_frame *f, unsigned *n)
{
	CLEANUP(buf_clear) struct buf store = {.max = STORE_MAX};
	CLEANUP(buf_clear) struct buf name = {.max = 1000};
	struct str rows = field_of(x->d, f, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e))
		if (str_is(e.kind, "stream-end"))
			explain_say(x, "frame %u: %s ends its stream (</stream:stream>)%s", f->number,
				explain_name(x, f->from, &name),
				(*n)++ ? ""
					: *but_holes(x)
					? ": the first of which this trace knows; bytes are missing from it"
					: ": the first to end the chat");
}

/* A FIN that comes again says nothing new. */
static void put_close(struct explain *x, const struct dissected_frame *f, bool fin[2], unsigned *n)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};

	if (!(f->flags & (TCP_FIN | TCP_RST)) || (!(f->flags & TCP_RST) && fin[f->opener]))
		return;
	fin[f->opener] |= f->flags & TCP_FIN;
	explain_say(x, "frame %u: %s %s%s", f->number, explain_name(x, f->from, &store),
		f->flags & TCP_RST ? "breaks it off (RST)" : "says that it sends no more (FIN)",
		(*n)++                  ? ""
			: *but_holes(x) ? ": the first of which this trace knows; bytes are missing from it"
					: ": the first to close the connection");
	if (f->flags & TCP_FIN && f->acked_by)
		explain_say(x, "   acknowledged in frame %u with %u: FIN counts as one byte",
			x->d->frames[f->acked_by - 1].number, x->d->frames[f->acked_by - 1].ack);
}

void explain_ends(struct explain *x)
{
	struct connection_facts about = connection_facts(x->d, x->stream);
	unsigned n = 0, closed = 0;
	bool fin[2] = {false, false};

	EACH(f, x)
	{
		put_end(x, f, &n);
		put_close(x, f, fin, &closed);
	}
	if (!n && about.secured && !about.readable)
		explain_say(x, "Who ended the stream of the chat cannot be read: it is encrypted.");
	else if (!n)
		explain_say(x, "Nobody ends the stream of the chat in this trace (</stream:stream>)%s.", but_holes(x));
	if (!closed)
		explain_say(x, "The connection stays open in this trace%s.", but_holes(x));
}
