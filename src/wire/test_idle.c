/* A client that nobody looks at (XEP-0352): what it need not get at once, and when it gets it. */
#include "wire/testing.h"

#include "xmpp/light.h"

static struct world *w;
static struct client c;

static int setup(void **state)
{
	w = world_new(NULL, NULL);
	w->policy.client_state = true;
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	return 0;
}

#define INACTIVE "<inactive xmlns='urn:xmpp:csi:0'/>"
#define ACTIVE "<active xmlns='urn:xmpp:csi:0'/>"
#define TO " to='alice@x.test/desk'"
#define COMPOSING "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
#define PAUSED "<paused xmlns='http://jabber.org/protocol/chatstates'/>"

/* `xml` from the core; what the client gets has its address in it. */
static void give_xml(uint64_t commit, const char *xml)
{
	struct stanza *s;

	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	add_send(&c, packet_from(s, NULL), commit);
	stanza_free(&s);
	hand(w);
}

static void presence(const char *nick, const char *id)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 1 << 20};

	buf_fmt(&xml, "<presence from='%s' id='%s'/>", nick, id);
	give_xml(0, buf_cstr(&xml));
}

#define P(nick, id) "<presence" TO " from='" nick "' id='" id "'/>"
#define M(id) "<message" TO " from='b@x.test' id='" id "'/>"

static void log_in(void) { client_login(&c, w, CAPACITY, 0); }

static void test_offered(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	assert_null(strstr(heard(&c), "urn:xmpp:csi:0")); /* not to who is nobody yet */
	auth_plain(&c, "alice", "secret");
	expect_has(&c, "<success");
	say(&c, HEADER);
	expect_has(&c, "<csi xmlns='urn:xmpp:csi:0'/>");
}

static void test_not_offered(void **state)
{
	w->policy.client_state = false;
	log_in();
	say(&c, INACTIVE);
	expect_has(&c, "<unsupported-stanza-type");
}

static void test_neither_word(void **state)
{
	log_in();
	say(&c, "<busy xmlns='urn:xmpp:csi:0'/>");
	expect_has(&c, "<unsupported-stanza-type");
}

static void test_active_at_first(void **state)
{
	log_in();
	presence("r@x.test/a", "1");
	expect(&c, P("r@x.test/a", "1"));
}

/* Neither word is answered; in the order of what came, each sender's last. */
static void test_held_until_active(void **state)
{
	log_in();
	say(&c, INACTIVE);
	presence("r@x.test/a", "1");
	presence("r@x.test/b", "2");
	presence("r@x.test/a", "3");
	say(&c, INACTIVE); /* says nothing new */
	expect(&c, "");
	say(&c, ACTIVE);
	expect(&c, P("r@x.test/b", "2") P("r@x.test/a", "3"));
	assert_int_equal(wire_stats(w->wire).held, 3);
	assert_int_equal(wire_stats(w->wire).spared, 1);
	presence("r@x.test/a", "4");
	expect(&c, P("r@x.test/a", "4"));
	say(&c, ACTIVE);
	expect(&c, "");
}

