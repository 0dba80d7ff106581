/* Where the peers live: some machines, each with a whole node (app/server.h in node mode), a loop, a disk that can fail and
 * lose power, and its user's account; and the network between them. One thread steps all loops, one clock for all.
 *
 * Machine i is "u<i>@m<i>" at 10.0.0.<i+1>:5298; 10.0.A.<i+1> is the same machine by another address for A < 9; at A = 9 nobody
 * answers. It has a persistent room, "hall". Its user logs in with the password "secret". There is no discovery: box_found() says what it would say. */
#ifndef PEERS_WORLD_H
#define PEERS_WORLD_H

#include "tests/peers/cable.h"
#include "tests/peers/inside.h"
#include "tests/sim/stage.h"
#include "xmpp/nodeid.h"

enum { BOXES_MAX = 8 };

struct world;

/* Of a command to a node; that of `peer add` comes when it is known who answers there. */
struct box_answer {
	struct buf *out;
	bool there, failed;
};

struct box {
	struct stage stage; /* of the clients: its loop, its server */
	struct world *world;
	unsigned index;
	uint8_t seed[32], key[32];
	char id[NODEID_LEN + 1];
	char user[16];
	char domain[64];
	char jid[96];
	char address[32];
	char folder[72]; /* with a slash, for the faults of its disk */
	struct box_answer answer;
};

struct world_options {
	unsigned boxes;
	int plaintext;      /* enum plaintext */
	int resume_seconds; /* of clients; 0: the default */
};

struct world {
	struct box boxes[BOXES_MAX];
	unsigned n;
	struct list cables;
	struct list gone;                 /* ends that nobody answers */
	bool apart[BOXES_MAX][BOXES_MAX]; /* the cable between them is pulled out */
	struct box *failing;              /* whose disk fails */
	struct box *stepping;             /* whose turn it is, for logs */
	uint64_t turns, dials, exporters;
	size_t capacity, trickle; /* of the next cables; 0: 65536, any */
	bool between;        /* somebody sits between: the two ends of the next connections are not of the same TLS */
	struct link *answer; /* of the next dial, whatever its address: see world_answerer() */
	size_t slow[BOXES_MAX]; /* bytes a call on what this machine dials; 0: as trickle says */
	bool deaf[BOXES_MAX];   /* what this machine dials does not answer */
};

void world_open(struct world *w, const struct world_options *o); /* all machines are up, and know nobody */
void world_close(struct world *w);

/* ---- time ---- */
bool world_step(struct world *w); /* one turn of each loop */
bool box_step(struct box *b);
void world_settle(struct world *w);           /* until nothing happens without time passing */
void world_pass(struct world *w, int64_t ms); /* this much time passes, everything in it happens */
void world_tick(struct world *w, int64_t ms); /* only the clocks move */
static inline int64_t world_now(const struct world *w) { return loop_now(w->boxes[0].stage.loop); }

/* ---- machines ---- */
void box_start(struct box *b);
/* The node ends without a word. silent: the machine does, so that others see no end of their
 * connections until somebody tells them (world_mend(), world_cut()). */
void box_crash(struct box *b, enum fault_loss loss, uint64_t seed, bool silent);
bool box_stop(struct box *b); /* as by its administrator; true: in time */
bool box_disk_is_whole(struct box *b, struct buf *why);
void box_break_disk(struct box *b, const struct fault_plan *p); /* of one machine at a time */
void box_heal_disk(struct box *b);
/* What a person at it would type: "peer add ...". The answer, without its last line end, into out (may be NULL). False: it
 * was refused. */
bool box_command(struct box *b, struct buf *out, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Discovery says that the other one is there. */
void box_found(struct box *b, const struct box *other);
static inline struct core *box_core(const struct box *b) { return server_core(b->stage.server); }

/* ---- the network ---- */
/* Pulls the cable between two machines out, or puts it back: what is under way waits, it is not lost. */
void world_apart(struct world *w, unsigned a, unsigned b, bool apart);
/* All connections between them break. */
void world_cut(struct world *w, unsigned a, unsigned b);
/* All cables are in, and whole. */
void world_mend(struct world *w);
unsigned world_cables(const struct world *w, unsigned a, unsigned b); /* connections that are whole */
/* A connection that nobody dialled: what it says it proves. The end that is not the machine's is returned, on the machine's loop. */
struct link *world_visit(struct world *w, struct box *to, const struct proof *visitor, const struct stream_kind *kind);
/* The other way round: a connection that the machine will take for that of its next dial. *ret is the end of who answers. */
struct link *world_answerer(struct world *w, struct box *from, const struct proof *who, struct link **ret);

#endif
