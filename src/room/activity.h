/* How much is said in a room, in messages an hour (XEP-0502): of the last day, by hours, in constant space. */
#ifndef ROOM_ACTIVITY_H
#define ROOM_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

enum { ACTIVITY_HOURS = 25 /* the present one and a day */ };

struct activity {
	int64_t since; /* ms since 1970: what was said from then on has been counted */
	int64_t hour;  /* number of the present one */
	uint16_t count[ACTIVITY_HOURS];
};

/* *a: made when first needed; xfree() it. since counts only then. time: of the message; not in the future of now. */
void activity_add(struct activity **a, int64_t since, int64_t time, int64_t now);
/* a NULL: nothing was said since then. A room younger than an hour is treated as if it were one. */
double activity_rate(const struct activity *a, int64_t since, int64_t now);

#endif
