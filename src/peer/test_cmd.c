#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "peer/testing.h"
#include "peer/testing_json.h"

static const char *bob(void) { return jid_of('b', "bob"); }

/* ---- list ---- */

static void an_empty_list(void **state)
{
	struct world *w = world_new();

	assert_non_null(strstr(command(w, "peer", "list", NULL), "nobody yet: neither seen on the network nor added"));
	assert_json(command(w, "peer", "list", "--json", NULL));
	command(w, "peer", "list", "--xml", NULL);
	assert_true(w->reply_failed);
	world_free(w);
}

static void a_list(void **state)
{
	struct world *w = world_new();
	const char *text;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 fe80::2%eth0");
	found(w, "Carol \"the\\ \x1b[2J\n\xe2\x80\xae @old", "10.0.0.9", 5298, "txtvers=1");
	command(w, "peer", "add", "dave@10.0.0.7:4000", NULL);
	link_from(w, 'b', "bob");
	say_message(w, bob(), "m", "hi");
	text = command(w, "peer", "list", "--json", NULL);
	assert_json(text);
	assert_non_null(strstr(text, "\"label\": \"bob\""));
	assert_non_null(
		strstr(text, "\"trust\": \"pinned\", \"state\": \"linked\", \"password\": false, \"waiting\": 1"));
	assert_non_null(strstr(text, "\"source\": \"typed\", \"success\": null"));
	assert_non_null(strstr(text, "\"show\": \"available\", \"status\": null"));
	hear(w, 1, "<presence from='%s/x' to='%s'><show>away</show><status>at \"lunch\"</status></presence>", bob(),
		jid_of('n', "alice"));
	text = command(w, "peer", "list", "--json", NULL);
	assert_json(text);
	assert_non_null(strstr(text, "\"show\": \"away\", \"status\": \"at \\\"lunch\\\"\""));
	assert_non_null(strstr(text, "\"show\": null, \"status\": null")); /* dave, who is not there */
	text = command(w, "peer", "list", NULL);
	assert_false(w->reply_failed);
	/* Names are of others' making, and this goes to terminals. */
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "10.0.0.7:4000 (typed, worked never)"));
	command(w, "peer", "rename", "dave", "J\xc3\xbcrgen", NULL);
	text = strstr(command(w, "peer", "list", NULL), "J\xc3\xbcrgen ");
	assert_non_null(text);
	assert_int_equal(strspn(text + 7, " "), 15); /* six characters of twenty, and one between the columns */
	world_free(w);
}

/* When somebody was last heard, not when his link began: for people in their own time, for programs in UTC. */
static void last_seen(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	int64_t broke;

	setenv("TZ", "XYZ-3", 1); /* east of Greenwich */
	tzset();
	say_message(w, bob(), "m", "hi");
	sleep_ms(w, 7200000);
	assert_non_null(strstr(command(w, "peer", "list", NULL), "last seen now"));
	broke = TEST_WALL + w->now;
	cut(w, conn, true);
	for (int i = 0; i < 2; i++) {
		CLEANUP(buf_clear) struct buf json = {.max = 256}, text = {.max = 256};

		sleep_ms(w, i * 3600000);
		clock_format(&json, broke);
		clock_format(&text, broke + 3 * 3600000);
		buf_cut(&text, strlen("2026-11-21T20:42"));
		text.p[10] = ' ';
		assert_non_null(strstr(command(w, "peer", "list", "--json", NULL), buf_cstr(&json)));
		assert_non_null(strstr(command(w, "peer", "list", NULL), buf_cstr(&text)));
		assert_null(strstr(w->reply, "last seen now"));
		world_restart(w);
	}
	unsetenv("TZ");
	world_free(w);
}

/* ---- add ---- */

