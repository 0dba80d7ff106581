/* Both ends dial at once: whatever the order of the turns of their loops, one link remains, both take the same one, and what
 * was written on both sides arrives once. */
#include <stdio.h>

#include "tests/peers/pair.h"

enum { BITS = 9, LEADS = 6 };

static struct pair pair;

/* They forget their session, but nothing else. */
static void end_session(void)
{
	for (unsigned i = 0; i < 2; i++)
		box_command(pair_box(&pair, i), NULL, "peer block %s", pair_domain(&pair, 1 - i));
	world_settle(&pair.world);
	for (unsigned i = 0; i < 2; i++)
		box_command(pair_box(&pair, i), NULL, "peer unblock %s", pair_domain(&pair, 1 - i));
	world_settle(&pair.world);
}

/* One writes, `lead` turns of both later the other does, then there is a turn of one of them for each bit. */
static void play(unsigned first, unsigned lead, unsigned order, unsigned number)
{
	char id[2][32];

	/* What one of them says may take many turns. */
	pair.world.slow[0] = number % 3 == 1 ? 40 : 0;
	pair.world.slow[1] = number % 3 == 2 ? 40 : 0;
	for (unsigned i = 0; i < 2; i++)
		snprintf(id[i], sizeof(id[i]), "g%u-%u", number, i);
	pair_send(&pair, first, 1 - first, id[first]);
	for (unsigned i = 0; i < lead; i++)
		world_step(&pair.world);
	pair_send(&pair, 1 - first, first, id[1 - first]);
	for (unsigned i = 0; i < BITS; i++)
		box_step(pair_box(&pair, order >> i & 1));
	/* Whoever was refused tries again later; a cut connection may be found out by its end. */
	world_pass(&pair.world, 3000);
	for (unsigned i = 0; i < 2; i++) {
		if (pair_got(&pair, 1 - i, i, id[i]) != 1)
			fail_msg("lead %u, order %x: %s arrived %u times", lead, order, id[i],
				pair_got(&pair, 1 - i, i, id[i]));
		guest_forget(&pair.guests[1 - i]);
	}
	pair_expect_linked(&pair, 0, 1);
}

static void play_all(void (*before)(void))
{
	unsigned n = 0;

	pair_open(&pair, 2, 0);
	pair_meet(&pair);
	for (unsigned lead = 0; lead < LEADS; lead++)
		for (unsigned order = lead % 4; order < 1u << BITS; order += 4) {
			before();
			play(n & 1, lead, order, n);
			n++;
			world_pass(&pair.world, 10000);
		}
	pair_close(&pair);
}

static void cut(void) { world_cut(&pair.world, 0, 1); }

static void test_new_sessions(void **state) { play_all(end_session); }
static void test_resumed_sessions(void **state) { play_all(cut); }

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_new_sessions),
		cmocka_unit_test(test_resumed_sessions)};

	return cmocka_run_group_tests(tests, peers_setup, NULL);
}
