/* What a session and a message cost, beside a raw relay that copies the same bytes in the same run. Processor time of the
 * server's process, not wall time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/lib/bench.h"
#include "tests/lib/load.h"

enum { PLAIN_SESSIONS = 5000, TLS_SESSIONS = 2000, PAIRS = 50, ROUNDS = 400, TIMES = 7, PAUSE_US = 2000 };

/* After sending, before reading: a reader that waits in the kernel is woken by the sender, at the sender's cost. Whether it
 * waits just then depends on who is faster by a hair, and would decide the figures. */
static void let_them_send(void) { usleep(PAUSE_US); }

static void take_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- memory ---- */

static void memory(const char *name, unsigned n, bool tls, const char *aim)
{
	struct load_server s;
	struct load_client **c = xcalloc(n, sizeof(struct load_client *));
	int64_t before = 0, after;

	load_start(&s, n, 1, NULL);
	/* The first sessions bring what is there once for all. */
	for (unsigned i = 0; i < n; i++) {
		if (i == 50)
			before = bench_rss_bytes(s.pid);
		c[i] = tls ? load_connect_tls(s.port_tls) : load_connect(s.port);
		load_login(c[i], i, "bench");
	}
	usleep(300000); /* deferred frees */
	after = bench_rss_bytes(s.pid);
	bench_report(name, (double)(after - before) / (n - 50) / 1024, "KiB", aim);
	for (unsigned i = 0; i < n; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&s);
}

/* ---- one-to-one ---- */

static double one_to_one(pid_t pid, struct load_client **from, struct load_client **to, char texts[][512],
	const char *end, size_t len)
{
	int64_t cpu = 0;

	for (unsigned round = 0; round < ROUNDS + 20; round++) {
		if (round == 20)
			cpu = load_cpu_ns(pid);
		for (unsigned i = 0; i < PAIRS; i++)
			load_send(from[i], texts[i], strlen(texts[i]));
		let_them_send();
		for (unsigned i = 0; i < PAIRS; i++) {
			if (end)
				load_expect(to[i], end);
			else
				load_skip(to[i], len);
		}
	}
	return (double)(load_cpu_ns(pid) - cpu) / ((double)ROUNDS * PAIRS);
}

/* Both sides in turn, several times, the best of each: what else the machine does disturbs both alike. */
static void keep_best(double *best, double now)
{
	if (*best == 0 || now < *best)
		*best = now;
}

static void report_beside_relay(const char *name, double ours, double raw, const char *aim)
{
	bench_report(name, ours / 1000, "us", NULL);
	bench_report("  raw relay, same bytes", raw / 1000, "us", NULL);
	bench_report("  ratio", ours / raw, "times", aim);
}

static void close_all(struct load_client **c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		load_close(&c[i]);
}

static void messages(const char *what, const char *const *flags, const char *aim)
{
	struct load_client *from[PAIRS], *to[PAIRS], *raw_from[PAIRS], *raw_to[PAIRS];
	static char texts[PAIRS][512], raw_texts[PAIRS][512];
	struct load_server s, relay;
	double ours = 0, raw = 0;
	size_t len;

	load_start(&s, 2 * PAIRS, 1, flags);
	relay = load_relay(2, false);
	for (unsigned i = 0; i < PAIRS; i++) {
		from[i] = load_connect(s.port);
		load_login(from[i], 2 * i, "a");
		to[i] = load_connect(s.port);
		load_login(to[i], 2 * i + 1, "b");
		raw_from[i] = load_connect(relay.port);
		raw_to[i] = load_connect(relay.port);
		snprintf(texts[i], sizeof(texts[i]),
			"<message to='u%u@localhost/b' type='chat' id='m-%06u'><body>The quick brown fox jumps over the "
			"lazy dog, and then it does it again.</body></message>",
			2 * i + 1, i);
	}
	load_send(from[0], texts[0], strlen(texts[0]));
	len = load_expect(to[0], "</message>");
	must(len < sizeof(raw_texts[0]));
	for (unsigned i = 0; i < PAIRS; i++)
		memset(raw_texts[i], 'x', len);
	for (int i = 0; i < TIMES; i++) {
		keep_best(&ours, one_to_one(s.pid, from, to, texts, "</message>", 0));
		keep_best(&raw, one_to_one(relay.pid, raw_from, raw_to, raw_texts, NULL, len));
	}
	report_beside_relay(what, ours, raw, aim);
	close_all(from, PAIRS);
	close_all(to, PAIRS);
	close_all(raw_from, PAIRS);
	close_all(raw_to, PAIRS);
	load_stop(&s);
	load_stop(&relay);
}

/* ---- logins ---- */

static void logins(const char *name, unsigned iterations, bool tls,
	void (*login)(struct load_client *c, unsigned number, const char *resource))
{
	enum { N = 300 };
	struct load_server s;
	int64_t cpu;

	load_start(&s, N, iterations, NULL);
	cpu = load_cpu_ns(s.pid);
	for (unsigned i = 0; i < N; i++) {
		struct load_client *c = tls ? load_connect_tls(s.port_tls) : load_connect(s.port);

		login(c, i, "login");
		load_close(&c);
	}
	bench_report(name, (double)(load_cpu_ns(s.pid) - cpu) / N / 1000, "us", NULL);
	load_stop(&s);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	take_files();
	if (!*only || strcmp(only, "memory") == 0) {
		memory("memory of an idle session, plain", PLAIN_SESSIONS, false, "at most 2.5");
		memory("memory of an idle session, TLS", TLS_SESSIONS, true, "at most 20");
	}
	if (!*only || strcmp(only, "messages") == 0) {
		messages("one-to-one message, CPU", (const char *const[]){"--archive-max", "0", NULL}, "at most 2");
		messages("one-to-one message kept in both archives, CPU", NULL, NULL);
	}
	if (!*only || strcmp(only, "logins") == 0) {
		logins("login, SCRAM-SHA-256, CPU", 10000, false, load_login_scram);
		logins("login, SCRAM-SHA-256 inside TLS, CPU", 10000, true, load_login_scram);
		logins("login, PLAIN (10000 iterations), CPU", 10000, false, load_login);
	}
	return 0;
}
