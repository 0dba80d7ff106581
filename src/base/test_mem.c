/* Memory: counters, the promise of never NULL, and what aborts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Runs f in a child: true if it aborted. Its words go nowhere. */
static bool aborts(void (*f)(void))
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_counts(void **unused)
{
	struct mem_stats before = mem_stats();
	char *p = xmalloc(100);
	assert_int_equal(mem_stats().allocs, before.allocs + 1);
	assert_true(mem_stats().bytes >= before.bytes + 100);
	p = xrealloc(p, 10000);
	assert_int_equal(mem_stats().allocs, before.allocs + 2);
	assert_true(mem_stats().bytes >= before.bytes + 10000);
	assert_true(mem_stats().bytes < before.bytes + 20000);
	p = xrealloc(p, 10);
	assert_true(mem_stats().bytes < before.bytes + 1000);
	xfree(p);
	assert_int_equal(mem_stats().bytes, before.bytes);
	assert_int_equal(mem_stats().allocs, before.allocs + 3);
}

static void *free_there(void *p)
{
	assert_int_equal(mem_stats().allocs, 0);
	xfree(p);
	return (void *)(intptr_t)mem_stats().bytes;
}

static void test_counts_are_of_the_thread(void **unused)
{
	pthread_t thread;
	void *result;
	struct mem_stats before = mem_stats();
	void *p = xmalloc(500);
	assert_int_equal(pthread_create(&thread, NULL, free_there, p), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	int64_t their_bytes = (intptr_t)result;
	assert_true(their_bytes <= -500);
	assert_int_equal(mem_stats().bytes + their_bytes, before.bytes);
	assert_int_equal(mem_stats().allocs, before.allocs + 1);
}

static void test_nothing_is_something(void **unused)
{
	int64_t before = mem_stats().bytes;
	void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xcalloc(8, 0), *d = xrealloc(NULL, 0);
	void *e = xmemdup(NULL, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_non_null(d);
	assert_non_null(e);
	d = xrealloc(d, 0);
	assert_non_null(d);
	xfree(a);
	xfree(b);
	xfree(c);
	xfree(d);
	xfree(e);
	xfree(NULL);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_contents(void **unused)
{
	unsigned char *zero = xcalloc(33, 3);
	for (int i = 0; i < 99; i++)
		assert_int_equal(zero[i], 0);
	zero[0] = 7;
	zero[98] = 9;
	zero = xrealloc(zero, 5000);
	assert_int_equal(zero[0], 7);
	assert_int_equal(zero[98], 9);
	xfree(zero);
	char *s = xstrdup("text");
	assert_string_equal(s, "text");
	xfree(s);
	s = xmemdup("a\0b", 4);
	assert_memory_equal(s, "a\0b", 4);
	xfree(s);
}

static void test_wipe(void **unused)
{
	char secret[] = "abcdef";
	mem_wipe(secret + 1, 4);
	assert_memory_equal(secret, "a\0\0\0\0f", 7);
	mem_wipe(NULL, 0);
}

static void broken_must(void) { must(1 + 1 == 3); }

static void kept_must(void) { must(1 + 1 == 2); }

static void overflowing_calloc(void)
{
	volatile size_t half = SIZE_MAX / 2 + 2; /* twice that is 2 */
	xfree(xcalloc(half, 2));
}

static void test_aborts(void **unused)
{
	assert_true(aborts(broken_must));
	assert_false(aborts(kept_must));
	assert_true(aborts(overflowing_calloc));
}

static void test_take(void **unused)
{
	char *p = xstrdup("x"), *from = p;
	char *to = TAKE(from);
	assert_ptr_equal(to, p);
	assert_null(from);
	xfree(to);
}

struct outer {
	int before;
	int member;
};

static void test_container(void **unused)
{
	struct outer o = {1, 2};
	assert_ptr_equal(CONTAINER_OF(&o.member, struct outer, member), &o);
	assert_int_equal(ARRAY_LEN(((int[]){1, 2, 3})), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_are_of_the_thread),
		cmocka_unit_test(test_nothing_is_something),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_container),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
