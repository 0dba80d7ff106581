/* What each verb of a script does. */
#include <stdio.h>

#include "base/mem.h"
#include "run.h"

/* ---- nothing, or not to be looked at ---- */

static bool do_gets_nothing(struct run *r, struct actor *a, const struct step *step)
{
	run_quiet(r);
	return run_nothing_for(r, a);
}

static bool do_disconnected(struct run *r, struct actor *a, const struct step *step)
{
	struct item *i;

	if (!actor_wait_ended(a) || !a->ended) {
		buf_fmt(&r->why, "%s is still connected", a->role->name);
		return false;
	}
	a->ended = false;
	i = actor_waiting(a);
	return !i || run_nothing_for(r, a);
}

static bool do_ignores(struct run *r, struct actor *a, const struct step *step)
{
	run_quiet(r);
	actor_forget(a);
	return true;
}

/* ---- sends ---- */

static bool connected(struct run *r, struct actor *a)
{
	if (!a->link)
		buf_fmt(&r->why, "%s is not connected", a->role->name);
	return a->link != NULL;
}

static bool do_sends(struct run *r, struct actor *a, const struct step *step)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, 8 << 20);
	good = expand(str_z(step->text), &r->vars, true, &bytes, &r->why) && connected(r, a);
	if (good)
		actor_send(a, buf_view(&bytes));
	buf_clear(&bytes);
	return good;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "text with \n, \r, \t, \\, \" and \xHH": what cannot be written in a line. */
static bool unescape(const char *p, struct buf *out)
{
	static const char names[] = "nrt\\\"", means[] = "\n\r\t\\\"";

	if (*p++ != '"')
		return false;
	for (; *p && *p != '"'; p++) {
		const char *at;

		if (*p != '\\') {
			buf_char(out, *p);
			continue;
		}
		p++;
		at = *p ? strchr(names, *p) : NULL;
		if (at) {
			buf_char(out, means[at - names]);
		} else if (*p == 'x' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			buf_char(out, (char)(hex_digit(p[1]) << 4 | hex_digit(p[2])));
			p += 2;
		} else {
			return false;
		}
	}
	return p[0] == '"' && !p[1];
}

static bool do_bytes(struct run *r, struct actor *a, const struct step *step)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, 1 << 20);
	good = unescape(step->text, &bytes);
	if (!good)
		buf_z(&r->why, "not a text in double quotes with known escapes");
	good = good && connected(r, a);
	if (good)
		actor_send(a, buf_view(&bytes));
	buf_clear(&bytes);
	return good;
}

/* ---- connections ---- */

static bool do_connects(struct run *r, struct actor *a, const struct step *step) { return actor_connect(a); }

static bool do_opens(struct run *r, struct actor *a, const struct step *step) { return login_open(a, &r->why); }

static bool do_tries(struct run *r, struct actor *a, const struct step *step)
{
	struct login_how how;

	return login_read_how(str_z(step->text), &how, &r->why) && connected(r, a) && login_try(a, &how, &r->why);
}

static bool do_authenticates(struct run *r, struct actor *a, const struct step *step)
{
	struct login_how how;

	return login_read_how(str_z(step->text), &how, &r->why) && connected(r, a) &&
		login_authenticate(a, &how, &r->why);
}

static bool do_binds(struct run *r, struct actor *a, const struct step *step)
{
	return connected(r, a) && login_bind(a, str_z(step->text), &r->why);
}

static bool do_logs_in(struct run *r, struct actor *a, const struct step *step) { return login_all(a, &r->why); }

/* All of them, and then nobody cares for what their coming has caused. */
static bool do_online(struct run *r, struct actor *a, const struct step *step)
{
	if (!login_all(a, &r->why))
		return false;
	actor_send_fmt(a, "<presence/>");
	if (a != &r->actors[step->actors[step->actor_count - 1]])
		return true;
	run_quiet(r);
	for (unsigned i = 0; i < step->actor_count; i++)
		actor_forget(&r->actors[step->actors[i]]);
	return true;
}

static bool do_starts_tls(struct run *r, struct actor *a, const struct step *step)
{
	actor_start_tls(a);
	return connected(r, a);
}

