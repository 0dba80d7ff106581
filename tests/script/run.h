/* Playing a script in a world. */
#ifndef SCRIPT_RUN_H
#define SCRIPT_RUN_H

#include "actor.h"
#include "deviations.h"
#include "match.h"

struct run {
	const struct script *script;
	struct world *world;
	const struct deviations *deviations; /* of this server; NULL: none are allowed */
	bool go_on;                          /* after a failure, with the next block */
	struct actor actors[SCRIPT_ACTORS_MAX];
	struct vars vars;
	struct traffic traffic;
	unsigned fences;                          /* marks sent to see that all before has come */
	unsigned blocks, steps, deviated, failed; /* done */
	uint32_t block_traffic;                   /* lines of traffic before this block */
	struct buf why; /* of a failure: one line, and lines with what was expected and what came */
};

/* True if everything was as the script says; otherwise a report for people is in *report. */
bool run_script(struct run *r, const struct script *s, struct world *w, const struct deviations *ds, bool go_on,
	struct buf *report);

/* quiet.c */
/* Is it an answer or a question of XEP-0198? When to say these is the server's choice. */
bool run_is_ack(const struct item *i);
void run_drop_acks(struct actor *a);
/* Lets come what is under way to anybody. */
void run_quiet(struct run *r);
/* False, with why, if something came that the script did not ask for: to this actor, to anybody. */
bool run_nothing_for(struct run *r, struct actor *a);
bool run_nothing_left(struct run *r);

/* gets.c: one of the verbs GETS, GETS_ANY_ORDER, MAY_GET */
bool run_gets(struct run *r, struct actor *a, const struct step *step);

/* steps.c */
bool run_step(struct run *r, const struct step *step);
/* After a failure that is allowed: goes on as well as it can. */
void run_step_leniently(struct run *r, const struct step *step);

#endif
