/* What our user and our rooms send to a peer. Messages go through the outbox. All else is worth something only now: with
 * a session it goes, while one is being made it waits, otherwise who asked is told. */
#include "peer/peers_i.h"

static void to_link(struct peer *p, struct stanza **s)
{
	struct str to = jid_str((*s)->to);
	struct packet *packet = packet_from(*s, &to);

	link_send(p, &packet, (*s)->commit);
	core_done(peer_core(p), s);
}

/* Answers to what nobody asked: presence to a peer that is not there. */
static void forget(struct peer *p, struct stanza **s) { core_done(peer_core(p), s); }

/* It may take many seconds until somebody there answers or does not: neither what our user's client says to others nor what it has
 * of theirs (which stands behind it in the same stream) waits so long. */
static void wait_for_link(struct peer *p, struct stanza **s)
{
	struct stanza *st = TAKE(*s);

	core_count(peer_core(p), st);
	st->next = NULL;
	*p->pending.tail = st;
	p->pending.tail = &st->next;
	p->pending.n++;
	dial_now(p);
}

static bool could_be_reached(const struct peer *p)
{
	return p->trust != TRUST_BLOCKED && p->address_n > 0 && p->pending.n < PENDING_MAX;
}

/* A broadcast goes to everybody on the network; links are not made for it. Entering a room is meant. */
static bool is_broadcast(const struct peer *p, const struct stanza *s)
{
	return s->kind == STANZA_PRESENCE && str_eq(jid_domain(s->to), jid_str(p->entity.jid));
}

/* Whoever enters a room of somebody speaks to him: what is said there does not come from a stranger. */
static void note_join(struct peer *p, const struct stanza *s)
{
	if (s->kind == STANZA_PRESENCE && s->type == TYPE_AVAILABLE && p->kind == PEER_KEYED && p->trust == TRUST_NEW &&
		!is_broadcast(p, s))
		peer_set_trust(p, TRUST_PINNED);
}

/* Said in a room of ours to somebody who came in by a session that has ended since: he may have missed what was said before, which
 * its connection has not given back yet. So he is out, and hears it from the room that he is; whoever comes in again gets all of it. */
static bool is_too_late(const struct peer *p, const struct stanza *s)
{
	return s->via && s->kind == STANZA_MESSAGE && s->type == TYPE_GROUPCHAT &&
		(!p->link || p->link->session.handle != s->via);
}

void outbound_deliver(struct entity *e, struct stanza **s)
{
	struct peer *p = (struct peer *)e;
	struct core *c = e->core;

	former_readdress(p, s);
	note_join(p, *s);
	/* What its clients say is known here as long as there is a link. */
	if ((*s)->kind == STANZA_PRESENCE && (*s)->type == TYPE_PROBE) {
		show_answer_probe(p, *s);
		core_done(c, s);
	} else if (picture_answer(p, s)) {
		return;
	} else if (is_too_late(p, *s)) {
		core_bounce(c, s, xerr_text(XERR_REMOTE_SERVER_TIMEOUT, "the link by which he came has ended"));
	} else if (outbox_worth(p, *s)) {
		outbox_put(p, s);
	} else if (p->kind != PEER_KEYED) {
		if ((*s)->kind == STANZA_IQ)
			core_bounce(c, s, xerr(XERR_SERVICE_UNAVAILABLE));
		else
			forget(p, s);
	} else if (p->link && session_alive(&p->link->session)) {
		to_link(p, s);
	} else if (is_broadcast(p, *s) || packet_only_typing(*s) || (*s)->type == TYPE_ERROR ||
		(*s)->type == TYPE_RESULT) {
		forget(p, s);
	} else if (could_be_reached(p)) {
		wait_for_link(p, s);
	} else {
		core_bounce(c, s, xerr_text(XERR_REMOTE_SERVER_TIMEOUT, "this peer cannot be reached now"));
	}
}

static struct stanza *take_pending(struct peer *p)
{
	struct stanza *s = TAKE(p->pending.first);

	p->pending.tail = &p->pending.first;
	p->pending.n = 0;
	return s;
}

void outbound_flush(struct peer *p)
{
	struct stanza *s = take_pending(p);

	while (s) {
		struct stanza *next = s->next;

		s->next = NULL;
		to_link(p, &s);
		s = next;
	}
}

void outbound_drop(struct peer *p)
{
	struct stanza *s = take_pending(p);

	while (s) {
		struct stanza *next = s->next;

		s->next = NULL;
		if (core_ending(peer_core(p)))
			stanza_free(&s);
		else
			core_bounce(peer_core(p), &s,
				xerr_text(XERR_REMOTE_SERVER_TIMEOUT, "this peer cannot be reached now"));
		s = next;
	}
}
