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
/* A message that all get, under its id. v: who said it; NULL: the room itself. shown: also in the history. In the batch of this
 * turn: what is sent of it must wait for r->commit. */
void room_remember(struct room *r, int64_t id, const struct visit *v, struct packet *live, bool shown);

/* A line of the public log, if the room has one. nick absent: the room itself; did NULL: he said text; text may be absent. */
void room_log(struct room *r, struct str nick, const char *did, struct str text);

/* For room_store.c. */
void room_archive_store(struct room *r, const struct history_entry *e);
void room_archive_trim(struct room *r);

/* The id in a text; 0 for what cannot be one of ours. */
int64_t room_archive_id(struct str text);
/* A message becomes its tombstone (retract_tombstone()): in the history at once, in the store with this turn or a later one.
 * Nothing happens if there is no such message. */
void room_archive_retract(struct room *r, int64_t id, struct str author, struct str why);

/* When the oldest message may have been said, ms since 1970; INT64_MIN: at any time. */
int64_t room_archive_oldest(const struct room *r);
/* All rooms of a service: what is older goes. */
struct rooms;
void room_archive_expire(struct rooms *rs);

iq_handler room_archive_set, room_archive_get, room_archive_metadata_get;

#endif
