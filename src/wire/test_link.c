/* Links between peers on a connection: dialled and answered, with a key and without. The other end is a client in memory;
 * TLS itself is tested in link/, here a link just says which key it has proven. */
#include "wire/testing.h"

#define PEER "aaaaaaaaaaaaaaaaaaaaaaaaaa.internal"
#define OPEN(attrs) "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'" attrs ">"
#define KEYED_OPEN OPEN(" from='bob@" PEER "' to='us@x' version='1.0'")
#define FEATURES "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define MESSAGE(id) "<message from='bob@" PEER "' to='us@x' id='" id "'/>"
#define A(h) "<a xmlns='urn:xmpp:sm:3' h='" h "'/>"

static struct world *w;
static struct client c;

/* ---- a link that has proven a key, and counts what it is given to send ---- */

struct key_link {
	struct link link;
	struct link *below;
};

static struct {
	uint8_t key[32];
	bool has_key, has_exporter, up;
	unsigned sends;
	char last_send[4096];
} theirs;

static struct link *key_below(struct link *k) { return CONTAINER_OF(k, struct key_link, link)->below; }
static int key_recv(struct link *k, void *p, size_t n) { return link_recv(key_below(k), p, n); }
static bool key_pending(struct link *k) { return link_pending(key_below(k)); }
static int key_shutdown(struct link *k) { return link_shutdown(key_below(k)); }
static int key_want(struct link *k, int events) { return events; }
static int64_t key_unsent(struct link *k) { return link_unsent(key_below(k)); }

static int key_send(struct link *k, const void *p, size_t n)
{
	theirs.sends++;
	snprintf(theirs.last_send, sizeof(theirs.last_send), "%.*s", (int)n, (const char *)p);
	return link_send(key_below(k), p, n);
}

static void key_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	link_watch(key_below(k), events, on_ready, arg);
}

static void key_info(struct link *k, struct link_info *ret)
{
	*ret = (struct link_info){.peer = STR("10.0.0.2:40000"),
		.address = STR("10.0.0.2"),
		.local_address = STR("10.0.0.1:5298"),
		.up = theirs.up,
		.secure = true,
		.tls = STR("TLSv1.3 test"),
		.key = theirs.has_key ? theirs.key : NULL,
		.unix_uid = -1};
}

static int key_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	if (!theirs.has_exporter || kind != LINK_TLS_EXPORTER)
		return ERR_UNSUPPORTED;
	for (int i = 0; i < 32; i++)
		buf_char(out, 'x');
	return 0;
}

static void key_free(struct link *k)
{
	struct key_link *l = CONTAINER_OF(k, struct key_link, link);

	link_free(&l->below);
	xfree(l);
}

static const struct link_ops key_ops = {.name = "key",
	.recv = key_recv,
	.send = key_send,
	.pending = key_pending,
	.shutdown = key_shutdown,
	.want = key_want,
	.watch = key_watch,
	.info = key_info,
	.binding = key_binding,
	.unsent = key_unsent,
	.free = key_free};

/* The wire's end of a new pair whose other end is c. */
static struct link *make_link(size_t capacity)
{
	struct key_link *l = xcalloc(1, sizeof(*l));

	c = (struct client){.w = w};
	buf_init(&c.in, 16 << 20);
	mem_link_pair(w->l, w->l, capacity, &c.link, &l->below);
	c.cable = c.link;
	note_link(w, NULL, c.link);
	client_stop(&c, false);
	l->link.ops = &key_ops;
	return &l->link;
}

static char dialled[64];

static struct link *on_dial(void *arg, struct loop *l, const char *address)
{
	snprintf(dialled, sizeof(dialled), "%s", address);
	return strcmp(address, "nobody") == 0 ? NULL : make_link(CAPACITY);
}

