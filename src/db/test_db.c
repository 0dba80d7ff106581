/* The store without a thread: every write and query, order, persistence, errors of opening. */
#include "db/testing.h"

#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/hash.h"

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

static void ask_account(struct rig *r, uint64_t tag)
{
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, tag, D, A));
}

/* --- every write, every read --- */

static void test_account(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	ask_account(r, 1);
	rig_expect(r, "[0 tag 1 error 0]\n3 0 0\n12 0 0\n17 0\n");
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1000), STR("k1"), STR("k256")));
	add_batch(&r->in, 2, BATCH(STORE_ACCOUNT_PUT, D, STR("zoe"), I(1), STR_NONE, STR("")));
	add_batch(&r->in, 3, BATCH(STORE_ACCOUNT_PUT, STR("a.example"), STR("bob"), I(3), STR_NONE, STR_NONE));
	rig_expect(r, "committed 3\n");
	ask_account(r, 2);
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, 3, D, STR("zoe")));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LIST, 4, STR_NONE));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LIST, 5, D));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LIST, 6, STR("")));
	rig_expect(r,
		"[0 tag 2 error 0]\n0 1000 'k1' 'k256' 0\n3 0 0\n12 0 0\n17 0\n"
		"[0 tag 3 error 0]\n0 1 null '' 0\n3 0 0\n12 0 0\n17 0\n"
		"[1 tag 4 error 0]\n4 'a.example' 'bob' 3\n4 'd.example' 'alice' 1000\n4 'd.example' 'zoe' 1\n"
		"[1 tag 5 error 0]\n4 'd.example' 'alice' 1000\n4 'd.example' 'zoe' 1\n"
		"[1 tag 6 error 0]\n");
}

/* New keys leave the rest of the account alone. */
static void test_account_again(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1000), STR("k1"), STR("k2")));
	add_batch(&r->in, 2, BATCH(STORE_ROSTER_PUT, D, A, STR("b@x"), STR_NONE, I(0), I(0), I(0), STR_NONE, I(17)));
	add_batch(&r->in, 3, BATCH(STORE_OFFLINE_ADD, D, A, I(40), I(5), STR("<m/>")));
	add_batch(&r->in, 4, BATCH(STORE_ACCOUNT_PUT, D, A, I(1000), STR("k3"), STR("k4")));
	ask_account(r, 1);
	rig_expect(r,
		"committed 4\n[0 tag 1 error 0]\n0 1000 'k3' 'k4' 17\n1 'b@x' null 0 0 0 null 17\n3 1 40\n12 0 0\n17 0\n");
}

static void test_roster(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1), STR("k"), STR("k")));
	add_batch(&r->in, 2, BATCH(STORE_ROSTER_PUT, D, A, STR("c@x"), STR("C"), I(3), I(1), I(1), STR("g\nh"), I(1)));
	add_batch(&r->in, 3, BATCH(STORE_ROSTER_PUT, D, A, STR("b@x"), STR(""), I(2), I(0), I(0), STR(""), I(2)));
	add_batch(&r->in, 4, BATCH(STORE_ROSTER_PUT, D, A, STR("c@x"), STR_NONE, I(1), I(0), I(0), STR_NONE, I(3)));
	ask_account(r, 1);
	rig_expect(r,
		"committed 4\n[0 tag 1 error 0]\n0 1 'k' 'k' 3\n1 'b@x' '' 2 0 0 '' 2\n1 'c@x' null 1 0 0 null 3\n3 0 0\n12 0 0\n17 0\n");
	/* The version of a deletion counts, a lower one later does not, and somebody else's neither. */
	add_batch(&r->in, 5, BATCH(STORE_ROSTER_DEL, D, A, STR("c@x"), I(9)));
	add_batch(&r->in, 6, BATCH(STORE_ROSTER_DEL, D, A, STR("nobody@x"), I(4)));
	add_batch(&r->in, 7, BATCH(STORE_ROSTER_DEL, D, STR("zoe"), STR("b@x"), I(99)));
	ask_account(r, 2);
	rig_expect(r, "committed 7\n[0 tag 2 error 0]\n0 1 'k' 'k' 9\n1 'b@x' '' 2 0 0 '' 2\n3 0 0\n12 0 0\n17 0\n");
}

static void test_requests(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_REQUEST_PUT, D, A, STR("z@x"), STR("<presence/>")));
	add_batch(&r->in, 2, BATCH(STORE_REQUEST_PUT, D, A, STR("b@x"), STR("<p1/>")));
	add_batch(&r->in, 3, BATCH(STORE_REQUEST_PUT, D, A, STR("b@x"), STR("<p2/>")));
	ask_account(r, 1);
	rig_expect(r, "committed 3\n[0 tag 1 error 0]\n2 'b@x' '<p2/>'\n2 'z@x' '<presence/>'\n3 0 0\n12 0 0\n17 0\n");
	add_batch(&r->in, 4, BATCH(STORE_REQUEST_DEL, D, A, STR("b@x")));
	ask_account(r, 2);
	rig_expect(r, "committed 4\n[0 tag 2 error 0]\n2 'z@x' '<presence/>'\n3 0 0\n12 0 0\n17 0\n");
}

