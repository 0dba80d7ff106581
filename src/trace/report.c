#include "trace/report.h"

#include "base/mem.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/stats.h"
#include "tui/filter.h"
#include "xml/write.h"

enum {
	ROW = 22,
	LANE = 190,
	LEFT = 160,
	TOP = 46,
	ROWS_MAX = 5000,
	TEXT_BYTES = 1 << 16,
	CHART_W = 900,
	CHART_H = 220
};

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<title>Trace</title>\n<style>\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1500px;padding:0 1em;color:#1c1c1c;background:#fff}\n"
	"h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}pre,table,svg text{font:12px/1.5 ui-monospace,monospace}\n"
	"pre{background:#f6f6f4;padding:1em;overflow-x:auto}table{border-collapse:collapse}td,th{padding:.1em .6em;text-align:left;"
	"border-bottom:1px solid #e4e4e0}td.n{text-align:right}.scroll{overflow-x:auto}\n"
	"svg .lane{stroke:#999}svg .clear{stroke:#b05000}svg .tls{stroke:#1050a0;stroke-width:2}svg .bad{stroke:#c00020;stroke-width:2}"
	"svg .note{fill:#777}svg g:hover text{text-decoration:underline}\n"
	"@media(prefers-color-scheme:dark){body{background:#181818;color:#e0e0e0}pre{background:#222}td,th{border-color:#333}"
	"svg text{fill:#e0e0e0}svg .clear{stroke:#f0a050}svg .tls{stroke:#70b0ff}svg .bad{stroke:#ff6070}}\n"
	"@media print{pre{white-space:pre-wrap}}\n"
	"</style></head><body>\n";

/* Of others: nothing that turns or breaks, and nothing that is markup. */
static void put_text(struct buf *out, struct str text)
{
	CLEANUP(buf_clear) struct buf clean = {.max = TEXT_BYTES};

	filter_line(&clean, text);
	xml_escape(out, buf_view(&clean));
}

/* Lines that a view has filtered already. */
static void put_view(struct buf *out, const struct dissected *d,
	void (*put)(const struct dissected *d, struct buf *out))
{
	CLEANUP(buf_clear) struct buf text = {.max = 64 << 20};

	put(d, &text);
	buf_z(out, "<pre>");
	xml_escape(out, buf_view(&text));
	buf_z(out, "</pre>\n");
}

/* ---- the ladder ---- */

struct rungs {
	const struct dissected *d;
	struct buf *out;
	unsigned row;
};

static unsigned lane_x(unsigned host) { return LEFT + host * LANE; }

static bool is_bare(const struct dissected_frame *f)
{
	return (f->bare_ack && !(f->opener && f->seq == 1 && f->ack == 1)) && !field_has(f, F_KEEPALIVE);
}

static void put_hover(const struct rungs *r, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_BYTES};

	buf_fmt(&text, "frame %u", f->number);
	if (f->stream >= 0) {
		buf_fmt(&text, "; connection %d; flags ", (int)f->stream);
		tcp_flags_put(f->flags, &text);
		buf_fmt(&text, "; sequence number %u, next %u; acknowledges %u; window %.*s", f->seq, f->seq + f->len,
			f->ack, STR_FMT(field_first(r->d, f, F_WINDOW)));
	}
	buf_fmt(&text, "; %.*s: %.*s", STR_FMT(field_of(r->d, f, F_PROTOCOL)), STR_FMT(field_of(r->d, f, F_INFO)));
	buf_z(r->out, "<title>");
	put_text(r->out, buf_view(&text));
	buf_z(r->out, "</title>");
}

static void put_arrow(const struct rungs *r, const struct dissected_frame *f, unsigned y)
{
	bool bad = field_has(f, F_RETRANSMISSION) || field_has(f, F_OUT_OF_ORDER) || f->flags & TCP_RST;
	const char *kind = bad ? "bad" : f->encrypted ? "tls" : "clear";
	unsigned a, b;

	if (f->from == HOST_NONE)
		return;
	a = lane_x(f->from);
	if (f->to == HOST_NONE || f->to == f->from) {
		buf_fmt(r->out, "<circle cx=\"%u\" cy=\"%u\" r=\"4\" class=\"%s\" fill=\"none\"/>", a, y, kind);
		return;
	}
	b = lane_x(f->to);
	buf_fmt(r->out, "<path class=\"%s\" fill=\"none\" d=\"M%u %uH%um%d -4l%d 4l%d 4\"/>", kind, a, y, b,
		a < b ? -7 : 7, a < b ? 7 : -7, a < b ? -7 : 7);
}

static void put_rung(struct rungs *r, const struct dissected_frame *f, struct str text)
{
	unsigned y = TOP + r->row++ * ROW;

	buf_z(r->out, "<g>");
	put_hover(r, f);
	buf_fmt(r->out, "<text x=\"4\" y=\"%u\">%u</text><text x=\"56\" y=\"%u\">%.6f</text>", y + 4, f->number, y + 4,
		f->time);
	put_arrow(r, f, y);
	buf_fmt(r->out, "<text x=\"%u\" y=\"%u\">", lane_x(r->d->host_n ? r->d->host_n - 1 : 0) + 16, y + 4);
	put_text(r->out, text);
	buf_z(r->out, "</text></g>\n");
}

