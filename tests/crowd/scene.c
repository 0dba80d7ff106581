/* What a client sees of a room: each presence is held against what this client knows, and against what was asked for. */
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "tests/crowd/crowd.h"
#include "xmpp/ns.h"

enum { CODES_MAX = 8 };

enum {
	CODE_OPEN_EYED = 100,
	CODE_SELF = 110,
	CODE_LOGGED = 170,
	CODE_CREATED = 201,
	CODE_RENAMED = 210,
	CODE_BANNED = 301,
	CODE_NEW_NICK = 303,
	CODE_KICKED = 307,
	CODE_NO_MEMBER = 321,
	CODE_CLOSED = 322,
	CODE_SHUTDOWN = 332,
	CODE_TECHNICAL = 333
};

/* A presence, read. */
struct sight {
	struct chatter *ch;
	struct crowd *c;
	struct hall *h;
	struct scene *v;
	struct entry *e; /* whose it is */
	unsigned hall, nick;
	struct standing now;
	uint64_t id;
	int chatter, person; /* by the real address; NOBODY */
	int new_nick;
	bool destroyed;
	uint8_t status;
	unsigned codes[CODES_MAX], code_n;
};

/* ---- reading ---- */

static int nick_of(struct str nick)
{
	uint64_t n;

	if (nick.n < 2 || nick.p[0] != 'n' || str_uint((struct str){nick.p + 1, nick.n - 1}, NICKS_MAX - 1, &n) < 0)
		return NOBODY;
	return (int)n;
}

static bool has_code(const struct sight *s, unsigned code)
{
	for (unsigned i = 0; i < s->code_n; i++)
		if (s->codes[i] == code)
			return true;
	return false;
}

static void read_codes(struct sight *s, const struct xml_tree *t, uint32_t x)
{
	XML_EACH(i, t, x) {
		uint64_t code;

		if (xml_is(t, i, "destroy", NS_MUC_USER))
			s->destroyed = true;
		if (xml_is(t, i, "status", NS_MUC_USER) && str_uint(xml_attr(t, i, "code"), 999, &code) == 0 &&
			s->code_n < CODES_MAX)
			s->codes[s->code_n++] = (unsigned)code;
	}
}

static uint8_t read_status(const struct xml_tree *t)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};
	uint32_t i = xml_child(t, XML_ROOT, "status", NS_CLIENT);
	uint64_t n = 0;

	if (i != XML_NONE)
		str_uint(xml_text(t, i, &tmp), UINT8_MAX, &n);
	return (uint8_t)n;
}

static bool read_sight(struct sight *s, const struct xml_tree *t)
{
	uint32_t x = xml_child(t, XML_ROOT, "x", NS_MUC_USER),
		 id = xml_child(t, XML_ROOT, "occupant-id", NS_OCCUPANT_ID);
	uint32_t item = x == XML_NONE ? XML_NONE : xml_child(t, x, "item", NS_MUC_USER);
	struct str from = xml_attr(t, XML_ROOT, "from"), jid, text;
	int nick, role, affiliation;

	str_cut(&from, '/');
	nick = nick_of(from);
	if (nick < 0 || item == XML_NONE || id == XML_NONE)
		return false;
	role = law_role_of(xml_attr(t, item, "role"));
	affiliation = law_affiliation_of(xml_attr(t, item, "affiliation"));
	jid = xml_attr(t, item, "jid");
	if (role < 0 || affiliation < 0 || (jid.p && chatter_of_address(s->c, jid) < 0))
		return false;
	s->nick = (unsigned)nick;
	s->now = (struct standing){(uint8_t)role, (uint8_t)affiliation};
	s->chatter = jid.p ? chatter_of_address(s->c, jid) : NOBODY;
	s->person = s->chatter < 0 ? NOBODY : (int)s->c->chatters[s->chatter].person;
	s->new_nick = nick_of(xml_attr(t, item, "nick"));
	text = xml_attr(t, id, "id");
	s->id = hash_bytes(text.p, text.n);
	s->status = read_status(t);
	read_codes(s, t, x);
	return true;
}

/* ---- what this client knows ---- */

void scene_forget(struct scene *v)
{
	uint32_t stay = v->stay;

	*v = (struct scene){.nick = NOBODY, .wanted = NOBODY, .renamed = NOBODY, .stay = stay};
}

struct entry *scene_self(struct scene *v)
{
	return v && v->nick >= 0 && v->entries[v->nick].here ? &v->entries[v->nick] : NULL;
}

