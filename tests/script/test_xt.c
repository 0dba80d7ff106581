/* The runner's own reading and comparing: a pattern that fits everything would let every script pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deviations.h"
#include "match.h"
#include "script.h"

/* ---- reading XML ---- */

static void collect(void *arg, struct item *i) { list_append(arg, &i->node); }

static void read_items(const char *const *pieces, struct list *ret)
{
	struct reader *r = reader_new(collect, ret);

	list_init(ret);
	for (; *pieces; pieces++)
		reader_feed(r, str_z(*pieces));
	reader_free(&r);
}

static struct item *next(struct list *items)
{
	struct list *n = list_take(items);

	return n ? LIST_ITEM(n, struct item, node) : NULL;
}

static void expect_item(struct list *items, enum item_kind kind, const char *text)
{
	struct item *i = next(items);
	struct buf out;

	assert_non_null(i);
	buf_init(&out, 4096);
	item_print(i, &out);
	assert_int_equal(i->kind, kind);
	assert_string_equal(buf_cstr(&out), text);
	buf_clear(&out);
	item_free(&i);
}

#define HEAD "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'"

static void test_reader(void **state)
{
	const char *const pieces[] = {"<?xml version='1.0'?>" HEAD " id='1'>", " <iq a='1' ",
		"xml:lang='en'><s:x/>a &l", "t; b</iq><e xmlns='u'", "/></s:stream>", NULL};
	struct list items;

	read_items(pieces, &items);
	expect_item(&items, ITEM_HEADER, "<stream:stream id='1'>");
	expect_item(&items, ITEM_ELEMENT,
		"<iq a='1' xml:lang='en'><x xmlns='http://etherx.jabber.org/streams'/>a &lt; b</iq>");
	expect_item(&items, ITEM_ELEMENT, "<e xmlns='u'/>");
	expect_item(&items, ITEM_END, "</stream:stream>");
	assert_null(next(&items));
}

static void test_reader_refuses(void **state)
{
	static const char *const bad[] = {"<a></b>", "<p:a/>", "<!-- x -->", "<?pi x?>", "<a b='1' b='2'/>",
		"</s:stream><a/>", "&nope;", "\x80"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *const pieces[] = {HEAD ">", bad[i], "<later/>", NULL};
		struct list items;
		struct item *last = NULL;

		read_items(pieces, &items);
		for (struct item *it; (it = next(&items)); last = it)
			item_free(&last);
		assert_non_null(last);
		assert_int_equal(last->kind, ITEM_BAD);
		item_free(&last);
	}
}

/* ---- comparing ---- */

static struct item *one_item(const char *xml)
{
	const char *const pieces[] = {HEAD " xmlns:p='urn:p'>", xml, NULL};
	struct list items;
	struct item *i;

	read_items(pieces, &items);
	i = next(&items);
	item_free(&i);
	i = next(&items);
	assert_non_null(i);
	assert_int_equal(i->kind, ITEM_ELEMENT);
	assert_null(next(&items));
	return i;
}

static bool fits_with(const char *pattern, const char *got, struct vars *vs)
{
	struct item *p = one_item(pattern), *g = one_item(got);
	struct buf why;
	uint32_t before = vs->n;
	bool fits;

	buf_init(&why, 4096);
	fits = match_item(p, g, "me@here/now", vs, &why);
	/* A difference is always explained, and teaches nothing. */
	assert_true(fits || why.n);
	assert_true(fits || vs->n == before);
	buf_clear(&why);
	item_free(&p);
	item_free(&g);
	return fits;
}

static bool fits(const char *pattern, const char *got)
{
	struct vars vs = {NULL, 0};
	bool good = fits_with(pattern, got, &vs);

	vars_clear(&vs);
	return good;
}

static void test_same(void **state)
{
	assert_true(fits("<iq a='1' b='2'/>", "<iq b='2' a='1'></iq>"));
	assert_true(fits("<iq><a/><b/></iq>", "<iq>\n <b/>\n <a/> </iq>"));
	assert_true(fits("<iq><a xmlns='urn:p'/></iq>", "<iq><p:a/></iq>"));
	assert_true(fits("<m><body>x &lt; y</body></m>", "<m><body>x &#60; y</body></m>"));
	assert_true(fits("<iq><i n='1'/><i n='2'/></iq>", "<iq><i n='2'/><i n='1'/></iq>"));
	assert_true(fits("<m> </m>", "<m/>"));
}

