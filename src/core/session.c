#include "core/core_i.h"

int session_open(struct session *s, const struct session_ops *ops, struct core *c, struct entity *owner,
	struct jid full, uint64_t conn)
{
	uint64_t handle = c->shutting_down ? 0 : table_add(&c->sessions, s);
	struct msg *m;

	if (!handle)
		return ERR_LIMIT;
	*s = (struct session){.ops = ops, .core = c, .handle = handle, .conn = conn, .owner = owner};
	s->jid = jid_dup(full);
	s->state = SESSION_OPEN;
	m = core_to_wire(c, MSG_BOUND, conn);
	m->session = handle;
	m->bound.jid = str_dup(jid_str(full));
	return 0;
}

void session_clear(struct session *s)
{
	detach_free(s);
	table_remove(&s->core->sessions, s->handle);
	jid_free(&s->jid);
}

struct session *session_find(const struct core *c, uint64_t handle) { return table_find(&c->sessions, handle); }

/* ---- ending ---- */

/* Of a message that went to several sessions of an account only the last copy to come back is worth anything. */
static bool another_has_it(struct packet *p)
{
	if (p->copies < 2)
		return false;
	p->copies--;
	return true;
}

void session_return(struct session *s, struct packet **p)
{
	struct stanza *st;

	if ((*p)->tag && s->ops->is_link) {
		if (!s->core->ending)
			s->ops->on_tagged(s, (*p)->tag, false);
		packet_unref(p);
		return;
	}
	if (another_has_it(*p)) {
		packet_unref(p);
		return;
	}
	/* A filled packet was for this session. One that cannot be read back was never a stanza (an acknowledgement). */
	if (!s->core->ending && packet_parse(*p, s->jid, &st) == 0) {
		st->tag = (*p)->tag;
		s->ops->on_returned(s, &st);
	}
	packet_unref(p);
}

static void return_all(struct session *s, struct packets *rest)
{
	for (uint32_t i = 0; i < rest->n; i++)
		session_return(s, &rest->p[i]);
	packets_clear(rest);
}

void session_end(struct session *s)
{
	struct packets rest = {0};

	if (s->state == SESSION_ENDING)
		return;
	s->state = SESSION_ENDING;
	s->ops->on_gone(s);
	detach_take(s, &rest);
	return_all(s, &rest);
	detach_free(s);
	if (!s->conn)
		s->ops->free(s);
}

struct msg *session_send_close(struct session *s, enum serr error, const char *text)
{
	struct msg *m = core_to_wire(s->core, MSG_CLOSE, s->conn);

	m->session = s->handle;
	m->close.error = error;
	m->close.text = text;
	return m;
}

void session_close(struct session *s, enum serr error, const char *text)
{
	if (s->state == SESSION_ENDING)
		return;
	/* A leaving connection has had its CLOSE already. */
	if (s->state == SESSION_OPEN)
		session_send_close(s, error, text);
	session_end(s);
}

void session_break(struct session *s)
{
	struct msg *m;

	if (s->state != SESSION_OPEN || !detach_possible(s))
		return;
	m = session_send_close(s, SERR_NONE, NULL);
	m->close.at_once = m->close.silent = true;
	s->state = SESSION_LEAVING;
	s->deaf = true;
}

/* ---- from the wire ---- */

static struct session *of_conn(struct core *c, const struct msg *m)
{
	struct session *s = session_find(c, m->session);

	return s && s->conn == m->conn ? s : NULL;
}

void session_on_stanza(struct core *c, struct msg *m)
{
	struct session *s = of_conn(c, m);
	struct stanza *st;

	/* What a peer sends is safe with it; as long as nothing can be stored here it had better stay there. */
	if (s && s->ops->is_link && !core_can_store(c))
		session_break(s);
	if (!s || s->state == SESSION_ENDING || s->deaf)
		return; /* not handled, not acknowledged: its sender knows */
	st = TAKE(m->stanza.stanza);
	st->origin = s->ops->is_link ? 0 : s->handle;
	st->counted_by = s->handle;
	st->origin_seq = ++s->received;
	commit_take_up(c);
	core_spend(c, 1);
	if (st->refused)
		core_bounce(c, &st, xerr(st->refused));
	else
		s->ops->on_stanza(s, &st);
	must(st == NULL);
}

