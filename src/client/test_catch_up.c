/* What was said in a room while the session was broken. */
#include "client/testing.h"

#define ROOM "tea@rooms.x.test"
#define ENTERED(nick, more) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant'/>" more "</x></presence>"
#define SAID(id, text) \
	"<message type='groupchat' from='" ROOM "/them' id='" id "'><body>" text \
	"</body><stanza-id xmlns='" NS_STANZA_ID "' by='" ROOM "' id='s" id "'/></message>"
#define SUBJECT "<message type='groupchat' from='" ROOM "'><subject>Tea</subject></message>"
#define MISSED(nick, id, text) \
	"<message from='" ROOM "' to='alice@x.test/1'><result xmlns='" NS_MAM "' queryid='missed-here' id='s" id \
	"'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='" NS_DELAY \
	"' stamp='2023-11-14T22:13:20Z'/><message xmlns='jabber:client' type='groupchat' from='" ROOM "/" nick \
	"' id='" id "'><body>" text "</body></message></forwarded></result></message>"
#define FIN(last, complete) \
	"<fin xmlns='" NS_MAM "' complete='" complete "'><set xmlns='" NS_RSM "'><last>" last "</last></set></fin>"

static void come_back(void)
{
	client_lost(t.c, STR("gone"));
	buf_reset(&t.events);
	forget();
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/1</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='other' resume='true'/>");
	buf_reset(&t.events);
}

/* In the room, where two things were said, and something is on its way when the session breaks. */
static void break_off(const char *heard)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	hear(heard);
	client_say(t.c, STR(ROOM), STR("on its way"));
	come_back();
}

/* From the last one that was heard, page by page, each once; what waits is said when all is there. */
static void from_where_it_broke(void **state)
{
	char mine[64], xml[2048];

	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT SAID("1", "one") SAID("2", "two"));
	client_say(t.c, STR(ROOM), STR("on its way"));
	snprintf(mine, sizeof(mine), "%.20s",
		strstr(buf_cstr(client_out(t.c)), "groupchat' id='") + strlen("groupchat' id='"));
	come_back();
	assert_true(said("<history maxstanzas='0'/>"));
	assert_false(said("on its way"));
	forget();
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_true(said("<after>s2</after>"));
	assert_false(said("on its way"));
	buf_reset(&t.events);
	hear(MISSED("them", "3", "three"));
	told("message #tea|them||three| delayed");
	/* Ours had arrived before the break. */
	snprintf(xml, sizeof(xml), MISSED("me", "%s", "on its way"), "4", mine);
	hear(xml);
	told("state #tea|||on its way||delivered own");
	hear(MISSED("them", "2", "two"));
	told_nothing();
	answer("<after>s2</after>", ROOM, FIN("s4", "false"));
	assert_true(said("<after>s4</after>"));
	buf_reset(&t.events);
	hear(SAID("6", "six"));
	told_nothing();
	hear(MISSED("them", "5", "five"));
	told("message #tea|them||five| delayed");
	client_say(t.c, STR(ROOM), STR("new"));
	assert_false(said("<body>new"));
	buf_reset(&t.events);
	/* What came live stands behind it. */
	answer("<after>s4</after>", ROOM, FIN("s5", "true"));
	told("message #tea|them||six|");
	assert_true(said("<body>new"));
}

static void end_of_it(void **state)
{
	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_false(said("on its way"));
	answer("<after>s1</after>", ROOM, FIN("s1", "true"));
	assert_true(said("on its way"));
	assert_null(strstr(buf_cstr(&t.events), "missed more"));
}

/* As much as there may be is not all shown, and that is said. */
static void more_than_is_shown(void **state)
{
	char last[64], xml[1024];

	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	for (unsigned i = 1; i <= 10; i++) {
		snprintf(last, sizeof(last), "<after>s%u</after>", i);
		snprintf(xml, sizeof(xml), FIN("s%u", "false"), i + 1);
		buf_reset(&t.events);
		answer(last, ROOM, xml);
	}
	told("missed more than is shown here");
	assert_false(said("<after>s11"));
	assert_true(said("on its way"));
}

/* A room without an archive gives what it gives to everybody. */
static void no_archive(void **state)
{
	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	refuse("<after>s1</after>", ROOM);
	assert_true(said("<history seconds="));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_true(said("on its way"));
}

