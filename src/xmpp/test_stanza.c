#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/parse.h"
#include "xml/write.h"
#include "xmpp/ns.h"
#include "xmpp/packet.h"
#include "xmpp/stanza.h"

static void check_text(struct str got, const char *want)
{
	if (!want ? got.p != NULL : !got.p || !str_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", STR_FMT(got), want ? want : "(absent)");
}

/* ---- one stanza read from a stream ---- */

struct wire {
	struct xml_scratch *scratch;
	struct xml_parser *parser;
};

static void wire_clear(struct wire *w)
{
	xml_parser_free(&w->parser);
	xml_scratch_free(&w->scratch);
}

static void wire_read(struct wire *w, const char *header, struct str text, struct xml_tree *ret)
{
	struct str in = str_z(header);

	w->scratch = xml_scratch_new();
	w->parser = xml_parser_new(w->scratch, XML_STREAM, &xml_limits_default);
	assert_int_equal(xml_parse(w->parser, &in, ret), XML_OPEN);
	assert_int_equal(xml_parse(w->parser, &text, ret), XML_STANZA);
}

#define C2S "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:e='urn:e'>"
#define S2S "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:e='urn:e'>"
#define PREFIXED "<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client'>"
#define COMPONENT "<s:s xmlns='jabber:component:accept' xmlns:s='http://etherx.jabber.org/streams'>"

static const struct jid alice = {"alice@a/1", 5, 1, 1};

static int receive(const char *header, const char *content, struct str text, struct stanza **ret)
{
	CLEANUP(wire_clear) struct wire w = {0};
	struct xml_tree t;

	wire_read(&w, header, text, &t);
	return stanza_new(&t, str_z(content), alice, STR("en"), ret);
}

/* ---- classification ---- */

static const struct {
	const char *text;
	int result;
	enum stanza_kind kind;
	enum stanza_type type;
} kinds[] = {
	{"<message/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<message type='normal'/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<message type='chat'/>", 0, STANZA_MESSAGE, TYPE_CHAT},
	{"<message type='groupchat'/>", 0, STANZA_MESSAGE, TYPE_GROUPCHAT},
	{"<message type='headline'/>", 0, STANZA_MESSAGE, TYPE_HEADLINE},
	{"<message type='error'/>", 0, STANZA_MESSAGE, TYPE_ERROR},
	{"<message type='get'/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<message type=''/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<message type='CHAT'/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<message x:type='chat' xmlns:x='y'/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
	{"<presence/>", 0, STANZA_PRESENCE, TYPE_AVAILABLE},
	{"<presence type='unavailable'/>", 0, STANZA_PRESENCE, TYPE_UNAVAILABLE},
	{"<presence type='subscribe'/>", 0, STANZA_PRESENCE, TYPE_SUBSCRIBE},
	{"<presence type='subscribed'/>", 0, STANZA_PRESENCE, TYPE_SUBSCRIBED},
	{"<presence type='unsubscribe'/>", 0, STANZA_PRESENCE, TYPE_UNSUBSCRIBE},
	{"<presence type='unsubscribed'/>", 0, STANZA_PRESENCE, TYPE_UNSUBSCRIBED},
	{"<presence type='probe'/>", 0, STANZA_PRESENCE, TYPE_PROBE},
	{"<presence type='error'/>", 0, STANZA_PRESENCE, TYPE_ERROR},
	{"<presence type='available'/>", ERR_INVALID, 0, 0},
	{"<presence type=''/>", ERR_INVALID, 0, 0},
	{"<presence type='chat'/>", ERR_INVALID, 0, 0},
	{"<iq type='get'/>", 0, STANZA_IQ, TYPE_GET},
	{"<iq type='set'/>", 0, STANZA_IQ, TYPE_SET},
	{"<iq type='result'/>", 0, STANZA_IQ, TYPE_RESULT},
	{"<iq type='error'/>", 0, STANZA_IQ, TYPE_ERROR},
	{"<iq/>", ERR_INVALID, 0, 0},
	{"<iq type='chat'/>", ERR_INVALID, 0, 0},
	{"<iq type='unavailable'/>", ERR_INVALID, 0, 0},
	{"<Message/>", ERR_INVALID, 0, 0},
	{"<messages/>", ERR_INVALID, 0, 0},
	{"<message xmlns='jabber:server'/>", ERR_INVALID, 0, 0},
	{"<message xmlns=''/>", ERR_INVALID, 0, 0},
	{"<e:message/>", ERR_INVALID, 0, 0},
	{"<c:message xmlns:c='jabber:client'/>", 0, STANZA_MESSAGE, TYPE_NORMAL},
};

static void classification(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct stanza *s = NULL;
		int r = receive(C2S, NS_CLIENT, str_z(kinds[i].text), &s);
		if (r != kinds[i].result)
			fail_msg("%s: %d", kinds[i].text, r);
		if (s) {
			assert_int_equal(s->kind, kinds[i].kind);
			assert_int_equal(s->type, kinds[i].type);
		}
		stanza_free(&s);
		assert_null(s);
	}
	stanza_free(&(struct stanza *){NULL});
}

static void names(void **state)
{
	assert_string_equal(stanza_kind_name(STANZA_IQ), "iq");
	assert_string_equal(stanza_type_name(TYPE_GROUPCHAT), "groupchat");
	assert_null(stanza_type_name(TYPE_NORMAL));
	assert_null(stanza_type_name(TYPE_AVAILABLE));
}

/* ---- invariant S ---- */

/* What a stanza with these bytes looks like when it leaves. */
static const struct {
	const char *header, *content, *text, *packet;
} crossings[] = {
	{C2S, NS_CLIENT, "<message to='B@B' id='1'><body>x</body></message>",
		"<message from='alice@a/1' to='b@b' id='1' xml:lang='en'><body>x</body></message>"},
	{C2S, NS_CLIENT, "<message from='mallory@m' xml:lang='de' to='b@b'/>",
		"<message from='alice@a/1' to='b@b' xml:lang='de'/>"},
	{C2S, NS_CLIENT, "<message xml:lang=''/>", "<message from='alice@a/1' xml:lang=''/>"},
	/* prefix declared on the stream */
	{C2S, NS_CLIENT, "<message type='chat'><e:x e:y='z'>t&amp;</e:x> tail</message>",
		"<message from='alice@a/1' type='chat' xml:lang='en'><x xmlns='urn:e' xmlns:a0='urn:e' a0:y='z'>t&amp;</x> "
		"tail</message>"},
	{C2S, NS_CLIENT, "<message xmlns:q='urn:q' q:r='s' id='&lt;&apos;'><q:x/></message>",
		"<message from='alice@a/1' id='&lt;&apos;' xml:lang='en'><x xmlns='urn:q'/></message>"},
	{C2S, NS_CLIENT, "<message xmlns:q='urn:q' q:to='x@y' q:id='9' q:type='chat' id='1'><q:x/></message>",
		"<message from='alice@a/1' id='1' xml:lang='en'><x xmlns='urn:q'/></message>"},
	/* child in the content namespace, said again */
	{C2S, NS_CLIENT, "<message><body xmlns='jabber:client'>x</body></message>",
		"<message from='alice@a/1' xml:lang='en'><body>x</body></message>"},
	{C2S, NS_CLIENT, "<message><body><b xmlns='jabber:client'/></body></message>",
		"<message from='alice@a/1' xml:lang='en'><body><b/></body></message>"},
	/* of another server's namespace: a forwarded stanza inside something else keeps its own */
	{C2S, NS_CLIENT, "<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>",
		"<message from='alice@a/1' xml:lang='en'><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>"},
	/* default namespace of the stream is not the content namespace */
	{PREFIXED, NS_CLIENT, "<c:message to='b@b'><c:body>x</c:body><other/></c:message>",
		"<message from='alice@a/1' to='b@b' xml:lang='en'><body>x</body><other "
		"xmlns='http://etherx.jabber.org/streams'/></message>"},
	{C2S, NS_CLIENT, "<message><x xmlns=''/></message>",
		"<message from='alice@a/1' xml:lang='en'><x xmlns=''/></message>"},
	{C2S, NS_CLIENT, "<message><p:x xmlns:p='urn:p'><p:y/></p:x></message>",
		"<message from='alice@a/1' xml:lang='en'><p:x xmlns:p='urn:p'><p:y/></p:x></message>"},
	/* other content namespaces */
	{S2S, NS_SERVER, "<iq type='get' id='&quot;'><q xmlns='urn:q'/></iq>",
		"<iq from='alice@a/1' id='&quot;' type='get' xml:lang='en'><q xmlns='urn:q'/></iq>"},
	{S2S, NS_SERVER, "<message><body>x</body><body xmlns='jabber:server'/></message>",
		"<message from='alice@a/1' xml:lang='en'><body>x</body><body/></message>"},
	{S2S, NS_SERVER, "<message><body><i xmlns='jabber:server'/></body></message>",
		"<message from='alice@a/1' xml:lang='en'><body><i/></body></message>"},
	{S2S, NS_SERVER, "<message><f xmlns='urn:f'><message xmlns='jabber:server'/></f></message>",
		"<message from='alice@a/1' xml:lang='en'><f xmlns='urn:f'><message xmlns='jabber:server'/></f></message>"},
	/* names the internal namespace where the content is another */
	{S2S, NS_SERVER, "<message><body xmlns='jabber:client'>x</body><e:x/></message>",
		"<message from='alice@a/1' xml:lang='en'><body>x</body><x xmlns='urn:e'/></message>"},
	{S2S, NS_SERVER, "<message><body><b xmlns='jabber:client'/></body></message>",
		"<message from='alice@a/1' xml:lang='en'><body><b/></body></message>"},
	{S2S, NS_SERVER, "<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>",
		"<message from='alice@a/1' xml:lang='en'><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>"},
	{S2S, NS_SERVER, "<message><p:x xmlns:p='urn:p'><y/></p:x></message>",
		"<message from='alice@a/1' xml:lang='en'><x xmlns='urn:p'><y xmlns='jabber:server'/></x></message>"},
	{S2S, NS_SERVER, "<s:message xmlns:s='jabber:server'><body/></s:message>",
		"<message from='alice@a/1' xml:lang='en'><body/></message>"},
	{S2S, NS_SERVER,
		"<message><f xmlns='urn:f'><b xmlns='jabber:&#115;erver'/></f><b xmlns='jabber:&#115;erver'/></message>",
		"<message from='alice@a/1' xml:lang='en'><f xmlns='urn:f'><b xmlns='jabber:server'/></f><b/></message>"},
	{COMPONENT, "jabber:component:accept", "<presence type='unavailable'><status>&#x20ac;</status></presence>",
		"<presence from='alice@a/1' type='unavailable' xml:lang='en'><status>&#x20ac;</status></presence>"},
};

static void check_same_tree(const struct xml_tree *a, const struct xml_tree *b)
{
	CLEANUP(buf_clear) struct buf x = {0};
	CLEANUP(buf_clear) struct buf y = {0};

	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	xml_write_inner(&x, a, XML_ROOT, STR(NS_CLIENT));
	xml_write_inner(&y, b, XML_ROOT, STR(NS_CLIENT));
	assert_true(buf_ok(&x) && str_eq(buf_view(&x), buf_view(&y)));
}

/* What s says, its bytes and its tree say the same, alone and as a packet. */
static void check_self_contained(const struct stanza *s)
{
	struct str to = jid_str(s->to);
	struct packet *p = packet_from(s, s->to.s ? &to : NULL);
	struct packet *again;
	struct stanza *back;

	assert_non_null(p);
	assert_int_equal(packet_parse(p, JID_NONE, &back), 0);
	assert_true(jid_eq(back->from, s->from));
	assert_true(jid_eq(back->to, s->to));
	assert_true(str_eq(back->id, s->id));
	assert_true(str_eq(back->lang, s->lang));
	assert_int_equal(back->kind, s->kind);
	assert_int_equal(back->type, s->type);
	check_same_tree(&back->tree, &s->tree);
	again = packet_from(back, s->to.s ? &to : NULL);
	assert_true(str_eq(packet_view(again), packet_view(p)));
	packet_unref(&again);
	packet_unref(&p);
	stanza_free(&back);
}

static void self_contained(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(crossings); i++) {
		struct stanza *s;
		struct packet *p;
		struct str to;

		assert_int_equal(receive(crossings[i].header, crossings[i].content, str_z(crossings[i].text), &s), 0);
		check_text(xml_ns(&s->tree, XML_ROOT), NS_CLIENT);
		to = jid_str(s->to);
		p = packet_from(s, &to);
		check_text(packet_view(p), crossings[i].packet);
		packet_unref(&p);
		check_self_contained(s);
		stanza_free(&s);
	}
}

