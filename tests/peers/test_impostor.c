/* Somebody says that he is somebody else: with no key, with another one, in plain text, encrypted by STARTTLS whatever key
 * that shows, calling or being called. What he says
 * is never shown as the other one's, nothing of ours goes to him, and what was believed of the other one stays as it was. */
#include <stdio.h>

#include "tests/peers/pair.h"
#include "xmpp/ns.h"

/* Machine 0 is deceived, machine 1 is who it is about (and is down), machine 2 has the wrong key. */
static struct pair pair;

enum proven { NO_KEY, WRONG_KEY, RIGHT_KEY, PLAINTEXT, STARTTLS, STARTTLS_RIGHT_KEY, PROVEN_COUNT };
static const char *const proven_names[] = {"no key", "wrong key", "right key", "plaintext", "STARTTLS",
	"STARTTLS with the right key"};

/* As XEP-0174 has it. */
static bool is_legacy(enum proven proven) { return proven >= PLAINTEXT; }
static const char *const trusts[] = {"new", "pinned", "verified"};

static void make_proof(struct proof *p, enum proven proven)
{
	proof_of(p, pair_box(&pair, proven == WRONG_KEY ? 2 : 1));
	p->keyed = proven == WRONG_KEY || proven == RIGHT_KEY || proven == STARTTLS_RIGHT_KEY;
	p->tls = proven != PLAINTEXT;
}

/* By a link with the true one, which then goes. */
static void make_trust(const char *trust, int plaintext)
{
	char code[2][32] = {"", ""};

	pair_open(&pair, 3, plaintext);
	box_found(pair_box(&pair, 0), pair_box(&pair, 1));
	box_found(pair_box(&pair, 1), pair_box(&pair, 0));
	world_settle(&pair.world);
	if (strcmp(trust, "new") != 0) {
		pair_send(&pair, 0, 1, "hello");
		pair_send(&pair, 1, 0, "hello");
		world_settle(&pair.world);
	}
	if (strcmp(trust, "verified") == 0) {
		box_command(pair_box(&pair, 0), NULL, "peer verify %s", pair_domain(&pair, 1));
		world_settle(&pair.world);
		for (unsigned i = 0; i < 2; i++) {
			const char *at = strstr(buf_cstr(&pair.guests[i].got), "side by side: ");

			assert_non_null(at);
			snprintf(code[i], sizeof(code[i]), "%.12s", at + 14);
		}
		assert_string_equal(code[0], code[1]);
		for (unsigned i = 0; i < 2; i++)
			assert_true(
				box_command(pair_box(&pair, i), NULL, "peer verify %s yes", pair_domain(&pair, 1 - i)));
		world_settle(&pair.world);
	}
	assert_string_equal(inside_trust(pair_core(&pair, 0), pair_domain(&pair, 1)), trust);
	box_crash(pair_box(&pair, 1), LOSE_NOTHING, 1, false);
	pair.world.deaf[0] = true;
	world_settle(&pair.world);
	guest_forget(&pair.guests[0]);
}

/* Did our user get it, as of the one that it was said to be from? */
static bool was_deceived(void) { return pair_got(&pair, 0, 1, "lie") > 0; }

/* ---- he calls ---- */

static void call(enum proven proven, const char *claimed)
{
	struct proof proof;
	struct caller c;

	make_proof(&proof, proven);
	caller_call(&c, &pair.world, pair_box(&pair, 0), &proof,
		is_legacy(proven) ? &stream_lan_plain_in : &stream_lan_keyed_in);
	if (is_legacy(proven))
		caller_say(&c,
			"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' from='%s' to='u0@m0'>",
			claimed);
	else
		caller_enter(&c, claimed);
	caller_say(&c, "<message from='%s/x' to='%s' type='chat' id='lie'><body>it is me</body></message>",
		pair_box(&pair, 1)->jid, pair_box(&pair, 0)->jid);
	caller_hang_up(&c);
}

