#include "loop/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/priv.h"

/* The clocks may differ by a rounding; time still never goes back. */
static void stamp(struct loop *l)
{
	if (l->stamped)
		return;
	l->stamped = true;
	if (l->is_virtual)
		return;
	int64_t now = clock_mono();
	if (now > l->now)
		l->now = now;
	l->wall = clock_wall();
}

void loop_ran(struct loop *l)
{
	stamp(l);
	l->ran = true;
}

static void on_alarm(uv_timer_t *t)
{
	struct loop *l = t->data;
	/* Woken for that moment, it has come, whatever the finer clock says. */
	if (!l->is_virtual && l->now < l->alarm_at)
		l->now = l->alarm_at;
}

static void on_wake(uv_async_t *a)
{
	struct loop *l = a->data;
	loop_ran(l);
	l->mail = true;
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	must(uv_loop_init(&l->uv) == 0);
	must(uv_timer_init(&l->uv, &l->alarm) == 0);
	must(uv_async_init(&l->uv, &l->wake, on_wake) == 0);
	l->alarm.data = l;
	l->wake.data = l;
	timers_init(&l->timers);
	list_init(&l->deferred);
	list_init(&l->next);
	stamp(l);
	return l;
}

void loop_free(struct loop **l)
{
	struct loop *o = TAKE(*l);
	if (!o)
		return;
	must(!o->in_turn && o->helpers == 0);
	must(list_empty(&o->deferred) && list_empty(&o->next));
	uv_close((uv_handle_t *)&o->alarm, NULL);
	uv_close((uv_handle_t *)&o->wake, NULL);
	loop_close_signals(o);
	for (int i = 0; i < 100 && uv_loop_alive(&o->uv); i++)
		uv_run(&o->uv, UV_RUN_NOWAIT); /* close callbacks */
	must(uv_loop_close(&o->uv) == 0);
	timers_clear(&o->timers);
	xfree(o);
}

/* Only what was posted before is run: work that posts itself again gives descriptors a turn first. */
static void run_all(struct loop *l, struct list *batch)
{
	for (struct list *n; (n = list_take(batch));) {
		struct defer *d = LIST_ITEM(n, struct defer, node);
		loop_ran(l);
		d->run(d);
	}
}

static void move_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	to->next = from->next;
	to->prev = from->prev;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

/* True if there is nothing to do yet; then the alarm is set for when there is. */
static bool may_wait(struct loop *l)
{
	if (!list_empty(&l->deferred) || !list_empty(&l->next))
		return false;
	int64_t due = timers_next(&l->timers);
	if (l->is_virtual)
		return due > l->now;
	int64_t now = clock_mono();
	if (due <= now || due <= l->now)
		return false;
	if (due == INT64_MAX) {
		uv_timer_stop(&l->alarm);
		return true;
	}
	uv_update_time(&l->uv);
	l->alarm_at = due;
	uv_timer_start(&l->alarm, on_alarm, (uint64_t)(due - now), 0);
	return true;
}

static void read_mail(struct loop *l)
{
	if (!l->mail)
		return;
	l->mail = false;
	if (l->on_mail)
		l->on_mail(l->mail_arg);
}

bool loop_step(struct loop *l, bool wait)
{
	must(!l->in_turn);
	l->in_turn = true;
	l->ran = l->stamped = false;
	wait = wait && may_wait(l);
	if (!wait)
		uv_timer_stop(&l->alarm);

	struct list batch;
	move_all(&l->next, &batch);
	uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	stamp(l);
	run_all(l, &batch);
	read_mail(l);
	if (timers_run(&l->timers, l->now) > 0)
		l->ran = true;
	move_all(&l->deferred, &batch);
	run_all(l, &batch);
	if (l->on_turn)
		l->on_turn(l->turn_arg);
	l->in_turn = false;
	return l->ran;
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		loop_step(l, true);
	l->stop = false;
}

void loop_stop(struct loop *l) { l->stop = true; }

int64_t loop_now(const struct loop *l) { return l->now; }

int64_t loop_wall(const struct loop *l) { return l->wall; }

void loop_set_virtual(struct loop *l, int64_t now, int64_t wall)
{
	uv_timer_stop(&l->alarm);
	l->is_virtual = true;
	l->now = now;
	l->wall = wall;
}

struct timers *loop_timers(struct loop *l) { return &l->timers; }

void loop_defer(struct loop *l, struct defer *d)
{
	if (!list_linked(&d->node))
		list_append(&l->deferred, &d->node);
}

void loop_next(struct loop *l, struct defer *d)
{
	if (!list_linked(&d->node))
		list_append(&l->next, &d->node);
}

void loop_undefer(struct defer *d) { list_remove(&d->node); }

void loop_on_turn(struct loop *l, void (*hook)(void *arg), void *arg)
{
	l->on_turn = hook;
	l->turn_arg = arg;
}

void loop_wake(struct loop *l) { uv_async_send(&l->wake); }

void loop_on_mail(struct loop *l, void (*hook)(void *arg), void *arg)
{
	l->on_mail = hook;
	l->mail_arg = arg;
}
