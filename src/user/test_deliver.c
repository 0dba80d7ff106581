#include "user/deliver.h"
#include "user/testing.h"

/* Table 1 of RFC 6121 8.5.4, letter by letter; each letter is allowed. The last column is type `error` by 8.5.2 and
 * 8.5.3. What the RFC has as "one" and "more than one" resource is one row here: M and A to one are D. */
static const struct {
	enum deliver_have have;
	enum deliver_to to;
	const char *normal, *chat, *groupchat, *headline, *error;
} rfc[] = {
	{HAVE_NONE, TO_BARE, "OE", "OE", "E", "S", "S"},
	{HAVE_NONE, TO_FULL_NO_MATCH, "SE", "OE", "SE", "SE", "S"},
	{HAVE_NONE, TO_FULL_MATCH, "D", "D", "D", "D", "D"}, /* a connected resource, 8.5.3.1 */
	{HAVE_NEGATIVE, TO_BARE, "OE", "OE", "E", "S", "S"},
	{HAVE_NEGATIVE, TO_FULL_MATCH, "D", "D", "D", "D", "D"},
	{HAVE_NEGATIVE, TO_FULL_NO_MATCH, "SE", "OE", "SE", "SE", "S"},
	{HAVE_NON_NEGATIVE, TO_BARE, "MA", "M", "E", "A", "S"},
	{HAVE_NON_NEGATIVE, TO_FULL_MATCH, "D", "D", "D", "D", "D"},
	{HAVE_NON_NEGATIVE, TO_FULL_NO_MATCH, "SE", "M", "SE", "SE", "S"},
};

static char letter(enum deliver_action a)
{
	static const char letters[] = {[DELIVER_SILENT] = 'S',
		[DELIVER_ERROR] = 'E',
		[DELIVER_OFFLINE] = 'O',
		[DELIVER_DIRECT] = 'D',
		[DELIVER_MOST] = 'M',
		[DELIVER_ALL] = 'A'};
	return letters[a];
}

static void check(const uint8_t *row, enum stanza_type type, const char *allowed)
{
	assert_non_null(strchr(allowed, letter(row[type])));
}

static void test_table_is_the_rfc(void **state)
{
	assert_int_equal(ARRAY_LEN(rfc), DELIVER_HAVE_COUNT * DELIVER_TO_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(rfc); i++) {
		const uint8_t *row = deliver_rules[rfc[i].have][rfc[i].to];
		check(row, TYPE_NORMAL, rfc[i].normal);
		check(row, TYPE_CHAT, rfc[i].chat);
		check(row, TYPE_GROUPCHAT, rfc[i].groupchat);
		check(row, TYPE_HEADLINE, rfc[i].headline);
		check(row, TYPE_ERROR, rfc[i].error);
	}
}

/* ---- alive: every cell ---- */

static const char *const type_attrs[] = {"", " type='chat'", " type='groupchat'", " type='headline'", " type='error'"};
static const enum stanza_type types[] = {TYPE_NORMAL, TYPE_CHAT, TYPE_GROUPCHAT, TYPE_HEADLINE, TYPE_ERROR};

/* Resources of bob in each of the three situations; every one of them has "target", which only connects. */
struct bob {
	unsigned target, low, high, high2, negative;
};

static struct bob bob_in(struct world *w, enum deliver_have have)
{
	struct bob b = {0};

	have_account(w, "bob");
	b.target = login(w, "bob", "target");
	if (have != HAVE_NONE)
		b.negative = online(w, "bob", "negative", -1);
	if (have == HAVE_NON_NEGATIVE) {
		b.low = online(w, "bob", "low", 0);
		b.high = online(w, "bob", "high", 5);
		b.high2 = online(w, "bob", "high2", 5);
	}
	for (unsigned i = 1; i <= w->conn_count; i++)
		forget(w, i);
	return b;
}

static bool has(const struct world *w, unsigned conn, const char *text)
{
	return conn && pending(w, conn) == 1 && strcmp(w->conn[conn].got[w->conn[conn].head], text) == 0;
}

