/* The client's brain in rooms, on scripted streams. */
#include "client/testing.h"

#define ROOM "tea@rooms.x.test"
#define ENTERED(nick, more) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant'/>" more "</x></presence>"

static void in_room(void)
{
	with_bob();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR("pass<")), 0);
	assert_true(said("to='" ROOM "/me'"));
	assert_true(said("<password>pass&lt;</password>"));
	hear(ENTERED("them", ""));
	told_nothing();
	hear(ENTERED("me", "<status code='110'/>"));
	told("joined #tea|me|joined||them");
	hear("<message type='groupchat' from='" ROOM "/them' id='h1'><body>before</body><delay xmlns='" NS_DELAY
	     "' stamp='2020-01-01T00:00:00Z'/></message>");
	told("message #tea|them||before| delayed history");
	client_say(t.c, STR(ROOM), STR("waits"));
	assert_false(said("<body>waits"));
	hear("<message type='groupchat' from='" ROOM "/them'><subject>Tea</subject></message>");
	told("subject #tea|them||Tea|");
	assert_true(said("<body>waits"));
	forget();
}

static void echo(const char *body)
{
	char xml[1024];
	const char *p = strstr(buf_cstr(client_out(t.c)), "<message type='groupchat' id='");

	assert_non_null(p);
	snprintf(xml, sizeof(xml), "<message type='groupchat' from='" ROOM "/me' id='%.20s'><body>%s</body></message>",
		p + strlen("<message type='groupchat' id='"), body);
	hear(xml);
}

static void a_room(void **state)
{
	in_room();
	client_say(t.c, STR(ROOM), STR("hello"));
	echo("hello");
	told("state #tea|||hello||delivered own");
	hear("<message type='groupchat' from='" ROOM "/me' id='other'><body>from my phone</body></message>");
	told("message #tea|me||from my phone| own");
	hear(ENTERED("third", ""));
	told("occupant #tea|third|joined||");
	hear("<presence from='" ROOM "/third' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item nick='3rd' affiliation='none' role='participant'/><status code='303'/></x></presence>" ENTERED(
		     "3rd", ""));
	told("occupant #tea|third|is now called||3rd\n");
	hear("<presence from='" ROOM "/3rd' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='none'><reason>noise</reason></item><status code='307'/></x></presence>");
	told("occupant #tea|3rd|was kicked||noise");
	hear("<presence from='" ROOM "/me' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='outcast' role='none'/><status code='110'/><status code='301'/></x></presence>");
	told("left #tea|me|was banned||");
	assert_int_equal(client_say(t.c, STR(ROOM), STR("still?")), ERR_NOTFOUND);
}

/* Who does it is told with what became of it, too. */
static void what_we_do(void **state)
{
	in_room();
	client_say(t.c, STR(ROOM), STR("/me waves"));
	assert_true(said("<body>/me waves</body>"));
	echo("/me waves");
	told("state #tea|me||/me waves||delivered own");
	hear("<message type='groupchat' from='" ROOM "/them' id='w'><body>/me nods</body></message>");
	told("message #tea|them||/me nods|");
}

static void a_new_name_of_ours(void **state)
{
	in_room();
	client_nick(t.c, STR(ROOM), STR("I"));
	assert_true(said("to='" ROOM "/I'"));
	hear("<presence from='" ROOM "/me' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item nick='I'/><status code='303'/><status code='110'/></x></presence>" ENTERED("I",
		     "<status code='110'/>"));
	told("occupant #tea|me|is now called||I\n");
	client_say(t.c, STR(ROOM), STR("hello"));
	assert_true(client_in_room(t.c, STR(ROOM)));
}

/* Others can come in only when it is open. */
static void a_new_room(void **state)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("me", "<status code='201'/><status code='110'/>"));
	told_nothing();
	assert_int_equal(client_pending(t.c), 4);
	answer("type='submit'", ROOM, "");
	told("joined #tea|me|created||\n");
	assert_int_equal(client_pending(t.c), 3);
}

