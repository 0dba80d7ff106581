/* The life of a session from its first break: closing returns what was not delivered, exactly once, and XEP-0198 section 5
 * brings it to the client after all. */
#include "core/testing.h"

static struct world *w;

static int setup(void **state)
{
	w = world_new(&(struct core_config){.wires = 3, .resume_queue = 20, .resume_seconds = 60});
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

static void expect_returned(const char *const *ids)
{
	char part[64];

	for (; *ids; ids++) {
		snprintf(part, sizeof(part), " id='%s'", *ids);
		expect_note(w, part);
		assert_int_equal(notes_with(w, part), 1);
	}
	assert_string_equal(noted(w), "");
}

static void expect_gone(const struct peer *p)
{
	assert_null(session_at(w, p));
	assert_int_equal(w->freed, 1);
}

static void expect_state(const struct peer *p, enum session_state state)
{
	assert_non_null(session_at(w, p));
	assert_int_equal(session_at(w, p)->state, state);
}

static void closed(const struct peer *p, uint32_t acked, const char *const *ids)
{
	end(w, MSG_CLOSED, p, acked, false, ids);
	pump(w);
}

static void expect_refused(const struct peer *p)
{
	struct event *e = expect(w, p->conn, MSG_ATTACH);

	assert_true(e->failed);
	assert_int_equal(e->session, 0);
	expect_nothing(w, p->conn);
}

static struct event *expect_attached(const struct peer *p, const char *queue)
{
	struct event *e = expect(w, p->conn, MSG_ATTACH);

	assert_false(e->failed);
	assert_int_equal(e->session, p->session);
	assert_string_equal(e->text, p->jid);
	expect_queue(e, queue);
	expect_state(p, SESSION_OPEN);
	return e;
}

#define SHORT(p, id) route(w, (p).jid, id)

/* ---- without resumption ---- */

static void test_lost(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	end(w, MSG_LOST, &a, 0, true, IDS("1", "2"));
	pump(w);
	expect_close(w, a.conn, SERR_NONE);
	expect_state(&a, SESSION_ENDING);
	closed(&a, 0, NULL);
	expect_returned(IDS("1", "2"));
	expect_gone(&a);
	expect_nothing(w, a.conn);
}

/* What the core sent before it heard of the loss comes back in CLOSED. */
static void test_a_send_crosses_lost(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	SHORT(a, "3");
	expect_send(w, a.conn, "id='3'");
	end(w, MSG_LOST, &a, 0, false, IDS("1", "2"));
	pump(w);
	closed(&a, 0, IDS("3"));
	expect_returned(IDS("1", "2", "3"));
	expect_gone(&a);
}

/* The core closes while the wire loses: LOST and CLOSE cross. */
static void test_close_crosses_lost(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, "replaced");
	turn_end(w);
	expect_close(w, a.conn, SERR_CONFLICT);
	end(w, MSG_LOST, &a, 0, true, IDS("1"));
	pump(w);
	expect_nothing(w, a.conn); /* it has had its CLOSE */
	closed(&a, 0, IDS("2"));
	expect_returned(IDS("1", "2"));
	expect_gone(&a);
}

static void test_sent_to_one_that_ends(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	struct packet *p = message(NULL, "1"), *typing = message(NULL, "2");

	typing->volatile_ = true;
	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	session_send(session_at(w, &a), &p, 0);
	session_send(session_at(w, &a), &typing, 0);
	turn_end(w);
	expect_close(w, a.conn, SERR_CONFLICT);
	expect_nothing(w, a.conn);
	expect_returned(IDS("1"));
	closed(&a, 0, NULL);
	expect_gone(&a);
}

/* Counting without resumption, and an end that is no accident. */
static void test_not_resumable(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", false), b = login_sm(w, 0, "bob", "desk", true);

	assert_null(a.token);
	end(w, MSG_LOST, &a, 0, true, IDS("1"));
	end(w, MSG_LOST, &b, 0, false, IDS("2"));
	pump(w);
	expect_state(&a, SESSION_ENDING);
	expect_state(&b, SESSION_ENDING);
	expect_returned(IDS("1", "2"));
	closed(&a, 0, NULL);
	closed(&b, 0, NULL);
	assert_int_equal(w->freed, 2);
}

