#include "room/privilege.h"

#include <stddef.h>

#include "base/mem.h"
#include "room/config.h"

/* Short names for the columns. */
enum { V = 1 << ROLE_VISITOR, P = 1 << ROLE_PARTICIPANT, M = 1 << ROLE_MODERATOR };
enum {
	NO = 1 << AFFILIATION_NONE,
	ME = 1 << AFFILIATION_MEMBER,
	AD = 1 << AFFILIATION_ADMIN,
	OW = 1 << AFFILIATION_OWNER
};

#define OPTION(member) offsetof(struct room_config, member)

/* The tables of 5.1.1 and 5.2.1. Each privilege belongs to roles or to affiliations; where the specification has an
 * asterisk, an option of the room gives it to more roles. */
static const struct {
	uint8_t roles, affiliations;
	uint8_t more; /* roles that have it while this option, a bool of the configuration, is on */
	uint16_t option;
	uint16_t while_on; /* an option without which nobody has it; 0: none */
} privileges[PRIVILEGE_COUNT] = {
	/* clang-format off */
	[MAY_ENTER]               = {.affiliations = NO | ME | AD | OW},
	[MAY_ENTER_MEMBERS_ONLY]  = {.affiliations =      ME | AD | OW},
	[MAY_ENTER_FULL]          = {.affiliations =           AD | OW},
	[MAY_CHANGE_NICK]         = {.roles =     P | M, .more = V, .option = OPTION(visitor_nick), .while_on = OPTION(manners.change_nick)},
	[MAY_CHANGE_STATUS]       = {.roles =     P | M, .more = V, .option = OPTION(visitor_status)},
	[MAY_SEND_PRIVATE]        = {.roles = V | P | M}, /* and see pm_roles, visitor_pm_to */
	[MAY_ASK_OTHERS]          = {.roles = V | P | M, .while_on = OPTION(manners.query_others)},
	[MAY_SPEAK]               = {.roles =     P | M},
	[MAY_SPEAK_FAST]          = {.roles =         M},
	[MAY_REQUEST_VOICE]       = {.more = V, .option = OPTION(voice_requests)},
	[MAY_INVITE]              = {.roles =         M, .affiliations = AD | OW, .more = V | P, .option = OPTION(allow_invites)},
	[MAY_INVITE_MEMBERS]      = {.affiliations =           AD | OW, .more = V | P | M, .option = OPTION(allow_invites)},
	[MAY_SET_SUBJECT]         = {.roles =         M, .more = P, .option = OPTION(change_subject)},
	[MAY_SEE_JIDS]            = {.roles =         M},
	[MAY_SEE_ALL]             = {.roles =         M},
	[MAY_CHANGE_ROLES]        = {.roles =         M},
	[MAY_APPROVE_VOICE]       = {.roles =         M},
	[MAY_RETRACT]             = {.roles =         M},
	[MAY_APPROVE_MEMBERS]     = {.affiliations =           AD | OW},
	[MAY_CHANGE_AFFILIATIONS] = {.affiliations =           AD | OW},
	[MAY_CONFIGURE]           = {.affiliations =                OW},
	[MAY_DESTROY]             = {.affiliations =                OW},
	/* clang-format on */
};

static const uint8_t pm_roles[] =
	{[PM_ANYONE] = V | P | M, [PM_PARTICIPANTS] = P | M, [PM_MODERATORS] = M, [PM_NONE] = 0};

bool may(enum privilege p, enum role role, enum affiliation affiliation)
{
	must((unsigned)p < PRIVILEGE_COUNT);
	return (privileges[p].roles >> role & 1) || (privileges[p].affiliations >> affiliation & 1);
}

bool may_here(const struct room_config *c, enum privilege p, enum role role, enum affiliation affiliation)
{
	bool on = privileges[p].more && *((const bool *)c + privileges[p].option);

	if (privileges[p].while_on && !*((const bool *)c + privileges[p].while_on))
		return false;
	if (p == MAY_SEND_PRIVATE && !(pm_roles[c->allow_pm] >> role & 1))
		return false;
	return may(p, role, affiliation) || (on && privileges[p].more >> role & 1);
}

