/* Messages: to all (XEP-0045 7.4), from one occupant to another (7.5), errors. */
#include <stdio.h>

#include "base/hash.h"
#include "room/activity.h"
#include "room/archive.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/keep.h"
#include "xmpp/ns.h"

enum { CODE_NON_ANONYMOUS = 172 };
enum { ID_MADE_UP = 16, SLOW_MAX = 10000 /* ms that a client is not read */ };

/* ---- what only the room may say ---- */

/* True if an attribute names the room, or somebody in it. */
static bool names_room(const struct stanza *s, uint32_t child, const char *attr)
{
	struct str value = xml_attr(&s->tree, child, attr);
	struct jid_buf jid;

	return value.p && jid_parse_buf(value, &jid) == 0 && jid_eq_bare(jid.jid, s->to);
}

/* Clients believe a stamp from the room, or from nobody, to be the room's history. */
static bool is_forged(const struct stanza *s, uint32_t child)
{
	struct str ns = xml_ns(&s->tree, child);

	if (str_is(ns, NS_MUC_USER) || str_is(ns, NS_MUC) || str_is(ns, NS_OCCUPANT_ID))
		return true;
	if (xml_is(&s->tree, child, "stanza-id", NS_STANZA_ID))
		return names_room(s, child, "by");
	if (str_is(ns, NS_DELAY) || str_is(ns, NS_DELAY_OLD))
		return !xml_attr(&s->tree, child, "from").p || names_room(s, child, "from");
	return false;
}

/* ---- to all ---- */

void message_put_stanza_id(struct buf *out, const struct room *r, int64_t id)
{
	buf_fmt(out, "<stanza-id xmlns='" NS_STANZA_ID "' id='%lld'", (long long)id);
	xml_put_attr(out, "by", room_address(r));
	buf_z(out, "/>");
}

struct packet *message_reflection(struct room *r, const struct visit *v, const struct stanza *s, int64_t id)
{
	char made_up[ID_MADE_UP + 1];
	struct packet_head head;
	struct packet_writer w;
	struct packet *p;

	packet_head_of(s, &head);
	head.from = jid_str(v->occupant->address);
	head.to = STR_NONE;
	if (!head.id.p) {
		rand_token(made_up, ID_MADE_UP);
		head.id = str_z(made_up);
	}
	packet_begin(&w, &head);
	packet_put_payload(&w, s, is_forged);
	occupant_put_id(&w.out, v->occupant);
	if (id)
		message_put_stanza_id(&w.out, r, id);
	p = packet_end(&w);
	if (p)
		p->volatile_ = packet_only_typing(s);
	return p;
}

bool message_is_shown(const struct stanza *s)
{
	return stanza_child(s, "body", NS_CLIENT) != XML_NONE || stanza_child(s, "retracted", NS_RETRACT) != XML_NONE;
}

bool message_corrects(const struct stanza *s) { return stanza_child(s, "replace", NS_CORRECT) != XML_NONE; }

static void log_said(struct room *r, const struct visit *v, const struct stanza *s, int64_t id)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1 << 20};
	uint32_t body = stanza_child(s, "body", NS_CLIENT);

	if (body != XML_NONE)
		room_log_at(r, id / 1000, occupant_nick(v->occupant), NULL, xml_text(&s->tree, body, &tmp));
}

static bool is_unhurried(struct room *r, struct jid who, enum pace_kind kind, uint32_t cost)
{
	return rooms_of(r)->config.no_limits ||
		paces_allow(&r->paces, jid_bare_str(who), kind, cost, core_now(room_core(r)));
}

static const struct xerr too_fast = {XERR_POLICY_VIOLATION, "wait", "you are too fast"};

struct xerr room_charge(struct room *r, struct jid who, uint32_t cost)
{
	return is_unhurried(r, who, PACE_OWN, cost) ? XERR_OK : too_fast;
}

struct xerr room_charge_list(struct room *r, struct jid who, uint32_t cost)
{
	return is_unhurried(r, who, PACE_LISTS, cost) ? XERR_OK : too_fast;
}

struct xerr room_charge_list_slowly(struct room *r, const struct stanza *s, uint32_t cost)
{
	struct str bare = jid_bare_str(s->from);
	int64_t now = core_now(room_core(r)), ahead;

