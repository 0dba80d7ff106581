#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/addr.h"
#include "link/tcp.h"

enum { STEPS_MAX = 1000000, ACCEPTED_MAX = 200 };

static struct {
	struct loop *l;
	struct listener *s;
	int fds[ACCEPTED_MAX];
	unsigned n;
	bool free_listener;
	char dir[32], path[48];
} t;

static void on_accept(void *arg, int fd)
{
	assert_ptr_equal(arg, &t);
	assert_true(t.n < ACCEPTED_MAX);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	t.fds[t.n++] = fd;
	if (t.free_listener)
		listener_free(&t.s);
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.l = loop_new();
	loop_set_virtual(t.l, 0, 0);
	snprintf(t.dir, sizeof(t.dir), "/tmp/test-tcp-XXXXXX");
	if (!mkdtemp(t.dir))
		return -1;
	snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
	return 0;
}

static int teardown(void **state)
{
	listener_free(&t.s);
	for (unsigned i = 0; i < t.n; i++)
		if (t.fds[i] >= 0)
			close(t.fds[i]);
	unlink(t.path);
	rmdir(t.dir);
	loop_free(&t.l);
	return 0;
}

static void step_until(bool (*done)(void))
{
	for (int i = 0; i < STEPS_MAX && !done(); i++)
		loop_step(t.l, false);
	assert_true(done());
}

static bool accepted(void) { return t.n > 0; }

static void listen_on(const char *address)
{
	assert_int_equal(listener_tcp(t.l, str_z(address), on_accept, &t, &t.s), 0);
}

static void listen_unix(void) { assert_int_equal(listener_unix(t.l, t.path, 0600, on_accept, &t, &t.s), 0); }

static void dial_and_accept(struct link **dialled, struct link **taken)
{
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), dialled), 0);
	step_until(accepted);
	*taken = tcp_link_new(t.l, t.fds[--t.n]);
}

/* Where the dialled link says its peer is must be where the listener says it listens. */
static void check_infos(struct link *dialled, struct link *taken, const char *address)
{
	struct link_info d, a;
	link_info(dialled, &d);
	link_info(taken, &a);
	assert_true(str_eq(d.peer, listener_address(t.s)));
	assert_true(str_eq(a.local_address, d.peer));
	assert_true(str_eq(d.local_address, a.peer));
	assert_true(str_is(d.address, address));
	assert_true(str_is(a.address, address));
	assert_true(a.peer.n > a.address.n);
	assert_false(str_eq(a.peer, d.peer));
	assert_true(d.local && a.local);
	assert_true(d.unix_uid == -1 && a.unix_uid == -1);
	assert_false(a.secure);
}

static void expect(struct link *k, const char *text)
{
	char p[64];
	int r = ERR_AGAIN;
	for (int i = 0; r == ERR_AGAIN && i < STEPS_MAX; i++)
		r = link_recv(k, p, sizeof(p));
	assert_int_equal(r, strlen(text));
	assert_memory_equal(p, text, strlen(text));
}

static int recv_end(struct link *k)
{
	char p[64];
	int r = ERR_AGAIN;
	for (int i = 0; (r == ERR_AGAIN || r > 0) && i < STEPS_MAX; i++)
		r = link_recv(k, p, sizeof(p));
	return r;
}

static void check_talk(struct link *a, struct link *b)
{
	char c;
	assert_int_equal(link_recv(a, &c, 1), ERR_AGAIN);
	assert_int_equal(link_send(a, "hello", 5), 5);
	expect(b, "hello");
	assert_int_equal(link_send(b, "you", 3), 3);
	expect(a, "you");
	assert_false(link_pending(a));
	assert_int_equal(link_shutdown(a), 0); /* half */
	assert_int_equal(recv_end(b), ERR_CLOSED);
	assert_int_equal(link_send(b, "last", 4), 4);
	expect(a, "last");
	assert_int_equal(link_send(a, "x", 1), ERR_CLOSED);
}

static void check_both_ways(const char *address, const char *shown)
{
	struct link *d, *a;
	listen_on(address);
	dial_and_accept(&d, &a);
	check_infos(d, a, shown);
	check_talk(d, a);
	link_free(&d);
	link_free(&a);
	listener_free(&t.s);
}

