/* Administration commands: each folder exports rows, the control socket and the command line run them. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include "core/core.h"

/* One call. Answer once with command_reply(), now or in a later turn (copy `asker`). */
struct command_call {
	struct core *core;
	uint64_t asker;
	const char *const *words; /* the command's own words first: "user", "add", "alice@localhost", ... */
	uint32_t n;
};

struct command {
	const char *name;    /* "user add"; NULL ends the array */
	const char *args;    /* "USER@DOMAIN" for help */
	uint32_t min, max;   /* number of words after the name */
	bool last_is_secret; /* the last word is a password: wiped after the call, never logged */
	void (*run)(struct command_call *call);
};

/* Text of one or more lines (JSON where the command says so). */
void command_reply(struct core *c, uint64_t asker, bool failed, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void command_reply_buf(struct core *c, uint64_t asker, struct buf *text); /* takes its bytes */

#endif
