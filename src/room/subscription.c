#include "room/subscription.h"

#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { ID_MADE_UP = 16 };

/* ---- who ---- */

struct subscribers {
	struct map by_jid, by_key;
	uint32_t heard[SUB_NODES]; /* by how many */
};

static struct str jid_key(const void *item) { return subscriber_jid(item); }
static struct str nick_of(const void *item) { return str_z(((const struct subscriber *)item)->key); }

bool subscriptions_on(const struct entity *e)
{
	const struct room_config *c = &((const struct room *)e)->config;

	return c->allow_subscription && c->persistent;
}

uint32_t subscribers_count(const struct room *r) { return r->subscribers ? r->subscribers->by_jid.n : 0; }

uint32_t subscribers_hearing(const struct room *r, enum sub_node node)
{
	return r->subscribers ? r->subscribers->heard[node] : 0;
}

const struct subscriber *subscribers_next(const struct room *r, uint32_t *pos)
{
	return r->subscribers ? map_next(&r->subscribers->by_jid, pos) : NULL;
}

const struct subscriber *subscriber_find(const struct room *r, struct str bare)
{
	return r->subscribers ? map_find(&r->subscribers->by_jid, bare) : NULL;
}

const struct subscriber *subscriber_find_key(const struct room *r, struct str key)
{
	return r->subscribers ? map_find(&r->subscribers->by_key, key) : NULL;
}

/* Where nicknames are locked he is called as he is registered. */
static const char *called(const struct room *r, const struct subscriber *s)
{
	const struct nickname *own = nick_locked(r, jid_view(subscriber_jid(s)));

	return own ? own->nick : s->nick;
}

const struct subscriber *subscriber_find_nick(const struct room *r, struct str nick)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	const struct nickname *n;
	const struct subscriber *s;

	if (!r->subscribers || !nick.n || nick_key(nick, &key) < 0)
		return NULL;
	n = nicknames_find_key(&r->reserved, buf_view(&key));
	s = n ? subscriber_find(r, nickname_jid(n)) : subscriber_find_key(r, buf_view(&key));
	return s && str_is(nick, called(r, s)) ? s : NULL;
}

static void subscriber_free(struct subscriber *s)
{
	xfree(s->nick);
	xfree(s->key);
	xfree(s);
}

void subscribers_clear(struct room *r)
{
	struct subscriber *s;

	if (!r->subscribers)
		return;
	for (uint32_t pos = 0; (s = map_next(&r->subscribers->by_jid, &pos));)
		subscriber_free(s);
	map_clear(&r->subscribers->by_jid);
	map_clear(&r->subscribers->by_key);
	xfree(TAKE(r->subscribers));
}

static void count(struct subscribers *ss, const struct subscriber *s, bool more)
{
	for (unsigned i = 0; i < SUB_NODES; i++)
		if (s->nodes >> i & 1)
			ss->heard[i] += more ? 1 : (uint32_t)-1;
}

static struct subscriber *take(struct room *r, struct str bare)
{
	struct subscriber *s = r->subscribers ? map_remove(&r->subscribers->by_jid, bare) : NULL;

	if (!s)
		return NULL;
	map_remove(&r->subscribers->by_key, nick_of(s));
	count(r->subscribers, s, false);
	return s;
}

static void forget(struct room *r, struct str bare)
{
	struct subscriber *s = take(r, bare);

	if (s)
		subscriber_free(s);
}

static void table_make(struct room *r)
{
	if (r->subscribers)
		return;
	r->subscribers = xcalloc(1, sizeof(*r->subscribers));
	map_init(&r->subscribers->by_jid, jid_key, SUBSCRIBERS_MAX);
	map_init(&r->subscribers->by_key, nick_of, SUBSCRIBERS_MAX);
}

int subscriber_put(struct room *r, struct str bare, struct str nick, struct str key, unsigned nodes)
{
	const struct subscriber *taken = subscriber_find_key(r, key);
	struct subscriber *s;

	if (taken && !str_eq(subscriber_jid(taken), bare))
		return ERR_EXISTS;
	if (!subscriber_find(r, bare) && subscribers_count(r) >= SUBSCRIBERS_MAX)
		return ERR_LIMIT;
	table_make(r);
	/* Made before the old one goes: what is given may be views of that. */
	s = xcalloc(1, sizeof(*s) + bare.n);
	s->nick = str_dup(nick);
	s->key = str_dup(key);
	s->nodes = (uint8_t)nodes;
	s->jid_n = (uint16_t)bare.n;
	memcpy(s->jid, bare.p, bare.n);
	forget(r, subscriber_jid(s));
	must(map_add(&r->subscribers->by_jid, s) == 0);
	must(map_add(&r->subscribers->by_key, s) == 0);
	count(r->subscribers, s, true);
	return 0;
}

