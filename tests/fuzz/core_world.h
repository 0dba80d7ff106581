/* For fuzz_core.c: what is around the core. A host as small as can be, clients that remember what they got, and wires
 * that keep what src/wire keeps of a connection, without links and streams. */
#ifndef TESTS_FUZZ_CORE_WORLD_H
#define TESTS_FUZZ_CORE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_i.h"
#include "tests/lib/fuzz.h"

enum { WIRES = 2, CLIENTS = 6, CONNS = 96, IDS = 2048, KEPT = 64, QUEUE_MAX = 40 };

struct entry {
	struct packet *p;
	uint64_t commit;
	bool counted, written;
};

/* What src/wire keeps of a connection. */
struct conn {
	uint64_t id, session;
	struct client *client; /* NULL: it has gone */
	bool open, lost, dead, waiting, sm;
	uint32_t acked, forwarded, credited;
	struct entry *q;
	uint32_t n;
};

/* Somebody who logs in, and remembers. */
struct client {
	struct conn *conn; /* NULL: not connected */
	uint64_t session;  /* of the last login; only for the host */
	char *token, *jid;
	bool sm;
	uint32_t h, sent; /* stanzas got since counting began; sent in the session */
	uint32_t last;    /* id of the last message got in this session */
};

struct sess {
	struct session session;
	uint32_t acked_before;
};

static struct {
	struct core *core;
	int64_t now;
	struct host host;
	struct entity note, keep, write, account[CLIENTS];
	struct conn conn[CONNS];
	uint32_t conn_n;
	struct client client[CLIENTS];
	struct msgs inbox[WIRES], to_core; /* not taken yet */
	uint64_t wire_committed[WIRES];
	uint64_t batch, committed;
	struct stanza *kept[KEPT];
	uint32_t kept_n;
	uint32_t next_id;
	uint8_t expected[IDS], got[IDS], back[IDS]; /* copies of each message */
	uint32_t acked[IDS];
	uint64_t live; /* sessions */
} f;

/* ---- the host ---- */

static uint32_t id_of(const struct stanza *s)
{
	uint64_t id;

	if (!s->id.n || s->id.p[0] != 'm' || str_uint((struct str){s->id.p + 1, s->id.n - 1}, IDS - 1, &id) != 0)
		return 0;
	return (uint32_t)id;
}

/* It will not reach its client any more. */
static void on_back(const struct stanza *s)
{
	uint32_t id = id_of(s);

	if (!id)
		return;
	f.back[id]++;
	must(f.back[id] + f.acked[id] <= f.expected[id]);
}

static void note_deliver(struct entity *e, struct stanza **s)
{
	if ((*s)->type == TYPE_ERROR) /* what could not be stored in time */
		on_back(*s);
	core_done(e->core, s);
}

static void keep_deliver(struct entity *e, struct stanza **s)
{
	if (f.kept_n < KEPT)
		f.kept[f.kept_n++] = TAKE(*s);
	else
		core_done(e->core, s);
}

static void write_deliver(struct entity *e, struct stanza **s)
{
	store_put(core_batch(e->core), STORE_OFFLINE_DEL, STR("x"), STR("y"), (int64_t)1);
	if ((*s)->kind == STANZA_IQ)
		iq_answer(e->core, s, STR_NONE, core_commit(e->core));
	else
		core_done(e->core, s);
}

static struct session *session_named(struct jid full)
{
	struct session *s;

	for (uint32_t pos = 0; (s = core_next_session(f.core, &pos));)
		if (session_alive(s) && jid_eq(s->jid, full))
			return s;
	return NULL;
}

static void account_deliver(struct entity *e, struct stanza **s)
{
	struct session *to = session_named((*s)->to);
	struct str text = jid_str((*s)->to);
	struct packet *p = to ? packet_from(*s, &text) : NULL;

	if (to)
		session_send(to, &p, (*s)->type == TYPE_CHAT ? core_commit(e->core) : 0);
	else
		on_back(*s);
	core_done(e->core, s);
}

static void nothing_freed(struct entity *e) { entity_clear(e); }

static const struct entity_ops note_ops = {.name = "note", .deliver = note_deliver, .free = nothing_freed};
static const struct entity_ops keep_ops = {.name = "keep", .deliver = keep_deliver, .free = nothing_freed};
static const struct entity_ops write_ops = {.name = "write", .deliver = write_deliver, .free = nothing_freed};
static const struct entity_ops account_ops = {.name = "account", .deliver = account_deliver, .free = nothing_freed};

static struct entity *get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	struct str local = jid_local(bare);

	if (str_is(local, "note"))
		return &f.note;
	if (str_is(local, "keep"))
		return &f.keep;
	if (str_is(local, "write"))
		return &f.write;
	if (local.n == 2 && local.p[0] == 'c' && local.p[1] >= '0' && local.p[1] < '0' + CLIENTS)
		return &f.account[local.p[1] - '0'];
	*ret_error = xerr(XERR_ITEM_NOT_FOUND);
	return NULL;
}

