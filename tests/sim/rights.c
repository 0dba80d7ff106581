/* Roles and affiliations in the room: who changes them, and what holds in every turn. */
#include <stdio.h>

#include "room/rooms_i.h"
#include "tests/sim/sim.h"
#include "xmpp/ns.h"

/* ---- changing ---- */

static void ask(struct actor *a, const char *item)
{
	client_fmt(&a->client, 0,
		"<iq type='set' id='adm%u' to='" STAGE_ROOM "'><query xmlns='" NS_MUC_ADMIN "'>%s</query></iq>",
		a->sim->right_n - 1, item);
}

/* Anybody tries anything: the server has to say no. Nobody loses his voice: then his messages would be refused. */
void rights_act(struct actor *a)
{
	static const enum affiliation values[] = {AFFILIATION_NONE, AFFILIATION_MEMBER, AFFILIATION_ADMIN,
		AFFILIATION_OWNER};
	static const char *const roles[] = {"none", "participant", "moderator"};
	struct sim *s = a->sim;
	struct right *right = &s->rights[s->right_n];
	unsigned whom = sim_random(s, s->actor_count);
	char item[256];

	if (!a->in_room || s->right_n == RIGHTS_MAX)
		return;
	*right = (struct right){.actor = a->index, .person = PEOPLE_MAX};
	s->right_n++;
	a->best = a->items[a->index];
	if (sim_chance(s, 40)) {
		snprintf(item, sizeof(item), "<item nick='n%u' role='%s'/>", whom,
			roles[sim_random(s, ARRAY_LEN(roles))]);
	} else {
		right->person = s->actors[whom].person;
		right->value = values[sim_random(s, ARRAY_LEN(values))];
		snprintf(item, sizeof(item), "<item jid='u%u@" STAGE_DOMAIN "' affiliation='%s'/>", right->person,
			affiliation_name(right->value));
	}
	sim_say(s, "c%u asks the room: %s", a->index, item);
	ask(a, item);
}

/* Who was neither a moderator nor an admin since he asked cannot have been obeyed. */
bool rights_on_answer(struct actor *a, struct str id, bool good)
{
	struct sim *s = a->sim;
	const struct str prefix = STR("adm");
	uint64_t n;

	if (!str_starts(id, prefix) ||
		str_uint((struct str){id.p + prefix.n, id.n - prefix.n}, RIGHTS_MAX - 1, &n) < 0 || n >= s->right_n)
		return false;
	s->rights[n].acked = good;
	if (!good)
		return true;
	sim_say(s, "c%u: adm%u is done", a->index, (unsigned)n);
	if (s->rights[n].person < PEOPLE_MAX && a->best.affiliation < AFFILIATION_ADMIN)
		sim_fail(s, "c%u changed an affiliation with none better than %s", a->index,
			affiliation_name(a->best.affiliation));
	if (s->rights[n].person == PEOPLE_MAX && a->best.role < ROLE_MODERATOR)
		sim_fail(s, "c%u changed a role as a %s", a->index, role_name(a->best.role));
	return true;
}

/* What an occupant's presence says of it. */
void rights_on_presence(struct actor *a, unsigned nick, const struct xml_tree *t)
{
	uint32_t x = xml_child(t, XML_ROOT, "x", NS_MUC_USER);
	uint32_t i = x == XML_NONE ? XML_NONE : xml_child(t, x, "item", NS_MUC_USER);
	struct standing now = {0};

	if (i == XML_NONE || !role_parse(xml_attr(t, i, "role"), &now.role) ||
		!affiliation_parse(xml_attr(t, i, "affiliation"), &now.affiliation)) {
		sim_fail(a->sim, "c%u is not told what n%u is in the room", a->index, nick);
		return;
	}
	a->items[nick] = now;
	if (nick != a->index)
		return;
	a->best.role = now.role > a->best.role ? now.role : a->best.role;
	a->best.affiliation = now.affiliation > a->best.affiliation ? now.affiliation : a->best.affiliation;
}

/* ---- what holds in every turn ---- */

static void check_occupant(struct sim *s, const struct room *r, const struct occupant *o)
{
	enum affiliation a = room_affiliation(r, occupant_real(o));

	if (o->affiliation != a)
		sim_fail(s, "%.*s has another affiliation than the list says", STR_FMT(occupant_nick(o)));
	if (!may(MAY_ENTER, ROLE_NONE, a) || o->role == ROLE_NONE)
		sim_fail(s, "%.*s is in the room and must not be", STR_FMT(occupant_nick(o)));
	if (a >= AFFILIATION_ADMIN && o->role != ROLE_MODERATOR)
		sim_fail(s, "%.*s is an admin, but no moderator", STR_FMT(occupant_nick(o)));
	if (!o->visits)
		sim_fail(s, "%.*s is in the room without a session", STR_FMT(occupant_nick(o)));
}

static void check_audience(struct sim *s, const struct room *r)
{
	for (uint32_t i = 0; i < r->audience.n; i++) {
		const struct visit *v = r->audience.visits[i];

		if (v->at != i || (v->occupant->role == ROLE_MODERATOR) != (i < r->audience.moderators))
			sim_fail(s, "%.*s has the wrong place in the audience", STR_FMT(occupant_nick(v->occupant)));
	}
}

static void check_room(struct sim *s, const struct room *r)
{
	const struct occupant *o;

	if (r->state != ROOM_OPEN && r->state != ROOM_LOCKED)
		return;
	if (!r->affiliates.owners)
		sim_fail(s, "%.*s has no owner", STR_FMT(room_address(r)));
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		check_occupant(s, r, o);
	check_audience(s, r);
}

static struct rooms *find_rooms(struct sim *s)
{
	return (struct rooms *)core_find_host(server_core(s->stage.server), STR("rooms." STAGE_DOMAIN));
}

void rights_check(struct sim *s)
{
	struct rooms *rs = s->stage.server ? find_rooms(s) : NULL;
	const struct room *r;

	for (uint32_t pos = 0; rs && (r = map_next(&rs->live, &pos));)
		check_room(s, r);
}

/* ---- the end ---- */

/* The last thing that was asked for about somebody, if it was done, is so, whatever happened since. */
void rights_check_all(struct sim *s)
{
	struct rooms *rs = s->stage.server ? find_rooms(s) : NULL;
	const struct room *r = rs ? rooms_find(rs, STR("hall")) : NULL;

	for (unsigned person = 0; r && person < s->people; person++) {
		const struct right *last = NULL;
		char jid[64];

		for (uint32_t i = 0; i < s->right_n; i++)
			if (s->rights[i].person == person)
				last = &s->rights[i];
		snprintf(jid, sizeof(jid), "u%u@" STAGE_DOMAIN, person);
		if (last && last->acked && affiliates_get(&r->affiliates, jid_view(str_z(jid))) != last->value)
			sim_fail(s, "u%u was made %s, and is not", person, affiliation_name(last->value));
	}
}

void rights_check_views(struct sim *s)
{
	for (unsigned i = 0; i < s->actor_count; i++)
		for (unsigned k = 0; s->actors[i].in_room && k < s->actor_count; k++) {
			struct standing seen = s->actors[i].items[k], true_ = s->actors[k].items[k];

			if (s->actors[k].in_room && (seen.role != true_.role || seen.affiliation != true_.affiliation))
				sim_fail(s, "c%u believes c%u to be %s and %s in the room, it is %s and %s", i, k,
					role_name(seen.role), affiliation_name(seen.affiliation), role_name(true_.role),
					affiliation_name(true_.affiliation));
		}
}
