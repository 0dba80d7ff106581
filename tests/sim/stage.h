/* Where a simulation takes place: one server in this thread, a disk in memory that can fail and lose power
 * (db/fault_vfs.h), a virtual clock, cables in memory. Everything follows from the order of calls.
 *
 * The accounts u0, u1, ... of STAGE_DOMAIN are in the store from the start, with the password "secret", each in the
 * roster of each other (subscription "both"); so is the persistent room STAGE_ROOM, owned by u0. */
#ifndef SIM_STAGE_H
#define SIM_STAGE_H

#include "app/server.h"
#include "db/fault_vfs.h"
#include "link/link.h"

#define STAGE_DOMAIN "sim.example"
#define STAGE_ROOM "hall@rooms." STAGE_DOMAIN

struct stage_options {
	unsigned people;
	bool strangers;                  /* nobody is in anybody's roster */
	int resume_seconds, offline_max; /* 0: the server's defaults */
	bool no_limits;                  /* rate limits off */
	bool archive;                    /* accounts have one */
	const char *admin;               /* of the service; NULL: there is none */
};

struct stage {
	struct loop *loop;
	struct config config;
	struct server *server; /* NULL while it is down */
	char folder[64];       /* of the lock file; the rest is on the disk in memory */
	bool failing;          /* faults are in force */
	unsigned starts;
	uint64_t turns;
};

/* Everything random in this process follows from the seed from now on, whatever ran before. */
void stage_seed(uint64_t seed);

/* Makes all of it and starts the server. The process must have no other stage. */
void stage_open(struct stage *s, const struct stage_options *o);
void stage_close(struct stage *s); /* the server may be up or down */

/* The server goes: it says nothing to anybody, what it had not committed is lost. Then the machine's power, if wanted. */
void stage_crash(struct stage *s, enum fault_loss loss, uint64_t seed);
/* The server is stopped as by its administrator; true if it got rid of all sessions. */
bool stage_stop(struct stage *s);
void stage_start(struct stage *s);
/* The store's own check of what is on the disk; only while the server is down. */
bool stage_disk_is_whole(struct stage *s, struct buf *why);

/* From now on all (lasting) or one of the writes and syncs fail. */
void stage_break_disk(struct stage *s, const struct fault_plan *p);
void stage_heal_disk(struct stage *s);

/* One turn of the loop; true if something happened. */
bool stage_step(struct stage *s);
/* Until nothing happens any more without time passing. */
void stage_settle(struct stage *s);
/* This much time passes, everything in it happens. */
void stage_pass(struct stage *s, int64_t ms);
/* Only the clock moves. */
void stage_tick(struct stage *s, int64_t ms);
static inline int64_t stage_now(const struct stage *s) { return loop_now(s->loop); }

/* A client's end of a new cable, which holds so many bytes each way; trickle > 0: that many a call. *ret_cable can be cut and
 * stalled; it goes with the link. NULL while the server is down. */
struct link *stage_connect(struct stage *s, size_t capacity, size_t trickle, struct link **ret_cable);

#endif
