#include "trace/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

/* What is left of the lines, one after the other. */
static const char *left(struct buf *out, const char *all)
{
	struct tree t = {0};
	struct str rest = str_z(all);

	buf_reset(out);
	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		if (tree_line(&t, &line)) {
			buf_str(out, line);
			buf_char(out, '\n');
		}
	}
	return buf_cstr(out);
}

static void test_noise(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};

	assert_string_equal(left(&out,
				    "XMPP Protocol\n"
				    "    REQUEST [xmlns=\"urn:xmpp:receipts\"] [UNKNOWN]\n"
				    "        xmlns: urn:xmpp:receipts\n"
				    "        [Expert Info (Note/Undecoded): Unknown element: request]\n"
				    "            [Unknown element: request]\n"
				    "            [Severity level: Note]\n"
				    "    BODY [value=\"a [UNKNOWN]\"]\n"
				    "        value: A [UNKNOWN]\n"),
		"XMPP Protocol\n"
		"    REQUEST [xmlns=\"urn:xmpp:receipts\"]\n"
		"        xmlns: urn:xmpp:receipts\n"
		"    BODY [value=\"a [UNKNOWN]\"]\n"
		"        value: A [UNKNOWN]\n");
	/* Other warnings stay, and what is at the margin is never left out. */
	assert_string_equal(left(&out, "T\n    [Expert Info (Warning/Sequence): x]\n        y\n"),
		"T\n    [Expert Info (Warning/Sequence): x]\n        y\n");
	assert_string_equal(left(&out, "    [Expert Info (Note/Undecoded): Unknown element: x]\n        y\nFrame 2\n"),
		"Frame 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_noise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
