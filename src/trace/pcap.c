#include "trace/pcap.h"

enum { NS = 1000000000 };

static void put32(struct buf *out, uint32_t n) { buf_add(out, &n, sizeof(n)); }

/* In the byte order of this machine, by which readers know it. */
void pcap_put_head(struct buf *out, uint16_t link_type)
{
	const uint16_t version[] = {2, 4};

	put32(out, 0xa1b23c4d);
	buf_add(out, version, sizeof(version));
	put32(out, 0);
	put32(out, 0);
	put32(out, PCAPNG_SNAPLEN);
	put32(out, link_type);
}

void pcap_put_packet(struct buf *out, const struct pcapng_packet *p)
{
	put32(out, (uint32_t)(p->time / NS));
	put32(out, (uint32_t)(p->time % NS));
	put32(out, (uint32_t)p->data.n);
	put32(out, p->length);
	buf_str(out, p->data);
}
