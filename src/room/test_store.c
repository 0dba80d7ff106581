/* Persistent rooms: what outlives a restart, leaving memory and coming back, a store that fails. */
#include "room/testing.h"

#define TEA "tea@rooms.test"

static unsigned kept_tea(struct world *w)
{
	return open_tea(w, FIELD("persistentroom", "1") FIELD("roomname", "Kept") FIELD("publicroom", "0"));
}

static void talk(struct world *w, unsigned conn, int from, int to)
{
	char xml[256];

	for (int i = from; i < to; i++) {
		snprintf(xml, sizeof(xml),
			"<message type='groupchat' id='i%02d' to='" TEA "'><body>kept %02d</body></message>", i, i);
		say(w, conn, xml);
	}
}

static void expect_history(struct world *w, unsigned conn, int from, int to)
{
	char part[64];

	for (int i = from; i < to; i++) {
		snprintf(part, sizeof(part), "<body>kept %02d</body>", i);
		expect(w, conn, part, "<stanza-id", "<delay", "from='" TEA "/alice'");
	}
}

static void test_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;
	char id[64];
	const char *at;

	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>Still here</subject></message>");
	say(w, alice,
		ADMIN("<item affiliation='member' jid='bob@x.test'/><item affiliation='outcast' jid='eve@x.test'><reason>r</reason></item>"));
	talk(w, alice, 0, 25);
	at = strstr(w->logs[alice].got[w->logs[alice].tail - 1].text, "<stanza-id");
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(strstr(at, " id='") + 5, "'"), strstr(at, " id='") + 5);
	world_restart(w);
	assert_null(tea(w));
	assert_int_equal(w->rooms->directory.n, 1);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "from='" TEA "/bob'", "affiliation='member'", "110", "!201");
	expect_history(w, bob, 5, 24);
	assert_non_null(strstr(expect(w, bob, "kept 24")->text, id));
	expect(w, bob, "from='" TEA "/alice'", "<subject>Still here</subject><delay");
	assert_string_equal(tea(w)->config.name, "Kept");
	assert_int_equal(tea(w)->affiliates.owners, 1);
	unsigned eve = enter(w, "eve@x.test/e", TEA "/eve");
	expect(w, eve, "<forbidden");
	assert_string_equal(affiliates_find(&tea(w)->affiliates, STR("eve@x.test"))->reason, "r");
	/* Numbers go on growing. */
	int64_t last = tea(w)->history.last_id;
	w->now = 0;
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	assert_true(tea(w)->history.last_id > last);
	world_free(w);
}

static void test_temporary(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");

	talk(w, alice, 0, 3);
	say(w, alice, ADMIN("<item affiliation='member' jid='bob@x.test'/>"));
	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>s</subject></message>");
	for (int i = 0; i < STORE_WRITE_COUNT; i++)
		assert_int_equal(w->writes[i], 0);
	/* It becomes persistent with all it has, and temporary again without a trace. */
	configure(w, alice, TEA, FIELD("persistentroom", "1"));
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_AFFILIATION_PUT), 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 3);
	configure(w, alice, TEA, FIELD("persistentroom", "0"));
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT) + test_rows_count(&w->rows, STORE_AFFILIATION_PUT) +
			test_rows_count(&w->rows, STORE_ARCHIVE_ADD),
		0);
	assert_int_equal(w->rooms->directory.n, 0);
	talk(w, alice, 3, 4);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 0);
	world_free(w);
}

