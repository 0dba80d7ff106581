#include "xmpp/told.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sign.h"
#include "xml/write.h"

enum { SIGNATURE = 64, TEXT_MAX = 256 + TOLD_MAX * (TOLD_ADDR_TEXT + 3), TIME_TEXT = 32 };

struct text {
	struct buf b;
	char bytes[TEXT_MAX];
};

/* What is signed. `expires` is the time's text. */
static void make_text(struct text *ret, const struct told *t, struct str expires)
{
	ret->b = (struct buf){.p = ret->bytes, .cap = sizeof(ret->bytes), .max = sizeof(ret->bytes)};
	buf_fmt(&ret->b, "wireside addresses 0\nid %s\nseq %" PRIu64 "\nexpires ", t->id, t->seq);
	buf_str(&ret->b, expires);
	buf_char(&ret->b, '\n');
	for (size_t i = 0; i < t->count; i++) {
		buf_z(&ret->b, "a ");
		told_addr_format(&ret->b, &t->addrs[i]);
		buf_char(&ret->b, '\n');
	}
	must(buf_ok(&ret->b));
}

/* ---- writing ---- */

static bool may_be_told(const struct told *t)
{
	if (t->count > TOLD_MAX || t->seq > TOLD_SEQ_MAX)
		return false;
	for (size_t i = 0; i < t->count; i++) {
		char text[TOLD_ADDR_TEXT];
		struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
		struct told_addr again;
		told_addr_format(&b, &t->addrs[i]);
		if (!buf_ok(&b) || told_addr_parse(buf_view(&b), &again) < 0)
			return false;
	}
	return true;
}

/* The time as text that gives the same time back. */
static bool write_time(struct buf *out, int64_t wall)
{
	int64_t again;

	clock_format(out, wall);
	return buf_ok(out) && clock_parse(buf_view(out), &again) == 0 && again == wall;
}

static void put_base64(struct buf *out, const char *name, const uint8_t *p, size_t n)
{
	buf_fmt(out, " %s='", name);
	b64_encode(out, p, n);
	buf_char(out, '\'');
}

static void put_element(struct buf *out, const struct told *t, struct str expires, const uint8_t sig[SIGNATURE])
{
	xml_put_open(out, "addresses", NS_ADDRESSES);
	xml_put_attr(out, "id", str_z(t->id));
	buf_fmt(out, " seq='%" PRIu64 "'", t->seq);
	xml_put_attr(out, "expires", expires);
	put_base64(out, "key", t->key, sizeof(t->key));
	put_base64(out, "sig", sig, SIGNATURE);
	buf_char(out, '>');
	for (size_t i = 0; i < t->count; i++) {
		buf_z(out, "<a>");
		told_addr_format(out, &t->addrs[i]);
		xml_put_close(out, "a");
	}
	xml_put_close(out, "addresses");
}

int told_write(struct buf *out, const uint8_t seed[TOLD_SEED], const struct told *t)
{
	char time[TIME_TEXT];
	struct buf expires = {.p = time, .cap = sizeof(time), .max = sizeof(time)};
	struct told own = *t;
	struct text text;
	uint8_t sig[SIGNATURE];

	if (!may_be_told(t) || !write_time(&expires, t->expires))
		return ERR_INVALID;
	sign_public(seed, own.key);
	nodeid_of(own.key, own.id);
	make_text(&text, &own, buf_view(&expires));
	sign_make(seed, buf_view(&text.b), sig);
	put_element(out, &own, buf_view(&expires), sig);
	return buf_ok(out) ? 0 : ERR_LIMIT;
}

/* ---- reading ---- */

static int read_base64(struct str text, uint8_t *ret, size_t n)
{
	char bytes[SIGNATURE + 3];
	struct buf b = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};

	if (b64_decode(&b, text) < 0 || b.n != n)
		return ERR_INVALID;
	memcpy(ret, bytes, n);
	return 0;
}

static int read_seq(struct str text, uint64_t *ret)
{
	if (text.n > 1 && text.p[0] == '0')
		return ERR_INVALID;
	return str_uint(text, TOLD_SEQ_MAX, ret) < 0 ? ERR_INVALID : 0;
}

static int read_time(struct str text, int64_t *ret)
{
	char time[TIME_TEXT];
	struct buf b = {.p = time, .cap = sizeof(time), .max = sizeof(time)};
	int64_t wall;

	if (clock_parse(text, &wall) < 0 || !write_time(&b, wall) || !str_eq(buf_view(&b), text))
		return ERR_INVALID;
	*ret = wall;
	return 0;
}

/* <a> holds text and nothing else. */
static int read_addr(const struct xml_tree *t, uint32_t i, struct told_addr *ret)
{
	const struct xml_node *node = &t->nodes[i];

	if (!xml_is(t, i, "a", NS_ADDRESSES) || node->attr_count > 0 || node->end != i + 2 || !t->nodes[i + 1].is_text)
		return ERR_INVALID;
	return told_addr_parse(xml_str(t, t->nodes[i + 1].text, t->nodes[i + 1].text_len), ret);
}

static int read_addrs(const struct xml_tree *t, uint32_t i, struct told *ret)
{
	XML_EACH(child, t, i) {
		if (ret->count == TOLD_MAX || read_addr(t, child, &ret->addrs[ret->count]) < 0)
			return ERR_INVALID;
		ret->count++;
	}
	return 0;
}

static int read_fields(const struct xml_tree *t, uint32_t i, struct told *ret, uint8_t *ret_sig)
{
	struct str id = xml_attr(t, i, "id");

	if (!xml_is(t, i, "addresses", NS_ADDRESSES) || !nodeid_is(id))
		return ERR_INVALID;
	memcpy(ret->id, id.p, NODEID_LEN);
	if (read_seq(xml_attr(t, i, "seq"), &ret->seq) < 0 || read_time(xml_attr(t, i, "expires"), &ret->expires) < 0)
		return ERR_INVALID;
	if (read_base64(xml_attr(t, i, "key"), ret->key, sizeof(ret->key)) < 0 ||
		read_base64(xml_attr(t, i, "sig"), ret_sig, SIGNATURE) < 0)
		return ERR_INVALID;
	return read_addrs(t, i, ret);
}

static bool is_proved(const struct told *t, struct str expires, const uint8_t sig[SIGNATURE])
{
	char id[NODEID_LEN + 1];
	struct text text;

	nodeid_of(t->key, id);
	if (strcmp(id, t->id) != 0)
		return false;
	make_text(&text, t, expires);
	return sign_verify(t->key, buf_view(&text.b), sig);
}

int told_read(const struct xml_tree *t, uint32_t i, int64_t now, struct told *ret)
{
	struct told told = {0};
	uint8_t sig[SIGNATURE];

	if (read_fields(t, i, &told, sig) < 0)
		return ERR_INVALID;
	if (told.expires <= now)
		return ERR_TIMEOUT;
	if (!is_proved(&told, xml_attr(t, i, "expires"), sig))
		return ERR_DENIED;
	if (told.expires - now > TOLD_LIFE_MAX)
		told.expires = now + TOLD_LIFE_MAX;
	*ret = told;
	return 0;
}
