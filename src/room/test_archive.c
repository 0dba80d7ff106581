/* The archive of a room: what goes in, who may read it, what is found, and what is left of what was taken back. */
#include "room/archive.h"
#include "room/testing.h"

#define TEA "tea@rooms.test"
#define FORM(fields) \
	"<x xmlns='" NS_DATA "' type='submit'><field var='FORM_TYPE'><value>" NS_MAM "</value></field>" fields "</x>"
#define WITH(jid) FORM("<field var='with'><value>" jid "</value></field>")
#define QUERY(inside) "<iq type='set' id='q' to='" TEA "'><query xmlns='" NS_MAM "' queryid='f'>" inside "</query></iq>"
#define RSM(inside) "<set xmlns='" NS_RSM "'>" inside "</set>"

static const struct rooms_config with_archive = {.archive_max = 100, .history = 20};

static unsigned kept_tea(struct world *w) { return open_tea(w, FIELD("persistentroom", "1")); }

static void say_text(struct world *w, unsigned conn, const char *text)
{
	char xml[2048];

	snprintf(xml, sizeof(xml), "<message type='groupchat' to='" TEA "'>%s</message>", text);
	say(w, conn, xml);
}

static void id_of(const struct got *g, char *ret, size_t n)
{
	const char *at = strstr(strstr(g->text, "<stanza-id"), " id='") + 5;

	snprintf(ret, n, "%.*s", (int)strcspn(at, "'"), at);
}

/* One row a message, whatever it is; the id that all got is the one in the archive. */
static void test_rows(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");
	char id[64];

	forget_all(w);
	say_text(w, bob, "<body>one</body>");
	id_of(expect(w, alice, "<body>one", "<stanza-id"), id, sizeof(id));
	expect(w, bob, "<body>one", id);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	say_text(w, bob, "<composing xmlns='" NS_CHATSTATES "'/>");
	expect(w, alice, "<composing", "!<stanza-id");
	say_text(w, bob, "<body>x</body><no-store xmlns='" NS_HINTS "'/>");
	expect(w, alice, "<body>x", "!<stanza-id");
	say(w, bob, "<message type='chat' to='" TEA "/alice'><body>private</body></message>");
	expect(w, alice, "private", "!<stanza-id");
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	say_text(w, bob, "<reactions xmlns='urn:xmpp:reactions:0'/><store xmlns='" NS_HINTS "'/>");
	say_text(w, alice, "<subject>s</subject>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 3);
	expect(w, alice, "<reactions", "<stanza-id");
	expect(w, alice, "<subject>", "<stanza-id");
	forget_all(w);
	say(w, alice, QUERY(""));
	expect(w, alice, "<result xmlns='" NS_MAM "' queryid='f'", id, "from='" TEA "/bob'", "<body>one",
		"<x xmlns='" NS_MUC_USER "'><item jid='bob@x.test/b'/></x></message>");
	expect(w, alice, "<reactions");
	expect(w, alice, "<subject>s", "jid='alice@x.test/a'");
	expect(w, alice, "<fin", "complete='true'", "<count>3</count>");
	expect_nothing(w, alice);
	world_free(w);
}

/* What is not history is not shown to newcomers as such, before and after a restart. */
static void test_history(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob;

	say_text(w, alice, "<body>one</body>");
	say_text(w, alice, "<reactions xmlns='urn:xmpp:reactions:0'/><store xmlns='" NS_HINTS "'/>");
	say_text(w, alice, "<subject>s</subject>");
	for (int i = 0; i < 2; i++) {
		bob = enter(w, "bob@x.test/b", TEA "/bob");
		while (!strstr(expect(w, bob, "from='" TEA)->text, "110"))
			;
		expect(w, bob, "<body>one", "<delay");
		expect(w, bob, "<subject>s");
		expect_nothing(w, bob);
		world_restart(w);
	}
	world_free(w);
}

#define LIKED "<reactions xmlns='urn:xmpp:reactions:0'><reaction>+</reaction></reactions>"
#define READ "<displayed xmlns='" NS_MARKERS "' id='m'/><store xmlns='" NS_HINTS "'/>"

static void expect_one_and_two(struct world *w, const char *jid)
{
	unsigned carol;

	world_restart(w);
	carol = enter(w, jid, TEA "/carol");
	while (!strstr(expect(w, carol, "from='" TEA)->text, "110"))
		;
	expect(w, carol, "<body>one", "<delay");
	expect(w, carol, "<body>two", "<delay");
	expect(w, carol, "<subject");
	expect_nothing(w, carol);
}

/* What belongs to messages does not push them out: neither of the history, while there is an archive or after it was turned
 * off, nor of the store where there is none. That something was read is not even stored. */
static void test_no_crowding(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w);

	say_text(w, alice, "<body>one</body>");
	say_text(w, alice, "<body>two</body>");
	for (int i = 0; i < 60; i++) {
		say_text(w, alice, LIKED);
		say_text(w, alice, READ);
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 62);
	expect_one_and_two(w, "carol@x.test/c");
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	configure(w, alice, TEA, FIELD("enablearchiving", "0"));
	for (int i = 0; i < 200; i++) {
		say_text(w, alice, LIKED);
		sleep_ms(w, COST_MESSAGE);
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 62);
	expect_one_and_two(w, "carol@x.test/d");
	world_free(w);
}

