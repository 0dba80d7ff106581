/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
/* clang-format on */

#include "room/maker.h"

static const int64_t day = 24 * 60 * 60 * 1000;

static struct jid who(const char *text) { return jid_view(str_z(text)); }

static void test_each_has_a_number_a_day(void **state)
{
	struct makers ms;

	makers_init(&ms, 3);
	for (int i = 0; i < 3; i++)
		assert_true(makers_count(&ms, who("alice@x.test/desk"), 1000 + i));
	/* Another device is the same account, another account is not. */
	assert_false(makers_count(&ms, who("alice@x.test/phone"), 2000));
	assert_true(makers_count(&ms, who("bob@x.test/desk"), 2000));
	assert_false(makers_count(&ms, who("alice@x.test"), 999 + day));
	assert_true(makers_count(&ms, who("alice@x.test"), 1000 + day));
	makers_clear(&ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_has_a_number_a_day)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
