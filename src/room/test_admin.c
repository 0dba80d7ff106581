/* Roles and affiliations: the tables, the requests, what follows from them. */
#include "room/change.h"
#include "room/hats.h"
#include "room/testing.h"

#define TEA "tea@rooms.test"
#define LIST(item) "<iq type='get' id='list' to='" TEA "'><query xmlns='" NS_MUC_ADMIN "'>" item "</query></iq>"
#define LIST_HATS \
	"<iq type='set' id='hats' to='" TEA "'><command xmlns='" NS_COMMANDS \
	"' node='urn:xmpp:hats:commands:list-assigned'/></iq>"

/* ---- the tables ---- */

static void test_initial(void **state)
{
	assert_int_equal(role_initial(AFFILIATION_NONE, false), ROLE_PARTICIPANT);
	assert_int_equal(role_initial(AFFILIATION_NONE, true), ROLE_VISITOR);
	assert_int_equal(role_initial(AFFILIATION_MEMBER, true), ROLE_PARTICIPANT);
	assert_int_equal(role_initial(AFFILIATION_ADMIN, false), ROLE_MODERATOR);
	assert_int_equal(role_initial(AFFILIATION_OWNER, true), ROLE_MODERATOR);
	assert_int_equal(role_initial(AFFILIATION_OUTCAST, false), ROLE_NONE);
	/* Made a moderator in person, he stays one; an admin who is none any more does not. */
	assert_int_equal(role_after(ROLE_MODERATOR, AFFILIATION_NONE, AFFILIATION_MEMBER, false), ROLE_MODERATOR);
	assert_int_equal(role_after(ROLE_MODERATOR, AFFILIATION_ADMIN, AFFILIATION_MEMBER, false), ROLE_PARTICIPANT);
	assert_int_equal(role_after(ROLE_VISITOR, AFFILIATION_NONE, AFFILIATION_MEMBER, true), ROLE_PARTICIPANT);
	assert_int_equal(role_after(ROLE_MODERATOR, AFFILIATION_NONE, AFFILIATION_OUTCAST, false), ROLE_NONE);
}

