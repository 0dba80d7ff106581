/* For the tests of this folder only: a wire on a loop with a clock that stands still, clients on links in memory, and in
 * the place of the core something that notes what it is told and answers the steps of a login by itself. */
#ifndef WIRE_TESTING_H
#define WIRE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "link/mem.h"
#include "wire/wire_i.h"
#include "xml/write.h"

#define UNUSED __attribute__((unused))

enum { IDLE_TURNS = 4, TURNS_MAX = 1000000, CAPACITY = 65536, LINKS_MAX = 256 };

struct world {
	struct loop *l;
	struct wire *wire;
	struct queue *to_core;
	struct stream_policy policy;
	struct msgs got; /* what the core was told; `seen` of them were looked at */
	uint32_t seen;
	struct msgs batch, out;
	bool hold;     /* BIND and RESUME wait */
	bool no_close; /* LOST is not answered by itself */
	uint64_t sessions, committed;
	unsigned turns;
	bool known; /* accounts exist */
	uint32_t iterations;
	struct link *links[LINKS_MAX]; /* ends of clients, to free those of a test that failed */
};

static struct world world;

/* ---- in place of the core ---- */

UNUSED static struct msg *to_wire(struct world *w, enum msg_kind kind, uint64_t conn)
{
	struct msg *m = msgs_add(&w->out);

	m->kind = kind;
	m->conn = conn;
	return m;
}

UNUSED static void answer_keys(struct world *w, const struct msg *ask)
{
	struct msg *m = to_wire(w, MSG_AUTH_REPLY, ask->conn);

	m->auth_reply.keys = xcalloc(1, sizeof(struct scram_keys));
	m->auth_reply.known = w->known && strstr(ask->auth_ask.account, "nobody") == NULL;
	scram_derive(ask->auth_ask.hash, STR("secret"), STR("saltsalt"), w->iterations, m->auth_reply.keys);
}

UNUSED static void answer_bind(struct world *w, const struct msg *ask)
{
	struct msg *m = to_wire(w, MSG_BOUND, ask->conn);
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};

	buf_fmt(&jid, "%s/%s", ask->bind.account, ask->bind.resource ? ask->bind.resource : "made-up");
	m->session = ++w->sessions;
	m->bound.jid = str_dup(buf_view(&jid));
}

UNUSED static void answer(struct world *w, struct msg *m)
{
	if (m->kind == MSG_AUTH_ASK)
		answer_keys(w, m);
	else if (m->kind == MSG_BIND && !w->hold)
		answer_bind(w, m);
	else if (m->kind == MSG_LOST && !w->no_close)
		to_wire(w, MSG_CLOSE, m->conn)->session = m->session;
}

UNUSED static void on_turn(void *arg)
{
	struct world *w = arg;

	w->turns++;
	wire_mail(w->wire);
	wire_hand_over(w->wire);
	if (queue_take(w->to_core, &w->batch)) {
		for (uint32_t i = 0; i < w->batch.n; i++) {
			answer(w, &w->batch.m[i]);
			*msgs_add(&w->got) = w->batch.m[i];
		}
		w->batch.n = 0;
	}
	queue_put(wire_queue(w->wire), &w->out);
	wire_mail(w->wire);
	wire_flush(w->wire);
}

/* Until nothing happens any more. */
UNUSED static void settle(struct world *w)
{
	for (unsigned i = 0, idle = 0; idle < IDLE_TURNS; i++) {
		bool ran;

		assert_true(i < TURNS_MAX);
		ran = loop_step(w->l, helper_pending(w->l) > 0);
		if (ran || helper_pending(w->l))
			idle = 0;
		else
			idle++;
	}
}

UNUSED static void pass(struct world *w, int64_t ms)
{
	int64_t until = loop_now(w->l) + ms;

	settle(w);
	while (timers_next(loop_timers(w->l)) <= until) {
		loop_set_virtual(w->l, timers_next(loop_timers(w->l)), 0);
		settle(w);
	}
	loop_set_virtual(w->l, until, 0);
	settle(w);
}

/* ---- beginning and end ---- */

UNUSED static bool serves(void *arg, struct str domain) { return str_is(domain, "x.test"); }
UNUSED static void no_log(enum log_level level, const char *line) {}

