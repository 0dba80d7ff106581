/* The copy grows as FILE.part and gets its name when it is whole and synced, so that FILE is never half a
 * backup. One read transaction holds the source still: a writer in this or another process goes on, and
 * its log grows meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db_i.h"

enum { PATH_LIMIT = 4096, PAGES_A_STEP = 256 };

struct copy {
	sqlite3 *from, *to;
	void (*progress)(void *arg, int done, int total);
	void *arg;
};

static int run(sqlite3 *h, const char *text, struct buf *why)
{
	int rc = sqlite3_exec(h, text, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	buf_fmt(why, "%s", sqlite3_errmsg(h));
	return sql_error(h, rc);
}

static int copy_pages(struct copy *c, struct buf *why)
{
	sqlite3_backup *b = sqlite3_backup_init(c->to, "main", c->from, "main");
	int rc = SQLITE_OK;
	while (b && rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, PAGES_A_STEP);
		int total = sqlite3_backup_pagecount(b);
		if (c->progress && (rc == SQLITE_OK || rc == SQLITE_DONE))
			c->progress(c->arg, total - sqlite3_backup_remaining(b), total);
	}
	sqlite3_backup_finish(b);
	if (b && rc == SQLITE_DONE)
		return 0;
	buf_fmt(why, "%s", b ? sqlite3_errstr(rc) : sqlite3_errmsg(c->to));
	return b ? sql_error(c->to, rc) : ERR_IO;
}

/* The copy is one file: it carries no write-ahead log, and opens from a medium that cannot be written. */
static int copy_to(struct copy *c, const char *part, struct buf *why)
{
	int rc = sqlite3_open_v2(part, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		buf_fmt(why, "%s: %s", part, sqlite3_errmsg(c->to));
		return sql_error(c->to, rc);
	}
	int r = run(c->to, "PRAGMA synchronous=FULL", why);
	if (r == 0)
		r = run(c->from, "BEGIN; SELECT count(*) FROM sqlite_schema", why);
	if (r == 0)
		r = copy_pages(c, why);
	if (r == 0)
		r = run(c->to, "PRAGMA journal_mode=DELETE", why);
	return r;
}

static void sync_folder(const char *file)
{
	char *copy = xstrdup(file);
	char *slash = strrchr(copy, '/');
	if (slash)
		slash[1] = '\0';
	int fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd); /* where a folder cannot be synced, the name is as safe as it gets */
		close(fd);
	}
	xfree(copy);
}

static int give_name(const char *part, const char *file, struct buf *why)
{
	int rc = renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE);
	if (rc < 0 && errno == EINVAL) /* a file system without that flag */
		rc = rename(part, file);
	if (rc == 0) {
		sync_folder(file);
		return 0;
	}
	int e = errno;
	buf_fmt(why, "%s: %s", file, strerror(e));
	return e == EEXIST ? ERR_EXISTS : ERR_IO;
}

static int make_part(const char *part, struct buf *why)
{
	int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int e = errno;
	buf_fmt(why, "%s: %s", part, strerror(e));
	if (e != EEXIST)
		return e == ENOSPC || e == EDQUOT ? ERR_FULL : ERR_IO;
	buf_z(why, " (another backup is running, or one was broken off: then remove it)");
	return ERR_EXISTS;
}

static int make_copy(struct copy *c, const char *part, const char *file, struct buf *why)
{
	int r = make_part(part, why);
	if (r)
		return r;
	r = copy_to(c, part, why);
	int rc = sqlite3_close(c->to);
	c->to = NULL;
	if (r == 0 && rc != SQLITE_OK)
		r = ERR_IO;
	if (r == 0)
		r = give_name(part, file, why);
	if (r)
		unlink(part);
	return r;
}

int db_backup(const char *dir, const char *file, void (*progress)(void *arg, int done, int total), void *arg,
	struct buf *why)
{
	char part[PATH_LIMIT];
	struct copy c = {.progress = progress, .arg = arg};
	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part)) {
		buf_z(why, "the name of the backup is too long");
		return ERR_LIMIT;
	}
	if (access(file, F_OK) == 0) {
		buf_fmt(why, "%s: there is such a file already", file);
		return ERR_EXISTS;
	}
	int r = check_open(dir, &c.from, why);
	if (r)
		return r;
	r = make_copy(&c, part, file, why);
	sqlite3_close(c.from);
	return r;
}
