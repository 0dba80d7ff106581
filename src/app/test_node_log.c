#include "app/node_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static void write_lines(int from, int to)
{
	char text[LINE];

	memset(text, 'x', sizeof(text));
	for (int i = from; i < to; i++)
		log_info("line", "n=%d %.*s", i, LINE, text);
}

/* As a node that a chat has started: standard error is `name`, standard output another one. halfway: what happens meanwhile. */
static void log_much(const char *name, const char *out, int flags, void (*halfway)(void))
{
	int status, fd;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open(path_of(name), O_WRONLY | O_CREAT | flags, 0600);
		dup2(fd, STDERR_FILENO);
		if (strcmp(out, name) != 0)
			fd = open(path_of(out), O_WRONLY | O_CREAT | flags, 0600);
		dup2(fd, STDOUT_FILENO);
		node_log_bound(folder);
		write_lines(0, LINES / 2);
		if (halfway)
			halfway();
		write_lines(LINES / 2, LINES);
		dprintf(STDOUT_FILENO, "out n=%d\n", LINES);
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

	log_much("node.log", "node.log", O_APPEND, NULL);
	assert_in_range(size_of("node.log"), 1, NODE_LOG_MAX + LINE);
	assert_in_range(size_of("node.log.1"), NODE_LOG_MAX / 2, NODE_LOG_MAX);
	assert_int_equal(size_of("node.log.2"), -1);
	ends_of("node.log", &first, &last);
	ends_of("node.log.1", &earlier_first, &earlier_last);
	assert_int_equal(last, LINES);
	assert_int_equal(first, earlier_last + 1); /* nothing is lost between the two */
	assert_true(earlier_first > 0);
}

static void standard_output_is_left_alone(void **state)
{
	int first, last;

	log_much("node.log", "out", O_APPEND, NULL);
	ends_of("out", &first, &last);
	assert_int_equal(first, LINES);
	ends_of("node.log", &first, &last);
	assert_int_equal(last, LINES - 1);
}

/* It has two names: one is left when others have its first. */
static void another_comes(void)
{
	int dir = open(folder, O_PATH | O_DIRECTORY), fd;

	renameat(dir, "node.log", dir, "saved");
	fd = openat(dir, "node.log", O_WRONLY | O_CREAT | O_EXCL, 0600);
	dprintf(fd, "another n=0\n");
	assert_int_equal(linkat(dir, "node.log", dir, "another", 0), 0);
	close(fd);
	close(dir);
}

/* It is not ours, and not full: what is there stays, and we go on behind it. */
static void another_file_has_its_name(void **state)
{
	int first, last;

	log_much("node.log", "node.log", O_APPEND, another_comes);
	assert_in_range(size_of("saved"), 1, NODE_LOG_MAX);
	assert_in_range(size_of("another"), NODE_LOG_MAX / 2, NODE_LOG_MAX);
	ends_of("another", &first, &last);
	assert_int_equal(first, 0);
	assert_in_range(last, LINES / 2, LINES);
	assert_in_range(size_of("node.log"), 1, NODE_LOG_MAX + LINE);
	ends_of("node.log", &first, &last);
	assert_int_equal(last, LINES);
}

static void use_up_descriptors(void)
{
	struct rlimit few = {3, 3};

	setrlimit(RLIMIT_NOFILE, &few);
}

static void no_new_one_can_be_made(void **state)
{
	int first, last;

	log_much("node.log", "node.log", O_APPEND, use_up_descriptors);
	assert_int_equal(size_of("node.log"), -1);
	assert_in_range(size_of("node.log.1"), 1, 2 * NODE_LOG_MAX);
	ends_of("node.log.1", &first, &last);
	assert_int_equal(last, LINES);
}

static void block_turning(void)
{
	unlink(path_of("node.log.1"));
	mkdir(path_of("node.log.1"), 0700);
}

/* Also if whoever opened it has not said that all goes to its end. */
static void it_cannot_be_moved(void **state)
{
	static const int flags[] = {O_APPEND, 0};

	for (size_t i = 0; i < 2; i++) {
		int first, last;

		unlink(path_of("node.log"));
		rmdir(path_of("node.log.1"));
		log_much("node.log", "node.log", flags[i], block_turning);
		assert_in_range(size_of("node.log"), 1, NODE_LOG_MAX + LINE);
		ends_of("node.log", &first, &last);
		assert_int_equal(last, LINES);
		assert_true(first > 0);
	}
	rmdir(path_of("node.log.1"));
}

/* Whoever gave the node another file keeps it himself. */
static void others_are_left_alone(void **state)
{
	log_much("other.log", "other.log", O_APPEND, NULL);
	assert_true(size_of("other.log") > 2 * NODE_LOG_MAX);
	assert_int_equal(size_of("other.log.1"), -1);
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }

static int remove_folder(void **state)
{
	static const char *const names[] = {"node.log", "node.log.1", "other.log", "out", "saved", "another"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_does_not_grow_for_ever),
		cmocka_unit_test(standard_output_is_left_alone),
		cmocka_unit_test(another_file_has_its_name),
		cmocka_unit_test(no_new_one_can_be_made),
		cmocka_unit_test(it_cannot_be_moved),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
