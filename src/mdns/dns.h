/* DNS messages as multicast DNS uses them (RFC 1035 section 4, RFC 6762 section 18): reading, without trusting a byte, and
 * writing, within a given space. Pure: no memory but the caller's, no state beside it. */
#ifndef MDNS_DNS_H
#define MDNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
	DNS_A = 1,
	DNS_NULL = 10,
	DNS_PTR = 12,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NSEC = 47,
	DNS_ANY = 255,
	DNS_IN = 1,
	DNS_TOP = 0x8000,      /* of a class: flush the cache (a record), answer by unicast (a question) */
	DNS_RESPONSE = 0x8000, /* of the flags */
	DNS_OPCODE = 0x7800,
	DNS_AUTHORITATIVE = 0x0400,
	DNS_TRUNCATED = 0x0200,
	DNS_RCODE = 0x000f,
	DNS_HEAD = 12,
	DNS_LABEL_MAX = 63,
	DNS_NAME_MAX = 255,
	DNS_PACKET_MAX = 9000, /* RFC 6762 section 17 */
	DNS_RDATA_MAX = 8192
};

/* A name in its wire form without compression: labels, each after its length, and the empty one at the end. Always
 * well-formed. n counts all of it. */
struct dns_name {
	uint8_t n;
	uint8_t b[DNS_NAME_MAX];
};

/* "_presence._tcp.local": dots separate labels. ERR_SYNTAX. */
int dns_name_parse(struct dns_name *ret, const char *text);
/* label, which may hold any byte, in front of parent. ERR_LIMIT; ERR_SYNTAX when empty. */
int dns_name_under(struct dns_name *ret, struct str label, const struct dns_name *parent);
/* From bytes without compression that are nothing but a name. ERR_SYNTAX. */
int dns_name_decode(struct dns_name *ret, const uint8_t *p, size_t n);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b); /* ASCII letters in any case */
uint64_t dns_name_hash(const struct dns_name *a);                        /* equal names have equal hashes */
/* Is `name` one label and then `parent`? */
bool dns_name_is_under(const struct dns_name *name, const struct dns_name *parent);
struct str dns_name_first(const struct dns_name *name); /* the first label */
/* "alpha.local": dots between labels, no escapes; a new text. NULL when a label has a NUL, a dot or a control character. */
char *dns_name_text(const struct dns_name *name);

struct dns_question {
	struct dns_name name;
	uint16_t type;
	bool unicast; /* the asker would like a unicast answer */
};

struct dns_record {
	struct dns_name name;
	uint16_t type;
	bool flush; /* this and what comes with it is all there is of this name and type */
	uint32_t ttl;
	uint16_t n;
	const uint8_t *rdata;               /* names in it (PTR, SRV) are not compressed any more */
	uint8_t expanded[6 + DNS_NAME_MAX]; /* for that: rdata may point here, so a record is not copied */
};

/* Priority and weight are of no use here. ERR_SYNTAX unless it is the rdata of a SRV record. */
int dns_srv_decode(const uint8_t *rdata, size_t n, uint16_t *ret_port, struct dns_name *ret_host);

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

struct dns_reader {
	const uint8_t *p;
	size_t n, at;
	uint16_t id, flags;
	uint16_t questions;             /* left to read */
	uint16_t records[DNS_SECTIONS]; /* left to read */
};

/* Reads the head. ERR_SYNTAX. */
int dns_open(struct dns_reader *r, const void *p, size_t n);
/* The next one of each kind, in this order: all questions, then all records. ERR_NOTFOUND at the end of them;
 * ERR_SYNTAX and everything after it is lost. Records of other classes than IN come with type 0. */
int dns_next_question(struct dns_reader *r, struct dns_question *ret);
int dns_next_record(struct dns_reader *r, enum dns_section *ret_section, struct dns_record *ret);

enum { DNS_SUFFIXES = 48 }; /* places that compression remembers */

struct dns_writer {
	uint8_t *p;
	size_t n, max;
	uint16_t suffixes[DNS_SUFFIXES];
	uint8_t suffix_count;
	enum dns_section section;
};

/* Writes the head. max: at least DNS_HEAD. */
void dns_start(struct dns_writer *w, uint8_t *p, size_t max, uint16_t id, uint16_t flags);
/* False, and nothing is written, when there is no space. Questions first, then sections in their order. */
bool dns_put_question(struct dns_writer *w, const struct dns_name *name, uint16_t type);
/* rdata as in struct dns_record. flush: see there. */
bool dns_put_record(struct dns_writer *w, enum dns_section section, const struct dns_record *record);
bool dns_empty(const struct dns_writer *w);
void dns_set_flags(struct dns_writer *w, uint16_t flags);

#endif
