/* Private to src/client: the parts of one client and how they reach each other. */
#ifndef CLIENT_CLIENT_I_H
#define CLIENT_CLIENT_I_H

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/client.h"
#include "xml/write.h"
#include "xmpp/label.h"
#include "xmpp/ns.h"

#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_MAM "urn:xmpp:mam:2"
#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_CORRECT "urn:xmpp:message-correct:0"
#define NS_NODE_EVENT "urn:wireside:event:0"
#define CLIENT_TYPED "typed.internal"    /* domain of who was added to a node by an address, and never answered yet */
#define CLIENT_LEGACY "xep0174.internal" /* of peers without a key */
#define NS_MUC_REQUEST "http://jabber.org/protocol/muc#request"

enum {
	CONTACTS_MAX = 10000,
	RESOURCES_MAX = 32,
	ROOMS_MAX = 256,
	OCCUPANTS_MAX = 20000,
	PENDING_MAX = 512,
	MESSAGES_MAX = 4096, /* of ours, whose fate is followed */
	TALKS_MAX = 4096,
	SEEN_MAX = 1024, /* ids of messages that came, to know them again */
	OUT_MAX = 16 << 20,
	TEXT_MAX = 256 * 1024,
	ANSWER_MS = 60 * 1000,
	QUIET_MS = 60 * 1000,   /* then the server is asked whether it is there */
	DEAD_MS = 30 * 1000,    /* and if it does not answer, the connection is dead */
	LIST_MS = 5000,         /* for all rooms of all peers */
	AGAIN_MS = 5000,        /* until a room that had trouble is tried again */
	MISSING_MS = 60 * 1000, /* a peer is back, and his room is not: time for his chat to make it again */
	SETTLE_MS = 3000,       /* a room that sends no subject after its history */
	KEPT_MS = 2000,         /* what goes out at once, as it mostly does, is not called queued before */
};

/* One of our messages. */
struct message {
	struct list node;
	char id[CLIENT_ID_MAX + 1];
	char *conversation, *body;
	char *label; /* as the other was called then */
	char *nick;  /* in a room: as we were */
	char *heir;  /* the address that the other has by now, as our node says; NULL: still that of the conversation */
	enum message_state state;
	int64_t when;
	int64_t tell_at; /* monotonic: it is kept, and that is told if nothing better has come by then; 0: not */
	bool room, secret;
	bool take_back; /* once the room has it */
	bool last;      /* it is sent, and no more will be heard of it */
};

/* A stanza that was said, until the server has it. */
struct outgoing {
	struct list node;
	char *text;
	char *room;                 /* waits until we are in it */
	bool written;               /* on a session that is gone */
	char id[CLIENT_ID_MAX + 1]; /* of the message, "" for others: those die with their session */
};

struct pending;
/* The answer, NULL if none came. */
typedef void pending_fn(struct client *c, const struct pending *p, const struct stanza *s);
struct pending {
	char id[CLIENT_ID_MAX + 1];
	char *to;    /* NULL: our own account or server */
	char *about; /* for on_answer: what was asked, an address, ... */
	char *extra;
	unsigned number;
	int64_t until;
	pending_fn *on_answer;
};

struct resource {
	struct list node;
	char *name, *show, *text;
	int priority;
};

struct contact {
	char *jid, *name;
	bool subscribed; /* we see its presence */
	unsigned resources_n;
	struct list resources;
};

struct occupant {
	char *nick, *jid, *role, *affiliation;
};

/* Of a room: who left, the last one last. */
enum { GONE_MAX = 100 };
struct gone {
	char *nick, *jid; /* bare */
};
struct gone_list {
	struct gone list[GONE_MAX];
	unsigned n;
};

/* And what was said lately, the last one last. */
enum { SHOWN_MAX = 100, SHOWN_ID_MAX = 1024, SHOWN_FRESH_MS = 2000 };
struct shown {
	char *id, *nick, *author, *text; /* id: the room's; author: his occupant-id, or NULL; text: its begin */
	int64_t when;
	int64_t fresh_until; /* monotonic: until then it may not have been seen */
	int64_t asked_until; /* the same: whoever takes back or removes something was asked whether it is this */
	char *asked;         /* with these words; NULL: never */
	bool own;
};
struct shown_list {
	struct shown list[SHOWN_MAX];
	unsigned n;
};

