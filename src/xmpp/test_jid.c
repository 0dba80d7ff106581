#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/jid.h"
#include "xmpp/precis.h"

static void check_part(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", STR_FMT(got), want);
}

static void check_refused(const char *text)
{
	struct jid_buf b;

	if (jid_parse_buf(str_z(text), &b) != ERR_INVALID)
		fail_msg("accepted: %s", text);
}

struct good {
	const char *text, *local, *domain, *resource;
};

/* Enforced: parts as wanted, and the whole is a fixed point that is parsed without a copy. */
static void check_good(const struct good *g)
{
	struct jid_buf once, twice;
	char whole[JID_MAX + 1];

	if (jid_parse_buf(str_z(g->text), &once) < 0)
		fail_msg("refused: %s", g->text);
	check_part(jid_local(once.jid), g->local);
	check_part(jid_domain(once.jid), g->domain);
	check_part(jid_resource(once.jid), g->resource);
	snprintf(whole, sizeof(whole), "%s%s%s%s%s", g->local, *g->local ? "@" : "", g->domain, *g->resource ? "/" : "",
		g->resource);
	check_part(jid_str(once.jid), whole);
	assert_int_equal(jid_parse_buf(jid_str(once.jid), &twice), 0);
	assert_true(jid_eq(once.jid, twice.jid));
}

