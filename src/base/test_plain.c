/* What commands print of what others wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/plain.h"

static void check(void (*put)(struct buf *, struct str), struct str in, const char *want)
{
	struct buf out;

	buf_init(&out, 1000);
	put(&out, in);
	assert_string_equal(buf_cstr(&out), want);
	buf_clear(&out);
}

static void test_harmless(void **state)
{
	/* Joiners too: emoji and several scripts need them. */
	static const char *const texts[] = {"", "hello <b> \"q\"", "\xc3\xa9\xe4\xbd\xa0",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", "\xc2\xa0"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		check(plain_put, str_z(texts[i]), texts[i]);
		check(plain_put_lines, str_z(texts[i]), texts[i]);
	}
}

static void test_obeyed_by_terminals(void **state)
{
	check(plain_put, STR("a\xc2\x9b\x33\x31mRED\xe2\x80\xae\x61\x62\x63"), "a?31mRED?abc");
	check(plain_put, STR("\x1b[2J\x7f\0\r"), "?[2J???");
	check(plain_put, STR("\xe2\x80\x8f\xd8\x9c\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\xa8\xf3\xa0\x81\x81"), "??????");
}

/* A byte that some terminals take for a control is none of ours, either. */
static void test_broken_bytes(void **state)
{
	check(plain_put, STR("a\x9b\x62\xc2"), "a?b?");
	check(plain_put, STR("\xed\xa0\x80\xc0\x9b"), "?????");
}

static void test_lines(void **state)
{
	check(plain_put, STR("a\nb\tc"), "a?b?c");
	check(plain_put_lines, STR("a\nb\tc\r\x1b\xc2\x85\n"), "a\nb\tc???\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_obeyed_by_terminals),
		cmocka_unit_test(test_broken_bytes),
		cmocka_unit_test(test_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
