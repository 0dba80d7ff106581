/* What goes out: every byte once and in order, nothing before its commit. */
#include "wire/testing.h"

static struct world *w;
static struct client c;

static int setup(void **state)
{
	w = world_new(NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	return 0;
}

#define M(id) "<message to='alice@x.test/desk' from='b@x.test' id='" id "'/>"

/* ---- bytes ---- */

static void test_the_hole_is_filled(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	give(&c, "1", 0);
	add_send(&c, make_packet("alice@x.test", "2", 3), 0);
	hand(w);
	expect(&c, M("1") "<message from='b@x.test' to='alice@x.test' id='2'><body>abc</body></message>");
}

/* Many sizes through a narrow cable, and through one that takes a few bytes a call. */
static void exact(size_t capacity, size_t trickle)
{
	CLEANUP(buf_clear) struct buf want = {.max = 16 << 20};
	uint32_t seed = 7;
	char id[16];

	client_login(&c, w, capacity, trickle);
	for (int i = 0; i < 400; i++) {
		size_t size = (seed = seed * 1103515245 + 12345) >> 16;
		struct packet *p;

		size = i % 50 == 49 ? size : size % 200;
		if (trickle == 1)
			size %= 100;
		snprintf(id, sizeof(id), "%d", i);
		p = make_packet(NULL, id, size);
		buf_add(&want, p->bytes->p, p->hole);
		buf_z(&want, " to='alice@x.test/desk'");
		buf_add(&want, p->bytes->p + p->hole, p->bytes->n - p->hole);
		add_send(&c, p, 0);
		if (i % 7 == 0)
			hand(w);
		else
			queue_put(wire_queue(w->wire), &w->out);
		if (i % 11 == 0)
			loop_step(w->l, false);
	}
	hand(w);
	assert_int_equal(c.in.n - c.read, want.n);
	assert_memory_equal(c.in.p + c.read, want.p, want.n);
	assert_int_equal(wire_stats(w->wire).packets_out > 400, true);
}

static void test_exact(void **state) { exact(CAPACITY, 0); }
static void test_exact_through_seven_bytes(void **state) { exact(7, 0); }
static void test_exact_through_a_thousand(void **state) { exact(1000, 0); }
static void test_exact_in_trickles_of_one(void **state) { exact(100, 1); }
static void test_exact_in_trickles_of_many(void **state) { exact(4000, 777); }

/* A reader that comes and goes. */
static void test_exact_with_stops(void **state)
{
	CLEANUP(buf_clear) struct buf want = {.max = 16 << 20};
	char id[16];

	client_login(&c, w, 300, 0);
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "%d", i);
		give(&c, id, 0);
		buf_fmt(&want, "<message to='alice@x.test/desk' from='b@x.test' id='%d'/>", i);
		if (i % 3 == 0)
			client_stop(&c, i % 2);
		hand(w);
	}
	client_stop(&c, false);
	settle(w);
	expect(&c, buf_cstr(&want));
	assert_null(conn_out_head(w, c.conn));
}

static void test_many_to_many(void **state)
{
	struct client d;
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	client_login(&d, w, CAPACITY, 0);
	m = to_wire(w, MSG_SEND, c.conn);
	m->send.conn_count = m->send.packet_count = 2;
	m->send.conns = xmalloc(2 * sizeof(uint64_t));
	m->send.conns[0] = c.conn;
	m->send.conns[1] = d.conn;
	m->send.packets = xmalloc(2 * sizeof(struct packet *));
	m->send.packets[0] = make_packet(NULL, "1", 0);
	m->send.packets[1] = make_packet(NULL, "2", 0);
	hand(w);
	expect(&c, M("1") M("2"));
	expect(&d, M("1") M("2"));
	client_close(&d);
}

/* ---- commits ---- */

static void test_held_until_committed(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	give(&c, "1", 0);
	give(&c, "2", 5);
	give(&c, "3", 0);
	give(&c, "4", 7);
	give(&c, "5", 6); /* its number is lower, its turn is not */
	hand(w);
	expect(&c, M("1"));
	commit(w, 4);
	expect(&c, "");
	commit(w, 5);
	expect(&c, M("2") M("3"));
	commit(w, 6);
	expect(&c, "");
	commit(w, 7);
	expect(&c, M("4") M("5"));
	give(&c, "6", 7);
	hand(w);
	expect(&c, M("6"));
	assert_true(list_empty(&w->wire->waiting));
}