static void a_new_room_that_stays_closed(void **state)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear(ENTERED("me", "<status code='201'/><status code='110'/>"));
	refuse("type='submit'", ROOM);
	told("refused ||forbidden|create the room: you may not do that there");
}

static void a_room_refuses(void **state)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	assert_int_equal(client_pending(t.c), 4);
	hear("<presence type='error' from='" ROOM "/me'><error type='cancel'><conflict xmlns='" NS_STANZAS
	     "'/></error></presence>");
	told("refused ||conflict|#tea: cannot join: somebody there has this nickname: /join ROOM NICK takes another|");
	assert_false(client_in_room(t.c, STR(ROOM)));
	hear(ENTERED("late", ""));
	told_nothing();
}

/* Who is in stays in, whatever becomes of it. */
static void joined_again(void **state)
{
	in_room();
	forget();
	assert_int_equal(client_join(t.c, STR(ROOM), STR("them"), STR_NONE), ERR_EXISTS);
	assert_true(said("<presence to='" ROOM "/them'>"));
	assert_false(said(NS_MUC "'"));
	hear("<presence type='error' from='" ROOM "/them'><error type='cancel'><conflict xmlns='" NS_STANZAS
	     "'/></error></presence>");
	told("refused ||conflict|#tea: you are still me: somebody there has this nickname, or one that looks like it: /nick takes another|");
	assert_true(client_in_room(t.c, STR(ROOM)));
	assert_int_equal(client_who(t.c, STR(ROOM)), 0);
	told("them: participant");
	/* Without another name it is asked who is there, and the password is still known. */
	forget();
	assert_int_equal(client_join(t.c, STR(ROOM), STR_NONE, STR_NONE), 0);
	assert_true(said("to='" ROOM "/me'"));
	assert_true(said("<password>pass&lt;</password>"));
	hear(ENTERED("them", "") ENTERED("me", "<status code='110'/>"));
	told("joined #tea|me|joined||them");
}

/* Each condition of RFC 6120 section 8.3.3, whatever was refused, is told in words. */
static void reasons_in_words(void **state)
{
	static const char *const conditions[] = {"bad-request", "conflict", "feature-not-implemented", "forbidden",
		"gone", "internal-server-error", "item-not-found", "jid-malformed", "not-acceptable", "not-allowed",
		"not-authorized", "policy-violation", "recipient-unavailable", "redirect", "registration-required",
		"remote-server-not-found", "remote-server-timeout", "resource-constraint", "service-unavailable",
		"subscription-required"};

	in_room();
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
		for (int own = 0; own < 2; own++) {
			char xml[1024], wanted[64];

			forget();
			buf_reset(&t.events);
			client_say(t.c, STR("bob@x.test"), STR("hi"));
			snprintf(xml, sizeof(xml),
				"<message type='error' from='bob@x.test' id='%s'><error type='cancel'><%s xmlns='" NS_STANZAS
				"'/>%s</error></message>",
				last_id(), conditions[i], own ? "<text xmlns='" NS_STANZAS "'>as it said</text>" : "");
			hear(xml);
			snprintf(wanted, sizeof(wanted), "|%s|failed", conditions[i]);
			assert_null(strstr(buf_cstr(&t.events), wanted));
			told(own ? "as it said" : "|failed own");
		}
}

static void a_room_in_trouble(void **state)
{
	in_room();
	hear("<presence from='" ROOM "/me' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='none'/><status code='110'/><status code='333'/></x></presence>");
	told("occupant #tea|me|was lost, and comes back||");
	client_say(t.c, STR(ROOM), STR("waits"));
	forget();
	client_tick(t.c);
	assert_false(said("<presence"));
	pass(AGAIN_MS);
	client_tick(t.c);
	assert_true(said("to='" ROOM "/me'"));
	hear(ENTERED("me", "<status code='110'/>"));
	hear("<message type='groupchat' from='" ROOM "/them'><subject>Tea</subject></message>");
	assert_true(said("<body>waits"));
}

