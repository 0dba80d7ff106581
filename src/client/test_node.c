/* What is different when the server is a node: peers that were typed in, and rooms that are somebody's. */
#include "client/testing.h"

#define BOB "bob@bobid.internal"
#define BOBS "rooms.bobid.internal"
#define LIST "<query xmlns='" NS_DISCO_ITEMS "'"

static void with_peers(void)
{
	log_in();
	answer(NS_ROSTER, NULL,
		"<query xmlns='" NS_ROSTER "'><item jid='" BOB "' name='bob' subscription='both'/>"
		"<item jid='10.0.0.7\\3a5298@typed.internal' name='10.0.0.7:5298' subscription='both'/>"
		"<item jid='carol\\40den@xep0174.internal' name='carol' subscription='both'/></query>");
	hear("<presence from='" BOB "/1'/><presence from='carol\\40den@xep0174.internal/lan'/>");
	forget();
	buf_reset(&t.events);
}

/* ---- names ---- */

static void find(const char *typed, const char *wanted)
{
	CLEANUP(buf_clear) struct buf jid = {.max = 4096}, why = {.max = 4096};

	assert_int_equal(client_find(t.c, str_z(typed), FIND_PEER, &jid, &why), wanted ? 0 : ERR_NOTFOUND);
	if (wanted)
		assert_string_equal(buf_cstr(&jid), wanted);
}

static void refuses(const char *typed, const char *why)
{
	CLEANUP(buf_clear) struct buf jid = {.max = 4096}, said = {.max = 4096};

	assert_int_equal(client_find(t.c, str_z(typed), FIND_PEER, &jid, &said), ERR_NOTFOUND);
	assert_string_equal(buf_cstr(&said), why);
}

static void typed_in(void **state)
{
	CLEANUP(buf_clear) struct buf label = {.max = 4096};

	with_peers();
	client_label(t.c, STR("10.0.0.7\\3a5298@typed.internal"), &label);
	assert_string_equal(buf_cstr(&label), "10.0.0.7:5298");
	/* Also when the row has gone, for the words that were written to it. */
	buf_reset(&label);
	client_label(t.c, STR("zoe\\20z@typed.internal"), &label);
	assert_string_equal(buf_cstr(&label), "zoe z");
	find("10.0.0.7:5298", "10.0.0.7\\3a5298@typed.internal");
	find("10.0.0.8:5298", NULL);
	refuses("10.0.0.8:5298", "nobody is known at 10.0.0.8:5298: /add 10.0.0.8:5298 first");
	refuses("[fe80::1%eth0]:5298", "nobody is known at [fe80::1%eth0]:5298: /add [fe80::1%eth0]:5298 first");
	refuses("10.0.x", "nobody is called 10.0.x; /peers lists people, and an address works too");
	client_peers(t.c);
	told("10.0.0.7:5298 (");
}

/* Only what our own user has typed may look like an address. */
static void looks_typed(void **state)
{
	static const char *const cases[][3] = {
		{"10.0.0.7\\3a5298@xep0174.internal", "10.0.0.7:5298", "10.0.0.7\\3a5298"},
		{"eve@eveid.internal", "10.0.0.7:5298", "eve"}, {"a\\3ab@typed.internal", "a: b", "a\\3ab"},
		{"[fe80\\3a\\3a1%eth0]\\3a5298@typed.internal", "[fe80::1%eth0]:5298", "[fe80::1%eth0]:5298"}};

	log_in();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf label = {.max = 4096};
		char push[1024];

		snprintf(push, sizeof(push),
			"<iq type='set' id='p%zu'><query xmlns='" NS_ROSTER
			"'><item jid='%s' name='%s' subscription='both'/></query></iq>",
			i, cases[i][0], cases[i][1]);
		hear(push);
		client_label(t.c, str_z(cases[i][0]), &label);
		assert_string_equal(buf_cstr(&label), cases[i][2]);
	}
}

/* ---- how far a message has come ---- */

static const char *say(const char *to, const char *text)
{
	static char id[CLIENT_ID_MAX + 1];
	const char *at;

	forget();
	assert_int_equal(client_say(t.c, str_z(to), str_z(text)), 0);
	at = strstr(buf_cstr(client_out(t.c)), " id='");
	assert_non_null(at);
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 5, "'"), at + 5);
	return id;
}