bool scene_sees_all(const struct crowd *c, unsigned hall, struct standing who)
{
	return who.role == LAW_MODERATOR || !(c->halls[hall].config & HALL_HIDING);
}

static const char *standing_text(struct standing s)
{
	static char texts[2][40];
	static unsigned at;
	char *text = texts[at = !at];

	snprintf(text, sizeof(texts[0]), "%s and %s", law_affiliation_name(s.affiliation), law_role_name(s.role));
	return text;
}

static void wrong(const struct sight *s, const char *what)
{
	char codes[64] = "";
	size_t n = 0;

	for (unsigned i = 0; i < s->code_n; i++)
		n += (size_t)snprintf(codes + n, sizeof(codes) - n, " %u", s->codes[i]);
	crowd_fail(s->c, "c%u in r%u is told of n%u (%s, codes:%s): %s", s->ch->index, s->hall, s->nick,
		standing_text(s->now), codes, what);
}

/* ---- is it right? ---- */

/* By the options that the room may have now. */
static bool follows_initially(const struct sight *s)
{
	/* Voice that was given or taken stays with the account. */
	if (hall_may_be_voiced(s->c, s->hall, hall_person_of(s->c, s->hall, s->id, s->person)) &&
		s->now.affiliation < LAW_ADMIN && s->now.role < LAW_MODERATOR)
		return true;
	for (unsigned moderated = 0; moderated < 2; moderated++)
		if (hall_may_be(s->c, s->hall, HALL_MODERATED, moderated) &&
			law_role_initial(s->now.affiliation, moderated) == s->now.role)
			return true;
	return false;
}

static bool follows_after(const struct sight *s)
{
	for (unsigned moderated = 0; moderated < 2; moderated++)
		if (hall_may_be(s->c, s->hall, HALL_MODERATED, moderated) &&
			law_role_after(s->e->now.role, s->e->now.affiliation, s->now.affiliation, moderated) ==
				s->now.role)
			return true;
	return false;
}

static bool gets_voice(const struct sight *s)
{
	return s->e->now.role == LAW_VISITOR && s->now.role == LAW_PARTICIPANT &&
		hall_asks(s->c, s->hall, ASK_CONFIG) && hall_may_be(s->c, s->hall, HALL_MODERATED, false);
}

/* Who is in is not told again of whom nothing is new. */
static void check_news(const struct sight *s)
{
	if (memcmp(&s->now, &s->e->now, sizeof(s->now)) != 0 || s->status != s->e->status ||
		(s->chatter >= 0 && s->chatter != s->e->chatter))
		return;
	/* Whoever becomes visible is told of, too. */
	if (s->v->again || hall_may_be(s->c, s->hall, HALL_HIDING, true))
		return;
	s->e->told++;
	if (!s->h->left[s->nick] && s->e->told > s->h->stirred[s->nick] && !s->v->promoted &&
		!hall_asks_role(s->c, s->hall, s->nick, s->now.role))
		wrong(s, "it knew all that");
}

static void check_known(const struct sight *s)
{
	bool changed = s->now.affiliation != s->e->now.affiliation;

	check_news(s);

	if (s->e->id != s->id)
		wrong(s, "somebody else was called so");
	if (changed ? follows_after(s) : s->now.role == s->e->now.role)
		return;
	if (!hall_asks_role(s->c, s->hall, s->nick, s->now.role) && !gets_voice(s))
		crowd_fail(s->c, "c%u in r%u sees n%u, who was %s, become %s: nobody asked for that", s->ch->index,
			s->hall, s->nick, standing_text(s->e->now), standing_text(s->now));
}

/* Another client of his is in, and called so: then this one is what that one has become. */
static bool joins_another(const struct sight *s)
{
	bool own = false, is = false;

	for (unsigned i = 0; i < s->c->own_n[s->ch->person]; i++) {
		const struct chatter *ch = &s->c->chatters[s->c->own[s->ch->person][i]];

		own |= ch != s->ch && chatter_may_be(ch, s->hall, s->nick);
	}
	for (unsigned i = 0; own && i < s->c->chatter_count; i++) {
		struct scene *v = chatter_scene(&s->c->chatters[i], s->hall);
		const struct entry *e = v ? &v->entries[s->nick] : NULL;

		is |= e && e->here && e->id == s->id && (e->now.role == s->now.role || e->before.role == s->now.role);
	}
	return is;
}

