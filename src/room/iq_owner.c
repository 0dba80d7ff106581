/* muc#owner: configuration and the end of a room (XEP-0045 10.1, 10.2, 10.9). */
#include "base/err.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CODE_CHANGED = 104, CODE_NON_ANONYMOUS = 172, CODE_SEMI_ANONYMOUS = 173, CODE_MEMBERS_ONLY = 322 };

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }

struct xerr owner_get(struct iq *iq)
{
	struct room *r = room_of(iq);

	if (!may(MAY_CONFIGURE, ROLE_NONE, room_affiliation(r, iq->stanza->from)))
		return xerr(XERR_FORBIDDEN);
	if (xml_first(&iq->stanza->tree, iq->query) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	xml_put_open(&iq->reply, "query", NS_MUC_OWNER);
	buf_char(&iq->reply, '>');
	room_config_form(&r->config, room_address(r), &iq->reply);
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* ---- what follows from a change ---- */

static struct occupant *find_non_member(struct room *r)
{
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (!may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, o->affiliation))
			return o;
	return NULL;
}

static void put_out_non_members(struct room *r)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {CODE_MEMBERS_ONLY}};
	struct occupant *o;

	while (r->config.members_only && (o = find_non_member(r)))
		leave_remove(r, o, &n);
}

static void forget_views(struct room *r)
{
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		occupant_changed(o);
}

static void on_whois(struct room *r)
{
	forget_views(r);
	message_status(r, r->config.whois == WHOIS_ANYONE ? CODE_NON_ANONYMOUS : CODE_SEMI_ANONYMOUS);
}

static void on_persistence(struct room *r)
{
	if (r->config.persistent) {
		room_store_all(r);
		return;
	}
	/* It has to be forgotten as the persistent one that it was. */
	r->config.persistent = true;
	room_store_forget(r);
	r->config.persistent = false;
}

static void on_change(struct room *r, uint32_t changed)
{
	uint32_t whois = room_config_bit("muc#roomconfig_whois"),
		 persistent = room_config_bit("muc#roomconfig_persistentroom");

	if (changed & persistent)
		on_persistence(r);
	else
		room_store(r);
	if (changed & whois)
		on_whois(r);
	if (changed & room_config_bit("muc#roomconfig_membersonly"))
		put_out_non_members(r);
	if (changed & ~whois)
		message_status(r, CODE_CHANGED);
}

/* ---- requests ---- */

struct xerr room_configure(struct room *r, const struct room_config *new)
{
	uint32_t changed = room_config_diff(&r->config, new);

	if (changed && (r->config.persistent || new->persistent) && !core_can_store(room_core(r)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	room_config_clear(&r->config);
	room_config_copy(&r->config, new);
	if (r->state == ROOM_LOCKED)
		room_unlock(r);
	if (changed)
		on_change(r, changed);
	return XERR_OK;
}

static struct xerr submit(struct room *r, const struct xml_tree *t, uint32_t x)
{
	struct room_config new;
	struct xerr e;

	room_config_copy(&new, &r->config);
	e = room_config_submit(&new, t, x);
	if (xerr_ok(e))
		e = room_configure(r, &new);
	room_config_clear(&new);
	return e;
}

/* 10.1.3: who does not want the new room, does not want it. */
static struct xerr cancel(struct room *r)
{
	if (r->state == ROOM_LOCKED)
		room_destroy(r, STR_NONE, STR_NONE, STR_NONE);
	return XERR_OK;
}

static struct xerr on_form(struct room *r, const struct xml_tree *t, uint32_t x)
{
	struct str type = xml_attr(t, x, "type");

	if (type.p && str_is(type, "submit"))
		return submit(r, t, x);
	if (type.p && str_is(type, "cancel"))
		return cancel(r);
	return xerr(XERR_BAD_REQUEST);
}

static struct str child_text(const struct xml_tree *t, uint32_t parent, const char *name, struct buf *tmp)
{
	uint32_t i = xml_child(t, parent, name, NS_MUC_OWNER);

	return i == XML_NONE ? STR_NONE : xml_text(t, i, tmp);
}

static struct xerr destroy(struct room *r, const struct xml_tree *t, uint32_t i)
{
	CLEANUP(buf_clear) struct buf reason = {.max = 65536}, password = {.max = 65536};
	struct str alternate = xml_attr(t, i, "jid");
	struct jid_buf jid;

	if (alternate.p && jid_parse_buf(alternate, &jid) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (r->config.persistent && !core_can_store(room_core(r)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	room_destroy(r, alternate.p ? jid_str(jid.jid) : STR_NONE, child_text(t, i, "reason", &reason),
		child_text(t, i, "password", &password));
	return XERR_OK;
}

struct xerr owner_set(struct iq *iq)
{
	struct room *r = room_of(iq);
	const struct xml_tree *t = &iq->stanza->tree;
	enum affiliation sender = room_affiliation(r, iq->stanza->from);
	uint32_t form = xml_child(t, iq->query, "x", NS_DATA), end = xml_child(t, iq->query, "destroy", NS_MUC_OWNER);

	if (!may(MAY_CONFIGURE, ROLE_NONE, sender))
		return xerr(XERR_FORBIDDEN);
	if (form != XML_NONE)
		return on_form(r, t, form);
	if (end != XML_NONE && may(MAY_DESTROY, ROLE_NONE, sender))
		return destroy(r, t, end);
	return xerr(XERR_BAD_REQUEST);
}
