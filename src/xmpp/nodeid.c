#include "xmpp/nodeid.h"

#include "base/codec.h"
#include "base/hash.h"
#include "base/mem.h"

enum { GROUP = 4 };

/* DER of a SubjectPublicKeyInfo with id-Ed25519, up to the key itself (RFC 8410 section 4). */
static const uint8_t spki[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

#define SUFFIX ".internal"
#define ROOMS "rooms."

void nodeid_fingerprint(const uint8_t pub[NODEID_KEY], uint8_t ret[NODEID_FINGERPRINT])
{
	uint8_t der[sizeof(spki) + NODEID_KEY];

	memcpy(der, spki, sizeof(spki));
	memcpy(der + sizeof(spki), pub, NODEID_KEY);
	hash_digest(HASH_SHA256, (struct str){(const char *)der, sizeof(der)}, ret);
}

void nodeid_of(const uint8_t pub[NODEID_KEY], char ret[NODEID_LEN + 1])
{
	char text[64];
	struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
	uint8_t digest[NODEID_FINGERPRINT];

	nodeid_fingerprint(pub, digest);
	b32_encode(&b, digest, sizeof(digest));
	must(buf_ok(&b) && b.n >= NODEID_LEN);
	memcpy(ret, text, NODEID_LEN);
	ret[NODEID_LEN] = 0;
}

bool nodeid_is(struct str text)
{
	if (text.n != NODEID_LEN)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')))
			return false;
	}
	return true;
}

void nodeid_domain(struct buf *out, struct str id)
{
	must(nodeid_is(id));
	buf_str(out, id);
	buf_z(out, SUFFIX);
}

void nodeid_rooms_domain(struct buf *out, struct str id)
{
	buf_z(out, ROOMS);
	nodeid_domain(out, id);
}

bool nodeid_parse_domain(struct str domain, struct str *ret_id, bool *ret_rooms)
{
	bool rooms = str_starts(domain, STR(ROOMS));

	if (rooms)
		domain = (struct str){domain.p + sizeof(ROOMS) - 1, domain.n - (sizeof(ROOMS) - 1)};
	if (!str_ends(domain, STR(SUFFIX)))
		return false;
	domain.n -= sizeof(SUFFIX) - 1;
	if (!nodeid_is(domain))
		return false;
	*ret_id = domain;
	*ret_rooms = rooms;
	return true;
}

void nodeid_groups(struct buf *out, struct str text, char between)
{
	for (size_t i = 0; i < text.n; i++) {
		if (i > 0 && i % GROUP == 0)
			buf_char(out, between);
		buf_char(out, text.p[i]);
	}
}
