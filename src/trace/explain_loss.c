/* What was lost, what that cost, and what of it this capture can know. */
#include <stdlib.h>

#include "base/mem.h"
#include "trace/explain_i.h"
#include "trace/track_i.h"
#include "trace/vantage.h"

enum { STORE_MAX = 64 << 20, SEGMENTS_LISTED = 12, LOOK_BACK = 10000 };

/* ---- what delayed a message, or its receipt ---- */

/* One of both. What need not have been sent again is not counted. */
struct delay {
	unsigned again;      /* how often it was sent again after the capture had it */
	uint32_t last_again; /* index + 1 of the last time; 0: never */
	bool unseen;         /* it is here only as it was sent again */
	uint32_t missed_by;  /* index + 1 of what showed that it was missing; 0: nothing */
	uint32_t
		waited_in; /* index + 1 of the frame that had its end, where that is not the one in which it could be read */
	uint32_t behind; /* index + 1 of what was sent again and comes before it; 0: nothing */
};

static bool is_needed(const struct dissected_frame *f) { return f->again == AGAIN_SENT || f->again == AGAIN_LATE; }

static void take_again(const struct explain *x, const struct dissected_frame *f, const struct place *p,
	struct delay *ret)
{
	uint32_t at[SEGMENTS_LISTED], all = place_again(x->d, f, p, at, SEGMENTS_LISTED);

	for (uint32_t i = 0; i < all && i < SEGMENTS_LISTED; i++) {
		const struct dissected_frame *g = &x->d->frames[at[i]];

		if (frame_lost_here(g)) {
			ret->unseen = true;
		} else if (g->again == AGAIN_SENT) {
			ret->again++;
			ret->last_again = at[i] + 1;
		}
	}
}

/* The first one that has later bytes of the same direction, though these were not there: since then they were missed. */
static uint32_t missed_by(const struct explain *x, const struct dissected_frame *f)
{
	uint32_t found = 0, steps = 0;

	for (uint32_t i = f->before; i && steps < LOOK_BACK; i = x->d->frames[i - 1].before, steps++) {
		const struct dissected_frame *g = &x->d->frames[i - 1];

		if ((int32_t)(g->seq - f->seq - f->len) < 0)
			break;
		found = i;
	}
	return found;
}

/* What came before it in the stream was sent again while it waited; what comes later cannot hold it up. until: index. */
static uint32_t behind(const struct explain *x, const struct dissected_frame *f, const struct place *p, uint32_t until)
{
	for (uint32_t i = (uint32_t)(f - x->d->frames) + 1; i < x->d->n && i < until; i++) {
		const struct dissected_frame *g = &x->d->frames[i];

		if (g->stream == f->stream && g->opener == f->opener && g->len && is_needed(g) &&
			(int32_t)(g->seq - p->last) < 0)
			return i + 1;
	}
	return 0;
}

/* until: index of the frame that shows that it has come. */
static struct delay delay_of(const struct explain *x, const struct dissected_frame *f, const struct chat_event *e,
	uint32_t until)
{
	struct delay ret = {0};
	uint32_t at[1];
	struct place p;

	if (f->stream < 0)
		return ret;
	chat_place(x->d, f, e, &p);
	take_again(x, f, &p, &ret);
	if (is_needed(f) && !f->had) {
		ret.missed_by = missed_by(x, f);
		/* Its own bytes may have come in time, and waited for these. */
		if (p.exact && !f->encrypted && (int32_t)(p.first - f->seq - f->len) >= 0 &&
			place_segments(x->d, f, &p, at, 1))
			ret.waited_in = at[0] + 1;
	}
	if (!ret.again && !ret.unseen && !ret.waited_in)
		ret.behind = behind(x, f, &p, until);
	return ret;
}

static bool is_delayed(const struct delay *w) { return w->again || w->unseen || w->behind || w->waited_in; }

/* ---- a message and its receipt ---- */

struct pair {
	struct delay message, receipt;
	const struct dissected_frame *answer; /* NULL: no receipt */
};

/* When the bytes of f were acknowledged: nothing holds them up after that. */
static uint32_t acknowledged(const struct explain *x, const struct dissected_frame *f)
{
	return f->acked_by ? f->acked_by : x->d->n;
}

static void take_receipt(const struct explain *x, struct str key, struct pair *ret)
{
	CLEANUP(buf_clear) struct buf store = {.max = STORE_MAX};
	struct str rows = field_of(x->d, ret->answer, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e))
		if (str_is(e.kind, "receipt") && str_eq(e.key, key)) {
			ret->receipt = delay_of(x, ret->answer, &e, acknowledged(x, ret->answer));
			return;
		}
}

static struct pair pair_of(const struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	uint32_t at = e->other ? frame_index(x->d, e->other, x->d->n - 1) : UINT32_MAX;
	struct pair ret = {.answer = NULL};

	if (at == UINT32_MAX || at < (uint32_t)(f - x->d->frames))
		return ret;
	ret.answer = &x->d->frames[at];
	ret.message = delay_of(x, f, e, at);
	take_receipt(x, e->key, &ret);
	return ret;
}

