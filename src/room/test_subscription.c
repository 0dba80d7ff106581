/* Subscriptions: limits, rights, what waits for the disk, what ends them, what is kept. The protocol is tests/script/rooms-subscribe.xt. */
#include "room/testing.h"

#include "room/subscription.h"

#define TEA "tea@rooms.test"
#define NODE(name) "<event node='" NS_MUCSUB_NODES name "'/>"
#define SUBSCRIBE(attrs, nodes) \
	"<iq type='set' id='sub' to='" TEA "'><subscribe xmlns='" NS_MUCSUB "' " attrs ">" nodes "</subscribe></iq>"
#define SAY(text) "<message type='groupchat' id='said' to='" TEA "'><body>" text "</body></message>"
#define ERROR(condition) \
	"<message type='error' to='" TEA "'><error type='cancel'><" condition " xmlns='" NS_STANZAS \
	"'/></error></message>"
enum { FAR };

static unsigned subscribed_tea(struct world *w, const char *fields)
{
	char all[1024];

	snprintf(all, sizeof(all), FIELD("allow_subscription", "1") FIELD("persistentroom", "1") "%s", fields);
	return open_tea(w, all);
}

static void subscribe_bob(struct world *w)
{
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", NODE("messages") NODE("presence") NODE("subscribers")));
	expect(w, FAR, "type='result'", "nick='bob'");
}

/* No event before the message is on the disk. */
static void test_waits_for_the_disk(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");
	const struct got *g;

	subscribe_bob(w);
	say(w, alice, SAY("kept"));
	g = expect(w, FAR, "to='bob@far.test'", "<body>kept</body>", "mucsub:nodes:messages", "<stanza-id");
	assert_int_not_equal(g->commit, 0);
	assert_int_equal(g->commit, expect(w, alice, "<body>kept</body>")->commit);
	say(w, alice, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_int_equal(expect(w, FAR, "<composing", "type='headline'")->commit, 0);
	say(w, alice,
		"<message type='groupchat' to='" TEA "'><body>now</body><no-store xmlns='" NS_HINTS "'/></message>");
	expect(w, FAR, "<body>now</body>", "</event><no-store", "!headline");
	world_free(w);
}

/* So many in a moment, without a word of them. */
static void put_many(struct world *w, int n, unsigned nodes)
{
	char jid[64], nick[64];

	for (int i = 0; i < n; i++) {
		snprintf(jid, sizeof(jid), "n%d@far.test", i);
		snprintf(nick, sizeof(nick), "nick %d", i);
		assert_int_equal(subscriber_put(tea(w), str_z(jid), str_z(nick), str_z(nick), nodes), 0);
	}
}

/* As many subscribers as a room may have, as many rooms as an account may hear, as much as all may be sent at once. */
static void test_limits(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");
	struct buf long_one = {.max = 1 << 20};

	put_many(w, SUBSCRIBERS_MAX, 1 << SUB_MESSAGES);
	assert_int_equal(subscriber_put(tea(w), STR("bob@far.test"), STR("bob"), STR("bob"), 0), ERR_LIMIT);
	assert_int_equal(subscriber_put(tea(w), STR("n1@far.test"), STR("nick 0"), STR("nick 0"), 0), ERR_EXISTS);
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", ""));
	expect(w, FAR, "type='error'", "<resource-constraint");
	/* who hears it already may change what he hears */
	say_far(w, "n1@far.test/b", SUBSCRIBE("nick='other'", NODE("messages")));
	expect(w, FAR, "type='result'", "nick='other'", "messages");
	buf_z(&long_one, "<message type='groupchat' to='" TEA "'><body>");
	for (int i = 0; i < EVENT_BYTES_MAX / SUBSCRIBERS_MAX; i++)
		buf_char(&long_one, 'x');
	buf_z(&long_one, "</body></message>");
	say(w, alice, buf_cstr(&long_one));
	expect(w, alice, "type='error'", "<not-acceptable");
	say(w, alice, SAY("short"));
	expect(w, alice, "<body>short</body>");
	for (int i = 0; i < SUBSCRIBERS_MAX; i++)
		expect(w, FAR, "<body>short</body>");
	expect_nothing(w, FAR);
	buf_clear(&long_one);
	world_free(w);
}

static void test_rooms_of_one(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribed_add(&w->rooms->subscribed, STR("bob@far.test"), SUBSCRIPTIONS_MAX - 1);
	subscribe_bob(w);
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	expect(w, FAR, "<destroy>", "from='" TEA "/bob'", "mucsub:nodes:config");
	assert_int_equal(subscribed_get(&w->rooms->subscribed, STR("bob@far.test")), SUBSCRIPTIONS_MAX - 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 0);
	subscribed_add(&w->rooms->subscribed, STR("bob@far.test"), 1);
	subscribed_tea(w, "");
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", ""));
	expect(w, FAR, "type='error'", "<resource-constraint");
	subscribed_add(&w->rooms->subscribed, STR("bob@far.test"), -SUBSCRIPTIONS_MAX);
	assert_int_equal(w->rooms->subscribed.n, 0);
	world_free(w);
}

/* In the store, and of it again. */
static void test_restart(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribe_bob(w);
	assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 1);
	world_restart(w);
	assert_int_equal(subscribed_get(&w->rooms->subscribed, STR("bob@far.test")), 1);
	alice = enter(w, "alice@x.test/a", TEA "/alice");
	forget_all(w);
	say(w, alice, SAY("again"));
	expect(w, FAR, "to='bob@far.test'", "<body>again</body>");
	assert_int_equal(subscribed_get(&w->rooms->subscribed, STR("bob@far.test")), 1);
	/* speaking loads the room that nobody is in */
	logout(w, alice, false);
	sleep_ms(w, 2 * IDLE_MS);
	assert_null(tea(w));
	forget_all(w);
	say_far(w, "bob@far.test/b", SAY("out of the blue"));
	expect(w, FAR, "<body>out of the blue</body>", "from='" TEA "/bob'");
	world_free(w);
}