static void send_credit(struct session *s)
{
	struct msgs *out = core_out_wire(s->core, table_tag(s->conn));
	struct msg *m = out->n ? &out->m[out->n - 1] : NULL;

	/* Several in a row say no more than the last one. */
	if (!m || m->kind != MSG_CREDIT || m->conn != s->conn)
		m = core_to_wire(s->core, MSG_CREDIT, s->conn);
	m->session = s->handle;
	m->credit.handled = (uint32_t)s->handled;
	if (s->pause_ms > m->credit.pause_ms)
		m->credit.pause_ms = s->pause_ms;
	s->pause_ms = 0;
	m->credit.commit = s->credit_commit;
}

void session_count(struct session *s, uint64_t seq, uint64_t commit)
{
	uint64_t ahead = seq - s->handled;

	must(ahead >= 1 && ahead <= GATE_CREDIT_MAX + 1);
	if (commit > s->credit_commit)
		s->credit_commit = commit;
	if (ahead > 1) {
		s->done_ahead |= 1ull << (ahead - 2);
		return;
	}
	s->handled++;
	while (s->done_ahead & 1) {
		s->handled++;
		s->done_ahead >>= 1;
	}
	s->done_ahead >>= 1;
	if (s->state == SESSION_OPEN)
		send_credit(s);
	else
		detach_try_attach(s);
}

void session_on_lost(struct core *c, struct msg *m)
{
	struct session *s = of_conn(c, m);

	if (!s)
		return;
	s->hung_up = m->end.hung_up;
	if (s->state == SESSION_OPEN) {
		bool keep = m->end.resumable && detach_possible(s);

		session_send_close(s, SERR_NONE, NULL);
		if (keep)
			s->state = SESSION_LEAVING;
		else
			session_end(s);
	}
	if (s->state == SESSION_LEAVING)
		detach_returned(s, &m->end.rest, m->end.acked);
	else
		return_all(s, &m->end.rest);
}

void session_on_closed(struct core *c, struct msg *m)
{
	struct session *s = of_conn(c, m);

	if (!s)
		return;
	must(s->state == SESSION_LEAVING || s->state == SESSION_ENDING);
	s->conn = 0;
	if (s->state == SESSION_LEAVING) {
		detach_returned(s, &m->end.rest, m->end.acked);
		detach_enter(s);
		return;
	}
	return_all(s, &m->end.rest);
	s->ops->free(s);
}

static void refuse_result(struct session *s, const struct stanza *result)
{
	struct stanza *as_request = stanza_copy(result, result->from);
	struct packet *error;

	as_request->type = TYPE_SET;
	as_request->from = result->to;
	error = packet_error(as_request, xerr(XERR_RESOURCE_CONSTRAINT));
	if (error)
		session_send(s, &error, 0);
	stanza_free(&as_request);
}

static void bounce_message(struct session *s, const struct stanza *message)
{
	struct packet *error = packet_error(message, xerr(XERR_RESOURCE_CONSTRAINT));

	core_reply(s->core, message, &error, 0);
}

static void take_back(struct session *s, const struct stanza *message, const struct packet *p)
{
	if (p->tag && s->ops->on_tagged)
		s->ops->on_tagged(s, p->tag, false);
	bounce_message(s, message);
}

static bool is_from_peer(const struct session *s, const struct stanza *st)
{
	return s->core->gateway && !core_find_host(s->core, jid_domain(st->from));
}

/* What could not be made durable is taken back: an answer becomes an error, a message goes back to its sender. Anything
 * else (the push of a change) tells what is true, and goes out now. */
static void expire(struct session *s, struct packet **p)
{
	struct stanza *st;

	if ((*p)->tag && s->ops->is_link) {
		s->ops->on_tagged(s, (*p)->tag, false);
		return;
	}
	if (another_has_it(*p) || packet_parse(*p, s->jid, &st) != 0)
		return;
	if (st->kind == STANZA_IQ && st->type == TYPE_RESULT)
		refuse_result(s, st);
	else if (st->kind == STANZA_MESSAGE && is_from_peer(s, st))
		session_send(s, p, commit_of_all(s->core)); /* its node keeps it until it is safe here: it waits on */
	else if (st->kind == STANZA_MESSAGE && st->type != TYPE_ERROR)
		take_back(s, st, *p);
	else
		session_send(s, p, 0);
	stanza_free(&st);
}

void session_on_expired(struct core *c, struct msg *m)
{
	struct session *s = of_conn(c, m);

	for (uint32_t i = 0; s && i < m->end.rest.n; i++)
		expire(s, &m->end.rest.p[i]);
}
