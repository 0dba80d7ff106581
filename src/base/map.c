/* Open addressing with linear probing. Removal shifts later slots back instead of leaving marks, so
 * a map that lives long is as fast as a fresh one. */
#include "base/map.h"

#include "base/err.h"
#include "base/mem.h"

/* Many maps never have more than one item: each room has several. */
enum { FIRST_CAP = 2, LAST_CAP = 1 << 30 };

void map_init(struct map *m, struct str (*key)(const void *item), uint32_t max)
{
	*m = (struct map){.key = key, .max = max};
}

void map_clear(struct map *m)
{
	xfree(m->slots);
	map_init(m, m->key, m->max);
}

/* The slot with the key, or the free one where it would go. There is always a free one. */
static uint32_t probe(const struct map *m, struct str key, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (m->cap - 1);
	for (; m->slots[i].item; i = (i + 1) & (m->cap - 1))
		if (m->slots[i].hash == hash && str_eq(m->key(m->slots[i].item), key))
			break;
	return i;
}

static void resize(struct map *m, uint32_t cap)
{
	struct map_slot *old = m->slots;
	uint32_t old_cap = m->cap;
	m->slots = xcalloc(cap, sizeof(*m->slots));
	m->cap = cap;
	for (uint32_t i = 0; i < old_cap; i++) {
		if (!old[i].item)
			continue;
		uint32_t at = (uint32_t)old[i].hash & (cap - 1);
		while (m->slots[at].item)
			at = (at + 1) & (cap - 1);
		m->slots[at] = old[i];
	}
	xfree(old);
}

void *map_find(const struct map *m, struct str key)
{
	if (!m->slots)
		return NULL;
	return m->slots[probe(m, key, hash_bytes(key.p, key.n))].item;
}

int map_add(struct map *m, void *item)
{
	must(item);
	struct str key = m->key(item);
	uint64_t hash = hash_bytes(key.p, key.n);
	if (m->slots && m->slots[probe(m, key, hash)].item)
		return ERR_EXISTS;
	if (m->n >= m->max)
		return ERR_LIMIT;
	if (m->n >= m->cap * 3ull / 4) {
		if (m->cap >= LAST_CAP)
			return ERR_LIMIT;
		resize(m, m->cap ? m->cap * 2 : FIRST_CAP);
	}
	m->slots[probe(m, key, hash)] = (struct map_slot){hash, item};
	m->n++;
	return 0;
}

/* Closes the hole at i: a later slot of the same run may move there unless it would then stand
 * before its home. */
static void shift_back(struct map *m, uint32_t i)
{
	uint32_t mask = m->cap - 1;
	for (uint32_t j = (i + 1) & mask; m->slots[j].item; j = (j + 1) & mask) {
		uint32_t home = (uint32_t)m->slots[j].hash & mask;
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		m->slots[i] = m->slots[j];
		i = j;
	}
	m->slots[i] = (struct map_slot){0};
}

void *map_remove(struct map *m, struct str key)
{
	if (!m->slots)
		return NULL;
	uint32_t i = probe(m, key, hash_bytes(key.p, key.n));
	void *item = m->slots[i].item;
	if (!item)
		return NULL;
	shift_back(m, i);
	if (--m->n == 0)
		map_clear(m);
	else if (m->cap > FIRST_CAP && m->n <= m->cap / 8)
		resize(m, m->cap / 2);
	return item;
}

void *map_next(const struct map *m, uint32_t *pos)
{
	while (*pos < m->cap) {
		void *item = m->slots[(*pos)++].item;
		if (item)
			return item;
	}
	return NULL;
}
