/* What happens, drawn from the seed: one table of events with weights, and at the end a phase in which everything gets
 * well, so that what was promised can be checked. */
#include <stdio.h>

#include "base/err.h"
#include "link/mem.h"
#include "tests/sim/sim.h"

static struct actor *any_actor(struct sim *s) { return &s->actors[sim_random(s, s->actor_count)]; }
static bool is_on(const struct actor *a) { return a->client.state == CLIENT_ON; }
/* Its own program runs, connected or waiting to be again. */
static bool can_send(const struct actor *a)
{
	return is_on(a) || (a->client.keeping && a->client.state == CLIENT_DOWN);
}

/* ---- chat ---- */

/* One of those who are away, if there are any. */
static struct actor *somebody_away(struct sim *s)
{
	unsigned first = sim_random(s, s->actor_count);

	for (unsigned i = 0; i < s->actor_count; i++) {
		struct actor *a = &s->actors[(first + i) % s->actor_count];

		if (a->away)
			return a;
	}
	return &s->actors[first];
}

static void do_mail(struct sim *s)
{
	struct actor *a = any_actor(s);
	struct actor *to = sim_chance(s, 30) ? somebody_away(s) : any_actor(s);

	for (unsigned n = 1 + sim_random(s, 4); n > 0 && can_send(a) && s->mail_n < MAILS_MAX / 2; n--)
		mail_send(a, to->person, sim_chance(s, 40) ? to->index : ACTORS_MAX);
	if (sim_chance(s, 50))
		client_ask(&a->client);
}

/* More than the 64 that may be under way at once. */
static void do_burst(struct sim *s)
{
	struct actor *a = any_actor(s), *to = any_actor(s);

	for (unsigned n = 60 + sim_random(s, 30); n > 0 && can_send(a) && s->mail_n < MAILS_MAX / 2; n--)
		mail_send(a, to->person, ACTORS_MAX);
}

static void do_room(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (!can_send(a))
		return;
	if (!a->in_room)
		room_join(a);
	else if (sim_chance(s, 6))
		room_leave(a);
	else if (sim_chance(s, 40))
		for (unsigned n = 1 + sim_random(s, 6); n > 0; n--)
			rights_act(s->actors[0].in_room && sim_chance(s, 50) ? &s->actors[0] : a); /* its owner */
	else
		for (unsigned n = 1 + sim_random(s, 3); n > 0 && s->mail_n < MAILS_MAX / 2; n--)
			room_send(a);
}

static void do_presence(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (can_send(a) && sim_chance(s, 20))
		actor_become_unavailable(a);
	else if (can_send(a))
		actor_send_presence(a, actor_any_priority(s));
}

static void do_note(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (!can_send(a))
		return;
	if (sim_chance(s, 80))
		actor_set_note(a);
	else
		actor_ask_roster(a);
}

static void do_ack(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (sim_chance(s, 50))
		client_ack(&a->client);
	else
		client_ask(&a->client);
}

/* ---- connections ---- */

static void do_dial(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (a->client.state == CLIENT_DOWN && (!a->away || sim_chance(s, 10)))
		actor_dial(a);
}

static void do_cut(struct sim *s)
{
	struct actor *a = any_actor(s);

	switch (sim_random(s, 3)) {
	case 0:
		client_cut(&a->client);
		return;
	case 1:
		a->client.fuse_in = sim_random(s, sim_chance(s, 50) ? 60 : 3000);
		return;
	default:
		a->client.fuse_out = sim_random(s, sim_chance(s, 50) ? 60 : 3000);
	}
}

static void do_stall(struct sim *s)
{
	struct actor *a = any_actor(s);

	if (!a->client.link)
		return;
	a->shaky = true;
	if (sim_chance(s, 30)) {
		client_set_deaf(&a->client, !a->client.deaf);
		return;
	}
	a->stalled = !a->stalled;
	mem_link_stall(a->client.cable, a->stalled);
}

/* The client goes on without its old connection; later the server finds out. */
static void do_abandon(struct sim *s)
{
	if (s->grave_n && sim_chance(s, 50))
		grave_close(s, sim_random(s, s->grave_n));
	else
		actor_abandon(any_actor(s));
}

static void do_close(struct sim *s)
{
	struct actor *a = any_actor(s);

	client_close(&a->client);
	a->away = a->client.state == CLIENT_CLOSING;
}

/* ---- the server and its disk ---- */

static void heal(struct sim *s)
{
	if (s->stage.failing)
		sim_say(s, "the disk is well");
	stage_heal_disk(&s->stage);
	stage_step(&s->stage); /* the store tries again */
}

