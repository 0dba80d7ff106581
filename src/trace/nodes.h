/* Addresses of nodes in text, as people call them: nobody knows anybody as k4q7eqm6qwhq7elxtk47tsmn5c.internal. bob@NODEID.internal
 * becomes bob, kitchen@rooms.NODEID.internal becomes kitchen@alice (so it is typed, too). */
#ifndef TRACE_NODES_H
#define TRACE_NODES_H

#include "trace/dissect.h"
#include "xmpp/nodeid.h"

enum { NODES_MAX = 256, NODE_LABEL_MAX = 64 };

struct nodes {
	struct {
		char id[NODEID_LEN], label[NODE_LABEL_MAX];
		bool used; /* in what nodes_put() has written */
	} node[NODES_MAX];
	unsigned n;
};

/* Who lives where. A node without a user in the text keeps the beginning of its id. */
void nodes_learn(struct nodes *n, const struct dissected *d, struct str text);
void nodes_put(struct nodes *n, struct str text, struct buf *out);
/* "alice is j7trjofugyldas4qrc3hksgrzl, ..." of those that were written; nothing for none. */
void nodes_legend(const struct nodes *n, struct buf *out);

#endif
