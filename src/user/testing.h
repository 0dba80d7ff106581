/* For the tests of this folder only: a real core with one domain of accounts, x.test, driven by hand. Beside it a store
 * in a few arrays that answers what was put into it, a wire that notes what each connection was sent, and a remote
 * domain, far.test, that notes every stanza it gets. Nothing happens but by a call. */
#ifndef USER_TESTING_H
#define USER_TESTING_H

#include "user/testing_store.h"

/* ---- the wire ---- */

UNUSED static void note(char **log, unsigned *tail, char *text)
{
	assert_true(*tail < LOG_MAX);
	log[(*tail)++] = text;
}

/* As the wire would write it, `to` behind `from`. */
UNUSED static char *packet_text(const struct packet *p, const char *to)
{
	struct str bytes = packet_view(p);
	size_t at = p->hole;
	char *text;

	if (!p->fill)
		return str_dup(bytes);
	if (bytes.n > at + 7 && memcmp(bytes.p + at, " from='", 7) == 0)
		at += 7 +
			(size_t)((const char *)memchr(bytes.p + at + 7, '\'', bytes.n - at - 7) - (bytes.p + at + 7)) +
			1;
	text = xmalloc(bytes.n + strlen(to) + 7);
	snprintf(text, bytes.n + strlen(to) + 7, "%.*s to='%s'%.*s", (int)at, bytes.p, to, (int)(bytes.n - at),
		bytes.p + at);
	return text;
}

UNUSED static void wire_send(struct world *w, const struct msg *m)
{
	for (uint32_t i = 0; i < m->send.conn_count; i++) {
		struct test_conn *t = &w->conn[m->send.conns ? m->send.conns[i] : m->conn];
		for (uint32_t k = 0; k < m->send.packet_count; k++) {
			struct packet *p = m->send.packets ? m->send.packets[k] : m->send.packet;
			if (t->closed)
				continue;
			t->commits[t->tail] = m->send.commit;
			t->packets[t->tail] = packet_ref(p);
			note(t->got, &t->tail, packet_text(p, t->jid));
		}
	}
}

UNUSED static void wire_take(struct world *w, struct msg *m)
{
	struct test_conn *t = &w->conn[m->conn];

	switch (m->kind) {
	case MSG_BOUND:
		t->refused = m->bound.error;
		t->jid = m->bound.error ? NULL : xstrdup(m->bound.jid);
		t->session = m->session;
		return;
	case MSG_SEND:
		wire_send(w, m);
		return;
	case MSG_CREDIT:
		t->handled = m->credit.handled;
		t->handled_commit = m->credit.commit;
		return;
	case MSG_CLOSE: {
		struct msg *out = msgs_add(&w->in);
		out->kind = MSG_CLOSED;
		out->conn = m->conn;
		out->session = m->session;
		t->closed = true;
		t->error = m->close.error;
		return;
	}
	case MSG_AUTH_REPLY:
		t->auth_known = m->auth_reply.known;
		t->keys = *m->auth_reply.keys;
		return;
	case MSG_REGISTER_REPLY:
		t->registered = true;
		t->register_error = m->reg_reply.error;
		return;
	default:
		return;
	}
}

