#include "user/presence.h"
#include "user/testing.h"

/* 4.2 */
static void test_initial_presence(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b, b2, c, d;

	have_account(w, "alice");
	have_account(w, "bob");
	have_account(w, "carol");
	have_account(w, "dave");
	have_friends(w, "alice", "bob");
	have_contact(w, "alice", "carol@x.test", SUB_FROM, false, false); /* carol sees alice */
	have_contact(w, "carol", "alice@x.test", SUB_TO, false, false);
	have_contact(w, "alice", "romeo@far.test", SUB_TO | SUB_FROM, false, false);
	b = online(w, "bob", "b", 0);
	b2 = login(w, "bob", "silent");
	c = online(w, "carol", "c", -5);
	d = online(w, "dave", "d", 0);
	a = login(w, "alice", "a");
	say(w, a, "<presence id='p1'><show>chat</show><x xmlns='a:b'/></presence>");
	expect(w, a,
		"<presence from='alice@x.test/a' to='alice@x.test/a' id='p1'><show>chat</show><x xmlns='a:b'/></presence>");
	expect(w, a, "<presence from='bob@x.test/b' to='alice@x.test/a'><priority>0</priority></presence>");
	expect_nothing(w, a); /* nothing of carol */
	expect(w, b,
		"<presence from='alice@x.test/a' to='bob@x.test/b' id='p1'><show>chat</show><x xmlns='a:b'/></presence>");
	expect(w, c,
		"<presence from='alice@x.test/a' to='carol@x.test/c' id='p1'><show>chat</show><x xmlns='a:b'/></presence>");
	expect_nothing(w, b2);
	expect_nothing(w, d);
	/* who is elsewhere: the presence and, as we cannot look, a probe */
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/a' to='romeo@far.test' id='p1'><show>chat</show>"
		"<x xmlns='a:b'/></presence>");
	assert_string_equal(far_next(w), "<presence from='alice@x.test' to='romeo@far.test' type='probe'/>");
	assert_string_equal(far_next(w), "");
	/* 4.4: an update goes to the same ones, and asks for nothing */
	say(w, a, "<presence><show>dnd</show></presence>");
	expect_has(w, a, "<show>dnd</show>");
	expect_nothing(w, a);
	expect_has(w, b, "<show>dnd</show>");
	expect_has(w, c, "<show>dnd</show>");
	assert_non_null(strstr(far_next(w), "<show>dnd</show>"));
	assert_string_equal(far_next(w), "");
	world_free(w);
}

static void test_own_resources_see_each_other(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	say(w, a, "<presence/>");
	forget(w, a);
	b = login(w, "alice", "b");
	say(w, b, "<presence><show>xa</show></presence>");
	expect_has(w, a, "<presence from='alice@x.test/b' to='alice@x.test/a'>");
	expect_has(w, b, "<presence from='alice@x.test/b' to='alice@x.test/b'>");
	expect(w, b, "<presence from='alice@x.test/a' to='alice@x.test/b'/>");
	expect_nothing(w, b);
	/* 4.5.2 */
	say(w, b, "<presence type='unavailable'><status>bye</status></presence>");
	expect(w, a,
		"<presence from='alice@x.test/b' to='alice@x.test/a' type='unavailable'><status>bye</status></presence>");
	expect(w, b,
		"<presence from='alice@x.test/b' to='alice@x.test/b' type='unavailable'><status>bye</status></presence>");
	/* and again is nothing new */
	say(w, b, "<presence type='unavailable'/>");
	expect_nothing(w, a);
	/* a new presence session */
	say(w, b, "<presence/>");
	expect_has(w, a, "from='alice@x.test/b'");
	expect_has(w, b, "from='alice@x.test/b'");
	expect_has(w, b, "from='alice@x.test/a'");
	world_free(w);
}

static void test_loss_of_the_connection(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	b = online(w, "bob", "b", 0);
	a = online(w, "alice", "a", 0);
	lose(w, a, 0);
	expect(w, b, "<presence from='alice@x.test/a' to='bob@x.test/b' type='unavailable'/>");
	expect_nothing(w, b);
	assert_true(w->conn[a].closed);
	/* a session that was never available says nothing */
	a = login(w, "alice", "a");
	lose(w, a, 0);
	expect_nothing(w, b);
	world_free(w);
}

