/* The older kind of capture file, for programs that read no pcapng: packets and their times, and nothing else. Nanoseconds. */
#ifndef TRACE_PCAP_H
#define TRACE_PCAP_H

#include "trace/pcapng.h"

void pcap_put_head(struct buf *out, uint16_t link_type);
void pcap_put_packet(struct buf *out, const struct pcapng_packet *p);

#endif
