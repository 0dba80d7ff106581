/* What the responder says to packets made by hand: rules of RFC 6762, and what a stranger would send. */
#include "mdns/test_packet.h"

static void test_ptr(void **state)
{
	query();
	question(NULL, DNS_PTR);
	send_it();
	assert_int_equal(seen.packets, 1);
	assert_int_equal(seen.types[DNS_PTR], 1);
	assert_int_equal(seen.ttl, 4500);
	assert_false(seen.flush);
	/* Not again within a second, then once for both who asked. */
	forget();
	send_it();
	assert_int_equal(seen.packets, 1);
	query();
	question(NULL, DNS_PTR);
	arrives(&neighbour, 255);
	arrives(&neighbour, 255);
	forget();
	segment_run(&s, 3 * SECOND);
	assert_int_equal(seen.packets, 1);
}

static void test_known_answer(void **state)
{
	query();
	question(NULL, DNS_PTR);
	ptr(DNS_ANSWER, "alice@alpha", 4000);
	send_it();
	assert_int_equal(seen.packets, 0);
	/* Less than half of its life left: said again. */
	query();
	question(NULL, DNS_PTR);
	ptr(DNS_ANSWER, "alice@alpha", 2000);
	send_it();
	assert_int_equal(seen.types[DNS_PTR], 1);
}

/* Known answers that come in a second packet. */
static void test_known_answer_later(void **state)
{
	query();
	question(NULL, DNS_PTR);
	ptr(DNS_ANSWER, "carol@charly", 4000);
	dns_set_flags(&w, DNS_TRUNCATED);
	arrives(&neighbour, 255);
	segment_run(&s, 200);
	query();
	ptr(DNS_ANSWER, "alice@alpha", 4000);
	send_it();
	assert_int_equal(seen.packets, 0);
}

static void test_unique_at_once(void **state)
{
	query();
	question("alice@ALPHA", DNS_SRV);
	arrives(&neighbour, 255);
	segment_run(&s, 10);
	assert_int_equal(seen.types[DNS_SRV], 1);
	assert_int_equal(seen.ttl, 120);
	assert_true(seen.flush);
	forget();
	query();
	question("nobody", DNS_SRV);
	send_it();
	assert_int_equal(seen.packets, 0);
}

/* A resolver that knows nothing of multicast gets an answer of its own, small and short-lived. */
static void test_legacy(void **state)
{
	struct place from = {.ip = neighbour.ip, .port = 40000};
	struct dns_reader reader;
	enum dns_section section;
	struct dns_record record;
	struct dns_question q;
	unsigned n = 0;

	query();
	question(NULL, DNS_PTR);
	arrives(&from, 64);
	segment_run(&s, SECOND);
	assert_int_equal(seen.packets, 0);
	assert_int_equal(s.last_to.port, 40000);
	assert_int_equal(dns_open(&reader, s.last, s.last_n), 0);
	assert_int_equal(reader.id, 0x1234);
	assert_int_equal(dns_next_question(&reader, &q), 0);
	assert_int_equal(q.type, DNS_PTR);
	for (; dns_next_record(&reader, &section, &record) == 0; n++) {
		assert_in_range(record.ttl, 1, 10);
		assert_false(record.flush);
	}
	assert_int_equal(n, 1 + 2 + 2); /* PTR, SRV, TXT, A, AAAA */
	/* Not to somebody elsewhere. */
	s.last_n = 0;
	from.ip.b[0] = 192;
	arrives(&from, 255);
	segment_run(&s, SECOND);
	assert_int_equal(s.last_n, 0);
}

static void test_only_from_this_link(void **state)
{
	struct place far = {.ip = {.family = 4, .b = {192, 0, 2, 1}}, .port = MDNS_PORT};
	struct place odd = neighbour;

	whole("carol@charly", "charly.local", 9);
	arrives(&far, 254);
	arrives(&far, -1);
	odd.port = 5354;
	arrives(&odd, 255);
	segment_run(&s, SECOND);
	assert_int_equal(s.nodes[1].found, 0);
	arrives(&far, 255);
	segment_run(&s, SECOND);
	assert_true(sees(&s.nodes[1], "carol@charly"));
}

