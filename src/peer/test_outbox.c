#include "peer/testing.h"

static const char *bob(void) { return jid_of('b', "bob"); }

/* Known, pinned, without a link. */
static struct peer *have_bob(struct world *w)
{
	uint64_t conn = link_from(w, 'b', "bob");

	say_message(w, bob(), "hello", "hello");
	arrive_all(w, conn);
	cut(w, conn, false);
	look_away(w);
	return row(w, 'b');
}

static void with_a_link(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	say_message(w, bob(), "m1", "hi");
	expect_sent(w, conn, "<body>hi</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 1);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	arrive_all(w, conn);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	assert_int_equal(row(w, 'b')->outbox.n, 0);
	assert_int_equal(row(w, 'b')->outbox.bytes, 0);
	world_free(w);
}

/* An error is an answer; the next session must not ask for it again. What was not sent it cannot answer. */
static void refused_it_is_not_sent_again(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	say_message(w, bob(), "m1", "hi");
	hear(w, conn, "<message type='error' from='%s' to='%s' id='m2'/>", bob(), jid_of('n', "alice"));
	assert_int_equal(row(w, 'b')->outbox.n, 1);
	hear(w, conn, "<message type='error' from='%s' to='%s' id='m1'/>", bob(), jid_of('n', "alice"));
	expect_got(w, "type='error'");
	assert_int_equal(row(w, 'b')->outbox.n, 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	cut(w, conn, false);
	say_message(w, bob(), "m3", "later");
	conn = link_from(w, 'b', "bob");
	expect_sent(w, conn, "<body>later</body>");
	assert_int_equal(sent_with(w, conn, "<body>hi</body>"), 0);
	world_free(w);
}

static void without_one_it_waits(void **state)
{
	struct world *w = world_new();
	struct peer *p = have_bob(w);
	uint64_t conn;
	char text[24];

	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "t%d", i);
		say_message(w, bob(), text, text);
	}
	assert_int_equal(p->outbox.n, 5);
	assert_true(peers_busy(&w->peers->host));
	assert_int_equal(w->refused_stanzas, 0);
	conn = link_from(w, 'b', "bob");
	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "<body>t%d", i);
		expect_sent(w, conn, text);
	}
	arrive_all(w, conn);
	assert_false(peers_busy(&w->peers->host));
	world_free(w);
}

/* It waits through a restart, and says then when it was written. */
static void it_keeps_its_time(void **state)
{
	struct world *w = world_new();
	uint64_t conn;
	const char *text;

	have_bob(w);
	say_message(w, bob(), "m1", "early"); /* at 1000 s */
	sleep_ms(w, 3600 * 1000);
	world_restart(w);
	sleep_ms(w, 3600 * 1000);
	say_message(w, bob(), "m2", "now");
	conn = link_from(w, 'b', "bob");
	text = expect_sent(w, conn, "early");
	assert_non_null(strstr(text, "<delay xmlns='urn:xmpp:delay'"));
	assert_non_null(strstr(text, "stamp='2027-01-15T08:16:40.000Z'"));
	assert_non_null(strstr(text, "id='m1'"));
	assert_null(strstr(expect_sent(w, conn, "<body>now"), "<delay"));
	world_free(w);
}

static void a_delay_of_its_own_stays_alone(void **state)
{
	struct world *w = world_new();
	uint64_t conn;
	const char *first;

	have_bob(w);
	say(w,
		"<message type='chat' from='%s/t' to='%s' id='d'><body>old</body>"
		"<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>",
		jid_of('n', "alice"), bob());
	sleep_ms(w, 60000);
	conn = link_from(w, 'b', "bob");
	first = strstr(expect_sent(w, conn, "old"), "<delay");
	assert_non_null(first);
	assert_null(strstr(first + 1, "<delay"));
	world_free(w);
}

static void it_gets_an_id(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	say(w, "<message type='chat' from='%s/t' to='%s'><body>no id</body></message>", jid_of('n', "alice"), bob());
	assert_non_null(strstr(expect_sent(w, conn, "no id"), " id='"));
	/* To the node: its user is meant. */
	say(w, "<message type='chat' from='%s/t' to='%s' id='2'><body>domain</body></message>", jid_of('n', "alice"),
		domain_of('b'));
	assert_non_null(strstr(expect_sent(w, conn, "domain<"), bob()));
	world_free(w);
}

