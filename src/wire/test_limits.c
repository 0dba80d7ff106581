/* What one address may do before it is logged in, and how long that may take. */
#include "wire/testing.h"

static struct world *w;
static struct client c;

static int setup(void **state)
{
	w = world_new(NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	world_free(w);
	return 0;
}

static void test_login_time_out(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	pass(w, 19999);
	assert_false(c.closed);
	pass(w, 1);
	expect_has(&c, "<stream:stream ");
	expect_has(&c, "<connection-timeout ");
	assert_true(c.closed);
	expect_no_connections(w);
}

/* Being busy does not help: it is the login that has to come. */
static void test_login_time_out_of_the_busy(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	client_auth(&c);
	for (int i = 0; i < 19; i++) {
		pass(w, 1000);
		say(&c, " ");
	}
	assert_false(c.closed);
	pass(w, 1000);
	expect_has(&c, "<connection-timeout ");
	assert_true(c.closed);
	expect_no_msg(w);
}

static void test_a_session_has_no_deadline(void **state)
{
	client_login(&c, w, CAPACITY, 0);
	pass(w, 3600000);
	assert_false(c.closed);
	assert_int_equal(timers_next(loop_timers(w->l)), INT64_MAX);
}

static void fail_once(struct client *client) { auth_plain(client, "alice", "wrong"); }

#define FAILURE "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"

static void test_failed_logins_get_slower(void **state)
{
	static const int wait[] = {0, 0, 0, 500, 1000};

	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	for (size_t i = 0; i < ARRAY_LEN(wait); i++) {
		fail_once(&c);
		if (wait[i]) {
			expect(&c, "");
			pass(w, wait[i] - 1);
			expect(&c, "");
			pass(w, 1);
		}
		if (i < 4)
			expect(&c, FAILURE);
	}
	/* Five on one stream are enough. */
	expect_has(&c, FAILURE);
	expect_has(&c, "<policy-violation ");
	assert_true(c.closed);
}

/* Two connections of one address guess no faster than one. */
static void test_the_wait_is_the_addresss(void **state)
{
	struct client d;

	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	client_open(&d, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	say(&d, HEADER);
	heard(&d);
	for (int i = 0; i < 3; i++)
		fail_once(&c);
	heard(&c);
	fail_once(&c);
	fail_once(&d);
	pass(w, 500);
	expect(&c, FAILURE);
	expect(&d, "");
	pass(w, 999);
	expect(&d, "");
	pass(w, 1);
	expect(&d, FAILURE);
	client_close(&d);
}

/* However many guess at once: when they have gone, somebody who mistypes waits no longer than logins may take. */
static void test_the_wait_does_not_add_up(void **state)
{
	static struct client many[40];

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		client_open(&many[i], w, "192.0.2.7", CAPACITY, 0);
		say(&many[i], HEADER);
		fail_once(&many[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		client_close(&many[i]);
	pass(w, 21000);
	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	fail_once(&c);
	pass(w, 10000);
	expect(&c, FAILURE);
}

/* An unknown name is answered like a wrong password, and as slowly. */
static void test_unknown_names(void **state)
{
	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	auth_plain(&c, "nobody", "secret");
	expect(&c, FAILURE);
}

/* While an answer is held back nothing is read, and nobody turns in circles. */
static void test_muted_costs_nothing(void **state)
{
	unsigned before;

	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	for (int i = 0; i < 3; i++)
		fail_once(&c);
	heard(&c);
	fail_once(&c);
	before = w->turns;
	for (int i = 0; i < 50; i++)
		loop_step(w->l, false);
	assert_false(loop_step(w->l, false)); /* nothing to do */
	assert_int_equal(w->turns, before + 51);
	say(&c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>");
	expect(&c, "");
	pass(w, 500);
	expect_has(&c, FAILURE);
	expect_has(&c, "<success");
}

/* The address is slowed, not the connection; time forgives. */
static void test_an_address_is_remembered(void **state)
{
	struct client d;

	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	for (int i = 0; i < 4; i++)
		fail_once(&c);
	mem_link_cut(c.cable);
	pass(w, 1000);
	expect_no_connections(w);
	client_open(&d, w, "192.0.2.7", CAPACITY, 0);
	say(&d, HEADER);
	heard(&d);
	fail_once(&d);
	expect(&d, "");
	pass(w, 1000);
	expect(&d, FAILURE);
	client_close(&d);
	client_open(&d, w, "192.0.2.8", CAPACITY, 0);
	say(&d, HEADER);
	heard(&d);
	fail_once(&d);
	expect(&d, FAILURE);
	client_close(&d);
	pass(w, 600000);
	client_open(&d, w, "192.0.2.7", CAPACITY, 0);
	say(&d, HEADER);
	heard(&d);
	fail_once(&d);
	expect(&d, FAILURE);
	client_close(&d);
}

static void test_the_delay_has_an_end(void **state)
{
	int64_t begun, longest = 0;

	w->policy.max_tries = 1000;
	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	client_auth(&c);
	mem_link_cut(c.cable);
	settle(w);
	for (int i = 0; i < 12; i++) {
		client_close(&c);
		client_open(&c, w, "192.0.2.7", CAPACITY, 0);
		say(&c, HEADER);
		heard(&c);
		begun = loop_now(w->l);
		fail_once(&c);
		for (int k = 0; k < 30 && c.read == c.in.n; k++)
			pass(w, 500);
		expect(&c, FAILURE);
		if (loop_now(w->l) - begun > longest)
			longest = loop_now(w->l) - begun;
	}
	assert_in_range(longest, 8000, 10000);
}

static unsigned open_many(struct client *clients, unsigned n, const char *address)
{
	unsigned open = 0;

	for (unsigned i = 0; i < n; i++)
		client_open(&clients[i], w, address, 64, 0);
	settle(w);
	for (unsigned i = 0; i < n; i++)
		open += !clients[i].closed;
	return open;
}

static void close_many(struct client *clients, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		client_close(&clients[i]);
	settle(w);
}

static int setup_few(void **state)
{
	struct wire_limits limits = wire_limits_default;

	limits.logins_max_address = 3;
	limits.logins_max = 40;
	w = world_new(&limits, NULL);
	return 0;
}

static void test_half_open_ones(void **state)
{
	static struct client many[64];
	struct client d;

	assert_int_equal(open_many(many, 10, "192.0.2.7"), 3);
	assert_int_equal(wire_stats(w->wire).logins, 3);
	assert_int_equal(wire_stats(w->wire).refused, 7);
	/* Another address is served; one that is logged in does not count. */
	client_open(&d, w, "192.0.2.8", CAPACITY, 0);
	client_auth(&d);
	client_bind(&d);
	assert_int_equal(wire_stats(w->wire).logins, 3);
	client_close(&d);
	close_many(many, 10);
	assert_int_equal(wire_stats(w->wire).logins, 0);
	assert_int_equal(open_many(many, 64, NULL), 30); /* a local address: ten times as many */
	close_many(many, 64);
}

static void test_half_open_ones_from_everywhere(void **state)
{
	static struct client many[60];
	static char address[60][24];
	unsigned open = 0;
	struct client d;

	client_login(&c, w, CAPACITY, 0);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(address[i], sizeof(address[i]), "192.0.2.%u", i);
		open += open_many(&many[i], 1, address[i]);
	}
	/* The first ones have made room for the last ones. */
	assert_int_equal(open, 60);
	assert_int_equal(wire_stats(w->wire).logins, 40);
	for (unsigned i = 0; i < 60; i++)
		assert_true((link_recv(many[i].link, &(char){0}, 1) == ERR_AGAIN) == (i >= 20));
	say(&c, "<message to='b@x.test' id='m1'/>"); /* who is in is served */
	expect_stanza(w, "m1");
	client_open(&d, w, "198.51.100.1", CAPACITY, 0); /* and who has an account comes in */
	client_auth(&d);
	client_bind(&d);
	client_close(&d);
	pass(w, 20000);
	assert_int_equal(wire_stats(w->wire).logins, 0);
	close_many(many, 60);
}

static void test_networks_of_the_sixth_version(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1:2:3:4", "2001:db8:0:0:9:9:9:9", true},
		{"2001:db8::1:2:3:4:5", "2001:db8:0:1::7", true},
		{"2001:db8::1:2:3:4:5", "2001:db8::7", false},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", true},
		{"1::", "1::9", true},
		{"1::", "2::", false},
		{"fe80::1%eth0", "fe80::2%eth0", false},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "192.0.2.1", true},
	};
	static struct client many[6];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(open_many(many, 3, cases[i].a), 3);
		assert_int_equal(open_many(many + 3, 1, cases[i].b), !cases[i].same);
		close_many(many, 4);
	}
	pass(w, 20000);
	expect_no_connections(w);
}

/* ---- registration ---- */

#define REGISTER \
	"<iq type='set' id='r1'><query xmlns='jabber:iq:register'><username>Carol</username><password>pw</password></query></iq>"

static void test_registration(void **state)
{
	struct msg *m;

	w->policy.registration = true;
	client_open(&c, w, "192.0.2.7", CAPACITY, 0);
	say(&c, HEADER);
	expect_has(&c, "<register xmlns='http://jabber.org/features/iq-register'/>");
	heard(&c);
	for (int i = 0; i < 4; i++) {
		say(&c, REGISTER);
		m = expect_msg(w, MSG_REGISTER);
		assert_string_equal(m->reg.account, "carol@x.test");
		assert_true(scram_verify(&m->reg.keys[0], STR("pw")));
		assert_true(scram_verify(&m->reg.keys[1], STR("pw")));
		to_wire(w, MSG_REGISTER_REPLY, m->conn)->reg_reply.error = i ? XERR_CONFLICT : XERR_NONE;
		hand(w);
		if (i == 0)
			expect(&c, "<iq type='result' id='r1'></iq>");
		else if (i < 3)
			expect_has(&c, "<conflict "), heard(&c);
	}
	/* Many from one address are as slow as failed logins. */
	expect(&c, "");
	say(&c, REGISTER);
	expect_no_msg(w);
	pass(w, 500);
	expect_has(&c, "<conflict ");
	expect_msg(w, MSG_REGISTER);
}

static void test_registration_closed(void **state)
{
	client_open(&c, w, NULL, CAPACITY, 0);
	say(&c, HEADER);
	heard(&c);
	say(&c, REGISTER);
	expect_has(&c, "<iq type='error' id='r1'><error type='cancel'><service-unavailable ");
	expect_no_msg(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_FEW(name) cmocka_unit_test_setup_teardown(name, setup_few, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_login_time_out),
		TEST(test_login_time_out_of_the_busy),
		TEST(test_a_session_has_no_deadline),
		TEST(test_failed_logins_get_slower),
		TEST(test_the_wait_is_the_addresss),
		TEST(test_the_wait_does_not_add_up),
		TEST(test_unknown_names),
		TEST(test_muted_costs_nothing),
		TEST(test_an_address_is_remembered),
		TEST(test_the_delay_has_an_end),
		TEST_FEW(test_half_open_ones),
		TEST_FEW(test_half_open_ones_from_everywhere),
		TEST_FEW(test_networks_of_the_sixth_version),
		TEST(test_registration),
		TEST(test_registration_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
