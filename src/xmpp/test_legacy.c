#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xml/parse.h"
#include "xmpp/legacy.h"
#include "xmpp/ns.h"

#define MESSAGE "<message xmlns='jabber:client' type='chat'>"
#define HTML "<html xmlns='http://www.w3.org/1999/xhtml'>"

static void check_text(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", STR_FMT(got), want);
}

/* ---- out ---- */

static void header(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct xml_scratch *scratch = xml_scratch_new();
	struct xml_parser *parser = xml_parser_new(scratch, XML_STREAM, &xml_limits_default);
	struct xml_tree t;

	legacy_header(&out, STR("al'ice\"<&@alpha #2"), STR("bob (2)"));
	struct str in = buf_view(&out);
	assert_int_equal(xml_parse(parser, &in, &t), XML_OPEN);
	assert_int_equal(in.n, 0);
	assert_true(xml_is(&t, XML_ROOT, "stream", NS_STREAM));
	check_text(xml_parser_default_ns(parser), NS_CLIENT);
	check_text(xml_attr(&t, XML_ROOT, "from"), "al'ice\"<&@alpha #2");
	check_text(xml_attr(&t, XML_ROOT, "to"), "bob (2)");
	assert_null(xml_attr(&t, XML_ROOT, "version").p);
	xml_parser_free(&parser);
	xml_scratch_free(&scratch);
}

static const struct {
	const char *text;
	bool offer;
	const char *want;
} written[] = {
	{"hi", false, "<body>hi</body>"},
	{"it's \"so\" > that", false, "<body>it's \"so\" &gt; that</body>"},
	{"\U0001f600", true, "<body>\U0001f600</body><x xmlns='jabber:x:event'><composing/></x>"},
	{"<b>", false, "<body>&lt;b&gt;</body>" HTML "<body><font>&lt;b&gt;</font></body></html>"},
	{"a & b", false, "<body>a &amp; b</body>" HTML "<body><font>a &amp; b</font></body></html>"},
	{"&lt;", false, "<body>&amp;lt;</body>" HTML "<body><font>&amp;lt;</font></body></html>"},
	{"a\nb", true,
		"<body>a\nb</body>" HTML
		"<body><font>a<br/>b</font></body></html><x xmlns='jabber:x:event'><composing/></x>"},
	{"\n\n", false, "<body>\n\n</body>" HTML "<body><font><br/><br/></font></body></html>"},
	{"a\r\nb\rc", false, "<body>a&#13;\nb&#13;c</body>" HTML "<body><font>a<br/>b<br/>c</font></body></html>"},
	{"", false, "<body></body>"},
};

static void messages(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		legacy_message(&out, str_z(written[i].text), written[i].offer);
		check_text(buf_view(&out), written[i].want);
	}
}

static void message_limit(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 40};

	legacy_message(&out, STR("<<<<<<<<<<<<<<<"), true);
	assert_false(buf_ok(&out));
}

/* ---- in ---- */

/* What legacy_text() says of the document; the text in *out. */
static int read_text(struct str doc, struct buf *out, enum legacy_event *ret_event)
{
	void *block = NULL;
	struct xml_tree t;
	int r = xml_parse_all(doc, &block, &t);

	if (r == 0) {
		r = legacy_text(&t, out);
		*ret_event = legacy_event(&t);
	}
	xfree(block);
	return r;
}

