/* What happens, drawn from the seed: one table of events with weights, and at the end a phase in which everything gets
 * well, so that what was promised can be checked. */
#include <stdio.h>

#include "base/err.h"
#include "tests/peers/swarm.h"

static unsigned any(struct swarm *s) { return swarm_random(s, s->world.n); }
static struct player *any_player(struct swarm *s) { return &s->players[any(s)]; }
static struct box *any_box(struct swarm *s) { return &s->world.boxes[any(s)]; }
static bool is_on(const struct player *p) { return p->client.state == CLIENT_ON; }

static unsigned another(struct swarm *s, unsigned than)
{
	unsigned i = swarm_random(s, s->world.n - 1);

	return i >= than ? i + 1 : i;
}

static void some_turns(struct swarm *s)
{
	unsigned kind = swarm_random(s, 10);

	if (kind < 3)
		swarm_settle(s);
	else if (kind < 6) /* one machine is faster than the others */
		for (unsigned n = swarm_random(s, 6), i = any(s); n > 0; n--)
			box_step(&s->world.boxes[i]);
	else
		for (unsigned n = swarm_random(s, 4); n > 0; n--)
			world_step(&s->world);
}

/* ---- chat ---- */

static void do_mail(struct swarm *s)
{
	struct player *p = any_player(s);
	unsigned to = another(s, p->index);

	for (unsigned n = 1 + swarm_random(s, 4); n > 0 && player_can_send(p) && s->mail_n < MAILS_MAX / 2; n--)
		mail_send(p, to);
	if (swarm_chance(s, 50))
		client_ask(&p->client);
}

/* Both at once, before either has heard of the other's link. */
static void do_glare(struct swarm *s)
{
	struct player *p = any_player(s), *q = &s->players[another(s, p->index)];

	if (!player_can_send(p) || !player_can_send(q) || s->mail_n >= MAILS_MAX / 2)
		return;
	world_cut(&s->world, p->index, q->index);
	mail_send(p, q->index);
	mail_send(q, p->index);
	for (unsigned n = swarm_random(s, 12); n > 0; n--)
		box_step(&s->world.boxes[swarm_chance(s, 50) ? p->index : q->index]);
}

/* More than the 64 that may be under way at once. */
static void do_burst(struct swarm *s)
{
	struct player *p = any_player(s);
	unsigned to = another(s, p->index);

	for (unsigned n = 60 + swarm_random(s, 30); n > 0 && player_can_send(p) && s->mail_n < MAILS_MAX / 2; n--)
		mail_send(p, to);
}

static void do_hall(struct swarm *s)
{
	struct player *p = any_player(s);

	if (!s->rooms || !player_can_send(p))
		return;
	if (!p->stay && !p->joining)
		hall_join(p);
	else if (swarm_chance(s, 6))
		hall_leave(p);
	else
		for (unsigned n = 1 + swarm_random(s, 3); n > 0; n--)
			hall_say(p);
}

static void do_presence(struct swarm *s)
{
	struct player *p = any_player(s);

	if (player_can_send(p))
		player_send_presence(p);
}

static void do_dial(struct swarm *s)
{
	struct player *p = any_player(s);

	if (p->client.state == CLIENT_DOWN && player_box(p)->stage.server && (!p->away || swarm_chance(s, 10)))
		player_dial(p);
}

/* The person, not the machine. */
static void do_leave(struct swarm *s)
{
	struct player *p = any_player(s);

	if (swarm_chance(s, 50)) {
		client_cut(&p->client);
		return;
	}
	client_close(&p->client);
	p->away = p->client.state == CLIENT_CLOSING;
}

/* ---- the network ---- */

static struct cable *any_cable(struct swarm *s)
{
	struct cable *found = NULL;
	unsigned n = 0;

	LIST_EACH(node, &s->world.cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		if (cable_is_whole(c) && swarm_random(s, ++n) == 0)
			found = c;
	}
	return found;
}

static void do_cut(struct swarm *s)
{
	struct cable *c = any_cable(s);

	if (!c)
		return;
	s->stats.cuts++;
	swarm_say(s, "the connection of u%u and u%u breaks", c->from, c->to);
	if (swarm_chance(s, 30))
		cable_cut(c);
	else
		c->fuse[swarm_random(s, 2)] = swarm_random(s, swarm_chance(s, 50) ? 60 : 3000);
}

static void do_pull(struct swarm *s)
{
	unsigned a = any(s), b = another(s, a);
	bool apart = !s->world.apart[a][b];

	swarm_say(s, "the cable of u%u and u%u is %s", a, b, apart ? "pulled out" : "put back");
	s->stats.pulls++;
	world_apart(&s->world, a, b, apart);
}