/* RFC 7622 section 3.5, table 1 */
static const struct good rfc_valid[] = {
	{"juliet@example.com", "juliet", "example.com", ""},
	{"juliet@example.com/foo", "juliet", "example.com", "foo"},
	{"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
	{"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
	{"foo\\20bar@example.com", "foo\\20bar", "example.com", ""},
	{"fussball@example.com", "fussball", "example.com", ""},
	{"fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""},
	{"\u03c0@example.com", "\u03c0", "example.com", ""},
	{"\u03a3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"\u03c3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"\u03c2@example.com/foo", "\u03c2", "example.com", "foo"},
	{"king@example.com/\u265a", "king", "example.com", "\u265a"},
	{"example.com", "", "example.com", ""},
	{"example.com/foobar", "", "example.com", "foobar"},
	{"a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
	/* Number 18, which the table calls wrong; but OpaqueString allows a space at the beginning. */
	{"juliet@example.com/ foo", "juliet", "example.com", " foo"},
};

/* Table 2 */
static const char *const rfc_invalid[] = {
	"\"juliet\"@example.com",
	"foo bar@example.com",
	"@example.com/",
	"henry\u2163@example.com",
	"\u265a@example.com",
	"juliet@",
	"/foobar",
};

static void rfc7622_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rfc_valid); i++)
		check_good(&rfc_valid[i]);
	for (size_t i = 0; i < ARRAY_LEN(rfc_invalid); i++)
		check_refused(rfc_invalid[i]);
}

static const struct good enforced[] = {
	{"Juliet@EXAMPLE.com/Balcony", "juliet", "example.com", "Balcony"},
	{"a@b.", "a", "b", ""},
	{"a@b./c", "a", "b", "c"},
	{"a@b/c/d@e/", "a", "b", "c/d@e/"},
	{"a@b//", "a", "b", "/"},
	{"a@b/@", "a", "b", "@"},
	{"e\u0301@b", "\u00e9", "b", ""}, /* NFC */
	{"E\u0301@b", "\u00e9", "b", ""},
	{"\uff41\uff22@b", "ab", "b", ""}, /* full width, RFC 8265 3.3.2 */
	{"\uff71@b", "\u30a2", "b", ""},   /* half width katakana */
	{"\u0130@b", "i\u0307", "b", ""},  /* lower case of two code points */
	{"\u039f\u0394\u039f\u03a3@b", "\u03bf\u03b4\u03bf\u03c2", "b", ""},
	{"\u1e9e@b", "\u00df", "b", ""},
	{"l\u00b7l@b", "l\u00b7l", "b", ""}, /* contextual rules */
	{"\u0375\u03b1@b", "\u0375\u03b1", "b", ""},
	{"\u05d0\u05f3@b", "\u05d0\u05f3", "b", ""},
	{"\u30a2\u30fb\u30a2@b", "\u30a2\u30fb\u30a2", "b", ""},
	{"\u0915\u094d\u200d@b", "\u0915\u094d\u200d", "b", ""},
	{"\u0915\u094d\u200c@b", "\u0915\u094d\u200c", "b", ""},
	{"\u0628\u200c\u0628@b", "\u0628\u200c\u0628", "b", ""}, /* between letters that join */
	{"\u0628\u064b\u200c\u064b\u0628@b", "\u0628\u064b\u200c\u064b\u0628", "b", ""},
	{"\u05d0\u05d1@b", "\u05d0\u05d1", "b", ""}, /* right to left */
	{"\u05d01@b", "\u05d01", "b", ""},
	{"\u0627\u0661@b", "\u0627\u0661", "b", ""},
	{"\u05d0\u05b0@b", "\u05d0\u05b0", "b", ""}, /* a mark at the end */
	{"\U00020000@b", "\U00020000", "b", ""},     /* beyond the first plane */
	{"a@b/\u00a0x\u3000", "a", "b", " x "},      /* OpaqueString: other spaces */
	{"a@b/X\u0301\u212b", "a", "b", "X\u0301\u00c5"},
	{"a@b/\uff21", "a", "b", "\uff21"}, /* no width mapping there */
	{"a@b/\u2163", "a", "b", "\u2163"},
	{"a@B\u00dcCHER.example", "a", "b\u00fccher.example", ""},
	{"xn--bcher-kva.example", "", "b\u00fccher.example", ""},
	{"XN--BCHER-KVA.example", "", "b\u00fccher.example", ""},
	{"fa\u00df.de", "", "fa\u00df.de", ""},
	{"xn--fa-hia.de", "", "fa\u00df.de", ""},
	{"bu\u0308cher", "", "b\u00fccher", ""},
	{"\uff45xample.com", "", "example.com", ""},
	{"example\uff0ecom", "", "example.com", ""},
	{"\u4f8b\u3048.jp", "", "\u4f8b\u3048.jp", ""},
	{"\u05d0\u05d1.com", "", "\u05d0\u05d1.com", ""},
	{"localhost", "", "localhost", ""},
	{"192.0.2.1", "", "192.0.2.1", ""},
	{"a@192.0.2.1/x", "a", "192.0.2.1", "x"},
	{"[::1]", "", "[::1]", ""},
	{"[::]", "", "[::]", ""},
	{"u@[2001:DB8:0:0:0:0:0:1]/r", "u", "[2001:db8::1]", "r"},
	{"[2001:db8:0:1:1:1:1:1]", "", "[2001:db8:0:1:1:1:1:1]", ""},
	{"[2001:0:0:1:0:0:0:1]", "", "[2001:0:0:1::1]", ""},
	{"[1:0:0:2:3:0:0:4]", "", "[1::2:3:0:0:4]", ""},
	{"[1:2:3:4:5:6:7::]", "", "[1:2:3:4:5:6:7:0]", ""},
	{"[1::]", "", "[1::]", ""},
	{"[::ffff:192.0.2.1]", "", "[::ffff:c000:201]", ""},
	{"[1:2:3:4:5:6:192.0.2.1]", "", "[1:2:3:4:5:6:c000:201]", ""},
};

static void canonical_forms(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(enforced); i++)
		check_good(&enforced[i]);
}