static void namespaces_mapped(void **state)
{
	struct stanza *s;
	uint32_t body;

	assert_int_equal(receive(S2S, NS_SERVER,
				 STR("<message><body>x<i/></body><x xmlns='jabber:server:dialback'/></message>"), &s),
		0);
	body = stanza_child(s, "body", NS_CLIENT);
	assert_int_not_equal(body, XML_NONE);
	assert_int_equal(stanza_payload(s), body);
	assert_int_not_equal(xml_child(&s->tree, body, "i", NS_CLIENT), XML_NONE);
	assert_int_not_equal(stanza_child(s, "x", "jabber:server:dialback"), XML_NONE);
	assert_int_equal(stanza_child(s, "body", NS_SERVER), XML_NONE);
	stanza_free(&s);
}

/* A copy must not look at the first one's memory. */
static void copies(void **state)
{
	struct stanza *s, *copy, *third;

	assert_int_equal(receive(S2S, NS_SERVER, STR("<message id='&amp;' to='b@b'><body>x</body></message>"), &s), 0);
	s->origin = 7;
	copy = stanza_copy(s, jid_view(STR("c@c/long resource")));
	memset(s, 0xee, sizeof(*s));
	stanza_free(&s);
	third = stanza_copy(copy, JID_NONE);
	check_text(jid_str(copy->to), "c@c/long resource");
	stanza_free(&copy);
	check_text(jid_str(third->from), "alice@a/1");
	check_text(jid_str(third->to), NULL);
	check_text(third->id, "&");
	check_text(third->lang, "en");
	assert_int_equal(third->origin, 7);
	assert_int_not_equal(stanza_child(third, "body", NS_CLIENT), XML_NONE);
	check_self_contained(third);
	stanza_free(&third);
}

