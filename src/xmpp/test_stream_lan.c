/* Streams between peers: both ends, each fed with what the other says; and each alone, with what nobody should say. */
#include "xmpp/testing_lan.h"

/* Since <enabled/> is the wire's to write, the ends meet only up to there. */
static void enabled(void)
{
	assert_int_equal(stream_state(b.s), STREAM_READY);
	say(&a, ENABLED);
	assert_int_equal(stream_state(a.s), STREAM_READY);
}

/* ---- both ends ---- */

static void a_new_session(void **state)
{
	talk();
	enabled();
	assert_string_equal(b.from, "alice@" A_DOMAIN);
	assert_string_equal(b.to, "bob@" B_DOMAIN);
	assert_string_equal(a.from, "bob@" B_DOMAIN);
	assert_string_equal(a.token, "tok");
	assert_string_equal(b.token, "");
	assert_int_equal(a.asked + b.asked, 2);
	assert_int_equal(a.opened + b.opened, 2);
	assert_true(str_is(stream_jid(a.s), B_DOMAIN));
	assert_true(str_is(stream_jid(b.s), A_DOMAIN));
	assert_false(jid_some(stream_stamp(a.s)));
	assert_null(strstr(said(&b), "mechanism"));
}

static void a_session_goes_on(void **state)
{
	a.reply.token = STR("old'&");
	a.reply.h = 7;
	b.resumes = true;
	talk();
	assert_string_equal(b.token, "old'&");
	assert_int_equal(b.h, 7);
	assert_int_equal(stream_state(b.s), STREAM_READY);
	a.resumes = true;
	say(&a, "<resumed xmlns='urn:xmpp:sm:3' previd='old' h='4294967295'/>");
	assert_int_equal(stream_state(a.s), STREAM_READY);
	assert_int_equal(a.h, UINT32_MAX);
	assert_int_equal(a.opened + b.opened, 0);
}

static void it_cannot_go_on_there(void **state)
{
	a.reply.token = STR("old");
	talk();
	expect_said(&b, "<failed xmlns='urn:xmpp:sm:3'><item-not-found");
	assert_int_equal(b.opened, 1);
	enabled();
	assert_int_equal(a.resumed, 0);
}

/* They go on with it, and here it has ended meanwhile: they would count on from where nobody is. */
static void it_cannot_go_on_here(void **state)
{
	a.reply.token = STR("old");
	b.resumes = true;
	talk();
	say(&a, "<resumed xmlns='urn:xmpp:sm:3' previd='old' h='1'/>");
	assert_int_equal(a.resumed, 1);
	expect_closed(&a, "<reset");
	assert_null(strstr(said(&a), "<enable "));
}

static void refused(void **state)
{
	b.reply.error = SERR_NOT_AUTHORIZED;
	b.reply.text = "not welcome";
	talk();
	expect_closed(&b, "not-authorized");
	expect_said(&b, "not welcome");
	assert_int_equal(stream_state(a.s), STREAM_CLOSED);
	assert_int_equal(a.asked + a.opened + b.opened, 0);

	setup(NULL);
	a.reply.error = SERR_CONFLICT;
	talk();
	expect_closed(&a, "conflict");
	assert_int_equal(b.opened, 0);

	setup(NULL);
	b.refuses = XERR_RESOURCE_CONSTRAINT;
	talk();
	expect_closed(&b, "resource-constraint");
}

/* ---- the shared password ---- */

static struct stream_password pw[2];

static void share(const char *password_a, const char *password_b)
{
	static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
	const char *const words[] = {password_a, password_b};
	struct end *ends[] = {&a, &b};

	for (int i = 0; i < 2; i++) {
		memset(&pw[i], 0, sizeof(pw[i]));
		memset(pw[i].ours, i ? 'b' : 'a', sizeof(pw[i].ours));
		memset(pw[i].theirs, i ? 'a' : 'b', sizeof(pw[i].theirs));
		memcpy(pw[i].id, id, sizeof(id));
		if (!words[i])
			continue;
		assert_int_equal(lanpass_derive(str_z(words[i]), pw[i].ours, pw[i].theirs, &pw[i].keys), 0);
		ends[i]->reply.password = &pw[i];
	}
}

static void the_right_one(void **state)
{
	share("secret", "secret");
	talk();
	enabled();
	assert_int_equal(stream_proof(a.s), PROOF_RIGHT);
	assert_int_equal(stream_proof(b.s), PROOF_RIGHT);
	/* One question each, although there are two headers. */
	assert_int_equal(a.asked + b.asked, 2);
	assert_null(strstr(said(&a), "secret"));
}

