/* Table of ids: dead ids stay dead through reuse, growth and the end of the generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/table.h"

static int items[5000];

static void test_empty(void **unused)
{
	struct table t;
	uint32_t pos = 0;
	int64_t before = mem_stats().bytes;
	table_init(&t, 0xffffff, 3);
	assert_null(table_find(&t, 0));
	assert_null(table_find(&t, 1));
	assert_null(table_find(&t, (uint64_t)1 << 32 | 3u << 24));
	assert_null(table_find(&t, UINT64_MAX));
	assert_null(table_remove(&t, 0));
	assert_null(table_remove(&t, UINT64_MAX));
	assert_null(table_next(&t, &pos));
	assert_int_equal(mem_stats().bytes, before); /* a limit is not a reservation */
	table_clear(&t);
}

static void test_ids(void **unused)
{
	struct table t;
	table_init(&t, 10, 0xa5);
	uint64_t a = table_add(&t, &items[0]), b = table_add(&t, &items[1]);
	assert_true(a == ((uint64_t)1 << 32 | 0xa5000000u));
	assert_true(b == ((uint64_t)1 << 32 | 0xa5000001u));
	assert_int_equal(table_tag(a), 0xa5);
	assert_ptr_equal(table_find(&t, a), &items[0]);
	assert_ptr_equal(table_find(&t, b), &items[1]);
	assert_null(table_find(&t, a ^ 1u << 24));            /* another table's */
	assert_null(table_find(&t, a + 2));                   /* a slot never used */
	assert_null(table_find(&t, a + ((uint64_t)1 << 32))); /* a generation not yet reached */
	assert_null(table_find(&t, a & 0xffffffffu));
	assert_ptr_equal(table_remove(&t, a), &items[0]);
	assert_null(table_remove(&t, a));
	assert_null(table_find(&t, a));
	assert_ptr_equal(table_find(&t, b), &items[1]);
	assert_int_equal(t.n, 1);
	table_clear(&t);
	assert_null(table_find(&t, b));
	table_init(&t, 10, 0);
	assert_true(table_add(&t, &items[0]) != 0);
	assert_int_equal(table_tag(1), 0);
	table_clear(&t);
}

static void test_reuse(void **unused)
{
	struct table t;
	uint64_t old[100];
	table_init(&t, 2, 1);
	table_add(&t, &items[0]);
	for (int i = 0; i < 100; i++) {
		old[i] = table_add(&t, &items[i]);
		assert_true(old[i] != 0);
		assert_ptr_equal(table_find(&t, old[i]), &items[i]);
		for (int j = 0; j < i; j++)
			assert_null(table_find(&t, old[j]));
		assert_ptr_equal(table_remove(&t, old[i]), &items[i]);
	}
	assert_int_equal(t.used, 2); /* the same slot each time */
	table_clear(&t);
}

static void test_limit(void **unused)
{
	struct table t;
	table_init(&t, 3, 1);
	uint64_t first = table_add(&t, &items[0]);
	table_add(&t, &items[1]);
	table_add(&t, &items[2]);
	assert_true(table_add(&t, &items[3]) == 0);
	table_remove(&t, first);
	assert_true(table_add(&t, &items[3]) != 0);
	assert_true(table_add(&t, &items[4]) == 0);
	table_clear(&t);
	table_init(&t, 0, 1);
	assert_true(table_add(&t, &items[0]) == 0);
	assert_null(t.slots);
}

static void test_growth(void **unused)
{
	struct table t;
	static uint64_t ids[ARRAY_LEN(items)];
	int64_t before = mem_stats().bytes;
	table_init(&t, 100000, 9);
	ids[0] = table_add(&t, &items[0]);
	assert_int_equal(t.cap, 8);
	for (size_t i = 1; i < ARRAY_LEN(items); i++) {
		ids[i] = table_add(&t, &items[i]);
		assert_true(t.cap <= 8 || t.cap < t.n * 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		assert_ptr_equal(table_find(&t, ids[i]), &items[i]);
	for (size_t i = 0; i < ARRAY_LEN(items); i += 2)
		assert_ptr_equal(table_remove(&t, ids[i]), &items[i]);
	uint32_t used = t.used;
	for (size_t i = 0; i < ARRAY_LEN(items); i += 2)
		assert_true(table_add(&t, &items[i]) != ids[i]);
	assert_int_equal(t.used, used);
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		assert_ptr_equal(table_find(&t, ids[i]), i % 2 ? &items[i] : NULL);
	table_clear(&t);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_end_of_generations(void **unused)
{
	struct table t;
	table_init(&t, 5, 1);
	uint64_t first = table_add(&t, &items[0]);
	t.slots[0].generation = UINT32_MAX; /* as if reused that often */
	uint64_t last = first | (uint64_t)UINT32_MAX << 32;
	assert_ptr_equal(table_find(&t, last), &items[0]);
	assert_ptr_equal(table_remove(&t, last), &items[0]);
	uint64_t next = table_add(&t, &items[1]);
	assert_true(next != 0 && next != first && next != last);
	assert_true(next >> 32 != 0);
	assert_null(table_find(&t, first));
	assert_null(table_find(&t, last));
	assert_null(table_find(&t, first & 0xffffffffu));
	assert_null(table_remove(&t, first & 0xffffffffu));
	for (int i = 0; i < 4; i++) /* still room for as many as promised */
		assert_true(table_add(&t, &items[2 + i]) != 0);
	assert_true(table_add(&t, &items[9]) == 0);
	table_clear(&t);
}

static void test_iteration(void **unused)
{
	struct table t;
	uint64_t ids[20];
	uint32_t pos = 0;
	table_init(&t, 100, 1);
	for (int i = 0; i < 20; i++)
		ids[i] = table_add(&t, &items[i]);
	for (int i = 0; i < 20; i++)
		if (i % 3)
			table_remove(&t, ids[i]);
	for (int i = 0; i < 20; i += 3)
		assert_ptr_equal(table_next(&t, &pos), &items[i]);
	assert_null(table_next(&t, &pos));
	assert_null(table_next(&t, &pos));
	table_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_end_of_generations),
		cmocka_unit_test(test_iteration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