static void a_room_after_a_lost_session(void **state)
{
	in_room();
	client_say(t.c, STR(ROOM), STR("arrived"));
	client_say(t.c, STR(ROOM), STR("did not"));
	char first[32];
	snprintf(first, sizeof(first), "%.20s",
		strstr(buf_cstr(client_out(t.c)), "groupchat' id='") + strlen("groupchat' id='"));
	client_lost(t.c, STR("cut"));
	pass(5000);
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	assert_true(said("<history seconds='6'/>"));
	assert_false(said("<body>arrived"));
	hear(ENTERED("me", "<status code='110'/>"));
	char xml[512];
	snprintf(xml, sizeof(xml),
		"<message type='groupchat' from='" ROOM "/me' id='%s'><body>arrived</body><delay xmlns='" NS_DELAY
		"' stamp='2023-11-14T22:13:22Z'/></message>",
		first);
	hear(xml);
	hear("<message type='groupchat' from='" ROOM "/them'><subject>Tea</subject></message>");
	assert_false(said("<body>arrived"));
	assert_true(said("<body>did not"));
}

static void rights(void **state)
{
	in_room();
	client_role(t.c, STR(ROOM), STR("them"), "none", STR("a<b"));
	assert_true(said("<item nick='them' role='none'><reason>a&lt;b</reason></item>"));
	refuse("role='none'", ROOM);
	told("refused ||forbidden|kick them: you may not do that there; owners");
	client_affiliate(t.c, STR(ROOM), STR("Bob"), STR("member"), STR_NONE);
	assert_true(said("<item jid='bob@x.test' affiliation='member'>"));
	answer("affiliation='member'", ROOM, "");
	told("done |||bob@x.test is member in #tea|");
	assert_int_equal(client_affiliate(t.c, STR(ROOM), STR("them"), STR("owner"), STR_NONE),
		ERR_INVALID); /* who is it? */
	hear("<message from='" ROOM "'><x xmlns='" NS_DATA "' type='form'><field var='FORM_TYPE'><value>" NS_MUC_REQUEST
	     "</value></field><field var='muc#roomnick'><value>shy</value></field></x></message>");
	told("occupant #tea|shy|asks for voice||");
	hear("<message from='" ROOM "'><x xmlns='" NS_DATA
	     "' type='form'><field var='FORM_TYPE'><value>" NS_MUC_REGISTER
	     "</value></field><field var='muc#register_roomnick'><value>Montague</value></field><field var='muc#jid'><value>"
	     "Romeo@X.test/1</value></field></x></message>");
	told("occupant #tea|Montague|asks to be a member||/member romeo@x.test says yes, /affiliate romeo@x.test none says no");
	assert_int_equal(client_request_voice(t.c, STR(ROOM)), ERR_EXISTS); /* we have it */
	hear("<presence from='" ROOM "/me'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='visitor'/><status code='110'/></x></presence>");
	forget();
	assert_int_equal(client_request_voice(t.c, STR(ROOM)), 0);
	assert_true(said("<value>" NS_MUC_REQUEST "</value>"));
}

#define IS(nick, jid) \
	"<presence from='" ROOM "/" nick "'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='participant' jid='" jid "'/></x></presence>"
#define GOES(nick, code) \
	"<presence from='" ROOM "/" nick "' type='unavailable'><x xmlns='" NS_MUC_USER \
	"'><item affiliation='none' role='none'/>" code "</x></presence>"

static void ban(const char *whom, int wanted)
{
	forget();
	buf_reset(&t.events);
	assert_int_equal(client_affiliate(t.c, STR(ROOM), str_z(whom), STR("outcast"), STR_NONE), wanted);
}

/* Who takes another name is the one of before, too; and no rights go to somebody by the name that he had. */
static void names_of_before(void **state)
{
	in_room();
	hear(IS("eve", "eve@x.test/1") GOES("eve", "") IS("eve", "troll@x.test/1"));
	hear("<presence from='" ROOM "/eve' type='unavailable'><x xmlns='" NS_MUC_USER
	     "'><item nick='other'/><status code='303'/></x></presence>" IS("other", "troll@x.test/1"));
	ban("eve", 0);
	assert_false(said("outcast"));
	told("their address would do: troll@x.test, eve@x.test|");
	forget();
	assert_int_equal(client_affiliate(t.c, STR(ROOM), STR("eve"), STR("owner"), STR_NONE), ERR_INVALID);
	assert_false(said("owner"));
}

