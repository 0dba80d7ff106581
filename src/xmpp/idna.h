/* Domains: internationalised names (IDNA2008, RFC 5890 to 5894) and IP literals, behind jid.c, which
 * passes plain ASCII names itself. Pure. */
#ifndef XMPP_IDNA_H
#define XMPP_IDNA_H

#include "base/buf.h"
#include "base/str.h"

enum { IDNA_LABEL_MAX = 63 }; /* octets of a label as DNS sees it */

/* Appends the canonical form of a name: U-labels in NFC and lower case, no dot at the end. ERR_INVALID. */
int idna_name(struct str text, struct buf *out);

/* `[IPv6]`, with the brackets: appended as RFC 5952 writes it. ERR_INVALID. */
int idna_ipv6(struct str text, struct buf *out);

/* A lower-case letter-digit-hyphen label that needs nothing done: not an A-label, no hyphen at an end. */
bool idna_plain_label(struct str label);

#endif
