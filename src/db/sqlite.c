#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db_i.h"

enum { STEPS_MAX = 16, PARTS_MAX = 8, MESSAGE_MAX = 160 };

#define OF_OWNER " WHERE domain = ?1 AND local = ?2"

#define OF_PEER " WHERE domain = ?1 AND name = ?2"

#define PEER_COLUMNS "label, user, instance, key, trust, password, failures, last_seen, created, statement, flags"
#define WITH_PEER " AND (?5 IS NULL OR peer = ?5) AND (?6 IS NULL OR resource = ?6) AND (NOT ?13 OR open)"
#define ARCHIVE_PAGE \
	"SELECT id, stanza, peer, sender, open FROM archive" OF_OWNER \
	" AND id > ?7 AND id < ?8 AND id BETWEEN ?3 AND ?4" WITH_PEER
#define ARCHIVE_ENDS \
	"SELECT ifnull((SELECT min(id) FROM archive" OF_OWNER "), 0)," \
	" ifnull((SELECT max(id) FROM archive" OF_OWNER "), 0)"

#define LIGHT_COUNT "(SELECT count(*) FROM archive_light" OF_OWNER ")"
#define LIGHT_TOO_MANY "(SELECT id FROM archive_light" OF_OWNER " ORDER BY id DESC LIMIT 1 OFFSET ?3)"

/* In the archive, and on its way to a session when that was last written down. Two searches of one index, not an OR. */
#define ARCHIVE_OPEN \
	"SELECT id, stanza FROM archive" OF_OWNER " AND open AND id > ifnull((SELECT upto FROM delivered" OF_OWNER \
	"), 0)" \
	" UNION ALL SELECT id, stanza FROM archive" OF_OWNER \
	" AND id IN (SELECT value FROM json_each((SELECT open FROM delivered" OF_OWNER ")))"

#define ROOM_COLUMNS "created, configuration, subject, subject_from, subject_time"

/* Of whoever was called otherwise in the domain; nothing, and nothing is searched, if nobody was. */
#define HAS_OTHERS "EXISTS (SELECT 1 FROM account WHERE domain = ?1 AND local <> ?2)"
#define OF_OTHERS " WHERE " HAS_OTHERS " AND domain = ?1 AND local <> ?2"
#define SOLE_JID "?2 || '@' || ?1"
#define OTHER_JID(column) \
	" WHERE " HAS_OTHERS " AND domain = ?3 AND substr(" column ", instr(" column ", '@') + 1) = ?1 AND " column \
	" <> " SOLE_JID

