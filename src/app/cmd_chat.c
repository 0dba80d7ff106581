/* `wireside chat`: line mode with a server over the network, with a server of this machine, or with this machine's node. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/control.h"
#include "app/ask.h"
#include "app/chat.h"
#include "app/commands.h"
#include "app/node.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "tui/line.h"

extern char **environ;

enum { NODE_ARGS_MAX = 40, WAIT_SECONDS = 10, WAIT_MAX = 86400, NODE_START_MS = 15000, ANSWER_BYTES = 1 << 20 };

struct options {
	const char *who, *data, *connect, *connect_tls, *password_file, *resource, *fingerprint, *wait;
	bool json, plain, trust_new, no_receipts;
	char *node_args[NODE_ARGS_MAX + 1]; /* for a node that is started */
	unsigned node_arg_n;
};

struct session {
	struct options options;
	struct loop *loop;
	struct line *line;
	struct client *client;
	struct chat *chat;
	struct jid_buf who;
	char *data, *socket, *pins, *domain;
	char *name; /* of the node on the network; NULL: no node, or it does not say */
	int status;
	bool over;
	bool started_node;
};

static const char usage[] =
	"Usage: wireside chat USER@DOMAIN [OPTION]...        with an account, over the network\n"
	"       wireside chat USER@DOMAIN --data DIR         with a server of this machine, as its local user\n"
	"       wireside [chat] [OPTION]...                  with this machine's node\n\n"
	"Line mode: one event a line. A line that begins with / is a command (/help lists them), any other goes to the\n"
	"current conversation. From a pipe each line waits for the one before; at the end receipts are waited for.\n\n"
	"  --plain                  line mode (there is no other yet)\n"
	"  --json                   events as JSON, one object a line\n"
	"  --wait SECONDS           for receipts, after the end of input and the login (10)\n"
	"  --data DIR               the data folder of the node or server\n"
	"  --connect ADDR:PORT      instead of looking the domain up; STARTTLS\n"
	"  --connect-tls ADDR:PORT  the same with TLS from the first byte\n"
	"  --password-file FILE     its first line is the password\n"
	"  --fingerprint SHA256     of the server's certificate, which is pinned\n"
	"  --trust-new              pins a certificate that is seen for the first time without asking\n"
	"  --resource NAME          a name for this client\n"
	"  --no-receipts            does not tell others that their messages came\n\n"
	"Exit status: 0 every message has a receipt, 1 refused or failed, 2 usage, 3 accepted but not yet delivered.\n\n"
	"Examples:\n"
	"  wireside chat alice@example.org\n"
	"  printf '/msg bob@example.org hi\\n' | wireside chat alice@example.org --password-file secret\n";

/* ---- options ---- */

static const struct option_row {
	const char *name;
	size_t offset;
	bool value;
} rows[] = {
	{"--plain", offsetof(struct options, plain), false},
	{"--json", offsetof(struct options, json), false},
	{"--trust-new", offsetof(struct options, trust_new), false},
	{"--no-receipts", offsetof(struct options, no_receipts), false},
	{"--wait", offsetof(struct options, wait), true},
	{"--data", offsetof(struct options, data), true},
	{"--connect", offsetof(struct options, connect), true},
	{"--connect-tls", offsetof(struct options, connect_tls), true},
	{"--password-file", offsetof(struct options, password_file), true},
	{"--fingerprint", offsetof(struct options, fingerprint), true},
	{"--resource", offsetof(struct options, resource), true},
};

/* What is said of the node is said to it, if there is none yet. */
static const char *const node_options[] = {"--name", "--listen", "--interface", "--discovery", "--plaintext", "--c2s",
	"--log"};

static int take_node_option(struct options *o, char *word, char *next)
{
	for (size_t i = 0; i < ARRAY_LEN(node_options); i++) {
		size_t n = strlen(node_options[i]);

		if (strncmp(word, node_options[i], n) != 0 || (word[n] && word[n] != '='))
			continue;
		if ((!word[n] && !next) || o->node_arg_n + 2 > NODE_ARGS_MAX)
			return 0;
		o->node_args[o->node_arg_n++] = word;
		if (!word[n])
			o->node_args[o->node_arg_n++] = next;
		return word[n] ? 1 : 2;
	}
	return 0;
}

