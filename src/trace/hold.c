#include "trace/hold.h"

#include "base/codec.h"
#include "base/mem.h"
#include "trace/frame.h"

enum { FLOWS_MAX = 1024, LINE_MAX_HERE = 400 };

/* What TLS 1.3 needs: both directions of handshake and data. What TLS 1.2 needs: one line. */
static const struct label {
	const char *name;
	unsigned bit;
} labels[] = {
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", 1},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", 2},
	{"CLIENT_TRAFFIC_SECRET_0", 4},
	{"SERVER_TRAFFIC_SECRET_0", 8},
	{"CLIENT_RANDOM", 15},
};
enum { ALL_LABELS = 15 };

struct session {
	uint8_t random[TLS_RANDOM];
	struct buf lines;
	unsigned have; /* bits of labels */
	size_t told;   /* bytes of them that are in the file */
	bool late; /* its ServerHello has gone without some, which readers look for when they come to what needs these */
};

/* Who said hello last from where to where. */
struct flow {
	struct frame ends; /* of the client's frame */
	uint8_t random[TLS_RANDOM];
};

struct held {
	struct held *next;
	struct pcapng_packet packet;
	bool ethernet;
	bool hello; /* a ServerHello */
	uint8_t random[TLS_RANDOM];
	int64_t due;
	char data[];
};

struct hold {
	bool wait;
	struct session sessions[HOLD_SESSIONS_MAX]; /* a ring: the oldest go */
	struct flow flows[FLOWS_MAX];               /* the same */
	uint32_t session_next, flow_next, late;
	struct held *first, **tail;
	size_t bytes;
	uint64_t packets, with_secrets;
};

struct hold *hold_new(bool wait)
{
	struct hold *h = xcalloc(1, sizeof(*h));

	h->wait = wait;
	h->tail = &h->first;
	return h;
}

static void forget(struct session *s)
{
	if (s->lines.p)
		mem_wipe(s->lines.p, s->lines.n);
	buf_clear(&s->lines);
	*s = (struct session){0};
}

void hold_free(struct hold **hold)
{
	struct hold *h = TAKE(*hold);
	struct held *one;

	if (!h)
		return;
	while ((one = h->first)) {
		h->first = one->next;
		xfree(one);
	}
	for (size_t i = 0; i < HOLD_SESSIONS_MAX; i++)
		forget(&h->sessions[i]);
	xfree(h);
}

/* ---- secrets ---- */

static void set_late(struct hold *h, struct session *s, bool late)
{
	h->late += (uint32_t)late - (uint32_t)s->late;
	s->late = late;
}

static struct session *find_session(struct hold *h, const uint8_t random[TLS_RANDOM])
{
	for (size_t i = 0; i < HOLD_SESSIONS_MAX; i++)
		if (h->sessions[i].lines.max && memcmp(h->sessions[i].random, random, TLS_RANDOM) == 0)
			return &h->sessions[i];
	return NULL;
}

static struct session *make_session(struct hold *h, const uint8_t random[TLS_RANDOM])
{
	struct session *s = &h->sessions[h->session_next++ % HOLD_SESSIONS_MAX];

	set_late(h, s, false);
	forget(s);
	memcpy(s->random, random, TLS_RANDOM);
	buf_init(&s->lines, (size_t)8 * LINE_MAX_HERE);
	return s;
}

static unsigned bit_of(struct str label)
{
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (str_is(label, labels[i].name))
			return labels[i].bit;
	return 0;
}

static bool is_hex(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!memchr("0123456789abcdefABCDEF", text.p[i], 22))
			return false;
	return text.n > 0;
}

void hold_key(struct hold *h, struct str line)
{
	CLEANUP(buf_clear) struct buf random = {.max = TLS_RANDOM};
	struct str rest = line, label = str_cut(&rest, ' '), client = str_cut(&rest, ' ');
	unsigned bit = bit_of(label);
	struct session *s;

	if (line.n > LINE_MAX_HERE || !bit || !rest.p || !is_hex(rest) || hex_decode(&random, client) != 0 ||
		random.n != TLS_RANDOM)
		return;
	s = find_session(h, (const uint8_t *)random.p);
	if (!s)
		s = make_session(h, (const uint8_t *)random.p);
	/* Both ends of a link tell the same. */
	if ((s->have & bit) == bit)
		return;
	s->have |= bit;
	buf_str(&s->lines, line);
	buf_char(&s->lines, '\n');
}

/* ---- packets ---- */

static bool is_answer(const struct frame *client, const struct frame *server)
{
	return client->v6 == server->v6 && client->from_port == server->to_port &&
		client->to_port == server->from_port && memcmp(client->from, server->to, 16) == 0 &&
		memcmp(client->to, server->from, 16) == 0;
}

static void note_client(struct hold *h, const struct frame *f, const uint8_t random[TLS_RANDOM])
{
	struct flow *flow = &h->flows[h->flow_next++ % FLOWS_MAX];

	flow->ends = *f;
	memcpy(flow->random, random, TLS_RANDOM);
}

