/* What links to peers ask of TCP: what has not arrived, patience, and a port that is free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"
#include "link/tcp.h"

enum { STEPS_MAX = 1000000 };

static struct {
	struct loop *l;
	struct listener *s;
	int fd; /* accepted; -1 */
	struct link *dialled, *taken;
} t;

static void on_accept(void *arg, int fd) { t.fd = fd; }

static int setup(void **state)
{
	t.l = loop_new();
	t.fd = -1;
	return 0;
}

static int teardown(void **state)
{
	link_free(&t.dialled);
	link_free(&t.taken);
	listener_free(&t.s);
	loop_free(&t.l);
	return 0;
}

static void dial(void)
{
	assert_int_equal(tcp_dial(t.l, listener_address(t.s), &t.dialled), 0);
	for (int i = 0; t.fd < 0 && i < STEPS_MAX; i++)
		loop_step(t.l, true);
	assert_true(t.fd >= 0);
	t.taken = tcp_link_new(t.l, t.fd);
}

static void connect_both(void)
{
	assert_int_equal(listener_tcp(t.l, STR("127.0.0.1:0"), on_accept, NULL, &t.s), 0);
	dial();
}

/* Until the other end takes no more. */
static size_t fill(void)
{
	static const char bytes[1000];
	size_t sent = 0;
	for (int i = 0; i < STEPS_MAX; i++) {
		int n = link_send(t.dialled, bytes, sizeof(bytes));
		if (n < 0) {
			assert_int_equal(n, ERR_AGAIN);
			return sent;
		}
		sent += (size_t)n;
	}
	fail_msg("it takes everything");
	return 0;
}

static void drain(size_t n)
{
	char p[4096];
	for (int i = 0; n > 0 && i < STEPS_MAX; i++) {
		poll(&(struct pollfd){.fd = t.fd, .events = POLLIN}, 1, 1000);
		int got = link_recv(t.taken, p, sizeof(p));
		assert_true(got > 0 || got == ERR_AGAIN);
		n -= got > 0 ? (size_t)got : 0;
	}
	assert_int_equal(n, 0);
}

static void test_unsent(void **state)
{
	connect_both();
	assert_int_equal(link_unsent(t.dialled), 0);
	size_t n = fill();
	int64_t waiting = link_unsent(t.dialled);
	assert_true(waiting > 0 && waiting < (int64_t)n); /* some has arrived, not all has */
	assert_int_equal(link_unsent(t.taken), 0);
	drain(n);
	for (int i = 0; link_unsent(t.dialled) > 0 && i < STEPS_MAX; i++)
		poll(NULL, 0, 1); /* nothing tells of it */
	assert_int_equal(link_unsent(t.dialled), 0);
}

static void test_what_was_lost_stays_unsent(void **state)
{
	struct linger hard = {1, 0};
	char c;
	int r = ERR_AGAIN;
	connect_both();
	fill();
	setsockopt(t.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	link_free(&t.taken);
	for (int i = 0; r == ERR_AGAIN && i < STEPS_MAX; i++)
		r = link_recv(t.dialled, &c, 1);
	assert_int_equal(r, ERR_CLOSED);
	assert_true(link_unsent(t.dialled) > 0);
}

static void test_nothing_is_unsent_before_the_connection(void **state)
{
	char c;
	int r = ERR_AGAIN;
	struct listener *gone;
	assert_int_equal(listener_tcp(t.l, STR("127.0.0.1:0"), on_accept, NULL, &gone), 0);
	char text[32];
	snprintf(text, sizeof(text), "%.*s", STR_FMT(listener_address(gone)));
	listener_free(&gone);
	if (tcp_dial(t.l, str_z(text), &t.dialled) != 0)
		return; /* known at once */
	assert_int_equal(link_unsent(t.dialled), 0);
	for (int i = 0; r == ERR_AGAIN && i < STEPS_MAX; i++)
		r = link_recv(t.dialled, &c, 1);
	assert_int_equal(r, ERR_IO);
	assert_int_equal(link_unsent(t.dialled), 0);
}

static void test_unsent_is_not_known_of_unix(void **state)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	t.dialled = tcp_link_new(t.l, fds[0]);
	t.taken = tcp_link_new(t.l, fds[1]);
	assert_int_equal(link_send(t.dialled, "x", 1), 1);
	assert_int_equal(link_unsent(t.dialled), -1);
	tcp_link_patience(t.dialled, 5); /* harmless */
	assert_int_equal(link_recv(t.taken, (char[1]){0}, 1), 1);
}

static unsigned number(int level, int option)
{
	unsigned value = 0;
	socklen_t n = sizeof(value);
	assert_int_equal(getsockopt(t.fd, level, option, &value, &n), 0);
	return value;
}

static void test_patience_is_set(void **state)
{
	connect_both();
	assert_int_equal(number(SOL_SOCKET, SO_KEEPALIVE), 0);
	for (unsigned seconds = 1; seconds <= 86400; seconds = seconds < 100 ? seconds + 1 : seconds * 2) {
		tcp_link_patience(t.taken, seconds);
		assert_int_equal(number(SOL_SOCKET, SO_KEEPALIVE), 1);
		assert_int_equal(number(IPPROTO_TCP, TCP_USER_TIMEOUT), seconds * 1000);
		unsigned idle = number(IPPROTO_TCP, TCP_KEEPIDLE), interval = number(IPPROTO_TCP, TCP_KEEPINTVL);
		assert_true(idle >= 1 && idle <= seconds);
		assert_true(
			interval >= 1 && idle + interval <= seconds + 1); /* one question is answered or not in time */
	}
}