static void targets(void **state)
{
	static const struct {
		const char *text, *address, *label;
	} good[] = {
		{"10.0.0.7", "10.0.0.7:5298", "10.0.0.7:5298"},
		{"10.0.0.7:4000", "10.0.0.7:4000", "10.0.0.7:4000"},
		{"bob@10.0.0.7", "10.0.0.7:5298", "bob"},
		{"bob@10.0.0.7:4000", "10.0.0.7:4000", "bob"},
		{"::1", "[::1]:5298", "[::1]:5298"},
		{"[::1]", "[::1]:5298", "[::1]:5298"},
		{"[::1]:4000", "[::1]:4000", "[::1]:4000"},
		{"bob@fe80::1%eth0", "[fe80::1%eth0]:5298", "bob"},
		{"bob@[fe80::1%eth0]:4000", "[fe80::1%eth0]:4000", "bob"},
	};
	static const char *const bad[] = {"", "@", "bob", "bob@", "bob@bravo", "bob@bravo.local:5298",
		"10.0.0.7:", "10.0.0.7:0", "10.0.0.7:70000", "[::1", "[::1]x", "a b@10.0.0.300", "10.0.0.7:5298:5298",
		"224.0.0.1", "bob@ff02::1", "[ff02::1]:5298", "0.0.0.0", "::", "bob@255.255.255.255", "fe80::1"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct world *w = world_new();
		struct peer *p;

		command(w, "peer", "add", good[i].text, NULL);
		if (w->reply_failed)
			fail_msg("%s: %s", good[i].text, w->reply);
		p = called(w, good[i].label);
		assert_string_equal(p->addresses[0].text, good[i].address);
		assert_int_equal(p->addresses[0].source, SOURCE_TYPED);
		assert_int_equal(test_rows_count(&w->rows, STORE_PEER_PUT), 1);
		assert_int_equal(test_rows_count(&w->rows, STORE_PEER_ADDRESS_PUT), 1);
		world_restart(w);
		assert_non_null(find_msg(w, MSG_DIAL)); /* it is looked for until it is found */
		world_free(w);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct world *w = world_new();

		command(w, "peer", "add", bad[i], NULL);
		if (!w->reply_failed)
			fail_msg("%s: %s", bad[i], w->reply);
		assert_int_equal(w->peers->peers.n, 0);
		world_free(w);
	}
}

/* What reaches this node, or no machine at all, is nobody else. */
static void own_addresses(void **state)
{
	static const char *const own[] = {"10.0.0.1:5298", "[fe80::1%eth0]:5298", "0.0.0.0:5300", "[::]:5300", NULL};
	static const char *const broadcast[] = {"10.0.0.255:0", NULL};
	static const struct {
		const char *text, *why; /* NULL: taken */
	} cases[] = {
		{"10.0.0.1", "this node itself"},
		{"bob@10.0.0.1:5298", "this node itself"},
		{"::ffff:10.0.0.1", "this node itself"},
		{"fe80::1%eth0", "this node itself"},
		{"127.0.0.1:5300", "this node itself"},
		{"127.4.5.6:5300", "this node itself"},
		{"[::1]:5300", "this node itself"},
		{"bob@10.0.0.255", "broadcast"},
		{"bob@10.0.0.2:99999", "10.0.0.2:99999: a port is a number from 1 to 65535"},
		{"[fe80::1%eth1]:x", "a port is a number"},
		{"10.0.0.300:99999", "an address is a number"},
		{"10.0.0.255:4000", "broadcast"},
		{"10.0.0.1:5299", NULL}, /* another one on this machine */
		{"127.0.0.1:5298", NULL},
		{"[::1]:5298", NULL},
		{"fe80::1%eth1", NULL},
		{"10.0.0.2:5300", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = world_new();

		core_begin(w->core, w->now, TEST_WALL + w->now);
		peers_listening(&w->peers->host, 5298, &(struct peers_places){.own = own, .broadcast = broadcast});
		core_end(w->core);
		command(w, "peer", "add", cases[i].text, NULL);
		if (w->reply_failed != (cases[i].why != NULL) || (cases[i].why && !strstr(w->reply, cases[i].why)))
			fail_msg("%s: %s", cases[i].text, w->reply);
		assert_int_equal(w->peers->peers.n, cases[i].why ? 0 : 1);
		world_free(w);
	}
}

/* Somebody known gets one address more. */
static void add_to_somebody(void **state)
{
	struct world *w = world_new();
	char target[128];

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, bob(), "m", "hi");
	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	assert_int_equal(w->peers->peers.n, 1);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	assert_int_equal(row(w, 'b')->address_n, 2);
	found_keyed(w, 'c', "dave@charlie", "10.0.0.3");
	found_keyed(w, 'd', "dave@delta", "10.0.0.4");
	command(w, "peer", "rename", "dave", "first", NULL);
	command(w, "peer", "rename", "dave-delta", "second", NULL);
	command(w, "peer", "add", "dave@10.0.0.8", NULL);
	assert_true(w->reply_failed);
	/* By his key, too, though nobody has spoken to him. */
	found_keyed(w, 'e', "eve@echo", "10.0.0.5");
	snprintf(target, sizeof(target), "%s@10.0.0.9", id_of('e'));
	command(w, "peer", "add", target, NULL);
	assert_int_equal(row(w, 'e')->trust, TRUST_PINNED);
	world_free(w);
}

