/* Configuration: the fields, the form, what each one means; the end of a room; discovery; the commands. */
#include "room/testing.h"

#define TEA "tea@rooms.test"

/* ---- the table ---- */

static struct xerr submit(struct room_config *c, const char *fields)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 1 << 20};
	struct stanza *s;
	struct xerr e;

	buf_fmt(&xml, "<message><x xmlns='" NS_DATA "' type='submit'>%s</x></message>", fields);
	assert_int_equal(stanza_parse(buf_view(&xml), &s), 0);
	e = room_config_submit(c, &s->tree, stanza_payload(s));
	stanza_free(&s);
	return e;
}

static void test_text(void **state)
{
	struct room_config c, other;
	struct buf text = {.max = CONFIG_TEXT_MAX}, again = {.max = CONFIG_TEXT_MAX};

	room_config_init(&c);
	assert_true(xerr_ok(submit(&c,
		FIELD("roomname", "&amp;") FIELD("roomdesc", "A=b\\n\\\n c") FIELD("maxusers", "17")
			FIELD("persistentroom", "true") FIELD("whois", "anyone") FIELD("allowpm", "none")
				FIELD("publicroom", "0") FIELD("passwordprotectedroom", "1")
					FIELD("roomsecret", "\\") "<field var='unknown'><value>x</value></field>")));
	room_config_text(&c, &text);
	room_config_init(&other);
	room_config_parse(&other, buf_view(&text));
	assert_int_equal(room_config_diff(&c, &other), 0);
	assert_string_equal(other.name, "&");
	assert_string_equal(other.description, "A=b\\n\\\n c");
	assert_string_equal(other.secret, "\\");
	assert_int_equal(other.max_users, 17);
	assert_true(other.persistent);
	assert_false(other.public_);
	assert_int_equal(other.whois, WHOIS_ANYONE);
	assert_int_equal(other.allow_pm, PM_NONE);
	room_config_text(&other, &again);
	assert_true(str_eq(buf_view(&text), buf_view(&again)));
	/* What another version wrote, or nobody, does no harm. */
	room_config_parse(&other, STR("new_key=1\nwhois=martians\npersistent\n=\nmax_users=x\n\n\\=\\\nname=\\"));
	assert_string_equal(other.name, "\\");
	/* What an earlier version took is shown without what is not let in any more. */
	room_config_parse(&other,
		STR("name=t\xe2\x80\xae"
		    "ea\\n!\ndescription=a\\nb\xe2\x81\xa7\n"));
	assert_string_equal(other.name, "tea!");
	assert_string_equal(other.description, "a\nb");
	room_config_parse(&other, STR("name=\\\\\n"));
	other.name[0] = 'x';
	room_config_parse(&other, STR_NONE);
	assert_int_equal(other.max_users, 17);
	room_config_clear(&c);
	room_config_clear(&other);
	buf_clear(&text);
	buf_clear(&again);
}

/* Who may invite follows from members-only, until somebody says so: then it is as he said. A form that comes back as it was shown
 * says nothing. */
