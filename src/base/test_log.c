/* Log: levels, the shape of a line, escaping of hostile values, the limit of a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static char last[4096];
static enum log_level last_level;
static int n_lines;

static void keep(enum log_level level, const char *line)
{
	snprintf(last, sizeof(last), "%s", line);
	last_level = level;
	n_lines++;
	errno = EINTR; /* as a sink that writes may leave it */
}

static int setup(void **unused)
{
	log_set_sink(keep);
	log_set_level(LOG_INFO);
	n_lines = 0;
	last[0] = 0;
	return 0;
}

static int teardown(void **unused)
{
	log_set_sink(NULL);
	log_set_level(LOG_INFO);
	return 0;
}

/* What comes after the time and the level. */
static const char *rest(void)
{
	const char *p = strchr(last, ' ');
	p = p ? strchr(p + 1, ' ') : NULL;
	return p ? p + 1 : "";
}

static void test_shape(void **unused)
{
	int64_t before = clock_wall(), at = 0;
	log_info("conn_open", "id=%d addr=%s", 7, "::1");
	assert_int_equal(n_lines, 1);
	assert_int_equal(last_level, LOG_INFO);
	assert_string_equal(last + 24, " info conn_open id=7 addr=::1");
	assert_int_equal(clock_parse((struct str){last, 24}, &at), 0);
	assert_true(at >= before && at <= clock_wall());
	log_warn("odd", "%s", "");
	assert_string_equal(last + 24, " warn odd");
	log_error("bad", "a=%d", 1);
	assert_string_equal(last + 24, " error bad a=1");
	log_set_level(LOG_DEBUG);
	log_debug("fine", "a=%d", 1);
	assert_string_equal(last + 24, " debug fine a=1");
}

static int asked;

static int ask(void) { return ++asked; }

static void test_levels(void **unused)
{
	assert_true(log_on(LOG_ERROR) && log_on(LOG_INFO) && !log_on(LOG_DEBUG));
	log_debug("x", "a=%d", ask());
	assert_int_equal(n_lines, 0);
	assert_int_equal(asked, 0); /* what is not written is not worked out */
	log_set_level(LOG_ERROR);
	log_info("x", "a=%d", 1);
	log_warn("x", "a=%d", 1);
	assert_int_equal(n_lines, 0);
	log_error("x", "a=%d", 1);
	assert_int_equal(n_lines, 1);
}

static void check_value(struct str value, const char *want)
{
	char line[200];
	snprintf(line, sizeof(line), "e v=%s!", want);
	log_info("e", "v=%.*s!", STR_FMT(value));
	assert_string_equal(rest(), line);
}

