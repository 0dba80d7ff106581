/* What precis.c, precis_class.c and idna.c share: one string as code points while it is worked on. */
#ifndef XMPP_PRECIS_I_H
#define XMPP_PRECIS_I_H

#include "base/buf.h"
#include "base/str.h"

struct precis_text {
	uint32_t *p; /* from libunistring; precis_text_clear() wipes and frees it */
	size_t n;
};

void precis_text_clear(struct precis_text *t);
/* ERR_INVALID: empty, longer than PRECIS_INPUT_MAX or not UTF-8. */
int precis_text_decode(struct str text, struct precis_text *ret);
/* ERR_INVALID, nothing appended, if it is longer than a part of an address may be. */
int precis_text_encode(const struct precis_text *t, struct buf *out);
/* Width mapping, lower case, NFC: no check of any class. */
int precis_text_fold(struct precis_text *t);

bool precis_is_space(uint32_t cp); /* General_Category Zs */

#endif
