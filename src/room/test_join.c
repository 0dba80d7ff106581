/* Making, entering, leaving, nicknames, presence. */
#include "room/testing.h"

#define TEA "tea@rooms.test"

static void test_create(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = login(w, "alice@x.test/a"), bob = login(w, "bob@x.test/b");
	const struct got *self;

	join(w, alice, TEA "/alice");
	self = expect(w, alice, "<presence from='" TEA "/alice' id='join'>", "affiliation='owner'", "role='moderator'",
		"<status code='110'/>", "<status code='201'/>", "!<status code='100'/>");
	assert_true(self->fill);
	expect(w, alice, "<message from='" TEA "' type='groupchat'><subject></subject></message>");
	expect_nothing(w, alice);
	/* Nobody else is told that it is there. */
	join(w, bob, TEA "/bob");
	expect(w, bob, "type='error'", "<item-not-found", MUC, "from='" TEA "/bob'");
	say(w, bob, "<iq type='get' id='1' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, bob, "type='error'", "<item-not-found");
	say(w, alice, "<iq type='set' id='2' to='" TEA "'>" ACCEPT "</iq>");
	expect(w, alice, "<iq", "type='result'", "id='2'");
	expect_nothing(w, alice);
	join(w, bob, TEA "/bob");
	expect(w, bob, "from='" TEA "/alice'", "affiliation='owner'", "!jid=");
	expect(w, bob, "from='" TEA "/bob'", "affiliation='none'", "role='participant'", "110", "!201");
	expect(w, bob, "<subject>");
	expect(w, alice, "from='" TEA "/bob'", "jid='bob@x.test/b'", "!110");
	world_free(w);
}

static void test_unconfigured(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = enter(w, "alice@x.test/a", TEA "/alice"), bob;

	/* Who says nothing has accepted. */
	sleep_ms(w, LOCKED_MS);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "from='" TEA "/alice'");
	/* Who cancels does not want it. */
	join(w, alice, "coffee@rooms.test/alice");
	forget_all(w);
	say(w, alice,
		"<iq type='set' id='c' to='coffee@rooms.test'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='cancel'/></query></iq>");
	expect(w, alice, "type='unavailable'", "<destroy>");
	expect(w, alice, "type='result'", "id='c'");
	assert_null(rooms_find(w->rooms, STR("coffee")));
	/* Who goes away has not wanted it either. */
	join(w, alice, "milk@rooms.test/alice");
	logout(w, alice, false);
	assert_null(rooms_find(w->rooms, STR("milk")));
	join(w, bob, "milk@rooms.test/bob");
	forget(w, bob);
	world_free(w);
}

/* The same address comes by another session before the room is open: with the first one the room has ended, and all that was in it. */
static void test_unconfigured_replaced(void **state)
{
	struct world *w = world_new(NULL);
	unsigned old = enter(w, "alice@x.test/a", TEA "/alice"), other = login(w, "alice@x.test/a");

	tea(w)->config.lock_nicks = true;
	turn_in(w);
	room_set_nick(tea(w), STR("alice@x.test"), STR("registered"), STR("registered"));
	turn_out(w);
	forget_all(w);
	join(w, other, TEA "/new");
	expect(w, old, "type='unavailable'", "<destroy>");
	expect(w, other, "from='" TEA "/", "201");
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

static void test_order(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), carol;
	uint32_t list;

	say(w, alice, "<message type='groupchat' id='m1' to='" TEA "'><body>one</body></message>");
	say(w, alice, "<message type='groupchat' id='m2' to='" TEA "'><subject>Tea &amp; cake</subject></message>");
	say(w, bob, "<message type='groupchat' id='m3' to='" TEA "'><body>two</body></message>");
	forget_all(w);
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	list = next(w, carol)->send;
	assert_int_equal(expect(w, carol, "<presence from='" TEA "/")->send, list);
	assert_int_equal(expect(w, carol, "from='" TEA "/carol'", "110")->send, list);
	expect(w, carol, "from='" TEA "/alice'", "id='m1'", "<body>one</body>",
		"<delay xmlns='urn:xmpp:delay' from='" TEA "' stamp='20");
	expect(w, carol, "from='" TEA "/bob'", "id='m3'", "<stanza-id", "<delay");
	assert_int_equal(
		expect(w, carol, "from='" TEA "/alice'", "<subject>Tea &amp; cake</subject><delay", "!<body")->send,
		list);
	expect_nothing(w, carol);
	expect(w, alice, "from='" TEA "/carol'");
	expect(w, bob, "from='" TEA "/carol'");
	world_free(w);
}

