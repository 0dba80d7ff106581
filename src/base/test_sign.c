/* Signatures: the vectors of RFC 8032 section 7.1, and what must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sign.h"

static const struct {
	const char *seed, *pub, *data, *sig;
} vectors[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
		"d25bf5f0595bbe24655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
		"387b2eaeb4302aeeb00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
		"4a7c15e9716ed28dc027beceea1ec40a"},
	{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
		"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
		"454d4423643ce80e2a9ac94fa54ca49f",
		"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
		"3dca179c138ac17ad9bef1177331a704"},
};

static void from_hex(const char *hex, uint8_t *out, size_t n)
{
	struct buf b;
	buf_init(&b, 64);
	assert_int_equal(hex_decode(&b, str_z(hex)), 0);
	assert_int_equal(b.n, n);
	if (n)
		memcpy(out, b.p, n);
	buf_clear(&b);
}

static void test_vectors(void **unused)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t seed[SIGN_SEED], want_pub[SIGN_PUBLIC], want[SIGN_SIZE], data[64];
		uint8_t pub[SIGN_PUBLIC + 1] = {[SIGN_PUBLIC] = 0x5a}, sig[SIGN_SIZE + 1] = {[SIGN_SIZE] = 0x5a};
		size_t n = strlen(vectors[i].data) / 2;
		struct str s = n ? (struct str){(const char *)data, n} : STR_NONE;
		from_hex(vectors[i].seed, seed, sizeof(seed));
		from_hex(vectors[i].pub, want_pub, sizeof(want_pub));
		from_hex(vectors[i].sig, want, sizeof(want));
		from_hex(vectors[i].data, data, n);
		sign_public(seed, pub);
		assert_memory_equal(pub, want_pub, SIGN_PUBLIC);
		sign_make(seed, s, sig);
		assert_memory_equal(sig, want, SIGN_SIZE);
		assert_true(sign_verify(pub, s, sig));
		assert_true(pub[SIGN_PUBLIC] == 0x5a && sig[SIGN_SIZE] == 0x5a);
	}
}

/* One bit of anything is enough. */
static void test_any_change_is_seen(void **unused)
{
	uint8_t seed[SIGN_SEED], pub[SIGN_PUBLIC], sig[SIGN_SIZE];
	char text[] = "10.0.0.7:5298";
	struct str s = str_z(text);
	rand_bytes(seed, sizeof(seed));
	sign_public(seed, pub);
	sign_make(seed, s, sig);
	for (size_t i = 0; i < 8 * sizeof(sig); i++) {
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_verify(pub, s, sig));
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * sizeof(pub); i++) {
		pub[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_verify(pub, s, sig));
		pub[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * s.n; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		assert_false(sign_verify(pub, s, sig));
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	assert_false(sign_verify(pub, (struct str){text, s.n - 1}, sig));
	assert_false(sign_verify(pub, STR_NONE, sig));
	assert_true(sign_verify(pub, s, sig));
}

/* Adding the order of the group to the second half would be another spelling of the same signature. */
static void test_not_malleable(void **unused)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde,
		0xf9, 0xde, 0x14, [31] = 0x10};
	uint8_t seed[SIGN_SEED] = {1}, pub[SIGN_PUBLIC], sig[SIGN_SIZE];
	unsigned carry = 0;
	sign_public(seed, pub);
	sign_make(seed, STR("text"), sig);
	for (size_t i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(sign_verify(pub, STR("text"), sig));
}

static void test_nonsense(void **unused)
{
	uint8_t pub[SIGN_PUBLIC], sig[SIGN_SIZE];
	for (int i = 0; i < 200; i++) {
		rand_bytes(pub, sizeof(pub));
		rand_bytes(sig, sizeof(sig));
		assert_false(sign_verify(pub, STR("text"), sig));
	}
	memset(pub, 0xff, sizeof(pub)); /* no point of the curve */
	assert_false(sign_verify(pub, STR("text"), sig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_any_change_is_seen),
		cmocka_unit_test(test_not_malleable),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
