/* Documents good and bad, in all pieces; limits; what is held. */
#include "xml/test_lib.h"

#define CLIENT_HEADER \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

struct row {
	const char *text;
	const char *tree; /* in the form of test_dump.h, of the whole or of the last stanza */
};

static const struct row good[] = {
	{"<a/>", "<0:|1:a>"},
	{"<a></a>", "<0:|1:a>"},
	{"<a ></a\t\n>", "<0:|1:a>"},
	{"<a b='c'/>", "<0:|1:a@0:|1:b=1:c>"},
	{"<a b=\"c\"/>", "<0:|1:a@0:|1:b=1:c>"},
	{"<a\r\nb\t= \n'c' />", "<0:|1:a@0:|1:b=1:c>"},
	{"<a b='\"' c=\"'\" d=''/>", "<0:|1:a@0:|1:b=1:\"@0:|1:c=1:'@0:|1:d=0:>"},
	{"<a b='>'>></a>", "<0:|1:a@0:|1:b=1:>\"1:>>"},
	{"<a>text</a>", "<0:|1:a\"4:text>"},
	{"<a>x<b/>y<b>z</b> </a>", "<0:|1:a\"1:x<0:|1:b>\"1:y<0:|1:b\"1:z>\"1: >"},
	{"<a>&lt;&gt;&amp;&apos;&quot;</a>", "<0:|1:a\"5:<>&'\">"},
	{"<a b='&lt;&gt;&amp;&apos;&quot;'/>", "<0:|1:a@0:|1:b=5:<>&'\">"},
	{"<a>&#65;&#x42;&#x00043;&#000068;</a>", "<0:|1:a\"4:ABCD>"},
	{"<a>&#x20AC;&#8364;&#x10FFFF;&#xe9;</a>", "<0:|1:a\"12:\xe2\x82\xac\xe2\x82\xac\xf4\x8f\xbf\xbf\xc3\xa9>"},
	{"<a>&#9;&#10;&#13;&#xD;</a>", "<0:|1:a\"4:\t\n\r\r>"},
	{"<a b='x\ty\nz\rw\r\nv\n\ru'/>", "<0:|1:a@0:|1:b=12:x y z w v  u>"},
	{"<a b='&#9;&#10;&#13;&#32;'/>", "<0:|1:a@0:|1:b=4:\t\n\r >"},
	{"<a>1\r\n2\r3\n4\r\r\n5</a>", "<0:|1:a\"10:1\n2\n3\n4\n\n5>"},
	{"<a>1\r</a>", "<0:|1:a\"2:1\n>"},
	{"<a><![CDATA[<b>&lt;\r\n]] ]>]]]]></a>", "<0:|1:a\"15:<b>&lt;\n]] ]>]]>"},
	{"<a><![CDATA[]]></a>", "<0:|1:a>"},
	{"<a>x<![CDATA[]]></a>", "<0:|1:a\"1:x>"},
	{"<a><![CDATA[]]>x</a>", "<0:|1:a\"1:x>"},
	{"<a>1<![CDATA[2]]>3<![CDATA[4]]><![CDATA[5]]>&#54;<b/>7<![CDATA[8]]></a>", "<0:|1:a\"6:123456<0:|1:b>\"2:78>"},
	{"<a>\r<![CDATA[\n]]>\r</a>", "<0:|1:a\"3:\n\n\n>"},
	{"<a>]] ]> ]]&gt; ]</a>", "<0:|1:a\"11:]] ]> ]]> ]>"},
	{"<a>]]<b/>></a>", "<0:|1:a\"2:]]<0:|1:b>\"1:>>"},
	{"<a b=']]>'/>", "<0:|1:a@0:|1:b=3:]]>>"},
	{"<a>\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd</a>",
		"<0:|1:a\"18:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd>"},
	{"<a b='\xc3\xa9\t\xe2\x82\xac'/>", "<0:|1:a@0:|1:b=6:\xc3\xa9 \xe2\x82\xac>"},
	{"<\xc3\xa9t\xc3\xa9 \xe2\xbf\xaf='1' x\xcc\x80\xc2\xb7='2'></\xc3\xa9t\xc3\xa9>",
		"<0:|5:\xc3\xa9t\xc3\xa9@0:|3:\xe2\xbf\xaf=1:1@0:|5:x\xcc\x80\xc2\xb7=1:2>"},
	{"<_-.9 _.-0=''/>", "<0:|4:_-.9@0:|4:_.-0=0:>"},
	{"<a>\x7f</a>", "<0:|1:a\"1:\x7f>"},
	{"  \r\n\t<a/>  ", "<0:|1:a>"},
	{"\xef\xbb\xbf<a/>", "<0:|1:a>"},
	{"<?xml version='1.0'?><a/>", "<0:|1:a>"},
	{"\xef\xbb\xbf<?xml version=\"1.0\" encoding='UtF-8' standalone='yes' ?>\n<a/>", "<0:|1:a>"},
	{"<?xml\tversion\n=\r'1.1'\nstandalone=\"no\"?><a/>", "<0:|1:a>"},
	{"<a xmlns='u'><b/><c xmlns=''><d/></c><e/></a>", "<1:u|1:a<1:u|1:b><0:|1:c<0:|1:d>><1:u|1:e>>"},
	{"<p:a xmlns:p='u'><p:b/><c p:d='' d=''/></p:a>", "<1:u|1:a<1:u|1:b><0:|1:c@1:u|1:d=0:@0:|1:d=0:>>"},
	{"<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:b/></p:a>", "<1:u|1:a<1:v|1:b><1:u|1:b>>"},
	{"<a p:x='1' xmlns:p='u' xmlns='v'/>", "<1:v|1:a@1:u|1:x=1:1>"},
	{"<a xmlns='&#x75;\n&amp;'/>", "<3:u &|1:a>"},
	{"<a xml:lang='de' xml:space='preserve'/>",
		"<0:|1:a@36:http://www.w3.org/XML/1998/namespace|4:lang=2:de@36:http://www.w3.org/XML/1998/namespace|5:space=8:preserve>"},
	{"<xml:a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", "<36:http://www.w3.org/XML/1998/namespace|1:a>"},
	{"<a xmlns:b='u' xmlns:c='u' b:x='' c:y=''/>", "<0:|1:a@1:u|1:x=0:@1:u|1:y=0:>"},
	{"<a xmlns:b='u' x='' b:x='' xmlns='u'/>", "<1:u|1:a@0:|1:x=0:@1:u|1:x=0:>"},
	{"<xmlnsx xmlnsy='' xmln=''/>", "<0:|6:xmlnsx@0:|6:xmlnsy=0:@0:|4:xmln=0:>"},
	{"<abcdefghijklmnopqrstuvwxyz0123456789 abcdefghijklmnopqrstuvwxyz='0123456789abcdefghijklmnopqrstuv"
	 "wxyz'>0123456789abcdefghijklmnopqrstuvwxyz</abcdefghijklmnopqrstuvwxyz0123456789>",
		"<0:|36:abcdefghijklmnopqrstuvwxyz0123456789@0:|26:abcdefghijklmnopqrstuvwxyz=36:0123456789abcdefghijklmnopqrs"
		"tuvwxyz\"36:0123456789abcdefghijklmnopqrstuvwxyz>"},
};