static void test_refused(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob;
	char nick[NICK_MAX + 64];

	open_tea(w, "");
	bob = login(w, "bob@x.test/b");
	join(w, bob, TEA "/alice");
	expect(w, bob, "type='error'", "<conflict", MUC, "id='join'");
	join(w, bob, TEA "/ALICE"); /* cannot be told from it */
	expect(w, bob, "type='error'", "<conflict");
	join(w, bob, TEA);
	expect(w, bob, "type='error'", "<jid-malformed");
	snprintf(nick, sizeof(nick), TEA "/%0*d", NICK_MAX, 7);
	join(w, bob, nick);
	expect(w, bob, "/alice'");
	expect(w, bob, "110");
	world_free(w);
}

static void test_bad_nicks(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b");
	char nick[NICK_MAX + 64];

	snprintf(nick, sizeof(nick), TEA "/%0*d", NICK_MAX + 1, 7);
	join(w, bob, nick);
	expect(w, bob, "type='error'", "<not-acceptable");
	join(w, bob, TEA "/  ");
	expect(w, bob, "type='error'");
	say(w, alice, "<presence to='" TEA "/   '/>");
	expect(w, alice, "type='error'");
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

/* What is called "own" and what is taken for it; and what only has the same letters. */
static void test_look_alikes(void **state)
{
	static const char *const same[] = {"own", "OWN", "0wn", "\u1d0fwn", "o\u1d21n", "own\u0332", "o\u20ddwn",
		"\u043ewn", "\uff4fwn", "o\u051d\u0274", "own\u2800", "\u2800own", "own \ufffc", "o\u2800wn",
		"\ua4f3\ua4ea\ua4e0", "o\u13d4n", "\u2c9fwn"},
				 *const others[] = {"owl", "o-n", "\u00f6wn", "\u0e01\u0e34", "\u0e01"};
	CLEANUP(buf_clear) struct buf own = {.max = 1024};

	assert_int_equal(nick_key(STR("own"), &own), 0);
	for (size_t i = 0; i < ARRAY_LEN(same) + ARRAY_LEN(others); i++) {
		CLEANUP(buf_clear) struct buf key = {.max = 1024};
		const char *nick = i < ARRAY_LEN(same) ? same[i] : others[i - ARRAY_LEN(same)];

		assert_int_equal(nick_key(str_z(nick), &key), 0);
		if (str_eq(buf_view(&key), buf_view(&own)) != (i < ARRAY_LEN(same)))
			fail_msg("%s", nick);
	}
	/* Vowels of Thai are marks, too: two names. */
	buf_reset(&own);
	assert_int_equal(nick_key(STR("\u0e01\u0e34"), &own), 0);
	CLEANUP(buf_clear) struct buf key = {.max = 1024};
	assert_int_equal(nick_key(STR("\u0e01\u0e35"), &key), 0);
	assert_false(str_eq(buf_view(&key), buf_view(&own)));
}

/* 14.1: nobody can be seen by these alone, and none of them makes another name of a name. */
static void test_unseen(void **state)
{
	static const char *const unseen[] = {"\u0332\u0333", "\u2800", "\u2800 \u2800", "\ufffc", "\U0001d159",
		"\u3164", "\uffa0", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u180b", "\u180e", "\ufe0f", "\U000e0041",
		"\U000e0100", "\u034f", "\u200b", "\u2060", "\u00ad", "\ufeff", "\u202e", "\xc2\x85", "\u2028"};
	CLEANUP(buf_clear) struct buf dave = {.max = 1024};

	assert_int_equal(nick_key(STR("dave"), &dave), 0);
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
		CLEANUP(buf_clear) struct buf key = {.max = 1024}, name = {.max = 1024};

		if (nick_key(str_z(unseen[i]), &key) != ERR_INVALID)
			fail_msg("%zu alone", i);
		buf_reset(&key);
		buf_fmt(&name, "Da%sve%s", unseen[i], unseen[i]);
		if (nick_key(buf_view(&name), &key) == 0 && !str_eq(buf_view(&key), buf_view(&dave)) &&
			!strchr(unseen[i], ' '))
			fail_msg("%zu in a name", i);
	}
}

