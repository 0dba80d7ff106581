/* A node: a server whose domain is its own key, whose one account is its user, and whose other domains are the peers on
 * the network. Composed of the same parts as a server (app/server.c), plus the gateway, links and discovery. */
#ifndef APP_NODE_H
#define APP_NODE_H

#include "app/config.h"
#include "link/link.h"

struct server;
struct msgs;
struct loop;

/* Who the node is. */
struct node_config {
	char *user;     /* localpart of its account */
	char *instance; /* USER@HOST as wanted on the network */
	char *host;
	char *cert, *keyfile; /* PEM; NULL: links prove their keys in another way (tests) */
	uint8_t key[32], seed[32];
	bool alone; /* only a command on its data: nobody is dialled */
	/* Tests: instead of TCP. */
	struct link *(*dial)(void *arg, struct loop *l, const char *address);
	void *dial_arg;
};

/* Makes the data folder and the key if there is none, and c->node and the domain of them. ERR_ with a line in why. */
int node_prepare(struct config *c, struct buf *why);
/* The same for a given key and no files. */
void node_prepare_key(struct config *c, const char *user, const char *host, const uint8_t seed[32]);
void node_unprepare(struct config *c);

/* USER@HOST where nobody says another: login name and host name. Appended. */
void node_usual_name(struct buf *out);

/* The folder, and those above it, with mode 0700. */
int node_make_folder(const char *path, struct buf *why);

/* ---- for server.c ---- */
struct node;
void node_make_hosts(struct server *s);
int node_open_tls(struct server *s, struct buf *why); /* before the wires are made */
int node_open(struct server *s, struct buf *why);     /* ports, discovery */
void node_make_account(struct server *s);             /* ends with node_on_user() */
void node_on_user(struct server *s);
bool node_has_user(const struct server *s); /* who is made at the first start, a moment after it */
void node_take(struct server *s, struct msgs *to_discovery);
void node_stop(struct server *s); /* goodbye to the network */
void node_free(struct server *s);

/* What it is called on the network now. */
const char *node_name(const struct server *s);

/* Who announces it: see discovery_backend(). */
const char *node_discovery(const struct server *s);
/* For its user: name, id, where it listens, who it sees. Lines, or the members of a JSON object. */
void node_status(const struct server *s, bool json, struct buf *out);

/* What keeps it from finding anybody, for its user at the start: a line each, nothing if all is well. network: also that there is no
 * wired one, which a client is told of in any case. */
void node_notes(const struct server *s, bool network, struct buf *out);

/* The secrets of its links are being recorded, or not any more: its user is told. */
void node_traced(struct server *s, bool traced);

/* Nobody needs it just now: there is no client, nor one that may come back, nothing waits, no guest is in a room. */
bool node_is_idle(const struct server *s);

#endif
