/* Private to the files of the server: server.c (life and turn), serve_tls.c, serve_commands.c. */
#ifndef APP_SERVER_I_H
#define APP_SERVER_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/control.h"
#include "app/features.h"
#include "app/node.h"
#include "app/server.h"
#include "base/err.h"
#include "base/hash.h"
#include "db/db.h"

enum { WIRES_MAX_APP = 8, LISTENERS_MAX = 2 * CONFIG_LIST_MAX + 1 };

/* One wire and, when it has a thread, its loop. */
struct wire_unit {
	struct server *server;
	struct loop *loop;
	struct wire *wire;
	struct tls_ctx *tls;
	struct tls_ctx *node_in, *node_out;         /* links between peers; the node's own */
	struct tls_ctx *starttls_in, *starttls_out; /* the same, for streams without a key */
	pthread_t thread;
	bool threaded;
	_Atomic bool stop, reload;
};

struct open_port {
	struct server *server;
	struct listener *listener;
	const char *name; /* "c2s", for the greeting */
	const struct stream_kind *kind;
	bool tls_first;
};

/* Somebody in this process who asked a command (tests, the stopped server's administration). */
struct inner_asker {
	void (*on_answer)(void *arg, const char *text, bool failed);
	void *arg;
};

struct server {
	const struct config *config;
	struct node *node;     /* app/node.c; NULL: this is a server */
	struct traced *traced; /* traced.c; NULL: nobody ever asked */
	bool after_crash;      /* the last run did not end as it should */
	struct loop *loop;
	struct core *core;
	struct db *db;
	bool db_threaded, store_held;
	struct queue *to_core, *from_db;
	struct msgs inbox;   /* taken from the queues, being handled */
	struct msgs replies; /* from the helper pool and from commands, for the next turn */
	struct wire_unit units[WIRES_MAX_APP];
	unsigned unit_count, next_unit;
	struct stream_policy policy;
	struct open_port ports[LISTENERS_MAX];
	unsigned port_count;
	struct control *control;
	char *certificate, *key;     /* paths in force; NULL: no TLS */
	int64_t certificate_changed; /* newest modification time seen, ms */
	struct timer core_timer, watch_timer, stop_timer;
	void (*on_stopped)(void *arg);
	void *stopped_arg;
	bool stopping;
	uint64_t stop_asker; /* of the control socket; 0: nobody */
	bool dirty;          /* the core has output that no message asked for */
	struct inner_asker inner;
	int64_t started;
};

/* server.c, for node.c */
/* Why an address cannot be listened on, and what to do; errno is still that of the call. */
void server_explain_port(const char *name, const char *address, int err, struct buf *why);
struct open_port *server_add_port(struct server *s, const char *name, const struct stream_kind *kind);
void server_on_accept(void *arg, int fd);
void server_end(struct server *s); /* stops the server and then the loop */

/* serve_tls.c */
int server_open_tls(struct server *s, struct buf *why);
void server_watch_certificate(struct server *s);
/* traced.c: `trace arm|disarm|relink|take|links ...`. False: refused, out says why. */
bool server_traced(struct server *s, char **words, uint32_t n, struct buf *out);
void server_untrace(struct server *s); /* before its wires go */
/* serve_commands.c */
void server_on_request(void *arg, uint64_t asker, char **words, uint32_t n);
void server_on_reply(struct server *s, struct msg *m);

#endif
