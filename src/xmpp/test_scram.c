#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <gsasl.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"
#include "xmpp/scram_i.h"

static void check_text(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", STR_FMT(got), want);
}

/* ---- exchanges printed in the RFCs: user "user", password "pencil" ---- */

struct vector {
	enum hash_kind kind;
	const char *client_nonce, *server_nonce, *salt;
	const char *first, *challenge, *final, *verdict;
};

static const struct vector vectors[] = {
	{/* RFC 5802 section 5 */
		HASH_SHA1, "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
		"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	{/* RFC 7677 section 3 */
		HASH_SHA256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"W22ZaJ0SNY7soEsUEjb6gQ==", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static void keys_of(const struct vector *v, struct scram_keys *ret)
{
	CLEANUP(buf_clear) struct buf salt = {0};

	buf_init(&salt, 100);
	assert_int_equal(b64_decode(&salt, str_z(v->salt)), 0);
	scram_derive(v->kind, STR("pencil"), buf_view(&salt), 4096, ret);
}

static struct scram_server *server_of(const struct vector *v)
{
	struct scram_server *s = scram_server_new(v->kind, false, false, "");

	scram_server_set_nonce(s, v->server_nonce);
	return s;
}

static void rfc_server(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		CLEANUP(scram_server_free) struct scram_server *s = server_of(v);
		CLEANUP(buf_clear) struct buf out = {0};
		struct scram_keys keys;
		struct str user, authzid;
		const char *binding;

		buf_init(&out, 4096);
		keys_of(v, &keys);
		assert_int_equal(scram_server_first(s, str_z(v->first), &user, &authzid, &binding), 0);
		check_text(user, "user");
		assert_null(authzid.p);
		assert_null(binding);
		scram_server_challenge(s, &keys, &out);
		check_text(buf_view(&out), v->challenge);
		buf_reset(&out);
		assert_int_equal(scram_server_final(s, str_z(v->final), STR_NONE, &out), 0);
		check_text(buf_view(&out), v->verdict);
	}
}

static struct scram_client *client_of(const struct vector *v)
{
	struct scram_client *c = scram_client_new(v->kind, STR("user"), STR("pencil"), NULL, STR_NONE);

	scram_client_set_nonce(c, v->client_nonce);
	return c;
}

static void rfc_client(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		CLEANUP(scram_client_free) struct scram_client *c = client_of(v);
		CLEANUP(buf_clear) struct buf out = {0};

		buf_init(&out, 4096);
		scram_client_first(c, &out);
		check_text(buf_view(&out), v->first);
		buf_reset(&out);
		assert_int_equal(scram_client_challenge(c, str_z(v->challenge), &out), 0);
		check_text(buf_view(&out), v->final);
		assert_int_equal(scram_client_final(c, str_z(v->verdict)), 0);
	}
}

static void verify(void **state)
{
	struct scram_keys keys;

	keys_of(&vectors[1], &keys);
	assert_true(scram_verify(&keys, STR("pencil")));
	assert_false(scram_verify(&keys, STR("pencils")));
	assert_false(scram_verify(&keys, STR("")));
	keys.server[31] ^= 1;
	assert_false(scram_verify(&keys, STR("pencil")));
}

/* ---- messages a server refuses ---- */

static int first(bool plus, bool offered_plus, struct str message)
{
	CLEANUP(scram_server_free)
	struct scram_server *s =
		scram_server_new(HASH_SHA256, plus, offered_plus, plus ? "tls-exporter,tls-unique" : "");
	struct str user = STR("untouched"), authzid = user;
	const char *binding = "untouched";
	int r = scram_server_first(s, message, &user, &authzid, &binding);

	if (r < 0) {
		check_text(user, "untouched");
		assert_string_equal(binding, "untouched");
		/* A failure ends it. */
		assert_int_equal(scram_server_first(s, STR("n,,n=a,r=b"), &user, &authzid, &binding), ERR_SYNTAX);
	}
	return r;
}

