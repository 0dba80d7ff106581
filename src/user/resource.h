/* A resource: one session of an account, with what RFC 6121 knows about it. Small on purpose: most are idle.
 *
 * A resource is connected from the start, available while `presence` is there (section 4), interested once it has
 * asked for the roster (2.2). */
#ifndef USER_RESOURCE_H
#define USER_RESOURCE_H

#include "user/account.h"

enum { DIRECTED_MAX = 500 };

/* An address that was sent presence without being a subscriber (4.6): told when the resource goes. */
struct directed {
	struct directed *next;
	uint16_t jid_n;
	char jid[];
};

struct resource {
	struct session session;
	struct resource *next;   /* in its account, newest first */
	struct packet *presence; /* the last one broadcast; NULL: not available */
	struct directed *directed;
	uint16_t directed_count;
	int8_t priority;
	bool interested;
	bool carbons; /* wants copies (XEP-0280) */
};

static inline struct resource *resource_of(struct session *s) { return (struct resource *)s; }
static inline bool resource_available(const struct resource *r) { return r->presence != NULL; }

/* Opens a session on conn for an account that is HERE: resource NULL makes up a name; a living session with the same
 * name ends with `conflict`. XERR_NONE, else nothing was opened. */
enum xerr_cond resource_open(struct account *a, const char *name, bool secure, uint64_t conn);
/* A living one with this name, NULL if none. */
struct resource *resource_find(const struct account *a, struct str name);
unsigned resource_count(const struct account *a); /* living ones */
/* The living one of this account with the handle, NULL if it has gone. */
struct resource *resource_get(const struct account *a, uint64_t handle);

bool resource_directed_to(const struct resource *r, struct jid jid);
int resource_add_directed(struct resource *r, struct jid jid); /* ERR_LIMIT */
void resource_remove_directed(struct resource *r, struct jid jid);
void resource_clear_directed(struct resource *r);

/* Collects all available (interested) ones for users_multicast(). */
void resources_collect_available(struct users *u, const struct account *a);
void resources_collect_interested(struct users *u, const struct account *a);

#endif
