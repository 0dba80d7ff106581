/* The ladder on a screen, as far as no terminal is needed. */
#include "trace/screen_line.h"

#include <locale.h>
#include <stdio.h>

#include "trace/screen_page.h"
#include "trace/test_frames.h"
#include "tui/filter.h"

enum { MANY = 300 };

/* A message of alice, acknowledged, again and again. */
static void give_talk(struct dissected *d, unsigned messages)
{
	for (unsigned i = 0; i < messages; i++) {
		char number[4][24], row[100];
		struct given one;

		snprintf(number[0], sizeof(number[0]), "%u", 2 * i + 1);
		snprintf(number[1], sizeof(number[1]), "%u", 2 * i + 2);
		snprintf(number[2], sizeof(number[2]), "%u", 10 * i + 1);
		snprintf(number[3], sizeof(number[3]), "%u", 10 * i + 11);
		snprintf(row, sizeof(row), "message|message|m%u|alice@a|bob@b|%%22Number%%20%u.%%22|||m%u", i, i, i);
		one = segment(number[0], false, "0x0018", number[2], "1", "10");
		one.field[F_CHAT] = row;
		give(d, &one);
		one = segment(number[1], true, "0x0010", "1", number[3], "0");
		give(d, &one);
	}
	dissect_end(d);
}

static struct dissected talk(unsigned messages)
{
	struct dissected d = {.text = {.max = 1 << 24}};

	give_talk(&d, messages);
	return d;
}

static uint32_t number_at(const struct rungs *v, uint32_t row) { return v->d->frames[v->rows[row].frame].number; }

static void test_rows(void **state)
{
	struct dissected d = talk(3);
	struct rungs v;

	rungs_init(&v, &d);
	assert_null(rungs_chosen(&v));
	rungs_move(&v, 1);
	rungs_update(&v);
	/* message, "1 bare ACK", ... */
	assert_int_equal(v.n, 6);
	assert_int_equal(v.rows[1].kind, ROW_FOLDED);
	rungs_choose(&v, 2);
	rungs_fold(&v);
	assert_int_equal(v.n, 6);
	assert_int_equal(v.rows[1].kind, ROW_EVENT);
	assert_int_equal(number_at(&v, v.at), 3); /* the chosen frame stays chosen */
	rungs_choose(&v, 3);
	rungs_fold(&v);
	assert_int_equal(v.at, 3); /* inside the fold */
	/* Acknowledgements that come one by one go into one fold. */
	give(&d, &(struct given[]){segment("7", true, "0x0010", "1", "31", "0")}[0]);
	dissect_end(&d);
	rungs_update(&v);
	assert_int_equal(v.n, 6);
	assert_int_equal(v.folds[v.rows[5].part].acks, 2);
	rungs_clear(&v);
	dissected_clear(&d);
}

static void test_moving(void **state)
{
	struct dissected d = talk(MANY);
	struct rungs v;

	rungs_init(&v, &d);
	rungs_update(&v);
	rungs_resize(&v, 20);
	rungs_move(&v, 19);
	assert_true(v.top == 0 && v.at == 19);
	rungs_move(&v, 1);
	assert_true(v.top == 1 && v.at == 20);
	rungs_move(&v, -1);
	assert_true(v.top == 1 && v.at == 19);
	rungs_move(&v, -1000000);
	assert_true(v.top == 0 && v.at == 0);
	rungs_end(&v);
	assert_true(v.at == 2 * MANY - 1 && v.top == 2 * MANY - 20);
	/* There it stays while more come, until one moves up. */
	give_talk(&d, 1);
	rungs_update(&v);
	assert_true(v.at == 2 * MANY + 1 && v.top == 2 * MANY - 18);
	rungs_move(&v, -5);
	give_talk(&d, 1);
	rungs_update(&v);
	assert_int_equal(v.at, 2 * MANY - 4);
	/* A larger window shows more above, a smaller one still the chosen row. */
	rungs_end(&v);
	rungs_resize(&v, 100);
	assert_int_equal(v.top, v.n - 100);
	rungs_resize(&v, 1);
	assert_int_equal(v.top, v.at);
	rungs_clear(&v);
	dissected_clear(&d);
}

static void test_filter(void **state)
{
	struct dissected d = talk(MANY);
	struct rungs v;

	rungs_init(&v, &d);
	rungs_update(&v);
	rungs_choose(&v, 200); /* frame 201 */
	rungs_filter(&v);
	assert_int_equal(v.n, 0); /* nothing is decided yet */
	for (uint32_t number = 1; number <= 401; number += 8) {
		rungs_pass(&v, number);
		rungs_decided(&v, number);
	}
	rungs_update(&v);
	assert_int_equal(v.n, 51);
	assert_int_equal(number_at(&v, 50), 401);
	/* Undecided frames wait, others are out. */
	rungs_pass(&v, 600);
	rungs_update(&v);
	assert_int_equal(v.n, 51);
	rungs_decided(&v, UINT32_MAX);
	rungs_update(&v);
	assert_int_equal(v.n, 52);
	assert_int_equal(number_at(&v, 51), 600);
	rungs_choose(&v, 200);
	assert_int_equal(number_at(&v, v.at), 201);
	rungs_unfilter(&v);
	assert_int_equal(v.n, 2 * MANY);
	assert_int_equal(number_at(&v, v.at), 201);
	rungs_clear(&v);
	dissected_clear(&d);
}