static unsigned addresses_with(const struct peer *p, const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->address_n; i++)
		n += strcmp(p->addresses[i].text, text) == 0;
	return n;
}

/* Whoever only announces a name gets neither the address nor what is written to the name: that is for who answers at the address. */
static void add_a_name_of_strangers(void **state)
{
	for (int others = 0; others < 4; others++) {
		struct world *w = world_new();
		char address[64];
		struct peer *p;
		uint64_t id;

		if (others > 0)
			found_keyed(w, 'm', "carol@c", "10.0.0.66");
		if (others > 1)
			found(w, "carol@old", "10.0.0.67", 5298, "txtvers=1 status=avail");
		if (others > 2) { /* several, and none has it as his label here */
			command(w, "peer", "rename", "carol", "Mallory", NULL);
			row(w, 'm')->named = false;
		}
		look_away(w);
		command(w, "peer", "add", "carol@10.0.0.7", NULL);
		assert_false(w->reply_failed);
		p = called(w, "carol");
		assert_int_equal(p->kind, PEER_TYPED);
		assert_string_equal(p->label, "carol");
		if (others)
			assert_int_equal(row(w, 'm')->trust, TRUST_NEW);
		if (others == 1) {
			assert_string_equal(row(w, 'm')->label, "carol-c");
			expect_got(w, "the stranger who called himself so is shown as carol-c");
		}
		for (uint32_t pos = 0; (p = map_next(&w->peers->peers, &pos));)
			assert_int_equal(addresses_with(p, "10.0.0.7:5298"), p->kind == PEER_TYPED);
		say_message(w, "carol@typed.internal", "m", "secret");
		while ((id = next_dial(w, address, NULL)) && strcmp(address, "10.0.0.7:5298") != 0)
			continue;
		ask_link(w, &(struct asking){.who = 'c', .from = jid_of('c', "carol"), .dial = id});
		assert_ptr_equal(called(w, "carol"), row(w, 'c'));
		assert_int_equal(row(w, 'c')->trust, TRUST_PINNED);
		assert_int_equal(row(w, 'c')->outbox.n, 1);
		assert_non_null(strstr(w->reply, "carol is added"));
		world_free(w);
	}
}

