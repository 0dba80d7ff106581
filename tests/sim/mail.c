/* The ledger of messages: what was sent, what arrived, and whether that is what was promised (README.md). */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "tests/sim/sim.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { BIG_BODY = 3000, FEW_OFFLINE = 1000 };

/* ---- what a message says ---- */

void mail_body(uint32_t mail, struct buf *out)
{
	buf_fmt(out, "mail %u <&>\"' \xe2\x82\xac ", mail);
	for (unsigned i = 0; i < mail % 40; i++)
		buf_fmt(out, "%u,", mail * 31 + i);
	for (unsigned i = 0; mail % 23 == 5 && i < BIG_BODY; i++)
		buf_char(out, (char)('a' + i % 26));
}

/* A prefix of the sender's stream header, one of its own, and neither. */
const char *mail_extra(uint32_t mail)
{
	static const char *const extras[] = {"", "", "<stream:odd/>",
		"<x:odd xmlns:x='urn:example:odd' x:a='1'>t</x:odd>"};

	return extras[mail % ARRAY_LEN(extras)];
}

static void write_mail(const struct sim *s, uint32_t mail, struct buf *out)
{
	const struct mail *m = &s->mails[mail];
	struct buf body;

	buf_init(&body, 8192);
	mail_body(mail, &body);
	buf_fmt(out, "<message id='m%u' to='u%u@" STAGE_DOMAIN, mail, m->to_person);
	if (m->to_address < ACTORS_MAX)
		buf_fmt(out, "/c%u", m->to_address);
	buf_fmt(out, "'%s>", m->normal ? "" : " type='chat'");
	xml_put_text(out, "body", buf_view(&body));
	buf_fmt(out, "%s</message>", mail_extra(mail));
	buf_clear(&body);
}

bool mail_same_body(struct sim *s, uint32_t mail, const struct xml_tree *t)
{
	uint32_t body = xml_child(t, XML_ROOT, "body", NS_CLIENT);
	struct buf want, tmp;
	bool same;

	buf_init(&want, 8192);
	buf_init(&tmp, 8192);
	mail_body(mail, &want);
	same = body != XML_NONE && str_eq(xml_text(t, body, &tmp), buf_view(&want));
	if (strstr(mail_extra(mail), "stream:"))
		same = same && xml_child(t, XML_ROOT, "odd", NS_STREAM) != XML_NONE;
	else if (mail_extra(mail)[0])
		same = same && xml_child(t, XML_ROOT, "odd", "urn:example:odd") != XML_NONE;
	buf_clear(&want);
	buf_clear(&tmp);
	return same;
}

int mail_of_id(const struct sim *s, struct str id, char letter)
{
	uint64_t n;

	if (id.n < 2 || id.p[0] != letter || str_uint((struct str){id.p + 1, id.n - 1}, MAILS_MAX, &n) != 0)
		return -1;
	return n < s->mail_n ? (int)n : -1;
}

/* ---- sending ---- */

uint32_t mail_new(struct actor *a)
{
	struct sim *s = a->sim;

	must(s->mail_n < MAILS_MAX);
	s->mails[s->mail_n] = (struct mail){.from = (uint8_t)a->index, .life = a->life, .sent_at = sim_now(s)};
	s->stats.mails++;
	return s->mail_n++;
}

static void send_it(struct actor *a, uint32_t mail)
{
	struct buf text;

	buf_init(&text, 65536);
	write_mail(a->sim, mail, &text);
	client_send(&a->client, buf_view(&text), mail + 1);
	buf_clear(&text);
}

void mail_send(struct actor *a, unsigned person, unsigned address)
{
	uint32_t mail = mail_new(a);
	struct mail *m = &a->sim->mails[mail];

	m->to_person = (uint8_t)person;
	m->to_address = (uint8_t)address;
	m->normal = mail % 7 == 3;
	/* A bare address has as many counts as there are people. */
	m->seq = ++a->next_seq[address == ACTORS_MAX ? ACTORS_MAX + 1 : address];
	sim_say(a->sim, "c%u sends m%u to u%u/%s%u%s", a->index, mail, person, address < ACTORS_MAX ? "c" : "-",
		address, m->normal ? " (normal)" : "");
	send_it(a, mail);
}

void mail_send_again(struct actor *a, uint32_t mail)
{
	struct mail *m = &a->sim->mails[mail];

	m->resends++;
	m->state = MAIL_SENT;
	m->life = a->life;
	sim_say(a->sim, "c%u sends m%u again", a->index, mail);
	send_it(a, mail);
}

