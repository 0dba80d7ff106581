/* The last messages of a room, for who enters. */
#ifndef ROOM_HISTORY_H
#define ROOM_HISTORY_H

#include "xmpp/packet.h"

struct history_entry {
	int64_t id, time;       /* id grows; time in ms since 1970 */
	struct packet *live;    /* as it was sent */
	struct packet *delayed; /* with its delay stamp; made when first wanted */
	uint64_t commit;        /* nobody may see it before; 0: at once */
	bool open;              /* whose address it is could be seen by all who were in */
	char *real, *nick;      /* full address and nickname of who said it; NULL: the room, or not known */
};

struct history {
	struct history_entry *ring;
	uint32_t cap, first, n;
	uint32_t untrimmed; /* messages that went into the store since the room is in memory */
	int64_t last_id;
};

/* What who enters wants of it (XEP-0045 7.2.14). */
struct history_wish {
	uint64_t max_chars, max_messages;
	int64_t since; /* ms since 1970 */
};

void history_init(struct history *h, uint32_t cap);
void history_clear(struct history *h); /* keeps cap and last_id: numbers are not given twice */
/* Keeps so many from now on. */
void history_resize(struct history *h, uint32_t cap);
/* The i-th newest, from 0; there is one. */
struct history_entry *history_newest(const struct history *h, uint32_t i);
/* A number greater than all before, at about the time in microseconds. */
int64_t history_next_id(struct history *h, int64_t wall);
/* Takes real and nick over unless it keeps nothing; takes a reference of its own. What is too much goes. */
void history_add(struct history *h, struct history_entry *e);
struct history_entry *history_find(const struct history *h, int64_t id); /* NULL if it is not there (any more) */
void history_replace(struct history_entry *e, struct packet *live);

/* Reads <history/> in an <x xmlns='muc'/> (XML_NONE: none). shown: messages for who does not limit them. */
void history_wish_read(const struct xml_tree *t, uint32_t x, int64_t wall, uint32_t shown, struct history_wish *ret);
/* Appends references to the newest messages that the wish allows, oldest first, to packets, which has room for h->n.
 * room: bare address, for the stamp. Returns how many. */
uint32_t history_list(struct history *h, struct jid room, const struct history_wish *wish, struct packet **packets);

/* `<delay/>` of the room. */
void delay_write(struct buf *out, struct jid room, int64_t time);

#endif
