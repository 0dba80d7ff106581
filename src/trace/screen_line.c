#include "trace/screen_line.h"

#include "base/mem.h"
#include "tui/filter.h"

enum { LANE_MAX = 14, LANE_MIN = 4, NARROW = 76, NAME_MAX = 4000, ROW_TEXT_MAX = 16 << 20 };

const char *const style_names[STYLES] = {
	[STYLE_DISCOVERY] = "discovery",
	[STYLE_TCP] = "TCP",
	[STYLE_TLS] = "TLS",
	[STYLE_STREAM] = "stream",
	[STYLE_PRESENCE] = "presence",
	[STYLE_MESSAGE] = "message",
	[STYLE_RECEIPT] = "receipt",
	[STYLE_LOST] = "lost",
	[STYLE_CLOSE] = "end",
};

/* ---- columns ---- */

struct str cells_of(struct str text, unsigned skip, unsigned cells)
{
	struct str from = text;
	unsigned at = 0, used = 0;
	size_t n = 0;

	while (from.n && at < skip) {
		size_t one = str_utf8_next(from);

		one = one ? one : 1;
		at += filter_width((struct str){from.p, one});
		from = (struct str){from.p + one, from.n - one};
	}
	while (n < from.n) {
		size_t one = str_utf8_next((struct str){from.p + n, from.n - n});

		one = one ? one : 1;
		used += filter_width((struct str){from.p + n, one});
		if (used > cells)
			break;
		n += one;
	}
	return (struct str){from.p, n};
}

struct layout layout_of(const struct dissected *d, unsigned columns)
{
	bool narrow = columns < NARROW;
	struct layout l = {.columns = columns,
		.number = narrow ? 5 : 7,
		.time = narrow ? 8 : 11,
		.decimals = narrow ? 3 : 6};
	unsigned head = l.number + 1 + l.time + 1, gaps = d->host_n > 1 ? d->host_n - 1 : 0;
	/* At least two fifths of the line, and never less than 20 cells, are for what is said. */
	unsigned words = columns * 2 / 5 > 20 ? columns * 2 / 5 : 20, room;

	room = columns > head + 1 + words ? columns - head - 1 - words : 0;
	if (gaps && room / gaps > LANE_MIN)
		l.lane = room / gaps - 1 < LANE_MAX ? room / gaps - 1 : LANE_MAX;
	l.lanes = l.lane ? gaps * (l.lane + 1) + 1 : 0;
	l.text = head + (l.lanes ? l.lanes + 1 : 0);
	return l;
}

static void put_padded(struct buf *out, struct str text, unsigned cells)
{
	struct str part = cells_of(text, 0, cells);
	unsigned used = filter_width(part);

	buf_str(out, part);
	buf_fmt(out, "%*s", used < cells ? (int)(cells - used) : 0, "");
}

static void put_label(const struct dissected *d, unsigned host, struct buf *out)
{
	CLEANUP(buf_clear) struct buf raw = {.max = NAME_MAX};

	host_label(d, host, &raw);
	filter_line(out, buf_view(&raw));
}

void line_names(const struct dissected *d, const struct layout *l, struct buf *out)
{
	CLEANUP(buf_clear) struct buf name = {.max = 4 * NAME_MAX};

	buf_fmt(out, "%*s %*s ", (int)l->number, "frame", (int)l->time, "seconds");
	for (unsigned i = 0; l->lane && i < d->host_n; i++) {
		buf_reset(&name);
		put_label(d, i, &name);
		if (i + 1 < d->host_n)
			put_padded(out, cells_of(buf_view(&name), 0, l->lane), l->lane + 1);
		else
			buf_str(out, cells_of(buf_view(&name), 0, l->columns - l->text + 1));
	}
}

void line_head(const struct rungs *v, const struct rung *r, const struct layout *l, struct buf *out)
{
	const struct dissected_frame *f = &v->d->frames[r->frame];

	if (r->kind == ROW_FOLDED)
		buf_fmt(out, "%*s ", (int)(l->number + 1 + l->time), "");
	else
		buf_fmt(out, "%*u %*.*f ", (int)l->number, f->number, (int)l->time, (int)l->decimals, f->time);
}

/* ---- lanes ---- */

