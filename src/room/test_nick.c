/* Nicknames that are registered with the service: kept, refused while nothing can be stored, for accounts of the server alone, and what
 * the administrator does with them. What clients see is in tests/script/rooms-nicknames.xt. */
#include "room/testing.h"

#define TEA "tea@rooms.test"
#define SERVICE_NICK(nick) \
	"<iq type='set' id='n' to='rooms.test'><query xmlns='jabber:iq:register'><nick>" nick "</nick></query></iq>"
#define SERVICE_NICK_REMOVE \
	"<iq type='set' id='n' to='rooms.test'><query xmlns='jabber:iq:register'><remove/></query></iq>"

static unsigned with_nick(struct world *w, const char *jid, const char *xml)
{
	unsigned conn = login(w, jid);

	say(w, conn, xml);
	expect(w, conn, "type='result'");
	return conn;
}

static void expect_reply(struct world *w, bool failed, const char *text)
{
	assert_non_null(w->reply);
	assert_string_equal(w->reply, text);
	assert_int_equal(w->reply_failed, failed);
	xfree(TAKE(w->reply));
}

/* The process is killed: what was answered is kept, and what was given up is not. */
static void test_nick_of_service(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob, carol;

	with_nick(w, "alice@x.test/a", SERVICE_NICK("Queen"));
	carol = with_nick(w, "carol@x.test/c", SERVICE_NICK("Knave"));
	say(w, carol, SERVICE_NICK_REMOVE);
	expect(w, carol, "type='result'");
	world_restart(w);
	bob = login(w, "bob@x.test/b");
	say(w, bob, SERVICE_NICK("queen"));
	expect(w, bob, "<conflict");
	say(w, bob, SERVICE_NICK("Knave"));
	expect(w, bob, "type='result'");
	assert_string_equal(nicknames_find(&w->rooms->nicks, STR("alice@x.test"))->nick, "Queen");
	world_free(w);
}

/* Nobody is told that something is his while that is not known, or could be lost. */
static void test_not_now(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice;

	with_nick(w, "bob@x.test/b", SERVICE_NICK("Queen"));
	w->store_silent = true;
	world_restart(w);
	alice = login(w, "alice@x.test/a");
	say(w, alice, SERVICE_NICK("Queen"));
	expect(w, alice, "<resource-constraint");
	run(w, "room nicknames");
	assert_null(w->reply);
	w->store_silent = false;
	store_wake(w);
	expect_reply(w, false, "Queen\tbob@x.test\trooms.test\n");
	say(w, alice, SERVICE_NICK("Queen"));
	expect(w, alice, "<conflict");
	world_free(w);
}

static void test_not_of_others(void **state)
{
	struct world *w = world_new(NULL);

	say_far(w, "eve@far.test/e", SERVICE_NICK("Queen"));
	expect(w, 0, "<not-allowed");
	assert_null(w->rooms->nicks.table);
	world_free(w);
}

static void test_pace_of_nicks(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = login(w, "alice@x.test/a");

	for (int i = 0; i < 30; i++)
		say(w, alice, SERVICE_NICK("Queen"));
	forget(w, alice);
	say(w, alice, SERVICE_NICK("Queen"));
	expect(w, alice, "<policy-violation");
	sleep_ms(w, 60000);
	say(w, alice, SERVICE_NICK("Queen"));
	expect(w, alice, "type='result'");
	world_free(w);
}

static void test_nicks_of_administrator(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob;

	run(w, "room nicknames --json");
	expect_reply(w, false, "[]\n");
	with_nick(w, "alice@x.test/a", SERVICE_NICK("Queen"));
	bob = with_nick(w, "bob@x.test/b", SERVICE_NICK("Bell"));
	run(w, "room nicknames");
	expect_reply(w, false, "Bell\tbob@x.test\trooms.test\nQueen\talice@x.test\trooms.test\n");
	run(w, "room nicknames remove QUEEN --json");
	expect_reply(w, false, "{\"nick\": \"QUEEN\", \"result\": \"removed\"}\n");
	run(w, "room nicknames remove queen");
	expect_reply(w, true, "queen: nobody has registered it");
	run(w, "room nicknames drop queen");
	expect_reply(w, true, "usage: room nicknames [remove NICK] [--json]");
	run(w, "room nicknames --json");
	expect_reply(w, false, "[\n  {\"nick\": \"Bell\", \"jid\": \"bob@x.test\", \"service\": \"rooms.test\"}\n]\n");
	say(w, bob, SERVICE_NICK("Queen"));
	expect(w, bob, "type='result'");
	world_restart(w);
	run(w, "room nicknames");
	expect_reply(w, false, "Queen\tbob@x.test\trooms.test\n");
	world_free(w);
}

