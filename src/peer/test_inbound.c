#include "peer/testing.h"

/* What a pinned peer sends; it is pinned by having been written to. */
static uint64_t pinned(struct world *w, char who)
{
	const char *user = who == 'b' ? "bob" : "carol";
	uint64_t conn = link_from(w, who, user);

	say_message(w, jid_of(who, user), "hello", "hello");
	arrive_all(w, conn);
	assert_int_equal(row(w, who)->trust, TRUST_PINNED);
	look_away(w);
	return conn;
}

static void a_message(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	w->writes = true;
	hear_message(w, conn, 'b', "m1", "hi");
	expect_got(w, "<body>hi</body>");
	assert_int_equal(conn_of(w, conn)->handled, 1);
	/* What is acknowledged is what is committed, the hash with it. */
	assert_true(conn_of(w, conn)->handled_commit > 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_SEEN_ADD), 1);
	world_free(w);
}

static void the_same_again(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear_message(w, conn, 'b', "m1", "hi");
	hear_message(w, conn, 'b', "m1", "hi");
	assert_int_equal(got_with(w, "<body>hi"), 1);
	assert_int_equal(conn_of(w, conn)->handled, 2);
	/* By another link, and after a restart. */
	conn = link_from(w, 'b', "bob");
	hear_message(w, conn, 'b', "m1", "hi");
	assert_int_equal(got_with(w, "<body>hi"), 1);
	assert_int_equal(conn_of(w, conn)->handled, 1);
	world_restart(w);
	conn = link_from(w, 'b', "bob");
	hear_message(w, conn, 'b', "m1", "hi");
	hear_message(w, conn, 'b', "m2", "ho");
	assert_int_equal(got_with(w, "<body>hi"), 0);
	assert_int_equal(got_with(w, "<body>ho"), 1);
	world_free(w);
}

static void ids_are_each_peers_own(void **state)
{
	struct world *w = world_new();
	uint64_t b = pinned(w, 'b'), c = pinned(w, 'c');

	hear_message(w, b, 'b', "m1", "of b");
	hear_message(w, c, 'c', "m1", "of c");
	expect_got(w, "of b");
	expect_got(w, "of c");
	world_free(w);
}

/* Without an id nobody can tell whether it is the same. */
static void without_an_id(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	for (int i = 0; i < 2; i++)
		hear(w, conn, "<message type='chat' from='%s' to='%s'><body>hi</body></message>", jid_of('b', "bob"),
			jid_of('n', "alice"));
	assert_int_equal(got_with(w, "<body>hi"), 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_SEEN_ADD), 0);
	world_free(w);
}

/* It comes again by a new session while the account still has the first in its hands: counted with that, not before. */
static void twins(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b'), other;

	w->hold = true;
	hear_message(w, conn, 'b', "m1", "hi");
	cut(w, conn, false);
	other = link_from(w, 'b', "bob");
	hear_message(w, other, 'b', "m1", "hi");
	assert_int_equal(got_with(w, "<body>hi"), 1);
	assert_int_equal(conn_of(w, other)->handled, 0);
	release(w);
	assert_int_equal(got_with(w, "<body>hi"), 1);
	assert_int_equal(conn_of(w, other)->handled, 1);
	assert_int_equal(w->peers->inflight.n, 0);
	world_free(w);
}

static void twins_of_one_who_is_forgotten(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	w->hold = true;
	hear_message(w, conn, 'b', "m1", "hi");
	hear_message(w, conn, 'b', "m1", "hi");
	command(w, "peer", "del", "bob", NULL);
	assert_false(w->reply_failed);
	release(w);
	pump(w);
	world_free(w);
}

/* ---- from its rooms ---- */

/* A word between two in a room, or an invitation, comes from the room's address. */
static void hear_private(struct world *w, uint64_t conn, const char *nick, const char *id)
{
	hear(w, conn, "<message type='chat' from='lunch@rooms.%s/%s' to='%s' id='%s'><body>I am %s</body></message>",
		domain_of('b'), nick, jid_of('n', "alice"), id, nick);
}

static void rooms_are_counted_too(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear_private(w, conn, "carol", "1");
	hear_private(w, conn, "carol", "1");
	assert_int_equal(got_with(w, "I am carol"), 1);
	assert_int_equal(conn_of(w, conn)->handled, 2);
	assert_int_equal(w->peers->inflight.n, 0);
	world_restart(w);
	conn = link_from(w, 'b', "bob");
	hear_private(w, conn, "carol", "1");
	assert_int_equal(got_with(w, "I am carol"), 0);
	assert_int_equal(conn_of(w, conn)->handled, 1);
	world_free(w);
}