static const char *const bad_first[] = {
	"",
	"n",
	"n,",
	"n,,",
	",",
	",,",
	",,,",
	"n,,n",
	"n,,n=",
	"n,,n=,r=a",
	"n,,n=u",
	"n,,n=u,",
	"n,,n=u,r",
	"n,,n=u,r=",
	"n,,r=a,n=u",
	"n,,n=u,r=a,",
	"n,,n=u,r=a,x",
	"n,,n=u,r=a,x=",
	"n,,n=u,r=a,=b",
	"n,,n=u,r=a,1=b",
	"n,,n=u,r=a,x=b,",
	"n,,n=u,r=a,,x=b",
	"n,,n=u,r=a,m=b",
	"n,,m=b,n=u,r=a",
	"n,,n=u,m=b,r=a",
	"n,,x=b,n=u,r=a",
	"n,,n=u,r=a,n=v",
	"n,,n=u,r=a,r=c",
	"n,,n=u,r=a,p=c",
	"n,,n=u,r=a b",
	"n,,n=u,r=a\x7f",
	"n,,n=u,r=a\x01",
	"n,,n=u,r=\xc3\xbc",
	"n,,n=u=,r=a",
	"n,,n=u=2,r=a",
	"n,,n=u=2c,r=a",
	"n,,n=u=3d,r=a",
	"n,,n=u=2D,r=a",
	"n,,n==,r=a",
	"n,,n=\xff,r=a",
	"n,,n=u\xc3,r=a",
	"N,,n=u,r=a",
	"n ,,n=u,r=a",
	" n,,n=u,r=a",
	"x,,n=u,r=a",
	"nn,,n=u,r=a",
	"n,b=c,n=u,r=a",
	"n,a=,n=u,r=a",
	"n,a,n=u,r=a",
	"n,a=b=,n=u,r=a",
	"n,a=b=2,n=u,r=a",
	"n,x,n=u,r=a",
	"n=u,r=a",
	"n,n=u,r=a",
	"p,,n=u,r=a",
	"p=,,n=u,r=a",
	"p=a_b,,n=u,r=a",
	"p=\xc3\xbc,,n=u,r=a",
	"p=a b,,n=u,r=a",
	"y=x,,n=u,r=a",
};

static void malformed_first(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	for (size_t i = 0; i < ARRAY_LEN(bad_first); i++) {
		if (first(false, false, str_z(bad_first[i])) != ERR_SYNTAX)
			fail_msg("accepted: %s", bad_first[i]);
	}
	assert_int_equal(first(false, false, STR("n,,n=u\0,r=a")), ERR_SYNTAX);
	assert_int_equal(first(false, false, STR("n,,n=u,r=a\0")), ERR_SYNTAX);
	buf_init(&b, 10000);
	buf_z(&b, "n,,n=u,r=");
	while (b.n < SCRAM_MESSAGE_MAX)
		buf_char(&b, 'a');
	assert_int_equal(first(false, false, buf_view(&b)), 0);
	buf_char(&b, 'a');
	assert_int_equal(first(false, false, buf_view(&b)), ERR_SYNTAX);
}

static void good_first(void **state)
{
	CLEANUP(scram_server_free)
	struct scram_server *s = scram_server_new(HASH_SHA1, true, true, "tls-exporter,tls-unique");
	struct str user, authzid;
	const char *binding;

	assert_int_equal(scram_server_first(s, STR("p=tls-unique,a=o=3Do=2C,n=\xc3\xbc=2C=3D=2C,r=!~%,x=y=z,Z=,z"),
				 &user, &authzid, &binding),
		ERR_SYNTAX);
	scram_server_free(&s);
	s = scram_server_new(HASH_SHA1, true, true, "tls-exporter,tls-unique");
	assert_int_equal(scram_server_first(s, STR("p=tls-unique,a=o=3Do=2C,n=\xc3\xbc=2C=3D=2C,r=!~%,x=y=z,Z=z"),
				 &user, &authzid, &binding),
		0);
	check_text(user, "\xc3\xbc,=,");
	check_text(authzid, "o=o,");
	assert_string_equal(binding, "tls-unique");
}

