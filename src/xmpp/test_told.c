#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sign.h"
#include "xml/parse.h"
#include "xmpp/told.h"

#define NOW ((int64_t)1795293775000) /* 2026-11-21T20:42:55Z */
#define HOUR ((int64_t)3600 * 1000)

static const uint8_t seed[TOLD_SEED] = {1, 2, 3};
static const char *const some_addrs[] = {"10.0.0.7:5298", "[2001:db8::7]:65535", "[fe80::1:2]:1"};

static void fill(struct told *t, const char *const *addrs, size_t n)
{
	*t = (struct told){.seq = 7, .expires = NOW + HOUR, .count = n};
	for (size_t i = 0; i < n; i++)
		assert_int_equal(told_addr_parse(str_z(addrs[i]), &t->addrs[i]), 0);
}

static int read_text(struct str text, int64_t now, struct told *ret)
{
	void *block = NULL;
	struct xml_tree tree;
	int r = xml_parse_all(text, &block, &tree);

	if (r == 0)
		r = told_read(&tree, XML_ROOT, now, ret);
	xfree(block);
	return r;
}

/* A statement of some_addrs. */
static void write_some(struct buf *out)
{
	struct told t;

	fill(&t, some_addrs, ARRAY_LEN(some_addrs));
	assert_int_equal(told_write(out, seed, &t), 0);
}

static bool same(const struct told *a, const struct told *b)
{
	bool head = strcmp(a->id, b->id) == 0 && memcmp(a->key, b->key, sizeof(a->key)) == 0 && a->seq == b->seq &&
		a->expires == b->expires && a->count == b->count;

	for (size_t i = 0; head && i < a->count; i++) {
		const struct told_addr *x = &a->addrs[i], *y = &b->addrs[i];
		head = x->ip_len == y->ip_len && x->port == y->port && memcmp(x->ip, y->ip, sizeof(x->ip)) == 0;
	}
	return head;
}

static void there_and_back(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct told want, got;

	fill(&want, some_addrs, ARRAY_LEN(some_addrs));
	sign_public(seed, want.key);
	nodeid_of(want.key, want.id);
	write_some(&out);
	assert_int_equal(read_text(buf_view(&out), NOW, &got), 0);
	assert_true(same(&want, &got));
}

static void no_address_at_all(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct told t;

	fill(&t, NULL, 0);
	assert_int_equal(told_write(&out, seed, &t), 0);
	assert_int_equal(read_text(buf_view(&out), NOW, &t), 0);
	assert_int_equal(t.count, 0);
}

static struct str cut_attr(struct str text, const char *name)
{
	const char *at = memmem(text.p, text.n, name, strlen(name));
	assert_non_null(at);
	at += strlen(name);
	return (struct str){at, (size_t)((const char *)memchr(at, '\'', 400) - at)};
}

/* The signature is one of the text in the header file, so another program can make it. */
static void signed_text(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	CLEANUP(buf_clear) struct buf sig = {.max = 64};
	struct told t;

	write_some(&out);
	assert_int_equal(read_text(buf_view(&out), NOW, &t), 0);
	buf_fmt(&text,
		"wireside addresses 0\nid %s\nseq 7\nexpires 2026-11-21T21:42:55.000Z\n"
		"a 10.0.0.7:5298\na [2001:db8::7]:65535\na [fe80::1:2]:1\n",
		t.id);
	assert_int_equal(b64_decode(&sig, cut_attr(buf_view(&out), " sig='")), 0);
	assert_int_equal(sig.n, 64);
	assert_true(sign_verify(t.key, buf_view(&text), (const uint8_t *)sig.p));
}

/* Any byte of it for any of some others: refused, or it means the same as before. */
static void every_byte(void **state)
{
	static const char instead[] = "0129aAzZ:.[]<>&'\"/ =\n\x7f\xff";
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct told good, got;
	int changed = 0;

	write_some(&out);
	assert_int_equal(read_text(buf_view(&out), NOW, &good), 0);
	for (size_t i = 0; i < out.n; i++) {
		char was = out.p[i];
		for (size_t k = 0; k < sizeof(instead) - 1; k++) {
			out.p[i] = instead[k];
			if (read_text(buf_view(&out), NOW, &got) < 0)
				changed++;
			else if (!same(&good, &got))
				fail_msg("accepted: %.*s", STR_FMT(buf_view(&out)));
		}
		out.p[i] = was;
	}
	assert_true(changed > 5000);
}

static void every_cut(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct told got;

	write_some(&out);
	for (size_t n = 0; n < out.n; n++)
		assert_true(read_text((struct str){out.p, n}, NOW, &got) < 0);
}