/* Those in a room choose their ids each for himself. */
static void occupants_have_ids_of_their_own(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear_private(w, conn, "carol", "1");
	hear_private(w, conn, "dave", "1");
	hear_message(w, conn, 'b', "1", "I am bob");
	expect_got(w, "I am carol");
	expect_got(w, "I am dave");
	expect_got(w, "I am bob");
	world_free(w);
}

/* ---- whom it is for ---- */

static void our_user_whatever_he_is_called(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear(w, conn, "<message type='chat' from='%s' to='%s' id='1'><body>wrong name</body></message>",
		jid_of('b', "bob"), jid_of('n', "alicia"));
	hear(w, conn, "<message type='chat' from='%s' to='%s' id='2'><body>no name</body></message>",
		jid_of('b', "bob"), domain_of('n'));
	hear(w, conn, "<message type='chat' from='%s' to='%s/tui' id='3'><body>a client</body></message>",
		jid_of('b', "bob"), jid_of('n', "alicia"));
	assert_non_null(strstr(expect_got(w, "wrong name"), jid_of('n', "alice")));
	assert_non_null(strstr(expect_got(w, "no name"), jid_of('n', "alice")));
	assert_non_null(strstr(expect_got(w, "a client"), jid_of('n', "alice")));
	assert_int_equal(conn_of(w, conn)->handled, 3);
	world_free(w);
}

/* A request to somebody who is not there is answered as one. */
static void requests_are_not_readdressed(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear(w, conn, "<iq type='get' from='%s' to='%s' id='1'><query xmlns='jabber:iq:version'/></iq>",
		jid_of('b', "bob"), jid_of('n', "alicia"));
	expect_sent(w, conn, "type='error'");
	world_free(w);
}

static void no_relay(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b'), other = pinned(w, 'c');
	static const char *const to[] = {"%s", "example.org", "a@xep0174.internal", "peers.internal"};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(to); i++, n++)
		hear(w, conn, "<message type='chat' from='%s' to='%s' id='%zu'><body>pass it on</body></message>",
			jid_of('b', "bob"), i ? to[i] : jid_of('c', "bob"), i);
	assert_int_equal(sent_with(w, conn, "item-not-found"), n);
	assert_int_equal(sent_with(w, other, "pass it on"), 0);
	assert_int_equal(got_with(w, "pass it on"), 0);
	assert_int_equal(conn_of(w, conn)->handled, n);
	world_free(w);
}

static void our_rooms(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');

	hear(w, conn,
		"<presence from='%s/x' to='lunch@rooms.%s/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
		jid_of('b', "bob"), domain_of('n'));
	assert_int_equal(w->room_tail, 1);
	assert_int_equal(w->tail - w->head, 0);
	world_free(w);
}

/* ---- strangers ---- */

static void a_request(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	hear_message(w, conn, 'b', "m1", "hi");
	expect_got(w, "kind='request'");
	expect_got(w, "<body>hi</body>");
	hear_message(w, conn, 'b', "m2", "are you there?");
	assert_int_equal(got_with(w, "kind='request'"), 0);
	assert_int_equal(row(w, 'b')->trust, TRUST_NEW);
	assert_true(row(w, 'b')->stored);
	world_free(w);
}

static void come(struct world *w, bool available)
{
	look_away(w);
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_show(&w->peers->host, available, STR_NONE, STR_NONE);
	core_end(w->core);
	pump(w);
}

/* Whoever was not there when a stranger wrote is told when he comes, also by a node that was started anew, until he has said
 * something to it. */
static void a_request_to_nobody(void **state)
{
	static const char *const answers[] = {"accept", "block", NULL};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct world *w = world_new();
		uint64_t conn = link_from(w, 'b', "bob");

		hear_message(w, conn, 'b', "m1", "hi");
		for (int k = 0; k < 3; k++) {
			come(w, true);
			assert_non_null(strstr(expect_got(w, "kind='request'"), "/accept bob"));
			come(w, true); /* another client */
			assert_int_equal(got_with(w, "kind='request'"), 0);
			come(w, false);
			if (k == 1)
				world_restart(w);
		}
		if (answers[i])
			command(w, "peer", answers[i], "bob", NULL);
		else
			say_message(w, jid_of('b', "bob"), "m2", "hello");
		come(w, true);
		assert_int_equal(got_with(w, "kind='request'"), 0);
		world_restart(w);
		come(w, true);
		assert_int_equal(got_with(w, "kind='request'"), 0);
		world_free(w);
	}
}

