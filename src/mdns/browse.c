/* Looking for others: questions, and what is done with answers (RFC 6762 section 5). */
#include "base/map.h"
#include "base/mem.h"
#include "mdns/responder_i.h"

enum {
	BROWSE_MAX = 3600, /* seconds between two questions for peers */
	QUESTIONS_MAX = 64,
	VIEW_MS = 20,
	PICTURE_TRIES = 4,
	TOGETHER_MS = 2500
};

void browse_start(struct seg *seg)
{
	struct loop *l = seg->responder->loop;

	seg->browse_interval = 1;
	timer_start(loop_timers(l), &seg->browse_timer, loop_now(l) + random_ms(20, 120));
}

static uint32_t link_of(const struct seg *seg) { return CACHE_LINK(seg->iface.index, 0); }

static void put_known(struct packet_out *p, const struct seg *seg, int64_t now)
{
	const struct responder *r = seg->responder;
	struct dns_record record = {.name = r->type, .type = DNS_PTR};

	for (struct cache_entry *e = NULL; (e = cache_find(&r->cache, &r->type, DNS_PTR, e));) {
		int64_t left = (e->expires - now) / 1000;
		if (e->link != link_of(seg) || left * 2 <= e->ttl)
			continue;
		record.ttl = (uint32_t)left;
		record.rdata = e->rdata;
		record.n = e->n;
		packet_record(p, DNS_ANSWER, &record);
	}
}

void browse_on_timer(struct timer *t)
{
	struct seg *seg = CONTAINER_OF(t, struct seg, browse_timer);
	struct loop *l = seg->responder->loop;
	struct packet_out p;

	packet_start(&p, seg, NULL, 0, 0);
	packet_question(&p, &seg->responder->type, DNS_PTR);
	put_known(&p, seg, loop_now(l));
	packet_send(&p);
	timer_start(loop_timers(l), t, loop_now(l) + (int64_t)seg->browse_interval * 1000);
	seg->browse_interval = seg->browse_interval * 2 < BROWSE_MAX ? seg->browse_interval * 2 : BROWSE_MAX;
}

/* Does an entry of this type point to the name? */
static bool is_target(const struct responder *r, uint16_t type, const struct dns_name *name)
{
	size_t before = type == DNS_SRV ? 6 : 0;
	struct dns_name target;

	CACHE_EACH(e, &r->cache)
	{
		if (e->type != type || e->n != before + name->n)
			continue;
		if (dns_name_decode(&target, e->rdata + before, e->n - before) == 0 && dns_name_equal(&target, name))
			return true;
	}
	return false;
}

/* Of use, and well-formed? */
static bool is_wanted(const struct responder *r, const struct dns_record *record)
{
	struct dns_name name;
	uint16_t port;

	switch (record->type) {
	case DNS_PTR:
		return dns_name_equal(&record->name, &r->type) &&
			dns_name_decode(&name, record->rdata, record->n) == 0 && dns_name_is_under(&name, &r->type);
	case DNS_SRV:
		return dns_srv_decode(record->rdata, record->n, &port, &name) == 0 &&
			is_target(r, DNS_PTR, &record->name);
	case DNS_TXT:
		return record->n > 0 && is_target(r, DNS_PTR, &record->name);
	case DNS_A:
		return record->n == 4 && is_target(r, DNS_SRV, &record->name);
	case DNS_AAAA:
		return record->n == 16 && is_target(r, DNS_SRV, &record->name);
	default:
		return false;
	}
}

static void take_picture(struct responder *r, const struct dns_record *record)
{
	struct dns_name name;

	for (unsigned i = 0; record->ttl && i < PICTURES_MAX; i++) {
		char *instance = r->pictures[i].instance;
		if (!instance || presence_instance(&name, instance) < 0 || !dns_name_equal(&name, &record->name))
			continue;
		out_picture(r->out, instance, record->rdata, record->n);
		xfree(instance);
		r->pictures[i] = (struct wanted_picture){0};
	}
}

static void ask_soon(struct responder *r, struct cache_entry *ptr)
{
	ptr->tries = 0;
	ptr->ask_at = loop_now(r->loop) + random_ms(20, 120);
}

/* An instance's SRV came: perhaps its host has to be asked for. */
static void ask_for_host_soon(struct responder *r, const struct cache_entry *srv)
{
	struct dns_name target;

	for (struct cache_entry *e = NULL; (e = cache_find(&r->cache, &r->type, DNS_PTR, e));)
		if (e->link == srv->link && dns_name_decode(&target, e->rdata, e->n) == 0 &&
			dns_name_equal(&target, &srv->name))
			ask_soon(r, e);
}

