/* The crowd as a program: see tests/lib/seeds.h. */
#include <inttypes.h>
#include <stdio.h>

#include "tests/crowd/crowd.h"
#include "tests/lib/seeds.h"

static void print_stats(const void *stats)
{
	const struct crowd_stats *t = stats;

	printf("%" PRIu64 " clients; entered %" PRIu64 " times, rooms made %" PRIu64 "; stanzas %" PRIu64
	       ", said %" PRIu64 ", heard %" PRIu64 ", in private %" PRIu64 "\nchanges made %" PRIu64
	       ", refused %" PRIu64 "; sessions resumed %" PRIu64 ", crashes %" PRIu64 ", orderly restarts %" PRIu64
	       "; all compared %" PRIu64 " times, lists read %" PRIu64 ", invited %" PRIu64 "\n",
		t->clients, t->entered, t->created, t->stanzas, t->lines, t->heard, t->private_heard, t->done,
		t->refused, t->resumed, t->crashes, t->stops, t->checks, t->lists, t->invited);
}

static bool play(uint64_t seed, unsigned steps, bool verbose, void *stats)
{
	return crowd_play(seed, steps, verbose, stats);
}

int main(int argc, char **argv)
{
	static const struct seeds_game game = {.name = "crowd",
		.steps = 150,
		.stats_size = sizeof(struct crowd_stats),
		.play = play,
		.print = print_stats};

	return seeds_main(&game, argc, argv);
}
