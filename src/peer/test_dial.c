#include "peer/testing.h"

static const char *bob(void) { return jid_of('b', "bob"); }

static void allow(struct peers_config *c) { c->plaintext = PLAINTEXT_ALLOW; }
static void never(struct peers_config *c) { c->plaintext = PLAINTEXT_NEVER; }

static void only(struct peers_config *c)
{
	c->plaintext = PLAINTEXT_ONLY;
	c->keyless = true;
}

static uint64_t expect_dial(struct world *w, const char *address, bool tls)
{
	char text[64];
	bool said;
	uint64_t id = next_dial(w, text, &said);

	assert_string_equal(text, address);
	assert_int_equal(said, tls);
	return id;
}

#define expect_no_dial(w) assert_null(find_msg(w, MSG_DIAL))

/* Found at three addresses, and something to say. */
static void have_bob(struct world *w, const char *addresses)
{
	found_keyed(w, 'b', "bob@bravo", addresses);
	expect_no_dial(w);
	say_message(w, bob(), "m1", "hi");
}

static void nothing_to_say(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	sleep_ms(w, 100000);
	expect_no_dial(w);
	/* Typing is no reason. */
	say(w, "<message type='chat' from='%s/t' to='%s'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		jid_of('n', "alice"), bob());
	expect_no_dial(w);
	world_free(w);
}

/* Whoever plays an old program calls as one, too: the key that is announced means nothing to it. */
static void without_a_key(void **state)
{
	struct world *w = world_new_with(only);

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, "bob\\40bravo@xep0174.internal", "m1", "hi");
	expect_dial(w, "10.0.0.2:5298", false);
	world_free(w);
}

static void what_is_dialled(void **state)
{
	struct world *w = world_new();
	struct msg *m;

	have_bob(w, "10.0.0.2");
	m = expect_msg(w, MSG_DIAL);
	assert_true(m->dial.tls);
	assert_string_equal(m->dial.address, "10.0.0.2:5298");
	assert_string_equal(m->dial.from, jid_of('n', "alice"));
	assert_string_equal(m->dial.to, bob());
	world_free(w);
}

static void one_after_the_other(void **state)
{
	struct world *w = world_new();

	have_bob(w, "10.0.0.2 fd00::2 10.0.1.2");
	expect_dial(w, "10.0.0.2:5298", true);
	expect_no_dial(w);
	sleep_ms(w, 249);
	expect_no_dial(w);
	sleep_ms(w, 1);
	expect_dial(w, "[fd00::2]:5298", true);
	sleep_ms(w, 249);
	expect_no_dial(w);
	sleep_ms(w, 1);
	expect_dial(w, "10.0.1.2:5298", true);
	sleep_ms(w, 60000);
	expect_no_dial(w);
	world_free(w);
}

/* One that fails does not make the next one wait. */
static void at_once_after_a_failure(void **state)
{
	struct world *w = world_new();
	uint64_t id;

	have_bob(w, "10.0.0.2 10.0.1.2");
	id = expect_dial(w, "10.0.0.2:5298", true);
	dial_fails(w, id, false, false);
	expect_dial(w, "10.0.1.2:5298", true);
	sleep_ms(w, 60000);
	expect_no_dial(w);
	world_free(w);
}

/* More to say while a round is under way changes nothing of it. */
static void writing_on(void **state)
{
	struct world *w = world_new();

	have_bob(w, "10.0.0.2 10.0.1.2");
	expect_dial(w, "10.0.0.2:5298", true);
	sleep_ms(w, 100);
	say_message(w, bob(), "m2", "are you there?");
	expect_no_dial(w);
	sleep_ms(w, 150);
	expect_dial(w, "10.0.1.2:5298", true);
	world_free(w);
}

/* A new address is tried although the others have not failed yet. */
static void found_elsewhere_meanwhile(void **state)
{
	struct world *w = world_new();

	have_bob(w, "10.0.0.2");
	expect_dial(w, "10.0.0.2:5298", true);
	sleep_ms(w, 2000);
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 10.0.1.2");
	sleep_ms(w, 250);
	expect_dial(w, "10.0.1.2:5298", true);
	world_free(w);
}

