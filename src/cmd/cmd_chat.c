/* `wireside chat`: line mode with a server over the network, with a server of this machine, or with this machine's node. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/control.h"
#include "app/ask.h"
#include "app/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cmd/chat.h"
#include "cmd/chat_node.h"
#include "cmd/commands.h"
#include "link/tcp.h"
#include "tui/line.h"

enum { WAIT_SECONDS = 10, WAIT_MAX = 86400, ANSWER_BYTES = 1 << 20 };

struct options {
	const char *who, *data, *connect, *connect_tls, *password_file, *resource, *fingerprint, *wait;
	bool json, plain, trust_new, no_receipts;
	struct chat_node node; /* for a node that is started */
};

struct session {
	struct options options;
	struct loop *loop;
	struct line *line;
	struct client *client;
	struct chat *chat;
	struct jid_buf who;
	char *data, *socket, *pins, *domain;
	char fingerprint[65];
	char *name;        /* of the node on the network; NULL: no node, or it does not say */
	struct list asked; /* of the node, and not answered yet */
	int status;
	bool over;
	bool started_node, first; /* first: no node ever ran here */
	bool node_wanted;         /* it is to be started again, until the chat is online */
	bool newcomer;            /* a person who has just seen that */
};

static const char usage[] =
	"Usage: wireside chat USER@DOMAIN [OPTION]...        with an account, over the network\n"
	"       wireside chat USER@DOMAIN --data DIR         with a server of this machine, as its local user\n"
	"       wireside [chat] [OPTION]...                  with this machine's node\n\n"
	"Line mode: one event a line. A line that begins with / is a command (/help lists them), any other goes to the\n"
	"current conversation. From a pipe each line waits for the one before; at the end receipts are waited for.\n\n"
	"  --plain                  line mode (there is no other yet)\n"
	"  --json                   events as JSON, one object a line\n"
	"  --wait SECONDS           for receipts, after the end of input, the login and the last answer (10)\n"
	"  --data DIR               the data folder of the node or server\n"
	"  --connect ADDR:PORT      instead of looking the domain up; STARTTLS\n"
	"  --connect-tls ADDR:PORT  the same with TLS from the first byte\n"
	"  --password-file FILE     its first line is the password\n"
	"  --fingerprint SHA256     of the server's certificate, which is pinned; no other one is taken\n"
	"  --trust-new              pins a certificate that is seen for the first time without asking\n"
	"  --resource NAME          a name for this client\n"
	"  --no-receipts            does not tell others that their messages came\n\n"
	"If no node runs, `wireside` starts one, and takes the options of `wireside node` for it: --name USER@HOST,\n"
	"--listen ADDR:PORT, --interface NAME, --discovery auto|avahi|own|none, --plaintext ask|allow|never,\n"
	"--c2s ADDR:PORT and others; `wireside node --help` explains them. A node that runs already keeps its own.\n\n"
	"Exit status: 0 every message has a receipt, or was taken by a program that gives none; 1 refused or failed, 2 usage\n"
	"(a line on standard error says why), 3 accepted but not yet delivered.\n\n"
	"Examples:\n"
	"  wireside chat alice@example.org\n"
	"  printf '/msg bob@example.org hi\\n' | wireside chat alice@example.org --password-file secret\n"
	"  wireside --name alice@kitchen\n"
	"  printf '/msg bob hi\\n' | wireside --plain --wait 5\n";

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

/* What is said of the node is said to it, if there is none yet. */
static int take_any(struct options *o, char *word, char *next, struct buf *why)
{
	int used = take_option(o, word, next);

	if (!used)
		used = chat_node_take(&o->node, word, next, why);
	if (!used && word[0] != '-' && !o->who) {
		o->who = word;
		used = 1;
	}
	return used;
}

static bool take_options(struct options *o, int argc, char **argv)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	for (int i = 1; i < argc;) {
		int used = take_any(o, argv[i], argv[i + 1], &why);

		if (used <= 0) {
			if (!why.n)
				buf_fmt(&why, "'%s' is not understood; see `wireside chat --help`", argv[i]);
			fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
			return false;
		}
		i += used;
	}
	return true;
}

/* What --connect names that is none: no name is looked up for it. */
static const char *no_place(const struct options *o)
{
	const char *places[] = {o->connect, o->connect_tls};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (places[i] && !listener_tcp_reads(str_z(places[i])))
			return places[i];
	return NULL;
}

