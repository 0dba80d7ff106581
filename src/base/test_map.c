/* Map: the contract, collisions and removal in the middle of a run, memory when small; SipHash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct item {
	char name[12];
	int seen;
};

static struct str item_key(const void *p) { return str_z(((const struct item *)p)->name); }

enum { MANY = 3000 };
static struct item items[MANY];

static int setup(void **unused)
{
	for (int i = 0; i < MANY; i++) {
		snprintf(items[i].name, sizeof(items[i].name), "item%d", i);
		items[i].seen = 0;
	}
	return 0;
}

static void test_empty(void **unused)
{
	struct map m;
	uint32_t pos = 0;
	map_init(&m, item_key, 10);
	assert_null(m.slots);
	assert_null(map_find(&m, STR("x")));
	assert_null(map_find(&m, STR_NONE));
	assert_null(map_remove(&m, STR("x")));
	assert_null(map_next(&m, &pos));
	map_clear(&m);
}

static void test_add_find_remove(void **unused)
{
	struct map m;
	struct item other = {"item1", 0}, empty = {"", 0};
	map_init(&m, item_key, 10);
	assert_int_equal(map_add(&m, &items[1]), 0);
	assert_int_equal(map_add(&m, &items[2]), 0);
	assert_int_equal(map_add(&m, &empty), 0);
	assert_int_equal(map_add(&m, &other), ERR_EXISTS);
	assert_int_equal(map_add(&m, &items[1]), ERR_EXISTS);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.cap, 4);
	assert_ptr_equal(map_find(&m, STR("item1")), &items[1]);
	assert_ptr_equal(map_find(&m, STR("item2")), &items[2]);
	assert_ptr_equal(map_find(&m, STR("")), &empty);
	assert_ptr_equal(map_find(&m, STR_NONE), &empty);
	assert_null(map_find(&m, STR("item")));
	assert_null(map_find(&m, STR("item11")));
	assert_null(map_find(&m, STR("item1\0")));
	assert_ptr_equal(map_remove(&m, STR("item1")), &items[1]);
	assert_null(map_remove(&m, STR("item1")));
	assert_null(map_find(&m, STR("item1")));
	assert_int_equal(map_add(&m, &other), 0);
	assert_ptr_equal(map_find(&m, STR("item1")), &other);
	map_clear(&m);
	assert_null(m.slots);
	assert_null(map_find(&m, STR("item2")));
	assert_int_equal(map_add(&m, &items[2]), 0); /* usable again */
	map_clear(&m);
}