static void node_has_all(void)
{
	char xml[128];

	snprintf(xml, sizeof(xml), "<a xmlns='" NS_SM "' h='%u'/>", t.c->acked + t.c->sent_n);
	hear(xml);
}

static void hear_sent(const char *from, const char *id, bool last)
{
	char xml[1024];

	snprintf(xml, sizeof(xml),
		"<message type='headline' from='%s' to='alice@x.test'><event xmlns='" NS_NODE_EVENT
		"' kind='sent' peer='p' jid='p' id='%s'%s/></message>",
		from, id, last ? " last='true'" : "");
	hear(xml);
}

/* Nobody there: the node keeps it, and that is not to be called sent. */
static void queued_until_it_has_gone(void **state)
{
	const char *id;

	with_peers();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	buf_reset(&t.events);
	id = say(BOB, "one");
	told_nothing();
	node_has_all();
	told("|one||queued own");
	assert_int_equal(client_count(t.c, MESSAGE_UNSENT), 0);
	assert_int_equal(client_count(t.c, MESSAGE_KEPT), 1);
	hear_sent(BOB, id, false);
	told_nothing();
	assert_int_equal(client_count(t.c, MESSAGE_KEPT), 1);
	hear_sent("x.test", id, false);
	told("|one||sent own");
	assert_int_equal(client_count(t.c, MESSAGE_SENT), 1);
	hear_sent("x.test", id, false);
	told_nothing();
}

/* Blocked, he is no contact any more; what was said to him was said to somebody with a name. */
static void failed_by_his_name(void **state)
{
	char xml[512];
	const char *id;

	with_peers();
	id = say(BOB, "one");
	hear("<iq type='set' id='p'><query xmlns='" NS_ROSTER "'><item jid='" BOB
	     "' subscription='remove'/></query></iq>");
	buf_reset(&t.events);
	snprintf(xml, sizeof(xml),
		"<message type='error' from='" BOB "' id='%s'><error type='cancel'><not-acceptable xmlns='" NS_STANZAS
		"'/></error></message>",
		id);
	hear(xml);
	told("state bob||");
}

/* Somebody who seems to be there has it in a moment; if not, that is told. */
static void there_but_not_reached(void **state)
{
	const char *id;

	with_peers();
	id = say(BOB, "one");
	node_has_all();
	pass(KEPT_MS - 1);
	client_tick(t.c);
	told_nothing();
	pass(1);
	client_tick(t.c);
	told("|one||queued own");
	client_tick(t.c);
	told_nothing();
	id = say(BOB, "two");
	node_has_all();
	hear_sent("x.test", id, false);
	told("|two||sent own");
	pass(KEPT_MS);
	client_tick(t.c);
	told_nothing();
}

/* The word of the node may come before its acknowledgement. */
static void sent_before_it_is_acknowledged(void **state)
{
	const char *id;

	with_peers();
	id = say("carol\\40den@xep0174.internal", "one");
	assert_int_equal(client_last(t.c), 0);
	hear_sent("x.test", id, true);
	told("|one||sent own");
	assert_int_equal(client_last(t.c), 1);
	node_has_all();
	told_nothing();
	assert_int_equal(client_count(t.c, MESSAGE_SENT), 1);
}

/* What was written to an address arrives at whoever is there. */
static void delivered_to_another_address(void **state)
{
	char xml[512];
	const char *id;

	with_peers();
	id = say("10.0.0.7\\3a5298@typed.internal", "one");
	node_has_all();
	told("|one||queued own");
	snprintf(xml, sizeof(xml), "<message from='" BOB "/1'><received xmlns='" NS_RECEIPTS "' id='%s'/></message>",
		id);
	hear(xml);
	told("|one||delivered own");
	id = say(BOB, "two");
	snprintf(xml, sizeof(xml),
		"<message from='eve@eveid.internal/1'><received xmlns='" NS_RECEIPTS "' id='%s'/></message>", id);
	hear(xml);
	told_nothing();
}

