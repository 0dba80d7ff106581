/* Resumption (XEP-0198 section 5): a session outlives its connection. Its queue lives here while no connection
 * holds it; with ATTACH it moves to any connection on any wire. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "core/core_i.h"

enum { TOKEN_RANDOM = 20, TOKEN_MAX = 16 + 1 + TOKEN_RANDOM };

struct session_sm {
	struct session *session;
	char *token;             /* NULL when not resumable */
	uint32_t keep_seconds;   /* how long it waits */
	struct packets returned; /* given back by the connection: not acknowledged */
	struct packets late;     /* sent since it left */
	size_t bytes;            /* of both */
	struct list overfull;    /* core's list of them */
	uint32_t acked;          /* number of the last one the client has */
	uint32_t base;           /* stanzas received before counting began */
	struct timer expiry;
	uint64_t next_conn; /* a connection that wants to resume, 0: none */
	uint32_t next_h;    /* what its client says it has */
};

static void refuse(struct core *c, uint64_t conn) { core_to_wire(c, MSG_ATTACH, conn)->attach.failed = true; }

static void count(struct session *s)
{
	if (s->sm)
		return;
	s->sm = xcalloc(1, sizeof(*s->sm));
	s->sm->session = s;
	s->sm->base = (uint32_t)s->received;
}

static char *make_token(const struct session *s)
{
	char random[TOKEN_RANDOM + 1], token[TOKEN_MAX + 1];

	rand_token(random, TOKEN_RANDOM);
	snprintf(token, sizeof(token), "%016llx-%s", (unsigned long long)s->handle, random);
	return xstrdup(token);
}

static void send_enabled(struct session *s)
{
	struct msg *m = core_to_wire(s->core, MSG_SM_ENABLED, s->conn);

	m->session = s->handle;
	m->sm_enabled.token = s->sm->token ? xstrdup(s->sm->token) : NULL;
	m->sm_enabled.max_seconds = s->sm->keep_seconds;
}

void session_on_sm_enable(struct core *c, struct msg *m)
{
	struct session *s = session_find(c, m->session);

	if (!s || s->conn != m->conn || s->state != SESSION_OPEN)
		return;
	count(s);
	s->sm->keep_seconds = c->config.resume_seconds;
	if (m->sm_enable.resume && !s->sm->token)
		s->sm->token = make_token(s);
	send_enabled(s);
}

void session_keep(struct session *s, const char *token, uint32_t keep_seconds)
{
	must(s->state == SESSION_OPEN && !s->sm);
	count(s);
	s->sm->keep_seconds = keep_seconds;
	s->sm->token = token ? xstrdup(token) : make_token(s);
	send_enabled(s);
}

const char *session_token(const struct session *s) { return s->sm ? s->sm->token : NULL; }

bool session_counts(const struct session *s) { return s->sm != NULL; }

bool session_settled(const struct session *s, uint32_t *ret_handled, uint64_t *ret_commit)
{
	if (!s->sm || s->handled != s->received)
		return false;
	*ret_handled = (uint32_t)s->handled - s->sm->base;
	*ret_commit = commit_of_all(s->core);
	return true;
}

bool detach_possible(const struct session *s) { return s->sm && s->sm->token && !s->core->shutting_down; }

/* ---- the queue ---- */

/* Takes *p. Too much ends the session, which gives everything back, but whoever sends may hold the session or go through
 * a list that it is in: not now. */
static void append(struct session *s, struct packets *q, struct packet **p)
{
	const struct core_config *config = &s->core->config;
	struct session_sm *sm = s->sm;

	sm->bytes += packet_view(*p).n;
	packets_add(q, p);
	if (sm->returned.n + sm->late.n <= config->resume_queue && sm->bytes <= config->resume_bytes)
		return;
	if (!list_linked(&sm->overfull))
		list_append(&s->core->overfull, &sm->overfull);
}

void detach_end_overfull(struct core *c)
{
	struct list *node;

	while ((node = list_take(&c->overfull)))
		session_close(LIST_ITEM(node, struct session_sm, overfull)->session, SERR_RESOURCE_CONSTRAINT,
			"too much waited for it");
}

void detach_queue(struct session *s, struct packet *p)
{
	struct packet *own = packet_ref(p);

	append(s, &s->sm->late, &own);
}

void detach_returned(struct session *s, struct packets *rest, uint32_t acked)
{
	/* LOST and CLOSED both say what is acknowledged; nothing is acknowledged in between. */
	s->sm->acked = acked;
	for (uint32_t i = 0; i < rest->n; i++)
		append(s, &s->sm->returned, &rest->p[i]);
	packets_clear(rest);
}

static void append_late(struct session_sm *sm)
{
	for (uint32_t i = 0; i < sm->late.n; i++)
		packets_add(&sm->returned, &sm->late.p[i]);
	packets_clear(&sm->late);
}

void detach_take(struct session *s, struct packets *ret)
{
	if (!s->sm)
		return;
	append_late(s->sm);
	*ret = s->sm->returned;
	s->sm->returned = (struct packets){0};
	s->sm->bytes = 0;
}