static void test_ipv4(void **state) { check_both_ways("127.0.0.1:0", "127.0.0.1"); }

static bool has_ipv6(void)
{
	struct listener *s;
	if (listener_tcp(t.l, STR("[::1]:0"), on_accept, &t, &s) != 0)
		return false;
	listener_free(&s);
	return true;
}

static void test_ipv6(void **state)
{
	if (!has_ipv6())
		skip();
	check_both_ways("[::1]:0", "::1");
}

static void dial_port(const char *host, struct str listening)
{
	char text[64];
	struct link *k, *a;
	struct link_info i;
	const char *port = strrchr(listening.p, ':');
	snprintf(text, sizeof(text), "%s%s", host, port);
	assert_int_equal(tcp_dial(t.l, str_z(text), &k), 0);
	step_until(accepted);
	a = tcp_link_new(t.l, t.fds[--t.n]);
	link_info(a, &i);
	assert_true(i.local);
	assert_true(str_is(i.address, host[0] == '[' ? "::1" : "127.0.0.1")); /* not ::ffff:127.0.0.1 */
	link_free(&a);
	link_free(&k);
}

static void test_both_families(void **state)
{
	bool six = has_ipv6();
	listen_on("*:0");
	assert_true(str_starts(listener_address(t.s), STR("*:")));
	assert_false(str_eq(listener_address(t.s), STR("*:0")));
	dial_port("127.0.0.1", listener_address(t.s));
	if (six)
		dial_port("[::1]", listener_address(t.s));
}

static void test_several_listeners(void **state)
{
	struct listener *other;
	struct link *k;
	listen_on("127.0.0.1:0");
	assert_int_equal(listener_tcp(t.l, STR("127.0.0.2:0"), on_accept, &t, &other), 0);
	assert_int_equal(tcp_dial(t.l, listener_address(other), &k), 0);
	step_until(accepted);
	link_free(&k);
	listener_free(&other);
	struct listener *busy = NULL;
	assert_int_equal(listener_tcp(t.l, listener_address(t.s), on_accept, &t, &busy), ERR_BUSY);
	assert_int_equal(errno, EADDRINUSE);
	char any[32];
	snprintf(any, sizeof(any), "*%s", strrchr(listener_address(t.s).p, ':'));
	assert_int_equal(listener_tcp(t.l, str_z(any), on_accept, &t, &busy), ERR_BUSY);
	assert_int_equal(listener_tcp(t.l, STR("192.0.2.1:0"), on_accept, &t, &busy), ERR_IO); /* not ours */
	assert_null(busy);
}

/* The port is free again at once, although the old connection is not quite gone. */
static void test_address_can_be_reused(void **state)
{
	struct link *d, *a;
	char address[64];
	listen_on("127.0.0.1:0");
	snprintf(address, sizeof(address), "%.*s", STR_FMT(listener_address(t.s)));
	dial_and_accept(&d, &a);
	listener_free(&t.s);
	link_free(&a); /* closes first: lingers */
	link_free(&d);
	listen_on(address);
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = {"", ":", "5222", ":5222", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:-1", "127.0.0.1:1x", "127.0.0.1:+1", "127.0.0.1:000005222", "127.1:5222", "0x7f.0.0.1:1",
		"localhost:5222", "::1:5222", "[::1]5222", "[::1:5222", "[]:5222", "[127.0.0.1]:5222", "[::g]:1",
		"[::1%nosuchinterface0]:1", "256.0.0.1:1", "**:1", "unix:", " 127.0.0.1:1", "127.0.0.1 :1",
		"11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111:1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct link *k = NULL;
		struct listener *s = NULL;
		assert_int_equal(listener_tcp(t.l, str_z(bad[i]), on_accept, &t, &s), ERR_SYNTAX);
		assert_int_equal(tcp_dial(t.l, str_z(bad[i]), &k), ERR_SYNTAX);
		assert_null(k);
		assert_null(s);
	}
	struct link *k = NULL;
	struct listener *s = NULL;
	assert_int_equal(tcp_dial(t.l, STR("*:5222"), &k), ERR_SYNTAX);
	assert_int_equal(tcp_dial(t.l, (struct str){"127.0.0.1\0:5222", 15}, &k), ERR_SYNTAX);
	assert_int_equal(tcp_dial(t.l, (struct str){"[::1\0]:5222", 11}, &k), ERR_SYNTAX);
	assert_int_equal(tcp_dial(t.l, STR_NONE, &k), ERR_SYNTAX);
	assert_int_equal(listener_tcp(t.l, STR("unix:/tmp/x"), on_accept, &t, &s), ERR_SYNTAX);
}

