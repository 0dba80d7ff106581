#include "base/blob.h"

#include "base/mem.h"

struct blob *blob_alloc(size_t n)
{
	must(n <= UINT32_MAX);
	struct blob *b = xmalloc(sizeof(*b) + n);
	atomic_init(&b->refs, 1);
	b->n = (uint32_t)n;
	return b;
}

struct blob *blob_new(const void *p, size_t n)
{
	struct blob *b = blob_alloc(n);
	if (n)
		memcpy(b->p, p, n);
	return b;
}

struct blob *blob_ref(struct blob *b)
{
	uint32_t before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	must(before > 0 && before < UINT32_MAX);
	return b;
}

void blob_unref(struct blob **b)
{
	struct blob *old = TAKE(*b);
	if (!old)
		return;
	/* What other threads did with the bytes must have happened before they are freed. */
	uint32_t before = atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel);
	must(before > 0);
	if (before == 1)
		xfree(old);
}