/* Who has no key stays without, but is not spoken of again after an answer. */
static void an_old_program_answered(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1 status=avail");
	conn = ask_link(w, &(struct asking){.from = "carol@old"});
	open_session(w, conn, NULL);
	hear(w, conn, "<message type='chat' from='carol\\40old@xep0174.internal'><body>hi</body></message>");
	come(w, true);
	expect_got(w, "kind='request'");
	say_message(w, "carol\\40old@xep0174.internal", "m1", "hi");
	come(w, false);
	world_restart(w);
	come(w, true);
	assert_int_equal(got_with(w, "kind='request'"), 0);
	world_free(w);
}

/* Twenty at once, then one a second; what is too much goes back, and went back for good: it may be said again, but not come
 * again. */
static void not_too_many(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char id[16];

	for (int i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "flood");
	}
	assert_int_equal(got_with(w, "flood"), 20);
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 5);
	look_away(w);
	sleep_ms(w, 3000);
	hear_message(w, conn, 'b', "m20", "flood");
	assert_int_equal(got_with(w, "flood"), 0);
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 1);
	for (int i = 25; i < 30; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "flood");
	}
	assert_int_equal(got_with(w, "flood"), 3);
	/* What was there before costs nothing. */
	hear_message(w, conn, 'b', "m0", "flood");
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 3);
	assert_int_equal(got_with(w, "kind='request'"), 0);
	world_free(w);
}

/* That he types is no message: it takes nothing from what he may say, makes no request, and is dropped where it is too much. */
static void typing_is_no_message(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char id[16];

	for (int i = 0; i < 200; i++)
		hear(w, conn,
			"<message type='chat' from='bob@%s/x' to='alice@%s'%s><%s "
			"xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/></message>",
			domain_of('b'), domain_of('n'), i % 5 ? "" : " id='typing'", i % 2 ? "paused" : "composing");
	assert_int_equal(got_with(w, "chatstates"), 100);
	assert_int_equal(got_with(w, "kind='request'"), 0);
	assert_int_equal(sent_with(w, conn, "type='error'"), 0);
	assert_false(row(w, 'b')->stored);
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "hello");
	}
	assert_int_equal(got_with(w, "hello"), 20);
	assert_int_equal(got_with(w, "kind='request'"), 1);
	assert_int_equal(sent_with(w, conn, "type='error'"), 0);
	/* With a text it is one, whatever is said beside it. */
	hear(w, conn,
		"<message type='chat' from='bob@%s/x' to='alice@%s' id='more'><body>more</body><active "
		"xmlns='http://jabber.org/protocol/chatstates'/></message>",
		domain_of('b'), domain_of('n'));
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 1);
	/* What is to be kept, or long, counts as well. */
	hear(w, conn,
		"<message type='chat' from='bob@%s/x' to='alice@%s' id='kept'><active "
		"xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/></message>",
		domain_of('b'), domain_of('n'));
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 2);
	hear(w, conn,
		"<message type='chat' from='bob@%s/x' to='alice@%s' id='long'><active "
		"xmlns='http://jabber.org/protocol/chatstates'>%2000s</active></message>",
		domain_of('b'), domain_of('n'), "x");
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 3);
	look_away(w);
	sleep_ms(w, 1000);
	hear(w, conn,
		"<message type='chat' from='bob@%s/x' to='alice@%s'><paused "
		"xmlns='http://jabber.org/protocol/chatstates'/></message>",
		domain_of('b'), domain_of('n'));
	assert_int_equal(got_with(w, "chatstates"), 1);
	world_free(w);
}

static void hear_in_room(struct world *w, uint64_t conn, const char *kind, const char *type)
{
	hear(w, conn, "<%s from='bob@%s/x' to='lunch@rooms.%s/bob'%s><body>loud</body></%s>", kind, domain_of('b'),
		w->peers->domain, type, kind);
}

static unsigned heard_in_rooms(struct world *w, unsigned *from)
{
	unsigned n = w->room_tail - *from;

	*from = w->room_tail;
	return n;
}

/* In our rooms, too; but who has too much to say may leave, and is let in when he is known. */
static void not_too_many_in_rooms(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	unsigned from = 0;

	for (int i = 0; i < 30; i++)
		hear_in_room(w, conn, i % 2 ? "message" : "presence", i % 2 ? " type='groupchat'" : "");
	assert_int_equal(heard_in_rooms(w, &from), 20);
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 10);
	hear_in_room(w, conn, "presence", " type='unavailable'");
	assert_int_equal(heard_in_rooms(w, &from), 1);
	/* Our user he may still write to. */
	hear_message(w, conn, 'b', "m", "hi");
	assert_int_equal(got_with(w, "<body>hi"), 1);
	command(w, "peer", "accept", "bob", NULL);
	for (int i = 0; i < 30; i++)
		hear_in_room(w, conn, "message", " type='groupchat'");
	assert_int_equal(heard_in_rooms(w, &from), 30);
	world_free(w);
}

