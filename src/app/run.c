#include "app/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/served.h"
#include "base/err.h"
#include "base/log.h"

static void on_stopped(void *arg) { loop_stop(arg); }

struct running {
	struct loop *loop;
	struct server *server;
};

/* systemd, when it started us and waits for this (Type=notify), knows when clients may connect. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(un.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(un.sun_path, path, n);
	if (*path == '@')
		un.sun_path[0] = '\0'; /* a name without a file */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn("notify", "socket=%s error=\"%s\"", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void on_end_signal(void *arg, int signum)
{
	struct running *r = arg;

	log_info("server_stop", "by=signal number=%d", signum);
	server_stop(r->server, on_stopped, r->loop);
}

static void on_hangup(void *arg, int signum)
{
	struct running *r = arg;
	struct buf why;

	(void)signum;
	buf_init(&why, 1024);
	if (!server_reload(r->server, &why))
		log_error("certificate_reload", "why=\"%s\" kept=old", buf_cstr(&why));
	buf_clear(&why);
}

/* Every connection is a descriptor: take all that may be had. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Whoever started us need not give up: another one runs on these data, or comes up just now. Where our standard error goes is told to
 * nobody then: it may be the log of that one. */
static bool say_busy(const struct config *c, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = 8192};

	if (c->ready_fd < 0)
		return false;
	buf_fmt(&text, "busy\n%.*s\n", STR_FMT(buf_view(why)));
	return write(c->ready_fd, text.p, text.n) >= 0;
}

static void complain(const struct config *c, const struct server *s, const struct buf *why)
{
	fprintf(stderr, "wireside: %.*s%s\n", STR_FMT(buf_view(why)),
		s || c->data_given ? "" : " (--data names another data folder)");
}

/* Whoever started us with --ready-fd wants the addresses, nobody else to read a greeting. */
static void say_ready(const struct server *s, const struct config *c, run_greeting *greet)
{
	struct buf text;

	if (c->ready_fd < 0) {
		greet(s, c);
		return;
	}
	buf_init(&text, 65536);
	server_addresses(s, &text);
	buf_z(&text, "ready\n");
	if (write(c->ready_fd, text.p, text.n) < 0)
		log_warn("ready_fd", "error=\"%s\"", strerror(errno));
	close(c->ready_fd);
	buf_clear(&text);
}

int run_server(const struct config *c, run_greeting *greet)
{
	struct running r = {.loop = loop_new()};
	struct buf why;
	bool told;
	int err;

	signal(SIGPIPE, SIG_IGN);
	umask(077);
	raise_file_limit();
	buf_init(&why, 4096);
	err = server_new(r.loop, c, &r.server, &why);
	told = err == ERR_BUSY && say_busy(c, &why);
	if (!err)
		err = server_open(r.server, &why);
	if (err && !told) {
		complain(c, r.server, &why);
	} else if (!err) {
		if (c->use == CONFIG_SERVE)
			served_note(c);
		loop_on_signal(r.loop, SIGINT, on_end_signal, &r);
		loop_on_signal(r.loop, SIGTERM, on_end_signal, &r);
		loop_on_signal(r.loop, SIGHUP, on_hangup, &r);
		while (!server_settled(r.server))
			loop_step(r.loop, true);
		say_ready(r.server, c, greet);
		notify("READY=1");
		loop_run(r.loop);
	}
	server_free(&r.server);
	loop_free(&r.loop);
	buf_clear(&why);
	return err ? 1 : 0;
}
