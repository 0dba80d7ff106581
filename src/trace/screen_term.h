/* The terminal as a grid, by ncurses: the only file that knows it. Texts that reach it are filtered (tui/filter.h). One at a
 * time. */
#ifndef TRACE_SCREEN_TERM_H
#define TRACE_SCREEN_TERM_H

#include "trace/screen_line.h"

enum key_kind {
	KEY_IS_CHAR, /* the character is told; Enter is '\n', Escape 27 */
	KEY_IS_UP,
	KEY_IS_DOWN,
	KEY_IS_LEFT,
	KEY_IS_RIGHT,
	KEY_IS_PAGE_UP,
	KEY_IS_PAGE_DOWN,
	KEY_IS_HOME,
	KEY_IS_END,
	KEY_IS_BACKSPACE,
	KEY_IS_WHEEL_UP,
	KEY_IS_WHEEL_DOWN,
	KEY_IS_CLICK, /* row is told */
	KEY_IS_RESIZE,
	KEY_IS_OTHER
};

struct key {
	enum key_kind kind;
	uint32_t c;
	unsigned row;
};

/* ERR_UNSUPPORTED: this terminal cannot do it. Colours only where it has them and NO_COLOR is not set. */
int term_open(void);
void term_close(void);
void term_size(unsigned *rows, unsigned *columns);
/* A key that was pressed; false: none now. Reads standard input, which never blocks. */
bool term_key(struct key *ret);

void term_clear(void);
/* chosen: the row that is marked. */
void term_put(unsigned row, unsigned column, enum style style, bool chosen, struct str text);
/* The rest of the row, from the column on. */
void term_fill(unsigned row, unsigned column, enum style style, bool chosen);
void term_cursor(bool shown, unsigned row, unsigned column);
void term_flush(void);

#endif
