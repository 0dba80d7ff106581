/* Talking, whispering, subjects, errors, invitations, requests between occupants. */
#include "room/testing.h"

#define TEA "tea@rooms.test"

static void test_all(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");
	unsigned all[] = {alice, bob};

	forget_all(w);
	say(w, bob,
		"<message type='groupchat' id='m&amp;1' to='" TEA
		"' xml:lang='en'><body>a &lt; b</body><thread>t</thread></message>");
	for (int i = 0; i < 2; i++) {
		const struct got *g =
			expect(w, all[i], "<message from='" TEA "/bob' id='m&amp;1' type='groupchat' xml:lang='en'>",
				"<body>a &lt; b</body><thread>t</thread>", "<stanza-id xmlns='urn:xmpp:sid:0' id='",
				"by='" TEA "'/>", "!<delay", "!to=");
		assert_true(g->fill);
		assert_false(g->volatile_);
		assert_int_equal(g->commit, 0);
	}
	/* No id: one is made, the same for all. */
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	const char *one = expect(w, alice, " id='")->text;
	assert_string_equal(one, expect(w, bob, " id='")->text);
	assert_null(strstr(one, " id=''"));
	/* Typing is for now. */
	say(w, bob, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_true(expect(w, alice, "<composing")->volatile_);
	assert_int_equal(tea(w)->history.n, 2);
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body><no-store xmlns='" NS_HINTS "'/></message>");
	assert_int_equal(tea(w)->history.n, 2);
	world_free(w);
}

static void test_forged(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");

	say(w, alice,
		"<message type='groupchat' id='f' to='" TEA "'>"
		"<stanza-id xmlns='urn:xmpp:sid:0' id='FORGED' by='" TEA "'/>"
		"<stanza-id xmlns='urn:xmpp:sid:0' id='FORGED' by='TEA@Rooms.Test'/>"
		"<stanza-id xmlns='urn:xmpp:sid:0' id='kept' by='other@x.test'/>"
		"<delay xmlns='urn:xmpp:delay' stamp='2000-01-01T00:00:00Z'>FORGED</delay>"
		"<delay xmlns='urn:xmpp:delay' from='" TEA "' stamp='2000-01-01T00:00:00Z'>FORGED</delay>"
		"<delay xmlns='urn:xmpp:delay' from='" TEA "/bob' stamp='2000-01-01T00:00:00Z'>FORGED</delay>"
		"<delay xmlns='urn:xmpp:delay' from='alice@x.test' stamp='2001-01-01T00:00:00Z'>kept2</delay>"
		"<x xmlns='" NS_MUC_USER "'><status code='172'/>FORGED</x>"
		"<p:x xmlns:p='" NS_MUC_USER "'>FORGED</p:x>"
		"<body>text</body></message>");
	expect(w, alice, "!FORGED", "<body>text</body>", "id='kept'", "kept2", "!<status", "by='" TEA "'");
	say(w, alice,
		"<message type='chat' to='" TEA "/alice'><x xmlns='" NS_MUC_USER
		"'><invite from='FORGED'/></x><body>x</body></message>");
	expect(w, alice, "!FORGED", "<x xmlns='" NS_MUC_USER "'/>");
	world_free(w);
}

static void test_not_in(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b");

	say(w, bob, "<message type='groupchat' id='1' to='" TEA "'><body>x</body></message>");
	expect(w, bob, "type='error'", "<not-acceptable", "id='1'");
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject>x</subject></message>");
	expect(w, bob, "<not-acceptable");
	say(w, bob, "<message type='chat' to='" TEA "/alice'><body>x</body></message>");
	expect(w, bob, "<not-acceptable");
	say(w, bob, "<message to='" TEA "'><body>x</body></message>");
	expect(w, bob, "<bad-request");
	say(w, alice, "<message type='groupchat' to='" TEA "/alice'><body>x</body></message>");
	expect(w, alice, "<bad-request");
	say(w, alice, "<message type='chat' to='" TEA "/nobody'><body>x</body></message>");
	expect(w, alice, "<item-not-found");
	say(w, alice, "<message type='chat' to='" TEA "'><body>x</body></message>");
	expect(w, alice, "<bad-request");
	expect_nothing(w, alice);
	/* Another session of somebody who is in is not in. */
	unsigned phone = login(w, "alice@x.test/phone");
	say(w, phone, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	expect(w, phone, "<not-acceptable");
	world_free(w);
}

static void test_private(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("allowpm", "participants")), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol;

	forget_all(w);
	say(w, bob, "<message type='chat' id='p' to='" TEA "/alice'><body>psst</body></message>");
	expect(w, alice, "<message from='" TEA "/bob' id='p' type='chat'>", "<body>psst</body>",
		"<x xmlns='" NS_MUC_USER "'/>", "!bob@x.test", "!stanza-id");
	expect_nothing(w, bob);
	say(w, bob, "<message to='" TEA "/alice'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_true(expect(w, alice, "<composing", "!type=")->volatile_);
	say(w, alice,
		"<message type='error' id='p' to='" TEA "/bob'><error type='cancel'><not-acceptable xmlns='" NS_STANZAS
		"'/></error></message>");
	expect(w, bob, "from='" TEA "/alice'", "type='error'", "<not-acceptable");
	configure(w, alice, TEA, FIELD("moderatedroom", "1"));
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	forget_all(w);
	say(w, carol, "<message type='chat' to='" TEA "/alice'><body>x</body></message>");
	expect(w, carol, "type='error'", "<forbidden");
	configure(w, alice, TEA, FIELD("allowpm", "moderators"));
	forget_all(w);
	say(w, bob, "<message type='chat' to='" TEA "/alice'><body>x</body></message>");
	expect(w, bob, "<forbidden");
	say(w, alice, "<message type='chat' to='" TEA "/bob'><body>x</body></message>");
	expect(w, bob, "<body>x");
	configure(w, alice, TEA, FIELD("allowpm", "none"));
	forget_all(w);
	say(w, alice, "<message type='chat' to='" TEA "/bob'><body>x</body></message>");
	expect(w, alice, "<forbidden");
	world_free(w);
}

static void test_subject(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), carol;

	forget_all(w);
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject>mine</subject></message>");
	expect(w, bob, "type='error'", "<forbidden");
	say(w, alice, "<message type='groupchat' id='s' to='" TEA "'><subject>Tea</subject></message>");
	expect(w, bob, "from='" TEA "/alice' id='s' type='groupchat'", "<subject>Tea</subject>", "<stanza-id");
	/* With a body, or a thread, it is a message. */
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject>s</subject><body>b</body></message>");
	expect(w, bob, "<body>b");
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject>s</subject><thread>b</thread></message>");
	expect(w, bob, "<thread>b");
	assert_string_equal(tea(w)->subject.text, "Tea");
	configure(w, alice, TEA, FIELD("changesubject", "1"));
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject/></message>");
	assert_null(tea(w)->subject.text);
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	bool seen = false;
	for (const struct got *g; (g = next(w, carol));)
		seen = seen || (strstr(g->text, "<subject></subject><delay") && strstr(g->text, "from='" TEA "/bob'"));
	assert_true(seen);
	world_free(w);
}

static void test_long_subject(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	struct buf xml = {.max = 65536};

	for (int extra = 0; extra < 2; extra++) {
		buf_reset(&xml);
		buf_z(&xml, "<message type='groupchat' to='" TEA "'><subject>");
		for (int i = 0; i < SUBJECT_MAX + extra; i++)
			buf_char(&xml, 'x');
		buf_z(&xml, "</subject></message>");
		say(w, alice, buf_cstr(&xml));
		if (extra)
			expect(w, alice, "type='error'", "<not-acceptable");
		else
			expect(w, alice, "<subject>xx");
		/* In pieces, too. */
		buf_reset(&xml);
		buf_z(&xml, "<message type='groupchat' to='" TEA "'><subject>a<b xmlns='q'/>");
		for (int i = 0; i < SUBJECT_MAX - 1 + extra; i++)
			buf_char(&xml, 'x');
		buf_z(&xml, "</subject></message>");
		say(w, alice, buf_cstr(&xml));
		if (extra)
			expect(w, alice, "type='error'", "<not-acceptable");
		else
			expect(w, alice, "<subject>a<b");
	}
	assert_int_equal(strlen(tea(w)->subject.text), SUBJECT_MAX);
	buf_clear(&xml);
	world_free(w);
}

/* Its language, and how its text is written in XML, do not count; texts in several languages do together. It is still there after
 * a restart. */
static void test_long_subject_with_language(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("persistentroom", "1"));
	struct buf xml = {.max = 65536};

	for (int extra = 1; extra >= 0; extra--) {
		buf_reset(&xml);
		buf_z(&xml, "<message type='groupchat' to='" TEA "'><subject xml:lang='de'>");
		for (int i = 0; i < SUBJECT_MAX - 1; i++)
			buf_z(&xml, "&amp;");
		buf_z(&xml, "</subject><subject xml:lang='en'>");
		for (int i = 0; i < 1 + extra; i++)
			buf_char(&xml, 'y');
		buf_z(&xml, "</subject></message>");
		say(w, alice, buf_cstr(&xml));
		expect(w, alice, extra ? "<not-acceptable" : "<subject xml:lang='en'>y</subject>");
	}
	world_restart(w);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	expect(w, alice, "110");
	expect(w, alice, "<subject xml:lang='de'>&amp;&amp;", "<subject xml:lang='en'>y</subject>");
	buf_clear(&xml);
	world_free(w);
}

