/* Time as text (XEP-0082): against the C library, offsets, fractions, hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

static void check_format(int64_t wall, const char *want)
{
	struct buf b;
	buf_init(&b, 24);
	clock_format(&b, wall);
	assert_string_equal(buf_cstr(&b), want);
	buf_clear(&b);
}

static void check_parse(const char *text, int64_t want)
{
	int64_t wall = 4711;
	if (clock_parse(str_z(text), &wall) < 0)
		fail_msg("refused: %s", text);
	if (wall != want)
		fail_msg("%s: %lld, not %lld", text, (long long)wall, (long long)want);
}

static void check_refused(struct str text)
{
	int64_t wall = 4711;
	if (clock_parse(text, &wall) != ERR_SYNTAX)
		fail_msg("accepted: %.*s", STR_FMT(text));
	assert_int_equal(wall, 4711);
}

static void test_clocks(void **unused)
{
	int64_t mono = clock_mono(), wall = clock_wall();
	assert_true(clock_mono() >= mono);
	assert_true(mono >= 0);
	assert_true(wall > 1700000000000); /* November 2023 */
	time_t now = time(NULL);
	assert_true(wall / 1000 >= now - 100 && wall / 1000 <= now + 100);
}

static void test_format(void **unused)
{
	check_format(0, "1970-01-01T00:00:00.000Z");
	check_format(1, "1970-01-01T00:00:00.001Z");
	check_format(-1, "1969-12-31T23:59:59.999Z");
	check_format(1795293775120, "2026-11-21T20:42:55.120Z");
	check_format(951782400000, "2000-02-29T00:00:00.000Z");
	check_format(4107542399999, "2100-02-28T23:59:59.999Z");
	check_format(4107542400000, "2100-03-01T00:00:00.000Z");
	check_format(-62135596800000, "0001-01-01T00:00:00.000Z");
	check_format(253402300799999, "9999-12-31T23:59:59.999Z");
	check_format(-62135596800001, "0001-01-01T00:00:00.000Z"); /* cannot be said: the nearest */
	check_format(INT64_MIN, "0001-01-01T00:00:00.000Z");
	check_format(INT64_MAX, "9999-12-31T23:59:59.999Z");
}

static void test_format_into_a_full_buffer(void **unused)
{
	struct buf b;
	buf_init(&b, 23);
	clock_format(&b, 0);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	buf_clear(&b);
}

static void test_parse(void **unused)
{
	check_parse("1969-07-21T02:56:15Z", -14159025000); /* the examples of XEP-0082 */
	check_parse("1969-07-20T21:56:15-05:00", -14159025000);
	check_parse("1970-01-01T00:00:00Z", 0);
	check_parse("2026-11-21T20:42:55.120Z", 1795293775120);
	check_parse("0001-01-01T00:00:00Z", -62135596800000);
	check_parse("9999-12-31T23:59:59.999Z", 253402300799999);
	check_parse("2000-02-29T00:00:00Z", 951782400000);
	check_parse("2024-12-31T23:59:59Z", 1735689599000);
}

static void test_fractions(void **unused)
{
	check_parse("1970-01-01T00:00:01.5Z", 1500);
	check_parse("1970-01-01T00:00:01.05Z", 1050);
	check_parse("1970-01-01T00:00:01.005Z", 1005);
	check_parse("1970-01-01T00:00:01.000Z", 1000);
	check_parse("1970-01-01T00:00:01.1239Z", 1123); /* dropped, not rounded: never the next second */
	check_parse("1970-01-01T00:00:01.999999999999999999999999999999Z", 1999);
	check_parse("1970-01-01T00:00:01.123456-00:30", 1801123);
	check_parse("1969-12-31T23:59:59.25Z", -750);
	check_refused(STR("1970-01-01T00:00:01.Z"));
	check_refused(STR("1970-01-01T00:00:01,5Z"));
	check_refused(STR("1970-01-01T00:00:01.5"));
	check_refused(STR("1970-01-01T00:00:01.-5Z"));
	check_refused(STR("1970-01-01T00:00:01.5.5Z"));
	check_refused(STR("1970-01-01T00:00:01.5 Z"));
}

static void test_offsets(void **unused)
{
	check_parse("1970-01-01T00:00:00+00:00", 0);
	check_parse("1970-01-01T00:00:00-00:00", 0);
	check_parse("1970-01-01T01:00:00+01:00", 0);
	check_parse("1970-01-01T05:30:00+05:30", 0);
	check_parse("1969-12-31T12:15:00-11:45", 0);
	check_parse("1970-01-01T14:00:00+14:00", 0);
	check_parse("1969-12-31T00:01:00-23:59", 0);
	check_refused(STR("1970-01-01T00:00:00"));
	check_refused(STR("1970-01-01T00:00:00+"));
	check_refused(STR("1970-01-01T00:00:00+1"));
	check_refused(STR("1970-01-01T00:00:00+01"));
	check_refused(STR("1970-01-01T00:00:00+0100"));
	check_refused(STR("1970-01-01T00:00:00+01:0"));
	check_refused(STR("1970-01-01T00:00:00+01:000"));
	check_refused(STR("1970-01-01T00:00:00+24:00"));
	check_refused(STR("1970-01-01T00:00:00+01:60"));
	check_refused(STR("1970-01-01T00:00:00 01:00"));
	check_refused(STR("1970-01-01T00:00:00+-1:00"));
	check_refused(STR("1970-01-01T00:00:00Z+01:00"));
	check_refused(STR("1970-01-01T00:00:00ZZ"));
	check_refused(STR("1970-01-01T00:00:00z"));
	/* Out of the years that can be written. */
	check_refused(STR("0001-01-01T00:00:00+00:01"));
	check_refused(STR("9999-12-31T23:59:59-00:01"));
	check_parse("9999-12-31T23:59:59+00:01", 253402300739000);
}

