#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"
#include "xmpp/scram.h"

static struct str s_of(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(seed * 31 + i * 7); /* NUL bytes and no UTF-8 among them */
	return (struct str){p, n};
}

static void assert_str(struct str got, struct str want)
{
	assert_int_equal(got.p == NULL, want.p == NULL);
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
}

static void put_one_of_each(struct store_batch *b, struct str k)
{
	struct str d = STR("d.example"), l = STR("lo"), none = STR_NONE, empty = STR("");
	store_put(b, STORE_ACCOUNT_PUT, d, l, (int64_t)-1, k, none);
	store_put(b, STORE_ACCOUNT_DEL, d, l);
	store_put(b, STORE_ACCOUNT_SOLE, d, l, k);
	store_put(b, STORE_ROSTER_PUT, d, l, STR("c@d"), none, (int64_t)1, (int64_t)2, (int64_t)3, STR("a\nb"),
		INT64_MAX);
	store_put(b, STORE_ROSTER_DEL, d, l, STR("c@d"), INT64_MIN);
	store_put(b, STORE_REQUEST_PUT, d, l, STR("c@d"), k);
	store_put(b, STORE_REQUEST_DEL, d, l, STR("c@d"));
	store_put(b, STORE_OFFLINE_ADD, d, l, (int64_t)1, (int64_t)2, k);
	store_put(b, STORE_OFFLINE_DEL, d, l, (int64_t)1);
	store_put(b, STORE_PRIVATE_PUT, d, l, empty, none);
	store_put(b, STORE_VCARD_PUT, d, l, k);
	store_put(b, STORE_ROOM_PUT, d, l, (int64_t)9, k, empty, none, (int64_t)8);
	store_put(b, STORE_ROOM_DEL, d, l);
	store_put(b, STORE_AFFILIATION_PUT, d, l, STR("x@y"), (int64_t)4, none);
	store_put(b, STORE_ROOM_NICK_PUT, d, l, STR("x@y"), none);
	store_put(b, STORE_HAT_PUT, d, l, empty, STR("urn:hat"), STR("Hat"), none);
	store_put(b, STORE_INVITED_PUT, d, l, (int64_t)-7, (int64_t)8);
	store_put(b, STORE_INVITED_DEL, d, l, (int64_t)-7, (int64_t)8);
	store_put(b, STORE_SUBSCRIBER_PUT, d, l, STR("x@y"), none, (int64_t)3);
	store_put(b, STORE_ROOM_MOVED, d, l, (int64_t)9, STR("x@y"), STR("z@r"));
	store_put(b, STORE_ARCHIVE_ADD, d, l, (int64_t)4, STR("x@y"), none, k, empty, (int64_t)1);
	store_put(b, STORE_ARCHIVE_LIGHT, d, l, (int64_t)4);
	store_put(b, STORE_ARCHIVE_TRIM, d, l, (int64_t)100, (int64_t)4);
	store_put(b, STORE_ARCHIVE_REPLACE, d, l, (int64_t)4, k);
	store_put(b, STORE_ARCHIVE_PEER, d, l, STR("x@y"), STR("z@y"));
	store_put(b, STORE_ARCHIVE_EXPIRE, d, (int64_t)4);
	store_put(b, STORE_ROOM_LOG, d, l, (int64_t)4, STR("bob"), none, k);
	store_put(b, STORE_ROOM_LOG_DAY, d, l, (int64_t)4, none, k);
	store_put(b, STORE_ROOM_LOG_EXPIRE, d, (int64_t)4);
	store_put(b, STORE_ROOM_UNLOG, d, l, (int64_t)4, STR("bob"), k);
	store_put(b, STORE_TRANSIT_ADD, d, l, (int64_t)1, (int64_t)2, k);
	store_put(b, STORE_TRANSIT_DEL, d, l, (int64_t)1);
	store_put(b, STORE_DELIVERED_PUT, d, l, (int64_t)1, STR("[2]"));
	store_put(b, STORE_TRANSIT_RECOVER, d, l, (int64_t)1, (int64_t)2);
	store_put(b, STORE_PEER_PUT, d, l, STR("bob"), none, empty, k, (int64_t)1, empty, (int64_t)2, (int64_t)3,
		(int64_t)4, (int64_t)5, (int64_t)6);
	store_put(b, STORE_PEER_DEL, d, l);
	store_put(b, STORE_PEER_ADDRESS_PUT, d, l, STR("10.0.0.7:5298"), (int64_t)1, (int64_t)2);
	store_put(b, STORE_PEER_ADDRESS_DEL, d, l, STR("10.0.0.7:5298"));
	store_put(b, STORE_OUTBOX_ADD, d, l, (int64_t)1, (int64_t)2, k);
	store_put(b, STORE_OUTBOX_DEL, d, l, (int64_t)1);
	store_put(b, STORE_SEEN_ADD, d, l, (int64_t)1, (int64_t)-2, (int64_t)3);
}

