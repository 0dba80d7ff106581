#include "core/testing.h"

static struct world *w;

static int setup(void **state)
{
	w = world_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

/* ---- routing and bounces ---- */

static void test_to_an_entity(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, "<message to='note@x.test' id='m1'><body>hi</body></message>");
	expect_note(w, "note: <message from='alice@x.test/desk' to='note@x.test' id='m1'><body>hi</body></message>");
	expect_credit(w, a.conn, 1, 0);
	expect_nothing(w, a.conn);
}

static void test_to_the_domain(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, "<message to='x.test' id='m1'/>");
	expect_note(w, "host: <message");
	say(w, &a, "<message to='x.test/with-resource' id='m2'/>");
	expect_note(w, "host: <message");
	say(w, &a, "<message id='m3'/>");
	expect_note(w, "self: <message");
	assert_string_equal(noted(w), "");
}

static void test_to_another_session(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 1, "bob", "phone");

	say(w, &a, "<message to='bob@x.test/phone' id='m1'/>");
	expect_send(w, b.conn, "from='alice@x.test/desk' to='bob@x.test/phone' id='m1'");
	expect_nothing(w, b.conn);
}

static void expect_bounce(struct peer *a, const char *to, const char *condition)
{
	char xml[256], want[128];

	snprintf(xml, sizeof(xml), "<message to='%s' id='b1'/>", to);
	say(w, a, xml);
	snprintf(want, sizeof(want), "<%s ", condition);
	expect_send(w, a->conn, want);
	expect_credit(w, a->conn, session_at(w, a)->handled, 0);
}

static void test_bounces(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	expect_bounce(&a, "someone@elsewhere.test", "remote-server-not-found");
	expect_bounce(&a, "nobody@x.test", "item-not-found");
	expect_bounce(&a, "bounce@x.test", "not-allowed");
	expect_nothing(w, a.conn);
	assert_int_equal(core_stats(w->core)->bounces, 3);
}

static void test_answers_are_not_answered(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, "<message to='nobody@x.test' type='error' id='1'/>");
	say(w, &a, "<iq to='nobody@x.test' type='result' id='2'/>");
	say(w, &a, "<presence to='bounce@x.test' type='error' id='3'/>");
	for (uint32_t i = 1; i <= 3; i++)
		expect_credit(w, a.conn, i, 0);
	expect_nothing(w, a.conn);
}

static void test_what_could_not_come_in(void **state)
{
	static const struct {
		enum xerr_cond why;
		const char *xml, *answer;
	} cases[] = {
		{XERR_JID_MALFORMED, "<message id='1'/>", "jid-malformed"},
		{XERR_BAD_REQUEST, "<iq type='get' id='2'/>", "bad-request"},
		{XERR_BAD_REQUEST, "<presence id='3'/>", "bad-request"},
		{XERR_JID_MALFORMED, "<iq type='result' id='4'/>", NULL},
	};
	struct peer a = login(w, 0, "alice", "desk");

	for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
		send(w, &a, cases[i].xml);
		w->in.m[w->in.n - 1].stanza.stanza->refused = cases[i].why;
		pump(w);
		if (cases[i].answer)
			expect_send(w, a.conn, cases[i].answer);
		expect_credit(w, a.conn, i + 1, 0);
	}
	expect_nothing(w, a.conn);
	assert_int_equal(w->note_n, 0);
}

/* What an entity sends on in its own name and is refused comes back to the entity, not to the session at the beginning. */
static void test_copies_answer_to_their_sender(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, "<message to='forward@x.test' id='m1'/>");
	expect_note(w, "forward: <message from='bounce@x.test' to='forward@x.test' id='m1' type='error'>");
	expect_credit(w, a.conn, 1, 0);
	expect_nothing(w, a.conn);
}

static void test_a_session_that_has_gone_needs_no_answer(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	say(w, &a, "<iq to='keep@x.test' type='get' id='1'><a xmlns='b'/></iq>");
	end(w, MSG_LOST, &a, 0, false, NULL);
	end(w, MSG_CLOSED, &a, 0, false, NULL);
	pump(w);
	assert_null(session_at(w, &a));
	turn_begin(w);
	core_bounce(w->core, &w->kept[0], xerr(XERR_FORBIDDEN));
	turn_end(w);
	pump(w);
	assert_string_equal(noted(w), "");
}

/* ---- inboxes ---- */

static void test_parked(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct box *b = box_of(w, STR("note"));

	entity_park(&b->entity, true);
	for (int i = 0; i < 10; i++)
		send(w, &a, "<message to='note@x.test' id='p'/>");
	send(w, &a, "<message to='other@x.test' id='o'/>");
	pump(w);
	expect_note(w, "id='o'");
	assert_string_equal(noted(w), "");
	expect_nothing(w, a.conn); /* the first is not handled, so none counts */
	assert_int_equal(b->entity.inbox_count, 10);
	assert_false(core_busy(w->core));
	entity_park(&b->entity, false);
	assert_true(core_busy(w->core));
	pump(w);
	assert_int_equal(notes_with(w, "id='p'"), 10);
	assert_int_equal(session_at(w, &a)->handled, 11);
}

