/* One room: room@DOMAIN. Owned by its host (rooms_i.h) as long as it is in memory.
 *
 *   LOADING --(row read)--> OPEN <--room_unlock-- LOCKED <--room_create-- VACANT
 *     |  \--(no row)--> VACANT                      |                     ^  ^
 *     |                   OPEN and LOCKED --room_vacate (the last one left, destroyed)
 *     +--(store failed)--> FAILED
 *
 * VACANT: there is no such room (yet, or any more), only this object, which goes at the end of its turn. LOCKED: made, to
 * be configured by its owner (10.1.2), open to nobody else. FAILED: everybody is turned away; goes too.
 * A persistent room without occupants leaves memory after a while and is loaded again on demand. */
#ifndef ROOM_ROOM_H
#define ROOM_ROOM_H

#include "core/entity.h"
#include "core/session.h"
#include "room/affiliation.h"
#include "room/config.h"
#include "room/door.h"
#include "room/history.h"
#include "room/occupant.h"
#include "room/pace.h"
#include "room/voices.h"

enum { CODE_TECHNICAL = 333 }; /* removed because it cannot be reached (11.1) */
enum room_state { ROOM_LOADING, ROOM_VACANT, ROOM_LOCKED, ROOM_OPEN, ROOM_FAILED, ROOM_STATE_COUNT };

enum {
	SUBJECT_MAX = 4096, /* bytes */
	LOCKED_MS = 60000,  /* an owner who says nothing has accepted the defaults */
	IDLE_MS = 60000,    /* a persistent room nobody uses leaves memory */
	INVITES_MAX = 16,   /* in one message */
	INVITED_MAX = 512,  /* invitations that may still be declined */
	REQUESTS_MAX = 100  /* of registration, waiting for an admin */
};

struct subject {
	char *text;            /* NULL: none */
	char *nick;            /* of who set it */
	int64_t time;          /* 0: there has never been one */
	struct packet *packet; /* for who enters, made when first wanted */
	uint64_t commit;       /* nobody may see it before */
};

struct picture;
struct hats;
struct activity;
struct invited;
struct subscribers;
struct entry; /* somebody entering in this turn (join.c) */
struct room;

/* What waits for a room to be loaded. Exactly one of the two is called; both own the memory from then on. */
struct room_job {
	struct room_job *next;
	void (*run)(struct room *r, struct room_job *j); /* its state is anything but LOADING */
	void (*drop)(struct room_job *j);                /* the room is going away */
};

struct room {
	struct entity entity;
	enum room_state state;
	uint64_t owner; /* rooms_owner_key() of config.maker; 0: not known */
	int64_t created;
	uint16_t log_day;  /* since 1970: of the newest line of the public log; 0: none yet */
	bool unfinished;   /* room_go_on() */
	bool will_persist; /* LOCKED: persistent from when it is open, unless its owner says otherwise */
	struct room_config config;
	struct affiliates affiliates;
	struct nicknames reserved; /* of members */
	struct nicknames requests; /* of who wants to be one, until an admin decides */
	struct subject subject;
	struct history history;
	struct picture *picture;   /* NULL: none */
	struct hats *hats;         /* NULL: none */
	struct activity *activity; /* NULL: nothing was said */
	int64_t active_since;      /* ms since 1970: what was said from then on is in it */
	uint64_t commit;           /* of the newest message or subject */
	struct map nicks;          /* struct occupant by key */
	struct map visits;         /* struct visit by real address */
	struct map people;         /* the first struct occupant of each bare address */
	struct audience audience;
	struct list remote;                      /* visits that are reached by address */
	struct subscribers *subscribers;         /* who hears it without being in it (subscription.h); NULL: nobody */
	struct invited *invited;                 /* invitations that may still be declined; NULL: none */
	struct paces paces;                      /* who has done how much */
	struct voices voices;                    /* whom moderators gave or took voice (voices.h) */
	struct entry *entering, **entering_tail; /* welcomed by settle */
	uint32_t entering_n;
	struct door *door;  /* who has to wait; NULL: nobody */
	uint32_t let_in;    /* units of work for those who entered in this share of the turn */
	struct timer timer; /* LOCKED: LOCKED_MS; nobody in: IDLE_MS */
	struct room_job *jobs;
};

struct room *room_new(struct host *h, struct jid bare, enum room_state state);
extern const struct entity_ops room_ops;
static inline bool is_room(const struct entity *e) { return e->ops == &room_ops; }
/* Nothing waits for it. */
static inline bool room_is_idle(const struct room *r) { return !r->entity.inbox && !r->door; }
static inline uint32_t room_count(const struct room *r) { return r->nicks.n; }
static inline struct str room_address(const struct room *r) { return jid_str(r->entity.jid); }
static inline struct core *room_core(const struct room *r) { return r->entity.core; }

