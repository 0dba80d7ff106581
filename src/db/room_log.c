#include "db/room_log_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { LINE_MAX_ = 1 << 20, FILE_MAX_ = 64 << 20 /* a day that is longer is left as it is */ };

struct room_log {
	char *dir;
	bool failing;
	struct buf room, day; /* of the open files */
	int text, html;       /* -1: not open */
	struct room_log_sweep *sweeps;
};

struct room_log *room_log_new(const char *dir)
{
	struct room_log *l = xcalloc(1, sizeof(*l));

	l->dir = xstrdup(dir);
	l->room.max = 4096;
	l->day.max = 64;
	l->text = l->html = -1;
	return l;
}

void room_log_rest(struct room_log *l)
{
	if (!l || l->text < 0)
		return;
	close(l->text);
	close(l->html);
	l->text = l->html = -1;
}

void room_log_free(struct room_log **log)
{
	struct room_log *l = TAKE(*log);

	if (!l)
		return;
	room_log_rest(l);
	room_log_sweeps_free(&l->sweeps);
	buf_clear(&l->room);
	buf_clear(&l->day);
	xfree(l->dir);
	xfree(l);
}

/* ---- files ---- */

static void fail(struct room_log *l, const char *what)
{
	if (!l->failing)
		log_warn("room_log_failed", "folder=%s at=%s error=\"%s\"", l->dir, what, strerror(errno));
	l->failing = true;
}

/* The umask is not ours to decide by: who set the rights of the folder did. */
int room_log_open(int folder, const char *name, mode_t mode, bool *ret_new)
{
	struct stat st;
	int fd = openat(folder, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	*ret_new = fd >= 0 && st.st_size == 0;
	if (*ret_new && fchmod(fd, mode & 0666) < 0)
		*ret_new = true; /* the narrow rights it was made with are no harm */
	return fd;
}

static int open_folder(int base, const char *name, mode_t mode)
{
	bool new = mkdirat(base, name, 0700) == 0;
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (new &&fd >= 0 && fchmod(fd, mode & 0777) < 0)
		errno = 0;
	return fd;
}

/* The folder of the room; *ret_mode: the rights of the folder of all. */
static int open_room(struct room_log *l, struct str room, mode_t *ret_mode)
{
	CLEANUP(buf_clear) struct buf folder = {.max = 8192};
	struct stat st = {.st_mode = 0700};
	int base, dir;

	room_log_folder(&folder, room);
	mkdir(l->dir, 0700);
	base = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0 || !buf_ok(&folder))
		return -1;
	if (fstat(base, &st) < 0)
		st.st_mode = 0700;
	dir = open_folder(base, buf_cstr(&folder), st.st_mode);
	close(base);
	*ret_mode = st.st_mode;
	return dir;
}

static int open_files(struct room_log *l, int dir, mode_t mode, bool *ret_new)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64};
	bool text_new;

	buf_fmt(&name, "%.*s.txt", STR_FMT(buf_view(&l->day)));
	l->text = room_log_open(dir, buf_cstr(&name), mode, &text_new);
	buf_reset(&name);
	buf_fmt(&name, "%.*s.html", STR_FMT(buf_view(&l->day)));
	l->html = l->text < 0 ? -1 : room_log_open(dir, buf_cstr(&name), mode, ret_new);
	if (l->html >= 0)
		return 0;
	if (l->text >= 0)
		close(l->text);
	l->text = -1;
	return -1;
}

bool room_log_write(int fd, const struct buf *b)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t k = write(fd, b->p + done, b->n - done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		done += (size_t)k;
	}
	return true;
}

