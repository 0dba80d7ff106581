#include "tests/lib/crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tests/lib/bench.h"

enum {
	TEXT_MAX = 32, /* of what is looked for, and as much is kept of the end of a chunk */
	CHUNK = 262144,
	TIMES_MAX = 1 << 22,
	SILENCE_MS = 60000,
	UNSENT_MAX = 1 << 26
};

struct member {
	int fd;
	char tail[TEXT_MAX]; /* of what was read, in which a mark may have begun */
	unsigned tail_len;
	bool seen;
	uint64_t bytes;
	unsigned times; /* that something came */
	struct buf unsent;
};

struct delivery {
	int64_t ns;
	unsigned member;
};

struct crowd {
	struct member *members;
	unsigned n, n_unsent;
	int epoll;
	uint64_t messages, bytes;
	unsigned seen;
	char text[TEXT_MAX + 1], counted[TEXT_MAX + 1];
	struct delivery *times;
	unsigned n_times;
	char chunk[TEXT_MAX + CHUNK];
};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

struct crowd *crowd_new(struct load_client **clients, unsigned n)
{
	struct crowd *c = xcalloc(1, sizeof(*c));

	c->members = xcalloc(n, sizeof(*c->members));
	c->n = n;
	c->times = xcalloc(TIMES_MAX, sizeof(*c->times));
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < n; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};

		c->members[i].fd = clients[i]->fd;
		buf_init(&c->members[i].unsent, UNSENT_MAX);
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, clients[i]->fd, &ev) != 0)
			die("epoll");
	}
	return c;
}

void crowd_free(struct crowd **crowd)
{
	struct crowd *c = TAKE(*crowd);

	for (unsigned i = 0; i < c->n; i++)
		buf_clear(&c->members[i].unsent);
	close(c->epoll);
	xfree(c->members);
	xfree(c->times);
	xfree(c);
}

/* ---- reading ---- */

static const char crowd_mark_text[] = CROWD_MARK;

/* A mark begins with a byte that is nowhere else in what servers send, so that looking for it is quick: what the clients of a
 * bench need, the server has to wait for. */
static const char *find(const char *text, const char *p, const char *end)
{
	size_t n = strlen(text);

	if (text != crowd_mark_text)
		return memmem(p, (size_t)(end - p), text, n);
	while ((p = memchr(p, CROWD_MARK[0], (size_t)(end - p))) && (size_t)(end - p) >= n && memcmp(p, text, n) != 0)
		p++;
	return p && (size_t)(end - p) >= n ? p : NULL;
}

/* What lies whole in the old bytes was counted when it came. */
static void count(struct crowd *c, unsigned member, const char *p, const char *end, int64_t now)
{
	size_t len = c->counted[0] ? strlen(c->counted) : CROWD_MARK_LEN;
	const char *text = c->counted[0] ? c->counted : crowd_mark_text, *at = p;

	while ((at = find(text, at, end)) && (size_t)(end - at) >= len) {
		if (at + len > p + c->members[member].tail_len) {
			c->messages++;
			if (!c->counted[0] && c->n_times < TIMES_MAX)
				c->times[c->n_times++] =
					(struct delivery){now - strtoll(at + strlen(CROWD_MARK), NULL, 10), member};
		}
		at += len;
	}
}

static void look(struct crowd *c, struct member *m, const char *p, const char *end)
{
	if (!c->text[0] || m->seen || !memmem(p, (size_t)(end - p), c->text, strlen(c->text)))
		return;
	m->seen = true;
	c->seen++;
}

static void read_member(struct crowd *c, unsigned member)
{
	struct member *m = &c->members[member];
	char *p = c->chunk + TEXT_MAX - m->tail_len;
	ssize_t k = recv(m->fd, c->chunk + TEXT_MAX, CHUNK, MSG_DONTWAIT);
	const char *end = c->chunk + TEXT_MAX + k;

	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k <= 0)
		die("a client of the crowd was thrown out");
	memcpy(p, m->tail, m->tail_len);
	c->bytes += (uint64_t)k;
	m->bytes += (uint64_t)k;
	m->times++;
	count(c, member, p, end, bench_wall_ns());
	look(c, m, p, end);
	m->tail_len = end - p < TEXT_MAX ? (unsigned)(end - p) : TEXT_MAX;
	memcpy(m->tail, end - m->tail_len, m->tail_len);
}

