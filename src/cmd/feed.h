/* The other side of traced.c: what a running node tells whoever traces it, asked for over its control socket. */
#ifndef CMD_FEED_H
#define CMD_FEED_H

#include "base/buf.h"

enum { FEED_MAX = 16 << 20 /* bytes taken at once */ };

struct feed {
	char path[4096];
	char number[16]; /* what the node calls us; "": nothing is told */
};

/* From now on the node gathers what is wanted ("keys", "stanzas", "pdus"; NULL at the end). ERR_ with a line in why. */
int feed_begin(struct feed *f, const char *data, const char *const *wanted, struct buf *why);
/* The lines since the last time; the caller wipes them. ERR_: nothing will be told any more. */
int feed_take(struct feed *f, struct buf *out);
void feed_end(struct feed *f);
static inline bool feed_on(const struct feed *f) { return f->number[0] != '\0'; }

/* Any question about traces, "links" for example, and one word with it (NULL: none), whether or not anything is gathered.
 * out: the answer, or why there is none. */
int feed_ask(const char *data, const char *question, const char *word, struct buf *out);

#endif
