/* When all is quiet: what the clients of a room see is compared with each other, with what an administrator of the service is
 * told of the room, and with what was asked for since it was last quiet. From then on that is what is known. */
#include <stdio.h>

#include "base/err.h"
#include "tests/crowd/crowd.h"
#include "xmpp/ns.h"

enum { QUESTIONS = 5 /* four lists and the form */ };

static const uint8_t lists[QUESTIONS - 1] = {LAW_OUTCAST, LAW_MEMBER, LAW_ADMIN, LAW_OWNER};

/* ---- what the room says of itself ---- */

static void ask_all(struct crowd *c, struct hall *h)
{
	h->answers = h->refusals = 0;
	memset(h->listed, LAW_NONE, sizeof(h->listed));
	for (unsigned i = 0; i < ARRAY_LEN(lists); i++)
		client_fmt(&c->boss, 0,
			"<iq to='r%u@" HALL_SERVICE "' id='b%u-%u' type='get'><query xmlns='" NS_MUC_ADMIN
			"'><item affiliation='%s'/></query></iq>",
			h->index, h->index, i, law_affiliation_name(lists[i]));
	client_fmt(&c->boss, 0,
		"<iq to='r%u@" HALL_SERVICE "' id='b%u-%u' type='get'><query xmlns='" NS_MUC_OWNER "'/></iq>", h->index,
		h->index, (unsigned)ARRAY_LEN(lists));
}

static void read_list(struct crowd *c, struct hall *h, const struct xml_tree *t, unsigned list)
{
	uint32_t query = xml_child(t, XML_ROOT, "query", NS_MUC_ADMIN);

	XML_EACH(i, t, query) {
		int person = person_of_address(c, xml_attr(t, i, "jid"));

		if (person < 0)
			continue;
		if (h->listed[person] != LAW_NONE)
			crowd_fail(c, "u%d is in two lists of r%u", person, h->index);
		h->listed[person] = lists[list];
	}
}

static uint32_t find_field(const struct xml_tree *t, uint32_t x, const char *var)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "muc#roomconfig_%s", var);
	XML_EACH(i, t, x) {
		if (str_is(xml_attr(t, i, "var"), whole))
			return i;
	}
	return XML_NONE;
}

/* By its first value: that is what tells the two apart. */
static bool is_on(const struct xml_tree *t, uint32_t field, const char *on)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1024};
	uint32_t value = field == XML_NONE ? XML_NONE : xml_child(t, field, "value", NS_DATA);
	struct str first = str_z(on);

	first = str_cut(&first, '<');
	return value != XML_NONE && str_eq(xml_text(t, value, &tmp), first);
}

static void read_form(struct hall *h, const struct xml_tree *t)
{
	uint32_t query = xml_child(t, XML_ROOT, "query", NS_MUC_OWNER), x = xml_child(t, query, "x", NS_DATA);

	h->listed_config = 0;
	for (unsigned i = 0; i < HALL_BITS; i++)
		if (is_on(t, find_field(t, x, hall_options[i].var), hall_options[i].on))
			h->listed_config |= 1u << i;
}

void quiet_on_boss(struct crowd *c, const struct xml_tree *t)
{
	struct str id = xml_attr(t, XML_ROOT, "id");
	unsigned hall, question;
	char text[32];

	snprintf(text, sizeof(text), "%.*s", STR_FMT(id));
	if (!str_is(xml_name(t, XML_ROOT), "iq") || sscanf(text, "b%u-%u", &hall, &question) != 2 ||
		hall >= c->hall_count || question >= QUESTIONS)
		return;
	if (str_is(xml_attr(t, XML_ROOT, "type"), "error")) {
		c->halls[hall].refusals++;
		return;
	}
	c->halls[hall].answers++;
	if (question < ARRAY_LEN(lists))
		read_list(c, &c->halls[hall], t, question);
	else
		read_form(&c->halls[hall], t);
}

/* ---- is the room there? ---- */

/* It is for certain, it cannot be. */
static void count_heads(const struct crowd *c, const struct hall *h, unsigned *ret_in, unsigned *ret_maybe)
{
	*ret_in = *ret_maybe = 0;
	for (unsigned i = 0; i < c->chatter_count; i++) {
		const struct chatter *ch = &c->chatters[i];

		*ret_in += chatter_is_in(ch, h->index);
		*ret_maybe += (chatter_scene(ch, h->index) && !ch->forgotten) || ch->ghosts[h->index] != NOBODY;
	}
}

