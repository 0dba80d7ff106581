/* Who a stanza is for, and how answers find back. */
#include "core/core_i.h"

static void into_inbox(struct core *c, struct entity *e, struct stanza **s)
{
	struct stanza *st;

	if (e->inbox_count >= ENTITY_INBOX_MAX) {
		core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
		return;
	}
	st = TAKE(*s);
	*e->inbox_tail = st;
	e->inbox_tail = &st->next;
	e->inbox_count++;
	if (!e->parked && !e->dead && !list_linked(&e->runnable))
		list_append(&c->runnable, &e->runnable);
}

void core_send(struct core *c, struct stanza **s)
{
	struct jid to = (*s)->to;
	struct xerr error = xerr(XERR_SERVICE_UNAVAILABLE);
	struct entity *e;
	struct host *h;

	must(jid_some(to));
	c->stats.stanzas++;
	h = core_find_host(c, jid_domain(to));
	if (!h)
		h = c->gateway;
	if (!h) {
		core_bounce(c, s, xerr_text(XERR_REMOTE_SERVER_NOT_FOUND, "this server speaks to no others"));
		return;
	}
	e = to.local || h == c->gateway ? h->ops->get(h, jid_bare(to), *s, &error) : &h->entity;
	if (!e) {
		core_bounce(c, s, error);
		return;
	}
	into_inbox(c, e, s);
}

/* What was written by whom it came to, or else by whom it went through. */
static uint64_t commit_of(const struct core *c, const struct stanza *s)
{
	uint64_t commit = commit_since_take(c);

	return commit > s->commit ? commit : s->commit;
}

void core_count(struct core *c, struct stanza *s)
{
	struct session *from = s->origin_seq ? session_find(c, s->counted_by) : NULL;

	if (from)
		session_count(from, s->origin_seq, commit_of(c, s));
	s->origin_seq = 0;
}

void core_slow(struct core *c, const struct stanza *s, uint32_t ms)
{
	struct session *from = s->origin && s->origin_seq ? session_find(c, s->origin) : NULL;

	if (from && from->pause_ms < ms)
		from->pause_ms = ms;
}

void core_done(struct core *c, struct stanza **s)
{
	if ((*s)->counted_by && !(*s)->origin && c->gateway)
		c->gateway->ops->on_done(c->gateway, *s);
	core_count(c, *s);
	stanza_free(s);
}

void core_reply(struct core *c, const struct stanza *request, struct packet **p, uint64_t commit)
{
	struct session *to = request->origin ? session_find(c, request->origin) : NULL;
	struct stanza *s = NULL;

	if (!*p)
		return;
	/* A copy that an entity made in its own name is answered to that entity, whatever session was the cause of it. */
	if (to && session_alive(to) && jid_eq_bare(to->jid, request->from)) {
		session_send(to, p, commit);
		return;
	}
	/* A session of ours that has gone needs no answer; anybody else is reached by address. */
	if ((!request->origin || !request->origin_seq) && jid_some(request->from) &&
		packet_parse(*p, JID_NONE, &s) == 0 && jid_some(s->to))
		core_send(c, &s);
	stanza_free(&s);
	packet_unref(p);
}

void core_bounce(struct core *c, struct stanza **s, struct xerr e)
{
	struct packet *p = packet_error(*s, e);

	c->stats.bounces++;
	if (p)
		core_reply(c, *s, &p, commit_since_take(c));
	core_done(c, s);
}