static void one_allocation(void **state)
{
	CLEANUP(wire_clear) struct wire w = {0};
	struct xml_tree t;
	struct stanza *s;
	uint64_t before;

	wire_read(&w, C2S, STR("<message to='b@b/c'><body>hello</body></message>"), &t);
	before = mem_stats().allocs;
	assert_int_equal(stanza_new(&t, STR(NS_CLIENT), alice, STR_NONE, &s), 0);
	assert_int_equal(mem_stats().allocs, before + 1);
	check_text(s->lang, NULL);
	stanza_free(&s);
}

/* ---- addresses ---- */

static const char *const bad_to[] = {
	"",
	"@",
	"a@",
	"/r",
	"a@b/",
	"a b@c",
	"a@b@c",
	"-",
	"a@xn--",
	"a@b/&#x85;",
	"&#x265a;@b",
};

static void hostile_addresses(void **state)
{
	char text[2 * JID_MAX];

	for (size_t i = 0; i < ARRAY_LEN(bad_to); i++) {
		struct stanza *s = NULL;
		snprintf(text, sizeof(text), "<message to='%s'/>", bad_to[i]);
		if (receive(C2S, NS_CLIENT, str_z(text), &s) != ERR_SYNTAX)
			fail_msg("%s", bad_to[i]);
		assert_null(s);
		snprintf(text, sizeof(text), "<message from='%s'/>", bad_to[i]);
		assert_int_equal(stanza_parse(str_z(text), &s), ERR_SYNTAX);
		/* A stamped from does not look at what was claimed. */
		assert_int_equal(receive(C2S, NS_CLIENT, str_z(text), &s), 0);
		stanza_free(&s);
	}
	snprintf(text, sizeof(text), "<message to='%0*d@b'/>", JID_PART_MAX + 1, 0);
	struct stanza *s = NULL;
	assert_int_equal(stanza_parse(str_z(text), &s), ERR_SYNTAX);
	snprintf(text, sizeof(text), "<message to='%0*d@b'/>", JID_PART_MAX, 0);
	assert_int_equal(stanza_parse(str_z(text), &s), 0);
	stanza_free(&s);
}

