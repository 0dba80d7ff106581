#include "user/testing.h"

#define ROSTER(inner) "<iq id='r' type='set'><query xmlns='jabber:iq:roster'>" inner "</query></iq>"
#define GET "<iq id='g' type='get'><query xmlns='jabber:iq:roster'/></iq>"
#define OK "<iq to='alice@x.test/a' id='r' type='result'/>"
#define ERROR_OF(type, cond) "<error type='" type "'><" cond " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"

/* created of have_account(), in hexadecimal */
#define V "6b49d200-"

static unsigned alice(struct world *w)
{
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	say(w, a, GET);
	forget(w, a);
	return a;
}

static void test_empty(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	say(w, a, GET);
	expect(w, a,
		"<iq to='alice@x.test/a' id='g' type='result'><query xmlns='jabber:iq:roster' ver='" V
		"0'></query></iq>");
	expect_nothing(w, a);
	world_free(w);
}

static void test_add_update_remove(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w), b = login(w, "alice", "b"), c = login(w, "alice", "c");

	say(w, b, GET);
	forget(w, b);
	say(w, a,
		ROSTER("<item jid='Bob@X.test' name='Bob &amp; co'><group>Friends</group><group>Work</group></item>"));
	expect(w, a,
		"<iq to='alice@x.test/a' id='push1' type='set'><query xmlns='jabber:iq:roster' ver='" V
		"1'><item jid='bob@x.test' name='Bob &amp; co' subscription='none'><group>Friends</group><group>Work</group></item>"
		"</query></iq>");
	assert_int_not_equal(last_commit(w, a), 0);
	expect(w, a, OK);
	assert_int_not_equal(last_commit(w, a), 0);
	expect_has(w, b, "<iq to='alice@x.test/b' id='push1' type='set'>");
	expect_nothing(w, b);
	expect_nothing(w, c); /* has not asked for the roster */

	say(w, a, ROSTER("<item jid='bob@x.test' name=''/>"));
	expect_has(w, a, V "2'><item jid='bob@x.test' subscription='none'/></query>");
	expect(w, a, OK);
	say(w, c, GET);
	expect_has(w, c, V "2'><item jid='bob@x.test' subscription='none'/></query>");

	say(w, a, ROSTER("<item jid='bob@x.test' subscription='remove'/>"));
	expect_has(w, a, V "3'><item jid='bob@x.test' subscription='remove'/></query>");
	expect(w, a, OK);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 0);
	world_free(w);
}

/* RFC 6121 2.3.3 and 2.5.3 */
static void test_errors(void **state)
{
	static const struct {
		const char *set, *error;
	} cases[] = {
		{ROSTER(""), ERROR_OF("modify", "bad-request")},
		{ROSTER("<item/>"), ERROR_OF("modify", "bad-request")},
		{ROSTER("<item jid='b@x.test'/><item jid='c@x.test'/>"), ERROR_OF("modify", "bad-request")},
		{ROSTER("<item jid='b@x.test'><group>A</group><group>A</group></item>"),
			ERROR_OF("modify", "bad-request")},
		{ROSTER("<item jid='b@x.test'><group/></item>"), ERROR_OF("modify", "not-acceptable")},
		{ROSTER("<item jid='b@x.test'><group>a\nb</group></item>"), ERROR_OF("modify", "not-acceptable")},
		{ROSTER("<item jid='b@@x.test'/>"), ERROR_OF("modify", "jid-malformed")},
		{ROSTER("<item jid='b@x.test/full'/>"), ERROR_OF("modify", "bad-request")},
		{ROSTER("<item jid='alice@x.test'/>"), ERROR_OF("cancel", "not-allowed")},
		{ROSTER("<item jid='none@x.test' subscription='remove'/>"), ERROR_OF("cancel", "item-not-found")},
		{"<iq id='r' type='set' to='bob@x.test'><query xmlns='jabber:iq:roster'><item jid='b@x.test'/></query></iq>",
			ERROR_OF("auth", "forbidden")},
		{"<iq id='r' type='get' to='bob@x.test'><query xmlns='jabber:iq:roster'/></iq>",
			ERROR_OF("auth", "forbidden")},
	};
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	have_account(w, "bob");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		say(w, a, cases[i].set);
		expect_has(w, a, cases[i].error);
		expect_nothing(w, a);
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 0);
	world_free(w);
}