static bool check_options(struct session *s, int *ret_wait)
{
	const struct options *o = &s->options;
	uint64_t wait = WAIT_SECONDS;

	if (o->wait && str_uint(str_z(o->wait), WAIT_MAX, &wait) != 0)
		fprintf(stderr, "wireside: --wait: '%s' is no number of seconds\n", o->wait);
	else if (o->who && (jid_parse_buf(str_z(o->who), &s->who) != 0 || !s->who.jid.local))
		fprintf(stderr, "wireside: '%s' is not an address of the form USER@DOMAIN\n", o->who);
	else if (o->fingerprint && !chat_pin_read(o->fingerprint, s->fingerprint))
		fprintf(stderr, "wireside: --fingerprint: '%s' is not the 64 hexadecimal digits of a SHA-256\n",
			o->fingerprint);
	else if (o->who && o->node.n)
		fprintf(stderr, "wireside: %s is for this machine's node, not for an account\n", o->node.words[0]);
	else if (no_place(o))
		fprintf(stderr, "wireside: --connect: '%s' is not ADDR:PORT in numbers, like 127.0.0.1:5222\n",
			no_place(o));
	else if (!o->who && (o->connect || o->connect_tls))
		fputs("wireside: --connect needs USER@DOMAIN\n", stderr);
	else if ((o->fingerprint || o->trust_new) && (!o->who || o->data))
		fprintf(stderr,
			"wireside: %s is for the certificate of a server over the network; with %s there is none\n",
			o->fingerprint ? "--fingerprint" : "--trust-new", o->who ? "--data" : "this machine's node");
	else {
		*ret_wait = wait ? (int)wait : 1; /* what was written has to be safe first */
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

/* What the line has asked the node. Most is answered at once; whether somebody is at an address takes as long as it takes. */
struct asked {
	struct list node;
	struct session *session;
	struct question *question;
	unsigned tag;
};

static void on_answered(void *arg, int err, struct str text)
{
	struct asked *a = arg;
	struct session *s = a->session;
	unsigned tag = a->tag;

	list_remove(&a->node);
	xfree(a);
	if (err && err != ERR_INVALID)
		text = str_z(line_offline_words(s->line));
	line_answer(s->line, tag, text, err != 0);
}

static void ask_node(void *arg, const char *const *words, uint32_t n, unsigned tag)
{
	struct session *s = arg;
	struct asked *a = xcalloc(1, sizeof(*a));
	char path[4096];

	snprintf(path, sizeof(path), "%s/control.sock", s->data);
	a->session = s;
	a->tag = tag;
	list_append(&s->asked, &a->node);
	a->question = question_new(s->loop, path, words, n, on_answered, a);
}

static void forget_asked(struct session *s)
{
	struct list *node;

	while ((node = list_take(&s->asked))) {
		struct asked *a = LIST_ITEM(node, struct asked, node);

		question_free(&a->question);
		xfree(a);
	}
}

static int find_peer(void *arg, struct str text, struct buf *ret_jid, struct buf *why)
{
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};
	char *typed = str_dup(text);
	const char *words[] = {"node", "find", typed};
	struct jid_buf j;
	int err = ask_socket(arg, words, ARRAY_LEN(words), &out);

	xfree(typed);
	if (err == 0 && jid_parse_buf(str_trim(buf_view(&out)), &j) == 0 && j.jid.local)
		buf_str(ret_jid, jid_str(j.jid));
	else if (err == ERR_INVALID && out.n)
		buf_str(why, str_trim(buf_view(&out)));
	else
		err = ERR_NOTFOUND;
	return err;
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

static bool is_person(const struct session *s)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !s->options.json;
}

static bool start_node(struct session *s)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	s->first = chat_node_is_new(s->data) && !s->options.node.named;
	if (s->first && is_person(s)) {
		s->first = false; /* here it is told */
		s->newcomer = true;
		if (!chat_node_offer_name(&s->options.node))
			return false;
	}
	if (chat_node_start(&s->options.node, s->data, &s->started_node, &why))
		return true;
	fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
	return false;
}

/* Whose node it is: "USER@NODEID.internal". */
static bool find_node(struct session *s)
{
	static const char *const words[] = {"node", "address"};
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};
	int err;

	if (!ask_is_running(s->data) && !start_node(s))
		return false; /* it has said why */
	err = ask_socket(s, words, 2, &out);
	if (err == 0 && jid_parse_buf(str_trim(buf_view(&out)), &s->who) == 0 && s->who.jid.local) {
		/* The text that it points to goes away. */
		s->domain = str_dup(jid_str(s->who.jid));
		ask_name(s);
		return jid_parse_buf(str_z(s->domain), &s->who) == 0;
	}
	fprintf(stderr, "wireside: the node of %s does not say who it is (%s)\n", s->data,
		err ? err_name(err) : buf_cstr(&out));
	return false;
}

/* What was said of a node that has to be started, and was not: a script hears it where it looks for what goes wrong. */
static void tell_unused(struct session *s)
{
	CLEANUP(buf_clear) struct buf flags = {.max = 8192}, text = {.max = 16384};

	chat_node_put_flags(&s->options.node, s->name, &flags);
	if (!flags.n)
		return;
	buf_fmt(&text,
		"the node runs already: options for it count when it starts, so these do not now: %s (`wireside stop --data %s` "
		"ends it)",
		buf_cstr(&flags), s->data);
	if (is_person(s))
		line_tell(s->line, buf_view(&text));
	else
		fprintf(stderr, "wireside: %s\n", buf_cstr(&text));
}

