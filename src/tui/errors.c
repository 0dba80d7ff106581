/* What went wrong in a pipe, for whoever reads standard error alone: one line each, as all of the program does it. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/filter.h"
#include "tui/line_i.h"

/* Then it stands there already. */
static bool is_same_place(void)
{
	struct stat out, err;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 && out.st_dev == err.st_dev &&
		out.st_ino == err.st_ino;
}

static void put_failure(struct buf *out, const struct client_event *e)
{
	CLEANUP(buf_clear) struct buf label = {.max = 8192};

	filter_line(&label, e->label.n ? e->label : e->conversation);
	buf_fmt(out, "a message to %s failed: ", buf_cstr(&label));
}

void line_complain(struct line *n, const struct client_event *e)
{
	bool failed = e->kind == EVENT_STATE && e->state == MESSAGE_FAILED;
	CLEANUP(buf_clear) struct buf text = {.max = 64 << 10};

	if (n->edit || (e->kind != EVENT_REFUSED && !failed) || is_same_place())
		return;
	if (failed)
		put_failure(&text, e);
	filter_line(&text, failed ? e->detail : e->body);
	fprintf(stderr, "wireside: %s\n", buf_cstr(&text));
}

void line_name_unsaid(struct line *n)
{
	const char *why = client_online(n->client) ? "what was asked before has no answer" : "this chat is offline";
	const char *where = n->config.ask_node ? "node" : "server";
	unsigned unsent = client_count(n->client, MESSAGE_UNSENT);
	struct list *node;

	while ((node = list_take(&n->waiting))) {
		const char *text = (char *)(node + 1);

		if (str_trim(str_z(text)).n)
			line_refuse(n, "not done, since %s: %s", why, text);
		xfree(node);
	}
	n->waiting_n = 0;
	if (unsent)
		line_refuse(n, "%u %s not reached the %s", unsent, unsent == 1 ? "message has" : "messages have",
			where);
}
