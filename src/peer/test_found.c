#include "peer/testing.h"

static void make_pinned(struct world *w, char who, const char *user)
{
	uint64_t conn = link_from(w, who, user);

	say_message(w, jid_of(who, user), "hello", "hello");
	arrive_all(w, conn);
	cut(w, conn, false);
	look_away(w);
}

static bool has_address(const struct peer *p, const char *text, enum source source)
{
	for (unsigned i = 0; i < p->address_n; i++)
		if (strcmp(p->addresses[i].text, text) == 0)
			return p->addresses[i].source == source;
	return false;
}

/* ---- labels ---- */

static int find(struct world *w, const char *text, struct peer **ret, char why[512])
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	int err = peers_find_label(w->peers, str_z(text), ret, &out);

	snprintf(why, 512, "%s", buf_cstr(&out));
	return err;
}

static void by_any_name(void **state)
{
	struct world *w = world_new();
	struct peer *p = NULL;
	char why[512], text[64];

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	snprintf(text, sizeof(text), "%.6s", id_of('b'));
	assert_ptr_equal(called(w, "bob"), row(w, 'b'));
	assert_ptr_equal(called(w, "bob@bravo"), row(w, 'b'));
	assert_ptr_equal(called(w, jid_of('b', "bob")), row(w, 'b'));
	assert_ptr_equal(called(w, domain_of('b')), row(w, 'b'));
	assert_ptr_equal(called(w, id_of('b')), row(w, 'b'));
	assert_ptr_equal(called(w, text), row(w, 'b'));
	text[5] = '\0';
	assert_int_equal(find(w, text, &p, why), ERR_NOTFOUND);
	assert_int_equal(find(w, "bo", &p, why), ERR_NOTFOUND);
	assert_int_equal(find(w, "", &p, why), ERR_NOTFOUND);
	assert_int_equal(find(w, "BOB", &p, why), ERR_NOTFOUND);
	assert_null(p);
	world_free(w);
}

static void several_of_a_name(void **state)
{
	struct world *w = world_new();
	struct peer *p = NULL;
	char why[512];

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	found_keyed(w, 'c', "bob@charlie", "10.0.0.3");
	found_keyed(w, 'd', "bob@delta", "10.0.0.4");
	/* What is shown as a label means whoever is shown so. */
	assert_ptr_equal(called(w, "bob"), row(w, 'b'));
	assert_ptr_equal(called(w, "bob-charlie"), row(w, 'c'));
	assert_ptr_equal(called(w, "bob@charlie"), row(w, 'c'));
	/* A name of our user's goes before whatever somebody calls himself. */
	command(w, "peer", "rename", "bob@charlie", "bob", NULL);
	assert_false(w->reply_failed);
	assert_ptr_equal(called(w, "bob"), row(w, 'c'));
	/* Two of his own making there cannot be. */
	command(w, "peer", "rename", "bob@bravo", "bob", NULL);
	assert_true(w->reply_failed);
	assert_ptr_equal(called(w, "bob"), row(w, 'c'));
	command(w, "peer", "rename", "bob", "Carl", NULL);
	assert_ptr_equal(called(w, "bob"), row(w, 'c'));
	/* Among equals it is as good for the one as for the other, and they are named by what tells them apart. */
	command(w, "peer", "rename", "bob-bravo", "Bert", NULL);
	assert_int_equal(find(w, "bob", &p, why), ERR_EXISTS);
	assert_null(p);
	assert_non_null(strstr(why, domain_of('b')));
	assert_non_null(strstr(why, domain_of('c')));
	assert_null(strstr(why, domain_of('d')));
	world_free(w);
}

