#include "user/resource.h"
#include "user/subscription.h"
#include "user/testing.h"

static const char *const names[SUB_STATE_COUNT] = {"None", "None + Pending Out", "None + Pending In",
	"None + Pending Out+In", "To", "To + Pending In", "From", "From + Pending Out", "Both"};

/* The tables of RFC 6121 appendix A, row by row: what the stanza does in a state of that name.
 * route: outbound ROUTE?, inbound DELIVER?: M MUST, N MUST NOT, S SHOULD NOT. next: NULL is "no state change". */
struct rfc_row {
	const char *existing;
	char route;
	const char *next;
	const char *note; /* "pre-approval", or the automatic answer */
};

static const struct rfc_row rfc[SUB_EVENT_COUNT][SUB_STATE_COUNT] = {
	[OUT_SUBSCRIBE] = {{"None", 'M', "None + Pending Out", NULL}, {"None + Pending Out", 'M', NULL, NULL},
		{"None + Pending In", 'M', "None + Pending Out+In", NULL}, {"None + Pending Out+In", 'M', NULL, NULL},
		{"To", 'M', NULL, NULL}, {"To + Pending In", 'M', NULL, NULL},
		{"From", 'M', "From + Pending Out", NULL}, {"From + Pending Out", 'M', NULL, NULL},
		{"Both", 'M', NULL, NULL}},
	[OUT_UNSUBSCRIBE] = {{"None", 'M', NULL, NULL}, {"None + Pending Out", 'M', "None", NULL},
		{"None + Pending In", 'M', NULL, NULL}, {"None + Pending Out+In", 'M', "None + Pending In", NULL},
		{"To", 'M', "None", NULL}, {"To + Pending In", 'M', "None + Pending In", NULL},
		{"From", 'M', NULL, NULL}, {"From + Pending Out", 'M', "From", NULL}, {"Both", 'M', "From", NULL}},
	[OUT_SUBSCRIBED] = {{"None", 'N', NULL, "pre-approval"}, {"None + Pending Out", 'N', NULL, "pre-approval"},
		{"None + Pending In", 'M', "From", NULL}, {"None + Pending Out+In", 'M', "From + Pending Out", NULL},
		{"To", 'N', NULL, "pre-approval"}, {"To + Pending In", 'M', "Both", NULL}, {"From", 'N', NULL, NULL},
		{"From + Pending Out", 'N', NULL, NULL}, {"Both", 'N', NULL, NULL}},
	[OUT_UNSUBSCRIBED] = {{"None", 'S', NULL, NULL}, {"None + Pending Out", 'S', NULL, NULL},
		{"None + Pending In", 'M', "None", NULL}, {"None + Pending Out+In", 'M', "None + Pending Out", NULL},
		{"To", 'S', NULL, NULL}, {"To + Pending In", 'M', "To", NULL}, {"From", 'M', "None", NULL},
		{"From + Pending Out", 'M', "None + Pending Out", NULL}, {"Both", 'M', "To", NULL}},
	[IN_SUBSCRIBE] = {{"None", 'M', "None + Pending In", NULL},
		{"None + Pending Out", 'M', "None + Pending Out+In", NULL}, {"None + Pending In", 'S', NULL, NULL},
		{"None + Pending Out+In", 'S', NULL, NULL}, {"To", 'M', "To + Pending In", NULL},
		{"To + Pending In", 'S', NULL, NULL}, {"From", 'S', NULL, "subscribed"},
		{"From + Pending Out", 'S', NULL, "subscribed"}, {"Both", 'S', NULL, "subscribed"}},
	[IN_UNSUBSCRIBE] = {{"None", 'S', NULL, NULL}, {"None + Pending Out", 'S', NULL, NULL},
		{"None + Pending In", 'M', "None", "unsubscribed"},
		{"None + Pending Out+In", 'M', "None + Pending Out", "unsubscribed"}, {"To", 'S', NULL, NULL},
		{"To + Pending In", 'M', "To", "unsubscribed"}, {"From", 'M', "None", "unsubscribed"},
		{"From + Pending Out", 'M', "None + Pending Out", "unsubscribed"}, {"Both", 'M', "To", "unsubscribed"}},
	[IN_SUBSCRIBED] = {{"None", 'S', NULL, NULL}, {"None + Pending Out", 'M', "To", NULL},
		{"None + Pending In", 'S', NULL, NULL}, {"None + Pending Out+In", 'M', "To + Pending In", NULL},
		{"To", 'S', NULL, NULL}, {"To + Pending In", 'S', NULL, NULL}, {"From", 'S', NULL, NULL},
		{"From + Pending Out", 'M', "Both", NULL}, {"Both", 'S', NULL, NULL}},
	[IN_UNSUBSCRIBED] = {{"None", 'S', NULL, NULL}, {"None + Pending Out", 'M', "None", NULL},
		{"None + Pending In", 'S', NULL, NULL}, {"None + Pending Out+In", 'M', "None + Pending In", NULL},
		{"To", 'M', "None", NULL}, {"To + Pending In", 'M', "None + Pending In", NULL},
		{"From", 'S', NULL, NULL}, {"From + Pending Out", 'M', "From", NULL}, {"Both", 'M', "From", NULL}},
};

