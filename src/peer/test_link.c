#include "peer/testing.h"

/* Our user, after there was nobody. */
static void come(struct world *w)
{
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_show(&w->peers->host, false, STR_NONE, STR_NONE);
	peers_show(&w->peers->host, true, STR_NONE, STR_NONE);
	core_end(w->core);
	pump(w);
}

static void never(struct peers_config *c) { c->plaintext = PLAINTEXT_NEVER; }
static void two_peers(struct peers_config *c) { c->peers_max = 2; }

static void make_pinned(struct world *w, char who, const char *user)
{
	uint64_t conn = link_from(w, who, user);

	say_message(w, jid_of(who, user), "hello", "hello");
	arrive_all(w, conn);
	cut(w, conn, false);
	look_away(w);
}

static void expect_refused(struct world *w, const struct asking *a, const char *why)
{
	const char *said = refusal(w, ask_link(w, a));

	if (!said || strcmp(said, why) != 0)
		fail_msg("%s: not refused with \"%s\" but %s", a->from ? a->from : "-", why, said ? said : "accepted");
}

/* ---- the header against the key ---- */

static void header_and_key(void **state)
{
	static const char *const contradict[] = {"bob@bravo", "bob@", "@x", "example.org", "bob@xep0174.internal", " "};
	struct world *w = world_new();
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(contradict); i++)
		expect_refused(w, &(struct asking){.who = 'b', .from = contradict[i]}, "the key proves another name");
	expect_refused(w, &(struct asking){.who = 'b', .from = jid_of('c', "bob")}, "the key proves another name");
	expect_refused(w, &(struct asking){.who = 'b', .from = jid_of('n', "alice")}, "the key proves another name");
	snprintf(text, sizeof(text), "x@rooms.%s", domain_of('b'));
	expect_refused(w, &(struct asking){.who = 'b', .from = text}, "the key proves another name");
	assert_null(row(w, 'b'));
	expect_refused(w, &(struct asking){.who = 'n', .from = jid_of('n', "alice")}, "that is this node itself");
	assert_null(refusal(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")})));
	assert_string_equal(row(w, 'b')->user, "bob");
	/* Nothing said is nothing wrong. */
	assert_null(refusal(w, ask_link(w, &(struct asking){.who = 'c'})));
	assert_null(row(w, 'c')->user);
	world_free(w);
}

static void what_is_answered(void **state)
{
	struct world *w = world_new();
	struct msg *m = reply_to(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}));

	assert_string_equal(m->link_reply.from, jid_of('n', "alice"));
	assert_string_equal(m->link_reply.peer, domain_of('b'));
	assert_int_equal(m->link_reply.stanza_max, STANZA_STRANGER);
	assert_null(m->link_reply.token);
	assert_null(m->link_reply.password);
	world_free(w);

	w = world_new();
	make_pinned(w, 'b', "bob");
	m = reply_to(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}));
	assert_int_equal(m->link_reply.stanza_max, STANZA_PINNED);
	world_free(w);

	w = world_new();
	m = reply_to(w, ask_link(w, &(struct asking){.from = "carol@old"}));
	assert_string_equal(m->link_reply.from, "alice@alpha");
	assert_string_equal(m->link_reply.peer, "carol\\40old@xep0174.internal");
	assert_int_equal(m->link_reply.stanza_max, STANZA_STRANGER);
	world_free(w);
}

/* ---- names that somebody has ---- */

