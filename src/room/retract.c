/* Taking back what was said: by a moderator (XEP-0425), by who said it (XEP-0424). In the history a tombstone is left. */
#include "base/clock.h"
#include "base/hash.h"
#include "room/archive.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { TEXT_MAX = 65536, ID_MADE_UP = 16 };

/* ---- in the history ---- */

static struct str author_id(const struct stanza *s)
{
	uint32_t i = stanza_child(s, "occupant-id", NS_OCCUPANT_ID);

	return i == XML_NONE ? STR_NONE : xml_attr(&s->tree, i, "id");
}

static bool is_identity(const struct stanza *s, uint32_t child)
{
	return xml_is(&s->tree, child, "stanza-id", NS_STANZA_ID) ||
		xml_is(&s->tree, child, "occupant-id", NS_OCCUPANT_ID);
}

static bool is_content(const struct stanza *s, uint32_t child) { return !is_identity(s, child); }

/* What is left of a message. by: the id of the message that took it back, or absent; why: what stands in <retracted/>, may
 * be empty. */
static struct packet *tombstone(const struct room *r, const struct stanza *s, struct str by, struct str why)
{
	struct packet_head head;
	struct packet_writer w;

	packet_head_of(s, &head);
	packet_begin(&w, &head);
	buf_z(&w.out, "<retracted xmlns='" NS_RETRACT "' stamp='");
	clock_format(&w.out, core_wall(room_core(r)));
	buf_char(&w.out, '\'');
	xml_put_attr(&w.out, "id", by);
	buf_char(&w.out, '>');
	buf_str(&w.out, why);
	buf_z(&w.out, "</retracted>");
	packet_put_payload(&w, s, is_content);
	return packet_end(&w);
}

/* author absent: anybody's. */
static bool is_of(struct str stored, struct str author)
{
	struct stanza *s;
	bool his;

	if (stanza_parse(stored, &s) != 0)
		return false;
	his = !author.p || str_eq(author_id(s), author);
	stanza_free(&s);
	return his;
}

/* A message becomes its tombstone. e: where it is in the history; NULL: it is in the store alone. */
static void bury(struct room *r, int64_t id, struct history_entry *e, struct str stored, struct str by, struct str why)
{
	struct packet *left = NULL;
	struct stanza *s;

	if (stanza_parse(stored, &s) != 0)
		return;
	left = tombstone(r, s, by, why);
	stanza_free(&s);
	if (!left)
		return;
	room_archive_replace(r, id, stored, left);
	if (e) {
		history_replace(e, left);
		e->commit = r->config.persistent ? r->commit : e->commit;
	}
	packet_unref(&left);
}

/* ---- by who said it ---- */

/* An element that names the message; versions before 0.4 have another one around theirs. */
static bool is_retract(const struct stanza *s, uint32_t i)
{
	if (xml_is(&s->tree, i, "apply-to", NS_FASTEN))
		return xml_child(&s->tree, i, "retract", NS_RETRACT_0) != XML_NONE;
	return xml_is(&s->tree, i, "retract", NS_RETRACT);
}

static uint32_t find_retract(const struct stanza *s)
{
	XML_EACH(i, &s->tree, XML_ROOT)
		if (is_retract(s, i))
			return i;
	return XML_NONE;
}

/* In both forms, perhaps; but others, who may look at another element than was looked at here, must not see another's message taken back. */
static bool names_one(const struct stanza *s)
{
	uint32_t first = find_retract(s);

	XML_EACH(i, &s->tree, XML_ROOT)
		if (is_retract(s, i) && !str_eq(xml_attr(&s->tree, i, "id"), xml_attr(&s->tree, first, "id")))
			return false;
	return true;
}

static int64_t retracted_id(const struct stanza *s)
{
	uint32_t i = find_retract(s);

	return i == XML_NONE ? 0 : room_archive_id(xml_attr(&s->tree, i, "id"));
}