	if (rooms_of(r)->config.no_limits)
		return XERR_OK;
	if (!paces_may(&r->paces, bare, PACE_LISTS, now))
		return too_fast;
	ahead = paces_owe(&r->paces, bare, PACE_LISTS, cost, now) - PACE_AHEAD / 2;
	if (ahead > 0)
		core_slow(room_core(r), s, (uint32_t)(ahead < SLOW_MAX ? ahead : SLOW_MAX));
	return XERR_OK;
}

bool room_may_answer(struct room *r, struct jid who, uint32_t cost) { return is_unhurried(r, who, PACE_ANSWERS, cost); }

struct xerr room_may_read(const struct room *r, struct jid who)
{
	bool may_read = rooms_of(r)->config.no_limits ||
		paces_may(&r->paces, jid_bare_str(who), PACE_READS, core_now(room_core(r)));

	return may_read ? XERR_OK : too_fast;
}

void room_charge_read(struct room *r, struct jid who, const struct buf *answer)
{
	size_t bytes = answer->failed ? answer->max : answer->n;

	paces_owe(&r->paces, jid_bare_str(who), PACE_READS, (uint32_t)(bytes / READ_BYTES), core_now(room_core(r)));
}

static struct xerr slow_down(struct rooms *rs, int64_t ms)
{
	snprintf(rs->slow_text, sizeof(rs->slow_text), "this room is slow: your next message may come in %u s",
		(unsigned)((ms + 999) / 1000));
	return (struct xerr){XERR_POLICY_VIOLATION, "wait", rs->slow_text};
}

/* For everybody so much, and for those who hear it outside, who cost more than who is in; where the owner wants it slow (XEP-0500), one
 * message in a time. What has no body is no message. */
struct xerr message_pace(struct room *r, const struct visit *v, enum sub_node node, bool lasting)
{
	const struct occupant *o = v->occupant;
	const struct pace *p = lasting ? paces_find(&r->paces, jid_bare_str(v->jid)) : NULL;
	int64_t left = p ? p->silent_until - core_now(room_core(r)) : 0;

	if (left > 0 && !may(MAY_SPEAK_FAST, o->role, o->affiliation))
		return slow_down(rooms_of(r), left);
	return room_charge(r, v->jid, COST_MESSAGE + subscribers_hearing(r, node) / COST_HEARD_BY);
}

/* What all of them get together is known when it is written: then he owes it. */
static void owe_for_hearing(struct room *r, const struct visit *v, enum sub_node node, const struct packet *p)
{
	uint64_t bytes = (uint64_t)subscribers_hearing(r, node) * packet_view(p).n;

	if (bytes > HEARD_FREE && !rooms_of(r)->config.no_limits)
		paces_owe(&r->paces, jid_bare_str(v->jid), PACE_OWN, (uint32_t)((bytes - HEARD_FREE) / HEARD_BYTES),
			core_now(room_core(r)));
}

void message_tell(struct room *r, const struct visit *v, enum sub_node node, const struct packet *p,
	enum sub_worth worth, uint64_t commit)
{
	owe_for_hearing(r, v, node, p);
	subscribers_tell(r, node, READ_BY_ALL, p, worth, commit);
}

void message_spoken(struct room *r, const struct visit *v)
{
	int64_t now = core_now(room_core(r));
	struct pace *p = r->config.slow_seconds ? paces_get(&r->paces, jid_bare_str(v->jid), now) : NULL;

	if (p)
		p->silent_until = now + (int64_t)r->config.slow_seconds * 1000;
}

static enum sub_worth worth(const struct packet *p, bool lasting)
{
	return lasting ? WORTH_KEEPING : p->volatile_ ? WORTH_LITTLE : WORTH_NOW;
}

struct xerr message_speak(struct room *r, const struct visit *v, const struct stanza *s, struct str taken_back)
{
	struct core *c = room_core(r);
	bool lasting = room_archive_wants(s), retracts = retract_is(s), buried;
	/* Taking back is no speaking, but for what is said with it; nor is a reaction. */
	bool said = lasting && keep_has_content(s) && !room_archive_is_light(s) &&
		(!retracts || stanza_child(s, "body", NS_CLIENT) != XML_NONE);
	struct packet *p;
	struct xerr e;
	int64_t id;

