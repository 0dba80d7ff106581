/* What a client that nobody looks at (XEP-0352) need not get at once. It is held beside the out-queue, as references to packets
 * that others get, too; of each address the latest presence and chat state. What is of importance goes out behind what was held
 * before it. Chat states alone stay until somebody looks: nobody sees who is typing, and a message ends it. */
#include "base/map.h"
#include "wire/wire_i.h"
#include "xmpp/light.h"

/* One of many bytes would push out many others: it is not held. */
enum { IDLE_FIRST = 16, IDLE_BYTES = 128 * 1024, IDLE_ENTRY = IDLE_BYTES / 8 };

struct idle_entry {
	struct packet *p; /* NULL: taken out */
	uint64_t commit;
	uint64_t sender; /* hash of the address */
};

struct idle {
	struct idle_entry *e; /* in the order in which they came */
	uint32_t n, cap;      /* used ones with those taken out; allocated */
	uint32_t live;
	uint32_t typing; /* of those, chat states */
	size_t bytes;
};

static void take_out(struct idle *i, struct idle_entry *e)
{
	if (packet_light(e->p) == LIGHT_TYPING)
		i->typing--;
	i->live--;
	i->bytes -= packet_view(e->p).n;
	packet_unref(&e->p);
}

static void close_gaps(struct idle *i)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < i->n; k++)
		if (i->e[k].p)
			i->e[n++] = i->e[k];
	i->n = n;
}

static bool goes(const struct idle_entry *e, bool all) { return e->p && (all || packet_light(e->p) != LIGHT_TYPING); }

static void release(struct conn *c, bool all)
{
	struct idle *i = c->idle;

	for (uint32_t k = 0; k < i->n; k++) {
		struct idle_entry *e = &i->e[k];

		if (!goes(e, all))
			continue;
		out_add(c, e->p, e->commit, sm_on(c) || stream_kind(c->stream)->legacy);
		take_out(i, e);
	}
	close_gaps(i);
}

void idle_release(struct conn *c)
{
	if (c->idle)
		release(c, true);
}

void idle_enter(struct conn *c, bool active)
{
	if (active) {
		idle_release(c);
		idle_free(c);
	} else if (!c->idle) {
		c->idle = xcalloc(1, sizeof(*c->idle));
	}
}

static void forget(struct conn *c, uint64_t sender, enum light light)
{
	struct idle *i = c->idle;

	for (uint32_t k = 0; k < i->n; k++) {
		struct idle_entry *e = &i->e[k];

		if (!e->p || e->sender != sender || packet_light(e->p) != light)
			continue;
		take_out(i, e);
		c->wire->stats.spared++;
	}
}

/* Full of chat states: the oldest of them are worth least. */
static void drop_typing(struct conn *c)
{
	struct idle *i = c->idle;

	for (uint32_t k = 0, wanted = i->typing / 2 + 1; k < i->n && wanted; k++)
		if (i->e[k].p && packet_light(i->e[k].p) == LIGHT_TYPING) {
			take_out(i, &i->e[k]);
			c->wire->stats.spared++;
			wanted--;
		}
	close_gaps(i);
}

static bool full(const struct conn *c, size_t bytes)
{
	const struct idle *i = c->idle;

	return i->live && (i->live >= c->wire->config.limits.idle_max || i->bytes + bytes > IDLE_BYTES);
}

static void make_room(struct conn *c, size_t bytes)
{
	struct idle *i = c->idle;

	if (full(c, bytes))
		release(c, false);
	while (full(c, bytes))
		drop_typing(c);
	if (2 * i->live < i->n)
		close_gaps(i);
	if (i->n < i->cap)
		return;
	i->cap = i->cap ? 2 * i->cap : IDLE_FIRST;
	i->e = xrealloc(i->e, i->cap * sizeof(*i->e));
}

static void hold(struct conn *c, struct packet *p, uint64_t commit, uint64_t sender)
{
	struct idle *i = c->idle;

	make_room(c, packet_view(p).n);
	i->e[i->n++] = (struct idle_entry){.p = packet_ref(p), .commit = commit, .sender = sender};
	i->live++;
	i->typing += packet_light(p) == LIGHT_TYPING;
	i->bytes += packet_view(p).n;
	c->wire->stats.held++;
}

/* Who has left, or has said what he was typing, is typing no more. */
static bool ends_typing(const struct packet *p, enum light light)
{
	return p->kind == STANZA_MESSAGE ? light == LIGHT_NOT : light == LIGHT_PRESENCE && p->type == TYPE_UNAVAILABLE;
}

bool idle_holds(struct conn *c, struct packet *p, uint64_t commit)
{
	enum light light = packet_view(p).n > IDLE_ENTRY ? LIGHT_NOT : packet_light(p);
	struct str from = packet_sender(p);
	uint64_t sender = from.p ? hash_bytes(from.p, from.n) : 0;

	if (c->idle->typing && ends_typing(p, light))
		forget(c, sender, LIGHT_TYPING);
	if (light == LIGHT_NOT) {
		release(c, false);
		return false;
	}
	if (light != LIGHT_EVENT)
		forget(c, sender, light);
	hold(c, p, commit, sender);
	return true;
}

void idle_take_rest(struct conn *c, struct packets *ret)
{
	struct idle *i = c->idle;

	for (uint32_t k = 0; i && k < i->n; k++)
		if (i->e[k].p)
			packets_add(ret, &i->e[k].p);
	idle_free(c);
}

void idle_free(struct conn *c)
{
	struct idle *i = TAKE(c->idle);

	if (!i)
		return;
	for (uint32_t k = 0; k < i->n; k++)
		packet_unref(&i->e[k].p);
	xfree(i->e);
	xfree(i);
}