void detach_free(struct session *s)
{
	struct session_sm *sm = TAKE(s->sm);

	if (!sm)
		return;
	if (sm->next_conn && !s->core->ending)
		refuse(s->core, sm->next_conn);
	timer_stop(&s->core->timers, &sm->expiry);
	list_remove(&sm->overfull);
	packets_clear(&sm->returned);
	packets_clear(&sm->late);
	xfree(sm->token);
	xfree(sm);
}

/* ---- waiting and coming back ---- */

static void on_expiry(struct timer *t)
{
	struct session_sm *sm = CONTAINER_OF(t, struct session_sm, expiry);

	session_end(sm->session);
}

void detach_enter(struct session *s)
{
	s->state = SESSION_DETACHED;
	s->sm->expiry.fire = on_expiry;
	timer_start(&s->core->timers, &s->sm->expiry, s->core->now + (int64_t)s->sm->keep_seconds * 1000);
	if (s->ops->on_detached)
		s->ops->on_detached(s);
	detach_try_attach(s);
}

static void tell_arrived(struct session *s, const struct packet *p)
{
	if (p->tag && s->ops->on_tagged)
		s->ops->on_tagged(s, p->tag, true);
}

/* Forgets what the client has; false if it claims more than was sent. */
static bool drop_acked(struct session_sm *sm, uint32_t h)
{
	uint32_t n = h - sm->acked;
	struct packets *q = &sm->returned;

	if (n > q->n)
		return false;
	if (n == 0)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		sm->bytes -= packet_view(q->p[i]).n;
		tell_arrived(sm->session, q->p[i]);
		packet_unref(&q->p[i]);
	}
	memmove(q->p, q->p + n, (q->n - n) * sizeof(*q->p));
	q->n -= n;
	sm->acked = h;
	return true;
}

void detach_try_attach(struct session *s)
{
	struct session_sm *sm = s->sm;
	struct core *c = s->core;
	struct msg *m;

	/* What the client sent and waits in some inbox would be sent again if we did not count it. */
	if (!sm || s->state != SESSION_DETACHED || !sm->next_conn || s->handled != s->received)
		return;
	if (!drop_acked(sm, sm->next_h)) {
		log_warn("resume_refused", "jid=%.*s h=%u acked=%u queue=%u", STR_FMT(jid_str(s->jid)), sm->next_h,
			sm->acked, sm->returned.n);
		session_end(s);
		return;
	}
	append_late(sm);
	sm->bytes = 0;
	list_remove(&sm->overfull);
	timer_stop(&c->timers, &sm->expiry);
	s->conn = sm->next_conn;
	sm->next_conn = 0;
	s->state = SESSION_OPEN;
	s->deaf = false;
	m = core_to_wire(c, MSG_ATTACH, s->conn);
	m->session = s->handle;
	m->attach.jid = str_dup(jid_str(s->jid));
	m->attach.queue = sm->returned;
	sm->returned = (struct packets){0};
	m->attach.acked = sm->acked;
	m->attach.handled = (uint32_t)s->handled;
	m->attach.base = sm->base;
	m->attach.commit = commit_of_all(c);
	if (s->ops->on_attached)
		s->ops->on_attached(s);
}

static struct session *by_token(const struct core *c, const char *token, const char *account)
{
	unsigned long long handle = strtoull(token, NULL, 16);
	struct session *s = session_find(c, handle);

	if (strlen(token) != TOKEN_MAX || !s || !s->sm || s->state == SESSION_ENDING || s->ops->is_link)
		return NULL;
	if (!s->sm->token || !hash_equal(token, s->sm->token, TOKEN_MAX))
		return NULL;
	return str_eq(jid_bare_str(s->jid), str_z(account)) ? s : NULL;
}

void session_refuse_resume(struct core *c, uint64_t conn) { refuse(c, conn); }

void session_on_resume(struct core *c, struct msg *m)
{
	struct host *h = core_find_host(c, jid_domain(jid_view(str_z(m->resume.account))));
	struct session *s = by_token(c, m->resume.token, m->resume.account);

	if (!h && c->gateway)
		c->gateway->ops->on_msg(c->gateway, m);
	else if (!s)
		refuse(c, m->conn);
	else
		session_resume(s, m->conn, m->resume.h);
}

static void hurry(struct core *c)
{
	struct host *h;

	for (uint32_t pos = 0; (h = map_next(&c->hosts, &pos));)
		if (h->ops->hurry)
			h->ops->hurry(h);
}

void session_resume(struct session *s, uint64_t conn, uint32_t h)
{
	must(s->sm && s->state != SESSION_ENDING);
	if (s->sm->next_conn)
		refuse(s->core, s->sm->next_conn);
	s->sm->next_conn = conn;
	s->sm->next_h = h;
	if (s->handled != s->received)
		hurry(s->core);
	if (s->state == SESSION_OPEN) {
		/* The client knows before us that its old connection is dead. */
		session_send_close(s, SERR_CONFLICT, "resumed by another stream")->close.at_once = true;
		s->state = SESSION_LEAVING;
	}
	detach_try_attach(s);
}

void session_on_acked(struct core *c, struct msg *m)
{
	struct session *s = session_find(c, m->session);

	commit_take_up(c);
	for (uint32_t i = 0; s && i < m->acked.n; i++)
		if (s->ops->on_tagged)
			s->ops->on_tagged(s, m->acked.tags[i], true);
}
