/* Error names: one for each, and something for any number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "base/err.h"

static void test_names(void **unused)
{
	for (int a = ERR_UNSUPPORTED; a <= 0; a++) {
		assert_non_null(err_name(a));
		assert_true(strlen(err_name(a)) > 0);
		assert_string_not_equal(err_name(a), "unknown error");
		for (int b = ERR_UNSUPPORTED; b < a; b++)
			assert_string_not_equal(err_name(a), err_name(b));
	}
	assert_string_equal(err_name(ERR_LIMIT), "limit reached");
}

static void test_any_number(void **unused)
{
	assert_string_equal(err_name(ERR_UNSUPPORTED - 1), "unknown error");
	assert_string_equal(err_name(INT_MIN), "unknown error");
	assert_string_equal(err_name(7), err_name(0));
	assert_string_equal(err_name(INT_MAX), err_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_any_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
