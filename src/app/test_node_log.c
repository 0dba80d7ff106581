#include "app/node_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

enum { LINES = 30000, LINE = 100 };

static char folder[] = "/tmp/wireside-log-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* As a node that a chat has started: standard error is `name`. */
static void log_much(const char *name)
{
	char text[LINE];
	int status, fd;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open(path_of(name), O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, STDERR_FILENO);
		node_log_bound(folder);
		memset(text, 'x', sizeof(text));
		for (int i = 0; i < LINES; i++)
			log_info("line", "n=%d %.*s", i, LINE, text);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static off_t size_of(const char *name)
{
	struct stat st;

	if (stat(path_of(name), &st) != 0)
		return -1;
	assert_int_equal(st.st_mode & 0777, 0600);
	return st.st_size;
}

/* Numbers of the first and the last line. */
static void ends_of(const char *name, int *ret_first, int *ret_last)
{
	char line[1024];
	FILE *f = fopen(path_of(name), "re");

	assert_non_null(f);
	*ret_first = -1;
	while (fgets(line, sizeof(line), f)) {
		const char *n = strstr(line, " n=");

		assert_non_null(n);
		assert_non_null(strchr(line, '\n'));
		*ret_last = atoi(n + 3);
		if (*ret_first < 0)
			*ret_first = *ret_last;
	}
	fclose(f);
}

static void it_does_not_grow_for_ever(void **state)
{
	int first, last, earlier_first, earlier_last;

	log_much("node.log");
	assert_in_range(size_of("node.log"), 1, NODE_LOG_MAX);
	assert_in_range(size_of("node.log.1"), NODE_LOG_MAX / 2, NODE_LOG_MAX);
	assert_int_equal(size_of("node.log.2"), -1);
	ends_of("node.log", &first, &last);
	ends_of("node.log.1", &earlier_first, &earlier_last);
	assert_int_equal(last, LINES - 1);
	assert_int_equal(first, earlier_last + 1); /* nothing is lost between the two */
	assert_true(earlier_first > 0);
}

/* Whoever gave the node another file keeps it himself. */
static void others_are_left_alone(void **state)
{
	log_much("other.log");
	assert_true(size_of("other.log") > 2 * NODE_LOG_MAX);
	assert_int_equal(size_of("other.log.1"), -1);
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }

static int remove_folder(void **state)
{
	static const char *const names[] = {"node.log", "node.log.1", "other.log"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_does_not_grow_for_ever),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
