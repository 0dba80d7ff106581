#include "user/offline.h"
#include "user/testing.h"

static void message(struct world *w, const char *attrs, const char *payload)
{
	char xml[1000];

	snprintf(xml, sizeof(xml), "<message to='bob@x.test' %s>%s</message>", attrs, payload);
	from_far(w, "romeo@far.test/r", xml);
}

static void test_order_and_stamps(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>one</body><thread>t</thread>");
	w->now += 1500;
	message(w, "id='2'", "<body>two &amp; more</body>");
	message(w, "type='chat' id='3'", "<body>three</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 3);
	world_restart(w);
	b = login(w, "bob", "b");
	expect_nothing(w, b); /* connected is not available */
	say(w, b, "<presence><priority>-1</priority></presence>");
	next(w, b);
	expect_nothing(w, b); /* not to a negative priority */
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 3);
	say(w, b, "<presence/>");
	next(w, b);
	expect(w, b,
		"<message from='romeo@far.test/r' to='bob@x.test' id='1' type='chat'><body>one</body><thread>t</thread>"
		"<delay xmlns='urn:xmpp:delay' from='x.test' stamp='2027-01-15T08:00:01.000Z'/></message>");
	expect(w, b,
		"<message from='romeo@far.test/r' to='bob@x.test' id='2'><body>two &amp; more</body>"
		"<delay xmlns='urn:xmpp:delay' from='x.test' stamp='2027-01-15T08:00:02.500Z'/></message>");
	expect_has(w, b, "id='3'");
	expect_nothing(w, b);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	/* once */
	say(w, b, "<presence/>");
	next(w, b);
	expect_nothing(w, b);
	world_free(w);
}

/* What comes while the stored ones are being read comes after them. */
static void test_new_ones_wait_their_turn(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	w->store_silent = true;
	say(w, b, "<presence/>");
	message(w, "type='chat' id='2'", "<body>2</body>");
	next(w, b);
	expect_nothing(w, b);
	store_wake(w);
	expect_has(w, b, "id='1'");
	expect_has(w, b, "id='2'");
	expect_nothing(w, b);
	world_free(w);
}

/* Also after those that its own resources send it. */
static void test_own_ones_wait_their_turn(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	w->store_silent = true;
	say(w, b, "<presence/>");
	say(w, b, "<message to='bob@x.test' type='chat' id='2'><body>2</body></message>");
	say(w, b, "<message type='chat' id='3'><body>3</body></message>");
	next(w, b);
	expect_nothing(w, b);
	store_wake(w);
	expect_has(w, b, "id='1'");
	expect_has(w, b, "id='2'");
	expect_has(w, b, "id='3'");
	expect_nothing(w, b);
	world_free(w);
}

/* After a crash it would be delivered again: also when it goes to somebody else in the end. */
static void test_not_before_it_is_out_of_the_store(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	c = online(w, "bob", "c", -1);
	say(w, b, "<presence/>");
	expect_has(w, b, "from='bob@x.test/b'");
	expect_has(w, b, "from='bob@x.test/c'");
	expect_has(w, b, "id='1'");
	assert_int_not_equal(last_commit(w, b), 0);
	say(w, c, "<presence/>");
	forget(w, c);
	lose(w, b, 2); /* it, and the presence of c */
	expect_has(w, c, "type='unavailable'");
	expect_has(w, c, "id='1'");
	assert_int_equal(last_commit(w, c), 0); /* committed long ago */
	message(w, "type='chat' id='2'", "<body>2</body>");
	expect_has(w, c, "id='2'");
	assert_int_equal(last_commit(w, c), 0); /* never stored */
	world_free(w);
}

static void test_worth(void **state)
{
	static const struct {
		const char *attrs, *payload;
		enum offline_worth worth;
	} cases[] = {
		{"type='chat'", "<body>x</body>", OFFLINE_KEEP},
		{"", "<body>x</body>", OFFLINE_KEEP},
		{"", "<subject>x</subject>", OFFLINE_KEEP},
		{"", "<x xmlns='jabber:x:conference' jid='r@c'/>", OFFLINE_KEEP},
		{"type='chat'", "<received xmlns='urn:xmpp:receipts' id='1'/>", OFFLINE_KEEP},
		{"type='chat'", "<active xmlns='http://jabber.org/protocol/chatstates'/><body>x</body>", OFFLINE_KEEP},
		{"type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", OFFLINE_FORGET},
		{"type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>",
			OFFLINE_FORGET},
		{"type='chat'",
			"<composing xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>",
			OFFLINE_FORGET},
		{"type='chat'", "", OFFLINE_FORGET},
		{"type='chat'", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>", OFFLINE_BOUNCE},
		{"type='chat'", "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>", OFFLINE_KEEP},
		{"type='chat'", "<body>x</body><no-store xmlns='other'/>", OFFLINE_KEEP},
		{"type='chat'",
			"<store xmlns='urn:xmpp:hints'/><composing xmlns='http://jabber.org/protocol/chatstates'/>",
			OFFLINE_KEEP},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = world_new(NULL);
		char attrs[100];

		have_account(w, "bob");
		snprintf(attrs, sizeof(attrs), "id='m' %s", cases[i].attrs);
		message(w, attrs, cases[i].payload);
		assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), cases[i].worth == OFFLINE_KEEP);
		assert_int_equal(*far_next(w) != '\0', cases[i].worth == OFFLINE_BOUNCE);
		world_free(w);
	}
}

