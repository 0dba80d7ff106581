#include "link/test_tls.h"

static void check_info(struct pair *p, const char *version)
{
	struct link_info c, s;
	const uint8_t *alpn;
	unsigned n;
	link_info(p->c.k, &c);
	link_info(p->s.k, &s);
	assert_true(str_starts(c.tls, str_z(version)));
	assert_true(str_eq(c.tls, s.tls));
	assert_true(c.tls.n > strlen(version) + 8);
	assert_true(str_is(s.peer, "mem") && s.local && s.secure);
	SSL_get0_alpn_selected(inside(&p->s)->ssl, &alpn, &n);
	assert_true(str_is((struct str){(const char *)alpn, n}, "xmpp-client"));
}

static void test_handshake_1_3(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	assert_false(is_secure(p.s.k));
	struct link_info i;
	link_info(p.s.k, &i);
	assert_null(i.tls.p);
	talk(&p);
	check_info(&p, "TLSv1.3 TLS_");
	assert_false(tls_link_resumed(p.c.k));
	assert_string_equal(tls_link_error(p.s.k), "");
	talk(&p);
	pair_close(&p);
}

static void test_handshake_1_2(void **state)
{
	struct pair p;
	at_most(t.client, TLS1_2_VERSION);
	pair_open(&p, 4096, 0);
	talk(&p);
	check_info(&p, "TLSv1.2 ECDHE-ECDSA-");
	pair_close(&p);
}

/* Only one end speaks, only that end watches for writing: the handshake must still go on. */
static void test_who_speaks_first(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, 50, 0);
		say(i ? &p.s : &p.c, "alone");
		run(&p);
		expect(i ? &p.c : &p.s, "alone");
		pair_close(&p);
	}
}

static void check_cut_everywhere(size_t capacity, size_t trickle)
{
	struct pair p;
	pair_open(&p, capacity, trickle);
	p.c.chunk = p.s.chunk = 7;
	for (int i = 0; i < 3; i++)
		talk(&p);
	int r;
	for (int i = 0; (r = link_shutdown(p.c.k)) == ERR_AGAIN && i < 100; i++)
		end_recv(&p.s);
	assert_int_equal(r, 0);
	end_recv(&p.s);
	assert_int_equal(p.s.recv_err, ERR_CLOSED);
	pair_close(&p);
}

static void test_every_cut(void **state)
{
	for (int i = 0; i < 2; i++) {
		check_cut_everywhere(1, 0); /* ERR_AGAIN after every byte */
		check_cut_everywhere(4096, 1);
		check_cut_everywhere(3, 2);
		at_most(t.client, TLS1_2_VERSION);
	}
}

static void fill(struct buf *b, size_t n, uint32_t x)
{
	char *p = buf_room(b, n);
	assert_non_null(p);
	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245 + 12345;
		p[i] = (char)(x >> 16);
	}
	b->n += n;
}

static void test_big_transfer(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct pair p;
		struct buf a, b;
		buf_init(&a, 1 << 20);
		buf_init(&b, 1 << 20);
		fill(&a, 1000000, 1);
		fill(&b, 700000, 2);
		pair_open(&p, 700, 0);
		buf_str(&p.c.out, buf_view(&a));
		buf_str(&p.s.out, buf_view(&b));
		run(&p);
		assert_int_equal(p.c.recv_err | p.c.send_err | p.s.recv_err | p.s.send_err, 0);
		assert_true(str_eq(buf_view(&p.s.in), buf_view(&a)));
		assert_true(str_eq(buf_view(&p.c.in), buf_view(&b)));
		assert_true(p.c.again > 100 && p.s.again > 100);
		buf_clear(&a);
		buf_clear(&b);
		pair_close(&p);
		at_most(t.client, TLS1_2_VERSION);
	}
}

/* One record, read in small pieces, one at a time: readiness must be told although nothing more comes
 * from below. */
static void test_buffered_bytes_are_ready(void **state)
{
	struct pair p;
	pair_open(&p, 1 << 16, 0);
	talk(&p);
	p.s.chunk = 10;
	p.s.once = true;
	fill(&p.c.out, 5000, 3);
	run(&p);
	assert_int_equal(p.s.in.n, 5000);
	assert_false(link_pending(p.s.k));
	buf_reset(&p.s.in);
	/* And several records in one go. */
	char got[4];
	for (int i = 0; i < 3; i++)
		assert_int_equal(link_send(p.c.k, "abcd", 4), 4);
	assert_false(link_pending(p.s.k));
	assert_int_equal(link_recv(p.s.k, got, 2), 2);
	assert_true(link_pending(p.s.k));
	for (int i = 0; i < 2; i++)
		assert_int_equal(link_recv(p.s.k, got, 4), i ? 4 : 2);
	assert_true(link_pending(p.s.k));
	assert_int_equal(link_recv(p.s.k, got, 4), 4);
	assert_int_equal(link_recv(p.s.k, got, 4), ERR_AGAIN);
	assert_false(link_pending(p.s.k));
	pair_close(&p);
}