/* tell: what is known of the room is worth a new index. */
static bool begin_page(struct room_log *l, int dir, const struct room_page *page, mode_t mode, bool tell)
{
	CLEANUP(buf_clear) struct buf head = {.max = 1 << 20};
	char before[ROOM_LOG_DAY_N + 1];
	struct str prev = STR_NONE;
	bool new = false;

	if (open_files(l, dir, mode, &new) < 0)
		return false;
	if (new &&room_log_day_before(dir, page->day, before))
		prev = str_z(before);
	if (new)
		room_log_head(&head, page, prev);
	if (!buf_ok(&head) || !room_log_write(l->html, &head))
		return false;
	return !(new || tell) || room_log_begin_day(dir, page, new ? prev : STR_NONE, mode);
}

/* The files of this room and day are open. */
static bool turn_to(struct room_log *l, const struct room_page *page, bool tell)
{
	mode_t mode;
	int dir;
	bool done;

	if (!tell && l->text >= 0 && str_eq(buf_view(&l->room), page->room) && str_eq(buf_view(&l->day), page->day))
		return true;
	room_log_rest(l);
	buf_reset(&l->room);
	buf_reset(&l->day);
	buf_str(&l->room, page->room);
	buf_str(&l->day, page->day);
	dir = open_room(l, page->room, &mode);
	done = dir >= 0 && begin_page(l, dir, page, mode, tell);
	if (!done)
		fail(l, "open");
	if (dir >= 0)
		close(dir);
	return l->text >= 0;
}

static void put_place(const struct store_value *v, struct buf *room, struct buf *day)
{
	buf_fmt(room, "%.*s@%.*s", STR_FMT(v[1].s), STR_FMT(v[0].s));
	clock_format(day, v[2].i);
	buf_cut(day, ROOM_LOG_DAY_N);
}

/* What the room is called, before the first line of a day. */
static void put_day(struct room_log *l, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf room = {.max = 4096}, day = {.max = 64};

	put_place(v, &room, &day);
	turn_to(l, &(struct room_page){buf_view(&room), v[3].s, v[4].s, buf_view(&day)}, true);
}

/* In HTML it may be too long, and only there: that there was one is said. */
static void write_line(struct buf *out, const struct room_line *line,
	void (*write)(struct buf *, const struct room_line *))
{
	struct room_line instead = {line->time, line->nick, STR("said something that is too long to be shown here"),
		STR_NONE};

	write(out, line);
	if (buf_ok(out))
		return;
	buf_clear(out);
	buf_init(out, LINE_MAX_);
	write(out, &instead);
}

static void put_line(struct room_log *l, const struct store_value *v)
{
	CLEANUP(buf_clear)
	struct buf room = {.max = 4096}, day = {.max = 64}, text = {.max = LINE_MAX_}, html = {.max = LINE_MAX_};
	struct room_line line = {v[2].i, v[3].s, v[4].s, v[5].s};

	put_place(v, &room, &day);
	if (!turn_to(l, &(struct room_page){.room = buf_view(&room), .day = buf_view(&day)}, false))
		return;
	write_line(&text, &line, room_log_text);
	write_line(&html, &line, room_log_html);
	if (room_log_write(l->text, &text) && room_log_write(l->html, &html))
		l->failing = false;
	else
		fail(l, "write");
}

/* ---- taken back ---- */

/* What stands at the beginning of a line, and nowhere else: nobody can write such a line (see put_text()). */
static char *find_line(const struct buf *all, struct str line)
{
	char *at = all->p, *end = all->p + all->n;

	while (at && (at = memmem(at, (size_t)(end - at), line.p, line.n)) && at > all->p && at[-1] != '\n')
		at++;
	return at;
}

static bool read_file(int fd, struct buf *all)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(all, chunk, (size_t)n);
	return n == 0 && buf_ok(all);
}

bool room_log_replace(int dir, const char *name, mode_t mode, const struct buf *all, bool sync)
{
	static const char part[] = ".part";
	int fd;
	bool done;

	if (unlinkat(dir, part, 0) < 0 && errno != ENOENT)
		return false;
	fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = room_log_write(fd, all) && fchmod(fd, mode & 0666) == 0 && (!sync || fsync(fd) == 0);
	close(fd);
	return done && renameat(dir, part, dir, name) == 0;
}