static void on_stanza(struct session *s, struct stanza **st)
{
	if (jid_some((*st)->to))
		core_send(s->core, st);
	else
		core_done(s->core, st);
}

static void on_gone(struct session *s)
{
	struct session *other;

	/* Last words to all others, from the middle of whatever made it go. */
	for (uint32_t pos = 0; (other = core_next_session(s->core, &pos));) {
		struct packet *p = packet_raw(STR("<presence from='note@x.test'/>"));

		p->raw = false;
		p->volatile_ = true;
		core_multicast(s->core, &p, 1, &other->handle, 1, 0);
	}
}

static void on_returned(struct session *s, struct stanza **st)
{
	must(s->state == SESSION_ENDING);
	on_back(*st);
	core_done(s->core, st);
}

static void on_free(struct session *s)
{
	session_clear(s);
	xfree(s);
	f.live--;
}

static const struct session_ops session_ops = {.on_stanza = on_stanza,
	.on_gone = on_gone,
	.on_returned = on_returned,
	.free = on_free};

static void on_login(struct host *h, struct msg *m)
{
	CLEANUP(buf_clear) struct buf full = {.max = JID_MAX};
	struct session *old;
	struct sess *s = xcalloc(1, sizeof(*s));
	struct jid jid;

	buf_fmt(&full, "%s/r", m->bind.account);
	jid = jid_view(buf_view(&full));
	old = session_named(jid);
	if (old)
		session_close(old, SERR_CONFLICT, "replaced");
	f.live++;
	if (session_open(&s->session, &session_ops, h->entity.core, &f.account[m->bind.account[1] - '0'], jid,
		    m->conn) == 0)
		return;
	f.live--;
	core_to_wire(h->entity.core, MSG_BOUND, m->conn)->bound.error = XERR_RESOURCE_CONSTRAINT;
	xfree(s);
}

static const struct host_ops host_ops = {.get = get, .on_login = on_login};

/* ---- wires ---- */

static struct msg *say(struct conn *c, enum msg_kind kind)
{
	struct msg *m = msgs_add(&f.to_core);

	m->kind = kind;
	m->conn = c->id;
	m->session = c->session;
	return m;
}

static void enqueue(struct conn *c, struct packet *p, uint64_t commit, bool counted)
{
	c->q = xrealloc(c->q, (c->n + 1) * sizeof(*c->q));
	c->q[c->n++] = (struct entry){.p = packet_ref(p), .commit = commit, .counted = counted};
}

static void drop_entry(struct conn *c, uint32_t i)
{
	packet_unref(&c->q[i].p);
	memmove(c->q + i, c->q + i + 1, (--c->n - i) * sizeof(*c->q));
}

static void give_back(struct conn *c, struct packets *ret)
{
	while (c->n) {
		struct packet *p = packet_ref(c->q[0].p);

		packets_add(ret, &p);
		drop_entry(c, 0);
	}
}

static void disconnect(struct conn *c)
{
	if (c->client)
		c->client->conn = NULL;
	c->client = NULL;
	c->open = false;
}

static void lose(struct conn *c, bool resumable)
{
	struct msg *m;

	if (c->lost || c->dead)
		return;
	disconnect(c);
	c->lost = true;
	if (c->waiting)
		return; /* the answer names the session */
	if (!c->session) {
		c->dead = true;
		return;
	}
	m = say(c, MSG_LOST);
	m->end.acked = c->acked;
	m->end.resumable = resumable;
	give_back(c, &m->end.rest);
}

static void closed(struct conn *c)
{
	struct msg *m = say(c, MSG_CLOSED);

	must(!c->dead);
	m->end.acked = c->acked;
	give_back(c, &m->end.rest);
	disconnect(c);
	c->lost = c->dead = true;
}

/* A client gets a packet. */
static void receive(struct client *cl, const struct packet *p, bool counted)
{
	struct stanza *s;
	uint32_t id;

	cl->h += counted;
	must(packet_parse(p, jid_view(str_z(cl->jid)), &s) == 0);
	id = id_of(s);
	if (id && s->type != TYPE_ERROR) {
		must(id > cl->last);
		cl->last = id;
		f.got[id]++;
		/* With XEP-0198 one that is not acknowledged may come back all the same; of many copies it is not known whose. */
		must(f.got[id] + f.back[id] <= f.expected[id] || cl->sm || f.expected[id] > 1);
	}
	stanza_free(&s);
}

static void write_one(struct conn *c)
{
	uint64_t committed = f.wire_committed[table_tag(c->id)];

	for (uint32_t i = 0; c->client && i < c->n; i++) {
		if (c->q[i].written)
			continue;
		if (c->q[i].commit > committed)
			return;
		receive(c->client, c->q[i].p, c->q[i].counted);
		c->q[i].written = true;
		if (!c->q[i].counted)
			drop_entry(c, i);
		return;
	}
}