static void test_priorities(void **state)
{
	static const struct {
		const char *text;
		int value;
	} cases[] = {{"5", 5}, {"-1", -1}, {"127", 127}, {"-128", -128}, {"128", 0}, {"-129", 0}, {"x", 0}, {"", 0},
		{" 7 ", 7}, {"+3", 3}, {"1 2", 0}, {"99999999999999999999", 0}};
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char xml[100];

		snprintf(xml, sizeof(xml), "<presence><priority>%s</priority></presence>", cases[i].text);
		say(w, a, xml);
		assert_int_equal(account_find(w->users, STR("alice"))->resources->priority, cases[i].value);
	}
	world_free(w);
}

static void test_long_presence_is_refused(void **state)
{
	struct world *w = world_new(NULL);
	char *xml = xmalloc(PRESENCE_SIZE_MAX + 100);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	snprintf(xml, PRESENCE_SIZE_MAX + 100, "<presence><status>%0*d</status></presence>", PRESENCE_SIZE_MAX, 0);
	say(w, a, xml);
	expect_has(w, a, "<policy-violation");
	assert_null(account_find(w->users, STR("alice"))->resources->presence);
	xfree(xml);
	world_free(w);
}

/* ---- 4.6 ---- */

static void test_directed(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, c;

	have_account(w, "alice");
	have_account(w, "carol");
	c = online(w, "carol", "c", 0);
	a = login(w, "alice", "a");
	/* rule 3: before the initial presence */
	say(w, a, "<presence to='carol@x.test/c'/>");
	expect(w, c, "<presence from='alice@x.test/a' to='carol@x.test/c'/>");
	say(w, a, "<presence/>");
	expect_nothing(w, c); /* rule 2: no part in broadcasts */
	/* to a room, as 0045 does */
	say(w, a, "<presence to='room@far.test/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/a' to='room@far.test/alice'>"
		"<x xmlns='http://jabber.org/protocol/muc'/></presence>");
	say(w, a, "<presence type='unavailable'><status>gone</status></presence>");
	expect(w, c,
		"<presence from='alice@x.test/a' to='carol@x.test/c' type='unavailable'><status>gone</status></presence>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/a' to='room@far.test/alice' type='unavailable'><status>gone</status></presence>");
	/* once */
	lose(w, a, 0);
	expect_nothing(w, c);
	assert_string_equal(far_next(w), "");
	world_free(w);
}

static void test_directed_of_one_who_was_never_available(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	b = online(w, "bob", "b", 0);
	a = login(w, "alice", "a");
	say(w, a, "<presence to='bob@x.test'/>");
	say(w, a, "<presence to='room@far.test/alice'/>");
	forget(w, b);
	far_next(w);
	lose(w, a, 0);
	/* no broadcast, but those two */
	expect(w, b, "<presence from='alice@x.test/a' to='bob@x.test' type='unavailable'/>");
	expect_nothing(w, b);
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/a' to='room@far.test/alice' type='unavailable'/>");
	world_free(w);
}

static void test_directed_to_a_subscriber_is_not_told_twice(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	b = online(w, "bob", "b", 0);
	a = login(w, "alice", "a");
	say(w, a, "<presence to='bob@x.test/b'/>"); /* rule 3 */
	say(w, a, "<presence/>");
	say(w, a, "<presence to='bob@x.test/b'><show>away</show></presence>"); /* rule 1 */
	forget(w, b);
	lose(w, a, 0);
	expect_has(w, b, "type='unavailable'");
	expect_nothing(w, b);
	world_free(w);
}

