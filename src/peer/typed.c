/* Addresses that were typed in, until it is known who is there: a peer, or nobody but ourselves. */
#include "peer/peers_i.h"

#include "xmpp/ns.h"

/* The name that our user typed with an address goes to whoever answered there. */
static void take_name(struct peer *p, struct peer *typed)
{
	CLEANUP(buf_clear) struct buf why = {.max = 1024};
	char *name = typed->label, *before = xstrdup(p->label);
	bool known = p->named || peer_known(p);

	typed->label = xstrdup(typed->address_n ? typed->addresses[0].text : "");
	typed->named = false;
	if (str_eq(str_z(before), str_z(name)))
		p->named = true;
	else if (peer_rename(p, str_z(name), &why) != 0)
		notice(p->peers, "name", p, "%s is who answered where you expected %s, and keeps his name: %s",
			p->label, name, buf_cstr(&why));
	else if (known)
		notice(p->peers, "name", p, "%s is who answered where you expected %s, and is called so from now on",
			before, name);
	xfree(name);
	xfree(before);
}

/* An address that was typed in has shown its key: what is known of it is that peer's ... */
void typed_take_over(struct peer *p, struct peer *typed)
{
	for (unsigned i = 0; i < typed->address_n; i++)
		peer_address_put(p, typed->addresses[i].text, SOURCE_TYPED);
	if (typed->named && p->trust != TRUST_BLOCKED)
		take_name(p, typed);
	p->plain.ok |= typed->plain.ok;
	if (p->trust == TRUST_NEW)
		peer_set_trust(p, TRUST_PINNED);
}

/* ... and so is what waited for it, whatever becomes of this connection: if it is refused there is another link, or our user has
 * blocked him and gets back what he wrote. */
void typed_inherit(struct peer *p, struct peer *typed)
{
	outbox_move(p, typed);
	if (!typed->adder && p->trust != TRUST_BLOCKED) /* who has just added him gets an answer */
		notice(p->peers, "known", p, "%s is there: %s %.26s", p->label,
			p->kind == PEER_KEYED ? "key" : "without a key", p->entity.jid.s);
	peer_tell_adder(typed, p);
	if (p->trust != TRUST_BLOCKED)
		peer_became(p, jid_str(typed->entity.jid));
	former_add(p, typed);
	peer_forget(typed);
}

/* A link that came to nothing may have shown the key all the same: the other end refuses a second one, or has its own way to say no.
 * Of somebody whom we do not know nothing is taken before there has been a link. */
bool typed_shown(struct peer *typed, const uint8_t key[32], const char *address)
{
	char id[NODEID_LEN + 1];
	struct peer *p;

	nodeid_of(key, id);
	if (strcmp(id, typed->peers->id) == 0) {
		typed_is_self(typed, address);
		return typed->entity.dead;
	}
	p = typed->kind == PEER_TYPED ? peers_find_id(typed->peers, str_z(id)) : NULL;
	if (!p)
		return false;
	memcpy(p->key, key, sizeof(p->key));
	typed_take_over(p, typed);
	typed_inherit(p, typed);
	return true;
}

static void tell_self(struct peer *p, const char *address)
{
	static const char what[] = "is this node itself: give the number of the other machine";
	CLEANUP(buf_clear) struct buf name = {.max = 256};

	if (strcmp(p->label, address) != 0)
		buf_fmt(&name, ", where %s was expected,", p->label);
	if (p->adder)
		command_reply(peer_core(p), p->adder, true, "%s%s %s", address, buf_cstr(&name), what);
	else
		notice(p->peers, "warning", p, "%s%s %s", address, buf_cstr(&name), what);
	p->adder = 0;
}

/* Said once, since the address goes. A row that was nothing but the address goes with it. What waits for somebody whom our user has
 * named waits on, until he says where that one is. */
void typed_is_self(struct peer *p, const char *address)
{
	char *text = xstrdup(address); /* it may be the row's own */

	if (peer_address_drop(p, text)) {
		if (p->kind == PEER_TYPED)
			tell_self(p, text);
		if (p->kind == PEER_TYPED && !p->address_n && !(p->named && p->outbox.n)) {
			outbox_bounce(p, xerr_text(XERR_ITEM_NOT_FOUND, "at this address is your own node"));
			peer_forget(p);
		}
	}
	xfree(text);
}
