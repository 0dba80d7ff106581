/* Contexts: files, verification, resumption, reload, key log, channel bindings. */
#include <openssl/pem.h>

#include "link/test_tls.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void check_refused(const char *cert, const char *key, int err)
{
	struct tls_ctx *c = NULL;
	struct buf why;
	buf_init(&why, 1000);
	assert_int_equal(tls_server_new(cert, key, &c, &why), err);
	assert_null(c);
	assert_true(why.n > 10);
	assert_null(memchr(why.p, '\n', why.n));
	assert_true(str_starts(buf_view(&why), str_z(t.dir)) || str_starts(buf_view(&why), STR("/nowhere")));
	/* A running context refuses the same and goes on with what it has. */
	assert_int_equal(tls_ctx_reload(t.server, cert, key, NULL), err);
	buf_clear(&why);
	struct pair p;
	pair_open(&p, 4096, 0);
	talk(&p);
	pair_close(&p);
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(k);
	return k;
}

static void test_bad_files(void **state)
{
	char bad[64], locked[64];
	snprintf(bad, sizeof(bad), "%s/bad", t.dir);
	snprintf(locked, sizeof(locked), "%s/locked", t.dir);
	check_refused("/nowhere/cert", t.key, ERR_IO);
	check_refused(t.cert, "/nowhere/key", ERR_IO);
	check_refused(t.cert, t.key2, ERR_INVALID); /* the key of another */
	check_refused(t.key, t.cert, ERR_INVALID);
	write_file(bad, "");
	check_refused(bad, t.key, ERR_INVALID);
	check_refused(t.cert, bad, ERR_INVALID);
	write_file(bad, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	check_refused(bad, t.key, ERR_INVALID);
	/* A key that needs a password: refused without asking anybody. */
	FILE *f = fopen(locked, "w");
	EVP_PKEY *k = read_key(t.key);
	assert_int_equal(PEM_write_PrivateKey(f, k, EVP_aes_128_cbc(), (const uint8_t *)"secret", 6, NULL, NULL), 1);
	EVP_PKEY_free(k);
	fclose(f);
	check_refused(t.cert, locked, ERR_INVALID);
	check_refused(t.dir, t.key, ERR_INVALID);
	unlink(bad);
	unlink(locked);
	struct tls_ctx *c = NULL;
	assert_int_equal(tls_client_new("/nowhere/ca", &c, NULL), ERR_IO);
	assert_int_equal(tls_client_new(t.key, &c, NULL), ERR_INVALID);
	assert_null(c);
}

static void copy_into(FILE *to, const char *path)
{
	char p[4096];
	FILE *f = fopen(path, "r");
	size_t n = fread(p, 1, sizeof(p), f);
	assert_int_equal(fwrite(p, 1, n, to), n);
	fclose(f);
}

static void test_chain(void **state)
{
	char chain[64];
	snprintf(chain, sizeof(chain), "%s/chain", t.dir);
	FILE *f = fopen(chain, "w");
	copy_into(f, t.cert);
	copy_into(f, t.cert2);
	fclose(f);
	assert_int_equal(tls_ctx_reload(t.server, chain, t.key, NULL), 0);
	struct pair p;
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(inside(&p.c)->ssl)), 2);
	pair_close(&p);
	f = fopen(chain, "w");
	for (int i = 0; i < 40; i++)
		copy_into(f, t.cert);
	fclose(f);
	assert_int_equal(tls_ctx_reload(t.server, chain, t.key, NULL), ERR_INVALID);
	unlink(chain);
}

static void verify(const char *name, bool good)
{
	struct link *a, *b;
	struct pair p;
	mem_link_pair(t.l, t.l, 4096, &a, &b);
	end_init(&p.c, tls_link_client(t.client, t.l, &a, name));
	end_init(&p.s, tls_link_server(t.server, t.l, &b));
	run(&p);
	assert_int_equal(p.c.recv_err, good ? 0 : ERR_TLS);
	assert_int_equal(p.s.recv_err, good ? 0 : ERR_TLS); /* by the client's alert */
	if (!good) {
		assert_non_null(strstr(tls_link_error(p.c.k), "certificate verify failed: "));
		assert_non_null(strstr(tls_link_error(p.s.k), "alert"));
		assert_false(is_secure(p.c.k));
	}
	pair_close(&p);
}

/* A self-signed certificate by a key and digest of choice; the caller frees it. */
static X509 *certificate(EVP_PKEY *key, const EVP_MD *md)
{
	X509 *x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 1000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"common.example", -1,
		-1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, md) > 0);
	return x;
}

