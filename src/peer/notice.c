/* Lines for people: headlines from the node, which programs can read, too. Nobody who is not there gets them later; what
 * lasts is in the index table. */
#include "peer/peers_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "xml/write.h"

void notice(struct peers *ps, const char *kind, const struct peer *p, const char *fmt, ...)
{
	struct core *c = peers_core(ps);
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_HEADLINE,
		.from = str_z(ps->domain),
		.to = jid_bare_str(ps->self)};
	char text[1024];
	struct packet_writer w;
	struct packet *packet;
	struct stanza *s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("notice", "kind=%s peer=%.*s", kind, p ? (int)jid_str(p->entity.jid).n : 0, p ? p->entity.jid.s : "");
	packet_begin(&w, &head);
	xml_put_text(&w.out, "body", str_z(text));
	xml_put_open(&w.out, "event", NS_EVENT);
	xml_put_attr(&w.out, "kind", str_z(kind));
	if (p) {
		xml_put_attr(&w.out, "peer", str_z(p->label));
		xml_put_attr(&w.out, "jid", jid_str(p->entity.jid));
	}
	buf_z(&w.out, "/>");
	packet = packet_end(&w);
	if (packet && packet_parse(packet, JID_NONE, &s) == 0)
		core_send(c, &s);
	packet_unref(&packet);
}

void notice_sent(const struct peer *p, struct str id)
{
	struct peers *ps = p->peers;
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_HEADLINE,
		.from = str_z(ps->domain),
		.to = jid_bare_str(ps->self)};
	struct packet_writer w;
	struct packet *packet;
	struct stanza *s;

	packet_begin(&w, &head);
	xml_put_open(&w.out, "event", NS_EVENT);
	xml_put_attr(&w.out, "kind", STR("sent"));
	xml_put_attr(&w.out, "peer", str_z(p->label));
	xml_put_attr(&w.out, "jid", jid_str(p->entity.jid));
	xml_put_attr(&w.out, "id", id);
	buf_z(&w.out, p->kind == PEER_LEGACY ? " last='true'/>" : "/>");
	packet = packet_end(&w);
	if (packet && packet_parse(packet, JID_NONE, &s) == 0)
		core_send(peers_core(ps), &s);
	packet_unref(&packet);
}