/* The client's hello that this one answers: the newest. */
static const struct flow *find_client(const struct hold *h, const struct frame *server)
{
	for (uint32_t i = 1; i <= FLOWS_MAX; i++) {
		const struct flow *flow = &h->flows[(h->flow_next - i) % FLOWS_MAX];

		if (flow->ends.protocol == FRAME_TCP && is_answer(&flow->ends, server))
			return flow;
	}
	return NULL;
}

static void look(struct hold *h, struct held *one)
{
	uint8_t random[TLS_RANDOM];
	const struct flow *flow;
	struct frame f;
	enum frame_hello hello = frame_read(one->packet.data, &f) ? frame_hello(&f, random) : HELLO_NONE;

	if (hello == HELLO_CLIENT)
		note_client(h, &f, random);
	flow = hello == HELLO_SERVER ? find_client(h, &f) : NULL;
	if (!flow)
		return;
	one->hello = true;
	memcpy(one->random, flow->random, TLS_RANDOM);
}

void hold_packet(struct hold *h, const struct pcapng_packet *p, uint16_t link_type, int64_t now)
{
	struct held *one = xcalloc(1, sizeof(*one) + p->data.n);

	one->packet = *p;
	if (p->data.n)
		memcpy(one->data, p->data.p, p->data.n);
	one->packet.data.p = one->data;
	for (size_t i = 0; i < PCAPNG_COMMENTS_MAX; i++)
		one->packet.comments[i] = STR_NONE; /* they are borrowed */
	one->due = now + HOLD_MS;
	one->ethernet = h->wait && link_type == PCAPNG_ETHERNET;
	if (one->ethernet)
		look(h, one);
	h->bytes += sizeof(*one) + p->data.n;
	*h->tail = one;
	h->tail = &one->next;
}

static bool is_same(const struct frame *a, const struct frame *b)
{
	return a->v6 == b->v6 && a->from_port == b->from_port && a->to_port == b->to_port &&
		memcmp(a->from, b->from, 16) == 0 && memcmp(a->to, b->to, 16) == 0;
}

static const struct flow *find_flow(const struct hold *h, const struct frame *ends)
{
	for (uint32_t i = 1; i <= FLOWS_MAX; i++) {
		const struct flow *flow = &h->flows[(h->flow_next - i) % FLOWS_MAX];

		if (flow->ends.protocol == FRAME_TCP && (is_same(&flow->ends, ends) || is_answer(&flow->ends, ends)))
			return flow;
	}
	return NULL;
}

/* The session whose secrets must stand before this packet; NULL: nothing is known of any. The client tells the last ones when the
 * server's flight has arrived, on a bad wire long after it was seen. */
static struct session *session_of(struct hold *h, const struct held *one)
{
	const struct flow *flow;
	struct session *s;
	struct frame f;

	if (one->hello)
		return find_session(h, one->random);
	if (!h->late || !one->ethernet || !frame_read(one->packet.data, &f) || f.protocol != FRAME_TCP || !f.payload.n)
		return NULL;
	flow = find_flow(h, &f);
	s = flow ? find_session(h, flow->random) : NULL;
	return s && s->late ? s : NULL;
}

static bool is_missing(const struct session *s) { return !s || s->have != ALL_LABELS; }

static void put_secrets(struct hold *h, struct session *s, const struct held *before, struct buf *out)
{
	if (!s)
		return;
	h->with_secrets += !s->told && s->lines.n;
	if (s->told < s->lines.n)
		pcapng_put_secrets(out, (struct str){s->lines.p + s->told, s->lines.n - s->told});
	s->told = s->lines.n;
	/* What was waited for in vain is not waited for again. */
	set_late(h, s, before->hello && is_missing(s));
}

void hold_take(struct hold *h, int64_t now, bool all, struct buf *out)
{
	struct held *one;

	while ((one = h->first)) {
		struct session *s = session_of(h, one);
		bool waits = (one->hello || s) && is_missing(s) && now < one->due;

		if (waits && !all && h->bytes < HOLD_BYTES_MAX)
			return;
		put_secrets(h, s, one, out);
		pcapng_put_packet(out, &one->packet);
		h->packets++;
		h->bytes -= sizeof(*one) + one->packet.data.n;
		h->first = one->next;
		if (!h->first)
			h->tail = &h->first;
		xfree(one);
	}
}

bool hold_knows(const struct hold *h, const struct frame *ends)
{
	for (size_t i = 0; i < FLOWS_MAX; i++) {
		const struct flow *f = &h->flows[i];

		if (f->ends.protocol != FRAME_TCP || (!is_same(&f->ends, ends) && !is_answer(&f->ends, ends)))
			continue;
		for (size_t k = 0; k < HOLD_SESSIONS_MAX; k++)
			if (h->sessions[k].have == ALL_LABELS &&
				memcmp(h->sessions[k].random, f->random, TLS_RANDOM) == 0)
				return true;
	}
	return false;
}

uint64_t hold_packets(const struct hold *h) { return h->packets; }
uint64_t hold_sessions(const struct hold *h) { return h->with_secrets; }