static bool may_hear(const struct room *r, struct jid who)
{
	enum affiliation a = room_affiliation(r, who);

	return may(MAY_ENTER, ROLE_NONE, a) && (!r->config.members_only || may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, a));
}

static enum role role_outside(const struct room *r, struct jid who)
{
	return role_of_newcomer(r, who, room_affiliation(r, who));
}

/* ---- events ---- */

static struct packet *event_packet(const struct room *r, enum sub_node node, struct str id, struct str payload,
	enum sub_worth worth)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = worth == WORTH_LITTLE ? TYPE_HEADLINE : TYPE_NORMAL,
		.from = room_address(r),
		.id = id};
	struct packet_writer w;

	packet_begin(&w, &head);
	buf_fmt(&w.out, "<event xmlns='" NS_PUBSUB_EVENT "'><items node='%s'><item", sub_node_name(node));
	xml_put_attr(&w.out, "id", id);
	buf_char(&w.out, '>');
	buf_str(&w.out, payload);
	buf_z(&w.out, "</item></items></event>");
	if (worth == WORTH_NOW)
		buf_z(&w.out, "<no-store xmlns='" NS_HINTS "'/>");
	return packet_end(&w);
}

/* By a session that has a connection. */
static bool is_here(const struct room *r, struct jid who)
{
	for (const struct occupant *o = occupant_find_real(r, who); o; o = o->twin)
		for (const struct visit *v = o->visits; v; v = v->next) {
			struct session *s = v->handle ? session_find(room_core(r), v->handle) : NULL;

			if (!v->handle || (s && s->state == SESSION_OPEN))
				return true;
		}
	return false;
}

static bool reads(const struct room *r, struct jid who, enum sub_reader reader)
{
	return reader == READ_BY_ALL || (role_outside(r, who) == ROLE_MODERATOR) == (reader == READ_BY_MODERATORS);
}

struct event {
	enum sub_node node;
	enum sub_reader reader;
	uint64_t commit;
	const struct subscriber *not_him;
	bool for_all; /* whatever they want to hear */
};

static bool hears(const struct room *r, const struct subscriber *s, const struct event *e)
{
	struct jid who = jid_view(subscriber_jid(s));

	return s != e->not_him && (e->for_all || s->nodes >> e->node & 1) && may_hear(r, who) &&
		reads(r, who, e->reader) && !is_here(r, who);
}

static void send_one(struct room *r, const struct stanza *model, struct str bare, uint64_t commit)
{
	struct stanza *one = stanza_copy(model, jid_view(bare));

	one->commit = commit;
	core_send(room_core(r), &one);
}

/* Takes *p (NULL: nothing). */
static void send_packet(struct room *r, struct packet **p, struct str bare)
{
	struct stanza *s;

	if (*p && packet_parse(*p, jid_view(bare), &s) == 0) {
		s->commit = r->commit;
		core_send(room_core(r), &s);
	}
	packet_unref(p);
}

void subscriber_send(struct room *r, const struct subscriber *s, struct packet **p)
{
	send_packet(r, p, subscriber_jid(s));
}

/* Read once, however many they are. Takes *p. */
static void send_event(struct room *r, struct packet **p, const struct event *e)
{
	struct stanza *model = NULL;
	const struct subscriber *s;
	uint32_t n = 0;

	for (uint32_t pos = 0; *p && (s = subscribers_next(r, &pos));) {
		if (!hears(r, s, e) || (!model && packet_parse(*p, JID_NONE, &model) != 0))
			continue;
		send_one(r, model, subscriber_jid(s), e->commit);
		n++;
	}
	core_spend(room_core(r), n + subscribers_count(r) / 16);
	stanza_free(&model);
	packet_unref(p);
}

