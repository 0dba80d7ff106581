/* Names by which people are called and that can be typed wherever a name is asked for: nothing in them looks like an address, a
 * room, a mark of ours or the end of a name, and everything in them is seen. Nodes give such labels, clients show no others. */
#ifndef XMPP_LABEL_H
#define XMPP_LABEL_H

#include "base/buf.h"
#include "base/str.h"

enum { LABEL_MAX = 63 /* bytes */ };

bool label_is_plain(struct str label);
/* The parts of that rule: a character of n bytes (of str_utf8_next()) anywhere, and the first byte. */
bool label_may_have(const char *p, size_t n);
bool label_may_begin(char c);

/* Could `typed` have been meant for it? The beginning of it, or wrong in a letter or two. */
bool label_is_near(struct str label, struct str typed);
/* Gathers a few such: "; did you mean bob or bobby?". Appended to text, in the order given. */
struct label_hints {
	struct buf text;
	unsigned n;
};
void label_hint(struct label_hints *h, struct str label, struct str typed);

#endif