/* A temporary room has no subscribers, so none of them keeps it; one that becomes temporary tells them, and the store forgets them. */
static void test_temporary(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, FIELD("persistentroom", "0"));
	static const char *const info = "<iq type='get' id='i' to='" TEA "'><query xmlns='" NS_DISCO_INFO "'/></iq>";

	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", NODE("messages")));
	expect(w, FAR, "type='error'", "<not-allowed");
	say(w, alice, info);
	expect(w, alice, "id='i'", "!'" NS_MUCSUB "'");
	configure(w, alice, TEA, FIELD("persistentroom", "1"));
	subscribe_bob(w);
	forget_all(w);
	say(w, alice, info);
	expect(w, alice, "id='i'", "'" NS_MUCSUB "'");
	configure(w, alice, TEA, FIELD("persistentroom", "0"));
	expect(w, FAR, "to='bob@far.test'", "<unsubscribe");
	expect_nothing(w, FAR);
	assert_int_equal(subscribed_get(&w->rooms->subscribed, STR("bob@far.test")), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 0);
	logout(w, alice, false);
	assert_null(tea(w));
	world_free(w);
}

/* What cannot have been stored, and what was changed by hand, is passed over. */
static void test_odd_rows(void **state)
{
	struct world *w = world_new(NULL);
	struct store_value v[5] = {{.s = STR("rooms.test")}, {.s = STR("tea")}, {.s = STR("x@far.test")},
		{.s = STR("bob")}, {.is_int = true, .i = -1}};
	static const char *const nicks[] = {"bob", "BOB", "\xe2\xa0\x80", ""};

	subscribed_tea(w, "");
	for (size_t i = 0; i < ARRAY_LEN(nicks); i++) {
		char jid[32];

		snprintf(jid, sizeof(jid), "b%zu@far.test", i);
		v[2].s = str_z(jid);
		v[3].s = str_z(nicks[i]);
		test_rows_put(&w->rows, STORE_SUBSCRIBER_PUT, v, 5);
	}
	world_restart(w);
	enter(w, "alice@x.test/a", TEA "/alice");
	assert_int_equal(subscribers_count(tea(w)), 1);
	world_free(w);
}