/* Words used, 0 if it is none of the options. */
static int take_option(struct options *o, const char *word, const char *next)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].name);
		void *at = (char *)o + rows[i].offset;

		if (strncmp(word, rows[i].name, n) != 0 || (word[n] && (word[n] != '=' || !rows[i].value)))
			continue;
		if (!rows[i].value)
			*(bool *)at = true;
		else
			*(const char **)at = word[n] == '=' ? word + n + 1 : next;
		return !rows[i].value || word[n] == '=' ? 1 : next ? 2 : 0;
	}
	return 0;
}

static bool take_options(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc;) {
		int used = take_option(o, argv[i], argv[i + 1]);

		if (!used)
			used = take_node_option(o, argv[i], argv[i + 1]);

		if (!used && argv[i][0] != '-' && !o->who) {
			o->who = argv[i];
			used = 1;
		}
		if (!used) {
			fprintf(stderr, "wireside: chat: '%s' is not understood\nSee `wireside chat --help`.\n",
				argv[i]);
			return false;
		}
		i += used;
	}
	return true;
}

static bool check_options(struct session *s, int *ret_wait)
{
	const struct options *o = &s->options;
	uint64_t wait = WAIT_SECONDS;

	if (o->wait && str_uint(str_z(o->wait), WAIT_MAX, &wait) != 0)
		fprintf(stderr, "wireside: --wait: '%s' is no number of seconds\n", o->wait);
	else if (o->who && (jid_parse_buf(str_z(o->who), &s->who) != 0 || !s->who.jid.local))
		fprintf(stderr, "wireside: '%s' is not an address of the form USER@DOMAIN\n", o->who);
	else if (o->who && o->node_arg_n)
		fprintf(stderr, "wireside: %s is for this machine's node, not for an account\n", o->node_args[0]);
	else if (!o->who && (o->connect || o->connect_tls))
		fputs("wireside: --connect needs USER@DOMAIN\n", stderr);
	else {
		*ret_wait = (int)wait;
		return true;
	}
	return false;
}

/* ---- folders ---- */

static char *data_home(const char *rest)
{
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char path[4096];

	if (xdg && *xdg == '/')
		snprintf(path, sizeof(path), "%s/wireside/%s", xdg, rest);
	else
		snprintf(path, sizeof(path), "%s/.local/share/wireside/%s", home ? home : "", rest);
	return xstrdup(path);
}

/* ---- the node ---- */

static int ask_socket(const struct session *s, const char *const *words, uint32_t n, struct buf *out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/control.sock", s->data);
	return control_call(path, words, n, out);
}

/* Tells the line one answer; commands for the node are rare, and its control socket answers at once. */
static void ask_node(void *arg, const char *const *words, uint32_t n)
{
	struct session *s = arg;
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};
	int err = ask_socket(s, words, n, &out);

	if (err && err != ERR_INVALID) {
		buf_reset(&out);
		buf_fmt(&out, "the node does not answer (%s)", err_name(err));
	}
	line_answer(s->line, buf_view(&out), err != 0);
}

/* Reads up to the word that says it is up, or the end. */
static bool wait_ready(int fd)
{
	char text[4096];
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (n < sizeof(text) - 1 && poll(&p, 1, NODE_START_MS) > 0) {
		ssize_t k = read(fd, text + n, sizeof(text) - 1 - n);

		if (k <= 0)
			break;
		n += (size_t)k;
		text[n] = '\0';
		if (strstr(text, "ready\n"))
			return true;
	}
	return false;
}

/* A node of its own life: it outlives this program if it has reason to. */
static int spawn_node(char **argv, const char *log)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid;
	int err;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	err = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err;
}

/* Why it did not start is the last that it said. */
static void show_last_line(const char *log)
{
	char line[1024], last[1024] = "";
	FILE *f = fopen(log, "re");

	while (f && fgets(line, sizeof(line), f))
		memcpy(last, line, sizeof(last));
	if (f)
		fclose(f);
	fputs(last, stderr);
}

