/* What is written and what waits for it. */
#include "core/testing.h"

static struct world *w;

static int setup(void **state)
{
	w = world_new(NULL);
	return 0;
}

static int setup_relaxed(void **state)
{
	w = world_new(&(struct core_config){.wires = 2, .relaxed = true});
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

#define WRITE_IQ "<iq to='write@x.test' type='set' id='w'><q xmlns='urn:q'/></iq>"

static void test_a_batch_a_turn(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct event *e;

	for (int i = 0; i < 3; i++)
		send(w, &a, WRITE_IQ);
	pump(w);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(expect_send(w, a.conn, "type='result'")->commit, 1);
		expect_credit(w, a.conn, i + 1, 1);
	}
	assert_int_equal(next_batch(w), 1);
	assert_int_equal(next_batch(w), 0);
	say(w, &a, "<message to='note@x.test' id='n'/>");
	assert_int_equal(next_batch(w), 0);
	say(w, &a, WRITE_IQ);
	assert_int_equal(next_batch(w), 2);
	forget(w);
	committed(w, 1);
	expect_everywhere(w, MSG_COMMITTED, 1);
	committed(w, 2);
	expect_everywhere(w, MSG_COMMITTED, 2);
	e = next(w, 0);
	assert_null(e);
}

/* Group commit: one number stands for all before it. */
static void test_one_number_for_many(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	for (int i = 0; i < 4; i++)
		say(w, &a, WRITE_IQ);
	committed(w, 3);
	expect_everywhere(w, MSG_COMMITTED, 3);
	assert_int_equal(w->core->committed, 3);
	assert_true(w->core->oldest_pending < INT64_MAX);
	committed(w, 4);
	assert_int_equal(w->core->oldest_pending, INT64_MAX);
}

static void test_nothing_written_waits_for_nothing(void **state)
{
	turn_begin(w);
	assert_int_equal(core_commit(w->core), 0);
	core_batch(w->core); /* asked for, not used */
	assert_int_equal(core_commit(w->core), 0);
	turn_end(w);
	assert_int_equal(w->store.n, 0);
	turn_begin(w);
	store_something(w);
	assert_int_equal(core_commit(w->core), 1);
	turn_end(w);
	turn_begin(w);
	assert_int_equal(core_commit(w->core), 0);
	turn_end(w);
}

/* A turn that writes more than a batch holds writes several, and everything waits for the right one. */
static void test_a_turn_of_many_megabytes(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	uint64_t last = 0, number;
	size_t bytes = 0;

	for (int i = 0; i < 30; i++)
		send(w, &a, "<message to='two@x.test' id='m'/>");
	send(w, &a, WRITE_IQ);
	pump(w);
	for (uint32_t i = 0; i < w->store.n; i++) {
		struct store_batch *b = w->store.m[i].store_batch.batch;

		assert_int_equal(w->store.m[i].kind, MSG_STORE_BATCH);
		assert_true(buf_ok(&b->bytes));
		bytes += b->bytes.n;
	}
	assert_true(bytes > (size_t)150 << 20);
	while ((number = next_batch(w))) {
		assert_int_equal(number, last + 1);
		last = number;
	}
	assert_true(last > 3);
	expect_credit(w, a.conn, 30, last - 1);
	assert_int_equal(expect_send(w, a.conn, "type='result'")->commit, last);
	expect_credit(w, a.conn, 31, last);
}

static uint64_t settled_commit;

static void settle_asks(struct box *b, struct stanza **s)
{
	box_two(b, s);
	settled_commit = core_commit(w->core);
}

/* What an entity puts out later in the turn still knows of a batch that was handed over in it. */
static void test_commit_after_an_early_batch(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	uint64_t last = 0, number;

	box_of(w, STR("two"))->deliver = settle_asks;
	for (int i = 0; i < 2; i++)
		send(w, &a, "<message to='two@x.test' id='m'/>");
	send(w, &a, "<message to='note@x.test' id='m'/>");
	turn_begin(w);
	core_end(w->core);
	assert_true(settled_commit > 0);
	assert_true(core_commit(w->core) >= settled_commit);
	drain(w);
	while ((number = next_batch(w)))
		last = number;
	assert_true(last >= settled_commit);
}

/* ---- relaxed ---- */

static void test_relaxed(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, WRITE_IQ);
	pass(w, 100);
	say(w, &a, WRITE_IQ);
	assert_int_equal(next_batch(w), 0);
	pass(w, 99);
	assert_int_equal(next_batch(w), 0);
	pass(w, 1);
	assert_int_equal(next_batch(w), 1);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(expect_send(w, a.conn, "result")->commit, 1);
		expect_credit(w, a.conn, i + 1, 1);
	}
	pass(w, 1000);
	assert_int_equal(next_batch(w), 0);
	say(w, &a, WRITE_IQ);
	assert_int_equal(expect_send(w, a.conn, "result")->commit, 2);
}

static void answer_nothing(struct core *c, struct wait *wait, const struct store_rows *rows,
	const struct scram_keys *keys)
{
	xfree(wait);
}

static void drop_wait(struct wait *wait) { xfree(wait); }

static void ask_something(void)
{
	struct wait *wait = xcalloc(1, sizeof(*wait));
	struct store_query *q;

	wait->answer = answer_nothing;
	wait->drop = drop_wait;
	q = store_query_new(STORE_VCARD_GET, core_wait(w->core, wait), STR("x.test"), STR("a"));
	core_ask(w->core, &q);
}