/* {key} x {known}: who may come by the name "bob", and what it is taken for. */
static void impersonation(void **state)
{
	static const struct {
		char who;
		bool known;
		const char *refused;
		enum trust trust;
		bool starttls;
	} table[] = {
		{'b', false, NULL, TRUST_NEW},
		{'m', false, NULL, TRUST_NEW},
		{0, false, NULL, TRUST_LEGACY},
		{'b', true, NULL, TRUST_PINNED},
		{'m', true, NULL, TRUST_CHANGED},
		{0, true, "this name is known by a key, and not without it", TRUST_LEGACY},
		{0, false, NULL, TRUST_LEGACY, true},
		{0, true, "this name is known by a key, and not without it", TRUST_LEGACY, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct world *w = world_new();
		struct peer *p;
		uint64_t conn;

		if (table[i].known)
			make_pinned(w, 'b', "bob");
		conn = ask_link(w,
			&(struct asking){.who = table[i].who,
				.starttls = table[i].starttls,
				.from = table[i].who ? jid_of(table[i].who, "bob") : "bob"});
		if (table[i].refused) {
			assert_string_equal(refusal(w, conn), table[i].refused);
			expect_got(w, "kind='warning'");
			/* Who was not there hears of it later, once, and of one who tries again and again in one line. */
			ask_link(w,
				&(struct asking){.who = table[i].who,
					.starttls = table[i].starttls,
					.from = table[i].who ? jid_of(table[i].who, "bob") : "bob"});
			look_away(w);
			come(w);
			assert_non_null(strstr(expect_got(w, "kind='warning'"), "<delay"));
			assert_int_equal(got_with(w, "kind='warning'"), 0);
		} else {
			assert_null(refusal(w, conn));
			p = table[i].who ? row(w, table[i].who) : called(w, "bob");
			assert_int_equal(p->trust, table[i].trust);
			assert_int_equal(got_with(w, "kind='changed'"), table[i].trust == TRUST_CHANGED);
		}
		world_free(w);
	}
}

/* A name on the network with a key is not for a stream without one, known or not. */
static void found_with_a_key(void **state)
{
	struct world *w = world_new();

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	expect_refused(w, &(struct asking){.from = "bob@bravo"}, "this name is known by a key, and not without it");
	expect_refused(w, &(struct asking){.from = "bob@bravo", .starttls = true},
		"this name is known by a key, and not without it");
	expect_got(w, "says without the key that he is bob");
	world_free(w);
}

static void changed_is_no_stranger_to_limits(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	make_pinned(w, 'b', "bob");
	conn = link_from(w, 'm', "bob");
	assert_int_equal(reply_to(w, conn)->link_reply.stanza_max, STANZA_STRANGER);
	hear(w, conn, "<message type='chat' from='%s' to='%s' id='1'><body>it is me</body></message>",
		jid_of('m', "bob"), jid_of('n', "alice"));
	expect_got(w, "kind='request'");
	assert_non_null(strstr(expect_got(w, "it is me"), domain_of('m')));
	world_free(w);
}

static void blocked(void **state)
{
	struct world *w = world_new();
	uint64_t conn;

	make_pinned(w, 'b', "bob");
	conn = link_from(w, 'b', "bob");
	command(w, "peer", "block", "bob", NULL);
	assert_true(conn_of(w, conn)->closed);
	expect_refused(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}, "not welcome");
	command(w, "peer", "unblock", "bob", NULL);
	link_from(w, 'b', "bob");
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	world_free(w);
}

static void a_full_table(void **state)
{
	struct world *w = world_new_with(two_peers);

	link_from(w, 'b', "bob");
	link_from(w, 'c', "carol");
	expect_refused(w, &(struct asking){.who = 'd', .from = jid_of('d', "dave")}, "too many peers");
	link_from(w, 'c', "carol");
	world_free(w);
}

/* ---- without a key ---- */

static void plain(void **state)
{
	struct world *w = world_new_with(never);

	expect_refused(w, &(struct asking){.from = "carol@old"}, "this node does not speak without encryption");
	world_free(w);

	w = world_new();
	expect_refused(w, &(struct asking){0}, "who is it?");
	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	found(w, "dave@old", "10.0.0.8", 5298, "txtvers=1");
	expect_refused(w, &(struct asking){.address = "10.0.0.7:40000"}, "who is it?");
	assert_null(refusal(w, ask_link(w, &(struct asking){.address = "10.0.0.9:40000"})));
	/* Two at one address: nobody knows which. */
	found(w, "erin@old", "10.0.0.9", 5299, "txtvers=1");
	expect_refused(w, &(struct asking){.address = "10.0.0.9:40001"}, "who is it?");
	world_free(w);
}

