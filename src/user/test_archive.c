/* What goes into the archive and when that may be told; copies; receipts. Pages: tests/script/archive*.xt. */
#include "user/testing.h"

static const struct users_config with_archive = {.archive = true, .secret = STR("0123456789abcdef")};
static const struct users_config node = {.archive = true, .receipts = true, .secret = STR("0123456789abcdef")};

static struct world *open_world(const struct users_config *config)
{
	struct world *w = world_new(config);

	have_account(w, "alice");
	have_account(w, "bob");
	return w;
}

/* Both archives, in one batch, before anybody hears of it. */
static void test_nothing_overtakes_the_commit(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned a = online(w, "alice", "a", 0), b = online(w, "bob", "b", 0);
	uint64_t commit;

	say(w, a, "<message to='bob@x.test' id='1' type='chat'><body>x</body></message>");
	expect(w, b,
		"<message from='alice@x.test/a' to='bob@x.test' id='1' type='chat'><body>x</body><stanza-id "
		"xmlns='urn:xmpp:sid:0' by='bob@x.test' id='1800000001000000'/></message>");
	commit = last_commit(w, b);
	assert_int_not_equal(commit, 0);
	assert_int_equal(w->conn[a].handled_commit, commit);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 2);
	/* What is not kept waits for nothing. */
	say(w, a, "<message to='bob@x.test' id='2' type='headline'><body>x</body></message>");
	expect_has(w, b, "id='2'");
	assert_int_equal(last_commit(w, b), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 2);
	world_free(w);
}