static bool asked(const struct crowd *c, const struct hall *h, enum ask_kind kind, bool done)
{
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		if (a->hall == h->index && a->kind == kind && a->age == h->age &&
			(done ? a->state == ASK_DONE : a->state != ASK_REFUSED))
			return true;
	}
	return false;
}

static void on_missing(struct crowd *c, struct hall *h, unsigned in)
{
	bool lasting = !hall_may_be(c, h->index, HALL_PERSISTENT, false) && h->exists && !h->maybe;

	if (in && !h->locked)
		crowd_fail(c, "r%u is not there, and %u are in", h->index, in);
	if (lasting && !asked(c, h, ASK_DESTROY, false))
		crowd_fail(c, "r%u is persistent, and not there", h->index);
	if (!h->locked || !in)
		hall_vanish(c, h->index);
}

/* Somebody has made it who did not live to hear that. */
static void adopt(struct crowd *c, struct hall *h)
{
	crowd_say(c, "r%u is there, and nobody knew", h->index);
	hall_vanish(c, h->index);
	h->exists = h->any_subject = true;
	h->config = h->listed_config;
	/* Its maker may have said nothing yet. */
	h->locked = !(h->config & ~(uint32_t)HALL_INVITES);
	h->locked_until = crowd_now(c) + HALL_LOCKED_MS;
	memcpy(h->affiliations, h->listed, sizeof(h->affiliations));
}

/* ---- what was asked for is so ---- */

static bool row_is_about(const struct ask *a, const struct ask_row *r, unsigned person)
{
	return a->kind != ASK_ROLES && a->kind != ASK_CONFIG && a->kind != ASK_READ && r->person == (int)person;
}

/* What somebody may be after all that; the bits of affiliations. */
static unsigned candidates(const struct crowd *c, const struct hall *h, unsigned person)
{
	unsigned old = 1u << h->affiliations[person], mask = old;
	bool replaced = false;

	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];
		bool certain = a->state == ASK_DONE && a->kind == ASK_AFFILIATIONS && !a->old;

		for (unsigned k = 0; k < a->row_n; k++) {
			if (a->hall != h->index || a->state == ASK_REFUSED || !row_is_about(a, &a->rows[k], person) ||
				(a->state == ASK_DONE && a->age != h->age))
				continue;
			mask |= 1u << a->rows[k].value;
			replaced |= certain;
			if ((1u << a->rows[k].value) == old)
				old = 0;
		}
	}
	return replaced ? mask & ~old : mask;
}

/* tell: what does not fit is a failure. */
static bool affiliations_fit(struct crowd *c, const struct hall *h, bool tell)
{
	unsigned owners = 0;
	bool fit = true;

	for (unsigned p = 0; p < c->people; p++) {
		unsigned mask = candidates(c, h, p);

		owners += h->listed[p] == LAW_OWNER;
		if (mask >> h->listed[p] & 1)
			continue;
		fit = false;
		if (tell)
			crowd_fail(c, "in r%u u%u is %s, was %s, and what was asked for allows (by bits) %x", h->index,
				p, law_affiliation_name(h->listed[p]), law_affiliation_name(h->affiliations[p]), mask);
	}
	if (!owners)
		crowd_fail(c, "r%u has no owner", h->index);
	return fit;
}

static bool option_fits(const struct crowd *c, const struct hall *h, uint32_t bit)
{
	bool is = h->listed_config & bit, replaced = false, wanted = false, old = h->config & bit;

	if (bit == HALL_INVITES && h->locked)
		return true; /* of a new one it is the server's choice */
	/* A form that says again what was shown chose nothing: then it follows from whether the room is for members only. */
	if (bit == HALL_INVITES && is == !(h->listed_config & HALL_MEMBERS) && asked(c, h, ASK_CONFIG, false))
		return true;

	for (uint32_t k = 0; k < c->ask_n; k++) {
		const struct ask *a = &c->asks[k];

		if (a->hall != h->index || a->kind != ASK_CONFIG || a->state == ASK_REFUSED ||
			(a->state == ASK_DONE && a->age != h->age))
			continue;
		replaced |= a->state == ASK_DONE && !a->old;
		wanted |= !(a->config & bit) == !is;
	}
	return wanted || (!replaced && is == old);
}

static bool config_fits(struct crowd *c, const struct hall *h, bool tell)
{
	bool fit = true;

	for (unsigned i = 0; i < HALL_BITS; i++) {
		if (option_fits(c, h, 1u << i))
			continue;
		fit = false;
		if (tell)
			crowd_fail(c, "the option %s of r%u is %d, was %d, and nobody wanted that", hall_options[i].var,
				h->index, h->listed_config >> i & 1, h->config >> i & 1);
	}
	return fit;
}

