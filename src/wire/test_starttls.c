/* Streams of XEP-0174 with STARTTLS on a connection, dialled and answered, with real TLS; the other end is a client in
 * memory. */
#include "wire/testing.h"

#define PEER "bob\\40there@xep0174.internal"
#define OPEN(attrs) "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'" attrs ">"

static struct world *w;
static struct client c;
static struct {
	char dir[32], cert[48], key[48];
	struct tls_ctx *node_in, *node_out, *in, *out;
} tls;

/* The wire's end of a new pair whose other end is c. trickle: so many bytes at once. */
static struct link *bare_link(size_t trickle)
{
	struct link *link;

	c = (struct client){.w = w};
	buf_init(&c.in, 16 << 20);
	mem_link_pair(w->l, w->l, CAPACITY, &c.link, &link);
	c.cable = c.link;
	note_link(w, NULL, c.link);
	return trickle ? trickle_link_new(w->l, &link, trickle) : link;
}

static void called(size_t trickle)
{
	struct link *link = bare_link(trickle);

	wire_accept(w->wire, &link, &stream_lan_plain_in, false);
}

static struct link *on_dial(void *arg, struct loop *l, const char *address) { return bare_link(*(size_t *)arg); }

static void make_certificates(void)
{
	snprintf(tls.dir, sizeof(tls.dir), "/tmp/test-wire-XXXXXX");
	assert_non_null(mkdtemp(tls.dir));
	snprintf(tls.cert, sizeof(tls.cert), "%s/cert", tls.dir);
	snprintf(tls.key, sizeof(tls.key), "%s/key", tls.dir);
	assert_int_equal(cert_make_node(tls.cert, tls.key, STR("node")), 0);
	assert_int_equal(tls_node_new(tls.cert, tls.key, &tls.node_in, &tls.node_out, NULL), 0);
	unlink(tls.cert);
	unlink(tls.key);
	assert_int_equal(cert_make(tls.cert, tls.key, &STR("xep0174.internal"), 1), 0);
	assert_int_equal(tls_server_new(tls.cert, tls.key, &tls.in, NULL), 0);
	tls.out = tls_client_unproven();
}

static int setup(void **state)
{
	make_certificates();
	w = world_new(NULL, NULL);
	w->wire->config.dial = on_dial;
	w->wire->config.node_in = tls.node_in;
	w->wire->config.starttls_in = tls.in;
	w->wire->config.starttls_out = tls.out;
	c = (struct client){.w = w};
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	tls_ctx_free(&tls.node_in);
	tls_ctx_free(&tls.node_out);
	tls_ctx_free(&tls.in);
	tls_ctx_free(&tls.out);
	unlink(tls.cert);
	unlink(tls.key);
	return rmdir(tls.dir);
}

/* ---- what the core says ---- */

static void dial_as(enum dial_starttls how)
{
	struct msg *m = to_wire(w, MSG_DIAL, 0);

	m->dial.id = 77;
	m->dial.address = xstrdup("10.0.0.2:5298");
	m->dial.from = xstrdup("us@here");
	m->dial.to = xstrdup("bob@there");
	m->dial.starttls = how;
	m->dial.timeout_ms = 3000;
	hand(w);
	client_stop(&c, false);
	settle(w);
}

static void accept_link(void)
{
	struct msg *m = to_wire(w, MSG_LINK_REPLY, c.conn);

	m->link_reply.from = xstrdup("us@here");
	m->link_reply.peer = xstrdup(PEER);
	hand(w);
	expect_msg(w, MSG_LINK_OPEN);
	m = to_wire(w, MSG_BOUND, c.conn);
	m->session = c.session = ++w->sessions;
	m->bound.jid = xstrdup(PEER);
	hand(w);
}

/* ---- what is said ---- */

#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define OFFER "<stream:features>" STARTTLS "</stream:features>"
#define HELLO "<message type='chat'><body>hello</body></message>"
#define V_OPEN OPEN(" from='bob@there' to='us@here' version='1.0'")

/* The other end goes on with TLS. */
static void wrap(struct link *upper)
{
	c.link = upper;
	note_link(w, c.cable, NULL);
	client_stop(&c, false);
	settle(w);
}

static void close_tls(void)
{
	link_free(&c.link);
	buf_clear(&c.in);
	settle(w);
	pass(w, 60000);
	while (next_msg(w))
		;
	expect_no_connections(w);
}

/* Encrypted, by whatever certificate: no key is ever proven by that. */
static const struct link_ask *expect_encrypted(void)
{
	struct msg *m = expect_msg(w, MSG_LINK_ASK);

	c.conn = m->conn;
	assert_true(m->link_ask.ask->legacy);
	assert_false(m->link_ask.ask->keyed);
	assert_non_null(m->link_ask.ask->tls);
	return m->link_ask.ask;
}

