#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xmpp/escape.h"
#include "xmpp/jid.h"

/* There and back, and the address is taken as it is. *ret_local, if wanted, has ESCAPE_LOCAL_MAX + 1 bytes. */
static void check_pair(struct str name, char *ret_local)
{
	char text[ESCAPE_LOCAL_MAX + 20], back[ESCAPE_INSTANCE_MAX];
	struct buf jid = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
	struct buf b = {.p = back, .cap = sizeof(back), .max = sizeof(back)};
	struct jid_buf parsed;

	assert_int_equal(escape_instance(name, &jid), 0);
	size_t n = jid.n;
	buf_z(&jid, "@xep0174.internal");
	assert_int_equal(jid_parse_buf(buf_view(&jid), &parsed), 0);
	if (!str_eq(jid_str(parsed.jid), buf_view(&jid)) || parsed.jid.local != n)
		fail_msg("%.*s becomes %.*s", STR_FMT(buf_view(&jid)), STR_FMT(jid_str(parsed.jid)));
	struct str local = {text, n};
	assert_false(str_starts(local, STR("\\20")) || str_ends(local, STR("\\20")));
	if (unescape_instance(local, &b) < 0 || !str_eq(buf_view(&b), name))
		fail_msg("%.*s is not of \"%.*s\"", STR_FMT(local), STR_FMT(name));
	if (ret_local)
		snprintf(ret_local, ESCAPE_LOCAL_MAX + 1, "%.*s", STR_FMT(local));
}

static const struct {
	const char *name, *local;
} known[] = {
	/* XEP-0106, its examples */
	{"space cadet", "space\\20cadet"},
	{"call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"},
	{"at&t guy", "at\\26t\\20guy"},
	{"d'artagnan", "d\\27artagnan"},
	{"/.fanboy", "\\2f.fanboy"},
	{"::foo::", "\\3a\\3afoo\\3a\\3a"},
	{"<foo>", "\\3cfoo\\3e"},
	{"user@host", "user\\40host"},
	{"c:\\net", "c\\3a\\net"},
	{"c:\\\\net", "c\\3a\\\\net"},
	{"c:\\cool stuff", "c\\3a\\cool\\20stuff"},
	{"c:\\5commas", "c\\3a\\5c5commas"},
	{"\\3and\\2is\\5cool", "\\5c3and\\2is\\5c5cool"},
	/* what the stacks make of a name that is taken */
	{"alice@alpha", "alice\\40alpha"},
	{"alice@alpha #2", "alice\\40alpha\\20#2"},
	{"name (2)", "name\\20(2)"},
	/* ours */
	{" alice ", "\\_alice\\_"},
	{" ", "\\_"},
	{"   ", "\\_\\20\\_"},
	{"\\_", "\\5c_"},
	{"_", "_"},
	{"\\ ", "\\\\_"},
	{"\\", "\\"},
	{"\\\\", "\\\\"},
	{"\\ab", "\\5cab"},
	{"\\aB", "\\a\\42"},
	{"\\a", "\\a"},
	{"Alice", "\\41lice"},
	{"ALICE@Host", "\\41\\4c\\49\\43\\45\\40\\48ost"},
	{"a\tb\x01\x7f", "a\\09b\\01\\7f"},
	{"fu\u00df", "fu\u00df"},
	{"\u00fcber@b\u00fcro", "\u00fcber\\40b\u00fcro"},
	{"\u00dcber", "\\c3\\9cber"},
	{"u\u0308", "u\\cc\\88"}, /* NFC would join them */
	{"\u00fcu\u0308", "\\c3\\bcu\\cc\\88"},
	{"\uff41", "\\ef\\bd\\81"},
	{"\ufb01", "\\ef\\ac\\81"},
	{"\U0001f600", "\\f0\\9f\\98\\80"},
	{"\u00e9\U0001f600", "\u00e9\\f0\\9f\\98\\80"},
	{"\u05d0\u05d1", "\u05d0\u05d1"},
	{"\u05d0@a", "\\d7\\90\\40a"}, /* the Bidi Rule */
	{"\u200d", "\\e2\\80\\8d"},
};

static void known_names(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		char local[ESCAPE_LOCAL_MAX + 1];
		check_pair(str_z(known[i].name), local);
		assert_string_equal(local, known[i].local);
	}
	check_pair(STR("a\0b"), NULL);
}

