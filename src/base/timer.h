/* Timers in a heap, sans clock: somebody who knows the time calls timers_run(). One thread. Used by
 * the loop (real time) and by the core (time that comes in messages). */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	void (*fire)(struct timer *t); /* set before start; may start or stop any timer */
	int64_t at;                    /* milliseconds */
	uint32_t pos;                  /* place in the heap + 1; 0 when not running */
};

struct timers {
	struct timer **heap;
	uint32_t n, cap;
	uint32_t live; /* those in heap order; the rest wait for the next run */
	bool running;  /* inside timers_run() */
	int64_t now;   /* of that run */
};

void timers_init(struct timers *ts);
void timers_clear(struct timers *ts);
/* Starts or moves t. */
void timer_start(struct timers *ts, struct timer *t, int64_t at);
void timer_stop(struct timers *ts, struct timer *t); /* harmless when not running */
static inline bool timer_running(const struct timer *t) { return t->pos != 0; }
/* When the next one is due, INT64_MAX if none. */
int64_t timers_next(const struct timers *ts);
/* Fires all that are due at now; returns how many. Timers started by a firing one with at <= now
 * wait for the next call. */
int timers_run(struct timers *ts, int64_t now);

#endif
