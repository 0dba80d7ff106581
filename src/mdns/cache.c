#include "mdns/cache.h"

#include "base/hash.h"
#include "base/mem.h"

enum { SECOND = 1000, REFRESHES = 4 };

void cache_init(struct cache *c)
{
	*c = (struct cache){0};
	list_init(&c->entries);
}

static size_t size_of(const struct cache_entry *e) { return sizeof(*e) + e->n; }

static void drop(struct cache *c, struct cache_entry *e)
{
	list_remove(&e->node);
	c->n--;
	c->bytes -= size_of(e);
	c->changed = true;
	xfree(e);
}

void cache_clear(struct cache *c)
{
	CACHE_EACH(e, c)
	drop(c, e);
}

struct cache_entry *cache_find(const struct cache *c, const struct dns_name *name, uint16_t type,
	const struct cache_entry *prev)
{
	const struct list *node = prev ? prev->node.next : c->entries.next;
	uint64_t hash = prev ? prev->hash : dns_name_hash(name);

	for (; node != &c->entries; node = node->next) {
		struct cache_entry *e = LIST_ITEM(node, struct cache_entry, node);
		if (e->hash == hash && e->type == type && dns_name_equal(&e->name, name))
			return e;
	}
	return NULL;
}

static bool same_name_rdata(const uint8_t *a, const uint8_t *b, size_t n, size_t before)
{
	struct dns_name x, y;

	if (n < before || memcmp(a, b, before) != 0)
		return false;
	if (dns_name_decode(&x, a + before, n - before) < 0 || dns_name_decode(&y, b + before, n - before) < 0)
		return false;
	return dns_name_equal(&x, &y);
}

/* Names in rdata are compared as names (RFC 6762 section 16). */
static bool same_rdata(const struct cache_entry *e, const struct dns_record *record)
{
	if (e->n != record->n)
		return false;
	if (e->type == DNS_PTR || e->type == DNS_SRV)
		return same_name_rdata(e->rdata, record->rdata, e->n, e->type == DNS_SRV ? 6 : 0);
	return memcmp(e->rdata, record->rdata, e->n) == 0;
}

/* The entry of just this record; *ret_same: how many there are of its name and type on any link. */
static struct cache_entry *find_same(const struct cache *c, uint32_t link, const struct dns_record *record,
	unsigned *ret_same)
{
	struct cache_entry *found = NULL;

	*ret_same = 0;
	for (struct cache_entry *e = NULL; (e = cache_find(c, &record->name, record->type, e)); ++*ret_same)
		if (e->link == link && same_rdata(e, record))
			found = e;
	return found;
}

/* Has this source said so much that it leaves no space for others? */
static bool is_greedy(const struct cache *c, uint64_t source, uint16_t type)
{
	unsigned n = 0, instances = 0;

	if (!source)
		return false;
	CACHE_EACH(e, c)
	if (e->source == source) {
		n++;
		instances += e->type == DNS_PTR;
	}
	return n >= CACHE_SOURCE_MAX || (type == DNS_PTR && instances >= CACHE_SOURCE_INSTANCES_MAX);
}

static struct cache_entry *add(struct cache *c, uint32_t link, uint64_t source, const struct dns_record *record,
	unsigned same)
{
	struct cache_entry *e;
	unsigned limit = record->type == DNS_PTR ? CACHE_INSTANCES_MAX : CACHE_PER_NAME_MAX;

	if (same >= limit || c->n >= CACHE_ENTRIES_MAX || record->n > DNS_RDATA_MAX)
		return NULL;
	if (is_greedy(c, source, record->type))
		return NULL;
	if (c->bytes + sizeof(*e) + record->n > CACHE_BYTES_MAX)
		return NULL;
	e = xcalloc(1, sizeof(*e) + record->n);
	e->hash = dns_name_hash(&record->name);
	e->source = source;
	e->link = link;
	e->type = record->type;
	e->name = record->name;
	e->n = record->n;
	memcpy(e->rdata, record->rdata, record->n);
	list_append(&c->entries, &e->node);
	c->n++;
	c->bytes += size_of(e);
	c->changed = true;
	return e;
}

static void set_refresh(struct cache_entry *e, unsigned step)
{
	uint32_t random;
	int64_t life = (int64_t)e->ttl * SECOND;

	/* RFC 6762 section 5.2: 80 % of the life, and 0 to 2 % more, so that not all ask at once. */
	rand_bytes(&random, sizeof(random));
	e->refresh_at = step < REFRESHES ? e->received + life * (80 + 5 * step) / 100 + life * (random % 200) / 10000
					 : INT64_MAX;
}

struct cache_entry *cache_put(struct cache *c, uint32_t link, uint64_t source, const struct dns_record *record,
	int64_t now)
{
	unsigned same;
	struct cache_entry *e = find_same(c, link, record, &same);

	if (record->ttl == 0) {
		/* A goodbye. A second's grace, in case another who has the same record keeps it alive. */
		if (e && e->expires > now + SECOND)
			e->expires = now + SECOND;
		return e;
	}
	if (!e)
		e = add(c, link, source, record, same);
	if (!e)
		return NULL;
	e->ttl = record->ttl < CACHE_TTL_MAX ? record->ttl : CACHE_TTL_MAX;
	e->received = now;
	e->expires = now + (int64_t)e->ttl * SECOND;
	set_refresh(e, 0);
	return e;
}

struct cache_entry *cache_keep(struct cache *c, uint32_t link, const struct dns_record *record, int64_t now)
{
	unsigned same;
	struct cache_entry *e = find_same(c, link, record, &same);

	if (!e)
		e = add(c, link, 0, record, same);
	if (!e)
		return NULL;
	e->received = now;
	e->expires = e->refresh_at = INT64_MAX;
	return e;
}

void cache_remove(struct cache *c, uint32_t link, const struct dns_record *record)
{
	unsigned same;
	struct cache_entry *e = find_same(c, link, record, &same);

	if (e)
		drop(c, e);
}

void cache_flush(struct cache *c, uint32_t link, const struct dns_record *record, int64_t now)
{
	for (struct cache_entry *e = NULL; (e = cache_find(c, &record->name, record->type, e));) {
		bool recent = e->received > now - SECOND;
		if (e->link == link && !recent && e->expires > now + SECOND && !same_rdata(e, record))
			e->expires = now + SECOND;
	}
}

void cache_forget(struct cache *c, const struct dns_name *name, uint16_t type)
{
	for (struct cache_entry *e; (e = cache_find(c, name, type, NULL));)
		drop(c, e);
}

void cache_drop_link(struct cache *c, uint32_t link)
{
	CACHE_EACH(e, c)
	if (e->link == link)
		drop(c, e);
}

void cache_expire(struct cache *c, int64_t now)
{
	CACHE_EACH(e, c)
	if (e->expires <= now)
		drop(c, e);
}

void cache_refreshed(struct cache_entry *e, int64_t now)
{
	unsigned step = 1;
	int64_t life = (int64_t)e->ttl * SECOND;

	while (step < REFRESHES && e->received + life * (80 + 5 * (int)step) / 100 <= now)
		step++;
	set_refresh(e, step);
}
