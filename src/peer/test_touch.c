/* With whom our user has typed an address in for there is a link although nobody says a word, since nothing else tells that they are
 * there; whoever is off is not called more often than is any use; and whoever adds somebody hears what came of it. */
#include "peer/testing.h"

enum { HOUR = 3600 * 1000 };

static const char *bob(void) { return jid_of('b', "bob"); }

static unsigned dials(struct world *w)
{
	unsigned n = msgs_of(w, MSG_DIAL);

	while (find_msg(w, MSG_DIAL))
		msg_clear(find_msg(w, MSG_DIAL));
	return n;
}

static uint64_t expect_dial(struct world *w, const char *address)
{
	char text[64];
	uint64_t id = next_dial(w, text, NULL);

	assert_string_equal(text, address);
	return id;
}

static uint64_t answered(struct world *w, uint64_t dial)
{
	uint64_t conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = dial});

	assert_null(refusal(w, conn));
	open_session(w, conn, "token");
	return conn;
}

/* Added, linked, and then our node starts again. */
static struct world *after_a_restart(void)
{
	struct world *w = world_new();

	command(w, "peer", "add", "bob@10.0.0.2", NULL);
	answered(w, expect_dial(w, "10.0.0.2:5298"));
	world_restart(w);
	return w;
}

/* How often it dials in so many ms, if nobody ever answers. */
static unsigned in_vain(struct world *w, int64_t ms)
{
	unsigned n = 0;

	for (int64_t until = w->now + ms; w->now < until; sleep_ms(w, 500)) {
		struct msg *m;

		while ((m = find_msg(w, MSG_DIAL))) {
			uint64_t id = m->dial.id;

			n++;
			msg_clear(m);
			dial_fails(w, id, false, false);
		}
	}
	return n;
}

static void at_start(void **state)
{
	struct world *w = after_a_restart();

	sleep_ms(w, 1000);
	answered(w, expect_dial(w, "10.0.0.2:5298"));
	expect_got(w, "<presence");
	world_free(w);
}

static void who_is_off_is_called_seldom(void **state)
{
	struct world *w = after_a_restart();
	unsigned first = in_vain(w, 60 * 1000), hour = in_vain(w, HOUR), day = in_vain(w, 24 * HOUR);

	assert_in_range(first, 5, 8);
	assert_in_range(hour, 11, 18);
	assert_in_range(day, 24 * 9, 24 * 12);
	/* A reason to hurry. */
	say_message(w, bob(), "m1", "hi");
	assert_int_equal(dials(w), 1);
	world_free(w);
}

static void again_when_the_link_has_gone(void **state)
{
	struct world *w = after_a_restart();
	uint64_t conn;

	sleep_ms(w, 1000);
	conn = answered(w, expect_dial(w, "10.0.0.2:5298"));
	sleep_ms(w, 5000);
	cut(w, conn, false);
	sleep_ms(w, 200);
	answered(w, expect_dial(w, "10.0.0.2:5298"));
	world_free(w);
}

/* The other node was told to end, and comes back: that takes no five minutes to notice. After a while it is off. */
static void who_has_ended_is_called_again_soon(void **state)
{
	struct world *w = after_a_restart();
	uint64_t conn;

	sleep_ms(w, 1000);
	conn = answered(w, expect_dial(w, "10.0.0.2:5298"));
	sleep_ms(w, 60000);
	cut(w, conn, false);
	in_vain(w, 8 * 60 * 1000);
	assert_in_range(in_vain(w, 60 * 1000), 1, 3);
	in_vain(w, HOUR);
	assert_in_range(in_vain(w, HOUR), 9, 14);
	world_free(w);
}

/* He goes on with the session that there is. */
static uint64_t goes_on(struct world *w, uint64_t dial, uint64_t old)
{
	uint64_t conn = ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = dial});
	struct msg *m = msgs_add(&w->in);

	assert_null(refusal(w, conn));
	m->kind = MSG_RESUME;
	m->conn = conn;
	m->resume.account = xstrdup(domain_of('b'));
	m->resume.token = xstrdup("token");
	m->resume.h = conn_of(w, old)->acked;
	pump(w);
	assert_true(conn_of(w, conn)->attached);
	return conn;
}

/* Connections have the numbers 1 and 2 in turn, so that there may be many. */
static void numbers_anew(struct world *w)
{
	struct test_conn *next = conn_of(w, w->next_conn % 2 + 1);

	look_away(w);
	w->note_n = 0;
	while (next->tail)
		xfree(next->got[--next->tail]);
	next->head = 0;
	next->closed = next->attached = false;
	w->next_conn = w->next_conn % 2;
}