/* With the name that the true one has on the network, with his address, with his own one at the beginning. */
static void test_inbound(void **state)
{
	for (unsigned t = 0; t < 3; t++)
		for (unsigned proven = 0; proven < PROVEN_COUNT; proven++)
			for (int plaintext = 0; plaintext < 3; plaintext++) {
				bool right = proven == RIGHT_KEY;

				make_trust(trusts[t], plaintext);
				call(proven, right ? pair_box(&pair, 1)->jid : "u1@m1");
				if (!right)
					call(proven, pair_box(&pair, 1)->jid);
				if (proven == WRONG_KEY)
					call(proven, pair_box(&pair, 2)->jid);
				if (was_deceived() != right)
					fail_msg("inbound, %s, %s: %s", trusts[t], proven_names[proven],
						right ? "refused" : "believed");
				/* And our user hears of it: by name, where streams without a key are taken at all. */
				if (is_legacy(proven) && !(proven == PLAINTEXT && plaintext == 2))
					assert_true(guest_got(&pair.guests[0],
						proven == PLAINTEXT ? "says without encryption that he is"
								    : "says without the key that he is"));
				assert_string_equal(inside_trust(pair_core(&pair, 0), pair_domain(&pair, 1)),
					trusts[t]);
				pair_close(&pair);
			}
}

/* Known by a typed address alone, and called otherwise here: the network has never told his name, the links have. */
static void test_without_discovery(void **state)
{
	const char *claims[] = {"u1", "u1@m1", "U1@m1", "u1@elsewhere", "robert", "Robert", NULL, NULL};

	for (unsigned proven = PLAINTEXT; proven < PROVEN_COUNT; proven++)
		for (int plaintext = 0; plaintext < 2; plaintext++) {
			pair_open(&pair, 3, plaintext);
			assert_true(box_command(pair_box(&pair, 0), NULL, "peer add %s", pair_box(&pair, 1)->address));
			world_pass(&pair.world, 1000);
			assert_true(box_command(pair_box(&pair, 0), NULL, "peer rename u1 robert"));
			box_crash(pair_box(&pair, 1), LOSE_NOTHING, 1, false);
			pair.world.deaf[0] = true;
			world_settle(&pair.world);
			claims[6] = pair_box(&pair, 1)->jid;
			claims[7] = pair_domain(&pair, 1);
			for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
				guest_forget(&pair.guests[0]);
				call(proven, claims[i]);
				if (!guest_got(&pair.guests[0], "that he is robert") ||
					guest_got(&pair.guests[0], "it is me"))
					fail_msg("%s as %s: believed", proven_names[proven], claims[i]);
			}
			/* Somebody else is somebody else. */
			guest_forget(&pair.guests[0]);
			call(proven, "u2@m1");
			assert_true(guest_got(&pair.guests[0], "it is me"));
			pair_close(&pair);
		}
}

/* Nobody known calls himself so: without a key it is shown, but apart, as who he says he is and not more. */
static void test_unknown_without_a_key(void **state)
{
	for (unsigned proven = PLAINTEXT; proven < PROVEN_COUNT; proven++)
		for (int plaintext = 0; plaintext < 3; plaintext++) {
			bool taken = proven != PLAINTEXT || plaintext != 2;

			pair_open(&pair, 3, plaintext);
			call(proven, "u1@m1");
			assert_false(was_deceived());
			assert_int_equal(guest_got(&pair.guests[0], "@xep0174.internal"), taken);
			assert_int_equal(guest_got(&pair.guests[0], "it is me"), taken);
			pair_close(&pair);
		}
}

/* ---- he is called ---- */