/* What is missing is asked for; a peer is told when it is whole. */
static void test_asks_for_the_rest(void **state)
{
	response();
	ptr(DNS_ANSWER, "carol@charly", 4500);
	send_it();
	assert_int_equal(seen.questions, 2);
	assert_int_equal(s.nodes[1].found, 0);
	forget();
	response();
	record("charly.local", DNS_A, (const uint8_t[4]){10, 0, 0, 66}, 4); /* of nobody yet: not kept */
	arrives(&neighbour, 255);
	response();
	srv(DNS_ANSWER, "nobody@charly", 7000, "charly.local"); /* no instance that we know */
	srv(DNS_ANSWER, "carol@charly", 7000, "charly.local");
	txt("carol@charly");
	send_it();
	assert_int_equal(seen.questions, 2);
	assert_int_equal(s.nodes[1].found, 0);
	response();
	record("charly.local", DNS_A, (const uint8_t[4]){10, 0, 0, 9}, 4);
	send_it();
	assert_int_equal(peer(&s.nodes[1], "carol@charly")->port, 7000);
	/* A second address, and one that nobody can have. */
	response();
	record("charly.local", DNS_AAAA, (const uint8_t[16]){0xfd, [15] = 9}, 16);
	send_it();
	assert_string_equal(peer(&s.nodes[1], "carol@charly")->addresses[1], "fd00::9");
	response();
	record("charly.local", DNS_AAAA, (const uint8_t[16]){[15] = 1}, 16);
	record("charly.local", DNS_A, (const uint8_t[4]){127, 0, 0, 1}, 4);
	record("charly.local", DNS_A, (const uint8_t[4]){224, 0, 0, 251}, 4);
	send_it();
	for (unsigned i = 0; i < peer(&s.nodes[1], "carol@charly")->address_count; i++) {
		assert_string_not_equal(peer(&s.nodes[1], "carol@charly")->addresses[i], "::1");
		assert_string_not_equal(peer(&s.nodes[1], "carol@charly")->addresses[i], "127.0.0.1");
	}
}

/* Nobody answers: we stop asking. */
static void test_gives_up(void **state)
{
	response();
	ptr(DNS_ANSWER, "carol@charly", 4500);
	arrives(&neighbour, 255);
	segment_run(&s, 120 * SECOND);
	assert_in_range(seen.questions, 2 * CACHE_TRIES_MAX, 2 * CACHE_TRIES_MAX + 10);
	forget();
	segment_run(&s, 120 * SECOND);
	assert_in_range(seen.questions, 0, 2);
}

/* A probe for our name is answered at once, so that the other finds another. */
static void test_defence(void **state)
{
	query();
	question("alice@alpha", DNS_ANY);
	srv(DNS_AUTHORITY, "alice@alpha", 1, "charly.local");
	arrives(&neighbour, 255);
	segment_run(&s, 10);
	assert_int_equal(seen.types[DNS_SRV], 1);
	assert_int_equal(seen.types[DNS_TXT], 1);
	forget();
	arrives(&neighbour, 255);
	segment_run(&s, 260);
	assert_int_equal(seen.types[DNS_SRV], 1);
	assert_string_equal(s.nodes[1].named, "alice@alpha");
}

/* Two probe for one name at the same time: the later record wins, the other waits a second and looks again. */
static void probe_meets(enum dns_section section, uint16_t port, bool less)
{
	node_publish(&s.nodes[1], "carol@alpha", 5298, "avail");
	s.nodes[1].named[0] = 0;
	segment_run(&s, 300);
	query();
	question("carol@alpha", DNS_ANY);
	if (less) {
		struct dns_record a = {.name = name_of("carol@alpha"),
			.type = DNS_A,
			.rdata = (const uint8_t *)"abcd",
			.n = 4};
		assert_true(dns_put_record(&w, section, &a));
	} else {
		srv(section, "carol@alpha", port, "zulu.local");
	}
	arrives(&neighbour, 255);
	segment_run(&s, 900);
}

