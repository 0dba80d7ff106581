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

/* "10.0.0.7" is any port there. What only the network says does not count: anybody can say it. */
static bool has_number(const struct peer *p, struct str text)
{
	for (unsigned i = 0; i < p->address_n; i++) {
		const struct peer_address *a = &p->addresses[i];
		struct str one = str_z(a->text);

		if (a->source == SOURCE_MDNS && !a->success)
			continue;
		if (str_eq(one, text) || (str_starts(one, text) && one.n > text.n && one.p[text.n] == ':'))
			return true;
	}
	return false;
}

int peers_address(const struct host *h, struct str text, struct buf *ret_jid, struct buf *why)
{
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct peer *p, *found = NULL;
	int err = peers_find_label(ps, text, &found, why);

	for (uint32_t pos = 0; err == ERR_NOTFOUND && (p = map_next(&ps->peers, &pos));) {
		if (!has_number(p, text))
			continue;
		if (found) {
			buf_fmt(why, "%s and %s", found->label, p->label);
			return ERR_EXISTS;
		}
		found = p;
	}
	if (!found)
		return err;
	buf_str(ret_jid, jid_str(peer_jid(found, &jid)));
	return 0;
}

void peers_each_address(const struct host *h, peers_where_fn *on_address, void *arg)
{
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		for (unsigned i = 0; i < p->address_n; i++)
			on_address(arg, jid_str(p->entity.jid), str_z(p->label), str_z(p->addresses[i].text));
}

/* What people have said: a receipt that waits is none of their business. */
static unsigned texts_for(const struct peer *p)
{
	unsigned n = 0;

	for (const struct outgoing *m = p->outbox.first; m; m = m->next) {
		struct stanza *s;

		if (stanza_parse((struct str){m->stanza, m->n}, &s) != 0)
			continue;
		n += stanza_child(s, "body", NS_CLIENT) != XML_NONE;
		stanza_free(&s);
	}
	return n;
}

void peers_waiting(const struct host *h, struct buf *out)
{
	enum { NAMED = 5 };
	const struct peers *ps = CONTAINER_OF(h, struct peers, host);
	CLEANUP(buf_clear) struct buf names = {.max = 4096};
	unsigned all = 0, people = 0;
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		unsigned n = texts_for(p);

		if (!n)
			continue;
		all += n;
		if (people++ < NAMED)
			buf_fmt(&names, "%s%s (%u)", names.n ? ", " : "", p->label, n);
	}
	if (!all)
		return;
	buf_fmt(out, "%u %s for %s", all, all == 1 ? "message waits" : "messages wait", buf_cstr(&names));
	if (people > NAMED)
		buf_fmt(out, " and %u others", people - NAMED);
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
