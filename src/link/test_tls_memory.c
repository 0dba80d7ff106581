/* What an idle session costs the server, and that a big stanza of long ago no longer counts. */
#include "link/test_tls.h"

enum { SESSIONS = 50, SESSION_MAX = 15500 };

/* In front of every block of the library: for whom it was allocated. */
struct head {
	_Alignas(16) size_t n;
	bool server;
};

static bool as_server;
static int64_t bytes; /* of the server's side, with the allocator's rounding and its own word */
static unsigned blocks;

static void count(struct head *h, int sign)
{
	if (!h->server)
		return;
	bytes += sign * (int64_t)((h->n + 8 + 15) & ~(size_t)15);
	blocks += (unsigned)sign;
}

static void *counted_malloc(size_t n, const char *file, int line)
{
	struct head *h = malloc(sizeof(*h) + n);
	if (!h)
		return NULL;
	*h = (struct head){.n = n, .server = as_server};
	count(h, 1);
	return h + 1;
}

static void counted_free(void *p, const char *file, int line)
{
	if (!p)
		return;
	struct head *h = (struct head *)p - 1;
	count(h, -1);
	free(h);
}

static void *counted_realloc(void *p, size_t n, const char *file, int line)
{
	if (!p)
		return counted_malloc(n, file, line);
	struct head *old = (struct head *)p - 1;
	count(old, -1);
	struct head *h = realloc(old, sizeof(*h) + n);
	if (!h)
		return NULL;
	h->n = n;
	count(h, 1);
	return h + 1;
}

static void server_ready(void *arg, int events)
{
	as_server = true;
	struct end *e = arg;
	if (events & WATCH_READ)
		end_recv(e);
	if (events & WATCH_WRITE)
		end_send(e);
	as_server = false;
	link_watch(e->k, WATCH_READ | (e->out.n > 0 ? WATCH_WRITE : 0), server_ready, e);
}

static void run_counted(struct pair *p)
{
	end_rearm(&p->c);
	link_watch(p->s.k, WATCH_READ | (p->s.out.n > 0 ? WATCH_WRITE : 0), server_ready, &p->s);
	for (int i = 0; i < STEPS_MAX; i++)
		if (!loop_step(t.l, false))
			return;
	fail_msg("it never ends");
}

static bool resume;

static void open_counted(struct pair *p, int64_t *ours)
{
	struct link *a, *b;
	mem_link_pair(t.l, t.l, 1 << 16, &a, &b);
	end_init(&p->c, tls_link_client(t.client, t.l, &a, NULL));
	int64_t before = mem_stats().bytes;
	as_server = true;
	end_init(&p->s, tls_link_server(t.server, t.l, &b));
	as_server = false;
	*ours += mem_stats().bytes - before;
	if (!resume)
		SSL_set_session(inside(&p->c)->ssl, NULL);
	say(&p->c, "hello");
	say(&p->s, "hello");
	run_counted(p);
	expect(&p->s, "hello");
	expect(&p->c, "hello");
	assert_int_equal(tls_link_resumed(p->s.k), resume);
}

/* A record of the largest size in both directions. */
static void talk_much(struct pair *p)
{
	for (int i = 0; i < 16384; i++) {
		buf_char(&p->c.out, 'c');
		buf_char(&p->s.out, 's');
	}
	run_counted(p);
	assert_int_equal(p->s.in.n, 16384);
	assert_int_equal(p->c.in.n, 16384);
	buf_clear(&p->s.in);
	buf_clear(&p->c.in);
}

static void measure(const char *what, bool resumed)
{
	static struct pair p[SESSIONS];
	int64_t ours = 0, start = bytes, fresh;
	unsigned start_blocks = blocks;
	/* What is made once and kept does not count. */
	resume = false;
	open_counted(&p[0], &ours);
	pair_close(&p[0]);
	resume = resumed;
	ours = 0;
	start = bytes;
	start_blocks = blocks;
	for (int i = 0; i < SESSIONS; i++)
		open_counted(&p[i], &ours);
	fresh = bytes - start;
	print_message("%s: %lld bytes in %u blocks by the library, %lld ours\n", what, (long long)(fresh / SESSIONS),
		(blocks - start_blocks) / SESSIONS, (long long)(ours / SESSIONS));
	assert_true((fresh + ours) / SESSIONS < SESSION_MAX);
	for (int i = 0; i < SESSIONS; i++)
		talk_much(&p[i]);
	assert_true(bytes - start <= fresh + SESSIONS * 64);
	for (int i = 0; i < SESSIONS; i++)
		pair_close(&p[i]);
	assert_true(bytes - start <= 4096); /* and all of it comes back */
}

static void test_idle_1_3(void **state)
{
	measure("TLS 1.3", false);
	measure("TLS 1.3 resumed", true);
}

static void test_idle_1_2(void **state)
{
	at_most(t.client, TLS1_2_VERSION);
	measure("TLS 1.2", false);
	measure("TLS 1.2 resumed", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_idle_1_3, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_1_2, setup, teardown),
	};
	if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
