/* Our parser against expat: a corpus by hand, and tens of thousands of documents made from a grammar and
 * then damaged. Well-formedness and the whole tree must be the same, but for what test_oracle.h lists.
 * Each stanza must keep Invariant S.
 */
#include "xml/chars.h"
#include "xml/test_invariant.h"
#include "xml/test_lib.h"
#include "xml/test_oracle.h"

static const char *const corpus[] = {
	"<a/>",
	"<a></a>",
	"<a b='c' d=\"e\">f<g/>h</a>",
	"<a>&lt;&#x41;&#66;<![CDATA[<&>]]>]]</a>",
	"<a>]]></a>",
	"<a>x]]&gt;</a>",
	"<a b='&#13;\r\n&#10;\t'>\r\n\r</a>",
	"<a xmlns='u' xmlns:p='v'><p:b p:c='' c=''/><d xmlns=''/></a>",
	"<a xmlns:p='v' xmlns:q='v' p:x='' q:x=''/>",
	"<a xmlns:p=''/>",
	"<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='x'/>",
	"<a xmlns:xml='v'/>",
	"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
	"<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
	"<a xmlns='http://www.w3.org/2000/xmlns/'/>",
	"<a xmlns:xmlns='v'/>",
	"<xmlns:a/>",
	"<xml:a/>",
	"<a xmlns:p='&#65;' xmlns:q='A' p:x='' q:x=''/>",
	"<a b='x' b='y'/>",
	"<a b=x/>",
	"<a b/>",
	"<a/ >",
	"< a/>",
	"</a>",
	"<a></a><b/>",
	"<a>\x7f\xc2\x80</a>",
	"<a>\xef\xbf\xbd\xef\xbf\xbe</a>",
	"<a>\xed\xa0\x80</a>",
	"<a>\xf4\x8f\xbf\xbf</a>",
	"<a>\xf4\x90\x80\x80</a>",
	"<a>&#xD7FF;&#xE000;&#x10FFFF;</a>",
	"<a>&#xDFFF;</a>",
	"<a>&#x110000;</a>",
	"<a>&#99999999999999999999;</a>",
	"<?xml version='1.0' encoding='utf-8'?><a/>",
	"\xef\xbb\xbf<?xml version='1.0'?><a/>",
	" <?xml version='1.0'?><a/>",
	"<?xml version='1.0' standalone='maybe'?><a/>",
	"<\xc3\xa9 \xc3\xa8='1'></\xc3\xa9>",
	"<a:b:c xmlns:a='u' xmlns:b='v'/>",
	"<a:b xmlns:a='u' a:c:d=''/>",
	"<a xmlns:='u'/>",
	"<a :b='u'/>",
	"",
	" ",
	"<",
	"<a>",
	"<a><![CDATA[]]></a>",
	"<a><![CDATA[x]]]]><![CDATA[>]]></a>",
	"<a><![CDATA[</a>",
	"<![CDATA[x]]><a/>",
};

struct run {
	struct xml_scratch *scratch;
	struct xml_parser *parser[2];
	struct buf ours, oracle;
	uint64_t random;
	unsigned same_good, same_bad, left_out;
};

static uint32_t pick(struct run *r, uint32_t n) /* below n */
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)((r->random >> 11) % n);
}

static void check_invariant(const struct xml_tree *t, struct str doc)
{
	struct buf expected, got;
	const char *content = t->raw_len % 2 ? "jabber:client" : "jabber:server";
	if (!invariant_holds(t, content, &expected, &got))
		fail_msg("%.*s\nexpected %.*s\ngot %.*s", STR_FMT(doc), STR_FMT(buf_view(&expected)),
			STR_FMT(buf_view(&got)));
	buf_clear(&expected);
	buf_clear(&got);
}

