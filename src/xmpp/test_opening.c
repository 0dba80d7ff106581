/* The opening side of a stream: against our own answering side, and against one that lies. */
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
#include "xmpp/opening.h"

/* One end's ears. */
struct ear {
	struct xml_scratch *scratch;
	struct xml_parser *parser;
	struct buf in;
};

static struct {
	struct opening *o;
	struct opening_config config;
	struct stream_channel mine, theirs;
	struct ear client, server;
	enum opening_action last;
	bool bound, resumed;
	/* our own server */
	struct stream *s;
	struct stream_policy policy;
	const char *password; /* that it knows */
} t;

static bool serves(void *arg, struct str domain) { return str_is(domain, "x.test"); }

static int binding(void *arg, const char *type, struct buf *out)
{
	if (!arg || !strstr(arg, type))
		return ERR_UNSUPPORTED;
	buf_fmt(out, "data of %s", type);
	return 0;
}

static void ear_init(struct ear *e)
{
	e->scratch = xml_scratch_new();
	e->parser = xml_parser_new(e->scratch, XML_STREAM, &xml_limits_default);
	buf_init(&e->in, 1 << 20);
}

static void ear_clear(struct ear *e)
{
	xml_parser_free(&e->parser);
	xml_scratch_free(&e->scratch);
	buf_clear(&e->in);
}

static void ear_reset(struct ear *e) { xml_parser_reset(e->parser); }

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.config = (struct opening_config){.domain = STR("x.test"),
		.user = STR("alice"),
		.password = STR("secret"),
		.resource = STR("here")};
	t.mine = t.theirs = (struct stream_channel){.binding = binding};
	t.policy = (struct stream_policy){.serves = serves, .tls = true};
	t.password = "secret";
	ear_init(&t.client);
	ear_init(&t.server);
	return 0;
}

static int teardown(void **state)
{
	opening_free(&t.o);
	stream_free(&t.s);
	ear_clear(&t.client);
	ear_clear(&t.server);
	return 0;
}

/* ---- our own server ---- */

static enum stream_action answer_keys(const struct stream_ask *ask, struct buf *out, struct stream_ask *next)
{
	struct scram_keys keys;

	scram_derive(ask->hash, str_z(t.password), STR("saltsalt"), 4096, &keys);
	return stream_on_keys(t.s, &keys, true, &t.theirs, out, next);
}

static void server_acts(enum stream_action a, struct stream_ask *ask)
{
	for (int i = 0; i < 10; i++) {
		struct stream_ask now = *ask;

		switch (a) {
		case STREAM_ASK_KEYS:
			a = answer_keys(&now, &t.client.in, ask);
			break;
		case STREAM_ASK_VERIFY:
			a = stream_on_verified(t.s, scram_verify(now.keys, str_z(now.password)), &t.client.in);
			break;
		case STREAM_FAILED_LOGIN:
			a = stream_failure_sent(t.s, &t.client.in);
			break;
		case STREAM_ASK_BIND:
			a = stream_on_bound(t.s, STR("alice@x.test/here"), XERR_NONE, &t.client.in);
			break;
		case STREAM_ASK_RESUME:
			a = stream_on_resume_failed(t.s, &t.client.in);
			break;
		case STREAM_ENABLE_SM:
			buf_z(&t.client.in, "<enabled xmlns='" NS_SM "' id='token' resume='true'/>");
			return;
		case STREAM_RESTART:
			ear_reset(&t.server);
			return;
		case STREAM_START_TLS:
			t.mine.secure = t.theirs.secure = true;
			stream_secured(t.s);
			ear_reset(&t.server);
			return;
		default:
			return;
		}
	}
}

static void server_hears(void)
{
	while (t.server.in.n) {
		struct buf in = t.server.in;
		struct str text = buf_view(&in);
		struct stream_ask ask = {0};
		struct xml_tree tree;

		enum xml_event e = xml_parse(t.server.parser, &text, &tree);
		enum stream_action a = STREAM_GO_ON;
		if (e == XML_OPEN)
			a = stream_on_open(t.s, &tree, xml_parser_default_ns(t.server.parser), &t.theirs, &t.client.in,
				&ask);
		else if (e == XML_STANZA)
			a = stream_on_element(t.s, &tree, &t.theirs, &t.client.in, &ask);
		else if (e == XML_END)
			a = stream_on_end(t.s, &t.client.in);
		else
			assert_int_equal(e, XML_MORE);
		buf_eat(&t.server.in, in.n - text.n);
		server_acts(a, &ask);
	}
}