void mail_on_acked(struct actor *a, uint32_t mail)
{
	struct mail *m = &a->sim->mails[mail];
	const char *why;

	sim_say(a->sim, "c%u: m%u is acknowledged", a->index, mail);
	m->state = MAIL_ACKED;
	m->in_trouble = mail_may_be_refused(a->sim, m, &why);
	m->unsafe = a->sim->disk_bad_until >= m->sent_at;
	a->sim->stats.acked++;
}

/* ---- what comes back ---- */

bool mail_may_be_refused(const struct sim *s, const struct mail *m, const char **ret_why)
{
	*ret_why = "the store failed";
	if (s->disk_bad_until >= (m ? m->sent_at : 0))
		return true;
	*ret_why = "a normal message to a resource that is not there";
	if (m && m->normal && m->to_address < ACTORS_MAX)
		return true;
	*ret_why = "too many messages waiting";
	return m && s->stage.config.offline_max < FEW_OFFLINE;
}

static bool crashed_since(const struct sim *s, int64_t when)
{
	return s->crash_n && s->crashed_at[s->crash_n - 1] >= when;
}

static bool is_confirmed(const struct sim *s, const struct receipt *r)
{
	return r->number ? r->number <= s->lives[r->life].confirmed : !crash_undid(s, r->at);
}

static void on_error(struct actor *a, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	int mail = mail_of_id(s, xml_attr(t, XML_ROOT, "id"), 'm');
	struct mail *m = mail < 0 ? NULL : &s->mails[mail];
	const char *why;

	if (!m || m->from != a->index || m->to_room) {
		sim_fail(s, "c%u gets an error for what it did not send", a->index);
		return;
	}
	sim_say(s, "c%u: m%d comes back", a->index, mail);
	if (!mail_may_be_refused(s, m, &why))
		sim_fail(s, "m%d comes back to c%u without reason", mail, a->index);
	if (m->bounced && !m->resends && !crashed_since(s, m->sent_at))
		sim_fail(s, "m%d comes back twice", mail);
	for (unsigned i = 0; i < m->receipt_n; i++)
		if (!m->resends && is_confirmed(s, &m->receipts[i]))
			sim_fail(s, "m%d comes back, although c%u has it", mail, s->lives[m->receipts[i].life].actor);
	m->bounced = true;
	s->stats.bounced++;
}

/* ---- what arrives ---- */

/* Another session of this person that may have had the message since it was sent. */
static bool others_since(const struct actor *a, const struct mail *m)
{
	const struct sim *s = a->sim;

	for (uint32_t i = 1; i < s->life_n; i++)
		if (i != a->life && s->actors[s->lives[i].actor].person == a->person && s->lives[i].death >= m->sent_at)
			return true;
	return false;
}

static void check_address(struct actor *a, uint32_t mail, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	const struct mail *m = &s->mails[mail];
	struct str to = xml_attr(t, XML_ROOT, "to");
	const struct actor *other;
	char bare[64], full[96];

	snprintf(bare, sizeof(bare), "u%u@" STAGE_DOMAIN, a->person);
	snprintf(full, sizeof(full), "%s/c%u", bare, a->index);
	if (m->to_person != a->person || actor_of_address(s, xml_attr(t, XML_ROOT, "from")) != m->from)
		sim_fail(s, "c%u gets m%u, which is not for it, or not from who sent it", a->index, mail);
	if (m->to_address == a->index || m->to_address == ACTORS_MAX) {
		if (!str_is(to, bare) && !str_is(to, full))
			sim_fail(s, "c%u gets m%u, addressed to %.*s", a->index, mail, STR_FMT(to));
		return;
	}
	/* Addressed to another resource: then that was not there all the time, as far as the server can see. */
	other = &s->actors[m->to_address];
	if (other->life && s->lives[other->life].known_at < m->sent_at && other->client.state == CLIENT_ON &&
		!other->shaky)
		sim_fail(s, "c%u gets m%u, which is for c%u, which is there", a->index, mail, m->to_address);
}

static bool may_be_copy(const struct sim *s, const struct mail *m, uint32_t life)
{
	unsigned same = 0;

	for (unsigned i = 0; i < m->receipt_n; i++) {
		const struct receipt *r = &m->receipts[i];
		const struct life *other = &s->lives[r->life];
		bool both = other->death >= s->lives[life].birth && r->life != life;

		same += r->life == life;
		/* One for each of those who were there. Else only if the server could not know. */
		if (!m->resends && !both && is_confirmed(s, r))
			return false;
		if (!m->resends && r->life == life)
			return false;
	}
	return same <= m->resends;
}