static void test_batch_returns_what_was_put(void **state)
{
	char bytes[300];
	struct str k = s_of(bytes, sizeof(bytes), 3);
	struct store_batch *b = store_batch_new();
	struct store_value v[STORE_VALUES_MAX];
	enum store_write w, expected = 0;
	unsigned n;
	put_one_of_each(b, k);
	assert_int_equal(b->count, STORE_WRITE_COUNT);
	for (size_t pos = 0; store_batch_next(b, &pos, &w, v, &n); expected++) {
		const char *letters = store_write_letters(w);
		assert_int_equal(w, expected);
		assert_int_equal(n, strlen(letters));
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(v[i].is_int, letters[i] == 'i');
		assert_str(v[0].s, STR("d.example"));
		if (w != STORE_ARCHIVE_EXPIRE && w != STORE_ROOM_LOG_EXPIRE)
			assert_str(v[1].s, STR("lo"));
		if (w == STORE_ACCOUNT_PUT) {
			assert_int_equal(v[2].i, -1);
			assert_str(v[3].s, k);
			assert_str(v[4].s, STR_NONE);
		} else if (w == STORE_ROSTER_PUT) {
			assert_str(v[3].s, STR_NONE);
			assert_int_equal(v[6].i, 3);
			assert_str(v[7].s, STR("a\nb"));
			assert_true(v[8].i == INT64_MAX);
		} else if (w == STORE_ROSTER_DEL) {
			assert_true(v[3].i == INT64_MIN);
		} else if (w == STORE_PRIVATE_PUT) {
			assert_str(v[2].s, STR("")); /* empty is not null */
			assert_str(v[3].s, STR_NONE);
		} else if (w == STORE_ROOM_PUT) {
			assert_str(v[4].s, STR(""));
			assert_str(v[5].s, STR_NONE);
			assert_int_equal(v[6].i, 8);
		}
	}
	assert_int_equal(expected, STORE_WRITE_COUNT);
	store_batch_free(&b);
	assert_null(b);
	store_batch_free(&b);
}

static void test_batch_random_values(void **state)
{
	enum { ROUNDS = 3000 };
	char bytes[200];
	struct store_batch *b = store_batch_new();
	struct store_value v[STORE_VALUES_MAX];
	enum store_write w;
	unsigned n;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct str s = s_of(bytes, i % sizeof(bytes), i);
		store_put(b, STORE_OFFLINE_ADD, s, i % 3 ? s : STR_NONE, (int64_t)i * 0x123456789, -(int64_t)i, s);
	}
	size_t pos = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct str s = s_of(bytes, i % sizeof(bytes), i);
		assert_true(store_batch_next(b, &pos, &w, v, &n));
		assert_int_equal(w, STORE_OFFLINE_ADD);
		assert_str(v[0].s, s);
		assert_str(v[1].s, i % 3 ? s : STR_NONE);
		assert_true(v[2].i == (int64_t)i * 0x123456789 && v[3].i == -(int64_t)i);
		assert_str(v[4].s, s);
	}
	assert_false(store_batch_next(b, &pos, &w, v, &n));
	store_batch_free(&b);
}

/* A write that passes the limit is left out whole, and the batch says that it failed. */
static void test_batch_limit(void **state)
{
	enum { BIG = 10 << 20 };
	struct store_batch *b = store_batch_new();
	struct store_value v[STORE_VALUES_MAX];
	enum store_write w;
	unsigned n, count = 0;
	char *p = xcalloc(1, BIG);
	for (unsigned i = 0; i < 8; i++)
		store_put(b, STORE_VCARD_PUT, STR("d"), STR("l"), (struct str){p, BIG});
	assert_false(buf_ok(&b->bytes));
	assert_int_equal(b->count, 6);
	for (size_t pos = 0; store_batch_next(b, &pos, &w, v, &n);)
		count++;
	assert_int_equal(count, 6);
	xfree(p);
	store_batch_free(&b);
}