/* Only a word of his account that he is not there, of one that is here or that says so for good. */
static void test_gone(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribe_bob(w);
	say_far(w, "bob@far.test/b", ERROR("service-unavailable"));
	say_far(w, "carol@far.test", ERROR("service-unavailable"));
	say_far(w, "bob@far.test", ERROR("resource-constraint"));
	say_far(w, "bob@far.test", ERROR("remote-server-timeout"));
	assert_int_equal(subscribers_count(tea(w)), 1);
	say_far(w, "bob@far.test", ERROR("service-unavailable"));
	assert_int_equal(subscribers_count(tea(w)), 0);
	forget_all(w);
	say(w, alice, SAY("nobody"));
	expect_nothing(w, FAR);
	world_free(w);
}

static void test_ban_of_a_domain(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribe_bob(w);
	say(w, alice, ADMIN("<item affiliation='outcast' jid='far.test'/>"));
	expect(w, FAR, "to='bob@far.test'", "<unsubscribe", "jid='bob@far.test'");
	assert_int_equal(subscribers_count(tea(w)), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 0);
	say_far(w, "bob@far.test/b", SAY("let me"));
	expect(w, FAR, "<not-acceptable");
	expect_nothing(w, FAR);
	world_free(w);
}

/* Addresses are for who would see them inside, presences for those whom they are for there. */
static void test_views(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribe_bob(w);
	enter(w, "carol@x.test/c", TEA "/carol");
	expect(w, FAR, "<presence xmlns='jabber:client' from='" TEA "/carol'", "!carol@x.test");
	expect_nothing(w, FAR);
	say(w, alice, ADMIN("<item affiliation='admin' jid='bob@far.test'/>"));
	forget_all(w);
	enter(w, "dave@x.test/d", TEA "/dave");
	expect(w, FAR, "from='" TEA "/dave'", "jid='dave@x.test/d'");
	expect_nothing(w, FAR);
	configure(w, alice, TEA, FIELD("presencebroadcast", "moderator"));
	forget_all(w);
	enter(w, "erin@x.test/e", TEA "/erin");
	expect(w, FAR, "from='" TEA "/erin'");
	say(w, alice, ADMIN("<item affiliation='none' jid='bob@far.test'/>"));
	forget_all(w);
	enter(w, "fay@x.test/f", TEA "/fay");
	expect_nothing(w, FAR);
	world_free(w);
}

/* Nothing that cannot be stored; who hears a room is not told of it before. */
static void test_store_fails(void **state)
{
	struct world *w = world_new(NULL);

	subscribed_tea(w, "");
	store_fails(w, true);
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", ""));
	expect(w, FAR, "type='error'", "<resource-constraint");
	store_fails(w, false);
	subscribe_bob(w);
	world_free(w);
}

static int64_t owed(struct world *w, const char *bare)
{
	const struct pace *p = paces_find(&tea(w)->paces, str_z(bare));

	return p && p->until[PACE_OWN] > w->now ? p->until[PACE_OWN] - w->now : 0;
}

