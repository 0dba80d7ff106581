/* What reaches a terminal of what others say. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "client/event.h"
#include "tui/filter.h"
#include "tui/text.h"

static void check(void (*f)(struct buf *, struct str), struct str in, const char *want)
{
	struct buf out;

	buf_init(&out, 65536);
	f(&out, in);
	assert_string_equal(buf_cstr(&out), want);
	buf_clear(&out);
}

static void harmless(void **state)
{
	static const char *const texts[] = {"", "hello", "a < b & \"c\"", "\xc3\xa9\xe4\xbd\xa0", "\xf0\x9f\x98\x80",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", "\xe0\xa4\x95\xe2\x80\x8d"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check(filter_line, str_z(texts[i]), texts[i]);
}

static void controls(void **state)
{
	check(filter_line, STR("\x1b[2J"), "\xe2\x90\x9b[2J");
	check(filter_line, STR("a\0b"),
		"a\xe2\x90\x80"
		"b");
	check(filter_line, STR("\x7f\t\a"), "\xe2\x90\xa1\xe2\x90\x89\xe2\x90\x87");
	check(filter_line,
		STR("\xc2\x9b"
		    "31m"),
		"<U+009B>31m");
	check(filter_line, STR("\xc2\x85"), "<U+0085>");
	check(filter_line, STR("\xc2\xa0"), "\xc2\xa0");
}

static void directions(void **state)
{
	check(filter_line,
		STR("\xe2\x80\xae"
		    "exe"),
		"<U+202E>exe");
	check(filter_line, STR("\xe2\x81\xa6\xe2\x81\xa9"), "<U+2066><U+2069>");
	check(filter_line, STR("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"), "<U+200E><U+200F><U+061C>");
	check(filter_text, STR("\xe2\x80\xa8\xe2\x80\xa9"), "<U+2028><U+2029>");
	check(filter_line, STR("\xf3\xa0\x81\x81"), "<U+E0041>");
}

static void broken_bytes(void **state)
{
	check(filter_line,
		STR("a\xff"
		    "b\xc3"),
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd");
	check(filter_line, STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check(filter_line, STR("\xc0\x9b"), "\xef\xbf\xbd\xef\xbf\xbd");
	check(filter_line, STR("\x9b"), "\xef\xbf\xbd");
}

static void lines(void **state)
{
	check(filter_line, STR("a\nb"),
		"a\xe2\x90\x8a"
		"b");
	check(filter_text, STR("a\nb\r\nc\rd"),
		"a\n" FILTER_MARK "b\n" FILTER_MARK "c\xe2\x90\x8d"
		"d");
	check(filter_text, STR("\n"), "\n" FILTER_MARK);
}

static void wrapped(void **state)
{
	struct buf out;

	buf_init(&out, 65536);
	filter_wrap(&out, STR("0123456789012345678901"), 20);
	assert_string_equal(buf_cstr(&out), "01234567890123456789\n" FILTER_MARK "01");
	buf_reset(&out);
	filter_wrap(&out, STR("0123456789012345678\xe4\xbd\xa0"), 20); /* two cells do not fit */
	assert_string_equal(buf_cstr(&out), "0123456789012345678\n" FILTER_MARK "\xe4\xbd\xa0");
	buf_reset(&out);
	filter_wrap(&out, STR("01234567890123456789\nabc"), 20);
	assert_string_equal(buf_cstr(&out), "01234567890123456789\nabc");
	buf_reset(&out);
	filter_wrap(&out, STR("0123456789 012345 0123456789"), 20); /* words stay whole */
	assert_string_equal(buf_cstr(&out), "0123456789 012345 \n" FILTER_MARK "0123456789");
	buf_reset(&out);
	filter_wrap(&out, STR("01234567890123456789 abc def"), 20); /* nor is a space the first of a line */
	assert_string_equal(buf_cstr(&out), "01234567890123456789\n" FILTER_MARK "abc def");
	buf_reset(&out);
	filter_wrap(&out, STR("012345 0123456789012345678"), 20); /* but for those that fit nowhere */
	assert_string_equal(buf_cstr(&out), "012345 0123456789012\n" FILTER_MARK "345678");
	buf_reset(&out);
	filter_wrap(&out, STR("too narrow a terminal"), 3);
	assert_string_equal(buf_cstr(&out), "too narrow a terminal");
	buf_clear(&out);
}

/* ---- events ---- */