static void test_different(void **state)
{
	assert_false(fits("<iq/>", "<presence/>"));
	assert_false(fits("<iq/>", "<p:iq/>"));
	assert_false(fits("<iq a='1'/>", "<iq a='2'/>"));
	assert_false(fits("<iq a='1'/>", "<iq/>"));
	assert_false(fits("<iq/>", "<iq a='1'/>"));
	assert_false(fits("<iq a='1'/>", "<iq p:a='1'/>"));
	assert_false(fits("<iq><a/></iq>", "<iq/>"));
	assert_false(fits("<iq/>", "<iq><a/></iq>"));
	assert_false(fits("<iq><a/><a/></iq>", "<iq><a/></iq>"));
	assert_false(fits("<iq><a/></iq>", "<iq><a/><a/></iq>"));
	assert_false(fits("<iq/>", "<iq>text</iq>"));
	assert_false(fits("<iq>text</iq>", "<iq/>"));
	assert_false(fits("<iq>text</iq>", "<iq>texts</iq>"));
	assert_false(fits("<b>x</b>", "<b> x</b>"));
	assert_false(fits("<iq><a><b/></a></iq>", "<iq><a><c/></a></iq>"));
}

static void test_holes(void **state)
{
	assert_true(fits("<iq a='{any}'/>", "<iq a=''/>"));
	assert_false(fits("<iq a='{any}'/>", "<iq/>"));
	assert_true(fits("<iq a='{maybe}'/>", "<iq/>"));
	assert_true(fits("<iq a='{maybe}'/>", "<iq a='x'/>"));
	assert_true(fits("<iq a='{number}'/>", "<iq a='12'/>"));
	assert_false(fits("<iq a='{number}'/>", "<iq a='1x'/>"));
	assert_false(fits("<iq a='{number}'/>", "<iq a=''/>"));
	assert_true(fits("<d stamp='{time}'/>", "<d stamp='2026-11-21T12:00:00Z'/>"));
	assert_false(fits("<d stamp='{time}'/>", "<d stamp='yesterday'/>"));
	assert_true(fits("<iq a='x-{any}-y'/>", "<iq a='x-1-2-y'/>"));
	assert_false(fits("<iq a='x-{any}-y'/>", "<iq a='x-1-z'/>"));
	assert_true(fits("<b>{any}</b>", "<b>anything at all</b>"));
}

static void test_open(void **state)
{
	assert_true(fits("<iq>{...}</iq>", "<iq/>"));
	assert_true(fits("<iq>{...}</iq>", "<iq><a/>text<b/></iq>"));
	assert_true(fits("<iq><a/>{...}</iq>", "<iq><b/><a/></iq>"));
	assert_false(fits("<iq><a/>{...}</iq>", "<iq><b/></iq>"));
	assert_false(fits("<iq>{...}</iq>", "<iq b='1'/>"));
	/* Only where it stands. */
	assert_false(fits("<iq><a>{...}</a></iq>", "<iq><a/><b/></iq>"));
}

static void test_implied(void **state)
{
	assert_true(fits("<iq/>", "<iq to='me@here/now' from='me@here' xml:lang='en'/>"));
	assert_true(fits("<iq/>", "<iq to='me@here'/>"));
	assert_true(fits("<iq><error/></iq>", "<iq><error by='x'/></iq>"));
	assert_false(fits("<iq/>", "<iq by='x'/>"));
	assert_false(fits("<iq/>", "<iq from='me@here/now'/>"));
	assert_false(fits("<iq/>", "<iq to='me@her'/>"));
	assert_false(fits("<iq/>", "<iq to='me@here/now2'/>"));
	assert_false(fits("<iq to='me@here'/>", "<iq to='me@here/now'/>"));
	assert_false(fits("<iq><a/></iq>", "<iq><a to='me@here'/></iq>"));
}

static void test_names(void **state)
{
	struct vars vs = {NULL, 0};

	assert_true(fits_with("<iq id='{id}' to='{id}'/>", "<iq id='7' to='7'/>", &vs));
	assert_string_equal(vars_find(&vs, STR("id")), "7");
	assert_false(fits_with("<iq id='{id}'/>", "<iq id='8'/>", &vs));
	assert_true(fits_with("<iq id='{id}-{rest}'/>", "<iq id='7-more'/>", &vs));
	assert_string_equal(vars_find(&vs, STR("rest")), "more");
	vars_clear(&vs);
	assert_false(fits("<iq id='{id}' to='{id}'/>", "<iq id='7' to='8'/>"));
	/* A child that fits only half teaches nothing to the one that fits. */
	assert_true(fits_with("<q><i a='{a}' b='2'/>{...}</q>", "<q><i a='1' b='1'/><i a='2' b='2'/></q>", &vs));
	assert_string_equal(vars_find(&vs, STR("a")), "2");
	vars_clear(&vs);
}

/* ---- what is sent ---- */

static void expect_expanded(const char *text, const char *result)
{
	struct vars vs = {NULL, 0};
	struct buf out, why;
	bool good;

	vars_set(&vs, STR("name"), STR("<x>"));
	buf_init(&out, 4096);
	buf_init(&why, 4096);
	good = expand(str_z(text), &vs, true, &out, &why);
	assert_int_equal(good, result != NULL);
	if (result)
		assert_string_equal(buf_cstr(&out), result);
	buf_clear(&out);
	buf_clear(&why);
	vars_clear(&vs);
}

