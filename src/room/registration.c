/* Registration with a room (XEP-0045 7.10, 9.9): who registers becomes a member and has a nickname of his own. */
#include "base/err.h"
#include "room/change.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { TEXT_MAX = 65536, SHOWN_MAX = 20 };

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }

/* ---- whose a nickname is ---- */

struct xerr nick_check_owner(const struct room *r, struct str key, struct jid who)
{
	const struct nickname *n = nicknames_find_key(&r->reserved, key);
	const struct subscriber *s = subscriber_find_key(r, key);
	bool others = (n && !str_eq(nickname_jid(n), jid_bare_str(who))) ||
		(s && !str_eq(subscriber_jid(s), jid_bare_str(who)));

	if (!n && !s)
		return service_nick_check(rooms_of(r), key, who);
	return others ? xerr(XERR_CONFLICT) : XERR_OK;
}

const struct nickname *nick_locked(const struct room *r, struct jid who)
{
	return r->config.lock_nicks ? nicknames_find(&r->reserved, jid_bare_str(who)) : NULL;
}

static struct packet *absent_packet(struct room *r, const struct nickname *n)
{
	CLEANUP(buf_clear) struct buf from = {.max = 2 * JID_MAX};
	struct packet_head head = {.kind = STANZA_PRESENCE, .type = TYPE_UNAVAILABLE};
	enum affiliation a = room_affiliation(r, jid_view(nickname_jid(n)));
	char id[OCCUPANT_ID + 1];
	struct packet_writer w;

	occupant_id_of(r, jid_view(nickname_jid(n)), id);
	buf_str(&from, room_address(r));
	buf_fmt(&from, "/%s", n->nick);
	head.from = buf_view(&from);
	packet_begin(&w, &head);
	buf_fmt(&w.out, "<x xmlns='" NS_MUC_USER "'><item affiliation='%s' role='none'/></x>", affiliation_name(a));
	occupant_put_some_id(&w.out, id);
	return packet_end(&w);
}

uint32_t nick_list_absent(struct room *r, struct packet **packets)
{
	uint32_t count = 0;

	if (!r->config.show_absent)
		return 0;
	for (struct nickname *n = NULL; (n = nicknames_next_away(&r->reserved, n));) {
		/* Somebody else may have been called so before it was registered. */
		if (count == ABSENT_MAX || occupant_find_key(r, str_z(n->key)))
			continue;
		if (!n->packet)
			n->packet = absent_packet(r, n);
		if (n->packet)
			packets[count++] = packet_ref(n->packet);
	}
	return count;
}

/* Nobody else has it, asks for it, or is called so now. */
struct xerr nick_check_free(const struct room *r, struct str key, struct jid who)
{
	const struct nickname *asked = nicknames_find_key(&r->requests, key);
	const struct occupant *o = occupant_find_key(r, key);

	if (asked && !str_eq(nickname_jid(asked), jid_bare_str(who)))
		return xerr(XERR_CONFLICT);
	if (o && !jid_eq_bare(occupant_real(o), who))
		return xerr(XERR_CONFLICT);
	return nick_check_owner(r, key, who);
}

/* ---- asking what is needed ---- */

static struct xerr may_register(const struct room *r, enum affiliation a)
{
	if (a == AFFILIATION_OUTCAST)
		return xerr(XERR_FORBIDDEN);
	if (a == AFFILIATION_NONE && r->config.registration == REGISTER_CLOSED)
		return xerr(XERR_NOT_ALLOWED);
	return XERR_OK;
}

void register_put_form(struct buf *out, struct str with, struct str nick)
{
	buf_z(out, "<x xmlns='" NS_DATA "' type='form'><title>Registration with ");
	xml_escape(out, with);
	buf_z(out,
		"</title><field var='FORM_TYPE' type='hidden'><value>" NS_MUC_REGISTER
		"</value></field><field var='muc#register_roomnick' type='text-single' label='Nickname'><required/>");
	if (nick.n)
		xml_put_text(out, "value", nick);
	buf_z(out, "</field></x>");
}

