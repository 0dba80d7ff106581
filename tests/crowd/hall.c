/* A room as it should be: what was known of it when all was quiet, and what was asked for since. From that follows what may be
 * now; each answer is held against what its receiver sees in the same moment, because the room answers in the order in which it
 * acts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/crowd/crowd.h"
#include "xmpp/ns.h"

static void forget(struct hall *h)
{
	memset(h->affiliations, LAW_NONE, sizeof(h->affiliations));
	memset(h->enrolled, 0, sizeof(h->enrolled));
	memset(h->voiced, 0, sizeof(h->voiced));
	memset(h->ids, 0, sizeof(h->ids));
	memset(h->by_id, 0xff, sizeof(h->by_id)); /* NOBODY */
	h->config = 0;
	h->subject = 0;
	h->subject_id = 0;
	h->any_subject = false;
	h->log_n = 0;
	h->age++;
}

void hall_init(struct crowd *c, unsigned index)
{
	static const uint32_t kinds[] = {HALL_PERSISTENT, HALL_PERSISTENT | HALL_MEMBERS | HALL_INVITES,
		HALL_PERSISTENT | HALL_MODERATED | HALL_HIDING, HALL_OPEN_EYED | HALL_ENROLS, HALL_PASSWORD,
		HALL_NARROW, HALL_PERSISTENT | HALL_MODERATED | HALL_OPEN_EYED | HALL_TALKATIVE, 0};
	struct hall *h = &c->halls[index];

	*h = (struct hall){.index = index,
		.kind = index < ARRAY_LEN(kinds) ? kinds[index] : crowd_random(c, 1 << HALL_BITS)};
	forget(h);
}

void hall_clear(struct hall *h) { xfree(h->log); }

void hall_configure_first(struct chatter *by, unsigned hall)
{
	struct ask *a = hall_ask_new(by->crowd);

	a->kind = ASK_CONFIG;
	a->config = by->crowd->halls[hall].kind;
	chatter_ask(by, hall, a);
}

/* It is in, and nobody wants it to be put out. */
static bool keeps(const struct crowd *c, const struct chatter *ch, unsigned hall)
{
	int person = (int)ch->person;

	return chatter_is_in(ch, hall) && !hall_asks_role(c, hall, (unsigned)ch->scenes[hall]->nick, LAW_GONE) &&
		!hall_may_have(c, hall, person, LAW_OUTCAST) &&
		!(hall_may_have(c, hall, person, LAW_NONE) && hall_may_be(c, hall, HALL_MEMBERS, true));
}

bool hall_may_be_gone(const struct crowd *c, unsigned hall)
{
	if (hall_asks(c, hall, ASK_DESTROY))
		return true;
	if (!c->halls[hall].locked && !hall_may_be(c, hall, HALL_PERSISTENT, false))
		return false;
	for (unsigned i = 0; i < c->chatter_count; i++)
		if (keeps(c, &c->chatters[i], hall))
			return false;
	return true;
}

void hall_stir(struct crowd *c, unsigned hall)
{
	struct hall *h = &c->halls[hall];

	h->maybe = h->maybe || !h->exists || hall_may_be_gone(c, hall);
}

void hall_create(struct crowd *c, unsigned hall, struct chatter *by)
{
	struct hall *h = &c->halls[hall];

	crowd_say(c, "r%u is made by c%u", hall, by->index);
	if (h->exists && !h->maybe && !hall_may_be_gone(c, hall))
		crowd_fail(c, "c%u is told that it made r%u, which was there", by->index, hall);
	forget(h);
	h->exists = h->locked = true;
	h->locked_until = crowd_now(c) + HALL_LOCKED_MS;
	h->affiliations[by->person] = LAW_OWNER;
	c->stats.created++;
}

void hall_vanish(struct crowd *c, unsigned hall)
{
	struct hall *h = &c->halls[hall];

	if (!h->exists)
		return;
	crowd_say(c, "r%u is no more", hall);
	forget(h);
	h->exists = h->locked = false;
}

