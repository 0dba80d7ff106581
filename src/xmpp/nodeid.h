/* The names of a node: its Ed25519 key gives its id, its id gives its domains. Names are text that anybody can check
 * against a key; nothing is looked up. Pure. */
#ifndef XMPP_NODEID_H
#define XMPP_NODEID_H

#include "base/buf.h"

enum {
	NODEID_LEN = 26, /* base32 characters, 130 bits: nobody finds a second key with the same id */
	NODEID_KEY = 32, /* bytes of a raw Ed25519 public key */
	NODEID_FINGERPRINT = 32,
	NODEID_DOMAIN_MAX = NODEID_LEN + sizeof("rooms.") - 1 + sizeof(".internal") - 1
};

/* SHA-256 of the SubjectPublicKeyInfo (RFC 8410) of the key: what certificate tools show as its pin. */
void nodeid_fingerprint(const uint8_t pub[NODEID_KEY], uint8_t ret[NODEID_FINGERPRINT]);
/* NODEID: the first characters of the fingerprint in lower-case base32, terminated. */
void nodeid_of(const uint8_t pub[NODEID_KEY], char ret[NODEID_LEN + 1]);
bool nodeid_is(struct str text);

void nodeid_domain(struct buf *out, struct str id);       /* NODEID.internal */
void nodeid_rooms_domain(struct buf *out, struct str id); /* rooms.NODEID.internal */
/* Is it one of these two? *ret_id is borrowed from domain. Only the canonical text is: a domain from a struct jid is
 * canonical already, and anything else is another name. */
bool nodeid_parse_domain(struct str domain, struct str *ret_id, bool *ret_rooms);

/* For people: groups of four characters, the last one may be shorter. "abcd efgh ij" */
void nodeid_groups(struct buf *out, struct str text, char between);

#endif