static void not_names(void **state)
{
	static const struct str bad[] = {STR(""), STR("\xff"), STR("a\xc3"), STR("\xed\xa0\x80"), STR("\xc0\xaf")};
	CLEANUP(buf_clear) struct buf out = {.max = 200};
	char longest[ESCAPE_INSTANCE_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(escape_instance(bad[i], &out), ERR_INVALID);
	assert_int_equal(escape_instance(STR_NONE, &out), ERR_INVALID);
	memset(longest, 'A', sizeof(longest));
	assert_int_equal(escape_instance((struct str){longest, sizeof(longest)}, &out), ERR_INVALID);
	assert_int_equal(out.n, 0);
	check_pair((struct str){longest, ESCAPE_INSTANCE_MAX}, NULL);
}

/* Second spellings, and what is none. */
static void refused_localparts(void **state)
{
	static const char *const bad[] = {"", "Alice", "a b", "\\61lice", "\\2Fa", "\\20a", "a\\20", "a\\_b", "\\5c",
		"\\5cx", "\\5c\\5c", "a@b", "\\c3\\bc", "\\ff", "\\c3", "u\u0308", "\u00fc\\c3\\bc", "\u05d0\\40a"};
	CLEANUP(buf_clear) struct buf out = {.max = 200};
	char longest[ESCAPE_LOCAL_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (unescape_instance(str_z(bad[i]), &out) != ERR_INVALID)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(out.n, 0);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(unescape_instance((struct str){longest, ESCAPE_INSTANCE_MAX}, &out), 0);
	buf_reset(&out);
	assert_int_equal(unescape_instance((struct str){longest, ESCAPE_INSTANCE_MAX + 1}, &out), ERR_INVALID);
	assert_int_equal(unescape_instance((struct str){longest, sizeof(longest)}, &out), ERR_INVALID);
}

static void no_room(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4};

	assert_int_equal(escape_instance(STR("a b"), &out), ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_reset(&out);
	assert_int_equal(unescape_instance(STR("abcde"), &out), ERR_LIMIT);
}

static size_t put_cp(char *to, uint32_t cp)
{
	if (cp < 0x80) {
		to[0] = (char)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, cp >>= 6)
		to[i] = (char)(0x80 | (cp & 63));
	to[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | cp);
	return n;
}

static bool is_surrogate(uint32_t cp) { return cp >= 0xd800 && cp <= 0xdfff; }

/* Every code point alone, after a letter and before one. */
static void each_code_point(void **state)
{
	for (uint32_t cp = 0; cp < 0x110000; cp += cp < 0x3400 || (cp > 0xd700 && cp < 0x20000) ? 1 : 257) {
		char text[8] = "a";
		if (is_surrogate(cp))
			continue;
		size_t n = put_cp(text + 1, cp);
		text[n + 1] = 'a';
		check_pair((struct str){text + 1, n}, NULL);
		check_pair((struct str){text, n + 1}, NULL);
		check_pair((struct str){text + 1, n + 1}, NULL);
	}
}

/* Where characters of random text come from: what the two escapes are made of, letters, scripts with rules. */
static const struct {
	uint32_t first, count;
} sources[] = {
	{'\\', 1},
	{'_', 1},
	{' ', 1},
	{'0', 10},
	{'a', 6},
	{'A', 6},
	{0, 0x80},
	{0xc0, 0x40},
	{0x300, 0x70},
	{0x5d0, 0x25},
	{0x660, 10},
	{0x900, 0x80},
	{0x200b, 5},
	{0x3040, 0xc0},
	{0xac00, 100},
	{0xff01, 0xa0},
	{0x1f600, 0x40},
	{0, 0x110000},
};

static uint32_t random_number(uint32_t below)
{
	uint32_t n;

	rand_bytes(&n, sizeof(n));
	return n % below;
}

/* sources_used: how many of the table, so that some names are of few and stay close to the escapes. */
static struct str random_name(char *text, uint32_t sources_used)
{
	size_t n = 0, want = 1 + random_number(ESCAPE_INSTANCE_MAX);

	for (;;) {
		uint32_t i = random_number(sources_used);
		uint32_t cp = sources[i].first + random_number(sources[i].count);
		char c[4];
		size_t len = put_cp(c, cp);
		if (n + len > want)
			break;
		if (!is_surrogate(cp)) {
			memcpy(text + n, c, len);
			n += len;
		}
	}
	if (n == 0)
		text[n++] = 'a';
	return (struct str){text, n};
}

static void random_names(void **state)
{
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		char text[ESCAPE_INSTANCE_MAX];
		rand_seed(seed);
		check_pair(random_name(text, seed % 2 ? 6 : ARRAY_LEN(sources)), NULL);
	}
	rand_seed(0);
}

/* Localparts of few characters: what is taken is the one spelling of its name. */
static void random_localparts(void **state)
{
	static const char some[] = "\\_2045cab4163\xc3\xbc";
	int taken = 0;

	for (uint64_t seed = 1; seed <= 50000; seed++) {
		char text[8], name[ESCAPE_INSTANCE_MAX];
		struct buf b = {.p = name, .cap = sizeof(name), .max = sizeof(name)};
		rand_seed(seed);
		size_t n = 1 + random_number(sizeof(text));
		for (size_t i = 0; i < n; i++)
			text[i] = some[random_number(sizeof(some) - 1)];
		if (unescape_instance((struct str){text, n}, &b) < 0)
			continue;
		char local[ESCAPE_LOCAL_MAX + 1];
		check_pair(buf_view(&b), local);
		assert_true(str_is((struct str){text, n}, local));
		taken++;
	}
	rand_seed(0);
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_names),
		cmocka_unit_test(not_names),
		cmocka_unit_test(refused_localparts),
		cmocka_unit_test(no_room),
		cmocka_unit_test(each_code_point),
		cmocka_unit_test(random_names),
		cmocka_unit_test(random_localparts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
