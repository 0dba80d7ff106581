/* Timers: order, stopping and moving, and what a firing timer may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/timer.h"

struct alarm {
	struct timer timer;
	struct timers *ts;
	int fired;
	void (*then)(struct alarm *a);
	struct alarm *other;
	int64_t at;
};

static struct alarm *order[64];
static int n_fired;

static void fire(struct timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
	assert_false(timer_running(t));
	a->fired++;
	order[n_fired++ % 64] = a;
	if (a->then)
		a->then(a);
}

static void prepare(struct timers *ts, struct alarm *alarms, size_t n)
{
	n_fired = 0;
	timers_init(ts);
	for (size_t i = 0; i < n; i++)
		alarms[i] = (struct alarm){.timer.fire = fire, .ts = ts};
}

static void test_empty(void **unused)
{
	struct timers ts;
	struct timer t = {.fire = fire};
	timers_init(&ts);
	assert_true(timers_next(&ts) == INT64_MAX);
	assert_int_equal(timers_run(&ts, INT64_MAX), 0);
	assert_false(timer_running(&t));
	timer_stop(&ts, &t);
	assert_null(ts.heap);
	timers_clear(&ts);
}

static void test_order(void **unused)
{
	struct timers ts;
	struct alarm a[7];
	static const int64_t at[7] = {50, 10, 40, INT64_MIN, 30, 60, 20};
	static const int want[6] = {3, 1, 6, 4, 2, 0};
	prepare(&ts, a, 7);
	for (int i = 0; i < 7; i++)
		timer_start(&ts, &a[i].timer, at[i]);
	assert_true(timers_next(&ts) == INT64_MIN);
	assert_int_equal(timers_run(&ts, 9), 1);
	assert_true(timers_next(&ts) == 10);
	assert_int_equal(timers_run(&ts, 10), 1); /* due at exactly now */
	assert_int_equal(timers_run(&ts, 10), 0);
	assert_int_equal(timers_run(&ts, 59), 4);
	for (int i = 0; i < 6; i++)
		assert_ptr_equal(order[i], &a[want[i]]);
	assert_true(timer_running(&a[5].timer));
	assert_true(timers_next(&ts) == 60);
	timers_clear(&ts);
	assert_false(timer_running(&a[5].timer));
	assert_int_equal(a[5].fired, 0);
	assert_true(timers_next(&ts) == INT64_MAX);
}

static void test_stop_and_move(void **unused)
{
	struct timers ts;
	struct alarm a[4];
	prepare(&ts, a, 4);
	for (int i = 0; i < 4; i++)
		timer_start(&ts, &a[i].timer, 10 * i);
	timer_stop(&ts, &a[0].timer);
	timer_stop(&ts, &a[0].timer);
	assert_false(timer_running(&a[0].timer));
	timer_start(&ts, &a[1].timer, 100); /* later */
	timer_start(&ts, &a[3].timer, 5);   /* earlier */
	timer_start(&ts, &a[2].timer, 20);  /* the same */
	assert_int_equal(ts.n, 3);
	assert_true(timers_next(&ts) == 5);
	assert_int_equal(timers_run(&ts, 99), 2);
	assert_ptr_equal(order[0], &a[3]);
	assert_ptr_equal(order[1], &a[2]);
	assert_int_equal(timers_run(&ts, 100), 1);
	assert_int_equal(a[0].fired, 0);
	assert_int_equal(ts.n, 0);
	timers_clear(&ts);
}

static void restart_at(struct alarm *a)
{
	timer_start(a->ts, &a->timer, a->at);
	assert_true(timer_running(&a->timer));
}

static void test_restart_from_within(void **unused)
{
	struct timers ts;
	struct alarm a[2];
	prepare(&ts, a, 2);
	a[0].then = restart_at;
	a[0].at = 3; /* always overdue */
	timer_start(&ts, &a[0].timer, 3);
	timer_start(&ts, &a[1].timer, 7);
	assert_int_equal(timers_run(&ts, 10), 2); /* and not for ever */
	assert_int_equal(a[0].fired, 1);
	assert_int_equal(a[1].fired, 1);
	assert_true(timers_next(&ts) == 3);
	assert_int_equal(timers_run(&ts, 10), 1); /* the same time, the next call */
	a[0].at = 10;
	assert_int_equal(timers_run(&ts, 10), 1); /* equal to now waits too */
	assert_int_equal(a[0].fired, 3);
	a[0].at = 11;
	assert_int_equal(timers_run(&ts, 10), 1);
	assert_int_equal(timers_run(&ts, 10), 0);
	assert_true(timers_next(&ts) == 11);
	timers_clear(&ts);
}

static void stop_other(struct alarm *a) { timer_stop(a->ts, &a->other->timer); }

static void move_other(struct alarm *a) { timer_start(a->ts, &a->other->timer, a->at); }

static void test_stop_another_from_within(void **unused)
{
	struct timers ts;
	struct alarm a[3];
	prepare(&ts, a, 3);
	a[0].then = stop_other;
	a[0].other = &a[1];
	for (int i = 0; i < 3; i++)
		timer_start(&ts, &a[i].timer, i);
	assert_int_equal(timers_run(&ts, 10), 2);
	assert_int_equal(a[1].fired, 0);
	assert_int_equal(a[2].fired, 1);
	timers_clear(&ts);
}

