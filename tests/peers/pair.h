/* Some machines with a guest (tests/sim/guest.h) at each, for tests that tell every step; and a caller, who speaks to a node
 * as the test says, with whatever key it says. For cmocka. */
#ifndef PEERS_PAIR_H
#define PEERS_PAIR_H

#include "tests/peers/world.h"
#include "tests/sim/guest.h"

struct pair {
	struct world world;
	struct guest guests[BOXES_MAX];
};

/* n machines, their users online, nobody known to anybody. */
void pair_open(struct pair *p, unsigned n, int plaintext);
void pair_close(struct pair *p);
/* Found by each other, accepted, linked: nothing waits. */
void pair_meet(struct pair *p);
static inline struct box *pair_box(struct pair *p, unsigned i) { return &p->world.boxes[i]; }
static inline struct core *pair_core(struct pair *p, unsigned i) { return box_core(&p->world.boxes[i]); }
static inline const char *pair_domain(struct pair *p, unsigned i) { return p->world.boxes[i].domain; }

/* The user at one writes to the user at the other; nothing else happens yet. */
void pair_send(struct pair *p, unsigned from, unsigned to, const char *id);
/* How often one's user got a message from the other's with this id; errors are none. */
unsigned pair_got(struct pair *p, unsigned at, unsigned from, const char *id);
unsigned pair_errors(struct pair *p, unsigned at, const char *id);
/* The node starts again, its user comes back. */
void pair_restart(struct pair *p, unsigned i);
/* Linked with each other by one and the same connection, one session, nothing waits. */
void pair_expect_linked(struct pair *p, unsigned a, unsigned b);

struct caller {
	struct link *link;
	struct world *world;
	struct buf got; /* all that came since the last look */
	bool ended;
};

/* Calls at a machine. */
void caller_call(struct caller *c, struct world *w, struct box *to, const struct proof *proof,
	const struct stream_kind *kind);
/* Answers whatever the machine dials next; taken once. */
void caller_wait(struct caller *c, struct world *w, struct box *from, const struct proof *proof);
void caller_hang_up(struct caller *c);
/* Says it; then everything happens that may without time. */
void caller_say(struct caller *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool caller_got(struct caller *c, const char *part);
void caller_forget(struct caller *c);
/* A keyed stream as the one who dials, to a session: header, <enable/>. True: there is one. */
bool caller_enter(struct caller *c, const char *from);
/* What this machine's certificate would prove. */
void proof_of(struct proof *p, const struct box *b);

int peers_setup(void **state);

#endif
