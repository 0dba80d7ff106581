/* The disk is full, broken, or somebody else's; the server crashes. What was acknowledged is there; what cannot be stored is
 * refused; and when the disk is well again, all is, without anybody's help. */
#include <sqlite3.h>
#include <stdio.h>

#include "db/db_i.h"
#include "link/mem.h"
#include "tests/sim/guest.h"
#include "xmpp/ns.h"

enum { HELD_MS = 5000 };

#define ADDRESS(user) user "@" STAGE_DOMAIN
#define CONSTRAINT "<resource-constraint "

struct few {
	struct stage stage;
	struct guest ann, bob, cid; /* u0, u1, u2; bob is away at first */
};

static void few_open(struct few *f)
{
	const struct stage_options o = {.people = 4};

	stage_open(&f->stage, &o);
	guest_init(&f->ann, &f->stage, "u0", "ann");
	guest_init(&f->bob, &f->stage, "u1", "bob");
	guest_init(&f->cid, &f->stage, "u2", "cid");
	f->ann.client.use_sm = f->cid.client.use_sm = true;
	guest_online(&f->ann);
	guest_online(&f->cid);
	guest_forget(&f->ann);
}

static void few_close(struct few *f)
{
	guest_clear(&f->ann);
	guest_clear(&f->bob);
	guest_clear(&f->cid);
	stage_close(&f->stage);
}

/* Everything that ann sent is acknowledged, or not. */
static bool all_acked(struct guest *g)
{
	client_ask(&g->client);
	stage_settle(g->client.stage);
	return g->client.sent_n == 0;
}

static void enter(struct guest *g, const char *nick)
{
	guest_say(g, "<presence to='" STAGE_ROOM "/%s'><x xmlns='" NS_MUC "'/></presence>", nick);
	guest_forget(g);
}

/* ---- while the store fails ---- */

/* Whatever the trouble is: begin() and end() make it and take it away. */
struct trouble {
	void (*begin)(struct few *f);
	void (*end)(struct few *f);
};

static void fail_full(struct few *f)
{
	stage_break_disk(&f->stage,
		&(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1, .full = true, .lasting = true});
}

static void fail_io(struct few *f)
{
	stage_break_disk(&f->stage, &(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1, .lasting = true});
}

static void fail_sync(struct few *f)
{
	stage_break_disk(&f->stage,
		&(struct fault_plan){.ops = FAULT_SYNC, .nth = 1, .lasting = true, .forgetful = true});
}

static void heal(struct few *f) { stage_heal_disk(&f->stage); }

/* Another program's transaction. */
static sqlite3 *other;

static void run_sql(const char *text) { assert_int_equal(sqlite3_exec(other, text, NULL, NULL, NULL), SQLITE_OK); }

static void lock(struct few *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->stage.folder, DB_FILE);
	assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, FAULT_VFS), SQLITE_OK);
	run_sql("BEGIN IMMEDIATE");
}

static void unlock(struct few *f)
{
	run_sql("ROLLBACK");
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	other = NULL;
}

static const struct trouble troubles[] = {{fail_full, heal}, {fail_io, heal}, {fail_sync, heal}, {lock, unlock}};

static void say_all_that_stores(struct few *f, unsigned n)
{
	guest_say(&f->ann, "<message to='" ADDRESS("u1") "' type='chat' id='m%u'><body>x</body></message>", n);
	guest_say(&f->ann,
		"<iq type='set' id='i%u'><query xmlns='" NS_ROSTER
		"'><item jid='i%u@x.example' name='i'/></query></iq>",
		n, n);
	guest_say(&f->ann, "<message to='" STAGE_ROOM "' type='groupchat' id='g%u'><body>x</body></message>", n);
	guest_say(&f->ann, "<iq type='set' id='v%u'><vCard xmlns='vcard-temp'><FN>v%u</FN></vCard></iq>", n, n);
}

static void expect_refusals(struct guest *g, unsigned n)
{
	static const char kinds[] = "migv";

	for (unsigned i = 0; kinds[i]; i++) {
		char id[24], *at;

		snprintf(id, sizeof(id), "id='%c%u'", kinds[i], n);
		at = strstr((char *)(uintptr_t)buf_cstr(&g->got), id);
		if (!at || !strstr(at, CONSTRAINT))
			fail_msg("%s is not refused in \"%s\"", id, buf_cstr(&g->got));
	}
	assert_int_equal(guest_count(g, CONSTRAINT), 4);
}

