#include "app/ask.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "admin/control.h"
#include "app/config_rooms.h"
#include "app/guard.h"
#include "app/node.h"
#include "app/served.h"
#include "app/server_i.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "peer/peers.h"

/* ---- what is printed ---- */

/* What made the answer has cleaned what others wrote; this is for what it forgot. */
static void print_answer(const char *text, bool failed)
{
	CLEANUP(buf_clear) struct buf plain = {.max = (size_t)64 << 20};
	FILE *out = failed ? stderr : stdout;

	plain_put_lines(&plain, str_z(text));
	fputs(failed ? "wireside: " : "", out);
	fputs(buf_cstr(&plain), out);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', out);
	fflush(out);
}

void ask_print_json(struct str text, bool failed)
{
	CLEANUP(buf_clear) struct buf out = {.max = (size_t)64 << 20};

	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	buf_fmt(&out, "{\"ok\":%s,\"text\":", failed ? "false" : "true");
	json_text(&out, text);
	puts(buf_ok(&out) ? (buf_char(&out, '}'), buf_cstr(&out)) : "{\"ok\":false,\"text\":\"too long\"}");
	fflush(stdout);
}

static void print_json(const char *text, bool failed) { ask_print_json(str_z(text), failed); }

/* ---- a stopped server's data ---- */

struct offline {
	struct loop *loop;
	void (*print)(const char *text, bool failed);
	bool answered, failed;
};

static void on_answer(void *arg, const char *text, bool failed)
{
	struct offline *o = arg;

	o->print(text ? text : "", failed);
	o->answered = true;
	o->failed = failed;
}

/* Of a service of rooms, that of its users. */
static struct str users_domain(struct str domain)
{
	const struct str rooms = STR("rooms.");

	return str_starts(domain, rooms) ? (struct str){domain.p + rooms.n, domain.n - rooms.n} : domain;
}

static bool serves(const struct config *c, struct str domain)
{
	bool served = false;

	for (unsigned i = 0; i < c->domains.n; i++) {
		struct service_name rooms;

		config_rooms_service(c, i, &rooms);
		served = served || str_is(domain, c->domains.item[i]) || str_is(domain, rooms.text);
	}
	return served;
}

/* What is about rooms: who is removed may have a nickname in them. */
static bool needs_rooms(const char *const *words, uint32_t n)
{
	return strcmp(words[0], "room") == 0 ||
		(n > 2 && strcmp(words[0], "user") == 0 && strcmp(words[1], "del") == 0);
}

/* Without a configuration the domains are those of the last start, if they have the one that is meant; otherwise it is the one in
 * the address, or the one to list. */
static void serve_any_domain(struct config *c, const char *const *words, uint32_t n)
{
	bool knows = needs_rooms(words, n) && served_fill(c->data, c);
	struct jid_buf jid;

	if (knows &&
		(n < 3 || words[2][0] == '-' || jid_parse_buf(str_z(words[2]), &jid) < 0 ||
			serves(c, jid_domain(jid.jid))))
		return;
	config_clear_domains(c);
	for (uint32_t i = 2; i < n && i < 4 && c->domains.n == 0; i++)
		if (words[i][0] != '-' && jid_parse_buf(str_z(words[i]), &jid) == 0)
			c->domains.item[c->domains.n++] = str_dup(users_domain(jid_domain(jid.jid)));
	if (!c->domains.n)
		c->domains.item[c->domains.n++] = xstrdup("localhost");
}

/* A node's folder has its key. */
static bool prepare(struct offline *o, struct config *c, const char *const *words, uint32_t n)
{
	char path[4096];
	struct buf why;
	bool good = true;

	snprintf(path, sizeof(path), "%s/node.key", c->data);
	if (access(path, F_OK) != 0 && strcmp(words[0], "peer") != 0) {
		serve_any_domain(c, words, n);
		return true;
	}
	buf_init(&why, 4096);
	c->use = CONFIG_NODE;
	if (node_prepare(c, &why) != 0) {
		o->print(buf_cstr(&why), true);
		good = false;
	} else {
		c->node->alone = true;
	}
	buf_clear(&why);
	return good;
}

