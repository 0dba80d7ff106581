/* A chat client without terminal and socket: bytes and the time go in, bytes and events come out. It keeps its session over
 * broken connections (XEP-0198): nothing that was said is lost, nothing is said twice.
 *
 *   OFFLINE --client_connected--> OPENING --session--> ONLINE --client_lost--> OFFLINE
 *
 * One thread. After every call the owner takes what is in client_out(). Addresses given to it are canonical; those that a
 * person typed go through client_find() first. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/event.h"
#include "xmpp/opening.h"

enum { CLIENT_BODY_MAX = 64 * 1024, CLIENT_WAITING_MAX = 1000, CLIENT_ID_MAX = 32 };

struct client_config {
	struct str domain, user, password, resource; /* as in opening_config; copied */
	bool external, trusted_channel;
	struct str known_as; /* how others see us, where that is not our address; copied */
	bool node;     /* the server is a node of the local network: each contact is one, too, with rooms of its own */
	bool receipts; /* tell others that their messages came, and were read */
	const char *version; /* of the program */
	int utc_offset;      /* minutes, for those who ask the time */
};

typedef void client_event_fn(void *arg, const struct client_event *e);

struct client;
struct client *client_new(const struct client_config *c, client_event_fn *on_event, void *arg);
void client_free(struct client **c);

/* Before any other call of a turn: monotonic and wall time, ms. */
void client_time(struct client *c, int64_t now, int64_t wall);

/* ---- the stream ---- */

enum client_need {
	CLIENT_FINE,
	CLIENT_START_TLS, /* then client_secured() */
	CLIENT_WORK,      /* client_work() on another thread, then client_worked(); no client_lost() in between */
	CLIENT_CLOSE      /* send client_out(), close, client_lost() */
};

/* A connection is there. The channel is asked through ch, which lives until client_lost(). */
void client_connected(struct client *c, const struct stream_channel *ch);
void client_secured(struct client *c);
/* Eats all of *in, unless something is needed first. */
enum client_need client_bytes(struct client *c, struct str *in);
void client_work(struct client *c);
enum client_need client_worked(struct client *c);
/* The connection is gone; why: for people, "" when client_need said CLOSE. Says EVENT_OFFLINE. */
void client_lost(struct client *c, struct str why);
/* Once a second or so; also asks for acknowledgements. */
enum client_need client_tick(struct client *c);
struct buf *client_out(struct client *c); /* to be emptied by the owner */
/* At the end of a turn: asks the server what it has of what was said since. */
void client_flush(struct client *c);
/* An orderly end: unavailable, end of stream. */
void client_close(struct client *c);

bool client_online(const struct client *c);
bool client_final(const struct client *c);     /* coming back is of no use */
bool client_stopped(const struct client *c);   /* the server was told to end: somebody wanted that */
void client_give_up(struct client *c);         /* so says its owner */
struct str client_jid(const struct client *c); /* bare; "" before the first session */
struct str client_domain(const struct client *c);

/* ---- names ---- */

/* What a person typed: a label, a room's name, an address. ERR_NOTFOUND, ERR_INVALID (ambiguous): with what to tell. */
enum { FIND_PEER = 1, FIND_ROOM = 2, FIND_INVITED = 16 /* completion only: rooms we are invited to */ };
int client_find(struct client *c, struct str typed, unsigned kinds, struct buf *ret_jid, struct buf *why);
/* A contact, or a room that we were in. */
bool client_is_known(const struct client *c, struct str jid);
/* An address of any form made canonical, appended; a bare name becomes a room of the usual service. ERR_SYNTAX; ERR_NOTFOUND,
 * ERR_INVALID: whose it is is nobody, or several. why: what to tell. */
int client_room_address(struct client *c, struct str typed, struct buf *ret, struct buf *why);
/* Label of a person (bare address) or room. Appended. */
void client_label(const struct client *c, struct str jid, struct buf *out);
/* A nickname as it is shown: in double quotes if it could be taken for more than a name, "* alice waves" or "alice: yes". in_event:
 * where words of ours follow it; then also if it has several words. Appended. */
void client_put_nick(struct buf *out, struct str nick, bool in_event);
/* With a node: an address that our user has added and where nobody has answered yet. */
bool client_is_typed(struct str jid);
/* Calls on_name for each that begins with prefix: labels, joined rooms, occupants of a room (absent: none). */
void client_complete(const struct client *c, struct str prefix, unsigned kinds, struct str room,
	void (*on_name)(void *arg, struct str name), void *arg);
