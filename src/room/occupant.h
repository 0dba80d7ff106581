/* Who is in a room. An occupant is a nick; each session that is in under it is a visit (several of one user share their
 * nick). The audience is all visits as core_multicast() wants them. Invariants: 1. An occupant has at least one visit.
 * 2. A visit is in its room's map from its beginning; in the audience (or, reached by address, in the list of remote ones)
 * from when it has been welcomed, so that nothing overtakes its welcome. 3. Moderators stand first in the audience. */
#ifndef ROOM_OCCUPANT_H
#define ROOM_OCCUPANT_H

#include "base/list.h"
#include "room/nickname.h"
#include "room/privilege.h"
#include "xmpp/packet.h"

struct room;

enum {
	SHOW_MAX = 8192, /* bytes of a presence's payload */
	VISITS_PER_NICK = 20,
	OCCUPANT_ID = 24,
	NOWHERE = UINT32_MAX /* visit.at: not in the audience */
};

struct visit {
	struct visit *next; /* of the same occupant */
	struct occupant *occupant;
	uint64_t handle; /* of the session; 0: reached by address */
	uint64_t via;    /* then: the link's session by which he came in */
	uint32_t at;     /* place in the audience */
	uint32_t show_n;
	struct list remote; /* in room->remote */
	struct jid jid;     /* real full address, own copy */
	char *show;         /* payload of the last presence; NULL: empty */
};

/* Who looks at an occupant's presence. */
enum view { VIEW_PLAIN, VIEW_JID /* shows the real address */, VIEW_COUNT };

/* Packed: there are many of them. */
struct occupant {
	struct visit *visits;             /* the one whose presence is shown first */
	struct occupant *twin;            /* the next one with the same bare address */
	struct jid address;               /* room@domain/nick, own copy */
	char *key;                        /* the nick as compared (RFC 8266) */
	struct packet *views[VIEW_COUNT]; /* presence, made when first wanted */
	uint16_t key_n, visit_count;
	enum role role : 8;
	enum affiliation affiliation : 8;
	bool hatless : 1;         /* scratch of iq_hats.c */
	bool gets_voice : 1;      /* he was a visitor when the room became unmoderated, and it is not his turn yet */
	bool behind : 1;          /* the others do not know yet that he is hidden, or shown, by another configuration */
	char id[OCCUPANT_ID + 1]; /* XEP-0421: of its bare address in this room */
};
static inline struct str occupant_nick(const struct occupant *o) { return jid_resource(o->address); }
static inline struct jid occupant_real(const struct occupant *o) { return o->visits->jid; }

struct audience {
	uint64_t *handles;     /* [0, moderators): moderators; [moderators, n): the others */
	struct visit **visits; /* parallel */
	uint32_t n, moderators, cap;
};
void audience_add(struct audience *a, struct visit *v, bool moderator);
void audience_remove(struct audience *a, struct visit *v); /* harmless when not in it */
void audience_clear(struct audience *a);

/* ---- making and ending; all keep the maps of the room ---- */

/* An occupant without a visit, in the room's map of nicks. The key must be free. */
struct occupant *occupant_new(struct room *r, struct str nick, struct str key, struct jid real);
void occupant_free(struct room *r, struct occupant **o); /* and its visits */
/* Its nick becomes another; the key must be free (or its own). */
void occupant_rename(struct room *r, struct occupant *o, struct str nick, struct str key);
/* In the room's map, shown, not yet in the audience. */
struct visit *visit_new(struct room *r, struct occupant *o, struct jid real, uint64_t handle);
void visit_free(struct room *r, struct visit **v);
/* It gets what is sent to the room from now on. */
void visit_seat(struct room *r, struct visit *v);
/* Takes over the payload of a presence, without what only the room may say, and shows it. False if that changed nothing. */
bool visit_show(struct visit *v, const struct stanza *presence);
/* The same if its role lets it, otherwise nothing. */
bool visit_update(const struct room *r, struct visit *v, const struct stanza *presence);
bool show_fits(const struct stanza *presence);
/* That payload, in w behind the start tag until buf_clear(&w->out). */
struct str show_of(const struct stanza *presence, struct packet_writer *w);

/* The occupant whose nick is just this, NULL if none. */
struct occupant *occupant_find(const struct room *r, struct str nick);
/* The occupant whose nick cannot be told from this key. */
struct occupant *occupant_find_key(const struct room *r, struct str key);
struct visit *visit_find(const struct room *r, struct jid real);
/* The first of those with this bare address, of which ->twin is the next; NULL if it is not in. */
struct occupant *occupant_find_real(const struct room *r, struct jid real);
static inline struct party occupant_party(const struct occupant *o) { return (struct party){o->role, o->affiliation}; }

void occupant_put_id(struct buf *out, const struct occupant *o); /* <occupant-id/> */
void occupant_put_some_id(struct buf *out, const char *id);
/* Of who may not be in. */
void occupant_id_of(const struct room *r, struct jid real, char ret[OCCUPANT_ID + 1]);

/* ---- presence ---- */

/* What somebody with this role sees in this room. */
enum view view_of(const struct room *r, enum role viewer);
/* Whether its presence is for everybody, or for moderators only, as the others know it. */
bool occupant_shown(const struct room *r, const struct occupant *o);
/* Borrowed; NULL if it cannot be written. */
struct packet *occupant_view(struct room *r, struct occupant *o, enum view view);
/* What somebody whose role has changed has to be told about it: a reference, or NULL. */
struct packet *occupant_view_change(struct room *r, struct occupant *o, enum role before, enum role now);
/* Something in it is different now. */
void occupant_changed(struct occupant *o);
/* All of them, with their visits. */
void occupants_clear(struct room *r);
/* The places of its visits in the audience follow its role. */
void occupant_reseat(struct room *r, struct occupant *o);

/* A presence that says more than the cached one. Absent texts and zero codes are left out. */
enum { NOTICE_CODES = 4 };
struct notice {
	enum stanza_type type; /* AVAILABLE or UNAVAILABLE (role none then, unless it is a change of nick) */
	uint16_t codes[NOTICE_CODES];
	struct str new_nick;      /* 303 */
	struct str actor, reason; /* who did it: a nick */
	struct str show;          /* payload of the presence; absent: nothing */
	struct str destroy;       /* the whole element, as XML */
	struct str id;            /* for the packet to themselves */
	bool inside;              /* those who are only subscribed do not hear it */
};
/* About this visit (its address), as seen by whom; self: with code 110 and the id. */
struct packet *notice_packet(struct room *r, const struct occupant *o, const struct visit *about,
	const struct notice *n, enum view view, bool self);
void announce_to_self(struct room *r, struct occupant *o, const struct notice *n); /* all its visits */
void announce_to_others(struct room *r, struct occupant *o, const struct notice *n);
/* It is not for everybody any more; now it is. */
void announce_hidden(struct room *r, struct occupant *o);
void announce_shown(struct room *r, struct occupant *o);
void announce_catch_up(struct room *r, struct occupant *o); /* whichever it is, if it is ->behind */
/* Its present presence to everybody, with what n says besides; type and show are filled in. */
void announce_change(struct room *r, struct occupant *o, const struct notice *n);

#endif