static void expect_success(struct few *f, unsigned n)
{
	char id[24];

	assert_int_equal(guest_count(&f->ann, CONSTRAINT), 0);
	snprintf(id, sizeof(id), "id='i%u'", n);
	assert_true(guest_got(&f->ann, id));
	snprintf(id, sizeof(id), "id='g%u'", n);
	assert_true(guest_got(&f->ann, id));
	assert_true(guest_got(&f->cid, id));
	assert_true(all_acked(&f->ann));
}

static void expect_service(struct few *f)
{
	/* Between those who are there nothing needs the store. */
	guest_forget(&f->cid);
	guest_say(&f->ann, "<message to='" ADDRESS("u2") "' type='chat' id='now'><body>x</body></message>");
	guest_expect(&f->cid, "id='now'");
	guest_say(&f->cid, "<presence><show>away</show></presence>");
	assert_true(guest_got(&f->ann, "away"));
	guest_say(&f->ann, "<iq type='get' id='ping'><ping xmlns='" NS_PING "'/></iq>");
	assert_true(guest_got(&f->ann, "id='ping'"));
	guest_forget(&f->ann);
	guest_forget(&f->cid);
}

/* The first ones meet the failure: nobody could know. They are neither acknowledged nor answered; what is answered by the
 * store is taken back after 5 s. From then on refusals come at once. */
static void live_through(struct few *f, const struct trouble *t)
{
	guest_forget(&f->ann);
	guest_forget(&f->cid);
	t->begin(f);
	say_all_that_stores(f, 1);
	/* The first of the four found the store well, the others did not. */
	assert_false(guest_got(&f->ann, "id='m1'"));
	assert_false(all_acked(&f->ann));
	assert_int_equal(guest_count(&f->ann, CONSTRAINT), 3);
	guest_forget(&f->ann);
	expect_service(f);
	say_all_that_stores(f, 2);
	expect_refusals(&f->ann, 2);
	guest_forget(&f->ann);
	stage_pass(&f->stage, 60000);
	assert_false(all_acked(&f->ann));
	expect_service(f);
	t->end(f);
	stage_settle(&f->stage);
	assert_true(all_acked(&f->ann));
	say_all_that_stores(f, 3);
	expect_success(f, 3);
}

static void test_store_fails_and_recovers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
		struct few f;

		few_open(&f);
		enter(&f.ann, "ann");
		enter(&f.cid, "cid");
		for (unsigned round = 0; round < 3; round++)
			live_through(&f, &troubles[i]);
		/* What was accepted is there for him: of each round the first and the last message. */
		guest_online(&f.bob);
		few_close(&f);
	}
}

/* What waits for the commit comes back after 5 s, once: a result as an error, a message to its sender. */
static void expect_after_5_s(const char *say, const char *sign)
{
	struct few f;

	few_open(&f);
	enter(&f.ann, "ann");
	enter(&f.cid, "cid");
	guest_forget(&f.ann);
	fail_full(&f);
	guest_say(&f.ann, "%s", say);
	stage_pass(&f.stage, HELD_MS - 100);
	assert_int_equal(guest_count(&f.ann, sign), 0);
	stage_pass(&f.stage, 200);
	assert_int_equal(guest_count(&f.ann, sign), 1);
	assert_int_equal(guest_count(&f.ann, CONSTRAINT), 1);
	assert_int_equal(guest_count(&f.cid, "<body>"), 0);
	guest_forget(&f.ann);
	stage_pass(&f.stage, 30000);
	heal(&f);
	stage_settle(&f.stage);
	assert_int_equal(guest_count(&f.ann, sign), 0);
	assert_true(all_acked(&f.ann));
	few_close(&f);
}

