/* What a service offers: lists that come in pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/client_i.h"

static struct {
	struct client *c;
	struct stream_channel channel;
	struct buf events; /* one line each: kind label|who|verb|body|detail|state */
} t;

static void on_event(void *arg, const struct client_event *e)
{
	buf_fmt(&t.events, "%s %.*s|%.*s|%.*s|%.*s|%.*s%s%s%s%s%s\n", client_event_name(e->kind), STR_FMT(e->label),
		STR_FMT(e->who), STR_FMT(e->verb), STR_FMT(e->body), STR_FMT(e->detail),
		e->kind == EVENT_STATE ? "|" : "", e->kind == EVENT_STATE ? message_state_name(e->state) : "",
		e->own ? " own" : "", e->delayed ? " delayed" : "", e->history ? " history" : "");
}

static int no_binding(void *arg, const char *type, struct buf *out) { return ERR_UNSUPPORTED; }

static enum client_need hear(const char *xml)
{
	struct str in = str_z(xml);

	return client_bytes(t.c, &in);
}

#define STREAM(inside) \
	"<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' version='1.0'><stream:features>" inside \
	"</stream:features>"

static int setup(void **state)
{
	struct client_config k = {.domain = STR("x.test"),
		.user = STR("alice"),
		.external = true,
		.trusted_channel = true,
		.version = "1"};

	memset(&t, 0, sizeof(t));
	buf_init(&t.events, 1 << 20);
	t.c = client_new(&k, on_event, NULL);
	t.channel = (struct stream_channel){.binding = no_binding};
	client_time(t.c, 1000, 1700000000000);
	client_connected(t.c, &t.channel);
	hear(STREAM("<mechanisms xmlns='" NS_SASL "'><mechanism>EXTERNAL</mechanism></mechanisms>"));
	hear("<success xmlns='" NS_SASL "'/>");
	hear(STREAM("<bind xmlns='" NS_BIND "'/>"));
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/1</jid></bind></iq>");
	assert_true(client_online(t.c));
	return 0;
}

static int teardown(void **state)
{
	client_free(&t.c);
	buf_clear(&t.events);
	return 0;
}

static bool said(const char *part) { return strstr(buf_cstr(client_out(t.c)), part) != NULL; }
static void forget(void) { buf_reset(client_out(t.c)); }

/* Is it among what was told? Then that is forgotten. */
static void told(const char *part)
{
	if (!strstr(buf_cstr(&t.events), part))
		fail_msg("not told: %s\nbut:\n%s", part, buf_cstr(&t.events));
	buf_reset(&t.events);
}

static void told_nothing(void) { assert_string_equal(buf_cstr(&t.events), ""); }

/* The id of the last question with this in it. */
static const char *id_of(const char *part)
{
	static char id[64];
	const char *all = buf_cstr(client_out(t.c)), *at = strstr(all, part), *p;

	if (!at)
		fail_msg("not asked: %s in %s", part, all);
	for (p = at; p > all && strncmp(p, " id='", 5) != 0; p--)
		;
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(p + 5, "'"), p + 5);
	return id;
}

static void answer(const char *question, const char *from, const char *inside)
{
	char xml[4096];

	snprintf(xml, sizeof(xml), "<iq type='result' id='%s'%s%s%s>%s</iq>", id_of(question), from ? " from='" : "",
		from ? from : "", from ? "'" : "", inside);
	hear(xml);
}

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
	buf_reset(&t.events);
	ask_for_rooms();
	rooms_page(NS_DISCO_ITEMS, ROOM_ITEM("a") ROOM_ITEM("b") PAGE_END("b", "3"));
	told("a@rooms.x.test  a\nb@rooms.x.test  b");
	rooms_page("<after>b@rooms.x.test</after>", ROOM_ITEM("c") PAGE_END("c", "3"));
	told("c@rooms.x.test  c");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_of_rooms, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_of_too_many_rooms, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
