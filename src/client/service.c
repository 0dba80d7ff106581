/* What the server offers (XEP-0030): an archive, carbons, a service with rooms; and what we can do (XEP-0115). */
#include <stdio.h>

#include "base/codec.h"
#include "client/client_i.h"

enum { ITEMS_ASKED_MAX = 8, ROOMS_A_PAGE = 200, ROOMS_SHOWN_MAX = 5000 };

/* In the order of the verification string: sorted. */
static const char *const features[] = {
	NS_CAPS,
	NS_CHATSTATES,
	NS_DISCO_INFO,
	NS_MUC,
	NS_X_CONFERENCE,
	NS_VERSION,
	NS_MARKERS,
	NS_PING,
	NS_RECEIPTS,
	NS_TIME,
};

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void sorted(const char *ret[ARRAY_LEN(features)])
{
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		size_t j = i;

		for (; j > 0 && by_text(&ret[j - 1], &features[i]) > 0; j--)
			ret[j] = ret[j - 1];
		ret[j] = features[i];
	}
}

void client_put_features(struct buf *out)
{
	const char *list[ARRAY_LEN(features)];

	sorted(list);
	buf_z(out, "<query xmlns='" NS_DISCO_INFO "'><identity category='client' type='console' name='Wireside'/>");
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		buf_z(out, "<feature");
		xml_put_attr(out, "var", str_z(list[i]));
		buf_z(out, "/>");
	}
	buf_z(out, "</query>");
}

/* XEP-0115 section 5.1. */
static void make_caps(char *ret, size_t n)
{
	const char *list[ARRAY_LEN(features)];
	CLEANUP(buf_clear) struct buf s = {.max = 4096}, text = {.max = 64};
	uint8_t digest[HASH_MAX];

	sorted(list);
	buf_z(&s, "client/console//Wireside<");
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		buf_fmt(&s, "%s<", list[i]);
	hash_digest(HASH_SHA1, buf_view(&s), digest);
	b64_encode(&text, digest, hash_size(HASH_SHA1));
	must(text.n < n);
	memcpy(ret, buf_cstr(&text), text.n + 1);
}

void client_put_caps(struct client *c, struct buf *out)
{
	if (!c->caps[0])
		make_caps(c->caps, sizeof(c->caps));
	buf_fmt(out, "<c xmlns='" NS_CAPS "' hash='sha-1' node='https://wireside.invalid/client' ver='%s'/>", c->caps);
}

/* ---- the server ---- */

static uint32_t info(const struct stanza *s)
{
	return s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_DISCO_INFO) : XML_NONE;
}

static bool has_feature(const struct stanza *s, const char *name)
{
	uint32_t q = info(s);

	if (!q)
		return false;
	XML_EACH(i, &s->tree, q) {
		if (xml_is(&s->tree, i, "feature", NS_DISCO_INFO) && str_is(xml_attr(&s->tree, i, "var"), name))
			return true;
	}
	return false;
}

static void on_nothing(struct client *c, const struct pending *p, const struct stanza *s)
{
	(void)c;
	(void)p;
	(void)s;
}

static void on_features(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (has_feature(s, NS_CARBONS) && !(c->offers & OFFERS_CARBONS)) {
		c->offers |= OFFERS_CARBONS;
		client_ask(c, "set", STR_NONE, STR("<enable xmlns='" NS_CARBONS "'/>"), on_nothing, STR_NONE, STR_NONE,
			0);
	}
	if (has_feature(s, NS_MAM) && !(c->offers & OFFERS_ARCHIVE)) {
		c->offers |= OFFERS_ARCHIVE;
		client_catch_up(c);
	}
}

static void on_item(struct client *c, const struct pending *p, const struct stanza *s)
{
	uint32_t q = info(s);

	if (!q || c->rooms_service)
		return;
	XML_EACH(i, &s->tree, q) {
		if (xml_is(&s->tree, i, "identity", NS_DISCO_INFO) &&
			str_is(xml_attr(&s->tree, i, "category"), "conference") && has_feature(s, NS_MUC))
			set_text(&c->rooms_service, str_z(p->to));
	}
}

