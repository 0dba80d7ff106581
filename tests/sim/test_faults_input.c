/* What clients may get wrong, or do on purpose: the right answer, and nobody else is affected. */
#include <stdio.h>

#include "tests/sim/guest.h"
#include "wire/wire.h"
#include "xmpp/ns.h"

static const struct stage_options small = {.people = 4};

#define HEADER "<stream:stream to='" STAGE_DOMAIN "' version='1.0' xmlns='jabber:client' xmlns:stream='" NS_STREAM "'>"

struct two {
	struct stage stage;
	struct guest bad, one, other; /* one and other are in the middle of a chat */
};

static void two_open(struct two *t)
{
	stage_open(&t->stage, &small);
	guest_init(&t->bad, &t->stage, "u0", "bad");
	guest_init(&t->one, &t->stage, "u1", "one");
	guest_init(&t->other, &t->stage, "u2", "other");
	guest_online(&t->one);
	guest_online(&t->other);
}

static void two_close(struct two *t)
{
	guest_clear(&t->bad);
	guest_clear(&t->one);
	guest_clear(&t->other);
	stage_close(&t->stage);
}

/* ---- XML ---- */

/* What the client sends in its session; the condition of the stream error. */
static const struct {
	const char *text, *error;
} bad_xml[] = {
	{"<message><body>a & b</body></message>", "not-well-formed"},
	{"<message></iq>", "not-well-formed"},
	{"<message a='1' a='2'/>", "not-well-formed"},
	{"</stream:stream x>", "not-well-formed"},
	{"<message/>]]>", "not-well-formed"},
	{"GET / HTTP/1.1\r\n\r\n", "not-well-formed"},
	{"<!-- hello -->", "restricted-xml"},
	{"<?php echo 1 ?>", "restricted-xml"},
	{"<!DOCTYPE lolz [<!ENTITY lol 'lol'>]>", "restricted-xml"},
	{"<message><body>&lol;</body></message>", "restricted-xml"},
	{"<message><body>\xff\xfe</body></message>", "unsupported-encoding"},
	{"<message><body>\xc0\xaf</body></message>", "unsupported-encoding"},
	{"<message><x:y/></message>", "not-well-formed"},
	{"<message xmlns='jabber:server'/>", "invalid-namespace"},
	{"<presents/>", "unsupported-stanza-type"},
	{"<message from='u1@" STAGE_DOMAIN "'/>", "invalid-from"},
};

static void test_bad_xml_in_a_session(void **state)
{
	struct two t;
	unsigned turns;

	two_open(&t);
	turns = guest_turns_to(&t.one, &t.other);
	for (size_t i = 0; i < ARRAY_LEN(bad_xml); i++) {
		guest_online(&t.bad);
		client_raw(&t.bad.client, str_z(bad_xml[i].text));
		stage_settle(&t.stage);
		assert_int_equal(t.bad.client.state, CLIENT_DOWN);
		assert_int_equal(t.bad.end, END_ERROR);
		assert_string_equal(t.bad.client.error, bad_xml[i].error);
		assert_int_equal(guest_turns_to(&t.one, &t.other), turns);
	}
	assert_int_equal(core_session_count(server_core(t.stage.server)), 2);
	two_close(&t);
}

/* A connection by hand: what it is told goes into *got. */
struct raw {
	struct link *link, *cable;
	struct buf got;
	bool closed;
};

static void raw_read(struct raw *r)
{
	char bytes[4096];
	int n;

	while ((n = link_recv(r->link, bytes, sizeof(bytes))) > 0)
		buf_add(&r->got, bytes, (size_t)n);
	r->closed = n == ERR_CLOSED;
}

static void raw_open(struct raw *r, struct stage *s)
{
	*r = (struct raw){.got = {.max = 1 << 20}};
	r->link = stage_connect(s, 65536, 0, &r->cable);
	assert_non_null(r->link);
}

static void raw_close(struct raw *r)
{
	link_free(&r->link);
	buf_clear(&r->got);
}