static void test_moderated(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("moderatedroom", "1") FIELD("changesubject", "1")),
		 bob = enter(w, "bob@x.test/b", TEA "/bob");

	expect(w, bob, "/alice'");
	expect(w, bob, "role='visitor'", "110");
	forget_all(w);
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	expect(w, bob, "type='error'", "<forbidden");
	say(w, bob, "<message type='groupchat' to='" TEA "'><subject>x</subject></message>");
	expect(w, bob, "type='error'", "<forbidden");
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	forget_all(w);
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	expect(w, alice, "<body>x");
	world_free(w);
}

/* 13.6: what all others are told of is counted, whatever it is. */
static void test_owner_pace(void **state)
{
	static const char *const requests[] = {
		"<command xmlns='" NS_COMMANDS "' node='urn:xmpp:hats:commands:create'><x xmlns='" NS_DATA
		"' type='submit'>"
		"<field var='hats#title'><value>Hat</value></field>"
		"<field var='hats#uri'><value>urn:x:hat</value></field></x></command>",
		"<vCard xmlns='" NS_VCARD "'/>",
	};

	for (size_t k = 0; k < ARRAY_LEN(requests); k++) {
		struct world *w = world_new(NULL);
		unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), told = 0;
		const struct got *g;
		char xml[512];

		forget_all(w);
		snprintf(xml, sizeof(xml), "<iq type='set' id='p' to='" TEA "'>%s</iq>", requests[k]);
		for (unsigned i = 0; i < 2 * PACE_AHEAD / COST_MESSAGE; i++)
			say(w, alice, xml);
		while ((g = next(w, bob)))
			told += strstr(g->text, "code='104'") != NULL;
		assert_in_range(told, 10, PACE_AHEAD / COST_MESSAGE);
		world_free(w);
	}
}

