/* Digests, keyed digests and key derivation against the published test vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/hash.h"
#include "base/mem.h"

static void check_hex(const uint8_t *got, size_t n, const char *want)
{
	struct buf b;
	buf_init(&b, 2 * HASH_MAX);
	hex_encode(&b, got, n);
	assert_string_equal(buf_cstr(&b), want);
	buf_clear(&b);
}

/* Each output is followed by a byte that must stay. */
static void check_out(const uint8_t *out, enum hash_kind kind, const char *want)
{
	assert_int_equal(out[hash_size(kind)], 0x5a);
	check_hex(out, hash_size(kind), want);
}

static void check_digest(struct str data, const char *sha1, const char *sha256)
{
	uint8_t out[HASH_MAX + 1];
	memset(out, 0x5a, sizeof(out));
	hash_digest(HASH_SHA1, data, out);
	check_out(out, HASH_SHA1, sha1);
	memset(out, 0x5a, sizeof(out));
	hash_digest(HASH_SHA256, data, out);
	check_out(out, HASH_SHA256, sha256);
}

/* FIPS 180. */
static void test_digest(void **unused)
{
	char *million = xmalloc(1000000);
	assert_int_equal(hash_size(HASH_SHA1), 20);
	assert_int_equal(hash_size(HASH_SHA256), 32);
	check_digest(STR("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_digest(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		"84983e441c3bd26ebaae4aa1f95129e5e54670f1",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_digest(STR(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_digest(STR_NONE, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	memset(million, 'a', 1000000);
	check_digest((struct str){million, 1000000}, "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	xfree(million);
}

static struct str repeat(char *p, int c, size_t n)
{
	memset(p, c, n);
	return (struct str){p, n};
}

static void check_hmac(enum hash_kind kind, struct str key, struct str data, const char *want)
{
	uint8_t out[HASH_MAX + 1];
	memset(out, 0x5a, sizeof(out));
	hash_hmac(kind, key, data, out);
	check_out(out, kind, want);
}

static const struct str larger_key = STR("Test Using Larger Than Block-Size Key - Hash Key First");

/* RFC 2202 section 3. */
static void test_hmac_sha1(void **unused)
{
	char key[131], data[50];
	check_hmac(HASH_SHA1, repeat(key, 0x0b, 20), STR("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00");
	check_hmac(HASH_SHA1, STR("Jefe"), STR("what do ya want for nothing?"),
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	check_hmac(HASH_SHA1, repeat(key, 0xaa, 20), repeat(data, 0xdd, 50),
		"125d7342b9ac11cd91a39af48aa17b4f63f175d3");
	check_hmac(HASH_SHA1, repeat(key, 0xaa, 80), larger_key, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	check_hmac(HASH_SHA1, STR_NONE, STR_NONE, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
	check_hmac(HASH_SHA1, STR(""), STR(""), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

/* RFC 4231 section 4. */
static void test_hmac_sha256(void **unused)
{
	char key[131], data[50];
	check_hmac(HASH_SHA256, repeat(key, 0x0b, 20), STR("Hi There"),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_hmac(HASH_SHA256, STR("Jefe"), STR("what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	check_hmac(HASH_SHA256, repeat(key, 0xaa, 20), repeat(data, 0xdd, 50),
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	for (int i = 0; i < 25; i++)
		key[i] = (char)(i + 1);
	check_hmac(HASH_SHA256, (struct str){key, 25}, repeat(data, 0xcd, 50),
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	check_hmac(HASH_SHA256, repeat(key, 0xaa, 131), larger_key,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	check_hmac(HASH_SHA256, STR_NONE, STR_NONE, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void check_pbkdf2(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations,
	const char *want)
{
	uint8_t out[HASH_MAX + 1];
	memset(out, 0x5a, sizeof(out));
	hash_pbkdf2(kind, password, salt, iterations, out);
	check_out(out, kind, want);
}

/* RFC 6070 (those of 20 bytes), RFC 7914 section 11 (first 32 bytes), and the empty ones. */
static void test_pbkdf2(void **unused)
{
	check_pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6");
	check_pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
	check_pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 4096, "4b007901b765489abead49d926f721d065a429c1");
	check_pbkdf2(HASH_SHA1, STR("pass\0word"), STR("sa\0lt"), 4096, "56fa6aa75548099dcc37d7f03425e0c37f1c42b2");
	check_pbkdf2(HASH_SHA256, STR("passwd"), STR("salt"), 1,
		"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	check_pbkdf2(HASH_SHA256, STR("Password"), STR("NaCl"), 80000,
		"4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
	check_pbkdf2(HASH_SHA256, STR_NONE, STR("salt"), 2,
		"62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003b");
	check_pbkdf2(HASH_SHA256, STR("password"), STR_NONE, 2,
		"8bc2f9167a81cdcfad1235cd9047f1136271c1f978fcfcb35e22dbeafa4634f6");
}

static void test_equal(void **unused)
{
	assert_true(hash_equal("abc", "abc", 3));
	assert_false(hash_equal("abc", "abd", 3));
	assert_false(hash_equal("abc", "xbc", 3));
	assert_true(hash_equal("abc", "abd", 2));
	assert_true(hash_equal("a\0b", "a\0b", 3));
	assert_false(hash_equal("a\0b", "a\0c", 3));
	assert_true(hash_equal(NULL, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_hmac_sha1),
		cmocka_unit_test(test_hmac_sha256),
		cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
