/* TCP and unix sockets: links, listeners, dialling. Sockets are non-blocking, close-on-exec, with
 * TCP_NODELAY. */
#ifndef LINK_TCP_H
#define LINK_TCP_H

#include "link/link.h"
#include "loop/loop.h"

/* Takes over a connected descriptor. */
struct link *tcp_link_new(struct loop *l, int fd);

/* A peer that is gone without a word is noticed after about so many seconds (1 to a day): recv then says ERR_IO, also
 * on an idle link, and so does one that is still connecting. So does a peer that is there but has taken no byte for so
 * long while some wait for it. Does nothing to links of other kinds: call it before others are put on top. */
void tcp_link_patience(struct link *k, unsigned seconds);

struct listener;
/* Accepted descriptors go to on_accept, which owns them. When the process has no descriptor left the
 * listener pauses for a second instead of spinning. */
typedef void listener_fn(void *arg, int fd);

/* "127.0.0.1:5222", "[::]:5222" (IPv6 only), "*:5222" (both families), port 0 = any free one.
 * ERR_SYNTAX, ERR_BUSY (port in use), ERR_DENIED, ERR_IO. */
int listener_tcp(struct loop *l, struct str address, listener_fn *on_accept, void *arg, struct listener **ret);
/* The first free port from first to last on host ("127.0.0.1", "[::]", "*"). ERR_BUSY: none. */
int listener_tcp_from(struct loop *l, struct str host, uint16_t first, uint16_t last, listener_fn *on_accept, void *arg,
	struct listener **ret);
/* Is it an address of a form that listener_tcp() understands? */
bool listener_tcp_reads(struct str address);
/* And one that other machines cannot reach? */
bool listener_tcp_is_loopback(struct str address);
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