static void test_directed_list_forgets(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = online(w, "alice", "a", 0);
	say(w, a, "<presence to='one@far.test/x'/>");
	say(w, a, "<presence to='two@far.test/x'/>");
	say(w, a, "<presence to='two@far.test/x' type='unavailable'/>"); /* it said so itself */
	say(w, a, "<presence to='three@far.test/x'/>");
	from_far(w, "three@far.test/x", "<presence to='alice@x.test/a' type='unavailable'/>"); /* a kick */
	w->far_head = w->far_tail;
	lose(w, a, 0);
	assert_string_equal(far_next(w), "<presence from='alice@x.test/a' to='one@far.test/x' type='unavailable'/>");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

static void test_directed_is_limited(void **state)
{
	struct world *w = world_new(NULL);
	char xml[100];
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	for (int i = 0; i < DIRECTED_MAX; i++) {
		snprintf(xml, sizeof(xml), "<presence to='r%d@far.test/x'/>", i);
		say(w, a, xml);
	}
	expect_nothing(w, a);
	say(w, a, "<presence to='more@far.test/x'/>");
	expect_has(w, a, "<resource-constraint");
	say(w, a, "<presence to='r1@far.test/x'/>"); /* known */
	expect_nothing(w, a);
	world_free(w);
}

/* ---- inbound ---- */

static void test_inbound(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b, c;

	have_account(w, "alice");
	a = online(w, "alice", "a", 0);
	b = online(w, "alice", "b", -1);
	c = login(w, "alice", "connected");
	forget(w, a);
	from_far(w, "r@far.test/x", "<presence to='alice@x.test'><show>away</show></presence>");
	expect(w, a, "<presence from='r@far.test/x' to='alice@x.test'><show>away</show></presence>");
	expect(w, b, "<presence from='r@far.test/x' to='alice@x.test'><show>away</show></presence>");
	expect_nothing(w, c);
	from_far(w, "r@far.test/x", "<presence to='alice@x.test/connected'/>");
	expect(w, c, "<presence from='r@far.test/x' to='alice@x.test/connected'/>");
	expect_nothing(w, a);
	from_far(w, "r@far.test/x", "<presence to='alice@x.test/gone'/>");
	expect_nothing(w, a);
	from_far(w, "r@far.test", "<presence to='alice@x.test' type='error'><error type='cancel'/></presence>");
	expect_has(w, a, "type='error'");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

/* ---- 4.3 ---- */

static void test_probes(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	have_contact(w, "alice", "romeo@far.test", SUB_FROM, false, false);
	/* nobody is there */
	from_far(w, "romeo@far.test", "<presence to='alice@x.test' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test' to='romeo@far.test' id='p' type='unavailable'/>");
	a = login(w, "alice", "a");
	say(w, a, "<presence id='mine'><show>away</show></presence>");
	far_next(w);
	from_far(w, "romeo@far.test", "<presence to='alice@x.test' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/a' to='romeo@far.test' id='mine'><show>away</show></presence>");
	assert_string_equal(far_next(w), "");
	/* full address: only that it is there */
	from_far(w, "romeo@far.test", "<presence to='alice@x.test/a' type='probe' id='p'/>");
	assert_string_equal(far_next(w), "<presence from='alice@x.test/a' to='romeo@far.test'/>");
	from_far(w, "romeo@far.test", "<presence to='alice@x.test/gone' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test/gone' to='romeo@far.test' id='p' type='unavailable'/>");
	/* strangers */
	from_far(w, "eve@far.test/e", "<presence to='alice@x.test' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test' to='eve@far.test' id='p' type='unsubscribed'/>");
	from_far(w, "eve@far.test/e", "<presence to='alice@x.test/a' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test' to='eve@far.test' id='p' type='unsubscribed'/>");
	/* 4.6.6: who was told directly, of the one resource that told */
	say(w, a, "<presence to='eve@far.test/e'/>");
	far_next(w);
	from_far(w, "eve@far.test/e", "<presence to='alice@x.test/a' type='probe' id='p'/>");
	assert_string_equal(far_next(w), "<presence from='alice@x.test/a' to='eve@far.test/e'/>");
	from_far(w, "eve@far.test/e", "<presence to='alice@x.test' type='probe' id='p'/>");
	assert_non_null(strstr(far_next(w), "type='unsubscribed'"));
	/* since when */
	sleep_ms(w, 5000);
	lose(w, a, 0);
	w->far_head = w->far_tail;
	from_far(w, "romeo@far.test", "<presence to='alice@x.test' type='probe' id='p'/>");
	assert_string_equal(far_next(w),
		"<presence from='alice@x.test' to='romeo@far.test' id='p' type='unavailable'>"
		"<delay xmlns='urn:xmpp:delay' stamp='2027-01-15T08:00:06.000Z'/></presence>");
	world_free(w);
}

static void test_probe_of_a_client(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	b = online(w, "bob", "b", 3);
	a = login(w, "alice", "a");
	say(w, a, "<presence to='bob@x.test' type='probe'/>");
	expect(w, a, "<presence from='bob@x.test/b' to='alice@x.test/a'><priority>3</priority></presence>");
	expect_nothing(w, a);
	expect_nothing(w, b);
	say(w, a, "<presence type='probe'/>");
	expect_nothing(w, a);
	assert_int_equal(w->conn[a].handled, 2);
	world_free(w);
}

/* The rosters of two accounts disagree: logging in heals it. */
static void test_disagreement_is_healed(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	have_account(w, "bob");
	have_contact(w, "alice", "bob@x.test", SUB_TO, false, false);
	online(w, "bob", "b", 0);
	a = login(w, "alice", "a");
	say(w, a, "<iq id='g' type='get'><query xmlns='jabber:iq:roster'/></iq>");
	forget(w, a);
	say(w, a, "<presence/>");
	expect_has(w, a, "from='alice@x.test/a'");
	expect(w, a, "<presence from='bob@x.test' to='alice@x.test' type='unsubscribed'/>");
	expect_has(w, a, "<item jid='bob@x.test' subscription='none'/>");
	world_free(w);
}

static void test_pending_request_to_a_remote_contact_is_sent_again(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	have_contact(w, "alice", "romeo@far.test", 0, true, false);
	have_contact(w, "alice", "bob@x.test", 0, true, false);
	a = login(w, "alice", "a");
	say(w, a, "<presence/>");
	assert_string_equal(far_next(w), "<presence from='alice@x.test' to='romeo@far.test' type='subscribe'/>");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

/* One packet for all, and no allocation for each of them. */
static void test_broadcast_costs_nothing_per_recipient(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;
	char name[32];
	uint64_t before, few, many;

	have_account(w, "alice");
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		have_account(w, name);
		have_friends(w, "alice", name);
	}
	a = online(w, "alice", "a", 0);
	online(w, "u0", "r", 0);
	online(w, "u1", "r", 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++) { /* buffers grow first */
			put_stanza(w, a, "<presence><show>away</show></presence>");
			before = mem_stats().allocs;
			core_begin(w->core, w->now, 0);
			core_handle(w->core, &w->in.m[0]);
			core_end(w->core);
			*(round ? &many : &few) = mem_stats().allocs - before;
			msgs_clear(&w->in);
			drain(w, core_out_wire(w->core, 0), wire_take);
		}
		for (int i = 2; round == 0 && i < 50; i++) {
			snprintf(name, sizeof(name), "u%d", i);
			online(w, name, "r", 0);
		}
	}
	assert_int_equal(few, many);
	for (unsigned i = 3; i <= w->conn_count; i++)
		assert_int_equal(pending(w, i), 3);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initial_presence),
		cmocka_unit_test(test_own_resources_see_each_other),
		cmocka_unit_test(test_loss_of_the_connection),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_long_presence_is_refused),
		cmocka_unit_test(test_directed),
		cmocka_unit_test(test_directed_of_one_who_was_never_available),
		cmocka_unit_test(test_directed_to_a_subscriber_is_not_told_twice),
		cmocka_unit_test(test_directed_list_forgets),
		cmocka_unit_test(test_directed_is_limited),
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_probe_of_a_client),
		cmocka_unit_test(test_disagreement_is_healed),
		cmocka_unit_test(test_pending_request_to_a_remote_contact_is_sent_again),
		cmocka_unit_test(test_broadcast_costs_nothing_per_recipient),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