static void test_verification(void **state)
{
	tls_ctx_free(&t.client);
	assert_int_equal(tls_client_new(t.cert, &t.client, NULL), 0);
	verify("chat.example", true);
	verify("CHAT.example", true);
	verify("lunch.rooms.example", true);
	verify("rooms.example", false);
	verify("a.b.rooms.example", false);
	verify("evil.example", false);
	verify("192.0.2.1", false);
	assert_int_equal(tls_ctx_reload(t.server, t.cert2, t.key2, NULL), 0);
	verify("other.example", false); /* signed by nobody we know */
	tls_ctx_free(&t.client);
	assert_int_equal(tls_client_new(t.cert2, &t.client, NULL), 0);
	verify("other.example", true);
}

/* The subject is for people; only the names of the extension count. */
static void test_common_name_proves_nothing(void **state)
{
	char named[64];
	EVP_PKEY *k = read_key(t.key);
	X509 *x = certificate(k, EVP_sha256());
	snprintf(named, sizeof(named), "%s/named", t.dir);
	FILE *f = fopen(named, "w");
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(k);
	assert_int_equal(tls_ctx_reload(t.server, named, t.key, NULL), 0);
	tls_ctx_free(&t.client);
	assert_int_equal(tls_client_new(named, &t.client, NULL), 0);
	verify("common.example", false);
	verify(NULL, true); /* it is that certificate, just not for that name */
	unlink(named);
}

static struct buf binding(struct end *e, enum link_binding kind, int err)
{
	struct buf b;
	buf_init(&b, 100);
	assert_int_equal(link_binding(e->k, kind, &b), err);
	assert_int_equal(b.n, err ? 0 : 32);
	return b;
}

static void check_same(struct pair *p, enum link_binding kind)
{
	struct buf c = binding(&p->c, kind, 0), s = binding(&p->s, kind, 0);
	assert_true(str_eq(buf_view(&c), buf_view(&s)));
	buf_clear(&c);
	buf_clear(&s);
}

static void check_bindings(struct pair *p)
{
	check_same(p, LINK_TLS_EXPORTER);
	check_same(p, LINK_TLS_SERVER_END_POINT);
}

static void test_bindings(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct pair p, q;
		pair_open(&p, 4096, 0);
		binding(&p.s, LINK_TLS_EXPORTER, ERR_UNSUPPORTED); /* not yet */
		binding(&p.s, LINK_TLS_SERVER_END_POINT, ERR_UNSUPPORTED);
		talk(&p);
		check_bindings(&p);
		pair_open(&q, 4096, 0);
		talk(&q);
		/* Another connection has another exporter and the same end point. */
		struct buf a = binding(&p.c, LINK_TLS_EXPORTER, 0), b = binding(&q.c, LINK_TLS_EXPORTER, 0);
		assert_false(str_eq(buf_view(&a), buf_view(&b)));
		buf_clear(&a);
		buf_clear(&b);
		a = binding(&p.c, LINK_TLS_SERVER_END_POINT, 0);
		b = binding(&q.s, LINK_TLS_SERVER_END_POINT, 0);
		assert_true(str_eq(buf_view(&a), buf_view(&b)));
		/* It is what anybody can compute from the certificate, here signed with SHA-256. */
		struct cert_info info;
		char hex[65];
		assert_int_equal(cert_read(t.cert, &info), 0);
		for (size_t j = 0; j < 32; j++)
			snprintf(hex + 2 * j, 3, "%02x", (uint8_t)a.p[j]);
		assert_string_equal(hex, info.sha256);
		buf_clear(&a);
		buf_clear(&b);
		pair_close(&p);
		pair_close(&q);
		at_most(t.client, TLS1_2_VERSION);
	}
}

static void test_no_exporter_without_extended_master_secret(void **state)
{
	struct pair p;
	at_most(t.client, TLS1_2_VERSION);
	SSL_CTX_set_options(t.client->ssl_ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	pair_open(&p, 4096, 0);
	talk(&p);
	binding(&p.c, LINK_TLS_EXPORTER, ERR_UNSUPPORTED);
	binding(&p.s, LINK_TLS_EXPORTER, ERR_UNSUPPORTED);
	check_same(&p, LINK_TLS_SERVER_END_POINT);
	pair_close(&p);
}

/* RFC 5929: the digest of the signature, but SHA-256 for those two; nothing when there is not one. */
static void test_end_point_digests(void **state)
{
	const struct {
		const char *type;
		const EVP_MD *md, *expected;
	} rows[] = {
		{"EC", EVP_sha256(), EVP_sha256()},
		{"EC", EVP_sha384(), EVP_sha384()},
		{"EC", EVP_sha512(), EVP_sha512()},
		{"EC", EVP_sha1(), EVP_sha256()},
		{"ED25519", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t got[EVP_MAX_MD_SIZE], expected[EVP_MAX_MD_SIZE];
		unsigned n = 0;
		EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, "P-256");
		X509 *x = certificate(k, rows[i].md);
		if (rows[i].expected)
			X509_digest(x, rows[i].expected, expected, &n);
		assert_int_equal(tls_end_point(x, got), n);
		assert_memory_equal(got, expected, n);
		X509_free(x);
		EVP_PKEY_free(k);
	}
	ERR_clear_error();
}

static void connect_once(bool resumed)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(tls_link_resumed(p.c.k), resumed);
	assert_int_equal(tls_link_resumed(p.s.k), resumed);
	check_bindings(&p);
	pair_close(&p);
}