bool room_log_read(int dir, const char *name, struct buf *all)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool done;

	if (fd < 0)
		return false;
	done = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_file(fd, all);
	close(fd);
	return done;
}

bool room_log_replace_line(int dir, const char *name, struct str old, struct str new, bool sync)
{
	CLEANUP(buf_clear) struct buf all = {.max = FILE_MAX_}, with = {.max = FILE_MAX_};
	struct stat st;
	char *at;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (!room_log_read(dir, name, &all))
		return false;
	at = find_line(&all, old);
	if (!at)
		return true;
	buf_add(&with, all.p, (size_t)(at - all.p));
	buf_str(&with, new);
	buf_add(&with, at + old.n, (size_t)(all.p + all.n - at) - old.n);
	return buf_ok(&with) && room_log_replace(dir, name, st.st_mode, &with, sync);
}

/* The newest first: what earlier versions wrote is looked for only where it is something else. */
static const struct form {
	const char *end;
	void (*write[3])(struct buf *out, const struct room_line *line);
} forms[] = {
	{"txt", {room_log_text, room_log_text_plain}},
	{"html", {room_log_html, room_log_html_old, room_log_html_plain}},
};

/* False: the file could not be read or written. */
static bool take_back_in(int dir, struct str day, const struct form *f, const struct room_line *said,
	const struct room_line *left)
{
	CLEANUP(buf_clear) struct buf last = {.max = LINE_MAX_}, new = {.max = LINE_MAX_}, name = {.max = 64};
	bool done = true;

	buf_fmt(&name, "%.*s.%s", STR_FMT(day), f->end);
	f->write[0](&new, left);
	for (size_t i = 0; i < ARRAY_LEN(f->write) && f->write[i]; i++) {
		CLEANUP(buf_clear) struct buf old = {.max = LINE_MAX_};

		f->write[i](&old, said);
		if (!buf_ok(&old) || !buf_ok(&new) || str_eq(buf_view(&old), buf_view(&last)))
			continue;
		done = room_log_replace_line(dir, buf_cstr(&name), buf_view(&old), buf_view(&new), true) && done;
		buf_reset(&last);
		buf_str(&last, buf_view(&old));
	}
	return done;
}

static void take_back(struct room_log *l, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf room = {.max = 4096}, path = {.max = 16384}, day = {.max = 64};
	struct room_line said = {v[2].i, v[3].s, STR_NONE, v[4].s},
			 left = {v[2].i, v[3].s, STR("said something that was taken back"), STR_NONE};
	bool done = true;
	int dir;

	room_log_rest(l);
	put_place(v, &room, &day);
	buf_fmt(&path, "%s/", l->dir);
	room_log_folder(&path, buf_view(&room));
	dir = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < ARRAY_LEN(forms); i++)
		done = take_back_in(dir, buf_view(&day), &forms[i], &said, &left) && done;
	if (dir >= 0)
		close(dir);
	else
		done = errno == ENOENT;
	if (!done)
		fail(l, "take back");
}

static void expire(struct room_log *l, struct str service, int64_t oldest)
{
	CLEANUP(buf_clear) struct buf day = {.max = 64};

	room_log_rest(l);
	clock_format(&day, oldest);
	buf_cut(&day, ROOM_LOG_DAY_N);
	if (!room_log_expire(l->dir, &l->sweeps, service, buf_view(&day)))
		fail(l, "remove");
}

void room_log_batch(struct room_log *l, const struct store_batch *b)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_write w;
	size_t pos = 0;
	unsigned n;

	while (l && store_batch_next(b, &pos, &w, v, &n))
		if (w == STORE_ROOM_LOG)
			put_line(l, v);
		else if (w == STORE_ROOM_LOG_DAY)
			put_day(l, v);
		else if (w == STORE_ROOM_LOG_EXPIRE)
			expire(l, v[0].s, v[1].i);
		else if (w == STORE_ROOM_UNLOG)
			take_back(l, v);
}