UNUSED static void helper_take(struct world *w, struct msg *m)
{
	struct msg *out = msgs_add(&w->in);
	struct str salt = STR("saltsalt");

	out->kind = MSG_HASH_REPLY;
	out->session = m->session;
	out->hash_reply.keys = xcalloc(2, sizeof(struct scram_keys));
	scram_derive(HASH_SHA1, str_z(m->hash_ask.password), salt, 4096, &out->hash_reply.keys[0]);
	scram_derive(HASH_SHA256, str_z(m->hash_ask.password), salt, 4096, &out->hash_reply.keys[1]);
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

UNUSED static void store_keep(struct world *w, struct msg *m)
{
	*msgs_add(&w->store_waiting) = *m;
	*m = (struct msg){0};
}

/* ---- time ---- */

UNUSED static void turn(struct world *w, struct stanza **s)
{
	struct msgs all = w->in;

	w->in = (struct msgs){0};
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	for (uint32_t i = 0; i < all.n; i++)
		core_handle(w->core, &all.m[i]);
	msgs_clear(&all);
	if (s)
		core_send(w->core, s);
	core_end(w->core);
	drain(w, core_out_wire(w->core, 0), wire_take);
	drain(w, core_out_store(w->core), w->store_silent ? store_keep : store_take);
	drain(w, core_out_helper(w->core), helper_take);
	drain(w, core_out_admin(w->core), admin_take);
}

/* Turns until nothing is left to do. */
UNUSED static void pump(struct world *w)
{
	for (int i = 0; i < 10000; i++) {
		turn(w, NULL);
		if (!w->in.n && !core_busy(w->core))
			return;
	}
	fail_msg("the core never rests");
}

UNUSED static void store_wake(struct world *w)
{
	w->store_silent = false;
	drain(w, &w->store_waiting, store_take);
	pump(w);
}

UNUSED static void sleep_ms(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;

	for (int i = 0; i < 1000 && core_next_timer(w->core) <= until; i++) {
		w->now = core_next_timer(w->core) > w->now ? core_next_timer(w->core) : w->now;
		pump(w);
	}
	w->now = until;
	pump(w);
}

/* ---- the other domain ---- */

UNUSED static void far_deliver(struct entity *e, struct stanza **s)
{
	struct str to = jid_str((*s)->to);
	struct packet *p = packet_from(*s, &to);

	world.far_commit = (*s)->commit;
	note(world.far_got, &world.far_tail, str_dup(packet_view(p)));
	packet_unref(&p);
	core_done(e->core, s);
}

UNUSED static void far_free(struct entity *e) { entity_clear(e); }

static const struct entity_ops far_ops = {.name = "far", .deliver = far_deliver, .free = far_free};

UNUSED static struct entity *far_get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	return &world.far_user;
}

static const struct host_ops far_host_ops = {.get = far_get};

/* ---- beginning and end ---- */

static const struct feature *const test_features[] = {user_features, NULL};
static const struct command *const test_commands[] = {user_commands, NULL};

UNUSED static void world_core(struct world *w, const struct users_config *config)
{
	struct core_config cc = {.wires = 1,
		.features = test_features,
		.commands = test_commands,
		.resume_queue = w->resume_queue};

	w->core = core_new(&cc);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	w->users = (struct users *)users_new(w->core, "x.test", config);
	w->far.ops = &far_host_ops;
	w->far.kind = HOST_ROOMS;
	w->far.title = "Far";
	entity_init(&w->far.entity, &far_ops, w->core, NULL, jid_view(STR("far.test")));
	entity_init(&w->far_user, &far_ops, w->core, &w->far, jid_view(STR("any@far.test")));
	core_add_host(w->core, &w->far);
	core_end(w->core);
}

UNUSED static struct world *world_new(const struct users_config *config)
{
	struct world *w = &world;
	struct users_config defaults = {.registration_open = true, .secret = STR("0123456789abcdef")};

	memset(w, 0, sizeof(*w));
	w->now = 1000;
	world_core(w, config ? config : &defaults);
	return w;
}

UNUSED static void clear_conns(struct world *w)
{
	for (unsigned i = 0; i < CONNS; i++) {
		struct test_conn *t = &w->conn[i];
		for (unsigned k = 0; k < t->tail; k++) {
			xfree(t->got[k]);
			packet_unref(&t->packets[k]);
		}
		xfree(t->jid);
		*t = (struct test_conn){0};
	}
}

