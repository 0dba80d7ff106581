/* Addresses as text, without the system's functions, which take many spellings. */
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/idna.h"
#include "xmpp/told.h"

enum { OCTETS = 4, WORDS = 8 };

/* Decimal in its one spelling. */
static int parse_number(struct str text, uint64_t max, uint64_t *ret)
{
	if (text.n > 1 && text.p[0] == '0')
		return ERR_INVALID;
	return str_uint(text, max, ret) < 0 ? ERR_INVALID : 0;
}

static int parse_ipv4(struct str text, uint8_t *ret)
{
	for (int i = 0; i < OCTETS; i++) {
		uint64_t n;
		if (!text.p || parse_number(str_cut(&text, '.'), 255, &n) < 0)
			return ERR_INVALID;
		ret[i] = (uint8_t)n;
	}
	return text.p ? ERR_INVALID : 0;
}

static unsigned hex_value(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); }

static size_t count_words(struct str text)
{
	size_t n = 0;

	while (text.n > 0) {
		if (str_cut(&text, ':').n > 0)
			n++;
	}
	return n;
}

/* What idna_ipv6() wrote, without brackets: so it is right, and only "::" leaves words out. */
static void take_ipv6(struct str text, uint8_t *ret)
{
	size_t left_out = WORDS - count_words(text), at = 0;

	memset(ret, 0, 2 * WORDS);
	while (text.n > 0) {
		struct str word = str_cut(&text, ':');
		unsigned value = 0;
		if (word.n == 0) {
			at += left_out;
			left_out = 0;
			continue;
		}
		for (size_t i = 0; i < word.n; i++)
			value = value << 4 | hex_value(word.p[i]);
		must(at < WORDS);
		ret[2 * at] = (uint8_t)(value >> 8);
		ret[2 * at + 1] = (uint8_t)value;
		at++;
	}
}

static int parse_ipv6(struct str text, uint8_t *ret)
{
	char canonical[TOLD_ADDR_TEXT];
	struct buf b = {.p = canonical, .cap = sizeof(canonical), .max = sizeof(canonical)};

	if (idna_ipv6(text, &b) < 0 || !str_eq(buf_view(&b), text))
		return ERR_INVALID;
	take_ipv6((struct str){text.p + 1, text.n - 2}, ret);
	return 0;
}

/* RFC 1122 3.2.1.3, RFC 1112, RFC 6890: this network, loopback, multicast, reserved and broadcast are nobody's. */
static bool good_ipv4(const uint8_t *ip) { return ip[0] != 0 && ip[0] != 127 && ip[0] < 224; }

/* ::/8 holds ::, ::1 and the ways to write an IPv4 address (mapped, compatible, 64:ff9b::); ff00::/8 is multicast. */
static bool good_ipv6(const uint8_t *ip) { return ip[0] != 0 && ip[0] != 0xff; }

static bool good(const struct told_addr *a)
{
	if (a->port == 0)
		return false;
	return a->ip_len == OCTETS ? good_ipv4(a->ip) : a->ip_len == sizeof(a->ip) && good_ipv6(a->ip);
}

/* Cuts ":PORT" off the end. */
static int take_port(struct str *text, uint16_t *ret)
{
	const char *colon = text->n ? memrchr(text->p, ':', text->n) : NULL;
	uint64_t port;

	if (!colon)
		return ERR_INVALID;
	if (parse_number((struct str){colon + 1, (size_t)(text->p + text->n - colon - 1)}, UINT16_MAX, &port) < 0)
		return ERR_INVALID;
	text->n = (size_t)(colon - text->p);
	*ret = (uint16_t)port;
	return 0;
}

int told_addr_parse(struct str text, struct told_addr *ret)
{
	struct told_addr a = {0};
	int r;

	if (text.n >= TOLD_ADDR_TEXT || take_port(&text, &a.port) < 0)
		return ERR_INVALID;
	a.ip_len = text.n && text.p[0] == '[' ? 16 : OCTETS;
	r = a.ip_len == OCTETS ? parse_ipv4(text, a.ip) : parse_ipv6(text, a.ip);
	if (r < 0 || !good(&a))
		return ERR_INVALID;
	*ret = a;
	return 0;
}

static void put_ipv6(struct buf *out, const uint8_t *ip)
{
	char full[TOLD_ADDR_TEXT];
	struct buf b = {.p = full, .cap = sizeof(full), .max = sizeof(full)};

	for (int i = 0; i < WORDS; i++)
		buf_fmt(&b, "%c%x", i ? ':' : '[', (unsigned)ip[2 * i] << 8 | ip[2 * i + 1]);
	buf_char(&b, ']');
	must(buf_ok(&b) && (idna_ipv6(buf_view(&b), out) == 0 || !buf_ok(out)));
}

void told_addr_format(struct buf *out, const struct told_addr *a)
{
	if (a->ip_len == OCTETS)
		buf_fmt(out, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
	else
		put_ipv6(out, a->ip);
	buf_fmt(out, ":%u", a->port);
}
