/* muc#admin: lists of roles and affiliations, and requests to change them (XEP-0045 8.2 to 10.8). */
#include "base/err.h"
#include "room/change.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* Of a long list. Who comes from another node gets no more than one takes of another (1 MiB, as of any answer). */
enum { LIST_MAX = (4 << 20) - 65536 };

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }

/* ---- lists ---- */

static void put_role_item(struct buf *out, const struct occupant *o)
{
	buf_z(out, "<item");
	xml_put_attr(out, "affiliation", str_z(affiliation_name(o->affiliation)));
	xml_put_attr(out, "jid", jid_str(occupant_real(o)));
	xml_put_attr(out, "nick", occupant_nick(o));
	xml_put_attr(out, "role", str_z(role_name(o->role)));
	buf_z(out, "/>");
}

static struct xerr list_role(struct room *r, struct party actor, enum role role, struct buf *out)
{
	struct occupant *o;

	if (role == ROLE_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (!may_list_role(actor, role))
		return xerr(XERR_FORBIDDEN);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (o->role == role)
			put_role_item(out, o);
	return XERR_OK;
}

static void put_affiliation_item(struct room *r, struct buf *out, const struct affiliate *a, bool reasons)
{
	const struct nickname *n = nicknames_find(&r->reserved, affiliate_jid(a));

	buf_z(out, "<item");
	xml_put_attr(out, "affiliation", str_z(affiliation_name(a->affiliation)));
	xml_put_attr(out, "jid", affiliate_jid(a));
	xml_put_attr(out, "nick", n ? str_z(n->nick) : STR_NONE);
	reasons &= a->reason != NULL;
	buf_z(out, reasons ? ">" : "/>");
	if (!reasons)
		return;
	xml_put_text(out, "reason", str_z(a->reason));
	buf_z(out, "</item>");
}

static void put_affiliation_items(struct room *r, enum affiliation affiliation, struct buf *out, bool reasons)
{
	const struct affiliate *a;

	for (uint32_t pos = 0; buf_ok(out) && (a = affiliates_next(&r->affiliates, &pos));)
		if (a->affiliation == affiliation)
			put_affiliation_item(r, out, a, reasons);
}

static struct xerr list_affiliation(struct room *r, struct party actor, enum affiliation affiliation, struct buf *out)
{
	size_t begin = out->n;

	if (affiliation == AFFILIATION_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (!may_list_affiliation(&r->config, actor, affiliation))
		return xerr(XERR_FORBIDDEN);
	put_affiliation_items(r, affiliation, out, true);
	if (buf_ok(out))
		return XERR_OK;
	/* Who is in the list matters more than why. */
	out->failed = false;
	buf_cut(out, begin);
	put_affiliation_items(r, affiliation, out, false);
	return buf_ok(out) ? XERR_OK : xerr_text(XERR_RESOURCE_CONSTRAINT, "the list is too long for one answer");
}

struct xerr admin_get(struct iq *iq)
{
	const struct xml_tree *t = &iq->stanza->tree;
	struct room *r = room_of(iq);
	struct party actor = room_party(r, iq->stanza->from);
	uint32_t item = xml_child(t, iq->query, "item", NS_MUC_ADMIN);
	struct str role_attr, affiliation_attr;
	enum affiliation affiliation;
	enum role role;
	struct xerr e = item == XML_NONE ? xerr(XERR_BAD_REQUEST) : room_may_read(r, iq->stanza->from);

	if (!xerr_ok(e))
		return e;
	e = xerr(XERR_BAD_REQUEST);
	role_attr = xml_attr(t, item, "role");
	affiliation_attr = xml_attr(t, item, "affiliation");
	core_spend(iq->core, room_count(r) / 16 + r->affiliates.map.n / 16);
	if (iq->session && actor.affiliation >= AFFILIATION_ADMIN)
		iq->reply.max = LIST_MAX;
	xml_put_open(&iq->reply, "query", NS_MUC_ADMIN);
	buf_char(&iq->reply, '>');
	if (role_attr.p && !affiliation_attr.p && role_parse(role_attr, &role))
		e = list_role(r, actor, role, &iq->reply);
	else if (affiliation_attr.p && !role_attr.p && affiliation_parse(affiliation_attr, &affiliation))
		e = list_affiliation(r, actor, affiliation, &iq->reply);
	xml_put_close(&iq->reply, "query");
	room_charge_read(r, iq->stanza->from, &iq->reply);
	return e;
}

/* ---- reading changes ---- */

static struct xerr read_role(struct room *r, const struct xml_tree *t, uint32_t item, struct change *ch)
{
	struct str nick = xml_attr(t, item, "nick");

