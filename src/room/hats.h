/* Hats (XEP-0317): names that a room makes up for what people are in it, beside roles and affiliations: "teacher", "scribe".
 * The room has a list of hats, told apart by their URIs; people wear them by their bare addresses, present or not. Most rooms
 * have none: struct hats * is NULL then, and all of these take that. */
#ifndef ROOM_HATS_H
#define ROOM_HATS_H

#include "base/buf.h"
#include "base/map.h"

enum {
	HATS_MAX = 32, /* of one room; bits of wearer.hats */
	WEARERS_MAX = 1000,
	HAT_URI_MAX = 256, /* bytes */
	HAT_TITLE_MAX = 64,
	HAT_HUE_MAX = 12
};

struct hat {
	char *uri, *title; /* NULL: a free place */
	char *hue;         /* angle of its colour, 0 to 360, as text; NULL: none */
};

struct wearer {
	uint32_t hats; /* bits 1 << index of the hat; never 0 */
	uint16_t jid_n;
	char jid[]; /* bare, canonical */
};
static inline struct str wearer_jid(const struct wearer *w) { return (struct str){w->jid, w->jid_n}; }

struct hats {
	struct hat list[HATS_MAX];
	struct map wearers; /* by address */
};

void hats_clear(struct hats **hs);
/* Its index; -1: there is none. */
int hats_find(const struct hats *hs, struct str uri);
/* A new hat, or another title and hue (absent: none) for one that is there. Its index; ERR_INVALID: these are no texts for a
 * hat; ERR_LIMIT. */
int hats_define(struct hats **hs, struct str uri, struct str title, struct str hue);
/* Nobody wears it any more either. */
void hats_destroy(struct hats *hs, int index);
/* Bits of the hats that an address wears. */
uint32_t hats_of(const struct hats *hs, struct str bare);
/* Puts it on or takes it off; ERR_LIMIT. */
int hats_wear(struct hats *hs, struct str bare, int index, bool on);

/* <hats/> of a presence; nothing without bits. */
void hats_put(struct buf *out, const struct hats *hs, uint32_t bits);
/* 40 hexadecimal digits that are others when the list is another; false: there is no hat. */
bool hats_hash(const struct hats *hs, struct buf *out);

#endif
