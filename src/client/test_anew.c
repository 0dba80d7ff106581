/* Rooms that are gone when a client comes back, on scripted streams. */
#include "client/testing.h"

#define ROOM "tea@rooms.x.test"
#define PRESENCE(nick, affiliation, more) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER "'><item affiliation='" affiliation \
	"' role='participant'/>" more "</x></presence>"
#define MADE PRESENCE("me", "owner", "<status code='110'/><status code='201'/>")
#define LEFT \
	"<presence type='unavailable' from='" ROOM "/me'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='owner' role='none'/><status code='110'/></x></presence>"
#define SUBJECT(text) "<message type='groupchat' from='" ROOM "/them'><subject>" text "</subject></message>"

static void in_room_as(const char *self)
{
	with_bob();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR_NONE), 0);
	hear(self);
	hear(SUBJECT("Tea"));
	hear("<message type='groupchat' from='" ROOM "/them' id='m'><body>hi</body><stanza-id xmlns='" NS_STANZA_ID
	     "' by='" ROOM "' id='7'/></message>");
	forget();
	buf_reset(&t.events);
}

static void new_session(void)
{
	client_lost(t.c, STR("cut"));
	pass(1000);
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	assert_true(said("<presence to='" ROOM "/me'>"));
	forget();
	buf_reset(&t.events);
}

/* It is not ours: its owner shall have it. */
static void left_to_its_owner(void **state)
{
	in_room_as(PRESENCE("me", "none", "<status code='110'/>"));
	new_session();
	client_say(t.c, STR(ROOM), STR("waits"));
	hear(MADE SUBJECT(""));
	assert_true(said("<presence type='unavailable' to='" ROOM "/me'>"));
	assert_false(said("type='submit'")); /* never opened */
	told("occupant #tea||it is gone with its server's last run; you go in again when its owner has made it anew||\n");
	hear(LEFT);
	told_nothing();
	forget();
	pass(1999);
	client_tick(t.c);
	assert_false(said(NS_MUC "'"));
	pass(1);
	client_tick(t.c);
	assert_true(said("<presence to='" ROOM "/me'>"));
	assert_true(said("<history seconds=")); /* of another room than that whose archive we knew */
	/* She has it by now. */
	hear(PRESENCE("them", "owner", ""));
	hear(PRESENCE("me", "none", "<status code='110'/>"));
	told("joined #tea|me|joined||them");
	hear(SUBJECT(""));
	assert_true(said("<body>waits"));
}

/* It is never ours, however often nobody else comes; and that ends. */
static void gone_for_good(void **state)
{
	static const int64_t waits[] = {2000, 4000, 8000, 16000, 32000};

	in_room_as(PRESENCE("me", "member", "<status code='110'/>"));
	new_session();
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		buf_reset(&t.events);
		/* Another one of us has it for a moment, every other time. */
		hear(i % 2 ? MADE LEFT
			   : "<presence type='error' from='" ROOM
			     "/me'><error type='cancel'><item-not-found xmlns='" NS_STANZAS "'/></error></presence>");
		assert_true(client_in_room(t.c, STR(ROOM)));
		if (i)
			told_nothing();
		forget();
		pass(waits[i] - 1);
		client_tick(t.c);
		assert_false(said(NS_MUC "'"));
		pass(1);
		client_tick(t.c);
		assert_true(said("<presence to='" ROOM "/me'>"));
	}
	client_say(t.c, STR(ROOM), STR("lost"));
	buf_reset(&t.events);
	hear(MADE);
	assert_non_null(strstr(buf_cstr(&t.events), "state #tea|||lost|you are not in the room any more"));
	told("left #tea||it is gone, and nobody has made it again; /join tea@rooms.x.test makes a new one||");
	assert_false(client_in_room(t.c, STR(ROOM)));
	hear(LEFT);
	told_nothing();
	/* Whoever says so makes it. */
	forget();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR_NONE), 0);
	hear(MADE);
	answer("type='submit'", ROOM, "");
	told("joined #tea|me|created||\n");
	told_nothing();
}

static void made_anew_by_its_owner(void **state)
{
	in_room_as(PRESENCE("me", "owner", "<status code='110'/>"));
	new_session();
	/* A guest was first, and gives it up at this moment. */
	hear("<presence type='error' from='" ROOM "/me'><error type='cancel'><item-not-found xmlns='" NS_STANZAS
	     "'/></error></presence>");
	told("occupant #tea||it is not open yet; you go in again when it is||\n");
	pass(2000);
	client_tick(t.c);
	hear(MADE);
	answer("type='submit'", ROOM, "");
	told("joined #tea|me|created||\n"
	     "room #tea||warning|it was gone and is made anew: its settings, members and bans are lost; /config shows and sets them|");
}

/* Whoever became an owner while he was in. */
static void owner_by_now(void **state)
{
	in_room_as(PRESENCE("me", "none", "<status code='110'/>"));
	hear(PRESENCE("me", "owner", "<status code='110'/>"));
	new_session();
	hear(MADE);
	assert_true(said("type='submit'"));
}

/* Until somebody says that he goes. */
static void not_wanted_any_more(void **state)
{
	in_room_as(PRESENCE("me", "none", "<status code='110'/>"));
	new_session();
	hear(MADE LEFT);
	buf_reset(&t.events);
	assert_int_equal(client_leave(t.c, STR(ROOM), STR("")), 0);
	told("left #tea|me|left||");
	forget();
	pass(60000);
	client_tick(t.c);
	assert_false(said(NS_MUC "'"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(left_to_its_owner),
		T(gone_for_good),
		T(made_anew_by_its_owner),
		T(owner_by_now),
		T(not_wanted_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