	ch->of_role = true;
	if (!nick.p || !role_parse(xml_attr(t, item, "role"), &ch->role))
		return xerr(XERR_BAD_REQUEST);
	ch->occupant = occupant_find(r, nick);
	return ch->occupant ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

/* 9.5: a nickname beside an address is his from now on; an empty one takes it from him. */
static struct xerr read_nick(struct str nick, struct change *ch)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX}, prepared = {.max = 4 * NICK_MAX};

	if (!nick.p)
		return XERR_OK;
	/* As it will stand in an address. */
	if (nick.n && (jid_prep_resource(nick, &prepared) < 0 || nick_key(buf_view(&prepared), &key) < 0))
		return xerr(XERR_NOT_ACCEPTABLE);
	ch->nick = nick.n ? str_dup(buf_view(&prepared)) : xstrdup("");
	ch->key = nick.n ? str_dup(buf_view(&key)) : NULL;
	return XERR_OK;
}

/* A full address means its bare one (10.3); a nick, that of its occupant. */
static struct xerr read_affiliation(struct room *r, const struct xml_tree *t, uint32_t item, struct change *ch)
{
	struct str text = xml_attr(t, item, "jid"), nick = xml_attr(t, item, "nick");
	struct occupant *o = !text.p && nick.p ? occupant_find(r, nick) : NULL;
	struct jid_buf jid;

	if (!affiliation_parse(xml_attr(t, item, "affiliation"), &ch->affiliation))
		return xerr(XERR_BAD_REQUEST);
	if (!text.p && !o)
		return xerr(nick.p ? XERR_ITEM_NOT_FOUND : XERR_BAD_REQUEST);
	if (o)
		jid.jid = occupant_real(o);
	else if (jid_parse_buf(text, &jid) < 0)
		return xerr(XERR_JID_MALFORMED);
	ch->jid = str_dup(jid_bare_str(jid.jid));
	/* Clients name whom they ban by both; whoever is no member has no nickname of his own anyway. */
	return o || ch->affiliation < AFFILIATION_MEMBER ? XERR_OK : read_nick(nick, ch);
}

static struct xerr read_change(struct room *r, const struct xml_tree *t, uint32_t item, struct change *ch)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536};
	bool role = xml_attr(t, item, "role").p != NULL, affiliation = xml_attr(t, item, "affiliation").p != NULL;
	uint32_t reason = xml_child(t, item, "reason", NS_MUC_ADMIN);

	if (reason != XML_NONE)
		ch->reason = str_dup(utf8_cut(xml_text(t, reason, &tmp), REASON_MAX));
	if (role == affiliation)
		return xerr(XERR_BAD_REQUEST);
	return role ? read_role(r, t, item, ch) : read_affiliation(r, t, item, ch);
}

static struct xerr read_changes(struct room *r, const struct xml_tree *t, uint32_t query, struct changes *cs)
{
	XML_EACH(i, t, query) {
		struct change *ch;
		struct xerr e;

		if (!xml_is(t, i, "item", NS_MUC_ADMIN))
			return xerr(XERR_BAD_REQUEST);
		ch = changes_add(cs);
		if (!ch)
			return xerr_text(XERR_NOT_ACCEPTABLE, "too many changes at once");
		e = read_change(r, t, i, ch);
		if (!xerr_ok(e))
			return e;
	}
	return cs->n ? XERR_OK : xerr(XERR_BAD_REQUEST);
}

/* Who may not change anything hears just that: not who is in, whatever he asks about. */
static bool may_act(const struct room *r, struct jid who)
{
	struct party p = room_party(r, who);

	return may(MAY_CHANGE_ROLES, p.role, p.affiliation) || may(MAY_CHANGE_AFFILIATIONS, p.role, p.affiliation);
}

struct xerr admin_set(struct iq *iq)
{
	CLEANUP(changes_clear) struct changes cs = {0};
	struct room *r = room_of(iq);
	struct xerr e;

	if (!may_act(r, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	e = read_changes(r, &iq->stanza->tree, iq->query, &cs);
	if (xerr_ok(e))
		e = changes_charge(r, iq->stanza, iq->session != NULL, &cs);
	return xerr_ok(e) ? changes_make(r, &cs, iq->stanza->from) : e;
}