struct bad {
	const char *text;
	enum xml_event event;
};

static const struct bad bad[] = {
	/* tags */
	{"x", XML_NOT_WELL_FORMED},
	{"<>", XML_NOT_WELL_FORMED},
	{"< a/>", XML_NOT_WELL_FORMED},
	{"<1/>", XML_NOT_WELL_FORMED},
	{"<-a/>", XML_NOT_WELL_FORMED},
	{"<.a/>", XML_NOT_WELL_FORMED},
	{"<a$/>", XML_NOT_WELL_FORMED},
	{"<a / >", XML_NOT_WELL_FORMED},
	{"<a/b>", XML_NOT_WELL_FORMED},
	{"</a>", XML_NOT_WELL_FORMED},
	{"<a></b>", XML_NOT_WELL_FORMED},
	{"<a></ab>", XML_NOT_WELL_FORMED},
	{"<ab></a>", XML_NOT_WELL_FORMED},
	{"<a></ a>", XML_NOT_WELL_FORMED},
	{"<a></a b=''>", XML_NOT_WELL_FORMED},
	{"<a></>", XML_NOT_WELL_FORMED},
	{"<a><b></a></b>", XML_NOT_WELL_FORMED},
	{"<a><b", XML_MORE},
	{"<a><<", XML_NOT_WELL_FORMED},
	{"<a><b<", XML_NOT_WELL_FORMED},
	{"<a></a<", XML_NOT_WELL_FORMED},
	{"<a\xc3\x97/>", XML_NOT_WELL_FORMED},         /* multiplication sign */
	{"<\xcc\x80/>", XML_NOT_WELL_FORMED},          /* combining grave at the start */
	{"<\xc2\xb7/>", XML_NOT_WELL_FORMED},          /* middle dot at the start */
	{"<a\xcd\xbe/>", XML_NOT_WELL_FORMED},         /* Greek question mark */
	{"<a\xf3\xb0\x80\x80/>", XML_NOT_WELL_FORMED}, /* private use */
	/* attributes */
	{"<a b/>", XML_NOT_WELL_FORMED},
	{"<a b=/>", XML_NOT_WELL_FORMED},
	{"<a b=c/>", XML_NOT_WELL_FORMED},
	{"<a b='c\"/><", XML_NOT_WELL_FORMED},
	{"<a b='c'd='e'/>", XML_NOT_WELL_FORMED},
	{"<a b='<'/>", XML_NOT_WELL_FORMED},
	{"<a b='&'/>", XML_NOT_WELL_FORMED},
	{"<a b='&lt'/>", XML_NOT_WELL_FORMED},
	{"<a b='c' b='d'/>", XML_NOT_WELL_FORMED},
	{"<a b='c' c='' b=\"c\"/>", XML_NOT_WELL_FORMED},
	{"<a ='c'/>", XML_NOT_WELL_FORMED},
	{"<a 'c'>", XML_NOT_WELL_FORMED},
	{"<a b='\x01'/>", XML_NOT_WELL_FORMED},
	{"<a b='\xef\xbf\xbf'/>", XML_NOT_WELL_FORMED},
	/* characters */
	{"<a>\x01</a>", XML_NOT_WELL_FORMED},
	{"<a>\x1f</a>", XML_NOT_WELL_FORMED},
	{"<a>\xef\xbf\xbe</a>", XML_NOT_WELL_FORMED},
	{"<a>\xef\xbf\xbf</a>", XML_NOT_WELL_FORMED},
	{"<a>\x80</a>", XML_BAD_UTF8},
	{"<a>\xc0\x80</a>", XML_BAD_UTF8},
	{"<a>\xc1\xbf</a>", XML_BAD_UTF8},
	{"<a>\xc3</a>", XML_BAD_UTF8},
	{"<a>\xe0\x9f\xbf</a>", XML_BAD_UTF8},
	{"<a>\xe2\x82</a>", XML_BAD_UTF8},
	{"<a>\xed\xa0\x80</a>", XML_BAD_UTF8},
	{"<a>\xed\xbf\xbf</a>", XML_BAD_UTF8},
	{"<a>\xf0\x8f\xbf\xbf</a>", XML_BAD_UTF8},
	{"<a>\xf4\x90\x80\x80</a>", XML_BAD_UTF8},
	{"<a>\xf5\x80\x80\x80</a>", XML_BAD_UTF8},
	{"<a>\xff</a>", XML_BAD_UTF8},
	{"<a b='\xe9'/>", XML_BAD_UTF8},
	{"<a\xe9/>", XML_BAD_UTF8},
	{"<a b\xe9=''/>", XML_BAD_UTF8},
	{"<a><![CDATA[\xe9]]></a>", XML_BAD_UTF8},
	{"<a><![CDATA[\x02]]></a>", XML_NOT_WELL_FORMED},
	{"\xff\xfe<\0a", XML_BAD_UTF8}, /* UTF-16 */
	{"\xfe\xff", XML_BAD_UTF8},
	{"<a>]]></a>", XML_NOT_WELL_FORMED},
	{"<a>]]]></a>", XML_NOT_WELL_FORMED},
	/* references */
	{"<a>&#;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#x;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xg;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#a;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#X41;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#65</a>", XML_NOT_WELL_FORMED},
	{"<a>&#0;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#8;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xD800;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xFFFE;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#x110000;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#x100000041;</a>", XML_NOT_WELL_FORMED}, /* 32 bits are not enough */
	{"<a>&#18446744073709551681;</a>", XML_NOT_WELL_FORMED},
	{"<a>& lt;</a>", XML_NOT_WELL_FORMED},
	{"<a>&</a>", XML_NOT_WELL_FORMED},
	{"<a>&;</a>", XML_NOT_WELL_FORMED},
	{"<a>&l<b/>t;</a>", XML_NOT_WELL_FORMED},
	{"<a>&eacute;</a>", XML_RESTRICTED},
	{"<a b='&x;'/>", XML_RESTRICTED},
	{"<a>&lti;</a>", XML_RESTRICTED},
	{"<a>&LT;</a>", XML_RESTRICTED},
	/* what streams may not have */
	{"<!--", XML_RESTRICTED},
	{"<!-- x --><a/>", XML_RESTRICTED},
	{"<a><!-- x --></a>", XML_RESTRICTED},
	{"<!DOCTYPE a><a/>", XML_RESTRICTED},
	{"<a><!DOCTYPE", XML_RESTRICTED},
	{"<?php ?><a/>", XML_RESTRICTED},
	{"<?xml-stylesheet ?><a/>", XML_RESTRICTED},
	{"<a><?x?></a>", XML_RESTRICTED},
	{"<a><?xml version='1.0'?></a>", XML_RESTRICTED},
	{" <?xml version='1.0'?><a/>", XML_RESTRICTED},
	{"<?xml version='1.0'?><?xml version='1.0'?><a/>", XML_RESTRICTED},
	{"<?xml version='1.0'?>\xef\xbb\xbf<a/>", XML_NOT_WELL_FORMED},
	{"\xef\xbb\xbf\xef\xbb\xbf<a/>", XML_NOT_WELL_FORMED},
	{" \xef\xbb\xbf<a/>", XML_NOT_WELL_FORMED},
	{"<a><!x></a>", XML_NOT_WELL_FORMED},
	{"<!x><a/>", XML_NOT_WELL_FORMED},
	{"<![CDATA[]]>", XML_NOT_WELL_FORMED},
	{"<a><![cdata[]]></a>", XML_NOT_WELL_FORMED},
	{"<a><![CDAT[]]></a>", XML_NOT_WELL_FORMED},
	/* the declaration */
	{"<?xml?><a/>", XML_RESTRICTED}, /* no declaration, so an instruction */
	{"<?xml ?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version=1.0?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='2.0'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.x'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0\"?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0'><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0'<", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' ? ><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' x='y'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml encoding='utf-8'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0'encoding='utf-8'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml encoding='utf-8' version='1.0'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' encoding='8'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' encoding=''?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' encoding='_8'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' standalone='maybe'?><a/>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", XML_BAD_UTF8},
	{"<?xml version='1.0' encoding='UTF-16'?><a/>", XML_BAD_UTF8},
	/* namespaces */
	{"<p:a/>", XML_BAD_PREFIX},
	{"<a p:b=''/>", XML_BAD_PREFIX},
	{"<a><p:b xmlns:p='u'/><p:c/></a>", XML_BAD_PREFIX},
	{"<a xmlns:pp='u'><p:b/></a>", XML_BAD_PREFIX},
	{"<xmlns:a/>", XML_BAD_PREFIX},
	{"<:a/>", XML_NOT_WELL_FORMED},
	{"<a:/>", XML_NOT_WELL_FORMED},
	{"<a:b:c xmlns:a='u'/>", XML_NOT_WELL_FORMED},
	{"<a:1 xmlns:a='u'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:='u'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p=''/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='u'><b xmlns:p=''/></a>", XML_NOT_WELL_FORMED},
	{"<a xmlns:xmlns='u'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns='http://www.w3.org/2000/xmlns/'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:xml='u'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns='http://www.w3.org/XML/1998/&#x6e;amespace'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns='u' xmlns='v'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='u' xmlns:p='u'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='u' p:x='' p:x=''/>", XML_NOT_WELL_FORMED},
	{"<p:a xmlns:p='u'></a>", XML_NOT_WELL_FORMED},
	{"<a:x xmlns:a='u' xmlns:b='u'></b:x>", XML_NOT_WELL_FORMED},
};

/* The tree of the last stanza, as dumped. */
static void assert_tree(struct str text, const char *tree)
{
	void *block;
	struct xml_tree t;
	struct buf out;
	buf_init(&out, 1 << 20);
	int rc = xml_parse_all(text, &block, &t);
	if (rc < 0)
		fail_msg("refused: %.*s", STR_FMT(text));
	dump_node(&out, &t, XML_ROOT);
	assert_string_equal(buf_cstr(&out), tree);
	buf_clear(&out);
	xfree(block);
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_tree(str_z(good[i].text), good[i].tree);
		assert_int_equal(run_all_cuts(XML_FRAMES, &xml_limits_default, str_z(good[i].text)), XML_MORE);
	}
}

