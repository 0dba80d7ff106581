/* STARTTLS on streams of XEP-0174, at both ends. */
#include "xmpp/testing_lan.h"

#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define OFFER "<stream:features>" STARTTLS "</stream:features>"
#define HELLO "<message xmlns='jabber:client' type='chat'><body>hello</body></message>"

static void clear_text(const struct stream_kind *out, const struct stream_kind *in)
{
	both(out, in);
	a.channel.secure = b.channel.secure = false;
	a.channel.can_tls = b.channel.can_tls = true;
	a.reply.peer = STR("bob\\40b@xep0174.internal");
	b.reply.peer = STR("alice\\40a@xep0174.internal");
	b.reply.from = STR("bob@b");
}

static void starttls(void **state)
{
	static const struct {
		const struct stream_kind *out, *in;
		bool tls;
	} table[] = {
		{&stream_lan_plain_out, &stream_lan_plain_in, true},
		{&stream_lan_tls_out, &stream_lan_plain_in, true},
		{&stream_lan_plain_out, &stream_lan_tls_in, true},
		{&stream_lan_tls_out, &stream_lan_tls_in, true},
		{&stream_lan_plain_out, &stream_lan_old_in, false},
		{&stream_lan_old_out, &stream_lan_plain_in, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		clear_text(table[i].out, table[i].in);
		stream_start(a.s, STR("alice@a"), STR("bob@b"), &a.out);
		while (exchange())
			;
		assert_int_equal(stream_state(a.s), STREAM_READY);
		assert_int_equal(stream_state(b.s), STREAM_READY);
		assert_int_equal(a.secured, table[i].tls);
		assert_int_equal(b.secured, table[i].tls);
		/* Once each, about what is said on the stream as it is now. */
		assert_int_equal(a.asked, 1);
		assert_int_equal(b.asked, 1);
		assert_string_equal(b.from, "alice@a");
		assert_string_equal(a.from, "bob@b");
	}
}

/* What was said in the clear counts for nothing. */
static void starttls_forgets(void **state)
{
	clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
	say(&b, OPEN(" from='mallory@m' to='x@y'"));
	expect_said(&b, "from='x@y' to='mallory@m' version='1.0'>" OFFER);
	assert_int_equal(b.asked, 0);
	say(&b, STARTTLS);
	expect_said(&b, PROCEED);
	assert_int_equal(b.asked, 0);
	say(&b, OPEN(" from='carol@c' to='bob@b'"));
	expect_said(&b, "from='bob@b' to='carol@c' version='1.0'><stream:features/>");
	assert_string_equal(b.from, "carol@c");
	say(&b, HELLO);
	assert_int_equal(b.given, 1);
	/* There is no second time. */
	say(&b, STARTTLS);
	assert_int_equal(b.secured, 1);
}

static void starttls_is_required(void **state)
{
	clear_text(&stream_lan_tls_out, &stream_lan_tls_in);
	say(&b, OPEN(" from='carol@c'"));
	expect_said(&b, "<required/></starttls></stream:features>");
	/* Whether that is refused is for the core, which knows the names. */
	b.reply.error = SERR_POLICY_VIOLATION;
	say(&b, HELLO);
	assert_int_equal(b.asked, 1);
	assert_int_equal(b.given, 0);
	expect_closed(&b, "policy-violation");
}

/* Said instead of <starttls/>: the stream goes on as it is, and nothing that was said is lost. */
static void starttls_is_not_wanted(void **state)
{
	static const char *const first[] = {HELLO, "<stream:features/>" HELLO,
		"<presence xmlns='jabber:client'/>" HELLO,
		"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>" HELLO, PROCEED HELLO};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
		say(&b, OPEN(" from='carol@c'"));
		say(&b, first[i]);
		assert_int_equal(stream_state(b.s), STREAM_READY);
		assert_int_equal(b.asked, 1);
		assert_int_equal(b.given, 1);
		assert_int_equal(b.secured, 0);
		/* One header. */
		assert_null(strstr(strstr(said(&b), "<stream:stream") + 1, "<stream:stream"));
		say(&b, STARTTLS);
		assert_int_equal(b.secured, 0);
	}
}

