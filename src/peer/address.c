#include "peer/peers_i.h"

enum { ZONE_MAX = 15 /* name of an interface */ };

static bool is_number(struct str s, uint64_t max)
{
	uint64_t n;

	return s.n <= 5 && str_uint(s, max, &n) == 0;
}

/* As what dials reads it: without leading zeros, which some take for octal numbers. */
static bool read_v4(struct str s, uint8_t ret[4])
{
	unsigned n = 0;

	while (s.p && n < 5) {
		struct str part = str_cut(&s, '.');
		uint64_t value;

		if (n == 4 || !is_number(part, 255) || (part.n > 1 && part.p[0] == '0'))
			return false;
		must(str_uint(part, 255, &value) == 0);
		ret[n++] = (uint8_t)value;
	}
	return n == 4;
}

static bool is_zone(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			(!c || !strchr("._-@:", c)))
			return false;
	}
	return s.n > 0 && s.n <= ZONE_MAX;
}

static bool read_group(struct str s, uint8_t ret[2])
{
	static const char digits[] = "0123456789abcdefABCDEF";
	unsigned value = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(digits, s.p[i]) : NULL;

		if (!at)
			return false;
		value = value << 4 | (unsigned)(at - digits < 16 ? at - digits : at - digits - 6);
	}
	ret[0] = (uint8_t)(value >> 8);
	ret[1] = (uint8_t)value;
	return s.n > 0 && s.n <= 4;
}

/* Groups between colons, the last may be an IPv4 number; how many bytes they are, -1 if they are none. */
static int read_groups(struct str s, uint8_t ret[16])
{
	int n = 0;

	if (!s.n)
		return 0;
	while (s.p) {
		struct str group = str_cut(&s, ':');

		if (n <= 14 && read_group(group, ret + n))
			n += 2;
		else if (!s.p && n <= 12 && read_v4(group, ret + n))
			n += 4;
		else
			return -1;
	}
	return n;
}

static bool read_v6(struct str s, struct address *ret)
{
	struct str number = str_cut(&s, '%'), right;
	const char *gap = number.n ? memmem(number.p, number.n, "::", 2) : NULL;
	uint8_t end[16];
	int n, m;

	if (s.p && !is_zone(s))
		return false;
	ret->zone = s;
	if (!gap)
		return read_groups(number, ret->ip) == 16;
	right = (struct str){gap + 2, (size_t)(number.p + number.n - gap) - 2};
	number.n = (size_t)(gap - number.p);
	n = read_groups(number, ret->ip);
	m = read_groups(right, end);
	if (n < 0 || m < 0 || n + m > 14 || (number.n && memchr(number.p, '.', number.n)))
		return false;
	memset(ret->ip + n, 0, (size_t)(16 - n));
	memcpy(ret->ip + 16 - m, end, (size_t)m);
	return true;
}

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_read(struct str text, struct address *ret)
{
	struct address a = {.zone = STR_NONE};
	struct str host = text, port = STR_NONE;
	uint64_t number;

	for (size_t i = text.n; i-- > 0;)
		if (text.p[i] == ':') {
			host.n = i;
			port = (struct str){text.p + i + 1, text.n - i - 1};
			break;
		}
	if (!port.p || !is_number(port, 65535))
		return false;
	must(str_uint(port, 65535, &number) == 0);
	a.port = (uint16_t)number;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		if (!read_v6((struct str){host.p + 1, host.n - 2}, &a))
			return false;
	} else {
		memcpy(a.ip, mapped, sizeof(mapped));
		if (!read_v4(host, a.ip + sizeof(mapped)))
			return false;
	}
	*ret = a;
	return true;
}

/* ---- who can be there ---- */

static bool is_v4(const struct address *a) { return memcmp(a->ip, mapped, sizeof(mapped)) == 0; }

static bool is_none(const struct address *a)
{
	static const uint8_t zero[16];

	return is_v4(a) ? a->ip[12] == 0 : memcmp(a->ip, zero, sizeof(zero)) == 0;
}

static bool is_group(const struct address *a) { return is_v4(a) ? a->ip[12] >> 4 == 14 : a->ip[0] == 0xff; }
static bool is_reserved(const struct address *a) { return is_v4(a) && a->ip[12] >> 4 == 15; }
static bool is_link_local(const struct address *a) { return a->ip[0] == 0xfe && a->ip[1] >> 6 == 2; }

static bool is_loopback(const struct address *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

const char *address_fault(const struct address *a)
{
	if (!a->port)
		return "0 is no port: leave it out for 5298, or give the one that the other node shows when it starts";
	if (is_none(a))
		return "that means any address, and is nobody's: give the number of the other machine";
	if (is_group(a))
		return "that is a multicast address, of a group and not of a machine: give the number of the other machine";
	if (is_reserved(a))
		return "that is a broadcast or reserved address, of no machine: give the number of the other machine";
	if (is_link_local(a) && !a->zone.n)
		return "an address that begins with fe80 is good for one network only, so it needs the interface there, "
		       "like fe80::1%eth0";
	return NULL;
}

static bool same_machine(const struct address *a, const struct address *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && (!a->zone.n || !b->zone.n || str_eq(a->zone, b->zone));
}

bool address_is_among(const struct address *a, char *const *list)
{
	struct address one;

	for (size_t i = 0; list && list[i]; i++)
		if (address_read(str_z(list[i]), &one) && (!one.port || one.port == a->port) &&
			(same_machine(a, &one) ||
				(is_none(&one) && is_loopback(a) && (is_v4(a) == is_v4(&one) || !is_v4(&one)))))
			return true;
	return false;
}
