/* Ids instead of pointers across boundaries: slot (32 bits) and generation (32 bits) in one number.
 * An id whose item has gone finds nothing, for ever. 0 is never an id. One thread. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
	void *item;
	uint32_t generation;
	uint32_t next_free;
};

struct table {
	struct table_slot *slots;
	uint32_t cap, used, free, n, max;
	uint32_t tag; /* the upper 8 bits of the slot number in each id: which table it came from */
};

/* At most max items (below 2^24); tag (below 256) is returned by table_tag(id). */
void table_init(struct table *t, uint32_t max, uint8_t tag);
void table_clear(struct table *t);               /* frees no item */
uint64_t table_add(struct table *t, void *item); /* the new id, or 0 when full */
void *table_find(const struct table *t, uint64_t id);
void *table_remove(struct table *t, uint64_t id);       /* the item, NULL if the id is dead */
void *table_next(const struct table *t, uint32_t *pos); /* iterate: start with *pos = 0 */
uint8_t table_tag(uint64_t id);

#endif