/* ---- what may be ---- */

static bool concerns(const struct ask *a, unsigned hall) { return a->hall == hall && a->state != ASK_REFUSED; }

bool hall_may_be(const struct crowd *c, unsigned hall, uint32_t bit, bool on)
{
	const struct hall *h = &c->halls[hall];

	if (!(h->config & bit) == !on)
		return true;
	/* One that was made anew has none of all this before it is configured; who may invite is the server's choice. */
	if (h->maybe && (!on || bit == HALL_INVITES))
		return true;
	for (uint32_t i = 0; i < c->ask_n; i++)
		if (concerns(&c->asks[i], hall) && c->asks[i].kind == ASK_CONFIG && !(c->asks[i].config & bit) == !on)
			return true;
	return false;
}

static bool changes_affiliations(const struct ask *a)
{
	return a->kind == ASK_AFFILIATIONS || a->kind == ASK_INVITE || a->kind == ASK_ENROL || a->kind == ASK_RESIGN;
}

bool hall_may_have(const struct crowd *c, unsigned hall, int person, uint8_t affiliation)
{
	const struct hall *h = &c->halls[hall];

	if (person < 0 || h->affiliations[person] == affiliation)
		return true;
	if (h->maybe && (affiliation == LAW_OWNER || affiliation == LAW_NONE))
		return true; /* of who has made it anew */
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		if (!concerns(a, hall) || !changes_affiliations(a) || a == c->judged)
			continue;
		for (unsigned k = 0; k < a->row_n; k++)
			if (a->rows[k].person == person && a->rows[k].value == affiliation)
				return true;
	}
	return false;
}

bool hall_asks_role(const struct crowd *c, unsigned hall, unsigned nick, uint8_t role)
{
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		if (!concerns(a, hall) || a->kind != ASK_ROLES || a == c->judged)
			continue;
		for (unsigned k = 0; k < a->row_n; k++)
			if (a->rows[k].nick == (int)nick && a->rows[k].value == role)
				return true;
	}
	return false;
}

/* Somebody has seen him called so. */
static bool was_called(const struct crowd *c, unsigned hall, unsigned nick, int person)
{
	uint64_t id = c->halls[hall].ids[person];

	for (unsigned i = 0; i < c->chatter_count; i++) {
		const struct scene *v = chatter_scene(&c->chatters[i], hall);
		const struct entry *e = v ? &v->entries[nick] : NULL;

		if (e && e->id && (e->id == id || e->person == person))
			return true;
	}
	return false;
}

/* Whom a request for a role may have reached: who was called so for who asked, or whoever else may have been called so. */
static bool may_reach(const struct crowd *c, const struct ask *a, const struct ask_row *r, int person)
{
	if (r->person == person)
		return true;
	for (unsigned i = 0; i < c->own_n[person]; i++) {
		const struct chatter *ch = &c->chatters[c->own[person][i]];

		if (chatter_may_be(ch, a->hall, (unsigned)r->nick))
			return true;
	}
	return c->halls[a->hall].left[r->nick] && was_called(c, a->hall, (unsigned)r->nick, person);
}

static bool gives_or_takes_voice(const struct ask_row *r)
{
	return r->value == LAW_VISITOR || r->value == LAW_PARTICIPANT;
}

bool hall_may_be_voiced(const struct crowd *c, unsigned hall, int person)
{
	if (person < 0 || c->halls[hall].voiced[person])
		return true;
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		for (unsigned k = 0; concerns(a, hall) && a->kind == ASK_ROLES && k < a->row_n; k++)
			if (gives_or_takes_voice(&a->rows[k]) && may_reach(c, a, &a->rows[k], person))
				return true;
	}
	return false;
}

