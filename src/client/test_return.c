/* Coming back to a room: under another name, put out meanwhile, or after it was left without a connection; on scripted streams. */
#include "client/testing.h"

#define ROOM "tea@rooms.x.test"
#define ENTERED(nick, more) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant'/>" more "</x></presence>"
#define SELF "<status code='110'/>"
#define OUT(nick, codes) \
	"<presence type='unavailable' from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='none'><reason>noise</reason></item>" codes "</x></presence>"
#define SUBJECT "<message type='groupchat' from='" ROOM "/them'><subject>Tea</subject></message>"

static void in_room(void)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("them", "") ENTERED("me", SELF) SUBJECT);
	forget();
	buf_reset(&t.events);
}

static void new_session(void)
{
	client_lost(t.c, STR("cut"));
	buf_reset(&t.events);
	pass(1000);
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	buf_reset(&t.events);
}

static void same_session(void)
{
	client_lost(t.c, STR("cut"));
	buf_reset(&t.events);
	pass(1000);
	to_session();
	hear("<resumed xmlns='" NS_SM "' previd='token' h='0'/>");
	buf_reset(&t.events);
}

/* The id of what was said last. */
static const char *id_said(void) { return LIST_ITEM(t.c->message_order.prev, struct message, node)->id; }

static void comes(const char *nick, const char *id, const char *more)
{
	char xml[1024];

	snprintf(xml, sizeof(xml),
		"<message type='groupchat' from='" ROOM "/%s' id='%s'><body>words</body>%s</message>", nick, id, more);
	hear(xml);
}

#define LATE "<delay xmlns='" NS_DELAY "' stamp='2023-11-14T22:13:22Z'/>"

/* What we said by the old name and what we say by the new one is ours, and said once. */
static void another_name(void **state)
{
	char arrived[CLIENT_ID_MAX + 1], waits[CLIENT_ID_MAX + 1];

	in_room();
	client_say(t.c, STR(ROOM), STR("words"));
	snprintf(arrived, sizeof(arrived), "%s", id_said());
	new_session();
	client_say(t.c, STR(ROOM), STR("words later"));
	snprintf(waits, sizeof(waits), "%s", id_said());
	forget();
	hear(ENTERED("them", "") ENTERED("Me", SELF "<status code='210'/>"));
	told("joined #tea|Me|joined||them\n");
	comes("me", arrived, LATE);
	told("state #tea|||words||delivered own\n");
	hear(SUBJECT);
	assert_false(said("<body>words<"));
	assert_true(said("<body>words later<"));
	comes("Me", waits, "");
	told("state #tea|||words later||delivered own\n");
	/* Whoever has the old name now says what he says, with whatever number. */
	comes("me", arrived, "");
	told("message #tea|me||words|\n");
	comes("eve", waits, "");
	told("message #tea|eve||words|\n");
}

/* What is left of the last session, or somebody, has our name still; the room gives us another. */
static void a_ghost(void **state)
{
	in_room();
	new_session();
	hear(ENTERED("me", "") ENTERED("them", ""));
	told_nothing();
	hear(OUT("them", ""));
	hear(ENTERED("me-2", SELF "<status code='210'/>") SUBJECT);
	told("joined #tea|me-2|joined||me\n");
	client_say(t.c, STR(ROOM), STR("words"));
	comes("me-2", id_said(), "");
	told("state #tea|||words||delivered own\n");
	hear(OUT("me", "<status code='333'/>"));
	told("occupant #tea|me|was lost||noise\n");
	assert_true(client_in_room(t.c, STR(ROOM)));
}

static void a_ghost_goes_first(void **state)
{
	in_room();
	new_session();
	hear(OUT("me", "<status code='333'/>") OUT("me", "<status code='307'/>"));
	told_nothing();
	hear(ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||\n");
}

/* Some rooms rename without taking the old name away (7.10). */
static void renamed_in_passing(void **state)
{
	in_room();
	hear(ENTERED("Registered", SELF "<status code='210'/>"));
	told("occupant #tea|me|is now called||Registered\n");
	assert_true(str_is(client_own_nick(t.c, STR(ROOM)), "Registered"));
	assert_int_equal(client_who(t.c, STR(ROOM)), 0);
	assert_null(strstr(buf_cstr(&t.events), "me:"));
}

/* Nothing of what he had asked before is waited for. */
static void put_out_on_the_way(void **state)
{
	in_room();
	new_session();
	client_say(t.c, STR(ROOM), STR("words"));
	buf_reset(&t.events);
	hear(OUT("me", SELF "<status code='307'/>"));
	told("left #tea|me|was kicked||noise\nstate #tea|||words|you are not in the room any more");
	/* What was on its way when we were put out may take us in again. */
	forget();
	hear(ENTERED("me", SELF));
	told_nothing();
	assert_true(said("<presence type='unavailable' to='" ROOM "/me'>"));
	pass(2 * ANSWER_MS);
	client_tick(t.c);
	told_nothing();
}

/* The same after the room was gone once, and what comes looks like the answer to our leaving it. */
static void put_out_on_the_way_to_a_new_one(void **state)
{
	in_room();
	new_session();
	hear("<presence type='error' from='" ROOM "/me'><error type='cancel'><item-not-found xmlns='" NS_STANZAS
	     "'/></error></presence>");
	told("occupant #tea||it is gone");
	pass(2000);
	client_tick(t.c);
	hear(OUT("me", SELF "<status code='307'/>"));
	told("left #tea|me|was kicked||noise\n");
	assert_false(client_in_room(t.c, STR(ROOM)));
}

static void left_without_a_connection(void **state)
{
	in_room();
	client_say(t.c, STR(ROOM), STR("written"));
	client_lost(t.c, STR("cut"));
	client_say(t.c, STR(ROOM), STR("waits"));
	buf_reset(&t.events);
	assert_int_equal(client_leave(t.c, STR(ROOM), STR("")), 0);
	told("left #tea|me|left||\nstate #tea|||waits|you are not in the room any more; /join takes you in again|failed own\n");
	assert_int_equal(client_unsaid(t.c), 1); /* and who ends now is told so */
}

static void left_and_a_new_session(void **state)
{
	left_without_a_connection(state);
	pass(1000);
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	told("state #tea|||written|it may have been said: the connection broke before the room gave it back, and you are not in it "
	     "any more|failed own\n");
	assert_false(said(ROOM));
	assert_int_equal(client_unsaid(t.c), 0);
	assert_int_equal(client_count(t.c, MESSAGE_UNSENT), 0);
}

/* What was written is said before we go. */
static void left_and_the_same_session(void **state)
{
	const char *words, *gone;

	left_without_a_connection(state);
	pass(1000);
	to_session();
	hear("<resumed xmlns='" NS_SM "' previd='token' h='0'/>");
	words = strstr(buf_cstr(client_out(t.c)), "<body>written<");
	gone = strstr(buf_cstr(client_out(t.c)), "<presence type='unavailable' to='" ROOM "/me'>");
	assert_non_null(words);
	assert_true(gone > words);
	buf_reset(&t.events);
	hear(OUT("me", SELF));
	told_nothing();
	/* Once. */
	forget();
	same_session();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR_NONE), 0);
	hear(ENTERED("me", SELF));
	told("joined #tea|me|joined||\n");
}