enum room_state {
	ROOM_OUT,
	ROOM_ASKED,   /* our user wants to be in, and hears what becomes of that */
	ROOM_RETURNS, /* we were in, and have asked to be again */
	ROOM_RETRIES, /* the same, and asked once more at settle_at: its service has trouble, or its host may have no link yet */
	ROOM_AWAITS, /* the same, and asked at the next sign of its host, who is away */
	ROOM_IN
};
struct room {
	char *jid, *nick, *wanted, *password, *subject, *subject_by;
	char *settings; /* names, of the form that came last */
	enum room_state state;
	bool settled;     /* history is over: what waits may be said */
	bool owner;       /* we were, when we were in last */
	bool leaves;      /* we have left without a connection: it is to be told so */
	bool left;        /* the last that it was told is that we go */
	unsigned leaving; /* so often it was told so, and has not answered; until then, as long as an answer may come */
	int64_t leaving_until;
	unsigned tries; /* anew.c: to go in again, since it was gone */
	int64_t settle_at;
	int64_t asked_at;      /* host.c: whether we are still in */
	int64_t missing_until; /* host.c: its host is back without it; 0: not so */
	int64_t last;          /* wall time of the last message */
	char *last_id;         /* what the room calls the last one that we know; NULL: it does not tell */
	bool catching;         /* catch_up.c: what we missed is asked for, and nothing is settled before */
	bool no_archive;       /* it was asked for, and refused */
	int64_t catch_until;   /* no answer will come after that */
	unsigned catch_page;   /* that is asked for, from 1 */
	struct stanza *held;   /* came meanwhile, and is told behind it; the oldest first */
	size_t held_bytes;
	bool asked_twice; /* to be in, of a peer */
	struct map occupants;
	struct gone_list gone;
	struct shown_list shown;
};

/* Rooms to be found. A list that comes from several is gathered until all have come, or some have had their time. */
struct room_list {
	char *service; /* the usual one; NULL: not known yet */
	struct buf text;
	unsigned number, asked; /* of this question; answers that are to come */
	unsigned services;      /* of a domain, that were asked what they are; answers that are to come */
	bool any;               /* one of them has rooms */
	int64_t until;
};

/* What is remembered of a conversation. */
struct talk {
	char *jid;
	char *markable; /* id of the last message whose reading shall be told, and who said it */
	char *from;
	bool composing, they_compose;
};

/* The last messages, by hashes of their ids. */
struct seen {
	uint64_t keys[SEEN_MAX];
	unsigned at;
};

/* Somebody asked us to come, and is not answered yet. */
enum { INVITED_MAX = 32 };
struct invited {
	char *room, *by; /* by: NULL if it came directly */
	char *password;  /* of the room; NULL: none came with it */
};
struct invitations {
	struct invited list[INVITED_MAX]; /* oldest first */
	unsigned n;
};

struct archived {
	char *last;            /* id of the newest message of the archive that we know */
	struct list histories; /* that are being fetched: history.c */
};

enum { OFFERS_ARCHIVE = 1, OFFERS_CARBONS = 2 };

struct client {
	struct client_config config; /* texts owned */
	client_event_fn *on_event;
	void *arg;
	int64_t now, wall;

	/* session.c */
	enum { CLIENT_OFFLINE, CLIENT_OPENING, CLIENT_ONLINE } state;
	const struct stream_channel *channel;
	struct xml_scratch *scratch;
	struct xml_parser *parser;
	struct opening *opening;
	struct buf out;
	char *token, *jid;               /* jid: full */
	uint32_t handled, acked, sent_n; /* inbound count; outbound: covered by acknowledgements, and waiting for one */
	struct list unacked, waiting;
	unsigned waiting_n;
	bool asked, unasked; /* <r/> is out; something was written since */
	int64_t heard;
	char *last_error;
	enum {
		RETURN_USEFUL,
		RETURN_LATER,
		RETURN_USELESS
	} back; /* later: when somebody has started the server again */
	bool closing;