static void assert_event(enum xml_event got, enum xml_event expected, struct str text)
{
	if (got != expected)
		fail_msg("%s instead of %s: %.*s", event_names[got], event_names[expected], STR_FMT(text));
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct str text = str_z(bad[i].text);
		assert_event(run_all_cuts(XML_FRAMES, &xml_limits_default, text), bad[i].event, text);
		void *block = NULL;
		struct xml_tree t;
		assert_true(xml_parse_all(text, &block, &t) < 0);
		assert_null(block);
	}
}

/* The same as a stanza of a stream. */
static void test_bad_in_stream(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct str text = str_z(bad[i].text);
		enum xml_event expected = bad[i].event;
		run_all_cuts(XML_STREAM, &xml_limits_default, text);
		if (str_starts(text, STR("<?xml ")))
			expected = XML_RESTRICTED;
		struct buf all;
		buf_init(&all, 4096);
		buf_z(&all, CLIENT_HEADER "<iq/>");
		buf_str(&all, text);
		assert_event(run_all_cuts(XML_STREAM, &xml_limits_default, buf_view(&all)), expected, buf_view(&all));
		buf_clear(&all);
	}
}

static void test_control_bytes(void **state)
{
	(void)state;
	for (int c = 0; c < 0x20; c++) {
		char text[] = "<a>x</a>", value[] = "<a b='x'/>", section[] = "<a><![CDATA[x]]></a>";
		text[3] = value[6] = section[12] = (char)c;
		enum xml_event expected = c == '\t' || c == '\n' || c == '\r' ? XML_MORE : XML_NOT_WELL_FORMED;
		assert_int_equal(run_all_cuts(XML_FRAMES, &xml_limits_default, (struct str){text, 8}), expected);
		assert_int_equal(run_all_cuts(XML_FRAMES, &xml_limits_default, (struct str){value, 10}), expected);
		assert_int_equal(run_all_cuts(XML_FRAMES, &xml_limits_default, (struct str){section, 20}), expected);
	}
}