/* Sends all, in pieces if need be. False if the other end closed meanwhile. */
static bool raw_send(struct raw *r, struct stage *s, const char *p, size_t n)
{
	while (n > 0) {
		int done = link_send(r->link, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (done != ERR_AGAIN) {
			return false;
		}
		stage_settle(s);
		raw_read(r);
		if (r->closed)
			return n == 0;
	}
	return true;
}

static void expect_first(struct two *t, const char *first, const char *error)
{
	struct raw r;

	raw_open(&r, &t->stage);
	raw_send(&r, &t->stage, first, strlen(first));
	stage_settle(&t->stage);
	raw_read(&r);
	if (!strstr(buf_cstr(&r.got), error))
		fail_msg("\"%s\" is answered with \"%s\"", first, buf_cstr(&r.got));
	assert_non_null(strstr(buf_cstr(&r.got), "</stream:stream>"));
	assert_true(r.closed);
	raw_close(&r);
}

/* A stream error needs a stream: the header is sent even to who did not send one. */
static void test_bad_beginnings(void **state)
{
	struct two t;

	two_open(&t);
	expect_first(&t, "GET / HTTP/1.1\r\n\r\n", "<not-well-formed ");
	expect_first(&t, "\x16\x03\x01\x02", "<not-well-formed ");
	expect_first(&t, "<!DOCTYPE x>", "<restricted-xml ");
	expect_first(&t, "<?xml version='1.0' encoding='latin1'?>" HEADER, "<unsupported-encoding ");
	expect_first(&t, "<stream:stream to='x' version='1.0' xmlns='jabber:client' xmlns:stream='urn:x'>",
		"<invalid-namespace ");
	expect_first(&t,
		"<stream:stream to='" STAGE_DOMAIN "' version='1.0' xmlns='jabber:server' xmlns:stream='" NS_STREAM
		"'>",
		"<invalid-namespace ");
	expect_first(&t,
		"<stream:stream to='elsewhere.example' version='1.0' xmlns='jabber:client' xmlns:stream='" NS_STREAM
		"'>",
		"<host-unknown ");
	expect_first(&t, HEADER "<message to='u1@" STAGE_DOMAIN "'/>", "<not-authorized ");
	expect_first(&t, HEADER "<presents/>", "<unsupported-stanza-type ");
	assert_int_equal(guest_count(&t.one, "<message") + guest_count(&t.other, "<message"), 0);
	two_close(&t);
}

/* ---- limits ---- */

/* The most bytes that were allocated at any moment while n bytes were fed, apart from the cable's. */
struct feeding {
	int64_t before, most;
};

static void look(struct feeding *f)
{
	int64_t now = mem_stats().bytes - f->before;

	if (now > f->most)
		f->most = now;
}

/* An endless stanza, a piece at a time. Returns when the server has had enough. */
static int64_t feed_endlessly(struct guest *g, const char *begin, const char *piece)
{
	struct feeding f;
	size_t sent = 0, n = strlen(piece);

	client_raw(&g->client, str_z(begin));
	stage_settle(g->client.stage);
	f = (struct feeding){.before = mem_stats().bytes};
	while (g->client.state == CLIENT_ON) {
		client_raw(&g->client, (struct str){piece, n});
		stage_step(g->client.stage);
		look(&f);
		sent += n;
		assert_in_range(sent, 1, 8 << 20);
	}
	stage_settle(g->client.stage);
	assert_string_equal(g->client.error, "policy-violation");
	return f.most;
}

static void fill(char *p, size_t n, const char *with)
{
	for (size_t i = 0; i + 1 < n; i++)
		p[i] = with[i % strlen(with)];
	p[(n - 1) / strlen(with) * strlen(with)] = '\0';
}

/* The stanza itself is held once, in a buffer that doubles; an element costs more than the bytes it was written with, and
 * its number has a limit of its own. Nothing of it is left afterwards. */
static void test_memory_of_a_stanza_too_big(void **state)
{
	static const char *const pieces[] = {"x", "&amp;", "<a/>", "<a b=''/>", "<a xmlns='u'>t</a>", "\xe2\x82\xac"};
	const struct xml_limits *limits = &wire_limits_default.session;
	static char piece[8192];
	struct two t;
	int64_t before;

	two_open(&t);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		fill(piece, sizeof(piece), pieces[i]);
		before = mem_stats().bytes;
		guest_online(&t.bad);
		assert_in_range(feed_endlessly(&t.bad, "<message to='u1@" STAGE_DOMAIN "'><body>", piece), 1,
			2 * limits->stanza + limits->nodes * 64 + 65536);
		stage_pass(&t.stage, 10000);
		assert_in_range(mem_stats().bytes, 1, before + 16384);
		guest_turns_to(&t.one, &t.other);
	}
	two_close(&t);
}