/* 13.6: requests to others are counted; answers to them too, but apart: who is asked much is not silenced by it. */
static void test_request_pace(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"), n = 0;
	const struct got *g;
	char xml[512];

	forget_all(w);
	for (unsigned i = 0; i < 2 * PACE_AHEAD / COST_REQUEST; i++)
		say(w, bob, "<iq type='get' id='v' to='" TEA "/alice'><query xmlns='jabber:iq:version'/></iq>");
	while ((g = next(w, bob)))
		assert_non_null(strstr(g->text, "<policy-violation"));
	while ((g = next(w, alice))) {
		const char *id = strstr(g->text, " id='") + 5;

		n++;
		snprintf(xml, sizeof(xml), "<iq type='result' id='%.*s' to='" TEA "/bob'/>",
			(int)(strchr(id, '\'') - id), id);
		say(w, alice, xml);
		/* The same answer again and again. */
		for (int k = 0; k < 9; k++)
			say(w, alice, xml);
	}
	assert_true(n >= 1000 && n <= PACE_AHEAD / COST_REQUEST);
	for (n = 0; next(w, bob);)
		n++;
	assert_int_equal(n, PACE_AHEAD / COST_ANSWER);
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>still here</body></message>");
	expect(w, alice, "still here");
	world_free(w);
}

