#include "mdns/outbox.h"

#include "base/mem.h"

static void on_flush(struct defer *d)
{
	struct outbox *o = CONTAINER_OF(d, struct outbox, flush);

	if (o->closed)
		msgs_clear(&o->msgs);
	else if (o->to_core)
		queue_put(o->to_core, &o->msgs);
}

void outbox_init(struct outbox *o, struct loop *l, struct queue *to_core)
{
	*o = (struct outbox){.loop = l, .to_core = to_core, .flush = {.run = on_flush}};
}

void outbox_close(struct outbox *o)
{
	o->closed = true;
	msgs_clear(&o->msgs);
}

void outbox_clear(struct outbox *o)
{
	loop_undefer(&o->flush);
	msgs_clear(&o->msgs);
}

static struct msg *add(struct outbox *o, enum msg_kind kind)
{
	struct msg *m = msgs_add(&o->msgs);

	m->kind = kind;
	loop_defer(o->loop, &o->flush);
	return m;
}

void out_found(struct outbox *o, const struct service *s) { add(o, MSG_FOUND)->found.service = service_copy(s); }

void out_gone(struct outbox *o, const char *instance) { add(o, MSG_GONE)->gone.instance = xstrdup(instance); }

void out_named(struct outbox *o, const char *instance, bool renamed)
{
	struct msg *m = add(o, MSG_NAMED);

	m->named.instance = xstrdup(instance);
	m->named.renamed = renamed;
}

void out_picture(struct outbox *o, const char *instance, const void *p, size_t n)
{
	struct msg *m = add(o, MSG_PICTURE);

	m->picture.instance = xstrdup(instance);
	m->picture.bytes = n ? xmemdup(p, n) : NULL;
	m->picture.n = (uint32_t)n;
}

void out_network(struct outbox *o, struct str text, bool usable, bool changed_addresses)
{
	struct msg *m = add(o, MSG_NETWORK);

	m->network.text = str_dup(text);
	m->network.usable = usable;
	m->network.changed_addresses = changed_addresses;
}
