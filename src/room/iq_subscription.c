/* Subscriptions, asked for and asked about. What ejabberd 23.01 answers was looked at; where this does otherwise docs/rooms.md says so. */
#include "base/err.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { LIST_MAX = (4 << 20) - 65536 };

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }

/* ---- what there is to hear ---- */

static const char *const node_names[SUB_NODES] = {
	[SUB_MESSAGES] = NS_MUCSUB_NODES "messages",
	[SUB_SUBJECT] = NS_MUCSUB_NODES "subject",
	[SUB_PRESENCE] = NS_MUCSUB_NODES "presence",
	[SUB_AFFILIATIONS] = NS_MUCSUB_NODES "affiliations",
	[SUB_CONFIG] = NS_MUCSUB_NODES "config",
	[SUB_SUBSCRIBERS] = NS_MUCSUB_NODES "subscribers",
};

const char *sub_node_name(enum sub_node n) { return node_names[n]; }

/* What is not known here is left out, and so of the answer. */
static unsigned read_nodes(const struct xml_tree *t, uint32_t parent)
{
	unsigned nodes = 0;

	XML_EACH(i, t, parent)
		for (unsigned n = 0; xml_is(t, i, "event", NS_MUCSUB) && n < SUB_NODES; n++)
			if (str_is(xml_attr(t, i, "node"), node_names[n]))
				nodes |= 1u << n;
	return nodes;
}

static void put_nodes(struct buf *out, unsigned nodes)
{
	for (unsigned n = 0; n < SUB_NODES; n++)
		if (nodes >> n & 1)
			buf_fmt(out, "<event node='%s'/>", node_names[n]);
}

/* <NAME jid= nick=>, with what he hears inside. */
static void put_subscription(struct buf *out, struct str jid, struct str nick, unsigned nodes)
{
	buf_z(out, "<subscription");
	xml_put_attr(out, "jid", jid);
	xml_put_attr(out, "nick", nick);
	buf_char(out, '>');
	put_nodes(out, nodes);
	buf_z(out, "</subscription>");
}

/* ---- who may ---- */

static bool is_moderator(const struct room *r, struct jid who)
{
	struct party p = room_party(r, who);

	return p.role == ROLE_MODERATOR || p.affiliation >= AFFILIATION_ADMIN;
}

/* Whom it is about, if it is not who asks. Only the service subscribes others: whoever makes a room is its owner, and could send what he likes
 * to any account. */
static struct xerr read_other(struct room *r, const struct stanza *s, struct str address, struct jid_buf *ret)
{
	const struct host *h;

	if (jid_parse_buf(address, ret) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (jid_eq_bare(ret->jid, s->from))
		return XERR_OK;
	if (!rooms_is_admin(rooms_of(r), s->from))
		return xerr(XERR_FORBIDDEN);
	h = core_find_host(room_core(r), jid_domain(ret->jid));
	if (!ret->jid.local || (h ? h->kind == HOST_ROOMS : !core_gateway(room_core(r))))
		return xerr_text(XERR_NOT_ACCEPTABLE, "nobody hears anything there");
	return XERR_OK;
}

/* As of who enters (7.2). */
static struct xerr check_rights(const struct room *r, struct jid who)
{
	enum affiliation a = room_affiliation(r, who);

	if (!subscriptions_on(&r->entity))
		return xerr_text(XERR_NOT_ALLOWED,
			r->config.allow_subscription ? "a temporary room has no subscriptions"
						     : "this room has no subscriptions");
	if (!may(MAY_ENTER, ROLE_NONE, a))
		return xerr(XERR_FORBIDDEN);
	if (r->config.members_only && !may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, a))
		return xerr(XERR_REGISTRATION_REQUIRED);
	return XERR_OK;
}

/* Who hears it already has said it; who is in may have come before it was set. Owners read it in the form. */
static struct xerr check_password(const struct room *r, struct jid who, struct str password)
{
	if (!r->config.password_protected || !r->config.secret || subscriber_find(r, jid_bare_str(who)) ||
		may(MAY_CONFIGURE, ROLE_NONE, room_affiliation(r, who)))
		return XERR_OK;
	return password.p && str_is(password, r->config.secret) ? XERR_OK : xerr(XERR_NOT_AUTHORIZED);
}

static struct xerr check_space(const struct room *r, struct jid who)
{
	const struct rooms *rs = rooms_of(r);

