/* The client's brain on scripted streams. */
#include "client/testing.h"

/* ---- sessions ---- */

static void a_session_begins(void **state)
{
	log_in();
	assert_true(said("<query xmlns='jabber:iq:roster'/>"));
	assert_true(said("<presence><c xmlns='" NS_CAPS "' hash='sha-1'"));
	assert_true(said(NS_DISCO_ITEMS));
	told("online |alice@x.test/1|");
	assert_true(str_is(client_jid(t.c), "alice@x.test"));
	assert_int_equal(client_pending(t.c), 4);
}

static void what_is_said_offline_goes_out_later(void **state)
{
	assert_int_equal(client_say(t.c, STR("bob@x.test"), STR("early")), 0);
	told("state bob@x.test|||early|this chat keeps it until it is online|unsent own");
	assert_false(said("early"));
	log_in();
	assert_true(said("<body>early</body>"));
	assert_int_equal(client_count(t.c, MESSAGE_UNSENT), 1);
	hear("<a xmlns='" NS_SM "' h='6'/>"); /* roster, presence, three questions, the message */
	told("state bob@x.test|||early||sent own");
	assert_int_equal(client_count(t.c, MESSAGE_SENT), 1);
}

/* What comes after we have ended is read no more, be it what it may. */
static void ended_before_the_login(void **state)
{
	(void)state;
	client_connected(t.c, &t.channel);
	hear(LOGIN);
	client_close(t.c);
	hear(SUCCESS);
	hear("<?xml version='1.0'?>" SESSION);
	hear("more");
	assert_false(client_online(t.c));
}

static void resumed(void **state)
{
	with_bob();
	client_say(t.c, STR("bob@x.test"), STR("one"));
	client_say(t.c, STR("bob@x.test"), STR("two"));
	client_flush(t.c);
	assert_true(said("<r xmlns='" NS_SM "'/>"));
	client_lost(t.c, STR("cut"));
	told("offline |||cut|");
	client_say(t.c, STR("bob@x.test"), STR("three"));
	to_session();
	assert_true(said("<resume xmlns='" NS_SM "' h='2' previd='token'/>"));
	forget();
	hear("<resumed xmlns='" NS_SM "' previd='token' h='6'/>");
	told("state Bob|||one||sent own");
	assert_false(said("<body>one"));
	const char *two = strstr(buf_cstr(client_out(t.c)), "<body>two");
	assert_non_null(two);
	assert_non_null(strstr(two, "<body>three"));
	assert_null(strstr(two + 1, "<body>two"));
}

