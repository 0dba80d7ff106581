#include "wire/wire_i.h"

#include "xml/write.h"

/* ---- small helpers ---- */

struct msg *conn_to_core(struct conn *c, enum msg_kind kind)
{
	struct msg *m = msgs_add(&c->wire->to_core);

	m->kind = kind;
	m->conn = c->id;
	m->session = c->session;
	return m;
}

static int binding(void *arg, const char *type, struct buf *out)
{
	static const struct {
		const char *name;
		enum link_binding kind;
	} kinds[] = {
		{"tls-exporter", LINK_TLS_EXPORTER},
		{"tls-server-end-point", LINK_TLS_SERVER_END_POINT},
		{"tls-unique", LINK_TLS_UNIQUE},
	};
	struct conn *c = arg;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(type, kinds[i].name) == 0)
			return link_binding(c->link, kinds[i].kind, out);
	return ERR_UNSUPPORTED;
}

void conn_channel(struct conn *c, struct stream_channel *ret)
{
	struct link_info info;

	link_info(c->link, &info);
	*ret = (struct stream_channel){.secure = info.secure,
		.local = info.local,
		.can_tls = stream_kind(c->stream)->link && c->wire->config.starttls_in,
		.binding = binding,
		.arg = c};
	if (info.unix_uid >= 0 && c->wire->config.local_user)
		ret->external = str_z(c->wire->config.local_user(c->wire->config.local_arg, info.unix_uid));
}

/* ---- life ---- */

static void on_timer(struct timer *t);
static void on_ready(void *arg, int events);

struct conn *conn_new(struct wire *w, struct link **link, const struct stream_kind *kind, bool tls_first)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->wire = w;
	c->link = TAKE(*link);
	if (tls_first)
		c->link = tls_link_server(w->config.tls, w->loop, &c->link);
	if (kind->keyed && kind->opening && w->config.node_out)
		c->link = tls_link_client(w->config.node_out, w->loop, &c->link, NULL);
	c->parser = xml_parser_new(w->scratch, XML_STREAM, &w->config.limits.before_login);
	c->stream = stream_new(kind, w->config.policy);
	c->login = xcalloc(1, sizeof(*c->login));
	buf_init(&c->held, HELD_MAX);
	c->stall_at = c->drain_at = c->read_at = INT64_MAX;
	c->sniff = kind->sniff;
	c->timer.fire = on_timer;
	timer_start(loop_timers(w->loop), &c->timer, loop_now(w->loop) + w->config.limits.login_ms);
	c->id = table_add(&w->conns, c);
	if (!c->id) {
		conn_drop(c);
		return NULL;
	}
	conn_watch(c);
	return c;
}

/* The link goes, the rest may stay until the core has taken back what was not delivered. */
static void close_link(struct conn *c)
{
	if (!c->link)
		return;
	link_shutdown(c->link); /* one try: the other end may not be listening any more */
	if (stream_state(c->stream) == STREAM_CLOSED && !c->out.unsent)
		linger_link(c->wire, &c->link);
	else
		link_free(&c->link);
	xml_parser_free(&c->parser);
	buf_clear(&c->held);
	list_remove(&c->coming);
	list_remove(&c->dirty);
	list_remove(&c->again);
	conn_login_free(c);
	timer_stop(loop_timers(c->wire->loop), &c->timer);
	address_leave(c->wire, &c->address, c->logged_in);
}

void conn_drop(struct conn *c)
{
	struct wire *w = c->wire;

	close_link(c);
	out_clear(c);
	ack_free(c);
	list_remove(&c->waiting);
	stream_free(&c->stream);
	xfree(c->to_attr);
	table_remove(&w->conns, c->id);
	out_trim_spare(w);
	xfree(c);
}

void conn_lost(struct conn *c, bool resumable, const char *why)
{
	struct msg *m;

	if (c->state == CONN_DRAINING) {
		conn_closed(c);
		return;
	}
	if (c->state == CONN_LOST)
		return;
	log_debug("conn_lost", "conn=%llx jid=%.*s why=\"%s\"", (unsigned long long)c->id,
		STR_FMT(stream_jid(c->stream)), why);
	c->state = CONN_LOST;
	conn_link_lost(c, why);
	close_link(c);
	if (!c->session && !c->asking) {
		conn_defunct(c);
		return;
	}
	if (!c->session)
		return; /* BOUND or ATTACH will name it, then it is lost */
	m = conn_to_core(c, MSG_LOST);
	m->end.acked = c->sm ? c->sm->acked : 0;
	/* Whoever ended the stream has ended the session, even if the last words could not be said. */
	m->end.hung_up = c->hung_up;
	m->end.resumable = resumable && stream_state(c->stream) != STREAM_CLOSED;
	out_take_rest(c, &m->end.rest);
}

