#include "user/presence.h"

#include "base/clock.h"
#include "base/err.h"
#include "user/offline.h"
#include "user/subscription.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- broadcast ---- */

/* Somebody who has no sessions in this process: by stanza. */
static void send_copy(struct core *c, struct packet *p, struct jid to)
{
	struct stanza *s;

	if (packet_parse(p, to, &s) == 0)
		core_send(c, &s);
}

/* The loaded account behind a contact, NULL if it is not loaded; *ret_local: it is in one of our domains. */
static struct account *local_account(const struct core *c, struct jid contact, bool *ret_local)
{
	struct users *u = users_find(c, jid_domain(contact));
	struct account *a;

	*ret_local = u != NULL && contact.local;
	a = *ret_local ? account_find(u, jid_local(contact)) : NULL;
	return a && a->state == ACCOUNT_HERE ? a : NULL;
}

/* To all subscribers and to the account's own available resources. An account that is not in memory has nobody who
 * could hear it. */
static void broadcast(struct account *a, struct packet *p)
{
	struct users *u = users_of(a);
	struct core *c = a->entity.core;
	const struct contact *contact;
	struct packet *own;

	for (uint32_t pos = 0; (contact = roster_next(&a->roster, &pos));) {
		bool local;
		struct account *other;

		if (!(contact->sub & SUB_FROM))
			continue;
		other = local_account(c, contact_jid(contact), &local);
		if (other)
			resources_collect_available(u, other);
		else if (!local)
			send_copy(c, p, contact_jid(contact));
	}
	resources_collect_available(u, a);
	own = packet_ref(p);
	users_multicast(u, &own, 0);
}

/* 4.6.3: also those who were told directly. Subscribers among them know by the broadcast, when there was one. */
static void tell_directed(struct resource *r, struct packet *p, bool was_available)
{
	struct account *a = account_of(&r->session);

	for (struct directed *d = r->directed; d; d = d->next) {
		struct jid to = jid_view((struct str){d->jid, d->jid_n});

		if (!was_available || !account_shows_presence_to(a, to))
			send_copy(a->entity.core, p, to);
	}
	resource_clear_directed(r);
}

static struct packet *bare_presence(struct jid from, enum stanza_type type)
{
	struct packet_head head = {.kind = STANZA_PRESENCE, .type = type, .from = jid_str(from)};
	struct packet_writer w;

	packet_begin(&w, &head);
	return packet_end(&w);
}

static void become_unavailable(struct resource *r, struct packet *p)
{
	struct account *a = account_of(&r->session);
	uint64_t handle = r->session.handle;
	bool was_available = resource_available(r);

	packet_unref(&r->presence);
	r->priority = 0;
	a->last_seen = core_wall(a->entity.core);
	feed_presence(a);
	tell_directed(r, p, was_available);
	if (!was_available)
		return;
	/* 4.5.2: the one who said it hears it, too. */
	users_collect(users_of(a), handle);
	broadcast(a, p);
}

void presence_gone(struct resource *r)
{
	struct packet *p;

	if (!resource_available(r) && !r->directed)
		return;
	p = bare_presence(r->session.jid, TYPE_UNAVAILABLE);
	become_unavailable(r, p);
	packet_unref(&p);
}

/* ---- the first presence of a session ---- */

/* The presence of each available resource to one, but its own. */
static void send_presences(const struct account *of, struct resource *to)
{
	for (const struct resource *r = of->resources; r; r = r->next) {
		struct packet *p = r != to && r->presence ? packet_ref(r->presence) : NULL;
		if (p)
			session_send(&to->session, &p, 0);
	}
}

/* The presence of a contact's resources to a new one of ours, or a probe to where we cannot look. */
static void probe(struct account *a, struct resource *r, const struct contact *contact)
{
	struct core *c = a->entity.core;
	struct jid jid = contact_jid(contact);
	bool local;
	struct account *other = local_account(c, jid, &local);

	if (!local) {
		send_presence(c, TYPE_PROBE, a->entity.jid, jid, STR_NONE);
		return;
	}
	if (!other)
		return;
	if (!account_shows_presence_to(other, a->entity.jid)) {
		/* The two rosters disagree: 4.3.2 heals that. */
		send_presence(c, TYPE_UNSUBSCRIBED, jid, a->entity.jid, STR_NONE);
		return;
	}
	send_presences(other, r);
}

static void send_requests(struct account *a, struct resource *r)
{
	const struct request *q;

	for (uint32_t pos = 0; (q = roster_next_request(&a->roster, &pos));) {
		struct packet *p = packet_ref(q->packet);
		session_send(&r->session, &p, 0);
	}
}

/* 3.1.2: a request that a remote server may have missed is sent again. */
static void ask_again(struct account *a, const struct contact *contact)
{
	if (!users_find(a->entity.core, jid_domain(contact_jid(contact))))
		send_presence(a->entity.core, TYPE_SUBSCRIBE, a->entity.jid, contact_jid(contact), STR_NONE);
}