static int setup(void **state)
{
	memset(&theirs, 0, sizeof(theirs));
	theirs.has_key = theirs.has_exporter = theirs.up = true;
	memset(theirs.key, 'k', sizeof(theirs.key));
	w = world_new(NULL, NULL);
	w->wire->config.dial = on_dial;
	c = (struct client){.w = w};
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	return 0;
}

/* ---- what the core says ---- */

static void dial(const char *address, bool tls, uint32_t timeout_ms)
{
	struct msg *m = to_wire(w, MSG_DIAL, 0);

	m->dial.id = 77;
	m->dial.address = xstrdup(address);
	m->dial.from = xstrdup(tls ? "us@x" : "us@here");
	m->dial.to = xstrdup(tls ? "bob@" PEER : "bob@there");
	m->dial.tls = tls;
	m->dial.timeout_ms = timeout_ms;
	hand(w);
}

static struct msg *link_reply(enum serr error)
{
	struct msg *m = to_wire(w, MSG_LINK_REPLY, c.conn);

	m->link_reply.error = error;
	m->link_reply.text = error ? "no, said the core" : NULL;
	m->link_reply.from = xstrdup("us@x");
	m->link_reply.peer = xstrdup(PEER);
	return m;
}

static void bound(bool keyed)
{
	struct msg *m = to_wire(w, MSG_BOUND, c.conn);

	m->session = c.session = ++w->sessions;
	m->bound.jid = xstrdup(PEER);
	if (keyed) {
		m = to_wire(w, MSG_SM_ENABLED, c.conn);
		m->session = c.session;
		m->sm_enabled.token = xstrdup("tok");
		m->sm_enabled.max_seconds = 86400;
	}
	hand(w);
}

static void accept_as(const struct stream_kind *kind, size_t capacity)
{
	struct link *link = make_link(capacity);

	wire_accept(w->wire, &link, kind, false);
	settle(w);
}

/* A session that the other end has dialled. */
static void keyed_in(size_t capacity)
{
	accept_as(&stream_lan_keyed_in, capacity);
	say(&c, KEYED_OPEN);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	link_reply(SERR_NONE);
	hand(w);
	say(&c, ENABLE);
	expect_msg(w, MSG_LINK_OPEN);
	bound(true);
	expect_has(&c, "<enabled");
	heard(&c);
}

static void plain_in(size_t capacity)
{
	accept_as(&stream_lan_plain_in, capacity);
	say(&c, OPEN(" from='bob@there' to='us@here'"));
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	link_reply(SERR_NONE);
	hand(w);
	expect_msg(w, MSG_LINK_OPEN);
	bound(false);
	heard(&c);
}

static void give_tagged(uint64_t tag)
{
	char id[32];
	struct packet *p;

	snprintf(id, sizeof(id), "t%d", (int)tag);
	p = make_packet("bob@" PEER, id, 0);
	p->tag = tag;
	add_send(&c, p, 0);
	hand(w);
}

static void expect_failed(bool asked, bool reached)
{
	struct msg *m = expect_msg(w, MSG_LINK_FAILED);

	assert_int_equal(m->link_failed.dial, 77);
	assert_int_equal(m->link_failed.asked, asked);
	assert_int_equal(m->link_failed.reached, reached);
	assert_non_null(m->link_failed.why);
}

/* ---- dialling ---- */