/* A session goes on with a password, too. */
static void the_right_one_and_an_old_session(void **state)
{
	share("secret", "secret");
	a.reply.token = STR("old");
	b.resumes = true;
	talk();
	assert_int_equal(stream_proof(b.s), PROOF_RIGHT);
	assert_string_equal(b.token, "old");
	assert_int_equal(stream_state(b.s), STREAM_READY);
}

/* The link stays what its keys make it. */
static void a_wrong_one(void **state)
{
	share("secret", "secrets");
	talk();
	enabled();
	assert_int_equal(stream_proof(a.s), PROOF_WRONG);
	assert_int_equal(stream_proof(b.s), PROOF_WRONG);
	/* No second try on this stream. */
	assert_non_null(strstr(said(&a), "<auth"));
	assert_null(strstr(strstr(said(&a), "<auth") + 1, "<auth"));
}

static void one_end_has_none(void **state)
{
	share("secret", NULL);
	talk();
	enabled();
	assert_int_equal(stream_proof(a.s), PROOF_NONE);
	setup(NULL);
	share(NULL, "secret");
	talk();
	enabled();
	assert_int_equal(stream_proof(b.s), PROOF_NONE);
}

/* Somebody sits between: each end has another channel. */
static void another_channel(void **state)
{
	share("secret", "secret");
	b.exporter = "another";
	talk();
	assert_int_equal(stream_proof(b.s), PROOF_WRONG);
	assert_int_not_equal(stream_proof(a.s), PROOF_RIGHT);
}

/* The other end's id is not that of its key. */
static void another_name(void **state)
{
	share("secret", "secret");
	memset(pw[1].id, 'c', NODEID_LEN);
	talk();
	assert_int_equal(stream_proof(b.s), PROOF_WRONG);
}

/* Success without a proof is none. */
static void false_success(void **state)
{
	static const char *const texts[] = {
		"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
		"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj0=</success>",
		"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>!</success>",
		"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>!</challenge>",
		"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0=</challenge>",
		"<other xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
		FEATURES,
		ENABLED,
		"<message xmlns='jabber:client'/>",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		setup(NULL);
		share("secret", NULL);
		start(&a);
		say(&a, OPEN(" from='bob@" B_DOMAIN "'"));
		say(&a,
			"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
			"<mechanism>SCRAM-SHA-256-PLUS</mechanism></mechanisms></stream:features>");
		expect_said(&a, "<auth");
		say(&a, texts[i]);
		assert_int_equal(stream_state(a.s), STREAM_CLOSED);
		assert_int_not_equal(stream_proof(a.s), PROOF_RIGHT);
		assert_int_equal(a.opened, 0);
	}
}

/* ---- what nobody should say ---- */