/* ---- encrypted, without a key ---- */

/* A link between nodes that proves no key is not taken for one of those. */
static void keyless(void **state)
{
	struct world *w = world_new();

	expect_refused(w, &(struct asking){.from = "carol@old", .keyless = true}, "a key was expected here");
	world_free(w);
}

#define CAROL "carol\\40old@xep0174.internal"

static uint64_t starttls_from(struct world *w, const char *name)
{
	uint64_t conn = ask_link(w, &(struct asking){.from = name, .starttls = true});

	assert_null(refusal(w, conn));
	open_session(w, conn, NULL);
	return conn;
}

/* It is no plaintext, so nobody is asked; it is no trust either. */
static void starttls_is_answered(void **state)
{
	static void (*const policies[])(struct peers_config *) = {NULL, never};

	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		struct world *w = policies[i] ? world_new_with(policies[i]) : world_new();
		uint64_t conn = starttls_from(w, "carol@old");
		struct peer *p = called(w, "carol@old");

		assert_int_equal(p->trust, TRUST_LEGACY);
		assert_int_equal(reply_to(w, conn)->link_reply.stanza_max, STANZA_STRANGER);
		assert_null(conn_of(w, conn)->token);
		hear(w, conn, "<message type='chat' from='carol\\40old@xep0174.internal'><body>hi</body></message>");
		expect_got(w, "kind='request'");
		assert_non_null(strstr(command(w, "peer", "list", NULL), "encrypted, not verified"));
		assert_non_null(strstr(command(w, "peer", "list", "--json", NULL),
			"\"link\": \"encrypted, not verified\", \"trust\": \"legacy\""));
		say_message(w, CAROL, "m1", "answer");
		expect_sent(w, conn, "answer");
		assert_int_equal(got_with(w, "kind='plaintext'"), 0);
		assert_int_equal(p->trust, TRUST_LEGACY);
		world_free(w);
	}
}

/* From then on he is called with it or not at all, unless our user has allowed more. */
static void starttls_is_remembered(void **state)
{
	struct world *w = world_new();
	struct msg *m;
	struct peer *p;
	uint64_t id;

	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	cut(w, starttls_from(w, "carol@old"), false);
	p = called(w, "carol");
	say_message(w, CAROL, "m1", "one");
	sleep_ms(w, 5000);
	m = expect_msg(w, MSG_DIAL);
	assert_false(m->dial.tls);
	assert_int_equal(m->dial.starttls, STARTTLS_MUST);
	/* Somebody without it answers: it waits, and our user is asked. */
	id = m->dial.id;
	msg_clear(m);
	dial_lacks_tls(w, id);
	expect_got(w, "kind='plaintext'");
	sleep_ms(w, 60000);
	assert_null(find_msg(w, MSG_DIAL));
	/* Nor on a stream of theirs. */
	assert_int_equal(sent_with(w, legacy_from(w, "carol@old"), "one"), 0);
	command(w, "peer", "allow", "carol", NULL);
	assert_int_equal(p->outbox.n, 1);
	world_free(w);
}

