#include "db/room_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	NAME_MAX_ = 200,
	NAME_CUT = 160,
	HASH_SHOWN = 8,
	LINE_MAX_ = 1 << 20,
	FILE_MAX_ = 64 << 20, /* a day that is longer is left as it is */
	DAY_N = 10,
	SECONDS_AT = 11,
	SECONDS_N = 8
};

struct room_log {
	char *dir;
	bool failing;
	struct buf room, day; /* of the open files */
	int text, html;       /* -1: not open */
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
	buf_clear(&l->room);
	buf_clear(&l->day);
	xfree(l->dir);
	xfree(l);
}

/* ---- names ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("@-_.", c));
}

void room_log_folder(struct buf *out, struct str room)
{
	size_t start = out->n;
	uint8_t digest[HASH_MAX];

	for (size_t i = 0; i < room.n; i++) {
		char c = room.p[i];

		if (is_plain(c) && (i > 0 || c != '.'))
			buf_char(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned char)c);
	}
	if (out->n - start <= NAME_MAX_)
		return;
	buf_cut(out, start + NAME_CUT);
	hash_digest(HASH_SHA256, room, digest);
	buf_char(out, '%');
	hex_encode(out, digest, HASH_SHOWN);
}

/* ---- texts ---- */

struct place {
	bool html;
	const char *newline; /* instead of one */
};

static void put_char(struct buf *out, struct str c, const struct place *p)
{
	static const struct {
		char c;
		const char *text;
	} marks[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (size_t i = 0; p->html && i < ARRAY_LEN(marks); i++)
		if (*c.p == marks[i].c) {
			buf_z(out, marks[i].text);
			return;
		}
	if (*c.p == '\n')
		buf_z(out, p->newline);
	else if (*c.p == '\t' || (unsigned char)*c.p >= 0x20)
		buf_str(out, c);
}

static void put_text(struct buf *out, struct str text, const struct place *p)
{
	while (text.n) {
		size_t n = str_utf8_next(text);
		uint32_t u = n ? str_utf8_char(text.p, n) : '?';

		if (!n)
			buf_char(out, '?');
		else if (!str_is_unseen(u) && u != 0x7f)
			put_char(out, (struct str){text.p, n}, p);
		n += !n;
		text = (struct str){text.p + n, text.n - n};
	}
}

static void put_seconds(struct buf *out, int64_t time)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};

	clock_format(&tmp, time);
	buf_add(out, tmp.p + SECONDS_AT, SECONDS_N);
}

/* "/me waves" (XEP-0245): takes off what stands before "waves". */
static bool take_action(struct str *text)
{
	const struct str me = STR("/me ");

	if (!str_starts(*text, me))
		return false;
	*text = (struct str){text->p + me.n, text->n - me.n};
	return true;
}

/* What somebody does is his words, too: an event, which begins with the asterisk, cannot be written by anybody. */
void room_log_text(struct buf *out, const struct room_line *line)
{
	static const struct place name = {false, " "}, text = {false, "\n         "};
	struct str nick = line->nick.p ? line->nick : STR("the room"), said = line->text;
	bool acts = !line->did.p && take_action(&said);

	put_seconds(out, line->time);
	buf_z(out, line->did.p ? " * " : " <");
	put_text(out, nick, &name);
	if (line->did.p)
		buf_fmt(out, " %.*s", STR_FMT(line->did));
	else
		buf_z(out, acts ? "> * " : ">");
	if (acts)
		put_text(out, nick, &name);
	if (said.n) {
		buf_z(out, line->did.p ? ": " : " ");
		put_text(out, said, &text);
	}
	buf_char(out, '\n');
}

void room_log_html(struct buf *out, const struct room_line *line)
{
	static const struct place name = {true, " "}, text = {true, "<br>"};
	struct str said = line->text;
	bool acts = !line->did.p && take_action(&said);

	buf_fmt(out, "<p%s><time datetime=\"", line->did.p ? " class=\"event\"" : "");
	clock_format(out, line->time);
	buf_z(out, "\">");
	put_seconds(out, line->time);
	buf_z(out, acts ? "</time> * <b>" : "</time> <b>");
	put_text(out, line->nick.p ? line->nick : STR("the room"), &name);
	buf_z(out, "</b> ");
	if (line->did.p)
		buf_fmt(out, "%.*s%s", STR_FMT(line->did), line->text.n ? ": " : "");
	if (said.n)
		put_text(out, said, &text);
	buf_z(out, "</p>\n");
}

static void put_head(struct buf *out, struct str room, struct str day)
{
	static const struct place name = {true, " "};

	buf_z(out,
		"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\"><title>");
	put_text(out, room, &name);
	buf_fmt(out,
		", %.*s</title>\n<style>body{font-family:sans-serif;max-width:50em;margin:1em auto;padding:0 1em}"
		"p{margin:.2em 0}time,.event{color:#666}</style></head><body>\n<h1>",
		STR_FMT(day));
	put_text(out, room, &name);
	buf_fmt(out, ", %.*s</h1>\n", STR_FMT(day));
}

/* ---- files ---- */

static void fail(struct room_log *l, const char *what)
{
	if (!l->failing)
		log_warn("room_log_failed", "folder=%s at=%s error=\"%s\"", l->dir, what, strerror(errno));
	l->failing = true;
}

/* The umask is not ours to decide by: who set the rights of the folder did. */
static int open_one(int folder, const char *name, mode_t mode, bool *ret_new)
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

