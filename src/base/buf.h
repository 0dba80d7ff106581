/* Growing bytes with a mandatory maximum. The first addition that would pass the maximum sets
 * `failed` and adds nothing; later ones do nothing: write freely, check buf_ok() once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *p;     /* NULL while empty; not terminated */
	size_t n;    /* bytes in use */
	size_t cap;  /* bytes allocated */
	size_t max;  /* never more than this */
	bool failed; /* an addition did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* frees the memory; keeps max; usable again */
void buf_reset(struct buf *b); /* empties, keeps the memory */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_z(struct buf *b, const char *z);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes and returns where they start, or NULL (and failed); then add to b->n
 * yourself, at most n. */
char *buf_room(struct buf *b, size_t n);
/* Removes the first n bytes. */
void buf_eat(struct buf *b, size_t n);
/* Cuts to the first n bytes. */
void buf_cut(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b) { return !b->failed; }
static inline struct str buf_view(const struct buf *b) { return (struct str){b->p ? b->p : "", b->n}; }
/* A terminated text, valid until the next change of b; "" when it failed. */
const char *buf_cstr(struct buf *b);

#endif