static void test_dial(void **state)
{
	struct msg *m;

	dial("10.0.0.2:5298", true, 3000);
	assert_string_equal(dialled, "10.0.0.2:5298");
	expect_has(&c, "from='us@x' to='bob@" PEER "' version='1.0'>");
	say(&c, KEYED_OPEN FEATURES);
	m = expect_msg(w, MSG_LINK_ASK);
	c.conn = m->conn;
	assert_int_equal(m->link_ask.ask->dial, 77);
	assert_string_equal(m->link_ask.ask->from, "bob@" PEER);
	assert_string_equal(m->link_ask.ask->to, "us@x");
	assert_string_equal(m->link_ask.ask->address, "10.0.0.2:40000");
	assert_string_equal(m->link_ask.ask->local_address, "10.0.0.1:5298");
	assert_true(m->link_ask.ask->keyed);
	assert_memory_equal(m->link_ask.ask->key, theirs.key, 32);
	assert_int_equal(m->link_ask.ask->exporter[31], 'x');
	link_reply(SERR_NONE);
	hand(w);
	expect_has(&c, ENABLE);
	say(&c, "<enabled xmlns='urn:xmpp:sm:3' id='their-token' resume='true'/>");
	assert_string_equal(expect_msg(w, MSG_LINK_OPEN)->link_open.token, "their-token");
	bound(true);
	expect(&c, ""); /* the other end has said what the session is called */
	say(&c, MESSAGE("m1"));
	expect_stanza(w, "m1");
	expect_no_msg(w);
}

static void test_dial_nobody(void **state)
{
	dial("nobody", true, 0);
	expect_failed(false, false);
	expect_no_connections(w);
}

static void test_dial_silence(void **state)
{
	dial("10.0.0.2:5298", true, 3000);
	pass(w, 2999);
	expect_no_msg(w);
	pass(w, 1);
	expect_failed(false, true);
	pass(w, 60000);
	expect_no_msg(w);
	expect_no_connections(w);
}

/* Who has said who he is gets the time of a login, not the rest of that for dialling. */
static void test_dial_slow_core(void **state)
{
	dial("10.0.0.2:5298", true, 3000);
	pass(w, 2900);
	say(&c, KEYED_OPEN FEATURES);
	expect_msg(w, MSG_LINK_ASK);
	pass(w, 1000);
	expect_no_msg(w);
	pass(w, 30000);
	expect_failed(true, true);
}

static void test_dial_broken(void **state)
{
	static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "</stream:stream>", OPEN(""),
		KEYED_OPEN "<stream:error/>"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		dial("10.0.0.2:5298", true, 3000);
		say(&c, texts[i]);
		pass(w, 10000);
		expect_failed(false, true);
		expect_no_msg(w);
		expect_no_connections(w);
		client_close(&c);
	}
	dial("10.0.0.2:5298", true, 3000);
	mem_link_cut(c.cable);
	settle(w);
	expect_failed(false, true);
}

static void test_dial_refused(void **state)
{
	dial("10.0.0.2:5298", true, 3000);
	say(&c, KEYED_OPEN FEATURES);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	link_reply(SERR_NOT_AUTHORIZED);
	hand(w);
	expect_has(&c, "<not-authorized");
	expect_has(&c, "no, said the core");
	pass(w, 10000);
	expect_failed(true, true);
	expect_no_connections(w);
}

/* A link without a key, or without what ties a proof to it, is not called keyed. */
static void test_no_key(void **state)
{
	for (int i = 0; i < 2; i++) {
		theirs.has_key = i;
		theirs.has_exporter = false;
		accept_as(&stream_lan_keyed_in, CAPACITY);
		say(&c, KEYED_OPEN);
		assert_false(expect_msg(w, MSG_LINK_ASK)->link_ask.ask->keyed);
		client_close(&c);
		pass(w, 30000);
		expect_msg(w, MSG_LINK_FAILED);
	}
}

/* A plain stream on a link with a key is a plain stream. */
static void test_plain_is_not_keyed(void **state)
{
	accept_as(&stream_lan_plain_in, CAPACITY);
	say(&c, OPEN(" from='bob@there'"));
	assert_false(expect_msg(w, MSG_LINK_ASK)->link_ask.ask->keyed);
}

/* ---- what it is: told by its first byte ---- */

static struct {
	char dir[32], cert[48], key[48];
	struct tls_ctx *in, *out;
} node;