/* It is done, or may have been. */
static void note_lasting(struct crowd *c, const struct ask *a)
{
	struct hall *h = &c->halls[a->hall];
	int64_t until =
		crowd_now(c) + (hall_may_be(c, a->hall, HALL_PERSISTENT, true) ? HALL_ENDED_LASTING_MS : HALL_ENDED_MS);

	if (a->kind == ASK_DESTROY && until > h->ended_until)
		h->ended_until = until;
	for (unsigned k = 0; a->kind == ASK_ROLES && k < a->row_n; k++)
		for (unsigned p = 0; gives_or_takes_voice(&a->rows[k]) && p < c->people; p++)
			h->voiced[p] = h->voiced[p] || may_reach(c, a, &a->rows[k], (int)p);
}

bool hall_asks(const struct crowd *c, unsigned hall, enum ask_kind kind)
{
	for (uint32_t i = 0; i < c->ask_n; i++)
		if (concerns(&c->asks[i], hall) && c->asks[i].kind == kind)
			return true;
	return false;
}

struct ask *hall_ask_new(struct crowd *c)
{
	if (c->ask_n == c->ask_cap) {
		c->ask_cap = c->ask_cap ? 2 * c->ask_cap : 64;
		c->asks = xrealloc(c->asks, c->ask_cap * sizeof(*c->asks));
	}
	c->asks[c->ask_n] = (struct ask){.number = ++c->ask_number};
	return &c->asks[c->ask_n++];
}

/* ---- who is who ---- */

/* The place of this id in the table by id, or the free one where it belongs. */
static int16_t *find_id(struct hall *h, uint64_t id)
{
	uint32_t at = (uint32_t)id % IDS_SIZE;

	while (h->by_id[at] != NOBODY && h->ids[h->by_id[at]] != id)
		at = (at + 1) % IDS_SIZE;
	return &h->by_id[at];
}

int hall_person_of(struct crowd *c, unsigned hall, uint64_t id, int person)
{
	struct hall *h = &c->halls[hall];
	int16_t *known = find_id(h, id);

	if (*known != NOBODY && person >= 0 && person != *known)
		crowd_fail(c, "in r%u u%d and u%d have the same occupant id", hall, *known, person);
	if (*known != NOBODY || person < 0)
		return *known;
	if (h->ids[person] && !h->maybe)
		crowd_fail(c, "in r%u u%d has another occupant id than before", hall, person);
	if (!h->ids[person]) {
		h->ids[person] = id;
		*known = (int16_t)person;
	}
	return person;
}

void hall_log(struct crowd *c, unsigned hall, uint32_t line, uint64_t id)
{
	struct hall *h = &c->halls[hall];
	struct line *l = &c->lines[line];
	uint32_t at;

	if (l->id && l->id != id)
		crowd_fail(c, "g%u has two numbers in r%u", line, hall);
	if (l->kind == LINE_SUBJECT && id > h->subject_id) {
		h->subject = line;
		h->subject_id = id;
	}
	for (at = h->log_n; at > 0 && c->lines[h->log[at - 1]].id > id;)
		at--;
	if (at > 0 && c->lines[h->log[at - 1]].id == id) {
		if (h->log[at - 1] != line)
			crowd_fail(c, "g%u and g%u have the same number in r%u", line, h->log[at - 1], hall);
		return;
	}
	if (l->id)
		return; /* of an earlier room of that name */
	l->id = id;
	if (h->log_n == h->log_cap) {
		h->log_cap = h->log_cap ? 2 * h->log_cap : 256;
		h->log = xrealloc(h->log, h->log_cap * sizeof(*h->log));
	}
	memmove(h->log + at + 1, h->log + at, (h->log_n - at) * sizeof(*h->log));
	h->log[at] = line;
	h->log_n++;
}

/* ---- answers ---- */

/* What who asked is, or just was. */
struct judge {
	struct crowd *c;
	struct chatter *ch;
	struct scene *v; /* NULL: it is not in */
	struct entry *self;
	const struct ask *a;
};

static bool may_be_owner(const struct judge *j)
{
	return hall_may_have(j->c, j->a->hall, (int)j->ch->person, LAW_OWNER);
}

