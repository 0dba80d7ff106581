/* Immutable bytes with a reference count: the one kind of object that threads share. */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>

#include "base/str.h"

struct blob {
	_Atomic uint32_t refs;
	uint32_t n;
	char p[];
};

struct blob *blob_new(const void *p, size_t n); /* one reference; copies */
struct blob *blob_alloc(size_t n);              /* one reference; fill p before sharing it */
struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob **b); /* accepts NULL inside; nulls the caller's pointer */

static inline struct str blob_view(const struct blob *b) { return (struct str){b->p, b->n}; }

#endif
