#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/mem.h"
#include "mdns/cache.h"

static struct cache c;

static int setup(void **state)
{
	cache_init(&c);
	return 0;
}

static int teardown(void **state)
{
	cache_clear(&c);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.bytes, 0);
	return 0;
}

static struct dns_record record(const char *name, uint16_t type, uint32_t ttl, const char *rdata)
{
	struct dns_record r = {.type = type, .ttl = ttl, .rdata = (const uint8_t *)rdata, .n = (uint16_t)strlen(rdata)};

	assert_int_equal(dns_name_parse(&r.name, name), 0);
	return r;
}

static struct cache_entry *put(const char *name, uint32_t ttl, const char *rdata, int64_t now)
{
	struct dns_record r = record(name, DNS_TXT, ttl, rdata);

	return cache_put(&c, 2, 0, &r, now);
}

static void test_life(void **state)
{
	struct cache_entry *e = put("x.local", 120, "a", 0);

	assert_true(c.changed);
	assert_int_equal(e->expires, 120000);
	assert_in_range(e->refresh_at, 96000, 98400);
	cache_refreshed(e, 97000);
	assert_in_range(e->refresh_at, 102000, 104400);
	cache_refreshed(e, 110000);
	assert_in_range(e->refresh_at, 114000, 116400);
	cache_refreshed(e, 115000);
	assert_true(e->refresh_at == INT64_MAX);
	/* Heard again: as new, and no change. */
	c.changed = false;
	assert_ptr_equal(put("X.LOCAL", 120, "a", 100000), e);
	assert_false(c.changed);
	cache_expire(&c, 219999);
	assert_int_equal(c.n, 1);
	cache_expire(&c, 220000);
	assert_int_equal(c.n, 0);
	assert_true(c.changed);
	/* Nobody makes us remember for years. */
	assert_int_equal(put("x.local", UINT32_MAX, "a", 0)->expires, CACHE_TTL_MAX * 1000);
}

static void test_goodbye(void **state)
{
	put("x.local", 4500, "a", 0);
	put("x.local", 0, "b", 10);
	assert_int_equal(c.n, 1);
	put("x.local", 0, "a", 10);
	cache_expire(&c, 1009);
	assert_int_equal(c.n, 1);
	/* Somebody else has it too. */
	put("x.local", 4500, "a", 1009);
	cache_expire(&c, 5000);
	assert_int_equal(c.n, 1);
}

static void test_flush(void **state)
{
	struct dns_record fresh = record("x.local", DNS_TXT, 120, "new");

	put("x.local", 120, "old", 0);
	put("x.local", 120, "with it", 5000);
	put("y.local", 120, "another", 0);
	cache_flush(&c, 2, &fresh, 5500);
	cache_put(&c, 2, 0, &fresh, 5500);
	cache_flush(&c, 4, &fresh, 9000);
	assert_int_equal(c.n, 4);
	cache_expire(&c, 6500);
	assert_int_equal(c.n, 3);
}

static void test_names_in_rdata(void **state)
{
	struct dns_record a = record("_presence._tcp.local", DNS_PTR, 120, "\3Bob");
	struct dns_record b = record("_presence._tcp.local", DNS_PTR, 120, "\3bOB");

	a.n = b.n = 5;
	cache_put(&c, 2, 0, &a, 0);
	cache_put(&c, 2, 0, &b, 0);
	assert_int_equal(c.n, 1);
	cache_put(&c, 4, 0, &b, 0);
	assert_int_equal(c.n, 2);
	cache_drop_link(&c, 2);
	assert_int_equal(c.n, 1);
	cache_forget(&c, &a.name, DNS_TXT);
	assert_int_equal(c.n, 1);
	cache_forget(&c, &a.name, DNS_PTR);
	assert_int_equal(c.n, 0);
}

static void test_limits(void **state)
{
	char name[32], rdata[32];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(rdata, sizeof(rdata), "%u", i);
		put("x.local", 120, rdata, 0);
	}
	assert_int_equal(c.n, CACHE_PER_NAME_MAX);
	for (unsigned i = 0; i < 2 * CACHE_ENTRIES_MAX; i++) {
		snprintf(name, sizeof(name), "x%u.local", i);
		put(name, 120, "a", 0);
	}
	assert_true(c.n <= CACHE_ENTRIES_MAX && c.n > CACHE_ENTRIES_MAX / 4);
	assert_true(c.bytes <= CACHE_BYTES_MAX);
}

static void test_kept(void **state)
{
	struct dns_record a = record("x.local", DNS_TXT, 0, "a");

	assert_non_null(cache_keep(&c, 2, &a, 5));
	cache_expire(&c, INT64_MAX - 1);
	assert_int_equal(c.n, 1);
	cache_remove(&c, 4, &a);
	assert_int_equal(c.n, 1);
	cache_remove(&c, 2, &a);
	assert_int_equal(c.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goodbye, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_in_rdata, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
