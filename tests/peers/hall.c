/* The room of machine 0, with occupants from everywhere: who is in hears all, once, in the same order, or is told that he is
 * out. */
#include <stdio.h>

#include "base/err.h"
#include "tests/peers/swarm.h"
#include "xmpp/ns.h"

enum { TALK_TAG = 1 << 20, DOUBT_MS = 15000 };

static void room_jid(const struct swarm *s, struct buf *out)
{
	buf_fmt(out, "hall@rooms.%s", s->world.boxes[0].domain);
}

bool hall_is_from(const struct swarm *s, struct str jid)
{
	CLEANUP(buf_clear) struct buf room = {.max = 128};

	room_jid(s, &room);
	return str_starts(jid, buf_view(&room));
}

static struct stay *stay_of(struct player *p) { return p->stay ? &p->swarm->stays[p->stay] : NULL; }

static void end_stay(struct player *p, const char *why)
{
	struct stay *st = stay_of(p);

	p->joining = false;
	if (!st)
		return;
	swarm_say(p->swarm, "u%u: its stay %u in the room is over: %s", p->index, p->stay, why);
	st->over = true;
	p->stay = 0;
}

/* ---- what people do ---- */

void hall_join(struct player *p)
{
	CLEANUP(buf_clear) struct buf room = {.max = 128};

	room_jid(p->swarm, &room);
	end_stay(p, "it enters again");
	p->joining = true;
	swarm_say(p->swarm, "u%u asks to enter the room", p->index);
	client_fmt(&p->client, 0,
		"<presence to='%s/u%u'><x xmlns='" NS_MUC "'><history maxstanzas='0'/></x></presence>", buf_cstr(&room),
		p->index);
}

void hall_leave(struct player *p)
{
	CLEANUP(buf_clear) struct buf room = {.max = 128};

	room_jid(p->swarm, &room);
	end_stay(p, "it leaves");
	client_fmt(&p->client, 0, "<presence to='%s/u%u' type='unavailable'/>", buf_cstr(&room), p->index);
}

void hall_say(struct player *p)
{
	CLEANUP(buf_clear) struct buf room = {.max = 128};
	struct swarm *s = p->swarm;
	uint32_t talk = s->talk_n;

	if (!p->stay || talk == TALKS_MAX)
		return;
	room_jid(s, &room);
	s->talks[s->talk_n++] = (struct talk){.from = (uint8_t)p->index, .stay = p->stay, .said_at = swarm_now(s)};
	s->talks[talk].doubtful = s->disk_bad_until[0] > swarm_now(s) - DOUBT_MS;
	s->stats.talks++;
	swarm_say(s, "u%u says t%u", p->index, talk);
	client_fmt(&p->client, TALK_TAG + talk, "<message id='t%u' type='groupchat' to='%s'><body>%u</body></message>",
		talk, buf_cstr(&room), talk);
}

/* What was on its way when the host's disk failed may have been taken back. */
void hall_on_disk_fault(struct swarm *s)
{
	for (uint32_t i = 0; i < s->talk_n; i++)
		if (s->talks[i].said_at > swarm_now(s) - DOUBT_MS || !s->talks[i].heard)
			s->talks[i].doubtful = true;
}

/* ---- what they are told ---- */

void hall_on_presence(struct player *p, const struct xml_tree *t)
{
	struct swarm *s = p->swarm;
	struct str type = xml_attr(t, XML_ROOT, "type"), from = xml_attr(t, XML_ROOT, "from");
	char own[16];
	int n = snprintf(own, sizeof(own), "/u%u", p->index);

	if (from.n < (size_t)n || memcmp(from.p + from.n - n, own, (size_t)n) != 0)
		return;
	if (str_is(type, "unavailable") && p->joining)
		return; /* of the stay before */
	if (type.p) {
		end_stay(p, "it is told so");
		return;
	}
	if (!p->joining || s->stay_n == STAYS_MAX)
		return;
	p->joining = false;
	p->stay = s->stay_n++;
	s->stays[p->stay] = (struct stay){.box = (uint8_t)p->index};
	s->stats.stays++;
	swarm_say(s, "u%u is in the room, stay %u", p->index, p->stay);
}

