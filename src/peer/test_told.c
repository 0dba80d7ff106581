#include "peer/testing.h"

#include "xml/write.h"

static void make_pinned(struct world *w, char who, const char *user)
{
	uint64_t conn = link_from(w, who, user);

	say_message(w, jid_of(who, user), "hello", "hello");
	arrive_all(w, conn);
	cut(w, conn, false);
	look_away(w);
}

static bool has_address(const struct peer *p, const char *text)
{
	for (unsigned i = 0; i < p->address_n; i++)
		if (strcmp(p->addresses[i].text, text) == 0)
			return true;
	return false;
}

/* What `about` signed, brought by whoever is at the other end. */
static void tell(struct world *w, uint64_t conn, char by, char about, uint64_t seq, const char *address)
{
	struct told told = {.seq = seq, .expires = TEST_WALL + 3600 * 1000, .count = 1};
	CLEANUP(buf_clear) struct buf xml = {.max = 65536};
	uint8_t seed[32];

	seed_of(about, seed);
	assert_int_equal(told_addr_parse(str_z(address), &told.addrs[0]), 0);
	buf_fmt(&xml, "<message from='%s' to='%s'>", domain_of(by), domain_of('n'));
	assert_int_equal(told_write(&xml, seed, &told), 0);
	buf_z(&xml, "</message>");
	hear(w, conn, "%s", buf_cstr(&xml));
}

static void ours_are_told(void **state)
{
	static const char *const addresses[] = {"10.0.0.1:5298", "[2001:db8::1]:5298", "127.0.0.1:5298", NULL};
	struct world *w = world_new();
	uint64_t conn;
	const char *text;

	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_listening(&w->peers->host, 5298, &(struct peers_places){.told = addresses});
	core_end(w->core);
	pump(w);
	conn = link_from(w, 'b', "bob");
	assert_int_equal(sent_with(w, conn, "<addresses"), 0); /* strangers learn no more than they know */
	say_message(w, jid_of('b', "bob"), "m", "hi");
	text = expect_sent(w, conn, "<addresses"); /* now he is none */
	assert_non_null(strstr(text, "<a>10.0.0.1:5298</a><a>[2001:db8::1]:5298</a>"));
	conn = link_from(w, 'b', "bob");
	text = expect_sent(w, conn, "<addresses");
	assert_non_null(strstr(text, "<a>10.0.0.1:5298</a><a>[2001:db8::1]:5298</a>"));
	assert_null(strstr(text, "127.0.0.1"));
	world_free(w);
}

static void listen_at(struct world *w, const char *one, const char *other)
{
	const char *const addresses[] = {one, other, NULL};

	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_listening(&w->peers->host, 5298, &(struct peers_places){.told = addresses});
	core_end(w->core);
	pump(w);
}

/* Those who are linked and known hear of a change, once in ten seconds, and then of how it is by then. */
static void ours_change(void **state)
{
	struct world *w = world_new();
	uint64_t bob, carol;
	const char *text;

	listen_at(w, "10.0.0.1:5298", NULL);
	make_pinned(w, 'b', "bob");
	bob = link_from(w, 'b', "bob");
	carol = link_from(w, 'c', "carol");
	expect_sent(w, bob, "<addresses");
	look_away(w);
	listen_at(w, "10.0.0.1:5298", NULL);
	sleep_ms(w, 30000);
	assert_int_equal(sent_with(w, bob, "<addresses"), 0);
	listen_at(w, "10.0.5.1:5298", "10.0.0.1:5298");
	sleep_ms(w, 1);
	text = expect_sent(w, bob, "<addresses");
	assert_non_null(strstr(text, "<a>10.0.5.1:5298</a><a>10.0.0.1:5298</a>"));
	assert_int_equal(sent_with(w, carol, "<addresses"), 0); /* a stranger */
	look_away(w);
	for (int i = 0; i < 20; i++) {
		listen_at(w, i % 2 ? "10.0.6.1:5298" : "10.0.7.1:5298", NULL);
		sleep_ms(w, 100);
	}
	assert_int_equal(sent_with(w, bob, "<addresses"), 0);
	sleep_ms(w, 10000);
	text = expect_sent(w, bob, "<addresses");
	assert_non_null(strstr(text, "<a>10.0.6.1:5298</a>"));
	look_away(w);
	sleep_ms(w, 60000);
	assert_int_equal(sent_with(w, bob, "<addresses"), 0);
	/* None is left, which is nothing to tell; a timer that runs when all ends is nothing either. */
	listen_at(w, NULL, NULL);
	sleep_ms(w, 20000);
	assert_int_equal(sent_with(w, bob, "<addresses"), 0);
	listen_at(w, "10.0.0.1:5298", NULL);
	sleep_ms(w, 1);
	listen_at(w, "10.0.0.2:5298", NULL);
	world_free(w);
}

