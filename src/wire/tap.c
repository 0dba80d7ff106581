/* For whoever traces the links between peers. */
#include "wire/wire_i.h"

void wire_tap(struct wire *w, wire_tap_fn *on_stanza, void *arg)
{
	w->tap = on_stanza;
	w->tap_arg = arg;
}

static void describe(const struct conn *c, struct wire_tapped *ret)
{
	struct link_info info = {0};

	if (c->link)
		link_info(c->link, &info);
	*ret = (struct wire_tapped){.peer = stream_jid(c->stream),
		.own = info.local_address,
		.other = info.peer,
		.secure = info.secure};
}

void tap_stanza(const struct conn *c, bool sent, struct str xml)
{
	struct wire_tapped t;

	describe(c, &t);
	t.sent = sent;
	t.xml = xml;
	c->wire->tap(c->wire->tap_arg, &t);
}

static bool is_up(const struct conn *c) { return stream_kind(c->stream)->link && c->session && c->state == CONN_OPEN; }

void wire_each_link(struct wire *w, wire_tap_fn *on_link, void *arg)
{
	struct wire_tapped t;
	struct conn *c;

	for (uint32_t pos = 0; (c = table_next(&w->conns, &pos));) {
		if (!is_up(c))
			continue;
		describe(c, &t);
		on_link(arg, &t);
	}
}

/* Of whom the address is, or the domain of it. */
static bool is_of(struct str jid, struct str peer)
{
	struct str rest = jid;

	if (str_eq(jid, peer))
		return true;
	str_cut(&rest, '@');
	return rest.p && str_eq(str_cut(&rest, '/'), peer);
}

static bool is_coming(const struct conn *c)
{
	return stream_kind(c->stream)->link && !c->session && c->state == CONN_OPEN && !c->sniff;
}

unsigned wire_relink(struct wire *w, struct str peer)
{
	unsigned n = 0;
	struct conn *c;

	for (uint32_t pos = 0; (c = table_next(&w->conns, &pos));) {
		/* Of one in the middle of its handshake the core knows nothing yet that could go on. */
		if (!peer.p && is_coming(c))
			c->relink = true;
		if (!is_up(c) || (peer.p && !is_of(stream_jid(c->stream), peer)))
			continue;
		conn_lost(c, true, "opened anew for a trace");
		n++;
	}
	if (n)
		loop_wake(w->loop);
	return n;
}

void tap_on_session(struct conn *c)
{
	if (c->relink && is_up(c))
		conn_lost(c, true, "opened anew for a trace");
}
