/* A script of thirty batches, and a run of it on the disk of fault_vfs.h: for test_power.c and test_faults.c. */
#ifndef DB_TESTING_RUN_H
#define DB_TESTING_RUN_H

#include <sqlite3.h>

#include "base/hash.h"
#include "db/fault_vfs.h"
#include "db/testing.h"

enum { BATCHES = 30, ACCOUNTS = 4, DIGEST = 32, BIG = 9000 };

#define D STR("d.example")
#define I(n) ((int64_t)(n))

static const char *const names[ACCOUNTS] = {"ann", "bob", "cid", "dan"};
static uint8_t expected[BATCHES + 1][DIGEST];                             /* the store after so many batches */
static const unsigned groups[] = {1, 2, 1, 1, 3, 5, 1, 4, 2, 1, 1, 6, 2}; /* how many are put at once: 30 in all */
static char filler[BIG];

/* --- the script --- */

static void put_messages(struct store_batch *b, unsigned i)
{
	for (unsigned k = 0; k <= i % 4; k++) {
		struct str local = str_z(names[(i + k) % ACCOUNTS]);
		struct str text = {filler + i, 40 + (i * 977 + k * 331) % 3000};

		store_put(b, STORE_OFFLINE_ADD, D, local, I(i * 10 + k), I(i), text);
		store_put(b, STORE_ARCHIVE_ADD, D, local, I(i * 10 + k), STR("p@x"), STR_NONE, text, STR_NONE,
			I(k % 2));
		if (k == 0 && i % 4 == 1)
			store_put(b, STORE_TRANSIT_ADD, D, local, I(i * 10 + k), I(i), (struct str){text.p, 40});
	}
	if (i % 5 == 0)
		store_put(b, STORE_ARCHIVE_TRIM, D, str_z(names[i / 5 % ACCOUNTS]), I(4), I(i * 10));
	if (i % 8 == 0)
		store_put(b, STORE_DELIVERED_PUT, D, str_z(names[i / 8 % ACCOUNTS]), I((i - 2) * 10), STR("[10,20]"));
	if (i == 17)
		store_put(b, STORE_TRANSIT_RECOVER, D, str_z(names[1]), I(i * 1000), I(i * 10));
	store_put(b, STORE_ARCHIVE_ADD, D, STR("tea"), I(i), STR("p@x"), STR("P"),
		(struct str){filler, i % 3 == 0 ? BIG : 300 + i}, STR("r"), I(0));
	if (i % 6 == 0)
		store_put(b, STORE_OFFLINE_DEL, D, str_z(names[i / 6 % ACCOUNTS]), I((i - 3) * 10));
	if (i % 7 == 0)
		store_put(b, STORE_ARCHIVE_TRIM, D, STR("tea"), I(4));
}

static void put_accounts(struct store_batch *b, unsigned i)
{
	for (unsigned k = 0; k < ACCOUNTS; k++)
		if (i == 1 || (i + k) % 9 == 0)
			store_put(b, STORE_ACCOUNT_PUT, D, str_z(names[k]), I(i), (struct str){filler, 60},
				(struct str){filler, 90});
	if (i == 20)
		store_put(b, STORE_ACCOUNT_DEL, D, STR("cid"));
	if (i == 24)
		store_put(b, STORE_ROOM_DEL, D, STR("tea"));
}

static struct store_batch *script(unsigned i)
{
	char number[16], contact[16];
	struct store_batch *b = store_batch_new();
	snprintf(number, sizeof(number), "<v>%u</v>", i);
	snprintf(contact, sizeof(contact), "c%u@x", i % 5);
	put_accounts(b, i);
	store_put(b, STORE_VCARD_PUT, D, STR("ann"), str_z(number)); /* no two states are alike */
	store_put(b, STORE_PRIVATE_PUT, D, STR("bob"), str_z(contact), i % 2 ? str_z(number) : STR_NONE);
	if (i % 4 == 3)
		store_put(b, STORE_ROSTER_DEL, D, STR("bob"), str_z(contact), I(i));
	else
		store_put(b, STORE_ROSTER_PUT, D, STR("bob"), str_z(contact), str_z(number), I(1), I(0), I(0), STR_NONE,
			I(i));
	store_put(b, STORE_REQUEST_PUT, D, STR("dan"), str_z(contact), str_z(number));
	store_put(b, STORE_ROOM_PUT, D, STR("tea"), I(1), str_z(number), STR_NONE, STR_NONE, I(i));
	store_put(b, STORE_AFFILIATION_PUT, D, STR("tea"), str_z(contact), I(i % 3), str_z(number));
	put_messages(b, i);
	return b;
}

