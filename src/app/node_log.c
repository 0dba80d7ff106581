#include "app/node_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* There is one standard error a process, and any thread may log. */
static struct {
	pthread_mutex_t lock;
	char path[4096];
	off_t size;
} file = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Others may have written there, too, and who removed it wants a new one. Where that cannot be made the old one goes on. */
static void turn(void)
{
	char earlier[sizeof(file.path) + 2];
	int fd;

	snprintf(earlier, sizeof(earlier), "%s.1", file.path);
	rename(file.path, earlier);
	fd = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	file.size = 0;
	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void put(enum log_level level, const char *line)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "%s\n", line);
	ssize_t r;

	(void)level;
	if (n < 0 || n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	pthread_mutex_lock(&file.lock);
	if (file.size + n > NODE_LOG_MAX)
		turn();
	file.size += n;
	do
		r = write(STDERR_FILENO, text, (size_t)n);
	while (r < 0 && errno == EINTR);
	pthread_mutex_unlock(&file.lock);
}

void node_log_bound(const char *data)
{
	struct stat ours, there;

	if (snprintf(file.path, sizeof(file.path), "%s/node.log", data) >= (int)sizeof(file.path))
		return;
	if (fstat(STDERR_FILENO, &ours) != 0 || lstat(file.path, &there) != 0 || !S_ISREG(there.st_mode) ||
		ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		return;
	file.size = ours.st_size;
	log_set_sink(put);
}