/* A name that is typed for somebody who is there already goes to him, if nobody else has it. */
static void add_names(void **state)
{
	struct world *w = world_new();
	char address[64];
	uint64_t id;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, bob(), "m", "hi");
	id = next_dial(w, address, NULL);
	open_session(w, ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = id}), NULL);
	command(w, "peer", "add", "bob2@10.0.0.2", NULL);
	assert_false(w->reply_failed);
	assert_non_null(strstr(w->reply, "bob2 is added"));
	assert_string_equal(row(w, 'b')->label, "bob2");
	assert_true(row(w, 'b')->named);
	found_keyed(w, 'c', "carol@charlie", "10.0.0.3");
	command(w, "peer", "rename", "carol", "dave", NULL);
	command(w, "peer", "add", "DAVE@10.0.0.2", NULL);
	assert_true(w->reply_failed);
	assert_non_null(
		strstr(w->reply, "bob2 is at this address already and keeps his name: that could be taken for dave"));
	assert_string_equal(row(w, 'b')->label, "bob2");
	/* The same where nobody had known who is at the address. */
	look_away(w);
	command(w, "peer", "add", "robert@10.0.0.22", NULL);
	while ((id = next_dial(w, address, NULL)) && strcmp(address, "10.0.0.22:5298") != 0)
		continue;
	ask_link(w, &(struct asking){.who = 'b', .from = bob(), .dial = id});
	assert_string_equal(row(w, 'b')->label, "robert");
	expect_got(w, "bob2 is who answered where you expected robert, and is called so from now on");
	assert_int_equal(w->peers->peers.n, 2);
	command(w, "peer", "add", "alice@10.0.0.23", NULL);
	assert_non_null(strstr(w->reply, "this node's own name"));
	assert_true(w->reply_failed);
	command(w, "peer", "add", "a(b)@10.0.0.23", NULL);
	assert_true(w->reply_failed);
	assert_int_equal(w->peers->peers.n, 2);
	world_free(w);
}

/* Blocked and unblocked again somebody is what he was before, also after a restart: a stranger is not known for it, and who was
 * verified need not be compared again. */
static void unblocked(void **state)
{
	static const enum trust cases[] = {TRUST_NEW, TRUST_PINNED, TRUST_VERIFIED, TRUST_CHANGED};

	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		struct world *w = world_new();
		enum trust before = cases[i / 2];

		link_from(w, 'b', "bob");
		peer_set_trust(row(w, 'b'), before);
		command(w, "peer", "block", "bob", NULL);
		command(w, "peer", "block", "bob", NULL); /* once more is no other trust */
		assert_int_equal(row(w, 'b')->trust, TRUST_BLOCKED);
		if (i % 2)
			world_restart(w);
		assert_int_equal(row(w, 'b')->trust, TRUST_BLOCKED);
		command(w, "peer", "unblock", "bob", NULL);
		assert_int_equal(row(w, 'b')->trust, before);
		assert_non_null(strstr(w->reply, trust_name(before)));
		world_restart(w);
		assert_int_equal(row(w, 'b')->trust, before);
		world_free(w);
	}
}

static bool only_eth0(struct str name) { return str_is(name, "eth0"); }
static void on_eth0(struct peers_config *c) { c->has_interface = only_eth0; }

/* Through an interface that this machine does not have nobody is reached, whether the node runs or not. */
static void no_such_interface(void **state)
{
	struct world *w = world_new_with(on_eth0);

	assert_non_null(strstr(command(w, "peer", "add", "bob@fe80::7%zz", NULL),
		"[fe80::7%zz]:5298: this machine has no network interface zz"));
	assert_true(w->reply_failed);
	assert_int_equal(w->peers->peers.n, 0);
	command(w, "peer", "add", "bob@fe80::7%eth0", NULL);
	assert_int_equal(w->peers->peers.n, 1);
	world_free(w);
}