static int setup_node(void **state)
{
	snprintf(node.dir, sizeof(node.dir), "/tmp/test-wire-XXXXXX");
	if (!mkdtemp(node.dir))
		return -1;
	snprintf(node.cert, sizeof(node.cert), "%s/cert", node.dir);
	snprintf(node.key, sizeof(node.key), "%s/key", node.dir);
	assert_int_equal(cert_make_node(node.cert, node.key, STR("node")), 0);
	assert_int_equal(tls_node_new(node.cert, node.key, &node.in, &node.out, NULL), 0);
	setup(state);
	w->wire->config.node_in = node.in;
	return 0;
}

static int teardown_node(void **state)
{
	teardown(state);
	tls_ctx_free(&node.in);
	tls_ctx_free(&node.out);
	unlink(node.cert);
	unlink(node.key);
	return rmdir(node.dir);
}

/* The wire's end as it is, so that TLS on it is what says the key. trickle: so many bytes at once. */
static void sniffed(size_t trickle)
{
	struct link *link;

	c = (struct client){.w = w};
	buf_init(&c.in, 16 << 20);
	mem_link_pair(w->l, w->l, CAPACITY, &c.link, &link);
	c.cable = c.link;
	note_link(w, NULL, c.link);
	if (trickle)
		link = trickle_link_new(w->l, &link, trickle);
	wire_accept(w->wire, &link, &stream_lan_plain_in, false);
}

static void test_sniff_tls(void **state)
{
	for (size_t trickle = 0; trickle < 2; trickle++) {
		uint8_t key[32];
		struct msg *m;

		sniffed(trickle);
		c.link = tls_link_client(node.out, w->l, &c.link, NULL);
		note_link(w, c.cable, NULL);
		client_stop(&c, false);
		say(&c, KEYED_OPEN);
		for (int i = 0; i < 20; i++)
			settle(w);
		m = expect_msg(w, MSG_LINK_ASK);
		assert_true(m->link_ask.ask->keyed);
		assert_int_equal(cert_node_key(node.cert, node.key, key, NULL), 0);
		assert_memory_equal(m->link_ask.ask->key, key, 32);
		c.conn = m->conn;
		link_reply(SERR_NONE);
		hand(w);
		expect_has(&c, FEATURES);
		link_free(&c.link);
		buf_clear(&c.in);
		settle(w);
		pass(w, 30000);
		m = expect_msg(w, MSG_LINK_FAILED);
		assert_true(m->link_failed.keyed);
		assert_memory_equal(m->link_failed.key, key, 32);
	}
}

static void test_sniff_plain(void **state)
{
	for (size_t trickle = 0; trickle < 2; trickle++) {
		struct msg *m;

		sniffed(trickle);
		client_stop(&c, false);
		settle(w);
		expect_no_msg(w);
		say(&c, OPEN(" from='bob@there'"));
		m = expect_msg(w, MSG_LINK_ASK);
		assert_false(m->link_ask.ask->keyed);
		assert_string_equal(m->link_ask.ask->from, "bob@there");
		client_close(&c);
		pass(w, 30000);
		expect_msg(w, MSG_LINK_FAILED);
	}
}

/* What only begins as TLS is not answered as something else, and nothing at all is nothing. */
static void test_sniff_nonsense(void **state)
{
	sniffed(0);
	client_stop(&c, false);
	client_write(&c, (struct str){"\x16<stream:stream xmlns='jabber:client'>", 38});
	settle(w);
	pass(w, 30000);
	assert_null(memmem(c.in.p ? c.in.p : "", c.in.n, "stream", 6));
	expect_no_msg(w);
	expect_no_connections(w);
	client_close(&c);
	sniffed(0);
	client_stop(&c, false);
	settle(w);
	client_close(&c);
	pass(w, 30000);
	expect_no_msg(w);
	expect_no_connections(w);
}

/* ---- answering ---- */

