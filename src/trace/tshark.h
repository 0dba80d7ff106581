/* Wireshark's engine as a child process, with our configuration folder and none of the user's: it dissects, we show. */
#ifndef TRACE_TSHARK_H
#define TRACE_TSHARK_H

#include <poll.h>

#include "base/buf.h"

enum { TSHARK_ARGS_MAX = 200, TSHARK_LINE_MAX = 16 << 20 };

/* The folder with our Lua and preferences: $WIRESIDE_SHARE, else beside the program, where it was installed or built. False:
 * there is none. */
bool tshark_share(struct buf *ret);

/* Runs `program` (tshark, editcap...) to its end; each line of its output goes to on_line, which says false to end it.
 * argv[0] is the program. ERR_NOTFOUND: it is not installed; ERR_INVALID: it failed; ERR_LIMIT: a line over
 * TSHARK_LINE_MAX. why: one line; also with 0, where the file that was read is cut short and what is whole in it came. */
typedef bool tshark_line_fn(void *arg, struct str line);
int tshark_run(const char *const *argv, tshark_line_fn *on_line, void *arg, struct buf *why);

/* The same beside other work: its descriptors are polled, and what is there is read. The lines go to on_line in the steps. */
struct tshark;

/* in: what it reads from as its standard input (borrowed); -1: nothing. */
int tshark_start(const char *const *argv, int in, tshark_line_fn *on_line, void *arg, struct tshark **ret,
	struct buf *why);
void tshark_fds(const struct tshark *t, struct pollfd fds[2]); /* fd -1: nothing more there */
/* Reads once from each descriptor that has something. False: there is nothing more to come. */
bool tshark_step(struct tshark *t);
/* Ends it, if it has not ended, and says what tshark_run() would: 0 too if it was we who ended it. */
int tshark_end(struct tshark **t, struct buf *why);

#endif
