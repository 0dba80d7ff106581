/* Handled stanzas: counted in order whatever the order they were dealt with, with the commit they depend on. */
#include "core/testing.h"

static struct world *w;

static int setup(void **state)
{
	w = world_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

static void send_kept(struct peer *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		send(w, p, "<message to='keep@x.test' id='k'/>");
	pump(w);
	assert_int_equal(w->kept_n, n);
}

static void release(uint32_t i)
{
	turn_begin(w);
	core_done(w->core, &w->kept[i]);
	assert_null(w->kept[i]);
	turn_end(w);
}

static void test_out_of_order(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send_kept(&a, 5);
	release(2);
	release(4);
	expect_nothing(w, a.conn);
	release(0);
	expect_credit(w, a.conn, 1, 0);
	release(1);
	expect_credit(w, a.conn, 3, 0);
	release(3);
	expect_credit(w, a.conn, 5, 0);
	expect_nothing(w, a.conn);
}

/* Counted while it still waits; what becomes of it later is told all the same. */
static void test_counted_before_it_is_done(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send(w, &a, "<iq type='get' to='keep@x.test' id='k'><q xmlns='q'/></iq>");
	pump(w);
	turn_begin(w);
	core_count(w->core, w->kept[0]);
	turn_end(w);
	expect_credit(w, a.conn, 1, 0);
	turn_begin(w);
	core_bounce(w->core, &w->kept[0], xerr(XERR_REMOTE_SERVER_TIMEOUT));
	turn_end(w);
	expect_send(w, a.conn, "remote-server-timeout");
	expect_nothing(w, a.conn);
}

static uint32_t step(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* As many as a wire may have uncredited, in many orders. */
static void test_any_order(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	uint32_t seed = 1, order[GATE_CREDIT_MAX], base = 0;

	for (int round = 0; round < 20; round++, base += GATE_CREDIT_MAX) {
		bool done[GATE_CREDIT_MAX] = {false};

		w->kept_n = 0;
		send_kept(&a, GATE_CREDIT_MAX);
		for (uint32_t i = 0; i < GATE_CREDIT_MAX; i++)
			order[i] = i;
		for (uint32_t i = GATE_CREDIT_MAX - 1; i > 0; i--) {
			uint32_t k = step(&seed) % (i + 1), keep = order[i];
			order[i] = order[k];
			order[k] = keep;
		}
		for (uint32_t i = 0; i < GATE_CREDIT_MAX; i++) {
			uint32_t first = 0;

			done[order[i]] = true;
			release(order[i]);
			while (first < GATE_CREDIT_MAX && done[first])
				first++;
			assert_int_equal(session_at(w, &a)->handled, base + first);
		}
	}
	forget(w);
}

static void test_over_the_wrap(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	session_at(w, &a)->received = session_at(w, &a)->handled = UINT32_MAX - 2;
	send_kept(&a, 6);
	/* Number 0 is what a stanza without number has: it can be one of these and must not be mistaken. */
	for (uint32_t i = 6; i-- > 0;)
		release(i);
	assert_int_equal(session_at(w, &a)->handled, (uint64_t)UINT32_MAX + 4);
	expect_credit(w, a.conn, 3, 0);
}

/* Several in one turn are told once. */
static void test_one_credit_a_turn(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 1, "bob", "desk");

	for (int i = 0; i < 7; i++) {
		send(w, &a, "<message id='m'/>");
		send(w, &b, "<message id='m'/>");
	}
	turn(w);
	expect_credit(w, a.conn, 7, 0);
	expect_nothing(w, a.conn);
	expect_credit(w, b.conn, 7, 0);
	expect_nothing(w, b.conn);
}

static void test_with_the_commit_it_depends_on(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 1, "bob", "desk");

	send(w, &a, "<message to='write@x.test' id='1'/>");
	send(w, &b, "<message to='note@x.test' id='2'/>");
	pump(w);
	expect_credit(w, a.conn, 1, 1);
	expect_credit(w, b.conn, 1, 0); /* wrote nothing, though somebody did in the same turn */
	assert_int_equal(next_batch(w), 1);
	assert_int_equal(next_batch(w), 0);
	/* Whatever is counted after it waits for it as well. */
	say(w, &a, "<message to='note@x.test' id='3'/>");
	expect_credit(w, a.conn, 2, 1);
	say(w, &a, "<message to='write@x.test' id='4'/>");
	expect_credit(w, a.conn, 3, 2);
}

/* A write of one dealt with early is known when the earlier ones are. */
static void test_commit_of_one_ahead(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send(w, &a, "<message to='keep@x.test' id='k'/>");
	send(w, &a, "<message to='write@x.test' id='1'/>");
	pump(w);
	expect_nothing(w, a.conn);
	release(0);
	expect_credit(w, a.conn, 2, 1);
}

static void test_a_copy_counts_nothing(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct stanza *copy;

	send_kept(&a, 1);
	copy = stanza_copy(w->kept[0], jid_view(STR("note@x.test")));
	turn_begin(w);
	core_done(w->core, &copy);
	turn_end(w);
	expect_nothing(w, a.conn);
	release(0);
	expect_credit(w, a.conn, 1, 0);
}

/* After the connection has gone nobody is told, and nothing breaks. */
static void test_dealt_with_after_the_end(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send_kept(&a, 3);
	end(w, MSG_LOST, &a, 0, false, NULL);
	pump(w);
	expect_close(w, a.conn, SERR_NONE);
	release(1);
	release(0);
	end(w, MSG_CLOSED, &a, 0, false, NULL);
	pump(w);
	assert_null(session_at(w, &a));
	release(2);
	expect_nothing(w, a.conn);
}

static void test_stanzas_after_the_end_are_not_taken(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	turn_end(w);
	say(w, &a, "<message to='note@x.test' id='1'/>");
	assert_string_equal(noted(w), "");
	end(w, MSG_CLOSED, &a, 0, false, NULL);
	pump(w);
	say(w, &a, "<message to='note@x.test' id='2'/>");
	assert_string_equal(noted(w), "");
}

static void release_slowly(uint32_t i, uint32_t ms)
{
	turn_begin(w);
	core_slow(w->core, w->kept[i], ms);
	core_slow(w->core, w->kept[i], ms / 2); /* and for another reason less */
	core_done(w->core, &w->kept[i]);
	turn_end(w);
}

/* Who writes too fast is told so with the credit for it, once. */
static void test_slowed(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct event *e;

	send_kept(&a, 3);
	release_slowly(1, 40); /* not counted yet: with the credit that it comes to be in */
	expect_nothing(w, a.conn);
	release(0);
	e = expect(w, a.conn, MSG_CREDIT);
	assert_int_equal(e->handled, 2);
	assert_int_equal(e->pause_ms, 40);
	release(2);
	assert_int_equal(expect(w, a.conn, MSG_CREDIT)->pause_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_out_of_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counted_before_it_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slowed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_the_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_credit_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_with_the_commit_it_depends_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commit_of_one_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_copy_counts_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dealt_with_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stanzas_after_the_end_are_not_taken, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
