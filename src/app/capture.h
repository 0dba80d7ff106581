/* Capturing this machine's chat: packets into a file, with the secrets of the node's links if they are wanted. */
#ifndef APP_CAPTURE_H
#define APP_CAPTURE_H

#include "base/buf.h"

enum { CAPTURE_PORTS_MAX = 16 };

struct capture_options {
	const char *interface; /* NULL: the first that is up and no loopback */
	const char *file;
	const char *data;                  /* of the node whose secrets are wanted; NULL: no secrets */
	uint16_t ports[CAPTURE_PORTS_MAX]; /* of the chat, besides those that nodes choose */
	unsigned port_n;
	bool dumpcap;            /* also where this program may capture itself */
	unsigned seconds, count; /* 0: until it is told to end */
};

/* Until SIGINT, SIGTERM, or what the options say. done: what came out, for people. ERR_ with a line in why. */
int capture_run(const struct capture_options *o, struct buf *done, struct buf *why);

#endif