static void ask_all(struct msgs *to)
{
	add_query(to, store_query_new(STORE_ACCOUNT_LIST, 0, STR_NONE));
	add_query(to, store_query_new(STORE_ROOM_LIST, 0, D));
	add_query(to, store_query_new(STORE_ROOM_LOAD, 0, D, STR("tea"), I(1000)));
	for (unsigned k = 0; k < ACCOUNTS; k++) {
		add_query(to, store_query_new(STORE_ACCOUNT_LOAD, 0, D, str_z(names[k])));
		add_query(to, store_query_new(STORE_OFFLINE_LIST, 0, D, str_z(names[k])));
		add_query(to, store_query_new(STORE_VCARD_GET, 0, D, str_z(names[k])));
		add_query(to,
			store_query_new(STORE_ARCHIVE_PAGE, 0, D, str_z(names[k]), I(0), INT64_MAX, STR_NONE, STR_NONE,
				I(0), INT64_MAX, I(100), I(0), I(0), I(0), I(0)));
	}
	for (unsigned k = 0; k < 5; k++) {
		char key[16];
		snprintf(key, sizeof(key), "c%u@x", k);
		add_query(to, store_query_new(STORE_PRIVATE_GET, 0, D, STR("bob"), str_z(key)));
	}
}

static void digest_of(struct rig *r, uint8_t *ret)
{
	struct buf text;
	buf_init(&text, 4 << 20);
	ask_all(&r->in);
	db_put(r->db, &r->in);
	db_step(r->db, &r->out);
	answers_print(&text, &r->out);
	assert_true(buf_ok(&text));
	assert_null(strstr(buf_cstr(&text), "error -"));
	hash_digest(HASH_SHA256, buf_view(&text), ret);
	buf_clear(&text);
	msgs_clear(&r->out);
}

static UNUSED int compute_expected(void **state)
{
	struct rig r;
	/* Many thousand stores are opened; a third of the time would be spent on their memory. */
	static char pages[2000 * 4400];
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, pages, 4400, 2000);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 1200, 300);
	rig_init(&r);
	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = (char)('a' + i * 7 % 26);
	assert_int_equal(db_open(NULL, &r.db, &r.why), 0);
	digest_of(&r, expected[0]);
	for (unsigned i = 1; i <= BATCHES; i++) {
		add_batch(&r.in, i, script(i));
		db_put(r.db, &r.in);
		db_step(r.db, &r.out);
		msgs_clear(&r.out);
		digest_of(&r, expected[i]);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(expected[i], expected[k], DIGEST);
	}
	rig_clear(&r);
	return 0;
}

/* --- a run of it --- */

struct run {
	struct rig rig;
	struct fault_plan plan;
	int checkpoint;     /* pages in the log after which it goes into the file; 0: SQLite's default */
	const char *pragma; /* more of it, or NULL */
	uint64_t put, committed;
	size_t group;      /* next of groups[] */
	bool failing;      /* what the store said last */
	unsigned failures; /* how often it said so */
	unsigned refused;  /* answers with an error */
};

