/* The core: all chat state, one thread, no locks, no I/O. Messages go in, messages come out; time is given to it
 * at the start of each turn.
 *
 * A turn:  core_begin(now) -> core_handle(message)* -> core_end():
 *   1. inboxes are served round-robin until empty or the turn's budget is spent (half of it is theirs in any case);
 *   2. entities that collected output settle it (a room's joins of this turn);
 *   3. sessions whose queue is overfull end;
 *   4. the batch of writes, if any, goes to the store with the next commit number;
 *   5. the dead are freed.
 *
 * Invariants: 1. Entities meet only through core_send(). 2. Nothing handed to a session is dropped silently: it
 * is written, or comes back and is delivered elsewhere, stored or bounced. 3. What a client is told is done
 * (acknowledgement, result, reflection) waits for the commit that it depends on. 4. Memory is the truth: a
 * failed commit is tried again, never rolled back. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/timer.h"
#include "gate/msg.h"

struct core;
struct entity;
struct host;
struct session;
struct feature;
struct command;

struct core_config {
	unsigned wires;          /* number of wire sides, at least 1; a connection id's table_tag() says which */
	uint32_t turn_budget;    /* units of work a turn (about a microsecond each), 0: 2000 */
	uint32_t max_sessions;   /* 0: 1000000 */
	uint32_t resume_seconds; /* how long a broken session waits (XEP-0198), 0: 300 */
	uint32_t resume_queue;   /* packets kept for a broken session, 0: 1000 */
	uint32_t resume_bytes;   /* the same in bytes, 0: 64 MiB */
	bool relaxed;            /* durability: commit at most every 200 ms instead of every turn */
	const struct feature *const *features; /* arrays, each ended by a row without name; NULL at the end */
	const struct command *const *commands; /* the same */
};

struct core *core_new(const struct core_config *config);
void core_free(struct core **c);
bool core_ending(const struct core *c); /* inside core_free(): nothing is sent any more, only freed */

/* ---- for app/: the turn ---- */
void core_begin(struct core *c, int64_t now, int64_t wall);
void core_handle(struct core *c, struct msg *m); /* takes what m owns */
void core_end(struct core *c);
/* True if inboxes were left over: begin another turn without waiting. */
bool core_busy(const struct core *c);
/* When the next timer is due (ms, INT64_MAX: none). */
int64_t core_next_timer(const struct core *c);
/* What came out, to be handed on by the caller (queue_put empties them). */
struct msgs *core_out_wire(struct core *c, unsigned wire);
struct msgs *core_out_store(struct core *c);
struct msgs *core_out_admin(struct core *c);
struct msgs *core_out_helper(struct core *c);
struct msgs *core_out_discovery(struct core *c);
/* The server is going down: closes all sessions with system-shutdown. Done when core_session_count() is 0. */
void core_shutdown(struct core *c);

/* ---- for entities ---- */
int64_t core_now(const struct core *c);  /* monotonic ms, this turn */
int64_t core_wall(const struct core *c); /* ms since 1970, this turn */
struct timers *core_timers(struct core *c);
/* Counts work done (recipients, rows) against the fairness of the turn. */
void core_spend(struct core *c, uint32_t units);

/* Routing: takes *s and puts it into the inbox of whom it is addressed to. Unknown domains and addresses
 * are answered with the right error. `to` must be there. */
void core_send(struct core *c, struct stanza **s);
/* The stanza has been dealt with: frees it, and lets its sender's session count it as handled (after the
 * commit, if anything was written since the entity took it up, and after its own `commit`). Never stanza_free() one from an inbox. */
void core_done(struct core *c, struct stanza **s);
/* The client that sent s is not read for so long once s is done: what it writes does not get away as fast. It stays short, for all
 * that the client says waits, too. Nothing for what comes from elsewhere. */
void core_slow(struct core *c, const struct stanza *s, uint32_t ms);
/* It is going to be dealt with, but that may take long: its sender's session counts it now, so that what came behind it does not wait.
 * For what nobody expects to be there after a crash. */
void core_count(struct core *c, struct stanza *s);
/* Answers `request` with a packet made for it: straight to the session it came from (if that is whom `from` names), else
 * by routing. Takes *p. */
void core_reply(struct core *c, const struct stanza *request, struct packet **p, uint64_t commit);
/* Returns an error to the sender (nothing for what must not be answered), then core_done(). */
void core_bounce(struct core *c, struct stanza **s, struct xerr e);

/* Storage. Check core_can_store() before a change that a client asked for: false while the store fails, answer
 * resource-constraint then. */
bool core_can_store(const struct core *c);
struct store_batch *core_batch(struct core *c); /* to store_put() into; borrowed, only for the next call */
/* The commit number that output depending on a write of this turn must wait for; 0 if nothing was written. */
uint64_t core_commit(const struct core *c);
/* The last commit that is still under way, of this turn or an earlier one; 0 if there is none. */
uint64_t core_uncommitted(const struct core *c);

/* Waiting for an answer that comes in a later turn: embed it, set answer and drop. Exactly one of the two is
 * called, once; both own the memory from then on. rows NULL: hash answer in keys. Because anybody may die
 * meanwhile, keep ids (entity_id, session handle), not pointers. */
struct wait {
	void (*answer)(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys);
	void (*drop)(struct wait *w); /* the core is going away */
	uint64_t tag;                 /* the core's */
};
/* Creates the query with this tag: q = store_query_new(READ, core_wait(c, w), ...); core_ask(c, &q). */
uint64_t core_wait(struct core *c, struct wait *w);
void core_ask(struct core *c, struct store_query **q);
/* SCRAM keys of a password in the helper pool; wipes and takes *password. */
void core_hash(struct core *c, char **password, struct wait *w);

/* Hosts: one row a domain served. */
void core_add_host(struct core *c, struct host *h); /* takes it; domain must be new */
struct host *core_find_host(const struct core *c, struct str domain);
/* The host that everything for other domains goes to, with messages about links and neighbours. At most one; core_add_host()
 * it, too. */
void core_set_gateway(struct core *c, struct host *h);
struct host *core_gateway(const struct core *c); /* NULL if there is none */
struct host *core_next_host(const struct core *c, uint32_t *pos);
void core_account_gone(struct core *c, struct jid bare); /* all hosts are told */

const struct feature *const *core_features(const struct core *c);
uint32_t core_session_count(const struct core *c);
struct session *core_next_session(const struct core *c, uint32_t *pos);

/* Counters for status, by name in core.c's table. */
struct core_stats {
	uint64_t stanzas, packets, deliveries, bounces, batches, turns;
};
struct core_stats *core_stats(struct core *c);
const struct core_config *core_config(const struct core *c);

#endif