static void check_cell(struct world *w, enum deliver_have have, enum deliver_to to, int t)
{
	static const char *const addresses[] = {[TO_BARE] = "bob@x.test",
		[TO_FULL_MATCH] = "bob@x.test/target",
		[TO_FULL_NO_MATCH] = "bob@x.test/gone"};
	enum deliver_action a = deliver_rules[have][to][types[t]];
	struct bob b = bob_in(w, have);
	char xml[200], got[200];
	const char *far;

	snprintf(xml, sizeof(xml), "<message to='%s' id='m'%s><body>x</body></message>", addresses[to], type_attrs[t]);
	snprintf(got, sizeof(got), "<message from='romeo@far.test/r' to='%s' id='m'%s><body>x</body></message>",
		addresses[to], type_attrs[t]);
	from_far(w, "romeo@far.test/r", xml);
	far = far_next(w);
	assert_int_equal(strstr(far, "<service-unavailable") != NULL, a == DELIVER_ERROR);
	assert_int_equal(*far != '\0', a == DELIVER_ERROR);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), a == DELIVER_OFFLINE);
	assert_int_equal(has(w, b.target, got), a == DELIVER_DIRECT);
	assert_int_equal(has(w, b.low, got), a == DELIVER_ALL);
	assert_int_equal(has(w, b.high, got), a == DELIVER_ALL || a == DELIVER_MOST);
	assert_int_equal(has(w, b.high2, got), a == DELIVER_ALL || a == DELIVER_MOST);
	assert_false(has(w, b.negative, got));
}

static void test_every_cell(void **state)
{
	for (int have = 0; have < DELIVER_HAVE_COUNT; have++)
		for (int to = 0; to < DELIVER_TO_COUNT; to++)
			for (size_t t = 0; t < ARRAY_LEN(types); t++) {
				struct world *w = world_new(NULL);
				check_cell(w, have, to, (int)t);
				world_free(w);
			}
}

/* 8.5.1 */
static void test_nobody(void **state)
{
	static const struct {
		const char *xml, *answer;
	} cases[] = {
		{"<message to='nobody@x.test' id='m'><body>x</body></message>", "<service-unavailable"},
		{"<message to='nobody@x.test/r' type='chat' id='m'><body>x</body></message>", "<service-unavailable"},
		{"<message to='nobody@x.test' type='groupchat' id='m'><body>x</body></message>",
			"<service-unavailable"},
		{"<message to='nobody@x.test' type='headline' id='m'><body>x</body></message>", NULL},
		{"<message to='nobody@x.test' type='error' id='m'/>", NULL},
		{"<iq to='nobody@x.test' type='get' id='m'><ping xmlns='urn:xmpp:ping'/></iq>", "<service-unavailable"},
		{"<iq to='nobody@x.test/r' type='set' id='m'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<service-unavailable"},
		{"<iq to='nobody@x.test/r' type='result' id='m'/>", NULL},
		{"<presence to='nobody@x.test'/>", NULL},
		{"<presence to='nobody@x.test/r' type='unavailable'/>", NULL},
		{"<presence to='nobody@x.test' type='subscribe'/>", NULL},
		{"<presence to='nobody@x.test' type='probe' id='m'/>",
			"<presence from='nobody@x.test' to='romeo@far.test' id='m' type='unsubscribed'/>"},
	};
	struct world *w = world_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *far;

		from_far(w, "romeo@far.test/r", cases[i].xml);
		far = far_next(w);
		if (cases[i].answer)
			assert_non_null(strstr(far, cases[i].answer));
		else
			assert_string_equal(far, "");
	}
	assert_int_equal(w->loads, 1); /* remembered not to exist */
	world_free(w);
}

static void test_unknown_domain(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	say(w, a, "<message to='x@nowhere.test' id='m'><body>x</body></message>");
	expect_has(w, a, "<remote-server-not-found");
	assert_int_equal(w->conn[a].handled, 1);
	world_free(w);
}

/* ---- a client's own ---- */

static void test_message_without_address(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b;

	have_account(w, "alice");
	a = online(w, "alice", "a", 0);
	b = online(w, "alice", "b", 0);
	say(w, a, "<message id='m'><body>note</body></message>");
	expect(w, a, "<message from='alice@x.test/a' to='alice@x.test' id='m'><body>note</body></message>");
	expect(w, b, "<message from='alice@x.test/a' to='alice@x.test' id='m'><body>note</body></message>");
	say(w, a, "<message to='alice@x.test' id='m'><body>note</body></message>");
	expect(w, b, "<message from='alice@x.test/a' to='alice@x.test' id='m'><body>note</body></message>");
	assert_int_equal(w->conn[a].handled, 3);
	world_free(w);
}

