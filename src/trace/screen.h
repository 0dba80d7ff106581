/* The ladder on the whole screen: moved in, searched, filtered, looked into, while the file is read or still grows. */
#ifndef TRACE_SCREEN_H
#define TRACE_SCREEN_H

#include "base/buf.h"

struct screen_options {
	const char *file, *filter; /* filter: NULL: none */
	bool all;                  /* begins unfolded */
	bool follow;               /* the file grows */
	bool secrets;              /* whoever writes it records secrets */
	/* The command that writes the file, started here and ended with the screen; NULL: another program's business. */
	const char *const *writer;
};

/* Until the user ends it. said: what the writer said at its end. ERR_UNSUPPORTED: the terminal cannot do it, and nothing was
 * done; ERR_CLOSED: the writer failed, and has said why; else ERR_ with a line in why. */
int screen_run(const struct screen_options *o, struct buf *said, struct buf *why);

/* The same line by line, for pipes: what has happened so far, until the file is told to be whole (SIGINT, SIGTERM, the end of
 * the writer) or nobody reads. */
int live_lines(const struct screen_options *o, struct buf *why);

#endif
