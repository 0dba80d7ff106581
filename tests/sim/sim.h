/* The simulation: a few people with several clients each, a seeded plan of what they and the world do, a ledger of what was
 * sent, and the checks. What is promised, and what is not, stands in README.md. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/mem.h"
#include "room/privilege.h"
#include "tests/sim/client.h"

enum {
	PEOPLE_MAX = 5,
	ACTORS_MAX = 8,
	MAILS_MAX = 4096,
	STAYS_MAX = 1024,
	LIVES_MAX = 1024,
	RECEIPTS_MAX = 48,
	GRAVES_MAX = 64,
	CRASHES_MAX = 64,
	RIGHTS_MAX = 512
};

/* One session of a client, as seen from outside (see client.h). */
struct life {
	unsigned actor;
	int64_t birth, death;   /* the server had it from .. until at the latest; death INT64_MAX: perhaps still */
	int64_t known_at;       /* its client knows of it since then */
	int64_t clean_at;       /* then it had got all that there was for its person, but for what others still had */
	bool counting;          /* with XEP-0198, and enabled */
	bool lost_in, lost_out; /* what was under way to it, or from it, may be gone */
	uint32_t confirmed;     /* the server knows for certain that it received so many */
	int64_t confirmed_at;   /* ... since then */
	uint32_t written;       /* of those, what is certainly written down */
	uint32_t last_seq[ACTORS_MAX][ACTORS_MAX + 1]; /* order: by sender, by address (actor, or the last: bare) */
};

struct receipt {
	uint32_t life;
	uint32_t number; /* in that life; 0: not counted, so never sent again */
	int64_t at;
};

enum mail_state {
	MAIL_SENT,  /* not known to have been handled */
	MAIL_ACKED, /* <a/> or <resumed/> covers it */
	MAIL_UNSURE /* its sender will never know */
};

/* A message. */
struct mail {
	uint8_t from;       /* actor */
	uint8_t to_person;  /* to_room: not used */
	uint8_t to_address; /* actor for a full address; ACTORS_MAX: bare */
	bool to_room, normal, bounced, reflected;
	bool in_trouble; /* it may have been refused before it was acknowledged */
	bool unsafe;     /* the store was failing between its sending and its acknowledgement */
	bool again;      /* to be sent again in the next life */
	bool doubtful;   /* to the room, while the store was failing: it may have been taken back from some */
	uint8_t state;
	uint8_t resends; /* by a client that does not know: each may be a copy */
	uint8_t receipt_n;
	uint32_t seq;  /* counts for this sender and address */
	uint32_t life; /* of the sender, when it was last sent */
	uint32_t stay; /* in the room, of the sender */
	int64_t sent_at, reflected_at;
	uint64_t room_id; /* the room's number for it, 0: not known yet */
	struct receipt receipts[RECEIPTS_MAX];
};

/* One occupancy of the room: from asking to enter until leaving. */
struct stay {
	unsigned actor;
	int64_t began_at;
	bool welcome;    /* the subject has come, which follows the history */
	bool doubtful;   /* the store was failing: a part of the history may have been taken back */
	uint32_t *heard; /* mails, in order; those of the history first */
	uint32_t heard_n, heard_cap, history_n;
};

/* What somebody is in the room. */
struct standing {
	enum role role;
	enum affiliation affiliation;
};

/* A change of it that was asked for. */
struct right {
	unsigned actor, person; /* PEOPLE_MAX: a role */
	enum affiliation value;
	bool acked;
};

struct actor {
	struct client client;
	struct sim *sim;
	unsigned index, person;
	uint32_t life; /* of sim->lives, 0: none yet */
	int64_t dialled_at;
	uint32_t next_seq[ACTORS_MAX + 2];
	/* presence */
	bool open_to_all;              /* available, with a priority that is not negative */
	uint32_t version, version_now; /* of what it ever said; of what it says now, 0: unavailable */
	uint32_t view[ACTORS_MAX];     /* of the others, as it was told in this life; 0: unavailable */
	/* the room */
	bool in_room, joining;
	uint32_t stay; /* of sim->stays, 0: none */
	bool occupants[ACTORS_MAX];
	struct standing items[ACTORS_MAX], best; /* best: its own since it last asked for a change */
	/* one contact's name in its roster, which only it changes */
	uint32_t note_sent, note_acked, note_asked; /* values; acked at the time of asking for the roster */
	bool away;                                  /* logged out, and in no hurry to come back */
	bool stalled;
	bool shaky; /* it was, or read nothing: the server may have closed without its knowing yet */
};

/* A connection that its client has given up and the server does not know to be dead. */
struct grave {
	struct link *link, *cable;
	uint32_t life;
};