	if (subscriber_find(r, jid_bare_str(who)))
		return XERR_OK;
	if (!rs->loaded)
		return (struct xerr){XERR_RESOURCE_CONSTRAINT, "wait",
			"the service is starting: try again in a moment"};
	if (subscribers_count(r) >= SUBSCRIBERS_MAX)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "as many hear this room as may");
	if (subscribed_get(&rs->subscribed, jid_bare_str(who)) >= SUBSCRIPTIONS_MAX)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "that are more rooms than one may hear");
	return XERR_OK;
}

/* Where nicknames are locked, a member is called as he is registered, whatever he asked for (7.10). */
static struct xerr read_nick(const struct room *r, struct jid who, struct str asked, struct buf *nick, struct buf *key)
{
	const struct nickname *own = nick_locked(r, who);

	if (!asked.n)
		return xerr_text(XERR_BAD_REQUEST, "a nickname is needed");
	if (own)
		asked = str_z(own->nick);
	if (jid_prep_resource(asked, nick) < 0 || nick_key(buf_view(nick), key) < 0)
		return xerr_text(XERR_NOT_ACCEPTABLE, "this nickname is too long or cannot be seen");
	return nick_check_free(r, buf_view(key), who);
}

/* Who is in and may not change his nickname would speak under another one from outside. Where they are locked it is his anyway. */
static struct xerr check_new_nick(const struct room *r, struct jid who, struct str nick)
{
	const struct occupant *inside = occupant_find_real(r, who);

	for (const struct occupant *o = inside; o; o = o->twin)
		if (str_eq(occupant_nick(o), nick))
			return XERR_OK;
	if (!inside || nick_locked(r, who) || may_here(&r->config, MAY_CHANGE_NICK, inside->role, inside->affiliation))
		return XERR_OK;
	return xerr_text(XERR_NOT_ACCEPTABLE, "nicknames are not changed here");
}

/* ---- beginning ---- */

static struct xerr begin(struct iq *iq, struct jid who, bool by_another)
{
	CLEANUP(buf_clear) struct buf nick = {.max = 4 * NICK_MAX}, key = {.max = 4 * NICK_MAX};
	struct room *r = room_of(iq);
	const struct xml_tree *t = &iq->stanza->tree;
	unsigned nodes = read_nodes(t, iq->query);
	struct xerr e = check_rights(r, who);

	if (xerr_ok(e) && !by_another)
		e = check_password(r, who, xml_attr(t, iq->query, "password"));
	if (xerr_ok(e))
		e = read_nick(r, who, xml_attr(t, iq->query, "nick"), &nick, &key);
	if (xerr_ok(e))
		e = check_new_nick(r, who, buf_view(&nick));
	if (xerr_ok(e))
		e = check_space(r, who);
	if (!xerr_ok(e))
		return e;
	if (subscribe(r, jid_bare_str(who), buf_view(&nick), buf_view(&key), nodes, by_another) < 0)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	xml_put_open(&iq->reply, "subscribe", NS_MUCSUB);
	xml_put_attr(&iq->reply, "nick", buf_view(&nick));
	buf_char(&iq->reply, '>');
	put_nodes(&iq->reply, nodes);
	xml_put_close(&iq->reply, "subscribe");
	return XERR_OK;
}

static struct xerr may_change(struct room *r, const struct iq *iq, uint32_t cost)
{
	if (r->config.persistent && !core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	return room_charge(r, iq->stanza->from, cost);
}

struct xerr subscribe_set(struct iq *iq)
{
	struct room *r = room_of(iq);
	struct str address = xml_attr(&iq->stanza->tree, iq->query, "jid");
	struct jid who = jid_bare(iq->stanza->from);
	struct jid_buf other;
	struct xerr e = address.p ? read_other(r, iq->stanza, address, &other) : XERR_OK;

	/* Attempts count, too: passwords are not tried out at any speed. */
	if (xerr_ok(e))
		e = may_change(r, iq, COST_PRESENCE);
	if (!xerr_ok(e))
		return e;
	if (address.p)
		who = jid_bare(other.jid);
	return begin(iq, who, !jid_eq_bare(who, iq->stanza->from));
}

/* ---- ending ---- */

/* Of whom; NULL: he hears nothing here anyway. */
static struct xerr find_other(struct room *r, const struct iq *iq, const struct subscriber **ret)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	struct str address = xml_attr(&iq->stanza->tree, iq->query, "jid"),
		   nick = xml_attr(&iq->stanza->tree, iq->query, "nick");
	struct jid_buf other;

