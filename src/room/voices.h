/* Roles that moderators gave or took: of an account, so that whoever leaves and enters again has them still (XEP-0045 5.1 asks for
 * that in moderated rooms; in others whoever was silenced would be back at once). They last as long as the room is not given up, in
 * memory; at most VOICES_MAX. When there are so many, whoever was given voice first is forgotten, and may ask again; whom it was taken
 * from never is, since he would have it back: then no more are taken. */
#ifndef ROOM_VOICES_H
#define ROOM_VOICES_H

#include "base/list.h"
#include "base/map.h"
#include "room/privilege.h"

enum { VOICES_MAX = 5000 };

struct voices {
	struct map map;
	struct list given; /* in the order in which they were */
};

void voices_init(struct voices *vs);
void voices_clear(struct voices *vs);
/* Of a bare address: a visitor, a participant, or ROLE_NONE: nothing is noted of it any more. ERR_LIMIT: nothing is noted. */
int voices_set(struct voices *vs, struct str bare, enum role role);
/* ROLE_NONE: nothing is noted. */
enum role voices_get(const struct voices *vs, struct str bare);
/* So many more can be silenced. */
bool voices_have_room(const struct voices *vs, uint32_t silenced);

#endif