static void short_passwords(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {{"x", false}, {"1234567", false}, {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", false}, {"12345678", true}};
	struct world *w = world_new();

	link_from(w, 'b', "bob");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		command(w, "peer", "set-password", "bob", cases[i].text, NULL);
		assert_int_equal(w->reply_failed, !cases[i].good);
		assert_int_equal(row(w, 'b')->password != NULL, cases[i].good);
		assert_true(cases[i].good || strstr(w->reply, "8 letters at least"));
	}
	world_free(w);
}

/* Every answer says what is done next, in words that can be typed. */
static void what_to_do_next(void **state)
{
	struct world *w = world_new();

	link_from(w, 'b', "bob");
	assert_string_equal(command(w, "peer", "rename", "bob", "Bob B", NULL), "bob is called Bob B now\n");
	assert_non_null(strstr(command(w, "peer", "block", "Bob B", NULL),
		"/unblock \"Bob B\" takes that back (in a shell: `wireside peer unblock \"Bob B\"`)"));
	assert_non_null(strstr(command(w, "peer", "accept", "Bob B", NULL), "/unblock \"Bob B\" comes first"));
	assert_true(w->reply_failed);
	assert_int_equal(row(w, 'b')->trust, TRUST_BLOCKED);
	command(w, "peer", "unblock", "Bob B", NULL);
	assert_non_null(strstr(command(w, "peer", "unblock", "Bob B", NULL), "is not blocked"));
	assert_non_null(strstr(command(w, "peer", "accept", "Bob B", NULL), "known by this key from now on (pinned)"));
	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1 status=avail");
	assert_non_null(strstr(command(w, "peer", "accept", "carol", NULL), "no key to know it by; /allow carol"));
	assert_true(w->reply_failed);
	world_free(w);
}

/* ---- the rest ---- */

static void del(void **state)
{
	struct world *w = world_new();
	char txt_of_bob[128];

	snprintf(txt_of_bob, sizeof(txt_of_bob), "txtvers=1 status=dnd wk=%s", id_of('b'));
	command(w, "peer", "del", "bob", NULL);
	assert_true(w->reply_failed);
	found(w, "bob@bravo", "10.0.0.2", 5298, txt_of_bob);
	say_message(w, bob(), "m", "hi");
	command(w, "peer", "rename", "bob", "Bobby", NULL);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	look_away(w);
	assert_non_null(strstr(command(w, "peer", "del", "Bobby", NULL), "and so are the messages"));
	for (int t = 0; t < STORE_WRITE_COUNT; t++)
		assert_int_equal(test_rows_count(&w->rows, t), 0);
	/* The network still tells of him, so he is there, as somebody new. */
	assert_int_equal(w->peers->peers.n, 1);
	assert_string_equal(called(w, "bob")->addresses[0].text, "10.0.0.2:5298");
	assert_int_equal(called(w, "bob")->trust, TRUST_NEW);
	assert_int_equal(called(w, "bob")->outbox.n, 0);
	assert_string_equal(command(w, "peer", "del", "Bobby", NULL),
		"nobody is called Bobby; did you mean bob? /peers in a chat, or `wireside peer list`, names all");
	assert_non_null(strstr(last_feed(w), "Not known yet"));
	expect_got(w, "type='unavailable'");
	expect_got(w, "<show>"); /* the status of before */
	gone(w, "bob@bravo");
	assert_int_equal(w->peers->peers.n, 0);
	assert_int_equal(last_feed(w)[0], '-');
	sleep_ms(w, 100000); /* its dial comes to nothing */
	world_free(w);
}

/* Whoever was refused is so no more: our user has forgotten that. */
static void del_blocked(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "block", "bob", NULL);
	assert_int_equal(last_feed(w)[0], '-');
	command(w, "peer", "del", "bob", NULL);
	assert_int_equal(row(w, 'b')->trust, TRUST_NEW);
	assert_int_equal(last_feed(w)[0], '+');
	/* An old program, too. */
	found(w, "carol@den", "10.0.0.9", 5298, "txtvers=1 status=dnd");
	command(w, "peer", "allow", "carol", NULL);
	command(w, "peer", "del", "carol", NULL);
	assert_int_equal(called(w, "carol")->trust, TRUST_LEGACY);
	assert_false(called(w, "carol")->plain.ok);
	world_free(w);
}

/* What was allowed can be taken back, also while there is a link that everybody can read. */
static void allow_and_disallow(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found(w, "carol@den", "10.0.0.9", 5298, "txtvers=1 status=avail");
	assert_string_equal(command(w, "peer", "disallow", "carol", NULL), "nothing was allowed for carol\n");
	command(w, "peer", "allow", "carol", NULL);
	conn = legacy_from(w, "carol@den");
	say_message(w, "carol\\40den@xep0174.internal", "m1", "read by all");
	expect_sent(w, conn, "read by all");
	arrive_all(w, conn);
	assert_non_null(
		strstr(command(w, "peer", "disallow", "carol", NULL), "is not spoken to without encryption any more"));
	assert_false(w->reply_failed);
	assert_true(conn_of(w, conn)->closed);
	say_message(w, "carol\\40den@xep0174.internal", "m2", "not for all");
	conn = legacy_from(w, "carol@den");
	assert_int_equal(sent_with(w, conn, "not for all"), 0);
	world_restart(w);
	assert_false(called(w, "carol")->plain.ok);
	assert_int_equal(called(w, "carol")->outbox.n, 1);
	/* Who has a key is never spoken to without. */
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "disallow", "bob", NULL);
	assert_true(w->reply_failed);
	world_free(w);
}

