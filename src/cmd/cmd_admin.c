/* The subcommands that only carry words to a server: user, room, status, stop, reload. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/config.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "room/config.h"
#include "xmpp/jid.h"

enum {
	WORDS_MAX = 16,
	SECRET_AT = 4, /* config ROOM roomsecret: where the value stands */
	JSON_AT = 3,   /* behind an address, before what belongs to it */
	DAYS_MAX = 36500
};

static const char json_flag[] = "--json";

struct action {
	const char *name;
	const char *address; /* what the first word must be an address of, NULL: it need not be there */
	int max;             /* words after the name, without --json */
	bool password;       /* asked for and sent as the last word */
	bool json;           /* takes --json */
	enum ask_offline offline;
	const char *second; /* what the word behind the address is, if it must be there */
	bool unused;        /* takes --unused DAYS instead of an address */
	int reads;          /* with at most so many words it changes nothing: also on a stopped server's data */
};

struct group {
	const char *name, *usage;
	struct action actions[10];
};

static const struct group user = {
	"user",
	"Usage: wireside user add|passwd|del USER@DOMAIN [--data DIR]\n"
	"       wireside user list [DOMAIN] [--json] [--data DIR]\n\n"
	"Passwords are asked for on the terminal, or read as one line from standard input.\n"
	"Works on a running server and on a stopped one's data.\n\n"
	"Examples:\n  wireside user add alice@localhost\n  wireside user list --json\n",
	{
		{"add", "USER@DOMAIN", 1, true, false, ASK_MAKE},
		{"passwd", "USER@DOMAIN", 1, true, false, ASK_STORED},
		{"del", "USER@DOMAIN", 1, false, false, ASK_STORED},
		{"list", NULL, 1, false, true, ASK_STORED},
		{0},
	},
};

static const struct group room = {
	"room",
	"Usage: wireside room list [--unused DAYS]\n"
	"       wireside room show ROOM\n"
	"       wireside room create ROOM OWNER [NAME]\n"
	"       wireside room destroy ROOM [REASON [OTHER-ROOM]]\n"
	"       wireside room destroy --unused DAYS [--yes]\n"
	"       wireside room config ROOM [SETTING [VALUE]]\n"
	"       wireside room config ROOM roomsecret - | --password-file FILE\n"
	"       wireside room affiliate ROOM [WHO AFFILIATION [REASON]]\n"
	"       wireside room kick ROOM NICK [REASON]\n"
	"       wireside room log ROOM [N]\n"
	"       wireside room nicknames [remove NICK]\n"
	"all of them with [--json] [--data DIR]\n\n"
	"Asks a running server; what changes nothing also reads the data of a stopped one. ROOM is NAME@rooms.DOMAIN (or what\n"
	"rooms-host says), OWNER and\n"
	"WHO are USER@DOMAIN (a ban also DOMAIN), AFFILIATION is owner, admin, member, outcast or none, N at most 500\n"
	"messages. A room that is created stays until it is destroyed; who was in it, or wants to enter later, is told of\n"
	"OTHER-ROOM. The OWNER must exist, if he is of a domain of this server. Without more words config and affiliate list what\n"
	"there is, config with a SETTING says what it is. A room's password (roomsecret) is asked for on\n"
	"the terminal, or read as one line from standard input or FILE; '' is none.\n\n"
	"list: address, occupants, persistent or temporary, public or hidden, the day of the last activity, owners, name.\n"
	"nicknames: those that users have registered with the service as their own in all its rooms; remove frees one.\n"
	"--unused DAYS: rooms in which nobody is and nothing has happened for so long; destroy shows them, asks on a terminal, and\n"
	"with --yes destroys them at once, 1000 at most.\n\n"
	"Examples:\n"
	"  wireside room list\n"
	"  wireside room list --unused 365\n"
	"  wireside room create lunch@rooms.localhost alice@localhost 'Where we eat'\n"
	"  wireside room config lunch@rooms.localhost membersonly 1\n"
	"  wireside room config lunch@rooms.localhost roomsecret --password-file lunch.password\n"
	"  wireside room affiliate lunch@rooms.localhost bob@localhost member\n"
	"  wireside room log lunch@rooms.localhost 10 --json\n"
	"  wireside room destroy lunch@rooms.localhost 'Lunch is over'\n",
	{
		{"list", NULL, 0, false, true, ASK_STORED, NULL, true},
		{"show", "ROOM@SERVICE", 1, false, true, ASK_STORED},
		{"create", "ROOM@SERVICE", 3, false, true, ASK_REFUSE, "OWNER"},
		{"destroy", "ROOM@SERVICE", 3, false, true, ASK_REFUSE, NULL, true},
		{"config", "ROOM@SERVICE", 3, false, true, ASK_REFUSE, .reads = 2},
		{"affiliate", "ROOM@SERVICE", 4, false, true, ASK_REFUSE, .reads = 1},
		{"kick", "ROOM@SERVICE", 3, false, true, ASK_REFUSE, "NICK"},
		{"log", "ROOM@SERVICE", 2, false, true, ASK_STORED},
		{"nicknames", NULL, 2, false, true, ASK_REFUSE},
		{0},
	},
};

bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static bool is_address(const char *word)
{
	struct jid_buf jid;

	return jid_parse_buf(str_z(word), &jid) == 0 && jid.jid.local && !jid.jid.resource;
}

/* The first word that is one too many, NULL: none is. */
static const char *superfluous(const struct action *a, int argc, char **argv)
{
	return argc - 2 > a->max ? argv[2 + a->max] : NULL;
}

/* What is taken out of the words of a command line. */
struct flags {
	const char *file;   /* of a password; NULL: none */
	const char *unused; /* DAYS; NULL: none */
	bool json, yes;
};

/* The same words that the server would refuse, before a password is asked for. */
static const struct action *find_action(const struct group *g, int argc, char **argv, const struct flags *flags)
{
	const struct action *a = g->actions;

	while (a->name && strcmp(a->name, argv[1]) != 0)
		a++;
	if (!a->name)
		fprintf(stderr, "wireside: there is no command '%s %s'\n", g->name, argv[1]);
	else if (flags->unused && (!a->unused || argc > 2))
		fprintf(stderr, "wireside: %s %s: '--unused' is not understood%s\n", g->name, a->name,
			a->unused ? " with a room" : "");
	else if (flags->yes && !(flags->unused && a->address))
		fprintf(stderr, "wireside: %s %s: '--yes' is not understood\n", g->name, a->name);
	else if (flags->unused)
		return a;
	else if (a->address && argc < 3)
		fprintf(stderr, "wireside: %s %s needs %s\n", g->name, a->name, a->address);
	else if (a->second && argc < 4)
		fprintf(stderr, "wireside: %s %s needs %s %s\n", g->name, a->name, a->address, a->second);
	else if (superfluous(a, argc, argv))
		fprintf(stderr, "wireside: %s %s: '%s' is not understood%s\n", g->name, a->name,
			superfluous(a, argc, argv), a->password ? "; the password is asked for" : "");
	else if (a->address && !is_address(argv[2]))
		fprintf(stderr, "wireside: '%s' is not an address of the form %s, like %s\n", argv[2], a->address,
			a->address[0] == 'U' ? "alice@localhost" : "lunch@rooms.localhost");
	else
		return a;
	return NULL;
}

/* ---- the password of a room ---- */

/* Is this `room config ROOM roomsecret VALUE`? file: where the value is, if it is in one. */
static bool sets_secret(const struct action *a, int argc, char **argv, const char *file)
{
	return strcmp(a->name, "config") == 0 && argc >= SECRET_AT + !file && room_config_is_secret(str_z(argv[3]));
}

/* Takes a flag and its value out of the words; false: it has none. */
static bool take_value(int *argc, char **argv, const char *flag, const char *value, const char **ret)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], flag) != 0)
			continue;
		if (i + 1 == *argc) {
			fprintf(stderr, "wireside: %s needs %s\n", flag, value);
			return false;
		}
		*ret = argv[i + 1];
		memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i - 1) * sizeof(*argv));
		*argc -= 2;
		return true;
	}
	return true;
}

/* Words of a command line are seen by everybody on the machine, and kept by shells. */
static bool secret_is_no_word(const struct action *a, int argc, char **argv, const char *file)
{
	bool sets = sets_secret(a, argc, argv, file);

	if (!sets && !file)
		return true;
	if (!sets)
		fputs("wireside: --password-file is for `room config ROOM roomsecret`\n", stderr);
	else if (file ? argc == SECRET_AT
		      : argc > SECRET_AT && (!*argv[SECRET_AT] || strcmp(argv[SECRET_AT], "-") == 0))
		return true;
	else
		fprintf(stderr,
			"wireside: %s: a password is no word of a command line: - (it is asked for, or read from standard "
			"input) or --password-file FILE\n",
			argv[3]);
	return false;
}

static bool needs_password(const struct action *a, int argc, char **argv, const char *file)
{
	return a->password || file || (sets_secret(a, argc, argv, NULL) && strcmp(argv[SECRET_AT], "-") == 0);
}