/* Whatever a stranger calls himself, who is known is still meant by what he is called here, and by what he calls himself. */
static void no_stranger_takes_a_name(void **state)
{
	static const char *const verbs[] = {"verify", "accept", "block", "unblock", "del"};
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	make_pinned(w, 'b', "bob");
	found_keyed(w, 'm', "bob@evil", "10.0.0.66");
	found_keyed(w, 'x', "bob-evil@x", "10.0.0.67");
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_string_equal(row(w, 'm')->label, "bob-evil");
	assert_ptr_equal(called(w, "bob"), row(w, 'b'));
	assert_ptr_equal(called(w, "bob-evil"), row(w, 'm'));
	/* By what he calls himself, too. */
	command(w, "peer", "rename", "bob", "Robert", NULL);
	assert_false(w->reply_failed);
	assert_ptr_equal(called(w, "bob"), row(w, 'b'));
	command(w, "peer", "rename", "Robert", "bob", NULL);
	/* An address is its own, also where somebody calls himself so. */
	found_keyed(w, 'y', id_of('b'), "10.0.0.68");
	assert_ptr_equal(called(w, id_of('b')), row(w, 'b'));
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		command(w, "peer", verbs[i], "bob", NULL);
		if (w->reply_failed)
			fail_msg("%s: %s", verbs[i], w->reply);
	}
	assert_false(row(w, 'b') && peer_known(row(w, 'b'))); /* it was he who was forgotten */
	world_free(w);
}

/* What the program advises works: an old program's own label, next to another one of nearly that name. */
static void allow_as_advised(void **state)
{
	struct world *w = world_new();

	found(w, "len@one", "10.0.0.8", 5298, "txtvers=1");
	found(w, "len@scglas", "10.0.0.9", 5298, "txtvers=1");
	command(w, "peer", "allow", "len", NULL);
	assert_false(w->reply_failed);
	assert_true(called(w, "len@one")->plain.ok);
	assert_false(called(w, "len-scglas")->plain.ok);
	world_free(w);
}

/* ---- found ---- */

static void somebody_new(void **state)
{
	struct world *w = world_new();
	struct peer *p;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 fe80::2%eth0");
	p = row(w, 'b');
	assert_string_equal(p->label, "bob");
	assert_string_equal(p->user, "bob");
	assert_string_equal(p->instance, "bob@bravo");
	assert_int_equal(p->trust, TRUST_NEW);
	assert_false(p->stored);
	assert_int_equal(test_rows_count(&w->rows, STORE_PEER_PUT), 0);
	assert_true(has_address(p, "10.0.0.2:5298", SOURCE_MDNS));
	assert_true(has_address(p, "[fe80::2%eth0]:5298", SOURCE_MDNS));
	assert_non_null(strstr(last_feed(w), "bob [Not known yet]"));
	expect_got(w, "<presence");
	world_free(w);
}

static void an_old_program(void **state)
{
	struct world *w = world_new();
	struct peer *p;

	found(w, "Carol's Mac (2)", "10.0.0.9", 5298, "txtvers=1");
	p = called(w, "Carol's Mac (2)");
	assert_int_equal(p->kind, PEER_LEGACY);
	assert_int_equal(p->trust, TRUST_LEGACY);
	assert_non_null(strstr(last_feed(w), "@xep0174.internal Carols Mac 2 [Without encryption]"));
	world_free(w);
}

static void not_ourselves(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'n', "alice@alpha", "10.0.0.1");
	found_keyed(w, 'n', "alice@alpha #2", "10.0.0.1");
	assert_int_equal(w->peers->peers.n, 0);
	assert_int_equal(w->tail, 0);
	world_free(w);
}