/* The number that the room gave it, or a word that nothing else has. */
static void put_id(const struct room *r, const struct packet *p, char *ret, size_t n)
{
	struct stanza *s = NULL;
	uint32_t i = XML_NONE;
	struct str id = STR_NONE;

	if (p->kind == STANZA_MESSAGE && packet_parse(p, JID_NONE, &s) == 0)
		i = stanza_child(s, "stanza-id", NS_STANZA_ID);
	for (; i != XML_NONE && !id.p; i = xml_next(&s->tree, XML_ROOT, i))
		if (xml_is(&s->tree, i, "stanza-id", NS_STANZA_ID) &&
			str_eq(xml_attr(&s->tree, i, "by"), room_address(r)))
			id = xml_attr(&s->tree, i, "id");
	if (id.n && id.n < n)
		snprintf(ret, n, "%.*s", STR_FMT(id));
	else
		rand_token(ret, ID_MADE_UP);
	stanza_free(&s);
}

static void tell(struct room *r, const struct event *e, const struct packet *p, enum sub_worth worth)
{
	CLEANUP(buf_clear) struct buf inner = {.max = 1 << 22};
	struct packet *event;
	char id[32];

	put_id(r, p, id, sizeof(id));
	packet_put_inner(&inner, packet_view(p), p->hole);
	event = buf_ok(&inner) ? event_packet(r, e->node, str_z(id), buf_view(&inner), worth) : NULL;
	send_event(r, &event, e);
}

void subscribers_tell(struct room *r, enum sub_node node, enum sub_reader reader, const struct packet *p,
	enum sub_worth worth, uint64_t commit)
{
	if (p && subscribers_hearing(r, node) && !subscribers_overtaxed(r, node, p))
		tell(r, &(struct event){.node = node, .reader = reader, .commit = commit}, p, worth);
}

void subscribers_tell_all(struct room *r, enum sub_node node, const struct packet *p)
{
	if (p && subscribers_count(r))
		tell(r, &(struct event){.node = node, .commit = r->commit, .for_all = true}, p, WORTH_KEEPING);
}

bool subscribers_overtaxed(const struct room *r, enum sub_node node, const struct packet *p)
{
	return (uint64_t)subscribers_hearing(r, node) * packet_view(p).n > EVENT_BYTES_MAX;
}

/* That somebody subscribed, or does not any more. */
static struct packet *subscriber_packet(const struct room *r, const struct subscriber *s, const char *element, bool jid,
	enum sub_worth worth)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16 * JID_MAX};
	char id[ID_MADE_UP + 1];

	xml_put_open(&text, element, NS_MUCSUB);
	if (jid)
		xml_put_attr(&text, "jid", subscriber_jid(s));
	xml_put_attr(&text, "nick", str_z(s->nick));
	buf_z(&text, "/>");
	rand_token(id, ID_MADE_UP);
	return event_packet(r, SUB_SUBSCRIBERS, str_z(id), buf_view(&text), worth);
}

static void tell_of_subscriber(struct room *r, const struct subscriber *s, const char *element)
{
	bool anyone = r->config.whois == WHOIS_ANYONE;
	struct event e = {SUB_SUBSCRIBERS, anyone ? READ_BY_ALL : READ_BY_MODERATORS, r->commit, s, false};
	struct packet *p;

	if (!subscribers_hearing(r, SUB_SUBSCRIBERS))
		return;
	p = subscriber_packet(r, s, element, true, WORTH_NOW);
	send_event(r, &p, &e);
	if (anyone)
		return;
	e.reader = READ_BY_OTHERS;
	p = subscriber_packet(r, s, element, false, WORTH_NOW);
	send_event(r, &p, &e);
}

/* Whoever was subscribed by the service, or is not any more, hears so by the same event as those who hear of subscribers. */
static void tell_himself(struct room *r, const struct subscriber *s, const char *element)
{
	struct packet *p = subscriber_packet(r, s, element, true, WORTH_KEEPING);

	send_packet(r, &p, subscriber_jid(s));
}

/* ---- beginning and ending ---- */

static void store(struct room *r, struct str bare)
{
	const struct subscriber *s = subscriber_find(r, bare);

	if (!r->config.persistent) /* it was, and its rows went with it */
		return;
	store_put(core_batch(room_core(r)), STORE_SUBSCRIBER_PUT, jid_domain(r->entity.jid), jid_local(r->entity.jid),
		bare, s ? str_z(s->nick) : STR_NONE, (int64_t)(s ? s->nodes : 0));
	r->commit = core_commit(room_core(r));
	room_seen(r);
}

