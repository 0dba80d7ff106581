/* What was sent to an account's sessions and has not arrived: it must not be lost with this process once its sender was
 * told that it is safe.
 *
 *   in the archive      marked there as open, in the same row. What has arrived is written down later, for all at once
 *                       (delivered up to where, but for which); after a crash the last half second may come again.
 *   not in the archive  its sender is told when it has arrived. What takes longer than half a second, or than its sender can
 *                       wait, is stored in transit until it has.
 *
 * Arrived is what one session has acknowledged (XEP-0198), or, where a session does not count, what was written. What a
 * session gives back goes the way of deliver_returned(). What is found open when an account is loaded becomes stored
 * messages (offline.h). */
#ifndef USER_TRANSIT_H
#define USER_TRANSIT_H

#include "user/account.h"

enum { TRANSIT_TICK_MS = 500 };

/* It would be stored if nobody were there. */
bool transit_wants(const struct stanza *s);
/* A number for it: the packet's tag. */
uint64_t transit_add_archived(struct account *a, int64_t id);                  /* id: in the archive, marked open */
uint64_t transit_add_stored(struct account *a, int64_t time, struct str text); /* it was stored, and will not be */
uint64_t transit_add_held(struct account *a);                                  /* transit_hold() must follow */
/* Takes *s, which is done with when this one has arrived or is stored. */
void transit_hold(struct account *a, uint64_t tag, struct stanza **s);
/* It has arrived; or not, and something else becomes of it in this turn. */
void transit_end(struct account *a, uint64_t tag, bool arrived);
/* The oldest one that the archive must keep, INT64_MAX: none. */
int64_t transit_oldest(const struct account *a);
void transit_touch(struct account *a);                  /* the archive has grown: write down later what has arrived */
void transit_flush(struct account *a);                  /* now: the last session is gone */
void transit_recover(struct account *a, int64_t count); /* loaded, and so many were on their way */
/* Nothing is written any more. */
void transit_free(struct account *a);
void transit_hurry(struct host *h);    /* at once what was for the next tick */
void transit_on_tick(struct timer *t); /* of users.transit_timer */

#endif
