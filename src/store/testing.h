/* For tests only: what a store keeps, as rows in one array, for the worlds of user, room and peer. Each of these says itself
 * what a write means; here a row is only put, found and taken out again. Keys are the leading values of a row. */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/store.h"

#define UNUSED __attribute__((unused))

struct test_row {
	int table; /* the write that put it; -1: free */
	struct store_value v[STORE_VALUES_MAX];
	unsigned n;
};

/* Zeroed: empty. Pointers into it hold until the next test_rows_put(). */
struct test_rows {
	struct test_row *row;
	unsigned n, cap;
};

/* Every row of a table whose first n values are those of v; the row may be freed meanwhile. */
#define TEST_ROWS_EACH(rows_, r, table_, key, key_n) \
	for (struct test_row *r = (rows_)->row; r && r < (rows_)->row + (rows_)->n; r++) \
		if (test_row_is(r, table_, key, key_n))

UNUSED static bool test_row_is(const struct test_row *r, int table, const struct store_value *v, unsigned n)
{
	bool same = r->table == table;

	for (unsigned i = 0; same && i < n; i++)
		same = v[i].is_int ? v[i].i == r->v[i].i : str_eq(v[i].s, r->v[i].s);
	return same;
}

UNUSED static void test_row_free(struct test_row *r)
{
	for (unsigned i = 0; i < r->n; i++)
		xfree((void *)r->v[i].s.p);
	*r = (struct test_row){.table = -1};
}

UNUSED static struct test_row *test_rows_find(const struct test_rows *rows, int table, const struct store_value *v,
	unsigned n)
{
	TEST_ROWS_EACH(rows, r, table, v, n)
		return r;
	return NULL;
}

UNUSED static unsigned test_rows_count(const struct test_rows *rows, int table)
{
	unsigned count = 0;

	TEST_ROWS_EACH(rows, r, table, NULL, 0)
		count++;
	return count;
}

UNUSED static void test_rows_del(struct test_rows *rows, int table, const struct store_value *v, unsigned n)
{
	TEST_ROWS_EACH(rows, r, table, v, n)
		test_row_free(r);
}

UNUSED static struct str test_own(struct str s)
{
	return s.p ? (struct str){xmemdup(s.n ? s.p : "", s.n ? s.n : 1), s.n} : s;
}

/* Copies the values, into the first free place: rows with numbers stay in the order of writing unless some were freed. */
UNUSED static void test_rows_put(struct test_rows *rows, int table, const struct store_value *v, unsigned n)
{
	struct test_row *r = test_rows_find(rows, -1, NULL, 0);

	if (!r && rows->n == rows->cap) {
		rows->cap = rows->cap ? rows->cap * 2 : 64;
		rows->row = xrealloc(rows->row, rows->cap * sizeof(*rows->row));
	}
	if (!r)
		r = &rows->row[rows->n++];
	*r = (struct test_row){.table = table, .n = n};
	for (unsigned i = 0; i < n; i++) {
		r->v[i] = v[i];
		r->v[i].s = test_own(v[i].s);
	}
}

/* The same in place of the row with the same first key values, if there is one. */
UNUSED static void test_rows_set(struct test_rows *rows, int table, const struct store_value *v, unsigned n,
	unsigned key)
{
	test_rows_del(rows, table, v, key);
	test_rows_put(rows, table, v, n);
}

UNUSED static void test_rows_clear(struct test_rows *rows)
{
	for (unsigned i = 0; i < rows->n; i++)
		test_row_free(&rows->row[i]);
	xfree(TAKE(rows->row));
	*rows = (struct test_rows){0};
}

#endif