UNUSED static void world_free(struct world *w)
{
	core_free(&w->core);
	clear_conns(w);
	for (unsigned i = 0; i < w->far_tail; i++)
		xfree(w->far_got[i]);
	test_rows_clear(&w->rows);
	for (uint32_t i = 0; i < w->in.n; i++)
		msg_clear(&w->in.m[i]);
	for (uint32_t i = 0; i < w->store_waiting.n; i++)
		msg_clear(&w->store_waiting.m[i]);
	msgs_clear(&w->in);
	msgs_clear(&w->store_waiting);
	xfree(w->reply);
}

/* The process is killed and started again: what the store has is left. */
UNUSED static void world_restart_with(struct world *w, const struct users_config *config)
{
	core_free(&w->core);
	clear_conns(w);
	w->conn_count = 0;
	world_core(w, config);
}

UNUSED static void world_restart(struct world *w)
{
	struct users_config config = {.registration_open = true, .secret = STR("0123456789abcdef")};

	world_restart_with(w, &config);
}

/* ---- what tests say ---- */

UNUSED static struct store_value sv(const char *z) { return (struct store_value){.s = str_z(z)}; }
UNUSED static struct store_value iv(int64_t i) { return (struct store_value){.is_int = true, .i = i}; }

UNUSED static void have_account(struct world *w, const char *local)
{
	struct scram_keys keys[2];
	struct buf packed[2];
	struct store_value v[5] = {sv("x.test"), sv(local), iv(TEST_WALL)};

	for (int i = 0; i < 2; i++) {
		memset(&keys[i], 0, sizeof(keys[i]));
		keys[i] = (struct scram_keys){.kind = i ? HASH_SHA256 : HASH_SHA1, .iterations = 4096, .salt_len = 8};
		memcpy(keys[i].salt, "saltsalt", 8);
		memset(keys[i].stored, 'k', hash_size(keys[i].kind));
		buf_init(&packed[i], 1024);
		store_keys_pack(&packed[i], &keys[i]);
		v[3 + i].s = buf_view(&packed[i]);
		v[3 + i].is_int = false;
	}
	test_rows_set(&w->rows, STORE_ACCOUNT_PUT, v, 5, 2);
	buf_clear(&packed[0]);
	buf_clear(&packed[1]);
}

UNUSED static void have_contact(struct world *w, const char *local, const char *contact, int sub, bool ask,
	bool approved)
{
	struct store_value v[9] = {sv("x.test"), sv(local), sv(contact), sv(NULL), iv(sub), iv(ask), iv(approved),
		sv(NULL), iv(1)};

	test_rows_set(&w->rows, STORE_ROSTER_PUT, v, 9, 3);
}

/* Both are subscribed to each other. */
UNUSED static void have_friends(struct world *w, const char *a, const char *b)
{
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@x.test", b);
	have_contact(w, a, jid, SUB_TO | SUB_FROM, false, false);
	snprintf(jid, sizeof(jid), "%s@x.test", a);
	have_contact(w, b, jid, SUB_TO | SUB_FROM, false, false);
}

UNUSED static unsigned new_conn(struct world *w)
{
	assert_true(w->conn_count + 1 < CONNS);
	return ++w->conn_count;
}

UNUSED static unsigned bind_begin(struct world *w, const char *local, const char *resource)
{
	unsigned conn = new_conn(w);
	struct msg *m = msgs_add(&w->in);
	char jid[128];

	snprintf(jid, sizeof(jid), "%s@x.test", local);
	m->kind = MSG_BIND;
	m->conn = conn;
	m->bind.account = xstrdup(jid);
	m->bind.resource = resource ? xstrdup(resource) : NULL;
	m->bind.secure = true;
	return conn;
}

/* A bound session; its connection. */
UNUSED static unsigned login(struct world *w, const char *local, const char *resource)
{
	unsigned conn = bind_begin(w, local, resource);

	pump(w);
	assert_int_equal(w->conn[conn].refused, XERR_NONE);
	assert_non_null(w->conn[conn].jid);
	return conn;
}

