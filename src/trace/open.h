/* The user's Wireshark, started with our profile and chat layer from a folder of its own: what it keeps goes there, and the
 * user's own settings stay as they are. */
#ifndef TRACE_OPEN_H
#define TRACE_OPEN_H

#include "base/buf.h"

/* Becomes Wireshark; returns only on failure: ERR_ with a line in why. file: NULL: none. */
int open_wireshark(const char *file, struct buf *why);

#endif
