/* What a client of the simulation does by itself: its lives, its presence, its note. */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "link/mem.h"
#include "tests/sim/sim.h"
#include "xmpp/ns.h"

enum { SLACK_MS = 1000, DRAIN_MS = 6000 };

static struct actor *actor_of(struct client *c) { return CONTAINER_OF(c, struct actor, client); }
static struct life *life_of(struct actor *a) { return &a->sim->lives[a->life]; }

/* ---- lives ---- */

static struct life *new_life(struct actor *a, int64_t birth)
{
	struct sim *s = a->sim;

	must(s->life_n < LIVES_MAX);
	a->life = s->life_n++;
	s->lives[a->life] = (struct life){.actor = a->index, .birth = birth, .death = INT64_MAX};
	s->stats.lives++;
	return &s->lives[a->life];
}

static void on_bound(struct client *c)
{
	struct actor *a = actor_of(c);
	struct life *old = life_of(a);

	/* The resource is always the same, so the server has ended the old session by now. */
	if (a->life && old->death > sim_now(a->sim) + DRAIN_MS)
		old->death = sim_now(a->sim) + DRAIN_MS;
	new_life(a, a->dialled_at)->known_at = sim_now(a->sim);
	memset(a->view, 0, sizeof(a->view));
	a->version_now = 0;
	a->open_to_all = false;
}

/* The server hears of this connection's end now at the latest. It may keep the session even if its client was never told
 * that it can be resumed. */
static void may_die(struct sim *s, struct life *l)
{
	bool waits = l->counting || s->actors[l->actor].client.use_sm;

	l->death = sim_now(s) + (waits ? (int64_t)s->stage.config.resume_seconds * 1000 : 0) + SLACK_MS;
}

/* While the store sleeps the server may be slow to read from a connection, and so to see its end. */
void lives_on_release(struct sim *s)
{
	for (uint32_t i = 1; i < s->life_n; i++) {
		struct life *l = &s->lives[i];
		int64_t death = l->death;

		if (death == INT64_MAX || death < s->held_from)
			continue;
		may_die(s, l);
		if (l->death < death)
			l->death = death;
	}
}

void lives_on_crash(struct sim *s)
{
	for (uint32_t i = 1; i < s->life_n; i++)
		if (s->lives[i].death > sim_now(s))
			s->lives[i].death = sim_now(s);
}

bool life_may_be_at(const struct life *l, int64_t when) { return l->birth <= when && l->death >= when; }

/* ---- what it is told by its client ---- */

static void send_again(struct actor *a)
{
	for (uint32_t i = 0; i < a->sim->mail_n; i++) {
		struct mail *m = &a->sim->mails[i];

		if (m->from == a->index && m->again) {
			m->again = false;
			mail_send_again(a, i);
		}
	}
}

static void on_session(struct client *c, bool resumed)
{
	struct actor *a = actor_of(c);

	sim_say(a->sim, "c%u is on, %s", a->index, resumed ? "resumed" : "new");
	if (resumed) {
		a->sim->stats.resumed++;
		life_of(a)->death = INT64_MAX;
		life_of(a)->confirmed = c->said;
		return;
	}
	actor_ask_roster(a);
	if (c->state == CLIENT_ON && !sim_chance(a->sim, 10))
		actor_send_presence(a, actor_any_priority(a->sim));
	send_again(a);
}

static void on_life_over(struct client *c)
{
	struct actor *a = actor_of(c);
	struct life *l = life_of(a);

	if (!a->life)
		return;
	sim_say(a->sim, "c%u: life %u is over", a->index, a->life);
	l->counting = c->counting;
	l->lost_in = c->end == END_CUT;
	l->lost_out = c->end != END_CLOSED;
	if (c->end == END_CLOSED)
		l->confirmed = c->said;
	room_on_life_over(a);
}

static void on_unsure(struct client *c, uint64_t tag)
{
	struct actor *a = actor_of(c);
	struct mail *m = tag ? &a->sim->mails[tag - 1] : NULL;

	if (!m)
		return;
	m->state = MAIL_UNSURE;
	m->again = !m->to_room && sim_chance(a->sim, 50);
}

static void on_acked(struct client *c, uint64_t tag)
{
	if (tag)
		mail_on_acked(actor_of(c), (uint32_t)tag - 1);
}

