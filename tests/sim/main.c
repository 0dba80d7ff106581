/* The simulation as a program: see tests/lib/seeds.h. */
#include <inttypes.h>
#include <stdio.h>

#include "tests/lib/seeds.h"
#include "tests/sim/sim.h"

static void print_stats(const void *stats)
{
	const struct sim_stats *t = stats;

	printf("messages %" PRIu64 ", acknowledged %" PRIu64 ", delivered %" PRIu64 " (%" PRIu64
	       " of them copies), returned %" PRIu64 "; heard in the room %" PRIu64 "\nsessions %" PRIu64
	       ", resumed %" PRIu64 "; crashes %" PRIu64 ", disk faults %" PRIu64 "\nlost as must be: %" PRIu64
	       " without counting, %" PRIu64 " in a crash, %" PRIu64 " errors to sessions that were gone\n",
		t->mails, t->acked, t->delivered, t->copies, t->bounced, t->room_heard, t->lives, t->resumed,
		t->crashes, t->disk_faults, t->lost_uncounted, t->lost_in_crash, t->bounce_lost);
}

static bool play(uint64_t seed, unsigned steps, bool verbose, void *stats)
{
	return sim_play(seed, steps, verbose, stats);
}

int main(int argc, char **argv)
{
	static const struct seeds_game game = {.name = "sim",
		.steps = 250,
		.stats_size = sizeof(struct sim_stats),
		.play = play,
		.print = print_stats};

	return seeds_main(&game, argc, argv);
}
