#include "xmpp/scram.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram_i.h"

struct scram_server {
	enum scram_state state;
	enum hash_kind kind;
	bool plus, offered_plus;
	char *offered;                        /* names of the binding types */
	char binding[SCRAM_BINDING_NAME_MAX]; /* the one the client chose, "" for none */
	char own_nonce[SCRAM_NONCE + 1];
	struct buf gs2, user, authzid, nonce; /* as sent, or unescaped */
	struct buf auth;                      /* AuthMessage as far as it is known */
	struct scram_keys keys;
};

struct scram_server *scram_server_new(enum hash_kind kind, bool plus, bool offered_plus, const char *binding)
{
	struct scram_server *s = xcalloc(1, sizeof(*s));

	s->kind = kind;
	s->plus = plus;
	s->offered_plus = offered_plus;
	s->offered = xstrdup(binding);
	rand_token(s->own_nonce, SCRAM_NONCE);
	buf_init(&s->gs2, SCRAM_MESSAGE_MAX);
	buf_init(&s->user, SCRAM_MESSAGE_MAX);
	buf_init(&s->authzid, SCRAM_MESSAGE_MAX);
	buf_init(&s->nonce, SCRAM_MESSAGE_MAX + SCRAM_NONCE);
	buf_init(&s->auth, SCRAM_AUTH_MAX);
	return s;
}

void scram_server_free(struct scram_server **s)
{
	struct scram_server *it = TAKE(*s);

	if (!it)
		return;
	scram_wipe(&it->gs2);
	scram_wipe(&it->user);
	scram_wipe(&it->authzid);
	scram_wipe(&it->nonce);
	scram_wipe(&it->auth);
	xfree(it->offered);
	mem_wipe(it, sizeof(*it));
	xfree(it);
}

void scram_server_set_nonce(struct scram_server *s, const char *nonce)
{
	must(s->state == SCRAM_NEW && strlen(nonce) <= SCRAM_NONCE);
	strcpy(s->own_nonce, nonce);
}

static bool in_list(struct str list, struct str name)
{
	while (list.p) {
		if (str_eq(str_cut(&list, ','), name))
			return true;
	}
	return false;
}

static bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

static bool is_binding_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
			return false;
	}
	return s.n > 0 && s.n < SCRAM_BINDING_NAME_MAX;
}

/* gs2-cbind-flag. */
static int read_flag(struct scram_server *s, struct str flag)
{
	struct str name;

	if (str_is(flag, "n"))
		return s->plus ? ERR_DENIED : 0;
	if (str_is(flag, "y")) /* "you have no channel binding", when we do: somebody between us cut it out */
		return s->plus || s->offered_plus ? ERR_DENIED : 0;
	if (scram_take(&flag, 'p', &name) < 0 || !is_binding_name(name))
		return ERR_SYNTAX;
	if (!s->plus)
		return ERR_DENIED;
	if (!in_list(str_z(s->offered), name))
		return ERR_UNSUPPORTED;
	memcpy(s->binding, name.p, name.n);
	return 0;
}

/* gs2-header: flag "," [ "a=" authzid ] ","; *rest becomes client-first-message-bare. */
static int read_gs2(struct scram_server *s, struct str *rest)
{
	const char *start = rest->p;
	struct str flag = str_cut(rest, ',');
	struct str authzid = rest->p ? str_cut(rest, ',') : STR_NONE;
	struct str name;
	int r;

	if (!rest->p)
		return ERR_SYNTAX;
	r = read_flag(s, flag);
	if (r < 0)
		return r;
	if (authzid.n > 0 && (scram_take(&authzid, 'a', &name) < 0 || scram_unescape(name, &s->authzid) < 0))
		return ERR_SYNTAX;
	buf_add(&s->gs2, start, (size_t)(rest->p - start));
	return 0;
}

static int read_first(struct scram_server *s, struct str message)
{
	struct str bare = message, rest, user, nonce;
	int r;

	if (!scram_is_message(message))
		return ERR_SYNTAX;
	r = read_gs2(s, &bare);
	if (r < 0)
		return r;
	rest = bare;
	if (scram_take(&rest, 'n', &user) < 0 || scram_unescape(user, &s->user) < 0)
		return ERR_SYNTAX;
	if (!rest.p || scram_take(&rest, 'r', &nonce) < 0 || !scram_is_nonce(nonce) || scram_skip_extensions(rest) < 0)
		return ERR_SYNTAX;
	buf_str(&s->nonce, nonce);
	buf_z(&s->nonce, s->own_nonce);
	buf_str(&s->auth, bare);
	return 0;
}