/* A changed key was accepted: what waited for the old one is the new one's, who says that he has it. Nobody else may. */
static void delivered_to_an_heir(void **state)
{
	char xml[512], receipt[256];
	const char *id;

	with_peers();
	id = say(BOB, "one");
	snprintf(receipt, sizeof(receipt), "<received xmlns='" NS_RECEIPTS "' id='%s'/>", id);
	snprintf(xml, sizeof(xml), "<message from='bob@newid.internal/1'>%s</message>", receipt);
	hear(xml);
	told_nothing();
	hear("<message type='headline' from='x.test'><event xmlns='" NS_NODE_EVENT "' kind='became' was='" BOB
	     "' jid='bob@newid.internal'/></message>");
	buf_reset(&t.events);
	snprintf(xml, sizeof(xml), "<message from='eve@eveid.internal/1'>%s</message>", receipt);
	hear(xml);
	told_nothing();
	snprintf(xml, sizeof(xml), "<message from='bob@newid.internal/1'>%s</message>", receipt);
	hear(xml);
	told("|one||delivered own");
}

/* Only our node says so. */
static void became(void **state)
{
	with_peers();
	hear("<message type='headline' from='" BOB "/1'><event xmlns='" NS_NODE_EVENT
	     "' kind='became' was='10.0.0.7\\3a5298@typed.internal' jid='eve@eveid.internal'/></message>");
	told_nothing();
	hear("<message type='headline' from='x.test'><event xmlns='" NS_NODE_EVENT
	     "' kind='became' was='10.0.0.7\\3a5298@typed.internal' jid='" BOB "'/></message>");
	told("contact bob||became||10.0.0.7\\3a5298@typed.internal");
	hear("<message type='headline' from='x.test'><event xmlns='" NS_NODE_EVENT "' kind='became'/></message>");
	told_nothing();
}

/* The key says who it is: what he had said under his old name, and what was written to an address that was his, is of the same talk. */
static void called_otherwise_now(void **state)
{
	CLEANUP(buf_clear) struct buf label = {.max = 4096};
	char xml[2048];

	with_peers();
	hear("<iq type='set' id='p1'><query xmlns='" NS_ROSTER "'><item jid='robert@bobid.internal' name='bob'"
	     " subscription='both'/></query></iq>");
	told_nothing();
	hear("<iq type='set' id='p2'><query xmlns='" NS_ROSTER "'><item jid='" BOB
	     "' subscription='remove'/></query></iq>");
	told("contact bob||became||" BOB);
	client_label(t.c, STR(BOB), &label);
	assert_string_equal(buf_cstr(&label), "bob");
	hear("<message from='" BOB "/1' to='alice@x.test' id='o1'><body>as bob</body></message>");
	told("message bob|bob||as bob|");
	hear("<message from='robert@bobid.internal/1' to='alice@x.test' id='o2'><body>as robert</body></message>");
	told("message bob|bob||as robert|");
	forget();
	client_history(t.c, STR("robert@bobid.internal"), 5);
	snprintf(xml, sizeof(xml),
		"<message from='alice@x.test'><result xmlns='" NS_MAM
		"' queryid='%.16s' id='a1'><forwarded xmlns='" NS_FORWARD
		"'><message xmlns='jabber:client' from='alice@x.test/1' to='10.0.0.9\\3a5298@typed.internal' id='o3'><body>to "
		"a number</body></message></forwarded></result></message>",
		strstr(buf_cstr(client_out(t.c)), "queryid='") + strlen("queryid='"));
	hear(xml);
	answer("queryid='", NULL, "<fin xmlns='" NS_MAM "' complete='true'/>");
	told("message bob|me||to a number| own delayed history");
	/* Of those without a key the domain says nothing. */
	hear("<message from='mallory@xep0174.internal/1' to='alice@x.test' id='o4'><body>x</body></message>");
	told("message mallory@xep0174.internal|");
}

/* ---- rooms ---- */

static void rooms_of_all(void **state)
{
	with_peers();
	assert_int_equal(client_rooms(t.c, STR_NONE), 0);
	assert_true(said("to='rooms.x.test'>" LIST));
	assert_true(said("to='" BOBS "'>" LIST));
	assert_false(said("rooms.xep0174.internal"));
	assert_false(said("rooms.typed.internal"));
	answer("to='rooms.x.test'", "rooms.x.test", LIST "><item jid='tea@rooms.x.test' name='tea'/></query>");
	told_nothing();
	answer("to='" BOBS "'", BOBS, LIST "><item jid='lunch@" BOBS "' name='Soup'/></query>");
	told("answer |||tea\nlunch@bob  Soup|");
	forget();
	assert_int_equal(client_rooms(t.c, STR(BOBS)), 0);
	answer("to='" BOBS "'", BOBS, LIST "/>");
	told("answer |||no rooms; /room create NAME makes one|");
}

