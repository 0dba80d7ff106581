/* What happens, drawn from the seed. A step is one thing alone, or many at once; then all is quiet, and everything is compared. */
#include <stdio.h>

#include "base/err.h"
#include "link/mem.h"
#include "tests/crowd/crowd.h"

enum { MOST_AT_ONCE = 50, FIRST_MEMBERS = 40, BURST = 4, CHANGES_BEFORE_CRASH = 12 };

/* ---- who ---- */

static struct chatter *any_chatter(struct crowd *c) { return &c->chatters[crowd_random(c, c->chatter_count)]; }
static unsigned any_hall(struct crowd *c) { return crowd_random(c, c->hall_count); }
static unsigned any_person(struct crowd *c) { return crowd_random(c, c->people); }
static uint8_t any_affiliation(struct crowd *c) { return (uint8_t)crowd_random(c, LAW_AFFILIATIONS); }

static bool is_in(const struct chatter *ch, unsigned hall)
{
	const struct scene *v = chatter_scene(ch, hall);

	return v && v->state == SCENE_IN && ch->client.state == CLIENT_ON && scene_self(chatter_scene(ch, hall));
}

/* Somebody in the room who is at least that, and has no higher affiliation than most; NULL: there is none. */
static struct chatter *somebody_in(struct crowd *c, unsigned hall, struct standing least, uint8_t most)
{
	unsigned first = crowd_random(c, c->chatter_count);

	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[(first + i) % c->chatter_count];
		const struct entry *self = is_in(ch, hall) ? scene_self(ch->scenes[hall]) : NULL;

		if (self && self->now.role >= least.role && self->now.affiliation >= least.affiliation &&
			self->now.affiliation <= most)
			return ch;
	}
	return NULL;
}

static struct chatter *insider(struct crowd *c, unsigned hall)
{
	return somebody_in(c, hall, (struct standing){LAW_VISITOR, LAW_NONE}, LAW_OWNER);
}

/* Mostly somebody who has some power, or nothing much would ever be done. */
static struct chatter *somebody_bold(struct crowd *c, unsigned hall)
{
	static const struct {
		struct standing least;
		uint8_t most;
	} kinds[] = {
		{{LAW_VISITOR, LAW_NONE}, LAW_OWNER},
		{{LAW_MODERATOR, LAW_NONE}, LAW_MEMBER},
		{{LAW_MODERATOR, LAW_ADMIN}, LAW_ADMIN},
		{{LAW_MODERATOR, LAW_OWNER}, LAW_OWNER},
		{{LAW_MODERATOR, LAW_OWNER}, LAW_OWNER},
	};
	unsigned kind = crowd_random(c, ARRAY_LEN(kinds));
	struct chatter *ch = somebody_in(c, hall, kinds[kind].least, kinds[kind].most);

	return ch ? ch : insider(c, hall);
}

/* The nickname of somebody in of at least this affiliation, by what this one sees. */
static int occupant_of(struct crowd *c, const struct scene *v, uint8_t least)
{
	unsigned first = crowd_random(c, NICKS_MAX);

	for (unsigned i = 0; i < NICKS_MAX; i++) {
		unsigned nick = (first + i) % NICKS_MAX;

		if (v->entries[nick].here && v->entries[nick].now.affiliation >= least)
			return (int)nick;
	}
	return NOBODY;
}

static int any_occupant(struct crowd *c, const struct scene *v) { return occupant_of(c, v, LAW_NONE); }

/* Often one of those who are protected. */
static int any_target(struct crowd *c, const struct scene *v)
{
	int nick = crowd_chance(c, 30) ? occupant_of(c, v, crowd_chance(c, 50) ? LAW_ADMIN : LAW_OWNER) : NOBODY;

	return nick < 0 ? any_occupant(c, v) : nick;
}

/* Mostly one's own, or one that is nobody's. */
static unsigned any_nick(struct crowd *c, const struct chatter *ch)
{
	uint32_t way = crowd_random(c, 100);

	if (way < 70)
		return ch->person;
	if (way < 90)
		return c->people + crowd_random(c, NICKS_MAX - c->people);
	return any_person(c);
}

/* ---- what ---- */

/* Two numbers are never drawn in one list of arguments: its order is the compiler's, and a seed is to be the same everywhere. */
static void enter_somewhere(struct crowd *c, struct chatter *ch)
{
	unsigned hall = any_hall(c);
	unsigned nick = any_nick(c, ch);

	chatter_enter(ch, hall, nick);
}

