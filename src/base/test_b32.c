#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

/* RFC 4648 section 10, without padding and in lower case */
static const struct {
	struct str plain, coded;
} pairs[] = {
	{STR(""), STR("")},
	{STR("f"), STR("my")},
	{STR("fo"), STR("mzxq")},
	{STR("foo"), STR("mzxw6")},
	{STR("foob"), STR("mzxw6yq")},
	{STR("fooba"), STR("mzxw6ytb")},
	{STR("foobar"), STR("mzxw6ytboi")},
};

static void rfc4648(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		CLEANUP(buf_clear) struct buf coded = {.max = 100};
		CLEANUP(buf_clear) struct buf plain = {.max = 100};

		b32_encode(&coded, pairs[i].plain.p, pairs[i].plain.n);
		assert_true(str_eq(buf_view(&coded), pairs[i].coded));
		assert_int_equal(b32_decode(&plain, pairs[i].coded), 0);
		assert_true(str_eq(buf_view(&plain), pairs[i].plain));
	}
}

static void refused(void **state)
{
	static const struct str bad[] = {STR("m"), STR("mzx"), STR("mzxw6y"), STR("mz"), STR("mzxr"), STR("MY"),
		STR("my======"), STR("m1"), STR("m8"), STR("m0"), STR("m\0"), STR("m "), STR("\xc3\xa4")};
	CLEANUP(buf_clear) struct buf out = {.max = 100};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(b32_decode(&out, bad[i]), ERR_SYNTAX);
	assert_int_equal(out.n, 0);
	assert_true(buf_ok(&out));
}

static void limits(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4};

	b32_encode(&out, "foo", 3);
	assert_false(buf_ok(&out));
	assert_int_equal(out.n, 0);
	buf_reset(&out);
	assert_int_equal(b32_decode(&out, STR("mzxw6ytb")), ERR_LIMIT);
}

static void round_trip(void **state)
{
	for (size_t n = 0; n < 70; n++) {
		CLEANUP(buf_clear) struct buf coded = {.max = 200};
		CLEANUP(buf_clear) struct buf plain = {.max = 200};
		uint8_t raw[70];

		rand_bytes(raw, sizeof(raw));
		b32_encode(&coded, raw, n);
		assert_int_equal(b32_decode(&plain, buf_view(&coded)), 0);
		assert_true(str_eq(buf_view(&plain), (struct str){(const char *)raw, n}));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc4648),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
