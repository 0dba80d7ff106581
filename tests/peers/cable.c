#include "tests/peers/cable.h"

#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"

struct cable_end {
	struct link link;
	struct link *below;
	struct cable *cable;
	unsigned side;
	struct proof proof;
	char host[48];
};

static struct cable_end *end_of(struct link *k) { return CONTAINER_OF(k, struct cable_end, link); }
static struct link *below(struct link *k) { return end_of(k)->below; }

static size_t at_most(const struct cable *c, size_t n) { return c->trickle && c->trickle < n ? c->trickle : n; }

static int end_recv(struct link *k, void *p, size_t n)
{
	const struct cable *c = end_of(k)->cable;

	/* Also when there is nobody any more at the other end. */
	return c->stalled && !c->cut ? ERR_AGAIN : link_recv(below(k), p, at_most(c, n));
}

static int end_send(struct link *k, const void *p, size_t n)
{
	struct cable_end *e = end_of(k);
	struct cable *c = e->cable;
	int64_t *fuse = &c->fuse[e->side];
	int sent;

	if (c->stalled && !c->cut)
		return ERR_AGAIN;
	n = at_most(c, n);
	if (*fuse >= 0 && (int64_t)n > *fuse)
		n = (size_t)*fuse;
	if (!n) {
		cable_cut(c);
		return ERR_CLOSED;
	}
	sent = link_send(e->below, p, n);
	if (sent > 0 && *fuse >= 0)
		*fuse -= sent;
	if (sent > 0)
		c->sent[e->side] += (uint64_t)sent;
	return sent;
}

static bool end_pending(struct link *k) { return link_pending(below(k)); }
static int end_shutdown(struct link *k) { return link_shutdown(below(k)); }
static int end_want(struct link *k, int events) { return below(k)->ops->want(below(k), events); }
static int64_t end_unsent(struct link *k) { return link_unsent(below(k)); }

static void end_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	link_watch(below(k), events, on_ready, arg);
}

static void end_info(struct link *k, struct link_info *ret)
{
	const struct cable_end *e = end_of(k);

	*ret = (struct link_info){.peer = str_z(e->proof.address),
		.address = str_z(e->host),
		.up = true,
		.unix_uid = -1};
	ret->secure = e->proof.tls;
	if (e->proof.tls)
		ret->tls = STR("TLSv1.3 as if");
	if (e->proof.tls && e->proof.keyed)
		ret->key = e->proof.key;
}

static int end_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	const struct cable_end *e = end_of(k);

	if (kind != LINK_TLS_EXPORTER || !e->proof.tls)
		return ERR_UNSUPPORTED;
	buf_add(out, e->proof.exporter, sizeof(e->proof.exporter));
	return 0;
}

static void end_free(struct link *k)
{
	struct cable_end *e = end_of(k);
	struct cable *c = e->cable;

	link_free(&e->below);
	c->ends[e->side] = NULL;
	xfree(e);
	if (c->ends[0] || c->ends[1])
		return;
	list_remove(&c->node);
	xfree(c);
}

static const struct link_ops ops = {
	.name = "cable",
	.recv = end_recv,
	.send = end_send,
	.pending = end_pending,
	.shutdown = end_shutdown,
	.want = end_want,
	.watch = end_watch,
	.info = end_info,
	.binding = end_binding,
	.unsent = end_unsent,
	.free = end_free,
};

static struct link *make_end(struct cable *c, unsigned side, struct link *mem, const struct proof *proof)
{
	struct cable_end *e = xcalloc(1, sizeof(*e));

	e->link.ops = &ops;
	e->below = mem;
	e->cable = c;
	e->side = side;
	e->proof = *proof;
	memcpy(e->host, proof->address, strcspn(proof->address, ":"));
	c->ends[side] = e;
	c->fuse[side] = -1;
	return &e->link;
}

struct cable *cable_new(struct list *keeper, struct loop *a, struct loop *b, size_t capacity,
	const struct proof proofs[2], struct link **ret_a, struct link **ret_b)
{
	struct cable *c = xcalloc(1, sizeof(*c));
	struct link *mem[2];

	mem_link_pair(a, b, capacity, &mem[0], &mem[1]);
	*ret_a = make_end(c, 0, mem[0], &proofs[0]);
	*ret_b = make_end(c, 1, mem[1], &proofs[1]);
	list_append(keeper, &c->node);
	return c;
}

static struct link *any_mem(struct cable *c) { return c->ends[0] ? c->ends[0]->below : c->ends[1]->below; }

void cable_cut(struct cable *c)
{
	c->cut = true;
	mem_link_cut(any_mem(c));
}

void cable_stall(struct cable *c, bool stalled)
{
	c->stalled = stalled;
	mem_link_stall(any_mem(c), stalled);
}

bool cable_is_whole(const struct cable *c) { return c->ends[0] && c->ends[1] && !c->cut; }
