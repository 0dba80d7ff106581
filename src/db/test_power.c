/* The power goes, or the process dies, at every call in turn. What was reported COMMITTED is there afterwards,
 * and nothing is half there. See fault_vfs.h for what this proves. */
#include "db/testing_run.h"

static bool ends_a_group(unsigned k)
{
	for (size_t g = 0, sum = 0; g <= ARRAY_LEN(groups); g++) {
		if (sum == k)
			return true;
		sum += g < ARRAY_LEN(groups) ? groups[g] : 0;
	}
	return false;
}

/* Runs until the power goes, and opens again. True if something reported COMMITTED is missing. */
static bool lose_power(struct run *u, enum fault_loss loss, uint64_t seed)
{
	int r = run_open(u);
	while (r == 0 && !u->failing && put_group(u))
		step(u);
	db_close(&u->rig.db);
	fault_vfs_power_loss(loss, seed);
	if (seed % 3 == 0) { /* and again while it recovers */
		fault_vfs_plan(&(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1 + seed / 3 % 9, .lasting = true});
		if (run_open(u) == 0)
			db_close(&u->rig.db);
		buf_reset(&u->rig.why);
		fault_vfs_power_loss(loss, seed + 1);
	}
	assert_int_equal(run_open(u), 0);
	assert_whole(u);
	unsigned k = find_state(u);
	assert_true(k <= u->put);
	assert_true(ends_a_group(k));
	return k < u->committed;
}

/* What is left can be worked on. */
static void finish_after_loss(struct run *u)
{
	for (unsigned k = find_state(u) + 1; k <= BATCHES; k++)
		add_batch(&u->rig.in, k, script(k));
	db_put(u->rig.db, &u->rig.in);
	db_step(u->rig.db, &u->rig.out);
	msgs_clear(&u->rig.out);
	assert_int_equal(find_state(u), BATCHES);
	assert_whole(u);
}

/* Every call in turn is the last one before the power goes. Returns how often something was lost. */
static unsigned power_losses(struct run *u, enum fault_loss loss, unsigned stride)
{
	unsigned lost = 0;
	rig_init(&u->rig);
	for (uint64_t n = 1;; n += stride_of(stride)) {
		u->plan = (struct fault_plan){.ops = FAULT_CHANGES, .nth = n, .lasting = true};
		start(u);
		lost += lose_power(u, loss, n);
		bool hit = u->put < BATCHES || u->committed < u->put;
		if (n % 7 == 0 && !u->pragma)
			finish_after_loss(u);
		db_close(&u->rig.db);
		if (!hit) {
			assert_true(n > 100); /* a script that makes no calls proves nothing */
			break;
		}
	}
	rig_clear(&u->rig);
	fault_vfs_clear();
	return lost;
}

static void test_power_loss_drops_all_unsynced(void **state)
{
	struct run u = {.checkpoint = 0};
	assert_int_equal(power_losses(&u, LOSE_UNSYNCED, 11), 0);
}

static void test_power_loss_drops_all_unsynced_with_checkpoints(void **state)
{
	struct run u = {.checkpoint = 12};
	assert_int_equal(power_losses(&u, LOSE_UNSYNCED, 5), 0);
}

static void test_power_loss_keeps_some_sectors(void **state)
{
	struct run u = {.checkpoint = 0};
	assert_int_equal(power_losses(&u, LOSE_SOME, 9), 0);
}

static void test_power_loss_keeps_some_sectors_with_checkpoints(void **state)
{
	struct run u = {.checkpoint = 12};
	assert_int_equal(power_losses(&u, LOSE_SOME, 3), 0);
}

static void test_process_dies(void **state)
{
	struct run u = {.checkpoint = 12};
	assert_int_equal(power_losses(&u, LOSE_NOTHING, 11), 0);
}

/* The disk can bite: without syncs at commit, batches that were reported are gone. */
static void test_the_disk_does_lose_what_is_not_synced(void **state)
{
	struct run u = {.pragma = "PRAGMA synchronous=NORMAL"};
	assert_true(power_losses(&u, LOSE_UNSYNCED, 11) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_loss_drops_all_unsynced),
		cmocka_unit_test(test_power_loss_drops_all_unsynced_with_checkpoints),
		cmocka_unit_test(test_power_loss_keeps_some_sectors),
		cmocka_unit_test(test_power_loss_keeps_some_sectors_with_checkpoints),
		cmocka_unit_test(test_process_dies),
		cmocka_unit_test(test_the_disk_does_lose_what_is_not_synced),
	};
	return cmocka_run_group_tests(tests, compute_expected, NULL);
}