static void test_offline(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1), STR("k"), STR("k")));
	for (int i = 1; i <= 12; i++)
		add_batch(&r->in, 1 + i, BATCH(STORE_OFFLINE_ADD, D, A, I(i), I(100 + i), STR("<m/>")));
	add_batch(&r->in, 14, BATCH(STORE_OFFLINE_DEL, D, A, I(10)));
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 1, D, A));
	ask_account(r, 2);
	rig_expect(r,
		"committed 14\n[2 tag 1 error 0]\n5 11 111 '<m/>'\n5 12 112 '<m/>'\n"
		"[0 tag 2 error 0]\n0 1 'k' 'k' 0\n3 2 12\n12 0 0\n17 0\n");
	/* Ids are not used twice: the highest stays known when nothing is left. */
	add_batch(&r->in, 15, BATCH(STORE_OFFLINE_DEL, D, A, INT64_MAX));
	ask_account(r, 3);
	rig_expect(r, "committed 15\n[0 tag 3 error 0]\n0 1 'k' 'k' 0\n3 0 12\n12 0 0\n17 0\n");
	db_close(&r->db);
	rig_open(r);
	ask_account(r, 4);
	rig_expect(r, "[0 tag 4 error 0]\n0 1 'k' 'k' 0\n3 0 12\n12 0 0\n17 0\n");
}

static void ask_page(struct rig *r, int tag, const char *peer, const char *resource, int64_t after, int64_t before,
	int64_t limit)
{
	add_query(&r->in,
		store_query_new(STORE_ARCHIVE_PAGE, tag, D, A, I(10), I(60), str_z(peer), str_z(resource), after,
			before, limit, I(20), I(25), I(0), I(0)));
}

static void test_archive(void **state)
{
	struct rig *r = *state;
	static const char *const peers[] = {"b@x", "c@x"};

	rig_open(r);
	for (int i = 1; i <= 7; i++)
		add_batch(&r->in, i,
			BATCH(STORE_ARCHIVE_ADD, D, A, I(i * 10), str_z(peers[i % 2]), i == 4 ? STR("r") : STR_NONE,
				STR("<m/>"), i == 7 ? STR("s") : STR_NONE, I(i == 6)));
	add_batch(&r->in, 8,
		BATCH(STORE_ARCHIVE_ADD, D, STR("bob"), I(15), STR("b@x"), STR_NONE, STR("<m/>"), STR_NONE, I(0)));
	rig_expect(r, "committed 8\n");
	/* Of the two ids that should be there one is. */
	ask_page(r, 1, NULL, NULL, 0, INT64_MAX, 2);
	ask_page(r, 2, NULL, NULL, 20, INT64_MAX, 2);
	ask_page(r, 3, NULL, NULL, 0, INT64_MAX, -2);
	ask_page(r, 4, NULL, NULL, 0, 50, -2);
	rig_expect(r,
		"[7 tag 1 error 0]\n11 6 1\n10 10 '<m/>' 'c@x' null 0\n10 20 '<m/>' 'b@x' null 0\n"
		"[7 tag 2 error 0]\n11 6 1\n10 30 '<m/>' 'c@x' null 0\n10 40 '<m/>' 'b@x' null 0\n"
		"[7 tag 3 error 0]\n11 6 1\n10 60 '<m/>' 'b@x' null 1\n10 50 '<m/>' 'c@x' null 0\n"
		"[7 tag 4 error 0]\n11 6 1\n10 40 '<m/>' 'b@x' null 0\n10 30 '<m/>' 'c@x' null 0\n");
	ask_page(r, 5, "b@x", NULL, 0, INT64_MAX, 9);
	ask_page(r, 6, "b@x", "r", 0, INT64_MAX, 9);
	ask_page(r, 7, NULL, NULL, 0, INT64_MAX, 0);
	add_query(&r->in, store_query_new(STORE_ARCHIVE_GET, 8, D, A, STR("[70,10,11]")));
	rig_expect(r,
		"[7 tag 5 error 0]\n11 3 1\n10 20 '<m/>' 'b@x' null 0\n10 40 '<m/>' 'b@x' null 0\n10 60 '<m/>' 'b@x' null 1\n"
		"[7 tag 6 error 0]\n11 1 1\n10 40 '<m/>' 'b@x' null 0\n"
		"[7 tag 7 error 0]\n11 6 1\n"
		"[8 tag 8 error 0]\n10 10 '<m/>' 'c@x' null 0\n10 70 '<m/>' 'c@x' 's' 0\n");
	/* Only what is open. */
	add_query(&r->in,
		store_query_new(STORE_ARCHIVE_PAGE, 9, D, A, I(10), I(70), STR("b@x"), STR_NONE, I(0), INT64_MAX, I(9),
			I(0), I(0), I(0), I(1)));
	rig_expect(r, "[7 tag 9 error 0]\n11 1 0\n10 60 '<m/>' 'b@x' null 1\n");
	/* Trimmed to fewer, but not what is still on its way; to more than there are. */
	add_batch(&r->in, 9, BATCH(STORE_ARCHIVE_TRIM, D, A, I(1), I(50)));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 9, D, A));
	add_batch(&r->in, 10, BATCH(STORE_ARCHIVE_TRIM, D, A, I(30), I(1000)));
	ask_page(r, 10, NULL, NULL, 0, INT64_MAX, 9);
	rig_expect(r,
		"[9 tag 9 error 0]\n12 50 70\n"
		"committed 10\n[7 tag 10 error 0]\n11 2 0\n10 50 '<m/>' 'c@x' null 0\n10 60 '<m/>' 'b@x' null 1\n");
	add_batch(&r->in, 11, BATCH(STORE_ACCOUNT_DEL, D, A));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 11, D, A));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 12, D, STR("bob")));
	rig_expect(r, "committed 11\n[9 tag 11 error 0]\n12 0 0\n[9 tag 12 error 0]\n12 15 15\n");
}