/* He who leaves before the ban comes does not escape it. */
static void a_ban_of_who_is_gone(void **state)
{
	in_room();
	hear(IS("eve", "eve@x.test/1") IS("dave", "dave@x.test/1") IS("unseen", ""));
	hear(GOES("eve", "") GOES("dave", "<status code='307'/>") GOES("unseen", ""));
	ban("eve", 0);
	assert_true(said("<item jid='eve@x.test' affiliation='outcast'>"));
	ban("dave", 0);
	assert_true(said("<item jid='dave@x.test' affiliation='outcast'>"));
	ban("unseen", ERR_INVALID);
	/* Several were called so; whoever is there is meant before all of them. */
	hear(IS("eve", "mallory@x.test/1") GOES("eve", "") IS("eve", "mallory@x.test/2") GOES("eve", ""));
	ban("eve", 0);
	assert_false(said("outcast"));
	told("refused |||several are, or were here, eve; their address would do: mallory@x.test, eve@x.test|");
	hear(IS("eve", "third@x.test/1"));
	ban("eve", 0);
	assert_true(said("<item jid='third@x.test' affiliation='outcast'>"));
	/* Somebody else may be known by the name. */
	hear(IS("Bob", "robert@x.test/1") GOES("Bob", ""));
	ban("Bob", 0);
	assert_false(said("outcast"));
	told("refused |||several are, or were here, Bob; their address would do: robert@x.test, bob@x.test|");
	hear(IS("bob", "bob@x.test/1") GOES("bob", ""));
	ban("bob", 0);
	assert_true(said("<item jid='bob@x.test' affiliation='outcast'>"));
}

static void as_many_as_are_kept(void **state)
{
	in_room();
	hear(IS("eve", "eve@x.test/1") GOES("eve", ""));
	for (int i = 0; i < GONE_MAX; i++) {
		char xml[1024];

		snprintf(xml, sizeof(xml), IS("n%d", "n%d@x.test/1") GOES("n%d", ""), i, i, i);
		hear(xml);
	}
	ban("eve", ERR_INVALID);
	ban("n0", 0);
	assert_true(said("<item jid='n0@x.test' affiliation='outcast'>"));
	/* What was there at the end of a session may be gone at the begin of the next. */
	hear(IS("last", "last@x.test/1"));
	client_lost(t.c, STR("cut"));
	to_session();
	hear("<failed xmlns='" NS_SM "'/>");
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/2</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token2' resume='true'/>");
	hear(ENTERED("me", "<status code='110'/>"));
	ban("last", 0);
	assert_true(said("<item jid='last@x.test' affiliation='outcast'>"));
}

static void without_voice(void **state)
{
	with_bob();
	client_join(t.c, STR(ROOM), STR("me"), STR_NONE);
	hear("<presence from='" ROOM "/me'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='visitor'/><status code='110'/></x></presence>");
	told("joined #tea|me|joined||\n"
	     "room #tea||warning|you have no voice here, and can only listen; /request-voice asks for it|");
}

/* That is how one becomes a member where only members come in. */
static void registered_from_outside(void **state)
{
	with_bob();
	assert_int_equal(client_register(t.c, STR(ROOM), STR("me")), 0);
	answer("<field var='muc#register_roomnick'><value>me</value>", ROOM, "");
	told("done |||registered as me, or asked for it");
}

/* With the service, however it is called. */
static void registered_everywhere(void **state)
{
	with_bob();
	buf_reset(&t.events);
	assert_int_equal(client_register(t.c, STR_NONE, STR("me")), 0);
	answer("<field var='muc#register_roomnick'><value>me</value>", "rooms.x.test", "");
	told("done |||me is yours in all rooms of the service");
	assert_int_equal(client_register(t.c, STR_NONE, STR_NONE), 0);
	answer("<remove/>", "rooms.x.test", "");
	told("registered no more with the service");
}

