/* How somebody is, where several clients of his say different things (RFC 6121 says: the one of the highest priority, and leaves open what
 * if that is of several). Everybody who shows him chooses by the same rule, so that all see the same. Any thread. */
#ifndef XMPP_LOOKS_H
#define XMPP_LOOKS_H

#include "xmpp/stanza.h"

/* As one client says it. */
struct looks {
	int priority;
	struct str show, text; /* show: absent, "" and "available" are one */
};

/* Is he as a says rather than as b does? Among those of the same priority: whoever asks for quiet in one of his clients has it; else he
 * is where he is most there; else it is the text that decides, any rule being as good. */
bool looks_before(const struct looks *a, const struct looks *b);
/* The same of two available presences. */
bool looks_presence_before(const struct stanza *a, const struct stanza *b);

#endif