/* Who lets us in and ends it after so many ms, in one way or another: how often he is called in an hour. */
static unsigned hangs_up(bool resumable, bool resumed, int64_t after, bool waits)
{
	struct world *w = after_a_restart();
	unsigned n = 0;
	uint64_t conn = 0;

	if (waits)
		say_message(w, bob(), "m1", "hi");
	for (int64_t until = w->now + HOUR; w->now < until && n < 1000; sleep_ms(w, 100)) {
		struct msg *m = find_msg(w, MSG_DIAL);
		uint64_t id = m ? m->dial.id : 0;

		if (!m)
			continue;
		n++;
		numbers_anew(w);
		conn = resumed && conn ? goes_on(w, id, conn) : answered(w, id);
		sleep_ms(w, after);
		cut(w, conn, resumable);
	}
	world_free(w);
	return n;
}

static void who_hangs_up_is_left_alone(void **state)
{
	static const int64_t after[] = {0, 2100, 30000};

	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		for (int how = 0; how < 3; how++) {
			assert_in_range(hangs_up(how > 0, how > 1, after[i], false), 10, 60);
			assert_in_range(hangs_up(how > 0, how > 1, after[i], true), 50, 150);
		}
}

/* A link that was of use may break, and break again, without anybody being left alone. */
static void after_a_talk_at_once(void **state)
{
	for (int talks = 0; talks < 2; talks++) {
		struct world *w = after_a_restart();
		uint64_t conn = 0;

		sleep_ms(w, 1000);
		for (unsigned i = 0; i < 10; i++) {
			uint64_t id = expect_dial(w, "10.0.0.2:5298");

			numbers_anew(w);
			conn = conn ? goes_on(w, id, conn) : answered(w, id);
			if (talks)
				say_message(w, bob(), "", "hi");
			else
				sleep_ms(w, 60000);
			arrive_all(w, conn);
			cut(w, conn, true);
			sleep_ms(w, 200);
		}
		assert_int_equal(dials(w), 1);
		world_free(w);
	}
}

static void who_is_seen_on_the_network_is_not(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "accept", "bob", NULL);
	sleep_ms(w, HOUR);
	assert_int_equal(dials(w), 0);
	world_free(w);
}

static void who_is_blocked_is_not(void **state)
{
	struct world *w = after_a_restart();

	command(w, "peer", "block", "bob", NULL);
	dials(w);
	sleep_ms(w, HOUR);
	assert_int_equal(dials(w), 0);
	world_free(w);
}

static void many_rows_one_after_the_other(void **state)
{
	enum { MANY = 100 };
	struct world *w = world_new();
	char text[32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "p%u@10.0.1.%u", i, i + 1);
		command(w, "peer", "add", text, NULL);
	}
	world_restart(w);
	assert_in_range(msgs_of(w, MSG_DIAL), 0, 1);
	sleep_ms(w, 5000);
	assert_int_equal(dials(w), MANY);
	world_free(w);
}

/* ---- adding ---- */

static struct world *with_bob_away(void)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "accept", "bob", NULL);
	gone(w, "bob@bravo");
	return w;
}

static void adding_somebody_known_tries(void **state)
{
	struct world *w = with_bob_away();
	uint64_t id;

	assert_string_equal(command(w, "peer", "add", "bob@10.0.9.2", NULL), ""); /* not yet */
	sleep_ms(w, 250);
	dial_fails(w, expect_dial(w, "10.0.9.2:5298"), false, false);
	dial_fails(w, expect_dial(w, "10.0.0.2:5298"), false, false);
	assert_non_null(strstr(w->reply, "nobody answers there now"));
	assert_string_equal(command(w, "peer", "add", "bob@10.0.9.2", NULL), "");
	id = expect_dial(w, "10.0.9.2:5298");
	assert_null(w->reply);
	answered(w, id);
	assert_non_null(strstr(w->reply, "bob is added (key "));
	world_free(w);
}