static void test_refused(void **unused)
{
	static const struct str bad[] = {
		STR_NONE,
		STR(""),
		STR("Z"),
		STR("2026"),
		STR("2026-11-21"),
		STR("2026-11-21T"),
		STR("2026-11-21T20:42Z"),
		STR("20261121T20:42:55"), /* XEP-0091 */
		STR("2026-11-21 20:42:55Z"),
		STR("2026-11-21t20:42:55Z"),
		STR(" 2026-11-21T20:42:55Z"),
		STR("2026-11-21T20:42:55Z "),
		STR("2026-11-21T20:42:55Z\n"),
		STR("2026-11-21T20:42:55Z\0"),
		STR("2026-11-21T20:42:55\0Z"),
		STR("-2026-11-21T20:42:55Z"),
		STR("+2026-11-21T20:42:55Z"),
		STR("12026-11-21T20:42:55Z"),
		STR("026-11-21T20:42:55Z"),
		STR("0000-11-21T20:42:55Z"),
		STR("2026-00-21T20:42:55Z"),
		STR("2026-13-21T20:42:55Z"),
		STR("2026-1-21T20:42:55Z"),
		STR("2026-11-00T20:42:55Z"),
		STR("2026-11-31T20:42:55Z"),
		STR("2026-02-29T20:42:55Z"),
		STR("1900-02-29T20:42:55Z"),
		STR("2000-02-30T20:42:55Z"),
		STR("2026-11-21T24:00:00Z"),
		STR("2026-11-21T20:60:55Z"),
		STR("2026-11-21T20:42:60Z"),
		STR("2026-11-21T-1:42:55Z"),
		STR("2026-11-21T+1:42:55Z"),
		STR("2026-11-21T 1:42:55Z"),
		STR("2026-11-21T0x:42:55Z"),
		STR("2026-11-21T20-42-55Z"),
		STR("2026/11/21T20:42:55Z"),
		STR("\xef\xbc\x92"
		    "026-11-21T20:42:55Z"), /* a full-width digit */
		STR("now"),
		STR("%s%s%s%n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_refused(bad[i]);
}

/* Every beginning of a good text is refused, in memory of exactly its size. */
static void test_cut_short(void **unused)
{
	static const char good[] = "2026-11-21T20:42:55.120+01:00";
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		char *exact = xmemdup(good, n);
		check_refused((struct str){exact, n});
		xfree(exact);
	}
}

/* One byte of a good text changed to any other: accepted only if it can be a time. */
static void test_changed(void **unused)
{
	char text[] = "2026-11-21T20:42:55.120Z";
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char kept = text[i];
		for (int c = 0; c < 256; c++) {
			int64_t wall;
			text[i] = (char)c;
			int r = clock_parse((struct str){text, sizeof(text) - 1}, &wall);
			if (c == kept || (c >= '0' && c <= '9'))
				continue;
			assert_int_equal(r, ERR_SYNTAX);
		}
		text[i] = kept;
	}
}

static void test_a_long_fraction(void **unused)
{
	size_t n = 100000;
	char *text = xmalloc(n);
	memset(text, '9', n);
	memcpy(text, "1970-01-01T00:00:00.", 20);
	check_refused((struct str){text, n});
	text[n - 1] = 'Z';
	int64_t wall;
	assert_int_equal(clock_parse((struct str){text, n}, &wall), 0);
	assert_int_equal(wall, 999);
	xfree(text);
}

static void check_day(int64_t wall)
{
	time_t t = (time_t)(wall / 1000);
	struct tm tm;
	char want[80];
	assert_non_null(gmtime_r(&t, &tm));
	snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall % 1000));
	check_format(wall, want);
	check_parse(want, wall);
}

static void test_against_the_library(void **unused)
{
	for (int64_t day = 0; day < 366 * 401; day++) /* each day of a whole cycle of the calendar */
		check_day(day * 86400000 + day % 86400000);
	rand_seed(9);
	for (int i = 0; i < 20000; i++) {
		uint64_t r;
		rand_bytes(&r, sizeof(r));
		check_day((int64_t)(r % 253402300800000));
	}
	rand_seed(0);
	for (int64_t wall = -62135596800000; wall < 0; wall += 86399999 * 17) { /* before 1970: there and back */
		struct buf b;
		buf_init(&b, 30);
		clock_format(&b, wall);
		check_parse(buf_cstr(&b), wall);
		buf_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_into_a_full_buffer),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_a_long_fraction),
		cmocka_unit_test(test_against_the_library),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
