/* muc#admin: roles and affiliations, their lists and changes (XEP-0045 8.2 to 10.8). All changes of a request are checked
 * before the first is made. */
#include "base/err.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CHANGES_MAX = 200, CODE_BANNED = 301, CODE_KICKED = 307, CODE_NOT_MEMBER = 321 };

struct change {
	bool of_role;
	enum role role;
	enum affiliation affiliation, before;
	struct occupant *occupant; /* of_role: whose */
	char *jid;                 /* otherwise: bare */
	char *reason;
};

struct changes {
	struct change **list;
	uint32_t n;
};

static void changes_clear(struct changes *cs)
{
	for (uint32_t i = 0; i < cs->n; i++) {
		xfree(cs->list[i]->jid);
		xfree(cs->list[i]->reason);
		xfree(cs->list[i]);
	}
	xfree(cs->list);
}

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }
static struct str change_jid(const struct change *ch) { return str_z(ch->jid); }

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

static void put_affiliation_item(struct buf *out, const struct affiliate *a)
{
	buf_z(out, "<item");
	xml_put_attr(out, "affiliation", str_z(affiliation_name(a->affiliation)));
	xml_put_attr(out, "jid", affiliate_jid(a));
	buf_z(out, a->reason ? ">" : "/>");
	if (!a->reason)
		return;
	xml_put_text(out, "reason", str_z(a->reason));
	buf_z(out, "</item>");
}

static struct xerr list_affiliation(struct room *r, struct party actor, enum affiliation affiliation, struct buf *out)
{
	const struct affiliate *a;

	if (affiliation == AFFILIATION_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (!may_list_affiliation(actor.affiliation, affiliation, r->config.whois != WHOIS_ANYONE))
		return xerr(XERR_FORBIDDEN);
	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
		if (a->affiliation == affiliation)
			put_affiliation_item(out, a);
	return XERR_OK;
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
	struct xerr e = xerr(XERR_BAD_REQUEST);

	if (item == XML_NONE)
		return e;
	role_attr = xml_attr(t, item, "role");
	affiliation_attr = xml_attr(t, item, "affiliation");
	core_spend(iq->core, room_count(r) / 16 + r->affiliates.map.n / 16);
	xml_put_open(&iq->reply, "query", NS_MUC_ADMIN);
	buf_char(&iq->reply, '>');
	if (role_attr.p && !affiliation_attr.p && role_parse(role_attr, &role))
		e = list_role(r, actor, role, &iq->reply);
	else if (affiliation_attr.p && !role_attr.p && affiliation_parse(affiliation_attr, &affiliation))
		e = list_affiliation(r, actor, affiliation, &iq->reply);
	xml_put_close(&iq->reply, "query");
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
	return XERR_OK;
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
	struct xerr e;

	cs->list = xcalloc(CHANGES_MAX, sizeof(struct change *));
	XML_EACH(i, t, query) {
		if (!xml_is(t, i, "item", NS_MUC_ADMIN))
			return xerr(XERR_BAD_REQUEST);
		if (cs->n == CHANGES_MAX)
			return xerr_text(XERR_NOT_ACCEPTABLE, "too many changes at once");
		cs->list[cs->n++] = xcalloc(1, sizeof(struct change));
		e = read_change(r, t, i, cs->list[cs->n - 1]);
		if (!xerr_ok(e))
			return e;
	}
	return cs->n ? XERR_OK : xerr(XERR_BAD_REQUEST);
}

/* ---- checking ---- */

static struct xerr check_affiliation(struct room *r, struct party actor, struct jid self, struct change *ch)
{
	struct jid who = jid_view(change_jid(ch));
	const struct affiliate *listed = affiliates_find(&r->affiliates, change_jid(ch));