/* RFC 6120 10.1: what a client sends to itself is dealt with in its order. */
static void test_order_of_ones_own(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	put_stanza(w, a, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>");
	put_stanza(w, a, "<presence id='2'/>");
	put_stanza(w, a, "<iq type='get' to='alice@x.test' id='3'><ping xmlns='urn:xmpp:ping'/></iq>");
	put_stanza(w, a, "<message id='4'><body>x</body></message>");
	pump(w);
	expect_has(w, a, "id='1'");
	expect_has(w, a, "id='2'");
	expect_has(w, a, "id='3'");
	expect_has(w, a, "id='4'");
	world_free(w);
}

/* ---- requests ---- */

static void test_iq_to_a_resource(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, b, c;

	have_account(w, "alice");
	have_account(w, "bob");
	have_account(w, "carol");
	have_friends(w, "alice", "bob");
	a = online(w, "alice", "a", 0);
	b = online(w, "bob", "b", 0);
	c = online(w, "carol", "c", 0);
	forget(w, a);
	/* a friend may ask, even a resource that has sent no presence */
	say(w, a, "<iq to='bob@x.test/b' type='get' id='1'><q xmlns='x:y'/></iq>");
	expect(w, b, "<iq from='alice@x.test/a' to='bob@x.test/b' id='1' type='get'><q xmlns='x:y'/></iq>");
	/* a stranger may not, and learns nothing */
	say(w, c, "<iq to='bob@x.test/b' type='get' id='2'><q xmlns='x:y'/></iq>");
	expect_has(w, c, "<service-unavailable");
	say(w, c, "<iq to='bob@x.test/gone' type='set' id='3'><q xmlns='x:y'/></iq>");
	expect_has(w, c, "<service-unavailable");
	expect_nothing(w, b);
	/* answers get through */
	say(w, c, "<iq to='bob@x.test/b' type='result' id='4'/>");
	expect(w, b, "<iq from='carol@x.test/c' to='bob@x.test/b' id='4' type='result'/>");
	say(w, c, "<iq to='bob@x.test/gone' type='result' id='5'/>");
	expect_nothing(w, c);
	/* who was sent presence may ask that resource */
	say(w, b, "<presence to='carol@x.test/c'/>");
	forget(w, c);
	say(w, c, "<iq to='bob@x.test/b' type='get' id='6'><q xmlns='x:y'/></iq>");
	expect(w, b, "<iq from='carol@x.test/c' to='bob@x.test/b' id='6' type='get'><q xmlns='x:y'/></iq>");
	/* the account answers for itself */
	say(w, a, "<iq to='bob@x.test' type='get' id='7'><q xmlns='x:y'/></iq>");
	expect_has(w, a, "<service-unavailable");
	expect_nothing(w, b);
	world_free(w);
}

static void test_to_the_domain(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a;

	have_account(w, "alice");
	a = login(w, "alice", "a");
	say(w, a, "<message to='x.test' id='m'><body>x</body></message>");
	expect_has(w, a, "<service-unavailable");
	say(w, a, "<message to='x.test' id='m' type='headline'><body>x</body></message>");
	expect_nothing(w, a);
	say(w, a, "<presence to='x.test'/>");
	expect_nothing(w, a);
	say(w, a, "<iq to='x.test' type='get' id='m'><q xmlns='x:y'/></iq>");
	expect_has(w, a, "<service-unavailable");
	world_free(w);
}

/* ---- what comes back ---- */

static void test_returned_goes_to_another_resource(void **state)
{
	struct world *w = world_new(NULL);
	unsigned high, low;

	have_account(w, "bob");
	low = online(w, "bob", "low", 0);
	high = online(w, "bob", "high", 1);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' type='chat' id='m'><body>x</body></message>");
	assert_int_equal(pending(w, high), 1);
	forget(w, low);
	lose(w, high, 1);
	expect(w, low, "<presence from='bob@x.test/high' to='bob@x.test/low' type='unavailable'/>");
	expect(w, low, "<message from='romeo@far.test/r' to='bob@x.test' id='m' type='chat'><body>x</body></message>");
	assert_string_equal(far_next(w), "");
	world_free(w);
}

static void test_returned_is_stored(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	b = online(w, "bob", "b", 0);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' type='chat' id='1'><body>1</body></message>");
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' id='2'><body>2</body></message>");
	lose(w, b, 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 2);
	assert_string_equal(far_next(w), "");
	b = login(w, "bob", "b");
	say(w, b, "<presence/>");
	next(w, b);
	expect_has(w, b, "to='bob@x.test/b' id='1'");
	expect_has(w, b, "to='bob@x.test/b' id='2'");
	world_free(w);
}

static void test_returned_bounces(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	have_contact(w, "bob", "romeo@far.test", SUB_FROM, false, false);
	b = online(w, "bob", "b", 0);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' type='groupchat' id='1'><body>1</body></message>");
	from_far(w, "romeo@far.test/r", "<iq to='bob@x.test/b' type='get' id='2'><q xmlns='x:y'/></iq>");
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' type='headline' id='3'><body>1</body></message>");
	from_far(w, "romeo@far.test/r", "<iq to='bob@x.test/b' type='result' id='4'/>");
	from_far(w, "romeo@far.test/r", "<presence to='bob@x.test/b' id='5'/>");
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test/b' type='error' id='6'/>");
	w->far_head = w->far_tail;
	lose(w, b, 6);
	assert_non_null(strstr(far_next(w), "type='unavailable'"));
	/* Not the groupchat: here far.test is a service of rooms, and those know by themselves who has gone. */
	assert_non_null(strstr(far_next(w), "id='2' type='error'"));
	assert_string_equal(far_next(w), "");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	world_free(w);
}

/* A message that went to two resources and comes back from one has arrived; from both, it has not. */
static void test_copies_come_back(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;

	have_account(w, "bob");
	b = online(w, "bob", "b", 0);
	c = online(w, "bob", "c", 0);
	forget(w, b);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' type='chat' id='m'><body>x</body></message>");
	assert_int_equal(pending(w, b), 1);
	assert_int_equal(pending(w, c), 1);
	forget(w, c);
	lose(w, b, 1);
	expect_has(w, c, "type='unavailable'");
	expect_nothing(w, c); /* no second copy */
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	lose(w, c, 2);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	world_free(w);
}

/* A resource that came after the message has not had it. */
static void test_latecomer_gets_what_comes_back(void **state)
{
	struct world *w = world_new(NULL);
	unsigned phone, laptop;

	have_account(w, "bob");
	phone = online(w, "bob", "phone", 0);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' type='chat' id='m'><body>x</body></message>");
	laptop = login(w, "bob", "laptop");
	say(w, laptop, "<presence/>");
	forget(w, laptop);
	lose(w, phone, 2); /* the message and the presence of the laptop */
	expect_has(w, laptop, "type='unavailable'");
	expect_has(w, laptop, "<body>x</body>");
	expect_nothing(w, laptop);
	world_free(w);
}

/* However many there are. */
static void test_copies_of_many_come_back(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;
	char xml[100];

	have_account(w, "bob");
	b = online(w, "bob", "b", 0);
	c = online(w, "bob", "c", 0);
	forget(w, b);
	for (int i = 0; i < 100; i++) {
		snprintf(xml, sizeof(xml), "<message to='bob@x.test' type='chat' id='m%d'><body>x</body></message>", i);
		from_far(w, "romeo@far.test/r", xml);
	}
	lose(w, b, 100);
	lose(w, c, 1 + 100); /* and the presence of b */
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 100);
	world_free(w);
}

