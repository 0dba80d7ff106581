#include "base/mem.h"
#include "link/mem.h"

struct trickle {
	struct link link;
	struct link *below;
	size_t n;
};

static struct link *below(struct link *k) { return CONTAINER_OF(k, struct trickle, link)->below; }

static size_t at_most(struct link *k, size_t n)
{
	size_t max = CONTAINER_OF(k, struct trickle, link)->n;
	return n < max ? n : max;
}

static int trickle_recv(struct link *k, void *p, size_t n) { return link_recv(below(k), p, at_most(k, n)); }

static int trickle_send(struct link *k, const void *p, size_t n) { return link_send(below(k), p, at_most(k, n)); }

static bool trickle_pending(struct link *k) { return link_pending(below(k)); }

static int trickle_shutdown(struct link *k) { return link_shutdown(below(k)); }

static int trickle_want(struct link *k, int events) { return below(k)->ops->want(below(k), events); }

static void trickle_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	link_watch(below(k), events, on_ready, arg);
}

static void trickle_info(struct link *k, struct link_info *ret) { link_info(below(k), ret); }

static int trickle_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	return link_binding(below(k), kind, out);
}

static int64_t trickle_unsent(struct link *k) { return link_unsent(below(k)); }

static void trickle_free(struct link *k)
{
	struct trickle *t = CONTAINER_OF(k, struct trickle, link);
	link_free(&t->below);
	xfree(t);
}

static const struct link_ops ops = {
	.name = "trickle",
	.recv = trickle_recv,
	.send = trickle_send,
	.pending = trickle_pending,
	.shutdown = trickle_shutdown,
	.want = trickle_want,
	.watch = trickle_watch,
	.info = trickle_info,
	.binding = trickle_binding,
	.unsent = trickle_unsent,
	.free = trickle_free,
};

struct link *trickle_link_new(struct loop *l, struct link **below_link, size_t n)
{
	must(n > 0);
	struct trickle *t = xcalloc(1, sizeof(*t));
	t->link.ops = &ops;
	t->below = TAKE(*below_link);
	t->n = n;
	return &t->link;
}
