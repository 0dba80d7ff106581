/* What XEP-0045 has no options for, and what is noted of those who have a right for themselves. */
#include "room/testing.h"

#define TEA "tea@rooms.test"
#define OPTION(name, value) "<field var='" name "'><value>" value "</value></field>"

/* ---- the table ---- */

static void test_defaults(void **state)
{
	static const struct {
		const char *name, *value, *other, *wrong;
	} list[] = {
		{"members_by_default", "0", "1", "2"},
		{"allow_private_messages_from_visitors", "anyone", "nobody", "none"},
		{"allow_query_users", "1", "0", "yes"},
		{"voice_request_min_interval", "30", "43200", "43201"},
		{"canchangenick", "1", "0", "-1"},
		{"public_list", "0", "1", "all"},
		{"defaulthistorymessages", "500", "0", "501"},
	};
	CLEANUP(buf_clear) struct buf text = {.max = CONFIG_TEXT_MAX}, tmp = {.max = 64};
	struct room_config c, other;
	struct str name, value;
	size_t found = 0;

	room_config_init(&c);
	room_config_init(&other);
	for (unsigned i = 0; room_config_show(&c, i, &name, &value, &tmp); i++)
		for (size_t k = 0; k < ARRAY_LEN(list); k++)
			if (str_is(name, list[k].name)) {
				assert_true(str_is(value, list[k].value));
				found++;
			}
	assert_int_equal(found, ARRAY_LEN(list));
	for (size_t k = 0; k < ARRAY_LEN(list); k++) {
		assert_int_equal(room_config_change(&c, str_z(list[k].name), str_z(list[k].wrong)), ERR_INVALID);
		assert_int_equal(room_config_change(&c, str_z(list[k].name), str_z(list[k].other)), 0);
	}
	/* What is stored of a room says it; what an earlier version stored leaves everything as it was. */
	room_config_text(&c, &text);
	room_config_parse(&other, buf_view(&text));
	assert_int_equal(room_config_diff(&c, &other), 0);
	room_config_clear(&other);
	room_config_parse(&other, STR("moderated=1\nhistory=7\n"));
	assert_true(other.manners.change_nick && other.manners.query_others);
	assert_false(other.manners.list_outside || other.manners.voice_by_default);
	assert_int_equal(other.manners.ask_seconds, 30);
	room_config_clear(&c);
	room_config_clear(&other);
}

static void test_privileges(void **state)
{
	const struct party visitor = {ROLE_VISITOR, AFFILIATION_NONE},
			   participant = {ROLE_PARTICIPANT, AFFILIATION_NONE},
			   moderator = {ROLE_MODERATOR, AFFILIATION_OWNER};
	struct room_config c;

	room_config_init(&c);
	assert_true(may_send_private(&c, visitor, ROLE_VISITOR));
	assert_true(may_here(&c, MAY_ASK_OTHERS, ROLE_VISITOR, AFFILIATION_NONE));
	c.manners.visitor_pm = VISITOR_PM_MODERATORS;
	assert_false(may_send_private(&c, visitor, ROLE_VISITOR));
	assert_false(may_send_private(&c, visitor, ROLE_PARTICIPANT));
	assert_true(may_send_private(&c, visitor, ROLE_MODERATOR));
	c.manners.visitor_pm = VISITOR_PM_NOBODY;
	assert_false(may_send_private(&c, visitor, ROLE_MODERATOR));
	assert_true(may_send_private(&c, participant, ROLE_VISITOR));
	c.allow_pm = PM_MODERATORS;
	assert_false(may_send_private(&c, participant, ROLE_VISITOR));
	assert_true(may_send_private(&c, moderator, ROLE_VISITOR));
	/* One option says whether anybody may, the other whether visitors may, too. */
	assert_true(may_here(&c, MAY_CHANGE_NICK, ROLE_VISITOR, AFFILIATION_NONE));
	c.visitor_nick = false;
	assert_false(may_here(&c, MAY_CHANGE_NICK, ROLE_VISITOR, AFFILIATION_NONE));
	assert_true(may_here(&c, MAY_CHANGE_NICK, ROLE_PARTICIPANT, AFFILIATION_NONE));
	c.visitor_nick = true;
	c.manners.change_nick = c.manners.query_others = false;
	for (int role = ROLE_VISITOR; role <= ROLE_MODERATOR; role++) {
		assert_false(may_here(&c, MAY_CHANGE_NICK, (enum role)role, AFFILIATION_OWNER));
		assert_false(may_here(&c, MAY_ASK_OTHERS, (enum role)role, AFFILIATION_OWNER));
	}
	assert_false(role_silent(&c));
	c.moderated = true;
	assert_true(role_silent(&c));
	c.manners.voice_by_default = true;
	assert_false(role_silent(&c));
	room_config_clear(&c);
}

/* ---- who is in, for those outside ---- */