/* Never in the clear: called with STARTTLS or not at all; who has none is not called again, and our user is told. */
static void starttls_or_never(void **state)
{
	struct world *w = world_new_with(never);
	struct msg *m;
	uint64_t id;

	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	say_message(w, CAROL, "m1", "one");
	m = expect_msg(w, MSG_DIAL);
	assert_int_equal(m->dial.starttls, STARTTLS_MUST);
	id = m->dial.id;
	msg_clear(m);
	dial_lacks_tls(w, id);
	assert_non_null(strstr(expect_got(w, "which this node never does"), "1 message is queued"));
	assert_int_equal(got_with(w, "/allow carol"), 0); /* the same line */
	sleep_ms(w, 60000);
	/* Whoever comes later hears of it, too: it may have been said to nobody. */
	come(w);
	expect_got(w, "which this node never does");
	sleep_ms(w, 60000);
	assert_int_equal(got_with(w, "kind='plaintext'"), 0);
	assert_null(find_msg(w, MSG_DIAL));
	say_message(w, CAROL, "m2", "two");
	expect_got(w, "<policy-violation");
	/* He comes back, with another program perhaps. */
	gone(w, "carol@old");
	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	assert_int_equal(expect_msg(w, MSG_DIAL)->dial.starttls, STARTTLS_MUST);
	world_free(w);
}

/* Who hangs up on a stream that asks for TLS gives no reason; our user is told once, and it is tried again. */
static void hangs_up(void **state)
{
	struct world *w = world_new_with(never);

	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	say_message(w, CAROL, "m1", "one");
	for (int i = 0; i < 3; i++) {
		struct msg *m = expect_msg(w, MSG_DIAL);
		uint64_t id = m->dial.id;

		msg_clear(m);
		dial_fails(w, id, true, false);
		sleep_ms(w, 60000);
	}
	expect_got(w, "which this node never does");
	assert_int_equal(got_with(w, "kind='plaintext'"), 0);
	world_free(w);
}

/* The old program's place is taken by a node: what waited goes to it, encrypted, and not to one who has the name of somebody known. */
static void becomes_keyed(void **state)
{
	struct world *w = world_new_with(never);
	struct msg *m;
	uint64_t id, conn;

	found(w, "carol@old", "10.0.0.9", 5298, "txtvers=1");
	say_message(w, CAROL, "m1", "one");
	m = expect_msg(w, MSG_DIAL);
	id = m->dial.id;
	msg_clear(m);
	dial_lacks_tls(w, id);
	look_away(w);
	found_keyed(w, 'c', "carol@old", "10.0.0.9");
	expect_got(w, "(/accept carol");
	assert_int_equal(w->peers->peers.n, 2);
	assert_int_equal(row(w, 'c')->trust, TRUST_NEW);
	assert_int_equal(got_with(w, "<body>one"), 0);
	look_away(w);
	found_keyed(w, 'c', "carol@old", "10.0.0.10");
	assert_int_equal(got_with(w, "/accept"), 0); /* once */
	command(w, "peer", "accept", row(w, 'c')->label, NULL);
	expect_got(w, "goes out, encrypted");
	assert_int_equal(w->peers->peers.n, 1);
	assert_int_equal(row(w, 'c')->trust, TRUST_PINNED);
	m = expect_msg(w, MSG_DIAL);
	assert_true(m->dial.tls);
	conn = ask_link(w, &(struct asking){.who = 'c', .from = jid_of('c', "carol"), .dial = m->dial.id});
	open_session(w, conn, NULL);
	assert_non_null(strstr(expect_sent(w, conn, "one"), jid_of('c', "carol")));
	arrive_all(w, conn);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	world_free(w);
}

/* ---- both dial ---- */

/* Their stream comes while ours is not settled, or has just been: the one from the lower id stays. */
static void glare(void **state)
{
	for (int above = 0; above < 2; above++)
		for (int settled = 0; settled < 2; settled++) {
			struct world *w = world_new();
			char who = somebody(above), address[64], from[256];
			uint64_t id, ours, theirs;

			snprintf(from, sizeof(from), "%s", jid_of(who, "bob"));
			found_keyed(w, who, "bob@bravo", "10.0.0.2");
			say_message(w, from, "m1", "hi");
			id = next_dial(w, address, NULL);
			ours = ask_link(w, &(struct asking){.who = who, .from = from, .dial = id});
			assert_null(refusal(w, ours));
			if (settled)
				open_session(w, ours, "token");
			theirs = ask_link(w, &(struct asking){.who = who, .from = from});
			if (above) { /* we are lower: ours stays */
				assert_string_equal(refusal(w, theirs), "the other link stays");
				assert_false(conn_of(w, ours)->closed);
			} else {
				assert_null(refusal(w, theirs));
				open_session(w, theirs, NULL);
				assert_true(conn_of(w, ours)->closed);
				expect_sent(w, theirs, "<body>hi");
			}
			world_free(w);
		}
}