static void the_best_first(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn;
	struct peer *p;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 10.0.1.2");
	p = row(w, 'b');
	peer_address_put(p, "10.0.3.2:5298", SOURCE_SEEN);
	peer_address_put(p, "10.0.4.2:5298", SOURCE_TOLD);
	command(w, "peer", "accept", "bob", NULL);
	command(w, "peer", "add", "bob@10.0.9.2", NULL);
	say_message(w, bob(), "m1", "hi");
	id = expect_dial(w, "10.0.9.2:5298", true); /* typed */
	dial_fails(w, id, false, false);
	id = expect_dial(w, "10.0.0.2:5298", true); /* of the network, in its order */
	dial_fails(w, id, false, false);
	id = expect_dial(w, "10.0.1.2:5298", true);
	dial_fails(w, id, false, false);
	id = expect_dial(w, "10.0.4.2:5298", true); /* told */
	dial_fails(w, id, false, false);
	id = expect_dial(w, "10.0.3.2:5298", true); /* seen once */
	/* And before all of them the one that worked last. */
	conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = id});
	open_session(w, conn, "token");
	cut(w, conn, false);
	sleep_ms(w, 2000);
	expect_dial(w, "10.0.3.2:5298", true);
	world_free(w);
}

static void later_and_later(void **state)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	struct world *w = world_new();
	char address[64];

	have_bob(w, "10.0.0.2");
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		uint64_t id = expect_dial(w, "10.0.0.2:5298", true);

		dial_fails(w, id, false, false);
		sleep_ms(w, waits[i] - 1);
		expect_no_dial(w);
		/* A quarter of it is chance, so that both ends do not go on in step. */
		sleep_ms(w, 1 + waits[i] / 4 + 64);
		assert_int_equal(msgs_of(w, MSG_DIAL), 1);
	}
	/* A reason to try at once. */
	dial_fails(w, next_dial(w, address, NULL), false, false);
	say_message(w, bob(), "m9", "now?");
	expect_dial(w, "10.0.0.2:5298", true);
	world_free(w);
}

static void a_link_ends_the_round(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn;

	have_bob(w, "10.0.0.2 10.0.1.2 10.0.2.2");
	id = expect_dial(w, "10.0.0.2:5298", true);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = id});
	assert_null(refusal(w, conn));
	sleep_ms(w, 1000);
	expect_no_dial(w);
	open_session(w, conn, "token");
	sleep_ms(w, 100000);
	expect_no_dial(w);
	world_free(w);
}

/* Who asked something wants an answer when nobody can be reached. */
/* A link that breaks is seen by both ends at once: the one that had dialled does so again, the other lets it. */
static void the_same_end_again(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn, again;

	have_bob(w, "10.0.0.2");
	id = expect_dial(w, "10.0.0.2:5298", true);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = id});
	open_session(w, conn, "token");
	cut(w, conn, true);
	sleep_ms(w, 100);
	id = expect_dial(w, "10.0.0.2:5298", true);
	dial_fails(w, id, false, false);
	sleep_ms(w, 60000);
	while (find_msg(w, MSG_DIAL))
		msg_clear(find_msg(w, MSG_DIAL));
	world_free(w);

	w = world_new();
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	conn = link_from(w, 'b', "bob");
	cut(w, conn, true);
	say_message(w, bob(), "m1", "hi"); /* no reason to be faster: he is */
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 10.0.1.2");
	sleep_ms(w, 499);
	expect_no_dial(w);
	again = link_from(w, 'b', "bob");
	expect_sent(w, again, "<body>hi");
	sleep_ms(w, 60000);
	expect_no_dial(w);
	/* He does not. */
	cut(w, again, true);
	sleep_ms(w, 700);
	expect_dial(w, "10.0.0.2:5298", true);
	world_free(w);
}

