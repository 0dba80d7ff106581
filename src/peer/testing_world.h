/* For the tests of this folder only: the gateway in a real core, driven by hand. Beside it the node's user, who notes what
 * he gets, a room service that does the same, a store in a few arrays, a wire whose connections keep what was sent over them
 * until a test says that it has arrived, and discovery, which notes what it is asked. Nothing happens but by a call. */
#ifndef PEER_TESTING_WORLD_H
#define PEER_TESTING_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/sign.h"
#include "peer/peers_i.h"
#include "store/testing.h"

enum { LOG_MAX = 20000, CONNS = 64, HELD_MAX = 256, FEED_MAX = 1024 };
#define TEST_WALL ((int64_t)1800000000 * 1000)

/* ---- who is there ---- */

/* Everybody's key follows from a letter. */
UNUSED static void seed_of(char who, uint8_t ret[32]) { memset(ret, who, 32); }

UNUSED static const uint8_t *key_of(char who)
{
	static uint8_t key[128][32];
	static bool made[128];
	uint8_t seed[32];

	seed_of(who, seed);
	if (!made[(int)who])
		sign_public(seed, key[(int)who]);
	made[(int)who] = true;
	return key[(int)who];
}

UNUSED __attribute__((noinline)) static const char *id_of(char who)
{
	static char id[128][NODEID_LEN + 1];

	nodeid_of(key_of(who), id[(int)who]);
	return id[(int)who];
}

UNUSED __attribute__((noinline)) static const char *domain_of(char who)
{
	static char domain[128][DOMAIN_SIZE];

	must(peers_domain_of(str_z(id_of(who)), domain[(int)who]));
	return domain[(int)who];
}

/* A letter whose NODEID is above ours ('n'), or below. */
UNUSED static char somebody(bool above)
{
	for (char c = 'A'; c <= 'Z'; c++)
		if ((str_cmp(str_z(domain_of(c)), str_z(domain_of('n'))) > 0) == above)
			return c;
	fail_msg("no such key");
	return 0;
}

/* ---- the world ---- */

struct test_conn {
	bool known, closed;
	enum serr error;
	uint64_t session;
	enum xerr_cond refused;
	char *token;            /* of SM_ENABLED */
	struct packets unacked; /* sent and not said to have arrived */
	uint64_t commit[LOG_MAX / 20];
	char *got[LOG_MAX / 20]; /* texts in order */
	unsigned head, tail;
	uint32_t acked;   /* numbers */
	uint32_t handled; /* of what it gave */
	uint64_t handled_commit;
	bool attached;
};

struct world {
	struct core *core;
	struct peers *peers;
	struct peers_config config;
	struct host users, rooms;
	struct entity user, room;
	char *got[LOG_MAX]; /* what our user got */
	unsigned head, tail;
	uint64_t got_commit; /* of the last one */
	char *room_got[LOG_MAX];
	unsigned room_tail;
	bool hold;   /* our user's account takes its time */
	bool writes; /* it writes something for each stanza */
	struct stanza *held[HELD_MAX];
	unsigned held_n;
	char *feed[FEED_MAX]; /* "+jid name group" and "-jid" */
	unsigned feed_n;
	unsigned got_at_removal;  /* how much our user had got when the last one was taken out of it */
	struct msg note[LOG_MAX]; /* everything else that the wire and discovery were told; kind MSG_NONE: looked at */
	unsigned note_n;
	struct test_conn conn[CONNS]; /* by number */
	uint64_t next_conn;
	struct test_rows rows;
	struct msgs in, store_waiting;
	int64_t now;
	bool store_silent; /* batches and queries wait */
	char *reply;
	bool reply_failed;
	unsigned refused_stanzas; /* errors that came back to our user */
};

static struct world world;

/* ---- the store ---- */

UNUSED static void trim_seen(struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_SEEN_ADD, v, 2)
		if (r->v[2].i <= v[4].i)
			test_row_free(r);
}

UNUSED static void apply_write(struct world *w, enum store_write kind, const struct store_value *v, unsigned n)
{
	static const int all[] = {STORE_PEER_PUT, STORE_PEER_ADDRESS_PUT, STORE_OUTBOX_ADD, STORE_SEEN_ADD};

	if (kind == STORE_PEER_DEL)
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			test_rows_del(&w->rows, all[i], v, 2);
	else if (kind == STORE_PEER_ADDRESS_DEL)
		test_rows_del(&w->rows, STORE_PEER_ADDRESS_PUT, v, 3);
	else if (kind == STORE_OUTBOX_DEL)
		test_rows_del(&w->rows, STORE_OUTBOX_ADD, v, 3);
	else
		test_rows_set(&w->rows, (int)kind, v, n, kind == STORE_PEER_PUT ? 2 : 3);
	if (kind == STORE_SEEN_ADD)
		trim_seen(w, v);
}

