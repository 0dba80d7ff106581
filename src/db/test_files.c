/* Backup and check. */
#include "db/testing.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define D STR("d.example")
#define A STR("alice")
#define I(n) ((int64_t)(n))

struct files {
	struct rig rig;
	struct buf report;
	char backup[400];
};

/* A store of some hundred pages, closed. */
static int set_up(void **state)
{
	struct files *f = xcalloc(1, sizeof(*f));
	struct rig *r = &f->rig;
	char text[2000];
	memset(text, 't', sizeof(text));
	rig_init(r);
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1), STR("k"), STR("k")));
	for (int i = 1; i <= 300; i++)
		add_batch(&r->in, 1 + i, BATCH(STORE_OFFLINE_ADD, D, A, I(i), I(i), (struct str){text, sizeof(text)}));
	rig_expect(r, "committed 301\n");
	db_close(&r->db);
	buf_init(&f->report, 100000);
	snprintf(f->backup, sizeof(f->backup), "%s", rig_path(r, "copy"));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct files *f = *state;
	rig_clear(&f->rig);
	buf_clear(&f->report);
	xfree(f);
	return 0;
}

/* --- check --- */

static void expect_line(struct files *f, const char *line)
{
	const char *all = buf_cstr(&f->report);
	if (!strstr(all, line))
		fail_msg("no '%s' in:\n%s", line, all);
}

static void test_check_sound(void **state)
{
	struct files *f = *state;
	assert_int_equal(db_check(f->rig.dir, &f->report), 0);
	expect_line(f, "in use: no\n");
	expect_line(f, "file: wireside.db ");
	expect_line(f, "schema: 5 of 5\n");
	expect_line(f, "accounts: 1\n");
	expect_line(f, "offline messages: 300\n");
	expect_line(f, "rooms: 0\n");
	expect_line(f, "integrity: ok\n");
	assert_null(strstr(buf_cstr(&f->report), "warning"));
	/* It has changed nothing that a store would mind. */
	rig_open(&f->rig);
}

static void test_check_in_use(void **state)
{
	struct files *f = *state;
	rig_open(&f->rig);
	add_batch(&f->rig.in, 302, BATCH(STORE_OFFLINE_DEL, D, A, I(100)));
	rig_expect(&f->rig, "committed 302\n");
	assert_int_equal(db_check(f->rig.dir, &f->report), 0);
	expect_line(f, "in use: yes\n");
	expect_line(f, "offline messages: 200\n"); /* also what is still in the log */
	add_batch(&f->rig.in, 303, BATCH(STORE_OFFLINE_DEL, D, A, I(200)));
	rig_expect(&f->rig, "committed 303\n");
}

static void test_check_modes(void **state)
{
	struct files *f = *state;
	assert_int_equal(chmod(rig_path(&f->rig, DB_FILE), 0640), 0);
	assert_int_equal(db_check(f->rig.dir, &f->report), 0);
	expect_line(f, "warning: wireside.db can be read or written by others (mode 0640)\n");
}

static void test_check_missing(void **state)
{
	struct files *f = *state;
	char below[400];
	snprintf(below, sizeof(below), "%s", rig_path(&f->rig, "nothing"));
	assert_int_equal(db_check(below, &f->report), ERR_NOTFOUND);
	expect_line(f, "No such file");
	assert_int_equal(access(below, F_OK), -1);
}

static void overwrite(struct files *f, long at, const char *with, size_t n)
{
	FILE *file = fopen(rig_path(&f->rig, DB_FILE), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(with, 1, n, file), n);
	fclose(file);
}

static void test_check_damaged(void **state)
{
	struct files *f = *state;
	struct stat st;
	char junk[4096];
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(stat(rig_path(&f->rig, DB_FILE), &st), 0);
	assert_true(st.st_size > 100 * 4096);
	overwrite(f, st.st_size / 2 / 4096 * 4096, junk, sizeof(junk)); /* one page */
	assert_int_equal(db_check(f->rig.dir, &f->report), ERR_INVALID);
	expect_line(f, "integrity: ");
	assert_null(strstr(buf_cstr(&f->report), "integrity: ok"));
	buf_reset(&f->report);
	assert_int_equal(truncate(rig_path(&f->rig, DB_FILE), st.st_size - 40 * 4096), 0);
	assert_int_equal(db_check(f->rig.dir, &f->report), ERR_INVALID);
	buf_reset(&f->report);
	overwrite(f, 0, junk, 100); /* the header */
	assert_int_equal(db_check(f->rig.dir, &f->report), ERR_INVALID);
	expect_line(f, "not a database");
}

