/* Connections between clients and a core that do what the bytes say: talk, stop reading, break off; send, hold, commit,
 * take back, close. The links are in memory and take a few bytes at once, time stands still between actions.
 *
 * Whatever happens, each client gets well-formed streams; a packet given to a connection reaches the client once or comes
 * back once, in order, not before its commit, and nothing is left over at the end. Two bytes an action. */
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/mem.h"
#include "tests/lib/fuzz.h"
#include "wire/wire.h"
#include "xml/parse.h"
#include "xmpp/ns.h"

enum { CLIENTS = 3, CONNS = 64, IDS = 2048, IDLE_TURNS = 3, TURNS_MAX = 100000, ACTIONS_MAX = 400 };

/* What the core knows of a connection. */
struct known {
	uint64_t id, session;
	bool closed; /* CLOSE was sent */
	bool dead;   /* CLOSED came */
	bool sm;
	uint32_t forwarded, credited, acked;
};

struct client {
	struct link *link;
	struct xml_scratch *scratch;
	struct xml_parser *parser;
	struct buf out;     /* said, and not taken by the cable yet */
	bool stopped, over; /* over: the stream's end or the link's was seen */
	bool broken;        /* broke off itself: what was on its way is lost */
	bool sm;
	uint32_t count, last;
};

struct packet_fate {
	uint8_t sent, got, back;
	bool counted, lossy;
	uint64_t commit;
};

static struct {
	struct loop *loop;
	struct wire *wire;
	struct queue *to_core;
	struct msgs batch, out, asked; /* asked: questions without answer yet */
	struct stream_policy policy;
	struct known known[CONNS];
	uint32_t known_n;
	struct client client[CLIENTS];
	struct packet_fate fate[IDS];
	uint32_t next_id;
	uint64_t sessions, batch_number, committed;
} f;

/* ---- a link from the local socket, so that no password has to be hashed ---- */

struct local_link {
	struct link link;
	struct link *below;
};

static struct link *below(struct link *k) { return CONTAINER_OF(k, struct local_link, link)->below; }
static int local_recv(struct link *k, void *p, size_t n) { return link_recv(below(k), p, n); }
static int local_send(struct link *k, const void *p, size_t n) { return link_send(below(k), p, n); }
static bool local_pending(struct link *k) { return link_pending(below(k)); }
static int local_shutdown(struct link *k) { return link_shutdown(below(k)); }
static int local_want(struct link *k, int events) { return events; }
static void local_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	link_watch(below(k), events, on_ready, arg);
}
static void local_info(struct link *k, struct link_info *ret)
{
	*ret = (struct link_info){.peer = STR("unix:uid=0"), .address = STR("unix:uid=0"), .local = true};
}
static int local_binding(struct link *k, enum link_binding kind, struct buf *out) { return ERR_UNSUPPORTED; }
static void local_free(struct link *k)
{
	struct local_link *l = CONTAINER_OF(k, struct local_link, link);

	link_free(&l->below);
	xfree(l);
}

static const struct link_ops local_ops = {.name = "local",
	.recv = local_recv,
	.send = local_send,
	.pending = local_pending,
	.shutdown = local_shutdown,
	.want = local_want,
	.watch = local_watch,
	.info = local_info,
	.binding = local_binding,
	.free = local_free};

static const char *local_user(void *arg, int64_t uid) { return "alice"; }
static bool serves(void *arg, struct str domain) { return str_is(domain, "x.test"); }

/* ---- the fate of packets ---- */

static uint32_t id_of(struct str id)
{
	uint64_t n;

	return id.n && id.p[0] == 'm' && str_uint((struct str){id.p + 1, id.n - 1}, IDS - 1, &n) == 0 ? (uint32_t)n : 0;
}

