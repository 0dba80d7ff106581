/* Entering a room (XEP-0045 7.2). Those who enter in one turn are welcomed together: each occupant gets one batch with all
 * of them, each of them one list with everybody, the history and the subject. */
#include <ctype.h>

#include "base/err.h"
#include "room/archive.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum {
	CODE_NON_ANONYMOUS = 100,
	CODE_LOGGED = 170,
	CODE_CREATED = 201,
	CODE_RENAMED = 210,
	CODE_KICKED = 307,
	EXTRA_ADMINS = 20, /* who may enter a room that is full (7.2.9) */
	LIST_PER_UNIT = 16 /* entries of a list that cost as much as one of anything else */
};

struct entry {
	struct entry *next;
	struct visit *visit;
	struct packet *self; /* what it is told about itself */
	struct history_wish wish;
};

/* An attempt to enter. */
struct attempt {
	const struct stanza *s;
	uint32_t x;      /* <x xmlns='muc'/> */
	struct str nick; /* asked for, or the one that has to be used */
	bool renamed;
	struct buf key;        /* of the nick */
	struct occupant *same; /* who has the nick already */
	enum affiliation affiliation;
	bool created;
};

bool join_is(const struct stanza *s) { return stanza_child(s, "x", NS_MUC) != XML_NONE; }

/* ---- welcome ---- */

static uint32_t list_others(struct room *r, const struct occupant *self, struct packet **packets)
{
	enum view view = view_of(r, self->role);
	bool all = may(MAY_SEE_ALL, self->role, self->affiliation);
	struct occupant *o;
	uint32_t n = 0;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		bool seen = o != self && (all || occupant_shown(r, o));
		struct packet *p = seen ? occupant_view(r, o, view) : NULL;
		if (p)
			packets[n++] = packet_ref(p);
	}
	return n;
}

/* What the i-th packet of a welcome waits for: of so many presences, then messages, then the subject. */
static uint64_t welcome_commit(const struct room *r, uint32_t presences, uint32_t messages, uint32_t i)
{
	if (i < presences)
		return 0;
	i -= presences;
	return i < messages ? history_newest(&r->history, messages - 1 - i)->commit : r->subject.commit;
}

/* The order is that of 7.1. What was said may have to wait for the store, who is there never has; nor has what was said
 * earlier: the failure of the newest message must not take back the others. */
static void welcome(struct room *r, struct entry *e)
{
	struct occupant *o = e->visit->occupant;
	struct packet **packets = rooms_packets(rooms_of(r), room_count(r) + ABSENT_MAX + 1 + r->history.n + 1);
	struct packet *subject = subject_packet(r);
	uint32_t presences = list_others(r, o, packets), messages, n;

	presences += nick_list_absent(r, packets + presences);
	if (e->self)
		packets[presences++] = TAKE(e->self);
	messages = history_list(&r->history, r->entity.jid, &e->wish, packets + presences);
	n = presences + messages;
	if (subject)
		packets[n++] = packet_ref(subject);
	for (uint32_t from = 0, to = 0; from < n; from = to) {
		uint64_t commit = welcome_commit(r, presences, messages, from);

		while (to < n && welcome_commit(r, presences, messages, to) == commit)
			to++;
		room_send_visits(r, o, e->visit, packets + from, to - from, commit);
	}
}

/* All who have entered, to those who were there before: moderators, or the others. */
static void present_to(struct room *r, bool moderators)
{
	struct packet **packets = rooms_packets(rooms_of(r), r->entering_n);
	const struct audience *a = &r->audience;
	enum view view = moderators ? VIEW_JID : view_of(r, ROLE_VISITOR);
	uint32_t n = 0, from = moderators ? 0 : a->moderators, to = moderators ? a->moderators : a->n;

	if (from == to && list_empty(&r->remote) && !subscribers_hearing(r, SUB_PRESENCE))
		return;
	for (struct entry *e = r->entering; e; e = e->next) {
		struct occupant *o = e->visit->occupant;
		struct packet *p = moderators || occupant_shown(r, o) ? occupant_view(r, o, view) : NULL;
		if (p)
			packets[n++] = packet_ref(p);
	}
	for (uint32_t i = 0; i < n; i++) {
		room_send_remote(r, packets[i], moderators);
		subscribers_tell(r, SUB_PRESENCE, moderators ? READ_BY_MODERATORS : READ_BY_OTHERS, packets[i],
			WORTH_LITTLE, 0);
	}
	core_multicast(room_core(r), packets, n, to > from ? a->handles + from : NULL, to - from, 0);
}

