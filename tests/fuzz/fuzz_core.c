/* The core between wires, clients and a store that do what the bytes say, in any order and as late as they like. The
 * host is the smallest there can be; what is checked is the promise of closing: a message given to a session reaches its
 * client once, or comes back once, never both, never neither, and in order.
 *
 * Two bytes an action: what, and who or how much. */
#include "tests/fuzz/core_world.h"

/* ---- actions ---- */

static void turn(void)
{
	struct msgs all = f.to_core;

	f.to_core = (struct msgs){0};
	core_begin(f.core, f.now, f.now);
	for (uint32_t i = 0; i < all.n; i++)
		core_handle(f.core, &all.m[i]);
	msgs_clear(&all);
	core_end(f.core);
	for (unsigned i = 0; i < WIRES; i++) {
		struct msgs *out = core_out_wire(f.core, i);

		for (uint32_t k = 0; k < out->n; k++)
			*msgs_add(&f.inbox[i]) = out->m[k];
		out->n = 0;
	}
	for (uint32_t k = 0; k < core_out_store(f.core)->n; k++) {
		f.batch = core_out_store(f.core)->m[k].store_batch.batch->number;
		msg_clear(&core_out_store(f.core)->m[k]);
	}
	core_out_store(f.core)->n = 0;
}

static struct conn *new_conn(struct client *cl, unsigned wire)
{
	struct conn *c = &f.conn[f.conn_n];

	if (f.conn_n == CONNS)
		return NULL;
	f.conn_n++;
	*c = (struct conn){.id = (uint64_t)1 << 32 | wire << 24 | f.conn_n, .client = cl, .waiting = true};
	if (cl->conn) /* it has given that one up: nothing it says or gets there counts */
		cl->conn->client = NULL;
	cl->conn = c;
	return c;
}

static void set_account(char **ret, const struct client *cl)
{
	CLEANUP(buf_clear) struct buf text = {.max = 64};

	buf_fmt(&text, "c%d@x.test", (int)(cl - f.client));
	*ret = str_dup(buf_view(&text));
}

static void act_login(struct client *cl, unsigned wire)
{
	struct conn *c = cl->conn ? NULL : new_conn(cl, wire);
	struct msg *m;

	if (!c)
		return;
	m = say(c, MSG_BIND);
	set_account(&m->bind.account, cl);
	m->bind.resource = xstrdup("r");
	xfree(TAKE(cl->token));
}

static void act_resume(struct client *cl, unsigned wire, bool liar)
{
	struct conn *c = cl->token && !(cl->conn && cl->conn->waiting) ? new_conn(cl, wire) : NULL;
	struct msg *m;

	if (!c)
		return;
	m = say(c, MSG_RESUME);
	set_account(&m->resume.account, cl);
	m->resume.token = xstrdup(cl->token);
	m->resume.h = cl->h + (liar ? 5000 : 0);
}

static void act_stanza(struct conn *c, uint32_t what)
{
	static const struct {
		const char *kind, *rest;
	} stanzas[] = {
		{"message", " to='keep@x.test'/>"},
		{"message", " to='write@x.test'/>"},
		{"message", " to='nobody@x.test'/>"},
		{"message", " to='note@x.test'/>"},
		{"presence", "/>"},
		{"iq", " to='write@x.test' type='set' id='i'><q xmlns='urn:q'/></iq>"},
	};
	struct client *cl = c->client;
	struct stanza *s;
	char text[256];

	if (!cl || !c->open || c->forwarded - c->credited >= GATE_CREDIT_MAX)
		return;
	what %= ARRAY_LEN(stanzas);
	snprintf(text, sizeof(text), "<%s from='%s'%s", stanzas[what].kind, cl->jid, stanzas[what].rest);
	must(stanza_parse(str_z(text), &s) == 0);
	say(c, MSG_STANZA)->stanza.stanza = s;
	c->forwarded++;
	cl->sent++;
}

