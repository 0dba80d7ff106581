/* Messages on their way to a peer. A row is there, in memory and in the store, from when our user has sent the message
 * until the other node has said that it is safe there (XEP-0198: it says so only when it is). Each session gets them
 * again, in order; that none arrives twice is the other end's doing, which knows their ids. */
#include "peer/peers_i.h"

#include "base/clock.h"
#include "xml/write.h"
#include "xmpp/legacy.h"
#include "xmpp/ns.h"

enum {
	LATE_MS = 1000,                /* from then on a message says when it was written */
	LONG_FOR_STRANGERS = 60 << 10, /* who does not know us takes no more */
	LONG = STANZA_PINNED - (4 << 10),
	FULL_ENOUGH = 200, /* thousandths of what may wait; from there on its writer is slowed */
	PAUSE_MAX_MS = 2000
};

void outbox_init(struct outbox *o)
{
	*o = (struct outbox){0};
	o->tail = o->unsent = &o->first;
}

void outbox_clear(struct outbox *o)
{
	struct outgoing *m;

	while ((m = o->first)) {
		o->first = m->next;
		xfree(m);
	}
	outbox_init(o);
}

/* What is worth nothing later (typing) and what is said in rooms is not kept. */
bool outbox_worth(const struct peer *p, const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && (s->type == TYPE_CHAT || s->type == TYPE_NORMAL) &&
		!packet_only_typing(s) && (p->kind != PEER_KEYED || str_eq(jid_domain(s->to), jid_str(p->entity.jid)));
}

/* Of the id that the other end knows it by. */
static int64_t hash_of(struct str stanza)
{
	struct stanza *s = NULL;
	int64_t hash = stanza_parse(stanza, &s) == 0 ? seen_hash(s->id) : 0;

	stanza_free(&s);
	return hash;
}

static struct outgoing *append(struct outbox *o, int64_t id, int64_t time, struct str stanza)
{
	struct outgoing *m = xcalloc(1, sizeof(*m) + stanza.n);

	m->id = id;
	m->time = time;
	m->n = (uint32_t)stanza.n;
	m->hash = hash_of(stanza);
	memcpy(m->stanza, stanza.p, stanza.n);
	*o->tail = m;
	o->tail = &m->next;
	o->n++;
	o->bytes += stanza.n;
	if (id > o->last_id)
		o->last_id = id;
	return m;
}

void outbox_load(struct peer *p, int64_t id, int64_t time, struct str stanza) { append(&p->outbox, id, time, stanza); }

/* ---- as packets ---- */

static void put_delay(const struct peer *p, int64_t time, struct buf *out)
{
	xml_put_open(out, "delay", NS_DELAY);
	xml_put_attr(out, "from", str_z(p->peers->domain));
	buf_z(out, " stamp='");
	clock_format(out, time);
	buf_z(out, "'/>");
}

static struct packet *keyed_packet(const struct peer *p, const struct outgoing *m, const struct stanza *s)
{
	bool late = core_wall(peer_core(p)) - m->time > LATE_MS && stanza_child(s, "delay", NS_DELAY) == XML_NONE;
	CLEANUP(buf_clear) struct buf from = {.max = JID_MAX}, to = {.max = JID_MAX};
	struct packet_head head;
	struct packet_writer w;

	packet_head_of(s, &head);
	/* Their user may have another name since it was written ... */
	if (s->to.local && p->user && str_eq(jid_domain(s->to), jid_str(p->entity.jid)) &&
		!str_eq(jid_local(s->to), str_z(p->user)))
		head.to = jid_str(peer_jid(p, &to));
	/* ... and ours, too, who would be a stranger there. */
	if (str_eq(jid_domain(s->from), str_z(p->peers->domain)) && !jid_eq_bare(s->from, p->peers->self)) {
		buf_str(&from, jid_bare_str(p->peers->self));
		head.from = buf_view(&from);
	}
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	if (late)
		put_delay(p, m->time, &w.out);
	return packet_end(&w);
}

static struct packet *legacy_packet(const struct peer *p, const struct stanza *s)
{
	uint32_t body = stanza_child(s, "body", NS_CLIENT);
	CLEANUP(buf_clear) struct buf tmp = {.max = LONG};
	CLEANUP(buf_clear) struct buf out = {.max = 16 * LONG};

	if (body == XML_NONE)
		return NULL;
	buf_z(&out, "<message");
	xml_put_attr(&out, "to", str_z(p->instance ? p->instance : p->label));
	xml_put_attr(&out, "from", str_z(peers_instance(&p->peers->host)));
	buf_z(&out, " type='chat'>");
	legacy_message(&out, xml_text(&s->tree, body, &tmp), false);
	buf_z(&out, "</message>");
	return buf_ok(&out) && buf_ok(&tmp) ? packet_verbatim(STANZA_MESSAGE, buf_view(&out)) : NULL;
}

