/* Several responders on one wire in memory: finding, changing, leaving, crashing, clashing, losing packets. */
#include "mdns/test_segment.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct segment s;

static int setup(void **state)
{
	segment_init(&s, 1);
	return 0;
}

static int teardown(void **state)
{
	segment_clear(&s);
	return 0;
}

static const struct responder_config plain;

static void start_pair(void)
{
	node_publish(node_start(&s, 1, NULL, plain), "alice@alpha", 5298, "avail");
	node_publish(node_start(&s, 2, NULL, plain), "bob b.\xc3\xb6 #2", 5299, "away");
	segment_run(&s, 5 * SECOND);
}

static void test_find(void **state)
{
	start_pair();
	const struct service *bob = peer(&s.nodes[1], "bob b.\xc3\xb6 #2");
	assert_int_equal(bob->port, 5299);
	assert_string_equal(bob->host, "host2.local");
	assert_string_equal(bob->interface, "eth0");
	assert_int_equal(bob->address_count, 2);
	assert_string_equal(bob->addresses[0], "10.0.0.2");
	assert_string_equal(bob->addresses[1], "fe80::2%eth0");
	assert_true(str_is(service_txt(bob, "STATUS"), "away"));
	assert_true(sees(&s.nodes[2], "alice@alpha"));
	assert_string_equal(s.nodes[1].named, "alice@alpha");
	assert_false(s.nodes[1].renamed);
	assert_false(sees(&s.nodes[1], "alice@alpha"));
	assert_int_equal(s.nodes[1].gone + s.nodes[2].gone, 0);
	/* Nothing is told twice. */
	assert_int_equal(s.nodes[1].found, 1);
}

static void test_change(void **state)
{
	start_pair();
	node_publish(&s.nodes[1], "alice@alpha", 5298, "dnd");
	segment_run(&s, 200);
	assert_true(str_is(service_txt(peer(&s.nodes[2], "alice@alpha"), "status"), "dnd"));
	/* The old TXT dies a second later: no change. */
	unsigned found = s.nodes[2].found;
	segment_run(&s, 5 * SECOND);
	assert_int_equal(s.nodes[2].found, found);
	assert_int_equal(s.nodes[2].gone, 0);
}

static void test_goodbye(void **state)
{
	start_pair();
	responder_goodbye(s.nodes[1].responder);
	segment_run(&s, 1200);
	assert_false(sees(&s.nodes[2], "alice@alpha"));
}

static void test_crash_ends_by_itself(void **state)
{
	start_pair();
	node_crash(&s.nodes[1]);
	segment_run(&s, MINUTE);
	assert_true(sees(&s.nodes[2], "alice@alpha"));
	segment_run(&s, MINUTE + 10 * SECOND);
	assert_false(sees(&s.nodes[2], "alice@alpha"));
}

static void test_back_after_a_crash(void **state)
{
	start_pair();
	node_crash(&s.nodes[1]);
	segment_run(&s, 10 * SECOND);
	node_publish(node_start(&s, 1, NULL, (struct responder_config){.after_crash = true}), "alice@alpha", 5310,
		"avail");
	segment_run(&s, 3 * SECOND);
	assert_int_equal(s.nodes[2].gone, 1);
	assert_int_equal(peer(&s.nodes[2], "alice@alpha")->port, 5310);
	assert_string_equal(s.nodes[1].named, "alice@alpha");
}

/* For two hours both stay known, and the wire stays quiet. */
static void test_long_life(void **state)
{
	start_pair();
	unsigned before = s.packets;
	segment_run(&s, 120 * MINUTE);
	assert_int_equal(s.nodes[1].gone + s.nodes[2].gone, 0);
	assert_true(sees(&s.nodes[1], "bob b.\xc3\xb6 #2"));
	/* What lives 120 s is asked for at 80 % of that, by a question and an answer in two families for each of two peers;
	 * and a few for the rest. */
	assert_in_range(s.packets - before, 1, 120 * 60 / 96 * 8 + 200);
}

static void test_address(void **state)
{
	start_pair();
	s.nodes[1].ifaces.i[0].addresses[0].b[3] = 77;
	node_set_iface(&s.nodes[1]);
	segment_run(&s, 2 * SECOND);
	assert_string_equal(peer(&s.nodes[2], "alice@alpha")->addresses[0], "10.0.0.77");
	assert_int_equal(peer(&s.nodes[2], "alice@alpha")->address_count, 2);
	assert_int_equal(s.nodes[2].gone, 0);
}

static void test_interface_goes(void **state)
{
	start_pair();
	s.nodes[1].unplugged = true;
	s.nodes[1].ifaces.i[0].use = IFACE_NO_CARRIER;
	node_set_iface(&s.nodes[1]);
	segment_run(&s, SECOND);
	assert_false(sees(&s.nodes[1], "bob b.\xc3\xb6 #2"));
	assert_true(sees(&s.nodes[2], "alice@alpha"));
	s.nodes[1].unplugged = false;
	s.nodes[1].ifaces.i[0].use = IFACE_USED;
	s.nodes[1].ifaces.i[0].flaps = 2;
	node_set_iface(&s.nodes[1]);
	segment_run(&s, 3 * SECOND);
	assert_true(sees(&s.nodes[1], "bob b.\xc3\xb6 #2"));
	assert_int_equal(s.nodes[2].gone, 0);
}

