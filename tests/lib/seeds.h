/* A simulation as a program: seeds are played one by one, the ones that failed are named, to be replayed alone.
 *
 *   NAME SEED [--verbose] [--steps N]            one seed, told step by step
 *   NAME --from SEED --count N [--steps N]       many seeds, in a child process, so that one that dies does not end
 *                                                the rest */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is played. Its statistics are numbers that are added up; they begin as zeros. */
struct seeds_game {
	const char *name;
	unsigned steps;                                                         /* of one seed, unless told otherwise */
	size_t stats_size;                                                      /* bytes */
	bool (*play)(uint64_t seed, unsigned steps, bool verbose, void *stats); /* false: it failed, and told why */
	void (*print)(const void *stats);
};

/* The main() of the program. Returns its exit status: 0 all good, 1 some failed, 2 wrong usage. */
int seeds_main(const struct seeds_game *game, int argc, char **argv);

/* The next word of SplitMix64, whose state is a number that begins as anything. */
uint64_t seeds_word(uint64_t *state);

#endif