/* ---- what a loss costs ---- */

struct usual {
	double *v;
	uint32_t n, cap;
};

static void take_usual(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg)
{
	struct pair pair = pair_of(x, f, e);
	struct usual *u = arg;

	if (!pair.answer || is_delayed(&pair.message) || is_delayed(&pair.receipt))
		return;
	if (u->n == u->cap) {
		u->cap = u->cap ? 2 * u->cap : 64;
		u->v = xrealloc(u->v, u->cap * sizeof(*u->v));
	}
	u->v[u->n++] = e->latency;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct waits {
	struct usual usual;
	unsigned n;
};

static double between(const struct dissected_frame *from, const struct dissected_frame *to)
{
	return explain_ms(to->time - from->time);
}

/* It did not get as far as the capture when it was sent first: what is known of how long that had been. */
static void put_unseen(const struct explain *x, const struct dissected_frame *f, const struct delay *w, struct buf *out)
{
	if (w->missed_by)
		buf_fmt(out, "; they were missed from frame %u on, %.1f ms before",
			x->d->frames[w->missed_by - 1].number, between(&x->d->frames[w->missed_by - 1], f));
	else
		buf_z(out, "; how long before that was, this capture cannot know");
}

static void put_message_delay(struct explain *x, const struct dissected_frame *f, const struct chat_event *e,
	const struct delay *w)
{
	CLEANUP(buf_clear) struct buf text = {.max = 1000};

	if (w->unseen)
		put_unseen(x, f, w, &text);
	if (w->again)
		explain_say(x,
			"the message of frame %u was lost and sent again %u time%s: its receipt came after %.1f ms",
			f->number, w->again, w->again == 1 ? "" : "s", explain_ms(e->latency));
	else if (w->unseen)
		explain_say(x,
			"the message of frame %u was lost on its way here, and this is it sent again%s; its receipt came %.1f ms "
			"after this",
			f->number, buf_cstr(&text), explain_ms(e->latency));
	else if (w->waited_in)
		explain_say(x,
			"the message of frame %u was here in frame %u, and waited %.1f ms for what was lost before it; its receipt "
			"came %.1f ms after that",
			f->number, x->d->frames[w->waited_in - 1].number, between(&x->d->frames[w->waited_in - 1], f),
			explain_ms(e->latency));
	else
		explain_say(x,
			"the message of frame %u waited for what frame %u sent again: its receipt came after %.1f ms",
			f->number, x->d->frames[w->behind - 1].number, explain_ms(e->latency));
}

/* A receipt that was here in time may have come to whoever waits for it much later. */
static void put_receipt_delay(struct explain *x, const struct dissected_frame *f, const struct pair *pair)
{
	const struct delay *w = &pair->receipt;
	const struct dissected_frame *late = w->again ? &x->d->frames[w->last_again - 1]
		: w->behind                           ? &x->d->frames[w->behind - 1]
						      : NULL;
	CLEANUP(buf_clear) struct buf text = {.max = 1000};

	if (w->unseen)
		put_unseen(x, pair->answer, w, &text);
	if (late && w->again)
		explain_say(x,
			"the receipt of the message of frame %u, in frame %u, was lost and sent again %u time%s, the last time in "
			"frame %u: it came %.1f ms after the message at the soonest",
			f->number, pair->answer->number, w->again, w->again == 1 ? "" : "s", late->number,
			between(f, late));
	else if (late)
		explain_say(x,
			"the receipt of the message of frame %u, in frame %u, waited for what frame %u sent again: it came %.1f ms "
			"after the message at the soonest",
			f->number, pair->answer->number, late->number, between(f, late));
	else if (w->unseen)
		explain_say(x,
			"the receipt of the message of frame %u, in frame %u, was lost on its way here, and this is it sent "
			"again%s",
			f->number, pair->answer->number, buf_cstr(&text));
	else
		explain_say(x,
			"the receipt of the message of frame %u, in frame %u, was here in frame %u, and waited %.1f ms for what was "
			"lost before it",
			f->number, pair->answer->number, x->d->frames[w->waited_in - 1].number,
			between(&x->d->frames[w->waited_in - 1], pair->answer));
}

static void put_wait(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg)
{
	struct pair pair = pair_of(x, f, e);
	struct waits *w = arg;

	if ((!is_delayed(&pair.message) && !is_delayed(&pair.receipt)) || w->n++ >= EXPLAIN_LISTED)
		return;
	if (is_delayed(&pair.message))
		put_message_delay(x, f, e, &pair.message);
	if (is_delayed(&pair.receipt))
		put_receipt_delay(x, f, &pair);
}

static void put_waits(struct explain *x)
{
	struct waits w = {0};

	explain_each_message(x, take_usual, &w.usual);
	explain_each_message(x, put_wait, &w);
	if (w.usual.n)
		qsort(w.usual.v, w.usual.n, sizeof(*w.usual.v), by_value);
	if (w.n && w.usual.n)
		explain_say(x, "   without a loss: half of %u receipt%s on this connection within %.1f ms", w.usual.n,
			w.usual.n == 1 ? "" : "s", explain_ms(w.usual.v[w.usual.n / 2]));
	xfree(w.usual.v);
}

/* ---- what was lost ---- */

static void put_mark(struct explain *x, const struct dissected_frame *f)
{
	bool needless = f->again == AGAIN_NEEDLESS;

	explain_say(x, "frame %u: the %s %s%s%s", f->number, tcp_mark_name(f),
		f->again == AGAIN_LATE ? "comes after later segments" : "again", needless ? "; needlessly: " : "",
		needless ? tcp_mark_needless(f) : "");
}

static void put_loss(struct explain *x, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf text = {.max = 1000};

	if (!f->len)
		put_mark(x, f);
	else if (f->again == AGAIN_LATE)
		explain_say(x,
			"frame %u: bytes %u to %u come after later ones (out of order, or lost before they were captured)",
			f->number, f->seq, f->seq + f->len - 1);
	else {
		if (f->needless_by)
			buf_fmt(&text, "; needlessly: frame %u says that they came twice (D-SACK)",
				x->d->frames[f->needless_by - 1].number);
		else if (f->again == AGAIN_NEEDLESS)
			buf_z(&text, "; needlessly: they were acknowledged already");
		else if (!f->had) {
			buf_z(&text, "; the first time they were lost on their way here");
			put_unseen(x, f, &(struct delay){.missed_by = missed_by(x, f)}, &text);
		}
		first_sent_put(x->d, f, &text);
		explain_say(x, "frame %u: bytes %u to %u again%s", f->number, f->seq, f->seq + f->len - 1,
			buf_cstr(&text));
	}
}

struct losses {
	unsigned n, sent, needless, late;
};

/* What is not in the file: whoever reads the answers has to know. */
static unsigned put_holes(struct explain *x)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};
	uint32_t at = 0;
	struct hole h;
	unsigned n = 0;

	while (hole_next(x->d, x->stream, &at, &h)) {
		const struct dissected_frame *f = &x->d->frames[h.seen];

		if (n++ >= EXPLAIN_LISTED)
			continue;
		explain_say(x, "bytes %u to %u of %s are not in this capture: frame %u %s", h.first, h.last,
			explain_name(x, h.by_ack ? f->to : f->from, &store), f->number,
			h.by_ack ? "acknowledges them" : "goes on behind them");
	}
	if (n > EXPLAIN_LISTED)
		explain_say(x, "... and in %u more places", n - EXPLAIN_LISTED);
	if (n)
		explain_say(x,
			"So what was said, sent again, acknowledged or ended in these bytes is not known; the program that "
			"captured lost them, or they went another way.");
	return n;
}

