/* The program that writes the capture which is followed: this one again, as `wireside trace capture`. What it says is kept. */
#ifndef TRACE_LIVE_WRITER_H
#define TRACE_LIVE_WRITER_H

#include <poll.h>

#include "base/buf.h"

struct writer;
/* Returns when it says that it captures: then its file is there. ERR_ with its words in why. */
int writer_start(const char *const *argv, struct writer **ret, struct buf *why);
void writer_fds(const struct writer *w, struct pollfd fds[2]);
/* Reads what it says. False: it has ended. */
bool writer_step(struct writer *w);
/* The last line that it said, once; STR_NONE: no new one. */
struct str writer_said(struct writer *w);
/* It ends in an orderly way, which takes a moment: steps go on until it has. */
void writer_stop(struct writer *w);
/* Waits for it; said: its last words, a line each. Gives its exit status. */
int writer_end(struct writer **w, struct buf *said);

#endif
