/* Machines in a box: network namespaces joined by a switch, for demonstrations and lessons. As root, or as anybody where
 * user namespaces are allowed. Everything goes with this process. One box a process; before any thread is started. */
#ifndef TRACE_BOX_H
#define TRACE_BOX_H

#include <sys/types.h>

#include "base/buf.h"

enum { BOX_HOSTS_MAX = 8 };
/* Where all frames between the hosts can be seen once. */
#define BOX_SWITCH "switch"
/* The hosts' only interface but lo. */
#define BOX_CARD "eth0"

struct box_host {
	char name[32];    /* its host name */
	char address[16]; /* 10.77.0.N or fd77::N */
	unsigned number;
	int net; /* descriptor of its network */
};

/* This process is in a box from now on. All: ERR_ with a line in why. */
int box_enter(struct buf *why);
/* The host with this number, from 1, plugged into the switch. v6: it has no IPv4, else no IPv6: the lesson is about TCP. */
int box_plug(struct box_host *h, const char *name, unsigned number, bool v6, struct buf *why);
/* Its cable is in, or out. */
int box_cable(const struct box_host *h, bool in, struct buf *why);
/* It does not hear so many of a hundred TCP segments sent to it, at random; 0: it hears all again. */
int box_lose(const struct box_host *h, unsigned percent, struct buf *why);
/* It does not hear the next n TCP segments with more than a little in them, and all others. */
int box_lose_next(const struct box_host *h, unsigned n, struct buf *why);
/* Starts a program there; fds become its standard input, output and error. It does not outlive this process. */
int box_spawn(const struct box_host *h, char *const argv[], const int fds[3], pid_t *ret);

#endif
