/* The lab: some nodes, each on a host of its own in a box, with a person on each who says what stands in a script, while
 * their packets are captured. */
#ifndef APP_LAB_H
#define APP_LAB_H

#include "base/buf.h"

enum { LAB_PEERS_MAX = 8 };

struct lab_options {
	unsigned peers;   /* 2 to LAB_PEERS_MAX */
	unsigned loss;    /* of a hundred TCP segments */
	bool plain;       /* no encryption, as old programs */
	const char *into; /* folder for what comes out */
};

/* Runs it to its end; the files are in the folder then. ERR_ with a line in why. done: what came out, for people. */
int lab_run(const struct lab_options *o, struct buf *done, struct buf *why);

#endif