static void present(struct room *r)
{
	present_to(r, true);
	present_to(r, false);
}

static void entry_free(struct entry *e)
{
	packet_unref(&e->self);
	xfree(e);
}

void join_drop(struct room *r)
{
	struct entry *e;

	while ((e = r->entering)) {
		r->entering = e->next;
		entry_free(e);
	}
	r->entering_tail = &r->entering;
	r->entering_n = 0;
}

void join_settle(struct room *r)
{
	if (!r->entering)
		return;
	present(r);
	for (struct entry *e = r->entering; e; e = e->next)
		welcome(r, e);
	for (struct entry *e = r->entering; e; e = e->next) {
		visit_seat(r, e->visit);
		registration_show(r, e->visit);
	}
	join_drop(r);
}

/* ---- may they? ---- */

static struct xerr check_nick(struct room *r, struct attempt *a)
{
	if (!a->s->to.resource)
		return xerr(XERR_JID_MALFORMED);
	if (nick_key(a->nick, &a->key) < 0)
		return xerr_text(XERR_NOT_ACCEPTABLE, "this nickname is too long or cannot be seen");
	return XERR_OK;
}

static struct xerr check_presence(struct room *r, struct attempt *a)
{
	return show_fits(a->s) ? XERR_OK : xerr_text(XERR_POLICY_VIOLATION, "presence is too long");
}

static struct xerr check_ban(struct room *r, struct attempt *a)
{
	return may(MAY_ENTER, ROLE_NONE, a->affiliation) ? XERR_OK : xerr(XERR_FORBIDDEN);
}

/* Every attempt counts: passwords are not tried out at any speed, either. */
static struct xerr check_pace(struct room *r, struct attempt *a) { return room_charge(r, a->s->from, COST_PRESENCE); }

static struct xerr check_member(struct room *r, struct attempt *a)
{
	bool welcome_here = !r->config.members_only || may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, a->affiliation);

	return welcome_here ? XERR_OK : xerr(XERR_REGISTRATION_REQUIRED);
}

static struct xerr check_password(struct room *r, struct attempt *a)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1024};
	uint32_t i = xml_child(&a->s->tree, a->x, "password", NS_MUC);
	bool right;

	if (!r->config.password_protected || !r->config.secret || a->created)
		return XERR_OK;
	right = i != XML_NONE && str_is(xml_text(&a->s->tree, i, &tmp), r->config.secret);
	return right && buf_ok(&tmp) ? XERR_OK : xerr(XERR_NOT_AUTHORIZED);
}

static bool is_dead(const struct room *r, const struct visit *v)
{
	struct session *s = v->handle ? session_find(room_core(r), v->handle) : NULL;

	return v->handle && (!s || !session_alive(s));
}

/* Several sessions of one user share a nick; nobody else's may look like it. */
static struct xerr check_conflict(struct room *r, struct attempt *a)
{
	struct occupant *o = occupant_find_key(r, buf_view(&a->key));

	if (!o)
		return nick_check_owner(r, buf_view(&a->key), a->s->from);
	if (!jid_eq_bare(occupant_real(o), a->s->from) || !str_eq(occupant_nick(o), a->nick))
		return xerr(XERR_CONFLICT);
	a->same = o;
	return o->visit_count < VISITS_PER_NICK ? XERR_OK : xerr(XERR_RESOURCE_CONSTRAINT);
}

static struct xerr check_space(struct room *r, struct attempt *a)
{
	const struct xerr full = {XERR_SERVICE_UNAVAILABLE, "wait", NULL};
	uint64_t n = room_count(r), max = r->config.max_users;

	if (r->visits.n >= r->visits.max)
		return full;
	if (a->same)
		return XERR_OK;
	if (max && may(MAY_ENTER_FULL, ROLE_NONE, a->affiliation))
		max += EXTRA_ADMINS;
	return n >= r->nicks.max || (max && n >= max) ? full : XERR_OK;
}

typedef struct xerr check(struct room *r, struct attempt *a);
static check *const checks_before[] = {check_nick, check_presence};
static check *const checks[] = {check_ban, check_pace, check_member, check_password, check_conflict, check_space};

static struct xerr run_checks(struct room *r, struct attempt *a, check *const *list, size_t n)
{
	struct xerr e = XERR_OK;

	for (size_t i = 0; i < n && xerr_ok(e); i++)
		e = list[i](r, a);
	return e;
}

/* ---- they may ---- */

static struct packet *self_packet(struct room *r, const struct visit *v, const struct attempt *a)
{
	struct notice n = {.type = TYPE_AVAILABLE, .show = {v->show, v->show_n}, .id = a->s->id};
	int i = 0;

