/* For the tests of this folder only: a core with one domain, x.test, whose entities do what their names say, and
 * sessions that note what happens to them. What the core says to its wires and to the store is kept as events; nothing
 * answers by itself. */
#ifndef CORE_TESTING_H
#define CORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "core/core_i.h"
#include "xmpp/ns.h"

#define UNUSED __attribute__((unused))

enum { EVENTS_MAX = 65536, NOTES_MAX = 65536, KEPT_MAX = 256, PUMP_MAX = 100000, WORLD_WALL = 1800000000 };

/* One thing that a connection was told: SENDs are taken apart, one event a packet and connection. */
struct event {
	enum msg_kind kind;
	uint64_t conn, session, commit;
	struct packet *packet;
	struct packets queue;
	char *text; /* of BOUND and ATTACH: the address; of SM_ENABLED: the token */
	uint32_t handled, pause_ms, acked, base;
	enum serr error;
	enum xerr_cond refused;
	bool failed, at_once, used;
};

/* An entity by the name of its localpart:
 *   note    writes down and is done          write   stores something and is done
 *   keep    keeps until released             bounce  answers not-allowed
 *   two     stores under two stanzas' worth  spend   uses up 50 units of the turn
 *   forward sends it on to note, in its own name
 *   alice, bob, carol: accounts; a full address goes to its session, the rest is noted */
struct box {
	struct entity entity;
	void (*deliver)(struct box *b, struct stanza **s);
	unsigned settled;
};

struct sess {
	struct session session;
	struct world *world;
	unsigned gone;
};

enum { BOXES = 11 };

struct world {
	struct core *core;
	int64_t now;
	struct host host;
	struct box *box[BOXES];
	uint32_t wires, next_conn;
	struct msgs in;
	struct event *event;
	uint32_t event_n;
	struct msgs store;
	char *note[NOTES_MAX]; /* "whom: stanza" */
	uint32_t note_n, note_read;
	unsigned note_turn[NOTES_MAX];
	unsigned turns;
	struct stanza *kept[KEPT_MAX];
	uint32_t kept_n;
	unsigned freed;                    /* sessions */
	void (*gone_hook)(struct sess *s); /* called when a session goes */
	char *reply;                       /* of the last command */
	bool reply_failed;
};

static struct world world;

/* ---- noting ---- */

UNUSED static void note(struct world *w, const char *who, const struct stanza *s)
{
	struct str to = jid_str(s->to);
	struct packet *p = packet_from(s, jid_some(s->to) ? &to : NULL);
	struct str bytes = packet_view(p);
	char *text = xmalloc(bytes.n + strlen(who) + 3);

	assert_true(w->note_n < NOTES_MAX);
	snprintf(text, bytes.n + strlen(who) + 3, "%s: %.*s", who, STR_FMT(bytes));
	w->note_turn[w->note_n] = w->turns;
	w->note[w->note_n++] = text;
	packet_unref(&p);
}

/* The next note; "" if there is none. */
UNUSED static const char *noted(struct world *w) { return w->note_read < w->note_n ? w->note[w->note_read++] : ""; }

UNUSED static void expect_note(struct world *w, const char *part)
{
	const char *text = noted(w);

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* How many notes have the part, read or not. */
UNUSED static unsigned notes_with(const struct world *w, const char *part)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < w->note_n; i++)
		n += strstr(w->note[i], part) != NULL;
	return n;
}

/* ---- entities ---- */

UNUSED static void store_something(struct world *w)
{
	store_put(core_batch(w->core), STORE_OFFLINE_DEL, STR("x.test"), STR("a"), (int64_t)1);
}

UNUSED static void box_note(struct box *b, struct stanza **s)
{
	note(&world, "note", *s);
	core_done(b->entity.core, s);
}

UNUSED static void box_write(struct box *b, struct stanza **s)
{
	store_something(&world);
	if ((*s)->kind == STANZA_IQ)
		iq_answer(b->entity.core, s, STR_NONE, core_commit(b->entity.core));
	else
		core_done(b->entity.core, s);
}