/* The last n packets of this connection waited for a commit that does not come. */
static void expire(struct world *w, unsigned conn, unsigned n)
{
	struct test_conn *t = &w->conn[conn];
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_EXPIRED;
	m->conn = conn;
	m->session = t->session;
	for (unsigned i = t->tail - n; i < t->tail; i++) {
		struct packet *p = packet_ref(t->packets[i]);
		packets_add(&m->end.rest, &p);
	}
	pump(w);
}

/* Its sender is told that nobody has it only when nobody can have it. */
static void test_copies_expire(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b, c;

	have_account(w, "bob");
	b = online(w, "bob", "b", 0);
	c = online(w, "bob", "c", 0);
	forget(w, b);
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' type='chat' id='m'><body>x</body></message>");
	expire(w, b, 1);
	assert_string_equal(far_next(w), "");
	expire(w, c, 1);
	assert_non_null(strstr(far_next(w), "<resource-constraint "));
	assert_string_equal(far_next(w), "");
	world_free(w);
}

/* ---- sessions that wait to be resumed ---- */

static void small_queue(struct world *w)
{
	w->resume_queue = 5;
	world_restart(w);
}

/* Away for a moment is not gone: the queue of the session is in the core. */
static void test_detached_keeps_its_messages(void **state)
{
	struct world *w = world_new(NULL);
	unsigned b;

	have_account(w, "bob");
	have_contact(w, "bob", "romeo@far.test", SUB_FROM, false, false);
	b = online(w, "bob", "b", 0);
	detach(w, b);
	assert_string_equal(far_next(w), ""); /* nobody is told */
	from_far(w, "romeo@far.test/r", "<message to='bob@x.test' type='chat' id='m'><body>x</body></message>");
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	/* too long: stored, and everybody is told */
	sleep_ms(w, 301000);
	assert_non_null(strstr(far_next(w), "type='unavailable'"));
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 1);
	assert_int_equal(core_session_count(w->core), 0);
	world_free(w);
}