void room_enter(struct room *r, enum room_state state);
void room_create(struct room *r, struct jid owner);
/* It is one of the rooms of this bare address, of which there may be so many. absent: of nobody. */
void room_belongs_to(struct room *r, struct str bare);
/* Not while the store fails if it will persist. */
void room_unlock(struct room *r);
/* As its owner finds it: of a locked room with what it will be. *ret: to be cleared. */
void room_settings(const struct room *r, struct room_config *ret);
/* It is used: somebody is in it, or was until now, or something is changed. Once a day that is written down; true: it was now. */
bool room_seen(struct room *r);
void room_note_use(struct room *r); /* the same in memory alone: it is written anyway */
/* When something was last said or changed in it, or somebody was in it, to the day; ms since 1970. Now, if somebody is. */
int64_t room_active(const struct room *r);
/* The same of a room that is not in memory; time: of its newest message, of its subject, and when it was made. Never later than now. */
int64_t room_active_stored(const struct room_config *c, int64_t time, int64_t now);
void room_make_key(struct room *r); /* of the ids of its occupants, if it has none yet */
/* There is no such room any more. All have left. Does not touch the store. */
void room_vacate(struct room *r);
/* The service goes down: all are told and out, and nobody comes in any more. */
void room_close(struct room *r);
/* Sees to what follows from who is in: an empty temporary room ends, an idle one leaves memory. */
void room_rest(struct room *r);

/* What counts: an administrator of the service is an owner everywhere. */
enum affiliation room_affiliation(const struct room *r, struct jid who);
/* Role and affiliation of a sender; ROLE_NONE for who is not in. */
struct party room_party(const struct room *r, struct jid who);

/* ---- output ---- */

/* The same to everybody who is in; takes *p (NULL: nothing). */
void room_send_all(struct room *r, struct packet **p, uint64_t commit);
/* To those who see addresses; takes *p. */
void room_send_seers(struct room *r, struct packet **p, uint64_t commit);
void room_send_moderators(struct room *r, struct packet **p, uint64_t commit);
/* To some visits of one occupant: all (only NULL) or one. Takes the references. */
void room_send_visits(struct room *r, struct occupant *o, struct visit *only, struct packet **packets, uint32_t n,
	uint64_t commit);
/* To those who are reached by address, moderators or the others. Keeps p. */
void room_send_remote(struct room *r, struct packet *p, bool moderators);
/* A filled packet to an address. */
void room_send_to(struct room *r, struct packet *p, struct jid to);
/* An error for what has to be answered; presence that does not ask for anything is passed over. Ends *s. */
void room_refuse(struct core *c, struct stanza **s, struct xerr e);

/* ---- join.c ---- */
void join_on_presence(struct room *r, struct stanza **s);
/* Welcomes all who entered since the last time; forgets them. */
void join_settle(struct room *r);
void join_drop(struct room *r);
bool join_is(const struct stanza *s); /* presence that asks to enter */
/* The answer to presence from somebody who is not in (7.2.18). */
void join_tell_absent(struct core *c, struct stanza **s);

/* ---- leave.c ---- */
void presence_on_unavailable(struct room *r, struct stanza **s);
/* One session goes; its occupant with the last one. show: payload of the presence, or absent. code: 0, or why it went. The room stays, even if it
 * is empty now. */
void leave_visit(struct room *r, struct visit *v, struct str show, uint16_t code);
/* An occupant is put out, with all sessions. */
void leave_remove(struct room *r, struct occupant *o, const struct notice *n);
/* The same in two steps: he is told and gets no more; the others are told and he is gone. Both in one turn. */
void leave_tell(struct room *r, struct occupant *o, const struct notice *n);
void leave_free(struct room *r, struct occupant *o, const struct notice *n);
/* All are put out, silently but for one presence each, and the room is gone, in the store too. alternate: a JID or absent. */
void room_destroy(struct room *r, struct str alternate, struct str reason, struct str password);
/* Visits whose session is gone without a word. */
void leave_ghosts(struct room *r);
/* 7.6 and 7.7 */
void presence_on_update(struct room *r, struct visit *v, struct stanza **s);

/* ---- message.c ---- */
/* What others get because of who (pace.h): counts it, or policy-violation. */
struct xerr room_charge(struct room *r, struct jid who, uint32_t cost);
/* The same for an admin's changes of the lists. The second refuses only who has not waited before, and slows down who is far ahead instead. */
struct xerr room_charge_list(struct room *r, struct jid who, uint32_t cost);
struct xerr room_charge_list_slowly(struct room *r, const struct stanza *s, uint32_t cost);
/* The same for answers. */
bool room_may_answer(struct room *r, struct jid who, uint32_t cost);
/* A list is read: whether it may be; then what the answer has cost. */
struct xerr room_may_read(const struct room *r, struct jid who);
void room_charge_read(struct room *r, struct jid who, const struct buf *answer);
void message_on(struct room *r, struct stanza **s);
/* To all. taken_back: the message that it takes back, as the store has it; absent: none, or it is in the history. */
struct xerr message_speak(struct room *r, const struct visit *v, const struct stanza *s, struct str taken_back);
/* To all, as the visit's, under our id if it is to have one (not 0). NULL if it got too long. */
struct packet *message_reflection(struct room *r, const struct visit *v, const struct stanza *s, int64_t id);
bool message_is_shown(const struct stanza *s); /* to who comes later: in the history, not only in the archive */
bool message_corrects(const struct stanza *s); /* an earlier one, by XEP-0308 */
/* Whether it says that its sender is not there any more; *s is an error. */
bool error_is_absence(const struct room *r, const struct visit *v, const struct stanza *s);
/* A notice from the room to all: codes in <x xmlns='muc#user'/>. */
void message_status(struct room *r, uint16_t code);

