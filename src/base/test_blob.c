/* Shared bytes: one copy, freed by the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/blob.h"
#include "base/mem.h"

static void test_life(void **unused)
{
	int64_t before = mem_stats().bytes;
	char text[] = "a\0b";
	struct blob *b = blob_new(text, 3);
	text[0] = 'x';
	assert_true(str_eq(blob_view(b), STR("a\0b")));
	assert_int_equal(b->refs, 1);
	struct blob *second = blob_ref(b);
	assert_ptr_equal(second, b);
	blob_unref(&b);
	assert_null(b);
	assert_true(str_eq(blob_view(second), STR("a\0b")));
	assert_int_equal(second->refs, 1);
	blob_unref(&second);
	assert_null(second);
	blob_unref(&second);
	assert_int_equal(mem_stats().bytes, before);
}

static void test_empty_and_alloc(void **unused)
{
	struct blob *b = blob_new(NULL, 0);
	assert_int_equal(blob_view(b).n, 0);
	assert_non_null(blob_view(b).p);
	blob_unref(&b);
	b = blob_alloc(1000);
	assert_int_equal(b->n, 1000);
	memset(b->p, 'z', 1000);
	assert_int_equal(blob_view(b).p[999], 'z');
	blob_unref(&b);
}

enum { ROUNDS = 20000 };

static void *share(void *arg)
{
	struct blob *mine = arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct blob *more = blob_ref(mine);
		blob_unref(&more);
	}
	blob_unref(&mine);
	return NULL;
}

static void test_threads(void **unused)
{
	pthread_t threads[3];
	struct blob *b = blob_new("shared", 6);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, blob_ref(b)), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(b->refs, 1);
	assert_true(str_is(blob_view(b), "shared"));
	blob_unref(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_empty_and_alloc),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