/* Whether it has perhaps been empty, or was ended, and is another one of the same name. */
static bool may_be_another(const struct crowd *c, const struct hall *h)
{
	for (unsigned i = 0; i < c->chatter_count; i++)
		if (chatter_is_in(&c->chatters[i], h->index) && !c->chatters[i].scenes[h->index]->fresh)
			return false;
	return h->maybe || h->unsure;
}

/* Its end was done: whoever was in before is told so, and in no more. */
static void check_ended(struct crowd *c, const struct hall *h)
{
	bool ended = false;

	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		ended |= a->hall == h->index && a->kind == ASK_DESTROY && a->state == ASK_DONE && !a->old;
	}
	for (unsigned i = 0; i < c->chatter_count && ended; i++)
		if (chatter_is_in(&c->chatters[i], h->index) && !c->chatters[i].scenes[h->index]->fresh)
			crowd_fail(c, "r%u was ended, and c%u is still in", h->index, i);
}

static void check_room(struct crowd *c, struct hall *h)
{
	unsigned in, maybe;

	count_heads(c, h, &in, &maybe);
	check_ended(c, h);
	h->locked = h->locked && crowd_now(c) < h->locked_until;
	if (h->refusals == QUESTIONS) {
		on_missing(c, h, in);
		return;
	}
	if (h->answers != QUESTIONS) {
		crowd_fail(c, "r%u gave %u answers and %u refusals to an administrator", h->index, h->answers,
			h->refusals);
		return;
	}
	if (!h->exists || asked(c, h, ASK_DESTROY, true)) {
		if (!maybe)
			crowd_fail(c, "r%u is there, and nobody has made it", h->index);
		adopt(c, h);
		return;
	}
	if (may_be_another(c, h) && (!affiliations_fit(c, h, false) || !config_fits(c, h, false))) {
		adopt(c, h);
		return;
	}
	affiliations_fit(c, h, true);
	config_fits(c, h, true);
	memcpy(h->affiliations, h->listed, sizeof(h->affiliations));
	h->config = h->listed_config;
	if (!maybe && !(h->config & HALL_PERSISTENT))
		crowd_fail(c, "r%u is temporary and empty, and still there", h->index);
}

/* ---- what the clients see ---- */

struct sum {
	struct crowd *c;
	struct hall *h;
	bool here[NICKS_MAX];
	struct standing standing[NICKS_MAX];
	uint64_t id[NICKS_MAX];
	unsigned by[NICKS_MAX]; /* the first who sees him */
};

static void add_scene(struct sum *s, const struct chatter *ch, const struct scene *v)
{
	for (unsigned i = 0; i < NICKS_MAX; i++) {
		const struct entry *e = &v->entries[i];

		if (!e->here)
			continue;
		if (!s->here[i]) {
			s->here[i] = true;
			s->standing[i] = e->now;
			s->id[i] = e->id;
			s->by[i] = ch->index;
		} else if (memcmp(&s->standing[i], &e->now, sizeof(e->now)) != 0 || s->id[i] != e->id) {
			crowd_fail(s->c, "in r%u c%u sees n%u as %s and %s, c%u as %s and %s%s", s->h->index, ch->index,
				i, law_affiliation_name(e->now.affiliation), law_role_name(e->now.role), s->by[i],
				law_affiliation_name(s->standing[i].affiliation), law_role_name(s->standing[i].role),
				s->id[i] == e->id ? "" : ", and as somebody else");
		}
	}
}

static void check_address(struct sum *s, const struct chatter *ch, const struct entry *e, unsigned nick, bool moderator)
{
	int person = hall_person_of(s->c, s->h->index, e->id, NOBODY);

	if (e->chatter < 0) {
		if (moderator)
			crowd_fail(s->c, "in r%u c%u is a moderator and does not know who n%u is", s->h->index,
				ch->index, nick);
		return;
	}
	if (person >= 0 && (int)s->c->chatters[e->chatter].person != person)
		crowd_fail(s->c, "in r%u c%u takes n%u for c%d, it is u%d", s->h->index, ch->index, nick, e->chatter,
			person);
}

/* Somebody may have made him something else than what he came as: by a role, an affiliation, or as another client of his. */
static bool may_have_changed(const struct crowd *c, const struct hall *h, const struct chatter *ch,
	const struct scene *v)
{
	bool may = hall_may_be_voiced(c, h->index, (int)ch->person);

	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		for (unsigned k = 0; a->hall == h->index && a->state != ASK_REFUSED && k < a->row_n; k++)
			may |= row_is_about(a, &a->rows[k], ch->person) ||
				(a->kind == ASK_ROLES && a->rows[k].nick == v->nick);
	}
	for (unsigned i = 0; i < c->own_n[ch->person]; i++) {
		const struct chatter *other = &c->chatters[c->own[ch->person][i]];

		may |= other != ch && (chatter_scene(other, h->index) || other->ghosts[h->index] != NOBODY);
	}
	return may;
}

