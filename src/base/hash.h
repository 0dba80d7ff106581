/* Digests, keyed digests, key derivation and randomness, from OpenSSL. Any thread. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

enum hash_kind { HASH_SHA1, HASH_SHA256 };
enum { HASH_MAX = 32 };

size_t hash_size(enum hash_kind kind); /* 20 or 32 */
void hash_digest(enum hash_kind kind, struct str data, uint8_t *out);
void hash_hmac(enum hash_kind kind, struct str key, struct str data, uint8_t *out);
/* PBKDF2 with HMAC (RFC 8018), output as long as the digest. Slow on purpose: helper pool only. The
 * caller limits iterations, which come from outside: 1 to INT32_MAX here. */
void hash_pbkdf2(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations, uint8_t *out);
/* True if equal; takes the same time wherever the difference is. */
bool hash_equal(const void *a, const void *b, size_t n);

void rand_bytes(void *p, size_t n); /* from the system; aborts if there is none */
/* n characters of [a-z0-9], terminated: p needs n + 1 bytes. About 5 bits each. */
void rand_token(char *p, size_t n);
/* Tests and simulation: everything after this follows from the seed; 0 goes back to the system. Call
 * it before the first map is used, and maps too iterate in the same order each time. */
void rand_seed(uint64_t seed);
bool rand_seeded(void);

#endif
