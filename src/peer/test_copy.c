/* `peer export` and `peer import`. */
#include "base/codec.h"
#include "peer/testing.h"
#include "peer/testing_json.h"

static const char *bob(void) { return jid_of('b', "bob"); }

/* Nothing of a line is taken whose address is none. */
static void import_bad_address(void **state)
{
	struct world *w = world_new();

	command(w, "peer", "import", "dave\t\ttyped\tnew\t10.0.0.7:4000,10.0.0.8:70000\t-", NULL);
	assert_true(w->reply_failed);
	assert_string_equal(w->reply, "in the line of dave: 10.0.0.8:70000 is no address with a port");
	assert_int_equal(w->peers->peers.n, 0);
	world_free(w);
}

static char *line_of(struct world *w, const char *option)
{
	char *text = xstrdup(command(w, "peer", "export", option, NULL));

	assert_false(w->reply_failed);
	return text;
}

static void there_and_back(void **state)
{
	static const enum trust kept[] = {TRUST_PINNED, TRUST_VERIFIED, TRUST_BLOCKED};

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct world *w = world_new();
		struct lan_keys keys;
		struct peer *p;
		char *line;

		link_from(w, 'b', "bob");
		say_message(w, bob(), "m", "hi");
		command(w, "peer", "add", "bob@10.0.0.7", NULL);
		command(w, "peer", "rename", "bob", "Bob B.", NULL);
		command(w, "peer", "set-password", "Bob B.", "a secret", NULL);
		keys = *row(w, 'b')->password;
		core_begin(w->core, w->now, TEST_WALL + w->now);
		peer_set_trust(row(w, 'b'), kept[i]);
		core_end(w->core);
		line = line_of(w, NULL);
		assert_non_null(strstr(line, "\t-\n")); /* no secrets unless asked for */
		xfree(line);
		line = line_of(w, "--with-passwords");
		world_free(w);

		w = world_new();
		line[strcspn(line, "\n")] = '\0';
		command(w, "peer", "import", line, NULL);
		assert_false(w->reply_failed);
		p = row(w, 'b');
		assert_string_equal(p->label, "Bob B.");
		assert_string_equal(p->user, "bob");
		assert_int_equal(p->trust, kept[i]);
		assert_memory_equal(p->key, key_of('b'), 32);
		assert_int_equal(p->address_n, 1);
		assert_string_equal(p->addresses[0].text, "10.0.0.7:5298");
		assert_memory_equal(p->password, &keys, sizeof(keys));
		world_restart(w);
		assert_int_equal(row(w, 'b')->trust, kept[i]);
		world_free(w);
		xfree(line);
	}
}

/* A stranger does not come to be known by being carried. */
static void strangers_stay_strangers(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	char *line;

	hear_message(w, conn, 'b', "m", "hi");
	line = line_of(w, NULL);
	assert_non_null(strstr(line, "\tnew\t"));
	world_free(w);
	w = world_new();
	line[strcspn(line, "\n")] = '\0';
	command(w, "peer", "import", line, NULL);
	assert_false(w->reply_failed);
	assert_int_equal(row(w, 'b')->trust, TRUST_NEW);
	/* Nor does it take away what is known here. */
	say_message(w, bob(), "m", "hi");
	command(w, "peer", "import", line, NULL);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	world_free(w);
	xfree(line);
}

/* Somebody of each kind. */
static struct world *world_of_all(void)
{
	struct world *w = world_new();

	link_from(w, 'b', "bob");
	say_message(w, bob(), "m", "hi");
	found_keyed(w, 'e', "erin@echo", "10.0.0.5"); /* its key is not seen yet */
	say_message(w, jid_of('e', "erin"), "m", "hi");
	legacy_from(w, "carol@den");
	command(w, "peer", "allow", "carol", NULL);
	command(w, "peer", "rename", "carol", "Carola", NULL);
	command(w, "peer", "add", "Carola@10.0.0.9", NULL);
	command(w, "peer", "add", "dave@10.0.0.7:4000", NULL);
	command(w, "peer", "add", "dave@10.0.0.8", NULL);
	command(w, "peer", "add", "10.0.0.11", NULL);
	legacy_from(w, "mal@m");
	command(w, "peer", "block", "mal", NULL);
	found_keyed(w, 'f', "frank@f", "10.0.0.6"); /* only seen: not kept */
	return w;
}

