/* Before a person goes: what has not arrived yet. What the node of this machine has it keeps and sends; what only this chat has
 * would be lost, so that is asked twice. */
#include "tui/line_i.h"

enum { ANSWER_MS = 2000 };

/* Of what would be lost. False: it is no hindrance, or was told before. */
static bool warn(struct line *n)
{
	unsigned lost = client_unsaid(n->client);

	if (!lost || n->was_warned)
		return false;
	n->was_warned = true;
	line_say(n, EVENT_NOTICE, "%u %s not reached %s yet and would be lost: /quit again does without %s", lost,
		lost == 1 ? "line has" : "lines have", n->config.ask_node ? "the node" : "the server",
		lost == 1 ? "it" : "them");
	return true;
}

void line_leave(struct line *n)
{
	static const char *const words[] = {"node", "waiting"};

	if (n->over || n->leaving || warn(n))
		return;
	if (!n->config.ask_node) {
		line_finish(n, 0);
		return;
	}
	n->leaving = true;
	/* A node that hangs holds nobody up. */
	timer_start(loop_timers(n->loop), &n->until, loop_now(n->loop) + ANSWER_MS);
	line_ask(n, words, ARRAY_LEN(words), ASKED_WAITING);
}

void line_on_waiting(struct line *n, struct str text)
{
	text = str_trim(text);
	if (n->over)
		return;
	if (text.n)
		line_say(n, EVENT_NOTICE, "%.*s: the node goes on without you, and sends what waits", STR_FMT(text));
	line_finish(n, 0);
}