/* An affiliation that he who asked has, by what he sees; otherwise, by what may be. */
static bool may_act_with(const struct judge *j, uint8_t affiliation, bool before)
{
	if (!j->self || j->ch->behind)
		return hall_may_have(j->c, j->a->hall, (int)j->ch->person, affiliation);
	return j->self->now.affiliation == affiliation || (before && j->self->before.affiliation == affiliation);
}

static const struct entry *find_person(const struct judge *j, int person)
{
	for (unsigned i = 0; j->v && i < NICKS_MAX; i++) {
		const struct entry *e = &j->v->entries[i];

		if (e->here && (e->person == person || hall_person_of(j->c, j->a->hall, e->id, NOBODY) == person))
			return e;
	}
	return NULL;
}

/* What somebody was when the room looked. before: it may have changed him since, so that what he is now is only what he was if
 * others could have made him that. */
static bool may_have_had(const struct judge *j, int person, uint8_t affiliation, bool before)
{
	const struct entry *e = j->ch->behind ? NULL : find_person(j, person);
	bool anyway = hall_may_have(j->c, j->a->hall, person, affiliation);

	if (!e)
		return anyway;
	if (e->now.affiliation == affiliation)
		return !before || anyway || e->before.affiliation == affiliation;
	return before && e->before.affiliation == affiliation;
}

static bool names_self(const struct judge *j)
{
	for (unsigned i = 0; i < j->a->row_n; i++)
		if (j->a->kind == ASK_ROLES ? j->v && j->a->rows[i].nick == j->v->nick
					    : j->a->rows[i].person == (int)j->ch->person)
			return true;
	return false;
}

/* Whether a row can have been found legal, or illegal. before: what the request itself changed may be seen already. */
static bool row_may_be(const struct judge *j, const struct ask_row *r, bool legal, bool before)
{
	bool self = r->person == (int)j->ch->person;

	if (r->value == LAW_OUTCAST && self && legal)
		return false;
	for (uint8_t actor = 0; actor < LAW_AFFILIATIONS; actor++)
		for (uint8_t from = 0; from < LAW_AFFILIATIONS; from++)
			if ((!self || actor == from) && may_act_with(j, actor, before && names_self(j)) &&
				may_have_had(j, r->person, from, before) &&
				law_may_change_affiliation(actor, from, r->value) == legal)
				return true;
	return false;
}

static bool role_may_be(const struct judge *j, const struct ask_row *r, bool legal, bool before)
{
	const struct entry *e;

	if (!j->self || j->ch->behind)
		return true;
	e = &j->v->entries[r->nick];
	for (unsigned i = 0; i < 4; i++) {
		bool self = e == j->self, earlier = i & 1, target_earlier = i >> 1;
		struct standing actor = earlier ? j->self->before : j->self->now,
				target = target_earlier ? e->before : e->now;

		if ((earlier && (!before || !names_self(j))) || (target_earlier && !before) ||
			(self && earlier != target_earlier))
			continue;
		/* What it is now was made by this, unless it can have been so before. */
		if (before && !target_earlier && target.role == r->value && e->before.role != target.role &&
			!hall_asks_role(j->c, j->a->hall, (unsigned)r->nick, r->value) &&
			!hall_asks(j->c, j->a->hall, ASK_AFFILIATIONS) && !hall_asks(j->c, j->a->hall, ASK_CONFIG))
			continue;
		if (law_may_change_role(actor, target, r->value) == legal)
			return true;
	}
	return false;
}

static bool any_row(const struct judge *j, bool legal, bool before)
{
	for (unsigned i = 0; i < j->a->row_n; i++) {
		const struct ask_row *r = &j->a->rows[i];
		bool so = j->a->kind == ASK_ROLES ? role_may_be(j, r, legal, before) : row_may_be(j, r, legal, before);

		if (so)
			return true;
	}
	return false;
}

static bool all_rows(const struct judge *j)
{
	for (unsigned i = 0; i < j->a->row_n; i++) {
		const struct ask_row *r = &j->a->rows[i];

		if (j->a->kind == ASK_ROLES ? !role_may_be(j, r, true, true) : !row_may_be(j, r, true, true))
			return false;
	}
	return true;
}

