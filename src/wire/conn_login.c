/* Between the stream and the core until there is a session: keys, slow hashing in the helper pool, binding. */
#include "wire/wire_i.h"
#include "xml/write.h"

/* ---- slow work; the connection may be gone when it is done ---- */

struct hash_job {
	struct helper_job job;
	struct wire *wire;
	uint64_t conn;
	bool make; /* registration: make keys; else verify */
	char *password;
	struct scram_keys keys[2];
	bool right;
};

static void hash_work(struct helper_job *j)
{
	struct hash_job *h = CONTAINER_OF(j, struct hash_job, job);
	uint8_t salt[16];

	if (!h->make) {
		h->right = scram_verify(&h->keys[0], str_z(h->password));
		return;
	}
	rand_bytes(salt, sizeof(salt));
	for (int kind = 0; kind < 2; kind++)
		scram_derive(kind ? HASH_SHA256 : HASH_SHA1, str_z(h->password),
			(struct str){(char *)salt, sizeof(salt)}, SCRAM_ITERATIONS, &h->keys[kind]);
}

static void hash_free(struct hash_job *h)
{
	mem_wipe(h->password, strlen(h->password));
	xfree(h->password);
	mem_wipe(h->keys, sizeof(h->keys));
	xfree(h);
}

static void hash_done(struct helper_job *j)
{
	struct hash_job *h = CONTAINER_OF(j, struct hash_job, job);
	struct conn *c = table_find(&h->wire->conns, h->conn);
	struct stream_ask ask = {0};
	struct buf raw;

	if (c && c->state == CONN_OPEN && h->make) {
		struct msg *m = conn_to_core(c, MSG_REGISTER);

		m->reg.account = TAKE(c->login->register_account);
		m->reg.keys = xmemdup(h->keys, sizeof(h->keys));
	} else if (c && c->state == CONN_OPEN) {
		buf_init(&raw, RAW_MAX);
		conn_do(c, stream_on_verified(c->stream, h->right, &raw), &ask, &raw);
		conn_go_on(c);
	}
	hash_free(h);
}

static void start_hash(struct conn *c, const struct stream_ask *ask, bool make)
{
	struct hash_job *h = xcalloc(1, sizeof(*h));

	h->job.work = hash_work;
	h->job.done = hash_done;
	h->wire = c->wire;
	h->conn = c->id;
	h->make = make;
	h->password = xstrdup(ask->password);
	if (!make)
		h->keys[0] = *ask->keys;
	helper_run(c->wire->loop, &h->job);
}

/* ---- asking ---- */

static void ask_bind(struct conn *c, const struct stream_ask *ask)
{
	struct msg *m = conn_to_core(c, MSG_BIND);
	struct link_info info;

	link_info(c->link, &info);
	m->bind.account = str_dup(ask->account);
	m->bind.resource = str_dup(ask->resource);
	m->bind.peer = str_dup(info.peer);
	m->bind.secure =
		info.secure || stream_kind(c->stream)->trusted_channel || c->wire->config.policy->allow_plaintext;
	c->asking = true;
}

static void ask_resume(struct conn *c, const struct stream_ask *ask)
{
	struct msg *m = conn_to_core(c, MSG_RESUME);

	m->resume.account = str_dup(ask->account);
	m->resume.token = str_dup(ask->token);
	m->resume.h = ask->h;
	xfree(c->login->resume_token);
	c->login->resume_token = str_dup(ask->token);
	c->asking = true;
}

void conn_login_ask(struct conn *c, enum stream_action action, const struct stream_ask *ask)
{
	struct msg *m;

	switch (action) {
	case STREAM_ASK_KEYS:
		m = conn_to_core(c, MSG_AUTH_ASK);
		m->auth_ask.account = str_dup(ask->account);
		m->auth_ask.hash = ask->hash;
		break;
	case STREAM_ASK_VERIFY:
		start_hash(c, ask, false);
		break;
	case STREAM_ASK_REGISTER:
		xfree(c->login->register_account);
		c->login->register_account = str_dup(ask->account);
		start_hash(c, ask, true);
		break;
	case STREAM_ASK_BIND:
		ask_bind(c, ask);
		break;
	case STREAM_ASK_RESUME:
		ask_resume(c, ask);
		break;
	default:
		must(!"an action that asks nothing");
	}
}

/* ---- failed logins and registrations: after a few from one address the answer takes its time ---- */

struct delay {
	struct timer timer;
	struct list node; /* in wire->delays */
	struct wire *wire;
	uint64_t conn;
};

static void failure_sent(struct conn *c)
{
	struct stream_ask ask = {0};
	struct buf raw;

	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_failure_sent(c->stream, &raw), &ask, &raw);
}

static void delay_free(struct delay *d)
{
	timer_stop(loop_timers(d->wire->loop), &d->timer);
	list_remove(&d->node);
	xfree(d);
}

void conn_login_forget_delays(struct wire *w)
{
	LIST_EACH(node, &w->delays)
		delay_free(LIST_ITEM(node, struct delay, node));
}

static void on_delay(struct timer *t)
{
	struct delay *d = CONTAINER_OF(t, struct delay, timer);
	struct conn *c = table_find(&d->wire->conns, d->conn);

	delay_free(d);
	if (!c || c->state != CONN_OPEN)
		return;
	c->login->muted = false;
	if (stream_waiting(c->stream))
		failure_sent(c);
	out_touch(c);
	conn_go_on(c);
}

