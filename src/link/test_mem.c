#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"

static struct {
	struct loop *l;
	struct link *a, *b;
} t;

static int setup(void **state)
{
	t.l = loop_new();
	loop_set_virtual(t.l, 0, 0);
	mem_link_pair(t.l, t.l, 10, &t.a, &t.b);
	return 0;
}

static int teardown(void **state)
{
	link_free(&t.a);
	link_free(&t.b);
	loop_free(&t.l);
	return 0;
}

static void expect(struct link *k, const char *text)
{
	char p[64];
	size_t n = strlen(text);
	assert_int_equal(link_recv(k, p, sizeof(p)), n);
	assert_memory_equal(p, text, n);
}

static int recv_some(struct link *k)
{
	char p[64];
	return link_recv(k, p, sizeof(p));
}

/* Calls and the events they told. */
struct seen {
	unsigned calls;
	int events;
	struct link *read;     /* drained by each call */
	struct link **free[2]; /* freed by the first call */
};

static void on_ready(void *arg, int events)
{
	struct seen *s = arg;
	s->calls++;
	s->events = events;
	if (s->read)
		recv_some(s->read);
	for (int i = 0; i < 2; i++)
		if (s->free[i])
			link_free(s->free[i]);
}

static void test_capacity(void **state)
{
	assert_int_equal(recv_some(t.b), ERR_AGAIN);
	assert_int_equal(link_send(t.a, "0123456", 7), 7);
	assert_int_equal(link_send(t.a, "789abc", 6), 3);
	assert_int_equal(link_send(t.a, "abc", 3), ERR_AGAIN);
	assert_int_equal(link_send(t.b, "back", 4), 4); /* directions are independent */
	char p[4];
	assert_int_equal(link_recv(t.b, p, 4), 4);
	assert_memory_equal(p, "0123", 4);
	assert_int_equal(link_send(t.a, "abcdef", 6), 4); /* round the end of the ring */
	expect(t.b, "456789abcd");
	assert_int_equal(recv_some(t.b), ERR_AGAIN);
	expect(t.a, "back");
	assert_false(link_pending(t.a));
}

/* Every mix of sizes against a counter, so that the ring's arithmetic is right. */
static void test_ring(void **state)
{
	struct link *a, *b;
	uint8_t out = 0, in = 0, p[5000];
	mem_link_pair(t.l, t.l, 10000, &a, &b);
	uint32_t x = 12345;
	for (int i = 0; i < 20000; i++) {
		x = x * 1103515245 + 12345;
		size_t n = 1 + (x >> 8) % (i % 100 == 0 ? 5000 : 300);
		if (x >> 31) {
			for (size_t j = 0; j < n; j++)
				p[j] = (uint8_t)(out + j);
			int sent = link_send(a, p, n);
			out = (uint8_t)(out + (sent > 0 ? sent : 0));
		} else {
			int got = link_recv(b, p, n);
			for (int j = 0; j < got; j++)
				assert_int_equal(p[j], in++);
		}
	}
	link_free(&a);
	for (int got; (got = link_recv(b, p, sizeof(p))) > 0;)
		for (int j = 0; j < got; j++)
			assert_int_equal(p[j], in++);
	assert_int_equal(in, out);
	link_free(&b);
}

static void test_readiness_comes_next_turn(void **state)
{
	struct seen a = {0}, b = {0};
	link_watch(t.b, WATCH_READ, on_ready, &b);
	assert_false(loop_step(t.l, false));
	link_send(t.a, "0123456789", 10);
	assert_int_equal(b.calls, 0);
	assert_true(loop_step(t.l, true));
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.events, WATCH_READ);
	assert_true(loop_step(t.l, true)); /* level triggered: still unread */
	assert_int_equal(b.calls, 2);
	link_watch(t.a, WATCH_WRITE, on_ready, &a);
	link_watch(t.b, 0, NULL, NULL);
	assert_false(loop_step(t.l, false)); /* full */
	expect(t.b, "0123456789");
	assert_int_equal(a.calls, 0);
	assert_true(loop_step(t.l, true));
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.events, WATCH_WRITE);
	link_watch(t.a, WATCH_READ, on_ready, &a);
	assert_false(loop_step(t.l, false));
}

static void test_a_reader_that_drains_is_called_once(void **state)
{
	struct seen b = {.read = t.b};
	link_watch(t.b, WATCH_READ, on_ready, &b);
	link_send(t.a, "x", 1);
	assert_true(loop_step(t.l, true));
	assert_false(loop_step(t.l, false));
	assert_int_equal(b.calls, 1);
}

static void test_freeing_in_the_callback(void **state)
{
	struct seen b = {.free = {&t.a, &t.b}};
	link_watch(t.b, WATCH_READ | WATCH_WRITE, on_ready, &b);
	link_watch(t.a, WATCH_WRITE, on_ready, &b); /* waits in the same turn: must not be called */
	link_send(t.a, "x", 1);
	assert_true(loop_step(t.l, true));
	assert_int_equal(b.calls, 1);
	assert_null(t.a);
	assert_null(t.b);
	assert_false(loop_step(t.l, false));
}

static void test_shutdown_is_half(void **state)
{
	struct seen b = {0};
	link_watch(t.b, WATCH_READ, on_ready, &b);
	link_send(t.a, "last", 4);
	assert_int_equal(link_shutdown(t.a), 0);
	assert_int_equal(link_send(t.a, "x", 1), ERR_CLOSED);
	expect(t.b, "last");
	assert_int_equal(recv_some(t.b), ERR_CLOSED);
	assert_true(loop_step(t.l, true));
	assert_int_equal(b.events, WATCH_READ);
	assert_int_equal(link_send(t.b, "reply", 5), 5);
	expect(t.a, "reply");
	assert_int_equal(recv_some(t.a), ERR_AGAIN);
}