/* Rows of the domain, without it; those with numbers in their order, which is that of writing. */
UNUSED static void add_rows(struct store_rows *out, struct world *w, int table, enum store_row kind,
	const struct store_value *v, unsigned n)
{
	TEST_ROWS_EACH(&w->rows, r, table, v, 1)
		store_rows_add(out, kind, r->v + 1, n);
}

UNUSED static struct store_rows *answer_query(struct world *w, const struct store_query *q)
{
	struct store_rows *out = store_rows_new(q->read, q->tag);

	assert_int_equal(q->read, STORE_PEERS_LOAD);
	add_rows(out, w, STORE_PEER_PUT, ROW_PEER, q->values, 12);
	add_rows(out, w, STORE_PEER_ADDRESS_PUT, ROW_PEER_ADDRESS, q->values, 4);
	add_rows(out, w, STORE_OUTBOX_ADD, ROW_OUTBOX, q->values, 4);
	add_rows(out, w, STORE_SEEN_ADD, ROW_SEEN, q->values, 3);
	return out;
}

UNUSED static void store_take(struct world *w, struct msg *m)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_write kind;
	struct msg *out;
	size_t pos = 0;
	unsigned n;

	if (m->kind == MSG_STORE_ASK) {
		struct store_rows *rows = answer_query(w, m->store_ask.query);

		out = msgs_add(&w->in);
		out->kind = MSG_STORE_ANSWER;
		out->store_answer.rows = rows;
		return;
	}
	assert_int_equal(m->kind, MSG_STORE_BATCH);
	while (store_batch_next(m->store_batch.batch, &pos, &kind, v, &n))
		apply_write(w, kind, v, n);
	out = msgs_add(&w->in);
	out->kind = MSG_STORE_COMMITTED;
	out->committed.number = m->store_batch.batch->number;
}

UNUSED static void store_keep(struct world *w, struct msg *m)
{
	*msgs_add(&w->store_waiting) = *m;
	*m = (struct msg){0};
}

/* How many rows a table has. */
/* ---- the wire ---- */

UNUSED static struct test_conn *conn_of(struct world *w, uint64_t conn)
{
	assert_true(conn > 0 && conn < CONNS);
	return &w->conn[conn];
}

UNUSED static void take_send(struct world *w, struct msg *m)
{
	for (uint32_t i = 0; i < m->send.conn_count; i++) {
		struct test_conn *t = conn_of(w, m->send.conns ? m->send.conns[i] : m->conn);

		for (uint32_t k = 0; k < m->send.packet_count; k++) {
			struct packet *p = packet_ref(m->send.packets ? m->send.packets[k] : m->send.packet);

			assert_true(t->tail < ARRAY_LEN(t->got));
			t->commit[t->tail] = m->send.commit;
			t->got[t->tail++] = str_dup(packet_view(p));
			packets_add(&t->unacked, &p);
		}
	}
}

UNUSED static void take_attach(struct test_conn *t, struct msg *m)
{
	t->attached = true;
	t->session = m->session;
	t->acked = m->attach.acked;
	t->handled = m->attach.handled - m->attach.base;
	for (uint32_t i = 0; i < m->attach.queue.n; i++) {
		struct packet *p = packet_ref(m->attach.queue.p[i]);

		t->commit[t->tail] = m->attach.commit;
		t->got[t->tail++] = str_dup(packet_view(p));
		packets_add(&t->unacked, &p);
	}
}

UNUSED static void answer_close(struct world *w, struct test_conn *t, const struct msg *m)
{
	struct msg *out;

	t->closed = true;
	t->error = m->close.error;
	if (!m->session)
		return; /* it had none: it just goes */
	out = msgs_add(&w->in);
	out->kind = MSG_CLOSED;
	out->conn = m->conn;
	out->session = m->session;
	out->end.rest = t->unacked;
	out->end.acked = t->acked;
	t->unacked = (struct packets){0};
}

UNUSED static void wire_take(struct world *w, struct msg *m)
{
	struct test_conn *t = m->conn ? conn_of(w, m->conn) : NULL;

	if (m->kind == MSG_SEND) {
		take_send(w, m);
	} else if (m->kind == MSG_BOUND) {
		t->session = m->session;
		t->refused = m->bound.error;
	} else if (m->kind == MSG_SM_ENABLED) {
		xfree(t->token);
		t->token = TAKE(m->sm_enabled.token);
	} else if (m->kind == MSG_CREDIT) {
		t->handled = m->credit.handled;
		t->handled_commit = m->credit.commit;
	} else if (m->kind == MSG_CLOSE) {
		answer_close(w, t, m);
	} else if (m->kind == MSG_ATTACH && !m->attach.failed) {
		take_attach(t, m);
	} else if (m->kind != MSG_COMMITTED && m->kind != MSG_EXPIRE) {
		assert_true(w->note_n < LOG_MAX);
		w->note[w->note_n++] = *m;
		*m = (struct msg){0};
	}
}

