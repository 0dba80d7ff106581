/* What a capture file carries beside its packets: secrets, names of addresses, comments, how many packets were dropped. Only
 * pcapng has a place for them; in files of other kinds nothing is found. tshark tells none of it, and leaves names out when it
 * writes. */
#ifndef TRACE_CARRIED_H
#define TRACE_CARRIED_H

#include "base/buf.h"

enum { CARRIED_NAMES_MAX = 4096 }; /* addresses; the names of more are not taken */

struct carried {
	uint64_t packets;
	unsigned sessions; /* of TLS, of which there are secrets */
	unsigned names;    /* addresses that have one */
	unsigned comments;
	uint64_t dropped; /* packets that the system dropped when it was captured, */
	bool drops_told;  /* as far as the file tells any such number */
};

/* All 0 where the file cannot be read or is of another kind; of one that is broken what comes before. */
void capture_carried(const char *file, struct carried *ret);
/* Its names as a block of this machine's byte order, if there are any. */
void capture_names(const char *file, struct buf *out);
/* What of it other kinds of files have no place for: "secrets of 1 TLS session, names of 2 addresses". Nothing for nothing. */
void carried_put(const struct carried *c, struct buf *out);

#endif