	struct map pending;
	struct seen seen;

	struct map messages;
	struct list message_order;
	unsigned counts[MESSAGE_STATES + 1]; /* the last one: see struct message */

	struct map contacts, rooms, talks;
	char *show, *text; /* ours */

	struct invitations invited;

	struct room_list found;
	unsigned offers; /* OFFERS_ bits */
	struct archived archive;
	char caps[32];
};

/* ---- session.c, send.c ---- */

/* Puts a stanza out now: ERR_CLOSED, ERR_LIMIT. */
int client_put(struct client *c, struct str stanza);
/* The same for a message, which waits for the session (and for room, unless NULL). */
int client_put_message(struct client *c, struct str stanza, const char *id, const char *room);
void client_write(struct client *c, struct outgoing *o); /* takes it */
bool client_acked(struct client *c, uint32_t h);         /* false: more than was sent */
void client_rewrite(struct client *c);                   /* after a resumption */
void client_requeue(struct client *c); /* after a failed one: messages wait again, the rest is forgotten */
void client_release(struct client *c, const char *room); /* what waited: for the session (NULL) or for a room */
void client_unwait(struct client *c, struct str id);     /* it has arrived already */
void client_unsay(struct client *c, const char *room);   /* what waits for a room that we are out of has failed */
void client_send_clear(struct client *c);

/* ---- dispatch.c ---- */
void client_on_stanza(struct client *c, const struct stanza *s);
void client_emit(struct client *c, struct client_event *e); /* fills in the time if there is none, and the label */
void client_say_event(struct client *c, enum client_event_kind kind, struct str body);
bool client_is_invitation(struct str id);                 /* of a message of ours */
bool client_is_own(const struct client *c, struct jid j); /* our bare address or our server */
struct str client_bare(const struct client *c);

/* ---- reason.c ---- */

/* What is refused: the same condition means something else for each. */
enum client_doing {
	DOING_SAY = 1,
	DOING_SAY_ROOM = 2,
	DOING_JOIN = 4,
	DOING_NICK = 8,
	DOING_INVITE = 16,
	DOING_OTHER = 32,
	DOING_UNLOCK = 64 /* to come in, with a password */
};
/* EVENT_REFUSED, "what: why"; s: the error; NULL: no answer. */
void client_refuse(struct client *c, const char *what, const struct stanza *s);
void client_refuse_doing(struct client *c, enum client_doing doing, const char *what, const struct stanza *s);
void client_put_reason(const struct stanza *s, enum client_doing doing, struct buf *out); /* words, appended */
struct str client_condition(const struct stanza *s); /* of an error, for programs; "" if it has none */

/* ---- query.c ---- */

/* An IQ; on_answer is called once. to, about, extra may be absent. */
int client_ask(struct client *c, const char *type, struct str to, struct str payload, pending_fn *on_answer,
	struct str about, struct str extra, unsigned number);
/* The same where only success matters: EVENT_DONE with `what`, or EVENT_REFUSED. */
int client_order(struct client *c, struct str to, struct str payload, const char *what);
void client_on_answer(struct client *c, const struct stanza *s);
void client_on_question(struct client *c, const struct stanza *s);
void client_expire(struct client *c, bool all);
void client_pending_free(struct pending *p);

/* ---- service.c ---- */
void client_discover(struct client *c);
bool client_has_rooms(const struct stanza *s); /* an answer to disco#info: of a service with rooms */
void client_put_features(struct buf *out);     /* answer to disco#info */
void client_put_caps(struct client *c, struct buf *out);

/* ---- listing.c ---- */
void client_list_tick(struct client *c); /* whoever has not answered in time does not count */
/* Tells why; s: the error. */
void client_cannot_join(struct client *c, const struct room *r, const struct stanza *s);