/* ---- links that come and go ---- */

/* The other end begins anew while we still take the old link for good: all of it again, in its order, once. */
static void a_new_session(void **state)
{
	struct world *w = world_new();
	uint64_t old = link_from(w, 'b', "bob"), conn;

	say_message(w, bob(), "m1", "one");
	say_message(w, bob(), "m2", "two");
	conn = link_from(w, 'b', "bob");
	say_message(w, bob(), "m3", "three");
	assert_true(conn_of(w, old)->closed);
	assert_int_equal(sent_with(w, conn, "<body>one"), 1);
	assert_int_equal(sent_with(w, conn, "<body>two"), 1);
	assert_int_equal(sent_with(w, conn, "<body>three"), 1);
	expect_sent(w, conn, "<body>one");
	expect_sent(w, conn, "<body>two");
	expect_sent(w, conn, "<body>three");
	arrive_all(w, conn);
	assert_int_equal(row(w, 'b')->outbox.n, 0);
	world_free(w);
}

/* The same, and our user writes before the old connection has said its last word. */
static void nothing_overtakes(void **state)
{
	struct world *w = world_new();
	uint64_t old = link_from(w, 'b', "bob"), conn;
	char from[256], xml[512];
	struct stanza *s;
	struct msg *m;

	say_message(w, bob(), "m1", "one");
	say_message(w, bob(), "m2", "two");
	snprintf(from, sizeof(from), "%s", bob());
	conn = ask_link(w, &(struct asking){.who = 'b', .from = from});
	m = msgs_add(&w->in);
	m->kind = MSG_LINK_OPEN;
	m->conn = conn;
	snprintf(xml, sizeof(xml), "<message type='chat' from='%s/t' to='%s' id='m3'><body>three</body></message>",
		jid_of('n', "alice"), from);
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	turn(w, &s);
	pump(w);
	assert_true(conn_of(w, old)->closed);
	expect_sent(w, conn, "<body>one");
	expect_sent(w, conn, "<body>two");
	expect_sent(w, conn, "<body>three");
	assert_int_equal(sent_with(w, conn, "<body>"), 0);
	world_free(w);
}

static void resumed(void **state)
{
	struct world *w = world_new();
	uint64_t old = link_from(w, 'b', "bob"), conn;
	char from[256];
	struct msg *m;

	say_message(w, bob(), "m1", "one");
	say_message(w, bob(), "m2", "two");
	cut(w, old, true);
	say_message(w, bob(), "m3", "three");
	snprintf(from, sizeof(from), "%s", bob());
	conn = ask_link(w, &(struct asking){.who = 'b', .from = from});
	m = msgs_add(&w->in);
	m->kind = MSG_RESUME;
	m->conn = conn;
	m->resume.account = xstrdup(domain_of('b'));
	m->resume.token = xstrdup(conn_of(w, old)->token);
	m->resume.h = 2; /* the question for presence, and the first */
	pump(w);
	assert_true(conn_of(w, conn)->attached);
	assert_int_equal(row(w, 'b')->outbox.n, 2);
	assert_int_equal(sent_with(w, conn, "<body>one"), 0);
	expect_sent(w, conn, "<body>two");
	expect_sent(w, conn, "<body>three");
	assert_int_equal(sent_with(w, conn, "<body>"), 0);
	world_free(w);
}

