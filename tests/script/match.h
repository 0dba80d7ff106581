/* Does what came fit what the script expects? The pattern language is described in README.md. */
#ifndef SCRIPT_MATCH_H
#define SCRIPT_MATCH_H

#include "elem.h"

/* Names that the script gave, and what they stand for. */
struct var {
	char *name, *value;
};
struct vars {
	struct var *v;
	uint32_t n;
};
const char *vars_find(const struct vars *vs, struct str name); /* NULL: not known (yet) */
void vars_set(struct vars *vs, struct str name, struct str value);
void vars_cut(struct vars *vs, uint32_t n); /* forgets all after the first n */
void vars_clear(struct vars *vs);

/* Is there a hole `{name}` at p? Its length, and the name. */
size_t hole_at(const char *p, struct str *ret_name);

/* A value with holes against a value; unknown names of holes become known if it fits. */
bool match_text(const char *pattern, const char *got, struct vars *vs);
/* self: the receiver's full address, "" if it has none. A `to` that says it, and a `from` that says its account, are what
 * is meant when they are not there (RFC 6120 8.1.2.1), so the pattern need not have them. why: what the first difference
 * is. Nothing becomes known if it does not fit. */
bool match_item(const struct item *pattern, const struct item *got, const char *self, struct vars *vs, struct buf *why);

/* Writes text with its `{name}` and `{function ...}` filled in; escaped: names' values as XML text. False, with why,
 * for an unknown name. */
bool expand(struct str text, const struct vars *vs, bool escaped, struct buf *out, struct buf *why);

#endif