static const struct {
	const char *inside, *want; /* NULL: no text */
} texts[] = {
	{"<body>hi</body>", "hi"},
	{"<body>a &lt; b</body>", "a < b"},
	{"<body/>", NULL},
	{"", NULL},
	{"<x xmlns='jabber:x:event'><composing/></x>", NULL},
	{"<body xmlns='urn:other'>hi</body>", NULL},
	/* seen on the wire, from finch 2.14.12 */
	{"<body>Hello Alice, &lt;this&gt; is &amp; &quot;Bob&quot; \u00e9 \u20ac</body>" HTML
	 "<body><font>Hello Alice, &lt;this&gt; is &amp; &quot;Bob&quot; \u00e9 \u20ac</font></body></html>"
	 "<x xmlns='jabber:x:event'><composing/></x>",
		"Hello Alice, <this> is & \"Bob\" \u00e9 \u20ac"},
	{"<body>reply bold text</body>" HTML
	 "<body><font>reply <span style='font-weight: bold;'>bold</span> text</font></body></html>",
		"reply bold text"},
	/* of that kind */
	{"<body>hi</body>" HTML "<body><font>hi</font></body></html>", "hi"},
	{"<body>hi</body>" HTML "<body><font>hi &lt;b&gt; &amp;amp;</font></body></html>", "hi <b> &amp;"},
	{"<body>bold</body>" HTML "<body><font><b>bo</b><i>l<u>d</u></i>!</font></body></html>", "bold!"},
	{"<body>a</body>" HTML "<body><font face='x' size='3'>a<br/>b<br/>c</font></body></html>", "a\nb\nc"},
	{"<body>a</body>" HTML "<body><font>a<BR/>b<br></br>c</font></body></html>", "a\nb\nc"},
	{"<body>a</body>" HTML "<body ichatballooncolor='#ff0000'>a <a href='http://x/'>link</a></body></html>",
		"a link"},
	{"<body>\U0001f600</body>" HTML "<body><font>\U0001f600</font></body></html>", "\U0001f600"},
	/* blocks */
	{HTML "<body><p>a</p><p>b</p></body></html>", "a\nb"},
	{HTML "<body>a<div>b<div>c</div>d</div>e</body></html>", "a\nb\nc\nd\ne"},
	{HTML "<body><div><div><div>a</div></div></div>b</body></html>", "a\nb"},
	{HTML "<body><p>a<br/></p><p>b</p></body></html>", "a\nb"},
	{HTML "<body><ul><li>a</li><li>b</li></ul></body></html>", "a\nb"},
	/* hidden */
	{HTML "<head><title>t</title></head><body>a<style>s</style><script>x<b>y</b></script>b</body></html>", "ab"},
	{HTML "<body>a<p>b</p><style>s</style>c</body></html>", "a\nb\nc"},
	/* an empty form is none */
	{"<body>plain</body>" HTML "</html>", "plain"},
	{"<body>plain</body>" HTML "<body><font/></body></html>", "plain"},
	{"<body>plain</body>" HTML "<body><img src='x'/></body></html>", "plain"},
	{HTML "<body/></html>", NULL},
	/* XHTML-IM is not for them, nor an html of another name */
	{"<body>plain</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>"
	 "rich</body></html>",
		"plain"},
	{"<body>plain</body><html><body>rich</body></html>", "plain"},
	/* the second of a kind does not count */
	{"<body>one</body><body>two</body>", "one"},
	{"<body>a<b/>b</body>", "ab"},
};

static void incoming(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(buf_clear) struct buf doc = {.max = 4096};
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		enum legacy_event event;
		buf_fmt(&doc, MESSAGE "%s</message>", texts[i].inside);
		buf_z(&out, "kept ");
		int r = read_text(buf_view(&doc), &out, &event);
		if (r != (texts[i].want ? 0 : ERR_NOTFOUND))
			fail_msg("%s: %s", texts[i].inside, err_name(r));
		buf_eat(&out, 5);
		check_text(buf_view(&out), texts[i].want ? texts[i].want : "");
	}
}

static const struct {
	const char *inside;
	enum legacy_event event;
} events[] = {
	{"<body>hi</body>", LEGACY_NONE},
	{"", LEGACY_NONE},
	{"<body>hi</body><x xmlns='jabber:x:event'><composing/></x>", LEGACY_OFFER},
	{HTML "<body>hi</body></html><x xmlns='jabber:x:event'><composing/></x>", LEGACY_OFFER},
	{"<body>hi</body><x xmlns='jabber:x:event'><offline/></x>", LEGACY_NONE},
	{"<x xmlns='jabber:x:event'><composing/><id>1</id></x>", LEGACY_TYPING},
	{"<x xmlns='jabber:x:event'><id>1</id></x>", LEGACY_PAUSED},
	{"<x xmlns='jabber:x:event'/>", LEGACY_PAUSED},
	{"<x xmlns='jabber:x:event'><composing xmlns='urn:other'/></x>", LEGACY_PAUSED},
	{"<x xmlns='jabber:x:data'><composing/></x>", LEGACY_NONE},
};

static void typing(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		CLEANUP(buf_clear) struct buf doc = {.max = 4096};
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		enum legacy_event event = LEGACY_NONE;
		buf_fmt(&doc, MESSAGE "%s</message>", events[i].inside);
		read_text(buf_view(&doc), &out, &event);
		if (event != events[i].event)
			fail_msg("%s: %d", events[i].inside, (int)event);
	}
}

