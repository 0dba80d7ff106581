/* A session's connection: what comes in, and how it ends. */
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

/* ---- stanzas ---- */

static void test_stanzas_are_stamped(void **state)
{
	struct stanza *s;

	client_login(&c, w, CAPACITY, 0);
	say(&c, "<message from='alice@x.test/desk' to='B@X.test' id='1' xml:lang='de'><body>x</body></message>");
	s = expect_msg(w, MSG_STANZA)->stanza.stanza;
	assert_true(str_is(jid_str(s->from), "alice@x.test/desk"));
	assert_true(str_is(jid_str(s->to), "b@x.test"));
	assert_true(str_is(s->lang, "de"));
	assert_int_equal(s->refused, XERR_NONE);
	assert_int_equal(w->got.m[w->seen - 1].session, c.session);
	say(&c, "<presence from='alice@x.test'/>");
	s = expect_msg(w, MSG_STANZA)->stanza.stanza;
	assert_true(str_is(jid_str(s->from), "alice@x.test/desk"));
}

/* They count like any other, and the core has the say. */
static void test_what_cannot_come_in(void **state)
{
	static const struct {
		const char *xml;
		enum xerr_cond why;
		enum stanza_type type;
	} cases[] = {
		{"<message to='a@@b' id='i' type='chat'><body>x</body></message>", XERR_JID_MALFORMED, TYPE_CHAT},
		{"<iq to='@' id='i' type='result'/>", XERR_JID_MALFORMED, TYPE_RESULT},
		{"<presence to='a b@c' id='i' type='subscribe'/>", XERR_JID_MALFORMED, TYPE_SUBSCRIBE},
		{"<iq to='b@x.test' id='i' type='push'><q xmlns='urn:q'/></iq>", XERR_BAD_REQUEST, TYPE_GET},
		{"<iq to='b@x.test' id='i'><q xmlns='urn:q'/></iq>", XERR_BAD_REQUEST, TYPE_GET},
		{"<presence id='i' type='available'/>", XERR_BAD_REQUEST, TYPE_AVAILABLE},
	};
	struct stanza *s;

	client_login(&c, w, CAPACITY, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		say(&c, cases[i].xml);
		s = expect_msg(w, MSG_STANZA)->stanza.stanza;
		assert_int_equal(s->refused, cases[i].why);
		assert_int_equal(s->type, cases[i].type);
		assert_true(str_is(s->id, "i"));
		assert_true(str_is(jid_str(s->from), "alice@x.test/desk"));
		assert_false(jid_some(s->to));
		assert_int_equal(stanza_payload(s), XML_NONE);
	}
	assert_int_equal(conn_of(w, c.conn)->forwarded, ARRAY_LEN(cases));
	expect(&c, "");
}