static void ask(struct world *w, unsigned conn, const char *query, const char *want)
{
	forget_all(w);
	say(w, conn, query);
	expect(w, conn, want);
}

/* Who may enter may read, and nobody else. */
static void test_access(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob = login(w, "bob@x.test/b"), eve = login(w, "eve@x.test/e");

	say(w, alice, ADMIN("<item affiliation='outcast' jid='eve@x.test'/>"));
	ask(w, bob, QUERY(""), "<fin");
	ask(w, eve, QUERY(""), "<forbidden");
	ask(w, eve, "<iq type='get' id='f' to='" TEA "'><query xmlns='" NS_MAM "'/></iq>", "<forbidden");
	ask(w, eve, "<iq type='get' id='f' to='" TEA "'><metadata xmlns='" NS_MAM "'/></iq>", "<forbidden");
	configure(w, alice, TEA, FIELD("membersonly", "1"));
	ask(w, bob, QUERY(""), "<forbidden");
	say(w, alice, ADMIN("<item affiliation='member' jid='bob@x.test'/>"));
	ask(w, bob, QUERY(""), "<fin");
	configure(w, alice, TEA,
		FIELD("membersonly", "0") FIELD("passwordprotectedroom", "1") FIELD("roomsecret", "s"));
	/* A member could not enter without the password; in an open room everybody is one who registers. */
	ask(w, bob, QUERY(""), "<forbidden");
	say(w, alice, ADMIN("<item affiliation='none' jid='bob@x.test'/>"));
	configure(w, alice, TEA, FIELD("registration", "open"));
	ask(w, bob,
		"<iq type='set' id='r' to='" TEA "'><query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#register_roomnick'><value>bob</value></field></x></query></iq>",
		"type='result'");
	assert_int_equal(room_affiliation(tea(w), jid_view(STR("bob@x.test"))), AFFILIATION_MEMBER);
	ask(w, bob, QUERY(""), "<forbidden");
	ask(w, bob, "<iq type='get' id='f' to='" TEA "'><metadata xmlns='" NS_MAM "'/></iq>", "<forbidden");
	say(w, bob, "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><password>t</password></x></presence>");
	ask(w, bob, QUERY(""), "<forbidden");
	say(w, bob, "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><password>s</password></x></presence>");
	ask(w, bob, QUERY(""), "<fin");
	/* Turned off: as if there were none, and no more than the history is kept. */
	configure(w, alice, TEA, FIELD("enablearchiving", "0"));
	ask(w, alice, QUERY(""), "<service-unavailable");
	ask(w, alice, "<iq type='get' id='f' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>", "!" NS_MAM);
	world_free(w);
}

/* Real addresses are for those who may know them, in answers and in questions. */
static void test_senders(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say_text(w, alice, "<body>one</body>");
	ask(w, bob, QUERY(""), "!alice@x.test");
	ask(w, bob, QUERY(WITH("alice@x.test")), "<forbidden");
	ask(w, bob, QUERY(WITH(TEA "/alice")), "<body>one");
	ask(w, alice, QUERY(WITH("alice@x.test")), "alice@x.test/a");
	world_free(w);
}

