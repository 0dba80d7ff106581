#include "user/roster.h"

#include "base/err.h"
#include "user/resource.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

static struct str contact_key(const void *item) { return contact_jid_str(item); }

static struct str request_key(const void *item)
{
	const struct request *r = item;

	return (struct str){r->jid, r->jid_n};
}

static struct map *lazy_map(struct map **m, struct str (*key)(const void *item))
{
	if (!*m) {
		*m = xmalloc(sizeof(**m));
		map_init(*m, key, UINT32_MAX);
	}
	return *m;
}

static void drop_if_empty(struct map **m)
{
	if (!*m || (*m)->n > 0)
		return;
	map_clear(*m);
	xfree(TAKE(*m));
}

static void request_free(struct request *r)
{
	packet_unref(&r->packet);
	xfree(r);
}

void roster_clear(struct roster *r)
{
	void *item;

	for (uint32_t pos = 0; r->contacts && (item = map_next(r->contacts, &pos));)
		xfree(item);
	for (uint32_t pos = 0; r->requests && (item = map_next(r->requests, &pos));)
		request_free(item);
	if (r->contacts)
		map_clear(r->contacts);
	if (r->requests)
		map_clear(r->requests);
	xfree(r->contacts);
	xfree(r->requests);
	*r = (struct roster){0};
}

/* ---- contacts ---- */

const struct contact *roster_find(const struct roster *r, struct jid jid)
{
	return r->contacts ? map_find(r->contacts, jid_bare_str(jid)) : NULL;
}

const struct contact *roster_next(const struct roster *r, uint32_t *pos)
{
	return r->contacts ? map_next(r->contacts, pos) : NULL;
}

uint32_t roster_count(const struct roster *r) { return r->contacts ? r->contacts->n : 0; }

static uint32_t text_size(const struct contact *c) { return (uint32_t)c->jid_n + c->name_n + c->groups_n; }

/* Replaces what is there. */
static void link_contact(struct roster *r, struct contact *c)
{
	struct map *m = lazy_map(&r->contacts, contact_key);
	struct contact *old = map_remove(m, contact_jid_str(c));

	if (old) {
		r->text -= text_size(old);
		xfree(old);
	}
	must(map_add(m, c) == 0);
	r->text += text_size(c);
}

static char *put_text(char *at, struct str s)
{
	if (s.n)
		memcpy(at, s.p, s.n);
	return at + s.n;
}

static struct contact *contact_new(const struct contact_change *ch, uint32_t version)
{
	struct str jid = jid_bare_str(ch->jid);
	struct contact *c = xmalloc(sizeof(*c) + jid.n + ch->name.n + ch->groups.n);

	c->version = version;
	c->sub = ch->sub;
	c->ask = ch->ask;
	c->approved = ch->approved;
	c->jid_n = (uint16_t)jid.n;
	c->name_n = (uint16_t)ch->name.n;
	c->groups_n = (uint16_t)ch->groups.n;
	put_text(put_text(put_text(c->text, jid), ch->name), ch->groups);
	return c;
}

struct contact_change roster_begin(const struct roster *r, struct jid jid)
{
	const struct contact *c = roster_find(r, jid);

	if (!c)
		return (struct contact_change){.jid = jid_bare(jid)};
	return (struct contact_change){
		.jid = contact_jid(c),
		.name = contact_name(c),
		.groups = contact_groups(c),
		.sub = c->sub,
		.ask = c->ask,
		.approved = c->approved,
	};
}

static struct str or_null(struct str s) { return s.n ? s : STR_NONE; }

int roster_set(struct account *a, const struct contact_change *ch)
{
	struct roster *r = &a->roster;
	const struct contact *old = roster_find(r, ch->jid);
	uint64_t text = r->text - (old ? text_size(old) : 0) + jid_bare_len(ch->jid) + ch->name.n + ch->groups.n;

	must(ch->name.n <= ROSTER_NAME_MAX && ch->groups.n <= ROSTER_GROUPS_MAX);
	if ((!old && roster_count(r) >= users_of(a)->config.roster_max) || text > ROSTER_TEXT_MAX)
		return ERR_LIMIT;
	link_contact(r, contact_new(ch, ++r->version)); /* *ch may have pointed into the old one */
	return 0;
}