static void binding_flags(void **state)
{
	assert_int_equal(first(false, false, STR("y,,n=u,r=a")), 0);
	assert_int_equal(first(false, true, STR("n,,n=u,r=a")), 0);
	/* Somebody took -PLUS out of the list. */
	assert_int_equal(first(false, true, STR("y,,n=u,r=a")), ERR_DENIED);
	/* The flag and the mechanism disagree. */
	assert_int_equal(first(true, true, STR("n,,n=u,r=a")), ERR_DENIED);
	assert_int_equal(first(true, true, STR("y,,n=u,r=a")), ERR_DENIED);
	assert_int_equal(first(false, true, STR("p=tls-unique,,n=u,r=a")), ERR_DENIED);
	assert_int_equal(first(true, true, STR("p=tls-unique,,n=u,r=a")), 0);
	assert_int_equal(first(true, true, STR("p=tls-exporter,,n=u,r=a")), 0);
	assert_int_equal(first(true, true, STR("p=tls,,n=u,r=a")), ERR_UNSUPPORTED);
	assert_int_equal(first(true, true, STR("p=tls-server-end-point,,n=u,r=a")), ERR_UNSUPPORTED);
	assert_int_equal(first(true, true, STR("p=tls-exporter-tls-unique,,n=u,r=a")), ERR_UNSUPPORTED);
}

/* client-final in answer to vector v's challenge */
static int final(const struct vector *v, struct str message, struct buf *out)
{
	CLEANUP(scram_server_free) struct scram_server *s = server_of(v);
	CLEANUP(buf_clear) struct buf challenge = {0};
	struct scram_keys keys;
	struct str user, authzid;
	const char *binding;
	int r;

	buf_init(&challenge, 4096);
	keys_of(v, &keys);
	assert_int_equal(scram_server_first(s, str_z(v->first), &user, &authzid, &binding), 0);
	scram_server_challenge(s, &keys, &challenge);
	r = scram_server_final(s, message, STR_NONE, out);
	if (r < 0)
		assert_int_equal(scram_server_final(s, str_z(v->final), STR_NONE, out), ERR_SYNTAX);
	return r;
}

#define NONCE5802 "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
#define PROOF5802 "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="

