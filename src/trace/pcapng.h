/* Capture files (draft-ietf-opsawg-pcapng): blocks written into a buffer, and read from bytes as they come, of whatever
 * byte order. Times are nanoseconds since 1970. Whoever writes a file puts section, interfaces, names, and each block of
 * secrets before the first packet that needs it: readers look no further back. */
#ifndef TRACE_PCAPNG_H
#define TRACE_PCAPNG_H

#include "base/buf.h"

enum {
	PCAPNG_BLOCK_MAX = 16 << 20, /* bytes of one block; longer ones are refused */
	PCAPNG_INTERFACES_MAX = 64,  /* of one section */
	PCAPNG_COMMENTS_MAX = 4,     /* of one packet that is written */
	PCAPNG_SNAPLEN = 262144
};

/* Link types (LINKTYPE_...). */
enum { PCAPNG_ETHERNET = 1, PCAPNG_UPPER_PDU = 252 };

enum pcapng_kind {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_NAMES = 4,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,
	PCAPNG_SECRETS = 10
};

enum pcapng_way { PCAPNG_WAY_UNKNOWN, PCAPNG_IN, PCAPNG_OUT };

struct pcapng_packet {
	uint32_t interface; /* in the order of their blocks, from 0; also of PCAPNG_STATISTICS */
	int64_t time;
	uint32_t length; /* on the wire; data may be less */
	struct str data;
	struct str comments[PCAPNG_COMMENTS_MAX]; /* written only; absent: no more */
	enum pcapng_way way;                      /* the same */
};

/* ---- writing ---- */

/* comment may be absent. */
void pcapng_put_section(struct buf *out, struct str application, struct str comment);
void pcapng_put_interface(struct buf *out, uint16_t link_type, struct str name, struct str description);
struct pcapng_name {
	uint8_t address[16];
	bool v6; /* else 4 bytes */
	struct str name;
};
void pcapng_put_names(struct buf *out, const struct pcapng_name *names, size_t n);
/* TLS secrets: lines in NSS format, each ended. */
void pcapng_put_secrets(struct buf *out, struct str lines);
void pcapng_put_packet(struct buf *out, const struct pcapng_packet *p);
void pcapng_put_statistics(struct buf *out, uint32_t interface, int64_t time, uint64_t received, uint64_t dropped);

/* ---- reading ---- */

struct pcapng_reader {
	bool started, big_endian;
	uint32_t interface_n;
	uint8_t resolution[PCAPNG_INTERFACES_MAX]; /* as in the option if_tsresol */
	uint16_t link_type[PCAPNG_INTERFACES_MAX];
};

struct pcapng_block {
	uint32_t kind;
	struct str raw;              /* all of it, as it came */
	struct pcapng_packet packet; /* PCAPNG_PACKET */
	struct str secrets;          /* PCAPNG_SECRETS of TLS; absent for others */
	uint16_t link_type;          /* PCAPNG_INTERFACE, PCAPNG_PACKET */
	uint64_t received, dropped;  /* PCAPNG_STATISTICS; 0: not told */
	bool drops_told;             /* the same: dropped is a number that somebody wrote */
	struct str names;            /* PCAPNG_NAMES: for pcapng_next_name() */
	bool commented;              /* somebody wrote something about this section, interface or packet */
};

void pcapng_reader_init(struct pcapng_reader *r);
/* Eats one block of *in: 1, and 0 when more bytes are needed. What is returned points into *in. ERR_SYNTAX: no capture
 * file; ERR_LIMIT: a block or a number of interfaces over the limits. */
int pcapng_next(struct pcapng_reader *r, struct str *in, struct pcapng_block *ret);
/* Eats one record of block.names; of an address with several names the first one counts. False: there are no more. */
bool pcapng_next_name(const struct pcapng_reader *r, struct str *names, struct pcapng_name *ret);

#endif