static void test_move_another_from_within(void **unused)
{
	struct timers ts;
	struct alarm a[4];
	prepare(&ts, a, 4);
	a[0].then = move_other;
	a[0].other = &a[1]; /* due, moved to a due time: started by a firing one, so it waits */
	a[0].at = 2;
	a[2].then = move_other;
	a[2].other = &a[3]; /* moved out of reach */
	a[2].at = 11;
	for (int i = 0; i < 4; i++)
		timer_start(&ts, &a[i].timer, i);
	assert_int_equal(timers_run(&ts, 10), 2);
	assert_int_equal(a[1].fired + a[3].fired, 0);
	assert_true(timers_next(&ts) == 2);
	assert_int_equal(timers_run(&ts, 10), 1);
	assert_int_equal(a[1].fired, 1);
	assert_int_equal(timers_run(&ts, 11), 1);
	assert_int_equal(a[3].fired, 1);
	timers_clear(&ts);
}

static void start_then_stop(struct alarm *a)
{
	/* Waiting for the next run, then moved beyond it and back, then stopped. */
	assert_true(timers_next(a->ts) == a->at);
	restart_at(a);
	timer_start(a->ts, &a->other->timer, a->at);
	timer_start(a->ts, &a->timer, 1000);
	assert_true(timers_next(a->ts) == a->at);
	timer_start(a->ts, &a->timer, 4);
	assert_true(timers_next(a->ts) == 4);
	timer_stop(a->ts, &a->timer);
	assert_true(timers_next(a->ts) == a->at);
}

static void test_waiting_ones_can_be_stopped(void **unused)
{
	struct timers ts;
	struct alarm a[4];
	prepare(&ts, a, 4);
	a[0].then = start_then_stop;
	a[0].other = &a[1];
	a[0].at = 5;
	timer_start(&ts, &a[0].timer, 1);
	timer_start(&ts, &a[2].timer, 5);
	timer_start(&ts, &a[3].timer, 50);
	assert_int_equal(timers_run(&ts, 10), 2);
	assert_int_equal(a[0].fired, 1);
	assert_int_equal(a[1].fired, 0);
	assert_int_equal(a[2].fired, 1);
	assert_int_equal(ts.n, 2);
	assert_int_equal(timers_run(&ts, 10), 1);
	assert_int_equal(a[1].fired, 1);
	assert_int_equal(timers_run(&ts, 50), 1);
	timers_clear(&ts);
}

static void free_itself(struct alarm *a) { xfree(a); }

static void test_free_from_within(void **unused)
{
	struct timers ts;
	int64_t before = mem_stats().bytes;
	timers_init(&ts);
	for (int i = 0; i < 20; i++) {
		struct alarm *a = xcalloc(1, sizeof(*a));
		a->timer.fire = fire;
		a->then = free_itself;
		timer_start(&ts, &a->timer, i % 5);
	}
	assert_int_equal(timers_run(&ts, 4), 20);
	timers_clear(&ts);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_memory_goes_back(void **unused)
{
	static struct alarm a[1000];
	struct timers ts;
	prepare(&ts, a, 1000);
	for (int i = 0; i < 1000; i++)
		timer_start(&ts, &a[i].timer, 1000 - i);
	assert_true(ts.cap >= 1000);
	timers_run(&ts, 990);
	assert_int_equal(ts.n, 10);
	assert_true(ts.cap <= 64);
	timers_clear(&ts);
	assert_null(ts.heap);
}

/* Random starts, moves and stops from outside and from within, against a plain array of times. */
enum { MODEL = 60 };
static int64_t model[MODEL]; /* when due, INT64_MAX when stopped */
static bool waits[MODEL];    /* not before the next run */
static struct alarm crowd[MODEL];
static int64_t model_now;

static uint32_t pick(uint32_t n)
{
	uint32_t r;
	rand_bytes(&r, sizeof(r));
	return r % n;
}

static void change_one(struct timers *ts, bool within)
{
	uint32_t i = pick(MODEL);
	if (pick(3) == 0) {
		timer_stop(ts, &crowd[i].timer);
		model[i] = INT64_MAX;
		return;
	}
	int64_t at = model_now + pick(100) - 30;
	timer_start(ts, &crowd[i].timer, at);
	model[i] = at;
	waits[i] = within && at <= model_now;
}

static void check_model(struct alarm *a)
{
	int64_t least = INT64_MAX;
	for (int i = 0; i < MODEL; i++)
		if (!waits[i] && model[i] < least)
			least = model[i];
	ptrdiff_t self = a - crowd;
	assert_false(waits[self]);
	assert_true(model[self] == least && least <= model_now); /* the right one */
	model[self] = INT64_MAX;
	for (int i = 0; i < MODEL; i++)
		assert_int_equal(timer_running(&crowd[i].timer), model[i] != INT64_MAX);
	for (uint32_t n = pick(4); n > 0; n--)
		change_one(a->ts, true);
}

static void test_against_a_model(void **unused)
{
	struct timers ts;
	prepare(&ts, crowd, MODEL);
	rand_seed(3);
	for (int i = 0; i < MODEL; i++) {
		crowd[i].then = check_model;
		model[i] = INT64_MAX;
	}
	for (model_now = 0; model_now < 20000; model_now += pick(20)) {
		int64_t least = INT64_MAX;
		for (uint32_t n = pick(6); n > 0; n--)
			change_one(&ts, false);
		timers_run(&ts, model_now);
		for (int i = 0; i < MODEL; i++) {
			assert_true(model[i] > model_now || waits[i]); /* nothing was left out */
			waits[i] = false;
			least = model[i] < least ? model[i] : least;
		}
		assert_true(timers_next(&ts) == least);
	}
	assert_true(n_fired > 1000);
	timers_clear(&ts);
	rand_seed(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_stop_and_move),
		cmocka_unit_test(test_restart_from_within),
		cmocka_unit_test(test_stop_another_from_within),
		cmocka_unit_test(test_move_another_from_within),
		cmocka_unit_test(test_waiting_ones_can_be_stopped),
		cmocka_unit_test(test_free_from_within),
		cmocka_unit_test(test_memory_goes_back),
		cmocka_unit_test(test_against_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