static void test_held_output_returns(void **state)
{
	expect_after_5_s("<iq type='set' id='sign'><query xmlns='" NS_ROSTER "'><item jid='a@x.example'/></query></iq>",
		"id='sign'");
	expect_after_5_s("<iq type='set' id='sign'><vCard xmlns='vcard-temp'/></iq>", "id='sign'");
	expect_after_5_s("<iq type='set' id='sign'><query xmlns='" NS_PRIVATE "'><a xmlns='b'/></query></iq>",
		"id='sign'");
	expect_after_5_s("<message to='" STAGE_ROOM "' type='groupchat' id='sign'><body>x</body></message>",
		"id='sign'");
}

/* A slow disk is not a broken one: nothing is refused, nothing returns, however long it takes. */
static void test_slow_store(void **state)
{
	struct few f;

	few_open(&f);
	enter(&f.ann, "ann");
	enter(&f.cid, "cid");
	guest_forget(&f.ann);
	server_hold_store(f.stage.server, true);
	say_all_that_stores(&f, 1);
	stage_pass(&f.stage, 60000);
	assert_int_equal(f.ann.stanzas, 0);
	assert_false(all_acked(&f.ann));
	server_hold_store(f.stage.server, false);
	stage_settle(&f.stage);
	expect_success(&f, 1);
	few_close(&f);
}

/* ---- crashes ---- */

/* ann writes to bob, who is away, and to the room, with a few turns in between; then it all goes dark. */
static void talk(struct few *f, unsigned turns)
{
	enter(&f->ann, "ann");
	for (unsigned i = 0; i < 20; i++) {
		client_fmt(&f->ann.client, i + 1,
			"<message to='" ADDRESS("u1") "' type='chat' id='m%02u'><body>x</body></message>", i);
		client_fmt(&f->ann.client, 0,
			"<message to='" STAGE_ROOM "' type='groupchat' id='g%02u'><body>x</body></message>", i);
		if (i % 3 == 0)
			client_ask(&f->ann.client);
		for (unsigned k = 0; k < turns % 4; k++)
			stage_step(&f->stage);
	}
	for (unsigned k = 0; k < turns; k++)
		stage_step(&f->stage);
}

/* Everything up to the last that was acknowledged is there; nothing is there twice; in order. */
static void expect_messages(struct guest *g, char letter, unsigned at_least)
{
	const char *at = buf_cstr(&g->got);
	unsigned n = 0;
	char id[24];

	for (; n < 20; n++) {
		const char *next;

		snprintf(id, sizeof(id), "id='%c%02u'", letter, n);
		assert_in_range(guest_count(g, id), 0, 1);
		next = strstr(at, id);
		if (!next)
			break;
		at = next;
	}
	assert_in_range(n, at_least, 20);
	for (unsigned i = n; i < 20; i++) { /* a hole would be worse than the end */
		snprintf(id, sizeof(id), "id='%c%02u'", letter, i);
		assert_false(guest_got(g, id));
	}
}

/* Of so many that were acknowledged, those before the first that was refused. */
static unsigned accepted(struct guest *g, char letter, unsigned acked)
{
	unsigned n = 0;

	for (; n < acked; n++) {
		char refused[64];

		snprintf(refused, sizeof(refused), "id='%c%02u' type='error'", letter, n);
		if (guest_got(g, refused))
			break;
	}
	return n;
}

static void crash_after(unsigned turns, enum fault_loss loss, bool failing, unsigned *most)
{
	unsigned acked, reflected, mails;
	struct few f;

	few_open(&f);
	if (failing)
		stage_break_disk(&f.stage,
			&(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1 + turns * 3, .lasting = true});
	talk(&f, turns);
	/* The stanzas alternate; the presence before them counts, too. */
	acked = f.ann.client.sent_acked > 2 ? (f.ann.client.sent_acked - 2) / 2 : 0;
	mails = accepted(&f.ann, 'm', acked);
	reflected = guest_count(&f.ann, "type='groupchat'");
	if (reflected < accepted(&f.ann, 'g', acked))
		reflected = accepted(&f.ann, 'g', acked);
	stage_crash(&f.stage, loss, turns + 1);
	stage_settle(&f.stage);
	stage_start(&f.stage);
	guest_login(&f.bob);
	guest_say(&f.bob, "<presence/>");
	expect_messages(&f.bob, 'm', mails);
	guest_say(&f.bob, "<presence to='" STAGE_ROOM "/bob'><x xmlns='" NS_MUC "'/></presence>");
	expect_messages(&f.bob, 'g', reflected);
	/* What was given is out of the store. */
	guest_forget(&f.bob);
	client_close(&f.bob.client);
	stage_settle(&f.stage);
	stage_crash(&f.stage, loss, turns + 2);
	stage_settle(&f.stage);
	stage_start(&f.stage);
	guest_login(&f.bob);
	guest_say(&f.bob, "<presence/>");
	assert_false(guest_got(&f.bob, "id='m"));
	*most = mails > *most ? mails : *most;
	few_close(&f);
}