static void test_leave(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, bob,
		"<presence type='unavailable' to='" TEA "/bob'><status>bye</status><x xmlns='" NS_MUC_USER
		"'><item role='x'/></x></presence>");
	expect(w, bob, "from='" TEA "/bob'", "type='unavailable'", "role='none'", "110", "<status>bye</status>",
		"!role='x'");
	expect(w, alice, "from='" TEA "/bob'", "type='unavailable'", "role='none'", "jid='bob@x.test/b'", "!110",
		"!role='x'");
	expect(w, carol, "from='" TEA "/bob'", "type='unavailable'", "!jid=");
	/* Once is enough, and who is not in does not leave. */
	say(w, bob, "<presence type='unavailable' to='" TEA "/bob'/>");
	expect_nothing(w, bob);
	expect_nothing(w, alice);
	/* A session that ends leaves. */
	logout(w, carol, false);
	expect(w, alice, "from='" TEA "/carol'", "type='unavailable'");
	/* The last one takes the room along. */
	logout(w, alice, false);
	assert_null(tea(w));
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>anybody?</body></message>");
	expect(w, bob, "<item-not-found");
	world_free(w);
}

static void test_vanishes_between(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("roomname", "Old")), bob = login(w, "bob@x.test/b");

	/* In one turn: the last one leaves, another comes. That is a new room. */
	put(w, alice, "<presence type='unavailable' to='" TEA "/alice'/>");
	put(w, bob, "<presence to='" TEA "/bob'>" MUC "</presence>");
	pump(w);
	expect(w, bob, "affiliation='owner'", "201");
	assert_null(tea(w)->config.name);
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("alice@x.test"))), AFFILIATION_NONE);
	world_free(w);
}

static void test_not_in(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b");

	say(w, bob, "<presence to='" TEA "/bob'><show>away</show></presence>");
	expect(w, bob, "from='" TEA "/bob'", "to='bob@x.test/b'", "type='unavailable'", "110", "307", "333");
	say(w, bob, "<presence to='nowhere@rooms.test/bob'/>");
	expect(w, bob, "type='unavailable'", "333");
	assert_null(rooms_find(w->rooms, STR("nowhere")));
	say(w, bob, "<presence type='probe' to='" TEA "/bob'/>");
	say(w, bob, "<presence type='subscribe' to='" TEA "'/>");
	say(w, bob, "<presence type='unavailable' to='nowhere@rooms.test/bob'/>");
	say(w, bob, "<presence type='error' to='nowhere@rooms.test/bob'/>");
	say(w, bob, "<presence type='error' to='" TEA "/bob'/>");
	expect_nothing(w, bob);
	say(w, bob, "<iq type='get' id='q' to='nowhere@rooms.test'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, bob, "<item-not-found", "id='q'");
	say(w, bob, "<iq type='result' id='q' to='nowhere@rooms.test'/>");
	say(w, bob, "<message type='error' to='nowhere@rooms.test'/>");
	expect_nothing(w, bob);
	expect_nothing(w, alice);
	world_free(w);
}

static void test_update(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, bob,
		"<presence id='p1' to='" TEA "/bob'><show>xa</show><x xmlns='" NS_MUC_USER
		"'><item affiliation='owner'/></x>"
		"<c xmlns='" NS_CAPS "' ver='v'/></presence>");
	expect(w, alice, "<presence from='" TEA "/bob'>", "<show>xa</show>", NS_CAPS, "affiliation='none'", "!owner",
		"jid='bob@x.test/b'");
	expect(w, carol, "<presence from='" TEA "/bob'>", "!jid=", "!110");
	expect(w, bob, "id='p1'", "110", "!owner");
	/* The same again is heard by nobody else. */
	say(w, bob, "<presence id='p2' to='" TEA "/bob'><show>xa</show><c xmlns='" NS_CAPS "' ver='v'/></presence>");
	expect(w, bob, "id='p2'", "110");
	expect_nothing(w, alice);
	/* It is what newcomers see. */
	unsigned dave = enter(w, "dave@x.test/d", TEA "/dave");
	bool seen = false;
	for (const struct got *g; (g = next(w, dave));)
		seen = seen || (strstr(g->text, "/bob'") && strstr(g->text, "<show>xa</show>"));
	assert_true(seen);
	world_free(w);
}

