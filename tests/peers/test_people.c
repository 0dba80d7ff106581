/* Who is whom: strangers, the blocked, somebody known at an address that was typed in, a shared password, codes compared by
 * people, addresses that peers tell. */
#include <stdio.h>

#include "base/sign.h"
#include "tests/peers/pair.h"
#include "xmpp/told.h"

static struct pair pair;

static void open_two(void) { pair_open(&pair, 2, 0); }

static int teardown(void **state)
{
	pair_close(&pair);
	return 0;
}

static const char *trust(unsigned at, unsigned of)
{
	return inside_trust(pair_core(&pair, at), pair_domain(&pair, of));
}

/* ---- strangers ---- */

/* 0 writes to 1, who does not know him: some messages at once, then one a second, until he is answered. */
static void test_strangers(void **state)
{
	unsigned got = 0, errors = 0;
	char id[16];

	open_two();
	box_found(pair_box(&pair, 0), pair_box(&pair, 1));
	box_step(pair_box(&pair, 0));
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "s%u", i);
		pair_send(&pair, 0, 1, id);
	}
	world_settle(&pair.world);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "s%u", i);
		got += pair_got(&pair, 1, 0, id);
		errors += pair_errors(&pair, 0, id);
		assert_true(pair_got(&pair, 1, 0, id) + pair_errors(&pair, 0, id) == 1);
	}
	assert_in_range(got, 1, 21);
	assert_int_equal(got + errors, 40);
	assert_int_equal(guest_count(&pair.guests[1], "kind='request'"), 1);
	assert_string_equal(trust(1, 0), "new");
	world_pass(&pair.world, 1500);
	pair_send(&pair, 0, 1, "later");
	world_settle(&pair.world);
	assert_int_equal(pair_got(&pair, 1, 0, "later"), 1);
	pair_send(&pair, 1, 0, "answer");
	world_settle(&pair.world);
	assert_string_equal(trust(1, 0), "pinned");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		pair_send(&pair, 0, 1, id);
		world_settle(&pair.world);
		assert_int_equal(pair_got(&pair, 1, 0, id), 1);
	}
}

/* 64 KiB a stanza: the sender's node does not even try. */
static void test_long_from_a_stranger(void **state)
{
	char *text = xcalloc(1, 70001);
	struct buf out;

	open_two();
	box_found(pair_box(&pair, 0), pair_box(&pair, 1));
	box_step(pair_box(&pair, 0));
	memset(text, 'a', 70000);
	buf_init(&out, 1 << 20);
	buf_fmt(&out, "<message to='%s' type='chat' id='long'><body>", pair_box(&pair, 1)->jid);
	buf_z(&out, text);
	buf_z(&out, "</body></message>");
	client_send(&pair.guests[0].client, buf_view(&out), 1);
	world_settle(&pair.world);
	assert_int_equal(pair_errors(&pair, 0, "long"), 1);
	buf_clear(&out);
	xfree(text);
}

static void test_blocked(void **state)
{
	open_two();
	pair_meet(&pair);
	assert_true(box_command(pair_box(&pair, 1), NULL, "peer block %s", pair_domain(&pair, 0)));
	world_settle(&pair.world);
	guest_forget(&pair.guests[1]);
	pair_send(&pair, 0, 1, "m1");
	pair_send(&pair, 1, 0, "m2");
	world_pass(&pair.world, 100000);
	assert_int_equal(pair_got(&pair, 1, 0, "m1"), 0);
	assert_int_equal(pair_errors(&pair, 1, "m2"), 1);
	assert_false(inside_is_linked(pair_core(&pair, 0), pair_domain(&pair, 1)));
	assert_int_equal(world_cables(&pair.world, 0, 1), 0);
	assert_true(box_command(pair_box(&pair, 1), NULL, "peer unblock %s", pair_domain(&pair, 0)));
	world_pass(&pair.world, 100000);
	assert_int_equal(pair_got(&pair, 1, 0, "m1"), 1);
}

/* ---- typed addresses ---- */

static void test_typed_somebody_known(void **state)
{
	open_two();
	pair_meet(&pair);
	assert_true(box_command(pair_box(&pair, 0), NULL, "peer add carol@10.0.4.2:5298"));
	client_fmt(&pair.guests[0].client, 1,
		"<message to='carol@typed.internal' type='chat' id='m1'><body>x</body></message>");
	world_pass(&pair.world, 10000);
	assert_int_equal(pair_got(&pair, 1, 0, "m1"), 1);
	assert_false(inside_is_known(pair_core(&pair, 0), "carol@typed.internal"));
	pair_send(&pair, 0, 1, "m2");
	world_settle(&pair.world);
	assert_int_equal(pair_got(&pair, 1, 0, "m2"), 1);
	pair_expect_linked(&pair, 0, 1);
}

static void test_typed_with_no_discovery(void **state)
{
	open_two();
	assert_true(box_command(pair_box(&pair, 0), NULL, "peer add bob@%s", pair_box(&pair, 1)->address));
	client_fmt(&pair.guests[0].client, 1,
		"<message to='bob@typed.internal' type='chat' id='m1'><body>x</body></message>");
	world_pass(&pair.world, 10000);
	assert_int_equal(pair_got(&pair, 1, 0, "m1"), 1);
	assert_string_equal(trust(0, 1), "pinned");
	assert_string_equal(trust(1, 0), "new");
}

