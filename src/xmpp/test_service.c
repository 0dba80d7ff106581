#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/service.h"

static void test_txt(void **state)
{
	struct service *s = service_new(STR("alice@alpha"), 5298);
	struct buf out = {.max = 10000};

	service_txt_encode(s, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.p[0], 0);
	assert_int_equal(service_txt_set(s, "txtvers", STR("1")), 0);
	assert_int_equal(service_txt_set(s, "status", STR("avail")), 0);
	assert_int_equal(service_txt_set(s, "msg", STR("a=b")), 0);
	assert_int_equal(service_txt_set(s, "Status", STR("dnd")), 0);
	assert_true(str_is(service_txt(s, "STATUS"), "dnd"));
	assert_true(str_is(service_txt(s, "msg"), "a=b"));
	assert_null(service_txt(s, "nick").p);
	assert_null(service_txt(s, "").p);
	buf_reset(&out);
	service_txt_encode(s, &out);
	assert_true(str_is(buf_view(&out), "\x09txtvers=1\x0aStatus=dnd\x07msg=a=b"));
	assert_int_equal(service_txt_set(s, "status", STR_NONE), 0);
	assert_null(service_txt(s, "status").p);
	assert_int_equal(service_txt_set(s, "nobody", STR_NONE), 0);
	assert_true(str_is(service_txt(s, "txtvers"), "1"));
	buf_clear(&out);
	service_free(&s);
}

static void test_txt_limits(void **state)
{
	struct service *s = service_new(STR("x"), 1);
	char big[300], key[16];

	memset(big, 'v', sizeof(big));
	assert_int_equal(service_txt_set(s, "k", (struct str){big, 253}), 0);
	assert_int_equal(service_txt_set(s, "k", (struct str){big, 254}), ERR_LIMIT);
	assert_int_equal(service_txt_set(s, "a=b", STR("c")), ERR_INVALID);
	assert_int_equal(service_txt_set(s, "", STR("c")), ERR_INVALID);
	assert_int_equal(service_txt_set(s, "\n", STR("c")), ERR_INVALID);
	for (int i = 1; i < SERVICE_STRINGS_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(service_txt_set(s, key, (struct str){big, 250}), 0);
	}
	assert_int_equal(service_txt_set(s, "one-more", STR("")), ERR_LIMIT);
	assert_int_equal(service_txt_set(s, "k5", STR("changed")), 0);
	assert_true(str_is(service_txt(s, "k5"), "changed"));
	assert_true(buf_ok(&s->txt));
	service_free(&s);
}

static void test_txt_decode(void **state)
{
	struct service *s = service_new(STR("x"), 1);
	char many[200];

	assert_int_equal(service_txt_decode(s,
				 STR("\x03"
				     "a=1"
				     "\x00"
				     "\x01"
				     "b"
				     "\x02"
				     "=x"
				     "\x03"
				     "A=2"
				     "\x02"
				     "c=")),
		0);
	assert_true(str_is(service_txt(s, "A"), "1"));
	assert_true(str_is(service_txt(s, "b"), ""));
	assert_true(str_is(service_txt(s, "c"), ""));
	assert_null(service_txt(s, "x").p);
	assert_int_equal(service_txt_decode(s,
				 STR("\x05"
				     "a=1")),
		ERR_SYNTAX);
	assert_true(str_is(service_txt(s, "A"), "1"));
	assert_int_equal(service_txt_decode(s, STR("\x00")), 0);
	assert_null(service_txt(s, "A").p);
	for (size_t i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "\x01k", 2);
	assert_int_equal(service_txt_decode(s, (struct str){many, sizeof(many)}), 0);
	assert_int_equal(s->txt.n, 2 * SERVICE_STRINGS_MAX);
	service_free(&s);
}

static void test_copy(void **state)
{
	struct service *s = service_new(STR("alice@alpha #2"), 5298), *copy;

	s->host = xstrdup("alpha.local");
	s->interface = xstrdup("eth0");
	assert_int_equal(service_address_add(s, "10.0.0.7"), 0);
	assert_int_equal(service_address_add(s, "10.0.0.7"), ERR_EXISTS);
	assert_int_equal(service_txt_set(s, "a", STR("b")), 0);
	copy = service_copy(s);
	assert_true(service_equal(s, copy));
	assert_int_equal(service_address_add(copy, "fe80::1%eth0"), 0);
	assert_false(service_equal(s, copy));
	service_free(&copy);
	copy = service_copy(s);
	service_txt_set(copy, "a", STR("c"));
	assert_false(service_equal(s, copy));
	for (int i = 0; i < SERVICE_ADDRESSES_MAX; i++) {
		char text[16];
		snprintf(text, sizeof(text), "10.0.1.%d", i);
		service_address_add(copy, text);
	}
	assert_int_equal(copy->address_count, SERVICE_ADDRESSES_MAX);
	assert_int_equal(service_address_add(copy, "10.9.9.9"), ERR_LIMIT);
	service_free(&copy);
	service_free(&s);
	service_free(&s);
}

static void numbered(const char *wanted, unsigned number, const char *name)
{
	char *got = service_numbered(wanted, number);

	assert_string_equal(got, name);
	xfree(got);
}

static void test_numbered(void **state)
{
	numbered("alice@alpha", 0, "alice@alpha");
	numbered("alice@alpha", 12, "alice@alpha-12");
	numbered("0123456789012345678901234567890123456789012345678901234567890123456789", 1,
		"0123456789012345678901234567890123456789012345678901234567890-1");
	/* Never half a character. */
	numbered("012345678901234567890123456789012345678901234567890123456789\xc3\xb6\xc3\xb6", 0,
		"012345678901234567890123456789012345678901234567890123456789\xc3\xb6");
	numbered("", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_txt_limits),
		cmocka_unit_test(test_txt_decode),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_numbered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
