/* The crowd: hundreds of clients in some rooms of one server. What each client sees is checked as it comes, against what that
 * client knows and what was asked for; whenever all is quiet, all that they know is compared. See README.md.
 *
 *   plan.c -> chatter.c (a client and what it asks) -> server -> scene.c, talk.c (what it sees) -> hall.c (is it right?)
 *   quiet.c: all views of a room against each other, against what its owner is told, and against what was asked for */
#ifndef CROWD_CROWD_H
#define CROWD_CROWD_H

#include "base/mem.h"
#include "tests/crowd/law.h"
#include "tests/sim/client.h"

#define HALL_SERVICE "rooms." STAGE_DOMAIN

enum {
	PERSONS_MAX = 200,
	CHATTERS_MAX = 400,
	HALLS_MAX = 12,
	NICKS_MAX = 2 * PERSONS_MAX, /* number i < people is person i's own */
	ROWS_MAX = 6,
	NOBODY = -1,
	ANY_NICK = -2,
	GRAVES_MAX = 64,
	IDS_SIZE = 1024
};

/* What a room is, as bits. */
enum {
	HALL_PERSISTENT = 1,
	HALL_MEMBERS = 2,
	HALL_MODERATED = 4,
	HALL_OPEN_EYED = 8, /* non-anonymous */
	HALL_PASSWORD = 16,
	HALL_NARROW = 32,     /* HALL_SEATS occupants at most */
	HALL_HIDING = 64,     /* visitors are seen by moderators alone */
	HALL_TALKATIVE = 128, /* participants may change the subject */
	HALL_ENROLS = 256,    /* who registers is a member */
	HALL_INVITES = 512,   /* all occupants may invite to a members-only room */
	HALL_BITS = 10,
	HALL_SEATS = 20,
	HALL_ENDED_MS = 3600000, /* so long the name of a temporary one that was ended is not free */
	HALL_ENDED_LASTING_MS = 86400000,
	HALL_LOCKED_MS = 60000 /* then an owner who configured nothing has accepted what there is */
};

struct hall_option {
	const char *var, *on, *off;
};
extern const struct hall_option hall_options[HALL_BITS]; /* by bit, of the form: muc#roomconfig_... */

/* ---- what is asked ---- */

enum ask_kind { ASK_ROLES, ASK_AFFILIATIONS, ASK_CONFIG, ASK_DESTROY, ASK_INVITE, ASK_ENROL, ASK_RESIGN, ASK_READ };
enum ask_state {
	ASK_OPEN,
	ASK_DONE,
	ASK_REFUSED,
	ASK_LOST /* it will never be known whether it was done */
};

struct ask_row {
	int16_t nick, person; /* of a role: and who was called so, for who asked, then; of an affiliation */
	uint8_t value;
};

struct ask {
	uint64_t number; /* its id is k%u */
	uint16_t chatter, hall;
	uint32_t age; /* of the hall, when it was sent */
	bool old;     /* it was not answered when all was quiet: what held when it was done is not known */
	uint8_t kind, state, row_n;
	struct ask_row rows[ROWS_MAX];
	uint32_t config; /* as it is to be */
};

/* ---- what is said ---- */

enum line_kind { LINE_TALK, LINE_SUBJECT, LINE_PRIVATE };
enum line_state { LINE_SENT, LINE_HEARD, LINE_REFUSED, LINE_LOST };

struct line {
	uint16_t chatter;
	uint8_t hall, kind, state;
	int16_t to_nick;
	uint32_t age;  /* of the hall */
	uint32_t stay; /* of the sender's view */
	uint64_t id;   /* the room's number, 0: not known */
};

/* ---- a room, as it should be ---- */

struct hall {
	unsigned index;
	uint32_t kind;       /* what its maker makes of it */
	uint32_t age;        /* grows whenever it is made anew */
	bool exists, maybe;  /* maybe: it may have ended, and been made anew, since all was quiet */
	int64_t ended_until; /* its end was done, or may have been: its name is not free before */
	bool locked;         /* made, and not configured yet */
	int64_t locked_until;
	uint32_t config;
	uint8_t affiliations[PERSONS_MAX];
	uint32_t subject; /* the last one heard: a line, 0: none */
	uint64_t subject_id;
	bool unsure;                /* it may be the one that was there before: its end was perhaps not stored */
	bool any_subject;           /* nobody knows */
	bool left[NICKS_MAX];       /* somebody called so has left, or may have, since all was quiet */
	uint8_t stirred[NICKS_MAX]; /* so often has somebody called so sent presence since then */
	bool enrolled[PERSONS_MAX]; /* may have his own nickname to himself */
	bool voiced[PERSONS_MAX];   /* may have been given voice, or lost it, in person */
	uint64_t ids[PERSONS_MAX];  /* XEP-0421, hashed; 0: not known */
	int16_t by_id[IDS_SIZE];    /* person */
	/* all that was heard, in order of the room's numbers */
	uint32_t *log;
	uint32_t log_n, log_cap;
	/* of now, for quiet.c */
	uint8_t listed[PERSONS_MAX];
	uint32_t listed_config;
	unsigned answers, refusals;
};