static const struct {
	const char *message;
	int error;
} bad_final[] = {
	{"", ERR_SYNTAX},
	{"c=biws", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Tt=", ERR_SYNTAX}, /* not the canonical base64 */
	{"c=biws,r=" NONCE5802 ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Q==", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=AAAA" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=!!!!", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=" PROOF5802 ",", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=" PROOF5802 ",x=y", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",m=y,p=" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",x,p=" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",,p=" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=" PROOF5802 ",p=" PROOF5802, ERR_SYNTAX},
	{"r=" NONCE5802 ",c=biws,p=" PROOF5802, ERR_SYNTAX},
	{"c=,r=" NONCE5802 ",p=" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=,p=" PROOF5802, ERR_SYNTAX},
	{"n,,c=biws,r=" NONCE5802 ",p=" PROOF5802, ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",p=\xff", ERR_SYNTAX},
	{"c=biws,r=" NONCE5802 ",x=y,p=" PROOF5802, ERR_DENIED}, /* allowed, but then the proof is another */
	{"c=biws,r=" NONCE5802 "x,p=" PROOF5802, ERR_DENIED},
	{"c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=" PROOF5802, ERR_DENIED},
	{"c=eSws,r=" NONCE5802 ",p=" PROOF5802, ERR_DENIED}, /* y,, instead of n,, */
	{"c=bi,r=" NONCE5802 ",p=" PROOF5802, ERR_DENIED},
	{"c=biws,r=" NONCE5802 ",p=w0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", ERR_DENIED},
	{"c=biws,r=" NONCE5802 ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_DENIED},
};

static void bad_finals(void **state)
{
	CLEANUP(buf_clear) struct buf out = {0};

	buf_init(&out, 4096);
	for (size_t i = 0; i < ARRAY_LEN(bad_final); i++) {
		int r = final(&vectors[0], str_z(bad_final[i].message), &out);
		if (r != bad_final[i].error)
			fail_msg("%s: %s", bad_final[i].message, err_name(r));
		assert_int_equal(out.n, 0);
	}
	assert_int_equal(final(&vectors[0], str_z(vectors[0].final), &out), 0);
}

static void every_changed_byte(void **state)
{
	const struct vector *v = &vectors[0];
	CLEANUP(buf_clear) struct buf out = {0};
	char text[200];
	size_t n = strlen(v->final);

	buf_init(&out, 4096);
	for (size_t i = 0; i < n; i += 3) {
		memcpy(text, v->final, n);
		text[i] ^= 1;
		assert_int_not_equal(final(v, (struct str){text, n}, &out), 0);
		assert_int_not_equal(final(v, (struct str){v->final, i}, &out), 0);
	}
	assert_int_equal(out.n, 0);
}

/* ---- messages a client refuses ---- */

static int challenged(struct str message)
{
	CLEANUP(scram_client_free) struct scram_client *c = client_of(&vectors[0]);
	CLEANUP(buf_clear) struct buf out = {0};
	int r;

	buf_init(&out, 10000);
	scram_client_first(c, &out);
	buf_reset(&out);
	r = scram_client_challenge(c, message, &out);
	if (r < 0) {
		assert_int_equal(out.n, 0);
		assert_int_equal(scram_client_challenge(c, str_z(vectors[0].challenge), &out), ERR_SYNTAX);
		assert_int_equal(scram_client_final(c, str_z(vectors[0].verdict)), ERR_DENIED);
	}
	return r;
}

static const struct {
	const char *message;
	int error;
} challenges[] = {
	{"", ERR_SYNTAX},
	{"r=" NONCE5802, ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=,i=4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf9,i=4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR Q6sek8bf92,i=4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",i=4096,s=QSXCR+Q6sek8bf92", ERR_SYNTAX},
	{"m=x,r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096", ERR_SYNTAX},
	{"x=x,r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096,m=x", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096,", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096,i=5000", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=04096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=+4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096 ", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=-1", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=0", ERR_SYNTAX},
	{"r=" NONCE5802 " ,s=QSXCR+Q6sek8bf92,i=4096", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096,x=\xff", ERR_SYNTAX},
	{"e=other-error", ERR_SYNTAX},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=1", ERR_DENIED},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4095", ERR_DENIED},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=1000001", ERR_LIMIT},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=99999999999999999999999", ERR_LIMIT},
	{"r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", ERR_DENIED},
	{"r=fyko+d2lbbFgONRv9qkxdaw,s=QSXCR+Q6sek8bf92,i=4096", ERR_DENIED},
	{"r=gyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096", ERR_DENIED},
	{"r=" NONCE5802 ",s=QSXCR+Q6sek8bf92,i=4096,x=y,z=a=b", 0},
	{"r=" NONCE5802 ",s=QQ==,i=4096", 0},
};

static void bad_challenges(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(challenges); i++) {
		int r = challenged(str_z(challenges[i].message));
		if (r != challenges[i].error)
			fail_msg("%s: %s", challenges[i].message, err_name(r));
	}
}

static const char *const bad_verdicts[] = {
	"",
	"v=",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ",
	"v=smF9pqV8S7suAoZWja4dJRkFsKQ=",
	"e=invalid-proof",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,m=x",
	"x=y,v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	"v=AAAA",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKR=",
	"v=!!!!",
	"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

static int judged(const char *verdict)
{
	CLEANUP(scram_client_free) struct scram_client *c = client_of(&vectors[0]);
	CLEANUP(buf_clear) struct buf out = {0};
	int r;

	buf_init(&out, 4096);
	scram_client_first(c, &out);
	assert_int_equal(scram_client_challenge(c, str_z(vectors[0].challenge), &out), 0);
	r = scram_client_final(c, str_z(verdict));
	assert_int_equal(scram_client_final(c, str_z(vectors[0].verdict)), ERR_DENIED);
	return r;
}

static void verdicts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_verdicts); i++)
		assert_int_equal(judged(bad_verdicts[i]), ERR_DENIED);
	assert_int_equal(judged("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=y"), 0);
}

/* ---- both ends together ---- */

struct channel {
	enum hash_kind kind;
	bool plus, offered_plus;
	const char *types;                   /* the server's */
	const char *type;                    /* the client's: NULL, "" or a type */
	struct str client_data, server_data; /* differ when somebody is in between */
};