/* Who speaks pays for those who hear it, by how many they are and by what they get together; a private message is for one. */
static void test_paid_by_the_speaker(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");
	struct buf long_one = {.max = 1 << 20};
	int64_t before;

	put_many(w, SUBSCRIBERS_MAX, 1 << SUB_MESSAGES | 1 << SUB_SUBJECT);
	before = owed(w, "alice@x.test");
	say(w, alice, "<message type='groupchat' to='" TEA "'><composing xmlns='" NS_CHATSTATES "'/></message>");
	assert_in_range(owed(w, "alice@x.test") - before, COST_MESSAGE + SUBSCRIBERS_MAX / COST_HEARD_BY, 320);
	before = owed(w, "alice@x.test");
	say(w, alice, "<message type='groupchat' to='" TEA "'><subject>s</subject></message>");
	assert_true(owed(w, "alice@x.test") - before >= COST_MESSAGE + SUBSCRIBERS_MAX / COST_HEARD_BY);
	before = owed(w, "alice@x.test");
	say(w, alice, "<message type='chat' to='" TEA "/nick 7'><body>psst</body></message>");
	assert_int_equal(owed(w, "alice@x.test") - before, COST_MESSAGE);
	buf_z(&long_one, "<message type='groupchat' to='" TEA "'><body>");
	for (int i = 0; i < 12000; i++)
		buf_char(&long_one, 'x');
	buf_z(&long_one, "</body></message>");
	before = owed(w, "alice@x.test");
	say(w, alice, buf_cstr(&long_one));
	assert_true(owed(w, "alice@x.test") - before > 3000);
	buf_clear(&long_one);
	forget_all(w);
	world_free(w);
}

/* Of what is too much for all of them there is no event, whatever it is. */
static void test_no_event_too_much(void **state)
{
	struct world *w = world_new(NULL);
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = STR(TEA)};
	struct packet_writer pw;
	struct packet *p;

	subscribed_tea(w, "");
	put_many(w, SUBSCRIBERS_MAX, 1 << SUB_CONFIG);
	packet_begin(&pw, &head);
	buf_z(&pw.out, "<body>");
	for (int i = 0; i < EVENT_BYTES_MAX / SUBSCRIBERS_MAX; i++)
		buf_char(&pw.out, 'x');
	buf_z(&pw.out, "</body>");
	p = packet_end(&pw);
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	subscribers_tell(tea(w), SUB_CONFIG, READ_BY_ALL, p, WORTH_NOW, 0);
	core_end(w->core);
	turn_out(w);
	pump(w);
	packet_unref(&p);
	expect_nothing(w, FAR);
	world_free(w);
}

/* A room that becomes one for members only, and many are put out: who hears presences is not told of each. */
static void test_many_put_out(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.no_limits = true});
	unsigned alice = subscribed_tea(w, "");
	char nick[64];

	say(w, alice, ADMIN("<item affiliation='member' jid='bob@far.test'/>"));
	forget_all(w);
	subscribe_bob(w);
	for (int i = 0; i < 2; i++) {
		int n = i ? TOLD_OF_MAX + 1 : 2;

		for (int k = 0; k < n; k++) {
			char jid[64];

			snprintf(jid, sizeof(jid), "u%d@x.test/u", k);
			snprintf(nick, sizeof(nick), TEA "/u%d", k);
			enter(w, jid, nick);
		}
		forget_all(w);
		configure(w, alice, TEA, FIELD("membersonly", "1"));
		assert_int_equal(room_count(tea(w)), 1);
		for (int k = 0; k < n && !i; k++)
			expect(w, FAR, "type='unavailable'", "322");
		expect_nothing(w, FAR);
		configure(w, alice, TEA, FIELD("membersonly", "0"));
	}
	world_free(w);
}

/* So are they when a domain is banned: who hears affiliations hears of that, once. */
static void test_domain_put_out(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.no_limits = true});
	unsigned alice = subscribed_tea(w, FIELD("whois", "anyone"));
	char jid[64], nick[64];

	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", NODE("presence") NODE("affiliations")));
	for (int k = 0; k <= TOLD_OF_MAX; k++) {
		snprintf(jid, sizeof(jid), "u%d@x.test/u", k);
		snprintf(nick, sizeof(nick), TEA "/u%d", k);
		enter(w, jid, nick);
	}
	forget_all(w);
	say(w, alice, ADMIN("<item affiliation='outcast' jid='x.test'/>"));
	assert_int_equal(room_count(tea(w)), 1);
	expect(w, FAR, "mucsub:nodes:affiliations", "affiliation='outcast'", "jid='x.test'");
	expect_nothing(w, FAR);
	world_free(w);
}