/* What a write does, statement by statement; ?n is its n-th value. */
static const char *const write_sql[STORE_WRITE_COUNT][STEPS_MAX] = {
	[STORE_ACCOUNT_PUT] =
		{
			"INSERT INTO account (domain, local, created, keys1, keys256)"
			" VALUES (?1, ?2, ?3, CAST(?4 AS BLOB), CAST(?5 AS BLOB)) ON CONFLICT (domain, local) DO UPDATE"
			" SET created = excluded.created, keys1 = excluded.keys1, keys256 = excluded.keys256",
		},
	[STORE_ACCOUNT_DEL] =
		{
			"DELETE FROM account" OF_OWNER, "DELETE FROM roster" OF_OWNER, "DELETE FROM request" OF_OWNER,
			"DELETE FROM offline" OF_OWNER, "DELETE FROM private" OF_OWNER, "DELETE FROM vcard" OF_OWNER,
			"DELETE FROM archive" OF_OWNER, "DELETE FROM transit" OF_OWNER,
			"DELETE FROM delivered" OF_OWNER,
			"DELETE FROM room_subscriber WHERE jid = " SOLE_JID, /* whoever has the name after him did not ask */
		},
	/* Where both have something of the same name, that of the one who stays is kept; messages get numbers behind his. */
	[STORE_ACCOUNT_SOLE] =
		{
			"UPDATE OR REPLACE affiliation SET jid = " SOLE_JID OTHER_JID("jid"),
			"UPDATE OR IGNORE room_nick SET jid = " SOLE_JID OTHER_JID("jid"),
			"UPDATE OR IGNORE room_hat SET jid = " SOLE_JID OTHER_JID("jid"),
			"UPDATE OR IGNORE room_subscriber SET jid = " SOLE_JID OTHER_JID("jid"),
			"UPDATE archive SET peer = " SOLE_JID OTHER_JID("peer"),
			"UPDATE archive SET local = ?2" OF_OTHERS,
			"UPDATE OR IGNORE roster SET local = ?2" OF_OTHERS,
			"UPDATE OR IGNORE private SET local = ?2" OF_OTHERS,
			"UPDATE OR IGNORE vcard SET local = ?2" OF_OTHERS,
			"UPDATE OR IGNORE request SET local = ?2" OF_OTHERS,
			"UPDATE OR IGNORE offline SET local = ?2, id = id + ifnull((SELECT offline_last FROM account" OF_OWNER
			"), 0)" OF_OTHERS,
			"UPDATE OR IGNORE transit SET local = ?2, id = id + ifnull((SELECT max(id) FROM transit" OF_OWNER
			"), 0)" OF_OTHERS,
			"UPDATE OR IGNORE delivered SET local = ?2, upto = (SELECT max(upto) FROM delivered WHERE domain = ?1)" OF_OTHERS,
			"UPDATE OR IGNORE account SET local = ?2 WHERE domain = ?1 AND local <> ?2",
			"DELETE FROM account WHERE domain = ?1 AND local <> ?2",
			"UPDATE account SET offline_last = max(offline_last, ifnull((SELECT max(id) FROM offline" OF_OWNER
			"), 0))" OF_OWNER,
		},
	[STORE_ROSTER_PUT] =
		{
			"INSERT OR REPLACE INTO roster (domain, local, contact, name, subscription, ask, approved, groups, version)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			"UPDATE account SET roster_version = max(roster_version, ?9)" OF_OWNER,
		},
	[STORE_ROSTER_DEL] =
		{
			"DELETE FROM roster" OF_OWNER " AND contact = ?3",
			"UPDATE account SET roster_version = max(roster_version, ?4)" OF_OWNER,
		},
	[STORE_REQUEST_PUT] =
		{
			"INSERT OR REPLACE INTO request (domain, local, sender, stanza) VALUES (?1, ?2, ?3, ?4)",
		},
	[STORE_REQUEST_DEL] =
		{
			"DELETE FROM request" OF_OWNER " AND sender = ?3",
		},
	[STORE_OFFLINE_ADD] =
		{
			"INSERT OR REPLACE INTO offline (domain, local, id, time, stanza) VALUES (?1, ?2, ?3, ?4, ?5)",
			"UPDATE account SET offline_last = max(offline_last, ?3)" OF_OWNER,
		},
	[STORE_OFFLINE_DEL] =
		{
			"DELETE FROM offline" OF_OWNER " AND id <= ?3",
		},
	[STORE_PRIVATE_PUT] =
		{
			"DELETE FROM private" OF_OWNER " AND key = ?3 AND ?4 IS NULL",
			"INSERT OR REPLACE INTO private (domain, local, key, xml) SELECT ?1, ?2, ?3, ?4 WHERE ?4 IS NOT NULL",
		},
	[STORE_VCARD_PUT] =
		{
			"DELETE FROM vcard" OF_OWNER " AND ?3 IS NULL",
			"INSERT OR REPLACE INTO vcard (domain, local, xml) SELECT ?1, ?2, ?3 WHERE ?3 IS NOT NULL",
		},
	[STORE_ROOM_PUT] =
		{
			"INSERT OR REPLACE INTO room (domain, local, " ROOM_COLUMNS
			") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		},
	[STORE_ROOM_DEL] =
		{
			"DELETE FROM room" OF_OWNER,
			"DELETE FROM affiliation" OF_OWNER,
			"DELETE FROM room_nick" OF_OWNER,
			"DELETE FROM room_hat" OF_OWNER,
			"DELETE FROM room_invited" OF_OWNER,
			"DELETE FROM room_subscriber" OF_OWNER,
			"DELETE FROM vcard" OF_OWNER,
			"DELETE FROM archive" OF_OWNER,
			"DELETE FROM archive_light" OF_OWNER,
		},
	[STORE_AFFILIATION_PUT] =
		{
			"DELETE FROM affiliation" OF_OWNER " AND jid = ?3 AND ?4 = 0",
			"INSERT OR REPLACE INTO affiliation (domain, local, jid, affiliation, reason)"
			" SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?4 <> 0",
		},
	[STORE_ROOM_NICK_PUT] =
		{
			"DELETE FROM room_nick" OF_OWNER " AND jid = ?3 AND ?4 IS NULL",
			"INSERT OR REPLACE INTO room_nick (domain, local, jid, nick)"
			" SELECT ?1, ?2, ?3, ?4 WHERE ?4 IS NOT NULL",
		},
	[STORE_HAT_PUT] =
		{
			"DELETE FROM room_hat" OF_OWNER " AND jid = ?3 AND uri = ?4 AND ?5 IS NULL",
			"INSERT OR REPLACE INTO room_hat (domain, local, jid, uri, title, hue)"
			" SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?5 IS NOT NULL",
		},
	[STORE_INVITED_PUT] =
		{
			"INSERT OR REPLACE INTO room_invited (domain, local, number, time) VALUES (?1, ?2, ?3, ?4)",
		},
	[STORE_INVITED_DEL] =
		{
			"DELETE FROM room_invited" OF_OWNER " AND number = ?3 AND time = ?4",
		},
	[STORE_SUBSCRIBER_PUT] =
		{
			"DELETE FROM room_subscriber" OF_OWNER " AND jid = ?3 AND ?4 IS NULL",
			"INSERT OR REPLACE INTO room_subscriber (domain, local, jid, nick, nodes)"
			" SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?4 IS NOT NULL",
		},
	[STORE_ROOM_MOVED] =
		{
			"DELETE FROM room_moved" OF_OWNER " AND ?3 = 0",
			"INSERT OR REPLACE INTO room_moved (domain, local, until, ended_by, address)"
			" SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?3 <> 0",
		},
	[STORE_PEER_PUT] =
		{
			"INSERT OR REPLACE INTO peer (domain, name, " PEER_COLUMNS
			") VALUES (?1, ?2, ?3, ?4, ?5, CAST(?6 AS BLOB), ?7, CAST(?8 AS BLOB), ?9, ?10, ?11, ?12, ?13)",
		},
	[STORE_PEER_DEL] =
		{
			"DELETE FROM peer" OF_PEER,
			"DELETE FROM peer_address" OF_PEER,
			"DELETE FROM outbox" OF_PEER,
			"DELETE FROM seen" OF_PEER,
		},
	[STORE_PEER_ADDRESS_PUT] =
		{
			"INSERT OR REPLACE INTO peer_address (domain, name, address, source, success) VALUES (?1, ?2, ?3, ?4, ?5)",
		},
	[STORE_PEER_ADDRESS_DEL] =
		{
			"DELETE FROM peer_address" OF_PEER " AND address = ?3",
		},
	[STORE_OUTBOX_ADD] =
		{
			"INSERT OR REPLACE INTO outbox (domain, name, id, time, stanza) VALUES (?1, ?2, ?3, ?4, ?5)",
		},
	[STORE_OUTBOX_DEL] =
		{
			"DELETE FROM outbox" OF_PEER " AND id = ?3",
		},
	[STORE_SEEN_ADD] =
		{
			"INSERT OR REPLACE INTO seen (domain, name, number, hash) VALUES (?1, ?2, ?3, ?4)",
			"DELETE FROM seen" OF_PEER " AND number <= ?5",
		},
	[STORE_ARCHIVE_ADD] =
		{
			"INSERT INTO archive (domain, local, id, peer, resource, stanza, sender, open)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		},
	[STORE_ARCHIVE_LIGHT] =
		{
			"INSERT OR IGNORE INTO archive_light (domain, local, id) VALUES (?1, ?2, ?3)",
		},
	/* One bound each, or the index would be gone through from its beginning. As many more stay as there are light ones, wherever:
	 * counted in the index that takes a tenth of looking at each (10,000 of both kinds: 2 ms instead of 24). */
	[STORE_ARCHIVE_TRIM] =
		{
			"DELETE FROM archive" OF_OWNER " AND id <= min(?4 - 1, (SELECT id FROM archive" OF_OWNER
			" ORDER BY id DESC LIMIT 1 OFFSET ?3 + " LIGHT_COUNT "))",
			"DELETE FROM archive" OF_OWNER " AND id <= min(?4 - 1, " LIGHT_TOO_MANY
			") AND id IN (SELECT id FROM archive_light" OF_OWNER " AND id <= " LIGHT_TOO_MANY ")",
			"DELETE FROM archive_light" OF_OWNER " AND id <= min(?4 - 1, max(ifnull(" LIGHT_TOO_MANY
			", 0), ifnull((SELECT min(id) FROM archive" OF_OWNER "), 0) - 1))",
		},
	[STORE_TRANSIT_ADD] =
		{
			"INSERT OR REPLACE INTO transit (domain, local, id, time, stanza) VALUES (?1, ?2, ?3, ?4, ?5)",
		},
	[STORE_TRANSIT_DEL] =
		{
			"DELETE FROM transit" OF_OWNER " AND id = ?3",
		},
	[STORE_DELIVERED_PUT] =
		{
			"INSERT OR REPLACE INTO delivered (domain, local, upto, open) VALUES (?1, ?2, ?3, ?4)",
		},
	[STORE_TRANSIT_RECOVER] =
		{
			"INSERT INTO offline (domain, local, id, time, stanza)"
			" SELECT ?1, ?2, ?3 + row_number() OVER (ORDER BY time, id), time, stanza"
			" FROM (SELECT id, time, stanza FROM transit" OF_OWNER
			" UNION ALL SELECT id, id / 1000, stanza FROM (" ARCHIVE_OPEN "))",
			"UPDATE account SET offline_last = max(offline_last, ifnull((SELECT max(id) FROM offline" OF_OWNER
			"), 0))" OF_OWNER,
			"DELETE FROM transit" OF_OWNER,
			"INSERT OR REPLACE INTO delivered (domain, local, upto, open) VALUES (?1, ?2, ?4, '[]')",
		},
	[STORE_ARCHIVE_REPLACE] =
		{
			"UPDATE archive SET stanza = ?4" OF_OWNER " AND id = ?3",
		},
	[STORE_ARCHIVE_PEER] =
		{
			"UPDATE archive SET peer = ?4" OF_OWNER " AND peer = ?3",
		},
	[STORE_ARCHIVE_EXPIRE] =
		{
			"DELETE FROM archive WHERE domain = ?1 AND local IN (SELECT local FROM room WHERE domain = ?1) AND id < ?2",
			"DELETE FROM archive_light WHERE domain = ?1 AND id < ?2",
		},
};

/* What a query reads, kind of row by kind of row; the columns are the row's values. */
struct part {
	enum store_row kind;
	const char *text;
};

static const struct part read_sql[STORE_READ_COUNT][PARTS_MAX] = {
	[STORE_ACCOUNT_LOAD] =
		{
			{ROW_ACCOUNT, "SELECT created, keys1, keys256, roster_version FROM account" OF_OWNER},
			{ROW_ROSTER,
				"SELECT contact, name, subscription, ask, approved, groups, version FROM roster" OF_OWNER
				" ORDER BY contact"},
			{ROW_REQUEST, "SELECT sender, stanza FROM request" OF_OWNER " ORDER BY sender"},
			{ROW_OFFLINE_COUNT,
				"SELECT count(*), max(ifnull(max(id), 0), ifnull((SELECT offline_last FROM account" OF_OWNER
				"), 0)) FROM offline" OF_OWNER},
			{ROW_ARCHIVE_ENDS, ARCHIVE_ENDS},
			{ROW_TRANSIT_COUNT,
				"SELECT (SELECT count(*) FROM transit" OF_OWNER
				") + (SELECT count(*) FROM (" ARCHIVE_OPEN "))"},
		},
	[STORE_ACCOUNT_LIST] =
		{
			{ROW_ACCOUNT_NAME,
				"SELECT domain, local, created FROM account WHERE ?1 IS NULL OR domain = ?1"
				" ORDER BY domain, local"},
		},
	[STORE_OFFLINE_LIST] =
		{
			{ROW_OFFLINE, "SELECT id, time, stanza FROM offline" OF_OWNER " ORDER BY id"},
		},
	[STORE_PRIVATE_GET] =
		{
			{ROW_XML, "SELECT xml FROM private" OF_OWNER " AND key = ?3"},
		},
	[STORE_VCARD_GET] =
		{
			{ROW_XML, "SELECT xml FROM vcard" OF_OWNER},
		},
	[STORE_ROOM_LIST] =
		{
			{ROW_ROOM, "SELECT local, " ROOM_COLUMNS " FROM room WHERE domain = ?1 ORDER BY local"},
			{ROW_OWNER, "SELECT local, jid FROM affiliation WHERE domain = ?1 AND affiliation = 4"},
			{ROW_SUBSCRIBED,
				"SELECT jid, count(*) FROM room_subscriber WHERE domain = ?1 GROUP BY jid ORDER BY jid"},
			{ROW_MOVED,
				"SELECT local, until, ended_by, address FROM room_moved WHERE domain = ?1 ORDER BY until, local"},
			{ROW_ROOM_NICK,
				"SELECT jid, nick FROM room_nick WHERE domain = ?1 AND local = '' ORDER BY jid"},
		},
	[STORE_ROOM_SURVEY] =
		{
			{ROW_OWNER,
				"SELECT local, jid FROM affiliation WHERE domain = ?1 AND affiliation = 4 ORDER BY local, jid"},
			{ROW_ROOM_ACTIVE,
				"SELECT local, max(created, ifnull(subject_time, 0), ifnull((SELECT max(id) FROM archive AS a"
				" WHERE a.domain = ?1 AND a.local = room.local), 0) / 1000), configuration FROM room"
				" WHERE domain = ?1 ORDER BY local"},
		},
	[STORE_ROOM_LOAD] =
		{
			{ROW_ROOM, "SELECT local, " ROOM_COLUMNS " FROM room" OF_OWNER},
			{ROW_AFFILIATION, "SELECT jid, affiliation, reason FROM affiliation" OF_OWNER " ORDER BY jid"},
			{ROW_ROOM_NICK, "SELECT jid, nick FROM room_nick" OF_OWNER " ORDER BY jid"},
			{ROW_HAT, "SELECT jid, uri, title, hue FROM room_hat" OF_OWNER " ORDER BY jid, uri"},
			{ROW_INVITED, "SELECT number, time FROM room_invited" OF_OWNER " ORDER BY time"},
			{ROW_SUBSCRIBER, "SELECT jid, nick, nodes FROM room_subscriber" OF_OWNER " ORDER BY jid"},
			{ROW_XML, "SELECT xml FROM vcard" OF_OWNER},
			{ROW_HISTORY,
				"SELECT id, peer, resource, stanza, sender, open FROM (SELECT * FROM archive" OF_OWNER
				" AND id >= ifnull((SELECT id FROM archive" OF_OWNER
				" ORDER BY id DESC LIMIT 1 OFFSET 4096 + " LIGHT_COUNT "), 0)"
				" AND (instr(stanza, '<body') OR instr(stanza, '<retracted')"
				" OR id = (SELECT max(id) FROM archive" OF_OWNER
				")) ORDER BY id DESC LIMIT ?3) ORDER BY id"},
		},
	[STORE_SUBSCRIPTIONS] =
		{
			{ROW_SUBSCRIPTION,
				"SELECT local, nick, nodes FROM room_subscriber WHERE domain = ?1 AND jid = ?2 ORDER BY local"},
		},
	[STORE_PEERS_LOAD] =
		{
			{ROW_PEER, "SELECT name, " PEER_COLUMNS " FROM peer WHERE domain = ?1 ORDER BY name"},
			{ROW_PEER_ADDRESS,
				"SELECT name, address, source, success FROM peer_address WHERE domain = ?1"
				" ORDER BY name, address"},
			{ROW_OUTBOX, "SELECT name, id, time, stanza FROM outbox WHERE domain = ?1 ORDER BY name, id"},
			{ROW_SEEN, "SELECT name, number, hash FROM seen WHERE domain = ?1 ORDER BY name, number"},
		},
	/* Of the two pages one is always empty. */
	[STORE_ARCHIVE_PAGE] =
		{
			{ROW_ARCHIVE_COUNT,
				"SELECT count(*), (SELECT count(*) FROM archive" OF_OWNER
				" AND id IN (?10, ?11, ?12)) FROM archive" OF_OWNER
				" AND id BETWEEN ?3 AND ?4" WITH_PEER},
			{ROW_ARCHIVE, ARCHIVE_PAGE " AND ?9 > 0 ORDER BY id LIMIT ?9"},
			{ROW_ARCHIVE, ARCHIVE_PAGE " AND ?9 < 0 ORDER BY id DESC LIMIT -?9"},
		},
	[STORE_ARCHIVE_GET] =
		{
			{ROW_ARCHIVE,
				"SELECT id, stanza, peer, sender, open FROM archive" OF_OWNER
				" AND id IN (SELECT value FROM json_each(?3)) ORDER BY id"},
		},
	[STORE_ARCHIVE_ENDS] =
		{
			{ROW_ARCHIVE_ENDS, ARCHIVE_ENDS},
		},
};

struct sql {
	sqlite3 *h;
	sqlite3_stmt *writes[STORE_WRITE_COUNT][STEPS_MAX]; /* prepared when first needed */
	sqlite3_stmt *reads[STORE_READ_COUNT][PARTS_MAX];
	sqlite3_stmt *begin, *commit;
	char message[MESSAGE_MAX];
};

static const struct {
	int rc, err;
} errors[] = {
	{SQLITE_FULL, ERR_FULL},
	{SQLITE_BUSY, ERR_BUSY},
	{SQLITE_LOCKED, ERR_BUSY},
	{SQLITE_CORRUPT, ERR_INVALID},
	{SQLITE_NOTADB, ERR_INVALID},
	{SQLITE_PERM, ERR_DENIED},
	{SQLITE_READONLY, ERR_DENIED},
};

int sql_error(struct sqlite3 *h, int rc)
{
	rc &= 0xff;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].rc == rc)
			return errors[i].err;
	/* A quota, or a full disk when a file is made or the -shm file grows, is no input/output error to whoever
	 * must clean up. */
	int sys = (rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN) && h ? sqlite3_system_errno(h) : 0;
	return sys == ENOSPC || sys == EDQUOT ? ERR_FULL : ERR_IO;
}