static void test_resumption(void **state)
{
	for (int i = 0; i < 2; i++) {
		connect_once(false);
		for (int j = 0; j < 3; j++)
			connect_once(true);
		tls_ctx_free(&t.client);
		assert_int_equal(tls_client_new(NULL, &t.client, NULL), 0);
		at_most(t.client, TLS1_2_VERSION);
	}
}

/* The client still binds to the certificate it saw, although the server has another now. */
static void test_resumption_after_reload(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_ctx_reload(t.server, t.cert, t.key, NULL), 0);
		connect_once(false);
		assert_int_equal(tls_ctx_reload(t.server, t.cert2, t.key2, NULL), 0);
		connect_once(true);
		connect_once(true);
		assert_int_equal(tls_ctx_reload(t.server, t.cert, t.key, NULL), 0);
		connect_once(true);
		tls_ctx_free(&t.client);
		assert_int_equal(tls_client_new(NULL, &t.client, NULL), 0);
		at_most(t.client, TLS1_2_VERSION);
	}
}

static void test_ticket_keys_rotate(void **state)
{
	uint8_t name[16];
	connect_once(false);
	memcpy(name, t.server->tickets[0].name, 16);
	connect_once(true);
	assert_memory_equal(t.server->tickets[0].name, name, 16);
	loop_set_virtual(t.l, 13 * 3600 * 1000, 0); /* with time */
	connect_once(true);
	assert_memory_not_equal(t.server->tickets[0].name, name, 16);
	assert_memory_equal(t.server->tickets[1].name, name, 16);
	assert_int_equal(tls_ctx_reload(t.server, t.cert, t.key, NULL), 0); /* and with every reload */
	connect_once(true);
	assert_memory_equal(t.server->tickets[2].name, name, 16);
	/* A key that nobody has any more, and a server that never had it. */
	memset(t.server->tickets, 0, sizeof(t.server->tickets));
	connect_once(false);
	tls_ctx_free(&t.server);
	assert_int_equal(tls_server_new(t.cert, t.key, &t.server, NULL), 0);
	connect_once(false);
}

static void test_sessions_are_kept_for_one_name(void **state)
{
	struct link *a, *b;
	struct pair p;
	connect_once(false);
	mem_link_pair(t.l, t.l, 4096, &a, &b);
	end_init(&p.c, tls_link_client(t.client, t.l, &a, "lunch.rooms.example"));
	end_init(&p.s, tls_link_server(t.server, t.l, &b));
	talk(&p);
	assert_false(tls_link_resumed(p.c.k));
	pair_close(&p);
}

static void test_reload_drops_nobody(void **state)
{
	struct pair old, half, new;
	pair_open(&old, 100, 0);
	talk(&old);
	pair_open(&half, 100, 0);
	end_recv(&half.c); /* the handshake has begun */
	end_recv(&half.s);
	assert_int_equal(tls_ctx_reload(t.server, t.cert2, t.key2, NULL), 0);
	SSL_SESSION_free(t.client->session);
	t.client->session = NULL;
	pair_open(&new, 100, 0);
	talk(&old);
	talk(&half);
	talk(&new);
	check_bindings(&old);
	struct buf a = binding(&old.c, LINK_TLS_SERVER_END_POINT, 0);
	struct buf b = binding(&half.c, LINK_TLS_SERVER_END_POINT, 0);
	struct buf c = binding(&new.c, LINK_TLS_SERVER_END_POINT, 0);
	assert_true(str_eq(buf_view(&a), buf_view(&b)));
	assert_false(str_eq(buf_view(&a), buf_view(&c)));
	buf_clear(&a);
	buf_clear(&b);
	buf_clear(&c);
	pair_close(&old);
	pair_close(&half);
	pair_close(&new);
}

struct key_log {
	unsigned lines;
	char last[512];
};

static void on_line(void *arg, const char *line)
{
	struct key_log *g = arg;
	g->lines++;
	assert_null(strchr(line, '\n'));
	snprintf(g->last, sizeof(g->last), "%s", line);
}

