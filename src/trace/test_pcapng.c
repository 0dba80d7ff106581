#include "trace/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static const char keys[] = "CLIENT_TRAFFIC_SECRET_0 aa bb\n";

static void write_all(struct buf *out)
{
	struct pcapng_name names[2] = {{.address = {10, 0, 0, 1}, .name = STR("alice")},
		{.address = {0xfe, 0x80}, .v6 = true, .name = STR("bob")}};
	struct pcapng_packet p = {.time = 1700000000123456789, .length = 1000, .data = STR("12345")};

	buf_init(out, 1 << 20);
	pcapng_put_section(out, STR("wireside"), STR("a comment"));
	pcapng_put_interface(out, PCAPNG_ETHERNET, STR("eth0"), STR("the wire"));
	pcapng_put_names(out, names, 2);
	pcapng_put_secrets(out, STR("CLIENT_TRAFFIC_SECRET_0 aa bb\n"));
	p.comments[0] = STR("one");
	p.comments[1] = STR("another");
	pcapng_put_packet(out, &p);
	pcapng_put_statistics(out, 0, p.time, 7, 2);
	assert_true(buf_ok(out));
}

static void expect(struct pcapng_reader *r, struct str *in, uint32_t kind, struct pcapng_block *b)
{
	assert_int_equal(pcapng_next(r, in, b), 1);
	assert_int_equal(b->kind, kind);
}

static void expect_names(const struct pcapng_reader *r, struct str names)
{
	static const uint8_t four[16] = {10, 0, 0, 1}, six[16] = {0xfe, 0x80};
	struct pcapng_name n;

	assert_true(pcapng_next_name(r, &names, &n));
	assert_true(!n.v6 && memcmp(n.address, four, 16) == 0 && str_is(n.name, "alice"));
	assert_true(pcapng_next_name(r, &names, &n));
	assert_true(n.v6 && memcmp(n.address, six, 16) == 0 && str_is(n.name, "bob"));
	assert_false(pcapng_next_name(r, &names, &n));
}

/* Records that are too short, of other kinds, longer than the block, without an end. */
static void test_hostile_names(void **state)
{
	static const char bytes[] = "\1\0\2\0ab\0\0"
				    "\3\0\1\0x\0\0\0"
				    "\1\0\6\0\1\2\3\4n!\0\0"
				    "\2\0\377\0abc";
	struct str names = {bytes, sizeof(bytes) - 1};
	struct pcapng_reader r;
	struct pcapng_name n;

	pcapng_reader_init(&r);
	assert_true(pcapng_next_name(&r, &names, &n));
	assert_true(str_is(n.name, "n!"));
	assert_false(pcapng_next_name(&r, &names, &n));
}

static void test_written_is_read(void **state)
{
	CLEANUP(buf_clear) struct buf out;
	struct pcapng_reader r;
	struct pcapng_block b;
	struct str in;
	size_t total = 0;

	write_all(&out);
	in = buf_view(&out);
	pcapng_reader_init(&r);
	expect(&r, &in, PCAPNG_SECTION, &b);
	assert_true(b.commented);
	total += b.raw.n;
	expect(&r, &in, PCAPNG_INTERFACE, &b);
	assert_int_equal(b.link_type, PCAPNG_ETHERNET);
	assert_false(b.commented);
	total += b.raw.n;
	expect(&r, &in, PCAPNG_NAMES, &b);
	expect_names(&r, b.names);
	total += b.raw.n;
	expect(&r, &in, PCAPNG_SECRETS, &b);
	assert_true(str_is(b.secrets, keys));
	total += b.raw.n;
	expect(&r, &in, PCAPNG_PACKET, &b);
	assert_true(b.packet.time == 1700000000123456789 && b.packet.length == 1000 && str_is(b.packet.data, "12345"));
	total += b.raw.n;
	expect(&r, &in, PCAPNG_STATISTICS, &b);
	assert_true(b.received == 7 && b.dropped == 2 && b.drops_told);
	total += b.raw.n;
	assert_int_equal(in.n, 0);
	assert_int_equal(total, out.n);
	assert_int_equal(pcapng_next(&r, &in, &b), 0);
}

