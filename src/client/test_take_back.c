/* What is taken back in a room, and what moderators remove, on scripted streams. */
#include "client/testing.h"

#define ROOM "tea@rooms.x.test"
#define ENTERED(nick, more) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant'/>" more "</x></presence>"

static void in_room(void)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("them", "") ENTERED("me", "<status code='110'/>"));
	hear("<message type='groupchat' from='" ROOM "/them'><subject>Tea</subject></message>");
	forget();
	buf_reset(&t.events);
}

static int removed(const char *nick, const char *words, const char *reason)
{
	forget();
	return client_moderate(t.c, STR(ROOM), str_z(nick), str_z(words), str_z(reason));
}

#define SAYS(nick, id, author, body) \
	"<message type='groupchat' from='" ROOM "/" nick "' id='x'><body>" body \
	"</body><stanza-id xmlns='" NS_STANZA_ID "' by='eve@x.test' id='false'/><stanza-id xmlns='" NS_STANZA_ID \
	"' by='" ROOM "' id='" id "'/><occupant-id xmlns='" NS_OCCUPANT_ID "' id='" author "'/></message>"
#define TAKES(from, id, author, inside) \
	"<message type='groupchat' from='" ROOM from "' id='y'><body>/me retracted</body><retract xmlns='" NS_RETRACT \
	"' id='" id "'>" inside "</retract><occupant-id xmlns='" NS_OCCUPANT_ID "' id='" author "'/></message>"
#define BY(nick, why) "<moderated xmlns='" NS_MODERATE "' by='" ROOM "/" nick "'/>" why

/* The time of a message is that of the clock here. */
static void taken_back(void **state)
{
	in_room();
	hear(SAYS("carol", "1", "C", "first"));
	hear(SAYS("carol", "2", "C",
		"0123456789012345678901234567890123456789012345678901234567&#xe9;&#xe9;&#10;second"));
	buf_reset(&t.events);
	hear(TAKES("", "2", "", BY("them", "<reason>rude</reason>")));
	told("room #tea|them|removed|them removed carol's message of 20:43: "
	     "0123456789012345678901234567890123456789012345678901234567\xc3\xa9 ... (rude)|\n");
	/* Not known any more, or never; and nobody but the room tells of moderators, nobody takes back what others said. */
	hear(TAKES("", "2", "", BY("them", "")));
	told("room #tea|them|removed|them removed a message|\n");
	hear(TAKES("/eve", "1", "E", BY("them", "")));
	hear(TAKES("/eve", "1", "E", ""));
	hear(TAKES("/carol", "1", "E", ""));
	hear(TAKES("/carol", "", "C", ""));
	told_nothing();
	hear(TAKES("/caroline", "1", "C", "")); /* he is called otherwise by now */
	told("room #tea|caroline|retracted|caroline took back a message of 20:43: first|\n");
	hear("<message type='groupchat' from='" ROOM
	     "/carol' id='z'><replace xmlns='urn:xmpp:message-correct:0' id='x'/>"
	     "<body>better</body></message>");
	told("message #tea|carol|corrected|better|");
}

static void to_take_back(void **state)
{
	char xml[1024];

	in_room();
	client_say(t.c, STR(ROOM), STR("unnumbered"));
	snprintf(xml, sizeof(xml),
		"<message type='groupchat' from='" ROOM "/me' id='%s'><body>unnumbered</body></message>",
		LIST_ITEM(t.c->message_order.next, struct message, node)->id);
	hear(xml);
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("")), ERR_EXISTS);
	assert_int_equal(removed("carol", "", ""), ERR_EXISTS);
	hear(SAYS("me", "1", "M", "mine"));
	hear(SAYS("carol", "2", "C", "hers") SAYS("carol", "3", "C", "hers, too"));
	pass(SHOWN_FRESH_MS);
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("")), 0);
	assert_true(said("<retract xmlns='" NS_RETRACT "' id='1'/>"));
	forget();
	assert_int_equal(removed("carol", "", "a<b"), 0);
	assert_true(said("<moderate xmlns='" NS_MODERATE "' id='3'><retract xmlns='" NS_RETRACT
			 "'/><reason>a&lt;b</reason></moderate>"));
	hear(TAKES("", "3", "", BY("me", "")));
	assert_int_equal(removed("carol", "", ""), 0);
	assert_true(said("id='2'"));
	refuse("<moderate", ROOM);
	told("refused ||forbidden|remove carol's message of 20:43: hers: ");
	/* What is still on its way is the last one, too. */
	forget();
	client_say(t.c, STR(ROOM), STR("a slip"));
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("")), 0);
	assert_false(said("<retract"));
	snprintf(xml, sizeof(xml),
		"<message type='groupchat' from='" ROOM
		"/me' id='%s'><body>a slip</body><stanza-id xmlns='" NS_STANZA_ID "' by='" ROOM "' id='9'/></message>",
		id_of("<body>a slip"));
	client_say(t.c, STR(ROOM), STR("stays"));
	hear(xml);
	assert_true(said("<retract xmlns='" NS_RETRACT "' id='9'/>"));
	/* What is remembered has an end. */
	for (int i = 0; i < SHOWN_MAX; i++) {
		snprintf(xml, sizeof(xml), SAYS("eve", "e%d", "E", "again"), i);
		hear(xml);
	}
	assert_int_equal(removed("carol", "", ""), ERR_EXISTS);
}

