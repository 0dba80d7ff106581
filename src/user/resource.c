#include "user/resource.h"

#include "base/err.h"
#include "base/hash.h"
#include "user/archive.h"
#include "user/carbons.h"
#include "user/deliver.h"
#include "user/presence.h"
#include "user/receipts.h"
#include "user/transit.h"
#include "user/users_i.h"

/* ---- what the core calls ---- */

static bool is_for_own_account(const struct account *a, const struct stanza *s)
{
	return !jid_some(s->to) || (!s->to.resource && account_is_own(a, s->to));
}

/* RFC 6120 10.3.1: a message without address is for the account itself. The one with address takes over the number. */
static void address_to_self(struct account *a, struct stanza **s)
{
	struct stanza *copy = stanza_copy(*s, a->entity.jid);

	copy->origin = (*s)->origin;
	copy->counted_by = (*s)->counted_by;
	copy->origin_seq = (*s)->origin_seq;
	(*s)->origin_seq = 0;
	core_done(a->entity.core, s);
	*s = copy;
}

/* Into the archive, and to the other clients; *s is NULL when it does not go on. What is for the account itself is archived
 * when it comes in. */
static void message_out(struct resource *r, struct stanza **s)
{
	struct account *a = account_of(&r->session);
	struct core *c = r->session.core;
	bool stored;
	struct packet *p;

	if (receipts_answered(a, *s)) {
		core_done(c, s);
		return;
	}
	if (account_is_own(a, (*s)->to) || (!archive_wants(a, *s, (*s)->to) && !carbons_wanted(r)))
		return;
	p = archive_take(a, *s, (*s)->to, false, &stored);
	if (stored)
		(*s)->commit = core_commit(c);
	carbons_sent(r, *s, p, (*s)->commit);
	packet_unref(&p);
}

/* Requests to its own account are dealt with at once, past the inbox: a client's stanzas are taken in its order. Messages
 * wait in it with those of others while the stored ones are on their way. */
static void on_stanza(struct session *session, struct stanza **s)
{
	struct resource *r = resource_of(session);
	struct account *a = account_of(session);

	if (a->state != ACCOUNT_HERE) {
		core_done(session->core, s);
		return;
	}
	if ((*s)->kind == STANZA_PRESENCE) {
		presence_out(r, s);
		return;
	}
	if ((*s)->kind == STANZA_IQ && is_for_own_account(a, *s)) {
		iq_dispatch(&a->entity, AT_ACCOUNT, s);
		return;
	}
	if (!jid_some((*s)->to))
		address_to_self(a, s);
	if ((*s)->kind == STANZA_MESSAGE)
		message_out(r, s);
	if (*s)
		core_send(session->core, s);
}

static void on_tagged(struct session *session, uint64_t tag, bool arrived)
{
	transit_end(account_of(session), tag, arrived);
}

static void unlink_resource(struct account *a, struct resource *r)
{
	struct resource **at = &a->resources;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	r->next = NULL;
}

static void on_gone(struct session *session)
{
	struct resource *r = resource_of(session);

	unlink_resource(account_of(session), r);
	presence_gone(r);
}

static void on_returned(struct session *session, struct stanza **s) { deliver_returned(account_of(session), s); }

/* Whoever tells the user something by hand may go on. */
static void on_attached(struct session *session) { feed_presence(account_of(session)); }

static void resource_free(struct session *session)
{
	struct resource *r = resource_of(session);
	struct account *a = account_of(session);

	unlink_resource(a, r);
	packet_unref(&r->presence);
	resource_clear_directed(r);
	session_clear(session);
	xfree(r);
	account_leave_session(a);
}

static const struct session_ops session_ops = {
	.on_stanza = on_stanza,
	.on_gone = on_gone,
	.on_returned = on_returned,
	.on_tagged = on_tagged,
	.on_attached = on_attached,
	.free = resource_free,
};

/* ---- opening ---- */

