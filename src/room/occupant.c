#include "room/occupant.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "room/rooms_i.h"
#include "xmpp/ns.h"

/* ---- the audience ---- */

static void put(struct audience *a, uint32_t at, struct visit *v)
{
	a->visits[at] = v;
	a->handles[at] = v->handle;
	v->at = at;
}

void audience_add(struct audience *a, struct visit *v, bool moderator)
{
	must(v->at == NOWHERE);
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 2; /* most rooms are small */
		a->handles = xrealloc(a->handles, a->cap * sizeof(*a->handles));
		a->visits = xrealloc(a->visits, a->cap * sizeof(*a->visits));
	}
	put(a, a->n++, v);
	if (!moderator)
		return;
	/* It changes places with the first who is none. */
	put(a, a->n - 1, a->visits[a->moderators]);
	put(a, a->moderators++, v);
}

void audience_remove(struct audience *a, struct visit *v)
{
	uint32_t hole = v->at;

	if (hole == NOWHERE)
		return;
	if (hole < a->moderators) {
		put(a, hole, a->visits[--a->moderators]);
		hole = a->moderators;
	}
	if (hole != --a->n)
		put(a, hole, a->visits[a->n]);
	v->at = NOWHERE;
}

void audience_clear(struct audience *a)
{
	xfree(a->handles);
	xfree(a->visits);
	*a = (struct audience){0};
}

/* ---- occupants ---- */

static struct jid address_new(const struct room *r, struct str nick)
{
	struct str bare = room_address(r);
	char text[2 * JID_PART_MAX + 2 + NICK_MAX];

	must(nick.n > 0 && nick.n <= NICK_MAX && bare.n + 1 + nick.n <= sizeof(text));
	memcpy(text, bare.p, bare.n);
	text[bare.n] = '/';
	memcpy(text + bare.n + 1, nick.p, nick.n);
	return jid_dup(jid_view((struct str){text, bare.n + 1 + nick.n}));
}

static void set_nick(struct room *r, struct occupant *o, struct str nick, struct str key)
{
	o->address = address_new(r, nick);
	o->key = str_dup(key);
	must(key.n <= UINT16_MAX);
	o->key_n = (uint16_t)key.n;
	must(map_add(&r->nicks, o) == 0);
}

/* Nobody can tell the address from it, nor whether two rooms have the same one. */
void occupant_id_of(const struct room *r, struct jid real, char ret[OCCUPANT_ID + 1])
{
	CLEANUP(buf_clear) struct buf text = {.max = 64};
	uint8_t digest[HASH_MAX];

	hash_hmac(HASH_SHA256, str_z(r->config.occupant_key), jid_bare_str(real), digest);
	b32_encode(&text, digest, OCCUPANT_ID * 5 / 8);
	must(text.n == OCCUPANT_ID);
	memcpy(ret, text.p, OCCUPANT_ID);
	ret[OCCUPANT_ID] = '\0';
}

void occupant_put_some_id(struct buf *out, const char *id)
{
	buf_fmt(out, "<occupant-id xmlns='" NS_OCCUPANT_ID "' id='%s'/>", id);
}

void occupant_put_id(struct buf *out, const struct occupant *o) { occupant_put_some_id(out, o->id); }

struct occupant *occupant_new(struct room *r, struct str nick, struct str key, struct jid real)
{
	struct occupant *o = xcalloc(1, sizeof(*o));

	occupant_id_of(r, real, o->id);
	set_nick(r, o, nick, key);
	return o;
}

void occupant_rename(struct room *r, struct occupant *o, struct str nick, struct str key)
{
	struct jid old = o->address;
	char *old_key = o->key;

	map_remove(&r->nicks, (struct str){o->key, o->key_n});
	set_nick(r, o, nick, key); /* nick and key may be views of the old ones */
	jid_free(&old);
	xfree(old_key);
	occupant_changed(o);
}

/* ---- by bare address ---- */

struct occupant *occupant_find_real(const struct room *r, struct jid real)
{
	return map_find(&r->people, jid_bare_str(real));
}

static void add_person(struct room *r, struct occupant *o)
{
	struct occupant *first = occupant_find_real(r, occupant_real(o));

	if (first) {
		o->twin = first->twin;
		first->twin = o;
		return;
	}
	must(map_add(&r->people, o) == 0);
	nicknames_mark(&r->reserved, jid_bare_str(occupant_real(o)), true);
}

static void remove_person(struct room *r, struct occupant *o)
{
	struct occupant *first = occupant_find_real(r, occupant_real(o)), *before = first;

	if (first != o) {
		while (before->twin != o)
			before = before->twin;
		before->twin = o->twin;
		return;
	}
	map_remove(&r->people, jid_bare_str(occupant_real(o)));
	if (o->twin)
		must(map_add(&r->people, o->twin) == 0);
	else
		nicknames_mark(&r->reserved, jid_bare_str(occupant_real(o)), false);
}

/* When nothing knows it any more. */
static void discard_visit(struct visit *v)
{
	list_remove(&v->remote);
	jid_free(&v->jid);
	xfree(v->show);
	xfree(v);
}

