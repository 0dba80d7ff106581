#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"

enum { STEPS_MAX = 1000000 }; /* of a test that waits for another thread */

/* What happened, in order: one letter each. */
static struct {
	char log[64];
	struct loop *l;
} t;

static void note(char c)
{
	size_t n = strlen(t.log);
	assert_true(n + 1 < sizeof(t.log));
	t.log[n] = c;
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.l = loop_new();
	return 0;
}

static int teardown(void **state)
{
	loop_free(&t.l);
	assert_null(t.l);
	return 0;
}

struct pair {
	int fd[2];
	struct watch *w;
};

static void pair_open(struct pair *p, void (*on_ready)(void *arg, int events), void *arg)
{
	assert_int_equal(pipe(p->fd), 0);
	p->w = watch_new(t.l, p->fd[0], on_ready, arg);
}

static void pair_close(struct pair *p)
{
	watch_free(&p->w);
	close(p->fd[0]);
	close(p->fd[1]);
}

struct noted_defer {
	struct defer d;
	char letter;
};

static void on_defer(struct defer *d) { note(((struct noted_defer *)d)->letter); }
static void on_mail(void *arg) { note('m'); }
static void on_turn(void *arg) { note('|'); }
static void on_timer(struct timer *x) { note('t'); }

struct order {
	struct pair p;
	struct noted_defer deferred, next;
	struct timer timer;
};

static void on_order(void *arg, int events)
{
	struct order *o = arg;
	char c;
	assert_int_equal(read(o->p.fd[0], &c, 1), 1);
	note('d');
	/* Posted first, run last. */
	loop_defer(t.l, &o->deferred.d);
	loop_next(t.l, &o->next.d);
	timer_start(loop_timers(t.l), &o->timer, loop_now(t.l));
}

static void test_order(void **state)
{
	struct order o = {.deferred = {{.run = on_defer}, 'e'},
		.next = {{.run = on_defer}, 'n'},
		.timer.fire = on_timer};
	loop_on_mail(t.l, on_mail, NULL);
	loop_on_turn(t.l, on_turn, NULL);
	pair_open(&o.p, on_order, &o);
	watch_set(o.p.w, WATCH_READ);
	assert_int_equal(write(o.p.fd[1], "x", 1), 1);
	loop_wake(t.l);
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "dmte|");
	loop_wake(t.l);
	assert_true(loop_step(t.l, true)); /* does not wait: something was left for the next turn */
	assert_string_equal(t.log, "dmte|nm|");
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "dmte|nm||");
	pair_close(&o.p);
}

static void test_defer_order_and_once(void **state)
{
	struct noted_defer a = {{.run = on_defer}, 'a'}, b = {{.run = on_defer}, 'b'}, c = {{.run = on_defer}, 'c'};
	loop_undefer(&a.d);
	loop_defer(t.l, &b.d);
	loop_defer(t.l, &a.d);
	loop_defer(t.l, &c.d);
	loop_defer(t.l, &b.d);
	loop_undefer(&a.d);
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "bc");
	assert_false(loop_step(t.l, false));
	loop_defer(t.l, &b.d);
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "bcb");
}

static struct noted_defer victim = {{.run = on_defer}, 'v'};

static void on_again(struct defer *d)
{
	note('g');
	loop_undefer(&victim.d); /* waits in the same batch */
	if (strlen(t.log) < 6)
		loop_defer(t.l, d);
}

static void test_defer_again_is_the_next_turn(void **state)
{
	struct defer d = {.run = on_again};
	loop_on_turn(t.l, on_turn, NULL);
	loop_defer(t.l, &d);
	loop_defer(t.l, &victim.d);
	for (int i = 0; i < 3; i++)
		assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "g|g|g|");
	/* The last one posted itself once more, with its log nearly full. */
	assert_true(loop_step(t.l, true));
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "g|g|g|g||");
}

struct timed {
	struct timer timer;
	char letter;
};

static void on_timed(struct timer *x) { note(((struct timed *)x)->letter); }

