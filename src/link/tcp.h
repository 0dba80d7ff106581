/* TCP and unix sockets: links, listeners, dialling. Sockets are non-blocking, close-on-exec, with
 * TCP_NODELAY. */
#ifndef LINK_TCP_H
#define LINK_TCP_H

#include "link/link.h"
#include "loop/loop.h"

/* Takes over a connected descriptor. */
struct link *tcp_link_new(struct loop *l, int fd);

struct listener;
/* Accepted descriptors go to on_accept, which owns them. When the process has no descriptor left the
 * listener pauses for a second instead of spinning. */
typedef void listener_fn(void *arg, int fd);

/* "127.0.0.1:5222", "[::]:5222" (IPv6 only), "*:5222" (both families), port 0 = any free one.
 * ERR_SYNTAX, ERR_BUSY (port in use), ERR_DENIED, ERR_IO. */
int listener_tcp(struct loop *l, struct str address, listener_fn *on_accept, void *arg, struct listener **ret);
/* Is it an address of a form that listener_tcp() understands? */
bool listener_tcp_reads(struct str address);
/* A unix socket with the given mode; a stale one (nobody answers) is replaced, a live one is ERR_BUSY,
 * any other kind of file ERR_EXISTS. A path too long for a socket: ERR_LIMIT; else ERR_DENIED, ERR_IO. */
int listener_unix(struct loop *l, const char *path, unsigned mode, listener_fn *on_accept, void *arg,
	struct listener **ret);
/* "127.0.0.1:35222": the address in use, with the real port. Lives as long as the listener. */
struct str listener_address(const struct listener *s);
void listener_free(struct listener **s); /* also removes a unix socket's file */

/* Starts a connection to a numeric "ADDR:PORT" or "unix:PATH"; the link says ERR_AGAIN until it is up,
 * ERR_IO if it failed. ERR_SYNTAX; ERR_IO, ERR_DENIED or ERR_BUSY (a unix listener's queue is full) if
 * it is known at once. */
int tcp_dial(struct loop *l, struct str address, struct link **ret);

#endif
