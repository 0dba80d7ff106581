/* SipHash-1-3 (Aumasson, Bernstein): one round a word, three at the end. */
#include "base/hash.h"
#include "base/map.h"

#include <stdatomic.h>

/* Each word is set once, from 0 to its value for ever: threads that race to set it agree on the
 * winner's without a lock. */
static _Atomic uint64_t secret[2];

static uint64_t rotl(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* Little-endian whatever the machine is, so that a seeded run is the same everywhere. */
static uint64_t load(const unsigned char *p, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

uint64_t siphash13(const void *data, size_t n, const uint64_t key[2])
{
	const unsigned char *p = n ? data : ""; /* NULL plus 0 is undefined */
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		absorb(v, load(p + i, 8));
	absorb(v, load(p + i, n - i) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	for (int round = 0; round < 3; round++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* With seeded randomness it is a constant, not drawn: maps then iterate in the same order in each
 * run, and the first map of a process takes nothing from the seeded sequence. */
static uint64_t secret_word(int i)
{
	uint64_t word = atomic_load_explicit(&secret[i], memory_order_relaxed);
	if (word)
		return word;
	uint64_t fresh = 0x9e3779b97f4a7c15u + (uint64_t)i;
	if (!rand_seeded())
		rand_bytes(&fresh, sizeof(fresh));
	fresh |= fresh == 0;
	if (atomic_compare_exchange_strong(&secret[i], &word, fresh))
		return fresh;
	return word;
}

uint64_t hash_bytes(const void *p, size_t n)
{
	uint64_t key[2] = {secret_word(0), secret_word(1)};
	return siphash13(p, n, key);
}