static void not_resumed(void **state)
{
	with_bob();
	client_say(t.c, STR("bob@x.test"), STR("one"));
	client_say(t.c, STR("bob@x.test"), STR("two"));
	client_peers(t.c);
	client_lost(t.c, STR("cut"));
	to_session();
	hear("<failed xmlns='" NS_SM "' h='6'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	assert_false(said("<body>one"));
	assert_true(said("<body>two"));
	told("online |alice@x.test/2|");
}

static void impossible_counters(void **state)
{
	with_bob();
	assert_int_equal(hear("<a xmlns='" NS_SM "' h='1000'/>"), CLIENT_CLOSE);
	assert_true(said("</stream:stream>"));
	client_lost(t.c, STR(""));
	to_session();
	assert_false(said("<resume"));
	assert_true(said("<bind"));
}

static void a_silent_server(void **state)
{
	with_bob();
	pass(QUIET_MS + 1000);
	assert_int_equal(client_tick(t.c), CLIENT_FINE);
	assert_true(said("<r xmlns"));
	pass(DEAD_MS);
	assert_int_equal(client_tick(t.c), CLIENT_CLOSE);
	client_lost(t.c, STR(""));
	told("the server does not answer");
}

static void taken_over(void **state)
{
	with_bob();
	assert_int_equal(hear("<stream:error><conflict xmlns='" NS_STREAMS_ERR "'/></stream:error>"), CLIENT_CLOSE);
	client_lost(t.c, STR(""));
	told("offline |||the server closed the stream (conflict)|");
	assert_true(client_final(t.c));
}

/* Somebody wanted that; a connection that breaks is another matter. */
static void stopped(void **state)
{
	with_bob();
	assert_int_equal(hear("<stream:error><system-shutdown xmlns='" NS_STREAMS_ERR "'/></stream:error>"),
		CLIENT_CLOSE);
	client_lost(t.c, STR(""));
	told("offline |||the server is being stopped|");
	assert_true(client_stopped(t.c));
	assert_false(client_final(t.c));
	to_session();
	assert_false(client_stopped(t.c));
	client_lost(t.c, STR("cut"));
	assert_false(client_stopped(t.c));
}

/* What would be lost if we ended now. */
static void unsaid(void **state)
{
	with_bob();
	client_say(t.c, STR("bob@x.test"), STR("on its way"));
	client_peers(t.c);
	assert_int_equal(client_unsaid(t.c), 0);
	client_lost(t.c, STR("cut"));
	assert_int_equal(client_unsaid(t.c), 1);
	client_say(t.c, STR("bob@x.test"), STR("later"));
	assert_int_equal(client_unsaid(t.c), 2);
	to_session();
	assert_int_equal(client_unsaid(t.c), 2);
	hear("<resumed xmlns='" NS_SM "' previd='token' h='6'/>");
	assert_int_equal(client_unsaid(t.c), 0);
}

static void it_counts_what_comes(void **state)
{
	with_bob();
	hear("<message from='bob@x.test/1' type='strange'/><iq from='@@' type='get' id='1'/><presence from='bob@x.test/1'/>");
	hear("<r xmlns='" NS_SM "'/>");
	assert_true(said("<a xmlns='" NS_SM "' h='5'/>"));
}

/* ---- messages ---- */

static void hear_about(const char *from, const char *name, const char *ns)
{
	char xml[1024];

	snprintf(xml, sizeof(xml), "<message from='%s'><%s xmlns='%s' id='%s'/></message>", from, name, ns, last_id());
	hear(xml);
}

static void receipts(void **state)
{
	with_bob();
	client_say(t.c, STR("bob@x.test"), STR("hi <&>"));
	assert_true(said("to='bob@x.test'><body>hi &lt;&amp;&gt;</body><request xmlns='urn:xmpp:receipts'/>"));
	hear_about("eve@x.test/1", "received", NS_RECEIPTS);
	told_nothing(); /* it was not sent to her */
	hear_about("bob@x.test/1", "received", NS_RECEIPTS);
	told("state Bob|||hi <&>||delivered own");
	hear_about("bob@x.test/1", "received", NS_RECEIPTS);
	told_nothing();
	hear_about("bob@x.test/1", "displayed", NS_MARKERS);
	told("state Bob|||hi <&>||read own");
	assert_int_equal(client_count(t.c, MESSAGE_READ), 1);
	assert_int_equal(client_count(t.c, MESSAGE_UNSENT), 0);
}

static void errors(void **state)
{
	char xml[1024];

	with_bob();
	client_say(t.c, STR("bob@x.test"), STR("hi"));
	snprintf(xml, sizeof(xml),
		"<message type='error' from='bob@x.test' id='%s'><error type='cancel'><service-unavailable xmlns='" NS_STANZAS
		"'/></error></message>",
		last_id());
	hear(xml);
	told("state Bob|||hi|they take no messages now, or not yours|failed own");
	hear(xml);
	told_nothing();
}

#define FROM_BOB(inside) "<message from='bob@x.test/1' to='alice@x.test' type='chat' id='m1'>" inside "</message>"

static void a_message_comes(void **state)
{
	with_bob();
	hear(FROM_BOB("<body>hi</body><request xmlns='" NS_RECEIPTS "'/><markable xmlns='" NS_MARKERS "'/>"));
	told("message Bob|Bob||hi|\n");
	assert_true(said("<message type='chat' to='bob@x.test/1'><received xmlns='urn:xmpp:receipts' id='m1'/>"));
	forget();
	hear(FROM_BOB("<body>hi</body><request xmlns='" NS_RECEIPTS "'/>"));
	told_nothing(); /* the same again */
	assert_true(said("<received"));
	client_displayed(t.c, STR("bob@x.test"));
	assert_true(said("<displayed xmlns='" NS_MARKERS "' id='m1'/>"));
	forget();
	client_displayed(t.c, STR("bob@x.test"));
	assert_false(said("<displayed"));
	hear("<message from='bob@x.test/1' id='m2'><body>old</body><delay xmlns='" NS_DELAY
	     "' stamp='2020-01-01T00:00:00Z'/></message>");
	told("message Bob|Bob||old| delayed");
}

static void strangers_are_called_by_their_address(void **state)
{
	with_bob();
	hear("<message from='bob@evil.test/Bob' id='1'><body>it is me</body></message>");
	told("message bob@evil.test|bob@evil.test||it is me|");
}

static void typing(void **state)
{
	with_bob();
	hear(FROM_BOB("<composing xmlns='" NS_CHATSTATES "'/>"));
	told("typing Bob||composing||");
	hear(FROM_BOB("<composing xmlns='" NS_CHATSTATES "'/>"));
	told_nothing();
	client_typing(t.c, STR("bob@x.test"), true);
	client_typing(t.c, STR("bob@x.test"), true);
	assert_true(said("<composing"));
	forget();
	client_typing(t.c, STR("bob@x.test"), false);
	assert_true(said("<paused"));
	forget();
	client_typing(t.c, STR("gone@x.test"), true); /* not there, and nobody we know */
	assert_false(said("<composing"));
}

static void copies_of_other_clients(void **state)
{
	char receipt[256];

	with_bob();
#define COPY(from, kind, inside) \
	"<message from='" from "'><" kind " xmlns='" NS_CARBONS "'><forwarded xmlns='" NS_FORWARD "'>" inside \
	"</forwarded></" kind "></message>"
	hear(COPY("alice@x.test", "sent",
		"<message xmlns='jabber:client' from='alice@x.test/2' to='bob@x.test' id='c1'><body>from my phone</body></message>"));
	told("message Bob|me||from my phone| own");
	hear(COPY("alice@x.test", "received",
		"<message xmlns='jabber:client' from='bob@x.test/2' to='alice@x.test/2' id='c2'><body>to my phone</body>"
		"<request xmlns='" NS_RECEIPTS "'/></message>"));
	told("message Bob|Bob||to my phone|");
	assert_false(said("<received"));
	hear(COPY("eve@x.test/1", "received",
		"<message xmlns='jabber:client' from='bob@x.test/2' id='c3'><body>a lie</body></message>"));
	told_nothing();
	/* What was said to nobody, and a receipt of nobody. */
	hear(COPY("alice@x.test", "sent",
		"<message xmlns='jabber:client' from='alice@x.test/2' id='c4'><body>to nobody</body></message>"));
	client_say(t.c, STR("bob@x.test"), STR("one"));
	snprintf(receipt, sizeof(receipt), "<message><received xmlns='" NS_RECEIPTS "' id='%s'/></message>", last_id());
	hear(receipt);
	told_nothing();
}

static void notices(void **state)
{
	with_bob();
	hear("<message type='headline' from='x.test'><body>compare 1234</body><event xmlns='" NS_NODE_EVENT
	     "' kind='verify' peer='bob'/></message>");
	told("notice ||verify|compare 1234|bob");
	/* What was told before there was anybody to hear it has its own time. */
	hear("<message type='headline' from='x.test'><body>later</body><event xmlns='" NS_NODE_EVENT
	     "' kind='name'/><delay xmlns='" NS_DELAY "' stamp='2023-01-02T03:04:05Z'/></message>");
	told("notice ||name|later| delayed");
	assert_int_equal(t.when, 1672628645000);
	hear("<message type='headline' from='eve@x.test/1'><body>compare 1234</body><event xmlns='" NS_NODE_EVENT
	     "' kind='verify' peer='bob'/></message>");
	told("message eve@x.test|eve@x.test||compare 1234|");
}

/* ---- people ---- */

static void presence(void **state)
{
	with_bob();
	hear("<presence from='bob@x.test/2'><show>away</show><status>lunch</status><priority>5</priority></presence>");
	told("presence Bob||away||lunch");
	hear("<presence from='bob@x.test/1'><show>dnd</show></presence>");
	told_nothing(); /* the other has priority */
	hear("<presence from='bob@x.test/2' type='unavailable'/>");
	told("presence Bob||dnd||");
	hear("<presence from='bob@x.test/1' type='unavailable'><status>bye</status></presence>");
	told("presence Bob||unavailable||bye");
	assert_false(client_present(t.c, STR("bob@x.test")));
	hear("<presence from='eve@x.test/1'/>");
	told_nothing();
	hear("<presence from='eve@x.test' type='subscribe'><status>let me in</status></presence>");
	told("request eve@x.test||||let me in");
}

static void pushes(void **state)
{
	with_bob();
	hear("<iq type='set' id='p1' from='eve@x.test'><query xmlns='" NS_ROSTER
	     "'><item jid='eve@x.test' name='Bob'/></query></iq>");
	told_nothing();
	assert_true(said("type='error'"));
	hear("<iq type='set' id='p2'><query xmlns='" NS_ROSTER "'><item jid='rob@x.test' name='bob'/></query></iq>");
	told("contact rob@x.test||added");
	assert_true(said("<iq type='result' id='p2'"));
	hear("<iq type='set' id='p3'><query xmlns='" NS_ROSTER
	     "'><item jid='rob@x.test' subscription='remove'/></query></iq>");
	told("||removed");
}

static void find(const char *typed, unsigned kinds, const char *want)
{
	struct buf jid, why;
	int err;

	buf_init(&jid, JID_MAX);
	buf_init(&why, 4096);
	err = client_find(t.c, str_z(typed), kinds, &jid, &why);
	assert_string_equal(err ? buf_cstr(&why) : buf_cstr(&jid), want);
	buf_clear(&jid);
	buf_clear(&why);
}

static void labels(void **state)
{
	with_bob();
	hear("<iq type='set' id='1'><query xmlns='" NS_ROSTER
	     "'><item jid='carol@x.test'/><item jid='x@x.test' name='-&gt; Bob'/><item jid='y@x.test' name='a&#x202e;b'/></query></iq>");
	find("bob", FIND_PEER, "bob@x.test");
	find("Carol", FIND_PEER, "carol@x.test");
	find("Dave@X.test/here", FIND_PEER, "dave@x.test");
	find("dave", FIND_PEER, "nobody is called dave; /peers lists people, and an address works too");
	hear("<iq type='set' id='2'><query xmlns='" NS_ROSTER "'><item jid='bob@b.test' name='BOB'/></query></iq>");
	find("bob", FIND_PEER, "bob is ambiguous: bob (1) = bob@b.test, bob (2) = bob@x.test");
	find("bob (2)", FIND_PEER, "bob@x.test");
	find("bob (3)", FIND_PEER, "bob is ambiguous: bob (1) = bob@b.test, bob (2) = bob@x.test");
	buf_reset(&t.events);
	hear(FROM_BOB("<body>which?</body>"));
	told("message bob@x.test|bob@x.test||which?|");
	/* A name that looks like something else is not shown. */
	hear("<message from='x@x.test/1' id='9'><body>hm</body></message>");
	told("message x|x||hm|");
	hear("<message from='y@x.test/1' id='9'><body>hm</body></message>");
	told("message y|y||hm|");
}

static void plain_labels(void **state)
{
	static const char *const odd[] = {"", "#room", "* x", "-> bob", "a: b", "a@b", "a\nb", "a\xe2\x80\xae",
		"a\xc2\x9b", " a", "a ", "a (1)", "\xff", "a\xef\xbb\xbf", "a\xc2\xa0", "a\xc2\xad",
		"a\xf3\xa0\x81\x81", "a\xe2\x80\x8d"};
	static const char *const fine[] = {"bob", "Bob Smith", "\xc3\xa9t\xc3\xa9", "\xe4\xbd\xa0"};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_false(label_is_plain(str_z(odd[i])));
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_true(label_is_plain(str_z(fine[i])));
}

/* ---- questions ---- */

static void questions(void **state)
{
	with_bob();
	hear("<iq type='get' id='1' from='bob@x.test/1'><ping xmlns='" NS_PING "'/></iq>");
	assert_true(said("<iq type='result' to='bob@x.test/1' id='1'></iq>"));
	hear("<iq type='get' id='2' from='bob@x.test/1'><time xmlns='" NS_TIME "'/></iq>");
	assert_true(said("<tzo>-01:30</tzo>"));
	hear("<iq type='get' id='3' from='bob@x.test/1'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	assert_true(said("<identity category='client'"));
	assert_true(said("<feature var='urn:xmpp:receipts'/>"));
	hear("<iq type='get' id='4' from='bob@x.test/1'><query xmlns='made:up'/></iq>");
	assert_true(said("<iq type='error' to='bob@x.test/1' id='4'><error type='cancel'><service-unavailable"));
	/* XEP-0045 6.7: it can do rooms, and does not say in which it is. */
	assert_true(said("<feature var='" NS_MUC "'/>"));
	hear("<iq type='get' id='m' from='bob@x.test/1'><query xmlns='" NS_DISCO_ITEMS "' node='" NS_MUC
	     "#rooms'/></iq>");
	assert_true(said("id='m'"));
	assert_true(said("<query xmlns='" NS_DISCO_ITEMS "'/>"));
}

static void answers_from_others(void **state)
{
	char xml[1024];

	with_bob();
	client_block(t.c, STR("eve@x.test"));
	snprintf(xml, sizeof(xml), "<iq type='result' id='%s' from='eve@x.test/1'/>", id_of("<block"));
	hear(xml);
	told_nothing();
	answer("<block", "x.test", "");
	told("done |||block|");
	client_block(t.c, STR("eve@x.test"));
	pass(ANSWER_MS + 1);
	client_tick(t.c);
	told("refused |||block: no answer; try again later|");
}

/* ---- the archive ---- */

#define ARCHIVED(queryid, inside) \
	"<message from='alice@x.test'><result xmlns='" NS_MAM "' queryid='" queryid \
	"' id='a1'><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY \
	"' stamp='2023-01-02T03:04:05Z'/>" inside "</forwarded></result></message>"
#define OLD(id, body) \
	"<message xmlns='jabber:client' from='bob@x.test/1' to='alice@x.test' id='" id "'><body>" body \
	"</body></message>"
#define FIN "<fin xmlns='" NS_MAM "' complete='true'><set xmlns='" NS_RSM "'><last>a9</last></set></fin>"

/* One more of the archive, as an answer to what was asked last. */
static void hear_old(const char *from, const char *said)
{
	char xml[4096];
	const char *id = NULL;

	for (const char *p = buf_cstr(client_out(t.c)); (p = strstr(p, "queryid='")); id = p)
		p += strlen("queryid='");
	assert_non_null(id);
	snprintf(xml, sizeof(xml),
		"<message from='%s'><result xmlns='" NS_MAM "' queryid='%.*s'><forwarded xmlns='" NS_FORWARD
		"'><delay xmlns='" NS_DELAY "' stamp='2023-01-02T03:04:05Z'/>%s</forwarded></result></message>",
		from, (int)strcspn(id, "'"), id, said);
	hear(xml);
}

static void archive(void **state)
{
	log_in();
	answer(NS_ROSTER, NULL,
		"<query xmlns='" NS_ROSTER "'><item jid='bob@x.test' name='Bob' subscription='both'/></query>");
	answer("to='alice@x.test'><query xmlns='" NS_DISCO_INFO, "alice@x.test",
		"<query xmlns='" NS_DISCO_INFO "'><feature var='" NS_MAM "'/></query>");
	assert_true(said("<max>1</max><before/>"));
	hear(ARCHIVED("missed", OLD("o1", "where the end is")));
	answer("<max>1</max>", NULL, FIN);
	buf_reset(&t.events);
	forget();
	client_history(t.c, STR("bob@x.test"), 5);
	assert_true(said("<field var='with'><value>bob@x.test</value></field>"));
	hear_old("eve@x.test", OLD("o3", "a lie"));
	hear_old("alice@x.test", OLD("o2", "said of old"));
	told_nothing();
	answer("queryid='", NULL, FIN);
	told("message Bob|Bob||said of old| delayed history\ndone ||||\n");
	client_lost(t.c, STR("cut"));
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "'/>");
	answer("to='alice@x.test'><query xmlns='" NS_DISCO_INFO, "alice@x.test",
		"<query xmlns='" NS_DISCO_INFO "'><feature var='" NS_MAM "'/></query>");
	assert_true(said("<after>a9</after>"));
	buf_reset(&t.events);
	hear(ARCHIVED("missed", OLD("o4", "missed")));
	told("message Bob|Bob||missed| delayed\n");
	hear(ARCHIVED("missed", OLD("o4", "missed")));
	told_nothing();
}

#define RECEIPT \
	"<message xmlns='jabber:client' from='bob@x.test/1' to='alice@x.test'><received xmlns='" NS_RECEIPTS \
	"' id='r'/></message>"
#define WAITED(stamp) \
	"<message xmlns='jabber:client' from='bob@x.test/1' to='alice@x.test' id='w'><body>waited</body><delay xmlns='" NS_DELAY \
	"' stamp='" stamp "'/></message>"
#define PAGE "<fin xmlns='" NS_MAM "'><set xmlns='" NS_RSM "'><first>a5</first><last>a9</last></set></fin>"

/* Receipts and marks are in the archive, too: they are no lines, and it is read on until there are as many as were asked for. */
static void history_counts_what_was_said(void **state)
{
	with_bob();
	assert_int_equal(client_history(t.c, STR("bob@x.test"), 3), 0);
	assert_true(said("<before/>"));
	hear_old("alice@x.test", RECEIPT);
	hear_old("alice@x.test", OLD("o3", "three"));
	hear_old("alice@x.test", RECEIPT);
	hear_old("alice@x.test", OLD("o4", "four"));
	answer("queryid='", NULL, PAGE);
	told_nothing();
	assert_true(said("<before>a5</before>"));
	hear_old("alice@x.test", OLD("o1", "one"));
	hear_old("alice@x.test", OLD("o2", "two"));
	answer("<before>a5</before>", NULL, PAGE);
	told("message Bob|Bob||two| delayed history\nmessage Bob|Bob||three| delayed history\n"
	     "message Bob|Bob||four| delayed history\ndone ||||\n");
	forget();
	/* An archive without end of nothing but receipts. */
	assert_int_equal(client_history(t.c, STR("bob@x.test"), 3), 0);
	for (int i = 0; i < 1000 && said("queryid='"); i++) {
		const char *id = id_of("queryid='");
		char xml[1024];

		hear_old("alice@x.test", RECEIPT);
		forget();
		snprintf(xml, sizeof(xml), "<iq type='result' id='%s'>" PAGE "</iq>", id);
		hear(xml);
	}
	told("done ||||\n");
}

/* The time of a line is when it was written, not when the node of whom it is for came back; but nobody writes in times to come. */
static void history_has_the_time_of_writing(void **state)
{
	static const struct {
		const char *said;
		int64_t when;
	} cases[] = {{WAITED("2023-01-01T03:04:05Z"), 1672542245000}, {WAITED("2123-01-01T03:04:05Z"), 1672628645000},
		{OLD("o", "at once"), 1672628645000}};

	with_bob();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		forget();
		assert_int_equal(client_history(t.c, STR("bob@x.test"), 3), 0);
		hear_old("alice@x.test", cases[i].said);
		answer("queryid='", NULL, FIN);
		assert_int_equal(t.when, cases[i].when);
		told("delayed history");
	}
}