/* The acknowledgement waits also where the recipient has no archive. */
static void test_what_is_sent_elsewhere(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned a = online(w, "alice", "a", 0);

	say(w, a, "<message to='romeo@far.test' id='1' type='chat'><body>x</body></message>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	assert_int_not_equal(w->conn[a].handled_commit, 0);
	assert_string_equal(far_next(w),
		"<message from='alice@x.test/a' to='romeo@far.test' id='1' type='chat'><body>x</body></message>");
	world_free(w);
}

/* The number stays the same wherever the message goes in the end, and it is archived once. */
static void test_what_comes_back(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned b = online(w, "bob", "b", 0);

	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' id='1' type='chat'><body>x</body></message>");
	expect_has(w, b, "id='1800000001000000'");
	lose(w, b, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	world_restart_with(w, &with_archive);
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect_has(w, b, "id='1800000001000000'/><delay");
	expect_nothing(w, b);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	world_free(w);
}

/* The clock was set back between two lives of the process: no id is used twice. */
static void test_ids_grow(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned b;

	w->now += 5000;
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' id='1' type='chat'><body>x</body></message>");
	w->now -= 5000;
	world_restart_with(w, &with_archive);
	b = online(w, "bob", "b", 0);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' id='2' type='chat'><body>x</body></message>");
	expect_has(w, b, "id='1800000006000002'"); /* the stored one took a number */
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 2);
	world_free(w);
}

/* While the store fails, what is said between those who are there goes on, and no client believes it to be archived. */
static void test_store_fails(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned a = online(w, "alice", "a", 0), b = online(w, "bob", "b", 0);

	store_state(w, true);
	say(w, a, "<message to='bob@x.test' id='1' type='chat'><body>x</body></message>");
	expect(w, b, "<message from='alice@x.test/a' to='bob@x.test' id='1' type='chat'><body>x</body></message>");
	assert_int_equal(last_commit(w, b), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 0);
	world_free(w);
}

static void test_off(void **state)
{
	struct world *w = open_world(NULL);
	unsigned a = online(w, "alice", "a", 0);

	say(w, a, "<message to='romeo@far.test' id='1' type='chat'><body>x</body></message>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 0);
	say(w, a, "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
	expect_has(w, a, "service-unavailable");
	say(w, a,
		"<iq to='alice@x.test' type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
	assert_null(strstr(next(w, a), "urn:xmpp:mam:2"));
	world_free(w);
}

/* A page is for who asked: it does not come back as a message, nor does a copy. */
static void test_pages_and_copies_are_dropped(void **state)
{
	struct world *w = open_world(&with_archive);
	unsigned b = online(w, "bob", "b", 0), c = online(w, "bob", "c", 0);

	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' id='1' type='chat'><body>x</body></message>");
	forget(w, b);
	say(w, b, "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='f'/></iq>");
	expect(w, b,
		"<message from='bob@x.test' to='bob@x.test/b'><result xmlns='urn:xmpp:mam:2' queryid='f' id='1800000001000000'>"
		"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
		"stamp='2027-01-15T08:00:01.000Z'/><message xmlns='jabber:client' from='romeo@far.test/r' "
		"to='bob@x.test/b' id='1' type='chat'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' "
		"by='bob@x.test' id='1800000001000000'/></message></forwarded></result></message>");
	expect_has(w, b, "complete='true'");
	say(w, b, "<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/c' id='2' type='chat'><body>x</body></message>");
	forget(w, c);
	next(w, b);
	expect_has(w, b, "<received xmlns='urn:xmpp:carbons:2'>");
	assert_int_not_equal(last_commit(w, b), 0);
	lose(w, b, 4);
	expect_has(w, c, "unavailable");
	expect_nothing(w, c);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

/* ---- receipts ---- */

static struct world *node_world(void)
{
	struct world *w = open_world(&node);

	have_contact(w, "bob", "romeo@far.test", SUB_TO | SUB_FROM, false, false);
	return w;
}

static void request(struct world *w, const char *from, const char *id, const char *more)
{
	char xml[300];

	snprintf(xml, sizeof(xml),
		"<message to='bob@x.test' id='%s' type='chat'><body>x</body><request "
		"xmlns='urn:xmpp:receipts'/>%s</message>",
		id, more);
	from_far(w, from, xml);
}

static bool is_receipt(const char *text, const char *id)
{
	char part[100];

	snprintf(part, sizeof(part), "<received xmlns='urn:xmpp:receipts' id='%s'/>", id);
	return strstr(text, "<message from='bob@x.test' to='romeo@far.test/r'") && strstr(text, part);
}

static void test_receipt(void **state)
{
	struct world *w = node_world();
	unsigned b;

	/* Nobody there: stored, and so answered. */
	request(w, "romeo@far.test/r", "1", "");
	assert_true(is_receipt(far_next(w), "1"));
	assert_int_not_equal(w->far_commit, 0);
	b = online(w, "bob", "b", 0);
	request(w, "romeo@far.test/r", "2", "");
	assert_true(is_receipt(far_next(w), "2"));
	expect_has(w, b, "id='2'");
	assert_int_equal(w->far_commit, last_commit(w, b));
	/* The client's own is one too many; one that only it can give goes. */
	say(w, b,
		"<message to='romeo@far.test/r' type='chat' id='r1'><received xmlns='urn:xmpp:receipts' "
		"id='2'/></message>");
	assert_string_equal(far_next(w), "");
	say(w, b,
		"<message to='romeo@far.test/r' type='chat' id='r2'><received xmlns='urn:xmpp:receipts' "
		"id='3'/></message>");
	assert_non_null(strstr(far_next(w), "id='r2'"));
	say(w, b,
		"<message to='romeo@far.test/r' type='chat' id='r3'><displayed xmlns='urn:xmpp:chat-markers:0' "
		"id='2'/></message>");
	assert_non_null(strstr(far_next(w), "id='r3'"));
	assert_int_equal(w->conn[b].handled, 4);
	world_free(w);
}

static void test_no_receipt(void **state)
{
	struct world *w = node_world();

	online(w, "bob", "b", 0);
	request(w, "tybalt@far.test/t", "1", "");                                  /* a stranger */
	request(w, "romeo@far.test/r", "2", "<no-store xmlns='urn:xmpp:hints'/>"); /* not written */
	request(w, "romeo@far.test/r", "3", "<received xmlns='urn:xmpp:receipts' id='9'/>");
	from_far(w, "romeo@far.test/r",
		"<message to='bob@x.test' type='chat'><body>no id</body><request "
		"xmlns='urn:xmpp:receipts'/></message>");
	store_state(w, true);
	request(w, "romeo@far.test/r", "4", "");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_overtakes_the_commit),
		cmocka_unit_test(test_what_is_sent_elsewhere),
		cmocka_unit_test(test_what_comes_back),
		cmocka_unit_test(test_ids_grow),
		cmocka_unit_test(test_store_fails),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_pages_and_copies_are_dropped),
		cmocka_unit_test(test_receipt),
		cmocka_unit_test(test_no_receipt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