/* In every place of a long text, so that all lanes and the rest behind them look. */
static void test_bytes_everywhere(void **state)
{
	(void)state;
	static const struct bad ones[] = {{"\x01", XML_NOT_WELL_FORMED}, {"\xff", XML_BAD_UTF8},
		{"]]>", XML_NOT_WELL_FORMED}, {"&", XML_NOT_WELL_FORMED}};
	for (size_t k = 0; k < ARRAY_LEN(ones); k++) {
		for (size_t at = 0; at <= 40; at++) {
			char text[64];
			int n = snprintf(text, sizeof(text), "<a>%.*s%s%.*s</a>", (int)at,
				"0123456789012345678901234567890123456789", ones[k].text, (int)(40 - at),
				"0123456789012345678901234567890123456789");
			struct buf out;
			buf_init(&out, 4096);
			struct str s = {text, (size_t)n};
			assert_event(run_text(XML_FRAMES, &xml_limits_default, s, s.n, 1, &out), ones[k].event, s);
			buf_clear(&out);
		}
	}
}

static const char *const streams[] = {
	"<?xml version='1.0'?>" CLIENT_HEADER
	"\n <presence/> \t<message to='a@b'><body>hi</body></message>\n</stream:stream>  ",
	"\xef\xbb\xbf" CLIENT_HEADER "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq></stream:stream>",
	CLIENT_HEADER
	"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features><r xmlns='urn:xmpp:sm:3'/>",
	CLIENT_HEADER
	"<m>&lt;&amp;<![CDATA[<x>]]>\xe2\x82\xac\r\n</m><m xml:lang='de' a='&#10;\n'>\r</m><m><n>1<o/>2</n>3</m></stream:stream >",
	"<s xmlns:q='w' xmlns=\"v\" q:x='1'><q:a/><a q:b=''><c xmlns:q='x' q:d=''/></a></s>",
	"<s/>",
	" <s />  ",
	CLIENT_HEADER "<a/>  x",
	CLIENT_HEADER "<a/>&#32;",
	CLIENT_HEADER "</stream>",
	CLIENT_HEADER "</stream:stream><a/>",
	CLIENT_HEADER "</stream:stream>x",
	CLIENT_HEADER "</stream:streams>",
};

