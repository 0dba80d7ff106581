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
	REMOVED_AT_ONCE = 32, /* days: the store waits meanwhile */
	SWEEPS_MAX = 256,
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

/* Two files may be of one day. */
static void unify(struct days *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->n; i++)
		if (!n || compare(d->list[i], d->list[n - 1]) != 0)
			memmove(d->list[n++], d->list[i], sizeof(d->list[i]));
	d->n = n;
}

/* Sorted, the oldest first; all: also those without a page. */
static void read_days(int folder, bool all, struct days *ret)
{
	int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *e;

	if (!dir && own >= 0)
		close(own);
	while (dir && ret->n < DAYS_MAX && (e = readdir(dir)))
		if (is_day(e->d_name, ".html") || (all && is_day(e->d_name, ".txt")))
			add(ret, e->d_name);
	if (dir)
		closedir(dir);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
	unify(ret);
}

bool room_log_day_before(int folder, struct str day, char *ret)
{
	CLEANUP(days_clear) struct days d = {0};
	bool found = false;

	read_days(folder, false, &d);
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

	read_days(folder, false, &d);
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

/* The folders of one service, all of them once for each day that has become too old. */
struct room_log_sweep {
	struct room_log_sweep *next;
	char *service;
	DIR *dir;                        /* NULL: all have been seen */
	char oldest[ROOM_LOG_DAY_N + 1]; /* for which it was begun */
	char *again;                     /* a folder in which more is to be removed; NULL: none */
	char after[ROOM_LOG_DAY_N + 1];  /* in it: what comes behind this day */
};

void room_log_sweeps_free(struct room_log_sweep **list)
{
	struct room_log_sweep *s;

	while ((s = *list)) {
		*list = s->next;
		if (s->dir)
			closedir(s->dir);
		xfree(s->again);
		xfree(s->service);
		xfree(s);
	}
}

/* One call's share. */
struct share {
	struct room_log_sweep *sweep;
	unsigned left; /* days that it may remove */
	bool failed;
};

/* Is index.html one that we wrote? ret: the room that it is of, may be NULL. */
static bool read_index(int folder, struct buf *all, struct str *ret)
{
	struct str room;

	if (!room_log_read(folder, "index.html", all) || !room_log_is_page(buf_view(all), &room))
		return false;
	if (ret)
		*ret = room;
	return true;
}

/* A name that was too long has its end cut off (room_log_folder()): the index says which room it is of. */
static bool is_cut_one(int base, const char *name, struct str service)
{
	CLEANUP(buf_clear) struct buf all = {.max = INDEX_MAX}, want = {.max = 8192};
	int folder = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct str room = STR_NONE;
	bool done = folder >= 0 && read_index(folder, &all, &room);

	if (folder >= 0)
		close(folder);
	if (!done)
		return false;
	room_log_folder(&want, room);
	str_cut(&room, '@');
	return buf_ok(&want) && str_is(buf_view(&want), name) && room.p && str_eq(room, service);
}

/* The folder of a room of this service? Others may have theirs beside it. */
static bool is_ours(int base, const char *name, struct str service)
{
	CLEANUP(buf_clear) struct buf end = {.max = 8192};
	struct str all = str_z(name);
	const char *at = memchr(all.p, '@', all.n);

	room_log_folder(&end, service);
	if (name[0] == '.' || !buf_ok(&end))
		return false;
	if (!at)
		return is_cut_one(base, name, service);
	if (at > name && str_is(buf_view(&end), at + 1))
		return true;
	return all.n > end.n && is_cut_one(base, name, service);
}

static bool remove_file(int folder, struct str day, const char *ending)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64};

	file_of(&name, day, ending);
	return unlinkat(folder, buf_cstr(&name), 0) == 0 || errno == ENOENT;
}

static bool remove_day(int folder, struct str day)
{
	bool text = remove_file(folder, day, ".txt");

	return remove_file(folder, day, ".html") && text;
}

/* Nothing is left that it could lead to. */
static void forget_before(int folder, struct str day, struct str before)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64}, old = {.max = 512}, new = {.max = 512};

	file_of(&name, day, ".html");
	room_log_before(&old, before);
	room_log_before(&new, STR_NONE);
	room_log_replace_line(folder, buf_cstr(&name), buf_view(&old), buf_view(&new), false);
}

static bool is_line_of(struct str line, const struct days *gone)
{
	CLEANUP(buf_clear) struct buf of = {.max = 512};

	for (unsigned i = 0; i < gone->n; i++) {
		buf_reset(&of);
		room_log_index_day(&of, str_z(gone->list[i]));
		if (str_starts(buf_view(&of), line) && of.n == line.n + 1)
			return true;
	}
	return false;
}

