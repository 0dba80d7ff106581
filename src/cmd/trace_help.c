/* What `wireside trace` and its subcommands say of themselves, and which option belongs to which of them: what is told and
 * what is taken is one table. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/help.h"
#include "cmd/trace_i.h"

enum {
	LADDERS = TRACE_LADDER | TRACE_WATCH | TRACE_LIVE,
	PAGES = TRACE_EXPLAIN | TRACE_STATS | TRACE_REPORT,
	CAPTURES = TRACE_CAPTURE | TRACE_LIVE,
	MADE = TRACE_SAVE | TRACE_STRIP | TRACE_SHARE,
	TEXT_MAX = 65536,
	LEFT_MAX = 26 /* of a column of options */
};

/* An option, the subcommands that have it, and what it does there. text: NULL: for the program itself. */
static const struct use {
	const char *name, *left;
	unsigned of;
	const char *text;
} uses[] = {
	{"-i", "-i INTERFACE", CAPTURES | TRACE_OPEN,
		"the network (default: where the node's links are, else the first one)"},
	{"--peer", "--peer NAME", CAPTURES | TRACE_OPEN,
		"only what is said with this one; the node knows where that is"},
	{"--data", "--data DIR", CAPTURES | TRACE_OPEN,
		"folder of the node or server that is asked (default: the usual ones)"},
	{"--port", "--port N", CAPTURES, "this TCP port, too; may be said several times"},
	{"--with-secrets", "--with-secrets", CAPTURES,
		"with the secrets of the links, as node or server tell them: whoever has the file can read what is said. A node "
		"makes links that are up anew, so that their handshake is in the file"},
	{"--stanzas", "--stanzas", CAPTURES | TRACE_OPEN,
		"what the node exchanges with others, not packets: needs no right"},
	{"--dumpcap", "--dumpcap", CAPTURES,
		"captures by Wireshark's dumpcap, which is done anyway where this program may not capture itself"},
	{"--seconds", "--seconds N", CAPTURES, "ends after so many"},
	{"--count", "--count N", CAPTURES, "ends after so many packets"},
	{"--live", "--live", TRACE_WATCH, "the file may still grow, or come through a pipe (-): what comes is shown"},
	{"--live", "--live", TRACE_LIVE, "shows the ladder while it captures"},
	{"--live", "--live", TRACE_OPEN, "no FILE: captures, and the window shows the chat while it goes on"},
	{"-Y", "-Y, --filter FILTER", LADDERS & ~TRACE_LIVE,
		"only frames that Wireshark's display filter lets through, e.g. 'chat.kind == \"message\"'"},
	{"-Y", "-Y, --filter FILTER", TRACE_LIVE, "with --live: shows only what the display filter lets through"},
	{"-Y", "-Y, --filter FILTER", PAGES,
		"only what Wireshark's display filter lets through, judged by the whole file"},
	{"-Y", "-Y, --filter FILTER", TRACE_SAVE,
		"only packets that Wireshark's display filter lets through (default: all)"},
	{"-Y", "-Y, --filter FILTER", TRACE_OPEN, "the display filter that the window begins with"},
	{"-a", "-a", LADDERS & ~TRACE_LIVE,
		"shows bare acknowledgements and other packets, too, which are only counted else"},
	{"-a", "-a", TRACE_LIVE, "with --live: shows what is only counted else"},
	{"-a", "-a", TRACE_REPORT, "with --txt: shows what is only counted else"},
	{"--plain", "--plain", LADDERS & ~TRACE_LIVE, "text, also on a terminal"},
	{"--plain", "--plain", TRACE_LIVE, "with --live: text, also on a terminal"},
	{"--plain", "--plain", TRACE_FOLLOW, "the bytes as they were on the wire, encrypted ones too"},
	{"--html", "--html", TRACE_REPORT, "a page that needs no network and runs no script (default)"},
	{"--svg", "--svg", TRACE_REPORT, "the ladder as a picture"},
	{"--csv", "--csv", TRACE_REPORT, "a row for each event, for spreadsheets"},
	{"--json", "--json", TRACE_REPORT, "hosts, frames and events, for programs"},
	{"--json", "--json", TRACE_STATS | TRACE_INSTALL | TRACE_UNINSTALL, "the same for programs"},
	{"--txt", "--txt", TRACE_REPORT, "the ladder as text"},
	{"--pdml", "--pdml", TRACE_REPORT, "all fields of all packets, in Wireshark's XML"},
	{"--pcap", "--pcap", TRACE_REPORT, "the packets, as old programs read them"},
	{"--format", "--format NAME", TRACE_REPORT, "one of these by its name"},
	{"--format", "--format NAME", TRACE_SAVE,
		"pcapng, pcap, snoop or any other that tshark knows (default: as the name of NEW-FILE ends)"},
	{"--crlf", "--crlf", TRACE_REPORT, "line ends of --txt as on Windows (--csv has them always)"},
	{"--connection", "--connection N", TRACE_FOLLOW, "which one (default 0, the first)"},
	{"--frame", "--frame N", TRACE_OPEN, "the frame that the window begins with"},
	{"--folder", "--folder", TRACE_OPEN,
		"no FILE: makes the folder with our configuration, names it, and starts nothing"},
	{"--from", "--from ADDRESS:PORT", TRACE_IMPORT, "with --to: the dumps are what TCP carried, and get headers"},
	{"--to", "--to ADDRESS:PORT", TRACE_IMPORT,
		"the other end; lines of a dump that begin with < or I come from there"},
	{"-w", "-w, -o FILE", TRACE_LADDER | TRACE_EXPLAIN | TRACE_STATS, "where to write (default: standard output)"},
	{"-w", "-o, -w FILE", TRACE_REPORT,
		"where to write (default: standard output). The name tells the form by its end (.csv), if nothing else does; of several "
		"forms each is a file of its own beside it"},
	{"-w", "-w, -o NEW-FILE", MADE,
		"where to write; with .gz it is compressed, .pcap and .snoop are other kinds of files (of save and strip: - for standard output)"},
	{"-w", "-w, -o NEW-FILE", TRACE_IMPORT, "where to write (- for standard output)"},
	{"-w", "-w, -o FILE", CAPTURES,
		"where to write (default chat.pcapng; .pcap is the older kind, without names and secrets; - for standard output)"},
	{"--force", "--force", TRACE_FILES | CAPTURES, "a file that is there is replaced"},
	{"--force", "--force", TRACE_LADDER | PAGES, "also replaces a file that is no older output of the same kind"},
	{"--exact", "--exact", TRACE_SAVE,
		"of an encrypted connection the chosen packets alone, without what it takes to decrypt them and without secrets"},
	{"--child", "--child", TRACE_LIVE, NULL},
};

