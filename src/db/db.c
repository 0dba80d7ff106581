/* One attempt does all that waits: queries ahead of the first batch are answered by the reader, then all
 * batches go into one transaction of the writer, which also answers the queries among them, so that each query
 * sees exactly the batches put before it. Its answers leave after the commit, in their place.
 *
 * When it fails, the batches stay and the queries do not: those that ran inside the transaction are answered by
 * what they saw (memory is the truth, and the batches will be written), the others with the error. So nobody
 * waits for a broken disk. */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db_i.h"
#include "db/room_log.h"

enum { RETRY_MIN = 100, RETRY_MAX = 5000, CLOSE_PATIENCE = 5000, PATH_LIMIT = 4096 }; /* milliseconds, bytes */

struct db {
	struct sql *writer, *reader; /* the same for a store in memory */
	int lock;                    /* the locked file; -1: none */
	struct room_log *logs;       /* NULL: none */
	/* The worker's: the thread's, or whoever's that calls db_step(). */
	struct msgs work; /* batches not committed, queries not answered, in order */
	bool failing;
	int64_t tried; /* last failed attempt */
	int64_t delay; /* before the next */
	struct queue *answers;
	/* Shared, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct msgs inbox;
	bool asked; /* the inbox has a query */
	bool stop;
	int64_t give_up; /* when stopping: do not try any longer */
	bool threaded;
	pthread_t thread;
};

/* --- one attempt --- */

static void answer(struct msg *m, struct store_rows *rows)
{
	store_query_free(&m->store_ask.query);
	m->kind = MSG_STORE_ANSWER;
	m->store_answer.rows = rows;
}

static void answer_error(struct msg *m, int error)
{
	struct store_rows *rows = store_rows_new(m->store_ask.query->read, m->store_ask.query->tag);
	rows->error = error;
	answer(m, rows);
}

static void move(struct msg *m, struct msgs *to)
{
	*msgs_add(to) = *m;
	*m = (struct msg){.kind = MSG_NONE};
}

static void answer_ahead(struct db *db, struct msgs *out)
{
	struct msgs *w = &db->work;
	uint32_t n = 0;
	for (; n < w->n && w->m[n].kind == MSG_STORE_ASK; n++) {
		answer(&w->m[n], sql_answer(db->reader, w->m[n].store_ask.query));
		move(&w->m[n], out);
	}
	if (n > 0)
		memmove(w->m, w->m + n, (w->n - n) * sizeof(*w->m));
	w->n -= n;
}

static int run_one(struct db *db, struct msg *m)
{
	if (m->kind == MSG_STORE_BATCH)
		return sql_apply(db->writer, m->store_batch.batch);
	answer(m, sql_answer(db->writer, m->store_ask.query));
	/* After some errors the transaction is gone; going on would write outside of any. */
	if (sql_in_transaction(db->writer))
		return 0;
	int error = m->store_answer.rows->error;
	return error ? error : ERR_IO;
}

static int run_all(struct db *db)
{
	int r = sql_begin(db->writer);
	if (r)
		return r;
	for (uint32_t i = 0; i < db->work.n && r == 0; i++)
		r = run_one(db, &db->work.m[i]);
	if (r == 0)
		r = sql_commit(db->writer);
	if (r)
		sql_rollback(db->writer);
	return r;
}

static void put_state(struct db *db, bool failing, int error, struct msgs *out)
{
	db->failing = failing;
	struct msg *m = msgs_add(out);
	m->kind = MSG_STORE_STATE;
	m->store_state.failing = failing;
	m->store_state.error = error;
}

static void on_success(struct db *db, struct msgs *out)
{
	struct msgs *w = &db->work;
	uint32_t last = w->n; /* the last batch: its number stands for all */
	while (w->m[last - 1].kind != MSG_STORE_BATCH)
		last--;
	if (db->failing) {
		put_state(db, false, 0, out);
		log_info("store_ok", "committed=%llu", (unsigned long long)w->m[last - 1].store_batch.batch->number);
	}
	for (uint32_t i = 0; i < w->n; i++) {
		if (i + 1 == last) {
			struct msg *m = msgs_add(out);
			m->kind = MSG_STORE_COMMITTED;
			m->committed.number = w->m[i].store_batch.batch->number;
		}
		if (w->m[i].kind == MSG_STORE_BATCH) {
			room_log_batch(db->logs, w->m[i].store_batch.batch);
			msg_clear(&w->m[i]);
		} else {
			move(&w->m[i], out);
		}
	}
	room_log_rest(db->logs);
	w->n = 0;
}

