#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "link/tls_priv.h"

enum {
	BUDGET = 64 * 1024, /* a peer that sends only control records must not hold up the turn */
	RECORD_FIRST = 20,  /* change_cipher_spec, alert, handshake, application data (RFC 8446 B.1) */
	RECORD_LAST = 23
};

static struct tls_link *tls_of(struct link *k) { return CONTAINER_OF(k, struct tls_link, link); }

/* ---- the link below, as the library sees it ---- */

static int bio_read(BIO *b, char *p, int n)
{
	struct tls_link *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	size_t most = (size_t)n < t->budget ? (size_t)n : t->budget;
	int got = most > 0 ? link_recv(t->below, p, most) : ERR_AGAIN;
	t->starved = got == ERR_AGAIN;
	if (got > 0) {
		t->heard_tls |= !t->heard && (uint8_t)p[0] >= RECORD_FIRST && (uint8_t)p[0] <= RECORD_LAST;
		t->heard = true;
		t->budget -= (size_t)got;
		return got;
	}
	if (got == ERR_AGAIN) {
		BIO_set_retry_read(b);
		return -1;
	}
	t->lower = got;
	t->eof = got == ERR_CLOSED;
	return t->eof ? 0 : -1;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct tls_link *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	int sent = link_send(t->below, p, (size_t)n);
	if (sent > 0)
		return sent;
	if (sent == ERR_AGAIN)
		BIO_set_retry_write(b);
	else
		t->lower = sent;
	return -1;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
	struct tls_link *t = BIO_get_data(b);
	if (command == BIO_CTRL_EOF)
		return t->eof;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "link");
	must(m);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- calls ---- */

static bool tls_pending(struct link *k)
{
	struct tls_link *t = tls_of(k);
	if (t->failed)
		return false;
	return (!t->starved && SSL_has_pending(t->ssl)) || link_pending(t->below);
}

static int tls_want(struct link *k, int events)
{
	struct tls_link *t = tls_of(k);
	return (events & WATCH_READ ? t->want_read : 0) | (events & WATCH_WRITE ? t->want_write : 0);
}

static void on_below(void *arg, int events)
{
	struct tls_link *t = arg;
	int ours = 0;
	if (events & t->want_read)
		ours |= WATCH_READ;
	if (events & t->want_write)
		ours |= WATCH_WRITE;
	ours &= t->events;
	if (ours)
		t->on_ready(t->arg, ours);
}

/* What of the watched is possible without the link below. */
static int possible(struct tls_link *t)
{
	if (t->failed)
		return t->events;
	return t->events & WATCH_READ && tls_pending(&t->link) ? WATCH_READ : 0;
}

static void on_turn(struct defer *d)
{
	struct tls_link *t = CONTAINER_OF(d, struct tls_link, ready);
	int events = possible(t);
	if (!events)
		return;
	loop_next(t->loop, &t->ready); /* again, unless the call below changes what is possible */
	t->on_ready(t->arg, events);
}

/* After every call: what to wait for may have changed. */
static void update(struct tls_link *t)
{
	int below = t->failed ? 0 : tls_want(&t->link, t->events);
	if (below != t->armed) {
		t->armed = below;
		link_watch(t->below, below, on_below, t);
	}
	if (possible(t))
		loop_next(t->loop, &t->ready);
	else
		loop_undefer(&t->ready);
}

static void keep_error(struct tls_link *t, unsigned long e)
{
	char text[256];
	const char *reason = ERR_reason_error_string(e);
	long verify = SSL_get_verify_result(t->ssl);
	bool about_cert = ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK;
	if (t->reason)
		reason = t->reason;
	about_cert = about_cert && !t->reason;
	snprintf(text, sizeof(text), "%s%s%s", reason ? reason : "unknown failure", about_cert ? ": " : "",
		about_cert ? X509_verify_cert_error_string(verify) : "");
	xfree(t->error);
	t->error = xstrdup(text);
}

static void begin(struct tls_link *t)
{
	ERR_clear_error();
	t->budget = BUDGET;
	t->lower = 0;
}

/* During the handshake both directions wait for the same thing. */
static int set_want(struct tls_link *t, int direction, int events)
{
	if (direction == WATCH_READ || !t->up)
		t->want_read = events;
	if (direction == WATCH_WRITE || !t->up)
		t->want_write = events;
	return ERR_AGAIN;
}

static int failure(struct tls_link *t, int code)
{
	unsigned long e = ERR_peek_error();
	bool cut = ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	if (code == SSL_ERROR_SSL && !cut) {
		keep_error(t, e);
		return t->failed = ERR_TLS;
	}
	return t->failed = t->lower ? t->lower : ERR_CLOSED;
}

static int explain(struct tls_link *t, int result, int direction)
{
	int code = SSL_get_error(t->ssl, result);
	if (code == SSL_ERROR_WANT_READ)
		return set_want(t, direction, WATCH_READ);
	if (code == SSL_ERROR_WANT_WRITE)
		return set_want(t, direction, WATCH_WRITE);
	if (code == SSL_ERROR_ZERO_RETURN)
		return ERR_CLOSED;
	return failure(t, code);
}