/* The connection broke while it was being bound. Perhaps there is a session that its client never heard of. */
static void unborn_life(struct actor *a)
{
	uint32_t life = a->life;
	struct life *l;

	if (a->client.step != STEP_BOUND)
		return;
	l = new_life(a, a->dialled_at);
	l->lost_in = l->lost_out = true;
	l->death = sim_now(a->sim) + DRAIN_MS;
	a->life = life;
}

static void on_down(struct client *c, enum client_end end)
{
	static const char *const names[] = {"cut", "closed", "ended by the server"};
	struct actor *a = actor_of(c);
	struct life *l = life_of(a);
	int64_t death = l->death;

	sim_say(a->sim, "c%u is down: %s %s", a->index, names[end], end == END_ERROR ? c->error : "");
	a->stalled = false;
	unborn_life(a);
	if (!a->life || c->step < STEP_RESUMED || c->step == STEP_BOUND)
		return; /* this connection had nothing to do with the last life */
	if (c->alive)
		l->counting = c->counting;
	may_die(a->sim, l);
	if (end != END_CUT)
		l->death = sim_now(a->sim) + (end == END_CLOSED ? 10 : DRAIN_MS);
	if (c->step == STEP_RESUMED && l->death < death)
		l->death = death;
}

/* ---- presence ---- */

int actor_of_address(const struct sim *s, struct str jid)
{
	char text[128];
	unsigned person, index;
	int n = 0;

	snprintf(text, sizeof(text), "%.*s", STR_FMT(jid));
	if (sscanf(text, "u%u@" STAGE_DOMAIN "/c%u%n", &person, &index, &n) != 2 || text[n])
		return -1;
	return index < s->actor_count && s->actors[index].person == person ? (int)index : -1;
}

void actor_send_presence(struct actor *a, int priority)
{
	a->version_now = ++a->version;
	a->open_to_all = priority >= 0;
	client_fmt(&a->client, 0, "<presence><priority>%d</priority><status>v%u</status></presence>", priority,
		a->version);
}

void actor_become_unavailable(struct actor *a)
{
	client_fmt(&a->client, 0, "<presence type='unavailable'/>");
	a->version_now = 0;
	a->open_to_all = false;
}

int actor_any_priority(struct sim *s)
{
	static const int priorities[] = {0, 0, 0, 5, -1};

	return priorities[sim_random(s, s->flavor & 1 ? 3 : 5)];
}

static void on_presence(struct actor *a, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from"), type = xml_attr(t, XML_ROOT, "type");
	uint32_t status = xml_child(t, XML_ROOT, "status", NS_CLIENT);
	int i = actor_of_address(a->sim, from);
	uint64_t version = 0;
	struct buf tmp;

	if (str_starts(from, STR(STAGE_ROOM))) {
		room_on_presence(a, t);
		return;
	}
	if (i < 0 || (type.p && !str_is(type, "unavailable"))) {
		sim_fail(a->sim, "c%u gets odd presence from %.*s", a->index, STR_FMT(from));
		return;
	}
	buf_init(&tmp, 256);
	if (!type.p && status != XML_NONE) {
		struct str v = xml_text(t, status, &tmp);

		str_uint((struct str){v.p + 1, v.n - 1}, UINT32_MAX, &version);
	}
	buf_clear(&tmp);
	a->view[i] = (uint32_t)version;
}

/* ---- the roster, and a note in it ---- */

void actor_set_note(struct actor *a)
{
	a->note_sent++;
	client_fmt(&a->client, 0,
		"<iq type='set' id='n%u'><query xmlns='" NS_ROSTER
		"'><item jid='note%u@elsewhere.example' name='%u'/></query></iq>",
		a->note_sent, a->index, a->note_sent);
}

void actor_ask_roster(struct actor *a)
{
	a->note_asked = a->note_acked;
	client_fmt(&a->client, 0, "<iq type='get' id='roster'><query xmlns='" NS_ROSTER "'/></iq>");
}

static void check_note(struct actor *a, const struct xml_tree *t, uint32_t query)
{
	uint64_t value = 0;
	char jid[64];

	snprintf(jid, sizeof(jid), "note%u@elsewhere.example", a->index);
	XML_EACH(i, t, query) {
		if (str_is(xml_attr(t, i, "jid"), jid))
			str_uint(xml_attr(t, i, "name"), UINT32_MAX, &value);
	}
	if (value < a->note_asked || value > a->note_sent)
		sim_fail(a->sim, "c%u: its note is %" PRIu64 ", but %u was acknowledged and %u sent", a->index, value,
			a->note_asked, a->note_sent);
}

