#include "trace/install.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "trace/child.h"
#include "trace/folder.h"
#include "trace/tshark.h"

enum { DIGEST = 32, DIGEST_TEXT = 2 * DIGEST + 1, ROWS_MAX = 64, NOTES_MAX = 1 << 20, FOLDERS_MAX = 64 << 10 };
/* The group may be the user's own; it is left to the umask. */
enum { FOLDER_MODE = 0775 };

const char *const install_words[INSTALL_RESULTS] = {
	[INSTALL_WRITTEN] = "written",
	[INSTALL_SAME] = "is there",
	[INSTALL_KEPT] = "left alone, for it is not ours or was changed",
	[INSTALL_REMOVED] = "removed",
	[INSTALL_FILLED] = "left, for something else is in it",
	[INSTALL_GONE] = "was not there any more",
};

/* ---- what is noted: "file|link|folder TAB digest TAB path", one line each ---- */

struct row {
	char kind; /* f, l, d */
	char digest[DIGEST_TEXT];
	char *path;
};

struct notes {
	char path[FOLDER_PATH];
	struct row rows[ROWS_MAX];
	size_t n;
};

static void notes_clear(struct notes *t)
{
	for (size_t i = 0; i < t->n; i++)
		xfree(t->rows[i].path);
	t->n = 0;
}

static struct row *find_row(struct notes *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].path, path) == 0)
			return &t->rows[i];
	return NULL;
}

static void note(struct notes *t, char kind, const char *digest, const char *path)
{
	struct row *r = find_row(t, path);

	if (!r && t->n == ROWS_MAX)
		return;
	if (!r) {
		r = &t->rows[t->n++];
		*r = (struct row){.path = xstrdup(path)};
	}
	r->kind = kind;
	snprintf(r->digest, sizeof(r->digest), "%s", digest);
}

static int notes_read(struct notes *t)
{
	CLEANUP(buf_clear) struct buf text = {.max = NOTES_MAX};
	struct str rest;
	int err;

	folder_state(t->path, "wireshark-installed");
	err = folder_read(t->path, &text);
	if (err)
		return err;
	rest = buf_view(&text);
	while (rest.p && rest.n) {
		struct str path = str_cut(&rest, '\n'), kind = str_cut(&path, '\t'), digest = str_cut(&path, '\t');
		char hex[DIGEST_TEXT], name[FOLDER_PATH];

		if (kind.n != 1 || !path.p || path.n == 0 || path.n >= FOLDER_PATH)
			continue;
		snprintf(hex, sizeof(hex), "%.*s", STR_FMT(digest));
		snprintf(name, sizeof(name), "%.*s", STR_FMT(path));
		note(t, kind.p[0], hex, name);
	}
	return 0;
}

static void take_folder(void *arg, const char *path) { note(arg, 'd', "-", path); }

static int notes_write(struct notes *t)
{
	CLEANUP(buf_clear) struct buf text = {.max = NOTES_MAX};
	char folder[FOLDER_PATH];
	int err;

	snprintf(folder, sizeof(folder), "%s", t->path);
	*strrchr(folder, '/') = '\0';
	err = folder_make(folder, 0700, take_folder, t);
	for (size_t i = 0; i < t->n; i++)
		buf_fmt(&text, "%c\t%s\t%s\n", t->rows[i].kind, t->rows[i].digest, t->rows[i].path);
	return err ? err : folder_write(t->path, buf_view(&text));
}

/* ---- what is there ---- */

static void digest_of(struct str text, char ret[DIGEST_TEXT])
{
	CLEANUP(buf_clear) struct buf hex = {.max = DIGEST_TEXT};
	uint8_t digest[DIGEST];

	hash_digest(HASH_SHA256, text, digest);
	hex_encode(&hex, digest, sizeof(digest));
	snprintf(ret, DIGEST_TEXT, "%s", buf_cstr(&hex));
}

/* Kind and digest of what has this name; kind 0: nothing; '?': something else than we would make. */
static char look(const char *path, char ret[DIGEST_TEXT])
{
	CLEANUP(buf_clear) struct buf text = {.max = FOLDER_FILE_MAX};
	char target[FOLDER_PATH];
	struct stat st;
	ssize_t n;

	ret[0] = '\0';
	if (lstat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : '?';
	if (S_ISDIR(st.st_mode))
		return 'd';
	if (S_ISREG(st.st_mode) && folder_read(path, &text) == 0) {
		digest_of(buf_view(&text), ret);
		return 'f';
	}
	n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof(target)) : -1;
	if (n < 0 || n == sizeof(target))
		return '?';
	digest_of((struct str){target, (size_t)n}, ret);
	return 'l';
}