static int exchange(const struct channel *ch, const char *user, const char *password, int *ret_client)
{
	CLEANUP(scram_server_free)
	struct scram_server *s = scram_server_new(ch->kind, ch->plus, ch->offered_plus, ch->types);
	CLEANUP(scram_client_free)
	struct scram_client *c = scram_client_new(ch->kind, str_z(user), str_z(password), ch->type, ch->client_data);
	CLEANUP(buf_clear) struct buf to_server;
	CLEANUP(buf_clear) struct buf to_client;
	struct scram_keys keys;
	struct str name, authzid;
	const char *binding;
	int r;

	buf_init(&to_server, 8192);
	buf_init(&to_client, 8192);
	scram_derive(ch->kind, STR("secret"), STR("saltsalt"), 4096, &keys);
	scram_client_first(c, &to_server);
	r = scram_server_first(s, buf_view(&to_server), &name, &authzid, &binding);
	if (r < 0)
		return r;
	check_text(name, user);
	scram_server_challenge(s, &keys, &to_client);
	buf_reset(&to_server);
	*ret_client = scram_client_challenge(c, buf_view(&to_client), &to_server);
	if (*ret_client < 0)
		return 0;
	buf_reset(&to_client);
	r = scram_server_final(s, buf_view(&to_server), ch->server_data, &to_client);
	if (r == 0)
		*ret_client = scram_client_final(c, buf_view(&to_client));
	return r;
}

static const char tag[] = "\x00\x01\xff,=channel";
#define TAG ((struct str){tag, sizeof(tag) - 1})

static void together(void **state)
{
	struct channel ch = {HASH_SHA256, false, false, "", NULL, STR_NONE, STR_NONE};
	int client = 1;

	assert_int_equal(exchange(&ch, "u=,\xc3\xbc", "secret", &client), 0);
	assert_int_equal(client, 0);
	assert_int_equal(exchange(&ch, "u", "Secret", &client), ERR_DENIED);
	ch.type = "";
	assert_int_equal(exchange(&ch, "u", "secret", &client), 0);
	ch.offered_plus = true;
	assert_int_equal(exchange(&ch, "u", "secret", &client), ERR_DENIED);
	ch = (struct channel){HASH_SHA1, true, true, "tls-exporter", "tls-exporter", TAG, TAG};
	assert_int_equal(exchange(&ch, "u", "secret", &client), 0);
	ch.server_data = STR("another");
	assert_int_equal(exchange(&ch, "u", "secret", &client), ERR_DENIED);
	ch.server_data = STR_NONE;
	assert_int_equal(exchange(&ch, "u", "secret", &client), ERR_DENIED);
	ch.client_data = STR_NONE;
	assert_int_equal(exchange(&ch, "u", "secret", &client), 0);
	assert_int_equal(client, ERR_DENIED);
}

/* ---- a client that knows the password and lies about the rest ---- */

static void put_proof(struct buf *out, const struct scram_keys *keys, const char *bare, struct str challenge)
{
	CLEANUP(buf_clear) struct buf auth = {.max = 4096};
	struct str salt = {(const char *)keys->salt, keys->salt_len};
	uint8_t salted[HASH_MAX], client[HASH_MAX], signature[HASH_MAX];

	buf_fmt(&auth, "%s,%.*s,%.*s", bare, STR_FMT(challenge), STR_FMT(buf_view(out)));
	hash_pbkdf2(keys->kind, STR("pencil"), salt, keys->iterations, salted);
	hash_hmac(keys->kind, scram_bytes(keys->kind, salted), STR("Client Key"), client);
	hash_hmac(keys->kind, scram_bytes(keys->kind, keys->stored), buf_view(&auth), signature);
	scram_xor(client, signature, hash_size(keys->kind));
	buf_z(out, ",p=");
	b64_encode(out, client, hash_size(keys->kind));
}

/* What the server says to this client-final, whose proof is right. */
static int lie(const char *gs2, const char *without_proof, struct str data)
{
	const struct vector *v = &vectors[0];
	CLEANUP(scram_server_free)
	struct scram_server *s = scram_server_new(v->kind, gs2[0] == 'p', false, "tls-exporter");
	CLEANUP(buf_clear) struct buf challenge = {.max = 4096};
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	const char *bare = strstr(v->first, "n=");
	struct scram_keys keys;
	struct str user, authzid;
	const char *binding;

	scram_server_set_nonce(s, v->server_nonce);
	keys_of(v, &keys);
	buf_fmt(&text, "%s%s", gs2, bare);
	assert_int_equal(scram_server_first(s, buf_view(&text), &user, &authzid, &binding), 0);
	scram_server_challenge(s, &keys, &challenge);
	buf_reset(&text);
	buf_z(&text, without_proof);
	put_proof(&text, &keys, bare, buf_view(&challenge));
	return scram_server_final(s, buf_view(&text), data, &out);
}