static void test_big_presence(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob;
	struct buf xml = {.max = 65536};

	buf_z(&xml, "<presence to='" TEA "/alice'><status>");
	for (int i = 0; i < SHOW_MAX; i++)
		buf_char(&xml, 'x');
	buf_z(&xml, "</status></presence>");
	say(w, alice, buf_cstr(&xml));
	expect(w, alice, "type='error'", "<policy-violation");
	bob = login(w, "bob@x.test/b");
	buf_reset(&xml);
	buf_z(&xml, "<presence to='" TEA "/bob'>" MUC "<status>");
	for (int i = 0; i < SHOW_MAX; i++)
		buf_char(&xml, 'x');
	buf_z(&xml, "</status></presence>");
	say(w, bob, buf_cstr(&xml));
	expect(w, bob, "type='error'", "<policy-violation");
	buf_clear(&xml);
	world_free(w);
}

static void test_nick(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, bob, "<presence id='n' to='" TEA "/Bobby'><show>chat</show></presence>");
	expect(w, carol, "from='" TEA "/bob'", "type='unavailable'", "nick='Bobby'", "role='participant'", "303",
		"!110", "!jid=");
	expect(w, carol, "from='" TEA "/Bobby'", "!type=", "<show>chat</show>", "!303");
	expect(w, alice, "from='" TEA "/bob'", "jid='bob@x.test/b'", "303");
	expect(w, alice, "from='" TEA "/Bobby'", "jid='bob@x.test/b'");
	expect(w, bob, "from='" TEA "/bob'", "303", "110");
	expect(w, bob, "from='" TEA "/Bobby'", "110", "id='n'");
	expect_nothing(w, carol);
	say(w, bob, "<presence to='" TEA "/carol'/>");
	expect(w, bob, "from='" TEA "/carol'", "type='error'", "<conflict");
	/* His own in capitals is his. */
	say(w, bob, "<presence to='" TEA "/BOBBY'/>");
	expect(w, bob, "303");
	expect(w, bob, "from='" TEA "/BOBBY'", "110");
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>me</body></message>");
	expect(w, bob, "from='" TEA "/BOBBY'", "<body>me");
	/* The old one is free. */
	unsigned dave = enter(w, "dave@x.test/d", TEA "/bob");
	while (next(w, dave))
		;
	assert_int_equal(room_count(tea(w)), 4);
	/* Leaving by an old name is leaving. */
	say(w, bob, "<presence type='unavailable' to='" TEA "/Bobby'/>");
	assert_int_equal(room_count(tea(w)), 3);
	world_free(w);
}