static void addresses_made_canonical(void **state)
{
	struct stanza *s;

	assert_int_equal(stanza_parse(STR("<iq type='get' from='A@B.' to='\xc3\x9c@x&#x43;/&#xa0;'/>"), &s), 0);
	check_text(jid_str(s->from), "a@b");
	check_text(jid_str(s->to), "\xc3\xbc@xc/ ");
	stanza_free(&s);
}

static void parse_refuses(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"x",
		"<message>",
		"</s>",
		"<message/></s>",
		"<message/><message/>",
		"<message/>x",
		"<message/><",
		"<!-- --><message/>",
		"<!DOCTYPE a><message/>",
		"<message a='1' a='2'/>",
		"<message><x:y/></message>",
		"<message>&foo;</message>",
		"<message>\xff</message>",
		"<s xmlns='jabber:client'><message/></s>",
	};
	struct stanza *s = NULL;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (stanza_parse(str_z(texts[i]), &s) == 0)
			fail_msg("accepted: %s", texts[i]);
		assert_null(s);
	}
	assert_int_equal(stanza_parse(STR(" <message xmlns='jabber:client'/>\n"), &s), 0);
	stanza_free(&s);
	assert_int_equal(stanza_parse(STR("<message xmlns='jabber:server'/>"), &s), ERR_INVALID);
}