/* ---- invitations ---- */

#define INVITE(what) "<message id='i' to='" TEA "'><x xmlns='" NS_MUC_USER "'>" what "</x></message>"

static void test_invite(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("passwordprotectedroom", "1") FIELD("roomsecret", "s3&amp;cret")),
		 bob = login(w, "bob@x.test/b");

	say(w, alice,
		INVITE("<invite to='far@far.test'><reason>Come &amp; see</reason><continue thread='t1'/></invite><invite to='two@far.test/r'/>"));
	expect(w, 0, "<message from='" TEA "' to='far@far.test' id='",
		"<invite from='alice@x.test'><reason>Come &amp; see</reason><continue thread='t1'/></invite>",
		"<password>s3&amp;cret</password>",
		"<x xmlns='jabber:x:conference' jid='" TEA "' password='s3&amp;cret' reason='Come &amp; see'/>");
	expect(w, 0, "to='two@far.test/r'", "<invite from='alice@x.test'></invite>", "!reason", "!continue");
	expect_nothing(w, alice);
	say(w, bob, INVITE("<invite to='far@far.test'/>"));
	expect(w, bob, "<not-acceptable");
	say(w, alice, INVITE("<invite/>"));
	expect(w, alice, "<jid-malformed");
	say(w, alice, INVITE("<invite to='@'/>"));
	expect(w, alice, "<jid-malformed");
	say(w, alice, INVITE("<invite to='" TEA "'/>"));
	expect(w, alice, "<not-allowed");
	expect_nothing(w, 0);
	world_free(w);
}

/* Declining reaches who invited, by any of his addresses, once for each invitation, and nobody else. */
static void test_decline(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), eve = login(w, "eve@x.test/e");

	say(w, eve, INVITE("<decline to='alice@x.test'><reason>buy my wares</reason></decline>"));
	expect(w, eve, "<item-not-found");
	for (int i = 0; i < 2; i++)
		say(w, alice, INVITE("<invite to='bob@far.test/b'/>"));
	forget_all(w);
	say_far(w, "bob@far.test/b", INVITE("<decline to='alice@x.test'><reason>no</reason></decline>"));
	expect(w, alice, "<message from='" TEA "'", "<decline from='bob@far.test'><reason>no</reason></decline>");
	say_far(w, "bob@far.test/b", INVITE("<decline to='" TEA "/alice'/>"));
	expect(w, alice, "<decline from='bob@far.test'></decline>");
	say_far(w, "bob@far.test/b", INVITE("<decline to='alice@x.test'><reason>and another thing</reason></decline>"));
	expect(w, 0, "<item-not-found");
	say_far(w, "bob@far.test/b", INVITE("<decline to='victim@far.test'/>"));
	expect(w, 0, "<item-not-found");
	say_far(w, "bob@far.test/b", INVITE("<decline/>"));
	expect(w, 0, "<item-not-found");
	expect_nothing(w, alice);
	expect_nothing(w, 0);
	world_free(w);
}