/* A node's user takes another name: all of it is his, once, and others' is not. */
static void test_sole(void **state)
{
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	const struct str rooms = STR("rooms.x"), old = STR("old");

	rig_open(r);
	store_put(b, STORE_ACCOUNT_PUT, D, old, I(1), STR("k"), STR("k"));
	store_put(b, STORE_OFFLINE_ADD, D, old, I(1), I(2), STR("<m/>"));
	store_put(b, STORE_PRIVATE_PUT, D, old, STR("k"), STR("<x/>"));
	store_put(b, STORE_ARCHIVE_ADD, D, old, I(3), STR("p@x"), STR_NONE, STR("<m/>"), STR_NONE, I(1));
	store_put(b, STORE_ACCOUNT_PUT, STR("else"), old, I(1), STR("k"), STR("k"));
	store_put(b, STORE_AFFILIATION_PUT, rooms, STR("lunch"), STR("old@d.example"), I(4), STR_NONE);
	store_put(b, STORE_AFFILIATION_PUT, rooms, STR("lunch"), STR("old@else"), I(1), STR_NONE);
	add_batch(&r->in, 1, b);
	for (int i = 2; i < 4; i++)
		add_batch(&r->in, i, BATCH(STORE_ACCOUNT_SOLE, D, A, rooms));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LIST, 1, STR_NONE));
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 2, D, A));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 3, D, A, STR("k")));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 4, D, A));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 5, rooms, STR("lunch"), I(2)));
	rig_expect(r,
		"committed 3\n[1 tag 1 error 0]\n4 'd.example' 'alice' 1\n4 'else' 'old' 1\n"
		"[2 tag 2 error 0]\n5 1 2 '<m/>'\n[3 tag 3 error 0]\n6 '<x/>'\n[9 tag 4 error 0]\n12 3 3\n"
		"[6 tag 5 error 0]\n8 'alice@d.example' 4 null\n8 'old@else' 1 null\n");
	b = store_batch_new();
	store_put(b, STORE_ACCOUNT_PUT, D, old, I(1), STR("k"), STR("k"));
	store_put(b, STORE_OFFLINE_ADD, D, old, I(1), I(9), STR("<m2/>"));
	add_batch(&r->in, 4, b);
	add_batch(&r->in, 5, BATCH(STORE_ACCOUNT_SOLE, D, A, rooms));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LIST, 6, D));
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 7, D, A));
	rig_expect(r,
		"committed 5\n[1 tag 6 error 0]\n4 'd.example' 'alice' 1\n[2 tag 7 error 0]\n5 1 2 '<m/>'\n5 2 9 '<m2/>'\n");
}

static void add_open(struct rig *r, int batch, int id, int open)
{
	char text[32];

	snprintf(text, sizeof(text), "<m id='%d'/>", id);
	add_batch(&r->in, batch,
		BATCH(STORE_ARCHIVE_ADD, D, A, I(id * 1000), STR("b@x"), STR_NONE, str_z(text), STR_NONE, I(open)));
}

