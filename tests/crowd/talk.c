/* What is said: to all, to one, the subject. Every line has a number, which is its id, its text, and who said it. */
#include <stdio.h>

#include "base/err.h"
#include "tests/crowd/crowd.h"
#include "xmpp/ns.h"

enum { TEXT_SIZE = 64, RECENT = 2000 };

static const char kinds[] = {[LINE_TALK] = 't', [LINE_SUBJECT] = 's', [LINE_PRIVATE] = 'p'};

static void text_of(const struct crowd *c, uint32_t line, char text[static TEXT_SIZE])
{
	const struct line *l = &c->lines[line];

	snprintf(text, TEXT_SIZE, "%c%u of c%u in r%u", kinds[l->kind], line, l->chatter, l->hall);
}

static uint32_t line_new(struct chatter *ch, unsigned hall, enum line_kind kind)
{
	struct crowd *c = ch->crowd;
	struct scene *v = chatter_scene(ch, hall);

	if (c->line_n >= c->line_cap) {
		c->line_cap = c->line_cap ? 2 * c->line_cap : 1024;
		c->lines = xrealloc(c->lines, c->line_cap * sizeof(*c->lines));
	}
	c->lines[c->line_n] = (struct line){.chatter = (uint16_t)ch->index,
		.hall = (uint8_t)hall,
		.kind = (uint8_t)kind,
		.to_nick = NOBODY,
		.age = c->halls[hall].age,
		.stay = v->stay};
	c->stats.lines++;
	return c->line_n++;
}

static bool may_try(const struct chatter *ch, unsigned hall)
{
	const struct scene *v = chatter_scene(ch, hall);

	return v && v->state == SCENE_IN;
}

void talk_say(struct chatter *ch, unsigned hall)
{
	char text[TEXT_SIZE];
	uint32_t line;

	if (!may_try(ch, hall))
		return;
	line = line_new(ch, hall, LINE_TALK);
	text_of(ch->crowd, line, text);
	crowd_say(ch->crowd, "c%u tells r%u g%u", ch->index, hall, line);
	client_fmt(&ch->client, 0,
		"<message to='r%u@" HALL_SERVICE "' id='g%u' type='groupchat'><body>%s</body></message>", hall, line,
		text);
}

void talk_set_subject(struct chatter *ch, unsigned hall)
{
	char text[TEXT_SIZE];
	uint32_t line;

	if (!may_try(ch, hall))
		return;
	line = line_new(ch, hall, LINE_SUBJECT);
	text_of(ch->crowd, line, text);
	crowd_say(ch->crowd, "c%u wants the subject of r%u to be g%u", ch->index, hall, line);
	client_fmt(&ch->client, 0,
		"<message to='r%u@" HALL_SERVICE "' id='g%u' type='groupchat'><subject>%s</subject></message>", hall,
		line, text);
}

void talk_whisper(struct chatter *ch, unsigned hall, unsigned nick)
{
	char text[TEXT_SIZE];
	uint32_t line;

	if (!may_try(ch, hall))
		return;
	line = line_new(ch, hall, LINE_PRIVATE);
	ch->crowd->lines[line].to_nick = (int16_t)nick;
	text_of(ch->crowd, line, text);
	client_fmt(&ch->client, 0,
		"<message to='r%u@" HALL_SERVICE "/n%u' id='g%u' type='chat'><body>%s</body></message>", hall, nick,
		line, text);
}

/* ---- reading ---- */

/* Of a stanza's id, or of the text of a subject behind its letter; 0: none. */
static uint32_t line_of(const struct crowd *c, struct str text, char letter)
{
	struct str number = str_cut(&text, ' ');
	uint64_t n;

	if (number.n < 2 || number.p[0] != letter ||
		str_uint((struct str){number.p + 1, number.n - 1}, UINT32_MAX, &n) < 0)
		return 0;
	return n < c->line_n ? (uint32_t)n : 0;
}

static bool says(struct crowd *c, uint32_t line, const struct xml_tree *t, const char *child)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1024};
	uint32_t i = xml_child(t, XML_ROOT, child, NS_CLIENT);
	char text[TEXT_SIZE];

	text_of(c, line, text);
	return i != XML_NONE && str_is(xml_text(t, i, &tmp), text);
}

static uint64_t stanza_id(const struct xml_tree *t)
{
	uint32_t i = xml_child(t, XML_ROOT, "stanza-id", NS_STANZA_ID);
	uint64_t id = 0;

	if (i != XML_NONE)
		str_uint(xml_attr(t, i, "id"), INT64_MAX, &id);
	return id;
}

