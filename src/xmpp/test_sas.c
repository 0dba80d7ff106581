#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xmpp/sas.h"
#include "xmpp/sas_i.h"

static struct str bytes(const uint8_t *p) { return (struct str){(const char *)p, 32}; }

/* Key and exporter whose bytes are all n */
static void fill(uint8_t p[32], int n) { memset(p, n, 32); }

static void init(struct sas *s, int own, int peer, int exporter)
{
	uint8_t o[32], p[32], e[32];

	fill(o, own);
	fill(p, peer);
	fill(e, exporter);
	assert_int_equal(sas_init(s, o, p, e), 0);
}

/* The whole exchange, a starts. */
static void run(struct sas *a, struct sas *b)
{
	uint8_t commit[32], nonce[32], reveal[32];

	assert_int_equal(sas_start(a, commit), 0);
	assert_int_equal(sas_on_commit(b, bytes(commit), nonce), 0);
	assert_int_equal(sas_on_nonce(a, bytes(nonce), reveal), 0);
	assert_int_equal(sas_on_reveal(b, bytes(reveal)), 0);
}

static bool same_code(const struct sas *a, const struct sas *b)
{
	struct sas_code x, y;

	assert_int_equal(sas_code(a, &x), 0);
	assert_int_equal(sas_code(b, &y), 0);
	bool digits = strcmp(x.digits, y.digits) == 0, words = strcmp(x.words, y.words) == 0;
	assert_int_equal(digits, words); /* one of them is as good as the other, with these seeds */
	return digits;
}

static void both_agree(void **state)
{
	for (int i = 1; i <= 200; i++) {
		struct sas a, b;
		struct sas_code code;
		rand_seed((uint64_t)i);
		init(&a, i, 255 - i, 7);
		init(&b, 255 - i, i, 7);
		run(&a, &b);
		assert_true(same_code(&a, &b));
		assert_int_equal(sas_code(&a, &code), 0);
		assert_int_equal(strlen(code.digits), 7);
		assert_int_equal(code.digits[3], ' ');
		assert_true(strspn(code.digits, "0123456789 ") == 7);
		sas_clear(&a);
		assert_int_equal(sas_code(&a, &code), ERR_DENIED);
	}
	rand_seed(0);
}

/* Nonces and result by another program (Python's hmac and hashlib): keys 1 and 2, exporter 3, nonces 4 (initiator) and
 * 5. */
static void known_answer(void **state)
{
	static const uint8_t commit[32] = {0xae, 0xd6, 0xa9, 0xea, 0xad, 0xd8, 0x71, 0x17, 0xf1, 0x3c, 0x15, 0xb8, 0xa0,
		0x36, 0x61, 0x9f, 0x70, 0x1f, 0x2f, 0x29, 0xb3, 0x1a, 0xfe, 0x43, 0x0d, 0x6a, 0x89, 0xaf, 0x02, 0xa5,
		0x11, 0xd7};
	uint8_t nonce[32], reveal[32];
	struct sas a, b;
	struct sas_code code;

	init(&a, 1, 2, 3);
	init(&b, 2, 1, 3);
	assert_int_equal(sas_start(&a, nonce), 0);
	assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), 0);
	fill(a.own_nonce, 4);
	fill(b.own_nonce, 5);
	assert_int_equal(sas_on_nonce(&a, bytes(b.own_nonce), reveal), 0);
	assert_int_equal(sas_on_reveal(&b, bytes(reveal)), 0);
	assert_int_equal(sas_code(&b, &code), 0);
	assert_string_equal(code.digits, "978 890");
	assert_string_equal(code.words, "potato ladle gate plum");
	assert_true(same_code(&a, &b));
}

/* Every part of the link is in the code: one that differs at the two ends, and they differ. */
static void man_in_the_middle(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sas a, to_a, to_b, b;
		rand_seed(seed);
		/* M has one link to each, with its own key (9); it plays all roles as they are meant to be. */
		init(&a, 1, 9, 3);
		init(&to_a, 9, 1, 3);
		init(&to_b, 9, 2, 4);
		init(&b, 2, 9, 4);
		run(&a, &to_a);
		run(&to_b, &b);
		assert_false(same_code(&a, &b));
	}
	rand_seed(0);
}

/* M passes on what it hears, so both ends have the same nonces; keys or exporter still tell them apart. */
static void passed_on(void **state)
{
	static const struct {
		int a_peer, b_peer, b_exporter;
	} links[] = {{2, 1, 4}, {9, 1, 3}, {2, 9, 3}, {9, 9, 3}, {9, 9, 4}};

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		struct sas a, b;
		uint8_t commit[32], nonce[32], reveal[32];
		init(&a, 1, links[i].a_peer, 3);
		init(&b, 2, links[i].b_peer, links[i].b_exporter);
		assert_int_equal(sas_start(&a, commit), 0);
		assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), 0);
		assert_int_equal(sas_on_nonce(&a, bytes(nonce), reveal), 0);
		/* The promise itself was about another link. */
		assert_int_equal(sas_on_reveal(&b, bytes(reveal)), ERR_DENIED);
		assert_int_equal(b.state, SAS_FAILED);
	}
}

