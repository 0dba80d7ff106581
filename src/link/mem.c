/* Two ends share one cable, freed with the second end. Bytes wait in a ring in front of the end that
 * will read them. */
#include "link/mem.h"

#include "base/err.h"
#include "base/mem.h"

enum { RING_KEEP = 4096 }; /* an empty ring above this gives its memory back */

struct ring {
	char *p;
	size_t start, n, cap;
};

struct mem_end {
	struct link link;
	struct mem_cable *cable;
	struct loop *loop;
	struct ring in; /* towards this end */
	size_t lost;    /* what was in there when it was cut or freed */
	bool shut;      /* this end has said that no more comes from it */
	bool gone;      /* freed */
	int events;
	void (*on_ready)(void *arg, int events);
	void *arg;
	struct defer ready; /* posted exactly while something watched is possible */
};

struct mem_cable {
	struct mem_end ends[2];
	size_t capacity;
	bool cut, stalled;
};

static struct mem_end *end_of(struct link *k) { return CONTAINER_OF(k, struct mem_end, link); }

static struct mem_end *other(struct mem_end *e) { return &e->cable->ends[e == &e->cable->ends[0]]; }

static void ring_clear(struct ring *r)
{
	xfree(r->p);
	*r = (struct ring){0};
}

static void lose(struct mem_end *e)
{
	e->lost += e->in.n;
	ring_clear(&e->in);
}

static void ring_grow(struct ring *r, size_t need, size_t max)
{
	size_t cap = r->cap ? r->cap : 64;
	while (cap < need)
		cap *= 2;
	if (cap > max)
		cap = max;
	char *p = xmalloc(cap);
	size_t first = r->cap - r->start < r->n ? r->cap - r->start : r->n;
	if (r->p)
		memcpy(p, r->p + r->start, first);
	if (r->n > first)
		memcpy(p + first, r->p, r->n - first);
	xfree(r->p);
	*r = (struct ring){.p = p, .n = r->n, .cap = cap};
}

/* n fits below max. */
static void ring_put(struct ring *r, const char *p, size_t n, size_t max)
{
	if (r->n + n > r->cap)
		ring_grow(r, r->n + n, max);
	size_t at = (r->start + r->n) % r->cap;
	size_t first = r->cap - at < n ? r->cap - at : n;
	memcpy(r->p + at, p, first);
	if (n > first)
		memcpy(r->p, p + first, n - first);
	r->n += n;
}

/* n <= r->n, n > 0 */
static void ring_take(struct ring *r, char *p, size_t n)
{
	size_t first = r->cap - r->start < n ? r->cap - r->start : n;
	memcpy(p, r->p + r->start, first);
	if (n > first)
		memcpy(p + first, r->p, n - first);
	r->start = (r->start + n) % r->cap;
	r->n -= n;
	if (r->n == 0 && r->cap > RING_KEEP)
		ring_clear(r);
}

static int possible(struct mem_end *e)
{
	struct mem_end *o = other(e);
	if (e->cable->cut)
		return WATCH_READ | WATCH_WRITE;
	if (e->cable->stalled)
		return 0;
	int events = 0;
	if (e->in.n > 0 || o->shut || o->gone)
		events |= WATCH_READ;
	if (o->in.n < e->cable->capacity || o->gone || e->shut)
		events |= WATCH_WRITE;
	return events;
}

/* After anything that may change what is possible at this end. */
static void update(struct mem_end *e)
{
	if (e->gone)
		return;
	if (e->events & possible(e))
		loop_next(e->loop, &e->ready);
	else
		loop_undefer(&e->ready);
}

static void update_both(struct mem_cable *c)
{
	update(&c->ends[0]);
	update(&c->ends[1]);
}

static void on_turn(struct defer *d)
{
	struct mem_end *e = CONTAINER_OF(d, struct mem_end, ready);
	int events = e->events & possible(e);
	if (!events)
		return;
	loop_next(e->loop, &e->ready); /* again, unless the call below changes what is possible */
	e->on_ready(e->arg, events);
}

