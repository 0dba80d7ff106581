/* Connections that do nothing, or only half of it: those that do not log in, by the thousand, and those that do not read. */
#include <stdio.h>

#include "app/server_i.h"
#include "link/mem.h"
#include "tests/sim/guest.h"
#include "wire/wire.h"
#include "xmpp/ns.h"

enum { LOGIN_MS = 20000, STALL_MS = 30000, LOCAL_MAX = 500 /* fifty an address, local ones ten times */ };

#define HEADER "<stream:stream to='" STAGE_DOMAIN "' version='1.0' xmlns='jabber:client' xmlns:stream='" NS_STREAM "'>"

static uint32_t connections(const struct stage *s) { return wire_stats(s->server->units[0].wire).connections; }

/* ---- half-open ---- */

struct crowd {
	struct link **links, **cables;
	unsigned n;
	size_t answered; /* bytes that one of them read */
};

/* So many connections, each with `text` sent and whatever it is answered read. */
static void crowd_open(struct crowd *c, struct stage *s, unsigned n, const char *text)
{
	*c = (struct crowd){.links = xcalloc(n, sizeof(struct link *)),
		.cables = xcalloc(n, sizeof(struct link *)),
		.n = n};
	for (unsigned i = 0; i < n; i++) {
		c->links[i] = stage_connect(s, 65536, 0, &c->cables[i]);
		if (*text)
			link_send(c->links[i], text, strlen(text));
		if (i % 100 == 99)
			stage_settle(s);
	}
	stage_settle(s);
}

static unsigned crowd_read(struct crowd *c)
{
	unsigned closed = 0;

	for (unsigned i = 0; i < c->n; i++) {
		char bytes[4096];
		int n;

		c->answered = 0;
		while ((n = link_recv(c->links[i], bytes, sizeof(bytes))) > 0)
			c->answered += (size_t)n;
		closed += n == ERR_CLOSED;
	}
	return closed;
}

static void crowd_close(struct crowd *c)
{
	for (unsigned i = 0; i < c->n; i++)
		link_free(&c->links[i]);
	xfree(c->links);
	xfree(c->cables);
}

/* What the cables alone cost: the same bytes went through them, and nobody is there. */
static int64_t cost_of_cables(struct stage *s, unsigned n, const char *text, size_t answer)
{
	struct link *ends[2];
	char bytes[65536];
	int64_t before = mem_stats().bytes;

	memset(bytes, 'x', sizeof(bytes));
	mem_link_pair(s->loop, s->loop, 65536, &ends[0], &ends[1]);
	if (*text)
		link_send(ends[0], text, strlen(text));
	link_recv(ends[1], bytes, sizeof(bytes));
	if (answer)
		link_send(ends[1], bytes, answer);
	link_recv(ends[0], bytes, sizeof(bytes));
	before = mem_stats().bytes - before;
	link_free(&ends[0]);
	link_free(&ends[1]);
	return before * n;
}

/* Bytes a connection that has sent `text` and waits. */
static int64_t cost_of_half_open(struct stage *s, const char *text)
{
	enum { MANY = 2000 };
	struct crowd c;
	int64_t bytes;

	crowd_open(&c, s, 1000, text); /* tables grow in steps */
	crowd_read(&c);
	crowd_close(&c);
	stage_settle(s);
	assert_int_equal(connections(s), 0);
	bytes = mem_stats().bytes;
	crowd_open(&c, s, MANY, text);
	assert_int_equal(crowd_read(&c), 0);
	assert_int_equal(connections(s), MANY);
	bytes = mem_stats().bytes - bytes - cost_of_cables(s, MANY, text, c.answered) -
		(int64_t)MANY * 2 * sizeof(struct link *);
	crowd_close(&c);
	stage_settle(s);
	return bytes / MANY;
}

static void fill_stanza(char *p, size_t n)
{
	size_t head = (size_t)snprintf(p, n, HEADER "<iq id='x'><query>");

	memset(p + head, 'x', n - head - 1);
	p[n - 1] = '\0';
}

static void test_memory_of_half_open_connections(void **state)
{
	static char nearly[10 * 1024];
	const struct stage_options o = {.people = 2, .no_limits = true};
	struct stage s;

	stage_open(&s, &o);
	assert_in_range(cost_of_half_open(&s, ""), 1, 1024);
	assert_in_range(cost_of_half_open(&s, "<stream:st"), 1, 1280);
	assert_in_range(cost_of_half_open(&s, HEADER), 1, 1280);
	/* The most that one may make the server hold. */
	fill_stanza(nearly, sizeof(nearly));
	assert_in_range(cost_of_half_open(&s, nearly), 1, 1280 + 10240 + 1024);
	stage_close(&s);
}

