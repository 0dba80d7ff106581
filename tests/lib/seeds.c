#include "tests/lib/seeds.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* Shared with the child that plays. */
struct progress {
	uint64_t seed; /* being played */
	uint64_t failed;
	max_align_t stats[];
};

static void no_log(enum log_level level, const char *line) {}

uint64_t seeds_word(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void play_on(const struct seeds_game *game, struct progress *p, uint64_t end, unsigned steps)
{
	for (; p->seed < end; p->seed++)
		if (!game->play(p->seed, steps, false, p->stats)) {
			fprintf(stderr, "seed %" PRIu64 ": FAILED\n", p->seed);
			p->failed++;
		}
}

/* A seed that kills the child counts as failed, and another child goes on behind it. */
static int play_many(const struct seeds_game *game, uint64_t from, uint64_t count, unsigned steps)
{
	struct progress *p =
		mmap(NULL, sizeof(*p) + game->stats_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end = from + count;
	int status = 0;

	must(p != MAP_FAILED);
	p->seed = from;
	while (p->seed < end) {
		pid_t child = fork();

		must(child >= 0);
		if (child == 0) {
			play_on(game, p, end, steps);
			fflush(NULL);
			exit(0);
		}
		must(waitpid(child, &status, 0) == child);
		if (status) {
			fprintf(stderr, "seed %" PRIu64 ": FAILED, the process died\n", p->seed);
			p->failed++;
			p->seed++;
		}
	}
	printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed\n", count, from, p->failed);
	game->print(p->stats);
	return p->failed != 0;
}

static int play_one(const struct seeds_game *game, uint64_t seed, unsigned steps, bool verbose)
{
	void *stats = xcalloc(1, game->stats_size);
	bool good = game->play(seed, steps, verbose, stats);

	game->print(stats);
	printf("seed %" PRIu64 ": %s\n", seed, good ? "good" : "FAILED");
	xfree(stats);
	return !good;
}

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s SEED [--verbose] [--steps N] | %s --from SEED --count N [--steps N]\n", name, name);
	return 2;
}

int seeds_main(const struct seeds_game *game, int argc, char **argv)
{
	static const struct option options[] = {{"verbose", no_argument, NULL, 'v'},
		{"from", required_argument, NULL, 'f'}, {"count", required_argument, NULL, 'c'},
		{"steps", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	uint64_t number[128] = {['f'] = 1, ['s'] = game->steps};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?')
			return usage(game->name);
		number[o] = o == 'v' ? 1 : strtoull(optarg, NULL, 10);
	}
	if (number['v'])
		log_set_level(LOG_DEBUG);
	else
		log_set_sink(no_log);
	if (number['c'])
		return play_many(game, number['f'], number['c'], (unsigned)number['s']);
	if (optind >= argc)
		return usage(game->name);
	return play_one(game, strtoull(argv[optind], NULL, 10), (unsigned)number['s'], number['v']);
}
