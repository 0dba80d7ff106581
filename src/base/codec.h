/* Base64 (RFC 4648 section 4, strict), base32 (section 6) and hexadecimal. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

void b64_encode(struct buf *out, const void *p, size_t n);
/* ERR_SYNTAX for anything but canonical base64 (no white space, right padding). */
int b64_decode(struct buf *out, struct str text);
/* Lower case, no padding. */
void b32_encode(struct buf *out, const void *p, size_t n);
/* ERR_SYNTAX for anything but what b32_encode() writes. */
int b32_decode(struct buf *out, struct str text);
void hex_encode(struct buf *out, const void *p, size_t n); /* lower case */
int hex_decode(struct buf *out, struct str text);

#endif