/* What was on its way becomes stored messages, in the order of its time, once. */
static void test_transit(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	for (int i = 1; i <= 6; i++)
		add_open(r, i, i, i != 4);
	/* 1 and 3 have arrived, 4 never was on its way. */
	add_batch(&r->in, 7, BATCH(STORE_DELIVERED_PUT, D, A, I(3000), STR("[2000]")));
	add_batch(&r->in, 8, BATCH(STORE_TRANSIT_ADD, D, A, I(7000), I(5), STR("<m id='old'/>")));
	add_batch(&r->in, 9, BATCH(STORE_TRANSIT_ADD, D, A, I(8000), I(8), STR("<m id='gone'/>")));
	add_batch(&r->in, 10, BATCH(STORE_TRANSIT_DEL, D, A, I(8000)));
	add_batch(&r->in, 11, BATCH(STORE_OFFLINE_ADD, D, A, I(20), I(1), STR("<m id='stored'/>")));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, 1, D, A));
	rig_expect(r, "committed 11\n[0 tag 1 error 0]\n3 1 20\n12 1000 6000\n17 4\n");
	add_batch(&r->in, 12, BATCH(STORE_TRANSIT_RECOVER, D, A, I(20), I(6000)));
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 2, D, A));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, 3, D, A));
	rig_expect(r,
		"committed 12\n[2 tag 2 error 0]\n5 20 1 '<m id='stored'/>'\n5 21 2 '<m id='2'/>'\n5 22 5 '<m id='5'/>'\n"
		"5 23 5 '<m id='old'/>'\n5 24 6 '<m id='6'/>'\n[0 tag 3 error 0]\n3 5 24\n12 1000 6000\n17 0\n");
}

static void test_private_and_vcard(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_PRIVATE_PUT, D, A, STR("ns b"), STR("<b/>")));
	add_batch(&r->in, 2, BATCH(STORE_PRIVATE_PUT, D, A, STR("ns c"), STR("<c1/>")));
	add_batch(&r->in, 3, BATCH(STORE_PRIVATE_PUT, D, A, STR("ns c"), STR("<c2/>")));
	add_batch(&r->in, 4, BATCH(STORE_VCARD_PUT, D, A, STR("<v1/>")));
	add_batch(&r->in, 5, BATCH(STORE_VCARD_PUT, D, A, STR("<v2/>")));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 1, D, A, STR("ns b")));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 2, D, A, STR("ns c")));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 3, D, A, STR("ns")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 4, D, A));
	rig_expect(r,
		"committed 5\n[3 tag 1 error 0]\n6 '<b/>'\n[3 tag 2 error 0]\n6 '<c2/>'\n[3 tag 3 error 0]\n"
		"[4 tag 4 error 0]\n6 '<v2/>'\n");
	add_batch(&r->in, 6, BATCH(STORE_PRIVATE_PUT, D, A, STR("ns c"), STR_NONE));
	add_batch(&r->in, 7, BATCH(STORE_VCARD_PUT, D, A, STR_NONE));
	add_batch(&r->in, 8, BATCH(STORE_VCARD_PUT, D, A, STR_NONE));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 5, D, A, STR("ns b")));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 6, D, A, STR("ns c")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 7, D, A));
	rig_expect(r, "committed 8\n[3 tag 5 error 0]\n6 '<b/>'\n[3 tag 6 error 0]\n[4 tag 7 error 0]\n");
}

/* Each account and room takes all that is its own with it, and nothing else. */
static void test_delete_cascades(void **state)
{
	struct rig *r = *state;
	uint64_t n = 1;
	rig_open(r);
	struct str names[] = {A, STR("alic"), STR("alicea")};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_batch *b = store_batch_new();
		struct str l = names[i];
		store_put(b, STORE_ACCOUNT_PUT, D, l, I(1), STR("k"), STR("k"));
		store_put(b, STORE_ROSTER_PUT, D, l, STR("b@x"), STR_NONE, I(0), I(0), I(0), STR_NONE, I(1));
		store_put(b, STORE_REQUEST_PUT, D, l, STR("r@x"), STR("<p/>"));
		store_put(b, STORE_OFFLINE_ADD, D, l, I(8), I(2), STR("<m/>"));
		store_put(b, STORE_PRIVATE_PUT, D, l, STR("k"), STR("<x/>"));
		store_put(b, STORE_VCARD_PUT, D, l, STR("<v/>"));
		store_put(b, STORE_ROOM_PUT, D, l, I(1), STR_NONE, STR_NONE, STR_NONE, I(0));
		store_put(b, STORE_AFFILIATION_PUT, D, l, STR("o@x"), I(4), STR_NONE);
		store_put(b, STORE_ROOM_NICK_PUT, D, l, STR("o@x"), STR("O"));
		store_put(b, STORE_HAT_PUT, D, l, STR(""), STR("urn:h"), STR("H"), STR_NONE);
		store_put(b, STORE_ARCHIVE_ADD, D, l, I(3), STR("p@x"), STR_NONE, STR("<m/>"), STR_NONE, I(0));
		add_batch(&r->in, n++, b);
	}
	add_batch(&r->in, n++, BATCH(STORE_ACCOUNT_DEL, D, A));
	rig_expect(r, "committed 4\n");
	ask_account(r, 1);
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 2, D, A));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 3, D, A, STR("k")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 4, D, A));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 5, D, A, I(2)));
	rig_expect(r,
		"[0 tag 1 error 0]\n3 0 0\n12 0 0\n17 0\n[2 tag 2 error 0]\n[3 tag 3 error 0]\n[4 tag 4 error 0]\n"
		"[6 tag 5 error 0]\n7 'alice' 1 null null null 0\n8 'o@x' 4 null\n18 'o@x' 'O'\n20 '' 'urn:h' 'H' null\n");
	add_batch(&r->in, n++, BATCH(STORE_ARCHIVE_ADD, D, A, I(3), STR("p@x"), STR_NONE, STR("<m/>"), STR_NONE, I(0)));
	add_batch(&r->in, n++, BATCH(STORE_ROOM_DEL, D, A));
	add_query(&r->in, store_query_new(STORE_ARCHIVE_ENDS, 5, D, A));
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 6, D, A, I(2)));
	rig_expect(r, "committed 6\n[9 tag 5 error 0]\n12 0 0\n[6 tag 6 error 0]\n");
	for (size_t i = 1; i < ARRAY_LEN(names); i++) {
		add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, 7, D, names[i]));
		add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 8, D, names[i], STR("k")));
		add_query(&r->in, store_query_new(STORE_VCARD_GET, 9, D, names[i]));
		rig_expect(r,
			"[0 tag 7 error 0]\n0 1 'k' 'k' 1\n1 'b@x' null 0 0 0 null 1\n2 'r@x' '<p/>'\n3 1 8\n12 3 3\n17 0\n"
			"[3 tag 8 error 0]\n6 '<x/>'\n[4 tag 9 error 0]\n6 '<v/>'\n");
	}
	/* Made again, the account starts from nothing. */
	add_batch(&r->in, n++, BATCH(STORE_ACCOUNT_PUT, D, A, I(2), STR("k"), STR("k")));
	ask_account(r, 10);
	rig_expect(r, "committed 7\n[0 tag 10 error 0]\n0 2 'k' 'k' 0\n3 0 0\n12 0 0\n17 0\n");
}

