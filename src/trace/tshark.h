/* Wireshark's engine as a child process, with our configuration folder and none of the user's: it dissects, we show. */
#ifndef TRACE_TSHARK_H
#define TRACE_TSHARK_H

#include "base/buf.h"

enum { TSHARK_ARGS_MAX = 200, TSHARK_LINE_MAX = 16 << 20 };

/* The folder with our Lua and preferences: $WIRESIDE_SHARE, else beside the program, where it was installed or built. False:
 * there is none. */
bool tshark_share(struct buf *ret);

/* Runs `program` (tshark, editcap...) to its end; each line of its output goes to on_line, which says false to end it.
 * argv[0] is the program. ERR_NOTFOUND: it is not installed; ERR_INVALID: it failed; ERR_LIMIT: a line over
 * TSHARK_LINE_MAX. why: one line. */
typedef bool tshark_line_fn(void *arg, struct str line);
int tshark_run(const char *const *argv, tshark_line_fn *on_line, void *arg, struct buf *why);

#endif
