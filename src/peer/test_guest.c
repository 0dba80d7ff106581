/* What rooms of ours say to those who came in by a link. */
#include "peer/testing.h"

/* A room says it to whom it knows by this address, who came in by the link with this session. */
static void room_says_to(struct world *w, const char *to, uint64_t via, const char *kind, const char *inside)
{
	char xml[1024];
	struct stanza *s;

	snprintf(xml, sizeof(xml), "<%s from='lunch@rooms.%s/alice' to='%s/x'>%s</%s>",
		kind[0] == 'p' ? "presence" : "message type='groupchat' id='t'", domain_of('n'), to, inside,
		kind[0] == 'p' ? "presence" : "message");
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	s->via = via;
	turn(w, &s);
	pump(w);
}

static void room_says(struct world *w, uint64_t via, const char *kind, const char *inside)
{
	room_says_to(w, jid_of('b', "bob"), via, kind, inside);
}

static bool room_heard(const struct world *w, const char *part)
{
	for (unsigned i = 0; i < w->room_tail; i++)
		if (strstr(w->room_got[i], part))
			return true;
	return false;
}

static void in_one_session(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob"), session = conn_of(w, conn)->session;

	room_says(w, session, "message", "<body>t1</body>");
	expect_sent(w, conn, "t1");
	/* Nothing is lost by a cable that is pulled. */
	cut(w, conn, true);
	room_says(w, session, "message", "<body>t2</body>");
	assert_int_equal(w->room_tail, 0);
	world_free(w);
}

/* The other end begins anew. What the old session has not brought over comes back when its connection has said its last word; a
 * later line must not be heard before. */
static void not_by_a_later_one(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob"), old = conn_of(w, conn)->session;

	room_says(w, old, "message", "<body>t1</body>");
	conn = link_from(w, 'b', "bob");
	look_away(w);
	room_says(w, old, "message", "<body>t2</body>");
	assert_int_equal(sent_with(w, conn, "t2"), 0);
	assert_true(room_heard(w, "<remote-server-timeout"));
	/* That he is out he hears, */
	room_says(w, old, "presence", "");
	expect_sent(w, conn, "<presence");
	/* and when he is in again all that is said. */
	room_says(w, conn_of(w, conn)->session, "message", "<body>t3</body>");
	expect_sent(w, conn, "t3");
	world_free(w);
}

/* Nor does it wait for a link: he would hear it first of all. */
static void not_by_the_next(void **state)
{
	struct world *w = world_new();
	uint64_t conn, old;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	conn = link_from(w, 'b', "bob");
	old = conn_of(w, conn)->session;
	cut(w, conn, false);
	room_says(w, old, "message", "<body>t1</body>");
	assert_true(room_heard(w, "<remote-server-timeout"));
	conn = link_from(w, 'b', "bob");
	assert_int_equal(sent_with(w, conn, "t1"), 0);
	world_free(w);
}

/* What is said to an address that was his before goes the same way. */
static void by_a_former_address(void **state)
{
	struct world *w = world_new();
	uint64_t conn, session, dial;
	char address[64];

	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	dial = next_dial(w, address, NULL);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob"), .dial = dial});
	open_session(w, conn, "token");
	session = conn_of(w, conn)->session;
	room_says_to(w, "bob@typed.internal", session, "message", "<body>t1</body>");
	expect_sent(w, conn, "t1");
	conn = link_from(w, 'b', "bob");
	room_says_to(w, "bob@typed.internal", session, "message", "<body>t2</body>");
	assert_int_equal(sent_with(w, conn, "t2"), 0);
	assert_true(room_heard(w, "<remote-server-timeout"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one_session),
		cmocka_unit_test(not_by_a_later_one),
		cmocka_unit_test(not_by_the_next),
		cmocka_unit_test(by_a_former_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
