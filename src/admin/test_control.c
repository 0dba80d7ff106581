#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/control.h"
#include "base/err.h"
#include "base/mem.h"

enum { TURNS = 50, SEEN_MAX = 2 * CONTROL_MAX };

struct fixture {
	char folder[64], path[96];
	struct loop *loop;
	struct control *control;
	struct buf seen; /* the words of all requests, each followed by '|', requests by '\n' */
	uint64_t askers[SEEN_MAX];
	unsigned n;
	const char *answer; /* NULL: not answered at once */
	bool failed;
};

static void on_request(void *arg, uint64_t asker, char **words, uint32_t n)
{
	struct fixture *f = arg;

	for (uint32_t i = 0; i < n; i++) {
		buf_z(&f->seen, words[i]);
		buf_char(&f->seen, '|');
		xfree(words[i]);
	}
	xfree(words);
	buf_char(&f->seen, '\n');
	f->askers[f->n++] = asker;
	if (f->answer)
		control_answer(f->control, asker, f->answer, f->failed);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "%s", "/tmp/ws-control-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/control.sock", f->folder);
	buf_init(&f->seen, 1 << 20);
	f->loop = loop_new();
	loop_set_virtual(f->loop, 1000, 1000);
	assert_int_equal(control_new(f->loop, f->path, on_request, f, &f->control), 0);
	*state = f;
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < TURNS; i++)
		loop_step(f->loop, false);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_free(&f->control);
	turn(f);
	loop_free(&f->loop);
	assert_int_equal(access(f->path, F_OK), -1);
	rmdir(f->folder);
	buf_clear(&f->seen);
	xfree(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, f->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void put(int fd, const char *bytes, size_t n) { assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n); }

/* What came, up to the end; "?" while there is no end. */
static const char *got(struct fixture *f, int fd, char text[100])
{
	ssize_t n, k;

	turn(f);
	for (n = 0; (k = recv(fd, text + n, (size_t)(99 - n), 0)) > 0;)
		n += k;
	text[n] = '\0';
	return k == 0 ? text : "?";
}

static void test_mode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_request_in_any_cut(void **state)
{
	static const char request[] = "user\0add\0alice@localhost\0"; /* and the one that ends it */
	struct fixture *f = *state;
	char text[100];

	f->answer = "done\n";
	for (size_t cut = 1; cut < sizeof(request); cut++) {
		int fd = dial(f);

		put(fd, request, cut);
		turn(f);
		put(fd, request + cut, sizeof(request) - cut);
		assert_string_equal(got(f, fd, text), "+done\n");
		assert_string_equal(buf_cstr(&f->seen), "user|add|alice@localhost|\n");
		buf_reset(&f->seen);
		f->n = 0;
		close(fd);
	}
}

/* What an empty value is given as; it does not end the request. */
static void test_empty_word(void **state)
{
	struct fixture *f = *state;
	char text[100];
	int fd = dial(f);

	f->answer = "done";
	put(fd, "set\0\x01\0\x01x\0", 10);
	assert_string_equal(got(f, fd, text), "+done");
	assert_string_equal(buf_cstr(&f->seen), "set||\x01x|\n");
	close(fd);
}

static void test_failure(void **state)
{
	struct fixture *f = *state;
	char text[100];
	int fd = dial(f);

	f->answer = "no such account";
	f->failed = true;
	put(fd, "x\0", 3);
	assert_string_equal(got(f, fd, text), "-no such account");
	close(fd);
}

static void test_answer_later(void **state)
{
	struct fixture *f = *state;
	char text[100];
	int fd = dial(f);

	put(fd, "x\0", 3);
	assert_string_equal(got(f, fd, text), "?");
	assert_int_equal(f->n, 1);
	/* What comes after a request is not looked at, and no time runs out while the answer is made. */
	put(fd, "y\0", 3);
	loop_set_virtual(f->loop, 1000000, 1000000);
	turn(f);
	assert_int_equal(f->n, 1);
	control_answer(f->control, f->askers[0], NULL, false);
	control_answer(f->control, f->askers[0] + 1, "to nobody", false);
	turn(f);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 1);
	assert_int_equal(text[0], '+');
	close(fd);
}

static void test_gone_before_the_answer(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	put(fd, "x\0", 3);
	turn(f);
	close(fd);
	turn(f);
	assert_int_equal(f->n, 1);
	control_answer(f->control, f->askers[0], "too late", false);
	turn(f);
	control_answer(f->control, f->askers[0], "again", false);
}

/* Closed without an answer, and without anybody being asked. */
static void refused(struct fixture *f, const char *bytes, size_t n)
{
	char text[100];
	int fd = dial(f), k = 0;

	for (size_t sent = 0; sent < n && k >= 0; sent += (size_t)k) {
		k = (int)send(fd, bytes + sent, n - sent > 1000 ? 1000 : n - sent, MSG_NOSIGNAL);
		turn(f);
	}
	k = (int)recv(fd, text, sizeof(text), 0);
	assert_true(k <= 0);
	if (k < 0)
		assert_int_equal(errno, ECONNRESET);
	assert_int_equal(f->n, 0);
	close(fd);
}