static uint32_t new_id(uint32_t copies)
{
	if (f.next_id + 1 >= IDS)
		return 0;
	f.expected[++f.next_id] = (uint8_t)copies;
	return f.next_id;
}

/* A message for a client's session by way of its account; some of them wait for what was written. */
static void act_message(struct client *cl, bool held)
{
	uint32_t id = new_id(1);
	char text[128];
	struct stanza *s;

	if (!id)
		return;
	snprintf(text, sizeof(text), "<message from='note@x.test' to='c%d@x.test/r' id='m%u'%s/>", (int)(cl - f.client),
		id, held ? " type='chat'" : "");
	must(stanza_parse(str_z(text), &s) == 0);
	core_begin(f.core, f.now, f.now);
	if (held)
		store_put(core_batch(f.core), STORE_OFFLINE_DEL, STR("x"), STR("y"), (int64_t)1);
	core_send(f.core, &s);
	turn();
}

static void act_multicast(void)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = STR("note@x.test")};
	uint64_t handles[CLIENTS * 2];
	struct packet_writer w;
	struct packet *p;
	struct session *s;
	uint32_t n = 0, id;
	char text[16];

	for (uint32_t pos = 0; n < ARRAY_LEN(handles) && (s = core_next_session(f.core, &pos));)
		if (session_alive(s))
			handles[n++] = s->handle;
	id = n ? new_id(n) : 0;
	if (!id)
		return;
	snprintf(text, sizeof(text), "m%u", id);
	head.id = str_z(text);
	packet_begin(&w, &head);
	p = packet_end(&w);
	core_begin(f.core, f.now, f.now);
	core_multicast(f.core, &p, 1, handles, n, 0);
	turn();
}

static void act_release(uint32_t i)
{
	if (!f.kept_n)
		return;
	i %= f.kept_n;
	core_begin(f.core, f.now, f.now);
	if (i & 1)
		core_done(f.core, &f.kept[i]);
	else
		core_bounce(f.core, &f.kept[i], xerr(XERR_FORBIDDEN));
	f.kept[i] = f.kept[--f.kept_n];
	turn();
}

static void act_close(uint32_t who)
{
	struct session *s;

	core_begin(f.core, f.now, f.now);
	for (uint32_t pos = 0; (s = core_next_session(f.core, &pos));)
		if (who-- == 0) {
			session_close(s, SERR_CONFLICT, "by hand");
			break;
		}
	turn();
}

static void act_store(uint32_t how)
{
	struct msg *m = msgs_add(&f.to_core);

	if (how % 4 == 0 || f.committed == f.batch) {
		m->kind = MSG_STORE_STATE;
		m->store_state.failing = how & 4;
		m->store_state.error = ERR_FULL;
		return;
	}
	f.committed += 1 + how / 4 % (f.batch - f.committed);
	m->kind = MSG_STORE_COMMITTED;
	m->committed.number = f.committed;
}

static void act_sm(struct client *cl, bool resume)
{
	struct conn *c = cl->conn;

	/* Asked for once, as src/wire sees to it. */
	if (!c || !c->open || c->sm || cl->sm)
		return;
	cl->sm = true;
	cl->h = 0;
	say(c, MSG_SM_ENABLE)->sm_enable.resume = resume;
}