	if (r->config.whois == WHOIS_ANYONE)
		n.codes[i++] = CODE_NON_ANONYMOUS;
	if (r->config.logging)
		n.codes[i++] = CODE_LOGGED;
	if (a->created)
		n.codes[i++] = CODE_CREATED;
	if (a->renamed)
		n.codes[i++] = CODE_RENAMED;
	return notice_packet(r, v->occupant, v, &n, view_of(r, v->occupant->role), true);
}

/* From now on he hears by this session, with all that was said before in his welcome. */
static void come_by(struct visit *v, const struct stanza *s) { v->via = s->origin ? 0 : s->counted_by; }

static struct entry *entry_new(struct room *r, struct visit *v, const struct attempt *a)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->visit = v;
	e->self = self_packet(r, v, a);
	history_wish_read(&a->s->tree, a->x, core_wall(room_core(r)), r->config.manners.shown, &e->wish);
	if (e->wish.since < room_archive_oldest(r))
		e->wish.since = room_archive_oldest(r);
	return e;
}

/* Its list and what it wants of the history, now. */
static void welcome_now(struct room *r, struct visit *v, const struct attempt *a)
{
	struct entry *e = entry_new(r, v, a);

	welcome(r, e);
	entry_free(e);
}

static void add_occupant(struct room *r, const struct attempt *a)
{
	struct occupant *o = occupant_new(r, a->nick, buf_view(&a->key), a->s->from);
	struct visit *v;

	o->affiliation = a->affiliation;
	o->role = role_of_newcomer(r, a->s->from, a->affiliation);
	v = visit_new(r, o, a->s->from, a->s->origin);
	come_by(v, a->s);
	visit_update(r, v, a->s);
	*r->entering_tail = entry_new(r, v, a);
	r->entering_tail = &(*r->entering_tail)->next;
	r->entering_n++;
	room_log_of(r, o, "came in", STR_NONE);
	room_seen(r);
	/* Its list is made at the end, for all together, and counted against the turn then. */
	r->let_in += 1 + room_count(r) / LIST_PER_UNIT + subscribers_hearing(r, SUB_PRESENCE);
}

/* Another session of somebody who is in. The others see the new one's presence. */
static void add_visit(struct room *r, const struct attempt *a)
{
	struct occupant *o = a->same;
	struct visit *v = visit_new(r, o, a->s->from, a->s->origin);
	struct notice n = {.type = TYPE_AVAILABLE};

	come_by(v, a->s);
	visit_update(r, v, a->s);
	n.show = (struct str){v->show, v->show_n};
	announce_to_others(r, o, &n);
	for (struct visit *other = v->next; other; other = other->next) {
		struct packet *p = notice_packet(r, o, v, &n, view_of(r, o->role), true);
		room_send_visits(r, o, other, &p, 1, 0);
	}
	welcome_now(r, v, a);
	visit_seat(r, v);
}

/* An address in a URI (RFC 5122 2.2), which has no place for some characters of addresses. */
static void put_uri(struct buf *out, const char *address)
{
	for (const char *c = address; *c; c++)
		if (isalnum((unsigned char)*c) || strchr("-._~!$()*+,;=@[]:", *c))
			buf_char(out, *c);
		else
			buf_fmt(out, "%%%02X", (unsigned char)*c);
}

/* That the room is gone, and where to, as RFC 6120 8.3.3.5 has it. */
static void refuse_moved(struct core *c, struct stanza **s, const struct moved *m)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = TYPE_ERROR,
		.from = jid_str((*s)->to),
		.to = jid_str((*s)->from),
		.id = (*s)->id};
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	buf_z(&w.out, "<x xmlns='" NS_MUC "'/><error type='cancel'><gone xmlns='" NS_STANZAS "'>");
	if (m->alternate) {
		buf_z(&w.out, "xmpp:");
		put_uri(&w.out, m->alternate);
		buf_z(&w.out, "?join");
	}
	buf_z(&w.out, "</gone></error>");
	p = packet_end(&w);
	core_reply(c, *s, &p, 0);
	core_done(c, s);
}

static struct xerr enter(struct room *r, struct attempt *a)
{
	struct xerr e = run_checks(r, a, checks_before, ARRAY_LEN(checks_before));

