#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db_i.h"

enum { PATH_LIMIT = 4096, PATIENCE = 5000 };

int check_open(const char *dir, struct sqlite3 **ret, struct buf *why)
{
	char path[PATH_LIMIT];
	struct stat st;
	sqlite3 *h = NULL;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, DB_FILE);
	if (n >= (int)sizeof(path) || stat(path, &st) < 0) {
		int e = n >= (int)sizeof(path) ? ENAMETOOLONG : errno;
		buf_fmt(why, "%s/%s: %s", dir, DB_FILE, strerror(e));
		return e == ENOENT || e == ENOTDIR ? ERR_NOTFOUND : ERR_IO;
	}
	/* While another process writes, reading goes on undisturbed: that is what the write-ahead log is for. */
	int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(h, 1);
		sqlite3_busy_timeout(h, PATIENCE);
		*ret = h;
		return 0;
	}
	int r = sql_error(h, rc);
	buf_fmt(why, "%s: %s", path, sqlite3_errmsg(h));
	sqlite3_close(h);
	return r;
}

int check_integrity(struct sqlite3 *h, struct buf *report)
{
	sqlite3_stmt *st = NULL;
	bool ok = false;
	int rc = sqlite3_prepare_v2(h, "PRAGMA integrity_check", -1, &st, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		const char *line = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
		ok |= line && strcmp(line, "ok") == 0;
		if (line)
			buf_fmt(report, "integrity: %s\n", line);
	}
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return ok ? 0 : ERR_INVALID;
	buf_fmt(report, "integrity: %s\n", sqlite3_errmsg(h));
	return sql_error(h, rc);
}

static const struct {
	const char *name, *text;
} counts[] = {
	{"pages", "PRAGMA page_count"},
	{"free pages", "PRAGMA freelist_count"},
	{"accounts", "SELECT count(*) FROM account"},
	{"roster entries", "SELECT count(*) FROM roster"},
	{"offline messages", "SELECT count(*) FROM offline"},
	{"rooms", "SELECT count(*) FROM room"},
	{"affiliations", "SELECT count(*) FROM affiliation"},
	{"archived messages", "SELECT count(*) FROM archive"},
};

static int report_counts(struct sqlite3 *h, struct buf *report)
{
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		int64_t n;
		int r = migrate_int(h, counts[i].text, &n);
		if (r) {
			buf_fmt(report, "%s: %s\n", counts[i].name, sqlite3_errmsg(h));
			return r;
		}
		buf_fmt(report, "%s: %lld\n", counts[i].name, (long long)n);
	}
	return 0;
}

static void report_file(const char *dir, const char *file, struct buf *report)
{
	char path[PATH_LIMIT];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (stat(path, &st) < 0)
		return;
	buf_fmt(report, "file: %s %lld bytes\n", file, (long long)st.st_size);
	if ((st.st_mode & 077) != 0)
		buf_fmt(report, "warning: %s can be read or written by others (mode %04o)\n", file,
			(unsigned)st.st_mode & 07777);
}

static void report_use(const char *dir, struct buf *report)
{
	char path[PATH_LIMIT];
	snprintf(path, sizeof(path), "%s/%s", dir, DB_LOCK);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool used = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	buf_fmt(report, "in use: %s\n", used ? "yes" : "no");
}

static int check_handle(struct sqlite3 *h, struct buf *report)
{
	int version;
	struct buf why;
	buf_init(&why, 1024);
	int r = migrate_check(h, migrate_step_count, &version, &why);
	if (r)
		buf_fmt(report, "schema: %s\n", buf_cstr(&why));
	else
		buf_fmt(report, "schema: %d of %d\n", version, migrate_step_count);
	buf_clear(&why);
	if (r == 0 && version > 0)
		r = report_counts(h, report);
	if (r && r != ERR_VERSION)
		return r;
	int found = check_integrity(h, report); /* also of a newer one */
	return found ? found : r;
}

int db_check(const char *dir, struct buf *report)
{
	sqlite3 *h;
	struct buf why;
	buf_init(&why, 8192);
	int r = check_open(dir, &h, &why);
	if (r)
		buf_fmt(report, "%s\n", buf_cstr(&why));
	buf_clear(&why);
	if (r)
		return r;
	report_use(dir, report);
	report_file(dir, DB_FILE, report);
	report_file(dir, DB_FILE "-wal", report);
	r = check_handle(h, report);
	sqlite3_close(h);
	return r;
}
