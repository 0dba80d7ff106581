#include "xmpp/scram.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram_i.h"

struct scram_client {
	enum scram_state state;
	enum hash_kind kind;
	char nonce[SCRAM_NONCE + 1];
	struct buf gs2, user, binding; /* user escaped; binding data */
	struct buf password;           /* wiped as soon as it is used */
	bool has_keys;                 /* these instead of a password: */
	struct scram_keys expected;
	uint8_t client_key[HASH_MAX];
	struct buf auth;          /* AuthMessage as far as it is known */
	uint8_t server[HASH_MAX]; /* ServerSignature to expect */
};

static void put_gs2(struct buf *out, const char *binding)
{
	if (!binding)
		buf_z(out, "n");
	else if (!*binding)
		buf_z(out, "y");
	else
		buf_fmt(out, "p=%s", binding);
	buf_z(out, ",,");
}

struct scram_client *scram_client_new(enum hash_kind kind, struct str user, struct str password, const char *binding,
	struct str binding_data)
{
	struct scram_client *c = xcalloc(1, sizeof(*c));

	c->kind = kind;
	rand_token(c->nonce, SCRAM_NONCE);
	buf_init(&c->gs2, SCRAM_MESSAGE_MAX);
	buf_init(&c->user, SCRAM_MESSAGE_MAX);
	buf_init(&c->binding, SCRAM_BINDING_MAX);
	buf_init(&c->password, password.n);
	buf_init(&c->auth, SCRAM_AUTH_MAX);
	put_gs2(&c->gs2, binding);
	scram_escape(user, &c->user);
	buf_str(&c->password, password);
	if (binding && *binding)
		buf_str(&c->binding, binding_data);
	return c;
}

struct scram_client *scram_client_new_keys(const struct scram_keys *expected, struct str user,
	const uint8_t client_key[HASH_MAX], const char *binding, struct str binding_data)
{
	struct scram_client *c = scram_client_new(expected->kind, user, STR(""), binding, binding_data);

	c->has_keys = true;
	c->expected = *expected;
	memcpy(c->client_key, client_key, hash_size(expected->kind));
	return c;
}

void scram_client_free(struct scram_client **c)
{
	struct scram_client *it = TAKE(*c);

	if (!it)
		return;
	scram_wipe(&it->gs2);
	scram_wipe(&it->user);
	scram_wipe(&it->binding);
	scram_wipe(&it->password);
	scram_wipe(&it->auth);
	mem_wipe(it, sizeof(*it));
	xfree(it);
}

void scram_client_set_nonce(struct scram_client *c, const char *nonce)
{
	must(c->state == SCRAM_NEW && strlen(nonce) <= SCRAM_NONCE);
	strcpy(c->nonce, nonce);
}

void scram_client_first(struct scram_client *c, struct buf *out)
{
	scram_enter(&c->state, SCRAM_FIRST);
	buf_z(&c->auth, "n=");
	buf_str(&c->auth, buf_view(&c->user));
	buf_z(&c->auth, ",r=");
	buf_z(&c->auth, c->nonce);
	buf_str(out, buf_view(&c->gs2));
	buf_str(out, buf_view(&c->auth));
}

/* server-first-message. */
struct challenge {
	struct str nonce;
	struct buf salt; /* cleared by whoever read it, after failure too */
	uint32_t iterations;
};

static int read_iterations(struct str text, uint32_t *ret)
{
	uint64_t n;
	int r;

	if (text.p[0] == '0')
		return ERR_SYNTAX;
	r = str_uint(text, SCRAM_ITERATIONS_MAX, &n);
	if (r < 0)
		return r;
	if (n < SCRAM_ITERATIONS_MIN)
		return ERR_DENIED; /* cheap guessing for whoever hears the proof */
	*ret = (uint32_t)n;
	return 0;
}

static int read_challenge(const struct scram_client *c, struct str message, struct challenge *ret)
{
	struct str rest = message, salt, count;
	struct str own = str_z(c->nonce);

	buf_init(&ret->salt, SCRAM_MESSAGE_MAX);
	if (!scram_is_message(message) || scram_take(&rest, 'r', &ret->nonce) < 0 || !scram_is_nonce(ret->nonce) ||
		!rest.p)
		return ERR_SYNTAX;
	if (scram_take(&rest, 's', &salt) < 0 || b64_decode(&ret->salt, salt) < 0 || !rest.p)
		return ERR_SYNTAX;
	if (scram_take(&rest, 'i', &count) < 0 || scram_skip_extensions(rest) < 0)
		return ERR_SYNTAX;
	if (!str_starts(ret->nonce, own) || ret->nonce.n == own.n)
		return ERR_DENIED;
	return read_iterations(count, &ret->iterations);
}