/* The other way round: theirs is there, and ours gets through. */
static void glare_with_ours_last(void **state)
{
	for (int above = 0; above < 2; above++) {
		struct world *w = world_new();
		char who = somebody(above), address[64], from[256];
		uint64_t id, ours, theirs;

		snprintf(from, sizeof(from), "%s", jid_of(who, "bob"));
		found_keyed(w, who, "bob@bravo", "10.0.0.2");
		say_message(w, from, "m1", "hi");
		id = next_dial(w, address, NULL);
		theirs = ask_link(w, &(struct asking){.who = who, .from = from});
		assert_null(refusal(w, theirs));
		open_session(w, theirs, NULL);
		ours = ask_link(w, &(struct asking){.who = who, .from = from, .dial = id});
		if (above)
			assert_null(refusal(w, ours));
		else
			assert_string_equal(refusal(w, ours), "the other link stays");
		world_free(w);
	}
}

/* Much later it is no glare but somebody who knows that his old link is dead. */
static void not_glare(void **state)
{
	struct world *w = world_new();
	char who = somebody(true), address[64], from[256];
	uint64_t id, ours, theirs;

	snprintf(from, sizeof(from), "%s", jid_of(who, "bob"));
	found_keyed(w, who, "bob@bravo", "10.0.0.2");
	say_message(w, from, "m1", "hi");
	id = next_dial(w, address, NULL);
	ours = ask_link(w, &(struct asking){.who = who, .from = from, .dial = id});
	open_session(w, ours, "token");
	sleep_ms(w, 5000);
	theirs = ask_link(w, &(struct asking){.who = who, .from = from});
	assert_null(refusal(w, theirs));
	open_session(w, theirs, NULL);
	assert_true(conn_of(w, ours)->closed);
	assert_true(peer_is_up(row(w, who)));
	world_free(w);
}

/* ---- sessions ---- */

static void resume(struct world *w, uint64_t conn, const char *token, uint32_t h)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_RESUME;
	m->conn = conn;
	m->resume.account = xstrdup(domain_of('b'));
	m->resume.token = xstrdup(token);
	m->resume.h = h;
	pump(w);
}

static void a_session_goes_on(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob"), next;

	assert_non_null(conn_of(w, conn)->token);
	cut(w, conn, true);
	assert_false(peer_is_up(row(w, 'b')));
	next = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")});
	resume(w, next, conn_of(w, conn)->token, 1);
	assert_true(conn_of(w, next)->attached);
	assert_true(peer_is_up(row(w, 'b')));
	world_free(w);
}

static void others_do_not_get_it(void **state)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob"), next;
	char token[128];

	snprintf(token, sizeof(token), "%s", conn_of(w, conn)->token);
	cut(w, conn, true);
	/* Another key with the right token, the right key with a wrong one, and nobody at all. */
	next = ask_link(w, &(struct asking){.who = 'm', .from = jid_of('m', "mallory")});
	resume(w, next, token, 1);
	assert_false(conn_of(w, next)->attached);
	next = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")});
	token[20] ^= 1;
	resume(w, next, token, 1);
	assert_false(conn_of(w, next)->attached);
	resume(w, next, "", 1);
	assert_false(conn_of(w, next)->attached);
	resume(w, 60, token, 1);
	assert_int_equal(msgs_of(w, MSG_ATTACH), 4);
	/* It may begin anew. */
	open_session(w, next, NULL);
	assert_true(peer_is_up(row(w, 'b')));
	world_free(w);
}

