/* The little of a frame that capturing itself must know: whose it is, and where a TLS handshake begins. Everything else about
 * packets is Wireshark's business. */
#ifndef TRACE_FRAME_H
#define TRACE_FRAME_H

#include "base/str.h"

enum { FRAME_TCP = 6, FRAME_UDP = 17, TLS_RANDOM = 32 };

struct frame {
	bool v6;
	uint8_t protocol; /* FRAME_TCP, FRAME_UDP; others have no ports here */
	uint8_t from[16], to[16];
	uint16_t from_port, to_port;
	struct str payload;
};

/* An Ethernet frame with IPv4 or IPv6 inside. False: another one, or a fragment that is not the first. */
bool frame_read(struct str data, struct frame *ret);

enum frame_hello { HELLO_NONE, HELLO_CLIENT, HELLO_SERVER };
/* Does a TLS hello begin in this segment? random: the client's, of its own hello. */
enum frame_hello frame_hello(const struct frame *f, uint8_t random[TLS_RANDOM]);

#endif