/* 10.4: the last owner; 9.1: oneself. */
static bool may_conflict(const struct judge *j)
{
	unsigned certain = 0, lost = 0;

	for (unsigned p = 0; p < j->c->people; p++) {
		bool owner = hall_may_have(j->c, j->a->hall, (int)p, LAW_OWNER), other = false, loses = false;

		for (uint8_t a = 0; a < LAW_OWNER; a++)
			other |= hall_may_have(j->c, j->a->hall, (int)p, a);
		for (unsigned i = 0; i < j->a->row_n; i++) {
			const struct ask_row *r = &j->a->rows[i];

			loses |= r->person == (int)p && r->value != LAW_OWNER;
		}
		lost += owner && loses;
		certain += owner && !other && !loses;
	}
	for (unsigned i = 0; i < j->a->row_n; i++) {
		if (j->a->rows[i].value == LAW_OUTCAST && j->a->rows[i].person == (int)j->ch->person)
			return true;
	}
	return lost > 0 && certain == 0;
}

/* After it is done, who asked sees that it is. */
static void check_effect(const struct judge *j)
{
	for (unsigned i = 0; i < j->a->row_n && j->self && !j->ch->behind; i++) {
		const struct ask_row *r = &j->a->rows[i];
		const struct entry *e = j->a->kind == ASK_ROLES ? &j->v->entries[r->nick] : find_person(j, r->person);
		uint8_t is;

		if (!e || !e->here)
			continue;
		is = j->a->kind == ASK_ROLES ? e->now.role : e->now.affiliation;
		if (is == r->value)
			continue;
		crowd_fail(j->c, "k%u of c%u in r%u is done, and %c%d is not %s", (unsigned)j->a->number, j->ch->index,
			j->a->hall, j->a->kind == ASK_ROLES ? 'n' : 'u', j->a->kind == ASK_ROLES ? r->nick : r->person,
			j->a->kind == ASK_ROLES ? law_role_name(r->value) : law_affiliation_name(r->value));
	}
}

static bool may_read(const struct judge *j, bool allowed)
{
	uint8_t list = j->a->rows[0].value;
	enum law_right right = list >= LAW_ADMIN ? RIGHT_OWNERS : RIGHT_MEMBERS;

	/* 9.5: where addresses are shown, the lists of members and more are, too. */
	if (allowed && list >= LAW_MEMBER && hall_may_be(j->c, j->a->hall, HALL_OPEN_EYED, true))
		return true;
	for (uint8_t a = 0; a < LAW_AFFILIATIONS; a++)
		if (may_act_with(j, a, false) && law_has((struct standing){LAW_GONE, a}, right) == allowed)
			return true;
	return false;
}

static bool may_be_done(const struct judge *j)
{
	switch ((enum ask_kind)j->a->kind) {
	case ASK_ROLES:
	case ASK_AFFILIATIONS:
		return all_rows(j);
	case ASK_CONFIG:
	case ASK_DESTROY:
		return may_act_with(j, LAW_OWNER, false) || (!j->self && may_be_owner(j));
	case ASK_READ:
		return may_read(j, true);
	case ASK_ENROL:
		return !hall_may_have(j->c, j->a->hall, (int)j->ch->person, LAW_OUTCAST) ||
			j->c->halls[j->a->hall].affiliations[j->ch->person] != LAW_OUTCAST || j->c->storming;
	default:
		return true;
	}
}

static bool owner_may_lack(const struct judge *j)
{
	for (uint8_t a = 0; a < LAW_OWNER; a++)
		if (may_act_with(j, a, false))
			return true;
	return false;
}

/* Somebody else has the nickname that he wants for himself. */
static bool own_nick_taken(const struct judge *j)
{
	for (unsigned i = 0; i < j->c->chatter_count; i++)
		if (j->c->chatters[i].person != j->ch->person &&
			chatter_may_be(&j->c->chatters[i], j->a->hall, j->ch->person))
			return true;
	return j->c->halls[j->a->hall].left[j->ch->person];
}