/* XEP-0045 5.1.1 and 5.2.1, one line each. */
static void test_privileges(void **state)
{
	static const struct {
		enum privilege p;
		int least_role, least_affiliation; /* 9: by the other one */
	} table[] = {
		{MAY_CHANGE_NICK, ROLE_PARTICIPANT, 9},
		{MAY_CHANGE_STATUS, ROLE_PARTICIPANT, 9},
		{MAY_REQUEST_VOICE, 9, 9},
		{MAY_SPEAK_FAST, ROLE_MODERATOR, 9},
		{MAY_APPROVE_VOICE, ROLE_MODERATOR, 9},
		{MAY_RETRACT, ROLE_MODERATOR, 9},
		{MAY_SEE_ALL, ROLE_MODERATOR, 9},
		{MAY_APPROVE_MEMBERS, 9, AFFILIATION_ADMIN},
		{MAY_SEND_PRIVATE, ROLE_VISITOR, 9},
		{MAY_SPEAK, ROLE_PARTICIPANT, 9},
		{MAY_INVITE, ROLE_MODERATOR, AFFILIATION_ADMIN},
		{MAY_SET_SUBJECT, ROLE_MODERATOR, 9},
		{MAY_CHANGE_ROLES, ROLE_MODERATOR, 9},
		{MAY_SEE_JIDS, ROLE_MODERATOR, 9},
		{MAY_ENTER_MEMBERS_ONLY, 9, AFFILIATION_MEMBER},
		{MAY_CHANGE_AFFILIATIONS, 9, AFFILIATION_ADMIN},
		{MAY_CONFIGURE, 9, AFFILIATION_OWNER},
		{MAY_DESTROY, 9, AFFILIATION_OWNER},
		{MAY_ENTER_FULL, 9, AFFILIATION_ADMIN},
		{MAY_INVITE_MEMBERS, 9, AFFILIATION_ADMIN},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (int r = 0; r < ROLE_COUNT; r++)
			for (int a = 0; a < AFFILIATION_COUNT; a++)
				assert_int_equal(may(table[i].p, (enum role)r, (enum affiliation)a),
					r >= table[i].least_role || a >= table[i].least_affiliation);
	for (int a = 0; a < AFFILIATION_COUNT; a++)
		assert_int_equal(may(MAY_ENTER, ROLE_NONE, (enum affiliation)a), a != AFFILIATION_OUTCAST);
}

/* The asterisks of 5.1.1: what an option gives to whom, and takes from nobody else. */
static void test_options(void **state)
{
	static const struct {
		enum privilege p;
		const char *line;
		enum role role;
		bool may;
	} table[] = {
		{MAY_CHANGE_NICK, "visitor_nick=1", ROLE_VISITOR, true},
		{MAY_CHANGE_NICK, "visitor_nick=0", ROLE_VISITOR, false},
		{MAY_CHANGE_NICK, "visitor_nick=0", ROLE_PARTICIPANT, true},
		{MAY_CHANGE_STATUS, "visitor_status=1", ROLE_VISITOR, true},
		{MAY_CHANGE_STATUS, "visitor_status=0", ROLE_VISITOR, false},
		{MAY_SET_SUBJECT, "change_subject=0", ROLE_PARTICIPANT, false},
		{MAY_SET_SUBJECT, "change_subject=1", ROLE_PARTICIPANT, true},
		{MAY_SET_SUBJECT, "change_subject=1", ROLE_VISITOR, false},
		{MAY_SET_SUBJECT, "change_subject=0", ROLE_MODERATOR, true},
		{MAY_INVITE, "invites=0", ROLE_PARTICIPANT, false},
		{MAY_INVITE, "invites=1", ROLE_VISITOR, true},
		{MAY_INVITE_MEMBERS, "invites=0", ROLE_MODERATOR, false},
		{MAY_INVITE_MEMBERS, "invites=1", ROLE_VISITOR, true},
		{MAY_INVITE_MEMBERS, "invites=1", ROLE_NONE, false},
		{MAY_REQUEST_VOICE, "voice_requests=1", ROLE_VISITOR, true},
		{MAY_REQUEST_VOICE, "voice_requests=1", ROLE_PARTICIPANT, false},
		{MAY_REQUEST_VOICE, "voice_requests=0", ROLE_VISITOR, false},
		{MAY_SEND_PRIVATE, "allow_pm=anyone", ROLE_VISITOR, true},
		{MAY_SEND_PRIVATE, "allow_pm=participants", ROLE_VISITOR, false},
		{MAY_SEND_PRIVATE, "allow_pm=participants", ROLE_PARTICIPANT, true},
		{MAY_SEND_PRIVATE, "allow_pm=moderators", ROLE_PARTICIPANT, false},
		{MAY_SEND_PRIVATE, "allow_pm=moderators", ROLE_MODERATOR, true},
		{MAY_SEND_PRIVATE, "allow_pm=none", ROLE_MODERATOR, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct room_config c;

		room_config_init(&c);
		assert_true(room_config_line(&c, str_z(table[i].line)));
		if (may_here(&c, table[i].p, table[i].role, AFFILIATION_NONE) != table[i].may)
			fail_msg("%s, role %d", table[i].line, (int)table[i].role);
		room_config_clear(&c);
	}
}

static void test_role_rules(void **state)
{
	enum { N = AFFILIATION_NONE, ME = AFFILIATION_MEMBER, AD = AFFILIATION_ADMIN, OW = AFFILIATION_OWNER };
	enum { V = ROLE_VISITOR, P = ROLE_PARTICIPANT, M = ROLE_MODERATOR, X = ROLE_NONE };
	static const struct {
		int actor_role, actor, role, affiliation, to;
		enum xerr_cond error;
	} cases[] = {
		{P, OW, V, N, P, XERR_FORBIDDEN},
		{X, OW, V, N, P, XERR_FORBIDDEN},
		{M, N, V, N, P, XERR_NONE},
		{M, N, P, N, V, XERR_NONE},
		{M, ME, P, ME, V, XERR_NOT_ALLOWED},
		{M, ME, P, N, V, XERR_NONE},
		{M, N, P, ME, V, XERR_NOT_ALLOWED},
		{M, OW, M, AD, V, XERR_NOT_ALLOWED},
		{M, OW, M, OW, P, XERR_NOT_ALLOWED},
		{M, N, P, N, X, XERR_NONE},
		{M, N, P, ME, X, XERR_NOT_ALLOWED},
		{M, ME, P, ME, X, XERR_NONE},
		{M, ME, M, AD, X, XERR_NOT_ALLOWED},
		{M, AD, M, OW, X, XERR_NOT_ALLOWED},
		{M, OW, M, AD, X, XERR_NONE},
		{M, AD, M, AD, X, XERR_NONE},
		{M, N, M, N, X, XERR_NOT_ALLOWED},
		{M, N, P, N, M, XERR_FORBIDDEN},
		{M, ME, V, N, M, XERR_FORBIDDEN},
		{M, AD, P, N, M, XERR_NONE},
		{M, AD, M, N, P, XERR_NONE},
		{M, AD, M, ME, V, XERR_NONE},
		{M, ME, M, N, P, XERR_NOT_ALLOWED},
		{M, AD, M, AD, P, XERR_NOT_ALLOWED},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct party actor = {(enum role)cases[i].actor_role, (enum affiliation)cases[i].actor};
		struct party target = {(enum role)cases[i].role, (enum affiliation)cases[i].affiliation};
		struct xerr e = role_change_check(actor, target, (enum role)cases[i].to);
		if (e.cond != cases[i].error)
			fail_msg("case %zu: %d", i, (int)e.cond);
	}
}

static void test_affiliation_rules(void **state)
{
	for (int actor = 0; actor < AFFILIATION_COUNT; actor++)
		for (int from = 0; from < AFFILIATION_COUNT; from++)
			for (int to = 0; to < AFFILIATION_COUNT; to++) {
				struct xerr e = affiliation_change_check((enum affiliation)actor,
					(enum affiliation)from, (enum affiliation)to);
				bool high = from >= AFFILIATION_ADMIN || to >= AFFILIATION_ADMIN;
				bool fine = actor == AFFILIATION_OWNER || (actor == AFFILIATION_ADMIN && !high);
				assert_int_equal(xerr_ok(e), fine);
			}
	assert_int_equal(affiliation_change_check(AFFILIATION_ADMIN, AFFILIATION_OWNER, AFFILIATION_OUTCAST).cond,
		XERR_NOT_ALLOWED);
	assert_int_equal(affiliation_change_check(AFFILIATION_ADMIN, AFFILIATION_NONE, AFFILIATION_OWNER).cond,
		XERR_FORBIDDEN);
	assert_int_equal(affiliation_change_check(AFFILIATION_MEMBER, AFFILIATION_NONE, AFFILIATION_MEMBER).cond,
		XERR_FORBIDDEN);
}

static void test_affiliates(void **state)
{
	struct affiliates as;
	char jid[64], reason[REASON_MAX + 8];

	affiliates_init(&as);
	assert_int_equal(affiliates_set(&as, STR("a@x"), AFFILIATION_OWNER, STR("r")), 0);
	assert_int_equal(affiliates_set(&as, STR("x"), AFFILIATION_OUTCAST, STR_NONE), 0);
	assert_int_equal(as.owners, 1);
	assert_int_equal(affiliates_get(&as, jid_view(STR("a@x/r"))), AFFILIATION_OWNER);
	assert_int_equal(affiliates_get(&as, jid_view(STR("b@x/r"))), AFFILIATION_OUTCAST); /* by the domain */
	assert_int_equal(affiliates_get(&as, jid_view(STR("b@y/r"))), AFFILIATION_NONE);
	assert_int_equal(
		affiliates_set(&as, affiliate_jid(affiliates_find(&as, STR("a@x"))), AFFILIATION_MEMBER, STR_NONE), 0);
	assert_int_equal(as.owners, 0);
	/* A reason is cut between characters. */
	memset(reason, 'x', sizeof(reason));
	memcpy(reason + REASON_MAX - 1, "\xc3\xa4", 2);
	affiliates_set(&as, STR("c@x"), AFFILIATION_OUTCAST, (struct str){reason, sizeof(reason)});
	assert_int_equal(strlen(affiliates_find(&as, STR("c@x"))->reason), REASON_MAX - 1);
	for (int i = 0; as.map.n < AFFILIATES_MAX; i++) {
		snprintf(jid, sizeof(jid), "u%d@x", i);
		assert_int_equal(affiliates_set(&as, str_z(jid), AFFILIATION_MEMBER, STR_NONE), 0);
	}
	assert_int_equal(affiliates_set(&as, STR("one@more"), AFFILIATION_MEMBER, STR_NONE), ERR_LIMIT);
	assert_int_equal(affiliates_set(&as, STR("u1@x"), AFFILIATION_OWNER, STR_NONE), 0);
	assert_int_equal(affiliates_set(&as, STR("one@more"), AFFILIATION_NONE, STR_NONE), 0);
	affiliates_clear(&as);
}

/* ---- roles ---- */

static void test_kick(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, carol, ADMIN("<item nick='bob' role='none'/>"));
	expect(w, carol, "type='error'", "<forbidden");
	say(w, alice, ADMIN("<item nick='bob' role='none'><reason>Noise &amp; rage</reason></item>"));
	expect(w, bob, "from='" TEA "/bob'", "type='unavailable'", "role='none'",
		"<actor nick='alice'/><reason>Noise &amp; rage</reason>", "110", "307");
	expect(w, carol, "from='" TEA "/bob'", "type='unavailable'", "307", "<reason>Noise", "!110", "!jid=");
	expect(w, alice, "from='" TEA "/bob'", "307", "jid='bob@x.test/b'");
	expect(w, alice, "id='adm' type='result'");
	expect_nothing(w, bob);
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	expect(w, bob, "<not-acceptable");
	join(w, bob, TEA "/bob");
	expect(w, bob, "!type='error'");
	say(w, alice, ADMIN("<item nick='nobody' role='none'/>"));
	forget(w, alice);
	/* Oneself, too. */
	say(w, alice, ADMIN("<item nick='alice' role='none'/>"));
	expect(w, alice, "type='unavailable'", "<actor nick='alice'/>", "307");
	expect(w, alice, "type='result'");
	world_free(w);
}

static void test_voice(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	expect(w, bob, "role='visitor'", "110", "<actor nick='alice'/>");
	expect(w, carol, "from='" TEA "/bob'", "role='visitor'", "!110");
	say(w, bob, "<message type='groupchat' to='" TEA "'><body>x</body></message>");
	expect(w, bob, "<forbidden");
	forget_all(w);
	/* A new moderator sees the addresses. */
	say(w, alice, ADMIN("<item nick='bob' role='moderator'/>"));
	expect(w, bob, "from='" TEA "/bob'", "role='moderator'", "110");
	const struct got *one = next(w, bob), *other = next(w, bob);
	assert_true(one && other && strstr(one->text, "jid=") && strstr(other->text, "jid="));
	expect_nothing(w, bob);
	assert_int_equal(tea(w)->audience.moderators, 2);
	unsigned dave = enter(w, "dave@x.test/d", TEA "/dave");
	expect(w, bob, "jid='dave@x.test/d'");
	forget_all(w);
	/* He may not touch the owner, nor make moderators; his own status can be taken back. */
	say(w, bob, ADMIN("<item nick='alice' role='participant'/>"));
	expect(w, bob, "<not-allowed");
	say(w, bob, ADMIN("<item nick='alice' role='none'/>"));
	expect(w, bob, "<not-allowed");
	say(w, bob, ADMIN("<item nick='dave' role='moderator'/>"));
	expect(w, bob, "<forbidden");
	say(w, bob, ADMIN("<item nick='dave' role='none'/>"));
	expect(w, bob, "from='" TEA "/dave'", "307");
	expect(w, dave, "307");
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	assert_int_equal(tea(w)->audience.moderators, 1);
	forget_all(w);
	enter(w, "eve@x.test/e", TEA "/eve");
	expect(w, bob, "/eve'", "!jid=");
	world_free(w);
}

/* ---- affiliations ---- */

/* Which of a user's occupants goes first is not said. */
static void expect_out(struct world *w, unsigned conn, const char *from)
{
	bool out = false;

	for (const struct got *g; (g = next(w, conn));)
		out = out ||
			(strstr(g->text, from) && strstr(g->text, "type='unavailable'") &&
				strstr(g->text, "affiliation='outcast'") && strstr(g->text, "301") &&
				strstr(g->text, "110") && strstr(g->text, "<reason>Treason</reason>"));
	assert_true(out);
}

static void test_ban(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = enter(w, "carol@x.test/c", TEA "/carol");
	unsigned phone = enter(w, "bob@x.test/phone", TEA "/bob"), other = enter(w, "bob@x.test/other", TEA "/rob");

	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='outcast' jid='Bob@X.Test/whatever'><reason>Treason</reason></item>"));
	expect_out(w, bob, "from='" TEA "/bob'");
	expect_out(w, phone, "from='" TEA "/bob'");
	expect_out(w, other, "from='" TEA "/rob'");
	expect(w, carol, "type='unavailable'", "301", "!110");
	expect(w, carol, "type='unavailable'", "301");
	expect_nothing(w, carol);
	join(w, bob, TEA "/bob");
	expect(w, bob, "type='error'", "<forbidden");
	forget_all(w);
	say(w, alice, LIST("<item affiliation='outcast'/>"));
	expect(w, alice, "<item affiliation='outcast' jid='bob@x.test'><reason>Treason</reason></item>");
	say(w, alice, ADMIN("<item affiliation='none' jid='bob@x.test'/>"));
	join(w, bob, TEA "/bob");
	expect(w, bob, "!type='error'");
	forget_all(w);
	/* Not oneself, and by a nick. */
	say(w, alice, ADMIN("<item affiliation='outcast' jid='alice@x.test'/>"));
	expect(w, alice, "<conflict");
	say(w, alice, ADMIN("<item affiliation='outcast' nick='carol'/>"));
	expect(w, carol, "301");
	assert_int_equal(affiliates_get(&tea(w)->affiliates, jid_view(STR("carol@x.test"))), AFFILIATION_OUTCAST);
	world_free(w);
}

static void test_ban_domain(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), mary;

	say_far(w, "zoe@far.test/z", "<presence to='" TEA "/zoe'>" MUC "</presence>");
	say_far(w, "yan@far.test/z", "<presence to='" TEA "/yan'>" MUC "</presence>");
	say(w, alice, ADMIN("<item affiliation='member' jid='far.test'/>"));
	assert_int_equal(room_count(tea(w)), 3);
	say(w, alice, ADMIN("<item affiliation='member' jid='yan@far.test'/>"));
	say(w, alice, ADMIN("<item affiliation='outcast' jid='far.test'/>"));
	assert_int_equal(room_count(tea(w)), 2); /* the member stays */
	say_far(w, "zoe@far.test/z", "<presence to='" TEA "/zoe'>" MUC "</presence>");
	assert_int_equal(room_count(tea(w)), 2);
	mary = enter(w, "mary@x.test/m", TEA "/mary");
	expect(w, mary, "!type='error'");
	world_free(w);
}

