/* TLS 1.2 and later over any link, by OpenSSL through a custom BIO that stores nothing. A session
 * frees its record buffers while idle. Self-made certificates: EC P-256. */
#ifndef LINK_TLS_H
#define LINK_TLS_H

#include "link/link.h"
#include "loop/loop.h"

/* One certificate set, shared by the connections of one thread; replaced as a whole on reload while
 * running ones keep theirs. */
struct tls_ctx;

/* A server's context from PEM files (chain in cert, key in key). ERR_IO (unreadable), ERR_INVALID (not
 * PEM, or the key is not the certificate's); why (optional) gets one line of explanation. */
int tls_server_new(const char *cert, const char *key, struct tls_ctx **ret, struct buf *why);
/* A client's context: verify against the CA file for `name`, or with ca NULL accept anything (tests). */
int tls_client_new(const char *ca, struct tls_ctx **ret, struct buf *why);
/* Both contexts of a node, for links between two of them: TLS 1.3 only, each end shows a certificate with an
 * Ed25519 key. Issuer, names and dates mean nothing: the key is the identity, and link_info tells it once the
 * handshake is over. ALPN "xmpp-client" is required. No session outlives its connection, nothing is sent early.
 * A client is done before the server has looked at its certificate: that it was accepted it knows when the first
 * byte arrives. ERR_IO, ERR_INVALID as above, also when our own key is of another kind. */
int tls_node_new(const char *cert, const char *key, struct tls_ctx **ret_server, struct tls_ctx **ret_client,
	struct buf *why);
/* A client's context for streams that prove nothing by their TLS (XEP-0174 with STARTTLS): whatever the server shows is let
 * in, we show nothing, offer no ALPN, and no session outlives its connection. So nothing of such a handshake can be
 * carried into one of tls_node_new(). */
struct tls_ctx *tls_client_unproven(void);
/* A client's context that knows the system's authorities but lets any certificate in: its owner asks tls_link_trusted()
 * or tls_link_fingerprint() when the link is secure, before anything secret is said. */
struct tls_ctx *tls_client_asking(void);
/* Puts new files in force for later connections; on error the old ones stay. Session tickets of
 * before are still accepted. Not for a node. */
int tls_ctx_reload(struct tls_ctx *c, const char *cert, const char *key, struct buf *why);
void tls_ctx_free(struct tls_ctx **c); /* links made from it go on */

/* Key log lines (NSS format) while armed; NULL disarms. Only new connections are logged. */
void tls_ctx_keylog(struct tls_ctx *c, void (*on_line)(void *arg, const char *line), void *arg);

/* Wraps *below, which is taken. The handshake goes on inside recv and send. alpn "xmpp-client" is
 * selected if offered. name: what a client asks for (SNI) and checks; a node's client needs none. */
struct link *tls_link_server(struct tls_ctx *c, struct loop *l, struct link **below);
struct link *tls_link_client(struct tls_ctx *c, struct loop *l, struct link **below, const char *name);
/* Why the last call said ERR_TLS: one line. */
const char *tls_link_error(struct link *k);
/* Is the peer's certificate good for the name, by an authority of the system? */
bool tls_link_trusted(struct link *k);
/* SHA-256 of the peer's certificate in hex; false if there is none. */
bool tls_link_fingerprint(struct link *k, char ret[65]);
/* True if an earlier session was resumed. */
bool tls_link_resumed(struct link *k);

/* Makes a P-256 key and a self-signed certificate for the domains (dNSName and id-on-xmppAddr free:
 * dNSName only), valid ten years, as PEM files, key 0600. "*.DOMAIN" is allowed, other than ASCII is not:
 * ERR_INVALID. Does not overwrite: ERR_EXISTS. Others: ERR_DENIED, ERR_FULL, ERR_IO. */
int cert_make(const char *cert, const char *key, const struct str *domains, size_t n_domains);

/* The same with an Ed25519 key, whose public half is the identity of a node; one name. */
int cert_make_node(const char *cert, const char *key, struct str name);
enum { CERT_KEY = 32 };
/* Reads the key of a node back. With seed NULL the key's file is not read; else wipe it after use.
 * ERR_IO (unreadable), ERR_INVALID (no Ed25519, not PEM, the key is not the certificate's). */
int cert_node_key(const char *cert, const char *key, uint8_t pub[CERT_KEY], uint8_t seed[CERT_KEY]);

/* What a certificate file says, for `wireside check`. */
struct cert_info {
	char subject[256];
	char names[1024];              /* dNSNames, space separated */
	char sha256[65];               /* hex of the certificate */
	int64_t not_before, not_after; /* wall ms */
	bool self_signed;
};
/* ERR_IO (unreadable), ERR_INVALID (no certificate). */
int cert_read(const char *cert, struct cert_info *ret);
/* Does it serve this domain (dNSName, wildcard in the left-most label)? */
bool cert_serves(const char *cert, const char *domain);

#endif
