/* What many cost: no allocation per recipient, one batch for the joins of a turn, one list for who joins, and no room
 * that keeps another one waiting. And a crowd that does everything at once. */
#include <malloc.h>

#include "room/testing.h"

#define TEA "tea@rooms.test"

static void fill(struct world *w, unsigned from, unsigned to)
{
	char jid[64], xml[256];

	for (unsigned i = from; i < to; i++) {
		snprintf(jid, sizeof(jid), "u%u@x.test/r", i);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/u%u'>" MUC "</presence>", i);
		put(w, login(w, jid), xml);
		if (i % 50 == 0)
			pump(w);
	}
	pump(w);
}

/* Allocations of the core for one message, everything warm. */
static uint64_t cost_of(struct world *w, unsigned conn, const char *xml)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t before, cost;
		put(w, conn, xml);
		before = mem_stats().allocs;
		turn_in(w);
		cost = mem_stats().allocs - before;
		turn_out(w);
		pump(w);
		best = cost < best ? cost : best;
	}
	return best;
}

#define SAY "<message type='groupchat' id='m' to='" TEA "'><body>to all of you</body></message>"

static void test_allocations(void **state)
{
	for (int persistent = 0; persistent < 2; persistent++) {
		struct world *w = world_new(NULL);
		unsigned alice = open_tea(w, persistent ? FIELD("persistentroom", "1") : "");
		uint64_t few, many, few_presence, many_presence;

		w->counting = true;
		fill(w, 0, 10);
		few = cost_of(w, alice, SAY);
		few_presence = cost_of(w, alice, "<presence to='" TEA "/alice'/>");
		fill(w, 10, 1000);
		assert_int_equal(room_count(tea(w)), 1001);
		w->counted = 0;
		many = cost_of(w, alice, SAY);
		assert_int_equal(w->counted, 4 * 1001);
		many_presence = cost_of(w, alice, "<presence to='" TEA "/alice'/>");
		assert_int_equal(few, many);
		assert_int_equal(few_presence, many_presence);
		assert_true(many <= 20);
		world_free(w);
	}
}

/* A change of presence that everybody sees: two variants and one's own, whatever the number. */
static void test_presence_allocations(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	uint64_t cost[2] = {UINT64_MAX, UINT64_MAX};
	char xml[128];

	w->counting = true;
	for (int round = 0; round < 2; round++) {
		fill(w, round ? 20 : 0, round ? 500 : 20);
		for (int i = 0; i < 6; i++) {
			uint64_t before, n;
			snprintf(xml, sizeof(xml), "<presence to='" TEA "/alice'><status>now %d</status></presence>",
				i);
			put(w, alice, xml);
			before = mem_stats().allocs;
			turn_in(w);
			n = mem_stats().allocs - before;
			turn_out(w);
			pump(w);
			cost[round] = n < cost[round] ? n : cost[round];
		}
	}
	assert_int_equal(cost[0], cost[1]);
	world_free(w);
}

static int64_t targets_bytes(const struct world *w)
{
	int64_t bytes = 0;

	for (uint32_t i = 1; i <= w->user_count; i++)
		bytes += w->users[i]->targets[0] ? (int64_t)malloc_usable_size(w->users[i]->targets[0]) : 0;
	return bytes;
}

/* What a room keeps for each who is in it, without his presence stanza: under 400 bytes. */
static void test_memory(void **state)
{
	enum { MANY = 1000 };
	struct world *w = world_new(NULL);
	int64_t before, with, without;
	struct occupant *o;
	char text[256];

	open_tea(w, "");
	w->counting = true;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "someone%u@x.test/phone", i);
		login(w, text);
	}
	pump(w);
	before = mem_stats().bytes - targets_bytes(w);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "<presence to='" TEA "/someone%u'>" MUC "</presence>", i);
		put(w, 2 + i, text);
		pump(w);
	}
	assert_int_equal(room_count(tea(w)), MANY + 1);
	sleep_ms(w, 600000); /* how fast each came in is forgotten */
	with = mem_stats().bytes - targets_bytes(w) - before;
	for (uint32_t pos = 0; (o = map_next(&tea(w)->nicks, &pos));)
		occupant_changed(o);
	without = mem_stats().bytes - targets_bytes(w) - before;
	print_message("an occupant: %d bytes, and %d of presence\n", (int)(without / MANY),
		(int)((with - without) / MANY));
	assert_true(without / MANY < 400);
	world_free(w);
}