static void test_owners(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='member' jid='alice@x.test'/>"));
	expect(w, alice, "<conflict");
	say(w, alice, ADMIN("<item affiliation='owner' jid='bob@x.test'/>"));
	expect(w, bob, "affiliation='owner'", "role='moderator'", "110");
	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='member' jid='alice@x.test'/>"));
	expect(w, alice, "from='" TEA "/alice'", "affiliation='member'", "role='participant'");
	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='none' jid='bob@x.test'/>"));
	expect(w, alice, "<forbidden");
	/* Both at once is none left; one for another is fine. */
	say(w, bob, ADMIN("<item affiliation='none' jid='bob@x.test'/><item affiliation='owner' jid='carol@x.test'/>"));
	expect(w, bob, "/bob'");
	expect(w, bob, "type='result'");
	assert_int_equal(tea(w)->affiliates.owners, 1);
	/* The administrator of the service is an owner everywhere, and cannot be banned by one. */
	unsigned root = enter(w, "root@x.test/r", TEA "/root"), carol = enter(w, "carol@x.test/c", TEA "/carol");
	forget_all(w);
	say(w, carol, ADMIN("<item affiliation='outcast' jid='root@x.test'/>"));
	expect(w, carol, "<not-allowed");
	assert_null(affiliates_find(&tea(w)->affiliates, STR("root@x.test")));
	assert_non_null(visit_find(tea(w), jid_view(STR("root@x.test/r"))));
	say(w, root, ADMIN("<item affiliation='admin' jid='carol@x.test'/>"));
	expect(w, root, "<conflict"); /* she is the only one in the list */
	say(w, root, ADMIN("<item affiliation='owner' jid='dave@x.test'/>"));
	expect(w, root, "<message", "affiliation='owner'", "jid='dave@x.test'");
	expect(w, root, "type='result'");
	world_free(w);
}

