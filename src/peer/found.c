/* What discovery says. Nothing of it is proven: it tells where somebody may be, and the link tells who it is. */
#include "peer/peers_i.h"

#include "xmpp/escape.h"

/* ---- somebody is there ---- */

static struct str user_part(struct str instance)
{
	struct str rest = instance, user = str_cut(&rest, '@');

	return rest.p && user.n ? user : instance;
}

static void put_address(const struct service *s, unsigned i, struct buf *out)
{
	bool v6 = strchr(s->addresses[i], ':') != NULL;

	buf_reset(out);
	buf_fmt(out, v6 ? "[%s]:%u" : "%s:%u", s->addresses[i], s->port);
}

static bool has_address(const struct service *s, const char *text)
{
	CLEANUP(buf_clear) struct buf one = {.max = 128};

	for (unsigned i = 0; i < s->address_count; i++) {
		put_address(s, i, &one);
		if (strcmp(buf_cstr(&one), text) == 0)
			return true;
	}
	return false;
}

/* Those that the network told of before and no more go, unless a link once came of them. */
static void take_addresses(struct peer *p, const struct service *s)
{
	CLEANUP(buf_clear) struct buf one = {.max = 128};

	for (unsigned i = p->address_n; i-- > 0;)
		if (p->addresses[i].source == SOURCE_MDNS && !p->addresses[i].success &&
			!has_address(s, p->addresses[i].text)) {
			xfree(p->addresses[i].text);
			p->addresses[i] = p->addresses[--p->address_n];
		}
	for (unsigned i = 0; i < s->address_count; i++) {
		put_address(s, i, &one);
		peer_address_put(p, buf_cstr(&one), SOURCE_MDNS);
	}
}

static struct peer *peer_of(struct peers *ps, const struct service *s)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};
	struct str id = service_txt(s, "wk"), instance = str_z(s->instance);
	char domain[DOMAIN_SIZE];
	struct peer *p;

	if (!id.n)
		return link_legacy_peer(ps, instance);
	if (!peers_domain_of(id, domain) || str_eq(id, str_z(ps->id)))
		return NULL;
	p = peers_find(ps, str_z(domain));
	if (p)
		return p;
	/* An old program knows nothing of keys, nor does whoever plays one. */
	if (ps->config.keyless)
		return link_legacy_peer(ps, instance);
	label_of_instance(ps, NULL, instance, &label);
	return peer_new(ps, PEER_KEYED, str_z(domain), buf_view(&label));
}

static bool same_looks(const struct service *a, const struct service *b)
{
	return a && str_eq(service_txt(a, "status"), service_txt(b, "status")) &&
		str_eq(service_txt(a, "show"), service_txt(b, "show")) &&
		str_eq(service_txt(a, "msg"), service_txt(b, "msg")) &&
		str_eq(service_txt(a, "phsh"), service_txt(b, "phsh"));
}

/* A name stands for one at a time: whoever else was found by it is not there any more. */
static void leave_name(struct peers *ps, struct str instance, const struct peer *but)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p != but && p->service && str_eq(str_z(p->service->instance), instance)) {
			service_free(&p->service);
			if (peer_is_up(p))
				show_peer(p);
			else
				show_forget(p);
		}
}

static bool is_worth_keeping(const struct peer *p)
{
	return p->stored || p->service || p->link || p->nego || p->outbox.n || p->pending.first;
}

/* An old program has given way to a node of the same name. What waits for it was for whoever is called so, but a name is anybody's:
 * it goes to somebody who is known, and to others when our user says that they are who he means. */
void found_take_waiting(struct peer *p)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct peer *old;

	if (p->kind != PEER_KEYED || p->trust == TRUST_CHANGED || p->trust == TRUST_BLOCKED || !p->instance ||
		!link_legacy_jid(str_z(p->instance), &jid))
		return;
	old = peers_find(p->peers, buf_view(&jid));
	if (!old || !old->outbox.n || old->trust == TRUST_BLOCKED || peer_is_up(old))
		return;
	if (!peer_known(p)) {
		if (!p->stranger.offered)
			notice(p->peers, "known", p,
				"%s has a key now, and nobody knows whose: %u message%s for %s wait%s until you say that this is "
				"who you mean (/accept %s)",
				p->label, old->outbox.n, old->outbox.n == 1 ? "" : "s", old->label,
				old->outbox.n == 1 ? "s" : "", label_word(p).text);
		p->stranger.offered = true;
		return;
	}
	notice(p->peers, "known", p, "%s has a key now: what waited for %s goes out, encrypted", p->label, old->label);
	outbox_move(p, old);
	peer_forget(old);
}

