/* What is acknowledged reaches its recipient, also if this process is killed. */
#include "user/testing.h"
#include "user/transit.h"

static const struct users_config with_archive = {.archive = true, .secret = STR("0123456789abcdef")};
static const struct users_config relay = {.secret = STR("0123456789abcdef")};

/* It counts, and may be resumed (XEP-0198). */
static void count_it(struct world *w, unsigned conn)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_SM_ENABLE;
	m->conn = conn;
	m->session = w->conn[conn].session;
	m->sm_enable.resume = true;
	pump(w);
}

static unsigned counting(struct world *w, const char *local)
{
	unsigned c = online(w, local, local, 0);

	count_it(w, c);
	return c;
}

static unsigned comes_back(struct world *w)
{
	unsigned b = login(w, "bob", "bob");

	count_it(w, b);
	say(w, b, "<presence/>");
	next(w, b); /* its own */
	return b;
}

/* The i-th last that it was sent has arrived. */
static void arrived(struct world *w, unsigned conn, unsigned i)
{
	struct test_conn *t = &w->conn[conn];
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_ACKED;
	m->conn = conn;
	m->session = t->session;
	m->acked.n = 1;
	m->acked.tags = xmalloc(sizeof(uint64_t));
	m->acked.tags[0] = t->packets[t->tail - i]->tag;
	assert_int_not_equal(m->acked.tags[0], 0);
	pump(w);
}

static void send(struct world *w, unsigned from, const char *id)
{
	char xml[120];

	snprintf(xml, sizeof(xml), "<message to='bob@x.test' type='chat' id='%s'><body>x</body></message>", id);
	say(w, from, xml);
}

static struct world *open_world(const struct users_config *config, unsigned *ret_alice, unsigned *ret_bob)
{
	struct world *w = world_new(config);

	have_account(w, "alice");
	have_account(w, "bob");
	*ret_alice = counting(w, "alice");
	*ret_bob = counting(w, "bob");
	return w;
}

static struct test_row *delivered(struct world *w)
{
	struct store_value v[2] = {sv("x.test"), sv("bob")};

	return test_rows_find(&w->rows, STORE_DELIVERED_PUT, v, 2);
}

/* Without an archive its sender hears of it when it has arrived, and nothing is stored. */
static void test_held_until_it_arrives(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);
	uint32_t before = w->conn[a].handled;

	send(w, a, "1");
	expect_has(w, b, "id='1'");
	assert_int_equal(w->conn[a].handled, before);
	arrived(w, b, 1);
	assert_int_equal(w->conn[a].handled, before + 1);
	sleep_ms(w, 2 * TRANSIT_TICK_MS);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	world_free(w);
}

/* Or when it is stored; then it stays there until it has arrived. */
static void test_parked(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);
	uint32_t before = w->conn[a].handled;

	send(w, a, "1");
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_int_equal(w->conn[a].handled, before + 1);
	assert_int_not_equal(w->conn[a].handled_commit, 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 1);
	arrived(w, b, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	world_free(w);
}

/* Killed meanwhile: the next client gets it, as one who was away, and once. */
static void test_killed(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);

	send(w, a, "1");
	sleep_ms(w, TRANSIT_TICK_MS);
	world_restart_with(w, &relay);
	b = comes_back(w);
	expect_has(w, b, "id='1'");
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 1); /* it has not arrived there, either */
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_restart_with(w, &relay);
	b = comes_back(w);
	expect_has(w, b, "<delay xmlns='urn:xmpp:delay' from='x.test' stamp='2027-01-15T08:00:01.500Z'/>");
	arrived(w, b, 1);
	world_restart_with(w, &relay);
	b = comes_back(w);
	assert_string_equal(next(w, b), "");
	world_free(w);
}

/* What a session gives back is stored once, in its one place. */
static void test_given_back(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);

	send(w, a, "1");
	sleep_ms(w, TRANSIT_TICK_MS);
	lose(w, b, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	b = comes_back(w);
	expect_has(w, b, "id='1'");
	assert_string_equal(next(w, b), "");
	world_free(w);
}