static void check_new(const struct sight *s)
{
	bool shown = hall_may_be(s->c, s->hall, HALL_HIDING, true) && s->v->state == SCENE_IN;

	if (!shown && !follows_initially(s) && !hall_asks_role(s->c, s->hall, s->nick, s->now.role) &&
		!hall_asks(s->c, s->hall, ASK_AFFILIATIONS) && !hall_asks(s->c, s->hall, ASK_CONFIG))
		wrong(s, "nobody enters like that");
}

static void check_standing(const struct sight *s)
{
	struct standing now = s->now;

	if (now.role == LAW_GONE || !law_has(now, RIGHT_ENTER))
		wrong(s, "who is that may not be in");
	if (now.affiliation >= LAW_ADMIN && now.role != LAW_MODERATOR)
		wrong(s, "admins and owners are moderators");
	if (s->ch->behind || s->v->state == SCENE_ENTERING ||
		(s->v->state == SCENE_WELCOME && hall_may_be_gone(s->c, s->hall)))
		return;
	if (!hall_may_be(s->c, s->hall, HALL_MEMBERS, false) && !law_has(now, RIGHT_ENTER_CLOSED))
		wrong(s, "the room is for members only");
	if (!hall_may_have(s->c, s->hall, hall_person_of(s->c, s->hall, s->id, s->person), now.affiliation))
		wrong(s, "nobody gave this affiliation");
}

/* Real addresses are for those who may see them, and for those all. */
static void check_address(const struct sight *s)
{
	const struct entry *self = scene_self(s->v);
	struct standing mine = self ? self->now : s->now;
	bool own = s->nick == (unsigned)s->v->nick || s->person == (int)s->ch->person;

	if (s->v->state == SCENE_ENTERING || s->ch->behind || s->person == (int)s->ch->person)
		return; /* checked once it is in */
	if (own)
		mine = s->now;
	if (s->chatter >= 0 && !law_has(mine, RIGHT_ADDRESSES) && !hall_may_be(s->c, s->hall, HALL_OPEN_EYED, true))
		wrong(s, "a real address is shown to who may not see it");
	if (s->chatter < 0 && law_has(mine, RIGHT_ADDRESSES) && !own)
		wrong(s, "a moderator is not shown the real address");
}

static void put(const struct sight *s)
{
	struct entry *e = s->e;

	if (!e->here)
		*e = (struct entry){.before = s->now,
			.now = s->now,
			.chatter = NOBODY,
			.told = s->v->state == SCENE_IN};
	if (memcmp(&e->now, &s->now, sizeof(e->now)) != 0)
		e->before = e->now;
	e->here = true;
	e->now = s->now;
	e->id = s->id;
	e->status = s->status;
	if (s->chatter >= 0)
		e->chatter = (int16_t)s->chatter;
	/* What is read late may be of an earlier room of that name. */
	e->person = (int16_t)hall_person_of(s->c, s->hall, s->id, s->ch->behind ? NOBODY : s->person);
}

/* ---- entering ---- */

/* When it has all the others, and knows what it is itself. */
static void check_list(const struct sight *s)
{
	bool sees = law_has(s->now, RIGHT_ADDRESSES),
	     may_see = sees || hall_may_be(s->c, s->hall, HALL_OPEN_EYED, true);

	for (unsigned i = 0; i < NICKS_MAX; i++) {
		const struct entry *e = &s->v->entries[i];

		if (!e->here || i == s->nick)
			continue;
		if (s->h->exists &&
			!hall_may_have(s->c, s->hall, hall_person_of(s->c, s->hall, e->id, NOBODY), e->now.affiliation))
			crowd_fail(s->c, "c%u enters r%u and is told that n%u is %s, which nobody made him",
				s->ch->index, s->hall, i, law_affiliation_name(e->now.affiliation));
		if (sees && e->chatter < 0)
			crowd_fail(s->c, "c%u enters r%u as a moderator and is not told who n%u is", s->ch->index,
				s->hall, i);
		if (!may_see && e->chatter >= 0)
			crowd_fail(s->c, "c%u enters r%u and is told who n%u is", s->ch->index, s->hall, i);
	}
}

static void check_entry_codes(const struct sight *s)
{
	bool open = has_code(s, CODE_OPEN_EYED);

	if (has_code(s, CODE_LOGGED) || has_code(s, CODE_RENAMED))
		wrong(s, "a code that does not fit");
	if (s->ch->behind || has_code(s, CODE_CREATED))
		return;
	if (!hall_may_be(s->c, s->hall, HALL_OPEN_EYED, open))
		wrong(s, open ? "100, but the room is semi-anonymous" : "no 100, but the room is non-anonymous");
	if (s->v->wrong_word && !hall_may_be(s->c, s->hall, HALL_PASSWORD, false))
		wrong(s, "it entered with a wrong password");
}

