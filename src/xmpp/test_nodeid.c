#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/mem.h"
#include "xmpp/jid.h"
#include "xmpp/nodeid.h"

#define ID "a3r73d62fg5wbk2zkv66mhw3bl"

/* The key of RFC 8032 7.1 test 1; digest and id by other programs (openssl pkey and sha256sum, Python's base64). */
static const uint8_t key[NODEID_KEY] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9,
	0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51,
	0x1a};

static void known_key(void **state)
{
	CLEANUP(buf_clear) struct buf hex = {.max = 100};
	uint8_t fingerprint[NODEID_FINGERPRINT];
	char id[NODEID_LEN + 1];

	nodeid_fingerprint(key, fingerprint);
	hex_encode(&hex, fingerprint, sizeof(fingerprint));
	assert_true(str_is(buf_view(&hex), "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"));
	nodeid_of(key, id);
	assert_string_equal(id, ID);
	assert_true(nodeid_is(str_z(id)));
}

static void domains(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = NODEID_DOMAIN_MAX};
	CLEANUP(buf_clear) struct buf again = {.max = NODEID_DOMAIN_MAX};
	struct str id;
	bool rooms;

	nodeid_domain(&out, STR(ID));
	assert_true(str_is(buf_view(&out), ID ".internal"));
	assert_true(nodeid_parse_domain(buf_view(&out), &id, &rooms));
	assert_true(str_is(id, ID));
	assert_false(rooms);
	assert_int_equal(jid_prep_domain(buf_view(&out), &again), 0); /* an address may hold it, unchanged */
	assert_true(str_eq(buf_view(&again), buf_view(&out)));
	buf_reset(&out);
	nodeid_rooms_domain(&out, STR(ID));
	assert_true(str_is(buf_view(&out), "rooms." ID ".internal"));
	assert_int_equal(out.n, NODEID_DOMAIN_MAX);
	assert_true(nodeid_parse_domain(buf_view(&out), &id, &rooms));
	assert_true(str_is(id, ID));
	assert_true(rooms);
}

static const char *const others[] = {
	"",
	".internal",
	"rooms..internal",
	"rooms.internal",
	"localhost",
	ID,
	ID ".local",
	ID ".internal.",
	ID "..internal",
	ID ".Internal",
	ID ".internal.example",
	ID "b.internal",
	"a3r73d62fg5wbk2zkv66mhw3b.internal",
	"A3R73D62FG5WBK2ZKV66MHW3BL.internal",
	"a3r73d62fg5wbk2zkv66mhw3bL.internal",
	"a3r73d62fg5wbk2zkv66mhw3b1.internal",
	"a3r73d62fg5wbk2zkv66mhw3b8.internal",
	"a3r73d62fg5wbk2zkv66mhw3b-.internal",
	"a3r73d62fg5wbk2zkv66mhw3b\xc3\xa4.internal",
	" " ID ".internal",
	"x." ID ".internal",
	"Rooms." ID ".internal",
	"rooms.rooms." ID ".internal",
	"rooms." ID ".internal ",
};

static void other_domains(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct str id = STR("kept");
		bool rooms = true;
		if (nodeid_parse_domain(str_z(others[i]), &id, &rooms))
			fail_msg("accepted: %s", others[i]);
		assert_true(str_is(id, "kept") && rooms);
	}
	assert_false(nodeid_parse_domain(STR_NONE, &(struct str){0}, &(bool){0}));
	assert_false(nodeid_is(STR("a3r73d62fg5wbk2zkv66mhw3b\0")));
}

static void check_groups(struct str text, const char *want)
{
	CLEANUP(buf_clear) struct buf out = {.max = 100};

	nodeid_groups(&out, text, ' ');
	assert_true(str_is(buf_view(&out), want));
}

static void groups(void **state)
{
	check_groups(STR(""), "");
	check_groups(STR("abc"), "abc");
	check_groups(STR("abcd"), "abcd");
	check_groups(STR("abcde"), "abcd e");
	check_groups(STR(ID), "a3r7 3d62 fg5w bk2z kv66 mhw3 bl");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_key),
		cmocka_unit_test(domains),
		cmocka_unit_test(other_domains),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
