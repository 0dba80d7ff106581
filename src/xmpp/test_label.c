#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "xmpp/label.h"

static void near(void **state)
{
	static const struct {
		const char *label, *typed;
		bool near;
	} cases[] = {
		{"bob", "bbo", true},
		{"bob", "Bob", true},
		{"bob", "bo", true},
		{"bob", "bobb", true},
		{"bob", "rob", true},
		{"bob", "rab", false},
		{"bob", "b", false},
		{"b", "bo", false},
		{"carol", "crol", true},
		{"carol", "acrlo", true},
		{"carol", "zelda", false},
		{"carol", "car", true},
		{"carol", "rol", false},
		{"bob-bravo", "bob-", true},
		{"bob", "bob-bravo", false},
		{"ab", "ba", true},
		{"j\u00fcrgen", "jurgen", true},
		{"", "", false},
	};
	char long_one[LABEL_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (label_is_near(str_z(cases[i].label), str_z(cases[i].typed)) != cases[i].near)
			fail_msg("%s for %s", cases[i].label, cases[i].typed);
	memset(long_one, 'a', sizeof(long_one));
	assert_true(label_is_near((struct str){long_one, LABEL_MAX}, (struct str){long_one, LABEL_MAX}));
	assert_false(label_is_near((struct str){long_one, LABEL_MAX + 1}, (struct str){long_one, LABEL_MAX}));
	assert_false(label_is_near((struct str){long_one, LABEL_MAX}, (struct str){long_one, LABEL_MAX + 1}));
}

static void hints(void **state)
{
	struct label_hints h = {0};

	label_hint(&h, STR("carol"), STR("bbo"));
	assert_int_equal(h.n, 0);
	label_hint(&h, STR("bob"), STR("bbo"));
	assert_string_equal(buf_cstr(&h.text), "; did you mean bob?");
	/* As it has to be typed. */
	buf_clear(&h.text);
	h = (struct label_hints){0};
	label_hint(&h, STR("Bob Smith"), STR("bob"));
	assert_string_equal(buf_cstr(&h.text), "; did you mean \"Bob Smith\"?");
	buf_clear(&h.text);
	h = (struct label_hints){0};
	label_hint(&h, STR("bob"), STR("bbo"));
	label_hint(&h, STR("bbob"), STR("bbo"));
	label_hint(&h, STR("bba"), STR("bbo"));
	label_hint(&h, STR("bbc"), STR("bbo"));
	assert_string_equal(buf_cstr(&h.text), "; did you mean bob or bbob or bba?");
	buf_clear(&h.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(near), cmocka_unit_test(hints)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
