/* Changes of roles and affiliations (XEP-0045 8.2 to 10.8): read by iq_admin.c, iq_owner.c and whoever else makes some. All
 * of a request are checked before the first is made. */
#ifndef ROOM_CHANGE_H
#define ROOM_CHANGE_H

#include "room/room.h"

enum {
	CHANGES_MAX = 1000, /* in one request */
	TOLD_MAX = 200      /* in one of more neither the room nor who is away hears of that */
};

struct change {
	bool of_role, untold;
	enum role role;
	enum affiliation affiliation, before;
	struct occupant *occupant; /* of_role: whose */
	char *jid;                 /* otherwise: bare */
	char *reason;
	char *nick, *key; /* of an affiliation: the nickname that is his from now on; NULL: as it was, "": none */
};
static inline struct str change_jid(const struct change *ch) { return str_z(ch->jid); }

struct changes {
	struct change **list;
	uint32_t n;
};

void changes_clear(struct changes *cs);
/* NULL: too many at once. */
struct change *changes_add(struct changes *cs);
/* Of an affiliation, NULL if there is none of this address. */
struct change *changes_find(const struct changes *cs, struct str bare);
/* What others get because of them; before they are made. Admins are slowed down: their clients are not read for a while. A list that they
 * cannot bring in is of no use to them, and to be told when to send it again no client understands. Whoever is not slowed down by that
 * (is_session: s is from a session here) waits. */
struct xerr changes_charge(struct room *r, const struct stanza *s, bool is_session, const struct changes *cs);
/* All or none, on behalf of who: forbidden, not-allowed, conflict, ... */
struct xerr changes_make(struct room *r, struct changes *cs, struct jid from);

#endif