static void take_record(struct seg *seg, uint64_t source, const struct dns_record *record)
{
	struct responder *r = seg->responder;
	int64_t now = loop_now(r->loop);
	unsigned before = r->cache.n;

	if (record->type == DNS_NULL)
		take_picture(r, record);
	if (!is_wanted(r, record))
		return;
	if (record->flush)
		cache_flush(&r->cache, link_of(seg), record, now);
	struct cache_entry *e = cache_put(&r->cache, link_of(seg), source, record, now);
	if (e && record->type == DNS_PTR && record->ttl)
		ask_soon(r, e);
	else if (e && record->type == DNS_SRV && r->cache.n > before)
		ask_for_host_soon(r, e);
}

/* A record of ours, said by another. He said goodbye for it, or lets it die early: we say it again. He said what we were
 * about to say (all who are here have that record of the type of service): once is enough. */
static void on_same(struct seg *seg, const struct dns_record *record)
{
	struct dns_record own;
	enum mine kind;

	if (seg->phase < SEG_ANNOUNCING || !mine_is(seg, record, &kind) || !mine_get(seg, kind, 0, &own))
		return;
	if (record->ttl < own.ttl / 2)
		answer_soon(seg, &(struct pending){.kinds = 1u << kind, .due = loop_now(seg->responder->loop)});
	else if (kind == MINE_TYPE && record->ttl >= own.ttl)
		answer_spared(seg, 1u << kind);
}

/* Records in the order in which one makes the next of use: instances, what is said of them, their hosts' addresses. */
static int stage_of(uint16_t type)
{
	if (type == DNS_PTR)
		return 0;
	return type == DNS_A || type == DNS_AAAA ? 2 : 1;
}

void browse_on_response(struct seg *seg, const struct place *from, struct dns_reader reader)
{
	uint64_t source = hash_bytes(from->ip.b, from->ip.family == 4 ? 4 : sizeof(from->ip.b));
	enum dns_section section;
	struct dns_record record;

	for (int stage = 0; stage < 3; stage++) {
		struct dns_reader again = reader;
		while (dns_next_record(&again, &section, &record) == 0) {
			if (stage_of(record.type) != stage)
				continue;
			on_same(seg, &record);
			probe_on_record(seg, from, &record);
			take_record(seg, source, &record);
		}
	}
	browse_schedule(seg->responder);
}

void browse_on_query(struct seg *seg, struct dns_reader reader)
{
	struct responder *r = seg->responder;
	int64_t now = loop_now(r->loop);
	struct dns_question q;

	if (reader.records[DNS_ANSWER] || reader.records[DNS_AUTHORITY])
		return;
	while (dns_next_question(&reader, &q) == 0)
		for (struct cache_entry *e = NULL; (e = cache_find(&r->cache, &q.name, q.type, e));)
			if (e->link == link_of(seg) && e->refresh_at <= now + TOGETHER_MS)
				cache_refreshed(e, now);
	browse_schedule(r);
}

/* Questions of one packet or more, each once. */
struct questions {
	const struct dns_name *names[QUESTIONS_MAX];
	uint16_t types[QUESTIONS_MAX];
	struct dns_name own[QUESTIONS_MAX]; /* for names that stand nowhere else */
	unsigned n;
};

static void ask(struct questions *q, const struct dns_name *name, uint16_t type)
{
	for (unsigned i = 0; i < q->n; i++)
		if (q->types[i] == type && dns_name_equal(q->names[i], name))
			return;
	if (q->n == QUESTIONS_MAX)
		return;
	q->own[q->n] = *name;
	q->names[q->n] = &q->own[q->n];
	q->types[q->n++] = type;
}

static struct cache_entry *find_on(const struct responder *r, uint32_t link, const struct dns_name *name, uint16_t type)
{
	struct cache_entry *e = NULL;

	while ((e = cache_find(&r->cache, name, type, e)))
		if (e->link == link)
			break;
	return e;
}