int roster_put(struct account *a, const struct contact_change *ch)
{
	char *jid = str_dup(jid_bare_str(ch->jid)); /* see above */
	int err = roster_set(a, ch);
	const struct contact *c;

	if (!err) {
		c = roster_find(&a->roster, jid_view(str_z(jid)));
		store_put(core_batch(a->entity.core), STORE_ROSTER_PUT, jid_domain(a->entity.jid),
			jid_local(a->entity.jid), contact_jid_str(c), or_null(contact_name(c)), (int64_t)c->sub,
			(int64_t)c->ask, (int64_t)c->approved, or_null(contact_groups(c)), (int64_t)c->version);
	}
	xfree(jid);
	return err;
}

void roster_drop(struct roster *r, struct jid jid)
{
	struct contact *c = r->contacts ? map_remove(r->contacts, jid_bare_str(jid)) : NULL;

	if (!c)
		return;
	r->text -= text_size(c);
	r->floor = ++r->version;
	xfree(c);
	drop_if_empty(&r->contacts);
}

int roster_unset(struct account *a, struct jid jid)
{
	if (!roster_find(&a->roster, jid))
		return ERR_NOTFOUND;
	roster_drop(&a->roster, jid);
	return 0;
}

int roster_remove(struct account *a, struct jid jid)
{
	CLEANUP(buf_clear) struct buf bare = {.max = JID_MAX};

	buf_str(&bare, jid_bare_str(jid)); /* of the entry itself, perhaps */
	if (roster_unset(a, jid) != 0)
		return ERR_NOTFOUND;
	store_put(core_batch(a->entity.core), STORE_ROSTER_DEL, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		buf_view(&bare), (int64_t)a->roster.version);
	return 0;
}

void roster_keep(struct roster *r, const struct contact_change *ch) { link_contact(r, contact_new(ch, ++r->version)); }

void roster_copy(struct roster *r, const struct roster *from)
{
	const struct contact *c;

	for (uint32_t pos = 0; (c = roster_next(from, &pos));) {
		struct contact_change ch = roster_begin(from, contact_jid(c));

		roster_keep(r, &ch);
	}
}

void roster_load_contact(struct roster *r, const struct store_value *v)
{
	struct contact_change ch = {
		.jid = jid_view(v[0].s),
		.name = v[1].s,
		.groups = v[5].s,
		.sub = (uint8_t)(v[2].i & (SUB_TO | SUB_FROM)),
		.ask = v[3].i != 0,
		.approved = v[4].i != 0,
	};

	link_contact(r, contact_new(&ch, (uint32_t)v[6].i));
}

/* ---- requests ---- */

const struct request *roster_find_request(const struct roster *r, struct jid from)
{
	return r->requests ? map_find(r->requests, jid_bare_str(from)) : NULL;
}

const struct request *roster_next_request(const struct roster *r, uint32_t *pos)
{
	return r->requests ? map_next(r->requests, pos) : NULL;
}

static struct request *request_new(struct jid from, struct packet **p)
{
	struct str jid = jid_bare_str(from);
	struct request *q = xmalloc(sizeof(*q) + jid.n);

	q->packet = TAKE(*p);
	q->jid_n = (uint16_t)jid.n;
	memcpy(q->jid, jid.p, jid.n);
	return q;
}

static struct packet *request_packet(const struct stanza *s, struct jid from, struct jid to, bool whole)
{
	struct packet_writer w;
	struct packet_head head;

	packet_head_of(s, &head);
	head.from = jid_bare_str(from);
	head.to = jid_bare_str(to);
	if (!whole)
		head.id = head.lang = STR_NONE;
	packet_begin(&w, &head);
	if (whole)
		packet_put_payload(&w, s, NULL);
	return packet_end(&w);
}

int roster_put_request(struct account *a, const struct stanza *s)
{
	struct roster *r = &a->roster;
	struct map *m = lazy_map(&r->requests, request_key);
	struct packet *p;
	struct request *q;

	if (m->n >= ROSTER_REQUESTS_MAX) {
		return ERR_LIMIT;
	}
	p = request_packet(s, s->from, a->entity.jid, true);
	if (p && packet_view(p).n > ROSTER_REQUEST_SIZE_MAX)
		packet_unref(&p);
	if (!p)
		p = request_packet(s, s->from, a->entity.jid, false);
	must(p);
	q = request_new(s->from, &p);
	must(map_add(m, q) == 0);
	store_put(core_batch(a->entity.core), STORE_REQUEST_PUT, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		request_key(q), packet_view(q->packet));
	return 0;
}