static void test_refused(void **state)
{
	accept_as(&stream_lan_keyed_in, CAPACITY);
	say(&c, KEYED_OPEN);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	expect(&c, ""); /* not a word before the core has looked at it */
	link_reply(SERR_CONFLICT);
	hand(w);
	expect_has(&c, "<conflict");
	pass(w, 10000);
	assert_int_equal(expect_msg(w, MSG_LINK_FAILED)->link_failed.dial, 0);
	expect_no_connections(w);
}

/* Whoever never says who he is is nobody's business. */
static void test_never_asked(void **state)
{
	accept_as(&stream_lan_keyed_in, CAPACITY);
	mem_link_cut(c.cable);
	settle(w);
	expect_no_msg(w);
	expect_no_connections(w);
}

static void test_gone_while_asked(void **state)
{
	accept_as(&stream_lan_keyed_in, CAPACITY);
	say(&c, KEYED_OPEN);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	mem_link_cut(c.cable);
	settle(w);
	link_reply(SERR_NONE);
	hand(w);
	pass(w, 60000);
	expect_msg(w, MSG_LINK_FAILED);
	expect_no_msg(w);
	expect_no_connections(w);
}

/* Made anew while it is on its way up: once it is up, and nothing is said on it. One that comes later stays. */
static void test_relink_on_the_way(void **state)
{
	accept_as(&stream_lan_keyed_in, CAPACITY);
	say(&c, KEYED_OPEN);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	assert_int_equal(wire_relink(w->wire, STR(PEER)), 0);
	assert_int_equal(wire_relink(w->wire, STR_NONE), 0);
	link_reply(SERR_NONE);
	hand(w);
	heard(&c);
	say(&c, ENABLE);
	expect_msg(w, MSG_LINK_OPEN);
	bound(true);
	assert_true(expect_msg(w, MSG_LOST)->end.resumable);
	expect_msg(w, MSG_CLOSED);
	assert_null(strstr(buf_cstr(&c.in), "<enabled"));
	client_close(&c);
	keyed_in(CAPACITY);
	expect_no_msg(w);
	assert_int_equal(wire_relink(w->wire, STR_NONE), 1);
	settle(w);
	expect_msg(w, MSG_LOST);
}

/* The limit of the reply holds from the session on. */
static void test_stanza_limit(void **state)
{
	static char big[9000];
	struct msg *m;

	accept_as(&stream_lan_keyed_in, CAPACITY);
	say(&c, KEYED_OPEN);
	c.conn = expect_msg(w, MSG_LINK_ASK)->conn;
	m = link_reply(SERR_NONE);
	m->link_reply.stanza_max = 4096;
	hand(w);
	say(&c, ENABLE);
	expect_msg(w, MSG_LINK_OPEN);
	bound(true);
	say(&c, MESSAGE("m1"));
	expect_stanza(w, "m1");
	snprintf(big, sizeof(big), "<message from='bob@" PEER "' to='us@x' id='m2'><body>%08000d</body></message>", 0);
	say(&c, big);
	expect_has(&c, "policy-violation");
}

/* ---- in the session ---- */

/* For whoever reads the packets: each stanza is a send of its own. */
static void test_one_stanza_a_send(void **state)
{
	keyed_in(CAPACITY);
	theirs.sends = 0;
	for (int i = 0; i < 5; i++)
		add_send(&c, make_packet("bob@" PEER, "m", 100), 0);
	hand(w);
	assert_true(theirs.sends >= 5);
	assert_int_equal(strncmp(theirs.last_send, "<message", 8) && strncmp(theirs.last_send, "<r ", 3), 0);
}

static void test_acked_tags(void **state)
{
	struct msg *m;

	keyed_in(CAPACITY);
	give_tagged(11);
	give_tagged(0);
	give_tagged(13);
	give_tagged(14);
	say(&c, A("0"));
	expect_no_msg(w);
	say(&c, A("3"));
	m = expect_msg(w, MSG_ACKED);
	assert_int_equal(m->conn, c.conn);
	assert_int_equal(m->acked.n, 2);
	assert_int_equal(m->acked.tags[0], 11);
	assert_int_equal(m->acked.tags[1], 13);
	/* What is not acknowledged comes back, with its tag. */
	mem_link_cut(c.cable);
	settle(w);
	m = expect_msg(w, MSG_LOST);
	assert_int_equal(m->end.rest.n, 1);
	assert_int_equal(m->end.rest.p[0]->tag, 14);
	assert_int_equal(m->end.acked, 3);
	assert_true(m->end.resumable);
}

