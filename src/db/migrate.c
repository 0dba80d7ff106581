/* The schema and its history. A step that was in a release is never changed: a change is a new step.
 *
 * Every table is keyed by domain and local first. Tables of short rows have no rowid: one tree, in which all
 * of an account lies together. Tables with whole stanzas and documents in them have one: appending costs half
 * as much as splitting pages all over a tree of long rows (measured: 7 and 14 us of processor time a message,
 * a hundred in a commit). There are no foreign keys: a roster entry or a message may be there before its
 * account is, and deletion is spelled out in sqlite.c. */
#include <sqlite3.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db_i.h"

static const char version_1[] =
	"CREATE TABLE account (domain TEXT NOT NULL, local TEXT NOT NULL, created INTEGER NOT NULL,"
	" keys1 BLOB, keys256 BLOB,"
	/* highest ever used, also by what is deleted meanwhile */
	" roster_version INTEGER NOT NULL DEFAULT 0, offline_last INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (domain, local)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE roster (domain TEXT NOT NULL, local TEXT NOT NULL, contact TEXT NOT NULL, name TEXT,"
	" subscription INTEGER NOT NULL, ask INTEGER NOT NULL, approved INTEGER NOT NULL, groups TEXT,"
	" version INTEGER NOT NULL, PRIMARY KEY (domain, local, contact)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE request (domain TEXT NOT NULL, local TEXT NOT NULL, sender TEXT NOT NULL, stanza TEXT,"
	" PRIMARY KEY (domain, local, sender)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE offline (domain TEXT NOT NULL, local TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,"
	" stanza TEXT, PRIMARY KEY (domain, local, id)) STRICT;"
	"CREATE TABLE private (domain TEXT NOT NULL, local TEXT NOT NULL, key TEXT NOT NULL, xml TEXT NOT NULL,"
	" PRIMARY KEY (domain, local, key)) STRICT;"
	"CREATE TABLE vcard (domain TEXT NOT NULL, local TEXT NOT NULL, xml TEXT NOT NULL,"
	" PRIMARY KEY (domain, local)) STRICT;"
	"CREATE TABLE room (domain TEXT NOT NULL, local TEXT NOT NULL, created INTEGER NOT NULL, configuration TEXT,"
	" subject TEXT, subject_from TEXT, subject_time INTEGER NOT NULL,"
	" PRIMARY KEY (domain, local)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE affiliation (domain TEXT NOT NULL, local TEXT NOT NULL, jid TEXT NOT NULL,"
	" affiliation INTEGER NOT NULL, reason TEXT, PRIMARY KEY (domain, local, jid)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE history (domain TEXT NOT NULL, local TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,"
	" stanza TEXT, PRIMARY KEY (domain, local, id)) STRICT;";

/* The archive. One key that holds all that a page is looked for by, and none that is unique: the rows of an account are
 * then found and counted without reading the messages, and appended at the end of one tree. */
static const char version_2[] =
	"CREATE TABLE archive (domain TEXT NOT NULL, local TEXT NOT NULL, id INTEGER NOT NULL, peer TEXT NOT NULL,"
	" resource TEXT, stanza TEXT NOT NULL) STRICT;"
	"CREATE INDEX archive_key ON archive (domain, local, id, peer, resource);";

