#include "user/testing.h"

static unsigned alice(struct world *w)
{
	have_account(w, "alice");
	return login(w, "alice", "a");
}

static void check(struct world *w, unsigned conn, const char *request, const char *part)
{
	say(w, conn, request);
	expect_has(w, conn, part);
	expect_nothing(w, conn);
}

static void test_simple_ones(void **state)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{"<iq type='get' id='1' to='x.test'><query xmlns='jabber:iq:version'/></iq>",
			"<query xmlns='jabber:iq:version'><name>Wireside</name><version>" WIRESIDE_VERSION
			"</version></query></iq>"},
		{"<iq type='get' id='1' to='x.test'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq from='x.test' to='alice@x.test/a' id='1' type='result'/>"},
		{"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq to='alice@x.test/a' id='1' type='result'/>"},
		{"<iq type='get' id='1' to='alice@x.test'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq from='alice@x.test' to='alice@x.test/a' id='1' type='result'/>"},
		{"<iq type='get' id='1' to='x.test'><time xmlns='urn:xmpp:time'/></iq>",
			"<utc>2027-01-15T08:00:01.000Z</utc></time>"},
		{"<iq type='get' id='1' to='x.test'><query xmlns='jabber:iq:last'/></iq>",
			"<query xmlns='jabber:iq:last' seconds='0'/>"},
		{"<iq type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
			"type='result'/>"},
		{"<iq type='set' id='1' to='x.test'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
			"type='result'/>"},
		{"<iq type='set' id='1' to='x.test'><ping xmlns='urn:xmpp:ping'/></iq>", "<feature-not-implemented"},
		{"<iq type='get' id='1'><nothing xmlns='nobody:knows'/></iq>", "<service-unavailable"},
		{"<iq type='get' id='1'/>", "<bad-request"},
	};
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(w, a, cases[i].request, cases[i].part);
	w->now += 90000;
	check(w, a, "<iq type='get' id='1' to='x.test'><query xmlns='jabber:iq:last'/></iq>", "seconds='90'");
	world_free(w);
}

/* ---- XEP-0030 ---- */

#define INFO(to) "<iq type='get' id='1' to='" to "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
#define ITEMS(to) "<iq type='get' id='1' to='" to "'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>"

static void test_disco_of_the_server(void **state)
{
	static const char *const vars[] = {"http://jabber.org/protocol/disco#info",
		"http://jabber.org/protocol/disco#items", "jabber:iq:register", "msgoffline", "urn:xmpp:ping",
		"vcard-temp", "jabber:iq:version"};
	struct world *w = world_new(NULL);
	unsigned a = alice(w);
	const char *got;

	say(w, a, INFO("x.test"));
	got = next(w, a);
	assert_non_null(strstr(got, "<identity category='server' type='im' name='Wireside'/>"));
	for (size_t i = 0; i < ARRAY_LEN(vars); i++) {
		char feature[100];
		snprintf(feature, sizeof(feature), "<feature var='%s'/>", vars[i]);
		assert_non_null(strstr(got, feature));
	}
	check(w, a,
		"<iq type='get' id='1' to='x.test'><query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>",
		"<item-not-found");
	check(w, a,
		"<iq type='get' id='1' to='x.test'><query xmlns='http://jabber.org/protocol/disco#items' node='n'/></iq>",
		"<item-not-found");
	/* far.test is no service of x.test */
	check(w, a, ITEMS("x.test"), "<query xmlns='http://jabber.org/protocol/disco#items'></query>");
	world_free(w);
}

