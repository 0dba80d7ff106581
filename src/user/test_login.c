#include "user/resource.h"
#include "user/testing.h"

static unsigned ask(struct world *w, const char *account, enum hash_kind hash)
{
	unsigned conn = new_conn(w);
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_AUTH_ASK;
	m->conn = conn;
	m->auth_ask.account = xstrdup(account);
	m->auth_ask.hash = hash;
	return conn;
}

static unsigned enroll(struct world *w, const char *account)
{
	unsigned conn = new_conn(w);
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_REGISTER;
	m->conn = conn;
	m->reg.account = xstrdup(account);
	m->reg.keys = xcalloc(2, sizeof(struct scram_keys));
	scram_derive(HASH_SHA1, STR("secret"), STR("salt1"), 4096, &m->reg.keys[0]);
	scram_derive(HASH_SHA256, STR("secret"), STR("salt2"), 4096, &m->reg.keys[1]);
	pump(w);
	return conn;
}

static void test_keys(void **state)
{
	struct world *w = world_new(NULL);
	unsigned c1, c2;

	have_account(w, "alice");
	c1 = ask(w, "alice@x.test", HASH_SHA1);
	c2 = ask(w, "alice@x.test", HASH_SHA256);
	pump(w);
	assert_true(w->conn[c1].auth_known && w->conn[c2].auth_known);
	assert_int_equal(w->conn[c1].keys.kind, HASH_SHA1);
	assert_int_equal(w->conn[c2].keys.kind, HASH_SHA256);
	assert_int_equal(w->conn[c2].keys.salt_len, 8);
	assert_int_equal(w->conn[c2].keys.stored[31], 'k');
	assert_int_equal(w->loads, 1); /* both waited for one query */
	world_free(w);
}

static void test_keys_are_not_kept_with_a_session(void **state)
{
	struct world *w = world_new(NULL);
	unsigned c;

	have_account(w, "alice");
	ask(w, "alice@x.test", HASH_SHA1);
	login(w, "alice", "a");
	assert_null(account_find(w->users, STR("alice"))->keys);
	c = ask(w, "alice@x.test", HASH_SHA1);
	pump(w);
	assert_true(w->conn[c].auth_known);
	assert_int_equal(w->conn[c].keys.stored[0], 'k');
	world_free(w);
}

static void test_made_up_keys(void **state)
{
	struct world *w = world_new(NULL);
	struct scram_keys first, other, sha1;
	unsigned c;

	have_account(w, "alice");
	c = ask(w, "nobody@x.test", HASH_SHA256);
	pump(w);
	assert_false(w->conn[c].auth_known);
	first = w->conn[c].keys;
	assert_int_equal(first.kind, HASH_SHA256);
	assert_int_equal(first.iterations, SCRAM_ITERATIONS);
	assert_int_equal(first.salt_len, 16);
	c = ask(w, "nobody2@x.test", HASH_SHA256);
	pump(w);
	other = w->conn[c].keys;
	assert_memory_not_equal(first.salt, other.salt, 16);
	c = ask(w, "nobody@x.test", HASH_SHA1);
	pump(w);
	sha1 = w->conn[c].keys;
	assert_int_equal(sha1.kind, HASH_SHA1);
	assert_memory_not_equal(first.salt, sha1.salt, 16);
	/* the same after a restart: the secret stays */
	world_restart(w);
	c = ask(w, "nobody@x.test", HASH_SHA256);
	pump(w);
	assert_memory_equal(&first, &w->conn[c].keys, sizeof(first));
	/* without a localpart */
	c = ask(w, "x.test", HASH_SHA256);
	pump(w);
	assert_false(w->conn[c].auth_known);
	world_free(w);
}

static void test_made_up_without_a_secret_differ(void **state)
{
	struct users_config config = {0};
	struct world *w = world_new(&config);
	struct scram_keys a, b;

	login_made_up_keys(w->users, STR("n@x.test"), HASH_SHA1, &a);
	world_free(w);
	w = world_new(&config);
	login_made_up_keys(w->users, STR("n@x.test"), HASH_SHA1, &b);
	assert_memory_not_equal(a.salt, b.salt, 16);
	world_free(w);
}

/* A name that does not exist is looked up as often as one that does: no difference in time tells them apart. */
static void test_every_name_costs_one_query(void **state)
{
	static const char *const names[] = {"alice@x.test", "nobody@x.test", "online@x.test"};
	struct world *w = world_new(NULL);

	have_account(w, "alice");
	have_account(w, "online");
	online(w, "online", "r", 0);
	for (int i = 0; i < 4; i++)
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			unsigned before = w->loads;

			ask(w, names[k], HASH_SHA1);
			pump(w);
			assert_int_equal(w->loads, before + 1);
		}
	world_free(w);
}