static void test_others_do_not_wait(void **state)
{
	struct client d;

	client_login(&c, w, CAPACITY, 0);
	client_login(&d, w, CAPACITY, 0);
	give(&c, "1", 1);
	give(&d, "2", 0);
	hand(w);
	expect(&c, "");
	expect(&d, M("2"));
	commit(w, 1);
	expect(&c, M("1"));
	client_close(&d);
}

/* A held queue is not a slow reader. */
static void test_holding_is_not_stalling(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	give(&c, "1", 1);
	hand(w);
	pass(w, 600000);
	assert_false(c.closed);
	commit(w, 1);
	expect(&c, M("1"));
}

static void expire(uint64_t from)
{
	to_wire(w, MSG_EXPIRE, 0)->committed.number = from;
	hand(w);
}

static void test_expired(void **state)
{
	struct client d;

	client_login(&c, w, CAPACITY, 0);
	client_login(&d, w, CAPACITY, 0);
	give(&c, "1", 1);
	give(&c, "2", 0);
	give(&c, "3", 2);
	give(&c, "4", 3);
	give(&c, "5", 0);
	give(&d, "6", 0);
	hand(w);
	commit(w, 1);
	expect(&c, M("1") M("2"));
	expire(2);
	expect_rest(expect_msg(w, MSG_EXPIRED), "3 4");
	expect_no_msg(w);
	expect(&c, M("5"));
	expire(2);
	expect_no_msg(w);
	assert_null(conn_out_head(w, c.conn));
	commit(w, 3);
	expect(&c, "");
	expect(&d, M("6"));
	client_close(&d);
}

/* Also of a queue that has not come to what is held, because its reader is slow. */
static void test_expired_behind_a_slow_reader(void **state)
{
	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	add_send(&c, make_packet(NULL, "1", 500), 0);
	give(&c, "2", 9);
	give(&c, "3", 0);
	hand(w);
	expire(1);
	expect_rest(expect_msg(w, MSG_EXPIRED), "2");
	client_stop(&c, false);
	settle(w);
	expect_has(&c, "</body></message>");
	expect(&c, M("3"));
}

/* Nothing is left that could be read, so nobody is slow in reading it. */
static void test_expired_leaves_no_deadline(void **state)
{
	client_login(&c, w, 16, 0);
	client_stop(&c, true);
	link_send(c.link, " ", 1);
	give(&c, "1", 0);
	hand(w);
	client_stop(&c, false);
	settle(w);
	heard(&c);
	client_stop(&c, true);
	give(&c, "2", 1);
	hand(w);
	expire(1);
	pass(w, 600000);
	assert_false(c.closed);
	assert_int_equal(wire_stats(w->wire).connections, 1);
}

/* ---- slow readers ---- */

static void test_stalled(void **state)
{
	struct msg *m;

	client_login(&c, w, 100, 0);
	client_stop(&c, true);
	for (int i = 0; i < 10; i++)
		give(&c, "m", 0);
	hand(w);
	pass(w, 29999);
	expect_no_msg(w);
	pass(w, 1);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_in_range(m->end.rest.n, 8, 10);
	expect_msg(w, MSG_CLOSED);
	expect_no_connections(w);
}

/* By time without progress, not by how much there is to read. */
static void test_slow_but_steady(void **state)
{
	client_login(&c, w, 100, 0);
	for (int i = 0; i < 40; i++)
		give(&c, "m", 0);
	client_stop(&c, true);
	hand(w);
	for (int i = 0; i < 20; i++) {
		char block[64];
		int n;

		pass(w, 29000);
		n = link_recv(c.link, block, sizeof(block));
		assert_true(n > 0);
		buf_add(&c.in, block, (size_t)n);
		settle(w);
	}
	client_stop(&c, false);
	settle(w);
	for (int i = 0; i < 40; i++)
		expect_has(&c, "id='m'/>");
	pass(w, 60000);
	expect_no_msg(w);
}

static int setup_short(void **state)
{
	struct wire_limits limits = wire_limits_default;

	limits.queue_max = 20;
	limits.queue_bytes = 4000;
	w = world_new(&limits, NULL);
	return 0;
}

static void test_too_many_wait(void **state)
{
	struct msg *m;
	struct client d;

	client_login(&c, w, 64, 0);
	client_login(&d, w, CAPACITY, 0);
	client_stop(&c, true);
	for (int i = 0; i < 30; i++) {
		give(&c, "m", 0);
		give(&d, "m", 0);
	}
	hand(w);
	m = expect_msg(w, MSG_LOST);
	assert_int_equal(m->conn, c.conn);
	assert_true(m->end.resumable);
	assert_in_range(m->end.rest.n, 28, 30);
	expect_msg(w, MSG_CLOSED);
	/* As many at once, to somebody who reads them. */
	expect_no_msg(w);
	assert_false(d.closed);
	client_close(&d);
}

