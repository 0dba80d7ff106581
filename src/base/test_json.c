#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static void expect(struct str text, const char *json)
{
	struct buf out;

	buf_init(&out, 1000);
	json_text(&out, text);
	assert_string_equal(buf_cstr(&out), json);
	buf_clear(&out);
}

static void test_texts(void **state)
{
	expect(STR(""), "\"\"");
	expect(STR_NONE, "null");
	expect(STR("a \"b\" \\ c"), "\"a \\\"b\\\" \\\\ c\"");
	expect(STR("\x1b[0m\n\x7f"), "\"\\u001b[0m\\u000a\\u007f\"");
	expect(STR("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	expect(STR("\xc2\x9b\x33\x31m\xe2\x80\xae\xe2\x80\xa8"), "\"\\u009b31m\\u202e\\u2028\"");
	expect(STR("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\"");
	expect(STR("a\xff\xc3"), "\"a\\ufffd\\ufffd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