static void on_back(struct packets *rest)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < rest->n; i++) {
		struct stanza *s;
		uint32_t id;

		must(packet_parse(rest->p[i], jid_view(STR("alice@x.test/r")), &s) == 0);
		id = id_of(s->id);
		must(id > last);
		last = id;
		f.fate[id].back++;
		must(f.fate[id].back == 1);
		must(f.fate[id].counted || !f.fate[id].got);
		stanza_free(&s);
	}
}

/* ---- clients ---- */

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct str name = xml_name(t, XML_ROOT);
	uint32_t id = str_is(name, "message") ? id_of(xml_attr(t, XML_ROOT, "id")) : 0;

	if (str_is(name, "success"))
		xml_parser_reset(c->parser);
	if (str_is(name, "enabled"))
		c->count = 0;
	if (str_is(name, "enabled") || str_is(name, "resumed"))
		c->sm = true;
	if (!id)
		return;
	c->count++;
	must(id > c->last);
	c->last = id;
	f.fate[id].got++;
	must(f.fate[id].got == 1);
	must(f.fate[id].commit <= f.committed);
	must(f.fate[id].counted || !f.fate[id].back);
}

static void hear(struct client *c, struct str bytes)
{
	struct xml_tree t;

	must(!c->over);
	while (bytes.n) {
		enum xml_event event = xml_parse(c->parser, &bytes, &t);

		must(event <= XML_END);
		if (event == XML_STANZA)
			on_stanza(c, &t);
		if (event == XML_END) {
			c->over = true;
			must(!bytes.n);
		}
	}
}

static void client_ready(void *arg, int events);

static void client_watch(struct client *c)
{
	if (c->link)
		link_watch(c->link, (c->stopped ? 0 : WATCH_READ) | (c->out.n ? WATCH_WRITE : 0), client_ready, c);
}

static void client_ready(void *arg, int events)
{
	struct client *c = arg;
	char block[512];
	int n = c->out.n ? link_send(c->link, c->out.p, c->out.n) : ERR_AGAIN;

	if (n > 0)
		buf_eat(&c->out, (size_t)n);
	else if (n != ERR_AGAIN)
		buf_reset(&c->out);
	n = 0;

	while (c->link && !c->stopped && (n = link_recv(c->link, block, sizeof(block))) > 0)
		hear(c, (struct str){block, (size_t)n});
	if (!c->stopped && n != ERR_AGAIN)
		link_free(&c->link);
	client_watch(c);
}

static void hang_up(struct client *c)
{
	link_free(&c->link);
	xml_parser_free(&c->parser);
	xml_scratch_free(&c->scratch);
	buf_clear(&c->out);
	*c = (struct client){0};
}

static void act_connect(struct client *c, uint32_t how)
{
	static const size_t capacities[] = {5, 17, 300, 65536};
	struct local_link *l;
	struct link *theirs;

	if (c->link)
		return;
	hang_up(c);
	c->scratch = xml_scratch_new();
	c->parser = xml_parser_new(c->scratch, XML_STREAM, &xml_limits_default);
	buf_init(&c->out, 8192);
	mem_link_pair(f.loop, f.loop, capacities[how % 4], &c->link, &theirs);
	if (how & 4)
		theirs = trickle_link_new(f.loop, &theirs, 1 + how / 8 % 32);
	l = xcalloc(1, sizeof(*l));
	*l = (struct local_link){{&local_ops}, theirs};
	theirs = &l->link;
	wire_accept(f.wire, &theirs, &stream_client_unix, false);
	client_watch(c);
}

#define HEADER \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='1.0'>"
#define EXTERNAL "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
#define BIND "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"

static const char *const phrases[] = {
	HEADER EXTERNAL HEADER BIND,
	HEADER EXTERNAL HEADER "<resume xmlns='urn:xmpp:sm:3' previd='token' h='5'/>",
	"<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
	"<message to='b@x.test'><body>hello</body></message>",
	"<r xmlns='urn:xmpp:sm:3'/>",
	"<iq type='get' id='i'><q xmlns='urn:q'/></iq><presence/><presence/><presence/><presence/><presence/><presence/>",
	" ",
	"</stream:stream>",
	HEADER,
	EXTERNAL,
	BIND,
	"<message to='@@'/>",
	"<strange/>",
	"<message><body>half of",
	"<a xmlns='urn:xmpp:sm:3' h='4000000'/>",
	"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>",
};

