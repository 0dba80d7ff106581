/* The simulation of peers as a program: see tests/lib/seeds.h. */
#include <inttypes.h>
#include <stdio.h>

#include "tests/lib/seeds.h"
#include "tests/peers/swarm.h"

static void print_stats(const void *stats)
{
	const struct swarm_stats *t = stats;

	printf("messages %" PRIu64 ", acknowledged %" PRIu64 ", delivered %" PRIu64 " (%" PRIu64
	       " again, to a new session), returned %" PRIu64 "\nin the room: stays %" PRIu64 ", said %" PRIu64
	       ", heard %" PRIu64 "\ndials %" PRIu64 ", cuts %" PRIu64 ", cables pulled or put back %" PRIu64
	       "; crashes %" PRIu64 ", stops %" PRIu64 ", disk faults %" PRIu64 "; sessions of clients %" PRIu64
	       ", resumed %" PRIu64 "\nlost as must be: %" PRIu64 " in a crash, %" PRIu64 " errors to nobody\n",
		t->mails, t->acked, t->delivered, t->repeated, t->bounced, t->stays, t->talks, t->heard, t->dials,
		t->cuts, t->pulls, t->crashes, t->stops, t->disk_faults, t->lives, t->resumed, t->lost_in_crash,
		t->bounce_lost);
}

static bool play(uint64_t seed, unsigned steps, bool verbose, void *stats)
{
	return swarm_play(seed, steps, verbose, stats);
}

int main(int argc, char **argv)
{
	static const struct seeds_game game = {.name = "peers",
		.steps = 200,
		.stats_size = sizeof(struct swarm_stats),
		.play = play,
		.print = print_stats};

	return seeds_main(&game, argc, argv);
}