/* One packet, one message to the wire, however many there are. */
static void test_one_send(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, "");
	uint32_t sends;

	fill(w, 0, 200);
	forget_all(w);
	sends = w->sends;
	say(w, alice, SAY);
	assert_int_equal(w->sends, sends + 1);
	for (unsigned i = 1; i <= w->user_count; i++) {
		expect(w, i, "to all of you");
		expect_nothing(w, i);
	}
	world_free(w);
}

static void test_joins_of_a_turn(void **state)
{
	enum { OLD = 8, NEW = 12 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), conn[NEW];
	char jid[64], xml[256];
	uint32_t sends, batch = 0;

	fill(w, 0, OLD);
	for (int i = 0; i < NEW; i++) {
		snprintf(jid, sizeof(jid), "new%d@x.test/r", i);
		conn[i] = login(w, jid);
	}
	forget_all(w);
	for (int i = 0; i < NEW; i++) {
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/new%d'>" MUC "</presence>", i);
		put(w, conn[i], xml);
	}
	sends = w->sends;
	turn(w);
	/* One list to each of them, one batch to the moderator, one to the others. */
	assert_int_equal(w->sends, sends + NEW + 2);
	for (int i = 0; i < NEW; i++) {
		const struct got *g = expect(w, alice, "<presence", "/new", "jid=");
		assert_true(i == 0 || g->send == batch);
		batch = g->send;
	}
	expect_nothing(w, alice);
	for (int i = 0; i < NEW; i++)
		expect(w, alice + 1, "<presence", "/new", "!jid=");
	expect_nothing(w, alice + 1);
	for (int i = 0; i < NEW; i++) {
		unsigned others = 0;
		const struct got *g;
		batch = 0;
		while ((g = next(w, conn[i])) && !strstr(g->text, "110")) {
			assert_true(!batch || g->send == batch);
			batch = g->send;
			others++;
		}
		assert_int_equal(others, 1 + OLD + NEW - 1);
		assert_int_equal(expect(w, conn[i], "<subject>")->send, batch);
		expect_nothing(w, conn[i]);
	}
	world_free(w);
}

/* Who spoke between two joins is heard by the first, as live, and by the second, as history. */
static void test_talk_between_joins(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b"), carol = login(w, "carol@x.test/c");

	put(w, bob, "<presence to='" TEA "/bob'>" MUC "</presence>");
	put(w, alice, SAY);
	put(w, carol, "<presence to='" TEA "/carol'>" MUC "</presence>");
	turn(w);
	expect(w, bob, "/alice'");
	expect(w, bob, "110");
	expect(w, bob, "<subject>");
	expect(w, bob, "to all of you", "!<delay");
	expect(w, bob, "/carol'");
	for (int i = 0; i < 2; i++)
		expect(w, carol, "<presence", "!110");
	expect(w, carol, "110");
	expect(w, carol, "to all of you", "<delay");
	expect(w, carol, "<subject>");
	expect_nothing(w, carol);
	world_free(w);
}

