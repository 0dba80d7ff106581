#include "xmpp/sas.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xmpp/sas_i.h"

/* Every digest here begins with one of these or is keyed by one that does, so none can be taken for another's, nor for
 * anything else that the same keys sign or hash. All that follows has one size. */
#define LABEL_COMMIT "wireside sas 0 commit"
#define LABEL_CODE "wireside sas 0 code"

enum { TRANSCRIPT_MAX = sizeof(LABEL_COMMIT) + 2 * SAS_NONCE + 2 * SAS_KEY + SAS_EXPORTER };

struct transcript {
	struct buf b;
	char bytes[TRANSCRIPT_MAX];
};

/* ---- state ---- */

static const bool edges[][SAS_FAILED + 1] = {
	[SAS_NEW] = {[SAS_COMMITTED] = true, [SAS_ANSWERED] = true, [SAS_FAILED] = true},
	[SAS_COMMITTED] = {[SAS_ANSWERED] = true, [SAS_READY] = true, [SAS_FAILED] = true},
	[SAS_ANSWERED] = {[SAS_READY] = true, [SAS_FAILED] = true},
	[SAS_READY] = {[SAS_FAILED] = true},
	[SAS_FAILED] = {[SAS_FAILED] = true},
};

static void sas_enter(struct sas *s, enum sas_state next)
{
	must(edges[s->state][next]);
	s->state = next;
	if (next != SAS_FAILED)
		return;
	mem_wipe(s->own_nonce, sizeof(s->own_nonce));
	mem_wipe(s->peer_nonce, sizeof(s->peer_nonce));
}

void sas_fail(struct sas *s) { sas_enter(s, SAS_FAILED); }

/* A step that must not be. Once there is a code it stays: the users may be comparing it. */
static int refuse(struct sas *s, int err)
{
	if (s->state != SAS_READY)
		sas_enter(s, SAS_FAILED);
	return err;
}

int sas_init(struct sas *s, const uint8_t own[SAS_KEY], const uint8_t peer[SAS_KEY],
	const uint8_t exporter[SAS_EXPORTER])
{
	*s = (struct sas){0};
	memcpy(s->own, own, SAS_KEY);
	memcpy(s->peer, peer, SAS_KEY);
	memcpy(s->exporter, exporter, SAS_EXPORTER);
	if (memcmp(own, peer, SAS_KEY) == 0)
		return refuse(s, ERR_INVALID);
	return 0;
}

void sas_clear(struct sas *s) { mem_wipe(s, sizeof(*s)); }

/* ---- digests ---- */

static void transcript_begin(struct transcript *t)
{
	t->b = (struct buf){.p = t->bytes, .cap = sizeof(t->bytes), .max = sizeof(t->bytes)};
}

/* Ordered by role, not by side. */
static void put_link(struct transcript *t, const struct sas *s)
{
	buf_add(&t->b, s->initiator ? s->own : s->peer, SAS_KEY);
	buf_add(&t->b, s->initiator ? s->peer : s->own, SAS_KEY);
	buf_add(&t->b, s->exporter, SAS_EXPORTER);
	must(buf_ok(&t->b));
}

static void make_commit(const struct sas *s, const uint8_t nonce[SAS_NONCE], uint8_t ret[SAS_COMMIT])
{
	struct transcript t;

	transcript_begin(&t);
	buf_str(&t.b, STR(LABEL_COMMIT));
	buf_add(&t.b, nonce, SAS_NONCE);
	put_link(&t, s);
	hash_digest(HASH_SHA256, buf_view(&t.b), ret);
	mem_wipe(&t, sizeof(t));
}

/* HKDF-Extract of RFC 5869 */
static void make_secret(const struct sas *s, uint8_t ret[HASH_MAX])
{
	struct transcript t;

	transcript_begin(&t);
	buf_add(&t.b, s->initiator ? s->own_nonce : s->peer_nonce, SAS_NONCE);
	buf_add(&t.b, s->initiator ? s->peer_nonce : s->own_nonce, SAS_NONCE);
	put_link(&t, s);
	hash_hmac(HASH_SHA256, STR(LABEL_CODE), buf_view(&t.b), ret);
	mem_wipe(&t, sizeof(t));
}