/* ---- a room, as a client sees it ---- */

enum scene_state {
	SCENE_OUT,
	SCENE_ENTERING, /* asked; the presences of the others come */
	SCENE_WELCOME,  /* its own has come, history and subject follow */
	SCENE_IN,
	SCENE_LEAVING
};

struct entry {
	bool here;
	struct standing now, before; /* before: its last change */
	int16_t person;              /* NOBODY: not known */
	uint8_t status;              /* the one it shows */
	uint8_t told;                /* presences without news since all was quiet, and the first one */
	int16_t chatter;             /* whose real address was shown, NOBODY: hidden */
	uint64_t id;                 /* XEP-0421, hashed */
};

struct scene {
	uint8_t state;
	bool wrong_word;      /* it gave a wrong password */
	bool fresh;           /* it has come since all was quiet */
	bool open_eyed;       /* it was told so when it came */
	uint64_t asked_at;    /* before which comparison it wanted to enter */
	bool promoted;        /* since all was quiet it was made a moderator: it is told more of all */
	bool unsure;          /* it is a moderator, and may not know who the others are */
	uint8_t again;        /* it has asked to enter again, while in */
	int16_t nick, wanted; /* wanted: being asked for */
	int16_t renamed;      /* somebody is about to appear under this one, NOBODY */
	uint64_t renamed_id;
	uint32_t age, stay;
	uint32_t first_line;        /* said since it wanted to enter */
	uint32_t lines;             /* heard, also as history, without subjects */
	uint64_t first_id, last_id; /* the room's numbers */
	uint32_t subject;
	uint32_t private_from[CHATTERS_MAX];
	struct entry entries[NICKS_MAX];
};

struct chatter {
	struct client client;
	struct crowd *crowd;
	unsigned index, person;
	struct scene *scenes[HALLS_MAX]; /* NULL: never been there */
	bool away;                       /* in no hurry to come back */
	bool forgotten;                  /* the server has lost its session */
	bool behind;                     /* what it reads may be older than what is known now */
	int64_t down_since;
	/* Rooms in which an earlier session of its may still be, by nickname; NOBODY, or ANY_NICK. */
	int16_t ghosts[HALLS_MAX];
	int64_t ghost_until;
};

struct grave {
	struct link *link, *cable;
	unsigned chatter;
};

struct crowd_stats {
	uint64_t seeds, clients, entered, lines, heard, private_heard, done, refused, resumed, crashes, stops, checks,
		lists, stanzas, created, invited;
};

struct crowd {
	struct stage stage;
	uint64_t seed, random;
	bool verbose;
	unsigned failures, step;
	unsigned people, chatter_count, hall_count;
	unsigned own[PERSONS_MAX][3], own_n[PERSONS_MAX];
	struct chatter *chatters;
	struct hall *halls;
	struct client boss; /* an administrator of the service, in no room: asks for lists */
	struct ask *asks;   /* those whose end all halls do not know yet */
	uint32_t ask_n, ask_cap;
	uint64_t ask_number;
	const struct ask *judged; /* explains nothing at the moment: it is itself to be explained */
	struct line *lines;       /* 0 is none */
	uint32_t line_n, line_cap;
	uint32_t stay_n;
	struct grave graves[GRAVES_MAX];
	unsigned grave_n;
	unsigned starts;
	bool held;     /* the store does nothing */
	bool limits;   /* who goes on too fast is refused */
	bool stopping; /* the server is */
	bool storming; /* many things at once: nothing is known until it is quiet again */
	struct crowd_stats stats;
};