/* Who has nothing to say learns nothing: not even who is in. */
static void test_no_spying(void **state)
{
	struct world *w = world_new(NULL);
	unsigned bob, carol;

	open_tea(w, FIELD("membersonly", "1") FIELD("publicroom", "0"));
	bob = login(w, "bob@x.test/b");
	for (int i = 0; i < 2; i++) {
		say(w, bob, i ? ADMIN("<item nick='alice' role='none'/>") : ADMIN("<item nick='nobody' role='none'/>"));
		expect(w, bob, "<forbidden", "!item-not-found");
		say(w, bob,
			i ? ADMIN("<item nick='alice' affiliation='member'/>")
			  : ADMIN("<item nick='nobody' affiliation='member'/>"));
		expect(w, bob, "<forbidden", "!item-not-found");
	}
	world_free(w);
	w = world_new(NULL);
	open_tea(w, "");
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	forget_all(w);
	say(w, carol, ADMIN("<item nick='nobody' role='none'/>"));
	expect(w, carol, "<forbidden");
	world_free(w);
}

/* A form says all owners and admins, as it got them: only what is different counts against the limit. */
static void test_long_lists(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	struct buf form = {.max = 1 << 20};
	char jid[64];

	buf_z(&form, "<field var='muc#roomconfig_roomadmins'>");
	for (int i = 0; i < 2 * CHANGES_MAX; i++) {
		snprintf(jid, sizeof(jid), "admin%d@x.test", i);
		assert_int_equal(affiliates_set(&tea(w)->affiliates, str_z(jid), AFFILIATION_ADMIN, STR_NONE), 0);
		buf_fmt(&form, "<value>%s</value>", jid);
	}
	buf_z(&form, "</field>");
	configure(w, alice, TEA, buf_cstr(&form));
	expect(w, alice, "type='result'");
	buf_cut(&form, form.n - strlen("</field>"));
	buf_z(&form, "<value>bob@x.test</value></field>");
	configure(w, alice, TEA, buf_cstr(&form));
	assert_int_equal(affiliates_find(&tea(w)->affiliates, STR("bob@x.test"))->affiliation, AFFILIATION_ADMIN);
	assert_int_equal(tea(w)->affiliates.map.n, 2 * CHANGES_MAX + 2);
	buf_clear(&form);
	world_free(w);
}