	ch->before = rooms_is_admin(rooms_of(r), who) ? AFFILIATION_OWNER
		: listed                              ? listed->affiliation
						      : AFFILIATION_NONE;
	if (ch->affiliation == AFFILIATION_OUTCAST && may(MAY_CHANGE_AFFILIATIONS, actor.role, actor.affiliation) &&
		jid_eq_bare(who, self))
		return xerr(XERR_CONFLICT); /* 9.1: not oneself */
	if (!who.local && ch->affiliation > AFFILIATION_OUTCAST)
		return xerr_text(XERR_NOT_ACCEPTABLE, "a domain can only be banned");
	return affiliation_change_check(actor.affiliation, ch->before, ch->affiliation);
}

static struct xerr check_one(struct room *r, struct party actor, struct jid self, struct change *ch)
{
	if (ch->of_role)
		return role_change_check(actor, occupant_party(ch->occupant), ch->role);
	return check_affiliation(r, actor, self, ch);
}

/* A room has an owner (10.4). */
static bool leaves_an_owner(const struct room *r, const struct changes *cs)
{
	uint32_t owners = r->affiliates.owners, lost = 0;

	for (uint32_t i = 0; i < cs->n; i++) {
		const struct change *ch = cs->list[i];
		const struct affiliate *a = ch->of_role ? NULL : affiliates_find(&r->affiliates, change_jid(ch));
		bool was = a && a->affiliation == AFFILIATION_OWNER,
		     is = !ch->of_role && ch->affiliation == AFFILIATION_OWNER;

		owners += is && !was;
		lost += was && !is;
	}
	return lost == 0 || owners > lost;
}

static struct xerr check_all(struct room *r, struct party actor, struct jid self, struct changes *cs)
{
	struct xerr e = XERR_OK;

	for (uint32_t i = 0; i < cs->n && xerr_ok(e); i++)
		e = check_one(r, actor, self, cs->list[i]);
	if (xerr_ok(e) && !leaves_an_owner(r, cs))
		e = xerr(XERR_CONFLICT);
	if (xerr_ok(e) && r->affiliates.map.n + cs->n > AFFILIATES_MAX)
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	return e;
}

/* ---- making them ---- */

static void set_role(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {CODE_KICKED}, .actor = actor, .reason = reason};

	if (role == ROLE_NONE) {
		leave_remove(r, o, &n);
		return;
	}
	role_change(r, o, role, actor, reason);
}

/* Who becomes a moderator sees whom he could not see before. */
static void show_addresses(struct room *r, struct occupant *o)
{
	struct packet **packets = rooms_packets(rooms_of(r), room_count(r));
	struct occupant *other;
	uint32_t n = 0;

	for (uint32_t pos = 0; (other = map_next(&r->nicks, &pos));) {
		struct packet *p = other == o ? NULL : occupant_view(r, other, VIEW_JID);
		if (p)
			packets[n++] = packet_ref(p);
	}
	room_send_visits(r, o, NULL, packets, n, 0);
}

void role_change(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason)
{
	enum view before = view_of(r, o->role);
	struct notice n = {.actor = actor, .reason = reason};

	o->role = role;
	occupant_changed(o);
	occupant_reseat(r, o);
	announce_change(r, o, &n);
	if (view_of(r, role) != before && before == VIEW_PLAIN)
		show_addresses(r, o);
}

int room_set_affiliation(struct room *r, struct str bare, enum affiliation a, struct str reason)
{
	int err = affiliates_set(&r->affiliates, bare, a, reason);

	if (err == 0)
		room_store_affiliation(r, bare);
	return err;
}

/* One occupant's part of affiliation_apply(). */
static void apply_to(struct room *r, struct occupant *o, enum affiliation now, struct str actor, struct str reason)
{
	struct notice out = {.type = TYPE_UNAVAILABLE, .actor = actor, .reason = reason};
	enum affiliation before = o->affiliation;

	o->affiliation = now;
	if (!may(MAY_ENTER, ROLE_NONE, now))
		out.codes[0] = CODE_BANNED;
	else if (r->config.members_only && !may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, now))
		out.codes[0] = CODE_NOT_MEMBER;
	if (out.codes[0])
		leave_remove(r, o, &out);
	else if (now != before)
		role_change(r, o, role_after(o->role, before, now, r->config.moderated), actor, reason);
}

