/* The store with its thread. Nothing here depends on how long something takes. */
#include "db/testing.h"

#include <sqlite3.h>

#include "loop/loop.h"

#define D STR("d.example")
#define A STR("alice")
#define I(n) ((int64_t)(n))

struct threaded {
	struct rig rig;
	struct loop *loop;
	struct queue *queue;
	struct buf heard;   /* answers_print() of all that came */
	uint64_t committed; /* highest */
	unsigned answers, states;
};

static void on_mail(void *arg)
{
	struct threaded *t = arg;
	struct msgs got = {0};
	if (!queue_take(t->queue, &got))
		return;
	answers_print(&t->heard, &got);
	for (uint32_t i = 0; i < got.n; i++) {
		const struct msg *m = &got.m[i];
		if (m->kind == MSG_STORE_COMMITTED) {
			assert_true(m->committed.number > t->committed);
			t->committed = m->committed.number;
		}
		t->answers += m->kind == MSG_STORE_ANSWER;
		t->states += m->kind == MSG_STORE_STATE;
	}
	msgs_clear(&got);
}

static int set_up(void **state)
{
	struct threaded *t = xcalloc(1, sizeof(*t));
	rig_init(&t->rig);
	buf_init(&t->heard, 16 << 20);
	rig_open(&t->rig);
	t->loop = loop_new();
	t->queue = queue_new(t->loop);
	loop_on_mail(t->loop, on_mail, t);
	db_start(t->rig.db, t->queue);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct threaded *t = *state;
	rig_clear(&t->rig);
	queue_free(&t->queue);
	loop_free(&t->loop);
	buf_clear(&t->heard);
	xfree(t);
	return 0;
}

static void put(struct threaded *t)
{
	db_put(t->rig.db, &t->rig.in);
	assert_int_equal(t->rig.in.n, 0);
}

static void wait_committed(struct threaded *t, uint64_t n)
{
	while (t->committed < n)
		loop_step(t->loop, true);
}

static void wait_answers(struct threaded *t, unsigned n)
{
	while (t->answers < n)
		loop_step(t->loop, true);
}

static void wait_states(struct threaded *t, unsigned n)
{
	while (t->states < n)
		loop_step(t->loop, true);
}

static void test_commits_and_answers(void **state)
{
	struct threaded *t = *state;
	add_query(&t->rig.in, store_query_new(STORE_VCARD_GET, 1, D, A));
	add_batch(&t->rig.in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	add_query(&t->rig.in, store_query_new(STORE_VCARD_GET, 2, D, A));
	add_batch(&t->rig.in, 2, BATCH(STORE_VCARD_PUT, D, A, STR("<w/>")));
	put(t);
	wait_committed(t, 2);
	assert_string_equal(buf_cstr(&t->heard), "[4 tag 1 error 0]\n[4 tag 2 error 0]\n6 '<v/>'\ncommitted 2\n");
}

/* Many puts of different shapes: each query sees what was put before it, by one of both connections. */
static void test_many(void **state)
{
	enum { MANY = 400 };
	struct threaded *t = *state;
	char number[32], want[100];
	uint64_t n = 0;
	for (unsigned i = 1; i <= MANY; i++) {
		snprintf(number, sizeof(number), "<v>%u</v>", i);
		add_batch(&t->rig.in, ++n, BATCH(STORE_VCARD_PUT, D, A, str_z(number)));
		add_query(&t->rig.in, store_query_new(STORE_VCARD_GET, i, D, A));
		if (i % 3)
			put(t);
		if (i % 50 == 0)
			wait_committed(t, n - 20);
	}
	put(t);
	wait_committed(t, MANY);
	wait_answers(t, MANY);
	const char *heard = buf_cstr(&t->heard);
	for (unsigned i = 1; i <= MANY; i++) {
		snprintf(want, sizeof(want), "[4 tag %u error 0]\n6 '<v>%u</v>'\n", i, i);
		assert_non_null(strstr(heard, want));
	}
	assert_int_equal(t->states, 0);
}

static void test_close_commits_what_waits(void **state)
{
	enum { MANY = 300 };
	struct threaded *t = *state;
	struct rig *r = &t->rig;
	for (unsigned i = 1; i <= MANY; i++) {
		add_batch(&r->in, i,
			BATCH(STORE_ARCHIVE_ADD, D, A, I(i), STR("p@x"), STR_NONE, STR("<m><body/></m>"), STR_NONE,
				I(0)));
		put(t);
	}
	db_close(&r->db);
	rig_open(r);
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 1, D, A, I(1000)));
	put(t);
	db_step(r->db, &r->out);
	assert_int_equal(r->out.n, 1);
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n, count = 0;
	for (size_t pos = 0; store_rows_next(r->out.m[0].store_answer.rows, &pos, &kind, v, &n); count++)
		assert_int_equal(v[0].i, count + 1);
	assert_int_equal(count, MANY);
}