static void release(struct sim *s)
{
	if (!s->held)
		return;
	sim_say(s, "the store wakes up");
	s->held = false;
	if (s->stage.server)
		server_hold_store(s->stage.server, false);
	lives_on_release(s);
	stage_step(&s->stage);
}

static void do_hold(struct sim *s)
{
	if (s->held) {
		release(s);
		return;
	}
	if (!s->stage.server)
		return;
	sim_say(s, "the store sleeps");
	s->held = true;
	s->held_from = sim_now(s);
	server_hold_store(s->stage.server, true);
}

static void do_disk(struct sim *s)
{
	struct fault_plan p = {.ops = FAULT_CHANGES, .nth = 1 + sim_random(s, 4)};

	if (s->stage.failing) {
		heal(s);
		return;
	}
	p.full = sim_chance(s, 50);
	p.lasting = sim_chance(s, 80);
	p.forgetful = sim_chance(s, 30);
	if (sim_chance(s, 20))
		p.ops = FAULT_SYNC;
	if (sim_chance(s, 20))
		p.ops |= FAULT_READ;
	sim_say(s, "the disk fails: %s, %s, from call %u", p.full ? "full" : "errors",
		p.lasting ? "until healed" : "once", (unsigned)p.nth);
	stage_break_disk(&s->stage, &p);
	s->disk_bad_until = INT64_MAX;
	s->stats.disk_faults++;
}

static void check_disk(struct sim *s)
{
	struct buf why;

	buf_init(&why, 10000);
	if (!stage_disk_is_whole(&s->stage, &why))
		sim_fail(s, "the store is damaged: %s", buf_cstr(&why));
	buf_clear(&why);
}

static void start_server(struct sim *s)
{
	if (s->stage.server)
		return;
	heal(s);
	check_disk(s);
	stage_start(&s->stage);
	sim_say(s, "the server starts");
}

static void crash(struct sim *s)
{
	static const enum fault_loss losses[] = {LOSE_UNSYNCED, LOSE_SOME, LOSE_NOTHING};
	unsigned loss = sim_random(s, ARRAY_LEN(losses));

	sim_say(s, "the server crashes, loss %u", loss);
	s->held = false;
	stage_crash(&s->stage, losses[loss], s->seed + s->crash_n);
	heal(s);
	s->crashed_at[s->crash_n++] = sim_now(s);
	s->stats.crashes++;
	lives_on_crash(s);
}

static void some_turns(struct sim *s)
{
	if (sim_chance(s, 30))
		sim_settle(s);
	else
		for (unsigned n = sim_random(s, 4); n > 0; n--)
			stage_step(&s->stage);
}

/* Often in the middle of a commit that takes its time. */
static void do_crash(struct sim *s)
{
	if (!s->stage.server) {
		start_server(s);
		return;
	}
	if (s->crash_n == CRASHES_MAX)
		return;
	if (!s->held && sim_chance(s, 60))
		do_hold(s);
	for (unsigned n = s->held ? sim_random(s, 12) : 0; n > 0; n--) {
		do_mail(s);
		do_ack(s);
		do_dial(s);
		stage_tick(&s->stage, 5);
		some_turns(s);
	}
	crash(s);
}

static void stop_server(struct sim *s)
{
	heal(s);
	release(s);
	sim_say(s, "the server is stopped");
	if (!stage_stop(&s->stage))
		sim_fail(s, "the server does not stop in time");
	lives_on_crash(s);
}

static void do_stop(struct sim *s)
{
	if (s->stage.server)
		stop_server(s);
	else
		start_server(s);
}

/* ---- time ---- */

static void do_wait(struct sim *s)
{
	static const int64_t waits[] = {100, 1000, 1000, 6000, 31000, 70000};

	stage_pass(&s->stage, waits[sim_random(s, ARRAY_LEN(waits))]);
}

static const struct {
	void (*run)(struct sim *s);
	unsigned weight;
	bool varies; /* none, normal or much of it, by seed */
} events[] = {
	{do_mail, 80, false},
	{do_burst, 2, true},
	{do_room, 32, true},
	{do_presence, 10, true},
	{do_note, 10, true},
	{do_ack, 16, true},
	{do_dial, 60, false},
	{do_cut, 24, true},
	{do_stall, 12, true},
	{do_abandon, 8, true},
	{do_close, 5, true},
	{do_hold, 8, true},
	{do_disk, 5, true},
	{do_crash, 1, true},
	{do_stop, 1, true},
	{do_wait, 8, true},
};

