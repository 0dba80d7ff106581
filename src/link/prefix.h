/* A link that first gives bytes that were already read from the one below (to find out what kind of stream it is) and
 * then is as if it were not there. */
#ifndef LINK_PREFIX_H
#define LINK_PREFIX_H

#include "link/link.h"
#include "loop/loop.h"

/* Takes *below; copies the n bytes (0: allowed) and frees them once they are read. */
struct link *prefix_link_new(struct loop *l, struct link **below, const void *bytes, size_t n);

#endif
