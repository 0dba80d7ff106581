/* Private to db/. `struct sql` is one connection with its prepared statements: it knows SQL and nothing of
 * messages, threads or retries. One thread at a time. */
#ifndef DB_DB_I_H
#define DB_DB_I_H

#include "base/buf.h"
#include "db/db.h"
#include "store/store.h"

struct sqlite3;
struct sql;

#define DB_FILE "wireside.db"
#define DB_LOCK "wireside.lock"
enum { DB_OPEN_PATIENCE = 2000, DB_THREAD_PATIENCE = 250 }; /* milliseconds to wait for another's lock */

/* Batches put and not committed; without a thread. */
uint32_t db_waiting(const struct db *db);
struct sql *db_writer(struct db *db); /* for tests */

/* What a SQLite result means to us. ERR_INVALID: the file is damaged or no database. */
int sql_error(struct sqlite3 *h, int rc);

/* The writer sets the file up: format, schema. path NULL: in memory. */
int sql_open_writer(const char *path, const char *vfs, struct sql **ret, struct buf *why);
int sql_open_reader(const char *path, const char *vfs, struct sql **ret, struct buf *why);
void sql_close(struct sql **s);
void sql_set_patience(struct sql *s, int ms); /* 0: a lock held by another process fails at once */
struct sqlite3 *sql_handle(struct sql *s);
const char *sql_message(const struct sql *s); /* of the last failure; no data of users in it */

int sql_begin(struct sql *s);
/* All writes of one batch, inside a transaction. A write that can never succeed (null in a key) is logged and
 * left out: it must not hold up all the others for ever. On failure the transaction must be rolled back. */
int sql_apply(struct sql *s, const struct store_batch *b);
/* Never NULL; the error is inside. */
struct store_rows *sql_answer(struct sql *s, const struct store_query *q);
/* False when SQLite gave a transaction up by itself: what ran since then was not in it. */
bool sql_in_transaction(struct sql *s);
int sql_commit(struct sql *s);
void sql_rollback(struct sql *s);

/* Schema. Version n is reached by running steps[0..n-1]; the number is in the file's user_version, and its
 * application_id says that it is ours. */
enum { MIGRATE_APPLICATION = 0x57495245 }; /* "WIRE" */
extern const char *const migrate_steps[];
extern const int migrate_step_count;
/* ERR_VERSION: newer than count. ERR_INVALID: somebody else's file, or damaged. All steps are one transaction. */
int migrate_run(struct sqlite3 *h, const char *const *steps, int count, struct buf *why);
int migrate_check(struct sqlite3 *h, int count, int *ret_version,
	struct buf *why); /* the same errors; changes nothing */
/* One integer that a statement returns. */
int migrate_int(struct sqlite3 *h, const char *text, int64_t *ret);

/* Read-only connection to DIR/wireside.db, which may be in use. ERR_NOTFOUND. */
int check_open(const char *dir, struct sqlite3 **ret, struct buf *why);
/* SQLite's integrity check, one line each finding. ERR_INVALID if there are any. */
int check_integrity(struct sqlite3 *h, struct buf *report);

#endif