/* Those that come after the first five hundred are turned away; users who are in are served as ever; when the others have had
 * their time, there is room again. */
static void test_thousands_of_half_open_logins(void **state)
{
	const struct stage_options o = {.people = 3};
	struct guest one, other, late;
	struct crowd c;
	struct stage s;
	unsigned turns;

	stage_open(&s, &o);
	guest_init(&one, &s, "u0", "one");
	guest_init(&other, &s, "u1", "other");
	guest_init(&late, &s, "u2", "late");
	guest_online(&one);
	guest_online(&other);
	turns = guest_turns_to(&one, &other);
	crowd_open(&c, &s, 5000, HEADER);
	assert_int_equal(crowd_read(&c), 5000 - LOCAL_MAX);
	assert_int_equal(connections(&s), LOCAL_MAX + 2);
	assert_int_equal(guest_turns_to(&one, &other), turns);
	assert_true(client_dial(&late.client));
	stage_settle(&s);
	assert_int_equal(late.client.state, CLIENT_DOWN);
	stage_pass(&s, LOGIN_MS + 5000);
	assert_int_equal(crowd_read(&c), 5000);
	assert_int_equal(connections(&s), 2);
	guest_online(&late);
	assert_int_equal(guest_turns_to(&one, &other), turns);
	crowd_close(&c);
	guest_clear(&one);
	guest_clear(&other);
	guest_clear(&late);
	stage_close(&s);
}

/* ---- silent ---- */

static void expect_time_out(struct stage *s, const char *text)
{
	struct link *link, *cable;
	char bytes[4096];
	int64_t start = stage_now(s);
	int n = ERR_AGAIN;
	bool said = false;

	link = stage_connect(s, 65536, 0, &cable);
	if (*text)
		link_send(link, text, strlen(text));
	while (n != ERR_CLOSED) {
		stage_pass(s, 100);
		while ((n = link_recv(link, bytes, sizeof(bytes) - 1)) > 0) {
			bytes[n] = '\0';
			said = said || strstr(bytes, "<connection-timeout ");
		}
		assert_true(stage_now(s) < start + 2 * LOGIN_MS);
	}
	assert_true(said);
	assert_in_range(stage_now(s) - start, LOGIN_MS, LOGIN_MS + 5000);
	link_free(&link);
}

static void test_who_says_nothing(void **state)
{
	const struct stage_options o = {.people = 2};
	struct stage s;

	stage_open(&s, &o);
	expect_time_out(&s, "");
	expect_time_out(&s, "<?xml ");
	expect_time_out(&s, HEADER);
	expect_time_out(&s, HEADER "<auth xmlns='" NS_SASL "' mechanism='SCRAM-SHA-1'>biwsbj11MCxyPW9wcQ==</auth>");
	expect_time_out(&s, HEADER "<auth xmlns='" NS_SASL "' mechanism='PLAIN'>AHUwAHNlY3JldA==</auth>");
	assert_int_equal(connections(&s), 0);
	stage_close(&s);
}

/* ---- who does not read ---- */

struct deaf {
	struct stage stage;
	struct guest deaf, talker, one, other;
};

static void deaf_open(struct deaf *d, bool use_sm)
{
	const struct stage_options o = {.people = 4};

	stage_open(&d->stage, &o);
	guest_init(&d->deaf, &d->stage, "u0", "deaf");
	guest_init(&d->talker, &d->stage, "u1", "talker");
	guest_init(&d->one, &d->stage, "u2", "one");
	guest_init(&d->other, &d->stage, "u3", "other");
	d->deaf.client.use_sm = use_sm;
	d->deaf.client.capacity = 8192;
	guest_online(&d->deaf);
	guest_online(&d->talker);
	guest_online(&d->one);
	guest_online(&d->other);
	guest_forget(&d->deaf);
	client_set_deaf(&d->deaf.client, true);
}

static void deaf_close(struct deaf *d)
{
	guest_clear(&d->deaf);
	guest_clear(&d->talker);
	guest_clear(&d->one);
	guest_clear(&d->other);
	stage_close(&d->stage);
}

enum { TALK = 60 };

static void talk_to_the_deaf(struct deaf *d)
{
	char filler[1024];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (unsigned i = 0; i < TALK; i++)
		guest_say(&d->talker,
			"<message to='u0@" STAGE_DOMAIN "' type='chat' id='t%02u'><body>%s</body></message>", i,
			filler);
}

