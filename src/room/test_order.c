/* What administrators do with rooms in words: each verb, on rooms in memory and out of it, and what is refused. */
#include "room/testing.h"

#define TEA "tea@rooms.test"

static void expect_reply(struct world *w, int line, bool failed, const char *part)
{
	if (!w->reply || w->reply_failed != failed || !strstr(w->reply, part))
		fail_msg("line %d: %s: %s", line, w->reply_failed ? "failed" : "done",
			w->reply ? w->reply : "no answer");
	xfree(TAKE(w->reply));
}
#define DONE(part) expect_reply(w, __LINE__, false, part)
#define REFUSED(part) expect_reply(w, __LINE__, true, part)

static void evict(struct world *w)
{
	sleep_ms(w, 2 * IDLE_MS);
	assert_null(tea(w));
}

static void evict_all(struct world *w) { sleep_ms(w, 2 * IDLE_MS); }

static void test_create(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice;

	run(w, "room create " TEA " alice@x.test Green");
	DONE("created");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 1);
	run(w, "room create " TEA " alice@x.test");
	REFUSED("already");
	evict(w);
	run(w, "room create " TEA " alice@x.test");
	REFUSED("already");
	run(w, "room create coffee@rooms.test nobody");
	REFUSED("USER@DOMAIN");
	run(w, "room create coffee@elsewhere.test alice@x.test");
	REFUSED("no rooms there");
	run(w, "room create rooms.test alice@x.test");
	REFUSED("ROOM@SERVICE");
	run(w, "room create coffee@rooms.test");
	REFUSED("");
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	expect(w, alice, "affiliation='owner'", "110", "!201");
	world_restart(w);
	run(w, "room show " TEA);
	DONE("roomname               Green\n");
	world_free(w);
}

/* A room whose owner is nobody would belong to nobody. Of domains that are not ours nothing is known. */
static void test_owner_exists(void **state)
{
	struct world *w = world_new(NULL);
	static const char *const accounts[] = {"carol@far.test", NULL};

	w->accounts = accounts;
	run(w, "room create " TEA " nobody@far.test");
	REFUSED("no such account");
	assert_null(tea(w));
	run(w, "room create " TEA " carol@far.test/phone");
	REFUSED("without a resource");
	run(w, "room create " TEA " far.test");
	REFUSED("USER@DOMAIN");
	run(w, "room create " TEA " carol@far.test");
	DONE("created");
	run(w, "room affiliate " TEA);
	DONE("owner    carol@far.test\n");
	run(w, "room create coffee@rooms.test anybody@elsewhere.example");
	DONE("created");
	/* The store is asked, and does not answer: nothing is made on the chance. */
	w->store_error = ERR_IO;
	run(w, "room create late@rooms.test carol@far.test");
	REFUSED("the store fails");
	w->store_error = 0;
	w->store_silent = true;
	run(w, "room create late@rooms.test carol@far.test");
	assert_null(w->reply);
	world_free(w);
}

/* Who owns a room and when it was last used, in memory or not. */
static void test_list(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("roomname", "Green"));

	run(w, "room create old@rooms.test carol@x.test Old");
	run(w, "room affiliate old@rooms.test dave@x.test owner");
	evict_all(w);
	run(w, "room list");
	DONE("old@rooms.test\t0\tpersistent\tpublic\t2027-01-15\tcarol@x.test,dave@x.test\tOld\n"
	     "tea@rooms.test\t1\ttemporary\tpublic\t2027-01-15\talice@x.test\tGreen\n");
	run(w, "room list --json");
	DONE("\"owners\": [\"carol@x.test\", \"dave@x.test\"], \"owner_count\": 2, \"active\": \"2027-01-15");
	w->store_error = ERR_IO;
	run(w, "room list");
	REFUSED("the store fails");
	w->store_error = 0;
	w->store_silent = true;
	run(w, "room list");
	say(w, alice, "<presence type='unavailable' to='" TEA "/alice'/>");
	world_free(w);
}

static void pass_days(struct world *w, int days)
{
	for (int i = 0; i < days * 24; i++)
		sleep_ms(w, 3600000);
}

