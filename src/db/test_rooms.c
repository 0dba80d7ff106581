/* What is kept of rooms. */
#include "db/testing.h"

#define D STR("d.example")
#define A STR("alice")
#define I(n) ((int64_t)(n))

static int set_up(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	rig_init(r);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	rig_clear(*state);
	xfree(*state);
	return 0;
}

static void test_room(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ROOM_PUT, D, STR("tea"), I(5), STR("a=1\n"), STR_NONE, STR_NONE, I(0)));
	add_batch(&r->in, 2, BATCH(STORE_ROOM_PUT, D, STR("hall"), I(6), STR("b=2"), STR("s"), STR("x/y"), I(7)));
	add_batch(&r->in, 3, BATCH(STORE_ROOM_PUT, D, STR("tea"), I(5), STR("a=2\n"), STR(""), STR("n"), I(8)));
	add_batch(&r->in, 4,
		BATCH(STORE_ROOM_PUT, STR("o.example"), STR("tea"), I(9), STR_NONE, STR_NONE, STR_NONE, I(0)));
	add_batch(&r->in, 5, BATCH(STORE_AFFILIATION_PUT, D, STR("tea"), STR("o@x"), I(4), STR_NONE));
	add_batch(&r->in, 6, BATCH(STORE_AFFILIATION_PUT, D, STR("tea"), STR("b@x"), I(-1), STR("spam")));
	add_batch(&r->in, 7, BATCH(STORE_AFFILIATION_PUT, D, STR("tea"), STR("m@x"), I(2), STR_NONE));
	add_batch(&r->in, 8, BATCH(STORE_AFFILIATION_PUT, D, STR("tea"), STR("m@x"), I(0), STR("bye")));
	for (int i = 1; i <= 11; i++)
		add_batch(&r->in, 8 + i,
			BATCH(STORE_ARCHIVE_ADD, D, STR("tea"), I(i), STR("m@x"), STR("Mo"),
				i == 10 ? STR("<m/>") : STR("<m><body/></m>"), STR("r"), I(0))); /* 10: not shown */
	add_batch(&r->in, 20, BATCH(STORE_ARCHIVE_REPLACE, D, STR("tea"), I(11), STR("<gone/>")));
	add_batch(&r->in, 21, BATCH(STORE_ROOM_NICK_PUT, D, STR("tea"), STR("o@x"), STR("Oh")));
	add_batch(&r->in, 22, BATCH(STORE_ROOM_NICK_PUT, D, STR("tea"), STR("p@x"), STR("Pi")));
	add_batch(&r->in, 23, BATCH(STORE_ROOM_NICK_PUT, D, STR("tea"), STR("o@x"), STR_NONE));
	add_batch(&r->in, 24, BATCH(STORE_HAT_PUT, D, STR("tea"), STR("o@x"), STR("urn:a"), STR(""), STR_NONE));
	add_batch(&r->in, 25, BATCH(STORE_HAT_PUT, D, STR("tea"), STR(""), STR("urn:b"), STR("B"), STR_NONE));
	add_batch(&r->in, 26, BATCH(STORE_HAT_PUT, D, STR("tea"), STR(""), STR("urn:a"), STR("A"), STR("120")));
	add_batch(&r->in, 27, BATCH(STORE_HAT_PUT, D, STR("tea"), STR(""), STR("urn:b"), STR_NONE, STR_NONE));
	add_batch(&r->in, 28, BATCH(STORE_VCARD_PUT, D, STR("tea"), STR("<v/>")));
	add_query(&r->in, store_query_new(STORE_ROOM_LIST, 1, D));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 2, D, STR("tea"), I(2)));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 3, D, STR("none"), I(2)));
	rig_expect(r,
		"committed 28\n[5 tag 1 error 0]\n7 'hall' 6 'b=2' 's' 'x/y' 7\n7 'tea' 5 'a=2\n' '' 'n' 8\n19 'tea' 'o@x'\n"
		"[6 tag 2 error 0]\n7 'tea' 5 'a=2\n' '' 'n' 8\n8 'b@x' -1 'spam'\n8 'o@x' 4 null\n18 'p@x' 'Pi'\n"
		"20 '' 'urn:a' 'A' '120'\n20 'o@x' 'urn:a' '' null\n6 '<v/>'\n"
		"9 9 'm@x' 'Mo' '<m><body/></m>' 'r' 0\n9 11 'm@x' 'Mo' '<gone/>' 'r' 0\n[6 tag 3 error 0]\n");
	/* Who owns them, and when something last happened: of the newest message, in ms, the subject, or when it was made. */
	add_batch(&r->in, 29,
		BATCH(STORE_ARCHIVE_ADD, D, STR("hall"), I(9000), STR("m@x"), STR("Mo"), STR("<m/>"), STR("r"), I(0)));
	add_query(&r->in, store_query_new(STORE_ROOM_SURVEY, 5, D));
	rig_expect(r, "committed 29\n[11 tag 5 error 0]\n19 'tea' 'o@x'\n23 'hall' 9 'b=2'\n23 'tea' 8 'a=2\n'\n");
	/* What is too old goes from all rooms of the domain, and from nothing else. */
	add_batch(&r->in, 30, BATCH(STORE_ARCHIVE_ADD, D, A, I(1), STR("b@x"), STR_NONE, STR("<m/>"), STR_NONE, I(0)));
	add_batch(&r->in, 31, BATCH(STORE_ARCHIVE_EXPIRE, D, I(5)));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 4, D, STR("tea")));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 5, D, A));
	rig_expect(r, "committed 31\n[9 tag 4 error 0]\n12 5 11\n[9 tag 5 error 0]\n12 1 1\n");
}

