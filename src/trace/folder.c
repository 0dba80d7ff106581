#include "trace/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "trace/recorder.h"

void folder_state(char path[FOLDER_PATH], const char *name)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		snprintf(path, FOLDER_PATH, "%s/wireside/%s", state, name);
	else
		snprintf(path, FOLDER_PATH, "%s/.local/state/wireside/%s", home && *home == '/' ? home : "", name);
}

int folder_read(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;
	int error = errno;

	while (n > 0) {
		char *room = buf_room(ret, 65536);

		n = room ? read(fd, room, 65536) : -1;
		if (n > 0)
			ret->n += (size_t)n;
		error = room ? errno : EFBIG;
	}
	if (fd >= 0)
		close(fd);
	errno = error;
	if (n < 0)
		return fd < 0 && error == ENOENT ? ERR_NOTFOUND : ERR_IO;
	return 0;
}

int folder_write(const char *path, struct str text)
{
	int fd = trace_file(path);
	int err = fd < 0 ? ERR_IO : trace_write(fd, text);

	if (fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	return err;
}

static int make_one(const char *path, unsigned mode, folder_made_fn *on_made, void *arg)
{
	if (mkdir(path, mode) == 0) {
		if (on_made)
			on_made(arg, path);
		return 0;
	}
	return errno == EEXIST ? 0 : ERR_IO;
}

int folder_make(const char *path, unsigned mode, folder_made_fn *on_made, void *arg)
{
	char part[FOLDER_PATH];
	struct stat st;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	for (char *p = part + 1;; p++) {
		char end = *p;

		if (end != '/' && end)
			continue;
		*p = '\0';
		if (make_one(part, mode, on_made, arg) != 0)
			return ERR_IO;
		*p = end;
		if (!end)
			break;
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return ERR_IO;
	return st.st_uid == geteuid() && !(st.st_mode & ~mode & 022) ? 0 : ERR_DENIED;
}