static void test_store_error(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	w->store_error = -3;
	a = ask(w, "alice@x.test", HASH_SHA1);
	b = bind_begin(w, "alice", "r");
	pump(w);
	assert_false(w->conn[a].auth_known);
	assert_int_equal(w->conn[b].refused, XERR_RESOURCE_CONSTRAINT);
	/* stanzas meanwhile */
	from_far(w, "r@far.test", "<message to='alice@x.test' id='m'><body>x</body></message>");
	assert_non_null(strstr(far_next(w), "<resource-constraint"));
	w->store_error = 0;
	a = ask(w, "alice@x.test", HASH_SHA1);
	pump(w);
	assert_true(w->conn[a].auth_known);
	world_free(w);
}

/* ---- registration ---- */

static void test_register(void **state)
{
	struct world *w = world_new(NULL);
	unsigned c = enroll(w, "new@x.test");
	struct scram_keys expected;

	assert_true(w->conn[c].registered);
	assert_int_equal(w->conn[c].register_error, XERR_NONE);
	world_restart(w);
	c = ask(w, "new@x.test", HASH_SHA256);
	pump(w);
	scram_derive(HASH_SHA256, STR("secret"), STR("salt2"), 4096, &expected);
	assert_true(w->conn[c].auth_known);
	assert_memory_equal(w->conn[c].keys.stored, expected.stored, 32);
	c = enroll(w, "new@x.test");
	assert_int_equal(w->conn[c].register_error, XERR_CONFLICT);
	login(w, "new", "r");
	world_free(w);
}

static void test_register_refused(void **state)
{
	struct users_config config = {.registration_open = false};
	struct world *w = world_new(&config);
	unsigned c = enroll(w, "new@x.test");

	assert_int_equal(w->conn[c].register_error, XERR_NOT_ALLOWED);
	world_free(w);
	w = world_new(NULL);
	store_state(w, true);
	c = enroll(w, "new@x.test");
	assert_int_equal(w->conn[c].register_error, XERR_RESOURCE_CONSTRAINT);
	assert_int_equal(test_rows_count(&w->rows, STORE_ACCOUNT_PUT), 0);
	world_free(w);
}

/* "Done" is said when it is stored. */
static void test_register_waits_for_the_store(void **state)
{
	struct world *w = world_new(NULL);
	unsigned c;

	ask(w, "new@x.test", HASH_SHA1);
	pump(w); /* known not to be there */
	w->store_silent = true;
	c = enroll(w, "new@x.test");
	assert_false(w->conn[c].registered);
	store_wake(w);
	assert_true(w->conn[c].registered);
	world_free(w);
}

static void test_register_twice_at_once(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	w->store_silent = true;
	a = enroll(w, "new@x.test");
	b = enroll(w, "new@x.test");
	store_wake(w);
	assert_int_equal(w->conn[a].register_error, XERR_NONE);
	assert_int_equal(w->conn[b].register_error, XERR_CONFLICT);
	world_free(w);
}

/* ---- binding ---- */

static void test_bind(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b, c;

	have_account(w, "alice");
	a = login(w, "alice", "desk");
	assert_string_equal(w->conn[a].jid, "alice@x.test/desk");
	assert_true(account_find(w->users, STR("alice"))->resources->session.secure);
	b = login(w, "alice", NULL);
	c = login(w, "alice", NULL);
	assert_int_equal(strlen(w->conn[b].jid), strlen("alice@x.test/") + 16);
	assert_string_not_equal(w->conn[b].jid, w->conn[c].jid);
	c = bind_begin(w, "alice", "a\x01");
	pump(w);
	assert_int_equal(w->conn[c].refused, XERR_BAD_REQUEST);
	c = bind_begin(w, "nobody", "r");
	pump(w);
	assert_int_equal(w->conn[c].refused, XERR_NOT_AUTHORIZED);
	world_free(w);
}

static void test_conflict(void **state)
{
	struct world *w = world_new(NULL);
	unsigned friend, old, new;

	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	friend = online(w, "bob", "b", 0);
	old = online(w, "alice", "r", 0);
	new = login(w, "alice", "r");
	assert_true(w->conn[old].closed);
	assert_int_equal(w->conn[old].error, SERR_CONFLICT);
	assert_string_equal(w->conn[new].jid, "alice@x.test/r");
	expect(w, friend, "<presence from='alice@x.test/r' to='bob@x.test/b' type='unavailable'/>");
	/* the new one works, the old one's late stanzas do nothing */
	say(w, new, "<presence/>");
	expect_has(w, friend, "from='alice@x.test/r'");
	assert_int_equal(core_session_count(w->core), 2);
	world_free(w);
}

static void test_too_many_sessions(void **state)
{
	struct users_config config = {.sessions_max = 2};
	struct world *w = world_new(&config);
	unsigned c;

	have_account(w, "alice");
	login(w, "alice", "1");
	login(w, "alice", "2");
	c = bind_begin(w, "alice", "3");
	pump(w);
	assert_int_equal(w->conn[c].refused, XERR_RESOURCE_CONSTRAINT);
	login(w, "alice", "2"); /* in place of the other */
	world_free(w);
}

/* ---- memory ---- */