static char mark(const struct dissected_frame *f, unsigned lane, unsigned cell, unsigned width)
{
	unsigned a = f->from, b = f->to;

	if (a == HOST_NONE || b == HOST_NONE || lane < (a < b ? a : b) || lane >= (a < b ? b : a))
		return ' ';
	if (a < b && lane + 1 == b && cell == width - 1)
		return '>';
	if (a > b && lane == b && cell == 0)
		return '<';
	return f->encrypted ? '=' : '-';
}

void line_lanes(const struct rungs *v, const struct rung *r, const struct layout *l, struct buf *out)
{
	static const struct dissected_frame nobody = {.from = HOST_NONE, .to = HOST_NONE};
	const struct dissected_frame *f = r->kind == ROW_FOLDED ? &nobody : &v->d->frames[r->frame];

	for (unsigned lane = 0; l->lane && lane < v->d->host_n; lane++) {
		buf_char(out, f->from == lane && f->to == HOST_NONE ? '*' : '|');
		for (unsigned cell = 0; cell < l->lane && lane + 1 < v->d->host_n; cell++)
			buf_char(out, mark(f, lane, cell, l->lane));
	}
}

/* Where there are no lanes: "alice > bob  " */
static void put_ends(const struct rungs *v, const struct rung *r, struct buf *out)
{
	const struct dissected_frame *f = &v->d->frames[r->frame];

	if (r->kind == ROW_FOLDED || (f->from == HOST_NONE && f->to == HOST_NONE))
		return;
	put_label(v->d, f->from, out);
	if (f->to == HOST_NONE) {
		buf_z(out, " to all");
	} else {
		buf_z(out, f->encrypted ? " => " : " -> ");
		put_label(v->d, f->to, out);
	}
	buf_z(out, "  ");
}

void line_text(const struct rungs *v, const struct rung *r, const struct layout *l, unsigned skip, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {.max = 1 << 20};

	if (!l->lane)
		put_ends(v, r, &text);
	rungs_text(v, r, &text);
	buf_str(out, cells_of(buf_view(&text), skip, l->columns > l->text ? l->columns - l->text : 0));
}

/* ---- what it is about ---- */

static const struct {
	const char *kind;
	enum style style;
} kinds[] = {
	{"message", STYLE_MESSAGE},
	{"receipt", STYLE_RECEIPT},
	{"marker", STYLE_RECEIPT},
	{"ack", STYLE_RECEIPT},
	{"typing", STYLE_PRESENCE},
	{"presence", STYLE_PRESENCE},
	{"error", STYLE_LOST},
	{"stream-error", STYLE_LOST},
	{"stream-end", STYLE_CLOSE},
};

static enum style style_of_event(const struct rungs *v, const struct dissected_frame *f, uint32_t part)
{
	CLEANUP(buf_clear) struct buf store = {.max = ROW_TEXT_MAX};
	struct str rows = field_of(v->d, f, F_CHAT);
	struct chat_event e;

	for (uint32_t at = 0; chat_next(&rows, &store, &e); at++)
		for (size_t i = 0; at == part && i < ARRAY_LEN(kinds); i++)
			if (str_is(e.kind, kinds[i].kind))
				return kinds[i].style;
	return STYLE_STREAM;
}

enum style line_style(const struct rungs *v, const struct rung *r)
{
	const struct dissected_frame *f = &v->d->frames[r->frame];

	if (r->kind == ROW_FOLDED)
		return STYLE_FAINT;
	if (r->kind == ROW_COMMENT)
		return STYLE_PLAIN;
	if (f->again == AGAIN_SENT || f->again == AGAIN_LATE || field_has(f, F_DUPLICATE_ACK) || f->flags & TCP_RST)
		return STYLE_LOST;
	if (field_has(f, F_CHAT))
		return style_of_event(v, f, r->part);
	if (f->flags & TCP_FIN)
		return STYLE_CLOSE;
	if (field_has(f, F_TLS_TYPE) || field_has(f, F_TLS_ALERT) || field_has(f, F_ENCRYPTED))
		return STYLE_TLS;
	if (str_is(field_of(v->d, f, F_PROTOCOL), "MDNS"))
		return STYLE_DISCOVERY;
	return f->stream >= 0 ? STYLE_TCP : STYLE_PLAIN;
}