static int open_files(struct room_log *l, const char *folder, bool *ret_new)
{
	CLEANUP(buf_clear) struct buf name = {.max = 64};
	struct stat st = {.st_mode = 0700};
	bool text_new;
	int base, dir;

	mkdir(l->dir, 0700);
	base = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return -1;
	if (fstat(base, &st) < 0)
		st.st_mode = 0700;
	dir = open_folder(base, folder, st.st_mode);
	close(base);
	if (dir < 0)
		return -1;
	buf_fmt(&name, "%.*s.txt", STR_FMT(buf_view(&l->day)));
	l->text = open_one(dir, buf_cstr(&name), st.st_mode, &text_new);
	buf_reset(&name);
	buf_fmt(&name, "%.*s.html", STR_FMT(buf_view(&l->day)));
	l->html = l->text < 0 ? -1 : open_one(dir, buf_cstr(&name), st.st_mode, ret_new);
	close(dir);
	if (l->html >= 0)
		return 0;
	if (l->text >= 0)
		close(l->text);
	l->text = -1;
	return -1;
}

static bool put_file(int fd, const struct buf *b)
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

/* The files of this room and day are open. */
static bool turn_to(struct room_log *l, struct str room, struct str day)
{
	CLEANUP(buf_clear) struct buf folder = {.max = 8192}, head = {.max = 16384};
	bool new = false;

	if (l->text >= 0 && str_eq(buf_view(&l->room), room) && str_eq(buf_view(&l->day), day))
		return true;
	room_log_rest(l);
	buf_reset(&l->room);
	buf_reset(&l->day);
	buf_str(&l->room, room);
	buf_str(&l->day, day);
	room_log_folder(&folder, room);
	if (!buf_ok(&folder) || open_files(l, buf_cstr(&folder), &new) < 0) {
		fail(l, "open");
		return false;
	}
	if (new)
		put_head(&head, room, day);
	return put_file(l->html, &head);
}

static void put_line(struct room_log *l, const struct store_value *v)
{
	CLEANUP(buf_clear)
	struct buf room = {.max = 4096}, day = {.max = 64}, text = {.max = LINE_MAX_}, html = {.max = LINE_MAX_};
	struct room_line line = {v[2].i, v[3].s, v[4].s, v[5].s};

	buf_fmt(&room, "%.*s@%.*s", STR_FMT(v[1].s), STR_FMT(v[0].s));
	clock_format(&day, line.time);
	buf_cut(&day, DAY_N);
	if (!turn_to(l, buf_view(&room), buf_view(&day)))
		return;
	room_log_text(&text, &line);
	room_log_html(&html, &line);
	if (!buf_ok(&text) || !buf_ok(&html))
		return;
	if (put_file(l->text, &text) && put_file(l->html, &html))
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

/* A new file takes the old one's place: who reads it sees the one or the other. */
static bool write_anew(int dir, const char *name, mode_t mode, const struct buf *all)
{
	static const char part[] = ".part";
	int fd;
	bool done;

	if (unlinkat(dir, part, 0) < 0 && errno != ENOENT)
		return false;
	fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = put_file(fd, all) && fchmod(fd, mode & 0777) == 0 && fsync(fd) == 0;
	close(fd);
	return done && renameat(dir, part, dir, name) == 0;
}

static bool replace_line(int dir, const char *name, struct str old, struct str new)
{
	CLEANUP(buf_clear) struct buf all = {.max = FILE_MAX_}, with = {.max = FILE_MAX_};
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd < 0 && errno == ENOENT;
	struct stat st;
	char *at;

	if (fd < 0)
		return done;
	done = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_file(fd, &all);
	close(fd);
	at = done ? find_line(&all, old) : NULL;
	if (!at)
		return done;
	buf_add(&with, all.p, (size_t)(at - all.p));
	buf_str(&with, new);
	buf_add(&with, at + old.n, (size_t)(all.p + all.n - at) - old.n);
	return buf_ok(&with) && write_anew(dir, name, st.st_mode, &with);
}

static const struct {
	const char *end;
	void (*write)(struct buf *out, const struct room_line *line);
} forms[] = {{"txt", room_log_text}, {"html", room_log_html}};

static void take_back(struct room_log *l, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf room = {.max = 4096}, path = {.max = 16384}, day = {.max = 64};
	struct room_line said = {v[2].i, v[3].s, STR_NONE, v[4].s},
			 left = {v[2].i, v[3].s, STR("said something that was taken back"), STR_NONE};
	bool done = true;
	int dir;

	room_log_rest(l);
	buf_fmt(&room, "%.*s@%.*s", STR_FMT(v[1].s), STR_FMT(v[0].s));
	buf_fmt(&path, "%s/", l->dir);
	room_log_folder(&path, buf_view(&room));
	clock_format(&day, said.time);
	buf_cut(&day, DAY_N);
	dir = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < ARRAY_LEN(forms); i++) {
		CLEANUP(buf_clear) struct buf old = {.max = LINE_MAX_}, new = {.max = LINE_MAX_}, name = {.max = 64};

		forms[i].write(&old, &said);
		forms[i].write(&new, &left);
		buf_fmt(&name, "%.*s.%s", STR_FMT(buf_view(&day)), forms[i].end);
		if (buf_ok(&old) && buf_ok(&new))
			done = replace_line(dir, buf_cstr(&name), buf_view(&old), buf_view(&new)) && done;
	}
	if (dir >= 0)
		close(dir);
	else
		done = errno == ENOENT;
	if (!done)
		fail(l, "take back");
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
		else if (w == STORE_ROOM_UNLOG)
			take_back(l, v);
}
