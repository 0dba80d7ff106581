/* Our user's client writes faster than the link carries it: what it sends is neither refused nor counted while the other end goes on
 * acknowledging, so the client is not read for a while (a connection has GATE_CREDIT_MAX stanzas under way at most). It is
 * counted, in its order, as soon as some of what waits has gone: all else that the client says waits, too. An end that has acknowledged nothing for a while is as good as not
 * there: then all of it goes into the outbox, as far as there is room. */
#include "peer/peers_i.h"

enum { STALL_MS = 5000 };

/* Much less than an outbox takes: all that is held fits into it when the link breaks. */
static uint32_t high(const struct peer *p) { return p->peers->config.outbox_max / 5; }
static size_t high_bytes(void) { return OUTBOX_BYTES / 4; }

static bool is_high(const struct peer *p) { return p->outbox.n >= high(p) || p->outbox.bytes >= high_bytes(); }

static bool is_low(const struct peer *p)
{
	return p->outbox.n <= high(p) - high(p) / 8 && p->outbox.bytes <= high_bytes() - high_bytes() / 8;
}

static bool goes_on(const struct peer *p)
{
	return peer_is_up(p) && core_now(peer_core(p)) - p->outbox.progress < STALL_MS;
}

/* What no client waits for, receipts above all, cannot be slowed: it overtakes. */
bool hold_wants(const struct peer *p, const struct stanza *s)
{
	return s->origin && s->origin_seq && (p->outbox.held.first || (is_high(p) && goes_on(p)));
}

static void watch(struct peer *p)
{
	struct timers *t = core_timers(peer_core(p));

	if (!timer_running(&p->outbox.stalled))
		timer_start(t, &p->outbox.stalled, p->outbox.progress + STALL_MS);
}

void hold_put(struct peer *p, struct stanza **s)
{
	struct parked *held = &p->outbox.held;
	struct stanza *st = TAKE(*s);

	st->next = NULL;
	*held->tail = st;
	held->tail = &st->next;
	held->n++;
	watch(p);
}

static struct stanza *take_all(struct peer *p)
{
	struct parked *held = &p->outbox.held;
	struct stanza *s = TAKE(held->first);

	held->tail = &held->first;
	held->n = 0;
	timer_stop(core_timers(peer_core(p)), &p->outbox.stalled);
	return s;
}

void hold_release(struct peer *p)
{
	struct stanza *s = take_all(p);

	while (s) {
		struct stanza *next = s->next;

		s->next = NULL;
		outbox_put_now(p, &s);
		s = next;
	}
}

void hold_clear(struct peer *p)
{
	struct stanza *s = take_all(p);

	while (s) {
		struct stanza *next = s->next;

		stanza_free(&s);
		s = next;
	}
}

void hold_on_progress(struct peer *p)
{
	p->outbox.progress = core_now(peer_core(p));
	if (p->outbox.held.first && is_low(p))
		hold_release(p);
}

static void on_stalled(struct timer *t)
{
	struct peer *p = CONTAINER_OF(t, struct peer, outbox.stalled);

	if (goes_on(p))
		watch(p);
	else
		hold_release(p);
}

void hold_init(struct peer *p)
{
	p->outbox.held.tail = &p->outbox.held.first;
	p->outbox.stalled.fire = on_stalled;
}

/* A client comes back by a new connection, which has its session when all that came by the old one is counted. */
void hold_hurry(struct host *h)
{
	struct peers *ps = (struct peers *)h;
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		hold_release(p);
}
