#include "core/core_i.h"

void entity_init(struct entity *e, const struct entity_ops *ops, struct core *c, struct host *h, struct jid jid)
{
	memset(e, 0, sizeof(*e));
	e->ops = ops;
	e->core = c;
	e->host = h;
	e->jid = jid_dup(jid_bare(jid));
	e->inbox_tail = &e->inbox;
	e->id = table_add(&c->entities, e);
	must(e->id);
}

void entity_clear(struct entity *e)
{
	struct stanza *s;

	while ((s = e->inbox)) {
		e->inbox = s->next;
		s->next = NULL;
		if (e->core->ending)
			stanza_free(&s);
		else
			core_bounce(e->core, &s, xerr(XERR_SERVICE_UNAVAILABLE));
	}
	list_remove(&e->runnable);
	table_remove(&e->core->entities, e->id);
	jid_free(&e->jid);
}

struct entity *entity_find(const struct core *c, uint64_t id) { return table_find(&c->entities, id); }

void entity_unread(struct entity *e, struct stanza *chain)
{
	struct stanza **last = &chain;

	if (!chain)
		return;
	for (; *last; last = &(*last)->next)
		e->inbox_count++;
	*last = e->inbox;
	if (!e->inbox)
		e->inbox_tail = last;
	e->inbox = chain;
}

static void be_runnable(struct entity *e)
{
	if ((e->inbox || e->unsettled) && !list_linked(&e->runnable))
		list_append(&e->core->runnable, &e->runnable);
}

void entity_inherit(struct entity *to, struct entity *from)
{
	entity_unread(to, TAKE(from->inbox));
	from->inbox_tail = &from->inbox;
	from->inbox_count = 0;
	if (!to->parked && !to->dead)
		be_runnable(to);
}

void entity_park(struct entity *e, bool parked)
{
	e->parked = parked;
	if (e->dead)
		return;
	if (parked)
		list_remove(&e->runnable);
	else
		be_runnable(e);
}

void entity_die(struct entity *e)
{
	if (e->dead)
		return;
	e->dead = true;
	table_remove(&e->core->entities, e->id);
	list_remove(&e->runnable);
	list_append(&e->core->dead, &e->runnable);
}
