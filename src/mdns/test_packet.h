/* For tests: one responder on a wire in memory, packets made by hand that reach it, and a count of what it says. */
#ifndef MDNS_TEST_PACKET_H
#define MDNS_TEST_PACKET_H

#include "mdns/responder_i.h"
#include "mdns/test_segment.h"

enum { SECOND = 1000 };

static struct segment s;
static struct responder *r;
static const struct place neighbour = {.ip = {.family = 4, .b = {10, 0, 0, 99}}, .port = MDNS_PORT};

/* What was sent to all since the last look: how many packets, and how many answers of each type. */
static struct {
	unsigned packets, answers, questions;
	unsigned types[256];
	uint32_t ttl; /* of the last answer */
	bool flush;
} seen;

static inline void on_sent(struct segment *segment, struct node *from, const uint8_t *p, size_t n)
{
	struct dns_reader reader;
	enum dns_section section;
	struct dns_record record;
	struct dns_question q;

	assert_int_equal(dns_open(&reader, p, n), 0);
	seen.packets++;
	while (dns_next_question(&reader, &q) == 0)
		seen.questions++;
	while (dns_next_record(&reader, &section, &record) == 0) {
		if (section != DNS_ANSWER || !(reader.flags & DNS_RESPONSE))
			continue;
		seen.answers++;
		seen.types[record.type]++;
		seen.ttl = record.ttl;
		seen.flush = record.flush;
	}
}

static inline void forget(void) { memset(&seen, 0, sizeof(seen)); }

static inline int setup(void **state)
{
	segment_init(&s, 7);
	struct node *n = node_start(&s, 1, "alpha", (struct responder_config){0});
	node_publish(n, "alice@alpha", 5298, "avail");
	r = n->responder;
	segment_run(&s, 10 * SECOND);
	s.on_sent = on_sent;
	forget();
	return 0;
}

static inline int teardown(void **state)
{
	segment_clear(&s);
	return 0;
}

/* A packet being made. */
static uint8_t bytes[DNS_PACKET_MAX];
static struct dns_writer w;

static inline void query(void) { dns_start(&w, bytes, sizeof(bytes), 0x1234, 0); }
static inline void response(void) { dns_start(&w, bytes, sizeof(bytes), 0, DNS_RESPONSE | DNS_AUTHORITATIVE); }

static inline struct dns_name name_of(const char *instance)
{
	struct dns_name name;

	if (instance)
		assert_int_equal(presence_instance(&name, instance), 0);
	else
		presence_name(&name);
	return name;
}

static inline void question(const char *instance, uint16_t type)
{
	struct dns_name name = name_of(instance);

	assert_true(dns_put_question(&w, &name, type));
}

static inline void ptr(enum dns_section section, const char *instance, uint32_t ttl)
{
	struct dns_name target = name_of(instance);
	struct dns_record record = {.name = name_of(NULL),
		.type = DNS_PTR,
		.ttl = ttl,
		.rdata = target.b,
		.n = target.n};

	assert_true(dns_put_record(&w, section, &record));
}

static inline void srv(enum dns_section section, const char *instance, uint16_t port, const char *host)
{
	uint8_t rdata[6 + DNS_NAME_MAX] = {[4] = (uint8_t)(port >> 8), [5] = (uint8_t)port};
	struct dns_name target;

	assert_int_equal(dns_name_parse(&target, host), 0);
	memcpy(rdata + 6, target.b, target.n);
	struct dns_record record = {.name = name_of(instance),
		.type = DNS_SRV,
		.flush = section == DNS_ANSWER,
		.ttl = 120,
		.rdata = rdata,
		.n = (uint16_t)(6 + target.n)};
	assert_true(dns_put_record(&w, section, &record));
}

static inline void record(const char *name, uint16_t type, const void *p, size_t n)
{
	struct dns_record rec = {.type = type, .flush = true, .ttl = 120, .rdata = p, .n = (uint16_t)n};

	assert_int_equal(dns_name_parse(&rec.name, name), 0);
	assert_true(dns_put_record(&w, DNS_ANSWER, &rec));
}

static inline void txt(const char *instance)
{
	struct dns_record rec = {.name = name_of(instance),
		.type = DNS_TXT,
		.flush = true,
		.ttl = 4500,
		.rdata = (const uint8_t *)"\x09txtvers=1",
		.n = 10};

	assert_true(dns_put_record(&w, DNS_ANSWER, &rec));
}

/* All of a peer, in the order that makes least sense. */
static inline void whole(const char *instance, const char *host, uint8_t number)
{
	response();
	record(host, DNS_A, (const uint8_t[4]){10, 0, 0, number}, 4);
	txt(instance);
	srv(DNS_ANSWER, instance, 7000, host);
	ptr(DNS_ANSWER, instance, 4500);
}

static inline void arrives(const struct place *from, int hops)
{
	responder_on_packet(r, IFINDEX, from, hops, bytes, w.n);
}

static inline void send_it(void)
{
	arrives(&neighbour, 255);
	segment_run(&s, 700);
}

#endif