/* A change that concerns each of many is made in parts by how many hear of it, outside as well. */
static void test_goes_on(void **state)
{
	struct world *w = world_new(&(struct rooms_config){.no_limits = true});
	struct occupant *o;
	char jid[64], nick[64];

	subscribed_tea(w, "");
	for (int k = 0; k < 6; k++) {
		snprintf(jid, sizeof(jid), "u%d@x.test/u", k);
		snprintf(nick, sizeof(nick), TEA "/u%d", k);
		enter(w, jid, nick);
	}
	put_many(w, SUBSCRIBERS_MAX, 1 << SUB_PRESENCE);
	for (uint32_t pos = 0; (o = map_next(&tea(w)->nicks, &pos));)
		o->gets_voice = o->role != ROLE_MODERATOR;
	core_begin(w->core, w->now, (int64_t)TEST_WALL * 1000);
	room_go_on(tea(w));
	assert_true(tea(w)->unfinished);
	core_end(w->core);
	turn_out(w);
	pump(w);
	assert_false(tea(w)->unfinished);
	forget_all(w);
	world_free(w);
}

/* Who hears the room has not said a password that is new; owners and admins may know it. */
static void test_new_password(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");
	unsigned dave = enter(w, "dave@x.test/d", TEA "/dave");
	static const char *const says[] = {FIELD("passwordprotectedroom", "1") FIELD("roomsecret", "s"),
		FIELD("roomsecret", "other")};

	subscriber_put(tea(w), STR("root@x.test"), STR("root"), STR("root"), 0);
	say(w, alice, ADMIN("<item affiliation='admin' jid='carol@x.test'/>"));
	subscriber_put(tea(w), STR("carol@x.test"), STR("carol"), STR("carol"), 0);
	for (size_t i = 0; i < ARRAY_LEN(says); i++) {
		forget_all(w);
		say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob' password='s'", NODE("messages")));
		expect(w, FAR, "type='result'");
		configure(w, alice, TEA, says[i]);
		expect(w, FAR, "to='bob@far.test'", "<unsubscribe");
		assert_int_equal(subscribers_count(tea(w)), 2);
		assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 0);
	}
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob' password='s'", NODE("messages")));
	expect(w, FAR, "<not-authorized");
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob' password='other'", NODE("messages")));
	expect(w, FAR, "type='result'");
	/* who came in before it was set has not said it, either; its owner need not */
	forget_all(w);
	say(w, dave, SUBSCRIBE("nick='dave'", ""));
	expect(w, dave, "<not-authorized");
	say(w, alice, SUBSCRIBE("nick='alice'", ""));
	expect(w, alice, "type='result'");
	say(w, alice, "<iq type='set' id='u' to='" TEA "'><unsubscribe xmlns='" NS_MUCSUB "'/></iq>");
	/* what is no other password ends nothing */
	configure(w, alice, TEA, FIELD("roomsecret", "other") FIELD("roomname", "Tea"));
	configure(w, alice, TEA, FIELD("passwordprotectedroom", "0"));
	assert_int_equal(subscribers_count(tea(w)), 3);
	world_free(w);
}

/* Where nicknames are locked he is called as he is registered, whatever he is subscribed as, and found by that name. */
static void test_locked_nick(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, FIELD("locknicks", "1"));

	subscribe_bob(w);
	say(w, alice, ADMIN("<item affiliation='member' jid='bob@far.test' nick='Robert'/>"));
	forget_all(w);
	say_far(w, "bob@far.test/b", SAY("who am I"));
	expect(w, alice, "from='" TEA "/Robert'", "<body>who am I</body>");
	forget_all(w);
	say(w, alice, "<message type='chat' to='" TEA "/Robert'><body>psst</body></message>");
	expect(w, FAR, "to='bob@far.test'", "<body>psst</body>");
	say(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	expect(w, FAR, "<destroy>", "from='" TEA "/Robert'");
	world_free(w);
}