/* One long namespace declared outside, used by many: written anew it would be a thousand times as long. */
static void no_amplification(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};
	struct stanza *s = NULL;

	buf_init(&b, 1 << 20);
	buf_z(&b, "<message xmlns:p='urn:");
	while (b.n < 100000)
		buf_char(&b, 'x');
	buf_z(&b, "'>");
	for (int i = 0; i < 10000; i++)
		buf_z(&b, "<p:x/>");
	buf_z(&b, "</message>");
	assert_int_equal(receive(C2S, NS_CLIENT, buf_view(&b), &s), ERR_LIMIT);
	assert_null(s);
}

/* ---- packets ---- */

static void packet_parts(void **state)
{
	struct packet_head head = {STANZA_MESSAGE, TYPE_CHAT, STR("a@b/<&'\">"), STR_NONE, STR("1"), STR("de")};
	struct packet_writer w;
	struct packet *p, *more;
	struct stanza *s;

	packet_begin(&w, &head);
	buf_z(&w.out, "<body>x</body>");
	p = packet_end(&w);
	check_text(packet_view(p),
		"<message from='a@b/&lt;&amp;&apos;&quot;&gt;' id='1' type='chat' xml:lang='de'><body>x"
		"</body></message>");
	assert_true(p->fill);
	assert_false(p->volatile_);
	assert_int_equal(p->kind, STANZA_MESSAGE);
	assert_int_equal(p->type, TYPE_CHAT);
	assert_memory_equal(p->bytes->p, "<message", p->hole);
	assert_int_equal(p->hole, 8);
	/* Filled, it comes back as it was sent. */
	assert_int_equal(packet_parse(p, jid_view(STR("c@d/e'&<")), &s), 0);
	check_text(jid_str(s->to), "c@d/e'&<");
	check_text(jid_str(s->from), "a@b/<&'\">");
	stanza_free(&s);
	assert_int_equal(packet_parse(p, JID_NONE, &s), 0);
	assert_false(jid_some(s->to));
	stanza_free(&s);
	/* References. */
	more = packet_ref(p);
	packet_unref(&more);
	assert_null(more);
	packet_unref(&more);
	check_text((struct str){p->bytes->p, 8}, "<message");
	packet_unref(&p);
	assert_null(w.out.p);
}

