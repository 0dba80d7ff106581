#include "trace/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "trace/explain.h"
#include "trace/test_frames.h"

static bool has(struct buf *out, const char *text) { return strstr(buf_cstr(out), text) != NULL; }

/* Two messages: one acknowledged alone, one together with what came after it. */
static void test_acknowledgements(void **state)
{
	struct given all[] = {
		segment("1", false, "0x0002", "0", "0", "0"),
		segment("2", true, "0x0012", "0", "1", "0"),
		segment("3", false, "0x0010", "1", "1", "0"),
		segment("4", false, "0x0018", "1", "1", "100"),
		segment("5", false, "0x0018", "101", "1", "50"),
		segment("6", true, "0x0010", "1", "101", "0"),
		segment("7", true, "0x0018", "1", "151", "10"),
		segment("8", false, "0x0010", "151", "11", "0"),
	};
	struct dissected d;

	give_all(&d, all, ARRAY_LEN(all));
	assert_int_equal(d.host_n, 2);
	assert_int_equal(d.stream_n, 1);
	assert_int_equal(d.frames[0].acked_by, 2); /* the SYN, by the second frame */
	assert_int_equal(d.frames[1].acked_by, 3);
	assert_int_equal(d.frames[3].acked_by, 6);
	assert_int_equal(d.frames[4].acked_by, 7);
	assert_int_equal(d.frames[6].acked_by, 8);
	assert_true(d.frames[3].opener && !d.frames[6].opener);
	assert_true(d.frames[5].bare_ack && !d.frames[6].bare_ack && !d.frames[0].bare_ack);
	dissected_clear(&d);
}

/* Numbers begin anew after 2^32. */
static void test_wrap(void **state)
{
	struct given all[] = {
		segment("1", false, "0x0018", "4294967290", "1", "10"),
		segment("2", true, "0x0010", "1", "4294967290", "0"),
		segment("3", true, "0x0010", "1", "4", "0"),
	};
	struct dissected d;

	give_all(&d, all, ARRAY_LEN(all));
	assert_int_equal(d.frames[0].acked_by, 3);
	dissected_clear(&d);
}

static void test_lines(void **state)
{
	struct given all[] = {
		segment("1", false, "0x0002", "0", "0", "0"),
		segment("2", true, "0x0012", "0", "1", "0"),
		segment("3", false, "0x0010", "1", "1", "0"),
		segment("4", false, "0x0018", "1", "1", "100"),
		segment("5", true, "0x0010", "1", "101", "0"),
		segment("6", false, "0x0011", "101", "1", "0"),
	};
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	struct ladder_options folded = {.all = false}, unfolded = {.all = true};
	struct dissected d;

	all[0].field[F_SEQ_RAW] = "4000000000";
	all[3].field[F_CHAT] = "message|message|m%207|alice@a|bob@b|%22hi%1B%5B2J%20100%25%22|9|0.250000\x1e"
			       "presence|presence||alice@a||is%20here||";
	give_all(&d, all, ARRAY_LEN(all));
	ladder_put(&d, &folded, &out);
	assert_true(has(&out, "SYN  sequence number 4000000000 (absolute)"));
	assert_true(has(&out, "handshake complete"));
	assert_true(has(&out, "alice: \"hi\xe2\x90\x9b[2J 100%\"  [PSH ACK, bytes 1 to 100]"));
	assert_true(has(&out, "acknowledged by frame 5 after 1000.0 ms; receipt in frame 9 after 250.0 ms"));
	assert_true(has(&out, "alice: is here"));
	assert_true(has(&out, ". 1 bare ACK"));
	assert_true(has(&out, "alice closed connection 0 first, with FIN in frame 6"));
	buf_reset(&out);
	ladder_put(&d, &unfolded, &out);
	assert_true(has(&out, "ACK  up to 101") && !has(&out, "bare ACK"));
	buf_reset(&out);
	explain_put(&d, &out);
	assert_true(has(&out, "frame 4: alice@a: \"hi"));
	assert_true(has(&out, "TCP acknowledges it in frame 5, after 1000.000 ms: acknowledgement number 101"));
	assert_true(has(&out, "in frame 9, after 250.000 ms: a receipt"));
	assert_true(has(&out, "frame 6: alice says that it sends no more (FIN): the first to close"));
	dissected_clear(&d);
}

/* A receipt tells of its message, in one pass, too; the first one counts. A model that grows knows in the end what one that is
 * whole knows. */
static void test_growing(void **state)
{
	struct given all[] = {
		segment("1", false, "0x0018", "1", "1", "100"),
		segment("2", true, "0x0018", "1", "101", "10"),
		segment("3", true, "0x0018", "11", "101", "10"),
		segment("4", false, "0x0010", "101", "21", "0"),
	};
	CLEANUP(buf_clear) struct buf whole = {.max = 1 << 20};
	CLEANUP(buf_clear) struct buf grown = {.max = 1 << 20};
	struct dissected d, e = {.text = {.max = 1 << 20}};
	struct ladder_options o = {0};

	all[0].field[F_CHAT] = "message|message|a|alice@a|bob@b|%22one%22|||a%7Cbob@b\x1e"
			       "message|message|b|alice@a|bob@b|%22two%22|||b%7Cbob@b";
	all[1].field[F_CHAT] = "receipt|message|r|bob@b|alice@a|delivered|1|1.000000|b%7Cbob@b";
	all[2].field[F_CHAT] = "receipt|message|r|bob@b|alice@a|delivered|||b%7Cbob@b";
	give_all(&d, all, ARRAY_LEN(all));
	ladder_put(&d, &o, &whole);
	assert_true(has(&whole, "\"one\"  [PSH ACK, bytes 1 to 100]  TCP: acknowledged by frame 2 after 1000.0 ms\n"));
	assert_true(has(&whole,
		"\"two\"  [PSH ACK, bytes 1 to 100]  TCP: acknowledged by frame 2 after 1000.0 ms; "
		"receipt in frame 2 after 1000.0 ms\n"));
	assert_true(has(&whole, "receipt after 2000.0 ms")); /* the second one, which tshark had no message for */
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		give(&e, &all[i]);
		dissect_end(&e);
	}
	ladder_put(&e, &o, &grown);
	assert_string_equal(buf_cstr(&whole), buf_cstr(&grown));
	dissected_clear(&d);
	dissected_clear(&e);
}

/* Rows that are none, cut anywhere. */
static void test_hostile_rows(void **state)
{
	static const char row[] = "message|message|%41%4|%|%zz|%C3%A4|4294967296|nan|more\x1e\x1e|||||||";

	for (size_t n = 0; n < sizeof(row); n++) {
		CLEANUP(buf_clear) struct buf store = {.max = 4096};
		char *copy = xmemdup(row, n ? n : 1);
		struct str rows = {copy, n};
		struct chat_event e;
		unsigned events = 0;

		while (chat_next(&rows, &store, &e))
			assert_true(++events <= 3);
		xfree(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acknowledgements),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_hostile_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