static void test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		run_all_cuts(XML_STREAM, &xml_limits_default, str_z(streams[i]));
}

static void assert_next(struct xml_parser *p, struct str *in, enum xml_event expected, const char *name, const char *ns)
{
	struct xml_tree t;
	assert_int_equal(xml_parse(p, in, &t), expected);
	if (!name)
		return;
	assert_true(xml_is(&t, XML_ROOT, name, ns));
	assert_true(t.data_len >= t.raw_len);
}

static void test_stream_events(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_STREAM, &xml_limits_default);
	struct str in = str_z(streams[0]);
	for (int i = 0; i < 2; i++) {
		in = str_z(streams[0]);
		assert_next(p, &in, XML_OPEN, "stream", "http://etherx.jabber.org/streams");
		assert_next(p, &in, XML_STANZA, "presence", "jabber:client");
		assert_next(p, &in, XML_STANZA, "message", "jabber:client");
		assert_next(p, &in, XML_END, NULL, NULL);
		assert_next(p, &in, XML_MORE, NULL, NULL);
		assert_int_equal(in.n, 0);
		in = STR("<");
		assert_next(p, &in, XML_MORE, NULL, NULL);
		in = STR("a>");
		assert_next(p, &in, XML_NOT_WELL_FORMED, NULL, NULL);
		in = STR("<a/>");
		assert_next(p, &in, XML_NOT_WELL_FORMED, NULL, NULL); /* final */
		xml_parser_reset(p);
	}
	in = STR_NONE;
	assert_next(p, &in, XML_MORE, NULL, NULL);
	in = STR("<s/><a/>");
	assert_next(p, &in, XML_OPEN, "s", "");
	assert_next(p, &in, XML_END, NULL, NULL);
	assert_next(p, &in, XML_NOT_WELL_FORMED, NULL, NULL);
	xml_parser_free(&p);
	xml_scratch_free(&s);
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

static void test_frames(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_FRAMES, &xml_limits_default);
	struct str in = STR("<open xmlns='u'/><?xml version='1.0'?><a xmlns:p='v'><p:b/></a> <c/><p:d/>");
	assert_next(p, &in, XML_STANZA, "open", "u");
	assert_next(p, &in, XML_STANZA, "a", "");
	assert_next(p, &in, XML_STANZA, "c", "");
	assert_next(p, &in, XML_BAD_PREFIX, NULL, NULL); /* nothing is inherited */
	xml_parser_reset(p);
	in = STR(" <a/><?xml version='1.0'?><b/>"); /* each is a document, with a start of its own */
	assert_next(p, &in, XML_STANZA, "a", "");
	assert_next(p, &in, XML_STANZA, "b", "");
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