/* ---- archive.c ---- */
void client_catch_up(struct client *c);
/* A message with a <result/> of the archive: true if it was one. */
bool client_on_archived(struct client *c, const struct stanza *s);

/* ---- message.c ---- */

/* A message wherever it stood: alone, forwarded, archived. */
struct said {
	const struct xml_tree *t;
	uint32_t node;
	struct jid from, to;
	struct str id, type;
	struct str with;     /* of history: whose it is; absent: who it says */
	struct str archived; /* of a catch-up in a room: its number in the archive */
	int64_t when;
	bool delayed, history, copy; /* copy: of another client of ours */
};
/* history.c: is it a line that was asked for, by this id? s: as it came, m: what is in it */
bool client_history_take(struct client *c, struct str id, const struct stanza *s, const struct said *m);
void client_histories_clear(struct client *c);

void client_on_message(struct client *c, const struct stanza *s);
void client_on_said(struct client *c, const struct said *m);
/* Reads a <message/> in <forwarded/>; from and to are placed in the bufs. ERR_INVALID. */
int client_forwarded(const struct xml_tree *t, uint32_t parent, struct jid_buf *from, struct jid_buf *to,
	struct said *ret);
bool client_said_text(const struct said *m, const char *name, struct buf *tmp, struct str *ret);
struct str client_said_verb(
	const struct said *m); /* "corrected", if it takes the place of another (XEP-0308); else absent */
bool client_is_new(struct client *c, struct str from, struct str id);
void client_enter_state(struct client *c, struct message *m, enum message_state state, struct str detail);
void client_kept(struct client *c, struct message *m); /* our node has it */
void client_messages_tick(struct client *c);
struct message *client_message(const struct client *c, struct str id);
void client_messages_clear(struct client *c);
void client_talks_clear(struct client *c);

/* ---- roster.c ---- */
void client_on_roster(struct client *c, const struct stanza *s);
void client_on_presence(struct client *c, const struct stanza *s);
void client_ask_roster(struct client *c);
void client_put_presence(struct client *c, struct str to, struct str inside);
void client_forget_presence(struct client *c);
void client_roster_clear(struct client *c);
struct contact *client_contact(const struct client *c, struct str bare);
/* Of a node's peer the key in its address says who it is: whom we know by it, whatever he called himself then. Else bare. */
struct str client_peer(const struct client *c, struct str bare);
const struct resource *client_best(const struct contact *k);

/* ---- room.c, occupant.c ---- */
struct room *client_room(const struct client *c, struct str bare);
bool client_on_room_presence(struct client *c, const struct stanza *s); /* false: it is of no room of ours */
void client_on_room_said(struct client *c, struct room *r, const struct said *m);
void client_rejoin(struct client *c);
void client_rooms_lost(struct client *c);
void client_rooms_leave(struct client *c); /* those that were left meanwhile are told */
void client_rooms_tick(struct client *c);
void client_rooms_clear(struct client *c);
struct occupant *client_occupant(const struct room *r, struct str nick);
/* Enters what a presence says; tells about changes. */
void client_occupant_seen(struct client *c, struct room *r, const struct stanza *s);
void client_occupant_gone(struct client *c, struct room *r, const struct stanza *s);
void client_occupant_renamed(struct client *c, struct room *r,
	struct str now); /* we are; the new name's is seen already */
void client_occupants_clear(struct room *r);
void client_room_enter(struct client *c, struct room *r, enum room_state state); /* asks to be in, in this state */
void client_room_forget(struct room *r);                   /* another one may be called so next time */
void client_room_settle(struct client *c, struct room *r); /* what came before is here; not while that is asked for */
/* catch_up.c */
void client_catch_up_note(struct client *c, struct room *r, const struct said *m); /* a message of the room came */
bool client_catch_up_can(const struct client *c, const struct room *r);
void client_catch_up_room(struct client *c, struct room *r); /* we are in it */
void client_catch_up_tick(struct client *c, struct room *r);
/* Was said since: kept until all before it has been told. False: it is told now. */
bool client_catch_up_holds(struct client *c, const struct stanza *s);
void client_catch_up_drop(struct room *r); /* what was kept: it will be asked for again */
/* Is it a line of what was asked for? */
bool client_catch_up_takes(const struct client *c, struct jid from, struct str id);
/* host.c: whoever has rooms at this domain is here, or not any more. */
void client_put_service(const struct client *c,
	struct buf *out); /* the service of rooms of our server, found or supposed */
