/* Private to src/room: the host. */
#ifndef ROOM_ROOMS_I_H
#define ROOM_ROOMS_I_H

#include "room/maker.h"
#include "room/room.h"
#include "room/rooms.h"

/* A persistent room, in memory or not: what the list of rooms says about it. */
struct listing {
	uint64_t owner; /* rooms_owner_key() of who made it */
	bool public_;
	uint16_t history; /* messages shown to who enters */
	uint16_t local_n, name_n;
	char text[]; /* localpart, name */
};
static inline struct str listing_local(const struct listing *l) { return (struct str){l->text, l->local_n}; }
static inline struct str listing_name(const struct listing *l) { return (struct str){l->text + l->local_n, l->name_n}; }

/* A room that was destroyed: for a day, a temporary one for an hour, who wants to enter is told so, and where it is now if there is
 * another one. Whose client comes back by itself would own the room otherwise. */
struct moved {
	int64_t until;   /* ms since 1970 */
	struct jid by;   /* he may make it anew */
	char *alternate; /* NULL: nowhere */
	uint16_t local_n;
	char local[];
};

/* The public rooms, sorted: views into rooms and listings, so it is forgotten whenever one of them changes. */
struct room_item {
	struct str local, name;
};
struct room_items {
	struct room_item *list;
	uint32_t n, cap;
	bool known;
};

struct rooms {
	struct host host;
	struct rooms_config config;
	struct room_config defaults; /* of new rooms */
	char **admins, **reserved;
	struct map live;        /* struct room by localpart */
	struct map directory;   /* struct listing by localpart */
	struct map moved;       /* struct moved by localpart */
	struct map subscribed;  /* how many rooms an account hears (subscription.h) */
	struct makers makers;   /* who made how many today */
	struct nicknames nicks; /* registered with the service: one's own in all rooms */
	struct paces paces;     /* of those who register them */
	struct room_items items;
	bool loaded;        /* the directory is complete */
	bool stale;         /* something changed while it was read: it is read again */
	struct timer timer; /* until then: to ask again; afterwards: looks for ghosts, and for what is too old */
	/* Scratch for one multicast. */
	uint64_t *handles;
	struct packet **packets;
	uint32_t handles_cap, packets_cap;
	bool only_admins_make;
	char slow_text[64]; /* scratch for one error */
};
static inline struct rooms *rooms_of(const struct room *r) { return (struct rooms *)r->entity.host; }

struct room *rooms_find(const struct rooms *rs, struct str local); /* in memory */
bool rooms_full(const struct rooms *rs);
/* In memory or on its way there (LOADING), or new (VACANT) if make. NULL: there is none, or no space. */
struct room *rooms_get(struct rooms *rs, struct jid bare, bool make);
bool rooms_is_admin(const struct rooms *rs, struct jid who);
/* ---- policy.c ---- */
uint64_t rooms_owner_key(struct jid who);
/* Counts it. not-allowed, resource-constraint. */
struct xerr rooms_may_make(struct rooms *rs, struct str local, struct jid who);
/* What a service may keep to its administrators. What is on stays on until somebody turns it off. not-allowed. */
struct room_switches {
	bool logging, public_, persistent;
};
struct room_switches room_switches(const struct room_config *c);
struct xerr rooms_may_turn_on(const struct rooms *rs, struct room_switches before, struct room_switches after,
	struct jid who);

/* The room leaves memory at the end of the turn. */
void rooms_drop(struct room *r);

/* ---- moved.c ---- */
void moved_init(struct map *moved);
void moved_clear(struct map *moved);
void moved_load(struct rooms *rs, const struct store_value *v); /* ROW_MOVED */
void moved_expire(struct rooms *rs);
/* It ends now; alternate: a JID, or absent. Whether somebody may not make it anew: NULL if he may. It is made: forgotten. */
void rooms_move(struct room *r, struct jid by, struct str alternate);
const struct moved *rooms_moved(const struct rooms *rs, struct str local, struct jid who);
void rooms_moved_forget(struct rooms *rs, struct str local);

/* ---- service_nick.c, cmd_nick.c ---- */
void service_nicks_init(struct rooms *rs);
void service_nicks_clear(struct rooms *rs);
bool service_nicks_on(const struct entity *e);
void service_nick_load(struct rooms *rs, const struct store_value *v); /* ROW_ROOM_NICK */
/* conflict: somebody else has it in all rooms. key: of nick_key() */
struct xerr service_nick_check(const struct rooms *rs, struct str key, struct jid who);
const struct nickname *service_nick_of(const struct rooms *rs, struct jid who); /* NULL: he has none */
void service_nick_forget(struct rooms *rs, struct str bare);
void cmd_nicknames(struct command_call *call);

/* ---- rooms.c ---- */
/* The directory follows the room's configuration. */
void rooms_list(struct room *r);
void rooms_unlist(struct rooms *rs, struct str local);
/* A public room came, went, or is called otherwise. Before what it was goes. */
void rooms_items_changed(struct rooms *rs);
void rooms_items_clear(struct rooms *rs);
/* A stanza for a room that does not exist. */
void rooms_missing(struct core *c, struct stanza **s);
uint64_t *rooms_handles(struct rooms *rs, uint32_t n); /* room for n */
struct packet **rooms_packets(struct rooms *rs, uint32_t n);

/* ---- iq_command.c: for disco ---- */
bool command_is_node(struct str node); /* the list of commands */
void command_put_items(struct iq *iq);
bool command_put_info(struct iq *iq, struct str node); /* false: no such command, for this asker */

/* ---- iq_hats.c: the same for those of a room ---- */
void hats_put_items(struct iq *iq);
bool hats_put_node_info(struct iq *iq, struct str node);

/* Tables of feature.h */
iq_handler disco_get_info, disco_get_items, command_set, admin_get, admin_set, owner_get, owner_set, ping_get,
	register_get, register_set, moderate_set, moderate_old_set, hats_set, service_register_get,
	service_register_set;

#endif
