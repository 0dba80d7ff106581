/* The ledger of messages: what was sent, what arrived, and whether that is what was promised (README.md). */
#include <stdio.h>

#include "base/err.h"
#include "tests/peers/swarm.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- what a message says ---- */

static void body_of(uint32_t mail, struct buf *out)
{
	buf_fmt(out, "mail %u <&>\"' \xe2\x82\xac ", mail);
	for (unsigned i = 0; i < mail % 40; i++)
		buf_fmt(out, "%u,", mail * 31 + i);
	for (unsigned i = 0; mail % 29 == 5 && i < 3000; i++)
		buf_char(out, (char)('a' + i % 26));
}

static bool same_body(uint32_t mail, const struct xml_tree *t)
{
	uint32_t body = xml_child(t, XML_ROOT, "body", NS_CLIENT);
	struct buf want, tmp;
	bool same;

	buf_init(&want, 8192);
	buf_init(&tmp, 8192);
	body_of(mail, &want);
	same = body != XML_NONE && str_eq(xml_text(t, body, &tmp), buf_view(&want));
	buf_clear(&want);
	buf_clear(&tmp);
	return same;
}

int number_of_id(struct str id, char letter, uint32_t below)
{
	uint64_t n;

	if (id.n < 2 || id.p[0] != letter || str_uint((struct str){id.p + 1, id.n - 1}, UINT32_MAX, &n) != 0)
		return -1;
	return n < below ? (int)n : -1;
}

int box_of_jid(const struct swarm *s, struct str jid)
{
	for (unsigned i = 0; i < s->world.n; i++) {
		struct str bare = str_z(s->world.boxes[i].jid);

		if (str_starts(jid, bare) && (jid.n == bare.n || jid.p[bare.n] == '/'))
			return (int)i;
	}
	return -1;
}

/* ---- sending ---- */

static void send_it(struct player *p, uint32_t mail)
{
	const struct mail *m = &p->swarm->mails[mail];
	struct buf body, text;

	buf_init(&body, 8192);
	buf_init(&text, 65536);
	body_of(mail, &body);
	buf_fmt(&text, "<message id='m%u' to='%s'%s>", mail, p->swarm->world.boxes[m->to].jid,
		mail % 7 == 3 ? "" : " type='chat'");
	xml_put_text(&text, "body", buf_view(&body));
	buf_z(&text, "</message>");
	client_send(&p->client, buf_view(&text), mail + 1);
	buf_clear(&text);
	buf_clear(&body);
}

void mail_send(struct player *p, unsigned to)
{
	struct swarm *s = p->swarm;
	uint32_t mail = s->mail_n++;
	struct mail *m = &s->mails[mail];

	must(mail < MAILS_MAX);
	*m = (struct mail){.from = (uint8_t)p->index, .to = (uint8_t)to, .life = p->life, .sent_at = swarm_now(s)};
	m->seq = ++p->next_seq[to];
	m->stranger = !s->players[to].knows[p->index];
	s->stats.mails++;
	swarm_say(s, "u%u sends m%u to u%u", p->index, mail, to);
	send_it(p, mail);
}

void mail_send_again(struct player *p)
{
	struct swarm *s = p->swarm;

	for (uint32_t i = 0; i < s->mail_n; i++) {
		struct mail *m = &s->mails[i];

		if (m->from != p->index || !m->again)
			continue;
		m->again = false;
		m->resent = true;
		m->state = MAIL_SENT;
		m->life = p->life;
		swarm_say(s, "u%u sends m%u again", p->index, i);
		send_it(p, i);
	}
}

void mail_on_acked(struct player *p, uint32_t mail)
{
	struct mail *m = &p->swarm->mails[mail];

	swarm_say(p->swarm, "u%u: m%u is acknowledged", p->index, mail);
	m->state = MAIL_ACKED;
	p->knows[m->to] |= !m->bounced;
	p->swarm->stats.acked++;
}

