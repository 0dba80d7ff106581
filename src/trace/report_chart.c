/* Charts of a capture, as SVG: sequence numbers, acknowledgements by TCP and receipts, over time. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "trace/ladder.h"
#include "trace/report_i.h"

enum {
	WIDE = 920,
	HIGH = 250,
	LEFT = 74,
	RIGHT = 16,
	ABOVE = 14,
	BELOW = 34,
	POINTS_MAX = 6000,
	SEGMENTS_LOOKED = 64, /* of one message, sent again */
	CONNECTIONS_MAX = 4,
	TICKS = 6
};

struct chart {
	struct buf *out;
	double x0, x1, y0, y1; /* what the axes show */
	bool log;              /* y */
};

/* ---- axes ---- */

static double x_of(const struct chart *c, double x)
{
	return LEFT + (WIDE - LEFT - RIGHT) * (c->x1 > c->x0 ? (x - c->x0) / (c->x1 - c->x0) : 0.5);
}

static double y_of(const struct chart *c, double y)
{
	double low = c->log ? log10(c->y0) : c->y0, high = c->log ? log10(c->y1) : c->y1;

	y = c->log ? log10(y > c->y0 ? y : c->y0) : y;
	return HIGH - BELOW - (HIGH - ABOVE - BELOW) * (high > low ? (y - low) / (high - low) : 0.5);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them fit. */
static double step_of(double span)
{
	double step = pow(10, floor(log10(span / TICKS)));

	return step * (span / step > 5 * TICKS ? 10 : span / step > 2 * TICKS ? 5 : span / step > TICKS ? 2 : 1);
}

static void put_tick_x(const struct chart *c, double x)
{
	buf_fmt(c->out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"mid\" x=\"%.1f\" y=\"%d\">%.6g</text>\n",
		x_of(c, x), ABOVE, HIGH - BELOW, x_of(c, x), HIGH - BELOW + 15, x);
}

static void put_tick_y(const struct chart *c, double y)
{
	buf_fmt(c->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"end\" x=\"%d\" y=\"%.1f\">%.6g</text>\n",
		LEFT, y_of(c, y), WIDE - RIGHT, LEFT - 6, y_of(c, y) + 4, y);
}

static void put_axes(const struct chart *c, const char *y_name)
{
	double step = step_of(c->x1 > c->x0 ? c->x1 - c->x0 : 1);

	for (double x = ceil(c->x0 / step) * step; x <= c->x1; x += step)
		put_tick_x(c, x);
	step = step_of(c->y1 > c->y0 ? c->y1 - c->y0 : 1);
	for (double y = c->log ? c->y0 : 0; y <= c->y1 * 1.0001; y = c->log ? y * 10 : y + step)
		put_tick_y(c, y);
	buf_fmt(c->out,
		"<path class=\"axis\" d=\"M%d %dV%dH%d\"/><text class=\"end\" x=\"%d\" y=\"%d\">seconds</text><text x=\"2\" y=\"%d\">%s</text>\n",
		LEFT, ABOVE, HIGH - BELOW, WIDE - RIGHT, WIDE - RIGHT, HIGH - 4, ABOVE + 1, y_name);
}

static void begin(struct chart *c, const char *title, const char *y_name)
{
	/* A little air. */
	double air = c->x1 > c->x0 ? (c->x1 - c->x0) / 50 : 0.01;

	c->x0 -= c->x0 > air ? air : c->x0;
	c->x1 += air;
	buf_fmt(c->out,
		"<h3>%s</h3>\n<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n",
		title, WIDE, HIGH);
	put_axes(c, y_name);
}

static void end(const struct chart *c, const char *legend)
{
	buf_fmt(c->out, "</svg>\n<p class=\"legend\">%s</p>\n", legend);
}

/* The powers of ten around what is to be shown. */
static void round_decades(struct chart *c)
{
	c->y0 = pow(10, floor(log10(c->y0)));
	c->y1 = pow(10, ceil(log10(c->y1)));
	if (c->y1 <= c->y0)
		c->y1 = 10 * c->y0;
}

static const char *const again_words[] = {
	[AGAIN_NO] = "",
	[AGAIN_SENT] = ", sent again",
	[AGAIN_NEEDLESS] = ", sent again needlessly",
	[AGAIN_LATE] = ", out of order",
};

static bool is_again(const struct dissected_frame *f) { return f->again == AGAIN_SENT || f->again == AGAIN_LATE; }

static void widen(struct chart *c, bool first, double x, double y)
{
	c->x0 = first || x < c->x0 ? x : c->x0;
	c->x1 = first || x > c->x1 ? x : c->x1;
	c->y0 = first || y < c->y0 ? y : c->y0;
	c->y1 = first || y > c->y1 ? y : c->y1;
}

/* ---- sequence numbers ---- */

/* Each segment as a bar from its first byte to its last. */
static void put_segments(const struct chart *c, const struct dissected *d, int32_t stream)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < d->n && n < POINTS_MAX; i++) {
		const struct dissected_frame *f = &d->frames[i];
		double x = x_of(c, f->time);

		if (f->stream != stream || !f->len)
			continue;
		n++;
		buf_fmt(c->out,
			"<path class=\"bar %s\" d=\"M%.1f %.1fV%.1f\"><title>frame %u: bytes %u to %u%s</title></path>\n",
			is_again(f)         ? "bad"
				: f->opener ? "one"
					    : "two",
			x, y_of(c, f->seq) + 1, y_of(c, (double)f->seq + f->len) - 1, f->number, f->seq,
			f->seq + f->len - 1, again_words[f->again]);
	}
}

