/* A server put together: core, wires, storage, listeners, control socket, on one loop (and, with wires > 0, one
 * more loop and thread for each wire). Tests make one on memory links with a virtual clock. */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "app/config.h"
#include "core/core.h"
#include "wire/wire.h"

struct server;

/* Opens the store (config->data NULL: in memory, same thread) and makes the core and the wires; listens nowhere yet.
 * config lives longer. ERR_ with one line in why. */
int server_new(struct loop *l, const struct config *config, struct server **ret, struct buf *why);
/* Makes the wires (server_open() does it for you); for tests that accept memory links only. */
void server_start_wires(struct server *s);
/* Certificate, listeners, control socket: everything that is visible from outside. */
int server_open(struct server *s, struct buf *why);
/* Nothing is missing for a first login: a node makes its user when it starts for the first time. */
bool server_settled(const struct server *s);
/* Asks all sessions to end, then calls on_stopped (once), at the latest after 5 s. */
void server_stop(struct server *s, void (*on_stopped)(void *arg), void *arg);
void server_free(struct server **s);

/* Reads the certificate files again. False with a line in why: the old ones stay in force. */
bool server_reload(struct server *s, struct buf *why);

/* The certificate file in force; NULL: none. */
const char *server_certificate(const struct server *s);
/* For --ready-fd and the greeting: "c2s 127.0.0.1:5222" lines. */
void server_addresses(const struct server *s, struct buf *out);

/* ---- tests ---- */
/* A client's end of a memory link to wire number `wire`; takes *link, the server's end (made on server_wire_loop()). */
struct loop *server_wire_loop(struct server *s, unsigned wire);
void server_accept(struct server *s, unsigned wire, struct link **link, const struct stream_kind *kind, bool tls_first);
struct core *server_core(struct server *s);
struct db *server_db(struct server *s);
/* A slow disk: while held the store does nothing (config->one_thread). */
void server_hold_store(struct server *s, bool held);
/* Adds an account without the control socket. */
void server_command(struct server *s, const char *const *words, uint32_t n,
	void (*on_answer)(void *arg, const char *text, bool failed), void *arg);

#endif