static void violate(struct two *t, struct buf *text)
{
	assert_true(buf_ok(text));
	guest_online(&t->bad);
	client_raw(&t->bad.client, buf_view(text));
	stage_settle(&t->stage);
	assert_int_equal(t->bad.client.state, CLIENT_DOWN);
	assert_string_equal(t->bad.client.error, "policy-violation");
	buf_reset(text);
}

static void test_depth_attributes_names(void **state)
{
	const struct xml_limits *limits = &wire_limits_default.session;
	struct buf text;
	struct two t;

	two_open(&t);
	buf_init(&text, 1 << 20);
	for (unsigned i = 0; i < limits->depth + 1; i++)
		buf_z(&text, i ? "<a>" : "<message>");
	violate(&t, &text);
	buf_z(&text, "<message");
	for (unsigned i = 0; i < limits->attrs + 1; i++)
		buf_fmt(&text, " a%u=''", i);
	buf_z(&text, "/>");
	violate(&t, &text);
	buf_z(&text, "<message><");
	for (unsigned i = 0; i < limits->name + 1; i++)
		buf_char(&text, 'n');
	buf_z(&text, "/></message>");
	violate(&t, &text);
	assert_int_equal(guest_count(&t.one, "<message") + guest_count(&t.other, "<message"), 0);
	buf_clear(&text);
	two_close(&t);
}

/* What just fits is delivered. */
static void test_stanzas_at_the_limit(void **state)
{
	const struct xml_limits *limits = &wire_limits_default.session;
	struct buf text;
	struct two t;

	two_open(&t);
	guest_online(&t.bad);
	buf_init(&text, 1 << 20);
	buf_z(&text, "<message to='u1@" STAGE_DOMAIN "' type='chat'>");
	for (unsigned i = 1; i < limits->depth; i++)
		buf_z(&text, "<a xmlns='u'>");
	for (unsigned i = 1; i < limits->depth; i++)
		buf_z(&text, "</a>");
	buf_z(&text, "<body>");
	while (text.n < limits->stanza - 17)
		buf_char(&text, 'x');
	buf_z(&text, "</body></message>");
	assert_int_equal(text.n, limits->stanza);
	client_raw(&t.bad.client, buf_view(&text));
	stage_settle(&t.stage);
	assert_int_equal(t.bad.client.state, CLIENT_ON);
	guest_expect(&t.one, "xxx</body>");
	buf_clear(&text);
	two_close(&t);
}

/* ---- addresses ---- */

static void test_malformed_addresses(void **state)
{
	static const char *const addresses[] = {"@" STAGE_DOMAIN, "a@@b", "u1@", "u1@" STAGE_DOMAIN "/",
		"u 1@" STAGE_DOMAIN, "u1@exa mple", "/r", "u1@-.example", "&quot;u1&quot;@" STAGE_DOMAIN};
	struct two t;

	two_open(&t);
	guest_online(&t.bad);
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		guest_say(&t.bad, "<message to='%s' id='m'><body>x</body></message>", addresses[i]);
		guest_expect(&t.bad, "<jid-malformed ");
		guest_say(&t.bad, "<iq to='%s' id='i' type='get'><ping xmlns='" NS_PING "'/></iq>", addresses[i]);
		guest_expect(&t.bad, "<jid-malformed ");
		guest_say(&t.bad, "<presence to='%s' id='p' type='subscribe'/>", addresses[i]);
		guest_expect(&t.bad, "<jid-malformed ");
	}
	guest_say(&t.bad, "<iq id='r' type='set'><query xmlns='" NS_ROSTER "'><item jid='a@@b'/></query></iq>");
	guest_expect(&t.bad, "<jid-malformed ");
	assert_int_equal(t.bad.client.state, CLIENT_ON);
	two_close(&t);
}

