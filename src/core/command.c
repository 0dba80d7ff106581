/* Administration: words in, text out. */
#include "core/core_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void command_reply(struct core *c, uint64_t asker, bool failed, const char *fmt, ...)
{
	char *text = NULL, *own;
	va_list ap;

	va_start(ap, fmt);
	must(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	own = xstrdup(text);
	free(text);
	core_to_admin(c, asker, &own, failed);
}

void command_reply_buf(struct core *c, uint64_t asker, struct buf *text)
{
	char *own;

	if (!buf_ok(text)) {
		command_reply(c, asker, true, "the answer is too long");
		return;
	}
	own = str_dup(buf_view(text));
	core_to_admin(c, asker, &own, false);
	buf_clear(text);
}

/* Number of words of the command's name that the call begins with, 0 if it does not. */
static uint32_t match(const struct command *cmd, char *const *words, uint32_t n)
{
	struct str rest = str_z(cmd->name);
	uint32_t i = 0;

	while (rest.p) {
		struct str word = str_cut(&rest, ' ');

		if (i >= n || !str_is(word, words[i]))
			return 0;
		i++;
	}
	return i;
}

static const struct command *find_command(const struct core *c, char *const *words, uint32_t n, uint32_t *ret_skip)
{
	for (const struct command *const *array = c->config.commands; array && *array; array++)
		for (const struct command *cmd = *array; cmd->name; cmd++)
			if ((*ret_skip = match(cmd, words, n)))
				return cmd;
	return NULL;
}

void command_on_ask(struct core *c, struct msg *m)
{
	uint32_t n = m->admin_ask.n, skip = 0;
	const struct command *cmd = find_command(c, m->admin_ask.words, n, &skip);
	struct command_call call = {.core = c,
		.asker = m->conn,
		.words = (const char *const *)m->admin_ask.words,
		.n = n};

	commit_take_up(c);
	if (!cmd) {
		command_reply(c, m->conn, true, "unknown command");
		return;
	}
	if (n - skip < cmd->min || n - skip > cmd->max) {
		command_reply(c, m->conn, true, "usage: %s %s", cmd->name, cmd->args);
		return;
	}
	cmd->run(&call);
	if (cmd->last_is_secret)
		mem_wipe(m->admin_ask.words[n - 1], strlen(m->admin_ask.words[n - 1]));
}