void roster_remove_request(struct account *a, struct jid from)
{
	struct roster *r = &a->roster;
	struct request *q = r->requests ? map_remove(r->requests, jid_bare_str(from)) : NULL;

	if (!q)
		return;
	store_put(core_batch(a->entity.core), STORE_REQUEST_DEL, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		request_key(q));
	request_free(q);
	drop_if_empty(&r->requests);
}

void roster_load_request(struct roster *r, const struct store_value *v)
{
	struct stanza *s;
	struct packet *p = NULL;
	struct request *q;

	/* What we cannot read back would be asked for again by its sender. */
	if (stanza_parse(v[1].s, &s) != 0)
		return;
	if (jid_some(s->to)) {
		struct str to = jid_str(s->to);
		p = packet_from(s, &to);
	}
	stanza_free(&s);
	if (!p)
		return;
	q = request_new(jid_view(v[0].s), &p);
	if (map_add(lazy_map(&r->requests, request_key), q) != 0)
		request_free(q);
}

/* ---- as XML ---- */

static const char *const sub_names[] = {"none", "to", "from", "both"};

void roster_write_item(struct buf *out, const struct contact *c)
{
	struct str groups = contact_groups(c);

	buf_z(out, "<item");
	xml_put_attr(out, "jid", contact_jid_str(c));
	if (c->name_n)
		xml_put_attr(out, "name", contact_name(c));
	xml_put_attr(out, "subscription", str_z(sub_names[c->sub]));
	if (c->ask)
		xml_put_attr(out, "ask", STR("subscribe"));
	if (c->approved)
		xml_put_attr(out, "approved", STR("true"));
	if (!groups.n) {
		buf_z(out, "/>");
		return;
	}
	buf_char(out, '>');
	while (groups.p)
		xml_put_text(out, "group", str_cut(&groups, '\n'));
	buf_z(out, "</item>");
}

void roster_write_removed(struct buf *out, struct jid jid)
{
	buf_z(out, "<item");
	xml_put_attr(out, "jid", jid_bare_str(jid));
	buf_z(out, " subscription='remove'/>");
}

void roster_write_version(struct buf *out, const struct account *a)
{
	buf_fmt(out, "%llx-%u", (unsigned long long)a->created, a->roster.version);
}

int64_t roster_read_version(const struct account *a, struct str text)
{
	CLEANUP(buf_clear) struct buf own = {0};
	uint64_t n;

	buf_init(&own, 64);
	buf_fmt(&own, "%llx-", (unsigned long long)a->created);
	if (!str_starts(text, buf_view(&own)))
		return -1;
	if (str_uint((struct str){text.p + own.n, text.n - own.n}, UINT32_MAX, &n) < 0)
		return -1;
	return (int64_t)n;
}

void roster_push(struct account *a, struct str item)
{
	struct users *u = users_of(a);
	CLEANUP(buf_clear) struct buf id = {0};
	struct packet_head head = {.kind = STANZA_IQ, .type = TYPE_SET};
	struct packet_writer w;
	struct packet *p;

	resources_collect_interested(u, a);
	if (!u->handles_n)
		return;
	buf_init(&id, 32);
	buf_fmt(&id, "push%u", a->roster.version);
	head.id = buf_view(&id);
	packet_begin(&w, &head);
	xml_put_open(&w.out, "query", NS_ROSTER);
	buf_z(&w.out, " ver='");
	roster_write_version(&w.out, a);
	buf_z(&w.out, "'>");
	buf_str(&w.out, item);
	buf_z(&w.out, "</query>");
	p = packet_end(&w);
	/* A version that the client keeps must not be ahead of ours after a crash. */
	users_multicast(u, &p, core_commit(a->entity.core));
}

void roster_push_contact(struct account *a, struct jid jid)
{
	const struct contact *c = roster_find(&a->roster, jid);
	CLEANUP(buf_clear) struct buf item = {0};

	must(c);
	buf_init(&item, 1 << 20);
	roster_write_item(&item, c);
	roster_push(a, buf_view(&item));
}
