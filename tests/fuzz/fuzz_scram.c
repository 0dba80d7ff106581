/* SCRAM messages from any bytes: the first byte says which side reads them and when. Nobody gets in by guessing. */
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"
#include "xmpp/scram_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The exchange of RFC 5802 section 5, so that the corpus can hold good messages. */
#define CLIENT_NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define SERVER_NONCE "3rfcNHYJY1ZVvWVs7j"
static const char good_first[] = "n,,n=user,r=" CLIENT_NONCE;
static const char good_challenge[] = "r=" CLIENT_NONCE SERVER_NONCE ",s=QSXCR+Q6sek8bf92,i=4096";
static const char good_final[] = "c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
static const char good_verdict[] = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";

static const struct scram_keys *keys(void)
{
	static struct scram_keys made;
	static const char salt[] = {0x41, 0x25, (char)0xc2, 0x47, (char)0xe4, 0x3a, (char)0xb1, (char)0xe9, 0x3c, 0x6d,
		(char)0xff, 0x76};

	if (!made.iterations)
		scram_derive(HASH_SHA1, STR("pencil"), (struct str){salt, sizeof(salt)}, 4096, &made);
	return &made;
}

static struct scram_server *server(bool plus, struct str first, int *ret)
{
	struct scram_server *s = scram_server_new(HASH_SHA1, plus, plus, plus ? "tls-exporter,tls-unique" : "");
	struct str user = STR_NONE, authzid = STR_NONE;
	const char *binding = NULL;

	scram_server_set_nonce(s, SERVER_NONCE);
	*ret = scram_server_first(s, first, &user, &authzid, &binding);
	if (*ret == 0) {
		must(user.n > 0 && user.n <= SCRAM_MESSAGE_MAX && str_utf8(user));
		must(!authzid.p || (authzid.n > 0 && str_utf8(authzid)));
		must(plus == (binding != NULL));
	}
	return s;
}

static void server_reads_first(struct str text, bool plus)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4 * SCRAM_MESSAGE_MAX};
	int r;
	CLEANUP(scram_server_free) struct scram_server *s = server(plus, text, &r);

	if (r < 0)
		return;
	scram_server_challenge(s, keys(), &out);
	must(buf_ok(&out) && out.n > 0);
	must(scram_server_final(s, text, STR_NONE, &out) < 0);
}

static void server_reads_final(struct str text)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4 * SCRAM_MESSAGE_MAX};
	int r;
	CLEANUP(scram_server_free) struct scram_server *s = server(false, str_z(good_first), &r);

	must(r == 0);
	scram_server_challenge(s, keys(), &out);
	r = scram_server_final(s, text, STR_NONE, &out);
	must(r != 0 || str_is(text, good_final));
}

/* Iterations cost time and nothing else: those of five digits are left to the unit test. */
static bool is_slow(struct str text)
{
	for (size_t i = 0, digits = 0; i < text.n; i++) {
		digits = text.p[i] >= '0' && text.p[i] <= '9' ? digits + 1 : 0;
		if (digits > 4)
			return true;
	}
	return false;
}

static void client_reads_challenge(struct str text, const char *binding)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4 * SCRAM_MESSAGE_MAX};
	CLEANUP(scram_client_free)
	struct scram_client *c = scram_client_new(HASH_SHA1, STR("user"), STR("pencil"), binding, STR("data"));

	if (is_slow(text))
		return;
	scram_client_set_nonce(c, CLIENT_NONCE);
	scram_client_first(c, &out);
	buf_reset(&out);
	if (scram_client_challenge(c, text, &out) < 0)
		must(out.n == 0);
	must(scram_client_final(c, text) == ERR_DENIED);
}

static void client_reads_verdict(struct str text)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4 * SCRAM_MESSAGE_MAX};
	CLEANUP(scram_client_free)
	struct scram_client *c = scram_client_new(HASH_SHA1, STR("user"), STR("pencil"), NULL, STR_NONE);

	scram_client_set_nonce(c, CLIENT_NONCE);
	scram_client_first(c, &out);
	must(scram_client_challenge(c, str_z(good_challenge), &out) == 0);
	if (scram_client_final(c, text) == 0)
		must(str_starts(text, str_z(good_verdict)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data + 1, size - 1};

	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'f':
		server_reads_first(text, false);
		break;
	case 'F':
		server_reads_first(text, true);
		break;
	case 'p':
		server_reads_final(text);
		break;
	case 'c':
		client_reads_challenge(text, NULL);
		break;
	case 'C':
		client_reads_challenge(text, "tls-exporter");
		break;
	case 'v':
		client_reads_verdict(text);
		break;
	default:
		break;
	}
	return 0;
}
