#include "link/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/addr.h"

enum { PATIENCE_MAX = 24 * 60 * 60 }; /* the system's limit for some of it is near */

struct tcp_link {
	struct link link;
	struct loop *loop;
	struct watch *watch; /* made when first needed */
	int fd;
	bool up;     /* bytes may have flowed: an error is no longer one of connecting */
	bool failed; /* connecting failed; the system tells it only once, we always */
	bool reset;  /* ended by force: what the other system had taken its program may not have read */
	char *peer;  /* of link_info; NULL if the system does not know */
	char *own;   /* our own address, in the same block; NULL */
	struct str address;
	int64_t uid; /* -1: not a unix socket */
	bool local, is_unix;
	void (*on_ready)(void *arg, int events);
	void *arg;
};

static struct tcp_link *tcp_of(struct link *k) { return CONTAINER_OF(k, struct tcp_link, link); }

/* From errno of recv or send. */
static int failure(struct tcp_link *t)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return ERR_AGAIN;
	if (!t->up) {
		t->failed = true;
		return ERR_IO;
	}
	t->reset = true;
	return errno == ECONNRESET || errno == EPIPE ? ERR_CLOSED : ERR_IO;
}

static int tcp_recv(struct link *k, void *p, size_t n)
{
	struct tcp_link *t = tcp_of(k);
	must(n > 0);
	if (t->failed)
		return ERR_IO;
	if (n > INT32_MAX)
		n = INT32_MAX;
	ssize_t got;
	do
		got = recv(t->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return failure(t);
	t->up = true;
	return got > 0 ? (int)got : ERR_CLOSED;
}

static int tcp_send(struct link *k, const void *p, size_t n)
{
	struct tcp_link *t = tcp_of(k);
	must(n > 0);
	if (t->failed)
		return ERR_IO;
	if (n > INT32_MAX)
		n = INT32_MAX;
	ssize_t sent;
	do
		sent = send(t->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent <= 0)
		return failure(t);
	t->up = true;
	return (int)sent;
}

static bool tcp_pending(struct link *k) { return false; }

static int tcp_shutdown(struct link *k)
{
	struct tcp_link *t = tcp_of(k);
	if (t->failed)
		return ERR_IO;
	if (shutdown(t->fd, SHUT_WR) == 0)
		return 0;
	/* Not connected: still connecting, or gone already. */
	if (errno != ENOTCONN)
		return ERR_IO;
	return t->up ? ERR_CLOSED : ERR_AGAIN;
}

static int tcp_want(struct link *k, int events) { return events; }

static void on_ready(void *arg, int events)
{
	struct tcp_link *t = arg;
	t->on_ready(t->arg, events);
}

static void tcp_watch(struct link *k, int events, void (*fn)(void *arg, int events), void *arg)
{
	struct tcp_link *t = tcp_of(k);
	t->on_ready = fn;
	t->arg = arg;
	if (!t->watch && events)
		t->watch = watch_new(t->loop, t->fd, on_ready, t);
	if (t->watch)
		watch_set(t->watch, events);
}

static void describe_unix(struct tcp_link *t)
{
	char text[40];
	struct ucred cred;
	socklen_t n = sizeof(cred);
	t->local = t->is_unix = true;
	if (getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return;
	t->uid = cred.uid;
	snprintf(text, sizeof(text), "unix:uid=%lld", (long long)t->uid);
	t->peer = xstrdup(text);
	t->address = str_z(t->peer);
}

/* Ours too: the system has chosen it as soon as it began to connect. */
static void keep_texts(struct tcp_link *t, const char *peer)
{
	char own[ADDR_TEXT];
	struct str host;
	struct addr a = {.n = sizeof(a.storage)};
	if (getsockname(t->fd, &a.sa, &a.n) != 0)
		a = (struct addr){0};
	addr_format(&a, own, &host);
	size_t n = strlen(peer) + 1, n_own = strlen(own) + 1;
	t->peer = xmalloc(n + n_own);
	memcpy(t->peer, peer, n);
	t->own = n_own > 1 ? memcpy(t->peer + n, own, n_own) : NULL;
}

static void describe_as(struct tcp_link *t, const struct addr *a)
{
	char text[ADDR_TEXT];
	struct str host;
	if (a->sa.sa_family == AF_UNIX) {
		describe_unix(t);
		return;
	}
	addr_format(a, text, &host);
	keep_texts(t, text);
	t->address = (struct str){t->peer + (host.p - text), host.n};
	t->local = addr_is_loopback(a);
}

/* At once, because a peer that goes away takes its address along. */
static void describe(struct tcp_link *t)
{
	struct addr a = {.n = sizeof(a.storage)};
	if (getpeername(t->fd, &a.sa, &a.n) == 0)
		describe_as(t, &a);
}

static void tcp_info(struct link *k, struct link_info *ret)
{
	struct tcp_link *t = tcp_of(k);
	struct sockaddr_storage other;
	socklen_t n = sizeof(other);
	bool there = t->up || getpeername(t->fd, (struct sockaddr *)&other, &n) == 0;
	*ret = (struct link_info){.peer = str_z(t->peer),
		.address = t->address,
		.local_address = str_z(t->own),
		.local = t->local,
		.up = there,
		.unix_uid = t->uid};
}

static int tcp_binding(struct link *k, enum link_binding kind, struct buf *out) { return ERR_UNSUPPORTED; }

static int64_t tcp_unsent(struct link *k)
{
	struct tcp_link *t = tcp_of(k);
	int n;
	if (!t->up) /* send() has taken nothing; the system would count the connecting itself */
		return t->is_unix ? -1 : 0;
	if (t->is_unix || !t->peer || ioctl(t->fd, SIOCOUTQ, &n) != 0)
		return -1;
	return n == 0 && t->reset ? 1 : n;
}

static void tcp_free(struct link *k)
{
	struct tcp_link *t = tcp_of(k);
	watch_free(&t->watch);
	close(t->fd);
	xfree(t->peer);
	xfree(t);
}

static const struct link_ops ops = {
	.name = "tcp",
	.recv = tcp_recv,
	.send = tcp_send,
	.pending = tcp_pending,
	.shutdown = tcp_shutdown,
	.want = tcp_want,
	.watch = tcp_watch,
	.info = tcp_info,
	.binding = tcp_binding,
	.unsent = tcp_unsent,
	.free = tcp_free,
};

static struct tcp_link *new_link(struct loop *l, int fd, bool up)
{
	struct tcp_link *t = xcalloc(1, sizeof(*t));
	t->link.ops = &ops;
	t->loop = l;
	t->fd = fd;
	t->up = up;
	t->uid = -1;
	return t;
}

static void set_number(int fd, int level, int option, unsigned value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/* The first question after half of the time, so that there is time for more than one. */
void tcp_link_patience(struct link *k, unsigned seconds)
{
	if (k->ops != &ops || tcp_of(k)->is_unix)
		return;
	int fd = tcp_of(k)->fd;
	must(seconds > 0 && seconds <= PATIENCE_MAX);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, (seconds + 1) / 2);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, (seconds + 5) / 6);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

struct link *tcp_link_new(struct loop *l, int fd)
{
	int on = 1;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* refused by unix sockets */
	struct tcp_link *t = new_link(l, fd, true);
	describe(t);
	return &t->link;
}

int tcp_dial(struct loop *l, struct str address, struct link **ret)
{
	struct addr a;
	int on = 1;
	if (addr_parse(address, &a) != 0 || a.any)
		return ERR_SYNTAX;
	int fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bool up = connect(fd, &a.sa, a.n) == 0;
	if (!up && errno != EINPROGRESS) {
		int saved = errno;
		close(fd);
		errno = saved;
		/* A unix listener whose queue is full cannot be waited for. */
		return saved == EAGAIN ? ERR_BUSY : saved == EACCES ? ERR_DENIED : ERR_IO;
	}
	struct tcp_link *t = new_link(l, fd, up);
	describe_as(t, &a);
	*ret = &t->link;
	return 0;
}
