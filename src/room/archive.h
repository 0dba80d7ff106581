/* What was said in a room, for those who ask (XEP-0313 at the room's address), each message once, with the address of who
 * said it. A persistent room has it in the store, where the history for newcomers comes from, too; a temporary one has
 * its last messages in memory, and that is its archive. An id is the time in microseconds, or one more than the last; it is
 * the stanza-id (XEP-0359) of the message that all got. */
#ifndef ROOM_ARCHIVE_H
#define ROOM_ARCHIVE_H

#include "core/mam.h"
#include "room/room.h"

bool room_archive_on(const struct entity *e); /* of a room: it may be asked */
/* To be archived: it has an id then. */
bool room_archive_wants(const struct stanza *s);
/* A message that all get, under its id. v: who said it; NULL: the room itself. shown: also in the history; without an archive nothing
 * else is stored. In the batch of this turn: what is sent of it must wait for r->commit. */
void room_remember(struct room *r, int64_t id, const struct visit *v, struct packet *live, bool shown);
/* A mere reaction (XEP-0444): of these as many are kept as of all others, and none in the place of another. Before it is remembered. */
bool room_archive_is_light(const struct stanza *s);
void room_archive_lighten(struct room *r, int64_t id);

/* A line of the public log, if the room has one. nick absent: the room itself; did NULL: he said text; text may be absent.
 * What was said has the time of its id: it is found by that when it is taken back. */
void room_log(struct room *r, struct str nick, const char *did, struct str text);
void room_log_at(struct room *r, int64_t time, struct str nick, const char *did, struct str text);
void room_log_of(struct room *r, const struct occupant *o, const char *did, struct str text); /* unless he is hidden */

/* For room_store.c. */
void room_archive_store(struct room *r, const struct history_entry *e);
void room_archive_trim(struct room *r);

/* The id in a text; 0 for what cannot be one of ours. */
int64_t room_archive_id(struct str text);
/* Looking for one message in the store. */
struct room_lookup {
	struct wait wait;
	uint64_t room;
	/* The asker's own: */
	int64_t id;
	struct stanza *request; /* freed with this, as are why and old */
	char *why, *old;
	/* In a later turn. r NULL: the room is gone; stored absent: there is no such message, or err says that nobody knows. */
	void (*done)(struct core *c, struct room *r, struct room_lookup *l, struct str stored, int err);
};
/* Takes l, on the heap with id, request, why, old and done. */
void room_archive_find(struct room *r, struct room_lookup *l);
/* Something else is in its place, in the store and in the public log, with this turn. before: what it was. */
void room_archive_replace(struct room *r, int64_t id, struct str before, const struct packet *p);

/* When the oldest message may have been said, ms since 1970; INT64_MIN: at any time. */
int64_t room_archive_oldest(const struct room *r);
/* All rooms of a service: what is older goes. */
struct rooms;
void room_archive_expire(struct rooms *rs);
void rooms_log_expire(struct rooms *rs); /* what is too old leaves the public logs */

iq_handler room_archive_set, room_archive_get, room_archive_metadata_get;

#endif