static void answer(enum proven proven)
{
	struct proof proof;
	struct caller c;

	/* Who is called is called by TLS from the first byte; who would begin in the clear has shown nothing. */
	make_proof(&proof, is_legacy(proven) ? PLAINTEXT : proven);
	caller_wait(&c, &pair.world, pair_box(&pair, 0), &proof);
	pair_send(&pair, 0, 1, "secret");
	world_pass(&pair.world, 1000);
	caller_say(&c,
		"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' from='%s' id='1' version='1.0'>"
		"<stream:features>%s<sm xmlns='" NS_SM "'/></stream:features>",
		pair_box(&pair, 1)->jid, proven >= STARTTLS ? "<starttls xmlns='" NS_TLS "'/>" : "");
	if (proven >= STARTTLS)
		caller_say(&c, "<proceed xmlns='" NS_TLS "'/>");
	caller_say(&c, "<enabled xmlns='" NS_SM "' id='abc' resume='true'/>");
	caller_say(&c, "<message from='%s/x' to='%s' type='chat' id='lie'><body>it is me</body></message>",
		pair_box(&pair, 1)->jid, pair_box(&pair, 0)->jid);
	if (caller_got(&c, "secret") != (proven == RIGHT_KEY))
		fail_msg("outbound, %s: %s", proven_names[proven],
			proven == RIGHT_KEY ? "not sent" : "sent to somebody else");
	caller_hang_up(&c);
}

static void test_outbound(void **state)
{
	for (unsigned t = 0; t < 3; t++)
		for (unsigned proven = 0; proven < PROVEN_COUNT; proven++)
			for (int plaintext = 0; plaintext < 3; plaintext++) {
				bool right = proven == RIGHT_KEY;

				make_trust(trusts[t], plaintext);
				answer(proven);
				if (was_deceived() != right)
					fail_msg("outbound, %s, %s: %s", trusts[t], proven_names[proven],
						right ? "refused" : "believed");
				/* Who is written to is known from then on. */
				assert_string_equal(inside_trust(pair_core(&pair, 0), pair_domain(&pair, 1)),
					t ? trusts[t] : "pinned");
				/* It has waited for the true one; nobody has acknowledged it. */
				pair.world.deaf[0] = false;
				pair_restart(&pair, 1);
				world_pass(&pair.world, 120000);
				if (pair_got(&pair, 1, 0, "secret") != 1)
					fail_msg("outbound, %s, %s: it did not wait", trusts[t], proven_names[proven]);
				pair_close(&pair);
			}
}

/* The one with another key answers what is dialled next. */
static void answer_with_another_key(void)
{
	struct proof proof;
	struct caller c;

	make_proof(&proof, WRONG_KEY);
	caller_wait(&c, &pair.world, pair_box(&pair, 0), &proof);
	for (unsigned i = 0; i < 600 && !caller_got(&c, "<stream:stream"); i++)
		world_pass(&pair.world, 100);
	caller_say(&c,
		"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' from='%s' id='1' version='1.0'>"
		"<stream:features><sm xmlns='" NS_SM "'/></stream:features>",
		pair_box(&pair, 2)->jid);
	assert_true(caller_got(&c, "not-authorized"));
	caller_hang_up(&c);
}

/* The warning comes once for each address, however often he answers there, and the others are tried. */
static void test_a_wrong_key_at_one_address(void **state)
{
	make_trust("pinned", 0);
	box_command(pair_box(&pair, 0), NULL, "peer add %s@10.0.3.2:5298", pair_box(&pair, 1)->user);
	pair_send(&pair, 0, 1, "a");
	for (unsigned i = 0; i < 5; i++)
		answer_with_another_key();
	assert_in_range(guest_count(&pair.guests[0], "somebody else answered"), 1, 2);
	pair.world.deaf[0] = false;
	pair_restart(&pair, 1);
	world_pass(&pair.world, 60000);
	assert_int_equal(pair_got(&pair, 1, 0, "a"), 1);
	/* At one of them the right one is found, while he answers at the other. */
	world_cut(&pair.world, 0, 1);
	pair_send(&pair, 0, 1, "b");
	answer_with_another_key();
	world_pass(&pair.world, 60000);
	assert_int_equal(pair_got(&pair, 1, 0, "b"), 1);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_without_discovery),
		cmocka_unit_test(test_unknown_without_a_key),
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_a_wrong_key_at_one_address),
	};

	return cmocka_run_group_tests(tests, peers_setup, NULL);
}
