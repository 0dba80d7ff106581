#include "room/room.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/hash.h"
#include "room/activity.h"
#include "room/hats.h"
#include "room/picture.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xmpp/ns.h"

enum { CODE_SHUTDOWN = 332 };

/* ---- states ---- */

static const char *const state_names[ROOM_STATE_COUNT] = {"loading", "vacant", "locked", "open", "failed"};

static const bool legal[ROOM_STATE_COUNT][ROOM_STATE_COUNT] = {
	[ROOM_LOADING] = {[ROOM_VACANT] = true, [ROOM_OPEN] = true, [ROOM_FAILED] = true},
	[ROOM_VACANT] = {[ROOM_LOCKED] = true},
	[ROOM_LOCKED] = {[ROOM_OPEN] = true, [ROOM_VACANT] = true, [ROOM_FAILED] = true},
	[ROOM_OPEN] = {[ROOM_VACANT] = true, [ROOM_FAILED] = true},
};

void room_enter(struct room *r, enum room_state state)
{
	must(legal[r->state][state]);
	log_debug("room_state", "room=%.*s from=%s to=%s", STR_FMT(room_address(r)), state_names[r->state],
		state_names[state]);
	if (r->state != ROOM_LOADING) /* what is read from the store was known before */
		rooms_items_changed(rooms_of(r));
	r->state = state;
}

void room_make_key(struct room *r)
{
	CLEANUP(buf_clear) struct buf hex = {.max = 64};
	uint8_t key[16];

	if (r->config.occupant_key)
		return;
	rand_bytes(key, sizeof(key));
	hex_encode(&hex, key, sizeof(key));
	r->config.occupant_key = str_dup(buf_view(&hex));
}

void room_belongs_to(struct room *r, struct str bare)
{
	xfree(r->config.maker);
	r->config.maker = bare.n ? str_dup(bare) : NULL;
	r->owner = bare.n ? rooms_owner_key(jid_view(bare)) : 0;
}

void room_create(struct room *r, struct jid owner)
{
	struct core *c = room_core(r);

	room_enter(r, ROOM_LOCKED);
	r->created = r->active_since = core_wall(c);
	r->will_persist = rooms_of(r)->defaults.persistent;
	room_belongs_to(r, jid_bare_str(owner));
	room_make_key(r);
	affiliates_set(&r->affiliates, jid_bare_str(owner), AFFILIATION_OWNER, STR_NONE);
	timer_start(core_timers(c), &r->timer, core_now(c) + LOCKED_MS);
	log_info("room_created", "room=%.*s owner=%.*s", STR_FMT(room_address(r)), STR_FMT(jid_bare_str(owner)));
}

void room_unlock(struct room *r)
{
	timer_stop(core_timers(room_core(r)), &r->timer);
	room_enter(r, ROOM_OPEN);
	/* Not before: a room that is given up again while it is locked has made nothing. */
	rooms_moved_forget(rooms_of(r), jid_local(r->entity.jid));
	if (!r->will_persist)
		return;
	r->will_persist = false;
	r->config.persistent = true;
	room_store_all(r);
}

void room_settings(const struct room *r, struct room_config *ret)
{
	room_config_copy(ret, &r->config);
	ret->persistent |= r->will_persist;
}

/* What a new room is. It is not in the store before it is open. */
static void take_defaults(struct room *r)
{
	room_config_copy(&r->config, &rooms_of(r)->defaults);
	r->config.persistent = r->will_persist = false;
}

static void free_contents(struct room *r)
{
	rooms_items_changed(rooms_of(r));
	join_drop(r);
	occupants_clear(r);
	room_config_clear(&r->config);
	take_defaults(r);
	affiliates_clear(&r->affiliates);
	nicknames_clear(&r->reserved);
	nicknames_clear(&r->requests);
	subject_clear(&r->subject);
	picture_free(&r->picture);
	hats_clear(&r->hats);
	xfree(TAKE(r->activity));
	paces_clear(&r->paces);
	voices_clear(&r->voices);
	xfree(TAKE(r->invited));
	subscribers_clear(r);
	history_clear(&r->history);
	history_resize(&r->history, r->config.history);
	r->commit = 0;
	r->unfinished = false;
}

