/* The questions of a lesson about TCP and chat, answered from a capture: each with the frames, and with the display filter
 * that shows them in Wireshark or by `wireside trace FILE -Y FILTER`. */
#ifndef TRACE_EXPLAIN_H
#define TRACE_EXPLAIN_H

#include "trace/dissect.h"

/* The first of them: by this a file is known for one of ours (cmd/trace_place.c). */
#define EXPLAIN_FIRST "Who is in this trace?"
void explain_put(const struct dissected *d, struct buf *out);

#endif
