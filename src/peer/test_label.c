#include "peer/testing.h"

static void plain(void **state)
{
	static const char *const good[] = {"bob", "Bob B.", "J\xc3\xbcrgen", "10.0.0.7", "a#b", "x-"};
	static const char *const bad[] = {"", " bob", "bob ", "bob@bravo", "10.0.0.7:5298", "a/b", "Carol's", "Mac (2)",
		"#lunch", "*", "-x", ">", "(x", "|", "a\"b", "a\nb", "ca\xe2\x80\x8brol", "\xff"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!label_is_plain(str_z(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (label_is_plain(str_z(bad[i])))
			fail_msg("%s", bad[i]);
}

#define E4 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
#define E10 E4 E4 "\xc3\xa9\xc3\xa9"

/* Whatever somebody calls himself: what people see of it can be typed, and is his alone. */
static void chosen(void **state)
{
	static const struct {
		const char *instance, *label;
	} cases[] = {
		{"carol@den", "carol"},
		{"CAROL@other", "CAROL-other"}, /* two that differ by that alone would be mistaken */
		{"carol@den2", "carol-den2"},
		{"carol@a-long-name-of-a-machine", "carol-a-long-n"},
		{"carol@a-long-name-of-another", "carol-a-long-n-2"},
		{"carol@'", "carol-2"},
		{"@den", "-"}, /* see below */
		{"Dan's \"Mac\" (2)", "Dans Mac 2"},
		{"a/b:c@d", "a-b-c"},
		{"#lunch@x", "lunch"},
		{"da\xe2\x80\xaeve@x", "da-ve"},
		{"***", "somebody"},
		{"((@x", "somebody-x"},
		{"0123456789012345678901234567890123456789012345678901234567890@d",
			"0123456789012345678901234567890123456789012345678901234567890"},
		{"0123456789012345678901234567890123456789012345678901234567890@e",
			"0123456789012345678901234567890123456789012345678-e"},
		/* never in the middle of a character */
		{E10 E10 E10 "@d", E10 E10 E10},
		{"\"" E10 E10 E10 "@e", E10 E10 E4 "-e"},
	};
	struct world *w = world_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer *p;

		cut(w, legacy_from(w, cases[i].instance), false);
		p = called(w, cases[i].instance);
		if (strcmp(cases[i].instance, "@den") == 0)
			assert_string_equal(p->label, "den");
		else
			assert_string_equal(p->label, cases[i].label);
		assert_true(label_is_plain(str_z(p->label)));
		assert_ptr_equal(called(w, p->label), p);
	}
	world_free(w);
}

/* One who comes by a link alone, before the network shows him: everywhere the same name, also after a restart. */
static void legacy_by_link(void **state)
{
	struct world *w = world_new();
	uint64_t conn = legacy_from(w, "carol@den");
	struct peer *p = called(w, "carol");

	assert_string_equal(p->label, "carol");
	assert_non_null(strstr(last_feed(w), "carol\\40den@xep0174.internal carol [Without encryption]"));
	assert_non_null(strstr(command(w, "peer", "list", NULL), "carol                legacy"));
	command(w, "peer", "allow", "carol", NULL);
	cut(w, conn, false);
	found(w, "carol@den", "10.0.0.9", 5298, "txtvers=1");
	assert_string_equal(called(w, "carol@den")->label, "carol");
	/* As a table of before has it. */
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peer_set_label(p, STR("carol@den"));
	core_end(w->core);
	world_restart(w);
	assert_string_equal(called(w, "carol@den")->label, "carol");
	assert_non_null(strstr(last_feed(w), "carol\\40den@xep0174.internal carol [Without encryption]"));
	world_free(w);
}

/* Whoever answers at a number that was typed without a name has a name of his own. */
static void typed_without_name(void **state)
{
	struct world *w = world_new();
	char address[64];

	command(w, "peer", "add", "10.0.0.7", NULL);
	assert_null(refusal(w,
		ask_link(w,
			&(struct asking){.who = 'b',
				.from = jid_of('b', "bob"),
				.dial = next_dial(w, address, NULL)})));
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_false(row(w, 'b')->named);
	world_free(w);
}

/* We are alice@alpha. Nobody else is shown so that he could be taken for us, whatever he calls himself, and whether he has a key. */
static void not_ours(void **state)
{
	static const struct {
		const char *instance, *label;
	} cases[] = {
		{"alice@alpha", "alice-stranger"},
		{"ALICE@Alpha", "ALICE-stranger-2"},
		{"alice@bravo", "alice-bravo"},
		{"alice-alpha", "alice-alpha-2"},
	};
	struct world *w = world_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cut(w, legacy_from(w, cases[i].instance), false);
		assert_string_equal(called(w, cases[i].instance)->label, cases[i].label);
	}
	found_keyed(w, 'b', "alice@alpha", "10.0.0.2");
	assert_string_equal(row(w, 'b')->label, "alice-stranger-3");
	link_from(w, 'c', "alice");
	assert_memory_equal(row(w, 'c')->label, "alice-", 6);
	assert_memory_equal(row(w, 'c')->label + 6, id_of('c'), 6);
	assert_non_null(
		strstr(command(w, "peer", "rename", "alice-bravo", "alice-alpha", NULL), "this node's own name"));
	assert_true(w->reply_failed);
	world_free(w);
}

/* Somebody has had the name before it became ours. */
static void ours_by_now(void **state)
{
	struct world *w = world_new();

	link_from(w, 'c', "carol");
	command(w, "peer", "accept", "carol", NULL);
	assert_string_equal(row(w, 'c')->label, "carol");
	w->config.user = "carol";
	world_restart(w);
	assert_string_not_equal(row(w, 'c')->label, "carol");
	w->config.user = "alice";
	world_free(w);
}

/* ---- another user part, the same key ---- */

static bool history_moved(struct world *w, const char *was, const char *now)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_PEER, NULL, 0)
		if (str_is(r->v[1].s, "alice") && str_is(r->v[2].s, was) && str_is(r->v[3].s, now))
			return true;
	return false;
}