/* To the end that answers, at each place; all of it ends the stream, and no session comes of it. */
static void wrong_order_in(void **state)
{
	static const struct {
		const char *before, *text;
	} table[] = {
		{"", "<stream xmlns='jabber:client' version='1.0'>"},
		{"", "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"},
		{"", "<stream:other xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"},
		{"", "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"},
		{"", "not XML at all"},
		{OPEN(""), "<message xmlns='jabber:client'><body>hi</body></message>"},
		{OPEN(""),
			"<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"},
		{OPEN(""), "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
		{OPEN(""), FEATURES},
		{OPEN(""), ENABLED},
		{OPEN(""), "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"},
		{OPEN(""), "<resume xmlns='urn:xmpp:sm:3' previd='x'/>"},
		{OPEN(""), "<resume xmlns='urn:xmpp:sm:3' previd='' h='0'/>"},
		{OPEN(""), "<resume xmlns='urn:xmpp:sm:3' previd='x' h='4294967296'/>"},
		{OPEN(""), "<resume xmlns='urn:xmpp:sm:3' previd='x' h='-1'/>"},
		{OPEN(""), "<r xmlns='urn:xmpp:sm:3'/>"},
		{OPEN(""), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>cA==</auth>"},
		{OPEN(""), "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"},
		{OPEN(""), OPEN("") "</stream:stream>"},
		{OPEN(""), "<unfinished></finished>"},
		{OPEN(""), "</stream:stream>"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		setup(NULL);
		say(&b, table[i].before);
		say(&b, table[i].text);
		if (stream_state(b.s) != STREAM_CLOSED || b.opened)
			fail_msg("%s goes on after %s", table[i].text, table[i].before);
		expect_said(&b, "</stream:stream>");
		teardown(NULL);
		setup(NULL);
	}
}

/* With a password shared: anything but its exchange or a session is no way on. */
static void wrong_words_in_the_exchange(void **state)
{
	static const char *const texts[] = {
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>bixhPWE=</auth>",
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
		"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		setup(NULL);
		share("secret", "secret");
		say(&b, OPEN(""));
		say(&b, texts[i]);
		expect_closed(&b, "not-authorized");
	}
	/* One that is wrong, and another try. */
	setup(NULL);
	share("secret", "secret");
	say(&b, OPEN(""));
	say(&b, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>cA==</auth>");
	assert_int_equal(stream_proof(b.s), PROOF_WRONG);
	say(&b, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>cA==</auth>");
	expect_closed(&b, "not-authorized");
}

/* To the end that dials. */
static void wrong_order_out(void **state)
{
	static const struct {
		const char *before[2], *text;
	} table[] = {
		{{""}, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"},
		{{""}, "HTTP/1.1 400 Bad Request\r\n\r\n"},
		{{OPEN("")}, ENABLED},
		{{OPEN("")}, "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"},
		{{OPEN("")}, "<message xmlns='jabber:client'/>"},
		{{OPEN("")}, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"},
		{{OPEN("")}, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"},
		{{OPEN(""), FEATURES}, FEATURES},
		{{OPEN(""), FEATURES}, "<message xmlns='jabber:client'/>"},
		{{OPEN(""), FEATURES}, "<enabled xmlns='urn:xmpp:sm:3'/>"},
		{{OPEN(""), FEATURES}, "<enabled xmlns='urn:xmpp:sm:3' id=''/>"},
		{{OPEN(""), FEATURES}, "<failed xmlns='urn:xmpp:sm:3'/>"},
		{{OPEN(""), FEATURES}, "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"},
		{{OPEN(""), FEATURES}, "<r xmlns='urn:xmpp:sm:3'/>"},
		{{OPEN(""), FEATURES}, "</stream:stream>"},
	};
	char big[400];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		setup(NULL);
		start(&a);
		for (size_t k = 0; k < 2 && table[i].before[k]; k++)
			say(&a, table[i].before[k]);
		say(&a, table[i].text);
		if (stream_state(a.s) != STREAM_CLOSED || a.opened)
			fail_msg("%s goes on", table[i].text);
	}
	setup(NULL);
	start(&a);
	say(&a, OPEN(""));
	say(&a, FEATURES);
	snprintf(big, sizeof(big), "<enabled xmlns='urn:xmpp:sm:3' id='%0257d'/>", 0);
	say(&a, big);
	expect_closed(&a, "unsupported-feature");
	/* Failed twice: it is not going to count. */
	setup(NULL);
	a.reply.token = STR("old");
	start(&a);
	say(&a, OPEN(""));
	say(&a, FEATURES);
	say(&a, "<failed xmlns='urn:xmpp:sm:3'/>");
	assert_int_not_equal(stream_state(a.s), STREAM_CLOSED);
	say(&a, "<failed xmlns='urn:xmpp:sm:3'/>");
	expect_closed(&a, "unsupported-feature");
}

/* ---- in the session ---- */

static void who_says_it(void **state)
{
	static const struct {
		const char *from;
		bool good;
	} table[] = {
		{A_DOMAIN, true},
		{"alice@" A_DOMAIN, true},
		{"alice@" A_DOMAIN "/x", true},
		{"lunch@rooms." A_DOMAIN "/nick", true},
		{"rooms." A_DOMAIN, true},
		{"bob@" B_DOMAIN, false},
		{"alice@" A_DOMAIN ".evil", false},
		{"alice@rooms.rooms." A_DOMAIN, false},
		{"alice@x." A_DOMAIN, false},
		{"alice@a" A_DOMAIN, false},
		{"@", false},
		{"", false},
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		setup(NULL);
		talk();
		snprintf(text, sizeof(text), "<message xmlns='jabber:client' from='%s' to='bob@" B_DOMAIN "'/>",
			table[i].from);
		say(&b, text);
		assert_int_equal(b.given, table[i].good);
		if (!table[i].good)
			expect_closed(&b, "invalid-from");
	}
	setup(NULL);
	talk();
	say(&b, "<message xmlns='jabber:client' to='bob@" B_DOMAIN "'/>");
	expect_closed(&b, "invalid-from");
	setup(NULL);
	talk();
	say(&b, "<message xmlns='jabber:client' from='alice@" A_DOMAIN "'/>");
	expect_closed(&b, "improper-addressing");
	setup(NULL);
	talk();
	say(&b, "<other xmlns='jabber:client' from='alice@" A_DOMAIN "' to='x'/>");
	expect_closed(&b, "unsupported-stanza-type");
	setup(NULL);
	talk();
	say(&b, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
	expect_closed(&b, "</stream:stream>");
	assert_null(strstr(said(&b), "<stream:error>"));
}

/* What the session counts from its beginning is not begun again, nor made shorter. */
static void counting_in_the_session(void **state)
{
	talk();
	say(&b, "<r xmlns='urn:xmpp:sm:3'/>");
	assert_int_equal(b.last, STREAM_ACK_WANTED);
	say(&b, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
	assert_int_equal(b.last, STREAM_ACK);
	say(&b, ENABLE);
	assert_int_equal(b.last, STREAM_GO_ON);
	expect_said(&b, "<unexpected-request");
	say(&b, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>");
	assert_int_equal(b.resumed, 0);
	say(&b, "<a xmlns='urn:xmpp:sm:3'/>");
	expect_closed(&b, "bad-format");
}

/* ---- old programs ---- */

static void plain(void **state)
{
	both(&stream_lan_plain_out, &stream_lan_plain_in);
	a.reply.peer = STR("bob\\40b@xep0174.internal");
	b.reply.peer = STR("alice\\40a@xep0174.internal");
	b.reply.from = STR("bob@b");
	stream_start(a.s, STR("alice@a"), STR("bob@b"), &a.out);
	while (exchange())
		;
	assert_int_equal(stream_state(a.s), STREAM_READY);
	assert_int_equal(stream_state(b.s), STREAM_READY);
	assert_string_equal(b.from, "alice@a");
	assert_string_equal(b.to, "bob@b");
	assert_string_equal(a.from, "bob@b");
	assert_int_equal(a.secured + b.secured, 0); /* the channel has no TLS to begin */
	assert_non_null(strstr(said(&a), " version='1.0'>"));
	expect_said(&b, " version='1.0'><stream:features/>");
	assert_true(jid_eq(stream_stamp(b.s), jid_view(str_z("alice\\40a@xep0174.internal"))));
	/* From whomever it says it is; only messages are anything. */
	say(&b, "<message xmlns='jabber:client' from='mallory@x'><body>hi</body></message>");
	assert_int_equal(b.given, 1);
	say(&b,
		"<presence xmlns='jabber:client'/><iq xmlns='jabber:client' type='get' id='1'/><x/>"
		"<message xmlns='other'/><stream:features/>" ENABLE);
	assert_int_equal(b.given, 1);
	assert_int_equal(stream_state(b.s), STREAM_READY);
	say(&b, "</stream:stream>");
	assert_int_equal(stream_state(b.s), STREAM_CLOSED);
}

/* With a version it waits for features, so it gets some. */
static void plain_with_a_version(void **state)
{
	both(&stream_lan_plain_out, &stream_lan_plain_in);
	say(&b, OPEN(" from='carol@c'"));
	expect_said(&b, "version='1.0'><stream:features/>");
	assert_int_equal(stream_state(b.s), STREAM_READY);

	/* Without `from`, and names that need care. */
	both(&stream_lan_plain_out, &stream_lan_plain_in);
	b.reply.from = STR("b'<&>@b");
	say(&b, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
	assert_string_equal(b.from, "");
	expect_said(&b, "from='b&apos;&lt;&amp;&gt;@b'");

	both(&stream_lan_plain_out, &stream_lan_plain_in);
	b.reply.error = SERR_POLICY_VIOLATION;
	say(&b, OPEN(" from='carol@c'"));
	expect_closed(&b, "policy-violation");

	both(&stream_lan_plain_out, &stream_lan_plain_in);
	say(&b, "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>");
	expect_closed(&b, "invalid-namespace");
	assert_int_equal(b.asked, 0);
}

/* Whoever never heard of versions is answered as ever, whatever this end could do, and is told of none. */
static void plain_without_a_version(void **state)
{
	static const struct stream_kind *const kinds[] = {&stream_lan_plain_in, &stream_lan_tls_in, &stream_lan_old_in};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		both(&stream_lan_old_out, kinds[i]);
		a.channel.secure = b.channel.secure = false;
		a.channel.can_tls = b.channel.can_tls = true;
		a.reply.peer = STR("bob\\40b@xep0174.internal");
		b.reply.peer = STR("alice\\40a@xep0174.internal");
		stream_start(a.s, STR("alice@a"), STR("bob@b"), &a.out);
		while (exchange())
			;
		assert_int_equal(stream_state(a.s), STREAM_READY);
		assert_int_equal(stream_state(b.s), STREAM_READY);
		assert_null(strstr(said(&a), "version='1.0'>"));
		assert_null(strstr(said(&b), "version='1.0'>"));
		assert_null(strstr(said(&b), "features"));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_session),
		TEST(a_session_goes_on),
		TEST(it_cannot_go_on_there),
		TEST(it_cannot_go_on_here),
		TEST(refused),
		TEST(the_right_one),
		TEST(the_right_one_and_an_old_session),
		TEST(a_wrong_one),
		TEST(one_end_has_none),
		TEST(another_channel),
		TEST(another_name),
		TEST(false_success),
		TEST(wrong_order_in),
		TEST(wrong_words_in_the_exchange),
		TEST(wrong_order_out),
		TEST(who_says_it),
		TEST(counting_in_the_session),
		TEST(plain),
		TEST(plain_with_a_version),
		TEST(plain_without_a_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
