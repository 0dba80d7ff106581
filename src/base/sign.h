/* Ed25519 signatures (RFC 8032, the pure kind) from raw bytes, by OpenSSL. Any thread. */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/str.h"

enum { SIGN_SEED = 32, SIGN_PUBLIC = 32, SIGN_SIZE = 64 };

/* The public key of a seed (the private key as RFC 8032 has it). */
void sign_public(const uint8_t seed[SIGN_SEED], uint8_t pub[SIGN_PUBLIC]);
void sign_make(const uint8_t seed[SIGN_SEED], struct str data, uint8_t sig[SIGN_SIZE]);
/* Did the holder of this key sign exactly these bytes? Nothing follows from who may have made the key itself. */
bool sign_verify(const uint8_t pub[SIGN_PUBLIC], struct str data, const uint8_t sig[SIGN_SIZE]);

#endif
