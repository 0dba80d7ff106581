#include <stdio.h>

#include "base/mem.h"
#include "trace/screen_i.h"
#include "tui/filter.h"

enum { LINE_BYTES = 1 << 20, ROWS_FOR_NAMES = 5, ROWS_FOR_LEGEND = 8 };

static unsigned head_rows(const struct screen *s)
{
	return 1 + (s->rows >= ROWS_FOR_LEGEND) + (s->rows >= ROWS_FOR_NAMES);
}

unsigned screen_height(const struct screen *s)
{
	unsigned others = s->title.n ? 2 : head_rows(s) + 1;

	return s->rows > others ? s->rows - others : 1;
}

/* As much as the row has room for. */
static unsigned put(const struct screen *s, unsigned row, unsigned column, enum style style, bool chosen,
	struct str text)
{
	struct str part = cells_of(text, 0, column < s->columns ? s->columns - column : 0);

	term_put(row, column, style, chosen, part);
	return column + filter_width(part);
}

static void put_bar(const struct screen *s, unsigned row, const struct buf *text)
{
	term_fill(row, 0, STYLE_BAR, false);
	put(s, row, 0, STYLE_BAR, false, buf_view(text));
}

/* ---- above ---- */

static void put_state(const struct screen *s, struct buf *out)
{
	if (live_state(s->live) == LIVE_READING && s->o->follow)
		buf_z(out, "  live");
	else if (live_state(s->live) == LIVE_READING)
		buf_fmt(out, "  reading, %u %%", live_percent(s->live));
	if (s->filtering.tshark && !s->filtering.again)
		buf_z(out, "  filtering");
	if (live_model(s->live)->cut || s->rungs.cut)
		buf_z(out, "  (more than can be shown)");
}

static void put_title(const struct screen *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16384};
	CLEANUP(buf_clear) struct buf raw = {.max = 8192};
	const struct dissected *d = live_model(s->live);
	const char *slash = strrchr(s->o->file, '/'), mark[] = " SECRETS ARE RECORDED ";

	buf_fmt(&raw, " %s", slash ? slash + 1 : s->o->file);
	if (s->filter.n)
		buf_fmt(&raw, "  [%.*s]", STR_FMT(buf_view(&s->filter)));
	filter_line(&text, buf_view(&raw));
	buf_fmt(&text, "  %u frame%s, %.3f s", d->n, d->n == 1 ? "" : "s", d->n ? d->frames[d->n - 1].time : 0.0);
	if (d->dropped)
		buf_fmt(&text, ", %llu DROPPED", (unsigned long long)d->dropped);
	put_state(s, &text);
	put_bar(s, 0, &text);
	if (s->alarm && s->columns > sizeof(mark))
		term_put(0, s->columns - (unsigned)sizeof(mark) + 1, STYLE_ALARM, false, STR(" SECRETS ARE RECORDED "));
}

static void put_legend(const struct screen *s, unsigned row)
{
	unsigned column = 1;

	for (int i = 0; i < STYLES; i++)
		if (style_names[i]) {
			column = put(s, row, column, (enum style)i, false, str_z(style_names[i]));
			column += s->columns >= 76 ? 2 : 1;
		}
	if (s->columns >= column + 30)
		put(s, row, column, STYLE_FAINT, false, STR("-- in clear  == encrypted"));
}

/* ---- the ladder ---- */

static void put_row(const struct screen *s, const struct layout *l, unsigned row, uint32_t i)
{
	CLEANUP(buf_clear) struct buf text = {.max = LINE_BYTES};
	const struct rung *r = &s->rungs.rows[i];
	enum style style = line_style(&s->rungs, r);
	bool chosen = i == s->rungs.at;
	unsigned column;

	if (chosen)
		term_fill(row, 0, STYLE_PLAIN, true);
	line_head(&s->rungs, r, l, &text);
	column = put(s, row, 0, STYLE_FAINT, chosen, buf_view(&text));
	if (l->lane) {
		buf_reset(&text);
		line_lanes(&s->rungs, r, l, &text);
		put(s, row, column, style, chosen, buf_view(&text));
	}
	buf_reset(&text);
	line_text(&s->rungs, r, l, s->skip, &text);
	put(s, row, l->text, style, chosen, buf_view(&text));
}