/* Whoever does not answer holds nobody up. */
static void a_peer_without_an_answer(void **state)
{
	with_peers();
	client_rooms(t.c, STR_NONE);
	answer("to='rooms.x.test'", "rooms.x.test", LIST "><item jid='tea@rooms.x.test'/></query>");
	client_tick(t.c);
	told_nothing();
	pass(LIST_MS + 1);
	client_tick(t.c);
	told("answer |||tea|");
	answer("to='" BOBS "'", BOBS, LIST "><item jid='lunch@" BOBS "'/></query>");
	told_nothing();
}

/* The link may have broken while the question was on it: it is asked once more, and no more than that. */
static void an_entry_that_got_lost(void **state)
{
	log_in();
	client_join(t.c, STR("dinner@" BOBS), STR("me"), STR_NONE);
	forget();
	pass(4000);
	client_tick(t.c);
	assert_false(said("dinner@"));
	pass(1500);
	client_tick(t.c);
	assert_true(said("<presence to='dinner@"));
	forget();
	pass(20000);
	client_tick(t.c);
	assert_false(said("dinner@"));
}

static void refused_room(const char *condition)
{
	char xml[1024];

	client_join(t.c, STR("dinner@" BOBS), STR("me"), STR_NONE);
	snprintf(xml, sizeof(xml),
		"<presence type='error' from='dinner@" BOBS "/me'><error type='cancel'><%s xmlns='" NS_STANZAS
		"'/><text xmlns='" NS_STANZAS "'>only administrators make rooms here</text></error></presence>",
		condition);
	hear(xml);
}

static void a_room_that_is_not_there(void **state)
{
	with_peers();
	refused_room("not-allowed");
	told_nothing();
	answer("to='" BOBS "'", BOBS, LIST "><item jid='lunch@" BOBS "'/><item jid='tea@" BOBS "'/></query>");
	told("refused |||there is no room dinner at bob; these are there: lunch@bob, tea@bob. /room create dinner makes one "
	     "here|");
	forget();
	refused_room("not-allowed");
	answer("to='" BOBS "'", BOBS, LIST "/>");
	told("refused |||there is no room dinner at bob, and no other. /room create dinner makes one here|");
	forget();
	refused_room("not-allowed");
	refuse("to='" BOBS "'", BOBS);
	told("refused |||there is no room dinner at bob. /room create dinner makes one here|");
	assert_false(client_in_room(t.c, STR("dinner@" BOBS)));
}

/* Two of the same name are told apart by whose they are. */
static void twins(void **state)
{
	CLEANUP(buf_clear) struct buf label = {.max = 4096}, jid = {.max = 4096}, why = {.max = 4096};

	with_peers();
	client_join(t.c, STR("lunch@" BOBS), STR("me"), STR_NONE);
	client_join(t.c, STR("lunch@rooms.x.test"), STR("me"), STR_NONE);
	client_label(t.c, STR("lunch@" BOBS), &label);
	assert_string_equal(buf_cstr(&label), "#lunch@bob");
	assert_int_equal(client_find(t.c, STR("#lunch@bob"), FIND_ROOM, &jid, &why), 0);
	assert_string_equal(buf_cstr(&jid), "lunch@" BOBS);
	hear("<presence type='error' from='lunch@rooms.x.test/me'><error type='auth'><forbidden xmlns='" NS_STANZAS
	     "'/></error></presence>");
	buf_reset(&label);
	client_label(t.c, STR("lunch@" BOBS), &label);
	assert_string_equal(buf_cstr(&label), "#lunch");
}

static void other_reasons(void **state)
{
	static const char *const cases[][2] = {{"not-authorized", "cannot join: it has a password"},
		{"forbidden", "|forbidden|#dinner: cannot join: you are banned there (only"},
		{"registration-required", "members only"}, {"remote-server-not-found", "nobody is known by this name"},
		{"policy-violation",
			"#dinner: cannot join: it is too long, or too much at once; try less, or later (only"}};

	with_peers();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		refused_room(cases[i][0]);
		told(cases[i][1]);
	}
}

/* ---- rooms at a peer ---- */

#define TEA "tea@" BOBS
#define IN_TEA \
	"<presence from='" TEA "/me'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant'/><status code='110'/></x></presence>" \
	"<message type='groupchat' from='" TEA "'><subject/></message>"