/* bob's cable is out and his session waits for him when it all goes dark: nothing of what ann was told is safe is lost, and
 * nothing comes twice. */
static void crash_with_a_broken_session(bool archive)
{
	const struct stage_options o = {.people = 2, .strangers = true, .archive = archive};
	struct guest ann, bob;
	struct stage s;
	char id[24];

	stage_open(&s, &o);
	guest_init(&ann, &s, "u0", "a");
	guest_init(&bob, &s, "u1", "b");
	ann.client.use_sm = bob.client.use_sm = true;
	guest_online(&ann);
	guest_online(&bob);
	mem_link_cut(bob.client.cable);
	stage_settle(&s);
	for (unsigned i = 0; i < 20; i++)
		client_fmt(&ann.client, i + 1,
			"<message to='" ADDRESS("u1") "' type='chat' id='m%02u'><body>x</body></message>", i);
	stage_pass(&s, 1000);
	client_ask(&ann.client);
	stage_settle(&s);
	assert_int_equal(ann.acked, 20 + 1); /* her presence */
	stage_crash(&s, LOSE_UNSYNCED, 1);
	stage_settle(&s);
	stage_start(&s);
	guest_forget(&bob);
	guest_login(&bob);
	guest_say(&bob, "<presence/>");
	for (unsigned i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "id='m%02u'", i);
		assert_int_equal(guest_count(&bob, id), 1);
	}
	guest_clear(&ann);
	guest_clear(&bob);
	stage_close(&s);
}

static void test_crash_with_a_broken_session(void **state)
{
	crash_with_a_broken_session(true);
	crash_with_a_broken_session(false);
}

static void test_crash_while_messages_flow(void **state)
{
	static const enum fault_loss losses[] = {LOSE_UNSYNCED, LOSE_SOME, LOSE_NOTHING};

	for (size_t loss = 0; loss < ARRAY_LEN(losses); loss++)
		for (int failing = 0; failing < 2; failing++) {
			unsigned most = 0;

			for (unsigned turns = 0; turns < 24; turns++)
				crash_after(turns, losses[loss], failing, &most);
			assert_true(most > 10); /* or nothing was acknowledged, and all this proves nothing */
		}
}

/* The first start on a disk that fails at any call: it says so, or it runs. */
static void test_start_on_a_bad_disk(void **state)
{
	const struct stage_options o = {.people = 2};
	unsigned refused = 0;
	struct stage s;
	struct buf why;

	buf_init(&why, 1024);
	for (unsigned n = 1; n < 40; n++) {
		stage_open(&s, &o);
		server_free(&s.server);
		stage_break_disk(&s,
			&(struct fault_plan){.ops = FAULT_CHANGES | FAULT_READ, .nth = n, .lasting = true});
		buf_reset(&why);
		if (server_new(s.loop, &s.config, &s.server, &why) != 0) {
			refused++;
			assert_true(why.n > 10 && !memchr(why.p, '\n', why.n));
		}
		stage_heal_disk(&s);
		server_free(&s.server);
		stage_start(&s);
		stage_close(&s);
	}
	assert_in_range(refused, 1, 39);
	buf_clear(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_fails_and_recovers),
		cmocka_unit_test(test_held_output_returns),
		cmocka_unit_test(test_slow_store),
		cmocka_unit_test(test_crash_while_messages_flow),
		cmocka_unit_test(test_crash_with_a_broken_session),
		cmocka_unit_test(test_start_on_a_bad_disk),
	};

	return cmocka_run_group_tests(tests, guest_setup, NULL);
}
