#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "link/tls_priv.h"

enum {
	CHAIN_MAX = 16,                        /* certificates in a file */
	TICKET_KEY_LIFE = 12 * 60 * 60 * 1000, /* ms until another key seals new tickets */
};

/* RFC 9325: forward secrecy and authenticated encryption only. Those of TLS 1.3 are so anyway. */
static const char ciphers_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

const uint8_t tls_alpn[12] = "\x0bxmpp-client";

/* One line about a file; from the error queue when text is NULL. */
static void explain(struct buf *why, const char *path, const char *text)
{
	unsigned long e = ERR_peek_error();
	if (!text)
		text = e ? ERR_reason_error_string(e) : NULL;
	if (why)
		buf_fmt(why, "%s: %s", path, text ? text : "not usable");
	ERR_clear_error();
}

static FILE *open_pem(const char *path, struct buf *why)
{
	FILE *f = fopen(path, "re");
	if (!f)
		explain(why, path, strerror(errno));
	return f;
}

/* Reads on until the end of the file, which the library reports as a missing start line. */
static int read_rest(FILE *f, SSL_CTX *s)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
		if (!x && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
			ERR_clear_error();
			return 0;
		}
		if (!x)
			return ERR_INVALID;
		if (SSL_CTX_add0_chain_cert(s, x) != 1) {
			X509_free(x);
			return ERR_INVALID;
		}
	}
	return ERR_LIMIT;
}

static int use_chain(SSL_CTX *s, const char *path, struct buf *why)
{
	FILE *f = open_pem(path, why);
	if (!f)
		return ERR_IO;
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	int err = x && SSL_CTX_use_certificate(s, x) == 1 ? read_rest(f, s) : ERR_INVALID;
	if (err)
		explain(why, path,
			!x                         ? "no certificate in PEM form"
				: err == ERR_LIMIT ? "too many certificates"
						   : NULL);
	X509_free(x);
	fclose(f);
	return err ? ERR_INVALID : 0;
}

static int use_key(SSL_CTX *s, const char *path, struct buf *why)
{
	FILE *f = open_pem(path, why);
	if (!f)
		return ERR_IO;
	EVP_PKEY *k = cert_read_key(f);
	bool ok = k && SSL_CTX_use_PrivateKey(s, k) == 1 && SSL_CTX_check_private_key(s) == 1;
	if (!ok)
		explain(why, path,
			k ? "not the key of the certificate" : "no private key in PEM form without password");
	EVP_PKEY_free(k);
	return ok ? 0 : ERR_INVALID;
}

int tls_ctx_own(SSL_CTX *s, const char *cert, const char *key, struct buf *why)
{
	int err = use_chain(s, cert, why);
	return err ? err : use_key(s, key, why);
}

static void rotate_tickets(struct tls_ctx *c, int64_t now)
{
	memmove(c->tickets + 1, c->tickets, sizeof(c->tickets) - sizeof(c->tickets[0]));
	rand_bytes(&c->tickets[0], sizeof(c->tickets[0]));
	c->tickets[0].made = now;
}

static bool has_ticket_key(const struct tls_ticket_key *t)
{
	static const uint8_t none[sizeof(t->name)];
	return memcmp(t->name, none, sizeof(none)) != 0;
}

static int keyed(const struct tls_ticket_key *k, EVP_MAC_CTX *mac)
{
	char digest[] = "sha256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params);
}

static int seal_ticket(struct tls_link *t, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tls_ticket_key *k = &t->ctx->tickets[0];
	int64_t now = loop_now(t->loop);
	if (!has_ticket_key(k) || now - k->made > TICKET_KEY_LIFE)
		rotate_tickets(t->ctx, now);
	memcpy(name, k->name, sizeof(k->name));
	if (RAND_bytes(iv, 16) != 1 || EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), k->aes, iv, NULL) != 1)
		return -1;
	return keyed(k, mac) ? 1 : -1;
}

/* 1: valid, 2: valid and the client gets a new one (in TLS 1.3 it uses each once), 0: not ours. */
static int open_ticket(struct tls_ctx *c, bool once, const uint8_t *name, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	for (int i = 0; i < TLS_TICKET_KEYS && has_ticket_key(&c->tickets[i]); i++) {
		const struct tls_ticket_key *k = &c->tickets[i];
		if (memcmp(name, k->name, sizeof(k->name)) != 0)
			continue;
		if (EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), k->aes, iv, NULL) != 1 || !keyed(k, mac))
			return -1;
		return i > 0 || once ? 2 : 1;
	}
	return 0;
}

static int on_ticket_key(SSL *s, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	struct tls_link *t = SSL_get_app_data(s);
	if (sealing)
		return seal_ticket(t, name, iv, cipher, mac);
	return open_ticket(t->ctx, SSL_version(s) >= TLS1_3_VERSION, name, iv, cipher, mac);
}

/* A resumed session shows no certificate; the client still binds to the one it once saw, which may have
 * been replaced here since. So the ticket carries its digest. */
static int on_ticket_made(SSL *s, void *arg)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	X509 *x = SSL_get_certificate(s);
	if (SSL_session_reused(s) || !x)
		return 1;
	size_t n = tls_end_point(x, md);
	return n == 0 || SSL_SESSION_set1_ticket_appdata(SSL_get_session(s), md, n) == 1;
}

const uint8_t *tls_alpn_find(const uint8_t *offered, unsigned n)
{
	for (unsigned i = 0; i + sizeof(tls_alpn) <= n; i += 1u + offered[i])
		if (memcmp(offered + i, tls_alpn, sizeof(tls_alpn)) == 0)
			return offered + i;
	return NULL;
}

