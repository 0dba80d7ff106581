/* What another server does differently, listed block by block with the paragraph and the reason. A listed block has to
 * fail: what no longer deviates has to leave the list. */
#ifndef SCRIPT_DEVIATIONS_H
#define SCRIPT_DEVIATIONS_H

#include "base/buf.h"

struct deviation {
	unsigned line;
	char *script, *heading;
	bool has_reason;
};
struct deviations {
	struct deviation *d;
	unsigned n;
};

/* Lines "SCRIPT [PARAGRAPH] what", each followed by indented lines that say what happens instead. */
int deviations_parse(const char *path, struct str text, struct deviations *ret, struct buf *why);
int deviations_read(const char *path, struct deviations *ret, struct buf *why);
const struct deviation *deviations_find(const struct deviations *ds, const char *script, const char *heading);
void deviations_clear(struct deviations *ds);

#endif