/* What came between the look and the key is told, not removed; then it is what is meant, whatever comes behind it. */
static void what_has_just_come(void **state)
{
	in_room();
	hear(SAYS("carol", "1", "C", "the bad one"));
	pass(SHOWN_FRESH_MS);
	hear(SAYS("carol", "2", "C", "Sorry!"));
	buf_reset(&t.events);
	assert_int_equal(removed("carol", "", ""), 0);
	assert_false(said("<moderate"));
	told("refused |||carol has just said: Sorry! (the same again removes that; ");
	hear(SAYS("carol", "3", "C", "never again"));
	assert_int_equal(removed("carol", "", ""), 0);
	assert_true(said("id='2'"));
	buf_reset(&t.events);
	hear(TAKES("", "2", "", BY("me", "")));
	told("room #tea|me|removed|me removed carol's message of 20:43: Sorry!|\n");
	answer("<moderate", ROOM, "");
	told("done ||||\n");
	/* Once it has stood there for a moment nothing is asked. */
	pass(SHOWN_FRESH_MS);
	assert_int_equal(removed("carol", "", ""), 0);
	assert_true(said("id='3'"));
	buf_reset(&t.events);
	answer("<moderate", ROOM, ""); /* that is all it says */
	told("done |||remove carol's message of 20:43: never again|\n");
	/* The question is not for ever. */
	hear(SAYS("carol", "4", "C", "four"));
	assert_int_equal(removed("carol", "", ""), 0);
	assert_false(said("<moderate"));
	hear(SAYS("carol", "5", "C", "five"));
	pass(10 * 60 * 1000);
	assert_int_equal(removed("carol", "", ""), 0);
	assert_true(said("id='5'"));
}

/* A question is about what the screen showed then. */
static void what_was_asked_about(void **state)
{
	in_room();
	hear(SAYS("carol", "1", "C", "innocent"));
	assert_int_equal(removed("carol", "", ""), 0);
	assert_false(said("<moderate"));
	pass(4000);
	hear(SAYS("carol", "2", "C", "evil spam"));
	pass(SHOWN_FRESH_MS); /* it is there to be seen, and means itself */
	assert_int_equal(removed("carol", "", ""), 0);
	assert_true(said("id='2'"));
	/* Other words are another question, and those that only it has need none. */
	hear(SAYS("carol", "3", "C", "alpha one"));
	assert_int_equal(removed("carol", "", ""), 0);
	hear(SAYS("carol", "4", "C", "alpha two"));
	buf_reset(&t.events);
	assert_int_equal(removed("carol", "ALPHA", ""), 0);
	assert_false(said("<moderate"));
	told("carol has just said: alpha two (");
	assert_int_equal(removed("carol", "alpha", ""), 0);
	assert_true(said("id='4'"));
	/* Late it is asked again. */
	hear(SAYS("carol", "5", "C", "five"));
	assert_int_equal(removed("carol", "", ""), 0);
	pass(11000);
	hear(SAYS("carol", "6", "C", "six"));
	buf_reset(&t.events);
	assert_int_equal(removed("carol", "", ""), 0);
	assert_false(said("<moderate"));
	told("carol has just said: six (");
}

static void by_its_words(void **state)
{
	in_room();
	hear(SAYS("carol", "1", "C", "Buy CHEAP pills") SAYS("carol", "2", "C", "so cheap")
			SAYS("carol", "3", "C", "and good") SAYS("eve", "4", "E", "no pills"));
	assert_int_equal(removed("carol", "cheap pills", ""), 0); /* that can be only one */
	assert_true(said("id='1'"));
	buf_reset(&t.events);
	assert_int_equal(removed("carol", "cheap", ""), 0);
	assert_false(said("<moderate"));
	told("carol has just said: so cheap (");
	pass(SHOWN_FRESH_MS);
	assert_int_equal(removed("carol", "cheap", "spam"), 0);
	assert_true(said("id='2'"));
	assert_true(said("<reason>spam</reason>"));
	assert_int_equal(removed("carol", "expensive", ""), ERR_EXISTS);
	assert_int_equal(removed("carol", "and good, or not", ""), ERR_EXISTS);
}

/* What we said here we know; what another client of ours says may have come just now. */
static void ours_by_words(void **state)
{
	in_room();
	hear(SAYS("me", "1", "M", "first slip") SAYS("me", "2", "M", "from my phone"));
	buf_reset(&t.events);
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("")), 0);
	assert_false(said("<retract"));
	told("refused |||you have just said elsewhere: from my phone (the same again takes that back; ");
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("SLIP")), 0);
	assert_true(said("<retract xmlns='" NS_RETRACT "' id='1'/>"));
	forget();
	client_say(t.c, STR(ROOM), STR("on its way"));
	client_say(t.c, STR(ROOM), STR("so is this"));
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("on its")), 0);
	assert_false(said("<retract"));
	assert_int_equal(client_retract(t.c, STR(ROOM), STR("never said")), ERR_EXISTS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(taken_back),
		T(to_take_back),
		T(what_has_just_come),
		T(what_was_asked_about),
		T(by_its_words),
		T(ours_by_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