static int failed(struct sql *s, int rc)
{
	snprintf(s->message, sizeof(s->message), "%s (%d)", sqlite3_errmsg(s->h), sqlite3_extended_errcode(s->h));
	return sql_error(s->h, rc);
}

static int prepare(struct sql *s, sqlite3_stmt **slot, const char *text)
{
	return *slot ? SQLITE_OK : sqlite3_prepare_v3(s->h, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
}

/* A statement uses as many of the values as it has parameters. */
static int bind(sqlite3_stmt *st, const struct store_value *values)
{
	int rc = SQLITE_OK;
	int n = sqlite3_bind_parameter_count(st);
	for (int i = 0; i < n && rc == SQLITE_OK; i++) {
		const struct store_value *v = &values[i];
		if (v->is_int)
			rc = sqlite3_bind_int64(st, i + 1, v->i);
		else
			rc = sqlite3_bind_text(st, i + 1, v->s.p, (int)v->s.n, SQLITE_STATIC);
	}
	return rc;
}

static int run(struct sql *s, sqlite3_stmt **slot, const char *text, const struct store_value *values)
{
	int rc = prepare(s, slot, text);
	if (rc == SQLITE_OK)
		rc = bind(*slot, values);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(*slot);
	int r = rc == SQLITE_DONE ? 0 : failed(s, rc);
	sqlite3_reset(*slot);
	if (r && (rc & 0xff) == SQLITE_CONSTRAINT)
		return ERR_SYNTAX; /* the write's own fault, for ever */
	return r;
}

static int apply(struct sql *s, enum store_write w, const struct store_value *values)
{
	for (unsigned i = 0; i < STEPS_MAX && write_sql[w][i]; i++) {
		int r = run(s, &s->writes[w][i], write_sql[w][i], values);
		if (r == ERR_SYNTAX) {
			log_error("store_refused", "write=%s why=\"%s\"", store_write_name(w), s->message);
			return 0;
		}
		if (r)
			return r;
	}
	return 0;
}

int sql_apply(struct sql *s, const struct store_batch *b)
{
	struct store_value values[STORE_VALUES_MAX];
	enum store_write w;
	unsigned n;
	int r = 0;
	for (size_t pos = 0; r == 0 && store_batch_next(b, &pos, &w, values, &n);)
		r = apply(s, w, values);
	return r;
}

static struct store_value column(sqlite3_stmt *st, int i, char letter)
{
	struct store_value v = {.is_int = letter == 'i'};
	if (v.is_int) {
		v.i = sqlite3_column_int64(st, i);
	} else if (sqlite3_column_type(st, i) != SQLITE_NULL) {
		const char *p = sqlite3_column_blob(st, i); /* also of a text; NULL when empty */
		v.s = (struct str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
	}
	return v;
}

static int read_rows(struct sql *s, sqlite3_stmt *st, enum store_row kind, struct store_rows *rows)
{
	struct store_value values[STORE_VALUES_MAX];
	const char *letters = store_row_letters(kind);
	unsigned n = (unsigned)strlen(letters);
	int rc;
	must((int)n == sqlite3_column_count(st));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (unsigned i = 0; i < n; i++)
			values[i] = column(st, (int)i, letters[i]);
		store_rows_add(rows, kind, values, n);
		if (!buf_ok(&rows->bytes))
			return ERR_LIMIT;
	}
	return rc == SQLITE_DONE ? 0 : failed(s, rc);
}

static int read_part(struct sql *s, sqlite3_stmt **slot, const struct part *part, const struct store_query *q,
	struct store_rows *rows)
{
	int rc = prepare(s, slot, part->text);
	if (rc == SQLITE_OK)
		rc = bind(*slot, q->values);
	int r = rc == SQLITE_OK ? read_rows(s, *slot, part->kind, rows) : failed(s, rc);
	sqlite3_reset(*slot);
	return r;
}

struct store_rows *sql_answer(struct sql *s, const struct store_query *q)
{
	struct store_rows *rows = store_rows_new(q->read, q->tag);
	const struct part *parts = read_sql[q->read];
	for (unsigned i = 0; i < PARTS_MAX && parts[i].text && rows->error == 0; i++)
		rows->error = read_part(s, &s->reads[q->read][i], &parts[i], q, rows);
	if (rows->error)
		buf_clear(&rows->bytes);
	return rows;
}

int sql_begin(struct sql *s) { return run(s, &s->begin, "BEGIN IMMEDIATE", NULL); }

int sql_commit(struct sql *s) { return run(s, &s->commit, "COMMIT", NULL); }

void sql_rollback(struct sql *s)
{
	if (sql_in_transaction(s)) /* a failing rollback has undone all the same */
		sqlite3_exec(s->h, "ROLLBACK", NULL, NULL, NULL);
}

bool sql_in_transaction(struct sql *s) { return !sqlite3_get_autocommit(s->h); }

void sql_set_patience(struct sql *s, int ms) { sqlite3_busy_timeout(s->h, ms); }

struct sqlite3 *sql_handle(struct sql *s) { return s->h; }

const char *sql_message(const struct sql *s) { return s->message; }

static int open_handle(const char *path, const char *vfs, int flags, struct sql **ret, struct buf *why)
{
	struct sql *s = xcalloc(1, sizeof(*s));
	int rc = sqlite3_open_v2(path ? path : ":memory:", &s->h, flags | SQLITE_OPEN_NOMUTEX, vfs);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(s->h, 1);
		sqlite3_busy_timeout(s->h, DB_OPEN_PATIENCE);
		*ret = s;
		return 0;
	}
	buf_fmt(why, "%s: %s", DB_FILE, s->h ? sqlite3_errmsg(s->h) : sqlite3_errstr(rc));
	int r = sql_error(s->h, rc);
	sql_close(&s);
	return r;
}

