/* XEP-0198 on a connection. */
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
#define R "<r xmlns='urn:xmpp:sm:3'/>"
#define A(h) "<a xmlns='urn:xmpp:sm:3' h='" h "'/>"

static void say_stanzas(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		client_write(&c, STR("<message to='b@x.test' id='m'/>"));
	settle(w);
	for (unsigned i = 0; i < n; i++)
		expect_stanza(w, "m");
}

/* ---- enabling ---- */

static void test_enable(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	say(&c, R);
	expect(&c, A("0"));
}

static void test_enable_without_resuming(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	say(&c, "<enable xmlns='urn:xmpp:sm:3'/>");
	expect(&c,
		"<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
	expect_no_msg(w);
	say(&c, R);
	expect(&c, A("0"));
}

static void test_not_before_binding(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, "<enable xmlns='urn:xmpp:sm:3'/>");
	expect(&c,
		"<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
	client_bind(&c);
	say(&c, R);
	say(&c, A("7"));
	expect(&c, ""); /* nothing is counted */
	say(&c, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>");
	expect_has(&c, "<failed xmlns='urn:xmpp:sm:3'><unexpected-request ");
}

/* Stanzas of before are not counted, whenever they are handled; a question that comes right behind is answered. */
static void test_enable_in_the_middle(void **state)
{
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	say_stanzas(2);
	say(&c, "<enable xmlns='urn:xmpp:sm:3'/><message to='b@x.test' id='m'/>" R);
	expect_msg(w, MSG_SM_ENABLE);
	expect_stanza(w, "m");
	expect(&c, "");
	m = to_wire(w, MSG_SM_ENABLED, c.conn);
	m->session = c.session;
	hand(w);
	expect(&c, "<enabled xmlns='urn:xmpp:sm:3'/>");
	credit(&c, 1, 0); /* the first of those before */
	hand(w);
	say(&c, R); /* two questions: the first gets what is true */
	expect(&c, A("0"));
	credit(&c, 3, 0);
	hand(w);
	expect(&c, A("1"));
}

/* What the core wants to be said more slowly is not read for a while, acknowledgements and all. */
static void test_slowed(void **state)
{
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	say(&c, "<message to='b@x.test' id='1'/>");
	expect_stanza(w, "1");
	m = to_wire(w, MSG_CREDIT, c.conn);
	m->session = c.session;
	m->credit.handled = 1;
	m->credit.pause_ms = 500;
	hand(w);
	say(&c, "<message to='b@x.test' id='2'/>" R);
	pass(w, 400);
	expect_no_msg(w);
	expect(&c, "");
	pass(w, 101);
	expect_stanza(w, "2");
	credit(&c, 2, 0);
	hand(w);
	expect(&c, A("2"));
	say(&c, "<message to='b@x.test' id='3'/>");
	expect_stanza(w, "3");
}

static void test_handled_before_enabled_was_said(void **state)
{
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	say(&c, "<enable xmlns='urn:xmpp:sm:3'/><message to='b@x.test' id='1'/><message to='b@x.test' id='2'/>" R);
	credit(&c, 1, 0);
	credit(&c, 2, 9); /* and this one waits for the store */
	m = to_wire(w, MSG_SM_ENABLED, c.conn);
	m->session = c.session;
	hand(w);
	expect(&c, "<enabled xmlns='urn:xmpp:sm:3'/>");
	say(&c, R);
	expect(&c, A("1"));
	commit(w, 9);
	expect(&c, A("2"));
}

/* What stood in the queue before <enabled/> is not counted by the client. */
static void test_only_what_is_sent_after(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_stop(&c, true);
	give(&c, "1", 0);
	hand(w);
	client_stop(&c, false);
	settle(w);
	expect(&c, M("1"));
	client_enable(&c, false);
	say(&c, A("0"));
	give(&c, "2", 0);
	hand(w);
	expect(&c, M("2") R);
	say(&c, A("1"));
	assert_null(conn_out_head(w, c.conn));
}

/* ---- their stanzas ---- */

static void test_answers_when_handled(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	say_stanzas(3);
	say(&c, R);
	expect(&c, "");
	credit(&c, 2, 0);
	hand(w);
	expect(&c, "");
	credit(&c, 3, 0);
	hand(w);
	expect(&c, A("3"));
	say(&c, R);
	expect(&c, A("3"));
	say_stanzas(1);
	credit(&c, 4, 0);
	hand(w);
	expect(&c, ""); /* nobody asked */
}

static void test_answers_when_committed(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	say_stanzas(4);
	say(&c, R);
	credit(&c, 1, 1);
	credit(&c, 2, 2);
	credit(&c, 4, 3);
	hand(w);
	expect(&c, "");
	say(&c, R);
	expect(&c, A("0"));
	commit(w, 1);
	say(&c, R);
	expect(&c, A("1"));
	commit(w, 2);
	expect(&c, "");
	commit(w, 3);
	expect(&c, A("4"));
}

/* One that needs no commit does not overtake one that does. */
static void test_handled_in_order(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	say_stanzas(2);
	say(&c, R);
	credit(&c, 1, 5);
	hand(w);
	credit(&c, 2, 0);
	hand(w);
	expect(&c, "");
	commit(w, 5);
	expect(&c, A("2"));
}

/* While the store fails the question gets the number that is true, not silence. */
static void test_answers_when_the_store_fails(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	say_stanzas(2);
	credit(&c, 1, 0);
	credit(&c, 2, 5);
	say(&c, R);
	expect(&c, "");
	to_wire(w, MSG_EXPIRE, 0)->committed.number = 1;
	hand(w);
	expect(&c, A("1"));
	commit(w, 5);
	expect(&c, "");
	say(&c, R);
	expect(&c, A("2"));
}

/* ---- our stanzas ---- */

static void test_asks_once_a_batch(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, false);
	give(&c, "1", 0);
	give(&c, "2", 0);
	hand(w);
	expect(&c, M("1") M("2") R);
	give(&c, "3", 0);
	hand(w);
	expect(&c, M("3")); /* a question is open */
	say(&c, A("2"));
	expect(&c, R); /* what was written after it */
	say(&c, A("2"));
	expect(&c, ""); /* an answer that says nothing new begins no quarrel */
	say(&c, A("3"));
	expect(&c, "");
	assert_null(conn_out_head(w, c.conn));
	give(&c, "4", 0);
	hand(w);
	expect(&c, M("4") R);
}

static void test_acks_without_being_asked(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	for (int i = 0; i < 100; i++)
		give(&c, "m", 0);
	hand(w);
	heard(&c);
	for (int i = 1; i <= 100; i++) {
		char a[64];

		snprintf(a, sizeof(a), "<a xmlns='urn:xmpp:sm:3' h='%d'/>", i);
		say(&c, a);
	}
	assert_null(conn_out_head(w, c.conn));
	assert_int_equal(conn_out_bytes(w, c.conn), 0);
	assert_false(c.closed);
}

static void test_too_high(void **state)
{
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	give(&c, "2", 0);
	hand(w);
	heard(&c);
	say(&c, A("3"));
	expect(&c,
		"<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
		"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>acknowledged more stanzas than were sent</text>"
		"<handled-count-too-high xmlns='urn:xmpp:sm:3' h='3' send-count='2'/></stream:error></stream:stream>");
	m = expect_msg(w, MSG_LOST);
	assert_false(m->end.resumable);
	assert_int_equal(m->end.acked, 0);
	expect_rest(m, "1 2");
	assert_true(c.closed);
}

static void test_backwards(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	give(&c, "2", 0);
	hand(w);
	say(&c, A("2"));
	say(&c, A("1"));
	expect_has(&c, "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='1' send-count='2'/>");
}

/* What is not wholly written cannot have been handled. */
static void test_half_written_is_not_sent(void **state)
{
	struct msg *m;

	client_login(&c, w, 300, 0);
	client_enable(&c, true);
	client_stop(&c, true);
	give(&c, "1", 0);
	add_send(&c, make_packet(NULL, "2", 2000), 0);
	hand(w);
	say(&c, A("2"));
	m = expect_msg(w, MSG_LOST);
	expect_rest(m, "1 2");
}

static void test_not_a_number(void **state)
{
	static const char *const bad[] = {"<a xmlns='urn:xmpp:sm:3'/>", A("-1"), A("4294967296"), A("x"), A("")};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		client_login(&c, w, CAPACITY, 0);
		client_enable(&c, true);
		say(&c, bad[i]);
		expect_has(&c, "<stream:error><bad-format ");
		expect_msg(w, MSG_LOST);
		expect_msg(w, MSG_CLOSED);
		client_close(&c);
	}
}