/* Nor does an owner give it to somebody, or approve of it; and no room is made by who may not enter it so. */
static void test_not_given(void **state)
{
	struct world *w = world_new(NULL);
	unsigned eve, bob;

	with_nick(w, "alice@x.test/a", SERVICE_NICK("Queen"));
	eve = enter(w, "eve@x.test/e", TEA "/eve");
	say(w, eve, "<iq type='set' id='c' to='" TEA "'>" ACCEPT "</iq>");
	bob = login(w, "bob@x.test/b");
	say(w, bob,
		"<iq type='set' id='reg' to='" TEA "'><query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#register_roomnick'><value>Queen</value></field></x></query></iq>");
	expect(w, bob, "<conflict");
	forget_all(w);
	say(w, eve,
		"<iq type='set' id='adm' to='" TEA "'><query xmlns='" NS_MUC_ADMIN
		"'><item affiliation='member' jid='mallory@x.test' nick='QUEEN'/></query></iq>");
	expect(w, eve, "<conflict");
	say(w, eve,
		"<iq type='set' id='adm' to='" TEA "'><query xmlns='" NS_MUC_ADMIN
		"'><item affiliation='member' jid='alice@x.test' nick='Queen'/></query></iq>");
	expect(w, eve, "affiliation='member'");
	expect(w, eve, "type='result'");
	join(w, bob, "coffee@rooms.test/Queen");
	expect(w, bob, "<conflict");
	assert_null(rooms_find(w->rooms, STR("coffee")));
	world_free(w);
}

/* Who registers another's name keeps him out of nothing. */
static void test_name_of_account(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice, mallory = login(w, "mallory@far.test/m");

	say(w, mallory, SERVICE_NICK("alice"));
	expect(w, mallory, "type='result'");
	alice = enter(w, "alice@far.test/a", TEA "/alice");
	expect(w, alice, "from='" TEA "/alice'", "201");
	forget_all(w);
	/* Of two that are called alike, whoever has registered it. */
	say(w, mallory, SERVICE_NICK_REMOVE);
	say(w, alice, SERVICE_NICK("alice"));
	expect(w, alice, "type='result'");
	expect(w, enter(w, "a1ice@far.test/a", "coffee@rooms.test/alice"), "<conflict");
	world_free(w);
}

/* An account that goes while the directory is read takes its nickname along. */
static void test_gone_while_loading(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob;

	with_nick(w, "alice@x.test/a", SERVICE_NICK("Queen"));
	w->store_silent = true;
	world_restart(w);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	core_account_gone(w->core, jid_view(STR("alice@x.test")));
	core_end(w->core);
	turn_out(w);
	w->store_silent = false;
	store_wake(w);
	assert_true(w->rooms->loaded);
	bob = login(w, "bob@x.test/b");
	say(w, bob, SERVICE_NICK("Queen"));
	expect(w, bob, "type='result'");
	world_free(w);
}

/* What was registered before it was turned off keeps nobody out. */
static void test_turned_off(void **state)
{
	static const struct rooms_config off = {.no_nicknames = true};
	struct world *w = world_new(NULL);
	unsigned bob;

	with_nick(w, "alice@x.test/a", SERVICE_NICK("Queen"));
	clear_users(w);
	world_core(w, &off);
	pump(w);
	bob = enter(w, "bob@x.test/b", TEA "/Queen");
	expect(w, bob, "from='" TEA "/Queen'", "201");
	forget(w, bob);
	say(w, bob, SERVICE_NICK("Bell"));
	expect(w, bob, "type='error'");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nick_of_service),
		cmocka_unit_test(test_not_now),
		cmocka_unit_test(test_not_of_others),
		cmocka_unit_test(test_pace_of_nicks),
		cmocka_unit_test(test_nicks_of_administrator),
		cmocka_unit_test(test_turned_off),
		cmocka_unit_test(test_not_given),
		cmocka_unit_test(test_name_of_account),
		cmocka_unit_test(test_gone_while_loading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