/* What a node keeps in memory has been read. */
static bool is_ready(const struct server *s)
{
	const struct host *peers = core_gateway(s->core);

	return !peers || peers_ready(peers);
}

static void run_inside(struct offline *o, const struct config *c, const char *const *words, uint32_t n)
{
	struct server *s = NULL;
	struct buf why;

	buf_init(&why, 4096);
	if (server_new(o->loop, c, &s, &why) != 0) {
		o->print(buf_cstr(&why), true);
	} else {
		server_start_wires(s);
		/* The first turn asks the store; until then nothing would wake us. */
		for (int i = 0; i < 10000 && !is_ready(s); i++)
			loop_step(o->loop, i > 0);
		server_command(s, words, n, on_answer, o);
		for (int i = 0; i < 10000 && !o->answered; i++)
			loop_step(o->loop, true);
		if (!o->answered) {
			buf_fmt(&why, "no answer from the store in %s", c->data);
			o->print(buf_cstr(&why), true);
		}
	}
	server_free(&s);
	buf_clear(&why);
}

static bool become_owner(const char *data)
{
	struct stat st;

	if (geteuid() != 0 || stat(data, &st) != 0 || st.st_uid == 0)
		return true;
	if (setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0)
		return true;
	fprintf(stderr, "wireside: %s belongs to user %u, as whom this cannot be done: %s\n", data, (unsigned)st.st_uid,
		strerror(errno));
	return false;
}

static bool adds_user(const char *const *words, uint32_t n)
{
	return n > 2 && strcmp(words[0], "user") == 0 && strcmp(words[1], "add") == 0;
}

/* A running server refuses accounts of domains that are not its own; on its data that would go unseen until somebody logs in. */
static bool is_wanted(const char *data, const char *const *words, uint32_t n)
{
	CLEANUP(buf_clear) struct buf why = {.max = 65536};

	if (!adds_user(words, n) || served_takes(data, words[2], &why))
		return true;
	print_answer(buf_cstr(&why), true);
	return false;
}

/* What has still to be done so that this is of use: a server without a word about it serves localhost. */
static void tell_next(const char *data, bool is_new, const char *domain)
{
	if (is_new)
		fprintf(stderr, "wireside: no server runs on %s; made its store for when one starts%s%s\n", data,
			domain ? " with --domain " : "", domain ? domain : "");
	else if (domain)
		fprintf(stderr, "wireside: no server has run on %s yet; it has to be started with --domain %s\n", data,
			domain);
}

static int ask_data(const char *data, const char *const *words, uint32_t n, bool make,
	void (*print)(const char *text, bool failed))
{
	struct offline o = {.print = print};
	/* What rooms keep is not known here, so nothing of it may be too much. */
	struct config c = {.data = xstrdup(data),
		.ready_fd = -1,
		.log_level = LOG_ERROR,
		.limits = true,
		.room_archive_max = INT_MAX};
	char path[4096];
	bool is_new;

	snprintf(path, sizeof(path), "%s/wireside.db", data);
	is_new = access(path, F_OK) != 0 && errno == ENOENT;
	if (is_new && !make) {
		snprintf(path, sizeof(path), "%s has no store yet; name another data folder with --data", data);
		print(path, true);
	} else if (become_owner(data) && is_wanted(data, words, n)) { /* nothing of theirs is opened as root */
		guard_memory();
		o.loop = loop_new();
		log_set_level(LOG_ERROR);
		umask(077);
		if (prepare(&o, &c, words, n))
			run_inside(&o, &c, words, n);
		node_unprepare(&c);
		loop_free(&o.loop);
	}
	if (o.answered && !o.failed)
		tell_next(data, is_new,
			adds_user(words, n) && !served_known(data) && strcmp(c.domains.item[0], "localhost") != 0
				? c.domains.item[0]
				: NULL);
	config_clear(&c);
	return o.answered && !o.failed ? 0 : 1;
}

/* ---- a running one ---- */

static bool has(const char *data, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", data, name);
	return access(path, F_OK) == 0;
}