/* ---- the client ---- */

static void client_acts(enum opening_action a)
{
	t.last = a;
	if (a == OPENING_WORK) {
		opening_work(t.o);
		t.last = opening_worked(t.o, &t.server.in);
	} else if (a == OPENING_START_TLS) {
		t.mine.secure = true;
		ear_reset(&t.client);
		opening_secured(t.o, &t.server.in);
	} else if (a == OPENING_RESTART) {
		ear_reset(&t.client);
	}
	t.bound |= a == OPENING_BOUND;
	t.resumed |= a == OPENING_RESUMED;
}

static void client_hears(void)
{
	while (t.client.in.n && opening_state(t.o) != OPENING_CLOSED) {
		size_t before = t.client.in.n;
		struct str text = buf_view(&t.client.in);
		struct xml_tree tree;
		enum xml_event e = xml_parse(t.client.parser, &text, &tree);
		enum opening_action a = OPENING_GO_ON;

		if (e == XML_OPEN)
			a = opening_on_open(t.o, &tree, &t.server.in);
		else if (e == XML_STANZA)
			a = opening_on_element(t.o, &tree, &t.mine, &t.server.in);
		else if (e == XML_END)
			a = opening_on_end(t.o, &t.server.in);
		else if (e != XML_MORE)
			a = opening_on_bad_xml(t.o, &t.server.in);
		buf_eat(&t.client.in, before - text.n);
		client_acts(a);
	}
	buf_reset(&t.client.in);
}

static void meet(const struct stream_kind *kind)
{
	t.s = stream_new(kind, &t.policy);
	t.o = opening_new(&t.config);
	opening_start(t.o, &t.server.in);
	for (int i = 0; i < 20 && (t.server.in.n || t.client.in.n); i++) {
		server_hears();
		client_hears();
	}
}

static void starttls_and_scram(void **state)
{
	t.mine.arg = t.theirs.arg = (void *)"tls-exporter,tls-server-end-point";
	meet(&stream_client);
	assert_true(t.bound);
	assert_true(t.mine.secure);
	assert_int_equal(opening_state(t.o), OPENING_READY);
	assert_true(str_is(opening_jid(t.o), "alice@x.test/here"));
	assert_true(str_is(opening_token(t.o), "token"));
	assert_true(opening_counts(t.o));
}

static int other_binding(void *arg, const char *type, struct buf *out)
{
	buf_z(out, "another channel");
	return 0;
}

static void man_in_the_middle(void **state)
{
	t.mine.secure = t.theirs.secure = true;
	t.theirs.arg = (void *)"tls-exporter";
	t.mine.binding = other_binding;
	meet(&stream_client);
	assert_false(t.bound);
	assert_int_equal(opening_failure(t.o), OPENING_REFUSED);
}

static void wrong_password(void **state)
{
	t.password = "another";
	t.mine.secure = t.theirs.secure = true;
	meet(&stream_client);
	assert_int_equal(t.last, OPENING_END);
	assert_int_equal(opening_failure(t.o), OPENING_REFUSED);
	assert_true(str_starts(opening_text(t.o), STR("not-authorized")));
	assert_true(opening_is_final(t.o));
}

static void external_on_a_local_socket(void **state)
{
	t.config.external = t.config.trusted_channel = true;
	t.config.user = t.config.password = STR_NONE;
	t.theirs.external = STR("alice");
	meet(&stream_client_unix);
	assert_true(t.bound);
}

static void failed_resumption_binds(void **state)
{
	t.mine.secure = t.theirs.secure = true;
	t.config.previd = STR("gone");
	t.config.h = 3;
	meet(&stream_client);
	assert_true(t.bound);
	assert_false(t.resumed);
	assert_false(opening_has_h(t.o));
}

/* ---- one that lies ---- */

#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' version='1.0'>"
#define FEATURES(inside) HEAD "<stream:features>" inside "</stream:features>"
#define MECHANISMS(list) "<mechanisms xmlns='" NS_SASL "'>" list "</mechanisms>"

