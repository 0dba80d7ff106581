/* Until there is a session. */
#include "wire/testing.h"

static struct world *w;
static struct client c;
static struct {
	char dir[32], cert[48], key[48];
	struct tls_ctx *server, *client;
} tls;

static int setup(void **state)
{
	w = world_new(NULL, NULL);
	return 0;
}

static int setup_tls(void **state)
{
	assert_int_equal(tls_server_new(tls.cert, tls.key, &tls.server, NULL), 0);
	assert_int_equal(tls_client_new(NULL, &tls.client, NULL), 0);
	w = world_new(NULL, tls.server);
	w->policy.allow_plaintext = false;
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	tls_ctx_free(&tls.server);
	tls_ctx_free(&tls.client);
	return 0;
}

static int make_certificate(void **state)
{
	const struct str names[] = {STR("x.test")};

	snprintf(tls.dir, sizeof(tls.dir), "/tmp/test-wire-XXXXXX");
	if (!mkdtemp(tls.dir))
		return -1;
	snprintf(tls.cert, sizeof(tls.cert), "%s/cert", tls.dir);
	snprintf(tls.key, sizeof(tls.key), "%s/key", tls.dir);
	return cert_make(tls.cert, tls.key, names, 1);
}

static int remove_certificate(void **state)
{
	unlink(tls.cert);
	unlink(tls.key);
	return rmdir(tls.dir);
}

/* ---- the ordinary way ---- */

static void test_plain_and_bind(void **state)
{
	struct msg *m;

	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	expect_has(&c, "<?xml version='1.0'?><stream:stream xmlns='jabber:client'");
	expect_has(&c, " from='x.test'>");
	expect_has(&c, "<mechanism>SCRAM-SHA-256</mechanism>");
	expect_has(&c, "</stream:features>");
	assert_int_equal(wire_stats(w->wire).logins, 1);
	auth_plain(&c, "Alice", "secret");
	expect(&c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	m = expect_msg(w, MSG_AUTH_ASK);
	assert_string_equal(m->auth_ask.account, "alice@x.test");
	say(&c, HEADER);
	expect_has(&c, "<stream:stream ");
	expect_has(&c, "</stream:features>");
	say(&c, BIND);
	m = expect_msg(w, MSG_BIND);
	assert_string_equal(m->bind.account, "alice@x.test");
	assert_string_equal(m->bind.resource, "desk");
	assert_string_equal(m->bind.peer, "mem");
	assert_true(m->bind.secure); /* this policy lets passwords go without TLS */
	expect(&c,
		"<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		"<jid>alice@x.test/desk</jid></bind></iq>");
	assert_int_equal(wire_stats(w->wire).logins, 0);
	assert_int_equal(wire_stats(w->wire).connections, 1);
	say(&c, STREAM_END_TAG);
	expect(&c, STREAM_END_TAG);
	assert_true(c.closed);
	m = expect_msg(w, MSG_LOST);
	assert_false(m->end.resumable);
	expect_rest(m, "");
	expect_msg(w, MSG_CLOSED);
	expect_no_connections(w);
}

/* Everything at once, which a client may not do and some do: what waits for an answer is kept. */
static void test_in_one_piece(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c,
		HEADER
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>" HEADER
			BIND "<message to='b@x.test' id='m1'/><message to='b@x.test' id='m2'/>");
	expect_has(&c, "<success");
	expect_has(&c, "</stream:features>");
	expect_has(&c, "<jid>alice@x.test/desk</jid>");
	expect_msg(w, MSG_AUTH_ASK);
	expect_msg(w, MSG_BIND);
	expect_stanza(w, "m1");
	expect_stanza(w, "m2");
	expect_no_msg(w);
}

static void test_byte_by_byte(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 1);
	client_auth(&c);
	client_bind(&c);
	say(&c, "<message to='b@x.test' id='m1'/>");
	expect_stanza(w, "m1");
}

static void say_base64(const char *before, struct buf *message, const char *after)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 4096};

	buf_z(&xml, before);
	b64_encode(&xml, message->p, message->n);
	buf_z(&xml, after);
	buf_reset(message);
	say(&c, buf_cstr(&xml));
}

static void hear_base64(struct buf *message, const char *before, const char *after)
{
	expect_has(&c, before);
	assert_int_equal(b64_decode(message, (struct str){c.in.p + c.read, c.in.n - c.read - strlen(after)}), 0);
	heard(&c);
}

static void test_scram(void **state)
{
	CLEANUP(scram_client_free)
	struct scram_client *sc = scram_client_new(HASH_SHA256, STR("alice"), STR("secret"), NULL, STR_NONE);
	CLEANUP(buf_clear) struct buf message = {.max = 4096};
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};

	w->iterations = SCRAM_ITERATIONS_MIN;
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	scram_client_first(sc, &message);
	say_base64("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>", &message, "</auth>");
	hear_base64(&message, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "</challenge>");
	assert_int_equal(scram_client_challenge(sc, buf_view(&message), &answer), 0);
	say_base64("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", &answer, "</response>");
	buf_reset(&message);
	hear_base64(&message, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "</success>");
	assert_int_equal(scram_client_final(sc, buf_view(&message)), 0);
	say(&c, HEADER);
	expect_has(&c, "<bind");
	expect_msg(w, MSG_AUTH_ASK);
	heard(&c);
	client_bind(&c);
}