/* Who is in and may not change his nickname is not subscribed by another one, which he would speak under from outside. */
static void test_other_nick(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "<field var='x-muc#roomconfig_canchangenick'><value>0</value></field>");
	unsigned carol = enter(w, "carol@x.test/c", TEA "/carol");

	forget_all(w);
	say(w, carol, SUBSCRIBE("nick='caroline'", ""));
	expect(w, carol, "type='error'", "<not-acceptable");
	say(w, carol, SUBSCRIBE("nick='carol'", ""));
	expect(w, carol, "type='result'");
	configure(w, alice, TEA,
		"<field var='x-muc#roomconfig_canchangenick'><value>1</value></field>" FIELD("allowvisitornickchange",
			"0") FIELD("moderatedroom", "1"));
	say(w, alice, ADMIN("<item nick='carol' role='visitor'/>"));
	forget_all(w);
	say(w, carol, SUBSCRIBE("nick='caroline'", ""));
	expect(w, carol, "type='error'", "<not-acceptable");
	say(w, alice, ADMIN("<item nick='carol' role='participant'/>"));
	forget_all(w);
	say(w, carol, SUBSCRIBE("nick='caroline'", ""));
	expect(w, carol, "type='result'");
	world_free(w);
}

/* Put out, he hears the room no more, or he would go on speaking from outside. */
static void test_kicked(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscribe_bob(w);
	say_far(w, "bob@far.test/b", "<presence to='" TEA "/bob'>" MUC "</presence>");
	forget_all(w);
	say(w, alice, ADMIN("<item nick='bob' role='none'/>"));
	expect(w, FAR, "to='bob@far.test/b'", "type='unavailable'", "307");
	expect(w, FAR, "to='bob@far.test'", "<unsubscribe");
	assert_int_equal(subscribers_count(tea(w)), 0);
	assert_int_equal(test_rows_count(&w->rows, STORE_SUBSCRIBER_PUT), 0);
	forget_all(w);
	say_far(w, "bob@far.test/b", SAY("still here"));
	expect(w, FAR, "type='error'", "<not-acceptable");
	world_free(w);
}

/* That somebody who is in is banned, or put out as no member, is an affiliation as any other. */
static void test_put_out_is_heard(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	subscriber_put(tea(w), STR("bob@far.test"), STR("bob"), STR("bob"), 1 << SUB_AFFILIATIONS);
	for (int i = 0; i < 2; i++) {
		char xml[512];

		snprintf(xml, sizeof(xml), ADMIN("%s"), "<item affiliation='outcast' jid='carol@x.test'/>");
		enter(w, i ? "dave@x.test/d" : "carol@x.test/c", i ? TEA "/dave" : TEA "/carol");
		forget_all(w);
		if (i) {
			say(w, alice, ADMIN("<item affiliation='member' jid='dave@x.test'/>"));
			configure(w, alice, TEA, FIELD("membersonly", "1"));
			subscriber_put(tea(w), STR("bob@far.test"), STR("bob"), STR("bob"), 1 << SUB_AFFILIATIONS);
			say(w, alice, ADMIN("<item affiliation='member' jid='bob@far.test'/>"));
			forget_all(w);
			snprintf(xml, sizeof(xml), ADMIN("%s"), "<item affiliation='none' jid='dave@x.test'/>");
		}
		say(w, alice, xml);
		expect(w, FAR, "mucsub:nodes:affiliations", i ? "affiliation='none'" : "affiliation='outcast'",
			i ? "321" : "301", i ? "/dave'" : "/carol'", "!x.test/");
		expect_nothing(w, FAR);
	}
	world_free(w);
}

/* That addresses are to be seen concerns everybody who is subscribed, whatever he hears. */
static void test_seen_by_anyone(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, "");

	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob'", ""));
	forget_all(w);
	configure(w, alice, TEA, FIELD("whois", "anyone") FIELD("roomname", "Tea"));
	expect(w, FAR, "to='bob@far.test'", "mucsub:nodes:config", "code='172'");
	expect_nothing(w, FAR);
	configure(w, alice, TEA, FIELD("whois", "moderators"));
	expect_nothing(w, FAR);
	world_free(w);
}