static void send_rest(struct crowd *c, struct member *m)
{
	struct str rest = buf_view(&m->unsent);
	ssize_t k = send(m->fd, rest.p, rest.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (k < 0 && errno != EAGAIN)
		die("send");
	if (k > 0)
		buf_eat(&m->unsent, (size_t)k);
	if (!buf_view(&m->unsent).n)
		c->n_unsent--;
}

bool crowd_read(struct crowd *c, int wait_ms)
{
	struct epoll_event events[256];
	int n;

	for (unsigned i = 0; c->n_unsent && i < c->n; i++)
		if (buf_view(&c->members[i].unsent).n)
			send_rest(c, &c->members[i]);
	n = epoll_wait(c->epoll, events, 256, c->n_unsent ? 1 : wait_ms);
	for (int i = 0; i < n; i++)
		read_member(c, events[i].data.u32);
	return n > 0;
}

void crowd_wait(struct crowd *c, uint64_t messages, uint64_t bytes)
{
	int64_t last = bench_wall_ns();

	while (c->messages < messages || c->bytes < bytes) {
		if (crowd_read(c, 1000))
			last = bench_wall_ns();
		else if (bench_wall_ns() - last > SILENCE_MS * INT64_C(1000000))
			fprintf(stderr, "bench: %" PRIu64 " of %" PRIu64 " messages came\n", c->messages, messages),
				exit(1);
	}
}

void crowd_send(struct crowd *c, unsigned from, const char *bytes, size_t n)
{
	struct member *m = &c->members[from];
	bool waits = buf_view(&m->unsent).n > 0;

	buf_add(&m->unsent, bytes, n);
	if (!buf_ok(&m->unsent))
		die("too much unsent");
	c->n_unsent += !waits;
	if (!waits)
		send_rest(c, m);
}

void crowd_mark(char *out) { snprintf(out, CROWD_MARK_LEN + 1, CROWD_MARK "%020" PRId64, bench_wall_ns()); }

/* ---- asking ---- */

uint64_t crowd_messages(const struct crowd *c) { return c->messages; }
uint64_t crowd_bytes(const struct crowd *c) { return c->bytes; }

uint64_t crowd_bytes_of(const struct crowd *c, unsigned member, unsigned *ret_times)
{
	*ret_times = c->members[member].times;
	return c->members[member].bytes;
}
unsigned crowd_seen(const struct crowd *c) { return c->seen; }

static int by_size(const void *a, const void *b)
{
	int64_t x = ((const struct delivery *)a)->ns, y = ((const struct delivery *)b)->ns;

	return (x > y) - (x < y);
}

int64_t crowd_latency_of(struct crowd *c, unsigned from, unsigned to, double share)
{
	unsigned n = 0, at = 0;

	qsort(c->times, c->n_times, sizeof(*c->times), by_size);
	for (unsigned i = 0; i < c->n_times; i++)
		n += c->times[i].member >= from && c->times[i].member < to;
	for (unsigned i = 0; i < c->n_times; i++)
		if (c->times[i].member >= from && c->times[i].member < to && at++ == (unsigned)(share * (n - 1)))
			return c->times[i].ns;
	return 0;
}

int64_t crowd_latency(struct crowd *c, double share) { return crowd_latency_of(c, 0, c->n, share); }

void crowd_forget(struct crowd *c) { c->n_times = 0; }

void crowd_count(struct crowd *c, const char *text) { snprintf(c->counted, sizeof(c->counted), "%s", text); }

void crowd_look_for(struct crowd *c, const char *text)
{
	snprintf(c->text, sizeof(c->text), "%s", text ? text : "");
	c->seen = 0;
	for (unsigned i = 0; i < c->n; i++) {
		c->members[i].seen = false;
		c->members[i].tail_len = 0;
	}
}