/* The queue of a detached session overflows in the middle of a multicast that goes to others, too. */
static void overflow(bool detached_first)
{
	struct world *w = world_new(NULL);
	unsigned d, o;
	char xml[120];

	small_queue(w);
	have_account(w, "bob");
	o = detached_first ? 0 : online(w, "bob", "o", 0);
	d = online(w, "bob", "d", 0);
	if (detached_first)
		o = online(w, "bob", "o", 0);
	forget(w, o);
	detach(w, d);
	for (int i = 1; i <= 8; i++) {
		snprintf(xml, sizeof(xml), "<message to='bob@x.test' type='chat' id='%d'><body>x</body></message>", i);
		from_far(w, "romeo@far.test/r", xml);
	}
	int messages = 0, gone = 0;
	for (const char *got = next(w, o); *got; got = next(w, o)) {
		messages += strstr(got, "<body>x</body>") != NULL;
		gone += strstr(got, "type='unavailable'") != NULL;
	}
	assert_int_equal(messages, 8);
	assert_int_equal(gone, 1);
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 0);
	assert_string_equal(far_next(w), "");
	world_free(w);
}

static void test_overflow_of_one_of_several(void **state)
{
	overflow(true);
	overflow(false);
}

/* With nobody else there: all of it is stored, in order. */
static void test_overflow_of_the_only_one(void **state)
{
	struct world *w = world_new(NULL);
	unsigned d;
	char xml[120];

	small_queue(w);
	have_account(w, "bob");
	d = online(w, "bob", "d", 0);
	detach(w, d);
	for (int i = 1; i <= 8; i++) {
		snprintf(xml, sizeof(xml), "<message to='bob@x.test' type='chat' id='%d'><body>x</body></message>", i);
		from_far(w, "romeo@far.test/r", xml);
	}
	assert_int_equal(test_rows_count(&w->rows, STORE_OFFLINE_ADD), 8);
	d = login(w, "bob", "d");
	say(w, d, "<presence/>");
	next(w, d);
	for (int i = 1; i <= 8; i++) {
		snprintf(xml, sizeof(xml), "id='%d'", i);
		expect_has(w, d, xml);
	}
	world_free(w);
}

/* A friend's presence overflows it while the friend's roster is walked. */
static void test_overflow_by_presence(void **state)
{
	struct world *w = world_new(NULL);
	unsigned a, d;

	small_queue(w);
	have_account(w, "alice");
	have_account(w, "bob");
	have_friends(w, "alice", "bob");
	d = online(w, "bob", "d", 0);
	a = online(w, "alice", "a", 0);
	detach(w, d);
	for (int i = 0; i < 8; i++)
		say(w, a, "<presence/>");
	for (int i = 0; i < 3; i++)
		login(w, "alice", "a");
	assert_true(core_session_count(w->core) >= 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_the_rfc),
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_unknown_domain),
		cmocka_unit_test(test_message_without_address),
		cmocka_unit_test(test_order_of_ones_own),
		cmocka_unit_test(test_iq_to_a_resource),
		cmocka_unit_test(test_to_the_domain),
		cmocka_unit_test(test_returned_goes_to_another_resource),
		cmocka_unit_test(test_returned_is_stored),
		cmocka_unit_test(test_returned_bounces),
		cmocka_unit_test(test_copies_come_back),
		cmocka_unit_test(test_latecomer_gets_what_comes_back),
		cmocka_unit_test(test_copies_of_many_come_back),
		cmocka_unit_test(test_copies_expire),
		cmocka_unit_test(test_detached_keeps_its_messages),
		cmocka_unit_test(test_overflow_of_one_of_several),
		cmocka_unit_test(test_overflow_of_the_only_one),
		cmocka_unit_test(test_overflow_by_presence),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