static sqlite3 *lock_store(struct rig *r)
{
	sqlite3 *h;
	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	sqlite3_busy_timeout(h, 10000);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return h;
}

/* A stranger's lock: one state message, queries are answered meanwhile, then all is well. */
static void test_retries(void **state)
{
	struct threaded *t = *state;
	sqlite3 *h = lock_store(&t->rig);
	add_batch(&t->rig.in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	put(t);
	wait_states(t, 1);
	assert_string_equal(buf_cstr(&t->heard), "state failing -10\n");
	for (unsigned i = 1; i <= 3; i++) {
		add_query(&t->rig.in, store_query_new(STORE_VCARD_GET, i, D, A));
		add_batch(&t->rig.in, 1 + i, BATCH(STORE_VCARD_PUT, D, A, STR("<w/>")));
		put(t);
		wait_answers(t, i);
	}
	assert_string_equal(buf_cstr(&t->heard),
		"state failing -10\n[4 tag 1 error -10]\n[4 tag 2 error -10]\n[4 tag 3 error -10]\n");
	assert_int_equal(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	wait_committed(t, 4);
	add_query(&t->rig.in, store_query_new(STORE_VCARD_GET, 4, D, A));
	put(t);
	wait_answers(t, 4);
	assert_non_null(
		strstr(buf_cstr(&t->heard), "error -10]\nstate ok 0\ncommitted 4\n[4 tag 4 error 0]\n6 '<w/>'\n"));
}

static unsigned lost_lines;

static void count_lost(enum log_level level, const char *line) { lost_lines += strstr(line, "store_lost") != NULL; }

/* A store that stays locked does not keep the program from ending, and what is lost is said. */
static void test_close_gives_up(void **state)
{
	struct threaded *t = *state;
	struct rig *r = &t->rig;
	sqlite3 *h = lock_store(r);
	lost_lines = 0;
	log_set_sink(count_lost);
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	put(t);
	db_close(&r->db);
	assert_int_equal(lost_lines, 1);
	sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(h);
	rig_open(r);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, A));
	rig_expect(r, "[4 tag 1 error 0]\n");
}

/* --- a backup while the thread writes --- */

enum { WRITES = 600 };

static void check_backup(const char *file, struct rig *live)
{
	struct rig r;
	char path[400];
	int64_t n, sum, last, different;
	sqlite3 *h;
	rig_init(&r);
	snprintf(path, sizeof(path), "%s", rig_path(&r, DB_FILE));
	assert_int_equal(rename(file, path), 0);
	rig_open(&r); /* a backup is a store */
	h = sql_handle(db_writer(r.db));
	assert_int_equal(migrate_int(h, "SELECT count(*) FROM archive", &n), 0);
	assert_int_equal(migrate_int(h, "SELECT ifnull(max(id), 0) FROM archive", &last), 0);
	assert_int_equal(migrate_int(h, "SELECT ifnull(sum(id), 0) FROM archive", &sum), 0);
	assert_int_equal(migrate_int(h, "SELECT count(*) FROM (SELECT id FROM archive EXCEPT SELECT id FROM offline)",
				 &different),
		0);
	assert_int_equal(n, last); /* the first n batches, and each of them whole */
	assert_int_equal(sum, n * (n + 1) / 2);
	assert_int_equal(different, 0);
	assert_int_equal(migrate_int(h, "SELECT count(*) FROM offline", &different), 0);
	assert_int_equal(different, n);
	rig_clear(&r);
}

static void count_progress(void *arg, int done, int total)
{
	assert_true(done >= 0 && done <= total);
	++*(unsigned *)arg;
}

static void test_backup_while_writing(void **state)
{
	struct threaded *t = *state;
	char file[400];
	char text[3000];
	unsigned progress = 0, backups = 0;
	memset(text, 't', sizeof(text));
	snprintf(file, sizeof(file), "%s", rig_path(&t->rig, "backup"));
	for (unsigned i = 1; i <= WRITES; i++) {
		struct store_batch *b = store_batch_new();
		store_put(b, STORE_ARCHIVE_ADD, D, A, I(i), STR("p@x"), STR_NONE, (struct str){text, sizeof(text)},
			STR_NONE, I(0));
		store_put(b, STORE_OFFLINE_ADD, D, A, I(i), I(i), (struct str){text, i * 4});
		add_batch(&t->rig.in, i, b);
		put(t);
		if (i % 120 == 60) { /* the thread is busy with what was put just now */
			int rc = db_backup(t->rig.dir, file, count_progress, &progress, &t->rig.why);
			if (rc)
				fail_msg("%s", buf_cstr(&t->rig.why));
			check_backup(file, &t->rig);
			backups++;
		}
	}
	wait_committed(t, WRITES);
	assert_true(progress >= backups && backups == 5);
	assert_int_equal(t->states, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_commits_and_answers),
		T(test_many),
		T(test_close_commits_what_waits),
		T(test_retries),
		T(test_close_gives_up),
		T(test_backup_while_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
