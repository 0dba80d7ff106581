/* Text views: comparing, cutting, numbers, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define is(got, want) assert_true(str_eq(got, STR(want)))

static void test_equal(void **unused)
{
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("ac")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_eq(STR_NONE, STR("")));
	assert_true(str_is(STR("ab"), "ab"));
	assert_false(str_is(STR("ab\0"), "ab"));
	assert_false(str_is(STR("a"), "ab"));
	assert_true(str_is(STR_NONE, ""));
}

static void test_nocase(void **unused)
{
	assert_true(str_is_nocase(STR("StarTTLS"), "starttls"));
	assert_true(str_is_nocase(STR("azAZ"), "AZaz"));
	assert_false(str_is_nocase(STR("abc"), "ab"));
	assert_false(str_is_nocase(STR("["), "{")); /* 0x20 apart, but no letters */
	assert_false(str_is_nocase(STR("@"), "`"));
	assert_false(str_is_nocase(STR("\xc3\x84"), "\xc3\xa4")); /* only ASCII */
	assert_true(str_is_nocase(STR_NONE, ""));
}

static void test_starts_ends(void **unused)
{
	assert_true(str_starts(STR("urn:xmpp"), STR("urn:")));
	assert_false(str_starts(STR("ur"), STR("urn:")));
	assert_true(str_starts(STR("x"), STR_NONE));
	assert_true(str_starts(STR_NONE, STR("")));
	assert_false(str_starts(STR_NONE, STR("x")));
	assert_true(str_ends(STR("a.org"), STR(".org")));
	assert_true(str_ends(STR(".org"), STR(".org")));
	assert_false(str_ends(STR("org"), STR(".org")));
	assert_true(str_ends(STR_NONE, STR_NONE));
	assert_false(str_ends(STR_NONE, STR("x")));
}

static void test_order(void **unused)
{
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("b"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0);
	assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
	assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
	assert_true(str_cmp(STR_NONE, STR("a")) < 0);
}

static void test_dup(void **unused)
{
	char *s = str_dup((struct str){"abcdef", 3});
	assert_string_equal(s, "abc");
	xfree(s);
	s = str_dup(STR(""));
	assert_string_equal(s, "");
	xfree(s);
	assert_null(str_dup(STR_NONE));
	assert_null(str_z(NULL).p);
	is(str_z("abc"), "abc");
}

static void test_trim(void **unused)
{
	is(str_trim(STR(" \t\r\n a b \n")), "a b");
	is(str_trim(STR("a")), "a");
	is(str_trim(STR("  ")), "");
	assert_non_null(str_trim(STR("  ")).p);
	is(str_trim(STR("\xc2\xa0")), "\xc2\xa0");
	assert_null(str_trim(STR_NONE).p);
}

static void test_cut(void **unused)
{
	struct str s = STR("a//b/");
	is(str_cut(&s, '/'), "a");
	is(s, "/b/");
	is(str_cut(&s, '/'), "");
	is(str_cut(&s, '/'), "b");
	assert_non_null(s.p); /* a separator at the end leaves an empty rest, not an absent one */
	assert_int_equal(s.n, 0);
	struct str last = str_cut(&s, '/');
	assert_non_null(last.p);
	assert_int_equal(last.n, 0);
	assert_null(s.p);
	assert_null(str_cut(&s, '/').p);
	s = STR("none");
	is(str_cut(&s, '/'), "none");
	assert_null(s.p);
}

static void check_uint(struct str s, uint64_t max, int want_err, uint64_t want)
{
	uint64_t value = 4711;
	assert_int_equal(str_uint(s, max, &value), want_err);
	assert_int_equal(value, want_err ? 4711 : want);
}

