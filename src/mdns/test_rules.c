/* The rules of RFC 6762 that keep a wire quiet, and neighbours from waiting: what is answered to one alone, what is said not
 * to be, what others have said already, how often changes are told. */
#include "mdns/test_packet.h"

static void host_question(const char *name, uint16_t type)
{
	struct dns_name host;

	assert_int_equal(dns_name_parse(&host, name), 0);
	assert_true(dns_put_question(&w, &host, type));
}

/* The last question asks for an answer to the asker alone. */
static void unicast(void) { bytes[w.n - 2] |= 0x80; }

/* The types that the last packet to one place has as answers, as bits. */
static uint64_t answered(void)
{
	struct dns_reader reader;
	enum dns_section section;
	struct dns_record rec;
	uint64_t types = 0;

	assert_int_equal(dns_open(&reader, s.last, s.last_n), 0);
	assert_int_equal(reader.questions, 0);
	assert_int_equal(reader.id, 0x1234);
	while (dns_next_record(&reader, &section, &rec) == 0)
		if (section == DNS_ANSWER)
			types |= (uint64_t)1 << rec.type;
	return types;
}

/* ---- what there is not (section 6.1) ---- */

static struct dns_record denial;
static uint8_t denial_rdata[300];

static void on_denial(struct segment *segment, struct node *from, const uint8_t *p, size_t n)
{
	struct dns_reader reader;
	enum dns_section section;
	struct dns_record rec;

	on_sent(segment, from, p, n);
	assert_int_equal(dns_open(&reader, p, n), 0);
	while (dns_next_record(&reader, &section, &rec) == 0) {
		if (rec.type != DNS_NSEC)
			continue;
		denial = rec;
		assert_in_range(rec.n, 1, sizeof(denial_rdata));
		memcpy(denial_rdata, rec.rdata, rec.n);
	}
}

static bool says_there_is(unsigned type)
{
	const uint8_t *window = denial_rdata + denial.name.n;

	assert_int_equal(window[0], 0);
	assert_int_equal(denial.n, denial.name.n + 2 + window[1]);
	assert_int_equal(memcmp(denial_rdata, denial.name.b, denial.name.n), 0);
	return type / 8 < window[1] && window[2 + type / 8] & 0x80 >> type % 8;
}

static void check_denial(const char *what, bool has_a, bool has_aaaa, bool has_srv)
{
	if (!denial.type)
		fail_msg("%s: nothing is denied", what);
	assert_true(denial.flush);
	assert_int_equal(denial.ttl, 120);
	assert_int_equal(says_there_is(DNS_A), has_a);
	assert_int_equal(says_there_is(DNS_AAAA), has_aaaa);
	assert_int_equal(says_there_is(DNS_SRV), has_srv);
	assert_int_equal(says_there_is(DNS_TXT), has_srv);
	assert_false(says_there_is(DNS_NULL));
	assert_false(says_there_is(DNS_NSEC));
	denial.type = 0;
}

static void test_denied(void **state)
{
	s.on_sent = on_denial;
	query();
	question("alice@alpha", DNS_A);
	send_it();
	check_denial("an address of an instance", false, false, true);
	/* IPv4 alone: who asks for the other need not wait. */
	s.nodes[1].ifaces.i[0].address_count = 1;
	node_set_iface(&s.nodes[1]);
	segment_run(&s, 5 * SECOND);
	query();
	host_question("alpha.local", DNS_AAAA);
	send_it();
	check_denial("an IPv6 address", true, false, false);
	/* What there is is not denied; nor is anything of names that are not ours, or of everything. */
	query();
	host_question("alpha.local", DNS_A);
	question("alice@alpha", DNS_ANY);
	question("nobody", DNS_A);
	question(NULL, DNS_SRV);
	host_question("charly.local", DNS_A);
	send_it();
	assert_int_equal(denial.type, 0);
}

/* While we only probe for a name nothing is said of it. */
static void test_not_yet_denied(void **state)
{
	s.on_sent = on_denial;
	node_publish(&s.nodes[1], "carol@alpha", 5298, "avail");
	segment_run(&s, 100);
	query();
	question("carol@alpha", DNS_A);
	arrives(&neighbour, 255);
	segment_run(&s, 300);
	assert_int_equal(denial.type, 0);
}

/* ---- to one alone (section 5.4) ---- */

