/* Private to src/core: what its files share. */
#ifndef CORE_CORE_I_H
#define CORE_CORE_I_H

#include "core/command.h"
#include "core/feature.h"
#include "core/session.h"

enum { WIRES_MAX = 16 };

struct core {
	struct core_config config;
	int64_t now, wall;
	struct timers timers;
	struct map hosts;     /* by domain */
	struct host *gateway; /* for all other domains; NULL: there are no others */
	struct table entities;
	struct table sessions;
	struct table waits;
	struct list runnable; /* entities with something in their inbox */
	struct list dead;     /* entities to free at the end of the turn */
	struct list overfull; /* detached sessions with too much in their queue, to end at the end of the turn */
	uint32_t budget;      /* units left in this turn */

	/* commit.c */
	struct store_batch *batch; /* writes of this turn, NULL while there are none */
	uint64_t batch_number;     /* of the last batch handed over */
	uint64_t batch_before;     /* the same when this turn began */
	uint64_t committed;        /* the last one reported back */
	uint32_t writes_seen;      /* writes in the batch when the current stanza was taken up */
	bool store_failing;
	int64_t oldest_pending;    /* when the oldest uncommitted batch was handed over; INT64_MAX: none */
	struct timer commit_timer; /* relaxed durability */
	struct timer expire_timer; /* output held too long */
	bool flush_due;

	struct msgs to_wire[WIRES_MAX];
	struct msgs to_store, to_admin, to_helper, to_discovery;
	struct msgs late; /* pages of the store that the turn had no more time for, in order */
	struct msgs asks; /* queries of this turn: they follow its batch, so they see what it wrote */

	/* multicast: scratch, grouped by wire */
	uint64_t *conns[WIRES_MAX];
	uint32_t conns_n[WIRES_MAX], conns_cap[WIRES_MAX];

	struct core_stats stats;
	bool shutting_down;
	bool ending; /* inside core_free(): nothing is sent any more */
};

/* commit.c */
void commit_init(struct core *c);
void commit_clear(struct core *c);
void commit_end_turn(struct core *c);
void commit_on_done(struct core *c, uint64_t number);
void commit_on_state(struct core *c, bool failing, int error);
/* The commit number for what is answered now: 0 unless something was written since the stanza was taken up. */
uint64_t commit_since_take(const struct core *c);
/* What everything done so far depends on at most; 0 if all of it is committed. */
uint64_t commit_of_all(const struct core *c);
void commit_take_up(struct core *c); /* a stanza is taken up: what is written from here on is its doing */

/* session.c: messages from the wire */
void session_on_stanza(struct core *c, struct msg *m);
void session_on_sm_enable(struct core *c, struct msg *m);
void session_on_resume(struct core *c, struct msg *m);
void session_on_lost(struct core *c, struct msg *m);
void session_on_closed(struct core *c, struct msg *m);
void session_on_expired(struct core *c, struct msg *m);
void session_on_acked(struct core *c, struct msg *m);
/* One stanza of its client has been dealt with. */
void session_count(struct session *s, uint64_t seq, uint64_t commit);
/* Its owner forgets it; what waits for it is given back. The session is freed now, or at CLOSED. */
void session_end(struct session *s);
void session_return(struct session *s, struct packet **p);
struct msg *session_send_close(struct session *s, enum serr error, const char *text);

/* detach.c: sessions that wait to be resumed */
bool detach_possible(const struct session *s);
void detach_queue(struct session *s, struct packet *p); /* takes a reference of its own */
/* What the connection gave back, in order. */
void detach_returned(struct session *s, struct packets *rest, uint32_t acked);
void detach_enter(struct session *s); /* the connection is gone for good */
void detach_try_attach(struct session *s);
void detach_free(struct session *s); /* what waits is given back through on_returned by session_end() before */
void detach_take(struct session *s, struct packets *ret); /* all packets waiting, oldest first */
void detach_end_overfull(struct core *c);

/* wait.c */
void wait_answer(struct core *c, uint64_t tag, const struct store_rows *rows, const struct scram_keys *keys);
void wait_drop_all(struct core *c);

/* command.c */
void command_on_ask(struct core *c, struct msg *m);

#endif
