/* One session of two nodes, over whatever connections there are: resumed by the end that had not dialled, begun anew after a
 * restart, with numbers that cannot be; and while a store fails. */
#include <stdio.h>

#include "tests/peers/pair.h"
#include "xmpp/ns.h"

static struct pair pair;

static int setup(void **state)
{
	pair_open(&pair, 2, 0);
	pair_meet(&pair);
	return 0;
}

static int teardown(void **state)
{
	pair_close(&pair);
	return 0;
}

static unsigned who_dialled(void) { return inside_dialled(pair_core(&pair, 0), pair_domain(&pair, 1)) ? 0 : 1; }

static void test_resumed_by_the_other_end(void **state)
{
	uint64_t handle = inside_handle(pair_core(&pair, 0), pair_domain(&pair, 1));
	unsigned dialler = who_dialled();

	for (unsigned round = 0; round < 4; round++) {
		char id[16];

		snprintf(id, sizeof(id), "r%u", round);
		pair.world.deaf[dialler] = true;
		pair.world.deaf[1 - dialler] = false;
		world_cut(&pair.world, 0, 1);
		pair_send(&pair, dialler, 1 - dialler, id);
		world_settle(&pair.world);
		dialler = 1 - dialler;
		world_pass(&pair.world, 15000);
		pair_expect_linked(&pair, 0, 1);
		assert_int_equal(who_dialled(), dialler);
		assert_int_equal(pair_got(&pair, dialler, 1 - dialler, id), 1);
		assert_int_equal(inside_handle(pair_core(&pair, 0), pair_domain(&pair, 1)), handle);
	}
}

/* What the other one has stored, but could not say that it has. */
static void test_restart_without_the_last_word(void **state)
{
	struct box *b = pair_box(&pair, 1);

	client_close(&pair.guests[1].client); /* it goes to the offline store */
	world_settle(&pair.world);
	pair_send(&pair, 0, 1, "m1");
	pair_send(&pair, 0, 1, "m2");
	/* The last word is the acknowledgement. */
	LIST_EACH(node, &pair.world.cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		c->fuse[c->from == 1 ? 0 : 1] = 0;
	}
	world_settle(&pair.world);
	pair.world.deaf[0] = pair.world.deaf[1] = true;
	assert_int_equal(inside_waiting(pair_core(&pair, 0)), 2);
	assert_true(inside_has_seen(box_core(b), pair_domain(&pair, 0), "m1"));
	box_crash(b, LOSE_UNSYNCED, 1, false);
	world_settle(&pair.world);
	pair.world.deaf[0] = pair.world.deaf[1] = false;
	pair_send(&pair, 0, 1, "m3");
	box_start(b);
	world_pass(&pair.world, 60000);
	guest_login(&pair.guests[1]);
	guest_say(&pair.guests[1], "<presence/>");
	world_settle(&pair.world);
	for (unsigned i = 1; i <= 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "m%u", i);
		assert_int_equal(pair_got(&pair, 1, 0, id), 1);
	}
	pair_expect_linked(&pair, 0, 1);
}

/* The machine dies, nobody sees it; its node comes back and calls, while the old session is still believed to be up: what
 * had been sent on that goes first. */
static void test_back_before_the_end_is_noticed(void **state)
{
	struct guest *g = &pair.guests[1];
	const char *at[3];

	box_crash(pair_box(&pair, 1), LOSE_UNSYNCED, 1, true);
	pair_send(&pair, 0, 1, "m1");
	pair_send(&pair, 0, 1, "m2");
	world_settle(&pair.world);
	assert_true(inside_is_linked(pair_core(&pair, 0), pair_domain(&pair, 1)));
	pair_restart(&pair, 1);
	box_found(pair_box(&pair, 1), pair_box(&pair, 0));
	pair_send(&pair, 1, 0, "back");
	for (unsigned i = 0; i < 4; i++)
		world_step(&pair.world);
	pair_send(&pair, 0, 1, "m3");
	world_pass(&pair.world, 3000);
	for (unsigned i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%u", i + 1);
		assert_int_equal(pair_got(&pair, 1, 0, id), 1);
		snprintf(id, sizeof(id), " id='m%u'", i + 1);
		at[i] = strstr(buf_cstr(&g->got), id);
	}
	assert_true(at[0] < at[1] && at[1] < at[2]);
	world_mend(&pair.world);
	world_settle(&pair.world);
	pair_expect_linked(&pair, 0, 1);
}