UNUSED static struct world *world_new(const struct wire_limits *limits, struct tls_ctx *tls)
{
	struct world *w = &world;
	struct wire_config config = {.number = 3, .policy = &w->policy, .tls = tls, .shared_loop = true};

	memset(w, 0, sizeof(*w));
	log_set_sink(no_log);
	w->l = loop_new();
	loop_set_virtual(w->l, 1000, 0);
	w->to_core = queue_new(NULL);
	w->policy = (struct stream_policy){.serves = serves, .allow_plaintext = true, .tls = tls != NULL};
	w->known = true;
	w->iterations = 2;
	config.limits = limits ? *limits : wire_limits_default;
	config.to_core = w->to_core;
	w->wire = wire_new(w->l, &config);
	loop_on_turn(w->l, on_turn, w);
	return w;
}

UNUSED static void world_free(struct world *w)
{
	loop_on_turn(w->l, NULL, NULL);
	for (unsigned i = 0; i < LINKS_MAX; i++)
		link_free(&w->links[i]);
	while (helper_pending(w->l))
		loop_step(w->l, true);
	wire_free(&w->wire);
	queue_free(&w->to_core);
	msgs_clear(&w->got);
	msgs_clear(&w->batch);
	msgs_clear(&w->out);
	loop_free(&w->l);
}

/* ---- a link that says it comes from elsewhere ---- */

struct far_link {
	struct link link;
	struct link *below;
	struct str address;
};

UNUSED static struct link *far_below(struct link *k) { return CONTAINER_OF(k, struct far_link, link)->below; }
UNUSED static int far_recv(struct link *k, void *p, size_t n) { return link_recv(far_below(k), p, n); }
UNUSED static int far_send(struct link *k, const void *p, size_t n) { return link_send(far_below(k), p, n); }
UNUSED static bool far_pending(struct link *k) { return link_pending(far_below(k)); }
UNUSED static int far_shutdown(struct link *k) { return link_shutdown(far_below(k)); }
UNUSED static int far_want(struct link *k, int events) { return events; }
UNUSED static void far_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	link_watch(far_below(k), events, on_ready, arg);
}
UNUSED static void far_info(struct link *k, struct link_info *ret)
{
	struct str address = CONTAINER_OF(k, struct far_link, link)->address;

	*ret = (struct link_info){.peer = address, .address = address, .unix_uid = -1};
}
UNUSED static int far_binding(struct link *k, enum link_binding kind, struct buf *out) { return ERR_UNSUPPORTED; }
UNUSED static void far_free(struct link *k)
{
	struct far_link *f = CONTAINER_OF(k, struct far_link, link);

	link_free(&f->below);
	xfree(f);
}

static const struct link_ops far_ops = {.name = "far",
	.recv = far_recv,
	.send = far_send,
	.pending = far_pending,
	.shutdown = far_shutdown,
	.want = far_want,
	.watch = far_watch,
	.info = far_info,
	.binding = far_binding,
	.free = far_free};

/* ---- clients ---- */

struct client {
	struct world *w;
	struct link *link, *cable;
	struct buf in; /* everything that came */
	size_t read;   /* looked at */
	bool stopped;  /* does not read */
	bool closed;   /* the other end said so */
	uint64_t conn, session;
};

UNUSED static void client_read(void *arg, int events)
{
	struct client *c = arg;
	char block[4096];
	int n = 0;

	while (!c->stopped && (n = link_recv(c->link, block, sizeof(block))) > 0)
		buf_add(&c->in, block, (size_t)n);
	if (!c->stopped && n != ERR_AGAIN)
		c->closed = true;
	assert_true(buf_ok(&c->in));
	link_watch(c->link, c->stopped || c->closed ? 0 : WATCH_READ, client_read, c);
}

UNUSED static void client_stop(struct client *c, bool stopped)
{
	c->stopped = stopped;
	link_watch(c->link, stopped ? 0 : WATCH_READ, client_read, c);
}

UNUSED static void note_link(struct world *w, struct link *from, struct link *to)
{
	unsigned i = 0;

	while (i < LINKS_MAX && w->links[i] != from)
		i++;
	assert_true(i < LINKS_MAX);
	w->links[i] = to;
}