static void check_copy(struct actor *a, uint32_t mail)
{
	struct sim *s = a->sim;
	struct mail *m = &s->mails[mail];

	if (m->receipt_n)
		s->stats.copies++;
	if (!may_be_copy(s, m, a->life))
		sim_fail(s, "c%u gets m%u again (life %u; first in life %u of c%u)", a->index, mail, a->life,
			m->receipts[0].life, s->lives[m->receipts[0].life].actor);
	if (m->bounced && !m->resends && !crashed_since(s, m->sent_at))
		sim_fail(s, "c%u gets m%u, which had come back to its sender", a->index, mail);
	if (m->receipt_n == RECEIPTS_MAX) {
		sim_fail(s, "m%u arrives too often", mail);
		return;
	}
	m->receipts[m->receipt_n++] =
		(struct receipt){a->life, a->client.counting ? a->client.received : 0, sim_now(s)};
}

static void check_order(struct actor *a, uint32_t mail)
{
	struct sim *s = a->sim;
	const struct mail *m = &s->mails[mail];
	struct life *l = &s->lives[a->life];
	uint32_t *last = &l->last_seq[m->from][m->to_address];
	/* Until it is available it gets what is addressed to it, but not what was stored before; nor when that cannot be read. */
	bool stored = (m->to_address == a->index && m->sent_at <= l->known_at) || s->disk_bad_until >= m->sent_at;

	if (m->seq < *last && !m->resends && m->receipt_n == 1 && !stored && !others_since(a, m))
		sim_fail(s, "c%u gets m%u (number %u) after number %u", a->index, mail, m->seq, *last);
	if (m->seq > *last)
		*last = m->seq;
}

void mail_on_stanza(struct actor *a, const struct xml_tree *t)
{
	struct sim *s = a->sim;
	struct str type = xml_attr(t, XML_ROOT, "type");
	int mail = mail_of_id(s, xml_attr(t, XML_ROOT, "id"), 'm');

	if (str_is(type, "error")) {
		on_error(a, t);
		return;
	}
	if (mail < 0 || s->mails[mail].to_room) {
		sim_fail(s, "c%u gets a message that nobody sent", a->index);
		return;
	}
	sim_say(s, "c%u gets m%d", a->index, mail);
	s->stats.delivered++;
	if (!mail_same_body(s, (uint32_t)mail, t))
		sim_fail(s, "c%u gets m%d, but it says something else", a->index, mail);
	check_address(a, (uint32_t)mail, t);
	check_copy(a, (uint32_t)mail);
	check_order(a, (uint32_t)mail);
}

/* ---- the end ---- */

bool mail_is_acknowledged(const struct sim *s, const struct mail *m)
{
	if (m->state == MAIL_ACKED)
		return true;
	/* Without counting: a session that did not break, on a server that did not crash, took all. */
	return m->state == MAIL_SENT && !crashed_since(s, m->sent_at) && !s->lives[m->life].lost_out;
}

/* Was there somebody whom the server could believe to have got it? */
static bool may_be_lost(struct sim *s, const struct mail *m)
{
	for (uint32_t i = 1; i < s->life_n; i++) {
		const struct life *l = &s->lives[i];

		if (s->actors[l->actor].person != m->to_person || l->death < m->sent_at)
			continue;
		if (l->lost_in && !l->counting) {
			s->stats.lost_uncounted++;
			return true;
		}
	}
	return false;
}

/* It may have come back to its sender when the session that had it ended, and the store was failing. */
static bool may_have_returned(const struct sim *s, const struct mail *m)
{
	for (uint32_t i = 1; i < s->life_n; i++) {
		const struct life *l = &s->lives[i];

		if (s->actors[l->actor].person == m->to_person && l->death >= m->sent_at &&
			l->birth <= s->disk_bad_until)
			return true;
	}
	return false;
}

/* While the store fails people who are there go on talking, but nothing can be written down. */
static bool had_no_store(struct sim *s, const struct mail *m)
{
	if (!m->unsafe || !crashed_since(s, m->sent_at))
		return false;
	s->stats.lost_in_crash++;
	return true;
}

static void check_arrived(struct sim *s, uint32_t mail)
{
	struct mail *m = &s->mails[mail];
	const char *why;
	bool refused;

	if (m->to_room || m->receipt_n || m->bounced || !mail_is_acknowledged(s, m) || may_be_lost(s, m) ||
		had_no_store(s, m))
		return;
	refused = m->in_trouble || m->state != MAIL_ACKED || may_have_returned(s, m);
	if (s->actors[m->from].life != m->life && mail_may_be_refused(s, m, &why) && refused) {
		s->stats.bounce_lost++; /* to a session that was gone */
		return;
	}
	sim_fail(s, "m%u from c%u to u%u was acknowledged and did not arrive", mail, m->from, m->to_person);
}

void mail_check_all(struct sim *s)
{
	for (uint32_t i = 0; i < s->mail_n; i++)
		check_arrived(s, i);
}
