/* Packets of one interface: by a socket of our own, for networks of this process and for whoever has CAP_NET_RAW; or by
 * dumpcap as a child, which many systems let people use who may do nothing else of that kind. */
#ifndef TRACE_SOURCE_H
#define TRACE_SOURCE_H

#include "trace/pcapng.h"

struct source;
/* Everything on the interface, of this network namespace. ERR_DENIED, ERR_NOTFOUND (no such interface), ERR_IO. */
int source_new(const char *interface, struct source **ret);
/* The same by dumpcap; filter: of libpcap, NULL: everything. Returns when it captures, which takes a moment; packets come some
 * time later. ERR_DENIED (not installed, or not for us) and others, with a line in why. */
int source_dumpcap(const char *interface, const char *filter, struct source **ret, struct buf *why);
/* After that this process can open no source by itself any more, nor has it any other right that its user has not. Root keeps
 * the right to read and write files of others, because the node asked for may be somebody else's. */
void source_drop_rights(void);
/* Of TCP and UDP only these ports, told to the kernel, so that what else passes costs nothing; it may be said again. More
 * may come all the same: whoever captures looks, too. By dumpcap: nothing, it has its filter. */
enum { SOURCE_PORTS_MAX = 24 };
struct source_ports {
	uint16_t first, last;
};
void source_only(struct source *s, const struct source_ports *ports, size_t n);
void source_free(struct source **s);
/* How long a packet may take from the wire to here, milliseconds: dumpcap gets them from the kernel a few times a second,
 * and what it has not got when it is told to end is lost. */
int64_t source_lag_ms(const struct source *s);
/* No more after what is there already: dumpcap says so and ends. */
void source_end(struct source *s);
int source_fd(const struct source *s);
/* 1: a packet, valid until the next call; 0: none now; ERR_CLOSED: there will be none; ERR_IO. */
int source_next(struct source *s, struct pcapng_packet *ret);
/* Since the beginning. dropped: those that the kernel had no room for. */
void source_counts(struct source *s, uint64_t *ret_received, uint64_t *ret_dropped);

#endif
