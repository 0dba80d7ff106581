/* What a node says of its own addresses, signed, so that anybody may pass it on: it is believed only of the node whose
 * key signed it. Pure.
 *
 *     <addresses xmlns='urn:wireside:addresses:0' id='NODEID' seq='7' expires='2026-11-21T20:42:55.000Z'
 *         key='base64 of the raw Ed25519 key' sig='base64'><a>10.0.0.7:5298</a><a>[2001:db8::7]:5298</a></addresses>
 *
 * What is signed is not XML but this text, each line ended by one line feed, addresses in their order:
 *
 *     wireside addresses 0
 *     id NODEID
 *     seq 7
 *     expires 2026-11-21T20:42:55.000Z
 *     a 10.0.0.7:5298
 *     a [2001:db8::7]:5298
 *
 * All of it has one spelling (decimal without leading zeros, time as clock_format() writes it, RFC 5952); others are
 * refused, so what was read and what was signed are the same. */
#ifndef XMPP_TOLD_H
#define XMPP_TOLD_H

#include "xml/tree.h"
#include "xmpp/nodeid.h"

#define NS_ADDRESSES "urn:wireside:addresses:0"

enum {
	TOLD_MAX = 8,        /* addresses in one statement */
	TOLD_ADDR_TEXT = 48, /* "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" */
	TOLD_SEED = 32
};
#define TOLD_SEQ_MAX INT64_MAX /* what a store can hold */
/* Nothing is believed longer than this, whatever it says: 30 days, in milliseconds. */
#define TOLD_LIFE_MAX ((int64_t)30 * 24 * 3600 * 1000)

struct told_addr {
	uint8_t ip[16];
	uint8_t ip_len; /* 4 or 16 */
	uint16_t port;
};

struct told {
	char id[NODEID_LEN + 1];
	uint8_t key[NODEID_KEY];
	uint64_t seq;    /* the caller takes only what is higher than it has of this id */
	int64_t expires; /* wall clock, milliseconds */
	size_t count;
	struct told_addr addrs[TOLD_MAX];
};

/* "10.0.0.7:5298", "[2001:db8::7]:5298": canonical, unicast, neither loopback nor unspecified, no IPv4 in IPv6, no zone
 * (a link-local address is on the link that the statement came by). ERR_INVALID. */
int told_addr_parse(struct str text, struct told_addr *ret);
void told_addr_format(struct buf *out, const struct told_addr *a);

/* id and key are taken from the seed. ERR_INVALID: an address that may not be told, too many, or a time that cannot be
 * written; nothing is appended then. */
int told_write(struct buf *out, const uint8_t seed[TOLD_SEED], const struct told *t);
/* Element i, with all checks but that of seq. ret->expires is at most now + TOLD_LIFE_MAX. ERR_INVALID: not such an
 * element or an address that may not be told; ERR_TIMEOUT: expired; ERR_DENIED: key or signature do not prove it. */
int told_read(const struct xml_tree *t, uint32_t i, int64_t now, struct told *ret);

#endif