static void test_what_is_no_request(void **state)
{
	struct fixture *f = *state;
	char many[2 * CONTROL_WORDS_MAX + 3], *large = xmalloc(CONTROL_REQUEST_MAX + 1);

	f->answer = "not reached";
	refused(f, "\0", 1);
	memset(many, 0, sizeof(many));
	for (int i = 0; i <= CONTROL_WORDS_MAX; i++)
		many[2 * i] = 'w';
	refused(f, many, sizeof(many));
	memset(large, 'w', CONTROL_REQUEST_MAX + 1);
	refused(f, large, CONTROL_REQUEST_MAX + 1);
	xfree(large);
}

static void test_most_words(void **state)
{
	struct fixture *f = *state;
	char many[2 * CONTROL_WORDS_MAX + 1], text[100];
	int fd = dial(f);

	memset(many, 0, sizeof(many));
	for (int i = 0; i < CONTROL_WORDS_MAX; i++)
		many[2 * i] = 'w';
	f->answer = "fine";
	put(fd, many, sizeof(many));
	assert_string_equal(got(f, fd, text), "+fine");
	assert_int_equal(f->seen.n, 2 * CONTROL_WORDS_MAX + 1);
	close(fd);
}

static void test_half_a_request(void **state)
{
	struct fixture *f = *state;
	char text[100];
	int silent = dial(f), half = dial(f), gone = dial(f);

	put(half, "user", 4);
	put(gone, "user", 5);
	assert_string_equal(got(f, half, text), "?");
	close(gone);
	loop_set_virtual(f->loop, 1000 + 9999, 1);
	assert_string_equal(got(f, half, text), "?");
	assert_string_equal(got(f, silent, text), "?");
	loop_set_virtual(f->loop, 1000 + 10000, 1);
	assert_string_equal(got(f, half, text), "");
	assert_string_equal(got(f, silent, text), "");
	assert_int_equal(f->n, 0);
	close(half);
	close(silent);
}

static void test_too_many_at_once(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_MAX], one_more;
	char text[100];

	for (int i = 0; i < CONTROL_MAX; i++)
		fds[i] = dial(f);
	turn(f);
	one_more = dial(f);
	assert_string_equal(got(f, one_more, text), "");
	assert_string_equal(got(f, fds[0], text), "?");
	for (int i = 0; i < CONTROL_MAX; i++)
		close(fds[i]);
	close(one_more);
	f->answer = "room again";
	turn(f);
	one_more = dial(f);
	put(one_more, "x\0", 3);
	assert_string_equal(got(f, one_more, text), "+room again");
	close(one_more);
}

/* An answer larger than a socket takes at once arrives whole; one that nobody reads is dropped. */
static void test_large_answer(void **state)
{
	enum { LARGE = 4 << 20 };
	struct fixture *f = *state;
	char *large = xmalloc(LARGE + 1), chunk[65536];
	size_t total = 0;
	ssize_t n = 1;
	int reads = dial(f), sleeps = dial(f);

	memset(large, 'a', LARGE);
	large[LARGE] = '\0';
	f->answer = large;
	put(reads, "x\0", 3);
	put(sleeps, "x\0", 3);
	turn(f);
	for (int i = 0; i < 10000 && n != 0; i++) {
		loop_step(f->loop, false);
		n = recv(reads, chunk, sizeof(chunk), 0);
		total += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(total, LARGE + 1);
	loop_set_virtual(f->loop, 1000 + 10000, 1);
	turn(f);
	for (n = 1, total = 0; n > 0; total += n > 0 ? (size_t)n : 0)
		n = recv(sleeps, chunk, sizeof(chunk), 0);
	assert_int_equal(n, 0);
	assert_true(total < LARGE);
	close(reads);
	close(sleeps);
	xfree(large);
}

/* The caller blocks, so it is another process; its exit status is the error. */
static int call(struct fixture *f, const char *const *words, uint32_t n, const char *wanted)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct buf out;
		int err;

		alarm(30);
		buf_init(&out, 1 << 20);
		err = control_call(f->path, words, n, &out);
		_exit(wanted && !str_is(buf_view(&out), wanted) ? 99 : -err);
	}
	for (int i = 0; i < 100000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		loop_step(f->loop, false);
		usleep(100);
	}
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_call(void **state)
{
	static const char *const words[] = {"user", "passwd", "alice@localhost", "secret word"};
	struct fixture *f = *state;

	f->answer = "line one\nline two\n";
	assert_int_equal(call(f, words, 4, "line one\nline two\n"), 0);
	assert_string_equal(buf_cstr(&f->seen), "user|passwd|alice@localhost|secret word|\n");
	f->failed = true;
	assert_int_equal(call(f, words, 4, "line one\nline two\n"), ERR_INVALID);
	/* Nothing but the two signs is an answer. */
	f->answer = "";
	assert_int_equal(call(f, words, 1, ""), ERR_INVALID);
}