struct sim_stats {
	uint64_t mails, acked, delivered, bounced, copies, resumed, lives, room_heard;
	uint64_t lost_uncounted, lost_in_crash, bounce_lost, crashes, disk_faults;
};

struct sim {
	struct stage stage;
	uint64_t seed, random;
	bool verbose;
	unsigned failures;
	unsigned people, actor_count;
	struct actor actors[ACTORS_MAX];
	struct mail *mails;
	uint32_t mail_n;
	struct life *lives;
	uint32_t life_n;
	struct stay *stays;
	uint32_t stay_n;
	struct right rights[RIGHTS_MAX];
	uint32_t right_n;
	struct grave graves[GRAVES_MAX];
	unsigned grave_n;
	int64_t crashed_at[CRASHES_MAX], stored_until[CRASHES_MAX];
	unsigned crash_n;
	int64_t disk_bad_from;
	int64_t disk_bad_until; /* the last time it was seen failing; INT64_MAX while it is */
	bool held;              /* the store does nothing */
	int64_t held_from;
	unsigned flavor;      /* bits that vary from seed to seed */
	unsigned weights[16]; /* plan.c */
	struct sim_stats stats;
};

/* ---- sim.c ---- */
/* Plays one seed. False: a check failed, and said so on standard error. */
bool sim_play(uint64_t seed, unsigned steps, bool verbose, struct sim_stats *add);
uint32_t sim_random(struct sim *s, uint32_t below);
bool sim_chance(struct sim *s, uint32_t percent);
void sim_say(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* when verbose */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline int64_t sim_now(const struct sim *s) { return stage_now(&s->stage); }
/* Everything that may happen without time has happened. */
void sim_settle(struct sim *s);
int64_t sim_stored_until(const struct sim *s); /* what was to be stored until then is */

/* ---- actor.c: what a client does by itself ---- */
void actor_init(struct sim *s, unsigned index, unsigned person);
bool actor_dial(struct actor *a);
void actor_send_presence(struct actor *a, int priority);
void actor_become_unavailable(struct actor *a);
int actor_any_priority(struct sim *s);
void actor_set_note(struct actor *a);
void actor_ask_roster(struct actor *a);
void actor_abandon(struct actor *a);
void grave_close(struct sim *s, unsigned i);
/* Whose full address it is, -1: nobody's. */
int actor_of_address(const struct sim *s, struct str jid);
/* "Perhaps until": what the store's sleep makes later. */
void lives_on_release(struct sim *s);
void lives_on_crash(struct sim *s);
void life_confirm(struct sim *s, struct life *l, uint32_t received);
bool crash_undid(const struct sim *s, int64_t when); /* what was known then, but perhaps not written down */

/* ---- mail.c: the ledger of one-to-one messages ---- */
void mail_send(struct actor *a, unsigned person, unsigned address);
void mail_send_again(struct actor *a, uint32_t mail); /* after it became MAIL_UNSURE */
void mail_on_stanza(struct actor *a, const struct xml_tree *t);
void mail_on_acked(struct actor *a, uint32_t mail);
void mail_check_all(struct sim *s); /* when all is quiet and everybody has been there */

/* For both kinds. */
uint32_t mail_new(struct actor *a);
void mail_body(uint32_t mail, struct buf *out); /* not escaped */
const char *mail_extra(uint32_t mail);          /* a further child */
bool mail_same_body(struct sim *s, uint32_t mail, const struct xml_tree *t);
int mail_of_id(const struct sim *s, struct str id, char letter); /* -1 */
bool mail_is_acknowledged(const struct sim *s, const struct mail *m);
bool mail_may_be_refused(const struct sim *s, const struct mail *m, const char **ret_why);

/* ---- room.c ---- */
void room_join(struct actor *a);
void room_leave(struct actor *a);
void room_send(struct actor *a);
void room_on_message(struct actor *a, const struct xml_tree *t);
void room_on_presence(struct actor *a, const struct xml_tree *t);
void room_on_life_over(struct actor *a);
void room_clear(struct sim *s);
void room_check_occupants(struct sim *s);
void room_check_all(struct sim *s);

/* ---- rights.c ---- */
void rights_act(struct actor *a);
bool rights_on_answer(struct actor *a, struct str id, bool good); /* false: not of such a request */
void rights_on_presence(struct actor *a, unsigned nick, const struct xml_tree *t);
void rights_check(struct sim *s); /* in every turn */
void rights_check_views(struct sim *s);
void rights_check_all(struct sim *s);

/* ---- plan.c ---- */
void plan_draw(struct sim *s);
void plan_step(struct sim *s);
void plan_finale(struct sim *s);

#endif