	if (!may(MAY_SPEAK, v->occupant->role, v->occupant->affiliation))
		return xerr(XERR_FORBIDDEN);
	e = retract_check(r, v->occupant, s);
	if (!xerr_ok(e))
		return e;
	e = message_pace(r, v, SUB_MESSAGES, said);
	if (!xerr_ok(e))
		return e;
	if ((lasting || retracts) && r->config.persistent && !core_can_store(c))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	id = lasting ? history_next_id(&r->history, core_wall(c)) : 0;
	p = message_reflection(r, v, s, id);
	if (!p)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (subscribers_overtaxed(r, SUB_MESSAGES, p)) {
		packet_unref(&p);
		return xerr_text(XERR_NOT_ACCEPTABLE, "this is too long for a room that so many hear");
	}
	if (said)
		message_spoken(r, v);
	buried = retract_own(r, s, taken_back);
	if (lasting && room_archive_is_light(s))
		room_archive_lighten(r, id);
	if (lasting)
		room_remember(r, id, v, p, message_is_shown(s));
	if (lasting && message_is_shown(s) && !message_corrects(s))
		activity_add(&r->activity, r->active_since, core_wall(c), core_wall(c));
	if (lasting && r->config.logging)
		log_said(r, v, s, id);
	message_tell(r, v, SUB_MESSAGES, p, worth(p, lasting), lasting || buried ? r->commit : 0);
	room_send_all(r, &p, lasting || buried ? r->commit : 0);
	return XERR_OK;
}

/* Who is in, or hears the room without that. */
static struct visit *find_speaker(struct room *r, struct jid who, struct stand_in *outside)
{
	struct visit *v = visit_find(r, who);

	return v || !subscriber_stand_in(r, who, outside) ? v : &outside->visit;
}

static void on_groupchat(struct room *r, struct stanza **s)
{
	struct stand_in outside;
	struct visit *v = find_speaker(r, (*s)->from, &outside);
	struct xerr e = xerr(XERR_NOT_ACCEPTABLE);

	if (v && subject_is_change(*s)) {
		subject_on_change(r, v, s);
		return;
	}
	if (v && may(MAY_SPEAK, v->occupant->role, v->occupant->affiliation) && retract_needs_store(r, *s)) {
		retract_after_store(r, v, s);
		return;
	}
	if (v)
		e = message_speak(r, v, *s, STR_NONE);
	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		core_bounce(room_core(r), s, e);
}

/* ---- private ---- */

static struct packet *private_packet(const struct visit *v, const struct stanza *s)
{
	struct packet_head head;
	struct packet_writer w;
	struct packet *p;

	packet_head_of(s, &head);
	head.from = jid_str(v->occupant->address);
	head.to = STR_NONE;
	packet_begin(&w, &head);
	packet_put_payload(&w, s, is_forged);
	buf_z(&w.out, "<x xmlns='" NS_MUC_USER "'/>");
	occupant_put_id(&w.out, v->occupant);
	p = packet_end(&w);
	if (p)
		p->volatile_ = packet_only_typing(s);
	return p;
}

static bool may_whisper(const struct room *r, const struct occupant *o, enum role to)
{
	return may_send_private(&r->config, occupant_party(o), to);
}

static struct xerr whisper(struct room *r, const struct stanza *s)
{
	struct stand_in outside;
	struct visit *v = find_speaker(r, s->from, &outside);
	struct occupant *to = occupant_find(r, jid_resource(s->to));
	const struct subscriber *away = to ? NULL : subscriber_find_nick(r, jid_resource(s->to));
	struct packet *p;
	struct xerr e;

	if (s->type == TYPE_GROUPCHAT)
		return xerr(XERR_BAD_REQUEST);
	if (!v)
		return xerr(XERR_NOT_ACCEPTABLE);
	if (!to && !away)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (!may_whisper(r, v->occupant, to ? to->role : subscriber_role(r, away)))
		return xerr(XERR_FORBIDDEN);
	e = room_charge(r, v->jid, COST_MESSAGE);
	if (!xerr_ok(e))
		return e;
	p = private_packet(v, s);
	if (!p)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (to)
		room_send_visits(r, to, NULL, &p, 1, 0);
	else
		subscriber_send(r, away, &p);
	return XERR_OK;
}