static void test_freed_end(void **state)
{
	link_send(t.a, "last", 4);
	link_send(t.b, "lost", 4);
	link_free(&t.a);
	assert_int_equal(link_send(t.b, "x", 1), ERR_CLOSED);
	expect(t.b, "last");
	assert_int_equal(recv_some(t.b), ERR_CLOSED);
}

static void test_cut(void **state)
{
	struct seen a = {0}, b = {0};
	link_watch(t.a, WATCH_READ, on_ready, &a);
	link_watch(t.b, WATCH_READ | WATCH_WRITE, on_ready, &b);
	link_send(t.a, "lost", 4);
	mem_link_stall(t.a, true);
	mem_link_cut(t.b);
	assert_int_equal(recv_some(t.a), ERR_CLOSED);
	assert_int_equal(recv_some(t.b), ERR_CLOSED);
	assert_int_equal(link_send(t.a, "x", 1), ERR_CLOSED);
	assert_true(loop_step(t.l, true));
	assert_int_equal(a.events, WATCH_READ);
	assert_int_equal(b.events, WATCH_READ | WATCH_WRITE);
}

static void test_stall(void **state)
{
	struct seen a = {0}, b = {0};
	link_send(t.a, "held", 4);
	mem_link_stall(t.b, true);
	link_watch(t.a, WATCH_WRITE, on_ready, &a);
	link_watch(t.b, WATCH_READ, on_ready, &b);
	assert_false(loop_step(t.l, false));
	assert_int_equal(recv_some(t.b), ERR_AGAIN);
	assert_int_equal(link_send(t.a, "x", 1), ERR_AGAIN);
	assert_int_equal(link_send(t.b, "x", 1), ERR_AGAIN);
	mem_link_stall(t.a, false);
	assert_true(loop_step(t.l, true));
	assert_int_equal(a.calls + b.calls, 2);
	expect(t.b, "held");
}

static void test_two_loops(void **state)
{
	struct loop *other = loop_new();
	struct link *a, *b;
	struct seen sa = {0}, sb = {0};
	mem_link_pair(t.l, other, 1, &a, &b);
	link_watch(a, WATCH_READ, on_ready, &sa);
	link_watch(b, WATCH_READ, on_ready, &sb);
	link_send(a, "x", 1);
	assert_false(loop_step(t.l, false));
	assert_true(loop_step(other, true));
	assert_int_equal(sa.calls, 0);
	assert_int_equal(sb.calls, 1);
	link_free(&a);
	link_free(&b);
	loop_free(&other);
}

static void test_info(void **state)
{
	struct link_info i;
	struct buf out;
	buf_init(&out, 100);
	link_info(t.a, &i);
	assert_true(str_is(i.peer, "mem"));
	assert_true(i.local);
	assert_false(i.secure);
	assert_null(i.tls.p);
	assert_int_equal(i.unix_uid, -1);
	assert_int_equal(link_binding(t.a, LINK_TLS_EXPORTER, &out), ERR_UNSUPPORTED);
	assert_int_equal(out.n, 0);
}

static void test_trickle(void **state)
{
	struct seen s = {0};
	struct link *x = trickle_link_new(t.l, &t.b, 3);
	assert_null(t.b);
	link_watch(x, WATCH_READ, on_ready, &s);
	link_send(t.a, "01234567", 8);
	loop_step(t.l, true);
	assert_int_equal(s.events, WATCH_READ);
	expect(x, "012");
	expect(x, "345");
	expect(x, "67");
	assert_int_equal(recv_some(x), ERR_AGAIN);
	assert_int_equal(link_send(x, "abcdefghijkl", 12), 3);
	assert_int_equal(link_send(x, "defghijkl", 9), 3);
	assert_int_equal(link_send(x, "ghijkl", 6), 3);
	assert_int_equal(link_send(x, "jkl", 3), 1);
	assert_int_equal(link_send(x, "kl", 2), ERR_AGAIN);
	expect(t.a, "abcdefghij");
	assert_int_equal(link_send(x, "k", 1), 1);
	assert_int_equal(link_shutdown(x), 0);
	expect(t.a, "k");
	assert_int_equal(recv_some(t.a), ERR_CLOSED);
	link_free(&x); /* and the one below with it */
	assert_int_equal(link_send(t.a, "x", 1), ERR_CLOSED);
}

static void test_unsent(void **state)
{
	assert_int_equal(link_unsent(t.a), 0);
	link_send(t.a, "01234567", 8);
	assert_int_equal(link_unsent(t.a), 8);
	assert_int_equal(link_unsent(t.b), 0);
	expect(t.b, "01234567");
	assert_int_equal(link_unsent(t.a), 0);
	link_send(t.a, "lost", 4);
	struct link *x = trickle_link_new(t.l, &t.a, 1);
	assert_int_equal(link_unsent(x), 4);
	mem_link_cut(t.b); /* arrived they are not, and never will be */
	assert_int_equal(link_unsent(x), 4);
	link_free(&t.b);
	assert_int_equal(link_unsent(x), 4);
	link_free(&x);
	mem_link_pair(t.l, t.l, 10, &t.a, &t.b);
	link_send(t.a, "unread", 6);
	link_free(&t.b);
	assert_int_equal(link_unsent(t.a), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_capacity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readiness_comes_next_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_reader_that_drains_is_called_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeing_in_the_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shutdown_is_half, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stall, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_loops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trickle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsent, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