/* How somebody came in, if the room was all the time configured as it is: whether it was made anew, and whether he read late, does
 * not matter then. */
static void check_entered(const struct sum *s, const struct chatter *ch, const struct scene *v, struct standing now)
{
	const struct hall *h = s->h;
	bool open = h->config & HALL_OPEN_EYED;

	if (!v->fresh || v->asked_at != s->c->stats.checks || hall_asks(s->c, h->index, ASK_CONFIG))
		return;
	if (v->wrong_word && h->config & HALL_PASSWORD)
		crowd_fail(s->c, "c%u is in r%u and gave a wrong password", ch->index, h->index);
	if (v->open_eyed != open)
		crowd_fail(s->c, "c%u entered r%u, and 100 is %s", ch->index, h->index, open ? "missing" : "wrong");
	if (may_have_changed(s->c, h, ch, v))
		return;
	if (now.role != law_role_initial(now.affiliation, h->config & HALL_MODERATED))
		crowd_fail(s->c, "c%u in r%u is %s and %s, and nobody made it that", ch->index, h->index,
			law_affiliation_name(now.affiliation), law_role_name(now.role));
	for (unsigned i = 0; i < NICKS_MAX && !open && !law_has(now, RIGHT_ADDRESSES); i++)
		if (v->entries[i].here && (int)i != v->nick && v->entries[i].chatter >= 0)
			crowd_fail(s->c, "c%u in r%u knows who n%u is, and may not", ch->index, h->index, i);
}

static void check_scene(struct sum *s, const struct chatter *ch, struct scene *v)
{
	const struct entry *self = scene_self(v);
	bool sees_all = self && scene_sees_all(s->c, s->h->index, self->now);

	if (!self || v->wanted != NOBODY || v->renamed != NOBODY || v->again) {
		crowd_fail(s->c,
			"c%u in r%u waits for what does not come: nickname %d, wanted %d, renamed %d, again %u",
			ch->index, s->h->index, v->nick, v->wanted, v->renamed, v->again);
		return;
	}
	check_entered(s, ch, v, self->now);
	for (unsigned i = 0; i < NICKS_MAX; i++) {
		const struct entry *e = &v->entries[i];
		bool sees = sees_all || s->standing[i].role != LAW_VISITOR || (int)i == v->nick;

		if (s->here[i] && !e->here && sees)
			crowd_fail(s->c, "in r%u c%u does not see n%u, c%u does", s->h->index, ch->index, i, s->by[i]);
		if (e->here && !sees)
			crowd_fail(s->c, "in r%u c%u sees n%u, who is hidden", s->h->index, ch->index, i);
		if (e->here && (int)i != v->nick)
			check_address(s, ch, e, i, self->now.role == LAW_MODERATOR && !v->unsure);
	}
}

static bool somebody_may_be(const struct crowd *c, unsigned hall, unsigned nick, int person)
{
	for (unsigned i = 0; i < c->chatter_count; i++) {
		const struct chatter *ch = &c->chatters[i];

		if ((person < 0 || (int)ch->person == person) && chatter_may_be(ch, hall, nick))
			return true;
	}
	return false;
}

static void check_occupant(struct sum *s, unsigned nick)
{
	struct standing now = s->standing[nick];
	int person = hall_person_of(s->c, s->h->index, s->id[nick], NOBODY);

	if (!somebody_may_be(s->c, s->h->index, nick, person))
		crowd_fail(s->c, "in r%u n%u (u%d) is seen by c%u, and is gone", s->h->index, nick, person,
			s->by[nick]);
	if (person >= 0 && s->h->affiliations[person] != now.affiliation)
		crowd_fail(s->c, "in r%u n%u (u%d) is seen as %s, the list says %s", s->h->index, nick, person,
			law_affiliation_name(now.affiliation), law_affiliation_name(s->h->affiliations[person]));
	if (s->h->config & HALL_MEMBERS && !law_has(now, RIGHT_ENTER_CLOSED))
		crowd_fail(s->c, "in r%u n%u (u%d) is no member", s->h->index, nick, person);
}