/* What was said while addresses were hidden is not shown with them because they are not hidden any more; nor is it found by
 * them. In the store, in memory, and after a restart. */
static void test_senders_then(void **state)
{
	static const char *const kinds[] = {FIELD("persistentroom", "1"), ""};

	for (int i = 0; i < 2; i++) {
		struct world *w = world_new(&with_archive);
		unsigned alice = open_tea(w, kinds[i]), bob = enter(w, "bob@x.test/b", TEA "/bob");

		say_text(w, alice, "<body>one</body>");
		configure(w, alice, TEA, FIELD("whois", "anyone"));
		say_text(w, alice, "<body>two</body>");
		ask(w, bob, QUERY(""), "!alice@x.test");
		expect(w, bob, "<body>two", "<item jid='alice@x.test/a'/>");
		ask(w, alice, QUERY(""), "<item jid='alice@x.test/a'/>");
		forget_all(w);
		say(w, bob, QUERY(WITH("alice@x.test")));
		if (i == 0) /* only the real store filters */
			expect(w, bob, "<body>one");
		expect(w, bob, "<body>two");
		expect(w, bob, "<fin");
		configure(w, alice, TEA, FIELD("whois", "moderators"));
		ask(w, bob, QUERY(""), "!alice@x.test");
		expect(w, bob, "<body>two", "!alice@x.test");
		ask(w, bob, QUERY(WITH("alice@x.test")), "<forbidden");
		world_free(w);
	}
}

/* The history that is loaded knows it too, when the room stops being persistent and is asked. */
static void test_senders_after_restart(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w);

	configure(w, alice, TEA, FIELD("whois", "anyone"));
	say_text(w, alice, "<body>one</body>");
	world_restart(w);
	enter(w, "bob@x.test/b", TEA "/bob");
	assert_int_equal(tea(w)->history.n, 1);
	assert_true(history_newest(&tea(w)->history, 0)->open);
	world_free(w);
}

/* Those who say they are somebody else are cut: only the room says who it was. */
static void test_forged(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say_text(w, bob,
		"<body>one</body><x xmlns='" NS_MUC_USER "'><item jid='eve@x.test'/></x><stanza-id xmlns='" NS_STANZA_ID
		"' id='4' by='" TEA "'/>");
	forget_all(w);
	say(w, alice, QUERY(""));
	expect(w, alice, "<body>one", "!eve@x.test", "!id='4'", "jid='bob@x.test/b'");
	world_free(w);
}

/* A temporary room answers from its memory, with all that a page can be asked for. */
static void test_temporary(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");
	char ids[5][64], xml[1024];

	forget_all(w);
	for (int i = 0; i < 5; i++) {
		snprintf(xml, sizeof(xml), "<body>text %d</body>", i);
		say_text(w, i % 2 ? bob : alice, xml);
		id_of(expect(w, alice, "<body>text"), ids[i], sizeof(ids[i]));
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 0);
	forget_all(w);
	say(w, alice, QUERY(RSM("<max>2</max>")));
	expect(w, alice, "text 0", "jid='alice@x.test/a'");
	expect(w, alice, "text 1");
	expect(w, alice, "<fin", "!complete", "<count>5</count>", ids[0], ids[1]);
	say(w, alice, QUERY(RSM("<max>2</max><before/>")));
	expect(w, alice, "text 3");
	expect(w, alice, "text 4");
	expect(w, alice, "<fin", ids[3]);
	snprintf(xml, sizeof(xml), QUERY("<flip-page/>" RSM("<max>2</max><after>%s</after>")), ids[0]);
	say(w, alice, xml);
	expect(w, alice, "text 2");
	expect(w, alice, "text 1");
	expect(w, alice, "<fin", "<first>");
	say(w, alice, QUERY(WITH(TEA "/bob")));
	expect(w, alice, "text 1");
	expect(w, alice, "text 3");
	expect(w, alice, "<fin", "complete='true'", "<count>2</count>");
	snprintf(xml, sizeof(xml), QUERY(FORM("<field var='ids'><value>%s</value><value>%s</value></field>")), ids[4],
		ids[2]);
	say(w, alice, xml);
	expect(w, alice, "text 2");
	expect(w, alice, "text 4");
	expect(w, alice, "<fin");
	snprintf(xml, sizeof(xml), QUERY(FORM("<field var='after-id'><value>%s</value></field>")), ids[3]);
	say(w, alice, xml);
	expect(w, alice, "text 4");
	expect(w, alice, "<fin");
	ask(w, alice, QUERY(RSM("<after>7</after>")), "<item-not-found");
	ask(w, alice, QUERY(RSM("<max>0</max>")), "<count>5</count>");
	ask(w, alice, "<iq type='get' id='m' to='" TEA "'><metadata xmlns='" NS_MAM "'/></iq>", ids[4]);
	world_free(w);
}