static void liars(void **state)
{
	assert_int_equal(lie("n,,", "c=biws,r=" NONCE5802, STR_NONE), 0);
	assert_int_equal(lie("n,,", "c=biws,r=" NONCE5802 ",x=y", STR_NONE), 0);
	assert_int_equal(lie("n,,", "c=biws,r=" NONCE5802 "x", STR_NONE), ERR_DENIED);
	assert_int_equal(lie("n,,", "c=biws,r=fyko+d2lbbFgONRv9qkxdawL", STR_NONE), ERR_DENIED);
	assert_int_equal(lie("n,,", "c=eSws,r=" NONCE5802, STR_NONE), ERR_DENIED);
	/* "p=tls-exporter,," and "data" */
	assert_int_equal(lie("p=tls-exporter,,", "c=cD10bHMtZXhwb3J0ZXIsLGRhdGE=,r=" NONCE5802, STR("data")), 0);
	assert_int_equal(lie("p=tls-exporter,,", "c=cD10bHMtZXhwb3J0ZXIsLGRhdGE=,r=" NONCE5802, STR("dato")),
		ERR_DENIED);
	assert_int_equal(lie("p=tls-exporter,,", "c=cD10bHMtZXhwb3J0ZXIsLA==,r=" NONCE5802, STR_NONE), ERR_DENIED);
	assert_int_equal(lie("p=tls-exporter,,", "c=biws,r=" NONCE5802, STR("data")), ERR_DENIED);
}

/* ---- against libgsasl ---- */

static Gsasl *gsasl;

static int start_gsasl(void **state) { return gsasl_init(&gsasl) == GSASL_OK ? 0 : -1; }

static int stop_gsasl(void **state)
{
	gsasl_done(gsasl);
	return 0;
}

static void free_session(Gsasl_session **s)
{
	if (*s)
		gsasl_finish(*s);
}

/* One step of the other side; its output to out. */
static int step(Gsasl_session *g, struct str in, struct buf *out)
{
	char *answer = NULL;
	size_t n = 0;
	int r = gsasl_step(g, in.p, in.n, &answer, &n);

	buf_reset(out);
	if (r == GSASL_OK || r == GSASL_NEEDS_MORE)
		buf_add(out, answer, n);
	gsasl_free(answer);
	return r;
}

struct interop {
	const char *mechanism;
	enum hash_kind kind;
	bool plus;
	Gsasl_property property; /* the channel binding libgsasl is told of */
	const char *type;
	const char *user;
};

static const struct interop interops[] = {
	{"SCRAM-SHA-1", HASH_SHA1, false, 0, NULL, "user"},
	{"SCRAM-SHA-256", HASH_SHA256, false, 0, NULL, "user"},
	{"SCRAM-SHA-256", HASH_SHA256, false, 0, NULL, "us=er,"},
	{"SCRAM-SHA-256", HASH_SHA256, false, 0, NULL, "\xc3\xbcser"},
	{"SCRAM-SHA-1-PLUS", HASH_SHA1, true, GSASL_CB_TLS_UNIQUE, "tls-unique", "user"},
	{"SCRAM-SHA-256-PLUS", HASH_SHA256, true, GSASL_CB_TLS_UNIQUE, "tls-unique", "user"},
	{"SCRAM-SHA-1-PLUS", HASH_SHA1, true, GSASL_CB_TLS_EXPORTER, "tls-exporter", "user"},
	{"SCRAM-SHA-256-PLUS", HASH_SHA256, true, GSASL_CB_TLS_EXPORTER, "tls-exporter", "user"},
};

static void tell_binding(Gsasl_session *g, const struct interop *i)
{
	CLEANUP(buf_clear) struct buf text = {0};

	if (!i->plus)
		return;
	buf_init(&text, 200);
	b64_encode(&text, tag, sizeof(tag) - 1);
	assert_int_equal(gsasl_property_set(g, i->property, buf_cstr(&text)), GSASL_OK);
}

