#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/lanpass.h"

#define PASSWORD "correct horse"
#define EXPORTER STR("0123456789abcdef0123456789abcdef")

static const uint8_t dialler[NODEID_FINGERPRINT] = {2}, answerer[NODEID_FINGERPRINT] = {1};

static void derive(const char *password, struct lan_keys *ret)
{
	assert_int_equal(lanpass_derive(str_z(password), dialler, answerer, ret), 0);
}

static void salt(void **state)
{
	CLEANUP(buf_clear) struct buf hex = {.max = 100};
	uint8_t one[32], two[32], third[NODEID_FINGERPRINT] = {1, 1};

	lanpass_salt(dialler, answerer, one);
	lanpass_salt(answerer, dialler, two);
	assert_memory_equal(one, two, 32);
	hex_encode(&hex, one, 32);
	assert_true(str_is(buf_view(&hex), "ff55c97976a840b4ced964ed49e3794594ba3f675238b5fd25d282b60f70a194"));
	lanpass_salt(dialler, third, two);
	assert_memory_not_equal(one, two, 32);
}

/* The keys by another program (Python's hashlib and hmac). */
static void known_keys(void **state)
{
	CLEANUP(buf_clear) struct buf client = {.max = 100};
	CLEANUP(buf_clear) struct buf server = {.max = 100};
	struct lan_keys keys, turned;

	derive(PASSWORD, &keys);
	hex_encode(&client, keys.client, 32);
	hex_encode(&server, keys.server, 32);
	assert_true(str_is(buf_view(&client), "5f8377b3be42169388513b6b89c1b59bab5b1cc141e72bfd0e6f019f3b7c4a27"));
	assert_true(str_is(buf_view(&server), "10742e2e7115a1ecb574e487a5c8ec51c9c5473ba65a617791eefc90dacf1cd2"));
	assert_int_equal(lanpass_derive(STR(PASSWORD), answerer, dialler, &turned), 0);
	assert_memory_equal(&keys, &turned, sizeof(keys));
	assert_int_equal(lanpass_derive(STR("correct\u00a0horse"), answerer, dialler, &turned), 0); /* prepared */
	assert_memory_equal(&keys, &turned, sizeof(keys));
	assert_int_equal(lanpass_derive(STR(""), dialler, answerer, &keys), ERR_INVALID);
	assert_int_equal(lanpass_derive(STR("a\tb"), dialler, answerer, &keys), ERR_INVALID);
}

static void keys_as_scram_derives_them(void **state)
{
	struct lan_keys keys;
	struct scram_keys made;

	derive(PASSWORD, &keys);
	lanpass_scram_keys(&keys, dialler, answerer, &made);
	assert_true(scram_verify(&made, STR(PASSWORD)));
	assert_false(scram_verify(&made, STR(PASSWORD "s")));
	assert_int_equal(made.iterations, LANPASS_ITERATIONS);
	assert_true(made.iterations >= 1 << 15);
}

static void generated(void **state)
{
	CLEANUP(buf_clear) struct buf a = {.max = 100};
	CLEANUP(buf_clear) struct buf b = {.max = 100};

	lanpass_generate(&a);
	lanpass_generate(&b);
	assert_int_equal(a.n, 26 + 6);
	assert_int_equal(strspn(buf_cstr(&a), "abcdefghijklmnopqrstuvwxyz234567-"), a.n);
	for (size_t i = 0; i < a.n; i++)
		assert_int_equal(a.p[i] == '-', i % 5 == 4);
	assert_false(str_eq(buf_view(&a), buf_view(&b)));
}

/* ---- both sides against each other ---- */

struct side {
	const char *password;
	struct str exporter;
};

struct outcome {
	int challenge, server, client; /* what each step said; later ones are 1 when not reached */
};

static struct outcome talk(struct side c, struct side s)
{
	CLEANUP(scram_server_free) struct scram_server *server = lanpass_server();
	CLEANUP(scram_client_free) struct scram_client *client = NULL;
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	CLEANUP(buf_clear) struct buf in = {.max = 4096};
	struct outcome o = {1, 1, 1};
	struct lan_keys own, theirs;
	struct scram_keys keys;
	struct str user, authzid;
	const char *binding;

	derive(c.password, &own);
	derive(s.password, &theirs);
	lanpass_scram_keys(&theirs, answerer, dialler, &keys);
	client = lanpass_client(&own, STR("id"), dialler, answerer, c.exporter);
	scram_client_first(client, &out);
	assert_int_equal(scram_server_first(server, buf_view(&out), &user, &authzid, &binding), 0);
	assert_true(str_is(user, "id"));
	assert_string_equal(binding, LANPASS_BINDING);
	scram_server_challenge(server, &keys, &in);
	buf_reset(&out);
	o.challenge = scram_client_challenge(client, buf_view(&in), &out);
	if (o.challenge < 0)
		return o;
	buf_reset(&in);
	o.server = scram_server_final(server, buf_view(&out), s.exporter, &in);
	if (o.server == 0)
		o.client = scram_client_final(client, buf_view(&in));
	return o;
}

static void right_password(void **state)
{
	struct outcome o = talk((struct side){PASSWORD, EXPORTER}, (struct side){PASSWORD, EXPORTER});

	assert_int_equal(o.server, 0);
	assert_int_equal(o.client, 0);
}