static void check_scenes(struct crowd *c, struct hall *h)
{
	struct sum *s = xcalloc(1, sizeof(*s));

	s->c = c;
	s->h = h;
	for (unsigned i = 0; i < c->chatter_count; i++)
		if (chatter_is_in(&c->chatters[i], h->index))
			add_scene(s, &c->chatters[i], c->chatters[i].scenes[h->index]);
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];
		struct scene *v = chatter_scene(ch, h->index);

		if (chatter_is_in(ch, h->index))
			check_scene(s, ch, v);
		else if (v && chatter_is_steady(ch))
			crowd_fail(c, "c%u waits before r%u: state %d", i, h->index, v->state);
	}
	for (unsigned i = 0; i < NICKS_MAX; i++)
		if (s->here[i])
			check_occupant(s, i);
	xfree(s);
}

/* ---- from now on ---- */

static void settle_ghosts(struct crowd *c)
{
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];
		bool dead = crowd_now(c) < ch->ghost_until;

		for (unsigned k = 0; k < c->grave_n; k++)
			dead |= c->graves[k].chatter == i && ch->client.state != CLIENT_ON;
		for (unsigned k = 0; k < HALLS_MAX && !dead; k++)
			ch->ghosts[k] = NOBODY;
	}
}

/* Whose sender is there and was not refused has been done. */
static void settle_asks(struct crowd *c)
{
	for (uint32_t i = 0; i < c->ask_n; i++) {
		struct ask *a = &c->asks[i];

		if (a->state != ASK_OPEN || !chatter_is_steady(&c->chatters[a->chatter]))
			continue;
		if (a->kind == ASK_INVITE)
			a->state = ASK_DONE;
		else
			crowd_fail(c, "c%u has no answer to k%u from r%u", a->chatter, (unsigned)a->number, a->hall);
	}
}

static void forget_before(struct scene *v)
{
	for (unsigned i = 0; i < NICKS_MAX; i++)
		if (v->entries[i].here) {
			v->entries[i].before = v->entries[i].now;
			v->entries[i].told = 0;
		}
	v->promoted = v->fresh = false;
}

static void begin_anew(struct crowd *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->ask_n; i++)
		if (c->asks[i].state == ASK_OPEN) {
			c->asks[i].old = true;
			c->asks[n++] = c->asks[i];
		}
	c->ask_n = n;
	for (unsigned i = 0; i < c->hall_count; i++) {
		c->halls[i].maybe = c->halls[i].unsure = false;
		memset(c->halls[i].left, 0, sizeof(c->halls[i].left));
		memset(c->halls[i].stirred, 0, sizeof(c->halls[i].stirred));
	}
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];

		ch->behind = !chatter_is_steady(ch);
		for (unsigned k = 0; k < c->hall_count; k++)
			if (chatter_is_in(ch, k))
				forget_before(ch->scenes[k]);
		for (unsigned k = 0; k < c->hall_count && ch->behind; k++) {
			struct scene *v = chatter_scene(ch, k);

			/* Its connection may end at any time for others. */
			if (v && v->nick >= 0)
				c->halls[k].left[v->nick] = true;
			if (v && v->wanted >= 0)
				c->halls[k].left[v->wanted] = true;
		}
		for (unsigned k = 0; k < c->hall_count; k++)
			if (ch->ghosts[k] >= 0)
				c->halls[k].left[ch->ghosts[k]] = true;
	}
}

/* Somebody wanted its end, and did not hear that it was stored. */
static bool end_is_unsure(const struct crowd *c, unsigned hall)
{
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		if (a->hall == hall && a->kind == ASK_DESTROY && (a->state == ASK_OPEN || a->state == ASK_LOST))
			return true;
	}
	return false;
}

void quiet_on_restart(struct crowd *c)
{
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];

		ch->forgotten = true;
		for (unsigned k = 0; k < HALLS_MAX; k++)
			ch->ghosts[k] = NOBODY;
	}
	for (unsigned i = 0; i < c->hall_count; i++) {
		memset(c->halls[i].left, true, sizeof(c->halls[i].left));
		c->halls[i].unsure = end_is_unsure(c, i);
	}
}

void quiet_check(struct crowd *c)
{
	crowd_settle(c);
	if (c->boss.state != CLIENT_ON) {
		crowd_fail(c, "the administrator is not there");
		return;
	}
	c->stats.checks++;
	for (unsigned i = 0; i < c->hall_count; i++)
		ask_all(c, &c->halls[i]);
	crowd_settle(c);
	settle_ghosts(c);
	settle_asks(c);
	for (unsigned i = 0; i < c->hall_count; i++) {
		check_room(c, &c->halls[i]);
		check_scenes(c, &c->halls[i]);
		talk_check(c, i);
	}
	begin_anew(c);
}