static int mem_recv(struct link *k, void *p, size_t n)
{
	struct mem_end *e = end_of(k);
	must(n > 0);
	if (e->cable->cut)
		return ERR_CLOSED;
	if (e->cable->stalled)
		return ERR_AGAIN;
	if (e->in.n == 0)
		return other(e)->shut || other(e)->gone ? ERR_CLOSED : ERR_AGAIN;
	if (n > e->in.n)
		n = e->in.n;
	if (n > INT32_MAX)
		n = INT32_MAX;
	ring_take(&e->in, p, n);
	update_both(e->cable);
	return (int)n;
}

static int mem_send(struct link *k, const void *p, size_t n)
{
	struct mem_end *e = end_of(k);
	struct mem_end *o = other(e);
	must(n > 0);
	if (e->cable->cut || e->shut || o->gone)
		return ERR_CLOSED;
	size_t room = e->cable->capacity - o->in.n;
	if (e->cable->stalled || room == 0)
		return ERR_AGAIN;
	if (n > room)
		n = room;
	if (n > INT32_MAX)
		n = INT32_MAX;
	ring_put(&o->in, p, n, e->cable->capacity);
	update_both(e->cable);
	return (int)n;
}

static bool mem_pending(struct link *k) { return false; /* as with a socket: readiness tells */ }

static int mem_shutdown(struct link *k)
{
	struct mem_end *e = end_of(k);
	e->shut = true;
	update_both(e->cable);
	return 0;
}

static int mem_want(struct link *k, int events) { return events; }

static void mem_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	struct mem_end *e = end_of(k);
	e->events = events;
	e->on_ready = on_ready;
	e->arg = arg;
	update(e);
}

static void mem_info(struct link *k, struct link_info *ret)
{
	*ret = (struct link_info){.peer = STR("mem"), .address = STR("mem"), .local = true, .up = true, .unix_uid = -1};
}

static int mem_binding(struct link *k, enum link_binding kind, struct buf *out) { return ERR_UNSUPPORTED; }

/* There is no buffer on the other side: bytes arrive when they are read. */
static int64_t mem_unsent(struct link *k)
{
	struct mem_end *o = other(end_of(k));
	return (int64_t)(o->in.n + o->lost);
}

static void mem_free(struct link *k)
{
	struct mem_end *e = end_of(k);
	struct mem_cable *c = e->cable;
	e->gone = true;
	loop_undefer(&e->ready);
	lose(e);
	if (other(e)->gone)
		xfree(c);
	else
		update(other(e));
}

static const struct link_ops ops = {
	.name = "mem",
	.recv = mem_recv,
	.send = mem_send,
	.pending = mem_pending,
	.shutdown = mem_shutdown,
	.want = mem_want,
	.watch = mem_watch,
	.info = mem_info,
	.binding = mem_binding,
	.unsent = mem_unsent,
	.free = mem_free,
};

static struct link *init_end(struct mem_cable *c, int i, struct loop *l)
{
	struct mem_end *e = &c->ends[i];
	e->link.ops = &ops;
	e->cable = c;
	e->loop = l;
	e->ready.run = on_turn;
	return &e->link;
}

void mem_link_pair(struct loop *a, struct loop *b, size_t capacity, struct link **ret_a, struct link **ret_b)
{
	must(capacity > 0);
	struct mem_cable *c = xcalloc(1, sizeof(*c));
	c->capacity = capacity;
	*ret_a = init_end(c, 0, a);
	*ret_b = init_end(c, 1, b);
}

void mem_link_cut(struct link *k)
{
	must(k->ops == &ops);
	struct mem_cable *c = end_of(k)->cable;
	c->cut = true;
	lose(&c->ends[0]);
	lose(&c->ends[1]);
	update_both(c);
}

void mem_link_stall(struct link *k, bool stalled)
{
	must(k->ops == &ops);
	struct mem_cable *c = end_of(k)->cable;
	c->stalled = stalled;
	update_both(c);
}