static void test_query_values_outlive_the_arguments(void **state)
{
	char d[] = "d.example", l[] = "local", k[] = "k\0k";
	struct store_query *q = store_query_new(STORE_PRIVATE_GET, 77, str_z(d), str_z(l), (struct str){k, 3});
	memset(d, 'x', sizeof(d));
	memset(k, 'x', sizeof(k));
	assert_int_equal(q->read, STORE_PRIVATE_GET);
	assert_int_equal(q->tag, 77);
	assert_int_equal(q->n, 3);
	assert_str(q->values[0].s, STR("d.example"));
	assert_str(q->values[1].s, STR("local"));
	assert_str(q->values[2].s, STR("k\0k"));
	store_query_free(&q);
	assert_null(q);
	store_query_free(&q);

	q = store_query_new(STORE_ACCOUNT_LIST, 1, STR_NONE);
	assert_int_equal(q->n, 1);
	assert_str(q->values[0].s, STR_NONE);
	store_query_free(&q);
}

static void test_rows_return_what_was_added(void **state)
{
	struct store_rows *r = store_rows_new(STORE_ROOM_LOAD, 5);
	struct store_value in[STORE_VALUES_MAX], out[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n, seen = 0;
	for (unsigned k = ROW_ACCOUNT; k <= ROW_HISTORY; k++) {
		const char *letters = store_row_letters(k);
		for (unsigned i = 0; letters[i]; i++)
			in[i] = letters[i] == 'i' ? (struct store_value){.is_int = true, .i = k * 10 + i}
						  : (struct store_value){.s = i % 2 ? STR_NONE : STR("text")};
		store_rows_add(r, k, in, (unsigned)strlen(letters));
	}
	assert_int_equal(r->error, 0);
	for (size_t pos = 0; store_rows_next(r, &pos, &kind, out, &n); seen++) {
		const char *letters = store_row_letters(kind);
		assert_int_equal(kind, seen);
		assert_int_equal(n, strlen(letters));
		for (unsigned i = 0; i < n; i++)
			if (letters[i] == 'i')
				assert_int_equal(out[i].i, kind * 10 + i);
			else
				assert_str(out[i].s, i % 2 ? STR_NONE : STR("text"));
	}
	assert_int_equal(seen, ROW_HISTORY + 1);
	store_rows_free(&r);
	assert_null(r);
	store_rows_free(&r);
}

/* --- bytes that no store_put() wrote: the reader stops the program, it never reads past the end --- */

static void read_all(const char *p, size_t n)
{
	struct store_batch *b = store_batch_new();
	struct store_value v[STORE_VALUES_MAX];
	enum store_write w;
	unsigned count;
	buf_add(&b->bytes, p, n);
	for (size_t pos = 0; store_batch_next(b, &pos, &w, v, &count);)
		for (unsigned i = 0; i < count; i++)
			if (!v[i].is_int && v[i].s.n)
				(void)*(volatile const char *)&v[i].s.p[v[i].s.n - 1];
	store_batch_free(&b);
}

static bool dies(const char *p, size_t n)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		read_all(p, n);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* An abort is right; a sanitizer's exit status or another signal is not. */
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void test_cut_bytes_abort(void **state)
{
	struct store_batch *b = store_batch_new();
	store_put(b, STORE_OFFLINE_ADD, STR("d.example"), STR("lo"), (int64_t)1, (int64_t)2, STR("<message/>"));
	char *copy = xmemdup(b->bytes.p, b->bytes.n);
	for (size_t n = 1; n < b->bytes.n; n++)
		assert_true(dies(copy, n));
	assert_false(dies(copy, b->bytes.n));
	copy[0] = STORE_WRITE_COUNT; /* no such write */
	assert_true(dies(copy, b->bytes.n));
	copy[0] = STORE_OFFLINE_ADD;
	copy[1] = (char)0xfe; /* a length that ends far behind */
	copy[2] = copy[3] = copy[4] = (char)0xff;
	assert_true(dies(copy, b->bytes.n));
	xfree(copy);
	store_batch_free(&b);
}

/* --- keys --- */

static struct scram_keys some_keys(enum hash_kind kind)
{
	struct scram_keys k = {.kind = kind, .iterations = 0x012345, .salt_len = 16};
	memset(k.salt, 0x5a, k.salt_len);
	memset(k.stored, 0xa5, hash_size(kind));
	memset(k.server, 0x3c, hash_size(kind));
	return k;
}

static void test_keys_round_trip(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct scram_keys k = some_keys(i ? HASH_SHA256 : HASH_SHA1), got;
		struct buf out;
		buf_init(&out, 1000);
		store_keys_pack(&out, &k);
		assert_int_equal(out.n, 7 + 16 + 2 * hash_size(k.kind));
		memset(&got, 0xee, sizeof(got));
		assert_int_equal(store_keys_unpack(buf_view(&out), &got), 0);
		assert_int_equal(got.kind, k.kind);
		assert_int_equal(got.iterations, k.iterations);
		assert_int_equal(got.salt_len, k.salt_len);
		assert_memory_equal(got.salt, k.salt, k.salt_len);
		assert_memory_equal(got.stored, k.stored, hash_size(k.kind));
		assert_memory_equal(got.server, k.server, hash_size(k.kind));
		buf_clear(&out);
	}
}

