#include "peer/testing.h"

static const char *bob(void) { return jid_of('b', "bob"); }

static void hear_presence(struct world *w, uint64_t conn, const char *resource, const char *rest)
{
	hear(w, conn, "<presence from='%s%s' to='%s'%s", bob(), resource, jid_of('n', "alice"), rest);
}

static void as_the_network_has_it(void **state)
{
	static const struct {
		const char *status;
		const char *shown;
	} table[] = {{"avail", NULL}, {"away", "<show>away</show>"}, {"dnd", "<show>dnd</show>"}, {"", NULL},
		{"xyz", NULL}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct world *w = world_new();
		char txt[256], want[128];
		const char *text;

		snprintf(txt, sizeof(txt), "status=%s msg=<away>&co wk=%s", table[i].status, id_of('b'));
		found(w, "bob@bravo", "10.0.0.2", 5298, txt);
		snprintf(want, sizeof(want), "from='%s/lan'", bob());
		text = expect_got(w, "<presence");
		assert_non_null(strstr(text, want));
		assert_null(strstr(text, "type="));
		assert_non_null(strstr(text, "<status>&lt;away&gt;&amp;co</status>"));
		assert_int_equal(strstr(text, "<show>") != NULL, table[i].shown != NULL);
		if (table[i].shown)
			assert_non_null(strstr(text, table[i].shown));
		world_free(w);
	}
}

/* What no XML may hold does not keep it from being shown. */
static void odd_texts(void **state)
{
	struct world *w = world_new();
	char txt[256];

	snprintf(txt, sizeof(txt), "status=avail msg=\x01\x1b[2J wk=%s", id_of('b'));
	found(w, "bob\x1b[1m@bravo", "10.0.0.2", 5298, txt);
	expect_got(w, "<presence");
	snprintf(txt, sizeof(txt), "status=avail msg=\xff\xfe wk=%s", id_of('c'));
	found(w, "carol@c", "10.0.0.3", 5298, txt);
	assert_null(strstr(expect_got(w, "<presence"), "<status>"));
	world_free(w);
}

static void only_changes(void **state)
{
	struct world *w = world_new();
	char txt[256];

	snprintf(txt, sizeof(txt), "status=avail wk=%s", id_of('b'));
	found(w, "bob@bravo", "10.0.0.2", 5298, txt);
	look_away(w);
	found(w, "bob@bravo", "10.0.0.2 10.0.1.2", 5298, txt);
	assert_int_equal(got_with(w, "<presence"), 0);
	snprintf(txt, sizeof(txt), "status=dnd wk=%s", id_of('b'));
	found(w, "bob@bravo", "10.0.0.2 10.0.1.2", 5298, txt);
	assert_int_equal(got_with(w, "<show>dnd"), 1);
	world_free(w);
}

/* With its own clients it is they that are shown; without, the node. */
static void its_own_clients(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	conn = link_from(w, 'b', "bob");
	expect_sent(w, conn, "type='probe'");
	look_away(w);
	hear_presence(w, conn, "/one", "><show>chat</show></presence>");
	assert_int_equal(got_with(w, "<show>chat"), 1);
	assert_int_equal(got_with(w, "/lan' to"), 1);
	assert_non_null(strstr(command(w, "peer", "list", NULL), "\n    chat\n"));
	assert_non_null(strstr(expect_got(w, "/lan"), "type='unavailable'"));
	hear_presence(w, conn, "/two",
		"><show>dnd</show><status>in a tunnel</status><priority>5</priority></presence>");
	assert_non_null(
		strstr(command(w, "peer", "list", NULL), "\n    dnd: in a tunnel\n")); /* the more important one */
	hear_presence(w, conn, "/two", "/>");
	assert_non_null(strstr(command(w, "peer", "list", NULL), "\n    chat\n"));
	hear_presence(w, conn, "/two", "><show>dnd</show></presence>"); /* as his own node tells the network */
	assert_non_null(strstr(command(w, "peer", "list", NULL), "\n    dnd\n"));
	look_away(w);
	hear_presence(w, conn, "/one", " type='unavailable'/>");
	assert_null(strstr(command(w, "peer", "list", NULL), "\n    chat\n"));
	assert_int_equal(got_with(w, "/lan"), 0);
	look_away(w);
	hear_presence(w, conn, "/two", " type='unavailable'/>");
	/* The node first: in between he would be gone. */
	assert_non_null(strstr(expect_got(w, "<presence"), "/lan"));
	assert_non_null(strstr(expect_got(w, "<presence"), "/two"));
	look_away(w);
	hear_presence(w, conn, "/one", "/>");
	look_away(w);
	/* The link ends: they are gone, the node is still on the network. */
	cut(w, conn, false);
	assert_non_null(strstr(expect_got(w, "/one"), "type='unavailable'"));
	assert_null(strstr(expect_got(w, "/lan"), "type='unavailable'"));
	assert_int_equal(row(w, 'b')->presence_n, 0);
	world_free(w);
}