static void test_bound_and_lost(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	/* As a wire says it of a connection that went before BOUND came. */
	end(w, MSG_LOST, &a, 0, true, NULL);
	pump(w);
	expect_close(w, a.conn, SERR_NONE);
	closed(&a, 0, NULL);
	expect_gone(&a);
}

/* ---- with it ---- */

static void test_resumed(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);
	struct event *e;

	say(w, &a, "<message to='note@x.test' id='m'/>");
	forget(w);
	SHORT(a, "3");
	end(w, MSG_LOST, &a, 5, true, IDS("1", "2"))->end.hung_up = true;
	pump(w);
	expect_send(w, a.conn, "id='3'");
	expect_close(w, a.conn, SERR_NONE);
	expect_state(&a, SESSION_LEAVING);
	SHORT(a, "4");
	closed(&a, 5, IDS("3"));
	expect_state(&a, SESSION_DETACHED);
	assert_true(session_find(w->core, a.session)->hung_up);
	SHORT(a, "5");
	expect_nothing(w, a.conn);
	a = resume(w, 2, &a, 5);
	pump(w);
	e = expect_attached(&a, "1 2 3 4 5");
	assert_int_equal(e->acked, 5);
	assert_int_equal(e->handled, 1);
	assert_int_equal(e->base, 0);
	assert_int_equal(e->commit, 0);
	SHORT(a, "6");
	expect_send(w, a.conn, "id='6'");
	say(w, &a, "<message to='note@x.test' id='n'/>");
	expect_credit(w, a.conn, 2, 0);
	pass(w, 3600000);
	expect_state(&a, SESSION_OPEN);
	expect_returned(IDS("n"));
}

static void test_counting_begins_late(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	for (int i = 0; i < 3; i++)
		say(w, &a, "<message to='note@x.test' id='m'/>");
	forget(w);
	put(w, MSG_SM_ENABLE, a.conn, a.session)->sm_enable.resume = true;
	send(w, &a, "<message to='note@x.test' id='m'/>");
	pump(w);
	a.token = expect(w, a.conn, MSG_SM_ENABLED)->text;
	detach(w, &a, 0, NULL);
	a = resume(w, 1, &a, 0);
	pump(w);
	forget(w);
	assert_int_equal(session_at(w, &a)->handled, 4);
	for (uint32_t i = 0; i < w->event_n; i++)
		if (w->event[i].kind == MSG_ATTACH) {
			assert_int_equal(w->event[i].base, 3);
			assert_int_equal(w->event[i].handled, 4);
		}
}

static void test_what_the_client_has_is_not_sent_again(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);

	detach(w, &a, 7, IDS("8", "9", "10"));
	SHORT(a, "11");
	a = resume(w, 0, &a, 9);
	pump(w);
	assert_int_equal(expect_attached(&a, "10 11")->acked, 9);
}

static void test_numbers_wrap(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);

	detach(w, &a, UINT32_MAX - 1, IDS("a", "b", "c", "d"));
	a = resume(w, 0, &a, 1);
	pump(w);
	assert_int_equal(expect_attached(&a, "d")->acked, 1);
}

/* The client is back before anybody noticed that it was gone. */
static void test_resumed_while_open(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;
	struct event *e;

	b = resume(w, 1, &a, 2);
	SHORT(a, "3");
	e = expect(w, a.conn, MSG_CLOSE);
	assert_int_equal(e->error, SERR_CONFLICT);
	assert_true(e->at_once);
	expect_nothing(w, b.conn);
	expect_state(&a, SESSION_LEAVING);
	closed(&a, 0, IDS("1", "2", "x"));
	assert_int_equal(expect_attached(&b, "x 3")->acked, 2);
	expect_nothing(w, a.conn);
	/* The old connection is nobody's any more. */
	say(w, &a, "<message to='note@x.test' id='ghost'/>");
	closed(&a, 0, IDS("ghost"));
	end(w, MSG_LOST, &a, 0, true, IDS("ghost"));
	pump(w);
	assert_string_equal(noted(w), "");
	expect_state(&b, SESSION_OPEN);
}

/* The same, and the old connection breaks at that moment: LOST, then CLOSED for the CLOSE. */
static void test_resumed_while_it_breaks(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	b = resume(w, 1, &a, 0);
	pump(w);
	end(w, MSG_LOST, &a, 0, true, IDS("1"));
	pump(w);
	expect_close(w, a.conn, SERR_CONFLICT);
	expect_nothing(w, a.conn);
	expect_state(&a, SESSION_LEAVING);
	closed(&a, 0, IDS("2"));
	expect_attached(&b, "1 2");
}