/* Half a record is buffered: recv would not return anything, so it is not pending. */
static void test_half_a_record_is_not_pending(void **state)
{
	struct pair p;
	char got[64];
	pair_open(&p, 20, 0);
	talk(&p);
	link_watch(p.s.k, 0, NULL, NULL);
	assert_int_equal(link_send(p.c.k, "more than twenty bytes of text", 30), ERR_AGAIN);
	assert_int_equal(link_recv(p.s.k, got, 64), ERR_AGAIN);
	assert_false(link_pending(p.s.k));
	link_watch(p.s.k, WATCH_READ, end_ready, &p.s);
	assert_false(loop_step(t.l, false));
	say(&p.c, "more than twenty bytes of text");
	run(&p);
	expect(&p.s, "more than twenty bytes of text");
	pair_close(&p);
}

static void test_close_notify(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, 4096, 0);
		talk(&p);
		say(&p.c, "last words");
		end_send(&p.c);
		assert_int_equal(link_shutdown(p.c.k), 0);
		assert_int_equal(link_shutdown(p.c.k), 0);
		assert_int_equal(link_send(p.c.k, "x", 1), ERR_TLS);
		p.c.send_err = 0;
		run(&p);
		assert_int_equal(p.s.in.n, 10);
		assert_int_equal(p.s.recv_err, ERR_CLOSED);
		assert_true(SSL_get_shutdown(inside(&p.s)->ssl) & SSL_RECEIVED_SHUTDOWN);
		char c;
		assert_int_equal(link_recv(p.s.k, &c, 1), ERR_CLOSED);
		pair_close(&p);
		at_most(t.client, TLS1_2_VERSION);
	}
}

static int want(struct end *e, int events) { return e->k->ops->want(e->k, events); }

/* The handshake is one thing: both directions wait for what it waits for, and no longer than that. */
static void test_what_to_wait_for(void **state)
{
	struct pair p;
	pair_open(&p, 100, 0);
	assert_int_equal(want(&p.c, WATCH_READ), WATCH_WRITE); /* the first word */
	end_recv(&p.c);
	assert_int_equal(link_send(p.s.k, "x", 1), ERR_AGAIN); /* half a hello */
	assert_int_equal(want(&p.s, WATCH_READ | WATCH_WRITE), WATCH_READ);
	for (int i = 0; i < 5 && want(&p.s, WATCH_WRITE) == WATCH_READ; i++) {
		end_recv(&p.c);
		assert_int_equal(link_send(p.s.k, "x", 1), ERR_AGAIN);
	}
	assert_int_equal(want(&p.s, WATCH_WRITE), WATCH_WRITE); /* its flight does not fit */
	assert_int_equal(want(&p.s, WATCH_READ), WATCH_WRITE);
	assert_int_equal(want(&p.s, 0), 0);
	end_recv(&p.c);
	while (want(&p.s, WATCH_READ) == WATCH_WRITE) {
		assert_int_equal(link_send(p.s.k, "x", 1), ERR_AGAIN);
		end_recv(&p.c);
	}
	assert_int_equal(want(&p.s, WATCH_WRITE), WATCH_READ); /* the client's turn */
	for (int i = 0; i < 100 && !is_secure(p.s.k); i++) {
		end_recv(&p.s);
		end_recv(&p.c);
	}
	assert_int_equal(want(&p.s, WATCH_WRITE), WATCH_WRITE); /* as with any link again */
	assert_int_equal(want(&p.s, WATCH_READ), WATCH_READ);
	talk(&p);
	pair_close(&p);
}

/* Sending was refused because the client had to speak; then reading ended the handshake. */
static void test_reading_frees_writing(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	end_recv(&p.c);
	assert_int_equal(link_send(p.s.k, "x", 1), ERR_AGAIN);
	assert_int_equal(want(&p.s, WATCH_WRITE), WATCH_READ);
	end_recv(&p.c);
	end_recv(&p.s);
	assert_true(is_secure(p.s.k));
	assert_int_equal(want(&p.s, WATCH_WRITE), WATCH_WRITE);
	pair_close(&p);
}