static void starttls_in_silence(void **state)
{
	struct stream_ask ask = {0};

	clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
	say(&b, OPEN(" from='carol@c'"));
	act(&b, stream_on_silence(b.s, &b.channel, &b.out, &ask), &ask);
	assert_int_equal(stream_state(b.s), STREAM_READY);
	say(&b, HELLO);
	assert_int_equal(b.given, 1);
	/* Nobody has said who he is. */
	clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
	act(&b, stream_on_silence(b.s, &b.channel, &b.out, &ask), &ask);
	expect_closed(&b, "connection-timeout");
	/* It was begun. */
	clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
	say(&b, OPEN(" from='carol@c'"));
	say(&b, STARTTLS);
	act(&b, stream_on_silence(b.s, &b.channel, &b.out, &ask), &ask);
	expect_closed(&b, "connection-timeout");
	/* Dialling: a version, and no features follow. */
	clear_text(&stream_lan_plain_out, &stream_lan_plain_in);
	start(&a);
	say(&a, OPEN(" from='bob@b'"));
	assert_int_equal(a.asked, 0);
	act(&a, stream_on_silence(a.s, &a.channel, &a.out, &ask), &ask);
	assert_int_equal(stream_state(a.s), STREAM_READY);
	clear_text(&stream_lan_tls_out, &stream_lan_plain_in);
	start(&a);
	say(&a, OPEN(" from='bob@b'"));
	act(&a, stream_on_silence(a.s, &a.channel, &a.out, &ask), &ask);
	assert_int_equal(stream_state(a.s), STREAM_CLOSED);
	assert_true(stream_lacks_tls(a.s));
}

/* What the other end answers to one who dials; "must" is one who has TLS or nothing. */
static void starttls_out(void **state)
{
	static const struct {
		const char *text;
		bool goes_on, must_goes_on, given;
	} table[] = {
		{"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", true, false},
		{OPEN("") "<stream:features/>", true, false},
		{OPEN("") FEATURES, true, false},
		{OPEN("") HELLO, true, false, true},
		{OPEN("") OFFER HELLO, false, false},
		{OPEN("") OFFER "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", false, false},
		{OPEN("") OFFER "<proceed xmlns='x'/>", false, false},
		{OPEN("") OFFER "</stream:stream>", false, false},
		{OPEN("") OFFER PROCEED OPEN("") "<stream:features/>", true, true},
		{OPEN("") OFFER PROCEED OPEN("") OFFER, true, true},
		{OPEN("") OFFER PROCEED "<stream:stream xmlns='jabber:client' "
					"xmlns:stream='http://etherx.jabber.org/streams'>",
			true, true},
		{OPEN("") OFFER PROCEED "not a stream", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (int must_tls = 0; must_tls < 2; must_tls++) {
			bool expected = must_tls ? table[i].must_goes_on : table[i].goes_on;

			clear_text(must_tls ? &stream_lan_tls_out : &stream_lan_plain_out, &stream_lan_plain_in);
			start(&a);
			say(&a, table[i].text);
			if ((stream_state(a.s) == STREAM_READY) != expected)
				fail_msg("%s: %s", table[i].text, expected ? "ended" : "goes on");
			assert_int_equal(a.asked, expected);
			assert_int_equal(a.given, expected && table[i].given);
			/* Only what was not offered is called so: what fails may do better next time. */
			assert_int_equal(stream_lacks_tls(a.s), must_tls && table[i].goes_on && !expected);
		}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(starttls),
		TEST(starttls_forgets),
		TEST(starttls_is_required),
		TEST(starttls_is_not_wanted),
		TEST(starttls_in_silence),
		TEST(starttls_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