static void test_members(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("membersonly", "1")), bob = login(w, "bob@x.test/b");

	say(w, alice,
		ADMIN("<item affiliation='member' jid='bob@x.test'/><item affiliation='member' jid='pal@far.test'/>"));
	/* Who can come now is told. */
	expect(w, 0, "to='pal@far.test'", "<invite from='alice@x.test'");
	join(w, bob, TEA "/bob");
	expect(w, bob, "/alice'");
	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='none' jid='bob@x.test'/>"));
	expect(w, bob, "type='unavailable'", "affiliation='none'", "321");
	expect(w, alice, "from='" TEA "/bob'", "type='unavailable'", "321");
	expect(w, alice, "type='result'");
	expect_nothing(w, alice);
	join(w, bob, TEA "/bob");
	expect(w, bob, "<registration-required");
	world_free(w);
}

static void test_lists(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	say(w, alice, ADMIN("<item affiliation='member' jid='m@x.test'/>"));
	forget_all(w);
	say(w, alice, LIST("<item role='moderator'/>"));
	expect(w, alice, "<item affiliation='owner' jid='alice@x.test/a' nick='alice' role='moderator'/>", "!bob");
	say(w, alice, LIST("<item role='participant'/>"));
	expect(w, alice, "nick='bob'");
	say(w, alice, LIST("<item affiliation='member'/>"));
	expect(w, alice, "<item affiliation='member' jid='m@x.test'/>", "!alice@x.test'/><");
	say(w, bob, LIST("<item affiliation='member'/>"));
	expect(w, bob, "<forbidden");
	say(w, bob, LIST("<item role='participant'/>"));
	expect(w, bob, "<forbidden");
	configure(w, alice, TEA, FIELD("whois", "anyone"));
	say(w, alice, ADMIN("<item affiliation='member' jid='bob@x.test'/>"));
	forget_all(w);
	say(w, bob, LIST("<item affiliation='owner'/>"));
	expect(w, bob, "jid='alice@x.test'");
	say(w, bob, LIST("<item affiliation='outcast'/>"));
	expect(w, bob, "<forbidden");
	world_free(w);
}