/* What a subcommand is. text: of its own help; brief: in the list of all. */
static const struct about {
	const char *name;
	unsigned shown; /* whose options are told */
	const char *usage, *brief, *text, *examples;
} abouts[] = {
	{"ladder", TRACE_LADDER | TRACE_WATCH,
		"Usage: wireside trace FILE [-a] [-Y FILTER] [--plain] [-w FILE]\n"
		"       wireside trace --live [FILE] [-a] [-Y FILTER] [--plain]\n",
		"what happened between whom (also without this word)",
		"The ladder: who says what to whom, what TCP and TLS do for it, what is lost. On a terminal one moves in it, and ? tells "
		"the keys; in a pipe, with --plain or -w it is text. With --live and no FILE it is `wireside trace capture --live`.\n",
		"  wireside trace wireside-lab/lab.pcapng\n"
		"  wireside trace wireside-lab/lab.pcapng -Y 'chat.kind == \"message\"'\n"},
	{"explain", TRACE_EXPLAIN, "Usage: wireside trace explain FILE [-Y FILTER] [-w FILE]\n",
		"the questions of a lesson, answered",
		"Which segments open the connection, which bytes are a message, who acknowledged it and when, what was lost, who closed: "
		"each answer with its frames, and the display filter that proves it.\n",
		"  wireside trace explain wireside-lab/lab.pcapng\n"
		"  wireside trace explain wireside-lab/lab.pcapng -Y 'tcp.stream == 0'\n"},
	{"stats", TRACE_STATS, "Usage: wireside trace stats FILE [-Y FILTER] [--json] [-w FILE]\n",
		"numbers: messages, receipts, losses, bytes",
		"How many messages, how fast their receipts, what was lost, how many bytes.\n",
		"  wireside trace stats wireside-lab/lab.pcapng\n"
		"  wireside trace stats wireside-lab/lab.pcapng --json -w numbers.json\n"},
	{"report", TRACE_REPORT, "Usage: wireside trace report FILE [--FORM]... [-Y FILTER] [-o FILE]\n",
		"all of it as one page, or as csv, json, svg, txt, pdml, pcap",
		"The ladder as a picture, the answers of explain, charts, numbers, what each connection said, all frames. A report replaces "
		"an older one.\n",
		"  wireside trace report wireside-lab/lab.pcapng -o lab.html\n"
		"  wireside trace report wireside-lab/lab.pcapng --html --csv --json -o lab\n"},
	{"follow", TRACE_FOLLOW, "Usage: wireside trace follow FILE [--connection N] [--plain]\n",
		"what one connection said",
		"The bytes of one connection, both directions in their order, decrypted where the file has the secrets.\n",
		"  wireside trace follow wireside-lab/lab.pcapng\n"
		"  wireside trace follow wireside-lab/lab.pcapng --connection 1 --plain\n"},
	{"save", TRACE_SAVE,
		"Usage: wireside trace save FILE [-Y FILTER] -w NEW-FILE [--format NAME] [--exact] [--force]\n",
		"some or all packets into a new file",
		"Packets of an encrypted connection go with what it takes to decrypt them, if the file has the secrets: how many these are, that "
		"secrets go along and what the kind of file has no place for is said.\n",
		"  wireside trace save wireside-lab/lab.pcapng -Y 'tcp.stream == 0' -w one.pcapng\n"
		"  wireside trace save wireside-lab/lab.pcapng -w old.pcap.gz\n"},
	{"import", TRACE_IMPORT,
		"Usage: wireside trace import TEXT -w NEW-FILE [--from ADDRESS:PORT --to ADDRESS:PORT] [--force]\n",
		"packets out of a hexadecimal dump",
		"TEXT (- for standard input) is a dump as hexdump -C, xxd, od -Ax -tx1, tcpdump -xx and Wireshark print it. A packet begins at offset "
		"0; the lines before it may have a time and begin with a direction.\n",
		"  wireside trace import dump.txt -w dump.pcapng\n"
		"  wireside trace import said.txt -w said.pcapng --from 10.0.0.1:40000 --to 10.0.0.2:5298\n"},
	{"capture", TRACE_CAPTURE | TRACE_LIVE,
		"Usage: wireside trace capture [-i INTERFACE] [-w FILE] [--peer NAME] [--with-secrets] [--live] [OPTION]...\n",
		"packets of this machine's chat into a file",
		"Takes the packets of this machine's chat, of its node and of its server, until Ctrl-C.\n",
		"  wireside trace capture -w talk.pcapng --with-secrets\n"
		"  wireside trace capture --live -i eth0 --peer bob\n"},
	{"strip", TRACE_STRIP, "Usage: wireside trace strip FILE -w NEW-FILE [--force]\n",
		"a copy without secrets: what was encrypted stays so",
		"What was said in clear stays readable; for others than friends take share.\n",
		"  wireside trace strip wireside-lab/lab.pcapng -w stripped.pcapng\n"
		"  wireside trace strip lab.pcapng.gz -w stripped.pcapng.gz --force\n"},
	{"share", TRACE_SHARE, "Usage: wireside trace share FILE -w NEW-FILE [--force]\n",
		"the same, and logins in clear are made unreadable",
		"A copy for others: without secrets, and with every login and password in clear made unreadable. Refuses a file with packets into "
		"which it cannot look.\n",
		"  wireside trace share wireside-lab/lab.pcapng -w public.pcapng\n"
		"  wireside trace share server.pcapng -w public.pcapng.gz\n"},
	{"open", TRACE_OPEN,
		"Usage: wireside trace open FILE [-Y FILTER] [--frame N]\n"
		"       wireside trace open --live [-i INTERFACE] [--peer NAME] [--stanzas] [-Y FILTER]\n"
		"       wireside trace open --folder\n",
		"in your Wireshark, with our profile and chat layer",
		"Starts Wireshark with a configuration folder of its own: columns, colours, filter buttons, graphs and chat layer are there, and "
		"your own settings are neither read nor touched.\n",
		"  wireside trace open wireside-lab/lab.pcapng\n"
		"  wireside trace open --live --peer bob\n"},
	{"install", TRACE_INSTALL, "Usage: wireside trace install [--json]\n",
		"puts profile, chat layer and interfaces into your Wireshark",
		"Puts a profile (Wireside), the chat layer and two interfaces to capture from into your own Wireshark. A file that is not ours "
		"or that you have changed is left alone. `wireside trace uninstall` takes it away again.\n",
		"  wireside trace install\n"
		"  wireside trace install --json\n"},
	{"uninstall", TRACE_UNINSTALL, "Usage: wireside trace uninstall [--json]\n",
		"takes exactly that away, and nothing that was changed",
		"Takes away what `wireside trace install` put there, and nothing else: what you have changed stays.\n",
		"  wireside trace uninstall\n"
		"  wireside trace uninstall --json\n"},
};

