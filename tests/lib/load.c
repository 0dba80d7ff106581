#include "tests/lib/load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

/* ---- processes ---- */

static void make_accounts(const char *dir, unsigned accounts, unsigned iterations)
{
	struct scram_keys keys[2];
	struct store_batch *batch = store_batch_new();
	struct msgs in = {0}, out = {0};
	struct buf why, packed[2];
	struct db *db;

	buf_init(&why, 1024);
	if (db_open(dir, &db, &why) != 0)
		die(buf_cstr(&why));
	for (int i = 0; i < 2; i++) {
		scram_derive(i ? HASH_SHA256 : HASH_SHA1, STR("secret"), STR("0123456789abcdef"), iterations, &keys[i]);
		buf_init(&packed[i], 1024);
		store_keys_pack(&packed[i], &keys[i]);
	}
	for (unsigned i = 0; i < accounts; i++) {
		char name[24];

		snprintf(name, sizeof(name), "u%u", i);
		store_put(batch, STORE_ACCOUNT_PUT, STR("localhost"), str_z(name), (int64_t)clock_wall(),
			buf_view(&packed[0]), buf_view(&packed[1]));
	}
	batch->number = 1;
	msgs_add(&in)->kind = MSG_STORE_BATCH;
	in.m[0].store_batch.batch = TAKE(batch);
	db_put(db, &in);
	db_step(db, &out);
	msgs_clear(&out);
	msgs_clear(&in);
	db_close(&db);
	for (int i = 0; i < 2; i++)
		buf_clear(&packed[i]);
}

static int port_of(const char *line, const char *name)
{
	const char *p = strstr(line, name);

	return p ? atoi(strchr(p, ':') + 1) : 0;
}

static void read_ports(struct load_server *s, int fd)
{
	char text[4096];
	size_t n = 0;
	ssize_t k;

	while (n < sizeof(text) - 1 && (k = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)k;
	text[n] = '\0';
	if (!strstr(text, "ready"))
		die("the server did not get ready");
	s->port = port_of(text, "c2s ");
	s->port_tls = port_of(text, "c2s-tls ");
}

void load_start(struct load_server *s, unsigned accounts, unsigned iterations, const char *const *more)
{
	const char *program = getenv("WIRESIDE");
	const char *args[64] = {"wireside", "serve", "--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0",
		"--allow-plaintext", "--limits", "off", "--log", "error", "--ready-fd", "9", "--data", s->data};
	int n = 15, ends[2];

	if (!program)
		die("WIRESIDE does not name the program");
	strcpy(s->data, "/tmp/wireside-bench-XXXXXX");
	if (!mkdtemp(s->data) || pipe(ends) != 0)
		die("scratch folder");
	make_accounts(s->data, accounts, iterations);
	for (; more && *more && n < 62; more++)
		args[n++] = *more;
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives a bench that was interrupted */
		dup2(ends[1], 9);
		close(ends[1]);
		close(ends[0]);
		execv(program, (char *const *)args);
		_exit(127);
	}
	close(ends[1]);
	read_ports(s, ends[0]);
	close(ends[0]);
}

void load_stop(struct load_server *s)
{
	char command[128];

	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	if (s->data[0]) {
		snprintf(command, sizeof(command), "rm -rf '%s'", s->data);
		if (system(command) != 0)
			die(command);
	}
}

int64_t load_cpu_ns(pid_t pid)
{
	char path[128];
	int64_t sum = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		die(path);
	while ((e = readdir(d))) {
		long long ns;
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", (int)pid, e->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lld", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	closedir(d);
	return sum;
}

/* ---- the relay: what the machine costs when nobody thinks ---- */

static void set_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void copy_to(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			_exit(1);
		p += k;
		n -= (size_t)k;
	}
}

/* A group is listened to when all of it are there: what came before would reach a part of it, and be waited for for ever. */
static void relay_accept(int ep, int listener, int *fds, unsigned *n, unsigned group)
{
	fds[*n] = accept(listener, NULL, NULL);
	set_nodelay(fds[*n]);
	++*n;
	for (unsigned i = *n - group; *n % group == 0 && i < *n; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};

		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	}
}

static void relay_run(int listener, unsigned group, bool to_all)
{
	static int fds[65536];
	static char buf[65536];
	struct epoll_event events[256], ev = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
	int ep = epoll_create1(0);
	unsigned n = 0;

	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int ready = epoll_wait(ep, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			unsigned from = events[i].data.u32, first = from / group * group;
			ssize_t k;

			if (from == UINT32_MAX) {
				relay_accept(ep, listener, fds, &n, group);
				continue;
			}
			k = recv(fds[from], buf, sizeof(buf), 0);
			if (k <= 0)
				epoll_ctl(ep, EPOLL_CTL_DEL, fds[from], NULL);
			for (unsigned to = first; k > 0 && to < first + group; to++)
				if (to_all || to != from)
					copy_to(fds[to], buf, (size_t)k);
		}
	}
}

struct load_server load_relay(unsigned group, bool to_all)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	struct load_server s = {0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(fd, 1024) != 0)
		die("relay");
	getsockname(fd, (struct sockaddr *)&in, &len);
	s.port = ntohs(in.sin_port);
	s.pid = fork();
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		relay_run(fd, group, to_all);
	}
	close(fd);
	return s;
}

