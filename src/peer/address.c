#include "peer/peers_i.h"

enum { ZONE_MAX = 15 /* name of an interface */ };

static bool is_number(struct str s, uint64_t max)
{
	uint64_t n;

	return s.n <= 5 && str_uint(s, max, &n) == 0;
}

static bool is_v4(struct str s)
{
	unsigned n = 0;

	while (s.p && n < 5) {
		if (!is_number(str_cut(&s, '.'), 255))
			return false;
		n++;
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

static bool is_group(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdefABCDEF", s.p[i]) || !s.p[i])
			return false;
	return s.n > 0 && s.n <= 4;
}

/* Groups between colons, the last may be an IPv4 number; how many they are, -1 if they are none. */
static int count_groups(struct str s)
{
	int n = 0;

	if (!s.n)
		return 0;
	while (s.p) {
		struct str group = str_cut(&s, ':');

		if (is_group(group))
			n++;
		else if (!s.p && is_v4(group))
			n += 2;
		else
			return -1;
	}
	return n;
}

static bool is_v6(struct str s)
{
	struct str number = str_cut(&s, '%'), right;
	const char *gap = number.n ? memmem(number.p, number.n, "::", 2) : NULL;
	int n, m;

	if (s.p && !is_zone(s))
		return false;
	if (!gap)
		return count_groups(number) == 8;
	right = (struct str){gap + 2, (size_t)(number.p + number.n - gap) - 2};
	number.n = (size_t)(gap - number.p);
	n = count_groups(number);
	m = count_groups(right);
	return n >= 0 && m >= 0 && n + m <= 7 && (!number.n || !memchr(number.p, '.', number.n));
}

bool address_is(struct str text)
{
	struct str host = text, port = STR_NONE;

	for (size_t i = text.n; i-- > 0;)
		if (text.p[i] == ':') {
			host.n = i;
			port = (struct str){text.p + i + 1, text.n - i - 1};
			break;
		}
	if (!port.p || !is_number(port, 65535) || str_is(port, "0"))
		return false;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return is_v6((struct str){host.p + 1, host.n - 2});
	return is_v4(host);
}