static void test_tie_won(void **state)
{
	probe_meets(DNS_AUTHORITY, 0, true);
	assert_string_equal(s.nodes[1].named, "carol@alpha");
}

static void test_tie_lost(void **state)
{
	probe_meets(DNS_AUTHORITY, 65535, false);
	assert_string_equal(s.nodes[1].named, "");
	/* The winner says no more: it is ours after all. */
	segment_run(&s, SECOND);
	assert_string_equal(s.nodes[1].named, "carol@alpha");
}

/* What is no claim of a probe decides nothing. */
static void test_no_tie(void **state)
{
	probe_meets(DNS_ADDITIONAL, 65535, false);
	assert_string_equal(s.nodes[1].named, "carol@alpha");
}

/* Somebody says our name is his: we look who has it, and keep it if he says no more. */
static void test_claim(void **state)
{
	response();
	srv(DNS_ANSWER, "alice@alpha", 666, "evil.local");
	arrives(&neighbour, 255);
	segment_run(&s, 5 * SECOND);
	assert_string_equal(s.nodes[1].named, "alice@alpha");
	assert_true(seen.questions >= 2 * 3);
	assert_true(seen.types[DNS_SRV] >= 2);
	/* If he insists it is his. */
	whole("alice@alpha", "evil.local", 9);
	arrives(&neighbour, 255);
	for (int i = 0; i < 30; i++) {
		segment_run(&s, 100);
		arrives(&neighbour, 255);
	}
	segment_run(&s, 2 * SECOND);
	assert_string_equal(s.nodes[1].named, "alice@alpha-1");
	assert_int_equal(peer(&s.nodes[1], "alice@alpha")->port, 7000);
}

/* A goodbye for what is ours, by another of this machine or by somebody evil: said again. */
static void test_rescue(void **state)
{
	response();
	ptr(DNS_ANSWER, "alice@alpha", 0);
	send_it();
	assert_int_equal(seen.types[DNS_PTR], 1);
}

static void test_flood(void **state)
{
	struct place other = neighbour;
	char name[32], host[32];

	other.ip.b[3] = 98;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		snprintf(host, sizeof(host), "host%u.local", i);
		whole(name, host, (uint8_t)i);
		arrives(&neighbour, 255);
		if (i % 150 == 149)
			segment_run(&s, SECOND);
	}
	segment_run(&s, SECOND);
	/* One address does not take the place of others: who comes now is seen. */
	assert_int_equal(s.nodes[1].peer_count, CACHE_SOURCE_INSTANCES_MAX);
	whole("late@one", "late.local", 9);
	arrives(&other, 255);
	segment_run(&s, SECOND);
	assert_int_equal(peer(&s.nodes[1], "late@one")->port, 7000);
	for (unsigned i = 0; i < 2000; i++) {
		struct place many = other;

		many.ip.b[3] = (uint8_t)(100 + i % 20);
		snprintf(name, sizeof(name), "guest%u", i);
		snprintf(host, sizeof(host), "box%u.local", i);
		whole(name, host, (uint8_t)i);
		arrives(&many, 255);
		if (i % 150 == 149)
			segment_run(&s, SECOND);
	}
	segment_run(&s, SECOND);
	assert_int_equal(s.nodes[1].peer_count, CACHE_INSTANCES_MAX);
	/* However often somebody asks, the wire is not flooded by us. */
	forget();
	for (unsigned i = 0; i < 1000; i++) {
		query();
		question("alice@alpha", DNS_SRV);
		arrives(&neighbour, 255);
	}
	segment_run(&s, 10 * SECOND);
	assert_in_range(seen.types[DNS_SRV], 1, 2);
	/* Not more than so much a second is looked at. */
	s.nodes[1].found = 0;
	segment_run(&s, SECOND);
	for (unsigned i = 0; i < 400; i++) {
		query();
		while (dns_put_question(&w, &(struct dns_name){.n = 3, .b = {1, 'x', 0}}, DNS_A) && w.n < 1000)
			;
		arrives(&neighbour, 255);
	}
	response();
	srv(DNS_ANSWER, "user1", 9, "host1.local");
	arrives(&neighbour, 255);
	segment_run(&s, SECOND);
	assert_int_equal(s.nodes[1].found, 0);
	arrives(&neighbour, 255);
	segment_run(&s, SECOND);
	assert_int_equal(s.nodes[1].found, 1);
	assert_true(r->cache.n <= CACHE_ENTRIES_MAX && r->cache.bytes <= CACHE_BYTES_MAX);
}