static void test_resumed_between_lost_and_closed(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	end(w, MSG_LOST, &a, 0, true, IDS("1"));
	pump(w);
	b = resume(w, 1, &a, 0);
	pump(w);
	expect_close(w, a.conn, SERR_NONE);
	expect_nothing(w, a.conn);
	expect_nothing(w, b.conn);
	closed(&a, 0, IDS("2"));
	expect_attached(&b, "1 2");
}

/* Not resumable, says the wire, but somebody resumes it: whoever comes first has it. */
static void test_resumed_while_ending(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	end(w, MSG_LOST, &a, 0, false, IDS("1"));
	pump(w);
	b = resume(w, 1, &a, 0);
	pump(w);
	expect_refused(&b);
	closed(&a, 0, NULL);
	expect_gone(&a);
}

static void test_two_resumes_race(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b, c, d;

	b = resume(w, 1, &a, 0);
	c = resume(w, 2, &a, 1);
	pump(w);
	expect_refused(&b);
	expect_close(w, a.conn, SERR_CONFLICT);
	expect_nothing(w, a.conn);
	closed(&a, 0, IDS("1", "2"));
	expect_attached(&c, "2");
	/* And the one that has it loses it to a third. */
	d = resume(w, 0, &a, 1);
	pump(w);
	expect_close(w, c.conn, SERR_CONFLICT);
	closed(&c, 1, IDS("2"));
	expect_attached(&d, "2");
	assert_int_equal(session_at(w, &d)->conn, d.conn);
}

/* It attached to a connection that had gone meanwhile: the wire gives everything back, and it can be tried again. */
static void test_attached_to_nobody(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b, c;

	detach(w, &a, 3, IDS("4", "5"));
	b = resume(w, 1, &a, 4);
	pump(w);
	assert_int_equal(expect_attached(&b, "5")->acked, 4);
	SHORT(b, "6");
	end(w, MSG_LOST, &b, 4, true, IDS("5"));
	pump(w);
	closed(&b, 4, IDS("6"));
	c = resume(w, 0, &a, 4);
	pump(w);
	assert_int_equal(expect_attached(&c, "5 6")->acked, 4);
}

/* ---- stanzas of the client that are still under way ---- */

static void test_waits_for_what_is_not_handled(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;
	struct event *e;

	for (int i = 0; i < 3; i++)
		send(w, &a, "<message to='keep@x.test' id='k'/>");
	pump(w);
	detach(w, &a, 0, NULL);
	b = resume(w, 1, &a, 0);
	pump(w);
	expect_nothing(w, b.conn);
	turn_begin(w);
	core_done(w->core, &w->kept[2]);
	core_done(w->core, &w->kept[0]);
	turn_end(w);
	expect_nothing(w, b.conn);
	turn_begin(w);
	core_done(w->core, &w->kept[1]);
	turn_end(w);
	e = expect_attached(&b, "");
	assert_int_equal(e->handled, 3);
}

/* What the old connection brought after the client had given it up counts, too. */
static void test_late_stanzas_count(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	b = resume(w, 1, &a, 0);
	pump(w);
	say(w, &a, "<message to='note@x.test' id='m'/>");
	closed(&a, 0, NULL);
	expect_note(w, "id='m'");
	assert_int_equal(expect_attached(&b, "")->handled, 1);
}

static void test_waits_too_long(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	say(w, &a, "<message to='keep@x.test' id='k'/>");
	detach(w, &a, 0, IDS("1"));
	b = resume(w, 1, &a, 0);
	pass(w, 60000);
	expect_refused(&b);
	expect_returned(IDS("1"));
	expect_gone(&a);
	turn_begin(w);
	core_done(w->core, &w->kept[0]);
	turn_end(w);
}

/* The last stanza is handled, and only then is it seen that the client claims too much. */
static void test_refused_in_the_middle_of_done(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	say(w, &a, "<message to='keep@x.test' id='k'/>");
	detach(w, &a, 0, IDS("1"));
	b = resume(w, 1, &a, 2);
	pump(w);
	turn_begin(w);
	core_bounce(w->core, &w->kept[0], xerr(XERR_FORBIDDEN));
	turn_end(w);
	expect_refused(&b);
	expect_gone(&a);
	assert_int_equal(notes_with(w, "id='1'"), 1);
	assert_int_equal(notes_with(w, "forbidden"), 1);
}

