/* The simulation of peers as a program.
 *
 *   peers SEED [--verbose] [--steps N]            one seed, told step by step
 *   peers --from SEED --count N [--steps N]       many seeds; those that failed are printed, to be replayed alone
 *
 * Many seeds are played in a child process, so that one that dies does not end the rest. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/peers/swarm.h"

enum { STEPS = 200 };

struct progress {
	uint64_t seed; /* being played */
	uint64_t failed;
	struct swarm_stats stats;
};

static void no_log(enum log_level level, const char *line) {}

static void print_stats(const struct swarm_stats *t)
{
	printf("messages %" PRIu64 ", acknowledged %" PRIu64 ", delivered %" PRIu64 " (%" PRIu64
	       " again, to a new session), returned %" PRIu64 "\nin the room: stays %" PRIu64 ", said %" PRIu64
	       ", heard %" PRIu64 "\ndials %" PRIu64 ", cuts %" PRIu64 ", cables pulled or put back %" PRIu64
	       "; crashes %" PRIu64 ", stops %" PRIu64 ", disk faults %" PRIu64 "; sessions of clients %" PRIu64
	       ", resumed %" PRIu64 "\nlost as must be: %" PRIu64 " in a crash, %" PRIu64 " errors to nobody\n",
		t->mails, t->acked, t->delivered, t->repeated, t->bounced, t->stays, t->talks, t->heard, t->dials,
		t->cuts, t->pulls, t->crashes, t->stops, t->disk_faults, t->lives, t->resumed, t->lost_in_crash,
		t->bounce_lost);
}

static void play_on(struct progress *p, uint64_t end, unsigned steps)
{
	for (; p->seed < end; p->seed++)
		if (!swarm_play(p->seed, steps, false, &p->stats)) {
			fprintf(stderr, "seed %" PRIu64 ": FAILED\n", p->seed);
			p->failed++;
		}
}

/* A seed that kills the child counts as failed, and another child goes on behind it. */
static int play_many(uint64_t from, uint64_t count, unsigned steps)
{
	struct progress *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end = from + count;
	int status = 0;

	must(p != MAP_FAILED);
	p->seed = from;
	while (p->seed < end) {
		pid_t child = fork();

		must(child >= 0);
		if (child == 0) {
			play_on(p, end, steps);
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
	print_stats(&p->stats);
	return p->failed != 0;
}

static int play_one(uint64_t seed, unsigned steps, bool verbose)
{
	struct swarm_stats stats = {0};
	bool good = swarm_play(seed, steps, verbose, &stats);

	print_stats(&stats);
	printf("seed %" PRIu64 ": %s\n", seed, good ? "good" : "FAILED");
	return !good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"verbose", no_argument, NULL, 'v'},
		{"from", required_argument, NULL, 'f'}, {"count", required_argument, NULL, 'c'},
		{"steps", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	unsigned long long from = 1, count = 0;
	unsigned steps = STEPS;
	bool verbose = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'v')
			verbose = true;
		else if (o == 'f')
			from = strtoull(optarg, NULL, 10);
		else if (o == 'c')
			count = strtoull(optarg, NULL, 10);
		else if (o == 's')
			steps = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!verbose)
		log_set_sink(no_log);
	else
		log_set_level(LOG_DEBUG);
	if (count)
		return play_many(from, count, steps);
	if (optind >= argc) {
		fputs("usage: peers SEED [--verbose] [--steps N] | peers --from SEED --count N [--steps N]\n", stderr);
		return 2;
	}
	return play_one(strtoull(argv[optind], NULL, 10), steps, verbose);
}