static void on_failure(struct db *db, int error, struct msgs *out)
{
	struct msgs *w = &db->work;
	if (!db->failing) {
		put_state(db, true, error == ERR_FULL || error == ERR_BUSY ? error : ERR_IO, out);
		db->delay = RETRY_MIN;
		log_error("store_failing", "error=\"%s\" detail=\"%s\"", err_name(error), sql_message(db->writer));
	} else {
		db->delay = 2 * db->delay < RETRY_MAX ? 2 * db->delay : RETRY_MAX;
	}
	db->tried = clock_mono();
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->m[i].kind == MSG_STORE_ASK)
			answer_error(&w->m[i], error);
		if (w->m[i].kind == MSG_STORE_BATCH)
			w->m[kept++] = w->m[i];
		else
			move(&w->m[i], out);
	}
	w->n = kept;
}

static void commit_all(struct db *db, struct msgs *out)
{
	if (db->work.n == 0)
		return;
	int r = run_all(db);
	if (r)
		on_failure(db, r, out);
	else
		on_success(db, out);
}

/* --- handing over --- */

static void append(struct msgs *to, struct msgs *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		*msgs_add(to) = from->m[i];
	from->n = 0;
}

void db_put(struct db *db, struct msgs *batch)
{
	pthread_mutex_lock(&db->mutex);
	for (uint32_t i = 0; i < batch->n; i++) {
		const struct msg *m = &batch->m[i];
		must(m->kind == MSG_STORE_ASK || m->kind == MSG_STORE_BATCH);
		/* A batch that lost a write to its limit is not what the core believes to be stored. */
		must(m->kind != MSG_STORE_BATCH || buf_ok(&m->store_batch.batch->bytes));
		db->asked |= m->kind == MSG_STORE_ASK;
	}
	append(&db->inbox, batch);
	pthread_cond_signal(&db->cond);
	pthread_mutex_unlock(&db->mutex);
}

static void take_inbox(struct db *db)
{
	append(&db->work, &db->inbox);
	db->asked = false;
}

void db_step(struct db *db, struct msgs *answers)
{
	must(!db->threaded);
	pthread_mutex_lock(&db->mutex);
	take_inbox(db);
	pthread_mutex_unlock(&db->mutex);
	answer_ahead(db, answers);
	commit_all(db, answers);
}

/* --- the thread --- */

/* When there will be something to do: a time in the past for now, INT64_MAX for when woken. Queries do not
 * wait for the longer delays of a failing store, only for the shortest. */
static int64_t due(const struct db *db)
{
	if (db->failing)
		return db->tried + (db->asked || db->stop ? RETRY_MIN : db->delay);
	return db->inbox.n > 0 ? 0 : INT64_MAX;
}

static void wait_until(struct db *db, int64_t at)
{
	if (at == INT64_MAX) {
		pthread_cond_wait(&db->cond, &db->mutex);
		return;
	}
	struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
	pthread_cond_timedwait(&db->cond, &db->mutex, &ts); /* monotonic, see sync_init() */
}

/* Takes the inbox when it is time. False: stop. */
static bool wait_for_work(struct db *db)
{
	bool go = true;
	pthread_mutex_lock(&db->mutex);
	for (;;) {
		int64_t at = due(db), now = clock_mono();
		if (db->stop && (at == INT64_MAX || now >= db->give_up)) {
			go = false;
			break;
		}
		if (at <= now)
			break;
		wait_until(db, at);
	}
	take_inbox(db);
	pthread_mutex_unlock(&db->mutex);
	return go;
}

static void send(struct db *db, struct msgs *out)
{
	if (out->n > 0)
		queue_put(db->answers, out);
}

static void *thread_main(void *arg)
{
	struct db *db = arg;
	struct msgs out = {0};
	while (wait_for_work(db)) {
		answer_ahead(db, &out);
		send(db, &out); /* not after the sync */
		commit_all(db, &out);
		send(db, &out);
	}
	msgs_clear(&out);
	return NULL;
}

void db_start(struct db *db, struct queue *answers)
{
	sigset_t all, before;
	must(!db->threaded);
	db->answers = answers;
	db->threaded = true;
	sql_set_patience(db->writer, DB_THREAD_PATIENCE);
	sql_set_patience(db->reader, DB_THREAD_PATIENCE);
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&db->thread, NULL, thread_main, db);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	must(rc == 0);
}

/* --- opening and closing --- */

static void sync_init(struct db *db)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&db->cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&db->mutex, NULL);
}

static int system_failed(const char *path, struct buf *why)
{
	int e = errno;
	buf_fmt(why, "%s: %s", path, strerror(e));
	return e == ENOSPC || e == EDQUOT ? ERR_FULL : ERR_IO;
}

