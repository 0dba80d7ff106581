/* Signatures with Ed25519 (RFC 8032), from OpenSSL. Any thread. */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/str.h"

void sign_public(const uint8_t seed[32], uint8_t ret_pub[32]);
void sign_make(const uint8_t seed[32], struct str data, uint8_t ret_sig[64]);
/* False also for bytes that are no key. */
bool sign_verify(const uint8_t pub[32], struct str data, const uint8_t sig[64]);

#endif
