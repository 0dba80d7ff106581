/* Private to src/user: a domain of accounts from the inside. */
#ifndef USER_USERS_I_H
#define USER_USERS_I_H

#include "user/account.h"
#include "user/users.h"

enum {
	ACCOUNTS_MAX = 1 << 22, /* in memory at once */
	ABSENT_MAX = 4096,      /* names remembered not to exist, until their time-out */
	SECRET_SIZE = 32
};

struct users {
	struct host host;
	struct users_config config; /* defaults filled in, admins our own */
	char **admins;
	uint8_t secret[SECRET_SIZE];
	int64_t started;         /* core_now() then */
	struct map accounts;     /* those in memory, by localpart */
	uint32_t absent;         /* of those, in ACCOUNT_ABSENT */
	struct roster *feed;     /* of the fed account, whether it is in memory or not; NULL: none */
	struct list transit_due; /* what is to be written down at the next tick, transit.c */
	struct timer transit_timer;
	uint64_t *handles; /* scratch for one multicast, empty in between */
	uint32_t handles_n, handles_cap;
};

static inline struct users *users_of(const struct account *a) { return (struct users *)a->entity.host; }

/* The host of accounts that serves this domain, NULL if it is not one of ours. */
struct users *users_find(const struct core *c, struct str domain);

/* ---- collecting the recipients of one multicast ---- */
void users_collect(struct users *u, uint64_t handle);
/* One packet to all who were collected, which are forgotten. Takes *p. */
void users_multicast(struct users *u, struct packet **p, uint64_t commit);

/* ---- small things that several files here need ---- */
/* A stanza of ours from head and payload (may be absent). NULL if it grew too big. */
struct stanza *stanza_make(const struct packet_head *head, struct str payload);
/* Makes and routes one. */
void send_presence(struct core *c, enum stanza_type type, struct jid from, struct jid to, struct str id);

/* ---- feed.c ---- */
bool feed_is_for(const struct account *a); /* its roster comes from elsewhere */
void feed_load(struct account *a);         /* it has come into memory */
/* A client's change of its roster. */
struct xerr feed_rename(struct account *a, struct jid contact, struct str name);
struct xerr feed_remove(struct account *a, struct jid contact);
void feed_presence(struct account *a); /* what its sessions show has changed */
void feed_free(struct users *u);
void feed_vcard(struct account *a, const struct stanza *s, uint32_t element); /* it has a new vCard */
void feed_vcard_load(struct users *u);

/* ---- login.c ---- */
void login_on_msg(struct host *h, struct msg *m);
/* Keys for a name that does not exist: always the same for the name, and nobody can meet them. */
void login_made_up_keys(const struct users *u, struct str account, enum hash_kind hash, struct scram_keys *ret);

#endif