static void be_entered(struct sight *s)
{
	struct scene *v = s->v;

	if ((int)s->nick != v->wanted)
		wrong(s, "it wanted another nickname");
	if (s->e->here)
		wrong(s, "somebody has that nickname");
	if (has_code(s, CODE_CREATED))
		hall_create(s->c, s->hall, s->ch);
	if (!s->ch->behind)
		hall_person_of(s->c, s->hall, s->id, (int)s->ch->person);
	if (!s->ch->behind && !has_code(s, CODE_CREATED) && !joins_another(s))
		check_new(s);
	check_entry_codes(s);
	put(s);
	v->nick = v->wanted;
	v->wanted = NOBODY;
	v->age = s->ch->behind ? 0 : s->h->age;
	v->state = SCENE_WELCOME;
	v->fresh = true;
	v->open_eyed = has_code(s, CODE_OPEN_EYED);
	check_standing(s);
	if (!s->ch->behind && !hall_may_be_gone(s->c, s->hall))
		check_list(s);
	s->c->stats.entered++;
	crowd_say(s->c, "c%u is in r%u as n%u, %s", s->ch->index, s->hall, s->nick, standing_text(s->now));
	if (has_code(s, CODE_CREATED))
		hall_configure_first(s->ch, s->hall); /* perhaps its last word */
}

static void in_list(struct sight *s)
{
	if (has_code(s, CODE_SELF)) {
		be_entered(s);
		return;
	}
	if (s->e->here)
		wrong(s, "it has been told so already");
	check_standing(s);
	put(s);
}

/* ---- while in ---- */

static void on_available(struct sight *s)
{
	struct scene *v = s->v;
	bool self = has_code(s, CODE_SELF);

	if (v->state == SCENE_ENTERING) {
		in_list(s);
		return;
	}
	if (v->state == SCENE_WELCOME)
		wrong(s, "its own presence was not the last, or history and subject have not come");
	if (v->renamed == (int)s->nick) {
		if (v->renamed_id != s->id)
			wrong(s, "another one was to be called so");
		v->renamed = NOBODY;
		if (v->nick == NOBODY)
			v->nick = (int16_t)s->nick;
		if (v->wanted == v->nick)
			v->wanted = NOBODY;
	} else if (s->e->here) {
		if (!s->ch->behind)
			check_known(s);
	} else if (!s->ch->behind) {
		check_new(s);
	}
	/* Who is made a moderator where all are shown all addresses is not shown them for that. */
	if (self && s->now.role == LAW_MODERATOR && s->e->now.role != LAW_MODERATOR)
		v->promoted = true;
	if (v->promoted && hall_may_be(s->c, s->hall, HALL_OPEN_EYED, true))
		v->unsure = true;
	if (self != ((int)s->nick == v->nick))
		wrong(s, self ? "it is not called so" : "its own presence is without 110");
	check_standing(s);
	put(s);
	check_address(s);
}

/* ---- leaving ---- */

/* Whether one of those who were called so may have gone, by itself or by its connection. */
static bool may_have_left(const struct sight *s)
{
	int person = hall_person_of(s->c, s->hall, s->e->id, NOBODY);

	if (s->h->left[s->nick] || person < 0)
		return true;
	for (unsigned i = 0; i < s->c->own_n[person]; i++) {
		const struct chatter *ch = &s->c->chatters[s->c->own[person][i]];

		if (chatter_may_be(ch, s->hall, s->nick) && chatter_is_in(ch, s->hall))
			return false;
	}
	return true;
}

/* Visitors are not seen, and this one is a visitor now; or who looks is no moderator any more. */
static bool may_be_hidden(const struct sight *s)
{
	return hall_may_be(s->c, s->hall, HALL_HIDING, true) && !has_code(s, CODE_SELF);
}

static bool may_have(const struct sight *s, enum law_affiliation a)
{
	return hall_may_have(s->c, s->hall, hall_person_of(s->c, s->hall, s->e->id, NOBODY), a);
}

static bool was_banned(const struct sight *s) { return may_have(s, LAW_OUTCAST); }

static bool was_no_member(const struct sight *s)
{
	return hall_may_be(s->c, s->hall, HALL_MEMBERS, true) && may_have(s, LAW_NONE);
}