void room_vacate(struct room *r)
{
	timer_stop(core_timers(room_core(r)), &r->timer);
	free_contents(r);
	room_enter(r, ROOM_VACANT);
}

void room_close(struct room *r)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {CODE_SHUTDOWN}};
	struct occupant *o;

	join_settle(r);
	if (room_count(r))
		room_seen(r);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		announce_to_self(r, o, &n);
	if (r->state != ROOM_OPEN && r->state != ROOM_LOCKED)
		return;
	timer_stop(core_timers(room_core(r)), &r->timer);
	free_contents(r);
	room_enter(r, ROOM_FAILED);
}

static void on_timer(struct timer *t)
{
	struct room *r = CONTAINER_OF(t, struct room, timer);

	if (r->state == ROOM_LOCKED && r->will_persist && !core_can_store(room_core(r))) {
		timer_start(core_timers(room_core(r)), &r->timer, core_now(room_core(r)) + LOCKED_MS);
		return;
	}
	if (r->state == ROOM_LOCKED) {
		room_unlock(r);
		return;
	}
	/* What the store has not taken is only here; so is who was silenced. */
	if (room_count(r) == 0 && room_is_idle(r) && !r->voices.map.n && core_can_store(room_core(r)))
		rooms_drop(r);
	else
		room_rest(r);
}

/* The end of a room that is not kept: who comes next makes a new one. */
static void room_check_empty(struct room *r)
{
	if (room_count(r) == 0 && (r->state == ROOM_LOCKED || (r->state == ROOM_OPEN && !r->config.persistent)))
		room_vacate(r);
}

enum { DAY_MS = 86400000 };

static bool seen_on(const struct room *r, const char *day)
{
	return r->config.seen && strcmp(r->config.seen, day) == 0;
}

static void put_today(const struct room *r, char *ret, size_t n)
{
	snprintf(ret, n, "%lld", (long long)(core_wall(room_core(r)) / DAY_MS));
}

void room_note_use(struct room *r)
{
	char today[16];

	put_today(r, today, sizeof(today));
	if (seen_on(r, today))
		return;
	xfree(r->config.seen);
	r->config.seen = xstrdup(today);
}

bool room_seen(struct room *r)
{
	char today[16];

	if (!r->config.persistent || r->state != ROOM_OPEN || !core_can_store(room_core(r)))
		return false;
	put_today(r, today, sizeof(today));
	if (seen_on(r, today))
		return false;
	room_store(r);
	return true;
}

/* A day that was noted counts to its end: somebody may have been there until then. */
int64_t room_active_stored(const struct room_config *c, int64_t time, int64_t now)
{
	uint64_t day = 0;
	int64_t end;

	if (!c->seen || str_uint(str_z(c->seen), 1000000, &day) < 0)
		return time;
	end = ((int64_t)day + 1) * DAY_MS - 1;
	end = end < now ? end : now;
	return end > time ? end : time;
}

int64_t room_active(const struct room *r)
{
	int64_t time = r->created;

	if (room_count(r))
		return core_wall(room_core(r));
	if (r->subject.time > time)
		time = r->subject.time;
	if (r->history.last_id / 1000 > time)
		time = r->history.last_id / 1000;
	return room_active_stored(&r->config, time, core_wall(room_core(r)));
}

