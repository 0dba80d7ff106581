/* Nicknames that belong to addresses: those that members of a room have registered (XEP-0045 7.10), those that somebody asked
 * for, and those that are registered with the service, of all its rooms. One an address, each nickname (as compared, RFC 8266) once. */
#ifndef ROOM_NICKNAME_H
#define ROOM_NICKNAME_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

struct packet;

struct nickname {
	char *nick, *key;
	struct list away;      /* among those who are not here */
	struct packet *packet; /* that shows him so; made when first wanted */
	uint16_t jid_n;
	char jid[]; /* bare, canonical */
};
static inline struct str nickname_jid(const struct nickname *n) { return (struct str){n->jid, n->jid_n}; }

struct nicknames {
	struct nickname_table *table; /* NULL: there are none, as in most rooms */
	uint32_t max;
};

void nicknames_init(struct nicknames *ns, uint32_t max);
void nicknames_clear(struct nicknames *ns);
/* As map_next(). */
struct nickname *nicknames_next(const struct nicknames *ns, uint32_t *pos);
/* Of whom nicknames_mark() said that he is away, in the order in which they went. NULL: the first; at the end NULL comes. */
struct nickname *nicknames_next_away(const struct nicknames *ns, struct nickname *n);
/* NULL if the address has none. */
const struct nickname *nicknames_find(const struct nicknames *ns, struct str bare);
/* Whose it is, by nick_key(). */
const struct nickname *nicknames_find_key(const struct nicknames *ns, struct str key);
/* ERR_EXISTS: it is another's; ERR_LIMIT. */
int nicknames_set(struct nicknames *ns, struct str bare, struct str nick, struct str key);
void nicknames_forget(struct nicknames *ns, struct str bare);
/* He is here, or away. Nothing happens if he has no nickname. */
void nicknames_mark(struct nicknames *ns, struct str bare, bool here);
void nicknames_changed(struct nicknames *ns, struct str bare); /* what the packet says of him */

/* The form in which nicknames are compared. ERR_INVALID: none that can be shown; ERR_LIMIT: too long. */
enum { NICK_MAX = 256 /* bytes */ };
int nick_key(struct str nick, struct buf *ret_key);

#endif
