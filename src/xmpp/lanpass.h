/* A password that two nodes share, as keys of SCRAM (RFC 5802) and nothing else. Who dials is SCRAM's client, the other
 * its server; both have the same two keys, so either may dial. Only SCRAM-SHA-256-PLUS with tls-exporter
 * (RFC 9266) is spoken: the proof is worth nothing on another link, not even the one back. Pure.
 *
 * Salt and iterations are no choice of either side: the salt is made of both certificates' fingerprints, so the
 * keys of one pair of nodes open no other. */
#ifndef XMPP_LANPASS_H
#define XMPP_LANPASS_H

#include "xmpp/nodeid.h"
#include "xmpp/scram.h"

enum { LANPASS_KEY = 32, LANPASS_ITERATIONS = 32768 /* of the protocol: both must use it */ };

#define LANPASS_MECHANISM "SCRAM-SHA-256-PLUS"
#define LANPASS_BINDING "tls-exporter"

/* Secret like the password itself between these two. Wipe it. */
struct lan_keys {
	uint8_t client[LANPASS_KEY], server[LANPASS_KEY]; /* ClientKey, ServerKey */
};

/* Fingerprints are those of nodeid_fingerprint(), in any order. */
void lanpass_salt(const uint8_t a[NODEID_FINGERPRINT], const uint8_t b[NODEID_FINGERPRINT], uint8_t ret[32]);
/* Slow (helper pool). ERR_INVALID: not a password (RFC 8265 OpaqueString). */
int lanpass_derive(struct str password, const uint8_t a[NODEID_FINGERPRINT], const uint8_t b[NODEID_FINGERPRINT],
	struct lan_keys *ret);
/* 128 random bits as text that people can read to each other: base32 in groups of four, "abcd-efgh-…". */
void lanpass_generate(struct buf *out);

/* For the answering side: what its row needs to be asked for. */
void lanpass_scram_keys(const struct lan_keys *keys, const uint8_t a[NODEID_FINGERPRINT],
	const uint8_t b[NODEID_FINGERPRINT], struct scram_keys *ret);

/* Both automata, as they must be set up. id is the dialler's NODEID: the answering side checks that the user it
 * reads is the node that TLS proved. exporter: the channel binding data of this link (the answering side gives it to
 * scram_server_final()); without any, both sides refuse. */
struct scram_client *lanpass_client(const struct lan_keys *keys, struct str id, const uint8_t a[NODEID_FINGERPRINT],
	const uint8_t b[NODEID_FINGERPRINT], struct str exporter);
struct scram_server *lanpass_server(void);

#endif