/* Whom visitors reach, where they may send any. */
static const uint8_t visitor_pm_to[] =
	{[VISITOR_PM_ANYONE] = V | P | M, [VISITOR_PM_MODERATORS] = M, [VISITOR_PM_NOBODY] = 0};

bool may_send_private(const struct room_config *c, struct party from, enum role to)
{
	if (from.role == ROLE_VISITOR && !(visitor_pm_to[c->manners.visitor_pm] >> to & 1))
		return false;
	return may_here(c, MAY_SEND_PRIVATE, from.role, from.affiliation);
}

/* ---- roles ---- */

/* clang-format off */
static const uint8_t initial[AFFILIATION_COUNT][2] = {
	/*                       with voice        voice has to be given */
	[AFFILIATION_NONE]    = {ROLE_PARTICIPANT, ROLE_VISITOR},
	[AFFILIATION_OUTCAST] = {ROLE_NONE,        ROLE_NONE},
	[AFFILIATION_MEMBER]  = {ROLE_PARTICIPANT, ROLE_PARTICIPANT},
	[AFFILIATION_ADMIN]   = {ROLE_MODERATOR,   ROLE_MODERATOR},
	[AFFILIATION_OWNER]   = {ROLE_MODERATOR,   ROLE_MODERATOR},
};
/* clang-format on */

enum role role_initial(enum affiliation affiliation, bool silent) { return initial[affiliation][silent]; }

bool role_silent(const struct room_config *c) { return c->moderated && !c->manners.voice_by_default; }

enum role role_after(enum role role, enum affiliation from, enum affiliation to, bool silent)
{
	bool in_person = role == ROLE_MODERATOR && role_initial(from, silent) != ROLE_MODERATOR;

	return in_person && to != AFFILIATION_OUTCAST ? ROLE_MODERATOR : role_initial(to, silent);
}

/* From one role to another: the least affiliation of the moderator who does it, and whether something is taken away,
 * which is not done to one's betters. */
struct role_rule {
	uint8_t affiliation;
	bool takes;
};
/* clang-format off */
static const struct role_rule role_rules[ROLE_COUNT][ROLE_COUNT] = {
	[ROLE_VISITOR] = {
		[ROLE_NONE]        = {AFFILIATION_NONE, true},
		[ROLE_PARTICIPANT] = {AFFILIATION_NONE, false},
		[ROLE_MODERATOR]   = {AFFILIATION_ADMIN, false},
	},
	[ROLE_PARTICIPANT] = {
		[ROLE_NONE]        = {AFFILIATION_NONE, true},
		[ROLE_VISITOR]     = {AFFILIATION_NONE, true},
		[ROLE_MODERATOR]   = {AFFILIATION_ADMIN, false},
	},
	[ROLE_MODERATOR] = {
		[ROLE_NONE]        = {AFFILIATION_ADMIN, true},
		[ROLE_VISITOR]     = {AFFILIATION_ADMIN, true},
		[ROLE_PARTICIPANT] = {AFFILIATION_ADMIN, true},
	},
};
/* clang-format on */

/* 8.4: "at or above the moderator's level", among those who have one; 9.7: never from an admin or owner. */
static bool takes_too_much(struct party actor, struct party target, enum role to)
{
	if (target.affiliation > actor.affiliation)
		return true;
	if (to == ROLE_NONE)
		return false; /* 8.2: a kick only asks for no lower affiliation */
	if (target.affiliation >= AFFILIATION_ADMIN)
		return true;
	return target.affiliation == actor.affiliation && target.affiliation >= AFFILIATION_MEMBER;
}

struct xerr role_change_check(struct party actor, struct party target, enum role to)
{
	const struct role_rule *rule = &role_rules[target.role][to];