/* ---- crowd.c ---- */
bool crowd_play(uint64_t seed, unsigned steps, bool verbose, struct crowd_stats *add);
uint32_t crowd_random(struct crowd *c, uint32_t below);
bool crowd_chance(struct crowd *c, uint32_t percent);
void crowd_say(struct crowd *c, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* when verbose */
void crowd_fail(struct crowd *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline int64_t crowd_now(const struct crowd *c) { return stage_now(&c->stage); }
void crowd_settle(struct crowd *c);

/* ---- chatter.c: a client ---- */
void chatter_init(struct crowd *c, unsigned index, unsigned person);
void chatter_clear(struct chatter *ch);
void chatter_dial(struct chatter *ch);
void chatter_abandon(struct chatter *ch); /* without the server's knowing */
void chatter_close(struct chatter *ch);
void grave_close(struct crowd *c, unsigned i);
void chatter_set_deaf(struct chatter *ch, bool deaf);
/* It is there, reads, and the server knows it. */
bool chatter_is_too_fast(const struct chatter *ch, struct str why); /* an error that may come at any time */
bool chatter_is_steady(const struct chatter *ch);
struct scene *chatter_scene(const struct chatter *ch, unsigned hall); /* NULL: it is not there at all */
/* It is in, for all that it and everybody else can know. */
bool chatter_is_in(const struct chatter *ch, unsigned hall);
/* It, or an earlier session of its, may be in under this nickname. */
bool chatter_may_be(const struct chatter *ch, unsigned hall, unsigned nick);
/* Of a real address; NOBODY. */
int chatter_of_address(const struct crowd *c, struct str jid);
int person_of_address(const struct crowd *c, struct str jid);

void chatter_enter(struct chatter *ch, unsigned hall, unsigned nick);
void chatter_leave(struct chatter *ch, unsigned hall);
void chatter_rename(struct chatter *ch, unsigned hall, unsigned nick);
void chatter_show(struct chatter *ch, unsigned hall); /* a status */
/* a->kind, rows, config are given. */
void chatter_ask(struct chatter *ch, unsigned hall, struct ask *a);

/* ---- scene.c: presence ---- */
void scene_on_presence(struct chatter *ch, unsigned hall, const struct xml_tree *t);
void scene_forget(struct scene *v);
struct entry *scene_self(struct scene *v); /* NULL: not in */
/* Whether somebody sees those whose presence is not for everybody. */
bool scene_sees_all(const struct crowd *c, unsigned hall, struct standing who);

/* ---- talk.c: messages ---- */
void talk_say(struct chatter *ch, unsigned hall);
void talk_set_subject(struct chatter *ch, unsigned hall);
void talk_whisper(struct chatter *ch, unsigned hall, unsigned nick);
void talk_on_message(struct chatter *ch, unsigned hall, const struct xml_tree *t);
void talk_check(struct crowd *c, unsigned hall); /* when all is quiet */

/* ---- hall.c: the model ---- */
void hall_init(struct crowd *c, unsigned index);
void hall_clear(struct hall *h);
/* Somebody has made it (anew). */
void hall_create(struct crowd *c, unsigned hall, struct chatter *by);
void hall_configure_first(struct chatter *by, unsigned hall); /* as it is meant to be */
void hall_vanish(struct crowd *c, unsigned hall);
/* May the option be on, off, by what is known and asked. */
bool hall_may_be(const struct crowd *c, unsigned hall, uint32_t bit, bool on);
/* May this person have this affiliation now? */
bool hall_may_have(const struct crowd *c, unsigned hall, int person, uint8_t affiliation);
bool hall_asks_role(const struct crowd *c, unsigned hall, unsigned nick, uint8_t role);
/* Voice that was given or taken stays with the account: may he have what he did not get by entering? */
bool hall_may_be_voiced(const struct crowd *c, unsigned hall, int person);
/* Nobody is in for certain who would keep it, so it may have ended, and been made anew, meanwhile. */
bool hall_may_be_gone(const struct crowd *c, unsigned hall);
/* Somebody comes or goes: from now on, until all is quiet, it may be another one, unless somebody keeps it. */
void hall_stir(struct crowd *c, unsigned hall);
bool hall_asks(const struct crowd *c, unsigned hall, enum ask_kind kind);
struct ask *hall_ask_new(struct crowd *c);
void hall_on_answer(struct chatter *ch, const struct xml_tree *t, struct str id);
/* Its sender will not hear what became of it. */
void hall_on_life_over(struct chatter *ch);
/* Whose occupant id it is; learns it. person: whom the client knows it to be, NOBODY. */
int hall_person_of(struct crowd *c, unsigned hall, uint64_t id, int person);
void hall_log(struct crowd *c, unsigned hall, uint32_t line, uint64_t id);

/* ---- quiet.c ---- */
void quiet_check(struct crowd *c);
void quiet_on_boss(struct crowd *c, const struct xml_tree *t);
/* Everything that was in memory is gone. */
void quiet_on_restart(struct crowd *c);

/* ---- plan.c ---- */
void plan_open(struct crowd *c);
void plan_step(struct crowd *c);
void plan_close(struct crowd *c);

#endif
