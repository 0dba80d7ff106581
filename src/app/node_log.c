#include "app/node_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* There is one standard error a process, and any thread may log. */
static struct {
	pthread_mutex_t lock;
	char path[4096];
	off_t size;
} file = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Nothing can be moved or made there: what is there is worth less than the disk. */
static void begin_again(void)
{
	if (ftruncate(STDERR_FILENO, 0) == 0)
		lseek(STDERR_FILENO, 0, SEEK_SET); /* who opened it may not have said that all of it goes to the end */
	file.size = 0;
}

/* What was standard error, and standard output if that was the same file: whoever sent it elsewhere wants it there. */
static void take(int fd, const struct stat *was)
{
	struct stat out, now;

	if (fstat(STDOUT_FILENO, &out) == 0 && same_file(&out, was))
		dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	file.size = fstat(fd, &now) == 0 ? now.st_size : 0;
	close(fd);
}

/* Others may have written there, too, and who moved or removed it wants a new one: whatever has its name now is not what is full. */
static void turn(void)
{
	char earlier[sizeof(file.path) + 2];
	struct stat ours, there;
	bool is_ours;
	int fd;

	if (fstat(STDERR_FILENO, &ours) != 0)
		return;
	is_ours = lstat(file.path, &there) == 0 && same_file(&ours, &there);
	snprintf(earlier, sizeof(earlier), "%s.1", file.path);
	if (is_ours && rename(file.path, earlier) != 0) {
		begin_again();
		return;
	}
	fd = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		take(fd, &ours);
	else if (is_ours)
		file.size = 0; /* the old one goes on under its new name, once more as long */
	else
		begin_again();
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
		!same_file(&ours, &there))
		return;
	file.size = ours.st_size;
	log_set_sink(put);
}

/* The last NODE_LOG_MAX bytes of a file, from the beginning of a line. */
static void keep_end(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	char *end = xmalloc(NODE_LOG_MAX), *line;
	ssize_t n = fd < 0 ? -1 : pread(fd, end, NODE_LOG_MAX, size - NODE_LOG_MAX);

	line = n > 0 ? memchr(end, '\n', (size_t)n) : NULL;
	if (line && ftruncate(fd, 0) == 0)
		n = pwrite(fd, line + 1, (size_t)(end + n - line - 1), 0);
	if (fd >= 0)
		close(fd);
	xfree(end);
}

void node_log_begin(void)
{
	char earlier[sizeof(file.path) + 2];
	off_t size;

	pthread_mutex_lock(&file.lock);
	size = file.size;
	snprintf(earlier, sizeof(earlier), "%s.1", file.path);
	if (size > NODE_LOG_TURN)
		turn();
	if (size > NODE_LOG_MAX && file.size < size)
		keep_end(earlier, size);
	pthread_mutex_unlock(&file.lock);
}
