/* The one room: who is in it, and that all hear the same in the same order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/sim/sim.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { HISTORY_MAX = 20 };

/* ---- entering, leaving ---- */

static struct stay *stay_of(struct actor *a) { return &a->sim->stays[a->stay]; }

void room_join(struct actor *a)
{
	struct sim *s = a->sim;

	if (a->in_room || a->joining || s->stay_n == STAYS_MAX)
		return;
	a->joining = true;
	a->stay = s->stay_n++;
	*stay_of(a) = (struct stay){.actor = a->index, .began_at = sim_now(s)};
	memset(a->occupants, 0, sizeof(a->occupants));
	sim_say(s, "c%u enters the room, stay %u", a->index, a->stay);
	client_fmt(&a->client, 0, "<presence to='" STAGE_ROOM "/n%u'><x xmlns='" NS_MUC "'/></presence>", a->index);
}

void room_leave(struct actor *a)
{
	if (a->in_room)
		client_fmt(&a->client, 0, "<presence to='" STAGE_ROOM "/n%u' type='unavailable'/>", a->index);
}

static void be_out(struct actor *a)
{
	a->in_room = a->joining = false;
	a->stay = 0;
	memset(a->occupants, 0, sizeof(a->occupants));
}

void room_on_life_over(struct actor *a) { be_out(a); }

void room_clear(struct sim *s)
{
	for (uint32_t i = 0; i < s->stay_n; i++)
		xfree(s->stays[i].heard);
}

/* The actor whose nick this is in the room, -1 if nobody's. */
static int actor_of_nick(const struct sim *s, struct str from)
{
	static const struct str prefix = {STAGE_ROOM "/n", sizeof(STAGE_ROOM "/n") - 1};
	uint64_t n;

	if (!str_starts(from, prefix))
		return -1;
	from = (struct str){from.p + prefix.n, from.n - prefix.n};
	return str_uint(from, ACTORS_MAX, &n) == 0 && n < s->actor_count ? (int)n : -1;
}

void room_on_presence(struct actor *a, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	struct str type = xml_attr(t, XML_ROOT, "type");
	int nick = actor_of_nick(s, xml_attr(t, XML_ROOT, "from"));
	const char *why;

	if (str_is(type, "error")) {
		sim_say(s, "c%u may not enter", a->index);
		if (!mail_may_be_refused(s, NULL, &why))
			sim_fail(s, "c%u may not enter the room", a->index);
		be_out(a);
		return;
	}
	if (nick < 0 || !a->stay) {
		sim_fail(s, "c%u gets odd presence from the room", a->index);
		return;
	}
	a->occupants[nick] = !type.p;
	rights_on_presence(a, (unsigned)nick, t);
	if ((unsigned)nick != a->index)
		return;
	sim_say(s, "c%u is %s the room", a->index, type.p ? "out of" : "in");
	a->in_room = !type.p;
	a->joining = false;
	if (type.p)
		be_out(a);
}

/* ---- talking ---- */

void room_send(struct actor *a)
{
	struct sim *s = a->sim;
	struct buf text, body;
	uint32_t mail;

	if (!a->in_room)
		return;
	mail = mail_new(a);
	s->mails[mail].to_room = true;
	s->mails[mail].stay = a->stay;
	buf_init(&text, 65536);
	buf_init(&body, 8192);
	mail_body(mail, &body);
	buf_fmt(&text, "<message id='g%u' to='" STAGE_ROOM "' type='groupchat'>", mail);
	xml_put_text(&text, "body", buf_view(&body));
	buf_fmt(&text, "%s</message>", mail_extra(mail));
	sim_say(s, "c%u tells the room g%u", a->index, mail);
	client_send(&a->client, buf_view(&text), mail + 1);
	buf_clear(&text);
	buf_clear(&body);
}