void room_rest(struct room *r)
{
	struct core *c = room_core(r);

	if (room_count(r) > 0) {
		if (r->state == ROOM_OPEN)
			timer_stop(core_timers(c), &r->timer);
		return;
	}
	room_check_empty(r);
	if (r->state == ROOM_OPEN) {
		if (!timer_running(&r->timer))
			timer_start(core_timers(c), &r->timer, core_now(c) + IDLE_MS);
		return;
	}
	/* Until the directory is complete a vacant room says that there is none in the store any more. */
	if (room_is_idle(r) && r->state != ROOM_LOADING && (rooms_of(r)->loaded || r->state == ROOM_FAILED))
		rooms_drop(r);
}

/* ---- stanzas ---- */

/* The element of who asked to enter comes back with the error (7.2): clients know by it what failed. */
static struct packet *entry_error(const struct stanza *s, struct xerr e)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = TYPE_ERROR,
		.from = jid_str(s->to),
		.to = jid_str(s->from),
		.id = s->id};
	struct packet_writer w;

	packet_begin(&w, &head);
	buf_z(&w.out, "<x xmlns='" NS_MUC "'/>");
	xerr_write(&w.out, e);
	return packet_end(&w);
}

void room_refuse(struct core *c, struct stanza **s, struct xerr e)
{
	struct packet *p;

	if ((*s)->kind != STANZA_PRESENCE) {
		core_bounce(c, s, e);
		return;
	}
	if ((*s)->type == TYPE_AVAILABLE) {
		p = entry_error(*s, e);
		core_reply(c, *s, &p, 0);
	}
	core_done(c, s);
}

static void on_presence(struct room *r, struct stanza **s)
{
	struct visit *v = visit_find(r, (*s)->from);

	switch ((*s)->type) {
	case TYPE_AVAILABLE:
		if (join_is(*s))
			join_on_presence(r, s);
		else if (v)
			presence_on_update(r, v, s);
		else
			join_tell_absent(room_core(r), s);
		return;
	case TYPE_UNAVAILABLE:
		presence_on_unavailable(r, s);
		return;
	case TYPE_ERROR:
		if (v && error_is_absence(r, v, *s))
			leave_visit(r, v, STR_NONE, CODE_TECHNICAL);
		core_done(room_core(r), s);
		return;
	default: /* probes, subscriptions: rooms have none */
		core_done(room_core(r), s);
		return;
	}
}

static void on_iq(struct room *r, struct stanza **s)
{
	if ((*s)->to.resource)
		relay_on_iq(r, s);
	else
		iq_dispatch(&r->entity, AT_ROOM, s);
}

static void (*const handlers[])(struct room *r, struct stanza **s) = {
	[STANZA_MESSAGE] = message_on,
	[STANZA_PRESENCE] = on_presence,
	[STANZA_IQ] = on_iq,
};

/* Locked: nobody but its owner is told that it is there (10.1.1). */
static bool is_hidden_from(const struct room *r, const struct stanza *s)
{
	return r->state == ROOM_LOCKED && room_affiliation(r, s->from) != AFFILIATION_OWNER;
}

static bool asks_to_enter(const struct stanza *s)
{
	return s->kind == STANZA_PRESENCE && s->type == TYPE_AVAILABLE && join_is(s);
}

static void serve(struct room *r, struct stanza **s)
{
	bool join = asks_to_enter(*s);

	if (!join)
		join_settle(r);
	room_check_empty(r);
	if (r->state == ROOM_FAILED)
		room_refuse(room_core(r), s, xerr(XERR_RESOURCE_CONSTRAINT));
	else if (r->state == ROOM_VACANT && !join)
		rooms_missing(room_core(r), s);
	else if (is_hidden_from(r, *s))
		room_refuse(room_core(r), s, xerr(XERR_ITEM_NOT_FOUND));
	else
		handlers[(*s)->kind](r, s);
}

/* ---- the door ---- */

/* What those who enter may cost in one share of a turn: as much as everything else. */
static bool door_is_busy(const struct room *r)
{
	return r->door || r->let_in > core_config(room_core(r))->turn_budget / 8;
}