/* What we write we read as it was, whatever is in it. */
static void there_and_back(void **state)
{
	static const char *const pieces[] = {"<", ">", "&", "\n", "a", " ", "'", "\"", "<b>", "</font>", "&lt;", "]]>",
		"<br/>", "\xc3\xbc", "\U0001f600", "<!--", "&#10;"};

	for (uint64_t seed = 1; seed <= 5000; seed++) {
		CLEANUP(buf_clear) struct buf text = {.max = 4096};
		CLEANUP(buf_clear) struct buf doc = {.max = 8192};
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		enum legacy_event event;
		uint8_t dice[12];
		rand_seed(seed);
		rand_bytes(dice, sizeof(dice));
		for (size_t i = 0; i <= dice[0] % (sizeof(dice) - 1); i++)
			buf_z(&text, pieces[dice[i + 1] % ARRAY_LEN(pieces)]);
		buf_z(&doc, MESSAGE);
		legacy_message(&doc, buf_view(&text), dice[0] & 1);
		buf_z(&doc, "</message>");
		assert_int_equal(read_text(buf_view(&doc), &out, &event), 0);
		assert_true(str_eq(buf_view(&out), buf_view(&text)));
		assert_int_equal(event, dice[0] & 1 ? LEGACY_OFFER : LEGACY_NONE);
	}
	rand_seed(0);
}

static void too_much(void **state)
{
	CLEANUP(buf_clear) struct buf doc = {.max = 1 << 20};
	CLEANUP(buf_clear) struct buf out = {.max = 1000};
	enum legacy_event event;

	buf_z(&out, "kept");
	buf_z(&doc, MESSAGE HTML "<body>");
	for (int i = 0; i < 2000; i++)
		buf_z(&doc, "<br/>");
	buf_z(&doc, "</body></html></message>");
	assert_int_equal(read_text(buf_view(&doc), &out, &event), ERR_LIMIT);
	check_text(buf_view(&out), "kept");
	assert_true(buf_ok(&out));
	buf_reset(&doc);
	buf_z(&doc, MESSAGE "<body>");
	for (int i = 0; i < 2000; i++)
		buf_char(&doc, 'x');
	buf_z(&doc, "</body></message>");
	assert_int_equal(read_text(buf_view(&doc), &out, &event), ERR_LIMIT);
	check_text(buf_view(&out), "kept");
	out.failed = true;
	assert_int_equal(read_text(buf_view(&doc), &out, &event), ERR_LIMIT);
	assert_false(buf_ok(&out));
}

/* As deep as the parser lets it, and past our own count of blocks. */
static void deep(void **state)
{
	CLEANUP(buf_clear) struct buf doc = {.max = 1 << 20};
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	enum legacy_event event;
	int depth = (int)xml_limits_default.depth - 4;

	buf_z(&doc, MESSAGE HTML "<body>");
	for (int i = 0; i < depth; i++)
		buf_z(&doc, "<div>a");
	for (int i = 0; i < depth; i++)
		buf_z(&doc, "</div>");
	buf_z(&doc, "</body></html></message>");
	assert_int_equal(read_text(buf_view(&doc), &out, &event), 0);
	assert_int_equal(out.n, 2 * depth - 1);
}

/* Trees of random tags: no more text than there was, and no byte that was in none of them. */
static void random_trees(void **state)
{
	static const char *const pieces[] = {"<p>", "</p>", "<div>", "</div>", "<br/>", "<head>", "</head>", "<font>",
		"</font>", "a", "&lt;", "<style>", "</style>", "<body>", "</body>", HTML, "</html>",
		"<x xmlns='jabber:x:event'>", "</x>", "<composing/>", "<![CDATA[<b>]]>", "<b xmlns=''/>"};
	int parsed = 0;

	for (uint64_t seed = 1; seed <= 100000; seed++) {
		CLEANUP(buf_clear) struct buf doc = {.max = 4096};
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		enum legacy_event event;
		uint8_t dice[12];
		rand_seed(seed);
		rand_bytes(dice, sizeof(dice));
		buf_z(&doc, MESSAGE);
		/* Half of them in the html form, where ends that fit are more likely. */
		buf_z(&doc, seed % 2 ? HTML : "");
		for (size_t i = 0; i <= dice[0] % 6u; i++)
			buf_z(&doc, pieces[dice[i + 1] % ARRAY_LEN(pieces)]);
		buf_z(&doc, seed % 2 ? "</html></message>" : "</message>");
		int r = read_text(buf_view(&doc), &out, &event);
		assert_true(r == 0 || r == ERR_NOTFOUND || r == ERR_SYNTAX);
		assert_int_equal(r == 0, out.n > 0);
		assert_true(out.n <= doc.n);
		assert_int_equal(strspn(buf_cstr(&out), "a<b>\n"), out.n);
		parsed += r == 0;
	}
	rand_seed(0);
	assert_true(parsed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(messages),
		cmocka_unit_test(message_limit),
		cmocka_unit_test(incoming),
		cmocka_unit_test(typing),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(too_much),
		cmocka_unit_test(deep),
		cmocka_unit_test(random_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