/* A link that waits to be resumed takes nothing away: the cable is out for a moment. */
static void a_moment_without_a_link(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	hear_presence(w, conn, "/one", "/>");
	look_away(w);
	cut(w, conn, true);
	assert_int_equal(w->tail - w->head, 0);
	world_free(w);
}

static void without_discovery(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	/* Nobody knows more than that the node is there. */
	assert_non_null(strstr(expect_got(w, "<presence"), "<show>away</show>"));
	cut(w, conn, false);
	assert_non_null(strstr(expect_got(w, "<presence"), "type='unavailable'"));
	world_free(w);
}

static void answers_and_requests_stay(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	static const char *const types[] = {"subscribe", "subscribed", "unsubscribe", "unsubscribed"};

	look_away(w);
	hear_presence(w, conn, "", " type='unavailable'/>"); /* an answer: none of its clients is there */
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		hear(w, conn, "<presence from='%s' to='%s' type='%s'/>", bob(), jid_of('n', "alice"), types[i]);
	hear_presence(w, conn, "", "/>"); /* nobody in particular */
	assert_int_equal(w->tail - w->head, 0);
	assert_int_equal(conn_of(w, conn)->handled, 6);
	/* A question goes to the account. */
	hear_presence(w, conn, "", " type='probe'/>");
	expect_got(w, "type='probe'");
	world_free(w);
}

static void many_clients(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char resource[32];

	look_away(w);
	for (int i = 0; i < 100; i++) {
		snprintf(resource, sizeof(resource), "/r%d", i);
		hear_presence(w, conn, resource, "/>");
	}
	assert_int_equal(row(w, 'b')->presence_n, PRESENCES_MAX);
	assert_int_equal(got_with(w, "/r"), PRESENCES_MAX);
	assert_int_equal(conn_of(w, conn)->handled, 100);
	world_free(w);
}

/* ---- a client of ours comes, and asks ---- */

static void probe(struct world *w)
{
	look_away(w);
	say(w, "<presence type='probe' from='%s/new' to='%s'/>", jid_of('n', "alice"), bob());
}

static void probes(void **state)
{
	struct world *w = world_new();
	uint64_t conn;
	char to[256];

	snprintf(to, sizeof(to), "to='%s/new'", jid_of('n', "alice"));
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	probe(w);
	assert_non_null(strstr(expect_got(w, "/lan"), to));
	/* With a link, and none of its clients there. */
	conn = link_from(w, 'b', "bob");
	hear_presence(w, conn, "", " type='unavailable'/>");
	probe(w);
	assert_non_null(strstr(expect_got(w, "/lan"), to));
	/* With some. */
	hear_presence(w, conn, "/one", "><show>xa</show></presence>");
	hear_presence(w, conn, "/two", "/>");
	probe(w);
	assert_int_equal(got_with(w, "/lan"), 0);
	assert_int_equal(got_with(w, "/one"), 1);
	assert_int_equal(got_with(w, "/two"), 1);
	assert_int_equal(got_with(w, to), 2);
	/* And while the link is broken for a moment. */
	cut(w, conn, true);
	probe(w);
	assert_int_equal(got_with(w, to), 2);
	assert_null(find_msg(w, MSG_DIAL)); /* asked by nobody who could not wait */
	world_free(w);
}

static void probes_of_nobody(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, bob(), "m", "hi");
	gone(w, "bob@bravo");
	probe(w);
	assert_int_equal(w->tail - w->head, 0);
	world_free(w);
}

