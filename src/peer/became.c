/* For programs, not people: somebody has another address from now on, so that a conversation goes on with the same one. */
#include "peer/peers_i.h"
#include "xml/write.h"

void notice_became(const struct peer *p, const struct peer *was)
{
	struct peers *ps = p->peers;
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_HEADLINE,
		.from = str_z(ps->domain),
		.to = jid_bare_str(ps->self)};
	struct packet_writer w;
	struct packet *packet;
	struct stanza *s;

	packet_begin(&w, &head);
	xml_put_open(&w.out, "event", NS_EVENT);
	xml_put_attr(&w.out, "kind", STR("became"));
	xml_put_attr(&w.out, "was", jid_str(was->entity.jid));
	xml_put_attr(&w.out, "jid", jid_str(peer_jid(p, &jid)));
	buf_z(&w.out, "/>");
	packet = packet_end(&w);
	if (packet && packet_parse(packet, JID_NONE, &s) == 0)
		core_send(peers_core(ps), &s);
	packet_unref(&packet);
}