static void act(uint8_t what, uint8_t who)
{
	static const int64_t waits[] = {1, 1000, 5000, 30000, 61000};
	struct client *cl = &f.client[who % CLIENTS];
	uint32_t more = who / CLIENTS;
	struct conn *any = f.conn_n ? &f.conn[who % f.conn_n] : NULL;

	switch (what % 16) {
	case 0:
		act_login(cl, more % WIRES);
		return;
	case 1:
		act_sm(cl, more & 3);
		return;
	case 2:
		if (cl->conn)
			act_stanza(cl->conn, more);
		return;
	case 3:
		act_message(cl, more & 1);
		return;
	case 4:
		for (uint32_t i = 0; cl->conn && i <= more % 8; i++)
			write_one(cl->conn);
		return;
	case 5:
		if (cl->conn)
			acknowledge(cl->conn);
		return;
	case 6:
		if (any)
			lose(any, what & 16);
		return;
	case 7:
		wire_some(who % WIRES, 1 + who / WIRES % 16);
		return;
	case 8:
		act_resume(cl, more % WIRES, more > 40);
		return;
	case 9:
		act_release(who);
		return;
	case 10:
		f.now += waits[who % ARRAY_LEN(waits)];
		turn();
		return;
	case 11:
		act_store(who);
		return;
	case 12:
		if (what & 16)
			act_close(who);
		return;
	case 13:
		act_multicast();
		return;
	default:
		turn();
		return;
	}
}

/* ---- beginning and end ---- */

static void begin(uint32_t queue)
{
	struct core_config config = {.wires = WIRES, .resume_seconds = 60, .resume_queue = queue, .relaxed = queue & 1};
	char jid[32];

	memset(&f, 0, sizeof(f));
	f.now = 1000;
	f.core = core_new(&config);
	f.host.ops = &host_ops;
	core_begin(f.core, f.now, f.now);
	entity_init(&f.host.entity, &note_ops, f.core, NULL, jid_view(STR("x.test")));
	core_add_host(f.core, &f.host);
	entity_init(&f.note, &note_ops, f.core, &f.host, jid_view(STR("note@x.test")));
	entity_init(&f.keep, &keep_ops, f.core, &f.host, jid_view(STR("keep@x.test")));
	entity_init(&f.write, &write_ops, f.core, &f.host, jid_view(STR("write@x.test")));
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(jid, sizeof(jid), "c%d@x.test", i);
		entity_init(&f.account[i], &account_ops, f.core, &f.host, jid_view(str_z(jid)));
	}
	core_end(f.core);
}

static void settle(void)
{
	for (int i = 0; i < 10000; i++) {
		for (unsigned k = 0; k < WIRES; k++)
			wire_some(k, UINT32_MAX);
		if (!f.to_core.n && !core_busy(f.core))
			return;
		turn();
	}
	must(!"the core never rests");
}

/* Everything is let go, then the core goes down: now every message is somewhere. */
static void finish(void)
{
	struct session *s;

	settle();
	while (f.kept_n)
		act_release(f.kept_n - 1);
	settle();
	for (uint32_t pos = 0; (s = core_next_session(f.core, &pos));)
		must(s->handled == s->received || s->state == SESSION_ENDING);
	core_begin(f.core, f.now, f.now);
	core_shutdown(f.core);
	turn();
	settle();
	while (f.kept_n) { /* what was under way when they went */
		act_release(0);
		settle();
	}
	must(core_session_count(f.core) == 0);
	must(f.live == 0);
	for (uint32_t id = 1; id <= f.next_id; id++) {
		must(f.got[id] <= f.expected[id]);
		must(f.got[id] + f.back[id] >= f.expected[id]);
	}
}

static void clear(void)
{
	core_free(&f.core);
	for (uint32_t i = 0; i < f.conn_n; i++) {
		must(f.conn[i].n == 0);
		xfree(f.conn[i].q);
	}
	for (int i = 0; i < CLIENTS; i++) {
		xfree(f.client[i].token);
		xfree(f.client[i].jid);
	}
	for (unsigned i = 0; i < WIRES; i++)
		msgs_clear(&f.inbox[i]);
	msgs_clear(&f.to_core);
}

static void no_log(enum log_level level, const char *line) {}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_sink(no_log);
	begin(size ? 1 + data[0] % QUEUE_MAX : 1);
	for (size_t i = 1; i + 1 < size; i += 2)
		act(data[i], data[i + 1]);
	finish();
	clear();
	return 0;
}