/* A stranger who asks for a receipt gets one, and stays a stranger. */
static void receipts_are_no_answer(void **state)
{
	static const char *const automatic[] = {"<received xmlns='urn:xmpp:receipts' id='x'/>",
		"<received xmlns='urn:xmpp:chat-markers:0' id='x'/>",
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"};
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	struct stanza *s;
	char xml[1024];

	assert_int_equal(row(w, 'b')->trust, TRUST_NEW);
	for (size_t i = 0; i < ARRAY_LEN(automatic); i++) {
		snprintf(xml, sizeof(xml), "<message type='chat' from='%s' to='%s' id='r%zu'>%s</message>",
			jid_of('n', "alice"), bob(), i, automatic[i]);
		assert_int_equal(stanza_parse(str_z(xml), &s), 0);
		turn(w, &s);
		pump(w);
		expect_sent(w, conn, automatic[i]);
		assert_int_equal(row(w, 'b')->trust, TRUST_NEW);
	}
	say_message(w, bob(), "m1", "hello");
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	world_free(w);
}

/* A receipt says that something of theirs is safe here: not before it is, by whatever link it goes. */
static void receipts_wait(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	struct stanza *s;
	char xml[1024];

	say_message(w, bob(), "m1", "hello");
	w->store_silent = true;
	store_put(core_batch(w->core), STORE_PEER_ADDRESS_DEL, STR("a"), STR("b"), STR("c"));
	snprintf(xml, sizeof(xml),
		"<message type='chat' from='%s' to='%s' id='r'><received xmlns='urn:xmpp:receipts' id='x'/></message>",
		jid_of('n', "alice"), bob());
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	s->commit = core_commit(w->core);
	assert_true(s->commit > 0);
	turn(w, &s);
	pump(w);
	expect_sent(w, conn, "<received");
	assert_true(conn_of(w, conn)->commit[conn_of(w, conn)->head - 1] > 0);
	conn = link_from(w, 'b', "bob");
	expect_sent(w, conn, "<received");
	assert_true(conn_of(w, conn)->commit[conn_of(w, conn)->head - 1] > 0);
	store_wake(w);
	world_free(w);
}

/* ---- what is refused ---- */

static void refused(struct world *w, const char *why)
{
	if (!got_with(w, why))
		fail_msg("not refused with %s: %s", why, got(w));
	look_away(w);
}

static void too_long(void **state)
{
	struct world *w = world_new();
	static char big[64 << 10];

	memset(big, 'x', sizeof(big) - 4096);
	link_from(w, 'b', "bob");
	/* It has never written: whether it takes more than a stranger's nobody knows. */
	say_message(w, bob(), "m1", big);
	refused(w, "policy-violation");
	assert_int_equal(row(w, 'b')->outbox.n, 0);
	say_message(w, bob(), "m2", "short");
	assert_int_equal(row(w, 'b')->outbox.n, 1);
	world_free(w);
}

static void few_wait(struct peers_config *c) { c->outbox_max = 3; }

static void too_many(void **state)
{
	struct world *w = world_new_with(few_wait);

	have_bob(w);
	for (int i = 0; i < 3; i++)
		say_message(w, bob(), i == 0 ? "a" : i == 1 ? "b" : "c", "text");
	assert_int_equal(got_with(w, "type='error'"), 0);
	say_message(w, bob(), "d", "text");
	refused(w, "resource-constraint");
	assert_int_equal(row(w, 'b')->outbox.n, 3);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 3);
	say_message(w, bob(), "e", "text");
	expect_got(w, "wait until it is there");
	/* It is there, and slow: that is another matter. */
	link_from(w, 'b', "bob");
	say_message(w, bob(), "f", "text");
	expect_got(w, "are not acknowledged yet");
	world_free(w);
}

/* Whatever arrives, comes back or is refused meanwhile: each link gets what is left, in order. */
static void whatever_comes_between(void **state)
{
	enum { ROUNDS = 60, EACH = 5 };
	struct world *w = world_new();
	uint64_t conn = 0;
	unsigned n = 0, gone = 0;
	char id[16];

	have_bob(w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned left, sent_now = 0;

		if (!conn && round % 3 != 1)
			conn = link_from(w, 'b', "bob");
		for (unsigned i = 0; i < EACH; i++) {
			snprintf(id, sizeof(id), "n%u", n++);
			say_message(w, bob(), id, "text");
		}
		if (!conn)
			continue;
		left = n - gone;
		for (unsigned i = conn_of(w, conn)->head; i < conn_of(w, conn)->tail; i++)
			sent_now += strstr(conn_of(w, conn)->got[i], "<body>text") != NULL;
		assert_in_range(sent_now, EACH, left);
		for (unsigned i = 0; i < EACH + round % 4 && gone < n; i++) {
			snprintf(id, sizeof(id), " id='n%u'", gone);
			expect_sent(w, conn, id); /* the oldest first */
			while (row(w, 'b')->outbox.n == n - gone)
				arrive(w, conn, 1);
			gone++;
		}
		assert_int_equal(row(w, 'b')->outbox.n, n - gone);
		if (round % 5 == 4) {
			cut(w, conn, false);
			conn = 0;
		}
	}
	assert_true(gone > EACH * ROUNDS / 2);
	world_free(w);
}