/* With the folders above it. */
static int make_folder(const char *dir, struct buf *why)
{
	char path[PATH_LIMIT];
	int n = snprintf(path, sizeof(path), "%s", dir);
	if (n <= 0 || n >= (int)sizeof(path) - (int)sizeof("/" DB_FILE "-journal")) {
		buf_z(why, "the name of the data folder is empty or too long");
		return ERR_LIMIT;
	}
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0700); /* the last one tells */
		*p = '/';
	}
	struct stat st;
	if (mkdir(path, 0700) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return 0;
	return system_failed(path, why);
}

static int lock_take(const char *dir, int *ret, struct buf *why)
{
	char path[PATH_LIMIT], pid[16] = "";
	snprintf(path, sizeof(path), "%s/%s", dir, DB_LOCK);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return system_failed(path, why);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = errno == EWOULDBLOCK ? pread(fd, pid, sizeof(pid) - 1, 0) : 0;
		buf_fmt(why, "%s is in use by another process%s%.*s", dir, n > 0 ? ", number " : "",
			(int)strcspn(pid, " \n"), pid);
		close(fd);
		return ERR_BUSY;
	}
	/* The number is for people only; a full disk must not keep us from starting. Of fixed length, so that
	 * nothing needs to be cut off. */
	int n = snprintf(pid, sizeof(pid), "%-10d\n", (int)getpid());
	if (pwrite(fd, pid, (size_t)n, 0) < 0)
		log_warn("store_lock", "file=%s why=\"%s\"", path, strerror(errno));
	*ret = fd;
	return 0;
}

/* SQLite gives its other files the mode of this one. An old file is not opened here: closing any descriptor of
 * it would drop the locks that SQLite may hold in this process, for a backup. */
static int make_file(const char *path, struct buf *why)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST || stat(path, &st) < 0)
		return system_failed(path, why);
	if ((st.st_mode & 077) != 0 && chmod(path, 0600) < 0)
		return system_failed(path, why);
	return 0;
}

static int open_files(struct db *db, const char *dir, const char *vfs, struct buf *why)
{
	char path[PATH_LIMIT];
	int r = make_folder(dir, why);
	if (r == 0)
		r = lock_take(dir, &db->lock, why);
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/%s", dir, DB_FILE);
	if (!vfs)
		r = make_file(path, why);
	if (r == 0)
		r = sql_open_writer(path, vfs, &db->writer, why);
	if (r == 0)
		r = sql_open_reader(path, vfs, &db->reader, why);
	return r;
}

static void destroy(struct db **d)
{
	struct db *db = TAKE(*d);
	if (db->reader != db->writer)
		sql_close(&db->reader);
	sql_close(&db->writer); /* last, because it may write: this is when the log goes into the file */
	room_log_free(&db->logs);
	msgs_clear(&db->work);
	msgs_clear(&db->inbox);
	pthread_cond_destroy(&db->cond);
	pthread_mutex_destroy(&db->mutex);
	if (db->lock >= 0)
		close(db->lock);
	xfree(db);
}

int db_open_vfs(const char *dir, const char *vfs, struct db **ret, struct buf *why)
{
	struct db *db = xcalloc(1, sizeof(*db));
	int r;
	db->lock = -1;
	sync_init(db);
	if (dir) {
		r = open_files(db, dir, vfs, why);
	} else {
		r = sql_open_writer(NULL, NULL, &db->writer, why);
		db->reader = db->writer;
	}
	if (r) {
		destroy(&db);
		return r;
	}
	sql_set_patience(db->writer, 0);
	sql_set_patience(db->reader, 0);
	*ret = db;
	return 0;
}

int db_open(const char *dir, struct db **ret, struct buf *why) { return db_open_vfs(dir, NULL, ret, why); }

void db_set_logs(struct db *db, const char *dir)
{
	must(!db->threaded);
	room_log_free(&db->logs);
	db->logs = room_log_new(dir);
}

uint32_t db_waiting(const struct db *db)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < db->work.n + db->inbox.n; i++) {
		const struct msg *m = i < db->work.n ? &db->work.m[i] : &db->inbox.m[i - db->work.n];
		n += m->kind == MSG_STORE_BATCH;
	}
	return n;
}

struct sql *db_writer(struct db *db) { return db->writer; }

static void thread_stop(struct db *db)
{
	pthread_mutex_lock(&db->mutex);
	db->stop = true;
	db->give_up = clock_mono() + CLOSE_PATIENCE;
	pthread_cond_signal(&db->cond);
	pthread_mutex_unlock(&db->mutex);
	pthread_join(db->thread, NULL);
	db->threaded = false;
}

void db_close(struct db **d)
{
	struct db *db = *d;
	if (!db)
		return;
	if (db->threaded) {
		thread_stop(db);
	} else {
		struct msgs unread = {0};
		db_step(db, &unread);
		msgs_clear(&unread);
	}
	uint32_t lost = db_waiting(db);
	if (lost > 0)
		log_error("store_lost", "batches=%u", lost);
	destroy(d);
}