enum { NOON = 1700000000 };

static void shows(struct client_event e, const char *want)
{
	struct buf out;

	buf_init(&out, 65536);
	e.when = NOON * 1000LL;
	text_of_event(&out, &e, NOON * 1000LL);
	assert_true(out.n == 0 || out.n > 6);
	assert_string_equal(out.n ? buf_cstr(&out) + 6 : "", want);
	buf_clear(&out);
}

static void events(void **state)
{
	shows((struct client_event){.kind = EVENT_MESSAGE, .label = STR("bob"), .who = STR("bob"), .body = STR("hi")},
		"bob: hi");
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .room = true,
		      .label = STR("#tea"),
		      .who = STR("a\nb"),
		      .body = STR("hi")},
		"#tea a\xe2\x90\x8a"
		"b: hi");
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .label = STR("bob"),
		      .who = STR("bob"),
		      .body = STR("a\n10:33 eve: b")},
		"bob: a\n" FILTER_MARK "10:33 eve: b");
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .label = STR("bob"),
		      .who = STR("bob"),
		      .verb = STR("corrected"),
		      .body = STR("ho")},
		"bob: corrected: ho");
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .own = true,
		      .label = STR("bob"),
		      .who = STR("me"),
		      .body = STR("hi")},
		"-> bob: hi");
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .secret = true,
		      .label = STR("#tea/x"),
		      .who = STR("x"),
		      .body = STR("s")},
		"#tea/x (private): s");
	shows((struct client_event){.kind = EVENT_STATE,
		      .state = MESSAGE_DELIVERED,
		      .label = STR("bob"),
		      .body = STR("a\nb")},
		"-> bob: a ... (delivered)");
	shows((struct client_event){.kind = EVENT_STATE,
		      .state = MESSAGE_FAILED,
		      .label = STR("bob"),
		      .body = STR("a"),
		      .detail = STR("gone")},
		"-> bob: a (failed: gone)");
	shows((struct client_event){.kind = EVENT_PRESENCE,
		      .label = STR("carol"),
		      .verb = STR("away"),
		      .detail = STR("lunch\n* x")},
		"* carol is away (lunch\xe2\x90\x8a* x)");
	shows((struct client_event){.kind = EVENT_NOTICE, .body = STR("compare\n12 34")},
		"* compare\n" FILTER_MARK "12 34");
	shows((struct client_event){.kind = EVENT_TYPING, .label = STR("bob"), .verb = STR("paused")}, "");
	shows((struct client_event){.kind = EVENT_DONE, .body = STR("")}, "");
	shows((struct client_event){.kind = EVENT_ANSWER, .body = STR("one\ntwo")}, "* one\n" FILTER_MARK "two");
}

/* What one does (XEP-0245), never at the begin of a line, where events are. */
static void actions(void **state)
{
	struct client_event e = {.kind = EVENT_MESSAGE,
		.label = STR("bob"),
		.who = STR("bob"),
		.body = STR("/me waves")};

	shows(e, "bob: * bob waves");
	e.own = true;
	shows(e, "-> bob: * bob waves");
	e.secret = true;
	shows(e, "-> bob (private): * bob waves");
	e.own = false;
	shows(e, "bob (private): * bob waves");
	e = (struct client_event){.kind = EVENT_MESSAGE,
		.room = true,
		.label = STR("#tea"),
		.who = STR("eve"),
		.body = STR("/me \n* bob is gone")};
	shows(e, "#tea * eve \n" FILTER_MARK "* bob is gone");
	e.verb = STR("corrected");
	shows(e, "#tea corrected: * eve \n" FILTER_MARK "* bob is gone");
	e.verb = STR_NONE;
	e.body = STR("/mewaves");
	shows(e, "#tea eve: /mewaves");
	e.body = STR(" /me waves");
	shows(e, "#tea eve:  /me waves");
	shows((struct client_event){.kind = EVENT_STATE,
		      .state = MESSAGE_DELIVERED,
		      .label = STR("#tea"),
		      .who = STR("me"),
		      .body = STR("/me waves\nb")},
		"-> #tea: * me waves ... (delivered)");
}

