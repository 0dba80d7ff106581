/* The lists of a room: which bare address (or domain) has which lasting affiliation. */
#ifndef ROOM_AFFILIATION_H
#define ROOM_AFFILIATION_H

#include "base/map.h"
#include "room/privilege.h"
#include "xmpp/jid.h"

enum { AFFILIATES_MAX = 25000, REASON_MAX = 1024 };

struct affiliate {
	enum affiliation affiliation; /* never AFFILIATION_NONE */
	char *reason;                 /* NULL for none */
	bool listed;                  /* while a form is read: it says so of him, too */
	uint16_t jid_n;
	char jid[]; /* bare, canonical */
};
static inline struct str affiliate_jid(const struct affiliate *a) { return (struct str){a->jid, a->jid_n}; }

struct affiliates {
	struct map map;
	uint32_t owners;
};

void affiliates_init(struct affiliates *as);
void affiliates_clear(struct affiliates *as);
/* By the bare address; who is not in a list himself is banned with his whole domain (9.2). */
enum affiliation affiliates_get(const struct affiliates *as, struct jid jid);
/* Of this very address only, NULL if it is in no list. */
const struct affiliate *affiliates_find(const struct affiliates *as, struct str bare);
/* AFFILIATION_NONE removes. reason may be absent; it is cut after REASON_MAX bytes. ERR_LIMIT. */
int affiliates_set(struct affiliates *as, struct str bare, enum affiliation affiliation, struct str reason);
struct affiliate *affiliates_next(const struct affiliates *as, uint32_t *pos);

/* The first bytes of a text, at most max, not cutting a character. */
struct str utf8_cut(struct str text, size_t max);

#endif