/* Odd names: a NUL is no name, a dot and a line end are. */
static void test_odd_names(void **state)
{
	struct dns_name type = name_of(NULL), odd;

	assert_int_equal(dns_name_under(&odd, (struct str){"nul\0nul", 7}, &type), 0);
	response();
	struct dns_record record = {.name = type, .type = DNS_PTR, .ttl = 4500, .rdata = odd.b, .n = odd.n};
	assert_true(dns_put_record(&w, DNS_ANSWER, &record));
	send_it();
	whole("a.b\n\xff", "charly.local", 9);
	send_it();
	assert_int_equal(s.nodes[1].peer_count, 1);
	assert_true(sees(&s.nodes[1], "a.b\n\xff"));
}

/* Another responder of this machine gives it its name. */
static void beside(void)
{
	struct place here = {.ip = node_ip(1), .port = MDNS_PORT};
	struct dns_name host;

	node_crash(&s.nodes[1]);
	struct node *n = node_start(&s, 1, "alpha", (struct responder_config){.beside = true});
	r = n->responder;
	node_publish(n, "alice@alpha", 5298, "avail");
	segment_run(&s, 100);
	assert_int_equal(dns_name_parse(&host, "real-name.local"), 0);
	response();
	record("1.0.0.10.in-addr.arpa", DNS_PTR, host.b, host.n);
	/* A stranger's word does not count. */
	arrives(&neighbour, 255);
	assert_false(r->host_known);
	arrives(&here, 255);
	assert_true(r->host_known);
	forget();
	segment_run(&s, 10 * SECOND);
}

static void test_beside(void **state)
{
	beside();
	assert_int_equal(seen.types[DNS_A] + seen.types[DNS_AAAA], 0);
	assert_true(seen.types[DNS_SRV] > 0);
	assert_string_equal((const char *)r->host_name.b + 1, "real-name\x05local");
	/* It goes: we have addresses of our own. */
	struct place here = {.ip = node_ip(1), .port = MDNS_PORT};
	struct dns_record gone = {.type = DNS_A, .rdata = (const uint8_t[4]){10, 0, 0, 1}, .n = 4};
	assert_int_equal(dns_name_parse(&gone.name, "real-name.local"), 0);
	response();
	assert_true(dns_put_record(&w, DNS_ANSWER, &gone));
	arrives(&here, 255);
	forget();
	segment_run(&s, 10 * SECOND);
	assert_true(seen.types[DNS_A] > 0);
	assert_string_equal((const char *)r->host_name.b + 1, "alpha\x05local");
}

static void test_beside_silent(void **state)
{
	node_crash(&s.nodes[1]);
	struct node *n = node_start(&s, 1, "alpha", (struct responder_config){.beside = true});
	r = n->responder;
	node_publish(n, "alice@alpha", 5298, "avail");
	segment_run(&s, 10 * SECOND);
	assert_true(seen.types[DNS_A] > 0);
	assert_string_equal(n->named, "alice@alpha");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ptr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_answer_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unique_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legacy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_from_this_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asks_for_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tie_won, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tie_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_tie, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rescue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside_silent, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
