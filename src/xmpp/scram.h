/* SCRAM (RFC 5802, RFC 7677) with channel binding, both sides, as automata without I/O: bytes in, bytes
 * out (not base64). One use each. */
#ifndef XMPP_SCRAM_H
#define XMPP_SCRAM_H

#include "base/buf.h"
#include "base/hash.h"

enum {
	SCRAM_SALT_MAX = 32,
	SCRAM_ITERATIONS = 10000,
	SCRAM_ITERATIONS_MIN = 4096, /* a client refuses fewer (RFC 7677 section 4) */
	SCRAM_ITERATIONS_MAX = 1000000
};

/* What is stored instead of a password. */
struct scram_keys {
	enum hash_kind kind;
	uint32_t iterations;
	uint8_t salt_len;
	uint8_t salt[SCRAM_SALT_MAX];
	uint8_t stored[HASH_MAX]; /* StoredKey */
	uint8_t server[HASH_MAX]; /* ServerKey */
};

/* Slow (helper pool). The password must be prepared (jid_prep_password). */
void scram_derive(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations,
	struct scram_keys *ret);
/* Does this password give these keys? Slow. Constant time in the comparison. */
bool scram_verify(const struct scram_keys *keys, struct str password);

/* Server:  new -> first -> challenge -> final. A failure at any step ends it. */
struct scram_server;
/* binding: names of the channel binding types this channel has, comma separated in the order of
 * preference ("tls-exporter,tls-server-end-point"), "" for none. plus: the -PLUS mechanism was chosen.
 * offered_plus: -PLUS was offered, so a client that says "y" was deceived (downgrade). */
struct scram_server *scram_server_new(enum hash_kind kind, bool plus, bool offered_plus, const char *binding);
void scram_server_free(struct scram_server **s);
/* client-first-message. The user name as sent (unescaped, not prepared) and authzid (absent if none)
 * borrowed from s. *ret_binding names the type whose data final() needs, NULL for none.
 * ERR_SYNTAX, ERR_DENIED (downgrade), ERR_UNSUPPORTED (unknown binding type). */
int scram_server_first(struct scram_server *s, struct str message, struct str *ret_user, struct str *ret_authzid,
	const char **ret_binding);
void scram_server_challenge(struct scram_server *s, const struct scram_keys *keys, struct buf *out);
/* client-final-message. 0: the client knows the password, out gets server-final. ERR_DENIED, ERR_SYNTAX. */
int scram_server_final(struct scram_server *s, struct str message, struct str binding_data, struct buf *out);

struct scram_client;
/* binding NULL: none supported ("n"); binding "": supported but the server offered no -PLUS ("y"); else
 * the type, and its data. */
struct scram_client *scram_client_new(enum hash_kind kind, struct str user, struct str password, const char *binding,
	struct str binding_data);
/* From keys instead of a password, for who stores these: `expected` as the answering side has them (its StoredKey is
 * not used), client_key is ClientKey. A challenge with any other salt or count of iterations is ERR_DENIED: nothing
 * is derived, nothing slow done. binding as above. */
struct scram_client *scram_client_new_keys(const struct scram_keys *expected, struct str user,
	const uint8_t client_key[HASH_MAX], const char *binding, struct str binding_data);
void scram_client_free(struct scram_client **c);
void scram_client_first(struct scram_client *c, struct buf *out);
/* server-first in, client-final out. Slow. ERR_SYNTAX, ERR_DENIED (nonce changed, or too few
 * iterations asked), ERR_LIMIT (too many). */
int scram_client_challenge(struct scram_client *c, struct str message, struct buf *out);
/* server-final: 0 if the server knows the keys; ERR_DENIED. */
int scram_client_final(struct scram_client *c, struct str message);

#endif
