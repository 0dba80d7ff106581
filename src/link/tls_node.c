/* TLS between two nodes: mutual, known by key alone. What has to be refused is refused inside the handshake, so
 * that a link that is up always has a key. */
#include <openssl/err.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/tls_priv.h"

enum { CHAIN_BYTES = 16 * 1024 }; /* a certificate of ours has some 400 */

static const char no_alpn[] = "the other end does not speak xmpp-client (ALPN)";

/* Instead of the library's verification. The library still checks the proof that the other end has the key. */
static int on_certificate(X509_STORE_CTX *v, void *arg)
{
	SSL *s = X509_STORE_CTX_get_ex_data(v, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_link *t = SSL_get_app_data(s);
	const uint8_t *alpn;
	unsigned n;
	uint8_t pub[CERT_KEY];
	SSL_get0_alpn_selected(s, &alpn, &n);
	if (n != tls_alpn[0] || memcmp(alpn, tls_alpn + 1, n) != 0)
		t->reason = no_alpn;
	else if (!cert_ed25519(X509_STORE_CTX_get0_cert(v), pub))
		t->reason = "the other end's key is not Ed25519";
	X509_STORE_CTX_set_error(v, t->reason ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
	return !t->reason;
}

/* The library asks on_alpn() only when something is offered. */
static int on_hello(SSL *s, int *alert, void *arg)
{
	struct tls_link *t = SSL_get_app_data(s);
	const uint8_t *p;
	size_t n;
	if (SSL_client_hello_get0_ext(s, TLSEXT_TYPE_application_layer_protocol_negotiation, &p, &n) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	t->reason = no_alpn;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn(SSL *s, const uint8_t **ret, uint8_t *ret_n, const uint8_t *offered, unsigned n, void *arg)
{
	struct tls_link *t = SSL_get_app_data(s);
	const uint8_t *found = tls_alpn_find(offered, n);
	if (!found) {
		t->reason = no_alpn;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*ret = found + 1;
	*ret_n = found[0];
	return SSL_TLSEXT_ERR_OK;
}

static int check_own(const SSL_CTX *s, const char *cert, struct buf *why)
{
	uint8_t pub[CERT_KEY];
	if (cert_ed25519(SSL_CTX_get0_certificate(s), pub))
		return 0;
	if (why)
		buf_fmt(why, "%s: the key is not Ed25519", cert);
	return ERR_INVALID;
}

static int new_ctx(const SSL_METHOD *method, const char *cert, const char *key, SSL_CTX **ret, struct buf *why)
{
	SSL_CTX *s = tls_ctx_base(method);
	int err = tls_ctx_own(s, cert, key, why);
	if (!err)
		err = check_own(s, cert, why);
	if (err) {
		SSL_CTX_free(s);
		ERR_clear_error();
		return err;
	}
	must(SSL_CTX_set_min_proto_version(s, TLS1_3_VERSION) == 1);
	must(SSL_CTX_set1_sigalgs_list(s, "ed25519") == 1); /* of the other end too */
	SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(s, on_certificate, NULL);
	SSL_CTX_set_max_cert_list(s, CHAIN_BYTES);
	SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_options(s, SSL_OP_NO_TICKET);
	*ret = s;
	return 0;
}

static struct tls_ctx *wrap(SSL_CTX *s, bool server)
{
	struct tls_ctx *c = tls_ctx_wrap(s, server);
	c->node = true;
	return c;
}

int tls_node_new(const char *cert, const char *key, struct tls_ctx **ret_server, struct tls_ctx **ret_client,
	struct buf *why)
{
	SSL_CTX *server, *client;
	int err = new_ctx(TLS_server_method(), cert, key, &server, why);
	if (err)
		return err;
	err = new_ctx(TLS_client_method(), cert, key, &client, why);
	if (err) {
		SSL_CTX_free(server);
		return err;
	}
	must(SSL_CTX_set_num_tickets(server, 0) == 1);
	must(SSL_CTX_set_max_early_data(server, 0) == 1 && SSL_CTX_set_recv_max_early_data(server, 0) == 1);
	SSL_CTX_set_client_hello_cb(server, on_hello, NULL);
	SSL_CTX_set_alpn_select_cb(server, on_alpn, NULL);
	SSL_CTX_set_alpn_protos(client, tls_alpn, sizeof(tls_alpn));
	*ret_server = wrap(server, true);
	*ret_client = wrap(client, false);
	return 0;
}
