#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/commands.h"
#include "cmd/extcap.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
	bool runs_on; /* how it ended is not said by whether somebody could read its greeting */
};

static const struct subcommand subcommands[] = {
	{"chat", cmd_chat, "chat in line mode, with this machine's node or as USER@DOMAIN"},
	{"node", cmd_node, "run this machine's node of the peer-to-peer network", true},
	{"peer", cmd_peer, "the index table: who is known, where, and how far trusted"},
	{"serve", cmd_serve, "run a chat server for a domain", true},
	{"user", cmd_user, "add, list, delete accounts, change passwords"},
	{"room", cmd_room, "list, make, change and end rooms"},
	{"status", cmd_status, "what a running server or node is doing"},
	{"stop", cmd_stop, "end a running server or node"},
	{"reload", cmd_reload, "let a running server read its certificate again"},
	{"backup", cmd_backup, "copy the store into a file, running or not"},
	{"check", cmd_check, "look for what is wrong with a set-up, with advice"},
	{"trace", cmd_trace, "capture packets, and show them: ladder, explain, report, Wireshark"},
	{"lab", cmd_lab, "two hosts in a box chat, and their packets are captured"},
	{"features", cmd_features, "the specifications spoken, as a table"},
};

static void help(FILE *out)
{
	fputs("Usage: wireside [COMMAND] [OPTION]...\n\nCommands (without one: chat with this machine's node):\n", out);
	for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
	fputs("\n`wireside COMMAND --help` tells more. All that have an instance take --data DIR, which says which one.\n\n"
	      "Without a command the options of `wireside chat --help` count, and those of `wireside node --help`, if it has to\n"
	      "start the node.\n\n"
	      "Examples:\n"
	      "  wireside\n"
	      "  wireside --name alice@kitchen\n"
	      "  printf '/msg bob hi\\n' | wireside --plain\n"
	      "  wireside serve\n"
	      "  wireside user add alice@localhost\n"
	      "  wireside status\n",
		out);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static const struct subcommand *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return &subcommands[i];
	return NULL;
}

/* Without a word, or with options alone. */
static bool is_chat(int argc, char **argv)
{
	return argc < 2 ||
		(argv[1][0] == '-' && !is_one_of(argv[1], "--version", "-V", "-h") && strcmp(argv[1], "--help") != 0);
}

/* The first three descriptors are for what they are for. Whoever started us may have closed one, and the next file or socket would
 * get its number, and our words. */
static void fill_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What should stand in a file and does not, is not done. */
static int check_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("wireside: not all of the output could be written\n", stderr);
	return status ? status : 1;
}

static int unknown(const char *name, bool help)
{
	fprintf(stderr, "wireside: there is no command '%s'; see wireside --help%s%s%s\n", name,
		help ? "" : ". To talk to somebody who is called so: `wireside`, and there /msg ", help ? "" : name,
		help ? "" : " TEXT");
	return 2;
}

static int run(int argc, char **argv)
{
	char flag[] = "--help", *help_of[] = {argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : flag, flag, NULL};
	const struct subcommand *s;
	bool wants;
	int status;

	if (extcap_called(argc, argv))
		return extcap_run(argc, argv);
	if (is_chat(argc, argv))
		return check_output(cmd_chat(argc, argv));
	if (is_one_of(argv[1], "--version", "-V", "version")) {
		puts("wireside " WIRESIDE_VERSION);
		return check_output(0);
	}
	wants = is_one_of(argv[1], "--help", "-h", "help");
	if (wants && (argc == 2 || is_one_of(argv[2], "--help", "-h", "help"))) {
		help(stdout);
		return check_output(0);
	}
	s = find(argv[wants ? 2 : 1]);
	if (!s)
		return unknown(argv[wants ? 2 : 1], wants || argc > 2);
	status = wants ? s->run(3, help_of) : s->run(argc - 1, argv + 1);
	return s->runs_on && !wants ? status : check_output(status);
}

int main(int argc, char **argv)
{
	fill_standard_files();
	prctl(PR_SET_NAME, "wireside"); /* a node that a chat starts comes from /proc/self/exe */
	return run(argc, argv);
}