static void test_limit(void **state)
{
	struct users_config config = {.offline_max = 3};
	struct world *w = world_new(&config);
	unsigned b;

	have_account(w, "bob");
	for (int i = 0; i < 3; i++)
		message(w, "type='chat' id='m'", "<body>x</body>");
	assert_string_equal(far_next(w), "");
	message(w, "type='chat' id='late'", "<body>x</body>");
	assert_string_equal(far_next(w),
		"<message from='bob@x.test' to='romeo@far.test/r' id='late' type='error'><error type='cancel'>"
		"<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 3);
	/* also after a restart */
	world_restart_with(w, &config);
	message(w, "type='chat' id='late'", "<body>x</body>");
	assert_non_null(strstr(far_next(w), "type='error'"));
	/* delivered, there is room again */
	b = online(w, "bob", "b", 0);
	lose(w, b, 0);
	message(w, "type='chat' id='m'", "<body>x</body>");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

/* What a room tells who is not in it takes half of the place, and is no error beyond that; what people write has the rest. */
static void test_events_of_rooms(void **state)
{
	static const char event[] = "<message to='bob@x.test' id='e'><event xmlns='" NS_PUBSUB_EVENT
				    "'><items node='urn:xmpp:mucsub:nodes:messages'/></event></message>";
	struct users_config config = {.offline_max = 4};
	struct world *w = world_new(&config);
	unsigned b;

	have_account(w, "bob");
	for (int i = 0; i < 5; i++)
		from_far(w, "tea@far.test", event);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 2);
	from_far(w, "tea@far.test",
		"<message to='bob@x.test' type='headline'><event xmlns='" NS_PUBSUB_EVENT "'/></message>");
	from_far(w, "tea@far.test",
		"<message to='bob@x.test'><event xmlns='" NS_PUBSUB_EVENT
		"'/><no-store xmlns='urn:xmpp:hints'/></message>");
	message(w, "type='chat' id='1'", "<body>1</body>");
	message(w, "type='chat' id='2'", "<body>2</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 4);
	assert_string_equal(far_next(w), "");
	store_state(w, true);
	from_far(w, "tea@far.test", event);
	assert_string_equal(far_next(w), "");
	store_state(w, false);
	b = online(w, "bob", "b", 0);
	from_far(w, "tea@far.test", event);
	expect_has(w, b, "mucsub");
	/* It comes back: not before what it tells is stored, and it is not lost. */
	lose(w, b, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	world_free(w);
}

/* It may tell what the disk has not yet: also when it comes back, and goes to another session. */
static void test_event_that_comes_back(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;

	have_account(w, "bob");
	have_account(w, "carol");
	b = online(w, "bob", "b", 1);
	c = online(w, "bob", "c", 0);
	w->store_silent = true;
	from_far(w, "romeo@far.test/r", "<message to='carol@x.test' type='chat'><body>away</body></message>");
	store_wake(w);
	w->store_silent = true;
	from_far(w, "romeo@far.test/r", "<message to='carol@x.test' type='chat'><body>still away</body></message>");
	from_far(w, "tea@far.test", "<message to='bob@x.test' id='e'><event xmlns='" NS_PUBSUB_EVENT "'/></message>");
	expect_has(w, b, "id='e'");
	forget(w, c);
	lose(w, b, 1);
	expect_has(w, c, "type='unavailable'");
	expect_has(w, c, "id='e'");
	assert_int_not_equal(last_commit(w, c), 0);
	world_free(w);
}

static void test_default_limit_is_a_hundred(void **state)
{
	struct world *w = world_new(NULL);

	have_account(w, "bob");
	for (int i = 0; i < 101; i++)
		message(w, "type='chat' id='m'", "<body>x</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 100);
	assert_non_null(strstr(far_next(w), "<service-unavailable"));
	world_free(w);
}

static void test_store_failing(void **state)
{
	struct world *w = world_new(NULL);

	have_account(w, "bob");
	message(w, "type='chat' id='m'", "<body>x</body>");
	store_state(w, true);
	message(w, "type='chat' id='m'", "<body>x</body>");
	assert_non_null(strstr(far_next(w), "<resource-constraint"));
	store_state(w, false);
	message(w, "type='chat' id='m'", "<body>x</body>");
	assert_string_equal(far_next(w), "");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 2);
	world_free(w);
}

/* The sender is told only when it is on the disk. */
static void test_sender_waits_for_the_commit(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	have_account(w, "bob");
	a = login(w, "alice", "a");
	say(w, a, "<message to='bob@x.test' type='chat'><body>x</body></message>");
	assert_int_equal(w->conn[a].handled, 1);
	assert_int_not_equal(w->conn[a].handled_commit, 0);
	world_free(w);
}

/* A stored delay that claims to be ours is not. */
static void test_forged_delay(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'",
		"<delay xmlns='urn:xmpp:delay' from='x.test' stamp='1999-01-01T00:00:00Z'/><body>x</body>"
		"<delay xmlns='urn:xmpp:delay' from='far.test' stamp='1998-01-01T00:00:00Z'/>");
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect(w, b,
		"<message from='romeo@far.test/r' to='bob@x.test' id='1' type='chat'><body>x</body>"
		"<delay xmlns='urn:xmpp:delay' from='far.test' stamp='1998-01-01T00:00:00Z'/>"
		"<delay xmlns='urn:xmpp:delay' from='x.test' stamp='2027-01-15T08:00:01.000Z'/></message>");
	world_free(w);
}

static void test_session_goes_while_they_are_read(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	w->store_silent = true;
	say(w, b, "<presence/>");
	lose(w, b, 0);
	store_wake(w);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	/* one that came meanwhile gets them */
	b = login(w, "bob", "b");
	w->store_silent = true;
	say(w, b, "<presence/>");
	c = bind_begin(w, "bob", "c");
	pump(w);
	say(w, c, "<presence/>");
	lose(w, b, 0);
	forget(w, c);
	store_wake(w);
	expect_has(w, c, "id='1'");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

/* The priority may have changed while the messages were on their way. */
static void test_priority_changes_while_they_are_read(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	w->store_silent = true;
	say(w, b, "<presence/>");
	say(w, b, "<presence><priority>-1</priority></presence>");
	forget(w, b);
	store_wake(w);
	expect_nothing(w, b);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	say(w, b, "<presence/>");
	next(w, b);
	expect_has(w, b, "id='1'");
	world_free(w);
}

/* Delivered and come back: stored again, not lost, though the account is full. */
static void test_undelivered_ones_are_kept(void **state)
{
	struct users_config config = {.offline_max = 2};
	struct world *w = world_new(&config);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	message(w, "type='chat' id='2'", "<body>2</body>");
	b = online(w, "bob", "b", 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	lose(w, b, 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 2);
	assert_string_equal(far_next(w), "");
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect_has(w, b, "id='1'");
	expect_has(w, b, "id='2'");
	world_free(w);
}

static void test_error_of_the_query(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	w->store_error = -3;
	say(w, b, "<presence/>");
	next(w, b);
	expect_nothing(w, b);
	w->store_error = 0;
	say(w, b, "<presence/>"); /* asks again */
	next(w, b);
	expect_has(w, b, "id='1'");
	world_free(w);
}

static void test_unreadable_row_is_passed_over(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;
	struct store_value bad[5] = {sv("x.test"), sv("bob"), iv(1), iv(1000), sv("<message><oops")};

	have_account(w, "bob");
	test_rows_set(&w->rows, STORE_OFFLINE_ADD, bad, 5, 3);
	message(w, "type='chat' id='1'", "<body>1</body>");
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect_has(w, b, "id='1'");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_stamps),
		cmocka_unit_test(test_new_ones_wait_their_turn),
		cmocka_unit_test(test_own_ones_wait_their_turn),
		cmocka_unit_test(test_not_before_it_is_out_of_the_store),
		cmocka_unit_test(test_worth),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_events_of_rooms),
		cmocka_unit_test(test_event_that_comes_back),
		cmocka_unit_test(test_default_limit_is_a_hundred),
		cmocka_unit_test(test_store_failing),
		cmocka_unit_test(test_sender_waits_for_the_commit),
		cmocka_unit_test(test_forged_delay),
		cmocka_unit_test(test_session_goes_while_they_are_read),
		cmocka_unit_test(test_priority_changes_while_they_are_read),
		cmocka_unit_test(test_undelivered_ones_are_kept),
		cmocka_unit_test(test_error_of_the_query),
		cmocka_unit_test(test_unreadable_row_is_passed_over),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
