/* A capture file without its secrets, or with some of them: a copy of all other blocks, byte by byte. */
#ifndef TRACE_STRIP_H
#define TRACE_STRIP_H

#include "base/buf.h"

/* What becomes of the blocks that are not packets. */
struct strip_rules {
	bool all; /* all secrets stay; */
	struct str
		keep; /* or only those of these sessions: their client randoms, 64 hexadecimal digits and an end of line each */
	struct str more;   /* blocks that come behind the first interface */
	unsigned *removed; /* NULL, or where blocks are counted that are left out, whole or in part */
};

/* ret_removed: blocks with secrets. 0 also of a file that is cut short in its last block, with a line in why: what is whole of it
 * is copied. Else there is no copy, and a line in why: ERR_SYNTAX: no pcapng file, or a broken one; ERR_EXISTS: there is a file
 * `to`, which stays. */
int strip_file(const char *from, const char *to, unsigned *ret_removed, struct buf *why);
/* The same by other rules. */
int strip_copy(const char *from, const char *to, const struct strip_rules *rules, struct buf *why);

#endif