static void test_address_text(void **state)
{
	static const struct {
		const char *in, *out, *host;
		bool loopback;
	} rows[] = {
		{"192.0.2.7:50312", "192.0.2.7:50312", "192.0.2.7", false},
		{"[0:0::1]:4000", "[::1]:4000", "::1", true},
		{"[2001:DB8::a]:1", "[2001:db8::a]:1", "2001:db8::a", false},
		{"[::ffff:192.0.2.7]:1", "192.0.2.7:1", "192.0.2.7", false},
		{"[::ffff:127.0.0.9]:1", "127.0.0.9:1", "127.0.0.9", true},
		{"127.255.0.1:0", "127.255.0.1:0", "127.255.0.1", true},
		{"128.0.0.1:65535", "128.0.0.1:65535", "128.0.0.1", false},
		{"*:5222", "*:5222", "*", false},
		{"unix:/tmp/x", "", "", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		struct str host;
		char text[ADDR_TEXT];
		assert_int_equal(addr_parse(str_z(rows[i].in), &a), 0);
		addr_format(&a, text, &host);
		assert_string_equal(text, rows[i].out);
		assert_true(str_is(host, rows[i].host));
		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
	}
}

static struct {
	int events;
	unsigned calls;
} seen;

static void on_ready(void *arg, int events)
{
	seen.events = events;
	seen.calls++;
	link_watch(arg, 0, NULL, NULL);
}

static bool was_seen(void) { return seen.calls > 0; }

static void test_dialling_nobody(void **state)
{
	struct link *k;
	char address[64], c;
	listen_on("127.0.0.1:0");
	snprintf(address, sizeof(address), "%.*s", STR_FMT(listener_address(t.s)));
	listener_free(&t.s);
	for (int i = 0; i < 2; i++) {
		int err = tcp_dial(t.l, str_z(address), &k);
		if (err == ERR_IO) /* some systems know at once */
			continue;
		assert_int_equal(err, 0);
		memset(&seen, 0, sizeof(seen));
		link_watch(k, i ? WATCH_READ : WATCH_WRITE, on_ready, k);
		step_until(was_seen);
		assert_int_equal(i ? link_recv(k, &c, 1) : link_send(k, "x", 1), ERR_IO);
		assert_int_equal(link_recv(k, &c, 1), ERR_IO); /* and for ever */
		assert_int_equal(link_send(k, "x", 1), ERR_IO);
		assert_int_equal(link_shutdown(k), ERR_IO);
		struct link_info info;
		link_info(k, &info);
		assert_true(str_is(info.peer, address));
		link_free(&k);
	}
	k = NULL;
	assert_int_equal(tcp_dial(t.l, STR("unix:/nowhere/sock"), &k), ERR_IO);
	assert_null(k);
}

/* A reset, as by a crashed peer: reported, and no signal. */
static void test_reset(void **state)
{
	struct link *d, *a;
	struct linger hard = {1, 0};
	listen_on("127.0.0.1:0");
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), &d), 0);
	step_until(accepted);
	int fd = t.fds[--t.n];
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	a = tcp_link_new(t.l, fd);
	assert_int_equal(link_send(d, "x", 1), 1);
	link_free(&a);
	memset(&seen, 0, sizeof(seen));
	link_watch(d, WATCH_READ, on_ready, d);
	step_until(was_seen);
	assert_int_equal(recv_end(d), ERR_CLOSED);
	assert_int_equal(link_send(d, "x", 1), ERR_CLOSED);
	assert_int_equal(link_send(d, "x", 1), ERR_CLOSED);
	link_free(&d);
}

struct end {
	struct link *k;
	const char *out;
	size_t out_n, in_n;
	uint64_t sum;
	bool closed, blocked;
};

