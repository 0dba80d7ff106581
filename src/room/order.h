/* What those who run the service do with a room, in words: for the command line (cmd_room.c) and for ad-hoc commands
 * (iq_command.c) alike. An order finds the room, in memory or not, carries out its verb and answers when what it changed is
 * stored, in this turn or a later one. */
#ifndef ROOM_ORDER_H
#define ROOM_ORDER_H

#include "room/room.h"

enum { ORDER_ARGS = 3 };

struct order;

struct order_arg {
	const char *name, *label;
	const char *const *options; /* what it may be, NULL at the end; NULL: anything */
	bool several;               /* of a form: it may have several values, and none is a value, too */
};

struct order_verb {
	const char *name, *title;
	struct order_arg args[ORDER_ARGS]; /* behind the room's address */
	unsigned min, max;
	bool makes;           /* the room must not be there; otherwise it must be */
	bool writes;          /* not while the store fails */
	unsigned tells_below; /* with fewer words than this it changes nothing */
	bool needs_account; /* the first word behind the room's address is USER@DOMAIN; if the domain is ours, he must exist */
	/* Does it and writes to o->out. NULL: done; or why it was not done; order_later: it answers with order_finish(). */
	const char *(*run)(struct room *r, struct order *o);
};
extern const struct order_verb order_verbs[]; /* a row without name ends it */
extern const char order_later[], order_failing[];
const struct order_verb *order_verb_find(struct str name); /* NULL if there is none */

/* error NULL: done, o->out has the answer. Frees nothing. */
typedef void order_done(struct order *o, const char *error);

struct order {
	struct room_job job;
	struct wait wait;
	const struct order_verb *verb;
	struct core *core;
	uint64_t room; /* entity */
	char *address, *args[ORDER_ARGS];
	unsigned n;
	bool json, wrote;
	struct buf out;
	order_done *done;
	void (*drop)(struct order *o); /* the core is going away; may be NULL */
	int64_t unused_since;          /* not if it was used since (room_active()); 0: whenever */
	uint64_t asker;                /* the front's own */
	void *context;                 /* the front's own */
	struct stanza *request;        /* the front's own */
};

/* Copies the words. done is called once, perhaps before this returns. n: words after the address, at most ORDER_ARGS. */
void order_start(struct core *c, const struct order_verb *v, struct str address, const struct str *args, unsigned n,
	const struct order *front);
void order_finish(struct order *o, const char *error);
static inline struct str order_arg(const struct order *o, unsigned i)
{
	return i < o->n ? str_z(o->args[i]) : STR_NONE;
}

#endif