static void hear(const char *xml)
{
	if (!t.o) {
		t.o = opening_new(&t.config);
		opening_start(t.o, &t.server.in);
	}
	buf_reset(&t.server.in);
	buf_z(&t.client.in, xml);
	client_hears();
}

static bool said(const char *part) { return strstr(buf_cstr(&t.server.in), part) != NULL; }

static void failed(enum opening_failure f)
{
	assert_int_equal(opening_state(t.o), OPENING_CLOSED);
	assert_int_equal(t.last, OPENING_END);
	assert_int_equal(opening_failure(t.o), f);
}

static void no_login_without_tls(void **state)
{
	hear(FEATURES(MECHANISMS("<mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-256</mechanism>")));
	failed(OPENING_NO_TLS);
	assert_false(said("<auth"));
}

static void tls_refused(void **state)
{
	hear(FEATURES("<starttls xmlns='" NS_TLS "'/>"));
	assert_true(said("<starttls"));
	hear("<failure xmlns='" NS_TLS "'/>");
	failed(OPENING_NO_TLS);
}

static void plain_only_as_last_resort(void **state)
{
	t.mine.secure = true;
	hear(FEATURES(MECHANISMS("<mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1</mechanism>")));
	assert_true(said("mechanism='SCRAM-SHA-1'"));
	opening_free(&t.o);
	ear_reset(&t.client);
	hear(FEATURES(MECHANISMS("<mechanism>PLAIN</mechanism>")));
	assert_true(said("mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==<"));
	hear("<success xmlns='" NS_SASL "'/>");
	assert_int_equal(t.last, OPENING_RESTART);
	assert_true(said("<stream:stream"));
}

static void hidden_plus_is_told(void **state)
{
	t.mine.secure = true;
	t.mine.arg = (void *)"tls-exporter";
	hear(FEATURES(MECHANISMS("<mechanism>SCRAM-SHA-256</mechanism>")));
	assert_true(said("mechanism='SCRAM-SHA-256'>eSws")); /* y,, */
	opening_free(&t.o);
	ear_reset(&t.client);
	/* It has -PLUS, but no type of ours: "y" would be an accusation. */
	hear(FEATURES(MECHANISMS(
		"<mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-256-PLUS</mechanism>") "<sasl-channel-binding xmlns='" NS_SASL_CB
												 "'><channel-binding type='tls-unique'/></sasl-channel-binding>"));
	assert_true(said("mechanism='SCRAM-SHA-256'>biws")); /* n,, */
}

static void success_without_signature(void **state)
{
	t.mine.secure = true;
	hear(FEATURES(MECHANISMS("<mechanism>SCRAM-SHA-256</mechanism>")));
	hear("<success xmlns='" NS_SASL "'/>");
	failed(OPENING_FALSE);
}

static void few_iterations(void **state)
{
	char out[256];
	struct buf first, message;
	const char *p;

	t.mine.secure = true;
	hear(FEATURES(MECHANISMS("<mechanism>SCRAM-SHA-256</mechanism>")));
	buf_init(&first, 4096);
	buf_init(&message, 4096);
	p = strchr(strstr(buf_cstr(&t.server.in), "<auth"), '>') + 1;
	assert_int_equal(b64_decode(&first, (struct str){p, strcspn(p, "<")}), 0);
	p = strstr(buf_cstr(&first), "r=");
	snprintf(out, sizeof(out), "%sx,s=c2FsdA==,i=1", p);
	b64_encode(&message, out, strlen(out));
	snprintf(out, sizeof(out), "<challenge xmlns='" NS_SASL "'>%s</challenge>", buf_cstr(&message));
	buf_clear(&first);
	buf_clear(&message);
	hear(out);
	failed(OPENING_FALSE);
}

static void nothing_to_log_in_with(void **state)
{
	t.mine.secure = true;
	t.config.password = STR_NONE;
	hear(FEATURES(MECHANISMS("<mechanism>PLAIN</mechanism><mechanism>EXTERNAL</mechanism>")));
	failed(OPENING_NO_WAY);
}

static void stream_errors(void **state)
{
	hear(HEAD "<stream:error><conflict xmlns='" NS_STREAMS_ERR "'/><text xmlns='" NS_STREAMS_ERR
		  "'>replaced</text></stream:error>");
	failed(OPENING_STREAM);
	assert_true(str_is(opening_text(t.o), "conflict: replaced"));
	assert_true(opening_is_final(t.o));
}

