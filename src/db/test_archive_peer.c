/* Whom a conversation in the archive is with may be called otherwise later. */
#include "db/testing.h"

#define D STR("d.example")
#define A STR("alice")
#define I(n) ((int64_t)(n))

static void add(struct rig *r, int64_t id, struct str local, struct str peer)
{
	add_batch(&r->in, (uint64_t)id,
		BATCH(STORE_ARCHIVE_ADD, D, local, id, peer, STR_NONE, STR("<m/>"), STR_NONE, I(0)));
}

static void ask(struct rig *r, uint64_t tag, struct str local, struct str peer)
{
	add_query(&r->in,
		store_query_new(STORE_ARCHIVE_PAGE, tag, D, local, I(1), I(60), peer, STR_NONE, I(0), INT64_MAX, I(9),
			I(0), I(0), I(0), I(0)));
}

static void test_called_otherwise(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_open(&r);
	add(&r, 1, A, STR("b@x"));
	add(&r, 2, A, STR("c@x"));
	add(&r, 3, A, STR("z@x"));
	add(&r, 4, STR("bob"), STR("b@x"));
	add_batch(&r.in, 5, BATCH(STORE_ARCHIVE_PEER, D, A, STR("b@x"), STR("z@x")));
	rig_expect(&r, "committed 5\n");
	ask(&r, 1, A, STR("z@x"));
	ask(&r, 2, A, STR("b@x"));
	ask(&r, 3, STR("bob"), STR("b@x"));
	rig_expect(&r,
		"[7 tag 1 error 0]\n11 2 0\n10 1 '<m/>' 'z@x' null 0\n10 3 '<m/>' 'z@x' null 0\n"
		"[7 tag 2 error 0]\n11 0 0\n"
		"[7 tag 3 error 0]\n11 1 0\n10 4 '<m/>' 'b@x' null 0\n");
	rig_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_called_otherwise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