static void test_bad_requests(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	static const struct {
		const char *items, *error;
	} cases[] = {
		{"", "<bad-request"},
		{"<item/>", "<bad-request"},
		{"<other/>", "<bad-request"},
		{"<item nick='alice'/>", "<bad-request"},
		{"<item nick='alice' role='king'/>", "<bad-request"},
		{"<item nick='nobody' role='none'/>", "<item-not-found"},
		{"<item role='none'/>", "<bad-request"},
		{"<item nick='alice' role='none' affiliation='none'/>", "<bad-request"},
		{"<item affiliation='member'/>", "<bad-request"},
		{"<item affiliation='emperor' jid='a@b'/>", "<bad-request"},
		{"<item affiliation='member' jid='@'/>", "<jid-malformed"},
		{"<item affiliation='member' jid=''/>", "<jid-malformed"},
		{"<item affiliation='member' nick='nobody'/>", "<item-not-found"},
		{"<item affiliation='member' jid='a@b'/><item affiliation='admin' jid='A@b/r'/>", "<bad-request"},
		{"<item affiliation='member' jid='a@b'/><item nick='alice' role='moderator'/>", "<bad-request"},
		/* All or nothing. */
		{"<item affiliation='member' jid='a@b'/><item affiliation='outcast' jid='alice@x.test'/>", "<conflict"},
	};
	static const char *const gets[] = {"", "<item/>", "<item role='none'/>", "<item affiliation='none'/>",
		"<item role='x'/>", "<item affiliation='x'/>", "<item role='moderator' affiliation='owner'/>"};
	char xml[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(xml, sizeof(xml), ADMIN("%s"), cases[i].items);
		say(w, alice, xml);
		expect(w, alice, "type='error'", cases[i].error);
		expect_nothing(w, alice);
	}
	for (size_t i = 0; i < ARRAY_LEN(gets); i++) {
		snprintf(xml, sizeof(xml), LIST("%s"), gets[i]);
		say(w, alice, xml);
		expect(w, alice, "type='error'", "<bad-request");
	}
	assert_int_equal(tea(w)->affiliates.map.n, 1);
	world_free(w);
}

static void fill_members(struct world *w, unsigned n, struct str reason)
{
	char jid[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(jid, sizeof(jid), "a-member-of-the-room-%05u@x.test", i);
		assert_int_equal(affiliates_set(&tea(w)->affiliates, str_z(jid), AFFILIATION_MEMBER, reason), 0);
	}
}

/* What is longer than an answer may be goes without the reasons; admins get longer ones, but nobody from another node. */
static void test_long_list(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("whois", "anyone")), bob = enter(w, "bob@x.test/b", TEA "/bob");
	const struct got *g;

	fill_members(w, 100, STR("merit"));
	forget_all(w);
	say(w, alice, LIST("<item affiliation='member'/>"));
	expect(w, alice, "a-member-of-the-room-00099@x.test", "<reason>merit");
	fill_members(w, 20000,
		STR("a long and faithful service that is told here in so many words that a list of all of them "
		    "would be longer than any answer may be, although each of them alone is well worth reading, and so on, and on"));
	say(w, alice, LIST("<item affiliation='member'/>"));
	g = expect(w, alice, "type='result'", "a-member-of-the-room-00000@x.test", "a-member-of-the-room-19999@x.test",
		"!<reason>");
	assert_true(strlen(g->text) > 1 << 20);
	say(w, bob, LIST("<item affiliation='member'/>"));
	expect(w, bob, "<resource-constraint");
	affiliates_set(&tea(w)->affiliates, STR("far@far.test"), AFFILIATION_OWNER, STR_NONE);
	say_far(w, "far@far.test/f", LIST("<item affiliation='member'/>"));
	expect(w, 0, "<resource-constraint");
	fill_members(w, 5000, STR("brief"));
	world_free(w);
}

