/* What was lost, what that cost, and what of it this capture can know. */
#include <stdlib.h>

#include "base/mem.h"
#include "trace/explain_i.h"

enum { SEGMENTS_LISTED = 12 };

/* ---- what a loss costs ---- */

struct usual {
	double *v;
	uint32_t n, cap;
};

/* Of the message itself; not counted is what need not have been sent again. */
static unsigned times_again(const struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	uint32_t at[SEGMENTS_LISTED], n, all;
	unsigned needed = 0;
	struct place p;

	chat_place(x->d, f, e, &p);
	all = place_again(x->d, f, &p, at, SEGMENTS_LISTED);
	n = all < SEGMENTS_LISTED ? all : SEGMENTS_LISTED;
	for (uint32_t i = 0; i < n; i++)
		needed += x->d->frames[at[i]].again != AGAIN_NEEDLESS;
	return needed;
}

/* What came before it in the stream was sent again while the message waited for its receipt: that frame; 0. What comes later
 * cannot be given to the other program earlier. */
static uint32_t behind(const struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	uint32_t from = (uint32_t)(f - x->d->frames);

	for (uint32_t i = from + 1; i < x->d->n && x->d->frames[i].number < e->other; i++) {
		const struct dissected_frame *g = &x->d->frames[i];

		if (g->stream == f->stream && g->opener == f->opener && g->len &&
			(g->again == AGAIN_SENT || g->again == AGAIN_LATE) && (int32_t)(g->seq - f->seq - f->len) < 0)
			return g->number;
	}
	return 0;
}

static void take_usual(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg)
{
	struct usual *u = arg;

	if (!e->other || times_again(x, f, e) || behind(x, f, e))
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

static void put_wait(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg)
{
	struct waits *w = arg;
	unsigned own = e->other ? times_again(x, f, e) : 0;
	uint32_t other = e->other && !own ? behind(x, f, e) : 0;

	if ((!own && !other) || w->n++ >= EXPLAIN_LISTED)
		return;
	if (own)
		explain_say(x,
			"the message of frame %u was lost and sent again %u time%s: its receipt came after %.1f ms",
			f->number, own, own == 1 ? "" : "s", explain_ms(e->latency));
	else
		explain_say(x,
			"the message of frame %u waited for what frame %u sent again: its receipt came after %.1f ms",
			f->number, other, explain_ms(e->latency));
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

static void put_losses(struct explain *x, const struct losses *l, unsigned holes)
{
	if (l->n > EXPLAIN_LISTED)
		explain_say(x, "... and %u more", l->n - EXPLAIN_LISTED);
	if (l->sent)
		explain_say(x, "%u segment%s lost and sent again", l->sent, l->sent == 1 ? " was" : "s were");
	else if (holes)
		explain_say(x,
			"Of what is in this capture nothing had to be sent twice; of what is not, that is not known.");
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