static void test_disco_of_an_account(void **state)
{
	struct users_config config = {.admins = (const char *const[]){"alice@x.test", NULL}};
	struct world *w = world_new(&config);
	unsigned a = alice(w), b, c;

	have_account(w, "bob");
	have_account(w, "carol");
	have_friends(w, "alice", "bob");
	account_find(w->users, STR("alice")); /* loaded before: log in again */
	lose(w, a, 0);
	sleep_ms(w, 200000);
	a = online(w, "alice", "a", 0);
	b = online(w, "bob", "b", 0);
	c = online(w, "carol", "c", 0);
	forget(w, a);
	check(w, a, INFO("alice@x.test"), "<identity category='account' type='admin'/>");
	check(w, b, INFO("alice@x.test"), "<identity category='account' type='admin'/>");
	check(w, a, INFO("bob@x.test"), "<identity category='account' type='registered'/>");
	check(w, b, ITEMS("alice@x.test"), "<item jid='alice@x.test/a'/></query>");
	check(w, b,
		"<iq type='get' id='1' to='alice@x.test'><query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>",
		"<item-not-found");
	/* a stranger cannot tell whether the account exists */
	static const char *const asked[] = {INFO("alice@x.test"), INFO("nobody@x.test"), ITEMS("alice@x.test"),
		ITEMS("nobody@x.test")};
	for (size_t i = 0; i < ARRAY_LEN(asked); i++)
		check(w, c, asked[i],
			"type='error'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
	world_free(w);
}

/* ---- XEP-0049 ---- */

#define PRIVATE(type, inner) "<iq type='" type "' id='1'><query xmlns='jabber:iq:private'>" inner "</query></iq>"

static void test_private(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	check(w, a, PRIVATE("get", "<e xmlns='exodus:prefs'/>"),
		"<query xmlns='jabber:iq:private'><e xmlns='exodus:prefs'/></query>");
	say(w, a, PRIVATE("set", "<e xmlns='exodus:prefs'><nick>Hamlet</nick></e>"));
	expect(w, a, "<iq to='alice@x.test/a' id='1' type='result'/>");
	assert_int_not_equal(last_commit(w, a), 0);
	check(w, a, PRIVATE("get", "<e xmlns='exodus:prefs'/>"),
		"<query xmlns='jabber:iq:private'><e xmlns='exodus:prefs'><nick>Hamlet</nick></e></query>");
	/* another name or namespace is another thing */
	check(w, a, PRIVATE("get", "<f xmlns='exodus:prefs'/>"), "<f xmlns='exodus:prefs'/>");
	check(w, a, PRIVATE("get", "<e xmlns='other'/>"), "<e xmlns='other'/>");
	/* two at once, replaced, emptied */
	check(w, a, PRIVATE("set", "<e xmlns='exodus:prefs'>2</e><storage xmlns='storage:bookmarks'><c/></storage>"),
		"type='result'");
	check(w, a, PRIVATE("get", "<e xmlns='exodus:prefs'/>"), "<e xmlns='exodus:prefs'>2</e>");
	check(w, a, PRIVATE("get", "<storage xmlns='storage:bookmarks'/>"),
		"<storage xmlns='storage:bookmarks'><c/></storage>");
	check(w, a, PRIVATE("set", "<e xmlns='exodus:prefs'/>"), "type='result'");
	assert_int_equal(test_rows_count(&w->rows, STORE_PRIVATE_PUT), 2); /* bookmarks and the index */
	world_restart(w);
	a = login(w, "alice", "a");
	check(w, a, PRIVATE("get", "<storage xmlns='storage:bookmarks'/>"), "<c/></storage>");
	world_free(w);
}

static void test_private_errors(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	have_account(w, "bob");
	check(w, a, PRIVATE("get", ""), "<bad-request");
	check(w, a, PRIVATE("get", "<a xmlns='a'/><b xmlns='b'/>"), "<bad-request");
	check(w, a, PRIVATE("set", ""), "<not-acceptable");
	check(w, a, PRIVATE("set", "<e/>"), "<not-acceptable");
	check(w, a, PRIVATE("set", "<e xmlns='jabber:client'>x</e>"), "<not-acceptable");
	check(w, a,
		"<iq to='bob@x.test' type='get' id='1'><query xmlns='jabber:iq:private'><e xmlns='e'/></query></iq>",
		"<forbidden");
	check(w, a,
		"<iq to='bob@x.test' type='set' id='1'><query xmlns='jabber:iq:private'><e xmlns='e'>x</e></query></iq>",
		"<forbidden");
	store_state(w, true);
	check(w, a, PRIVATE("set", "<e xmlns='e'>x</e>"), "<resource-constraint");
	store_state(w, false);
	/* all or nothing */
	check(w, a, PRIVATE("set", "<e xmlns='e'>x</e><f/>"), "<not-acceptable");
	assert_int_equal(test_rows_count(&w->rows, STORE_PRIVATE_PUT), 0);
	world_restart(w);
	a = login(w, "alice", "a");
	w->store_error = -3;
	check(w, a, PRIVATE("get", "<e xmlns='e'/>"), "<resource-constraint");
	check(w, a, PRIVATE("set", "<e xmlns='e'>x</e>"), "<resource-constraint");
	world_free(w);
}

static char *long_element(const char *before, size_t n, const char *after)
{
	char *xml = xmalloc(n + strlen(before) + strlen(after) + 1);

	sprintf(xml, "%s%0*d%s", before, (int)n, 0, after);
	return xml;
}

static void test_private_limits(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);
	char *xml = long_element("<iq type='set' id='1'><query xmlns='jabber:iq:private'><e xmlns='e'>", 65536,
		"</e></query></iq>");

	check(w, a, xml, "<not-acceptable");
	xfree(xml);
	xml = long_element("<iq type='set' id='1'><query xmlns='jabber:iq:private'><e xmlns='e'>", 65000,
		"</e></query></iq>");
	check(w, a, xml, "type='result'");
	xfree(xml);
	for (int i = 1; i < 100; i++) {
		char set[200];
		snprintf(set, sizeof(set), PRIVATE("set", "<e xmlns='n%d'>x</e>"), i);
		check(w, a, set, "type='result'");
	}
	check(w, a, PRIVATE("set", "<e xmlns='more'>x</e>"), "<resource-constraint");
	check(w, a, PRIVATE("set", "<e xmlns='n5'>changed</e>"), "type='result'");
	world_restart(w); /* the number is known after a restart, too */
	a = login(w, "alice", "a");
	check(w, a, PRIVATE("set", "<e xmlns='more'>x</e>"), "<resource-constraint");
	check(w, a, PRIVATE("set", "<e xmlns='n5'/>"), "type='result'");
	check(w, a, PRIVATE("set", "<e xmlns='more'>x</e>"), "type='result'");
	world_free(w);
}