/* The responder must choose when it knows nothing but a digest of the initiator's number; it does not get the code to
 * try, and whatever it chooses, another number of the initiator makes another code. */
static void responder_cannot_steer(void **state)
{
	struct sas a, b, other;
	struct sas_code before, after;
	uint8_t commit[32], nonce[32], reveal[32], late[32];

	init(&a, 1, 2, 3);
	init(&b, 2, 1, 3);
	init(&other, 1, 2, 3);
	assert_int_equal(sas_start(&a, commit), 0);
	assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), 0);
	assert_int_equal(sas_code(&b, &before), ERR_DENIED);
	assert_int_equal(sas_code(&a, &before), ERR_DENIED);
	assert_int_equal(sas_on_nonce(&a, bytes(nonce), reveal), 0);
	assert_int_equal(sas_code(&a, &before), 0);
	fill(late, 77);
	assert_int_equal(sas_on_nonce(&a, bytes(late), late), ERR_INVALID);
	assert_int_equal(sas_code(&a, &after), 0);
	assert_string_equal(before.digits, after.digits);
	assert_string_equal(before.words, after.words);
	assert_int_equal(sas_start(&other, commit), 0);
	assert_int_equal(sas_on_nonce(&other, bytes(nonce), reveal), 0);
	assert_int_equal(sas_code(&other, &after), 0);
	assert_string_not_equal(before.words, after.words);
}

static void other_reveal_refused(void **state)
{
	for (int bit = 0; bit < 256; bit++) {
		struct sas a, b;
		struct sas_code code;
		uint8_t commit[32], nonce[32], reveal[32], good[32];
		init(&a, 1, 2, 3);
		init(&b, 2, 1, 3);
		assert_int_equal(sas_start(&a, commit), 0);
		assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), 0);
		assert_int_equal(sas_on_nonce(&a, bytes(nonce), reveal), 0);
		memcpy(good, reveal, 32);
		reveal[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(sas_on_reveal(&b, bytes(reveal)), ERR_DENIED);
		assert_int_equal(sas_code(&b, &code), ERR_DENIED);
		/* No second try, not even with the right one. */
		assert_int_equal(sas_on_reveal(&b, bytes(good)), ERR_INVALID);
		assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), ERR_INVALID);
		assert_int_equal(sas_start(&b, commit), ERR_INVALID);
	}
}

/* What was said on one link is worth nothing on the next. */
static void replay_refused(void **state)
{
	struct sas a, b, again;
	uint8_t commit[32], nonce[32], reveal[32];

	init(&a, 1, 2, 3);
	init(&b, 2, 1, 3);
	assert_int_equal(sas_start(&a, commit), 0);
	assert_int_equal(sas_on_commit(&b, bytes(commit), nonce), 0);
	assert_int_equal(sas_on_nonce(&a, bytes(nonce), reveal), 0);
	init(&again, 2, 1, 4);
	assert_int_equal(sas_on_commit(&again, bytes(commit), nonce), 0);
	assert_int_equal(sas_on_reveal(&again, bytes(reveal)), ERR_DENIED);
	/* Nor sent back to where it came from. */
	init(&again, 1, 2, 3);
	assert_int_equal(sas_on_commit(&again, bytes(commit), nonce), 0);
	assert_int_equal(sas_on_reveal(&again, bytes(reveal)), ERR_DENIED);
}

/* Brings a fresh one into a state. */
static void bring(struct sas *s, enum sas_state to)
{
	struct sas peer;
	uint8_t commit[32], nonce[32], reveal[32];

	init(s, 2, 1, 3);
	init(&peer, 1, 2, 3);
	if (to == SAS_COMMITTED)
		assert_int_equal(sas_start(s, commit), 0);
	if (to == SAS_ANSWERED || to == SAS_READY) {
		assert_int_equal(sas_start(&peer, commit), 0);
		assert_int_equal(sas_on_commit(s, bytes(commit), nonce), 0);
	}
	if (to == SAS_READY) {
		assert_int_equal(sas_on_nonce(&peer, bytes(nonce), reveal), 0);
		assert_int_equal(sas_on_reveal(s, bytes(reveal)), 0);
	}
	if (to == SAS_FAILED)
		sas_fail(s);
	assert_int_equal(s->state, to);
}

