#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct mem_stats stats;

static void *count(void *p)
{
	must(p);
	stats.allocs++;
	stats.bytes += (int64_t)malloc_usable_size(p);
	return p;
}

/* malloc(0) may return NULL, which here would mean that memory ran out. */
static size_t at_least_one(size_t n) { return n ? n : 1; }

void *xmalloc(size_t n) { return count(malloc(at_least_one(n))); }

void *xcalloc(size_t n_items, size_t n)
{
	size_t all;
	must(!__builtin_mul_overflow(n_items, n, &all));
	return count(calloc(1, at_least_one(all)));
}

void *xrealloc(void *p, size_t n)
{
	size_t before = p ? malloc_usable_size(p) : 0;
	void *q = realloc(p, at_least_one(n));
	must(q);
	stats.bytes -= (int64_t)before;
	return count(q);
}

char *xstrdup(const char *s) { return xmemdup(s, strlen(s) + 1); }

void *xmemdup(const void *p, size_t n)
{
	void *copy = xmalloc(n);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

void xfree(void *p)
{
	if (!p)
		return;
	stats.bytes -= (int64_t)malloc_usable_size(p);
	free(p);
}

struct mem_stats mem_stats(void) { return stats; }

void mem_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

void must_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
	abort();
}
