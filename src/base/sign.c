#include "base/sign.h"

#include <openssl/evp.h>

#include "base/mem.h"

enum { KEY = 32, SIGNATURE = 64 };

static void free_key(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static void free_ctx(EVP_MD_CTX **c) { EVP_MD_CTX_free(*c); }

static const unsigned char *bytes(struct str s) { return (const unsigned char *)(s.p ? s.p : ""); }

void sign_public(const uint8_t seed[32], uint8_t ret_pub[32])
{
	CLEANUP(free_key) EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY);
	size_t n = KEY;

	must(key && EVP_PKEY_get_raw_public_key(key, ret_pub, &n) == 1 && n == KEY);
}

void sign_make(const uint8_t seed[32], struct str data, uint8_t ret_sig[64])
{
	CLEANUP(free_key) EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY);
	CLEANUP(free_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIGNATURE;

	must(key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	must(EVP_DigestSign(ctx, ret_sig, &n, bytes(data), data.n) == 1 && n == SIGNATURE);
}

bool sign_verify(const uint8_t pub[32], struct str data, const uint8_t sig[64])
{
	CLEANUP(free_key) EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, KEY);
	CLEANUP(free_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx);
	return key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(ctx, sig, SIGNATURE, bytes(data), data.n) == 1;
}
