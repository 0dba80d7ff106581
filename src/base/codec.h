/* Base64 (RFC 4648 section 4, strict), base32 and hexadecimal. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

void b64_encode(struct buf *out, const void *p, size_t n);
/* ERR_SYNTAX for anything but canonical base64 (no white space, right padding). */
int b64_decode(struct buf *out, struct str text);
/* The same with white space anywhere in it: clients break the lines of pictures. */
int b64_decode_folded(struct buf *out, struct str text);
/* Base32 (RFC 4648 section 6), in lower case and without padding: for names of keys. */
void b32_encode(struct buf *out, const void *p, size_t n);
/* ERR_SYNTAX for anything that b32_encode() would not have written. */
int b32_decode(struct buf *out, struct str text);
void hex_encode(struct buf *out, const void *p, size_t n); /* lower case */
int hex_decode(struct buf *out, struct str text);

#endif
