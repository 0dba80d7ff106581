#include "base/table.h"

#include "base/mem.h"

enum { FIRST_CAP = 8, SLOT_BITS = 24, SLOT_LIMIT = 1 << SLOT_BITS };

void table_init(struct table *t, uint32_t max, uint8_t tag)
{
	must(max < SLOT_LIMIT);
	*t = (struct table){.max = max, .tag = tag};
}

void table_clear(struct table *t)
{
	xfree(t->slots);
	table_init(t, t->max, (uint8_t)t->tag);
}

static void grow(struct table *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : FIRST_CAP;
	t->slots = xrealloc(t->slots, cap * sizeof(*t->slots));
	t->cap = cap;
}

/* A slot for a new item; `free` and `next_free` are slot numbers plus one, 0 is the end. */
static uint32_t take_slot(struct table *t)
{
	if (t->free) {
		uint32_t slot = t->free - 1;
		t->free = t->slots[slot].next_free;
		return slot;
	}
	if (t->used == t->cap)
		grow(t);
	t->slots[t->used] = (struct table_slot){.generation = 1};
	return t->used++;
}

uint64_t table_add(struct table *t, void *item)
{
	must(item);
	if (t->n >= t->max || (!t->free && t->used == SLOT_LIMIT))
		return 0;
	uint32_t slot = take_slot(t);
	t->slots[slot].item = item;
	t->n++;
	return (uint64_t)t->slots[slot].generation << 32 | t->tag << SLOT_BITS | slot;
}

static struct table_slot *find_slot(const struct table *t, uint64_t id)
{
	uint32_t slot = id & (SLOT_LIMIT - 1);
	if (table_tag(id) != t->tag || slot >= t->used || t->slots[slot].generation != id >> 32)
		return NULL;
	return t->slots[slot].item ? &t->slots[slot] : NULL;
}

void *table_find(const struct table *t, uint64_t id)
{
	struct table_slot *slot = find_slot(t, id);
	return slot ? slot->item : NULL;
}

void *table_remove(struct table *t, uint64_t id)
{
	struct table_slot *slot = find_slot(t, id);
	if (!slot)
		return NULL;
	void *item = TAKE(slot->item);
	t->n--;
	/* A slot whose generations are used up is retired: reuse would bring old ids back to life. */
	if (++slot->generation) {
		slot->next_free = t->free;
		t->free = (uint32_t)(slot - t->slots) + 1;
	}
	return item;
}

void *table_next(const struct table *t, uint32_t *pos)
{
	while (*pos < t->used) {
		void *item = t->slots[(*pos)++].item;
		if (item)
			return item;
	}
	return NULL;
}

uint8_t table_tag(uint64_t id) { return (uint8_t)(id >> SLOT_BITS); }