void conn_closed(struct conn *c)
{
	struct msg *m = conn_to_core(c, MSG_CLOSED);

	m->end.acked = c->sm ? c->sm->acked : 0;
	out_take_rest(c, &m->end.rest);
	c->state = CONN_LOST;
	close_link(c);
	conn_defunct(c);
}

void conn_defunct(struct conn *c)
{
	if (c->defunct)
		return;
	/* Freed at the end of the turn: callers are still using it. */
	c->defunct = true;
	list_append(&c->wire->defunct, &c->dirty);
}

/* The core ends the session. The client gets some time to take what is on its way or waits for its commit, unless
 * another connection of the client waits for this queue. */
void conn_on_close(struct conn *c, const struct msg *m)
{
	struct buf raw;

	if (c->state != CONN_OPEN || m->close.silent) {
		conn_closed(c);
		return;
	}
	conn_link_read_all(c);
	buf_init(&raw, RAW_MAX);
	stream_close(c->stream, m->close.error, m->close.text, &raw);
	out_raw(c, buf_view(&raw), 0);
	buf_clear(&raw);
	c->state = CONN_DRAINING;
	out_flush(c);
	if (c->state != CONN_DRAINING || c->defunct)
		return;
	if (m->close.at_once || !c->out.unsent) {
		conn_closed(c);
		return;
	}
	timer_start(loop_timers(c->wire->loop), &c->timer, loop_now(c->wire->loop) + c->wire->config.limits.drain_ms);
	conn_watch(c);
}

/* ---- deadlines ---- */

void conn_arm(struct conn *c)
{
	int64_t at = c->stall_at;

	if (c->state != CONN_OPEN || !c->logged_in)
		return; /* the login or drain deadline stands */
	if (sm_on(c) && c->sm->asked && c->sm->asked_until < at)
		at = c->sm->asked_until;
	if (c->drain_at < at)
		at = c->drain_at;
	if (c->read_at < at)
		at = c->read_at;
	if (at == INT64_MAX)
		timer_stop(loop_timers(c->wire->loop), &c->timer);
	else if (!timer_running(&c->timer) || c->timer.at > at)
		timer_start(loop_timers(c->wire->loop), &c->timer, at);
}

void conn_slow(struct conn *c, uint32_t ms)
{
	c->read_at = loop_now(c->wire->loop) + ms;
	if (sm_on(c) && c->sm->asked)
		c->sm->asked_until += ms; /* its acknowledgement is not read either */
	conn_arm(c);
}

static void read_again(struct conn *c, int64_t now)
{
	if (c->read_at > now)
		return;
	c->read_at = INT64_MAX;
	conn_go_on(c);
}

static void on_timer(struct timer *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, timer);
	int64_t now = loop_now(c->wire->loop);

	if (c->state == CONN_DRAINING) {
		conn_closed(c);
	} else if (!c->logged_in) {
		conn_link_on_silence(c);
	} else if (c->stall_at <= now) {
		conn_lost(c, true, "reads nothing");
	} else if (sm_on(c) && c->sm->asked && c->sm->asked_until <= now) {
		conn_lost(c, true, "does not acknowledge");
	} else {
		conn_link_drain(c);
		read_again(c, now);
		conn_arm(c);
	}
}

/* ---- reading ---- */

/* Reading stops while the stream waits for an answer, and while the core has enough of this client. */
static bool paused(const struct conn *c)
{
	return c->read_at != INT64_MAX || stream_waiting(c->stream) || c->eager_tls || conn_muted(c) ||
		c->forwarded - c->credited >= GATE_CREDIT_MAX;
}

void conn_watch(struct conn *c)
{
	int want = 0;

	if (!c->link)
		return;
	if (c->state == CONN_OPEN && !paused(c))
		want |= WATCH_READ;
	if (c->out.unsent && !out_waits(c) && !conn_muted(c))
		want |= WATCH_WRITE;
	if (want != c->watching || want & WATCH_WRITE)
		link_watch(c->link, want, on_ready, c);
	c->watching = (uint8_t)want;
}

