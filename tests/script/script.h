/* A script as read from its file: who acts, under which conditions, and the steps in blocks. What the lines mean is
 * in README.md; here they are only cut into pieces and known names looked up. */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include "base/buf.h"

enum { SCRIPT_ACTORS_MAX = 16, SCRIPT_OPTIONS_MAX = 16, SCRIPT_ACCOUNTS_MAX = 32 };

struct script_actor {
	char *name;
	char *jid; /* full address; NULL: has no account */
};

enum verb {
	VERB_NONE,
	VERB_AFTER, /* ms; no actor */
	VERB_AUTHENTICATES,
	VERB_BINDS,
	VERB_BYTES,
	VERB_CLOSES,
	VERB_CONNECTS,
	VERB_DISCONNECTED,
	VERB_GETS,
	VERB_GETS_ANY_ORDER,
	VERB_GETS_NOTHING,
	VERB_IGNORES,
	VERB_LET, /* text: name = value; no actor */
	VERB_LOGS_IN,
	VERB_LOSES,
	VERB_MAY_GET,
	VERB_ONLINE,
	VERB_OPENS,
	VERB_READS_ON,
	VERB_RESTARTS, /* the server; no actor */
	VERB_SENDS,
	VERB_STARTS_TLS,
	VERB_STOPS_READING,
	VERB_TRIES,
	VERB_COUNT
};

struct step {
	unsigned line;
	enum verb verb;
	unsigned actors[SCRIPT_ACTORS_MAX], actor_count; /* numbers of script->actors */
	char *text;                                      /* what follows the verb, and the indented lines; never NULL */
	int64_t ms;
};

/* Steps under one heading, `[paragraph] what it says`. */
struct block {
	unsigned line;
	char *heading; /* the line as written; "" for what comes before the first */
	bool only_wireside;
	struct step *steps;
	unsigned step_count;
};

struct script {
	char *path, *name; /* name: without folder and ending */
	struct script_actor actors[SCRIPT_ACTORS_MAX];
	unsigned actor_count;
	char *accounts[SCRIPT_ACCOUNTS_MAX]; /* bare addresses, each once */
	unsigned account_count;
	char *options[SCRIPT_OPTIONS_MAX]; /* of `wireside serve` */
	unsigned option_count;
	char *only_on;      /* names of transports; NULL: all */
	bool only_wireside; /* nothing in it holds for other servers */
	bool needs_clock;   /* has an "after", or stops reading: virtual time only */
	bool restarts;      /* the server, in some step: it needs a store on the disk */
	struct block *blocks;
	unsigned block_count;
};

/* 0; or a negative error with "file:line: what" in why. */
int script_read(const char *path, struct script *ret, struct buf *why);
int script_parse(const char *path, struct str text, struct script *ret, struct buf *why);
/* A whole file into ret, as far as that may grow. */
int text_read(const char *path, struct buf *ret, struct buf *why);
void script_clear(struct script *s);
bool script_runs_on(const struct script *s, const char *transport); /* as far as `only on` says */

#endif
