#include "base/err.h"
#include "user/account.h"
#include "user/testing.h"

/* What the other side of the feed was told. */
static struct {
	unsigned presences, pictures, unheard;
	bool available;
	char show[64], status[64], picture[256];
	size_t picture_n;
} told;

static void on_presence(void *arg, bool available, struct str show, struct str status)
{
	told.presences++;
	told.available = available;
	snprintf(told.show, sizeof(told.show), "%.*s", STR_FMT(show));
	snprintf(told.status, sizeof(told.status), "%.*s", STR_FMT(status));
}

static void on_picture(void *arg, struct str bytes)
{
	told.pictures++;
	told.picture_n = bytes.n;
	snprintf(told.picture, sizeof(told.picture), "%.*s", STR_FMT(bytes));
}

static void on_unheard(void *arg, const struct stanza *s)
{
	assert_int_equal(s->type, TYPE_HEADLINE);
	told.unheard++;
}

/* Whoever feeds it knows bob alone, and that he is not to be called "taken". */
static struct world *fed;

static int on_rename(void *arg, struct jid contact, struct str name, struct buf *why)
{
	if (str_is(name, "taken"))
		return ERR_EXISTS;
	if (str_is(name, "odd"))
		return ERR_SYNTAX;
	users_feed(&fed->users->host, contact, name, STR("Friends"));
	return 0;
}

static int on_remove(void *arg, struct jid contact)
{
	users_unfeed(&fed->users->host, contact);
	return 0;
}

static const struct users_config config = {.fed = "alice",
	.secret = {"0123456789abcdef", 16},
	.on_rename = on_rename,
	.on_remove = on_remove,
	.on_presence = on_presence,
	.on_unheard = on_unheard,
	.on_picture = on_picture};

static struct world *fed_world(void)
{
	struct world *w;

	memset(&told, 0, sizeof(told));
	w = world_new(&config);
	have_account(w, "alice");
	have_account(w, "bob");
	return w;
}

static void put(struct world *w, const char *jid, const char *name, const char *group)
{
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	users_feed(&w->users->host, jid_view(str_z(jid)), str_z(name), str_z(group));
	core_end(w->core);
	pump(w);
}

static void away(struct world *w, const char *jid)
{
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000 + w->now);
	users_unfeed(&w->users->host, jid_view(str_z(jid)));
	core_end(w->core);
	pump(w);
}

#define GET "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"
#define VCARD(inner) "<iq type='set' id='v'><vCard xmlns='vcard-temp'>" inner "</vCard></iq>"
#define PHOTO(data) "<PHOTO><TYPE>image/png</TYPE><BINVAL>" data "</BINVAL></PHOTO>"

static void before_anybody_is_there(void **state)
{
	struct world *w = fed_world();
	const char *text;
	unsigned a;

	put(w, "carol@far.test", "Carol", "");
	put(w, "dave@far.test", "Dave", "Not known yet");
	put(w, "carol@far.test", "Caroline", "");
	put(w, "erin@far.test", "Erin", "");
	away(w, "erin@far.test");
	away(w, "nobody@far.test");
	a = login(w, "alice", "one");
	say(w, a, GET);
	text = next(w, a);
	assert_non_null(strstr(text, "<item jid='carol@far.test' name='Caroline' subscription='both'/>"));
	assert_non_null(strstr(text,
		"<item jid='dave@far.test' name='Dave' subscription='both'><group>Not known yet</group></item>"));
	assert_null(strstr(text, "erin"));
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 0); /* it is not his, so it is not stored */
	world_free(w);
}

static void while_he_is_there(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one");

	say(w, a, GET);
	forget(w, a);
	put(w, "carol@far.test", "Carol", "");
	expect_has(w, a, "<item jid='carol@far.test' name='Carol' subscription='both'/>");
	put(w, "carol@far.test", "Carol", ""); /* nothing new */
	expect_nothing(w, a);
	put(w, "carol@far.test", "Carol", "Without encryption");
	expect_has(w, a, "<group>Without encryption</group>");
	away(w, "carol@far.test");
	expect_has(w, a, "subscription='remove'");
	away(w, "carol@far.test");
	expect_nothing(w, a);
	world_free(w);
}