static void start_presence_session(struct account *a, struct resource *r)
{
	struct core *c = a->entity.core;
	const struct contact *contact;

	send_presences(a, r);
	for (uint32_t pos = 0; (contact = roster_next(&a->roster, &pos));) {
		if (contact->sub & SUB_TO)
			probe(a, r, contact);
		else if (contact->ask)
			ask_again(a, contact);
	}
	core_spend(c, roster_count(&a->roster));
	send_requests(a, r);
}

/* ---- outbound ---- */

static void out_available(struct account *a, struct resource *r, struct stanza **s)
{
	struct core *c = a->entity.core;
	bool initial = !resource_available(r);
	struct packet *p = packet_from(*s, NULL);

	if (!p || packet_view(p).n > PRESENCE_SIZE_MAX) {
		packet_unref(&p);
		core_bounce(c, s, xerr_text(XERR_POLICY_VIOLATION, "presence is too long"));
		return;
	}
	packet_unref(&r->presence);
	r->presence = packet_ref(p);
	r->priority = stanza_priority(*s);
	broadcast(a, p);
	packet_unref(&p);
	feed_presence(a);
	if (initial)
		start_presence_session(a, r);
	if (r->priority >= 0)
		offline_deliver(a, r->session.handle);
	core_done(c, s);
}

static void out_unavailable(struct account *a, struct resource *r, struct stanza **s)
{
	struct packet *p = packet_from(*s, NULL);

	if (!p)
		p = bare_presence(r->session.jid, TYPE_UNAVAILABLE);
	become_unavailable(r, p);
	packet_unref(&p);
	core_done(a->entity.core, s);
}

/* 4.6.3: directed presence. Who is no subscriber has to be told at the end. */
static void out_directed(struct account *a, struct resource *r, struct stanza **s)
{
	struct core *c = a->entity.core;
	struct jid to = (*s)->to;

	if ((*s)->type == TYPE_UNAVAILABLE) {
		resource_remove_directed(r, to);
	} else if (!resource_available(r) || !account_shows_presence_to(a, to)) {
		if (resource_add_directed(r, to) == ERR_LIMIT) {
			core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
			return;
		}
	}
	core_send(c, s);
}

static void out_subscription(struct account *a, struct resource *r, struct stanza **s) { subscription_out(a, s); }

static void out_bad(struct account *a, struct resource *r, struct stanza **s)
{
	core_bounce(a->entity.core, s, xerr(XERR_BAD_REQUEST));
}

/* Whom a client's presence is for decides with its type what is done; NULL: routed as it is, or forgotten if there is
 * nobody to route it to. */
static void (*const out_without_to[TYPE_COUNT])(struct account *a, struct resource *r, struct stanza **s) = {
	[TYPE_AVAILABLE] = out_available,
	[TYPE_UNAVAILABLE] = out_unavailable,
	[TYPE_SUBSCRIBE] = out_bad,
	[TYPE_SUBSCRIBED] = out_bad,
	[TYPE_UNSUBSCRIBE] = out_bad,
	[TYPE_UNSUBSCRIBED] = out_bad,
};

static void (*const out_with_to[TYPE_COUNT])(struct account *a, struct resource *r, struct stanza **s) = {
	[TYPE_AVAILABLE] = out_directed,
	[TYPE_UNAVAILABLE] = out_directed,
	[TYPE_SUBSCRIBE] = out_subscription,
	[TYPE_SUBSCRIBED] = out_subscription,
	[TYPE_UNSUBSCRIBE] = out_subscription,
	[TYPE_UNSUBSCRIBED] = out_subscription,
};

void presence_out(struct resource *r, struct stanza **s)
{
	struct account *a = account_of(&r->session);
	bool to = jid_some((*s)->to);

	if (to && out_with_to[(*s)->type])
		out_with_to[(*s)->type](a, r, s);
	else if (to)
		core_send(a->entity.core, s);
	else if (out_without_to[(*s)->type])
		out_without_to[(*s)->type](a, r, s);
	else
		core_done(a->entity.core, s);
}

/* ---- inbound ---- */

/* 8.5.2.1.2 and 8.5.3: to all available resources, or to the one that is meant, as it is addressed. */
static void in_notification(struct account *a, struct stanza **s)
{
	struct users *u = users_of(a);
	struct str to = jid_str((*s)->to);
	struct resource *one = (*s)->to.resource ? resource_find(a, jid_resource((*s)->to)) : NULL;
	struct packet *p;

	/* 4.6.1: who goes offline need not hear from us any more. */
	for (struct resource *r = a->resources; r && (*s)->type == TYPE_UNAVAILABLE; r = r->next)
		if (r == one || !(*s)->to.resource)
			resource_remove_directed(r, (*s)->from);
	if (one)
		users_collect(u, one->session.handle);
	else if (!(*s)->to.resource)
		resources_collect_available(u, a);
	p = packet_from(*s, &to);
	users_multicast(u, &p, 0);
	core_done(a->entity.core, s);
}