static void do_enter(struct crowd *c)
{
	struct chatter *ch = any_chatter(c);

	for (unsigned n = 0; n < BURST; n++, ch = any_chatter(c))
		if (ch->client.state == CLIENT_ON)
			enter_somewhere(c, ch);
}

static void do_leave(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = insider(c, hall);

	if (ch)
		chatter_leave(ch, hall);
}

static void do_rename(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = insider(c, hall);

	if (ch && crowd_chance(c, 70))
		chatter_rename(ch, hall, any_nick(c, ch));
	else if (ch)
		chatter_show(ch, hall);
}

static void do_talk(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = insider(c, hall);

	for (unsigned n = 1 + crowd_random(c, BURST); ch && n > 0; n--)
		talk_say(ch, hall);
}

static void do_subject(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);

	if (ch)
		talk_set_subject(ch, hall);
}

static void do_whisper(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = insider(c, hall);
	int nick = ch ? any_occupant(c, ch->scenes[hall]) : NOBODY;

	for (unsigned n = 1 + crowd_random(c, BURST); nick >= 0 && n > 0; n--)
		talk_whisper(ch, hall, (unsigned)nick);
}

static void do_roles(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_ROLES;
	for (unsigned n = 1 + (crowd_chance(c, 30) ? crowd_random(c, 3) : 0); n > 0; n--) {
		struct ask_row row = {.person = NOBODY, .value = (uint8_t)crowd_random(c, LAW_ROLES)};
		bool twice = false;

		row.nick = (int16_t)any_target(c, ch->scenes[hall]);
		row.person = ch->scenes[hall]->entries[row.nick].person;
		for (unsigned i = 0; i < a->row_n; i++)
			twice |= a->rows[i].nick == row.nick;
		if (!twice)
			a->rows[a->row_n++] = row;
	}
	chatter_ask(ch, hall, a);
}

/* One, or several: then, often, one of them is illegal, and nothing may be done. */
static void do_affiliations(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_AFFILIATIONS;
	for (unsigned n = 1 + (crowd_chance(c, 40) ? crowd_random(c, ROWS_MAX) : 0); n > 0; n--) {
		int16_t person = (int16_t)any_person(c);
		struct ask_row row = {.nick = NOBODY, .person = person, .value = any_affiliation(c)};
		int nick = crowd_chance(c, 60) ? any_target(c, ch->scenes[hall]) : NOBODY;
		bool twice = false;

		if (nick >= 0 && ch->scenes[hall]->entries[nick].person >= 0)
			row.person = ch->scenes[hall]->entries[nick].person;
		if (row.value == LAW_OUTCAST && crowd_chance(c, 40))
			row.value = LAW_MEMBER;
		for (unsigned i = 0; i < a->row_n; i++)
			twice |= a->rows[i].person == row.person;
		if (!twice && a->row_n < ROWS_MAX)
			a->rows[a->row_n++] = row;
	}
	chatter_ask(ch, hall, a);
}

/* An owner goes, or wants to: the last one may not. */
static void do_resign_owner(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_in(c, hall, (struct standing){LAW_MODERATOR, LAW_OWNER}, LAW_OWNER);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_AFFILIATIONS;
	a->rows[a->row_n++] = (struct ask_row){NOBODY, (int16_t)ch->person, LAW_MEMBER};
	chatter_ask(ch, hall, a);
}

static void do_configure(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_CONFIG;
	a->config =
		crowd_chance(c, 40) ? c->halls[hall].kind : c->halls[hall].config ^ 1u << crowd_random(c, HALL_BITS);
	chatter_ask(ch, hall, a);
}

static void do_destroy(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_DESTROY;
	chatter_ask(ch, hall, a);
}

static void do_invite(struct crowd *c)
{
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_INVITE;
	a->rows[a->row_n++] = (struct ask_row){NOBODY, (int16_t)any_person(c), LAW_MEMBER};
	chatter_ask(ch, hall, a);
}

static void do_enrol(struct crowd *c)
{
	struct chatter *ch = any_chatter(c);
	struct ask *a;

	if (ch->client.state != CLIENT_ON)
		return;
	a = hall_ask_new(c);
	a->kind = crowd_chance(c, 70) ? ASK_ENROL : ASK_RESIGN;
	a->rows[a->row_n++] =
		(struct ask_row){NOBODY, (int16_t)ch->person, a->kind == ASK_ENROL ? LAW_MEMBER : LAW_NONE};
	chatter_ask(ch, any_hall(c), a);
}