/* Who says it in this view, NULL: nobody who is in. */
static struct entry *speaker(struct scene *v, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from");
	uint64_t n;

	str_cut(&from, '/');
	if (from.n < 2 || from.p[0] != 'n' || str_uint((struct str){from.p + 1, from.n - 1}, NICKS_MAX - 1, &n) < 0)
		return NULL;
	return v->entries[n].here ? &v->entries[n] : NULL;
}

static bool is_person(struct chatter *ch, unsigned hall, const struct entry *e, unsigned chatter)
{
	int person = e->person >= 0 ? e->person : hall_person_of(ch->crowd, hall, e->id, NOBODY);

	return person < 0 || person == (int)ch->crowd->chatters[chatter].person;
}

/* ---- to all ---- */

/* Its sender sees it as the others do. */
static void reflect(struct chatter *ch, struct scene *v, uint32_t line)
{
	struct line *l = &ch->crowd->lines[line];

	if (l->chatter != ch->index || l->stay != v->stay)
		return;
	if (l->state == LINE_REFUSED || l->state == LINE_HEARD)
		crowd_fail(ch->crowd, "c%u hears its g%u, which was %s", ch->index, line,
			l->state == LINE_HEARD ? "heard before" : "refused");
	l->state = LINE_HEARD;
}

static void check_speaker(struct chatter *ch, unsigned hall, struct scene *v, uint32_t line, const struct xml_tree *t)
{
	struct crowd *c = ch->crowd;
	const struct line *l = &c->lines[line];
	const struct entry *e = speaker(v, t);
	bool subject = l->kind == LINE_SUBJECT;

	if (!e || !is_person(ch, hall, e, l->chatter)) {
		crowd_fail(c, "c%u in r%u hears g%u of c%u from %.*s, who is %s", ch->index, hall, line, l->chatter,
			STR_FMT(xml_attr(t, XML_ROOT, "from")), e ? "somebody else" : "not in");
		return;
	}
	if (!law_has(e->now, RIGHT_SPEAK))
		crowd_fail(c, "c%u in r%u hears g%u of c%u, who has no voice", ch->index, hall, line, l->chatter);
	if (subject && !ch->behind && !law_has(e->now, RIGHT_SUBJECT) && !hall_may_be(c, hall, HALL_TALKATIVE, true))
		crowd_fail(c, "c%u in r%u sees the subject g%u of c%u, who may not change it", ch->index, hall, line,
			l->chatter);
}

static void on_live(struct chatter *ch, unsigned hall, struct scene *v, uint32_t line, const struct xml_tree *t)
{
	struct crowd *c = ch->crowd;
	struct line *l = &c->lines[line];
	uint64_t id = stanza_id(t);

	if (v->state != SCENE_IN && v->state != SCENE_LEAVING)
		crowd_fail(c, "c%u in r%u hears g%u before its welcome is complete", ch->index, hall, line);
	if (!id || id <= v->last_id)
		crowd_fail(c, "c%u in r%u hears g%u again, or behind a later one", ch->index, hall, line);
	check_speaker(ch, hall, v, line, t);
	v->last_id = id;
	if (l->age == c->halls[hall].age)
		hall_log(c, hall, line, id);
	if (l->kind == LINE_TALK && l->age == c->halls[hall].age) {
		v->lines++;
		v->first_id = v->first_id ? v->first_id : id;
	} else if (l->kind == LINE_SUBJECT) {
		v->subject = line;
	}
	crowd_say(c, "c%u hears g%u in r%u", ch->index, line, hall);
	c->stats.heard++;
	reflect(ch, v, line);
}

static void on_history(struct chatter *ch, unsigned hall, struct scene *v, uint32_t line, uint64_t id)
{
	struct crowd *c = ch->crowd;

	if (v->state == SCENE_IN && v->again)
		return;
	if (v->state != SCENE_WELCOME) {
		crowd_fail(c, "c%u in r%u hears g%u as history outside of its welcome", ch->index, hall, line);
		return;
	}
	if (!id || id <= v->last_id)
		crowd_fail(c, "c%u in r%u: g%u is in the wrong place of the history", ch->index, hall, line);
	crowd_say(c, "c%u hears g%u in r%u, as history", ch->index, line, hall);
	v->last_id = id;
	if (c->lines[line].age != c->halls[hall].age)
		return; /* of a time of which nothing is known */
	hall_log(c, hall, line, id);
	v->first_id = v->first_id ? v->first_id : id;
	v->lines++;
}