static void rename_row(void **state)
{
	struct world *w = world_new();
	static char longest[LABEL_MAX + 2];

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	memset(longest, 'x', LABEL_MAX + 1);
	command(w, "peer", "rename", "bob", longest, NULL);
	assert_true(w->reply_failed);
	command(w, "peer", "rename", "bob", "", NULL);
	assert_true(w->reply_failed);
	command(w, "peer", "rename", "bob", "\xff", NULL);
	assert_true(w->reply_failed);
	longest[LABEL_MAX] = '\0';
	command(w, "peer", "rename", "bob", longest, NULL);
	assert_false(w->reply_failed);
	assert_non_null(strstr(last_feed(w), longest));
	world_restart(w);
	assert_true(row(w, 'b')->named);
	assert_string_equal(row(w, 'b')->label, longest);
	world_free(w);
}

/* A name must mean one, also to who looks at it quickly. */
static void rename_like_somebody(void **state)
{
	static const char *const bad[] = {"carol", "CAROL", "carol@charlie", "ca\xe2\x80\x8brol", " x", "x\n", "alice",
		"ALICE", "alice@alpha", "x@y", "a:b", "#lunch", "(bob)", "it's"};
	struct world *w = world_new();
	CLEANUP(buf_clear) struct buf why = {.max = 1000};
	struct jid_buf jid;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	found_keyed(w, 'c', "carol@charlie", "10.0.0.3");
	/* A stranger keeps nobody from calling somebody so. */
	command(w, "peer", "rename", "bob", "carol", NULL);
	assert_false(w->reply_failed);
	/* But there is one of a name. */
	assert_string_equal(w->reply,
		"bob is called carol now; the stranger who called himself so is shown as carol-charlie\n");
	assert_string_equal(row(w, 'c')->label, "carol-charlie");
	command(w, "peer", "rename", "carol", "bob", NULL);
	command(w, "peer", "rename", "carol-charlie", "carol", NULL);
	command(w, "peer", "add", "carol@10.0.0.3", NULL);
	command(w, "peer", "accept", "carol@charlie", NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		command(w, "peer", "rename", "bob", bad[i], NULL);
		assert_true(w->reply_failed);
	}
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_non_null(strstr(command(w, "peer", "rename", "bob", "Alice", NULL), "this node's own name"));
	command(w, "peer", "rename", "bob", id_of('n'), NULL);
	assert_true(w->reply_failed);
	/* The same from a client's roster. */
	assert_int_equal(jid_parse_buf(str_z(domain_of('b')), &jid), 0);
	assert_int_equal(peers_rename(&w->peers->host, jid.jid, STR("Carol"), &why), ERR_EXISTS);
	assert_int_equal(peers_rename(&w->peers->host, jid.jid, STR("Bobby"), &why), 0);
	assert_string_equal(row(w, 'b')->label, "Bobby");
	core_begin(w->core, w->now, TEST_WALL + w->now);
	assert_int_equal(peers_forget(&w->peers->host, jid.jid), 0);
	core_end(w->core);
	assert_string_equal(row(w, 'b')->label, "bob"); /* as whom the network still shows him */
	gone(w, "bob@bravo");
	assert_null(row(w, 'b'));
	assert_int_equal(peers_forget(&w->peers->host, jid.jid), ERR_NOTFOUND);
	world_free(w);
}