UNUSED static void box_keep(struct box *b, struct stanza **s)
{
	assert_true(world.kept_n < KEPT_MAX);
	world.kept[world.kept_n++] = TAKE(*s);
}

UNUSED static void box_bounce(struct box *b, struct stanza **s)
{
	core_bounce(b->entity.core, s, xerr(XERR_NOT_ALLOWED));
}

UNUSED static void box_two(struct box *b, struct stanza **s)
{
	static char big[5 << 20];

	store_put(core_batch(b->entity.core), STORE_VCARD_PUT, STR("x.test"), STR("a"), (struct str){big, sizeof(big)});
	core_done(b->entity.core, s);
}

UNUSED static void box_spend(struct box *b, struct stanza **s)
{
	core_spend(b->entity.core, 50);
	note(&world, "spend", *s);
	core_done(b->entity.core, s);
}

UNUSED static void box_forward(struct box *b, struct stanza **s)
{
	struct stanza *copy;

	if ((*s)->type == TYPE_ERROR) {
		note(&world, "forward", *s);
	} else {
		copy = stanza_copy(*s, jid_view(STR("bounce@x.test")));
		copy->from = b->entity.jid;
		core_send(b->entity.core, &copy);
	}
	core_done(b->entity.core, s);
}

UNUSED static struct sess *find_session(struct world *w, struct jid full)
{
	struct session *s;

	for (uint32_t pos = 0; (s = core_next_session(w->core, &pos));)
		if (session_alive(s) && jid_eq(s->jid, full))
			return (struct sess *)s;
	return NULL;
}

UNUSED static void box_account(struct box *b, struct stanza **s)
{
	struct sess *to = find_session(&world, (*s)->to);
	struct str text = jid_str((*s)->to);
	struct packet *p;

	if (to) {
		p = packet_from(*s, &text);
		session_send(&to->session, &p, 0);
	} else {
		note(&world, "account", *s);
	}
	core_done(b->entity.core, s);
}

UNUSED static void box_deliver(struct entity *e, struct stanza **s)
{
	e->unsettled = true;
	((struct box *)e)->deliver((struct box *)e, s);
}

UNUSED static void box_settle(struct entity *e) { ((struct box *)e)->settled++; }

UNUSED static void box_free(struct entity *e)
{
	entity_clear(e);
	xfree(e);
}

static const struct entity_ops box_ops = {.name = "box",
	.deliver = box_deliver,
	.settle = box_settle,
	.free = box_free};

static const struct {
	const char *name;
	void (*deliver)(struct box *b, struct stanza **s);
} box_kinds[BOXES] = {
	{"note", box_note},
	{"write", box_write},
	{"keep", box_keep},
	{"bounce", box_bounce},
	{"two", box_two},
	{"spend", box_spend},
	{"forward", box_forward},
	{"alice", box_account},
	{"bob", box_account},
	{"carol", box_account},
	{"other", box_note},
};

UNUSED static struct box *box_of(struct world *w, struct str local)
{
	for (int i = 0; i < BOXES; i++)
		if (w->box[i] && str_eq(jid_local(w->box[i]->entity.jid), local))
			return w->box[i];
	return NULL;
}

/* ---- the host ---- */

UNUSED static struct entity *host_get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	struct box *b = box_of(&world, jid_local(bare));

	if (b)
		return &b->entity;
	*ret_error = xerr(XERR_ITEM_NOT_FOUND);
	return NULL;
}

UNUSED static void host_deliver(struct entity *e, struct stanza **s)
{
	if ((*s)->kind == STANZA_IQ) {
		iq_dispatch(e, AT_SERVER, s);
		return;
	}
	note(&world, "host", *s);
	core_done(e->core, s);
}

UNUSED static void host_free(struct entity *e) { entity_clear(e); }

static const struct entity_ops host_entity_ops = {.name = "host", .deliver = host_deliver, .free = host_free};

/* ---- sessions ---- */

