#include "user/offline.h"

#include "base/clock.h"
#include "user/archive.h"
#include "user/deliver.h"
#include "user/receipts.h"
#include "user/resource.h"
#include "user/transit.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- storing ---- */

enum offline_worth offline_worth(const struct stanza *s)
{
	const struct xml_tree *t = &s->tree;
	bool content = false;

	if (stanza_child(s, "store", NS_HINTS) != XML_NONE)
		return OFFLINE_KEEP;
	XML_EACH(i, t, XML_ROOT) {
		/* The thread of a chat state is no content, either (XEP-0085 5.5). */
		if (!str_is(xml_ns(t, i), NS_CHATSTATES) && !str_is(xml_ns(t, i), NS_HINTS) &&
			!xml_is(t, i, "thread", NS_CLIENT))
			content = true;
	}
	if (!content)
		return OFFLINE_FORGET;
	return stanza_child(s, "no-store", NS_HINTS) != XML_NONE ? OFFLINE_BOUNCE : OFFLINE_KEEP;
}

/* As it came back, with its number; or with a new one. */
static struct packet *to_store(struct account *a, const struct stanza *s, bool again)
{
	struct str to = jid_str(s->to);
	bool stored;

	return again ? packet_from(s, &to) : archive_take(a, s, s->from, false, &stored);
}

static void store(struct account *a, struct stanza **s, bool again)
{
	struct core *c = a->entity.core;
	struct packet *p = to_store(a, *s, again);

	if (!p) {
		core_bounce(c, s, xerr(XERR_NOT_ACCEPTABLE));
		return;
	}
	store_put(core_batch(c), STORE_OFFLINE_ADD, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		++a->offline_last, core_wall(c), packet_view(p));
	packet_unref(&p);
	a->offline_count++;
	if (!again)
		receipts_answer(a, *s);
	core_done(c, s);
}

bool offline_is_event(const struct core *c, const struct stanza *s)
{
	const struct host *h = core_find_host(c, jid_domain(s->from));

	return h && h->kind == HOST_ROOMS && s->kind == STANZA_MESSAGE && s->type == TYPE_NORMAL && !s->from.resource &&
		stanza_child(s, "event", NS_PUBSUB_EVENT) != XML_NONE;
}

void offline_store(struct account *a, struct stanza **s, bool again)
{
	struct core *c = a->entity.core;
	enum offline_worth worth = offline_worth(*s);
	bool event = offline_is_event(c, *s), too_many = a->offline_count >= users_of(a)->config.offline_max / 2;

	if (worth == OFFLINE_FORGET || (event && (worth == OFFLINE_BOUNCE || too_many || !core_can_store(c))))
		core_done(c, s);
	else if (worth == OFFLINE_BOUNCE || a->offline_count >= users_of(a)->config.offline_max)
		core_bounce(c, s, xerr(XERR_SERVICE_UNAVAILABLE));
	else if (!core_can_store(c))
		core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
	else
		store(a, s, again);
}

/* ---- delivering ---- */

struct offline_wait {
	struct wait wait;
	uint64_t account;
	uint64_t handle;
};

static void drop(struct wait *w) { xfree(w); }

/* XEP-0203 section 5: only we can say that we delayed it. */
static bool is_our_delay(const struct stanza *s, uint32_t child)
{
	return xml_is(&s->tree, child, "delay", NS_DELAY) &&
		str_eq(xml_attr(&s->tree, child, "from"), jid_domain(s->to));
}

bool offline_is_from_store(const struct stanza *s)
{
	XML_EACH(i, &s->tree, XML_ROOT) {
		if (is_our_delay(s, i))
			return true;
	}
	return false;
}

static struct packet *delayed(const struct stanza *s, int64_t time)
{
	struct packet_writer w;
	struct packet_head head;

	packet_head_of(s, &head);
	packet_begin(&w, &head);
	packet_put_payload(&w, s, is_our_delay);
	xml_put_open(&w.out, "delay", NS_DELAY);
	xml_put_attr(&w.out, "from", jid_domain(s->to));
	buf_z(&w.out, " stamp='");
	clock_format(&w.out, time);
	buf_z(&w.out, "'/>");
	return packet_end(&w);
}

static void send_one(struct account *a, struct resource *r, int64_t time, struct str text)
{
	struct stanza *s = NULL;
	struct packet *p = NULL;

	if (stanza_parse(text, &s) == 0 && jid_some(s->to))
		p = delayed(s, time);
	if (p) {
		p->tag = transit_add_stored(a, time, text);
		session_send(&r->session, &p, core_commit(r->session.core));
	} else {
		log_error("offline_unreadable", "account=%.*s", STR_FMT(jid_bare_str(r->session.jid)));
	}
	stanza_free(&s);
}

/* What was sent is in transit from here on: if the session breaks it comes back by deliver_returned(). */
static void send_all(struct account *a, struct resource *r, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	int64_t last = 0;
	uint32_t count = 0;
	unsigned n;

	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);) {
		if (kind != ROW_OFFLINE)
			continue;
		send_one(a, r, v[1].i, v[2].s);
		last = v[0].i;
		count++;
	}
	if (!count)
		return;
	core_spend(a->entity.core, count);
	a->offline_count = a->offline_count > count ? a->offline_count - count : 0;
	store_put(core_batch(a->entity.core), STORE_OFFLINE_DEL, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		last);
}

static bool may_have_them(const struct resource *r) { return r && resource_available(r) && r->priority >= 0; }

/* The session went while the messages were on their way; one that became available meanwhile was passed over. */
static void try_another(struct account *a)
{
	struct resource *r = a->resources;

	while (r && !may_have_them(r))
		r = r->next;
	if (r)
		offline_deliver(a, r->session.handle);
}

static void on_rows(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct offline_wait *w = (struct offline_wait *)wait;
	struct account *a = (struct account *)entity_find(c, w->account);
	struct resource *r = a ? resource_get(a, w->handle) : NULL;

	xfree(w);
	if (!a)
		return;
	a->offline_loading = false;
	if (a->state == ACCOUNT_HERE && !rows->error && may_have_them(r)) {
		deliver_own_lines(a); /* they say whom the messages are from */
		send_all(a, r, rows);
	} else if (a->state == ACCOUNT_HERE && !rows->error) {
		try_another(a);
	}
	if (!a->offline_loading)
		entity_park(&a->entity, false);
}

void offline_deliver(struct account *a, uint64_t handle)
{
	struct core *c = a->entity.core;
	struct offline_wait *w;
	struct store_query *q;

	if (!a->offline_count || a->offline_loading)
		return;
	w = xcalloc(1, sizeof(*w));
	w->wait.answer = on_rows;
	w->wait.drop = drop;
	w->account = a->entity.id;
	w->handle = handle;
	a->offline_loading = true;
	entity_park(&a->entity, true);
	q = store_query_new(STORE_OFFLINE_LIST, core_wait(c, &w->wait), jid_domain(a->entity.jid),
		jid_local(a->entity.jid));
	core_ask(c, &q);
}