static void retract(struct world *w, unsigned conn, int64_t id)
{
	char xml[256];

	snprintf(xml, sizeof(xml), "<retract xmlns='" NS_RETRACT "' id='%lld'/>", (long long)id);
	say_text(w, conn, xml);
}

static void moderate(struct world *w, unsigned conn, int64_t id)
{
	char xml[512];

	snprintf(xml, sizeof(xml),
		"<iq type='set' id='m' to='" TEA "'><moderate xmlns='" NS_MODERATE
		"' id='%lld'><retract xmlns='" NS_RETRACT "'/></moderate></iq>",
		(long long)id);
	say(w, conn, xml);
}

/* What was taken back is gone from history, archive and store; that something was said, when and by whom, stays. */
static void test_retract(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.archive_max = 100, .history = 2});
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");
	int64_t ids[4];
	char xml[256];

	forget_all(w);
	for (int i = 0; i < 4; i++) {
		snprintf(xml, sizeof(xml), "<body>text %d</body>", i);
		say_text(w, bob, xml);
		id_of(expect(w, alice, "<body>text"), xml, sizeof(xml));
		ids[i] = room_archive_id(str_z(xml));
	}
	retract(w, alice, ids[0]); /* not hers: in the store */
	expect(w, alice, "<forbidden");
	retract(w, bob, ids[1]);
	assert_int_not_equal(expect(w, alice, "<retract ", "<stanza-id")->commit, 0); /* else it could come again */
	retract(w, alice, ids[2]);                                                    /* not hers: in memory */
	expect(w, alice, "<forbidden");
	moderate(w, alice, ids[3]);
	expect(w, alice, "<retract ", "<moderated");
	expect(w, alice, "type='result'");
	moderate(w, alice, ids[0] - 1); /* nothing was ever said under these */
	expect(w, alice, "<item-not-found");
	moderate(w, alice, 4711);
	expect(w, alice, "<item-not-found");
	retract(w, bob, 4711); /* perhaps others still have it: it is not for the room to say */
	expect(w, alice, "<retract ");
	expect_nothing(w, alice);
	assert_int_equal(w->writes[STORE_ARCHIVE_REPLACE], 2);
	forget_all(w);
	say(w, alice, QUERY(""));
	expect(w, alice, "text 0");
	expect(w, alice, "<retracted", "!text 1", "from='" TEA "/bob'", "<stanza-id", "jid='bob@x.test/b'");
	expect(w, alice, "text 2");
	expect(w, alice, "<retracted", "!text 3");
	expect(w, alice, "<retract ", "from='" TEA "/bob'");
	expect(w, alice, "<retract ", "<moderated");
	expect(w, alice, "<retract ", "id='4711'");
	expect(w, alice, "<fin");
	unsigned carol = enter(w, "carol@x.test/c", TEA "/carol");
	while (!strstr(expect(w, carol, "from='" TEA)->text, "110"))
		;
	expect(w, carol, "text 2");
	expect(w, carol, "<retracted", "!text 3", "<delay");
	world_free(w);
}

