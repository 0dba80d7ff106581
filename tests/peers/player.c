/* What a person's client does by itself. */
#include <stdio.h>

#include "base/err.h"
#include "tests/peers/swarm.h"
#include "xmpp/ns.h"

enum { SLACK_MS = 1000, DRAIN_MS = 6000, TALK_TAG = 1 << 20 };

static struct player *player_of(struct client *c) { return CONTAINER_OF(c, struct player, client); }
static struct life *life_of(struct player *p) { return &p->swarm->lives[p->life]; }

bool player_can_send(const struct player *p)
{
	return p->client.state == CLIENT_ON || (p->client.keeping && p->client.state == CLIENT_DOWN);
}

/* ---- lives ---- */

static void may_die(struct player *p)
{
	struct swarm *s = p->swarm;

	life_of(p)->death = swarm_now(s) + (int64_t)player_box(p)->stage.config.resume_seconds * 1000 + SLACK_MS;
}

static void on_bound(struct client *c)
{
	struct player *p = player_of(c);
	struct swarm *s = p->swarm;

	if (p->life && life_of(p)->death > swarm_now(s) + DRAIN_MS)
		life_of(p)->death = swarm_now(s) + DRAIN_MS;
	must(s->life_n < LIVES_MAX);
	p->life = s->life_n++;
	*life_of(p) = (struct life){.box = p->index, .birth = swarm_now(s), .death = INT64_MAX};
	memset(p->view, 0, sizeof(p->view));
	p->version_now = 0;
	s->stats.lives++;
}

static void on_session(struct client *c, bool resumed)
{
	struct player *p = player_of(c);

	swarm_say(p->swarm, "u%u is on, %s", p->index, resumed ? "resumed" : "new");
	if (resumed) {
		p->swarm->stats.resumed++;
		life_of(p)->death = INT64_MAX;
		return;
	}
	player_send_presence(p);
	mail_send_again(p);
}

static void on_life_over(struct client *c)
{
	struct player *p = player_of(c);

	if (!p->life)
		return;
	swarm_say(p->swarm, "u%u: life %u is over", p->index, p->life);
	if (c->end == END_CLOSED)
		life_of(p)->last_said = c->said;
	hall_on_life_over(p);
}

static void on_unsure(struct client *c, uint64_t tag)
{
	if (tag && tag < TALK_TAG)
		mail_on_unsure(player_of(c), (uint32_t)tag - 1);
}

static void on_acked(struct client *c, uint64_t tag)
{
	if (tag >= TALK_TAG)
		hall_on_acked(player_of(c), (uint32_t)tag - TALK_TAG);
	else if (tag)
		mail_on_acked(player_of(c), (uint32_t)tag - 1);
}

static void on_down(struct client *c, enum client_end end)
{
	static const char *const names[] = {"cut", "closed", "ended by the node"};
	struct player *p = player_of(c);

	swarm_say(p->swarm, "u%u is down: %s %s", p->index, names[end], end == END_ERROR ? c->error : "");
	if (!p->life || c->step < STEP_RESUMED || c->step == STEP_BOUND)
		return;
	may_die(p);
	if (end != END_CUT)
		life_of(p)->death = swarm_now(p->swarm) + (end == END_CLOSED ? 10 : DRAIN_MS);
}

void player_on_crash(struct player *p)
{
	struct swarm *s = p->swarm;

	for (uint32_t i = 1; i < s->life_n; i++) {
		struct life *l = &s->lives[i];

		if (l->box == p->index && l->death > swarm_now(s))
			l->death = swarm_now(s);
		if (l->box == p->index)
			l->last_said = 0;
	}
}

/* ---- presence ---- */

void player_send_presence(struct player *p)
{
	p->version_now = ++p->version;
	client_fmt(&p->client, 0, "<presence><status>v%u</status></presence>", p->version);
}

static void on_presence(struct player *p, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from"), type = xml_attr(t, XML_ROOT, "type");
	uint32_t status = xml_child(t, XML_ROOT, "status", NS_CLIENT);
	int i = box_of_jid(p->swarm, from);
	uint64_t version = 0;
	struct buf tmp;

	if (hall_is_from(p->swarm, from)) {
		hall_on_presence(p, t);
		return;
	}
	if (i < 0 || (type.p && !str_is(type, "unavailable") && !str_is(type, "error"))) {
		/* Rows that have no key yet are shown, too. */
		if (!strstr(from.p, "@typed.internal"))
			swarm_fail(p->swarm, "u%u gets odd presence from %.*s", p->index, STR_FMT(from));
		return;
	}
	buf_init(&tmp, 256);
	if (!type.p && status != XML_NONE) {
		struct str v = xml_text(t, status, &tmp);

		if (v.n > 1)
			str_uint((struct str){v.p + 1, v.n - 1}, UINT32_MAX, &version);
	}
	buf_clear(&tmp);
	/* The node itself is shown as /lan as long as none of its clients is. */
	if (from.n > 4 && memcmp(from.p + from.n - 4, "/lan", 4) == 0)
		return;
	p->view[i] = (uint32_t)version;
}

static void on_iq(struct player *p, const struct xml_tree *t)
{
	struct str id = xml_attr(t, XML_ROOT, "id"), type = xml_attr(t, XML_ROOT, "type");

	if (str_is(type, "set"))
		client_fmt(&p->client, 0, "<iq type='result' id='%.*s'/>", STR_FMT(id));
}

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct player *p = player_of(c);
	struct str name = xml_name(t, XML_ROOT), type = xml_attr(t, XML_ROOT, "type");

	if (str_is(name, "presence"))
		on_presence(p, t);
	else if (str_is(name, "iq"))
		on_iq(p, t);
	else if (hall_is_from(p->swarm, xml_attr(t, XML_ROOT, "from")))
		hall_on_message(p, t);
	else if (!str_is(type, "headline"))
		mail_on_stanza(p, t);
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

void player_init(struct swarm *s, unsigned index)
{
	struct player *p = &s->players[index];
	struct box *b = &s->world.boxes[index];

	*p = (struct player){.swarm = s, .index = index};
	client_init(&p->client, &b->stage, b->user, "c");
	p->client.domain = b->domain;
	p->client.ops = &ops;
	p->client.use_sm = true;
	p->away = swarm_chance(s, 20);
}

void player_dial(struct player *p)
{
	p->away = false;
	client_dial(&p->client);
}