static void test_uint(void **unused)
{
	check_uint(STR("0"), 0, 0, 0);
	check_uint(STR("1"), 0, ERR_LIMIT, 0);
	check_uint(STR("007"), 7, 0, 7);
	check_uint(STR("8"), 7, ERR_LIMIT, 0);
	check_uint(STR("65535"), 65535, 0, 65535);
	check_uint(STR("65536"), 65535, ERR_LIMIT, 0);
	check_uint(STR("70000"), 65535, ERR_LIMIT, 0);
	check_uint(STR("18446744073709551615"), UINT64_MAX, 0, UINT64_MAX);
	check_uint(STR("18446744073709551616"), UINT64_MAX, ERR_LIMIT, 0);
	check_uint(STR("184467440737095516150"), UINT64_MAX, ERR_LIMIT, 0);
	check_uint(STR("99999999999999999999999999999999999999"), 100, ERR_LIMIT, 0);
	check_uint(STR("99999999999999999999999999999999999999x"), 100, ERR_SYNTAX, 0);
	check_uint(STR(""), 9, ERR_SYNTAX, 0);
	check_uint(STR_NONE, 9, ERR_SYNTAX, 0);
	check_uint(STR("-1"), 9, ERR_SYNTAX, 0);
	check_uint(STR("+1"), 9, ERR_SYNTAX, 0);
	check_uint(STR(" 1"), 9, ERR_SYNTAX, 0);
	check_uint(STR("1 "), 9, ERR_SYNTAX, 0);
	check_uint(STR("1\0"), 9, ERR_SYNTAX, 0);
	check_uint(STR("0x1"), 9, ERR_SYNTAX, 0);
	check_uint(STR("\xb2"), 9, ERR_SYNTAX, 0);
}

/* Each text alone, and at each place around the eight bytes that are looked at at once. */
static void check_utf8(struct str s, bool want)
{
	char memory[64];
	assert_int_equal(str_utf8(s), want);
	for (size_t before = 0; before < 20; before++) {
		memset(memory, 'a', sizeof(memory));
		memcpy(memory + before, s.p, s.n);
		assert_int_equal(str_utf8((struct str){memory, before + s.n}), want);
		/* What follows is ASCII, so a sequence cut short stays wrong. */
		assert_int_equal(str_utf8((struct str){memory, before + s.n + 20}), want);
	}
}

static void test_utf8_good(void **unused)
{
	static const struct str good[] = {
		STR(""),
		STR("abc"),
		STR("\0"),
		STR("\x7f"),
		STR("\xc2\x80"),
		STR("\xdf\xbf"),
		STR("\xe0\xa0\x80"),
		STR("\xed\x9f\xbf"),
		STR("\xee\x80\x80"),
		STR("\xef\xbf\xbf"),
		STR("\xf0\x90\x80\x80"),
		STR("\xf4\x8f\xbf\xbf"),
		STR("\xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa4"),
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		check_utf8(good[i], true);
	assert_true(str_utf8(STR_NONE));
}

static void test_utf8_bad(void **unused)
{
	static const struct str bad[] = {
		STR("\x80"), STR("\xbf"), STR("\xc0\x80"), /* overlong */
		STR("\xc1\xbf"), STR("\xe0\x80\x80"), STR("\xe0\x9f\xbf"), STR("\xf0\x80\x80\x80"),
		STR("\xf0\x8f\xbf\xbf"), STR("\xed\xa0\x80"), /* surrogates */
		STR("\xed\xbf\xbf"), STR("\xf4\x90\x80\x80"), /* above U+10FFFF */
		STR("\xf5\x80\x80\x80"), STR("\xf8\x88\x80\x80\x80"), STR("\xfe"), STR("\xff"),
		STR("\xc3"), /* cut short */
		STR("\xe2\x82"), STR("\xf0\x9f\x98"), STR("\xc3("), STR("\xe2(\xac"), STR("\xe2\x82("),
		STR("\xf0\x9f\x98("), STR("\xc3\xa4\xa4"), /* one too many */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_utf8(bad[i], false);
}

/* Every code point written by the rule is accepted, surrogates are not. */
static void test_utf8_all(void **unused)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char p[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
		for (size_t i = n; i-- > 1;)
			p[i] = (char)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3f));
		p[0] = (char)(lead[n] | c >> (6 * (n - 1)));
		bool want = c < 0xd800 || c > 0xdfff;
		if (str_utf8((struct str){p, n}) != want || str_utf8_next((struct str){p, n}) != (want ? n : 0))
			fail_msg("U+%04X", c);
	}
}

static void test_utf8_next(void **unused)
{
	assert_int_equal(str_utf8_next(STR_NONE), 0);
	assert_int_equal(str_utf8_next(STR("ab")), 1);
	assert_int_equal(str_utf8_next(STR("\xc3\xa4"
					   "b")),
		2);
	assert_int_equal(str_utf8_next((struct str){"\xe2\x82\xac", 2}), 0);
	assert_int_equal(str_utf8_next(STR("\xe2\x82\xac\x80")), 3);
	assert_int_equal(str_utf8_next(STR("\xf0\x9f\x98\x80")), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_nocase),
		cmocka_unit_test(test_starts_ends),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_dup),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_utf8_good),
		cmocka_unit_test(test_utf8_bad),
		cmocka_unit_test(test_utf8_all),
		cmocka_unit_test(test_utf8_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
