/* Growing bytes: growth, the maximum, failing for good, and the terminator at the very end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

#define holds(b, want) assert_true(str_eq(buf_view(b), STR(want)))

static void test_empty(void **unused)
{
	struct buf b;
	int64_t before = mem_stats().bytes;
	buf_init(&b, 10);
	assert_null(b.p);
	assert_true(buf_ok(&b));
	assert_non_null(buf_view(&b).p);
	assert_int_equal(buf_view(&b).n, 0);
	buf_add(&b, NULL, 0);
	buf_str(&b, STR_NONE);
	buf_z(&b, NULL);
	buf_z(&b, "");
	buf_eat(&b, 0);
	buf_cut(&b, 0);
	buf_reset(&b);
	assert_int_equal(mem_stats().bytes, before);
	assert_string_equal(buf_cstr(&b), "");
	assert_true(buf_ok(&b));
	buf_clear(&b);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_add(void **unused)
{
	struct buf b;
	buf_init(&b, 1000);
	buf_add(&b, "a\0b", 3);
	buf_str(&b, STR("cd"));
	buf_z(&b, "ef");
	buf_char(&b, 0);
	buf_fmt(&b, "%d-%s", 42, "x");
	holds(&b,
		"a\0bcdef\0"
		"42-x");
	assert_true(buf_ok(&b));
	buf_clear(&b);
}

static void test_growth(void **unused)
{
	struct buf b;
	uint64_t before = mem_stats().allocs;
	buf_init(&b, 100000);
	for (int i = 0; i < 100000; i++)
		buf_char(&b, (char)(i % 251));
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, 100000);
	assert_true(b.cap <= 100000);
	assert_true(mem_stats().allocs - before < 20); /* doubles, does not creep */
	for (int i = 0; i < 100000; i++)
		assert_int_equal((unsigned char)b.p[i], i % 251);
	buf_char(&b, 'x');
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 100000);
	buf_clear(&b);
}

static void test_a_big_addition(void **unused)
{
	static char big[5000];
	struct buf b;
	buf_init(&b, 100000);
	buf_char(&b, 'a');
	buf_add(&b, big, sizeof(big));
	assert_int_equal(b.n, 5001);
	assert_true(b.cap >= 5001 && b.cap < 20000);
	buf_clear(&b);
}

static void test_maximum(void **unused)
{
	struct buf b;
	buf_init(&b, 4);
	buf_z(&b, "abc");
	buf_z(&b, "de"); /* does not fit: adds nothing */
	assert_false(buf_ok(&b));
	holds(&b, "abc");
	buf_char(&b, 'd'); /* would fit, but the text would have a hole */
	holds(&b, "abc");
	buf_fmt(&b, "x");
	assert_null(buf_room(&b, 1));
	holds(&b, "abc");
	assert_string_equal(buf_cstr(&b), "");
	buf_reset(&b);
	assert_true(buf_ok(&b));
	buf_z(&b, "wxyz");
	assert_true(buf_ok(&b));
	holds(&b, "wxyz");
	buf_clear(&b);
}

static void test_hostile_sizes(void **unused)
{
	struct buf b;
	buf_init(&b, 10);
	buf_char(&b, 'a');
	assert_null(buf_room(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_reset(&b);
	buf_char(&b, 'a');
	assert_null(buf_room(&b, SIZE_MAX - 1));
	buf_reset(&b);
	assert_null(buf_room(&b, 11));
	buf_reset(&b);
	assert_non_null(buf_room(&b, 10));
	buf_clear(&b);
	buf_init(&b, 0);
	buf_char(&b, 'a');
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	buf_clear(&b);
	assert_true(buf_ok(&b));
	assert_int_equal(b.max, 0);
}

static void test_terminator_at_the_end(void **unused)
{
	struct buf b;
	buf_init(&b, 64);
	for (int i = 0; i < 64; i++)
		buf_char(&b, 'a');
	assert_int_equal(strlen(buf_cstr(&b)), 64);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, 64);
	buf_char(&b, 'b'); /* the byte of the terminator is not for content */
	assert_false(buf_ok(&b));
	buf_clear(&b);
}

static void test_format_at_the_end(void **unused)
{
	for (size_t max = 58; max < 72; max++) {
		struct buf b;
		buf_init(&b, max);
		buf_z(&b, "0123456789");
		buf_fmt(&b, "%0*d", 50, 7); /* 60 in all */
		assert_int_equal(buf_ok(&b), max >= 60);
		assert_int_equal(b.n, max >= 60 ? 60 : 10);
		if (max >= 60)
			assert_int_equal(b.p[59], '7');
		buf_fmt(&b, "%s", "");
		assert_int_equal(buf_ok(&b), max >= 60);
		buf_clear(&b);
	}
}

static void test_format_every_length(void **unused)
{
	char want[300];
	struct buf b;
	for (int n = 0; n < 300; n += 7) {
		snprintf(want, sizeof(want), "%*s", n, "");
		buf_init(&b, 300);
		buf_fmt(&b, "%*s", n, "");
		assert_string_equal(buf_cstr(&b), want);
		buf_fmt(&b, "%d", 5);
		assert_int_equal(b.n, n + 1);
		buf_clear(&b);
	}
}

static void test_room(void **unused)
{
	struct buf b;
	buf_init(&b, 100);
	char *p = buf_room(&b, 5);
	assert_non_null(p);
	assert_int_equal(b.n, 0);
	memcpy(p, "hello", 5);
	b.n += 5;
	p = buf_room(&b, 95);
	memset(p, '!', 95);
	b.n += 95;
	assert_true(buf_ok(&b));
	assert_memory_equal(b.p, "hello!!!", 8);
	assert_non_null(buf_room(&b, 0));
	assert_true(buf_ok(&b));
	assert_null(buf_room(&b, 1));
	buf_clear(&b);
}

static void test_eat_and_cut(void **unused)
{
	struct buf b;
	buf_init(&b, 10);
	buf_z(&b, "abcdef");
	buf_eat(&b, 2);
	holds(&b, "cdef");
	buf_eat(&b, 0);
	holds(&b, "cdef");
	buf_cut(&b, 9);
	holds(&b, "cdef");
	buf_cut(&b, 3);
	holds(&b, "cde");
	buf_z(&b, "XYZ");
	holds(&b, "cdeXYZ");
	buf_eat(&b, 6);
	holds(&b, "");
	buf_z(&b, "0123456789"); /* eaten bytes are free again */
	assert_true(buf_ok(&b));
	buf_cut(&b, 0);
	holds(&b, "");
	buf_clear(&b);
}

static void test_reset_keeps_memory(void **unused)
{
	struct buf b;
	buf_init(&b, 1000);
	buf_fmt(&b, "%500s", "");
	char *p = b.p;
	uint64_t before = mem_stats().allocs;
	buf_reset(&b);
	holds(&b, "");
	buf_fmt(&b, "%400s", "");
	assert_ptr_equal(b.p, p);
	assert_int_equal(mem_stats().allocs, before);
	buf_clear(&b);
	assert_null(b.p);
	assert_int_equal(b.max, 1000);
	buf_z(&b, "again");
	holds(&b, "again");
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_a_big_addition),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_hostile_sizes),
		cmocka_unit_test(test_terminator_at_the_end),
		cmocka_unit_test(test_format_at_the_end),
		cmocka_unit_test(test_format_every_length),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_eat_and_cut),
		cmocka_unit_test(test_reset_keeps_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
