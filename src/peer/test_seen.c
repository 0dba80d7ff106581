#include "peer/testing.h"

static int64_t nth(uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "id-%llu", (unsigned long long)n);
	return seen_hash(str_z(text));
}

static void empty(void **state)
{
	struct seen s = {0};

	assert_false(seen_has(&s, nth(1)));
	seen_clear(&s);
	seen_clear(&s);
}

/* It is stored: another build must find what this one wrote. The first eight bytes of SHA-256, as this machine has them. */
static void the_hash_is_for_ever(void **state)
{
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	int64_t want;

	memcpy(&want, abc, sizeof(want));
	assert_int_equal(seen_hash(STR("abc")), want);
	assert_int_not_equal(seen_hash(STR("abd")), want);
	assert_int_not_equal(seen_hash(STR("")), 0);
}

static void once_is_enough(void **state)
{
	struct seen s = {0};

	seen_put(&s, nth(1));
	seen_put(&s, nth(1));
	assert_int_equal(s.n, 1);
	assert_true(seen_has(&s, nth(1)));
	assert_false(seen_has(&s, nth(2)));
	seen_clear(&s);
}

/* The last ten thousand are known, and none before. */
static void forgets_the_oldest(void **state)
{
	enum { MORE = 257 };
	struct seen s = {0};

	for (uint64_t i = 1; i <= SEEN_MAX; i++)
		seen_put(&s, nth(i));
	for (uint64_t i = 1; i <= SEEN_MAX; i++)
		assert_true(seen_has(&s, nth(i)));
	for (uint64_t i = 1; i <= MORE; i++)
		seen_put(&s, nth(SEEN_MAX + i));
	assert_int_equal(s.n, SEEN_MAX);
	for (uint64_t i = 1; i <= SEEN_MAX + MORE; i++)
		assert_int_equal(seen_has(&s, nth(i)), i > MORE);
	seen_clear(&s);
}

/* The oldest share one place at the end of the table and go on at its beginning: taking one out must not hide those that
 * stand behind it. */
static void moved_slots(void **state)
{
	enum { SHARE = 200 };
	struct seen s = {0};
	int64_t at_end = (int64_t)((uint64_t)0x7fffffff << 32);

	for (int64_t i = 1; i <= SHARE; i++)
		seen_put(&s, at_end + i);
	for (uint64_t i = SHARE + 1; i <= SEEN_MAX; i++)
		seen_put(&s, nth(i));
	for (int64_t i = 1; i <= SHARE; i++) {
		seen_put(&s, nth(SEEN_MAX + (uint64_t)i));
		for (int64_t k = 1; k <= SHARE; k++)
			assert_int_equal(seen_has(&s, at_end + k), k > i);
	}
	for (uint64_t i = SHARE + 1; i <= SEEN_MAX + SHARE; i++)
		assert_true(seen_has(&s, nth(i)));
	seen_clear(&s);
}

/* Against the simplest that could be: a list, looked through from one end to the other. Few different hashes, so that they
 * meet in the table and come again. */
struct model {
	int64_t list[SEEN_MAX];
	uint32_t n;
};

static bool model_has(const struct model *m, int64_t hash)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->list[i] == hash)
			return true;
	return false;
}

static void model_put(struct model *m, int64_t hash)
{
	if (model_has(m, hash))
		return;
	if (m->n == SEEN_MAX) {
		memmove(m->list, m->list + 1, (SEEN_MAX - 1) * sizeof(m->list[0]));
		m->n--;
	}
	m->list[m->n++] = hash;
}

static int64_t pick(uint64_t *random, uint64_t range)
{
	uint64_t n;

	*random = *random * 6364136223846793005u + 1442695040888963407u;
	n = (*random >> 33) % range;
	/* The upper half chooses the place: some share one, and the next one is near. */
	return (int64_t)(n % 3000 * 5 << 32 | (n + 1));
}

static void like_a_list(void **state)
{
	static const uint64_t ranges[] = {40, 3000, 12000, 1000000};
	static struct model m;

	for (size_t k = 0; k < ARRAY_LEN(ranges); k++) {
		struct seen s = {0};
		uint64_t random = 17 + k;

		m.n = 0;
		for (int i = 0; i < 13000; i++) {
			int64_t h = pick(&random, ranges[k]);

			seen_put(&s, h);
			model_put(&m, h);
		}
		assert_int_equal(s.n, m.n);
		for (uint32_t i = 0; i < m.n; i++)
			assert_true(seen_has(&s, m.list[i]));
		for (int i = 0; i < 500; i++) {
			int64_t h = pick(&random, ranges[k] * 2);

			assert_int_equal(seen_has(&s, h), model_has(&m, h));
		}
		seen_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(the_hash_is_for_ever),
		cmocka_unit_test(once_is_enough),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(moved_slots),
		cmocka_unit_test(like_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
