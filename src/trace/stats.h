/* Numbers of a capture: what was said, how fast it was acknowledged, what was lost, and what it all cost. */
#ifndef TRACE_STATS_H
#define TRACE_STATS_H

#include "trace/dissect.h"

void stats_put(const struct dissected *d, struct buf *out);
/* The same for programs: one JSON object; times are in milliseconds. */
void stats_json(const struct dissected *d, struct buf *out);

#endif