/* ---- clients ---- */

struct load_client *load_connect(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	struct load_client *c = xcalloc(1, sizeof(*c));

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		die("connect");
	set_nodelay(c->fd);
	return c;
}

struct load_client *load_connect_tls(int port)
{
	static SSL_CTX *ctx;
	struct load_client *c = load_connect(port);

	if (!ctx) {
		ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	}
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1)
		die("TLS");
	return c;
}

void load_send(struct load_client *c, const char *bytes, size_t n)
{
	while (n) {
		ssize_t k = c->ssl ? SSL_write(c->ssl, bytes, (int)n) : send(c->fd, bytes, n, MSG_NOSIGNAL);

		if (k <= 0)
			die("send");
		bytes += k;
		n -= (size_t)k;
	}
}

static void read_some(struct load_client *c)
{
	ssize_t k;

	if (c->n == sizeof(c->buf))
		die("more than a buffer without what was expected");
	k = c->ssl ? SSL_read(c->ssl, c->buf + c->n, (int)(sizeof(c->buf) - c->n))
		   : recv(c->fd, c->buf + c->n, sizeof(c->buf) - c->n, 0);
	if (k <= 0) {
		fprintf(stderr, "bench: the last that came: %.*s\n", (int)c->n, c->buf);
		die("recv");
	}
	c->n += (size_t)k;
}

static void drop(struct load_client *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->n - n);
	c->n -= n;
}

size_t load_expect(struct load_client *c, const char *text)
{
	size_t len = strlen(text);
	char *at;

	while (!(at = memmem(c->buf, c->n, text, len)))
		read_some(c);
	len += (size_t)(at - c->buf);
	drop(c, len);
	return len;
}

void load_skip(struct load_client *c, size_t n)
{
	while (n) {
		size_t part = n < c->n ? n : c->n;

		drop(c, part);
		n -= part;
		if (n)
			read_some(c);
	}
}

void load_close(struct load_client **client)
{
	struct load_client *c = TAKE(*client);

	if (c->ssl)
		SSL_free(c->ssl);
	close(c->fd);
	xfree(c);
}

static void say(struct load_client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct load_client *c, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	load_send(c, text, (size_t)n);
}

static const char header[] =
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";

/* <element xmlns=sasl ..>base64</element> */
static void say_sasl(struct load_client *c, const char *open, const char *close, struct str data)
{
	struct buf b64;

	buf_init(&b64, 8192);
	b64_encode(&b64, data.p, data.n);
	say(c, "%s%s%s", open, buf_cstr(&b64), close);
	buf_clear(&b64);
}

/* The text of the next <challenge/> or <success/>, decoded into out. */
static void take_sasl(struct load_client *c, const char *name, struct buf *out)
{
	char *end;

	load_expect(c, name);
	load_expect(c, ">");
	while (!(end = memchr(c->buf, '<', c->n)))
		read_some(c);
	if (b64_decode(out, (struct str){c->buf, (size_t)(end - c->buf)}) != 0)
		die("base64");
	drop(c, (size_t)(end - c->buf));
}

static void begin_session(struct load_client *c, const char *resource)
{
	say(c, "%s", header);
	load_expect(c, "</stream:features>");
	say(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource></bind></iq>",
		resource);
	load_expect(c, "</iq>");
	say(c, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
	load_expect(c, "id='r'");
	say(c, "<presence/>");
	load_expect(c, "<presence");
	load_expect(c, ">");
}

void load_login(struct load_client *c, unsigned number, const char *resource)
{
	char plain[64];
	int n = snprintf(plain, sizeof(plain), "%cu%u%csecret", 0, number, 0);

	say(c, "%s", header);
	load_expect(c, "</stream:features>");
	say_sasl(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>", "</auth>",
		(struct str){plain, (size_t)n});
	load_expect(c, "<success");
	begin_session(c, resource);
}

void load_login_scram(struct load_client *c, unsigned number, const char *resource)
{
	struct scram_client *scram;
	struct buf in, out;
	char name[24];

	snprintf(name, sizeof(name), "u%u", number);
	scram = scram_client_new(HASH_SHA256, str_z(name), STR("secret"), NULL, STR_NONE);
	buf_init(&in, 8192);
	buf_init(&out, 8192);
	say(c, "%s", header);
	load_expect(c, "</stream:features>");
	scram_client_first(scram, &out);
	say_sasl(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>", "</auth>",
		buf_view(&out));
	take_sasl(c, "<challenge", &in);
	buf_reset(&out);
	if (scram_client_challenge(scram, buf_view(&in), &out) != 0)
		die("challenge");
	say_sasl(c, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "</response>", buf_view(&out));
	buf_reset(&in);
	take_sasl(c, "<success", &in);
	if (scram_client_final(scram, buf_view(&in)) != 0)
		die("the server does not know the password");
	load_expect(c, ">"); /* of </success> */
	begin_session(c, resource);
	scram_client_free(&scram);
	buf_clear(&in);
	buf_clear(&out);
}
