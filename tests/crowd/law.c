#include "tests/crowd/law.h"

#include "base/mem.h"

/* clang-format off */
/* 5.1.1 and 5.2.1: + has it, - has not. The options that the specification marks with an asterisk are the halls'. */
static const struct {
	const char *roles;        /* gone, visitor, participant, moderator */
	const char *affiliations; /* outcast, none, member, admin, owner */
} rights[RIGHTS] = {
	[RIGHT_SPEAK]        = {"--++", NULL},
	[RIGHT_SUBJECT]      = {"---+", NULL},
	[RIGHT_KICK]         = {"---+", NULL},
	[RIGHT_VOICE]        = {"---+", NULL},
	[RIGHT_ADDRESSES]    = {"---+", NULL},
	[RIGHT_ENTER]        = {NULL, "-++++"},
	[RIGHT_ENTER_CLOSED] = {NULL, "--+++"},
	[RIGHT_BAN]          = {NULL, "---++"},
	[RIGHT_MEMBERS]      = {NULL, "---++"},
	[RIGHT_MODERATORS]   = {NULL, "---++"},
	[RIGHT_ADMINS]       = {NULL, "----+"},
	[RIGHT_OWNERS]       = {NULL, "----+"},
	[RIGHT_CONFIGURE]    = {NULL, "----+"},
	[RIGHT_DESTROY]      = {NULL, "----+"},
};

/* 5.1.2 */
static const enum law_role initial[LAW_AFFILIATIONS][2] = {
	/*                 unmoderated      moderated */
	[LAW_OUTCAST] = {LAW_GONE,        LAW_GONE},
	[LAW_NONE]    = {LAW_PARTICIPANT, LAW_VISITOR},
	[LAW_MEMBER]  = {LAW_PARTICIPANT, LAW_PARTICIPANT},
	[LAW_ADMIN]   = {LAW_MODERATOR,   LAW_MODERATOR},
	[LAW_OWNER]   = {LAW_MODERATOR,   LAW_MODERATOR},
};

/* Who is taken from a list, or put into it, needs the right to edit that list. */
static const enum law_right affiliation_lists[LAW_AFFILIATIONS] = {
	[LAW_OUTCAST] = RIGHT_BAN,
	[LAW_NONE]    = RIGHT_MEMBERS,
	[LAW_MEMBER]  = RIGHT_MEMBERS,
	[LAW_ADMIN]   = RIGHT_ADMINS,
	[LAW_OWNER]   = RIGHT_OWNERS,
};
static const enum law_right role_lists[LAW_ROLES] = {
	[LAW_GONE]        = RIGHT_KICK,
	[LAW_VISITOR]     = RIGHT_VOICE,
	[LAW_PARTICIPANT] = RIGHT_VOICE,
	[LAW_MODERATOR]   = RIGHT_MODERATORS,
};
/* clang-format on */

bool law_has(struct standing who, enum law_right right)
{
	if (rights[right].roles)
		return rights[right].roles[who.role] == '+';
	return rights[right].affiliations[who.affiliation] == '+';
}

enum law_role law_role_initial(enum law_affiliation a, bool moderated) { return initial[a][moderated]; }

enum law_role law_role_after(enum law_role role, enum law_affiliation from, enum law_affiliation to, bool moderated)
{
	/* Who was made a moderator in person is one by that, not by his affiliation. */
	bool in_person = role == LAW_MODERATOR && initial[from][moderated] != LAW_MODERATOR;

	return in_person && to != LAW_OUTCAST ? LAW_MODERATOR : initial[to][moderated];
}

/* 8.2: a kick of somebody of higher affiliation; 8.4: voice of one's equals or betters; 9.7: what follows from an affiliation. */
static bool takes_too_much(struct standing actor, struct standing target, enum law_role to)
{
	if (to >= target.role)
		return false;
	if (target.affiliation > actor.affiliation)
		return true;
	if (to == LAW_GONE)
		return false;
	return target.affiliation >= LAW_ADMIN ||
		(target.affiliation >= LAW_MEMBER && target.affiliation == actor.affiliation);
}

bool law_may_change_role(struct standing actor, struct standing target, enum law_role to)
{
	if (!law_has(actor, RIGHT_KICK) || takes_too_much(actor, target, to))
		return false;
	return to == target.role || (law_has(actor, role_lists[target.role]) && law_has(actor, role_lists[to]));
}

bool law_may_change_affiliation(enum law_affiliation actor, enum law_affiliation from, enum law_affiliation to)
{
	struct standing who = {LAW_GONE, (uint8_t)actor};

	return law_has(who, affiliation_lists[from]) && law_has(who, affiliation_lists[to]);
}

static const char *const role_names[LAW_ROLES] = {"none", "visitor", "participant", "moderator"};
static const char *const affiliation_names[LAW_AFFILIATIONS] = {"outcast", "none", "member", "admin", "owner"};

const char *law_role_name(unsigned role) { return role_names[role]; }
const char *law_affiliation_name(unsigned affiliation) { return affiliation_names[affiliation]; }

int law_role_of(struct str name)
{
	for (int i = 0; i < LAW_ROLES; i++)
		if (str_is(name, role_names[i]))
			return i;
	return -1;
}

int law_affiliation_of(struct str name)
{
	for (int i = 0; i < LAW_AFFILIATIONS; i++)
		if (str_is(name, affiliation_names[i]))
			return i;
	return -1;
}
