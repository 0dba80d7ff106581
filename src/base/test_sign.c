#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/sign.h"

static void from_hex(const char *hex, void *ret, size_t n)
{
	CLEANUP(buf_clear) struct buf b = {.max = 256};

	assert_int_equal(hex_decode(&b, str_z(hex)), 0);
	assert_int_equal(b.n, n);
	memcpy(ret, b.p, n);
}

/* RFC 8032 section 7.1, tests 1 and 3 */
static const struct {
	const char *seed, *pub, *data, *sig;
} vectors[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void rfc8032(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		CLEANUP(buf_clear) struct buf data = {.max = 64};
		uint8_t seed[32], pub[32], sig[64], want_pub[32], want_sig[64];

		from_hex(vectors[i].seed, seed, 32);
		from_hex(vectors[i].pub, want_pub, 32);
		from_hex(vectors[i].sig, want_sig, 64);
		assert_int_equal(hex_decode(&data, str_z(vectors[i].data)), 0);
		sign_public(seed, pub);
		assert_memory_equal(pub, want_pub, 32);
		sign_make(seed, buf_view(&data), sig);
		assert_memory_equal(sig, want_sig, 64);
		assert_true(sign_verify(pub, buf_view(&data), sig));
	}
}

static void every_bit_counts(void **state)
{
	uint8_t seed[32] = {1}, pub[32], sig[64];

	sign_public(seed, pub);
	sign_make(seed, STR("text"), sig);
	assert_false(sign_verify(pub, STR("texT"), sig));
	assert_false(sign_verify(pub, STR_NONE, sig));
	for (size_t i = 0; i < 64 * 8; i++) {
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_verify(pub, STR("text"), sig));
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 32 * 8; i++) {
		pub[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_verify(pub, STR("text"), sig));
		pub[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(sign_verify(pub, STR("text"), sig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8032),
		cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
