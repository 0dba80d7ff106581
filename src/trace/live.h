/* A capture file dissected while it is read, and while it is still written: by tshark in one pass, reading what we give it, so
 * that the first frames are there at once and the file may grow. What only a later frame tells of an earlier one our model
 * adds (track.c); so in the end it is what dissect() makes of the file in two passes. That holds for files with holes, too: as
 * soon as one shows that will not be filled, the file is read anew beside the first reading, as it came (dissected_waits()),
 * and takes its place when it has come as far. One thread; never waits. */
#ifndef TRACE_LIVE_H
#define TRACE_LIVE_H

#include <poll.h>

#include "trace/dissect.h"

enum { LIVE_FDS = 6 };

/* What people are told then. */
#define LIVE_AGAIN "Packets are missing in this capture: what comes behind them is read as it came"

enum live_state {
	LIVE_READING, /* there is more */
	LIVE_DONE,    /* all is read */
	LIVE_FAILED,  /* nothing could be read: live_note() says why */
};

struct live;
/* file: "-": standard input. filter: only frames that it lets through, as one pass knows them; NULL: all. follow: the file may
 * grow until live_stop(), a pipe until its end. ERR_ with a line in why. */
int live_open(const char *file, const char *filter, bool follow, struct live **ret, struct buf *why);
void live_free(struct live **l);
/* Grows in live_step(), and may be another one then. */
const struct dissected *live_model(const struct live *l);
/* Is it another one than when this was asked last? Since which frame it says something else: its index. */
bool live_anew(struct live *l, uint32_t *ret_from);
/* What is to be polled, for at most 100 ms while a file is followed. */
void live_fds(const struct live *l, struct pollfd fds[LIVE_FDS]);
/* Reads what is there. True: the model has changed, or the state. */
bool live_step(struct live *l);
/* What the file has now is all. */
void live_stop(struct live *l);
enum live_state live_state(const struct live *l);
/* Of the file, as far as it is read; 100 when it is not known. */
unsigned live_percent(const struct live *l);
/* What went wrong, in one line; "": nothing. */
struct str live_note(const struct live *l);

#endif
