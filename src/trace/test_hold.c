#include "trace/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/frame.h"

#define RANDOM "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define OTHER "ff02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

/* A segment from 10.0.0.1:1000 to 10.0.0.2:5298, or back, with a handshake message of this type; 0: with text. */
static struct str segment(char *p, bool back, char type)
{
	static const char ip[] = "\x45\0\0\0\0\0\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02";
	static const char ports[] = "\x03\xe8\x14\xb2";
	size_t n = 14 + 20 + 20 + 60;

	memset(p, 0, n);
	p[12] = 8;
	memcpy(p + 14, ip, 20);
	p[14 + 3] = 20 + 20 + 60;
	memcpy(p + 34, ports, 4);
	p[34 + 12] = 0x50;
	if (back) {
		p[14 + 15] = 2;
		p[14 + 19] = 1;
		memcpy(p + 34, ports + 2, 2);
		memcpy(p + 36, ports, 2);
	}
	if (!type)
		return (struct str){p, n};
	memcpy(p + 54, "\x16\x03\x01\0\x37", 5);
	p[54 + 5] = type;
	for (char i = 0; i < TLS_RANDOM; i++)
		p[54 + 11 + i] = (char)(i + 1);
	return (struct str){p, n};
}

static void give(struct hold *h, bool back, char type, int64_t now)
{
	char bytes[256];
	struct pcapng_packet p = {.time = now, .data = segment(bytes, back, type)};

	p.length = (uint32_t)p.data.n;
	hold_packet(h, &p, PCAPNG_ETHERNET, now);
}

/* The blocks as letters: P packet, S secrets. */
static void expect(struct hold *h, int64_t now, bool all, const char *letters)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	CLEANUP(buf_clear) struct buf got = {.max = 100};
	struct pcapng_reader r;
	struct pcapng_block b;
	struct str in;

	pcapng_put_section(&out, STR("x"), STR_NONE);
	pcapng_put_interface(&out, PCAPNG_ETHERNET, STR("e"), STR_NONE);
	hold_take(h, now, all, &out);
	in = buf_view(&out);
	pcapng_reader_init(&r);
	while (pcapng_next(&r, &in, &b) == 1)
		if (b.kind == PCAPNG_PACKET || b.kind == PCAPNG_SECRETS)
			buf_char(&got, b.kind == PCAPNG_PACKET ? 'P' : 'S');
	assert_string_equal(buf_cstr(&got), letters);
}

static void tell(struct hold *h, const char *random)
{
	static const char *const labels[] = {"SERVER_HANDSHAKE_TRAFFIC_SECRET", "EXPORTER_SECRET",
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0", "CLIENT_TRAFFIC_SECRET_0"};
	char line[400];

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		snprintf(line, sizeof(line), "%s %s 0123abCD", labels[i], random);
		hold_key(h, str_z(line));
	}
}

static void test_secrets_come_later(void **state)
{
	struct hold *h = hold_new(true);

	give(h, false, 0, 0);
	give(h, false, 1, 1);
	expect(h, 2, false, "PP");
	give(h, true, 2, 10);
	give(h, false, 0, 11);
	expect(h, 20, false, "");
	tell(h, OTHER);
	expect(h, 21, false, "");
	tell(h, RANDOM);
	expect(h, 22, false, "SPP");
	tell(h, RANDOM); /* the other end tells it, too */
	give(h, true, 2, 30);
	expect(h, 31, false, "P");
	assert_int_equal(hold_packets(h), 5);
	assert_int_equal(hold_sessions(h), 1);
	hold_free(&h);
}

static void test_secrets_first(void **state)
{
	struct hold *h = hold_new(true);

	tell(h, RANDOM);
	give(h, false, 1, 1);
	give(h, true, 2, 1);
	expect(h, 1, false, "PSP");
	hold_free(&h);
}

static void test_secrets_never(void **state)
{
	struct hold *h = hold_new(true);

	give(h, false, 1, 0);
	give(h, true, 2, 0);
	give(h, false, 0, 0);
	expect(h, HOLD_MS - 1, false, "P");
	expect(h, HOLD_MS, false, "PP");
	give(h, true, 2, 5000);
	expect(h, 5000, false, "");
	expect(h, 5000, true, "P");
	hold_free(&h);
}