static int run_open(struct run *u)
{
	char text[64];
	int r = db_open_vfs(u->rig.dir, FAULT_VFS, &u->rig.db, &u->rig.why);
	if (r)
		return r;
	snprintf(text, sizeof(text), "PRAGMA wal_autocheckpoint=%d", u->checkpoint ? u->checkpoint : 1000);
	assert_int_equal(sqlite3_exec(sql_handle(db_writer(u->rig.db)), text, NULL, NULL, NULL), SQLITE_OK);
	if (u->pragma)
		assert_int_equal(sqlite3_exec(sql_handle(db_writer(u->rig.db)), u->pragma, NULL, NULL, NULL),
			SQLITE_OK);
	return 0;
}

/* SQLite tells of no space only when a write finds none. */
static void assert_error(const struct run *u, int error)
{
	assert_true(fault_vfs_hit() != 0);
	if (u->plan.full && fault_vfs_hit() == FAULT_WRITE)
		assert_int_equal(error, ERR_FULL);
	else
		assert_true(error == ERR_IO || (u->plan.full && error == ERR_FULL));
}

/* What may be said, in what order. */
static void hear(struct run *u)
{
	for (uint32_t i = 0; i < u->rig.out.n; i++) {
		const struct msg *m = &u->rig.out.m[i];
		if (m->kind == MSG_STORE_STATE) {
			assert_true(m->store_state.failing != u->failing);
			u->failing = m->store_state.failing;
			if (u->failing)
				assert_error(u, m->store_state.error);
			else
				assert_int_equal(m->store_state.error, 0);
			u->failures += u->failing;
		} else if (m->kind == MSG_STORE_COMMITTED) {
			assert_false(u->failing);
			assert_true(m->committed.number > u->committed);
			assert_int_equal(m->committed.number, u->put); /* all that waited, at once */
			u->committed = m->committed.number;
		} else {
			assert_int_equal(m->kind, MSG_STORE_ANSWER);
			if (m->store_answer.rows->error)
				assert_error(u, m->store_answer.rows->error);
			u->refused += m->store_answer.rows->error != 0;
		}
	}
	msgs_clear(&u->rig.out);
	assert_int_equal(u->failing, u->committed < u->put);
	assert_int_equal(db_waiting(u->rig.db) > 0, u->failing);
}

static UNUSED void step(struct run *u)
{
	db_put(u->rig.db, &u->rig.in);
	db_step(u->rig.db, &u->rig.out);
	hear(u);
}

/* The next group of batches, with queries before, among and behind them. False: no more. */
static UNUSED bool put_group(struct run *u)
{
	if (u->group == ARRAY_LEN(groups))
		return false;
	for (unsigned k = 0; k < groups[u->group]; k++) {
		add_query(&u->rig.in, store_query_new(STORE_ROOM_LOAD, 1, D, STR("tea"), I(1000)));
		add_batch(&u->rig.in, u->put + 1, script((unsigned)u->put + 1));
		u->put++;
	}
	add_query(&u->rig.in, store_query_new(STORE_ACCOUNT_LOAD, 2, D, STR("bob")));
	u->group++;
	return true;
}

/* Some tests take only every n-th call, to be done in half a minute; DB_EVERY_CALL=1 takes all. */
static UNUSED unsigned stride_of(unsigned n) { return getenv("DB_EVERY_CALL") ? 1 : n; }

static UNUSED void start(struct run *u)
{
	fault_vfs_reset();
	fault_vfs_plan(&u->plan);
	u->put = u->committed = u->group = u->failures = u->refused = 0;
	u->failing = false;
	buf_reset(&u->rig.why);
}

static UNUSED void assert_whole(struct run *u)
{
	struct buf report;
	buf_init(&report, 10000);
	assert_int_equal(check_integrity(sql_handle(db_writer(u->rig.db)), &report), 0);
	assert_string_equal(buf_cstr(&report), "integrity: ok\n");
	buf_clear(&report);
}

/* After how many batches is the store in the state it has? */
static unsigned find_state(struct run *u)
{
	uint8_t digest[DIGEST];
	digest_of(&u->rig, digest);
	for (unsigned k = 0; k <= BATCHES; k++)
		if (memcmp(expected[k], digest, DIGEST) == 0)
			return k;
	fail_msg("no state of the script");
	return 0;
}

#endif
