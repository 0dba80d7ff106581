/* What a chat client tells its face: plain data, valid during the call. Texts are as they came: whoever shows them on a
 * terminal filters them (tui/filter.h). */
#ifndef CLIENT_EVENT_H
#define CLIENT_EVENT_H

#include "base/str.h"

enum client_event_kind {
	EVENT_ONLINE,  /* who: our full address; body: "resumed" when the old session goes on */
	EVENT_OFFLINE, /* body: why; final: coming back is of no use */
	EVENT_MESSAGE, /* from `who` in `conversation` */
	EVENT_STATE, /* one of ours reached `state`; detail: why it failed; who: we, if the text is of what we do ("/me ") */
	EVENT_PRESENCE, /* verb: available, away, xa, dnd, chat, unavailable; detail: its text */
	EVENT_REQUEST,  /* who asks to see our presence */
	EVENT_CONTACT,  /* verb: added, changed, removed; became: had the address `detail` until now */
	EVENT_TYPING,   /* verb: composing, paused */
	EVENT_JOINED,   /* we are in the room; who: our nickname; verb: created when it is new */
	EVENT_LEFT,     /* we are not in it any more; verb as below; detail: the reason */
	EVENT_OCCUPANT, /* verb: joined, left, kicked, banned, renamed (detail: the new name), or a role or affiliation */
	EVENT_SUBJECT, /* body: the subject; who set it */
	EVENT_INVITED, /* who invites to the room `conversation`; detail: the reason */
	EVENT_ANSWER,  /* body: lines for people, the answer to a command */
	EVENT_DONE,    /* a command was carried out; body says what, "" for nothing to say */
	EVENT_REFUSED, /* a command was refused; body says what and why; verb: the condition of RFC 6120 */
	EVENT_ROOM,    /* what the room says of itself, in words: body; verb: warning (on entering), changed; removed,
			   retracted: a message, by who */
	EVENT_NOTICE,  /* body: a headline, from a server or node; verb: its kind */
	EVENT_KINDS
};

enum message_state {
	MESSAGE_UNSENT, /* here only: lost if this program ends */
	MESSAGE_KEPT,   /* our node has it safe, and it waits there for its peer: called queued */
	MESSAGE_SENT,   /* the server has it; on a node: whom it is for has taken it */
	MESSAGE_DELIVERED,
	MESSAGE_READ,
	MESSAGE_FAILED,
	MESSAGE_STATES
};

/* How the text begins that says what somebody does (XEP-0245). */
#define CLIENT_ACTION "/me "

struct client_event {
	enum client_event_kind kind;
	int64_t when;             /* wall ms */
	bool delayed;             /* `when` is not now: it waited, or is history */
	bool history;             /* from an archive or a room's history */
	bool own;                 /* we said it, here or with another client */
	bool room;                /* the conversation is a room */
	bool secret;              /* a private message in a room */
	bool final;               /* EVENT_OFFLINE; EVENT_STATE: the other end's program tells no more than this */
	bool again;               /* EVENT_JOINED: by itself, after the connection was broken or the room had trouble */
	enum message_state state; /* EVENT_STATE */
	struct str conversation;  /* address: bare, or of an occupant for a private message */
	struct str label;         /* how people call it */
	struct str who;           /* label or nickname of who did it */
	struct str verb, body, detail, id;
};

const char *client_event_name(enum client_event_kind kind); /* "message" */
const char *message_state_name(enum message_state state);   /* "delivered" */

#endif