UNUSED static struct stanza *parse_from(const char *from, const char *xml)
{
	size_t name = strcspn(xml, " />"), size = strlen(xml) + strlen(from) + 16;
	char *text = xmalloc(size);
	struct stanza *s;

	snprintf(text, size, "%.*s from='%s'%s", (int)name, xml, from, xml + name);
	assert_int_equal(stanza_parse(str_z(text), &s), 0);
	xfree(text);
	return s;
}

UNUSED static void put_stanza(struct world *w, unsigned conn, const char *xml)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_STANZA;
	m->conn = conn;
	m->session = w->conn[conn].session;
	m->stanza.stanza = parse_from(w->conn[conn].jid, xml);
}

UNUSED static void say(struct world *w, unsigned conn, const char *xml)
{
	put_stanza(w, conn, xml);
	pump(w);
}

/* From somewhere else, by routing. */
UNUSED static void from_far(struct world *w, const char *from, const char *xml)
{
	struct stanza *s = parse_from(from, xml);

	turn(w, &s);
	pump(w);
}

UNUSED static unsigned pending(const struct world *w, unsigned conn) { return w->conn[conn].tail - w->conn[conn].head; }

/* The next thing that the connection was sent; "" if nothing is left. */
UNUSED static const char *next(struct world *w, unsigned conn)
{
	struct test_conn *t = &w->conn[conn];

	return t->head < t->tail ? t->got[t->head++] : "";
}

UNUSED static uint64_t last_commit(const struct world *w, unsigned conn)
{
	return w->conn[conn].commits[w->conn[conn].head - 1];
}

#define expect(w, conn, text) assert_string_equal(next(w, conn), text)
#define expect_nothing(w, conn) expect(w, conn, "")

UNUSED static void expect_has(struct world *w, unsigned conn, const char *part)
{
	const char *text = next(w, conn);

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

UNUSED static const char *far_next(struct world *w)
{
	return w->far_head < w->far_tail ? w->far_got[w->far_head++] : "";
}

UNUSED static void forget(struct world *w, unsigned conn) { w->conn[conn].head = w->conn[conn].tail; }

/* Logs in and sends a first presence; what came of it is forgotten. */
UNUSED static unsigned online(struct world *w, const char *local, const char *resource, int priority)
{
	unsigned conn = login(w, local, resource);
	char xml[64];

	snprintf(xml, sizeof(xml), "<presence><priority>%d</priority></presence>", priority);
	say(w, conn, xml);
	for (unsigned i = 1; i <= w->conn_count; i++)
		forget(w, i);
	w->far_head = w->far_tail;
	return conn;
}

/* The connection breaks; undelivered: the last n packets that it was sent. */
UNUSED static void lose(struct world *w, unsigned conn, unsigned undelivered)
{
	struct test_conn *t = &w->conn[conn];
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LOST;
	m->conn = conn;
	m->session = t->session;
	for (unsigned i = t->tail - undelivered; i < t->tail; i++) {
		struct packet *p = packet_ref(t->packets[i]);
		packets_add(&m->end.rest, &p);
	}
	pump(w);
}

/* The connection breaks, but the session waits to be resumed (XEP-0198). */
UNUSED static void detach(struct world *w, unsigned conn)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_SM_ENABLE;
	m->conn = conn;
	m->session = w->conn[conn].session;
	m->sm_enable.resume = true;
	pump(w);
	m = msgs_add(&w->in);
	m->kind = MSG_LOST;
	m->conn = conn;
	m->session = w->conn[conn].session;
	m->end.resumable = true;
	pump(w);
}

UNUSED static struct test_row *stored_contact(struct world *w, const char *local, const char *contact)
{
	struct store_value v[3] = {sv("x.test"), sv(local), sv(contact)};

	return test_rows_find(&w->rows, STORE_ROSTER_PUT, v, 3);
}

UNUSED static void store_state(struct world *w, bool failing)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_STORE_STATE;
	m->store_state.failing = failing;
	m->store_state.error = failing ? -11 : 0;
	pump(w);
}

#endif