/* The peers of a node, what waits for them, and which of their messages are known already. */
static const char version_3[] =
	"CREATE TABLE peer (domain TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, user TEXT, instance TEXT, key BLOB,"
	" trust INTEGER NOT NULL, password BLOB, failures INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
	" created INTEGER NOT NULL, statement INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" PRIMARY KEY (domain, name)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE peer_address (domain TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL,"
	" source INTEGER NOT NULL, success INTEGER NOT NULL, PRIMARY KEY (domain, name, address)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE outbox (domain TEXT NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,"
	" stanza TEXT NOT NULL, PRIMARY KEY (domain, name, id)) STRICT;"
	"CREATE TABLE seen (domain TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, hash INTEGER NOT NULL,"
	" PRIMARY KEY (domain, name, number)) STRICT, WITHOUT ROWID;";

/* What is on its way to sessions, to be given to the next ones if this process dies: a mark in the archive, and up to where
 * the marks mean nothing any more; messages that are not in it. What is in an archive from before has arrived. */
static const char version_4[] =
	"ALTER TABLE archive ADD COLUMN open INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE transit (domain TEXT NOT NULL, local TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,"
	" stanza TEXT NOT NULL, PRIMARY KEY (domain, local, id)) STRICT;"
	"CREATE TABLE delivered (domain TEXT NOT NULL, local TEXT NOT NULL, upto INTEGER NOT NULL, open TEXT NOT NULL,"
	" PRIMARY KEY (domain, local)) STRICT, WITHOUT ROWID;"
	"INSERT INTO delivered SELECT domain, local, max(id), '[]' FROM archive GROUP BY domain, local;";

/* Nicknames that members of rooms have registered, and those that somebody asked for. */
static const char version_5[] =
	"CREATE TABLE room_nick (domain TEXT NOT NULL, local TEXT NOT NULL, jid TEXT NOT NULL, nick TEXT NOT NULL,"
	" PRIMARY KEY (domain, local, jid)) STRICT, WITHOUT ROWID;";

/* What was said in rooms is in the archive, too, once. */
static const char version_6[] = "ALTER TABLE archive ADD COLUMN sender TEXT;"
				"INSERT INTO archive (domain, local, id, peer, stanza)"
				" SELECT domain, local, id, '', stanza FROM history ORDER BY domain, local, id;"
				"DROP TABLE history;";

/* Hats of rooms (jid ''), and who wears them. */
static const char version_7[] =
	"CREATE TABLE room_hat (domain TEXT NOT NULL, local TEXT NOT NULL, jid TEXT NOT NULL, uri TEXT NOT NULL,"
	" title TEXT NOT NULL, hue TEXT, PRIMARY KEY (domain, local, jid, uri)) STRICT, WITHOUT ROWID;";

/* Invitations to rooms that may still be declined, and where rooms went that are no more. */
static const char version_8[] =
	"CREATE TABLE room_invited (domain TEXT NOT NULL, local TEXT NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL,"
	" PRIMARY KEY (domain, local, time, number)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE room_moved (domain TEXT NOT NULL, local TEXT NOT NULL, until INTEGER NOT NULL, ended_by TEXT NOT NULL,"
	" address TEXT NOT NULL, PRIMARY KEY (domain, local)) STRICT, WITHOUT ROWID;";

/* On which day somebody was last in a room was not noted before: it counts as used today. */
static const char version_9[] =
	"UPDATE room SET configuration = ifnull(configuration, '') || 'seen=' ||"
	" (CAST(strftime('%s', 'now') AS INTEGER) / 86400) || char(10)"
	" WHERE char(10) || ifnull(configuration, '') NOT GLOB '*' || char(10) || 'seen=[0-9]*';";

/* Who hears a room without being in it; found by the room, and by who it is. */
static const char version_10[] =
	"CREATE TABLE room_subscriber (domain TEXT NOT NULL, local TEXT NOT NULL, jid TEXT NOT NULL, nick TEXT NOT NULL,"
	" nodes INTEGER NOT NULL, PRIMARY KEY (domain, local, jid)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX room_subscriber_jid ON room_subscriber (jid, domain);";

/* Which messages of an archive do not count among the others: reactions to what was said do not push it out. */
static const char version_11[] =
	"CREATE TABLE archive_light (domain TEXT NOT NULL, local TEXT NOT NULL, id INTEGER NOT NULL,"
	" PRIMARY KEY (domain, local, id)) STRICT, WITHOUT ROWID;";

const char *const migrate_steps[] = {version_1, version_2, version_3, version_4, version_5, version_6, version_7,
	version_8, version_9, version_10, version_11};
const int migrate_step_count = ARRAY_LEN(migrate_steps);

int migrate_int(struct sqlite3 *h, const char *text, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(h, text, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : sql_error(h, rc);
}

int migrate_check(struct sqlite3 *h, int count, int *ret_version, struct buf *why)
{
	int64_t version, application, objects;
	int r = migrate_int(h, "PRAGMA user_version", &version);
	if (r == 0)
		r = migrate_int(h, "PRAGMA application_id", &application);
	if (r == 0)
		r = migrate_int(h, "SELECT count(*) FROM sqlite_schema", &objects);
	if (r) {
		buf_fmt(why, "%s: %s", DB_FILE, sqlite3_errmsg(h));
		return r;
	}
	bool empty = version == 0 && application == 0 && objects == 0;
	if (!empty && (application != MIGRATE_APPLICATION || version < 1)) {
		buf_fmt(why, "%s is a database, but not one of this program", DB_FILE);
		return ERR_INVALID;
	}
	if (version > count) {
		buf_fmt(why, "%s was made by a newer program (schema %lld, this program knows up to %d)", DB_FILE,
			(long long)version, count);
		return ERR_VERSION;
	}
	*ret_version = (int)version;
	return 0;
}

static int run_steps(struct sqlite3 *h, const char *const *steps, int from, int count)
{
	char mark[80];
	snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d", MIGRATE_APPLICATION, count);
	int rc = sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int i = from; i < count && rc == SQLITE_OK; i++)
		rc = sqlite3_exec(h, steps[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, mark, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int migrate_run(struct sqlite3 *h, const char *const *steps, int count, struct buf *why)
{
	int version;
	int r = migrate_check(h, count, &version, why);
	if (r || version == count)
		return r;
	int rc = run_steps(h, steps, version, count);
	if (rc == SQLITE_OK)
		return 0;
	r = sql_error(h, rc);
	buf_fmt(why, "%s: from schema %d to %d: %s", DB_FILE, version, count, sqlite3_errmsg(h));
	if (!sqlite3_get_autocommit(h))
		sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
