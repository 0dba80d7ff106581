/* Base64, base32 and hexadecimal: RFC 4648 vectors, and one spelling only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

static const struct {
	struct str plain, coded;
} pairs[] = {
	{STR(""), STR("")}, /* RFC 4648 section 10 */
	{STR("f"), STR("Zg==")},
	{STR("fo"), STR("Zm8=")},
	{STR("foo"), STR("Zm9v")},
	{STR("foob"), STR("Zm9vYg==")},
	{STR("fooba"), STR("Zm9vYmE=")},
	{STR("foobar"), STR("Zm9vYmFy")},
	{STR("\0"), STR("AA==")},
	{STR("\xff\xff\xff"), STR("////")},
	{STR("\xfb\xef\xbe"), STR("++++")},
	{STR("\x14\xfb\x9c\x03\xd9\x7e"), STR("FPucA9l+")},
	{STR("n,,n=user"), STR("biwsbj11c2Vy")},
};

static void test_b64_pairs(void **unused)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct buf b;
		buf_init(&b, 100);
		buf_char(&b, '>');
		b64_encode(&b, pairs[i].plain.p, pairs[i].plain.n);
		buf_eat(&b, 1);
		assert_true(str_eq(buf_view(&b), pairs[i].coded));
		buf_reset(&b);
		buf_char(&b, '>');
		assert_int_equal(b64_decode(&b, pairs[i].coded), 0);
		buf_eat(&b, 1);
		assert_true(str_eq(buf_view(&b), pairs[i].plain));
		assert_true(buf_ok(&b));
		buf_clear(&b);
	}
}

static void test_b64_strict(void **unused)
{
	static const struct str bad[] = {
		STR("Z"),
		STR("Zg"),
		STR("Zg="), /* padding missing */
		STR("Zm9"),
		STR("Zh=="), /* stray bits: another spelling of "f" */
		STR("Zm9="),
		STR("Zm9vYmF="),
		STR("===="),
		STR("Z==="),
		STR("=Zm8"),
		STR("Z=m8"),
		STR("Zg==Zg=="), /* padding before the end */
		STR("Zm8=Zm8="),
		STR("Zm9vYg==="),
		STR("Zm9v="),
		STR("Zm9v===="),
		STR("Zm9v\n"),
		STR("Zm\n9v"),
		STR("Zm9vYmF\n"),
		STR(" Zm9"),
		STR("Zm9-"), /* the alphabet for addresses */
		STR("Zm9_"),
		STR("Zm9\0"),
		STR("Zm9\xc3"),
		STR("Zm9."),
		STR("Zm9@"),
		STR("Zm9["),
		STR("Zm9`"),
		STR("Zm9{"),
		STR("Zm9:"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b;
		buf_init(&b, 100);
		buf_z(&b, "kept");
		assert_int_equal(b64_decode(&b, bad[i]), ERR_SYNTAX);
		assert_true(str_is(buf_view(&b), "kept"));
		assert_true(buf_ok(&b));
		buf_clear(&b);
	}
}

static void test_b64_limits(void **unused)
{
	struct buf b;
	buf_init(&b, 7);
	b64_encode(&b, "foob", 4);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	assert_int_equal(b64_decode(&b, STR("Zg==")), ERR_LIMIT); /* failed stays failed */
	buf_clear(&b);
	buf_init(&b, 2);
	assert_int_equal(b64_decode(&b, STR("Zm9v")), ERR_LIMIT);
	assert_false(buf_ok(&b));
	buf_clear(&b);
	buf_init(&b, 2); /* what counts are the bytes, not the text */
	assert_int_equal(b64_decode(&b, STR("Zm8=")), 0);
	assert_true(str_is(buf_view(&b), "fo"));
	assert_int_equal(b64_decode(&b, STR_NONE), 0);
	buf_clear(&b);
}

static void test_b64_folded(void **unused)
{
	struct buf b = {.max = 16};

	assert_int_equal(b64_decode_folded(&b, STR("Zm9v\r\n Ym\tFy\n")), 0);
	assert_true(str_is(buf_view(&b), "foobar"));
	assert_int_equal(b64_decode_folded(&b, STR(" \n")), 0);
	assert_int_equal(b.n, 6);
	assert_int_equal(b64_decode_folded(&b, STR("Zm9v\0Zm9v")), ERR_SYNTAX);
	assert_int_equal(b64_decode_folded(&b, STR("Zm9v Zm9v Zm9v Zm9v")), ERR_LIMIT);
	buf_clear(&b);
}

static void test_b64_round_trip(void **unused)
{
	unsigned char raw[300];
	for (size_t n = 0; n < sizeof(raw); n++) {
		struct buf coded, plain;
		buf_init(&coded, 1000);
		buf_init(&plain, 1000);
		rand_bytes(raw, n);
		b64_encode(&coded, raw, n);
		assert_int_equal(coded.n, (n + 2) / 3 * 4);
		assert_int_equal(b64_decode(&plain, buf_view(&coded)), 0);
		assert_int_equal(plain.n, n);
		if (n)
			assert_memory_equal(plain.p, raw, n);
		buf_clear(&coded);
		buf_clear(&plain);
	}
}

/* Every group of four characters either decodes to bytes that encode to it again, or is refused. */
static void test_b64_canonical(void **unused)
{
	static const char some[] = "AQgwZz09+/=-\n\x80";
	size_t n = sizeof(some); /* with the NUL */
	for (size_t i = 0; i < n * n * n * n; i++) {
		char text[4] = {some[i % n], some[i / n % n], some[i / n / n % n], some[i / n / n / n]};
		struct buf plain, again;
		buf_init(&plain, 3);
		buf_init(&again, 4);
		if (b64_decode(&plain, (struct str){text, 4}) == 0) {
			b64_encode(&again, plain.p, plain.n);
			assert_true(str_eq(buf_view(&again), (struct str){text, 4}));
		}
		buf_clear(&plain);
		buf_clear(&again);
	}
}

static const struct {
	struct str plain, coded;
} pairs32[] = {
	{STR(""), STR("")}, /* RFC 4648 section 10 */
	{STR("f"), STR("my")},
	{STR("fo"), STR("mzxq")},
	{STR("foo"), STR("mzxw6")},
	{STR("foob"), STR("mzxw6yq")},
	{STR("fooba"), STR("mzxw6ytb")},
	{STR("foobar"), STR("mzxw6ytboi")},
	{STR("\0"), STR("aa")},
	{STR("\xff\xff\xff\xff\xff"), STR("77777777")},
};

static void test_b32_pairs(void **unused)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs32); i++) {
		struct buf b;
		buf_init(&b, 100);
		buf_char(&b, '>');
		b32_encode(&b, pairs32[i].plain.p, pairs32[i].plain.n);
		buf_eat(&b, 1);
		assert_true(str_eq(buf_view(&b), pairs32[i].coded));
		buf_reset(&b);
		buf_char(&b, '>');
		assert_int_equal(b32_decode(&b, pairs32[i].coded), 0);
		buf_eat(&b, 1);
		assert_true(str_eq(buf_view(&b), pairs32[i].plain));
		assert_true(buf_ok(&b));
		buf_clear(&b);
	}
}

