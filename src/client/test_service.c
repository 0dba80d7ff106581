/* What a service offers: lists that come in pages. */
#include "client/testing.h"

#define ROOM_ITEM(name) "<item jid='" name "@rooms.x.test' name='" name "'/>"
#define PAGE_END(last, count) "<set xmlns='" NS_RSM "'><last>" last "@rooms.x.test</last><count>" count "</count></set>"

static void rooms_page(const char *question, const char *inside)
{
	char xml[2048];

	snprintf(xml, sizeof(xml), "<query xmlns='" NS_DISCO_ITEMS "'>%s</query>", inside);
	answer(question, "rooms.x.test", xml);
}

static void ask_for_rooms(void)
{
	forget();
	assert_int_equal(client_rooms(t.c, STR("rooms.x.test")), 0);
	assert_true(said("<max>"));
}

/* Thousands of rooms come in pages: the next one is asked for as long as there are more, and shown as it comes. */
static void lists_of_rooms(void **state)
{
	log_in();
	buf_reset(&t.events);
	ask_for_rooms();
	rooms_page(NS_DISCO_ITEMS, ROOM_ITEM("a") ROOM_ITEM("b") PAGE_END("b", "3"));
	told("a@rooms.x.test\nb@rooms.x.test");
	rooms_page("<after>b@rooms.x.test</after>", ROOM_ITEM("c") PAGE_END("c", "3"));
	told("c@rooms.x.test");
	assert_false(said("<after>c"));
	ask_for_rooms();
	rooms_page(NS_DISCO_ITEMS, "");
	told("no rooms");
	/* One who gives the same page for ever is not asked for ever, nor one whose pages are empty. */
	ask_for_rooms();
	rooms_page(NS_DISCO_ITEMS, ROOM_ITEM("a") PAGE_END("a", "9"));
	told("a@rooms.x.test");
	rooms_page("<after>a@", ROOM_ITEM("a") PAGE_END("a", "9"));
	told("a@rooms.x.test");
	assert_null(strstr(strstr(buf_cstr(client_out(t.c)), "<after>") + 1, "<after>"));
	ask_for_rooms();
	rooms_page(NS_DISCO_ITEMS, ROOM_ITEM("a") PAGE_END("a", "9"));
	told("a@rooms.x.test");
	rooms_page("<after>a@", PAGE_END("b", "9"));
	told_nothing();
	assert_false(said("<after>b@"));
}

/* Nor is there an end to what can be shown of a service that has no end. */
static void lists_of_too_many_rooms(void **state)
{
	struct buf xml = {.max = 1 << 20};
	unsigned pages = 1;
	char last[64];

	log_in();
	buf_reset(&t.events);
	ask_for_rooms();
	for (; said("id='"); pages++) {
		char *id = xstrdup(id_of(NS_DISCO_ITEMS));

		assert_true(pages < 100);
		forget();
		buf_reset(&t.events);
		buf_reset(&xml);
		buf_fmt(&xml, "<iq type='result' id='%s' from='rooms.x.test'><query xmlns='" NS_DISCO_ITEMS "'>", id);
		for (int i = 0; i < 200; i++)
			buf_fmt(&xml, "<item jid='r%u.%d@rooms.x.test'/>", pages, i);
		snprintf(last, sizeof(last), "r%u.199@rooms.x.test", pages);
		buf_fmt(&xml, "<set xmlns='" NS_RSM "'><last>%s</last><count>100000</count></set></query></iq>", last);
		hear(buf_cstr(&xml));
		xfree(id);
	}
	told("95000 more are not shown");
	buf_clear(&xml);
}

#define INFO(category) \
	"<query xmlns='" NS_DISCO_INFO "'><identity category='" category "' type='text'/><feature var='" NS_MUC \
	"'/></query>"

/* A domain is no service itself, but has one, mostly. */
static void rooms_of_a_domain(void **state)
{
	static const char items[] = "<query xmlns='" NS_DISCO_ITEMS
				    "'><item jid='y.test'/><item jid='files.y.test'/><item jid='muc.y.test'/>"
				    "<item jid='y.test' node='x'/></query>";

	log_in();
	buf_reset(&t.events);
	for (int i = 0; i < 2; i++) {
		forget();
		assert_int_equal(client_rooms(t.c, STR("y.test")), 0);
		answer(NS_DISCO_ITEMS, "y.test", i ? "<query xmlns='" NS_DISCO_ITEMS "'/>" : items);
		if (i)
			break;
		assert_false(said("to='y.test'><query xmlns='" NS_DISCO_INFO));
		answer("to='files.y.test'><query xmlns='" NS_DISCO_INFO, "files.y.test", INFO("store"));
		answer("to='muc.y.test'><query xmlns='" NS_DISCO_INFO, "muc.y.test", INFO("conference"));
		told_nothing();
		answer("to='muc.y.test'><query xmlns='" NS_DISCO_ITEMS, "muc.y.test",
			"<query xmlns='" NS_DISCO_ITEMS "'><item jid='tea@muc.y.test'/></query>");
		told("answer |||tea@muc.y.test|");
	}
	told("no rooms");
	forget();
	assert_int_equal(client_rooms(t.c, STR("y.test")), 0);
	answer(NS_DISCO_ITEMS, "y.test", "<query xmlns='" NS_DISCO_ITEMS "'><item jid='files.y.test'/></query>");
	refuse("to='files.y.test'><query xmlns='" NS_DISCO_INFO, "files.y.test");
	told("answer |||no rooms there, and no service that has them|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_of_rooms, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_of_too_many_rooms, setup, teardown),
		cmocka_unit_test_setup_teardown(rooms_of_a_domain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