static void test_expand(void **state)
{
	expect_expanded("a {name} b", "a &lt;x&gt; b");
	expect_expanded("{base64 \\0alice\\0secret}", "AGFsaWNlAHNlY3JldA==");
	expect_expanded("{repeat 3 a#='1' }", "a0='1' a1='1' a2='1' ");
	expect_expanded("{ }{}{A}{", "{ }{}{A}{");
	expect_expanded("{unknown}", NULL);
	expect_expanded("{repeat 100000 x}", NULL);
}

/* ---- scripts ---- */

static int parse(const char *text, struct script *s, const char *complaint)
{
	struct buf why;
	int err;

	buf_init(&why, 4096);
	err = script_parse("folder/name.xt", str_z(text), s, &why);
	if (complaint)
		assert_string_equal(buf_cstr(&why), complaint);
	else
		assert_string_equal(buf_cstr(&why), "");
	buf_clear(&why);
	return err;
}

static void test_script(void **state)
{
	struct script s;
	const struct block *b;

	assert_int_equal(parse("# a comment\n"
			       "options: --registration open\n"
			       "only on mem, tls: because\n"
			       "alice: alice@localhost/desk\n"
			       "phone: alice@localhost/phone\n"
			       "eve: stranger\n"
			       "accounts: bob@localhost\n"
			       "\n"
			       "alice and phone log in\n"
			       "[RFC 6120 4.3] something\n"
			       "only wireside: it is so\n"
			       "alice sends\n"
			       "  <iq\n"
			       "\ttype='get'/>\n"
			       "alice, phone and eve get <iq/>\n"
			       "after 30s\n",
				 &s, NULL),
		0);
	assert_string_equal(s.name, "name");
	assert_int_equal(s.actor_count, 3);
	assert_null(s.actors[2].jid);
	assert_int_equal(s.account_count, 2);
	assert_string_equal(s.accounts[0], "alice@localhost");
	assert_int_equal(s.option_count, 2);
	assert_true(script_runs_on(&s, "mem"));
	assert_true(script_runs_on(&s, "tls"));
	assert_false(script_runs_on(&s, "trickle"));
	assert_false(s.only_wireside);
	assert_true(s.needs_clock);
	assert_int_equal(s.block_count, 2);
	assert_string_equal(s.blocks[0].heading, "");
	b = &s.blocks[1];
	assert_string_equal(b->heading, "[RFC 6120 4.3] something");
	assert_true(b->only_wireside);
	assert_int_equal(b->step_count, 3);
	assert_int_equal(b->steps[0].line, 12);
	assert_int_equal(b->steps[0].verb, VERB_SENDS);
	assert_string_equal(b->steps[0].text, "<iq\ntype='get'/>");
	assert_int_equal(b->steps[1].verb, VERB_GETS);
	assert_int_equal(b->steps[1].actor_count, 3);
	assert_int_equal(b->steps[1].actors[2], 2);
	assert_string_equal(b->steps[1].text, "<iq/>");
	assert_int_equal(b->steps[2].verb, VERB_AFTER);
	assert_int_equal(b->steps[2].ms, 30000);
	script_clear(&s);
}

static void test_script_errors(void **state)
{
	static const struct {
		const char *text, *complaint;
	} bad[] = {
		{"bob sends <a/>", "folder/name.xt:1: nobody is called: bob"},
		{"a: a@b/c\na dances", "folder/name.xt:2: not understood: dances"},
		{"a: a@b/c\na gets nothing at all", "folder/name.xt:2: too much: at all"},
		{"a: a@b", "folder/name.xt:1: neither USER@DOMAIN/RESOURCE nor stranger: a@b"},
		{"a: a@b/c\na: a@b/d", "folder/name.xt:2: one actor too many: a"},
		{"  <iq/>", "folder/name.xt:1: belongs to nothing: <iq/>"},
		{"a: a@b/c\na connects\n  <iq/>", "folder/name.xt:3: belongs to nothing: <iq/>"},
		{"after a while", "folder/name.xt:1: not a time as in 30s: a while"},
		{"only wireside:", "folder/name.xt:1: say why: only wireside"},
		{"only on mem", "folder/name.xt:1: say why: only on"},
	};
	struct script s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(parse(bad[i].text, &s, bad[i].complaint) < 0);
}

static void test_deviations(void **state)
{
	struct deviations ds;
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(deviations_parse("list",
				 STR("# why\nstream [RFC 1 2] x y\n  says nothing\nroster [z]\n  so\n  it is\n"), &ds,
				 &why),
		0);
	assert_int_equal(ds.n, 2);
	assert_non_null(deviations_find(&ds, "stream", "[RFC 1 2] x y"));
	assert_null(deviations_find(&ds, "roster", "[RFC 1 2] x y"));
	deviations_clear(&ds);
	assert_true(deviations_parse("list", STR("stream [RFC 1 2] x\nroster [z]\n  so\n"), &ds, &why) < 0);
	assert_string_equal(buf_cstr(&why), "list:1: say what happens instead");
	buf_clear(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_refuses),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_different),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_implied),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_script_errors),
		cmocka_unit_test(test_deviations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