static void discard_occupant(struct occupant *o)
{
	while (o->visits) {
		struct visit *v = o->visits;
		o->visits = v->next;
		discard_visit(v);
	}
	occupant_changed(o);
	jid_free(&o->address);
	xfree(o->key);
	xfree(o);
}

void occupant_free(struct room *r, struct occupant **occupant)
{
	struct occupant *o = TAKE(*occupant);

	if (!o)
		return;
	for (struct visit *v = o->visits; v; v = v->next) {
		audience_remove(&r->audience, v);
		map_remove(&r->visits, jid_str(v->jid));
	}
	map_remove(&r->nicks, (struct str){o->key, o->key_n});
	remove_person(r, o);
	discard_occupant(o);
}

void occupants_clear(struct room *r)
{
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		discard_occupant(o);
	map_clear(&r->nicks);
	map_clear(&r->visits);
	map_clear(&r->people);
	audience_clear(&r->audience);
}

struct occupant *occupant_find_key(const struct room *r, struct str key) { return map_find(&r->nicks, key); }

struct occupant *occupant_find(const struct room *r, struct str nick)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	struct occupant *o;

	if (!nick.n || nick_key(nick, &key) < 0)
		return NULL;
	o = occupant_find_key(r, buf_view(&key));
	return o && str_eq(occupant_nick(o), nick) ? o : NULL;
}

void occupant_changed(struct occupant *o)
{
	for (int i = 0; i < VIEW_COUNT; i++)
		packet_unref(&o->views[i]);
}

void occupant_reseat(struct room *r, struct occupant *o)
{
	for (struct visit *v = o->visits; v; v = v->next) {
		if (v->at == NOWHERE)
			continue;
		audience_remove(&r->audience, v);
		audience_add(&r->audience, v, o->role == ROLE_MODERATOR);
	}
}

/* ---- visits ---- */

struct visit *visit_new(struct room *r, struct occupant *o, struct jid real, uint64_t handle)
{
	struct visit *v = xcalloc(1, sizeof(*v));

	v->occupant = o;
	v->handle = handle;
	v->at = NOWHERE;
	v->jid = jid_dup(real);
	v->next = o->visits;
	o->visits = v;
	if (o->visit_count++ == 0)
		add_person(r, o);
	occupant_changed(o);
	must(map_add(&r->visits, v) == 0);
	return v;
}

static void unlink_visit(struct visit *v)
{
	struct visit **at = &v->occupant->visits;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	v->next = NULL;
}

void visit_free(struct room *r, struct visit **visit)
{
	struct visit *v = TAKE(*visit);

	if (!v)
		return;
	if (v->occupant->visits == v)
		occupant_changed(v->occupant);
	unlink_visit(v);
	v->occupant->visit_count--;
	audience_remove(&r->audience, v);
	map_remove(&r->visits, jid_str(v->jid));
	discard_visit(v);
}

void visit_seat(struct room *r, struct visit *v)
{
	if (v->handle)
		audience_add(&r->audience, v, v->occupant->role == ROLE_MODERATOR);
	else
		list_append(&r->remote, &v->remote);
}

struct visit *visit_find(const struct room *r, struct jid real)
{
	return jid_some(real) ? map_find(&r->visits, jid_str(real)) : NULL;
}

/* ---- what a presence shows ---- */

static bool is_ours(const struct stanza *s, uint32_t child)
{
	struct str ns = xml_ns(&s->tree, child);

	return str_is(ns, NS_MUC) || str_is(ns, NS_MUC_USER) || str_is(ns, NS_DELAY) || str_is(ns, NS_STANZA_ID) ||
		str_is(ns, NS_OCCUPANT_ID) || str_is(ns, NS_HATS);
}

struct str show_of(const struct stanza *presence, struct packet_writer *w)
{
	struct packet_head head = {.kind = STANZA_PRESENCE, .type = TYPE_AVAILABLE};

	packet_begin(w, &head);
	packet_put_payload(w, presence, is_ours);
	return (struct str){w->out.p + w->tag, w->out.n - w->tag};
}

bool show_fits(const struct stanza *presence) { return xml_inner(&presence->tree, XML_ROOT).n <= SHOW_MAX; }

static void to_front(struct visit *v)
{
	struct occupant *o = v->occupant;

	if (o->visits == v)
		return;
	unlink_visit(v);
	v->next = o->visits;
	o->visits = v;
}

bool visit_show(struct visit *v, const struct stanza *presence)
{
	struct packet_writer w;
	struct str show = show_of(presence, &w);
	bool same = v->occupant->visits == v && str_eq(show, (struct str){v->show, v->show_n});

	if (!same) {
		xfree(v->show);
		v->show = show.n ? str_dup(show) : NULL;
		v->show_n = (uint32_t)show.n; /* at most SHOW_MAX */
		to_front(v);
		occupant_changed(v->occupant);
	}
	buf_clear(&w.out);
	return !same;
}

bool visit_update(const struct room *r, struct visit *v, const struct stanza *presence)
{
	const struct occupant *o = v->occupant;

	return may_here(&r->config, MAY_CHANGE_STATUS, o->role, o->affiliation) && visit_show(v, presence);
}
