/* What was told to a client that is gone, and has not said that it has it, is told again: when it was said, and nothing that is
 * older than what is known meanwhile. */
#include "base/clock.h"
#include "peer/testing.h"

static void show(struct world *w, bool available)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_show(&w->peers->host, available, STR_NONE, STR_NONE);
	core_end(w->core);
	pump(w);
}

static void warn(struct world *w, const char *text)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	notice(w->peers, "warning", row(w, 'b'), "%s", text);
	core_end(w->core);
	pump(w);
}

/* As its session gives it back. */
static void comes_back(struct world *w, const char *headline)
{
	struct stanza *s;

	assert_int_equal(stanza_parse(str_z(headline), &s), 0);
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_unheard(&w->peers->host, s);
	core_end(w->core);
	pump(w);
	stanza_free(&s);
}

static struct world *with_bob(void)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	show(w, true);
	look_away(w);
	return w;
}

/* One line, of this time. */
static const char *expect_late(struct world *w, const char *text, int64_t when)
{
	CLEANUP(buf_clear) struct buf stamp = {.max = 64};
	const char *said;

	look_away(w);
	show(w, true);
	assert_int_equal(got_with(w, "kind='warning'"), 1);
	said = expect_got(w, "kind='warning'");
	buf_z(&stamp, " stamp='");
	clock_format(&stamp, TEST_WALL + when);
	buf_z(&stamp, "'/></message>");
	assert_non_null(strstr(said, text));
	assert_non_null(strstr(said, buf_cstr(&stamp)));
	return said;
}

/* Also if it has to be told a third time. */
static void with_its_time(void **state)
{
	struct world *w = with_bob();
	int64_t said = w->now;
	const char *headline;

	warn(w, "first");
	headline = expect_got(w, "kind='warning'");
	for (int i = 0; i < 2; i++) {
		show(w, false);
		sleep_ms(w, 600000);
		comes_back(w, headline);
		headline = expect_late(w, "first", said);
	}
	world_free(w);
}

static void not_instead_of_a_later_one(void **state)
{
	struct world *w = with_bob();
	const char *first;
	int64_t said;

	warn(w, "first");
	first = expect_got(w, "kind='warning'");
	show(w, false);
	sleep_ms(w, 1000);
	said = w->now;
	warn(w, "second");
	sleep_ms(w, 1000);
	comes_back(w, first);
	expect_late(w, "second", said);
	world_free(w);
}

/* Of several that come back the last one was said. */
static void the_last_of_several(void **state)
{
	struct world *w = with_bob();
	const char *said[3], *const text[] = {"first", "second", "third"};

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		sleep_ms(w, 1000);
		warn(w, text[i]);
		said[i] = expect_got(w, "kind='warning'");
	}
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		show(w, false);
		comes_back(w, said[i]);
	}
	expect_late(w, "third", w->now);
	world_free(w);
}

/* The clock was put back: what is said now is the last all the same. */
static void by_another_clock(void **state)
{
	struct world *w = with_bob();

	show(w, false);
	sleep_ms(w, 5000);
	warn(w, "first");
	w->now -= 5000;
	warn(w, "second");
	expect_late(w, "second", w->now);
	world_free(w);
}

/* Not of our making: taken for what is said now. */
static void without_a_time(void **state)
{
	static const char *const stamps[] = {"", "stamp='yesterday'", "stamp=''", "stamp='2999-01-01T00:00:00Z'"};

	for (size_t i = 0; i < ARRAY_LEN(stamps); i++) {
		struct world *w = with_bob();
		char headline[512];

		show(w, false);
		snprintf(headline, sizeof(headline),
			"<message type='headline' from='%s'><body>odd</body><event xmlns='" NS_EVENT
			"' kind='warning' %s/></message>",
			domain_of('n'), stamps[i]);
		comes_back(w, headline);
		expect_late(w, "odd", w->now);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_its_time),
		cmocka_unit_test(not_instead_of_a_later_one),
		cmocka_unit_test(the_last_of_several),
		cmocka_unit_test(by_another_clock),
		cmocka_unit_test(without_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
