/* Text of others made harmless before it reaches a terminal: no control characters, nothing that turns the direction of
 * writing, no broken UTF-8. What is taken out leaves a visible mark: a control picture (U+2400 and on), "<U+202E>" or U+FFFD. */
#ifndef TUI_FILTER_H
#define TUI_FILTER_H

#include "base/buf.h"

/* What a line break of the text becomes: the mark shows that no event of its own begins here. */
#define FILTER_MARK "      | "

/* One line: line breaks too become marks. */
void filter_line(struct buf *out, struct str text);
/* A line break becomes one, with FILTER_MARK behind it. */
void filter_text(struct buf *out, struct str text);
/* Breaks lines (ended by '\n') longer than `columns` cells, with FILTER_MARK behind the break, so that a line cannot fill
 * itself up until the terminal begins another. 0 columns: unchanged. */
void filter_wrap(struct buf *out, struct str text, unsigned columns);
/* Cells of filtered text; rather too many than too few. */
unsigned filter_width(struct str text);

#endif
