/* `wireside node`: this machine's end of the peer-to-peer network, until it is told to end. */
#include <stdio.h>

#include "app/guard.h"
#include "app/node.h"
#include "app/node_log.h"
#include "app/run.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/commands.h"

static const char usage[] =
	"Usage: wireside node [OPTION]...\n\n"
	"Runs this machine's node: finds other nodes on the wired network, keeps what is to be delivered, and lets chat\n"
	"clients in by its local socket. `wireside` without a word starts one by itself when there is none.\n\n";
static const char examples[] = "\nExamples:\n"
			       "  wireside node\n"
			       "  wireside node --name alice@kitchen --discovery own\n"
			       "  wireside node --listen 10.0.0.7:5298 --discovery none\n"
			       "  wireside node --c2s 127.0.0.1:5222     a client of another maker can log in\n";

static void greet(const struct server *s, const struct config *c)
{
	struct buf text, notes;
	struct str rest, line;

	buf_init(&text, 65536);
	buf_init(&notes, 65536);
	server_addresses(s, &text);
	node_notes(s, true, &notes);
	printf("Wireside %s: you are %s here, address %s@%s\n%sData: %s\nChat:  wireside%s%s\n", WIRESIDE_VERSION,
		c->node->instance, c->node->user, c->domains.item[0], buf_cstr(&text), c->data,
		c->data_given ? " --data " : "", c->data_given ? c->data : "");
	for (rest = buf_view(&notes); (line = str_cut(&rest, '\n')).n;)
		printf("Note:  %.*s\n", STR_FMT(line));
	fflush(stdout);
	buf_clear(&notes);
	buf_clear(&text);
}

static int complain(struct buf *why, int status)
{
	fprintf(stderr, "wireside: %s\n", buf_cstr(why));
	buf_clear(why);
	return status;
}

int cmd_node(int argc, char **argv)
{
	struct config c;
	struct buf why;
	int status;

	if (wants_help(argc, argv)) {
		config_print_help(CONFIG_NODE, usage, examples);
		return 0;
	}
	guard_memory();
	buf_init(&why, 4096);
	if (config_read(argc, argv, CONFIG_NODE, &c, &why) != 0)
		return complain(&why, 2);
	log_set_level((enum log_level)c.log_level);
	node_log_bound(c.data);
	if (node_prepare(&c, &why) != 0)
		status = complain(&why, 1);
	else
		status = run_server(&c, greet);
	buf_clear(&why);
	node_unprepare(&c);
	config_clear(&c);
	return status;
}