static void test_invites(void **state)
{
	static const struct {
		const char *stored, *first, *second;
		bool allowed;
	} table[] = {
		{"", "", "", true},
		{"", FIELD("membersonly", "1"), "", false},
		{"", FIELD("membersonly", "1") FIELD("allowinvites", "1"), "", false}, /* the whole form */
		{"", FIELD("allowinvites", "1") FIELD("membersonly", "1"), FIELD("allowinvites", "1"), true},
		{"", FIELD("allowinvites", "0"), FIELD("membersonly", "1"), false},
		{"", FIELD("allowinvites", "0") FIELD("membersonly", "1"), FIELD("membersonly", "0"), false},
		{"", FIELD("membersonly", "1") FIELD("allowinvites", "1"),
			FIELD("membersonly", "0") FIELD("allowinvites", "0"), true},
		/* Of earlier versions. */
		{"members_only=1\ninvites=1\n", "", FIELD("membersonly", "1") FIELD("allowinvites", "1"), true},
		{"members_only=1\ninvites=0\n", "", FIELD("membersonly", "0"), true},
		{"members_only=0\ninvites=0\n", "", FIELD("membersonly", "1"), false},
		{"members_only=0\ninvites=1\n", FIELD("membersonly", "1"), "", false},
		{"members_only=1\n", "", "", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf text = {.max = CONFIG_TEXT_MAX};
		struct room_config c, again;

		room_config_init(&c);
		room_config_parse(&c, str_z(table[i].stored));
		assert_true(xerr_ok(submit(&c, table[i].first)));
		room_config_text(&c, &text);
		room_config_init(&again);
		room_config_parse(&again, buf_view(&text));
		assert_int_equal(room_config_diff(&c, &again), 0);
		assert_true(xerr_ok(submit(&again, table[i].second)));
		if (again.allow_invites != table[i].allowed)
			fail_msg("line %u: may invite: %d", (unsigned)i, again.allow_invites);
		room_config_clear(&c);
		room_config_clear(&again);
		buf_clear(&text);
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *field;
		bool fine;
	} cases[] = {
		{FIELD("persistentroom", "1"), true},
		{FIELD("persistentroom", "false"), true},
		{FIELD("persistentroom", "yes"), false},
		{FIELD("persistentroom", ""), true}, /* as slixmpp says it */
		{FIELD("whois", "moderators"), true},
		{FIELD("whois", "none"), false},
		{FIELD("maxusers", "none"), true},
		{FIELD("maxusers", ""), true},
		{FIELD("maxusers", "4294967295"), true},
		{FIELD("maxusers", "4294967296"), false},
		{FIELD("maxusers", "-1"), false},
		{FIELD("passwordprotectedroom", "1"), false},
		{FIELD("roomname", ""), true},
		{"<field/>", true},
		{"<field var='muc#roomconfig_roomname'/>", true},
		{"<field var='FORM_TYPE'><value>wrong</value></field>", false},
		{"<field var='FORM_TYPE'><value>" NS_MUC_ROOMCONFIG "</value></field>", true},
		{"", true},
		{"text", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct room_config c;
		room_config_init(&c);
		if (xerr_ok(submit(&c, cases[i].field)) != cases[i].fine)
			fail_msg("case %zu: %s", i, cases[i].field);
		room_config_clear(&c);
	}
}

/* No value that is accepted is too long to be stored. */
static void test_longest(void **state)
{
	static const struct {
		const char *var;
		int max;
	} texts[] = {{"roomname", 128}, {"roomdesc", 1024}, {"roomsecret", 256}};
	struct room_config c, other;
	struct buf xml = {.max = 1 << 20}, text = {.max = CONFIG_TEXT_MAX};

	room_config_init(&c);
	room_config_init(&other);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (int extra = 1; extra >= 0; extra--) {
			buf_reset(&xml);
			buf_fmt(&xml, "<field var='muc#roomconfig_%s'><value>", texts[i].var);
			for (int k = 0; k < texts[i].max + extra; k++)
				buf_char(&xml, '\\');
			buf_z(&xml, "</value></field>");
			assert_int_equal(xerr_ok(submit(&c, buf_cstr(&xml))), !extra);
		}
	room_config_text(&c, &text);
	assert_true(buf_ok(&text));
	room_config_parse(&other, buf_view(&text));
	assert_int_equal(room_config_diff(&c, &other), 0);
	room_config_clear(&c);
	room_config_clear(&other);
	buf_clear(&xml);
	buf_clear(&text);
}

/* ---- the form ---- */

static void test_form(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("roomname", "Tea &amp; cake") FIELD("maxusers", "33")),
		 bob = enter(w, "bob@x.test/b", TEA "/bob");

	forget_all(w);
	say(w, alice, "<iq type='get' id='f' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'/></iq>");
	expect(w, alice, "type='result'", "<x xmlns='jabber:x:data' type='form'>",
		"<value>" NS_MUC_ROOMCONFIG "</value>",
		"<field var='muc#roomconfig_roomname' type='text-single' label='Name'><value>Tea &amp; cake</value></field>",
		"<field var='muc#roomconfig_persistentroom' type='boolean'",
		"<field var='muc#roomconfig_roomsecret' type='text-private'", "type='list-single'",
		"<option label='33'><value>33</value></option>",
		"<option label='Anyone'><value>anyone</value></option>");
	say(w, bob, "<iq type='get' id='f' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'/></iq>");
	expect(w, bob, "<forbidden");
	configure(w, bob, TEA, FIELD("roomname", "Mine"));
	expect(w, bob, "<forbidden");
	say(w, bob, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	expect(w, bob, "<forbidden");
	configure(w, alice, TEA, FIELD("passwordprotectedroom", "1") FIELD("roomname", "Changed"));
	expect(w, alice, "type='error'", "<not-acceptable");
	assert_string_equal(tea(w)->config.name, "Tea & cake");
	say(w, alice, "<iq type='set' id='e' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'/></iq>");
	expect(w, alice, "<bad-request");
	say(w, alice,
		"<iq type='set' id='e' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='form'/></query></iq>");
	expect(w, alice, "<bad-request");
	/* Cancelling a change changes nothing. */
	say(w, alice,
		"<iq type='set' id='e' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='cancel'/></query></iq>");
	expect(w, alice, "type='result'");
	assert_non_null(tea(w));
	/* Nor does sending what is there already. */
	configure(w, alice, TEA, FIELD("maxusers", "33"));
	expect(w, alice, "type='result'");
	expect_nothing(w, bob);
	configure(w, alice, TEA, FIELD("maxusers", "34"));
	expect(w, bob, "<message from='" TEA "'", "type='groupchat'", "<status code='104'/>");
	world_free(w);
}

static void test_password(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("passwordprotectedroom", "1") FIELD("roomsecret", "s&amp;t")),
		 bob = login(w, "bob@x.test/b");

	join(w, bob, TEA "/bob");
	expect(w, bob, "type='error'", "<not-authorized");
	say(w, bob, "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><password>wrong</password></x></presence>");
	expect(w, bob, "type='error'", "<not-authorized");
	say(w, bob, "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><password/></x></presence>");
	expect(w, bob, "type='error'", "<not-authorized");
	say(w, bob, "<presence to='" TEA "/bob'><x xmlns='" NS_MUC "'><password>s&amp;t</password></x></presence>");
	expect(w, bob, "!type='error'");
	assert_int_equal(room_count(tea(w)), 2);
	forget(w, alice);
	world_free(w);
}

static void test_whois(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), carol;

	forget_all(w);
	configure(w, alice, TEA, FIELD("whois", "anyone"));
	expect(w, bob, "<status code='172'/>");
	expect_nothing(w, bob);
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	for (int i = 0; i < 2; i++)
		expect(w, carol, "<presence", "jid=");
	expect(w, carol, "from='" TEA "/carol'", "100", "110", "jid='carol@x.test/c'");
	expect(w, bob, "jid='carol@x.test/c'");
	configure(w, alice, TEA, FIELD("whois", "moderators"));
	expect(w, bob, "<status code='173'/>");
	forget_all(w);
	say(w, carol, "<presence to='" TEA "/carol'><show>dnd</show></presence>");
	expect(w, bob, "dnd", "!jid=");
	expect(w, alice, "dnd", "jid=");
	world_free(w);
}

