/* Where a script takes place: a server (made here, or somebody else's), the way to it, and time.
 *
 *   mem      the server in this process, links in memory, virtual time: every run is the same
 *   trickle  the same, but every read and write moves one byte
 *   tls      the same as mem, with STARTTLS done in earnest
 *   wires2   the server in this process with two threads for connections, TCP, real time
 *   wires2-tls      the same with STARTTLS; the server's certificate is made for this run, and the client verifies it
 *   wires2-direct   the same with TLS from the first byte
 *   tcp ADDR:PORT   any server, real time
 *   tcp-tls ADDR:PORT   the same, with STARTTLS */
#ifndef SCRIPT_WORLD_H
#define SCRIPT_WORLD_H

#include "link/link.h"
#include "loop/loop.h"
#include "script.h"

extern const char *const world_transports[]; /* all names, NULL at the end */

struct world;

/* address: only for tcp and tcp-tls. Makes the script's accounts (not for these). 0; or a negative error with one line in why. */
int world_new(const char *transport, const char *address, const struct script *s, struct world **ret, struct buf *why);
void world_free(struct world **w);

struct loop *world_loop(struct world *w);
bool world_is_virtual(const struct world *w);
bool world_has_tls(const struct world *w);
bool world_starts_tls(const struct world *w); /* logging in includes STARTTLS */
bool world_is_ours(const struct world *w);    /* not somebody else's server */

/* Our own server ends, in order, and another one begins with what it has kept. left(arg): have all clients seen the end?
 * 0; or a negative error with one line in why. */
int world_restart(struct world *w, bool (*left)(void *arg), void *arg, struct buf *why);

/* A new connection. *ret_cable, where the transport has one: the lowest part, to be cut or stalled. */
struct link *world_connect(struct world *w, struct link **ret_cable);
/* TLS over *below, as a client. */
struct link *world_start_tls(struct world *w, struct link **below);
/* The client trusts this certificate (a file, PEM) instead of the one that was made for the server; for somebody else's
 * server, where it takes any: only this. */
void world_trust(struct world *w, const char *authority);
/* Is this connection what the transport says: with TLS that is up, or without; a TCP socket, or memory? False, with why. */
bool world_has_link(const struct world *w, struct link *link, struct buf *why);

/* Lets things happen until done(arg) is true; false if it does not become so: when nothing more happens (virtual
 * time) or not within some seconds (real time). */
bool world_wait(struct world *w, bool (*done)(void *arg), void *arg);
/* From now on "some seconds" are fewer: what is waited for is not expected to come. */
void world_hurry(struct world *w, bool hurry);
/* Real time and our own server: waits until it has as many sessions as that, but not for long, because a broken one
 * that may be resumed stays. */
void world_wait_sessions(struct world *w, unsigned count);
/* Lets happen what is under way: exactly (virtual time), or as far as a short wait shows. */
void world_settle(struct world *w);
/* Virtual time only: this much passes, everything in it happens. */
void world_pass(struct world *w, int64_t ms);

#endif
