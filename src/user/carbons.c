#include "user/carbons.h"

#include "core/feature.h"
#include "user/iq.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- on and off ---- */

static struct xerr turn(struct iq *iq, bool on)
{
	struct account *a = (struct account *)iq->entity;

	if (!account_is_own(a, iq->stanza->from) || !iq->session)
		return xerr(XERR_FORBIDDEN);
	resource_of(iq->session)->carbons = on;
	return XERR_OK;
}

struct xerr iq_carbons_enable(struct iq *iq) { return turn(iq, true); }
struct xerr iq_carbons_disable(struct iq *iq) { return turn(iq, false); }

/* ---- what is copied ---- */

/* Section 6.1: chats, and what has a text; not what its sender keeps to one client, and not what a room sends to each
 * session that is in it. */
static bool is_eligible(const struct stanza *s, bool sent)
{
	if (stanza_child(s, "private", NS_CARBONS) != XML_NONE || stanza_child(s, "no-copy", NS_HINTS) != XML_NONE)
		return false;
	if (!sent && s->from.resource && stanza_child(s, "x", NS_MUC_USER) != XML_NONE)
		return false;
	return s->type == TYPE_CHAT || (s->type == TYPE_NORMAL && stanza_child(s, "body", NS_CLIENT) != XML_NONE);
}

/* From the account itself; a message as it went to the clients is one in jabber:client without saying so. */
static struct packet *copy(const struct account *a, const char *element, const struct packet *live)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = live->type, .from = jid_str(a->entity.jid)};
	struct str bytes = packet_view(live);
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	xml_put_open(&w.out, element, NS_CARBONS);
	buf_z(&w.out, "><forwarded xmlns='" NS_FORWARD "'>");
	packet_put_inner(&w.out, bytes, live->hole);
	buf_z(&w.out, "</forwarded>");
	xml_put_close(&w.out, element);
	p = packet_end(&w);
	if (p)
		p->volatile_ = live->volatile_;
	return p;
}

static void send_copies(struct account *a, const char *element, const struct packet *live, uint64_t commit)
{
	struct users *u = users_of(a);
	struct packet *p = u->handles_n ? copy(a, element, live) : NULL;

	users_multicast(u, &p, commit);
}

bool carbons_wanted(const struct resource *from)
{
	for (const struct resource *r = ((const struct account *)from->session.owner)->resources; r; r = r->next)
		if (r->carbons && r != from)
			return true;
	return false;
}

void carbons_sent(struct resource *from, const struct stanza *s, struct packet *live, uint64_t commit)
{
	struct account *a = account_of(&from->session);

	if (!live || !is_eligible(s, true))
		return;
	for (const struct resource *r = a->resources; r; r = r->next)
		if (r->carbons && r != from)
			users_collect(users_of(a), r->session.handle);
	send_copies(a, "sent", live, commit);
}

void carbons_received(struct account *a, const struct stanza *s, struct packet *live, const struct resource *match,
	int lowest, uint64_t commit)
{
	if (!live || !is_eligible(s, false))
		return;
	for (const struct resource *r = a->resources; r; r = r->next) {
		bool has_it = match ? r == match : resource_available(r) && r->priority >= lowest;

		if (r->carbons && !has_it)
			users_collect(users_of(a), r->session.handle);
	}
	send_copies(a, "received", live, commit);
}