/* There half of what is lost is lost before it can be captured. */
static bool measured_at_end(const struct explain *x)
{
	struct vantage v = vantage_of(x->d, x->stream);

	return v.place == VANTAGE_OPENER || v.place == VANTAGE_OTHER;
}

static void put_losses(struct explain *x, const struct losses *l, unsigned holes)
{
	if (l->n > EXPLAIN_LISTED)
		explain_say(x, "... and %u more", l->n - EXPLAIN_LISTED);
	if (l->sent)
		explain_say(x, "%u segment%s lost and sent again", l->sent, l->sent == 1 ? " was" : "s were");
	else if (holes)
		explain_say(x,
			"Of what is in this capture nothing had to be sent twice; of what is not, that is not known.");
	else if (measured_at_end(x))
		explain_say(x,
			"Not as far as can be seen here: %s. What was lost on its way to where this was captured, and sent again "
			"before anything else came, left no mark.",
			l->needless ? "nothing was lost" : "no segment came twice");
	else
		explain_say(x, "No: %s.", l->needless ? "nothing was lost" : "no segment had to be sent twice");
	if (l->needless)
		explain_say(x, "%u segment%s sent again needlessly: the other end had %s already", l->needless,
			l->needless == 1 ? " was" : "s were", l->needless == 1 ? "it" : "them");
	if (l->late)
		explain_say(x, "%u segment%s out of order", l->late, l->late == 1 ? " came" : "s came");
}

void explain_losses(struct explain *x)
{
	struct losses l = {0};
	unsigned holes;

	explain_ask(x, "Was anything lost on the way, and what did it cost?");
	holes = put_holes(x);
	EACH(f, x)
	{
		if (!f->again)
			continue;
		l.sent += f->again == AGAIN_SENT;
		l.needless += f->again == AGAIN_NEEDLESS;
		l.late += f->again == AGAIN_LATE;
		if (l.n++ < EXPLAIN_LISTED)
			put_loss(x, f);
	}
	put_losses(x, &l, holes);
	put_waits(x);
	explain_prove(x,
		holes ? "tcp.analysis.retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order || "
			"tcp.options.sack.dsack || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment"
		      : "tcp.analysis.retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order || "
			"tcp.options.sack.dsack");
}
