/* `wireside check`: reads everything a server would use, changes nothing, and says what to do about what is wrong. */
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/control.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "db/db.h"
#include "link/tcp.h"
#include "link/tls.h"

struct report {
	const struct config *config;
	bool running; /* a server lives on this data */
	unsigned warnings, errors;
};

enum level { GOOD, NOTE, WARNING, ERROR };

static void say(struct report *r, enum level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct report *r, enum level level, const char *fmt, ...)
{
	static const char *const marks[] = {"ok     ", "note   ", "warning", "error  "};
	va_list ap;

	r->warnings += level == WARNING;
	r->errors += level == ERROR;
	printf("%s  ", marks[level]);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- the parts ---- */

/* What root left there while working on a stopped server's data, the server may not be able to open. */
static void check_owners(struct report *r, uid_t owner)
{
	static const char *const names[] = {"wireside.db", "wireside.db-wal", "wireside.db-shm", "wireside.lock",
		"cert.pem", "key.pem", "secret", "served"};
	char path[4096];
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->config->data, names[i]);
		if (stat(path, &st) == 0 && st.st_uid != owner)
			say(r, ERROR, "%s: belongs to user %u, the folder to user %u; `chown --reference=%s %s`", path,
				(unsigned)st.st_uid, (unsigned)owner, r->config->data, path);
	}
}

static void check_data(struct report *r)
{
	const char *words[] = {"status"};
	struct buf out;
	struct stat st;
	char path[4096];

	if (stat(r->config->data, &st) != 0 && errno == ENOENT) {
		say(r, NOTE, "data folder %s: not there yet; the first start makes it", r->config->data);
		return;
	}
	if (access(r->config->data, R_OK | W_OK | X_OK) != 0) {
		say(r, ERROR, "data folder %s: %s; run this as the user that runs the server, or as root",
			r->config->data, strerror(errno));
		return;
	}
	if (st.st_mode & 077)
		say(r, WARNING, "data folder %s: others may enter it; `chmod 700 %s`", r->config->data,
			r->config->data);
	else
		say(r, GOOD, "data folder %s", r->config->data);
	snprintf(path, sizeof(path), "%s/control.sock", r->config->data);
	buf_init(&out, 65536);
	r->running = control_call(path, words, 1, &out) == 0;
	say(r, GOOD, "server: %s", r->running ? "running" : "not running");
	buf_clear(&out);
	check_owners(r, st.st_uid);
}

static void check_store(struct report *r)
{
	struct buf text;
	char path[4096];
	struct str rest;
	int err;

	snprintf(path, sizeof(path), "%s/wireside.db", r->config->data);
	if (access(path, F_OK) != 0)
		return;
	buf_init(&text, 65536);
	err = db_check(r->config->data, &text);
	rest = str_trim(buf_view(&text));
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		say(r, err ? NOTE : GOOD, "store: %.*s", STR_FMT(line));
	}
	if (err)
		say(r, ERROR, "store %s: %s; %s", path, err_name(err),
			err == ERR_VERSION          ? "use the newer program, or a backup made before"
				: err == ERR_DENIED ? "run this as the user that runs the server"
						    : "put back a backup (see `wireside backup --help`)");
	buf_clear(&text);
}

static void check_certificate_for(struct report *r, const char *cert, const struct cert_info *info, const char *domain)
{
	if (cert_serves(cert, domain))
		say(r, GOOD, "%s: certificate %s", domain, cert);
	else
		say(r, WARNING, "%s: certificate %s is not for it (it names: %s); clients will refuse or warn", domain,
			cert, info->names);
}

static void check_certificate(struct report *r)
{
	const struct config *c = r->config;
	struct cert_info info;
	struct tls_ctx *ctx = NULL;
	char cert[4096], key[4096];
	int64_t days;
	struct buf why;

	snprintf(cert, sizeof(cert), "%s%s", c->certificate ? c->certificate : c->data,
		c->certificate ? "" : "/cert.pem");
	snprintf(key, sizeof(key), "%s%s", c->key ? c->key : c->data, c->key ? "" : "/key.pem");
	if (!c->certificate && access(cert, F_OK) != 0) {
		say(r, NOTE, "certificate: none yet; the first start makes a self-signed one");
		return;
	}
	buf_init(&why, 1024);
	/* As the server would read them: that says why not. */
	if (tls_server_new(cert, key, &ctx, &why) != 0 || cert_read(cert, &info) != 0) {
		say(r, ERROR, "certificate %s with key %s: %s", cert, key, why.n ? buf_cstr(&why) : "cannot be read");
		tls_ctx_free(&ctx);
		buf_clear(&why);
		return;
	}
	buf_clear(&why);
	tls_ctx_free(&ctx);
	days = (info.not_after - clock_wall()) / 86400000;
	if (days < 0)
		say(r, ERROR, "certificate %s: expired %lld days ago; renew it, then `wireside reload`", cert,
			(long long)-days);
	else if (days < 14)
		say(r, WARNING, "certificate %s: expires in %lld days", cert, (long long)days);
	if (info.self_signed)
		say(r, NOTE, "certificate %s: self-signed; people must trust it by hand (SHA-256 %s)", cert,
			info.sha256);
	for (unsigned i = 0; i < c->domains.n; i++)
		check_certificate_for(r, cert, &info, c->domains.item[i]);
}