/* Out of memory and in again: what changed meanwhile is there. */
static void when_he_comes_back(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one");
	const char *text;

	put(w, "carol@far.test", "Carol", "");
	put(w, "dave@far.test", "Dave", "");
	lose(w, a, 0);
	sleep_ms(w, 300000);
	assert_null(account_find(w->users, STR("alice")));
	away(w, "carol@far.test");
	put(w, "dave@far.test", "David", "");
	a = login(w, "alice", "two");
	say(w, a, GET);
	text = next(w, a);
	assert_null(strstr(text, "carol"));
	assert_non_null(strstr(text, "David"));
	world_free(w);
}

/* His presence goes to those he is fed with, and theirs is asked for. */
static void presence_both_ways(void **state)
{
	struct world *w = fed_world();
	unsigned a;
	bool probed = false, told_them = false;
	const char *text;

	put(w, "carol@far.test", "Carol", "");
	a = login(w, "alice", "one");
	say(w, a, "<presence><show>dnd</show><status>busy</status></presence>");
	while (*(text = far_next(w))) {
		probed |= strstr(text, "type='probe'") != NULL;
		told_them |= strstr(text, "<show>dnd</show>") != NULL;
	}
	assert_true(probed);
	assert_true(told_them);
	assert_true(told.available);
	assert_string_equal(told.show, "dnd");
	assert_string_equal(told.status, "busy");
	world_free(w);
}

/* Of several clients the one with the highest priority is shown. */
static void the_best_of_his_clients(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one"), b = login(w, "alice", "two"), o;

	say(w, a, "<presence><priority>1</priority><show>away</show></presence>");
	assert_string_equal(told.show, "away");
	say(w, b, "<presence><priority>5</priority><status>here</status></presence>");
	assert_string_equal(told.show, "");
	assert_string_equal(told.status, "here");
	say(w, b, "<presence type='unavailable'/>");
	assert_string_equal(told.show, "away");
	/* Of the same priority: whoever said something last is not what counts. */
	say(w, b, "<presence><priority>1</priority><show>dnd</show></presence>");
	assert_string_equal(told.show, "dnd");
	say(w, a, "<presence><priority>1</priority></presence>");
	assert_string_equal(told.show, "dnd");
	say(w, b, "<presence><priority>1</priority><show>away</show></presence>");
	assert_string_equal(told.show, "");
	say(w, b, "<presence type='unavailable'/>");
	lose(w, a, 0);
	assert_false(told.available);
	/* Others are nobody's business. */
	told.presences = 0;
	o = login(w, "bob", "x");
	say(w, o, "<presence/>");
	assert_int_equal(told.presences, 0);
	world_free(w);
}

/* ---- the picture ---- */

static void a_picture(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one"), b = login(w, "bob", "x");

	assert_int_equal(told.pictures, 0);
	say(w, a, VCARD("<FN>Alice</FN>" PHOTO("\n aGVs\n bG8=\r\n")));
	assert_int_equal(told.pictures, 1);
	assert_string_equal(told.picture, "hello");
	say(w, b, VCARD(PHOTO("aGVsbG8=")));
	assert_int_equal(told.pictures, 1);
	/* None, one that cannot be read, one that is elsewhere. */
	say(w, a, VCARD("<FN>Alice</FN>"));
	assert_int_equal(told.pictures, 2);
	assert_int_equal(told.picture_n, 0);
	say(w, a, VCARD(PHOTO("aGVsbG8")));
	say(w, a, VCARD(PHOTO("")));
	say(w, a, VCARD("<PHOTO><EXTVAL>http://x.test/a.png</EXTVAL></PHOTO>"));
	assert_int_equal(told.pictures, 5);
	assert_int_equal(told.picture_n, 0);
	world_free(w);
}

static void a_picture_of_yesterday(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one");

	say(w, a, VCARD(PHOTO("aGVsbG8=")));
	memset(&told, 0, sizeof(told));
	world_restart_with(w, &config);
	pump(w);
	assert_string_equal(told.picture, "hello");
	world_free(w);
}

