#include "run.h"

#include "base/mem.h"

enum { LINES_SHOWN = 40 };

static void report_failure(struct run *r, const struct block *b, unsigned line, struct buf *report)
{
	const struct traffic *t = &r->traffic;
	uint32_t first = t->n - r->block_traffic > LINES_SHOWN ? t->n - LINES_SHOWN : r->block_traffic;

	r->failed++;
	buf_fmt(report, "%s:%u: %s\n", r->script->path, line, buf_cstr(&r->why));
	if (*b->heading)
		buf_fmt(report, "  in       %s\n", b->heading);
	buf_z(report, "  traffic, oldest first:\n");
	for (uint32_t i = first; i < t->n; i++)
		buf_fmt(report, "    %s\n", t->lines[i].text);
}

/* The steps, and at the end nothing may be left over. *ret_line: where it failed; *ret_at: the step after that. */
static bool play(struct run *r, const struct block *b, unsigned *ret_line, unsigned *ret_at)
{
	for (unsigned i = 0; i < b->step_count; i++) {
		*ret_line = b->steps[i].line;
		*ret_at = i + 1;
		if (!run_step(r, &b->steps[i]))
			return false;
		r->steps++;
	}
	return run_nothing_left(r);
}

static void recover(struct run *r, const struct block *b, unsigned from)
{
	for (unsigned i = from; i < b->step_count; i++)
		run_step_leniently(r, &b->steps[i]);
	run_quiet(r);
	for (unsigned i = 0; i < r->script->actor_count; i++) {
		actor_forget(&r->actors[i]);
		r->actors[i].ended = false;
	}
	buf_reset(&r->why);
}

/* False: stop here. */
static bool run_block(struct run *r, const struct block *b, struct buf *report)
{
	const struct deviation *listed =
		r->deviations ? deviations_find(r->deviations, r->script->name, b->heading) : NULL;
	unsigned line = b->line, at = 0;
	bool good;

	if (b->only_wireside && !world_is_ours(r->world))
		return true;
	buf_reset(&r->why);
	r->block_traffic = r->traffic.n;
	world_hurry(r->world, listed);
	good = play(r, b, &line, &at);
	if (good && listed) {
		buf_fmt(&r->why, "is in the list of deviations (line %u), but does not deviate any more", listed->line);
		report_failure(r, b, b->line, report);
	} else if (good) {
		r->blocks++;
	} else if (listed) {
		recover(r, b, at);
		r->deviated++;
	} else {
		report_failure(r, b, line, report);
		if (r->go_on)
			recover(r, b, at);
		return r->go_on;
	}
	return true;
}

/* A deviation of a block that there is not would never be looked at. */
static bool deviations_exist(const struct run *r, struct buf *report)
{
	for (unsigned i = 0; r->deviations && i < r->deviations->n; i++) {
		const struct deviation *d = &r->deviations->d[i];
		bool found = strcmp(d->script, r->script->name) != 0;

		for (unsigned k = 0; !found && k < r->script->block_count; k++)
			found = strcmp(r->script->blocks[k].heading, d->heading) == 0;
		if (found)
			continue;
		buf_fmt(report, "%s has no block %s, which the list of deviations (line %u) names\n", r->script->path,
			d->heading, d->line);
		return false;
	}
	return true;
}

bool run_script(struct run *r, const struct script *s, struct world *w, const struct deviations *ds, bool go_on,
	struct buf *report)
{
	bool good;

	*r = (struct run){.script = s, .world = w, .deviations = ds, .go_on = go_on};
	buf_init(&r->why, 64 << 20);
	good = deviations_exist(r, report);
	for (unsigned i = 0; i < s->actor_count; i++)
		actor_init(&r->actors[i], &s->actors[i], w, &r->traffic);
	for (unsigned i = 0; good && i < s->block_count; i++)
		good = run_block(r, &s->blocks[i], report);
	for (unsigned i = 0; i < s->actor_count; i++)
		actor_clear(&r->actors[i]);
	vars_clear(&r->vars);
	traffic_clear(&r->traffic);
	buf_clear(&r->why);
	return good && !r->failed;
}
