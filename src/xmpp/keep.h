/* What of a message is worth keeping for later, in whatever archive. */
#ifndef XMPP_KEEP_H
#define XMPP_KEEP_H

#include "xmpp/stanza.h"

/* It says something: a text, one that only the recipient can read, or what its sender wants stored (XEP-0334). */
bool keep_has_content(const struct stanza *s);
/* The same by what is in it alone, whatever its sender wants. */
bool keep_says(const struct stanza *s);
/* Its sender does not want it stored. */
bool keep_forbidden(const struct stanza *s);

#endif