bool trace_has(const char *option, unsigned actions)
{
	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (uses[i].of & actions && strcmp(uses[i].name, option) == 0)
			return true;
	return false;
}

static void put_options(struct buf *out, unsigned shown)
{
	size_t left = 0;

	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (uses[i].of & shown && uses[i].text && strlen(uses[i].left) > left)
			left = strlen(uses[i].left);
	left = left < LEFT_MAX ? left : LEFT_MAX;
	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (uses[i].of & shown && uses[i].text)
			buf_fmt(out, "  %-*s  %s\n", (int)left, uses[i].left, uses[i].text);
}

static void put_all(struct buf *out)
{
	buf_z(out,
		"Usage: wireside trace FILE [OPTION]...\n"
		"       wireside trace COMMAND [FILE] [OPTION]...\n\n"
		"What is in a capture file of any kind that tshark reads; `wireside lab` makes one. Wireshark's engine (tshark) dissects it, "
		"with Wireside's chat layer and without your own Wireshark settings.\n\n"
		"Commands (without one: ladder):\n");
	for (size_t i = 0; i < ARRAY_LEN(abouts); i++)
		buf_fmt(out, "  %-10s %s\n", abouts[i].name, abouts[i].brief);
	buf_z(out,
		"\n`wireside trace COMMAND --help` has the options of one.\n\n"
		"Examples:\n"
		"  wireside trace wireside-lab/lab.pcapng\n"
		"  wireside trace explain wireside-lab/lab.pcapng\n");
}

void trace_help(const char *name)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};
	const struct about *a = NULL;

	for (size_t i = 0; name && i < ARRAY_LEN(abouts); i++)
		if (strcmp(abouts[i].name, name) == 0)
			a = &abouts[i];
	if (a) {
		buf_fmt(&out, "%s\n%s\n", a->usage, a->text);
		put_options(&out, a->shown);
		buf_fmt(&out, "\nExamples:\n%s", a->examples);
	} else {
		put_all(&out);
	}
	help_print(buf_cstr(&out));
}
