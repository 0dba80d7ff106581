/* Links between nodes: the key is the identity, and everything else is refused in the handshake. */
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "link/test_tls.h"

static char a_cert[48], a_key[48], b_cert[48], b_key[48];
static uint8_t a_pub[32], b_pub[32];

static int nodes_setup(void **state)
{
	if (group_setup(state))
		return -1;
	snprintf(a_cert, sizeof(a_cert), "%s/a-cert", t.dir);
	snprintf(a_key, sizeof(a_key), "%s/a-key", t.dir);
	snprintf(b_cert, sizeof(b_cert), "%s/b-cert", t.dir);
	snprintf(b_key, sizeof(b_key), "%s/b-key", t.dir);
	return cert_make_node(a_cert, a_key, STR("a.internal")) || cert_make_node(b_cert, b_key, STR("b.internal")) ||
		cert_node_key(a_cert, NULL, a_pub, NULL) || cert_node_key(b_cert, NULL, b_pub, NULL);
}

static int nodes_teardown(void **state)
{
	unlink(a_cert);
	unlink(a_key);
	unlink(b_cert);
	unlink(b_key);
	return group_teardown(state);
}

/* A accepts, B dials. */
static int node_setup(void **state)
{
	struct tls_ctx *none = NULL, *other = NULL;
	t.l = loop_new();
	loop_set_virtual(t.l, 0, 0);
	int err = tls_node_new(a_cert, a_key, &t.server, &none, NULL);
	tls_ctx_free(&none);
	err = err || tls_node_new(b_cert, b_key, &other, &t.client, NULL);
	tls_ctx_free(&other);
	return err;
}

static const uint8_t *key_of(struct end *e)
{
	struct link_info i;
	link_info(e->k, &i);
	return i.key;
}

static void check_good(struct pair *p)
{
	struct link_info i;
	assert_null(key_of(&p->c));
	assert_null(key_of(&p->s));
	talk(p);
	assert_memory_equal(key_of(&p->c), a_pub, 32);
	assert_memory_equal(key_of(&p->s), b_pub, 32);
	link_info(p->s.k, &i);
	assert_true(str_starts(i.tls, STR("TLSv1.3 ")));
}

static void test_keys_are_seen(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	check_good(&p);
	pair_close(&p);
}

/* Who hangs up on a hello, or answers it in words, may know no TLS; who sends an alert does. */
static void test_what_is_heard(void **state)
{
	static const struct {
		const char *answer;
		size_t n;
		bool tls;
	} cases[] = {
		{"", 0, false},
		{"<?xml version='1.0'?>", 21, false},
		{"\x15\x03\x01\x00\x02\x02\x28", 7, true},
		{"\x16\x03\x03", 3, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct link *a, *b, *k;
		struct link_info info;
		char hello[4096];

		mem_link_pair(t.l, t.l, 4096, &a, &b);
		k = tls_link_client(t.client, t.l, &a, NULL);
		assert_int_equal(link_recv(k, hello, sizeof(hello)), ERR_AGAIN);
		assert_true(link_recv(b, hello, sizeof(hello)) > 0);
		if (cases[i].n)
			assert_int_equal(link_send(b, cases[i].answer, cases[i].n), cases[i].n);
		link_free(&b);
		assert_true(link_recv(k, hello, sizeof(hello)) < 0);
		link_info(k, &info);
		assert_int_equal(info.tls_heard, cases[i].tls);
		assert_false(info.secure);
		link_free(&k);
	}
}

static void test_byte_by_byte(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 1);
	check_good(&p);
	pair_close(&p);
	pair_open(&p, 1, 0);
	check_good(&p);
	pair_close(&p);
}

static void test_without_name(void **state)
{
	struct link *a, *b;
	struct pair p;
	mem_link_pair(t.l, t.l, 4096, &a, &b);
	end_init(&p.c, tls_link_client(t.client, t.l, &a, NULL));
	end_init(&p.s, tls_link_server(t.server, t.l, &b));
	check_good(&p);
	pair_close(&p);
}

