/* What the parts of the loop share; for this folder only. */
#ifndef LOOP_PRIV_H
#define LOOP_PRIV_H

#include <uv.h>

#include "loop/loop.h"

enum { LOOP_SIGNALS = 8 }; /* different signals a loop can watch */

struct loop_signal {
	uv_signal_t uv;
	int signum; /* 0: free */
	void (*on_signal)(void *arg, int signum);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t alarm; /* wakes for the first of timers, does nothing itself */
	uv_async_t wake;
	struct timers timers;
	struct list deferred; /* struct defer.node: for the end of this turn */
	struct list next;     /* struct defer.node: for the descriptor phase of the next turn */
	void (*on_turn)(void *arg);
	void *turn_arg;
	void (*on_mail)(void *arg);
	void *mail_arg;
	int64_t now, wall;
	int64_t alarm_at; /* what alarm was started for */
	bool is_virtual;
	bool stamped; /* now and wall are of this turn */
	bool in_turn, ran, mail, stop;
	unsigned helpers;
	struct loop_signal signals[LOOP_SIGNALS];
};

/* Every callback of the library that does something calls this first: the turn has a time, and did run. */
void loop_ran(struct loop *l);
void loop_close_signals(struct loop *l);

#endif
