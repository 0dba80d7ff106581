/* Names by which people are called and that can be typed wherever a name is asked for: nothing in them looks like an address, a
 * room, a mark of ours or the end of a name, and everything in them is seen. Nodes give such labels, clients show no others. */
#ifndef XMPP_LABEL_H
#define XMPP_LABEL_H

#include "base/str.h"

enum { LABEL_MAX = 63 /* bytes */ };

bool label_is_plain(struct str label);
/* The parts of that rule: a character of n bytes (of str_utf8_next()) anywhere, and the first byte. */
bool label_may_have(const char *p, size_t n);
bool label_may_begin(char c);

#endif
