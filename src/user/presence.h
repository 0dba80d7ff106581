/* Presence (RFC 6121 section 4). Broadcasts to accounts of this process go out as one packet to a list of sessions,
 * past the inboxes; what belongs to a subscription's handshake goes through them, so that it arrives in order. */
#ifndef USER_PRESENCE_H
#define USER_PRESENCE_H

#include "user/resource.h"

enum { PRESENCE_SIZE_MAX = 16 << 10 }; /* kept as long as the resource is available */

/* A presence stanza from a client, of any type, with or without `to`. Takes *s. */
void presence_out(struct resource *r, struct stanza **s);
/* One to the account, from its inbox. Takes *s. */
void presence_in(struct account *a, struct stanza **s);
/* The resource is no more: tells everybody who believes it available. It is unlinked already. */
void presence_gone(struct resource *r);

/* Sends the presence of each available resource to the contact, or that it is unavailable. */
void presence_show(struct account *a, struct jid contact);
void presence_withdraw(struct account *a, struct jid contact);
/* 8.5.1: presence to an account that does not exist. Takes *s. */
void presence_to_nobody(struct core *c, struct stanza **s);

#endif