/* address NULL: a local one. trickle: bytes that the wire's end reads and writes at once, 0: any number. */
UNUSED static void client_open(struct client *c, struct world *w, const char *address, size_t capacity, size_t trickle)
{
	struct link *theirs;

	*c = (struct client){.w = w};
	buf_init(&c->in, 64 << 20);
	mem_link_pair(w->l, w->l, capacity, &c->link, &theirs);
	c->cable = c->link;
	note_link(w, NULL, c->link);
	if (trickle)
		theirs = trickle_link_new(w->l, &theirs, trickle);
	if (address) {
		struct far_link *f = xcalloc(1, sizeof(*f));
		*f = (struct far_link){{&far_ops}, theirs, str_z(address)};
		theirs = &f->link;
	}
	client_stop(c, false);
	wire_accept(w->wire, &theirs, &stream_client, false);
	assert_null(theirs);
}

UNUSED static void client_close(struct client *c)
{
	if (c->link)
		note_link(c->w, c->cable, NULL);
	link_free(&c->link);
	buf_clear(&c->in);
}

UNUSED static void client_write(struct client *c, struct str bytes)
{
	for (unsigned i = 0; bytes.n; i++) {
		int n = link_send(c->link, bytes.p, bytes.n);

		if (n > 0) {
			bytes.p += n;
			bytes.n -= (size_t)n;
		} else {
			assert_int_equal(n, ERR_AGAIN);
			assert_true(i < TURNS_MAX);
			loop_step(c->w->l, false);
		}
	}
}

UNUSED static void say(struct client *c, const char *xml)
{
	client_write(c, str_z(xml));
	settle(c->w);
}

/* What came and was not looked at yet, all of it. */
UNUSED static const char *heard(struct client *c)
{
	const char *all = buf_cstr(&c->in) + c->read;

	c->read = c->in.n;
	return all;
}

#define expect(c, text) assert_string_equal(heard(c), text)

/* The part is in what came next; what is behind it stays. */
UNUSED static void expect_has(struct client *c, const char *part)
{
	const char *all = buf_cstr(&c->in) + c->read, *found = strstr(all, part);

	if (!found)
		fail_msg("\"%s\" is not in \"%s\"", part, all);
	c->read += (size_t)(found - all) + strlen(part);
}

/* ---- what the core was told ---- */

UNUSED static struct msg *next_msg(struct world *w) { return w->seen < w->got.n ? &w->got.m[w->seen++] : NULL; }

UNUSED static struct msg *expect_msg(struct world *w, enum msg_kind kind)
{
	struct msg *m = next_msg(w);

	if (!m || m->kind != kind)
		fail_msg("expected %s, got %s", msg_name(kind), m ? msg_name(m->kind) : "nothing");
	return m;
}

UNUSED static void expect_no_msg(struct world *w)
{
	struct msg *m = next_msg(w);

	if (m)
		fail_msg("expected nothing, got %s", msg_name(m->kind));
}

UNUSED static void expect_stanza(struct world *w, const char *id)
{
	struct msg *m = expect_msg(w, MSG_STANZA);

	assert_true(str_is(m->stanza.stanza->id, id));
}

/* Ids of what came back, "a b c". */
UNUSED static void expect_rest(const struct msg *m, const char *ids)
{
	CLEANUP(buf_clear) struct buf all = {.max = 1 << 20};

	for (uint32_t i = 0; i < m->end.rest.n; i++) {
		struct stanza *s;
		assert_int_equal(packet_parse(m->end.rest.p[i], jid_view(STR("any@x.test/any")), &s), 0);
		buf_fmt(&all, "%s%.*s", i ? " " : "", STR_FMT(s->id));
		stanza_free(&s);
	}
	assert_string_equal(buf_cstr(&all), ids);
}

/* ---- what the core says ---- */

UNUSED static void hand(struct world *w)
{
	queue_put(wire_queue(w->wire), &w->out);
	settle(w);
}

UNUSED static struct packet *make_packet(const char *to, const char *id, size_t size)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.from = STR("b@x.test"),
		.to = to ? str_z(to) : STR_NONE,
		.id = str_z(id)};
	struct packet_writer pw;

	packet_begin(&pw, &head);
	if (size)
		buf_z(&pw.out, "<body>");
	for (size_t i = 0; i < size; i++)
		buf_char(&pw.out, (char)('a' + i % 26));
	if (size)
		buf_z(&pw.out, "</body>");
	return packet_end(&pw);
}

UNUSED static void add_send(struct client *c, struct packet *p, uint64_t commit)
{
	struct msg *m = to_wire(c->w, MSG_SEND, c->conn);

	m->send.packet = p;
	m->send.packet_count = m->send.conn_count = 1;
	m->send.commit = commit;
}