/* ---- numbers ---- */

static void leave_alone(struct caller *c)
{
	struct proof proof;

	box_crash(pair_box(&pair, 1), LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	pair.world.deaf[0] = true;
	proof_of(&proof, pair_box(&pair, 1));
	caller_call(c, &pair.world, pair_box(&pair, 0), &proof, &stream_lan_keyed_in);
}

static void test_an_impossible_number(void **state)
{
	struct caller c;

	pair_send(&pair, 0, 1, "m0");
	world_settle(&pair.world);
	leave_alone(&c);
	pair_send(&pair, 0, 1, "m1");
	assert_true(caller_enter(&c, pair_box(&pair, 1)->jid));
	assert_true(caller_got(&c, " id='m1'"));
	caller_say(&c, "<a xmlns='" NS_SM "' h='4000000000'/>");
	assert_true(caller_got(&c, "handled-count-too-high"));
	assert_true(c.ended);
	caller_hang_up(&c);
	assert_int_equal(inside_waiting(pair_core(&pair, 0)), 1);
	pair.world.deaf[0] = false;
	pair_restart(&pair, 1);
	world_pass(&pair.world, 60000);
	assert_int_equal(pair_got(&pair, 1, 0, "m1"), 1);
	pair_expect_linked(&pair, 0, 1);
}

static void test_resuming_with_an_impossible_number(void **state)
{
	char token[80] = "";
	struct caller c;
	struct proof proof;
	const char *id;

	leave_alone(&c);
	assert_true(caller_enter(&c, pair_box(&pair, 1)->jid));
	id = strstr(buf_cstr(&c.got), "<enabled");
	assert_int_equal(sscanf(strstr(id, " id='"), " id='%79[^']", token), 1);
	pair_send(&pair, 0, 1, "m1");
	caller_hang_up(&c);
	proof_of(&proof, pair_box(&pair, 1));
	caller_call(&c, &pair.world, pair_box(&pair, 0), &proof, &stream_lan_keyed_in);
	caller_say(&c, "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' from='%s' version='1.0'>",
		pair_box(&pair, 1)->jid);
	caller_say(&c, "<resume xmlns='" NS_SM "' previd='%s' h='77777'/>", token);
	assert_true(caller_got(&c, "<failed"));
	assert_true(caller_got(&c, "item-not-found"));
	/* A new session on the same connection gets all that was not acknowledged. */
	caller_forget(&c);
	caller_say(&c, "<enable xmlns='" NS_SM "' resume='true'/>");
	assert_true(caller_got(&c, "<enabled"));
	assert_true(caller_got(&c, " id='m1'"));
	caller_hang_up(&c);
}

static void test_resuming_what_is_somebody_elses(void **state)
{
	struct caller c;

	leave_alone(&c);
	caller_say(&c, "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' from='%s' version='1.0'>",
		pair_box(&pair, 1)->jid);
	caller_say(&c, "<resume xmlns='" NS_SM "' previd='0000000000000001-aaaaaaaaaaaaaaaaaaaa' h='0'/>");
	assert_true(caller_got(&c, "item-not-found"));
	caller_hang_up(&c);
}

/* ---- stores ---- */

static const struct fault_plan full = {.ops = FAULT_CHANGES, .nth = 1, .full = true, .lasting = true};

/* The recipient's: nothing is returned, the sender keeps it. */
static void test_the_recipient_cannot_store(void **state)
{
	char id[16];

	box_break_disk(pair_box(&pair, 1), &full);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		pair_send(&pair, 0, 1, id);
		world_settle(&pair.world);
	}
	world_pass(&pair.world, 70000);
	box_heal_disk(pair_box(&pair, 1));
	world_pass(&pair.world, 70000);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		assert_int_equal(pair_got(&pair, 1, 0, id), 1);
		assert_int_equal(pair_errors(&pair, 0, id), 0);
	}
	pair_expect_linked(&pair, 0, 1);
}

/* The sender's store is slow and then fails, from some turn of the resumption on: what waits on the link for a commit is not
 * taken back, its user has been told that it is safe. */
