/* What the server offers (XEP-0030): an archive, carbons, a service with rooms; and what we can do (XEP-0115). */
#include "base/codec.h"
#include "client/client_i.h"

enum { ITEMS_ASKED_MAX = 8 };

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

bool client_has_rooms(const struct stanza *s)
{
	uint32_t q = info(s);

	if (!q || !has_feature(s, NS_MUC))
		return false;
	XML_EACH(i, &s->tree, q) {
		if (xml_is(&s->tree, i, "identity", NS_DISCO_INFO) &&
			str_is(xml_attr(&s->tree, i, "category"), "conference"))
			return true;
	}
	return false;
}

static void on_item(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (!c->found.service && client_has_rooms(s))
		set_text(&c->found.service, str_z(p->to));
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
	if (!c->found.service)
		client_ask(c, "get", c->config.domain, STR("<query xmlns='" NS_DISCO_ITEMS "'/>"), on_items, STR_NONE,
			STR_NONE, 0);
}