	if (!may(MAY_CHANGE_ROLES, actor.role, actor.affiliation))
		return xerr(XERR_FORBIDDEN);
	if (rule->takes && takes_too_much(actor, target, to))
		return xerr(XERR_NOT_ALLOWED);
	if (actor.affiliation < rule->affiliation)
		return xerr(rule->takes ? XERR_NOT_ALLOWED : XERR_FORBIDDEN);
	return XERR_OK;
}

bool may_list_role(struct party actor, enum role list)
{
	if (list == ROLE_MODERATOR)
		return actor.affiliation >= AFFILIATION_ADMIN;
	return actor.role == ROLE_MODERATOR || actor.affiliation >= AFFILIATION_ADMIN;
}

/* ---- affiliations ---- */

enum { A = AFFILIATION_ADMIN, O = AFFILIATION_OWNER };

/* The least affiliation of who makes the change. Rows: from; columns: to. */
/* clang-format off */
static const uint8_t affiliation_rules[AFFILIATION_COUNT][AFFILIATION_COUNT] = {
	/*                      none outcast member admin owner */
	[AFFILIATION_NONE]    = {A,  A,      A,     O,    O},
	[AFFILIATION_OUTCAST] = {A,  A,      A,     O,    O},
	[AFFILIATION_MEMBER]  = {A,  A,      A,     O,    O},
	[AFFILIATION_ADMIN]   = {O,  O,      O,     O,    O},
	[AFFILIATION_OWNER]   = {O,  O,      O,     O,    O},
};
/* clang-format on */

struct xerr affiliation_change_check(enum affiliation actor, enum affiliation from, enum affiliation to)
{
	if (!may(MAY_CHANGE_AFFILIATIONS, ROLE_NONE, actor))
		return xerr(XERR_FORBIDDEN);
	if (actor >= affiliation_rules[from][to])
		return XERR_OK;
	/* 10.5, 10.8: the list is not theirs to edit; 9.1: a ban of one's betters. */
	return xerr(to >= AFFILIATION_ADMIN ? XERR_FORBIDDEN : XERR_NOT_ALLOWED);
}

/* 9.5: where addresses are hidden, the lists of them are, too. */
static bool may_list_openly(const struct room_config *c, struct party actor)
{
	if (c->whois != WHOIS_ANYONE || !c->member_list)
		return false;
	return actor.affiliation >= AFFILIATION_MEMBER || (c->member_list >> actor.role & 1);
}

bool may_list_affiliation(const struct room_config *c, struct party actor, enum affiliation list)
{
	static const uint8_t least[AFFILIATION_COUNT] = {
		[AFFILIATION_NONE] = AFFILIATION_OWNER,
		[AFFILIATION_OUTCAST] = AFFILIATION_ADMIN,
		[AFFILIATION_MEMBER] = AFFILIATION_ADMIN,
		[AFFILIATION_ADMIN] = AFFILIATION_OWNER,
		[AFFILIATION_OWNER] = AFFILIATION_OWNER,
	};

	return actor.affiliation >= least[list] || (list >= AFFILIATION_MEMBER && may_list_openly(c, actor));
}

/* ---- names ---- */

static const char *const role_names[ROLE_COUNT] = {"none", "visitor", "participant", "moderator"};
static const char *const affiliation_names[AFFILIATION_COUNT] = {"none", "outcast", "member", "admin", "owner"};

const char *role_name(enum role r) { return role_names[r]; }
const char *affiliation_name(enum affiliation a) { return affiliation_names[a]; }

bool role_parse(struct str name, enum role *ret)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (!str_is(name, role_names[i]))
			continue;
		*ret = (enum role)i;
		return true;
	}
	return false;
}

bool affiliation_parse(struct str name, enum affiliation *ret)
{
	for (int i = 0; i < AFFILIATION_COUNT; i++) {
		if (!str_is(name, affiliation_names[i]))
			continue;
		*ret = (enum affiliation)i;
		return true;
	}
	return false;
}