UNUSED static void admin_take(struct world *w, struct msg *m)
{
	xfree(w->reply);
	w->reply = TAKE(m->admin_reply.text);
	w->reply_failed = m->admin_reply.failed;
}

UNUSED static void drain(struct world *w, struct msgs *q, void (*take)(struct world *w, struct msg *m))
{
	struct msgs all = *q;

	*q = (struct msgs){0};
	for (uint32_t i = 0; i < all.n; i++) {
		take(w, &all.m[i]);
		msg_clear(&all.m[i]);
	}
	msgs_clear(&all);
}

/* ---- time ---- */

UNUSED static void turn(struct world *w, struct stanza **s)
{
	struct msgs all = w->in;

	w->in = (struct msgs){0};
	core_begin(w->core, w->now, TEST_WALL + w->now);
	for (uint32_t i = 0; i < all.n; i++)
		core_handle(w->core, &all.m[i]);
	msgs_clear(&all);
	if (s)
		core_send(w->core, s);
	core_end(w->core);
	drain(w, core_out_wire(w->core, 0), wire_take);
	drain(w, core_out_discovery(w->core), wire_take);
	drain(w, core_out_store(w->core), w->store_silent ? store_keep : store_take);
	drain(w, core_out_admin(w->core), admin_take);
}

UNUSED static void pump(struct world *w)
{
	for (int i = 0; i < 10000; i++) {
		turn(w, NULL);
		if (!w->in.n && !core_busy(w->core))
			return;
	}
	fail_msg("the core never rests");
}

UNUSED static void sleep_ms(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;

	for (int i = 0; i < 10000 && core_next_timer(w->core) <= until; i++) {
		w->now = core_next_timer(w->core) > w->now ? core_next_timer(w->core) : w->now;
		pump(w);
	}
	w->now = until;
	pump(w);
}

UNUSED static void store_wake(struct world *w)
{
	w->store_silent = false;
	drain(w, &w->store_waiting, store_take);
	pump(w);
}

/* ---- our user, our rooms ---- */

UNUSED static char *stanza_text(const struct stanza *s)
{
	struct str to = jid_str(s->to);
	struct packet *p = packet_from(s, &to);
	char *text = str_dup(packet_view(p));

	packet_unref(&p);
	return text;
}

UNUSED static void user_deliver(struct entity *e, struct stanza **s)
{
	struct world *w = &world;

	assert_true(w->tail < LOG_MAX);
	w->got_commit = (*s)->commit;
	w->refused_stanzas += (*s)->type == TYPE_ERROR;
	w->got[w->tail++] = stanza_text(*s);
	if (w->hold) {
		assert_true(w->held_n < HELD_MAX);
		w->held[w->held_n++] = TAKE(*s);
		return;
	}
	if (w->writes)
		store_put(core_batch(e->core), STORE_PEER_ADDRESS_DEL, STR("a"), STR("b"), STR("c"));
	core_done(e->core, s);
}

UNUSED static void room_deliver(struct entity *e, struct stanza **s)
{
	assert_true(world.room_tail < LOG_MAX);
	world.room_got[world.room_tail++] = stanza_text(*s);
	core_done(e->core, s);
}

UNUSED static void plain_free(struct entity *e) { entity_clear(e); }

static const struct entity_ops user_ops = {.name = "user", .deliver = user_deliver, .free = plain_free};
static const struct entity_ops room_ops = {.name = "room", .deliver = room_deliver, .free = plain_free};

UNUSED static struct entity *get_user(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	*ret_error = xerr(XERR_SERVICE_UNAVAILABLE);
	return str_is(jid_local(bare), "alice") ? &world.user : NULL;
}

UNUSED static struct entity *get_room(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	return &world.room;
}

static const struct host_ops users_ops = {.get = get_user};
static const struct host_ops rooms_ops = {.get = get_room};

/* The account lets go of what it held, in a turn of its own. */
UNUSED static void release(struct world *w)
{
	w->hold = false;
	core_begin(w->core, w->now, TEST_WALL + w->now);
	for (unsigned i = 0; i < w->held_n; i++)
		core_done(w->core, &w->held[i]);
	w->held_n = 0;
	core_end(w->core);
	pump(w);
}

