/* Short authentication string: two people compare a few digits or words and know that nobody sits between their nodes.
 * Both nodes make the code from both keys, the TLS exporter of this link and a random number of each. Because one
 * side must promise its number before it sees the other's, a third party gets one guess a link (1 in 10^6 for the
 * digits, 1 in 2^32 for the words) and cannot try codes until two are alike. Pure; timeouts, the users' yes and how
 * often a peer may ask are the caller's. Embedded; one use.
 *
 *     initiator                              responder
 *     NEW -- sas_start --> COMMITTED
 *                             -- commit -->  NEW -- sas_on_commit --> ANSWERED
 *     COMMITTED -- sas_on_nonce --> READY  <-- nonce --
 *                             -- reveal -->  ANSWERED -- sas_on_reveal --> READY
 *
 * 1. Anything out of this order, of wrong size or not as promised leads to FAILED, and there is no way out of that:
 *    one attempt a link. READY stays, whatever else comes.
 * 2. sas_code() gives nothing before both numbers are fixed. */
#ifndef XMPP_SAS_H
#define XMPP_SAS_H

#include "base/str.h"

enum { SAS_KEY = 32, SAS_EXPORTER = 32, SAS_NONCE = 32, SAS_COMMIT = 32, SAS_WORDS = 4, SAS_WORD_MAX = 7 };

enum sas_state { SAS_NEW, SAS_COMMITTED, SAS_ANSWERED, SAS_READY, SAS_FAILED };

struct sas {
	enum sas_state state;
	bool initiator;
	bool crossed; /* a commitment of the peer crossed ours, and ours stands */
	uint8_t own[SAS_KEY], peer[SAS_KEY], exporter[SAS_EXPORTER];
	uint8_t own_nonce[SAS_NONCE], peer_nonce[SAS_NONCE];
	uint8_t commit[SAS_COMMIT]; /* the peer's */
};

struct sas_code {
	char digits[8];                             /* "123 456" */
	char words[SAS_WORDS * (SAS_WORD_MAX + 1)]; /* "apple river tiger wolf" */
};

/* Keys are raw Ed25519 public keys as TLS proved them. exporter: bytes that only the two ends of this very link have
 * (RFC 8446 7.5, as tls-exporter of RFC 9266). ERR_INVALID: the peer has our own key. */
int sas_init(struct sas *s, const uint8_t own[SAS_KEY], const uint8_t peer[SAS_KEY],
	const uint8_t exporter[SAS_EXPORTER]);
void sas_clear(struct sas *s); /* wipes */

/* The commitment to send. ERR_INVALID: not the first step. */
int sas_start(struct sas *s, uint8_t ret_commit[SAS_COMMIT]);
/* A commitment came: our number to send. When both started at once the side with the lower key stays initiator: to it
 * this is ERR_BUSY, once, and the message is to be ignored; the other side gives up its own and answers. */
int sas_on_commit(struct sas *s, struct str commit, uint8_t ret_nonce[SAS_NONCE]);
/* The responder's number came: ours to send, and READY. */
int sas_on_nonce(struct sas *s, struct str nonce, uint8_t ret_reveal[SAS_NONCE]);
/* The initiator's number came: READY. ERR_DENIED: it is not what was promised; somebody is trying codes. */
int sas_on_reveal(struct sas *s, struct str reveal);
/* Timeout, a user's no, or the link ends. Nothing but sas_clear() after this. */
void sas_fail(struct sas *s);

/* ERR_DENIED unless READY. */
int sas_code(const struct sas *s, struct sas_code *ret);

#endif
