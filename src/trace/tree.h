/* Lines of Wireshark's trees of fields, as people should see them. Wireshark 4.0 knows few of XMPP's extensions, and puts a
 * warning of five lines under every other one: those are left out, and so is the word UNKNOWN. */
#ifndef TRACE_TREE_H
#define TRACE_TREE_H

#include "base/str.h"

struct tree {
	size_t inside; /* of a warning: its blanks + 1; 0: of none */
};

/* The next line, maybe shortened. False: it is left out. */
bool tree_line(struct tree *t, struct str *line);

#endif