UNUSED static void feed_put(void *arg, struct jid contact, struct str name, struct str group)
{
	struct world *w = arg;
	char text[1024];

	assert_true(w->feed_n < FEED_MAX);
	snprintf(text, sizeof(text), "+%.*s %.*s [%.*s]", STR_FMT(jid_str(contact)), STR_FMT(name), STR_FMT(group));
	w->feed[w->feed_n++] = xstrdup(text);
}

UNUSED static void feed_remove(void *arg, struct jid contact)
{
	struct world *w = arg;
	char text[1024];

	assert_true(w->feed_n < FEED_MAX);
	w->got_at_removal = w->tail;
	snprintf(text, sizeof(text), "-%.*s", STR_FMT(jid_str(contact)));
	w->feed[w->feed_n++] = xstrdup(text);
}

UNUSED static const char *last_feed(const struct world *w) { return w->feed_n ? w->feed[w->feed_n - 1] : ""; }

/* ---- beginning and end ---- */

static const struct command *const test_commands[] = {peer_commands, NULL};

UNUSED static void no_log(enum log_level level, const char *line) {}

UNUSED static void world_core(struct world *w)
{
	struct core_config cc = {.wires = 1, .commands = test_commands};
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};

	w->core = core_new(&cc);
	core_begin(w->core, w->now, TEST_WALL + w->now);
	w->peers = (struct peers *)peers_new(w->core, &w->config);
	w->users.ops = &users_ops;
	w->users.kind = HOST_USERS;
	entity_init(&w->users.entity, &user_ops, w->core, NULL, jid_view(str_z(w->peers->domain)));
	entity_init(&w->user, &user_ops, w->core, &w->users, w->peers->self);
	core_add_host(w->core, &w->users);
	w->rooms.ops = &rooms_ops;
	w->rooms.kind = HOST_ROOMS;
	buf_fmt(&jid, "rooms.%s", w->peers->domain);
	entity_init(&w->rooms.entity, &room_ops, w->core, NULL, jid_view(buf_view(&jid)));
	buf_reset(&jid);
	buf_fmt(&jid, "lunch@rooms.%s", w->peers->domain);
	entity_init(&w->room, &room_ops, w->core, &w->rooms, jid_view(buf_view(&jid)));
	core_add_host(w->core, &w->rooms);
	core_end(w->core);
	drain(w, core_out_store(w->core), w->store_silent ? store_keep : store_take);
}

/* change: what of the configuration shall be otherwise; may be NULL. */
UNUSED static struct world *world_new_with(void (*change)(struct peers_config *config))
{
	struct world *w = &world;

	memset(w, 0, sizeof(*w));
	log_set_sink(no_log);
	w->now = 1000000;
	w->config = (struct peers_config){.user = "alice",
		.instance = "alice@alpha",
		.port = 5298,
		.feed = {w, feed_put, feed_remove}};
	memcpy(w->config.key, key_of('n'), 32);
	seed_of('n', w->config.seed);
	if (change)
		change(&w->config);
	world_core(w);
	pump(w);
	return w;
}

UNUSED static struct world *world_new(void) { return world_new_with(NULL); }

UNUSED static void forget_all(struct world *w)
{
	for (unsigned i = 0; i < w->tail; i++)
		xfree(w->got[i]);
	for (unsigned i = 0; i < w->room_tail; i++)
		xfree(w->room_got[i]);
	for (unsigned i = 0; i < w->feed_n; i++)
		xfree(w->feed[i]);
	for (unsigned i = 0; i < w->note_n; i++)
		msg_clear(&w->note[i]);
	for (unsigned i = 0; i < CONNS; i++) {
		struct test_conn *t = &w->conn[i];

		for (unsigned k = 0; k < t->tail; k++)
			xfree(t->got[k]);
		packets_clear(&t->unacked);
		xfree(t->token);
		*t = (struct test_conn){0};
	}
	w->head = w->tail = w->room_tail = w->feed_n = w->note_n = 0;
}

UNUSED static void core_gone(struct world *w)
{
	for (unsigned i = 0; i < w->held_n; i++)
		stanza_free(&w->held[i]);
	w->held_n = 0;
	core_free(&w->core);
	for (uint32_t i = 0; i < w->in.n; i++)
		msg_clear(&w->in.m[i]);
	for (uint32_t i = 0; i < w->store_waiting.n; i++)
		msg_clear(&w->store_waiting.m[i]);
	msgs_clear(&w->in);
	msgs_clear(&w->store_waiting);
}

UNUSED static void world_free(struct world *w)
{
	core_gone(w);
	forget_all(w);
	test_rows_clear(&w->rows);
	xfree(TAKE(w->reply));
}

/* The process is killed and started again: what the store has is left. */
UNUSED static void world_restart(struct world *w)
{
	core_gone(w);
	forget_all(w);
	w->next_conn = 0;
	world_core(w);
	pump(w);
}

#endif