/* Our events over the whole document, the trees in r->ours; in random pieces. */
static enum xml_event read_ours(struct run *r, struct str doc, enum xml_mode mode, bool *ret_odd)
{
	struct xml_parser *p = r->parser[mode];
	enum xml_event e = XML_MORE, last = XML_MORE;
	xml_parser_reset(p);
	buf_reset(&r->ours);
	for (size_t at = 0, n; at < doc.n; at += n) {
		n = 1 + pick(r, (uint32_t)doc.n);
		n = n < doc.n - at ? n : doc.n - at;
		struct str in = {doc.p + at, n};
		struct xml_tree t;
		while ((e = xml_parse(p, &in, &t)) != XML_MORE) {
			if (e >= XML_NOT_WELL_FORMED)
				return e;
			if (last == XML_STANZA && mode == XML_FRAMES)
				return XML_NOT_WELL_FORMED; /* a second document */
			last = e;
			if (e == XML_STANZA)
				check_invariant(&t, doc);
			if (e == XML_OPEN)
				dump_start(&r->ours, &t, XML_ROOT);
			else if (e == XML_END)
				buf_char(&r->ours, '>');
			else
				dump_node(&r->ours, &t, XML_ROOT);
			*ret_odd |= e != XML_END && oracle_odd_names(&t);
		}
	}
	return last == (mode == XML_FRAMES ? XML_STANZA : XML_END) && !xml_parser_held(p) ? last : XML_NOT_WELL_FORMED;
}

static void compare(struct run *r, struct str doc, enum xml_mode mode)
{
	bool odd = false;
	enum xml_event e = read_ours(r, doc, mode, &odd);
	assert_int_not_equal(e, XML_TOO_BIG);
	switch (oracle_compare(doc, mode, e, odd, buf_view(&r->ours), &r->oracle)) {
	case ORACLE_LEFT_OUT:
		r->left_out++;
		break;
	case ORACLE_BOTH_BAD:
		r->same_bad++;
		break;
	case ORACLE_SAME:
		r->same_good++;
		break;
	case ORACLE_OTHER_TREE:
		assert_same(&r->oracle, &r->ours, doc);
		break;
	case ORACLE_DISAGREES:
		fail_msg("expat says %s, we %s: %.*s", r->oracle.n ? "good" : "bad", event_names[e], STR_FMT(doc));
	}
}

static void run_init(struct run *r)
{
	static const struct xml_limits wide = {1 << 24, 1000, 1000, 10000, 1 << 20};
	*r = (struct run){.scratch = xml_scratch_new(), .random = 0x9e3779b97f4a7c15u};
	for (int mode = 0; mode < 2; mode++)
		r->parser[mode] = xml_parser_new(r->scratch, (enum xml_mode)mode, &wide);
	buf_init(&r->ours, 1 << 26);
	buf_init(&r->oracle, 1 << 26);
}

static void run_clear(struct run *r)
{
	for (int mode = 0; mode < 2; mode++)
		xml_parser_free(&r->parser[mode]);
	xml_scratch_free(&r->scratch);
	buf_clear(&r->ours);
	buf_clear(&r->oracle);
}

/* The grammar: each rule is a list of alternatives, in which a letter between braces is a rule again. */
static const char *const names[] = {"a", "b", "message", "x", "long-name.with_all0", "\xc3\xa9", "p:a", "q:b",
	"p:message", "xml:a", "r:x"};
static const char *const attr_names[] = {"id", "to", "from", "a", "b", "p:a", "q:a", "q:id", "xml:lang", "r:a", "xmlns",
	"xmlns:p", "xmlns:q", "xmlns:r", "xmlns:p", "xmlns:xml", "a-very-long-attribute-name"};
static const char *const pieces[] = {
	"x",
	"text ",
	"a longer piece of text without anything odd in it",
	"&lt;",
	"&amp;",
	"&#65;",
	"&#x20AC;",
	"&#10;",
	"&#xD;",
	"\n",
	"\r\n",
	"\r",
	"\t",
	"]",
	"]]",
	">",
	"'",
	"\"",
	"\xc3\xa9",
	"\xe2\x82\xac",
	"\xf0\x9f\x98\x80",
	"\xd0\x96\xd1\x8f\xd0\xb9",
	"u",
	"v",
	"http://www.w3.org/XML/1998/namespace",
	"0123456789abcdef",
};
static const char *const spaces[] = {" ", " ", " ", "  ", "\n", "\t", "\r\n", " \r "};

#define PICK(r, list) (list)[pick(r, ARRAY_LEN(list))]