static void packet_limit(void **state)
{
	static char mebibyte[1 << 20];
	struct packet_head head = {.kind = STANZA_MESSAGE};
	struct packet_writer w;
	struct packet *p;

	memset(mebibyte, 'x', sizeof(mebibyte));
	packet_begin(&w, &head);
	for (int i = 0; i < 4; i++)
		buf_add(&w.out, mebibyte, sizeof(mebibyte));
	assert_null(packet_end(&w));
	assert_null(w.out.p);
	packet_begin(&w, &head);
	for (int i = 0; i < 3; i++)
		buf_add(&w.out, mebibyte, sizeof(mebibyte));
	p = packet_end(&w);
	assert_non_null(p);
	struct stanza *s;
	assert_int_equal(packet_parse(p, jid_view(STR("a@b")), &s), 0);
	stanza_free(&s);
	packet_unref(&p);
}

static struct stanza *parsed(const char *text)
{
	struct stanza *s;

	assert_int_equal(stanza_parse(str_z(text), &s), 0);
	return s;
}

static void check_packet(struct packet *p, const char *want)
{
	if (want)
		check_text(packet_view(p), want);
	else
		assert_null(p);
	packet_unref(&p);
}

static void replies(void **state)
{
	struct stanza *iq = parsed("<iq from='a@b/c' to='d' id='1&apos;' type='get' xml:lang='fr'><q xmlns='x'/></iq>");
	struct stanza *message = parsed("<message from='a@b/c' to='d@e' type='chat'/>");
	struct stanza *bare = parsed("<iq from='a@b/c' id='1' type='set'><q xmlns='x'/></iq>");
	static const char *const silent[] = {
		"<message from='a@b' type='error'/>",
		"<presence from='a@b' type='error'/>",
		"<iq from='a@b' type='error' id='1'/>",
		"<iq from='a@b' type='result' id='1'/>",
	};

	check_packet(packet_result(iq, STR_NONE), "<iq from='d' to='a@b/c' id='1&apos;' type='result'/>");
	check_packet(packet_result(bare, STR("<q xmlns='x'/>")),
		"<iq to='a@b/c' id='1' type='result'><q xmlns='x'/></iq>");
	check_packet(packet_error(iq, xerr(XERR_SERVICE_UNAVAILABLE)),
		"<iq from='d' to='a@b/c' id='1&apos;' type='error'><error type='cancel'><service-unavailable "
		"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
	check_packet(packet_error(message, (struct xerr){XERR_NOT_ALLOWED, "auth", "a < b"}),
		"<message from='d@e' to='a@b/c' type='error'><error type='auth'><not-allowed "
		"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' "
		"xml:lang='en'>a &lt; b</text></error></message>");
	stanza_free(&iq);
	stanza_free(&message);
	stanza_free(&bare);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		struct stanza *s = parsed(silent[i]);
		check_packet(packet_error(s, xerr(XERR_GONE)), NULL);
		stanza_free(&s);
	}
}

static bool is_forged(const struct stanza *s, uint32_t child) { return str_is(xml_ns(&s->tree, child), NS_DELAY); }
static bool every(const struct stanza *s, uint32_t child) { return true; }

static void check_dropped(const char *text, bool (*drop)(const struct stanza *s, uint32_t child), const char *want)
{
	struct stanza *s = parsed(text);
	struct packet_head head = {.kind = STANZA_MESSAGE};
	struct packet_writer w;

	packet_begin(&w, &head);
	packet_put_payload(&w, s, drop);
	check_packet(packet_end(&w), want);
	stanza_free(&s);
}

