/* A text that is longer than the screen: what a frame is made of, statistics, help. Lines may be added while it is read. Pure. */
#ifndef TRACE_SCREEN_PAGE_H
#define TRACE_SCREEN_PAGE_H

#include "base/buf.h"

enum { PAGE_BYTES_MAX = 16 << 20, PAGE_LINES_MAX = 200000 };

struct page {
	struct buf text; /* filtered lines, without their ends */
	struct page_line {
		uint32_t at, n;
	} * lines;
	uint32_t n, cap;
	uint32_t top, height;
	bool cut; /* there was more than the limits allow */
	struct buf needle;
	bool backward;
	uint32_t found; /* line + 1; 0: none */
};

void page_init(struct page *p);
void page_clear(struct page *p);
/* A line of anybody; false: there is no room for it. */
bool page_line(struct page *p, struct str line);
/* Lines separated by '\n'. Those that are wider than the columns go on below, indented; not so a display filter, for people copy
 * these. */
void page_text(struct page *p, struct str text, unsigned columns);
void page_resize(struct page *p, uint32_t height);
void page_move(struct page *p, int64_t lines);
struct str page_get(const struct page *p, uint32_t line);
/* The next line with the text, in either case, behind the one found last or above it; it becomes visible. False: there is none
 * (yet). */
void page_search_for(struct page *p, struct str needle, bool backward);
bool page_search(struct page *p);

/* Is the text in there, upper or lower case? */
bool page_contains(struct str text, struct str needle);

#endif