/* loud: says why not. */
static bool start_node(const struct session *s, bool loud)
{
	char number[16], folder[4096], log[4096], program[] = "wireside", node[] = "node", data_flag[] = "--data",
						  fd_flag[] = "--ready-fd", needed[] = "--while-needed";
	char *argv[NODE_ARGS_MAX + 8] = {program, node, needed, data_flag, folder, fd_flag, number};
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	int ends[2], err;
	bool ready;

	memcpy(argv + 7, s->options.node_args, s->options.node_arg_n * sizeof(*argv));
	snprintf(folder, sizeof(folder), "%s", s->data);
	snprintf(log, sizeof(log), "%.4000s/node.log", s->data);
	if (node_make_folder(s->data, &why) != 0) {
		if (loud)
			fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
		return false;
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	fcntl(ends[1], F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	err = spawn_node(argv, log);
	close(ends[1]);
	ready = err == 0 && wait_ready(ends[0]);
	close(ends[0]);
	if (!ready && loud)
		show_last_line(log);
	return ready;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void ask_name(struct session *s)
{
	static const char *const words[] = {"node", "name"};
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};

	if (ask_socket(s, words, 2, &out) == 0)
		s->name = str_dup(str_trim(buf_view(&out)));
}

/* Whose node it is: "USER@NODEID.internal". */
static bool find_node(struct session *s)
{
	static const char *const words[] = {"node", "address"};
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};
	int err = ask_socket(s, words, 2, &out);

	if (err == ERR_NOTFOUND && (s->started_node = start_node(s, true))) {
		buf_reset(&out);
		err = ask_socket(s, words, 2, &out);
	}
	if (err == 0 && jid_parse_buf(str_trim(buf_view(&out)), &s->who) == 0 && s->who.jid.local) {
		/* The text that it points to goes away. */
		s->domain = str_dup(jid_str(s->who.jid));
		ask_name(s);
		return jid_parse_buf(str_z(s->domain), &s->who) == 0;
	}
	if (err == ERR_NOTFOUND)
		fprintf(stderr,
			"wireside: no node runs on %s, and none could be started (`wireside node` says why); see wireside --help\n",
			s->data);
	else
		fprintf(stderr, "wireside: the node of %s does not say who it is (%s)\n", s->data,
			err ? err_name(err) : buf_cstr(&out));
	return false;
}

/* ---- trust ---- */

static bool same_hex(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		while (*a == ':')
			a++;
		if ((*a | 32) != (*b | 32))
			return false;
	}
	return !*a && !*b;
}

/* Before the line mode has the terminal. */
static bool trust(void *arg, const char *domain, const char *sha256)
{
	struct session *s = arg;
	char answer[16] = "";

	if (s->options.fingerprint)
		return same_hex(s->options.fingerprint, sha256);
	if (s->options.trust_new)
		return true;
	fprintf(stderr, "No authority vouches for the certificate of %s. Its SHA-256 fingerprint is\n  %s\n", domain,
		sha256);
	if (line_started(s->line) || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		fprintf(stderr, "wireside: if that is right, say --fingerprint %s\n", sha256);
		return false;
	}
	fputs("Trust it from now on (yes/no)? ", stderr);
	return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

/* ---- the password ---- */

static char *read_password(const struct options *o)
{
	char line[1100] = "";
	FILE *f;

	if (!o->password_file) {
		if (isatty(STDIN_FILENO))
			return ask_password("Password: ", false);
		fputs("wireside: standard input is for the chat; the password comes from --password-file FILE\n",
			stderr);
		return NULL;
	}
	f = fopen(o->password_file, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		fprintf(stderr, "wireside: %s: %s\n", o->password_file, f ? "no password in it" : strerror(errno));
		if (f)
			fclose(f);
		return NULL;
	}
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	char *password = xstrdup(line);
	mem_wipe(line, sizeof(line));
	return password;
}

/* ---- the parts together ---- */

static void on_closed(void *arg)
{
	struct session *s = arg;

	s->over = true;
	loop_stop(s->loop);
}

static void on_end(void *arg, int status)
{
	struct session *s = arg;

	s->status = status;
	chat_close(s->chat, on_closed);
}

static void on_trusted(void *arg)
{
	struct session *s = arg;

	if (!line_started(s->line))
		line_start(s->line);
}

static void on_turn(void *arg)
{
	struct session *s = arg;

	line_go_on(s->line);
}

/* The node that this chat has started may have died: then it gets another one, with the same data. What others keep running
 * is theirs to start. */
static void revive_node(void *arg)
{
	struct session *s = arg;
	static const char *const words[] = {"node", "address"};
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};

	if (ask_socket(s, words, 2, &out) == ERR_NOTFOUND)
		start_node(s, false);
}