/* Whom our user knows, or has blocked, he knows by the key and by the name he had then; if that was none the label is the key's
 * beginning. */
static bool keeps_label(const struct peer *p)
{
	bool decided = peer_known(p) || p->trust == TRUST_BLOCKED;

	return p->named ||
		(p->kind == PEER_KEYED && decided &&
			!(strlen(p->label) >= ID_LABEL_MIN && str_starts(jid_str(p->entity.jid), str_z(p->label))));
}

void found_service(struct peers *ps, struct service **service)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};
	const struct service *s = *service;
	struct str instance = str_z(s->instance);
	struct peer *p;
	bool same;

	if (!instance.n || !str_utf8(instance) || !s->port)
		return;
	p = peer_of(ps, s);
	if (!p)
		return;
	if (!p->instance || !str_eq(str_z(p->instance), instance)) {
		xfree(p->instance);
		p->instance = str_dup(instance);
		label_of_instance(ps, p, instance, &label);
		if (!keeps_label(p))
			peer_set_label(p, buf_view(&label));
		changed_check_name(p, instance); /* which tells the label */
	}
	if (!p->user)
		peer_set_user(p, user_part(instance));
	leave_name(ps, instance, p);
	if (!p->service) { /* he was away: our user may have forgotten what waits, and he may have another program */
		p->plain.asked = false;
		if (p->plain.starttls == HAS_STARTTLS_NOT)
			p->plain.starttls = HAS_STARTTLS_UNKNOWN;
	}
	same = same_looks(p->service, s);
	service_free(&p->service);
	p->service = TAKE(*service);
	take_addresses(p, p->service);
	picture_on_found(p);
	peer_changed(p);
	if (same)
		show_peer(p);
	else
		show_again(p);
	found_take_waiting(p);
	dial_now(p);
}

static void on_found(struct peers *ps, struct msg *m) { found_service(ps, &m->found.service); }

/* Gone from the network, says the network. A link that works goes on working. */
static void on_gone(struct peers *ps, struct msg *m)
{
	struct str instance = str_z(m->gone.instance);
	struct peer *p = NULL;

	leave_name(ps, instance, NULL);
	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->instance && str_eq(str_z(p->instance), instance) && !is_worth_keeping(p)) {
			peer_forget(p);
			pos = 0;
		}
}

/* ---- ourselves ---- */

static void on_named(struct peers *ps, struct msg *m)
{
	if (m->named.renamed && (!ps->named || strcmp(ps->named, m->named.instance) != 0))
		notice(ps, "name", NULL, "somebody else on this network is called %s, so you are %s now", ps->instance,
			m->named.instance);
	xfree(ps->named);
	ps->named = TAKE(m->named.instance);
}

/* Addresses come and go: are the links alive, and who can be reached now? */
static void look_again(struct peers *ps)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		if (peer_is_up(p))
			core_to_wire(peer_core(p), MSG_LINK_PROBE, p->link->session.conn)->session =
				p->link->session.handle;
		else
			dial_now(p);
	}
}

static void on_network(struct peers *ps, struct msg *m)
{
	bool new_text = !ps->network || strcmp(ps->network, m->network.text) != 0;

	if (new_text && (!m->network.usable || ps->network))
		notice(ps, "network", NULL, "%s", m->network.text);
	xfree(ps->network);
	ps->network = TAKE(m->network.text);
	ps->no_network = !m->network.usable;
	if (m->network.changed_addresses)
		look_again(ps);
}

static void (*const handlers[MSG_KIND_COUNT])(struct peers *ps, struct msg *m) = {
	[MSG_FOUND] = on_found,
	[MSG_GONE] = on_gone,
	[MSG_NAMED] = on_named,
	[MSG_PICTURE] = picture_on_msg,
	[MSG_NETWORK] = on_network,
};

/* Discovery tells once: what it says before the table is read waits for that. */
void found_on_msg(struct peers *ps, struct msg *m)
{
	if (ps->loaded) {
		handlers[m->kind](ps, m);
	} else if (ps->early.n < EARLY_MAX) {
		*msgs_add(&ps->early) = *m;
		*m = (struct msg){.kind = MSG_NONE};
	}
}

void found_early(struct peers *ps)
{
	for (uint32_t i = 0; i < ps->early.n; i++)
		handlers[ps->early.m[i].kind](ps, &ps->early.m[i]);
	msgs_clear(&ps->early);
}
