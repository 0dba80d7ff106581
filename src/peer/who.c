/* The index table for whoever traces or counts: names and addresses. */
#include "peer/peers_i.h"

bool peers_row(const struct host *h, struct str address, struct str *ret_row, struct str *ret_label)
{
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	const struct peer *p = peers_find(ps, address);
	struct str rest = address;

	if (!p && memchr(address.p ? address.p : "", '@', address.n)) {
		str_cut(&rest, '@');
		p = peers_find(ps, str_cut(&rest, '/'));
	}
	if (!p)
		return false;
	*ret_row = jid_str(p->entity.jid);
	*ret_label = str_z(p->label);
	return true;
}

uint16_t peers_port(const struct host *h) { return CONTAINER_OF(h, struct peers, host)->config.port; }

int peers_mean(const struct host *h, struct str text, struct str *ret_address, struct buf *why)
{
	struct peer *p = NULL;
	int err = peers_find_label(CONTAINER_OF(h, struct peers, host), text, &p, why);

	if (!err)
		*ret_address = jid_str(p->entity.jid);
	return err;
}

void peers_each_address(const struct host *h, peers_where_fn *on_address, void *arg)
{
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		for (unsigned i = 0; i < p->address_n; i++)
			on_address(arg, jid_str(p->entity.jid), str_z(p->label), str_z(p->addresses[i].text));
}

struct peers_tally peers_tally(const struct host *h)
{
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	struct peers_tally t = {.known = ps->peers.n, .network = ps->network};
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		t.linked += peer_is_up(p);
		t.here += peer_is_up(p) || p->service;
		t.waiting += p->outbox.n;
	}
	return t;
}