static void requests_are_answered(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say(w, "<iq type='get' from='%s/t' to='%s' id='q'><query xmlns='jabber:iq:version'/></iq>",
		jid_of('n', "alice"), bob());
	look_away(w);
	dial_fails(w, 0, false, false); /* of nobody */
	assert_int_equal(got_with(w, "type='error'"), 0);
	world_free(w);

	w = world_new();
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say(w, "<iq type='get' from='%s/t' to='%s' id='q'><query xmlns='jabber:iq:version'/></iq>",
		jid_of('n', "alice"), bob());
	dial_fails(w, expect_dial(w, "10.0.0.2:5298", true), false, false);
	expect_got(w, "remote-server-timeout");
	/* And that was all the reason there was. */
	sleep_ms(w, 100000);
	expect_no_dial(w);
	world_free(w);
}

static void a_wrong_key_stops_nothing(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn;

	have_bob(w, "10.0.0.2 10.0.1.2");
	for (int i = 0; i < 2; i++) {
		id = expect_dial(w, "10.0.0.2:5298", true);
		conn = ask_link(w, &(struct asking){.who = 'm', .from = jid_of('m', "bob"), .dial = id});
		assert_string_equal(refusal(w, conn), "another key was expected here");
		/* Said once. */
		assert_int_equal(got_with(w, "somebody else answered"), i == 0);
		dial_fails(w, id, true, true);
		id = expect_dial(w, "10.0.1.2:5298", true);
		dial_fails(w, id, false, false);
		look_away(w);
		sleep_ms(w, 1400 + 1000 * i);
	}
	assert_null(row(w, 'm'));
	assert_int_equal(row(w, 'b')->outbox.n, 1);
	world_free(w);
}

/* ---- an address and nothing more ---- */

static void typed(void **state)
{
	struct world *w = world_new();
	struct msg *m;

	command(w, "peer", "add", "10.0.0.7:4000", NULL);
	assert_false(w->reply_failed);
	m = expect_msg(w, MSG_DIAL);
	assert_true(m->dial.tls);
	assert_null(m->dial.to);
	assert_int_equal(m->dial.timeout_ms, 3000);
	world_free(w);
}

static void typed_and_speaks_no_tls(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn;

	command(w, "peer", "add", "carol@10.0.0.7", NULL);
	id = expect_dial(w, "10.0.0.7:5298", true);
	/* Nobody there: no reason to try without. */
	dial_fails(w, id, false, false);
	expect_no_dial(w);
	assert_int_equal(got_with(w, "without encryption"), 0);
	sleep_ms(w, 1400);
	id = expect_dial(w, "10.0.0.7:5298", true);
	dial_fails(w, id, true, false);
	expect_no_dial(w);
	expect_got(w, "kind='plaintext'");
	command(w, "peer", "allow", "carol", NULL);
	id = expect_dial(w, "10.0.0.7:5298", true);
	dial_fails(w, id, true, false);
	id = expect_dial(w, "10.0.0.7:5298", false);
	conn = ask_link(w, &(struct asking){.from = "carol@old", .dial = id});
	assert_null(refusal(w, conn));
	open_session(w, conn, NULL);
	assert_null(peers_find(w->peers, STR("carol@typed.internal")));
	assert_int_equal(called(w, "carol")->kind, PEER_LEGACY);
	world_free(w);
}

static void typed_and_never(void **state)
{
	struct world *w = world_new_with(never);
	uint64_t id;

	command(w, "peer", "add", "carol@10.0.0.7", NULL);
	id = expect_dial(w, "10.0.0.7:5298", true);
	dial_fails(w, id, true, false);
	assert_int_equal(expect_msg(w, MSG_DIAL)->dial.starttls, STARTTLS_MUST);
	id = expect_dial(w, "10.0.0.7:5298", false);
	dial_lacks_tls(w, id);
	assert_non_null(strstr(w->reply, "it speaks without encryption only, and this node never does"));
	sleep_ms(w, 1400);
	id = expect_dial(w, "10.0.0.7:5298", true);
	dial_fails(w, id, true, false);
	expect_no_dial(w);
	command(w, "peer", "allow", "carol", NULL);
	assert_true(w->reply_failed);
	world_free(w);
}

/* A key was there and was refused: that is no old program. */
static void typed_and_refused(void **state)
{
	struct world *w = world_new_with(allow);
	uint64_t id;

	command(w, "peer", "add", "carol@10.0.0.7", NULL);
	id = expect_dial(w, "10.0.0.7:5298", true);
	dial_fails(w, id, true, true);
	expect_no_dial(w);
	world_free(w);
}