static void test_invite_limit(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), n = 0;
	struct buf xml = {.max = 65536};

	buf_z(&xml, "<message to='" TEA "'><x xmlns='" NS_MUC_USER "'>");
	for (int i = 0; i < INVITES_MAX + 5; i++)
		buf_fmt(&xml, "<invite to='u%d@far.test'/>", i);
	buf_z(&xml, "</x></message>");
	say(w, alice, buf_cstr(&xml));
	expect(w, alice, "<not-acceptable");
	/* Nor is a part of a list sent that has something wrong at its end. */
	say(w, alice, INVITE("<invite to='u1@far.test'/><invite to='bob@host spam'/>"));
	expect(w, alice, "<jid-malformed");
	expect_nothing(w, 0);
	say(w, alice, INVITE("<invite to='u1@far.test'/><invite to='u2@far.test'/>"));
	while (next(w, 0))
		n++;
	assert_int_equal(n, 2);
	buf_clear(&xml);
	world_free(w);
}

/* Members are not made of a part of a list either; those who are made are told to the room. */
static void test_invite_members_together(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("membersonly", "1"));

	say(w, alice, INVITE("<invite to='bob@x.test'/><invite to='" TEA "'/>"));
	expect(w, alice, "<not-allowed");
	assert_int_equal(tea(w)->affiliates.map.n, 1);
	expect_nothing(w, alice);
	say(w, alice, INVITE("<invite to='bob@far.test'/><invite to='carol@far.test'/>"));
	expect(w, alice, "<message from='" TEA "'", "affiliation='member' jid='bob@far.test' role='none'");
	expect(w, alice, "<message from='" TEA "'", "affiliation='member' jid='carol@far.test' role='none'");
	expect(w, 0, "to='bob@far.test'", "<invite");
	expect(w, 0, "to='carol@far.test'", "<invite");
	expect_nothing(w, 0);
	assert_int_equal(tea(w)->affiliates.map.n, 3);
	world_free(w);
}

/* An error that says that an invitation did not arrive comes back once, however often it is said. */
static void test_invite_error_once(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	const char *id, *end;
	char xml[1024];

	say(w, alice, INVITE("<invite to='bob@far.test'/>"));
	id = strstr(next(w, 0)->text, " id='") + 5;
	end = strchr(id, '\'');
	snprintf(xml, sizeof(xml),
		"<message type='error' to='" TEA "' id='%.*s'><error type='cancel'><item-not-found xmlns='" NS_STANZAS
		"'/></error></message>",
		(int)(end - id), id);
	say_far(w, "bob@far.test", xml);
	expect(w, alice, "type='error'", "<item-not-found");
	say_far(w, "bob@far.test", xml);
	expect_nothing(w, alice);
	world_free(w);
}

static void test_invite_members(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("membersonly", "1")), bob, eve = enter(w, "eve@x.test/e", TEA "/eve");

	expect(w, eve, "<registration-required");
	say(w, alice, INVITE("<invite to='bob@far.test'/>"));
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("bob@far.test"))), AFFILIATION_MEMBER);
	/* Whom the invitation does not reach is no member by it, but stays one that he was before. */
	say(w, alice, INVITE("<invite to='nobody@x.test'/>"));
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("nobody@x.test"))), AFFILIATION_NONE);
	say(w, alice, ADMIN("<item affiliation='member' jid='bob@x.test'/>"));
	say(w, alice, INVITE("<invite to='bob@x.test'/>"));
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("bob@x.test"))), AFFILIATION_MEMBER);
	forget(w, 0);
	bob = enter(w, "bob@x.test/b", TEA "/bob");
	expect(w, bob, "/alice'");
	expect(w, bob, "affiliation='member'", "role='participant'");
	forget_all(w);
	say(w, bob, INVITE("<invite to='far@far.test'/>"));
	expect(w, bob, "<forbidden");
	configure(w, alice, TEA, FIELD("allowinvites", "1"));
	forget_all(w);
	say(w, bob, INVITE("<invite to='far@far.test'/>"));
	expect(w, 0, "<invite from='bob@x.test'>");
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("far@far.test"))), AFFILIATION_MEMBER);
	/* But nobody lifts a ban by inviting. */
	say(w, alice, ADMIN("<item affiliation='outcast' jid='eve@x.test'/>"));
	forget_all(w);
	say(w, bob, INVITE("<invite to='eve@x.test'/>"));
	expect(w, bob, "<not-allowed");
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("eve@x.test"))), AFFILIATION_OUTCAST);
	world_free(w);
}

