/* What the two sides of SCRAM share: the grammar of RFC 5802 section 7, its functions of section 3, and nonces that are
 * not random, so that tests can repeat the exchanges printed in the RFCs. */
#ifndef XMPP_SCRAM_I_H
#define XMPP_SCRAM_I_H

#include "xmpp/scram.h"

enum {
	SCRAM_NONCE = 32, /* length of ours */
	SCRAM_MESSAGE_MAX = 4096,
	SCRAM_AUTH_MAX = 4 * SCRAM_MESSAGE_MAX, /* AuthMessage: three messages, ours a little longer than theirs */
	SCRAM_BINDING_NAME_MAX = 64,
	SCRAM_BINDING_MAX = SCRAM_MESSAGE_MAX + 1024 /* gs2-header and channel binding data */
};

/* Both automata: NEW -> FIRST -> CHALLENGED -> DONE, and FAILED from anywhere but the end. */
enum scram_state { SCRAM_NEW, SCRAM_FIRST, SCRAM_CHALLENGED, SCRAM_DONE, SCRAM_FAILED };
void scram_enter(enum scram_state *state, enum scram_state next);

/* Within the limit, UTF-8, no zero byte. */
bool scram_is_message(struct str s);
/* The next attribute must be `name=value`; *rest becomes what follows its comma, absent at the end. ERR_SYNTAX. */
int scram_take(struct str *rest, char name, struct str *ret);
/* An attribute to be ignored. The known ones have their places; "m" anywhere asks for what this version does not
 * know. */
bool scram_is_extension(struct str s);
int scram_skip_extensions(struct str rest); /* all of rest, ERR_SYNTAX */
bool scram_is_nonce(struct str s);
/* saslname: "=2C" and "=3D" stand for a comma and an equals sign, nothing else is escaped. ERR_SYNTAX. */
int scram_unescape(struct str s, struct buf *out);
void scram_escape(struct str s, struct buf *out);
/* base64 of exactly n <= HASH_MAX bytes; ERR_SYNTAX. */
int scram_take_digest(struct str text, uint8_t *ret, size_t n);
/* The value of the attribute c: base64 of the gs2-header and the channel binding data. */
void scram_put_binding(struct buf *out, struct str gs2, struct str data);

struct scram_made {
	uint8_t client[HASH_MAX], stored[HASH_MAX], server[HASH_MAX]; /* ClientKey, StoredKey, ServerKey */
};
void scram_make(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations, struct scram_made *ret);
struct str scram_bytes(enum hash_kind kind, const uint8_t *digest);
void scram_xor(uint8_t *a, const uint8_t *b, size_t n); /* into a */
void scram_wipe(struct buf *b);                         /* and clear */

/* Before the first message; at most SCRAM_NONCE printable characters. */
void scram_server_set_nonce(struct scram_server *s, const char *nonce);
void scram_client_set_nonce(struct scram_client *c, const char *nonce);

#endif
