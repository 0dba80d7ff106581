#include "user/testing.h"

static void command(struct world *w, const char *line)
{
	char *copy = xstrdup(line), *save = NULL;
	struct msg *m = msgs_add(&w->in);
	char **words = xcalloc(16, sizeof(*words));
	uint32_t n = 0;

	for (char *word = strtok_r(copy, " ", &save); word && n < 16; word = strtok_r(NULL, " ", &save))
		words[n++] = xstrdup(word);
	m->kind = MSG_ADMIN_ASK;
	m->conn = 1;
	m->admin_ask.words = words;
	m->admin_ask.n = n;
	xfree(copy);
	pump(w);
}

static void check(struct world *w, const char *line, bool failed, const char *part)
{
	command(w, line);
	assert_non_null(w->reply);
	if (!strstr(w->reply, part))
		fail_msg("\"%s\" is not in \"%s\"", part, w->reply);
	assert_int_equal(w->reply_failed, failed);
	xfree(TAKE(w->reply));
}

static void test_life_of_an_account(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	check(w, "user add Alice@X.test secret", false, "alice@x.test: added");
	check(w, "user add alice@x.test other", true, "there is such an account already");
	a = login(w, "alice", "a");
	check(w, "user passwd alice@x.test better", false, "password changed");
	assert_false(w->conn[a].closed);
	check(w, "user list", false, "alice@x.test\n");
	check(w, "user del alice@x.test", false, "removed");
	assert_true(w->conn[a].closed);
	assert_int_equal(w->conn[a].error, SERR_NOT_AUTHORIZED);
	check(w, "user del alice@x.test", true, "no such account");
	check(w, "user passwd alice@x.test x", true, "no such account");
	assert_int_equal(test_rows_count(&w->rows, STORE_ACCOUNT_PUT), 0);
	world_free(w);
}

static void test_password_is_the_one_given(void **state)
{
	struct world *w = world_new(NULL);
	struct store_value v[2] = {sv("x.test"), sv("alice")};
	struct test_row *row;
	struct scram_keys keys;

	check(w, "user add alice@x.test secret", false, "added");
	check(w, "user passwd alice@x.test better", false, "changed");
	row = test_rows_find(&w->rows, STORE_ACCOUNT_PUT, v, 2);
	assert_int_equal(store_keys_unpack(row->v[3].s, &keys), 0);
	assert_int_equal(keys.kind, HASH_SHA1);
	assert_true(scram_verify(&keys, STR("better")));
	assert_int_equal(store_keys_unpack(row->v[4].s, &keys), 0);
	assert_true(scram_verify(&keys, STR("better")));
	assert_int_equal(row->v[2].i, (int64_t)TEST_WALL * 1000 + 1000); /* when it was made */
	world_free(w);
}

static void test_bad_words(void **state)
{
	struct world *w = world_new(NULL);

	check(w, "user add alice secret", true, "not an address");
	check(w, "user add @x.test secret", true, "not an address");
	check(w, "user add alice@x.test/r secret", true, "not an address");
	check(w, "user add alice@other.test secret", true, "no accounts there");
	check(w, "user add alice@far.test secret", true, "no accounts there"); /* rooms */
	check(w, "user add alice@x.test", true, "usage: user add USER@DOMAIN PASSWORD");
	check(w, "user add alice@x.test \xc2\xad", true, "cannot be used");
	check(w, "user list other.test", true, "no accounts there");
	check(w, "user", true, "unknown command");
	assert_int_equal(test_rows_count(&w->rows, STORE_ACCOUNT_PUT), 0);
	world_free(w);
}

static void test_list(void **state)
{
	struct world *w = world_new(NULL);

	check(w, "user list --json", false, "[]\n");
	have_account(w, "alice");
	have_account(w, "back\\slash");
	login(w, "alice", "a");
	check(w, "user list x.test", false, "alice@x.test\nback\\slash@x.test\n");
	check(w, "user list --json x.test", false,
		"[\n  {\"account\": \"alice@x.test\", \"created\": \"1970-01-21T20:00:00.000Z\", \"sessions\": 1},\n"
		"  {\"account\": \"back\\\\slash@x.test\", \"created\": \"1970-01-21T20:00:00.000Z\", \"sessions\": 0}\n]\n");
	w->store_error = -3;
	check(w, "user list", true, "the store is failing");
	world_free(w);
}

static void test_store_failing(void **state)
{
	struct world *w = world_new(NULL);

	store_state(w, true);
	check(w, "user add alice@x.test secret", true, "the store is failing");
	store_state(w, false);
	w->store_error = -3;
	check(w, "user add alice@x.test secret", true, "not certain to be stored");
	check(w, "user add bob@x.test secret", true, "bob@x.test: the store is failing");
	w->store_error = 0;
	check(w, "user add bob@x.test secret", false, "added");
	world_free(w);
}

/* The answer comes when the store has it. */
static void test_answer_waits_for_the_store(void **state)
{
	struct world *w = world_new(NULL);

	check(w, "user passwd alice@x.test x", true, "no such account"); /* known not to be there */
	w->store_silent = true;
	command(w, "user add alice@x.test secret");
	assert_null(w->reply);
	store_wake(w);
	assert_string_equal(w->reply, "alice@x.test: added");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_of_an_account),
		cmocka_unit_test(test_password_is_the_one_given),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_store_failing),
		cmocka_unit_test(test_answer_waits_for_the_store),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