/* --- order and odd values --- */

/* A query sees the batches before it and not those behind it; COMMITTED follows the answers asked before. */
static void test_order_of_batches_and_queries(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, A));
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v1/>")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 2, D, A));
	add_batch(&r->in, 2, BATCH(STORE_VCARD_PUT, D, A, STR("<v2/>")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 3, D, A));
	rig_expect(r, "[4 tag 1 error 0]\n[4 tag 2 error 0]\n6 '<v1/>'\ncommitted 2\n[4 tag 3 error 0]\n6 '<v2/>'\n");
	rig_expect(r, ""); /* nothing put, nothing said */
}

static void test_empty_batch_is_committed(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 8, store_batch_new());
	rig_expect(r, "committed 8\n");
}

static void test_bytes_survive(void **state)
{
	struct rig *r = *state;
	char all[256], big[300000];
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	memset(big, 'b', sizeof(big));
	rig_open(r);
	add_batch(&r->in, 1,
		BATCH(STORE_PRIVATE_PUT, D, (struct str){all, sizeof(all)}, STR("'; --"),
			(struct str){big, sizeof(big)}));
	add_batch(&r->in, 2,
		BATCH(STORE_PRIVATE_PUT, D, (struct str){all, sizeof(all)}, STR(""), (struct str){all, sizeof(all)}));
	add_batch(&r->in, 3, BATCH(STORE_ACCOUNT_PUT, D, A, INT64_MIN, (struct str){all, sizeof(all)}, STR("")));
	rig_expect(r, "committed 3\n");
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 1, D, (struct str){all, sizeof(all)}, STR("'; --")));
	add_query(&r->in, store_query_new(STORE_PRIVATE_GET, 2, D, (struct str){all, sizeof(all)}, STR("")));
	add_query(&r->in, store_query_new(STORE_ACCOUNT_LOAD, 3, D, A));
	db_put(r->db, &r->in);
	db_step(r->db, &r->out);
	assert_int_equal(r->out.n, 3);
	size_t pos = 0;
	assert_true(store_rows_next(r->out.m[0].store_answer.rows, &pos, &kind, v, &n));
	assert_int_equal(v[0].s.n, sizeof(big));
	assert_memory_equal(v[0].s.p, big, sizeof(big));
	pos = 0;
	assert_true(store_rows_next(r->out.m[1].store_answer.rows, &pos, &kind, v, &n));
	assert_int_equal(v[0].s.n, sizeof(all));
	assert_memory_equal(v[0].s.p, all, sizeof(all));
	pos = 0;
	assert_true(store_rows_next(r->out.m[2].store_answer.rows, &pos, &kind, v, &n));
	assert_true(v[0].i == INT64_MIN);
	assert_int_equal(v[1].s.n, sizeof(all));
	assert_memory_equal(v[1].s.p, all, sizeof(all));
}