static void drop(struct peer *p, struct outgoing **at)
{
	struct outbox *o = &p->outbox;
	struct outgoing *m = *at;

	*at = m->next;
	if (!m->next)
		o->tail = at;
	if (o->unsent == &m->next)
		o->unsent = at;
	o->n--;
	o->bytes -= m->n;
	store_put(core_batch(peer_core(p)), STORE_OUTBOX_DEL, str_z(p->peers->domain), jid_str(p->entity.jid), m->id);
	xfree(m);
}

/* False: it can never be sent. */
static bool send_one(struct peer *p, struct outgoing *m)
{
	struct stanza *s = NULL;
	struct packet *packet = NULL;

	if (stanza_parse((struct str){m->stanza, m->n}, &s) == 0)
		packet = p->kind == PEER_LEGACY ? legacy_packet(p, s) : keyed_packet(p, m, s);
	stanza_free(&s);
	if (!packet)
		return false;
	packet->tag = (uint64_t)m->id;
	m->sent = true;
	link_send(p, &packet, m->commit);
	return true;
}

void outbox_flush(struct peer *p)
{
	struct outbox *o = &p->outbox;

	/* That they have made a stream to us does not make it one for our words. */
	if (!o->first || !dial_may_speak(p))
		return;
	/* And our own, when it is answered, is the only one: what we said on theirs may have been read, or not. */
	if (p->kind == PEER_LEGACY && p->dialling)
		return;
	while (*o->unsent && p->link && session_alive(&p->link->session)) {
		if (!(*o->unsent)->sent && !send_one(p, *o->unsent))
			drop(p, o->unsent);
		else
			o->unsent = &(*o->unsent)->next;
	}
}

/* ---- from our user ---- */

static struct xerr check(const struct peer *p, const struct stanza *s, struct str text)
{
	const struct outbox *o = &p->outbox;
	size_t max = p->seen.n || p->kind != PEER_KEYED ? LONG : LONG_FOR_STRANGERS;

