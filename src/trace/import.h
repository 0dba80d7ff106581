/* Packets out of a text: hexadecimal dumps as hexdump -C, xxd, od, tcpdump -x and Wireshark print them, with line ends of
 * any system. A packet begins with a line of offset 0; the line before its dump may have a direction (> or O, < or I, first on
 * the line) and a time. Docs: docs/traces.md. */
#ifndef TRACE_IMPORT_H
#define TRACE_IMPORT_H

#include "trace/packet.h"

enum { IMPORT_TEXT_MAX = 256 << 20 };

struct import_options {
	/* The dumps are what TCP carried, from here to there (or back, as the direction says), and get headers. Both or none: none:
	 * they are whole frames, or IP packets. */
	const struct packet_end *from, *to;
};

/* Text -> a pcapng file. ERR_SYNTAX, ERR_LIMIT with a line in why; ret_packets: how many. */
int import_text(struct str text, const struct import_options *o, struct buf *out, unsigned *ret_packets,
	struct buf *why);

#endif