/* Takes a flag out of the words, wherever it stands behind the command. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
	for (int i = 2; i < *argc; i++) {
		if (strcmp(argv[i], flag) != 0)
			continue;
		memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i - 1) * sizeof(*argv));
		(*argc)--;
		return true;
	}
	return false;
}

static bool flags_understood(const struct action *a, int argc, char **argv, bool json)
{
	if (json && !a->json) {
		fprintf(stderr, "wireside: %s %s: '--json' is not understood\n", argv[0], a->name);
		return false;
	}
	for (int i = 2; i < argc; i++) {
		if (i == SECRET_AT && sets_secret(a, argc, argv, NULL) && !argv[i][1])
			continue;
		if (argv[i][0] != '-')
			continue;
		fprintf(stderr, "wireside: %s %s: '%s' is not understood\n", argv[0], a->name, argv[i]);
		return false;
	}
	return true;
}

/* A password is the last word, and the server wipes that one: --json stands before it. */
static int run_action(const struct group *g, const struct action *a, int argc, char **argv, const char *data,
	const struct flags *flags)
{
	const char *words[WORDS_MAX] = {g->name};
	uint32_t n = 1;
	char *password = NULL;
	int status;

	for (int i = 1; i < argc && n < WORDS_MAX - 2; i++) {
		if (i == JSON_AT && flags->json)
			words[n++] = json_flag;
		words[n++] = argv[i];
	}
	if (flags->json && argc <= JSON_AT)
		words[n++] = json_flag;
	if (needs_password(a, argc, argv, flags->file)) {
		password = flags->file ? ask_password_file(flags->file) : ask_password("Password: ", true);
		if (!password)
			return 1;
		if (!a->password && !flags->file)
			n--; /* it takes the place of "-" */
		words[n++] = password;
	}
	status = ask_server(data, words, n, !password && argc - 2 <= a->reads ? ASK_STORED : a->offline);
	if (password)
		mem_wipe(password, strlen(password));
	xfree(password);
	return status;
}

/* ---- rooms that nobody uses ---- */

static int ask_unused(const char *verb, const struct flags *flags, bool yes, const char *data)
{
	const char *words[] = {"room", verb, "--unused", flags->unused, NULL, NULL};
	bool lists = strcmp(verb, "list") == 0;
	uint32_t n = 4;

	if (yes)
		words[n++] = "--yes";
	if (flags->json)
		words[n++] = json_flag;
	return ask_server(data, words, n, lists ? ASK_STORED : ASK_REFUSE);
}

/* Asked for on a terminal; programs, and who asks for JSON, which is one document, say it before. */
static bool agreed(const struct flags *flags)
{
	char line[16] = "";

	if (!isatty(STDIN_FILENO) || flags->json) {
		fputs("wireside: nothing was destroyed: --yes destroys them\n", stderr);
		return false;
	}
	fputs("Destroy these rooms? [y/N] ", stderr);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return true;
	fputs("wireside: nothing was destroyed\n", stderr);
	return false;
}

static bool is_days(const char *word)
{
	uint64_t n;

	if (str_uint(str_z(word), DAYS_MAX, &n) == 0 && n > 0)
		return true;
	fprintf(stderr, "wireside: --unused: DAYS is a number from 1 to %d\n", DAYS_MAX);
	return false;
}

/* What would be gone is seen before, unless nothing can be done about it. */
static int run_unused(const struct action *a, const struct flags *flags, const char *data)
{
	int status;

	if (!is_days(flags->unused))
		return 2;
	if (!a->address)
		return ask_unused("list", flags, false, data);
	if (flags->yes || !ask_is_running(data))
		return ask_unused("destroy", flags, flags->yes, data);
	status = ask_unused("list", flags, false, data);
	if (status)
		return status;
	return agreed(flags) ? ask_unused("destroy", flags, true, data) : 1;
}

static int run_group(const struct group *g, int argc, char **argv)
{
	const struct action *a;
	struct flags flags = {0};
	char *data;
	int status = 2;

	if (wants_help(argc, argv)) {
		fputs(g->usage, stdout);
		return 0;
	}
	if (!take_value(&argc, argv, "--password-file", "FILE", &flags.file) ||
		!take_value(&argc, argv, "--unused", "DAYS", &flags.unused))
		return 2;
	data = config_take_data(&argc, argv, CONFIG_SERVE);
	if (!data)
		return 2;
	flags.json = take_flag(&argc, argv, json_flag);
	flags.yes = take_flag(&argc, argv, "--yes");
	a = argc < 2 ? NULL : find_action(g, argc, argv, &flags);
	if (a && flags_understood(a, argc, argv, flags.json) && secret_is_no_word(a, argc, argv, flags.file))
		status = flags.unused ? run_unused(a, &flags, data) : run_action(g, a, argc, argv, data, &flags);
	else if (argc < 2)
		fputs(g->usage, stderr);
	else
		fprintf(stderr, "See `wireside %s --help`.\n", g->name);
	xfree(data);
	return status;
}

