/* Memory. Out of memory aborts, because every buffer, queue and table has a limit given at creation;
 * an attacker reaches a limit long before memory ends. Counters make "allocations per delivery" a
 * test. Any thread. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *xmalloc(size_t n);               /* never NULL; contents undefined */
void *xcalloc(size_t count, size_t n); /* never NULL; zeroed; overflow aborts */
void *xrealloc(void *p, size_t n);     /* never NULL */
char *xstrdup(const char *s);
void *xmemdup(const void *p, size_t n);
void xfree(void *p); /* accepts NULL */

/* This thread's counters: allocations made and bytes (as the allocator rounds them) allocated minus
 * freed. A block freed by another thread is subtracted there. */
struct mem_stats {
	uint64_t allocs;
	int64_t bytes;
};
struct mem_stats mem_stats(void);

/* Overwrites n bytes in a way the compiler may not remove. For secrets. */
void mem_wipe(void *p, size_t n);

/* Invariants: abort with the place when broken, in release builds too. */
#define must(cond) ((cond) ? (void)0 : must_fail(#cond, __FILE__, __LINE__))
_Noreturn void must_fail(const char *what, const char *file, int line);

#define CLEANUP(f) __attribute__((cleanup(f)))
/* Hands a pointer over: evaluates to it and sets the variable to NULL. */
#define TAKE(p) \
	({ \
		__typeof__(p) t_ = (p); \
		(p) = NULL; \
		t_; \
	})
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