struct xerr register_get(struct iq *iq)
{
	struct room *r = room_of(iq);
	enum affiliation a = room_affiliation(r, iq->stanza->from);
	const struct nickname *n = nicknames_find(&r->reserved, jid_bare_str(iq->stanza->from));
	struct xerr e = may_register(r, a);

	if (!xerr_ok(e))
		return e;
	xml_put_open(&iq->reply, "query", NS_REGISTER);
	buf_char(&iq->reply, '>');
	if (n) {
		buf_z(&iq->reply, "<registered/>");
		xml_put_text(&iq->reply, "username", str_z(n->nick));
	}
	buf_z(&iq->reply, "<instructions>Choose the nickname that will be yours in this room.</instructions>");
	register_put_form(&iq->reply, room_address(r), n ? str_z(n->nick) : STR_NONE);
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* ---- asking the admins ---- */

static struct packet *request_packet(struct room *r, const struct nickname *n)
{
	struct packet_writer w;

	form_begin(r, &w, "Registration request", NS_MUC_REGISTER);
	form_put(&w, "muc#register_roomnick", "text-single", "Desired nickname", str_z(n->nick));
	form_put(&w, "muc#jid", "jid-single", "User ID", nickname_jid(n));
	form_put(&w, "muc#register_allow", "boolean", "Allow this person to register with the room?", STR("0"));
	return form_end(&w);
}

static void ask_admins(struct room *r, const struct nickname *n)
{
	struct packet *p = request_packet(r, n);
	struct occupant *o;

	for (uint32_t pos = 0; p && (o = map_next(&r->nicks, &pos));) {
		struct packet *one = may(MAY_APPROVE_MEMBERS, o->role, o->affiliation) ? packet_ref(p) : NULL;
		if (one)
			room_send_visits(r, o, NULL, &one, 1, 0);
	}
	packet_unref(&p);
}

void registration_show(struct room *r, struct visit *v)
{
	const struct nickname *n;
	uint32_t shown = 0;

	if (!may(MAY_APPROVE_MEMBERS, v->occupant->role, v->occupant->affiliation))
		return;
	for (uint32_t pos = 0; shown < SHOWN_MAX && (n = nicknames_next(&r->requests, &pos)); shown++) {
		struct packet *p = request_packet(r, n);
		room_send_visits(r, v->occupant, v, &p, 1, 0);
	}
}

/* ---- registering ---- */

static struct xerr request(struct room *r, struct jid who, struct str nick, struct str key)
{
	struct str bare = jid_bare_str(who);
	const struct nickname *before = nicknames_find(&r->requests, bare);

	if (before && str_eq(str_z(before->nick), nick))
		return XERR_OK; /* it waits already */
	if (nicknames_set(&r->requests, bare, nick, key) < 0)
		return (struct xerr){XERR_RESOURCE_CONSTRAINT, "wait", "too many wait already"};
	room_store_nick(r, bare);
	ask_admins(r, nicknames_find(&r->requests, bare));
	return XERR_OK;
}

/* Who is a member already only chooses a nickname. */
static struct xerr enrol(struct room *r, struct jid who, struct str nick, struct str key)
{
	struct str bare = jid_bare_str(who);

	if (room_affiliation(r, who) == AFFILIATION_NONE &&
		room_affiliate(r, who, AFFILIATION_MEMBER, STR_NONE, who, false) < 0)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	room_set_nick(r, bare, nick, key);
	return XERR_OK;
}

struct xerr register_prepare(struct str nick, struct buf *ret_nick, struct buf *ret_key)
{
	if (!nick.n)
		return xerr(XERR_BAD_REQUEST);
	/* As it will stand in an address. */
	if (jid_prep_resource(nick, ret_nick) < 0 || nick_key(buf_view(ret_nick), ret_key) < 0)
		return xerr(XERR_NOT_ACCEPTABLE);
	return XERR_OK;
}

struct xerr register_read_nick(const struct xml_tree *t, uint32_t x, struct buf *ret_nick, struct buf *ret_key)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	struct str type = form_text(t, x, "FORM_TYPE", &tmp);

	if (type.p && !str_is(type, NS_MUC_REGISTER))
		return xerr(XERR_BAD_REQUEST);
	return register_prepare(form_text(t, x, "muc#register_roomnick", &tmp), ret_nick, ret_key);
}

