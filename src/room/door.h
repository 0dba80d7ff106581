/* Who waits to enter. Everybody who enters is sent the list of all who are in, and all of those hear of him, so a crowd at the
 * door is most of the work that a room ever has. It must not keep those from talking who are inside: a room lets in so many in
 * one share of a turn; the others wait here, first come, first served, and with each of them waits what else he has sent. What
 * is said inside goes past them.
 *
 * Invariant: who waits is not in. There is a door only while somebody waits. */
#ifndef ROOM_DOOR_H
#define ROOM_DOOR_H

#include "xmpp/stanza.h"

enum { DOOR_MAX = 10000 }; /* stanzas */

struct door;

/* NULL: nobody waits; all of these take that. */
void door_free(struct door **d); /* frees what waits, unanswered */
bool door_waits(const struct door *d, struct jid who);
/* Takes *s, behind what its sender has here already. ERR_LIMIT: it is full, nothing is taken. */
int door_wait(struct door **d, struct stanza **s);
/* All that the first one has sent, linked by next; the first of it asks to enter. NULL: nobody waits. */
struct stanza *door_next(struct door **d);

#endif
