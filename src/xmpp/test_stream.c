/* The answering side of a stream, element by element. Whole logins are in wire/test_login.c; here is what needs no wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

static struct {
	struct stream *s;
	struct stream_policy policy;
	struct stream_channel channel;
	struct xml_scratch *scratch;
	struct xml_parser *parser;
	struct stream_ask ask;
	struct buf out;
	size_t read;
} t;

static bool serves(void *arg, struct str domain) { return str_is(domain, "x.test"); }

/* "exporter" and "end-point" where the channel has them. */
static int binding(void *arg, const char *type, struct buf *out)
{
	if (!arg || !strstr(arg, type))
		return ERR_UNSUPPORTED;
	buf_z(out, type);
	return 0;
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.policy = (struct stream_policy){.serves = serves, .tls = true};
	t.channel = (struct stream_channel){.binding = binding};
	t.scratch = xml_scratch_new();
	t.parser = xml_parser_new(t.scratch, XML_STREAM, &xml_limits_default);
	buf_init(&t.out, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	stream_free(&t.s);
	xml_parser_free(&t.parser);
	xml_scratch_free(&t.scratch);
	buf_clear(&t.out);
	return 0;
}

static enum stream_action say(const char *xml)
{
	struct str in = str_z(xml);
	struct xml_tree tree;
	enum xml_event event = xml_parse(t.parser, &in, &tree);
	enum stream_action action;

	assert_int_equal(in.n, 0);
	if (event == XML_OPEN)
		action = stream_on_open(t.s, &tree, xml_parser_default_ns(t.parser), &t.channel, &t.out, &t.ask);
	else if (event == XML_STANZA)
		action = stream_on_element(t.s, &tree, &t.channel, &t.out, &t.ask);
	else if (event == XML_END)
		action = stream_on_end(t.s, &t.out);
	else
		action = stream_on_bad_xml(t.s, event, &t.out);
	if (action == STREAM_RESTART)
		xml_parser_reset(t.parser);
	return action;
}

static const char *heard(void)
{
	const char *text = buf_cstr(&t.out) + t.read;

	t.read = t.out.n;
	return text;
}

static void expect_has(const char *part)
{
	const char *text = buf_cstr(&t.out) + t.read;

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void expect_not(const char *part)
{
	const char *text = buf_cstr(&t.out) + t.read;

	if (strstr(text, part))
		fail_msg("\"%s\" is in \"%s\"", part, text);
}

#define HEADER \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='1.0' xml:lang='de'>"
#define SASL(name, text) "<" name " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'" text

static void open_stream(const struct stream_kind *kind)
{
	t.s = stream_new(kind, &t.policy);
	assert_int_equal(stream_state(t.s), STREAM_HEADER);
	assert_int_equal(say(HEADER), STREAM_GO_ON);
	assert_int_equal(stream_state(t.s), STREAM_FEATURES);
	assert_true(str_is(stream_domain(t.s), "x.test"));
	assert_true(str_is(stream_lang(t.s), "de"));
}

static void expect_failure(enum stream_action action, const char *condition)
{
	char text[128];

	assert_int_equal(action, STREAM_FAILED_LOGIN);
	snprintf(text, sizeof(text), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><%s/></failure>", condition);
	assert_string_equal(heard(), text);
	assert_true(stream_waiting(t.s));
	assert_int_equal(stream_failure_sent(t.s, &t.out), STREAM_GO_ON);
	assert_false(stream_waiting(t.s));
	assert_int_equal(stream_state(t.s), STREAM_FEATURES);
}

/* ---- what is offered ---- */

static void test_offers(void **state)
{
	static const struct {
		bool allow, tls, secure, registration;
		const char *has, *has_not;
	} cases[] = {
		{false, true, false, false, "<required/>", "<mechanism>"},
		{true, true, false, false, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<required/>"},
		{true, false, false, false, "<mechanism>PLAIN</mechanism>", "<starttls"},
		{false, false, false, true, "<stream:features></stream:features>", "<register"},
		{false, true, true, true, "<register ", "<starttls"},
		{false, true, true, false, "<mechanism>SCRAM-SHA-1</mechanism>", "<register"},
		{false, true, true, false, "<mechanism>SCRAM-SHA-256</mechanism>", "EXTERNAL"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		t.policy.allow_plaintext = cases[i].allow;
		t.policy.tls = cases[i].tls;
		t.policy.registration = cases[i].registration;
		t.channel.secure = cases[i].secure;
		open_stream(&stream_client);
		expect_has(cases[i].has);
		expect_not(cases[i].has_not);
		heard();
		stream_free(&t.s);
		xml_parser_reset(t.parser);
	}
}

static void test_channel_bindings(void **state)
{
	t.channel.secure = true;
	t.channel.arg = (char[]){"tls-exporter tls-server-end-point tls-unique"};
	open_stream(&stream_client);
	expect_has("<mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism>");
	expect_has(
		"<channel-binding type='tls-exporter'/><channel-binding type='tls-server-end-point'/></sasl-channel-binding>");
	heard();
	/* A client that knows binding and was offered it may not say that it was not. */
	expect_failure(say(SASL("auth", " mechanism='SCRAM-SHA-256'>eSwsbj1hbGljZSxyPWFiYw==</auth>")),
		"not-authorized");
	expect_failure(say(SASL("auth", " mechanism='SCRAM-SHA-256-PLUS'>biwsbj1hbGljZSxyPWFiYw==</auth>")),
		"not-authorized");
	assert_int_equal(say(SASL("auth", " mechanism='SCRAM-SHA-256'>biwsbj1hbGljZSxyPWFiYw==</auth>")),
		STREAM_ASK_KEYS);
	assert_true(str_is(t.ask.account, "alice@x.test"));
	assert_int_equal(t.ask.hash, HASH_SHA256);
}

/* What is not advertised was not offered: then "y" is the truth. */
static void test_a_binding_that_is_not_advertised(void **state)
{
	t.channel.secure = true;
	t.channel.arg = (char[]){"tls-unique"};
	open_stream(&stream_client);
	expect_not("-PLUS");
	heard();
	assert_int_equal(say(SASL("auth", " mechanism='SCRAM-SHA-256'>eSwsbj1hbGljZSxyPWFiYw==</auth>")),
		STREAM_ASK_KEYS);
}

/* ---- EXTERNAL ---- */

static void test_external(void **state)
{
	struct scram_keys keys = {.kind = HASH_SHA256};

	t.channel.external = STR("Alice");
	open_stream(&stream_client_unix);
	expect_has("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>");
	expect_has("<mechanism>PLAIN</mechanism>"); /* the socket is as good as TLS */
	expect_not("<starttls");
	heard();
	expect_failure(say(SASL("auth", " mechanism='EXTERNAL'>Ym9iQHgudGVzdA==</auth>")), "invalid-authzid");
	assert_int_equal(say(SASL("auth", " mechanism='EXTERNAL'>=</auth>")), STREAM_ASK_KEYS);
	assert_true(str_is(t.ask.account, "alice@x.test"));
	expect_failure(stream_on_keys(t.s, &keys, false, &t.channel, &t.out, &t.ask), "not-authorized");
	assert_int_equal(say(SASL("auth", " mechanism='EXTERNAL'/>")), STREAM_GO_ON); /* no message at all: asked for */
	assert_string_equal(heard(), "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	assert_int_equal(say(SASL("response", ">YWxpY2VAeC50ZXN0</response>")), STREAM_ASK_KEYS);
	assert_int_equal(stream_on_keys(t.s, &keys, true, &t.channel, &t.out, &t.ask), STREAM_RESTART);
	assert_string_equal(heard(), "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	assert_int_equal(stream_state(t.s), STREAM_HEADER);
}

static void test_external_is_not_for_strangers(void **state)
{
	open_stream(&stream_client_unix);
	expect_not("EXTERNAL");
	heard();
	expect_failure(say(SASL("auth", " mechanism='EXTERNAL'>=</auth>")), "invalid-mechanism");
}

/* ---- failures ---- */

static void test_failures(void **state)
{
	static const struct {
		const char *xml, *condition;
	} cases[] = {
		{SASL("auth", " mechanism='GUESS'>=</auth>"), "invalid-mechanism"},
		{SASL("auth", ">=</auth>"), "invalid-mechanism"},
		{SASL("auth", " mechanism='PLAIN'>***</auth>"), "incorrect-encoding"},
		{SASL("auth", " mechanism='PLAIN'>=</auth>"), "malformed-request"},
		{SASL("auth", " mechanism='PLAIN'>YWxpY2U=</auth>"), "malformed-request"},
		{SASL("auth", " mechanism='PLAIN'>AGFsaWNlAA==</auth>"), "malformed-request"},     /* no password */
		{SASL("auth", " mechanism='PLAIN'>AGFsaWNlAGEAYg==</auth>"), "malformed-request"}, /* a fourth part */
		{SASL("auth", " mechanism='PLAIN'>AGEgYgBw</auth>"), "not-authorized"}, /* a name that cannot be */
		{SASL("auth", " mechanism='PLAIN'>Ym9iQHgudGVzdABhbGljZQBwdw==</auth>"), "invalid-authzid"},
		{SASL("auth", " mechanism='SCRAM-SHA-1'>bm9uc2Vuc2U=</auth>"), "malformed-request"},
	};

	t.policy.allow_plaintext = true;
	t.policy.max_tries = 100;
	open_stream(&stream_client);
	heard();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_failure(say(cases[i].xml), cases[i].condition);
}

static void test_too_many_failures(void **state)
{
	t.policy.allow_plaintext = true;
	t.policy.max_tries = 2;
	open_stream(&stream_client);
	heard();
	expect_failure(say(SASL("auth", " mechanism='X'>=</auth>")), "invalid-mechanism");
	assert_int_equal(say(SASL("auth", " mechanism='X'>=</auth>")), STREAM_FAILED_LOGIN);
	assert_int_equal(stream_failure_sent(t.s, &t.out), STREAM_END);
	expect_has("<policy-violation ");
	assert_int_equal(stream_state(t.s), STREAM_CLOSED);
	assert_int_equal(stream_close(t.s, SERR_RESET, NULL, &t.out), STREAM_GO_ON); /* once is enough */
}

static void test_an_exchange_goes_on_or_ends(void **state)
{
	struct scram_keys keys = {.kind = HASH_SHA256};

	t.policy.allow_plaintext = true;
	open_stream(&stream_client);
	heard();
	say(SASL("auth", " mechanism='PLAIN'/>"));
	heard();
	expect_failure(say(SASL("abort", "/>")), "aborted");
	/* A second one gives up the first. */
	say(SASL("auth", " mechanism='SCRAM-SHA-1'/>"));
	assert_int_equal(say(SASL("auth", " mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>")), STREAM_ASK_KEYS);
	assert_int_equal(stream_on_keys(t.s, &keys, true, &t.channel, &t.out, &t.ask), STREAM_ASK_VERIFY);
	heard();
	expect_failure(stream_on_verified(t.s, false, &t.out), "not-authorized");
	say(SASL("auth", " mechanism='PLAIN'/>"));
	heard();
	expect_failure(say(SASL("auth", " mechanism='NONE'/>")), "invalid-mechanism");
	assert_int_equal(say(SASL("response", ">=</response>")), STREAM_END); /* to no question */
	expect_has("<bad-format ");
}

/* The wrong password and the unknown name cannot be told apart, and the slow check is made for both. */
static void test_plain_is_verified(void **state)
{
	struct scram_keys keys = {.kind = HASH_SHA256};

	t.policy.allow_plaintext = true;
	open_stream(&stream_client);
	heard();
	for (int known = 0; known < 2; known++) {
		assert_int_equal(say(SASL("auth", " mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>")), STREAM_ASK_KEYS);
		assert_int_equal(stream_on_keys(t.s, &keys, known, &t.channel, &t.out, &t.ask), STREAM_ASK_VERIFY);
		assert_string_equal(t.ask.password, "secret");
		expect_failure(stream_on_verified(t.s, !known, &t.out), "not-authorized");
	}
	assert_int_equal(say(SASL("auth", " mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>")), STREAM_ASK_KEYS);
	stream_on_keys(t.s, &keys, true, &t.channel, &t.out, &t.ask);
	assert_int_equal(stream_on_verified(t.s, true, &t.out), STREAM_RESTART);
}

/* ---- after the login ---- */

static void log_in(void)
{
	struct scram_keys keys = {.kind = HASH_SHA256};

	t.channel.external = STR("alice");
	open_stream(&stream_client_unix);
	say(SASL("auth", " mechanism='EXTERNAL'>=</auth>"));
	stream_on_keys(t.s, &keys, true, &t.channel, &t.out, &t.ask);
	xml_parser_reset(t.parser);
	heard();
}

static void test_the_second_header(void **state)
{
	log_in();
	assert_int_equal(say(HEADER), STREAM_GO_ON);
	expect_has("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>");
	expect_has("<sm xmlns='urn:xmpp:sm:3'/>");
	expect_not("<mechanism>");
	assert_int_equal(stream_state(t.s), STREAM_BIND);
	heard();
	/* Who is in does not log in again. */
	assert_int_equal(say(SASL("auth", " mechanism='EXTERNAL'>=</auth>")), STREAM_END);
}

/* The name was proven for one domain. */
static void test_another_domain(void **state)
{
	log_in();
	assert_int_equal(
		say("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='y.test' version='1.0'>"),
		STREAM_END);
	expect_has("<host-unknown ");
}

static void test_binding_a_resource(void **state)
{
	log_in();
	say(HEADER);
	heard();
	say("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\xc2\xad</resource></bind></iq>");
	expect_has("<iq type='error' id='1'><error type='modify'><bad-request ");
	heard();
	assert_int_equal(say("<iq type='set' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
			     "<resource> desk &amp; chair </resource></bind></iq>"),
		STREAM_ASK_BIND);
	assert_true(str_is(t.ask.account, "alice@x.test"));
	assert_true(str_is(t.ask.resource, "desk & chair"));
	assert_int_equal(stream_on_bound(t.s, STR("alice@x.test/desk & chair"), XERR_NONE, &t.out), STREAM_GO_ON);
	assert_string_equal(heard(),
		"<iq type='result' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		"<jid>alice@x.test/desk &amp; chair</jid></bind></iq>");
	assert_int_equal(stream_state(t.s), STREAM_READY);
	assert_true(str_is(stream_jid(t.s), "alice@x.test/desk & chair"));
	assert_int_equal(say("<message to='b@x.test'/>"), STREAM_GIVE_STANZA);
	assert_int_equal(say("<presence from='alice@x.test/desk &amp; chair'/>"), STREAM_GIVE_STANZA);
	assert_int_equal(say("<presence from='ALICE@x.test'/>"), STREAM_GIVE_STANZA);
	assert_int_equal(say("<presence from='not an address'/>"), STREAM_END);
	expect_has("<invalid-from ");
}

/* A text cut into more pieces than it may be long is not bound in part. */
static void test_a_resource_in_pieces(void **state)
{
	struct buf xml;

	log_in();
	say(HEADER);
	heard();
	buf_init(&xml, 65536);
	buf_z(&xml, "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>");
	for (int i = 0; i < 900; i++)
		buf_z(&xml, "aaaa<b/>");
	buf_z(&xml, "</resource></bind></iq>");
	assert_int_equal(say(buf_cstr(&xml)), STREAM_GO_ON);
	expect_has("<bad-request ");
	buf_clear(&xml);
}

static void test_resuming(void **state)
{
	static const char *const bad[] = {"<resume xmlns='urn:xmpp:sm:3' h='1'/>",
		"<resume xmlns='urn:xmpp:sm:3' previd='x'/>", "<resume xmlns='urn:xmpp:sm:3' previd='x' h='-1'/>",
		"<resume xmlns='urn:xmpp:sm:3' previd='' h='1'/>"};

	log_in();
	say(HEADER);
	heard();
	assert_int_equal(say("<resume xmlns='urn:xmpp:sm:3' previd='old' h='4294967295'/>"), STREAM_ASK_RESUME);
	assert_true(str_is(t.ask.token, "old"));
	assert_int_equal(t.ask.h, UINT32_MAX);
	assert_int_equal(stream_on_resume_failed(t.s, &t.out), STREAM_GO_ON);
	assert_int_equal(stream_state(t.s), STREAM_BIND);
	heard();
	assert_int_equal(say("<resume xmlns='urn:xmpp:sm:3' previd='old' h='1'/>"), STREAM_ASK_RESUME);
	assert_int_equal(stream_on_bound(t.s, STR("alice@x.test/old"), XERR_NONE, &t.out), STREAM_GO_ON);
	assert_string_equal(heard(), "");
	assert_int_equal(stream_state(t.s), STREAM_READY);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		teardown(NULL);
		setup(NULL);
		log_in();
		say(HEADER);
		assert_int_equal(say(bad[i]), STREAM_END);
		expect_has("<bad-format ");
	}
}

static void test_stream_management(void **state)
{
	log_in();
	say(HEADER);
	say("<iq type='set' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	assert_null(t.ask.resource.p);
	stream_on_bound(t.s, STR("alice@x.test/x"), XERR_NONE, &t.out);
	heard();
	assert_int_equal(say("<enable xmlns='urn:xmpp:sm:3' resume='1' max='60'/>"), STREAM_ENABLE_SM);
	assert_true(t.ask.resume);
	assert_int_equal(say("<enable xmlns='urn:xmpp:sm:3' resume='false'/>"), STREAM_ENABLE_SM);
	assert_false(t.ask.resume);
	assert_int_equal(say("<r xmlns='urn:xmpp:sm:3'/>"), STREAM_ACK_WANTED);
	assert_int_equal(say("<a xmlns='urn:xmpp:sm:3' h='12'/>"), STREAM_ACK);
	assert_int_equal(t.ask.h, 12);
	assert_int_equal(say("<what xmlns='urn:xmpp:sm:3'/>"), STREAM_GO_ON);
	expect_has("<failed ");
	assert_int_equal(say("</stream:stream>"), STREAM_END);
}

static void test_an_error_with_more_in_it(void **state)
{
	t.s = stream_new(&stream_client, &t.policy);
	assert_int_equal(stream_close_with(t.s, SERR_UNDEFINED_CONDITION, "a < b", STR("<own xmlns='urn:o'/>"), &t.out),
		STREAM_END);
	expect_has("<?xml version='1.0'?><stream:stream xmlns='jabber:client'");
	expect_has("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
		   "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a &lt; b</text><own xmlns='urn:o'/>"
		   "</stream:error></stream:stream>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_offers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_channel_bindings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_binding_that_is_not_advertised, setup, teardown),
		cmocka_unit_test_setup_teardown(test_external, setup, teardown),
		cmocka_unit_test_setup_teardown(test_external_is_not_for_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_exchange_goes_on_or_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_is_verified, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_second_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_domain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_binding_a_resource, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_resource_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resuming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream_management, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_error_with_more_in_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