/* Persistent rooms have no other end. Who was in, or said something, has used it, also over a restart. */
static void test_unused(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob;

	run(w, "room create old@rooms.test carol@x.test Old");
	run(w, "room create used@rooms.test carol@x.test Used");
	pass_days(w, 20);
	run(w, "room list --unused 10");
	DONE("old@rooms.test");
	bob = enter(w, "bob@x.test/b", "used@rooms.test/bob");
	say(w, bob, "<presence type='unavailable' to='used@rooms.test/bob'/>");
	evict_all(w);
	run(w, "room list --unused 10");
	assert_non_null(strstr(w->reply, "old@rooms.test"));
	assert_null(strstr(w->reply, "used@rooms.test"));
	run(w, "room list --unused 21");
	assert_string_equal(w->reply, "");
	run(w, "room list --unused 0");
	REFUSED("1 to 36500");
	run(w, "room destroy --yes --unused");
	REFUSED("usage");
	/* Without --yes nothing is gone. */
	run(w, "room destroy --unused 10");
	DONE("old@rooms.test");
	run(w, "room destroy --unused 10 --yes");
	DONE("old@rooms.test: destroyed\n1 destroyed\n");
	run(w, "room list");
	assert_null(strstr(w->reply, "old@rooms.test"));
	DONE("used@rooms.test");
	run(w, "room destroy --unused 10 --yes --json");
	DONE("{\"destroyed\": 0, \"failed\": 0}\n");
	/* What cannot be done is a failure. */
	pass_days(w, 20);
	store_fails(w, true);
	w->store_silent = false;
	run(w, "room destroy --unused 10 --yes");
	REFUSED("used@rooms.test: the store fails: try again later\n0 destroyed\n1 could not be destroyed");
	run(w, "room destroy --unused 10 --yes --json");
	REFUSED("0 destroyed\n1 could not be destroyed");
	store_fails(w, false);
	/* The core ends while rooms are read that are to go. */
	pass_days(w, 20);
	w->store_silent = true;
	run(w, "room destroy --unused 10 --yes");
	world_free(w);
}

/* Who sits in a room and says nothing uses it, also over a restart, and a day counts to its end; so does who changes something. */
static void test_in_use(void **state)
{
	struct world *w = world_new(NULL);

	open_tea(w, FIELD("persistentroom", "1"));
	run(w, "room create lists@rooms.test carol@x.test Lists");
	run(w, "room create config@rooms.test carol@x.test Config");
	pass_days(w, 20);
	run(w, "room affiliate lists@rooms.test dave@x.test member");
	run(w, "room config config@rooms.test moderatedroom 1");
	world_restart(w);
	sleep_ms(w, 23 * 3600000); /* TEST_WALL is in the morning: a part of the noted day and of the next one */
	run(w, "room list --unused 1");
	assert_string_equal(w->reply, "");
	pass_days(w, 3);
	run(w, "room list --unused 1");
	assert_non_null(strstr(w->reply, TEA));
	assert_non_null(strstr(w->reply, "lists@"));
	DONE("config@");
	world_free(w);
}

/* An orderly end notes it, too. */
static void test_in_use_at_the_end(void **state)
{
	struct world *w = world_new(NULL);
	char day[32];

	open_tea(w, FIELD("persistentroom", "1"));
	w->now += 3 * (int64_t)86400000; /* no timer has gone off meanwhile */
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	rooms_shutdown(&w->rooms->host);
	core_end(w->core);
	turn_out(w);
	snprintf(day, sizeof(day), "seen=%lld\n", ((long long)TEST_WALL * 1000 + w->now) / 86400000);
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_PUT, NULL, 0)
		assert_non_null(strstr(r->v[3].s.p, day));
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 1);
	world_free(w);
}

/* Nobody is told for a day that it moved: the name is free. */
static void test_unused_name_is_free(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob;

	run(w, "room create " TEA " alice@x.test Old");
	pass_days(w, 20);
	run(w, "room destroy --unused 10 --yes");
	DONE(TEA ": destroyed\n1 destroyed\n");
	assert_int_equal(w->writes[STORE_ROOM_MOVED], 0);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "affiliation='owner'", "201");
	world_free(w);
}