UNUSED static void on_stanza(struct session *s, struct stanza **st)
{
	if (jid_some((*st)->to)) {
		core_send(s->core, st);
		return;
	}
	note(&world, "self", *st);
	core_done(s->core, st);
}

UNUSED static void on_gone(struct session *s)
{
	((struct sess *)s)->gone++;
	if (world.gone_hook)
		world.gone_hook((struct sess *)s);
}

UNUSED static void on_returned(struct session *s, struct stanza **st)
{
	assert_int_equal(((struct sess *)s)->gone, 1);
	note(&world, "returned", *st);
	core_done(s->core, st);
}

UNUSED static void on_free(struct session *s)
{
	assert_true(((struct sess *)s)->gone == 1 || s->core->ending);
	session_clear(s);
	xfree(s);
	world.freed++;
}

static const struct session_ops sess_ops = {.on_stanza = on_stanza,
	.on_gone = on_gone,
	.on_returned = on_returned,
	.free = on_free};

UNUSED static void host_login(struct host *h, struct msg *m)
{
	CLEANUP(buf_clear) struct buf full = {.max = JID_MAX};
	struct box *owner = box_of(&world, jid_local(jid_view(str_z(m->bind.account))));
	struct sess *s = xcalloc(1, sizeof(*s));

	assert_int_equal(m->kind, MSG_BIND);
	buf_fmt(&full, "%s/%s", m->bind.account, m->bind.resource);
	s->world = &world;
	if (session_open(&s->session, &sess_ops, h->entity.core, &owner->entity, jid_view(buf_view(&full)), m->conn) ==
		0)
		return;
	core_to_wire(h->entity.core, MSG_BOUND, m->conn)->bound.error = XERR_RESOURCE_CONSTRAINT;
	xfree(s);
}

static const struct host_ops host_ops = {.get = host_get, .on_login = host_login};

/* ---- what comes out ---- */

UNUSED static struct event *add_event(struct world *w, const struct msg *m, uint64_t conn)
{
	struct event *e = &w->event[w->event_n++];

	assert_true(w->event_n < EVENTS_MAX);
	*e = (struct event){.kind = m->kind, .conn = conn, .session = m->session};
	return e;
}

UNUSED static void take_send(struct world *w, struct msg *m)
{
	for (uint32_t i = 0; i < m->send.conn_count; i++)
		for (uint32_t k = 0; k < m->send.packet_count; k++) {
			struct event *e = add_event(w, m, m->send.conns ? m->send.conns[i] : m->conn);
			e->packet = packet_ref(m->send.packets ? m->send.packets[k] : m->send.packet);
			e->commit = m->send.commit;
		}
}

UNUSED static void take_attach(struct event *e, struct msg *m)
{
	e->text = TAKE(m->attach.jid);
	e->queue = m->attach.queue;
	m->attach.queue = (struct packets){0};
	e->acked = m->attach.acked;
	e->handled = m->attach.handled;
	e->base = m->attach.base;
	e->commit = m->attach.commit;
	e->failed = m->attach.failed;
}

UNUSED static void take_from_core(struct world *w, struct msg *m)
{
	struct event *e;

	if (m->kind == MSG_SEND) {
		take_send(w, m);
		return;
	}
	e = add_event(w, m, m->conn);
	if (m->kind == MSG_BOUND) {
		e->text = TAKE(m->bound.jid);
		e->refused = m->bound.error;
	} else if (m->kind == MSG_ATTACH) {
		take_attach(e, m);
	} else if (m->kind == MSG_SM_ENABLED) {
		e->text = TAKE(m->sm_enabled.token);
	} else if (m->kind == MSG_CREDIT) {
		e->handled = m->credit.handled;
		e->pause_ms = m->credit.pause_ms;
		e->commit = m->credit.commit;
	} else if (m->kind == MSG_CLOSE) {
		e->error = m->close.error;
		e->at_once = m->close.at_once;
	} else {
		e->commit = m->committed.number;
	}
}

