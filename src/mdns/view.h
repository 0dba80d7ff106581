/* From records to peers: puts together what a cache holds (PTR, SRV, TXT, A, AAAA; RFC 6763) and tells the core what
 * came, changed and went. A peer is told when it is complete: where it is (name, port, at least one address) and what it
 * says of itself; one entry a name, over all interfaces. Loop's thread. */
#ifndef MDNS_VIEW_H
#define MDNS_VIEW_H

#include "mdns/cache.h"
#include "mdns/dnsout.h"
#include "mdns/interfaces.h"

struct view;

/* All of them must live longer. */
struct view *view_new(const struct cache *cache, const struct ifaces *ifaces, struct dnsout *out);
void view_free(struct view **v);
/* The name that is ours: never told. NULL: none. */
void view_set_self(struct view *v, const char *instance);
/* Compares with what was told. Costs work in the number of entries: not for every packet. */
void view_update(struct view *v);
/* Everything that was told is gone. */
void view_forget(struct view *v);

/* _presence._tcp.local, and the full name of an instance there. ERR_LIMIT, ERR_SYNTAX. */
extern const char *const presence_type;
void presence_name(struct dns_name *ret);
int presence_instance(struct dns_name *ret, const char *instance);

#endif
