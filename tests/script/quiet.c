/* Waiting until all that is under way has come. */
#include <stdio.h>

#include "run.h"
#include "xmpp/ns.h"

/* When to acknowledge unasked, and when to ask, is the server's choice (XEP-0198 4): a script need not foresee it. */
bool run_is_ack(const struct item *i)
{
	return i->kind == ITEM_ELEMENT && (elem_is(i->elem, "r", NS_SM) || elem_is(i->elem, "a", NS_SM));
}

void run_drop_acks(struct actor *a)
{
	LIST_EACH(node, &a->inbox) {
		struct item *i = LIST_ITEM(node, struct item, node);

		if (!run_is_ack(i))
			continue;
		list_remove(&i->node);
		item_free(&i);
	}
}

struct fence {
	struct actor *a;
	char id[32];      /* of the question that the server answers last */
	unsigned answers; /* of XEP-0198, that came before */
};

static unsigned count_answers(const struct actor *a)
{
	unsigned n = 0;

	LIST_EACH(node, &a->inbox) {
		const struct item *i = LIST_ITEM(node, struct item, node);

		n += i->kind == ITEM_ELEMENT && elem_is(i->elem, "a", NS_SM);
	}
	return n;
}

/* The answer, when it is there. */
static struct item *find_fence(const struct fence *f)
{
	struct item *found = NULL;

	LIST_EACH(node, &f->a->inbox) {
		struct item *i = LIST_ITEM(node, struct item, node);
		const char *id = i->kind == ITEM_ELEMENT ? elem_attr(i->elem, "id") : NULL;

		if (i->kind == ITEM_ELEMENT && f->a->counting && elem_is(i->elem, "a", NS_SM))
			found = i;
		if (id && strcmp(id, f->id) == 0)
			found = i;
	}
	return f->a->counting && count_answers(f->a) <= f->answers ? NULL : found;
}

static bool fence_reached(void *arg) { return !((struct fence *)arg)->a->link || find_fence(arg); }

static void put_fence(struct run *r, struct actor *a)
{
	struct fence f = {.a = a, .answers = count_answers(a)};
	uint32_t before = r->traffic.n;
	struct item *answer;

	snprintf(f.id, sizeof(f.id), "xt-fence-%u", r->fences++);
	/* Nothing that would be counted goes over a stream that counts. */
	if (a->counting)
		actor_send_fmt(a, "<r xmlns='" NS_SM "'/>");
	else
		actor_send_fmt(a, "<iq type='get' id='%s' to='%.*s'><ping xmlns='" NS_PING "'/></iq>", f.id,
			STR_FMT(actor_domain(a)));
	world_wait(r->world, fence_reached, &f);
	answer = find_fence(&f);
	if (answer)
		list_remove(&answer->node);
	item_free(&answer);
	traffic_forget(&r->traffic, a->role, before, a->counting ? "urn:xmpp:sm:3" : f.id);
}

/* In virtual time "nothing happens any more" can be seen. In real time each client asks something and waits for the
 * answer, twice: what others sent before has come by then. Who cannot ask yet is given a moment. */
void run_quiet(struct run *r)
{
	bool settle = world_is_virtual(r->world);
	unsigned sessions = 0;

	for (unsigned i = 0; i < r->script->actor_count; i++)
		sessions += r->actors[i].bound;
	world_wait_sessions(r->world, sessions);
	for (unsigned round = 0; round < 2 && !world_is_virtual(r->world); round++)
		for (unsigned i = 0; i < r->script->actor_count; i++) {
			struct actor *a = &r->actors[i];

			if (a->link && a->bound)
				put_fence(r, a);
			else if (a->link)
				settle = true;
		}
	if (settle)
		world_settle(r->world);
}

bool run_nothing_for(struct run *r, struct actor *a)
{
	struct item *i;

	run_drop_acks(a);
	i = actor_waiting(a);
	if (i) {
		buf_fmt(&r->why, "%s got something that the script does not expect\n  came     ", a->role->name);
		item_print(i, &r->why);
	} else if (a->ended) {
		buf_fmt(&r->why, "%s was disconnected, which the script does not expect", a->role->name);
	}
	return !i && !a->ended;
}

bool run_nothing_left(struct run *r)
{
	run_quiet(r);
	for (unsigned i = 0; i < r->script->actor_count; i++)
		if (!run_nothing_for(r, &r->actors[i]))
			return false;
	return true;
}