static void on_items(struct client *c, const struct pending *p, const struct stanza *s)
{
	uint32_t q = s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_DISCO_ITEMS) : XML_NONE;
	unsigned n = 0;

	if (!q)
		return;
	XML_EACH(i, &s->tree, q) {
		struct jid_buf j;

		if (n++ < ITEMS_ASKED_MAX && jid_parse_buf(xml_attr(&s->tree, i, "jid"), &j) == 0)
			client_ask(c, "get", jid_str(j.jid), STR("<query xmlns='" NS_DISCO_INFO "'/>"), on_item,
				STR_NONE, STR_NONE, 0);
	}
}

void client_discover(struct client *c)
{
	c->offers = 0;
	client_ask(c, "get", c->config.domain, STR("<query xmlns='" NS_DISCO_INFO "'/>"), on_features, STR_NONE,
		STR_NONE, 0);
	client_ask(c, "get", client_bare(c), STR("<query xmlns='" NS_DISCO_INFO "'/>"), on_features, STR_NONE, STR_NONE,
		0);
	if (!c->rooms_service)
		client_ask(c, "get", c->config.domain, STR("<query xmlns='" NS_DISCO_ITEMS "'/>"), on_items, STR_NONE,
			STR_NONE, 0);
}

/* ---- rooms to be found ---- */

static void on_rooms(struct client *c, const struct pending *p, const struct stanza *s);

/* A page (XEP-0059); after: what the page before it ended with. shown: how many were on those. */
static int ask_rooms(struct client *c, struct str service, struct str after, struct str about, unsigned shown)
{
	CLEANUP(buf_clear) struct buf query = {.max = 8 * JID_MAX};

	buf_fmt(&query, "<query xmlns='" NS_DISCO_ITEMS "'><set xmlns='" NS_RSM "'><max>%d</max>", ROOMS_A_PAGE);
	if (after.n)
		xml_put_text(&query, "after", after);
	buf_z(&query, "</set></query>");
	return client_ask(c, "get", service, buf_view(&query), on_rooms, about, after, shown);
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
		ask_rooms(c, str_z(p->to), str_z(page->last), str_z(p->about), shown);
		return;
	}
	snprintf(text, sizeof(text), "%llu more are not shown", (unsigned long long)(page->count - shown));
	client_say_event(c, EVENT_ANSWER, str_z(text));
}

static void on_rooms(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	uint32_t q = s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_DISCO_ITEMS) : XML_NONE;
	unsigned n = 0;
	struct page page;

	/* One of many that were asked: what it has not is no news. */
	if (p->about && !(q && xml_first(&s->tree, q)))
		return;
	if (!q) {
		client_refuse(c, "rooms", s);
		return;
	}
	XML_EACH(i, &s->tree, q) {
		if (!xml_is(&s->tree, i, "item", NS_DISCO_ITEMS))
			continue;
		n++;
		buf_fmt(&out, "%s%.*s", out.n ? "\n" : "", STR_FMT(xml_attr(&s->tree, i, "jid")));
		if (xml_attr(&s->tree, i, "name").n)
			buf_fmt(&out, "  %.*s", STR_FMT(xml_attr(&s->tree, i, "name")));
	}
	page = read_page(s, q);
	if (out.n)
		client_say_event(c, EVENT_ANSWER, buf_view(&out));
	else if (!p->number)
		client_say_event(c, EVENT_ANSWER, STR("no rooms; /room create NAME makes one"));
	if (n)
		go_on(c, p, &page, p->number + n);
}

static void ask_contacts(struct client *c)
{
	struct contact *k;
	uint32_t pos = 0;

	while ((k = map_next(&c->contacts, &pos))) {
		CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};

		if (!client_best(k))
			continue;
		buf_fmt(&to, "rooms.%.*s", STR_FMT(jid_domain(jid_view(str_z(k->jid)))));
		ask_rooms(c, buf_view(&to), STR_NONE, STR("contact"), 0);
	}
}

int client_rooms(struct client *c, struct str service)
{
	CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};

	if (service.n)
		buf_str(&to, service);
	else if (c->rooms_service)
		buf_z(&to, c->rooms_service);
	else
		buf_fmt(&to, "rooms.%.*s", STR_FMT(c->config.domain));
	if (c->config.node && !service.n)
		ask_contacts(c);
	return ask_rooms(c, buf_view(&to), STR_NONE, STR_NONE, 0);
}
