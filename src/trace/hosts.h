/* Inside of dissect.c: who the ends of frames are. Mostly an address is one participant. Where it is not, because both ends of a
 * connection have one address or because two people speak from it, the ends of connections are told apart by their ports and by
 * what their streams call them. Owned by the dissected file; goes on frame by frame. */
#ifndef TRACE_HOSTS_H
#define TRACE_HOSTS_H

#include "trace/dissect.h"

/* Of a frame that was added just now, with its fields and TCP read: .from, .to and .opener, and what it tells of who they are.
 * That may be of frames before it, too. */
void hosts_take(struct dissected *d, struct dissected_frame *f);
void hosts_clear(struct dissected *d);

#endif