static int on_alpn(SSL *s, const uint8_t **ret, uint8_t *ret_n, const uint8_t *offered, unsigned n, void *arg)
{
	const uint8_t *found = tls_alpn_find(offered, n);
	if (!found)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = found + 1;
	*ret_n = found[0];
	return SSL_TLSEXT_ERR_OK;
}

static void on_key_line(const SSL *s, const char *line)
{
	struct tls_link *t = SSL_get_app_data(s);
	if (t->logged && t->ctx->on_line)
		t->ctx->on_line(t->ctx->line_arg, line);
}

/* A copy, because the library forbids resuming the session of a connection that ended without ceremony. */
static int on_session(SSL *s, SSL_SESSION *session)
{
	struct tls_link *t = SSL_get_app_data(s);
	struct tls_ctx *c = t->ctx;
	SSL_SESSION_free(c->session);
	xfree(c->session_name);
	c->session = SSL_SESSION_dup(session);
	c->session_name = t->name ? xstrdup(t->name) : NULL;
	return 0;
}

SSL_CTX *tls_ctx_base(const SSL_METHOD *method)
{
	SSL_CTX *s = SSL_CTX_new(method);
	must(s);
	must(SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION) == 1);
	must(SSL_CTX_set_cipher_list(s, ciphers_1_2) == 1);
	SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(s,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(s, 1); /* one call below for a whole record, or several */
	return s;
}

static int new_server(const char *cert, const char *key, SSL_CTX **ret, struct buf *why)
{
	SSL_CTX *s = tls_ctx_base(TLS_server_method());
	int err = tls_ctx_own(s, cert, key, why);
	if (err) {
		SSL_CTX_free(s);
		return err;
	}
	SSL_CTX_set_options(s, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(s, tls_alpn, sizeof(tls_alpn));
	SSL_CTX_set_num_tickets(s, 1);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(s, on_ticket_key);
	SSL_CTX_set_session_ticket_cb(s, on_ticket_made, NULL, NULL);
	SSL_CTX_set_alpn_select_cb(s, on_alpn, NULL);
	*ret = s;
	return 0;
}

struct tls_ctx *tls_ctx_wrap(SSL_CTX *s, bool server)
{
	struct tls_ctx *c = xcalloc(1, sizeof(*c));
	c->refs = 1;
	c->ssl_ctx = s;
	c->bio = tls_bio_method();
	c->server = server;
	return c;
}

int tls_server_new(const char *cert, const char *key, struct tls_ctx **ret, struct buf *why)
{
	SSL_CTX *s;
	int err = new_server(cert, key, &s, why);
	if (!err)
		*ret = tls_ctx_wrap(s, true);
	return err;
}

static struct tls_ctx *wrap_client(SSL_CTX *s, int verify)
{
	SSL_CTX_set_verify(s, verify, NULL);
	SSL_CTX_set_alpn_protos(s, tls_alpn, sizeof(tls_alpn));
	SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(s, on_session);
	return tls_ctx_wrap(s, false);
}

/* With VERIFY_NONE the library still looks at the certificate, and only keeps what it thinks of it. */
struct tls_ctx *tls_client_asking(void)
{
	SSL_CTX *s = tls_ctx_base(TLS_client_method());
	SSL_CTX_set_default_verify_paths(s);
	ERR_clear_error();
	return wrap_client(s, SSL_VERIFY_NONE);
}

struct tls_ctx *tls_client_unproven(void)
{
	SSL_CTX *s = tls_ctx_base(TLS_client_method());
	SSL_CTX_set_verify(s, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	return tls_ctx_wrap(s, false);
}

int tls_client_new(const char *ca, struct tls_ctx **ret, struct buf *why)
{
	SSL_CTX *s = tls_ctx_base(TLS_client_method());
	FILE *f = ca ? open_pem(ca, why) : NULL;
	int err = ca && !f ? ERR_IO : 0;
	if (f)
		fclose(f);
	if (f && SSL_CTX_load_verify_file(s, ca) != 1) {
		explain(why, ca, "no certificate in PEM form");
		err = ERR_INVALID;
	}
	if (err) {
		SSL_CTX_free(s);
		return err;
	}
	*ret = wrap_client(s, ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE);
	return 0;
}

int tls_ctx_reload(struct tls_ctx *c, const char *cert, const char *key, struct buf *why)
{
	SSL_CTX *s;
	must(c->server && !c->node);
	int err = new_server(cert, key, &s, why);
	if (err)
		return err;
	SSL_CTX_free(c->ssl_ctx); /* running connections hold it */
	c->ssl_ctx = s;
	if (c->on_line)
		SSL_CTX_set_keylog_callback(s, on_key_line);
	c->tickets[0].made = INT64_MIN / 2; /* the next ticket gets a new key */
	return 0;
}

void tls_ctx_keylog(struct tls_ctx *c, void (*on_line)(void *arg, const char *line), void *arg)
{
	c->on_line = on_line;
	c->line_arg = arg;
	SSL_CTX_set_keylog_callback(c->ssl_ctx, on_line ? on_key_line : NULL);
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c)
{
	c->refs++;
	return c;
}

void tls_ctx_unref(struct tls_ctx **c)
{
	struct tls_ctx *o = TAKE(*c);
	if (!o || --o->refs > 0)
		return;
	SSL_CTX_free(o->ssl_ctx);
	SSL_SESSION_free(o->session);
	BIO_meth_free(o->bio);
	mem_wipe(o->tickets, sizeof(o->tickets));
	xfree(o->session_name);
	xfree(o);
}

void tls_ctx_free(struct tls_ctx **c)
{
	if (*c)
		tls_ctx_keylog(*c, NULL, NULL);
	tls_ctx_unref(c);
}
