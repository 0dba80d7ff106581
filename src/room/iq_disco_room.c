/* Service discovery of the service and of rooms (XEP-0045 6), and ping. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "room/activity.h"
#include "room/hats.h"
#include "room/picture.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "store/room_log_folder.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PAGE_MAX = 500 };

/* ---- info ---- */

static void put_identity(struct buf *out, struct str name)
{
	buf_z(out, "<identity category='conference' type='text'");
	xml_put_attr(out, "name", name);
	buf_z(out, "/>");
}

/* What a room is, in both senses. */
static void put_room_features(struct buf *out, const struct room_config *c)
{
	const struct {
		bool is;
		const char *yes, *no;
	} list[] = {
		{c->password_protected, "muc_passwordprotected", "muc_unsecured"},
		{c->public_, "muc_public", "muc_hidden"},
		{c->persistent, "muc_persistent", "muc_temporary"},
		{c->members_only, "muc_membersonly", "muc_open"},
		{c->moderated, "muc_moderated", "muc_unmoderated"},
		{c->whois == WHOIS_ANYONE, "muc_nonanonymous", "muc_semianonymous"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		buf_fmt(out, "<feature var='%s'/>", list[i].is ? list[i].yes : list[i].no);
}

static void put_info(struct buf *out, const char *var, const char *type, struct str value)
{
	buf_fmt(out, "<field var='%s' type='%s'>", var, type);
	xml_put_text(out, "value", value);
	buf_z(out, "</field>");
}

static void put_info_number(struct buf *out, const char *var, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	put_info(out, var, "text-single", str_z(text));
}

/* As Openfire calls it. */
static void put_created(struct buf *out, const struct room *r)
{
	CLEANUP(buf_clear) struct buf time = {.max = 64};

	clock_format(&time, r->created);
	put_info(out, "x-muc#roominfo_creationdate", "text-single", buf_view(&time));
}

/* XEP-0502: only of a room that is there for everybody, and stays. */
static void put_activity(struct buf *out, const struct room *r)
{
	const struct room_config *c = &r->config;
	char text[32];

	if (!c->persistent || !c->public_ || c->password_protected || c->members_only)
		return;
	snprintf(text, sizeof(text), "%.2f", activity_rate(r->activity, r->active_since, core_wall(room_core(r))));
	put_info(out, "{urn:xmpp:muc-activity}message-activity", "text-single", str_z(text));
}

/* A folder's name may have % in it, which means something else in an address. */
static void put_logs(struct buf *out, const struct room *r)
{
	CLEANUP(buf_clear) struct buf folder = {.max = 8192}, url = {.max = 16384};
	const struct rooms_config *c = &rooms_of(r)->config;

	if (!r->config.logging || !c->logs || !c->logs_url)
		return;
	room_log_folder(&folder, room_address(r));
	buf_z(&url, c->logs_url);
	if (url.n && url.p[url.n - 1] != '/')
		buf_char(&url, '/');
	for (size_t i = 0; i < folder.n; i++)
		if (folder.p[i] == '%')
			buf_z(&url, "%25");
		else
			buf_char(&url, folder.p[i]);
	buf_char(&url, '/');
	if (buf_ok(&folder) && buf_ok(&url))
		put_info(out, "muc#roominfo_logs", "text-single", buf_view(&url));
}

static void put_hats_hash(struct buf *out, const struct room *r)
{
	CLEANUP(buf_clear) struct buf hash = {.max = 64};

	if (hats_hash(r->hats, &hash))
		put_info(out, "hats#hash", "text-single", buf_view(&hash));
}

/* What is talked about is not for those who could not get in. */
static void put_room_info(struct buf *out, struct room *r, bool inside)
{
	const struct room_config *c = &r->config;
	bool open = !c->password_protected && !c->members_only;

	buf_z(out,
		"<x xmlns='" NS_DATA "' type='result'><field var='FORM_TYPE' type='hidden'><value>" NS_MUC_ROOMINFO
		"</value></field>");
	put_info(out, "muc#roomconfig_roomname", "text-single", c->name ? str_z(c->name) : STR(""));
	put_info(out, "muc#roominfo_description", "text-single", c->description ? str_z(c->description) : STR(""));
	if (c->language)
		put_info(out, "muc#roominfo_lang", "text-single", str_z(c->language));
	if (c->contact)
		put_info(out, "muc#roominfo_contactjid", "jid-multi", str_z(c->contact));
	if ((open || inside) && r->subject.text)
		put_info(out, "muc#roominfo_subject", "text-single", str_z(r->subject.text));
	put_info_number(out, "muc#roominfo_occupants", room_count(r));
	put_info(out, "muc#roomconfig_changesubject", "boolean", c->change_subject ? STR("1") : STR("0"));
	put_info(out, "muc#roomconfig_allowinvites", "boolean", c->allow_invites ? STR("1") : STR("0"));
	put_info(out, "muc#roomconfig_allowpm", "list-single", room_config_pm(c));
	put_info(out, "muc#roominfo_subjectmod", "boolean", c->change_subject ? STR("1") : STR("0"));
	put_info(out, "muc#roomconfig_enablelogging", "boolean", c->logging ? STR("1") : STR("0"));
	put_logs(out, r);
	put_info_number(out, "muc#roominfo_slow_mode_duration", c->slow_seconds);
	put_info_number(out, "muc#maxhistoryfetch", r->config.history);
	put_created(out, r);
	put_activity(out, r);
	put_hats_hash(out, r);
	picture_put_info(out, r->picture);
	buf_z(out, "</x>");
}

/* A node that nothing is known about. */
static struct xerr node_error(struct str node)
{
	if (str_is(node, NS_MUC "#traffic"))
		return xerr(XERR_SERVICE_UNAVAILABLE); /* nothing is held back (16.1.1) */
	return xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr check_node(const struct iq *iq)
{
	struct str node = xml_attr(&iq->stanza->tree, iq->query, "node");

	return node.n ? node_error(node) : XERR_OK;
}

static struct xerr command_info(struct iq *iq, struct str node)
{
	xml_put_open(&iq->reply, "query", NS_DISCO_INFO);
	xml_put_attr(&iq->reply, "node", node);
	buf_char(&iq->reply, '>');
	if (command_is_node(node))
		buf_z(&iq->reply, "<identity category='automation' type='command-list'/>");
	else if (!(is_room(iq->entity) ? hats_put_node_info : command_put_info)(iq, node))
		return node_error(node);
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* 7.12: the nickname that the asker has registered, with the room or with the service. */
static struct xerr own_nick(struct iq *iq, const struct room *r)
{
	const struct nickname *n = nicknames_find(&r->reserved, jid_bare_str(iq->stanza->from));

	if (!n)
		n = service_nick_of(rooms_of(r), iq->stanza->from);
	xml_put_open(&iq->reply, "query", NS_DISCO_INFO);
	buf_z(&iq->reply, " node='x-roomuser-item'>");
	if (n)
		put_identity(&iq->reply, str_z(n->nick));
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

struct xerr disco_get_info(struct iq *iq)
{
	struct room *r = is_room(iq->entity) ? (struct room *)iq->entity : NULL;
	struct str name, node = xml_attr(&iq->stanza->tree, iq->query, "node");

	if (r && str_is(node, "x-roomuser-item"))
		return own_nick(iq, r);
	if (node.n)
		return command_info(iq, node);
	name = !r                ? str_z(((struct host *)iq->entity)->title)
		: r->config.name ? str_z(r->config.name)
				 : jid_local(r->entity.jid);
	xml_put_open(&iq->reply, "query", NS_DISCO_INFO);
	buf_char(&iq->reply, '>');
	put_identity(&iq->reply, name);
	feature_disco(iq->entity, r ? AT_ROOM : AT_ROOMS, &iq->reply);
	if (r) {
		put_room_features(&iq->reply, &r->config);
		put_room_info(&iq->reply, r,
			visit_find(r, iq->stanza->from) || subscriber_find(r, jid_bare_str(iq->stanza->from)));
	}
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* ---- items: the public rooms, in pages (XEP-0059) ---- */

void rooms_items_changed(struct rooms *rs)
{
	rs->items.n = 0;
	rs->items.known = false;
}

void rooms_items_clear(struct rooms *rs) { xfree(TAKE(rs->items.list)); }

static void add_item(struct room_items *is, struct str local, struct str name)
{
	if (is->n == is->cap) {
		is->cap = is->cap ? is->cap * 2 : 64;
		is->list = xrealloc(is->list, is->cap * sizeof(*is->list));
	}
	is->list[is->n++] = (struct room_item){local, name};
}

static int compare(const void *a, const void *b)
{
	return str_cmp(((const struct room_item *)a)->local, ((const struct room_item *)b)->local);
}

/* Persistent rooms are in the directory, whether in memory or not. */
static void collect(struct rooms *rs, struct room_items *is)
{
	const struct listing *l;
	const struct room *r;

	if (is->known)
		return;
	core_spend(rs->host.entity.core, (rs->directory.n + rs->live.n) / 4);
	is->known = true;
	for (uint32_t pos = 0; (l = map_next(&rs->directory, &pos));)
		if (l->public_)
			add_item(is, listing_local(l), listing_name(l));
	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		if (r->state == ROOM_OPEN && !r->config.persistent && r->config.public_)
			add_item(is, jid_local(r->entity.jid), r->config.name ? str_z(r->config.name) : STR_NONE);
	if (is->n)
		qsort(is->list, is->n, sizeof(*is->list), compare);
}

static void put_address(struct buf *out, const struct rooms *rs, struct str local)
{
	xml_escape(out, local);
	buf_char(out, '@');
	xml_escape(out, jid_str(rs->host.entity.jid));
}

static void put_item(struct buf *out, const struct rooms *rs, const struct room_item *i)
{
	buf_z(out, "<item jid='");
	put_address(out, rs, i->local);
	buf_char(out, '\'');
	xml_put_attr(out, "name", i->name.n ? i->name : i->local);
	buf_z(out, "/>");
}

struct page {
	uint32_t from, to;
	bool wanted; /* the asker knows of pages */
};

/* The first item behind (or not before) an address. */
static uint32_t position(const struct room_items *is, struct str address, bool behind)
{
	struct jid_buf jid;
	uint32_t from = 0, to = is->n;

	if (jid_parse_buf(address, &jid) < 0)
		return 0;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (str_cmp(is->list[middle].local, jid_local(jid.jid)) < (behind ? 1 : 0))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct str set_text(const struct xml_tree *t, uint32_t set, const char *name, struct buf *tmp)
{
	uint32_t i = xml_child(t, set, name, NS_RSM);

	buf_reset(tmp);
	return i == XML_NONE ? STR_NONE : xml_text(t, i, tmp);
}

static struct page read_page(const struct iq *iq, const struct room_items *is)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t set = xml_child(t, iq->query, "set", NS_RSM);
	struct page p = {.to = is->n};
	struct str before, after;
	uint64_t max = PAGE_MAX;

	if (set != XML_NONE) {
		p.wanted = true;
		if (str_uint(set_text(t, set, "max", &tmp), UINT32_MAX, &max) < 0 || max > PAGE_MAX)
			max = PAGE_MAX;
		after = set_text(t, set, "after", &tmp);
		if (after.p)
			p.from = position(is, after, true);
		before = set_text(t, set, "before", &tmp);
		if (before.n)
			p.to = position(is, before, false);
		if (p.to < p.from)
			p.to = p.from;
		if (before.p && p.to - p.from > max)
			p.from = p.to - (uint32_t)max;
	}
	if (p.to - p.from > max)
		p.to = p.from + (uint32_t)max;
	return p;
}

static void put_set(struct buf *out, const struct rooms *rs, const struct room_items *is, struct page p)
{
	if (!p.wanted && p.to - p.from == is->n)
		return;
	buf_z(out, "<set xmlns='" NS_RSM "'>");
	if (p.to > p.from) {
		buf_fmt(out, "<first index='%u'>", p.from);
		put_address(out, rs, is->list[p.from].local);
		buf_z(out, "</first><last>");
		put_address(out, rs, is->list[p.to - 1].local);
		buf_z(out, "</last>");
	}
	buf_fmt(out, "<count>%u</count></set>", is->n);
}

static void put_rooms(struct iq *iq, struct rooms *rs)
{
	struct room_items *is = &rs->items;
	struct page p;

	collect(rs, is);
	p = read_page(iq, is);
	core_spend(iq->core, (p.to - p.from) / 4);
	for (uint32_t i = p.from; i < p.to; i++)
		put_item(&iq->reply, rs, &is->list[i]);
	put_set(&iq->reply, rs, is, p);
}

/* ---- items: who is in a room ---- */

static uint32_t put_occupants(struct buf *out, const struct room *r)
{
	const struct occupant *o;
	uint32_t n = 0;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		if (!occupant_shown(r, o) || n++ >= PAGE_MAX)
			continue;
		buf_z(out, "<item jid='");
		xml_escape(out, jid_str(o->address));
		buf_char(out, '\'');
		xml_put_attr(out, "name", occupant_nick(o));
		buf_z(out, "/>");
	}
	return n;
}

/* Not told outside (6.5), unless its owner wants that; then the first of a great many, and how many there are. Who is banned does not see
 * it, nor does anybody see who is hidden from others inside. */
static struct xerr list_occupants(struct iq *iq, struct room *r)
{
	struct jid who = iq->stanza->from;
	struct xerr e;
	uint32_t n;

	if (!r->config.manners.list_outside || !may(MAY_ENTER, ROLE_NONE, room_affiliation(r, who)))
		return XERR_OK;
	e = room_may_read(r, who);
	if (!xerr_ok(e))
		return e;
	core_spend(iq->core, room_count(r) / 16);
	n = put_occupants(&iq->reply, r);
	if (n > PAGE_MAX)
		buf_fmt(&iq->reply, "<set xmlns='" NS_RSM "'><count>%u</count></set>", n);
	room_charge_read(r, who, &iq->reply);
	return XERR_OK;
}

/* ---- */

struct xerr disco_get_items(struct iq *iq)
{
	struct str node = xml_attr(&iq->stanza->tree, iq->query, "node");
	bool commands = command_is_node(node);
	struct xerr e = commands ? XERR_OK : check_node(iq);

	if (!xerr_ok(e))
		return e;
	xml_put_open(&iq->reply, "query", NS_DISCO_ITEMS);
	if (commands)
		xml_put_attr(&iq->reply, "node", node);
	buf_char(&iq->reply, '>');
	if (commands)
		(is_room(iq->entity) ? hats_put_items : command_put_items)(iq);
	else if (is_room(iq->entity))
		e = list_occupants(iq, (struct room *)iq->entity);
	else
		put_rooms(iq, (struct rooms *)iq->entity);
	xml_put_close(&iq->reply, "query");
	return e;
}

struct xerr ping_get(struct iq *iq) { return XERR_OK; }
