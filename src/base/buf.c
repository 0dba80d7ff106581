#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t max) { *b = (struct buf){.max = max}; }

void buf_clear(struct buf *b)
{
	xfree(b->p);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

/* True if n more bytes are allowed; then there is space for them and for `spare` more. The spare
 * byte of a terminator is not content, so the memory may be one byte more than max. */
static bool reserve(struct buf *b, size_t n, size_t spare)
{
	if (b->failed || n > b->max || b->n > b->max - n) {
		b->failed = true;
		return false;
	}
	size_t need = b->n + n + spare;
	if (need <= b->cap)
		return true;
	size_t cap = b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	if (cap > b->max)
		cap = b->max;
	if (cap < need)
		cap = need;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	/* One byte at least, so that an empty request is not mistaken for a failure. */
	return reserve(b, n, n == 0) ? b->p + b->n : NULL;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n, 0))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_str(struct buf *b, struct str s) { buf_add(b, s.p, s.n); }

void buf_z(struct buf *b, const char *z) { buf_str(b, str_z(z)); }

void buf_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	if (b->failed)
		return;
	va_list args;
	size_t space = b->cap - b->n;
	va_start(args, fmt);
	int len = vsnprintf(b->p ? b->p + b->n : NULL, space, fmt, args);
	va_end(args);
	if (len < 0) {
		b->failed = true;
		return;
	}
	size_t n = (size_t)len;
	if (!reserve(b, n, 1))
		return;
	if (n >= space) {
		va_start(args, fmt);
		vsnprintf(b->p + b->n, n + 1, fmt, args);
		va_end(args);
	}
	b->n += n;
}

void buf_eat(struct buf *b, size_t n)
{
	must(n <= b->n);
	b->n -= n;
	if (n && b->n)
		memmove(b->p, b->p + n, b->n);
}

void buf_cut(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || !reserve(b, 0, 1))
		return "";
	b->p[b->n] = 0;
	return b->p;
}
