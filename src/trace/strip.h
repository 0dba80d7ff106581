/* A capture file without its secrets: a copy of all other blocks, byte by byte. */
#ifndef TRACE_STRIP_H
#define TRACE_STRIP_H

#include "base/buf.h"

/* ret_removed: blocks with secrets. ERR_SYNTAX: no pcapng file (or broken); the copy is removed then. ERR_EXISTS: there is a
 * file `to`. Others with a line in why, too. */
int strip_file(const char *from, const char *to, unsigned *ret_removed, struct buf *why);

#endif
