#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/addr.h"
#include "link/tcp.h"

enum {
	ACCEPTS_A_TURN = 64, /* others want their turn too */
	PAUSE = 1000,        /* ms without accepting when the process has run out of something */
	BACKLOG = 1024,
};

struct listener {
	struct loop *loop;
	struct watch *watch;
	int fd;
	listener_fn *on_accept;
	void *arg;
	struct timer pause;
	bool accepting, freed; /* freed by its own callback: the memory goes when that is over */
	char *path;            /* of a unix socket */
	dev_t dev;             /* and which file it was */
	ino_t ino;
	char text[sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int from_errno(void)
{
	if (errno == EADDRINUSE)
		return ERR_BUSY;
	return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO;
}

/* The connection was accepted and is lost, the next may be fine. */
static bool is_passing(int e)
{
	return e == EINTR || e == ECONNABORTED || e == EPROTO || e == ENETDOWN || e == ENOPROTOOPT || e == EHOSTDOWN ||
		e == ENONET || e == EHOSTUNREACH || e == EOPNOTSUPP || e == ENETUNREACH || e == EPERM;
}

static void pause_accepting(struct listener *s)
{
	watch_set(s->watch, 0);
	timer_start(loop_timers(s->loop), &s->pause, loop_now(s->loop) + PAUSE);
}

static void on_pause_over(struct timer *t)
{
	struct listener *s = CONTAINER_OF(t, struct listener, pause);
	watch_set(s->watch, WATCH_READ);
}

static void on_ready(void *arg, int events)
{
	struct listener *s = arg;
	s->accepting = true;
	for (int i = 0; i < ACCEPTS_A_TURN && !s->freed; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			s->on_accept(s->arg, fd);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			break;
		} else if (!is_passing(errno)) {
			pause_accepting(s);
			break;
		}
	}
	s->accepting = false;
	if (s->freed)
		xfree(s);
}

static struct listener *start(struct loop *l, int fd, listener_fn *on_accept, void *arg)
{
	struct listener *s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->fd = fd;
	s->on_accept = on_accept;
	s->arg = arg;
	s->pause.fire = on_pause_over;
	s->watch = watch_new(l, fd, on_ready, s);
	watch_set(s->watch, WATCH_READ);
	return s;
}

static int bind_and_listen(int fd, const struct addr *a)
{
	if (bind(fd, &a->sa, a->n) != 0 || listen(fd, BACKLOG) != 0)
		return from_errno();
	return 0;
}

static int open_tcp(const struct addr *a, int *ret)
{
	int on = 1, six_only = !a->any;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof(six_only));
	int err = bind_and_listen(fd, a);
	if (err) {
		int saved = errno;
		close(fd);
		errno = saved;
		return err;
	}
	*ret = fd;
	return 0;
}

/* A machine may have IPv6 switched off: then both families are one. */
static int open_any(struct addr *a, int *ret)
{
	int err = open_tcp(a, ret);
	if (err != ERR_IO)
		return err;
	in_port_t port = a->in6.sin6_port;
	*a = (struct addr){.n = sizeof(a->in4), .any = true};
	a->in4.sin_family = AF_INET;
	a->in4.sin_port = port;
	return open_tcp(a, ret);
}

bool listener_tcp_reads(struct str address)
{
	struct addr a;
	return addr_parse(address, &a) == 0 && a.sa.sa_family != AF_UNIX;
}

bool listener_tcp_is_loopback(struct str address)
{
	struct addr a;
	return addr_parse(address, &a) == 0 && addr_is_loopback(&a);
}

int listener_tcp(struct loop *l, struct str address, listener_fn *on_accept, void *arg, struct listener **ret)
{
	struct addr a;
	int fd;
	if (addr_parse(address, &a) != 0 || a.sa.sa_family == AF_UNIX)
		return ERR_SYNTAX;
	int err = a.any ? open_any(&a, &fd) : open_tcp(&a, &fd);
	if (err)
		return err;
	struct listener *s = start(l, fd, on_accept, arg);
	char text[ADDR_TEXT];
	struct str host;
	a.n = sizeof(a.storage);
	getsockname(fd, &a.sa, &a.n);
	addr_format(&a, text, &host);
	snprintf(s->text, sizeof(s->text), "%s", text);
	*ret = s;
	return 0;
}

int listener_tcp_from(struct loop *l, struct str host, uint16_t first, uint16_t last, listener_fn *on_accept, void *arg,
	struct listener **ret)
{
	int err = ERR_BUSY;
	if (host.n >= ADDR_TEXT)
		return ERR_SYNTAX;
	for (unsigned port = first; port <= last && err == ERR_BUSY; port++) {
		char text[ADDR_TEXT + 8];
		int n = snprintf(text, sizeof(text), "%.*s:%u", STR_FMT(host), port);
		err = listener_tcp(l, (struct str){text, (size_t)n}, on_accept, arg, ret);
	}
	return err;
}

/* Clears the way: a socket on which nobody listens is left over from a crash. */
static int remove_stale(const char *path, const struct addr *a)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : from_errno();
	if (!S_ISSOCK(st.st_mode))
		return ERR_EXISTS;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	bool answered = connect(fd, &a->sa, a->n) == 0 || errno == EAGAIN;
	int saved = errno;
	close(fd);
	if (answered)
		return ERR_BUSY;
	errno = saved;
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : from_errno();
	return unlink(path) == 0 || errno == ENOENT ? 0 : from_errno();
}

/* The mode is set before the name exists, so that there is no moment at which others may connect; the
 * umask may have taken bits away, so once more after it. */
static int bind_unix(int fd, const char *path, unsigned mode, const struct addr *a)
{
	fchmod(fd, mode);
	if (bind(fd, &a->sa, a->n) != 0)
		return from_errno();
	if (chmod(path, mode) == 0 && listen(fd, BACKLOG) == 0)
		return 0;
	int err = from_errno();
	unlink(path);
	return err;
}

int listener_unix(struct loop *l, const char *path, unsigned mode, listener_fn *on_accept, void *arg,
	struct listener **ret)
{
	struct addr a;
	struct stat st;
	int err = addr_unix(str_z(path), &a);
	if (!err)
		err = remove_stale(path, &a);
	if (err)
		return err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	err = bind_unix(fd, path, mode, &a);
	if (!err && lstat(path, &st) != 0)
		err = ERR_IO;
	if (err) {
		close(fd);
		return err;
	}
	struct listener *s = start(l, fd, on_accept, arg);
	s->path = xstrdup(path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	snprintf(s->text, sizeof(s->text), "unix:%s", path);
	*ret = s;
	return 0;
}

struct str listener_address(const struct listener *s) { return str_z(s->text); }

/* Only our own file: another process may have put its socket in this place since. */
static void remove_own(const struct listener *s)
{
	struct stat st;
	if (s->path && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
}

void listener_free(struct listener **s)
{
	struct listener *o = TAKE(*s);
	if (!o)
		return;
	timer_stop(loop_timers(o->loop), &o->pause);
	watch_free(&o->watch);
	remove_own(o);
	close(o->fd);
	xfree(o->path);
	o->freed = true;
	if (!o->accepting)
		xfree(o);
}