/* A storm on one room: the other's message goes out in the next turn at the latest. */
static void test_fair(void **state)
{
	enum { STORM = 1500 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), bob = login(w, "bob@x.test/b");
	char jid[64], xml[256];
	int turns = 0;

	join(w, bob, "quiet@rooms.test/bob");
	configure(w, bob, "quiet@rooms.test", "");
	fill(w, 0, 300);
	w->counting = false;
	forget_all(w);
	for (int i = 0; i < STORM; i++) {
		snprintf(jid, sizeof(jid), "s%d@x.test/r", i);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/s%d'>" MUC "</presence>", i);
		put(w, login(w, jid), xml);
	}
	put(w, bob, "<message type='groupchat' to='quiet@rooms.test'><body>psst</body></message>");
	do
		turn(w);
	while (++turns < 3 && w->logs[bob].head == w->logs[bob].tail);
	assert_true(turns <= 2);
	expect(w, bob, "psst");
	assert_true(core_busy(w->core)); /* the storm is not over */
	pump(w);
	assert_int_equal(room_count(tea(w)), 1 + 300 + STORM);
	forget(w, alice);
	world_free(w);
}

/* ---- changes that concern everybody ---- */

#define MODERATED(value) \
	"<iq type='set' id='conf' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>" \
	"<field var='FORM_TYPE'><value>" NS_MUC_ROOMCONFIG \
	"</value></field>" FIELD("moderatedroom", value) "</x></query></iq>"

static unsigned visitors(struct world *w)
{
	struct occupant *o;
	unsigned n = 0;

	for (uint32_t pos = 0; (o = map_next(&tea(w)->nicks, &pos));)
		n += o->role == ROLE_VISITOR;
	return n;
}

/* A great room that is not moderated any more: in the end all have voice and everybody has heard of each once; in between
 * another room is served, also where nobody's message but an administrator's word began it. */
static void test_voice_for_all(void **state)
{
	enum { MANY = 400 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("moderatedroom", "1")), bob = login(w, "bob@x.test/b"), heard = 0;
	const struct got *g;

	join(w, bob, "quiet@rooms.test/bob");
	configure(w, bob, "quiet@rooms.test", "");
	fill(w, 0, MANY);
	forget_all(w);
	put(w, alice, MODERATED("0"));
	turn(w);
	assert_in_range(visitors(w), 1, MANY - 1);
	put(w, bob, "<message type='groupchat' to='quiet@rooms.test'><body>psst</body></message>");
	turn(w);
	turn(w);
	expect(w, bob, "psst");
	assert_in_range(visitors(w), 1, MANY - 1);
	pump(w);
	assert_int_equal(visitors(w), 0);
	while ((g = next(w, alice)))
		heard += strstr(g->text, "role='participant'") != NULL;
	assert_int_equal(heard, MANY);
	/* The other way nobody loses his voice; who enters is a visitor. */
	configure(w, alice, TEA, FIELD("moderatedroom", "1"));
	assert_int_equal(visitors(w), 0);
	fill(w, MANY, MANY + 100);
	assert_int_equal(visitors(w), 100);
	run(w, "room config " TEA " moderatedroom 0");
	pump(w);
	assert_int_equal(visitors(w), 0);
	world_free(w);
}

/* Moderated again before all had it: the others do not get it. */
static void test_voice_for_some(void **state)
{
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, FIELD("moderatedroom", "1"));

	fill(w, 0, 400);
	put(w, alice, MODERATED("0"));
	turn(w);
	put(w, alice, MODERATED("1"));
	pump(w);
	assert_in_range(visitors(w), 1, 399);
	assert_false(core_busy(w->core));
	world_free(w);
}

#define BROADCAST(roles) \
	"<iq type='set' id='conf' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>" \
	"<field var='FORM_TYPE'><value>" NS_MUC_ROOMCONFIG \
	"</value></field><field var='muc#roomconfig_presencebroadcast'>" roles "</field></x></query></iq>"

/* What one of the others knows of who is in, by the presences that he got. */
static unsigned known_to(struct world *w, unsigned conn, unsigned known)
{
	const struct got *g;

	while ((g = next(w, conn)))
		if (strncmp(g->text, "<presence", 9) == 0 && !strstr(g->text, "code='110'"))
			known += strstr(g->text, "type='unavailable'") ? -1u : 1u;
	return known;
}