/* TLS 1.3: the other direction stays open. */
static void test_half_close(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(link_shutdown(p.c.k), 0);
	run(&p);
	assert_int_equal(p.s.recv_err, ERR_CLOSED);
	say(&p.s, "still here");
	run(&p);
	assert_int_equal(p.s.send_err, 0);
	expect(&p.c, "still here");
	pair_close(&p);
}

static void test_truncation_is_closed(void **state)
{
	struct pair p;
	pair_open(&p, 4096, 0);
	talk(&p);
	link_free(&p.c.k);
	char c;
	for (int i = 0; i < 3; i++)
		assert_int_equal(link_recv(p.s.k, &c, 1), ERR_CLOSED);
	assert_int_equal(link_send(p.s.k, "x", 1), ERR_CLOSED);
	pair_close(&p);

	pair_open(&p, 4096, 0);
	talk(&p);
	mem_link_cut(p.wire);
	assert_int_equal(link_send(p.s.k, "x", 1), ERR_CLOSED);
	assert_int_equal(link_recv(p.s.k, &c, 1), ERR_CLOSED);
	pair_close(&p);
}

static void test_end_within_the_handshake(void **state)
{
	/* After every number of bytes of the client's first flight. */
	for (size_t n = 0; n < 200; n += 13) {
		struct link *a, *b;
		uint8_t hello[4096];
		struct pair p;
		pair_open(&p, 4096, 0);
		end_recv(&p.c);
		size_t got = (size_t)link_recv(inside(&p.s)->below, hello, sizeof(hello));
		assert_true(got >= 200);
		mem_link_pair(t.l, t.l, 4096, &a, &b);
		struct link *s = tls_link_server(t.server, t.l, &b);
		if (n)
			link_send(a, hello, n);
		char c;
		assert_int_equal(link_recv(s, &c, 1), ERR_AGAIN);
		link_free(&a);
		assert_int_equal(link_recv(s, &c, 1), ERR_CLOSED);
		assert_int_equal(link_shutdown(s), 0);
		link_free(&s);
		pair_close(&p);
	}
}

/* alert: TLS enough that the other end deserves to be told what is wrong */
static void check_garbage(const void *p, size_t n, bool at_once, bool alert)
{
	struct link *a, *b;
	char out[4096];
	mem_link_pair(t.l, t.l, 1 << 16, &a, &b);
	struct link *s = tls_link_server(t.server, t.l, &b);
	assert_int_equal(link_send(a, p, n), n);
	int r = link_recv(s, out, sizeof(out));
	if (at_once) {
		assert_int_equal(r, ERR_TLS);
		assert_true(strlen(tls_link_error(s)) > 4);
		assert_null(strchr(tls_link_error(s), '\n'));
		assert_int_equal(link_send(s, "x", 1), ERR_TLS); /* and for ever */
		assert_false(link_pending(s));
		assert_int_equal(link_recv(a, out, sizeof(out)), alert ? 7 : ERR_AGAIN);
	} else {
		assert_true(r == ERR_TLS || r == ERR_AGAIN);
	}
	assert_int_equal(ERR_peek_error(), 0);
	assert_false(is_secure(s));
	link_free(&s);
	link_free(&a);
}

