/* A client: its connection, and what it asks of rooms. */
#include <stdio.h>

#include "base/err.h"
#include "link/mem.h"
#include "tests/crowd/crowd.h"
#include "xmpp/ns.h"

enum { SLACK_MS = 2000, HISTORY_WANTED = 5 };

static struct chatter *chatter_of(struct client *c) { return CONTAINER_OF(c, struct chatter, client); }

/* ---- where it is ---- */

struct scene *chatter_scene(const struct chatter *ch, unsigned hall)
{
	struct scene *v = ch->scenes[hall];

	return v && v->state != SCENE_OUT ? v : NULL;
}

bool chatter_is_too_fast(const struct chatter *ch, struct str why)
{
	return ch->crowd->limits && str_is(why, "policy-violation");
}

bool chatter_is_steady(const struct chatter *ch)
{
	return ch->client.state == CLIENT_ON && !ch->client.deaf && !ch->forgotten;
}

bool chatter_is_in(const struct chatter *ch, unsigned hall)
{
	struct scene *v = chatter_scene(ch, hall);

	return v && v->state == SCENE_IN && chatter_is_steady(ch);
}

bool chatter_may_be(const struct chatter *ch, unsigned hall, unsigned nick)
{
	struct scene *v = chatter_scene(ch, hall);
	int ghost = ch->ghosts[hall];

	if (ghost == ANY_NICK || ghost == (int)nick)
		return true;
	return v && !ch->forgotten && (v->nick == (int)nick || v->wanted == (int)nick);
}

int person_of_address(const struct crowd *c, struct str jid)
{
	struct str user = str_cut(&jid, '@');
	uint64_t n;

	if (user.n < 2 || user.p[0] != 'u' || str_uint((struct str){user.p + 1, user.n - 1}, PERSONS_MAX, &n) < 0)
		return NOBODY;
	return str_starts(jid, STR(STAGE_DOMAIN)) && n < c->people ? (int)n : NOBODY;
}

int chatter_of_address(const struct crowd *c, struct str jid)
{
	int person = person_of_address(c, jid);
	uint64_t n;

	str_cut(&jid, '/');
	if (person < 0 || jid.n < 2 || jid.p[0] != 'c' ||
		str_uint((struct str){jid.p + 1, jid.n - 1}, CHATTERS_MAX, &n) < 0)
		return NOBODY;
	return n < c->chatter_count && (int)c->chatters[n].person == person ? (int)n : NOBODY;
}

/* From now on others may see it gone from everywhere. */
static void may_leave(struct chatter *ch)
{
	for (unsigned i = 0; i < ch->crowd->hall_count; i++) {
		struct scene *v = chatter_scene(ch, i);

		if (v && v->nick >= 0)
			ch->crowd->halls[i].left[v->nick] = true;
		if (v && v->wanted >= 0)
			ch->crowd->halls[i].left[v->wanted] = true;
		if (v)
			hall_stir(ch->crowd, i);
	}
}

/* ---- its connection ---- */

static void on_bound(struct client *c)
{
	struct chatter *ch = chatter_of(c);

	/* The resource is always the same: what there was before is over by now. */
	ch->ghost_until = crowd_now(ch->crowd);
	ch->forgotten = false;
}

static void on_session(struct client *c, bool resumed)
{
	struct chatter *ch = chatter_of(c);

	crowd_say(ch->crowd, "c%u is on, %s", ch->index, resumed ? "resumed" : "new");
	ch->crowd->stats.resumed += resumed;
	if (!resumed)
		client_fmt(c, 0, "<presence><priority>0</priority></presence>");
}

static void on_life_over(struct client *c)
{
	struct chatter *ch = chatter_of(c);
	bool kept = c->use_sm && c->end == END_CUT && !ch->forgotten && c->step != STEP_RESUMED;

	crowd_say(ch->crowd, "c%u: its session is over", ch->index);
	may_leave(ch);
	for (unsigned i = 0; i < ch->crowd->hall_count; i++) {
		struct scene *v = chatter_scene(ch, i);

		if (!v)
			continue;
		if (!ch->forgotten)
			ch->ghosts[i] = v->wanted == NOBODY ? v->nick : ANY_NICK;
		scene_forget(v);
	}
	ch->ghost_until = kept ? ch->down_since + (int64_t)ch->crowd->stage.config.resume_seconds * 1000 + SLACK_MS : 0;
	hall_on_life_over(ch);
}