static void in_subscription(struct account *a, struct stanza **s)
{
	/* 8.5.3.2.2: only a request is taken as if it had been sent to the bare address. */
	if ((*s)->to.resource && (*s)->type != TYPE_SUBSCRIBE && !resource_find(a, jid_resource((*s)->to)))
		core_done(a->entity.core, s);
	else
		subscription_in(a, s);
}

/* An answer to a probe. payload of `like` is used when there is one. */
static void answer_probe(struct core *c, const struct stanza *probe, struct jid from, enum stanza_type type,
	struct str id, struct str payload)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = type,
		.from = jid_str(from),
		.to = type == TYPE_UNSUBSCRIBED ? jid_bare_str(probe->from) : jid_str(probe->from),
		.id = id};
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	buf_str(&w.out, payload);
	p = packet_end(&w);
	core_reply(c, probe, &p, 0);
}

static void answer_offline(struct account *a, const struct stanza *probe)
{
	CLEANUP(buf_clear) struct buf delay = {0};

	buf_init(&delay, 256);
	if (a->last_seen) {
		xml_put_open(&delay, "delay", NS_DELAY);
		buf_z(&delay, " stamp='");
		clock_format(&delay, a->last_seen);
		buf_z(&delay, "'/>");
	}
	answer_probe(a->entity.core, probe, a->entity.jid, TYPE_UNAVAILABLE, probe->id, buf_view(&delay));
}

/* 4.3.2 rule 4: the full presence of each, with its own id. */
static void answer_full(struct account *a, const struct stanza *probe)
{
	struct core *c = a->entity.core;
	bool any = false;

	for (const struct resource *r = a->resources; r; r = r->next) {
		struct stanza *last;

		if (!r->presence || packet_parse(r->presence, probe->from, &last) != 0)
			continue;
		any = true;
		answer_probe(c, probe, r->session.jid, TYPE_AVAILABLE, last->id, xml_inner(&last->tree, XML_ROOT));
		stanza_free(&last);
	}
	if (!any)
		answer_offline(a, probe);
}

/* 4.3.2 and 4.6.6. A probe from another resource of the same account tells nothing that it did not know. */
static void in_probe(struct account *a, struct stanza **s)
{
	struct core *c = a->entity.core;
	struct resource *one = (*s)->to.resource ? resource_find(a, jid_resource((*s)->to)) : NULL;
	bool subscriber = account_shows_presence_to(a, (*s)->from);
	bool told = one && resource_directed_to(one, (*s)->from);

	if (!subscriber && !told)
		answer_probe(c, *s, a->entity.jid, TYPE_UNSUBSCRIBED, (*s)->id, STR_NONE);
	else if (!(*s)->to.resource)
		answer_full(a, *s);
	else if (one && (told || resource_available(one)))
		answer_probe(c, *s, one->session.jid, TYPE_AVAILABLE, STR_NONE, STR_NONE);
	else
		answer_probe(c, *s, (*s)->to, TYPE_UNAVAILABLE, (*s)->id, STR_NONE);
	core_done(c, s);
}

static void (*const in_handlers[TYPE_COUNT])(struct account *a, struct stanza **s) = {
	[TYPE_AVAILABLE] = in_notification,
	[TYPE_UNAVAILABLE] = in_notification,
	[TYPE_ERROR] = in_notification,
	[TYPE_SUBSCRIBE] = in_subscription,
	[TYPE_SUBSCRIBED] = in_subscription,
	[TYPE_UNSUBSCRIBE] = in_subscription,
	[TYPE_UNSUBSCRIBED] = in_subscription,
	[TYPE_PROBE] = in_probe,
};

void presence_in(struct account *a, struct stanza **s)
{
	must(in_handlers[(*s)->type]);
	in_handlers[(*s)->type](a, s);
}

void presence_to_nobody(struct core *c, struct stanza **s)
{
	if ((*s)->type == TYPE_PROBE)
		answer_probe(c, *s, jid_bare((*s)->to), TYPE_UNSUBSCRIBED, (*s)->id, STR_NONE);
	core_done(c, s);
}

/* ---- to one contact ---- */

void presence_show(struct account *a, struct jid contact)
{
	for (struct resource *r = a->resources; r; r = r->next)
		if (r->presence)
			send_copy(a->entity.core, r->presence, jid_bare(contact));
}

void presence_withdraw(struct account *a, struct jid contact)
{
	for (struct resource *r = a->resources; r; r = r->next)
		if (r->presence)
			send_presence(a->entity.core, TYPE_UNAVAILABLE, r->session.jid, jid_bare(contact), STR_NONE);
}