static void test_exporter(void **state)
{
	struct pair p;
	struct buf c, s, again;
	buf_init(&c, 100);
	buf_init(&s, 100);
	buf_init(&again, 100);
	pair_open(&p, 4096, 0);
	assert_int_equal(link_binding(p.c.k, LINK_TLS_EXPORTER, &c), ERR_UNSUPPORTED);
	talk(&p);
	assert_int_equal(link_binding(p.c.k, LINK_TLS_EXPORTER, &c), 0);
	assert_int_equal(link_binding(p.s.k, LINK_TLS_EXPORTER, &s), 0);
	assert_int_equal(c.n, 32);
	assert_true(str_eq(buf_view(&c), buf_view(&s)));
	pair_close(&p);
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(link_binding(p.c.k, LINK_TLS_EXPORTER, &again), 0);
	assert_false(str_eq(buf_view(&c), buf_view(&again)));
	pair_close(&p);
	buf_clear(&c);
	buf_clear(&s);
	buf_clear(&again);
}

/* ---- refused ---- */

/* Both sides fail; what each says contains these texts. */
static void check_refused(const char *by_client, const char *by_server)
{
	struct pair p;
	pair_open(&p, 1 << 20, 0);
	say(&p.c, "from the client");
	say(&p.s, "from the server");
	run(&p);
	assert_int_equal(p.c.recv_err, ERR_TLS);
	assert_int_equal(p.s.recv_err, ERR_TLS);
	assert_int_equal(p.c.in.n, 0);
	assert_int_equal(p.s.in.n, 0);
	assert_false(is_secure(p.s.k));
	assert_null(key_of(&p.s));
	if (!strstr(tls_link_error(p.c.k), by_client) || !strstr(tls_link_error(p.s.k), by_server))
		fail_msg("client: %s; server: %s", tls_link_error(p.c.k), tls_link_error(p.s.k));
	pair_close(&p);
}

static X509 *certificate(EVP_PKEY *of, EVP_PKEY *issuer, const EVP_MD *md, long until)
{
	X509 *x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(x), -100000);
	X509_gmtime_adj(X509_getm_notAfter(x), until);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"x", -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"y", -1, -1, 0);
	X509_set_pubkey(x, of);
	assert_true(X509_sign(x, issuer, md) > 0);
	return x;
}

/* Takes both. */
static void show(struct tls_ctx *c, X509 *x, EVP_PKEY *k)
{
	SSL_CTX *s = c->ssl_ctx;
	assert_int_equal(SSL_CTX_use_cert_and_key(s, x, k, NULL, 1), 1);
	X509_free(x);
	EVP_PKEY_free(k);
}

static void show_self_signed(struct tls_ctx *c, EVP_PKEY *k, const EVP_MD *md)
{
	show(c, certificate(k, k, md, 1000), k);
}

static const char any[] = "ed25519:ed448:ECDSA+SHA256:RSA-PSS+SHA256";

/* A client that knows how to be a node but for its key. */
static void other_kind(EVP_PKEY *k, const EVP_MD *md)
{
	tls_ctx_free(&t.client);
	assert_int_equal(tls_client_new(NULL, &t.client, NULL), 0);
	show_self_signed(t.client, k, md);
	SSL_CTX_set1_sigalgs_list(t.client->ssl_ctx, any);
	check_refused("alert", "peer did not return a certificate");
	/* And if the other end shows it without having been asked for such a key. */
	SSL_CTX_set1_client_sigalgs_list(t.server->ssl_ctx, any);
	SSL_CTX_set1_sigalgs_list(t.server->ssl_ctx, any);
	check_refused("alert", "key is not Ed25519");
}