static void make_text(struct run *r, struct buf *out, bool value, char quote)
{
	for (uint32_t n = pick(r, 5); n > 0; n--) {
		const char *piece = PICK(r, pieces);
		if (!value || *piece != quote)
			buf_z(out, piece);
	}
}

static void make_value(struct run *r, struct buf *out, const char *name)
{
	static const char *const uris[] = {"u", "v", "w", "urn:x", "u", "v", "",
		"http://www.w3.org/XML/1998/namespace"};
	char quote = pick(r, 2) ? '\'' : '"';
	buf_char(out, quote);
	if (strncmp(name, "xmlns", 5) == 0)
		buf_z(out, uris[pick(r, pick(r, 4) ? 4 : ARRAY_LEN(uris))]);
	else
		make_text(r, out, true, quote);
	buf_char(out, quote);
}

static void make_attrs(struct run *r, struct buf *out)
{
	uint32_t used = 0;
	for (uint32_t n = pick(r, 5); n > 0; n--) {
		uint32_t which = pick(r, ARRAY_LEN(attr_names));
		if (used & 1u << which && pick(r, 8))
			continue;
		used |= 1u << which;
		buf_z(out, PICK(r, spaces));
		buf_z(out, attr_names[which]);
		buf_z(out, pick(r, 9) ? "=" : " = ");
		make_value(r, out, attr_names[which]);
	}
	buf_z(out, pick(r, 9) ? "" : PICK(r, spaces));
}

static void make_section(struct run *r, struct buf *out)
{
	buf_z(out, "<![CDATA[");
	for (uint32_t n = pick(r, 4); n > 0; n--)
		buf_z(out, pick(r, 3) ? PICK(r, pieces) : "<&]");
	buf_z(out, "]]>");
}

static void make_element(struct run *r, struct buf *out, int depth)
{
	const char *name = pick(r, 3) ? names[pick(r, 5)] : PICK(r, names);
	buf_char(out, '<');
	buf_z(out, name);
	if (depth == 0) /* so that most prefixes are known */
		buf_z(out, pick(r, 8) ? " xmlns:p='u' xmlns:q='v' xmlns:r=\"w\"" : "");
	make_attrs(r, out);
	if (pick(r, 4) == 0) {
		buf_z(out, "/>");
		return;
	}
	buf_char(out, '>');
	for (uint32_t n = pick(r, depth == 0 ? 5 : 4); n > 0; n--) {
		if (depth < 5 && pick(r, 2))
			make_element(r, out, depth + 1);
		else if (pick(r, 4))
			make_text(r, out, false, 0);
		else
			make_section(r, out);
	}
	buf_z(out, "</");
	buf_z(out, name);
	buf_z(out, pick(r, 9) ? ">" : " >");
}

static void make_document(struct run *r, struct buf *out)
{
	buf_z(out, pick(r, 20) ? "" : "\xef\xbb\xbf");
	buf_z(out, pick(r, 10) ? "" : "<?xml version='1.0' encoding='UTF-8'?>");
	buf_z(out, pick(r, 10) ? "" : PICK(r, spaces));
	make_element(r, out, 0);
	buf_z(out, pick(r, 10) ? "" : PICK(r, spaces));
}

/* Something is cut out, put in or changed. */
static void damage(struct run *r, struct buf *doc)
{
	static const char *const bits[] = {"<", ">", "/", "'", "\"", "&", ";", "#", "=", " ", ":", "]]>", "<![CDATA[",
		"<a>", "</a>", "x='1' ", "\xc3", "\x80", "\xff", "\xef\xbf\xbf", "\x01", "&#0;", "&x;", "xmlns",
		"xmlns:p='' ", "\xed\xa0\x80", "-", "1", "<?x?>", "<!-- -->", "p:", "\r", "]"};
	struct buf out;
	if (!doc->n)
		return;
	buf_init(&out, 1 << 20);
	uint32_t at = pick(r, (uint32_t)doc->n), cut = pick(r, 3) ? 0 : 1 + pick(r, 4);
	cut = cut < doc->n - at ? cut : (uint32_t)doc->n - at;
	buf_add(&out, doc->p, at);
	if (cut == 0 || pick(r, 2))
		buf_z(&out, PICK(r, bits));
	buf_add(&out, doc->p + at + cut, doc->n - at - cut);
	buf_reset(doc);
	buf_str(doc, buf_view(&out));
	buf_clear(&out);
}