static struct xerr submit(struct room *r, const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf nick = {.max = 4 * NICK_MAX}, key = {.max = 4 * NICK_MAX};
	enum affiliation a = room_affiliation(r, s->from);
	struct str type = xml_attr(&s->tree, x, "type");
	struct xerr e = may_register(r, a);

	if (xerr_ok(e) && (!type.p || !str_is(type, "submit")))
		e = xerr(XERR_BAD_REQUEST);
	if (xerr_ok(e))
		e = register_read_nick(&s->tree, x, &nick, &key);
	if (xerr_ok(e))
		e = nick_check_free(r, buf_view(&key), s->from);
	if (!xerr_ok(e))
		return e;
	if (a == AFFILIATION_NONE && r->config.registration == REGISTER_APPROVAL)
		return request(r, s->from, buf_view(&nick), buf_view(&key));
	return enrol(r, s->from, buf_view(&nick), buf_view(&key));
}

/* A member is none any more; who is more than that only loses the nickname. */
static struct xerr resign(struct room *r, struct jid who)
{
	struct str bare = jid_bare_str(who);
	const struct affiliate *a = affiliates_find(&r->affiliates, bare);

	if (!nicknames_find(&r->reserved, bare) && !nicknames_find(&r->requests, bare) &&
		!(a && a->affiliation == AFFILIATION_MEMBER))
		return xerr(XERR_UNEXPECTED_REQUEST);
	room_set_nick(r, bare, STR_NONE, STR_NONE);
	if (!a || a->affiliation != AFFILIATION_MEMBER)
		return XERR_OK;
	room_affiliate(r, who, AFFILIATION_NONE, STR_NONE, who, false);
	return XERR_OK;
}

struct xerr register_set(struct iq *iq)
{
	struct room *r = room_of(iq);
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t x = xml_child(t, iq->query, "x", NS_DATA);
	struct xerr e;

	if (r->config.persistent && !core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	e = room_charge(r, iq->stanza->from, COST_MAIL);
	if (!xerr_ok(e))
		return e;
	if (xml_child(t, iq->query, "remove", NS_REGISTER) != XML_NONE)
		return resign(r, iq->stanza->from);
	return x == XML_NONE ? xerr(XERR_BAD_REQUEST) : submit(r, iq->stanza, x);
}

/* ---- the decision (9.9) ---- */

static const struct nickname *find_request(const struct room *r, const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX}, key = {.max = 4 * NICK_MAX};
	struct str jid = form_text(&s->tree, x, "muc#jid", &tmp), nick;

	if (jid.n)
		return nicknames_find(&r->requests, jid);
	nick = form_text(&s->tree, x, "muc#register_roomnick", &tmp);
	return nick.n && nick_key(nick, &key) == 0 ? nicknames_find_key(&r->requests, buf_view(&key)) : NULL;
}

static struct xerr approve(struct room *r, const struct nickname *n, struct jid by)
{
	CLEANUP(changes_clear) struct changes cs = {0};
	struct change *ch = changes_add(&cs);

	ch->affiliation = AFFILIATION_MEMBER;
	ch->jid = str_dup(nickname_jid(n));
	ch->nick = xstrdup(n->nick);
	ch->key = xstrdup(n->key);
	return changes_make(r, &cs, by);
}

struct xerr registration_on_form(struct room *r, const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	struct party actor = room_party(r, s->from);
	const struct nickname *n;
	struct xerr e;
	char *who;

	if (!may(MAY_APPROVE_MEMBERS, actor.role, actor.affiliation))
		return xerr(XERR_FORBIDDEN);
	n = find_request(r, s, x);
	if (!n)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (r->config.persistent && !core_can_store(room_core(r)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	e = room_charge(r, s->from, COST_MESSAGE);
	if (!xerr_ok(e))
		return e;
	if (form_says_yes(form_text(&s->tree, x, "muc#register_allow", &tmp)))
		return approve(r, n, s->from);
	/* A copy: what it is a view of goes. */
	who = str_dup(nickname_jid(n));
	room_set_nick(r, str_z(who), STR_NONE, STR_NONE);
	xfree(who);
	return XERR_OK;
}