static void on_iq(struct actor *a, const struct xml_tree *t)
{
	struct str id = xml_attr(t, XML_ROOT, "id"), type = xml_attr(t, XML_ROOT, "type");
	uint32_t query = xml_child(t, XML_ROOT, "query", NS_ROSTER);
	uint64_t value = 0;

	if (!str_is(type, "set") && rights_on_answer(a, id, str_is(type, "result")))
		return;
	if (str_is(type, "set")) {
		client_fmt(&a->client, 0, "<iq type='result' id='%.*s'/>", STR_FMT(id));
	} else if (str_is(type, "error")) {
		const char *why;

		if (!mail_may_be_refused(a->sim, NULL, &why))
			sim_fail(a->sim, "c%u: request %.*s is refused", a->index, STR_FMT(id));
	} else if (str_is(id, "roster") && query != XML_NONE) {
		check_note(a, t, query);
	} else if (id.n > 1 && id.p[0] == 'n' && str_uint((struct str){id.p + 1, id.n - 1}, UINT32_MAX, &value) == 0) {
		if (value > a->note_acked)
			a->note_acked = (uint32_t)value;
	}
}

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct actor *a = actor_of(c);
	struct str name = xml_name(t, XML_ROOT);

	if (str_is(name, "presence"))
		on_presence(a, t);
	else if (str_is(name, "iq"))
		on_iq(a, t);
	else if (str_starts(xml_attr(t, XML_ROOT, "from"), STR(STAGE_ROOM)))
		room_on_message(a, t);
	else
		mail_on_stanza(a, t);
}

static const struct client_ops ops = {
	.on_bound = on_bound,
	.on_session = on_session,
	.on_life_over = on_life_over,
	.on_unsure = on_unsure,
	.on_acked = on_acked,
	.on_stanza = on_stanza,
	.on_down = on_down,
};

/* ---- what it is made to do ---- */

void actor_init(struct sim *s, unsigned index, unsigned person)
{
	struct actor *a = &s->actors[index];
	char user[16], resource[16];

	*a = (struct actor){.sim = s, .index = index, .person = person};
	snprintf(user, sizeof(user), "u%u", person);
	snprintf(resource, sizeof(resource), "c%u", index);
	client_init(&a->client, &s->stage, user, resource);
	a->client.ops = &ops;
	a->client.use_sm = sim_chance(s, 80);
	a->away = sim_chance(s, 20);
}

bool actor_dial(struct actor *a)
{
	static const size_t capacities[] = {65536, 65536, 65536, 4096, 500}, trickles[] = {0, 0, 0, 0, 0, 0, 100, 7};
	struct sim *s = a->sim;

	a->client.capacity = capacities[sim_random(s, ARRAY_LEN(capacities))];
	a->client.trickle = trickles[sim_random(s, ARRAY_LEN(trickles))];
	a->client.eager = sim_chance(s, 30);
	a->client.give_up = sim_chance(s, 15);
	a->client.ack_all = sim_chance(s, 80);
	a->dialled_at = sim_now(s);
	a->away = false;
	return client_dial(&a->client);
}

void actor_abandon(struct actor *a)
{
	struct sim *s = a->sim;
	struct grave *g = &s->graves[s->grave_n];

	if (s->grave_n == GRAVES_MAX || a->client.state != CLIENT_ON)
		return;
	g->life = a->life;
	g->link = client_abandon(&a->client, &g->cable);
	if (!g->link)
		return;
	s->grave_n++;
	s->lives[g->life].death = INT64_MAX;
}

void grave_close(struct sim *s, unsigned i)
{
	struct grave *g = &s->graves[i];
	struct life *l = &s->lives[g->life];
	struct actor *owner = &s->actors[l->actor];
	bool resumed = owner->life == g->life && owner->client.state == CLIENT_ON;

	mem_link_cut(g->cable); /* it may be stalled, and then nobody would see an end */
	link_free(&g->link);
	if (l->death == INT64_MAX && !resumed)
		may_die(s, l);
	*g = s->graves[--s->grave_n];
}