static void do_cables(struct swarm *s)
{
	static const size_t capacities[] = {65536, 65536, 4096, 500}, trickles[] = {0, 0, 0, 0, 100, 7};

	s->world.capacity = capacities[swarm_random(s, ARRAY_LEN(capacities))];
	s->world.trickle = trickles[swarm_random(s, ARRAY_LEN(trickles))];
}

static void do_found(struct swarm *s)
{
	struct box *b = any_box(s);

	if (!s->typed)
		box_found(b, &s->world.boxes[another(s, b->index)]);
}

/* ---- machines and their disks ---- */

static void release(struct swarm *s, unsigned i)
{
	if (!s->held[i])
		return;
	swarm_say(s, "the store of u%u wakes up", i);
	s->held[i] = false;
	if (s->world.boxes[i].stage.server)
		server_hold_store(s->world.boxes[i].stage.server, false);
}

static void heal(struct swarm *s)
{
	struct box *b = s->world.failing;

	if (!b)
		return;
	swarm_say(s, "the disk of u%u is well", b->index);
	box_heal_disk(b);
	release(s, b->index);
	box_step(b); /* the store tries again */
	s->disk_bad_until[b->index] = swarm_now(s);
}

static void do_hold(struct swarm *s)
{
	unsigned i = any(s);

	if (s->held[i]) {
		release(s, i);
		return;
	}
	if (!s->world.boxes[i].stage.server)
		return;
	swarm_say(s, "the store of u%u sleeps", i);
	s->held[i] = true;
	server_hold_store(s->world.boxes[i].stage.server, true);
}

static void do_disk(struct swarm *s)
{
	struct fault_plan p = {.ops = FAULT_CHANGES, .nth = 1 + swarm_random(s, 4)};
	struct box *b = any_box(s);

	if (s->world.failing) {
		heal(s);
		return;
	}
	if (!b->stage.server)
		return;
	p.full = swarm_chance(s, 50);
	p.lasting = swarm_chance(s, 80);
	p.forgetful = swarm_chance(s, 30);
	if (swarm_chance(s, 20))
		p.ops = FAULT_SYNC;
	swarm_say(s, "the disk of u%u fails: %s, %s", b->index, p.full ? "full" : "errors",
		p.lasting ? "until healed" : "once");
	box_break_disk(b, &p);
	s->disk_bad_until[b->index] = INT64_MAX;
	s->stats.disk_faults++;
	if (b->index == 0)
		hall_on_disk_fault(s);
}

static void check_disk(struct swarm *s, struct box *b)
{
	struct buf why;

	buf_init(&why, 10000);
	if (!box_disk_is_whole(b, &why))
		swarm_fail(s, "the store of u%u is damaged: %s", b->index, buf_cstr(&why));
	buf_clear(&why);
}

static void find_each_other(struct swarm *s, unsigned i)
{
	for (unsigned k = 0; k < s->world.n && !s->typed; k++)
		if (k != i) {
			box_found(&s->world.boxes[i], &s->world.boxes[k]);
			box_found(&s->world.boxes[k], &s->world.boxes[i]);
		}
}

static void start_node(struct swarm *s, struct box *b)
{
	if (s->world.failing == b)
		heal(s);
	check_disk(s, b);
	box_start(b);
	swarm_say(s, "the node of u%u starts", b->index);
	/* It has read its table before anybody speaks to it; but now and then not. */
	for (unsigned n = swarm_chance(s, 90) ? 4 : 0; n > 0; n--)
		box_step(b);
	mail_on_restart(s, b->index);
	find_each_other(s, b->index);
}

static void crash(struct swarm *s, struct box *b)
{
	static const enum fault_loss losses[] = {LOSE_UNSYNCED, LOSE_SOME, LOSE_NOTHING};
	unsigned loss = swarm_random(s, ARRAY_LEN(losses));
	bool silent = swarm_chance(s, 30);

	swarm_say(s, "the node of u%u crashes, loss %u%s", b->index, loss, silent ? ", silently" : "");
	heal(s);
	s->held[b->index] = false;
	mail_on_crash(s, b->index);
	hall_on_crash(s, b->index);
	player_on_crash(&s->players[b->index]);
	box_crash(b, losses[loss], s->seed + s->stats.crashes++, silent);
	s->crashed_at[b->index] = swarm_now(s);
}

static void do_crash(struct swarm *s)
{
	struct box *b = any_box(s);

	if (!b->stage.server) {
		start_node(s, b);
		return;
	}
	/* Often in the middle of a commit that takes its time. */
	if (!s->held[b->index] && swarm_chance(s, 40)) {
		s->held[b->index] = true;
		server_hold_store(b->stage.server, true);
		for (unsigned n = swarm_random(s, 12); n > 0; n--) {
			do_mail(s);
			world_tick(&s->world, 5);
			some_turns(s);
		}
	}
	crash(s, b);
}

