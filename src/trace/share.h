/* A capture that may be given to others: without secrets, and with what would let somebody log in made unreadable
 * (credentials.h), also where it is cut into segments or sent twice. What was said in clear stays. */
#ifndef TRACE_SHARE_H
#define TRACE_SHARE_H

#include "base/buf.h"

enum { SHARE_FILE_MAX = 512 << 20 };

struct share_result {
	unsigned secrets;     /* blocks that were left out */
	unsigned credentials; /* stretches made unreadable */
	bool speech;          /* texts of messages stand in it in clear, whatever a view can make of their stream */
};

/* The bytes of a pcapng file, which are changed -> out. ERR_SYNTAX: it is none; ERR_UNSUPPORTED: there are packets in it into which
 * it cannot look; ERR_LIMIT. All with a line in why. */
int share_bytes(struct buf *in, struct buf *out, struct share_result *ret, struct buf *why);

#endif