static void test_virtual_timers(void **state)
{
	struct timed a = {{.fire = on_timed}, 'a'}, b = {{.fire = on_timed}, 'b'}, c = {{.fire = on_timed}, 'c'};
	loop_set_virtual(t.l, 1000, 1700000000000);
	timer_start(loop_timers(t.l), &a.timer, loop_now(t.l) + 500);
	timer_start(loop_timers(t.l), &b.timer, loop_now(t.l) + 100);
	timer_start(loop_timers(t.l), &c.timer, loop_now(t.l) + 3600000);
	assert_false(loop_step(t.l, false));
	assert_int_equal(loop_now(t.l), 1000);
	loop_set_virtual(t.l, 1499, 1700000000499);
	assert_string_equal(t.log, ""); /* the setting alone fires nothing */
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "b");
	loop_set_virtual(t.l, 1500, 1700000000500);
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "ba");
	assert_int_equal(loop_now(t.l), 1500);
	assert_int_equal(loop_wall(t.l), 1700000000500);
	timer_stop(loop_timers(t.l), &c.timer);
	loop_set_virtual(t.l, 4000000, 1700004000000);
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "ba");
}

static void test_real_timers_fire_in_time(void **state)
{
	struct timed a = {{.fire = on_timed}, 'a'}, b = {{.fire = on_timed}, 'b'};
	int64_t start = loop_now(t.l);
	assert_true(loop_wall(t.l) > 1600000000000);
	timer_start(loop_timers(t.l), &a.timer, start + 20);
	timer_start(loop_timers(t.l), &b.timer, start + 5);
	for (int i = 0; i < STEPS_MAX && strlen(t.log) < 2; i++)
		loop_step(t.l, true);
	assert_string_equal(t.log, "ba");
	assert_true(loop_now(t.l) >= start + 20);
	int64_t last = loop_now(t.l);
	for (int i = 0; i < 1000; i++) {
		loop_step(t.l, false);
		assert_true(loop_now(t.l) >= last);
		last = loop_now(t.l);
	}
}

static void on_read_note(void *arg, int events)
{
	struct pair *p = arg;
	char c;
	assert_int_equal(events, WATCH_READ);
	assert_int_equal(read(p->fd[0], &c, 1), 1);
	note(c);
}

static void test_watch_is_level_triggered(void **state)
{
	struct pair p;
	pair_open(&p, on_read_note, &p);
	watch_set(p.w, WATCH_READ);
	assert_int_equal(write(p.fd[1], "xyz", 3), 3);
	assert_true(loop_step(t.l, true));
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "xy");
	watch_set(p.w, 0);
	assert_false(loop_step(t.l, false));
	watch_set(p.w, WATCH_READ);
	assert_true(loop_step(t.l, true));
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "xyz");
	pair_close(&p);
}

struct both {
	struct pair p[2];
	struct noted_defer done;
};

/* Whoever comes first frees both, himself included: the other must stay silent. */
static void on_kill(void *arg, int events)
{
	struct both *b = arg;
	note('k');
	watch_free(&b->p[0].w);
	watch_free(&b->p[1].w);
}

static void test_freed_watch_is_silent(void **state)
{
	struct both b;
	for (int i = 0; i < 2; i++) {
		pair_open(&b.p[i], on_kill, &b);
		watch_set(b.p[i].w, WATCH_READ);
		assert_int_equal(write(b.p[i].fd[1], "x", 1), 1);
	}
	assert_true(loop_step(t.l, true));
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "k");
	for (int i = 0; i < 2; i++)
		pair_close(&b.p[i]);
}

static void on_error_note(void *arg, int events)
{
	assert_int_equal(events, WATCH_WRITE);
	note('e');
}

/* The write end of a pipe without reader has an error; it must be reported until the owner acts. */
static void test_descriptor_error_is_reported(void **state)
{
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	struct watch *w = watch_new(t.l, fd[1], on_error_note, NULL);
	watch_set(w, WATCH_WRITE);
	close(fd[0]);
	assert_true(loop_step(t.l, true));
	assert_true(loop_step(t.l, true));
	assert_string_equal(t.log, "ee");
	watch_free(&w);
	close(fd[1]);
}

static void *waker(void *arg)
{
	loop_wake(arg);
	return NULL;
}

static void on_mail_stop(void *arg)
{
	note('m');
	loop_stop(t.l);
}

static void test_wake_from_another_thread(void **state)
{
	struct noted_defer d = {{.run = on_defer}, 'e'};
	pthread_t th;
	loop_on_mail(t.l, on_mail_stop, NULL);
	loop_defer(t.l, &d.d);
	loop_step(t.l, false);
	assert_int_equal(pthread_create(&th, NULL, waker, t.l), 0);
	loop_run(t.l);
	pthread_join(th, NULL);
	assert_string_equal(t.log, "em");
	/* Several wakes before the turn are one mail. */
	loop_wake(t.l);
	loop_wake(t.l);
	loop_run(t.l);
	assert_false(loop_step(t.l, false));
	assert_string_equal(t.log, "emm");
}

