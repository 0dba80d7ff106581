/* For the tests of this folder only: a real core with one domain of rooms, rooms.test, driven by hand. Users are bare
 * sessions that send what they are told; beside them a store in an array, a wire that notes what each connection gets,
 * and a domain far.test without sessions. Nothing happens but by a call. */
#ifndef ROOM_TESTING_H
#define ROOM_TESTING_H

#include "room/testing_store.h"

/* ---- the wire ---- */

UNUSED static void wire_send(struct world *w, const struct msg *m)
{
	w->sends++;
	for (uint32_t i = 0; i < m->send.conn_count; i++)
		for (uint32_t k = 0; k < m->send.packet_count; k++) {
			const struct packet *p = m->send.packets ? m->send.packets[k] : m->send.packet;

			w->counted++;
			if (!w->counting)
				note(&w->logs[m->send.conns ? m->send.conns[i] : m->conn],
					(struct got){str_dup(packet_view(p)), m->send.commit, w->sends, p->fill,
						p->volatile_});
		}
}

UNUSED static void wire_take(struct world *w, struct msg *m)
{
	if (m->kind == MSG_SEND) {
		wire_send(w, m);
	} else if (m->kind == MSG_CREDIT) {
		w->paused = m->credit.pause_ms;
	} else if (m->kind == MSG_CLOSE) {
		struct msg *out = msgs_add(&w->in);
		out->kind = MSG_CLOSED;
		out->conn = m->conn;
		out->session = m->session;
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

UNUSED static void turn_in(struct world *w)
{
	struct msgs all = w->in;

	w->in = (struct msgs){0};
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	for (uint32_t i = 0; i < all.n; i++)
		core_handle(w->core, &all.m[i]);
	msgs_clear(&all);
	core_end(w->core);
}

UNUSED static void turn_out(struct world *w)
{
	drain(w, core_out_wire(w->core, 0), wire_take);
	drain(w, core_out_store(w->core), w->store_silent ? store_keep : store_take);
	drain(w, core_out_admin(w->core), admin_take);
}

UNUSED static void turn(struct world *w)
{
	turn_in(w);
	turn_out(w);
}

/* Turns until nothing is left to do. */
UNUSED static void pump(struct world *w)
{
	for (int i = 0; i < 100000; i++) {
		turn(w);
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

UNUSED static void store_fails(struct world *w, bool failing)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_STORE_STATE;
	m->store_state.failing = failing;
	m->store_state.error = ERR_FULL;
	w->store_silent = failing;
	if (failing)
		pump(w);
	else
		store_wake(w);
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

/* ---- users ---- */

UNUSED static void remember_target(struct user *u, struct str to)
{
	for (int i = 0; i < TARGETS; i++) {
		if (u->targets[i] && str_is(to, u->targets[i]))
			return;
		if (!u->targets[i]) {
			u->targets[i] = str_dup(to);
			return;
		}
	}
}

UNUSED static void user_on_stanza(struct session *s, struct stanza **st)
{
	if ((*st)->kind == STANZA_PRESENCE && (*st)->type == TYPE_AVAILABLE)
		remember_target((struct user *)s, jid_str((*st)->to));
	core_send(s->core, st);
}

/* As the accounts do it: unavailable presence to all who were told, without the session's number. */
UNUSED static void user_on_gone(struct session *s)
{
	struct user *u = (struct user *)s;

	for (int i = 0; i < TARGETS && u->targets[i] && !u->mute; i++) {
		struct packet_head head = {.kind = STANZA_PRESENCE,
			.type = TYPE_UNAVAILABLE,
			.from = jid_str(s->jid),
			.to = str_z(u->targets[i])};
		struct packet_writer w;
		struct packet *p;
		struct stanza *st;

		packet_begin(&w, &head);
		p = packet_end(&w);
		assert_int_equal(packet_parse(p, JID_NONE, &st), 0);
		packet_unref(&p);
		core_send(s->core, &st);
	}
}

UNUSED static void user_on_returned(struct session *s, struct stanza **st)
{
	if ((*st)->kind == STANZA_PRESENCE)
		core_done(s->core, st);
	else
		core_bounce(s->core, st, xerr(XERR_SERVICE_UNAVAILABLE));
}

UNUSED static void user_free(struct session *s)
{
	struct user *u = (struct user *)s;

	for (int i = 0; i < TARGETS; i++)
		xfree(u->targets[i]);
	world.users[u->index] = NULL;
	session_clear(s);
	xfree(u);
}

static const struct session_ops user_ops = {.on_stanza = user_on_stanza,
	.on_gone = user_on_gone,
	.on_returned = user_on_returned,
	.free = user_free};

/* A session; its connection. */
UNUSED static unsigned login(struct world *w, const char *jid)
{
	struct user *u = xcalloc(1, sizeof(*u));

	assert_true(w->user_count + 1 < USERS);
	assert_int_equal(
		session_open(&u->session, &user_ops, w->core, &w->account, jid_view(str_z(jid)), ++w->user_count), 0);
	u->index = w->user_count;
	w->users[u->index] = u;
	turn_out(w);
	return u->index;
}

UNUSED static struct stanza *parse_from(struct str from, const char *xml)
{
	size_t name = strcspn(xml, " />");
	struct buf text = {.max = 1 << 22};
	struct stanza *s;

	buf_fmt(&text, "%.*s from='", (int)name, xml);
	xml_escape(&text, from);
	buf_fmt(&text, "'%s", xml + name);
	assert_true(buf_ok(&text));
	if (stanza_parse(buf_view(&text), &s) != 0)
		fail_msg("cannot read %.*s", STR_FMT(buf_view(&text)));
	buf_clear(&text);
	return s;
}

UNUSED static void put(struct world *w, unsigned conn, const char *xml)
{
	struct user *u = w->users[conn];
	struct msg *m = msgs_add(&w->in);

	assert_non_null(u);
	m->kind = MSG_STANZA;
	m->conn = conn;
	m->session = u->session.handle;
	m->stanza.stanza = parse_from(jid_str(u->session.jid), xml);
}

UNUSED static void say(struct world *w, unsigned conn, const char *xml)
{
	put(w, conn, xml);
	pump(w);
}

/* From an address that has no session here. */
UNUSED static void say_far(struct world *w, const char *from, const char *xml)
{
	struct stanza *s = parse_from(str_z(from), xml);

	s->counted_by = w->far_by;
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	core_send(w->core, &s);
	core_end(w->core);
	turn_out(w);
	pump(w);
}

UNUSED static void logout(struct world *w, unsigned conn, bool mute)
{
	w->users[conn]->mute = mute;
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	session_close(&w->users[conn]->session, SERR_NONE, NULL);
	core_end(w->core);
	turn_out(w);
	pump(w);
}

/* ---- far.test ---- */

UNUSED static void far_deliver(struct entity *e, struct stanza **s)
{
	struct str to = jid_str((*s)->to);
	struct packet *p = packet_from(*s, &to);

	note(&world.logs[0], (struct got){str_dup(packet_view(p)), (*s)->commit, 0, false, false});
	packet_unref(&p);
	world.far_via = (*s)->via;
	core_done(e->core, s);
}

UNUSED static void plain_free(struct entity *e) { entity_clear(e); }

static const struct entity_ops far_ops = {.name = "far", .deliver = far_deliver, .free = plain_free};

UNUSED static struct entity *far_get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	return &world.far_user;
}

static const struct host_ops far_host_ops = {.get = far_get};

/* ---- beginning and end ---- */

static const struct feature *const test_features[] = {room_features, NULL};
static const struct command *const test_commands[] = {room_commands, NULL};
static const char *const test_admins[] = {"root@x.test", NULL};

UNUSED static void world_core(struct world *w, const struct rooms_config *config)
{
	struct core_config cc = {.wires = 1,
		.features = test_features,
		.commands = test_commands,
		.turn_budget = w->turn_budget};
	struct rooms_config defaults = {.admins = test_admins};

	w->core = core_new(&cc);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	w->rooms = (struct rooms *)rooms_new(w->core, "rooms.test", config ? config : &defaults);
	w->far.ops = &far_host_ops;
	w->far.kind = HOST_USERS;
	entity_init(&w->far.entity, &far_ops, w->core, NULL, jid_view(STR("far.test")));
	entity_init(&w->far_user, &far_ops, w->core, &w->far, jid_view(STR("any@far.test")));
	entity_init(&w->account, &far_ops, w->core, &w->far, jid_view(STR("all@x.test")));
	core_add_host(w->core, &w->far);
	core_end(w->core);
	turn_out(w);
}

/* Ready, the directory read (unless the store is silent). */
UNUSED static struct world *world_new(const struct rooms_config *config)
{
	struct world *w = &world;

	memset(w, 0, sizeof(*w));
	w->now = 1000;
	world_core(w, config);
	pump(w);
	return w;
}

UNUSED static void clear_users(struct world *w)
{
	core_free(&w->core);
	for (int i = 0; i < USERS; i++)
		log_clear(&w->logs[i]);
	w->user_count = 0;
	for (uint32_t i = 0; i < w->in.n; i++)
		msg_clear(&w->in.m[i]);
	for (uint32_t i = 0; i < w->store_waiting.n; i++)
		msg_clear(&w->store_waiting.m[i]);
	msgs_clear(&w->in);
	msgs_clear(&w->store_waiting);
}

UNUSED static void world_free(struct world *w)
{
	clear_users(w);
	test_rows_clear(&w->rows);
	xfree(TAKE(w->reply));
}

/* The process is killed and started again: what the store has is left. */
UNUSED static void world_restart(struct world *w)
{
	clear_users(w);
	world_core(w, NULL);
	pump(w);
}

UNUSED static void run(struct world *w, const char *line)
{
	struct msg *m = msgs_add(&w->in);
	struct str rest = str_z(line);

	m->kind = MSG_ADMIN_ASK;
	m->conn = 7;
	m->admin_ask.words = xcalloc(8, sizeof(char *));
	while (rest.p)
		m->admin_ask.words[m->admin_ask.n++] = str_dup(str_cut(&rest, ' '));
	pump(w);
}

/* ---- what tests say ---- */

UNUSED static const struct got *next(struct world *w, unsigned conn)
{
	struct log *l = &w->logs[conn];

	return l->head < l->tail ? &l->got[l->head++] : NULL;
}

/* The next text has all these parts (up to NULL); one that begins with '!' it has not. */
UNUSED static const struct got *expect_parts(struct world *w, unsigned conn, int line, ...)
{
	const struct got *g = next(w, conn);
	const char *part;
	va_list ap;

	if (!g)
		fail_msg("line %d: nothing came", line);
	va_start(ap, line);
	while ((part = va_arg(ap, const char *))) {
		bool unwanted = part[0] == '!';
		if (!strstr(g->text, part + unwanted) != unwanted)
			fail_msg("line %d: %s '%s' in: %s", line, unwanted ? "unwanted" : "no", part + unwanted,
				g->text);
	}
	va_end(ap);
	return g;
}
#define expect(w, conn, ...) expect_parts(w, conn, __LINE__, __VA_ARGS__, NULL)

UNUSED static void expect_none(struct world *w, unsigned conn, int line)
{
	const struct got *g = next(w, conn);

	if (g)
		fail_msg("line %d: nobody wanted: %s", line, g->text);
}
#define expect_nothing(w, conn) expect_none(w, conn, __LINE__)

UNUSED static void forget(struct world *w, unsigned conn) { w->logs[conn].head = w->logs[conn].tail; }

UNUSED static void forget_all(struct world *w)
{
	for (unsigned i = 0; i <= w->user_count; i++)
		forget(w, i);
}

#define MUC "<x xmlns='" NS_MUC "'/>"
#define ACCEPT "<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'/></query>"

UNUSED static void join(struct world *w, unsigned conn, const char *address)
{
	char xml[4096];

	snprintf(xml, sizeof(xml), "<presence to='%s' id='join'>" MUC "</presence>", address);
	say(w, conn, xml);
}

/* A form field of muc#roomconfig. */
#define FIELD(name, value) "<field var='muc#roomconfig_" name "'><value>" value "</value></field>"

UNUSED static void configure(struct world *w, unsigned conn, const char *room, const char *fields)
{
	char xml[131072];

	snprintf(xml, sizeof(xml),
		"<iq type='set' id='conf' to='%s'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>"
		"<field var='FORM_TYPE'><value>" NS_MUC_ROOMCONFIG "</value></field>%s</x></query></iq>",
		room, fields);
	say(w, conn, xml);
}

/* tea@rooms.test, made, open, with its owner alice in it; nothing left unread. */
UNUSED static unsigned open_tea(struct world *w, const char *fields)
{
	unsigned alice = login(w, "alice@x.test/a");

	join(w, alice, "tea@rooms.test/alice");
	configure(w, alice, "tea@rooms.test", fields);
	forget_all(w);
	return alice;
}

UNUSED static unsigned enter(struct world *w, const char *jid, const char *address)
{
	unsigned conn = login(w, jid);

	join(w, conn, address);
	return conn;
}

#define ADMIN(items) \
	"<iq type='set' id='adm' to='tea@rooms.test'><query xmlns='" NS_MUC_ADMIN "'>" items "</query></iq>"

UNUSED static struct room *tea(struct world *w) { return rooms_find(w->rooms, STR("tea")); }

#endif