static const char *const refused[] = {
	"",
	"@",
	"/",
	"@/",
	"@d",
	"d/",
	"l@d/",
	"l@",
	"l@/r",
	"@d/r",
	"//",
	"a@@b",
	"a@b@c",
	/* excluded from the localpart, RFC 7622 3.3.1, also when they come from full width */
	"a\"b@d",
	"a&b@d",
	"a'b@d",
	"a:b@d",
	"a<b@d",
	"a>b@d",
	"\uff20@d",
	"\uff06@d",
	"\uff0f@d",
	"\uff02@d",
	/* not in the IdentifierClass */
	" @d",
	"a b@d",
	"a\u3000b@d",
	"a\u00a0b@d",
	"\t@d",
	"\x7f@d",
	"\u00ad@d",
	"\u200b@d",
	"\ufeff@d",
	"\u0640@d",
	"\u1100@d",
	"\ufb01@d",
	"\u2028@d",
	"\ue000@d",
	"\ufffe@d",
	"\U0001f600@d",
	"\u0378@d",
	"\u01c5@d",
	"\u2160@d",
	/* contextual rules not met */
	"\u00b7@d",
	"l\u00b7@d",
	"a\u00b7l@d",
	"\u0375@d",
	"\u0375a@d",
	"\u05f3@d",
	"a\u05f3@d",
	"\u30fb@d",
	"a\u30fb@d",
	"\u200d@d",
	"a\u200d@d",
	"\u200c@d",
	"a\u200cb@d",
	"\u0628\u200c@d",
	"\u0627\u200c\u0628@d",
	"\u0628\u200c\u05d0@d",
	"\u0627\u0661\u06f1@d",
	/* Bidi Rule */
	"a\u05d0@d",
	"\u05d0a@d",
	"1\u05d0@d",
	"\u05d0-@d",
	"\u06270\u0661@d",
	"\u0661@d",
	"\u05d0\u05b0a@d",
	/* resource: controls, unassigned, not characters */
	"d/\x01",
	"d/\n",
	"d/\xc2\x85",
	"d/a\u200b",
	"d/\ufdd0",
	"d/\U0010ffff",
	"d/\u0378",
	"d/\ue000",
	"d/\u1100",
	/* names */
	".",
	"..",
	"a..b",
	".a",
	"a.b..",
	"-a",
	"a-",
	"a-.b",
	"a_b",
	"a b",
	"ab--c",
	"xn--",
	"xn--a",
	"xn--a-",
	"xn--\u00fc",
	"xn--bcher-kv",
	"xn--zzzzzzzz",
	"a\x01",
	"a\u3002b",
	"\u265a.example",
	"\u2163.com",
	"-\u00fc",
	"\u00fc-",
	"\u0301a",
	"a\u00b7b",
	"1.\u05d0\u05d1",
	"a\u05d0.com",
	"a:5222",
	"a@b:5222",
	"a\xff",
	"\u00fc\x01",
	"\u00fc_",
	"xn--bcher-kva-",
	"xn--ls8h",
	"xn--example-",
	"a%b",
	"a\uff20b",
	"a\uff0fb",
	/* IPv6 literals */
	"[]",
	"[",
	"[:]",
	"[:::]",
	"[::1",
	"::1",
	"[::1]x",
	"[1:2:3:4:5:6:7]",
	"[1:2:3:4:5:6:7:8:9]",
	"[1::2::3]",
	"[1:2:3:4:5:6:7:8::]",
	"[1:2:3:4::5:6:7:8]",
	"[12345::]",
	"[g::]",
	"[::1.2.3]",
	"[::1.2.3.4.5]",
	"[::1.2.3.256]",
	"[::01.2.3.4]",
	"[1.2.3.4]",
	"[1.2.3.4::]",
	"[1:2:3:4:5:6:7:1.2.3.4]",
	"[:1::]",
	"[1:]",
	"[1:2:3:4:5:6:7:]",
	"[::1%eth0]",
	"[ ::1]",
	"[::1.2.3.4:5]",
	"[v1.a]",
	/* UTF-8 */
	"\xff@d",
	"\xc0\xaf@d",
	"\xed\xa0\x80@d",
	"\xf4\x90\x80\x80@d",
	"\xe2\x82@d",
	"d/\x80",
	"d/\xc3",
	"\xc3.d",
};