/* ---- refused ---- */

static void test_h_too_high(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	detach(w, &a, 5, IDS("6", "7"));
	SHORT(a, "8"); /* never sent to the client, so it cannot have it */
	b = resume(w, 1, &a, 8);
	pump(w);
	expect_refused(&b);
	expect_returned(IDS("6", "7", "8"));
	expect_gone(&a);
}

static void test_h_too_low(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	detach(w, &a, 5, IDS("6", "7"));
	b = resume(w, 1, &a, 4);
	pump(w);
	expect_refused(&b);
	expect_gone(&a);
}

static void try_token(const struct peer *a, const char *account, const char *token)
{
	uint64_t conn = new_conn(w, 1);
	struct msg *m = put(w, MSG_RESUME, conn, 0);

	m->resume.account = xstrdup(account);
	m->resume.token = xstrdup(token);
	pump(w);
	assert_true(expect(w, conn, MSG_ATTACH)->failed);
	expect_state(a, SESSION_DETACHED);
}

static void test_only_with_the_token(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b = login_sm(w, 0, "bob", "desk", true);
	char *bad = xstrdup(a.token);

	assert_string_not_equal(a.token, b.token);
	detach(w, &a, 0, NULL);
	try_token(&a, "bob@x.test", a.token);
	try_token(&a, "alice@x.test", b.token);
	try_token(&a, "alice@x.test", "");
	try_token(&a, "alice@x.test", "zzz");
	bad[strlen(bad) - 1] ^= 1;
	try_token(&a, "alice@x.test", bad);
	bad[strlen(bad) - 1] = '\0';
	try_token(&a, "alice@x.test", bad);
	bad[17] = '\0';
	try_token(&a, "alice@x.test", bad);
	xfree(bad);
	a = resume(w, 1, &a, 0);
	pump(w);
	expect_attached(&a, "");
}

static void test_not_without_asking(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	char token[64];
	uint64_t conn = new_conn(w, 1);
	struct msg *m;

	snprintf(token, sizeof(token), "%016llx-%020d", (unsigned long long)a.session, 0);
	m = put(w, MSG_RESUME, conn, 0);
	m->resume.account = xstrdup("alice@x.test");
	m->resume.token = xstrdup(token);
	pump(w);
	assert_true(expect(w, conn, MSG_ATTACH)->failed);
	expect_state(&a, SESSION_OPEN);
}

/* ---- ends of one that waits ---- */

static void test_time_out(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	detach(w, &a, 0, IDS("1"));
	SHORT(a, "2");
	pass(w, 59999);
	expect_state(&a, SESSION_DETACHED);
	assert_false(session_find(w->core, a.session)->hung_up);
	pass(w, 1);
	expect_returned(IDS("1", "2"));
	expect_gone(&a);
	b = resume(w, 1, &a, 0);
	pump(w);
	expect_refused(&b);
}

static void test_overfull(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);
	char id[16];

	detach(w, &a, 0, IDS("a", "b"));
	for (int i = 0; i < 18; i++) {
		snprintf(id, sizeof(id), "%d", i);
		SHORT(a, id);
	}
	expect_state(&a, SESSION_DETACHED);
	SHORT(a, "last");
	expect_gone(&a);
	assert_int_equal(notes_with(w, "returned: "), 21);
}

static const char *const twenty_one[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14",
	"15", "16", "17", "18", "19", "20", "21", NULL};

/* What the connection gives back has the same limit. */
static void test_overfull_from_the_start(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);

	end(w, MSG_LOST, &a, 0, true, twenty_one);
	pump(w);
	expect_state(&a, SESSION_ENDING);
	closed(&a, 0, IDS("22"));
	expect_gone(&a);
	assert_int_equal(notes_with(w, "returned: "), 22);
	expect_close(w, a.conn, SERR_NONE);
	expect_nothing(w, a.conn);
}

