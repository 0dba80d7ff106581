/* Bytes read too early come first, and are ready first. */
#include "link/test_tls.h"

#include "link/prefix.h"

static struct link *a, *b;

static int pair_setup(void **state)
{
	if (setup(state))
		return -1;
	mem_link_pair(t.l, t.l, 100, &a, &b);
	return 0;
}

static int pair_teardown(void **state)
{
	link_free(&a);
	link_free(&b);
	return teardown(state);
}

static void put(const char *bytes)
{
	b = prefix_link_new(t.l, &b, bytes, strlen(bytes));
	assert_non_null(b);
}

static void get(size_t n, const char *text)
{
	char p[64];
	assert_int_equal(link_recv(b, p, n), strlen(text));
	assert_memory_equal(p, text, strlen(text));
}

static int recv_none(void)
{
	char c;
	return link_recv(b, &c, 1);
}

static void test_order(void **state)
{
	link_send(a, "below", 5);
	put("prefix");
	assert_true(link_pending(b));
	get(1, "p");
	get(3, "ref");
	assert_true(link_pending(b));
	get(64, "ix"); /* not mixed with what is below */
	assert_false(link_pending(b));
	get(64, "below");
	assert_int_equal(recv_none(), ERR_AGAIN);
	link_send(a, "more", 4);
	get(64, "more");
}

static void test_empty(void **state)
{
	put("");
	assert_false(link_pending(b));
	assert_int_equal(recv_none(), ERR_AGAIN);
	link_send(a, "x", 1);
	get(64, "x");
}

/* The end below does not overtake either. */
static void test_end_waits(void **state)
{
	link_shutdown(a);
	put("last");
	get(64, "last");
	assert_int_equal(recv_none(), ERR_CLOSED);
	link_free(&b);
	link_free(&a);
	mem_link_pair(t.l, t.l, 100, &a, &b);
	put("cut");
	mem_link_cut(a);
	get(64, "cut");
	assert_int_equal(recv_none(), ERR_CLOSED);
}

static void test_passes_through(void **state)
{
	struct link_info i;
	struct buf out;
	char p[8];
	buf_init(&out, 100);
	put("x");
	assert_int_equal(link_send(b, "hello", 5), 5);
	assert_int_equal(link_unsent(b), 5);
	assert_int_equal(link_recv(a, p, sizeof(p)), 5);
	assert_int_equal(link_unsent(b), 0);
	link_info(b, &i);
	assert_true(str_is(i.peer, "mem"));
	assert_int_equal(link_binding(b, LINK_TLS_EXPORTER, &out), ERR_UNSUPPORTED);
	assert_int_equal(link_shutdown(b), 0);
	assert_int_equal(link_recv(a, p, sizeof(p)), ERR_CLOSED);
	buf_clear(&out);
}

/* ---- readiness ---- */

static struct {
	unsigned calls;
	int events;
	size_t take; /* bytes read by each call */
	bool free_it;
} seen;

static void on_ready(void *arg, int events)
{
	char p[64];
	assert_ptr_equal(arg, &seen);
	seen.calls++;
	seen.events = events;
	if (seen.take)
		link_recv(b, p, seen.take);
	if (seen.free_it)
		link_free(&b);
}

static void watch(int events)
{
	memset(&seen, 0, sizeof(seen));
	link_watch(b, events, on_ready, &seen);
}

static void test_ready_in_the_next_turn(void **state)
{
	put("ab");
	watch(WATCH_READ);
	assert_int_equal(seen.calls, 0);
	assert_true(loop_step(t.l, true)); /* comes without anything on the wire */
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.events, WATCH_READ);
	loop_step(t.l, true);
	assert_int_equal(seen.calls, 2); /* still there: still ready */
	seen.take = 1;
	loop_step(t.l, true);
	loop_step(t.l, true);
	assert_int_equal(seen.calls, 4);
	assert_false(loop_step(t.l, false)); /* all read */
	assert_int_equal(seen.calls, 4);
	link_send(a, "x", 1);
	assert_true(loop_step(t.l, true));
	assert_int_equal(seen.calls, 5);
}

static void test_only_what_is_watched(void **state)
{
	put("ab");
	assert_false(loop_step(t.l, false)); /* nobody has asked */
	watch(WATCH_WRITE);
	loop_step(t.l, true);
	assert_int_equal(seen.events, WATCH_WRITE);
	watch(WATCH_READ);
	watch(0);
	assert_false(loop_step(t.l, false));
	assert_int_equal(seen.calls, 0);
	mem_link_stall(a, true); /* what is here does not depend on the wire */
	watch(WATCH_READ);
	loop_step(t.l, true);
	assert_int_equal(seen.events, WATCH_READ);
}

static void test_watch_begun_before_goes_on_below(void **state)
{
	put("ab");
	link_send(a, "below", 5);
	watch(WATCH_READ);
	loop_step(t.l, true);
	assert_int_equal(seen.calls, 1); /* once, not once for each of both */
	get(64, "ab");
	loop_step(t.l, true);
	assert_int_equal(seen.calls, 2);
	get(64, "below");
	assert_false(loop_step(t.l, false));
	assert_int_equal(seen.calls, 2);
}

static void test_freed_in_the_callback(void **state)
{
	put("ab");
	watch(WATCH_READ | WATCH_WRITE);
	seen.free_it = true;
	loop_step(t.l, true);
	assert_int_equal(seen.calls, 1);
	assert_null(b);
	loop_step(t.l, false);
	assert_int_equal(seen.calls, 1);
}

static void test_former_watcher_hears_nothing(void **state)
{
	watch(WATCH_READ);
	put("ab");
	link_send(a, "x", 1);
	assert_false(loop_step(t.l, false));
	assert_int_equal(seen.calls, 0);
}

/* ---- what it is for ---- */

/* The first bytes of a handshake are read and put back. */
static void check_tls_on_top(size_t peeked, size_t trickle)
{
	struct pair p;
	struct link *c, *s;
	char first[64];
	mem_link_pair(t.l, t.l, 4096, &c, &s);
	end_init(&p.c, tls_link_client(t.client, t.l, &c, "chat.example"));
	end_rearm(&p.c);
	for (int i = 0; i < STEPS_MAX && loop_step(t.l, false); i++)
		;
	assert_int_equal(link_recv(s, first, peeked), peeked);
	assert_int_equal(first[0], 0x16);
	s = prefix_link_new(t.l, &s, first, peeked);
	if (trickle)
		s = trickle_link_new(t.l, &s, trickle);
	end_init(&p.s, tls_link_server(t.server, t.l, &s));
	talk(&p);
	pair_close(&p);
}

static void test_tls_on_top(void **state)
{
	check_tls_on_top(1, 0);
	check_tls_on_top(1, 1);
	check_tls_on_top(64, 0);
	check_tls_on_top(64, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_empty, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_end_waits, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_passes_through, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_ready_in_the_next_turn, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_only_what_is_watched, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_watch_begun_before_goes_on_below, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_freed_in_the_callback, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_former_watcher_hears_nothing, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_tls_on_top, setup, teardown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