/* ---- passwords ---- */

static void put_plain(struct raw *r, struct stage *s, const char *name_password)
{
	char text[512];

	snprintf(text, sizeof(text), "<auth xmlns='" NS_SASL "' mechanism='PLAIN'>%s</auth>", name_password);
	buf_reset(&r->got);
	raw_send(r, s, text, strlen(text));
}

/* Milliseconds and turns until the answer to one attempt on a connection of its own. */
struct answer {
	int64_t ms;
	unsigned turns;
	char text[256];
};

static void try(struct stage *s, const char *name_password, struct answer *ret)
{
	int64_t start = stage_now(s);
	uint64_t turns;
	struct raw r;

	raw_open(&r, s);
	raw_send(&r, s, HEADER, strlen(HEADER));
	put_plain(&r, s, name_password);
	turns = s->turns;
	while (!strstr(buf_cstr(&r.got), "</failure>")) {
		stage_pass(s, 100);
		raw_read(&r);
		assert_true(stage_now(s) < start + 15000);
	}
	ret->ms = stage_now(s) - start;
	ret->turns = (unsigned)(s->turns - turns);
	snprintf(ret->text, sizeof(ret->text), "%s", buf_cstr(&r.got));
	raw_close(&r);
	stage_settle(s);
}

#define WRONG_PASSWORD "AHUwAHdyb25n" /* u0, "wrong" */
#define UNKNOWN_USER "AG54ADEyMzQ1"   /* nx, "12345" */

static void test_wrong_password_and_unknown_user(void **state)
{
	static const int64_t waits[] = {0, 0, 0, 500, 1000, 2000, 4000, 8000, 10000, 10000};
	struct answer wrong[ARRAY_LEN(waits)], unknown[ARRAY_LEN(waits)];
	struct stage s;

	for (int who = 0; who < 2; who++) {
		stage_open(&s, &small);
		for (size_t i = 0; i < ARRAY_LEN(waits); i++)
			try(&s, who ? UNKNOWN_USER : WRONG_PASSWORD, who ? &unknown[i] : &wrong[i]);
		stage_close(&s);
	}
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		assert_int_equal(wrong[i].ms, unknown[i].ms);
		assert_int_equal(wrong[i].turns, unknown[i].turns);
		assert_string_equal(wrong[i].text, unknown[i].text);
		assert_non_null(strstr(wrong[i].text, "<not-authorized/>"));
		assert_in_range(wrong[i].ms, waits[i], waits[i] + 100);
	}
}

/* The right password is not held up by the wrong ones of others, and a minute without failures halves their number. */
static void test_slowness_passes(void **state)
{
	struct answer a;
	struct guest g;
	struct stage s;

	stage_open(&s, &small);
	for (int i = 0; i < 7; i++)
		try(&s, WRONG_PASSWORD, &a);
	assert_in_range(a.ms, 4000, 4100);
	guest_init(&g, &s, "u0", "r");
	guest_login(&g);
	stage_pass(&s, 120000);
	try(&s, WRONG_PASSWORD, &a);
	assert_int_equal(a.ms, 0);
	guest_clear(&g);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_xml_in_a_session),
		cmocka_unit_test(test_bad_beginnings),
		cmocka_unit_test(test_memory_of_a_stanza_too_big),
		cmocka_unit_test(test_depth_attributes_names),
		cmocka_unit_test(test_stanzas_at_the_limit),
		cmocka_unit_test(test_malformed_addresses),
		cmocka_unit_test(test_wrong_password_and_unknown_user),
		cmocka_unit_test(test_slowness_passes),
	};

	return cmocka_run_group_tests(tests, guest_setup, NULL);
}