/* Section 5.1: what is asked behind <active/> is answered behind what was held. */
static void test_active_before_what_follows(void **state)
{
	log_in();
	say(&c, INACTIVE);
	presence("r@x.test/a", "1");
	say(&c, ACTIVE "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
	expect(&c, P("r@x.test/a", "1"));
	expect_stanza(w, "p");
}

static void test_before_what_matters(void **state)
{
	log_in();
	say(&c, INACTIVE);
	presence("r@x.test/a", "1");
	give(&c, "m1", 0);
	hand(w);
	expect(&c, P("r@x.test/a", "1") M("m1"));
	presence("r@x.test/a", "2"); /* it goes on holding */
	expect(&c, "");
}

static void test_typing_waits_for_eyes(void **state)
{
	log_in();
	say(&c, INACTIVE);
	give_xml(0, "<message from='r@x.test/a' id='t1'>" COMPOSING "</message>");
	give_xml(0, "<message from='r@x.test/a' id='t2'>" PAUSED "</message>");
	give_xml(0, "<message from='r@x.test/b' id='t3'>" COMPOSING "</message>");
	give(&c, "m1", 0);
	hand(w);
	expect(&c, M("m1"));
	say(&c, ACTIVE);
	expect(&c,
		"<message" TO " from='r@x.test/a' id='t2'>" PAUSED "</message>"
		"<message" TO " from='r@x.test/b' id='t3'>" COMPOSING "</message>");
}

/* Who has said it, or has left, is typing no more. */
static void test_typing_ends(void **state)
{
	log_in();
	say(&c, INACTIVE);
	give_xml(0, "<message from='r@x.test/a' id='t1'>" COMPOSING "</message>");
	give_xml(0, "<message from='r@x.test/b' id='t2'>" COMPOSING "</message>");
	give_xml(0, "<message from='r@x.test/a' id='m1'><body>so</body></message>");
	give_xml(0, "<presence from='r@x.test/b' id='p1' type='unavailable'/>");
	expect(&c, "<message" TO " from='r@x.test/a' id='m1'><body>so</body></message>");
	say(&c, ACTIVE);
	expect(&c, "<presence" TO " from='r@x.test/b' id='p1' type='unavailable'/>");
}

static void test_limit_in_number(void **state)
{
	uint32_t max = wire_limits_default.idle_max;
	char nick[32];

	log_in();
	say(&c, INACTIVE);
	for (uint32_t i = 0; i < max; i++) {
		snprintf(nick, sizeof(nick), "r@x.test/%u", i);
		presence(nick, "1");
	}
	expect(&c, "");
	presence("r@x.test/more", "2");
	expect_has(&c, "r@x.test/0'");
	expect_has(&c, "r@x.test/255'");
	expect(&c, " id='1'/>"); /* the one that was too many is the first of the next */
	say(&c, ACTIVE);
	expect(&c, P("r@x.test/more", "2"));
}

static void test_limit_in_bytes(void **state)
{
	CLEANUP(buf_clear) struct buf big = {.max = 1 << 20};
	size_t waits, most = 0;

	log_in();
	say(&c, INACTIVE);
	for (int i = 0; i < 100; i++) {
		buf_reset(&big);
		buf_fmt(&big, "<presence from='r@x.test/%d'><status>%08000d</status></presence>", i, 0);
		give_xml(0, buf_cstr(&big));
		waits = wire_stats(w->wire).held * 8000 - (c.in.n - c.read);
		most = waits > most ? waits : most;
	}
	assert_in_range(most, 100000, 128 * 1024);
	/* One that is huge is not held at all. */
	heard(&c);
	buf_reset(&big);
	buf_fmt(&big, "<presence from='r@x.test/huge'><status>%0100000d</status></presence>", 0);
	give_xml(0, buf_cstr(&big));
	expect_has(&c, "r@x.test/huge");
}

/* Those who only type cannot make it send, nor hold more than the limit. */
static void test_limit_of_typing(void **state)
{
	char xml[256];

	log_in();
	say(&c, INACTIVE);
	for (int i = 0; i < 2000; i++) {
		snprintf(xml, sizeof(xml), "<message from='r@x.test/%d' id='t'>" COMPOSING "</message>", i);
		give_xml(0, xml);
	}
	expect(&c, "");
	say(&c, ACTIVE);
	expect_has(&c, "r@x.test/1999'");
	assert_in_range(wire_stats(w->wire).held - wire_stats(w->wire).spared, 1, 256);
}

/* The same one again and again takes no more than its last. */
static void test_one_sender_for_ever(void **state)
{
	log_in();
	say(&c, INACTIVE);
	for (int i = 0; i < 5000; i++)
		presence(i % 3 ? "r@x.test/a" : "r@x.test/b", "1");
	expect(&c, "");
	say(&c, ACTIVE);
	expect(&c, P("r@x.test/b", "1") P("r@x.test/a", "1"));
}

/* What depends on a commit still does. */
static void test_commit(void **state)
{
	log_in();
	say(&c, INACTIVE);
	give_xml(5, "<presence from='r@x.test/a' id='1'/>");
	say(&c, ACTIVE);
	expect(&c, "");
	commit(w, 5);
	expect(&c, P("r@x.test/a", "1"));
}

static void test_expiry(void **state)
{
	struct msg *m;

	log_in();
	say(&c, INACTIVE);
	give_xml(5, "<presence from='r@x.test/a' id='1'/>");
	to_wire(w, MSG_EXPIRE, 0)->committed.number = 5;
	hand(w);
	m = expect_msg(w, MSG_EXPIRED);
	expect_rest(m, "1");
	say(&c, ACTIVE);
	expect(&c, "");
}

/* XEP-0198 counts what was sent; what was not comes back with the rest, behind it. */
static void test_counted(void **state)
{
	struct msg *m;

	log_in();
	client_enable(&c, true);
	say(&c, INACTIVE);
	give(&c, "m1", 0);
	hand(w);
	expect(&c, M("m1") "<r xmlns='urn:xmpp:sm:3'/>");
	presence("r@x.test/a", "1");
	say(&c, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	expect(&c, "");
	say(&c, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	expect(&c, "");
	give(&c, "m2", 0);
	hand(w);
	expect(&c, P("r@x.test/a", "1") M("m2") "<r xmlns='urn:xmpp:sm:3'/>");
	presence("r@x.test/b", "2");
	client_close(&c);
	settle(w);
	m = expect_msg(w, MSG_LOST);
	assert_int_equal(m->end.acked, 1);
	expect_rest(m, "1 m2 2");
}

/* Too much acknowledged: what is held does not count as sent. */
static void test_acknowledged_too_early(void **state)
{
	log_in();
	client_enable(&c, false);
	say(&c, INACTIVE);
	presence("r@x.test/a", "1");
	say(&c, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	expect_has(&c, "send-count='0'");
}

/* An active client of the same wire is not concerned. */
static void test_others_are_not(void **state)
{
	struct packet *p;
	struct client other;
	struct stanza *s;
	struct msg *m;

	log_in();
	say(&c, INACTIVE);
	client_login(&other, w, CAPACITY, 0);
	assert_int_equal(stanza_parse(STR("<presence from='r@x.test/a' id='1'/>"), &s), 0);
	p = packet_from(s, NULL);
	stanza_free(&s);
	m = to_wire(w, MSG_SEND, c.conn);
	m->send.packet = p;
	m->send.packet_count = 1;
	m->send.conn_count = 2;
	m->send.conns = xmemdup(((uint64_t[]){c.conn, other.conn}), 2 * sizeof(uint64_t));
	hand(w);
	expect(&c, "");
	expect(&other, P("r@x.test/a", "1"));
	client_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_offered),
		T(test_not_offered),
		T(test_neither_word),
		T(test_active_at_first),
		T(test_held_until_active),
		T(test_active_before_what_follows),
		T(test_before_what_matters),
		T(test_typing_waits_for_eyes),
		T(test_typing_ends),
		T(test_limit_in_number),
		T(test_limit_in_bytes),
		T(test_limit_of_typing),
		T(test_one_sender_for_ever),
		T(test_commit),
		T(test_expiry),
		T(test_counted),
		T(test_acknowledged_too_early),
		T(test_others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
