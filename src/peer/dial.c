/* When a link is wanted, and to which address: when somebody waits for something, and always with those to whom our user typed an
 * address in, since without discovery only the link says that they are there. A round goes through all addresses of a peer, the best first, the next one
 * a moment later (RFC 8305); whichever link is accepted first stops it. Rounds that fail come later and later. */
#include <stdio.h>
#include <stdlib.h>

#include "peer/peers_i.h"

/* As long as nobody waits for it a machine that is off is called once in five minutes; one whose link has broken, or was closed by the
 * other end, more often at first, for ten minutes about. */
enum {
	NEXT_ADDRESS_MS = 250,
	AGAIN_MS = 1000,
	AGAIN_MAX_MS = 30000,
	IDLE_MAX_MS = 5 * 60000,
	BROKEN_ROUNDS = 24,
	AT_START_MS = 20, /* between one row and the next */
	PLAIN_OR_TLS_MS = 3000,
	DIAL_MS = 10000
};

static bool waits_for_resumption(const struct peer *p)
{
	return p->link && p->link->session.state != SESSION_OPEN && p->link->session.state != SESSION_ENDING;
}

static bool is_waited_for(const struct peer *p)
{
	return p->outbox.n || p->pending.first || p->verify || p->proof.wanted || (p->adder && p->kind != PEER_LEGACY);
}

/* Old programs are not: each takes a new stream for a new talk. */
static bool keeps_in_touch(const struct peer *p)
{
	if (p->kind != PEER_KEYED || !peer_known(p))
		return p->kind == PEER_TYPED;
	for (unsigned i = 0; i < p->address_n; i++)
		if (p->addresses[i].source == SOURCE_TYPED)
			return true;
	return false;
}

bool peer_wants_link(const struct peer *p)
{
	if (p->trust == TRUST_BLOCKED || p->entity.dead || peer_is_up(p) || p->peers->config.alone)
		return false;
	return is_waited_for(p) || keeps_in_touch(p) || waits_for_resumption(p);
}

static bool may_plain(const struct peer *p)
{
	enum plaintext policy = p->peers->config.plaintext;

	return policy == PLAINTEXT_ALLOW || policy == PLAINTEXT_ONLY || (policy == PLAINTEXT_ASK && p->plain.ok);
}

/* Without leave it is called only where nobody can read along: it has had STARTTLS, or may have it and nothing is lost by
 * trying, because this node never does without. (Otherwise a try would be a stream that an old program takes for the newest.) */
static bool may_starttls(const struct peer *p)
{
	return p->plain.starttls == HAS_STARTTLS ||
		(p->peers->config.plaintext == PLAINTEXT_NEVER && p->plain.starttls != HAS_STARTTLS_NOT);
}

/* Takes connections and does not answer in TLS: no more is known. */
static void say_no_tls(const struct peer *p, const char *waiting)
{
	if (p->peers->config.plaintext == PLAINTEXT_NEVER)
		notice(p->peers, "plaintext", p,
			"where %s was expected something takes connections, but does not answer in TLS, and this node speaks to "
			"nobody without (--plaintext never). %s; /remove %s drops it",
			p->label, waiting, label_word(p).text);
	else
		notice(p->peers, "plaintext", p,
			"where %s was expected something takes connections, but does not answer in TLS. %s until that changes. Should "
			"it be a program that speaks XMPP without encryption: /allow %s sends it so that everybody on the wire "
			"can read it",
			p->label, waiting, label_word(p).text);
}

static void say_waits(const struct peer *p)
{
	char waiting[64] = "What you write to it waits";
	struct label_word name = label_word(p);

	if (p->outbox.n)
		snprintf(waiting, sizeof(waiting), "%u %s queued", p->outbox.n,
			p->outbox.n == 1 ? "message is" : "messages are");
	if (peer_may_be_anything(p))
		say_no_tls(p, waiting);
	else if (p->peers->config.plaintext == PLAINTEXT_NEVER)
		notice(p->peers, "plaintext", p,
			"%s speaks without encryption only, which this node never does (--plaintext never). %s, and will be "
			"sent if %s gets a key or STARTTLS. To send it in the clear, start the node with --plaintext ask and "
			"say /allow %s; to drop it, /remove %s",
			p->label, waiting, p->label, name.text, name.text);
	else
		notice(p->peers, "plaintext", p,
			"%s speaks without encryption only: everybody on the wire could read along. %s until you allow that "
			"(/allow %s)",
			p->label, waiting, name.text);
}

/* Once, as long as nothing changes ... */
static void ask_for_plain(struct peer *p)
{
	if (p->plain.asked)
		return;
	p->plain.asked = true;
	if (!p->adder) /* else that is the answer to him who has just added it: peer_tell_adder() */
		say_waits(p);
}