static void add_messages(struct rig *r, uint64_t *tag, int from, int to, bool light)
{
	for (int i = from; i <= to; i++) {
		add_batch(&r->in, ++*tag,
			BATCH(STORE_ARCHIVE_ADD, D, STR("tea"), I(i), STR("m@x"), STR("Mo"), STR("<m/>"), STR("r"),
				I(0)));
		if (light)
			add_batch(&r->in, ++*tag, BATCH(STORE_ARCHIVE_LIGHT, D, STR("tea"), I(i)));
	}
}

static void expect_archive(struct rig *r, uint64_t tag, int64_t count, int64_t first, int64_t last)
{
	char expected[256];

	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 1, D, STR("tea")));
	add_query(&r->in,
		store_query_new(STORE_ARCHIVE_PAGE, 2, D, STR("tea"), I(0), I(1000), STR_NONE, STR_NONE, I(0),
			INT64_MAX, I(0), I(0), I(0), I(0), I(0)));
	snprintf(expected, sizeof(expected),
		"committed %llu\n[9 tag 1 error 0]\n12 %lld %lld\n[7 tag 2 error 0]\n11 %lld 0\n",
		(unsigned long long)tag, (long long)first, (long long)last, (long long)count);
	rig_expect(r, expected);
}

/* Reactions push out no messages, nor do they stay for ever. */
static void test_light(void **state)
{
	struct rig *r = *state;
	uint64_t tag = 0;

	rig_open(r);
	add_messages(r, &tag, 1, 4, false);
	add_messages(r, &tag, 5, 12, true);
	add_batch(&r->in, ++tag, BATCH(STORE_ARCHIVE_TRIM, D, STR("tea"), I(4), INT64_MAX));
	expect_archive(r, tag, 8, 1, 12); /* four of each */
	add_messages(r, &tag, 13, 14, false);
	add_batch(&r->in, ++tag, BATCH(STORE_ARCHIVE_TRIM, D, STR("tea"), I(4), INT64_MAX));
	expect_archive(r, tag, 8, 3, 14);
	/* What is older than all messages goes with them; a few more stay until it is gone. */
	add_messages(r, &tag, 15, 18, false);
	for (int64_t n = 8; n >= 4; n -= 2) {
		add_batch(&r->in, ++tag, BATCH(STORE_ARCHIVE_TRIM, D, STR("tea"), I(4), INT64_MAX));
		expect_archive(r, tag, n, 19 - n, 18);
	}
	/* No mark is left over for what has the number of one that is gone. */
	add_messages(r, &tag, 9, 9, false);
	add_batch(&r->in, ++tag, BATCH(STORE_ARCHIVE_TRIM, D, STR("tea"), I(4), INT64_MAX));
	expect_archive(r, tag, 4, 15, 18);
	add_messages(r, &tag, 19, 19, true);
	add_batch(&r->in, ++tag, BATCH(STORE_ROOM_DEL, D, STR("tea")));
	add_messages(r, &tag, 19, 23, false);
	add_batch(&r->in, ++tag, BATCH(STORE_ARCHIVE_TRIM, D, STR("tea"), I(4), INT64_MAX));
	expect_archive(r, tag, 4, 20, 23);
}