/* *out with one place of it changed. */
static void replace(struct buf *out, const char *from, const char *to)
{
	CLEANUP(buf_clear) struct buf was = {.max = out->max};
	const char *at;

	buf_str(&was, buf_view(out));
	at = memmem(was.p, was.n, from, strlen(from));
	assert_non_null(at);
	buf_reset(out);
	buf_add(out, was.p, (size_t)(at - was.p));
	buf_z(out, to);
	buf_add(out, at + strlen(from), (size_t)(was.p + was.n - at) - strlen(from));
}

static const struct {
	const char *from, *to;
	int result;
} tampered[] = {
	{" seq='7'", " seq='8'", ERR_DENIED},
	{" seq='7'", " seq='07'", ERR_INVALID},
	{" seq='7'", " seq='-7'", ERR_INVALID},
	{" seq='7'", " seq='9223372036854775808'", ERR_INVALID},
	{" seq='7'", " seq=''", ERR_INVALID},
	{" seq='7'", "", ERR_INVALID},
	{"T21:42:55.000Z", "T21:42:56.000Z", ERR_DENIED},
	{"T21:42:55.000Z", "T21:42:55Z", ERR_INVALID},
	{"T21:42:55.000Z", "T21:42:55.0000Z", ERR_INVALID},
	{"T21:42:55.000Z", "T22:42:55.000+01:00", ERR_INVALID},
	{" expires='2026", " expires='2025", ERR_TIMEOUT},
	{" expires=", " until=", ERR_INVALID},
	{" id='", " id='a", ERR_INVALID},
	{" id=", " jid=", ERR_INVALID},
	{" key='", " key='AAAA", ERR_INVALID},
	{" key=", " keys=", ERR_INVALID},
	{" sig='", " sig='AAAA", ERR_INVALID},
	{" sig=", " signature=", ERR_INVALID},
	{"10.0.0.7", "10.0.0.8", ERR_DENIED},
	{":5298", ":5299", ERR_DENIED},
	{"<a>10.0.0.7:5298</a>", "", ERR_DENIED},
	{"<a>10.0.0.7:5298</a>", "<a>10.0.0.7:5298</a><a>10.0.0.7:5298</a>", ERR_DENIED},
	{"<a>[fe80::1:2]:1</a>", "<a>[fe80::1:2]:1</a><a>10.0.0.9:1</a>", ERR_DENIED},
	{"<a>10.0.0.7:5298</a><a>[2001:db8::7]:65535</a>", "<a>[2001:db8::7]:65535</a><a>10.0.0.7:5298</a>",
		ERR_DENIED},
	{"10.0.0.7:5298", "127.0.0.1:5298", ERR_INVALID},
	{"<a>10", "<a x='y'>10", ERR_INVALID},
	{"<a>10", "<a><b/>10", ERR_INVALID},
	{"<a>10.0.0.7:5298</a>", "<a/>", ERR_INVALID},
	{"<a>10.0.0.7:5298</a>", "<b>10.0.0.7:5298</b>", ERR_INVALID},
	{"<a>10", "<a xmlns='urn:other'>10", ERR_INVALID},
	{"addresses:0", "addresses:1", ERR_INVALID},
};

static void each_field(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tampered); i++) {
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		struct told got = {.seq = 99};
		write_some(&out);
		replace(&out, tampered[i].from, tampered[i].to);
		int r = read_text(buf_view(&out), NOW, &got);
		if (r != tampered[i].result)
			fail_msg("%s: %s", tampered[i].to, err_name(r));
		assert_int_equal(got.seq, 99);
	}
}

/* The key, the id or the signature of another statement that is good in itself. */
static void another_key(void **state)
{
	static const char *const names[] = {" id='", " key='", " sig='"};
	static const uint8_t other_seed[TOLD_SEED] = {9};
	CLEANUP(buf_clear) struct buf other = {.max = 4096};
	struct told t;

	fill(&t, some_addrs, ARRAY_LEN(some_addrs));
	assert_int_equal(told_write(&other, other_seed, &t), 0);
	for (unsigned which = 1; which < 1u << ARRAY_LEN(names); which++) {
		CLEANUP(buf_clear) struct buf out = {.max = 4096};
		write_some(&out);
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			struct str to = cut_attr(buf_view(&other), names[i]), from = cut_attr(buf_view(&out), names[i]);
			assert_int_equal(from.n, to.n);
			if (which & 1u << i)
				memcpy(out.p + (from.p - out.p), to.p, to.n);
		}
		int r = read_text(buf_view(&out), NOW, &t);
		assert_int_equal(r, which == 7 ? 0 : ERR_DENIED);
	}
}

