#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"

/* SplitMix64 (Steele, Lea, Flood): its state is a counter, so threads share it without a lock. Only
 * for tests and simulation; nothing about it is secret. */
static _Atomic uint64_t state;
static _Atomic bool seeded;

static uint64_t next_word(void)
{
	const uint64_t step = 0x9e3779b97f4a7c15u;
	uint64_t x = atomic_fetch_add(&state, step) + step;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void from_seed(uint8_t *p, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0)
			word = next_word();
		p[i] = (uint8_t)(word >> (8 * (i % 8)));
	}
}

void rand_bytes(void *p, size_t n)
{
	uint8_t *at = p;
	if (rand_seeded()) {
		from_seed(at, n);
		return;
	}
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		must(got > 0 || (got < 0 && errno == EINTR));
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

void rand_token(char *p, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	enum { COUNT = sizeof(letters) - 1, FAIR = 256 / COUNT * COUNT };
	uint8_t raw[32];
	for (size_t done = 0; done < n;) {
		rand_bytes(raw, sizeof(raw));
		for (size_t i = 0; i < sizeof(raw) && done < n; i++)
			if (raw[i] < FAIR) /* the rest would favour the first letters */
				p[done++] = letters[raw[i] % COUNT];
	}
	p[n] = 0;
	mem_wipe(raw, sizeof(raw));
}

void rand_seed(uint64_t seed)
{
	atomic_store(&state, seed);
	atomic_store(&seeded, seed != 0);
}

bool rand_seeded(void) { return atomic_load_explicit(&seeded, memory_order_relaxed); }