static void test_limit(void **unused)
{
	struct map m;
	map_init(&m, item_key, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(map_add(&m, &items[i]), 0);
	assert_int_equal(map_add(&m, &items[7]), ERR_LIMIT);
	assert_int_equal(map_add(&m, &items[3]), ERR_EXISTS);
	assert_null(map_find(&m, STR("item7")));
	map_remove(&m, STR("item0"));
	assert_int_equal(map_add(&m, &items[7]), 0);
	map_clear(&m);
	map_init(&m, item_key, 0);
	assert_int_equal(map_add(&m, &items[0]), ERR_LIMIT);
	assert_null(m.slots);
}

static void test_memory(void **unused)
{
	struct map m;
	int64_t before = mem_stats().bytes;
	map_init(&m, item_key, UINT32_MAX); /* a limit is not a reservation */
	assert_int_equal(mem_stats().bytes, before);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(map_add(&m, &items[i]), 0);
		assert_true(m.n < m.cap); /* or a search would not end */
		assert_true(m.cap <= 8 || m.cap <= m.n * 3);
	}
	for (int i = 0; i < MANY; i++) {
		assert_ptr_equal(map_remove(&m, item_key(&items[i])), &items[i]);
		assert_true(m.cap <= 8 || m.cap < m.n * 16);
		assert_true(m.n < m.cap || m.n == 0);
	}
	assert_null(m.slots);
	assert_int_equal(m.cap, 0);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_no_thrashing(void **unused)
{
	struct map m;
	map_init(&m, item_key, MANY);
	for (int i = 0; i < 1000; i++)
		map_add(&m, &items[i]);
	while (m.cap > 64)
		map_remove(&m, item_key(&items[m.n - 1]));
	uint32_t n = m.n;
	uint64_t before = mem_stats().allocs;
	for (int i = 0; i < 100; i++) { /* to and fro over the edge where it shrank */
		assert_int_equal(map_add(&m, &items[n]), 0);
		assert_ptr_equal(map_remove(&m, item_key(&items[n])), &items[n]);
	}
	assert_int_equal(mem_stats().allocs, before);
	map_clear(&m);
}

static void test_iteration(void **unused)
{
	struct map m;
	uint32_t pos = 0, n = 0;
	map_init(&m, item_key, MANY);
	for (int i = 0; i < 1000; i++)
		map_add(&m, &items[i]);
	for (struct item *it; (it = map_next(&m, &pos)); n++)
		it->seen++;
	assert_int_equal(n, 1000);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(items[i].seen, i < 1000);
	assert_null(map_next(&m, &pos));
	map_clear(&m);
}

/* A map of eight whose items all want the same slot, or neighbours of it: runs that wrap around. */
static void test_collisions(void **unused)
{
	struct item *same[6];
	for (uint32_t home = 0; home < 8; home++) {
		int found = 0;
		for (int i = 0; i < MANY && found < 6; i++) {
			struct str key = item_key(&items[i]);
			uint32_t want = found < 4 ? home : (home + 1) % 8;
			if ((hash_bytes(key.p, key.n) & 7) == want)
				same[found++] = &items[i];
		}
		assert_int_equal(found, 6);
		for (int gone = 0; gone < 6; gone++) {
			struct map m;
			map_init(&m, item_key, 6);
			for (int i = 0; i < 6; i++)
				assert_int_equal(map_add(&m, same[i]), 0);
			assert_int_equal(m.cap, 8);
			for (int i = 0; i < 6; i++) {
				int out = (gone + i) % 6;
				assert_ptr_equal(map_remove(&m, item_key(same[out])), same[out]);
				for (int j = 0; j < 6; j++) {
					bool stays = (j - gone + 6) % 6 > i;
					assert_ptr_equal(map_find(&m, item_key(same[j])), stays ? same[j] : NULL);
				}
			}
		}
	}
}

static void check_against(const struct map *m, const bool *in, uint32_t n)
{
	assert_int_equal(m->n, n);
	for (int i = 0; i < MANY; i++)
		if (map_find(m, item_key(&items[i])) != (in[i] ? &items[i] : NULL))
			fail_msg("item %d", i);
}

static void test_against_a_model(void **unused)
{
	static bool in[MANY];
	struct map m;
	uint32_t n = 0;
	rand_seed(7);
	map_init(&m, item_key, MANY);
	for (int step = 0; step < 60000; step++) {
		uint32_t r;
		rand_bytes(&r, sizeof(r));
		/* Phases of growing and of shrinking. */
		int i = (int)((r >> 8) % MANY);
		bool add = (r & 0xff) < (step / 10000 % 2 ? 60 : 200);
		struct str key = item_key(&items[i]);
		if (add) {
			assert_int_equal(map_add(&m, &items[i]), in[i] ? ERR_EXISTS : 0);
			n += !in[i];
		} else {
			assert_ptr_equal(map_remove(&m, key), in[i] ? &items[i] : NULL);
			n -= in[i];
		}
		in[i] = add;
		if (step % 5000 == 0)
			check_against(&m, in, n);
	}
	check_against(&m, in, n);
	map_clear(&m);
	rand_seed(0);
}

/* Key 00 01 .. 0f, text 00 01 .. n-1. Checked against the Linux kernel's and CPython's. */
static void test_siphash(void **unused)
{
	static const uint64_t want[] = {
		0xabac0158050fc4dc,
		0xc9f49bf37d57ca93,
		0x82cb9b024dc7d44d,
		0x8bf80ab8e7ddf7fb,
		0xcf75576088d38328,
		0xdef9d52f49533b67,
		0xc50d2b50c59f22a7,
		0xd3927d989bb11140,
		0x369095118d299a8e,
		0x25a48eb36c063de4,
		0x79de85ee92ff097f,
		0x70c118c1f94dc352,
		0x78a384b157b4d9a2,
		0x306f760c1229ffa7,
		0x605aa111c0f95d34,
		0xd320d86d2a519956,
		0xcc4fdd1a7d908b66,
		0x9cf2689063dbd80c,
	};
	const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	unsigned char text[ARRAY_LEN(want) + 1];
	for (size_t n = 0; n < ARRAY_LEN(want); n++) {
		for (size_t i = 0; i < n; i++)
			text[1 + i] = (unsigned char)i;
		assert_true(siphash13(text + 1, n, key) == want[n]); /* unaligned */
	}
	assert_true(siphash13(NULL, 0, key) == want[0]);
}

static void test_hash_is_keyed(void **unused)
{
	const uint64_t zero[2] = {0, 0};
	assert_true(hash_bytes("abc", 3) == hash_bytes("abc", 3));
	assert_true(hash_bytes("abc", 3) != hash_bytes("abd", 3));
	assert_true(hash_bytes("abc", 3) != siphash13("abc", 3, zero));
	/* A seed that comes later does not change hashes that are in use. */
	uint64_t before = hash_bytes("abc", 3);
	rand_seed(5);
	assert_true(hash_bytes("abc", 3) == before);
	rand_seed(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add_find_remove),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_no_thrashing),
		cmocka_unit_test(test_iteration),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_against_a_model),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_hash_is_keyed),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
