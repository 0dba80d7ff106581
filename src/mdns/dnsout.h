/* What discovery has to tell the core: messages, gathered and handed over at the end of the loop's turn. */
#ifndef MDNS_DNSOUT_H
#define MDNS_DNSOUT_H

#include "gate/queue.h"

struct dnsout {
	struct msgs msgs; /* not handed over yet */
	struct loop *loop;
	struct queue *to_core; /* NULL: they stay in msgs (tests) */
	bool closed;           /* nobody listens any more */
	struct defer flush;
};

void dnsout_init(struct dnsout *o, struct loop *l, struct queue *to_core);
void dnsout_close(struct dnsout *o); /* drops what comes from now on, and what was not handed over */
void dnsout_clear(struct dnsout *o);

void out_found(struct dnsout *o, const struct service *s); /* copies */
void out_gone(struct dnsout *o, const char *instance);
void out_named(struct dnsout *o, const char *instance, bool renamed);
void out_picture(struct dnsout *o, const char *instance, const void *p, size_t n);
void out_network(struct dnsout *o, struct str text, bool usable, bool changed_addresses);

#endif
