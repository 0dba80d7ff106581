/* Every call to the disk fails in turn, once or until it is healed. Then everything is committed once, and the
 * messages about it are right. See fault_vfs.h for what this proves. */
#include "db/testing_run.h"

/* Of what failed nothing is in the file, as another connection sees it: each batch writes its number. */
static void assert_nothing_new(struct run *u)
{
	sqlite3 *h;
	sqlite3_stmt *st;
	char path[400], number[16] = "", want[16] = "";
	snprintf(path, sizeof(path), "%s", rig_path(&u->rig, DB_FILE));
	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, FAULT_VFS), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT xml FROM vcard WHERE local = 'ann'", -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		snprintf(number, sizeof(number), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(h);
	if (u->committed)
		snprintf(want, sizeof(want), "<v>%d</v>", (int)u->committed);
	assert_string_equal(number, want);
}

/* Heals after three more tries, if the failure lasts. */
static void go_on(struct run *u)
{
	if (!u->plan.lasting)
		assert_nothing_new(u);
	for (unsigned i = 0; u->plan.lasting && i < 3; i++) {
		add_query(&u->rig.in, store_query_new(STORE_ROOM_LOAD, 3, D, STR("tea"), I(1000)));
		step(u);
		assert_true(u->failing);
	}
	fault_vfs_heal();
	step(u);
	assert_false(u->failing);
}

/* One run with the plan. False: the fault was not reached. */
static bool survive(struct run *u)
{
	start(u);
	int r = run_open(u);
	if (r) {
		assert_error(u, r);
		assert_true(u->rig.why.n > 10);
		fault_vfs_heal();
		assert_int_equal(run_open(u), 0);
	}
	while (put_group(u)) {
		step(u);
		if (u->failing)
			go_on(u);
	}
	bool hit = fault_vfs_hit() != 0;
	fault_vfs_heal();
	assert_int_equal(u->committed, BATCHES);
	assert_true(u->failures <= 1);
	assert_int_equal(find_state(u), BATCHES);
	/* It is on the disk, and not only in a cache. */
	u->plan = (struct fault_plan){.ops = FAULT_CHANGES, .nth = 1, .lasting = true};
	fault_vfs_plan(&u->plan);
	db_close(&u->rig.db);
	fault_vfs_power_loss(LOSE_UNSYNCED, 0);
	assert_int_equal(run_open(u), 0);
	assert_whole(u);
	assert_int_equal(find_state(u), BATCHES);
	db_close(&u->rig.db);
	return hit;
}

/* Every call in turn fails. least: so often, at least, somebody has to hear of it. */
static void failures(struct run *u, unsigned stride, unsigned least)
{
	const struct fault_plan plan = u->plan;
	unsigned heard = 0;
	bool hit = true;
	rig_init(&u->rig);
	for (uint64_t n = 1; hit; n += stride_of(stride)) {
		u->plan = plan;
		u->plan.nth = n;
		hit = survive(u);
		heard += u->failures + u->refused;
	}
	assert_true(heard >= least);
	rig_clear(&u->rig);
	fault_vfs_clear();
}

/* A cache of few pages, so that the disk is also needed in the middle of a transaction. */
#define SMALL_CACHE "PRAGMA cache_size=8"

static void test_full_once(void **state)
{
	struct run u = {.plan = {.ops = FAULT_CHANGES, .full = true}, .checkpoint = 12};
	failures(&u, 3, 33);
}

static void test_full_once_with_small_cache(void **state)
{
	struct run u = {.plan = {.ops = FAULT_CHANGES, .full = true}, .checkpoint = 12, .pragma = SMALL_CACHE};
	failures(&u, 13, 10);
}

static void test_full_until_healed(void **state)
{
	struct run u = {.plan = {.ops = FAULT_CHANGES, .full = true, .lasting = true}};
	failures(&u, 9, 22);
}

static void test_io_error_once(void **state)
{
	struct run u = {.plan = {.ops = FAULT_CHANGES}};
	failures(&u, 9, 22);
}

static void test_io_error_until_healed(void **state)
{
	struct run u = {.plan = {.ops = FAULT_CHANGES, .lasting = true}, .checkpoint = 12};
	failures(&u, 7, 21);
}

static void test_failed_sync_forgets(void **state)
{
	struct run u = {.plan = {.ops = FAULT_SYNC, .forgetful = true}, .checkpoint = 12};
	failures(&u, 1, 10);
}

static void test_read_error_once(void **state)
{
	struct run u = {.plan = {.ops = FAULT_READ}, .checkpoint = 12, .pragma = SMALL_CACHE};
	failures(&u, 19, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_once),
		cmocka_unit_test(test_full_once_with_small_cache),
		cmocka_unit_test(test_full_until_healed),
		cmocka_unit_test(test_io_error_once),
		cmocka_unit_test(test_io_error_until_healed),
		cmocka_unit_test(test_failed_sync_forgets),
		cmocka_unit_test(test_read_error_once),
	};
	return cmocka_run_group_tests(tests, compute_expected, NULL);
}
