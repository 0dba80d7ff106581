#include "base/hash.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"

static const struct {
	const EVP_MD *(*md)(void);
	size_t size;
} kinds[] = {
	[HASH_SHA1] = {EVP_sha1, 20},
	[HASH_SHA256] = {EVP_sha256, 32},
};

/* The library takes a NULL key or password for "none given", which is not the same as empty. */
static const void *bytes(struct str s) { return s.p ? s.p : ""; }

static int int_size(size_t n)
{
	must(n <= INT_MAX);
	return (int)n;
}

size_t hash_size(enum hash_kind kind) { return kinds[kind].size; }

void hash_digest(enum hash_kind kind, struct str data, uint8_t *out)
{
	must(EVP_Digest(bytes(data), data.n, out, NULL, kinds[kind].md(), NULL) == 1);
}

void hash_hmac(enum hash_kind kind, struct str key, struct str data, uint8_t *out)
{
	must(HMAC(kinds[kind].md(), bytes(key), int_size(key.n), bytes(data), data.n, out, NULL));
}

void hash_pbkdf2(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations, uint8_t *out)
{
	must(iterations >= 1);
	must(PKCS5_PBKDF2_HMAC(bytes(password), int_size(password.n), bytes(salt), int_size(salt.n),
		     int_size(iterations), kinds[kind].md(), int_size(kinds[kind].size), out) == 1);
}

bool hash_equal(const void *a, const void *b, size_t n) { return n == 0 || CRYPTO_memcmp(a, b, n) == 0; }