/* Who takes back something of his own must not name another's message beside it, in whatever form. */
static void test_retract_one(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w), bob = enter(w, "bob@x.test/b", TEA "/bob");
	int64_t ids[2];
	char xml[1024];

	forget_all(w);
	for (int i = 0; i < 2; i++) {
		say_text(w, i ? bob : alice, "<body>text</body>");
		id_of(expect(w, alice, "<body>text"), xml, sizeof(xml));
		ids[i] = room_archive_id(str_z(xml));
	}
	for (int form = 0; form < 4; form++) {
		CLEANUP(buf_clear) struct buf text = {.max = 1024};

		buf_z(&text, "<apply-to xmlns='" NS_FASTEN "' id='1'><x xmlns='q'/></apply-to>"); /* names none */
		for (int i = 0; i < 2; i++) {
			snprintf(xml, sizeof(xml), "%lld", (long long)ids[1 - i]);
			buf_z(&text,
				(i ? form / 2 : form % 2) ? "<apply-to xmlns='" NS_FASTEN "' id='"
							  : "<retract xmlns='" NS_RETRACT "' id='");
			buf_z(&text, xml);
			buf_z(&text,
				(i ? form / 2 : form % 2) ? "'><retract xmlns='" NS_RETRACT_0 "'/></apply-to>" : "'/>");
		}
		forget_all(w);
		say_text(w, bob, buf_cstr(&text));
		expect(w, bob, "<bad-request");
		expect_nothing(w, alice);
	}
	assert_int_equal(w->writes[STORE_ARCHIVE_REPLACE], 0);
	snprintf(xml, sizeof(xml),
		"<retract xmlns='" NS_RETRACT "' id='%lld'/><apply-to xmlns='" NS_FASTEN
		"' id='%lld'><retract xmlns='" NS_RETRACT_0 "'/></apply-to>",
		(long long)ids[1], (long long)ids[1]);
	say_text(w, bob, xml);
	expect(w, alice, "<retract ", "<apply-to");
	assert_int_equal(w->writes[STORE_ARCHIVE_REPLACE], 1);
	world_free(w);
}

/* Where only the store knows whose it was, what else he says stays behind it; and a moderator takes it back there. */
static void test_retract_in_store(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.archive_max = 100, .history = 1, .logs = true});
	unsigned alice = open_tea(w, FIELD("persistentroom", "1") FIELD("enablelogging", "1")),
		 bob = enter(w, "bob@x.test/b", TEA "/bob");
	int64_t ids[3];
	char xml[256];

	forget_all(w);
	for (int i = 0; i < 3; i++) {
		snprintf(xml, sizeof(xml), "<body>text %d</body>", i);
		say_text(w, bob, xml);
		id_of(expect(w, alice, "<body>text"), xml, sizeof(xml));
		ids[i] = room_archive_id(str_z(xml));
	}
	/* Whatever he says of storing: what it does is stored before anybody hears it. */
	snprintf(xml, sizeof(xml),
		"<message type='groupchat' to='" TEA "'><retract xmlns='" NS_RETRACT
		"' id='%lld'/><no-store xmlns='" NS_HINTS "'/></message>",
		(long long)ids[0]);
	put(w, bob, xml);
	put(w, bob, "<message type='groupchat' to='" TEA "'><body>and then</body></message>");
	pump(w);
	assert_int_not_equal(expect(w, alice, "<retract ", "!<stanza-id")->commit, 0);
	expect(w, alice, "and then");
	moderate(w, alice, ids[1]);
	expect(w, alice, "<retract ", "<moderated");
	expect(w, alice, "type='result'");
	assert_int_equal(w->writes[STORE_ARCHIVE_REPLACE], 2);
	assert_int_equal(w->writes[STORE_ROOM_UNLOG], 2);
	/* Nobody knows whose it is while the store fails, and nobody waits for ever. */
	w->store_error = ERR_IO;
	retract(w, bob, ids[0]);
	w->store_error = 0;
	say_text(w, alice, "<body>on</body>");
	expect(w, alice, "<body>on");
	/* The room ends meanwhile: it is answered. */
	forget_all(w);
	w->store_silent = true;
	moderate(w, alice, ids[0]);
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	w->store_silent = false;
	store_wake(w);
	pump(w);
	while (!strstr(expect(w, alice, TEA)->text, "id='m'"))
		;
	world_free(w);
}

