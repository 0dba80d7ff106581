/* `room ...` for the administrator of the server. */
#include "room/order.h"
#include "room/rooms_i.h"
#include "room/survey.h"

static bool read_days(const char *word, uint32_t *ret)
{
	uint64_t n;

	if (str_uint(str_z(word), 36500, &n) < 0 || n == 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* Both `room list` and `room destroy --unused`. */
static void survey(struct command_call *call, enum survey_task task, const char *usage)
{
	struct survey_wish wish = {.task = task};
	bool good = true, yes = false;

	for (uint32_t i = 2; i < call->n && good; i++) {
		if (strcmp(call->words[i], "--json") == 0)
			wish.json = true;
		else if (strcmp(call->words[i], "--yes") == 0 && task == SURVEY_DESTROY)
			yes = true;
		else if (strcmp(call->words[i], "--unused") == 0 && i + 1 < call->n)
			good = read_days(call->words[++i], &wish.unused_days);
		else
			good = false;
	}
	if (!good || (task == SURVEY_DESTROY && !wish.unused_days)) {
		command_reply(call->core, call->asker, true, "usage: %s; DAYS is a number from 1 to 36500", usage);
		return;
	}
	if (task == SURVEY_DESTROY && !yes)
		wish.task = SURVEY_LIST; /* what it would be */
	survey_start(call->core, call->asker, &wish);
}

static void run_list(struct command_call *call) { survey(call, SURVEY_LIST, "room list [--unused DAYS] [--json]"); }

/* ---- the others: each a verb (order.h) ---- */

static void reply(struct order *o, const char *error)
{
	if (error)
		command_reply(o->core, o->asker, true, "%s: %s", o->address, error);
	else
		command_reply_buf(o->core, o->asker, &o->out);
}

/* What stands at the end, where the value of a password does, is one, whatever it looks like. */
static bool is_secret(const struct command_call *call, uint32_t i, const struct str *args, unsigned n)
{
	return n == 1 && i + 1 == call->n && strcmp(call->words[1], "config") == 0 && room_config_is_secret(args[0]);
}

static void run_verb(struct command_call *call)
{
	const struct order_verb *v = order_verb_find(str_z(call->words[1]));
	struct order front = {.done = reply, .asker = call->asker};
	struct str args[ORDER_ARGS];
	unsigned n = 0;

	for (uint32_t i = 3; i < call->n; i++) {
		if (strcmp(call->words[i], "--json") == 0 && !is_secret(call, i, args, n))
			front.json = true;
		else if (n < v->max)
			args[n++] = str_z(call->words[i]);
		else
			n = ORDER_ARGS + 1;
	}
	if (n < v->min || n > v->max)
		command_reply(call->core, call->asker, true, "room %s: too %s words", v->name,
			n < v->min ? "few" : "many");
	else
		order_start(call->core, v, str_z(call->words[2]), args, n, &front);
}

static void run_destroy(struct command_call *call)
{
	bool of_all = false;

	for (uint32_t i = 2; i < call->n; i++)
		of_all = of_all || strcmp(call->words[i], "--unused") == 0;
	if (of_all)
		survey(call, SURVEY_DESTROY, "room destroy --unused DAYS [--yes] [--json]");
	else
		run_verb(call);
}

const struct command room_commands[] = {
	{.name = "room list", .args = "[--unused DAYS] [--json]", .min = 0, .max = 3, .run = run_list},
	{.name = "room show", .args = "ROOM [--json]", .min = 1, .max = 2, .run = run_verb},
	{.name = "room create", .args = "ROOM OWNER [NAME] [--json]", .min = 2, .max = 4, .run = run_verb},
	{.name = "room destroy",
		.args = "ROOM [REASON [OTHER-ROOM]] [--json], or --unused DAYS [--yes]",
		.min = 1,
		.max = 4,
		.run = run_destroy},
	{.name = "room config",
		.args = "ROOM [SETTING [VALUE]] [--json]",
		.min = 1,
		.max = 4,
		.last_is_secret = true,
		.run = run_verb},
	{.name = "room affiliate",
		.args = "ROOM [WHO AFFILIATION [REASON]] [--json]",
		.min = 1,
		.max = 5,
		.run = run_verb},
	{.name = "room kick", .args = "ROOM NICK [REASON] [--json]", .min = 2, .max = 4, .run = run_verb},
	{.name = "room log", .args = "ROOM [N] [--json]", .min = 1, .max = 3, .run = run_verb},
	{.name = "room nicknames", .args = "[remove NICK] [--json]", .min = 0, .max = 3, .run = cmd_nicknames},
	{.name = NULL},
};