/* ... and when our user comes, who may not have been there. */
void dial_remind(struct peers *ps)
{
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->plain.asked && p->outbox.n && p->kind != PEER_KEYED && !may_plain(p))
			say_waits(p);
}

bool dial_allowed(struct peer *p)
{
	if (p->kind != PEER_LEGACY || may_plain(p) || may_starttls(p))
		return true;
	ask_for_plain(p);
	return false;
}

bool dial_may_speak(struct peer *p)
{
	if (p->kind != PEER_LEGACY || may_plain(p) || (peer_is_up(p) && p->link->tls))
		return true;
	ask_for_plain(p);
	return false;
}

static enum dial_starttls starttls_for(const struct peer *p)
{
	if (p->peers->config.plaintext == PLAINTEXT_ONLY)
		return STARTTLS_NEVER;
	return may_plain(p) ? STARTTLS_MAY : STARTTLS_MUST;
}

static void dial(struct peer *p, const char *address, bool tls)
{
	struct peers *ps = p->peers;
	struct dialling *d = xcalloc(1, sizeof(*d));
	struct buf to;
	struct msg *m;
	uint64_t id;

	d->peer = p->entity.id;
	d->address = xstrdup(address);
	d->tls = tls;
	id = table_add(&ps->dials, d);
	if (!id) {
		xfree(d->address);
		xfree(d);
		return;
	}
	p->dialling++;
	m = core_to_wire(peer_core(p), MSG_DIAL, 0);
	m->dial.id = id;
	m->dial.address = xstrdup(address);
	m->dial.tls = tls;
	m->dial.starttls = starttls_for(p);
	m->dial.timeout_ms = p->kind == PEER_TYPED || p->adder ? PLAIN_OR_TLS_MS : DIAL_MS;
	m->dial.from = tls ? str_dup(jid_str(ps->self)) : xstrdup(peers_instance(&ps->host));
	if (p->kind == PEER_LEGACY) {
		m->dial.to = xstrdup(p->instance ? p->instance : p->label);
	} else if (p->kind == PEER_KEYED) {
		buf_init(&to, JID_MAX);
		m->dial.to = str_dup(jid_str(peer_jid(p, &to)));
		buf_clear(&to);
	}
}

static int rank(const struct peer_address *a)
{
	static const int of_source[SOURCE_COUNT] =
		{[SOURCE_TYPED] = 0, [SOURCE_MDNS] = 1, [SOURCE_TOLD] = 2, [SOURCE_SEEN] = 3};

	return of_source[a->source];
}

/* What worked last comes first. */
static int by_promise(const void *x, const void *y)
{
	const struct peer_address *a = x, *b = y;

	if (a->success != b->success)
		return a->success > b->success ? -1 : 1;
	return rank(a) - rank(b);
}

static void next_address(struct peer *p)
{
	struct core *c = peer_core(p);
	const struct peer_address *a = &p->addresses[p->next_address++];

	dial(p, a->text, p->kind != PEER_LEGACY);
	/* Old programs take the newest stream for the right one, and drop what they had for the one before: one by one. */
	if (p->kind != PEER_LEGACY && p->next_address < p->address_n)
		timer_start(core_timers(c), &p->timer, core_now(c) + NEXT_ADDRESS_MS);
}

static void start_round(struct peer *p)
{
	if (!p->address_n || p->dialling || !dial_allowed(p))
		return;
	qsort(p->addresses, p->address_n, sizeof(p->addresses[0]), by_promise);
	p->next_address = 0;
	p->calls.answer = ANSWER_NONE;
	next_address(p);
}

/* A round under way keeps its pace; an address that came too late for it is its last. */
static void go_on(struct peer *p)
{
	struct core *c = peer_core(p);

	if (p->next_address < p->address_n && !timer_running(&p->timer))
		timer_start(core_timers(c), &p->timer, core_now(c) + NEXT_ADDRESS_MS);
}

/* Of a link that broke the end that dialled it dials again at once, the other one gives it the time to. (Both would see it break
 * in the same moment, and one of two dials is for nothing.) */
static int64_t theirs_for(const struct peer *p)
{
	int64_t left = p->link ? p->link->theirs_until - core_now(peer_core(p)) : 0;

	return left > 0 ? left : 0;
}

void dial_now(struct peer *p)
{
	if (!peer_wants_link(p) || p->nego)
		return;
	if (theirs_for(p) && !p->adder && !p->dialling && timer_running(&p->timer))
		return;
	p->calls.round = 0;
	if (p->dialling) {
		go_on(p);
		return;
	}
	timer_stop(core_timers(peer_core(p)), &p->timer);
	start_round(p);
}