/* What can never be written is left out; its neighbours are not. */
static void test_impossible_write_does_not_block(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	struct store_batch *b = store_batch_new();
	store_put(b, STORE_VCARD_PUT, D, STR("before"), STR("<v/>"));
	store_put(b, STORE_VCARD_PUT, D, STR_NONE, STR("<v/>"));
	store_put(b, STORE_OFFLINE_ADD, STR_NONE, A, I(1), I(1), STR("<m/>"));
	store_put(b, STORE_VCARD_PUT, D, STR("after"), STR("<v/>"));
	add_batch(&r->in, 1, b);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, STR("before")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 2, D, STR("after")));
	rig_expect(r, "committed 1\n[4 tag 1 error 0]\n6 '<v/>'\n[4 tag 2 error 0]\n6 '<v/>'\n");
}

/* More rows than an answer may hold: the error, and no rows. */
static void test_answer_limit(void **state)
{
	struct rig *r = *state;
	static char big[8 << 20];
	memset(big, 'b', sizeof(big));
	rig_open(r);
	for (int i = 1; i <= 9; i++)
		add_batch(&r->in, i, BATCH(STORE_OFFLINE_ADD, D, A, I(i), I(i), (struct str){big, sizeof(big)}));
	rig_expect(r, "committed 9\n");
	add_query(&r->in, store_query_new(STORE_OFFLINE_LIST, 1, D, A));
	ask_account(r, 2);
	rig_expect(r, "[2 tag 1 error -4]\n[0 tag 2 error 0]\n3 9 9\n12 0 0\n17 0\n");
}

static void test_in_memory(void **state)
{
	struct rig *r = *state;
	assert_int_equal(db_open(NULL, &r->db, &r->why), 0);
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, A));
	rig_expect(r, "committed 1\n[4 tag 1 error 0]\n6 '<v/>'\n");
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 2, D, A));
	rig_expect(r, "[4 tag 2 error 0]\n6 '<v/>'\n");
}

/* --- files --- */

static void test_reopen(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	add_batch(&r->in, 1, BATCH(STORE_ACCOUNT_PUT, D, A, I(1), STR("k"), STR("k")));
	add_batch(&r->in, 2, BATCH(STORE_ROSTER_DEL, D, A, STR("x@y"), I(6)));
	db_put(r->db, &r->in);
	db_close(&r->db); /* commits what waits */
	assert_null(r->db);
	db_close(&r->db);
	for (int i = 0; i < 2; i++) {
		rig_open(r);
		ask_account(r, 1);
		rig_expect(r, "[0 tag 1 error 0]\n0 1 'k' 'k' 6\n3 0 0\n12 0 0\n17 0\n");
		db_close(&r->db);
	}
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_permissions(void **state)
{
	struct rig *r = *state;
	char dir[200], top[100];
	mode_t before = umask(0);
	snprintf(top, sizeof(top), "%s/a", r->dir);
	snprintf(dir, sizeof(dir), "%s/b", top);
	assert_int_equal(db_open(dir, &r->db, &r->why), 0);
	umask(before);
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	rig_expect(r, "committed 1\n");
	static const char *const files[] = {DB_FILE, DB_FILE "-wal", DB_FILE "-shm", DB_LOCK};
	char path[300];
	assert_int_equal(mode_of(top), 0700);
	assert_int_equal(mode_of(dir), 0700);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		assert_int_equal(mode_of(path), 0600);
	}
	db_close(&r->db);
	/* A file with a looser mode is tightened. */
	snprintf(path, sizeof(path), "%s/" DB_FILE, dir);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(db_open(dir, &r->db, &r->why), 0);
	assert_int_equal(mode_of(path), 0600);
	db_close(&r->db);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rmdir(top), 0);
}