static void nonsense(void **state)
{
	struct world *w = world_new();

	found(w, "x@y", "10.0.0.2", 5298, "wk=short");
	found(w, "x@y", "10.0.0.2", 5298, "wk=ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	found(w, "x@y", "10.0.0.2", 5298, "wk=abcdefghijklmnopqrstuvwxy1");
	found(w, "\xff\xfe@y", "10.0.0.2", 5298, "txtvers=1");
	found(w, "no port", "10.0.0.2", 0, "txtvers=1");
	assert_int_equal(w->peers->peers.n, 0);
	/* An empty value is no key at all. */
	found(w, "x@y", "10.0.0.2", 5298, "wk=");
	assert_int_equal(called(w, "x")->kind, PEER_LEGACY);
	world_free(w);
}

static void addresses_follow(void **state)
{
	struct world *w = world_new();
	struct peer *p;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2 10.0.1.2");
	p = row(w, 'b');
	peer_address_worked(p, "10.0.1.2:5298", SOURCE_SEEN);
	peer_address_put(p, "10.0.2.2:5298", SOURCE_TYPED);
	found_keyed(w, 'b', "bob@bravo", "10.0.3.2");
	assert_false(has_address(p, "10.0.0.2:5298", SOURCE_MDNS));
	assert_true(has_address(p, "10.0.1.2:5298", SOURCE_MDNS)); /* a link came of it once */
	assert_true(has_address(p, "10.0.2.2:5298", SOURCE_TYPED));
	assert_true(has_address(p, "10.0.3.2:5298", SOURCE_MDNS));
	/* Typed, it stays whatever the network says. */
	command(w, "peer", "accept", "bob", NULL);
	command(w, "peer", "add", "bob@10.0.3.2", NULL);
	found_keyed(w, 'b', "bob@bravo", "10.0.4.2");
	assert_true(has_address(p, "10.0.3.2:5298", SOURCE_TYPED));
	world_free(w);
}

static void many_addresses(void **state)
{
	struct world *w = world_new();
	struct peer *p;
	char text[64];

	make_pinned(w, 'b', "bob");
	p = row(w, 'b');
	peer_address_put(p, "10.9.9.9:1", SOURCE_TYPED);
	peer_address_worked(p, "10.9.9.8:1", SOURCE_SEEN);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "10.1.0.%d:5298", i);
		peer_address_put(p, text, SOURCE_SEEN);
	}
	pump(w);
	assert_int_equal(p->address_n, PEER_ADDRESSES_MAX);
	assert_true(has_address(p, "10.9.9.9:1", SOURCE_TYPED));
	assert_true(has_address(p, "10.9.9.8:1", SOURCE_SEEN));
	assert_true(has_address(p, "10.1.0.99:5298", SOURCE_SEEN));
	assert_int_equal(test_rows_count(&w->rows, STORE_PEER_ADDRESS_PUT), PEER_ADDRESSES_MAX);
	world_free(w);
}

static void names_change(void **state)
{
	struct world *w = world_new();
	struct peer *p;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	found_keyed(w, 'b', "bob@bravo-2", "10.0.0.2");
	p = row(w, 'b');
	assert_string_equal(p->instance, "bob@bravo-2");
	assert_string_equal(p->label, "bob");
	command(w, "peer", "rename", "bob", "Robert", NULL);
	found_keyed(w, 'b', "bobby@bravo", "10.0.0.2");
	assert_string_equal(p->label, "Robert");
	assert_ptr_equal(called(w, "bobby"), p);
	world_free(w);
}

static void a_name_that_is_taken(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	found_keyed(w, 'c', "bob@charlie", "10.0.0.3");
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_string_equal(row(w, 'c')->label, "bob-charlie");
	world_free(w);
}

/* The name of somebody known, and another key. */
static void user_is(struct world *w, bool available, const char *how)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_show(&w->peers->host, available, str_z(how), STR(""));
	core_end(w->core);
	pump(w);
}

static void a_changed_key(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	make_pinned(w, 'b', "bob");
	gone(w, "bob@bravo");
	look_away(w);
	found_keyed(w, 'm', "bob@bravo", "10.0.0.66");
	assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
	expect_got(w, "kind='changed'");
	/* Said once, and to whoever comes as long as it is not decided. */
	found_keyed(w, 'm', "bob@bravo", "10.0.0.66");
	assert_int_equal(got_with(w, "kind='changed'"), 0);
	for (int i = 0; i < 2; i++) {
		user_is(w, true, "");
		assert_int_equal(got_with(w, "kind='changed'"), 1);
		look_away(w);
		user_is(w, false, "");
		world_restart(w);
	}
	assert_ptr_equal(called(w, domain_of('b')), row(w, 'b'));
	command(w, "peer", "accept", domain_of('m'), NULL);
	assert_int_equal(row(w, 'm')->trust, TRUST_PINNED);
	user_is(w, true, "");
	assert_int_equal(got_with(w, "kind='changed'"), 0);
	world_free(w);
}