static void refusals(void **state)
{
	struct jid_buf b;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		check_refused(refused[i]);
	assert_int_equal(jid_parse_buf(STR_NONE, &b), ERR_INVALID);
	/* A zero byte ends nothing. */
	assert_int_equal(jid_parse_buf(STR("a\0b@d"), &b), ERR_INVALID);
	assert_int_equal(jid_parse_buf(STR("a@d\0e"), &b), ERR_INVALID);
	assert_int_equal(jid_parse_buf(STR("a@d/\0"), &b), ERR_INVALID);
	assert_int_equal(jid_parse_buf(STR("\xc3\xbc\0a"), &b), ERR_INVALID);
	assert_int_equal(jid_parse_buf(STR("xn--bcher-kva\0a"), &b), ERR_INVALID);
	assert_int_equal(jid_parse_buf(STR("\xc3\xbc\0@d"), &b), ERR_INVALID);
}

/* n times unit, after prefix */
static struct str repeated(struct buf *b, const char *prefix, const char *unit, size_t n, const char *suffix)
{
	buf_reset(b);
	buf_z(b, prefix);
	for (size_t i = 0; i < n; i++)
		buf_z(b, unit);
	buf_z(b, suffix);
	return buf_view(b);
}

static int parse(struct str text)
{
	struct jid_buf b;

	return jid_parse_buf(text, &b);
}