/* What a row of text could be taken for: an object, where a label begins so. A comment has no such row, and is said. */
static void labels_like_json(void **state)
{
	static const char *const labels[] = {"{x", "{\"a", "{", "{}", "[", "#"};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct world *w = world_new();
		char *text, *line;

		link_from(w, 'b', "bob");
		say_message(w, bob(), "m", "hi");
		core_begin(w->core, w->now, TEST_WALL + w->now);
		peer_set_label(row(w, 'b'), str_z(labels[i]));
		peer_changed(row(w, 'b'));
		core_end(w->core);
		text = line_of(w, NULL);
		world_free(w);
		w = world_new();
		line = text;
		command(w, "peer", "import", strsep(&line, "\n"), NULL);
		assert_false(w->reply_failed);
		if (*labels[i] == '#')
			assert_int_equal(w->peers->peers.n, 0);
		else if (label_is_plain(str_z(labels[i])))
			assert_string_equal(row(w, 'b')->label, labels[i]);
		else
			assert_non_null(row(w, 'b'));
		world_free(w);
		xfree(text);
	}
}

/* All that is kept is exported, whatever is known of it, and what was exported can be imported: the same comes out again. */
static void all_there_and_back(void **state)
{
	static const char *const wanted[] = {"Carola\tcarol@den\tlegacy\tlegacy\t10.0.0.9:5298\tplaintext\n",
		"dave\t\ttyped\tnew\t10.0.0.7:4000,10.0.0.8:5298\t-\n",
		"10.0.0.11:5298\t\ttyped\tnew\t10.0.0.11:5298\t-\n", "mal\tmal@m\tlegacy\tblocked\t\t-\n"};
	struct world *w = world_of_all();
	char *text, *rest, *line, *again, seen[256];
	unsigned n = 0;
	text = line_of(w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("no '%s' in\n%s", wanted[i], text);
	snprintf(seen, sizeof(seen), "erin\terin\tid:%s\tpinned\t", id_of('e'));
	assert_non_null(strstr(text, seen));
	assert_null(strstr(text, "frank"));
	world_free(w);

	w = world_new();
	rest = xstrdup(text);
	for (char *at = rest; (line = strsep(&at, "\n")) && *line; n++) {
		command(w, "peer", "import", line, NULL);
		if (w->reply_failed)
			fail_msg("%s: %s", line, w->reply);
	}
	assert_int_equal(n, 6);
	assert_int_equal(w->peers->peers.n, 6);
	world_restart(w);
	again = line_of(w, NULL);
	assert_int_equal(called(w, "mal")->kind, PEER_LEGACY);
	assert_string_equal(called(w, "10.0.0.11:5298")->label, "10.0.0.11:5298");
	assert_int_equal(strlen(again), strlen(text));
	/* In whatever order. */
	assert_int_equal(strlen(again), strlen(text));
	for (char *at = again, *one; (one = strsep(&at, "\n")) && *one;)
		assert_non_null(strstr(text, one));
	world_free(w);
	xfree(text);
	xfree(rest);
	xfree(again);
}

/* Of a changed key the user is still warned where it comes to, and somebody known there is no less known for it. */
static void changed_stays_changed(void **state)
{
	struct world *w = world_new();
	char line[512];

	snprintf(line, sizeof(line), "bob-bravo\tbob\tid:%s\tchanged\t\t-", id_of('m'));
	command(w, "peer", "import", line, NULL);
	assert_false(w->reply_failed);
	assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
	world_restart(w);
	assert_non_null(strstr(command(w, "peer", "export", NULL), "\tchanged\t"));
	command(w, "peer", "accept", "bob-bravo", NULL);
	command(w, "peer", "import", line, NULL);
	assert_int_equal(row(w, 'm')->trust, TRUST_PINNED);
	world_free(w);
}

static void import_lines(struct world *w, const char *text)
{
	char *rest = xstrdup(text), *line;

	for (char *at = rest; (line = strsep(&at, "\n")) && *line;) {
		command(w, "peer", "import", line, NULL);
		if (w->reply_failed)
			fail_msg("%s: %s", line, w->reply);
	}
	xfree(rest);
}

/* The same as a list of objects, which carries every name. */
static void json_there_and_back(void **state)
{
	struct world *w = world_of_all();
	struct lan_keys keys;
	char *text, *json, *again;

	command(w, "peer", "set-password", "bob", "a secret", NULL);
	keys = *row(w, 'b')->password;
	text = line_of(w, NULL);
	json = line_of(w, "--json");
	assert_json(json);
	assert_null(strstr(json, "\"secret\": \"0"));
	xfree(json);
	command(w, "peer", "export", "--with-passwords", "--json", NULL);
	json = xstrdup(w->reply);
	assert_json(json);
	world_free(w);

	w = world_new();
	import_lines(w, json);
	assert_int_equal(w->peers->peers.n, 6);
	assert_memory_equal(row(w, 'b')->password, &keys, sizeof(keys));
	again = line_of(w, NULL);
	assert_int_equal(strlen(again), strlen(text));
	for (char *at = again, *one; (one = strsep(&at, "\n")) && *one;)
		assert_non_null(strstr(text, one));
	world_free(w);
	xfree(text);
	xfree(json);
	xfree(again);

	w = world_new();
	legacy_from(w, "odd\tname \xf0\x9f\x98\x80\"\\@x");
	command(w, "peer", "allow", called(w, "odd\tname \xf0\x9f\x98\x80\"\\@x")->label, NULL);
	json = line_of(w, "--json");
	assert_json(json);
	world_free(w);
	w = world_new();
	import_lines(w, json);
	assert_int_equal(called(w, "odd\tname \xf0\x9f\x98\x80\"\\@x")->kind, PEER_LEGACY);
	world_free(w);
	xfree(json);
}

static void not_objects(void **state)
{
	static const char *const lines[] = {"{", "{}", "{\"label\": \"x\"}", "{\"label\": \"\\u12\"}",
		"{\"label\": \"\\ud800\"}", "{\"label\": \"\\ud800\\u0041\"}", "{\"label\": \"\\u0000\"}",
		"{\"god\": \"x\"}",
		"{\"label\": \"x\", \"user\": \"\", \"key\": \"typed\", \"trust\": \"new\", \"addresses\": [\"10.0.0.7:5298\"], \"secret\": null} more",
		"{\"label\": \"x\", \"label\": \"y\", \"user\": \"\", \"key\": \"typed\", \"trust\": \"new\", \"addresses\": [\"10.0.0.7:5298\"]}",
		"{\"label\": \"x\", \"user\": \"\", \"key\": \"typed\", \"trust\": \"new\", \"addresses\": [\"10.0.0.7:5298\", null]}",
		"{\"label\": \"x\", \"user\": \"\", \"key\": \"typed\", \"trust\": \"god\", \"addresses\": [\"10.0.0.7:5298\"]}"};
	struct world *w = world_new();

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		command(w, "peer", "import", lines[i], NULL);
		if (!w->reply_failed)
			fail_msg("taken: %s", lines[i]);
	}
	assert_int_equal(w->peers->peers.n, 0);
	/* In whatever order, as other programs write it. */
	command(w, "peer", "import",
		" {\"addresses\":[\"10.0.0.7:5298\"],\"trust\":\"new\",\"key\":\"typed\",\"user\":null,\"label\":\"\\u0078\"},",
		NULL);
	assert_false(w->reply_failed);
	assert_string_equal(called(w, "x")->addresses[0].text, "10.0.0.7:5298");
	world_free(w);
}

