/* Capturing this machine's chat: packets, with the secrets of the node's links if they are wanted; or, where nobody lets us
 * have packets, what the node says that it exchanged. Into a file, or into a pipe for whoever shows it. */
#ifndef CMD_CAPTURE_H
#define CMD_CAPTURE_H

#include "base/buf.h"

enum { CAPTURE_PORTS_MAX = 16 };
#define CAPTURE_NO_TERMINAL "packets are nothing for a terminal: -w FILE names a file, | another program"

struct capture_options {
	const char *interface; /* NULL: where the chat is */
	const char *file;      /* "-": standard output */
	/* Of the node or server that is asked who is where; it may be that none runs. NULL: the usual folders of both. */
	const char *data;
	const char *peer;                  /* only the links of this one; NULL: all */
	uint16_t ports[CAPTURE_PORTS_MAX]; /* of the chat, besides those that nodes choose */
	unsigned port_n;
	bool secrets;            /* the node has to tell them */
	bool stanzas;            /* what the node exchanged, no packets */
	bool dumpcap;            /* also where this program may capture itself */
	bool force;              /* a file that is there is replaced */
	bool pcap;               /* the older kind of file, without names, secrets and the number of dropped packets */
	bool pipe;               /* the file is a pipe that somebody waits for: nothing is announced */
	unsigned seconds, count; /* 0: until it is told to end */
};

/* Until SIGINT, SIGTERM, what the options say, or nobody reads the pipe any more. done: what came out, for people. ERR_ with a
 * line in why. */
int capture_run(const struct capture_options *o, struct buf *done, struct buf *why);

#endif