static void client_say(struct client *c, const char *text)
{
	if (c->link && c->out.n + strlen(text) <= c->out.max)
		buf_z(&c->out, text);
	client_watch(c);
}

static void act_acknowledge(struct client *c)
{
	char text[64];

	snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", c->count);
	if (c->sm)
		client_say(c, text);
}

static void act_break(struct client *c, bool cut)
{
	if (!c->link)
		return;
	for (uint32_t id = 1; id <= f.next_id; id++) /* whatever is on its way now may be lost */
		f.fate[id].lossy = true;
	if (cut)
		mem_link_cut(c->link);
	link_free(&c->link);
}

static void act_stop(struct client *c, bool stopped)
{
	c->stopped = stopped;
	client_watch(c);
}

/* ---- in place of the core ---- */

static struct msg *tell(enum msg_kind kind, uint64_t conn)
{
	struct msg *m = msgs_add(&f.out);

	m->kind = kind;
	m->conn = conn;
	return m;
}

static struct known *known_of(uint64_t conn)
{
	for (uint32_t i = 0; i < f.known_n; i++)
		if (f.known[i].id == conn)
			return &f.known[i];
	return NULL;
}

static struct known *known_new(uint64_t conn)
{
	struct known *k = f.known_n < CONNS ? &f.known[f.known_n++] : NULL;

	if (k)
		*k = (struct known){.id = conn, .session = ++f.sessions};
	return k;
}

static void on_end(struct msg *m)
{
	struct known *k = known_of(m->conn);

	must(k && !k->dead && m->session == k->session);
	if (m->kind != MSG_EXPIRED) {
		must(m->end.acked >= k->acked);
		k->acked = m->end.acked;
	}
	on_back(&m->end.rest);
	if (m->kind == MSG_CLOSED) {
		must(k->closed);
		k->dead = true;
	}
}

static void on_msg(struct msg *m)
{
	struct known *k;

	switch (m->kind) {
	case MSG_AUTH_ASK:
	case MSG_BIND:
	case MSG_RESUME:
	case MSG_SM_ENABLE:
		*msgs_add(&f.asked) = *m;
		*m = (struct msg){0};
		return;
	case MSG_STANZA:
		k = known_of(m->conn);
		must(k && !k->dead && ++k->forwarded - k->credited <= GATE_CREDIT_MAX);
		return;
	case MSG_LOST:
	case MSG_CLOSED:
	case MSG_EXPIRED:
		on_end(m);
		return;
	default:
		must(!"not for the core");
	}
}

static struct packet *new_packet(uint32_t *ret_id, uint64_t commit, bool counted, uint32_t size)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = STR("b@x.test")};
	struct packet_writer w;
	char text[16];

	if (f.next_id + 1 >= IDS)
		return NULL;
	*ret_id = ++f.next_id;
	f.fate[*ret_id] = (struct packet_fate){.sent = 1, .commit = commit, .counted = counted};
	snprintf(text, sizeof(text), "m%u", *ret_id);
	head.id = str_z(text);
	packet_begin(&w, &head);
	for (uint32_t i = 0; i < size; i++)
		buf_char(&w.out, '.');
	return packet_end(&w);
}

static void act_send(struct known *k, uint32_t how)
{
	uint64_t commit = how % 3 ? 0 : how & 1 ? ++f.batch_number : f.batch_number;
	struct packet *p;
	struct msg *m;
	uint32_t id;

	if (k->closed)
		return;
	p = new_packet(&id, commit, k->sm, how % 7 ? 0 : how);
	if (!p)
		return;
	m = tell(MSG_SEND, k->id);
	m->send.packet = p;
	m->send.packet_count = m->send.conn_count = 1;
	m->send.commit = commit;
}