/* Participants are hidden, a great room of them: others are served in between, who leaves meanwhile is told of once, who comes
 * knows in the end what the others know; hidden and shown again at once nothing is wrong either. */
static void test_hidden_in_turns(void **state)
{
	enum { MANY = 400 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), witness, late, known;

	fill(w, 0, MANY);
	forget_all(w);
	witness = alice + 1;
	known = MANY; /* alice, and all the others but himself */
	put(w, alice, BROADCAST("<value>moderator</value>"));
	turn(w);
	assert_true(tea(w)->unfinished);
	put(w, alice + MANY, "<presence type='unavailable' to='" TEA "/x'/>");
	late = login(w, "late@x.test/l");
	put(w, late, "<presence to='" TEA "/late'>" MUC "</presence>");
	pump(w);
	assert_false(tea(w)->unfinished);
	known = known_to(w, witness, known);
	assert_int_equal(known, 1);
	assert_int_equal(known_to(w, late, 0), 1);
	put(w, alice, BROADCAST("<value>moderator</value><value>participant</value>"));
	turn(w);
	put(w, alice, BROADCAST("<value>moderator</value>"));
	turn(w);
	put(w, alice, BROADCAST("<value>moderator</value><value>participant</value><value>visitor</value>"));
	pump(w);
	assert_int_equal(known_to(w, witness, known), MANY);
	assert_int_equal(known_to(w, late, 1), MANY);
	world_free(w);
}

/* Those who have to go hear of themselves alone, the members of each of them. */
static void test_all_but_members_go(void **state)
{
	enum { MANY = 50 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), first;

	fill(w, 0, MANY);
	first = alice + 1;
	forget_all(w);
	configure(w, alice, TEA, FIELD("membersonly", "1"));
	for (unsigned i = 0; i < MANY; i++) {
		expect(w, first + i, "type='unavailable'", "322", "110");
		expect_nothing(w, first + i);
		expect(w, alice, "type='unavailable'", "322", "!110");
	}
	expect(w, alice, "104");
	expect(w, alice, "type='result'");
	assert_int_equal(room_count(tea(w)), 1);
	world_free(w);
}

/* ---- a crowd at the door ---- */

/* Everybody of these asks to enter, in one turn. Returns the first connection. */
static unsigned crowd_comes(struct world *w, int n)
{
	char jid[64], xml[256];
	unsigned first = 0;

	for (int i = 0; i < n; i++) {
		unsigned conn;

		snprintf(jid, sizeof(jid), "s%d@x.test/r", i);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/s%d'>" MUC "</presence>", i);
		conn = login(w, jid);
		put(w, conn, xml);
		first = i ? first : conn;
	}
	return first;
}

/* What is said inside does not wait for all who came before it. */
static void test_talk_past_the_door(void **state)
{
	enum { INSIDE = 200, STORM = 1500, AT_MOST = 200 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), joins = 0, others = 0;
	const struct got *g;

	fill(w, 0, INSIDE);
	forget_all(w);
	crowd_comes(w, STORM);
	put(w, alice, SAY);
	pump(w);
	while ((g = next(w, alice)) && !strstr(g->text, "to all of you"))
		joins++;
	assert_non_null(g);
	assert_true(joins > 0 && joins < AT_MOST);
	while ((g = next(w, alice + 1)) && !strstr(g->text, "to all of you"))
		others++;
	assert_int_equal(others, joins);
	assert_int_equal(room_count(tea(w)), 1 + INSIDE + STORM);
	assert_null(tea(w)->door);
	world_free(w);
}

