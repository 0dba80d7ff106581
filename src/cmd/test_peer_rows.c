#include "cmd/peer_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void on_row(void *arg, const char *row) { buf_fmt(arg, "<%s>", row); }

/* Whether the end is none in the middle. */
static bool rows(const char *text, const char *wanted)
{
	CLEANUP(buf_clear) struct buf got = {.max = 1 << 20};
	struct peer_rows p;
	struct str rest = str_z(text);
	bool whole;

	peer_rows_init(&p, on_row, &got);
	while (rest.n)
		assert_true(peer_rows_line(&p, str_cut(&rest, '\n')));
	whole = peer_rows_whole(&p);
	peer_rows_clear(&p);
	assert_string_equal(buf_cstr(&got), wanted);
	return whole;
}

static void text(void **state)
{
	(void)state;
	assert_true(rows("", ""));
	assert_true(
		rows("# left out\n\nbob\tbob\tk\tnew\t\t-\n  bob\tx", "<# left out><bob\tbob\tk\tnew\t\t-><  bob\tx>"));
	assert_true(rows("[fe80::1%eth0]:5298\t\ttyped\tnew\t[fe80::1%eth0]:5298\t-",
		"<[fe80::1%eth0]:5298\t\ttyped\tnew\t[fe80::1%eth0]:5298\t->"));
}

/* A label may begin with what begins an object. */
static void text_like_json(void **state)
{
#define ROW(label) label "\tuser\tkey\tpinned\t10.0.0.7:5298\t-"

	(void)state;
	assert_true(
		rows(ROW("zed") "\n" ROW("{x") "\n" ROW("anna"), "<" ROW("zed") "><" ROW("{x") "><" ROW("anna") ">"));
	assert_true(rows(ROW("{\"a") "\n" ROW("{") "\n" ROW("[{x") "\n" ROW("{}"),
		"<" ROW("{\"a") "><" ROW("{") "><" ROW("[{x") "><" ROW("{}") ">"));
	assert_true(rows("zed\n{x\nanna\nbea", "<zed><{x><anna><bea>"));
	assert_true(rows("zed\n{ \n\nanna\nbea", "<zed><{><anna><bea>"));
	assert_true(rows("{\t\"label\":\t\"new\"\t,\t\"a\": 1}", "<{\t\"label\":\t\"new\"\t,\t\"a\": 1}>"));
}

static void json(void **state)
{
	const char *both = "<{\"label\": \"a\"}><{\"label\": \"b}\\\"{\"}>";

	(void)state;
	assert_true(rows("[\n{\"label\": \"a\"},\n{\"label\": \"b}\\\"{\"}\n]\n", both));
	assert_true(rows("[{\"label\": \"a\"},{\"label\": \"b}\\\"{\"}]\n", both)); /* jq -c . */
	assert_true(rows("{\"label\": \"a\"}\n{\"label\": \"b}\\\"{\"}\n", both));  /* jq -c .[] */
	assert_true(rows("[]", ""));
	/* jq . */
	assert_true(rows(
		"[\n  {\n    \"label\": \"a\",\n    \"addresses\": [\n      \"x\"\n    ]\n  },\n  {\n    \"label\": \"b\"\n  }\n]\n",
		"<{     \"label\": \"a\",     \"addresses\": [       \"x\"     ]   }><{     \"label\": \"b\"   }>"));
	assert_true(rows("[\n\t{\n\t\t\"label\": \"a\"\n\n\t}\n]", "<{ \t\t\"label\": \"a\"  \t}>")); /* jq --tab . */
	assert_true(rows("{\"a\": {\"b\": {}}} nonsense", "<{\"a\": {\"b\": {}}}><nonsense>"));
	assert_false(rows("[ {\"label\": \"a\"", ""));
	assert_false(rows("{\"label\": \"a}\n", ""));
}

static void too_long(void **state)
{
	CLEANUP(buf_clear) struct buf got = {.max = 1 << 20};
	struct peer_rows p;

	(void)state;
	peer_rows_init(&p, on_row, &got);
	assert_true(peer_rows_line(&p, STR("{\"label\": \"")));
	for (int i = 0; i < PEER_ROW_MAX / 8; i++)
		assert_true(peer_rows_line(&p, STR("01234567")));
	assert_false(peer_rows_line(&p, STR("\"}")));
	assert_true(peer_rows_line(&p, STR("{\"label\": \"b\"}")));
	assert_string_equal(buf_cstr(&got), "<{\"label\": \"b\"}>");
	peer_rows_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(text_like_json),
		cmocka_unit_test(json),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