/* Somebody signs with his own key, rightly, what speaks of another node. */
static void about_another_node(void **state)
{
	static const uint8_t other_seed[TOLD_SEED] = {9};
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	CLEANUP(buf_clear) struct buf sig64 = {.max = 200};
	CLEANUP(buf_clear) struct buf key64 = {.max = 200};
	struct told victim;
	uint8_t key[32], sig[64];

	write_some(&out);
	assert_int_equal(read_text(buf_view(&out), NOW, &victim), 0);
	buf_fmt(&text, "wireside addresses 0\nid %s\nseq 8\nexpires 2026-11-21T21:42:55.000Z\na 10.6.6.6:5298\n",
		victim.id);
	sign_public(other_seed, key);
	sign_make(other_seed, buf_view(&text), sig);
	b64_encode(&key64, key, sizeof(key));
	b64_encode(&sig64, sig, sizeof(sig));
	buf_reset(&out);
	buf_fmt(&out,
		"<addresses xmlns='" NS_ADDRESSES
		"' id='%s' seq='8' expires='2026-11-21T21:42:55.000Z' key='%s' sig='%s'>"
		"<a>10.6.6.6:5298</a></addresses>",
		victim.id, buf_cstr(&key64), buf_cstr(&sig64));
	assert_int_equal(read_text(buf_view(&out), NOW, &victim), ERR_DENIED);
}

static void life(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	struct told t;

	write_some(&out);
	assert_int_equal(read_text(buf_view(&out), NOW + HOUR - 1, &t), 0);
	assert_int_equal(read_text(buf_view(&out), NOW + HOUR, &t), ERR_TIMEOUT);
	buf_reset(&out);
	fill(&t, some_addrs, 1);
	t.expires = NOW + 20 * TOLD_LIFE_MAX;
	assert_int_equal(told_write(&out, seed, &t), 0);
	assert_int_equal(read_text(buf_view(&out), NOW, &t), 0);
	assert_int_equal(t.expires, NOW + TOLD_LIFE_MAX);
	/* No year to write it with. */
	t.expires = INT64_MAX;
	assert_int_equal(told_write(&out, seed, &t), ERR_INVALID);
	t.expires = INT64_MIN;
	assert_int_equal(told_write(&out, seed, &t), ERR_INVALID);
}

static void limits(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};
	CLEANUP(buf_clear) struct buf small = {.max = 100};
	struct told t;
	const char *const longest = "[2001:1db8:1111:1111:1111:1111:1111:1111]:65535";
	const char *const eight[TOLD_MAX] = {longest, longest, longest, longest, longest, longest, longest, longest};

	fill(&t, eight, TOLD_MAX);
	t.seq = TOLD_SEQ_MAX;
	assert_int_equal(told_write(&out, seed, &t), 0);
	assert_int_equal(read_text(buf_view(&out), NOW, &t), 0);
	assert_int_equal(t.count, TOLD_MAX);
	assert_int_equal(t.seq, TOLD_SEQ_MAX);
	replace(&out, "<a>", "<a>10.0.0.1:1</a><a>");
	assert_int_equal(read_text(buf_view(&out), NOW, &t), ERR_INVALID);
	assert_int_equal(told_write(&small, seed, &t), ERR_LIMIT);
	buf_reset(&out);
	t.count = TOLD_MAX + 1;
	assert_int_equal(told_write(&out, seed, &t), ERR_INVALID);
	fill(&t, eight, 1);
	t.seq = (uint64_t)TOLD_SEQ_MAX + 1;
	assert_int_equal(told_write(&out, seed, &t), ERR_INVALID);
	fill(&t, eight, 1);
	t.addrs[0] = (struct told_addr){.ip = {127, 0, 0, 1}, .ip_len = 4, .port = 1};
	assert_int_equal(told_write(&out, seed, &t), ERR_INVALID);
	assert_int_equal(out.n, 0);
}

static const char *const good_addrs[] = {"1.0.0.1:1", "10.0.0.255:5298", "126.255.255.255:80", "128.0.0.1:65535",
	"223.255.255.255:1", "169.254.1.2:5298", "192.168.0.1:5298", "[2001:db8::1]:5298", "[fe80::1]:5298",
	"[fd00::]:1", "[2001:2:3:4:5:6:7:8]:9", "[2001:db8:0:1:1:1:1:1]:1", "[2001:0:0:1::1]:1", "[100::1]:1",
	"[fe80::ffff:ffff:ffff:ffff]:65535"};

