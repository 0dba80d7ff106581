/* An account: the entity local@DOMAIN with its sessions, roster and what waits for it. Loaded whole when first
 * spoken to, parked (its inbox waits) until the store answers; leaves memory when it has been idle for a while.
 *
 *      account_get()                  account_delete()
 *   (new) -----> LOADING --row--> HERE ------------> ABSENT
 *                  |  |            ^ account_create()  |
 *                  |  +--no row----|------------------>+ (time-out: freed; HERE as well, when nobody is logged in)
 *                  +--error--> FAILED (freed once its inbox is empty)
 *
 * Invariants: 1. Sessions exist only in HERE, but for ending ones, which keep the object alive. 2. The map of the
 * host holds every state but FAILED. 3. Keys are in memory only between loading and the next login. */
#ifndef USER_ACCOUNT_H
#define USER_ACCOUNT_H

#include "core/session.h"
#include "user/roster.h"

struct users;
struct resource;

enum account_state { ACCOUNT_LOADING, ACCOUNT_HERE, ACCOUNT_ABSENT, ACCOUNT_FAILED };

/* Somebody who needs to know what the account is: embed it. ready() is called once, in HERE, ABSENT or FAILED; drop()
 * instead when the core goes away. Both own the memory. */
struct account_wait {
	struct account_wait *next;
	void (*ready)(struct account *a, struct account_wait *w);
	void (*drop)(struct account_wait *w);
};

struct account {
	struct entity entity;
	enum account_state state;
	bool loading;               /* a query is under way */
	bool offline_loading;       /* the stored messages are on their way */
	bool new_password;          /* one is being hashed: the next has to wait */
	bool touched;               /* spoken to since the idle timer was started */
	uint16_t session_count;     /* ending ones too */
	struct resource *resources; /* the living ones */
	struct roster roster;
	int64_t created;            /* ms since 1970 */
	int64_t last_seen;          /* when the last resource went; 0: not known */
	uint32_t offline_count;     /* stored messages */
	uint32_t archive_untrimmed; /* messages put into the archive since the account is in memory */
	int64_t offline_last;       /* highest id ever used */
	int64_t archive_last;       /* highest id in the archive */
	struct transit *transit;    /* transit.c; NULL: nothing was on its way yet */
	struct answered *answered;  /* receipts.c; NULL: none yet */
	struct account_wait *waiting;
	struct account_keys *keys; /* as stored, NULL: not in memory */
	char *private_index;       /* iq_private.c: what is stored; NULL: not read */
	struct timer idle;
};

/* In memory or NULL. */
struct account *account_find(const struct users *u, struct str local);
/* In memory, or begins to load. NULL when there are too many. */
struct account *account_get(struct users *u, struct jid bare);
/* At once or later. with_keys: when the keys have been read, too (they may be missing when the store failed). */
void account_when_ready(struct account *a, struct account_wait *w, bool with_keys);

/* What is stored about a password of an existing account, [0] SHA-1, [1] SHA-256. False if it is not in memory. */
bool account_keys(const struct account *a, enum hash_kind hash, struct scram_keys *ret);
/* ABSENT -> HERE, and stored. */
void account_create(struct account *a, const struct scram_keys *keys);
void account_set_keys(struct account *a, const struct scram_keys *keys);
void account_drop_keys(struct account *a);
/* HERE -> ABSENT: everything stored is removed, contacts are told, sessions closed. request: what asked for it,
 * answered before its session is closed; NULL if nobody. */
void account_delete(struct account *a, struct stanza **request);

/* A session was opened; one was freed. */
void account_enter_session(struct account *a);
void account_leave_session(struct account *a);

static inline struct account *account_of(const struct session *s) { return (struct account *)s->owner; }
static inline bool account_is_own(const struct account *a, struct jid j) { return jid_eq_bare(a->entity.jid, j); }
/* May see its presence: itself, or a subscriber. */
bool account_shows_presence_to(const struct account *a, struct jid j);

#endif
