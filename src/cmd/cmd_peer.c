/* `wireside peer ...`: the index table, asked of the running node or, where none runs, on its data. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/control.h"
#include "app/ask.h"
#include "app/config.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cmd/commands.h"
#include "cmd/peer_rows.h"
#include "peer/peers.h"

enum { WORDS_MAX = 8, ANSWER_BYTES = 1 << 20, CODE_WAIT_MS = 20000, CODE_PAUSE_MS = 200 };

static const char usage[] =
	"Usage: wireside peer [list] [--json]\n"
	"       wireside peer add [NAME@]ADDRESS[:PORT]\n"
	"       wireside peer del|block|unblock|accept|allow|disallow NAME\n"
	"       wireside peer rename NAME NEW-NAME\n"
	"       wireside peer verify NAME [yes|no]\n"
	"       wireside peer set-password NAME [--typed]\n"
	"       wireside peer export [--json] [--with-passwords] >FILE\n"
	"       wireside peer import <FILE\n\n"
	"Who is known to this machine's node: names, keys, addresses, trust (new, pinned, verified, changed, blocked, legacy).\n"
	"NAME is a name from the list, or an address or key of it. All take --data DIR, and --json, with which the answer is one\n"
	"line like {\"ok\":true,\"text\":\"bob is added ...\"}, also where it is a refusal (import: one for each row that it reads,\n"
	"or one if there is none; list and export: the table).\n\n"
	"  add           somebody the network does not show: a number, with a name if you like\n"
	"  accept        a new or changed key belongs to whom it says\n"
	"  allow         talk to this program without encryption, which it does not know\n"
	"  disallow      takes that back\n"
	"  verify        compare a code with the other person, to know that nobody sits between; it is waited for, 20 s at most\n"
	"  set-password  makes a password; the other person types it (--typed)\n\n"
	"Examples:\n  wireside peer\n  wireside peer add bob@10.0.0.7\n  wireside peer verify bob\n"
	"  wireside peer export >peers.txt\n";

static const struct action {
	const char *name;
	int min, max;       /* words after the name */
	bool typed;         /* --typed asks for a password */
	bool lines;         /* once for each line of standard input */
	const char *option; /* all that its words may be; NULL: anything */
} actions[] = {
	{"list", 0, 1, false, false, "--json"},
	{"add", 1, 1, false, false},
	{"del", 1, 1, false, false},
	{"block", 1, 1, false, false},
	{"unblock", 1, 1, false, false},
	{"accept", 1, 1, false, false},
	{"allow", 1, 1, false, false},
	{"disallow", 1, 1, false, false},
	{"rename", 2, 2, false, false},
	{"verify", 1, 2, false, false},
	{"set-password", 1, 2, true, false},
	{"export", 0, 2, false, false, "--json --with-passwords"},
	{"import", 0, 0, false, true},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

/* Which node, and for whom its answers are. */
struct asking {
	const char *data;
	bool json;
};

/* What is wrong in itself needs no node to say so. Returns the exit status. */
static int refuse(const struct asking *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(const struct asking *k, const char *fmt, ...)
{
	CLEANUP(buf_clear) struct buf plain = {.max = ANSWER_BYTES};
	char text[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	plain_put_lines(&plain, str_z(text));
	if (k->json)
		ask_print_json(buf_view(&plain), true);
	else
		fprintf(stderr, "wireside: %s\n", buf_cstr(&plain));
	return 2;
}

static bool is_target(const struct asking *k, const char *text)
{
	CLEANUP(buf_clear) struct buf why = {.max = 1024};

	if (config_no_port(text, &why))
		refuse(k, "'%s' is %s", text, buf_cstr(&why));
	else if (peers_check_target(str_z(text), &why) == 0)
		return true;
	else
		refuse(k, "%s", buf_cstr(&why));
	return false;
}

static int ask(const struct asking *k, const char *const *words, uint32_t n)
{
	bool makes = strcmp(words[1], "add") == 0 || strcmp(words[1], "import") == 0;

	return (k->json ? ask_server_json : ask_server)(k->data, words, n, makes ? ASK_MAKE : ASK_STORED);
}

static void print_lines(const struct asking *k, struct str answer, bool failed)
{
	CLEANUP(buf_clear) struct buf plain = {.max = ANSWER_BYTES};

	plain_put_lines(&plain, answer);
	if (k->json)
		ask_print_json(buf_view(&plain), failed);
	else if (failed)
		fprintf(stderr, "wireside: %s\n", buf_cstr(&plain));
	else
		fputs(buf_cstr(&plain), stdout);
	fflush(stdout);
}

struct import {
	const struct action *action;
	const struct asking *asking;
	int status;
	unsigned rows; /* or comments */
};

static void import_row(void *arg, const char *row)
{
	struct import *i = arg;
	const char *words[] = {"peer", i->action->name, row};

	i->rows++;
	if (ask(i->asking, words, ARRAY_LEN(words)) != 0)
		i->status = 1;
}

/* What a line has at its end stands nowhere in a row; a CR within it is a blank. */
static struct str strip(char *line, size_t n)
{
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\r' || !line[i])
			line[i] = ' ';
	return (struct str){line, n};
}

static int each_line(const struct action *a, const struct asking *k)
{
	struct import i = {a, k};
	struct peer_rows rows;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	peer_rows_init(&rows, import_row, &i);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (!peer_rows_line(&rows, strip(line, (size_t)n)))
			i.status = refuse(k, "what has more than %d bytes is no row of `peer export`", PEER_ROW_MAX);
	}
	if (!peer_rows_whole(&rows))
		i.status = refuse(k, "the input ends in the middle of an object: it is not whole");
	peer_rows_clear(&rows);
	if (!i.rows && !i.status)
		print_lines(k, STR("nothing to import: there is no row in it\n"), false);
	if (line)
		mem_wipe(line, cap);
	free(line);
	return i.status ? 1 : 0;
}

static int with_password(const char *name, const struct asking *k)
{
	const char *words[] = {"peer", "set-password", name, NULL};
	char *password = ask_password("Password: ", true);
	int status = 1;

	words[3] = password;
	if (password) {
		status = ask(k, words, 4);
		mem_wipe(password, strlen(password));
	} else if (k->json) { /* a person was told */
		refuse(k, "no password");
	}
	xfree(password);
	return status;
}

static bool is_among(const char *word, const char *words)
{
	struct str rest = str_z(words), one;

	while ((one = str_cut(&rest, ' ')).n)
		if (str_is(one, word))
			return true;
	return false;
}

/* ---- verify ---- */

/* The code needs the other machine: it is waited for, so that a shell shows it, too. begun: the answer that says that it comes. */
static int wait_for_code(const struct asking *k, const char *path, const char *name, const struct buf *begun)
{
	const char *words[] = {"peer", "verify", name, "code"};
	const struct timespec pause = {.tv_nsec = CODE_PAUSE_MS * 1000000L};
	CLEANUP(buf_clear) struct buf late = {.max = 4096};

	for (int i = 0; i < CODE_WAIT_MS / CODE_PAUSE_MS; i++) {
		CLEANUP(buf_clear) struct buf answer = {.max = ANSWER_BYTES};
		int err = control_call(path, words, ARRAY_LEN(words), &answer);

		if (err || answer.n) {
			if (err && err != ERR_INVALID) {
				buf_reset(&answer);
				buf_fmt(&answer, "%s: no answer any more (%s)", path, err_name(err));
			}
			print_lines(k, buf_view(&answer), err);
			return err ? 1 : 0;
		}
		if (i == 0 && !k->json) /* a program gets one answer */
			print_lines(k, buf_view(begun), false);
		nanosleep(&pause, NULL);
	}
	buf_fmt(&late, "no code came yet; `wireside peer verify %s` waits for it once more", name);
	print_lines(k, buf_view(&late), true);
	return 1;
}

static int verify(const char *name, const struct asking *k)
{
	const char *words[] = {"peer", "verify", name};
	CLEANUP(buf_clear) struct buf answer = {.max = ANSWER_BYTES};
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/control.sock", k->data);
	err = control_call(path, words, ARRAY_LEN(words), &answer);
	if (err == 0)
		return wait_for_code(k, path, name, &answer);
	if (err != ERR_INVALID)
		return ask(k, words, ARRAY_LEN(words)); /* no node that could be asked: it says why */
	print_lines(k, buf_view(&answer), true);
	return 1;
}

static int run(const struct action *a, int argc, char **argv, const struct asking *k)
{
	const char *words[WORDS_MAX] = {"peer", a->name};
	uint32_t n = 2;

	if (a->lines)
		return each_line(a, k);
	if (a->typed && argc == 4) {
		if (strcmp(argv[3], "--typed") == 0)
			return with_password(argv[2], k);
		return refuse(k, "a password is no argument, where everybody could read it; --typed asks for it");
	}
	if (strcmp(a->name, "add") == 0 && !is_target(k, argv[2]))
		return 2;
	if (strcmp(a->name, "verify") == 0 && argc == 3)
		return verify(argv[2], k);
	for (int i = 2; a->option && i < argc; i++)
		if (!is_among(argv[i], a->option))
			return refuse(k, "peer %s takes nothing but %s", a->name, a->option);
	for (int i = 2; i < argc && n < WORDS_MAX; i++)
		words[n++] = argv[i];
	return ask(k, words, n);
}

/* What list and export make of it they say themselves. */
static bool take_json(const struct action *a, int *argc, char **argv)
{
	bool found = false;
	int n = 2;

	if (a && a->option && is_among("--json", a->option))
		return false;
	for (int i = 2; i < *argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			found = true;
		else
			argv[n++] = argv[i];
	argv[n] = NULL;
	*argc = n;
	return found;
}

/* Where it stands before the command it is put behind all. */
static void json_last(int argc, char **argv)
{
	char *json = argc > 2 && strcmp(argv[1], "--json") == 0 ? argv[1] : NULL;

	if (!json)
		return;
	memmove(argv + 1, argv + 2, ((size_t)argc - 2) * sizeof(*argv));
	argv[argc - 1] = json;
}

int cmd_peer(int argc, char **argv)
{
	char list[] = "list", *as_list[] = {argv[0], list, argc > 1 ? argv[1] : NULL, NULL};
	const struct action *a;
	struct asking k = {0};
	char *data;
	int status = 2;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	data = config_take_data(&argc, argv, CONFIG_NODE);
	if (!data)
		return 2;
	json_last(argc, argv);
	if (argc < 2 || (argc == 2 && argv[1][0] == '-')) { /* no command */
		as_list[2] = argc > 1 ? argv[1] : NULL;
		argc = argc < 2 ? 2 : 3;
		argv = as_list;
	}
	a = find(argv[1]);
	k.data = data;
	k.json = take_json(a, &argc, argv);
	if (!a)
		refuse(&k, "there is no command 'peer %s'; see `wireside peer --help`", argv[1]);
	else if (argc - 2 < a->min || argc - 2 > a->max)
		refuse(&k, "peer %s: too %s words; see `wireside peer --help`", a->name,
			argc - 2 < a->min ? "few" : "many");
	else
		status = run(a, argc, argv, &k);
	xfree(data);
	return status;
}