/* Programs read what was done, as they read what there is. */
static void test_json(void **state)
{
	struct world *w = world_new(NULL);

	run(w, "room create " TEA " alice@x.test Green --json");
	assert_string_equal(w->reply,
		"{\"room\": \"tea@rooms.test\", \"result\": \"created\", \"owner\": \"alice@x.test\", \"name\": \"Green\"}\n");
	run(w, "room config " TEA " moderatedroom 1 --json");
	DONE("\"result\": \"changed\", \"setting\": \"moderatedroom\", \"value\": \"1\"}\n");
	run(w, "room config " TEA " moderatedroom --json");
	assert_string_equal(w->reply, "{\"moderatedroom\": \"1\"}\n");
	run(w, "room config " TEA " --json roomsecret hush");
	assert_null(strstr(w->reply, "hush"));
	DONE("\"setting\": \"roomsecret\", \"value\": \"(set)\"}\n");
	run(w, "room config " TEA " roomsecret --json"); /* is one */
	DONE("roomsecret = (set)\n");
	run(w, "room config " TEA " roomdesc \"x --json");
	DONE("\"value\": \"\\\"x\"}\n");
	run(w, "room affiliate " TEA " bob@x.test/r outcast bad --json");
	DONE("\"result\": \"changed\", \"jid\": \"bob@x.test\", \"affiliation\": \"outcast\", \"reason\": \"bad\"}\n");
	run(w, "room affiliate " TEA " bob@x.test none --json");
	DONE("\"affiliation\": \"none\"}\n");
	enter(w, "bob@x.test/b", TEA "/bob");
	run(w, "room kick " TEA " bob --json");
	DONE("{\"room\": \"tea@rooms.test\", \"result\": \"kicked\", \"nick\": \"bob\"}\n");
	run(w, "room destroy " TEA " Over hall@rooms.test --json");
	DONE("\"result\": \"destroyed\", \"reason\": \"Over\", \"alternate\": \"hall@rooms.test\"}\n");
	world_free(w);
}

/* A command for a room that is not in memory waits for it; several of them, in order. */
static void test_loaded_first(void **state)
{
	struct world *w = world_new(NULL);

	run(w, "room create " TEA " alice@x.test");
	run(w, "room affiliate " TEA " bob@x.test member");
	evict(w);
	w->store_silent = true;
	xfree(TAKE(w->reply));
	run(w, "room affiliate " TEA " bob@x.test admin nice");
	assert_null(w->reply);
	run(w, "room affiliate " TEA);
	assert_null(w->reply);
	store_wake(w);
	assert_non_null(w->reply);
	run(w, "room affiliate " TEA " --json");
	DONE("{\"jid\": \"bob@x.test\", \"affiliation\": \"admin\", \"reason\": \"nice\"}");
	/* The room goes while somebody waits for it: he is told nothing, and nothing leaks. */
	evict(w);
	w->store_silent = true;
	run(w, "room show " TEA);
	world_free(w);
}

static void test_affiliate(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")), bob = enter(w, "bob@x.test/b", TEA "/bob");

	forget_all(w);
	run(w, "room affiliate " TEA " alice@x.test none");
	REFUSED("needs an owner");
	run(w, "room affiliate " TEA " x.test member");
	REFUSED("domain");
	run(w, "room affiliate " TEA " bob@x.test king");
	REFUSED("say what");
	run(w, "room affiliate " TEA " @ member");
	REFUSED("USER@DOMAIN");
	run(w, "room affiliate " TEA " bob@x.test outcast bad");
	DONE("bob@x.test is outcast");
	expect(w, bob, "unavailable", "301", "<reason>bad");
	expect(w, alice, "/bob'", "unavailable");
	assert_int_equal(test_rows_count(&w->rows, STORE_AFFILIATION_PUT), 2);
	run(w, "room affiliate " TEA " bob@x.test none");
	DONE("no list");
	run(w, "room affiliate " TEA);
	DONE("owner    alice@x.test\n");
	world_free(w);
}