/* With keys the salt and the count are known: a server that names others does not have them, or would have us do work. */
static bool is_expected(const struct scram_client *c, const struct challenge *ch)
{
	const struct scram_keys *k = &c->expected;

	return !c->has_keys ||
		(ch->iterations == k->iterations &&
			str_eq(buf_view(&ch->salt), (struct str){(const char *)k->salt, k->salt_len}));
}

static void make_keys(const struct scram_client *c, const struct challenge *ch, struct scram_made *ret)
{
	size_t n = hash_size(c->kind);

	if (!c->has_keys) {
		scram_make(c->kind, buf_view(&c->password), buf_view(&ch->salt), ch->iterations, ret);
		return;
	}
	memcpy(ret->client, c->client_key, n);
	hash_digest(c->kind, scram_bytes(c->kind, ret->client), ret->stored);
	memcpy(ret->server, c->expected.server, n);
}

/* ClientProof into proof, ServerSignature into c->server. */
static void prove(struct scram_client *c, const struct challenge *ch, uint8_t *proof)
{
	struct scram_made d;
	struct str auth = buf_view(&c->auth);

	make_keys(c, ch, &d);
	scram_wipe(&c->password);
	mem_wipe(c->client_key, sizeof(c->client_key));
	hash_hmac(c->kind, scram_bytes(c->kind, d.stored), auth, proof);
	scram_xor(proof, d.client, hash_size(c->kind));
	hash_hmac(c->kind, scram_bytes(c->kind, d.server), auth, c->server);
	mem_wipe(&d, sizeof(d));
}

static int answer(struct scram_client *c, struct str message, struct challenge *ch, struct buf *out)
{
	uint8_t proof[HASH_MAX];
	size_t start;
	int r = read_challenge(c, message, ch);

	if (r < 0)
		return r;
	if (!is_expected(c, ch))
		return ERR_DENIED;
	if (c->gs2.p[0] == 'p' && c->binding.n == 0)
		return ERR_DENIED; /* promised, but the channel has none: nothing would be bound */
	buf_char(&c->auth, ',');
	buf_str(&c->auth, message);
	buf_char(&c->auth, ',');
	start = c->auth.n;
	buf_z(&c->auth, "c=");
	scram_put_binding(&c->auth, buf_view(&c->gs2), buf_view(&c->binding));
	buf_z(&c->auth, ",r=");
	buf_str(&c->auth, ch->nonce);
	if (!buf_ok(&c->auth) || !buf_ok(&c->binding) || !buf_ok(&c->user))
		return ERR_LIMIT;
	prove(c, ch, proof);
	buf_add(out, c->auth.p + start, c->auth.n - start);
	buf_z(out, ",p=");
	b64_encode(out, proof, hash_size(c->kind));
	return 0;
}

int scram_client_challenge(struct scram_client *c, struct str message, struct buf *out)
{
	struct challenge ch = {0};
	int r;

	if (c->state != SCRAM_FIRST)
		return ERR_SYNTAX;
	r = answer(c, message, &ch, out);
	buf_clear(&ch.salt);
	scram_enter(&c->state, r < 0 ? SCRAM_FAILED : SCRAM_CHALLENGED);
	return r;
}

int scram_client_final(struct scram_client *c, struct str message)
{
	struct str rest = message, text;
	uint8_t signature[HASH_MAX];
	bool ok;

	if (c->state != SCRAM_CHALLENGED)
		return ERR_DENIED;
	ok = scram_is_message(message) && scram_take(&rest, 'v', &text) == 0 && scram_skip_extensions(rest) == 0 &&
		scram_take_digest(text, signature, hash_size(c->kind)) == 0 &&
		hash_equal(signature, c->server, hash_size(c->kind));
	scram_enter(&c->state, ok ? SCRAM_DONE : SCRAM_FAILED);
	return ok ? 0 : ERR_DENIED;
}