/* FULL: synced at each commit. Deleted text is overwritten where that costs no extra page. What is written
 * in the file's own schema is never run with more rights than a statement of ours. */
static const char settings[] = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA secure_delete=FAST;"
			       "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
			       "PRAGMA journal_size_limit=16777216";

/* The change is a transaction that ends behind the row with the new mode, so that row means nothing yet: run to
 * the end, then ask. */
static int set_wal(struct sql *s)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_exec(s->h, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(s->h, "PRAGMA journal_mode", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
	int r = 0;
	if (!mode) {
		r = failed(s, rc);
	} else if (strcmp(mode, "wal") != 0) {
		snprintf(s->message, sizeof(s->message), "no write-ahead log possible in this folder");
		r = ERR_UNSUPPORTED;
	}
	sqlite3_finalize(st);
	return r;
}

static int set_up(struct sql *s, bool file, struct buf *why)
{
	int version;
	int r = migrate_check(s->h, migrate_step_count, &version, why); /* before anything is written to it */
	if (r)
		return r;
	int rc = sqlite3_exec(s->h, settings, NULL, NULL, NULL);
	r = rc == SQLITE_OK ? 0 : failed(s, rc);
	if (r == 0 && file)
		r = set_wal(s);
	if (r == 0)
		return migrate_run(s->h, migrate_steps, migrate_step_count, why);
	buf_fmt(why, "%s: %s", DB_FILE, s->message);
	return r;
}

int sql_open_writer(const char *path, const char *vfs, struct sql **ret, struct buf *why)
{
	struct sql *s;
	int r = open_handle(path, vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s, why);
	if (r)
		return r;
	r = set_up(s, path != NULL, why);
	if (r) {
		sql_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

int sql_open_reader(const char *path, const char *vfs, struct sql **ret, struct buf *why)
{
	int r = open_handle(path, vfs, SQLITE_OPEN_READONLY, ret, why);
	if (r == 0)
		sqlite3_exec((*ret)->h, settings, NULL, NULL, NULL);
	return r;
}

static void finalize(sqlite3_stmt **st, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sqlite3_finalize(st[i]);
}

void sql_close(struct sql **s)
{
	if (!*s)
		return;
	for (unsigned i = 0; i < STORE_WRITE_COUNT; i++)
		finalize((*s)->writes[i], STEPS_MAX);
	for (unsigned i = 0; i < STORE_READ_COUNT; i++)
		finalize((*s)->reads[i], PARTS_MAX);
	sqlite3_finalize((*s)->begin);
	sqlite3_finalize((*s)->commit);
	sqlite3_close((*s)->h);
	xfree(TAKE(*s));
}