static void answer_bind(const struct msg *ask, bool refuse)
{
	struct known *k = refuse ? NULL : known_new(ask->conn);
	struct msg *m = tell(MSG_BOUND, ask->conn);

	if (!k) {
		m->bound.error = XERR_CONFLICT;
		return;
	}
	m->session = k->session;
	m->bound.jid = xstrdup("alice@x.test/r");
}

static void answer_resume(const struct msg *ask, bool refuse)
{
	struct known *k = refuse ? NULL : known_new(ask->conn);
	struct msg *m = tell(MSG_ATTACH, ask->conn);
	struct packet *p;
	uint32_t id;

	m->attach.failed = !k;
	if (!k)
		return;
	k->sm = true;
	k->acked = ask->resume.h;
	m->session = k->session;
	m->attach.jid = xstrdup("alice@x.test/r");
	m->attach.acked = ask->resume.h;
	m->attach.commit = f.batch_number > f.committed ? f.batch_number : 0;
	for (int i = 0; i < 3; i++)
		if ((p = new_packet(&id, m->attach.commit, true, 0)))
			packets_add(&m->attach.queue, &p);
}

static void answer_enable(const struct msg *ask, bool resumable)
{
	struct known *k = known_of(ask->conn);
	struct msg *m;

	if (!k || k->closed)
		return;
	k->sm = true;
	m = tell(MSG_SM_ENABLED, ask->conn);
	m->session = k->session;
	m->sm_enabled.token = resumable ? xstrdup("token") : NULL;
}

static void act_answer(uint32_t how)
{
	struct msg ask;
	struct msg *m;

	if (!f.asked.n)
		return;
	ask = f.asked.m[0];
	memmove(f.asked.m, f.asked.m + 1, --f.asked.n * sizeof(ask));
	if (ask.kind == MSG_AUTH_ASK) {
		m = tell(MSG_AUTH_REPLY, ask.conn);
		m->auth_reply.keys = xcalloc(1, sizeof(*m->auth_reply.keys));
		m->auth_reply.known = how % 8 != 0;
	} else if (ask.kind == MSG_BIND) {
		answer_bind(&ask, how % 8 == 1);
	} else if (ask.kind == MSG_RESUME) {
		answer_resume(&ask, how % 4 == 1);
	} else {
		answer_enable(&ask, how & 1);
	}
	msg_clear(&ask);
}

static void act_credit(struct known *k, uint32_t how)
{
	uint32_t open = k->forwarded - k->credited;
	struct msg *m;

	if (k->dead || !open)
		return;
	k->credited += 1 + how % open;
	m = tell(MSG_CREDIT, k->id);
	m->session = k->session;
	m->credit.handled = k->credited;
	m->credit.commit = how & 1 ? f.batch_number : 0;
}

static void act_close(struct known *k, uint32_t how)
{
	struct msg *m;

	if (k->closed)
		return;
	k->closed = true;
	m = tell(MSG_CLOSE, k->id);
	m->session = k->session;
	m->close.error = how & 1 ? SERR_CONFLICT : SERR_NONE;
	m->close.at_once = how & 2;
}

static void act_commit(uint32_t how)
{
	if (f.committed == f.batch_number)
		return;
	f.committed += 1 + how % (f.batch_number - f.committed);
	tell(MSG_COMMITTED, 0)->committed.number = f.committed;
}

/* ---- turns ---- */

static void on_turn(void *arg)
{
	wire_mail(f.wire);
	wire_hand_over(f.wire);
	if (queue_take(f.to_core, &f.batch)) {
		for (uint32_t i = 0; i < f.batch.n; i++) {
			on_msg(&f.batch.m[i]);
			msg_clear(&f.batch.m[i]);
		}
		f.batch.n = 0;
	}
	queue_put(wire_queue(f.wire), &f.out);
	wire_mail(f.wire);
	wire_flush(f.wire);
}