static void on_error(struct actor *a, int mail)
{
	struct sim *s = a->sim;
	struct mail *m = mail < 0 ? NULL : &s->mails[mail];
	const char *why;

	if (!m || m->from != a->index || !m->to_room) {
		sim_fail(s, "c%u gets an error from the room for what it did not send", a->index);
		return;
	}
	sim_say(s, "c%u: g%d is refused", a->index, mail);
	if (!mail_may_be_refused(s, m, &why) && m->stay == a->stay)
		sim_fail(s, "g%d is refused without reason", mail);
	if (m->reflected)
		sim_fail(s, "g%d is refused after everybody heard it", mail);
	m->bounced = true;
	s->stats.bounced++;
}

static void remember(struct stay *stay, uint32_t mail)
{
	if (stay->heard_n == stay->heard_cap) {
		stay->heard_cap = stay->heard_cap ? 2 * stay->heard_cap : 32;
		stay->heard = xrealloc(stay->heard, stay->heard_cap * sizeof(*stay->heard));
	}
	stay->heard[stay->heard_n++] = mail;
}

static bool has_heard(const struct stay *stay, uint32_t mail)
{
	for (uint32_t i = 0; i < stay->heard_n; i++)
		if (stay->heard[i] == mail)
			return true;
	return false;
}

/* The room's number is the same for everybody, now and later. */
static void check_id(struct actor *a, uint32_t mail, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	struct mail *m = &s->mails[mail];
	uint32_t i = xml_child(t, XML_ROOT, "stanza-id", NS_STANZA_ID);
	uint64_t id = i == XML_NONE ? 0 : strtoull(xml_attr(t, i, "id").p, NULL, 16);

	if (!id || (m->room_id && m->room_id != id))
		sim_fail(s, "g%u has the number %" PRIx64 " for c%u, but %" PRIx64 " before", mail, id, a->index,
			m->room_id);
	m->room_id = id;
}

static void check_place(struct actor *a, uint32_t mail, bool history)
{
	struct sim *s = a->sim;
	struct stay *stay = stay_of(a);
	uint32_t last = stay->heard_n ? stay->heard[stay->heard_n - 1] : mail;

	if (history && stay->welcome)
		sim_fail(s, "c%u gets g%u as history after its welcome", a->index, mail);
	if (has_heard(stay, mail))
		sim_fail(s, "c%u hears g%u twice", a->index, mail);
	else if (last != mail && s->mails[last].room_id >= s->mails[mail].room_id)
		sim_fail(s, "c%u hears g%u after g%u", a->index, mail, last);
	remember(stay, mail);
	stay->history_n += history;
}

static void on_groupchat(struct actor *a, uint32_t mail, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	struct mail *m = &s->mails[mail];
	bool history = xml_child(t, XML_ROOT, "delay", NS_DELAY) != XML_NONE;

	sim_say(s, "c%u hears g%u%s", a->index, mail, history ? " (history)" : "");
	s->stats.room_heard++;
	if (!a->stay) {
		sim_fail(s, "c%u hears g%u, but is not in the room", a->index, mail);
		return;
	}
	if (actor_of_nick(s, xml_attr(t, XML_ROOT, "from")) != m->from)
		sim_fail(s, "g%u comes from the wrong occupant", mail);
	if (actor_of_address(s, xml_attr(t, XML_ROOT, "to")) != (int)a->index)
		sim_fail(s, "g%u is addressed to somebody else than c%u", mail, a->index);
	if (!mail_same_body(s, mail, t))
		sim_fail(s, "c%u hears g%u, but it says something else", a->index, mail);
	check_id(a, mail, t);
	check_place(a, mail, history);
	if (m->from != a->index || m->stay != a->stay || history)
		return;
	if (m->bounced)
		sim_fail(s, "g%u is heard by its sender, who was told that it failed", mail);
	m->reflected = true;
	m->doubtful = s->disk_bad_until >= m->sent_at;
	m->reflected_at = sim_now(s);
}

