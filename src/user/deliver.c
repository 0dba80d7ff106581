#include "user/deliver.h"

#include "user/archive.h"
#include "user/carbons.h"
#include "user/offline.h"
#include "user/presence.h"
#include "user/receipts.h"
#include "user/resource.h"
#include "user/transit.h"
#include "user/users_i.h"
#include "xmpp/ns.h"

enum {
	S = DELIVER_SILENT,
	E = DELIVER_ERROR,
	O = DELIVER_OFFLINE,
	D = DELIVER_DIRECT,
	M = DELIVER_MOST,
	A = DELIVER_ALL,
};

_Static_assert(TYPE_NORMAL == 0 && TYPE_CHAT == 1 && TYPE_GROUPCHAT == 2 && TYPE_HEADLINE == 3, "the columns below");

/* clang-format off */
const uint8_t deliver_rules[DELIVER_HAVE_COUNT][DELIVER_TO_COUNT][TYPE_COUNT] = {
	/*                       normal chat groupchat headline     error */
	[HAVE_NONE] = {
		[TO_BARE]          = {O,   O,   E,   S, [TYPE_ERROR] = S},
		[TO_FULL_MATCH]    = {D,   D,   D,   D, [TYPE_ERROR] = D}, /* connected, not available */
		[TO_FULL_NO_MATCH] = {E,   O,   E,   S, [TYPE_ERROR] = S},
	},
	[HAVE_NEGATIVE] = {
		[TO_BARE]          = {O,   O,   E,   S, [TYPE_ERROR] = S},
		[TO_FULL_MATCH]    = {D,   D,   D,   D, [TYPE_ERROR] = D},
		[TO_FULL_NO_MATCH] = {E,   O,   E,   S, [TYPE_ERROR] = S},
	},
	[HAVE_NON_NEGATIVE] = {
		[TO_BARE]          = {M,   M,   E,   A, [TYPE_ERROR] = S},
		[TO_FULL_MATCH]    = {D,   D,   D,   D, [TYPE_ERROR] = D},
		[TO_FULL_NO_MATCH] = {E,   M,   E,   S, [TYPE_ERROR] = S},
	},
};
/* clang-format on */

/* ---- messages ---- */

static enum deliver_have what_there_is(const struct account *a, int *ret_highest)
{
	enum deliver_have have = HAVE_NONE;

	*ret_highest = -129;
	for (const struct resource *r = a->resources; r; r = r->next) {
		if (!resource_available(r))
			continue;
		if (r->priority > *ret_highest)
			*ret_highest = r->priority;
		if (have == HAVE_NONE)
			have = HAVE_NEGATIVE;
	}
	return *ret_highest >= 0 ? HAVE_NON_NEGATIVE : have;
}

struct delivery {
	enum deliver_action action;
	struct resource *match;
	int highest;
	bool again;    /* was delivered before, and came back: as it is */
	bool counted;  /* those who get it acknowledge it */
	uint64_t held; /* its number in transit: it is not done with yet */
	uint64_t commit;
};

/* ---- what must not be lost on its way ---- */

static void keep_safe(struct account *a, const struct stanza *s, struct delivery *d, struct packet *p, bool stored)
{
	if (d->again)
		p->tag = s->tag;
	else if (stored)
		p->tag = transit_add_archived(a, a->archive_last);
	else if (d->counted && transit_wants(s))
		p->tag = d->held = transit_add_held(a);
}

static void done(struct account *a, struct stanza **s, const struct delivery *d)
{
	if (d->held)
		transit_hold(a, d->held, s);
	else
		core_done(a->entity.core, s);
}

/* Who came and went in a room that he hears without being in it: as presence, it is out of date when a session comes back. */
static bool is_out_of_date_soon(const struct account *a, const struct stanza *s)
{
	const struct host *h = s->type == TYPE_HEADLINE ? core_find_host(a->entity.core, jid_domain(s->from)) : NULL;

	return h && h->kind == HOST_ROOMS && stanza_child(s, "event", NS_PUBSUB_EVENT) != XML_NONE;
}

/* What the clients get. What is new goes into the archive. */
static struct packet *make(struct account *a, const struct stanza *s, struct delivery *d)
{
	struct str to = jid_str(s->to);
	bool stored = false;
	struct packet *p = d->again ? packet_from(s, &to) : archive_take(a, s, s->from, true, &stored);

	if (stored) {
		d->commit = core_commit(a->entity.core);
		receipts_answer(a, s);
	}
	if (p)
		keep_safe(a, s, d, p, stored);
	if (p && is_out_of_date_soon(a, s))
		p->volatile_ = true;
	return p;
}

static bool all_count(const struct account *a, int lowest)
{
	for (const struct resource *r = a->resources; r; r = r->next)
		if (resource_available(r) && r->priority >= lowest && !session_counts(&r->session))
			return false;
	return true;
}

static void to_sessions(struct account *a, struct stanza **s, struct delivery *d, int lowest)
{
	struct users *u = users_of(a);
	struct packet *p;

	d->counted = all_count(a, lowest);
	p = make(a, *s, d);
	if (!d->again)
		carbons_received(a, *s, p, NULL, lowest, d->commit);
	for (const struct resource *r = a->resources; r; r = r->next)
		if (resource_available(r) && r->priority >= lowest)
			users_collect(u, r->session.handle);
	/* A copy that comes back is of no use while another one is believed to have arrived. */
	if (p)
		p->copies = u->handles_n;
	users_multicast(u, &p, d->commit);
	done(a, s, d);
}

static void to_match(struct account *a, struct stanza **s, struct delivery *d)
{
	struct packet *p;

	d->counted = session_counts(&d->match->session);
	p = make(a, *s, d);
	carbons_received(a, *s, p, d->match, 0, d->commit);
	if (p)
		session_send(&d->match->session, &p, d->commit);
	done(a, s, d);
}