static bool was_shut_out(const struct sight *s)
{
	return hall_may_be(s->c, s->hall, HALL_MEMBERS, true) && hall_asks(s->c, s->hall, ASK_CONFIG);
}

static bool was_kicked(const struct sight *s) { return hall_asks_role(s->c, s->hall, s->nick, LAW_GONE); }
static bool server_stops(const struct sight *s) { return s->c->stopping; }
static bool went(const struct sight *s) { return may_have_left(s) || may_be_hidden(s); }

/* Why somebody may leave, by the code. */
static const struct {
	unsigned code; /* 0: none */
	bool (*may)(const struct sight *s);
} reasons[] = {
	{0, went},
	{CODE_BANNED, was_banned},
	{CODE_KICKED, was_kicked},
	{CODE_NO_MEMBER, was_no_member},
	{CODE_CLOSED, was_shut_out},
	{CODE_SHUTDOWN, server_stops},
	{CODE_TECHNICAL, went},
};

static unsigned other_code(const struct sight *s)
{
	for (unsigned i = 0; i < s->code_n; i++)
		if (s->codes[i] != CODE_SELF)
			return s->codes[i];
	return 0;
}

static void check_leave(const struct sight *s)
{
	unsigned code = other_code(s);

	if (s->ch->behind)
		return;
	if (s->destroyed) {
		if (!hall_asks(s->c, s->hall, ASK_DESTROY) && !s->h->locked && !s->h->maybe)
			wrong(s, "nobody wanted the end of the room");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].code == code && reasons[i].may(s))
			return;
	wrong(s, "he leaves without a reason");
}

static void be_renamed(struct sight *s)
{
	struct scene *v = s->v;

	if (s->new_nick < 0 || v->entries[s->new_nick].here)
		wrong(s, "the new nickname is none, or taken");
	s->e->here = false;
	v->renamed = (int16_t)s->new_nick;
	v->renamed_id = s->id;
	if (!has_code(s, CODE_SELF))
		return;
	if (v->nick != (int)s->nick)
		wrong(s, "it is not called so");
	v->nick = NOBODY;
}

static void be_out(struct sight *s)
{
	struct scene *v = s->v;

	bool again = v->again;

	crowd_say(s->c, "c%u is out of r%u", s->ch->index, s->hall);
	if ((int)s->nick != v->nick)
		wrong(s, "it is not called so");
	s->h->left[s->nick] = true;
	if (v->wanted >= 0)
		s->h->left[v->wanted] = true;
	scene_forget(v);
	hall_stir(s->c, s->hall);
	if (!again)
		return;
	/* It had asked to be told everything again: that is to enter now. */
	v->state = SCENE_ENTERING;
	v->wanted = (int16_t)s->nick;
}

static void on_unavailable(struct sight *s)
{
	bool self = has_code(s, CODE_SELF);

	if (!s->e->here) {
		wrong(s, "nobody of that name can leave");
		return;
	}
	if (s->v->state == SCENE_ENTERING || s->v->state == SCENE_WELCOME)
		wrong(s, "it is being welcomed");
	if (has_code(s, CODE_NEW_NICK)) {
		be_renamed(s);
		return;
	}
	if (s->now.role != LAW_GONE)
		wrong(s, "who leaves has no role");
	check_leave(s);
	if (self) {
		be_out(s);
		return;
	}
	if ((int)s->nick == s->v->nick)
		wrong(s, "its own leave is without 110");
	s->e->here = false;
	s->e->before = s->e->now;
}

/* ---- refusals ---- */

/* Who enters shares it with his other clients; who is in does not get theirs. */
static bool may_be_taken(const struct chatter *who, unsigned hall, unsigned nick, bool entering)
{
	const struct crowd *c = who->crowd;

	if (nick < c->people && nick != who->person && c->halls[hall].enrolled[nick])
		return true;
	if (c->halls[hall].left[nick])
		return true;
	for (unsigned i = 0; i < c->chatter_count; i++) {
		const struct chatter *ch = &c->chatters[i];

		if (entering ? ch->person != who->person : ch != who)
			if (chatter_may_be(ch, hall, nick))
				return true;
	}
	return false;
}

static bool may_be_full(const struct crowd *c, unsigned hall)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->chatter_count; i++) {
		const struct chatter *ch = &c->chatters[i];

		n += chatter_scene(ch, hall) != NULL || ch->ghosts[hall] != NOBODY;
	}
	for (unsigned i = 0; i < NICKS_MAX; i++)
		n += c->halls[hall].left[i];
	return n > HALL_SEATS && hall_may_be(c, hall, HALL_NARROW, true);
}

