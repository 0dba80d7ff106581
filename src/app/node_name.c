#include "app/node_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/log.h"
#include "base/mem.h"

enum { PATH_SIZE = 4096, NAME_SIZE = 128 };

static void path_of(char path[PATH_SIZE], const char *folder, const char *end)
{
	snprintf(path, PATH_SIZE, "%s/node.name%s", folder, end);
}

char *node_name_read(const char *folder)
{
	CLEANUP(buf_clear) struct buf why = {.max = 1024};
	char path[PATH_SIZE], name[NAME_SIZE] = "";
	FILE *f;

	path_of(path, folder, "");
	f = fopen(path, "re");
	if (!f)
		return NULL;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	name[strcspn(name, "\n")] = '\0';
	if (config_is_name(name, &why))
		return xstrdup(name);
	log_warn("node_name", "file=%s error=\"%s\"", path, buf_cstr(&why));
	return NULL;
}

static bool put_file(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && dprintf(fd, "%s\n", name) > 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

void node_name_keep(const char *folder, const char *name)
{
	char path[PATH_SIZE], fresh[PATH_SIZE], *old = node_name_read(folder);
	bool same = old && strcmp(old, name) == 0;

	xfree(old);
	if (same)
		return;
	path_of(path, folder, "");
	path_of(fresh, folder, ".new");
	if (!put_file(fresh, name) || rename(fresh, path) != 0)
		log_warn("node_name", "file=%s error=\"%s\"", path, strerror(errno));
}
