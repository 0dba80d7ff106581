/* One thread's event loop: readiness of descriptors, timers, deferred work, signals. Over libuv.
 * All calls from the loop's own thread, except loop_wake().
 *
 * One turn:  wait -> descriptors -> mail -> timers -> deferred work -> turn hook -> (again if something
 * was deferred meanwhile, without waiting). */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/list.h"
#include "base/timer.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop **l); /* everything watched must be gone */

void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* from a callback: the current turn is finished first */
/* One turn; waits for something to happen only when wait is true. True if anything ran. */
bool loop_step(struct loop *l, bool wait);

/* Time of this turn in milliseconds: monotonic, and since 1970. */
int64_t loop_now(const struct loop *l);
int64_t loop_wall(const struct loop *l);
/* Tests and simulation: from now on time stands still until set again. Setting it fires nothing by
 * itself: the next loop_step() does. */
void loop_set_virtual(struct loop *l, int64_t now, int64_t wall);

struct timers *loop_timers(struct loop *l); /* start with timer_start(loop_timers(l), &t, loop_now(l) + 500) */

/* Work for the end of this turn, run once, in order of posting; posting it again before it ran does
 * nothing. Deferred destruction uses this. */
struct defer {
	struct list node;
	void (*run)(struct defer *d);
};
void loop_defer(struct loop *l, struct defer *d);
/* The same for the descriptor phase of the next turn, which then comes without waiting: readiness of
 * what has no descriptor of its own (links in memory, bytes buffered by a link). */
void loop_next(struct loop *l, struct defer *d);
void loop_undefer(struct defer *d); /* of either kind; harmless when not posted */

/* Called at the end of each turn after deferred work (one hook a loop). */
void loop_on_turn(struct loop *l, void (*hook)(void *arg), void *arg);

/* Another thread has something for this loop: its mail hook runs once soon. Any thread. */
void loop_wake(struct loop *l);
void loop_on_mail(struct loop *l, void (*hook)(void *arg), void *arg);

/* Readiness of one descriptor. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch; /* heap object, because the library needs it until its close callback */
struct watch *watch_new(struct loop *l, int fd, void (*on_ready)(void *arg, int events), void *arg);
void watch_set(struct watch *w, int events); /* WATCH_ bits, 0 for none */
void watch_free(struct watch **w);           /* at once silent; does not close the descriptor */

/* At most one handler a signal: ERR_EXISTS. NULL takes it away again. ERR_INVALID: cannot be caught. */
int loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *arg, int signum), void *arg);

/* Helper pool for slow work (key derivation, name look-ups). work runs on another thread, done on the
 * loop's. The job embeds this; it must live until done. With a virtual clock work runs at once, inside
 * helper_run(), and done in the next turn. */
struct helper_job {
	void (*work)(struct helper_job *j);
	void (*done)(struct helper_job *j);
	struct loop *loop; /* set by helper_run */
	void *handle;      /* private */
};
void helper_run(struct loop *l, struct helper_job *j);
/* Jobs not yet done. loop_free() must not be called before this is 0. */
unsigned helper_pending(const struct loop *l);

#endif