/* The end that dials says which session it has, once what came by it is dealt with. */
static void we_offer_to_go_on(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn, next;
	char address[64], from[256];

	snprintf(from, sizeof(from), "%s", jid_of('b', "bob"));
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, from, "m1", "hi");
	id = next_dial(w, address, NULL);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = from, .dial = id});
	assert_null(reply_to(w, conn)->link_reply.token);
	open_session(w, conn, "their-token");
	hear_message(w, conn, 'b', "x1", "one");
	look_away(w);
	cut(w, conn, true);
	sleep_ms(w, 400);
	id = next_dial(w, address, NULL);
	assert_true(id != 0);
	next = ask_link(w, &(struct asking){.who = 'b', .from = from, .dial = id});
	assert_string_equal(reply_to(w, next)->link_reply.token, "their-token");
	assert_int_equal(reply_to(w, next)->link_reply.h, 1);
	world_free(w);
}

static void not_while_something_is_under_way(void **state)
{
	struct world *w = world_new();
	uint64_t id, conn, next;
	char address[64], from[256];

	snprintf(from, sizeof(from), "%s", jid_of('b', "bob"));
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	say_message(w, from, "m1", "hi");
	id = next_dial(w, address, NULL);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = from, .dial = id});
	open_session(w, conn, "their-token");
	w->hold = true;
	hear_message(w, conn, 'b', "x1", "one");
	look_away(w);
	cut(w, conn, true);
	sleep_ms(w, 400);
	id = next_dial(w, address, NULL);
	next = ask_link(w, &(struct asking){.who = 'b', .from = from, .dial = id});
	assert_null(reply_to(w, next)->link_reply.token);
	release(w);
	world_free(w);
}

/* Forgotten while its connection has something unacknowledged and something on its way. */
static void forgotten_with_a_link(void **state)
{
	struct world *w = world_new();

	link_from(w, 'b', "bob");
	say_message(w, jid_of('b', "bob"), "m1", "hi");
	command(w, "peer", "del", "bob", NULL);
	pump(w);
	assert_null(row(w, 'b'));
	assert_int_equal(test_rows_count(&w->rows, STORE_PEER_PUT), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_OUTBOX_ADD), 0);
	assert_int_equal(core_session_count(w->core), 0);
	world_free(w);
}

static void not_accepted_in_the_end(void **state)
{
	struct world *w = world_new();
	uint64_t conn = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")});
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LINK_FAILED;
	m->conn = conn;
	m->link_failed.asked = true;
	m->link_failed.why = "test";
	pump(w);
	assert_int_equal(row(w, 'b')->nego, 0);
	/* Its session comes too late. */
	open_session(w, conn, NULL);
	assert_int_equal(conn_of(w, conn)->refused, XERR_CONFLICT);
	world_free(w);
}

/* ---- the shared password ---- */

static void proven(struct world *w, bool right)
{
	struct msg *m;
	uint64_t conn = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")});

	m = msgs_add(&w->in);
	m->kind = MSG_LINK_PROVEN;
	m->conn = conn;
	m->link_proven.right = right;
	pump(w);
	open_session(w, conn, NULL);
}

