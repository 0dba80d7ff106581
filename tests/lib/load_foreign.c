#include "tests/lib/load_foreign.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TRIES = 600, START_PAUSE_US = 100000 };

static const char prosody_config[] = "run_as_root = true\n"
				     "daemonize = false\n"
				     "pidfile = '%s/pid'\n"
				     "data_path = '%s/data'\n"
				     "log = { error = '%s/log' }\n"
				     "interfaces = { '127.0.0.1' }\n"
				     "c2s_ports = { %d }\n"
				     "c2s_direct_tls_ports = { }\n"
				     "network_settings = { nagle = false }\n"
				     "modules_enabled = { 'roster', 'saslauth', 'disco' }\n"
				     "modules_disabled = { 's2s', 'tls', 'offline' }\n"
				     "authentication = 'internal_plain'\n"
				     "c2s_require_encryption = false\n"
				     "allow_unencrypted_plain_auth = true\n"
				     "VirtualHost 'localhost'\n"
				     "Component 'rooms.localhost' 'muc'\n"
				     "    muc_room_locking = false\n"
				     "    muc_room_default_public = true\n"
				     "    modules_enabled = { %s }\n"
				     "    muc_log_by_default = true\n";

static const char ejabberd_config[] =
	"loglevel: error\n"
	"hosts:\n  - localhost\n"
	"listen:\n  -\n    port: %d\n    ip: \"127.0.0.1\"\n    module: ejabberd_c2s\n    max_stanza_size: 262144\n"
	"    shaper: none\n    access: all\n    backlog: 1000\n"
	"auth_password_format: plain\n"
	"registration_timeout: infinity\n"
	"modules:\n"
	"  mod_disco: {}\n"
	"  mod_roster: {}\n"
	"  mod_register:\n    ip_access: all\n    access: all\n    welcome_message: {}\n"
	"  mod_muc:\n    host: rooms.localhost\n    access: all\n    access_create: all\n    access_persistent: all\n"
	"    max_users: 5000\n    max_user_conferences: 200000\n    history_size: 20\n"
	"    default_room_options:\n      max_users: 5000\n      mam: %s\n      persistent: false\n"
	"%s";

static bool is_installed(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin command -v %s >/dev/null", program);
	return system(command) == 0;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
		getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		fail("a free port");
	close(fd);
	return ntohs(in.sin_port);
}

static bool answers(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Writes DIR/name as the format says. */
static void write_file(const char *dir, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void write_file(const char *dir, const char *name, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		fail(path);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static void make_dirs(const char *dir, const char *const *names)
{
	for (; *names; names++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dir, *names);
		if (mkdir(path, 0700) != 0)
			fail(path);
	}
}

static void prepare(struct load_server *s)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->data, "/tmp/wireside-bench-XXXXXX");
	if (!mkdtemp(s->data))
		fail("scratch folder");
	s->port = free_port();
}

static void start(struct load_server *s, const char *const *argv)
{
	s->pid = fork();
	if (s->pid == 0) {
		char log[128];
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(log, sizeof(log), "%s/out", s->data);
		fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	for (int i = 0; i < START_TRIES && !answers(s->port); i++)
		usleep(START_PAUSE_US);
	if (!answers(s->port))
		fail(argv[0]);
}

/* ---- Prosody ---- */

bool load_start_prosody(struct load_server *s, unsigned accounts, bool archive)
{
	static const char *const dirs[] = {"data", "data/localhost", "data/localhost/accounts", NULL};
	char config[128];

	if (!is_installed("prosody"))
		return false;
	prepare(s);
	make_dirs(s->data, dirs);
	write_file(s->data, "config.cfg.lua", prosody_config, s->data, s->data, s->data, s->port,
		archive ? "'muc_mam'" : "");
	for (unsigned i = 0; i < accounts; i++) {
		char name[64];

		snprintf(name, sizeof(name), "data/localhost/accounts/u%u.dat", i);
		write_file(s->data, name, "return { [\"password\"] = \"secret\"; };\n");
	}
	snprintf(config, sizeof(config), "%s/config.cfg.lua", s->data);
	start(s, (const char *const[]){"prosody", "-F", "--config", config, NULL});
	return true;
}

/* ---- ejabberd ---- */

/* Where Erlang finds it: the folder that has ejabberd-VERSION/ebin. */
static void set_libraries(void)
{
	glob_t found;

	if (glob("/usr/lib*/*/ejabberd-*/ebin", 0, NULL, &found) == 0 ||
		glob("/usr/lib*/ejabberd-*/ebin", 0, NULL, &found) == 0) {
		char *at = strstr(found.gl_pathv[0], "/ejabberd-");

		*at = '\0';
		setenv("ERL_LIBS", found.gl_pathv[0], 1);
		globfree(&found);
	}
}

static void register_account(int port, unsigned number)
{
	static const char header[] =
		"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
		"version='1.0'>";
	struct load_client *c = load_connect(port);
	char text[256];
	int n = snprintf(text, sizeof(text),
		"<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>u%u</username><password>secret</password>"
		"</query></iq>",
		number);

	load_send(c, header, strlen(header));
	load_expect(c, "</stream:features>");
	load_send(c, text, (size_t)n);
	load_expect(c, "type='result'");
	load_close(&c);
}

bool load_start_ejabberd(struct load_server *s, unsigned accounts, bool archive)
{
	char spool[128], config[128], log[128];

	if (!is_installed("ejabberdctl") || !is_installed("erl"))
		return false;
	prepare(s);
	write_file(s->data, "config.yml", ejabberd_config, s->port, archive ? "true" : "false",
		archive ? "  mod_mam:\n    default: always\n" : "");
	set_libraries();
	snprintf(spool, sizeof(spool), "\"%s/spool\"", s->data);
	snprintf(config, sizeof(config), "%s/config.yml", s->data);
	setenv("EJABBERD_CONFIG_PATH", config, 1);
	snprintf(log, sizeof(log), "%s/ejabberd.log", s->data);
	setenv("EJABBERD_LOG_PATH", log, 1); /* not where the bench was started */
	setenv("HOME", s->data, 1);
	start(s,
		(const char *const[]){"erl", "-noinput", "+K", "true", "+P", "250000", "+sbwt", "none", "+sbwtdcpu",
			"none", "+sbwtdio", "none", "-mnesia", "dir", spool, "-s", "ejabberd", NULL});
	for (unsigned i = 0; i < accounts; i++)
		register_account(s->port, i);
	return true;
}