/* ---- requests ---- */

static void sent_id(const char *text, char *ret, size_t size)
{
	const char *at = strstr(text, " id='");
	size_t n = strcspn(at + 5, "'");

	assert_true(n < size);
	memcpy(ret, at + 5, n);
	ret[n] = '\0';
}

static void test_request(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 eve = enter(w, "eve@x.test/e", TEA "/eve-1");
	char id[1024], xml[2048];

	forget_all(w);
	say(w, bob, "<iq type='get' id='my-1-id' to='" TEA "/alice'><query xmlns='" NS_VERSION "'/></iq>");
	sent_id(expect(w, alice, "<iq from='" TEA "/bob'", "type='get'", NS_VERSION, "!bob@x.test")->text, id,
		sizeof(id));
	/* A wrong one's answer, or one with another id, is nobody's. */
	snprintf(xml, sizeof(xml),
		"<iq type='result' id='%s' to='" TEA "/bob'><query xmlns='" NS_VERSION
		"'><name>evil</name></query></iq>",
		id);
	say(w, eve, xml);
	expect_nothing(w, bob);
	snprintf(xml, sizeof(xml), "<iq type='result' id='%sx' to='" TEA "/bob'/>", id);
	say(w, alice, xml);
	say(w, alice, "<iq type='result' id='' to='" TEA "/bob'/>");
	say(w, alice, "<iq type='result' id='0123456789abcdef-4000000000-x' to='" TEA "/bob'/>");
	say(w, alice, "<iq type='result' id='0123456789abcdef-3-x' to='" TEA "/bob'/>");
	say(w, alice, "<iq type='error' id='0123456789abcdef-' to='" TEA "/bob'/>");
	expect_nothing(w, bob);
	snprintf(xml, sizeof(xml),
		"<iq type='result' id='%s' to='" TEA "/bob'><query xmlns='" NS_VERSION
		"'><name>good</name></query></iq>",
		id);
	say(w, alice, xml);
	expect(w, bob, "<iq from='" TEA "/alice' id='my-1-id' type='result'>", "<name>good</name>", "!alice@x.test");
	/* Nicks with the separator in them, errors, and an asker with several sessions. */
	unsigned phone = enter(w, "bob@x.test/phone", TEA "/bob");
	forget_all(w);
	say(w, phone, "<iq type='set' id='9' to='" TEA "/eve-1'><q xmlns='q'/></iq>");
	sent_id(expect(w, eve, "from='" TEA "/bob'", "type='set'")->text, id, sizeof(id));
	snprintf(xml, sizeof(xml),
		"<iq type='error' id='%s' to='" TEA
		"/bob'><error type='cancel'><feature-not-implemented xmlns='" NS_STANZAS "'/></error></iq>",
		id);
	say(w, eve, xml);
	expect(w, phone, "from='" TEA "/eve-1' id='9' type='error'", "<feature-not-implemented");
	expect_nothing(w, bob);
	world_free(w);
}