/* Output that says that something is stored waits for it; the rest does not. */
static void test_commits(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;
	uint64_t commit;

	talk(w, alice, 0, 1);
	commit = expect(w, alice, "kept 00")->commit;
	assert_int_not_equal(commit, 0);
	say(w, alice, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_int_equal(expect(w, alice, "<composing")->commit, 0);
	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>s</subject></message>");
	assert_true(expect(w, alice, "<subject>s")->commit > commit);
	say(w, alice, "<presence to='" TEA "/alice'><show>away</show></presence>");
	assert_int_equal(expect(w, alice, "away")->commit, 0);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	assert_int_equal(expect(w, bob, "/alice'")->commit, 0);
	assert_int_equal(expect(w, bob, "110")->commit, 0);
	assert_int_equal(expect(w, bob, "kept 00")->commit, commit);
	assert_int_equal(expect(w, bob, "<subject>s")->commit, commit + 1);
	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='member' jid='q@x.test'/>"));
	assert_int_not_equal(expect(w, alice, "<message", "affiliation='member'")->commit, 0);
	assert_int_not_equal(expect(w, alice, "type='result'")->commit, 0);
	/* Who came by a link is told no sooner than those who are here. */
	say_far(w, "zoe@far.test/z", "<presence to='" TEA "/zoe'>" MUC "</presence>");
	forget_all(w);
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>for all</body></message>");
	commit = expect(w, alice, "for all")->commit;
	assert_int_not_equal(commit, 0);
	assert_int_equal(expect(w, 0, "for all")->commit, commit);
	say(w, alice, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_int_equal(expect(w, 0, "<composing")->commit, 0);
	world_free(w);
}

/* It is not stored yet that a room is temporary from now on: if it never is, what is said now was not said. So who comes does not
 * hear it before those who are in. */
static void test_no_more_persistent(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;
	uint64_t commit;

	configure(w, alice, TEA, FIELD("persistentroom", "0"));
	forget_all(w);
	talk(w, alice, 0, 1);
	commit = expect(w, alice, "kept 00")->commit;
	assert_int_not_equal(commit, 0);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "/alice'");
	expect(w, bob, "110");
	assert_int_equal(expect(w, bob, "kept 00")->commit, commit);
	world_free(w);
}

static void test_trim(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.history = 5});
	unsigned alice = kept_tea(w), bob;

	for (int i = 0; i < 180; i++) {
		talk(w, alice, i % 60, i % 60 + 1);
		assert_in_range(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), i < 5 ? (unsigned)i + 1 : 5, 5 + 64);
	}
	assert_true(w->writes[STORE_ARCHIVE_TRIM] <= 4);
	/* More rows than are shown: the newest are taken. */
	talk(w, alice, 60, 62);
	world_restart(w); /* with the usual 20 */
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "110");
	assert_int_equal(tea(w)->history.n, 5);
	expect_history(w, bob, 57, 62);
	world_free(w);
}

/* An invitation can be declined after the room has left memory in between, once. */
static void test_invitation_and_eviction(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w);

	for (int i = 0; i < 2; i++) {
		if (i == 0)
			say(w, alice,
				"<message to='" TEA "'><x xmlns='" NS_MUC_USER
				"'><invite to='bob@far.test'/><invite to='carl@far.test'/></x></message>");
		logout(w, alice, false);
		sleep_ms(w, 2 * IDLE_MS);
		assert_null(tea(w));
		alice = enter(w, "alice@x.test/a", TEA "/alice");
		forget_all(w);
		say_far(w, i ? "carl@far.test/c" : "bob@far.test/b",
			"<message to='" TEA "'><x xmlns='" NS_MUC_USER "'><decline to='alice@x.test'/></x></message>");
		expect(w, alice, "<decline from=");
		expect_nothing(w, 0);
	}
	say_far(w, "bob@far.test/b",
		"<message to='" TEA "'><x xmlns='" NS_MUC_USER "'><decline to='alice@x.test'/></x></message>");
	expect(w, 0, "<item-not-found");
	expect_nothing(w, alice);
	world_free(w);
}

#define DECLINE "<message to='" TEA "'><x xmlns='" NS_MUC_USER "'><decline to='alice@x.test'/></x></message>"
#define INVITE(who) "<message to='" TEA "'><x xmlns='" NS_MUC_USER "'><invite to='" who "'/></x></message>"