static void test_to_one(void **state)
{
	query();
	question("alice@alpha", DNS_SRV);
	unicast();
	question("alice@alpha", DNS_TXT);
	unicast();
	send_it();
	assert_int_equal(seen.packets, 0);
	assert_int_equal(s.last_to.port, MDNS_PORT);
	assert_true(ip_equal(&s.last_to.ip, &neighbour.ip));
	assert_int_equal(answered(), (uint64_t)1 << DNS_SRV | 1 << DNS_TXT);
	/* A quarter of the life of SRV has passed: others should hear it again, too. */
	segment_run(&s, 31 * SECOND);
	forget();
	s.last_n = 0;
	query();
	question("alice@alpha", DNS_SRV);
	unicast();
	question("alice@alpha", DNS_TXT);
	unicast();
	send_it();
	assert_int_equal(answered(), 1 << DNS_TXT);
	assert_int_equal(seen.types[DNS_SRV], 1);
	assert_int_equal(seen.types[DNS_TXT], 0);
}

static void asks_for_one(struct place from, uint16_t flags, bool probe)
{
	s.last_n = 0;
	forget();
	query();
	question("alice@alpha", DNS_SRV);
	unicast();
	if (probe)
		srv(DNS_AUTHORITY, "alice@alpha", 1, "charly.local");
	dns_set_flags(&w, flags);
	arrives(&from, 255);
	segment_run(&s, 700);
}

/* Who has it already is not told; a probe concerns all; nobody elsewhere is sent a packet; what may still be known is waited
 * for. */
static void test_not_to_one(void **state)
{
	struct place far = {.ip = {.family = 4, .b = {192, 0, 2, 1}}, .port = MDNS_PORT};

	asks_for_one(neighbour, 0, true);
	assert_int_equal(s.last_n, 0);
	assert_int_equal(seen.types[DNS_SRV], 1);
	segment_run(&s, 2 * SECOND);
	asks_for_one(far, 0, false);
	assert_int_equal(s.last_n, 0);
	assert_int_equal(seen.types[DNS_SRV], 1);
	segment_run(&s, 2 * SECOND);
	asks_for_one(neighbour, DNS_TRUNCATED, false);
	assert_int_equal(s.last_n, 0);
	assert_int_equal(seen.types[DNS_SRV], 1);
	asks_for_one(neighbour, 0, false);
	assert_int_equal(answered(), (uint64_t)1 << DNS_SRV);
	assert_int_equal(seen.packets, 0);
	s.last_n = 0;
	query();
	question(NULL, DNS_PTR);
	unicast();
	ptr(DNS_ANSWER, "alice@alpha", 4000);
	send_it();
	assert_int_equal(s.last_n, 0);
	assert_int_equal(seen.packets, 0);
}

/* ---- what others have said (section 7.4), and the same question of another ---- */

static void put_type(uint32_t ttl)
{
	struct dns_record rec = {.type = DNS_PTR, .ttl = ttl, .rdata = r->type.b, .n = r->type.n};

	response();
	rec.name = r->meta;
	assert_true(dns_put_record(&w, DNS_ANSWER, &rec));
}

static void types_asked(uint32_t ttl)
{
	query();
	host_question("_services._dns-sd._udp.local", DNS_PTR);
	forget();
	arrives(&neighbour, 255);
	if (ttl) {
		put_type(ttl);
		arrives(&neighbour, 255);
	}
	segment_run(&s, 2 * SECOND);
}

static void test_said_by_others(void **state)
{
	types_asked(0);
	assert_int_equal(seen.types[DNS_PTR], 1);
	types_asked(4500);
	assert_int_equal(seen.types[DNS_PTR], 0);
	/* With a shorter life it is not the same. */
	types_asked(4000);
	assert_int_equal(seen.types[DNS_PTR], 1);
}

/* Ours comes back to us, and is known by its bytes; another's question may have the same ones. */
static void test_same_bytes(void **state)
{
	struct place here = {.ip = node_ip(1), .port = MDNS_PORT};

	node_crash(&s.nodes[1]);
	struct node *n = node_start(&s, 1, "alpha", (struct responder_config){0});
	r = n->responder;
	node_publish(n, "alice@alpha", 5298, "avail");
	segment_run(&s, 10 * SECOND);
	n->unplugged = true; /* so that nothing comes back by itself */
	browse_start(r->segs[0]);
	segment_run(&s, 500);
	n->unplugged = false;
	segment_run(&s, 2 * SECOND);
	dns_start(&w, bytes, sizeof(bytes), 0, 0);
	question(NULL, DNS_PTR);
	forget();
	arrives(&here, 255);
	segment_run(&s, 500);
	assert_int_equal(seen.types[DNS_PTR], 0);
	arrives(&neighbour, 255);
	segment_run(&s, 500);
	assert_int_equal(seen.types[DNS_PTR], 1);
}