UNUSED static void drain(struct world *w)
{
	for (unsigned i = 0; i < w->wires; i++) {
		struct msgs *out = core_out_wire(w->core, i);

		for (uint32_t k = 0; k < out->n; k++) {
			struct msg *m = &out->m[k];

			assert_true(m->kind == MSG_COMMITTED || m->kind == MSG_EXPIRE || table_tag(m->conn) == i);
			take_from_core(w, m);
			msg_clear(m);
		}
		out->n = 0;
	}
	for (uint32_t k = 0; k < core_out_store(w->core)->n; k++)
		*msgs_add(&w->store) = core_out_store(w->core)->m[k];
	core_out_store(w->core)->n = 0;
	for (uint32_t k = 0; k < core_out_admin(w->core)->n; k++) {
		struct msg *m = &core_out_admin(w->core)->m[k];

		xfree(w->reply);
		w->reply = TAKE(m->admin_reply.text);
		w->reply_failed = m->admin_reply.failed;
		msg_clear(m);
	}
	core_out_admin(w->core)->n = 0;
}

/* ---- time ---- */

UNUSED static void turn_begin(struct world *w)
{
	struct msgs all = w->in;

	w->turns++;
	w->in = (struct msgs){0};
	core_begin(w->core, w->now, (int64_t)WORLD_WALL * 1000 + w->now);
	for (uint32_t i = 0; i < all.n; i++)
		core_handle(w->core, &all.m[i]);
	msgs_clear(&all);
}

UNUSED static void turn_end(struct world *w)
{
	core_end(w->core);
	drain(w);
}

UNUSED static void turn(struct world *w)
{
	turn_begin(w);
	turn_end(w);
}

UNUSED static void pump(struct world *w)
{
	for (int i = 0; i < PUMP_MAX; i++) {
		turn(w);
		if (!w->in.n && !core_busy(w->core))
			return;
	}
	fail_msg("the core never rests");
}

UNUSED static void pass(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;

	while (core_next_timer(w->core) <= until) {
		if (core_next_timer(w->core) > w->now)
			w->now = core_next_timer(w->core);
		pump(w);
	}
	w->now = until;
	pump(w);
}

/* ---- beginning and end ---- */

UNUSED static void no_log(enum log_level level, const char *line) {}

UNUSED static struct world *world_new(const struct core_config *config)
{
	struct core_config cc = config ? *config : (struct core_config){.wires = 2};
	struct world *w = &world;
	char jid[64];

	memset(w, 0, sizeof(*w));
	log_set_sink(no_log);
	w->event = xcalloc(EVENTS_MAX, sizeof(*w->event));
	w->now = 1000;
	w->wires = cc.wires;
	w->core = core_new(&cc);
	w->host.ops = &host_ops;
	w->host.kind = HOST_USERS;
	core_begin(w->core, w->now, 0);
	entity_init(&w->host.entity, &host_entity_ops, w->core, NULL, jid_view(STR("x.test")));
	core_add_host(w->core, &w->host);
	for (int i = 0; i < BOXES; i++) {
		w->box[i] = xcalloc(1, sizeof(struct box));
		snprintf(jid, sizeof(jid), "%s@x.test", box_kinds[i].name);
		entity_init(&w->box[i]->entity, &box_ops, w->core, &w->host, jid_view(str_z(jid)));
		w->box[i]->deliver = box_kinds[i].deliver;
	}
	core_end(w->core);
	return w;
}

UNUSED static void world_free(struct world *w)
{
	core_free(&w->core);
	for (uint32_t i = 0; i < w->event_n; i++) {
		packet_unref(&w->event[i].packet);
		packets_clear(&w->event[i].queue);
		xfree(w->event[i].text);
	}
	xfree(w->event);
	for (uint32_t i = 0; i < w->note_n; i++)
		xfree(w->note[i]);
	for (uint32_t i = 0; i < w->kept_n; i++)
		stanza_free(&w->kept[i]);
	msgs_clear(&w->in);
	msgs_clear(&w->store);
	xfree(w->reply);
}

/* ---- what tests do ---- */