static void hear(struct player *p, uint32_t talk)
{
	struct swarm *s = p->swarm;
	struct stay *st = stay_of(p);

	for (uint32_t i = 0; i < st->heard_n; i++)
		if (st->heard[i] == talk)
			swarm_fail(s, "u%u hears t%u twice", p->index, talk);
	if (st->heard_n == st->heard_cap) {
		st->heard_cap = st->heard_cap ? 2 * st->heard_cap : 16;
		st->heard = xrealloc(st->heard, st->heard_cap * sizeof(*st->heard));
	}
	st->heard[st->heard_n++] = talk;
	if (s->talks[talk].from == p->index)
		s->talks[talk].heard = true;
	s->stats.heard++;
}

void hall_on_message(struct player *p, const struct xml_tree *t)
{
	struct swarm *s = p->swarm;
	int talk = number_of_id(xml_attr(t, XML_ROOT, "id"), 't', s->talk_n);
	struct str type = xml_attr(t, XML_ROOT, "type");

	if (talk < 0)
		return;
	swarm_say(s, "u%u hears t%d%s", p->index, talk, str_is(type, "error") ? " come back" : "");
	if (str_is(type, "error"))
		s->talks[talk].bounced = true;
	else if (p->stay)
		hear(p, (uint32_t)talk);
}

void hall_on_acked(struct player *p, uint32_t talk) { p->swarm->talks[talk].acked = true; }

void hall_on_life_over(struct player *p) { end_stay(p, "its session is over"); }

/* The room is in memory; whoever was in it, and does not hear of its end, finds out by asking (XEP-0410). */
void hall_on_crash(struct swarm *s, unsigned box)
{
	for (unsigned i = 0; i < s->world.n; i++)
		if (box == 0)
			end_stay(&s->players[i], "its host is gone");
}

/* ---- the end ---- */

static int64_t place_in(const struct stay *st, uint32_t talk)
{
	for (uint32_t i = 0; i < st->heard_n; i++)
		if (st->heard[i] == talk)
			return i;
	return -1;
}

/* Between two that both have heard, both have heard the same. */
static void compare(struct swarm *s, uint32_t x, uint32_t y)
{
	const struct stay *a = &s->stays[x], *b = &s->stays[y];
	uint32_t i = 0;
	int64_t k = -1;

	while (i < a->heard_n && (k = place_in(b, a->heard[i])) < 0)
		i++;
	while (i < a->heard_n && k < b->heard_n) {
		if (s->talks[a->heard[i]].doubtful) {
			i++;
		} else if (s->talks[b->heard[k]].doubtful) {
			k++;
		} else if (a->heard[i] != b->heard[k]) {
			if (place_in(b, a->heard[i]) >= 0 || place_in(a, b->heard[k]) >= 0 || i + 1 < a->heard_n)
				swarm_fail(s, "in stay %u of u%u t%u comes where in stay %u of u%u there is t%u", x,
					a->box, a->heard[i], y, b->box, b->heard[k]);
			return;
		} else {
			i++;
			k++;
		}
	}
}

static void check_heard(struct swarm *s, uint32_t talk)
{
	const struct talk *t = &s->talks[talk];

	if (t->acked && !t->heard && !t->bounced && !t->doubtful && !s->stays[t->stay].over)
		swarm_fail(s, "t%u of u%u was acknowledged, and its sender neither heard it nor got it back", talk,
			t->from);
}

static void check_last(struct swarm *s, uint32_t talk)
{
	for (uint32_t i = 1; i < s->stay_n; i++)
		if (!s->stays[i].over && place_in(&s->stays[i], talk) < 0)
			swarm_fail(s, "u%u is in the room (stay %u), and did not hear t%u", s->stays[i].box, i, talk);
}

/* While those who spoke are still in. */
void hall_check_heard(struct swarm *s)
{
	for (uint32_t i = 0; i < s->talk_n; i++)
		check_heard(s, i);
}

void hall_check_all(struct swarm *s)
{
	hall_check_heard(s);
	for (uint32_t i = s->talk_n; i-- > 0;)
		if (s->talks[i].heard && !s->talks[i].doubtful) {
			check_last(s, i);
			break;
		}
	for (uint32_t i = 1; i < s->stay_n; i++)
		for (uint32_t k = 1; k < s->stay_n; k++)
			if (i != k)
				compare(s, i, k);
}

void hall_clear(struct swarm *s)
{
	for (uint32_t i = 1; i < s->stay_n; i++)
		xfree(s->stays[i].heard);
}