static void put_lanes(const struct rungs *r)
{
	for (unsigned i = 0; i < r->d->host_n; i++) {
		CLEANUP(buf_clear) struct buf label = {.max = 4096};

		buf_fmt(r->out, "<path class=\"lane\" d=\"M%u 26V%u\"/><text x=\"%u\" y=\"16\" text-anchor=\"middle\">",
			lane_x(i), TOP + r->row * ROW, lane_x(i));
		host_label(r->d, i, &label);
		put_text(r->out, buf_view(&label));
		buf_z(r->out, "</text>");
	}
}

static void put_ladder(const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf body = {.max = 256 << 20};
	struct rungs r = {.d = d, .out = &body};

	for (uint32_t i = 0; i < d->n && r.row < ROWS_MAX; i++) {
		CLEANUP(buf_clear) struct buf text = {.max = TEXT_BYTES};
		const struct dissected_frame *f = &d->frames[i];

		if (is_bare(f) || (f->stream < 0 && !str_is(field_of(d, f, F_PROTOCOL), "MDNS")))
			continue;
		for (unsigned k = 0; buf_reset(&text), frame_text(d, f, k, &text); k++)
			put_rung(&r, f, buf_view(&text));
	}
	put_lanes(&r);
	buf_fmt(out, "<div class=\"scroll\"><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\">\n",
		lane_x(d->host_n) + 1100, TOP + r.row * ROW + 10);
	buf_str(out, buf_view(&body));
	buf_z(out, "</svg></div>\n");
	if (r.row == ROWS_MAX)
		buf_z(out, "<p>There is more than this page shows.</p>\n");
}

/* ---- charts ---- */

/* Bytes of the first connection over time, of both directions. */
static void put_sequence_chart(const struct dissected *d, struct buf *out)
{
	double first = -1, last = 0, most = 1;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (f->stream != 0 || !f->len)
			continue;
		first = first < 0 ? f->time : first;
		last = f->time;
		most = f->seq + (double)f->len > most ? f->seq + (double)f->len : most;
	}
	if (first < 0 || last <= first)
		return;
	buf_fmt(out, "<h2>Sequence numbers over time, connection 0</h2>\n<svg width=\"%d\" height=\"%d\">\n",
		CHART_W + 80, CHART_H + 40);
	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];
		bool bad = field_has(f, F_RETRANSMISSION) || field_has(f, F_OUT_OF_ORDER);

		if (f->stream != 0 || !f->len)
			continue;
		buf_fmt(out,
			"<circle r=\"3\" fill=\"none\" class=\"%s\" cx=\"%.1f\" cy=\"%.1f\"><title>frame %u: %u to %u</title></circle>\n",
			bad                 ? "bad"
				: f->opener ? "tls"
					    : "clear",
			40 + CHART_W * (f->time - first) / (last - first), 10 + CHART_H - CHART_H * f->seq / most,
			f->number, f->seq, f->seq + f->len);
	}
	buf_fmt(out,
		"<text x=\"40\" y=\"%d\">%.3f s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.3f s</text><text x=\"0\" y=\"14\">%.0f</text></svg>\n"
		"<p>Blue: of whoever opened the connection; orange: of the other; red: sent again.</p>\n",
		CHART_H + 32, first, 40 + CHART_W, CHART_H + 32, last, most);
}

/* ---- the table ---- */

static void put_table(const struct dissected *d, struct buf *out)
{
	buf_z(out,
		"<div class=\"scroll\"><table><tr><th>frame<th>seconds<th>from<th>to<th>flags<th>seq<th>ack<th>bytes<th>what</tr>\n");
	for (uint32_t i = 0; i < d->n && i < ROWS_MAX; i++) {
		CLEANUP(buf_clear) struct buf text = {.max = TEXT_BYTES};
		const struct dissected_frame *f = &d->frames[i];

		buf_fmt(out, "<tr><td class=\"n\">%u<td class=\"n\">%.6f<td>", f->number, f->time);
		host_label(d, f->from, &text);
		put_text(out, buf_view(&text));
		buf_reset(&text);
		host_label(d, f->to, &text);
		buf_z(out, "<td>");
		put_text(out, buf_view(&text));
		buf_z(out, "<td>");
		if (f->stream >= 0) {
			tcp_flags_put(f->flags, out);
			buf_fmt(out, "<td class=\"n\">%u<td class=\"n\">%u<td class=\"n\">%u<td>", f->seq, f->ack,
				f->len);
		} else {
			buf_z(out, "<td><td><td><td>");
		}
		put_text(out, field_of(d, f, F_INFO));
		buf_z(out, "</tr>\n");
	}
	buf_z(out, "</table></div>\n");
}

void report_put(const struct dissected *d, struct str name, struct buf *out)
{
	buf_z(out, head);
	buf_z(out, "<h1>Trace of ");
	put_text(out, name);
	buf_z(out,
		"</h1>\n<p>Dissected by Wireshark's engine with Wireside's chat layer. Blue: encrypted on the wire; orange: everybody "
		"can read it; red: trouble. The details of a packet appear under the pointer.</p>\n");
	put_ladder(d, out);
	buf_z(out, "<h2>Questions, answered</h2>\n");
	put_view(out, d, explain_put);
	buf_z(out, "<h2>Numbers</h2>\n");
	put_view(out, d, stats_put);
	put_sequence_chart(d, out);
	buf_z(out, "<h2>All frames</h2>\n");
	put_table(d, out);
	buf_z(out, "</body></html>\n");
}