static void test_an_inbox_has_a_limit(void **state)
{
	struct box *b = box_of(w, STR("note"));

	entity_park(&b->entity, true);
	turn_begin(w);
	for (int i = 0; i < ENTITY_INBOX_MAX + 5; i++) {
		struct stanza *s = parse("other@x.test", "<message to='note@x.test' id='m'/>");
		core_send(w->core, &s);
	}
	turn_end(w);
	pump(w);
	assert_int_equal(b->entity.inbox_count, ENTITY_INBOX_MAX);
	assert_int_equal(notes_with(w, "resource-constraint"), 5);
	entity_park(&b->entity, false);
	pump(w);
	assert_int_equal(notes_with(w, "note: "), ENTITY_INBOX_MAX + 5);
}

static void test_death(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct box *b = box_of(w, STR("keep"));
	uint64_t id = b->entity.id;

	entity_park(&b->entity, true);
	send(w, &a, "<message to='keep@x.test' id='m1'/>");
	send(w, &a, "<message to='keep@x.test' id='m2'/>");
	pump(w);
	assert_ptr_equal(entity_find(w->core, id), &b->entity);
	turn_begin(w);
	w->box[2] = NULL; /* the owner unlinks it */
	entity_die(&b->entity);
	entity_die(&b->entity);
	assert_null(entity_find(w->core, id));
	turn_end(w);
	pump(w);
	expect_send(w, a.conn, "service-unavailable");
	expect_credit(w, a.conn, 1, 0);
	expect_send(w, a.conn, "service-unavailable");
	expect_credit(w, a.conn, 2, 0);
}

static void dies_while_served(struct box *b, struct stanza **s)
{
	w->box[2] = NULL;
	entity_die(&b->entity);
	core_done(b->entity.core, s);
}

static void test_death_in_the_middle_of_its_share(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	box_of(w, STR("keep"))->deliver = dies_while_served;
	for (int i = 0; i < 3; i++)
		send(w, &a, "<message to='keep@x.test' id='m'/>");
	pump(w);
	assert_int_equal(session_at(w, &a)->handled, 3);
	assert_int_equal(core_stats(w->core)->bounces, 2);
}

static void test_settle_comes_once_a_share(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct box *b = box_of(w, STR("note"));

	for (int i = 0; i < 20; i++)
		send(w, &a, "<message to='note@x.test' id='m'/>");
	pump(w);
	assert_int_equal(b->settled, 1);
}

/* The core goes away with everything still under way: for the leak checker. */
static void test_the_end(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b = login_sm(w, 1, "bob", "phone", true);

	entity_park(&box_of(w, STR("note"))->entity, true);
	send(w, &a, "<message to='note@x.test' id='m'/>");
	send(w, &a, "<message to='keep@x.test' id='m'/>");
	send(w, &a, "<message to='write@x.test' id='m'/>");
	pump(w);
	detach(w, &b, 0, IDS("1", "2"));
	turn_begin(w);
	entity_die(&box_of(w, STR("bounce"))->entity); /* and not even this turn is finished */
	store_something(w);
}

/* ---- fairness ---- */

/* A thousand stanzas for one do not keep a later one for another waiting: it is served in the same turn. */
static void test_a_busy_entity_delays_nobody(void **state)
{
	struct stanza *s;
	unsigned late;

	turn_begin(w);
	for (int i = 0; i < 5000; i++) {
		s = parse("other@x.test", "<message to='spend@x.test' id='busy'/>");
		core_send(w->core, &s);
	}
	s = parse("other@x.test", "<message to='note@x.test' id='late'/>");
	core_send(w->core, &s);
	turn_end(w);
	assert_int_equal(notes_with(w, "id='late'"), 1);
	/* It had its share, not more: units of work a turn are 2000 by default, and each stanza takes 51. */
	late = notes_with(w, "id='busy'");
	assert_in_range(late, 1, 2000 / 51 + 1);
	assert_true(core_busy(w->core));
	pump(w);
	assert_int_equal(notes_with(w, "id='busy'"), 5000);
	assert_true(w->turns > 5000 / (2000 / 51 + 2));
}

static void test_the_busy_share_the_turn(void **state)
{
	struct stanza *s;
	unsigned first = 0, last = 0;

	turn_begin(w);
	for (int i = 0; i < 1000; i++) {
		s = parse("other@x.test", "<message to='spend@x.test' id='x'/>");
		core_send(w->core, &s);
		s = parse("other@x.test", "<message to='note@x.test' id='y'/>");
		core_send(w->core, &s);
	}
	turn_end(w);
	pump(w);
	for (uint32_t i = 0; i < w->note_n; i++)
		if (strstr(w->note[i], "id='y'")) {
			last = w->note_turn[i];
			first = first ? first : last;
		}
	/* The quick one was served in every turn until it was done, long before the slow one. */
	assert_true(last - first < 8);
	assert_true(w->turns > 20);
}

/* Sessions that send to themselves without end take up the whole turn; what is routed is served all the same. */
static void test_inboxes_have_their_part_of_a_full_turn(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 0, "bob", "desk");

	send(w, &b, "<message to='note@x.test' id='routed'/>");
	for (int i = 0; i < 3000; i++)
		send(w, &a, "<message id='own'/>");
	turn(w);
	assert_int_equal(notes_with(w, "id='own'"), 3000);
	assert_int_equal(notes_with(w, "id='routed'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_to_an_entity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_to_the_domain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_to_another_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_are_not_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_could_not_come_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies_answer_to_their_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_session_that_has_gone_needs_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_inbox_has_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_death, setup, teardown),
		cmocka_unit_test_setup_teardown(test_death_in_the_middle_of_its_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settle_comes_once_a_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_busy_entity_delays_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_busy_share_the_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inboxes_have_their_part_of_a_full_turn, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
