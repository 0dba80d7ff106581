/* The storage thread: takes batches and queries, answers through a queue. SQLite in WAL mode with one
 * writer (group commit: all batches waiting are one transaction) and one reader connection.
 *
 * Invariants: 1. COMMITTED(n) is sent only after everything up to batch n is synced. 2. A failed
 * transaction keeps its batches, in order, and is tried again (after 100 ms, doubling to 5 s); the core
 * hears STORE_STATE(failing) once, and STORE_STATE(ok) before the next COMMITTED. 3. Queries see all
 * batches that were put before them, and none put after. 4. No query waits for a failing store: where that
 * view cannot be had, it is answered with the error. One COMMITTED, with the highest number, is sent for
 * all batches of a transaction. */
#ifndef DB_DB_H
#define DB_DB_H

#include "gate/queue.h"

struct db;

/* Opens or makes DIR/wireside.db (folder 0700, file 0600), migrates the schema. ERR_VERSION: made by a newer
 * program; ERR_BUSY: another process has it; ERR_INVALID: damaged, or no store of ours; ERR_FULL; ERR_IO;
 * why gets one line. dir NULL: in memory, for tests. */
int db_open(const char *dir, struct db **ret, struct buf *why);
/* The same with another VFS of SQLite, for tests and simulation (NULL: the default one, and then the file is made
 * with mode 0600 before SQLite sees it). Folder and lock are always real. */
int db_open_vfs(const char *dir, const char *vfs, struct db **ret, struct buf *why);
/* Where the public logs of rooms go (STORE_ROOM_LOG), a folder; made if it is not there. Before db_start(). Without this they go
 * nowhere. What is written there was committed; a folder that cannot be written loses lines, and no more. */
void db_set_logs(struct db *db, const char *dir);
void db_close(struct db **db); /* stops the thread after committing what waits (gives up after 5 s) */

/* Starts the thread; answers go to `answers`, which must live until db_close(). Without this, db_step() does
 * the work (tests, simulation, administration of a stopped server). */
void db_start(struct db *db, struct queue *answers);
/* Hands over messages (MSG_STORE_BATCH, MSG_STORE_ASK). With a thread: returns at once. */
void db_put(struct db *db, struct msgs *batch);
/* Without a thread: does all that was put and appends the answers. One try; after a failure the next call is the
 * next one. */
void db_step(struct db *db, struct msgs *answers);

/* A consistent copy of the whole store into a new file while running (SQLite's backup interface), mode
 * 0600. Own connection, own thread welcome, any process. Grows as FILE.part. ERR_EXISTS (also FILE.part),
 * ERR_NOTFOUND: no store; ERR_FULL. progress may be NULL; it counts pages. */
int db_backup(const char *dir, const char *file, void (*progress)(void *arg, int done, int total), void *arg,
	struct buf *why);
/* Integrity, version, sizes for `wireside check`: text lines appended. The store may be in use.
 * ERR_INVALID if damaged, ERR_VERSION, ERR_NOTFOUND. */
int db_check(const char *dir, struct buf *report);

#endif