static void acknowledge(struct conn *c)
{
	uint32_t n = c->client && c->sm ? c->client->h - c->acked : 0;

	for (uint32_t i = 0; i < n; i++) {
		struct stanza *s;

		must(c->n && c->q[0].counted && c->q[0].written);
		must(packet_parse(c->q[0].p, jid_view(str_z(c->client->jid)), &s) == 0);
		f.acked[id_of(s)]++; /* 0: of something else */
		stanza_free(&s);
		drop_entry(c, 0);
	}
	c->acked += n;
}

static void on_bound(struct conn *c, struct msg *m)
{
	c->waiting = false;
	c->session = m->session;
	if (c->lost) {
		c->dead = !m->session;
		if (m->session)
			say(c, MSG_LOST)->end.resumable = true;
		return;
	}
	c->open = m->session != 0;
	if (!c->open) {
		disconnect(c);
		c->dead = true;
		return;
	}
	c->client->session = m->session;
	c->client->h = c->client->sent = c->client->last = 0;
	c->client->sm = false;
	xfree(c->client->jid);
	c->client->jid = TAKE(m->bound.jid);
}

static void refused(struct conn *c)
{
	c->dead = c->lost;
	if (c->client) { /* it will bind anew, some time */
		xfree(TAKE(c->client->token));
		disconnect(c);
		c->dead = true;
	}
}

static void on_attach(struct conn *c, struct msg *m)
{
	struct msg *back;

	c->waiting = false;
	if (m->attach.failed) {
		refused(c);
		return;
	}
	c->session = m->session;
	c->sm = true;
	c->acked = m->attach.acked;
	c->forwarded = c->credited = m->attach.handled;
	if (c->lost) {
		back = say(c, MSG_LOST);
		back->end.resumable = true;
		back->end.acked = m->attach.acked;
		back->end.rest = m->attach.queue;
		m->attach.queue = (struct packets){0};
		return;
	}
	c->open = true;
	must(c->client->h == m->attach.acked);
	must(c->client->sent == m->attach.handled);
	for (uint32_t i = 0; i < m->attach.queue.n; i++)
		enqueue(c, m->attach.queue.p[i], m->attach.commit, true);
}

static void on_expire(unsigned wire, uint64_t from)
{
	for (uint32_t k = 0; k < f.conn_n; k++) {
		struct conn *c = &f.conn[k];
		struct packets rest = {0};

		if (table_tag(c->id) != wire || c->lost || !c->session)
			continue;
		for (uint32_t i = 0; i < c->n;) {
			struct packet *p = c->q[i].p;

			if (c->q[i].written || c->q[i].commit < from) {
				i++;
				continue;
			}
			p = packet_ref(p);
			packets_add(&rest, &p);
			drop_entry(c, i);
		}
		if (rest.n)
			say(c, MSG_EXPIRED)->end.rest = rest;
	}
}

static struct conn *conn_of(uint64_t id)
{
	for (uint32_t i = 0; i < f.conn_n; i++)
		if (f.conn[i].id == id)
			return &f.conn[i];
	must(!"a message for nobody");
	return NULL;
}

static void on_send(struct msg *m)
{
	for (uint32_t i = 0; i < m->send.conn_count; i++) {
		struct conn *c = conn_of(m->send.conns ? m->send.conns[i] : m->conn);

		must(!c->dead); /* nothing is sent to an id after its CLOSE */
		for (uint32_t k = 0; k < m->send.packet_count; k++)
			enqueue(c, m->send.packets ? m->send.packets[k] : m->send.packet, m->send.commit, c->sm);
	}
}

static void on_enabled(struct conn *c, struct msg *m)
{
	c->sm = true;
	if (!c->client)
		return;
	c->client->sm = true;
	xfree(c->client->token);
	c->client->token = TAKE(m->sm_enabled.token);
}

static void wire_take(unsigned wire, struct msg *m)
{
	struct conn *c = m->conn && m->kind != MSG_SEND ? conn_of(m->conn) : NULL;

	must(!c || !c->dead);
	switch (m->kind) {
	case MSG_SEND:
		on_send(m);
		return;
	case MSG_BOUND:
		on_bound(c, m);
		return;
	case MSG_ATTACH:
		on_attach(c, m);
		return;
	case MSG_SM_ENABLED:
		on_enabled(c, m);
		return;
	case MSG_CREDIT:
		must((int32_t)(m->credit.handled - c->credited) >= 0 &&
			(int32_t)(c->forwarded - m->credit.handled) >= 0);
		c->credited = m->credit.handled;
		return;
	case MSG_CLOSE:
		closed(c);
		return;
	case MSG_COMMITTED:
		f.wire_committed[wire] = m->committed.number;
		return;
	case MSG_EXPIRE:
		on_expire(wire, m->committed.number);
		return;
	default:
		must(!"not for a wire");
	}
}

static void wire_some(unsigned wire, uint32_t n)
{
	struct msgs *in = &f.inbox[wire];

	if (n > in->n)
		n = in->n;
	for (uint32_t i = 0; i < n; i++) {
		struct msg m = in->m[i];

		wire_take(wire, &m);
		msg_clear(&m);
	}
	in->n -= n;
	if (in->n)
		memmove(in->m, in->m + n, in->n * sizeof(*in->m));
}

#endif