/* One message with this id; size 0: without a body. */
UNUSED static void give(struct client *c, const char *id, uint64_t commit)
{
	add_send(c, make_packet(NULL, id, 0), commit);
}

UNUSED static void commit(struct world *w, uint64_t number)
{
	to_wire(w, MSG_COMMITTED, 0)->committed.number = number;
	hand(w);
}

UNUSED static void credit(struct client *c, uint32_t handled, uint64_t number)
{
	struct msg *m = to_wire(c->w, MSG_CREDIT, c->conn);

	m->session = c->session;
	m->credit.handled = handled;
	m->credit.commit = number;
}

UNUSED static void close_from_core(struct client *c, enum serr error, bool at_once)
{
	struct msg *m = to_wire(c->w, MSG_CLOSE, c->conn);

	m->session = c->session;
	m->close.error = error;
	m->close.at_once = at_once;
	hand(c->w);
}

/* ---- logging in ---- */

#define HEADER \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.test' version='1.0'>"
#define BIND \
	"<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>"
#define STREAM_END_TAG "</stream:stream>"

UNUSED static void auth_plain(struct client *c, const char *user, const char *password)
{
	CLEANUP(buf_clear) struct buf message = {.max = 4096};
	CLEANUP(buf_clear) struct buf xml = {.max = 4096};

	buf_char(&message, '\0');
	buf_z(&message, user);
	buf_char(&message, '\0');
	buf_z(&message, password);
	buf_z(&xml, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
	b64_encode(&xml, message.p, message.n);
	buf_z(&xml, "</auth>");
	say(c, buf_cstr(&xml));
}

UNUSED static void client_auth(struct client *c)
{
	say(c, HEADER);
	expect_has(c, "</stream:features>");
	auth_plain(c, "alice", "secret");
	expect_has(c, "<success");
	say(c, HEADER);
	expect_has(c, "<bind");
	expect_has(c, "</stream:features>");
	expect_msg(c->w, MSG_AUTH_ASK);
}

UNUSED static void client_bind(struct client *c)
{
	struct msg *m;

	say(c, BIND);
	expect_has(c, "alice@x.test/desk</jid></bind></iq>");
	expect(c, "");
	m = expect_msg(c->w, MSG_BIND);
	c->conn = m->conn;
	c->session = c->w->sessions;
}

UNUSED static void client_login(struct client *c, struct world *w, size_t capacity, size_t trickle)
{
	client_open(c, w, NULL, capacity, trickle);
	client_auth(c);
	client_bind(c);
}

UNUSED static void client_enable(struct client *c, bool resume)
{
	struct msg *m;

	say(c, resume ? "<enable xmlns='urn:xmpp:sm:3' resume='true'/>" : "<enable xmlns='urn:xmpp:sm:3'/>");
	assert_int_equal(expect_msg(c->w, MSG_SM_ENABLE)->sm_enable.resume, resume);
	m = to_wire(c->w, MSG_SM_ENABLED, c->conn);
	m->session = c->session;
	m->sm_enabled.token = resume ? xstrdup("token-1") : NULL;
	m->sm_enabled.max_seconds = 300;
	hand(c->w);
	expect(c,
		resume ? "<enabled xmlns='urn:xmpp:sm:3' id='token-1' resume='true' max='300'/>"
		       : "<enabled xmlns='urn:xmpp:sm:3'/>");
}

UNUSED static struct conn *conn_of(struct world *w, uint64_t id)
{
	struct conn *c = table_find(&w->wire->conns, id);

	assert_non_null(c);
	return c;
}

UNUSED static struct out_chunk *conn_out_head(struct world *w, uint64_t id) { return conn_of(w, id)->out.head; }
UNUSED static size_t conn_out_bytes(struct world *w, uint64_t id) { return conn_of(w, id)->out.bytes; }

/* A finished connection: nothing of it is left in the wire. */
UNUSED static void expect_no_connections(struct world *w)
{
	assert_int_equal(wire_stats(w->wire).connections, 0);
	assert_int_equal(wire_stats(w->wire).logins, 0);
	assert_true(list_empty(&w->wire->dirty));
	assert_true(list_empty(&w->wire->waiting));
	assert_true(list_empty(&w->wire->again));
}

#endif