static void test_request_refused(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b");

	say(w, bob, "<iq type='get' id='1' to='" TEA "/alice'><query xmlns='" NS_VERSION "'/></iq>");
	expect(w, bob, "<not-acceptable");
	say(w, bob, "<iq type='get' id='1' to='" TEA "/alice'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	expect(w, bob, "<bad-request");
	say(w, bob, "<iq type='get' id='1' to='" TEA "/bob'><ping xmlns='" NS_PING "'/></iq>");
	expect(w, bob, "<not-acceptable");
	say(w, alice, "<iq type='get' id='1' to='" TEA "/nobody'><query xmlns='" NS_VERSION "'/></iq>");
	expect(w, alice, "<item-not-found");
	say(w, alice, "<iq type='get' id='1' to='" TEA "/alice'/>");
	expect(w, alice, "<bad-request");
	/* XEP-0410 */
	say(w, alice, "<iq type='get' id='self' to='" TEA "/alice'><ping xmlns='" NS_PING "'/></iq>");
	expect(w, alice, "<iq from='" TEA "/alice'", "id='self' type='result'");
	expect_nothing(w, alice);
	world_free(w);
}

static void test_vcard(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	char id[1024], xml[2048];

	say_far(w, "zoe@far.test/z", "<presence to='" TEA "/zoe'>" MUC "</presence>");
	forget_all(w);
	say(w, alice, "<iq type='get' id='v' to='" TEA "/zoe'><vCard xmlns='" NS_VCARD "'/></iq>");
	sent_id(expect(w, 0, "from='" TEA "/alice'", "to='zoe@far.test'", "<vCard")->text, id, sizeof(id));
	snprintf(xml, sizeof(xml),
		"<iq type='result' id='%s' to='" TEA "/alice'><vCard xmlns='" NS_VCARD "'><FN>Z</FN></vCard></iq>", id);
	say_far(w, "zoe@far.test", xml);
	expect(w, alice, "from='" TEA "/zoe' id='v' type='result'", "<FN>Z</FN>");
	/* The room itself has none. */
	say(w, alice, "<iq type='get' id='v' to='" TEA "'><vCard xmlns='" NS_VCARD "'/></iq>");
	expect(w, alice, "type='error'", "<item-not-found");
	say(w, alice, "<iq type='get' id='v' to='" TEA "'><query xmlns='jabber:iq:unknown'/></iq>");
	expect(w, alice, "type='error'", "<service-unavailable");
	world_free(w);
}

/* What was sent to a session that died on the way comes back as an error, and says that it has gone. */
static void test_returned(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");
	struct user *u = w->users[bob];
	struct msg *lost;
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_GROUPCHAT,
		.from = STR(TEA "/alice"),
		.id = STR("gone")};
	struct packet_writer pw;
	struct packet *p;

	forget_all(w);
	u->mute = true;
	packet_begin(&pw, &head);
	buf_z(&pw.out, "<body>x</body>");
	p = packet_end(&pw);
	lost = msgs_add(&w->in);
	lost->kind = MSG_LOST;
	lost->conn = bob;
	lost->session = u->session.handle;
	packets_add(&lost->end.rest, &p);
	pump(w);
	expect(w, alice, "from='" TEA "/bob'", "type='unavailable'");
	expect_nothing(w, alice);
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_not_in),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_long_subject),
		cmocka_unit_test(test_long_subject_with_language),
		cmocka_unit_test(test_moderated),
		cmocka_unit_test(test_request_pace),
		cmocka_unit_test(test_owner_pace),
		cmocka_unit_test(test_invite),
		cmocka_unit_test(test_decline),
		cmocka_unit_test(test_invite_members_together),
		cmocka_unit_test(test_invite_error_once),
		cmocka_unit_test(test_invite_limit),
		cmocka_unit_test(test_invite_members),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_refused),
		cmocka_unit_test(test_vcard),
		cmocka_unit_test(test_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
