/* The ladder as a picture: arrows in SVG, and in the page beside each its words and, under the pointer, its fields. */
#include "base/mem.h"
#include "trace/ladder.h"
#include "trace/report_i.h"

enum { ROW = 24, LANE = 160, MARGIN = 40, TOP = 34, WORDS_AT = 150, WORDS_WIDE = 1050, KIND_ROWS = 16 };

/* What both pictures have in common: which rows there are. */
struct rungs {
	const struct dissected *d;
	struct buf *arrows, *words;
	unsigned row, nth; /* nth: event of the frame */
	struct folded folded;
	/* One row of words. f: NULL: what is folded there. */
	void (*put)(struct rungs *r, const struct dissected_frame *f, struct str text);
	const struct report *report;
	const struct report_trees *trees;
};

static unsigned lane_x(unsigned host) { return MARGIN + host * LANE; }

static unsigned width_of(const struct dissected *d) { return 2 * MARGIN + (d->host_n ? d->host_n - 1 : 0) * LANE; }

static unsigned row_y(unsigned row) { return TOP + row * ROW + ROW / 2; }

/* ---- kinds, which are colours ---- */

static bool is_trouble(const struct dissected_frame *f)
{
	return f->again == AGAIN_SENT || f->again == AGAIN_LATE || f->flags & TCP_RST;
}

static const struct {
	const char *event, *kind;
} event_kinds[] = {
	{"message", "said"},
	{"receipt", "got"},
	{"marker", "got"},
	{"error", "bad"},
	{"stream-error", "bad"},
};

/* Of the i-th event. */
static const char *kind_of_event(const struct dissected *d, const struct dissected_frame *f, unsigned nth)
{
	struct str rows = field_of(d, f, F_CHAT), row = STR_NONE, kind;

	for (unsigned i = 0; i <= nth && rows.p; i++)
		row = str_cut(&rows, 0x1e);
	kind = row.p ? str_cut(&row, '|') : STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(event_kinds); i++)
		if (str_is(kind, event_kinds[i].event))
			return event_kinds[i].kind;
	return "talk";
}

static const char *kind_of(const struct dissected *d, const struct dissected_frame *f, unsigned nth)
{
	if (is_trouble(f))
		return "bad";
	if (field_has(f, F_CHAT))
		return kind_of_event(d, f, nth);
	if (field_has(f, F_TLS_TYPE) || field_has(f, F_TLS_ALERT))
		return "hands";
	if (f->stream < 0)
		return "find";
	return f->flags & (TCP_SYN | TCP_FIN) ? "hands" : "rest";
}

/* ---- arrows ---- */

static void put_arrow(const struct rungs *r, const struct dissected_frame *f)
{
	unsigned y = row_y(r->row), a, b;
	const char *kind = is_trouble(f) ? "bad" : f->encrypted ? "tls" : "clear";

	if (f->from == HOST_NONE)
		return;
	a = lane_x(f->from);
	if (f->to == HOST_NONE || f->to == f->from) {
		buf_fmt(r->arrows, "<circle class=\"%s\" cx=\"%u\" cy=\"%u\" r=\"4.5\"/>\n", kind, a, y);
		return;
	}
	b = lane_x(f->to);
	buf_fmt(r->arrows, "<path class=\"%s\" d=\"M%u %uH%u\"/><path class=\"%s head\" d=\"M%u %ul%d -4.5v9z\"/>\n",
		kind, a, y, a < b ? b - 7 : b + 7, kind, b, y, a < b ? -9 : 9);
}

static void put_rung(struct rungs *r, const struct dissected_frame *f, struct str text)
{
	if (f)
		put_arrow(r, f);
	r->put(r, f, text);
	r->row++;
}

static void put_folded(struct rungs *r)
{
	CLEANUP(buf_clear) struct buf text = {.max = 200};

	folded_text(&r->folded, &text);
	r->folded = (struct folded){0};
	if (text.n)
		put_rung(r, NULL, buf_view(&text));
}

static void put_rungs(struct rungs *r)
{
	CLEANUP(buf_clear) struct buf text = {.max = REPORT_TEXT_MAX};

	for (uint32_t i = 0; i < r->d->n && r->row < REPORT_ROWS_MAX; i++) {
		const struct dissected_frame *f = &r->d->frames[i];
		enum fold fold = frame_fold(r->d, f);

		if (!f->shown)
			continue;
		folded_count(&r->folded, fold);
		if (fold != FOLD_NONE)
			continue;
		put_folded(r);
		for (unsigned k = 0; k < KIND_ROWS && (buf_reset(&text), frame_text(r->d, f, k, &text)); k++) {
			r->nth = k;
			put_rung(r, f, buf_view(&text));
		}
	}
	put_folded(r);
}

static void put_lanes(const struct dissected *d, unsigned rows, struct buf *out)
{
	for (unsigned i = 0; i < d->host_n; i++) {
		CLEANUP(buf_clear) struct buf label = {.max = 4096};

		buf_fmt(out, "<path class=\"lane\" d=\"M%u %uV%u\"/><text class=\"host\" x=\"%u\" y=\"18\">", lane_x(i),
			TOP - 8, TOP + rows * ROW, lane_x(i));
		host_label(d, i, &label);
		report_text(out, buf_view(&label));
		buf_z(out, "</text>\n");
	}
}

