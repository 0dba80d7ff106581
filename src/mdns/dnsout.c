#include "mdns/dnsout.h"

#include "base/mem.h"

static void on_flush(struct defer *d)
{
	struct dnsout *o = CONTAINER_OF(d, struct dnsout, flush);

	if (o->closed)
		msgs_clear(&o->msgs);
	else if (o->to_core)
		queue_put(o->to_core, &o->msgs);
}

void dnsout_init(struct dnsout *o, struct loop *l, struct queue *to_core)
{
	*o = (struct dnsout){.loop = l, .to_core = to_core, .flush = {.run = on_flush}};
}

void dnsout_close(struct dnsout *o)
{
	o->closed = true;
	msgs_clear(&o->msgs);
}

void dnsout_clear(struct dnsout *o)
{
	loop_undefer(&o->flush);
	msgs_clear(&o->msgs);
}

static struct msg *add(struct dnsout *o, enum msg_kind kind)
{
	struct msg *m = msgs_add(&o->msgs);

	m->kind = kind;
	loop_defer(o->loop, &o->flush);
	return m;
}

void out_found(struct dnsout *o, const struct service *s) { add(o, MSG_FOUND)->found.service = service_copy(s); }

void out_gone(struct dnsout *o, const char *instance) { add(o, MSG_GONE)->gone.instance = xstrdup(instance); }

void out_named(struct dnsout *o, const char *instance, bool renamed)
{
	struct msg *m = add(o, MSG_NAMED);

	m->named.instance = xstrdup(instance);
	m->named.renamed = renamed;
}

void out_picture(struct dnsout *o, const char *instance, const void *p, size_t n)
{
	struct msg *m = add(o, MSG_PICTURE);

	m->picture.instance = xstrdup(instance);
	m->picture.bytes = n ? xmemdup(p, n) : NULL;
	m->picture.n = (uint32_t)n;
}

void out_network(struct dnsout *o, struct str text, bool usable, bool changed_addresses)
{
	struct msg *m = add(o, MSG_NETWORK);

	m->network.text = str_dup(text);
	m->network.usable = usable;
	m->network.changed_addresses = changed_addresses;
}
