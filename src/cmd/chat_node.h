/* The node of this machine, seen from a chat: what is said to it on the command line, its name at the very first start, and
 * the start itself. */
#ifndef CMD_CHAT_NODE_H
#define CMD_CHAT_NODE_H

#include <stdbool.h>

#include "base/buf.h"

enum { CHAT_NODE_WORDS_MAX = 40 };

struct chat_node {
	char *words[CHAT_NODE_WORDS_MAX]; /* for the node if it is started; not owned */
	unsigned n;
	char *name; /* owned: what a person typed for --name; among the words, too */
	bool named; /* --name was given */
	char *login; /* owned: "ADDRESS PASSWORD" for clients on TCP, where the node that was started tells them; else NULL */
};

/* Words used, 0 if it is none of the node's options, ERR_INVALID with a line in why. */
int chat_node_take(struct chat_node *n, char *word, char *next, struct buf *why);
/* The flags among those words, appended: "--name, --listen". But for --name, if it says what the node is called. */
void chat_node_put_flags(const struct chat_node *n, const char *called, struct buf *out);
void chat_node_clear(struct chat_node *n);

/* Never did a node run with this data. */
bool chat_node_is_new(const char *data);
/* Says on the terminal what others will see, and offers to change that. False: nobody wants to go on. */
bool chat_node_offer_name(struct chat_node *n);

/* A node of its own life: it outlives this program if it has reason to. *ret_own: it is the one that was started here, with these
 * words; else somebody else's came up at the same time. False: there is none; why. Waits as long as another one has the data: for before
 * the loop begins. */
bool chat_node_start(struct chat_node *n, const char *data, bool *ret_own, struct buf *why);

/* BUSY: another one has the data, and is up, or comes up, or ends. */
enum chat_node_started { CHAT_NODE_FAILED, CHAT_NODE_UP, CHAT_NODE_BUSY };

/* The same, once: for a loop, which does not stand still until another one has made way. But where it is UP, why says why not. */
enum chat_node_started chat_node_try(struct chat_node *n, const char *data, struct buf *why);
/* What is left of those that have ended. */
void chat_node_reap(void);

#endif
