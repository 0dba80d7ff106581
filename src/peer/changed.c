/* A known name with another key: apart from whom our user knows, until he says that it is the same one. */
#include "peer/peers_i.h"

/* Somebody known under a name that this one uses, too. */
static struct peer *namesake(const struct peers *ps, const struct peer *p, struct str name)
{
	struct peer *o;

	for (uint32_t pos = 0; (o = map_next(&ps->peers, &pos));)
		if (o != p && o->kind == PEER_KEYED && peer_known(o) &&
			(((o->named || !o->instance) && str_eq(str_z(o->label), name)) ||
				(o->instance && str_eq(str_z(o->instance), name))))
			return o;
	return NULL;
}

static struct str name_of(const struct peer *p) { return str_z(p->instance ? p->instance : p->user); }

struct peer *changed_from(const struct peer *p)
{
	struct str name = name_of(p);

	return p->trust == TRUST_CHANGED && name.n ? namesake(p->peers, p, name) : NULL;
}

struct peer *changed_to(const struct peer *known)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&known->peers->peers, &pos));)
		if (changed_from(p) == known)
			return p;
	return NULL;
}

/* ---- the warning ---- */

static void say_changed(struct peer *p, const struct peer *o, struct str name)
{
	notice(p->peers, "changed", p,
		"somebody calls himself %.*s, but it is not the %s you know: another key (%.12s...). It is kept apart as %s, and "
		"/peers shows both. If you know that it is him, with a new key: /accept %s, and what waits for %s goes there; if "
		"not: /block %s",
		STR_FMT(name), o->label, p->entity.jid.s, p->label, label_word(p).text, o->label, label_word(p).text);
}

void changed_check_name(struct peer *p, struct str name)
{
	struct peer *o = p->trust == TRUST_NEW ? namesake(p->peers, p, name) : NULL;

	if (!o)
		return;
	peer_set_trust(p, TRUST_CHANGED);
	say_changed(p, o, name);
}

unsigned changed_remind(struct peers *ps)
{
	unsigned n = 0;
	struct peer *p, *o;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		if (p->trust != TRUST_CHANGED || ++n > UNTOLD_MAX)
			continue;
		o = changed_from(p);
		if (o)
			say_changed(p, o, name_of(p));
	}
	return n > UNTOLD_MAX ? n - UNTOLD_MAX : 0;
}

/* ---- it is the same one ---- */

static void take_label(struct peer *p, const struct peer *old)
{
	if (p->named)
		return;
	p->named = old->named;
	peer_set_label(p, str_z(old->label));
}

static void take_addresses(struct peer *p, const struct peer *old)
{
	for (unsigned i = 0; i < old->address_n; i++)
		if (old->addresses[i].source == SOURCE_TYPED)
			peer_address_put(p, old->addresses[i].text, SOURCE_TYPED);
}

/* A row of the old key would be known and never warned of: whoever comes with it from now on is the one with another key. */
void changed_take_over(struct peer *p, struct peer *old, struct buf *said)
{
	CLEANUP(buf_clear) struct buf was = {.max = JID_MAX};
	uint32_t n = old->outbox.n;

	if (peer_is_up(old) || old->service) {
		buf_fmt(said, ". %s is here with the key you knew, too, so he stays apart and keeps his name",
			old->label);
		return;
	}
	peer_jid(old, &was);
	link_close(old, SERR_RESET,
		"the other end has another key"); /* what its session has not brought over waits again */
	take_label(p, old);
	take_addresses(p, old);
	outbox_move(p, old);
	peer_became(p, buf_view(&was));
	buf_fmt(said, ", and has the place of the %s you knew, whose key is forgotten", old->label);
	if (n)
		buf_fmt(said, "; what waited for that one goes to this one (%u)", n);
	if (old->trust == TRUST_VERIFIED)
		buf_fmt(said, ". The old key was verified, this one is not: /verify %s", label_word(p).text);
	former_add(p, old);
	peer_forget(old);
}