static void test_stream_errors(void **state)
{
	static const struct {
		const char *xml, *error;
	} cases[] = {
		{"<message from='bob@x.test' to='b@x.test'/>", "invalid-from"},
		{"<message from='alice@x.test/phone' to='b@x.test'/>", "invalid-from"},
		{"<message xmlns='jabber:server' to='b@x.test'/>", "invalid-namespace"},
		{"<strange/>", "unsupported-stanza-type"},
		{"<message xmlns='urn:other'/>", "invalid-namespace"},
		{"<x:message/>", "not-well-formed"},
		{"<message><body></message>", "not-well-formed"},
		{"<message>&nbsp;</message>", "restricted-xml"},
		{"<?pi?>", "restricted-xml"},
		{"text between", "not-well-formed"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char error[64];
		struct msg *m;

		client_login(&c, w, CAPACITY, 0);
		say(&c, cases[i].xml);
		snprintf(error, sizeof(error), "<stream:error><%s ", cases[i].error);
		expect_has(&c, error);
		expect_has(&c, "</stream:error></stream:stream>");
		assert_true(c.closed);
		m = expect_msg(w, MSG_LOST);
		assert_false(m->end.resumable);
		expect_msg(w, MSG_CLOSED);
		client_close(&c);
	}
	settle(w);
	expect_no_connections(w);
}

static int setup_small(void **state)
{
	struct wire_limits limits = wire_limits_default;

	limits.session.stanza = 20000;
	w = world_new(&limits, NULL);
	return 0;
}

static void test_a_stanza_over_the_limit(void **state)
{
	int64_t before;

	client_login(&c, w, CAPACITY, 0);
	before = mem_stats().bytes;
	client_write(&c, STR("<message to='b@x.test' id='1'><body>"));
	for (int i = 0; i < 1900; i++)
		client_write(&c, STR("0123456789"));
	say(&c, "</body></message>");
	expect_stanza(w, "1");
	client_write(&c, STR("<message to='b@x.test' id='2'><body>"));
	for (int i = 0; i < 400 && !c.closed; i++) {
		say(&c, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789");
		assert_true(mem_stats().bytes < before + 20 * 20000);
	}
	expect_has(&c, "<stream:error><policy-violation ");
	expect_msg(w, MSG_LOST);
}

/* ---- credits ---- */

static void send_numbered(unsigned from, unsigned to)
{
	char xml[64];

	for (unsigned i = from; i <= to; i++) {
		snprintf(xml, sizeof(xml), "<message to='b@x.test' id='%u'/>", i);
		client_write(&c, str_z(xml));
	}
	settle(w);
}

static void expect_numbered(unsigned from, unsigned to)
{
	char id[16];

	for (unsigned i = from; i <= to; i++) {
		snprintf(id, sizeof(id), "%u", i);
		expect_stanza(w, id);
	}
	expect_no_msg(w);
}

static void test_reading_stops_without_credit(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	send_numbered(1, 200);
	expect_numbered(1, 64);
	credit(&c, 1, 0);
	hand(w);
	expect_numbered(65, 65);
	credit(&c, 40, 7); /* committed or not, it is handled */
	hand(w);
	expect_numbered(66, 104);
	credit(&c, 104, 7);
	hand(w);
	expect_numbered(105, 168);
	credit(&c, 168, 7);
	hand(w);
	expect_numbered(169, 200);
}

/* The cable fills, the client waits; nothing is lost and nothing gathers here. */
static void test_without_credit_nothing_is_kept(void **state)
{
	int64_t before;
	int sent = 0, n;
	static const char stanza[] = "<message to='b@x.test' id='m'/>";

	client_login(&c, w, 2000, 0);
	send_numbered(1, 64);
	expect_numbered(1, 64);
	before = mem_stats().bytes;
	for (int i = 0; i < 100; i++) {
		n = link_send(c.link, stanza, sizeof(stanza) - 1);
		sent += n > 0;
		settle(w);
	}
	assert_true(sent > 50 && sent < 100);
	assert_true(mem_stats().bytes < before + 8192);
	expect_no_msg(w);
}

static void test_credits_over_the_wrap(void **state)
{
	struct conn *conn;

	client_login(&c, w, CAPACITY, 0);
	conn = conn_of(w, c.conn);
	conn->forwarded = conn->credited = UINT32_MAX - 10;
	send_numbered(1, 100);
	expect_numbered(1, 64);
	credit(&c, 10, 0); /* of 53 behind the wrap */
	hand(w);
	expect_numbered(65, 85);
}

/* One client that sends without end does not keep another waiting. */
static void test_reading_in_slices(void **state)
{
	struct client d;
	static char spaces[600000];
	uint64_t before;

	client_login(&c, w, 1 << 20, 0);
	client_login(&d, w, CAPACITY, 0);
	memset(spaces, ' ', sizeof(spaces));
	link_send(c.link, spaces, sizeof(spaces));
	before = wire_stats(w->wire).bytes_in;
	link_send(d.link, "<message to='b@x.test' id='d'/>", 31);
	loop_step(w->l, false);
	assert_in_range(wire_stats(w->wire).bytes_in - before, 31 + READ_SIZE, 31 + 4 * READ_SIZE);
	expect_stanza(w, "d");
	settle(w);
	assert_int_equal(wire_stats(w->wire).bytes_in - before, 31 + sizeof(spaces));
	client_close(&d);
}

/* ---- ends ---- */

static void test_the_client_ends(void **state)
{
	struct msg *m;

	w->no_close = true;
	client_login(&c, w, CAPACITY, 0);
	say(&c, "<message to='b@x.test' id='last'/></stream:stream><message id='more'/>");
	expect(&c, "</stream:stream>");
	assert_true(c.closed);
	expect_stanza(w, "last");
	m = expect_msg(w, MSG_LOST);
	assert_false(m->end.resumable);
	assert_int_equal(wire_stats(w->wire).connections, 1); /* the id lives until CLOSE */
	give(&c, "1", 0);
	give(&c, "2", 8);
	hand(w);
	close_from_core(&c, SERR_NONE, false);
	m = expect_msg(w, MSG_CLOSED);
	assert_int_equal(m->session, c.session);
	expect_rest(m, "1 2");
	expect_no_msg(w);
	expect_no_connections(w);
}

/* It does not wait for our end tag, which finds nobody: an end all the same, not an accident. */
static void test_the_client_ends_and_goes(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	client_write(&c, STR("</stream:stream>"));
	client_close(&c);
	settle(w);
	assert_false(expect_msg(w, MSG_LOST)->end.resumable);
	expect_msg(w, MSG_CLOSED);
	expect_no_connections(w);
}

static void test_cut(void **state)
{
	struct msg *m;

	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	add_send(&c, make_packet(NULL, "1", 100), 0);
	give(&c, "2", 0);
	give(&c, "3", 9);
	hand(w);
	mem_link_cut(c.cable);
	settle(w);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_true(m->end.hung_up);
	expect_rest(m, "1 2 3"); /* the first is half written, so it did not arrive */
	expect_rest(expect_msg(w, MSG_CLOSED), "");
	expect_no_connections(w);
}

static void test_the_core_ends(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	give(&c, "1", 0);
	close_from_core(&c, SERR_CONFLICT, false);
	expect(&c,
		M("1") "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>");
	assert_true(c.closed);
	expect_rest(expect_msg(w, MSG_CLOSED), "");
	expect_no_connections(w);
}

/* Some time to take what is on its way. */
static void test_drained(void **state)
{
	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	for (int i = 0; i < 5; i++)
		give(&c, "m", 0);
	close_from_core(&c, SERR_SYSTEM_SHUTDOWN, false);
	expect_no_msg(w);
	pass(w, 4000);
	client_stop(&c, false);
	settle(w);
	for (int i = 0; i < 5; i++)
		expect_has(&c, "id='m'/>");
	expect(&c,
		"<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>");
	expect_rest(expect_msg(w, MSG_CLOSED), "");
}

static void test_not_drained_in_time(void **state)
{
	struct msg *m;

	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	for (int i = 0; i < 5; i++)
		give(&c, "m", 0);
	close_from_core(&c, SERR_SYSTEM_SHUTDOWN, false);
	pass(w, 4999);
	expect_no_msg(w);
	pass(w, 1);
	m = expect_msg(w, MSG_CLOSED);
	assert_in_range(m->end.rest.n, 3, 5);
	expect_no_connections(w);
}

static void test_cut_while_draining(void **state)
{
	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	for (int i = 0; i < 5; i++)
		give(&c, "m", 0);
	close_from_core(&c, SERR_SYSTEM_SHUTDOWN, false);
	mem_link_cut(c.cable);
	settle(w);
	expect_msg(w, MSG_CLOSED);
	expect_no_msg(w);
	expect_no_connections(w);
}

/* The last result is said when it is true, also with XEP-0198: closing waits for the store. */
static void test_the_last_word_waits_for_its_commit(void **state)
{
	for (int sm = 0; sm < 2; sm++) {
		client_login(&c, w, CAPACITY, 0);
		if (sm)
			client_enable(&c, true);
		give(&c, "done", sm + 1);
		close_from_core(&c, SERR_NOT_AUTHORIZED, false);
		expect(&c, "");
		commit(w, sm + 1);
		expect_has(&c, M("done") "<stream:error><not-authorized ");
		expect_has(&c, "</stream:stream>");
		expect(&c, "");
		expect_rest(expect_msg(w, MSG_CLOSED), sm ? "done" : ""); /* nobody can acknowledge it any more */
		client_close(&c);
	}
}

/* Another connection waits for the queue: nothing is waited for. */
static void test_closed_at_once(void **state)
{
	client_login(&c, w, 64, 0);
	client_enable(&c, true);
	client_stop(&c, true);
	for (int i = 0; i < 5; i++)
		give(&c, "m", 0);
	close_from_core(&c, SERR_CONFLICT, true);
	assert_int_equal(expect_msg(w, MSG_CLOSED)->end.rest.n, 5);
	expect_no_connections(w);
}

/* What is found at the end of a turn, when the core has had its part of it, is told at once: by another turn. */
static void test_told_without_delay(void **state)
{
	char block[4096];

	client_login(&c, w, 64, 0);
	client_stop(&c, true);
	for (int i = 0; i < 3; i++)
		give(&c, "m", 0);
	close_from_core(&c, SERR_CONFLICT, false);
	expect_no_msg(w);
	for (int i = 0; i < 100 && wire_stats(w->wire).connections; i++) {
		link_recv(c.link, block, sizeof(block));
		loop_step(w->l, false);
	}
	assert_int_equal(wire_stats(w->wire).connections, 0);
	expect_no_msg(w);
	assert_true(loop_step(w->l, true)); /* does not sleep */
	expect_msg(w, MSG_CLOSED);
}

/* LOST and CLOSE cross. */
static void test_closed_while_lost(void **state)
{
	w->no_close = true;
	client_login(&c, w, CAPACITY, 0);
	mem_link_cut(c.cable);
	give(&c, "1", 0);
	to_wire(w, MSG_CLOSE, c.conn)->session = c.session;
	hand(w);
	/* Whichever came first, everything is given back, once. */
	if (w->got.m[w->seen].kind == MSG_LOST) {
		expect_rest(expect_msg(w, MSG_LOST), "");
		expect_rest(expect_msg(w, MSG_CLOSED), "1");
	} else {
		expect_rest(expect_msg(w, MSG_CLOSED), "1");
	}
	expect_no_msg(w);
	expect_no_connections(w);
}

/* The error reaches a client that is still talking: what it says is read and forgotten until it has closed, too. */
static void test_lingering(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	client_stop(&c, true);
	client_write(&c, STR("<strange/>"));
	for (int i = 0; i < 50; i++) {
		client_write(&c, STR("<message to='b@x.test'><body>more and more</body></message>"));
		settle(w);
	}
	assert_int_equal(w->wire->linger_n, 1);
	assert_int_equal(wire_lingering(w->wire), 1);
	expect_msg(w, MSG_LOST);
	expect_msg(w, MSG_CLOSED);
	expect_no_msg(w);
	client_stop(&c, false);
	settle(w);
	expect_has(&c, "<unsupported-stanza-type ");
	client_close(&c);
	settle(w);
	assert_int_equal(w->wire->linger_n, 0);
	assert_int_equal(wire_lingering(w->wire), 0);
}

static void test_lingering_has_an_end(void **state)
{
	static char much[65536];

	client_login(&c, w, CAPACITY, 0);
	say(&c, "<strange/>");
	assert_int_equal(w->wire->linger_n, 1);
	pass(w, 1999);
	assert_int_equal(w->wire->linger_n, 1);
	pass(w, 1);
	assert_int_equal(w->wire->linger_n, 0);
	client_close(&c);
	w->seen = w->got.n;
	client_login(&c, w, CAPACITY, 0);
	say(&c, "<strange/>");
	for (int i = 0; i < 40 && w->wire->linger_n; i++) {
		link_send(c.link, much, sizeof(much));
		settle(w);
	}
	assert_int_equal(w->wire->linger_n, 0);
	client_close(&c);
	w->seen = w->got.n;
	client_login(&c, w, CAPACITY, 0);
	say(&c, "<strange/>");
	assert_int_equal(w->wire->linger_n, 1); /* and the wire goes away with it */
}

/* The wire goes away with connections in every state: for the leak checker. */
static void test_the_end(void **state)
{
	static struct client d[4];

	w->no_close = true;
	client_login(&c, w, CAPACITY, 0);
	client_enable(&c, true);
	give(&c, "1", 0);
	give(&c, "2", 5);
	hand(w);
	client_login(&d[0], w, CAPACITY, 0);
	mem_link_cut(d[0].cable);
	settle(w);
	expect_msg(w, MSG_LOST);
	client_open(&d[1], w, NULL, CAPACITY, 0);
	client_auth(&d[1]);
	client_login(&d[2], w, 64, 0);
	client_stop(&d[2], true);
	for (int i = 0; i < 9; i++)
		give(&d[2], "m", 0);
	close_from_core(&d[2], SERR_NONE, false);
	client_open(&d[3], w, "192.0.2.1", CAPACITY, 0);
	say(&d[3], HEADER);
	for (int i = 0; i < 4; i++)
		auth_plain(&d[3], "alice", "wrong");
	assert_int_equal(wire_stats(w->wire).connections, 5);
	client_write(&c, STR("<message to='b@x.test'><body>half"));
	for (int i = 0; i < 4; i++)
		client_close(&d[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stanzas_are_stamped),
		TEST(test_what_cannot_come_in),
		TEST(test_stream_errors),
		cmocka_unit_test_setup_teardown(test_a_stanza_over_the_limit, setup_small, teardown),
		TEST(test_reading_stops_without_credit),
		TEST(test_without_credit_nothing_is_kept),
		TEST(test_credits_over_the_wrap),
		TEST(test_reading_in_slices),
		TEST(test_the_client_ends),
		TEST(test_the_client_ends_and_goes),
		TEST(test_cut),
		TEST(test_the_core_ends),
		TEST(test_drained),
		TEST(test_not_drained_in_time),
		TEST(test_cut_while_draining),
		TEST(test_the_last_word_waits_for_its_commit),
		TEST(test_closed_at_once),
		TEST(test_told_without_delay),
		TEST(test_closed_while_lost),
		TEST(test_lingering),
		TEST(test_lingering_has_an_end),
		TEST(test_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