static void end_ready(void *arg, int events)
{
	struct end *e = arg;
	char p[10000];
	int n = 0;
	if (events & WATCH_READ)
		while ((n = link_recv(e->k, p, sizeof(p))) > 0) {
			for (int i = 0; i < n; i++)
				e->sum = e->sum * 31 + (uint8_t)p[i];
			e->in_n += (size_t)n;
		}
	e->closed = e->closed || n == ERR_CLOSED;
	n = 0;
	while (e->out_n > 0 && (n = link_send(e->k, e->out, e->out_n)) > 0) {
		e->blocked = e->blocked || (size_t)n < e->out_n;
		e->out += n;
		e->out_n -= (size_t)n;
		if (e->out_n == 0)
			assert_int_equal(link_shutdown(e->k), 0);
	}
	link_watch(e->k, (e->closed ? 0 : WATCH_READ) | (e->out_n > 0 ? WATCH_WRITE : 0), end_ready, e);
}

/* More than any socket buffer holds, in both directions at once, then the end of both. */
static void check_big_transfer(void)
{
	enum { N = 20 << 20 };
	char *big = xmalloc(N);
	struct end d = {.out = big, .out_n = N}, a = {.out = big, .out_n = N / 2};
	uint64_t sum = 0, half = 0;
	for (size_t i = 0; i < N; i++) {
		big[i] = (char)(i * i >> 7);
		sum = sum * 31 + (uint8_t)big[i];
		half = i + 1 == N / 2 ? sum : half;
	}
	dial_and_accept(&d.k, &a.k);
	link_watch(d.k, WATCH_WRITE, end_ready, &d);
	link_watch(a.k, WATCH_WRITE, end_ready, &a);
	for (int i = 0; i < STEPS_MAX && !(d.closed && a.closed); i++)
		loop_step(t.l, true);
	assert_true(d.closed && a.closed);
	assert_int_equal(a.in_n, N);
	assert_int_equal(d.in_n, N / 2);
	assert_true(a.sum == sum && d.sum == half);
	assert_true(d.blocked && a.blocked);
	link_free(&d.k);
	link_free(&a.k);
	xfree(big);
}

static void test_big_transfer(void **state)
{
	listen_on("127.0.0.1:0");
	check_big_transfer();
	listener_free(&t.s);
	listen_unix();
	check_big_transfer();
}

static void test_no_delay(void **state)
{
	struct link *d;
	int on = 0;
	socklen_t n = sizeof(on);
	listen_on("127.0.0.1:0");
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), &d), 0);
	step_until(accepted);
	int fd = t.fds[--t.n];
	struct link *a = tcp_link_new(t.l, fd);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	assert_true(on);
	link_free(&a);
	link_free(&d);
}

static void test_unix(void **state)
{
	struct link *d, *a;
	struct stat st;
	struct link_info i;
	char expected[64];
	mode_t old = umask(077);
	assert_int_equal(listener_unix(t.l, t.path, 0660, on_accept, &t, &t.s), 0);
	umask(old);
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	dial_and_accept(&d, &a);
	snprintf(expected, sizeof(expected), "unix:uid=%u", (unsigned)geteuid());
	for (int j = 0; j < 2; j++) {
		link_info(j ? d : a, &i);
		assert_int_equal(i.unix_uid, geteuid());
		assert_true(str_is(i.peer, expected));
		assert_true(str_is(i.address, expected));
		assert_true(i.local);
	}
	check_talk(d, a);
	link_free(&d);
	link_free(&a);
	listener_free(&t.s);
	assert_int_equal(lstat(t.path, &st), -1);
}

/* Leaves a socket file behind on which nobody listens. */
static void leave_stale(void)
{
	struct addr a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(addr_unix(str_z(t.path), &a), 0);
	assert_int_equal(bind(fd, &a.sa, a.n), 0);
	close(fd);
}

static void test_unix_stale_and_live(void **state)
{
	struct listener *other = NULL;
	struct stat st;
	leave_stale();
	listen_unix();
	assert_int_equal(listener_unix(t.l, t.path, 0600, on_accept, &t, &other), ERR_BUSY);
	assert_null(other);
	step_until(accepted); /* the question came in as a connection */
	assert_int_equal(lstat(t.path, &st), 0);
	/* Somebody else took the place: his file stays. */
	unlink(t.path);
	leave_stale();
	listener_free(&t.s);
	assert_int_equal(lstat(t.path, &st), 0);
}