static void test_resync(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, alice, "<message type='groupchat' to='" TEA "'><body>hm</body></message>");
	forget_all(w);
	join(w, bob, TEA "/bob");
	expect(w, bob, "from='" TEA "/alice'");
	expect(w, bob, "from='" TEA "/bob'", "110");
	expect(w, bob, "<body>hm", "<delay");
	expect(w, bob, "<subject>");
	expect_nothing(w, bob);
	expect_nothing(w, alice);
	assert_int_equal(tea(w)->audience.n, 2);
	/* To another nick it is a change of nick. */
	join(w, bob, TEA "/robert");
	expect(w, bob, "303");
	assert_int_equal(room_count(tea(w)), 2);
	world_free(w);
}

static void test_several_sessions(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), phone;

	forget_all(w);
	phone = login(w, "bob@x.test/phone");
	say(w, phone, "<presence id='j' to='" TEA "/bob'><show>dnd</show>" MUC "</presence>");
	expect(w, phone, "from='" TEA "/alice'");
	expect(w, phone, "from='" TEA "/bob'", "110", "id='j'", "!201");
	expect(w, phone, "<subject>");
	expect(w, alice, "from='" TEA "/bob'", "<show>dnd</show>", "jid='bob@x.test/phone'");
	expect(w, bob, "from='" TEA "/bob'", "110", "<show>dnd</show>");
	expect_nothing(w, alice);
	expect_nothing(w, bob);
	assert_int_equal(room_count(tea(w)), 2);
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>both</body></message>");
	expect(w, bob, "<body>both");
	expect(w, phone, "<body>both");
	say(w, alice, "<message type='chat' to='" TEA "/bob'><body>whisper</body></message>");
	expect(w, bob, "<body>whisper");
	expect(w, phone, "<body>whisper");
	forget(w, alice);
	/* One goes: the other is shown. */
	logout(w, phone, false);
	expect(w, alice, "from='" TEA "/bob'", "!type=", "jid='bob@x.test/b'", "!<show>");
	expect(w, bob, "from='" TEA "/bob'", "!type=", "110");
	say(w, bob, "<presence to='" TEA "/bob' type='unavailable'/>");
	expect(w, alice, "from='" TEA "/bob'", "type='unavailable'");
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

static void test_many_sessions(void **state)
{
	struct world *w = world_new(NULL);
	unsigned conn[VISITS_PER_NICK + 1];
	char jid[64];

	open_tea(w, "");
	for (int i = 0; i <= VISITS_PER_NICK; i++) {
		snprintf(jid, sizeof(jid), "bob@x.test/%d", i);
		conn[i] = enter(w, jid, TEA "/bob");
	}
	expect(w, conn[VISITS_PER_NICK], "type='error'", "<resource-constraint");
	assert_int_equal(tea(w)->audience.n, VISITS_PER_NICK + 1);
	/* A change of nick is that of all. */
	forget_all(w);
	say(w, conn[3], "<presence to='" TEA "/rob'/>");
	for (int i = 0; i < VISITS_PER_NICK; i++) {
		expect(w, conn[i], "from='" TEA "/bob'", "303", "110");
		expect(w, conn[i], "from='" TEA "/rob'", "110");
		expect_nothing(w, conn[i]);
	}
	for (int i = 0; i < VISITS_PER_NICK; i++)
		logout(w, conn[i], false);
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

/* Sessions that went without a word. */
static void test_ghosts(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol"), again;

	logout(w, bob, true);
	logout(w, carol, true);
	assert_int_equal(room_count(tea(w)), 3);
	forget_all(w);
	/* The same address comes back: the old one has gone. */
	again = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, alice, "from='" TEA "/bob'", "type='unavailable'");
	expect(w, alice, "from='" TEA "/bob'", "!type=");
	forget(w, again);
	/* Somebody else wants the nick of a dead one. */
	unsigned dave = enter(w, "dave@x.test/d", TEA "/carol");
	expect(w, alice, "from='" TEA "/carol'", "type='unavailable'");
	expect(w, alice, "from='" TEA "/carol'", "jid='dave@x.test/d'");
	forget(w, dave);
	/* And nobody asks: they are found. */
	logout(w, dave, true);
	logout(w, again, true);
	forget(w, alice);
	sleep_ms(w, 600000);
	expect(w, alice, "type='unavailable'");
	expect(w, alice, "type='unavailable'");
	assert_int_equal(room_count(tea(w)), 1);
	logout(w, alice, true);
	sleep_ms(w, 600000);
	assert_null(tea(w));
	world_free(w);
}

