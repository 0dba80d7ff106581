/* Preparation of international text (PRECIS: RFC 8264), behind jid.c, which handles ASCII itself. Works on one
 * string at a time; pure. Every result is a fixed point: enforcing it again gives the same bytes. */
#ifndef XMPP_PRECIS_H
#define XMPP_PRECIS_H

#include "base/buf.h"
#include "base/str.h"

enum precis_profile {
	PRECIS_USERNAME, /* UsernameCaseMapped, RFC 8265 3.3 */
	PRECIS_OPAQUE,   /* OpaqueString, RFC 8265 4.2 */
	PRECIS_NICKNAME  /* Nickname, RFC 8266, in the form for comparison */
};

/* Longest input looked at, in bytes: three times the longest part, since normalisation may shorten it. */
enum { PRECIS_INPUT_MAX = 3 * 1023 };

/* Appends the enforced form. ERR_INVALID (also for malformed UTF-8 and an empty result), out untouched. */
int precis_enforce(enum precis_profile profile, struct str text, struct buf *out);

/* What RFC 8264 section 8 derives for a code point. */
enum precis_value {
	PRECIS_PVALID,    /* allowed in both classes */
	PRECIS_FREE,      /* FREE_PVAL: allowed in the FreeformClass, ID_DIS in the IdentifierClass */
	PRECIS_CONTEXT,   /* CONTEXTJ or CONTEXTO: depends on its neighbours */
	PRECIS_DISALLOWED /* also UNASSIGNED */
};
enum precis_value precis_value(uint32_t cp);
/* The rule of RFC 5892 appendix A for the code point at s[i]. */
bool precis_context(const uint32_t *s, size_t n, size_t i);

/* The Bidi Rule (RFC 5893 section 2) and whether it is needed (a right-to-left character is in s). */
bool precis_is_rtl(const uint32_t *s, size_t n);
bool precis_bidi(const uint32_t *s, size_t n);

#endif