/* Who has no server may mean the node, whose folder is another one. */
static void explain_absence(const char *data, struct buf *out)
{
	char *node = config_default_data(CONFIG_NODE);

	if (has(data, "node.key"))
		buf_fmt(out, "no node runs on %s; `wireside` starts one, and so does `wireside node`", data);
	else if (has(node, "control.sock"))
		buf_fmt(out, "no server runs on %s; for this machine's node add --data %s", data, node);
	else
		buf_fmt(out, "no server runs on %s; start one with `wireside serve`, or name another with --data",
			data);
	xfree(node);
}

static void explain(int err, const char *data, const char *path, struct buf *out)
{
	if (err == ERR_NOTFOUND)
		explain_absence(data, out);
	else if (err == ERR_DENIED)
		buf_fmt(out, "%s: permission denied; only the user whose server or node it is, and root, may ask it",
			path);
	else if (err == ERR_LIMIT)
		buf_fmt(out, "%s: too long for a socket or a request", path);
	else
		buf_fmt(out, "%s: no answer (%s)", path, err_name(err));
}

static int ask(const char *data, const char *const *words, uint32_t n, enum ask_offline offline,
	void (*print)(const char *text, bool failed))
{
	char path[4096];
	struct buf out;
	int err, status = 1;

	snprintf(path, sizeof(path), "%s/control.sock", data);
	buf_init(&out, (size_t)16 << 20);
	err = control_call(path, words, n, &out);
	if (err == ERR_NOTFOUND && offline != ASK_REFUSE) {
		status = ask_data(data, words, n, offline == ASK_MAKE, print);
	} else {
		if (err && err != ERR_INVALID) {
			buf_reset(&out);
			explain(err, data, path, &out);
		}
		print(buf_cstr(&out), err != 0);
		status = err != 0;
	}
	buf_clear(&out);
	return status;
}

int ask_server(const char *data, const char *const *words, uint32_t n, enum ask_offline offline)
{
	return ask(data, words, n, offline, print_answer);
}

int ask_server_json(const char *data, const char *const *words, uint32_t n, enum ask_offline offline)
{
	return ask(data, words, n, offline, print_json);
}

bool ask_is_running(const char *data)
{
	static const char *const words[] = {"status"};
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	char path[4096];

	snprintf(path, sizeof(path), "%s/control.sock", data);
	return control_call(path, words, ARRAY_LEN(words), &out) != ERR_NOTFOUND;
}

/* ---- passwords ---- */

static char *read_line(FILE *in)
{
	char *line = NULL, *own = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, in);

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n > 0) {
		line[n] = '\0';
		own = xstrdup(line);
	}
	if (line)
		mem_wipe(line, cap);
	free(line);
	return own;
}

/* A signal that would end the process waits until the terminal is as it was: else the shell would go on without echo. */
static char *read_hidden(const char *prompt)
{
	struct termios old, quiet;
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	char *line = NULL;
	sigset_t ends, before;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGQUIT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	fds[1].fd = signalfd(-1, &ends, SFD_CLOEXEC);
	tcgetattr(STDIN_FILENO, &old);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(prompt, stderr); /* not before: what is typed at once would be seen, and lost */
	if (poll(fds, 2, -1) > 0 && !fds[1].revents)
		line = read_line(stdin);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	close(fds[1].fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return line;
}

char *ask_password_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *password = NULL;

	guard_memory();
	if (f)
		password = read_line(f);
	if (!password)
		fprintf(stderr, "wireside: %s: %s\n", path, f ? "no password in it" : strerror(errno));
	if (f)
		fclose(f);
	return password;
}

static void forget(char **password)
{
	if (*password)
		mem_wipe(*password, strlen(*password));
	xfree(TAKE(*password));
}

char *ask_password(const char *prompt, bool twice)
{
	char *first, *second;
	bool same;

	guard_memory();
	if (!isatty(STDIN_FILENO)) {
		first = read_line(stdin);
		if (!first)
			fputs("wireside: no password on standard input\n", stderr);
		return first;
	}
	first = read_hidden(prompt);
	if (!first)
		fputs("wireside: no password was typed\n", stderr);
	if (!first || !twice)
		return first;
	second = read_hidden("Once more: ");
	same = second && strcmp(first, second) == 0;
	forget(&second);
	if (!same) {
		fputs("wireside: the two are not the same\n", stderr);
		forget(&first);
	}
	return first;
}