static void settle(void)
{
	for (unsigned i = 0, idle = 0; idle < IDLE_TURNS; i++) {
		must(i < TURNS_MAX); /* nobody turns in circles */
		idle = loop_step(f.loop, false) ? 0 : idle + 1;
	}
}

static void act_pass(uint32_t how)
{
	static const int64_t waits[] = {1, 500, 5000, 20000, 31000, 61000};

	loop_set_virtual(f.loop, loop_now(f.loop) + waits[how % ARRAY_LEN(waits)], 0);
	settle();
}

static void act(uint8_t what, uint8_t who)
{
	struct client *c = &f.client[who % CLIENTS];
	struct known *k = f.known_n ? &f.known[who % f.known_n] : NULL;
	uint32_t how = who / CLIENTS;

	switch (what % 16) {
	case 0:
		act_connect(c, how);
		return;
	case 1:
		client_say(c, phrases[how % ARRAY_LEN(phrases)]);
		return;
	case 2:
		act_break(c, how & 1);
		return;
	case 3:
		act_stop(c, how & 1);
		return;
	case 4:
		loop_step(f.loop, false);
		return;
	case 5:
		act_answer(who);
		return;
	case 6:
		if (k)
			act_send(k, what / 16 * 8 + how);
		return;
	case 7:
		act_commit(who);
		return;
	case 8:
		tell(MSG_EXPIRE, 0)->committed.number = f.committed + 1;
		return;
	case 9:
		if (k)
			act_credit(k, how);
		return;
	case 10:
		if (k)
			act_close(k, what / 16);
		return;
	case 11:
		act_pass(who);
		return;
	case 12:
		act_acknowledge(c);
		return;
	default:
		settle();
		return;
	}
}

/* ---- beginning and end ---- */

static void begin(void)
{
	struct wire_config config = {.number = 1, .policy = &f.policy, .local_user = local_user, .shared_loop = true};

	memset(&f, 0, sizeof(f));
	f.loop = loop_new();
	loop_set_virtual(f.loop, 1000, 0);
	f.to_core = queue_new(NULL);
	f.policy = (struct stream_policy){.serves = serves};
	config.limits = wire_limits_default;
	config.limits.queue_max = 100;
	config.limits.free_tries = 1;
	config.to_core = f.to_core;
	f.wire = wire_new(f.loop, &config);
	loop_on_turn(f.loop, on_turn, NULL);
}

/* Everybody reads to the end, everything is committed and closed: now each packet is somewhere. */
static void finish(void)
{
	for (int i = 0; i < CLIENTS; i++)
		act_stop(&f.client[i], false);
	settle();
	while (f.asked.n) {
		act_answer(2);
		settle();
	}
	while (f.committed < f.batch_number)
		act_commit(255);
	settle();
	for (uint32_t i = 0; i < f.known_n; i++)
		act_close(&f.known[i], 0);
	for (int i = 0; i < 4; i++)
		act_pass(5);
	for (uint32_t i = 0; i < f.known_n; i++)
		must(f.known[i].dead);
	must(wire_stats(f.wire).connections == 0);
	for (uint32_t id = 1; id <= f.next_id; id++) {
		const struct packet_fate *p = &f.fate[id];

		must(p->got <= 1 && p->back <= 1);
		must(p->got + p->back >= 1 || p->lossy);
	}
}

static void no_log(enum log_level level, const char *line) {}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_sink(no_log);
	begin();
	for (size_t i = 0; i + 1 < size && i < 2 * ACTIONS_MAX; i += 2)
		act(data[i], data[i + 1]);
	finish();
	for (int i = 0; i < CLIENTS; i++)
		hang_up(&f.client[i]);
	loop_on_turn(f.loop, NULL, NULL);
	wire_free(&f.wire);
	queue_free(&f.to_core);
	msgs_clear(&f.batch);
	msgs_clear(&f.out);
	msgs_clear(&f.asked);
	loop_free(&f.loop);
	return 0;
}