/* Neither his row changes, nor is he who is meant by an address. */
static void add_blocked(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "block", "bob", NULL);
	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	assert_true(w->reply_failed);
	assert_non_null(strstr(w->reply, "you have blocked bob"));
	assert_false(row(w, 'b')->named);
	assert_null(strstr(command(w, "peer", "list", "--json", NULL), "10.0.0.7"));
	command(w, "peer", "add", "127.0.0.9:5300", NULL);
	command(w, "peer", "block", "127.0.0.9:5300", NULL);
	command(w, "peer", "add", "alice2@127.0.0.9:5300", NULL);
	assert_true(w->reply_failed);
	assert_null(strstr(command(w, "peer", "list", NULL), "alice2"));
	world_free(w);
}

/* Where a stranger once was somebody else may be now: his key will say who it is. */
static void add_where_a_stranger_was(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'm', "mallory@m", "10.0.0.7");
	cut(w, link_from(w, 'm', "mallory"), false);
	row(w, 'm')->addresses[0].success = 1;
	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	assert_false(w->reply_failed);
	assert_string_equal(row(w, 'm')->label, "mallory");
	assert_int_equal(row(w, 'm')->trust, TRUST_NEW);
	assert_non_null(strstr(command(w, "peer", "list", NULL), "bob"));
	world_free(w);
}

/* Nothing is compared with whoever is blocked, and nothing goes on when he is not any more. */
static void verify_blocked(void **state)
{
	static const char *const answers[] = {NULL, "yes", "code"};
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "verify", "bob", NULL);
	assert_non_null(row(w, 'b')->verify);
	command(w, "peer", "block", "bob", NULL);
	assert_null(row(w, 'b')->verify);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		command(w, "peer", "verify", "bob", answers[i], NULL);
		assert_true(w->reply_failed);
		assert_non_null(strstr(w->reply, "you have blocked bob: /unblock bob comes first"));
		assert_null(row(w, 'b')->verify);
	}
	world_free(w);
}

/* What was asked of it and waits for a link is answered when it is blocked. */
static void block_answers(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say(w, "<iq type='get' from='%s/t' to='%s' id='q'><query xmlns='jabber:iq:version'/></iq>",
		jid_of('n', "alice"), bob());
	command(w, "peer", "block", "bob", NULL);
	expect_got(w, "type='error'");
	world_free(w);
}

static void passwords(void **state)
{
	struct world *w = world_new();
	const char *text;

	command(w, "peer", "add", "dave@10.0.0.7", NULL);
	command(w, "peer", "set-password", "dave", NULL);
	assert_true(w->reply_failed);
	/* Seen and no more: its id is not its key. */
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "set-password", "bob", NULL);
	assert_true(w->reply_failed);
	link_from(w, 'b', "bob");
	text = command(w, "peer", "set-password", "bob", NULL);
	assert_false(w->reply_failed);
	assert_true(strcspn(text, "\n") > 26);
	assert_non_null(row(w, 'b')->password);
	assert_non_null(strstr(command(w, "peer", "list", NULL), "    has a shared password\n"));
	row(w, 'b')->proof.failures = PASSWORD_FAILURES;
	assert_non_null(strstr(command(w, "peer", "list", NULL), "has a shared password, locked"));
	world_restart(w);
	assert_non_null(row(w, 'b')->password);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list),
		cmocka_unit_test(a_list),
		cmocka_unit_test(last_seen),
		cmocka_unit_test(targets),
		cmocka_unit_test(own_addresses),
		cmocka_unit_test(add_to_somebody),
		cmocka_unit_test(add_a_name_of_strangers),
		cmocka_unit_test(add_names),
		cmocka_unit_test(unblocked),
		cmocka_unit_test(what_to_do_next),
		cmocka_unit_test(no_such_interface),
		cmocka_unit_test(short_passwords),
		cmocka_unit_test(del),
		cmocka_unit_test(del_blocked),
		cmocka_unit_test(allow_and_disallow),
		cmocka_unit_test(rename_row),
		cmocka_unit_test(rename_like_somebody),
		cmocka_unit_test(block_answers),
		cmocka_unit_test(verify_blocked),
		cmocka_unit_test(add_blocked),
		cmocka_unit_test(add_where_a_stranger_was),
		cmocka_unit_test(passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
