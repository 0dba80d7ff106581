#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/lib/seeds.h"

enum { FAILURES_SHOWN = 20 };

/* Apart from the random numbers of what is simulated. */
uint32_t sim_random(struct sim *s, uint32_t below) { return (uint32_t)(seeds_word(&s->random) % below); }

bool sim_chance(struct sim *s, uint32_t percent) { return sim_random(s, 100) < percent; }

static void print(struct sim *s, const char *prefix, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
static void print(struct sim *s, const char *prefix, const char *fmt, va_list ap)
{
	fprintf(stderr, "%s%10.3f ", prefix, (double)(sim_now(s) - 1000000) / 1000);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void sim_say(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, fmt);
	print(s, "", fmt, ap);
	va_end(ap);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failures++ >= FAILURES_SHOWN)
		return;
	fprintf(stderr, "seed %" PRIu64 ": ", s->seed);
	va_start(ap, fmt);
	print(s, "FAILED ", fmt, ap);
	va_end(ap);
}

/* What is certain when everything that may happen without time has happened. */
static void take_stock(struct actor *a)
{
	struct sim *s = a->sim;
	struct life *l = &s->lives[a->life];

	a->shaky = a->stalled || a->client.deaf;
	if (a->client.state != CLIENT_ON || a->shaky || !client_flushed(&a->client))
		return;
	if (a->client.counting)
		life_confirm(s, l, a->client.said);
	if (a->open_to_all)
		l->clean_at = sim_now(s);
}

void sim_settle(struct sim *s)
{
	stage_settle(&s->stage);
	rights_check(s);
	for (unsigned i = 0; i < s->actor_count && s->stage.server && !s->held && !s->stage.failing; i++)
		take_stock(&s->actors[i]);
}

int64_t sim_stored_until(const struct sim *s)
{
	int64_t until = sim_now(s);

	if (s->held && s->held_from < until)
		until = s->held_from;
	if (s->disk_bad_until == INT64_MAX && s->disk_bad_from < until)
		until = s->disk_bad_from;
	return until;
}

static void draw(struct sim *s)
{
	struct stage_options o = {.resume_seconds = sim_chance(s, 50) ? 60 : 300,
		.offline_max = sim_chance(s, 90) ? 100000 : 5,
		.archive = sim_chance(s, 50)};

	s->flavor = sim_random(s, 16);
	s->people = 2 + sim_random(s, PEOPLE_MAX - 1);
	s->actor_count = s->people + sim_random(s, ACTORS_MAX - s->people + 1);
	o.people = s->people;
	plan_draw(s);
	stage_open(&s->stage, &o);
	for (unsigned i = 0; i < s->actor_count; i++)
		actor_init(s, i, i < s->people ? i : sim_random(s, s->people));
}

static void finish(struct sim *s, struct sim_stats *add)
{
	const uint64_t *from = (const uint64_t *)&s->stats;
	uint64_t *to = (uint64_t *)add;

	for (size_t i = 0; i < sizeof(*add) / sizeof(*to); i++)
		to[i] += from[i];
	while (s->grave_n)
		grave_close(s, 0);
	for (unsigned i = 0; i < s->actor_count; i++)
		client_clear(&s->actors[i].client);
	room_clear(s);
	stage_close(&s->stage);
	xfree(s->mails);
	xfree(s->lives);
	xfree(s->stays);
}

bool sim_play(uint64_t seed, unsigned steps, bool verbose, struct sim_stats *add)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	int64_t before;
	bool good;

	stage_seed(seed);
	before = mem_stats().bytes;
	*s = (struct sim){.seed = seed, .random = seed, .verbose = verbose, .life_n = 1, .stay_n = 1};
	s->mails = xcalloc(MAILS_MAX, sizeof(*s->mails));
	s->lives = xcalloc(LIVES_MAX, sizeof(*s->lives));
	s->stays = xcalloc(STAYS_MAX, sizeof(*s->stays));
	draw(s);
	for (unsigned i = 0; i < steps && s->life_n < LIVES_MAX - 100; i++)
		plan_step(s);
	plan_finale(s);
	finish(s, add);
	if (mem_stats().bytes != before)
		sim_fail(s, "%" PRId64 " bytes are left", mem_stats().bytes - before);
	good = s->failures == 0;
	xfree(s);
	return good;
}