static void test_garbage_for_a_hello(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n";
	static const char xml[] = "<?xml version='1.0'?><stream:stream to='chat.example'>";
	uint8_t noise[8192];
	uint32_t x = 7;
	check_garbage(http, sizeof(http) - 1, true, false);
	check_garbage(xml, sizeof(xml) - 1, true, false);
	check_garbage("\x16\x03\x01\xff\xff\x01\xff\xff\xff", 9, true, true); /* a record longer than allowed */
	check_garbage("\x17\x03\x03\x00\x05hello", 10, true, true);           /* data before the handshake */
	for (int i = 0; i < 300; i++) {
		for (size_t j = 0; j < sizeof(noise); j++)
			noise[j] = (uint8_t)((x = x * 1103515245 + 12345) >> 16);
		if (i % 2) /* behind a plausible head */
			memcpy(noise, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
		check_garbage(noise, 1 + (x >> 16) % sizeof(noise), false, false);
	}
}

/* Changing any byte of a record is found out. */
static void test_forged_record(void **state)
{
	struct pair p;
	uint8_t record[256];
	char c;
	pair_open(&p, 4096, 0);
	talk(&p);
	assert_int_equal(link_send(p.c.k, "pay 10", 6), 6);
	int n = link_recv(inside(&p.s)->below, record, sizeof(record));
	assert_true(n > 6);
	record[n - 1] ^= 1;
	assert_int_equal(link_send(p.wire, record, (size_t)n), n);
	assert_int_equal(link_recv(p.s.k, &c, 1), ERR_TLS);
	assert_int_equal(link_recv(p.c.k, &c, 1), ERR_TLS); /* by the alert */
	pair_close(&p);
}

static void test_old_versions_are_refused(void **state)
{
	struct pair p;
	assert_int_equal(SSL_CTX_set_min_proto_version(t.client->ssl_ctx, TLS1_VERSION), 1);
	at_most(t.client, TLS1_1_VERSION);
	SSL_CTX_set_security_level(t.client->ssl_ctx, 0);
	SSL_CTX_set_cipher_list(t.client->ssl_ctx, "ALL:@SECLEVEL=0");
	/* Not for want of a cipher: by its version alone. */
	SSL_CTX_set_security_level(t.server->ssl_ctx, 0);
	SSL_CTX_set_cipher_list(t.server->ssl_ctx, "ALL:@SECLEVEL=0");
	pair_open(&p, 4096, 0);
	run(&p);
	assert_int_equal(p.s.recv_err, ERR_TLS);
	assert_int_equal(p.c.recv_err, ERR_TLS);
	pair_close(&p);
}

static void test_no_renegotiation(void **state)
{
	struct pair p;
	char c;
	at_most(t.client, TLS1_2_VERSION);
	SSL_CTX_clear_options(t.client->ssl_ctx, SSL_OP_NO_RENEGOTIATION);
	pair_open(&p, 4096, 0);
	talk(&p);
	SSL *s = inside(&p.c)->ssl;
	inside(&p.c)->budget = 1 << 16;
	assert_int_equal(SSL_renegotiate(s), 1);
	SSL_do_handshake(s); /* sends another hello */
	assert_int_equal(link_recv(p.s.k, &c, 1), ERR_AGAIN);
	assert_int_equal(link_recv(p.c.k, &c, 1), ERR_TLS);
	assert_non_null(strstr(tls_link_error(p.c.k), "no renegotiation"));
	ERR_clear_error();
	pair_close(&p);
}

/* A peer that sends nothing but key updates gets a share of each turn, not all of it. */
static void test_control_records_have_a_budget(void **state)
{
	struct pair p;
	char c;
	pair_open(&p, 1 << 20, 0);
	talk(&p);
	SSL *s = inside(&p.c)->ssl;
	for (int i = 0; i < 8000; i++) {
		inside(&p.c)->budget = 1 << 16;
		assert_int_equal(SSL_key_update(s, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(s), 1);
	}
	assert_int_equal(link_send(p.c.k, "x", 1), 1);
	unsigned calls = 0;
	int r;
	for (; (r = link_recv(p.s.k, &c, 1)) == ERR_AGAIN && calls < 100; calls++)
		;
	assert_int_equal(r, 1);
	assert_true(calls > 1);
	pair_close(&p);
}

static void test_context_may_go_first(void **state)
{
	struct pair p;
	pair_open(&p, 100, 0);
	tls_ctx_free(&t.server);
	tls_ctx_free(&t.client);
	talk(&p);
	pair_close(&p);
}

struct killer {
	struct pair *p;
	unsigned calls;
};

static void on_kill(void *arg, int events)
{
	struct killer *k = arg;
	k->calls++;
	pair_close(k->p);
}

static void test_freeing_in_the_callback(void **state)
{
	for (int buffered = 0; buffered < 2; buffered++) {
		struct pair p;
		struct killer k = {&p, 0};
		char got[2];
		pair_open(&p, 4096, 0);
		talk(&p);
		assert_int_equal(link_send(p.c.k, "abcd", 4), 4);
		if (buffered)
			assert_int_equal(link_recv(p.s.k, got, 2), 2);
		link_watch(p.s.k, WATCH_READ, on_kill, &k);
		assert_true(loop_step(t.l, true));
		assert_int_equal(k.calls, 1);
		assert_false(loop_step(t.l, false));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handshake_1_3, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshake_1_2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_speaks_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_transfer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buffered_bytes_are_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_a_record_is_not_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_notify, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_to_wait_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reading_frees_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncation_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_within_the_handshake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_for_a_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_versions_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_renegotiation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_records_have_a_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_context_may_go_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeing_in_the_callback, setup, teardown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
