/* Records of others, as heard. Bounded; each entry knows where it was heard, when it ends, and when to ask for it again
 * before that (RFC 6762 sections 5.2, 10). Filled by the responder or by avahi; read by view.h. Pure. */
#ifndef MDNS_CACHE_H
#define MDNS_CACHE_H

#include "base/list.h"
#include "mdns/dns.h"

enum {
	CACHE_ENTRIES_MAX = 2048,
	CACHE_BYTES_MAX = 1 << 20,
	CACHE_PER_NAME_MAX = 16,         /* of one name and type */
	CACHE_INSTANCES_MAX = 256,       /* PTR of one name */
	CACHE_SOURCE_INSTANCES_MAX = 64, /* of these by one source, which may be a repeater between two networks */
	CACHE_SOURCE_MAX = 1024,         /* entries by one source */
	CACHE_TTL_MAX = 75 * 60,         /* seconds; a longer one counts as this */
	CACHE_TRIES_MAX = 5
};

struct cache_entry {
	struct list node;
	uint64_t hash;   /* of name */
	uint64_t source; /* who said it first; 0: who cannot be told */
	uint32_t link;   /* where: see CACHE_LINK */
	uint16_t type;
	uint16_t n;
	uint32_t ttl; /* seconds, as received */
	int64_t received;
	int64_t expires;    /* INT64_MAX: when it is taken away */
	int64_t refresh_at; /* ask again then; INT64_MAX: no more */
	/* For the browser: when to ask for what this one points to, and how often that was done. */
	int64_t ask_at;
	uint8_t tries;
	struct dns_name name;
	uint8_t rdata[];
};

/* The interface, and what of it the source of records keeps apart (avahi: the two families). */
#define CACHE_LINK(ifindex, part) ((uint32_t)(ifindex) << 1 | ((part)&1u))
#define CACHE_IFINDEX(link) ((link) >> 1)

struct cache {
	struct list entries; /* oldest first */
	unsigned n;
	size_t bytes;
	bool changed; /* something came or went (a refreshed entry is neither); cleared by whoever looks */
};

void cache_init(struct cache *c);
void cache_clear(struct cache *c);

/* A record as heard at now (milliseconds) from a source (a hash of its address): a new entry, an old one refreshed, or with TTL 0 one
 * that ends in a second. NULL when it is of no use, or there is no space: one source cannot take all of it. */
struct cache_entry *cache_put(struct cache *c, uint32_t link, uint64_t source, const struct dns_record *record,
	int64_t now);
/* A record that stays until it is removed. */
struct cache_entry *cache_keep(struct cache *c, uint32_t link, const struct dns_record *record, int64_t now);
void cache_remove(struct cache *c, uint32_t link, const struct dns_record *record);
/* The record came with the flush bit: others of this name and type that are older than a second end in a second. */
void cache_flush(struct cache *c, uint32_t link, const struct dns_record *record, int64_t now);
/* Everything of a name and type, on all links. */
void cache_forget(struct cache *c, const struct dns_name *name, uint16_t type);
void cache_drop_link(struct cache *c, uint32_t link);
void cache_expire(struct cache *c, int64_t now);

/* The next entry after prev (NULL: first) of this name and type, on any link. */
struct cache_entry *cache_find(const struct cache *c, const struct dns_name *name, uint16_t type,
	const struct cache_entry *prev);
/* Moves refresh_at on: at 80, 85, 90, 95 % of the life, and a little later each. */
void cache_refreshed(struct cache_entry *e, int64_t now);

#define CACHE_EACH(e, c) \
	for (struct cache_entry *e = LIST_ITEM((c)->entries.next, struct cache_entry, node), \
				*e##_next = LIST_ITEM(e->node.next, struct cache_entry, node); \
		&e->node != &(c)->entries; e = e##_next, e##_next = LIST_ITEM(e->node.next, struct cache_entry, node))

#endif