static void put_ladder(struct screen *s)
{
	CLEANUP(buf_clear) struct buf names = {.max = LINE_BYTES};
	struct layout l = layout_of(s->rungs.d, s->columns);
	unsigned first = head_rows(s);

	if (s->rows >= ROWS_FOR_LEGEND)
		put_legend(s, 1);
	if (s->rows >= ROWS_FOR_NAMES) {
		line_names(s->rungs.d, &l, &names);
		put(s, first - 1, 0, STYLE_MESSAGE, false, buf_view(&names));
	}
	rungs_resize(&s->rungs, screen_height(s));
	for (unsigned row = 0; row < s->rungs.height && s->rungs.top + row < s->rungs.n; row++)
		put_row(s, &l, first + row, s->rungs.top + row);
	if (!s->rungs.n)
		put(s, first + 1, 2, STYLE_PLAIN, false,
			live_state(s->live) == LIVE_READING || s->filtering.tshark ? STR("...")
				: s->filter.n                                      ? STR("No frame passes this filter.")
					      : STR("There is nothing in this file."));
}

/* ---- a page ---- */

static void put_page(struct screen *s)
{
	CLEANUP(buf_clear) struct buf title = {.max = 8192};

	page_resize(&s->page, screen_height(s));
	buf_char(&title, ' ');
	filter_line(&title, buf_view(&s->title));
	if (s->looking.tshark)
		buf_z(&title, "  (reading)");
	if (s->page.cut)
		buf_z(&title, "  (there is more than is shown)");
	put_bar(s, 0, &title);
	for (unsigned row = 0; row < s->page.height && s->page.top + row < s->page.n; row++)
		term_put(1 + row, 0, STYLE_PLAIN, s->page.found == s->page.top + row + 1,
			cells_of(page_get(&s->page, s->page.top + row), s->skip, s->columns));
}

/* ---- below ---- */

static const char *const questions[] =
	{[ASK_SEARCH] = "search: ", [ASK_FILTER] = "filter: ", [ASK_EXPORT] = "write to (.txt .html .pcapng): "};

static void put_question(const struct screen *s)
{
	CLEANUP(buf_clear) struct buf typed = {.max = 16 * ASKED_MAX};
	unsigned row = s->rows - 1, column = put(s, row, 0, STYLE_MESSAGE, false, str_z(questions[s->asked]));
	unsigned room = s->columns > column + 1 ? s->columns - column - 1 : 1, width;

	filter_line(&typed, buf_view(&s->typed));
	width = filter_width(buf_view(&typed));
	column = put(s, row, column, STYLE_PLAIN, false,
		cells_of(buf_view(&typed), width > room ? width - room : 0, room));
	term_cursor(true, row, column < s->columns ? column : s->columns - 1);
}

/* The first that fits; the last one, if none does. */
static const char *const hints[] = {
	" ?:help  Enter:details  p:partner  /:search  f:filter  a:ACKs  s:statistics  x:explain  e:export  w:Wireshark  q:quit",
	" ?:help  Enter:details  /:search  f:filter  a:ACKs  s:stats  e:export  q:quit",
	" ?:help  Enter:details  /:search  q:quit",
	" ?:help  q:quit",
	NULL,
};
static const char *const page_hints[] = {
	" q:back  arrows, PgDn:move  /:search  n:next",
	" q:back  /:search  n:next",
	" q:back",
	NULL,
};

static void put_hints(const struct screen *s, const char *const *those)
{
	while (those[1] && strlen(*those) > s->columns)
		those++;
	put(s, s->rows - 1, 0, STYLE_FAINT, false, str_z(*those));
}

/* What is longer than a row takes the ones above, too. */
static void put_status(const struct screen *s)
{
	struct str rest = buf_view(&s->status);
	unsigned needed = filter_width(rest) / s->columns + 1, most = s->rows > 4 ? s->rows - 3 : 1;
	unsigned row = s->rows - (needed < most ? needed : most);

	for (; row < s->rows; row++) {
		struct str part = cells_of(rest, 0, s->columns);

		term_fill(row, 0, STYLE_PLAIN, false);
		term_put(row, 0, STYLE_MESSAGE, false, part);
		rest = (struct str){rest.p + part.n, rest.n - part.n};
	}
}

static void put_bottom(const struct screen *s)
{
	if (s->asked != ASK_NOTHING) {
		put_question(s);
		return;
	}
	if (s->status.n)
		put_status(s);
	else
		put_hints(s, s->title.n ? page_hints : hints);
	term_cursor(false, 0, 0);
}

void screen_draw(struct screen *s)
{
	term_size(&s->rows, &s->columns);
	if (s->rows < 2 || s->columns < 10)
		return;
	term_clear();
	if (s->title.n) {
		put_page(s);
	} else {
		put_title(s);
		put_ladder(s);
	}
	put_bottom(s);
	term_flush();
}