void mail_on_unsure(struct player *p, uint32_t mail)
{
	struct mail *m = &p->swarm->mails[mail];

	m->state = MAIL_UNSURE;
	m->again = swarm_chance(p->swarm, 60);
}

/* ---- what comes back ---- */

/* Was there a reason for somebody to refuse it? */
static const char *why_refused(const struct swarm *s, const struct mail *m)
{
	if (s->disk_bad_until[m->from] >= m->sent_at)
		return "the sender's store failed";
	if (s->disk_bad_until[m->to] >= m->sent_at)
		return "the recipient's store failed";
	if (m->stranger)
		return "from a stranger";
	if (s->strangers && s->crashed_at[m->from])
		return "its node has forgotten the recipient, a passer-by";
	return NULL;
}

static bool is_confirmed(const struct swarm *s, const struct receipt *r)
{
	return r->number <= s->lives[r->life].confirmed;
}

static void on_error(struct player *p, const struct xml_tree *t)
{
	struct swarm *s = p->swarm;
	int mail = number_of_id(xml_attr(t, XML_ROOT, "id"), 'm', s->mail_n);
	struct mail *m = mail < 0 ? NULL : &s->mails[mail];
	uint32_t error = xml_child(t, XML_ROOT, "error", NS_CLIENT);
	struct str cond = error == XML_NONE ? STR_NONE : xml_name(t, xml_first(t, error));

	if (!m || m->from != p->index) {
		swarm_fail(s, "u%u gets an error for what it did not send", p->index);
		return;
	}
	swarm_say(s, "u%u: m%d comes back: %.*s", p->index, mail, STR_FMT(cond));
	if (!why_refused(s, m))
		swarm_fail(s, "m%d comes back to u%u without reason: %.*s", mail, p->index, STR_FMT(cond));
	/* That a stranger's message was refused is remembered in memory only. */
	if (m->bounced && !m->resent && !m->stranger)
		swarm_fail(s, "m%d comes back twice", mail);
	if (m->receipt_n && !m->resent && is_confirmed(s, &m->receipts[0]))
		swarm_fail(s, "m%d comes back, although u%u has it", mail, m->to);
	m->bounced = true;
	s->stats.bounced++;
}

/* ---- what arrives ---- */

static void check_copy(struct player *p, uint32_t mail)
{
	struct swarm *s = p->swarm;
	struct mail *m = &s->mails[mail];

	for (unsigned i = 0; i < m->receipt_n && !m->may_repeat; i++) {
		const struct receipt *r = &m->receipts[i];

		if (r->life == p->life || is_confirmed(s, r))
			swarm_fail(s, "u%u gets m%u from u%u again (life %u; before in life %u)", p->index, mail,
				m->from, p->life, r->life);
	}
	if (m->receipt_n)
		s->stats.repeated++;
	/* That it was refused is written with a failing disk, and may be forgotten. */
	if (m->bounced && !m->resent && !m->stranger && s->crashed_at[m->to] < m->sent_at)
		swarm_fail(s, "u%u gets m%u, which had come back to its sender", p->index, mail);
	if (m->receipt_n == RECEIPTS_MAX)
		swarm_fail(s, "m%u arrives too often", mail);
	else
		m->receipts[m->receipt_n++] = (struct receipt){p->life, p->client.received};
}

/* Another session of this person that may have had it, and lost it again. */
static bool others_since(const struct player *p, const struct mail *m)
{
	const struct swarm *s = p->swarm;

	for (uint32_t i = 1; i < s->life_n; i++)
		if (i != p->life && s->lives[i].box == p->index && s->lives[i].death >= m->sent_at)
			return true;
	return false;
}

