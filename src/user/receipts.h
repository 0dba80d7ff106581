/* Receipts by the node (XEP-0184): who is a contact and asks for one gets it from the account itself, once the message is
 * committed: it cannot get lost any more, whether a client is there or not. A client's own receipt for it is not sent. */
#ifndef USER_RECEIPTS_H
#define USER_RECEIPTS_H

#include "user/account.h"

enum { RECEIPTS_KNOWN = 256 }; /* answered messages that are remembered, to drop the receipts of clients */

/* The message was written in this turn. */
void receipts_answer(struct account *a, const struct stanza *s);
/* s, of a client of the account, is nothing but the receipt that was sent already. */
bool receipts_answered(const struct account *a, const struct stanza *s);

#endif
