/* How fast one occupant may go on: so many at once, then one in a time. Without it one who floods would take the turns of
 * all others, since each of his stanzas is multiplied. */
#ifndef ROOM_FLOOD_H
#define ROOM_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

struct flood {
	int64_t until; /* the time that what was sent so far should have taken (ms) */
};

struct flood_rate {
	uint32_t each_ms, burst;
};

/* Counts one more; false: too fast. */
static inline bool flood_allows(struct flood *f, struct flood_rate rate, int64_t now)
{
	int64_t from = f->until > now ? f->until : now;

	if (from - now > (int64_t)rate.each_ms * (rate.burst - 1))
		return false;
	f->until = from + rate.each_ms;
	return true;
}

#endif