static void test_client_p256(void **state) { other_kind(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), EVP_sha256()); }
static void test_client_rsa(void **state)
{
	other_kind(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), EVP_sha256());
}
static void test_client_ed448(void **state) { other_kind(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL); }

static void test_client_without_certificate(void **state)
{
	tls_ctx_free(&t.client);
	assert_int_equal(tls_client_new(NULL, &t.client, NULL), 0);
	check_refused("alert", "peer did not return a certificate");
}

static void test_server_of_another_kind(void **state)
{
	tls_ctx_free(&t.server);
	assert_int_equal(tls_server_new(t.cert, t.key, &t.server, NULL), 0);
	check_refused("alert", "no suitable signature algorithm");
	SSL_CTX_set1_sigalgs_list(t.client->ssl_ctx, any);
	check_refused("key is not Ed25519", "alert");
}

/* The contexts are right but for the version. */
static void test_old_version(void **state)
{
	struct tls_ctx *none = NULL;
	SSL_CTX_set_min_proto_version(t.client->ssl_ctx, TLS1_2_VERSION);
	at_most(t.client, TLS1_2_VERSION);
	check_refused("protocol version", "unsupported protocol");
	tls_ctx_free(&t.client);
	tls_ctx_free(&t.server);
	assert_int_equal(tls_node_new(a_cert, a_key, &t.server, &none, NULL), 0);
	tls_ctx_free(&none);
	assert_int_equal(tls_node_new(b_cert, b_key, &none, &t.client, NULL), 0);
	tls_ctx_free(&none);
	SSL_CTX_set_min_proto_version(t.server->ssl_ctx, TLS1_2_VERSION);
	at_most(t.server, TLS1_2_VERSION);
	check_refused("alert", "unsupported protocol");
}

static void test_client_without_alpn(void **state)
{
	SSL_CTX_set_alpn_protos(t.client->ssl_ctx, NULL, 0);
	check_refused("no application protocol", "does not speak xmpp-client");
	SSL_CTX_set_alpn_protos(t.client->ssl_ctx, (const uint8_t *)"\x02h2\x0bxmpp-server\x0cxmpp-client2", 28);
	check_refused("no application protocol", "does not speak xmpp-client");
}

static int select_other(SSL *s, const uint8_t **ret, uint8_t *ret_n, const uint8_t *in, unsigned n, void *arg)
{
	*ret = (const uint8_t *)"xmpp-server";
	*ret_n = 11;
	return SSL_TLSEXT_ERR_OK;
}

static void test_server_without_alpn(void **state)
{
	SSL_CTX_set_alpn_select_cb(t.server->ssl_ctx, NULL, NULL);
	check_refused("does not speak xmpp-client", "alert");
	SSL_CTX_set_alpn_select_cb(t.server->ssl_ctx, select_other, NULL);
	check_refused("bad extension", "alert"); /* what nobody offered the library refuses */
}

/* Shows B's certificate without having B's key. */
static void test_impostor(void **state)
{
	uint8_t seed[32] = {1, 2, 3};
	EVP_PKEY *k = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, b_pub, sizeof(b_pub)),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, seed, sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "ED25519", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &k, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(c);
	X509 *x = SSL_CTX_get0_certificate(t.client->ssl_ctx);
	X509_up_ref(x);
	show(t.client, x, k);
	check_refused("alert", "bad signature");
}

static void test_endless_chain(void **state)
{
	X509 *x = SSL_CTX_get0_certificate(t.client->ssl_ctx);
	for (int i = 0; i < 100; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(t.client->ssl_ctx, x), 1);
	check_refused("alert", "excessive message size");
}

/* ---- not looked at ---- */

static void check_accepted(X509 *x, EVP_PKEY *k)
{
	struct pair p;
	show(t.client, x, k);
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_non_null(key_of(&p.s));
	assert_memory_not_equal(key_of(&p.s), b_pub, 32);
	pair_close(&p);
}