static void restart(unsigned i)
{
	box_crash(pair_box(&pair, i), LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	pair_restart(&pair, i);
}

/* Nobody says a word, nobody is seen on the network; each sees that the other is there, also when one of them comes back. */
static void test_typed_and_silent(void **state)
{
	static const int NOBODY_STARTS = 2;

	open_two();
	assert_true(box_command(pair_box(&pair, 0), NULL, "peer add bob@%s", pair_box(&pair, 1)->address));
	assert_true(box_command(pair_box(&pair, 1), NULL, "peer accept u0"));
	for (int i = NOBODY_STARTS; i >= 0; i--) {
		if (i < NOBODY_STARTS)
			restart((unsigned)i);
		world_pass(&pair.world, i < NOBODY_STARTS ? 10000 : 100);
		pair_expect_linked(&pair, 0, 1);
		for (unsigned k = 0; k < 2; k++) {
			guest_forget(&pair.guests[k]);
			guest_say(&pair.guests[k], "<presence><status>here</status></presence>");
		}
		guest_expect(&pair.guests[0], "<status>here</status>");
		guest_expect(&pair.guests[1], "<status>here</status>");
	}
}

/* ---- a shared password ---- */

static void set_password(unsigned at, const char *password)
{
	assert_true(box_command(pair_box(&pair, at), NULL, "peer set-password %s %s", pair_domain(&pair, 1 - at),
		password));
}

static void link_again(void)
{
	world_cut(&pair.world, 0, 1);
	pair_send(&pair, 0, 1, "again");
	world_pass(&pair.world, 10000);
	assert_true(inside_is_linked(pair_core(&pair, 0), pair_domain(&pair, 1)));
}

static void test_right_password(void **state)
{
	open_two();
	pair_meet(&pair);
	set_password(0, "correct-horse");
	world_pass(&pair.world, 1000);
	assert_string_equal(trust(0, 1), "pinned");
	set_password(1, "correct-horse");
	world_pass(&pair.world, 1000);
	link_again();
	assert_string_equal(trust(0, 1), "verified");
	assert_string_equal(trust(1, 0), "verified");
	pair_expect_linked(&pair, 0, 1);
}

static void test_wrong_password(void **state)
{
	open_two();
	pair_meet(&pair);
	set_password(0, "correct-horse");
	set_password(1, "battery-staple");
	/* Both are told at the first failure, and what to do. */
	link_again();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(guest_count(&pair.guests[i], "not the same on both machines"), 1);
		assert_int_equal(guest_count(&pair.guests[i], "2 attempts are left"), 1);
		assert_int_equal(guest_count(&pair.guests[i], "wireside peer set-password"), 1);
	}
	for (unsigned i = 0; i < 6; i++)
		link_again();
	assert_string_equal(trust(0, 1), "pinned");
	assert_string_equal(trust(1, 0), "pinned");
	assert_int_equal(guest_count(&pair.guests[0], "failed 3 times"), 1);
	assert_int_equal(guest_count(&pair.guests[1], "failed 3 times"), 1);
	/* The lock is opened by setting it again, at both. */
	set_password(0, "correct-horse");
	link_again();
	assert_string_equal(trust(1, 0), "pinned");
	set_password(1, "correct-horse");
	link_again();
	assert_string_equal(trust(0, 1), "verified");
	assert_string_equal(trust(1, 0), "verified");
}

/* ---- comparing codes ---- */

static void code_of(unsigned at, char ret[32])
{
	const char *found = strstr(buf_cstr(&pair.guests[at].got), "side by side: ");

	assert_non_null(found);
	snprintf(ret, 32, "%.12s", found + 14);
}

static void start_verifying(void)
{
	char code[2][32];

	assert_true(box_command(pair_box(&pair, 0), NULL, "peer verify %s", pair_domain(&pair, 1)));
	world_pass(&pair.world, 2000);
	code_of(0, code[0]);
	code_of(1, code[1]);
	assert_string_equal(code[0], code[1]);
}

static bool say_code(unsigned at, const char *answer)
{
	bool done = box_command(pair_box(&pair, at), NULL, "peer verify %s %s", pair_domain(&pair, 1 - at), answer);

	world_settle(&pair.world);
	return done;
}

static void test_verify_yes(void **state)
{
	open_two();
	pair_meet(&pair);
	start_verifying();
	assert_true(say_code(0, "yes"));
	assert_string_equal(trust(0, 1), "pinned");
	assert_string_equal(trust(1, 0), "pinned");
	assert_true(say_code(1, "yes"));
	assert_string_equal(trust(0, 1), "verified");
	assert_string_equal(trust(1, 0), "verified");
}