/* However the bytes come, a block is given once, when it is complete. */
static void test_in_pieces(void **state)
{
	CLEANUP(buf_clear) struct buf out, got;
	struct pcapng_reader r;
	struct pcapng_block b;
	unsigned blocks = 0;

	write_all(&out);
	buf_init(&got, 1 << 20);
	pcapng_reader_init(&r);
	for (size_t i = 0; i < out.n; i++) {
		struct str in;
		int n;

		buf_char(&got, out.p[i]);
		in = buf_view(&got);
		n = pcapng_next(&r, &in, &b);
		assert_true(n >= 0);
		blocks += (unsigned)n;
		buf_eat(&got, got.n - in.n);
	}
	assert_int_equal(blocks, 6);
	assert_int_equal(got.n, 0);
}

/* A file of a machine with the other byte order, and microseconds, which need no option. */
static void test_big_endian(void **state)
{
	static const char file[] =
		"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c"
		"\0\0\0\x01\0\0\0\x14\0\x01\0\0\0\0\0\0\0\0\0\x14"
		"\0\0\0\x06\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x02\0\0\0\x09hi\0\0\0\0\0\x24";
	struct str in = {file, sizeof(file) - 1};
	struct pcapng_reader r;
	struct pcapng_block b;

	pcapng_reader_init(&r);
	expect(&r, &in, PCAPNG_SECTION, &b);
	expect(&r, &in, PCAPNG_INTERFACE, &b);
	expect(&r, &in, PCAPNG_PACKET, &b);
	assert_true(b.packet.time == 5000 && b.packet.length == 9 && str_is(b.packet.data, "hi"));
}

/* Each is wrong in one place of a file that is right. */
static void test_hostile(void **state)
{
	static const struct {
		size_t at; /* from the packet block's beginning */
		uint32_t value;
		int err;
	} cases[] = {
		{4, 8, ERR_SYNTAX},                   /* shorter than a block can be */
		{4, 37, ERR_SYNTAX},                  /* not a multiple of four */
		{4, PCAPNG_BLOCK_MAX + 4, ERR_LIMIT}, /* too long */
		{4, 36, ERR_SYNTAX},                  /* the length at the end is another one */
		{8, 1, ERR_SYNTAX},                   /* an interface that nobody has told of */
		{20, 0xffffffff, ERR_SYNTAX},         /* more data than there is */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		struct pcapng_packet p = {.time = 1, .length = 8, .data = STR("12345678")};
		struct pcapng_reader r;
		struct pcapng_block b;
		struct str in;
		size_t start;

		pcapng_put_section(&out, STR("x"), STR_NONE);
		pcapng_put_interface(&out, PCAPNG_ETHERNET, STR("e"), STR_NONE);
		start = out.n;
		pcapng_put_packet(&out, &p);
		memcpy(out.p + start + cases[i].at, &cases[i].value, 4);
		in = buf_view(&out);
		pcapng_reader_init(&r);
		expect(&r, &in, PCAPNG_SECTION, &b);
		expect(&r, &in, PCAPNG_INTERFACE, &b);
		assert_int_equal(pcapng_next(&r, &in, &b), cases[i].err);
	}
}

static void test_limits(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	struct pcapng_reader r;
	struct pcapng_block b;
	struct str in = STR("GIF89a not a capture file at all");
	int err = 1;

	pcapng_reader_init(&r);
	assert_int_equal(pcapng_next(&r, &in, &b), ERR_SYNTAX);
	pcapng_put_section(&out, STR("x"), STR_NONE);
	for (int i = 0; i < PCAPNG_INTERFACES_MAX + 1; i++)
		pcapng_put_interface(&out, PCAPNG_ETHERNET, STR("e"), STR_NONE);
	in = buf_view(&out);
	pcapng_reader_init(&r);
	while (err == 1)
		err = pcapng_next(&r, &in, &b);
	assert_int_equal(err, ERR_LIMIT);
}

/* A block that does not fit leaves no half of itself. */
static void test_full_buffer(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 60};
	struct pcapng_packet p = {.data = STR("0123456789012345678901234567890123456789")};
	size_t before;

	pcapng_put_section(&out, STR("x"), STR_NONE);
	assert_true(buf_ok(&out));
	before = out.n;
	pcapng_put_packet(&out, &p);
	assert_false(buf_ok(&out));
	assert_int_equal(out.n, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_full_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