static void join(void) { assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR_NONE), 0); }
static void leave(void) { assert_int_equal(client_leave(t.c, STR(ROOM), STR("")), 0); }

/* Whoever leaves and comes again at once is in, whatever the room says first of what was before. */
static void left_and_joined(void **state)
{
	in_room();
	leave();
	leave(); /* which is answered once */
	join();
	hear(OUT("me", SELF));
	told_nothing();
	forget();
	hear(ENTERED("them", "") ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||them\n");
	assert_false(said("unavailable"));
	/* The next time it is meant. */
	leave();
	hear(OUT("me", SELF));
	told("left #tea|me|left||noise\n");
	/* Twice, before the room has said anything. */
	join();
	leave();
	join();
	leave();
	join();
	for (int i = 0; i < 2; i++)
		hear(ENTERED("them", "") ENTERED("me", SELF) SUBJECT OUT("me", SELF));
	told_nothing();
	hear(ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||\n");
	/* Under another name: that is no change of it. */
	leave();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me-2"), STR_NONE), 0);
	hear(OUT("me", SELF) ENTERED("me-2", SELF));
	told("joined #tea|me-2|joined||\n");
}

static void joined_and_left(void **state)
{
	in_room();
	leave();
	hear(OUT("me", SELF));
	buf_reset(&t.events);
	join();
	leave();
	hear(ENTERED("me", SELF) SUBJECT OUT("me", SELF));
	assert_false(client_in_room(t.c, STR(ROOM)));
	told("left #tea|me|left||noise\n");
}

/* To be put out is none of that, nor does an answer that never comes keep anybody out. */
static void left_without_an_answer(void **state)
{
	in_room();
	leave();
	join();
	hear(OUT("me", SELF "<status code='307'/>"));
	told("left #tea|me|was kicked||noise\n");
	join();
	hear(ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||\n");
	leave();
	pass(2 * ANSWER_MS);
	join();
	hear(ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||\n");
	leave();
	join();
	hear(ENTERED("me", SELF) SUBJECT);
	told_nothing();
	pass(ANSWER_MS);
	client_tick(t.c);
	told("joined #tea|me|joined||\n");
}

/* What went out when the session went on is answered, too. */
static void left_and_joined_again(void **state)
{
	left_without_a_connection(state);
	same_session();
	join();
	hear(OUT("me", SELF) ENTERED("me", SELF) SUBJECT);
	told("joined #tea|me|joined||\n");
	assert_true(client_in_room(t.c, STR(ROOM)));
}

/* A service that never says which of them we are. */
static void without_110(void **state)
{
	with_bob();
	join();
	hear(ENTERED("them", "") ENTERED("me", ""));
	told_nothing();
	hear(SUBJECT);
	told("joined #tea|me|joined||them\nsubject #tea|them||Tea|\n");
	leave();
	hear(OUT("me", ""));
	told("left #tea|me|left||noise\n");
	join();
	hear(ENTERED("me", ""));
	pass(ANSWER_MS);
	client_tick(t.c);
	told("joined #tea|me|joined||\n");
	leave();
	join();
	hear(OUT("me", "") ENTERED("me", "") SUBJECT);
	told("joined #tea|me|joined||\nsubject #tea|them||Tea|\n");
	/* Nor is it us where nobody is called so. */
	leave();
	hear(OUT("me", ""));
	buf_reset(&t.events);
	join();
	hear(ENTERED("them", "") SUBJECT);
	told_nothing();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(another_name),
		T(a_ghost),
		T(a_ghost_goes_first),
		T(renamed_in_passing),
		T(put_out_on_the_way),
		T(put_out_on_the_way_to_a_new_one),
		T(left_without_a_connection),
		T(left_and_a_new_session),
		T(left_and_the_same_session),
		T(left_and_joined),
		T(joined_and_left),
		T(left_without_an_answer),
		T(left_and_joined_again),
		T(without_110),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