static void test_private_sets_at_once(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	w->store_silent = true;
	say(w, a, PRIVATE("set", "<e xmlns='1'>x</e>"));
	say(w, a, PRIVATE("set", "<e xmlns='2'>x</e>"));
	store_wake(w);
	expect_has(w, a, "type='result'");
	expect_has(w, a, "type='result'");
	assert_int_equal(test_rows_count(&w->rows, STORE_PRIVATE_PUT), 3);
	assert_string_equal(account_find(w->users, STR("alice"))->private_index, "1 e\n2 e");
	world_free(w);
}

/* ---- XEP-0054 ---- */

static void test_vcard(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w), b;
	char *xml;

	have_account(w, "bob");
	b = login(w, "bob", "b");
	check(w, a, "<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>", "<item-not-found");
	say(w, a, "<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Alice &lt;3</FN></vCard></iq>");
	expect(w, a, "<iq to='alice@x.test/a' id='1' type='result'/>");
	assert_int_not_equal(last_commit(w, a), 0);
	check(w, a, "<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>",
		"<vCard xmlns='vcard-temp'><FN>Alice &lt;3</FN></vCard></iq>");
	check(w, b, "<iq type='get' id='1' to='alice@x.test'><vCard xmlns='vcard-temp'/></iq>", "<FN>Alice &lt;3</FN>");
	check(w, b, "<iq type='set' id='1' to='alice@x.test'><vCard xmlns='vcard-temp'><FN>Eve</FN></vCard></iq>",
		"<forbidden");
	check(w, b, "<iq type='get' id='1' to='nobody@x.test'><vCard xmlns='vcard-temp'/></iq>",
		"<service-unavailable");
	xml = long_element("<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>", 65536, "</FN></vCard></iq>");
	check(w, a, xml, "<not-acceptable");
	xfree(xml);
	store_state(w, true);
	check(w, a, "<iq type='set' id='1'><vCard xmlns='vcard-temp'/></iq>", "<resource-constraint");
	world_free(w);
}