void report_brief(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	buf_fmt(out, "frame %u", f->number);
	if (f->stream >= 0) {
		buf_fmt(out, "; connection %d; flags ", (int)f->stream);
		tcp_flags_put(f->flags, out);
		buf_fmt(out, "; sequence number %u, next %u; acknowledges %u; window %.*s", f->seq, f->seq + f->len,
			f->ack, STR_FMT(field_first(d, f, F_WINDOW)));
	}
	buf_fmt(out, "; %.*s: %.*s", STR_FMT(field_of(d, f, F_PROTOCOL)), STR_FMT(field_of(d, f, F_INFO)));
}

/* ---- in the page ---- */

static void put_html(struct rungs *r, const struct dissected_frame *f, struct str text)
{
	if (!f) {
		buf_z(r->words, "<div class=\"r fold\"><span></span><span></span><span></span><span>");
		report_text(r->words, text);
		buf_z(r->words, "</span></div>\n");
		return;
	}
	buf_fmt(r->words,
		"<div class=\"r %s\" tabindex=\"0\"><span>%u</span><span>%.6f</span><span></span><span class=\"w\">",
		kind_of(r->d, f, r->nth), f->number, f->time);
	report_text(r->words, text);
	/* Beside the fields again, where there is room for all of it. */
	buf_z(r->words, "</span><div class=\"tree\"><p class=\"whole\">");
	report_text(r->words, text);
	buf_z(r->words, "</p>");
	report_tree_put(r->trees, r->report, (uint32_t)(f - r->d->frames), r->words);
	buf_z(r->words, "</div></div>\n");
}

void report_ladder(const struct report *report, const struct report_trees *t, struct buf *out)
{
	const struct dissected *d = report->d;
	CLEANUP(buf_clear) struct buf arrows = {.max = 64 << 20};
	CLEANUP(buf_clear) struct buf words = {.max = 256 << 20};
	struct rungs r = {.d = d, .arrows = &arrows, .words = &words, .put = put_html, .report = report, .trees = t};

	put_rungs(&r);
	buf_fmt(out,
		"<div class=\"ladder\" style=\"--lanes:%upx\"><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\">\n",
		width_of(d), width_of(d), TOP + r.row * ROW);
	put_lanes(d, r.row, out);
	buf_str(out, buf_view(&arrows));
	buf_z(out, "</svg><div class=\"r top\"><span>frame</span><span>seconds</span></div>\n");
	buf_str(out, buf_view(&words));
	buf_z(out, "</div>\n");
	if (r.row >= REPORT_ROWS_MAX)
		buf_z(out, "<p>There is more than this page shows.</p>\n");
}

/* ---- as a picture alone ---- */

static const char style[] = REPORT_SVG_STYLE
	";fill:#1c1c1c}.host{font-weight:bold;text-anchor:middle}.n{text-anchor:end}"
	".page{fill:#fff}path,circle{fill:none;stroke-width:1.4}.lane{stroke:#b4b4b0;stroke-width:1}"
	".clear{stroke:#b05000}.tls{stroke:#1457a8;stroke-width:2.2}.bad{stroke:#c00020;stroke-width:2.2}"
	".head{stroke-width:1}.clear.head{fill:#b05000}.tls.head{fill:#1457a8}.bad.head{fill:#c00020}.fold{fill:#777}"
	"@media(prefers-color-scheme:dark){.page{fill:#16181b}text{fill:#e2e2e0}.lane{stroke:#4a4d52}.clear{stroke:#f0a050}"
	".tls{stroke:#6fb1ff}.bad{stroke:#ff6b7a}.clear.head{fill:#f0a050}.tls.head{fill:#6fb1ff}.bad.head{fill:#ff6b7a}"
	".fold{fill:#999}}</style>\n";

static void put_svg(struct rungs *r, const struct dissected_frame *f, struct str text)
{
	CLEANUP(buf_clear) struct buf brief = {.max = REPORT_TEXT_MAX};
	unsigned y = row_y(r->row) + 4;

	buf_z(r->words, "<g>");
	if (f) {
		report_brief(r->d, f, &brief);
		buf_z(r->words, "<title>");
		report_text(r->words, buf_view(&brief));
		buf_fmt(r->words,
			"</title><text class=\"n\" x=\"48\" y=\"%u\">%u</text><text class=\"n\" x=\"140\" y=\"%u\">%.6f</text>",
			y, f->number, y, f->time);
	}
	buf_fmt(r->words, "<text%s x=\"%u\" y=\"%u\">", f ? "" : " class=\"fold\"", WORDS_AT + width_of(r->d), y);
	report_text(r->words, text);
	buf_z(r->words, "</text></g>\n");
}

void report_svg(const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf arrows = {.max = 64 << 20};
	CLEANUP(buf_clear) struct buf words = {.max = 64 << 20};
	struct rungs r = {.d = d, .arrows = &arrows, .words = &words, .put = put_svg};

	put_rungs(&r);
	buf_fmt(out,
		REPORT_SVG_BEGINS
		" width=\"%u\" height=\"%u\">\n%s"
		"<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n<g transform=\"translate(%d 0)\">\n",
		WORDS_AT + width_of(d) + WORDS_WIDE, TOP + r.row * ROW + ROW, style, WORDS_AT);
	put_lanes(d, r.row, out);
	buf_str(out, buf_view(&arrows));
	buf_z(out, "</g>\n");
	buf_str(out, buf_view(&words));
	buf_z(out, "</svg>\n");
}