static void blocked(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	look_away(w);
	command(w, "peer", "block", "bob", NULL);
	expect_got(w, "type='unavailable'");
	assert_int_equal(last_feed(w)[0], '-');
	probe(w);
	assert_int_equal(w->tail - w->head, 0);
	command(w, "peer", "unblock", "bob", NULL);
	expect_got(w, "<presence");
	world_free(w);
}

/* The address follows the name that the node gives its user. */
static void another_user(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "Bob.B@bravo", "10.0.0.2");
	look_away(w);
	link_from(w, 'b', "bob");
	assert_non_null(strstr(expect_got(w, "<presence"), "type='unavailable'"));
	assert_non_null(strstr(expect_got(w, "<presence"), bob()));
	world_free(w);
}

/* ---- of ours ---- */

static void show(struct world *w, bool available, const char *how, const char *status)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_show(&w->peers->host, available, str_z(how), str_z(status));
	core_end(w->core);
	pump(w);
}

static void set_traced(struct world *w, bool on)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_traced(&w->peers->host, on);
	core_end(w->core);
	pump(w);
}

/* That secrets are recorded is told when it begins, to whoever comes while it lasts, and when it ends. */
static void traced(void **state)
{
	struct world *w = world_new();

	show(w, true, NULL, NULL);
	set_traced(w, false);
	assert_int_equal(got_with(w, "kind='secrets"), 0);
	set_traced(w, true);
	set_traced(w, true);
	assert_int_equal(got_with(w, "kind='secrets'"), 1);
	assert_non_null(strstr(expect_got(w, "kind='secrets'"), "can read what is said"));
	look_away(w);
	show(w, false, NULL, NULL);
	assert_int_equal(got_with(w, "kind='secrets'"), 0);
	show(w, true, NULL, NULL);
	assert_int_equal(got_with(w, "kind='secrets'"), 1);
	set_traced(w, false);
	assert_non_null(strstr(expect_got(w, "kind='secrets-end'"), "not recorded any more"));
	look_away(w);
	show(w, true, NULL, NULL);
	assert_int_equal(got_with(w, "kind='secrets"), 0);
	world_free(w);
}

static void published(void **state)
{
	static const struct {
		bool available;
		const char *show, *published;
	} table[] = {{false, NULL, "dnd"}, {true, NULL, "avail"}, {true, "", "avail"}, {true, "chat", "avail"},
		{true, "away", "dnd"}, {true, "xa", "dnd"}, {true, "dnd", "dnd"}}; /* old programs know no away */
	struct world *w = world_new();
	static char text[300];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct service *s;

		look_away(w);
		show(w, table[i].available, table[i].show, "at <work>");
		s = expect_msg(w, MSG_PUBLISH)->publish.service;
		assert_string_equal(s->instance, "alice@alpha");
		assert_int_equal(s->port, 5298);
		assert_true(str_is(service_txt(s, "status"), table[i].published));
		assert_true(str_is(service_txt(s, "msg"), "at <work>"));
		assert_true(str_is(service_txt(s, "txtvers"), "1"));
		assert_true(str_is(service_txt(s, "1st"), "alice"));
		assert_non_null(service_txt(s, "last").p);
		assert_true(str_is(service_txt(s, "port.p2pj"), "5298"));
		assert_true(str_is(service_txt(s, "wk"), id_of('n')));
	}
	memset(text, 'x', sizeof(text) - 1);
	look_away(w);
	show(w, true, NULL, text);
	assert_null(service_txt(expect_msg(w, MSG_PUBLISH)->publish.service, "msg").p);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_network_has_it),
		cmocka_unit_test(odd_texts),
		cmocka_unit_test(only_changes),
		cmocka_unit_test(its_own_clients),
		cmocka_unit_test(a_moment_without_a_link),
		cmocka_unit_test(without_discovery),
		cmocka_unit_test(answers_and_requests_stay),
		cmocka_unit_test(many_clients),
		cmocka_unit_test(probes),
		cmocka_unit_test(probes_of_nobody),
		cmocka_unit_test(blocked),
		cmocka_unit_test(another_user),
		cmocka_unit_test(traced),
		cmocka_unit_test(published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