/* Invitations go with their room; where it went is remembered without it. */
static void test_room_invited_and_moved(void **state)
{
	struct rig *r = *state;
	struct str tea = STR("tea");

	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ROOM_PUT, D, tea, I(5), STR_NONE, STR_NONE, STR_NONE, I(0)));
	add_batch(&r->in, 2, BATCH(STORE_INVITED_PUT, D, tea, I(-5), I(30)));
	add_batch(&r->in, 3, BATCH(STORE_INVITED_PUT, D, tea, I(7), I(20)));
	add_batch(&r->in, 4, BATCH(STORE_INVITED_PUT, D, tea, I(7), I(10)));
	add_batch(&r->in, 5, BATCH(STORE_INVITED_DEL, D, tea, I(7), I(20)));
	add_batch(&r->in, 6, BATCH(STORE_INVITED_PUT, D, STR("hall"), I(1), I(1)));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 1, D, tea, I(2)));
	rig_expect(r, "committed 6\n[6 tag 1 error 0]\n7 'tea' 5 null null null 0\n21 7 10\n21 -5 30\n");
	add_batch(&r->in, 7, BATCH(STORE_ROOM_DEL, D, tea));
	add_batch(&r->in, 8, BATCH(STORE_ROOM_MOVED, D, tea, I(90), STR("o@x"), STR("milk@r")));
	add_batch(&r->in, 9, BATCH(STORE_ROOM_MOVED, D, STR("hall"), I(80), STR("o@x"), STR("milk@r")));
	add_batch(&r->in, 10, BATCH(STORE_ROOM_MOVED, D, STR("gone"), I(70), STR("o@x"), STR("milk@r")));
	add_batch(&r->in, 11, BATCH(STORE_ROOM_MOVED, D, STR("gone"), I(0), STR("o@x"), STR("milk@r")));
	add_batch(&r->in, 12, BATCH(STORE_ROOM_MOVED, STR("o.example"), tea, I(1), STR("o@x"), STR("milk@r")));
	add_query(&r->in, store_query_new(STORE_ROOM_LIST, 2, D));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 3, D, tea, I(2)));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 4, D, STR("hall"), I(2)));
	rig_expect(r,
		"committed 12\n[5 tag 2 error 0]\n22 'hall' 80 'o@x' 'milk@r'\n22 'tea' 90 'o@x' 'milk@r'\n"
		"[6 tag 3 error 0]\n[6 tag 4 error 0]\n21 1 1\n");
}

/* Who hears a room goes with it; is found by the room, by himself, and counted. */
static void test_subscribers(void **state)
{
	struct rig *r = *state;
	struct str tea = STR("tea"), bob = STR("bob@x");

	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_SUBSCRIBER_PUT, D, tea, bob, STR("Bob"), I(1)));
	add_batch(&r->in, 2, BATCH(STORE_SUBSCRIBER_PUT, D, tea, bob, STR("Bobby"), I(5)));
	add_batch(&r->in, 3, BATCH(STORE_SUBSCRIBER_PUT, D, tea, STR("eve@x"), STR("Eve"), I(1)));
	add_batch(&r->in, 4, BATCH(STORE_SUBSCRIBER_PUT, D, STR("hall"), bob, STR("B"), I(0)));
	add_batch(&r->in, 5, BATCH(STORE_SUBSCRIBER_PUT, STR("o.example"), tea, bob, STR("O"), I(1)));
	add_batch(&r->in, 6, BATCH(STORE_SUBSCRIBER_PUT, D, tea, STR("eve@x"), STR_NONE, I(0)));
	add_batch(&r->in, 7, BATCH(STORE_ROOM_PUT, D, tea, I(5), STR_NONE, STR_NONE, STR_NONE, I(0)));
	add_query(&r->in, store_query_new(STORE_ROOM_LIST, 1, D));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 2, D, tea, I(2)));
	add_query(&r->in, store_query_new(STORE_SUBSCRIPTIONS, 3, D, bob));
	rig_expect(r,
		"committed 7\n[5 tag 1 error 0]\n7 'tea' 5 null null null 0\n25 'bob@x' 2\n[6 tag 2 error 0]\n"
		"7 'tea' 5 null null null 0\n24 'bob@x' 'Bobby' 5\n[12 tag 3 error 0]\n26 'hall' 'B' 0\n26 'tea' 'Bobby' 5\n");
	add_batch(&r->in, 8, BATCH(STORE_ROOM_DEL, D, tea));
	add_query(&r->in, store_query_new(STORE_SUBSCRIPTIONS, 4, D, bob));
	rig_expect(r, "committed 8\n[12 tag 4 error 0]\n26 'hall' 'B' 0\n");
	/* Nobody inherits it with the name. */
	add_batch(&r->in, 9, BATCH(STORE_SUBSCRIBER_PUT, D, STR("hall"), STR("bobby@x"), STR("Y"), I(1)));
	add_batch(&r->in, 10, BATCH(STORE_ACCOUNT_DEL, STR("x"), STR("bob")));
	add_query(&r->in, store_query_new(STORE_SUBSCRIPTIONS, 5, D, bob));
	add_query(&r->in, store_query_new(STORE_SUBSCRIPTIONS, 6, D, STR("bobby@x")));
	rig_expect(r, "committed 10\n[12 tag 5 error 0]\n[12 tag 6 error 0]\n26 'hall' 'Y' 1\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_room),
		T(test_light),
		T(test_room_invited_and_moved),
		T(test_subscribers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
