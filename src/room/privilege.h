/* Who may do what in a room: the tables of XEP-0045 section 5, visible as a whole in privilege.c. Pure. */
#ifndef ROOM_PRIVILEGE_H
#define ROOM_PRIVILEGE_H

#include "base/str.h"
#include "xmpp/xerr.h"

enum role { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, ROLE_MODERATOR, ROLE_COUNT };

/* The numbers are stored. */
enum affiliation {
	AFFILIATION_NONE,
	AFFILIATION_OUTCAST,
	AFFILIATION_MEMBER,
	AFFILIATION_ADMIN,
	AFFILIATION_OWNER,
	AFFILIATION_COUNT
};

enum privilege {
	MAY_ENTER,
	MAY_ENTER_MEMBERS_ONLY,
	MAY_ENTER_FULL, /* beyond the room's own limit of occupants */
	MAY_CHANGE_NICK,
	MAY_CHANGE_STATUS,
	MAY_SEND_PRIVATE,
	MAY_ASK_OTHERS, /* requests to them */
	MAY_SPEAK,
	MAY_SPEAK_FAST, /* without the room's time between two messages */
	MAY_REQUEST_VOICE,
	MAY_INVITE,
	MAY_INVITE_MEMBERS, /* to a members-only room: they become members */
	MAY_SET_SUBJECT,
	MAY_SEE_JIDS, /* of a semi-anonymous room */
	MAY_SEE_ALL,  /* also those whose presence is not for everybody */
	MAY_CHANGE_ROLES,
	MAY_APPROVE_VOICE,
	MAY_RETRACT, /* what others said */
	MAY_APPROVE_MEMBERS,
	MAY_CHANGE_AFFILIATIONS,
	MAY_CONFIGURE,
	MAY_DESTROY,
	PRIVILEGE_COUNT
};

struct room_config;

struct party {
	enum role role;
	enum affiliation affiliation;
};

/* By the role or by the affiliation, whichever the privilege hangs on; without what a room's options add. */
bool may(enum privilege p, enum role role, enum affiliation affiliation);
/* The same in a room with these options. */
bool may_here(const struct room_config *c, enum privilege p, enum role role, enum affiliation affiliation);

/* Private messages: to somebody with this role. */
bool may_send_private(const struct room_config *c, struct party from, enum role to);

/* Of who enters (5.1.2). silent: a moderated room in which voice has to be given (role_silent()). */
enum role role_initial(enum affiliation affiliation, bool silent);
bool role_silent(const struct room_config *c);
/* After a change of affiliation: what is gained is certain; who was made a moderator in person stays one. */
enum role role_after(enum role role, enum affiliation from, enum affiliation to, bool silent);

/* Whether somebody may change the role of another occupant (5.1.3): forbidden, not-allowed. */
struct xerr role_change_check(struct party actor, struct party target, enum role to);
/* Whether somebody may change another one's affiliation (5.2.2): forbidden, not-allowed. */
struct xerr affiliation_change_check(enum affiliation actor, enum affiliation from, enum affiliation to);
/* Whether somebody may read a list (9.5, 9.8, 10.5, 10.8; 8.5, 9.8). */
bool may_list_role(struct party actor, enum role list);
bool may_list_affiliation(const struct room_config *c, struct party actor, enum affiliation list);

const char *role_name(enum role r);
const char *affiliation_name(enum affiliation a);
bool role_parse(struct str name, enum role *ret);
bool affiliation_parse(struct str name, enum affiliation *ret);

#endif