static void set_long(struct world *w, unsigned conn, size_t name, size_t group)
{
	char *xml = xmalloc(name + group + 300), *n = xmalloc(name + 1), *g = xmalloc(group + 1);

	memset(n, 'n', name);
	n[name] = '\0';
	memset(g, 'g', group);
	g[group] = '\0';
	snprintf(xml, name + group + 300, ROSTER("<item jid='b@x.test' name='%s'><group>%s</group></item>"), n, g);
	say(w, conn, xml);
	xfree(xml);
	xfree(n);
	xfree(g);
}

static void test_limits_of_texts(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	set_long(w, a, ROSTER_NAME_MAX, ROSTER_NAME_MAX);
	expect_has(w, a, "push1");
	expect(w, a, OK);
	set_long(w, a, ROSTER_NAME_MAX + 1, 1);
	expect_has(w, a, "<not-acceptable");
	set_long(w, a, 1, ROSTER_NAME_MAX + 1);
	expect_has(w, a, "<not-acceptable");
	expect_nothing(w, a);
	world_free(w);
}

static void test_groups_together_are_limited(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);
	struct buf xml;

	buf_init(&xml, 1 << 20);
	buf_z(&xml, "<iq id='r' type='set'><query xmlns='jabber:iq:roster'><item jid='b@x.test'>");
	for (int i = 0; i < 20; i++) {
		buf_fmt(&xml, "<group>%d", i);
		for (int k = 0; k < 1000; k++)
			buf_char(&xml, 'x');
		buf_z(&xml, "</group>");
	}
	buf_z(&xml, "</item></query></iq>");
	say(w, a, buf_cstr(&xml));
	expect_has(w, a, "<not-acceptable");
	buf_clear(&xml);
	world_free(w);
}

static void test_roster_max(void **state)
{
	struct users_config config = {.roster_max = 2};
	struct world *w = world_new(&config);
	unsigned a = alice(w);

	say(w, a, ROSTER("<item jid='b@x.test'/>"));
	say(w, a, ROSTER("<item jid='c@x.test'/>"));
	forget(w, a);
	say(w, a, ROSTER("<item jid='d@x.test'/>"));
	expect_has(w, a, "<resource-constraint");
	say(w, a, "<presence to='d@x.test' type='subscribe'/>");
	expect_has(w, a, "<resource-constraint");
	say(w, a, ROSTER("<item jid='c@x.test' name='C'/>")); /* a change needs no place */
	expect_has(w, a, "push3");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 2);
	world_free(w);
}

static void test_large_roster_is_one_answer(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;
	char jid[64];
	const char *got;
	int items = 0;

	have_account(w, "alice");
	for (int i = 0; i < 2000; i++) {
		snprintf(jid, sizeof(jid), "contact%d@x.test", i);
		have_contact(w, "alice", jid, i % 4, false, false);
	}
	a = login(w, "alice", "a");
	say(w, a, GET);
	got = next(w, a);
	while ((got = strstr(got, "<item "))) {
		items++;
		got++;
	}
	assert_int_equal(items, 2000);
	world_free(w);
}