/* One session that has it is enough, whoever else may still get it. */
static void test_one_of_two(void **state)
{
	unsigned a, b, other;
	struct world *w = open_world(&relay, &a, &b);

	other = online(w, "bob", "other", 0);
	count_it(w, other);
	send(w, a, "1");
	sleep_ms(w, TRANSIT_TICK_MS);
	arrived(w, other, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	arrived(w, b, 1);
	lose(w, b, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

/* A sender that fills its window is not kept waiting for slow readers; nor by a store that fails. */
static void test_who_cannot_wait(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);
	uint32_t before = w->conn[a].handled;

	for (int i = 0; i < GATE_CREDIT_MAX; i++)
		send(w, a, "m");
	assert_true(test_rows_count(&w->rows, STORE_TRANSIT_ADD) >= GATE_CREDIT_MAX / 2);
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_int_equal(w->conn[a].handled, before + GATE_CREDIT_MAX);
	store_state(w, true);
	send(w, a, "n");
	assert_int_equal(w->conn[a].handled, before + GATE_CREDIT_MAX);
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_int_equal(w->conn[a].handled, before + GATE_CREDIT_MAX + 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), GATE_CREDIT_MAX);
	world_free(w);
}

/* Nothing to keep: chat states, and what is not to be stored. */
static void test_what_is_not_kept(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);
	uint32_t before = w->conn[a].handled;

	say(w, a, "<message to='bob@x.test' type='chat'><composing xmlns='" NS_CHATSTATES "'/></message>");
	say(w, a, "<message to='bob@x.test' type='chat'><body>x</body><no-store xmlns='" NS_HINTS "'/></message>");
	say(w, a, "<message to='bob@x.test' type='headline'><body>x</body></message>");
	assert_int_equal(w->conn[a].handled, before + 3);
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	world_free(w);
}

/* In the archive it is anyway, marked. What has arrived is written down later, for all at once. */
static void test_archived(void **state)
{
	struct store_value key[3] = {sv("x.test"), sv("bob"), iv(INT64_C(1800000001000000))};
	unsigned a, b;
	struct world *w = open_world(&with_archive, &a, &b);

	sleep_ms(w, 1000 - w->now > 0 ? 1000 - w->now : 0);
	send(w, a, "1");
	send(w, a, "2");
	send(w, a, "3");
	assert_int_equal(test_rows_find(&w->rows, STORE_ARCHIVE_ADD, key, 3)->v[7].i, 1);
	key[1] = sv("alice"); /* what was sent is not on its way to anybody */
	assert_int_equal(test_rows_find(&w->rows, STORE_ARCHIVE_ADD, key, 3)->v[7].i, 0);
	arrived(w, b, 3);
	arrived(w, b, 1);
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_int_equal(delivered(w)->v[2].i, 1800000001000002);
	assert_true(str_is(delivered(w)->v[3].s, "[1800000001000001]"));
	arrived(w, b, 2);
	sleep_ms(w, TRANSIT_TICK_MS);
	assert_true(str_is(delivered(w)->v[3].s, "[]"));
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	world_free(w);
}

/* What becomes stored messages is not open any more in the same batch; so is what was known when the last session left. */
static void test_archived_given_back(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&with_archive, &a, &b);

	send(w, a, "1");
	send(w, a, "2");
	arrived(w, b, 2);
	w->store_silent = true;
	lose(w, b, 1);
	for (uint32_t i = 0; i < w->store_waiting.n; i++)
		assert_int_equal(i, 0);
	store_wake(w);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	assert_true(str_is(delivered(w)->v[3].s, "[]"));
	world_free(w);
}

/* An account that goes takes along what waits, and its sender hears of it. */
static void test_account_deleted(void **state)
{
	unsigned a, b;
	struct world *w = open_world(&relay, &a, &b);
	uint32_t before = w->conn[a].handled;

	send(w, a, "1");
	account_delete(account_find(w->users, STR("bob")), NULL);
	pump(w);
	assert_int_equal(w->conn[a].handled, before + 1);
	sleep_ms(w, 2 * TRANSIT_TICK_MS);
	assert_int_equal(test_rows_count(&w->rows, STORE_TRANSIT_ADD), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_until_it_arrives),
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_who_cannot_wait),
		cmocka_unit_test(test_what_is_not_kept),
		cmocka_unit_test(test_archived),
		cmocka_unit_test(test_archived_given_back),
		cmocka_unit_test(test_account_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
