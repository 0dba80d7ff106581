/* Answers to questions about our records (RFC 6762 sections 6 and 7). */
#include "base/mem.h"
#include "mdns/responder_i.h"

enum {
	AGAIN_MS = 1001,      /* a record is not sent to all more often; an announcement that is due then comes first */
	AGAIN_PROBE_MS = 250, /* in defence against a probe */
	LEGACY_TTL = 10,      /* seconds, for those who keep no cache in our sense (section 6.7) */
	SHARED_MASK = 1 << MINE_TYPE | 1 << MINE_PTR
};

static void send_answers(struct seg *seg, unsigned kinds)
{
	struct packet_out p;
	unsigned more = 0;

	if (kinds & 1u << MINE_PTR)
		more |= MINE_INSTANCE | MINE_ADDRESSES;
	if (kinds & 1u << MINE_SRV)
		more |= MINE_ADDRESSES;
	packet_start(&p, seg, NULL, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
	mine_put(&p, DNS_ANSWER, kinds, UINT32_MAX, true);
	mine_put(&p, DNS_ADDITIONAL, more & ~kinds, UINT32_MAX, true);
	packet_send(&p);
	for (enum mine k = 0; k < MINE_KINDS; k++)
		if (kinds & 1u << k)
			seg->sent[k] = loop_now(seg->responder->loop);
}

/* To one who asked for that: nobody else needs to hear it (RFC 6762 section 5.4). */
static void send_to_one(struct seg *seg, const struct place *to, uint16_t id, unsigned kinds)
{
	struct packet_out p;

	packet_start(&p, seg, to, id, DNS_RESPONSE | DNS_AUTHORITATIVE);
	mine_put(&p, DNS_ANSWER, kinds, UINT32_MAX, true);
	if (kinds & 1u << MINE_PTR)
		mine_put(&p, DNS_ADDITIONAL, (MINE_INSTANCE | MINE_ADDRESSES) & ~kinds, UINT32_MAX, true);
	packet_send(&p);
}

void answer_goodbye(struct seg *seg, unsigned kinds)
{
	struct packet_out p;

	packet_start(&p, seg, NULL, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
	mine_put(&p, DNS_ANSWER, kinds, 0, true);
	packet_send(&p);
}

static void schedule(struct seg *seg)
{
	struct timers *timers = loop_timers(seg->responder->loop);
	int64_t due = INT64_MAX;

	for (unsigned i = 0; i < PENDING_MAX; i++)
		if (seg->pending[i].kinds && seg->pending[i].due < due)
			due = seg->pending[i].due;
	if (due == INT64_MAX)
		timer_stop(timers, &seg->answer_timer);
	else
		timer_start(timers, &seg->answer_timer, due);
}

void answer_soon(struct seg *seg, const struct pending *what)
{
	struct pending *slot = &seg->pending[PENDING_MAX - 1];

	if (!what->kinds)
		return;
	for (unsigned i = 0; i < PENDING_MAX; i++) {
		if (seg->pending[i].kinds)
			continue;
		slot = &seg->pending[i];
		break;
	}
	if (slot->kinds) {
		/* Too many at once: this one shares a place, and then known answers of nobody count. */
		slot->kinds |= what->kinds;
		slot->from = (struct place){0};
	} else {
		*slot = *what;
	}
	schedule(seg);
}

/* The kinds of it that were sent a moment ago wait until they may be sent again. */
static unsigned hold_back(struct seg *seg, struct pending *what, int64_t now)
{
	int64_t again = what->defence ? AGAIN_PROBE_MS : AGAIN_MS, due = now;
	unsigned kinds = what->kinds, held = 0;

	for (enum mine k = 0; k < MINE_KINDS; k++) {
		if (!(kinds & 1u << k) || now - seg->sent[k] >= again)
			continue;
		held |= 1u << k;
		due = seg->sent[k] + again > due ? seg->sent[k] + again : due;
	}
	what->kinds = held;
	what->due = due;
	return kinds & ~held;
}

void answer_on_timer(struct timer *t)
{
	struct seg *seg = CONTAINER_OF(t, struct seg, answer_timer);
	int64_t now = loop_now(seg->responder->loop);
	unsigned kinds = 0;

	for (unsigned i = 0; i < PENDING_MAX; i++)
		if (seg->pending[i].kinds && seg->pending[i].due <= now)
			kinds |= hold_back(seg, &seg->pending[i], now);
	if (kinds && seg->phase >= SEG_ANNOUNCING)
		send_answers(seg, kinds);
	schedule(seg);
}

/* The kinds that the asker says it has, with at least half of their life left. */
static unsigned read_known(const struct seg *seg, struct dns_reader reader)
{
	unsigned counts[MINE_KINDS] = {0}, known = 0;
	enum dns_section section;
	struct dns_record record;
	enum mine kind;

	while (dns_next_record(&reader, &section, &record) == 0 && section == DNS_ANSWER) {
		if (!mine_is(seg, &record, &kind))
			continue;
		struct dns_record own;
		if (mine_get(seg, kind, 0, &own) && record.ttl >= own.ttl / 2)
			counts[kind]++;
	}
	for (enum mine k = 0; k < MINE_KINDS; k++)
		if (counts[k] && counts[k] >= mine_count(seg, k))
			known |= 1u << k;
	return known;
}

/* A resolver that knows nothing of multicast: an answer as a DNS server would give it. */
static void answer_legacy(struct seg *seg, const struct place *from, struct dns_reader reader, unsigned kinds)
{
	struct packet_out p;
	struct dns_question q;

	kinds &= ~(1u << MINE_NULL | MINE_DENIALS);
	if (!kinds)
		return;
	packet_start(&p, seg, from, reader.id, DNS_RESPONSE | DNS_AUTHORITATIVE);
	while (dns_next_question(&reader, &q) == 0)
		if (mine_match(seg, &q.name, q.type))
			packet_question(&p, &q.name, q.type);
	mine_put(&p, DNS_ANSWER, kinds, LEGACY_TTL, false);
	if (kinds & SHARED_MASK)
		mine_put(&p, DNS_ADDITIONAL, (MINE_INSTANCE | MINE_ADDRESSES) & ~kinds, LEGACY_TTL, false);
	packet_send(&p);
}

/* More known answers of one whose questions came before. */
static void forget_known(struct seg *seg, const struct place *from, unsigned known)
{
	for (unsigned i = 0; i < PENDING_MAX; i++)
		if (seg->pending[i].from.port && ip_equal(&seg->pending[i].from.ip, &from->ip))
			seg->pending[i].kinds &= ~known;
	schedule(seg);
}

void answer_spared(struct seg *seg, unsigned kinds)
{
	for (unsigned i = 0; i < PENDING_MAX; i++)
		seg->pending[i].kinds &= ~kinds;
	for (enum mine k = 0; k < MINE_KINDS; k++)
		if (kinds & 1u << k)
			seg->sent[k] = loop_now(seg->responder->loop);
	schedule(seg);
}

/* Of these kinds those that all have heard within a quarter of their life: only then one alone gets them. */
static unsigned said_lately(const struct seg *seg, unsigned kinds)
{
	struct dns_record own;
	unsigned lately = 0;

	for (enum mine k = 0; k < MINE_KINDS; k++) {
		int64_t ago = loop_now(seg->responder->loop) - seg->sent[k];
		if (kinds & 1u << k && mine_get(seg, k, 0, &own) && ago < (int64_t)own.ttl * 1000 / 4)
			lately |= 1u << k;
	}
	return lately;
}

/* Takes out of *kinds, and sends, what can go to the asker alone. A probe is answered before all; more known answers may
 * come after a truncated packet; and nobody elsewhere is sent anything. */
static void answer_one(struct seg *seg, const struct place *from, const struct dns_reader *reader, unsigned *kinds,
	unsigned unicast)
{
	bool all = reader->records[DNS_AUTHORITY] || reader->flags & DNS_TRUNCATED || !seg_is_on_link(seg, from);
	unsigned one = all ? 0 : said_lately(seg, *kinds & unicast);

	if (one)
		send_to_one(seg, from, reader->id, one);
	*kinds &= ~one;
}

static void answer_all(struct seg *seg, const struct place *from, const struct dns_reader *reader, unsigned kinds)
{
	struct pending answer = {.kinds = kinds, .from = *from, .due = loop_now(seg->responder->loop)};

	answer.defence = reader->records[DNS_AUTHORITY] > 0;
	/* Others may answer a question for shared records too: not all at once. And known answers may follow. */
	if (reader->flags & DNS_TRUNCATED)
		answer.due += random_ms(400, 500);
	else if (kinds & SHARED_MASK)
		answer.due += random_ms(20, 120);
	answer_soon(seg, &answer);
}

void answer_on_query(struct seg *seg, const struct place *from, struct dns_reader reader)
{
	struct dns_reader questions = reader;
	struct dns_question q;
	unsigned kinds = 0, multicast = 0, known = read_known(seg, reader);

	while (dns_next_question(&questions, &q) == 0) {
		unsigned answers = mine_match(seg, &q.name, q.type);
		kinds |= answers;
		multicast |= q.unicast ? 0 : answers;
	}
	if (from->port != MDNS_PORT) {
		answer_legacy(seg, from, reader, kinds);
		return;
	}
	if (!reader.questions)
		forget_known(seg, from, known);
	kinds &= ~known;
	answer_one(seg, from, &reader, &kinds, ~multicast);
	answer_all(seg, from, &reader, kinds);
}