void message_put_stanza_id(struct buf *out, const struct room *r, int64_t id);

/* ---- retract.c: who takes back what he said himself (XEP-0424) ---- */
/* forbidden: it is in the history, and another's; bad-request: it names several. */
struct xerr retract_check(const struct room *r, const struct occupant *o, const struct stanza *s);
bool retract_is(const struct stanza *s);
/* It is his: it goes from the history, or from the store, where it is what stored says. False: it was in neither. */
bool retract_own(struct room *r, const struct stanza *s, struct str stored);
/* Whose it was only the store knows; then it is said (message_speak()) or refused when that has answered. */
bool retract_needs_store(const struct room *r, const struct stanza *s);
void retract_after_store(struct room *r, struct visit *v, struct stanza **s);

/* ---- subject.c ---- */
bool subject_is_change(const struct stanza *s);
void subject_on_change(struct room *r, struct visit *v, struct stanza **s);
struct packet *subject_packet(struct room *r); /* borrowed */
void subject_clear(struct subject *s);
void subject_set(struct subject *s, struct str text, struct str nick, int64_t time);

/* ---- invite.c ---- */
bool invite_is(const struct stanza *s);
void invite_on(struct room *r, struct stanza **s);
void invite_member(struct room *r, struct jid who, struct jid from, struct str reason);

/* ---- invited.c ---- */
void invited_add(struct room *r, struct jid inviter, struct jid invited);
/* Such an invitation went through the room, and is not answered yet; now it is. */
bool invited_take(struct room *r, struct jid inviter, struct jid invited);
void invited_store(struct room *r); /* it becomes persistent */
void invited_load(struct room *r, int64_t number, int64_t time);

/* ---- relay.c ---- */
void relay_on_iq(struct room *r, struct stanza **s);
/* The id of an invitation, and its error: passed on to who invited; false: it is none. */
void relay_write_id(struct buf *out, const struct visit *v, struct jid asked, bool let_in, struct str id);
bool relay_on_error(struct room *r, const struct stanza *s);

/* ---- iq_owner.c ---- */
/* Another configuration, and all that follows. resource-constraint while the store fails. */
struct xerr room_configure(struct room *r, const struct room_config *new);
/* What a change of the configuration means for each who is in: visitors get voice, who is seen by all is hidden or shown. Goes
 * on in settle() as long as r->unfinished. */
void room_go_on(struct room *r);

/* ---- change.c ---- */
/* Somebody has another affiliation from now on, and who has to hear of it does: those who are in by his presence, while he is
 * away by a message (9.3, 10.3); tell_him: he too, with 101 or an invitation. from: who did it; the room itself if nobody in
 * it. ERR_LIMIT: nothing is changed. */
int room_affiliate(struct room *r, struct jid who, enum affiliation to, struct str reason, struct jid from,
	bool tell_him);
/* In the list and in the store, and nobody hears of it. ERR_LIMIT. */
int room_set_affiliation(struct room *r, struct str bare, enum affiliation a, struct str reason);
/* The nickname registered for a member, absent: none; a request of his is settled. */
void room_put_nick(struct room *r, struct str bare, struct str nick, struct str key); /* in memory only */
void room_set_nick(struct room *r, struct str bare, struct str nick, struct str key);
void role_change(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason);
/* The same by a moderator: his account has that role until an admin changes its affiliation, or the room is another one. */
void role_set(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason);
/* Of who enters. */
enum role role_of_newcomer(const struct room *r, struct jid who, enum affiliation a);

/* ---- room_store.c: nothing is written for a room that is not persistent ---- */
void room_store_load(struct room *r);                      /* parks it */
void room_when_loaded(struct room *r, struct room_job *j); /* at once if it is */
void room_store(struct room *r);                           /* its row */
void room_store_all(struct room *r);                       /* also its lists and messages: it becomes persistent */
void room_store_forget(struct room *r);
void room_store_history(struct room *r); /* it keeps fewer messages now */
void room_store_affiliation(struct room *r, struct str bare);
void room_store_nick(struct room *r, struct str bare); /* registered or asked for */

void hats_store(struct room *r); /* iq_hats.c */

#endif
