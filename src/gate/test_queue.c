#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/mem.h"
#include "gate/queue.h"

enum { MESSAGES = 200000, STEPS_MAX = 10000000 };

static struct {
	struct loop *l;
	struct queue *q;
	unsigned woken;
} t;

static void on_mail(void *arg) { t.woken++; }

static int setup(void **state)
{
	t.l = loop_new();
	t.q = queue_new(t.l);
	t.woken = 0;
	loop_on_mail(t.l, on_mail, NULL);
	return 0;
}

static int teardown(void **state)
{
	queue_free(&t.q);
	assert_null(t.q);
	queue_free(&t.q);
	loop_free(&t.l);
	return 0;
}

static void add(struct msgs *batch, uint64_t number)
{
	struct msg *m = msgs_add(batch);

	m->kind = MSG_COMMITTED;
	m->committed.number = number;
}

static void put(uint64_t from, uint64_t to)
{
	struct msgs batch = {0};

	for (uint64_t i = from; i <= to; i++)
		add(&batch, i);
	queue_put(t.q, &batch);
	assert_int_equal(batch.n, 0);
	msgs_clear(&batch);
}

static void test_batches_keep_their_order(void **state)
{
	struct msgs got = {0};

	assert_false(queue_take(t.q, &got));
	put(1, 3);
	put(4, 4);
	put(5, 40);
	assert_true(queue_take(t.q, &got));
	assert_int_equal(got.n, 40);
	for (uint32_t i = 0; i < got.n; i++)
		assert_int_equal(got.m[i].committed.number, i + 1);
	got.n = 0;
	assert_false(queue_take(t.q, &got));
	put(41, 41);
	assert_true(queue_take(t.q, &got));
	assert_int_equal(got.m[0].committed.number, 41);
	msgs_clear(&got);
}

/* One wake for many puts, again after a take, none for nothing. */
static void test_only_an_idle_receiver_is_woken(void **state)
{
	struct msgs got = {0};

	put(1, 0);
	loop_step(t.l, false);
	assert_int_equal(t.woken, 0);
	put(1, 1);
	loop_step(t.l, true);
	assert_int_equal(t.woken, 1);
	put(2, 2);
	put(3, 3);
	loop_step(t.l, false);
	assert_int_equal(t.woken, 1);
	assert_true(queue_take(t.q, &got));
	got.n = 0;
	put(4, 4);
	loop_step(t.l, true);
	assert_int_equal(t.woken, 2);
	msgs_clear(&got);
}

static void test_nobody_to_wake(void **state)
{
	struct queue *q = queue_new(NULL);
	struct msgs batch = {0}, got = {0};

	add(&batch, 7);
	queue_put(q, &batch);
	assert_true(queue_take(q, &got));
	assert_int_equal(got.m[0].committed.number, 7);
	msgs_clear(&batch);
	msgs_clear(&got);
	queue_free(&q);
}

static void test_what_is_left_is_freed(void **state)
{
	struct msgs batch = {0};
	struct msg *m = msgs_add(&batch);

	m->kind = MSG_BIND;
	m->bind.account = xstrdup("alice@x.test");
	m->bind.resource = xstrdup("desk");
	m->bind.peer = xstrdup("mem");
	queue_put(t.q, &batch);
	msgs_clear(&batch); /* the rest is for the leak checker */
}

static void test_a_steady_state_allocates_nothing(void **state)
{
	struct msgs batch = {0}, got = {0};
	uint64_t before = 0;

	for (int round = 0; round < 100; round++) {
		if (round == 10)
			before = mem_stats().allocs;
		for (int i = 0; i < 50; i++)
			add(&batch, 1);
		queue_put(t.q, &batch);
		assert_true(queue_take(t.q, &got));
		assert_int_equal(got.n, 50);
		got.n = 0;
	}
	assert_int_equal(mem_stats().allocs, before);
	msgs_clear(&batch);
	msgs_clear(&got);
}

static void test_a_burst_leaves_nothing_behind(void **state)
{
	struct msgs got = {0};
	int64_t before;

	put(1, 10);
	assert_true(queue_take(t.q, &got));
	got.n = 0;
	before = mem_stats().bytes;
	put(1, 100000);
	for (int i = 0; i < 3; i++) {
		queue_take(t.q, &got);
		got.n = 0;
		put(1, 10);
	}
	assert_true(mem_stats().bytes < before + 100000);
	msgs_clear(&got);
}

/* ---- two threads ---- */

static void *sender(void *arg)
{
	struct msgs batch = {0};
	uint64_t next = 1;
	unsigned size = 1;

	while (next <= MESSAGES) {
		for (unsigned i = 0; i < size && next <= MESSAGES; i++)
			add(&batch, next++);
		queue_put(t.q, &batch);
		size = size * 5 % 97 + 1;
	}
	msgs_clear(&batch);
	return NULL;
}

/* The receiver sleeps whenever it has taken all: a wake that got lost would leave it asleep. */
static void test_two_threads(void **state)
{
	struct msgs got = {0};
	uint64_t next = 1;
	pthread_t thread;
	int steps = 0;

	assert_int_equal(pthread_create(&thread, NULL, sender, NULL), 0);
	while (next <= MESSAGES) {
		loop_step(t.l, true);
		assert_true(steps++ < STEPS_MAX);
		if (!queue_take(t.q, &got))
			continue;
		for (uint32_t i = 0; i < got.n; i++)
			assert_int_equal(got.m[i].committed.number, next++);
		got.n = 0;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(queue_take(t.q, &got));
	msgs_clear(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_batches_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_an_idle_receiver_is_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_to_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_left_is_freed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_steady_state_allocates_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_burst_leaves_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_threads, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
