/* What is written, and what of a stanza may leave its stream as received (`outside`, Invariant S). */
#include "xml/test_invariant.h"
#include "xml/test_lib.h"
#include "xml/write.h"

static void assert_text(struct buf *b, const char *expected)
{
	assert_string_equal(buf_cstr(b), expected);
	assert_true(buf_ok(b));
	buf_clear(b);
}

static void test_escape(void **state)
{
	(void)state;
	static const struct {
		const char *in, *value, *text;
	} rows[] = {
		{"", "", ""},
		{"plain text, 123", "plain text, 123", "plain text, 123"},
		{"<>&'\"", "&lt;&gt;&amp;&apos;&quot;", "&lt;&gt;&amp;'\""},
		{"a\tb\nc\rd", "a&#9;b&#10;c&#13;d", "a\tb\nc&#13;d"},
		{"]]>", "]]&gt;", "]]&gt;"},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\x01", "\xef\xbf\xbd", "\xef\xbf\xbd"},
		{"a\x1f\x7f", "a\xef\xbf\xbd\x7f", "a\xef\xbf\xbd\x7f"},
		{"\xff", "\xef\xbf\xbd", "\xef\xbf\xbd"},
		{"\xc3", "\xef\xbf\xbd", "\xef\xbf\xbd"},
		{"\xc3<", "\xef\xbf\xbd&lt;", "\xef\xbf\xbd&lt;"},
		{"\xef\xbf\xbf!", "\xef\xbf\xbd!", "\xef\xbf\xbd!"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		xml_escape(&b, str_z(rows[i].in));
		assert_text(&b, rows[i].value);
		buf_z(&b, "<a>");
		buf_z(&b, rows[i].text);
		buf_z(&b, "</a>");
		struct buf expected = b;
		buf_init(&b, 4096);
		xml_put_text(&b, "a", str_z(rows[i].in));
		assert_text(&b, buf_cstr(&expected));
		buf_clear(&expected);
	}
	xml_escape(&b, (struct str){"a\0b", 3});
	assert_text(&b,
		"a\xef\xbf\xbd"
		"b");
	xml_escape(&b, STR_NONE);
	assert_text(&b, "");
}

static void test_put(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4096);
	xml_put_open(&b, "iq", "jabber:client");
	xml_put_attr(&b, "id", STR("a'\"<"));
	xml_put_attr(&b, "to", STR_NONE);
	xml_put_attr(&b, "from", STR(""));
	buf_char(&b, '>');
	xml_put_open(&b, "q", NULL);
	buf_z(&b, "/>");
	xml_put_text(&b, "t", STR_NONE);
	xml_put_close(&b, "iq");
	assert_text(&b, "<iq xmlns='jabber:client' id='a&apos;&quot;&lt;' from=''><q/><t></t></iq>");
	buf_init(&b, 10);
	xml_put_text(&b, "abc", STR("defghi"));
	assert_false(buf_ok(&b));
	assert_true(b.n <= 10);
	buf_clear(&b);
}

static void test_node(void **state)
{
	(void)state;
	static const struct {
		const char *in, *inherited, *out;
	} rows[] = {
		{"<a/>", "", "<a/>"},
		{"<a></a>", "u", "<a xmlns=''/>"},
		{"<a xmlns='u'><b/><c xmlns=''><d/><e xmlns='u'/></c></a>", "u",
			"<a><b/><c xmlns=''><d/><e xmlns='u'/></c></a>"},
		{"<p:a xmlns:p='u'><p:b/><c/></p:a>", "", "<a xmlns='u'><b/><c xmlns=''/></a>"},
		{"<a b='1' c=\"x'y\">t<![CDATA[<]]>&#13;</a>", "", "<a b='1' c='x&apos;y'>t&lt;&#13;</a>"},
		{"<a xml:lang='de'><xml:b><c xmlns='u'/></xml:b></a>", "",
			"<a xml:lang='de'><xml:b><c xmlns='u'/></xml:b></a>"},
		{"<a xmlns:p='u' p:b='1' p:c='2' b='3'/>", "", "<a xmlns:a0='u' a0:b='1' a0:c='2' b='3'/>"},
		{"<a xmlns:p='u' p:b='1'><c xmlns:q='v' p:x='' q:x=''><d q:x=''/></c><c xmlns:p='v' p:x=''/></a>", "",
			"<a xmlns:a0='u' a0:b='1'><c a0:x='' xmlns:a1='v' a1:x=''><d a1:x=''/></c><c xmlns:a1='v' a1:x=''/></a>"},
		{"<a xmlns='&amp;&lt;&apos;'/>", "", "<a xmlns='&amp;&lt;&apos;'/>"},
	};
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *block;
		struct xml_tree t;
		assert_int_equal(xml_parse_all(str_z(rows[i].in), &block, &t), 0);
		xml_write_node(&b, &t, XML_ROOT, str_z(rows[i].inherited));
		assert_text(&b, rows[i].out);
		xfree(block);
	}
	void *block;
	struct xml_tree t;
	assert_int_equal(xml_parse_all(STR("<a>x<b/>&amp;<c>y</c></a>"), &block, &t), 0);
	xml_write_inner(&b, &t, XML_ROOT, STR(""));
	assert_text(&b, "x<b/>&amp;<c>y</c>");
	xml_write_node(&b, &t, 1, STR(""));
	assert_text(&b, "x");
	xfree(block);
}

