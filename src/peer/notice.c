/* What the node tells its user's clients in headlines: lines for people, which programs can read, too, and what only programs
 * read. Nobody who is not there gets them later; what lasts is in the index table. */
#include "peer/peers_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "xml/write.h"

/* text: NULL: not for people. What is between begin() and end() are further attributes of the event. */
static void begin(struct packet_writer *w, struct peers *ps, const char *kind, const char *text)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_HEADLINE,
		.from = str_z(ps->domain),
		.to = jid_bare_str(ps->self)};

	packet_begin(w, &head);
	if (text)
		xml_put_text(&w->out, "body", str_z(text));
	xml_put_open(&w->out, "event", NS_EVENT);
	xml_put_attr(&w->out, "kind", str_z(kind));
}

static void put_peer(struct packet_writer *w, const struct peer *p)
{
	xml_put_attr(&w->out, "peer", str_z(p->label));
	xml_put_attr(&w->out, "jid", jid_str(p->entity.jid));
}

static void end(struct packet_writer *w, struct peers *ps)
{
	struct packet *packet;
	struct stanza *s;

	buf_z(&w->out, "/>");
	packet = packet_end(w);
	if (packet && packet_parse(packet, JID_NONE, &s) == 0)
		core_send(peers_core(ps), &s);
	packet_unref(&packet);
}

void notice(struct peers *ps, const char *kind, const struct peer *p, const char *fmt, ...)
{
	struct packet_writer w;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("notice", "kind=%s peer=%.*s", kind, p ? (int)jid_str(p->entity.jid).n : 0, p ? p->entity.jid.s : "");
	begin(&w, ps, kind, text);
	if (p)
		put_peer(&w, p);
	end(&w, ps);
}

void notice_sent(const struct peer *p, struct str id)
{
	struct packet_writer w;

	begin(&w, p->peers, "sent", NULL);
	put_peer(&w, p);
	xml_put_attr(&w.out, "id", id);
	if (p->kind == PEER_LEGACY)
		xml_put_attr(&w.out, "last", STR("true"));
	end(&w, p->peers);
}

void notice_became(const struct peer *p, const struct peer *was)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct packet_writer w;

	begin(&w, p->peers, "became", NULL);
	xml_put_attr(&w.out, "was", jid_str(was->entity.jid));
	xml_put_attr(&w.out, "jid", jid_str(peer_jid(p, &jid)));
	end(&w, p->peers);
}
