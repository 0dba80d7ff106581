/* An entity has a bare address and an inbox: an account, a room, a domain. Owned by the table of its host; others
 * hold its id. Embed struct entity as the first member. */
#ifndef CORE_ENTITY_H
#define CORE_ENTITY_H

#include "core/core.h"

struct entity_ops {
	const char *name; /* "account", "room", "host" */
	/* One stanza from the inbox; *s must end in core_done(), core_bounce() or core_send(). */
	void (*deliver)(struct entity *e, struct stanza **s);
	/* Optional: after its share of a turn, to put out what deliver() gathered. If it leaves `unsettled` set, it is called
	 * again as soon as all others have had their share. */
	void (*settle)(struct entity *e);
	void (*free)(struct entity *e); /* frees the whole object that embeds e; entity_clear() first */
};

struct entity {
	const struct entity_ops *ops;
	struct core *core;
	struct host *host; /* NULL for a host itself */
	uint64_t id;       /* entity_find(id) */
	struct jid jid;    /* bare, own copy */
	struct stanza *inbox, **inbox_tail;
	uint32_t inbox_count;
	struct list runnable; /* linked while it has work and is not parked */
	bool parked;          /* loading: the inbox waits */
	bool unsettled;       /* settle() is wanted at the end of its share */
	bool dead;            /* entity_die() was called */
};

enum { ENTITY_INBOX_MAX = 10000 }; /* more is answered with resource-constraint */

void entity_init(struct entity *e, const struct entity_ops *ops, struct core *c, struct host *h, struct jid jid);
void entity_clear(struct entity *e); /* bounces what is left in the inbox with service-unavailable */
struct entity *entity_find(const struct core *c, uint64_t id);
/* Stanzas, linked by next, come back to the front of its inbox, in deliver() or settle() only. */
void entity_unread(struct entity *e, struct stanza *chain);
/* What is in the inbox of `from`, which is to die, comes before what `to` has in its own. */
void entity_inherit(struct entity *to, struct entity *from);
/* Parked: stanzas gather in the inbox until it is opened again. */
void entity_park(struct entity *e, bool parked);
/* Freed at the end of the turn (ops->free), its id is dead at once. The owner unlinks it from its table itself. */
void entity_die(struct entity *e);

/* A domain that is served: users or rooms. Is itself an entity (its address is the bare domain). */
struct host_ops {
	/* The entity for local@domain, made or loaded on demand (parked until then); NULL with *ret_error set when there is none
	 * and s does not create it. */
	struct entity *(*get)(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error);
	/* MSG_AUTH_ASK, MSG_REGISTER, MSG_BIND for an account of this domain; answers later through core_to_wire().
	 * NULL where nobody logs in. Takes what m owns. */
	void (*on_login)(struct host *h, struct msg *m);
	/* Optional: a session that is to be resumed waits until all that it sent is dealt with; what this host holds back it must
	 * let go of now (in the next turn). */
	void (*hurry)(struct host *h);
	/* Optional: an account of this server is no more; what is written now is committed with that. */
	void (*account_gone)(struct host *h, struct jid bare);
	/* The gateway alone: messages about links and neighbours, and MSG_RESUME for a peer. Takes what m owns. */
	void (*on_msg)(struct host *h, struct msg *m);
	/* The gateway alone: a stanza that came by a link has been dealt with; what is written now is committed with it. */
	void (*on_done)(struct host *h, const struct stanza *s);
};

enum host_kind { HOST_USERS = 1, HOST_ROOMS = 2, HOST_PEERS = 3 };

struct host {
	struct entity entity;
	const struct host_ops *ops;
	enum host_kind kind;
	const char *title; /* disco identity name */
	const char *users; /* rooms: the domain of users that lists them; NULL: the one below which they are */
};

/* A message to the wire that owns connection `conn`: zeroed but for kind and conn, to be filled at once. */
struct msg *core_to_wire(struct core *c, enum msg_kind kind, uint64_t conn);
/* A message to discovery, zeroed but for the kind. */
struct msg *core_to_discovery(struct core *c, enum msg_kind kind);
/* An answer to MSG_ADMIN_ASK. Takes *text. */
void core_to_admin(struct core *c, uint64_t asker, char **text, bool failed);

#endif