/* The warning names him as he is called from then on, and one told before is enough to block him, and to be told how he is called. */
static void a_changed_key_of_a_stranger(void **state)
{
	static const char *const verbs[] = {"accept", "block"};

	for (size_t i = 0; i < 2 * ARRAY_LEN(verbs); i++) {
		struct world *w = world_new();
		const char *typed = i % 2 ? "bob-b-1" : "bob-b";
		uint64_t conn;

		found_keyed(w, 'b', "bob@b", "10.0.0.2");
		make_pinned(w, 'b', "bob");
		found_keyed(w, 'm', "bob@b-1", "10.0.0.66");
		assert_string_equal(row(w, 'm')->label, "bob-b-1");
		conn = link_from(w, 'm', "bob");
		hear(w, conn, "<message type='chat' from='bob@%s/x' to='alice@%s' id='i'><body>hi</body></message>",
			domain_of('m'), domain_of('n'));
		expect_got(w, "/accept bob-b-1");
		cut(w, conn, false);
		gone(w, "bob@b");
		gone(w, "bob@b-1");
		look_away(w);
		found_keyed(w, 'm', "bob@b", "10.0.0.66");
		assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
		assert_string_equal(row(w, 'm')->label, "bob-b");
		assert_non_null(strstr(expect_got(w, "It is kept apart as bob-b, and"), "not: /block bob-b<"));
		command(w, "peer", verbs[i / 2], typed, NULL);
		if (i == 1) { /* somebody else may be meant by now */
			assert_non_null(strstr(w->reply, "who was shown as bob-b-1 is called bob-b now"));
			assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
		} else {
			assert_false(w->reply_failed);
			assert_int_equal(row(w, 'm')->trust, i / 2 ? TRUST_BLOCKED : TRUST_PINNED);
		}
		world_free(w);
	}
}

/* Whoever is called so now is meant, and no label of two. */
static void a_label_told_before(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'm', "mary");

	hear(w, conn, "<message type='chat' from='mary@%s/x' to='alice@%s' id='i'><body>hi</body></message>",
		domain_of('m'), domain_of('n'));
	found_keyed(w, 'm', "molly@m", "10.0.0.66");
	assert_string_equal(row(w, 'm')->label, "molly");
	gone(w, "molly@m");
	found_keyed(w, 'x', "xaver@x", "10.0.0.67");
	command(w, "peer", "rename", "xaver", "old", NULL);
	xfree(row(w, 'm')->stranger.label_before);
	row(w, 'm')->stranger.label_before = xstrdup("old");
	command(w, "peer", "block", "old", NULL);
	assert_int_equal(row(w, 'm')->trust, TRUST_NEW);
	assert_int_equal(row(w, 'x')->trust, TRUST_BLOCKED);
	command(w, "peer", "rename", "old", "older", NULL);
	row(w, 'x')->stranger.label_before = xstrdup("old");
	command(w, "peer", "block", "old", NULL);
	assert_true(w->reply_failed);
	assert_int_equal(row(w, 'm')->trust, TRUST_NEW);
	world_free(w);
}

