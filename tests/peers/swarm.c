#include "tests/peers/swarm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "tests/lib/seeds.h"

enum { FAILURES_SHOWN = 20 };

/* Apart from the random numbers of what is simulated. */
uint32_t swarm_random(struct swarm *s, uint32_t below) { return (uint32_t)(seeds_word(&s->random) % below); }

bool swarm_chance(struct swarm *s, uint32_t percent) { return swarm_random(s, 100) < percent; }

static void print(struct swarm *s, const char *prefix, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void print(struct swarm *s, const char *prefix, const char *fmt, va_list ap)
{
	fprintf(stderr, "%s%10.3f ", prefix, (double)(swarm_now(s) - 1000000) / 1000);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void swarm_say(struct swarm *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, fmt);
	print(s, "", fmt, ap);
	va_end(ap);
}

void swarm_fail(struct swarm *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failures++ >= FAILURES_SHOWN)
		return;
	fprintf(stderr, "seed %" PRIu64 ": ", s->seed);
	va_start(ap, fmt);
	print(s, "FAILED ", fmt, ap);
	va_end(ap);
}

/* The nodes' own logs in between, with names for their ids. */
static struct swarm *told;

static void print_line(const char *line)
{
	for (const char *at = line; *at;) {
		const struct box *found = NULL;

		for (unsigned i = 0; i < told->world.n && !found; i++)
			if (strncmp(at, told->world.boxes[i].id, NODEID_LEN) == 0)
				found = &told->world.boxes[i];
		if (found)
			fputs(found->user, stderr);
		else
			fputc(*at, stderr);
		at += found ? NODEID_LEN : 1;
	}
	fputc('\n', stderr);
}

static void on_log(enum log_level level, const char *line)
{
	const struct box *b = told ? told->world.stepping : NULL;

	if (!b)
		return;
	fprintf(stderr, "%10.3f     [%s] ", (double)(swarm_now(told) - 1000000) / 1000, b->user);
	print_line(line);
}

void swarm_confirm_closed(struct swarm *s, unsigned box)
{
	for (uint32_t i = 1; i < s->life_n; i++) {
		struct life *l = &s->lives[i];

		if (l->box == box && l->last_said > l->confirmed)
			l->confirmed = l->last_said;
	}
}

/* What is certain when everything that may happen without time has happened. */
void swarm_settle(struct swarm *s)
{
	world_settle(&s->world);
	for (unsigned i = 0; i < s->world.n; i++) {
		struct player *p = &s->players[i];

		/* What a node that cannot write has been told is forgotten when it crashes; and one that has crashed hears nothing
		 * more, even if its client has not noticed yet. */
		if (!s->world.boxes[i].stage.server || s->held[i] || s->world.boxes[i].stage.failing)
			continue;
		swarm_confirm_closed(s, i);
		if (p->client.state == CLIENT_ON && client_flushed(&p->client) && p->client.counting)
			s->lives[p->life].confirmed = p->client.said;
	}
}

static void draw(struct swarm *s)
{
	static const unsigned sizes[] = {2, 2, 2, 3, 3, 4, 8};
	struct world_options o = {.boxes = sizes[swarm_random(s, ARRAY_LEN(sizes))],
		.resume_seconds = swarm_chance(s, 50) ? 60 : 300};

	s->typed = swarm_chance(s, 40);
	s->strangers = swarm_chance(s, 10);
	s->rooms = swarm_chance(s, 50);
	plan_draw(s);
	world_open(&s->world, &o);
	for (unsigned i = 0; i < s->world.n; i++)
		player_init(s, i);
}

static void finish(struct swarm *s, struct swarm_stats *add)
{
	const uint64_t *from = (const uint64_t *)&s->stats;
	uint64_t *to = (uint64_t *)add;

	s->stats.dials = s->world.dials;
	s->stats.turns = s->world.turns;
	for (size_t i = 0; i < sizeof(*add) / sizeof(*to); i++)
		to[i] += from[i];
	for (unsigned i = 0; i < s->world.n; i++)
		client_clear(&s->players[i].client);
	world_close(&s->world);
	hall_clear(s);
	xfree(s->mails);
	xfree(s->lives);
	xfree(s->talks);
	xfree(s->stays);
}

bool swarm_play(uint64_t seed, unsigned steps, bool verbose, struct swarm_stats *add)
{
	struct swarm *s = xcalloc(1, sizeof(*s));
	int64_t before;
	bool good;

	stage_seed(seed);
	before = mem_stats().bytes;
	*s = (struct swarm){.seed = seed, .random = seed, .verbose = verbose, .life_n = 1, .stay_n = 1};
	told = verbose ? s : NULL;
	if (verbose)
		log_set_sink(on_log);
	s->mails = xcalloc(MAILS_MAX, sizeof(*s->mails));
	s->lives = xcalloc(LIVES_MAX, sizeof(*s->lives));
	s->talks = xcalloc(TALKS_MAX, sizeof(*s->talks));
	s->stays = xcalloc(STAYS_MAX, sizeof(*s->stays));
	draw(s);
	plan_begin(s);
	for (unsigned i = 0; i < steps && s->life_n < LIVES_MAX - 100; i++)
		plan_step(s);
	plan_finale(s);
	finish(s, add);
	if (mem_stats().bytes != before)
		swarm_fail(s, "%" PRId64 " bytes are left", mem_stats().bytes - before);
	good = s->failures == 0;
	told = NULL;
	xfree(s);
	return good;
}
