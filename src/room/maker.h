/* How many rooms an account makes: without a limit one account could take all the rooms of the service, and keep
 * them. Counted by bare address over a day, in memory. */
#ifndef ROOM_MAKER_H
#define ROOM_MAKER_H

#include "base/map.h"
#include "xmpp/jid.h"

struct makers {
	struct map map;
	uint32_t max; /* rooms a day and account */
};

void makers_init(struct makers *ms, uint32_t max);
void makers_clear(struct makers *ms);
/* Counts one more by `who`; false: not today. now: ms, monotonic. */
bool makers_count(struct makers *ms, struct jid who, int64_t now);

#endif
