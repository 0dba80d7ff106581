#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "room/pace.h"

static unsigned at_once(struct paces *ps, const char *who, uint32_t cost, int64_t now)
{
	unsigned n = 0;

	while (n < 100000 && paces_allow(ps, str_z(who), PACE_OWN, cost, now))
		n++;
	return n;
}

/* One budget for all that one does, and each has his own. */
static void test_budget(void **state)
{
	struct paces ps;

	paces_init(&ps);
	assert_int_equal(at_once(&ps, "a@x", COST_MESSAGE, 1000), PACE_AHEAD / COST_MESSAGE);
	assert_false(paces_allow(&ps, STR("a@x"), PACE_OWN, COST_PRESENCE, 1000));
	assert_true(paces_allow(&ps, STR("a@x"), PACE_ANSWERS, COST_ANSWER, 1000));
	assert_true(paces_allow(&ps, STR("b@x"), PACE_OWN, COST_PRESENCE, 1000));
	assert_int_equal(at_once(&ps, "a@x", COST_MESSAGE, 1000 + COST_MESSAGE - 1), 0);
	assert_int_equal(at_once(&ps, "a@x", COST_MESSAGE, 1000 + COST_MESSAGE), 1);
	/* What is too much counts nothing. */
	assert_int_equal(at_once(&ps, "a@x", COST_MESSAGE, 1000 + 2 * COST_MESSAGE), 1);
	paces_clear(&ps);
}

/* What owes nothing goes; what still does stays, however many others come. */
static void test_forgets(void **state)
{
	char who[32];
	struct paces ps;

	paces_init(&ps);
	assert_int_equal(at_once(&ps, "debtor@x", COST_MESSAGE, 0), PACE_AHEAD / COST_MESSAGE);
	for (int i = 0; i < 100000; i++) {
		snprintf(who, sizeof(who), "u%d@x", i);
		assert_true(paces_allow(&ps, str_z(who), PACE_OWN, COST_MESSAGE, i / 10));
		assert_true(ps.map.n < 2000);
	}
	assert_false(paces_allow(&ps, STR("debtor@x"), PACE_OWN, COST_PRESENCE, 0));
	paces_get(&ps, STR("slow@x"), 0)->silent_until = 60000;
	paces_sweep(&ps, 30000);
	assert_int_equal(ps.map.n, 1);
	assert_non_null(paces_find(&ps, STR("slow@x")));
	paces_sweep(&ps, 60000);
	assert_int_equal(ps.map.n, 0);
	paces_clear(&ps);
}

/* More at the same time than can be remembered: who is not known waits, who is known goes on. */
static void test_full(void **state)
{
	char who[32];
	struct paces ps;

	paces_init(&ps);
	for (int i = 0; i < PACES_MAX; i++) {
		snprintf(who, sizeof(who), "u%d@x", i);
		assert_true(paces_allow(&ps, str_z(who), PACE_OWN, COST_MESSAGE, 0));
	}
	assert_false(paces_allow(&ps, STR("late@x"), PACE_OWN, COST_MESSAGE, 0));
	assert_true(paces_allow(&ps, STR("u7@x"), PACE_OWN, COST_MESSAGE, 0));
	paces_clear(&ps);
}

/* What it costs is known afterwards: the last one may be too long, and then there is a pause. */
static void test_owe(void **state)
{
	struct paces ps;

	paces_init(&ps);
	assert_true(paces_may(&ps, STR("a@x"), PACE_READS, 1000));
	paces_owe(&ps, STR("a@x"), PACE_READS, PACE_AHEAD, 1000);
	assert_true(paces_may(&ps, STR("a@x"), PACE_READS, 1000));
	paces_owe(&ps, STR("a@x"), PACE_READS, 500, 1000);
	assert_false(paces_may(&ps, STR("a@x"), PACE_READS, 1000));
	assert_true(paces_allow(&ps, STR("a@x"), PACE_OWN, COST_MESSAGE, 1000));
	assert_true(paces_may(&ps, STR("b@x"), PACE_READS, 1000));
	assert_true(paces_may(&ps, STR("a@x"), PACE_READS, 1500));
	paces_sweep(&ps, 10000);
	assert_int_equal(ps.map.n, 1);
	paces_clear(&ps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_budget), cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_full), cmocka_unit_test(test_owe)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
