/* Which resources of an account get a message or request (RFC 6121 section 8), as a table. */
#ifndef USER_DELIVER_H
#define USER_DELIVER_H

#include "user/account.h"

/* How it is addressed. */
enum deliver_to { TO_BARE, TO_FULL_MATCH, TO_FULL_NO_MATCH, DELIVER_TO_COUNT };
/* What resources there are. */
enum deliver_have { HAVE_NONE, HAVE_NEGATIVE, HAVE_NON_NEGATIVE, DELIVER_HAVE_COUNT };

/* The letters of table 1 of section 8.5.4. */
enum deliver_action {
	DELIVER_SILENT,  /* S: drop */
	DELIVER_ERROR,   /* E: service-unavailable */
	DELIVER_OFFLINE, /* O: store, if it is worth it */
	DELIVER_DIRECT,  /* D: to the resource that is meant */
	DELIVER_MOST,    /* M: to all with the highest priority, unless it is negative */
	DELIVER_ALL      /* A: to all that are not negative */
};

/* M, not A, for normal and chat: 8.5.4 asks for it as long as clients cannot opt in to copies (XEP-0280). Clients
 * rarely set a priority, so in practice all of them are the "most available". */
extern const uint8_t deliver_rules[DELIVER_HAVE_COUNT][DELIVER_TO_COUNT][TYPE_COUNT];

/* A message for the account. Takes *s. */
void deliver_message(struct account *a, struct stanza **s);
/* A request or answer for the account or a resource. Takes *s. */
void deliver_iq(struct account *a, struct stanza **s);
/* Anything for an account that does not exist (8.5.1). Takes *s. */
void deliver_to_nobody(struct core *c, struct stanza **s);
/* What a node tells its user and is in the inbox, before all else there. */
void deliver_own_lines(struct account *a);
/* What a resource was sent and did not get: a message goes to the others, into the store, or back. Of one that went to
 * several resources only the last copy to come back counts. Takes *s. */
void deliver_returned(struct account *a, struct stanza **s);

#endif