static void blocked(void **state)
{
	struct world *w = world_new();

	have_bob(w);
	command(w, "peer", "block", "bob", NULL);
	say_message(w, bob(), "m1", "hi");
	refused(w, "not-acceptable");
	assert_int_equal(row(w, 'b')->outbox.n, 0);
	world_free(w);
}

static void nobody(void **state)
{
	struct world *w = world_new();

	say_message(w, jid_of('z', "zoe"), "m1", "hi");
	refused(w, "remote-server-not-found");
	say_message(w, "a@example.org", "m2", "hi");
	refused(w, "remote-server-not-found");
	world_free(w);
}

/* Typing, and what is said in rooms, is worth nothing later. */
static void not_kept(void **state)
{
	struct world *w = world_new();
	struct peer *p = have_bob(w);

	say(w, "<message type='chat' from='%s/t' to='%s'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		jid_of('n', "alice"), bob());
	say(w, "<message type='groupchat' from='lunch@rooms.%s/alice' to='%s/x' id='g'><body>to all</body></message>",
		domain_of('n'), bob());
	assert_int_equal(p->outbox.n, 0);
	world_free(w);
}

/* ---- old programs ---- */

static void to_an_old_program(void **state)
{
	struct world *w = world_new();
	uint64_t conn = legacy_from(w, "carol@old");
	const char *text;

	called(w, "carol@old")->plain.ok = true;
	say(w, "<message type='chat' from='%s/t' to='carol\\40old@xep0174.internal' id='m1'><body>a &lt;b&gt; &amp; c</body></message>",
		jid_of('n', "alice"));
	text = expect_sent(w, conn, "<body>");
	assert_non_null(strstr(text, "to='carol@old'"));
	assert_non_null(strstr(text, "from='alice@alpha'"));
	assert_non_null(strstr(text, "<body>a &lt;b&gt; &amp; c</body>"));
	assert_non_null(strstr(text, "<html xmlns='http://www.w3.org/1999/xhtml'>"));
	assert_int_equal(got_with(w, "kind='sent'"), 0);
	arrive_all(w, conn);
	text = expect_got(w, "kind='sent'");
	assert_non_null(strstr(text, " id='m1' last='true'"));
	assert_null(strstr(text, "<body"));
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	/* Not read to the end: again on its next stream. */
	say(w, "<message type='chat' from='%s/t' to='carol\\40old@xep0174.internal' id='m2'><body>two</body></message>",
		jid_of('n', "alice"));
	expect_sent(w, conn, "two");
	cut(w, conn, true);
	conn = legacy_from(w, "carol@old");
	expect_sent(w, conn, "two");
	world_free(w);
}

/* Our user's programs are told when the other end has it: not when it is written down here, not when it is on the wire. */
static void told_as_sent(void **state)
{
	struct world *w = world_new();
	struct peer *p = have_bob(w);
	uint64_t conn;

	say_message(w, bob(), "m1", "one");
	assert_int_equal(p->outbox.n, 1);
	conn = link_from(w, 'b', "bob");
	expect_sent(w, conn, "<body>one");
	assert_int_equal(got_with(w, "kind='sent'"), 0);
	arrive_all(w, conn);
	assert_null(strstr(expect_got(w, "kind='sent'"), "last="));
	say(w, "<message type='chat' from='%s/t' to='%s' id='r'><received xmlns='urn:xmpp:receipts' id='x'/></message>",
		jid_of('n', "alice"), bob());
	arrive_all(w, conn);
	assert_int_equal(got_with(w, "kind='sent'"), 0);
	world_free(w);
}

/* Our user has another name since he wrote it: it is still his. */
static void written_under_another_name(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	have_bob(w);
	say_message(w, bob(), "m1", "one");
	w->config.user = "alicia";
	world_restart(w);
	conn = link_from(w, 'b', "bob");
	assert_non_null(strstr(expect_sent(w, conn, "<body>one"), "from='alicia@"));
	w->config.user = "alice";
	world_free(w);
}

/* What it has no form for is not kept for ever. */
static void nothing_to_say_to_an_old_program(void **state)
{
	struct world *w = world_new();
	uint64_t conn = legacy_from(w, "carol@old");

	called(w, "carol@old")->plain.ok = true;
	say(w, "<message type='chat' from='%s/t' to='carol\\40old@xep0174.internal' id='m1'><received xmlns='urn:xmpp:receipts' id='x'/></message>",
		jid_of('n', "alice"));
	assert_int_equal(sent_with(w, conn, "<message"), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	world_free(w);
}

/* ---- from an address to a peer ---- */

/* What waited for the address goes on waiting with its peer, from when it was written. */
static void moved(void **state)
{
	struct world *w = world_new();
	uint64_t conn, dial;
	char address[64];
	const char *text;

	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	dial = next_dial(w, address, NULL);
	assert_string_equal(address, "10.0.0.7:5298");
	say_message(w, "bob@typed.internal", "m1", "one");
	sleep_ms(w, 8000);
	say_message(w, "bob@typed.internal", "m2", "two");
	sleep_ms(w, 8000);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = dial});
	assert_null(refusal(w, conn));
	open_session(w, conn, "token");
	assert_int_equal(row(w, 'b')->outbox.n, 2);
	text = expect_sent(w, conn, "<body>one");
	assert_non_null(strstr(text, bob()));
	assert_non_null(strstr(text, "stamp='2027-01-15T08:16:40.000Z'"));
	assert_non_null(strstr(expect_sent(w, conn, "<body>two"), "stamp='2027-01-15T08:16:48.000Z'"));
	arrive_all(w, conn);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_PEER_PUT), 1);
	world_free(w);
}