static void lengths(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};
	CLEANUP(buf_clear) struct buf label = {0};

	buf_init(&b, 1 << 20);
	buf_init(&label, 1 << 20);
	assert_int_equal(parse(repeated(&b, "", "a", JID_PART_MAX, "@d")), 0);
	assert_int_equal(parse(repeated(&b, "", "a", JID_PART_MAX + 1, "@d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "", "A", JID_PART_MAX, "@d")), 0);
	assert_int_equal(parse(repeated(&b, "", "A", JID_PART_MAX + 1, "@d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "d/", " ", JID_PART_MAX, "")), 0);
	assert_int_equal(parse(repeated(&b, "d/", " ", JID_PART_MAX + 1, "")), ERR_INVALID);
	/* Octets count, not characters; and those of the result. */
	assert_int_equal(parse(repeated(&b, "", "\u00fc", 511, "@d")), 0);
	assert_int_equal(parse(repeated(&b, "", "\u00fc", 512, "@d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "", "u\u0308", 511, "@d")), 0);
	assert_int_equal(parse(repeated(&b, "", "\u0130", 341, "@d")), 0);
	assert_int_equal(parse(repeated(&b, "", "\u0130", 342, "@d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "", "\u3042", 100000, "@d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "d/", "\ufdfa", 300, "")), 0);
	/* Labels as DNS counts them; names as XMPP does. */
	assert_int_equal(parse(repeated(&b, "", "a", 63, ".d")), 0);
	assert_int_equal(parse(repeated(&b, "", "a", 64, ".d")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "", "a.", 511, "b")), 0);
	assert_int_equal(parse(repeated(&b, "", "a.", 512, "b")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "", "\u00fc", 54, "")), 0);
	assert_int_equal(parse(repeated(&b, "", "\u00fc", 80, "")), ERR_INVALID);
	assert_int_equal(parse(repeated(&b, "\u00fc.", "a.", 510, "")), 0);
	assert_int_equal(parse(repeated(&b, "xn--", "a", 100000, "")), ERR_INVALID);
	/* All parts at their longest. */
	repeated(&label, "", "a", JID_PART_MAX, "@");
	for (int i = 0; i < 511; i++)
		buf_z(&label, "b.");
	buf_z(&label, "b/");
	for (int i = 0; i < JID_PART_MAX; i++)
		buf_char(&label, i == 5 ? 'C' : 'c');
	assert_int_equal(label.n, JID_MAX);
	assert_int_equal(parse(buf_view(&label)), 0);
	label.p[0] = 'A';
	assert_int_equal(parse(buf_view(&label)), 0);
}

static void ascii_makes_no_copy(void **state)
{
	struct str text = STR("juliet@example.com/Balcony 1");
	struct buf store;
	struct jid j;
	uint64_t before = mem_stats().allocs;

	buf_init(&store, JID_MAX);
	assert_int_equal(jid_parse(text, &store, &j), 0);
	assert_ptr_equal(j.s, text.p);
	assert_null(store.p);
	assert_int_equal(mem_stats().allocs, before);
}

static void failure_leaves_things_alone(void **state)
{
	CLEANUP(buf_clear) struct buf store = {0};
	struct jid j = {"x", 1, 2, 3};

	buf_init(&store, JID_MAX);
	buf_z(&store, "kept");
	assert_int_equal(jid_parse(STR("Abc@d/"), &store, &j), ERR_INVALID);
	assert_int_equal(jid_parse(STR("\u00dc@-"), &store, &j), ERR_INVALID);
	check_part(buf_view(&store), "kept");
	assert_true(buf_ok(&store));
	assert_int_equal(j.resource, 3);
	assert_int_equal(jid_prep_local(STR("a b"), &store), ERR_INVALID);
	assert_int_equal(jid_prep_local(STR("A\uff20"), &store), ERR_INVALID);
	assert_int_equal(jid_prep_domain(STR("\u00dc.-"), &store), ERR_INVALID);
	assert_int_equal(jid_prep_resource(STR("\x01"), &store), ERR_INVALID);
	assert_int_equal(jid_prep_nickname(STR("  "), &store), ERR_INVALID);
	check_part(buf_view(&store), "kept");
	/* What is good goes behind what was there. */
	assert_int_equal(jid_parse(STR("\u00dc@D/R"), &store, &j), 0);
	check_part(jid_str(j), "\u00fc@d/R");
	assert_ptr_equal(j.s, store.p + 4);
}

static void storage_too_small(void **state)
{
	CLEANUP(buf_clear) struct buf store = {0};
	struct jid j = JID_NONE;

	buf_init(&store, 4);
	assert_int_equal(jid_parse(STR("ABC@DEF"), &store, &j), ERR_INVALID);
	assert_false(jid_some(j));
}

typedef int prep(struct str text, struct buf *out);

static void check_prep(prep *f, const char *text, const char *want)
{
	CLEANUP(buf_clear) struct buf out = {0};

	buf_init(&out, 4096);
	if (!want) {
		assert_int_equal(f(str_z(text), &out), ERR_INVALID);
		assert_int_equal(out.n, 0);
		return;
	}
	assert_int_equal(f(str_z(text), &out), 0);
	check_part(buf_view(&out), want);
}

/* RFC 8265 sections 3.5 and 4.3 */
static void rfc8265_examples(void **state)
{
	check_prep(jid_prep_local, "juliet@example.com", NULL); /* a username may hold '@', a localpart not */
	check_prep(jid_prep_local, "fussball", "fussball");
	check_prep(jid_prep_local, "fu\u00dfball", "fu\u00dfball");
	check_prep(jid_prep_local, "\u03c0", "\u03c0");
	check_prep(jid_prep_local, "\u03a3", "\u03c3");
	check_prep(jid_prep_local, "\u03c3", "\u03c3");
	check_prep(jid_prep_local, "\u03c2", "\u03c2");
	check_prep(jid_prep_local, "foo bar", NULL);
	check_prep(jid_prep_local, "", NULL);
	check_prep(jid_prep_local, "henry\u2163", NULL);
	check_prep(jid_prep_local, "\u221e", NULL);
	check_prep(jid_prep_password, "correct horse battery staple", "correct horse battery staple");
	check_prep(jid_prep_password, "Correct Horse Battery Staple", "Correct Horse Battery Staple");
	check_prep(jid_prep_password, "\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5");
	check_prep(jid_prep_password, "Jack of \u2666s", "Jack of \u2666s");
	check_prep(jid_prep_password, "foo\u1680bar", "foo bar");
	check_prep(jid_prep_password, "", NULL);
	check_prep(jid_prep_password, "my cat is a \tby", NULL);
}

/* RFC 8266 section 2.4, tables 1 and 2 */
static void rfc8266_examples(void **state)
{
	check_prep(jid_prep_nickname, "Foo", "foo");
	check_prep(jid_prep_nickname, "foo", "foo");
	check_prep(jid_prep_nickname, "Foo Bar", "foo bar");
	check_prep(jid_prep_nickname, "foo bar", "foo bar");
	check_prep(jid_prep_nickname, "\u03a3", "\u03c3");
	check_prep(jid_prep_nickname, "\u03c3", "\u03c3");
	check_prep(jid_prep_nickname, "\u03c2", "\u03c2");
	check_prep(jid_prep_nickname, "\u265a", "\u265a");
	check_prep(jid_prep_nickname, "Richard \u2163", "richard iv");
	check_prep(jid_prep_nickname, "  a \u00a0  b  ", "a b");
	check_prep(jid_prep_nickname, " ", NULL);
	check_prep(jid_prep_nickname, "\u00a0\u3000", NULL);
	check_prep(jid_prep_nickname, "a\x01", NULL);
	check_prep(jid_prep_nickname, "\u00a8", "\u0308"); /* NFKC makes a space that the next pass takes away */
	check_prep(jid_prep_nickname, "\uff21", "a");
}

static void classes(void **state)
{
	static const struct {
		uint32_t cp;
		enum precis_value value;
	} table[] = {
		{' ', PRECIS_FREE},
		{'!', PRECIS_PVALID},
		{'~', PRECIS_PVALID},
		{0x7f, PRECIS_DISALLOWED},
		{0x80, PRECIS_DISALLOWED},
		{0xa0, PRECIS_FREE},
		{0xad, PRECIS_DISALLOWED},
		{0xb7, PRECIS_CONTEXT},
		{0xdf, PRECIS_PVALID},
		{0xd7, PRECIS_FREE},
		{0x1c5, PRECIS_FREE},
		{0x300, PRECIS_PVALID},
		{0x340, PRECIS_FREE},
		{0x375, PRECIS_CONTEXT},
		{0x378, PRECIS_DISALLOWED},
		{0x488, PRECIS_FREE},
		{0x5f4, PRECIS_CONTEXT},
		{0x640, PRECIS_DISALLOWED},
		{0x669, PRECIS_CONTEXT},
		{0x66a, PRECIS_FREE},
		{0x6f9, PRECIS_CONTEXT},
		{0x6fd, PRECIS_PVALID},
		{0xf0b, PRECIS_PVALID},
		{0x1100, PRECIS_DISALLOWED},
		{0x11ff, PRECIS_DISALLOWED},
		{0x200b, PRECIS_DISALLOWED},
		{0x200c, PRECIS_CONTEXT},
		{0x200d, PRECIS_CONTEXT},
		{0x2028, PRECIS_DISALLOWED},
		{0x2126, PRECIS_FREE},
		{0x3007, PRECIS_PVALID},
		{0x302e, PRECIS_DISALLOWED},
		{0x30fb, PRECIS_CONTEXT},
		{0xa960, PRECIS_DISALLOWED},
		{0xac00, PRECIS_PVALID},
		{0xd7b0, PRECIS_DISALLOWED},
		{0xe000, PRECIS_DISALLOWED},
		{0xfb01, PRECIS_FREE},
		{0xfdd0, PRECIS_DISALLOWED},
		{0xfe00, PRECIS_DISALLOWED},
		{0xffff, PRECIS_DISALLOWED},
		{0x1f600, PRECIS_FREE},
		{0x20000, PRECIS_PVALID},
		{0xe0001, PRECIS_DISALLOWED},
		{0x10fffd, PRECIS_DISALLOWED},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (precis_value(table[i].cp) != table[i].value)
			fail_msg("U+%04X", (unsigned)table[i].cp);
	}
}

/* The table of ASCII says the same as the classes. */
static void fast_path_agrees(void **state)
{
	CLEANUP(buf_clear) struct buf fast = {.max = 100};
	CLEANUP(buf_clear) struct buf slow = {.max = 100};

	for (int c = 1; c < 128; c++) {
		struct str text = {(const char[]){(char)c}, 1};
		bool excluded = strchr("\"&'/:<>@", c) != NULL;
		buf_reset(&fast);
		buf_reset(&slow);
		int r = precis_enforce(PRECIS_USERNAME, text, &slow);
		assert_int_equal(jid_prep_local(text, &fast), excluded ? ERR_INVALID : r);
		assert_true(excluded || str_eq(buf_view(&fast), buf_view(&slow)));
		buf_reset(&fast);
		buf_reset(&slow);
		assert_int_equal(jid_prep_resource(text, &fast), precis_enforce(PRECIS_OPAQUE, text, &slow));
		assert_true(str_eq(buf_view(&fast), buf_view(&slow)));
	}
}

static void views_and_copies(void **state)
{
	struct jid a = jid_view(STR("a@b/c")), b = jid_view(STR("a@b")), d = jid_view(STR("b/a@b")), copy;

	check_part(jid_local(a), "a");
	check_part(jid_resource(d), "a@b");
	assert_int_equal(d.local, 0);
	assert_false(jid_eq(a, b));
	assert_true(jid_eq_bare(a, b));
	assert_false(jid_eq_bare(a, d));
	assert_false(jid_some(JID_NONE));
	assert_null(jid_str(JID_NONE).p);
	assert_true(jid_eq(JID_NONE, JID_NONE));
	copy = jid_dup(a);
	assert_ptr_not_equal(copy.s, a.s);
	assert_true(jid_eq(copy, a));
	jid_free(&copy);
	assert_false(jid_some(copy));
	copy = jid_dup(JID_NONE);
	assert_false(jid_some(copy));
	jid_free(&copy);
}

/* One code point at a time: what a profile gives back it gives back again. */
static void fixed_points(void **state)
{
	static prep *const preps[] = {jid_prep_local, jid_prep_resource, jid_prep_nickname, jid_prep_domain};
	CLEANUP(buf_clear) struct buf once = {0};
	CLEANUP(buf_clear) struct buf twice = {0};

	buf_init(&once, 4096);
	buf_init(&twice, 4096);
	for (uint32_t cp = 0x80; cp < 0x30000; cp += cp < 0x3400 || cp > 0xd700 ? 1 : 257) {
		char text[8];
		int n = cp < 0x800 ? snprintf(text, 8, "%c%c", (char)(0xc0 | cp >> 6), (char)(0x80 | (cp & 63)))
			: cp < 0x10000
			? snprintf(text, 8, "%c%c%c", (char)(0xe0 | cp >> 12), (char)(0x80 | (cp >> 6 & 63)),
				  (char)(0x80 | (cp & 63)))
			: snprintf(text, 8, "%c%c%c%c", (char)(0xf0 | cp >> 18), (char)(0x80 | (cp >> 12 & 63)),
				  (char)(0x80 | (cp >> 6 & 63)), (char)(0x80 | (cp & 63)));
		for (size_t i = 0; i < ARRAY_LEN(preps); i++) {
			buf_reset(&once);
			buf_reset(&twice);
			if (preps[i]((struct str){text, (size_t)n}, &once) < 0)
				continue;
			if (preps[i](buf_view(&once), &twice) < 0 || !str_eq(buf_view(&once), buf_view(&twice)))
				fail_msg("U+%04X in profile %zu", (unsigned)cp, i);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc7622_table),
		cmocka_unit_test(canonical_forms),
		cmocka_unit_test(refusals),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ascii_makes_no_copy),
		cmocka_unit_test(failure_leaves_things_alone),
		cmocka_unit_test(storage_too_small),
		cmocka_unit_test(rfc8265_examples),
		cmocka_unit_test(rfc8266_examples),
		cmocka_unit_test(classes),
		cmocka_unit_test(fast_path_agrees),
		cmocka_unit_test(views_and_copies),
		cmocka_unit_test(fixed_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