/* ---- errors ---- */

static const char *const absences[] = {
	"gone",
	"item-not-found",
	"recipient-unavailable",
	"redirect",
	"remote-server-not-found",
	"remote-server-timeout",
	"service-unavailable",
};

static uint32_t error_condition(const struct stanza *s)
{
	uint32_t error = stanza_child(s, "error", NS_CLIENT);

	return error == XML_NONE ? XML_NONE : xml_child(&s->tree, error, NULL, NS_STANZAS);
}

static bool condition_is(const struct stanza *s, const char *name)
{
	uint32_t i = error_condition(s);

	return i != XML_NONE && str_is(xml_name(&s->tree, i), name);
}

/* Of a session here it is known better than by what was said in its name. */
bool error_is_absence(const struct room *r, const struct visit *v, const struct stanza *s)
{
	struct session *session = v->handle ? session_find(room_core(r), v->handle) : NULL;

	if (v->handle)
		return !session || !session_alive(session);
	for (size_t i = 0; i < ARRAY_LEN(absences); i++)
		if (condition_is(s, absences[i]))
			return true;
	return false;
}

/* The reflection of one's own message comes back when it could not be stored in time: so it was not sent. The room says it,
 * as for any message that it refuses. */
static void own_message_failed(struct room *r, struct visit *v, const struct stanza *s)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = TYPE_ERROR, .from = room_address(r), .id = s->id};
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	xerr_write(&w.out, xerr(XERR_RESOURCE_CONSTRAINT));
	p = packet_end(&w);
	room_send_visits(r, v->occupant, v, &p, 1, 0);
}

static void on_error(struct room *r, struct stanza **s)
{
	struct visit *v = visit_find(r, (*s)->from);
	struct occupant *to = v && (*s)->to.resource ? occupant_find(r, jid_resource((*s)->to)) : NULL;
	bool unstored = condition_is(*s, "resource-constraint");
	struct packet *p;

	if (!(*s)->to.resource && (relay_on_error(r, *s) || subscription_on_error(r, *s))) {
		/* told to who invited; nobody hears it there any more */
	} else if (v && error_is_absence(r, v, *s)) {
		leave_visit(r, v, STR_NONE, CODE_TECHNICAL);
	} else if (to && to == v->occupant && unstored) {
		own_message_failed(r, v, *s);
	} else if (to && to != v->occupant && !unstored && may_whisper(r, v->occupant, to->role) &&
		room_may_answer(r, v->jid, COST_MESSAGE)) {
		/* What became of a private message; the failed copies of one message to all concern nobody. Who may not send one
		 * may not send one as an error either. */
		p = private_packet(v, *s);
		room_send_visits(r, to, NULL, &p, 1, 0);
	}
	core_done(room_core(r), s);
}

/* ---- */

static void on_private(struct room *r, struct stanza **s)
{
	struct xerr e = whisper(r, *s);

	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		core_bounce(room_core(r), s, e);
}

void message_on(struct room *r, struct stanza **s)
{
	if ((*s)->type == TYPE_ERROR)
		on_error(r, s);
	else if ((*s)->to.resource)
		on_private(r, s);
	else if ((*s)->type == TYPE_GROUPCHAT)
		on_groupchat(r, s);
	else if (invite_is(*s))
		invite_on(r, s);
	else if (form_is(*s))
		form_on_message(r, s);
	else
		core_bounce(room_core(r), s, xerr(XERR_BAD_REQUEST));
}

void message_status(struct room *r, uint16_t code)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = TYPE_GROUPCHAT, .from = room_address(r)};
	char id[ID_MADE_UP + 1];
	struct packet_writer w;
	struct packet *p;

	rand_token(id, ID_MADE_UP);
	head.id = str_z(id);
	packet_begin(&w, &head);
	buf_fmt(&w.out, "<x xmlns='" NS_MUC_USER "'><status code='%u'/></x>", code);
	p = packet_end(&w);
	/* That his address is seen concerns everybody. */
	if (code == CODE_NON_ANONYMOUS)
		subscribers_tell_all(r, SUB_CONFIG, p);
	else
		subscribers_tell(r, SUB_CONFIG, READ_BY_ALL, p, WORTH_NOW, r->commit);
	room_send_all(r, &p, 0);
}