static void on_welcome_subject(struct chatter *ch, unsigned hall, struct scene *v, const struct xml_tree *t)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1024};
	struct str text = xml_text(t, xml_child(t, XML_ROOT, "subject", NS_CLIENT), &tmp);
	uint32_t line = line_of(ch->crowd, text, 's');

	if (text.n && !line)
		crowd_fail(ch->crowd, "c%u in r%u: the subject is one that nobody set", ch->index, hall);
	if (v->state == SCENE_WELCOME)
		v->state = SCENE_IN;
	else if (v->state == SCENE_IN && v->again)
		v->again--;
	else if (v->state != SCENE_LEAVING)
		crowd_fail(ch->crowd, "c%u in r%u is told the subject, and had not entered", ch->index, hall);
	v->subject = line;
}

static void on_groupchat(struct chatter *ch, unsigned hall, struct scene *v, const struct xml_tree *t)
{
	struct crowd *c = ch->crowd;
	uint32_t line = line_of(c, xml_attr(t, XML_ROOT, "id"), 'g');
	bool subject = xml_child(t, XML_ROOT, "subject", NS_CLIENT) != XML_NONE;

	if (xml_child(t, XML_ROOT, "x", NS_MUC_USER) != XML_NONE) {
		if (!ch->behind && !hall_asks(c, hall, ASK_CONFIG))
			crowd_fail(c, "c%u in r%u is told of a new configuration: nobody asked for one", ch->index,
				hall);
	} else if (subject && !stanza_id(t)) {
		on_welcome_subject(ch, hall, v, t);
	} else if (!line || c->lines[line].hall != hall || c->lines[line].kind == LINE_PRIVATE ||
		!says(c, line, t, subject ? "subject" : "body")) {
		crowd_fail(c, "c%u in r%u hears what nobody said: %.*s", ch->index, hall,
			STR_FMT(xml_attr(t, XML_ROOT, "id")));
	} else if (xml_child(t, XML_ROOT, "delay", NS_DELAY) != XML_NONE) {
		on_history(ch, hall, v, line, stanza_id(t));
	} else {
		on_live(ch, hall, v, line, t);
	}
}

/* ---- to one ---- */

static void on_private(struct chatter *ch, unsigned hall, struct scene *v, const struct xml_tree *t)
{
	struct crowd *c = ch->crowd;
	uint32_t line = line_of(c, xml_attr(t, XML_ROOT, "id"), 'g');
	struct line *l = &c->lines[line];
	const struct entry *e = v ? speaker(v, t) : NULL;

	/* What did not reach an earlier session, or another one of his, is given to this one (tests/sim says when). */
	if (!v || line < v->first_line || chatter_of_address(c, xml_attr(t, XML_ROOT, "to")) != (int)ch->index)
		return;
	if (!line || l->kind != LINE_PRIVATE || l->hall != hall || !says(c, line, t, "body")) {
		crowd_fail(c, "c%u in r%u is told in private what nobody said", ch->index, hall);
		return;
	}
	if (e ? !is_person(ch, hall, e, l->chatter) : !hall_may_be(c, hall, HALL_HIDING, true))
		crowd_fail(c, "c%u in r%u is told g%u by the wrong one", ch->index, hall, line);
	if (l->to_nick != v->nick && v->nick != NOBODY)
		crowd_fail(c, "c%u, n%d in r%u, is told g%u, which is for n%d", ch->index, v->nick, hall, line,
			l->to_nick);
	if (v->private_from[l->chatter] >= line)
		crowd_fail(c, "c%u in r%u is told g%u again, or behind a later one", ch->index, hall, line);
	v->private_from[l->chatter] = line;
	l->state = LINE_HEARD;
	c->stats.private_heard++;
}

/* ---- errors ---- */

static bool may_be_refused(struct chatter *ch, unsigned hall, const struct line *l, struct str why)
{
	struct scene *v = chatter_scene(ch, hall);
	const struct entry *self = scene_self(v), *to = v && l->to_nick >= 0 ? &v->entries[l->to_nick] : NULL;

	if (!v || (v->state != SCENE_IN && v->state != SCENE_LEAVING) || v->stay != l->stay || !self)
		return str_is(why, "not-acceptable") || str_is(why, "item-not-found");
	if (l->kind == LINE_PRIVATE)
		return str_is(why, "item-not-found") && (!to->here || v->wanted == l->to_nick);
	if (!str_is(why, "forbidden"))
		return false;
	if (!law_has(self->now, RIGHT_SPEAK))
		return true;
	return l->kind == LINE_SUBJECT && !law_has(self->now, RIGHT_SUBJECT) &&
		hall_may_be(ch->crowd, hall, HALL_TALKATIVE, false);
}