/* Whom visitors may write to is asked of who is away as of who is in. */
static void test_visitors_write(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = subscribed_tea(w, FIELD("moderatedroom", "1")), carol;
	static const struct {
		const char *to, *refused; /* to one, to a moderator */
	} table[] = {{"anyone", NULL}, {"moderators", "bob"}, {"nobody", "both"}};
	char xml[256];

	say(w, alice, ADMIN("<item affiliation='admin' jid='fay@far.test'/>"));
	carol = enter(w, "carol@x.test/c", TEA "/carol");
	subscriber_put(tea(w), STR("bob@far.test"), STR("bob"), STR("bob"), 0);
	subscriber_put(tea(w), STR("fay@far.test"), STR("fay"), STR("fay"), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		snprintf(xml, sizeof(xml),
			"<field var='allow_private_messages_from_visitors'><value>%s</value></field>", table[i].to);
		configure(w, alice, TEA, xml);
		forget_all(w);
		for (int k = 0; k < 2; k++) {
			const char *nick = k ? "fay" : "bob";
			bool refused = table[i].refused && (!k || strcmp(table[i].refused, "both") == 0);

			snprintf(xml, sizeof(xml), "<message type='chat' to='" TEA "/%s'><body>psst</body></message>",
				nick);
			say(w, carol, xml);
			if (refused)
				expect(w, carol, "type='error'", "<forbidden");
			else
				expect(w, FAR, "<body>psst</body>", "from='" TEA "/carol'", nick);
			expect_nothing(w, FAR);
		}
	}
	world_free(w);
}

/* Subscribing and unsubscribing all the time is stopped, as entering is. */
static void test_pace(void **state)
{
	struct world *w = world_new(NULL);

	subscribed_tea(w, "");
	for (int i = 0; i < PACE_AHEAD / COST_PRESENCE; i++)
		say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob' password='x'", ""));
	forget_all(w);
	say_far(w, "bob@far.test/c", SUBSCRIBE("nick='bob'", ""));
	expect(w, FAR, "type='error'", "<policy-violation");
	world_free(w);
}

/* Of who is subscribed to all that a room is asked, and who may read it, nothing is known outside. */
static void test_counts_and_archive(void **state)
{
	struct rooms_config config = {.admins = test_admins, .archive_max = 50};
	struct world *w = world_new(&config);
	unsigned alice = subscribed_tea(w, FIELD("passwordprotectedroom", "1") FIELD("roomsecret", "s"));
	static const char *const ask = "<iq type='set' id='mam' to='" TEA "'><query xmlns='" NS_MAM "'/></iq>";

	say(w, alice, SAY("one"));
	say_far(w, "bob@far.test/b", ask);
	expect(w, FAR, "<forbidden");
	say_far(w, "bob@far.test/b", SUBSCRIBE("nick='bob' password='s'", NODE("messages")));
	expect(w, FAR, "type='result'");
	say_far(w, "bob@far.test/b", ask);
	expect(w, FAR, "<body>one</body>");
	run(w, "room show " TEA);
	assert_non_null(strstr(w->reply, "1 subscribed"));
	run(w, "room show " TEA " --json");
	assert_non_null(strstr(w->reply, "\"subscribers\": 1"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_the_disk),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rooms_of_one),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_odd_rows),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_ban_of_a_domain),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_store_fails),
		cmocka_unit_test(test_paid_by_the_speaker),
		cmocka_unit_test(test_no_event_too_much),
		cmocka_unit_test(test_many_put_out),
		cmocka_unit_test(test_domain_put_out),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_new_password),
		cmocka_unit_test(test_locked_nick),
		cmocka_unit_test(test_other_nick),
		cmocka_unit_test(test_kicked),
		cmocka_unit_test(test_put_out_is_heard),
		cmocka_unit_test(test_seen_by_anyone),
		cmocka_unit_test(test_visitors_write),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_counts_and_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
