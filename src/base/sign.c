#include "base/sign.h"

#include <openssl/evp.h>

#include "base/mem.h"

static const uint8_t *bytes(struct str s) { return (const uint8_t *)(s.p ? s.p : ""); }

static EVP_PKEY *key_of(const uint8_t seed[SIGN_SEED])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SIGN_SEED);
	must(k);
	return k;
}

static EVP_MD_CTX *context(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	must(c);
	return c;
}

void sign_public(const uint8_t seed[SIGN_SEED], uint8_t pub[SIGN_PUBLIC])
{
	EVP_PKEY *k = key_of(seed);
	size_t n = SIGN_PUBLIC;
	must(EVP_PKEY_get_raw_public_key(k, pub, &n) == 1 && n == SIGN_PUBLIC);
	EVP_PKEY_free(k);
}

void sign_make(const uint8_t seed[SIGN_SEED], struct str data, uint8_t sig[SIGN_SIZE])
{
	EVP_PKEY *k = key_of(seed);
	EVP_MD_CTX *c = context();
	size_t n = SIGN_SIZE;
	must(EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1);
	must(EVP_DigestSign(c, sig, &n, bytes(data), data.n) == 1 && n == SIGN_SIZE);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
}

bool sign_verify(const uint8_t pub[SIGN_PUBLIC], struct str data, const uint8_t sig[SIGN_SIZE])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, SIGN_PUBLIC);
	EVP_MD_CTX *c = context();
	bool good = k && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
		EVP_DigestVerify(c, sig, SIGN_SIZE, bytes(data), data.n) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return good;
}