static void do_read(struct crowd *c)
{
	static const uint8_t lists[] = {LAW_OUTCAST, LAW_MEMBER, LAW_ADMIN, LAW_OWNER};
	unsigned hall = any_hall(c);
	struct chatter *ch = somebody_bold(c, hall);
	struct ask *a;

	if (!ch)
		return;
	a = hall_ask_new(c);
	a->kind = ASK_READ;
	a->rows[a->row_n++] = (struct ask_row){NOBODY, NOBODY, lists[crowd_random(c, ARRAY_LEN(lists))]};
	chatter_ask(ch, hall, a);
}

/* ---- connections ---- */

static void do_cut(struct crowd *c)
{
	struct chatter *ch = any_chatter(c);

	if (ch->client.state != CLIENT_ON || !ch->client.link)
		return;
	ch->down_since = crowd_now(c);
	switch (crowd_random(c, 3)) {
	case 0:
		client_cut(&ch->client);
		return;
	case 1:
		ch->client.fuse_in = crowd_random(c, 3000);
		return;
	default:
		ch->client.fuse_out = crowd_random(c, 500);
	}
}

static void do_deaf(struct crowd *c)
{
	struct chatter *ch = any_chatter(c);

	if (ch->client.state == CLIENT_ON && !ch->client.deaf)
		chatter_set_deaf(ch, true);
}

static void do_abandon(struct crowd *c) { chatter_abandon(any_chatter(c)); }

static void do_close(struct crowd *c)
{
	struct chatter *ch = any_chatter(c);

	chatter_close(ch);
	ch->away = ch->client.state == CLIENT_CLOSING;
}

static void do_come_back(struct crowd *c)
{
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];

		if (ch->client.deaf && crowd_chance(c, 40))
			chatter_set_deaf(ch, false);
		if (ch->client.state == CLIENT_DOWN && crowd_chance(c, ch->away ? 10 : 50))
			chatter_dial(ch);
	}
	if (c->grave_n && crowd_chance(c, 50))
		grave_close(c, crowd_random(c, c->grave_n));
}

static void do_wait(struct crowd *c)
{
	static const int64_t waits[] = {100, 1000, 6000, 31000, 70000, 310000};

	if (!c->held) /* what waits for the store too long would be taken back */
		stage_pass(&c->stage, waits[crowd_random(c, ARRAY_LEN(waits))]);
}

static const struct {
	void (*run)(struct crowd *c);
	unsigned weight;
} events[] = {
	{do_enter, 40},
	{do_leave, 10},
	{do_rename, 14},
	{do_talk, 50},
	{do_subject, 8},
	{do_whisper, 12},
	{do_roles, 30},
	{do_affiliations, 40},
	{do_resign_owner, 4},
	{do_configure, 8},
	{do_destroy, 1},
	{do_invite, 6},
	{do_enrol, 6},
	{do_read, 8},
	{do_cut, 12},
	{do_deaf, 6},
	{do_abandon, 3},
	{do_close, 3},
	{do_come_back, 20},
	{do_wait, 6},
};

static void event(struct crowd *c)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		sum += events[i].weight;
	at = crowd_random(c, sum);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (at < events[i].weight) {
			events[i].run(c);
			return;
		}
		at -= events[i].weight;
	}
}

/* ---- the server ---- */

static void start(struct crowd *c)
{
	while (c->grave_n)
		grave_close(c, 0);
	crowd_settle(c);
	quiet_on_restart(c);
	stage_start(&c->stage);
	must(client_dial(&c->boss));
	crowd_settle(c);
}

static void crash(struct crowd *c)
{
	static const enum fault_loss losses[] = {LOSE_UNSYNCED, LOSE_SOME, LOSE_NOTHING};
	unsigned loss = crowd_random(c, ARRAY_LEN(losses));

	crowd_say(c, "the server crashes, loss %u", loss);
	c->stats.crashes++;
	stage_crash(&c->stage, losses[loss], c->seed + c->stats.crashes);
	c->held = false;
	stage_heal_disk(&c->stage);
	start(c);
}

static void stop(struct crowd *c)
{
	crowd_say(c, "the server is stopped");
	c->stats.stops++;
	c->stopping = true;
	if (!stage_stop(&c->stage))
		crowd_fail(c, "the server does not stop in time");
	start(c);
	c->stopping = false;
}

static void everybody_dials(struct crowd *c, unsigned percent)
{
	for (unsigned i = 0; i < c->chatter_count; i++)
		if (crowd_chance(c, percent))
			chatter_dial(&c->chatters[i]);
	crowd_settle(c);
}

static void everybody_enters(struct crowd *c)
{
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];

		for (unsigned n = 1 + crowd_random(c, 2); n > 0 && ch->client.state == CLIENT_ON; n--)
			enter_somewhere(c, ch);
		if (crowd_chance(c, 5))
			stage_step(&c->stage);
	}
}