int cmd_user(int argc, char **argv) { return run_group(&user, argc, argv); }
int cmd_room(int argc, char **argv) { return run_group(&room, argc, argv); }

/* ---- one word ---- */

struct simple {
	const char *usage;
	bool json;    /* takes --json */
	bool either;  /* without --data: the server's or the node's, whichever runs */
	bool changes; /* is not done to both */
};

static bool names_data(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--data") == 0 || strncmp(argv[i], "--data=", 7) == 0)
			return true;
	return false;
}

static int ask_both(const struct simple *k, const char *const *words, uint32_t n, const char *server, const char *node)
{
	int status;

	if (k->changes || n > 1) {
		fprintf(stderr,
			"wireside: a server runs on %s and a node on %s: --data DIR says which of the two is meant\n",
			server, node);
		return 1;
	}
	printf("Server (%s)\n", server);
	fflush(stdout);
	status = ask_server(server, words, n, ASK_REFUSE);
	printf("\nNode (%s)\n", node);
	fflush(stdout);
	return ask_server(node, words, n, ASK_REFUSE) || status;
}

/* Nobody has said which folder. What is done to a node that was perhaps not meant is said. */
static int ask_either(const struct simple *k, const char *const *words, uint32_t n, const char *server)
{
	char *node = config_default_data(CONFIG_NODE);
	bool runs = ask_is_running(server), node_runs = ask_is_running(node);
	int status;

	if (runs && node_runs) {
		status = ask_both(k, words, n, server, node);
	} else if (node_runs) {
		if (k->changes)
			printf("the node of %s: ", node);
		fflush(stdout);
		status = ask_server(node, words, n, ASK_REFUSE);
	} else if (runs) {
		status = ask_server(server, words, n, ASK_REFUSE);
	} else {
		fprintf(stderr,
			"wireside: no server runs on %s, and no node on %s; `wireside serve` starts a server, `wireside` a "
			"node, and --data names another folder\n",
			server, node);
		status = 1;
	}
	xfree(node);
	return status;
}

static int run_simple(int argc, char **argv, const struct simple *k)
{
	const char *words[2] = {argv[0], NULL};
	bool named = names_data(argc, argv);
	uint32_t n = 1;
	char *data;
	int status;

	if (wants_help(argc, argv)) {
		fputs(k->usage, stdout);
		return 0;
	}
	data = config_take_data(&argc, argv, CONFIG_SERVE);
	if (!data)
		return 2;
	if (k->json && argc == 2 && strcmp(argv[1], "--json") == 0)
		words[n++] = argv[1];
	if ((int)n != argc) {
		fprintf(stderr, "wireside: %s: '%s' is not understood\nSee `wireside %s --help`.\n", argv[0], argv[n],
			argv[0]);
		status = 2;
	} else if (k->either && !named) {
		status = ask_either(k, words, n, data);
	} else {
		status = ask_server(data, words, n, ASK_REFUSE);
	}
	xfree(data);
	return status;
}

static const char status_usage[] =
	"Usage: wireside status [--json] [--data DIR]\n\n"
	"What the server or node of this data folder is doing. Without --data: whichever of the\n"
	"two runs, or both.\n\n"
	"Examples:\n  wireside status --json\n"
	"  wireside status --data ~/.local/share/wireside/node\n";
static const char stop_usage[] =
	"Usage: wireside stop [--data DIR]\n\n"
	"Ends the server or node of this data folder: clients are told, everything is committed.\n"
	"Returns when it is done. Without --data: whichever of the two runs; if both do, neither is ended.\n\n"
	"Examples:\n  wireside stop\n"
	"  wireside stop --data ~/.local/share/wireside/node\n";
static const char reload_usage[] = "Usage: wireside reload [--data DIR]\n\n"
				   "Lets the server read its certificate and key again; connections stay.\n\n"
				   "Example:\n  wireside reload\n";

int cmd_status(int argc, char **argv)
{
	return run_simple(argc, argv, &(struct simple){.usage = status_usage, .json = true, .either = true});
}

int cmd_stop(int argc, char **argv)
{
	return run_simple(argc, argv, &(struct simple){.usage = stop_usage, .either = true, .changes = true});
}

int cmd_reload(int argc, char **argv) { return run_simple(argc, argv, &(struct simple){.usage = reload_usage}); }