#define FIELD(var, type, more) "<field var='" var "' type='" type "'>" more "</field>"
#define TYPE FIELD("FORM_TYPE", "hidden", "<value>http://jabber.org/protocol/muc#roomconfig</value>")
#define SECRET "<value>sesame</value>"
#define FORM \
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='form'>" TYPE \
	"<field var='muc#roomconfig_moderatedroom' type='boolean' label='Moderated'><value>0</value></field>" \
	"<field var='muc#roomconfig_roomname'><value>T</value></field>" FIELD("muc#roomconfig_presencebroadcast", \
		"list-multi", \
		"<value>moderator</value><value>participant</value><option><value>moderator</value></option>" \
		"<option><value>participant</value></option>") FIELD("muc#roomconfig_roomsecret", "text-private", \
		SECRET) FIELD("muc#roomconfig_roomadmins", "jid-multi", "<value>eve@x.test</value>") \
		FIELD("x-muc#roomconfig_canchangenick", "boolean", "<value>1</value>") \
			FIELD("allow_query_users", "boolean", "<value>1</value>") \
				FIELD("muc#roominfo_contactjid", "jid-single", "") \
					FIELD("words", "fixed", "<value>Look</value>") \
						FIELD("token", "hidden", "<value>1&lt;2</value>") "</x></query>"
#define SENT(field) \
	"<x xmlns='" NS_DATA "' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig" \
	"</value></field>" field "<field var='token'><value>1&lt;2</value></field></x>"

static void set(const char *field, const char *value)
{
	forget();
	assert_int_equal(client_configure(t.c, STR(ROOM), str_z(field), value ? str_z(value) : STR_NONE), 0);
	answer("<query xmlns='" NS_MUC_OWNER "'/>", ROOM, FORM);
}

/* Only what changes goes out: another owner may change something else at this moment. */
static void settings(void **state)
{
#define BROADCAST \
	"<field var='muc#roomconfig_presencebroadcast'><value>participant</value><value>moderator</value></field>"
	in_room();
	set("moderatedroom", "on");
	assert_true(said(SENT("<field var='muc#roomconfig_moderatedroom'><value>1</value></field>")));
	answer("type='submit'", ROOM, "");
	told("done |||moderatedroom = on|");
	set("muc#roomconfig_moderatedroom", "off");
	assert_true(said(SENT("<field var='muc#roomconfig_moderatedroom'><value>0</value></field>")));
	set("contactjid", "bob@x.test");
	assert_true(said(SENT("<field var='muc#roominfo_contactjid'><value>bob@x.test</value></field>")));
	/* Names of Openfire and ejabberd. */
	set("canchangenick", "off");
	assert_true(said(SENT("<field var='x-muc#roomconfig_canchangenick'><value>0</value></field>")));
	set("allow_query_users", "off");
	assert_true(said(SENT("<field var='allow_query_users'><value>0</value></field>")));
	set("roomname", "a, b");
	assert_true(said(SENT("<field var='muc#roomconfig_roomname'><value>a, b</value></field>")));
	set("presencebroadcast", "participant, moderator");
	assert_true(said(SENT(BROADCAST)));
	set("presencebroadcast", "participant,moderator");
	assert_true(said(SENT(BROADCAST)));
	set("presencebroadcast", "participant moderator");
	assert_true(said(SENT(BROADCAST)));
	set("presencebroadcast", "");
	assert_true(said(SENT("<field var='muc#roomconfig_presencebroadcast'></field>")));
	set("roomname", "");
	assert_true(said(SENT("<field var='muc#roomconfig_roomname'><value></value></field>")));
	answer("type='submit'", ROOM, "");
	told("done |||roomname is empty|");
	set("roomsecret", "open");
	assert_true(said(SENT("<field var='muc#roomconfig_roomsecret'><value>open</value></field>")));
	answer("type='submit'", ROOM, "");
	told("done |||roomsecret = (set)|");
	set("nonsense", "on");
	told("refused |||nonsense: the room has no such setting");
	set("token", "on");
	told("refused |||token: the room has no such setting");
}