static void test_call_of_nobody(void **state)
{
	static const char *const words[] = {"status"};
	struct fixture *f = *state;
	struct buf out;
	char *large = xmalloc(CONTROL_REQUEST_MAX + 1), path[300];

	buf_init(&out, 1000);
	snprintf(path, sizeof(path), "%s/none", f->folder);
	assert_int_equal(control_call(path, words, 1, &out), ERR_NOTFOUND);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_call(path, words, 1, &out), ERR_LIMIT);
	memset(large, 'w', CONTROL_REQUEST_MAX);
	large[CONTROL_REQUEST_MAX] = '\0';
	assert_int_equal(call(f, (const char *const[]){large}, 1, ""), ERR_LIMIT);
	assert_int_equal(f->n, 0);
	xfree(large);
}

/* ---- without waiting ---- */

struct told {
	struct buf text;
	int err;
	unsigned n;
};

static void on_told(void *arg, int err, struct str text)
{
	struct told *t = arg;

	t->n++;
	t->err = err;
	buf_str(&t->text, text);
}

static struct question *question(struct fixture *f, const char *word, struct told *ret)
{
	*ret = (struct told){.text = {.max = 8 << 20}};
	return question_new(f->loop, f->path, &word, 1, on_told, ret);
}

static void test_question(void **state)
{
	struct fixture *f = *state;
	struct told a, b;

	question(f, "slow", &a);
	assert_int_equal(a.n, 0);
	turn(f);
	assert_string_equal(buf_cstr(&f->seen), "slow|\n");
	assert_int_equal(a.n, 0);
	/* Meanwhile another one is answered. */
	f->answer = "no";
	f->failed = true;
	question(f, "quick", &b);
	turn(f);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.err, ERR_INVALID);
	assert_string_equal(buf_cstr(&b.text), "no");
	assert_int_equal(a.n, 0);
	control_answer(f->control, f->askers[0], "at last", false);
	turn(f);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.err, 0);
	assert_string_equal(buf_cstr(&a.text), "at last");
	buf_clear(&a.text);
	buf_clear(&b.text);
}

/* An empty word is one here, too. */
static void test_question_of_an_empty_word(void **state)
{
	const char *const words[] = {"set", "", "x"};
	struct fixture *f = *state;
	struct told a = {.text = {.max = 100}};

	f->answer = "done";
	question_new(f->loop, f->path, words, 3, on_told, &a);
	turn(f);
	assert_string_equal(buf_cstr(&f->seen), "set||x|\n");
	assert_string_equal(buf_cstr(&a.text), "done");
	buf_clear(&a.text);
}

static void test_question_large(void **state)
{
	enum { LARGE = 4 << 20 };
	struct fixture *f = *state;
	char *large = xmalloc(LARGE + 1);
	struct told a;

	memset(large, 'a', LARGE);
	large[LARGE] = '\0';
	f->answer = large;
	question(f, "x", &a);
	for (int i = 0; i < 10000 && !a.n; i++)
		loop_step(f->loop, false);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.text.n, LARGE);
	buf_clear(&a.text);
	xfree(large);
}

static void test_question_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct told a;
	struct question *q;
	char *large = xmalloc(CONTROL_REQUEST_MAX + 1);

	/* Whoever ends without an answer, or was never there. */
	question(f, "x", &a);
	turn(f);
	assert_int_equal(a.n, 0);
	control_free(&f->control);
	turn(f);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.err, ERR_IO);
	question(f, "x", &a);
	assert_int_equal(a.n, 0);
	turn(f);
	assert_int_equal(a.n, 1);
	assert_true(a.err != 0 && a.err != ERR_INVALID);
	memset(large, 'w', CONTROL_REQUEST_MAX);
	large[CONTROL_REQUEST_MAX] = '\0';
	question(f, large, &a);
	turn(f);
	assert_int_equal(a.err, ERR_LIMIT);
	/* What is not wanted any more is not told. */
	q = question(f, "x", &a);
	question_free(&q);
	turn(f);
	assert_int_equal(a.n, 0);
	xfree(large);
}

/* A request that is under way when the server ends: the caller is told that there is no answer. */
static void test_ends_meanwhile(void **state)
{
	struct fixture *f = *state;
	char text[100];
	int fd = dial(f);

	put(fd, "x\0", 3);
	turn(f);
	control_free(&f->control);
	assert_string_equal(got(f, fd, text), "");
	close(fd);
}

static void test_second_server(void **state)
{
	struct fixture *f = *state;
	struct control *second = NULL;

	assert_int_equal(control_new(f->loop, f->path, on_request, f, &second), ERR_BUSY);
	assert_null(second);
	turn(f);
	assert_int_equal(access(f->path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mode),
		TEST(test_request_in_any_cut),
		TEST(test_empty_word),
		TEST(test_failure),
		TEST(test_answer_later),
		TEST(test_gone_before_the_answer),
		TEST(test_what_is_no_request),
		TEST(test_most_words),
		TEST(test_half_a_request),
		TEST(test_too_many_at_once),
		TEST(test_large_answer),
		TEST(test_call),
		TEST(test_call_of_nobody),
		TEST(test_question),
		TEST(test_question_of_an_empty_word),
		TEST(test_question_large),
		TEST(test_question_of_nobody),
		TEST(test_ends_meanwhile),
		TEST(test_second_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