static void wrong_password(void **state)
{
	assert_int_equal(talk((struct side){"x", EXPORTER}, (struct side){PASSWORD, EXPORTER}).server, ERR_DENIED);
	assert_int_equal(talk((struct side){PASSWORD, EXPORTER}, (struct side){"x", EXPORTER}).server, ERR_DENIED);
}

static void other_link(void **state)
{
	struct str other = STR("0123456789abcdef0123456789abcdeF");

	assert_int_equal(talk((struct side){PASSWORD, other}, (struct side){PASSWORD, EXPORTER}).server, ERR_DENIED);
	assert_int_equal(talk((struct side){PASSWORD, STR("")}, (struct side){PASSWORD, STR("")}).challenge,
		ERR_DENIED);
	assert_int_equal(talk((struct side){PASSWORD, EXPORTER}, (struct side){PASSWORD, STR("")}).server, ERR_DENIED);
}

/* A server that does not know the keys but says all is well. */
static void lying_server(void **state)
{
	CLEANUP(scram_server_free) struct scram_server *server = lanpass_server();
	CLEANUP(scram_client_free) struct scram_client *client = NULL;
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	CLEANUP(buf_clear) struct buf in = {.max = 4096};
	struct lan_keys own;
	struct scram_keys keys;
	struct str user, authzid;
	const char *binding;

	derive(PASSWORD, &own);
	lanpass_scram_keys(&own, answerer, dialler, &keys);
	memset(keys.server, 0, sizeof(keys.server)); /* it has StoredKey, say, but not ServerKey */
	client = lanpass_client(&own, STR("id"), dialler, answerer, EXPORTER);
	scram_client_first(client, &out);
	assert_int_equal(scram_server_first(server, buf_view(&out), &user, &authzid, &binding), 0);
	scram_server_challenge(server, &keys, &in);
	buf_reset(&out);
	assert_int_equal(scram_client_challenge(client, buf_view(&in), &out), 0);
	buf_reset(&in);
	assert_int_equal(scram_server_final(server, buf_view(&out), EXPORTER, &in), 0);
	assert_int_equal(scram_client_final(client, buf_view(&in)), ERR_DENIED);
}

/* The dialler answers one salt and one count of iterations, and nothing that is close. */
static void other_challenges(void **state)
{
	static const struct {
		int salt_bit;
		uint32_t iterations;
		uint8_t salt_len;
		int result;
	} asked[] = {
		{-1, LANPASS_ITERATIONS, 32, 0},
		{0, LANPASS_ITERATIONS, 32, ERR_DENIED},
		{255, LANPASS_ITERATIONS, 32, ERR_DENIED},
		{-1, LANPASS_ITERATIONS, 31, ERR_DENIED},
		{-1, LANPASS_ITERATIONS + 1, 32, ERR_DENIED},
		{-1, LANPASS_ITERATIONS - 1, 32, ERR_DENIED},
		{-1, SCRAM_ITERATIONS_MIN, 32, ERR_DENIED},
		{-1, 1, 32, ERR_DENIED},
		{-1, SCRAM_ITERATIONS_MAX, 32, ERR_DENIED},
	};
	struct lan_keys own;

	derive(PASSWORD, &own);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		CLEANUP(scram_server_free) struct scram_server *server = lanpass_server();
		CLEANUP(scram_client_free) struct scram_client *client = NULL;
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		CLEANUP(buf_clear) struct buf in = {.max = 4096};
		struct scram_keys keys;
		struct str user, authzid;
		const char *binding;

		lanpass_scram_keys(&own, answerer, dialler, &keys);
		keys.iterations = asked[i].iterations;
		keys.salt_len = asked[i].salt_len;
		if (asked[i].salt_bit >= 0)
			keys.salt[asked[i].salt_bit / 8] ^= (uint8_t)(1 << asked[i].salt_bit % 8);
		client = lanpass_client(&own, STR("id"), dialler, answerer, EXPORTER);
		scram_client_first(client, &out);
		assert_int_equal(scram_server_first(server, buf_view(&out), &user, &authzid, &binding), 0);
		scram_server_challenge(server, &keys, &in);
		buf_reset(&out);
		assert_int_equal(scram_client_challenge(client, buf_view(&in), &out), asked[i].result);
		assert_int_equal(out.n > 0, asked[i].result == 0); /* a refusal gives away nothing */
	}
}

/* Whoever cut the channel binding out of what was offered. */
static void downgrades(void **state)
{
	static const struct {
		const char *first;
		int result;
	} asked[] = {
		{"p=tls-exporter,,n=id,r=abc", 0},
		{"n,,n=id,r=abc", ERR_DENIED},
		{"y,,n=id,r=abc", ERR_DENIED},
		{"p=tls-server-end-point,,n=id,r=abc", ERR_UNSUPPORTED},
		{"p=tls-unique,,n=id,r=abc", ERR_UNSUPPORTED},
	};

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		CLEANUP(scram_server_free) struct scram_server *server = lanpass_server();
		struct str user, authzid;
		const char *binding;
		assert_int_equal(scram_server_first(server, str_z(asked[i].first), &user, &authzid, &binding),
			asked[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(salt),
		cmocka_unit_test(known_keys),
		cmocka_unit_test(keys_as_scram_derives_them),
		cmocka_unit_test(generated),
		cmocka_unit_test(right_password),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(other_link),
		cmocka_unit_test(lying_server),
		cmocka_unit_test(other_challenges),
		cmocka_unit_test(downgrades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
