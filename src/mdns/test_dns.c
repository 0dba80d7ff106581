#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "mdns/dns.h"

static struct dns_name name(const char *text)
{
	struct dns_name n;

	assert_int_equal(dns_name_parse(&n, text), 0);
	return n;
}

static void test_names(void **state)
{
	struct dns_name type = name("_presence._tcp.local"), n, other = name("_PRESENCE._tcp.LOCAL");
	char long_label[65] = {0};

	assert_int_equal(type.n, 1 + 9 + 1 + 4 + 1 + 5 + 1);
	assert_true(dns_name_equal(&type, &other));
	assert_true(dns_name_hash(&type) == dns_name_hash(&other));
	assert_int_equal(dns_name_under(&n, STR("a.b@c"), &type), 0);
	assert_true(dns_name_is_under(&n, &other));
	assert_false(dns_name_is_under(&type, &type));
	assert_false(dns_name_is_under(&n, &n));
	assert_true(str_is(dns_name_first(&n), "a.b@c"));
	assert_null(dns_name_text(&n));
	char *text = dns_name_text(&type);
	assert_string_equal(text, "_presence._tcp.local");
	xfree(text);
	memset(long_label, 'x', 64);
	assert_int_equal(dns_name_under(&n, str_z(long_label), &type), ERR_LIMIT);
	assert_int_equal(dns_name_under(&n, (struct str){long_label, 63}, &type), 0);
	assert_int_equal(dns_name_under(&n, STR(""), &type), ERR_SYNTAX);
	assert_int_equal(dns_name_parse(&n, "a..b"), ERR_SYNTAX);
	assert_int_equal(dns_name_parse(&n, ""), ERR_SYNTAX);
	/* 255 bytes are the end. */
	struct dns_name big = name("x");
	for (unsigned i = 0; i < 3; i++) {
		struct dns_name below = big;
		assert_int_equal(dns_name_under(&big, (struct str){long_label, 63}, &below), 0);
	}
	struct dns_name below = big;
	assert_int_equal(dns_name_under(&big, (struct str){long_label, 63}, &below), ERR_LIMIT);
	assert_int_equal(dns_name_under(&big, (struct str){long_label, 255u - below.n - 1}, &below), 0);
	assert_int_equal(big.n, 255);
}

static void test_name_bytes(void **state)
{
	struct dns_name n;

	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"\x01x", 3), 0);
	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"\x01x", 2), ERR_SYNTAX);
	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"\x05x\0", 3), ERR_SYNTAX);
	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"\xc0\x0c", 2), ERR_SYNTAX);
	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"\x01x\0y", 4), ERR_SYNTAX);
	assert_int_equal(dns_name_decode(&n, (const uint8_t *)"", 0), ERR_SYNTAX);
}