static void sender_fails_at(unsigned turn)
{
	struct box *b = pair_box(&pair, 0);
	char before[16], late[16];

	snprintf(before, sizeof(before), "b%u", turn);
	snprintf(late, sizeof(late), "l%u", turn);
	pair.world.deaf[1] =
		true; /* so that it is the sender who asks for the session, and is told nothing he must wait for */
	world_cut(&pair.world, 0, 1);
	pair_send(&pair, 0, 1, before);
	for (unsigned i = 0; i < turn; i++) {
		world_tick(&pair.world, 5);
		world_step(&pair.world);
	}
	server_hold_store(b->stage.server, true);
	pair_send(&pair, 0, 1, late);
	world_pass(&pair.world, 1000);
	box_break_disk(b, &full);
	server_hold_store(b->stage.server, false);
	world_pass(&pair.world, 15000);
	box_heal_disk(b);
	world_pass(&pair.world, 60000);
	assert_int_equal(pair_got(&pair, 1, 0, before) + pair_errors(&pair, 0, before), 1);
	assert_int_equal(pair_got(&pair, 1, 0, late) + pair_errors(&pair, 0, late), 1);
	pair_expect_linked(&pair, 0, 1);
}

static void test_the_sender_cannot_store(void **state)
{
	for (unsigned turn = 0; turn < 30; turn++)
		sender_fails_at(turn);
}

/* Discovery is faster than the store. */
static void test_found_before_the_table_is_read(void **state)
{
	struct box *b = pair_box(&pair, 1);

	box_crash(b, LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	box_start(b);
	server_hold_store(b->stage.server, true);
	box_found(b, pair_box(&pair, 0));
	world_settle(&pair.world);
	server_hold_store(b->stage.server, false);
	world_settle(&pair.world);
	guest_online(&pair.guests[1]);
	pair.world.deaf[0] = true; /* so it must know where the other is */
	pair_send(&pair, 1, 0, "m1");
	world_pass(&pair.world, 2000);
	assert_int_equal(pair_got(&pair, 0, 1, "m1"), 1);
}

/* ---- a machine that does not answer ---- */

/* Whoever asks it for something waits; what he says to others, and that he has what they say, does not: a node that reads no more of
 * its client does not know what that has, and gives it all again after a crash. */
static void test_who_waits_for_one_is_not_kept_from_others(void **state)
{
	enum { MORE_THAN_THE_WIRE_TAKES = 80 };
	struct guest *g = &pair.guests[0];
	uint32_t before;

	box_crash(pair_box(&pair, 1), LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	world_apart(&pair.world, 0, 1, true);
	box_crash(pair_box(&pair, 0), LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	pair_restart(&pair, 0); /* so no session is left that could take it */
	guest_forget(g);
	before = g->acked;
	client_fmt(&g->client, 0, "<presence to='lunch@rooms.%s/me'/>", pair_domain(&pair, 1));
	client_fmt(&g->client, 0, "<iq type='get' id='q' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
		pair_domain(&pair, 1));
	for (unsigned i = 0; i < MORE_THAN_THE_WIRE_TAKES; i++)
		client_fmt(&g->client, 1, "<message to='%s' type='chat' id='n%u'><body>note</body></message>",
			pair_box(&pair, 0)->jid, i);
	client_ask(&g->client);
	world_settle(&pair.world);
	assert_int_equal(guest_count(g, "note"), MORE_THAN_THE_WIRE_TAKES);
	assert_int_equal(g->client.sent_n, 0);
	assert_true(g->acked > before);
	/* And is told what came of it, once. */
	assert_false(guest_got(g, "remote-server-timeout"));
	world_pass(&pair.world, 30000);
	assert_int_equal(guest_count(g, "remote-server-timeout"), 2);
	assert_int_equal(guest_count(g, " id='q'"), 1);
	world_apart(&pair.world, 0, 1, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resumed_by_the_other_end),
		TEST(test_restart_without_the_last_word),
		TEST(test_back_before_the_end_is_noticed),
		TEST(test_an_impossible_number),
		TEST(test_resuming_with_an_impossible_number),
		TEST(test_resuming_what_is_somebody_elses),
		TEST(test_the_recipient_cannot_store),
		TEST(test_the_sender_cannot_store),
		TEST(test_found_before_the_table_is_read),
		TEST(test_who_waits_for_one_is_not_kept_from_others),
	};

	return cmocka_run_group_tests(tests, peers_setup, NULL);
}