static void on_tag(struct client *c, uint64_t tag) {}

static void on_down(struct client *c, enum client_end end)
{
	static const char *const names[] = {"cut", "closed", "ended by the server"};
	struct chatter *ch = chatter_of(c);

	crowd_say(ch->crowd, "c%u is down: %s %s", ch->index, names[end], end == END_ERROR ? c->error : "");
	ch->behind = true;
	may_leave(ch);
}

/* ---- what it hears ---- */

/* The room that it comes from, NOBODY. */
static int hall_of(const struct crowd *c, struct str from)
{
	struct str local = str_cut(&from, '@'), host = str_cut(&from, '/');
	uint64_t n;

	if (!str_is(host, HALL_SERVICE) || local.n < 2 || local.p[0] != 'r' ||
		str_uint((struct str){local.p + 1, local.n - 1}, HALLS_MAX, &n) < 0)
		return NOBODY;
	return n < c->hall_count ? (int)n : NOBODY;
}

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct chatter *ch = chatter_of(c);
	struct str name = xml_name(t, XML_ROOT), to = xml_attr(t, XML_ROOT, "to"), id = xml_attr(t, XML_ROOT, "id");
	int hall = hall_of(ch->crowd, xml_attr(t, XML_ROOT, "from"));

	ch->crowd->stats.stanzas++;
	if (hall < 0)
		return; /* of one's own account */
	if (chatter_of_address(ch->crowd, to) != (int)ch->index && person_of_address(ch->crowd, to) != (int)ch->person)
		crowd_fail(ch->crowd, "c%u gets what is for %.*s", ch->index, STR_FMT(to));
	if (str_is(name, "presence"))
		scene_on_presence(ch, (unsigned)hall, t);
	else if (str_is(name, "iq") || (id.n && id.p[0] == 'k'))
		hall_on_answer(ch, t, id);
	else
		talk_on_message(ch, (unsigned)hall, t);
}

static const struct client_ops ops = {
	.on_bound = on_bound,
	.on_session = on_session,
	.on_life_over = on_life_over,
	.on_unsure = on_tag,
	.on_acked = on_tag,
	.on_stanza = on_stanza,
	.on_down = on_down,
};

void chatter_init(struct crowd *c, unsigned index, unsigned person)
{
	struct chatter *ch = &c->chatters[index];
	char user[16], resource[16];

	*ch = (struct chatter){.crowd = c, .index = index, .person = person};
	snprintf(user, sizeof(user), "u%u", person);
	snprintf(resource, sizeof(resource), "c%u", index);
	client_init(&ch->client, &c->stage, user, resource);
	ch->client.ops = &ops;
	ch->client.use_sm = crowd_chance(c, 50);
	ch->client.capacity = 16384;
	for (unsigned i = 0; i < HALLS_MAX; i++)
		ch->ghosts[i] = NOBODY;
	c->own[person][c->own_n[person]++] = index;
}

void chatter_clear(struct chatter *ch)
{
	client_clear(&ch->client);
	for (unsigned i = 0; i < HALLS_MAX; i++)
		xfree(ch->scenes[i]);
}

void chatter_dial(struct chatter *ch)
{
	if (ch->client.state != CLIENT_DOWN)
		return;
	ch->client.give_up = crowd_chance(ch->crowd, 15);
	ch->away = false;
	ch->behind = true;
	client_dial(&ch->client);
}

void chatter_set_deaf(struct chatter *ch, bool deaf)
{
	crowd_say(ch->crowd, "c%u %s", ch->index, deaf ? "reads nothing" : "reads again");
	ch->behind = true;
	may_leave(ch);
	client_set_deaf(&ch->client, deaf);
}

void chatter_abandon(struct chatter *ch)
{
	struct crowd *c = ch->crowd;
	struct grave *g = &c->graves[c->grave_n];

	if (c->grave_n == GRAVES_MAX || ch->client.state != CLIENT_ON)
		return;
	crowd_say(c, "c%u leaves its connection behind", ch->index);
	ch->down_since = crowd_now(c);
	g->chatter = ch->index;
	g->link = client_abandon(&ch->client, &g->cable);
	if (g->link)
		c->grave_n++;
}

void chatter_close(struct chatter *ch)
{
	client_close(&ch->client);
	may_leave(ch);
}

