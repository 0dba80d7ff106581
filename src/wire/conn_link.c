/* Links between peers until there is a session: dialling, finding out what an incoming stream is, asking the core who may
 * come, and telling it what came of it. */
#include "link/prefix.h"
#include "link/tcp.h"
#include "wire/wire_i.h"
#include "xml/write.h"
#include "xmpp/legacy.h"

enum { TLS_HANDSHAKE = 0x16 };

/* ---- dialling ---- */

static struct msg *tell_failed(struct wire *w, uint64_t dial, uint64_t conn, bool asked, bool reached, const char *why)
{
	struct msg *m = msgs_add(&w->to_core);

	m->kind = MSG_LINK_FAILED;
	m->conn = conn;
	m->link_failed.dial = dial;
	m->link_failed.asked = asked;
	m->link_failed.reached = reached;
	m->link_failed.why = why;
	return m;
}

static struct link *dial(struct wire *w, const char *address)
{
	struct link *link = NULL;

	if (w->config.dial)
		return w->config.dial(w->config.dial_arg, w->loop, address);
	if (tcp_dial(w->loop, str_z(address), &link) == 0)
		tcp_link_patience(link, LINK_PATIENCE_SECONDS);
	return link;
}

void conn_link_dial(struct wire *w, const struct msg *m)
{
	static const struct stream_kind *const plain[] = {[STARTTLS_MAY] = &stream_lan_plain_out,
		[STARTTLS_MUST] = &stream_lan_tls_out,
		[STARTTLS_NEVER] = &stream_lan_old_out};
	const struct stream_kind *kind = m->dial.tls ? &stream_lan_keyed_out : plain[m->dial.starttls];
	struct link *link = dial(w, m->dial.address);
	struct conn *c = link ? conn_new(w, &link, kind, false) : NULL;
	struct buf raw;

	if (!c) {
		link_free(&link);
		tell_failed(w, m->dial.id, 0, false, false, "no connection");
		return;
	}
	c->login->dial = m->dial.id;
	buf_init(&raw, RAW_MAX);
	stream_start(c->stream, str_z(m->dial.from), str_z(m->dial.to), &raw);
	out_raw(c, buf_view(&raw), 0);
	buf_clear(&raw);
	if (m->dial.timeout_ms)
		timer_start(loop_timers(w->loop), &c->timer, loop_now(w->loop) + m->dial.timeout_ms);
}

/* ---- an incoming stream: TLS or not is told by its first byte ---- */

void conn_link_sniff(struct conn *c)
{
	struct wire *w = c->wire;
	char first[256];
	int n = link_recv(c->link, first, sizeof(first));

	if (n == ERR_AGAIN)
		return;
	c->sniff = false;
	if (n < 0) {
		conn_lost(c, false, "closed before a word");
		return;
	}
	c->link = prefix_link_new(w->loop, &c->link, first, (size_t)n);
	c->watching = 0;
	if (first[0] != TLS_HANDSHAKE || !w->config.node_in)
		return;
	c->link = tls_link_server(w->config.node_in, w->loop, &c->link);
	stream_free(&c->stream);
	c->stream = stream_new(&stream_lan_keyed_in, w->config.policy);
}

/* ---- STARTTLS, on streams without a key ---- */

/* What follows may be a first stanza already, which is looked at to see that it is no <starttls/>. */
void conn_link_on_open(struct conn *c)
{
	struct xml_limits limits = c->wire->config.limits.session;

	if (!stream_kind(c->stream)->legacy || stream_state(c->stream) != STREAM_FEATURES)
		return;
	limits.stanza = LEGACY_FIRST;
	xml_parser_limits(c->parser, &limits);
}

void conn_link_start_tls(struct conn *c)
{
	struct wire *w = c->wire;
	struct buf raw;

	xml_parser_limits(c->parser, &w->config.limits.before_login);
	if (!stream_kind(c->stream)->opening) {
		c->link = tls_link_server(w->config.starttls_in, w->loop, &c->link);
		return;
	}
	c->link = tls_link_client(w->config.starttls_out, w->loop, &c->link, NULL);
	buf_init(&raw, RAW_MAX);
	stream_start_again(c->stream, &raw);
	out_raw(c, buf_view(&raw), 0);
	buf_clear(&raw);
}

void conn_link_on_silence(struct conn *c)
{
	struct stream_channel ch;
	struct stream_ask ask = {0};
	struct buf raw;

	conn_channel(c, &ch);
	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_on_silence(c->stream, &ch, &raw, &ask), &ask, &raw);
}

/* ---- asking ---- */

static void fill_channel(struct conn *c, struct link_ask *a)
{
	struct link_info info;
	struct buf data;

	link_info(c->link, &info);
	a->address = str_dup(info.peer);
	a->local_address = str_dup(info.local_address);
	a->tls = str_dup(info.tls);
	a->legacy = stream_kind(c->stream)->legacy;
	a->keyed = info.key && stream_kind(c->stream)->keyed;
	if (!a->keyed)
		return;
	memcpy(a->key, info.key, sizeof(a->key));
	buf_init(&data, 256);
	if (link_binding(c->link, LINK_TLS_EXPORTER, &data) == 0 && data.n == sizeof(a->exporter))
		memcpy(a->exporter, data.p, sizeof(a->exporter));
	else
		a->keyed = false;
	buf_clear(&data);
}

