/* Lines of the ladder for a screen of some width: where the columns are, and what stands in them. Pure. */
#ifndef TRACE_SCREEN_LINE_H
#define TRACE_SCREEN_LINE_H

#include "trace/screen_rungs.h"

/* What a line is about; each has its colour, and the legend their names. */
enum style {
	STYLE_PLAIN,
	STYLE_DISCOVERY,
	STYLE_TCP,
	STYLE_TLS,
	STYLE_STREAM, /* opened, logged in to */
	STYLE_PRESENCE,
	STYLE_MESSAGE,
	STYLE_RECEIPT,
	STYLE_LOST, /* and what it costs */
	STYLE_CLOSE,
	STYLE_FAINT, /* folded, numbers */
	STYLE_BAR,   /* above and below */
	STYLE_ALARM, /* secrets are recorded */
	STYLES
};
extern const char *const style_names[STYLES]; /* NULL: not in the legend */

struct layout {
	unsigned columns, number, time, decimals;
	unsigned lane;  /* cells between two hosts; 0: no room for lanes, names are written instead */
	unsigned lanes; /* cells of all */
	unsigned text;  /* column where the text begins */
};

struct layout layout_of(const struct dissected *d, unsigned columns);
/* The names of hosts over their lanes. */
void line_names(const struct dissected *d, const struct layout *l, struct buf *out);
/* "   12   0.123 " */
void line_head(const struct rungs *v, const struct rung *r, const struct layout *l, struct buf *out);
void line_lanes(const struct rungs *v, const struct rung *r, const struct layout *l, struct buf *out);
/* The text, without its first `skip` cells, and cut to what fits. */
void line_text(const struct rungs *v, const struct rung *r, const struct layout *l, unsigned skip, struct buf *out);
enum style line_style(const struct rungs *v, const struct rung *r);

/* The part of filtered text from cell `skip` on, of at most `cells`. */
struct str cells_of(struct str text, unsigned skip, unsigned cells);

#endif