void grave_close(struct crowd *c, unsigned i)
{
	struct grave *g = &c->graves[i];

	mem_link_cut(g->cable);
	link_free(&g->link);
	*g = c->graves[--c->grave_n];
}

/* ---- what it asks of rooms ---- */

void chatter_enter(struct chatter *ch, unsigned hall, unsigned nick)
{
	struct crowd *c = ch->crowd;
	struct scene *v = ch->scenes[hall];

	if (!v)
		v = ch->scenes[hall] = xcalloc(1, sizeof(*v));
	if (v->state == SCENE_IN && v->wanted == NOBODY) {
		/* It has lost track. */
		v->again++;
		nick = (unsigned)v->nick;
	} else if (v->state == SCENE_OUT) {
		scene_forget(v);
		v->state = SCENE_ENTERING;
		v->wanted = (int16_t)nick;
		v->wrong_word = c->halls[hall].kind & HALL_PASSWORD && crowd_chance(c, 10);
		v->stay = ++c->stay_n;
		v->first_line = c->line_n;
		v->asked_at = c->stats.checks + 1;
	} else {
		return;
	}
	hall_stir(c, hall);
	c->halls[hall].stirred[nick]++;
	c->halls[hall].left[nick] |= !chatter_is_steady(ch); /* its connection may end at any time for others */
	crowd_say(c, "c%u enters r%u as n%u%s", ch->index, hall, nick, v->again ? " again" : "");
	client_fmt(&ch->client, 0,
		"<presence id='enter' to='r%u@" HALL_SERVICE "/n%u'><x xmlns='" NS_MUC
		"'><history maxstanzas='%d'/><password>%s</password></x></presence>",
		hall, nick, HISTORY_WANTED, v->wrong_word ? "wrong" : "sesame");
}

void chatter_leave(struct chatter *ch, unsigned hall)
{
	struct scene *v = chatter_scene(ch, hall);

	if (!v || v->state != SCENE_IN || v->again || v->wanted != NOBODY)
		return;
	crowd_say(ch->crowd, "c%u leaves r%u", ch->index, hall);
	v->state = SCENE_LEAVING;
	ch->crowd->halls[hall].left[v->nick] = true;
	hall_stir(ch->crowd, hall);
	client_fmt(&ch->client, 0, "<presence to='r%u@" HALL_SERVICE "/n%d' type='unavailable'/>", hall, v->nick);
}

void chatter_rename(struct chatter *ch, unsigned hall, unsigned nick)
{
	struct scene *v = chatter_scene(ch, hall);

	if (!v || v->state != SCENE_IN || v->again || v->wanted != NOBODY || v->nick == (int)nick)
		return;
	crowd_say(ch->crowd, "c%u wants to be n%u in r%u", ch->index, nick, hall);
	v->wanted = (int16_t)nick;
	ch->crowd->halls[hall].stirred[nick]++;
	ch->crowd->halls[hall].left[nick] |= !chatter_is_steady(ch);
	client_fmt(&ch->client, 0, "<presence id='rename' to='r%u@" HALL_SERVICE "/n%u'/>", hall, nick);
}

void chatter_show(struct chatter *ch, unsigned hall)
{
	struct scene *v = chatter_scene(ch, hall);

	if (!v || v->state != SCENE_IN || v->wanted != NOBODY)
		return;
	ch->crowd->halls[hall].stirred[v->nick]++;
	client_fmt(&ch->client, 0, "<presence id='show' to='r%u@" HALL_SERVICE "/n%d'><status>%u</status></presence>",
		hall, v->nick, crowd_random(ch->crowd, 100));
}

/* ---- requests ---- */

static void put_rows(struct buf *out, const struct ask *a)
{
	for (unsigned i = 0; i < a->row_n; i++) {
		const struct ask_row *r = &a->rows[i];

		if (a->kind == ASK_ROLES)
			buf_fmt(out, "<item nick='n%d' role='%s'/>", r->nick, law_role_name(r->value));
		else
			buf_fmt(out, "<item jid='u%d@" STAGE_DOMAIN "' affiliation='%s'/>", r->person,
				law_affiliation_name(r->value));
	}
}

static void put_field(struct buf *out, const char *var, const char *value)
{
	buf_fmt(out, "<field var='muc#roomconfig_%s'><value>%s</value></field>", var, value);
}