static void a_password(void **state)
{
	struct world *w = world_new();
	struct msg *m;

	make_pinned(w, 'b', "bob");
	command(w, "peer", "set-password", "bob", "correct horse battery", NULL);
	assert_false(w->reply_failed);
	m = reply_to(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}));
	assert_non_null(m->link_reply.password);
	assert_string_equal(m->link_reply.password->id, id_of('b')); /* they dialled */
	look_away(w);
	proven(w, false);
	assert_non_null(strstr(expect_got(w, "kind='warning'"), "2 attempts are left"));
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	proven(w, true);
	assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
	assert_int_equal(row(w, 'b')->proof.failures, 0);
	expect_got(w, "kind='verified'");
	/* Whoever has heard that it is wrong hears that it is right, also if he was verified all the time; once. */
	for (int i = 0; i < 2; i++) {
		proven(w, false);
		command(w, "peer", "set-password", "bob", "correct horse battery", NULL);
		if (i)
			world_restart(w);
		proven(w, true);
		expect_got(w, "the shared password of bob is the same on both machines now");
		look_away(w);
		proven(w, true);
		assert_int_equal(got_with(w, "password"), 0);
	}
	world_free(w);
}

/* It is proven at once by a new link, though nobody has anything to say; who is away is not called for it again and again. */
static void a_password_makes_a_link(void **state)
{
	struct world *w = world_new();
	char address[64];
	uint64_t conn, dial;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	make_pinned(w, 'b', "bob");
	conn = link_from(w, 'b', "bob");
	look_away(w);
	command(w, "peer", "set-password", "bob", "correct horse battery", NULL);
	assert_true(conn_of(w, conn)->closed);
	dial = next_dial(w, address, NULL);
	assert_string_equal(address, "10.0.0.2:5298");
	conn = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob"), .dial = dial});
	assert_non_null(reply_to(w, conn)->link_reply.password);
	open_session(w, conn, NULL);
	look_away(w);
	cut(w, conn, false);
	sleep_ms(w, 100000);
	assert_int_equal(msgs_of(w, MSG_DIAL), 0);
	command(w, "peer", "set-password", "bob", "correct horse battery", NULL);
	dial_fails(w, next_dial(w, address, NULL), false, false);
	sleep_ms(w, 1000000);
	assert_int_equal(msgs_of(w, MSG_DIAL), 0);
	world_free(w);
}

/* Three times wrong, restarts between them or not: not tried again until it is set anew. */
static void a_password_locked(void **state)
{
	struct world *w = world_new();

	make_pinned(w, 'b', "bob");
	command(w, "peer", "set-password", "bob", "correct horse battery", NULL);
	proven(w, false);
	expect_got(w, "is not the same on both machines");
	proven(w, false);
	expect_got(w, "1 attempt is left");
	world_restart(w);
	proven(w, false);
	expect_got(w, "failed 3 times");
	look_away(w);
	assert_null(reply_to(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}))
			    ->link_reply.password);
	command(w, "peer", "set-password", "bob", "another one", NULL);
	look_away(w);
	assert_non_null(reply_to(w, ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob")}))
				->link_reply.password);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_key),
		cmocka_unit_test(what_is_answered),
		cmocka_unit_test(impersonation),
		cmocka_unit_test(found_with_a_key),
		cmocka_unit_test(changed_is_no_stranger_to_limits),
		cmocka_unit_test(blocked),
		cmocka_unit_test(a_full_table),
		cmocka_unit_test(plain),
		cmocka_unit_test(keyless),
		cmocka_unit_test(starttls_is_answered),
		cmocka_unit_test(starttls_is_remembered),
		cmocka_unit_test(starttls_or_never),
		cmocka_unit_test(hangs_up),
		cmocka_unit_test(becomes_keyed),
		cmocka_unit_test(glare),
		cmocka_unit_test(glare_with_ours_last),
		cmocka_unit_test(not_glare),
		cmocka_unit_test(a_session_goes_on),
		cmocka_unit_test(others_do_not_get_it),
		cmocka_unit_test(we_offer_to_go_on),
		cmocka_unit_test(not_while_something_is_under_way),
		cmocka_unit_test(forgotten_with_a_link),
		cmocka_unit_test(not_accepted_in_the_end),
		cmocka_unit_test(a_password),
		cmocka_unit_test(a_password_makes_a_link),
		cmocka_unit_test(a_password_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
