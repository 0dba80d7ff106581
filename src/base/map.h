/* Hash map from text to item. The key lives in the item and is found by a function, so a slot costs
 * one hash and one pointer. Hashes are keyed with a random secret: collisions cannot be chosen from
 * outside. One thread. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot {
	uint64_t hash;
	void *item; /* NULL: free */
};

struct map {
	struct str (*key)(const void *item);
	struct map_slot *slots; /* NULL while empty */
	uint32_t n, cap, max;
};

/* At most max items. */
void map_init(struct map *m, struct str (*key)(const void *item), uint32_t max);
void map_clear(struct map *m);                       /* forgets the items, frees none of them */
void *map_find(const struct map *m, struct str key); /* NULL if absent */
/* ERR_EXISTS if the key is taken, ERR_LIMIT if full. */
int map_add(struct map *m, void *item);
/* Unlinks the item with this key and returns it, NULL if absent. */
void *map_remove(struct map *m, struct str key);
/* Iterates in no order: start with *pos = 0; NULL at the end. No change of the map in between. */
void *map_next(const struct map *m, uint32_t *pos);

/* SipHash-1-3 with this process's secret. */
uint64_t hash_bytes(const void *p, size_t n);
/* The same with a given key. */
uint64_t siphash13(const void *data, size_t n, const uint64_t key[2]);

#endif