static void adding_somebody_whose_link_just_broke_tries(void **state)
{
	struct world *w = with_bob_away();
	uint64_t conn = link_from(w, 'b', "bob");

	cut(w, conn, true);
	assert_int_equal(dials(w), 0); /* he has dialled, and will do so again */
	assert_string_equal(command(w, "peer", "add", "bob@10.0.9.2", NULL), "");
	dial_fails(w, expect_dial(w, "10.0.9.2:5298"), false, false);
	dial_fails(w, expect_dial(w, "10.0.0.2:5298"), false, false);
	assert_non_null(strstr(w->reply, "nobody answers there now"));
	world_free(w);
}

/* Nobody is left without an answer. */
static void added_twice_and_blocked_meanwhile(void **state)
{
	struct world *w = with_bob_away();

	assert_string_equal(command(w, "peer", "add", "bob@10.0.9.2", NULL), "");
	assert_non_null(strstr(command(w, "peer", "add", "bob@10.0.9.3", NULL), "is being called"));
	command(w, "peer", "block", "bob", NULL);
	assert_int_equal(row(w, 'b')->adder, 0);
	world_free(w);
}

/* One that our user talks to; who only announces the name is not meant (test_cmd.c). */
static void adding_to_an_old_program_calls_nobody(void **state)
{
	struct world *w = world_new();

	found(w, "carol@old", "10.0.0.3", 5298, "txtvers=1 status=avail");
	command(w, "peer", "allow", "carol", NULL);
	assert_non_null(strstr(command(w, "peer", "add", "carol@10.0.9.3", NULL), "when you write to it"));
	assert_int_equal(dials(w), 0);
	world_free(w);
}

/* What is there hangs up on TLS: whoever adds it is told, and once more when something waits for leave. */
static void adding_what_speaks_no_tls(void **state)
{
	struct world *w = world_new();

	command(w, "peer", "add", "carol@10.0.0.7", NULL);
	dial_fails(w, expect_dial(w, "10.0.0.7:5298"), true, false);
	assert_non_null(
		strstr(w->reply, "until you allow that: /allow carol (in a shell: `wireside peer allow carol`)"));
	assert_non_null(strstr(w->reply, "something takes connections there, but does not answer in TLS"));
	look_away(w);
	say_message(w, "carol@typed.internal", "m1", "hi");
	dial_fails(w, expect_dial(w, "10.0.0.7:5298"), true, false);
	expect_got(w, "does not answer in TLS. 1 message is queued until that changes. Should it be a program");
	look_away(w);
	say_message(w, "carol@typed.internal", "m2", "hi");
	dial_fails(w, expect_dial(w, "10.0.0.7:5298"), true, false);
	assert_int_equal(got_with(w, "TLS"), 0);
	world_free(w);
}

/* Somebody is there, though nobody that a node could talk to: that is not nobody. */
static void adding_what_is_no_node(void **state)
{
	static const struct {
		bool reached, secured, asked;
		const char *said;
	} table[] = {
		{false, false, false, "nobody answers there now, it is tried again"},
		{true, true, false, "something answers there with TLS, but not as a node does, it is tried again"},
		{true, true, true, "a node answers there, but one of the two did not want the link, it is tried again"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct world *w = world_new();
		struct msg *m;

		command(w, "peer", "add", "carol@10.0.0.7", NULL);
		m = msgs_add(&w->in);
		m->kind = MSG_LINK_FAILED;
		m->link_failed.dial = expect_dial(w, "10.0.0.7:5298");
		m->link_failed.reached = table[i].reached;
		m->link_failed.secured = table[i].secured;
		m->link_failed.asked = table[i].asked;
		m->link_failed.why = "test";
		pump(w);
		if (!strstr(w->reply, table[i].said))
			fail_msg("%zu: %s", i, w->reply);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_start),
		cmocka_unit_test(who_is_off_is_called_seldom),
		cmocka_unit_test(again_when_the_link_has_gone),
		cmocka_unit_test(who_has_ended_is_called_again_soon),
		cmocka_unit_test(who_hangs_up_is_left_alone),
		cmocka_unit_test(after_a_talk_at_once),
		cmocka_unit_test(who_is_seen_on_the_network_is_not),
		cmocka_unit_test(who_is_blocked_is_not),
		cmocka_unit_test(many_rows_one_after_the_other),
		cmocka_unit_test(adding_somebody_known_tries),
		cmocka_unit_test(adding_somebody_whose_link_just_broke_tries),
		cmocka_unit_test(added_twice_and_blocked_meanwhile),
		cmocka_unit_test(adding_to_an_old_program_calls_nobody),
		cmocka_unit_test(adding_what_speaks_no_tls),
		cmocka_unit_test(adding_what_is_no_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
