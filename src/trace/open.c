#include "trace/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/recorder.h"
#include "trace/tshark.h"

enum { FILE_MAX = 1 << 20 };

static const char *const ours[] = {"init.lua", "wireside.lua", "preferences", "colorfilters", "dfilter_buttons",
	"io_graphs"};

static int read_whole(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		char *room = buf_room(ret, 65536);

		n = room ? read(fd, room, 65536) : -1;
		if (n > 0)
			ret->n += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? ERR_IO : 0;
}

static int copy(const char *from, const char *to, const char *name)
{
	CLEANUP(buf_clear) struct buf text = {.max = FILE_MAX};
	char path[4200];
	int fd, err;

	snprintf(path, sizeof(path), "%.4095s/%s", from, name);
	if (read_whole(path, &text) != 0)
		return ERR_IO;
	snprintf(path, sizeof(path), "%.4095s/%s", to, name);
	fd = trace_file(path);
	err = fd < 0 ? ERR_IO : trace_write(fd, buf_view(&text));
	if (fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	return err;
}

/* What is in it is run by Wireshark: nobody else may write there. */
static int make_folder(char *path)
{
	struct stat st;

	for (char *p = path + 1;; p++) {
		char end = *p;

		if (end != '/' && end)
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return ERR_IO;
		*p = end;
		if (!end)
			break;
	}
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return ERR_IO;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : ERR_DENIED;
}

static void name_folder(char *path, size_t n)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		snprintf(path, n, "%s/wireside/wireshark", state);
	else
		snprintf(path, n, "%s/.local/state/wireside/wireshark", home && *home == '/' ? home : "");
}

int open_wireshark(const char *file, struct buf *why)
{
	CLEANUP(buf_clear) struct buf share = {.max = 4096};
	char folder[4096];
	int err;

	if (!tshark_share(&share)) {
		buf_z(why, "the folder with wireside.lua is missing; WIRESIDE_SHARE names it");
		return ERR_NOTFOUND;
	}
	name_folder(folder, sizeof(folder));
	err = make_folder(folder);
	for (size_t i = 0; !err && i < ARRAY_LEN(ours); i++)
		err = copy(buf_cstr(&share), folder, ours[i]);
	if (err) {
		buf_fmt(why, "%s: %s", folder, err == ERR_DENIED ? "others may write there" : strerror(errno));
		return err;
	}
	setenv("WIRESHARK_CONFIG_DIR", folder, 1);
	execlp("wireshark", "wireshark", file ? "-r" : NULL, file, NULL);
	buf_fmt(why, "wireshark: %s",
		errno == ENOENT ? "not installed; on Debian: apt install wireshark" : strerror(errno));
	return ERR_NOTFOUND;
}