/* How far the other end has acknowledged, as stairs. */
static void put_stairs(const struct chart *c, const struct dissected *d, int32_t stream, bool opener)
{
	bool begun = false;
	unsigned n = 0;

	for (uint32_t i = 0; i < d->n && n < POINTS_MAX; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (f->stream != stream || f->opener == opener || !(f->flags & TCP_ACK) || f->flags & TCP_RST)
			continue;
		if (begun)
			buf_fmt(c->out, "H%.1fV%.1f", x_of(c, f->time), y_of(c, f->ack));
		else
			buf_fmt(c->out, "<path class=\"stairs %s\" d=\"M%.1f %.1f", opener ? "one" : "two",
				x_of(c, f->time), y_of(c, f->ack));
		begun = true;
		n++;
	}
	buf_z(c->out, begun ? "\"/>\n" : "");
}

static void sequence_chart(const struct dissected *d, int32_t stream, struct buf *out)
{
	struct chart c = {.out = out};
	char title[80];
	bool any = false;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (f->stream == stream && f->len) {
			widen(&c, !any, f->time, (double)f->seq + f->len);
			any = true;
		}
	}
	if (!any)
		return;
	c.y0 = 0;
	snprintf(title, sizeof(title), "Sequence numbers over time, connection %d", (int)stream);
	begin(&c, title, "byte");
	put_stairs(&c, d, stream, true);
	put_stairs(&c, d, stream, false);
	put_segments(&c, d, stream);
	end(&c,
		"A bar is a segment, from its first byte to its last: <b class=\"one\">of whoever opened the connection</b>, "
		"<b class=\"two\">of the other</b>, <b class=\"bad\">sent again</b>. Stairs: how far the other end has acknowledged.");
}

/* ---- how long it took ---- */

/* x, and y in milliseconds, of one point; false: this frame has none. */
typedef bool point_fn(const struct dissected *d, const struct dissected_frame *f, double *ret);

static bool by_tcp(const struct dissected *d, const struct dissected_frame *f, double *ret)
{
	if (!f->len || !f->acked_by)
		return false;
	*ret = (d->frames[f->acked_by - 1].time - f->time) * 1e3;
	return *ret > 0;
}

/* The message on the frame that has a receipt; its texts are in store. */
static bool confirmed(const struct dissected *d, const struct dissected_frame *f, struct buf *store,
	struct chat_event *ret)
{
	struct str rows = field_of(d, f, F_CHAT);

	while (chat_next(&rows, store, ret))
		if (str_is(ret->kind, "message") && ret->other)
			return true;
	return false;
}

static bool by_receipt(const struct dissected *d, const struct dissected_frame *f, double *ret)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	struct chat_event e;

	if (!confirmed(d, f, &store, &e))
		return false;
	*ret = e.latency * 1e3;
	return *ret > 0;
}