static bool has_srv(const char *service, const char *domain)
{
	unsigned char answer[4096];
	char name[1200];

	snprintf(name, sizeof(name), "%s.%s", service, domain);
	return res_query(name, ns_c_in, ns_t_srv, answer, sizeof(answer)) > 0;
}

static void check_dns(struct report *r, const char *domain)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int err;

	if (strcmp(domain, "localhost") == 0) {
		say(r, GOOD, "DNS: localhost needs none");
		return;
	}
	if (has_srv("_xmpp-client._tcp", domain) || has_srv("_xmpps-client._tcp", domain)) {
		say(r, GOOD, "DNS: %s has SRV records for clients", domain);
		return;
	}
	err = getaddrinfo(domain, "5222", &hints, &found);
	if (err)
		say(r, WARNING, "DNS: %s has no SRV record and no address (%s): clients must be told the server's name",
			domain, gai_strerror(err));
	else
		say(r, NOTE, "DNS: %s has no SRV records; clients use its address and port 5222", domain);
	if (found)
		freeaddrinfo(found);
}

static void drop(void *arg, int fd)
{
	(void)arg;
	close(fd);
}

static void check_ports(struct report *r, const struct text_list *list, const char *name)
{
	struct loop *l = loop_new();

	for (unsigned i = 0; i < list->n; i++) {
		struct listener *s = NULL;
		int err = listener_tcp(l, str_z(list->item[i]), drop, NULL, &s);
		const char *why = err == ERR_IO ? strerror(errno) : err_name(err);

		if (!err)
			say(r, GOOD, "%s %s: free", name, list->item[i]);
		else if (err == ERR_BUSY && r->running)
			say(r, GOOD, "%s %s: in use, by this server I suppose", name, list->item[i]);
		else if (err == ERR_BUSY)
			say(r, ERROR, "%s %s: another program uses it; end that one or choose another port with --%s",
				name, list->item[i], name);
		else if (err == ERR_IO && list->assumed && i > 0)
			say(r, NOTE, "%s %s: left out, this machine has no such address", name, list->item[i]);
		else
			say(r, ERROR, "%s %s: %s", name, list->item[i], why);
		listener_free(&s);
		loop_step(l, false);
	}
	loop_free(&l);
}

static void check_files(struct report *r)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 4096)
		say(r, WARNING,
			"open files: %llu at most, about as many connections; raise it with `ulimit -Hn` or LimitNOFILE=",
			(unsigned long long)limit.rlim_max);
	else
		say(r, GOOD, "open files: up to %llu", (unsigned long long)limit.rlim_max);
}

static int check(const struct config *c)
{
	struct report r = {.config = c};

	if (c->file)
		say(&r, GOOD, "configuration %s", c->file);
	check_data(&r);
	check_store(&r);
	check_certificate(&r);
	for (unsigned i = 0; i < c->domains.n; i++)
		check_dns(&r, c->domains.item[i]);
	check_ports(&r, &c->c2s, "c2s");
	check_ports(&r, &c->c2s_tls, "c2s-tls");
	check_files(&r);
	if (c->registration)
		say(&r, NOTE, "registration is open: anybody who reaches the server may make accounts");
	if (c->allow_plaintext)
		say(&r, WARNING, "passwords may cross the network unprotected (allow-plaintext)");
	printf("\n%u error%s, %u warning%s\n", r.errors, r.errors == 1 ? "" : "s", r.warnings,
		r.warnings == 1 ? "" : "s");
	return r.errors ? 1 : 0;
}

int cmd_check(int argc, char **argv)
{
	struct config c;
	struct buf why;
	int status = 2;

	if (wants_help(argc, argv)) {
		puts("Usage: wireside check [OPTION]...\n\nTakes the options of `wireside serve` and says what would be wrong, with advice. Changes nothing.\n"
		     "\nExample:\n  wireside check -c /etc/wireside.conf");
		return 0;
	}
	buf_init(&why, 4096);
	if (config_read(argc, argv, CONFIG_SERVE, &c, &why) == 0) {
		status = check(&c);
		config_clear(&c);
	} else {
		fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
	}
	buf_clear(&why);
	return status;
}