/* Overfull and resumed in the same turn: it goes to the client, that is better than back. */
static void test_overfull_and_resumed(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	detach(w, &a, 0, NULL);
	turn_begin(w);
	for (int i = 0; i < 30; i++) {
		struct packet *p = message(NULL, "m");
		session_send(session_at(w, &a), &p, 0);
	}
	b = resume(w, 1, &a, 0);
	core_handle(w->core, &w->in.m[0]);
	w->in.n = 0;
	turn_end(w);
	assert_int_equal(expect(w, b.conn, MSG_ATTACH)->queue.n, 30);
	pass(w, 100000);
	expect_state(&b, SESSION_OPEN);
}

static void test_closed_while_it_waits(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);

	detach(w, &a, 0, IDS("1"));
	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, "replaced");
	assert_null(session_at(w, &a));
	turn_end(w);
	expect_returned(IDS("1"));
	expect_nothing(w, a.conn);
	expect_gone(&a);
}

static void test_closed_while_it_leaves(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	end(w, MSG_LOST, &a, 0, true, IDS("1"));
	pump(w);
	b = resume(w, 1, &a, 0);
	pump(w);
	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, "replaced");
	turn_end(w);
	expect_refused(&b);
	expect_close(w, a.conn, SERR_NONE);
	expect_nothing(w, a.conn);
	closed(&a, 0, IDS("2"));
	expect_returned(IDS("1", "2"));
	expect_gone(&a);
}

static void test_shutdown(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b = login_sm(w, 1, "bob", "desk", true),
		    c = login_sm(w, 2, "carol", "desk", true), d;

	detach(w, &a, 0, IDS("1"));
	end(w, MSG_LOST, &b, 0, true, IDS("2"));
	pump(w);
	turn_begin(w);
	core_shutdown(w->core);
	turn_end(w);
	expect_close(w, c.conn, SERR_SYSTEM_SHUTDOWN);
	assert_int_equal(core_session_count(w->core), 2);
	/* Nobody may come any more, nor wait to come back. */
	d = resume(w, 0, &a, 0);
	pump(w);
	expect_refused(&d);
	end(w, MSG_LOST, &c, 0, true, IDS("3"));
	closed(&b, 0, NULL);
	closed(&c, 0, NULL);
	assert_int_equal(core_session_count(w->core), 0);
	expect_returned(IDS("1", "2", "3"));
	put(w, MSG_BIND, d.conn, 0)->bind.account = xstrdup("alice@x.test");
	w->in.m[0].bind.resource = xstrdup("again");
	pump(w);
	assert_int_equal(expect(w, d.conn, MSG_BOUND)->refused, XERR_RESOURCE_CONSTRAINT);
}

/* ---- commits ---- */

/* What was held by the old connection, or written in this very turn, is not said before it is stored. */
static void test_attach_waits_for_the_store(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b;

	say(w, &a, "<message to='write@x.test' id='m'/>");
	detach(w, &a, 0, IDS("1"));
	b = resume(w, 1, &a, 0);
	pump(w);
	assert_int_equal(expect_attached(&b, "1")->commit, 1);
	committed(w, 1);
	detach(w, &b, 0, IDS("1"));
	b = resume(w, 1, &a, 0);
	pump(w);
	assert_int_equal(expect_attached(&b, "1")->commit, 0);
	detach(w, &b, 0, IDS("1"));
	turn_begin(w);
	store_something(w);
	b = resume(w, 2, &a, 0);
	core_handle(w->core, &w->in.m[0]);
	w->in.n = 0;
	turn_end(w);
	assert_int_equal(expect_attached(&b, "1")->commit, 2);
}

static void test_enabling_when_it_is_over(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	turn_end(w);
	put(w, MSG_SM_ENABLE, a.conn, a.session)->sm_enable.resume = true;
	pump(w);
	expect_close(w, a.conn, SERR_CONFLICT);
	expect_nothing(w, a.conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_send_crosses_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_crosses_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sent_to_one_that_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_resumable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_and_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counting_begins_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_the_client_has_is_not_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed_while_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed_while_it_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed_between_lost_and_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed_while_ending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_resumes_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attached_to_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_what_is_not_handled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_stanzas_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_in_the_middle_of_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_h_too_high, setup, teardown),
		cmocka_unit_test_setup_teardown(test_h_too_low, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_with_the_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_without_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overfull, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overfull_from_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overfull_and_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_while_it_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_while_it_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach_waits_for_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enabling_when_it_is_over, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