/* A person may wait for better times; a script may not. */
static void on_failed(void *arg, struct str why, bool final)
{
	struct session *s = arg;

	if (!line_started(s->line) && !s->options.json && !isatty(STDIN_FILENO))
		fprintf(stderr, "wireside: %.*s\n", STR_FMT(why));
	if (final || !isatty(STDIN_FILENO))
		line_give_up(s->line, why);
	else if (!line_started(s->line))
		line_start(s->line);
}

static int utc_offset(void)
{
	time_t t = time(NULL);
	struct tm local;

	return localtime_r(&t, &local) ? (int)(local.tm_gmtoff / 60) : 0;
}

static void make_client(struct session *s, const char *password, bool local, bool node)
{
	CLEANUP(buf_clear) struct buf prepared = {.max = 4096};
	struct client_config c = {.domain = jid_domain(s->who.jid),
		.user = jid_local(s->who.jid),
		.resource = str_z(s->options.resource),
		.external = local,
		.trusted_channel = local,
		.known_as = str_z(s->name),
		.node = node,
		.receipts = !s->options.no_receipts,
		.version = WIRESIDE_VERSION,
		.utc_offset = utc_offset()};

	if (password && jid_prep_password(str_z(password), &prepared) == 0)
		c.password = buf_view(&prepared);
	s->client = client_new(&c, line_on_event, s->line);
	if (prepared.p)
		mem_wipe(prepared.p, prepared.cap);
}

static struct chat_target choose_target(struct session *s, bool local, char *domain)
{
	struct chat_target t = {.domain = domain, .pins = s->pins, .trust = trust, .arg = s};
	const struct options *o = &s->options;

	t.reach = local ? CHAT_UNIX : o->connect_tls ? CHAT_TLS : o->connect ? CHAT_STARTTLS : CHAT_DOMAIN;
	t.address = local ? s->socket : o->connect_tls ? o->connect_tls : o->connect;
	return t;
}

static void run(struct session *s, int wait, bool local, bool node, const char *password)
{
	char *domain = str_dup(jid_domain(s->who.jid));
	struct line_config lc = {.json = s->options.json,
		.wait_seconds = wait,
		.ask_node = node ? ask_node : NULL,
		.on_end = on_end,
		.arg = s};
	struct chat_ops ops = {.on_trusted = on_trusted,
		.on_turn = on_turn,
		.on_failed = on_failed,
		.on_retry = s->started_node ? revive_node : NULL,
		.arg = s};
	struct chat_target target = choose_target(s, local, domain);

	s->loop = loop_new();
	s->line = line_new(s->loop, &lc);
	make_client(s, password, local, node);
	line_attach(s->line, s->client);
	s->chat = chat_new(s->loop, &target, s->client, &ops);
	chat_start(s->chat);
	if (!s->over)
		loop_run(s->loop);
	line_free(&s->line);
	if (!chat_free(&s->chat))
		_exit(s->status); /* a look-up that hangs is not worth waiting for */
	client_free(&s->client);
	loop_free(&s->loop);
	xfree(domain);
}

static void set_up_process(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	setlocale(LC_CTYPE, "");
	if (MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int cmd_chat(int argc, char **argv)
{
	struct session s = {.status = 2};
	char *password = NULL;
	bool node, local;
	int wait = 0;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	if (!take_options(&s.options, argc, argv) || !check_options(&s, &wait))
		return 2;
	set_up_process();
	node = !s.options.who;
	local = node || s.options.data;
	s.data = s.options.data ? xstrdup(s.options.data) : data_home("node");
	s.pins = data_home("pins");
	s.socket = xmalloc(strlen(s.data) + 32);
	sprintf(s.socket, "unix:%s/%s.sock", s.data, node ? "node" : "xmpp");
	s.status = 1;
	if (local && !node && !is_there(s.socket + 5))
		fprintf(stderr, "wireside: no server runs on %s; start one with `wireside serve`\n", s.data);
	else if ((!node || find_node(&s)) && (local || (password = read_password(&s.options))))
		run(&s, wait, local, node, password);
	if (password)
		mem_wipe(password, strlen(password));
	xfree(password);
	xfree(s.socket);
	xfree(s.pins);
	xfree(s.data);
	xfree(s.name);
	xfree(s.domain);
	return s.status;
}
