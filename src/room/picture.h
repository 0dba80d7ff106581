/* The card of a room (XEP-0054), above all its picture (XEP-0486): its owners put it there, everybody may look at it, and
 * discovery says the hashes of its photos, so that clients fetch it only when it is new. In memory as long as the room is,
 * in the store if the room is persistent. */
#ifndef ROOM_PICTURE_H
#define ROOM_PICTURE_H

#include "core/feature.h"
#include "room/room.h"

enum { PICTURE_MAX = 64 << 10 /* bytes of the whole card */, PHOTOS_MAX = 4 };

/* As written by xml_write_node(); ERR_SYNTAX: not XML; ERR_INVALID: a photo that is no base64, or too many of them. */
int picture_new(struct str xml, struct picture **ret);
void picture_free(struct picture **p);

/* Takes it (NULL: none) in place of what the room has, and stores it. */
void picture_set(struct room *r, struct picture **p);
void picture_store(struct room *r);
/* The field of disco#info's form that has the hashes (SHA-1, as XEP-0153 computes them); nothing without a photo. */
void picture_put_info(struct buf *out, const struct picture *p);

iq_handler picture_iq_get, picture_iq_set;

#endif