static void settings_shown(void **state)
{
	in_room();
	assert_true(str_is(client_settings(t.c, STR(ROOM)), ""));
	set("", NULL);
	told("answer |||moderatedroom = 0 [0|1]  Moderated\nroomname = T\n"
	     "presencebroadcast = moderator, participant [moderator|participant]\nroomsecret = (set)\nroomadmins = eve@x.test\n"
	     "canchangenick = 1 [0|1]\nallow_query_users = 1 [0|1]\ncontactjid = |\n");
	assert_true(str_is(client_settings(t.c, STR(ROOM)),
		"moderatedroom roomname presencebroadcast roomsecret roomadmins canchangenick allow_query_users contactjid "));
	set("roomname", NULL);
	told("answer |||roomname = T\n/config roomname TEXT sets it, /config roomname \"\" empties it|\n");
	set("muc#roomconfig_moderatedroom", NULL);
	told("answer |||moderatedroom = 0 [0|1]  Moderated\n/config moderatedroom on|off sets it|\n");
	set("nonsense", NULL);
	told("refused |||nonsense: the room has no such setting");
	assert_false(said("type='submit'"));
}

static void a_subject(void **state)
{
	in_room();
	assert_int_equal(client_topic(t.c, STR(ROOM), STR_NONE), 0);
	told("answer |||#tea is about: Tea (set by them)|");
	assert_false(said("<subject"));
	assert_int_equal(client_topic(t.c, STR(ROOM), STR("")), 0);
	assert_true(said("<subject></subject>"));
	hear("<message type='groupchat' from='" ROOM "/me'><subject/></message>");
	told("subject #tea|me|||");
	assert_int_equal(client_topic(t.c, STR(ROOM), STR_NONE), 0);
	told("answer |||#tea has no subject; /topic TEXT sets one|");
}

static void the_end_of_a_room(void **state)
{
	in_room();
	assert_int_equal(client_destroy(t.c, STR(ROOM), STR("hall@rooms.x.test"), STR("a<b")), 0);
	assert_true(said("<destroy jid='hall@rooms.x.test'><reason>a&lt;b</reason></destroy>"));
	forget();
	assert_int_equal(client_destroy(t.c, STR(ROOM), STR_NONE, STR("")), 0);
	assert_true(said("<destroy></destroy>"));
}

static void invitations(void **state)
{
	with_bob();
	hear("<message from='" ROOM "'><x xmlns='" NS_MUC_USER
	     "'><invite from='bob@x.test/1'><reason>tea?</reason></invite></x></message>");
	told("invited " ROOM "|Bob|||tea?");
	hear("<message from='eve@x.test/1'><x xmlns='" NS_X_CONFERENCE
	     "' jid='pit@rooms.x.test' reason='come'/></message>");
	told("invited pit@rooms.x.test|eve@x.test|||come");
	/* Whoever comes on an invitation has its password; one that is typed counts more. */
	hear("<message from='pit@rooms.x.test'><x xmlns='" NS_MUC_USER
	     "'><invite from='eve@x.test'/><password>a &amp; b</password></x></message>");
	told("invited pit@rooms.x.test|eve@x.test|||");
	forget();
	assert_int_equal(client_join(t.c, STR("pit@rooms.x.test"), STR_NONE, STR("mine")), 0);
	assert_true(said("<password>mine</password>"));
	forget();
	assert_int_equal(client_join(t.c, STR("pit@rooms.x.test"), STR_NONE, STR_NONE), 0);
	assert_true(said("<password>a &amp; b</password>"));
	hear("<message from='eve@x.test/1'><x xmlns='" NS_X_CONFERENCE
	     "' jid='den@rooms.x.test' password='open'/></message>");
	told("invited den@rooms.x.test|eve@x.test|||");
	forget();
	assert_int_equal(client_join(t.c, STR("den@rooms.x.test"), STR_NONE, STR_NONE), 0);
	assert_true(said("<password>open</password>"));
	hear("<message from='eve@x.test/1'><x xmlns='" NS_X_CONFERENCE "' jid='@@'/></message>");
	told_nothing();
}