static void change_file(struct rig *r, const char *text)
{
	sqlite3 *h;
	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void expect_refused(struct rig *r, int error, const char *word)
{
	struct db *before = r->db;
	assert_int_equal(db_open(r->dir, &r->db, &r->why), error);
	assert_ptr_equal(r->db, before);
	const char *why = buf_cstr(&r->why);
	assert_non_null(strstr(why, word));
	assert_null(strchr(why, '\n'));
	buf_reset(&r->why);
}

static void test_newer_schema_refused(void **state)
{
	struct rig *r = *state;
	rig_open(r);
	db_close(&r->db);
	char up_to[80], as_it_was[40];

	snprintf(up_to, sizeof(up_to), "newer program (schema 99, this program knows up to %d)", migrate_step_count);
	snprintf(as_it_was, sizeof(as_it_was), "PRAGMA user_version=%d", migrate_step_count);
	change_file(r, "PRAGMA user_version=99");
	expect_refused(r, ERR_VERSION, up_to);
	change_file(r, as_it_was);
	rig_open(r);
}

static void test_foreign_file_refused(void **state)
{
	struct rig *r = *state;
	change_file(r, "CREATE TABLE t (x)");
	expect_refused(r, ERR_INVALID, "not one of this program");
	assert_int_equal(unlink(rig_path(r, DB_FILE)), 0);
	FILE *f = fopen(rig_path(r, DB_FILE), "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is a text file\n", f);
	fclose(f);
	expect_refused(r, ERR_INVALID, "not a database");
}

static void test_folder_refused(void **state)
{
	struct rig *r = *state;
	char dir[PATH_MAX];
	FILE *f = fopen(rig_path(r, "file"), "w");
	fclose(f);
	assert_int_equal(db_open(rig_path(r, "file"), &r->db, &r->why), ERR_IO);
	assert_int_equal(db_open(rig_path(r, "file/below"), &r->db, &r->why), ERR_IO);
	memset(dir, 'x', sizeof(dir));
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(db_open(dir, &r->db, &r->why), ERR_LIMIT);
	assert_int_equal(db_open("", &r->db, &r->why), ERR_LIMIT);
	assert_null(r->db);
}

/* --- one process at a time --- */

static int try_to_open(void *arg)
{
	struct rig *r = arg;
	struct db *db = NULL;
	struct buf report;
	buf_init(&report, 10000);
	if (db_open(r->dir, &db, &r->why) != ERR_BUSY ||
		!strstr(buf_cstr(&r->why), "in use by another process, number "))
		return 1;
	/* Looking on is allowed. */
	if (db_check(r->dir, &report) != 0 || !strstr(buf_cstr(&report), "in use: yes\n"))
		return 2;
	return 0;
}

static void test_second_opener_is_refused(void **state)
{
	struct rig *r = *state;
	struct other o = other_new(try_to_open, r);
	rig_open(r);
	struct db *mine = TAKE(r->db);
	expect_refused(r, ERR_BUSY, "in use by another process"); /* nor twice in one process */
	r->db = mine;
	other_go(&o);
	other_expect(&o, 0);
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	rig_expect(r, "committed 1\n");
	db_close(&r->db);
	rig_open(r); /* free again */
}

static int open_and_die(void *arg)
{
	struct rig *r = arg;
	if (db_open(r->dir, &r->db, &r->why))
		return 1;
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	db_put(r->db, &r->in);
	db_step(r->db, &r->out);
	return r->out.n == 1 && r->out.m[0].kind == MSG_STORE_COMMITTED ? 0 : 2; /* without db_close() */
}

/* A process that ends without closing leaves no lock, and nothing committed in it is lost. */
static void test_dead_process_leaves_no_lock(void **state)
{
	struct rig *r = *state;
	struct other o = other_new(open_and_die, r);
	other_go(&o);
	other_expect(&o, 0);
	rig_open(r);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, A));
	rig_expect(r, "[4 tag 1 error 0]\n6 '<v/>'\n");
}

/* A stranger's transaction: the batches wait, one state message, no query hangs. */
static void test_locked_by_a_stranger(void **state)
{
	struct rig *r = *state;
	sqlite3 *h;
	rig_open(r);
	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 1, D, A));
	add_batch(&r->in, 1, BATCH(STORE_VCARD_PUT, D, A, STR("<v/>")));
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 2, D, A));
	rig_expect(r, "[4 tag 1 error 0]\nstate failing -10\n[4 tag 2 error -10]\n");
	add_batch(&r->in, 2, BATCH(STORE_VCARD_PUT, D, A, STR("<w/>")));
	rig_expect(r, "");
	assert_int_equal(db_waiting(r->db), 2);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 3, D, A));
	rig_expect(r, "[4 tag 3 error -10]\n");
	sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(h);
	add_query(&r->in, store_query_new(STORE_VCARD_GET, 4, D, A));
	rig_expect(r, "state ok 0\ncommitted 2\n[4 tag 4 error 0]\n6 '<w/>'\n");
	assert_int_equal(db_waiting(r->db), 0);
}

/* --- migrations --- */

static void test_migrations_run_in_order_and_whole(void **state)
{
	struct rig *r = *state;
	sqlite3 *h;
	int version;
	int64_t n;
	static const char *const steps[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)",
		"INSERT INTO a SELECT x + 1 FROM a; CREATE TABLE b (y)"};
	static const char *const broken[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)",
		"INSERT INTO a VALUES (9); nonsense"};
	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(migrate_run(h, steps, 1, &r->why), 0);
	assert_int_equal(migrate_run(h, broken, 3, &r->why), ERR_IO);
	assert_non_null(strstr(buf_cstr(&r->why), "from schema 1 to 3"));
	assert_int_equal(migrate_check(h, 3, &version, &r->why), 0);
	assert_int_equal(version, 1);
	assert_int_equal(migrate_int(h, "SELECT count(*) FROM a", &n), 0);
	assert_int_equal(n, 0); /* the second step went with the third */
	assert_int_equal(migrate_run(h, steps, 3, &r->why), 0);
	assert_int_equal(migrate_run(h, steps, 3, &r->why), 0); /* nothing to do */
	assert_int_equal(migrate_int(h, "SELECT sum(x) * 10 + count(*) FROM a", &n), 0);
	assert_int_equal(n, 32);
	assert_int_equal(migrate_run(h, steps, 2, &r->why), ERR_VERSION);
	sqlite3_close(h);
}