/* Who asks for long lists all the time keeps nobody waiting, and is stopped in the end. */
static void test_fair_lists(void **state)
{
	enum { ASKED = 200 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("whois", "anyone")), bob = enter(w, "bob@x.test/b", TEA "/bob"),
		 carol = login(w, "carol@x.test/c"), lists = 0;
	const struct got *g;

	join(w, carol, "quiet@rooms.test/carol");
	configure(w, carol, "quiet@rooms.test", "");
	fill_members(w, 2000, STR("brief"));
	forget_all(w);
	for (int i = 0; i < ASKED; i++)
		put(w, bob, LIST("<item affiliation='member'/>"));
	put(w, carol, "<message type='groupchat' to='quiet@rooms.test'><body>psst</body></message>");
	turn(w);
	turn(w);
	expect(w, carol, "psst");
	assert_in_range(w->logs[bob].tail - w->logs[bob].head, 1, 4); /* two a turn: each is worth a turn */
	pump(w);
	while ((g = next(w, bob)) && strstr(g->text, "type='result'"))
		lists++;
	assert_in_range(lists, 10, ASKED / 2);
	assert_non_null(strstr(g->text, "<policy-violation"));
	forget(w, bob);
	sleep_ms(w, 1000);
	say(w, bob, LIST("<item affiliation='member'/>"));
	expect(w, bob, "type='result'");
	forget(w, alice);
	world_free(w);
}

static void test_many_changes(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	struct buf xml = {.max = 1 << 20};

	for (int n = TOLD_MAX; n <= CHANGES_MAX + 1; n = n == TOLD_MAX ? CHANGES_MAX : n + 1) {
		buf_reset(&xml);
		buf_z(&xml, "<iq type='set' id='adm' to='" TEA "'><query xmlns='" NS_MUC_ADMIN "'>");
		for (int i = 0; i < n; i++)
			buf_fmt(&xml, "<item affiliation='member' jid='u%d@x.test'/>", i);
		buf_z(&xml, "</query></iq>");
		say(w, alice, buf_cstr(&xml));
		/* Of so many the room does not hear one by one. */
		for (int i = 0; i < n && n == TOLD_MAX; i++)
			expect(w, alice, "<message", "affiliation='member'");
		expect(w, alice, n <= CHANGES_MAX ? "type='result'" : "<not-acceptable");
	}
	assert_int_equal(tea(w)->affiliates.map.n, CHANGES_MAX + 1);
	buf_clear(&xml);
	world_free(w);
}

/* Who is on the other node, n of them from the first on. */
static void put_list(struct buf *xml, int first, int n)
{
	buf_reset(xml);
	buf_z(xml, "<iq type='set' id='adm' to='" TEA "'><query xmlns='" NS_MUC_ADMIN "'>");
	for (int i = first; i < first + n; i++)
		buf_fmt(xml, "<item affiliation='member' jid='u%d@far.test'/>", i);
	buf_z(xml, "</query></iq>");
}

/* Thousands in one list behind the other as fast as the client is read: none is refused. Long ones, of which nobody is told, wait for
 * little. */
static void test_import(void **state)
{
	static const struct {
		int each;
		uint32_t paused;
	} table[] = {{TOLD_MAX + 50, 1000}, {TOLD_MAX, 10000}, {100, 10000}};
	enum { LISTS = 20 };
	struct buf xml = {.max = 1 << 20};

	for (size_t k = 0; k < ARRAY_LEN(table); k++) {
		struct world *w = world_new(NULL);
		unsigned alice = open_tea(w, "");

		for (int n = 0; n < LISTS; n++) {
			put_list(&xml, n * table[k].each, table[k].each);
			w->paused = 0;
			say(w, alice, buf_cstr(&xml));
			assert_true(w->paused <= table[k].paused);
			sleep_ms(w, w->paused);
		}
		assert_int_equal(tea(w)->affiliates.map.n, LISTS * table[k].each + 1);
		assert_int_equal(w->logs[0].tail, table[k].each > TOLD_MAX ? 0 : LISTS * table[k].each);
		world_free(w);
	}
	buf_clear(&xml);
}

/* Who has brought in so many that the next list has to wait can still speak: the lists have a budget of their own. */
static void test_speech_after_lists(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("membersonly", "1"));
	struct buf xml = {.max = 1 << 20};

	for (int n = 0; n < 2; n++) {
		put_list(&xml, n * CHANGES_MAX, CHANGES_MAX);
		say(w, alice, buf_cstr(&xml));
		expect(w, alice, n == 0 ? "type='result'" : "<policy-violation");
	}
	say(w, alice, "<message type='groupchat' to='" TEA "'><body>all in</body></message>");
	expect(w, alice, "<body>all in", "!error");
	buf_clear(&xml);
	world_free(w);
}