static void test_escapes(void **unused)
{
	check_value(STR("plain text = 'x' \"y\" \\"), "plain text = 'x' \"y\" \\");
	check_value(STR("a\nb\r\nc\td"), "a\\x0ab\\x0d\\x0ac\\x09d");
	check_value(STR("\x01\x1f\x7f\x1b[31m"), "\\x01\\x1f\\x7f\\x1b[31m");
	check_value(STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	check_value(STR("\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");
	check_value(STR("\xc0\x80\xed\xa0\x80"), "\\xc0\\x80\\xed\\xa0\\x80");
	check_value(STR("\xc2\x85\xc2\x9b"
			"1m\xc2\xa0"),
		"\\xc2\\x85\\xc2\\x9b"
		"1m\xc2\xa0");                                                          /* C1: next line, CSI */
	check_value(STR("\xe2\x80\xa8\xe2\x80\xa9"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"); /* line separators */
	check_value(STR("\xe2\x80\xae\xe2\x81\xa6"), "\\xe2\\x80\\xae\\xe2\\x81\\xa6"); /* right to left */
	check_value(STR("\xe2\x80\x8f\xd8\x9c"), "\\xe2\\x80\\x8f\\xd8\\x9c");          /* marks of direction */
	check_value(STR("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\x9f"), "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\x9f");
	check_value(STR_NONE, "");
}

static void test_every_byte(void **unused)
{
	for (int c = 1; c < 256; c++) {
		log_info("e", "v=%c", c);
		for (const char *p = last; *p; p++)
			assert_true(*p >= ' ' && *p < 0x7f);
		assert_true(str_utf8(str_z(last)));
	}
}

static void test_limit(void **unused)
{
	static char big[10000];
	memset(big, 'a', sizeof(big) - 1);
	log_info("e", "%s", big);
	size_t whole = strlen(last);
	assert_true(whole < 2048 && whole > 2000);
	assert_string_equal(last + whole - 4, "a...");
	/* Escapes make it longer; never cut within one. */
	for (int n = 400; n < 700; n++) {
		log_info("e", "%.*s\n%.*s", n % 4, big, n, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
		assert_true(strlen(last) < 2048);
	}
	memset(big, '\n', sizeof(big) - 1);
	for (int shift = 0; shift < 5; shift++) {
		log_info("e", "%.*s%s", shift, "....", big);
		size_t n = strlen(last);
		assert_true(n < 2048 && n > 2000);
		assert_string_equal(last + n - 7, "\\x0a...");
	}
	for (size_t i = 0; i + 3 < sizeof(big); i += 3)
		memcpy(big + i, "\xe2\x82\xac", 3);
	for (int shift = 0; shift < 5; shift++) {
		log_info("e", "%.*s%s", shift, "xxxx", big);
		assert_true(strlen(last) < 2048);
		assert_true(str_utf8(str_z(last)));
	}
	log_info(big, "%s", "x");
	assert_true(strlen(last) < 2048);
}

/* A line that fits exactly is not marked as cut. */
static void test_around_the_limit(void **unused)
{
	char text[2100];
	size_t longest = 0;
	memset(text, 'a', sizeof(text));
	for (int n = 1990; n < 2100; n++) {
		log_info("e", "%.*s", n, text);
		size_t len = strlen(last);
		assert_true(len < 2048);
		longest = len > longest ? len : longest;
		size_t shown = strspn(last + strlen("2026-11-21T20:42:55.120Z info e "), "a");
		assert_true(shown <= (size_t)n);
		assert_string_equal(last + 32 + shown, shown < (size_t)n ? "..." : "");
		assert_int_equal(shown<(size_t)n, n> 2011);
	}
	assert_true(longest >= 2040);
}

static void test_no_allocation_and_errno(void **unused)
{
	uint64_t before = mem_stats().allocs;
	errno = ENOENT;
	log_info("e", "why=%m n=%d", 1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(rest(), "e why=No such file or directory n=1");
	assert_int_equal(mem_stats().allocs, before);
}

static void test_standard_error(void **unused)
{
	int ends[2], saved = dup(STDERR_FILENO);
	char got[4096];
	static char big[5000];
	memset(big, '\n', sizeof(big) - 1);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_set_sink(NULL);
	log_info("one", "a=%s", "x\ny");
	ssize_t n = read(ends[0], got, sizeof(got) - 1);
	log_info("two", "%s", big);
	ssize_t m = read(ends[0], got + n, sizeof(got) - (size_t)n);
	dup2(saved, STDERR_FILENO);
	log_info("closed", "%s", ""); /* to the real one: harmless */
	close(saved);
	close(ends[0]);
	close(ends[1]);
	const char *want = " info one a=x\\x0ay\n";
	assert_int_equal(n, 24 + strlen(want));
	assert_memory_equal(got + 24, want, strlen(want));
	assert_true(m > 2000 && m <= 2048);
	assert_memory_equal(got + n + m - 4, "...\n", 4);
	assert_ptr_equal(memchr(got + n, '\n', (size_t)m), got + n + m - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_around_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_allocation_and_errno, setup, teardown),
		cmocka_unit_test_setup_teardown(test_standard_error, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