static bool is_as_noted(const struct row *r)
{
	char digest[DIGEST_TEXT];

	return look(r->path, digest) == r->kind && strcmp(digest, r->digest) == 0;
}

/* ---- where Wireshark looks ---- */

struct places {
	char config[FOLDER_PATH], lua[FOLDER_PATH], programs[FOLDER_PATH];
};

static int ask_folders(struct buf *out, struct buf *why)
{
	const char *argv[] = {"tshark", "-G", "folders", NULL};
	int from, err, status;
	ssize_t n = 1;
	pid_t pid;

	status = child_spawn(argv, NULL, &from, &err, &pid);
	if (status) {
		buf_fmt(why, "tshark: %s",
			status == ENOENT ? "not installed; on Debian: apt install tshark" : strerror(status));
		return ERR_NOTFOUND;
	}
	while (n > 0 || (n < 0 && errno == EINTR)) {
		char *room = buf_room(out, 4096);

		n = room ? read(from, room, 4096) : 0;
		if (n > 0)
			out->n += (size_t)n;
	}
	close(from);
	close(err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return buf_ok(out) ? 0 : ERR_LIMIT;
}

static void take_place(struct str line, const char *name, char ret[FOLDER_PATH])
{
	struct str rest = line;

	if (str_eq(str_cut(&rest, ':'), str_z(name)) && rest.p)
		snprintf(ret, FOLDER_PATH, "%.*s", STR_FMT(str_trim(rest)));
}

static int find_places(struct places *p, struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = FOLDERS_MAX};
	int err = ask_folders(&text, why);
	struct str rest = buf_view(&text);

	*p = (struct places){{0}, {0}, {0}};
	while (!err && rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		take_place(line, "Personal configuration", p->config);
		take_place(line, "Personal Lua Plugins", p->lua);
		take_place(line, "Personal Extcap path", p->programs); /* named since 4.2 */
	}
	if (err)
		return err;
	if (p->config[0] != '/' || p->lua[0] != '/') {
		buf_z(why, "`tshark -G folders` does not name the personal folders");
		return ERR_INVALID;
	}
	if (p->programs[0] != '/')
		snprintf(p->programs, sizeof(p->programs), "%.4000s/extcap", p->config);
	return 0;
}

/* ---- putting it there ---- */

struct putting {
	struct notes notes;
	install_fn *on_file;
	void *arg;
	struct buf *why;
};

static void on_folder(void *arg, const char *path)
{
	struct putting *p = arg;

	note(&p->notes, 'd', "-", path);
	p->on_file(p->arg, INSTALL_WRITTEN, path);
}

static int fail(struct putting *p, const char *path, int err)
{
	buf_fmt(p->why, "%s: %s", path, err == ERR_DENIED ? "others may write there" : strerror(errno));
	return err;
}

static int write_there(char kind, const char *path, struct str text)
{
	char target[FOLDER_PATH];

	if (kind == 'f')
		return folder_write(path, text);
	snprintf(target, sizeof(target), "%.*s", STR_FMT(text));
	if (unlink(path) != 0 && errno != ENOENT)
		return ERR_IO;
	return symlink(target, path) == 0 ? 0 : ERR_IO;
}

/* text: of the file, or where the link leads. */
static int put(struct putting *p, char kind, const char *folder, const char *name, struct str text)
{
	char path[FOLDER_PATH + 100], there[DIGEST_TEXT], wanted[DIGEST_TEXT];
	const struct row *before;
	char found;
	int err = folder_make(folder, FOLDER_MODE, on_folder, p);

	if (err)
		return fail(p, folder, err);
	snprintf(path, sizeof(path), "%.4000s/%s", folder, name);
	digest_of(text, wanted);
	found = look(path, there);
	if (found == kind && strcmp(there, wanted) == 0) {
		p->on_file(p->arg, INSTALL_SAME, path);
		return 0;
	}
	before = find_row(&p->notes, path);
	if (found && !(before && is_as_noted(before))) {
		p->on_file(p->arg, INSTALL_KEPT, path);
		return 0;
	}
	if (write_there(kind, path, text) != 0)
		return fail(p, path, ERR_IO);
	note(&p->notes, kind, wanted, path);
	p->on_file(p->arg, INSTALL_WRITTEN, path);
	return 0;
}

