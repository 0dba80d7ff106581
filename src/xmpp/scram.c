#include "xmpp/scram.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram_i.h"

/* ---- grammar, RFC 5802 section 7 ---- */

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool scram_is_message(struct str s)
{
	return s.n > 0 && s.n <= SCRAM_MESSAGE_MAX && !memchr(s.p, 0, s.n) && str_utf8(s);
}

int scram_take(struct str *rest, char name, struct str *ret)
{
	struct str s = str_cut(rest, ',');

	if (s.n < 3 || s.p[0] != name || s.p[1] != '=')
		return ERR_SYNTAX;
	*ret = (struct str){s.p + 2, s.n - 2};
	return 0;
}

bool scram_is_extension(struct str s)
{
	return s.n >= 3 && is_alpha(s.p[0]) && s.p[1] == '=' && !strchr("anmrcsipve", s.p[0]);
}

int scram_skip_extensions(struct str rest)
{
	while (rest.p) {
		if (!scram_is_extension(str_cut(&rest, ',')))
			return ERR_SYNTAX;
	}
	return 0;
}

bool scram_is_nonce(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
			return false;
	}
	return s.n > 0;
}

int scram_unescape(struct str s, struct buf *out)
{
	while (s.n > 0) {
		bool comma = str_starts(s, STR("=2C"));
		if (s.p[0] != '=') {
			buf_char(out, *s.p++);
			s.n--;
			continue;
		}
		if (!comma && !str_starts(s, STR("=3D")))
			return ERR_SYNTAX;
		buf_char(out, comma ? ',' : '=');
		s = (struct str){s.p + 3, s.n - 3};
	}
	return 0;
}

void scram_escape(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ',')
			buf_z(out, "=2C");
		else if (s.p[i] == '=')
			buf_z(out, "=3D");
		else
			buf_char(out, s.p[i]);
	}
}

int scram_take_digest(struct str text, uint8_t *ret, size_t n)
{
	char bytes[HASH_MAX + 4];
	struct buf b = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
	int r = b64_decode(&b, text) < 0 || b.n != n ? ERR_SYNTAX : 0;

	if (r == 0)
		memcpy(ret, bytes, n);
	mem_wipe(bytes, sizeof(bytes));
	return r;
}

void scram_put_binding(struct buf *out, struct str gs2, struct str data)
{
	CLEANUP(buf_clear) struct buf b = {0};

	buf_init(&b, SCRAM_BINDING_MAX);
	buf_str(&b, gs2);
	buf_str(&b, data);
	if (buf_ok(&b))
		b64_encode(out, b.p, b.n);
	else
		out->failed = true;
}

void scram_wipe(struct buf *b)
{
	mem_wipe(b->p, b->cap);
	buf_clear(b);
}

/* ---- keys, RFC 5802 section 3 ---- */

struct str scram_bytes(enum hash_kind kind, const uint8_t *digest)
{
	return (struct str){(const char *)digest, hash_size(kind)};
}

void scram_make(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations, struct scram_made *ret)
{
	uint8_t salted[HASH_MAX];

	hash_pbkdf2(kind, password, salt, iterations, salted);
	hash_hmac(kind, scram_bytes(kind, salted), STR("Client Key"), ret->client);
	hash_digest(kind, scram_bytes(kind, ret->client), ret->stored);
	hash_hmac(kind, scram_bytes(kind, salted), STR("Server Key"), ret->server);
	mem_wipe(salted, sizeof(salted));
}

void scram_derive(enum hash_kind kind, struct str password, struct str salt, uint32_t iterations,
	struct scram_keys *ret)
{
	struct scram_made d;

	must(salt.n > 0 && salt.n <= SCRAM_SALT_MAX && iterations > 0);
	*ret = (struct scram_keys){.kind = kind, .iterations = iterations, .salt_len = (uint8_t)salt.n};
	scram_make(kind, password, salt, iterations, &d);
	memcpy(ret->salt, salt.p, salt.n);
	memcpy(ret->stored, d.stored, hash_size(kind));
	memcpy(ret->server, d.server, hash_size(kind));
	mem_wipe(&d, sizeof(d));
}

bool scram_verify(const struct scram_keys *keys, struct str password)
{
	struct scram_keys made;
	struct str salt = {(const char *)keys->salt, keys->salt_len};
	size_t n = hash_size(keys->kind);
	bool stored, server;

	scram_derive(keys->kind, password, salt, keys->iterations, &made);
	stored = hash_equal(made.stored, keys->stored, n);
	server = hash_equal(made.server, keys->server, n);
	mem_wipe(&made, sizeof(made));
	return stored && server;
}

void scram_xor(uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a[i] ^= b[i];
}

/* ---- state ---- */

void scram_enter(enum scram_state *state, enum scram_state next)
{
	must(*state < SCRAM_DONE && (next == *state + 1 || next == SCRAM_FAILED));
	*state = next;
}
