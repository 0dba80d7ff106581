/* Finding one's way in a tree, and moving it. */
#include "xml/test_lib.h"

static const char text[] =
	"<message xmlns='jabber:client' to='a' id=''>one<body>hello</body>two<x xmlns='u' id='1'/><body xml:lang='de'>"
	"h&#228;llo</body><x xmlns='v' xmlns:p='w' p:id='2'>1<y/>2&amp;<y/>3</x>three</message>";

struct fixture {
	void *block;
	struct xml_tree t;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	*state = f;
	return xml_parse_all(str_z(text), &f->block, &f->t);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	xfree(f->block);
	xfree(f);
	return 0;
}

static void assert_str(struct str s, const char *expected)
{
	assert_non_null(s.p);
	if (!str_is(s, expected))
		fail_msg("'%.*s' is not '%s'", STR_FMT(s), expected);
}

static void test_walk(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	static const char *const names[] = {"body", "x", "body", "x"};
	uint32_t n = 0;
	XML_EACH(i, t, XML_ROOT)
		assert_str(xml_name(t, i), names[n++]);
	assert_int_equal(n, 4);
	uint32_t body = xml_first(t, XML_ROOT);
	assert_int_equal(xml_first(t, body), XML_NONE); /* has text only */
	assert_int_equal(xml_next(t, body, body + 1), XML_NONE);
	assert_null(xml_name(t, 1).p); /* a text node has no name */
	assert_false(xml_is(t, 1, NULL, NULL));
}

static void test_find(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	uint32_t u = xml_child(t, XML_ROOT, "x", "u"), v = xml_child(t, XML_ROOT, "x", "v");
	assert_true(u != XML_NONE && v != XML_NONE && u != v);
	assert_int_equal(xml_child(t, XML_ROOT, "x", NULL), u);
	assert_int_equal(xml_child(t, XML_ROOT, NULL, "v"), v);
	assert_int_equal(xml_child(t, XML_ROOT, NULL, NULL), xml_first(t, XML_ROOT));
	assert_int_equal(xml_child(t, XML_ROOT, "x", "w"), XML_NONE);
	assert_int_equal(xml_child(t, XML_ROOT, "y", NULL), XML_NONE); /* not a grandchild */
	assert_true(xml_is(t, XML_ROOT, "message", "jabber:client"));
	assert_false(xml_is(t, XML_ROOT, "messag", "jabber:client"));
	assert_false(xml_is(t, XML_ROOT, "message", "jabber:clien"));
	assert_false(xml_is(t, XML_ROOT, "message", ""));
}

static void test_attrs(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	uint32_t v = xml_child(t, XML_ROOT, "x", "v"), second = xml_next(t, XML_ROOT, xml_child(t, XML_ROOT, "x", "u"));
	assert_str(xml_attr(t, XML_ROOT, "to"), "a");
	assert_str(xml_attr(t, XML_ROOT, "id"), ""); /* empty is not absent */
	assert_null(xml_attr(t, XML_ROOT, "xmlns").p);
	assert_null(xml_attr(t, XML_ROOT, "t").p);
	assert_null(xml_attr(t, v, "id").p);
	assert_str(xml_attr_ns(t, v, "id", "w"), "2");
	assert_null(xml_lang(t, XML_ROOT).p);
	assert_str(xml_lang(t, second), "de");
	assert_null(xml_attr(t, 1, "to").p); /* text */
}

static void test_text(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	struct buf tmp;
	buf_init(&tmp, 100);
	uint32_t body = xml_first(t, XML_ROOT), u = xml_child(t, XML_ROOT, "x", "u"),
		 v = xml_child(t, XML_ROOT, "x", "v");
	assert_str(xml_text(t, body, &tmp), "hello");
	assert_str(xml_text(t, xml_next(t, XML_ROOT, u), &tmp), "h\xc3\xa4llo");
	assert_null(tmp.p); /* a view was enough */
	assert_str(xml_text(t, u, &tmp), "");
	assert_str(xml_text(t, v, &tmp), "12&3");
	assert_str(xml_text(t, XML_ROOT, &tmp), "onetwothree");
	assert_str(xml_text(t, 1, &tmp), "one");
	buf_clear(&tmp);
}

static void test_raw(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	uint32_t body = xml_first(t, XML_ROOT), u = xml_child(t, XML_ROOT, "x", "u"),
		 v = xml_child(t, XML_ROOT, "x", "v");
	assert_str(xml_raw(t, XML_ROOT), text);
	assert_str(xml_raw(t, body), "<body>hello</body>");
	assert_str(xml_inner(t, body), "hello");
	assert_str(xml_raw(t, u), "<x xmlns='u' id='1'/>");
	assert_str(xml_inner(t, u), "");
	assert_str(xml_inner(t, v), "1<y/>2&amp;<y/>3");
	assert_str(xml_raw(t, 1), "one");
}

static void test_copy(void **state)
{
	const struct xml_tree *t = &((struct fixture *)*state)->t;
	struct xml_tree copy;
	struct buf a, b;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	size_t n = xml_tree_size(t);
	char *block = xmalloc(n);
	xml_tree_copy(t, block, &copy);
	assert_true((const char *)copy.nodes >= block && copy.data + copy.data_len <= block + n);
	dump_tree(&a, t);
	dump_tree(&b, &copy);
	assert_same(&a, &b, str_z(text));
	char *moved = xmalloc(n); /* as one piece, with its addresses set by the copy of the copy */
	xml_tree_copy(&copy, moved, &copy);
	memset(block, 0xee, n);
	buf_reset(&b);
	dump_tree(&b, &copy);
	assert_same(&a, &b, str_z(text));
	xfree(block);
	xfree(moved);
	buf_clear(&a);
	buf_clear(&b);
}

static void test_smallest(void **state)
{
	(void)state;
	void *block;
	struct xml_tree t;
	assert_int_equal(xml_parse_all(STR("<a/>"), &block, &t), 0);
	assert_int_equal(t.node_count, 1);
	assert_int_equal(t.attr_count, 0);
	assert_int_equal(t.data_len, 4);
	assert_int_equal(xml_first(&t, XML_ROOT), XML_NONE);
	xfree(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_smallest),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