static void test_members_only(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	say(w, alice, ADMIN("<item affiliation='member' jid='carol@x.test'/>"));
	forget_all(w);
	configure(w, alice, TEA, FIELD("membersonly", "1"));
	expect(w, bob, "type='unavailable'", "322", "110");
	expect(w, carol, "from='" TEA "/bob'", "type='unavailable'", "322");
	expect(w, carol, "<status code='104'/>");
	expect_nothing(w, bob);
	assert_int_equal(room_count(tea(w)), 2);
	world_free(w);
}

static void test_destroy(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1")), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, alice, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	forget_all(w);
	say(w, alice,
		"<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy jid='@'/></query></iq>");
	expect(w, alice, "<jid-malformed");
	say(w, alice,
		"<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER
		"'><destroy jid='coffee@rooms.test'><reason>Cold &lt;tea&gt;</reason><password>p</password></destroy></query></iq>");
	expect(w, bob, "from='" TEA "/bob'", "type='unavailable'", "<item affiliation='none' role='none'/>",
		"<destroy jid='coffee@rooms.test'><password>p</password><reason>Cold &lt;tea&gt;</reason></destroy>");
	expect_nothing(w, bob);
	expect(w, alice, "from='" TEA "/alice'", "<destroy");
	assert_int_not_equal(expect(w, alice, "id='d' type='result'")->commit, 0);
	assert_null(tea(w));
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT) + test_rows_count(&w->rows, STORE_ARCHIVE_ADD) +
			test_rows_count(&w->rows, STORE_AFFILIATION_PUT),
		0);
	/* For a day it is told where the room is now; then the name is free. */
	join(w, bob, TEA "/bob");
	expect(w, bob, "type='error'", "<gone xmlns='" NS_STANZAS "'>xmpp:coffee@rooms.test?join</gone>");
	sleep_ms(w, 25 * 60 * 60 * 1000);
	join(w, bob, TEA "/bob");
	expect(w, bob, "201", "affiliation='owner'");
	world_free(w);
}