static void dropped_children(void **state)
{
	check_dropped("<message>1<delay xmlns='urn:xmpp:delay'/>2<body>x</body><delay xmlns='urn:xmpp:delay'>y</delay>"
		      "3<![CDATA[<]]></message>",
		is_forged, "<message>12<body>x</body>3<![CDATA[<]]></message>");
	check_dropped("<message><delay xmlns='urn:xmpp:delay'/></message>", is_forged, "<message/>");
	check_dropped("<message><body>x</body></message>", is_forged, "<message><body>x</body></message>");
	check_dropped("<message><a/><b/></message>", every, "<message/>");
	check_dropped("<message><a/><b/></message>", NULL, "<message><a/><b/></message>");
	check_dropped("<message/>", NULL, "<message/>");
}

static void what_is_volatile(void **state)
{
	static const struct {
		const char *text;
		bool volatile_;
	} table[] = {
		{"<presence/>", true},
		{"<presence type='unavailable'/>", true},
		{"<presence type='subscribe'/>", false},
		{"<iq type='result'/>", true},
		{"<iq type='error'/>", true},
		{"<iq type='get'/>", false},
		{"<message/>", false},
		{"<message><body>x</body></message>", false},
		{"<message><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", true},
		{"<message><thread>x</thread><composing xmlns='http://jabber.org/protocol/chatstates'/><no-store "
		 "xmlns='urn:xmpp:hints'/></message>",
			true},
		{"<message><active xmlns='http://jabber.org/protocol/chatstates'/><body>x</body></message>", false},
		{"<message><active xmlns='http://jabber.org/protocol/chatstates'/><x xmlns='urn:x'/></message>", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct stanza *s = parsed(table[i].text);
		struct packet *p = packet_from(s, NULL);
		if (p->volatile_ != table[i].volatile_)
			fail_msg("%s", table[i].text);
		packet_unref(&p);
		stanza_free(&s);
	}
}

/* ---- errors as XML ---- */

static void error_names(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};
	struct stanza *s;

	buf_init(&b, 4096);
	for (enum xerr_cond c = XERR_NONE + 1; c < XERR_COUNT; c++) {
		buf_reset(&b);
		buf_z(&b, "<message type='error'>");
		xerr_write(&b, xerr_text(c, "<why>"));
		buf_z(&b, "</message>");
		assert_int_equal(stanza_parse(buf_view(&b), &s), 0);
		uint32_t error = stanza_child(s, "error", NS_CLIENT);
		assert_true(xml_attr(&s->tree, error, "type").n > 0);
		assert_int_not_equal(xml_child(&s->tree, error, xerr_name(c), NS_STANZAS), XML_NONE);
		assert_int_not_equal(xml_child(&s->tree, error, "text", NS_STANZAS), XML_NONE);
		stanza_free(&s);
	}
	for (enum serr c = SERR_NONE + 1; c < SERR_COUNT; c++)
		assert_non_null(serr_name(c));
	buf_reset(&b);
	serr_write(&b, SERR_HOST_UNKNOWN, STR("no & no"), STR("<x/>"));
	check_text(buf_view(&b),
		"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
		"xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>no &amp; no</text><x/></stream:error>");
	buf_reset(&b);
	serr_write(&b, SERR_RESET, STR_NONE, STR_NONE);
	check_text(buf_view(&b), "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classification),
		cmocka_unit_test(names),
		cmocka_unit_test(self_contained),
		cmocka_unit_test(namespaces_mapped),
		cmocka_unit_test(copies),
		cmocka_unit_test(one_allocation),
		cmocka_unit_test(hostile_addresses),
		cmocka_unit_test(addresses_made_canonical),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(no_amplification),
		cmocka_unit_test(packet_parts),
		cmocka_unit_test(packet_limit),
		cmocka_unit_test(replies),
		cmocka_unit_test(dropped_children),
		cmocka_unit_test(what_is_volatile),
		cmocka_unit_test(error_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
