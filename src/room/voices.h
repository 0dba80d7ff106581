/* Roles that moderators gave or took: of an account, so that whoever leaves and enters again has them still (XEP-0045 5.1 asks for
 * that in moderated rooms; in others whoever was silenced would be back at once). They last as long as the room is not given up, in
 * memory; at most VOICES_MAX, then no more are noted. */
#ifndef ROOM_VOICES_H
#define ROOM_VOICES_H

#include "base/map.h"
#include "room/privilege.h"

enum { VOICES_MAX = 5000 };

void voices_init(struct map *voices);
void voices_clear(struct map *voices);
/* Of a bare address. ROLE_NONE: nothing is noted of it any more. */
void voices_set(struct map *voices, struct str bare, enum role role);
/* ROLE_NONE: nothing is noted. */
enum role voices_get(const struct map *voices, struct str bare);

#endif