/* What has come is shown, and that there is no more to come is told. */
static void history_broken_off(void **state)
{
	with_bob();
	assert_int_equal(client_history(t.c, STR("bob@x.test"), 3), 0);
	hear_old("alice@x.test", OLD("o1", "one"));
	client_lost(t.c, STR("cut"));
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "'/>");
	told("|one| delayed history\nrefused |||history: no answer; try again later|");
	/* And one that nobody waits for any more. */
	assert_int_equal(client_history(t.c, STR("bob@x.test"), 3), 0);
	hear_old("alice@x.test", OLD("o1", "one"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_session_begins),
		T(what_is_said_offline_goes_out_later),
		T(ended_before_the_login),
		T(resumed),
		T(not_resumed),
		T(impossible_counters),
		T(a_silent_server),
		T(taken_over),
		T(stopped),
		T(unsaid),
		T(it_counts_what_comes),
		T(receipts),
		T(errors),
		T(a_message_comes),
		T(strangers_are_called_by_their_address),
		T(typing),
		T(copies_of_other_clients),
		T(notices),
		T(presence),
		T(pushes),
		T(labels),
		T(plain_labels),
		T(questions),
		T(answers_from_others),
		T(archive),
		T(history_counts_what_was_said),
		T(history_has_the_time_of_writing),
		T(history_broken_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