/* Users without sessions here are reached by address. */
static void test_remote(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob;

	say_far(w, "zoe@far.test/z", "<presence id='j' to='" TEA "/zoe'>" MUC "</presence>");
	expect(w, 0, "from='" TEA "/alice'", "to='zoe@far.test/z'", "!jid=");
	expect(w, 0, "from='" TEA "/zoe'", "to='zoe@far.test/z'", "110", "id='j'");
	expect(w, 0, "<subject>");
	expect_nothing(w, 0);
	expect(w, alice, "from='" TEA "/zoe'", "jid='zoe@far.test/z'");
	say_far(w, "zoe@far.test/z", "<message type='groupchat' id='x' to='" TEA "'><body>hi</body></message>");
	expect(w, alice, "from='" TEA "/zoe'", "<body>hi");
	expect(w, 0, "from='" TEA "/zoe'", "to='zoe@far.test/z'", "<body>hi");
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, 0, "from='" TEA "/bob'", "to='zoe@far.test/z'");
	say(w, bob, "<message type='chat' to='" TEA "/zoe'><body>psst</body></message>");
	expect(w, 0, "from='" TEA "/bob'", "type='chat'", "<body>psst");
	forget_all(w);
	/* An error that only says no keeps her in, one that says she is gone does not. */
	say_far(w, "zoe@far.test/z",
		"<message type='error' to='" TEA "/bob'><error type='auth'><forbidden xmlns='" NS_STANZAS
		"'/></error></message>");
	expect(w, bob, "type='error'", "from='" TEA "/zoe'");
	assert_int_equal(room_count(tea(w)), 3);
	say_far(w, "zoe@far.test/z",
		"<message type='error' to='" TEA
		"/bob'><error type='cancel'><remote-server-not-found xmlns='" NS_STANZAS "'/></error></message>");
	expect(w, bob, "from='" TEA "/zoe'", "type='unavailable'");
	assert_int_equal(room_count(tea(w)), 2);
	/* A domain that cannot be reached: the presence comes back as an error. */
	say_far(w, "yan@nowhere.test/y", "<presence to='" TEA "/yan'>" MUC "</presence>");
	assert_int_equal(room_count(tea(w)), 2);
	world_free(w);
}

static void test_full(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.occupants_max = 30});
	unsigned alice = open_tea(w, FIELD("maxusers", "3")), bob, boss;

	enter(w, "u1@x.test/b", TEA "/u1");
	enter(w, "u2@x.test/b", TEA "/u2");
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "type='error'", "<error type='wait'><service-unavailable");
	say(w, alice, ADMIN("<item affiliation='admin' jid='boss@x.test'/>"));
	boss = enter(w, "boss@x.test/b", TEA "/boss");
	expect(w, boss, "!type='error'");
	assert_int_equal(room_count(tea(w)), 4);
	configure(w, alice, TEA, FIELD("maxusers", ""));
	/* The service's own limit is everybody's. */
	for (int i = 0; i < 40; i++) {
		char jid[64], address[64];
		snprintf(jid, sizeof(jid), "v%d@x.test/r", i);
		snprintf(address, sizeof(address), TEA "/v%d", i);
		enter(w, jid, address);
	}
	assert_int_equal(room_count(tea(w)), 30);
	world_free(w);
}