static void test_key_log_only_while_armed(void **state)
{
	struct key_log g = {0};
	struct pair before, during, after;
	pair_open(&before, 4096, 0);
	tls_ctx_keylog(t.server, on_line, &g);
	talk(&before); /* made before */
	assert_int_equal(g.lines, 0);
	pair_open(&during, 4096, 0);
	talk(&during);
	assert_true(g.lines >= 4);
	assert_true(strncmp(g.last, "CLIENT_", 7) == 0 || strncmp(g.last, "SERVER_", 7) == 0 ||
		strncmp(g.last, "EXPORTER_", 9) == 0);
	unsigned lines = g.lines;
	/* Stays armed over a reload. */
	assert_int_equal(tls_ctx_reload(t.server, t.cert2, t.key2, NULL), 0);
	pair_close(&before);
	pair_open(&before, 4096, 0);
	talk(&before);
	assert_true(g.lines > lines);
	lines = g.lines;
	/* Disarmed in the middle of a handshake. */
	pair_close(&before);
	pair_open(&before, 4096, 0);
	tls_ctx_keylog(t.server, NULL, NULL);
	talk(&before);
	pair_open(&after, 4096, 0);
	talk(&after);
	talk(&during);
	assert_int_equal(g.lines, lines);
	assert_null(SSL_CTX_get_keylog_callback(t.server->ssl_ctx));
	pair_close(&before);
	pair_close(&during);
	pair_close(&after);
}

static void test_key_log_1_2(void **state)
{
	struct key_log g = {0};
	struct pair p;
	at_most(t.client, TLS1_2_VERSION);
	tls_ctx_keylog(t.server, on_line, &g);
	pair_open(&p, 4096, 0);
	tls_ctx_free(&t.server); /* disarms */
	talk(&p);
	assert_int_equal(g.lines, 0);
	pair_close(&p);
	assert_int_equal(tls_server_new(t.cert, t.key, &t.server, NULL), 0);
	tls_ctx_keylog(t.server, on_line, &g);
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(g.lines, 1);
	assert_memory_equal(g.last, "CLIENT_RANDOM ", 14);
	pair_close(&p);
}

/* Another protocol is offered, ours last, or none of ours: the connection stands either way. */
static void test_alpn(void **state)
{
	static const struct {
		const char *offer;
		const char *selected;
	} rows[] = {
		{"\x02h2\x0bxmpp-client", "xmpp-client"},
		{"\x0bxmpp-server", ""},
		{"\x02h2", ""},
		{"\x0cxmpp-client2\x0axmpp-clien", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint8_t *got;
		unsigned n;
		struct pair p;
		assert_int_equal(SSL_CTX_set_alpn_protos(t.client->ssl_ctx, (const uint8_t *)rows[i].offer,
					 (unsigned)strlen(rows[i].offer)),
			0);
		pair_open(&p, 4096, 0);
		talk(&p);
		SSL_get0_alpn_selected(inside(&p.s)->ssl, &got, &n);
		assert_int_equal(n, strlen(rows[i].selected));
		if (n)
			assert_memory_equal(got, rows[i].selected, n);
		pair_close(&p);
	}
}

static void test_server_prefers(void **state)
{
	struct pair p;
	struct link_info i;
	at_most(t.client, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(t.client->ssl_ctx, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384");
	pair_open(&p, 4096, 0);
	talk(&p);
	link_info(p.s.k, &i);
	assert_true(str_is(i.tls, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"));
	pair_close(&p);
}

/* A client that asks afterwards: what it is told of the certificate. */
static void ask(const char *authorities, bool trusted)
{
	struct cert_info info;
	struct pair p;
	char sha256[65];

	if (authorities)
		setenv("SSL_CERT_FILE", authorities, 1);
	tls_ctx_free(&t.client);
	t.client = tls_client_asking();
	unsetenv("SSL_CERT_FILE");
	pair_open(&p, 4096, 0);
	assert_false(tls_link_trusted(p.c.k));
	assert_false(tls_link_fingerprint(p.c.k, sha256));
	talk(&p);
	assert_int_equal(tls_link_trusted(p.c.k), trusted);
	assert_true(tls_link_fingerprint(p.c.k, sha256));
	assert_int_equal(cert_read(t.cert, &info), 0);
	assert_string_equal(sha256, info.sha256);
	pair_close(&p);
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_true(tls_link_resumed(p.c.k));
	assert_int_equal(tls_link_trusted(p.c.k), trusted);
	assert_true(tls_link_fingerprint(p.c.k, sha256));
	assert_string_equal(sha256, info.sha256);
	pair_close(&p);
}

static void test_asking(void **state)
{
	ask(NULL, false);
	ask(t.cert2, false);
	ask(t.cert, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verification, setup, teardown),
		cmocka_unit_test_setup_teardown(test_common_name_proves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bindings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_exporter_without_extended_master_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_point_digests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumption, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumption_after_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ticket_keys_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions_are_kept_for_one_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_drops_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_log_only_while_armed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_log_1_2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alpn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_prefers, setup, teardown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