static void test_patience_of_others(void **state)
{
	mem_link_pair(t.l, t.l, 10, &t.dialled, &t.taken);
	tcp_link_patience(t.dialled, 5);
	assert_int_equal(link_send(t.dialled, "x", 1), 1);
}

static bool ended;

static void on_ready(void *arg, int events)
{
	char c;
	int r = link_recv(t.dialled, &c, 1);
	if (r == ERR_AGAIN)
		return;
	assert_int_equal(r, ERR_IO);
	ended = true;
}

/* The only kind of silence that one machine can make: a peer that takes nothing. */
static void test_patience_ends(void **state)
{
	connect_both();
	tcp_link_patience(t.dialled, 1);
	fill();
	ended = false;
	link_watch(t.dialled, WATCH_READ, on_ready, NULL);
	for (int i = 0; !ended && i < STEPS_MAX; i++)
		loop_step(t.l, true);
	assert_true(ended);
	assert_true(link_unsent(t.dialled) > 0);
}

/* ---- ports ---- */

static unsigned port_of(const struct listener *s)
{
	uint64_t port = 0;
	struct str text = listener_address(s);
	const char *colon = memrchr(text.p, ':', text.n);
	assert_int_equal(str_uint(str_z(colon + 1), 65535, &port), 0);
	return (unsigned)port;
}

/* From a port that somebody has up to the one after the next free one. */
static void check_first_free(const char *host, const char *blocker)
{
	struct listener *more[8] = {0}, *found = NULL;
	char text[64];
	snprintf(text, sizeof(text), "%s:0", blocker);
	assert_int_equal(listener_tcp(t.l, str_z(text), on_accept, NULL, &t.s), 0);
	unsigned first = port_of(t.s);
	assert_int_equal(listener_tcp_from(t.l, str_z(host), (uint16_t)first, (uint16_t)first, on_accept, NULL, &found),
		ERR_BUSY);
	assert_null(found);
	if (first > 65000) /* no room above */
		return;
	unsigned last = first;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		assert_int_equal(listener_tcp_from(t.l, str_z(host), (uint16_t)first, 65535, on_accept, NULL, &more[i]),
			0);
		assert_true(port_of(more[i]) > last); /* in order */
		last = port_of(more[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		listener_free(&more[i]);
	listener_free(&t.s);
}

static void test_first_free_port(void **state) { check_first_free("127.0.0.1", "127.0.0.1"); }

/* One family of the port being taken is enough for both to move on. */
static void test_first_free_port_of_both_families(void **state)
{
	struct listener *six = NULL;
	check_first_free("*", "127.0.0.1");
	if (listener_tcp(t.l, STR("[::1]:0"), on_accept, NULL, &six) != 0)
		return;
	listener_free(&six);
	check_first_free("*", "[::1]");
	assert_int_equal(listener_tcp_from(t.l, STR("*"), 20000, 65535, on_accept, NULL, &t.s), 0);
	assert_true(str_starts(listener_address(t.s), STR("*:")));
	char text[32];
	snprintf(text, sizeof(text), "[::1]:%u", port_of(t.s));
	assert_int_equal(tcp_dial(t.l, str_z(text), &t.dialled), 0);
	for (int i = 0; t.fd < 0 && i < STEPS_MAX; i++)
		loop_step(t.l, true);
	t.taken = tcp_link_new(t.l, t.fd);
}

/* Who takes a connection and resets it was there; who refuses it was not. */
static void test_up_after_a_reset(void **state)
{
	const struct linger at_once = {.l_onoff = 1};
	struct link_info info;
	char text[32], byte;
	int n = ERR_AGAIN;

	connect_both();
	while ((n = link_send(t.dialled, "hello", 5)) == ERR_AGAIN)
		loop_step(t.l, false);
	assert_int_equal(setsockopt(t.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	link_free(&t.taken);
	while ((n = link_recv(t.dialled, &byte, 1)) == ERR_AGAIN)
		loop_step(t.l, false);
	assert_int_equal(n, ERR_CLOSED);
	link_info(t.dialled, &info);
	assert_true(info.up);
	link_free(&t.dialled);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port_of(t.s));
	listener_free(&t.s);
	if (tcp_dial(t.l, str_z(text), &t.dialled) != 0)
		return;
	while ((n = link_recv(t.dialled, &byte, 1)) == ERR_AGAIN)
		loop_step(t.l, false);
	link_info(t.dialled, &info);
	assert_false(info.up);
}

static void test_bad_hosts(void **state)
{
	static const char *const bad[] = {"", "host", "127.0.0.1:1", "::1", "unix", "*:*"};
	char huge[1000];
	memset(huge, '1', sizeof(huge));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(listener_tcp_from(t.l, str_z(bad[i]), 5298, 5300, on_accept, NULL, &t.s), ERR_SYNTAX);
	assert_int_equal(listener_tcp_from(t.l, (struct str){huge, sizeof(huge)}, 5298, 5300, on_accept, NULL, &t.s),
		ERR_SYNTAX);
	assert_int_equal(listener_tcp_from(t.l, STR("127.0.0.1"), 5300, 5298, on_accept, NULL, &t.s), ERR_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unsent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_lost_stays_unsent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_unsent_before_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsent_is_not_known_of_unix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience_is_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_free_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_free_port_of_both_families, setup, teardown),
		cmocka_unit_test_setup_teardown(test_up_after_a_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_hosts, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
