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

/* Near enough: the system refuses what is none when it is dialled. */
static bool is_v6(struct str s)
{
	struct str number = str_cut(&s, '%');
	unsigned colons = 0;

	if (s.p && !is_zone(s))
		return false;
	for (size_t i = 0; i < number.n; i++) {
		char c = number.p[i];

		if (!(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && !(c >= '0' && c <= '9') && c != ':' &&
			c != '.')
			return false;
		colons += c == ':';
	}
	return colons >= 2 && colons <= 8 && number.n <= 45;
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
