/* Rooms to be found, at our own service and at those of others; and why one cannot be entered. */
#include <stdio.h>

#include "client/client_i.h"

enum { ROOMS_A_PAGE = 200, ROOMS_SHOWN_MAX = 5000, SERVICES_MAX = 8 };

#define ITEMS "<query xmlns='" NS_DISCO_ITEMS "'/>"

/* ---- lists ---- */

static void put_rooms(const struct client *c, const struct xml_tree *t, uint32_t query, const char *between,
	struct buf *out)
{
	XML_EACH(i, t, query) {
		struct str name = xml_attr(t, i, "name");
		struct jid_buf j;

		if (jid_parse_buf(xml_attr(t, i, "jid"), &j) != 0 || !j.jid.local)
			continue;
		buf_z(out, out->n ? between : "");
		client_room_name(c, j.jid, out);
		if (name.n && !str_eq(name, jid_local(j.jid)))
			buf_fmt(out, "  %.*s", STR_FMT(name));
	}
}

static uint32_t items(const struct stanza *s)
{
	return s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_DISCO_ITEMS) : XML_NONE;
}

static void say_list(struct client *c, const struct buf *list)
{
	client_say_event(c, EVENT_ANSWER, list->n ? buf_view(list) : STR("no rooms; /room create NAME makes one"));
}

static void on_list(struct client *c, const struct pending *p, const struct stanza *s);

#define FOUND STR("found") /* by us: what is below it nobody has asked for, and may be endless */

/* A page (XEP-0059); after: what the page before it ended with. shown: how many were on those. */
static int ask_list(struct client *c, struct str service, struct str found, struct str after, unsigned shown)
{
	CLEANUP(buf_clear) struct buf query = {.max = 8 * JID_MAX};

	buf_fmt(&query, "<query xmlns='" NS_DISCO_ITEMS "'><set xmlns='" NS_RSM "'><max>%d</max>", ROOMS_A_PAGE);
	if (after.n)
		xml_put_text(&query, "after", after);
	buf_z(&query, "</set></query>");
	return client_ask(c, "get", service, buf_view(&query), on_list, found, after, shown);
}

/* Of what a page says: where it ended, and how many there are. */
struct page {
	char last[JID_MAX + 1];
	uint64_t count;
};

static struct page read_page(const struct stanza *s, uint32_t query)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = JID_MAX};
	uint32_t set = xml_child(&s->tree, query, "set", NS_RSM), last, count;
	struct page p = {0};

	if (set == XML_NONE)
		return p;
	last = xml_child(&s->tree, set, "last", NS_RSM);
	count = xml_child(&s->tree, set, "count", NS_RSM);
	if (last != XML_NONE) {
		struct str text = xml_text(&s->tree, last, &tmp);

		if (buf_ok(&tmp) && text.n && text.n < sizeof(p.last))
			memcpy(p.last, text.p, text.n);
	}
	buf_reset(&tmp);
	if (count == XML_NONE || str_uint(xml_text(&s->tree, count, &tmp), UINT32_MAX, &p.count) < 0)
		p.count = 0;
	return p;
}

/* The next page, if there is one; a service that gives the same again and again is not asked for ever. */
static void go_on(struct client *c, const struct pending *p, const struct page *page, unsigned shown)
{
	char text[128];

	if (!page->last[0] || page->count <= shown || (p->extra && strcmp(p->extra, page->last) == 0))
		return;
	if (shown < ROOMS_SHOWN_MAX) {
		ask_list(c, str_z(p->to), str_z(p->about), str_z(page->last), shown);
		return;
	}
	snprintf(text, sizeof(text), "%llu more are not shown", (unsigned long long)(page->count - shown));
	client_say_event(c, EVENT_ANSWER, str_z(text));
}

/* What is at a domain, of which rooms may be one. */
static void on_service(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (client_has_rooms(s)) {
		c->found.any = true;
		ask_list(c, str_z(p->to), FOUND, STR_NONE, 0);
	}
	if (--c->found.services == 0 && !c->found.any)
		client_say_event(c, EVENT_ANSWER, STR("no rooms there, and no service that has them"));
}

/* A domain's rooms are mostly at a host of their own: "rooms.example.org" of "example.org". True if there is one to ask. */
static bool ask_services(struct client *c, const struct stanza *s, uint32_t q)
{
	unsigned before = c->found.services;

	if (!before)
		c->found.any = false;
	XML_EACH(i, &s->tree, q) {
		struct jid_buf j;

		if (c->found.services < SERVICES_MAX && jid_parse_buf(xml_attr(&s->tree, i, "jid"), &j) == 0 &&
			!j.jid.local && !j.jid.resource && !jid_eq(j.jid, s->from) &&
			!xml_attr(&s->tree, i, "node").p &&
			client_ask(c, "get", jid_str(j.jid), STR("<query xmlns='" NS_DISCO_INFO "'/>"), on_service,
				STR_NONE, STR_NONE, 0) == 0)
			c->found.services++;
	}
	return c->found.services > before;
}