/* ---- discovery ---- */

#define INFO(to) "<iq type='get' id='i' to='" to "'><query xmlns='" NS_DISCO_INFO "'/></iq>"

static void test_info(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("roomname", "Tea") FIELD("roomdesc", "Hot") FIELD("membersonly", "1")),
		 bob = login(w, "bob@x.test/b");

	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>Secrets</subject></message>");
	forget_all(w);
	say(w, bob, INFO("rooms.test"));
	expect(w, bob, "<identity category='conference' type='text' name=", "<feature var='" NS_MUC "'/>",
		"<feature var='" NS_DISCO_INFO "'/>", "<feature var='http://jabber.org/protocol/rsm'/>", "!muc_open");
	say(w, bob, INFO(TEA));
	expect(w, bob, "name='Tea'", "<feature var='" NS_MUC "'/>", "muc#stable_id", "self-ping-optimization",
		"'urn:xmpp:sid:0'", "muc_membersonly", "muc_public", "muc_temporary", "muc_semianonymous",
		"muc_unmoderated", "muc_unsecured",
		"<field var='muc#roominfo_description' type='text-single'><value>Hot</value>",
		"<field var='muc#roominfo_occupants' type='text-single'><value>1</value>", "!Secrets");
	say(w, alice, INFO(TEA));
	expect(w, alice, "<value>Secrets</value>");
	say(w, bob,
		"<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "' node='x-roomuser-item'/></iq>");
	expect(w, bob, "type='result'", "node='x-roomuser-item'></query>");
	say(w, bob,
		"<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "' node='" NS_MUC "#traffic'/></iq>");
	expect(w, bob, "<service-unavailable");
	say(w, bob, "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "' node='x'/></iq>");
	expect(w, bob, "<item-not-found");
	say(w, bob, "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_ITEMS "'/></iq>");
	expect(w, bob, "type='result'", "<query xmlns='" NS_DISCO_ITEMS "'></query>");
	say(w, bob, "<iq type='get' id='i' to='" TEA "'><ping xmlns='" NS_PING "'/></iq>");
	expect(w, bob, "type='result'");
	say(w, bob, "<iq type='get' id='i' to='rooms.test'><ping xmlns='" NS_PING "'/></iq>");
	expect(w, bob, "type='result'");
	say(w, bob, "<message to='rooms.test'><body>x</body></message>");
	expect(w, bob, "<service-unavailable");
	say(w, bob, "<iq type='get' id='i' to='rooms.test/r'><ping xmlns='" NS_PING "'/></iq>");
	expect(w, bob, "<service-unavailable");
	world_free(w);
}

#define ITEMS(set) "<iq type='get' id='i' to='rooms.test'><query xmlns='" NS_DISCO_ITEMS "'>" set "</query></iq>"
#define SET(what) ITEMS("<set xmlns='http://jabber.org/protocol/rsm'>" what "</set>")

static void test_items(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = login(w, "alice@x.test/a");
	static const char *const fields[] = {FIELD("roomname", "A"), FIELD("publicroom", "0"),
		FIELD("persistentroom", "1"), FIELD("persistentroom", "1") FIELD("publicroom", "0"), ""};
	char room[64], address[128];

	say(w, alice, ITEMS(""));
	expect(w, alice, "<query xmlns='" NS_DISCO_ITEMS "'></query>");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		snprintf(room, sizeof(room), "r%zu@rooms.test", i);
		snprintf(address, sizeof(address), "%s/alice", room);
		join(w, alice, address);
		configure(w, alice, room, fields[i]);
	}
	join(w, alice, "locked@rooms.test/alice");
	forget_all(w);
	say(w, alice, ITEMS(""));
	expect(w, alice,
		"'><item jid='r0@rooms.test' name='A'/><item jid='r2@rooms.test' name='r2'/><item jid='r4@rooms.test' name='r4'/></query>");
	say(w, alice, SET("<max>2</max>"));
	expect(w, alice, "r0@", "r2@", "!<item jid='r4",
		"<first index='0'>r0@rooms.test</first><last>r2@rooms.test</last><count>3</count>");
	say(w, alice, SET("<max>2</max><after>r2@rooms.test</after>"));
	expect(w, alice, "'><item jid='r4@rooms.test' name='r4'/><set", "<first index='2'>", "<count>3</count>");
	say(w, alice, SET("<max>1</max><before/>"));
	expect(w, alice, "'><item jid='r4@rooms.test'", "<first index='2'>");
	say(w, alice, SET("<max>1</max><before>r4@rooms.test</before>"));
	expect(w, alice, "'><item jid='r2@rooms.test'", "<first index='1'>");
	say(w, alice, SET("<max>0</max>"));
	expect(w, alice, "'><set xmlns='http://jabber.org/protocol/rsm'><count>3</count></set>");
	say(w, alice, SET("<max>-3</max><after>@</after><before>r0@rooms.test</before>"));
	expect(w, alice, "<count>3</count>", "!<item");
	say(w, alice, SET("<after>zzz@rooms.test</after>"));
	expect(w, alice, "<count>3</count>", "!<item");
	world_free(w);
}

/* ---- commands ---- */

static void test_cmd(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("roomname", "T\\\"a") FIELD("persistentroom", "1"));

	join(w, alice, "attic@rooms.test/alice");
	run(w, "room list");
	assert_false(w->reply_failed);
	assert_string_equal(w->reply,
		"attic@rooms.test\t1\ttemporary\tpublic\t2027-01-15\talice@x.test\t\ntea@rooms.test\t1\tpersistent\tpublic\t2027-01-15\talice@x.test\tT\\\"a\n");
	run(w, "room list --json");
	assert_string_equal(w->reply,
		"[\n"
		"  {\"room\": \"attic@rooms.test\", \"name\": \"\", \"occupants\": 1, \"persistent\": false, \"public\": true, "
		"\"owners\": [\"alice@x.test\"], \"owner_count\": 1, \"active\": \"2027-01-15\"},\n"
		"  {\"room\": \"tea@rooms.test\", \"name\": \"T\\\\\\\"a\", \"occupants\": 1, \"persistent\": true, \"public\": true, "
		"\"owners\": [\"alice@x.test\"], \"owner_count\": 1, \"active\": \"2027-01-15\"}\n]\n");
	run(w, "room list --all");
	assert_true(w->reply_failed);
	run(w, "room destroy nowhere@rooms.test");
	assert_true(w->reply_failed);
	run(w, "room destroy rooms.test");
	assert_true(w->reply_failed);
	run(w, "room destroy @");
	assert_true(w->reply_failed);
	run(w, "room destroy tea@far.test");
	assert_true(w->reply_failed);
	run(w, "room create tea@x.test alice@x.test");
	assert_true(w->reply_failed);
	assert_non_null(strstr(w->reply, "tea@x.test: this server has no rooms there: they are at rooms.DOMAIN"));
	forget_all(w);
	run(w, "room destroy Attic@rooms.test");
	assert_false(w->reply_failed);
	expect(w, alice, "type='unavailable'", "<destroy><reason>");
	/* One that is not in memory. */
	logout(w, alice, false);
	sleep_ms(w, 2 * IDLE_MS);
	assert_null(tea(w));
	run(w, "room list");
	assert_non_null(strstr(w->reply, "tea@rooms.test\t0\tpersistent"));
	run(w, "room destroy tea@rooms.test");
	assert_false(w->reply_failed);
	assert_int_equal(test_rows_count(&w->rows, STORE_ROOM_PUT), 0);
	run(w, "room list --json");
	assert_string_equal(w->reply, "[]\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_invites),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_whois),
		cmocka_unit_test(test_members_only),
		cmocka_unit_test(test_destroy),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_cmd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