/* Asks for what is not known of an instance. True if anything was. */
static bool ask_missing(const struct responder *r, const struct cache_entry *ptr, struct questions *q)
{
	struct dns_name instance, host;
	uint16_t port;
	unsigned before = q->n;

	if (dns_name_decode(&instance, ptr->rdata, ptr->n) < 0)
		return false;
	const struct cache_entry *srv = find_on(r, ptr->link, &instance, DNS_SRV);
	if (!srv)
		ask(q, &instance, DNS_SRV);
	if (!find_on(r, ptr->link, &instance, DNS_TXT))
		ask(q, &instance, DNS_TXT);
	if (srv && dns_srv_decode(srv->rdata, srv->n, &port, &host) == 0 && !find_on(r, ptr->link, &host, DNS_A) &&
		!find_on(r, ptr->link, &host, DNS_AAAA)) {
		ask(q, &host, DNS_A);
		ask(q, &host, DNS_AAAA);
	}
	return q->n > before;
}

/* Is it worth keeping alive? */
static bool is_needed(const struct responder *r, const struct cache_entry *e)
{
	if (e->type == DNS_PTR)
		return true;
	return is_target(r, e->type == DNS_SRV || e->type == DNS_TXT ? DNS_PTR : DNS_SRV, &e->name);
}

static void ask_due(struct responder *r, struct cache_entry *e, int64_t now, struct questions *q)
{
	/* What is due in a moment goes with it. */
	if (e->refresh_at <= now + TOGETHER_MS) {
		if (is_needed(r, e))
			ask(q, &e->name, e->type);
		cache_refreshed(e, now);
	}
	if (e->type != DNS_PTR || e->ask_at > now)
		return;
	bool missing = e->tries < CACHE_TRIES_MAX && ask_missing(r, e, q);
	e->ask_at = missing ? now + ((int64_t)1000 << e->tries) : INT64_MAX;
	e->tries++;
}

/* True when it has to be asked for now. */
static bool picture_due(struct wanted_picture *w, int64_t now)
{
	if (!w->instance || w->ask_at > now)
		return false;
	w->ask_at = now + ((int64_t)1000 << w->tries);
	if (w->tries++ < PICTURE_TRIES)
		return true;
	xfree(w->instance);
	*w = (struct wanted_picture){0};
	return false;
}

static void send_questions(struct seg *seg, const struct questions *q)
{
	struct packet_out p;

	packet_start(&p, seg, NULL, 0, 0);
	for (unsigned i = 0; i < q->n; i++)
		packet_question(&p, q->names[i], q->types[i]);
	packet_send(&p);
}

static void ask_all(struct responder *r, struct questions *q, int64_t now)
{
	struct dns_name pictures[PICTURES_MAX], name;
	unsigned n = 0;

	for (unsigned i = 0; i < PICTURES_MAX; i++)
		if (picture_due(&r->pictures[i], now) && presence_instance(&name, r->pictures[i].instance) == 0)
			pictures[n++] = name;
	for (unsigned i = 0; i < r->seg_count; i++) {
		q->n = 0;
		CACHE_EACH(e, &r->cache)
		if (e->link == link_of(r->segs[i]))
			ask_due(r, e, now, q);
		for (unsigned k = 0; k < n; k++)
			ask(q, &pictures[k], DNS_NULL);
		send_questions(r->segs[i], q);
	}
}

void browse_on_cache_timer(struct timer *t)
{
	struct responder *r = CONTAINER_OF(t, struct responder, cache_timer);
	struct questions *q = xcalloc(1, sizeof(*q));
	int64_t now = loop_now(r->loop);

	cache_expire(&r->cache, now);
	ask_all(r, q, now);
	xfree(q);
	browse_schedule(r);
}

static int64_t earliest(int64_t a, int64_t b) { return a < b ? a : b; }

/* When something of the cache is due, and the core is to be told. */
void browse_schedule(struct responder *r)
{
	struct timers *timers = loop_timers(r->loop);
	int64_t now = loop_now(r->loop), due = INT64_MAX;

	CACHE_EACH(e, &r->cache)
	{
		due = earliest(due, earliest(e->expires, e->refresh_at));
		due = e->type == DNS_PTR ? earliest(due, e->ask_at) : due;
	}
	for (unsigned i = 0; i < PICTURES_MAX; i++)
		due = r->pictures[i].instance ? earliest(due, r->pictures[i].ask_at) : due;
	if (due < INT64_MAX)
		timer_start(timers, &r->cache_timer, due > now ? due : now + 1);
	else
		timer_stop(timers, &r->cache_timer);
	if (r->cache.changed && !timer_running(&r->view_timer))
		timer_start(timers, &r->view_timer, now + VIEW_MS);
}

void browse_on_view_timer(struct timer *t)
{
	struct responder *r = CONTAINER_OF(t, struct responder, view_timer);

	r->cache.changed = false;
	view_update(r->view);
}
