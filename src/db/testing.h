/* What the tests of db/ share: a folder that goes away, a store in it, batches and queries in one line. */
#ifndef DB_TESTING_H
#define DB_TESTING_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db_i.h"

#define UNUSED __attribute__((unused))

struct rig {
	char dir[64]; /* exists until rig_clear() */
	struct db *db;
	struct msgs in, out;
	struct buf why;
};

static UNUSED void drop_line(enum log_level level, const char *line) {}

static UNUSED void rig_init(struct rig *r)
{
	const char *tmp = getenv("TMPDIR");
	*r = (struct rig){0};
	snprintf(r->dir, sizeof(r->dir), "%.40s/ws-db-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(r->dir));
	buf_init(&r->why, 1000);
	log_set_sink(drop_line);
}

static UNUSED void rig_clear(struct rig *r)
{
	char path[400];
	struct dirent *e;
	db_close(&r->db);
	msgs_clear(&r->in);
	msgs_clear(&r->out);
	buf_clear(&r->why);
	DIR *d = opendir(r->dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", r->dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(r->dir);
}

static UNUSED const char *rig_path(struct rig *r, const char *file)
{
	static char path[400];
	snprintf(path, sizeof(path), "%s/%s", r->dir, file);
	return path;
}

static UNUSED void add_batch(struct msgs *to, uint64_t number, struct store_batch *b)
{
	struct msg *m = msgs_add(to);
	m->kind = MSG_STORE_BATCH;
	b->number = number;
	m->store_batch.batch = b;
}

static UNUSED void add_query(struct msgs *to, struct store_query *q)
{
	struct msg *m = msgs_add(to);
	m->kind = MSG_STORE_ASK;
	m->store_ask.query = q;
}

/* Everything that queries can see of these accounts and rooms, as text: two stores are equal when this is. */
static UNUSED void rows_print(struct buf *out, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n;
	buf_fmt(out, "[%d tag %d error %d]\n", rows->read, (int)rows->tag, rows->error);
	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);) {
		buf_fmt(out, "%d", kind);
		for (unsigned i = 0; i < n; i++)
			if (v[i].is_int)
				buf_fmt(out, " %lld", (long long)v[i].i);
			else if (!v[i].s.p)
				buf_z(out, " null");
			else {
				buf_z(out, " '");
				buf_str(out, v[i].s);
				buf_char(out, '\'');
			}
		buf_char(out, '\n');
	}
}

/* Answers of one step, in order, as text. */
static UNUSED void answers_print(struct buf *out, const struct msgs *answers)
{
	for (uint32_t i = 0; i < answers->n; i++) {
		const struct msg *m = &answers->m[i];
		if (m->kind == MSG_STORE_ANSWER)
			rows_print(out, m->store_answer.rows);
		else if (m->kind == MSG_STORE_COMMITTED)
			buf_fmt(out, "committed %d\n", (int)m->committed.number);
		else if (m->kind == MSG_STORE_STATE)
			buf_fmt(out, "state %s %d\n", m->store_state.failing ? "failing" : "ok", m->store_state.error);
		else
			buf_fmt(out, "message of kind %d\n", m->kind);
	}
}

/* Puts what was added to r->in, takes one step, compares. */
static UNUSED void rig_expect(struct rig *r, const char *want)
{
	struct buf got;
	buf_init(&got, 1 << 20);
	db_put(r->db, &r->in);
	assert_int_equal(r->in.n, 0);
	db_step(r->db, &r->out);
	answers_print(&got, &r->out);
	msgs_clear(&r->out);
	assert_string_equal(buf_cstr(&got), want);
	buf_clear(&got);
}

static UNUSED void rig_open(struct rig *r)
{
	int rc = db_open(r->dir, &r->db, &r->why);
	if (rc)
		print_error("%s\n", buf_cstr(&r->why));
	assert_int_equal(rc, 0);
}

/* A process that knows nothing of our open store, as SQLite demands: it is made before the store is opened, and
 * does its work when told. */
struct other {
	pid_t pid;
	int go;
};

static UNUSED struct other other_new(int (*work)(void *arg), void *arg)
{
	int pipe_[2];
	char c;
	assert_int_equal(pipe(pipe_), 0);
	struct other o = {.pid = fork(), .go = pipe_[1]};
	if (o.pid == 0) {
		close(pipe_[1]);
		_exit(read(pipe_[0], &c, 1) == 1 ? work(arg) : 99);
	}
	close(pipe_[0]);
	return o;
}

static UNUSED void other_go(const struct other *o) { assert_int_equal(write(o->go, "g", 1), 1); }

static UNUSED void other_expect(const struct other *o, int status)
{
	int got;
	assert_int_equal(waitpid(o->pid, &got, 0), o->pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	close(o->go);
}

#define BATCH(...) \
	({ \
		struct store_batch *b_ = store_batch_new(); \
		store_put(b_, __VA_ARGS__); \
		b_; \
	})

#endif