static void to_resource(struct account *a, struct resource *r, struct stanza **s)
{
	struct str to = jid_str((*s)->to);
	struct packet *p = packet_from(*s, &to);

	if (p)
		session_send(&r->session, &p, 0);
	core_done(a->entity.core, s);
}

static void act(struct account *a, struct stanza **s, struct delivery *d)
{
	if (d->again && d->action <= DELIVER_OFFLINE)
		transit_end(a, (*s)->tag, false);
	switch (d->action) {
	case DELIVER_SILENT:
		core_done(a->entity.core, s);
		return;
	case DELIVER_ERROR:
		core_bounce(a->entity.core, s, xerr(XERR_SERVICE_UNAVAILABLE));
		return;
	case DELIVER_OFFLINE:
		offline_store(a, s, d->again);
		return;
	case DELIVER_DIRECT:
		to_match(a, s, d);
		return;
	case DELIVER_MOST:
		to_sessions(a, s, d, d->highest);
		return;
	case DELIVER_ALL:
		to_sessions(a, s, d, 0);
		return;
	}
}

void deliver_message(struct account *a, struct stanza **s)
{
	struct resource *match = (*s)->to.resource ? resource_find(a, jid_resource((*s)->to)) : NULL;
	enum deliver_to to = match ? TO_FULL_MATCH : (*s)->to.resource ? TO_FULL_NO_MATCH : TO_BARE;
	struct delivery d = {.match = match, .commit = (*s)->commit};

	d.action = deliver_rules[what_there_is(a, &d.highest)][to][(*s)->type];
	act(a, s, &d);
}

/* A room of ours knows itself who has gone. An error would be taken for one about a private message. */
static bool is_from_room_here(const struct core *c, const struct stanza *s)
{
	const struct host *h = s->type == TYPE_GROUPCHAT ? core_find_host(c, jid_domain(s->from)) : NULL;

	return h && h->kind == HOST_ROOMS;
}

/* A copy or a page of the archive, for one session. */
static bool is_from_account(const struct account *a, const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && !s->from.resource && account_is_own(a, s->from);
}

/* What a node has told its user. */
static bool is_from_own_domain(const struct account *a, const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && s->type == TYPE_HEADLINE && jid_some(s->from) && !s->from.local &&
		str_eq(jid_str(s->from), jid_domain(a->entity.jid));
}

void deliver_own_lines(struct account *a)
{
	struct stanza **at = &a->entity.inbox, *s;

	while ((s = *at)) {
		if (!is_from_own_domain(a, s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		if (!s->next)
			a->entity.inbox_tail = at;
		a->entity.inbox_count--;
		s->next = NULL;
		deliver_message(a, &s);
	}
}

void deliver_returned(struct account *a, struct stanza **s)
{
	struct core *c = a->entity.core;
	struct delivery d = {.again = true};
	enum deliver_have have = what_there_is(a, &d.highest);
	enum deliver_to to = TO_BARE;

	if ((*s)->kind == STANZA_IQ) {
		core_bounce(c, s, xerr(XERR_SERVICE_UNAVAILABLE)); /* answers are just forgotten */
		return;
	}
	/* Out of date; what it did to the roster is in the roster. */
	if ((*s)->kind == STANZA_PRESENCE || is_from_room_here(c, *s) || is_from_account(a, *s)) {
		core_done(c, s);
		return;
	}
	if (is_from_own_domain(a, *s) && users_of(a)->config.on_unheard) {
		users_of(a)->config.on_unheard(users_of(a)->config.presence_arg, *s);
		core_done(c, s);
		return;
	}
	if (a->state != ACCOUNT_HERE) {
		deliver_to_nobody(c, s);
		return;
	}
	/* What is worth storing had been accepted: even if it was for this very resource it must not get lost. */
	if ((*s)->to.resource && (*s)->type != TYPE_NORMAL && (*s)->type != TYPE_CHAT)
		to = TO_FULL_NO_MATCH;
	d.action = deliver_rules[have][to][(*s)->type];
	/* Not before it is out of the store, if it was there: after a crash it would be delivered again. And not before
	 * it is in the archive under the number that it tells. */
	if (offline_is_from_store(*s) || archive_has_id(a, *s) || offline_is_event(c, *s))
		d.commit = core_uncommitted(c);
	act(a, s, &d);
}

/* ---- requests ---- */

/* 8.5.3.1: who may not see the presence of a resource does not learn from it, either. */
static bool may_ask(const struct account *a, const struct resource *r, const struct stanza *s)
{
	return s->type == TYPE_RESULT || s->type == TYPE_ERROR || account_shows_presence_to(a, s->from) ||
		resource_directed_to(r, s->from) || resource_directed_to(r, jid_bare(s->from));
}

void deliver_iq(struct account *a, struct stanza **s)
{
	struct resource *r;

	if (!(*s)->to.resource) {
		iq_dispatch(&a->entity, AT_ACCOUNT, s);
		return;
	}
	r = resource_find(a, jid_resource((*s)->to));
	if (r && may_ask(a, r, *s))
		to_resource(a, r, s);
	else
		core_bounce(a->entity.core, s, xerr(XERR_SERVICE_UNAVAILABLE));
}

/* ---- nobody ---- */

void deliver_to_nobody(struct core *c, struct stanza **s)
{
	if ((*s)->kind == STANZA_PRESENCE)
		presence_to_nobody(c, s);
	else if ((*s)->kind == STANZA_MESSAGE && (*s)->type == TYPE_HEADLINE)
		core_done(c, s);
	else
		core_bounce(c, s, xerr(XERR_SERVICE_UNAVAILABLE));
}