/* Each bit of a room's kind, as the form has it. */
const struct hall_option hall_options[HALL_BITS] = {
	{"persistentroom", "1", "0"},
	{"membersonly", "1", "0"},
	{"moderatedroom", "1", "0"},
	{"whois", "anyone", "moderators"},
	{"passwordprotectedroom", "1", "0"},
	{"maxusers", "20", "none"},
	{"presencebroadcast", "participant</value><value>moderator",
		"visitor</value><value>participant</value><value>moderator"},
	{"changesubject", "1", "0"},
	{"registration", "open", "approval"},
	{"allowinvites", "1", "0"},
};

static void put_form(struct buf *out, uint32_t config)
{
	buf_z(out, "<x xmlns='" NS_DATA "' type='submit'>");
	buf_z(out, "<field var='FORM_TYPE'><value>" NS_MUC_ROOMCONFIG "</value></field>");
	for (unsigned i = 0; i < HALL_BITS; i++)
		put_field(out, hall_options[i].var, config >> i & 1 ? hall_options[i].on : hall_options[i].off);
	put_field(out, "roomsecret", config & HALL_PASSWORD ? "sesame" : "");
	buf_z(out, "</x>");
}

static void put_query(struct buf *out, const struct ask *a)
{
	switch ((enum ask_kind)a->kind) {
	case ASK_ROLES:
	case ASK_AFFILIATIONS:
	case ASK_READ:
		buf_z(out, "<query xmlns='" NS_MUC_ADMIN "'>");
		if (a->kind == ASK_READ)
			buf_fmt(out, "<item affiliation='%s'/>", law_affiliation_name(a->rows[0].value));
		else
			put_rows(out, a);
		break;
	case ASK_CONFIG:
		buf_z(out, "<query xmlns='" NS_MUC_OWNER "'>");
		put_form(out, a->config);
		break;
	case ASK_DESTROY:
		buf_z(out, "<query xmlns='" NS_MUC_OWNER "'><destroy/>");
		break;
	case ASK_ENROL:
		buf_fmt(out,
			"<query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA
			"' type='submit'><field var='FORM_TYPE'><value>" NS_MUC_REGISTER
			"</value></field><field var='muc#register_roomnick'><value>n%d</value></field></x>",
			a->rows[0].person);
		break;
	default:
		buf_z(out, "<query xmlns='" NS_REGISTER "'><remove/>");
	}
	buf_z(out, "</query>");
}

static const char *const ask_names[] = {"roles", "affiliations", "configuration", "the end", "to invite",
	"to be enrolled", "to resign", "a list"};

static void say_ask(struct chatter *ch, const struct ask *a)
{
	char text[256] = "";
	size_t n = 0;

	for (unsigned i = 0; i < a->row_n && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %c%d:%s", a->kind == ASK_ROLES ? 'n' : 'u',
			a->kind == ASK_ROLES ? a->rows[i].nick : a->rows[i].person,
			a->kind == ASK_ROLES ? law_role_name(a->rows[i].value)
					     : law_affiliation_name(a->rows[i].value));
	crowd_say(ch->crowd, "c%u (u%u) asks r%u for %s, k%u:%s %x", ch->index, ch->person, a->hall, ask_names[a->kind],
		(unsigned)a->number, text, a->config);
}

void chatter_ask(struct chatter *ch, unsigned hall, struct ask *a)
{
	CLEANUP(buf_clear) struct buf text = {.max = 65536};
	struct hall *h = &ch->crowd->halls[hall];

	a->chatter = (uint16_t)ch->index;
	a->hall = (uint16_t)hall;
	a->age = h->age;
	a->state = ASK_OPEN;
	say_ask(ch, a);
	if (a->kind == ASK_ENROL)
		h->enrolled[ch->person] = true;
	if (a->kind == ASK_INVITE) {
		buf_fmt(&text,
			"<message to='r%u@" HALL_SERVICE "' id='k%u'><x xmlns='" NS_MUC_USER
			"'><invite to='u%d@" STAGE_DOMAIN "'/></x></message>",
			hall, (unsigned)a->number, a->rows[0].person);
	} else {
		buf_fmt(&text, "<iq to='r%u@" HALL_SERVICE "' id='k%u' type='%s'>", hall, (unsigned)a->number,
			a->kind == ASK_READ ? "get" : "set");
		put_query(&text, a);
		buf_z(&text, "</iq>");
	}
	must(buf_ok(&text));
	client_send(&ch->client, buf_view(&text), 0);
}
