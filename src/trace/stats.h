/* Numbers of a capture: what was said, how fast it was acknowledged, what was lost, and what it all cost. */
#ifndef TRACE_STATS_H
#define TRACE_STATS_H

#include "trace/dissect.h"

/* How both begin, and what comes soon after: by these a file is known for one of ours (cmd/trace_place.c). */
#define STATS_FRAMES "frames"
#define STATS_DROPPED "packets dropped at the capture"
#define STATS_JSON_BEGINS "{\n  \"frames\": "
#define STATS_JSON_HAS "\"text_bytes\": "
void stats_put(const struct dissected *d, struct buf *out);
/* The same for programs: one JSON object; times are in milliseconds. */
void stats_json(const struct dissected *d, struct buf *out);

#endif