/* Another address of somebody who is linked: the second link is refused, here or there, and the address is his all the same. */
static void typed_of_somebody_linked(void **state)
{
	for (int refused_here = 0; refused_here < 2; refused_here++) {
		struct world *w = world_new();
		char who = somebody(false); /* so that the link that he has dialled stays */
		uint64_t id, conn = link_from(w, who, "bob"), second;
		struct peer *p = row(w, who);

		say_message(w, "bob", "m0", "hi");
		command(w, "peer", "add", "robert@10.0.0.99", NULL);
		assert_null(w->reply);
		say_message(w, "robert@typed.internal", "m1", "one");
		id = expect_dial(w, "10.0.0.99:5298", true);
		if (refused_here) {
			second = ask_link(w, &(struct asking){.who = who, .from = jid_of(who, "bob"), .dial = id});
			assert_string_equal(refusal(w, second), "the other link stays");
		} else {
			dial_refused_by(w, id, who);
		}
		assert_non_null(w->reply);
		assert_false(w->reply_failed);
		assert_non_null(strstr(w->reply, "robert is added (key"));
		assert_int_equal(w->peers->peers.n, 1);
		assert_string_equal(p->label, "robert");
		assert_int_equal(p->trust, TRUST_PINNED);
		assert_string_equal(p->addresses[p->address_n - 1].text, "10.0.0.99:5298");
		assert_int_equal(p->addresses[p->address_n - 1].source, SOURCE_TYPED);
		expect_sent(w, conn, "<body>one");
		if (refused_here)
			dial_fails(w, id, true, true);
		sleep_ms(w, 60000);
		expect_no_dial(w);
		world_free(w);
	}
}

/* A key that nobody here knows is no peer before there has been a link. */
static void typed_shows_a_new_key(void **state)
{
	struct world *w = world_new();
	uint64_t id;

	command(w, "peer", "add", "robert@10.0.0.99", NULL);
	id = expect_dial(w, "10.0.0.99:5298", true);
	dial_refused_by(w, id, 'b');
	assert_null(row(w, 'b'));
	assert_int_equal(called(w, "robert")->kind, PEER_TYPED);
	sleep_ms(w, 2000);
	expect_dial(w, "10.0.0.99:5298", true);
	world_free(w);
}

static void typed_of_somebody_blocked(void **state)
{
	struct world *w = world_new();
	uint64_t id;

	link_from(w, 'b', "bob");
	command(w, "peer", "block", "bob", NULL);
	command(w, "peer", "add", "robert@10.0.0.99", NULL);
	id = expect_dial(w, "10.0.0.99:5298", true);
	say_message(w, "robert@typed.internal", "m1", "one");
	look_away(w);
	dial_refused_by(w, id, 'b');
	assert_true(w->reply_failed);
	assert_non_null(strstr(w->reply, "bob is there, whom you have blocked"));
	expect_got(w, "you have blocked this peer");
	assert_int_equal(w->peers->peers.n, 1);
	assert_int_equal(row(w, 'b')->trust, TRUST_BLOCKED);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	world_free(w);
}

/* Twice the same address, with a name the second time, is one row. */
static void typed_twice(void **state)
{
	struct world *w = world_new();

	command(w, "peer", "add", "10.0.0.7", NULL);
	command(w, "peer", "add", "bob@10.0.0.7:5298", NULL);
	assert_int_equal(w->peers->peers.n, 1);
	assert_int_equal(called(w, "bob")->address_n, 1);
	world_free(w);
}

