/* Private to the files of the report. */
#ifndef TRACE_REPORT_I_H
#define TRACE_REPORT_I_H

#include "trace/report.h"

enum { REPORT_ROWS_MAX = 5000, REPORT_TEXT_MAX = 1 << 16 };

/* Of others: nothing that turns or breaks, and nothing that is markup. */
void report_text(struct buf *out, struct str text);

/* ---- report_tshark.c: what tshark says beyond the fields of dissect.h ---- */

/* The tree of fields of frames, as text: what stands under the pointer. */
struct report_trees {
	struct buf text;
	struct report_tree {
		uint32_t at, n;
	} * of; /* by index of the frame */
};
/* Of those frames that have a row. Where tshark fails there are none. */
void report_trees_read(const struct report *r, struct report_trees *ret);
void report_trees_clear(struct report_trees *t);
void report_tree_put(const struct report_trees *t, const struct report *r, uint32_t index, struct buf *out);
/* What was said on the first connections, as bytes. */
void report_follow(const struct report *r, struct buf *out);
/* The commands that show the same without us. */
void report_commands(const struct report *r, struct buf *out);

/* ---- report_ladder.c, report_chart.c ---- */

void report_ladder(const struct report *r, const struct report_trees *t, struct buf *out);
/* One line about a frame. Not filtered. */
void report_brief(const struct dissected *d, const struct dissected_frame *f, struct buf *out);
void report_charts(const struct dissected *d, struct buf *out);

#endif