/* Nor does a restart take it, or the room's becoming persistent only later; a month does, and the room's end. */
static void test_invitation_and_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");

	say(w, alice, INVITE("bob@far.test"));
	assert_int_equal(test_rows_count(&w->rows, STORE_INVITED_PUT), 0);
	configure(w, alice, TEA, FIELD("persistentroom", "1"));
	say(w, alice, INVITE("carl@far.test"));
	say(w, alice, INVITE("dan@far.test"));
	assert_int_equal(test_rows_count(&w->rows, STORE_INVITED_PUT), 3);
	world_restart(w);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	forget_all(w);
	say_far(w, "bob@far.test/b", DECLINE);
	expect(w, alice, "<decline from='bob@far.test'");
	assert_int_equal(test_rows_count(&w->rows, STORE_INVITED_PUT), 2);
	world_restart(w);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	forget_all(w);
	say_far(w, "bob@far.test/b", DECLINE);
	expect(w, 0, "<item-not-found"); /* once */
	say_far(w, "eve@far.test/b", DECLINE);
	expect(w, 0, "<item-not-found");
	say_far(w, "carl@far.test/b", DECLINE);
	expect(w, alice, "<decline from='carl@far.test'");
	sleep_ms(w, (int64_t)31 * 24 * 60 * 60 * 1000);
	forget_all(w);
	say_far(w, "dan@far.test/b", DECLINE);
	expect(w, 0, "<item-not-found");
	assert_int_equal(test_rows_count(&w->rows, STORE_INVITED_PUT), 0);
	world_free(w);
}

/* The newest are kept, and no more. */
static void test_invitations_are_bounded(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w);
	char xml[512];

	for (unsigned i = 0; i < INVITED_MAX + 10; i++) {
		snprintf(xml, sizeof(xml), INVITE("u%u@far.test"), i);
		say(w, alice, xml);
		forget_all(w);
		w->now += 1000;
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_INVITED_PUT), INVITED_MAX);
	world_restart(w);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	forget_all(w);
	say_far(w, "u9@far.test/b", DECLINE);
	expect(w, 0, "<item-not-found");
	say_far(w, "u10@far.test/b", DECLINE);
	expect(w, alice, "<decline from='u10@far.test'");
	world_free(w);
}

#define DESTROY(to) \
	"<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy jid='" to "'/></query></iq>"

/* Where a room went is known after a restart, until its time is over; then nothing of it is left. */
static void test_moved_and_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;

	say(w, alice, DESTROY("coffee@rooms.test"));
	expect(w, alice, "<destroy");
	assert_int_not_equal(expect(w, alice, "id='d' type='result'")->commit, 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_MOVED), 1);
	world_restart(w);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "type='error'", "<gone xmlns='" NS_STANZAS "'>xmpp:coffee@rooms.test?join</gone>");
	sleep_ms(w, 25 * 60 * 60 * 1000);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_MOVED), 0);
	join(w, bob, TEA "/bob");
	expect(w, bob, "201", "affiliation='owner'");
	world_free(w);
}

/* Without another place, too; then an administrator makes it anew. */
static void test_gone_and_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;

	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	expect(w, alice, "<destroy");
	world_restart(w);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "type='error'", "<gone xmlns='" NS_STANZAS "'></gone>");
	run(w, "room create " TEA " bob@x.test");
	assert_false(w->reply_failed);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_MOVED), 0);
	join(w, bob, TEA "/bob");
	expect(w, bob, "affiliation='owner'", "!201");
	/* Whom the administrator ends a room of does not make it anew. */
	run(w, "room destroy " TEA);
	forget_all(w);
	join(w, bob, TEA "/bob");
	expect(w, bob, "<gone");
	world_free(w);
}

/* Who ended it may make it anew, and nobody is sent away from there any more; a temporary one is remembered for an hour. */
static void test_moved_and_made_anew(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob;

	say(w, alice, DESTROY("coffee@rooms.test"));
	expect(w, alice, "<destroy");
	assert_int_not_equal(expect(w, alice, "id='d' type='result'")->commit, 0);
	world_restart(w);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	expect(w, alice, "201");
	/* Only when it is open is it made. */
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_MOVED), 1);
	say(w, alice,
		"<iq type='set' id='o' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='cancel'/></query></iq>");
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "<gone");
	forget_all(w);
	join(w, alice, TEA "/alice");
	expect(w, alice, "201");
	say(w, alice,
		"<iq type='set' id='o' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'/></query></iq>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_MOVED), 0);
	join(w, bob, TEA "/bob");
	expect(w, bob, "from='" TEA "/alice'");
	say(w, alice, DESTROY("coffee@rooms.test"));
	sleep_ms(w, 50 * 60 * 1000);
	world_restart(w);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "<gone");
	sleep_ms(w, 20 * 60 * 1000);
	join(w, bob, TEA "/bob");
	expect(w, bob, "201");
	world_free(w);
}

