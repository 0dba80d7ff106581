/* Which messages of a peer are known: a ring of hashes and a set to look them up. Of two messages among the last ten
 * thousand one would be lost with a probability of 10^-11: the hash has 64 bits and a secret of the sender's making cannot
 * choose it. */
#include "peer/peers_i.h"

struct seen_slot {
	int64_t hash; /* 0: free */
};

/* The same in every process and on every day: it is stored. */
int64_t seen_hash(struct str id)
{
	uint8_t digest[HASH_MAX];
	int64_t hash;

	hash_digest(HASH_SHA256, id, digest);
	memcpy(&hash, digest, sizeof(hash));
	return hash ? hash : 1;
}

static uint32_t place(const struct seen *s, int64_t hash)
{
	return (uint32_t)((uint64_t)hash >> 32) & (2 * s->cap - 1);
}

static uint32_t find(const struct seen *s, int64_t hash)
{
	uint32_t i = place(s, hash);

	while (s->slots[i].hash && s->slots[i].hash != hash)
		i = (i + 1) & (2 * s->cap - 1);
	return i;
}

bool seen_has(const struct seen *s, int64_t hash) { return s->cap && s->slots[find(s, hash)].hash == hash; }

/* What stood behind the gap may have been put there because of it. */
static void take_out(struct seen *s, int64_t hash)
{
	uint32_t mask = 2 * s->cap - 1, gap = find(s, hash);

	if (!s->slots[gap].hash)
		return;
	s->slots[gap].hash = 0;
	for (uint32_t i = (gap + 1) & mask; s->slots[i].hash; i = (i + 1) & mask) {
		int64_t moved = s->slots[i].hash;

		s->slots[i].hash = 0;
		s->slots[find(s, moved)].hash = moved;
	}
}

static void grow(struct seen *s)
{
	uint32_t cap = s->cap ? 2 * s->cap : 64;

	s->ring = xrealloc(s->ring, cap * sizeof(*s->ring));
	xfree(s->slots);
	s->slots = xcalloc(2 * (size_t)cap, sizeof(*s->slots));
	s->cap = cap;
	for (uint32_t i = 0; i < s->n; i++)
		s->slots[find(s, s->ring[i])].hash = s->ring[i];
}

void seen_put(struct seen *s, int64_t hash)
{
	s->number++;
	if (seen_has(s, hash))
		return;
	if (s->n < SEEN_MAX && s->n == s->cap)
		grow(s);
	if (s->n == SEEN_MAX) {
		take_out(s, s->ring[s->next]);
	} else {
		s->n++;
	}
	s->ring[s->next] = hash;
	s->next = (s->next + 1) % SEEN_MAX;
	s->slots[find(s, hash)].hash = hash;
}

void seen_clear(struct seen *s)
{
	xfree(s->ring);
	xfree(s->slots);
	*s = (struct seen){0};
}