/* Queries see what was written before them: so the batch goes first, in either mode. */
static void test_queries_follow_their_batch(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send(w, &a, WRITE_IQ);
	turn_begin(w);
	ask_something();
	turn_end(w);
	assert_int_equal(w->store.n, 2);
	assert_int_equal(w->store.m[0].kind, MSG_STORE_BATCH);
	assert_int_equal(w->store.m[1].kind, MSG_STORE_ASK);
}

/* The last words are stored though no timer will fire any more. */
static void test_shutdown_does_not_wait(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, WRITE_IQ);
	assert_int_equal(next_batch(w), 0);
	core_shutdown(w->core);
	turn(w);
	assert_int_equal(next_batch(w), 1);
}

/* ---- a store that fails ---- */

static void test_failing_and_well_again(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, WRITE_IQ);
	assert_true(core_can_store(w->core));
	store_state(w, true);
	assert_false(core_can_store(w->core));
	pass(w, 4999);
	expect_nothing(w, 0);
	store_state(w, false);
	assert_true(core_can_store(w->core));
	committed(w, 1);
	expect_everywhere(w, MSG_COMMITTED, 1);
	pass(w, 60000);
	expect_nothing(w, 0);
}

static void test_held_for_too_long(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, WRITE_IQ);
	committed(w, 1);
	say(w, &a, WRITE_IQ);
	store_state(w, true);
	expect_everywhere(w, MSG_COMMITTED, 1);
	pass(w, 5000);
	expect_everywhere(w, MSG_EXPIRE, 2);
	expect_nothing(w, 0);
	/* As long as it goes on, also for what came to be held later. */
	pass(w, 5000);
	expect_everywhere(w, MSG_EXPIRE, 2);
	store_state(w, false);
	committed(w, 2);
	expect_everywhere(w, MSG_COMMITTED, 2);
	pass(w, 60000);
	expect_nothing(w, 0);
}

/* It failed with nothing under way; what is written all the same is not held for ever. */
static void test_written_while_it_fails(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	store_state(w, true);
	pass(w, 20000);
	expect_nothing(w, 0);
	say(w, &a, WRITE_IQ);
	pass(w, 5000);
	expect_everywhere(w, MSG_EXPIRE, 1);
}

/* A store that is only slow is waited for. */
static void test_slow_is_not_failing(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, WRITE_IQ);
	pass(w, 3600000);
	expect_nothing(w, 0);
	committed(w, 1);
	expect_everywhere(w, MSG_COMMITTED, 1);
}

static struct packet *text_packet(const char *xml)
{
	struct packet *p = packet_raw(str_z(xml));

	p->raw = false;
	return p;
}

/* What a wire gives back of what was held: each kind finds its way. */
static void test_what_comes_back(void **state)
{
	static const char *const held[] = {
		"<iq from='write@x.test' to='alice@x.test/desk' id='1' type='result'/>",
		"<message from='bob@x.test/phone' to='alice@x.test/desk' id='2' type='groupchat'/>",
		"<iq to='alice@x.test/desk' id='3' type='set'><query xmlns='jabber:iq:roster'/></iq>",
		"<presence from='bob@x.test' to='alice@x.test/desk' id='4' type='subscribe'/>",
		"<message from='forward@x.test' to='alice@x.test/desk' id='5'/>",
		"<message from='forward@x.test' to='alice@x.test/desk' id='6' type='error'/>",
	};
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 1, "bob", "phone");
	struct msg *m = put(w, MSG_EXPIRED, a.conn, a.session);

	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		struct packet *p = text_packet(held[i]);
		packets_add(&m->end.rest, &p);
	}
	pump(w);
	expect_send(w, a.conn,
		"<iq from='write@x.test' to='alice@x.test/desk' id='1' type='error'><error type='wait'><resource-constraint ");
	expect_send(w, b.conn, "to='bob@x.test/phone' id='2' type='error'><error type='wait'><resource-constraint ");
	assert_int_equal(expect_send(w, a.conn, "id='3' type='set'")->commit, 0);
	assert_int_equal(expect_send(w, a.conn, "id='4' type='subscribe'")->commit, 0);
	expect_send(w, a.conn, "id='6' type='error'");
	expect_nothing(w, a.conn);
	expect_nothing(w, b.conn);
	expect_note(w, "forward: <message from='alice@x.test/desk' to='forward@x.test' id='5' type='error'>");
}

static void test_what_comes_back_after_the_end(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct packet *p = text_packet("<message from='forward@x.test' to='alice@x.test/desk' id='5'/>");

	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	turn_end(w);
	packets_add(&put(w, MSG_EXPIRED, a.conn, a.session)->end.rest, &p);
	pump(w);
	expect_note(w, "forward: <message from='alice@x.test/desk' to='forward@x.test' id='5' type='error'>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_batch_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_number_for_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_written_waits_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_turn_of_many_megabytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commit_after_an_early_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relaxed, setup_relaxed, teardown),
		cmocka_unit_test_setup_teardown(test_queries_follow_their_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queries_follow_their_batch, setup_relaxed, teardown),
		cmocka_unit_test_setup_teardown(test_shutdown_does_not_wait, setup_relaxed, teardown),
		cmocka_unit_test_setup_teardown(test_failing_and_well_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_for_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_written_while_it_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_is_not_failing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_comes_back_after_the_end, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