static void test_eviction(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;

	talk(w, alice, 0, 2);
	logout(w, alice, false);
	assert_non_null(tea(w)); /* not at once */
	sleep_ms(w, IDLE_MS - 1000);
	assert_non_null(tea(w));
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	assert_int_equal(w->asked[STORE_ROOM_LOAD], 0);
	sleep_ms(w, 2 * IDLE_MS);
	assert_non_null(tea(w)); /* somebody is in */
	logout(w, bob, false);
	sleep_ms(w, IDLE_MS);
	assert_null(tea(w));
	/* It is still in the list of rooms, and comes back with what waited for it in order. */
	bob = login(w, "bob@x.test/c");
	put(w, bob, "<iq type='get' id='info' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	put(w, bob, "<presence to='" TEA "/bob'>" MUC "</presence>");
	put(w, bob, "<message type='groupchat' to='" TEA "'><body>here</body></message>");
	pump(w);
	expect(w, bob, "name='Kept'", "muc_persistent", "muc_hidden");
	expect(w, bob, "affiliation='none'", "110");
	expect_history(w, bob, 0, 2);
	expect(w, bob, "<subject>");
	expect(w, bob, "<body>here", "!<delay");
	assert_int_equal(w->asked[STORE_ROOM_LOAD], 1);
	/* Somebody who only looks does not keep it in memory. */
	logout(w, bob, false);
	sleep_ms(w, IDLE_MS);
	bob = login(w, "bob@x.test/d");
	say(w, bob, "<iq type='get' id='info' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, bob, "name='Kept'");
	assert_non_null(tea(w));
	sleep_ms(w, IDLE_MS);
	assert_null(tea(w));
	world_free(w);
}

/* Nothing is known yet: each room is looked for by itself. */
static void test_early(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob, carol;

	talk(w, alice, 0, 1);
	clear_users(w);
	w->store_silent = true;
	world_core(w, NULL);
	turn(w);
	bob = login(w, "bob@x.test/b");
	carol = login(w, "carol@x.test/c");
	join(w, bob, TEA "/bob");
	join(w, carol, "new@rooms.test/carol");
	say(w, carol, "<message type='groupchat' to='nothing@rooms.test'><body>x</body></message>");
	expect_nothing(w, bob);
	expect_nothing(w, carol);
	store_wake(w);
	expect(w, bob, "affiliation='none'", "110", "!201");
	expect(w, bob, "kept 00");
	expect(w, carol, "201");
	expect(w, carol, "<subject>");
	expect(w, carol, "<item-not-found");
	assert_int_equal(w->rooms->live.n, 2);
	assert_int_equal(w->rooms->directory.n, 1);
	world_free(w);
}

/* Destroyed before the directory came: it does not come back with it. */
static void test_early_destroyed(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w);
	struct msgs waiting;

	clear_users(w);
	w->store_silent = true;
	world_core(w, NULL);
	turn(w);
	alice = login(w, "alice@x.test/a");
	join(w, alice, TEA "/alice");
	/* The answer about the room comes before that about the directory. */
	waiting = w->store_waiting;
	w->store_waiting = (struct msgs){0};
	for (uint32_t i = 0; i < waiting.n; i++) {
		if (waiting.m[i].kind == MSG_STORE_ASK && waiting.m[i].store_ask.query->read == STORE_ROOM_LOAD) {
			store_take(w, &waiting.m[i]);
			msg_clear(&waiting.m[i]);
		} else {
			*msgs_add(&w->store_waiting) = waiting.m[i];
		}
	}
	waiting.n = 0;
	msgs_clear(&waiting);
	pump(w);
	expect(w, alice, "affiliation='owner'", "110");
	for (uint32_t i = 0; i < w->store_waiting.n; i++)
		if (w->store_waiting.m[i].kind == MSG_STORE_ASK)
			assert_int_equal(w->store_waiting.m[i].store_ask.query->read, STORE_ROOM_LIST);
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	assert_int_equal(tea(w)->state, ROOM_VACANT);
	store_wake(w);
	assert_int_equal(w->rooms->directory.n, 0);
	assert_int_equal(w->rooms->live.n, 0);
	world_free(w);
}

static void test_failing(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob"), carol = login(w, "carol@x.test/c");

	talk(w, alice, 0, 1);
	store_fails(w, true);
	forget_all(w);
	say(w, bob, "<message type='groupchat' id='m' to='" TEA "'><body>x</body></message>");
	expect(w, bob, "type='error'", "<resource-constraint", "id='m'");
	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>x</subject></message>");
	expect(w, alice, "<resource-constraint");
	say(w, alice, ADMIN("<item affiliation='member' jid='q@x.test'/>"));
	expect(w, alice, "<resource-constraint");
	configure(w, alice, TEA, FIELD("roomname", "Other"));
	expect(w, alice, "<resource-constraint");
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	expect(w, alice, "<resource-constraint");
	run(w, "room destroy " TEA);
	assert_true(w->reply_failed);
	expect_nothing(w, alice);
	/* What needs no store goes on. */
	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	expect(w, bob, "role='visitor'");
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	forget_all(w);
	say(w, alice, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	expect(w, bob, "<composing");
	join(w, carol, "temp@rooms.test/carol");
	configure(w, carol, "temp@rooms.test", "");
	say(w, carol, "<message type='groupchat' to='temp@rooms.test'><body>x</body></message>");
	expect(w, carol, "201");
	/* And nobody forgets what only memory knows. */
	logout(w, alice, false);
	logout(w, bob, false);
	sleep_ms(w, 3 * IDLE_MS);
	assert_non_null(tea(w));
	store_fails(w, false);
	sleep_ms(w, 2 * IDLE_MS);
	assert_null(tea(w));
	world_free(w);
}

/* Who was silenced is so still when all have been away, and his affiliation is the same. */
static void test_silenced(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	logout(w, alice, false);
	logout(w, bob, false);
	sleep_ms(w, 3 * IDLE_MS);
	bob = enter(w, "bob@x.test/b", TEA "/robert");
	expect(w, bob, "role='visitor'", "110");
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	say(w, alice, ADMIN("<item nick='robert' role='participant'/>"));
	logout(w, alice, false);
	logout(w, bob, false);
	sleep_ms(w, 3 * IDLE_MS);
	assert_null(tea(w));
	world_free(w);
}

#define OF_HIS_OWN(inside) "<iq type='set' id='reg' to='" TEA "'><query xmlns='" NS_REGISTER "'>" inside "</query></iq>"
#define ENROL \
	OF_HIS_OWN("<x xmlns='" NS_DATA \
		   "' type='submit'><field var='muc#register_roomnick'><value>bob</value></field></x>")

/* Nor does he get his voice back by what he can do himself; an admin gives it by a change of his affiliation. */
static void test_silenced_registers(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1") FIELD("registration", "open")),
		 bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	for (int i = 0; i < 4; i++) {
		forget_all(w);
		say(w, bob, i % 2 ? OF_HIS_OWN("<remove/>") : ENROL);
		expect(w, alice, "from='" TEA "/bob'", i % 2 ? "affiliation='none'" : "affiliation='member'",
			"role='visitor'");
		if (i == 2) {
			logout(w, bob, false);
			bob = enter(w, "bob@x.test/b", TEA "/bob");
			expect(w, bob, "from='" TEA "/alice'");
			expect(w, bob, "affiliation='member'", "role='visitor'", "110");
		}
	}
	forget_all(w);
	say(w, alice, ADMIN("<item jid='bob@x.test' affiliation='member'/>"));
	expect(w, alice, "affiliation='member'", "role='participant'");
	world_free(w);
}

/* The reflection that could not be stored in time: its sender hears of it once, the others nothing. */
static void test_expired(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");
	unsigned conns[] = {alice, bob};

	forget_all(w);
	w->store_silent = true;
	talk(w, alice, 7, 8);
	for (int i = 0; i < 2; i++) {
		struct packet_head head = {.kind = STANZA_MESSAGE,
			.type = TYPE_GROUPCHAT,
			.from = STR(TEA "/alice"),
			.id = STR("i07")};
		struct packet_writer pw;
		struct packet *p;
		struct msg *m = msgs_add(&w->in);
		packet_begin(&pw, &head);
		buf_z(&pw.out, "<body>kept 07</body>");
		p = packet_end(&pw);
		m->kind = MSG_EXPIRED;
		m->conn = conns[i];
		m->session = w->users[conns[i]]->session.handle;
		packets_add(&m->end.rest, &p);
	}
	forget_all(w);
	pump(w);
	expect(w, alice, "<message from='" TEA "' id='i07' type='error'>", "<resource-constraint");
	expect_nothing(w, alice);
	expect_nothing(w, bob);
	assert_int_equal(room_count(tea(w)), 2);
	world_free(w);
}

static void test_load_fails(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = kept_tea(w), bob;

	talk(w, alice, 0, 1);
	world_restart(w);
	w->store_error = ERR_IO;
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "type='error'", "<resource-constraint");
	assert_null(tea(w));
	w->store_error = 0;
	join(w, bob, TEA "/bob");
	expect(w, bob, "110", "!201");
	expect(w, bob, "kept 00");
	/* The directory, too, is asked for until it comes. */
	clear_users(w);
	w->store_error = ERR_IO;
	world_core(w, NULL);
	pump(w);
	assert_false(w->rooms->loaded);
	w->store_error = 0;
	sleep_ms(w, 10000);
	assert_true(w->rooms->loaded);
	assert_int_equal(w->rooms->directory.n, 1);
	world_free(w);
}

/* Rows that nobody of ours wrote. */
static void test_odd_rows(void **state)
{
	struct world *w = world_new(NULL);
	struct store_value room[] = {{.s = STR("rooms.test")}, {.s = STR("tea")}, {.is_int = true},
		{.s = STR("name=Odd\nwhois=9\n")}, {.s = STR_NONE}, {.s = STR_NONE}, {.is_int = true}};
	struct store_value rows[][5] = {
		{{.s = STR("rooms.test")}, {.s = STR("tea")}, {.s = STR("a@x")}, {.is_int = true, .i = 99},
			{.s = STR_NONE}},
		{{.s = STR("rooms.test")}, {.s = STR("tea")}, {.s = STR("b@x")}, {.is_int = true, .i = -1},
			{.s = STR_NONE}},
		{{.s = STR("rooms.test")}, {.s = STR("tea")}, {.s = STR("")}, {.is_int = true, .i = 2},
			{.s = STR_NONE}},
	};
	struct store_value message[] = {{.s = STR("rooms.test")}, {.s = STR("tea")}, {.is_int = true, .i = 5},
		{.s = STR("")}, {.s = STR_NONE}, {.s = STR("<message <")}, {.s = STR_NONE}, {.is_int = true}};
	unsigned bob;

	test_rows_put(&w->rows, STORE_ROOM_PUT, room, 7);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		test_rows_put(&w->rows, STORE_AFFILIATION_PUT, rows[i], 5);
	test_rows_put(&w->rows, STORE_ARCHIVE_ADD, message, 8);
	world_restart(w);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "110");
	expect(w, bob, "<subject>");
	expect_nothing(w, bob);
	assert_int_equal(tea(w)->affiliates.map.n, 0);
	assert_string_equal(tea(w)->config.name, "Odd");
	world_free(w);
}

