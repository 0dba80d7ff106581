/* How long one stanza takes, from bytes to a tree of its own: our parser with xml_tree_copy(), and expat
 * filling the same flat arrays (without raw offsets, which it is not asked for), copied to one block.
 * usage: bench_xml [MILLISECONDS per measurement] */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "xml/parse.h"

#define HEADER \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='alice@example.org' to='example.org' " \
	"version='1.0' xmlns:stream='http://etherx.jabber.org/streams'>"

#define ITEM(n) \
	"<item jid='friend" n "@example.org' name='Friend number " n \
	"' subscription='both'><group>Friends</group></item>"
#define ITEMS(n) \
	ITEM(n "0") \
	ITEM(n "1") ITEM(n "2") ITEM(n "3") ITEM(n "4") ITEM(n "5") ITEM(n "6") ITEM(n "7") ITEM(n "8") ITEM(n "9")

static const struct {
	const char *name, *text;
} stanzas[] = {
	{"message, short", "<message to='bob@example.org' type='chat' id='a1b2c3'><body>Hello!</body></message>"},
	{"message, typical",
		"<message from='alice@example.org/phone' to='bob@example.org' type='chat' id='6c6e63b1-3c4c-4c2c-9d0a-2f6f1b1f4c53'>"
		"<body>Shall we meet at the station at half past six? The train leaves ten minutes later.</body>"
		"<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>"},
	{"message, extensions",
		"<message from='room@rooms.example.org/Bob' to='alice@example.org/phone' type='groupchat' id='0b2b2e8e' xml:lang='en'>"
		"<body>It&apos;s done &amp; tested, see the page &lt;https://example.org/status&gt;</body>"
		"<origin-id xmlns='urn:xmpp:sid:0' id='0b2b2e8e'/><markable xmlns='urn:xmpp:chat-markers:0'/>"
		"<stanza-id xmlns='urn:xmpp:sid:0' by='room@rooms.example.org' id='1623412313546'/>"
		"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='dd72603deec90a38ba552f7c68cbcc61bca202cd'/>"
		"<delay xmlns='urn:xmpp:delay' from='room@rooms.example.org' stamp='2026-02-01T12:00:00Z'/>"
		"<reply xmlns='urn:xmpp:reply:0' to='room@rooms.example.org/Eve' id='9887'/></message>"},
	{"message, Cyrillic",
		"<message from='alice@example.org/phone' to='bob@example.org' type='chat' id='6c6e63b1'><body>"
		"\xd0\x92\xd1\x81\xd1\x82\xd1\x80\xd0\xb5\xd1\x82\xd0\xb8\xd0\xbc\xd1\x81\xd1\x8f \xd0\xbd\xd0\xb0 "
		"\xd0\xb2\xd0\xbe\xd0\xba\xd0\xb7\xd0\xb0\xd0\xbb\xd0\xb5 \xd0\xb2 \xd1\x88\xd0\xb5\xd1\x81\xd1\x82\xd1\x8c, "
		"\xd0\xbf\xd0\xbe\xd0\xb5\xd0\xb7\xd0\xb4 \xd1\x83\xd1\x85\xd0\xbe\xd0\xb4\xd0\xb8\xd1\x82 \xd0\xbf\xd0\xbe\xd0\xb7\xd0\xb6\xd0\xb5."
		"</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"},
	{"message, xhtml",
		"<message to='bob@example.org' type='chat' id='x1'><body>See this page and the list</body>"
		"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>"
		"<p style='font-weight:bold'>See <a href='http://example.org/?a=1&amp;b=2'>this page</a> and</p>"
		"<ul><li>one <em>small</em> thing</li><li>another <strong>big</strong> thing</li></ul><br/></body></html></message>"},
	{"typing",
		"<message from='alice@example.org/phone' to='bob@example.org/desk' type='chat'>"
		"<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"},
	{"presence, caps",
		"<presence from='alice@example.org/phone' id='p1'><show>away</show><status>At lunch</status><priority>5</priority>"
		"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/client' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>"
		"<x xmlns='vcard-temp:x:update'><photo>sha1-hash-of-image</photo></x></presence>"},
	{"presence, muc",
		"<presence from='room@rooms.example.org/Bob' to='alice@example.org/phone' id='j1'>"
		"<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' "
		"jid='bob@example.org/desk'/><status code='110'/><status code='210'/></x></presence>"},
	{"iq, ping",
		"<iq from='alice@example.org/phone' to='example.org' id='s2c1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"},
	{"iq, roster of 20",
		"<iq to='alice@example.org/phone' id='r1' type='result'><query xmlns='jabber:iq:roster' ver='ver7'>" ITEMS(
			"1") ITEMS("2") "</query></iq>"},
	{"r and a of XEP-0198", "<a xmlns='urn:xmpp:sm:3' h='127'/>"},
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Expat's tree: the same arrays, bytes in one buffer. */
struct flat {
	struct xml_node *nodes;
	struct xml_attr *attrs;
	char *data;
	uint32_t *open;
	uint32_t node_count, node_cap, attr_count, attr_cap, data_len, data_cap, depth;
	void *block;
};

static void room(void *array, uint32_t *cap, uint32_t need, size_t size)
{
	void **p = array;
	if (need <= *cap)
		return;
	*cap = need * 2;
	*p = xrealloc(*p, *cap * size);
}

static uint32_t flat_put(struct flat *f, const char *p, size_t n)
{
	uint32_t at = f->data_len;
	room(&f->data, &f->data_cap, at + (uint32_t)n, 1);
	memcpy(f->data + at, p, n);
	f->data_len += (uint32_t)n;
	return at;
}

static void flat_name(struct flat *f, const char *name, uint32_t *ns, uint32_t *ns_len, uint32_t *local, uint32_t *len)
{
	const char *sep = strchr(name, '\x01');
	if (sep) {
		*ns_len = (uint32_t)(sep - name);
		*ns = flat_put(f, name, *ns_len);
		name = sep + 1;
	}
	*len = (uint32_t)strlen(name);
	*local = flat_put(f, name, *len);
}

static struct xml_node *flat_node(struct flat *f)
{
	room(&f->nodes, &f->node_cap, f->node_count + 1, sizeof(*f->nodes));
	struct xml_node *n = &f->nodes[f->node_count++];
	*n = (struct xml_node){.end = f->node_count};
	return n;
}

static void XMLCALL flat_start(void *data, const XML_Char *name, const XML_Char **attrs)
{
	struct flat *f = data;
	if (f->depth++ == 0)
		return;
	struct xml_node *n = flat_node(f);
	n->attr = f->attr_count;
	f->open[f->depth] = f->node_count - 1;
	flat_name(f, name, &n->ns, &n->ns_len, &n->text, &n->text_len);
	for (; *attrs; attrs += 2, n->attr_count++) {
		room(&f->attrs, &f->attr_cap, f->attr_count + 1, sizeof(*f->attrs));
		struct xml_attr *a = &f->attrs[f->attr_count++];
		*a = (struct xml_attr){0};
		flat_name(f, attrs[0], &a->ns, &a->ns_len, &a->name, &a->name_len);
		a->value_len = (uint32_t)strlen(attrs[1]);
		a->value = flat_put(f, attrs[1], a->value_len);
	}
}

static void XMLCALL flat_end(void *data, const XML_Char *name)
{
	struct flat *f = data;
	(void)name;
	f->nodes[f->open[f->depth]].end = f->node_count;
	if (--f->depth != 1)
		return;
	struct xml_tree copy, t = {f->data, f->nodes, f->attrs, f->data_len, 0, f->node_count, f->attr_count, false};
	f->block = xmalloc(xml_tree_size(&t));
	xml_tree_copy(&t, f->block, &copy);
	f->node_count = f->attr_count = f->data_len = 0;
}

static void XMLCALL flat_text(void *data, const XML_Char *text, int len)
{
	struct flat *f = data;
	if (f->depth < 2)
		return;
	struct xml_node *n = f->node_count ? &f->nodes[f->node_count - 1] : NULL;
	bool more = n && n->is_text && n->text + n->text_len == f->data_len;
	if (!more)
		n = flat_node(f);
	uint32_t at = flat_put(f, text, (size_t)len);
	if (!more)
		n->text = at;
	n->is_text = true;
	n->text_len += (uint32_t)len;
}

struct side {
	void (*run)(struct side *s, const char *text, size_t n, unsigned count);
	struct xml_parser *ours;
	XML_Parser expat;
	struct flat flat;
};

static void run_ours(struct side *s, const char *text, size_t n, unsigned count)
{
	while (count-- > 0) {
		struct str in = {text, n};
		struct xml_tree t, copy;
		must(xml_parse(s->ours, &in, &t) == XML_STANZA && in.n == 0);
		void *block = xmalloc(xml_tree_size(&t));
		xml_tree_copy(&t, block, &copy);
		xfree(block);
	}
}

static void run_expat(struct side *s, const char *text, size_t n, unsigned count)
{
	while (count-- > 0) {
		must(XML_Parse(s->expat, text, (int)n, 0) == XML_STATUS_OK && s->flat.block);
		xfree(TAKE(s->flat.block));
	}
}

/* Nanoseconds for one, the best of many short runs: what others do on the machine only adds. */
static double measure(struct side *s, const char *text, double budget)
{
	enum { COUNT = 200 };
	size_t n = strlen(text);
	double best = 1e18, stop = now() + budget;
	for (double start = now(); start < stop;) {
		s->run(s, text, n, COUNT);
		double end = now();
		best = end - start < best ? end - start : best;
		start = end;
	}
	return best / COUNT;
}

int main(int argc, char **argv)
{
	double budget = (argc > 1 ? atof(argv[1]) : 300) * 1e6;
	struct xml_scratch *scratch = xml_scratch_new();
	struct side ours = {.run = run_ours, .ours = xml_parser_new(scratch, XML_STREAM, &xml_limits_default)};
	struct side expat = {.run = run_expat, .expat = XML_ParserCreateNS("UTF-8", '\x01')};
	struct str header = STR(HEADER);
	struct xml_tree t;
	must(xml_parse(ours.ours, &header, &t) == XML_OPEN);
	expat.flat.open = xcalloc(256, sizeof(uint32_t));
	XML_SetUserData(expat.expat, &expat.flat);
	XML_SetElementHandler(expat.expat, flat_start, flat_end);
	XML_SetCharacterDataHandler(expat.expat, flat_text);
	must(XML_Parse(expat.expat, HEADER, sizeof(HEADER) - 1, 0) == XML_STATUS_OK);
	printf("%-22s %6s %9s %9s %6s\n", "stanza", "bytes", "ours ns", "expat ns", "ratio");
	double sum = 0, total = 0;
	for (size_t i = 0; i < ARRAY_LEN(stanzas); i++) {
		double a = measure(&ours, stanzas[i].text, budget), b = measure(&expat, stanzas[i].text, budget);
		printf("%-22s %6zu %9.0f %9.0f %6.1f\n", stanzas[i].name, strlen(stanzas[i].text), a, b, b / a);
		sum += a;
		total += b;
	}
	printf("%-22s %6s %9.0f %9.0f %6.1f\n", "sum", "", sum, total, total / sum);
	XML_ParserFree(expat.expat);
	xfree(expat.flat.nodes);
	xfree(expat.flat.attrs);
	xfree(expat.flat.data);
	xfree(expat.flat.open);
	xml_parser_free(&ours.ours);
	xml_scratch_free(&scratch);
	return 0;
}