static void on_stop(struct defer *d)
{
	note('s');
	loop_stop(t.l);
}

static void test_stop_finishes_the_turn(void **state)
{
	struct defer s = {.run = on_stop};
	struct noted_defer e = {{.run = on_defer}, 'e'};
	loop_on_turn(t.l, on_turn, NULL);
	loop_defer(t.l, &s);
	loop_defer(t.l, &e.d);
	loop_run(t.l);
	assert_string_equal(t.log, "se|");
	loop_defer(t.l, &s); /* and can run again */
	loop_run(t.l);
	assert_string_equal(t.log, "se|s|");
}

struct job {
	struct helper_job j;
	pthread_t on;
	int in, out;
	unsigned *left;
};

static void on_work(struct helper_job *j)
{
	struct job *job = CONTAINER_OF(j, struct job, j);
	job->on = pthread_self();
	job->out = job->in * job->in;
}

static void on_done(struct helper_job *j)
{
	struct job *job = CONTAINER_OF(j, struct job, j);
	assert_ptr_equal(j->loop, t.l);
	assert_false(pthread_equal(job->on, pthread_self()));
	assert_int_equal(job->out, job->in * job->in);
	if (--*job->left == 0)
		loop_stop(t.l);
}

static void test_helpers(void **state)
{
	struct job jobs[50];
	unsigned left = ARRAY_LEN(jobs);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = (struct job){.j = {.work = on_work, .done = on_done}, .in = (int)i, .left = &left};
		helper_run(t.l, &jobs[i].j);
	}
	assert_int_equal(helper_pending(t.l), ARRAY_LEN(jobs));
	loop_run(t.l);
	assert_int_equal(left, 0);
	assert_int_equal(helper_pending(t.l), 0);
}

static void on_inline_done(struct helper_job *j)
{
	struct job *job = CONTAINER_OF(j, struct job, j);
	assert_true(pthread_equal(job->on, pthread_self()));
	--*job->left;
}

/* With a virtual clock nothing depends on other threads: the work is done at once, its end is told in the next turn. */
static void test_helpers_with_a_virtual_clock(void **state)
{
	unsigned left = 1;
	struct job job = {.j = {.work = on_work, .done = on_inline_done}, .in = 7, .left = &left};
	loop_set_virtual(t.l, 1000, 1000);
	helper_run(t.l, &job.j);
	assert_int_equal(job.out, 49);
	assert_int_equal(left, 1);
	assert_int_equal(helper_pending(t.l), 1);
	assert_true(loop_step(t.l, true));
	assert_int_equal(left, 0);
	assert_int_equal(helper_pending(t.l), 0);
}

static void on_signal(void *arg, int signum)
{
	assert_int_equal(signum, SIGUSR1);
	note('u');
}

static void test_signals(void **state)
{
	assert_int_equal(loop_on_signal(t.l, SIGUSR1, on_signal, NULL), 0);
	assert_int_equal(loop_on_signal(t.l, SIGUSR1, on_signal, NULL), ERR_EXISTS);
	assert_int_equal(loop_on_signal(t.l, SIGKILL, on_signal, NULL), ERR_INVALID);
	assert_int_equal(loop_on_signal(t.l, 0, on_signal, NULL), ERR_INVALID);
	assert_int_equal(loop_on_signal(t.l, SIGUSR2, NULL, NULL), 0);
	raise(SIGUSR1);
	for (int i = 0; i < STEPS_MAX && !t.log[0]; i++)
		loop_step(t.l, false);
	assert_string_equal(t.log, "u");
	assert_int_equal(loop_on_signal(t.l, SIGUSR1, NULL, NULL), 0);
	assert_int_equal(loop_on_signal(t.l, SIGUSR1, on_signal, NULL), 0);
	raise(SIGUSR1);
	for (int i = 0; i < STEPS_MAX && !t.log[1]; i++)
		loop_step(t.l, false);
	assert_string_equal(t.log, "uu");
}

static void test_free_accepts_null(void **state)
{
	struct loop *l = NULL;
	struct watch *w = NULL;
	loop_free(&l);
	watch_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defer_order_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defer_again_is_the_next_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_virtual_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real_timers_fire_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_is_level_triggered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_watch_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor_error_is_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_from_another_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_finishes_the_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helpers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helpers_with_a_virtual_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
		cmocka_unit_test(test_free_accepts_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