/* A ban of a domain concerns all who are from there. */
static struct occupant *next_concerned(struct room *r, struct jid who, uint32_t *pos)
{
	struct occupant *o;

	while ((o = map_next(&r->nicks, pos))) {
		struct jid real = occupant_real(o);

		if (who.local ? jid_eq_bare(real, who) : str_eq(jid_domain(real), jid_domain(who)))
			return o;
	}
	return NULL;
}

void affiliation_apply(struct room *r, struct jid who, struct str actor, struct str reason)
{
	struct occupant *o;
	uint32_t pos = 0;

	core_spend(room_core(r), room_count(r) / 16);
	while ((o = next_concerned(r, who, &pos))) {
		enum affiliation now = room_affiliation(r, occupant_real(o));
		uint32_t n = room_count(r);

		if (now != o->affiliation)
			apply_to(r, o, now, actor, reason);
		if (room_count(r) != n)
			pos = 0; /* the map has moved */
	}
}

/* 9.5: who has just been let in is told. */
static void tell_new_member(struct room *r, const struct change *ch, struct jid from)
{
	struct jid who = jid_view(change_jid(ch));
	struct occupant *o;
	uint32_t pos = 0;

	if (!r->config.members_only || ch->affiliation != AFFILIATION_MEMBER || ch->before != AFFILIATION_NONE)
		return;
	o = next_concerned(r, who, &pos);
	if (!o)
		invite_member(r, who, from, str_z(ch->reason));
}

static void make_change(struct room *r, const struct change *ch, struct str actor, struct jid from)
{
	struct str reason = str_z(ch->reason);
	struct jid who;

	if (ch->of_role) {
		set_role(r, ch->occupant, ch->role, actor, reason);
		return;
	}
	who = jid_view(change_jid(ch));
	if (room_set_affiliation(r, change_jid(ch), ch->affiliation, reason) < 0)
		return;
	affiliation_apply(r, who, actor, reason);
	tell_new_member(r, ch, from);
}

/* Each occupant or address once, and roles and affiliations not mixed: so what was checked holds until it is done. */
static bool clash(const struct change *a, const struct change *b)
{
	if (a->of_role != b->of_role)
		return true;
	return a->of_role ? a->occupant == b->occupant : str_eq(change_jid(a), change_jid(b));
}

static bool names_twice(const struct changes *cs)
{
	for (uint32_t i = 0; i < cs->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (clash(cs->list[i], cs->list[k]))
				return true;
	return false;
}

static bool needs_store(const struct room *r, const struct changes *cs)
{
	return r->config.persistent && !cs->list[0]->of_role;
}

struct xerr admin_set(struct iq *iq)
{
	CLEANUP(changes_clear) struct changes cs = {0};
	struct room *r = room_of(iq);
	struct jid from = iq->stanza->from;
	struct party actor = room_party(r, from);
	struct visit *v = visit_find(r, from);
	char nick[NICK_MAX];
	struct str name = {v ? nick : NULL, v ? occupant_nick(v->occupant).n : 0};
	struct xerr e = read_changes(r, &iq->stanza->tree, iq->query, &cs);

	if (xerr_ok(e) && names_twice(&cs))
		e = xerr(XERR_BAD_REQUEST);
	if (xerr_ok(e))
		e = check_all(r, actor, from, &cs);
	if (xerr_ok(e) && needs_store(r, &cs) && !core_can_store(iq->core))
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	if (!xerr_ok(e))
		return e;
	/* Who acts may put himself out. */
	if (v)
		memcpy(nick, occupant_nick(v->occupant).p, name.n);
	for (uint32_t i = 0; i < cs.n; i++)
		make_change(r, cs.list[i], name, from);
	return XERR_OK;
}