static const char *const documents[] = {
	"<message to='a'><body>x &amp; y &lt;z> ]]&gt;</body></message>",
	"<a xmlns='u' xmlns:p='v' p:x='1' x='2'><p:b p:y='&#10;&#9;&#13;' z=\"'\"/>\r\n<c xmlns=''>\xe2\x82\xac<d xmlns:p='w' p:q=''/></c></a>",
	"<p:a xmlns:p='u' xmlns:q='v' q:b='1' p:b='2'><q:c><d><p:e q:f=''/></d></q:c></p:a>",
	"<a xml:lang='x'><xml:b xml:lang='y' xmlns='v'><c/></xml:b><![CDATA[<&>\r]]></a>",
};

/* Written, put anywhere, and read again, it is the same tree. */
static void test_round_trip(void **state)
{
	(void)state;
	static const char *const around[] = {"", "u", "v", "w"};
	for (size_t i = 0; i < ARRAY_LEN(documents); i++)
		for (size_t k = 0; k < ARRAY_LEN(around); k++) {
			void *block, *again;
			struct xml_tree t, u;
			struct buf text, a, b;
			buf_init(&text, 4096);
			buf_init(&a, 4096);
			buf_init(&b, 4096);
			assert_int_equal(xml_parse_all(str_z(documents[i]), &block, &t), 0);
			buf_fmt(&text, "<w xmlns='%s' xmlns:a0='zzz' xmlns:p='yyy'>", around[k]);
			xml_write_node(&text, &t, XML_ROOT, str_z(around[k]));
			buf_z(&text, "</w>");
			assert_int_equal(xml_parse_all(buf_view(&text), &again, &u), 0);
			dump_node(&a, &t, XML_ROOT);
			dump_node(&b, &u, xml_first(&u, XML_ROOT));
			assert_same(&a, &b, buf_view(&text));
			xfree(block);
			xfree(again);
			buf_clear(&text);
			buf_clear(&a);
			buf_clear(&b);
		}
}

static struct xml_tree stanza_in(struct xml_scratch *s, struct xml_parser *p, const char *header, const char *stanza)
{
	struct xml_tree t;
	struct str h = str_z(header), in = str_z(stanza);
	(void)s;
	xml_parser_reset(p);
	assert_int_equal(xml_parse(p, &h, &t), XML_OPEN);
	if (xml_parse(p, &in, &t) != XML_STANZA)
		fail_msg("no stanza: %s", stanza);
	return t;
}

static void assert_invariant(const struct xml_tree *t, const char *stanza)
{
	static const char *const contents[] = {"jabber:client", "jabber:server"};
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		struct buf expected, got;
		if (!invariant_holds(t, contents[i], &expected, &got))
			fail_msg("%s\nexpected %.*s\ngot %.*s", stanza, STR_FMT(buf_view(&expected)),
				STR_FMT(buf_view(&got)));
		buf_clear(&expected);
		buf_clear(&got);
	}
}

/* In a header with xmlns='jabber:client', xmlns:h='urn:h' and xmlns:c='jabber:client'. */
static const struct {
	const char *stanza;
	bool outside;
} outsides[] = {
	{"<message/>", false},
	{"<message>text</message>", false},
	{"<message><body>x</body></message>", false},
	{"<message><x xmlns='u'><y/></x></message>", false},
	{"<message xmlns='jabber:client'><body/></message>", false},
	{"<message xmlns='jabber:server'><body/></message>", false},
	{"<message h:x=''><body/></message>", false}, /* the root's own tag is written anew anyway */
	{"<message><h:x/></message>", true},
	{"<message><x h:y=''/></message>", true},
	{"<message><x xmlns='u'><h:y/></x></message>", true},
	{"<message><h:x xmlns:h='u'/></message>", false},
	{"<message><h:x xmlns:h='u'/><h:x/></message>", true},
	{"<message><x xmlns:h='u' h:y=''/></message>", false},
	{"<message xmlns:q='u'><q:x/></message>", true}, /* declared by the root */
	{"<message xmlns:q='u'><x q:y=''/></message>", true},
	{"<message><x xml:lang='de'/><xml:y/></message>", false},
	{"<message><body xmlns='jabber:client'/></message>", true}, /* would stay jabber:client in jabber:server */
	{"<message><body><b xmlns='jabber:client'/></body></message>", true},
	{"<message><c:body/></message>", true},
	{"<message><c:body xmlns:c='jabber:client'/></message>", true},
	{"<message><x xmlns='u'><message xmlns='jabber:client'><body/></message></x></message>", false}, /* forwarded */
	{"<message><x xmlns='u' xmlns:q='jabber:client'><q:message><q:body/></q:message></x></message>", false},
	{"<message><q:x xmlns:q='u'><body/></q:x></message>", true}, /* takes the root's inside one that does not */
	{"<message><q:x xmlns:q='u'><body xmlns='jabber:client'/></q:x></message>", false},
	{"<c:message><body/></c:message>", false}, /* in force anyway */
	{"<c:message><c:body/></c:message>", true},
	{"<h:message><body/></h:message>", true}, /* in the default namespace, which is not the root's */
	{"<h:message><body xmlns='u'/></h:message>", false},
	{"<h:message><body xmlns='urn:h'/></h:message>", true},
	{"<h:message xmlns='urn:h'><body/></h:message>", false},
	{"<message xmlns=''><body/></message>", false},
	{"<message xmlns=''><body xmlns=''/></message>", true},
	{"<message><x xmlns='u'><y xmlns=''/></x></message>", false},
	{"<message><x xmlns=''/></message>", false},
	{"<message><x xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/></message>", false},
	{"<message xmlns:xml='http://www.w3.org/XML/1998/namespace'><x xml:lang='de'/></message>", false},
	{"<xml:message><xml:x/></xml:message>", false},
	{"<xml:message><x/></xml:message>", true},
	{"<message><xml:x><body/></xml:x></message>", true},
};