void plan_draw(struct sim *s)
{
	static const unsigned factors[] = {0, 1, 1, 3};

	_Static_assert(ARRAY_LEN(events) == ARRAY_LEN(s->weights), "a weight for each");
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		s->weights[i] = events[i].weight * (events[i].varies ? factors[sim_random(s, ARRAY_LEN(factors))] : 1);
}

void plan_step(struct sim *s)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		sum += s->weights[i];
	at = sim_random(s, sum);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (at < s->weights[i]) {
			events[i].run(s);
			break;
		}
		at -= s->weights[i];
	}
	stage_tick(&s->stage, 1 + sim_random(s, 20));
	some_turns(s);
	if (!s->stage.failing && !s->held && s->disk_bad_until == INT64_MAX)
		s->disk_bad_until = sim_now(s);
}

/* ---- the end ---- */

static void repair_all(struct sim *s)
{
	heal(s);
	release(s);
	start_server(s);
	for (unsigned i = 0; i < s->actor_count; i++) {
		struct actor *a = &s->actors[i];

		if (a->stalled)
			mem_link_stall(a->client.cable, false);
		a->stalled = false;
		client_set_deaf(&a->client, false);
		a->client.fuse_in = a->client.fuse_out = -1;
		a->client.ack_all = true;
		client_ack(&a->client); /* a question may be open that it had not cared to answer */
	}
	while (s->grave_n)
		grave_close(s, 0);
	sim_settle(s);
	s->disk_bad_until = sim_now(s);
	stage_tick(&s->stage, 1);
}

static void dial_all(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++) {
		struct actor *a = &s->actors[i];

		if (a->client.state == CLIENT_DOWN)
			actor_dial(a);
		a->client.ack_all = true;
	}
	sim_settle(s);
}

static void everybody_comes(struct sim *s)
{
	for (unsigned tries = 0; tries < 4; tries++) {
		dial_all(s);
		stage_pass(&s->stage, 11000); /* a refused login may take so long */
	}
	for (unsigned i = 0; i < s->actor_count; i++) {
		struct actor *a = &s->actors[i];

		if (!is_on(a)) {
			sim_fail(s, "c%u cannot log in: state %d, step %d", i, a->client.state, a->client.step);
			continue;
		}
		actor_send_presence(a, 0);
		room_join(a);
	}
	sim_settle(s);
}

static void check_views(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++)
		for (unsigned k = 0; is_on(&s->actors[i]) && k < s->actor_count; k++)
			if (s->actors[i].view[k] != s->actors[k].version_now)
				sim_fail(s, "c%u believes the presence of c%u to be number %u, it is %u", i, k,
					s->actors[i].view[k], s->actors[k].version_now);
}

static void expire_sessions(struct sim *s)
{
	stage_pass(&s->stage, (int64_t)s->stage.config.resume_seconds * 1000 + 100000);
	sim_settle(s);
}

/* Some go, politely or not; in time the others know. */
static void some_leave(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++) {
		struct actor *a = &s->actors[i];

		if (sim_chance(s, 60))
			continue;
		if (sim_chance(s, 50))
			client_close(&a->client);
		else
			client_cut(&a->client);
		a->version_now = 0;
		a->in_room = false;
	}
	expire_sessions(s);
	check_views(s);
	room_check_occupants(s);
}

static void everybody_talks(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++)
		for (unsigned person = 0; person < s->people && can_send(&s->actors[i]); person++)
			mail_send(&s->actors[i], person, ACTORS_MAX);
	for (unsigned i = 0; i < s->actor_count; i++)
		room_send(&s->actors[i]);
	sim_settle(s);
}

static void everybody_acknowledges(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++) {
		actor_ask_roster(&s->actors[i]);
		client_ask(&s->actors[i].client);
		client_ack(&s->actors[i].client);
	}
	sim_settle(s);
	for (unsigned i = 0; i < s->actor_count; i++)
		if (s->actors[i].client.sent_n)
			sim_fail(s, "c%u: %u stanzas are not acknowledged", i, s->actors[i].client.sent_n);
}

void plan_finale(struct sim *s)
{
	sim_say(s, "the end begins");
	repair_all(s);
	everybody_comes(s);
	expire_sessions(s);
	some_leave(s);
	everybody_comes(s);
	everybody_talks(s);
	everybody_acknowledges(s);
	check_views(s);
	mail_check_all(s);
	rights_check_all(s);
	room_check_all(s);
	stop_server(s);
	sim_settle(s);
	check_disk(s);
}