static void not_xmpp(void **state)
{
	static const char *const lies[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "<a xmlns='b'>", HEAD "<a xmlns='b'/>",
		HEAD "<iq xmlns='jabber:client' type='set' id='1'/>", "<!DOCTYPE x>"};

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		hear(lies[i]);
		failed(OPENING_PROTOCOL);
		opening_free(&t.o);
		ear_reset(&t.client);
	}
}

#define PROVEN FEATURES(MECHANISMS("<mechanism>PLAIN</mechanism>")) "<success xmlns='" NS_SASL "'/>"
#define SESSION "<bind xmlns='" NS_BIND "'/><sm xmlns='" NS_SM "'/>"

static void to_bind(void)
{
	t.mine.secure = true;
	hear(PROVEN);
	hear(FEATURES(SESSION));
}

static void bad_addresses(void **state)
{
	static const char *const answers[] = {"<iq type='result' id='bind'/>", "<iq type='result' id='other'/>",
		"<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test</jid></bind></iq>",
		"<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>@@@</jid></bind></iq>",
		"<iq type='error' id='bind'><error type='cancel'><conflict xmlns='" NS_STANZAS "'/></error></iq>"};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		to_bind();
		hear(answers[i]);
		assert_int_equal(t.last, OPENING_END);
		opening_free(&t.o);
		ear_reset(&t.client);
	}
}

#define BOUND "<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/1</jid></bind></iq>"

static void acknowledgements(void **state)
{
	to_bind();
	hear(BOUND);
	assert_true(said("<enable"));
	assert_false(t.bound);
	hear("<enabled xmlns='" NS_SM "'/>");
	assert_true(t.bound);
	assert_null(opening_token(t.o).p);
	hear("<r xmlns='" NS_SM "'/>");
	assert_int_equal(t.last, OPENING_ACK_WANTED);
	hear("<a xmlns='" NS_SM "' h='7'/>");
	assert_int_equal(t.last, OPENING_ACK);
	assert_int_equal(opening_h(t.o), 7);
	hear("<message/>");
	assert_int_equal(t.last, OPENING_STANZA);
	hear("<a xmlns='" NS_SM "' h='4294967296'/>");
	failed(OPENING_PROTOCOL);
}

static void no_counting(void **state)
{
	to_bind();
	hear(BOUND);
	hear("<failed xmlns='" NS_SM "'/>");
	assert_true(t.bound);
	assert_false(opening_counts(t.o));
	hear("<r xmlns='" NS_SM "'/>");
	failed(OPENING_PROTOCOL);
}

static void resumed(void **state)
{
	t.config.previd = STR("to'ken");
	t.config.h = 4294967295u;
	to_bind();
	assert_true(said("<resume xmlns='" NS_SM "' h='4294967295' previd='to&apos;ken'/>"));
	hear("<resumed xmlns='" NS_SM "' previd='token' h='12'/>");
	assert_true(t.resumed);
	assert_int_equal(opening_h(t.o), 12);
	assert_true(str_is(opening_token(t.o), "to'ken"));
}

static void a_failed_resumption_says_how_far_it_came(void **state)
{
	t.config.previd = STR("token");
	to_bind();
	hear("<failed xmlns='" NS_SM "' h='5'><item-not-found xmlns='" NS_STANZAS "'/></failed>");
	assert_true(said("<bind"));
	assert_true(opening_has_h(t.o));
	assert_int_equal(opening_h(t.o), 5);
	hear(BOUND);
	hear("<enabled xmlns='" NS_SM "' id='new' resume='1'/>");
	assert_true(t.bound);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(starttls_and_scram),
		T(man_in_the_middle),
		T(wrong_password),
		T(external_on_a_local_socket),
		T(failed_resumption_binds),
		T(no_login_without_tls),
		T(tls_refused),
		T(plain_only_as_last_resort),
		T(hidden_plus_is_told),
		T(success_without_signature),
		T(few_iterations),
		T(nothing_to_log_in_with),
		T(stream_errors),
		T(not_xmpp),
		T(bad_addresses),
		T(acknowledgements),
		T(no_counting),
		T(resumed),
		T(a_failed_resumption_says_how_far_it_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