static void on_list(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	uint32_t q = items(s);
	struct page page;
	unsigned n = 0;

	if (!q) {
		client_refuse(c, "rooms", s);
		return;
	}
	put_rooms(c, &s->tree, q, "\n", &out);
	if (!out.n && !p->number && !p->about && ask_services(c, s, q))
		return;
	if (out.n || !p->number)
		say_list(c, &out);
	XML_EACH(i, &s->tree, q)
		n += xml_is(&s->tree, i, "item", NS_DISCO_ITEMS);
	page = read_page(s, q);
	if (n)
		go_on(c, p, &page, p->number + n);
}

/* ---- of all who are there ---- */

static void on_part(struct client *c, const struct pending *p, const struct stanza *s)
{
	uint32_t q = items(s);

	if (p->number != c->found.number || !c->found.asked)
		return;
	/* One of many that were asked: what it has not is no news. */
	if (q)
		put_rooms(c, &s->tree, q, "\n", &c->found.text);
	if (--c->found.asked == 0)
		say_list(c, &c->found.text);
}

void client_list_tick(struct client *c)
{
	if (!c->found.asked || c->now < c->found.until)
		return;
	c->found.asked = 0;
	say_list(c, &c->found.text);
}

static int ask_part(struct client *c, struct str service)
{
	int err = client_ask(c, "get", service, STR(ITEMS), on_part, STR_NONE, STR_NONE, c->found.number);

	c->found.asked += err == 0;
	return err;
}

/* Only a key makes a peer that others can come to. */
static bool may_have_rooms(const struct contact *k)
{
	struct str domain = jid_domain(jid_view(str_z(k->jid)));

	return client_best(k) && !str_is(domain, CLIENT_TYPED) && !str_is(domain, CLIENT_LEGACY);
}

static int ask_all(struct client *c, struct str ours)
{
	struct contact *k;
	uint32_t pos = 0;
	int err;

	buf_clear(&c->found.text);
	buf_init(&c->found.text, 1 << 20);
	c->found.number++;
	c->found.asked = 0;
	c->found.until = c->now + LIST_MS;
	err = ask_part(c, ours);
	while (!err && (k = map_next(&c->contacts, &pos))) {
		CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};

		if (!may_have_rooms(k))
			continue;
		buf_fmt(&to, "rooms.%.*s", STR_FMT(jid_domain(jid_view(str_z(k->jid)))));
		err = ask_part(c, buf_view(&to));
	}
	return err;
}

int client_rooms(struct client *c, struct str service)
{
	CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};

	if (service.n)
		buf_str(&to, service);
	else if (c->found.service)
		buf_z(&to, c->found.service);
	else
		buf_fmt(&to, "rooms.%.*s", STR_FMT(c->config.domain));
	if (c->config.node && !service.n)
		return ask_all(c, buf_view(&to));
	return ask_list(c, buf_view(&to), STR_NONE, STR_NONE, 0);
}

/* ---- why not ---- */

static void refuse_join(struct client *c, const struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf what = {.max = 8192};

	client_label(c, str_z(r->jid), &what);
	buf_z(&what, ": cannot join");
	client_refuse_doing(c, DOING_JOIN | (r->password ? DOING_UNLOCK : 0), buf_cstr(&what), s);
}

/* Who may not make rooms there is told what rooms there are. */
static void on_absent(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = 65536}, list = {.max = 32768}, at = {.max = 4096};
	struct jid j = jid_view(str_z(p->about));
	uint32_t q = items(s);

	if (q)
		put_rooms(c, &s->tree, q, ", ", &list);
	client_service_name(c, j, &at);
	buf_fmt(&text, "there is no room %.*s at %s", STR_FMT(jid_local(j)), buf_cstr(&at));
	if (buf_ok(&list) && list.n)
		buf_fmt(&text, "; these are there: %s", buf_cstr(&list));
	else if (q)
		buf_z(&text, ", and no other");
	buf_fmt(&text, ". /room create %.*s makes one here", STR_FMT(jid_local(j)));
	client_say_event(c, EVENT_REFUSED, buf_view(&text));
}

void client_cannot_join(struct client *c, const struct room *r, const struct stanza *s)
{
	struct jid j = jid_view(str_z(r->jid));
	struct str condition = client_condition(s);

	if (c->config.node && !client_is_own_service(c, j) &&
		(str_is(condition, "not-allowed") || str_is(condition, "item-not-found")) &&
		client_ask(c, "get", jid_domain(j), STR(ITEMS), on_absent, str_z(r->jid), STR_NONE, 0) == 0)
		return;
	refuse_join(c, r, s);
}
