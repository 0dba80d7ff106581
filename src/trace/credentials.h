/* Where in an XMPP stream stands what would let somebody log in, or find out a password by trying: steps of SASL of any mechanism
 * (a SCRAM exchange can be tried against a word list), passwords of registration, of the old login and of rooms, private fields
 * of forms. Works on bytes, well-formed or not, and rather takes too much. */
#ifndef TRACE_CREDENTIALS_H
#define TRACE_CREDENTIALS_H

#include "base/str.h"

typedef void credential_fn(void *arg, size_t at, size_t n);
/* Each stretch of the piece, in order. middle: what was before the piece is not known. */
void credentials_find(struct str piece, bool middle, credential_fn *found, void *arg);

#endif