/* Each who hears of it costs as much as a message, in a list as in the owner's form. */
static void test_told(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	struct buf xml = {.max = 1 << 20};

	affiliates_set(&tea(w)->affiliates, STR("far@far.test"), AFFILIATION_OWNER, STR_NONE);
	for (int n = 0; n < 2; n++) {
		put_list(&xml, n * TOLD_MAX, TOLD_MAX);
		say_far(w, "far@far.test/f", buf_cstr(&xml));
		for (int i = 0; i < TOLD_MAX && n == 0; i++)
			expect(w, 0, "to='u", "<status code='101'/>");
		expect(w, 0, n == 0 ? "type='result'" : "<policy-violation");
		expect_nothing(w, 0);
	}
	buf_reset(&xml);
	buf_z(&xml,
		"<iq type='set' id='o' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#roomconfig_roomadmins'>");
	for (int i = 0; i < TOLD_MAX; i++)
		buf_fmt(&xml, "<value>o%d@far.test</value>", i);
	buf_z(&xml, "</field></x></query></iq>");
	say_far(w, "far@far.test/f", buf_cstr(&xml));
	expect(w, 0, "<policy-violation");
	expect_nothing(w, 0);
	assert_int_equal(tea(w)->affiliates.map.n, TOLD_MAX + 2);
	forget(w, alice);
	buf_clear(&xml);
	world_free(w);
}

/* 9.5: a nickname that an admin gives stands in addresses as any other, so it is prepared as they are; and it is nobody else's. */
static void test_given_nicks(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("registration", "approval")), bob = login(w, "bob@x.test/b");

	say(w, alice, ADMIN("<item jid='carol@x.test' affiliation='member' nick='Zoe\xcc\x88'/>"));
	expect(w, alice, "carol@x.test"); /* the room is told */
	expect(w, alice, "type='result'");
	assert_string_equal(nicknames_find(&tea(w)->reserved, STR("carol@x.test"))->nick, "Zo\xc3\xab");
	say(w, bob,
		"<iq type='set' id='r' to='" TEA "'><query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#register_roomnick'><value>Montague</value></field></x></query></iq>");
	forget_all(w);
	say(w, alice, ADMIN("<item jid='dan@x.test' affiliation='member' nick='Montague'/>"));
	expect(w, alice, "<conflict");
	say(w, alice, ADMIN("<item jid='dan@x.test' affiliation='member' nick='zo\xc3\xab'/>"));
	expect(w, alice, "<conflict");
	say(w, alice, ADMIN("<item jid='dan@x.test' affiliation='member' nick=' \xe2\x80\x8b '/>"));
	expect(w, alice, "<not-acceptable");
	assert_null(nicknames_find(&tea(w)->reserved, STR("dan@x.test")));
	/* Beside a ban it only says who is meant, and takes nobody's nickname. */
	say(w, alice, ADMIN("<item jid='dan@x.test' affiliation='outcast' nick='Zoe\xcc\x88'/>"));
	expect(w, alice, "dan@x.test", "outcast");
	expect(w, alice, "type='result'");
	assert_string_equal(nicknames_find(&tea(w)->reserved, STR("carol@x.test"))->nick, "Zo\xc3\xab");
	world_free(w);
}

/* What is too long to be told is refused; it is not cut. */
static void test_too_many_hats(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	char uri[HAT_URI_MAX + 1], jid[64];

	memset(uri, 'x', sizeof(uri));
	for (int i = 0; i < HATS_MAX; i++) {
		snprintf(uri, sizeof(uri), "urn:x:%0*d", HAT_URI_MAX - 6, i);
		assert_int_equal(hats_define(&tea(w)->hats, str_z(uri), STR("A"), STR_NONE), i);
	}
	for (int i = 0; i < WEARERS_MAX; i++) {
		snprintf(jid, sizeof(jid), "user%d@x.test", i);
		assert_int_equal(hats_wear(tea(w)->hats, str_z(jid), i % HATS_MAX, true), 0);
	}
	forget_all(w);
	say(w, alice, LIST_HATS);
	expect(w, alice, "type='result'", "user999@x.test");
	for (int i = 0; i < WEARERS_MAX * HATS_MAX; i++) {
		snprintf(jid, sizeof(jid), "user%d@x.test", i / HATS_MAX);
		assert_int_equal(hats_wear(tea(w)->hats, str_z(jid), i % HATS_MAX, true), 0);
	}
	/* Wherever in an item the place ends. */
	for (size_t n = 1; n <= HAT_TITLE_MAX; n++) {
		hats_define(&tea(w)->hats, str_z(uri), (struct str){uri + HAT_URI_MAX - n, n}, STR_NONE);
		say(w, alice, LIST_HATS);
		expect(w, alice, "type='error'", "<resource-constraint", "!user0@x.test");
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_nicks),
		cmocka_unit_test(test_too_many_hats),
		cmocka_unit_test(test_initial),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_role_rules),
		cmocka_unit_test(test_affiliation_rules),
		cmocka_unit_test(test_affiliates),
		cmocka_unit_test(test_kick),
		cmocka_unit_test(test_voice),
		cmocka_unit_test(test_ban),
		cmocka_unit_test(test_ban_domain),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_no_spying),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_fair_lists),
		cmocka_unit_test(test_many_changes),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_speech_after_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