static void a_room_of_itself(void **state)
{
#define CHANGED(from, codes) \
	"<message type='groupchat' from='" from "'><x xmlns='" NS_MUC_USER "'>" codes "</x></message>"
	in_room();
	hear(CHANGED(ROOM, "<status code='104'/>"));
	told("room #tea||changed|its settings were changed|");
	hear(CHANGED(ROOM, "<status code='104'/><status code='172'/>"));
	told("room #tea||changed|everybody here sees your real address from now on|");
	hear(CHANGED(ROOM, "<status code='171'/><status code='173'/>"));
	told("room #tea||changed|what is said here is not logged in public any more|\n"
	     "room #tea||changed|only moderators see your real address from now on|");
	hear(CHANGED(ROOM "/them", "<status code='173'/>"));
	told_nothing();
	hear("<message from='" ROOM "'><x xmlns='" NS_MUC_USER
	     "'><decline from='eve@x.test'><reason>late</reason></decline></x></message>");
	told("occupant #tea|eve@x.test|declined||late");
	assert_int_equal(client_leave(t.c, STR(ROOM), STR("")), 0);
	hear("<presence type='unavailable' from='" ROOM "/me'><x xmlns='" NS_MUC_USER
	     "'><item affiliation='none' role='none'/><status code='110'/></x></presence>");
	told("left #tea|me|left||");
	assert_int_equal(client_join(t.c, STR(ROOM), STR("me"), STR("")), 0);
	hear(ENTERED("me", "<status code='100'/><status code='110'/><status code='170'/>"));
	told("joined #tea|me|joined||\n"
	     "room #tea||warning|everybody here sees your real address|\n"
	     "room #tea||warning|what is said here is logged in public|");
	told_nothing();
}

static void declining(void **state)
{
	with_bob();
	hear("<message from='pit@rooms.x.test'><x xmlns='" NS_MUC_USER "'><invite from='eve@x.test/1'/></x></message>");
	told("invited pit@rooms.x.test|eve@x.test|||");
	hear("<message from='eve@x.test/1'><x xmlns='jabber:x:conference' jid='den@rooms.x.test'/></message>");
	told("invited den@rooms.x.test|eve@x.test|||");
	client_invitations(t.c);
	told("answer |||pit@rooms.x.test\nden@rooms.x.test|");
	forget();
	assert_int_equal(client_decline(t.c, STR("pit@rooms.x.test"), STR("no <time>")), 0);
	assert_true(said("<message to='pit@rooms.x.test'><x xmlns='" NS_MUC_USER
			 "'><decline to='eve@x.test'><reason>no &lt;time&gt;</reason></decline></x></message>"));
	told("declined: ");
	/* Once; and nobody is told of a direct one. */
	forget();
	assert_int_equal(client_decline(t.c, STR("pit@rooms.x.test"), STR("")), ERR_NOTFOUND);
	assert_int_equal(client_decline(t.c, STR("den@rooms.x.test"), STR("")), 0);
	assert_false(said("<decline"));
	told("(who invites directly is not told)|");
	client_invitations(t.c);
	told("answer |||no invitation waits for an answer|");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_room_of_itself),
		T(declining),
		T(a_room),
		T(what_we_do),
		T(a_new_name_of_ours),
		T(a_new_room),
		T(a_new_room_that_stays_closed),
		T(a_room_refuses),
		T(joined_again),
		T(reasons_in_words),
		T(a_room_in_trouble),
		T(a_room_after_a_lost_session),
		T(rights),
		T(a_ban_of_who_is_gone),
		T(names_of_before),
		T(as_many_as_are_kept),
		T(without_voice),
		T(registered_from_outside),
		T(registered_everywhere),
		T(settings),
		T(settings_shown),
		T(a_subject),
		T(the_end_of_a_room),
		T(invitations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
