/* Time: milliseconds, and the text form of XEP-0082. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

int64_t clock_mono(void); /* milliseconds of the monotonic clock */
int64_t clock_wall(void); /* milliseconds since 1970-01-01 UTC */

/* "2026-11-21T20:42:55.120Z" (XEP-0082 DateTime, always UTC). */
void clock_format(struct buf *out, int64_t wall);
/* For people, where they are: "2026-11-21 21:42". */
void clock_format_local(struct buf *out, int64_t wall);
/* A XEP-0082 DateTime with any offset and fraction; ERR_SYNTAX. */
int clock_parse(struct str text, int64_t *ret_wall);

#endif