static int put_file(struct putting *p, const char *share, const char *folder, const char *name)
{
	CLEANUP(buf_clear) struct buf text = {.max = FOLDER_FILE_MAX};
	char path[FOLDER_PATH + 100];

	snprintf(path, sizeof(path), "%.4000s/%s", share, name);
	if (folder_read(path, &text) != 0)
		return fail(p, path, ERR_IO);
	return put(p, 'f', folder, name, buf_view(&text));
}

static int put_all(struct putting *p, const struct places *to, const char *share)
{
	static const char *const profile[] = {"preferences", "colorfilters", "dfilter_buttons", "io_graphs"};
	char folder[FOLDER_PATH + 100], program[FOLDER_PATH];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program));
	int err;

	if (n <= 0 || n == sizeof(program))
		return fail(p, "/proc/self/exe", ERR_IO);
	snprintf(folder, sizeof(folder), "%.4000s/profiles/" INSTALL_PROFILE, to->config);
	err = put_file(p, share, to->lua, "wireside.lua");
	for (size_t i = 0; !err && i < ARRAY_LEN(profile); i++)
		err = put_file(p, share, folder, profile[i]);
	return err ? err : put(p, 'l', to->programs, "wireside", (struct str){program, (size_t)n});
}

int install_put(install_fn *on_file, void *arg, struct buf *why)
{
	CLEANUP(buf_clear) struct buf share = {.max = FOLDER_PATH};
	struct putting *p = xcalloc(1, sizeof(*p));
	struct places to;
	int err, noted;

	p->on_file = on_file;
	p->arg = arg;
	p->why = why;
	noted = notes_read(&p->notes);
	err = find_places(&to, why);
	if (!err && !tshark_share(&share)) {
		buf_z(why, "the folder with wireside.lua is missing; WIRESIDE_SHARE names it");
		err = ERR_NOTFOUND;
	}
	if (!err && noted && noted != ERR_NOTFOUND)
		err = fail(p, p->notes.path, noted);
	if (!err) {
		err = put_all(p, &to, buf_cstr(&share));
		/* Also of what was begun and failed: all of it can be taken away. */
		if (notes_write(&p->notes) != 0 && !err)
			err = fail(p, p->notes.path, ERR_IO);
	}
	notes_clear(&p->notes);
	xfree(p);
	return err;
}

/* ---- taking it away ---- */

static enum install_result take_away(const struct row *r)
{
	char digest[DIGEST_TEXT];

	if (look(r->path, digest) == 0)
		return INSTALL_GONE;
	if (r->kind == 'd') /* only when nobody has put anything in */
		return rmdir(r->path) == 0 ? INSTALL_REMOVED : INSTALL_FILLED;
	return is_as_noted(r) && unlink(r->path) == 0 ? INSTALL_REMOVED : INSTALL_KEPT;
}

/* Last made, first removed: it is in what was made before. */
static void take_all(const struct notes *t, bool folders, install_fn *on_file, void *arg)
{
	for (size_t i = t->n; i-- > 0;)
		if ((t->rows[i].kind == 'd') == folders)
			on_file(arg, take_away(&t->rows[i]), t->rows[i].path);
}

int install_remove(install_fn *on_file, void *arg, struct buf *why)
{
	struct notes *t = xcalloc(1, sizeof(*t));
	int err = notes_read(t);

	if (err == ERR_NOTFOUND)
		buf_z(why, "nothing is installed");
	else if (err)
		buf_fmt(why, "%s: %s", t->path, strerror(errno));
	if (!err) {
		/* The notes are in one of the folders. */
		take_all(t, false, on_file, arg);
		if (unlink(t->path) != 0) {
			buf_fmt(why, "%s: %s", t->path, strerror(errno));
			err = ERR_IO;
		}
		take_all(t, true, on_file, arg);
	}
	notes_clear(t);
	xfree(t);
	return err;
}