/* A node's handshake does not end without a key; if it ever did, the link must not be used. */
static bool keep_key(struct tls_link *t)
{
	uint8_t pub[CERT_KEY];
	if (!t->ctx->node)
		return true;
	if (SSL_session_reused(t->ssl) || !cert_ed25519(SSL_get0_peer_certificate(t->ssl), pub))
		return false;
	t->key = xmemdup(pub, sizeof(pub));
	return true;
}

static int enter_up(struct tls_link *t)
{
	if (!keep_key(t)) {
		t->error = xstrdup("the other end has shown no key");
		return t->failed = ERR_TLS;
	}
	t->up = true;
	t->want_read = WATCH_READ;
	t->want_write = WATCH_WRITE;
	return 0;
}

static int finish(struct tls_link *t, int result, int direction)
{
	int err = !t->up && SSL_is_init_finished(t->ssl) ? enter_up(t) : 0;
	if (err)
		result = err;
	else if (result > 0)
		set_want(t, direction, direction);
	else
		result = explain(t, result, direction);
	ERR_clear_error();
	update(t);
	return result;
}

static int tls_recv(struct link *k, void *p, size_t n)
{
	struct tls_link *t = tls_of(k);
	must(n > 0);
	if (t->failed)
		return t->failed;
	begin(t);
	return finish(t, SSL_read(t->ssl, p, n < INT32_MAX ? (int)n : INT32_MAX), WATCH_READ);
}

static int tls_send(struct link *k, const void *p, size_t n)
{
	struct tls_link *t = tls_of(k);
	must(n > 0);
	if (t->failed)
		return t->failed;
	begin(t);
	return finish(t, SSL_write(t->ssl, p, n < INT32_MAX ? (int)n : INT32_MAX), WATCH_WRITE);
}

/* If there can be no close_notify (no handshake, an unfinished record), the end below must do. */
static int tls_shutdown(struct link *k)
{
	struct tls_link *t = tls_of(k);
	if (!t->failed && t->up && !t->shut) {
		begin(t);
		int result = SSL_shutdown(t->ssl);
		bool again = result < 0 && ERR_peek_error() == 0 && !t->lower;
		ERR_clear_error();
		if (again) {
			set_want(t, WATCH_WRITE, WATCH_WRITE);
			update(t);
			return ERR_AGAIN;
		}
	}
	t->shut = true;
	return link_shutdown(t->below);
}

static void tls_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	struct tls_link *t = tls_of(k);
	t->events = events;
	t->on_ready = on_ready;
	t->arg = arg;
	update(t);
}

static void tls_info(struct link *k, struct link_info *ret)
{
	struct tls_link *t = tls_of(k);
	link_info(t->below, ret);
	ret->tls_heard = t->heard_tls;
	if (!t->up)
		return;
	if (!t->text) {
		char text[128];
		snprintf(text, sizeof(text), "%s %s", SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
		t->text = xstrdup(text);
	}
	ret->secure = true;
	ret->key = t->key;
	ret->tls = str_z(t->text);
}

/* ---- channel bindings ---- */

size_t tls_end_point(const X509 *cert, uint8_t out[EVP_MAX_MD_SIZE])
{
	int md, key;
	unsigned n = 0;
	if (X509_get_signature_info((X509 *)cert, &md, &key, NULL, NULL) != 1 || md == NID_undef)
		return 0;
	const EVP_MD *kind = md == NID_md5 || md == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(md);
	return kind && X509_digest(cert, kind, out, &n) == 1 ? n : 0;
}

/* RFC 9266: unique only where the master secret covers the handshake. */
static int bind_exporter(SSL *s, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	uint8_t p[32];
	if (SSL_version(s) < TLS1_3_VERSION && SSL_get_extms_support(s) != 1)
		return ERR_UNSUPPORTED;
	if (SSL_export_keying_material(s, p, sizeof(p), label, sizeof(label) - 1, p, 0, 1) != 1)
		return ERR_UNSUPPORTED;
	buf_add(out, p, sizeof(p));
	return 0;
}

static int bind_end_point(struct tls_link *t, struct buf *out)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	void *p = md;
	size_t n = 0;
	const X509 *x = t->ctx->server ? SSL_get_certificate(t->ssl) : SSL_get0_peer_certificate(t->ssl);
	if (t->ctx->server && SSL_session_reused(t->ssl))
		SSL_SESSION_get0_ticket_appdata(SSL_get_session(t->ssl), &p, &n);
	else if (x)
		n = tls_end_point(x, md);
	if (n == 0)
		return ERR_UNSUPPORTED;
	buf_add(out, p, n);
	return 0;
}

/* The first Finished message: the client's, or in a resumed session of TLS 1.2 the server's. Wherever the library that
 * Python uses calls it tls-unique, under TLS 1.3 too, where the RFC gives the name no meaning. */