/* Asked whether it is alive: five seconds, then it is not. */
static void test_probe(void **state)
{
	keyed_in(CAPACITY);
	to_wire(w, MSG_LINK_PROBE, c.conn)->session = c.session;
	hand(w);
	expect_has(&c, "<r xmlns='urn:xmpp:sm:3'/>");
	say(&c, A("0"));
	pass(w, 20000);
	expect_no_msg(w);
	to_wire(w, MSG_LINK_PROBE, c.conn)->session = c.session;
	hand(w);
	pass(w, 4900);
	expect_no_msg(w);
	pass(w, 200);
	assert_true(expect_msg(w, MSG_LOST)->end.resumable);
}

/* ---- old programs ---- */

/* They acknowledge nothing: what their system has taken counts as arrived. */
static void test_drain(void **state)
{
	struct msg *m;

	plain_in(CAPACITY);
	client_stop(&c, true);
	give_tagged(11);
	give_tagged(12);
	pass(w, 1000);
	expect_no_msg(w);
	client_stop(&c, false);
	settle(w);
	pass(w, 1000);
	m = expect_msg(w, MSG_ACKED);
	assert_int_equal(m->acked.n, 2);
	assert_int_equal(m->acked.tags[1], 12);
	/* Written, not taken, and then it breaks. */
	client_stop(&c, true);
	give_tagged(13);
	pass(w, 1000);
	mem_link_cut(c.cable);
	settle(w);
	m = expect_msg(w, MSG_LOST);
	assert_int_equal(m->end.rest.n, 1);
	assert_int_equal(m->end.rest.p[0]->tag, 13);
}

static void test_what_old_programs_say(void **state)
{
	const struct stanza *s;

	plain_in(CAPACITY);
	say(&c,
		"<message from='mallory@x' to='us@here' type='chat'><body>a &lt;b&gt;</body>"
		"<html xmlns='http://www.w3.org/1999/xhtml'><body><font>a &lt;b&gt;</font></body></html></message>");
	s = expect_msg(w, MSG_STANZA)->stanza.stanza;
	assert_true(str_is(jid_str(s->from), PEER)); /* as the core has named it */
	assert_int_equal(s->type, TYPE_CHAT);
	assert_int_not_equal(stanza_child(s, "body", NS_CLIENT), XML_NONE);
	/* Nothing for people. */
	say(&c, "<message to='us@here'><x xmlns='jabber:x:event'><composing/></x></message><iq type='get' id='1'/><presence/>");
	expect_no_msg(w);
	expect(&c, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_dial),
		TEST(test_dial_nobody),
		TEST(test_dial_silence),
		TEST(test_dial_slow_core),
		TEST(test_dial_broken),
		TEST(test_dial_refused),
		TEST(test_no_key),
		TEST(test_plain_is_not_keyed),
		cmocka_unit_test_setup_teardown(test_sniff_tls, setup_node, teardown_node),
		cmocka_unit_test_setup_teardown(test_sniff_plain, setup_node, teardown_node),
		cmocka_unit_test_setup_teardown(test_sniff_nonsense, setup_node, teardown_node),
		TEST(test_refused),
		TEST(test_never_asked),
		TEST(test_gone_while_asked),
		TEST(test_relink_on_the_way),
		TEST(test_stanza_limit),
		TEST(test_one_stanza_a_send),
		TEST(test_acked_tags),
		TEST(test_probe),
		TEST(test_drain),
		TEST(test_what_old_programs_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