/* Who waits is heard in the order in which he spoke, and others come in before who came later. */
static void test_order_at_the_door(void **state)
{
	enum { STORM = 900 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), first, last, number = 0;
	const struct got *g;

	first = crowd_comes(w, STORM);
	last = first + STORM - 1;
	put(w, last, "<message type='groupchat' to='" TEA "'><body>I am in</body></message>");
	put(w, last, "<iq type='get' id='p' to='" TEA "/s899'><ping xmlns='" NS_PING "'/></iq>");
	turn(w);
	assert_non_null(tea(w)->door);
	put(w, last, "<presence type='unavailable' to='" TEA "/s899'/>");
	pump(w);
	for (int i = 0; i < STORM; i++) {
		char nick[32];

		snprintf(nick, sizeof(nick), "/s%d'", i);
		expect(w, alice, "<presence", nick, "!unavailable");
	}
	expect(w, alice, "I am in", "/s899");
	expect(w, alice, "<presence", "unavailable", "/s899");
	expect_nothing(w, alice);
	while ((g = next(w, last)) && !strstr(g->text, "code='110'"))
		number++;
	assert_int_equal(number, STORM);
	expect(w, last, "<subject>");
	expect(w, last, "I am in");
	expect(w, last, "id='p'", "type='result'");
	expect(w, last, "unavailable", "110");
	expect_nothing(w, last);
	world_free(w);
}