/* Is somebody there to receive, as far as we know? */
bool client_present(const struct client *c, struct str jid);
bool client_in_room(const struct client *c, struct str room);
struct str client_own_nick(const struct client *c, struct str room); /* absent: not in it */

/* ---- what people do ---- */

/* All these: 0, ERR_LIMIT (too much waits), ERR_CLOSED (offline), ERR_NOTFOUND (not in that room). Answers come as events. */

/* to: a person, a joined room, or an occupant of one (private). Waits for a connection if need be. */
int client_say(struct client *c, struct str to, struct str body);
void client_typing(struct client *c, struct str to, bool composing);
/* What came in this conversation has been seen. */
void client_displayed(struct client *c, struct str conversation);
/* show: "available", "away", "dnd", "xa", "chat". ERR_INVALID. Kept for coming sessions. */
int client_status(struct client *c, struct str show, struct str text);
/* What was told last; "available" and "" at first. Borrowed. */
void client_own_status(const struct client *c, struct str *ret_show, struct str *ret_text);
void client_peers(struct client *c); /* EVENT_ANSWER */
/* Pending until the server has answered: what it had said by then has been heard. */
void client_sync(struct client *c);
int client_add(struct client *c, struct str jid, struct str name);
int client_rename(struct client *c, struct str jid,
	struct str name); /* how he is called here; his groups are forgotten */
int client_remove(struct client *c, struct str jid);
int client_block(struct client *c, struct str jid);
int client_unblock(struct client *c, struct str jid);
/* The last n of a conversation, from the archive of ours or the room's. */
int client_history(struct client *c, struct str conversation, unsigned n);

/* service absent: the usual one, and with a node those of all who are there. */
int client_rooms(struct client *c, struct str service);
/* No nick: as before, or as we are called. ERR_EXISTS: we are in already, and only ask for another nickname. */
int client_join(struct client *c, struct str room, struct str nick, struct str password);
int client_leave(struct client *c, struct str room, struct str reason);
int client_nick(struct client *c, struct str room, struct str nick);
int client_topic(struct client *c, struct str room, struct str subject); /* absent: EVENT_ANSWER with what it is */
/* What we said last there (XEP-0424), or somebody (XEP-0425), with these words in it; none: any. ERR_EXISTS: nothing that is known.
 * What has only just come is told first, and meant if that is asked again. */
int client_retract(struct client *c, struct str room, struct str words);
int client_moderate(struct client *c, struct str room, struct str nick, struct str words, struct str reason);
int client_who(struct client *c, struct str room); /* EVENT_ANSWER */
/* role: "none" (kick), "visitor", "participant", "moderator". */
int client_role(struct client *c, struct str room, struct str nick, const char *role, struct str reason);
/* whom: nickname or address. affiliation: "outcast", "none", "member", "admin", "owner". */
int client_affiliate(struct client *c, struct str room, struct str whom, struct str affiliation, struct str reason);
int client_affiliated(struct client *c, struct str room, struct str affiliation); /* EVENT_ANSWER */
/* The invitation to this room; who invited is told, if it came through the room. ERR_NOTFOUND, ERR_CLOSED. */
int client_decline(struct client *c, struct str room, struct str reason);
void client_invitations(struct client *c); /* those that are not answered: EVENT_ANSWER */
int client_invite(struct client *c, struct str room, struct str jid, struct str reason);
int client_request_voice(struct client *c, struct str room);
/* A nickname of one's own there (XEP-0045 7.10), and membership; no nick: neither any more. No room: in all rooms of our server's service,
 * where it has that. */
int client_register(struct client *c, struct str room, struct str nick);
/* Whoever owns it need not be in it. other: where people are to go; may be absent. */
int client_destroy(struct client *c, struct str room, struct str other, struct str reason);
/* value absent: EVENT_ANSWER with what it is, of all without a field; else sets it, alone. Names may be without "muc#roomconfig_" and
 * the like; of several values there may be a comma between them. */
int client_configure(struct client *c, struct str room, struct str field, struct str value);
struct str client_settings(const struct client *c, struct str room); /* that its form had last, a space behind each */

/* ---- what is under way ---- */

/* Our messages so far that are now in this state. */
unsigned client_count(const struct client *c, enum message_state state);
/* Of those that are sent: to a program that gives no receipts, so that is the last that will be heard of them. */
unsigned client_last(const struct client *c);
/* Questions and joins without an answer yet. */
unsigned client_pending(const struct client *c);
/* Messages that nobody but we have: an end now loses them. */
unsigned client_unsaid(const struct client *c);

#endif
