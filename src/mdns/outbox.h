/* What discovery has to tell the core: messages, gathered and handed over at the end of the loop's turn. */
#ifndef MDNS_OUTBOX_H
#define MDNS_OUTBOX_H

#include "gate/queue.h"

struct outbox {
	struct msgs msgs; /* not handed over yet */
	struct loop *loop;
	struct queue *to_core; /* NULL: they stay in msgs (tests) */
	bool closed;           /* nobody listens any more */
	struct defer flush;
};

void outbox_init(struct outbox *o, struct loop *l, struct queue *to_core);
void outbox_close(struct outbox *o); /* drops what comes from now on, and what was not handed over */
void outbox_clear(struct outbox *o);

void out_found(struct outbox *o, const struct service *s); /* copies */
void out_gone(struct outbox *o, const char *instance);
void out_named(struct outbox *o, const char *instance, bool renamed);
void out_picture(struct outbox *o, const char *instance, const void *p, size_t n);
void out_network(struct outbox *o, struct str text, bool usable, bool changed_addresses);

#endif