/* Sessions end and the room ends while people wait. */
static void test_end_at_the_door(void **state)
{
	enum { STORM = 900 };
	struct world *w = world_new(NULL);
	unsigned alice = open_tea(w, ""), first = crowd_comes(w, STORM);

	put(w, alice, "<iq type='set' id='d' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	turn(w);
	assert_non_null(tea(w)->door);
	session_close(&w->users[first + STORM - 1]->session, SERR_NONE, NULL);
	pump(w);
	/* None of them makes it anew: that is for who ended it. */
	assert_null(tea(w));
	expect(w, first + STORM - 2, "type='error'", "<gone");
	world_free(w);
}

/* The program may end while people wait. */
static void test_free_with_a_door(void **state)
{
	struct world *w = world_new(NULL);

	open_tea(w, "");
	crowd_comes(w, 900);
	turn(w);
	assert_non_null(tea(w)->door);
	world_free(w);
}

/* ---- what a join costs ---- */

struct cost {
	uint64_t allocs, deliveries, sends;
};

static struct cost cost_of_join(struct world *w, unsigned number)
{
	struct cost best = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
	char jid[64], xml[256];

	for (unsigned i = 0; i < 4; i++) {
		struct cost before, now;
		unsigned conn;

		snprintf(jid, sizeof(jid), "j%u@x.test/r", number + i);
		snprintf(xml, sizeof(xml), "<presence to='" TEA "/j%u'>" MUC "</presence>", number + i);
		conn = login(w, jid);
		put(w, conn, xml);
		before = (struct cost){mem_stats().allocs, core_stats(w->core)->deliveries, w->sends};
		turn_in(w);
		now.allocs = mem_stats().allocs - before.allocs;
		turn_out(w);
		now.deliveries =
			core_stats(w->core)->deliveries - before.deliveries - 2 * i; /* without those of this series */
		now.sends = w->sends - before.sends;
		best.allocs = now.allocs < best.allocs ? now.allocs : best.allocs;
		best.deliveries = now.deliveries < best.deliveries ? now.deliveries : best.deliveries;
		best.sends = now.sends < best.sends ? now.sends : best.sends;
		pump(w);
	}
	return best;
}

/* A presence for each who is in, and one of each of them for who comes: nothing else grows with their number, above all not
 * what is allocated. */
static void test_cost_of_a_join(void **state)
{
	struct world *w = world_new(NULL);
	struct cost few, many;

	open_tea(w, "");
	w->counting = true;
	fill(w, 0, 20);
	few = cost_of_join(w, 0);
	fill(w, 20, 1000);
	many = cost_of_join(w, 100);
	assert_int_equal(many.allocs, few.allocs);
	assert_true(many.allocs <= 50);
	assert_int_equal(many.sends, few.sends);
	/* 980 more, and the four of the first series, each twice. */
	assert_int_equal(many.deliveries - few.deliveries, 2 * (980 + 4));
	world_free(w);
}

/* ---- a crowd ---- */

static uint32_t rnd(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

/* Parts of which something is made. */
static const char *const nicks[] = {"", "/a", "/b", "/c", "/d", "/A", "/u0", "/x y"};
static const char *const rooms[] = {"tea@rooms.test", "tea@rooms.test", "tea@rooms.test", "pot@rooms.test",
	"rooms.test"};
static const char *const contents[] = {
	MUC,
	MUC,
	MUC,
	"<x xmlns='" NS_MUC "'><password>p</password><history maxstanzas='2'/></x>",
	"<body>b</body>",
	"<body>b</body>",
	"<subject>s</subject>",
	"<show>away</show>",
	"<error type='cancel'><item-not-found xmlns='" NS_STANZAS "'/></error>",
	"<error/>",
	"<x xmlns='" NS_MUC_USER "'><invite to='i@far.test'/><invite to='u1@x.test'/></x>",
	"<x xmlns='" NS_MUC_USER "'><decline to='tea@rooms.test/a'/></x>",
	ACCEPT,
	"<query xmlns='" NS_MUC_OWNER "'/>",
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='cancel'/></query>",
	"<query xmlns='" NS_MUC_OWNER "'><destroy/></query>",
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
	"' type='submit'>" FIELD("persistentroom", "1") "</x></query>",
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>" FIELD("persistentroom", "0")
		FIELD("whois", "anyone") "</x></query>",
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>" FIELD("membersonly", "1")
		FIELD("moderatedroom", "1") "</x></query>",
	"<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>" FIELD("membersonly", "0")
		FIELD("whois", "moderators") "</x></query>",
	"<query xmlns='" NS_MUC_ADMIN "'><item nick='a' role='none'/></query>",
	"<query xmlns='" NS_MUC_ADMIN "'><item nick='b' role='moderator'/><item nick='c' role='visitor'/></query>",
	"<query xmlns='" NS_MUC_ADMIN
	"'><item jid='u1@x.test' affiliation='owner'/><item jid='u2@x.test' affiliation='none'/></query>",
	"<query xmlns='" NS_MUC_ADMIN
	"'><item jid='u3@x.test' affiliation='outcast'/><item jid='x.test' affiliation='outcast'/></query>",
	"<query xmlns='" NS_MUC_ADMIN
	"'><item jid='u3@x.test' affiliation='member'/><item jid='x.test' affiliation='none'/></query>",
	"<query xmlns='" NS_MUC_ADMIN "'><item role='moderator'/></query>",
	"<query xmlns='" NS_DISCO_ITEMS "'/>",
	"<ping xmlns='" NS_PING "'/>",
	"<vCard xmlns='" NS_VCARD "'/>",
};
static const char *const openings[] = {
	"<presence",
	"<presence",
	"<presence type='unavailable'",
	"<presence type='error'",
	"<message type='groupchat'",
	"<message type='chat'",
	"<message",
	"<message type='error'",
	"<iq type='get' id='i'",
	"<iq type='set' id='i'",
	"<iq type='set' id='i'",
	"<iq type='result' id='0123456789abcdef-1-ai'",
};

static void make(uint64_t *seed, char *ret, size_t size)
{
	const char *opening = openings[rnd(seed, ARRAY_LEN(openings))];

	snprintf(ret, size, "%s to='%s%s'>%s</%.*s>", opening, rooms[rnd(seed, ARRAY_LEN(rooms))],
		nicks[rnd(seed, ARRAY_LEN(nicks))], contents[rnd(seed, ARRAY_LEN(contents))],
		(int)strcspn(opening + 1, " "), opening + 1);
}

/* What holds at the end of every turn. */
static void check_room(const struct room *r)
{
	const struct audience *a = &r->audience;
	uint32_t visits = 0, remote = 0;
	struct occupant *o;

	for (uint32_t i = 0; i < a->n; i++) {
		assert_int_equal(a->visits[i]->at, i);
		assert_int_equal(a->visits[i]->handle, a->handles[i]);
		assert_int_equal(a->visits[i]->occupant->role == ROLE_MODERATOR, i < a->moderators);
		assert_ptr_equal(visit_find(r, a->visits[i]->jid), a->visits[i]);
	}
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		uint32_t n = 0;
		assert_non_null(o->visits);
		for (struct visit *v = o->visits; v; v = v->next)
			n++;
		assert_int_equal(n, o->visit_count);
		visits += n;
		assert_ptr_equal(occupant_find(r, occupant_nick(o)), o);
		assert_true(o->role != ROLE_NONE && o->affiliation != AFFILIATION_OUTCAST);
		assert_true(!r->config.members_only || o->affiliation >= AFFILIATION_MEMBER);
	}
	LIST_EACH(node, (struct list *)&r->remote)
		remote++;
	assert_int_equal(visits, r->visits.n);
	assert_int_equal(visits, a->n + remote);
	assert_null(r->entering);
	assert_null(r->door);
	if (r->state == ROOM_OPEN || r->state == ROOM_LOCKED)
		assert_true(r->affiliates.owners > 0);
	assert_int_equal(map_find(&rooms_of(r)->directory, jid_local(r->entity.jid)) != NULL,
		r->state == ROOM_LOADING || (r->state == ROOM_OPEN && r->config.persistent));
}

static void run_crowd(uint64_t seed)
{
	enum { CROWD = 6, STEPS = 1500 };
	struct world *w = world_new(NULL);
	unsigned conn[CROWD];
	char jid[64], xml[2048];
	struct room *r;

	for (int i = 0; i < CROWD; i++) {
		snprintf(jid, sizeof(jid), "u%d@x.test/r", i / 2 * 2 == i ? i : i - 1);
		snprintf(jid + strlen(jid), 8, "%d", i);
		conn[i] = login(w, jid);
	}
	for (int step = 0; step < STEPS; step++) {
		unsigned i = rnd(&seed, CROWD);
		make(&seed, xml, sizeof(xml));
		switch (rnd(&seed, 40)) {
		case 0:
			snprintf(jid, sizeof(jid), "%.*s", STR_FMT(jid_str(w->users[conn[i]]->session.jid)));
			pump(w);
			logout(w, conn[i], rnd(&seed, 2));
			conn[i] = login(w, jid);
			break;
		case 1:
			pump(w);
			say_far(w, "z@far.test/z", xml);
			break;
		case 2:
			sleep_ms(w, rnd(&seed, 70000));
			break;
		default:
			put(w, conn[i], xml);
			if (rnd(&seed, 3) == 0)
				pump(w);
		}
		if (!w->in.n && !core_busy(w->core))
			for (uint32_t pos = 0; (r = map_next(&w->rooms->live, &pos));)
				check_room(r);
		forget_all(w);
	}
	pump(w);
	world_free(w);
}

static uint64_t first_seed = 1; /* SEED in the environment: to look further */

static void test_crowd(void **state)
{
	for (uint64_t seed = first_seed; seed < first_seed + 12; seed++)
		run_crowd(seed);
}

static void quiet(enum log_level level, const char *line) {}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_presence_allocations),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_one_send),
		cmocka_unit_test(test_joins_of_a_turn),
		cmocka_unit_test(test_talk_between_joins),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_voice_for_all),
		cmocka_unit_test(test_voice_for_some),
		cmocka_unit_test(test_hidden_in_turns),
		cmocka_unit_test(test_all_but_members_go),
		cmocka_unit_test(test_talk_past_the_door),
		cmocka_unit_test(test_order_at_the_door),
		cmocka_unit_test(test_end_at_the_door),
		cmocka_unit_test(test_free_with_a_door),
		cmocka_unit_test(test_cost_of_a_join),
		cmocka_unit_test(test_crowd),
	};

	log_set_sink(quiet);
	if (getenv("SEED"))
		first_seed = strtoull(getenv("SEED"), NULL, 10);
	rand_seed(first_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
