#include "cmd/extcap.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/capture.h"
#include "tui/filter.h"

enum { PIPE_TRIES = 100, PIPE_WAIT_MS = 30 };

struct call {
	const char *interface, *fifo;
	bool list, dlts, config, capture;
	/* what the user has set */
	const char *data, *peer, *card, *secrets, *port;
};

bool extcap_called(int argc, char **argv)
{
	return argc > 1 && (strncmp(argv[1], "--extcap-", 9) == 0 || strcmp(argv[1], "--capture") == 0);
}

static const struct interface {
	const char *value, *display, *link_type, *options;
	bool stanzas;
} interfaces[] = {
	{EXTCAP_LINKS, "Wireside: peer links (packets + secrets)", "{number=1}{name=EN10MB}{display=Ethernet}",
		"arg {number=3}{call=--secrets}{display=Read what is encrypted}{type=boolean}{default=true}{tooltip=The node tells "
		"the keys of its links, and opens those anew that are up. Whoever has the capture can read what is said.}\n"
		"arg {number=4}{call=--port}{display=Another TCP port of the chat (0: none)}{type=unsigned}{range=0,65535}{default=0}{tooltip=Besides "
		"those that nodes choose by themselves}\n",
		false},
	{EXTCAP_STANZAS, "Wireside: stanzas as the program saw them",
		"{number=252}{name=WIRESHARK_UPPER_PDU}{display=Stanzas, not packets}", "", true},
};

static const struct interface *find(const char *value)
{
	for (size_t i = 0; value && i < ARRAY_LEN(interfaces); i++)
		if (strcmp(value, interfaces[i].value) == 0)
			return &interfaces[i];
	return NULL;
}

/* ---- what Wireshark asks ---- */

static int list(void)
{
	puts("extcap {version=" WIRESIDE_VERSION "}{display=Wireside}");
	for (size_t i = 0; i < ARRAY_LEN(interfaces); i++)
		printf("interface {value=%s}{display=%s}\n", interfaces[i].value, interfaces[i].display);
	return 0;
}

/* Names of interfaces are free text to the kernel: none may end the sentence it stands in. */
static void put_cards(void)
{
	struct if_nameindex *all = if_nameindex();

	puts("arg {number=0}{call=--card}{display=On this network}{type=selector}{tooltip=By itself: where the chat is}\n"
	     "value {arg=0}{value=auto}{display=where the chat is}{default=true}");
	for (size_t i = 0; all && all[i].if_index; i++)
		if (!strpbrk(all[i].if_name, "{}"))
			printf("value {arg=0}{value=%s}{display=%s}\n", all[i].if_name, all[i].if_name);
	if (all)
		if_freenameindex(all);
}

static int describe(const struct interface *i)
{
	if (!i->stanzas)
		put_cards();
	puts("arg {number=1}{call=--peer}{display=Only with}{type=string}{placeholder=everybody}{tooltip=A name from the list of "
	     "peers}\n"
	     "arg {number=2}{call=--data}{display=Folder of the node}{type=string}{placeholder=the usual one}");
	fputs(i->options, stdout);
	return 0;
}

/* Wireshark waits for the other end of the pipe, whatever becomes of us, and tells what we said only when the pipe has
 * ended. */
static void end_pipe(const char *fifo)
{
	for (int tries = 0; tries < PIPE_TRIES; tries++) {
		int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0) {
			close(fd);
			return;
		}
		if (errno != ENXIO)
			return;
		poll(NULL, 0, PIPE_WAIT_MS);
	}
}

static int capture(const struct call *call, const struct interface *i)
{
	CLEANUP(buf_clear) struct buf done = {.max = 8192}, why = {.max = 8192}, line = {.max = 16384};
	struct capture_options o = {.file = call->fifo, .pipe = true, .stanzas = i->stanzas, .peer = call->peer};
	uint64_t port = 0;
	int err;

	o.data = call->data;
	o.interface = call->card && strcmp(call->card, "auto") != 0 ? call->card : NULL;
	o.secrets = !i->stanzas && !(call->secrets && strcmp(call->secrets, "false") == 0);
	if (call->port && str_uint(str_z(call->port), 65535, &port) == 0 && port)
		o.ports[o.port_n++] = (uint16_t)port;
	err = capture_run(&o, &done, &why);
	if (err) {
		filter_line(&line, buf_view(&why));
		fprintf(stderr, "Wireside: %s\n", buf_cstr(&line));
		end_pipe(call->fifo);
	}
	return err ? 1 : 0;
}

/* ---- words ---- */

/* "--name VALUE" or "--name=VALUE"; NULL: another word. */
static const char *value_of(char **argv, const char *name, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return argv[*i][n] == '\0' && argv[*i + 1] ? argv[++*i] : NULL;
}

static void take_word(struct call *call, char **argv, int *i)
{
	const struct {
		const char *name;
		bool *flag;
		const char **text;
	} words[] = {
		{"--extcap-interfaces", &call->list, NULL},
		{"--extcap-dlts", &call->dlts, NULL},
		{"--extcap-config", &call->config, NULL},
		{"--capture", &call->capture, NULL},
		{"--extcap-interface", NULL, &call->interface},
		{"--fifo", NULL, &call->fifo},
		{"--data", NULL, &call->data},
		{"--peer", NULL, &call->peer},
		{"--card", NULL, &call->card},
		{"--secrets", NULL, &call->secrets},
		{"--port", NULL, &call->port},
	};

	for (size_t k = 0; k < ARRAY_LEN(words); k++) {
		const char *value = words[k].text ? value_of(argv, words[k].name, i) : NULL;

		if (words[k].flag && strcmp(argv[*i], words[k].name) == 0)
			*words[k].flag = true;
		if (value) {
			/* A field that was left empty. */
			*words[k].text = *value ? value : NULL;
			return;
		}
	}
}

/* Words of later versions are passed over: whatever is not known here can be done without. */
int extcap_run(int argc, char **argv)
{
	struct call call = {0};
	const struct interface *i;

	for (int k = 1; k < argc; k++)
		take_word(&call, argv, &k);
	if (call.list)
		return list();
	i = find(call.interface);
	if (!i) {
		fprintf(stderr, "Wireside: there is no interface %s\n", call.interface ? call.interface : "named");
		return 1;
	}
	if (call.dlts) {
		printf("dlt %s\n", i->link_type);
		return 0;
	}
	if (call.config)
		return describe(i);
	if (call.capture && call.fifo)
		return capture(&call, i);
	fputs("Wireside: Wireshark has to say what it wants, and the pipe (--fifo)\n", stderr);
	return 1;
}