static void test_corpus(void **state)
{
	(void)state;
	struct run r;
	struct buf stream;
	run_init(&r);
	buf_init(&stream, 4096);
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++)
		for (int again = 0; again < 8; again++) {
			struct str doc = str_z(corpus[i]);
			compare(&r, doc, XML_FRAMES);
			buf_reset(&stream);
			buf_z(&stream, "<s xmlns:p='v'>");
			buf_str(&stream, doc);
			buf_z(&stream, "</s>");
			compare(&r, buf_view(&stream), XML_STREAM);
		}
	buf_clear(&stream);
	run_clear(&r);
}

static void random_documents(uint32_t count, uint32_t damages, unsigned *ret_good, unsigned *ret_bad)
{
	struct run r;
	struct buf doc;
	run_init(&r);
	r.random += damages;
	buf_init(&doc, 1 << 20);
	for (uint32_t i = 0; i < count; i++) {
		buf_reset(&doc);
		make_document(&r, &doc);
		for (uint32_t k = 0; k < damages; k++)
			damage(&r, &doc);
		compare(&r, buf_view(&doc), XML_FRAMES);
	}
	assert_in_range(r.left_out, 0, count / 4);
	*ret_good = r.same_good;
	*ret_bad = r.same_bad;
	buf_clear(&doc);
	run_clear(&r);
}

/* The counts see to it that the generator does not go stale. */
static void test_random(void **state)
{
	(void)state;
	unsigned good, bad;
	random_documents(20000, 0, &good, &bad);
	assert_in_range(good, 5000, 20000);
	assert_in_range(bad, 500, 20000);
}

static void test_random_damaged(void **state)
{
	(void)state;
	unsigned good, bad;
	random_documents(20000, 1, &good, &bad);
	assert_in_range(good, 1000, 20000);
	assert_in_range(bad, 5000, 20000);
	random_documents(20000, 3, &good, &bad);
	assert_in_range(bad, 10000, 20000);
}

static void test_random_streams(void **state)
{
	(void)state;
	struct run r;
	struct buf doc;
	run_init(&r);
	buf_init(&doc, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		buf_reset(&doc);
		buf_z(&doc, pick(&r, 2) ? "<?xml version='1.0'?>" : "");
		buf_z(&doc,
			pick(&r, 2) ? "<p:a xmlns='u' xmlns:p='v'>" : "<p:a xmlns:p='x' p:b='1' xmlns:q=\"&#65;\">");
		for (uint32_t n = pick(&r, 5); n > 0; n--) {
			buf_z(&doc, pick(&r, 2) ? "" : " \n");
			make_element(&r, &doc, 1);
		}
		buf_z(&doc, pick(&r, 5) ? "</p:a>" : " </p:a > ");
		compare(&r, buf_view(&doc), XML_STREAM);
	}
	assert_in_range(r.same_good, 3000, 10000);
	assert_in_range(r.same_bad, 100, 10000);
	buf_clear(&doc);
	run_clear(&r);
}

/* Every character of the BMP as the first and as the second of a name: what expat takes, we take. */
static void test_names(void **state)
{
	(void)state;
	unsigned both = 0, more = 0;
	for (uint32_t c = 0x80; c < 0x10000; c++) {
		if (c == 0xd800)
			c = 0xe000;
		for (int second = 0; second < 2; second++) {
			char text[16] = "<ab";
			struct buf dump;
			void *block = NULL;
			struct xml_tree t;
			unsigned n = xml_utf8_put(text + 1 + second, c);
			strcpy(text + 1 + second + n, "/>");
			buf_init(&dump, 100);
			bool theirs = oracle_parse(str_z(text), false, &dump),
			     ours = xml_parse_all(str_z(text), &block, &t) == 0;
			if (theirs && !ours)
				fail_msg("U+%04X refused", c);
			both += theirs;
			more += ours && !theirs;
			buf_clear(&dump);
			xfree(block);
		}
	}
	assert_in_range(both, 60000, 80000);
	assert_in_range(more, 10000, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_damaged),
		cmocka_unit_test(test_random_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