void conn_link_ask(struct conn *c, const struct stream_ask *ask)
{
	struct msg *m = conn_to_core(c, MSG_LINK_ASK);
	struct link_ask *a = xcalloc(1, sizeof(*a));

	m->link_ask.ask = a;
	a->dial = c->login->dial;
	a->from = str_dup(ask->from);
	a->to = str_dup(ask->to);
	fill_channel(c, a);
	c->login->asked = true;
	/* Whoever answers has the time of a login from now on, however little was left for dialling. */
	timer_start(loop_timers(c->wire->loop), &c->timer, loop_now(c->wire->loop) + c->wire->config.limits.login_ms);
}

void conn_link_open(struct conn *c, const struct stream_ask *ask)
{
	conn_to_core(c, MSG_LINK_OPEN)->link_open.token = str_dup(ask->token);
	c->asking = true;
}

void conn_link_on_reply(struct conn *c, struct msg *m)
{
	struct stream_link reply = {
		.error = m->link_reply.error,
		.text = m->link_reply.text,
		.from = str_z(m->link_reply.from),
		.peer = str_z(m->link_reply.peer),
		.token = str_z(m->link_reply.token),
		.h = m->link_reply.h,
		.password = m->link_reply.password,
	};
	struct stream_channel ch;
	struct stream_ask ask = {0};
	struct buf raw;

	conn_channel(c, &ch);
	c->login->commit = m->link_reply.commit;
	c->login->stanza_max = m->link_reply.stanza_max;
	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_on_link(c->stream, &reply, &ch, &raw, &ask), &ask, &raw);
	conn_go_on(c);
}

/* ---- telling ---- */

void conn_link_tell_proof(struct conn *c)
{
	enum stream_proof proof = stream_proof(c->stream);

	if (!c->login || c->login->proof_told || proof == PROOF_NONE)
		return;
	c->login->proof_told = true;
	conn_to_core(c, MSG_LINK_PROVEN)->link_proven.right = proof == PROOF_RIGHT;
}

void conn_link_lost(struct conn *c, const char *why)
{
	struct link_info info = {0};
	struct msg *failed = NULL;

	if (c->session || c->asking || !c->login || !stream_kind(c->stream)->link)
		return;
	if (c->link)
		link_info(c->link, &info);
	if (c->login->dial || c->login->asked)
		failed = tell_failed(c->wire, c->login->dial, c->id, c->login->asked, info.up, why);
	if (failed) {
		failed->link_failed.lacks_tls = stream_lacks_tls(c->stream);
		failed->link_failed.secured = info.secure || info.tls_heard;
		failed->link_failed.keyed = info.secure && info.key && stream_kind(c->stream)->keyed;
		if (failed->link_failed.keyed)
			memcpy(failed->link_failed.key, info.key, sizeof(failed->link_failed.key));
	}
}

/* Of this connection, gathered in one message as long as nothing else comes between. */
void conn_link_arrived(struct conn *c, uint64_t tag)
{
	struct msgs *q = &c->wire->to_core;
	struct msg *m = q->n ? &q->m[q->n - 1] : NULL;

	if (!m || m->kind != MSG_ACKED || m->conn != c->id)
		m = conn_to_core(c, MSG_ACKED);
	if ((m->acked.n & (m->acked.n - 1)) == 0)
		m->acked.tags = xrealloc(m->acked.tags, (m->acked.n ? 2 * m->acked.n : 1) * sizeof(*m->acked.tags));
	m->acked.tags[m->acked.n++] = tag;
}

/* ---- old programs ---- */

/* What XEP-0174 programs write is made into what everybody else writes: who it is from is known by the stream, and the
 * text is in one of two places. NULL: nothing for people. */
struct stanza *conn_link_legacy(struct conn *c, const struct xml_tree *t)
{
	CLEANUP(buf_clear) struct buf text = {.max = 512 * 1024};
	CLEANUP(buf_clear) struct buf xml = {.max = 4 << 20};
	struct stanza *s = NULL;
	struct xml_tree made;
	void *block;

	if (legacy_text(t, &text) != 0 || !text.n || !buf_ok(&text))
		return NULL;
	buf_z(&xml, "<message xmlns='" NS_CLIENT "' type='chat'>");
	xml_put_text(&xml, "body", buf_view(&text));
	buf_z(&xml, "</message>");
	if (!buf_ok(&xml) || xml_parse_all(buf_view(&xml), &block, &made) != 0)
		return NULL;
	stanza_new(&made, STR(NS_CLIENT), stream_stamp(c->stream), STR_NONE, &s);
	xfree(block);
	return s;
}

static bool all_gone(const struct conn *c) { return !c->out.unsent && link_unsent(c->link) == 0; }

/* An old program acknowledges nothing: what its system has taken from ours counts as arrived, unless the program ends the
 * stream right then. So do those that do not know us, or have just got another stream; their systems have taken it all the
 * same. */
void conn_link_drain(struct conn *c)
{
	int64_t now = loop_now(c->wire->loop);

	if (!stream_kind(c->stream)->legacy || !c->link || !c->out.unacked) {
		c->drain_at = INT64_MAX;
		return;
	}
	if (c->drained && now >= c->drain_at) {
		out_acked(c, c->drained);
		c->drained = 0;
		c->drain_at = INT64_MAX;
	}
	if (c->drained || !c->out.unacked)
		return;
	if (all_gone(c))
		c->drained = c->out.unacked;
	c->drain_at = now + (c->drained ? DRAIN_GRACE_MS : DRAIN_POLL_MS);
}

void conn_link_read_all(struct conn *c)
{
	if (stream_kind(c->stream)->legacy && c->link && c->out.unacked && all_gone(c))
		out_acked(c, c->out.unacked);
}