static bool do_closes(struct run *r, struct actor *a, const struct step *step)
{
	struct step gets = {.verb = VERB_GETS, .text = (char *)"</stream:stream>"};

	if (!connected(r, a))
		return false;
	actor_send(a, STR("</stream:stream>"));
	if (!run_gets(r, a, &gets) || !do_disconnected(r, a, step))
		return false;
	run_quiet(r); /* what the server does about it is done before the next step */
	return true;
}

static bool do_loses(struct run *r, struct actor *a, const struct step *step)
{
	if (!connected(r, a))
		return false;
	actor_disconnect(a, true);
	world_settle(r->world); /* the server notices it by itself */
	run_quiet(r);
	return true;
}

static bool do_stops_reading(struct run *r, struct actor *a, const struct step *step)
{
	actor_stall(a, true);
	return true;
}

static bool do_reads_on(struct run *r, struct actor *a, const struct step *step)
{
	actor_stall(a, false);
	world_settle(r->world);
	return true;
}

/* ---- without actor ---- */

static bool do_after(struct run *r, const struct step *step)
{
	world_pass(r->world, step->ms);
	return true;
}

static bool do_let(struct run *r, const struct step *step)
{
	struct str value = str_z(step->text), name = str_trim(str_cut(&value, '='));
	struct buf text;
	bool good;

	buf_init(&text, 1 << 20);
	good = value.p && expand(str_trim(value), &r->vars, false, &text, &r->why);
	if (good)
		vars_set(&r->vars, name, buf_view(&text));
	else if (!r->why.n)
		buf_z(&r->why, "not as in: let name = value");
	buf_clear(&text);
	return good;
}

static bool all_left(void *arg)
{
	const struct run *r = arg;

	for (unsigned i = 0; i < r->script->actor_count; i++)
		if (r->actors[i].link)
			return false;
	return true;
}

static bool (*const actions[VERB_COUNT])(struct run *r, struct actor *a, const struct step *step) = {
	[VERB_AUTHENTICATES] = do_authenticates,
	[VERB_BINDS] = do_binds,
	[VERB_BYTES] = do_bytes,
	[VERB_CLOSES] = do_closes,
	[VERB_CONNECTS] = do_connects,
	[VERB_DISCONNECTED] = do_disconnected,
	[VERB_GETS] = run_gets,
	[VERB_GETS_ANY_ORDER] = run_gets,
	[VERB_MAY_GET] = run_gets,
	[VERB_GETS_NOTHING] = do_gets_nothing,
	[VERB_IGNORES] = do_ignores,
	[VERB_LOGS_IN] = do_logs_in,
	[VERB_LOSES] = do_loses,
	[VERB_ONLINE] = do_online,
	[VERB_OPENS] = do_opens,
	[VERB_READS_ON] = do_reads_on,
	[VERB_SENDS] = do_sends,
	[VERB_STARTS_TLS] = do_starts_tls,
	[VERB_STOPS_READING] = do_stops_reading,
	[VERB_TRIES] = do_tries,
};

bool run_step(struct run *r, const struct step *step)
{
	if (step->verb == VERB_RESTARTS)
		return world_restart(r->world, all_left, r, &r->why) == 0;
	if (step->verb == VERB_AFTER)
		return do_after(r, step);
	if (step->verb == VERB_LET)
		return do_let(r, step);
	for (unsigned i = 0; i < step->actor_count; i++) {
		struct actor *a = &r->actors[step->actors[i]];

		if (actions[step->verb](r, a, step))
			continue;
		if (!r->why.n)
			buf_fmt(&r->why, "%s: it did not work", a->role->name);
		return false;
	}
	return true;
}

void run_step_leniently(struct run *r, const struct step *step)
{
	bool waits = step->verb == VERB_GETS || step->verb == VERB_GETS_ANY_ORDER || step->verb == VERB_DISCONNECTED;

	for (unsigned i = 0; waits && i < step->actor_count; i++) {
		struct actor *a = &r->actors[step->actors[i]];

		if (step->verb == VERB_DISCONNECTED && a->link)
			actor_disconnect(a, false);
		else
			do_ignores(r, a, step);
	}
	if (!waits)
		run_step(r, step);
	buf_reset(&r->why);
}