/* A name that does not fit into a line is counted, and said so; who has it is not lost without a word. */
static void left_out(void **state)
{
	struct world *w = world_new();
	char *text;

	legacy_from(w, "odd\tname@x");
	command(w, "peer", "allow", "odd\tname@x", NULL);
	text = line_of(w, NULL);
	assert_non_null(
		strstr(text, "# left out, because their names do not fit into a line (--json carries them): 1\n"));
	text[strcspn(text, "\n")] = '\0';
	command(w, "peer", "import", text, NULL);
	assert_false(w->reply_failed);
	world_free(w);
	xfree(text);
}

static void not_lines(void **state)
{
	struct world *w = world_new();
	CLEANUP(buf_clear) struct buf hex = {.max = 256};
	char text[1024];
	static const char *const forms[] = {"", "\t\t%s\tpinned\t\t-", "bob\tbob\t%s\tpinned\t", "bob\tbob\t%s\t\t\t-",
		"bob\tbob\t%s\tpinned\t\t-\tmore", "bob\tbob\t%sff\tpinned\t\t-", "bob\tbob\tzz\tpinned\t\t-",
		"bob\tbob\t%s\tgod\t\t-", "\xff\tbob\t%s\tpinned\t\t-"};

	hex_encode(&hex, key_of('b'), 32);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), forms[i], buf_cstr(&hex));
#pragma GCC diagnostic pop
		command(w, "peer", "import", text, NULL);
		if (!w->reply_failed)
			fail_msg("taken: %s", text);
	}
	buf_reset(&hex);
	hex_encode(&hex, key_of('n'), 32); /* ourselves */
	snprintf(text, sizeof(text), "me\tme\t%s\tpinned\t\t-", buf_cstr(&hex));
	command(w, "peer", "import", text, NULL);
	assert_true(w->reply_failed);
	assert_int_equal(w->peers->peers.n, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(import_bad_address),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(strangers_stay_strangers),
		cmocka_unit_test(all_there_and_back),
		cmocka_unit_test(labels_like_json),
		cmocka_unit_test(changed_stays_changed),
		cmocka_unit_test(json_there_and_back),
		cmocka_unit_test(not_objects),
		cmocka_unit_test(left_out),
		cmocka_unit_test(not_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