/* These bytes are on people's disks: they stay as they are. */
static void test_keys_format_is_fixed(void **state)
{
	static const uint8_t want[] = {1, 0, 0x00, 0x00, 0x27, 0x10, 2, 's', 't', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
	struct scram_keys k = {.kind = HASH_SHA1, .iterations = 10000, .salt_len = 2, .salt = "st"};
	struct buf out;
	memset(k.stored, 1, 20);
	memset(k.server, 2, 20);
	buf_init(&out, 1000);
	store_keys_pack(&out, &k);
	assert_int_equal(out.n, sizeof(want));
	assert_memory_equal(out.p, want, sizeof(want));
	buf_clear(&out);
}

static void test_keys_refused(void **state)
{
	struct scram_keys k = some_keys(HASH_SHA256), got, before;
	struct buf out;
	buf_init(&out, 1000);
	store_keys_pack(&out, &k);
	memset(&got, 0xee, sizeof(got));
	before = got;
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(store_keys_unpack((struct str){out.p, n}, &got), ERR_SYNTAX);
	assert_int_equal(store_keys_unpack(STR_NONE, &got), ERR_SYNTAX);
	buf_char(&out, 'x');
	assert_int_equal(store_keys_unpack(buf_view(&out), &got), ERR_SYNTAX);
	buf_cut(&out, out.n - 1);
	static const struct {
		uint8_t at, value;
	} bad[] = {{0, 0}, {0, 2}, {1, 0}, {1, 2}, {1, 255}, {6, 15}, {6, 17}, {6, 33}, {6, 255}, {2, 255}};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char was = out.p[bad[i].at];
		out.p[bad[i].at] = (char)bad[i].value;
		assert_int_equal(store_keys_unpack(buf_view(&out), &got), ERR_SYNTAX);
		out.p[bad[i].at] = was;
	}
	memset(out.p + 2, 0, 4); /* no iterations */
	assert_int_equal(store_keys_unpack(buf_view(&out), &got), ERR_SYNTAX);
	assert_memory_equal(&got, &before, sizeof(got));
	buf_clear(&out);
}

static void test_tables_are_whole(void **state)
{
	for (unsigned w = 0; w < STORE_WRITE_COUNT; w++) {
		assert_true(strlen(store_write_letters(w)) <= STORE_VALUES_MAX);
		assert_memory_equal(store_write_letters(w), "ss",
			w == STORE_ARCHIVE_EXPIRE || w == STORE_ROOM_LOG_EXPIRE ? 1 : 2);
		assert_true(strlen(store_write_name(w)) > 0);
		for (unsigned v = 0; v < w; v++)
			assert_string_not_equal(store_write_name(w), store_write_name(v));
	}
	for (unsigned r = 0; r < STORE_READ_COUNT; r++)
		assert_in_range(strlen(store_read_letters(r)), 1, STORE_VALUES_MAX);
	for (unsigned r = 0; r <= ROW_ARCHIVE_ENDS; r++)
		assert_in_range(strlen(store_row_letters(r)), 1, STORE_VALUES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_returns_what_was_put),
		cmocka_unit_test(test_batch_random_values),
		cmocka_unit_test(test_batch_limit),
		cmocka_unit_test(test_query_values_outlive_the_arguments),
		cmocka_unit_test(test_rows_return_what_was_added),
		cmocka_unit_test(test_cut_bytes_abort),
		cmocka_unit_test(test_keys_round_trip),
		cmocka_unit_test(test_keys_format_is_fixed),
		cmocka_unit_test(test_keys_refused),
		cmocka_unit_test(test_tables_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