static void expect_in_order(struct guest *g, unsigned from, unsigned to)
{
	const char *at = buf_cstr(&g->got);
	char id[24];

	for (unsigned i = from; i < to; i++) {
		snprintf(id, sizeof(id), "id='t%02u'", i);
		at = strstr(at, id);
		if (!at)
			fail_msg("%s is missing or out of order", id);
	}
}

static void test_who_does_not_read(void **state)
{
	unsigned turns, read;
	struct deaf d;

	deaf_open(&d, false);
	turns = guest_turns_to(&d.one, &d.other);
	talk_to_the_deaf(&d);
	assert_int_equal(guest_turns_to(&d.one, &d.other), turns);
	stage_pass(&d.stage, STALL_MS - 1000);
	assert_int_equal(core_session_count(server_core(d.stage.server)), 4);
	stage_pass(&d.stage, 1000);
	assert_int_equal(core_session_count(server_core(d.stage.server)), 3);
	guest_expect(&d.one, "type='unavailable'");
	assert_int_equal(guest_turns_to(&d.one, &d.other), turns);
	/* What was in the cable is the client's to read; the rest was kept for it. */
	client_set_deaf(&d.deaf.client, false);
	stage_settle(&d.stage);
	assert_int_equal(d.deaf.client.state, CLIENT_DOWN);
	read = guest_count(&d.deaf, "id='t");
	assert_in_range(read, 1, TALK - 10);
	expect_in_order(&d.deaf, 0, read);
	guest_forget(&d.deaf);
	guest_login(&d.deaf);
	guest_say(&d.deaf, "<presence/>");
	assert_int_equal(guest_count(&d.deaf, "id='t"), TALK - read);
	expect_in_order(&d.deaf, read, TALK);
	deaf_close(&d);
}

/* With XEP-0198 the session waits for it, with everything. */
static void test_who_does_not_read_but_resumes(void **state)
{
	struct deaf d;

	deaf_open(&d, true);
	talk_to_the_deaf(&d);
	stage_pass(&d.stage, STALL_MS + 1000);
	assert_int_equal(connections(&d.stage), 3);
	assert_int_equal(core_session_count(server_core(d.stage.server)), 4);
	client_cut(&d.deaf.client);
	guest_login(&d.deaf);
	assert_int_equal(d.deaf.resumed, 1);
	assert_int_equal(guest_count(&d.deaf, "id='t"), TALK);
	expect_in_order(&d.deaf, 0, TALK);
	deaf_close(&d);
}

/* Slow is not stalled: a client that takes a little now and then keeps its session. */
static void test_who_reads_slowly(void **state)
{
	struct deaf d;

	deaf_open(&d, false);
	talk_to_the_deaf(&d);
	for (unsigned i = 0; guest_count(&d.deaf, "id='t") < TALK; i++) {
		assert_in_range(i, 0, 100);
		stage_pass(&d.stage, STALL_MS - 1000);
		client_set_deaf(&d.deaf.client, false);
		stage_step(&d.stage);
		client_set_deaf(&d.deaf.client, true);
	}
	assert_int_equal(d.deaf.client.state, CLIENT_ON);
	expect_in_order(&d.deaf, 0, TALK);
	deaf_close(&d);
}

/* A dead cable shows when the question about what was received stays unanswered. */
static void test_who_does_not_acknowledge(void **state)
{
	struct deaf d;

	deaf_open(&d, true);
	client_set_deaf(&d.deaf.client, false);
	stage_settle(&d.stage);
	d.deaf.client.ack_all = false;
	guest_say(&d.talker, "<message to='u0@" STAGE_DOMAIN "' type='chat' id='t00'><body>x</body></message>");
	guest_expect(&d.deaf, "t00");
	stage_pass(&d.stage, 59000);
	assert_int_equal(d.deaf.client.state, CLIENT_ON);
	stage_pass(&d.stage, 2000);
	assert_int_equal(d.deaf.client.state, CLIENT_DOWN);
	assert_int_equal(core_session_count(server_core(d.stage.server)), 4);
	deaf_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_of_half_open_connections),
		cmocka_unit_test(test_thousands_of_half_open_logins),
		cmocka_unit_test(test_who_says_nothing),
		cmocka_unit_test(test_who_does_not_read),
		cmocka_unit_test(test_who_does_not_read_but_resumes),
		cmocka_unit_test(test_who_reads_slowly),
		cmocka_unit_test(test_who_does_not_acknowledge),
	};

	return cmocka_run_group_tests(tests, guest_setup, NULL);
}
