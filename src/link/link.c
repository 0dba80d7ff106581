#include "link/link.h"

#include "base/mem.h"

void link_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	k->ops->watch(k, events, on_ready, arg);
}

void link_free(struct link **k)
{
	struct link *o = TAKE(*k);
	if (o)
		o->ops->free(o);
}
