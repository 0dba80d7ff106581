/* Messages for somebody who is away (XEP-0160, delays by XEP-0203, hints by XEP-0334): stored, and given to the next
 * resource that becomes available with a priority that is not negative. */
#ifndef USER_OFFLINE_H
#define USER_OFFLINE_H

#include "user/account.h"

/* What becomes of a message that nobody can be given now. */
enum offline_worth {
	OFFLINE_KEEP,
	OFFLINE_BOUNCE, /* its sender does not want it stored */
	OFFLINE_FORGET  /* nothing in it matters later: typing notifications */
};
enum offline_worth offline_worth(const struct stanza *s);

/* What a room of this server tells somebody who is not in it (room/subscription.h). It takes no more than half of the place, so that what
 * people write to him has the other half; more is dropped: the room's archive has it. */
bool offline_is_event(const struct core *c, const struct stanza *s);

/* Stores or answers with an error: service-unavailable when there are too many, resource-constraint when the store
 * fails. again: it was delivered before, and came back. Takes *s. */
void offline_store(struct account *a, struct stanza **s, bool again);
/* True of what has been stored, and was sent since. */
bool offline_is_from_store(const struct stanza *s);
/* Sends what is stored to this session, oldest first, and removes it. Until it has been read nothing else reaches
 * the account, so the order is kept. */
void offline_deliver(struct account *a, uint64_t handle);

#endif