/* Was a segment of that message sent again, because it had to be? */
static bool was_lost(const struct dissected *d, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	uint32_t at[SEGMENTS_LOOKED], n;
	struct chat_event e;
	struct place p;

	if (!confirmed(d, f, &store, &e))
		return false;
	chat_place(d, f, &e, &p);
	n = place_again(d, f, &p, at, SEGMENTS_LOOKED);
	for (uint32_t i = 0; i < n && i < SEGMENTS_LOOKED; i++)
		if (d->frames[at[i]].again != AGAIN_NEEDLESS)
			return true;
	return false;
}

static bool measure(struct chart *c, const struct dissected *d, point_fn *point)
{
	bool any = false;
	double y;

	for (uint32_t i = 0; i < d->n; i++)
		if (point(d, &d->frames[i], &y)) {
			widen(c, !any, d->frames[i].time, y);
			any = true;
		}
	return any;
}

static const char *class_of(const struct dissected_frame *f) { return is_again(f) ? "bad" : f->opener ? "one" : "two"; }

static void rtt_chart(const struct dissected *d, struct buf *out)
{
	struct chart c = {.out = out, .log = true};
	unsigned n = 0;
	double y;

	if (!measure(&c, d, by_tcp))
		return;
	round_decades(&c);
	begin(&c, "How soon TCP acknowledges (RTT)", "ms");
	for (uint32_t i = 0; i < d->n && n < POINTS_MAX; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (!by_tcp(d, f, &y))
			continue;
		n++;
		buf_fmt(out,
			"<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>frame %u: %.3f ms</title></circle>\n",
			class_of(f), x_of(&c, f->time), y_of(&c, y), f->number, y);
	}
	end(&c,
		"From a segment with data to the segment that acknowledges its last byte. Each line is ten times the one below. "
		"<b class=\"one\">Of whoever opened the connection</b>, <b class=\"two\">of the other</b>, <b class=\"bad\">sent again</b>.");
}

static void put_receipt(const struct chart *c, const struct dissected *d, const struct dissected_frame *f, double y)
{
	double x = x_of(c, f->time), ack = 0;

	if (by_tcp(d, f, &ack))
		buf_fmt(c->out,
			"<path class=\"stem\" d=\"M%.1f %.1fV%.1f\"/><circle class=\"dot one\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\">"
			"<title>frame %u: TCP after %.3f ms</title></circle>\n",
			x, y_of(c, ack), y_of(c, y), x, y_of(c, ack), f->number, ack);
	buf_fmt(c->out,
		"<path class=\"dot %s\" d=\"M%.1f %.1fl5 5 -5 5 -5 -5z\"><title>frame %u: receipt after %.3f ms</title></path>\n",
		is_again(f) || was_lost(d, f) ? "bad" : "two", x, y_of(c, y) - 5, f->number, y);
}

static void receipt_chart(const struct dissected *d, struct buf *out)
{
	struct chart c = {.out = out, .log = true};
	unsigned n = 0;
	double y, ack;

	if (!measure(&c, d, by_receipt))
		return;
	for (uint32_t i = 0; i < d->n; i++)
		if (by_receipt(d, &d->frames[i], &y) && by_tcp(d, &d->frames[i], &ack))
			widen(&c, false, d->frames[i].time, ack);
	round_decades(&c);
	begin(&c, "How soon a message is acknowledged: by TCP, and by the other program", "ms");
	for (uint32_t i = 0; i < d->n && n < POINTS_MAX; i++)
		if (by_receipt(d, &d->frames[i], &y)) {
			put_receipt(&c, d, &d->frames[i], y);
			n++;
		}
	end(&c,
		"<b class=\"one\">Circle: TCP has the bytes</b>; <b class=\"two\">diamond: the program has the message (receipt)</b>; "
		"<b class=\"bad\">the message was sent again</b>. Each line is ten times the one below.");
}

void report_charts(const struct dissected *d, struct buf *out)
{
	for (uint32_t i = 0; i < d->stream_n && i < CONNECTIONS_MAX; i++)
		sequence_chart(d, (int32_t)i, out);
	rtt_chart(d, out);
	receipt_chart(d, out);
}
