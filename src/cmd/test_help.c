#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cmd/help.h"

static void same(const char *text, unsigned width, const char *wanted)
{
	CLEANUP(buf_clear) struct buf out = {.max = 65536};

	help_wrap(&out, str_z(text), width);
	assert_string_equal(buf_cstr(&out), wanted);
}

static void paragraphs(void **state)
{
	(void)state;
	same("one two three\n", 40, "one two three\n");
	same("one two three four five\n", 20, "one two three four\nfive\n");
	same("one\n\ntwo\n", 40, "one\n\ntwo\n");
	same("", 40, "");
	same("no end", 40, "no end\n");
	/* Nothing is cut off. */
	same("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b\n", 20, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\n");
	same("one two\n", 1, "one two\n");
}

static void columns(void **state)
{
	(void)state;
	same("  --flag  what it does here\n", 40, "  --flag  what it does here\n");
	same("  --flag  what it does here and there\n", 28, "  --flag  what it does here\n          and there\n");
	same("  --flag  what it does here\n", 20, "  --flag  what it\n          does here\n");
	/* Where there is no room beside it the text goes below. */
	same("  --long-flag VALUE  what it does\n", 24, "  --long-flag VALUE\n      what it does\n");
	same("  --flag  \n", 24, "  --flag\n");
}

static void usages(void **state)
{
	(void)state;
	same("Usage: wireside x [-a B] [-c D]\n", 28, "Usage: wireside x [-a B]\n           [-c D]\n");
	same("Usage: wireside x [-a B or C or D or E]\n", 24,
		"Usage: wireside x [-a B\n           or C or D or\n           E]\n");
}

static void examples(void **state)
{
	(void)state;
	same("Examples:\n  wireside trace FILE -Y 'a == b'\n  wireside\n\nwireside and more of it\n", 25,
		"Examples:\n  wireside trace FILE \\\n      -Y 'a == b'\n  wireside\n\nwireside and more of it\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paragraphs),
		cmocka_unit_test(columns),
		cmocka_unit_test(usages),
		cmocka_unit_test(examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