static bool has_to_wait(const struct room *r, const struct stanza *s)
{
	if (door_waits(r->door, s->from))
		return true; /* behind what he has sent before */
	return r->state == ROOM_OPEN && asks_to_enter(s) && door_is_busy(r) && jid_some(s->from) &&
		!visit_find(r, s->from);
}

static void deliver(struct entity *e, struct stanza **s)
{
	struct room *r = (struct room *)e;

	e->unsettled = true;
	if (!has_to_wait(r, *s))
		serve(r, s);
	else if (door_wait(&r->door, s) < 0)
		room_refuse(e->core, s, xerr(XERR_RESOURCE_CONSTRAINT));
}

/* What else somebody has sent is read again, since he may be in now. */
static void let_in(struct room *r)
{
	uint32_t most = core_config(room_core(r))->turn_budget / 8;
	struct stanza *s;

	while (!r->entity.parked && r->let_in <= most && (s = door_next(&r->door))) {
		entity_unread(&r->entity, TAKE(s->next));
		core_spend(room_core(r), 1);
		r->let_in++; /* also if he is refused */
		serve(r, &s);
	}
}

static void settle(struct entity *e)
{
	struct room *r = (struct room *)e;

	let_in(r);
	join_settle(r);
	r->let_in = 0;
	if (r->unfinished)
		room_go_on(r);
	e->unsettled = r->door != NULL || r->unfinished;
	room_rest(r);
}

/* ---- who is who ---- */

enum affiliation room_affiliation(const struct room *r, struct jid who)
{
	if (rooms_is_admin(rooms_of(r), who))
		return AFFILIATION_OWNER;
	return affiliates_get(&r->affiliates, who);
}

struct party room_party(const struct room *r, struct jid who)
{
	struct visit *v = visit_find(r, who);

	return (struct party){v ? v->occupant->role : ROLE_NONE, room_affiliation(r, who)};
}

/* ---- making and ending ---- */

static struct str occupant_key(const void *item)
{
	const struct occupant *o = item;

	return (struct str){o->key, o->key_n};
}

static struct str person_key(const void *item) { return jid_bare_str(occupant_real(item)); }
static struct str visit_key(const void *item) { return jid_str(((const struct visit *)item)->jid); }

static void room_free(struct entity *e)
{
	struct room *r = (struct room *)e;
	struct room_job *j;
	struct stanza *s;

	if (rooms_find(rooms_of(r), jid_local(e->jid)) == r)
		map_remove(&rooms_of(r)->live, jid_local(e->jid));
	timer_stop(core_timers(e->core), &r->timer);
	while ((j = r->jobs)) {
		r->jobs = j->next;
		j->drop(j);
	}
	while ((s = door_next(&r->door)))
		entity_unread(e, s);
	free_contents(r);
	room_config_clear(&r->config);
	xfree(r->history.ring);
	entity_clear(e);
	xfree(r);
}

const struct entity_ops room_ops = {.name = "room", .deliver = deliver, .settle = settle, .free = room_free};

struct room *room_new(struct host *h, struct jid bare, enum room_state state)
{
	struct room *r = xcalloc(1, sizeof(*r));
	const struct rooms *rs = (const struct rooms *)h;

	entity_init(&r->entity, &room_ops, h->entity.core, h, bare);
	r->state = state;
	take_defaults(r);
	affiliates_init(&r->affiliates);
	nicknames_init(&r->reserved, AFFILIATES_MAX);
	nicknames_init(&r->requests, REQUESTS_MAX);
	history_init(&r->history, r->config.history);
	map_init(&r->nicks, occupant_key, rs->config.occupants_max);
	map_init(&r->visits, visit_key, rs->config.occupants_max * 2);
	map_init(&r->people, person_key, rs->config.occupants_max);
	list_init(&r->remote);
	paces_init(&r->paces);
	voices_init(&r->voices);
	r->entering_tail = &r->entering;
	r->timer.fire = on_timer;
	return r;
}