/* On a bad wire the client tells its last secrets long after the server's hello was seen: before its own first data is soon enough. */
static void test_secrets_in_parts(void **state)
{
	struct hold *h = hold_new(true);

	give(h, false, 1, 0);
	give(h, true, 2, 0);
	hold_key(h, STR("SERVER_HANDSHAKE_TRAFFIC_SECRET " RANDOM " 01"));
	hold_key(h, STR("CLIENT_HANDSHAKE_TRAFFIC_SECRET " RANDOM " 02"));
	expect(h, HOLD_MS - 1, false, "P");
	expect(h, HOLD_MS, false, "SP");
	give(h, true, 2, 2000); /* sent again */
	expect(h, 2001, false, "");
	expect(h, 2000 + HOLD_MS, false, "P");
	give(h, false, 0, 4000);
	give(h, true, 0, 4001);
	expect(h, 4002, false, "");
	tell(h, RANDOM);
	expect(h, 4003, false, "SPP");
	give(h, false, 0, 5000);
	expect(h, 5000, false, "P");
	assert_int_equal(hold_sessions(h), 1);
	hold_free(&h);
}

/* If they never come that is waited for once. */
static void test_rest_never_comes(void **state)
{
	struct hold *h = hold_new(true);

	give(h, false, 1, 0);
	give(h, true, 2, 0);
	hold_key(h, STR("SERVER_HANDSHAKE_TRAFFIC_SECRET " RANDOM " 01"));
	expect(h, HOLD_MS, false, "PSP");
	give(h, false, 0, 2000);
	expect(h, 2000, false, "");
	expect(h, 2000 + HOLD_MS, false, "P");
	give(h, false, 0, 4000);
	expect(h, 4000, false, "P");
	hold_free(&h);
}

static void test_nobody_waits(void **state)
{
	struct hold *h = hold_new(false);

	tell(h, RANDOM);
	give(h, false, 1, 0);
	give(h, true, 2, 0);
	expect(h, 0, false, "PP");
	hold_free(&h);
}

/* What is no key line changes nothing, and gets into no file. */
static void test_hostile_lines(void **state)
{
	static const char *const lines[] = {"", " ", "CLIENT_RANDOM", "CLIENT_RANDOM 01 02", "CLIENT_RANDOM " RANDOM,
		"CLIENT_RANDOM " RANDOM " ", "CLIENT_RANDOM " RANDOM " zz", "CLIENT_RANDOM " RANDOM " 00\n00",
		"SOMETHING " RANDOM " 00"};
	struct hold *h = hold_new(true);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		hold_key(h, str_z(lines[i]));
	give(h, false, 1, 0);
	give(h, true, 2, 0);
	expect(h, 0, true, "PP");
	hold_key(h, STR("CLIENT_RANDOM " RANDOM " 00")); /* TLS 1.2: this one is enough, but too late for that hello */
	give(h, true, 2, 1);
	expect(h, 1, false, "SP");
	hold_free(&h);
}

/* Frames cut anywhere, and of every first bytes. */
static void test_hostile_frames(void **state)
{
	char bytes[256];
	struct str whole = segment(bytes, false, 1);
	uint8_t random[TLS_RANDOM];
	struct frame f;

	for (size_t n = 0; n <= whole.n; n++) {
		char *copy = xmemdup(bytes, n ? n : 1);
		bool read = frame_read((struct str){copy, n}, &f);

		assert_true(
			!read || frame_hello(&f, random) == (n >= 54 + 11 + TLS_RANDOM ? HELLO_CLIENT : HELLO_NONE));
		xfree(copy);
	}
	bytes[14 + 6] = 1; /* a later fragment */
	assert_false(frame_read(whole, &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_come_later),
		cmocka_unit_test(test_secrets_first),
		cmocka_unit_test(test_secrets_never),
		cmocka_unit_test(test_secrets_in_parts),
		cmocka_unit_test(test_rest_never_comes),
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_hostile_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