/* ---- a session that is resumed ---- */

static void attach(uint64_t conn, uint32_t acked, uint32_t handled, uint32_t base, uint64_t number,
	const char *const *ids)
{
	struct msg *m = to_wire(w, MSG_ATTACH, conn);

	m->session = 77;
	m->attach.jid = xstrdup("alice@x.test/desk");
	m->attach.acked = acked;
	m->attach.handled = handled;
	m->attach.base = base;
	m->attach.commit = number;
	for (; *ids; ids++) {
		struct packet *p = make_packet(NULL, *ids, 0);
		packets_add(&m->attach.queue, &p);
	}
	hand(w);
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void ask_resume(uint32_t h)
{
	char xml[128];

	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	snprintf(xml, sizeof(xml), "<resume xmlns='urn:xmpp:sm:3' previd='token-1' h='%u'/>", h);
	say(&c, xml);
	c.conn = expect_msg(w, MSG_RESUME)->conn;
	c.session = 77;
}

static void test_resume(void **state)
{
	ask_resume(5);
	attach(c.conn, 5, 9, 2, 0, IDS("6", "7"));
	expect(&c, "<resumed xmlns='urn:xmpp:sm:3' previd='token-1' h='7'/>" M("6") M("7") R);
	say(&c, A("6"));
	expect(&c, R);
	give(&c, "8", 0);
	hand(w);
	expect(&c, M("8"));
	say(&c, A("8"));
	assert_null(conn_out_head(w, c.conn));
	say_stanzas(1);
	assert_int_equal(w->got.m[w->seen - 1].session, 77);
	credit(&c, 10, 0);
	say(&c, R);
	expect(&c, A("8"));
}

static void test_resume_waits_for_the_store(void **state)
{
	ask_resume(0);
	attach(c.conn, 0, 1, 0, 3, IDS("1"));
	say(&c, R);
	expect(&c, "");
	commit(w, 3);
	expect(&c, "<resumed xmlns='urn:xmpp:sm:3' previd='token-1' h='1'/>" M("1") A("1") R);
}

/* It cannot be said and cannot be left out: the connection ends, the session waits on. */
static void test_resume_while_the_store_fails(void **state)
{
	struct msg *m;

	ask_resume(4);
	attach(c.conn, 4, 1, 0, 3, IDS("5", "6"));
	give(&c, "7", 0);
	hand(w);
	to_wire(w, MSG_EXPIRE, 0)->committed.number = 1;
	hand(w);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_int_equal(m->end.acked, 4);
	expect_rest(m, "5 6 7");
	m = expect_msg(w, MSG_CLOSED);
	assert_int_equal(m->end.acked, 4);
	assert_true(c.closed);
	expect(&c, "");
}

static void test_numbers_wrap(void **state)
{
	ask_resume(UINT32_MAX - 1);
	attach(c.conn, UINT32_MAX - 1, UINT32_MAX, 0, 0, IDS("a", "b", "c"));
	expect_has(&c, "h='4294967295'/>" M("a") M("b") M("c") R);
	say(&c, A("4294967295"));
	expect(&c, R);
	say(&c, A("1"));
	expect(&c, "");
	assert_null(conn_out_head(w, c.conn));
	say_stanzas(2);
	say(&c, R);
	credit(&c, 0, 0);
	hand(w);
	expect(&c, "");
	credit(&c, 1, 0);
	hand(w);
	expect(&c, A("1"));
	say(&c, A("2"));
	expect_has(&c, "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>");
}

static void test_numbers_wrap_over_the_base(void **state)
{
	ask_resume(0);
	attach(c.conn, 0, 2, UINT32_MAX, 0, IDS(NULL));
	expect(&c, "<resumed xmlns='urn:xmpp:sm:3' previd='token-1' h='3'/>");
}

/* ---- a client that is gone ---- */

static void test_no_answer(void **state)
{
	struct msg *m;

	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	hand(w);
	pass(w, 59999);
	expect_no_msg(w);
	give(&c, "2", 0);
	hand(w);
	pass(w, 1);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_false(m->end.hung_up); /* it may be there, and silent */
	expect_rest(m, "1 2");
	expect_msg(w, MSG_CLOSED);
	expect_no_connections(w);
}

static void test_any_answer_will_do(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	hand(w);
	pass(w, 59000);
	say(&c, A("0")); /* has not handled it yet, but is there */
	pass(w, 600000);
	expect_no_msg(w);
	assert_false(c.closed);
	give(&c, "2", 0);
	hand(w);
	pass(w, 60000);
	expect_rest(expect_msg(w, MSG_LOST), "1 2");
}

static void test_at_rest_there_is_no_deadline(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	hand(w);
	say(&c, A("1"));
	pass(w, 3600000);
	assert_false(c.closed);
	assert_int_equal(timers_next(loop_timers(w->l)), INT64_MAX);
}

/* The number that the end gives is that of the last acknowledged; the rest is what the client may not have. */
static void test_cut(void **state)
{
	struct msg *m;

	w->no_close = true;
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	for (int i = 1; i <= 3; i++) {
		char id[16];
		snprintf(id, sizeof(id), "%d", i);
		give(&c, id, 0);
	}
	hand(w);
	say(&c, A("1"));
	give(&c, "4", 99);
	hand(w);
	mem_link_cut(c.cable);
	settle(w);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_int_equal(m->end.acked, 1);
	expect_rest(m, "2 3 4");
	give(&c, "5", 0);
	credit(&c, 0, 0);
	close_from_core(&c, SERR_NONE, false);
	m = expect_msg(w, MSG_CLOSED);
	assert_int_equal(m->end.acked, 1);
	expect_rest(m, "5");
	expect_no_connections(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_enable),
		TEST(test_enable_without_resuming),
		TEST(test_not_before_binding),
		TEST(test_enable_in_the_middle),
		TEST(test_slowed),
		TEST(test_handled_before_enabled_was_said),
		TEST(test_only_what_is_sent_after),
		TEST(test_answers_when_handled),
		TEST(test_answers_when_committed),
		TEST(test_handled_in_order),
		TEST(test_answers_when_the_store_fails),
		TEST(test_asks_once_a_batch),
		TEST(test_acks_without_being_asked),
		TEST(test_too_high),
		TEST(test_backwards),
		TEST(test_half_written_is_not_sent),
		TEST(test_not_a_number),
		TEST(test_resume),
		TEST(test_resume_waits_for_the_store),
		TEST(test_resume_while_the_store_fails),
		TEST(test_numbers_wrap),
		TEST(test_numbers_wrap_over_the_base),
		TEST(test_no_answer),
		TEST(test_any_answer_will_do),
		TEST(test_at_rest_there_is_no_deadline),
		TEST(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