/* What was said is not pushed out by reactions to it. */
static void test_reactions(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.archive_max = 30, .history = 5, .no_limits = true});
	unsigned alice = kept_tea(w), said = 0;

	for (int i = 0; i < 30; i++)
		say_text(w, alice, "<body>x</body>");
	for (int i = 0; i < 300; i++)
		say_text(w, alice,
			i % 2 ? "<reactions id='x' xmlns='urn:xmpp:reactions:0'><reaction>+</reaction></reactions>"
			      : "<reactions id='x' xmlns='urn:xmpp:reactions:0'><reaction>+</reaction></reactions>"
				"<store xmlns='" NS_HINTS "'/>"); /* as XEP-0444 wants it */
	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, NULL, 0)
		said += memmem(r->v[5].s.p, r->v[5].s.n, "<body>", 6) != NULL;
	assert_int_equal(said, 30);
	/* With a text it is a message like others. */
	say_text(w, alice,
		"<reactions id='x' xmlns='urn:xmpp:reactions:0'><reaction>+</reaction></reactions><body>+</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_LIGHT), 300);
	world_free(w);
}

/* Too many, too old. */
static void test_limits(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.archive_max = 30, .archive_days = 7, .history = 5});
	unsigned alice = kept_tea(w);

	for (int i = 0; i < 300; i++) {
		say_text(w, alice, "<body>x</body>");
		assert_true(test_rows_count(&w->rows, STORE_ARCHIVE_ADD) <= 30 + 64);
	}
	assert_true(test_rows_count(&w->rows, STORE_ARCHIVE_ADD) >= 30);
	w->now += (int64_t)6 * 86400000;
	pump(w);
	assert_true(test_rows_count(&w->rows, STORE_ARCHIVE_ADD) >= 30);
	say_text(w, alice, "<body>y</body>");
	w->now += (int64_t)2 * 86400000;
	pump(w);
	assert_int_equal(test_rows_count(&w->rows, STORE_ARCHIVE_ADD), 1);
	/* Nor are they shown. */
	forget_all(w);
	unsigned bob = enter(w, "bob@x.test/b", TEA "/bob");
	while (!strstr(expect(w, bob, "from='" TEA)->text, "110"))
		;
	expect(w, bob, "<body>y");
	expect(w, bob, "<subject");
	world_free(w);
}

/* While the store fails nothing is said that would not be kept. */
static void test_failing(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w);

	store_fails(w, true);
	say_text(w, alice, "<reactions xmlns='urn:xmpp:reactions:0'/><store xmlns='" NS_HINTS "'/>");
	expect(w, alice, "<resource-constraint");
	say_text(w, alice, "<composing xmlns='" NS_CHATSTATES "'/>");
	expect(w, alice, "<composing");
	store_fails(w, false);
	w->store_error = ERR_IO;
	ask(w, alice, QUERY(""), "<resource-constraint");
	w->store_error = 0;
	world_free(w);
}

/* From another host there is no session to answer to. */
static void test_far(void **state)
{
	struct world *w = world_new(&with_archive);
	unsigned alice = kept_tea(w);
	struct stanza *s;

	say_text(w, alice, "<body>one</body>");
	forget_all(w);
	assert_int_equal(stanza_parse(STR("<iq from='far@far.test/x' to='" TEA
					  "' type='set' id='q'><query xmlns='" NS_MAM "'/></iq>"),
				 &s),
		0);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	core_send(w->core, &s);
	core_end(w->core);
	turn_out(w);
	pump(w);
	expect(w, 0, "<body>one", "to='far@far.test/x'");
	expect(w, 0, "<fin", "to='far@far.test/x'");
	world_free(w);
}

/* ---- the public log ---- */

static void expect_logged(const struct world *w, unsigned i, const char *nick, const char *did, const char *text)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_LOG, NULL, 0) {
		if (i-- > 0)
			continue;
		assert_true(str_eq(r->v[3].s, str_z(nick)));
		assert_true(str_eq(r->v[4].s, str_z(did)));
		assert_true(str_eq(r->v[5].s, str_z(text)));
		return;
	}
	fail_msg("there is no such line");
}