/* Who has started it is to know why nobody comes; and who comes later, too. */
static void tell_notes(struct session *s)
{
	static const char *const words[] = {"node", "notes"};
	CLEANUP(buf_clear) struct buf out = {.max = ANSWER_BYTES};
	struct str rest, line;

	if (ask_socket(s, words, ARRAY_LEN(words), &out) != 0)
		return;
	for (rest = buf_view(&out); (line = str_cut(&rest, '\n')).n;)
		line_tell(s->line, line);
}

/* Before the first event. */
static void tell_about_node(struct session *s)
{
	const struct chat_node *n = &s->options.node;
	CLEANUP(buf_clear) struct buf text = {.max = 8192}, login = {.max = 8192};

	if (n->login) {
		struct str rest = str_z(n->login), jid = str_cut(&rest, ' ');

		buf_fmt(&login, "programs log in over TCP as %.*s with the password %.*s, which is said only now",
			STR_FMT(jid), STR_FMT(rest));
		line_tell(s->line, buf_view(&login));
		mem_wipe(login.p, login.n);
	}
	if (s->first && s->name)
		buf_fmt(&text, "others on this network see you as %s; --name USER@HOST at the start gives another name",
			s->name);
	else if (s->newcomer)
		buf_z(&text,
			"/peers says who is there, /msg NAME TEXT talks to somebody, /help has all that can be said");
	if (text.n)
		line_tell(s->line, buf_view(&text));
	if (!s->started_node)
		tell_unused(s);
	tell_notes(s);
}

/* ---- trust ---- */

/* Before the line mode has the terminal. */
static bool trust(void *arg, const char *domain, const char *sha256)
{
	struct session *s = arg;
	char answer[16] = "";

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
	if (o->password_file)
		return ask_password_file(o->password_file);
	if (isatty(STDIN_FILENO))
		return ask_password("Password: ", false);
	fputs("wireside: standard input is for the chat; the password comes from --password-file FILE\n", stderr);
	return NULL;
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

	s->node_wanted &= !client_online(s->client);
	line_go_on(s->line);
}

/* The node may have died: then it gets another one, with the same data, whoever started the first. Of several chats that try,
 * or if somebody else starts it meanwhile, one node stays: the folder is locked. One that was told to end is left alone, unless
 * it is wanted again. While another one has the data, the next retry tries again. */
static void revive_node(void *arg)
{
	struct session *s = arg;
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	chat_node_reap();
	if (!ask_is_running(s->data) && (s->node_wanted || !client_stopped(s->client)))
		chat_node_try(&s->options.node, s->data, &why);
}

/* One that was told to end, and is wanted again. It may be about to end still. */
static int restart_node(void *arg, struct buf *why)
{
	struct session *s = arg;
	enum chat_node_started how =
		ask_is_running(s->data) ? CHAT_NODE_UP : chat_node_try(&s->options.node, s->data, why);

	if (how == CHAT_NODE_FAILED)
		return ERR_CLOSED;
	s->node_wanted = true; /* also where one runs: it may have begun to end */
	chat_retry(s->chat);
	return 0;
}

/* A person may wait for better times; a script may not. */
static void on_failed(void *arg, struct str why, bool final)
{
	struct session *s = arg;
	CLEANUP(buf_clear) struct buf plain = {.max = ANSWER_BYTES};

	plain_put(&plain, why); /* a server's words may be in it */
	if (!isatty(STDIN_FILENO))
		fprintf(stderr, "wireside: %s\n",
			plain.n ? buf_cstr(&plain) : "the other end ended the session for good");
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
	const struct options *o = &s->options;
	struct chat_target t = {.domain = domain,
		.pins = s->pins,
		.fingerprint = o->fingerprint ? s->fingerprint : NULL,
		.trust = trust,
		.arg = s};

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
		.find_peer = node ? find_peer : NULL,
		.start_node = node ? restart_node : NULL,
		.name = s->name,
		.on_end = on_end,
		.arg = s};
	struct chat_ops ops = {.on_trusted = on_trusted,
		.on_turn = on_turn,
		.on_failed = on_failed,
		.on_retry = node ? revive_node : NULL,
		.arg = s};
	struct chat_target target = choose_target(s, local, domain);

	list_init(&s->asked);
	s->loop = loop_new();
	s->line = line_new(s->loop, &lc);
	make_client(s, password, local, node);
	line_attach(s->line, s->client);
	if (node)
		tell_about_node(s);
	s->chat = chat_new(s->loop, &target, s->client, &ops);
	chat_start(s->chat);
	if (!s->over)
		loop_run(s->loop);
	forget_asked(s);
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
	CLEANUP(buf_clear) struct buf why = {.max = 16384};
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
	s.status = local && !config_is_data(s.data, &why) ? 2 : 1;
	if (why.n)
		fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
	else if (local && !node && !is_there(s.socket + 5))
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
	chat_node_clear(&s.options.node);
	return s.status;
}
