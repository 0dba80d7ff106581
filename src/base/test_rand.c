/* Randomness: bounds, spread of tokens, and repetition from a seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

static void test_bytes(void **unused)
{
	uint8_t a[70] = {0}, b[70] = {0};
	static uint8_t big[100000];
	rand_bytes(a + 1, 64);
	rand_bytes(b + 1, 64);
	assert_true(memcmp(a, b, sizeof(a)) != 0);
	assert_int_equal(a[0], 0);
	for (int i = 65; i < 70; i++)
		assert_int_equal(a[i], 0);
	rand_bytes(NULL, 0);
	rand_bytes(big, sizeof(big)); /* more than the system gives at once without a signal's leave */
	size_t zeros = 0;
	for (size_t i = sizeof(big) - 10000; i < sizeof(big); i++)
		zeros += big[i] == 0;
	assert_true(zeros < 200); /* 39 expected */
}

static void test_token(void **unused)
{
	char token[202];
	int count[256] = {0};
	memset(token, 'X', sizeof(token));
	rand_token(token, 0);
	assert_memory_equal(token, "\0X", 2);
	for (size_t n = 1; n <= 200; n++) {
		memset(token, 'X', sizeof(token));
		rand_token(token, n);
		assert_int_equal(strlen(token), n);
		assert_int_equal(token[n + 1], 'X');
		for (size_t i = 0; i < n; i++)
			count[(unsigned char)token[i]]++;
	}
	/* 20100 characters, 558 of each expected. */
	for (int c = 0; c < 256; c++) {
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (letter)
			assert_in_range(count[c], 350, 800);
		else
			assert_int_equal(count[c], 0);
	}
}

static void test_seed(void **unused)
{
	char first[41], again[41], other[41];
	uint8_t bytes[13], same[13];
	assert_false(rand_seeded());
	rand_seed(42);
	assert_true(rand_seeded());
	rand_token(first, 40);
	rand_bytes(bytes, sizeof(bytes));
	rand_seed(43);
	rand_token(other, 40);
	rand_seed(42);
	hash_bytes("x", 1); /* takes nothing from the sequence */
	rand_token(again, 40);
	rand_bytes(same, sizeof(same));
	assert_string_equal(first, again);
	assert_memory_equal(bytes, same, sizeof(bytes));
	assert_string_not_equal(first, other);
	rand_token(again, 40);
	assert_string_not_equal(first, again); /* goes on, does not repeat itself */
	rand_seed(0);
	assert_false(rand_seeded());
	rand_token(again, 40);
	assert_string_not_equal(first, again);
}

/* Seeded before its first use, the secret of the maps is the same in each run. */
static void test_hash_under_a_seed(void **unused)
{
	uint64_t key[2] = {0x9e3779b97f4a7c15, 0x9e3779b97f4a7c16};
	assert_true(hash_bytes("abc", 3) == siphash13("abc", 3, key));
}

static int seed(void **unused)
{
	rand_seed(1);
	hash_bytes("", 0);
	rand_seed(0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_hash_under_a_seed),
	};
	return cmocka_run_group_tests(tests, seed, NULL);
}
