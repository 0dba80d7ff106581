/* The simulation of peers: two to eight machines with a person at each, a seeded plan of what they and the world do, a ledger
 * of what was sent, and the checks. What is promised, and what is not, stands in README.md. */
#ifndef PEERS_SWARM_H
#define PEERS_SWARM_H

#include "base/mem.h"
#include "tests/peers/world.h"
#include "tests/sim/client.h"

enum { MAILS_MAX = 3000, LIVES_MAX = 600, RECEIPTS_MAX = 8, TALKS_MAX = 1500, STAYS_MAX = 600 };

/* One session of a person's client with its own node (see tests/sim/client.h). */
struct life {
	unsigned box;
	int64_t birth, death; /* the node had it from .. until at the latest; INT64_MAX: perhaps still */
	uint32_t confirmed;   /* stanzas that the node knows it has, and will know after a crash */
	uint32_t last_said;   /* it said goodbye after so many; not known to be written yet */
	uint32_t last_seq[BOXES_MAX];
};

struct receipt {
	uint32_t life, number; /* number: of the stanza in that life */
};

enum mail_state { MAIL_SENT, MAIL_ACKED, MAIL_UNSURE };

/* A message from a person to another. */
struct mail {
	uint8_t from, to, state;
	bool bounced, again, resent;
	bool may_be_lost; /* a crash has taken it from memory, where it waited for its person */
	bool may_repeat;  /* a crash has taken what was written of its arrival */
	bool stranger;    /* its recipient had never written to the sender */
	uint32_t seq, life, receipt_n;
	int64_t sent_at;
	struct receipt receipts[RECEIPTS_MAX];
};

/* What is said in the room. */
struct talk {
	uint8_t from;
	bool acked, heard, bounced; /* by who said it */
	bool doubtful;              /* the host's store was failing: it may have been taken back from some */
	uint32_t stay;
	int64_t said_at;
};

/* A stay in the room of machine 0: from the own presence until one is told, or gone, or the room is. */
struct stay {
	uint8_t box;
	bool over;
	uint32_t *heard, heard_n, heard_cap; /* talks, in order */
};

struct player {
	struct client client;
	struct swarm *swarm;
	unsigned index;
	uint32_t life;
	bool away;    /* logged out, in no hurry to come back */
	bool joining; /* the room */
	uint32_t stay;
	uint32_t next_seq[BOXES_MAX];
	uint32_t version, version_now, view[BOXES_MAX];
	bool knows[BOXES_MAX]; /* has written to them: they are no strangers */
};

struct swarm_stats {
	uint64_t mails, acked, delivered, bounced, repeated, lost_in_crash, bounce_lost, lives, resumed, dials, crashes,
		stops, disk_faults, cuts, pulls, turns, talks, heard, stays;
};

struct swarm {
	struct world world;
	uint64_t seed, random;
	bool verbose;
	unsigned failures;
	struct player players[BOXES_MAX];
	struct mail *mails;
	uint32_t mail_n;
	struct life *lives;
	uint32_t life_n;
	struct talk *talks;
	uint32_t talk_n;
	struct stay *stays;
	uint32_t stay_n;
	int64_t crashed_at[BOXES_MAX];     /* the last time, 0: never */
	int64_t disk_bad_until[BOXES_MAX]; /* INT64_MAX: fails now; 0: never */
	bool held[BOXES_MAX];
	bool typed;     /* addresses were typed in: there is no discovery */
	bool strangers; /* nobody has accepted anybody */
	bool rooms;
	unsigned weights[17]; /* plan.c */
	struct swarm_stats stats;
};

/* ---- swarm.c ---- */
bool swarm_play(uint64_t seed, unsigned steps, bool verbose, struct swarm_stats *add);
uint32_t swarm_random(struct swarm *s, uint32_t below);
bool swarm_chance(struct swarm *s, uint32_t percent);
void swarm_say(struct swarm *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void swarm_fail(struct swarm *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline int64_t swarm_now(const struct swarm *s) { return world_now(&s->world); }
/* Everything that may happen without time has happened. */
void swarm_settle(struct swarm *s);
/* All is written: what was said before a goodbye is known to the node. */
void swarm_confirm_closed(struct swarm *s, unsigned box);

/* ---- player.c ---- */
void player_init(struct swarm *s, unsigned index);
void player_dial(struct player *p);
void player_send_presence(struct player *p);
void player_on_crash(struct player *p); /* before its node goes */
bool player_can_send(const struct player *p);
static inline struct box *player_box(const struct player *p) { return &p->swarm->world.boxes[p->index]; }

/* ---- ledger.c ---- */
void mail_send(struct player *p, unsigned to);
void mail_send_again(struct player *p);
void mail_on_stanza(struct player *p, const struct xml_tree *t);
void mail_on_acked(struct player *p, uint32_t mail);
void mail_on_unsure(struct player *p, uint32_t mail);
void mail_on_crash(struct swarm *s, unsigned box);   /* before the node goes */
void mail_on_restart(struct swarm *s, unsigned box); /* when it has read its store */
void mail_check_all(struct swarm *s);
/* Of an address at a node: whose it is, -1. */
int box_of_jid(const struct swarm *s, struct str jid);
int number_of_id(struct str id, char letter, uint32_t below); /* -1 */

/* ---- hall.c: the room of box 0 ---- */
void hall_join(struct player *p);
void hall_leave(struct player *p);
void hall_say(struct player *p);
bool hall_is_from(const struct swarm *s, struct str jid);
void hall_on_presence(struct player *p, const struct xml_tree *t);
void hall_on_message(struct player *p, const struct xml_tree *t);
void hall_on_acked(struct player *p, uint32_t talk);
void hall_on_life_over(struct player *p);
void hall_on_crash(struct swarm *s, unsigned box);
void hall_on_disk_fault(struct swarm *s);
void hall_check_heard(struct swarm *s);
void hall_check_all(struct swarm *s);
void hall_clear(struct swarm *s);

/* ---- plan.c ---- */
void plan_draw(struct swarm *s);
void plan_begin(struct swarm *s);
void plan_step(struct swarm *s);
void plan_finale(struct swarm *s);

#endif