static void test_verify_no(void **state)
{
	open_two();
	pair_meet(&pair);
	start_verifying();
	assert_true(say_code(0, "yes"));
	assert_true(say_code(1, "no"));
	assert_string_equal(trust(0, 1), "pinned");
	assert_string_equal(trust(1, 0), "pinned");
	assert_false(say_code(0, "yes"));
	guest_forget(&pair.guests[0]);
	guest_forget(&pair.guests[1]);
	/* One attempt a link: the next one makes a new link by itself. */
	start_verifying();
	assert_true(say_code(1, "yes"));
	assert_true(say_code(0, "yes"));
	assert_string_equal(trust(0, 1), "verified");
}

/* The link breaks in between: nobody is verified by half. */
static void test_verify_cut(void **state)
{
	open_two();
	pair_meet(&pair);
	start_verifying();
	assert_true(say_code(0, "yes"));
	link_again();
	say_code(1, "yes");
	world_settle(&pair.world);
	assert_string_equal(trust(0, 1), trust(1, 0));
}

/* Somebody between, who has somehow come by both keys: it shows before there are codes, and a password does not help him. */
static void test_somebody_between(void **state)
{
	open_two();
	pair_meet(&pair);
	pair.world.between = true;
	link_again();
	assert_true(box_command(pair_box(&pair, 0), NULL, "peer verify %s", pair_domain(&pair, 1)));
	world_pass(&pair.world, 2000);
	/* What 0 has promised holds on its own end of the link only. */
	assert_true(guest_got(&pair.guests[1], "somebody may sit between"));
	assert_false(guest_got(&pair.guests[1], "side by side"));
	assert_false(say_code(0, "yes"));
	assert_false(say_code(1, "yes"));
	for (unsigned i = 0; i < 2; i++)
		set_password(i, "correct-horse");
	link_again();
	assert_string_equal(trust(0, 1), "pinned");
	assert_string_equal(trust(1, 0), "pinned");
}

/* ---- told addresses ---- */

static void tell(struct caller *c, const uint8_t seed[32], const char *address, int64_t life, bool spoil)
{
	struct told told = {.seq = (uint64_t)loop_wall(pair_box(&pair, 0)->stage.loop) + 1000, .count = 1};
	struct buf out;

	told.expires = (int64_t)told.seq + life;
	assert_int_equal(told_addr_parse(str_z(address), &told.addrs[0]), 0);
	buf_init(&out, 4096);
	assert_int_equal(told_write(&out, seed, &told), 0);
	if (spoil)
		memcpy(strstr(out.p, address), "10.9", 4);
	caller_say(c, "<message from='%s' to='%s'>%s</message>", pair_domain(&pair, 1), pair_domain(&pair, 0),
		buf_cstr(&out));
	buf_clear(&out);
}

static bool knows_address(unsigned of, const char *address)
{
	struct buf out;
	bool there;

	buf_init(&out, 4096);
	inside_addresses(pair_core(&pair, 0), pair_domain(&pair, of), &out);
	there = strstr(buf_cstr(&out), address) != NULL;
	buf_clear(&out);
	return there;
}

/* Machine 1's words about itself and about 2. */
static void test_told_addresses(void **state)
{
	struct proof proof;
	struct caller c;

	pair_open(&pair, 3, 0);
	pair_meet(&pair);
	box_crash(pair_box(&pair, 1), LOSE_NOTHING, 1, false);
	world_settle(&pair.world);
	pair.world.deaf[0] = true;
	proof_of(&proof, pair_box(&pair, 1));
	caller_call(&c, &pair.world, pair_box(&pair, 0), &proof, &stream_lan_keyed_in);
	assert_true(caller_enter(&c, pair_box(&pair, 1)->jid));
	tell(&c, pair_box(&pair, 1)->seed, "10.7.0.1:5298", 100000, true);
	assert_false(knows_address(1, "10.9.0.1:5298"));
	assert_false(knows_address(1, "10.7.0.1:5298"));
	tell(&c, pair_box(&pair, 1)->seed, "10.7.0.2:5298", -100000, false);
	assert_false(knows_address(1, "10.7.0.2:5298"));
	tell(&c, pair_box(&pair, 1)->seed, "10.7.0.3:5298", 100000, false);
	assert_true(knows_address(1, "10.7.0.3:5298 told"));
	/* Passed on: what 2 has signed is believed of 2, whoever brings it. */
	tell(&c, pair_box(&pair, 2)->seed, "10.7.0.4:5298", 100000, false);
	assert_true(knows_address(2, "10.7.0.4:5298 told"));
	assert_false(knows_address(1, "10.7.0.4:5298"));
	/* Not again with the same number. */
	tell(&c, pair_box(&pair, 1)->seed, "10.7.0.5:5298", 100000, false);
	assert_false(knows_address(1, "10.7.0.5:5298"));
	caller_hang_up(&c);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strangers),
		TEST(test_long_from_a_stranger),
		TEST(test_blocked),
		TEST(test_typed_somebody_known),
		TEST(test_typed_with_no_discovery),
		TEST(test_typed_and_silent),
		TEST(test_right_password),
		TEST(test_wrong_password),
		TEST(test_verify_yes),
		TEST(test_verify_no),
		TEST(test_verify_cut),
		TEST(test_somebody_between),
		TEST(test_told_addresses),
	};

	return cmocka_run_group_tests(tests, peers_setup, NULL);
}
