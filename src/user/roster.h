/* The contacts of an account and the subscription requests it has not answered (RFC 6121 section 2). Changes are
 * written to the store at once and numbered; the number makes versions (2.6). */
#ifndef USER_ROSTER_H
#define USER_ROSTER_H

#include "base/map.h"
#include "core/core.h"

struct account;

/* Bits of a subscription; both together are "both". */
enum { SUB_TO = 1, SUB_FROM = 2 };

enum {
	ROSTER_NAME_MAX = 1023,       /* bytes of a name, and of a group */
	ROSTER_GROUPS_MAX = 16 << 10, /* bytes of all groups of one contact */
	ROSTER_TEXT_MAX = 512 << 10,  /* bytes of all contacts: the whole must fit one packet, even escaped */
	ROSTER_REQUESTS_MAX = 100,
	ROSTER_REQUEST_SIZE_MAX = 8 << 10 /* bytes of a stored request; of a longer one only the head is kept */
};

/* Immutable: a change makes a new one. */
struct contact {
	uint32_t version;
	uint8_t sub;   /* SUB_ bits */
	bool ask;      /* a request of ours is pending out */
	bool approved; /* approved in advance (3.4) */
	uint16_t jid_n, name_n, groups_n;
	char text[]; /* address, name, groups joined by '\n' */
};

/* A request that came in. */
struct request {
	struct packet *packet; /* to be delivered again at each login */
	uint16_t jid_n;
	char jid[];
};

struct roster {
	struct map *contacts, *requests; /* NULL while empty */
	uint32_t version;                /* of the last change */
	uint32_t floor;                  /* what was removed since this version is known: nothing */
	uint32_t text;                   /* bytes of all contacts */
};

void roster_clear(struct roster *r);

static inline struct str contact_jid_str(const struct contact *c) { return (struct str){c->text, c->jid_n}; }
static inline struct jid contact_jid(const struct contact *c) { return jid_view(contact_jid_str(c)); }
static inline struct str contact_name(const struct contact *c) { return (struct str){c->text + c->jid_n, c->name_n}; }
static inline struct str contact_groups(const struct contact *c)
{
	return (struct str){c->text + c->jid_n + c->name_n, c->groups_n};
}

/* NULL if not listed. jid: its bare part counts. */
const struct contact *roster_find(const struct roster *r, struct jid jid);
/* Iterates in no order: start with *pos = 0, NULL at the end; no change in between. */
const struct contact *roster_next(const struct roster *r, uint32_t *pos);
uint32_t roster_count(const struct roster *r);

/* What a contact shall become. */
struct contact_change {
	struct jid jid;
	struct str name, groups;
	uint8_t sub;
	bool ask, approved;
};
/* The contact as it is, or an unlisted one. */
struct contact_change roster_begin(const struct roster *r, struct jid jid);
/* Stores it. ERR_LIMIT: too many contacts, or too long together. */
int roster_put(struct account *a, const struct contact_change *change);
/* ERR_NOTFOUND. */
int roster_remove(struct account *a, struct jid jid);

/* Requests that wait for an answer. */
const struct request *roster_find_request(const struct roster *r, struct jid from);
const struct request *roster_next_request(const struct roster *r, uint32_t *pos);
/* Keeps the presence; ERR_LIMIT. There must be none from there yet. */
int roster_put_request(struct account *a, const struct stanza *s);
void roster_remove_request(struct account *a, struct jid from);

/* As roster_put() and roster_remove(), for what is stored elsewhere. */
int roster_set(struct account *a, const struct contact_change *change);
int roster_unset(struct account *a, struct jid jid);
/* All entries of another roster, which is not an account's; r is empty. */
void roster_copy(struct roster *r, const struct roster *from);
/* The same for a roster that is no account's: no limits but those of the text. */
void roster_keep(struct roster *r, const struct contact_change *change);
void roster_drop(struct roster *r, struct jid jid);

/* From the store: no writing back. */
void roster_load_contact(struct roster *r, const struct store_value *values);
void roster_load_request(struct roster *r, const struct store_value *values);

/* ---- as XML ---- */
/* `<item .../>`; NULL name: removed. */
void roster_write_item(struct buf *out, const struct contact *c);
void roster_write_removed(struct buf *out, struct jid jid);
/* The version as text: never the same for another account of this name. */
void roster_write_version(struct buf *out, const struct account *a);
/* The number in a text made by roster_write_version() for this very account, -1 otherwise. */
int64_t roster_read_version(const struct account *a, struct str text);
/* Tells every interested resource: item is an `<item/>`. */
void roster_push(struct account *a, struct str item);
/* The same for a listed contact. */
void roster_push_contact(struct account *a, struct jid jid);

/* iq_roster.c */
#include "core/feature.h"
iq_handler iq_roster_get, iq_roster_set;

#endif
