#include "xmpp/lanpass.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/jid.h"
#include "xmpp/scram_i.h"

enum { PASSWORD_BYTES = 16, PASSWORD_TEXT = 26 /* base32 */ };

void lanpass_salt(const uint8_t a[NODEID_FINGERPRINT], const uint8_t b[NODEID_FINGERPRINT], uint8_t ret[32])
{
	uint8_t both[2 * NODEID_FINGERPRINT];
	bool a_first = memcmp(a, b, NODEID_FINGERPRINT) < 0;

	memcpy(both, a_first ? a : b, NODEID_FINGERPRINT);
	memcpy(both + NODEID_FINGERPRINT, a_first ? b : a, NODEID_FINGERPRINT);
	hash_digest(HASH_SHA256, (struct str){(const char *)both, sizeof(both)}, ret);
}

int lanpass_derive(struct str password, const uint8_t a[NODEID_FINGERPRINT], const uint8_t b[NODEID_FINGERPRINT],
	struct lan_keys *ret)
{
	CLEANUP(scram_wipe) struct buf prepared = {.max = JID_PART_MAX};
	struct scram_made made;
	uint8_t salt[HASH_MAX];

	if (jid_prep_password(password, &prepared) < 0)
		return ERR_INVALID;
	lanpass_salt(a, b, salt);
	scram_make(HASH_SHA256, buf_view(&prepared), (struct str){(const char *)salt, sizeof(salt)}, LANPASS_ITERATIONS,
		&made);
	memcpy(ret->client, made.client, LANPASS_KEY);
	memcpy(ret->server, made.server, LANPASS_KEY);
	mem_wipe(&made, sizeof(made));
	return 0;
}

void lanpass_generate(struct buf *out)
{
	uint8_t raw[PASSWORD_BYTES];
	char text[PASSWORD_TEXT];
	struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};

	rand_bytes(raw, sizeof(raw));
	b32_encode(&b, raw, sizeof(raw));
	must(buf_ok(&b));
	nodeid_groups(out, buf_view(&b), '-');
	mem_wipe(raw, sizeof(raw));
	mem_wipe(text, sizeof(text));
}

void lanpass_scram_keys(const struct lan_keys *keys, const uint8_t a[NODEID_FINGERPRINT],
	const uint8_t b[NODEID_FINGERPRINT], struct scram_keys *ret)
{
	*ret = (struct scram_keys){.kind = HASH_SHA256, .iterations = LANPASS_ITERATIONS, .salt_len = HASH_MAX};
	lanpass_salt(a, b, ret->salt);
	hash_digest(HASH_SHA256, scram_bytes(HASH_SHA256, keys->client), ret->stored);
	memcpy(ret->server, keys->server, LANPASS_KEY);
}

struct scram_client *lanpass_client(const struct lan_keys *keys, struct str id, const uint8_t a[NODEID_FINGERPRINT],
	const uint8_t b[NODEID_FINGERPRINT], struct str exporter)
{
	struct scram_keys expected;
	struct scram_client *c;

	lanpass_scram_keys(keys, a, b, &expected);
	c = scram_client_new_keys(&expected, id, keys->client, LANPASS_BINDING, exporter);
	mem_wipe(&expected, sizeof(expected));
	return c;
}

struct scram_server *lanpass_server(void) { return scram_server_new(HASH_SHA256, true, true, LANPASS_BINDING); }
