/* Taking back what was said: by a moderator (XEP-0425), by who said it (XEP-0424). In the history a tombstone is left. */
#include "base/clock.h"
#include "base/hash.h"
#include "room/archive.h"
#include "room/rooms_i.h"
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

/* What is left of a message. why: what stands in <retracted/>, may be empty. */
static struct packet *tombstone(const struct room *r, const struct stanza *s, struct str why)
{
	struct packet_head head;
	struct packet_writer w;

	packet_head_of(s, &head);
	packet_begin(&w, &head);
	buf_z(&w.out, "<retracted xmlns='" NS_RETRACT "' stamp='");
	clock_format(&w.out, core_wall(room_core(r)));
	buf_z(&w.out, "'>");
	buf_str(&w.out, why);
	buf_z(&w.out, "</retracted>");
	packet_put_payload(&w, s, is_content);
	return packet_end(&w);
}

struct packet *retract_tombstone(const struct room *r, struct str stored, struct str author, struct str why)
{
	struct packet *left = NULL;
	struct stanza *s;

	if (stanza_parse(stored, &s) != 0)
		return NULL;
	if (!author.p || str_eq(author_id(s), author))
		left = tombstone(r, s, why);
	stanza_free(&s);
	return left;
}

void retract_own(struct room *r, const struct occupant *o, const struct stanza *s)
{
	uint32_t i = stanza_child(s, "retract", NS_RETRACT);
	int64_t id = i == XML_NONE ? 0 : room_archive_id(xml_attr(&s->tree, i, "id"));

	if (id)
		room_archive_retract(r, id, str_z(o->id), STR(""));
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

static void announce(struct room *r, struct str id, struct str why)
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
	buf_z(&w.out, "<retract xmlns='" NS_RETRACT "'");
	xml_put_attr(&w.out, "id", id);
	buf_char(&w.out, '>');
	buf_str(&w.out, why);
	buf_z(&w.out, "</retract>");
	message_put_stanza_id(&w.out, r, number);
	p = packet_end(&w);
	if (p)
		room_remember(r, number, NULL, p, false);
	room_send_all(r, &p, r->commit);
}

struct xerr moderate_set(struct iq *iq)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX}, why = {.max = TEXT_MAX};
	struct room *r = (struct room *)iq->entity;
	const struct xml_tree *t = &iq->stanza->tree;
	struct visit *v = visit_find(r, iq->stanza->from);
	struct str id = xml_attr(t, iq->query, "id");
	uint32_t reason = xml_child(t, iq->query, "reason", NS_MODERATE);
	int64_t number;
	struct xerr e;

	if (!v || !may(MAY_RETRACT, v->occupant->role, v->occupant->affiliation))
		return xerr(XERR_FORBIDDEN);
	if (!id.n || xml_child(t, iq->query, "retract", NS_RETRACT) == XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	number = room_archive_id(id);
	if (!number || number > r->history.last_id)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (r->config.persistent && !core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	e = room_charge(r, v->jid, COST_MESSAGE);
	if (!xerr_ok(e))
		return e;
	put_moderated(&why, v->occupant, reason == XML_NONE ? STR_NONE : xml_text(t, reason, &tmp));
	room_archive_retract(r, number, STR_NONE, buf_view(&why));
	announce(r, id, buf_view(&why));
	return XERR_OK;
}