static int bind_unique(struct tls_link *t, struct buf *out)
{
	uint8_t p[EVP_MAX_MD_SIZE];
	bool clients = !SSL_session_reused(t->ssl);
	size_t n = clients == t->ctx->server ? SSL_get_peer_finished(t->ssl, p, sizeof(p))
					     : SSL_get_finished(t->ssl, p, sizeof(p));

	if (n == 0 || n > sizeof(p))
		return ERR_UNSUPPORTED;
	buf_add(out, p, n);
	return 0;
}

static int tls_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	struct tls_link *t = tls_of(k);
	int err = ERR_UNSUPPORTED;

	if (!t->up || t->failed)
		return ERR_UNSUPPORTED;
	if (kind == LINK_TLS_EXPORTER)
		err = bind_exporter(t->ssl, out);
	else if (kind == LINK_TLS_SERVER_END_POINT)
		err = bind_end_point(t, out);
	else if (kind == LINK_TLS_UNIQUE)
		err = bind_unique(t, out);
	ERR_clear_error();
	return err;
}

static int64_t tls_unsent(struct link *k) { return link_unsent(tls_of(k)->below); }

/* ---- life ---- */

static void tls_free(struct link *k)
{
	struct tls_link *t = tls_of(k);
	loop_undefer(&t->ready);
	SSL_free(t->ssl);
	ERR_clear_error();
	link_free(&t->below);
	tls_ctx_unref(&t->ctx);
	xfree(t->error);
	xfree(t->text);
	xfree(t->key);
	xfree(t->name);
	xfree(t);
}

static const struct link_ops ops = {
	.name = "tls",
	.recv = tls_recv,
	.send = tls_send,
	.pending = tls_pending,
	.shutdown = tls_shutdown,
	.want = tls_want,
	.watch = tls_watch,
	.info = tls_info,
	.binding = tls_binding,
	.unsent = tls_unsent,
	.free = tls_free,
};

static struct tls_link *new_link(struct tls_ctx *c, struct loop *l, struct link **below)
{
	struct tls_link *t = xcalloc(1, sizeof(*t));
	t->link.ops = &ops;
	t->ctx = tls_ctx_ref(c);
	t->loop = l;
	t->below = TAKE(*below);
	t->logged = c->on_line != NULL;
	t->want_read = WATCH_READ;
	t->want_write = WATCH_WRITE;
	t->ready.run = on_turn;
	link_watch(t->below, 0, NULL, NULL); /* whoever watched it before is no longer its owner */
	BIO *b = BIO_new(c->bio);
	t->ssl = SSL_new(c->ssl_ctx);
	must(b && t->ssl);
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	return t;
}

struct link *tls_link_server(struct tls_ctx *c, struct loop *l, struct link **below)
{
	must(c->server);
	struct tls_link *t = new_link(c, l, below);
	SSL_set_accept_state(t->ssl);
	return &t->link;
}

/* Addresses are checked, but not sent as a server name. */
static void set_name(struct tls_link *t, const char *name)
{
	t->name = xstrdup(name);
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name) == 1)
		return;
	must(SSL_set1_host(t->ssl, name) == 1);
	SSL_set_tlsext_host_name(t->ssl, name);
}

/* A copy: see on_session(). */
static void offer_session(struct tls_link *t)
{
	SSL_SESSION *s = SSL_SESSION_dup(t->ctx->session);
	must(s);
	SSL_set_session(t->ssl, s);
	SSL_SESSION_free(s);
}

struct link *tls_link_client(struct tls_ctx *c, struct loop *l, struct link **below, const char *name)
{
	must(!c->server);
	struct tls_link *t = new_link(c, l, below);
	if (name)
		set_name(t, name);
	if (c->session && str_eq(str_z(c->session_name), str_z(t->name)))
		offer_session(t);
	SSL_set_connect_state(t->ssl);
	t->want_read = WATCH_WRITE; /* has the first word, even if its owner only waits to read */
	ERR_clear_error();
	return &t->link;
}

const char *tls_link_error(struct link *k)
{
	must(k->ops == &ops);
	return tls_of(k)->error ? tls_of(k)->error : "";
}

bool tls_link_trusted(struct link *k)
{
	must(k->ops == &ops);
	struct tls_link *t = tls_of(k);
	return t->up && t->name && SSL_get0_peer_certificate(t->ssl) && SSL_get_verify_result(t->ssl) == X509_V_OK;
}

bool tls_link_fingerprint(struct link *k, char ret[65])
{
	must(k->ops == &ops);
	const X509 *x = SSL_get0_peer_certificate(tls_of(k)->ssl);
	uint8_t md[EVP_MAX_MD_SIZE];
	struct buf hex;
	if (!x || X509_digest(x, EVP_sha256(), md, NULL) != 1)
		return false;
	buf_init(&hex, 65);
	hex_encode(&hex, md, 32);
	memcpy(ret, buf_cstr(&hex), 65);
	buf_clear(&hex);
	return true;
}

bool tls_link_resumed(struct link *k)
{
	must(k->ops == &ops);
	return SSL_session_reused(tls_of(k)->ssl);
}
