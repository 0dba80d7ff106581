/* Copies of messages for the other clients of an account (XEP-0280): each session says for itself that it wants them. */
#ifndef USER_CARBONS_H
#define USER_CARBONS_H

#include "user/resource.h"

/* Another session of the account wants copies. */
bool carbons_wanted(const struct resource *from);
/* `live` is the message as the account's clients see it; commit: what the copies must wait for. */
void carbons_sent(struct resource *from, const struct stanza *s, struct packet *live, uint64_t commit);
/* Was delivered to `match` or, when that is NULL, to all that are available with this priority or a higher one. */
void carbons_received(struct account *a, const struct stanza *s, struct packet *live, const struct resource *match,
	int lowest, uint64_t commit);

#endif