/* Whoever writes to the address in the moment in which its row becomes his, or does not know yet that it has. */
static void said_to_who_it_was(void **state)
{
	struct world *w = world_new();
	uint64_t conn, dial;
	char address[64];

	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	dial = next_dial(w, address, NULL);
	say_message(w, "bob@typed.internal", "m1", "one");
	entity_park(&peers_find(w->peers, STR("bob@typed.internal"))->entity,
		true); /* its share of the turn is yet to come */
	say_message(w, "bob@typed.internal", "m2", "two");
	conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = dial});
	assert_null(peers_find(w->peers, STR("bob@typed.internal")));
	open_session(w, conn, "token");
	say_message(w, "bob@typed.internal", "m3", "three");
	assert_non_null(strstr(expect_sent(w, conn, "<body>one"), bob()));
	assert_non_null(strstr(expect_sent(w, conn, "<body>two"), bob()));
	assert_non_null(strstr(expect_sent(w, conn, "<body>three"), bob()));
	assert_int_equal(got_with(w, "type='error'"), 0);
	/* Who is gone from the list is gone. */
	command(w, "peer", "del", "bob", NULL);
	say_message(w, "bob@typed.internal", "m4", "four");
	expect_got(w, "remote-server-not-found");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_link),
		cmocka_unit_test(refused_it_is_not_sent_again),
		cmocka_unit_test(without_one_it_waits),
		cmocka_unit_test(it_keeps_its_time),
		cmocka_unit_test(a_delay_of_its_own_stays_alone),
		cmocka_unit_test(it_gets_an_id),
		cmocka_unit_test(a_new_session),
		cmocka_unit_test(nothing_overtakes),
		cmocka_unit_test(resumed),
		cmocka_unit_test(receipts_are_no_answer),
		cmocka_unit_test(receipts_wait),
		cmocka_unit_test(too_long),
		cmocka_unit_test(too_many),
		cmocka_unit_test(whatever_comes_between),
		cmocka_unit_test(blocked),
		cmocka_unit_test(nobody),
		cmocka_unit_test(not_kept),
		cmocka_unit_test(to_an_old_program),
		cmocka_unit_test(told_as_sent),
		cmocka_unit_test(written_under_another_name),
		cmocka_unit_test(nothing_to_say_to_an_old_program),
		cmocka_unit_test(moved),
		cmocka_unit_test(said_to_who_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