/* Accepted, the new key has the name, the conversation and what waited; a verified one is told to be verified again. */
static void a_changed_key_accepted(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	make_pinned(w, 'b', "bob");
	command(w, "peer", "add", "bob@10.0.0.7", NULL);
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peer_set_trust(row(w, 'b'), TRUST_VERIFIED);
	core_end(w->core);
	conn = link_from(w, 'b', "bob");
	say_message(w, jid_of('b', "bob"), "m1", "on its way");
	cut(w, conn, true);
	gone(w, "bob@bravo");
	say_message(w, jid_of('b', "bob"), "m2", "are you there?");
	found_keyed(w, 'm', "bob@bravo", "10.0.0.66");
	assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
	/* The name is still his who is known. */
	assert_non_null(strstr(command(w, "peer", "accept", "bob", NULL), "/accept bob-bravo"));
	assert_int_equal(row(w, 'm')->trust, TRUST_CHANGED);
	command(w, "peer", "accept", "bob-bravo", NULL);
	assert_false(w->reply_failed);
	assert_non_null(strstr(w->reply, "The old key was verified, this one is not: /verify bob"));
	assert_null(row(w, 'b'));
	assert_ptr_equal(called(w, "bob"), row(w, 'm'));
	assert_string_equal(row(w, 'm')->label, "bob");
	assert_int_equal(row(w, 'm')->trust, TRUST_PINNED);
	assert_int_equal(row(w, 'm')->outbox.n, 2);
	expect_got(w, "kind='became'");
	assert_true(w->got_at_removal >= w->head); /* or a client would take it for the end of the conversation */
	world_restart(w);
	assert_null(row(w, 'b'));
	assert_string_equal(row(w, 'm')->label, "bob");
	conn = link_from(w, 'm', "bob");
	expect_sent(w, conn, "on its way");
	expect_sent(w, conn, "are you there?");
	/* Whoever comes with the old one is warned of. */
	look_away(w);
	link_from(w, 'b', "bob");
	assert_int_equal(row(w, 'b')->trust, TRUST_CHANGED);
	expect_got(w, "kind='changed'");
	/* Where both are there nobody takes anything over. */
	assert_non_null(strstr(command(w, "peer", "accept", row(w, 'b')->label, NULL), "stays apart"));
	assert_string_equal(row(w, 'm')->label, "bob");
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	world_free(w);
}

/* The name stands for one at a time: whose it is now is here, and who had it before is not. */
static void the_name_of_another(void **state)
{
	struct world *w = world_new();

	make_pinned(w, 'b', "bob");
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	look_away(w);
	found_keyed(w, 'm', "bob@bravo", "10.0.0.2");
	assert_null(row(w, 'b')->service);
	assert_non_null(row(w, 'm')->service);
	expect_got(w, "type='unavailable'");
	gone(w, "bob@bravo");
	assert_null(row(w, 'm')->service);
	/* The same the other way round: whoever of the two comes first in the table. */
	found_keyed(w, 'm', "bob@bravo", "10.0.0.2");
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	assert_null(row(w, 'm')->service);
	gone(w, "bob@bravo");
	assert_null(row(w, 'b')->service);
	world_free(w);
}

static void passers_by(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	look_away(w);
	gone(w, "bob@bravo");
	assert_null(row(w, 'b'));
	expect_got(w, "type='unavailable'");
	assert_int_equal(last_feed(w)[0], '-');
	assert_int_equal(w->got_at_removal,
		w->head); /* of whom it does not know a client would not say that he is gone */
	gone(w, "bob@bravo");
	gone(w, "nobody at all");
	/* With a link it stays, and is there. */
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	conn = link_from(w, 'b', "bob");
	look_away(w);
	gone(w, "bob@bravo");
	assert_non_null(row(w, 'b'));
	assert_false(conn_of(w, conn)->closed);
	assert_int_equal(got_with(w, "unavailable"), 0);
	world_free(w);

	/* Known, it stays in the table. */
	w = world_new();
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, jid_of('b', "bob"), "m", "hi");
	gone(w, "bob@bravo");
	assert_non_null(row(w, 'b'));
	world_restart(w);
	assert_non_null(row(w, 'b'));
	assert_string_equal(row(w, 'b')->label, "bob");
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	assert_int_equal(row(w, 'b')->outbox.n, 1);
	world_free(w);
}

/* ---- ourselves, the network ---- */

static void say_network(struct world *w, const char *text, bool usable, bool changed)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_NETWORK;
	m->network.text = xstrdup(text);
	m->network.usable = usable;
	m->network.changed_addresses = changed;
	pump(w);
}