static void test_config(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	forget_all(w);
	run(w, "room config " TEA " membersonly 1");
	DONE("membersonly = 1");
	expect(w, bob, "322");
	expect(w, alice, "/bob'");
	expect(w, alice, "<status code='104'/>");
	run(w, "room config " TEA " passwordprotectedroom 1");
	REFUSED("password first");
	run(w, "room config " TEA " roomsecret hush");
	assert_null(strstr(w->reply, "hush"));
	DONE("roomsecret = (set)\n");
	run(w, "room config " TEA " passwordprotectedroom 1");
	DONE("");
	run(w, "room config " TEA " --json");
	DONE("\"roomsecret\": \"(set)\"");
	run(w, "room config " TEA " colour blue");
	REFUSED("no such setting");
	run(w, "room config " TEA " moderatedroom maybe");
	REFUSED("cannot have");
	/* One value: for scripts it is all there is. */
	run(w, "room config " TEA " moderatedroom");
	assert_string_equal(w->reply, "0\n");
	DONE("");
	run(w, "room config " TEA " roomsecret");
	assert_string_equal(w->reply, "(set)\n");
	DONE("");
	run(w, "room config " TEA " colour");
	REFUSED("no such setting");
	/* It becomes persistent, and is stored. */
	run(w, "room config " TEA " persistentroom 1");
	DONE("");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 1);
	world_free(w);
}

static void test_kick_show_log(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.archive_max = 100, .history = 5});
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, bob, "<message type='groupchat' to='" TEA "'><body>one&#10;two \"q\"</body></message>");
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>three</body></message>");
	forget_all(w);
	run(w, "room log " TEA);
	DONE(" <bob> one?two \"q\"\n2027-01-15T08:00:01.000Z <alice> three\n");
	run(w, "room log " TEA " 1");
	DONE("<alice> three\n");
	run(w, "room log " TEA " 0");
	REFUSED("1 to 500");
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>/me waves</body></message>");
	run(w, "room log " TEA " 1");
	DONE(" <bob> * bob waves\n");
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>three</body></message>");
	for (int i = 0; i < 2; i++) {
		run(w, "room log " TEA " --json");
		DONE("\"nick\": \"bob\", \"text\": \"one\\u000atwo \\\"q\\\"\"},\n {");
		configure(w, alice, TEA, FIELD("persistentroom", "1"));
	}
	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>News</subject></message>");
	run(w, "room log " TEA);
	DONE("<alice> three\n2027-01-15T08:00:01.000Z * alice changed the subject to: News\n");
	run(w, "room show " TEA " --json");
	DONE("{\"nick\": \"bob\", \"jid\": \"bob@x.test/b\", \"role\": \"participant\", \"affiliation\": \"none\"}");
	run(w, "room kick " TEA " nobody");
	REFUSED("nobody in the room");
	forget_all(w);
	run(w, "room kick " TEA " bob enough");
	DONE("put out");
	expect(w, bob, "unavailable", "307", "<reason>enough");
	world_free(w);
}

/* What a terminal would obey, or would not show, is no part of an answer; JSON has it escaped. */
static void test_names_are_plain(void **state)
{
	static const char hostile[] = "a\xc2\x9b\x33\x31mRED\xe2\x80\xae\x61\x62\x63";
	struct world *w = world_new(&(struct rooms_config){.archive_max = 100, .history = 5});
	unsigned alice = open_tea(w, "");
	char line[256];

	snprintf(line, sizeof(line), "<message type='groupchat' to='" TEA "'><body>%s</body></message>", hostile);
	say(w, alice, line);
	snprintf(line, sizeof(line), "<message type='groupchat' to='" TEA "'><subject>%s</subject></message>", hostile);
	say(w, alice, line);
	snprintf(line, sizeof(line), "room config " TEA " roomname %s", hostile);
	run(w, line);
	REFUSED("cannot have that value");
	tea(w)->config.name = xstrdup(hostile); /* of an earlier version */
	rooms_items_changed(w->rooms);
	run(w, "room list");
	DONE("\ta?31mRED?abc\n");
	run(w, "room show " TEA);
	assert_null(strchr(w->reply, '\x9b'));
	DONE("subject: a?31mRED?abc\n");
	run(w, "room log " TEA);
	assert_null(strchr(w->reply, '\x9b'));
	DONE("<alice> a?31mRED?abc\n");
	run(w, "room list --json");
	DONE("\"a\\u009b31mRED\\u202eabc\"");
	run(w, "room log " TEA " --json");
	DONE("\"a\\u009b31mRED\\u202eabc\"");
	world_free(w);
}