static void test_outside(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_STREAM, &xml_limits_default);
	for (size_t i = 0; i < ARRAY_LEN(outsides); i++) {
		struct xml_tree t = stanza_in(s, p, "<s xmlns='jabber:client' xmlns:h='urn:h' xmlns:c='jabber:client'>",
			outsides[i].stanza);
		if (t.outside != outsides[i].outside)
			fail_msg("%s is%s outside", outsides[i].stanza, t.outside ? "" : " not");
		void *block = xmalloc(xml_tree_size(&t)); /* the parser is used again */
		xml_tree_copy(&t, block, &t);
		assert_invariant(&t, outsides[i].stanza);
		xfree(block);
	}
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

/* No bit is left over from the stanza before. */
static void test_outside_again(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_STREAM, &xml_limits_default);
	struct str in = STR("<s xmlns='u' xmlns:h='v'><a><h:b/></a><a><b/></a>");
	struct xml_tree t;
	assert_int_equal(xml_parse(p, &in, &t), XML_OPEN);
	assert_false(t.outside);
	assert_int_equal(xml_parse(p, &in, &t), XML_STANZA);
	assert_true(t.outside);
	assert_int_equal(xml_parse(p, &in, &t), XML_STANZA);
	assert_false(t.outside);
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

/* A tree within the limits, written anew, is within them still: prefixes count for what they may cost. */
static void test_written_within_limits(void **state)
{
	(void)state;
	struct xml_limits l = xml_limits_default;
	l.attrs = 6;
	static const char *const rows[] = {
		"<a><b h:x='' i:x='' j:x=''/></a>",
		"<a><b h:x='' x=''><c i:x='' x=''><d j:x='' x=''><e h:x='' i:x='' j:x=''/></d></c></b></a>",
		"<h:a><i:b a='' b='' c='' d='' e='' f=''/></h:a>",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct xml_scratch *s = xml_scratch_new();
		struct xml_parser *p = xml_parser_new(s, XML_STREAM, &l);
		struct xml_tree t = stanza_in(s, p, "<s xmlns:h='u' xmlns:i='v' xmlns:j='w'>", rows[i]);
		struct buf text, out;
		buf_init(&text, 4096);
		buf_init(&out, 4096);
		assert_true(t.outside);
		xml_write_node(&text, &t, XML_ROOT, STR(""));
		assert_int_equal(run_text(XML_FRAMES, &l, buf_view(&text), text.n, 1, &out), XML_MORE);
		buf_clear(&text);
		buf_clear(&out);
		xml_parser_free(&p);
		xml_scratch_free(&s);
	}
	struct buf out;
	buf_init(&out, 4096);
	struct str over = STR("<s xmlns:h='u' xmlns:i='v'><a><b h:x='' i:x='' h:y='' z=''/></a>");
	assert_int_equal(run_text(XML_STREAM, &l, over, over.n, 1, &out), XML_TOO_BIG);
	buf_clear(&out);
}

/* A long namespace name written for each of many elements ends at the buffer's maximum. */
static void test_growth_bounded(void **state)
{
	(void)state;
	struct buf text, out;
	void *block;
	struct xml_tree t;
	buf_init(&text, 1 << 20);
	buf_z(&text, "<a xmlns:p='");
	for (int i = 0; i < 10000; i++)
		buf_char(&text, 'u');
	buf_z(&text, "'>");
	for (int i = 0; i < 10000; i++)
		buf_z(&text, "<p:b/>");
	buf_z(&text, "</a>");
	assert_int_equal(xml_parse_all(buf_view(&text), &block, &t), 0);
	assert_true(t.data_len < text.n + 20000); /* and in the tree it is there once */
	buf_init(&out, 1 << 20);
	xml_write_node(&out, &t, XML_ROOT, STR(""));
	assert_false(buf_ok(&out));
	assert_true(out.n <= 1 << 20);
	buf_clear(&out);
	buf_clear(&text);
	xfree(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_outside_again),
		cmocka_unit_test(test_written_within_limits),
		cmocka_unit_test(test_growth_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