/* Several parsers in turns on one scratch, each byte by byte. */
static void test_shared_scratch(void **state)
{
	(void)state;
	enum { PARSERS = ARRAY_LEN(streams) };
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p[PARSERS];
	struct buf out[PARSERS], alone;
	for (size_t i = 0; i < PARSERS; i++) {
		p[i] = xml_parser_new(s, XML_STREAM, &xml_limits_default);
		buf_init(&out[i], 1 << 20);
	}
	for (size_t at = 0; at < 512; at++)
		for (size_t i = 0; i < PARSERS; i++)
			if (at < strlen(streams[i]) && at == 0)
				run_piece(p[i], streams[i], 1, &out[i]);
			else if (at < strlen(streams[i]) && !strstr(buf_cstr(&out[i]), "not-well"))
				run_piece(p[i], streams[i] + at, 1, &out[i]);
	for (size_t i = 0; i < PARSERS; i++) {
		struct str text = str_z(streams[i]);
		buf_init(&alone, 1 << 20);
		enum xml_event last = run_text(XML_STREAM, &xml_limits_default, text, text.n, 1, &alone);
		buf_fmt(&out[i], "last: %s", event_names[last]);
		assert_same(&out[i], &alone, text);
		buf_clear(&alone);
		buf_clear(&out[i]);
		xml_parser_free(&p[i]);
	}
	xml_scratch_free(&s);
}

static void repeat(struct buf *b, const char *z, size_t times)
{
	while (times-- > 0)
		buf_z(b, z);
}

static enum xml_event limited(struct str text, struct xml_limits limits)
{
	return run_all_cuts(XML_FRAMES, &limits, text);
}

