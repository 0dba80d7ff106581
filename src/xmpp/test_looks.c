#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "xmpp/looks.h"

static struct stanza *read(const char *inside)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 8192};
	struct stanza *s;

	buf_fmt(&xml, "<presence from='bob@x.test/a' to='alice@x.test'>%s</presence>", inside);
	assert_int_equal(stanza_parse(buf_view(&xml), &s), 0);
	return s;
}

/* Each before all that follow, whichever is asked first; what means the same is before neither. */
static void in_order(void **state)
{
	static const char *const order[] = {
		"<priority>1</priority><show>xa</show>",
		"<show> dnd </show><status>busy</status>",
		"<show>dnd</show>",
		"<show>chat</show>",
		"<status>b</status>",
		"<show>available</show><status>a</status>",
		"",
		"<show>away</show>",
		"<show>xa</show><status>gone</status>",
		"<show>xa</show>",
		"<priority>-1</priority><show>dnd</show>",
	};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < ARRAY_LEN(order); k++) {
			struct stanza *a = read(order[i]), *b = read(order[k]);

			if (looks_presence_before(a, b) != (i < k))
				fail_msg("%s, %s", order[i], order[k]);
			stanza_free(&a);
			stanza_free(&b);
		}
}

static void the_same(void **state)
{
	static const char *const same[] = {"", "<show/>", "<show>available</show>", "<show>nonsense</show><status/>"};

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		for (size_t k = 0; k < ARRAY_LEN(same); k++) {
			struct stanza *a = read(same[i]), *b = read(same[k]);

			assert_false(looks_presence_before(a, b));
			stanza_free(&a);
			stanza_free(&b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
