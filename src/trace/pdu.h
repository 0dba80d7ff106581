/* What was said on a connection, as a record of its own without the packets it came in (Wireshark's "exported PDU"): for
 * those who may not capture, and for what only the program itself can see. It is no packet, and says so. */
#ifndef TRACE_PDU_H
#define TRACE_PDU_H

#include "base/buf.h"

struct pdu_end {
	uint8_t address[16]; /* IPv4: the first 4 */
	bool v6;
	uint16_t port;
};

/* Appends one stanza as data of a packet with the link type PCAPNG_UPPER_PDU. */
void pdu_put(struct buf *out, const struct pdu_end *from, const struct pdu_end *to, struct str xml);

#endif
