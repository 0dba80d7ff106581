/* The gate from any bytes of a stream: whatever crosses it is self-contained. The first byte chooses the stream. */
#include "base/err.h"
#include "base/mem.h"
#include "xml/parse.h"
#include "xml/write.h"
#include "xmpp/ns.h"
#include "xmpp/packet.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *header, *content;
} streams[] = {
	{"<s:s xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:e='urn:e'>", NS_CLIENT},
	{"<s:s xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams' xmlns:e='urn:e'>", NS_SERVER},
	{"<s xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client'>", NS_CLIENT},
	{"<s xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:server'>", NS_SERVER},
};

static void write_all(const struct stanza *s, struct buf *out)
{
	xml_write_inner(out, &s->tree, XML_ROOT, STR(NS_CLIENT));
	must(buf_ok(out));
}

static void check(const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf x = {.max = 1 << 26};
	CLEANUP(buf_clear) struct buf y = {.max = 1 << 26};
	struct str to = jid_str(s->to);
	struct packet *p = packet_from(s, &to), *q;
	struct stanza *back, *copy;

	must(p);
	must(packet_parse(p, JID_NONE, &back) == 0);
	must(jid_eq(back->from, s->from) && jid_eq(back->to, s->to));
	must(str_eq(back->id, s->id) && !back->id.p == !s->id.p);
	must(str_eq(back->lang, s->lang) && !back->lang.p == !s->lang.p);
	must(back->kind == s->kind && back->type == s->type);
	write_all(s, &x);
	write_all(back, &y);
	must(str_eq(buf_view(&x), buf_view(&y)));
	q = packet_from(back, &to);
	must(str_eq(packet_view(p), packet_view(q)));
	copy = stanza_copy(s, jid_view(STR("x@y")));
	buf_reset(&y);
	write_all(copy, &y);
	must(str_eq(buf_view(&x), buf_view(&y)));
	stanza_free(&copy);
	stanza_free(&back);
	packet_unref(&p);
	packet_unref(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(xml_scratch_free) struct xml_scratch *scratch = xml_scratch_new();
	CLEANUP(xml_parser_free) struct xml_parser *parser = xml_parser_new(scratch, XML_STREAM, &xml_limits_default);
	const struct jid from = {"alice@a/1", 5, 1, 1};
	struct xml_tree t;
	struct str header, text;

	if (size < 1)
		return 0;
	header = str_z(streams[data[0] & 3].header);
	text = (struct str){(const char *)data + 1, size - 1};
	must(xml_parse(parser, &header, &t) == XML_OPEN);
	while (xml_parse(parser, &text, &t) == XML_STANZA) {
		struct stanza *s;
		if (stanza_new(&t, str_z(streams[data[0] & 3].content), from, STR("en"), &s) < 0)
			continue;
		check(s);
		stanza_free(&s);
	}
	return 0;
}