static void test_long_items(void **state)
{
	enum { MANY = 510, SHOWN = 500 };
	struct world *w = world_new(&(struct rooms_config){.no_limits = true});
	unsigned alice = open_tea(w, OPTION("public_list", "1")), bob = login(w, "bob@x.test/b");
	const struct got *g;
	unsigned n = 0;

	for (int i = 1; i < MANY; i++) {
		char from[64], xml[256];

		snprintf(from, sizeof(from), "u%d@far.test/f", i);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/user %d'>" MUC "</presence>", i);
		say_far(w, from, xml);
	}
	assert_int_equal(room_count(tea(w)), MANY);
	forget_all(w);
	say(w, bob, "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_ITEMS "'/></iq>");
	g = expect(w, bob, "type='result'", "<count>510</count>");
	for (const char *at = g->text; (at = strstr(at, "<item ")); at++)
		n++;
	assert_int_equal(n, SHOWN);
	expect_nothing(w, alice);
	world_free(w);
}

/* ---- who was silenced ---- */

static void note_many(struct world *w, unsigned n, enum role role)
{
	char jid[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(jid, sizeof(jid), "u%u@far.test", i);
		voices_set(&tea(w)->voices, str_z(jid), role);
	}
}

/* Whom voice is taken from stays without it, whatever was noted before; if that cannot be noted, it is not taken. */
static void test_silenced_are_noted(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = enter(w, "bob@x.test/b", TEA "/bob");

	/* Full of those who were given voice: the first of them may ask again. */
	note_many(w, VOICES_MAX, ROLE_PARTICIPANT);
	forget_all(w);
	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	expect(w, alice, "role='visitor'");
	assert_int_equal(voices_get(&tea(w)->voices, STR("bob@x.test")), ROLE_VISITOR);
	assert_int_equal(voices_get(&tea(w)->voices, STR("u0@far.test")), ROLE_NONE);
	assert_int_equal(voices_get(&tea(w)->voices, STR("u1@far.test")), ROLE_PARTICIPANT);
	say(w, bob, "<presence type='unavailable' to='" TEA "/bob'/>");
	join(w, bob, TEA "/bob");
	assert_int_equal(room_party(tea(w), jid_view(STR("bob@x.test/b"))).role, ROLE_VISITOR);
	/* What is given back needs no place, nor does giving him voice anew. */
	say(w, alice, ADMIN("<item nick='bob' role='participant'/>"));
	assert_int_equal(voices_get(&tea(w)->voices, STR("bob@x.test")), ROLE_NONE);
	/* Full of those who are silenced: nobody of them is forgotten, and the moderator is told. */
	note_many(w, VOICES_MAX, ROLE_VISITOR);
	forget_all(w);
	say(w, alice, ADMIN("<item nick='bob' role='visitor'/>"));
	expect(w, alice, "id='adm'", "<resource-constraint");
	expect_nothing(w, bob);
	assert_int_equal(room_party(tea(w), jid_view(STR("bob@x.test/b"))).role, ROLE_PARTICIPANT);
	assert_int_equal(voices_get(&tea(w)->voices, STR("u0@far.test")), ROLE_VISITOR);
	world_free(w);
}

/* ---- what a service keeps to its administrators ---- */

static void submit(struct world *w, unsigned conn, const char *fields)
{
	char xml[1024];

	snprintf(xml, sizeof(xml),
		"<iq type='set' id='c' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'>%s</x></query></iq>",
		fields);
	forget_all(w);
	say(w, conn, xml);
}

/* Owners make no room public or persistent; what an administrator made so they can leave so, and undo. */
static void test_kept_to_admins(void **state)
{
	static const char *const defaults[] = {"persistentroom=1", "publicroom=1", NULL};
	struct world *w = world_new(&(struct rooms_config){.admins = test_admins,
		.defaults = defaults,
		.only_admins_publish = true,
		.only_admins_keep = true});
	unsigned alice = open_tea(w, ""), root = login(w, "root@x.test/r");

	assert_false(tea(w)->config.public_ || tea(w)->config.persistent);
	submit(w, alice, FIELD("publicroom", "1") FIELD("roomname", "Tea"));
	expect(w, alice, "id='c'", "<not-allowed");
	submit(w, alice, FIELD("persistentroom", "1"));
	expect(w, alice, "id='c'", "<not-allowed");
	assert_null(tea(w)->config.name);
	submit(w, root, FIELD("publicroom", "1") FIELD("persistentroom", "1"));
	assert_true(tea(w)->config.public_ && tea(w)->config.persistent);
	submit(w, alice, FIELD("publicroom", "1") FIELD("persistentroom", "1") FIELD("roomname", "Tea"));
	assert_string_equal(tea(w)->config.name, "Tea");
	submit(w, alice, FIELD("publicroom", "0") FIELD("persistentroom", "0"));
	assert_false(tea(w)->config.public_ || tea(w)->config.persistent);
	submit(w, alice, FIELD("persistentroom", "1"));
	expect(w, alice, "id='c'", "<not-allowed");
	world_free(w);
}

/* What a service keeps to its administrators an owner does not say in the first form either, with which the room opens. */
static void test_first_form(void **state)
{
	static const char *const fields[] = {FIELD("persistentroom", "1"), FIELD("publicroom", "1"),
		FIELD("enablelogging", "1")};
	static const char *const defaults[] = {"persistentroom=1", "publicroom=1", NULL};
	struct world *w = world_new(&(struct rooms_config){.admins = test_admins,
		.defaults = defaults,
		.logs = true,
		.only_admins_log = true,
		.only_admins_publish = true,
		.only_admins_keep = true});
	unsigned alice = login(w, "alice@x.test/a"), root = login(w, "root@x.test/r");

	join(w, alice, TEA "/alice");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		submit(w, alice, fields[i]);
		expect(w, alice, "id='c'", "<not-allowed");
		assert_int_equal(tea(w)->state, ROOM_LOCKED);
	}
	submit(w, alice, FIELD("roomname", "Tea"));
	assert_int_equal(tea(w)->state, ROOM_OPEN);
	assert_false(tea(w)->config.public_ || tea(w)->config.persistent || tea(w)->config.logging);
	say(w, alice, "<presence type='unavailable' to='" TEA "/alice'/>");
	join(w, root, TEA "/root");
	submit(w, root, FIELD("persistentroom", "1") FIELD("publicroom", "1") FIELD("enablelogging", "1"));
	assert_true(tea(w)->config.public_ && tea(w)->config.persistent && tea(w)->config.logging);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_long_items),
		cmocka_unit_test(test_silenced_are_noted),
		cmocka_unit_test(test_kept_to_admins),
		cmocka_unit_test(test_first_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
