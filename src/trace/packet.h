/* Packets made out of nothing but a payload, and packets whose payload was changed: headers and checksums as they ought to be. */
#ifndef TRACE_PACKET_H
#define TRACE_PACKET_H

#include "base/buf.h"

struct packet_end {
	bool v6;
	uint8_t address[16]; /* 4 of them without v6 */
	uint16_t port;
};

/* "10.0.0.1:5298" or "[fd00::1]:5298". */
bool packet_end_read(struct str text, struct packet_end *ret);

enum { PACKET_PAYLOAD_MAX = 65000 };
/* An Ethernet frame with one TCP segment (PSH, ACK) of at most PACKET_PAYLOAD_MAX bytes. Both ends are of one family. */
void packet_put_tcp(const struct packet_end *from, const struct packet_end *to, uint32_t seq, uint32_t ack,
	struct str payload, struct buf *out);

/* ip: a whole IPv4 or IPv6 packet with a whole TCP segment right behind its header: the checksum is made right. False: it is
 * something else, and was left alone. */
bool packet_mend_tcp(char *ip, size_t n);

#endif