/* We ourselves are there: said once, and not dialled for ever. */
static void typed_is_ourselves(void **state)
{
	struct world *w = world_new();
	uint64_t id;

	command(w, "peer", "add", "10.0.0.5", NULL);
	id = expect_dial(w, "10.0.0.5:5298", true);
	say_message(w, "10.0.0.5\\3a5298@typed.internal", "m1", "one");
	dial_refused_by(w, id, 'n');
	assert_true(w->reply_failed);
	assert_string_equal(w->reply, "10.0.0.5:5298 is this node itself: give the number of the other machine");
	expect_got(w, "at this address is your own node");
	assert_int_equal(w->peers->peers.n, 0);
	/* The adder has not waited: a line for all, once. What he wrote to bob waits until there is an address. */
	command(w, "peer", "add", "bob@10.0.0.5", NULL);
	id = expect_dial(w, "10.0.0.5:5298", true);
	dial_fails(w, id, false, false);
	say_message(w, "bob@typed.internal", "m2", "two");
	id = expect_dial(w, "10.0.0.5:5298", true);
	dial_refused_by(w, id, 'n');
	expect_got(w, "10.0.0.5:5298, where bob was expected, is this node itself");
	sleep_ms(w, 120000);
	expect_no_dial(w);
	assert_int_equal(got_with(w, "this node itself"), 0);
	assert_int_equal(called(w, "bob")->outbox.n, 1);
	command(w, "peer", "add", "bob@10.0.0.6", NULL);
	expect_dial(w, "10.0.0.6:5298", true);
	world_free(w);
}

/* ---- old programs ---- */

static void found_old(struct world *w)
{
	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1 status=avail");
	say_message(w, "carol\\40old@xep0174.internal", "m1", "hi");
}

static void old_ask(void **state)
{
	struct world *w = world_new();

	found_old(w);
	expect_no_dial(w);
	assert_non_null(strstr(expect_got(w, "kind='plaintext'"), "until you allow that (/allow carol)"));
	say_message(w, "carol\\40old@xep0174.internal", "m2", "hi");
	assert_int_equal(got_with(w, "kind='plaintext'"), 0); /* once */
	assert_int_equal(called(w, "carol")->outbox.n, 2);
	command(w, "peer", "allow", "carol", NULL);
	expect_dial(w, "10.0.0.9:5298", false);
	world_free(w);
}

static void old_allow(void **state)
{
	struct world *w = world_new_with(allow);
	struct msg *m;

	found_old(w);
	m = expect_msg(w, MSG_DIAL);
	assert_false(m->dial.tls);
	assert_string_equal(m->dial.from, "alice@alpha");
	assert_string_equal(m->dial.to, "carol@old");
	world_free(w);
}

static void old_never(void **state)
{
	struct world *w = world_new_with(never);

	found_old(w);
	assert_int_equal(expect_msg(w, MSG_DIAL)->dial.starttls, STARTTLS_MUST);
	assert_int_equal(called(w, "carol")->outbox.n, 1);
	world_free(w);
}

/* Whoever has a key is dialled with it, whatever the policy. */
static void a_key_is_never_left_out(void **state)
{
	struct world *w = world_new_with(allow);
	uint64_t id;

	have_bob(w, "10.0.0.2");
	id = expect_dial(w, "10.0.0.2:5298", true);
	dial_fails(w, id, true, false);
	sleep_ms(w, 1400);
	expect_dial(w, "10.0.0.2:5298", true);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_say),
		cmocka_unit_test(without_a_key),
		cmocka_unit_test(what_is_dialled),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(at_once_after_a_failure),
		cmocka_unit_test(writing_on),
		cmocka_unit_test(found_elsewhere_meanwhile),
		cmocka_unit_test(the_best_first),
		cmocka_unit_test(later_and_later),
		cmocka_unit_test(a_link_ends_the_round),
		cmocka_unit_test(the_same_end_again),
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(a_wrong_key_stops_nothing),
		cmocka_unit_test(typed),
		cmocka_unit_test(typed_and_speaks_no_tls),
		cmocka_unit_test(typed_and_never),
		cmocka_unit_test(typed_and_refused),
		cmocka_unit_test(typed_of_somebody_linked),
		cmocka_unit_test(typed_shows_a_new_key),
		cmocka_unit_test(typed_of_somebody_blocked),
		cmocka_unit_test(typed_twice),
		cmocka_unit_test(typed_is_ourselves),
		cmocka_unit_test(old_ask),
		cmocka_unit_test(old_allow),
		cmocka_unit_test(old_never),
		cmocka_unit_test(a_key_is_never_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