/* A malformed address, or a type that does not exist: the stanza cannot cross the gate as it is, but it counts, and the core
 * has the say on what is answered. It goes without address and content, marked. */
static struct stanza *refused(struct conn *c, const struct xml_tree *t, enum xerr_cond why)
{
	bool iq = str_is(xml_name(t, XML_ROOT), "iq");
	struct str type = why == XERR_JID_MALFORMED ? xml_attr(t, XML_ROOT, "type") : iq ? STR("get") : STR_NONE;
	struct stanza *s = NULL;
	struct xml_tree bare;
	struct buf text;
	void *block;

	buf_init(&text, 8 * 1024);
	buf_char(&text, '<');
	buf_str(&text, xml_name(t, XML_ROOT));
	buf_z(&text, " xmlns='" NS_CLIENT "'");
	xml_put_attr(&text, "type", type);
	xml_put_attr(&text, "id", xml_attr(t, XML_ROOT, "id"));
	buf_z(&text, "/>");
	if (buf_ok(&text) && xml_parse_all(buf_view(&text), &block, &bare) == 0) {
		if (stanza_new(&bare, STR(NS_CLIENT), jid_view(stream_jid(c->stream)), stream_lang(c->stream), &s) == 0)
			s->refused = why;
		xfree(block);
	}
	buf_clear(&text);
	return s;
}

static int make_stanza(struct conn *c, const struct xml_tree *t, struct stanza **ret)
{
	const struct stream_kind *kind = stream_kind(c->stream);

	if (!kind->legacy)
		return stanza_new(t, str_z(kind->content), stream_stamp(c->stream), stream_lang(c->stream), ret);
	*ret = conn_link_legacy(c, t);
	return 0;
}

static void give_stanza(struct conn *c, const struct xml_tree *t)
{
	struct stanza *s = NULL;
	int err;

	if (tap_on(c))
		tap_stanza(c, false, xml_raw(t, XML_ROOT));
	err = make_stanza(c, t, &s);
	if (err == 0 && !s)
		return;
	if (err == ERR_SYNTAX || err == ERR_INVALID)
		s = refused(c, t, err == ERR_SYNTAX ? XERR_JID_MALFORMED : XERR_BAD_REQUEST);
	if (!s) {
		conn_end_stream(c, SERR_POLICY_VIOLATION, "over the size limits");
		return;
	}
	c->wire->stats.stanzas_in++;
	c->forwarded++;
	conn_to_core(c, MSG_STANZA)->stanza.stanza = s;
}

void conn_start_tls(struct conn *c)
{
	struct wire *w = c->wire;

	c->eager_tls = false;
	/* Anything sent before TLS was up would be taken for protected: refuse it. */
	if (c->held.n) {
		conn_lost(c, false, "data between <starttls/> and TLS");
		return;
	}
	stream_secured(c->stream);
	if (stream_kind(c->stream)->link)
		conn_link_start_tls(c);
	else
		c->link = tls_link_server(w->config.tls, w->loop, &c->link);
	c->watching = 0;
	xml_parser_reset(c->parser);
	conn_watch(c);
}

void conn_do(struct conn *c, enum stream_action action, const struct stream_ask *ask, struct buf *raw)
{
	if (!buf_ok(raw)) {
		buf_clear(raw);
		conn_lost(c, false, "an answer over the size limits");
		return;
	}
	out_raw(c, buf_view(raw), c->login ? c->login->commit : 0);
	buf_clear(raw);
	switch (action) {
	case STREAM_GO_ON:
		break;
	case STREAM_START_TLS:
		c->eager_tls = true;
		out_touch(c); /* begins when all is written, if anything is to be */
		break;
	case STREAM_RESTART:
		xml_parser_reset(c->parser);
		break;
	case STREAM_ENABLE_SM:
		ack_on_enable(c, ask->resume);
		break;
	case STREAM_ACK:
		ack_on_ack(c, ask->h);
		break;
	case STREAM_ACK_WANTED:
		ack_on_wanted(c);
		break;
	case STREAM_CLIENT_STATE:
		idle_enter(c, ask->active);
		break;
	case STREAM_END:
		out_flush(c);
		conn_lost(c, false, "stream closed");
		break;
	case STREAM_FAILED_LOGIN:
		conn_login_failed(c);
		break;
	case STREAM_GIVE_STANZA: /* done by the caller, who has the tree */
		break;
	case STREAM_ASK_LINK:
		conn_link_ask(c, ask);
		break;
	case STREAM_ASK_OPEN:
		conn_link_open(c, ask);
		break;
	case STREAM_ASK_KEYS:
	case STREAM_ASK_VERIFY:
	case STREAM_ASK_REGISTER:
	case STREAM_ASK_BIND:
	case STREAM_ASK_RESUME:
		conn_login_ask(c, action, ask);
		break;
	}
}