static void mute(struct conn *c, uint32_t ms)
{
	struct wire *w = c->wire;
	struct delay *d = xcalloc(1, sizeof(*d));

	c->login->muted = true;
	d->wire = w;
	d->conn = c->id;
	d->timer.fire = on_delay;
	list_append(&w->delays, &d->node);
	timer_start(loop_timers(w->loop), &d->timer, loop_now(w->loop) + ms);
}

void conn_login_failed(struct conn *c)
{
	uint32_t ms = c->address ? address_failed(c->wire, c->address) : 0;

	log_info("login_failed", "peer=%s wait_ms=%u", address_text(c->address), ms);
	if (ms)
		mute(c, ms);
	else
		failure_sent(c);
}

/* ---- answers ---- */

static void on_auth_reply(struct conn *c, struct msg *m)
{
	struct stream_channel ch;
	struct stream_ask ask;
	struct buf raw;

	conn_channel(c, &ch);
	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_on_keys(c->stream, m->auth_reply.keys, m->auth_reply.known, &ch, &raw, &ask), &ask, &raw);
	conn_go_on(c);
}

static void on_register_reply(struct conn *c, struct msg *m)
{
	uint32_t ms = c->address ? address_failed(c->wire, c->address) : 0;
	struct stream_ask ask = {0};
	struct buf raw;

	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_on_registered(c->stream, m->reg_reply.error, &raw), &ask, &raw);
	if (ms && c->login)
		mute(c, ms);
	conn_go_on(c);
}

static void set_to_attr(struct conn *c, const char *jid)
{
	struct buf attr;

	buf_init(&attr, 6 * JID_MAX + 8);
	xml_put_attr(&attr, "to", str_z(jid));
	c->to_attr = str_dup(buf_view(&attr));
	buf_clear(&attr);
}

/* A session: what was for logging in goes, the wider limits come. */
static void logged_in(struct conn *c, struct msg *m, const char *jid)
{
	struct wire *w = c->wire;
	struct xml_limits limits;
	struct link_info info;

	c->session = m->session;
	set_to_attr(c, jid);
	c->logged_in = true;
	list_remove(&c->coming);
	if (c->address)
		address_logged_in(w, c->address);
	limits = w->config.limits.session;
	if (c->login->stanza_max)
		limits.stanza = c->login->stanza_max;
	xml_parser_limits(c->parser, &limits);
	conn_login_free(c);
	timer_stop(loop_timers(w->loop), &c->timer);
	link_info(c->link, &info);
	log_info("session_open", "jid=%s peer=%.*s tls=\"%.*s\" resumed=%s", jid, STR_FMT(info.peer), STR_FMT(info.tls),
		m->kind == MSG_ATTACH ? "yes" : "no");
}

/* The connection went while the core made its session: that comes back as lost. */
static void lost_meanwhile(struct conn *c, struct msg *m)
{
	struct msg *lost;

	c->asking = false;
	c->session = m->session;
	if (!m->session) {
		conn_defunct(c);
		return;
	}
	lost = conn_to_core(c, MSG_LOST);
	lost->end.resumable = true;
	if (m->kind == MSG_ATTACH) {
		ack_on_attach_lost(c, m);
		lost->end.acked = m->attach.acked;
		lost->end.rest = m->attach.queue;
		m->attach.queue = (struct packets){0};
	}
}

static void on_bound(struct conn *c, struct msg *m)
{
	struct stream_ask ask = {0};
	struct buf raw;

	c->asking = false;
	buf_init(&raw, RAW_MAX);
	if (m->bound.error == XERR_NONE) {
		logged_in(c, m, m->bound.jid);
		if (stream_kind(c->stream)->keyed)
			ack_on_link(c);
	}
	conn_do(c, stream_on_bound(c->stream, str_z(m->bound.jid), m->bound.error, &raw), &ask, &raw);
	conn_go_on(c);
}

static void on_attach(struct conn *c, struct msg *m)
{
	struct stream_ask ask = {0};
	struct buf raw;

	c->asking = false;
	buf_init(&raw, RAW_MAX);
	if (m->attach.failed) {
		conn_do(c, stream_on_resume_failed(c->stream, &raw), &ask, &raw);
	} else {
		char *token = TAKE(c->login->resume_token);

		logged_in(c, m, m->attach.jid);
		stream_on_bound(c->stream, str_z(m->attach.jid), XERR_NONE, &raw);
		ack_on_attach(c, m, token);
		xfree(token);
	}
	conn_go_on(c);
}

void conn_login_free(struct conn *c)
{
	struct conn_login *l = TAKE(c->login);

	if (!l)
		return;
	xfree(l->resume_token);
	xfree(l->register_account);
	xfree(l);
}

void conn_login_on_msg(struct conn *c, struct msg *m)
{
	if (c->state != CONN_OPEN) {
		if (m->kind == MSG_BOUND || m->kind == MSG_ATTACH)
			lost_meanwhile(c, m);
		return;
	}
	switch (m->kind) {
	case MSG_AUTH_REPLY:
		on_auth_reply(c, m);
		break;
	case MSG_REGISTER_REPLY:
		on_register_reply(c, m);
		break;
	case MSG_BOUND:
		on_bound(c, m);
		break;
	case MSG_ATTACH:
		on_attach(c, m);
		break;
	case MSG_LINK_REPLY:
		if (stream_waiting(c->stream))
			conn_link_on_reply(c, m);
		break;
	default:
		must(!"not an answer to a login");
	}
	tap_on_session(c);
}