/* What is written to a person whose client has just gone, or reads nothing, is in a session's queue only, and then the
 * node crashes: it was acknowledged to its sender's node, so it must be there afterwards. */
static void do_crash_queue(struct swarm *s)
{
	struct player *p = any_player(s), *from = &s->players[another(s, p->index)];

	if (!is_on(p) || !player_can_send(from) || !player_box(p)->stage.server || s->mail_n >= MAILS_MAX / 2)
		return;
	if (swarm_chance(s, 50))
		client_cut(&p->client);
	else
		client_set_deaf(&p->client, true);
	for (unsigned n = 1 + swarm_random(s, 4); n > 0; n--)
		mail_send(from, p->index);
	client_ask(&from->client);
	for (unsigned n = 1 + swarm_random(s, 3); n > 0; n--)
		some_turns(s);
	/* Half a second later it is written down what has arrived. */
	if (swarm_chance(s, 30))
		world_pass(&s->world, 600);
	crash(s, player_box(p));
	client_set_deaf(&p->client, false);
	p->client.deaf = false; /* its connection may be gone */
}

static void stop_node(struct swarm *s, struct box *b)
{
	heal(s);
	release(s, b->index);
	swarm_say(s, "the node of u%u is stopped", b->index);
	s->stats.stops++;
	if (b->index == 0)
		hall_on_crash(s, 0);
	if (!box_stop(b))
		swarm_fail(s, "the node of u%u does not stop in time", b->index);
	swarm_confirm_closed(s, b->index);
	player_on_crash(&s->players[b->index]);
	s->crashed_at[b->index] = swarm_now(s);
}

static void do_stop(struct swarm *s)
{
	struct box *b = any_box(s);

	if (b->stage.server)
		stop_node(s, b);
	else
		start_node(s, b);
}

static void do_wait(struct swarm *s)
{
	static const int64_t waits[] = {100, 1000, 1000, 6000, 31000, 70000, 400000};

	world_pass(&s->world, waits[swarm_random(s, ARRAY_LEN(waits))]);
	swarm_settle(s);
}

static const struct {
	void (*run)(struct swarm *s);
	unsigned weight;
	bool varies; /* none, normal or much of it, by seed */
} events[] = {
	{do_mail, 80, false},
	{do_glare, 8, true},
	{do_burst, 2, true},
	{do_hall, 30, true},
	{do_presence, 4, true},
	{do_dial, 50, false},
	{do_leave, 5, true},
	{do_cut, 20, true},
	{do_pull, 8, true},
	{do_cables, 6, true},
	{do_found, 4, true},
	{do_hold, 6, true},
	{do_disk, 3, true},
	{do_crash, 3, true},
	{do_crash_queue, 4, true},
	{do_stop, 2, true},
	{do_wait, 10, false},
};

void plan_draw(struct swarm *s)
{
	static const unsigned factors[] = {0, 1, 1, 3};

	_Static_assert(ARRAY_LEN(events) == ARRAY_LEN(s->weights), "a weight for each");
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		s->weights[i] =
			events[i].weight * (events[i].varies ? factors[swarm_random(s, ARRAY_LEN(factors))] : 1);
}

void plan_step(struct swarm *s)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		sum += s->weights[i];
	at = swarm_random(s, sum);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (at < s->weights[i]) {
			events[i].run(s);
			break;
		}
		at -= s->weights[i];
	}
	world_tick(&s->world, 1 + swarm_random(s, 20));
	some_turns(s);
}

/* ---- the beginning ---- */

/* They learn of each other: by discovery, or as typed in on one side or on both. */
void plan_begin(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n; i++)
		for (unsigned k = 0; k < s->world.n; k++) {
			struct box *a = &s->world.boxes[i], *b = &s->world.boxes[k];

			if (i == k)
				continue;
			if (!s->typed)
				box_found(a, b);
			else if (i < k || swarm_chance(s, 50))
				box_command(a, NULL, "peer add %s@%s", b->user, b->address);
		}
	world_pass(&s->world, 3000);
	for (unsigned i = 0; i < s->world.n && !s->strangers; i++)
		for (unsigned k = 0; k < s->world.n; k++) {
			if (i == k)
				continue;
			if (!box_command(&s->world.boxes[i], NULL, "peer accept %s", s->world.boxes[k].domain))
				swarm_fail(s, "u%u does not know u%u", i, k);
			s->players[i].knows[k] = true;
		}
	swarm_settle(s);
}

/* ---- the end ---- */

