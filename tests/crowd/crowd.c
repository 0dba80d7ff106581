#include "tests/crowd/crowd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/lib/seeds.h"

enum { FAILURES_SHOWN = 6 };

/* Apart from the random numbers of what is simulated. */
uint32_t crowd_random(struct crowd *c, uint32_t below) { return (uint32_t)(seeds_word(&c->random) % below); }

bool crowd_chance(struct crowd *c, uint32_t percent) { return crowd_random(c, 100) < percent; }

static void print(struct crowd *c, const char *prefix, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void print(struct crowd *c, const char *prefix, const char *fmt, va_list ap)
{
	/* A leak is found when there is no stage any more, and no clock. */
	fprintf(stderr, "%s%4u %10.3f ", prefix, c->step, c->stage.loop ? (double)(crowd_now(c) - 1000000) / 1000 : 0);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void crowd_say(struct crowd *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->verbose)
		return;
	va_start(ap, fmt);
	print(c, "", fmt, ap);
	va_end(ap);
}

void crowd_fail(struct crowd *c, const char *fmt, ...)
{
	va_list ap;

	if (c->failures++ >= FAILURES_SHOWN)
		return;
	fprintf(stderr, "seed %" PRIu64 ": FAILED in step ", c->seed);
	va_start(ap, fmt);
	print(c, "", fmt, ap);
	va_end(ap);
}

void crowd_settle(struct crowd *c) { stage_settle(&c->stage); }

static void draw(struct crowd *c)
{
	static char boss[32];
	struct stage_options o = {.strangers = true, .admin = boss};

	/* One after the other: in an initializer the order is the compiler's. */
	o.resume_seconds = crowd_chance(c, 50) ? 60 : 300;
	o.no_limits = crowd_chance(c, 80);
	o.archive = crowd_chance(c, 30);
	c->limits = !o.no_limits;
	c->people = 100 + crowd_random(c, PERSONS_MAX - 100 + 1);
	c->hall_count = 3 + crowd_random(c, HALLS_MAX - 2);
	o.people = c->people + 1;
	snprintf(boss, sizeof(boss), "u%u@" STAGE_DOMAIN, c->people);
	stage_open(&c->stage, &o);
	for (unsigned i = 0; i < c->people; i++)
		for (unsigned n = 1 + crowd_random(c, 3); n > 0 && c->chatter_count < CHATTERS_MAX - c->people + i; n--)
			chatter_init(c, c->chatter_count++, i);
	for (unsigned i = 0; i < c->hall_count; i++)
		hall_init(c, i);
	c->stats.seeds = 1;
	c->stats.clients = c->chatter_count;
}

static void finish(struct crowd *c, struct crowd_stats *add)
{
	const uint64_t *from = (const uint64_t *)&c->stats;
	uint64_t *to = (uint64_t *)add;

	for (size_t i = 0; i < sizeof(*add) / sizeof(*to); i++)
		to[i] += from[i];
	while (c->grave_n)
		grave_close(c, 0);
	for (unsigned i = 0; i < c->chatter_count; i++)
		chatter_clear(&c->chatters[i]);
	for (unsigned i = 0; i < c->hall_count; i++)
		hall_clear(&c->halls[i]);
	client_clear(&c->boss);
	stage_close(&c->stage);
	xfree(c->chatters);
	xfree(c->halls);
	xfree(c->asks);
	xfree(c->lines);
}

bool crowd_play(uint64_t seed, unsigned steps, bool verbose, struct crowd_stats *add)
{
	struct crowd *c = xcalloc(1, sizeof(*c));
	int64_t before;
	bool good;

	stage_seed(seed);
	before = mem_stats().bytes;
	*c = (struct crowd){.seed = seed, .random = seed, .verbose = verbose, .line_n = 1};
	c->chatters = xcalloc(CHATTERS_MAX, sizeof(*c->chatters));
	c->halls = xcalloc(HALLS_MAX, sizeof(*c->halls));
	draw(c);
	plan_open(c);
	for (c->step = 1; c->step <= steps && !c->failures; c->step++)
		plan_step(c);
	plan_close(c);
	finish(c, add);
	if (mem_stats().bytes != before)
		crowd_fail(c, "%" PRId64 " bytes are left", mem_stats().bytes - before);
	good = c->failures == 0;
	xfree(c);
	return good;
}