/* `account/name`, or a name of ours. */
static int full_address(const struct account *a, const char *name, struct buf *out)
{
	char made_up[17];

	buf_str(out, jid_bare_str(a->entity.jid));
	buf_char(out, '/');
	if (name)
		return jid_prep_resource(str_z(name), out);
	rand_token(made_up, sizeof(made_up) - 1);
	buf_z(out, made_up);
	return 0;
}

/* RFC 6120 7.7.2.2: the new one wins, because an old one is usually a broken connection of the same client. */
static void replace(struct account *a, struct jid full)
{
	struct resource *old = resource_find(a, jid_resource(full));

	if (old)
		session_close(&old->session, SERR_CONFLICT, "replaced by a new connection");
}

enum xerr_cond resource_open(struct account *a, const char *name, bool secure, uint64_t conn)
{
	CLEANUP(buf_clear) struct buf address = {0};
	struct resource *r;
	struct jid full;

	must(a->state == ACCOUNT_HERE);
	buf_init(&address, JID_MAX);
	if (full_address(a, name, &address) < 0 || !buf_ok(&address))
		return XERR_BAD_REQUEST;
	full = jid_view(buf_view(&address));
	replace(a, full);
	if (resource_count(a) >= users_of(a)->config.sessions_max)
		return XERR_RESOURCE_CONSTRAINT;
	r = xcalloc(1, sizeof(*r));
	if (session_open(&r->session, &session_ops, a->entity.core, &a->entity, full, conn) < 0) {
		xfree(r);
		return XERR_RESOURCE_CONSTRAINT;
	}
	r->session.secure = secure;
	r->next = a->resources;
	a->resources = r;
	account_enter_session(a);
	return XERR_NONE;
}

/* ---- finding ---- */

struct resource *resource_find(const struct account *a, struct str name)
{
	for (struct resource *r = a->resources; r; r = r->next)
		if (str_eq(jid_resource(r->session.jid), name))
			return r;
	return NULL;
}

unsigned resource_count(const struct account *a)
{
	unsigned n = 0;

	for (const struct resource *r = a->resources; r; r = r->next)
		n++;
	return n;
}

struct resource *resource_get(const struct account *a, uint64_t handle)
{
	struct session *s = session_find(a->entity.core, handle);

	return s && session_alive(s) && s->owner == &a->entity ? resource_of(s) : NULL;
}

void resources_collect_available(struct users *u, const struct account *a)
{
	for (const struct resource *r = a->resources; r; r = r->next)
		if (resource_available(r))
			users_collect(u, r->session.handle);
}

void resources_collect_interested(struct users *u, const struct account *a)
{
	for (const struct resource *r = a->resources; r; r = r->next)
		if (r->interested)
			users_collect(u, r->session.handle);
}

/* ---- directed presence ---- */

static struct directed **find_directed(struct resource *r, struct jid jid)
{
	struct str key = jid_str(jid);
	struct directed **at = &r->directed;

	while (*at && !str_eq((struct str){(*at)->jid, (*at)->jid_n}, key))
		at = &(*at)->next;
	return at;
}

bool resource_directed_to(const struct resource *r, struct jid jid)
{
	return *find_directed((struct resource *)r, jid) != NULL;
}

int resource_add_directed(struct resource *r, struct jid jid)
{
	struct str key = jid_str(jid);
	struct directed *d;

	if (*find_directed(r, jid))
		return 0;
	if (r->directed_count >= DIRECTED_MAX)
		return ERR_LIMIT;
	d = xmalloc(sizeof(*d) + key.n);
	d->next = r->directed;
	d->jid_n = (uint16_t)key.n;
	memcpy(d->jid, key.p, key.n);
	r->directed = d;
	r->directed_count++;
	return 0;
}

void resource_remove_directed(struct resource *r, struct jid jid)
{
	struct directed **at = find_directed(r, jid), *d = *at;

	if (!d)
		return;
	*at = d->next;
	xfree(d);
	r->directed_count--;
}

void resource_clear_directed(struct resource *r)
{
	while (r->directed) {
		struct directed *d = r->directed;
		r->directed = d->next;
		xfree(d);
	}
	r->directed_count = 0;
}
