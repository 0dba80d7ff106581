/* A client that writes faster than its link carries is slowed, and nothing of it refused, as long as the other end acknowledges. */
#include "peer/testing.h"

enum { MOST = 100, HIGH = MOST / 5 };

static const char *bob(void) { return jid_of('b', "bob"); }
static void few_wait(struct peers_config *c) { c->outbox_max = MOST; }

/* A stanza of a client, that its session counts: as long as it does not, the client is not read. */
static void write_one(struct world *w, unsigned number)
{
	char xml[512];
	struct stanza *s;

	snprintf(xml, sizeof(xml), "<message type='chat' from='%s/x' to='%s' id='m%u'><body>text %u</body></message>",
		jid_of('n', "alice"), bob(), number, number);
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	s->origin = s->counted_by = 1000000;
	s->origin_seq = number + 1;
	turn(w, &s);
	pump(w);
}

static struct world *with_bob(uint64_t *ret_conn)
{
	struct world *w = world_new_with(few_wait);

	*ret_conn = link_from(w, 'b', "bob");
	say_message(w, bob(), "hello", "hello");
	arrive_all(w, *ret_conn);
	look_away(w);
	return w;
}

static void expect_texts(struct world *w, uint64_t conn, unsigned from, unsigned to)
{
	char text[32];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "<body>text %u<", i);
		expect_sent(w, conn, text);
	}
}

static void slowed(void **state)
{
	uint64_t conn;
	struct world *w = with_bob(&conn);
	const struct outbox *o = &row(w, 'b')->outbox;

	for (unsigned i = 0; i < 4 * HIGH; i++)
		write_one(w, i);
	assert_int_equal(o->n, HIGH);
	assert_int_equal(o->held.n, 3 * HIGH);
	expect_texts(w, conn, 0, HIGH);
	assert_string_equal(sent(w, conn), "");
	/* What programs send by themselves cannot be slowed. */
	say(w, "<message type='chat' from='%s' to='%s' id='r'><received xmlns='urn:xmpp:receipts' id='x'/></message>",
		jid_of('n', "alice"), bob());
	expect_sent(w, conn, "<received");
	/* Some have arrived: on it goes, in order. */
	arrive(w, conn, 4);
	assert_int_equal(o->held.n, 0);
	assert_int_equal(o->n, 4 * HIGH + 1 - 4);
	expect_texts(w, conn, HIGH, 4 * HIGH);
	world_free(w);
}

static void in_order(void **state)
{
	enum { ALL = 400, CREDIT = 16 };
	uint64_t conn;
	struct world *w = with_bob(&conn);
	const struct outbox *o = &row(w, 'b')->outbox;

	for (unsigned i = 0; i < ALL;) {
		while (i < ALL && o->held.n < CREDIT)
			write_one(w, i++);
		sleep_ms(w, 1000);
		arrive(w, conn, 1 + i % 3);
	}
	while (conn_of(w, conn)->unacked.n)
		arrive_all(w, conn);
	expect_texts(w, conn, 0, ALL);
	assert_int_equal(o->n, 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	world_free(w);
}

/* When the link breaks all of it is safe in the outbox, which then has its limit. */
static void the_link_breaks(void **state)
{
	for (int resumable = 0; resumable < 2; resumable++) {
		uint64_t conn;
		struct world *w = with_bob(&conn);
		const struct outbox *o = &row(w, 'b')->outbox;

		for (unsigned i = 0; i < 2 * HIGH; i++)
			write_one(w, i);
		assert_int_equal(o->held.n, HIGH);
		cut(w, conn, resumable);
		assert_int_equal(o->held.n, 0);
		assert_int_equal(o->n, 2 * HIGH);
		assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 2 * HIGH);
		for (unsigned i = 2 * HIGH; i < MOST; i++)
			write_one(w, i);
		assert_int_equal(o->n, MOST);
		say_message(w, bob(), "more", "one more");
		assert_int_equal(w->refused_stanzas, 1);
		assert_int_equal(o->n, MOST);
		world_free(w);
	}
}

/* An end that acknowledges nothing holds up nothing for long: all else that the client says waits, too. */
static void the_other_end_hangs(void **state)
{
	uint64_t conn;
	struct world *w = with_bob(&conn);
	const struct outbox *o = &row(w, 'b')->outbox;

	for (unsigned i = 0; i < 2 * HIGH; i++)
		write_one(w, i);
	sleep_ms(w, 3000);
	arrive(w, conn, 1); /* too few to go on, but it lives */
	sleep_ms(w, 4000);
	assert_int_equal(o->held.n, HIGH);
	sleep_ms(w, 2000);
	assert_int_equal(o->held.n, 0);
	for (unsigned i = 2 * HIGH; i < MOST + 1; i++)
		write_one(w, i);
	assert_int_equal(o->n, MOST);
	say_message(w, bob(), "more", "one more");
	expect_got(w, "are not acknowledged yet");
	world_free(w);
}

/* Who is blocked or forgotten meanwhile: what was held for him goes back, or with him. */
static void not_wanted_any_more(void **state)
{
	uint64_t conn;
	struct world *w = with_bob(&conn);

	for (unsigned i = 0; i < 2 * HIGH; i++)
		write_one(w, i);
	command(w, "peer", "block", "bob", NULL);
	assert_int_equal(row(w, 'b')->outbox.held.n, 0);
	assert_int_equal(row(w, 'b')->outbox.n, HIGH);
	world_free(w);

	w = with_bob(&conn);
	for (unsigned i = 0; i < 2 * HIGH; i++)
		write_one(w, i);
	command(w, "peer", "del", "bob", NULL);
	assert_null(row(w, 'b'));
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	world_free(w);
}

/* The node ends. */
static void an_end(void **state)
{
	uint64_t conn;
	struct world *w = with_bob(&conn);

	for (unsigned i = 0; i < 2 * HIGH; i++)
		write_one(w, i);
	world_restart(w);
	assert_int_equal(row(w, 'b')->outbox.n, HIGH); /* the others were never counted: they are the client's still */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slowed),
		cmocka_unit_test(in_order),
		cmocka_unit_test(the_link_breaks),
		cmocka_unit_test(the_other_end_hangs),
		cmocka_unit_test(not_wanted_any_more),
		cmocka_unit_test(an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