	(void)s;
	if (p->trust == TRUST_BLOCKED)
		return xerr_text(XERR_NOT_ACCEPTABLE, "you have blocked this peer");
	if (p->peers->config.plaintext == PLAINTEXT_NEVER && p->kind == PEER_LEGACY &&
		p->plain.starttls == HAS_STARTTLS_NOT)
		return xerr_text(XERR_POLICY_VIOLATION,
			"it speaks without encryption only, and this node was started with --plaintext never");
	if (text.n > max)
		return xerr_text(XERR_POLICY_VIOLATION, "too long for this peer");
	if (!core_can_store(peer_core(p)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (o->n >= p->peers->config.outbox_max || o->bytes + text.n > OUTBOX_BYTES)
		return xerr_text(XERR_RESOURCE_CONSTRAINT,
			peer_is_up(p)
				? "too much is on its way to this peer: as many messages as this node keeps have gone out "
				  "and are not acknowledged yet; this one was not taken, send it again in a moment"
				: "too much waits for this peer: as many messages as this node keeps wait until it is there; "
				  "this one was not taken");
	return XERR_OK;
}

/* An id is what the other end knows a message by. Addressed to the node itself, it is for its user. */
static struct packet *with_id(struct peer *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};
	struct packet_head head;
	struct packet_writer w;
	char id[25];

	packet_head_of(s, &head);
	if (!head.id.n) {
		rand_token(id, sizeof(id) - 1);
		head.id = str_z(id);
	}
	if (p->kind == PEER_KEYED && !s->to.local)
		head.to = jid_str(peer_jid(p, &to));
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	return packet_end(&w);
}

/* What our user writes goes at once: if this node forgets it in a crash, his client was not told that it is safe. But a receipt
 * says that something of theirs is safe here. */
static uint64_t depends_on(const struct stanza *s)
{
	return stanza_child(s, "received", NS_RECEIPTS) != XML_NONE ? s->commit : 0;
}

/* What programs send by themselves answers nobody: a stranger asks for receipts with his first message. */
static bool is_answer(const struct stanza *s)
{
	static const char *const automatic[] = {"received", "displayed", "acknowledged"};
	bool by_itself = stanza_child(s, "received", NS_RECEIPTS) != XML_NONE;

	for (size_t i = 0; i < ARRAY_LEN(automatic); i++)
		by_itself |= stanza_child(s, automatic[i], NS_MARKERS) != XML_NONE;
	return !by_itself || stanza_child(s, "body", NS_CLIENT) != XML_NONE;
}

/* Whoever is answered is no stranger any more, and for a while also who has no key. */
static void note_answer(struct peer *p)
{
	if (p->trust == TRUST_NEW && p->kind == PEER_KEYED) /* without a key there is nothing to pin */
		peer_set_trust(p, TRUST_PINNED);
	inbound_answered(p);
	p->peers->strangers_bytes -= p->stranger.bytes;
	p->stranger.bytes = 0;
}

/* What our user's client writes faster than the link carries it would be refused in the end, though nobody is away. So the client
 * is not read for a while: the longer the more there is. */
static void slow_down(const struct peer *p, const struct stanza *s)
{
	uint64_t rows = 1000ull * p->outbox.n / p->peers->config.outbox_max;
	uint64_t bytes = 1000ull * p->outbox.bytes / OUTBOX_BYTES;
	uint64_t full = rows > bytes ? rows : bytes; /* in thousandths */

	if (peer_is_up(p) && full > FULL_ENOUGH)
		core_slow(peer_core(p), s, (uint32_t)((full - FULL_ENOUGH) * PAUSE_MAX_MS / (1000 - FULL_ENOUGH)) + 1);
}

static void put(struct peer *p, struct stanza **s, int64_t time)
{
	struct core *c = peer_core(p);
	struct packet *packet = with_id(p, *s);
	struct xerr e = packet ? check(p, *s, packet_view(packet)) : xerr(XERR_POLICY_VIOLATION);
	struct outgoing *m;

	if (!xerr_ok(e)) {
		packet_unref(&packet);
		core_bounce(c, s, e);
		return;
	}
	if (is_answer(*s))
		note_answer(p);
	peer_store(p);
	m = append(&p->outbox, p->outbox.last_id + 1, time, packet_view(packet));
	m->commit = depends_on(*s);
	if (p->outbox.n ==
		1) /* if leave is needed for it our user is told, though he may have been before anything waited */
		p->plain.asked = false;
	store_put(core_batch(c), STORE_OUTBOX_ADD, str_z(p->peers->domain), jid_str(p->entity.jid), m->id, m->time,
		packet_view(packet));
	packet_unref(&packet);
	if (p->link && session_alive(&p->link->session))
		outbox_flush(p);
	else
		dial_now(p);
	slow_down(p, *s);
	core_done(c, s);
}

void outbox_put(struct peer *p, struct stanza **s) { put(p, s, core_wall(peer_core(p))); }

/* ---- what became of it ---- */

static struct outgoing **find(struct outbox *o, int64_t id)
{
	struct outgoing **at = &o->first;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void be_unsent(struct outbox *o, struct outgoing **at)
{
	if (!*o->unsent || (*at)->id < (*o->unsent)->id)
		o->unsent = at;
}

/* Of what people said; that a receipt has arrived is nobody's business. */
static void tell_sent(const struct peer *p, const struct outgoing *m)
{
	struct stanza *s;

	if (stanza_parse((struct str){m->stanza, m->n}, &s) != 0)
		return;
	if (stanza_child(s, "body", NS_CLIENT) != XML_NONE)
		notice_sent(p, s->id);
	stanza_free(&s);
}

void outbox_tagged(struct peer *p, uint64_t id, bool arrived)
{
	struct outgoing **at = find(&p->outbox, (int64_t)id);

	if (!*at)
		return;
	if (!arrived) {
		(*at)->sent = false;
		be_unsent(&p->outbox, at);
		if (peer_is_up(p))
			outbox_flush(p);
		return;
	}
	tell_sent(p, *at);
	drop(p, at);
}

/* An error is an answer: it is not for the next session to hear the same again. */
void outbox_refused(struct peer *p, struct str id)
{
	int64_t hash = id.n ? seen_hash(id) : 0;
	struct outgoing **at = &p->outbox.first;

	while (*at && ((*at)->hash != hash || !(*at)->sent))
		at = &(*at)->next;
	if (hash && *at)
		drop(p, at);
}

/* Also what the old session has not given back yet: it comes before what is written from now on. */
void outbox_unsent(struct peer *p)
{
	for (struct outgoing *m = p->outbox.first; m; m = m->next)
		m->sent = false;
	p->outbox.unsent = &p->outbox.first;
}

/* ---- when an address has become a peer ---- */

/* The text is for an address that nobody has any more. */
static void readdress(struct peer *to, struct outgoing *m)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct stanza *s = NULL;

	if (stanza_parse((struct str){m->stanza, m->n}, &s) != 0)
		return;
	stanza_readdress(&s, peer_jid(to, &jid));
	s->commit = m->commit;
	put(to, &s, m->time);
}

void outbox_move(struct peer *to, struct peer *from)
{
	for (struct outgoing *m = from->outbox.first; m; m = m->next)
		readdress(to, m);
}

void outbox_bounce(struct peer *p, struct xerr why)
{
	while (p->outbox.first) {
		struct outgoing *m = p->outbox.first;
		struct stanza *s = NULL;

		if (stanza_parse((struct str){m->stanza, m->n}, &s) == 0)
			core_bounce(peer_core(p), &s, why);
		drop(p, &p->outbox.first);
	}
}