void dial_at_start(struct peer *p, unsigned number)
{
	if (is_waited_for(p)) {
		dial_now(p);
	} else if (peer_wants_link(p)) {
		p->next_address = p->address_n;
		timer_start(core_timers(peer_core(p)), &p->timer,
			core_now(peer_core(p)) + (int64_t)number * AT_START_MS);
	}
}

static int64_t pause_of(const struct peer *p)
{
	bool ended = waits_for_resumption(p) || p->calls.closed;
	bool soon = is_waited_for(p) || (ended && p->calls.round <= BROKEN_ROUNDS);
	int64_t max = soon ? AGAIN_MAX_MS : IDLE_MAX_MS;
	int64_t delay = p->calls.round == 0 ? 0 : p->calls.round > 10 ? max : (int64_t)AGAIN_MS << (p->calls.round - 1);

	return delay < max ? delay : max;
}

void dial_later(struct peer *p)
{
	struct core *c = peer_core(p);
	int64_t delay = pause_of(p);
	uint8_t part;

	if (!peer_wants_link(p) || p->nego || p->dialling)
		return;
	if (delay < theirs_for(p))
		delay = theirs_for(p);
	/* Not in step with the other end, which may be doing the same; and not in this turn. */
	rand_bytes(&part, 1);
	p->next_address = p->address_n;
	timer_start(core_timers(c), &p->timer, core_now(c) + delay + delay * part / 1024 + 1 + part / 4);
}

void dial_on_timer(struct timer *t)
{
	struct peer *p = CONTAINER_OF(t, struct peer, timer);

	if (!peer_wants_link(p) || p->nego)
		return;
	if (p->next_address < p->address_n)
		next_address(p);
	else
		start_round(p);
}

static void round_failed(struct peer *p)
{
	p->calls.round++;
	p->proof.wanted = false; /* it is proven when there is a link for something else */
	peer_tell_adder(p, p);
	outbound_drop(p); /* who asked wants an answer; messages wait in the outbox */
	dial_later(p);
}

/* It is there, but does not speak TLS: an old program, perhaps. */
static void try_plain(struct peer *p, const char *address)
{
	if (may_plain(p) || may_starttls(p))
		dial(p, address, false);
	else
		ask_for_plain(p);
}

static void note_answer(struct peer *p, const struct msg *m)
{
	enum answer a = m->link_failed.asked ? ANSWER_REFUSED
		: m->link_failed.secured     ? ANSWER_TLS
		: m->link_failed.reached     ? ANSWER_OTHER
					     : ANSWER_NONE;

	if (a > p->calls.answer)
		p->calls.answer = a;
}

void dial_on_failed(struct peers *ps, struct msg *m)
{
	struct dialling *d = table_remove(&ps->dials, m->link_failed.dial);
	struct peer *p = d ? (struct peer *)entity_find(peers_core(ps), d->peer) : NULL;

	if (p && p->dialling)
		p->dialling--;
	if (p)
		log_debug("dial_failed", "peer=%.*s address=%s why=\"%s\"", STR_FMT(jid_str(p->entity.jid)), d->address,
			m->link_failed.why);
	if (p)
		note_answer(p, m);
	if (p && m->link_failed.keyed && typed_shown(p, m->link_failed.key, d->address))
		p = NULL;
	if (p && m->link_failed.lacks_tls) {
		p->plain.starttls = HAS_STARTTLS_NOT;
		ask_for_plain(p);
	}
	/* It hung up on a stream that asks for TLS, as some do that know none. */
	if (p && !d->tls && m->link_failed.reached && !m->link_failed.asked && starttls_for(p) == STARTTLS_MUST)
		ask_for_plain(p);
	if (p && p->kind == PEER_TYPED && d->tls && m->link_failed.reached && !m->link_failed.asked &&
		!m->link_failed.secured)
		try_plain(p, d->address);
	if (p && !p->nego && !peer_is_up(p)) {
		if (p->next_address < p->address_n)
			next_address(p);
		else if (!p->dialling)
			round_failed(p);
	} else if (p) {
		outbox_flush(p);
	}
	if (d)
		xfree(d->address);
	xfree(d);
}

void dial_forget(struct peer *p)
{
	struct peers *ps = p->peers;
	struct dialling *d;

	timer_stop(core_timers(peer_core(p)), &p->timer);
	/* Those under way fail or are refused when they come; they belong to nobody then. */
	for (uint32_t pos = 0; (d = table_next(&ps->dials, &pos));)
		if (d->peer == p->entity.id)
			d->peer = 0;
	p->dialling = 0;
	peer_tell_adder(p, p);
}