static const char *const bad_addrs[] = {"", ":", ":5298", "10.0.0.7", "10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536",
	"10.0.0.7:05298", "10.0.0.7:+1", "10.0.0.7: 1", " 10.0.0.7:1", "10.0.0.7:1 ", "10.0.0.7:1:1", "10.0.7:1",
	"10.7:1", "7:1", "10.0.0.0.7:1", "10.0.0.:1", ".0.0.7:1", "10..0.7:1", "010.0.0.7:1", "10.0.0.07:1",
	"0x0a.0.0.7:1", "10.0.0.256:1", "10.0.0.-1:1", "0.0.0.0:1", "0.1.2.3:1", "127.0.0.1:1", "127.255.255.254:1",
	"224.0.0.251:1", "239.255.255.255:1", "240.0.0.1:1", "255.255.255.255:1", "localhost:1", "bob.local:5298",
	"[::]:1", "[::1]:1", "[::2]:1", "[::ffff:10.0.0.7]:1", "[::ffff:7f00:1]:1", "[::7f00:1]:1",
	"[64:ff9b::7f00:1]:1", "[ff02::fb]:1", "[ff0e::1]:1", "[fe80::1%eth0]:1", "[fe80::1%1]:1", "[FE80::1]:1",
	"[fe80:0:0:0:0:0:0:1]:1", "[fe80::0001]:1", "[2001:db8:0:0:1::1]:1", "[10.0.0.7]:1", "[fe80::1]", "[fe80::1]1",
	"fe80::1:1", "[]:1", "[:1", "]:1", "[fe80::1:1", "[2001:2:3:4:5:6:7:8:9]:1", "10.0.0.7:1\n", "\xff.0.0.7:1",
	"10.0.0.000000000000000000000000000000000000000000000000000000000000000007:1"};

static void addresses(void **state)
{
	struct told_addr a = {.port = 3};

	for (size_t i = 0; i < ARRAY_LEN(good_addrs); i++) {
		CLEANUP(buf_clear) struct buf out = {.max = TOLD_ADDR_TEXT};
		if (told_addr_parse(str_z(good_addrs[i]), &a) < 0)
			fail_msg("refused: %s", good_addrs[i]);
		told_addr_format(&out, &a);
		assert_string_equal(buf_cstr(&out), good_addrs[i]);
	}
	a.port = 3;
	for (size_t i = 0; i < ARRAY_LEN(bad_addrs); i++) {
		if (told_addr_parse(str_z(bad_addrs[i]), &a) != ERR_INVALID)
			fail_msg("accepted: %s", bad_addrs[i]);
	}
	assert_int_equal(told_addr_parse(STR_NONE, &a), ERR_INVALID);
	assert_int_equal(told_addr_parse(STR("10.0.0.7\0:1"), &a), ERR_INVALID);
	assert_int_equal(a.port, 3);
}

static void address_bytes(void **state)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xab, 0xcd};
	static const uint8_t v4[4] = {10, 0, 0, 7};
	struct told_addr a;

	assert_int_equal(told_addr_parse(STR("[2001:db8::7:abcd]:513"), &a), 0);
	assert_int_equal(a.ip_len, 16);
	assert_memory_equal(a.ip, v6, 16);
	assert_int_equal(a.port, 513);
	assert_int_equal(told_addr_parse(STR("10.0.0.7:1"), &a), 0);
	assert_int_equal(a.ip_len, 4);
	assert_memory_equal(a.ip, v4, 4);
}

/* All of IPv6's shapes: each pattern of zero words. */
static void ipv6_shapes(void **state)
{
	for (unsigned zeros = 0; zeros < 128; zeros++) {
		CLEANUP(buf_clear) struct buf out = {.max = TOLD_ADDR_TEXT};
		struct told_addr a = {.ip = {0x20}, .ip_len = 16, .port = 1}, again;
		for (unsigned i = 0; i < 7; i++)
			a.ip[2 * i + 3] = zeros & 1u << i ? 0 : (uint8_t)(i + 1);
		told_addr_format(&out, &a);
		assert_int_equal(told_addr_parse(buf_view(&out), &again), 0);
		assert_memory_equal(a.ip, again.ip, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(no_address_at_all),
		cmocka_unit_test(signed_text),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(each_field),
		cmocka_unit_test(another_key),
		cmocka_unit_test(about_another_node),
		cmocka_unit_test(life),
		cmocka_unit_test(limits),
		cmocka_unit_test(addresses),
		cmocka_unit_test(address_bytes),
		cmocka_unit_test(ipv6_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