/* Written once for all that went. */
static bool forget_days(int folder, const struct days *gone)
{
	CLEANUP(buf_clear) struct buf all = {.max = INDEX_MAX}, with = {.max = INDEX_MAX};
	struct stat st;
	struct str rest;

	if (!read_index(folder, &all, NULL) || fstatat(folder, "index.html", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true; /* none, or not ours */
	for (rest = buf_view(&all); rest.n;) {
		struct str line = str_cut(&rest, '\n');

		if (is_line_of(line, gone))
			continue;
		buf_str(&with, line);
		if (rest.p)
			buf_char(&with, '\n');
	}
	return buf_ok(&with) && room_log_replace(folder, "index.html", st.st_mode, &with, false);
}

static void remove_index(int folder)
{
	CLEANUP(buf_clear) struct buf all = {.max = INDEX_MAX};

	if (read_index(folder, &all, NULL))
		unlinkat(folder, "index.html", 0);
}

/* What cannot be removed is passed over until tomorrow. True: there is more to be done in it. */
static bool expire_days(int folder, struct share *t, const struct days *d, struct days *gone)
{
	struct room_log_sweep *s = t->sweep;

	for (unsigned i = 0; i < d->n && str_cmp(str_z(d->list[i]), str_z(s->oldest)) < 0; i++) {
		if (str_cmp(str_z(d->list[i]), str_z(s->after)) <= 0)
			continue;
		if (!t->left)
			return true;
		t->left--;
		memcpy(s->after, d->list[i], sizeof(s->after));
		if (remove_day(folder, str_z(d->list[i])))
			add(gone, d->list[i]);
		else
			t->failed = true;
	}
	return false;
}

/* Whatever else is in the folder stays, and so does the folder then. */
static void tidy(int base, const char *name, int folder, struct share *t, const struct days *gone)
{
	CLEANUP(days_clear) struct days left = {0};
	struct str last = str_z(gone->list[gone->n - 1]);

	read_days(folder, true, &left);
	if (!left.n) {
		remove_index(folder);
		unlinkat(base, name, AT_REMOVEDIR);
		return;
	}
	if (!forget_days(folder, gone))
		t->failed = true;
	if (str_cmp(last, str_z(left.list[0])) < 0)
		forget_before(folder, str_z(left.list[0]), last);
}

static bool expire_folder(int base, const char *name, struct share *t)
{
	CLEANUP(days_clear) struct days d = {0}, gone = {0};
	int folder = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool more;

	if (folder < 0)
		return false;
	read_days(folder, true, &d);
	more = expire_days(folder, t, &d, &gone);
	if (gone.n)
		tidy(base, name, folder, t, &gone);
	close(folder);
	return more;
}

/* True: this folder is done. */
static bool sweep_folder(struct share *t, const char *name)
{
	struct room_log_sweep *s = t->sweep;
	bool more = expire_folder(dirfd(s->dir), name, t);
	char *again = more ? xstrdup(name) : NULL;

	xfree(s->again);
	s->again = again;
	if (!more)
		s->after[0] = '\0';
	return !more;
}

static void sweep_on(struct share *t)
{
	struct room_log_sweep *s = t->sweep;
	const struct dirent *e = NULL;

	if (s->again && !sweep_folder(t, s->again))
		return;
	for (int i = 0; i < FOLDERS_AT_ONCE && (e = readdir(s->dir)); i++)
		if (is_ours(dirfd(s->dir), e->d_name, str_z(s->service)) && !sweep_folder(t, e->d_name))
			return;
	if (!e)
		closedir(TAKE(s->dir));
}

static struct room_log_sweep *sweep_of(struct room_log_sweep **list, struct str service)
{
	struct room_log_sweep *s = *list;
	unsigned n = 0;

	for (; s && !str_is(service, s->service); s = s->next)
		n++;
	if (s || n >= SWEEPS_MAX)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->service = str_dup(service);
	s->next = *list;
	*list = s;
	return s;
}

bool room_log_expire(const char *dir, struct room_log_sweep **list, struct str service, struct str oldest)
{
	struct share t = {.sweep = sweep_of(list, service), .left = REMOVED_AT_ONCE};
	struct room_log_sweep *s = t.sweep;

	if (!s || oldest.n != ROOM_LOG_DAY_N)
		return true;
	if (!s->dir && str_is(oldest, s->oldest))
		return true; /* done for today */
	if (!s->dir) {
		s->dir = opendir(dir);
		if (!s->dir)
			return errno == ENOENT;
		memcpy(s->oldest, oldest.p, ROOM_LOG_DAY_N);
	}
	sweep_on(&t);
	return !t.failed;
}