	if (!xerr_ok(e))
		return e;
	if (r->state == ROOM_VACANT) {
		e = nick_check_owner(r, buf_view(&a->key), a->s->from);
		if (xerr_ok(e))
			e = rooms_may_make(rooms_of(r), jid_local(r->entity.jid), a->s->from);
		if (!xerr_ok(e))
			return e;
		room_create(r, a->s->from);
		a->created = true;
	}
	a->affiliation = room_affiliation(r, a->s->from);
	e = run_checks(r, a, checks, ARRAY_LEN(checks));
	if (!xerr_ok(e))
		return e;
	if (a->same) {
		join_settle(r);
		add_visit(r, a);
	} else {
		add_occupant(r, a);
	}
	return XERR_OK;
}

/* Who is in and asks to enter has lost track (7.2.1): everything again. */
static struct xerr resync(struct room *r, struct visit *v, const struct attempt *a)
{
	struct notice n = {.type = TYPE_AVAILABLE};

	struct xerr e = room_charge(r, v->jid, COST_PRESENCE);

	if (!xerr_ok(e))
		return e;
	join_settle(r);
	come_by(v, a->s);
	if (visit_update(r, v, a->s)) {
		n.show = (struct str){v->show, v->show_n};
		announce_to_others(r, v->occupant, &n);
	}
	welcome_now(r, v, a);
	return XERR_OK;
}

/* Sessions that went without a word give up their nick at once, others at the next look. */
static void clear_away(struct room *r, struct str nick)
{
	struct occupant *o = occupant_find(r, nick);
	bool dead = o != NULL;

	for (struct visit *v = dead ? o->visits : NULL; v; v = v->next)
		dead = dead && is_dead(r, v);
	if (!dead)
		return;
	join_settle(r);
	leave_remove(r, o, &(struct notice){.type = TYPE_UNAVAILABLE, .codes = {CODE_TECHNICAL}});
}

static bool sender_is_gone(const struct core *c, const struct stanza *s)
{
	struct session *from = s->origin ? session_find(c, s->origin) : NULL;

	return s->origin && (!from || !session_alive(from));
}

/* Where nicknames are locked, a member is called as he is registered, whatever he asked for (7.10). */
static void use_own_nick(const struct room *r, struct attempt *a)
{
	const struct nickname *n = a->nick.n ? nick_locked(r, a->s->from) : NULL;

	a->renamed = n && !str_eq(str_z(n->nick), a->nick);
	if (a->renamed)
		a->nick = str_z(n->nick);
}

void join_on_presence(struct room *r, struct stanza **s)
{
	struct attempt a = {.s = *s,
		.x = stanza_child(*s, "x", NS_MUC),
		.nick = jid_resource((*s)->to),
		.key = {.max = 4 * NICK_MAX}};
	struct visit *v = visit_find(r, (*s)->from);
	const struct moved *moved = NULL;
	struct xerr e = XERR_OK;

	if (r->state == ROOM_VACANT)
		moved = rooms_moved(rooms_of(r), jid_local(r->entity.jid), (*s)->from);
	if (v && v->handle != (*s)->origin) {
		/* The same address, another session: the old one is gone. */
		join_settle(r);
		leave_visit(r, v, STR_NONE, 0);
		v = NULL;
	}
	use_own_nick(r, &a); /* a view of the room's, which may have ended just now */
	if (v && str_eq(a.nick, occupant_nick(v->occupant)) && show_fits(*s)) {
		e = resync(r, v, &a);
	} else if (v) {
		join_settle(r);
		presence_on_update(r, v, s);
		return;
	} else if (moved) {
		refuse_moved(room_core(r), s, moved);
		buf_clear(&a.key);
		return;
	} else if (!sender_is_gone(room_core(r), *s)) {
		clear_away(r, a.nick);
		e = enter(r, &a);
	}
	buf_clear(&a.key);
	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		room_refuse(room_core(r), s, e);
}

/* ---- not in ---- */

void join_tell_absent(struct core *c, struct stanza **s)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = TYPE_UNAVAILABLE,
		.from = jid_str((*s)->to),
		.to = jid_str((*s)->from),
		.id = (*s)->id};
	struct packet_writer w;
	struct packet *p;

	if (!(*s)->to.resource) {
		room_refuse(c, s, xerr(XERR_JID_MALFORMED));
		return;
	}
	packet_begin(&w, &head);
	buf_fmt(&w.out,
		"<x xmlns='" NS_MUC_USER
		"'><item affiliation='none' role='none'><reason>You are not in the room.</reason></item>"
		"<status code='110'/><status code='%d'/><status code='%d'/></x>",
		CODE_KICKED, CODE_TECHNICAL);
	p = packet_end(&w);
	core_reply(c, *s, &p, 0);
	core_done(c, s);
}