UNUSED static struct msg *put(struct world *w, enum msg_kind kind, uint64_t conn, uint64_t session)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = kind;
	m->conn = conn;
	m->session = session;
	return m;
}

UNUSED static uint64_t new_conn(struct world *w, unsigned wire)
{
	return (uint64_t)1 << 32 | wire << 24 | ++w->next_conn;
}

/* The next thing that the connection was told and that no test looked at; NULL if nothing is left. 0: all wires. */
UNUSED static struct event *next(struct world *w, uint64_t conn)
{
	for (uint32_t i = 0; i < w->event_n; i++)
		if (!w->event[i].used && w->event[i].conn == conn) {
			w->event[i].used = true;
			return &w->event[i];
		}
	return NULL;
}

UNUSED static struct event *expect(struct world *w, uint64_t conn, enum msg_kind kind)
{
	struct event *e = next(w, conn);

	if (!e || e->kind != kind)
		fail_msg("expected %s, got %s", msg_name(kind), e ? msg_name(e->kind) : "nothing");
	return e;
}

#define expect_nothing(w, conn) assert_null(next(w, conn))

UNUSED static struct event *expect_send(struct world *w, uint64_t conn, const char *part)
{
	struct event *e = expect(w, conn, MSG_SEND);
	char *text = str_dup(packet_view(e->packet));

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
	xfree(text);
	return e;
}

UNUSED static void expect_credit(struct world *w, uint64_t conn, uint32_t handled, uint64_t commit)
{
	struct event *e = expect(w, conn, MSG_CREDIT);

	assert_int_equal(e->handled, handled);
	assert_int_equal(e->commit, commit);
}

UNUSED static void expect_close(struct world *w, uint64_t conn, enum serr error)
{
	assert_int_equal(expect(w, conn, MSG_CLOSE)->error, error);
}

UNUSED static void forget(struct world *w)
{
	for (uint32_t i = 0; i < w->event_n; i++)
		w->event[i].used = true;
	w->note_read = w->note_n;
}

struct peer {
	uint64_t conn, session;
	const char *jid;
	char *token;
};

UNUSED static struct peer login(struct world *w, unsigned wire, const char *local, const char *resource)
{
	struct peer p = {.conn = new_conn(w, wire)};
	struct msg *m = put(w, MSG_BIND, p.conn, 0);
	char account[64];
	struct event *e;

	snprintf(account, sizeof(account), "%s@x.test", local);
	m->bind.account = xstrdup(account);
	m->bind.resource = xstrdup(resource);
	m->bind.peer = xstrdup("mem");
	pump(w);
	e = expect(w, p.conn, MSG_BOUND);
	assert_int_equal(e->refused, XERR_NONE);
	p.session = e->session;
	p.jid = e->text;
	return p;
}

/* The same with XEP-0198; token is NULL if it cannot be resumed. */
UNUSED static struct peer login_sm(struct world *w, unsigned wire, const char *local, const char *resource, bool resume)
{
	struct peer p = login(w, wire, local, resource);

	put(w, MSG_SM_ENABLE, p.conn, p.session)->sm_enable.resume = resume;
	pump(w);
	p.token = expect(w, p.conn, MSG_SM_ENABLED)->text;
	return p;
}

UNUSED static struct stanza *parse(const char *from, const char *xml)
{
	size_t name = strcspn(xml, " />"), size = strlen(xml) + strlen(from) + 16;
	char *text = xmalloc(size);
	struct stanza *s;

	snprintf(text, size, "%.*s from='%s'%s", (int)name, xml, from, xml + name);
	assert_int_equal(stanza_parse(str_z(text), &s), 0);
	xfree(text);
	return s;
}

UNUSED static void send(struct world *w, const struct peer *p, const char *xml)
{
	put(w, MSG_STANZA, p->conn, p->session)->stanza.stanza = parse(p->jid, xml);
}

UNUSED static void say(struct world *w, const struct peer *p, const char *xml)
{
	send(w, p, xml);
	pump(w);
}