static void check_order(struct player *p, uint32_t mail)
{
	struct swarm *s = p->swarm;
	const struct mail *m = &s->mails[mail];
	uint32_t *last = &s->lives[p->life].last_seq[m->from];
	bool troubled = s->disk_bad_until[p->index] >= m->sent_at;

	if (m->seq < *last && !m->resent && m->receipt_n == 1 && !troubled && !others_since(p, m))
		swarm_fail(s, "u%u gets m%u (number %u of u%u) after number %u", p->index, mail, m->seq, m->from,
			*last);
	/* A message that was sent again says nothing of the others' order. */
	if (m->seq > *last && !m->resent)
		*last = m->seq;
}

void mail_on_stanza(struct player *p, const struct xml_tree *t)
{
	struct swarm *s = p->swarm;
	int mail = number_of_id(xml_attr(t, XML_ROOT, "id"), 'm', s->mail_n);
	struct mail *m = mail < 0 ? NULL : &s->mails[mail];
	struct str from = xml_attr(t, XML_ROOT, "from");

	if (str_is(xml_attr(t, XML_ROOT, "type"), "error")) {
		on_error(p, t);
		return;
	}
	if (!m) {
		swarm_fail(s, "u%u gets a message that nobody sent, from %.*s", p->index, STR_FMT(from));
		return;
	}
	swarm_say(s, "u%u gets m%d", p->index, mail);
	s->stats.delivered++;
	if (!same_body((uint32_t)mail, t))
		swarm_fail(s, "u%u gets m%d, but it says something else", p->index, mail);
	if (m->to != p->index || box_of_jid(s, from) != m->from ||
		box_of_jid(s, xml_attr(t, XML_ROOT, "to")) != (int)p->index)
		swarm_fail(s, "u%u gets m%d from u%u to u%u, as from %.*s", p->index, mail, m->from, m->to,
			STR_FMT(from));
	check_copy(p, (uint32_t)mail);
	check_order(p, (uint32_t)mail);
}

/* ---- crashes ---- */

static bool node_has_seen(const struct swarm *s, const struct mail *m, uint32_t mail)
{
	char id[16];

	snprintf(id, sizeof(id), "m%u", mail);
	return inside_has_seen(box_core(&s->world.boxes[m->to]), s->world.boxes[m->from].domain, id);
}

static bool has_session(const struct swarm *s, unsigned box)
{
	for (uint32_t i = 1; i < s->life_n; i++)
		if (s->lives[i].box == box && s->lives[i].death >= swarm_now(s))
			return true;
	return false;
}

/* What the node has taken for its user and given to a session is in memory only until that has it. */
void mail_on_crash(struct swarm *s, unsigned box)
{
	bool somebody = has_session(s, box);

	for (uint32_t i = 0; i < s->mail_n; i++)
		if (s->mails[i].to == box && somebody && s->disk_bad_until[box] >= s->mails[i].sent_at &&
			node_has_seen(s, &s->mails[i], i))
			s->mails[i].may_be_lost = true;
}

/* The session may get a message before it is committed that it has come; then its sender's node will send it again. */
void mail_on_restart(struct swarm *s, unsigned box)
{
	for (uint32_t i = 0; i < s->mail_n; i++)
		if (s->mails[i].to == box && s->mails[i].receipt_n && !node_has_seen(s, &s->mails[i], i))
			s->mails[i].may_repeat = true;
}

/* ---- the end ---- */

static void check_arrived(struct swarm *s, uint32_t mail)
{
	const struct mail *m = &s->mails[mail];
	bool gone = s->players[m->from].life != m->life || s->crashed_at[m->to] >= m->sent_at;

	if (m->receipt_n || m->bounced || m->state != MAIL_ACKED)
		return;
	if (m->may_be_lost) {
		s->stats.lost_in_crash++;
	} else if (why_refused(s, m) && gone) {
		s->stats.bounce_lost++; /* the error went to nobody */
	} else {
		swarm_fail(s, "m%u from u%u to u%u was acknowledged and did not arrive", mail, m->from, m->to);
	}
}

void mail_check_all(struct swarm *s)
{
	for (uint32_t i = 0; i < s->mail_n; i++)
		check_arrived(s, i);
}