static void on_error(struct chatter *ch, unsigned hall, const struct xml_tree *t)
{
	struct crowd *c = ch->crowd;
	uint32_t line = line_of(c, xml_attr(t, XML_ROOT, "id"), 'g'),
		 error = xml_child(t, XML_ROOT, "error", NS_CLIENT);
	struct str why = error == XML_NONE ? STR("") : xml_name(t, xml_first(t, error));
	struct line *l = &c->lines[line];

	if (!line || l->chatter != ch->index) {
		crowd_fail(c, "c%u gets an error from r%u for what it did not send", ch->index, hall);
		return;
	}
	crowd_say(c, "c%u: g%u is refused in r%u: %.*s", ch->index, line, hall, STR_FMT(why));
	if (l->state == LINE_HEARD && l->kind != LINE_PRIVATE)
		crowd_fail(c, "c%u: g%u is refused (%.*s), and was heard", ch->index, line, STR_FMT(why));
	if (!may_be_refused(ch, hall, l, why) && !chatter_is_too_fast(ch, why))
		crowd_fail(c, "c%u: g%u is refused in r%u: %.*s, without a reason", ch->index, line, hall,
			STR_FMT(why));
	l->state = LINE_REFUSED;
}

/* ---- */

/* Somebody wanted this one to be invited, or gave him an affiliation. */
static bool may_be_invited(const struct crowd *c, unsigned hall, unsigned person)
{
	for (uint32_t i = 0; i < c->ask_n; i++) {
		const struct ask *a = &c->asks[i];

		if (a->hall != hall || a->state == ASK_REFUSED ||
			(a->kind != ASK_INVITE && a->kind != ASK_AFFILIATIONS))
			continue;
		for (unsigned k = 0; k < a->row_n; k++)
			if (a->rows[k].person == (int)person && a->rows[k].value >= LAW_MEMBER)
				return true;
	}
	return false;
}

/* Somebody wanted him to be invited, or made him a member; where there is a password it is told. */
static void check_invitation(struct chatter *ch, unsigned hall, const struct xml_tree *t, uint32_t x)
{
	struct crowd *c = ch->crowd;
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};
	uint32_t password = xml_child(t, x, "password", NS_MUC_USER);
	bool word = password != XML_NONE && str_is(xml_text(t, password, &tmp), "sesame");

	if (ch->behind || xml_child(t, XML_ROOT, "delay", NS_DELAY) != XML_NONE)
		return; /* he was away */
	if (!may_be_invited(c, hall, ch->person))
		crowd_fail(c, "c%u (u%u) is invited to r%u, and nobody asked for that", ch->index, ch->person, hall);
	if (!hall_may_be(c, hall, HALL_PASSWORD, word))
		crowd_fail(c, "c%u is invited to r%u %s", ch->index, hall,
			word ? "with a password" : "without its password");
	c->stats.invited++;
}

/* About somebody who is not in: who he is, and what he is now. */
static void on_notice(struct chatter *ch, unsigned hall, const struct xml_tree *t)
{
	uint32_t x = xml_child(t, XML_ROOT, "x", NS_MUC_USER);
	uint32_t item = x == XML_NONE ? XML_NONE : xml_child(t, x, "item", NS_MUC_USER);
	struct str jid = item == XML_NONE ? STR_NONE : xml_attr(t, item, "jid");
	int affiliation = item == XML_NONE ? -1 : law_affiliation_of(xml_attr(t, item, "affiliation"));
	struct scene *v = chatter_scene(ch, hall);
	const struct entry *self = scene_self(v);

	if (x != XML_NONE && xml_child(t, x, "invite", NS_MUC_USER) != XML_NONE)
		check_invitation(ch, hall, t, x);
	/* What did not reach an earlier session, or another one of his, is given to this one. */
	if (!jid.p || ch->behind || !self ||
		chatter_of_address(ch->crowd, xml_attr(t, XML_ROOT, "to")) != (int)ch->index)
		return;
	if (!law_has(self->now, RIGHT_ADDRESSES) && !hall_may_be(ch->crowd, hall, HALL_OPEN_EYED, true))
		crowd_fail(ch->crowd, "c%u is told of the affiliation of %.*s in r%u, and may not know it", ch->index,
			STR_FMT(jid), hall);
	if (affiliation < 0 || !hall_may_have(ch->crowd, hall, person_of_address(ch->crowd, jid), (uint8_t)affiliation))
		crowd_fail(ch->crowd, "c%u is told of an affiliation of %.*s in r%u that nobody gave", ch->index,
			STR_FMT(jid), hall);
}