/* Admins and owners enter a full room, but 20 only (7.2.9): else who may make admins fills it without end. */
static void test_full_of_admins(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("maxusers", "1")), last = alice;

	for (int i = 0; i <= 20; i++) {
		char item[512], jid[64], address[64];

		snprintf(item, sizeof(item), ADMIN("<item affiliation='admin' jid='a%d@x.test'/>"), i);
		say(w, alice, item);
		snprintf(jid, sizeof(jid), "a%d@x.test/r", i);
		snprintf(address, sizeof(address), TEA "/a%d", i);
		last = enter(w, jid, address);
		assert_int_equal(room_count(tea(w)), i < 20 ? i + 2 : 21);
	}
	expect(w, last, "type='error'", "<service-unavailable");
	world_free(w);
}

static void test_rooms_max(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.rooms_max = 3});
	unsigned alice = login(w, "alice@x.test/a");

	join(w, alice, "r1@rooms.test/alice");
	join(w, alice, "r2@rooms.test/alice");
	configure(w, alice, "r1@rooms.test", FIELD("persistentroom", "1"));
	join(w, alice, "r3@rooms.test/alice");
	forget_all(w);
	join(w, alice, "r4@rooms.test/alice");
	expect(w, alice, "type='error'", "<resource-constraint");
	say(w, alice, "<presence type='unavailable' to='r3@rooms.test/alice'/>");
	forget_all(w);
	join(w, alice, "r4@rooms.test/alice");
	expect(w, alice, "201");
	world_free(w);
}

static void test_history_wish(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	char xml[256];
	static const struct {
		const char *wish;
		int first; /* number of the first message; 30: none */
	} cases[] = {
		{"", 10},
		{"<history maxstanzas='3'/>", 27},
		{"<history maxstanzas='0'/>", 30},
		{"<history maxchars='0'/>", 30},
		{"<history seconds='5'/>", 25},
		{"<history seconds='5' maxstanzas='2'/>", 28},
		{"<history since='2027-01-15T08:00:27Z'/>", 26},
		{"<history since='1970-01-01T00:00:00Z'/>", 10},
		{"<history since='nonsense' maxstanzas='-1'/>", 10},
		{"<history maxstanzas='99999999999999999999'/>", 10},
	};

	for (int i = 0; i < 30; i++) {
		snprintf(xml, sizeof(xml), "<message type='groupchat' to='" TEA "'><body>number %02d</body></message>",
			i);
		say(w, alice, xml);
		w->now += 1000;
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned bob;
		char jid[32];
		snprintf(jid, sizeof(jid), "bob@x.test/%zu", i);
		bob = login(w, jid);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'>%s</x></presence>",
			cases[i].wish);
		say(w, bob, xml);
		expect(w, bob, "/alice'");
		expect(w, bob, "110");
		for (int n = cases[i].first; n < 30; n++) {
			snprintf(xml, sizeof(xml), "number %02d", n);
			expect(w, bob, xml, "<delay");
		}
		expect(w, bob, "<subject>");
		logout(w, bob, false);
	}
	world_free(w);
}

static void test_max_chars(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");
	char xml[256];
	size_t one;

	for (int i = 0; i < 3; i++)
		say(w, alice, "<message type='groupchat' id='i' to='" TEA "'><body>same</body></message>");
	forget_all(w);
	join(w, bob, TEA "/bob");
	expect(w, bob, "/alice'");
	expect(w, bob, "110");
	one = strlen(expect(w, bob, "same")->text);
	for (size_t extra = 0; extra < 2; extra++) {
		forget_all(w);
		snprintf(xml, sizeof(xml),
			"<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><history maxchars='%zu'/></x></presence>",
			2 * one - 1 + extra);
		say(w, bob, xml);
		expect(w, bob, "/alice'");
		expect(w, bob, "110");
		for (size_t i = 0; i < 1 + extra; i++)
			expect(w, bob, "same");
		expect(w, bob, "<subject>");
	}
	world_free(w);
}

