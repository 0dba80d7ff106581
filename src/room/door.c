#include "room/door.h"

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

struct waiter {
	struct waiter *next;
	struct stanza *first, **last;
};

struct door {
	struct map by_sender;
	struct waiter *first, **last;
	uint32_t stanzas;
};

static struct str waiter_key(const void *item) { return jid_str(((const struct waiter *)item)->first->from); }

static struct door *door_new(void)
{
	struct door *d = xcalloc(1, sizeof(*d));

	map_init(&d->by_sender, waiter_key, DOOR_MAX);
	d->last = &d->first;
	return d;
}

bool door_waits(const struct door *d, struct jid who)
{
	return d && jid_some(who) && map_find(&d->by_sender, jid_str(who)) != NULL;
}

static void add_waiter(struct door *d, struct stanza *s)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->first = s;
	w->last = &s->next;
	*d->last = w;
	d->last = &w->next;
	must(map_add(&d->by_sender, w) == 0);
}

int door_wait(struct door **door, struct stanza **s)
{
	struct door *d = *door ? *door : door_new();
	struct waiter *w = map_find(&d->by_sender, jid_str((*s)->from));
	struct stanza *st;

	*door = d;
	if (d->stanzas >= DOOR_MAX)
		return ERR_LIMIT;
	d->stanzas++;
	st = TAKE(*s);
	st->next = NULL;
	if (w) {
		*w->last = st;
		w->last = &st->next;
	} else {
		add_waiter(d, st);
	}
	return 0;
}

struct stanza *door_next(struct door **door)
{
	struct door *d = *door;
	struct waiter *w = d ? d->first : NULL;
	struct stanza *chain;

	if (!w)
		return NULL;
	map_remove(&d->by_sender, waiter_key(w));
	d->first = w->next;
	chain = w->first;
	for (struct stanza *s = chain; s; s = s->next)
		d->stanzas--;
	xfree(w);
	if (d->first)
		return chain;
	map_clear(&d->by_sender);
	xfree(d);
	*door = NULL;
	return chain;
}

void door_free(struct door **door)
{
	struct stanza *s, *next;

	while ((s = door_next(door)))
		for (; s; s = next) {
			next = s->next;
			stanza_free(&s);
		}
}