static void test_round_trip(void **state)
{
	uint8_t p[512];
	struct dns_writer w;
	struct dns_reader r;
	struct dns_question q;
	struct dns_record rec;
	enum dns_section section;
	struct dns_name type = name("_presence._tcp.local"), bob, host = name("bravo.local");
	uint8_t srv[6 + DNS_NAME_MAX] = {0, 0, 0, 0, 0x14, 0xb2};

	assert_int_equal(dns_name_under(&bob, STR("bob@bravo"), &type), 0);
	dns_start(&w, p, sizeof(p), 7, DNS_RESPONSE);
	assert_true(dns_empty(&w));
	assert_true(dns_put_question(&w, &type, DNS_PTR));
	rec = (struct dns_record){.name = type, .type = DNS_PTR, .ttl = 4500, .rdata = bob.b, .n = bob.n};
	assert_true(dns_put_record(&w, DNS_ANSWER, &rec));
	memcpy(srv + 6, host.b, host.n);
	rec = (struct dns_record){.name = bob,
		.type = DNS_SRV,
		.flush = true,
		.ttl = 0xfffffffe,
		.rdata = srv,
		.n = (uint16_t)(6 + host.n)};
	assert_true(dns_put_record(&w, DNS_ADDITIONAL, &rec));
	/* Names were written once. */
	assert_true(w.n < DNS_HEAD + 26 + (2 + 10 + 12) + (2 + 10 + 6 + 13) + 10);

	assert_int_equal(dns_open(&r, p, w.n), 0);
	assert_int_equal(r.id, 7);
	assert_int_equal(dns_next_question(&r, &q), 0);
	assert_true(dns_name_equal(&q.name, &type));
	assert_false(q.unicast);
	assert_int_equal(dns_next_question(&r, &q), ERR_NOTFOUND);
	assert_int_equal(dns_next_record(&r, &section, &rec), 0);
	assert_int_equal(section, DNS_ANSWER);
	assert_int_equal(rec.n, bob.n);
	assert_memory_equal(rec.rdata, bob.b, bob.n);
	assert_int_equal(dns_next_record(&r, &section, &rec), 0);
	assert_int_equal(section, DNS_ADDITIONAL);
	assert_true(rec.flush);
	assert_true(dns_name_equal(&rec.name, &bob));
	assert_true(rec.ttl == 0xfffffffe);
	uint16_t port;
	struct dns_name target;
	assert_int_equal(dns_srv_decode(rec.rdata, rec.n, &port, &target), 0);
	assert_int_equal(port, 5298);
	assert_true(dns_name_equal(&target, &host));
	assert_int_equal(dns_next_record(&r, &section, &rec), ERR_NOTFOUND);
}

static void test_full(void **state)
{
	uint8_t p[64];
	struct dns_writer w;
	struct dns_name n = name("a-name-of-some.length.local");
	struct dns_record rec = {.name = n, .type = DNS_TXT, .rdata = p, .n = 20};
	unsigned written = 0;

	dns_start(&w, p, sizeof(p), 0, 0);
	while (dns_put_record(&w, DNS_ANSWER, &rec))
		assert_true(++written < 3);
	assert_true(w.n <= sizeof(p));
	assert_int_equal(p[7], written);
}

/* A head that promises more, or rdata, labels and pointers that go astray. */
static void test_hostile(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		{"\0\0\x84\0\0\0\0\1\0\0\0\0", 12},                                     /* no record there */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\1\0\0", 24},         /* points to itself */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0e\xc0\x0c\0\1\0\1\0\0\0\1\0\0", 26}, /* forwards */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x00\0\1\0\1\0\0\0\1\0\0", 24},         /* into the head */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\1x\xc0\x0c\0\1\0\1\0\0\0\1\0\0", 26},      /* round and round */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\0\0\1\0\1\0\0\0\1\0\5abcd", 27},           /* short rdata */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\x40x\0\0\1\0\1\0\0\0\1\0\0", 25},          /* a label of another kind */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\0\0\x0c\0\1\0\0\0\1\0\3\1x\x05", 26},      /* PTR: no end */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\0\0\x0c\0\1\0\0\0\1\0\4\1x\0y", 27},       /* PTR: more after it */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\0\0\x21\0\1\0\0\0\1\0\5abcde", 28},        /* SRV too short */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\0\0\x21\0\1\0\0\0\1\0\6abcdef", 29},       /* SRV without a name */
		{"\0\0\x84\0\0\0\0\1\0\0\0\0\3com\xc0", 17},                            /* half a pointer */
		{"\0\0\x84\0\0\1\0\1\0\0\0\0\3com", 16},                                /* half a question */
	};
	struct dns_reader r;
	enum dns_section section;
	struct dns_record rec;

	assert_int_equal(dns_open(&r, "short", 5), ERR_SYNTAX);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		/* Exactly as long, so that a byte too far is seen. */
		uint8_t *p = xmemdup(bad[i].p, bad[i].n);
		assert_int_equal(dns_open(&r, p, bad[i].n), 0);
		assert_int_equal(dns_next_record(&r, &section, &rec), ERR_SYNTAX);
		assert_int_equal(dns_next_record(&r, &section, &rec), ERR_NOTFOUND);
		xfree(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