/* Bytes all over the file: never a crash, and never ERR_INVALID for a report that says ok. */
static void test_check_any_damage(void **state)
{
	struct files *f = *state;
	unsigned invalid = 0;
	for (unsigned i = 0; i < 40; i++) {
		char junk[3] = {(char)(i * 37), (char)i, (char)0xff};
		overwrite(f, 100 + (long)i * 6007 % 600000, junk, sizeof(junk));
		buf_reset(&f->report);
		int r = db_check(f->rig.dir, &f->report);
		bool ok = strstr(buf_cstr(&f->report), "integrity: ok\n") != NULL;
		assert_true(r == 0 ? ok : r == ERR_INVALID || r == ERR_IO);
		invalid += r != 0;
	}
	assert_true(invalid > 10);
}

static void test_check_newer_and_empty(void **state)
{
	struct files *f = *state;
	sqlite3 *h;
	assert_int_equal(sqlite3_open(rig_path(&f->rig, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "PRAGMA user_version=9", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	assert_int_equal(db_check(f->rig.dir, &f->report), ERR_VERSION);
	expect_line(f, "newer program");
	expect_line(f, "integrity: ok\n");
	buf_reset(&f->report);
	assert_int_equal(truncate(rig_path(&f->rig, DB_FILE), 0), 0);
	assert_int_equal(db_check(f->rig.dir, &f->report), 0);
	expect_line(f, "schema: 0 of 5\n");
}

/* A page is damaged under a running store: the core hears of it, nobody hangs, and no lock is kept. */
static void test_writing_to_a_damaged_store(void **state)
{
	struct files *f = *state;
	struct rig *r = &f->rig;
	sqlite3 *h;
	char junk[4096];
	memset(junk, 0x5a, sizeof(junk));
	for (long page = 1; page < 20; page++)
		overwrite(f, page * 4096, junk, sizeof(junk)); /* the roots of all tables */
	rig_open(r);
	add_batch(&r->in, 302, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	rig_expect(r, "state failing -3\n");
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 1, D, A));
	rig_expect(r, "[2 tag 1 error -6]\n");
	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	assert_int_equal(db_waiting(r->db), 1);
}

/* --- backup --- */

static void expect_backup(struct files *f, int error, const char *word)
{
	buf_reset(&f->rig.why);
	assert_int_equal(db_backup(f->rig.dir, f->backup, NULL, NULL, &f->rig.why), error);
	const char *why = buf_cstr(&f->rig.why);
	if (!strstr(why, word))
		fail_msg("no '%s' in '%s'", word, why);
	assert_null(strchr(why, '\n'));
}

static void test_backup(void **state)
{
	struct files *f = *state;
	struct stat st;
	sqlite3 *h;
	char mode[20] = "";
	mode_t before = umask(0);
	rig_open(&f->rig);
	add_batch(&f->rig.in, 302, BATCH(STORE_OFFLINE_DEL, D, A, I(100)));
	rig_expect(&f->rig, "committed 302\n");
	expect_backup(f, 0, "");
	umask(before);
	assert_int_equal(stat(f->backup, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* One file that can be read where nothing can be written. */
	assert_int_equal(sqlite3_open_v2(f->backup, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_prepare_v2(h, "PRAGMA journal_mode", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	snprintf(mode, sizeof(mode), "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	int64_t n;
	assert_int_equal(migrate_int(h, "SELECT count(*) FROM offline", &n), 0);
	sqlite3_close(h);
	assert_string_equal(mode, "delete");
	assert_int_equal(n, 200);
	assert_int_equal(access(rig_path(&f->rig, "copy-wal"), F_OK), -1);
	assert_int_equal(access(rig_path(&f->rig, "copy-journal"), F_OK), -1);
	assert_int_equal(access(rig_path(&f->rig, "copy.part"), F_OK), -1);
	expect_backup(f, ERR_EXISTS, "file already");
}

static void test_backup_refused(void **state)
{
	struct files *f = *state;
	char part[420];
	snprintf(part, sizeof(part), "%s.part", f->backup);
	FILE *file = fopen(part, "w");
	fputs("half", file);
	fclose(file);
	expect_backup(f, ERR_EXISTS, "another backup");
	assert_int_equal(access(part, F_OK), 0); /* it may be somebody's work */
	assert_int_equal(unlink(part), 0);
	snprintf(f->backup, sizeof(f->backup), "%s", rig_path(&f->rig, "no/such/copy"));
	expect_backup(f, ERR_IO, "No such file");
	snprintf(f->backup, sizeof(f->backup), "%s", rig_path(&f->rig, "copy"));
	assert_int_equal(unlink(rig_path(&f->rig, DB_FILE)), 0);
	expect_backup(f, ERR_NOTFOUND, "No such file");
	assert_int_equal(access(f->backup, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
}

/* A damaged store: what cannot be read is not sold as a backup. */
static void test_backup_of_no_database(void **state)
{
	struct files *f = *state;
	char junk[200];
	memset(junk, 0x5a, sizeof(junk));
	overwrite(f, 0, junk, sizeof(junk));
	expect_backup(f, ERR_INVALID, "not a database");
	assert_int_equal(access(f->backup, F_OK), -1);
	assert_int_equal(access(rig_path(&f->rig, "copy.part"), F_OK), -1);
}

static int make_backup_without_space(void *arg)
{
	struct files *f = arg;
	struct rlimit little = {100000, 100000};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &little);
	int r = db_backup(f->rig.dir, f->backup, NULL, NULL, &f->rig.why);
	return (r == ERR_IO || r == ERR_FULL) && f->rig.why.n > 0 ? 0 : 1;
}

/* The copy cannot grow: the error, and nothing left behind. */
static void test_backup_without_space(void **state)
{
	struct files *f = *state;
	struct other o = other_new(make_backup_without_space, f);
	other_go(&o);
	other_expect(&o, 0);
	assert_int_equal(access(f->backup, F_OK), -1);
	assert_int_equal(access(rig_path(&f->rig, "copy.part"), F_OK), -1);
	assert_int_equal(access(rig_path(&f->rig, "copy.part-journal"), F_OK), -1);
}

static int make_backup(void *arg)
{
	struct files *f = arg;
	return db_backup(f->rig.dir, f->backup, NULL, NULL, &f->rig.why) == 0 ? 0 : 1;
}

static void test_backup_by_another_process(void **state)
{
	struct files *f = *state;
	struct other o = other_new(make_backup, f);
	rig_open(&f->rig);
	other_go(&o);
	for (uint64_t i = 0; i < 200; i++) { /* meanwhile */
		char want[40];
		snprintf(want, sizeof(want), "committed %d\n", (int)i + 400);
		add_batch(&f->rig.in, i + 400, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
		rig_expect(&f->rig, want);
	}
	other_expect(&o, 0);
	db_close(&f->rig.db);
	assert_int_equal(rename(f->backup, rig_path(&f->rig, DB_FILE)), 0);
	rig_open(&f->rig);
	add_query(&f->rig.in, store_query_new(STORE_ACCOUNT_LOAD, 1, D, A));
	rig_expect(&f->rig, "[0 tag 1 error 0]\n0 1 'k' 'k' 0\n3 300 300\n12 0 0\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_check_sound),
		T(test_check_in_use),
		T(test_check_modes),
		T(test_check_missing),
		T(test_check_damaged),
		T(test_check_any_damage),
		T(test_check_newer_and_empty),
		T(test_writing_to_a_damaged_store),
		T(test_backup),
		T(test_backup_refused),
		T(test_backup_of_no_database),
		T(test_backup_without_space),
		T(test_backup_by_another_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