static enum rungs_found search(struct rungs *v, const char *needle, bool backward)
{
	enum rungs_found found;

	rungs_search(v, str_z(needle), backward);
	while ((found = rungs_search_step(v, 7)) == RUNGS_GOES_ON)
		;
	return found;
}

static void test_search(void **state)
{
	struct dissected d = talk(MANY), none = {0};
	struct rungs v;

	rungs_init(&v, &none);
	assert_int_equal(search(&v, "x", false), RUNGS_MISSING);
	rungs_clear(&v);
	rungs_init(&v, &d);
	rungs_update(&v);
	assert_int_equal(search(&v, "nUMBER 29", false), RUNGS_FOUND); /* in either case */
	assert_int_equal(number_at(&v, v.at), 59);
	assert_int_equal(search(&v, "number 29", false), RUNGS_FOUND); /* the next one: 290 */
	assert_int_equal(number_at(&v, v.at), 581);
	assert_int_equal(search(&v, "number 29.", false), RUNGS_FOUND); /* around the end */
	assert_int_equal(number_at(&v, v.at), 59);
	assert_int_equal(search(&v, "number 299.", true), RUNGS_FOUND); /* backwards around the beginning */
	assert_int_equal(number_at(&v, v.at), 599);
	assert_int_equal(search(&v, "number 299.", true), RUNGS_FOUND); /* itself, if it is the only one */
	assert_int_equal(number_at(&v, v.at), 599);
	assert_int_equal(search(&v, "no such thing", false), RUNGS_MISSING);
	assert_int_equal(number_at(&v, v.at), 599);
	rungs_search(&v, STR("nowhere"), false);
	assert_int_equal(rungs_search_step(&v, 1), RUNGS_GOES_ON);
	rungs_renew(&v, &d);
	assert_int_equal(rungs_search_step(&v, 1), RUNGS_GOES_ON);
	rungs_search_step(&v, UINT32_MAX);
	rungs_clear(&v);
	dissected_clear(&d);
}

static void test_partner(void **state)
{
	struct dissected d = talk(2);
	struct given receipt = segment("5", true, "0x0018", "1", "21", "5");
	struct rungs v;

	receipt.field[F_CHAT] = "receipt|message|r1|bob@b|alice@a|delivered|3|2.000000|m1";
	give(&d, &receipt);
	dissect_end(&d);
	rungs_init(&v, &d);
	assert_int_equal(rungs_partner(&v), UINT32_MAX);
	rungs_update(&v);
	rungs_choose(&v, 2);
	assert_int_equal(rungs_partner(&v), 4); /* its receipt */
	rungs_choose(&v, 4);
	assert_int_equal(rungs_partner(&v), 2); /* and back */
	rungs_choose(&v, 0);
	assert_int_equal(rungs_partner(&v), 1); /* no receipt: who acknowledged it */
	rungs_clear(&v);
	dissected_clear(&d);
}

/* Whatever is said and however wide the screen is, no line is wider, and none has a control character. */
static void test_lines(void **state)
{
	static const char *const said[] = {"%E4%BD%A0%E5%A5%BD%E4%BD%A0%E5%A5%BD%E4%BD%A0%E5%A5%BD%E4%BD%A0%E5%A5%BD",
		"%F0%9F%91%8B%F0%9F%8F%BD%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7",
		"%1B[2J%0Anew%E2%80%AEline", "%FF%FE%80broken", "e%CC%81e%CC%81e%CC%81e%CC%81e%CC%81e%CC%81",
		"plain text that goes on and on and on and on"};
	struct dissected d = {.text = {.max = 1 << 20}};
	struct rungs v;

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct given one = segment("1", i % 2, "0x0018", "1", "1", "10");
		char row[300];

		snprintf(row, sizeof(row), "message|message|m|%s@a|bob@b|%s|||", said[i], said[i]);
		one.field[F_CHAT] = row;
		give(&d, &one);
	}
	dissect_end(&d);
	rungs_init(&v, &d);
	rungs_update(&v);
	for (unsigned columns = 20; columns < 200; columns++)
		for (uint32_t i = 0; i < v.n; i++) {
			CLEANUP(buf_clear) struct buf line = {.max = 1 << 20};
			struct layout l = layout_of(&d, columns);

			line_head(&v, &v.rows[i], &l, &line);
			line_lanes(&v, &v.rows[i], &l, &line);
			assert_true(l.text >= filter_width(buf_view(&line)) || columns < 40);
			line_text(&v, &v.rows[i], &l, columns % 30, &line);
			assert_true(filter_width(buf_view(&line)) <= columns || columns < 40);
			assert_true(str_utf8(buf_view(&line)));
			for (size_t c = 0; c < line.n; c++)
				assert_true((uint8_t)line.p[c] >= ' ' && line.p[c] != 0x7f);
		}
	rungs_clear(&v);
	dissected_clear(&d);
}