static void test_limits(void **state)
{
	(void)state;
	struct xml_limits l = xml_limits_default;
	struct str text = STR("<a b='c'>defg<hijk/></a>");
	l.stanza = (uint32_t)text.n;
	assert_int_equal(limited(text, l), XML_MORE);
	for (l.stanza = 0; l.stanza < text.n; l.stanza++)
		assert_int_equal(limited(text, l), XML_TOO_BIG);
	/* What comes later does not count: the limit is reached before it. */
	l.stanza = 12;
	assert_int_equal(limited(STR("<a b='c'>def<<"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a b='c'>d<<"), l), XML_NOT_WELL_FORMED);
	assert_int_equal(limited(STR("<a bcde='\xff\xff\xff\xff\xff"), l), XML_TOO_BIG);
	l = xml_limits_default;
	l.depth = 2;
	assert_int_equal(limited(STR("<a><b></b><b/></a>"), l), XML_MORE);
	assert_int_equal(limited(STR("<a><b><c/></b></a>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a><b><c></c></b></a>"), l), XML_TOO_BIG);
	l = xml_limits_default;
	l.attrs = 3;
	assert_int_equal(limited(STR("<a a='' b='' c=''><b a='' b='' c=''/></a>"), l), XML_MORE);
	assert_int_equal(limited(STR("<a xmlns='u' xmlns:p='v' c=''/>"), l), XML_MORE);
	assert_int_equal(limited(STR("<a a='' b='' c='' d=''/>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a xmlns='u' xmlns:p='v' c='' d=''/>"), l), XML_MORE);
	assert_int_equal(limited(STR("<a xmlns:p='v' b='' c='' d=''/>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a b='' c='' xmlns:p='v' xmlns:q='w'/>"), l), XML_TOO_BIG);
	l = xml_limits_default;
	l.name = 4;
	assert_int_equal(limited(STR("<abcd abcd=''/>"), l), XML_MORE);
	assert_int_equal(limited(STR("<p:ab xmlns:p='u' p:cd='' xmlns='v'/>"), l), XML_TOO_BIG); /* xmlns:p */
	assert_int_equal(limited(STR("<abcde/>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a abcde=''/>"), l), XML_TOO_BIG);
	l = xml_limits_default;
	l.nodes = 4;
	assert_int_equal(limited(STR("<a>1<b/>2</a>"), l), XML_MORE);
	assert_int_equal(limited(STR("<a><b/><b/><b/><b/></a>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a>1<b/>2<b/></a>"), l), XML_TOO_BIG);
	assert_int_equal(limited(STR("<a>1<b/>2<b>3</b></a>"), l), XML_TOO_BIG);
}

/* Prefixes in force are limited as well, so that finding one is never slow. */
static void test_limit_prefixes(void **state)
{
	(void)state;
	struct xml_limits l = xml_limits_default;
	l.attrs = 4;
	assert_int_equal(
		limited(STR("<a xmlns:p='u' xmlns:q='u'><b xmlns:r='v' xmlns:s='w'/><b xmlns:r='v' xmlns:s='w'/></a>"),
			l),
		XML_MORE);
	assert_int_equal(limited(STR("<a xmlns:p='u' xmlns:q='u'><b xmlns:r='v' xmlns:s='w' xmlns:t='w'/></a>"), l),
		XML_TOO_BIG);
	assert_int_equal(
		limited(STR("<a xmlns='u'><b xmlns='u'><c xmlns='u'><d xmlns='u'><e xmlns='u'/></d></c></b></a>"), l),
		XML_MORE);
}

static void test_limit_header_prefixes(void **state)
{
	(void)state;
	struct xml_limits l = xml_limits_default;
	l.attrs = 4;
	static const struct bad rows[] = {
		{"<s xmlns='x' xmlns:h='u' xmlns:i='v'><a xmlns:p='u' xmlns:q='u'/><a/>", XML_MORE},
		{"<s xmlns='x' xmlns:h='u' xmlns:i='v'><a xmlns:p='u' xmlns:q='u' xmlns:r='u'/>", XML_TOO_BIG},
		{"<s xmlns:h='u' xmlns:i='v'><a xmlns:p='u'><b xmlns:q='u'/><b xmlns:r='u'/></a>", XML_MORE},
		{"<s xmlns:h='u' xmlns:i='v'><a xmlns:p='u'><b xmlns:q='u' xmlns:r='u'/></a>", XML_TOO_BIG},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_event(run_all_cuts(XML_STREAM, &l, str_z(rows[i].text)), rows[i].event, str_z(rows[i].text));
}

/* The limits of a real stream: raised after authentication, and lowered below what is held. */
static void test_limits_change(void **state)
{
	(void)state;
	struct xml_limits l = xml_limits_default;
	struct xml_scratch *s = xml_scratch_new();
	l.stanza = 10;
	struct xml_parser *p = xml_parser_new(s, XML_STREAM, &l);
	struct str in = STR("<stream>   \n\n      \n    <a>12");
	assert_next(p, &in, XML_OPEN, "stream", "");
	assert_next(p, &in, XML_MORE, NULL, NULL);
	l.stanza = 20;
	xml_parser_limits(p, &l);
	in = STR("3456</a>");
	assert_next(p, &in, XML_STANZA, "a", "");
	in = STR("<a>1234567");
	assert_next(p, &in, XML_MORE, NULL, NULL);
	l.stanza = 5;
	xml_parser_limits(p, &l);
	in = STR("");
	assert_next(p, &in, XML_MORE, NULL, NULL);
	in = STR("8");
	assert_next(p, &in, XML_TOO_BIG, NULL, NULL);
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

static void test_held(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_STREAM, &xml_limits_default);
	struct xml_tree t;
	struct str text = str_z(streams[3]);
	int64_t before = mem_stats().bytes;
	assert_int_equal(xml_parser_held(p), 0);
	for (size_t i = 0; i < text.n; i++) {
		struct str in = {text.p + i, 1};
		enum xml_event e = xml_parse(p, &in, &t);
		assert_true(e < XML_NOT_WELL_FORMED);
		if (e != XML_MORE)
			assert_int_equal(xml_parser_held(p), 0);
	}
	/* A stream that waits for the next stanza has its header only. */
	xml_parser_reset(p);
	struct str in = STR(CLIENT_HEADER "<a><b c='d'>");
	assert_int_equal(xml_parse(p, &in, &t), XML_OPEN);
	assert_int_equal(xml_parse(p, &in, &t), XML_MORE);
	assert_true(xml_parser_held(p) > 0);
	in = STR("</b></a><a/> ");
	assert_int_equal(xml_parse(p, &in, &t), XML_STANZA);
	assert_int_equal(xml_parse(p, &in, &t), XML_STANZA);
	assert_int_equal(xml_parse(p, &in, &t), XML_MORE);
	assert_int_equal(xml_parser_held(p), 0);
	xml_parser_reset(p);
	xml_scratch_free(&s);
	xml_parser_free(&p);
	(void)before;
}

/* An idle parser costs what its header says, and an error leaves nothing. */
static void test_idle_memory(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p[COUNT];
	struct xml_tree t;
	int64_t start = 0;
	for (int i = -1; i < COUNT; i++) { /* the first one makes the scratch grow */
		struct xml_parser *one = xml_parser_new(s, XML_STREAM, &xml_limits_default);
		struct str in = STR(CLIENT_HEADER "<message to='a@b'><body>x &amp; y");
		assert_int_equal(xml_parse(one, &in, &t), XML_OPEN);
		assert_int_equal(xml_parse(one, &in, &t), XML_MORE);
		in = i % 2 ? STR("</body></message>") : STR("<x xmlns='u'/></body></message>");
		assert_int_equal(xml_parse(one, &in, &t), XML_STANZA);
		assert_int_equal(xml_parse(one, &in, &t), XML_MORE);
		if (i < 0) {
			xml_parser_free(&one);
			start = mem_stats().bytes;
		} else {
			p[i] = one;
		}
	}
	assert_true(mem_stats().bytes - start < COUNT * 512);
	for (int i = 0; i < COUNT; i++) {
		struct str in = STR("<message><body>");
		assert_int_equal(xml_parse(p[i], &in, &t), XML_MORE);
		in = STR("\xff<");
		assert_int_equal(xml_parse(p[i], &in, &t), XML_BAD_UTF8);
		assert_int_equal(xml_parser_held(p[i]), 0);
	}
	assert_true(mem_stats().bytes - start < COUNT * 256);
	for (int i = 0; i < COUNT; i++)
		xml_parser_free(&p[i]);
	assert_int_equal(mem_stats().bytes - start, 0);
	xml_scratch_free(&s);
}

/* Whatever comes, what is held stays in proportion to the limit. */
static void test_held_bounded(void **state)
{
	(void)state;
	static const char *const floods[] = {"<a><b/>", "<a a='", "<a>text", "<a>&#1", "<a><b c=''/>", "<a ",
		"<a xmlns:p='u", "<a><![CDATA[x", "<a>x<![CDATA[\r]]>"};
	static const char *const more[] = {"<b/>", "aaaaaaaa", "aaaaaaaa", "1111111", "<b c=''/>", " ", "u", "]]",
		"<![CDATA[\r]]>\r"};
	struct xml_limits l = xml_limits_default;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_tree t;
	l.stanza = 4096;
	for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
		struct xml_parser *p = xml_parser_new(s, XML_FRAMES, &l);
		struct str in = str_z(floods[i]);
		size_t fed = in.n;
		while (xml_parse(p, &in, &t) == XML_MORE) {
			assert_true(xml_parser_held(p) <= 4096u * 24u);
			assert_true(fed <= l.stanza);
			in = str_z(more[i]);
			fed += in.n;
		}
		assert_int_equal(xml_parse(p, &in, &t), XML_TOO_BIG);
		xml_parser_free(&p);
	}
	xml_scratch_free(&s);
}

/* Byte by byte up to the default limit; takes for ever if anything starts again with each byte. */
static void test_long_tokens(void **state)
{
	(void)state;
	static const char *const begin[] = {"<a>", "<a b='", "<a>&#x41;", "<a><![CDATA[", "<a", "<a>\xc3\xa9", "<a>"};
	static const char *const more[] = {"text ", "value ", "]]x", "]]]", " ", "\xf0\x9f\x98\x80", "<b/>"};
	static const char *const end[] = {"</a>", "'/>", "</a>", "]]></a>", "/>", "</a>", "</a>"};
	struct xml_limits l = xml_limits_default;
	l.nodes = 1 << 20;
	for (size_t i = 0; i < ARRAY_LEN(begin); i++) {
		struct buf text, whole, bytes;
		buf_init(&text, l.stanza);
		buf_init(&whole, 1 << 26);
		buf_init(&bytes, 1 << 26);
		buf_z(&text, begin[i]);
		repeat(&text, more[i], (l.stanza - 64) / strlen(more[i]));
		buf_z(&text, end[i]);
		assert_true(buf_ok(&text));
		assert_int_equal(run_text(XML_FRAMES, &l, buf_view(&text), text.n, 1, &whole), XML_MORE);
		assert_int_equal(run_text(XML_FRAMES, &l, buf_view(&text), 1, 1, &bytes), XML_MORE);
		assert_same(&whole, &bytes, STR("(long)"));
		assert_true(buf_ok(&whole) && memcmp(whole.p, "stanza", 6) == 0);
		buf_clear(&text);
		buf_clear(&whole);
		buf_clear(&bytes);
	}
}

/* A piece behind a held stanza is used up only to the stanza's end. */
static void test_used(void **state)
{
	(void)state;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, XML_FRAMES, &xml_limits_default);
	struct buf rest;
	buf_init(&rest, 1 << 20);
	for (size_t n = 1; n < 3000; n += 7) {
		struct str in = STR("<a><b");
		assert_next(p, &in, XML_MORE, NULL, NULL);
		buf_reset(&rest);
		buf_z(&rest, ">");
		repeat(&rest, "x", n);
		buf_z(&rest, "</b></a>");
		size_t end = rest.n;
		repeat(&rest, "<c/>", 1000);
		in = buf_view(&rest);
		assert_next(p, &in, XML_STANZA, "a", "");
		assert_int_equal(in.n, rest.n - end);
	}
	buf_clear(&rest);
	xml_parser_free(&p);
	xml_scratch_free(&s);
}

static void test_parse_all(void **state)
{
	(void)state;
	void *block = NULL;
	struct xml_tree t;
	struct str text = STR(" <a><b xmlns='u'>&amp;</b></a>\n");
	assert_int_equal(xml_parse_all(text, &block, &t), 0);
	assert_true(t.nodes == block);
	assert_true(xml_is(&t, 1, "b", "u"));
	xfree(block);
	block = NULL;
	assert_true(xml_parse_all(STR("<a/><a/>"), &block, &t) < 0);
	assert_true(xml_parse_all(STR("<a/>x"), &block, &t) < 0);
	assert_true(xml_parse_all(STR(""), &block, &t) < 0);
	assert_true(xml_parse_all(STR("  "), &block, &t) < 0);
	assert_true(xml_parse_all(STR("<a>"), &block, &t) < 0);
	assert_null(block);
	struct buf big; /* more than the default limit of a stream */
	buf_init(&big, 1 << 22);
	buf_z(&big, "<a>");
	repeat(&big, "<b/>", 1 << 18);
	buf_z(&big, "</a>");
	assert_int_equal(xml_parse_all(buf_view(&big), &block, &t), 0);
	assert_int_equal(t.node_count, (1 << 18) + 1);
	xfree(block);
	buf_clear(&big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_in_stream),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_bytes_everywhere),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_stream_events),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_shared_scratch),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limit_prefixes),
		cmocka_unit_test(test_limit_header_prefixes),
		cmocka_unit_test(test_limits_change),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_idle_memory),
		cmocka_unit_test(test_held_bounded),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_parse_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
