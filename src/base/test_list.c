/* Linked list: order, removal anywhere, iteration that removes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int value;
	struct list node;
};

static void test_list(void **unused)
{
	struct list head;
	struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_take(&head));
	for (int i = 0; i < 4; i++) {
		assert_false(list_linked(&items[i].node));
		list_append(&head, &items[i].node);
		assert_true(list_linked(&items[i].node));
	}
	list_remove(&items[2].node);
	list_remove(&items[2].node);
	assert_false(list_linked(&items[2].node));
	struct list *first = list_take(&head);
	assert_ptr_equal(LIST_ITEM(first, struct item, node), &items[0]);
	assert_false(list_linked(first));
	list_append(&head, first);
	int want[] = {1, 3, 0}, n = 0;
	LIST_EACH(node, &head)
		assert_int_equal(LIST_ITEM(node, struct item, node)->value, want[n++]);
	assert_int_equal(n, 3);
	LIST_EACH(node, &head) {
		list_remove(node);
		n--;
	}
	assert_int_equal(n, 0);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
