#include "base/str.h"

#include "base/err.h"
#include "base/mem.h"

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static unsigned char lower(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

bool str_is_nocase(struct str a, const char *z)
{
	if (strlen(z) != a.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(z[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;
	return d ? d : (a.n > b.n) - (a.n < b.n);
}

char *str_dup(struct str s)
{
	if (!s.p)
		return NULL;
	char *copy = xmalloc(s.n + 1);
	memcpy(copy, s.p, s.n);
	copy[s.n] = 0;
	return copy;
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *s, char sep)
{
	struct str all = *s;
	const char *at = all.n ? memchr(all.p, sep, all.n) : NULL;
	if (!at) {
		*s = STR_NONE;
		return all;
	}
	size_t n = (size_t)(at - all.p);
	*s = (struct str){at + 1, all.n - n - 1};
	return (struct str){all.p, n};
}

int str_uint(struct str s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	bool over = false;
	if (!s.n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (value > max / 10 || value * 10 > max - digit || digit > max)
			over = true;
		else
			value = value * 10 + digit;
	}
	if (over)
		return ERR_LIMIT;
	*ret = value;
	return 0;
}

/* Length of the well-formed sequence at p, 0 if there is none (Unicode, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* less would be overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* more would be a surrogate */
	else if (p[0] == 0xf0)
		low = 0x90; /* less would be overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* more would be above U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t str_utf8_next(struct str s) { return s.n ? utf8_sequence((const unsigned char *)s.p, s.n) : 0; }

uint32_t str_utf8_char(const char *p, size_t n)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (uint8_t)p[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)p[i] & 0x3f);
	return c;
}

bool str_is_unseen(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} unseen[] = {
		{0x80, 0x9f},
		{0xad, 0xad},   /* soft hyphen */
		{0x61c, 0x61c}, /* from here on: directions, joiners, line ends, things without width */
		{0x180e, 0x180e},
		{0x200b, 0x200b},
		{0x200e, 0x200f},
		{0x2028, 0x202e},
		{0x2060, 0x206f},
		{0xfeff, 0xfeff},
		{0xfff9, 0xfffb},
		{0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < ARRAY_LEN(unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

/* Most text is ASCII: eight bytes at a time. */
static size_t skip_ascii(const unsigned char *p, size_t i, size_t n)
{
	for (uint64_t word; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	return i;
}

bool str_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t i = 0; (i = skip_ascii(p, i, s.n)) < s.n;) {
		size_t len = utf8_sequence(p + i, s.n - i);
		if (!len)
			return false;
		i += len;
	}
	return true;
}