/* A nickname is what its owner likes, and says nothing of others. */
static void nicknames(void **state)
{
	static const struct {
		const char *nick, *said, *joined;
	} all[] = {
		{"eve", "#tea eve: hi", "* #tea eve joined"},
		{"eve *", "#tea eve *: hi", "* #tea \"eve *\" joined"},
		{"* alice waves", "#tea \"* alice waves\": hi", "* #tea \"* alice waves\" joined"},
		{" * alice", "#tea \" * alice\": hi", "* #tea \" * alice\" joined"},
		{"\xef\xbc\x8a alice", "#tea \"\xef\xbc\x8a alice\": hi", "* #tea \"\xef\xbc\x8a alice\" joined"},
		{"alice: yes", "#tea \"alice: yes\": hi", "* #tea \"alice: yes\" joined"},
		{"alice\": \\", "#tea \"alice\\\": \\\\\": hi", "* #tea \"alice\\\": \\\\\" joined"},
		{"\"eve\"", "#tea \"\\\"eve\\\"\": hi", "* #tea \"\\\"eve\\\"\" joined"},
#define QUOTED(nick) {nick, "#tea \"" nick "\": hi", "* #tea \"" nick "\" joined"}
		/* What shows as nothing before them, and what looks like them. */
		QUOTED("\u2800* alice waves"),
		QUOTED("\u200d* alice waves"),
		QUOTED("\ufffc*"),
		QUOTED("\U00016fe4*"),
		QUOTED("\ua673 alice"),
		QUOTED("\u2055 alice"),
		QUOTED("alice\u2236 yes"),
		QUOTED("alice\u02d0 yes"),
		QUOTED("alice\u05c3 yes"),
		QUOTED("alice\u0589 yes"),
		QUOTED("alice\ufe13 yes"),
		{"bob\u2800left", "#tea bob\u2800left: hi", "* #tea \"bob\u2800left\" joined"},
		{"a\u200db", "#tea a\u200db: hi", "* #tea a\u200db joined"},
		{"alice was kicked", "#tea alice was kicked: hi", "* #tea \"alice was kicked\" joined"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct client_event e = {.kind = EVENT_MESSAGE,
			.room = true,
			.label = STR("#tea"),
			.who = str_z(all[i].nick),
			.body = STR("hi")};

		shows(e, all[i].said);
		e.kind = EVENT_OCCUPANT;
		e.verb = STR("joined");
		shows(e, all[i].joined);
	}
	shows((struct client_event){.kind = EVENT_MESSAGE,
		      .room = true,
		      .label = STR("#tea"),
		      .who = STR("* bob"),
		      .body = STR("/me waves")},
		"#tea * \"* bob\" waves");
	shows((struct client_event){.kind = EVENT_OCCUPANT,
		      .label = STR("#tea"),
		      .who = STR("eve"),
		      .verb = STR("is now called"),
		      .detail = STR("* bob")},
		"* #tea eve is now called \"* bob\"");
}

static void another_day(void **state)
{
	struct client_event e = {.kind = EVENT_DONE, .body = STR("x"), .when = NOON * 1000LL};
	struct buf out;

	buf_init(&out, 4096);
	text_of_event(&out, &e, (NOON + 3 * 86400) * 1000LL);
	assert_non_null(strstr(buf_cstr(&out), "2023-11-1"));
	buf_clear(&out);
}

static void json(void **state)
{
	struct client_event e = {.kind = EVENT_MESSAGE,
		.when = NOON * 1000LL,
		.own = true,
		.label = STR("a\"b\\"),
		.who = STR("\xe2\x80\xae"),
		.body = STR("x\n\x1b\x7f\xc2\x9b\xff\xc3\xa9<U+202E>\xf3\xa0\x81\x81")};
	struct buf out;

	buf_init(&out, 4096);
	text_json(&out, &e);
	assert_string_equal(buf_cstr(&out),
		"{\"event\":\"message\",\"time\":\"2023-11-14T22:13:20.000Z\",\"label\":\"a\\\"b\\\\\",\"who\":\"\\u202e\","
		"\"body\":\"x\\u000a\\u001b\\u007f\\u009b\xef\xbf\xbd\xc3\xa9<U+202E>\\udb40\\udc41\",\"own\":true}");
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless),
		cmocka_unit_test(controls),
		cmocka_unit_test(directions),
		cmocka_unit_test(broken_bytes),
		cmocka_unit_test(lines),
		cmocka_unit_test(wrapped),
		cmocka_unit_test(events),
		cmocka_unit_test(actions),
		cmocka_unit_test(nicknames),
		cmocka_unit_test(another_day),
		cmocka_unit_test(json),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