struct xerr retract_check(const struct room *r, const struct occupant *o, const struct stanza *s)
{
	int64_t id = retracted_id(s);
	const struct history_entry *e = id ? history_find(&r->history, id) : NULL;

	if (!names_one(s))
		return xerr(XERR_BAD_REQUEST);
	return !e || is_of(packet_view(e->live), str_z(o->id)) ? XERR_OK : xerr(XERR_FORBIDDEN);
}

bool retract_own(struct room *r, const struct stanza *s, struct str stored)
{
	int64_t id = retracted_id(s);
	struct history_entry *e = id ? history_find(&r->history, id) : NULL;

	if (e)
		stored = packet_view(e->live);
	if (id && stored.p)
		bury(r, id, e, stored, s->id, STR(""));
	return id && stored.p;
}

bool retract_is(const struct stanza *s) { return find_retract(s) != XML_NONE; }

bool retract_needs_store(const struct room *r, const struct stanza *s)
{
	int64_t id = retracted_id(s);

	return id && r->config.persistent && id <= r->history.last_id && !history_find(&r->history, id);
}

/* What is in neither place may still be with those who heard it: whose it is they know themselves (by occupant-id). */
static void on_own_found(struct core *c, struct room *r, struct room_lookup *l, struct str stored, int err)
{
	struct stanza *s = TAKE(l->request);
	struct visit *v = r ? visit_find(r, s->from) : NULL;
	struct stand_in outside;
	struct xerr e = XERR_OK;

	if (r && !v && subscriber_stand_in(r, s->from, &outside))
		v = &outside.visit;
	if (r)
		entity_park(&r->entity, false);
	if (err)
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	else if (!v)
		e = xerr(XERR_NOT_ACCEPTABLE);
	else if (stored.p && !is_of(stored, str_z(v->occupant->id)))
		e = xerr(XERR_FORBIDDEN);
	else
		e = message_speak(r, v, s, stored);
	if (xerr_ok(e))
		core_done(c, &s);
	else
		core_bounce(c, &s, e);
}

/* The room waits for the answer: what its occupants say stays in order. That is a moment for all, so it costs more. */
void retract_after_store(struct room *r, struct visit *v, struct stanza **s)
{
	struct xerr e = room_charge(r, v->jid, COST_PRESENCE);
	struct room_lookup *l;

	if (!xerr_ok(e)) {
		core_bounce(room_core(r), s, e);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->id = retracted_id(*s);
	l->request = TAKE(*s);
	l->done = on_own_found;
	entity_park(&r->entity, true);
	room_archive_find(r, l);
}

/* ---- by a moderator ---- */

static void put_moderated(struct buf *out, const struct occupant *by, struct str reason)
{
	buf_z(out, "<moderated xmlns='" NS_MODERATE "'");
	xml_put_attr(out, "by", jid_str(by->address));
	buf_z(out, ">");
	occupant_put_id(out, by);
	buf_z(out, "</moderated>");
	if (reason.n)
		xml_put_text(out, "reason", utf8_cut(reason, REASON_MAX));
}

/* What clients read that know earlier versions alone. */
static void put_old(struct buf *out, const struct occupant *by, struct str reason, int64_t id)
{
	buf_fmt(out, "<apply-to xmlns='" NS_FASTEN "' id='%lld'><moderated xmlns='" NS_MODERATE_0 "'", (long long)id);
	xml_put_attr(out, "by", jid_str(by->address));
	buf_z(out, "><retract xmlns='" NS_RETRACT_0 "'/>");
	if (reason.n)
		xml_put_text(out, "reason", utf8_cut(reason, REASON_MAX));
	buf_z(out, "</moderated></apply-to>");
}

static void announce(struct room *r, int64_t id, struct str why, struct str old)
{
	int64_t number = history_next_id(&r->history, core_wall(room_core(r)));
	char own_id[ID_MADE_UP + 1];
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_GROUPCHAT,
		.from = room_address(r),
		.id = {own_id, ID_MADE_UP}};
	struct packet_writer w;
	struct packet *p;

	rand_token(own_id, ID_MADE_UP);
	packet_begin(&w, &head);
	buf_fmt(&w.out, "<retract xmlns='" NS_RETRACT "' id='%lld'>", (long long)id);
	buf_str(&w.out, why);
	buf_z(&w.out, "</retract>");
	buf_str(&w.out, old);
	message_put_stanza_id(&w.out, r, number);
	p = packet_end(&w);
	if (p)
		room_remember(r, number, NULL, p, false);
	subscribers_tell(r, SUB_MESSAGES, READ_BY_ALL, p, WORTH_KEEPING, r->commit);
	room_send_all(r, &p, r->commit);
}