	*ret = NULL;
	if (address.p && jid_parse_buf(address, &other) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (address.p)
		*ret = subscriber_find(r, jid_bare_str(other.jid));
	else if (!nick.p)
		*ret = subscriber_find(r, jid_bare_str(iq->stanza->from));
	else if (nick_key(nick, &key) == 0)
		*ret = subscriber_find_key(r, buf_view(&key));
	if (*ret && str_eq(subscriber_jid(*ret), jid_bare_str(iq->stanza->from)))
		return XERR_OK;
	return (address.p || nick.p) && !is_moderator(r, iq->stanza->from) ? xerr(XERR_FORBIDDEN) : XERR_OK;
}

struct xerr unsubscribe_set(struct iq *iq)
{
	struct room *r = room_of(iq);
	const struct subscriber *s;
	struct xerr e = find_other(r, iq, &s);
	bool by_another = s && !str_eq(subscriber_jid(s), jid_bare_str(iq->stanza->from));

	if (xerr_ok(e) && by_another &&
		room_affiliation(r, jid_view(subscriber_jid(s))) > room_affiliation(r, iq->stanza->from))
		e = xerr(XERR_NOT_ALLOWED); /* as with putting out (8.2) */
	if (xerr_ok(e))
		e = may_change(r, iq, COST_PRESENCE);
	if (xerr_ok(e) && s)
		unsubscribe(r, subscriber_jid(s), by_another);
	return e;
}

/* ---- who hears this room ---- */

static struct xerr list_of_room(struct iq *iq)
{
	struct room *r = room_of(iq);
	bool moderator = is_moderator(r, iq->stanza->from), jids = moderator || r->config.whois == WHOIS_ANYONE;
	const struct subscriber *s;
	struct xerr e = XERR_OK;

	if (!moderator && !subscriber_find(r, jid_bare_str(iq->stanza->from)))
		e = xerr(XERR_FORBIDDEN);
	if (xerr_ok(e))
		e = room_may_read(r, iq->stanza->from);
	if (!xerr_ok(e))
		return e;
	if (iq->session)
		iq->reply.max = LIST_MAX;
	core_spend(iq->core, subscribers_count(r) / 16);
	xml_put_open(&iq->reply, "subscriptions", NS_MUCSUB);
	buf_char(&iq->reply, '>');
	for (uint32_t pos = 0; (s = subscribers_next(r, &pos));)
		put_subscription(&iq->reply, jids ? subscriber_jid(s) : STR_NONE, str_z(s->nick), s->nodes);
	xml_put_close(&iq->reply, "subscriptions");
	room_charge_read(r, iq->stanza->from, &iq->reply);
	return XERR_OK;
}

/* ---- which rooms of the service somebody hears ---- */

struct lookup {
	struct wait wait;
	uint64_t host;
	struct stanza *request;
};

static void lookup_drop(struct wait *w)
{
	struct lookup *l = (struct lookup *)w;

	stanza_free(&l->request);
	xfree(l);
}

static void put_room(struct buf *out, const struct rooms *rs, struct str local, struct str nick, unsigned nodes)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};

	buf_str(&address, local);
	buf_char(&address, '@');
	buf_str(&address, jid_str(rs->host.entity.jid));
	put_subscription(out, buf_view(&address), nick, nodes);
}

static void put_stored(struct buf *out, const struct rooms *rs, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	while (store_rows_next(rows, &pos, &kind, v, &n))
		put_room(out, rs, v[0].s, v[1].s, (unsigned)v[2].i);
}

static void on_found(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	CLEANUP(buf_clear) struct buf reply = {.max = LIST_MAX};
	struct lookup *l = (struct lookup *)w;
	const struct rooms *rs = (const struct rooms *)entity_find(c, l->host);

	if (!rs || rows->error) {
		core_bounce(c, &l->request, xerr(XERR_RESOURCE_CONSTRAINT));
		xfree(l);
		return;
	}
	xml_put_open(&reply, "subscriptions", NS_MUCSUB);
	buf_char(&reply, '>');
	put_stored(&reply, rs, rows);
	xml_put_close(&reply, "subscriptions");
	if (buf_ok(&reply))
		iq_answer(c, &l->request, buf_view(&reply), 0);
	else
		core_bounce(c, &l->request, xerr(XERR_RESOURCE_CONSTRAINT));
	xfree(l);
}

static struct xerr list_of_account(struct iq *iq)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	struct store_query *q;

	l->wait.answer = on_found;
	l->wait.drop = lookup_drop;
	l->host = iq->entity->id;
	q = store_query_new(STORE_SUBSCRIPTIONS, core_wait(iq->core, &l->wait), jid_str(iq->entity->jid),
		jid_bare_str(iq->stanza->from));
	l->request = iq_defer(iq);
	core_ask(iq->core, &q);
	return XERR_OK;
}

struct xerr subscriptions_get(struct iq *iq) { return is_room(iq->entity) ? list_of_room(iq) : list_of_account(iq); }