static bool nick_gone(const struct judge *j)
{
	for (unsigned i = 0; i < j->a->row_n && j->a->kind == ASK_ROLES; i++)
		if (!j->v || !j->v->entries[j->a->rows[i].nick].here)
			return true;
	return false;
}

static bool may_be_refused(const struct judge *j, struct str why)
{
	struct hall *h = &j->c->halls[j->a->hall];
	bool refused = str_is(why, "forbidden") || str_is(why, "not-allowed");

	if (str_is(why, "item-not-found"))
		return nick_gone(j) || hall_may_be_gone(j->c, j->a->hall) || h->maybe || h->locked || !h->exists ||
			j->a->age != h->age || hall_asks(j->c, j->a->hall, ASK_DESTROY);
	switch ((enum ask_kind)j->a->kind) {
	case ASK_ROLES:
		return refused && any_row(j, false, false);
	case ASK_AFFILIATIONS:
		return refused ? any_row(j, false, false) : str_is(why, "conflict") && may_conflict(j);
	case ASK_CONFIG:
	case ASK_DESTROY:
		return refused && owner_may_lack(j);
	case ASK_READ:
		return refused && may_read(j, false);
	case ASK_INVITE:
		return refused || !j->v || j->v->state != SCENE_IN; /* whom he may invite, and whether */
	case ASK_ENROL:
		return str_is(why, "conflict")
			? own_nick_taken(j)
			: str_is(why, "forbidden") && hall_may_have(j->c, j->a->hall, (int)j->ch->person, LAW_OUTCAST);
	default:
		return str_is(why, "unexpected-request");
	}
}

/* ---- a list ---- */

/* Who is in it may be in it, who must be in it is. */
static void check_list(const struct judge *j, const struct xml_tree *t, uint32_t query)
{
	const struct hall *h = &j->c->halls[j->a->hall];
	uint8_t list = j->a->rows[0].value;
	bool listed[PERSONS_MAX] = {false};

	j->c->stats.lists++;
	XML_EACH(i, t, query) {
		int person = person_of_address(j->c, xml_attr(t, i, "jid"));

		if (person >= 0)
			listed[person] = true;
	}
	for (unsigned p = 0; p < j->c->people; p++) {
		bool may = hall_may_have(j->c, j->a->hall, (int)p, list), must = h->affiliations[p] == list;

		for (uint8_t a = 0; a < LAW_AFFILIATIONS; a++)
			must &= a == list || !hall_may_have(j->c, j->a->hall, (int)p, a);
		if (listed[p] ? !may : must && !h->maybe && j->a->age == h->age)
			crowd_fail(j->c, "c%u reads the list of %s of r%u: u%u is %s", j->ch->index,
				law_affiliation_name(list), j->a->hall, p, listed[p] ? "in it" : "missing");
	}
}

/* ---- */

static struct ask *find_ask(struct crowd *c, uint64_t number)
{
	for (uint32_t i = 0; i < c->ask_n; i++)
		if (c->asks[i].number == number)
			return &c->asks[i];
	return NULL;
}

/* For who reads of a failure: what those concerned were, as he who asked sees it. */
static const char *explain(const struct judge *j)
{
	static char text[400];
	size_t n = 0;

	text[0] = '\0';
	for (int i = -1; i < (int)j->a->row_n && n < sizeof(text); i++) {
		const struct ask_row *r = i < 0 ? NULL : &j->a->rows[i];
		const struct entry *e = !r        ? j->self
			: j->a->kind != ASK_ROLES ? find_person(j, r->person)
			: j->v                    ? &j->v->entries[r->nick]
						  : NULL;

		if (r)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "; %c%d to be %s, ", r->nick < 0 ? 'u' : 'n',
				r->nick < 0 ? r->person : r->nick,
				r->nick < 0 ? law_affiliation_name(r->value) : law_role_name(r->value));
		if (e && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s (before %s %s)%s",
				law_affiliation_name(e->now.affiliation), law_role_name(e->now.role),
				law_affiliation_name(e->before.affiliation), law_role_name(e->before.role),
				e->here ? "" : " gone");
		else if (n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "not in");
	}
	return text;
}