static bool may_be_refused(struct chatter *ch, unsigned hall, struct str why, unsigned nick)
{
	struct crowd *c = ch->crowd;
	struct hall *h = &c->halls[hall];
	bool entering = ch->scenes[hall]->state == SCENE_ENTERING;

	if (str_is(why, "conflict"))
		return may_be_taken(ch, hall, nick, entering);
	if (!entering)
		return false;
	if (str_is(why, "gone")) /* the name of a room that was ended is not free at once */
		return crowd_now(c) < h->ended_until || hall_asks(c, hall, ASK_DESTROY);
	if (str_is(why, "forbidden"))
		return hall_may_have(c, hall, (int)ch->person, LAW_OUTCAST);
	if (str_is(why, "registration-required"))
		return hall_may_be(c, hall, HALL_MEMBERS, true) && hall_may_have(c, hall, (int)ch->person, LAW_NONE);
	if (str_is(why, "not-authorized"))
		return hall_may_be(c, hall, HALL_PASSWORD, true) && ch->scenes[hall]->wrong_word;
	if (str_is(why, "service-unavailable"))
		return may_be_full(c, hall);
	return str_is(why, "item-not-found") && (h->locked || h->maybe);
}

static void on_refusal(struct chatter *ch, unsigned hall, const struct xml_tree *t)
{
	uint32_t error = xml_child(t, XML_ROOT, "error", NS_CLIENT);
	struct str why = error == XML_NONE ? STR("") : xml_name(t, xml_first(t, error));
	struct scene *v = chatter_scene(ch, hall);
	struct str id = xml_attr(t, XML_ROOT, "id");
	unsigned nick;

	if (v && chatter_is_too_fast(ch, why) && !str_is(id, "rename") && v->state != SCENE_ENTERING) {
		v->again -= v->again && str_is(id, "enter");
		return;
	}
	if (!v && str_is(why, "item-not-found"))
		return; /* it showed something, or asked for another nickname, in a room that has ended meanwhile */
	if (!v || v->wanted == NOBODY) {
		crowd_fail(ch->crowd, "c%u is refused %.*s in r%u, and had not asked", ch->index, STR_FMT(why), hall);
		return;
	}
	nick = (unsigned)v->wanted;
	crowd_say(ch->crowd, "c%u may not be n%u in r%u: %.*s", ch->index, nick, hall, STR_FMT(why));
	if (!ch->behind && !may_be_refused(ch, hall, why, nick) && !chatter_is_too_fast(ch, why))
		crowd_fail(ch->crowd, "c%u (u%u) may not be n%u in r%u: %.*s, without a reason", ch->index, ch->person,
			nick, hall, STR_FMT(why));
	v->wanted = NOBODY;
	if (v->state == SCENE_ENTERING)
		scene_forget(v);
}

/* To who is not in, and takes himself to be (7.2.18): it was put out before the room had its presence. */
static bool tells_absent(const struct sight *s)
{
	return (!s->v || s->v->state == SCENE_ENTERING) && has_code(s, CODE_SELF) && has_code(s, CODE_KICKED) &&
		has_code(s, CODE_TECHNICAL);
}

void scene_on_presence(struct chatter *ch, unsigned hall, const struct xml_tree *t)
{
	struct str type = xml_attr(t, XML_ROOT, "type");
	struct sight s = {.ch = ch, .c = ch->crowd, .h = &ch->crowd->halls[hall], .hall = hall};

	s.v = chatter_scene(ch, hall);
	if (str_is(type, "error")) {
		on_refusal(ch, hall, t);
		return;
	}
	if (xml_child(t, XML_ROOT, "occupant-id", NS_OCCUPANT_ID) == XML_NONE) {
		read_codes(&s, t, xml_child(t, XML_ROOT, "x", NS_MUC_USER));
		if (type.p && tells_absent(&s))
			return;
	}
	if (!s.v || !read_sight(&s, t) || (type.p && !str_is(type, "unavailable"))) {
		crowd_fail(s.c, "c%u gets odd presence from r%u, in which it is %s", ch->index, hall,
			s.v ? "in" : "not");
		return;
	}
	s.e = &s.v->entries[s.nick];
	if (type.p)
		on_unavailable(&s);
	else
		on_available(&s);
}