/* ---- steps ---- */

static void many_at_once(struct crowd *c)
{
	c->storming = true;
	for (unsigned n = 2 + crowd_random(c, MOST_AT_ONCE); n > 0; n--) {
		event(c);
		for (unsigned turns = crowd_random(c, 4); turns > 0; turns--)
			stage_step(&c->stage);
	}
	c->storming = false;
}

/* What must not be answered before it is stored. */
static void do_what_is_stored(struct crowd *c)
{
	for (unsigned n = 0; n < CHANGES_BEFORE_CRASH; n++) {
		do_affiliations(c);
		do_talk(c);
		do_subject(c);
		if (n % 4 == 0)
			do_configure(c);
		for (unsigned turns = crowd_random(c, 4); turns > 0; turns--)
			stage_step(&c->stage);
	}
}

void plan_step(struct crowd *c)
{
	bool crashes = crowd_chance(c, 2);

	crowd_say(c, "---- step %u", c->step);
	/* Mostly in the middle of a commit that takes its time. */
	c->held = crashes && crowd_chance(c, 60);
	server_hold_store(c->stage.server, c->held);
	if (crashes || crowd_chance(c, 40))
		many_at_once(c);
	else
		event(c);
	if (crashes) {
		do_what_is_stored(c);
		crash(c);
	} else if (crowd_chance(c, 1)) {
		quiet_check(c);
		stop(c);
	}
	quiet_check(c);
	stage_tick(&c->stage, 1 + crowd_random(c, 20));
	if (c->stage.starts > c->starts) {
		c->starts = c->stage.starts;
		everybody_dials(c, 90);
		everybody_enters(c);
		quiet_check(c);
	}
}

/* ---- beginning and end ---- */

static void on_boss_session(struct client *b, bool resumed) {}
static void on_boss(struct client *b) {}
static void on_boss_tag(struct client *b, uint64_t tag) {}
static void on_boss_stanza(struct client *b, const struct xml_tree *t) { quiet_on_boss(b->arg, t); }
static void on_boss_down(struct client *b, enum client_end end) {}

static const struct client_ops boss_ops = {
	.on_bound = on_boss,
	.on_session = on_boss_session,
	.on_life_over = on_boss,
	.on_unsure = on_boss_tag,
	.on_acked = on_boss_tag,
	.on_stanza = on_boss_stanza,
	.on_down = on_boss_down,
};

/* Its owner lets some in, and makes some of them more. */
static void appoint(struct crowd *c, unsigned hall, struct chatter *owner)
{
	for (unsigned n = 0; n < FIRST_MEMBERS / ROWS_MAX; n++) {
		struct ask *a = hall_ask_new(c);

		a->kind = ASK_AFFILIATIONS;
		for (unsigned i = 0; i < ROWS_MAX; i++) {
			unsigned person = (owner->person + 1 + n * ROWS_MAX + i) % c->people;
			uint8_t value = n == 0 ? (i ? LAW_ADMIN : LAW_OWNER) : LAW_MEMBER;

			a->rows[a->row_n++] = (struct ask_row){NOBODY, (int16_t)person, value};
		}
		chatter_ask(owner, hall, a);
	}
}

void plan_open(struct crowd *c)
{
	char user[24];

	snprintf(user, sizeof(user), "u%u", c->people);
	client_init(&c->boss, &c->stage, user, "boss");
	c->boss.ops = &boss_ops;
	c->boss.arg = c;
	must(client_dial(&c->boss));
	everybody_dials(c, 100);
	for (unsigned i = 0; i < c->hall_count; i++) {
		struct chatter *owner = any_chatter(c);

		chatter_enter(owner, i, owner->person);
		crowd_settle(c);
		appoint(c, i, owner);
		crowd_settle(c);
	}
	quiet_check(c);
	everybody_enters(c);
	quiet_check(c);
	c->starts = c->stage.starts;
}

void plan_close(struct crowd *c)
{
	if (c->failures)
		return;
	for (unsigned i = 0; i < c->chatter_count; i++) {
		chatter_set_deaf(&c->chatters[i], false);
		c->chatters[i].client.fuse_in = c->chatters[i].client.fuse_out = -1;
	}
	while (c->grave_n)
		grave_close(c, 0);
	everybody_dials(c, 100);
	/* What still waits for a session that does not come back is over. */
	stage_pass(&c->stage, (int64_t)c->stage.config.resume_seconds * 1000 + 60000);
	quiet_check(c);
	everybody_enters(c);
	quiet_check(c);
	stop(c);
	quiet_check(c);
}