/* No answer, and no connection while it was waited for: the session that goes on asks no more. */
static void no_answer(void **state)
{
	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	client_lost(t.c, STR("gone"));
	pass(90000);
	to_session();
	hear("<resumed xmlns='" NS_SM "' previd='other' h='0'/>");
	client_tick(t.c);
	pass(1000);
	client_tick(t.c);
	assert_true(said("<history seconds="));
	told("may have missed more");
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_true(said("on its way"));
}

/* Ids that are none: not taken, so not asked with. */
static void endless_ids(void **state)
{
	struct buf xml = {.max = 1 << 16};

	buf_z(&xml,
		"<message type='groupchat' from='" ROOM "/them' id='1'><body>one</body><stanza-id xmlns='" NS_STANZA_ID
		"' by='" ROOM "' id='");
	for (unsigned i = 0; i < 3000; i++)
		buf_z(&xml, "&amp;");
	buf_z(&xml, "'/></message>");
	break_off(buf_cstr(&xml));
	buf_clear(&xml);
	assert_true(said("<history seconds="));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_true(said("on its way"));
}

/* Subjects of then are told, and are not the one of now. */
static void subjects_of_then(void **state)
{
	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear("<message type='groupchat' from='" ROOM "/them'><subject>now</subject></message>");
	buf_reset(&t.events);
	hear("<message from='" ROOM "'><result xmlns='" NS_MAM
	     "' queryid='missed-here' id='s2'><forwarded xmlns='urn:xmpp:forward:0'>"
	     "<message xmlns='jabber:client' type='groupchat' from='" ROOM
	     "/them' id='2'><subject>then</subject></message>"
	     "</forwarded></result></message>");
	told("subject #tea|them||then|");
	answer("<after>s1</after>", ROOM, FIN("s2", "true"));
	told("subject #tea|them||now|");
	assert_string_equal(client_room(t.c, STR(ROOM))->subject, "now");
}

/* What is taken back is the message that is meant, though the room says its number only in the archive. */
static void taken_back_on_its_way(void **state)
{
	char mine[64], xml[2048];

	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT SAID("1", "one"));
	client_say(t.c, STR(ROOM), STR("on its way"));
	snprintf(mine, sizeof(mine), "%.20s",
		strstr(buf_cstr(client_out(t.c)), "groupchat' id='") + strlen("groupchat' id='"));
	assert_int_equal(client_retract(t.c, STR(ROOM), STR_NONE), 0);
	come_back();
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	snprintf(xml, sizeof(xml), MISSED("me", "%s", "on its way"), "9", mine);
	hear(xml);
	answer("<after>s1</after>", ROOM, FIN("s9", "true"));
	assert_true(said("<retract xmlns='" NS_RETRACT "' id='s9'/>"));
}

/* What the room itself says is nobody's to take back. */
static void words_of_the_room(void **state)
{
	break_off("<message type='groupchat' from='" ROOM "' id='1'><body>beware</body><stanza-id xmlns='" NS_STANZA_ID
		  "' by='" ROOM "' id='r1'/></message>");
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	answer("<after>r1</after>", ROOM, FIN("r1", "true"));
	hear("<message type='groupchat' from='" ROOM "/them' id='2'><retract xmlns='" NS_RETRACT
	     "' id='r1'/></message>");
	assert_int_equal(client_moderate(t.c, STR(ROOM), STR("anybody"), STR_NONE, STR_NONE), ERR_EXISTS);
}

/* One that numbers nothing is not asked; nor one that is new. */
static void nothing_to_ask_from(void **state)
{
	break_off("<message type='groupchat' from='" ROOM "/them' id='1'><body>one</body></message>");
	assert_true(said("<history seconds="));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	assert_false(said(NS_MAM "' queryid='missed-here'"));
	assert_true(said("on its way"));
}

/* The session breaks while it is asked: from there again. */
static void broken_again(void **state)
{
	break_off(SAID("1", "one"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear(SUBJECT);
	answer("<after>s1</after>", ROOM, FIN("s7", "false"));
	hear(SAID("8", "eight"));
	come_back(); /* what was kept is in the archive, too */
	assert_true(said("<history maxstanzas='0'/>"));
	hear(ENTERED("me", "<status code='110'/>"));
	assert_true(said("<after>s7</after>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_where_it_broke, setup, teardown),
		cmocka_unit_test_setup_teardown(end_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(no_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_ask_from, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_again, setup, teardown),
		cmocka_unit_test_setup_teardown(no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(subjects_of_then, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_back_on_its_way, setup, teardown),
		cmocka_unit_test_setup_teardown(words_of_the_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