static void enter_tea(void)
{
	with_peers();
	assert_int_equal(client_join(t.c, STR(TEA), STR("me"), STR_NONE), 0);
	hear(IN_TEA);
	forget();
	buf_reset(&t.events);
}

#define GONE "whoever has it is gone; you go in again when it is back"

/* Its host goes: that is told, and what is said waits until he is back. */
static void a_host_goes_and_comes_back(void **state)
{
	enter_tea();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	told("occupant #tea||" GONE "||");
	client_say(t.c, STR(TEA), STR("waits"));
	pass(10 * AGAIN_MS);
	client_tick(t.c);
	assert_false(said("to='" TEA "/me'"));
	assert_false(said("waits"));
	/* He is seen, but there is no link yet: nobody hears us the first time, nor the second. */
	hear("<presence from='" BOB "/1'/>");
	assert_true(said("<presence to='" TEA "/me'"));
	for (int i = 0; i < 2; i++) {
		forget();
		if (i == 0)
			hear("<presence from='" BOB "/1'/>");
		else
			pass(AGAIN_MS);
		client_tick(t.c);
		assert_true(said("<presence to='" TEA "/me'"));
	}
	hear(IN_TEA);
	assert_true(said("<body>waits"));
	forget();
	pass(10 * AGAIN_MS);
	client_tick(t.c);
	assert_false(said("<presence to='" TEA "/me'"));
}

static void refused_tea(const char *condition)
{
	char xml[512];

	snprintf(xml, sizeof(xml),
		"<presence type='error' from='" TEA "/me'><error type='wait'><%s xmlns='" NS_STANZAS
		"'/></error></presence>",
		condition);
	hear(xml);
}

static void shut_down(void)
{
	hear("<presence from='" TEA "/me' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='none'/><status code='110'/><status code='332'/></x></presence>");
}

/* A node that is stopped takes leave of its rooms, and its chat of all, before the link ends: in this order or that. */
static void a_host_is_stopped(void **state)
{
	static const bool orders[] = {false, true};

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (i)
			client_join(t.c, STR(TEA), STR("me"), STR_NONE), hear(IN_TEA);
		else
			enter_tea();
		buf_reset(&t.events);
		if (orders[i])
			hear("<presence type='unavailable' from='" BOB "/1'/>");
		shut_down();
		told("occupant #tea||" GONE "||");
		buf_reset(&t.events);
		client_say(t.c, STR(TEA), STR("meanwhile"));
		told("|meanwhile|this chat keeps it until the room is back|unsent own");
		/* Asked while he goes: he cannot be reached, or is closing. */
		if (!orders[i]) {
			hear("<presence from='" BOB "/lan'/><presence type='unavailable' from='" BOB "/1'/>");
			refused_tea("resource-constraint");
			pass(AGAIN_MS);
			client_tick(t.c);
			refused_tea("remote-server-timeout");
			hear("<presence type='unavailable' from='" BOB "/lan'/>");
		}
		assert_null(strstr(buf_cstr(&t.events), "refused"));
		assert_null(strstr(buf_cstr(&t.events), "left"));
		forget();
		pass(10 * AGAIN_MS);
		client_tick(t.c);
		assert_false(said("to='" TEA "/me'"));
		/* He is back, but cannot be reached at once. */
		hear("<presence from='" BOB "/1'/>");
		assert_true(said("<presence to='" TEA "/me'"));
		refused_tea("remote-server-timeout");
		forget();
		pass(AGAIN_MS);
		client_tick(t.c);
		assert_true(said("<presence to='" TEA "/me'"));
		hear(IN_TEA);
		assert_true(said("<body>meanwhile"));
	}
}

/* While its host is away, too, a room can be left, and what was kept for it is told to be lost. */
static void a_host_is_left(void **state)
{
	enter_tea();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	client_say(t.c, STR(TEA), STR("meanwhile"));
	buf_reset(&t.events);
	assert_int_equal(client_leave(t.c, STR(TEA), STR_NONE), 0);
	told("left #tea|me|left||");
	refused_tea("remote-server-timeout");
	forget();
	hear("<presence from='" BOB "/1'/>");
	pass(AGAIN_MS);
	client_tick(t.c);
	assert_false(said("<presence to='" TEA "/me'>"));
	assert_false(said("<body>meanwhile"));
	assert_int_equal(client_leave(t.c, STR(TEA), STR_NONE), ERR_NOTFOUND);
}