const struct contact *client_host_of(const struct client *c, struct str domain); /* of "rooms.KEY.internal" */
void client_host_seen(struct client *c, struct str domain, bool here);
/* The room is shut down with its host, who comes back. False if it is no peer's. */
bool client_host_stops(struct client *c, struct room *r);
/* Not in, but to be in again. */
bool client_host_awaited(const struct room *r);
/* We were in, and could not be again; error: NULL if nobody answered. True if that is tried again. */
bool client_host_waits(struct client *c, struct room *r, const struct stanza *error);
/* anew.c: we were in, and find that the room is gone. True: it is left to its owner, and tried again later. */
bool client_anew_yields(struct client *c, struct room *r); /* we have just made it, unasked */
bool client_anew_waits(struct client *c, struct room *r, const struct stanza *error);
void client_anew_note(struct room *r); /* we are in: as what */
void client_anew_tell(struct client *c, struct room *r);
void client_put_leave(struct client *c, struct room *r, struct str reason);
/* gone.c */
void client_gone_clear(struct room *r);
void client_gone_note(struct room *r, const struct occupant *o);
void client_gone_note_all(struct room *r); /* all who are there, but us */
/* Bare addresses of who was called so, the last one first; borrowed. */
unsigned client_gone_find(const struct room *r, struct str nick, struct str *ret, unsigned max);
/* shown.c */
void client_shown_clear(struct room *r);
void client_shown_note(struct client *c, struct room *r, const struct said *m, struct str text, bool own);
/* "carol's message of 12:30: its begin"; only its begin. */
void client_shown_put(const struct client *c, const struct shown *k, bool others, struct buf *out);
void client_shown_put_text(const struct shown *k, struct buf *out);
struct str client_room_said_id(const struct room *r,
	const struct said *m); /* as the room calls it; absent: it does not */
/* True: it takes something back, and that was told. */
bool client_shown_taken(struct client *c, struct room *r, const struct said *m);
/* take_back.c: what came back just now, as it was wanted while it was under way. */
void client_take_back_said(struct client *c, struct room *r, const struct said *m);
/* notice.c */
void client_warn_entered(struct client *c, struct room *r, const struct stanza *s);
void client_on_room_changed(struct client *c, struct room *r, const struct said *m);
/* invited.c */
void client_invited_clear(struct client *c);
void client_invited_note(struct client *c, struct str room, struct str by, struct str password);
struct str client_invited_password(const struct client *c, struct str room); /* absent: it came without one */
void client_invited_forget(struct client *c, struct str room);

bool client_has_status(const struct stanza *s, const char *code);
void client_room_event(struct client *c, struct room *r, enum client_event_kind kind, struct str who, const char *verb,
	struct str detail);

/* ---- label.c ---- */
/* As client_room_address() reads it: "lunch" at our service, "lunch@bob" at a peer's, else the address. Appended. */
void client_room_name(const struct client *c, struct jid room, struct buf *out);
void client_service_name(const struct client *c, struct jid room, struct buf *out); /* of that the part behind the @ */
bool client_is_own_service(const struct client *c, struct jid room);

static inline bool client_room_joining(const struct room *r) { return r->state != ROOM_OUT && r->state != ROOM_IN; }
/* It is tried again whatever comes. */
static inline bool client_room_retries(const struct room *r)
{
	return r->state == ROOM_RETRIES || r->state == ROOM_AWAITS;
}

/* Text helpers: an owned text replaced. */
static inline void set_text(char **at, struct str s)
{
	xfree(*at);
	*at = str_dup(s);
}

#endif
