/* Subscriptions (RFC 6121 section 3): what the four kinds of presence do to a contact, as one table. */
#ifndef USER_SUBSCRIPTION_H
#define USER_SUBSCRIPTION_H

#include "user/account.h"

/* The nine states of appendix A.1, and unlisted contacts are in the first. */
enum sub_state {
	SUB_STATE_NONE,
	SUB_STATE_NONE_OUT,
	SUB_STATE_NONE_IN,
	SUB_STATE_NONE_OUT_IN,
	SUB_STATE_TO,
	SUB_STATE_TO_IN,
	SUB_STATE_FROM,
	SUB_STATE_FROM_OUT,
	SUB_STATE_BOTH,
	SUB_STATE_COUNT
};

enum sub_event {
	OUT_SUBSCRIBE,
	OUT_UNSUBSCRIBE,
	OUT_SUBSCRIBED,
	OUT_UNSUBSCRIBED,
	IN_SUBSCRIBE,
	IN_UNSUBSCRIBE,
	IN_SUBSCRIBED,
	IN_UNSUBSCRIBED,
	SUB_EVENT_COUNT
};

enum {
	SUB_PASS = 1,             /* outbound: route it; inbound: deliver it to the user */
	SUB_PREAPPROVE = 2,       /* note the approval in advance (3.4) */
	SUB_UNAPPROVE = 4,        /* forget it */
	SUB_REPLY_SUBSCRIBED = 8, /* answer for the user */
	SUB_REPLY_UNSUBSCRIBED = 16
};

struct sub_rule {
	uint8_t state; /* enum sub_state, the new one */
	uint8_t does;  /* SUB_ bits */
};
extern const struct sub_rule sub_rules[SUB_EVENT_COUNT][SUB_STATE_COUNT];

enum sub_state subscription_state(const struct account *a, struct jid contact);

/* A presence of the four kinds from a resource of the account. Takes *s. */
void subscription_out(struct account *a, struct stanza **s);
/* One to the account, from its inbox. Takes *s. */
void subscription_in(struct account *a, struct stanza **s);
/* Ends all subscriptions with a listed contact that is about to be removed (2.5.2). */
void subscription_cancel(struct account *a, struct jid contact);

#endif
