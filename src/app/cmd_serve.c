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

#include "app/commands.h"
#include "app/server.h"
#include "base/err.h"

static const char usage[] =
	"Usage: wireside serve [OPTION]...\n\n"
	"Runs a chat server. Nothing has to be configured: the first start makes the data folder and a certificate\n"
	"and says where clients connect. Ends on SIGINT and SIGTERM, reads the certificate again on SIGHUP.\n\n";
static const char examples[] = "\nExamples:\n"
			       "  wireside serve\n"
			       "  wireside serve --domain example.org --certificate fullchain.pem --key privkey.pem\n"
			       "  wireside serve -c /etc/wireside.conf --log debug\n";

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

/* People compare this with what their client shows. */
static void show_certificate(const char *file)
{
	struct cert_info info;

	if (cert_read(file, &info) == 0 && info.self_signed)
		printf("Certificate: %s, self-signed, so clients have to be told to trust it; SHA-256\n  %s\n", file,
			info.sha256);
}

static void greet(const struct server *s, const struct config *c)
{
	struct buf text;

	buf_init(&text, 65536);
	server_addresses(s, &text);
	if (c->ready_fd >= 0) {
		buf_z(&text, "ready\n");
		if (write(c->ready_fd, text.p, text.n) < 0)
			log_warn("ready_fd", "error=\"%s\"", strerror(errno));
		close(c->ready_fd);
	} else {
		printf("Wireside %s serves", WIRESIDE_VERSION);
		for (unsigned i = 0; i < c->domains.n; i++)
			printf(" %s", c->domains.item[i]);
		printf(". Clients connect at:\n%s", buf_cstr(&text));
		show_certificate(server_certificate(s));
		printf("Data: %s\nAdd a user:  wireside user add NAME@%s%s%s\n", c->data, c->domains.item[0],
			c->data_given ? " --data " : "", c->data_given ? c->data : "");
	}
	if (!c->limits)
		fputs("wireside: rate limits are off: only for load tests\n", stderr);
	if (c->allow_plaintext)
		fputs("wireside: passwords may cross the network unprotected (--allow-plaintext)\n", stderr);
	fflush(stdout);
	buf_clear(&text);
}

static int run(const struct config *c)
{
	struct running r = {.loop = loop_new()};
	struct buf why;
	int err;

	buf_init(&why, 4096);
	err = server_new(r.loop, c, &r.server, &why);
	if (!err)
		err = server_open(r.server, &why);
	if (err) {
		fprintf(stderr, "wireside: %s%s\n", buf_cstr(&why),
			r.server || c->data_given ? "" : " (--data names another data folder)");
	} else {
		loop_on_signal(r.loop, SIGINT, on_end_signal, &r);
		loop_on_signal(r.loop, SIGTERM, on_end_signal, &r);
		loop_on_signal(r.loop, SIGHUP, on_hangup, &r);
		greet(r.server, c);
		notify("READY=1");
		loop_run(r.loop);
	}
	server_free(&r.server);
	loop_free(&r.loop);
	buf_clear(&why);
	return err ? 1 : 0;
}

static void help(void)
{
	struct buf out;

	buf_init(&out, 65536);
	config_help(&out);
	printf("%s%s%s", usage, buf_cstr(&out), examples);
	buf_clear(&out);
}

int cmd_serve(int argc, char **argv)
{
	struct config c;
	struct buf why;
	int err, status;

	if (wants_help(argc, argv)) {
		help();
		return 0;
	}
	buf_init(&why, 4096);
	err = config_read(argc, argv, &c, &why);
	if (err) {
		fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
		buf_clear(&why);
		return 2;
	}
	buf_clear(&why);
	log_set_level((enum log_level)c.log_level);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	raise_file_limit();
	status = run(&c);
	config_clear(&c);
	return status;
}
