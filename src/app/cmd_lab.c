/* `wireside lab`: a demonstration on one machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/lab.h"
#include "base/mem.h"

static const char usage[] =
	"Usage: wireside lab [OPTION]...\n\n"
	"Puts some hosts into a box, joined by a switch, lets a node and a person on each of them chat, captures their packets,\n"
	"and leaves a capture file for `wireside trace` and Wireshark, with the secrets of its TLS sessions in it.\n"
	"No other network is touched. As root, or as anybody where user namespaces are allowed.\n\n"
	"  --tls             links between nodes as they are: encrypted (default)\n"
	"  --plain           links of old programs: everybody on the wire reads along\n"
	"  --loss PERCENT    so many TCP segments are lost (0 to 50)\n"
	"  --peers N         hosts (2 to 8, default 2)\n"
	"  --batch           does not show the ladder at the end\n"
	"  -o DIR            folder for lab.pcapng and transcript.json (default wireside-lab)\n\n"
	"Examples:\n  wireside lab\n  wireside lab --plain --loss 15% -o lossy\n";

static bool read_number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
	struct str s = str_z(text);
	uint64_t n = 0;

	if (s.n > 1 && s.p[s.n - 1] == '%')
		s.n--;
	if (!s.p || str_uint(s, max, &n) != 0 || n < min)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* Words used; 0: not understood. */
static int take_option(struct lab_options *o, bool *batch, char **argv)
{
	const char *word = argv[0];

	if (strcmp(word, "--tls") == 0 || strcmp(word, "--plain") == 0)
		o->plain = word[2] == 'p';
	else if (strcmp(word, "--batch") == 0)
		*batch = true;
	else if (strcmp(word, "--loss") == 0)
		return read_number(argv[1], 0, 50, &o->loss) ? 2 : 0;
	else if (strcmp(word, "--peers") == 0)
		return read_number(argv[1], 2, LAB_PEERS_MAX, &o->peers) ? 2 : 0;
	else if (strcmp(word, "-o") == 0 && argv[1])
		o->into = argv[1];
	else
		return 0;
	return strcmp(word, "-o") == 0 ? 2 : 1;
}

static int show_ladder(const struct lab_options *o)
{
	char word[] = "trace", file[4096], *argv[] = {word, file, NULL};

	snprintf(file, sizeof(file), "%s/lab.pcapng", o->into);
	putchar('\n');
	return cmd_trace(2, argv);
}

int cmd_lab(int argc, char **argv)
{
	struct lab_options o = {.peers = 2, .into = "wireside-lab"};
	CLEANUP(buf_clear) struct buf done = {.max = 4096};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	bool batch = false;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	for (int i = 1, used; i < argc; i += used) {
		used = take_option(&o, &batch, argv + i);
		if (!used) {
			fprintf(stderr, "wireside: lab: '%s' is not understood\nSee `wireside lab --help`.\n", argv[i]);
			return 2;
		}
	}
	if (lab_run(&o, &done, &why) != 0) {
		fprintf(stderr, "wireside: lab: %s\n", buf_cstr(&why));
		return 1;
	}
	fputs(buf_cstr(&done), stdout);
	return batch ? 0 : show_ladder(&o);
}