static const char *const types[SUB_EVENT_COUNT] = {"subscribe", "unsubscribe", "subscribed", "unsubscribed",
	"subscribe", "unsubscribe", "subscribed", "unsubscribed"};

static int state_of(const char *name)
{
	for (int i = 0; i < SUB_STATE_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fail_msg("no state %s", name);
	return -1;
}

static void test_table_is_the_rfc(void **state)
{
	for (int e = 0; e < SUB_EVENT_COUNT; e++)
		for (int i = 0; i < SUB_STATE_COUNT; i++) {
			const struct rfc_row *row = &rfc[e][i];
			int existing = state_of(row->existing);
			struct sub_rule rule = sub_rules[e][existing];
			const char *note = rule.does & SUB_PREAPPROVE ? "pre-approval"
				: rule.does & SUB_REPLY_SUBSCRIBED    ? "subscribed"
				: rule.does & SUB_REPLY_UNSUBSCRIBED  ? "unsubscribed"
								      : "";

			assert_int_equal(rule.state, row->next ? state_of(row->next) : existing);
			assert_int_equal((rule.does & SUB_PASS) != 0, row->route == 'M');
			assert_string_equal(note, row->note ? row->note : "");
			/* only what ends a permission ends one given in advance */
			assert_int_equal((rule.does & SUB_UNAPPROVE) != 0, e == OUT_UNSUBSCRIBED);
		}
}

/* ---- the same, alive ---- */

#define ROMEO "romeo@far.test"

static void have_state(struct world *w, int state, bool listed)
{
	static const struct {
		int sub;
		bool out, in;
	} parts[SUB_STATE_COUNT] = {{0, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 1}, {1, 0, 0}, {1, 0, 1}, {2, 0, 0},
		{2, 1, 0}, {3, 0, 0}};

	have_account(w, "alice");
	if (listed)
		have_contact(w, "alice", ROMEO, parts[state].sub, parts[state].out, false);
	if (parts[state].in) {
		struct store_value v[4] = {sv("x.test"), sv("alice"), sv(ROMEO),
			sv("<presence from='" ROMEO "' to='alice@x.test' type='subscribe'/>")};
		test_rows_set(&w->rows, STORE_REQUEST_PUT, v, 4, 3);
	}
}

struct outcome {
	unsigned a; /* available, interested */
	unsigned b; /* available, not interested */
};

static struct outcome start(struct world *w, int state, bool listed)
{
	struct outcome o;

	have_state(w, state, listed);
	o.b = online(w, "alice", "b", 1);
	o.a = online(w, "alice", "a", 0);
	say(w, o.a, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
	forget(w, o.a);
	return o;
}

static int now_in(struct world *w)
{
	return (int)subscription_state(account_find(w->users, STR("alice")), jid_view(STR(ROMEO)));
}

/* Among what is left for the connection; position from 1, 0 if it is not there. */
static unsigned got(const struct world *w, unsigned conn, const char *a, const char *b)
{
	const struct test_conn *t = &w->conn[conn];

	for (unsigned i = t->head; i < t->tail; i++)
		if (strstr(t->got[i], a) && strstr(t->got[i], b))
			return i - t->head + 1;
	return 0;
}

static unsigned far_got(const struct world *w, const char *text)
{
	for (unsigned i = w->far_head; i < w->far_tail; i++)
		if (strstr(w->far_got[i], text))
			return i - w->far_head + 1;
	return 0;
}

static void check_stored(struct world *w, int state, bool may_be_unlisted)
{
	struct test_row *c = stored_contact(w, "alice", ROMEO);
	int sub = c ? (int)c->v[4].i : 0, ask = c ? (int)c->v[5].i : 0;
	bool in = test_rows_count(&w->rows, STORE_REQUEST_PUT) > 0;

	assert_true(c || may_be_unlisted);
	assert_int_equal(sub,
		state >= SUB_STATE_BOTH           ? 3
			: state >= SUB_STATE_FROM ? 2
			: state >= SUB_STATE_TO   ? 1
						  : 0);
	assert_int_equal(ask,
		state == SUB_STATE_NONE_OUT || state == SUB_STATE_NONE_OUT_IN || state == SUB_STATE_FROM_OUT);
	assert_int_equal(in, state == SUB_STATE_NONE_IN || state == SUB_STATE_NONE_OUT_IN || state == SUB_STATE_TO_IN);
}

static void check_outbound(struct world *w, int e, const struct rfc_row *row, bool listed)
{
	int existing = state_of(row->existing), wanted = row->next ? state_of(row->next) : existing;
	struct outcome o = start(w, existing, listed);
	bool approves = row->note != NULL, from_before = existing >= SUB_STATE_FROM,
	     from_after = wanted >= SUB_STATE_FROM;
	char xml[200], routed[200];

	assert_int_equal(now_in(w), existing);
	snprintf(xml, sizeof(xml), "<presence to='" ROMEO "/phone' id='s1' type='%s'><status>hi</status></presence>",
		types[e]);
	/* 3.1.2: from and to the bare addresses, the rest as it was */
	snprintf(routed, sizeof(routed),
		"<presence from='alice@x.test' to='" ROMEO "' id='s1' type='%s'><status>hi</status></presence>",
		types[e]);
	say(w, o.a, xml);
	assert_int_equal(now_in(w), wanted);
	check_stored(w, wanted, !listed && wanted <= SUB_STATE_NONE_OUT_IN);
	assert_int_equal(far_got(w, routed) != 0, row->route == 'M');
	/* a push exactly when something visible changed */
	assert_int_equal(got(w, o.a, "jabber:iq:roster", ROMEO) != 0,
		approves || (row->next && !(e == OUT_UNSUBSCRIBED && !from_before)));
	assert_false(got(w, o.b, "jabber:iq:roster", ROMEO));
	assert_int_equal(got(w, o.a, "approved='true'", ROMEO) != 0, approves);
	/* 3.2.2: who loses the permission hears first that we are gone; 3.1.5: who gets it sees us afterwards */
	if (from_before && !from_after) {
		assert_true(far_got(w, "from='alice@x.test/a' to='" ROMEO "' type='unavailable'") > 0);
		assert_true(far_got(w, "from='alice@x.test/b' to='" ROMEO "' type='unavailable'") > 0);
		assert_true(far_got(w, "type='unavailable'") < far_got(w, "type='unsubscribed'"));
	}
	if (!from_before && from_after) {
		assert_true(far_got(w, "<presence from='alice@x.test/a' to='" ROMEO "'><priority>0</priority>") >
			far_got(w, routed));
		assert_true(far_got(w, "<presence from='alice@x.test/b' to='" ROMEO "'><priority>1</priority>") >
			far_got(w, routed));
	}
	assert_int_equal(w->conn[o.a].handled, 3);
}

static void test_outbound(void **state)
{
	for (int e = OUT_SUBSCRIBE; e <= OUT_UNSUBSCRIBED; e++)
		for (int i = 0; i < SUB_STATE_COUNT; i++)
			for (int listed = 0; listed < 2; listed++) {
				struct world *w;
				int s = state_of(rfc[e][i].existing);

				if (!listed && s != SUB_STATE_NONE && s != SUB_STATE_NONE_IN)
					continue;
				w = world_new(NULL);
				check_outbound(w, e, &rfc[e][i], listed);
				world_free(w);
			}
}

static void check_inbound(struct world *w, int e, const struct rfc_row *row, bool listed)
{
	int existing = state_of(row->existing), wanted = row->next ? state_of(row->next) : existing;
	struct outcome o = start(w, existing, listed);
	bool subscribe = e == IN_SUBSCRIBE, from_before = existing >= SUB_STATE_FROM,
	     from_after = wanted >= SUB_STATE_FROM;
	char xml[200], delivered[200];

	snprintf(xml, sizeof(xml), "<presence to='alice@x.test' id='s1' type='%s'><status>hi</status></presence>",
		types[e]);
	snprintf(delivered, sizeof(delivered),
		"<presence from='" ROMEO "' to='alice@x.test' id='s1' type='%s'><status>hi</status></presence>",
		types[e]);
	from_far(w, ROMEO, xml);
	assert_int_equal(now_in(w), wanted);
	check_stored(w, wanted, !listed);
	/* a request to every available resource, the rest to the interested ones */
	assert_int_equal(got(w, o.a, delivered, "") != 0, row->route == 'M');
	assert_int_equal(got(w, o.b, delivered, "") != 0, row->route == 'M' && subscribe);
	assert_int_equal(far_got(w, "from='alice@x.test' to='" ROMEO "' type='subscribed'") != 0,
		row->note && strcmp(row->note, "subscribed") == 0);
	assert_int_equal(far_got(w, "from='alice@x.test' to='" ROMEO "' type='unsubscribed'") != 0,
		row->note && strcmp(row->note, "unsubscribed") == 0);
	assert_int_equal(far_got(w, "type='unavailable'") != 0, from_before && !from_after);
	if (got(w, o.a, "jabber:iq:roster", ROMEO) && row->route == 'M')
		assert_true(got(w, o.a, "jabber:iq:roster", ROMEO) > got(w, o.a, delivered, ""));
	assert_int_equal(got(w, o.a, "jabber:iq:roster", ROMEO) != 0,
		row->next && !subscribe && !(e == IN_UNSUBSCRIBE && !from_before));
}

static void test_inbound(void **state)
{
	for (int e = IN_SUBSCRIBE; e <= IN_UNSUBSCRIBED; e++)
		for (int i = 0; i < SUB_STATE_COUNT; i++)
			for (int listed = 0; listed < 2; listed++) {
				struct world *w;
				int s = state_of(rfc[e][i].existing);

				if (!listed && s != SUB_STATE_NONE && s != SUB_STATE_NONE_IN)
					continue;
				w = world_new(NULL);
				check_inbound(w, e, &rfc[e][i], listed);
				world_free(w);
			}
}

/* ---- stories ---- */

static void test_two_accounts_become_friends(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	have_account(w, "bob");
	a = online(w, "alice", "a", 0);
	b = online(w, "bob", "b", 0);
	say(w, a, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
	say(w, b, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
	forget(w, a);
	forget(w, b);
	say(w, a, "<presence to='bob@x.test' type='subscribe'/>");
	expect_has(w, a, "ask='subscribe'");
	expect(w, b, "<presence from='alice@x.test' to='bob@x.test' type='subscribe'/>");
	say(w, b, "<presence to='alice@x.test' type='subscribed'/>");
	expect_has(w, b, "subscription='from'");
	/* 3.1.6: the approval, the push, then the presence */
	expect(w, a, "<presence from='bob@x.test' to='alice@x.test' type='subscribed'/>");
	expect_has(w, a, "<item jid='bob@x.test' subscription='to'/>");
	expect(w, a, "<presence from='bob@x.test/b' to='alice@x.test'><priority>0</priority></presence>");
	expect_nothing(w, a);
	say(w, b, "<presence to='alice@x.test' type='subscribe'/>");
	forget(w, b);
	say(w, a, "<presence to='bob@x.test' type='subscribed'/>");
	expect(w, b, "<presence from='alice@x.test' to='bob@x.test' type='subscribed'/>");
	expect_has(w, b, "subscription='both'");
	expect_has(w, b, "<presence from='alice@x.test/a' to='bob@x.test'>");
	forget(w, a);
	/* broadcasts reach each other now */
	say(w, a, "<presence><show>away</show></presence>");
	expect(w, b, "<presence from='alice@x.test/a' to='bob@x.test/b'><show>away</show></presence>");
	world_free(w);
}

static void test_request_waits_for_login(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	from_far(w, ROMEO, "<presence to='bob@x.test/old' type='subscribe'><status>It is me</status></presence>");
	from_far(w, ROMEO, "<presence to='bob@x.test' type='subscribe'><status>again</status></presence>");
	assert_int_equal(test_rows_count(&w->rows, STORE_REQUEST_PUT), 1);
	world_restart(w);
	for (int i = 0; i < 2; i++) { /* until it is answered */
		b = login(w, "bob", "b");
		expect_nothing(w, b);
		say(w, b, "<presence/>");
		expect(w, b, "<presence from='bob@x.test/b' to='bob@x.test/b'/>");
		expect(w, b,
			"<presence from='" ROMEO
			"' to='bob@x.test' type='subscribe'><status>It is me</status></presence>");
		expect_nothing(w, b);
	}
	say(w, b, "<presence to='" ROMEO "' type='unsubscribed'/>");
	assert_string_equal(far_next(w), "<presence from='bob@x.test' to='" ROMEO "' type='unsubscribed'/>");
	assert_int_equal(test_rows_count(&w->rows, STORE_REQUEST_PUT), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 0);
	world_free(w);
}

static void test_requests_are_limited(void **state)
{
	struct world *w = world_new(NULL);
	char from[64];

	have_account(w, "bob");
	for (int i = 0; i < ROSTER_REQUESTS_MAX; i++) {
		snprintf(from, sizeof(from), "spam%d@far.test", i);
		from_far(w, from, "<presence to='bob@x.test' type='subscribe'/>");
	}
	assert_string_equal(far_next(w), "");
	from_far(w, "late@far.test", "<presence to='bob@x.test' type='subscribe' id='l'/>");
	assert_non_null(strstr(far_next(w), "<resource-constraint"));
	from_far(w, "spam7@far.test", "<presence to='bob@x.test' type='subscribe'/>"); /* known: no second one */
	assert_string_equal(far_next(w), "");
	assert_int_equal(test_rows_count(&w->rows, STORE_REQUEST_PUT), ROSTER_REQUESTS_MAX);
	world_free(w);
}

static void test_long_request_is_kept_without_its_contents(void **state)
{
	struct world *w = world_new(NULL);
	size_t n = ROSTER_REQUEST_SIZE_MAX + 200;
	char *xml = xmalloc(n);
	unsigned b;

	snprintf(xml, n, "<presence to='bob@x.test' type='subscribe'><status>%0*d</status></presence>",
		ROSTER_REQUEST_SIZE_MAX, 0);
	have_account(w, "bob");
	from_far(w, ROMEO, xml);
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect(w, b, "<presence from='" ROMEO "' to='bob@x.test' type='subscribe'/>");
	xfree(xml);
	world_free(w);
}

/* 3.4: in every state that can have it, listed before or not. */
static void test_preapproval(void **state)
{
	for (int listed = 0; listed < 2; listed++) {
		struct world *w = world_new(NULL);
		struct outcome o = start(w, SUB_STATE_NONE, listed);

		say(w, o.a, "<presence to='" ROMEO "' type='subscribed'/>");
		assert_string_equal(far_next(w), "");
		expect_has(w, o.a, "<item jid='" ROMEO "' subscription='none' approved='true'/>");
		from_far(w, ROMEO, "<presence to='alice@x.test' type='subscribe'/>");
		assert_int_equal(now_in(w), SUB_STATE_FROM);
		assert_false(got(w, o.a, "type='subscribe'", ""));
		assert_int_equal(test_rows_count(&w->rows, STORE_REQUEST_PUT), 0);
		expect_has(w, o.a, "subscription='from' approved='true'");
		assert_string_equal(far_next(w), "<presence from='alice@x.test' to='" ROMEO "' type='subscribed'/>");
		assert_non_null(strstr(far_next(w), "<presence from='alice@x.test/a' to='" ROMEO "'>"));
		world_free(w);
	}
}

static void test_preapproval_of_every_state(void **state)
{
	static const struct {
		int before, after;
	} cases[] = {{SUB_STATE_NONE, SUB_STATE_FROM}, {SUB_STATE_NONE_OUT, SUB_STATE_FROM_OUT},
		{SUB_STATE_TO, SUB_STATE_BOTH}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = world_new(NULL);
		struct outcome o = start(w, cases[i].before, true);

		say(w, o.a, "<presence to='" ROMEO "' type='subscribed'/>");
		assert_int_equal(now_in(w), cases[i].before);
		world_restart(w);
		from_far(w, ROMEO, "<presence to='alice@x.test' type='subscribe'/>");
		assert_int_equal(now_in(w), cases[i].after);
		check_stored(w, cases[i].after, false);
		world_free(w);
	}
}

static void test_preapproval_can_be_taken_back(void **state)
{
	struct world *w = world_new(NULL);
	struct outcome o = start(w, SUB_STATE_NONE, true);

	say(w, o.a, "<presence to='" ROMEO "' type='subscribed'/>");
	forget(w, o.a);
	/* 4.3.2: a probe must not end it */
	from_far(w, ROMEO, "<presence to='alice@x.test' type='probe'/>");
	assert_non_null(strstr(far_next(w), "type='unsubscribed'"));
	assert_int_equal(stored_contact(w, "alice", ROMEO)->v[6].i, 1);
	say(w, o.a, "<presence to='" ROMEO "' type='unsubscribed'/>");
	expect_has(w, o.a, "<item jid='" ROMEO "' subscription='none'/>");
	assert_string_equal(far_next(w), "");
	from_far(w, ROMEO, "<presence to='alice@x.test' type='subscribe'/>");
	assert_int_equal(now_in(w), SUB_STATE_NONE_IN);
	world_free(w);
}

/* 2.5.2 */
static void test_removing_a_contact_ends_subscriptions(void **state)
{
	static const struct {
		int state;
		bool unsubscribe, unsubscribed;
	} cases[] = {
		{SUB_STATE_NONE, false, false},
		{SUB_STATE_NONE_OUT, true, false},
		{SUB_STATE_TO, true, false},
		{SUB_STATE_FROM, false, true},
		{SUB_STATE_FROM_OUT, true, true},
		{SUB_STATE_BOTH, true, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = world_new(NULL);
		struct outcome o = start(w, cases[i].state, true);

		say(w, o.a,
			"<iq id='r' type='set'><query xmlns='jabber:iq:roster'><item jid='" ROMEO
			"' subscription='remove'/></query></iq>");
		expect_has(w, o.a, "subscription='remove'");
		expect_has(w, o.a, "type='result'");
		assert_int_equal(far_got(w, "type='unsubscribe'/>") != 0, cases[i].unsubscribe);
		assert_int_equal(far_got(w, "type='unsubscribed'/>") != 0, cases[i].unsubscribed);
		assert_int_equal(far_got(w, "type='unavailable'/>") != 0, cases[i].unsubscribed);
		assert_int_equal(now_in(w), SUB_STATE_NONE);
		world_free(w);
	}
}

static void test_wrong_places(void **state)
{
	struct world *w = world_new(NULL);
	struct outcome o = start(w, SUB_STATE_BOTH, true);
	static const char *const all[] = {"subscribe", "subscribed", "unsubscribe", "unsubscribed"};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char xml[100];

		snprintf(xml, sizeof(xml), "<presence type='%s' id='p'/>", all[i]);
		say(w, o.a, xml); /* to nobody */
		expect_has(w, o.a, "<bad-request");
		snprintf(xml, sizeof(xml), "<presence type='%s' to='alice@x.test' id='p'/>", all[i]);
		say(w, o.a, xml); /* to oneself */
		expect_has(w, o.a, "<not-allowed");
		/* 8.5.1 */
		snprintf(xml, sizeof(xml), "<presence type='%s' to='nobody@x.test' id='p'/>", all[i]);
		from_far(w, ROMEO, xml);
		assert_string_equal(far_next(w), "");
	}
	/* 8.5.3.2.2: to a resource that is not there, all but a request are ignored */
	from_far(w, ROMEO, "<presence type='unsubscribe' to='alice@x.test/gone'/>");
	assert_int_equal(now_in(w), SUB_STATE_BOTH);
	from_far(w, ROMEO, "<presence type='unsubscribe' to='alice@x.test/a'/>");
	assert_int_equal(now_in(w), SUB_STATE_TO);
	world_free(w);
}

static void test_request_is_refused_while_the_store_fails(void **state)
{
	struct world *w = world_new(NULL);
	struct outcome o = start(w, SUB_STATE_NONE, false);

	store_state(w, true);
	from_far(w, ROMEO, "<presence type='subscribe' to='alice@x.test'/>");
	assert_non_null(strstr(far_next(w), "<resource-constraint"));
	expect_nothing(w, o.a);
	assert_int_equal(now_in(w), SUB_STATE_NONE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_the_rfc),
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_two_accounts_become_friends),
		cmocka_unit_test(test_request_waits_for_login),
		cmocka_unit_test(test_requests_are_limited),
		cmocka_unit_test(test_long_request_is_kept_without_its_contents),
		cmocka_unit_test(test_preapproval),
		cmocka_unit_test(test_preapproval_of_every_state),
		cmocka_unit_test(test_preapproval_can_be_taken_back),
		cmocka_unit_test(test_removing_a_contact_ends_subscriptions),
		cmocka_unit_test(test_wrong_places),
		cmocka_unit_test(test_request_is_refused_while_the_store_fails),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