/* Nobody answers: that is no reason to give up what we were in. */
static void a_host_without_an_answer(void **state)
{
	enter_tea();
	shut_down();
	pass(AGAIN_MS);
	client_tick(t.c);
	pass(ANSWER_MS + 1);
	client_tick(t.c);
	forget();
	pass(AGAIN_MS);
	client_tick(t.c);
	assert_true(said("<presence to='" TEA "/me'"));
	assert_true(client_in_room(t.c, STR(TEA)));
}

/* The room did not come back with him: what waited for it has failed, and that is said. */
static void a_host_without_the_room(void **state)
{
	enter_tea();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	client_say(t.c, STR(TEA), STR("for nobody"));
	hear("<presence from='" BOB "/1'/>");
	buf_reset(&t.events);
	refused_tea("forbidden");
	told("refused ||forbidden|#tea: cannot join: you are banned there|\n"
	     "state #tea|||for nobody|you are not in the room any more; /join takes you in again|failed own\n");
	assert_int_equal(client_unsaid(t.c), 0);
	assert_false(client_in_room(t.c, STR(TEA)));
}

/* His node is back before his chat, which makes the room again. */
static void a_host_before_his_chat(void **state)
{
	static const char *const answers[] = {"not-allowed", "item-not-found"};

	enter_tea();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	client_say(t.c, STR(TEA), STR("for them"));
	hear("<presence from='" BOB "/1'/>");
	buf_reset(&t.events);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		refused_tea(answers[i]);
		forget();
		pass(AGAIN_MS);
		client_tick(t.c);
		assert_true(said("<presence to='" TEA "/me'"));
	}
	assert_int_equal(t.events.n, 0);
	hear(IN_TEA);
	assert_true(said("<body>for them"));
}

/* ... or does not: then it is said, in the end, and again only after he was away again. */
static void a_host_whose_chat_stays_away(void **state)
{
	enter_tea();
	hear("<presence type='unavailable' from='" BOB "/1'/>");
	client_say(t.c, STR(TEA), STR("for nobody"));
	hear("<presence from='" BOB "/1'/>");
	buf_reset(&t.events);
	for (int64_t waited = 0; waited < MISSING_MS; waited += AGAIN_MS) {
		assert_int_equal(t.events.n, 0);
		refused_tea("item-not-found");
		pass(AGAIN_MS);
		client_tick(t.c);
	}
	refused_tea("item-not-found");
	told("state #tea|||for nobody|you are not in the room any more; /join takes you in again|failed own\n");
	assert_false(client_in_room(t.c, STR(TEA)));
	client_join(t.c, STR(TEA), STR("me"), STR_NONE);
	buf_reset(&t.events);
	refused_tea("forbidden");
	told("refused ||forbidden|");
}

/* He was away too short for anybody to see it, but his room is another one now. */
static void a_host_that_has_forgotten(void **state)
{
	char xml[512];

	enter_tea();
	pass(AGAIN_MS);
	hear("<presence from='" BOB "/1'><status>new</status></presence>");
	assert_true(said("to='" TEA "/me'><ping"));
	snprintf(xml, sizeof(xml),
		"<iq type='error' id='%s' from='" TEA "/me'><error type='cancel'><not-acceptable xmlns='" NS_STANZAS
		"'/></error></iq>",
		id_of(NS_PING));
	hear(xml);
	told("occupant #tea||" GONE "||");
	assert_true(said("<presence to='" TEA "/me'"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_node, teardown)
	const struct CMUnitTest tests[] = {
		T(an_entry_that_got_lost),
		T(typed_in),
		T(looks_typed),
		T(queued_until_it_has_gone),
		T(failed_by_his_name),
		T(there_but_not_reached),
		T(sent_before_it_is_acknowledged),
		T(delivered_to_another_address),
		T(became),
		T(delivered_to_an_heir),
		T(called_otherwise_now),
		T(a_host_goes_and_comes_back),
		T(a_host_that_has_forgotten),
		T(a_host_is_stopped),
		T(a_host_is_left),
		T(a_host_without_an_answer),
		T(a_host_without_the_room),
		T(a_host_before_his_chat),
		T(a_host_whose_chat_stays_away),
		T(rooms_of_all),
		T(a_peer_without_an_answer),
		T(a_room_that_is_not_there),
		T(twins),
		T(other_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
