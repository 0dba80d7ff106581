#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "db/room_log_i.h"

enum {
	DAYS_MAX = 40000, /* a hundred years */
	FOLDERS_AT_ONCE = 256,
	INDEX_MAX = 16 << 20
};

struct days {
	char (*list)[ROOM_LOG_DAY_N + 1];
	unsigned n, cap;
};

static void days_clear(struct days *d) { xfree(d->list); }

/* 2026-11-26 and an ending: nothing else in the folder is ours. */
static bool is_day(const char *name, const char *ending)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; i < ROOM_LOG_DAY_N; i++)
		if (form[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
			return false;
	return strcmp(name + ROOM_LOG_DAY_N, ending) == 0;
}

static void add(struct days *d, const char *name)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->list = xrealloc(d->list, d->cap * sizeof(*d->list));
	}
	memcpy(d->list[d->n], name, ROOM_LOG_DAY_N);
	d->list[d->n++][ROOM_LOG_DAY_N] = '\0';
}

static int compare(const void *a, const void *b) { return memcmp(a, b, ROOM_LOG_DAY_N); }

/* Sorted, the oldest first. */
static void read_days(int folder, struct days *ret)
{
	int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *e;

	if (!dir && own >= 0)
		close(own);
	while (dir && ret->n < DAYS_MAX && (e = readdir(dir)))
		if (is_day(e->d_name, ".html"))
			add(ret, e->d_name);
	if (dir)
		closedir(dir);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
}

bool room_log_day_before(int folder, struct str day, char *ret)
{
	CLEANUP(days_clear) struct days d = {0};
	bool found = false;

	read_days(folder, &d);
	for (unsigned i = 0; i < d.n && str_cmp(str_z(d.list[i]), day) < 0; i++) {
		memcpy(ret, d.list[i], sizeof(d.list[i]));
		found = true;
	}
	return found;
}

/* ---- a day has begun ---- */

static void file_of(struct buf *out, struct str day, const char *ending)
{
	buf_reset(out);
	buf_fmt(out, "%.*s%s", STR_FMT(day), ending);
}

static bool link_from(int folder, struct str before, struct str day, mode_t mode)
{
	CLEANUP(buf_clear) struct buf line = {.max = 512}, name = {.max = 64};
	bool new, done;
	int fd;

	file_of(&name, before, ".html");
	room_log_after(&line, day);
	fd = room_log_open(folder, buf_cstr(&name), mode, &new);
	done = fd >= 0 && room_log_write(fd, &line);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool write_index(int folder, const struct room_page *page, mode_t mode)
{
	CLEANUP(buf_clear) struct buf all = {.max = INDEX_MAX};
	CLEANUP(days_clear) struct days d = {0};
	struct room_page of_all = {.room = page->room, .name = page->name};

	read_days(folder, &d);
	room_log_index_head(&all, &of_all);
	for (unsigned i = d.n; i > 0; i--)
		room_log_index_day(&all, str_z(d.list[i - 1]));
	return buf_ok(&all) && room_log_replace(folder, "index.html", mode, &all, false);
}

bool room_log_begin_day(int folder, const struct room_page *page, struct str before, mode_t mode)
{
	bool linked = !before.n || link_from(folder, before, page->day, mode);

	return write_index(folder, page, mode) && linked;
}

/* ---- what is too old ---- */

static bool remove_day(int folder, struct str day)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64}, line = {.max = 512};
	bool gone;

	file_of(&name, day, ".txt");
	gone = unlinkat(folder, buf_cstr(&name), 0) == 0 || errno == ENOENT;
	file_of(&name, day, ".html");
	gone = (unlinkat(folder, buf_cstr(&name), 0) == 0 || errno == ENOENT) && gone;
	room_log_index_day(&line, day);
	room_log_replace_line(folder, "index.html", buf_view(&line), STR(""));
	return gone;
}

/* Nothing is left that it could lead to. */
static void forget_before(int folder, struct str day, struct str before)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64}, old = {.max = 512}, new = {.max = 512};

	file_of(&name, day, ".html");
	room_log_before(&old, before);
	room_log_before(&new, STR_NONE);
	room_log_replace_line(folder, buf_cstr(&name), buf_view(&old), buf_view(&new));
}

static void expire_folder(int base, const char *name, struct str oldest)
{
	CLEANUP(days_clear) struct days d = {0};
	int folder = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned n = 0;

	if (folder < 0)
		return;
	read_days(folder, &d);
	while (n < d.n && str_cmp(str_z(d.list[n]), oldest) < 0 && remove_day(folder, str_z(d.list[n])))
		n++;
	if (n && n < d.n)
		forget_before(folder, str_z(d.list[n]), str_z(d.list[n - 1]));
	if (n && n == d.n)
		unlinkat(folder, "index.html", 0);
	close(folder);
	if (n && n == d.n)
		unlinkat(base, name, AT_REMOVEDIR); /* unless something of somebody else's is in it */
}

void room_log_expire(const char *dir, DIR **sweep, struct str oldest)
{
	const struct dirent *e = NULL;

	if (!*sweep)
		*sweep = opendir(dir);
	for (int i = 0; *sweep && i < FOLDERS_AT_ONCE && (e = readdir(*sweep)); i++)
		if (e->d_name[0] != '.')
			expire_folder(dirfd(*sweep), e->d_name, oldest);
	if (*sweep && !e)
		closedir(TAKE(*sweep));
}