static void test_log(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true, .history = 5});
	unsigned alice = open_tea(w, FIELD("enablelogging", "1")), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say_text(w, bob, "<body>one</body>");
	say_text(w, bob, "<body>hush</body><no-store xmlns='" NS_HINTS "'/>");
	say(w, bob, "<message type='chat' to='" TEA "/alice'><body>private</body></message>");
	say(w, bob, "<presence to='" TEA "/rob'/>");
	say_text(w, alice, "<subject>News</subject>");
	say(w, alice, ADMIN("<item nick='rob' role='none'><reason>enough</reason></item>"));
	join(w, bob, TEA "/bob");
	say(w, bob, "<presence type='unavailable' to='" TEA "/bob'/>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_LOG), 7);
	expect_logged(w, 0, "bob", "came in", NULL);
	expect_logged(w, 1, "bob", NULL, "one");
	expect_logged(w, 2, "bob", "is now called", "rob");
	expect_logged(w, 3, "alice", "changed the subject to", "News");
	expect_logged(w, 4, "rob", "was put out", "enough");
	expect_logged(w, 6, "bob", "left", NULL);
	/* Turned off, and while nothing can be stored, not a line; and a temporary room's messages wait for nothing. */
	configure(w, alice, TEA, FIELD("enablelogging", "0"));
	forget_all(w);
	say_text(w, alice, "<body>two</body>");
	assert_int_equal(expect(w, alice, "two")->commit, 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_LOG), 7);
	world_free(w);
}

static void expect_line_said(const struct world *w, const char *nick, const char *did, bool wanted)
{
	bool found = false;

	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_LOG, NULL, 0)
		found = found || (str_is(r->v[3].s, nick) && str_is(r->v[4].s, did));
	if (found != wanted)
		fail_msg("%s %s: %s", nick, did, found ? "is in the log" : "is not in the log");
}

/* Who may do more, or less, than before; those who are away have no nickname to be called by, and their address is nobody's
 * business. */
static void test_log_of_rights(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true});
	unsigned alice = open_tea(w, FIELD("enablelogging", "1") FIELD("moderatedroom", "1"));

	enter(w, "bob@x.test/b", TEA "/bob");
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	say(w, alice, ADMIN("<item nick='bob' role='moderator'/>"));
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	say(w, alice, ADMIN("<item jid='bob@x.test' affiliation='member'/>"));
	say(w, alice, ADMIN("<item jid='bob@x.test' affiliation='owner'/>"));
	say(w, alice, ADMIN("<item jid='bob@x.test' affiliation='none'/>"));
	say(w, alice, ADMIN("<item jid='carol@x.test' affiliation='member'/>"));
	expect_line_said(w, "bob", "has voice now", true);
	expect_line_said(w, "bob", "is a moderator now", true);
	expect_line_said(w, "bob", "is no moderator any more", true);
	expect_line_said(w, "bob", "has no voice any more", true);
	expect_line_said(w, "bob", "is a member now", true);
	expect_line_said(w, "bob", "is an owner now", true);
	expect_line_said(w, "bob", "is in no list of the room any more", true);
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_LOG, NULL, 0)
		for (int i = 3; i < 6; i++)
			assert_true(!r->v[i].s.n || !memmem(r->v[i].s.p, r->v[i].s.n, "x.test", 6));
	world_free(w);
}

/* Where a change of the room gives voice to all, that is no line each. */
static void test_log_of_all(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true});
	unsigned alice = open_tea(w, FIELD("enablelogging", "1") FIELD("moderatedroom", "1")),
		 bob = enter(w, "bob@x.test/b", TEA "/bob");

	forget_all(w);
	configure(w, alice, TEA, FIELD("moderatedroom", "0"));
	expect(w, bob, "role='participant'");
	expect_line_said(w, "bob", "has voice now", false);
	world_free(w);
}

/* What it is called and about, once before the lines of a day. */
static void test_log_days(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true, .logs_days = 7});
	unsigned alice = open_tea(w, FIELD("enablelogging", "1") FIELD("roomname", "Tea"));

	say_text(w, alice, "<subject>News</subject>");
	say_text(w, alice, "<body>one</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_LOG_DAY), 1);
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_LOG_DAY, NULL, 0)
		assert_true(str_is(r->v[3].s, "Tea"));
	for (int i = 0; i < 25; i++)
		sleep_ms(w, 3600000);
	say_text(w, alice, "<body>two</body>");
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_LOG_DAY), 2);
	assert_in_range(test_rows_count(&w->rows, STORE_ROOM_LOG_EXPIRE), 1, 100000);
	world_free(w);
}