static void not_too_much(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	static char big[60001];
	char id[16];

	memset(big, 'x', sizeof(big) - 1);
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, big);
		sleep_ms(w, 1000);
	}
	/* 1 MiB of one */
	assert_int_equal(got_with(w, "xxxx"), 17);
	assert_true(w->peers->strangers_bytes <= STRANGER_BYTES);
	command(w, "peer", "del", "bob", NULL);
	pump(w);
	assert_int_equal(w->peers->strangers_bytes, 0);
	/* Nor does it count any more of whoever is accepted. */
	conn = link_from(w, 'c', "carol");
	hear_message(w, conn, 'c', "m", big);
	assert_true(w->peers->strangers_bytes > 60000);
	command(w, "peer", "accept", "carol", NULL);
	assert_int_equal(w->peers->strangers_bytes, 0);
	world_free(w);
}

/* The account holds one, and it comes again by a new link: that is no second message. */
static void a_twin_of_a_strangers_costs_nothing(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char id[16];

	w->hold = true;
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "hi");
	}
	cut(w, conn, false);
	conn = link_from(w, 'b', "bob");
	hear_message(w, conn, 'b', "m0", "hi");
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 0);
	release(w);
	assert_int_equal(conn_of(w, conn)->handled, 1);
	world_free(w);
}

static void answered_it_is_no_stranger(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char id[16];

	hear_message(w, conn, 'b', "m", "hi");
	say_message(w, jid_of('b', "bob"), "a", "who are you?");
	look_away(w);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "flood");
	}
	assert_int_equal(got_with(w, "flood"), 100);
	world_free(w);
}

/* His node may have forgotten, in a crash, that it was told so. */
static void refused_before_he_was_known(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char id[16];

	for (int i = 0; i < 21; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		hear_message(w, conn, 'b', id, "hi");
	}
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 1);
	say_message(w, jid_of('b', "bob"), "a", "who are you?");
	hear_message(w, conn, 'b', "m21", "later");
	look_away(w);
	cut(w, conn, false);
	conn = link_from(w, 'b', "bob");
	hear_message(w, conn, 'b', "m20", "earlier");
	assert_int_equal(got_with(w, "earlier"), 0);
	assert_int_equal(sent_with(w, conn, "resource-constraint"), 1);
	hear_message(w, conn, 'b', "m22", "last");
	assert_int_equal(got_with(w, "last"), 1);
	world_free(w);
}

static void while_the_store_fails(void **state)
{
	struct world *w = world_new();
	uint64_t conn = pinned(w, 'b');
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_STORE_STATE;
	m->store_state.failing = true;
	m->store_state.error = ERR_FULL;
	/* Neither taken nor refused: the connection breaks, the session stays, and it comes again. */
	hear_message(w, conn, 'b', "m1", "hi");
	assert_int_equal(got_with(w, "<body>hi"), 0);
	assert_true(conn_of(w, conn)->closed);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message),
		cmocka_unit_test(the_same_again),
		cmocka_unit_test(ids_are_each_peers_own),
		cmocka_unit_test(without_an_id),
		cmocka_unit_test(twins),
		cmocka_unit_test(twins_of_one_who_is_forgotten),
		cmocka_unit_test(rooms_are_counted_too),
		cmocka_unit_test(occupants_have_ids_of_their_own),
		cmocka_unit_test(our_user_whatever_he_is_called),
		cmocka_unit_test(requests_are_not_readdressed),
		cmocka_unit_test(no_relay),
		cmocka_unit_test(our_rooms),
		cmocka_unit_test(a_request),
		cmocka_unit_test(a_request_to_nobody),
		cmocka_unit_test(an_old_program_answered),
		cmocka_unit_test(not_too_many),
		cmocka_unit_test(typing_is_no_message),
		cmocka_unit_test(not_too_much),
		cmocka_unit_test(not_too_many_in_rooms),
		cmocka_unit_test(a_twin_of_a_strangers_costs_nothing),
		cmocka_unit_test(answered_it_is_no_stranger),
		cmocka_unit_test(refused_before_he_was_known),
		cmocka_unit_test(while_the_store_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