static void test_picture(void **state)
{
	start_pair();
	struct service *mine = service_new(STR("alice@alpha"), 5298);
	char picture[SERVICE_PICTURE_MAX] = "x";
	responder_publish(s.nodes[1].responder, mine, picture, sizeof(picture));
	service_free(&mine);
	segment_run(&s, 5 * SECOND);
	responder_ask_picture(s.nodes[2].responder, "alice@alpha");
	responder_ask_picture(s.nodes[2].responder, "nobody");
	segment_run(&s, 100);
	assert_int_equal(s.nodes[2].pictures, SERVICE_PICTURE_MAX);
	/* Asked for once, and who has none is not asked for ever. */
	segment_run(&s, 20 * SECOND);
	unsigned before = s.packets;
	segment_run(&s, 20 * SECOND);
	assert_int_equal(s.nodes[2].pictures, SERVICE_PICTURE_MAX);
	assert_in_range(s.packets - before, 0, 8);
}

static void test_name_taken(void **state)
{
	node_publish(node_start(&s, 1, NULL, plain), "user@host", 1, "avail");
	segment_run(&s, 5 * SECOND);
	node_publish(node_start(&s, 2, NULL, plain), "user@host", 2, "avail");
	segment_run(&s, 5 * SECOND);
	node_publish(node_start(&s, 3, NULL, plain), "USER@host", 3, "avail");
	segment_run(&s, 5 * SECOND);
	assert_string_equal(s.nodes[1].named, "user@host");
	assert_string_equal(s.nodes[2].named, "user@host-1");
	assert_true(s.nodes[2].renamed);
	assert_true(s.nodes[3].renamed); /* letters' case does not make another name */
	assert_int_equal(peer(&s.nodes[1], "user@host-1")->port, 2);
	assert_int_equal(peer(&s.nodes[2], "user@host")->port, 1);
}

static void test_host_taken(void **state)
{
	node_publish(node_start(&s, 1, "box", plain), "alice@box", 1, "avail");
	segment_run(&s, 5 * SECOND);
	node_publish(node_start(&s, 2, "box.example.org", plain), "bob@box", 2, "avail");
	segment_run(&s, 5 * SECOND);
	assert_string_equal(peer(&s.nodes[1], "bob@box")->host, "box-1.local");
	assert_string_equal(peer(&s.nodes[1], "bob@box")->addresses[0], "10.0.0.2");
	assert_string_equal(peer(&s.nodes[2], "alice@box")->host, "box.local");
	assert_false(s.nodes[2].renamed);
}

/* Two programs of one machine: one host name, the same addresses, no clash. */
static void test_one_machine(void **state)
{
	node_publish(node_start(&s, 1, "box", plain), "alice@box", 1, "avail");
	struct node *n = node_start(&s, 2, "box", plain);
	n->ifaces.i[0].addresses[0] = node_ip(1);
	n->ifaces.i[0].addresses[1] = node_ip6(1);
	node_set_iface(n);
	node_publish(n, "bob@box", 2, "avail");
	segment_run(&s, 5 * SECOND);
	assert_string_equal(peer(&s.nodes[1], "bob@box")->host, "box.local");
	assert_string_equal(peer(&s.nodes[2], "alice@box")->host, "box.local");
	responder_goodbye(s.nodes[1].responder);
	segment_run(&s, 5 * SECOND);
	assert_false(sees(&s.nodes[2], "alice@box"));
	assert_true(sees(&s.nodes[1], "bob@box"));
}

/* However unlucky: names end up unique, and each sees all others under them. */
static void check_world(unsigned nodes)
{
	for (unsigned i = 1; i <= nodes; i++) {
		for (unsigned k = 1; k <= nodes; k++) {
			if (i == k)
				continue;
			assert_string_not_equal(s.nodes[i].named, s.nodes[k].named);
			assert_true(sees(&s.nodes[i], s.nodes[k].named));
			assert_int_equal(peer(&s.nodes[i], s.nodes[k].named)->port, k);
		}
	}
}

static void run_world(uint64_t seed)
{
	uint8_t dice[8];
	unsigned nodes = 4;

	segment_init(&s, seed);
	s.loss = seed % 4 * 10;
	for (unsigned i = 1; i <= nodes; i++) {
		rand_bytes(dice, sizeof(dice));
		node_publish(node_start(&s, i, dice[0] & 1 ? "box" : NULL, plain), dice[1] & 1 ? "user@box" : "me@box",
			(uint16_t)i, "avail");
		segment_run(&s, dice[2] % 4 * 200);
	}
	/* One crashes and returns; one is unplugged for a while. */
	node_crash(&s.nodes[1]);
	s.nodes[2].unplugged = true;
	segment_run(&s, dice[3] * 50);
	node_publish(node_start(&s, 1, "box", (struct responder_config){.after_crash = true}), "user@box", 1, "avail");
	s.nodes[2].unplugged = false;
	s.nodes[2].ifaces.i[0].flaps = 2;
	node_set_iface(&s.nodes[2]);
	segment_run(&s, 30 * SECOND);
	s.loss = 0;
	segment_run(&s, 5 * MINUTE);
	check_world(nodes);
	segment_clear(&s);
}

static void test_worlds(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_world(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goodbye, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_ends_by_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interface_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_picture, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_machine, setup, teardown),
		cmocka_unit_test(test_worlds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