static void called_otherwise_now(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	unsigned before;

	say_message(w, jid_of('b', "bob"), "m1", "hi"); /* so he is known */
	cut(w, conn, false);
	say_message(w, jid_of('b', "bob"), "m2", "where are you?");
	look_away(w);
	before = w->feed_n;
	conn = link_from(w, 'b', "robert");
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_string_equal(row(w, 'b')->user, "robert");
	/* The new one is there before the old one goes. */
	assert_true(w->feed_n >= before + 2);
	assert_non_null(strstr(w->feed[before], "robert@"));
	assert_non_null(strstr(w->feed[before], " bob ["));
	assert_string_equal(w->feed[before + 1] + 1, jid_of('b', "bob"));
	assert_true(history_moved(w, jid_of('b', "bob"), jid_of('b', "robert")));
	expect_got(w, "kind='became'");
	expect_got(w, "bob calls himself robert now");
	expect_sent(w, conn, jid_of('b', "robert"));
	expect_sent(w, conn, "where are you?");
	/* Who types either means him, and who writes to the old address too. */
	assert_ptr_equal(called(w, "bob"), row(w, 'b'));
	assert_ptr_equal(called(w, "robert"), row(w, 'b'));
	say_message(w, jid_of('b', "bob"), "m3", "still you");
	expect_sent(w, conn, "still you");
	assert_string_equal(row(w, 'b')->label, "bob");
	/* Said once, also by the network, and after a restart. */
	cut(w, conn, false);
	look_away(w);
	found_keyed(w, 'b', "robert@bravo", "10.0.0.2");
	link_from(w, 'b', "robert");
	world_restart(w);
	found_keyed(w, 'b', "robert@bravo", "10.0.0.2");
	link_from(w, 'b', "robert");
	assert_int_equal(got_with(w, "calls himself"), 0);
	assert_string_equal(row(w, 'b')->label, "bob");
	world_free(w);
}

/* A name that the network tells is hearsay; a stranger is called as he calls himself. */
static void only_by_the_key(void **state)
{
	struct world *w = world_new();

	link_from(w, 'b', "bob");
	command(w, "peer", "accept", "bob", NULL);
	found_keyed(w, 'b', "mallory@bravo", "10.0.0.2");
	assert_string_equal(row(w, 'b')->user, "bob");
	assert_string_equal(row(w, 'b')->label, "bob");
	cut(w, link_from(w, 'c', "carol"), false);
	look_away(w);
	link_from(w, 'c', "carla");
	assert_string_equal(row(w, 'c')->label, "carla");
	assert_int_equal(got_with(w, "calls himself"), 0);
	world_free(w);
}

/* What was written to an address is in the history of whoever was there. */
static void typed_history(void **state)
{
	struct world *w = world_new();
	char address[64];

	command(w, "peer", "add", "10.0.0.7", NULL);
	say_message(w, "10.0.0.7\\3a5298@typed.internal", "m1", "hi");
	ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob"), .dial = next_dial(w, address, NULL)});
	assert_true(history_moved(w, "10.0.0.7\\3a5298@typed.internal", jid_of('b', "bob")));
	world_free(w);
}

/* Nothing is pinned where no key has been seen; whoever shows one there is. */
static void typed_is_new(void **state)
{
	struct world *w = world_new();
	char address[64];

	command(w, "peer", "add", "dave@10.0.0.7", NULL);
	say_message(w, "dave@typed.internal", "m1", "hi");
	assert_non_null(strstr(command(w, "peer", "list", NULL), "dave                 new "));
	world_restart(w);
	assert_non_null(strstr(command(w, "peer", "list", NULL), "dave                 new      away   1 waiting"));
	ask_link(w, &(struct asking){.who = 'd', .from = jid_of('d', "dave"), .dial = next_dial(w, address, NULL)});
	assert_non_null(strstr(command(w, "peer", "list", NULL), "dave                 pinned "));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(chosen),
		cmocka_unit_test(legacy_by_link),
		cmocka_unit_test(typed_without_name),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(ours_by_now),
		cmocka_unit_test(called_otherwise_now),
		cmocka_unit_test(only_by_the_key),
		cmocka_unit_test(typed_history),
		cmocka_unit_test(typed_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