/* Schema 1 is on people's disks. Whoever changes it has to write a step instead, and this test stays. */
static void test_schema_1_is_fixed(void **state)
{
	uint8_t digest[HASH_MAX];
	struct buf hex;
	buf_init(&hex, 100);
	hash_digest(HASH_SHA256, str_z(migrate_steps[0]), digest);
	hex_encode(&hex, digest, sizeof(digest));
	assert_string_equal(buf_cstr(&hex), "e7e7169fef14198a6e6d7d3e01a7ef3485db1f9e73b03430a0977f50aa7e7f14");
	buf_clear(&hex);
}

/* What a room kept for newcomers before schema 5 is in its archive. */
static void test_history_moves(void **state)
{
	struct rig *r = *state;
	sqlite3 *h;

	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(migrate_run(h, migrate_steps, 3, &r->why), 0);
	assert_int_equal(sqlite3_exec(h,
				 "INSERT INTO history VALUES ('d.example', 'tea', 7, 6, '<m/>');"
				 "INSERT INTO room VALUES ('d.example', 'tea', 1, 'seen=7' || char(10), NULL, NULL, 0)",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(h);
	rig_open(r);
	add_query(&r->in, store_query_new(STORE_ROOM_LOAD, 1, D, STR("tea"), I(9)));
	rig_expect(r, "[6 tag 1 error 0]\n7 'tea' 1 'seen=7\n' null null 0\n9 7 '' null '<m/>' null 0\n");
}

/* A room of before counts as used on the day of the first start, unless it is known better. */
static void test_rooms_are_seen(void **state)
{
	struct rig *r = *state;
	sqlite3 *h;
	int64_t n;

	assert_int_equal(sqlite3_open(rig_path(r, DB_FILE), &h), SQLITE_OK);
	assert_int_equal(migrate_run(h, migrate_steps, 8, &r->why), 0);
	assert_int_equal(
		sqlite3_exec(h,
			"INSERT INTO room VALUES ('d', 'none', 1, NULL, NULL, NULL, 0);"
			"INSERT INTO room VALUES ('d', 'empty', 1, 'a=b' || char(10) || 'seen=' || char(10) || 'c=' ||"
			" char(10), NULL, NULL, 0);"
			"INSERT INTO room VALUES ('d', 'known', 1, 'a=b' || char(10) || 'seen=7' || char(10), NULL, NULL, 0)",
			NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(migrate_run(h, migrate_steps, migrate_step_count, &r->why), 0);
	assert_int_equal(migrate_int(h, "SELECT length(configuration) FROM room WHERE local = 'known'", &n), 0);
	assert_int_equal(n, 11);
	assert_int_equal(
		migrate_int(h,
			"SELECT count(*) FROM room WHERE local <> 'known' AND configuration GLOB '*seen=[0-9]*' ||"
			" char(10)",
			&n),
		0);
	assert_int_equal(n, 2);
	assert_int_equal(migrate_int(h, "SELECT substr(configuration, 6) FROM room WHERE local = 'none'", &n), 0);
	assert_in_range(n, 20000, 100000);
	sqlite3_close(h);
}

static void test_tables_are_strict(void **state)
{
	struct rig *r = *state;
	sqlite3 *h;
	int64_t n;
	assert_int_equal(sqlite3_open(":memory:", &h), SQLITE_OK);
	assert_int_equal(migrate_run(h, migrate_steps, migrate_step_count, &r->why), 0);
	assert_int_equal(migrate_int(h,
				 "SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
				 " AND name NOT LIKE 'sqlite%' AND strict = 0",
				 &n),
		0);
	assert_int_equal(n, 0);
	assert_int_equal(migrate_int(h, "PRAGMA application_id", &n), 0);
	assert_int_equal(n, 0x57495245);
	sqlite3_close(h);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_account),
		T(test_account_again),
		T(test_roster),
		T(test_requests),
		T(test_offline),
		T(test_archive),
		T(test_transit),
		T(test_sole),
		T(test_private_and_vcard),
		T(test_delete_cascades),
		T(test_order_of_batches_and_queries),
		T(test_empty_batch_is_committed),
		T(test_bytes_survive),
		T(test_impossible_write_does_not_block),
		T(test_answer_limit),
		T(test_in_memory),
		T(test_reopen),
		T(test_permissions),
		T(test_newer_schema_refused),
		T(test_foreign_file_refused),
		T(test_folder_refused),
		T(test_second_opener_is_refused),
		T(test_dead_process_leaves_no_lock),
		T(test_locked_by_a_stranger),
		T(test_migrations_run_in_order_and_whole),
		T(test_schema_1_is_fixed),
		T(test_history_moves),
		T(test_rooms_are_seen),
		T(test_tables_are_strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