static void test_b32_strict(void **unused)
{
	static const struct str bad[] = {
		STR("m"),
		STR("mzx"),
		STR("mzxw6y"), /* no number of bytes has so many digits */
		STR("mz"),
		STR("mzxr"),
		STR("mzxw7"),
		STR("mzxw6yr"), /* stray bits */
		STR("MY"),
		STR("mY"),
		STR("my======"),
		STR("my="),
		STR(" my"),
		STR("my\n"),
		STR("m0"),
		STR("m1"),
		STR("m8"),
		STR("m9"),
		STR("m`"),
		STR("m{"),
		STR("m\0"),
		STR("m\xc3"),
		STR("m-"),
		STR("aaaaaaaaa"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b;
		buf_init(&b, 100);
		buf_z(&b, "kept");
		assert_int_equal(b32_decode(&b, bad[i]), ERR_SYNTAX);
		assert_true(str_is(buf_view(&b), "kept"));
		assert_true(buf_ok(&b));
		buf_clear(&b);
	}
}

static void test_b32_limits(void **unused)
{
	struct buf b;
	buf_init(&b, 6);
	b32_encode(&b, "foob", 4);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	buf_clear(&b);
	buf_init(&b, 2);
	assert_int_equal(b32_decode(&b, STR("mzxw6")), ERR_LIMIT);
	buf_clear(&b);
	buf_init(&b, 2);
	assert_int_equal(b32_decode(&b, STR("mzxq")), 0);
	assert_true(str_is(buf_view(&b), "fo"));
	assert_int_equal(b32_decode(&b, STR_NONE), 0);
	buf_clear(&b);
}

static void test_b32_round_trip(void **unused)
{
	unsigned char raw[100];
	for (size_t n = 0; n < sizeof(raw); n++) {
		struct buf coded, plain;
		buf_init(&coded, 1000);
		buf_init(&plain, 1000);
		rand_bytes(raw, n);
		b32_encode(&coded, raw, n);
		assert_int_equal(coded.n, (n * 8 + 4) / 5);
		assert_int_equal(b32_decode(&plain, buf_view(&coded)), 0);
		assert_int_equal(plain.n, n);
		if (n)
			assert_memory_equal(plain.p, raw, n);
		buf_clear(&coded);
		buf_clear(&plain);
	}
}

static void test_hex(void **unused)
{
	struct buf b;
	buf_init(&b, 20);
	hex_encode(&b, "\x00\x09\x0a\xff", 4);
	assert_true(str_is(buf_view(&b), "00090aff"));
	buf_reset(&b);
	hex_encode(&b, NULL, 0);
	assert_int_equal(hex_decode(&b, STR("")), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(hex_decode(&b, STR("00090aFf")), 0);
	assert_true(str_eq(buf_view(&b), STR("\x00\x09\x0a\xff")));
	static const struct str bad[] = {STR("0"), STR("0g"), STR("g0"), STR("00 "), STR("0x00"), STR("a\0"), STR("0:"),
		STR("0/"), STR("0@"), STR("0G"), STR("0`"), STR("\xc3\xa4"), STR("000")};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(hex_decode(&b, bad[i]), ERR_SYNTAX);
		assert_int_equal(b.n, 4);
		assert_true(buf_ok(&b));
	}
	buf_clear(&b);
	buf_init(&b, 3);
	assert_int_equal(hex_decode(&b, STR("00112233")), ERR_LIMIT);
	buf_reset(&b);
	hex_encode(&b, "ab", 2);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_b64_pairs),
		cmocka_unit_test(test_b64_strict),
		cmocka_unit_test(test_b64_limits),
		cmocka_unit_test(test_b64_folded),
		cmocka_unit_test(test_b64_round_trip),
		cmocka_unit_test(test_b64_canonical),
		cmocka_unit_test(test_b32_pairs),
		cmocka_unit_test(test_b32_strict),
		cmocka_unit_test(test_b32_limits),
		cmocka_unit_test(test_b32_round_trip),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