static void test_issuer_and_dates_mean_nothing(void **state)
{
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	check_accepted(certificate(k, rsa, EVP_sha256(), 1000), k);
	k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	check_accepted(certificate(k, k, NULL, -1000), k); /* expired */
	EVP_PKEY_free(rsa);
}

/* ---- nothing outlives the connection ---- */

static unsigned tickets;

static int on_ticket(SSL *s, SSL_SESSION *session)
{
	tickets++;
	return 0;
}

static void count_tickets(unsigned want)
{
	struct pair p;
	tickets = 0;
	SSL_CTX_set_session_cache_mode(t.client->ssl_ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_clear_options(t.client->ssl_ctx, SSL_OP_NO_TICKET);
	SSL_CTX_sess_set_new_cb(t.client->ssl_ctx, on_ticket);
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(tickets, want);
	pair_close(&p);
}

static void test_no_ticket_is_sent(void **state)
{
	count_tickets(0);
	SSL_CTX_set_num_tickets(t.server->ssl_ctx, 3); /* the test would see them */
	count_tickets(3);
}

/* A server of another make may send them: they are not used. */
static void test_tickets_are_not_kept(void **state)
{
	SSL_CTX_set_num_tickets(t.server->ssl_ctx, 3);
	SSL_CTX_clear_options(t.server->ssl_ctx, SSL_OP_NO_TICKET);
	for (int i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, 4096, 0);
		check_good(&p);
		assert_false(tls_link_resumed(p.c.k));
		assert_int_equal(SSL_CTX_sess_number(t.client->ssl_ctx), 0);
		pair_close(&p);
	}
}

static unsigned lines;

static void on_line(void *arg, const char *line)
{
	assert_ptr_equal(arg, &lines);
	assert_non_null(strstr(line, "_SECRET"));
	lines++;
}

static unsigned lines_of_a_link(void)
{
	struct pair p;
	lines = 0;
	pair_open(&p, 4096, 0);
	check_good(&p);
	pair_close(&p);
	return lines;
}

static void test_key_log_only_while_armed(void **state)
{
	struct tls_ctx *both[] = {t.server, t.client};
	assert_int_equal(lines_of_a_link(), 0);
	for (int i = 0; i < 2; i++) {
		tls_ctx_keylog(both[i], on_line, &lines);
		assert_true(lines_of_a_link() >= 4);
		tls_ctx_keylog(both[i], NULL, NULL);
		assert_int_equal(lines_of_a_link(), 0);
	}
}

/* ---- our own files ---- */

static void check_own(const char *cert, const char *key, int err)
{
	struct tls_ctx *server = NULL, *client = NULL;
	struct buf why;
	buf_init(&why, 1000);
	assert_int_equal(tls_node_new(cert, key, &server, &client, &why), err);
	assert_int_equal(tls_node_new(cert, key, &server, &client, NULL), err);
	assert_null(server);
	assert_null(client);
	assert_true(why.n > 10);
	assert_null(memchr(why.p, '\n', why.n));
	buf_clear(&why);
}

static void test_own_files(void **state)
{
	check_own("/nowhere/cert", a_key, ERR_IO);
	check_own(a_cert, "/nowhere/key", ERR_IO);
	check_own(a_cert, b_key, ERR_INVALID);
	check_own(a_key, a_cert, ERR_INVALID);
	check_own(t.cert, t.key, ERR_INVALID); /* P-256 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys_are_seen, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_heard, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_byte_by_byte, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_name, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_exporter, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_p256, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_rsa, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_ed448, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_without_certificate, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_of_another_kind, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_version, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_without_alpn, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_without_alpn, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_impostor, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless_chain, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_issuer_and_dates_mean_nothing, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_ticket_is_sent, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_tickets_are_not_kept, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_log_only_while_armed, node_setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_files, node_setup, teardown),
	};
	return cmocka_run_group_tests(tests, nodes_setup, nodes_teardown);
}