static void test_failing(void **state)
{
	struct world *w = world_new(NULL);

	run(w, "room create " TEA " alice@x.test");
	store_fails(w, true);
	run(w, "room affiliate " TEA " bob@x.test member");
	REFUSED("the store fails");
	run(w, "room destroy " TEA);
	REFUSED("the store fails");
	run(w, "room show " TEA);
	DONE("owner");
	run(w, "room affiliate " TEA);
	DONE("owner");
	run(w, "room config " TEA " moderatedroom");
	DONE("0");
	run(w, "room config " TEA " moderatedroom 1");
	REFUSED("the store fails");
	store_fails(w, false);
	/* What was changed is not said to be done before it is stored. */
	w->store_silent = true;
	xfree(TAKE(w->reply));
	run(w, "room affiliate " TEA " bob@x.test member");
	assert_null(w->reply);
	store_wake(w);
	DONE("member");
	world_free(w);
}

/* ---- who may make a room ---- */

static void test_policy(void **state)
{
	static const char *const reserved[] = {"Admin", NULL};
	struct world *w = world_new(&(struct rooms_config){.per_user = 2, .reserved = reserved, .admins = test_admins});
	unsigned alice = login(w, "alice@x.test/a"), bob = login(w, "bob@x.test/b");

	join(w, alice, "admin@rooms.test/alice");
	expect(w, alice, "<not-allowed");
	join(w, alice, TEA "/alice");
	configure(w, alice, TEA, FIELD("persistentroom", "1"));
	join(w, alice, "two@rooms.test/alice");
	forget_all(w);
	join(w, alice, "three@rooms.test/alice");
	expect(w, alice, "<resource-constraint");
	/* Another's does not count, nor does one that has ended. */
	join(w, bob, "three@rooms.test/bob");
	expect(w, bob, "201");
	say(w, alice, "<presence type='unavailable' to='two@rooms.test/alice'/>");
	forget_all(w);
	join(w, alice, "four@rooms.test/alice");
	expect(w, alice, "201");
	world_free(w);
}

/* Also those made before a restart. */
static void test_policy_kept(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.per_user = 1});
	unsigned alice = open_tea(w, FIELD("persistentroom", "1"));

	clear_users(w);
	world_core(w, &(struct rooms_config){.per_user = 1});
	pump(w);
	alice = login(w, "alice@x.test/a");
	join(w, alice, "two@rooms.test/alice");
	expect(w, alice, "<resource-constraint");
	join(w, alice, TEA "/alice");
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	forget_all(w);
	join(w, alice, "two@rooms.test/alice");
	expect(w, alice, "201");
	world_free(w);
}

/* Whoever else owns them, too: it is the maker's, until he is none of its owners any more. */
static void test_policy_maker(void **state)
{
	static const struct rooms_config one = {.per_user = 1};
	struct world *w = world_new(&one);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")), aaron;

	say(w, alice, ADMIN("<item jid='aaron@x.test' affiliation='owner'/>"));
	for (int i = 0; i < 2; i++) {
		clear_users(w);
		w->store_silent = i == 0;
		world_core(w, &one);
		pump(w);
		alice = login(w, "alice@x.test/a");
		aaron = login(w, "aaron@x.test/a");
		if (i == 0) {
			/* Before it is known what there is. */
			w->store_silent = false;
			join(w, alice, "two@rooms.test/alice");
			expect(w, alice, "<resource-constraint");
			store_wake(w);
			pump(w);
		}
		join(w, alice, "two@rooms.test/alice");
		expect(w, alice, "<resource-constraint");
	}
	join(w, aaron, "his@rooms.test/aaron");
	expect(w, aaron, "201");
	say(w, aaron, "<presence type='unavailable' to='his@rooms.test/aaron'/>");
	join(w, alice, TEA "/alice");
	join(w, aaron, TEA "/aaron");
	say(w, aaron, ADMIN("<item jid='alice@x.test' affiliation='member'/>"));
	forget_all(w);
	join(w, alice, "two@rooms.test/alice");
	expect(w, alice, "201");
	join(w, aaron, "his@rooms.test/aaron");
	expect(w, aaron, "<resource-constraint");
	world_free(w);
}

