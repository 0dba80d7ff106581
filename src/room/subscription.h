/* Subscriptions (ejabberd's MUC/Sub, urn:xmpp:mucsub:0): who hears what happens in a room without being in it, by his bare address. What
 * he hears are events: messages from the room with another stanza inside. He is called by a nickname that is nobody else's, as one that is
 * registered, and may speak under it with the role that he would have inside.
 *
 * Rights are those of who enters at that moment: who may not enter any more is subscribed no longer. Who is in gets what all get and no
 * events, unless none of his sessions has a connection; then both, since the session may be lost with what waits for it. */
#ifndef ROOM_SUBSCRIPTION_H
#define ROOM_SUBSCRIPTION_H

#include "core/feature.h"
#include "room/occupant.h"

struct rooms;

/* What there is to hear; bits of subscriber.nodes, which are stored. */
enum sub_node { SUB_MESSAGES, SUB_SUBJECT, SUB_PRESENCE, SUB_AFFILIATIONS, SUB_CONFIG, SUB_SUBSCRIBERS, SUB_NODES };

enum {
	SUBSCRIBERS_MAX = 5000,     /* of a room */
	TOLD_OF_MAX = 20,           /* who go at once: of more nobody hears of each */
	SUBSCRIPTIONS_MAX = 1000,   /* of an account, in the rooms of a service */
	EVENT_BYTES_MAX = 64 << 20, /* of one message for all subscribers: nobody writes a longer one */
};

struct subscriber {
	char *nick, *key;
	uint8_t nodes;
	uint16_t jid_n;
	char jid[]; /* bare, canonical */
};
static inline struct str subscriber_jid(const struct subscriber *s) { return (struct str){s->jid, s->jid_n}; }

struct subscribers; /* NULL: there are none, as in most rooms */

/* Of a room: its owner wants them, and it is persistent: a temporary one would stay as long as somebody hears it, which nobody allowed. */
bool subscriptions_on(const struct entity *e);
uint32_t subscribers_count(const struct room *r);
uint32_t subscribers_hearing(const struct room *r, enum sub_node node);
const struct subscriber *subscribers_next(const struct room *r, uint32_t *pos); /* as map_next() */
const struct subscriber *subscriber_find(const struct room *r, struct str bare);
const struct subscriber *subscriber_find_key(const struct room *r, struct str key);   /* by nick_key() */
const struct subscriber *subscriber_find_nick(const struct room *r, struct str nick); /* called just so */
/* A new one, or a change, in memory alone. ERR_EXISTS: the nickname is another's; ERR_LIMIT. */
int subscriber_put(struct room *r, struct str bare, struct str nick, struct str key, unsigned nodes);
void subscribers_clear(struct room *r); /* in memory alone */

/* The same with all that follows: it is stored, counted and told to those who hear of subscribers; himself, too, if another did it (told). */
int subscribe(struct room *r, struct str bare, struct str nick, struct str key, unsigned nodes, bool told);
void unsubscribe(struct room *r, struct str bare, bool told);
/* Of one, or (domain) of all from there, or (absent) of all: whoever may not hear it any more is told, and does not. */
void subscriptions_check(struct room *r, struct str who);
void subscriptions_end(struct room *r); /* all, told */
/* All that never said it, told; owners and admins may stay. So whoever is subscribed has said the password, or need not. */
void subscriptions_new_password(struct room *r);
/* The room is no more, and each is told: by the presence that he would get inside, with this element. Nothing is written. */
void subscribers_end(struct room *r, struct str destroy);
/* An error came back from him: he is not there any more. False: nothing was done. */
bool subscription_on_error(struct room *r, const struct stanza *s);

/* ---- events ---- */

enum sub_reader { READ_BY_ALL, READ_BY_MODERATORS /* who would be that inside */, READ_BY_OTHERS };
/* What becomes of it where nobody gets it now. */
enum sub_worth {
	WORTH_KEEPING, /* it waits for who is away */
	WORTH_NOW,     /* it is not stored */
	WORTH_LITTLE   /* nor need anybody be woken by it (XEP-0352): who comes and goes, what is typed */
};
/* A packet that those who are in get, to those who hear this; p may be NULL, and stays the caller's. Nothing if it is too much. */
void subscribers_tell(struct room *r, enum sub_node node, enum sub_reader reader, const struct packet *p,
	enum sub_worth worth, uint64_t commit);
void subscriber_send(struct room *r, const struct subscriber *s,
	struct packet **p); /* as it is, to him alone; takes *p */
/* Whether an event with it would be too much for all of them. */
bool subscribers_overtaxed(const struct room *r, enum sub_node node, const struct packet *p);

void subscribers_tell_all(struct room *r, enum sub_node node,
	const struct packet *p); /* a short one, whatever they hear */

/* ---- message.c: what somebody says to all ---- */
/* Whether it is time for it; lasting: it also waits for the room's slow mode (XEP-0500). He pays for those who hear it. */
struct xerr message_pace(struct room *r, const struct visit *v, enum sub_node node, bool lasting);
void message_spoken(struct room *r, const struct visit *v); /* slow mode begins */
void message_tell(struct room *r, const struct visit *v, enum sub_node node, const struct packet *p,
	enum sub_worth worth, uint64_t commit); /* to those who hear it */

/* ---- speaking from outside ---- */

/* As if he were in: for what only reads it. Valid as long as the subscription. */
struct stand_in {
	struct visit visit;
	struct occupant occupant;
	char address[3 * JID_PART_MAX];
};
enum role subscriber_role(const struct room *r, const struct subscriber *s);
bool subscriber_stand_in(struct room *r, struct jid who, struct stand_in *ret);

/* ---- how many rooms an account hears, of all rooms of a service ---- */
void subscribed_init(struct map *m);
void subscribed_clear(struct map *m);
uint32_t subscribed_get(const struct map *m, struct str bare);
void subscribed_add(struct map *m, struct str bare, int32_t n);

/* ---- iq_subscription.c ---- */
const char *sub_node_name(enum sub_node n);
iq_handler subscribe_set, unsubscribe_set, subscriptions_get;

#endif
