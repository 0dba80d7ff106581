/* One packet to many sessions. */
#include "core/testing.h"

enum { MANY = 1000 };

static struct world *w;

static int setup(void **state)
{
	w = world_new(&(struct core_config){.wires = 3, .resume_queue = 10, .resume_bytes = 100000});
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

static void login_many(struct peer *p, uint32_t n, unsigned wires)
{
	char name[16];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		p[i] = login(w, i % wires, "alice", name);
	}
}

static void multicast(const char *const *ids, const uint64_t *handles, uint32_t n, uint64_t commit)
{
	struct packet *packets[8];
	uint32_t count = 0;

	for (; ids[count]; count++)
		packets[count] = message(NULL, ids[count]);
	core_multicast(w->core, packets, count, handles, n, commit);
	for (uint32_t i = 0; i < count; i++)
		assert_null(packets[i]);
}

static void test_grouped_by_wire(void **state)
{
	struct peer p[6];
	uint64_t handles[6];

	login_many(p, 6, 3);
	for (int i = 0; i < 6; i++)
		handles[i] = p[i].session;
	turn_begin(w);
	multicast(IDS("1", "2"), handles, 6, 7);
	for (unsigned i = 0; i < 3; i++) {
		struct msgs *out = core_out_wire(w->core, i);

		assert_int_equal(out->n, 1);
		assert_int_equal(out->m[0].kind, MSG_SEND);
		assert_int_equal(out->m[0].send.conn_count, 2);
		assert_int_equal(out->m[0].send.packet_count, 2);
	}
	turn_end(w);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(expect_send(w, p[i].conn, "id='1'")->commit, 7);
		assert_int_equal(expect_send(w, p[i].conn, "id='2'")->commit, 7);
		expect_nothing(w, p[i].conn);
	}
}

static void test_to_nobody(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 0, "bob", "desk");
	uint64_t handles[] = {a.session, 12345, b.session};

	turn_begin(w);
	session_close(session_at(w, &a), SERR_CONFLICT, NULL);
	multicast(IDS("0"), handles, 0, 0);
	multicast(IDS(NULL), handles, 3, 0);
	multicast(IDS("1"), handles, 3, 0);
	multicast(IDS("2"), handles, 2, 0);
	turn_end(w);
	expect_close(w, a.conn, SERR_CONFLICT);
	expect_nothing(w, a.conn);
	expect_send(w, b.conn, "id='1'");
	expect_nothing(w, b.conn);
	assert_string_equal(noted(w), "");
}

/* Allocations of one multicast, whatever the number of recipients: the list of each wire. */
static void test_no_allocation_for_a_recipient(void **state)
{
	static struct peer p[MANY];
	static uint64_t handles[MANY];
	uint64_t spent[2];
	static const uint32_t sizes[2] = {30, MANY};

	login_many(p, MANY, 3);
	for (int i = 0; i < MANY; i++)
		handles[i] = p[i].session;
	for (int round = 0; round < 4; round++) /* the first rounds make room */
		for (int i = 0; i < 2; i++) {
			struct packet *packet = message(NULL, "m");
			uint64_t before;

			turn_begin(w);
			before = mem_stats().allocs;
			core_multicast(w->core, &packet, 1, handles, sizes[i], 0);
			spent[i] = mem_stats().allocs - before;
			core_end(w->core);
			for (unsigned k = 0; k < 3; k++) {
				struct msgs *out = core_out_wire(w->core, k);
				for (uint32_t j = 0; j < out->n; j++)
					msg_clear(&out->m[j]);
				out->n = 0;
			}
		}
	assert_int_equal(spent[0], spent[1]);
	assert_true(spent[1] <= 3);
}

