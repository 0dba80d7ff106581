/* A conversation is cut, resumed and cut again: after each single byte, each way, at each end and at both, and at each turn of
 * the loop with the server not knowing. What the simulation meets by chance is met here without a gap, so every boundary
 * between messages is among it. Nothing is lost, nothing comes twice, the order holds. */
#include <stdio.h>
#include <string.h>

#include "link/link.h"
#include "tests/sim/guest.h"

enum { MESSAGES = 3, BYTES_MAX = 4000, TURNS_MAX = 100 };

struct pair {
	struct stage stage;
	struct guest ann, bob;
	unsigned round;
};

static void pair_open(struct pair *p)
{
	const struct stage_options o = {.people = 2, .strangers = true};

	*p = (struct pair){.round = 0};
	stage_open(&p->stage, &o);
	guest_init(&p->ann, &p->stage, "u0", "desk");
	guest_init(&p->bob, &p->stage, "u1", "desk");
	p->ann.client.use_sm = p->bob.client.use_sm = true;
	guest_online(&p->ann);
	guest_online(&p->bob);
	client_ask(&p->ann.client);
	client_ask(&p->bob.client);
	stage_settle(&p->stage);
}

static void pair_close(struct pair *p)
{
	guest_clear(&p->ann);
	guest_clear(&p->bob);
	stage_close(&p->stage);
}

static void say(struct guest *from, struct guest *to, unsigned round, unsigned i)
{
	client_fmt(&from->client, i + 1, "<message to='%s' type='chat' id='r%u-%u'><body>x</body></message>",
		to->client.jid, round, i);
}

/* Both speak, in turn, and ask what has come of it. */
static void talk(struct pair *p)
{
	p->round++;
	for (unsigned i = 0; i < MESSAGES; i++) {
		say(&p->ann, &p->bob, p->round, i);
		stage_step(&p->stage);
		say(&p->bob, &p->ann, p->round, i);
		client_ask(&p->ann.client);
		client_ask(&p->bob.client);
	}
}

static void expect_all(struct guest *g, unsigned round, unsigned acked)
{
	const char *at = buf_cstr(&g->got);
	char id[32];

	for (unsigned i = 0; i < MESSAGES; i++) {
		snprintf(id, sizeof(id), " id='r%u-%u'", round, i);
		assert_int_equal(guest_count(g, id), 1);
		at = strstr(at, id);
		assert_non_null(at);
	}
	if (g->stanzas != MESSAGES)
		fail_msg("more than the messages: %s", buf_cstr(&g->got));
	assert_int_equal(g->acked, acked + MESSAGES);
	assert_int_equal(g->unsure, 0);
	assert_int_equal(g->client.life, 1);
	guest_forget(g);
}

/* Whoever is cut off comes back. True if anybody was. */
static bool come_back(struct guest *g)
{
	bool was_cut = g->client.state == CLIENT_DOWN;

	g->client.fuse_in = g->client.fuse_out = -1;
	if (was_cut)
		guest_login(g);
	return was_cut;
}

static void check(struct pair *p, unsigned ann_acked, unsigned bob_acked)
{
	client_ask(&p->ann.client);
	client_ask(&p->bob.client);
	stage_settle(&p->stage);
	expect_all(&p->ann, p->round, ann_acked);
	expect_all(&p->bob, p->round, bob_acked);
}

/* Cuts after n bytes; false when the conversation is over before. */
static bool cut_after(struct pair *p, unsigned n, bool ann, bool bob, bool outwards)
{
	unsigned ann_acked = p->ann.acked, bob_acked = p->bob.acked;
	bool cut = false;

	if (ann)
		*(outwards ? &p->ann.client.fuse_out : &p->ann.client.fuse_in) = n;
	if (bob)
		*(outwards ? &p->bob.client.fuse_out : &p->bob.client.fuse_in) = n;
	talk(p);
	stage_settle(&p->stage);
	cut |= come_back(&p->ann);
	cut |= come_back(&p->bob);
	check(p, ann_acked, bob_acked);
	return cut;
}

static void test_cut_after_every_byte(void **state)
{
	static const struct {
		bool ann, bob, outwards;
	} cases[] = {
		{true, false, true},
		{true, false, false},
		{false, true, true},
		{false, true, false},
		{true, true, true},
		{true, true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair p;
		unsigned n = 0;

		pair_open(&p);
		while (cut_after(&p, n, cases[i].ann, cases[i].bob, cases[i].outwards))
			assert_in_range(++n, 1, BYTES_MAX);
		assert_in_range(n, MESSAGES * 60, BYTES_MAX);
		pair_close(&p);
	}
}

/* The cable is not cut: the client comes by another while the server believes in the first. */
static bool leave_after(struct pair *p, unsigned turns, struct guest *g)
{
	unsigned ann_acked = p->ann.acked, bob_acked = p->bob.acked;
	struct link *old, *cable;
	bool busy = false;

	talk(p);
	for (unsigned k = 0; k < turns; k++)
		busy = stage_step(&p->stage);
	old = client_abandon(&g->client, &cable);
	guest_login(g);
	link_free(&old);
	stage_settle(&p->stage);
	check(p, ann_acked, bob_acked);
	return busy || turns < 2;
}

static void test_left_at_every_turn(void **state)
{
	struct pair p;

	pair_open(&p);
	for (int who = 0; who < 2; who++) {
		unsigned turns = 0;

		while (leave_after(&p, turns, who ? &p.bob : &p.ann))
			assert_in_range(++turns, 1, TURNS_MAX);
	}
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_after_every_byte),
		cmocka_unit_test(test_left_at_every_turn),
	};

	return cmocka_run_group_tests(tests, guest_setup, NULL);
}