/* HKDF-Expand; one block is enough. The first eight bytes of it. */
static uint64_t expand(const uint8_t secret[HASH_MAX], struct str info_and_1)
{
	uint8_t block[HASH_MAX];
	uint64_t n = 0;

	hash_hmac(HASH_SHA256, (struct str){(const char *)secret, HASH_MAX}, info_and_1, block);
	for (size_t i = 0; i < sizeof(n); i++)
		n = n << 8 | block[i];
	mem_wipe(block, sizeof(block));
	return n;
}

/* ---- steps ---- */

int sas_start(struct sas *s, uint8_t ret_commit[SAS_COMMIT])
{
	if (s->state != SAS_NEW)
		return refuse(s, ERR_INVALID);
	s->initiator = true;
	rand_bytes(s->own_nonce, SAS_NONCE);
	make_commit(s, s->own_nonce, ret_commit);
	sas_enter(s, SAS_COMMITTED);
	return 0;
}

int sas_on_commit(struct sas *s, struct str commit, uint8_t ret_nonce[SAS_NONCE])
{
	bool both = s->state == SAS_COMMITTED && !s->crossed;

	if ((s->state != SAS_NEW && !both) || commit.n != SAS_COMMIT)
		return refuse(s, ERR_INVALID);
	if (both && memcmp(s->own, s->peer, SAS_KEY) < 0) {
		s->crossed = true;
		return ERR_BUSY;
	}
	s->initiator = false;
	memcpy(s->commit, commit.p, SAS_COMMIT);
	rand_bytes(s->own_nonce, SAS_NONCE); /* not the promised one: that is known to nobody and stays so */
	memcpy(ret_nonce, s->own_nonce, SAS_NONCE);
	sas_enter(s, SAS_ANSWERED);
	return 0;
}

int sas_on_nonce(struct sas *s, struct str nonce, uint8_t ret_reveal[SAS_NONCE])
{
	if (s->state != SAS_COMMITTED || nonce.n != SAS_NONCE)
		return refuse(s, ERR_INVALID);
	memcpy(s->peer_nonce, nonce.p, SAS_NONCE);
	memcpy(ret_reveal, s->own_nonce, SAS_NONCE);
	sas_enter(s, SAS_READY);
	return 0;
}

int sas_on_reveal(struct sas *s, struct str reveal)
{
	uint8_t commit[SAS_COMMIT];

	if (s->state != SAS_ANSWERED || reveal.n != SAS_NONCE)
		return refuse(s, ERR_INVALID);
	make_commit(s, (const uint8_t *)reveal.p, commit);
	if (!hash_equal(commit, s->commit, SAS_COMMIT))
		return refuse(s, ERR_DENIED);
	memcpy(s->peer_nonce, reveal.p, SAS_NONCE);
	sas_enter(s, SAS_READY);
	return 0;
}

int sas_code(const struct sas *s, struct sas_code *ret)
{
	uint8_t secret[HASH_MAX];
	uint64_t digits, words;

	if (s->state != SAS_READY)
		return ERR_DENIED;
	make_secret(s, secret);
	digits = expand(secret, STR("digits\x01")) % 1000000; /* of 2^64: no digit is more likely than another */
	words = expand(secret, STR("words\x01"));
	snprintf(ret->digits, sizeof(ret->digits), "%03u %03u", (unsigned)(digits / 1000), (unsigned)(digits % 1000));
	snprintf(ret->words, sizeof(ret->words), "%s %s %s %s", sas_words[words >> 56], sas_words[words >> 48 & 255],
		sas_words[words >> 40 & 255], sas_words[words >> 32 & 255]);
	mem_wipe(secret, sizeof(secret));
	return 0;
}