static void test_eviction(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	have_contact(w, "alice", "b@x.test", SUB_TO, false, false);
	a = login(w, "alice", "a");
	sleep_ms(w, 120000);
	assert_non_null(account_find(w->users, STR("alice"))); /* has a session */
	lose(w, a, 0);
	sleep_ms(w, 59000);
	assert_non_null(account_find(w->users, STR("alice")));
	from_far(w, "r@far.test", "<message to='alice@x.test' type='chat'><body>x</body></message>");
	sleep_ms(w, 59000);
	assert_non_null(account_find(w->users, STR("alice"))); /* was spoken to */
	sleep_ms(w, 120000);
	assert_null(account_find(w->users, STR("alice")));
	/* and is back on demand, with everything */
	a = login(w, "alice", "a");
	assert_int_equal(roster_count(&account_find(w->users, STR("alice"))->roster), 1);
	say(w, a, "<presence/>");
	next(w, a);
	expect_has(w, a, "<body>x</body>");
	world_free(w);
}

static void test_absent_names_leave(void **state)
{
	struct world *w = world_new(NULL);
	char to[100];

	from_far(w, "r@far.test", "<message to='nobody@x.test' id='m'><body>x</body></message>");
	assert_int_equal(w->users->accounts.n, 1);
	sleep_ms(w, 121000); /* it was spoken to in the first minute */
	assert_int_equal(w->users->accounts.n, 0);
	assert_int_equal(w->users->absent, 0);
	/* made-up names do not pile up */
	for (int i = 0; i < ABSENT_MAX + 500; i++) {
		snprintf(to, sizeof(to), "<message to='n%d@x.test' type='headline'><body>x</body></message>", i);
		from_far(w, "r@far.test", to);
	}
	sleep_ms(w, 1);
	assert_true(w->users->accounts.n <= ABSENT_MAX + 1);
	world_free(w);
}

static void test_parked_until_loaded(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "alice");
	w->store_silent = true;
	from_far(w, "r@far.test", "<message to='alice@x.test' type='chat' id='1'><body>x</body></message>");
	from_far(w, "r@far.test", "<iq to='alice@x.test' type='get' id='2'><ping xmlns='urn:xmpp:ping'/></iq>");
	b = bind_begin(w, "alice", "r");
	pump(w);
	assert_string_equal(far_next(w), "");
	assert_null(w->conn[b].jid);
	store_wake(w);
	assert_non_null(w->conn[b].jid);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	assert_non_null(strstr(far_next(w), "id='2' type='result'"));
	world_free(w);
}

static void test_end_in_the_middle(void **state)
{
	struct world *w = world_new(NULL);

	have_account(w, "alice");
	w->store_silent = true;
	ask(w, "alice@x.test", HASH_SHA1);
	bind_begin(w, "bob", "r");
	from_far(w, "r@far.test", "<message to='alice@x.test' type='chat' id='1'><body>x</body></message>");
	world_free(w); /* nothing leaks */
	w = world_new(NULL);
	have_account(w, "alice");
	online(w, "alice", "a", 0);
	world_free(w);
}

/* What an idle session with an empty roster costs beyond the core's share of it. */
static void test_size_of_an_idle_session(void **state)
{
	struct world *w = world_new(NULL);
	int64_t before, each;
	char name[32];
	enum { N = 200 };

	for (int i = 0; i < N + 1; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		have_account(w, name);
	}
	world.conn_count = 0;
	online(w, "user0", "r", 0);
	before = mem_stats().bytes;
	for (int i = 1; i <= 50; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		online(w, name, "r", 0);
	}
	/* the harness keeps texts of its own: count again what leaves with the core */
	each = mem_stats().bytes - before;
	for (unsigned i = 2; i <= 51; i++) {
		struct test_conn *t = &w->conn[i];
		int64_t was = mem_stats().bytes;

		for (unsigned k = 0; k < t->tail; k++)
			xfree(t->got[k]);
		for (unsigned k = 0; k < t->tail; k++)
			packet_unref(&t->packets[k]);
		t->head = t->tail = 0;
		each -= was - mem_stats().bytes;
	}
	each /= 50;
	print_message("idle session with account: %lld bytes, struct session %zu, resource %zu, account %zu\n",
		(long long)each, sizeof(struct session), sizeof(struct resource), sizeof(struct account));
	assert_true(
		each <= 704); /* glibc rounds up what it gives; the sanitizers' allocator does not, and shows 40 less */
	assert_true(sizeof(struct resource) - sizeof(struct session) <= 32);
	assert_true(sizeof(struct account) <= 256);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_are_not_kept_with_a_session),
		cmocka_unit_test(test_made_up_keys),
		cmocka_unit_test(test_made_up_without_a_secret_differ),
		cmocka_unit_test(test_every_name_costs_one_query),
		cmocka_unit_test(test_store_error),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_register_refused),
		cmocka_unit_test(test_register_waits_for_the_store),
		cmocka_unit_test(test_register_twice_at_once),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_too_many_sessions),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_absent_names_leave),
		cmocka_unit_test(test_parked_until_loaded),
		cmocka_unit_test(test_end_in_the_middle),
		cmocka_unit_test(test_size_of_an_idle_session),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