/* However much of it has to be escaped, the whole roster fits into one answer. */
static void test_texts_together_are_limited(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);
	char name[5001] = "", xml[6000];
	const char *got;
	int added = 0, seen = 0;

	for (int i = 0; i < 1000; i++)
		memcpy(name + 5 * i, "&amp;", 6);
	for (bool full = false; !full; added += !full) {
		snprintf(xml, sizeof(xml), ROSTER("<item jid='c%d@x.test' name='%s'/>"), added, name);
		say(w, a, xml);
		full = strstr(next(w, a), "<resource-constraint") != NULL;
		forget(w, a);
	}
	assert_in_range(added, ROSTER_TEXT_MAX / 1020, ROSTER_TEXT_MAX / 1000);
	say(w, a, GET);
	got = next(w, a);
	for (; (got = strstr(got, "<item ")); got++)
		seen++;
	assert_int_equal(seen, added);
	world_free(w);
}

static void test_versions(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w), b;

	say(w, a, ROSTER("<item jid='b@x.test'/>"));
	say(w, a, ROSTER("<item jid='c@x.test'/>"));
	say(w, a, ROSTER("<item jid='b@x.test' name='B'/>"));
	b = login(w, "alice", "b");
	/* up to date */
	say(w, b, "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='" V "3'/></iq>");
	expect(w, b, "<iq to='alice@x.test/b' id='g' type='result'/>");
	expect_nothing(w, b);
	/* behind by two: in the order of the changes, with the version of each */
	say(w, b, "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='" V "1'/></iq>");
	expect(w, b, "<iq to='alice@x.test/b' id='g' type='result'/>");
	expect_has(w, b, "ver='" V "2'><item jid='c@x.test'");
	expect_has(w, b, "ver='" V "3'><item jid='b@x.test' name='B'");
	expect_nothing(w, b);
	/* empty, nonsense, of another account of that name, from the future */
	static const char *const whole[] = {"", "3", "zz", "6b49d201-3", V "4", V "-1", V "99999999999"};
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		char xml[200];
		snprintf(xml, sizeof(xml), "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='%s'/></iq>",
			whole[i]);
		say(w, b, xml);
		expect_has(w, b, "<query xmlns='jabber:iq:roster' ver='" V "3'><item");
		expect_nothing(w, b);
	}
	/* what was removed since is not known */
	say(w, a, ROSTER("<item jid='c@x.test' subscription='remove'/>"));
	forget(w, b);
	say(w, b, "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='" V "3'/></iq>");
	expect_has(w, b, "ver='" V "4'><item jid='b@x.test'");
	say(w, b, "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='" V "4'/></iq>");
	expect(w, b, "<iq to='alice@x.test/b' id='g' type='result'/>");
	world_free(w);
}

static void test_survives_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	say(w, a, ROSTER("<item jid='b@x.test' name='B'><group>One</group><group>Two</group></item>"));
	world_restart(w);
	a = login(w, "alice", "a");
	say(w, a, "<iq id='g' type='get'><query xmlns='jabber:iq:roster' ver='" V "1'/></iq>");
	expect(w, a, "<iq to='alice@x.test/a' id='g' type='result'/>");
	say(w, a, GET);
	expect(w, a,
		"<iq to='alice@x.test/a' id='g' type='result'><query xmlns='jabber:iq:roster' ver='" V
		"1'><item jid='b@x.test' name='B' subscription='none'><group>One</group><group>Two</group></item></query></iq>");
	world_free(w);
}

static void test_store_failing(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	store_state(w, true);
	say(w, a, ROSTER("<item jid='b@x.test'/>"));
	expect_has(w, a, ERROR_OF("wait", "resource-constraint"));
	say(w, a, "<presence to='b@x.test' type='subscribe'/>");
	expect_has(w, a, "<resource-constraint");
	say(w, a, GET);
	expect_has(w, a, "type='result'");
	store_state(w, false);
	say(w, a, ROSTER("<item jid='b@x.test'/>"));
	expect_has(w, a, "push1");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add_update_remove),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits_of_texts),
		cmocka_unit_test(test_groups_together_are_limited),
		cmocka_unit_test(test_roster_max),
		cmocka_unit_test(test_large_roster_is_one_answer),
		cmocka_unit_test(test_texts_together_are_limited),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_survives_restart),
		cmocka_unit_test(test_store_failing),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