static void believed(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	make_pinned(w, 'b', "bob");
	conn = link_from(w, 'b', "bob");
	tell(w, conn, 'b', 'b', 5, "10.0.5.5:5298");
	assert_true(has_address(row(w, 'b'), "10.0.5.5:5298"));
	assert_int_equal(w->tail - w->head, got_with(w, "")); /* nothing of it reaches our user */
	assert_int_equal(got_with(w, "addresses"), 0);
	world_restart(w);
	assert_true(has_address(row(w, 'b'), "10.0.5.5:5298"));
	/* The number is known after the restart, too. */
	conn = link_from(w, 'b', "bob");
	tell(w, conn, 'b', 'b', 5, "10.0.6.6:5298");
	assert_false(has_address(row(w, 'b'), "10.0.6.6:5298"));
	tell(w, conn, 'b', 'b', 6, "10.0.6.6:5298");
	assert_true(has_address(row(w, 'b'), "10.0.6.6:5298"));
	world_free(w);
}

/* What the network named first outlives what the network says. */
static void found_before(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, jid_of('b', "bob"), "m", "hi");
	conn = link_from(w, 'b', "bob");
	tell(w, conn, 'b', 'b', 5, "10.0.0.2:5298");
	found_keyed(w, 'b', "bob@bravo", "10.0.0.9");
	assert_true(has_address(row(w, 'b'), "10.0.0.2:5298"));
	world_restart(w);
	assert_true(has_address(row(w, 'b'), "10.0.0.2:5298"));
	world_free(w);
}

/* Told at the beginning of the link, when he was a stranger yet: it counts when our user has answered. */
static void of_a_stranger(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	tell(w, conn, 'b', 'b', 5, "10.0.5.5:5298");
	say_message(w, jid_of('b', "bob"), "m", "hi");
	arrive_all(w, conn);
	world_restart(w);
	assert_true(has_address(row(w, 'b'), "10.0.5.5:5298"));
	world_free(w);
}

/* Who carries it does not matter; who is spoken of must be known, or speak himself. */
static void of_somebody_else(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	make_pinned(w, 'b', "bob");
	make_pinned(w, 'c', "carol");
	conn = link_from(w, 'b', "bob");
	tell(w, conn, 'b', 'c', 5, "10.0.5.5:5298");
	assert_true(has_address(row(w, 'c'), "10.0.5.5:5298"));
	assert_false(has_address(row(w, 'b'), "10.0.5.5:5298"));
	tell(w, conn, 'b', 'z', 5, "10.0.5.5:5298");
	assert_null(row(w, 'z'));
	link_from(w, 'd', "dave");
	tell(w, conn, 'b', 'd', 5, "10.0.5.5:5298");
	assert_false(has_address(row(w, 'd'), "10.0.5.5:5298"));
	world_free(w);
}

/* What waits for somebody goes out as soon as it is told where he is. */
static void a_reason_to_dial(void **state)
{
	struct world *w = world_new();
	uint64_t conn;
	char address[64];

	make_pinned(w, 'b', "bob");
	make_pinned(w, 'c', "carol");
	say_message(w, jid_of('c', "carol"), "m", "hi");
	assert_null(find_msg(w, MSG_DIAL));
	conn = link_from(w, 'b', "bob");
	tell(w, conn, 'b', 'c', 5, "10.0.5.5:5298");
	next_dial(w, address, NULL);
	assert_string_equal(address, "10.0.5.5:5298");
	world_free(w);
}

static void not_believed(void **state)
{
	struct world *w = world_new();
	CLEANUP(buf_clear) struct buf xml = {.max = 65536};
	struct told told = {.seq = 9, .expires = TEST_WALL + 3600 * 1000, .count = 1};
	uint8_t seed[32];
	uint64_t conn;
	char *at;

	make_pinned(w, 'b', "bob");
	conn = link_from(w, 'b', "bob");
	seed_of('b', seed);
	told_addr_parse(STR("10.0.5.5:5298"), &told.addrs[0]);
	buf_fmt(&xml, "<message from='%s' to='%s'>", domain_of('b'), domain_of('n'));
	told_write(&xml, seed, &told);
	buf_z(&xml, "</message>");
	buf_cstr(&xml);
	at = strstr(xml.p, "10.0.5.5");
	at[0] = '2';
	hear(w, conn, "%s", buf_cstr(&xml));
	assert_false(has_address(row(w, 'b'), "20.0.5.5:5298"));
	at[0] = '1';
	sleep_ms(w, 2 * 3600 * 1000); /* too late */
	hear(w, conn, "%s", buf_cstr(&xml));
	assert_false(has_address(row(w, 'b'), "10.0.5.5:5298"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_are_told),
		cmocka_unit_test(ours_change),
		cmocka_unit_test(believed),
		cmocka_unit_test(found_before),
		cmocka_unit_test(of_a_stranger),
		cmocka_unit_test(of_somebody_else),
		cmocka_unit_test(a_reason_to_dial),
		cmocka_unit_test(not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