static void test_in(void **state)
{
	for (size_t trickle = 0; trickle < 2; trickle++) {
		called(trickle);
		client_stop(&c, false);
		say(&c, OPEN(" from='mallory@there' to='us@here' version='1.0'"));
		expect_has(&c, "from='us@here' to='mallory@there' version='1.0'>" OFFER);
		say(&c, STARTTLS);
		expect(&c, PROCEED);
		wrap(tls_link_client(tls.out, w->l, &c.link, NULL));
		say(&c, V_OPEN);
		assert_string_equal(expect_encrypted()->from, "bob@there");
		accept_link();
		expect_has(&c, "<stream:features/>");
		say(&c, HELLO);
		assert_true(str_is(jid_str(expect_msg(w, MSG_STANZA)->stanza.stanza->from), PEER));
		give(&c, "t3", 0);
		hand(w);
		expect_has(&c, "id='t3'");
		close_tls();
	}
}

static void test_out(void **state)
{
	for (size_t trickle = 0; trickle < 2; trickle++) {
		w->wire->config.dial_arg = &trickle;
		dial_as(STARTTLS_MAY);
		expect_has(&c, "from='us@here' to='bob@there' version='1.0'>");
		say(&c, V_OPEN OFFER);
		expect(&c, STARTTLS);
		client_stop(&c, true); /* the next that comes is TLS */
		say(&c, PROCEED);
		wrap(tls_link_server(trickle ? tls.in : tls.node_in, w->l, &c.link));
		if (!trickle) { /* a node's links do not begin so */
			expect(&c, "");
			close_tls();
			continue;
		}
		expect_has(&c, "from='us@here' to='bob@there' version='1.0'>");
		say(&c, V_OPEN "<stream:features/>");
		assert_int_equal(expect_encrypted()->dial, 77);
		accept_link();
		give(&c, "t3", 0);
		hand(w);
		expect_has(&c, "id='t3'");
		close_tls();
	}
}

/* The client of a node takes nothing there for a link between nodes: whoever carries its handshake to here gains nothing. */
static void test_is_no_link_of_nodes(void **state)
{
	char byte;

	called(0);
	client_stop(&c, false);
	say(&c, V_OPEN);
	say(&c, STARTTLS);
	wrap(tls_link_client(tls.node_out, w->l, &c.link, NULL));
	assert_int_equal(link_recv(c.link, &byte, 1), ERR_TLS);
	close_tls();
}

/* What is in the clear behind the word would be taken for encrypted. */
static void test_injection(void **state)
{
	size_t none = 0;

	called(0);
	client_stop(&c, false);
	say(&c, V_OPEN);
	say(&c, STARTTLS HELLO);
	pass(w, 30000);
	expect_no_msg(w);
	expect_no_connections(w);
	client_close(&c);
	w->wire->config.dial_arg = &none;
	dial_as(STARTTLS_MAY);
	say(&c, V_OPEN OFFER);
	say(&c, PROCEED HELLO);
	pass(w, 30000);
	assert_int_equal(expect_msg(w, MSG_LINK_FAILED)->link_failed.dial, 77);
	expect_no_connections(w);
}

/* The first stanza shows that no TLS is wanted; it is looked at twice, and may be as long as any later one. */
static void test_not_wanted(void **state)
{
	for (size_t trickle = 0; trickle < 2; trickle++) {
		CLEANUP(buf_clear) struct buf big = {.max = 1 << 20};

		buf_z(&big, V_OPEN);
		buf_z(&big, "<message><body>");
		for (int i = 0; i < 60000; i++)
			buf_char(&big, (char)('a' + i % 26));
		buf_z(&big, "</body></message>" HELLO HELLO);
		called(trickle);
		client_stop(&c, false);
		say(&c, buf_cstr(&big));
		c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
		accept_link();
		settle(w);
		assert_true(xml_raw(&expect_msg(w, MSG_STANZA)->stanza.stanza->tree, XML_ROOT).n > 60000);
		expect_msg(w, MSG_STANZA);
		expect_msg(w, MSG_STANZA);
		expect_no_msg(w);
		client_close(&c);
		pass(w, 30000);
		while (next_msg(w))
			;
	}
}

/* Without a word it goes on in the clear when the time for a login is over; dialling, when that for dialling is. */
static void test_silence(void **state)
{
	size_t none = 0;

	called(0);
	client_stop(&c, false);
	say(&c, V_OPEN);
	expect_no_msg(w);
	pass(w, 20000);
	assert_null(expect_msg(w, MSG_LINK_ASK)->link_ask.ask->tls);
	client_close(&c);
	pass(w, 60000);
	while (next_msg(w))
		;
	w->wire->config.dial_arg = &none;
	dial_as(STARTTLS_MAY);
	say(&c, V_OPEN);
	expect_no_msg(w);
	pass(w, 3000);
	assert_null(expect_msg(w, MSG_LINK_ASK)->link_ask.ask->tls);
}

/* Only with it: who does not offer it is left, and that is said. */
static void test_must(void **state)
{
	static const char *const texts[] = {OPEN(""), V_OPEN "<stream:features/>", V_OPEN HELLO};
	size_t none = 0;

	w->wire->config.dial_arg = &none;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct msg *m;

		dial_as(STARTTLS_MUST);
		say(&c, texts[i]);
		pass(w, 30000);
		m = expect_msg(w, MSG_LINK_FAILED);
		assert_true(m->link_failed.lacks_tls);
		expect_no_connections(w);
		client_close(&c);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_in),
		TEST(test_out),
		TEST(test_is_no_link_of_nodes),
		TEST(test_injection),
		TEST(test_not_wanted),
		TEST(test_silence),
		TEST(test_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