/* A message of the server's own, by routing; id in the text. */
UNUSED static void route(struct world *w, const char *to, const char *id)
{
	char xml[256];
	struct stanza *s;

	snprintf(xml, sizeof(xml), "<message to='%s' id='%s'/>", to, id);
	s = parse("note@x.test", xml);
	turn_begin(w);
	core_send(w->core, &s);
	turn_end(w);
	pump(w);
}

UNUSED static struct packet *message(const char *to, const char *id)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.from = STR("note@x.test"),
		.to = to ? str_z(to) : STR_NONE,
		.id = str_z(id)};
	struct packet_writer pw;

	packet_begin(&pw, &head);
	return packet_end(&pw);
}

/* LOST or CLOSED with messages of these ids for the session, NULL at the end. */
UNUSED static struct msg *end(struct world *w, enum msg_kind kind, const struct peer *p, uint32_t acked, bool resumable,
	const char *const *ids)
{
	struct msg *m = put(w, kind, p->conn, p->session);

	m->end.acked = acked;
	m->end.resumable = resumable;
	for (; ids && *ids; ids++) {
		struct packet *packet = message(NULL, *ids);
		packets_add(&m->end.rest, &packet);
	}
	return m;
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Asks to resume on a new connection; what came of it is the next event of it. */
UNUSED static struct peer resume(struct world *w, unsigned wire, const struct peer *old, uint32_t h)
{
	struct peer p = {.conn = new_conn(w, wire), .session = old->session, .jid = old->jid, .token = old->token};
	struct msg *m = put(w, MSG_RESUME, p.conn, 0);
	struct str jid = str_z(old->jid);

	m->resume.account = str_dup(str_cut(&jid, '/'));
	m->resume.token = xstrdup(old->token);
	m->resume.h = h;
	return p;
}

/* The connection is gone and the session waits. */
UNUSED static void detach(struct world *w, const struct peer *p, uint32_t acked, const char *const *ids)
{
	struct event *e;

	end(w, MSG_LOST, p, acked, true, ids);
	pump(w);
	while ((e = next(w, p->conn)) && e->kind != MSG_CLOSE)
		;
	assert_non_null(e);
	end(w, MSG_CLOSED, p, acked, false, NULL);
	pump(w);
}

UNUSED static struct session *session_at(struct world *w, const struct peer *p)
{
	return session_find(w->core, p->session);
}

/* Ids of the queue, "a b c". */
UNUSED static void expect_queue(const struct event *e, const char *ids)
{
	CLEANUP(buf_clear) struct buf all = {.max = 65536};

	for (uint32_t i = 0; i < e->queue.n; i++) {
		struct stanza *s;
		assert_int_equal(packet_parse(e->queue.p[i], jid_view(STR("any@x.test/any")), &s), 0);
		buf_fmt(&all, "%s%.*s", i ? " " : "", STR_FMT(s->id));
		stanza_free(&s);
	}
	assert_string_equal(buf_cstr(&all), ids);
}

UNUSED static void committed(struct world *w, uint64_t number)
{
	put(w, MSG_STORE_COMMITTED, 0, 0)->committed.number = number;
	pump(w);
}

UNUSED static void store_state(struct world *w, bool failing)
{
	struct msg *m = put(w, MSG_STORE_STATE, 0, 0);

	m->store_state.failing = failing;
	m->store_state.error = failing ? ERR_FULL : 0;
	pump(w);
}

UNUSED static void expect_everywhere(struct world *w, enum msg_kind kind, uint64_t number)
{
	for (unsigned i = 0; i < w->wires; i++)
		assert_int_equal(expect(w, 0, kind)->commit, number);
}

/* Numbers of the batches given to the store and not looked at yet. */
UNUSED static uint64_t next_batch(struct world *w)
{
	for (uint32_t i = 0; i < w->store.n; i++)
		if (w->store.m[i].kind == MSG_STORE_BATCH) {
			uint64_t number = w->store.m[i].store_batch.batch->number;
			msg_clear(&w->store.m[i]);
			return number;
		}
	return 0;
}

#endif
