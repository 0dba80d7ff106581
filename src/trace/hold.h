/* Packets on their way into a capture file, held back until the secrets are there that must stand before them: readers look for
 * those of a TLS handshake when they come to its ServerHello, and for those of its data when they come to its end, once each.
 * Pure: packets, key lines and the time go in, blocks come out. Only the secrets of sessions whose hello is in this capture are
 * written. */
#ifndef TRACE_HOLD_H
#define TRACE_HOLD_H

#include "trace/frame.h"
#include "trace/pcapng.h"

enum {
	HOLD_MS = 1000,            /* a session's secrets are waited for so long */
	HOLD_BYTES_MAX = 64 << 20, /* of packets that wait; then nothing is waited for */
	HOLD_SESSIONS_MAX = 1024
};

struct hold;
/* wait: secrets will come by hold_key(); else every packet goes at once. */
struct hold *hold_new(bool wait);
void hold_free(struct hold **h);

/* One line in NSS format, without its end; others, and what no reader needs, are ignored. */
void hold_key(struct hold *h, struct str line);
/* Copied. link_type: of its interface. now: monotonic ms. */
void hold_packet(struct hold *h, const struct pcapng_packet *p, uint16_t link_type, int64_t now);
/* Appends the blocks that may go; all: the rest, too. */
void hold_take(struct hold *h, int64_t now, bool all, struct buf *out);
/* Is the handshake of this connection here, with its secrets? ends: in either direction. */
bool hold_knows(const struct hold *h, const struct frame *ends);
uint64_t hold_packets(const struct hold *h);  /* given to hold_take() so far */
uint64_t hold_sessions(const struct hold *h); /* of them, with secrets */

#endif
