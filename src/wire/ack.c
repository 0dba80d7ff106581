/* Acknowledgements (XEP-0198), both ways. Towards the client h says only what the core has handled and the store has
 * committed; from the client <a/> lets go of what the out-queue keeps. */
#include "wire/wire_i.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROBE_MS = 5000 };

static struct conn_sm *sm_make(struct conn *c)
{
	if (!c->sm)
		c->sm = xcalloc(1, sizeof(*c->sm));
	return c->sm;
}

void ack_free(struct conn *c) { xfree(TAKE(c->sm)); }

static void put_fmt(struct conn *c, uint64_t commit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put_fmt(struct conn *c, uint64_t commit, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n > 0 && (size_t)n < sizeof(text));
	out_raw(c, (struct str){text, (size_t)n}, commit);
}

static void put_answer(struct conn *c) { put_fmt(c, 0, "<a xmlns='" NS_SM "' h='%u'/>", c->sm->h - c->sm->base); }

static void answer_if_due(struct conn *c)
{
	struct conn_sm *sm = c->sm;

	if (!sm_on(c) || !sm->wanted || (int32_t)(sm->h - sm->wanted_at) < 0 || c->state != CONN_OPEN)
		return;
	sm->wanted = false;
	put_answer(c);
}

/* ---- enabling ---- */

void ack_on_enable(struct conn *c, bool resume)
{
	struct msg *m;

	if (c->sm) {
		put_fmt(c, 0, "<failed xmlns='" NS_SM "'><unexpected-request xmlns='" NS_STANZAS "'/></failed>");
		return;
	}
	sm_make(c);
	c->sm->base = c->sm->h = c->forwarded;
	m = conn_to_core(c, MSG_SM_ENABLE);
	m->sm_enable.resume = resume;
}

void ack_on_enabled(struct conn *c, struct msg *m)
{
	if (!c->sm || c->sm->enabled)
		return;
	c->sm->enabled = true;
	if (stream_kind(c->stream)->opening)
		; /* the other end has said so */
	else if (m->sm_enabled.token)
		put_fmt(c, 0, "<enabled xmlns='" NS_SM "' id='%s' resume='true' max='%u'/>", m->sm_enabled.token,
			m->sm_enabled.max_seconds);
	else
		put_fmt(c, 0, "<enabled xmlns='" NS_SM "'/>");
	answer_if_due(c); /* a question that came right behind <enable/> */
}

void ack_on_attach(struct conn *c, struct msg *m, const char *token)
{
	struct conn_sm *sm = sm_make(c);

	sm->enabled = true;
	sm->base = m->attach.base;
	sm->acked = m->attach.acked;
	sm->h = m->attach.handled;
	c->forwarded = c->credited = m->attach.handled;
	if (!stream_kind(c->stream)->opening)
		put_fmt(c, m->attach.commit, "<resumed xmlns='" NS_SM "' previd='%s' h='%u'/>", token,
			sm->h - sm->base);
	for (uint32_t i = 0; i < m->attach.queue.n; i++)
		out_add(c, m->attach.queue.p[i], m->attach.commit, true);
}

void ack_on_link(struct conn *c)
{
	struct conn_sm *sm = sm_make(c);

	sm->base = sm->h = c->forwarded;
}

void ack_on_attach_lost(struct conn *c, const struct msg *m)
{
	/* CLOSED says the same number again. */
	sm_make(c)->acked = m->attach.acked;
}

/* ---- what we have of the client's ---- */

void ack_on_wanted(struct conn *c)
{
	struct conn_sm *sm = c->sm;

	if (!sm)
		return;
	/* A second question before the first is answered: the first gets what is true now. */
	if (sm->wanted && sm->enabled)
		put_answer(c);
	sm->wanted = true;
	sm->wanted_at = c->forwarded;
	answer_if_due(c);
}

/* What is said to be handled never goes down: stanzas from before counting began may be handled after it. */
static void raise_h(struct conn_sm *sm, uint32_t handled)
{
	if ((int32_t)(handled - sm->h) > 0)
		sm->h = handled;
}

