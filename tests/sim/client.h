/* A small client: enough of XMPP to log in, count and resume (XEP-0198), written independently of src/wire and
 * src/xmpp's stream so that it can disagree with them. It speaks over a link of a stage.
 *
 *                 client_dial          <resumed/>, bound (and <enabled/>, if wanted)
 *   DOWN ---------------------> LOGIN -----------------------------------------> ON
 *    ^                                                                            | client_close
 *    +---- cut, end of the link <------------------------------------------- CLOSING
 *
 * A life is one session: from binding until it is over for good, over as many connections as it is resumed. */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "tests/sim/stage.h"
#include "xml/parse.h"

enum client_state { CLIENT_DOWN, CLIENT_LOGIN, CLIENT_ON, CLIENT_CLOSING };
enum client_step {
	STEP_FEATURES,
	STEP_SUCCESS,
	STEP_FEATURES_AGAIN,
	STEP_RESUMED,
	STEP_BOUND,
	STEP_ENABLED,
	STEP_DONE
};
/* How a connection ended. */
enum client_end {
	END_CUT,
	END_CLOSED /* both said </stream:stream> */,
	END_ERROR /* the server said why in c->error */
};

struct client;

struct client_ops {
	/* There is a new session; the old one is over. */
	void (*on_bound)(struct client *c);
	/* It can be used: a new one, or the old one again. */
	void (*on_session)(struct client *c, bool resumed);
	/* The last one is over for good, for the client at least: it gave it up, or could not resume it (c->end says how the
	 * connection ended). Comes before the new one's on_bound. on_unsure follows for each stanza not acknowledged. */
	void (*on_life_over)(struct client *c);
	void (*on_unsure)(struct client *c, uint64_t tag);
	void (*on_acked)(struct client *c, uint64_t tag);
	void (*on_stanza)(struct client *c, const struct xml_tree *t);
	void (*on_down)(struct client *c, enum client_end end);
};

struct client_sent {
	uint64_t tag;
	char *text;
};

struct client {
	/* Set by the owner before the first dial. */
	const struct client_ops *ops;
	void *arg;
	struct stage *stage;
	char user[24], resource[24]; /* resource "": the server's choice */
	const char *domain;          /* NULL: STAGE_DOMAIN */
	bool use_sm;                 /* counts and resumes */
	bool eager;                  /* does not wait for <enabled/> */
	bool give_up;                /* at the next dial: do not resume */
	size_t capacity, trickle;    /* of the next cable */

	enum client_state state;
	enum client_step step;
	char jid[128];       /* as bound */
	char error[48];      /* stream error of the server's */
	uint32_t life;       /* number of the session, from 1 */
	bool alive;          /* that session may be resumed, or is used */
	enum client_end end; /* of the last connection; a life given up otherwise counts as END_CUT */

	/* XEP-0198, of this life */
	char token[64];           /* "": none */
	bool keeping;             /* <enable/> is sent: our stanzas count, and are kept */
	bool counting;            /* <enabled/> has come: the server's count */
	uint32_t received, said;  /* stanzas of the server's; of those, acknowledged by us, also by <resume/> */
	uint32_t sent_acked;      /* of ours, acknowledged */
	struct client_sent *sent; /* not acknowledged, oldest first */
	uint32_t sent_n, sent_cap;
	bool ack_all; /* answers <r/>; otherwise only client_ack() does */

	/* the connection */
	struct link *link, *cable;
	struct xml_parser *parser;
	struct buf out;
	int64_t fuse_in, fuse_out; /* bytes until the cable is cut; -1: never */
	bool deaf;                 /* reads nothing */
	struct defer drop;
	struct link *dropped;
};

void client_init(struct client *c, struct stage *s, const char *user, const char *resource);
void client_clear(struct client *c);

/* Logs in, or resumes if it can and give_up is not set. False: the server is down. */
bool client_dial(struct client *c);
/* A stanza. When counting it is kept until acknowledged, and may be sent while the link is down. tag: for on_acked and on_unsure,
 * neither of which comes when not counting. */
void client_send(struct client *c, struct str text, uint64_t tag);
void client_fmt(struct client *c, uint64_t tag, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Anything else, as it is. */
void client_raw(struct client *c, struct str text);
void client_ask(struct client *c); /* <r/> */
void client_ack(struct client *c); /* <a/> */
void client_close(struct client *c);
void client_cut(struct client *c);
void client_set_deaf(struct client *c, bool deaf);
/* Leaves the connection as it is, for the server to find out. The link is the caller's now; *ret_cable as stage_connect(). */
struct link *client_abandon(struct client *c, struct link **ret_cable);
/* Everything that it wrote is in the cable. */
static inline bool client_flushed(const struct client *c) { return c->out.n == 0; }

#endif
