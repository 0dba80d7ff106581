#include "link/prefix.h"

#include "base/mem.h"

struct prefix {
	struct link link;
	struct link *below;
	struct loop *loop;
	char *store; /* NULL: all read */
	size_t at, n;
	int events;
	void (*on_ready)(void *arg, int events);
	void *arg;
	struct defer ready; /* posted exactly while the store is not empty and its owner waits to read */
};

static struct prefix *prefix_of(struct link *k) { return CONTAINER_OF(k, struct prefix, link); }

static struct link *below(struct link *k) { return prefix_of(k)->below; }

/* While there is a store, bytes below must wait behind it, and so must their readiness. */
static void update(struct prefix *f)
{
	int events = f->store ? f->events & ~WATCH_READ : f->events;
	link_watch(f->below, events, f->on_ready, f->arg);
	if (events != f->events)
		loop_next(f->loop, &f->ready);
	else
		loop_undefer(&f->ready);
}

static void on_turn(struct defer *d)
{
	struct prefix *f = CONTAINER_OF(d, struct prefix, ready);
	loop_next(f->loop, &f->ready); /* again, unless the call below reads it all */
	f->on_ready(f->arg, WATCH_READ);
}

static int prefix_recv(struct link *k, void *p, size_t n)
{
	struct prefix *f = prefix_of(k);
	must(n > 0);
	if (!f->store)
		return link_recv(f->below, p, n);
	if (n > f->n - f->at)
		n = f->n - f->at;
	if (n > INT32_MAX)
		n = INT32_MAX;
	memcpy(p, f->store + f->at, n);
	f->at += n;
	if (f->at == f->n) {
		xfree(TAKE(f->store));
		update(f);
	}
	return (int)n;
}

static int prefix_send(struct link *k, const void *p, size_t n) { return link_send(below(k), p, n); }

static bool prefix_pending(struct link *k) { return prefix_of(k)->store || link_pending(below(k)); }

static int prefix_shutdown(struct link *k) { return link_shutdown(below(k)); }

static int prefix_want(struct link *k, int events) { return below(k)->ops->want(below(k), events); }

static void prefix_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	struct prefix *f = prefix_of(k);
	f->events = events;
	f->on_ready = on_ready;
	f->arg = arg;
	update(f);
}

static void prefix_info(struct link *k, struct link_info *ret) { link_info(below(k), ret); }

static int prefix_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	return link_binding(below(k), kind, out);
}

static int64_t prefix_unsent(struct link *k) { return link_unsent(below(k)); }

static void prefix_free(struct link *k)
{
	struct prefix *f = prefix_of(k);
	loop_undefer(&f->ready);
	link_free(&f->below);
	xfree(f->store);
	xfree(f);
}

static const struct link_ops ops = {
	.name = "prefix",
	.recv = prefix_recv,
	.send = prefix_send,
	.pending = prefix_pending,
	.shutdown = prefix_shutdown,
	.want = prefix_want,
	.watch = prefix_watch,
	.info = prefix_info,
	.binding = prefix_binding,
	.unsent = prefix_unsent,
	.free = prefix_free,
};

struct link *prefix_link_new(struct loop *l, struct link **below_link, const void *bytes, size_t n)
{
	struct prefix *f = xcalloc(1, sizeof(*f));
	f->link.ops = &ops;
	f->loop = l;
	f->below = TAKE(*below_link);
	f->store = n > 0 ? xmemdup(bytes, n) : NULL;
	f->n = n;
	f->ready.run = on_turn;
	link_watch(f->below, 0, NULL, NULL); /* whoever watched it before is no longer its owner */
	return &f->link;
}