static void take_step(struct conn *c)
{
	struct conn_sm *sm = c->sm;

	while (sm->step.commit && sm->step.commit <= c->wire->committed) {
		raise_h(sm, sm->step.handled);
		sm->step = sm->latest;
		sm->latest.commit = 0;
	}
}

/* Handled, but perhaps not committed. Of many that wait only the first and the last are remembered: the first must
 * not wait for the last. */
static void wait_for_commit(struct conn *c, uint32_t handled, uint64_t commit)
{
	struct conn_sm *sm = c->sm;

	if (commit <= c->wire->committed && !sm->step.commit) {
		raise_h(sm, handled);
		return;
	}
	/* Something older still waits: this one may not overtake it. */
	if (!sm->step.commit) {
		sm->step.handled = handled;
		sm->step.commit = commit;
	} else {
		sm->latest.handled = handled;
		sm->latest.commit = commit > sm->step.commit ? commit : sm->step.commit;
	}
	if (!list_linked(&c->waiting))
		list_append(&c->wire->waiting, &c->waiting);
}

void ack_on_credit(struct conn *c, struct msg *m)
{
	c->credited = m->credit.handled;
	if (!c->sm)
		return;
	wait_for_commit(c, m->credit.handled, m->credit.commit);
	answer_if_due(c);
}

void ack_on_committed(struct conn *c)
{
	if (!c->sm)
		return;
	take_step(c);
	answer_if_due(c);
	if (c->sm->step.commit && !list_linked(&c->waiting))
		list_append(&c->wire->waiting, &c->waiting);
}

/* A question is not left open for longer than the store may fail: it gets what is true. */
void ack_on_expire(struct conn *c)
{
	if (!sm_on(c) || !c->sm->wanted || c->state != CONN_OPEN)
		return;
	c->sm->wanted = false;
	put_answer(c);
}

/* ---- what the client has of ours ---- */

static void ask(struct conn *c)
{
	c->sm->asked = true;
	c->sm->asked_until = loop_now(c->wire->loop) + c->wire->config.limits.ack_ms;
	put_fmt(c, 0, "<r xmlns='" NS_SM "'/>");
}

/* Section 4 of XEP-0198: the error says both numbers. */
static void too_high(struct conn *c, uint32_t h)
{
	uint32_t sent = c->sm->acked + c->out.unacked;
	char extra[128];

	log_warn("ack_too_high", "jid=%.*s h=%u sent=%u", STR_FMT(stream_jid(c->stream)), h, sent);
	snprintf(extra, sizeof(extra), "<handled-count-too-high xmlns='" NS_SM "' h='%u' send-count='%u'/>", h, sent);
	conn_end_stream_with(c, SERR_UNDEFINED_CONDITION, "acknowledged more stanzas than were sent", str_z(extra));
}

void ack_on_ack(struct conn *c, uint32_t h)
{
	struct conn_sm *sm = c->sm;
	bool more;

	if (!sm_on(c))
		return;
	more = h != sm->acked;
	if (!out_acked(c, h - sm->acked)) {
		too_high(c, h);
		return;
	}
	sm->acked = h;
	sm->asked = false;
	/* Written after the question was: nobody else would ask about them. */
	if (more && c->out.unacked)
		ask(c);
}

/* One question after each batch: cheap, and a dead link shows within ack_ms. */
void ack_after_flush(struct conn *c, uint32_t stanzas_written)
{
	if (sm_on(c) && stanzas_written && !c->sm->asked && c->state == CONN_OPEN)
		ask(c);
}

/* A dead link shows soon. */
void ack_on_probe(struct conn *c)
{
	int64_t until = loop_now(c->wire->loop) + PROBE_MS;

	if (!sm_on(c) || c->state != CONN_OPEN)
		return;
	if (!c->sm->asked)
		ask(c);
	if (c->sm->asked_until > until)
		c->sm->asked_until = until;
	conn_arm(c);
}
