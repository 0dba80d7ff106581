/* Who may do what in a room, written down from XEP-0045 section 5 a second time, as tables and without a look at src/room:
 * what the server does is held against this. Pure. */
#ifndef CROWD_LAW_H
#define CROWD_LAW_H

#include <stdbool.h>

#include "base/str.h"

/* In order of power. */
enum law_role { LAW_GONE, LAW_VISITOR, LAW_PARTICIPANT, LAW_MODERATOR, LAW_ROLES };
enum law_affiliation { LAW_OUTCAST, LAW_NONE, LAW_MEMBER, LAW_ADMIN, LAW_OWNER, LAW_AFFILIATIONS };

/* Of somebody in a room. */
struct standing {
	uint8_t role, affiliation;
};

enum law_right {
	/* of roles, 5.1.1 */
	RIGHT_SPEAK,
	RIGHT_SUBJECT,
	RIGHT_KICK,
	RIGHT_VOICE,
	RIGHT_ADDRESSES, /* of a semi-anonymous room */
	/* of affiliations, 5.2.1 */
	RIGHT_ENTER,
	RIGHT_ENTER_CLOSED, /* a members-only room */
	RIGHT_BAN,
	RIGHT_MEMBERS,
	RIGHT_MODERATORS,
	RIGHT_ADMINS,
	RIGHT_OWNERS,
	RIGHT_CONFIGURE,
	RIGHT_DESTROY,
	RIGHTS
};

bool law_has(struct standing who, enum law_right right);
/* 5.1.2: the role of who enters. */
enum law_role law_role_initial(enum law_affiliation a, bool moderated);
/* The role after a change of affiliation. */
enum law_role law_role_after(enum law_role role, enum law_affiliation from, enum law_affiliation to, bool moderated);
/* 5.1.3, 8.2 to 8.4, 9.6, 9.7 */
bool law_may_change_role(struct standing actor, struct standing target, enum law_role to);
/* 5.2.2, 9.1 to 9.5, 10.3 to 10.8; without what concerns the last owner and oneself. */
bool law_may_change_affiliation(enum law_affiliation actor, enum law_affiliation from, enum law_affiliation to);

const char *law_role_name(unsigned role);
const char *law_affiliation_name(unsigned affiliation);
/* -1: there is no such thing. */
int law_role_of(struct str name);
int law_affiliation_of(struct str name);

#endif