static void on_moderated_found(struct core *c, struct room *r, struct room_lookup *l, struct str stored, int err)
{
	struct stanza *s = TAKE(l->request);

	if (err || !r || !stored.p) {
		core_bounce(c, &s, xerr(err ? XERR_RESOURCE_CONSTRAINT : XERR_ITEM_NOT_FOUND));
		return;
	}
	bury(r, l->id, history_find(&r->history, l->id), stored, STR_NONE, str_z(l->why));
	announce(r, l->id, str_z(l->why), str_z(l->old));
	iq_answer(c, &s, STR_NONE, r->commit);
}

/* In the history at once, otherwise when the store has found it. */
static struct xerr moderate(struct iq *iq, struct room *r, int64_t id, struct str why, struct str old)
{
	struct history_entry *e = history_find(&r->history, id);
	struct room_lookup *l;

	if (e) {
		bury(r, id, e, packet_view(e->live), STR_NONE, why);
		announce(r, id, why, old);
		return XERR_OK;
	}
	if (!r->config.persistent)
		return xerr(XERR_ITEM_NOT_FOUND);
	l = xcalloc(1, sizeof(*l));
	l->id = id;
	l->why = str_dup(why);
	l->old = str_dup(old);
	l->request = iq_defer(iq);
	l->done = on_moderated_found;
	room_archive_find(r, l);
	return XERR_OK;
}

/* A request in the form of one version: where its parts are. */
struct request {
	struct str id;
	uint32_t retract, reason; /* XML_NONE: none */
};

static struct xerr on_request(struct iq *iq, const struct request *q)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX}, why = {.max = TEXT_MAX}, old = {.max = TEXT_MAX};
	struct room *r = (struct room *)iq->entity;
	struct visit *v = visit_find(r, iq->stanza->from);
	struct str reason = q->reason == XML_NONE ? STR_NONE : xml_text(&iq->stanza->tree, q->reason, &tmp);
	int64_t number;
	struct xerr e;

	if (!v || !may(MAY_RETRACT, v->occupant->role, v->occupant->affiliation))
		return xerr(XERR_FORBIDDEN);
	if (!q->id.n || q->retract == XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	number = room_archive_id(q->id);
	if (!number || number > r->history.last_id)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (r->config.persistent && !core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	e = room_charge(r, v->jid, COST_MESSAGE);
	if (!xerr_ok(e))
		return e;
	put_moderated(&why, v->occupant, reason);
	put_old(&old, v->occupant, reason, number);
	return moderate(iq, r, number, buf_view(&why), buf_view(&old));
}

struct xerr moderate_set(struct iq *iq)
{
	const struct xml_tree *t = &iq->stanza->tree;

	return on_request(iq,
		&(struct request){xml_attr(t, iq->query, "id"), xml_child(t, iq->query, "retract", NS_RETRACT),
			xml_child(t, iq->query, "reason", NS_MODERATE)});
}

/* Versions before 0.3 (XEP-0422 around it), as slixmpp 1.8 and others speak. */
struct xerr moderate_old_set(struct iq *iq)
{
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t m = xml_child(t, iq->query, "moderate", NS_MODERATE_0);

	if (m == XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	return on_request(iq,
		&(struct request){xml_attr(t, iq->query, "id"), xml_child(t, m, "retract", NS_RETRACT_0),
			xml_child(t, m, "reason", NS_MODERATE_0)});
}