void conn_end_stream_with(struct conn *c, enum serr error, const char *text, struct str extra)
{
	struct stream_ask ask = {0};
	struct buf raw;

	buf_init(&raw, RAW_MAX);
	conn_do(c, stream_close_with(c->stream, error, text, extra, &raw), &ask, &raw);
}

void conn_end_stream(struct conn *c, enum serr error, const char *text)
{
	conn_end_stream_with(c, error, text, STR_NONE);
}

static void on_event(struct conn *c, enum xml_event event, const struct xml_tree *t)
{
	enum stream_action action;
	struct stream_ask ask = {0};
	struct stream_channel ch = {0};
	struct buf raw;

	if (!c->logged_in) /* asks the system who is at the other end */
		conn_channel(c, &ch);
	buf_init(&raw, RAW_MAX);
	switch (event) {
	case XML_OPEN:
		action = stream_on_open(c->stream, t, xml_parser_default_ns(c->parser), &ch, &raw, &ask);
		break;
	case XML_STANZA:
		action = stream_on_element(c->stream, t, &ch, &raw, &ask);
		if (action == STREAM_GIVE_STANZA)
			give_stanza(c, t);
		break;
	case XML_END:
		action = stream_on_end(c->stream, &raw);
		break;
	default:
		action = stream_on_bad_xml(c->stream, event, &raw);
		break;
	}
	conn_link_tell_proof(c);
	if (event == XML_OPEN)
		conn_link_on_open(c);
	if (ask.again)
		buf_str(&c->held, xml_raw(t, XML_ROOT));
	conn_do(c, action, &ask, &raw);
}

/* Parses until the input is used up or something has to be waited for; what is left is returned in *in. */
static void parse(struct conn *c, struct str *in)
{
	struct xml_tree t;

	while (in->n && c->state == CONN_OPEN && !paused(c)) {
		enum xml_event event = xml_parse(c->parser, in, &t);

		if (event == XML_MORE)
			return;
		on_event(c, event, &t);
	}
}

static void feed(struct conn *c, const char *p, size_t n)
{
	struct str in = {p, n};

	parse(c, &in);
	if (c->state == CONN_OPEN && in.n)
		buf_add(&c->held, in.p, in.n);
}

static void feed_held(struct conn *c)
{
	struct buf held = c->held;
	struct str in;

	if (!held.n)
		return;
	/* Taken out first: the parser may not see its input move. */
	buf_init(&c->held, HELD_MAX);
	in = buf_view(&held);
	parse(c, &in);
	if (c->state == CONN_OPEN && in.n)
		buf_add(&c->held, in.p, in.n);
	buf_clear(&held);
}

static void read_more(struct conn *c)
{
	struct wire *w = c->wire;

	if (c->sniff)
		conn_link_sniff(c);
	/* A few slices, then the others have their turn. */
	for (int i = 0; i < 4 && c->state == CONN_OPEN && !c->sniff && !paused(c) && !c->held.n; i++) {
		int n = link_recv(c->link, w->read_buf, READ_SIZE);

		if (n == ERR_AGAIN)
			return;
		if (n < 0) {
			conn_link_read_all(c);
			c->hung_up = true;
			conn_lost(c, true, n == ERR_CLOSED ? "closed by the client" : "read failed");
			return;
		}
		w->stats.bytes_in += (uint64_t)n;
		feed(c, w->read_buf, (size_t)n);
	}
	if (c->link && c->state == CONN_OPEN && !paused(c) && link_pending(c->link) && !list_linked(&c->again))
		list_append(&w->again, &c->again);
}

void conn_go_on(struct conn *c)
{
	if (c->state != CONN_OPEN || !c->link)
		return;
	feed_held(c);
	if (c->state == CONN_OPEN && c->link && !paused(c))
		read_more(c);
	conn_watch(c);
}

static void on_ready(void *arg, int events)
{
	struct conn *c = arg;

	if (events & WATCH_WRITE && c->out.unsent && !list_linked(&c->dirty))
		list_append(&c->wire->dirty, &c->dirty);
	if (events & WATCH_READ)
		conn_go_on(c);
	else
		conn_watch(c);
}