static void test_unix_never_removes_a_file(void **state)
{
	struct listener *s = NULL;
	char target[64];
	struct stat st;
	int fd = open(t.path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(listener_unix(t.l, t.path, 0600, on_accept, &t, &s), ERR_EXISTS);
	assert_int_equal(lstat(t.path, &st), 0);
	unlink(t.path);
	snprintf(target, sizeof(target), "%s/x", t.dir);
	assert_int_equal(symlink(target, t.path), 0);
	assert_int_equal(listener_unix(t.l, t.path, 0600, on_accept, &t, &s), ERR_EXISTS);
	unlink(t.path);
	char deep[300];
	memset(deep, 'd', sizeof(deep));
	deep[299] = 0;
	assert_int_equal(listener_unix(t.l, deep, 0600, on_accept, &t, &s), ERR_LIMIT);
	assert_int_equal(listener_unix(t.l, "", 0600, on_accept, &t, &s), ERR_SYNTAX);
	assert_int_equal(listener_unix(t.l, "/nowhere/sock", 0600, on_accept, &t, &s), ERR_IO);
	assert_null(s);
}

static void test_denied(void **state)
{
	struct listener *s = NULL;
	if (geteuid() == 0)
		skip();
	assert_int_equal(chmod(t.dir, 0500), 0);
	assert_int_equal(listener_unix(t.l, t.path, 0600, on_accept, &t, &s), ERR_DENIED);
	assert_int_equal(chmod(t.dir, 0700), 0);
}

static bool all_accepted(void) { return t.n == 100; }

static void test_many_at_once(void **state)
{
	struct link *k[100];
	listen_on("127.0.0.1:0");
	for (int i = 0; i < 100; i++)
		assert_int_equal(tcp_dial(t.l, listener_address(t.s), &k[i]), 0);
	step_until(all_accepted);
	for (int i = 0; i < 100; i++)
		link_free(&k[i]);
}

static void test_listener_freed_by_its_callback(void **state)
{
	struct link *k[3];
	listen_on("127.0.0.1:0");
	for (int i = 0; i < 3; i++)
		assert_int_equal(tcp_dial(t.l, listener_address(t.s), &k[i]), 0);
	t.free_listener = true;
	step_until(accepted);
	assert_null(t.s);
	loop_step(t.l, false);
	assert_int_equal(t.n, 1);
	for (int i = 0; i < 3; i++)
		link_free(&k[i]);
}

/* With no descriptor left it neither spins nor forgets. */
static void test_pause_without_descriptors(void **state)
{
	struct link *k;
	struct rlimit before, now;
	listen_on("127.0.0.1:0");
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), &k), 0);
	loop_step(t.l, false);
	for (int i = 0; i < STEPS_MAX && t.n == 0; i++)
		loop_step(t.l, false);
	struct link *second;
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), &second), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	int top = dup(0); /* the lowest free one */
	close(top);
	now.rlim_cur = (rlim_t)top;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	bool ran = true;
	for (int i = 0; i < STEPS_MAX && timers_next(loop_timers(t.l)) == INT64_MAX; i++)
		ran = loop_step(t.l, false);
	assert_true(ran);
	assert_false(loop_step(t.l, false)); /* quiet now */
	assert_int_equal(timers_next(loop_timers(t.l)), 1000);
	loop_set_virtual(t.l, 1000, 0); /* still none: once more */
	assert_true(loop_step(t.l, false));
	loop_step(t.l, false);
	assert_int_equal(timers_next(loop_timers(t.l)), 2000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(t.n, 1);
	loop_set_virtual(t.l, 2000, 0);
	for (int i = 0; i < 10; i++)
		loop_step(t.l, false);
	assert_int_equal(t.n, 2);
	link_free(&k);
	link_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ipv4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_families, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_listeners, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_can_be_reused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dialling_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_transfer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_delay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_stale_and_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_never_removes_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listener_freed_by_its_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause_without_descriptors, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
