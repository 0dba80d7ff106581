/* A session: a bound stream as the core sees it. Its handle outlives the connection when the stream is
 * resumed (XEP-0198). Embed struct session as the first member of what the owner keeps about it.
 *
 *              session_open          LOST (resumable, sm)             CLOSED
 *   (new) ------------------> OPEN ------------------------> LEAVING --------> DETACHED
 *                              ^ |  RESUME by another stream: LEAVING too         | RESUME -> ATTACH
 *                              +-|------------------------------------------------+
 *        LOST, session_close()   |                                                | time-out, too much waits, session_close()
 *                              ENDING --CLOSED--> (freed)                    (freed)
 *
 * on_gone() is called once when it enters ENDING (or is freed from DETACHED); on_returned() for each
 * stanza that was not delivered, then and at CLOSED; free() last. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/entity.h"

enum session_state { SESSION_OPEN, SESSION_LEAVING, SESSION_DETACHED, SESSION_ENDING };

struct session_ops {
	/* A stanza from the client, from stamped, origin set. *s must end in core_done(), core_bounce() or core_send(). */
	void (*on_stanza)(struct session *s, struct stanza **st);
	/* Unlink it: it will get nothing any more. */
	void (*on_gone)(struct session *s);
	/* Was sent to it and did not arrive: deliver elsewhere, store or bounce. Takes *st. */
	void (*on_returned)(struct session *s, struct stanza **st);
	void (*free)(struct session *s); /* frees the object that embeds s; session_clear() first */
	/* A packet with this tag has arrived: acknowledged, or written to who does not count. Or not: to a link it came back,
	 * instead of on_returned(); to anybody it was held too long by a failing store, and taken back. NULL where none has a tag. */
	void (*on_tagged)(struct session *s, uint64_t tag, bool arrived);
	/* Links: it waits for another connection; it has one again. */
	void (*on_detached)(struct session *s);
	void (*on_attached)(struct session *s);
	/* The other end is a peer, which speaks for many addresses: its stanzas are answered by address, not on this session. */
	bool is_link;
};

struct session_sm; /* only while XEP-0198 is enabled */

struct session {
	const struct session_ops *ops;
	struct core *core;
	uint64_t handle;
	uint64_t conn;        /* 0 while not attached */
	struct entity *owner; /* the account; lives longer than its sessions */
	struct jid jid;       /* full, own copy */
	enum session_state state;
	bool secure;
	bool hung_up;           /* while it waits to be resumed: the other end has closed its last connection */
	bool deaf;              /* until it has another connection: what comes by this one is not taken any more */
	uint64_t received;      /* stanzas taken from the client; what the gate says of them are the lower 32 bits */
	uint64_t handled;       /* of those, in order, dealt with */
	uint64_t done_ahead;    /* bit i: number handled + 2 + i is dealt with already */
	uint64_t credit_commit; /* what `handled` depends on */
	uint32_t pause_ms;      /* for the next credit */
	struct session_sm *sm;
};

/* Makes it known: gives it a handle and sends MSG_BOUND to conn. ERR_LIMIT when there are too many. */
int session_open(struct session *s, const struct session_ops *ops, struct core *c, struct entity *owner,
	struct jid full, uint64_t conn);
void session_clear(struct session *s);
struct session *session_find(const struct core *c, uint64_t handle);
/* A link's session counts from its beginning (XEP-0198) and outlives its connections. token: what the end that answered
 * called it; NULL: named here. keep_seconds: how long it waits to be resumed. */
void session_keep(struct session *s, const char *token, uint32_t keep_seconds);
const char *session_token(const struct session *s); /* NULL: it cannot be resumed */
bool session_counts(const struct session *s);       /* what it gets (XEP-0198) */
/* What the client has sent and is handled; false as long as something is under way. Its commit: when that may be said. */
bool session_settled(const struct session *s, uint32_t *ret_handled, uint64_t *ret_commit);
/* conn goes on with it; the other end has h of ours. Answered with ATTACH, now or when all is settled. A connection that it
 * still has is closed. */
void session_resume(struct session *s, uint64_t conn, uint32_t h);
void session_refuse_resume(struct core *c, uint64_t conn); /* there is no such session */
/* Ends it from our side, with a stream error or SERR_NONE. text static or NULL. */
void session_close(struct session *s, enum serr error, const char *text);
/* Its connection breaks, as if the cable did, and nothing that it brought and that is not taken yet will be: both ends keep
 * the session. Only of those that can be resumed. */
void session_break(struct session *s);
static inline bool session_alive(const struct session *s) { return s->state != SESSION_ENDING; }

/* One packet to one session; takes *p. commit: 0 at once, else core_commit(). To one that is ending: freed if volatile_,
 * otherwise given to on_returned(). A detached session whose queue gets too long ends, but not before the end of
 * the turn. */
void session_send(struct session *s, struct packet **p, uint64_t commit);
/* Each packet to each handle, in order: the only way to many. Handles of dead sessions are skipped. The
 * packets' references are taken (the array is not). Costs nothing per recipient but its id, and ends no session. */
void core_multicast(struct core *c, struct packet **packets, uint32_t n_packets, const uint64_t *handles,
	uint32_t n_handles, uint64_t commit);

#endif