/* ---- what a new room is ---- */

static const char *const kept[] = {"persistentroom=1", "roomdesc=As all", NULL};

/* A service whose rooms stay keeps those, too, that nobody configures; and only those that were opened. */
static void test_persistent_by_default(void **state)
{
	static const struct rooms_config config = {.defaults = kept};
	struct world *w = world_new(&config);
	unsigned alice = login(w, "alice@x.test/a");

	join(w, alice, "waited@rooms.test/alice");
	sleep_ms(w, LOCKED_MS + 1);
	join(w, alice, "instant@rooms.test/alice");
	say(w, alice, "<iq type='get' id='f' to='instant@rooms.test'><query xmlns='" NS_MUC_OWNER "'/></iq>");
	while (!strstr(expect(w, alice, "rooms.test")->text, "id='f'"))
		;
	assert_non_null(strstr(w->logs[alice].got[w->logs[alice].head - 1].text,
		"var='muc#roomconfig_persistentroom' type='boolean' label='The room stays when the last one leaves'>"
		"<value>1</value>"));
	say(w, alice, "<iq type='set' id='i' to='instant@rooms.test'>" ACCEPT "</iq>");
	expect(w, alice, "id='i'", "type='result'"); /* nothing is told to be different */
	join(w, alice, "brief@rooms.test/alice");
	configure(w, alice, "brief@rooms.test", FIELD("persistentroom", "0"));
	join(w, alice, "left@rooms.test/alice");
	say(w, alice, "<message type='groupchat' to='left@rooms.test'><body>alone</body></message>");
	say(w, alice, "<presence type='unavailable' to='left@rooms.test/alice'/>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_AFFILIATION_PUT), 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 0);
	world_restart(w);
	run(w, "room list");
	assert_non_null(strstr(w->reply, "waited@rooms.test"));
	assert_non_null(strstr(w->reply, "instant@rooms.test"));
	assert_null(strstr(w->reply, "brief@rooms.test"));
	run(w, "room config waited@rooms.test");
	assert_non_null(strstr(w->reply, "As all"));
	world_free(w);
}

/* 10.9: with another place for those who were in, and for those who come later. */
static void test_destroy_elsewhere(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")), bob = login(w, "bob@x.test/b");

	forget_all(w);
	run(w, "room destroy " TEA " Small " TEA);
	REFUSED("cannot go to where it is");
	run(w, "room destroy " TEA " Small hall");
	REFUSED("not an address");
	expect_nothing(w, alice);
	run(w, "room destroy " TEA " Small hall@rooms.test");
	DONE("destroyed");
	expect(w, alice, "type='unavailable'", "<destroy jid='hall@rooms.test'><reason>Small</reason>");
	join(w, bob, TEA "/bob");
	expect(w, bob, "type='error'", "<gone", "xmpp:hall@rooms.test?join");
	join(w, alice, TEA "/alice");
	expect(w, alice, "type='error'", "<gone");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destroy_elsewhere),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_owner_exists),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_in_use_at_the_end),
		cmocka_unit_test(test_unused_name_is_free),
		cmocka_unit_test(test_loaded_first),
		cmocka_unit_test(test_affiliate),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_kick_show_log),
		cmocka_unit_test(test_names_are_plain),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_kept),
		cmocka_unit_test(test_policy_maker),
		cmocka_unit_test(test_persistent_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