static void be_welcome(struct actor *a)
{
	struct stay *stay = stay_of(a);

	stay->welcome = true;
	stay->doubtful = a->sim->disk_bad_until >= stay->began_at;
}

void room_on_message(struct actor *a, const struct xml_tree *t)
{
	int mail = mail_of_id(a->sim, xml_attr(t, XML_ROOT, "id"), 'g');

	if (str_is(xml_attr(t, XML_ROOT, "type"), "error"))
		on_error(a, mail);
	else if (mail >= 0 && a->sim->mails[mail].to_room)
		on_groupchat(a, (uint32_t)mail, t);
	else if (xml_child(t, XML_ROOT, "x", NS_MUC_USER) != XML_NONE)
		sim_say(a->sim, "c%u is told of a change in the room", a->index);
	else if (xml_child(t, XML_ROOT, "subject", NS_CLIENT) != XML_NONE && a->stay)
		be_welcome(a);
	else
		sim_fail(a->sim, "c%u gets an odd message from the room", a->index);
}

/* ---- the end ---- */

/* Nothing is missing between the first and the last that was heard. */
static void check_gaps(struct sim *s, const struct stay *stay, bool to_the_end)
{
	uint32_t from = stay->welcome && !stay->doubtful ? 0 : stay->history_n;
	uint64_t first, last;

	if (stay->heard_n <= from)
		return;
	first = s->mails[stay->heard[from]].room_id;
	last = to_the_end ? UINT64_MAX : s->mails[stay->heard[stay->heard_n - 1]].room_id;
	for (uint32_t i = 0; i < s->mail_n; i++) {
		const struct mail *m = &s->mails[i];
		const char *why;

		/* What is taken back when the store fails is heard by slow readers, and by later ones. */
		if (m->bounced || m->doubtful || (!m->reflected && mail_may_be_refused(s, m, &why)))
			continue;
		if (m->room_id > first && m->room_id < last && !has_heard(stay, i))
			sim_fail(s, "c%u did not hear g%u", stay->actor, i);
	}
}

/* What its sender was told is done is in the history of who enters later. */
static void check_history(struct sim *s, const struct stay *stay)
{
	uint64_t first = stay->history_n < HISTORY_MAX ? 0 : s->mails[stay->heard[0]].room_id;

	for (uint32_t i = 0; stay->welcome && !stay->doubtful && i < s->mail_n; i++) {
		const struct mail *m = &s->mails[i];

		if (m->reflected && m->reflected_at < stay->began_at && m->room_id > first && !has_heard(stay, i))
			sim_fail(s, "c%u enters (stay %u) and g%u is not in the history", stay->actor,
				(unsigned)(stay - s->stays), i);
	}
}

static void check_reflected(struct sim *s)
{
	for (uint32_t i = 0; i < s->mail_n; i++) {
		const struct mail *m = &s->mails[i];

		if (m->to_room && !m->reflected && !m->bounced && m->stay == s->actors[m->from].stay &&
			mail_is_acknowledged(s, m))
			sim_fail(s, "g%u was acknowledged, and its sender did not hear it", i);
	}
}

void room_check_all(struct sim *s)
{
	for (uint32_t i = 1; i < s->stay_n; i++) {
		check_gaps(s, &s->stays[i], s->actors[s->stays[i].actor].stay == i);
		check_history(s, &s->stays[i]);
	}
	check_reflected(s);
	room_check_occupants(s);
}

void room_check_occupants(struct sim *s)
{
	rights_check_views(s);
	for (unsigned i = 0; i < s->actor_count; i++)
		for (unsigned k = 0; s->actors[i].in_room && k < s->actor_count; k++)
			if (s->actors[i].occupants[k] != s->actors[k].in_room)
				sim_fail(s, "c%u believes c%u to be %s the room", i, k,
					s->actors[i].occupants[k] ? "in" : "out of");
}