typedef int any_step(struct sas *s);
static uint8_t any[33];
static int start(struct sas *s) { return sas_start(s, any); }
static int commit(struct sas *s) { return sas_on_commit(s, bytes(any), any); }
static int nonce(struct sas *s) { return sas_on_nonce(s, bytes(any), any); }
static int reveal(struct sas *s) { return sas_on_reveal(s, bytes(any)); }
static int short_commit(struct sas *s) { return sas_on_commit(s, (struct str){(const char *)any, 31}, any); }
static int long_nonce(struct sas *s) { return sas_on_nonce(s, (struct str){(const char *)any, 33}, any); }
static int no_reveal(struct sas *s) { return sas_on_reveal(s, STR_NONE); }

/* Each state and what it does not take. */
static const struct {
	enum sas_state state;
	any_step *step;
} illegal[] = {
	{SAS_NEW, nonce},
	{SAS_NEW, reveal},
	{SAS_NEW, short_commit},
	{SAS_COMMITTED, start},
	{SAS_COMMITTED, reveal},
	{SAS_COMMITTED, long_nonce},
	{SAS_ANSWERED, start},
	{SAS_ANSWERED, commit},
	{SAS_ANSWERED, nonce},
	{SAS_ANSWERED, no_reveal},
	{SAS_READY, start},
	{SAS_READY, commit},
	{SAS_READY, nonce},
	{SAS_READY, reveal},
	{SAS_FAILED, start},
	{SAS_FAILED, commit},
	{SAS_FAILED, nonce},
	{SAS_FAILED, reveal},
};

static void order(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(illegal); i++) {
		struct sas s;
		struct sas_code code;
		bool ready = illegal[i].state == SAS_READY;
		bring(&s, illegal[i].state);
		assert_int_equal(illegal[i].step(&s), ERR_INVALID);
		assert_int_equal(s.state, ready ? SAS_READY : SAS_FAILED);
		assert_int_equal(sas_code(&s, &code), ready ? 0 : ERR_DENIED);
	}
}

static void own_key_refused(void **state)
{
	struct sas s;
	uint8_t key[32];

	fill(key, 1);
	assert_int_equal(sas_init(&s, key, key, key), ERR_INVALID);
	assert_int_equal(sas_start(&s, key), ERR_INVALID);
}

static void both_start(void **state)
{
	struct sas low, high;
	uint8_t from_low[32], from_high[32], nonce[32], reveal[32];

	init(&low, 1, 2, 3);
	init(&high, 2, 1, 3);
	assert_int_equal(sas_start(&low, from_low), 0);
	assert_int_equal(sas_start(&high, from_high), 0);
	assert_int_equal(sas_on_commit(&low, bytes(from_high), nonce), ERR_BUSY);
	assert_int_equal(sas_on_commit(&high, bytes(from_low), nonce), 0);
	assert_int_equal(sas_on_nonce(&low, bytes(nonce), reveal), 0);
	assert_int_equal(sas_on_reveal(&high, bytes(reveal)), 0);
	assert_true(same_code(&low, &high));
	/* Only one may be ignored. */
	init(&low, 1, 2, 3);
	assert_int_equal(sas_start(&low, from_low), 0);
	assert_int_equal(sas_on_commit(&low, bytes(from_high), nonce), ERR_BUSY);
	assert_int_equal(sas_on_commit(&low, bytes(from_high), nonce), ERR_INVALID);
	assert_int_equal(low.state, SAS_FAILED);
}

/* At most one letter put in, left out or changed between them? */
static bool near(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), head = 0, tail = 0, shorter = n < m ? n : m;

	while (head < shorter && a[head] == b[head])
		head++;
	while (tail < shorter - head && a[n - 1 - tail] == b[m - 1 - tail])
		tail++;
	return n - head - tail <= 1 && m - head - tail <= 1;
}

static void words(void **state)
{
	for (int i = 0; i < SAS_WORD_COUNT; i++) {
		size_t n = strlen(sas_words[i]);
		assert_true(n >= 4 && n <= SAS_WORD_MAX);
		assert_int_equal(strspn(sas_words[i], "abcdefghijklmnopqrstuvwxyz"), n);
		for (int k = 0; k < i; k++) {
			if (near(sas_words[i], sas_words[k]) || strncmp(sas_words[i], sas_words[k], 4) == 0)
				fail_msg("%s, %s", sas_words[i], sas_words[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_agree),
		cmocka_unit_test(known_answer),
		cmocka_unit_test(man_in_the_middle),
		cmocka_unit_test(passed_on),
		cmocka_unit_test(responder_cannot_steer),
		cmocka_unit_test(other_reveal_refused),
		cmocka_unit_test(replay_refused),
		cmocka_unit_test(order),
		cmocka_unit_test(own_key_refused),
		cmocka_unit_test(both_start),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