/* An answer to somebody who has left meanwhile. */
static void test_answer_to_the_gone(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	w->store_silent = true;
	say(w, a, "<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>");
	say(w, a, PRIVATE("set", "<e xmlns='1'>x</e>"));
	lose(w, a, 0);
	store_wake(w);
	expect_nothing(w, a);
	assert_int_equal(test_rows_count(&w->rows, STORE_PRIVATE_PUT), 2);
	world_free(w);
}

/* ---- XEP-0077 ---- */

#define REGISTER(inner) "<iq type='set' id='1' to='x.test'><query xmlns='jabber:iq:register'>" inner "</query></iq>"

static bool has_password(struct world *w, const char *password)
{
	struct store_value v[2] = {sv("x.test"), sv("alice")};
	struct test_row *row = test_rows_find(&w->rows, STORE_ACCOUNT_PUT, v, 2);
	struct scram_keys keys;

	assert_non_null(row);
	assert_int_equal(store_keys_unpack(row->v[4].s, &keys), 0);
	return scram_verify(&keys, str_z(password));
}

static void test_change_password(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	check(w, a, "<iq type='get' id='1' to='x.test'><query xmlns='jabber:iq:register'/></iq>",
		"<registered/><username>alice</username>");
	say(w, a, REGISTER("<username>Alice</username><password>new &amp; better</password>"));
	expect(w, a, "<iq from='x.test' to='alice@x.test/a' id='1' type='result'/>");
	assert_int_not_equal(last_commit(w, a), 0);
	assert_true(has_password(w, "new & better"));
	/* without `to`, without user name */
	say(w, a, "<iq type='set' id='1'><query xmlns='jabber:iq:register'><password>third</password></query></iq>");
	expect_has(w, a, "type='result'");
	assert_true(has_password(w, "third"));
	check(w, a, REGISTER("<username>bob</username><password>x</password>"), "<forbidden");
	check(w, a, REGISTER("<username>alice</username><password/>"), "<bad-request");
	check(w, a, REGISTER("<username>alice</username>"), "<bad-request");
	check(w, a, REGISTER(""), "<bad-request");
	check(w, a, REGISTER("<password>\xc2\xad</password>"), "<bad-request"); /* not allowed by RFC 8265 */
	store_state(w, true);
	check(w, a, REGISTER("<password>x</password>"), "<resource-constraint");
	store_state(w, false);
	account_find(w->users, STR("alice"));
	assert_true(has_password(w, "third"));
	world_free(w);
}

static void test_change_password_only_over_tls(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	session_find(w->core, w->conn[a].session)->secure = false;
	check(w, a, REGISTER("<password>x</password>"), "<not-authorized");
	world_free(w);
}

static void test_register_for_others(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a = alice(w);

	have_account(w, "bob");
	check(w, a, "<iq type='set' id='1' to='bob@x.test'><query xmlns='jabber:iq:register'><remove/></query></iq>",
		"<forbidden");
	check(w, a,
		"<iq type='set' id='1' to='bob@x.test'><query xmlns='jabber:iq:register'><password>x</password></query></iq>",
		"<forbidden");
	from_far(w, "r@far.test/r", REGISTER("<remove/>"));
	assert_non_null(strstr(far_next(w), "<registration-required"));
	assert_int_equal(test_rows_count(&w->rows, STORE_ACCOUNT_PUT), 2);
	world_free(w);
}