/* What the store refuses is not shown either. */
static void a_picture_not_taken(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one");

	store_state(w, true);
	say(w, a, VCARD(PHOTO("aGVsbG8=")));
	assert_int_equal(told.pictures, 0);
	world_free(w);
}

#define SET(id, item) "<iq type='set' id='" id "'><query xmlns='jabber:iq:roster'>" item "</query></iq>"

/* A client's new name goes to whoever feeds the roster, which says what has become of it. */
static void a_client_changes_its_roster(void **state)
{
	struct world *w = fed = fed_world();
	unsigned a;

	put(w, "bob@peer.test", "bob", "Friends");
	a = online(w, "alice", "a", 0);
	say(w, a, GET);
	forget(w, a);
	say(w, a, SET("1", "<item jid='bob@peer.test' name='Robert'><group>Mine</group></item>"));
	expect_has(w, a, "name='Robert'");
	expect_has(w, a, "type='result'");
	/* Groups are not the client's. It hears so even if nothing else changed. */
	say(w, a, SET("2", "<item jid='bob@peer.test' name='Robert'><group>Mine</group></item>"));
	expect_has(w, a, "<group>Friends</group>");
	expect_has(w, a, "type='result'");
	say(w, a, SET("3", "<item jid='bob@peer.test'/>"));
	expect_has(w, a, "name='Robert'");
	expect_has(w, a, "type='result'");
	say(w, a, SET("4", "<item jid='bob@peer.test' name='taken'/>"));
	expect_has(w, a, "<conflict ");
	say(w, a, SET("5", "<item jid='bob@peer.test' name='odd'/>"));
	expect_has(w, a, "<not-acceptable ");
	say(w, a, SET("6", "<item jid='eve@peer.test' name='Eve'/>"));
	expect_has(w, a, "<item-not-found ");
	say(w, a, SET("7", "<item jid='eve@peer.test' subscription='remove'/>"));
	expect_has(w, a, "<item-not-found ");
	say(w, a, SET("8", "<item jid='bob@peer.test' subscription='remove'/>"));
	expect_has(w, a, "subscription='remove'");
	expect_has(w, a, "type='result'");
	assert_string_equal(next(w, a), "");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROSTER_PUT), 0);
	world_free(w);
}

/* What the node has told a client that is gone, and had not said that it has it, the node is told; what others said is dropped. */
static void what_nobody_heard(void **state)
{
	static const char line[] = "<message type='headline' to='alice@x.test'><body>told</body></message>";
	struct world *w = fed_world();
	unsigned a = online(w, "alice", "one", 0), b;

	from_far(w, "x.test", line);
	expect_has(w, a, "<body>told</body>");
	from_far(w, "bob@far.test", line);
	expect_has(w, a, "<body>told</body>");
	lose(w, a, 2);
	assert_int_equal(told.unheard, 1);
	/* Two were told, and one of them has heard it. */
	a = online(w, "alice", "one", 0);
	b = online(w, "alice", "two", 0);
	from_far(w, "x.test", line);
	lose(w, a, 1);
	assert_int_equal(told.unheard, 1);
	lose(w, b, 0);
	assert_int_equal(told.unheard, 1);
	world_free(w);
}

/* The account is the node's user, who is neither made nor removed by a client. */
static void nothing_to_register(void **state)
{
	struct world *w = fed_world();
	unsigned a = login(w, "alice", "one");

	say(w, a, "<iq type='get' id='1' to='x.test'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
	assert_null(strstr(next(w, a), "jabber:iq:register"));
	say(w, a, "<iq type='set' id='2' to='x.test'><query xmlns='jabber:iq:register'><remove/></query></iq>");
	expect_has(w, a, "<service-unavailable");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_changes_its_roster),
		cmocka_unit_test(before_anybody_is_there),
		cmocka_unit_test(while_he_is_there),
		cmocka_unit_test(when_he_comes_back),
		cmocka_unit_test(presence_both_ways),
		cmocka_unit_test(the_best_of_his_clients),
		cmocka_unit_test(a_picture),
		cmocka_unit_test(a_picture_of_yesterday),
		cmocka_unit_test(a_picture_not_taken),
		cmocka_unit_test(what_nobody_heard),
		cmocka_unit_test(nothing_to_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