#define REGISTER(nick) \
	"<iq type='set' id='reg' to='tea@rooms.test'><query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA \
	"' type='submit'><field var='muc#register_roomnick'><value>" nick "</value></field></x></query></iq>"

/* The id in the newest presence that somebody got. */
static void last_occupant_id(struct world *w, unsigned conn, char *ret, size_t n)
{
	const struct got *g = &w->logs[conn].got[w->logs[conn].tail - 1];
	const char *at = strstr(g->text, NS_OCCUPANT_ID "' id='");

	assert_non_null(at);
	at += strlen(NS_OCCUPANT_ID "' id='");
	snprintf(ret, n, "%.*s", (int)strcspn(at, "'"), at);
}

/* What was registered, what was asked for, and the ids of occupants are the same after the process was killed. */
static void test_registrations_stay(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1") FIELD("registration", "open")), bob, eve;
	char before[64], after[64];

	bob = enter(w, "bob@x.test/b", "tea@rooms.test/bob");
	last_occupant_id(w, alice, before, sizeof(before));
	say(w, bob, REGISTER("Bobby"));
	assert_non_null(nicknames_find(&tea(w)->reserved, STR("bob@x.test")));
	configure(w, alice, "tea@rooms.test", FIELD("registration", "approval"));
	eve = login(w, "eve@x.test/e");
	say(w, eve, REGISTER("Evening"));
	assert_int_not_equal(expect(w, eve, "type='result'")->commit, 0);
	world_restart(w);
	eve = enter(w, "eve@x.test/e", "tea@rooms.test/bobby");
	expect(w, eve, "<conflict");
	assert_string_equal(nicknames_find(&tea(w)->reserved, STR("bob@x.test"))->nick, "Bobby");
	assert_string_equal(nicknames_find(&tea(w)->requests, STR("eve@x.test"))->nick, "Evening");
	alice = enter(w, "alice@x.test/a", "tea@rooms.test/alice");
	expect(w, alice, "110");
	expect(w, alice, "<subject>");
	expect(w, alice, "Registration request", "Evening", "eve@x.test");
	enter(w, "bob@x.test/b", "tea@rooms.test/bob");
	last_occupant_id(w, alice, after, sizeof(after));
	assert_string_equal(before, after);
	/* The room goes, and all that was registered. */
	say(w, alice,
		"<iq type='set' id='d' to='tea@rooms.test'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_NICK_PUT), 0);
	world_free(w);
}

/* What a moderator took back is not there after a restart, either. */
static void test_retraction_stays(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1"));
	char xml[512];
	const char *id;

	say(w, alice, "<message type='groupchat' to='tea@rooms.test' id='m'><body>spam</body></message>");
	id = strstr(expect(w, alice, "<body>spam")->text, NS_STANZA_ID "' id='") + strlen(NS_STANZA_ID "' id='");
	snprintf(xml, sizeof(xml),
		"<iq type='set' id='r' to='tea@rooms.test'><moderate xmlns='" NS_MODERATE
		"' id='%.*s'><retract xmlns='" NS_RETRACT "'/></moderate></iq>",
		(int)strcspn(id, "'"), id);
	say(w, alice, xml);
	expect(w, alice, "<retract ", "<moderated ");
	assert_int_not_equal(expect(w, alice, "type='result'")->commit, 0);
	world_restart(w);
	alice = enter(w, "alice@x.test/a", "tea@rooms.test/alice");
	expect(w, alice, "110");
	expect(w, alice, "<retracted ", "id='m'", "<delay ", "!spam");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registrations_stay),
		cmocka_unit_test(test_retraction_stays),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_commits),
		cmocka_unit_test(test_no_more_persistent),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_invitation_and_eviction),
		cmocka_unit_test(test_invitation_and_restart),
		cmocka_unit_test(test_invitations_are_bounded),
		cmocka_unit_test(test_moved_and_restart),
		cmocka_unit_test(test_gone_and_restart),
		cmocka_unit_test(test_moved_and_made_anew),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_early_destroyed),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_silenced),
		cmocka_unit_test(test_silenced_registers),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_load_fails),
		cmocka_unit_test(test_odd_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