static void test_remove_account(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, a2, b;

	have_account(w, "alice");
	have_account(w, "bob");
	have_account(w, "carol");
	have_friends(w, "alice", "bob");
	have_contact(w, "alice", "romeo@far.test", SUB_FROM, true, false);
	have_contact(w, "alice", "none@far.test", 0, false, false);
	b = online(w, "bob", "b", 0);
	say(w, b, "<iq id='g' type='get'><query xmlns='jabber:iq:roster'/></iq>");
	a = online(w, "alice", "a", 0);
	a2 = online(w, "alice", "a2", 0);
	from_far(w, "wants@far.test", "<presence to='alice@x.test' type='subscribe'/>");
	say(w, a, PRIVATE("set", "<e xmlns='exodus:prefs'>x</e>"));
	say(w, a, "<iq type='set' id='1'><vCard xmlns='vcard-temp'/></iq>");
	say(w, a, "<presence to='room@far.test/alice'/>");
	for (unsigned i = 1; i <= w->conn_count; i++)
		forget(w, i);
	w->far_head = w->far_tail;
	check(w, a, REGISTER("<remove/><username>alice</username>"), "<bad-request");
	say(w, a, REGISTER("<remove/>"));
	expect(w, a, "<iq from='x.test' to='alice@x.test/a' id='1' type='result'/>");
	assert_int_not_equal(last_commit(w, a), 0);
	assert_true(w->conn[a].closed && w->conn[a2].closed);
	assert_int_equal(w->conn[a].error, SERR_NOT_AUTHORIZED);
	assert_int_equal(w->conn[a2].error, SERR_NOT_AUTHORIZED);
	/* everybody is told */
	expect_has(w, b, "type='unavailable'");
	expect_has(w, b, "type='unavailable'");
	expect(w, b, "<presence from='alice@x.test' to='bob@x.test' type='unsubscribe'/>");
	expect_has(w, b, "<item jid='alice@x.test' subscription='to'/>");
	expect(w, b, "<presence from='alice@x.test' to='bob@x.test' type='unsubscribed'/>");
	expect_has(w, b, "<item jid='alice@x.test' subscription='none'/>");
	int unsubscribe = 0, unsubscribed = 0, room = 0, denied = 0;
	for (const char *far = far_next(w); *far; far = far_next(w)) {
		unsubscribe +=
			strcmp(far, "<presence from='alice@x.test' to='romeo@far.test' type='unsubscribe'/>") == 0;
		unsubscribed +=
			strcmp(far, "<presence from='alice@x.test' to='romeo@far.test' type='unsubscribed'/>") == 0;
		denied += strcmp(far, "<presence from='alice@x.test' to='wants@far.test' type='unsubscribed'/>") == 0;
		room += strcmp(far, "<presence from='alice@x.test/a' to='room@far.test/alice' type='unavailable'/>") ==
			0;
		assert_null(strstr(far, "none@far.test"));
	}
	assert_int_equal(unsubscribe, 1);
	assert_int_equal(unsubscribed, 1);
	assert_int_equal(denied, 1);
	assert_int_equal(room, 1);
	/* nothing is left */
	for (unsigned i = 0; i < w->rows.n; i++)
		assert_false(str_is(w->rows.row[i].v[1].s, "alice"));
	a = bind_begin(w, "alice", "a");
	pump(w);
	assert_int_equal(w->conn[a].refused, XERR_NOT_AUTHORIZED);
	from_far(w, "r@far.test", "<message to='alice@x.test' type='chat' id='m'><body>x</body></message>");
	assert_non_null(strstr(far_next(w), "<service-unavailable"));
	sleep_ms(w, 200000);
	assert_null(account_find(w->users, STR("alice")));
	world_free(w);
}

/* What its sessions had not got goes back, and is not stored for a later account of that name. */
static void test_remove_account_with_messages_under_way(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;
	struct msg *m;

	have_account(w, "alice");
	a = online(w, "alice", "a", 0);
	from_far(w, "r@far.test/r", "<message to='alice@x.test' type='chat' id='m'><body>x</body></message>");
	put_stanza(w, a, REGISTER("<remove/>"));
	turn(w, NULL);
	/* the wire had not written it */
	assert_int_equal(w->in.m[0].kind, MSG_CLOSED);
	m = &w->in.m[0];
	packets_add(&m->end.rest, &(struct packet *){packet_ref(w->conn[a].packets[w->conn[a].tail - 2])});
	pump(w);
	assert_non_null(strstr(far_next(w), "id='m' type='error'"));
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple_ones),
		cmocka_unit_test(test_disco_of_the_server),
		cmocka_unit_test(test_disco_of_an_account),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_private_errors),
		cmocka_unit_test(test_private_limits),
		cmocka_unit_test(test_private_sets_at_once),
		cmocka_unit_test(test_vcard),
		cmocka_unit_test(test_answer_to_the_gone),
		cmocka_unit_test(test_change_password),
		cmocka_unit_test(test_change_password_only_over_tls),
		cmocka_unit_test(test_register_for_others),
		cmocka_unit_test(test_remove_account),
		cmocka_unit_test(test_remove_account_with_messages_under_way),
	};

	setenv("TZ", "UTC", 1);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