static void on_done(const struct judge *j, const struct xml_tree *t)
{
	struct hall *h = &j->c->halls[j->a->hall];

	crowd_say(j->c, "c%u: k%u is done", j->ch->index, (unsigned)j->a->number);
	j->c->stats.done++;
	if (j->a->kind == ASK_CONFIG && j->a->age == h->age)
		h->locked = false;
	if (j->a->kind == ASK_DESTROY)
		h->maybe = true;
	if (!j->a->old && !may_be_done(j))
		crowd_fail(j->c, "k%u of c%u (u%u) in r%u is done, and should have been refused: %s",
			(unsigned)j->a->number, j->ch->index, j->ch->person, j->a->hall, explain(j));
	if (j->a->kind == ASK_READ && !j->ch->behind)
		check_list(j, t, xml_child(t, XML_ROOT, "query", NS_MUC_ADMIN));
	else if (j->a->kind == ASK_ROLES || j->a->kind == ASK_AFFILIATIONS)
		check_effect(j);
}

static void on_refused(const struct judge *j, const struct xml_tree *t)
{
	uint32_t error = xml_child(t, XML_ROOT, "error", NS_CLIENT);
	struct str why = error == XML_NONE ? STR("") : xml_name(t, xml_first(t, error));

	crowd_say(j->c, "c%u: k%u is refused: %.*s", j->ch->index, (unsigned)j->a->number, STR_FMT(why));
	j->c->stats.refused++;
	if (!j->ch->behind && !j->a->old && !may_be_refused(j, why) && !chatter_is_too_fast(j->ch, why))
		crowd_fail(j->c, "k%u of c%u (u%u) in r%u is refused (%.*s), and should have been done: %s",
			(unsigned)j->a->number, j->ch->index, j->ch->person, j->a->hall, STR_FMT(why), explain(j));
}

void hall_on_answer(struct chatter *ch, const struct xml_tree *t, struct str id)
{
	struct crowd *c = ch->crowd;
	struct judge j = {.c = c, .ch = ch};
	struct str type = xml_attr(t, XML_ROOT, "type");
	struct ask *a = NULL;
	uint64_t number;

	if (id.n > 1 && id.p[0] == 'k' && str_uint((struct str){id.p + 1, id.n - 1}, UINT32_MAX, &number) == 0)
		a = find_ask(c, number);
	if (!a || a->chatter != ch->index || a->state != ASK_OPEN) {
		/* An invitation's id goes to who is invited. */
		if (str_is(type, "error") || str_is(xml_name(t, XML_ROOT), "iq"))
			crowd_fail(c, "c%u is answered what it did not ask: %.*s", ch->index, STR_FMT(id));
		return;
	}
	if (str_is(xml_name(t, XML_ROOT), "message") && !str_is(type, "error"))
		return; /* it is invited by itself */
	j.a = c->judged = a;
	j.v = chatter_scene(ch, a->hall);
	j.self = scene_self(j.v);
	/* Judged before it counts as refused: then it does not explain anything any more. */
	if (str_is(type, "error")) {
		on_refused(&j, t);
		a->state = ASK_REFUSED;
	} else {
		on_done(&j, t);
		a->state = ASK_DONE;
		note_lasting(c, a);
	}
	c->judged = NULL;
}

void hall_on_life_over(struct chatter *ch)
{
	struct crowd *c = ch->crowd;

	for (uint32_t i = 0; i < c->ask_n; i++)
		if (c->asks[i].chatter == ch->index && c->asks[i].state == ASK_OPEN) {
			c->asks[i].state = ASK_LOST;
			note_lasting(c, &c->asks[i]);
		}
}