void talk_on_message(struct chatter *ch, unsigned hall, const struct xml_tree *t)
{
	struct str type = xml_attr(t, XML_ROOT, "type");
	struct scene *v = chatter_scene(ch, hall);

	if (str_is(type, "error"))
		on_error(ch, hall, t);
	else if (!type.p || str_is(type, "normal"))
		on_notice(ch, hall, t);
	else if (!str_is(type, "groupchat"))
		on_private(ch, hall, v, t);
	else if (v)
		on_groupchat(ch, hall, v, t);
	else
		crowd_fail(ch->crowd, "c%u hears r%u and is not in", ch->index, hall);
}

/* ---- when all is quiet ---- */

/* So many lines, without subjects, have numbers from..to. */
static uint32_t count(const struct crowd *c, const struct hall *h, uint64_t from, uint64_t to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->log_n; i++) {
		const struct line *l = &c->lines[h->log[i]];

		n += l->kind == LINE_TALK && l->id >= from && l->id <= to;
	}
	return n;
}

/* Nothing is missing between its history and now. */
static void check_heard(struct crowd *c, const struct hall *h, const struct chatter *ch, const struct scene *v)
{
	/* What was said before it came is not heard by who was not shown any history: there was none. */
	uint64_t from = v->first_id ? v->first_id : v->last_id + 1;
	uint32_t n = count(c, h, from, UINT64_MAX);

	if (n == v->lines)
		return;
	crowd_fail(c, "c%u in r%u has heard %u of %u lines since it came", ch->index, h->index, v->lines, n);
	for (uint32_t i = 0; i < h->log_n && c->verbose; i++)
		if (c->lines[h->log[i]].id >= from)
			crowd_say(c, "r%u: g%u, number %llu", h->index, h->log[i],
				(unsigned long long)c->lines[h->log[i]].id);
}

/* One sender's lines have the order in which they were sent. */
static void check_order(struct crowd *c, const struct hall *h)
{
	uint32_t last[CHATTERS_MAX] = {0};

	for (uint32_t i = 0; i < h->log_n; i++) {
		const struct line *l = &c->lines[h->log[i]];

		if (last[l->chatter] > h->log[i])
			crowd_fail(c, "r%u heard g%u of c%u after g%u", h->index, h->log[i], l->chatter,
				last[l->chatter]);
		last[l->chatter] = h->log[i];
	}
}

/* Who sent and is still in has heard it, or was told that it is refused. */
static void check_reflected(struct crowd *c, const struct hall *h)
{
	for (uint32_t i = c->line_n > RECENT ? c->line_n - RECENT : 1; i < c->line_n; i++) {
		const struct line *l = &c->lines[i];
		const struct chatter *ch = &c->chatters[l->chatter];

		if (l->hall != h->index || l->state != LINE_SENT || l->kind == LINE_PRIVATE ||
			!chatter_is_in(ch, h->index) || ch->scenes[h->index]->stay != l->stay)
			continue;
		crowd_fail(c, "c%u has not heard its g%u in r%u", l->chatter, i, h->index);
	}
}

/* It came while it could not be told which room of that name it was; from now on it can. */
static void begin_to_hear(const struct hall *h, struct scene *v, const struct crowd *c)
{
	uint64_t newest = h->log_n ? c->lines[h->log[h->log_n - 1]].id : 0;

	v->age = h->age;
	v->lines = 0;
	v->first_id = 0;
	v->last_id = v->last_id > newest ? v->last_id : newest;
}

static void check_subject(struct crowd *c, struct hall *h, const struct chatter *ch, const struct scene *v)
{
	const struct line *l = &c->lines[v->subject];

	if (v->subject == h->subject)
		return;
	if (h->any_subject) {
		h->subject = v->subject;
		h->any_subject = false;
		return;
	}
	/* One that was stored, and that nobody heard because of a crash. */
	if (v->subject && l->state != LINE_HEARD && l->state != LINE_REFUSED && v->subject > h->subject && !l->id) {
		h->subject = v->subject;
		return;
	}
	crowd_fail(c, "c%u believes the subject of r%u to be g%u, it is g%u", ch->index, h->index, v->subject,
		h->subject);
}

void talk_check(struct crowd *c, unsigned hall)
{
	struct hall *h = &c->halls[hall];

	check_order(c, h);
	check_reflected(c, h);
	for (unsigned i = 0; i < c->chatter_count; i++) {
		struct chatter *ch = &c->chatters[i];
		struct scene *v = ch->scenes[hall];

		if (!chatter_is_in(ch, hall))
			continue;
		if (v->age != h->age)
			begin_to_hear(h, v, c);
		check_heard(c, h, ch, v);
		check_subject(c, h, ch, v);
	}
}