/* While the numbers are read from the store this one is read again, with what is written now. */
static void count_room(struct room *r, struct str bare, int32_t n)
{
	struct rooms *rs = rooms_of(r);

	if (rs->loaded)
		subscribed_add(&rs->subscribed, bare, n);
	else
		rs->stale = true;
}

int subscribe(struct room *r, struct str bare, struct str nick, struct str key, unsigned nodes, bool told)
{
	const struct subscriber *before = subscriber_find(r, bare);
	bool new = !before, renamed = new || !str_eq(str_z(before->nick), nick);
	int err = subscriber_put(r, bare, nick, key, nodes);

	if (err < 0)
		return err;
	if (new)
		count_room(r, bare, 1);
	store(r, bare);
	if (renamed)
		tell_of_subscriber(r, subscriber_find(r, bare), "subscribe");
	if (told)
		tell_himself(r, subscriber_find(r, bare), "subscribe");
	return 0;
}

static void end_one(struct room *r, struct str bare, bool told, bool quiet)
{
	struct subscriber *s = take(r, bare);

	if (!s)
		return;
	count_room(r, subscriber_jid(s), -1);
	store(r, subscriber_jid(s));
	if (!quiet)
		tell_of_subscriber(r, s, "unsubscribe");
	if (told)
		tell_himself(r, s, "unsubscribe");
	subscriber_free(s);
	if (!subscribers_count(r))
		subscribers_clear(r);
}

void unsubscribe(struct room *r, struct str bare, bool told) { end_one(r, bare, told, false); }

static bool is_meant(const struct subscriber *s, struct str who)
{
	struct jid jid = jid_view(subscriber_jid(s));

	return !who.p || str_eq(who, subscriber_jid(s)) || str_eq(who, jid_domain(jid));
}

static bool never(const struct room *r, struct jid who) { return false; }

static bool sets_passwords(const struct room *r, struct jid who)
{
	return room_affiliation(r, who) >= AFFILIATION_ADMIN;
}

/* Found first, then ended: the map moves. Of many at once nobody else is told: that would be a word of each to each. */
static void end_some(struct room *r, struct str who, bool (*stays)(const struct room *r, struct jid who))
{
	uint32_t n = 0, max = subscribers_count(r);
	char **gone = max ? xcalloc(max, sizeof(*gone)) : NULL;
	const struct subscriber *s;

	for (uint32_t pos = 0; (s = subscribers_next(r, &pos));)
		if (is_meant(s, who) && !stays(r, jid_view(subscriber_jid(s))))
			gone[n++] = str_dup(subscriber_jid(s));
	for (uint32_t i = 0; i < n; i++) {
		end_one(r, str_z(gone[i]), true, n > TOLD_OF_MAX);
		xfree(gone[i]);
	}
	core_spend(room_core(r), max / 8 + n);
	xfree(gone);
}

void subscriptions_check(struct room *r, struct str who)
{
	if (!subscribers_count(r))
		return;
	if (!who.p || !jid_view(who).local)
		end_some(r, who, may_hear);
	else if (!may_hear(r, jid_view(who)))
		unsubscribe(r, who, true);
}

void subscriptions_end(struct room *r) { end_some(r, STR_NONE, never); }
void subscriptions_new_password(struct room *r) { end_some(r, STR_NONE, sets_passwords); }

/* As ejabberd does it: under the nickname that he would have inside. */
static struct packet *end_packet(const struct room *r, const struct subscriber *s, struct str destroy)
{
	CLEANUP(buf_clear) struct buf text = {.max = 32 * JID_MAX};
	char id[ID_MADE_UP + 1];

	xml_put_open(&text, "presence", NS_CLIENT);
	buf_z(&text, " type='unavailable' from='");
	xml_escape(&text, room_address(r));
	buf_char(&text, '/');
	xml_escape(&text, str_z(called(r, s)));
	buf_z(&text, "'><x xmlns='" NS_MUC_USER "'><item affiliation='none' role='none'/>");
	buf_str(&text, destroy);
	buf_z(&text, "</x></presence>");
	rand_token(id, ID_MADE_UP);
	return buf_ok(&text) ? event_packet(r, SUB_CONFIG, str_z(id), buf_view(&text), WORTH_KEEPING) : NULL;
}