static void test_resume_refused_then_bound(void **state)
{
	struct msg *m;

	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, "<resume xmlns='urn:xmpp:sm:3' previd='old-one' h='7'/>" BIND);
	m = expect_msg(w, MSG_RESUME);
	assert_string_equal(m->resume.account, "alice@x.test");
	assert_string_equal(m->resume.token, "old-one");
	assert_int_equal(m->resume.h, 7);
	expect_no_msg(w);
	to_wire(w, MSG_ATTACH, m->conn)->attach.failed = true;
	hand(w);
	expect_has(&c, "<failed xmlns='urn:xmpp:sm:3'><item-not-found ");
	expect_has(&c, "<jid>alice@x.test/desk</jid>");
}

static void test_bind_refused_then_bound(void **state)
{
	struct msg *m;

	w->hold = true;
	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, BIND);
	m = to_wire(w, MSG_BOUND, expect_msg(w, MSG_BIND)->conn);
	m->bound.error = XERR_RESOURCE_CONSTRAINT;
	hand(w);
	expect_has(&c, "<iq type='error' id='b1'><error type='wait'><resource-constraint ");
	heard(&c);
	w->hold = false;
	client_bind(&c);
}

static void test_before_login_nothing_passes(void **state)
{
	static const struct {
		const char *said, *error;
	} cases[] = {
		{HEADER "<message to='b@x.test'/>", "not-authorized"},
		{HEADER "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "not-authorized"},
		{HEADER "<strange xmlns='urn:s'/>", "unsupported-stanza-type"},
		{HEADER "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/><presence/>",
			"not-authorized"},
		{"nonsense", "not-well-formed"},
		{HEADER "<!-- comment -->", "restricted-xml"},
		{HEADER "\xff", "unsupported-encoding"},
		{"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='1.0'>",
			"invalid-namespace"},
		{"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='y.test' version='1.0'>",
			"host-unknown"},
		{"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
			"improper-addressing"},
		{"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test'>",
			"unsupported-version"},
		{"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='0.9'>",
			"unsupported-version"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client d;
		char error[64];

		client_open(&d, w, NULL, CAPACITY, 0);
		say(&d, cases[i].said);
		snprintf(error, sizeof(error), "<stream:error><%s ", cases[i].error);
		expect_has(&d, "<stream:stream ");
		expect_has(&d, error);
		expect_has(&d, "</stream:error></stream:stream>");
		expect(&d, "");
		assert_true(d.closed);
		client_close(&d);
	}
	expect_no_msg(w);
	settle(w);
	expect_no_connections(w);
}

static void test_a_later_version_goes_on_with_ours(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='2.3'>");
	expect_has(&c, "version='1.0'");
	expect_has(&c, "</stream:features>");
}

/* After <success/> a new stream begins: an error before its header has a header of its own. */
static void test_error_after_success(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	auth_plain(&c, "alice", "secret");
	expect_has(&c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	say(&c, "<auth/>");
	expect_has(&c, "<?xml version='1.0'?><stream:stream ");
	expect_has(&c, "<stream:error>");
}

static void test_too_big_before_login(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	client_write(&c, STR("<iq type='get' id='"));
	for (int i = 0; i < 110 && !c.closed; i++)
		say(&c, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789");
	expect_has(&c, "<stream:error><policy-violation ");
}

/* A long id of nothing but quotes grows six times in each answer. */
static void test_ids_that_grow(void **state)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 32768};

	client_open(&c, w, NULL, CAPACITY * 4, 0);
	client_auth(&c);
	buf_z(&xml, "<iq type='set' id=\"");
	for (int i = 0; i < 10000; i++)
		buf_char(&xml, '\'');
	buf_z(&xml, "\"><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	say(&c, buf_cstr(&xml));
	expect_has(&c, "<iq type='result' id='&apos;&apos;");
	expect_has(&c, "<jid>alice@x.test/made-up</jid></bind></iq>");
	expect(&c, "");
}

/* ---- TLS ---- */

static void test_starttls(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	expect_has(&c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>");
	say(&c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	expect(&c, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	c.link = tls_link_client(tls.client, w->l, &c.link, "x.test");
	client_stop(&c, false);
	say(&c, HEADER);
	expect_has(&c, "-PLUS</mechanism>");
	expect_has(&c, "</stream:features>");
	auth_plain(&c, "alice", "secret");
	expect_has(&c, "<success");
	say(&c, HEADER);
	heard(&c);
	expect_msg(w, MSG_AUTH_ASK);
	say(&c, BIND);
	assert_true(expect_msg(w, MSG_BIND)->bind.secure);
	say(&c, "<message to='b@x.test' id='m1'/>");
	expect_stanza(w, "m1");
}

/* What stands behind <starttls/> in the clear is never taken for what came through TLS. */
static void test_injection(void **state)
{
	static const char *const injected[] = {
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>",
		HEADER,
		"<iq",
		" ",
	};

	for (size_t i = 0; i < ARRAY_LEN(injected); i++) {
		struct client d;
		char both[512];

		client_open(&d, w, NULL, CAPACITY, 0);
		snprintf(both, sizeof(both), HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>%s",
			injected[i]);
		say(&d, both);
		expect_has(&d, "<proceed");
		assert_true(d.closed);
		expect_no_msg(w);
		client_close(&d);
	}
	expect_no_connections(w);
}

/* The same in a packet of its own, before <proceed/> can have come: it is no TLS. */
static void test_injection_in_flight(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	client_write(&c, STR("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
	loop_step(w->l, false);
	say(&c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>");
	assert_true(c.closed);
	expect_no_msg(w);
	expect_no_connections(w);
}

static void test_no_password_in_the_clear(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	auth_plain(&c, "alice", "secret");
	expect(&c, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>");
	expect_no_msg(w);
}

static void test_no_tls_to_start(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	say(&c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	expect(&c, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
	assert_true(c.closed);
}

/* ---- connections that go in the middle ---- */

static void test_gone_while_binding(void **state)
{
	uint64_t conn;
	struct msg *m;

	w->hold = true;
	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, BIND);
	conn = expect_msg(w, MSG_BIND)->conn;
	assert_int_equal(wire_stats(w->wire).logins, 1);
	/* Nobody reads while an answer is awaited: the end is seen by the login's deadline. */
	client_close(&c);
	pass(w, 30000);
	expect_no_msg(w);
	assert_int_equal(wire_stats(w->wire).logins, 0);
	assert_int_equal(wire_stats(w->wire).connections, 1);
	m = to_wire(w, MSG_BOUND, conn);
	m->session = 5;
	m->bound.jid = xstrdup("alice@x.test/desk");
	add_send(&(struct client){.w = w, .conn = conn}, make_packet(NULL, "1", 0), 0);
	hand(w);
	m = expect_msg(w, MSG_LOST);
	assert_int_equal(m->session, 5);
	assert_true(m->end.resumable);
	m = expect_msg(w, MSG_CLOSED);
	assert_int_equal(m->session, 5);
	expect_rest(m, "1");
	expect_no_connections(w);
}

static void test_gone_and_refused(void **state)
{
	uint64_t conn;

	w->hold = true;
	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, BIND);
	conn = expect_msg(w, MSG_BIND)->conn;
	pass(w, 30000);
	assert_true(c.closed);
	to_wire(w, MSG_BOUND, conn)->bound.error = XERR_CONFLICT;
	hand(w);
	expect_no_msg(w);
	expect_no_connections(w);
}

/* The session comes to a connection that has gone: its queue goes back as it was, with the same number both times. */
static void test_gone_while_resuming(void **state)
{
	uint64_t conn;
	struct msg *m;

	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	say(&c, "<resume xmlns='urn:xmpp:sm:3' previd='old-one' h='7'/>");
	conn = expect_msg(w, MSG_RESUME)->conn;
	pass(w, 30000);
	m = to_wire(w, MSG_ATTACH, conn);
	m->session = 5;
	m->attach.jid = xstrdup("alice@x.test/desk");
	m->attach.acked = 7;
	for (int i = 0; i < 2; i++) {
		struct packet *p = make_packet(NULL, i ? "9" : "8", 0);
		packets_add(&m->attach.queue, &p);
	}
	add_send(&(struct client){.w = w, .conn = conn}, make_packet(NULL, "10", 0), 0);
	hand(w);
	m = expect_msg(w, MSG_LOST);
	assert_true(m->end.resumable);
	assert_int_equal(m->end.acked, 7);
	expect_rest(m, "8 9");
	m = expect_msg(w, MSG_CLOSED);
	assert_int_equal(m->end.acked, 7);
	expect_rest(m, "10");
	expect_no_connections(w);
}

static void test_gone_while_hashing(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	client_write(&c,
		STR("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>"));
	mem_link_cut(c.cable);
	settle(w);
	pass(w, 60000);
	expect_no_connections(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_TLS(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain_and_bind),
		TEST(test_in_one_piece),
		TEST(test_byte_by_byte),
		TEST(test_scram),
		TEST(test_resume_refused_then_bound),
		TEST(test_bind_refused_then_bound),
		TEST(test_before_login_nothing_passes),
		TEST(test_a_later_version_goes_on_with_ours),
		TEST(test_error_after_success),
		TEST(test_too_big_before_login),
		TEST(test_ids_that_grow),
		TEST_TLS(test_starttls),
		TEST_TLS(test_injection),
		TEST_TLS(test_injection_in_flight),
		TEST_TLS(test_no_password_in_the_clear),
		TEST(test_no_tls_to_start),
		TEST(test_gone_while_binding),
		TEST(test_gone_and_refused),
		TEST(test_gone_while_resuming),
		TEST(test_gone_while_hashing),
	};
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