static void our_name(void **state)
{
	struct world *w = world_new();
	struct msg *m;

	assert_string_equal(peers_instance(&w->peers->host), "alice@alpha");
	for (int i = 0; i < 2; i++) {
		m = msgs_add(&w->in);
		m->kind = MSG_NAMED;
		m->named.instance = xstrdup("alice@alpha-1");
		m->named.renamed = true;
		pump(w);
		assert_int_equal(got_with(w, "kind='name'"), i == 0);
		look_away(w);
	}
	assert_string_equal(peers_instance(&w->peers->host), "alice@alpha-1");
	world_free(w);
}

static void the_network(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");
	struct msg *m;

	say_network(w, "eth0", true, true);
	assert_int_equal(got_with(w, "kind='network'"), 0); /* all is well */
	m = expect_msg(w, MSG_LINK_PROBE);
	assert_int_equal(m->conn, conn);
	msg_clear(m);
	say_network(w, "no cable", false, false);
	assert_int_equal(got_with(w, "kind='network'"), 1);
	say_network(w, "no cable", false, false);
	assert_int_equal(got_with(w, "kind='network'"), 1);
	say_network(w, "eth0", true, false);
	assert_int_equal(got_with(w, "kind='network'"), 2);
	assert_null(find_msg(w, MSG_LINK_PROBE));
	world_free(w);
}

/* Who comes when it was said already would wait in vain for somebody to be seen. */
static void no_network_for_newcomers(void **state)
{
	struct world *w = world_new();

	user_is(w, false, "");
	say_network(w, "no cable", false, false);
	look_away(w);
	user_is(w, true, "");
	assert_int_equal(got_with(w, "kind='network'"), 1);
	user_is(w, true, "away"); /* the same client, or another one */
	assert_int_equal(got_with(w, "kind='network'"), 1);
	say_network(w, "eth0", true, false);
	look_away(w);
	user_is(w, false, "");
	user_is(w, true, "");
	assert_int_equal(got_with(w, "kind='network'"), 0);
	world_free(w);
}

static void a_cable_again(void **state)
{
	struct world *w = world_new();
	char address[64];

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, jid_of('b', "bob"), "m", "hi");
	for (int i = 0; i < 6; i++) {
		dial_fails(w, next_dial(w, address, NULL), false, false);
		sleep_ms(w, 50000);
	}
	dial_fails(w, next_dial(w, address, NULL), false, false);
	assert_null(find_msg(w, MSG_DIAL));
	say_network(w, "eth0", true, true);
	assert_non_null(find_msg(w, MSG_DIAL));
	world_free(w);
}

/* Nothing before the table is loaded: it would be made twice. */
static void before_the_table(void **state)
{
	struct world *w = world_new();

	make_pinned(w, 'b', "bob");
	core_gone(w);
	forget_all(w);
	w->next_conn = 0;
	w->store_silent = true;
	world_core(w);
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	assert_null(row(w, 'b'));
	assert_string_equal(refusal(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")})),
		"nothing can be taken now");
	assert_null(find_msg(w, MSG_PUBLISH));
	store_wake(w);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	assert_non_null(find_msg(w, MSG_PUBLISH));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_any_name),
		cmocka_unit_test(several_of_a_name),
		cmocka_unit_test(no_stranger_takes_a_name),
		cmocka_unit_test(allow_as_advised),
		cmocka_unit_test(somebody_new),
		cmocka_unit_test(an_old_program),
		cmocka_unit_test(not_ourselves),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(addresses_follow),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(names_change),
		cmocka_unit_test(a_name_that_is_taken),
		cmocka_unit_test(a_changed_key),
		cmocka_unit_test(a_changed_key_accepted),
		cmocka_unit_test(a_changed_key_of_a_stranger),
		cmocka_unit_test(a_label_told_before),
		cmocka_unit_test(the_name_of_another),
		cmocka_unit_test(passers_by),
		cmocka_unit_test(our_name),
		cmocka_unit_test(the_network),
		cmocka_unit_test(no_network_for_newcomers),
		cmocka_unit_test(a_cable_again),
		cmocka_unit_test(before_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
