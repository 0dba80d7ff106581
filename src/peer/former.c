/* Addresses of rows that are gone since it is known whose they were. A client may not have heard of that when it writes to one, or
 * may have written in the same moment: what it says goes to who it is now. In memory, the last few of them. */
#include "peer/peers_i.h"

void former_add(struct peer *p, struct peer *old)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct peers *ps = p->peers;
	struct former *f = &ps->former[ps->former_n++ % FORMER_MAX];

	xfree(f->address);
	f->address = str_dup(jid_bare_str(peer_jid(old, &jid)));
	f->peer = p->entity.id;
	entity_inherit(&p->entity, &old->entity);
}

struct peer *former_find(const struct peers *ps, struct str address)
{
	for (unsigned i = ps->former_n < FORMER_MAX ? ps->former_n : FORMER_MAX; i--;)
		if (str_eq(str_z(ps->former[i].address), address))
			return (struct peer *)entity_find(peers_core(ps), ps->former[i].peer);
	return NULL;
}

void former_readdress(struct peer *p, struct stanza **s)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str was = jid_bare_str((*s)->to);

	if (!p->peers->former_n || former_find(p->peers, was) != p)
		return;
	peer_refile(p, was); /* it may have been filed since the rest of that talk was */
	stanza_readdress(s, peer_jid(p, &jid));
}

void former_clear(struct peers *ps)
{
	for (unsigned i = 0; i < FORMER_MAX; i++)
		xfree(ps->former[i].address);
}
