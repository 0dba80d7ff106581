/* How fast one user may go on in a room. Without it one who floods would take the turns of all others, since each of his
 * stanzas is multiplied. It belongs to the bare address, not to the occupant: leaving and entering again, other clients and
 * other nicknames of the same user change nothing.
 *
 * Everything that others get costs something, in milliseconds that it should have taken; so many may be ahead. Who owes
 * nothing any more is forgotten, so the table is bounded by how many go on at the same time. */
#ifndef ROOM_PACE_H
#define ROOM_PACE_H

#include "base/map.h"

enum {
	PACE_AHEAD = 15000,
	COST_MESSAGE = 50,     /* to all, or to one of them; a change of somebody's rights */
	COST_CHANGE = 2,       /* of the rights of somebody who is away and is not told */
	COST_HEARD_BY = 20,    /* and one more for so many who hear of it */
	HEARD_FREE = 1 << 20,  /* bytes of a message for all who are subscribed; */
	HEARD_BYTES = 1 << 14, /* of more, for each millisecond */
	COST_REQUEST = 10,     /* an IQ to another occupant */
	COST_PRESENCE = 500,   /* entering, a change of presence or nickname */
	COST_MAIL = 500,       /* to who is not in the room, and what admins are asked */
	COST_ANSWER = 5,       /* an answer to a request of another one */
	READ_BYTES = 1024,     /* of lists that he reads, for each millisecond */
	PACES_MAX = 20000
};

/* Answers are counted apart: who is asked much must not be kept from speaking by that. So is what he reads, and what an admin changes in
 * the lists. */
enum pace_kind { PACE_OWN, PACE_ANSWERS, PACE_READS, PACE_LISTS, PACE_KINDS };

struct pace {
	int64_t until[PACE_KINDS]; /* the time that what was sent so far should have taken (ms) */
	int64_t asked_until;       /* voice: not again before */
	int64_t silent_until;      /* slow mode: no message before */
	uint16_t jid_n;
	char jid[];
};

struct paces {
	struct map map;
	uint32_t sweep_at; /* so many, and those who owe nothing are forgotten */
};

void paces_init(struct paces *ps);
void paces_clear(struct paces *ps);
/* Of a bare address; NULL: there are too many at once. Valid until the next call. */
struct pace *paces_get(struct paces *ps, struct str bare, int64_t now);
/* NULL: he owes nothing. */
const struct pace *paces_find(const struct paces *ps, struct str bare);
/* Counts it; false: too fast, nothing is counted. */
bool paces_allow(struct paces *ps, struct str bare, enum pace_kind kind, uint32_t cost, int64_t now);
/* Whether anything more is allowed; then what it has cost, which was not known before: how much he owes now. */
bool paces_may(const struct paces *ps, struct str bare, enum pace_kind kind, int64_t now);
int64_t paces_owe(struct paces *ps, struct str bare, enum pace_kind kind, uint32_t cost, int64_t now);
/* Slow mode is another one now: all may speak. */
void paces_unsilence(struct paces *ps);
void paces_may_ask(struct paces *ps); /* for voice, likewise */
/* Who owes nothing is forgotten. */
void paces_sweep(struct paces *ps, int64_t now);

#endif