int scram_server_first(struct scram_server *s, struct str message, struct str *ret_user, struct str *ret_authzid,
	const char **ret_binding)
{
	int r;

	if (s->state != SCRAM_NEW)
		return ERR_SYNTAX;
	r = read_first(s, message);
	scram_enter(&s->state, r < 0 ? SCRAM_FAILED : SCRAM_FIRST);
	if (r < 0)
		return r;
	*ret_user = buf_view(&s->user);
	*ret_authzid = s->authzid.n > 0 ? buf_view(&s->authzid) : STR_NONE;
	*ret_binding = s->binding[0] ? s->binding : NULL;
	return 0;
}

void scram_server_challenge(struct scram_server *s, const struct scram_keys *keys, struct buf *out)
{
	size_t start;

	must(keys->kind == s->kind && keys->salt_len > 0);
	scram_enter(&s->state, SCRAM_CHALLENGED);
	s->keys = *keys;
	buf_char(&s->auth, ',');
	start = s->auth.n;
	buf_z(&s->auth, "r=");
	buf_str(&s->auth, buf_view(&s->nonce));
	buf_z(&s->auth, ",s=");
	b64_encode(&s->auth, keys->salt, keys->salt_len);
	buf_fmt(&s->auth, ",i=%u", (unsigned)keys->iterations);
	must(buf_ok(&s->auth)); /* SCRAM_AUTH_MAX leaves space for all of it */
	buf_add(out, s->auth.p + start, s->auth.n - start);
}

/* The attribute p, which must be the last; *ret_before is the message without it and its comma. */
static int take_proof(struct str message, struct str rest, struct str *ret_before, struct str *ret_proof)
{
	while (rest.p) {
		const char *start = rest.p;
		struct str attribute = str_cut(&rest, ',');
		if (scram_is_extension(attribute))
			continue;
		if (rest.p || scram_take(&attribute, 'p', ret_proof) < 0)
			return ERR_SYNTAX;
		*ret_before = (struct str){message.p, (size_t)(start - 1 - message.p)};
		return 0;
	}
	return ERR_SYNTAX;
}

/* Does the proof show knowledge of a client key whose digest is StoredKey? */
static bool check_proof(const struct scram_server *s, uint8_t *proof)
{
	uint8_t signature[HASH_MAX], stored[HASH_MAX];
	size_t n = hash_size(s->kind);
	bool ok;

	hash_hmac(s->kind, scram_bytes(s->kind, s->keys.stored), buf_view(&s->auth), signature);
	scram_xor(proof, signature, n); /* becomes ClientKey */
	hash_digest(s->kind, scram_bytes(s->kind, proof), stored);
	ok = hash_equal(stored, s->keys.stored, n);
	mem_wipe(signature, sizeof(signature));
	mem_wipe(stored, sizeof(stored));
	return ok;
}

static int check_binding(const struct scram_server *s, struct str given, struct str data)
{
	CLEANUP(buf_clear) struct buf expected = {0};

	if (!s->binding[0])
		data = STR_NONE;
	else if (data.n == 0)
		return ERR_DENIED; /* chosen, but the channel has none: nothing would be bound */
	buf_init(&expected, 2 * SCRAM_BINDING_MAX);
	scram_put_binding(&expected, buf_view(&s->gs2), data);
	return buf_ok(&expected) && str_eq(buf_view(&expected), given) ? 0 : ERR_DENIED;
}

static int read_final(struct scram_server *s, struct str message, struct str data, struct buf *out)
{
	struct str rest = message, binding, nonce, before, proof_text;
	uint8_t proof[HASH_MAX], signature[HASH_MAX];
	bool ok;

	if (!scram_is_message(message))
		return ERR_SYNTAX;
	if (scram_take(&rest, 'c', &binding) < 0 || !rest.p || scram_take(&rest, 'r', &nonce) < 0 || !rest.p)
		return ERR_SYNTAX;
	if (take_proof(message, rest, &before, &proof_text) < 0)
		return ERR_SYNTAX;
	if (scram_take_digest(proof_text, proof, hash_size(s->kind)) < 0)
		return ERR_SYNTAX;
	if (check_binding(s, binding, data) < 0 || !str_eq(nonce, buf_view(&s->nonce)))
		return ERR_DENIED;
	buf_char(&s->auth, ',');
	buf_str(&s->auth, before);
	ok = buf_ok(&s->auth) && check_proof(s, proof);
	mem_wipe(proof, sizeof(proof));
	if (!ok)
		return ERR_DENIED;
	hash_hmac(s->kind, scram_bytes(s->kind, s->keys.server), buf_view(&s->auth), signature);
	buf_z(out, "v=");
	b64_encode(out, signature, hash_size(s->kind));
	return 0;
}

int scram_server_final(struct scram_server *s, struct str message, struct str binding_data, struct buf *out)
{
	int r;

	if (s->state != SCRAM_CHALLENGED)
		return ERR_SYNTAX;
	r = read_final(s, message, binding_data, out);
	scram_enter(&s->state, r < 0 ? SCRAM_FAILED : SCRAM_DONE);
	return r;
}