static int their_client(const struct interop *i, const char *password, int *ret_theirs)
{
	CLEANUP(scram_server_free) struct scram_server *s = NULL;
	CLEANUP(free_session) Gsasl_session *g = NULL;
	CLEANUP(buf_clear) struct buf to_server;
	CLEANUP(buf_clear) struct buf to_client;
	struct scram_keys keys;
	struct str user, authzid;
	const char *binding;
	int r;

	buf_init(&to_server, 8192);
	buf_init(&to_client, 8192);
	s = scram_server_new(i->kind, i->plus, i->plus, i->plus ? "tls-server-end-point,tls-exporter,tls-unique" : "");
	assert_int_equal(gsasl_client_start(gsasl, i->mechanism, &g), GSASL_OK);
	gsasl_property_set(g, GSASL_AUTHID, i->user);
	gsasl_property_set(g, GSASL_PASSWORD, password);
	gsasl_property_set(g, GSASL_AUTHZID, "other,=");
	tell_binding(g, i);
	scram_derive(i->kind, STR("secret"), STR("0123456789abcdef"), 5000, &keys);

	assert_int_equal(step(g, STR_NONE, &to_server), GSASL_NEEDS_MORE);
	assert_int_equal(scram_server_first(s, buf_view(&to_server), &user, &authzid, &binding), 0);
	check_text(user, i->user);
	check_text(authzid, "other,=");
	assert_true(i->plus ? binding && strcmp(binding, i->type) == 0 : !binding);
	scram_server_challenge(s, &keys, &to_client);
	assert_int_equal(step(g, buf_view(&to_client), &to_server), GSASL_NEEDS_MORE);
	buf_reset(&to_client);
	r = scram_server_final(s, buf_view(&to_server), i->plus ? TAG : STR_NONE, &to_client);
	if (r == 0)
		*ret_theirs = step(g, buf_view(&to_client), &to_server);
	return r;
}

static int their_server(const struct interop *i, const char *password, struct str data)
{
	CLEANUP(scram_client_free) struct scram_client *c = NULL;
	CLEANUP(free_session) Gsasl_session *g = NULL;
	CLEANUP(buf_clear) struct buf to_server;
	CLEANUP(buf_clear) struct buf to_client;

	buf_init(&to_server, 8192);
	buf_init(&to_client, 8192);
	c = scram_client_new(i->kind, str_z(i->user), str_z(password), i->type, data);
	assert_int_equal(gsasl_server_start(gsasl, i->mechanism, &g), GSASL_OK);
	gsasl_property_set(g, GSASL_PASSWORD, "secret");
	tell_binding(g, i);

	scram_client_first(c, &to_server);
	assert_int_equal(step(g, buf_view(&to_server), &to_client), GSASL_NEEDS_MORE);
	assert_string_equal(gsasl_property_fast(g, GSASL_AUTHID), i->user);
	buf_reset(&to_server);
	assert_int_equal(scram_client_challenge(c, buf_view(&to_client), &to_server), 0);
	if (step(g, buf_view(&to_server), &to_client) != GSASL_OK)
		return ERR_DENIED;
	assert_int_equal(scram_client_final(c, buf_view(&to_client)), 0);
	return 0;
}

static void interop_client(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(interops); k++) {
		int theirs = -1;
		assert_int_equal(their_client(&interops[k], "secret", &theirs), 0);
		assert_int_equal(theirs, GSASL_OK);
		assert_int_equal(their_client(&interops[k], "secreT", &theirs), ERR_DENIED);
	}
}

static void interop_server(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(interops); k++) {
		const struct interop *i = &interops[k];
		assert_int_equal(their_server(i, "secret", i->plus ? TAG : STR_NONE), 0);
		assert_int_equal(their_server(i, "secreT", i->plus ? TAG : STR_NONE), ERR_DENIED);
		if (i->plus)
			assert_int_equal(their_server(i, "secret", STR("another channel")), ERR_DENIED);
	}
}

static void nothing_to_free(void **state)
{
	struct scram_server *s = NULL;
	struct scram_client *c = NULL;

	scram_server_free(&s);
	scram_client_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_server),
		cmocka_unit_test(rfc_client),
		cmocka_unit_test(verify),
		cmocka_unit_test(malformed_first),
		cmocka_unit_test(good_first),
		cmocka_unit_test(binding_flags),
		cmocka_unit_test(bad_finals),
		cmocka_unit_test(every_changed_byte),
		cmocka_unit_test(bad_challenges),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(together),
		cmocka_unit_test(liars),
		cmocka_unit_test(interop_client),
		cmocka_unit_test(interop_server),
		cmocka_unit_test(nothing_to_free),
	};

	return cmocka_run_group_tests(tests, start_gsasl, stop_gsasl);
}