/* 7.2.11: where nobody else may, only an administrator of the service makes a room. */
static void test_admins_make(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.only_admins_make = true, .admins = test_admins});
	unsigned bob = enter(w, "bob@x.test/b", "tea@rooms.test/bob"), root;

	expect(w, bob, "type='error'", "<not-allowed");
	root = enter(w, "root@x.test/r", "tea@rooms.test/root");
	expect(w, root, "<status code='201'/>");
	world_free(w);
}

/* 11.2: all are told, nobody comes in any more, and what is kept is kept. */
static void test_shutdown(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")),
		 bob = enter(w, "bob@x.test/b", "tea@rooms.test/bob"), carol = login(w, "carol@x.test/c");

	forget_all(w);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	rooms_shutdown(&w->rooms->host);
	core_end(w->core);
	turn_out(w);
	expect(w, alice, "from='tea@rooms.test/alice'", "type='unavailable'", "<status code='332'/>", "110");
	expect_nothing(w, alice);
	expect(w, bob, "from='tea@rooms.test/bob'", "type='unavailable'", "<status code='332'/>", "110");
	expect_nothing(w, bob);
	join(w, carol, "tea@rooms.test/carol");
	expect(w, carol, "type='error'", "<resource-constraint");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 1);
	world_restart(w);
	carol = login(w, "carol@x.test/c");
	join(w, carol, "tea@rooms.test/carol");
	expect(w, carol, "affiliation='none'", "110");
	world_free(w);
}

/* 11.1: who cannot be reached leaves with 333, for himself and for the others. */
static void test_unreachable(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");

	say_far(w, "zoe@far.test/z", "<presence to='tea@rooms.test/zoe'>" MUC "</presence>");
	say_far(w, "yan@far.test/y", "<presence to='tea@rooms.test/yan'>" MUC "</presence>");
	forget_all(w);
	say_far(w, "zoe@far.test/z",
		"<message type='error' to='tea@rooms.test/alice'><error type='cancel'><remote-server-timeout xmlns='" NS_STANZAS
		"'/></error></message>");
	expect(w, alice, "from='tea@rooms.test/zoe'", "type='unavailable'", "<status code='333'/>", "!307");
	assert_int_equal(room_count(tea(w)), 2);
	say_far(w, "yan@far.test/y",
		"<presence type='error' to='tea@rooms.test/alice'><error type='cancel'><gone xmlns='" NS_STANZAS
		"'/></error></presence>");
	expect(w, alice, "from='tea@rooms.test/yan'", "type='unavailable'", "<status code='333'/>");
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

/* A guest is in by one session with his machine: what is said to him says which. Who asks to enter again is in by another. */
static void test_by_which_link(void **state)
{
	static const char enter[] = "<presence to='tea@rooms.test/zoe'>" MUC "</presence>";
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");

	for (w->far_by = 7; w->far_by < 9; w->far_by++) {
		say_far(w, "zoe@far.test/z", enter);
		assert_int_equal(w->far_via, w->far_by);
		say(w, alice, "<message to='tea@rooms.test' type='groupchat'><body>hi</body></message>");
		assert_int_equal(w->far_via, w->far_by);
	}
	/* Not by what else he says. */
	say_far(w, "zoe@far.test/z", "<presence to='tea@rooms.test/zoe'><show>away</show></presence>");
	assert_int_equal(w->far_via, 8);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admins_make),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_by_which_link),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_unconfigured),
		cmocka_unit_test(test_unconfigured_replaced),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_nicks),
		cmocka_unit_test(test_look_alikes),
		cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_leave),
		cmocka_unit_test(test_vanishes_between),
		cmocka_unit_test(test_not_in),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_big_presence),
		cmocka_unit_test(test_nick),
		cmocka_unit_test(test_resync),
		cmocka_unit_test(test_several_sessions),
		cmocka_unit_test(test_many_sessions),
		cmocka_unit_test(test_ghosts),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_admins),
		cmocka_unit_test(test_rooms_max),
		cmocka_unit_test(test_history_wish),
		cmocka_unit_test(test_max_chars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
