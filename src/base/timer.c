/* A binary heap in the first `live` places of the array. While timers fire, those started for a time
 * already due are parked behind it, so that a timer which restarts itself cannot hold up the run. */
#include "base/timer.h"

#include "base/mem.h"

enum { FIRST_CAP = 8 };

void timers_init(struct timers *ts) { *ts = (struct timers){0}; }

void timers_clear(struct timers *ts)
{
	must(!ts->running);
	for (uint32_t i = 0; i < ts->n; i++)
		ts->heap[i]->pos = 0;
	xfree(ts->heap);
	timers_init(ts);
}

static void put(struct timers *ts, uint32_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->pos = i + 1;
}

static void sift_up(struct timers *ts, uint32_t i)
{
	struct timer *t = ts->heap[i];
	for (; i > 0 && ts->heap[(i - 1) / 2]->at > t->at; i = (i - 1) / 2)
		put(ts, i, ts->heap[(i - 1) / 2]);
	put(ts, i, t);
}

static void sift_down(struct timers *ts, uint32_t i)
{
	struct timer *t = ts->heap[i];
	for (uint32_t child; (child = 2 * i + 1) < ts->live; i = child) {
		if (child + 1 < ts->live && ts->heap[child + 1]->at < ts->heap[child]->at)
			child++;
		if (ts->heap[child]->at >= t->at)
			break;
		put(ts, i, ts->heap[child]);
	}
	put(ts, i, t);
}

static void resize(struct timers *ts, uint32_t cap)
{
	must(cap <= INT32_MAX);
	ts->heap = xrealloc(ts->heap, cap * sizeof(struct timer *));
	ts->cap = cap;
}

static void take_out(struct timers *ts, uint32_t i)
{
	uint32_t hole = i;
	ts->heap[i]->pos = 0;
	if (i < ts->live) {
		hole = --ts->live;
		if (i < hole) {
			put(ts, i, ts->heap[hole]);
			sift_up(ts, i);
			sift_down(ts, i);
		}
	}
	if (hole < --ts->n)
		put(ts, hole, ts->heap[ts->n]);
}

void timer_start(struct timers *ts, struct timer *t, int64_t at)
{
	must(t->fire);
	if (t->pos)
		take_out(ts, t->pos - 1);
	if (ts->n == ts->cap)
		resize(ts, ts->cap ? ts->cap * 2 : FIRST_CAP);
	t->at = at;
	uint32_t i = ts->n++;
	if (!ts->running || at > ts->now) {
		if (ts->live < i)
			put(ts, i, ts->heap[ts->live]);
		i = ts->live++;
		put(ts, i, t);
		sift_up(ts, i);
	} else {
		put(ts, i, t);
	}
}

void timer_stop(struct timers *ts, struct timer *t)
{
	if (!t->pos)
		return;
	must(t->pos <= ts->n && ts->heap[t->pos - 1] == t);
	take_out(ts, t->pos - 1);
	if (ts->cap > FIRST_CAP && ts->n <= ts->cap / 4)
		resize(ts, ts->cap / 2);
}

int64_t timers_next(const struct timers *ts)
{
	int64_t at = ts->live ? ts->heap[0]->at : INT64_MAX;
	for (uint32_t i = ts->live; i < ts->n; i++)
		if (ts->heap[i]->at < at)
			at = ts->heap[i]->at;
	return at;
}

int timers_run(struct timers *ts, int64_t now)
{
	int fired = 0;
	must(!ts->running);
	ts->running = true;
	ts->now = now;
	for (; ts->live && ts->heap[0]->at <= now; fired++) {
		struct timer *t = ts->heap[0];
		timer_stop(ts, t);
		t->fire(t);
	}
	ts->running = false;
	while (ts->live < ts->n)
		sift_up(ts, ts->live++);
	return fired;
}
