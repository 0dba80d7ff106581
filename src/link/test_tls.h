/* What the tests of TLS share: a folder with certificates, and two ends that push bytes to each other
 * when the loop says so. */
#ifndef LINK_TEST_TLS_H
#define LINK_TEST_TLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"
#include "link/tls_priv.h"

enum { STEPS_MAX = 2000000 };

static struct {
	struct loop *l;
	char dir[32], cert[48], key[48], cert2[48], key2[48];
	struct tls_ctx *server, *client;
} t;

static int group_setup(void **state)
{
	const struct str names[] = {STR("chat.example"), STR("*.rooms.example")};
	const struct str names2[] = {STR("other.example")};
	snprintf(t.dir, sizeof(t.dir), "/tmp/test-tls-XXXXXX");
	if (!mkdtemp(t.dir))
		return -1;
	snprintf(t.cert, sizeof(t.cert), "%s/cert", t.dir);
	snprintf(t.key, sizeof(t.key), "%s/key", t.dir);
	snprintf(t.cert2, sizeof(t.cert2), "%s/cert2", t.dir);
	snprintf(t.key2, sizeof(t.key2), "%s/key2", t.dir);
	return cert_make(t.cert, t.key, names, 2) || cert_make(t.cert2, t.key2, names2, 1);
}

static int group_teardown(void **state)
{
	unlink(t.cert);
	unlink(t.key);
	unlink(t.cert2);
	unlink(t.key2);
	return rmdir(t.dir);
}

static inline int setup(void **state)
{
	t.l = loop_new();
	loop_set_virtual(t.l, 0, 0);
	return tls_server_new(t.cert, t.key, &t.server, NULL) || tls_client_new(NULL, &t.client, NULL);
}

static int teardown(void **state)
{
	assert_int_equal(ERR_peek_error(), 0); /* nothing is ever left in the library's queue */
	tls_ctx_free(&t.server);
	tls_ctx_free(&t.client);
	loop_free(&t.l);
	return 0;
}

/* One end: sends out, keeps what came in. Every send uses another place in memory. */
struct end {
	struct link *k;
	struct buf out, in;
	size_t chunk; /* bytes a recv call asks for */
	bool once;    /* one recv call each time ready */
	int recv_err; /* the first that is not ERR_AGAIN */
	int send_err;
	unsigned again; /* times send said ERR_AGAIN */
};

static void end_rearm(struct end *e);

static void end_send(struct end *e)
{
	while (e->out.n > 0 && !e->send_err) {
		void *copy = xmemdup(e->out.p, e->out.n);
		int n = link_send(e->k, copy, e->out.n);
		xfree(copy);
		if (n > 0)
			buf_eat(&e->out, (size_t)n);
		else if (n != ERR_AGAIN)
			e->send_err = n;
		else {
			e->again++;
			return;
		}
	}
}

static void end_recv(struct end *e)
{
	for (;;) {
		char *p = buf_room(&e->in, e->chunk);
		assert_non_null(p);
		int n = link_recv(e->k, p, e->chunk);
		if (n > 0) {
			assert_true((size_t)n <= e->chunk);
			e->in.n += (size_t)n;
		} else if (n != ERR_AGAIN && !e->recv_err)
			e->recv_err = n;
		if (n <= 0 || e->once)
			return;
	}
}

static void end_ready(void *arg, int events)
{
	struct end *e = arg;
	if (events & WATCH_READ)
		end_recv(e);
	if (events & WATCH_WRITE)
		end_send(e);
	end_rearm(e);
}

static void end_rearm(struct end *e)
{
	bool writing = e->out.n > 0 && !e->send_err;
	link_watch(e->k, (e->recv_err ? 0 : WATCH_READ) | (writing ? WATCH_WRITE : 0), end_ready, e);
}

static void end_init(struct end *e, struct link *k)
{
	*e = (struct end){.k = k, .chunk = 4096};
	buf_init(&e->out, 4 << 20);
	buf_init(&e->in, 4 << 20);
}

static void end_clear(struct end *e)
{
	link_free(&e->k);
	buf_clear(&e->out);
	buf_clear(&e->in);
}

/* A connection of both contexts over memory; trickle 0: none. */
struct pair {
	struct end c, s;
	struct link *wire; /* one of the two mem links below */
};

static inline void pair_open(struct pair *p, size_t capacity, size_t trickle)
{
	struct link *a, *b;
	mem_link_pair(t.l, t.l, capacity, &a, &b);
	p->wire = a;
	if (trickle) {
		a = trickle_link_new(t.l, &a, trickle);
		b = trickle_link_new(t.l, &b, trickle);
	}
	end_init(&p->c, tls_link_client(t.client, t.l, &a, "chat.example"));
	end_init(&p->s, tls_link_server(t.server, t.l, &b));
	assert_null(a);
	assert_null(b);
}

static void pair_close(struct pair *p)
{
	end_clear(&p->c);
	end_clear(&p->s);
}

static bool is_secure(struct link *k)
{
	struct link_info i;
	link_info(k, &i);
	return i.secure;
}

/* Turns until nothing moves. */
static void run(struct pair *p)
{
	end_rearm(&p->c);
	end_rearm(&p->s);
	for (int i = 0; i < STEPS_MAX; i++)
		if (!loop_step(t.l, false))
			return;
	fail_msg("it never ends");
}

static void say(struct end *e, const char *text) { buf_z(&e->out, text); }

static void expect(struct end *e, const char *text)
{
	assert_int_equal(e->recv_err, 0);
	assert_int_equal(e->in.n, strlen(text));
	assert_memory_equal(e->in.p, text, e->in.n);
	buf_reset(&e->in);
}

/* Both ends say something and hear it. */
static inline void talk(struct pair *p)
{
	say(&p->c, "from the client");
	say(&p->s, "from the server");
	run(p);
	expect(&p->s, "from the client");
	expect(&p->c, "from the server");
	assert_true(is_secure(p->c.k) && is_secure(p->s.k));
}

static inline struct tls_link *inside(struct end *e) { return CONTAINER_OF(e->k, struct tls_link, link); }

static inline void at_most(struct tls_ctx *c, int version)
{
	assert_int_equal(SSL_CTX_set_max_proto_version(c->ssl_ctx, version), 1);
}

#endif
