/* For whoever traces the links between peers. */
#include "wire/wire_i.h"

void wire_tap(struct wire *w, wire_tap_fn *on_stanza, void *arg)
{
	w->tap = on_stanza;
	w->tap_arg = arg;
}

void tap_stanza(const struct conn *c, bool sent, struct str xml)
{
	c->wire->tap(c->wire->tap_arg, sent, stream_jid(c->stream), xml);
}

unsigned wire_relink(struct wire *w)
{
	unsigned n = 0;
	struct conn *c;

	for (uint32_t pos = 0; (c = table_next(&w->conns, &pos));) {
		if (!stream_kind(c->stream)->link || !c->session || c->state != CONN_OPEN)
			continue;
		conn_lost(c, true, "opened anew for a trace");
		n++;
	}
	if (n)
		loop_wake(w->loop);
	return n;
}