/* The administrator keeps public logs to himself: others do not turn them on, only off. And where they are is said of those that
 * are. */
static void test_log_by_admins(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true,
		.only_admins_log = true,
		.logs_url = "https://x.test/logs",
		.admins = test_admins});
	unsigned alice = open_tea(w, ""), root = login(w, "root@x.test/r");

	forget_all(w);
	say(w, alice,
		"<iq type='set' id='c' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'>" FIELD("enablelogging", "1") "</x></query></iq>");
	expect(w, alice, "<not-allowed");
	say(w, alice, "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, alice, "type='result'", "!roominfo_logs");
	configure(w, root, TEA, FIELD("enablelogging", "1"));
	forget_all(w);
	say(w, alice, "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, alice,
		"<field var='muc#roominfo_logs' type='text-single'><value>https://x.test/logs/tea@rooms.test/</value></field>");
	/* What is on can stay on, and its owner can turn it off. */
	configure(w, alice, TEA, FIELD("enablelogging", "1") FIELD("roomname", "T"));
	assert_true(tea(w)->config.logging);
	configure(w, alice, TEA, FIELD("enablelogging", "0"));
	assert_false(tea(w)->config.logging);
	run(w, "room config " TEA " enablelogging 1");
	assert_true(tea(w)->config.logging);
	xfree(TAKE(w->reply));
	world_free(w);
}

/* Who is not shown to others in the room is not shown to the world either. */
static void test_log_of_hidden(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.logs = true});
	unsigned alice = open_tea(w,
			 FIELD("enablelogging", "1") FIELD("moderatedroom", "1")
				 FIELD("presencebroadcast", "moderator")),
		 bob;

	bob = enter(w, "bob@x.test/b", TEA "/bob");
	say(w, bob, "<presence to='" TEA "/rob'/>");
	say(w, alice, ADMIN("<item nick='rob' role='none'/>"));
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_LOG, NULL, 0)
		assert_false(str_is(r->v[3].s, "bob") || str_is(r->v[3].s, "rob"));
	world_free(w);
}

/* Many pages asked for at once are made some in a turn: another room's messages go in between. */
static void test_fair_pages(void **state)
{
	enum { SAID = 40, ASKED = 60 };
	static char body[8192];
	struct world *w = world_new(&(struct rooms_config){.archive_max = 1000});
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")), bob = login(w, "bob@x.test/b");
	struct buf xml = {.max = 1 << 16};

	join(w, bob, "quiet@rooms.test/bob");
	configure(w, bob, "quiet@rooms.test", "");
	memset(body, 'y', sizeof(body) - 1);
	buf_fmt(&xml, "<message type='groupchat' to='" TEA "'><body>%s</body></message>", body);
	for (int i = 0; i < SAID; i++)
		say(w, alice, buf_cstr(&xml));
	forget_all(w);
	for (int i = 0; i < ASKED; i++)
		put(w, alice, "<iq type='set' id='q' to='" TEA "'><query xmlns='" NS_MAM "'/></iq>");
	turn(w);
	put(w, bob, "<message type='groupchat' to='quiet@rooms.test'><body>psst</body></message>");
	turn(w);
	turn(w);
	expect(w, bob, "psst");
	assert_in_range(w->logs[alice].tail - w->logs[alice].head, 1, 5 * (SAID + 1));
	pump(w);
	assert_int_equal(w->logs[alice].tail - w->logs[alice].head, ASKED * (SAID + 1));
	buf_clear(&xml);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fair_pages),
		cmocka_unit_test(test_log_of_hidden),
		cmocka_unit_test(test_log_of_rights),
		cmocka_unit_test(test_log_of_all),
		cmocka_unit_test(test_log_days),
		cmocka_unit_test(test_log_by_admins),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_no_crowding),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_senders_then),
		cmocka_unit_test(test_senders_after_restart),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_retract),
		cmocka_unit_test(test_retract_in_store),
		cmocka_unit_test(test_retract_one),
		cmocka_unit_test(test_reactions),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