static void test_too_many_bytes_wait(void **state)
{
	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	add_send(&c, make_packet(NULL, "1", 2500), 0);
	hand(w);
	expect_no_msg(w);
	add_send(&c, make_packet(NULL, "2", 2500), 0);
	hand(w);
	expect_rest(expect_msg(w, MSG_LOST), "1 2");
}

static void test_bytes_written_do_not_count(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	for (int i = 0; i < 10; i++) {
		add_send(&c, make_packet(NULL, "1", 2500), 0);
		hand(w);
	}
	expect_no_msg(w);
	assert_int_equal(conn_out_bytes(w, c.conn), 0);
}

/* ---- fairness and cost ---- */

/* One connection with megabytes does not fill a turn: the others get theirs in the same turn, and it the rest later. */
static void test_slices(void **state)
{
	struct client d;
	size_t first;

	client_login(&c, w, 64 << 20, 0);
	client_login(&d, w, CAPACITY, 0);
	for (int i = 0; i < 40; i++)
		add_send(&c, make_packet(NULL, "big", 100000), 0);
	give(&d, "small", 0);
	queue_put(wire_queue(w->wire), &w->out);
	loop_wake(w->l);
	loop_step(w->l, true);
	first = wire_stats(w->wire).bytes_out;
	loop_step(w->l, false);
	assert_true(first < 1 << 20);
	expect(&d, M("small"));
	settle(w);
	assert_true(c.in.n - c.read > 4000000);
	assert_true(w->wire->write_buf.cap <= WRITE_KEEP);
	client_close(&d);
}

/* Nothing is allocated for a delivery once there is room. */
static void test_no_allocation_for_a_delivery(void **state)
{
	enum { ROUNDS = 60, EACH = 10 };
	struct packet *p = make_packet(NULL, "m", 100);
	uint64_t before = 0;

	client_login(&c, w, 1 << 20, 0);
	buf_room(&c.in, 1 << 20); /* the client's memory is not the wire's */
	for (int i = 0; i < ROUNDS; i++) {
		if (i == 20)
			before = mem_stats().allocs;
		for (int k = 0; k < EACH; k++)
			add_send(&c, packet_ref(p), 0);
		hand(w);
	}
	assert_int_equal(mem_stats().allocs, before);
	assert_int_equal(p->refs, 1);
	packet_unref(&p);
}

static void deliver_and_half_a_stanza(void)
{
	for (int i = 0; i < 100; i++)
		give(&c, "m", 0);
	hand(w);
	client_write(&c, STR("<message to='b@x.test' id='half'><body>"));
	settle(w);
	assert_true(xml_parser_held(conn_of(w, c.conn)->parser) > 0); /* it is held ... */
	say(&c, "</body></message>");
	expect_stanza(w, "half");
	stanza_free(&w->got.m[--w->seen].stanza.stanza);
	w->got.n--;
}

/* A connection at rest holds no queue, no input, no login. */
static void test_at_rest(void **state)
{
	int64_t before;

	client_login(&c, w, CAPACITY, 0);
	buf_room(&c.in, 1 << 20);
	for (int i = 0; i < 4; i++) /* makes room in what connections share */
		deliver_and_half_a_stanza();
	before = mem_stats().bytes;
	deliver_and_half_a_stanza();
	assert_int_equal(mem_stats().bytes, before); /* ... and let go of */
	assert_null(conn_out_head(w, c.conn));
	assert_null(conn_of(w, c.conn)->login);
	assert_null(conn_of(w, c.conn)->held.p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SHORT(name) cmocka_unit_test_setup_teardown(name, setup_short, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_hole_is_filled),
		TEST(test_exact),
		TEST(test_exact_through_seven_bytes),
		TEST(test_exact_through_a_thousand),
		TEST(test_exact_in_trickles_of_one),
		TEST(test_exact_in_trickles_of_many),
		TEST(test_exact_with_stops),
		TEST(test_many_to_many),
		TEST(test_held_until_committed),
		TEST(test_others_do_not_wait),
		TEST(test_holding_is_not_stalling),
		TEST(test_expired),
		TEST(test_expired_behind_a_slow_reader),
		TEST(test_expired_leaves_no_deadline),
		TEST(test_stalled),
		TEST(test_slow_but_steady),
		TEST_SHORT(test_too_many_wait),
		TEST_SHORT(test_too_many_bytes_wait),
		TEST_SHORT(test_bytes_written_do_not_count),
		TEST(test_slices),
		TEST(test_no_allocation_for_a_delivery),
		TEST(test_at_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
