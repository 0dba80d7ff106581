/* What the context and the link of TLS share; for this folder only. */
#ifndef LINK_TLS_PRIV_H
#define LINK_TLS_PRIV_H

#include <openssl/ssl.h>
#include <stdio.h>

#include "link/tls.h"

enum { TLS_TICKET_KEYS = 4 };

/* Tickets make resumption stateless: the session travels to the client, sealed with one of these. */
struct tls_ticket_key {
	uint8_t name[16]; /* all zero: none yet */
	uint8_t aes[32], mac[32];
	int64_t made; /* loop time of first use */
};

struct tls_ctx {
	unsigned refs; /* the owner's, and one of each link */
	SSL_CTX *ssl_ctx;
	BIO_METHOD *bio;
	bool server;
	bool node;                                      /* the other end is known by its key */
	struct tls_ticket_key tickets[TLS_TICKET_KEYS]; /* server: the first seals, all open */
	void (*on_line)(void *arg, const char *line);
	void *line_arg;
	SSL_SESSION *session; /* client: the last one, and with whom */
	char *session_name;
};

struct tls_link {
	struct link link;
	struct tls_ctx *ctx;
	struct loop *loop;
	struct link *below;
	SSL *ssl;
	char *error;               /* one line, when a call has said ERR_TLS */
	const char *reason;        /* why our own code refused the other end in the handshake; NULL */
	char *text;                /* of link_info, made when first asked */
	uint8_t *key;              /* of link_info, of the other node; NULL */
	char *name;                /* client: the server's, NULL if not given */
	int failed;                /* the ERR_ that all later calls give; 0 */
	int lower;                 /* what the link below answered in this call when it was no ERR_AGAIN; 0 */
	size_t budget;             /* bytes this call may still take from below */
	bool logged;               /* made while the key log was armed */
	bool up;                   /* the handshake is over */
	bool heard, heard_tls;     /* something has come; of link_info */
	bool eof;                  /* nothing more comes from below */
	bool starved;              /* what is buffered, if anything, is no whole record */
	bool shut;                 /* close_notify has been sent */
	int want_read, want_write; /* what the link below must be able to do for recv and send to go on */
	int events, armed;         /* watched by the owner; watched below because of that */
	void (*on_ready)(void *arg, int events);
	void *arg;
	struct defer ready; /* posted exactly while bytes that were asked for wait in here */
};

/* What all contexts have in common; by OpenSSL's kind of it. */
SSL_CTX *tls_ctx_base(const SSL_METHOD *method);
struct tls_ctx *tls_ctx_wrap(SSL_CTX *s, bool server);
/* Our own chain and key from files; errors and why as for tls_server_new(). */
int tls_ctx_own(SSL_CTX *s, const char *cert, const char *key, struct buf *why);

/* "\x0bxmpp-client", as it is offered */
extern const uint8_t tls_alpn[12];
/* Finds it among the offered; NULL. */
const uint8_t *tls_alpn_find(const uint8_t *offered, unsigned n);

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
void tls_ctx_unref(struct tls_ctx **c);

/* The method of our BIO: calls link_recv and link_send of the link below and stores nothing. */
BIO_METHOD *tls_bio_method(void);

/* The bytes of tls-server-end-point (RFC 5929) for a certificate; their number, 0 if its signature has
 * no single digest. */
size_t tls_end_point(const X509 *cert, uint8_t out[EVP_MAX_MD_SIZE]);

/* The raw public key of a certificate; false if it is no Ed25519. */
bool cert_ed25519(const X509 *x, uint8_t pub[CERT_KEY]);
/* A private key without password from a PEM file, which is closed; NULL. */
EVP_PKEY *cert_read_key(FILE *f);

#endif