static void repair_all(struct swarm *s)
{
	heal(s);
	for (unsigned i = 0; i < s->world.n; i++) {
		release(s, i);
		if (!s->world.boxes[i].stage.server)
			start_node(s, &s->world.boxes[i]);
		find_each_other(s, i);
	}
	world_mend(&s->world);
	s->world.capacity = s->world.trickle = 0;
	swarm_settle(s);
}

static void everybody_comes(struct swarm *s)
{
	/* Twice: one that was just taking its leave is down only after a while. */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < s->world.n; i++)
			if (s->players[i].client.state == CLIENT_DOWN)
				player_dial(&s->players[i]);
		world_pass(&s->world, 11000);
	}
	for (unsigned i = 0; i < s->world.n; i++)
		if (!is_on(&s->players[i]))
			swarm_fail(s, "u%u cannot log in: state %d", i, s->players[i].client.state);
	swarm_settle(s);
}

/* What was stored when they came first, but could not be read then, is theirs now. */
static void everybody_comes_again(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n; i++)
		client_close(&s->players[i].client);
	swarm_settle(s);
	everybody_comes(s);
}

static void everybody_writes(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n; i++)
		for (unsigned k = 0; k < s->world.n; k++)
			if (i != k && is_on(&s->players[i]))
				mail_send(&s->players[i], k);
	swarm_settle(s);
}

/* So long that each link has been tried often enough, and no session of old times waits any more. */
static void time_passes(struct swarm *s)
{
	world_pass(&s->world, 400000);
	swarm_settle(s);
	for (unsigned i = 0; i < s->world.n; i++) {
		client_ask(&s->players[i].client);
		client_ack(&s->players[i].client);
	}
	swarm_settle(s);
}

static void everybody_talks(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n && s->rooms; i++)
		if (!s->players[i].stay)
			hall_join(&s->players[i]);
	world_pass(&s->world, 20000);
	for (unsigned n = 0; n < 2 && s->rooms; n++)
		for (unsigned i = 0; i < s->world.n; i++)
			hall_say(&s->players[i]);
	swarm_settle(s);
	for (unsigned i = 0; i < s->world.n && s->rooms; i++)
		if (!s->players[i].stay)
			swarm_fail(s, "u%u cannot enter the room", i);
}

static void check_pair(struct swarm *s, unsigned i, unsigned k)
{
	const struct box *a = &s->world.boxes[i], *b = &s->world.boxes[k];

	const uint8_t *ours = inside_exporter(box_core(a), b->domain),
		      *theirs = inside_exporter(box_core(b), a->domain);
	unsigned n = inside_sessions(box_core(a), b->domain);

	if (n > 1)
		swarm_fail(s, "u%u has %u sessions with u%u", i, n, k);
	if (!inside_is_linked(box_core(a), b->domain))
		swarm_fail(s, "u%u is not linked with u%u", i, k);
	if (inside_dialling(box_core(a), b->domain))
		swarm_fail(s, "u%u believes to be dialling u%u, and is not", i, k);
	if (i < k && world_cables(&s->world, i, k) != 1)
		swarm_fail(s, "u%u and u%u have %u connections", i, k, world_cables(&s->world, i, k));
	if (i < k && ours && theirs && memcmp(ours, theirs, 32) != 0)
		swarm_fail(s, "u%u and u%u take two connections for the link", i, k);
}

static void check_nodes(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n; i++) {
		uint32_t waiting = inside_waiting(box_core(&s->world.boxes[i]));

		if (waiting)
			swarm_fail(s, "u%u has %u messages waiting", i, waiting);
		if (s->players[i].client.sent_n)
			swarm_fail(s, "u%u: %u stanzas are not acknowledged", i, s->players[i].client.sent_n);
		for (unsigned k = 0; k < s->world.n; k++)
			if (i != k)
				check_pair(s, i, k);
	}
}

static void check_views(struct swarm *s)
{
	for (unsigned i = 0; i < s->world.n; i++)
		for (unsigned k = 0; k < s->world.n; k++)
			if (i != k && s->players[i].view[k] != s->players[k].version_now)
				swarm_fail(s, "u%u believes the presence of u%u to be number %u, it is %u", i, k,
					s->players[i].view[k], s->players[k].version_now);
}

void plan_finale(struct swarm *s)
{
	swarm_say(s, "the end begins");
	repair_all(s);
	everybody_comes(s);
	everybody_writes(s);
	time_passes(s);
	hall_check_heard(s);
	everybody_comes_again(s);
	everybody_talks(s);
	everybody_writes(s);
	time_passes(s);
	check_nodes(s);
	check_views(s);
	mail_check_all(s);
	hall_check_all(s);
	for (unsigned i = 0; i < s->world.n; i++) {
		stop_node(s, &s->world.boxes[i]);
		check_disk(s, &s->world.boxes[i]);
	}
}