/* Whoever asks while we announce has the answer by the next announcement: nothing is said twice in a second. */
static void test_announced(void **state)
{
	node_publish(&s.nodes[1], "carol@alpha", 5298, "avail");
	while (!seen.types[DNS_PTR] || seen.ttl == 0) {
		forget();
		segment_run(&s, SEGMENT_STEP);
	}
	query();
	question(NULL, DNS_PTR);
	arrives(&neighbour, 255);
	forget();
	segment_run(&s, 1100);
	assert_int_equal(seen.packets, 1);
	assert_int_equal(seen.types[DNS_SRV], 1);
}

/* ---- changes (sections 6, 8.4, 10.1) ---- */

static void test_changes(void **state)
{
	char status[16];

	/* One after the other, faster than anybody reads. */
	for (int i = 0; i < 800; i++) {
		snprintf(status, sizeof(status), "s%d", i);
		node_publish(&s.nodes[1], "alice@alpha", 5298, status);
		segment_run(&s, 50);
	}
	/* 40 seconds: ten at most one a second, and then one every six. */
	assert_in_range(seen.types[DNS_TXT], 10, 10 + 40 / 6 + 1);
	/* The last one is told, in the end. */
	struct node *n = node_start(&s, 2, NULL, (struct responder_config){0});
	segment_run(&s, 20 * SECOND);
	assert_true(str_is(service_txt(peer(n, "alice@alpha"), "status"), "s799"));
	/* After a rest a change is told at once. */
	segment_run(&s, 70 * SECOND);
	forget();
	node_publish(&s.nodes[1], "alice@alpha", 5298, "dnd");
	segment_run(&s, 50);
	assert_int_equal(seen.types[DNS_TXT], 1);
}

static unsigned pictures_first; /* pictures that went out before the next TXT record */
static bool picture_told;

static void on_picture(struct segment *segment, struct node *from, const uint8_t *p, size_t n)
{
	unsigned txts = seen.types[DNS_TXT], pictures = seen.types[DNS_NULL];

	on_sent(segment, from, p, n);
	if (seen.types[DNS_NULL] > pictures)
		picture_told = true;
	if (seen.types[DNS_TXT] == txts)
		return;
	pictures_first += picture_told;
	picture_told = false;
}

static void publish_picture(char first, const char *status)
{
	struct service *mine = service_new(STR("alice@alpha"), 5298);
	char picture[4096] = {first};

	service_txt_set(mine, "status", str_z(status));
	responder_publish(s.nodes[1].responder, mine, first ? picture : NULL, first ? sizeof(picture) : 0);
	service_free(&mine);
	segment_run(&s, 20 * SECOND);
}

/* Another picture goes out to all, before the hash that makes them ask: they would take the old one from their caches. It is
 * large, so nothing else brings it. */
static void test_picture_changes(void **state)
{
	s.on_sent = on_picture;
	publish_picture('a', "avail");
	publish_picture('b', "avail");
	assert_int_equal(seen.types[DNS_NULL], 4);
	assert_int_equal(pictures_first, 4);
	publish_picture('b', "away");
	publish_picture(0, "away");
	assert_int_equal(seen.types[DNS_NULL], 4);
	publish_picture('b', "away");
	assert_int_equal(seen.types[DNS_NULL], 6);
}

/* Addresses may change as they like: nothing is said to all twice in a second, and then what is true. */
static void test_addresses_change(void **state)
{
	struct node *n = node_start(&s, 2, NULL, (struct responder_config){0});

	segment_run(&s, 5 * SECOND);
	forget();
	for (int i = 0; i < 30; i++) {
		s.nodes[1].ifaces.i[0].addresses[0] = node_ip(100 + (unsigned)i);
		node_set_iface(&s.nodes[1]);
		segment_run(&s, 100);
	}
	assert_in_range(seen.types[DNS_A], 3, 4);
	segment_run(&s, 3 * SECOND);
	assert_string_equal(peer(n, "alice@alpha")->addresses[0], "10.0.0.129");
}

/* An address family that has gone is taken back: the others' addresses stay. */
static void test_family_goes(void **state)
{
	struct node *n = node_start(&s, 2, NULL, (struct responder_config){0});

	segment_run(&s, 5 * SECOND);
	assert_int_equal(peer(n, "alice@alpha")->address_count, 2);
	s.nodes[1].ifaces.i[0].addresses[0] = node_ip6(1);
	s.nodes[1].ifaces.i[0].address_count = 1;
	node_set_iface(&s.nodes[1]);
	segment_run(&s, 2 * SECOND);
	assert_int_equal(peer(n, "alice@alpha")->address_count, 1);
	assert_string_equal(peer(n, "alice@alpha")->addresses[0], "fe80::1%eth0");
	assert_int_equal(n->gone, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_yet_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_to_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_to_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_said_by_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_announced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_picture_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_family_goes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