/* Two hosts have full lanes at 80 columns, and lanes at 60; sixteen hosts only where there is room. */
static void test_layout(void **state)
{
	struct dissected d = talk(1);

	assert_int_equal(layout_of(&d, 80).lane, 14);
	assert_true(layout_of(&d, 60).lane >= 4);
	assert_int_equal(layout_of(&d, 40).lane, 0);
	d.host_n = HOSTS_MAX;
	assert_int_equal(layout_of(&d, 80).lane, 0);
	assert_true(layout_of(&d, 250).lane >= 4);
	d.host_n = 2;
	dissected_clear(&d);
}

static void test_styles(void **state)
{
	struct given all[] = {segment("1", false, "0x0002", "0", "0", "0"),
		segment("2", false, "0x0018", "1", "1", "10"), segment("3", false, "0x0018", "1", "1", "10"),
		segment("4", false, "0x0011", "11", "1", "0"), segment("5", false, "0x0018", "1", "1", "10"),
		{{[F_NUMBER] = "6", [F_PROTOCOL] = "MDNS"}}};
	static const enum style want[] = {STYLE_TCP, STYLE_MESSAGE, STYLE_STREAM, STYLE_LOST, STYLE_CLOSE, STYLE_TLS,
		STYLE_DISCOVERY};
	struct dissected d;
	struct rungs v;

	all[1].field[F_CHAT] = "message|message|m|alice@a|bob@b|%22hi%22|||\x1esasl||||||";
	all[2].field[F_RETRANSMISSION] = "1";
	all[4].field[F_ENCRYPTED] = "23";
	give_all(&d, all, ARRAY_LEN(all));
	rungs_init(&v, &d);
	rungs_update(&v);
	assert_int_equal(v.n, ARRAY_LEN(want));
	for (uint32_t i = 0; i < v.n; i++)
		assert_int_equal(line_style(&v, &v.rows[i]), want[i]);
	rungs_clear(&v);
	dissected_clear(&d);
}

static bool page_find(struct page *p, const char *needle, bool backward)
{
	page_search_for(p, str_z(needle), backward);
	return page_search(p);
}

static void test_page(void **state)
{
	struct page p;

	page_init(&p);
	page_resize(&p, 10);
	assert_false(page_find(&p, "x", false));
	for (int i = 0; i < 100; i++) {
		char line[100];

		snprintf(line, sizeof(line), "line \033[%d.", i);
		assert_true(page_line(&p, str_z(line)));
	}
	assert_null(memchr(p.text.p, '\033', p.text.n));
	page_move(&p, 1000);
	assert_int_equal(p.top, 90);
	page_move(&p, -1);
	assert_int_equal(p.top, 89);
	assert_true(page_find(&p, "[42.", false)); /* around the end */
	assert_true(p.found == 43 && p.top == 42);
	assert_true(page_find(&p, "LINE", true));
	assert_int_equal(p.found, 42);
	assert_false(page_find(&p, "nothing", true));
	/* It has an end. */
	for (uint32_t i = p.n; i < PAGE_LINES_MAX; i++)
		assert_true(page_line(&p, STR("")));
	assert_false(page_line(&p, STR("one more")));
	assert_true(p.cut);
	page_clear(&p);
}

static void assert_page(const struct page *p, const char *const *lines, uint32_t n)
{
	assert_int_equal(p->n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_true(str_is(page_get(p, i), lines[i]));
}

/* What is wider than the screen goes on below; nothing of it is lost, and a filter stays in one piece. */
static void test_prose(void **state)
{
	static const char text[] = "   one two three four five six seven\n\n"
				   "   filter: tcp.stream == 0 && (mdns || chat)\n"
				   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 "
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nfits";
	static const char *const wide[] = {"   one two three four five", "      six seven", "",
		"   filter: tcp.stream == 0 && (mdns || chat)",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
		"   aaaaaaaaaaaaaaaaaaaaaaaaa", "   aaaaaaaaaa", "fits"};
	struct page p;

	page_init(&p);
	page_text(&p, str_z(text), 28);
	assert_page(&p, wide, ARRAY_LEN(wide));
	page_clear(&p);
	page_text(&p, str_z(text), 10); /* too narrow for that */
	assert_int_equal(p.n, 5);
	page_clear(&p);
	page_text(&p, str_z(text), 1000);
	assert_int_equal(p.n, 5);
	page_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_partner),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_prose),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