static void test_one_recipient_costs_nothing(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");
	uint64_t before = 0;

	for (int i = 0; i < 100; i++) {
		struct packet *packet = message(NULL, "m");
		struct msgs *out = core_out_wire(w->core, 0);

		before = mem_stats().allocs;
		if (i % 2)
			core_multicast(w->core, &packet, 1, &a.session, 1, 0);
		else
			session_send(session_at(w, &a), &packet, 0);
		if (i > 10)
			assert_int_equal(mem_stats().allocs, before);
		if (out->n > 5) {
			for (uint32_t j = 0; j < out->n; j++)
				msg_clear(&out->m[j]);
			out->n = 0;
		}
	}
}

static void test_work_is_counted(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login(w, 0, "bob", "desk");
	uint64_t handles[] = {a.session, b.session};
	uint64_t before = core_stats(w->core)->deliveries;

	turn_begin(w);
	multicast(IDS("1", "2", "3"), handles, 2, 0);
	assert_int_equal(core_stats(w->core)->deliveries, before + 6);
	assert_int_equal(w->core->budget, 2000 - 6);
	turn_end(w);
}

/* ---- sessions that are away ---- */

static void test_to_one_that_waits(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true), b = login(w, 1, "bob", "desk");
	uint64_t handles[] = {a.session, b.session};
	struct event *e;

	detach(w, &a, 0, IDS("1"));
	turn_begin(w);
	multicast(IDS("2", "3"), handles, 2, 0);
	turn_end(w);
	expect_send(w, b.conn, "id='2'");
	expect_send(w, b.conn, "id='3'");
	a = resume(w, 2, &a, 0);
	pump(w);
	e = expect(w, a.conn, MSG_ATTACH);
	expect_queue(e, "1 2 3");
}

/* Its last words: presence to the others, in the middle of whatever made it go. */
static void says_goodbye(struct sess *s)
{
	static const char *const ids[] = {"bye", NULL};
	struct session *other;

	for (uint32_t pos = 0; (other = core_next_session(w->core, &pos));)
		if (other != &s->session && session_alive(other))
			multicast(ids, &other->handle, 1, 0);
}

/* A queue gets too long while a message goes to all: the others get it, once, before what came of it. */
static void test_overfull_in_the_middle(void **state)
{
	struct peer a = login(w, 0, "alice", "desk"), b = login_sm(w, 0, "bob", "desk", true),
		    c = login(w, 0, "carol", "desk"), d = login(w, 1, "alice", "phone");
	uint64_t handles[] = {a.session, b.session, d.session, c.session};
	struct peer *others[] = {&a, &c, &d};

	w->gone_hook = says_goodbye;
	detach(w, &b, 0, IDS("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"));
	turn_begin(w);
	multicast(IDS("11", "12"), handles, 4, 0);
	assert_non_null(session_at(w, &b)); /* whoever sends may hold it */
	turn_end(w);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		expect_send(w, others[i]->conn, "id='11'");
		expect_send(w, others[i]->conn, "id='12'");
		expect_send(w, others[i]->conn, "id='bye'");
		expect_nothing(w, others[i]->conn);
	}
	assert_null(session_at(w, &b));
	assert_int_equal(notes_with(w, "returned: "), 12);
	w->gone_hook = NULL;
}

static void test_overfull_by_bytes(void **state)
{
	struct peer a = login_sm(w, 0, "alice", "desk", true);
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = STR("note@x.test"), .id = STR("big")};
	static char text[60000];

	memset(text, 'x', sizeof(text));
	detach(w, &a, 0, NULL);
	for (int i = 0; i < 2; i++) {
		struct packet_writer pw;
		struct packet *p;

		assert_non_null(session_at(w, &a));
		packet_begin(&pw, &head);
		buf_add(&pw.out, text, sizeof(text));
		p = packet_end(&pw);
		turn_begin(w);
		session_send(session_at(w, &a), &p, 0);
		turn_end(w);
	}
	assert_null(session_at(w, &a));
	assert_int_equal(notes_with(w, "returned: "), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grouped_by_wire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_to_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_allocation_for_a_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_recipient_costs_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_work_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_to_one_that_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overfull_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overfull_by_bytes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
