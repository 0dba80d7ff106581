/* What `wireside peer import` reads, cut into rows: lines of text, and objects of JSON, however these are spread over lines. */
#ifndef CMD_PEER_ROWS_H
#define CMD_PEER_ROWS_H

#include "base/buf.h"

enum { PEER_ROW_MAX = 65536 };

struct peer_rows {
	void (*on_row)(void *arg, const char *row); /* without line breaks */
	void *arg;
	struct buf object; /* so much of one has come */
	unsigned depth;    /* of braces; 0: in none */
	bool text, escaped;
};

void peer_rows_init(struct peer_rows *p, void (*on_row)(void *arg, const char *row), void *arg);
void peer_rows_clear(struct peer_rows *p);
/* A line, without its end. False: an object in it is longer than PEER_ROW_MAX, and left out. */
bool peer_rows_line(struct peer_rows *p, struct str line);
bool peer_rows_whole(const struct peer_rows *p); /* not in the middle of an object */

#endif