void subscribers_end(struct room *r, struct str destroy)
{
	const struct subscriber *s;

	core_spend(room_core(r), subscribers_count(r));
	for (uint32_t pos = 0; (s = subscribers_next(r, &pos));) {
		struct packet *p = is_here(r, jid_view(subscriber_jid(s))) ? NULL : end_packet(r, s, destroy);

		send_packet(r, &p, subscriber_jid(s));
		count_room(r, subscriber_jid(s), -1);
	}
	subscribers_clear(r);
}

/* ---- errors ---- */

/* Full stores for who is away are no error (user/offline.h), so of an account here there is one reason alone. */
static bool is_gone(const struct room *r, const struct stanza *s)
{
	const struct host *h = core_find_host(room_core(r), jid_domain(s->from));
	uint32_t error = stanza_child(s, "error", NS_CLIENT),
		 i = error == XML_NONE ? XML_NONE : xml_child(&s->tree, error, NULL, NS_STANZAS);
	struct str name = i == XML_NONE ? STR_NONE : xml_name(&s->tree, i);

	return str_is(name, "item-not-found") || str_is(name, "gone") ||
		(h && h->kind == HOST_USERS && str_is(name, "service-unavailable"));
}

bool subscription_on_error(struct room *r, const struct stanza *s)
{
	if (s->from.resource || s->to.resource || !subscriber_find(r, jid_str(s->from)) || !is_gone(r, s))
		return false;
	if (!core_can_store(room_core(r)))
		return false; /* with the next one */
	unsubscribe(r, jid_str(s->from), false);
	return true;
}

/* ---- speaking from outside ---- */

enum role subscriber_role(const struct room *r, const struct subscriber *s)
{
	return role_outside(r, jid_view(subscriber_jid(s)));
}

bool subscriber_stand_in(struct room *r, struct jid who, struct stand_in *ret)
{
	const struct subscriber *s = jid_some(who) ? subscriber_find(r, jid_bare_str(who)) : NULL;
	int n;

	if (!s || !subscriptions_on(&r->entity) || !may_hear(r, who))
		return false;
	*ret = (struct stand_in){.visit = {.at = NOWHERE, .jid = who}};
	n = snprintf(ret->address, sizeof(ret->address), "%.*s/%s", STR_FMT(room_address(r)), called(r, s));
	must(n > 0 && (size_t)n < sizeof(ret->address));
	ret->visit.occupant = &ret->occupant;
	ret->occupant.visits = &ret->visit;
	ret->occupant.visit_count = 1;
	ret->occupant.address = jid_view((struct str){ret->address, (size_t)n});
	ret->occupant.affiliation = room_affiliation(r, who);
	ret->occupant.role = role_outside(r, who);
	occupant_id_of(r, who, ret->occupant.id);
	return true;
}

/* ---- how many rooms an account hears ---- */

struct subscribed {
	uint32_t n;
	uint16_t jid_n;
	char jid[];
};

static struct str subscribed_key(const void *item)
{
	const struct subscribed *s = item;

	return (struct str){s->jid, s->jid_n};
}

void subscribed_init(struct map *m) { map_init(m, subscribed_key, UINT32_MAX / 4); }

void subscribed_clear(struct map *m)
{
	struct subscribed *s;

	for (uint32_t pos = 0; (s = map_next(m, &pos));)
		xfree(s);
	map_clear(m);
}

uint32_t subscribed_get(const struct map *m, struct str bare)
{
	const struct subscribed *s = map_find(m, bare);

	return s ? s->n : 0;
}

void subscribed_add(struct map *m, struct str bare, int32_t n)
{
	struct subscribed *s = map_find(m, bare);

	if (!s && n > 0) {
		s = xcalloc(1, sizeof(*s) + bare.n);
		s->jid_n = (uint16_t)bare.n;
		memcpy(s->jid, bare.p, bare.n);
		must(map_add(m, s) == 0);
	}
	if (!s)
		return;
	s->n = n < 0 && s->n < (uint32_t)-n ? 0 : s->n + (uint32_t)n;
	if (!s->n)
		xfree(map_remove(m, bare));
}
