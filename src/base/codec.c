#include "base/codec.h"

#include "base/err.h"

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void b64_encode(struct buf *out, const void *p, size_t n)
{
	const uint8_t *in = p;
	char *to = buf_room(out, (n + 2) / 3 * 4);
	if (!to)
		return;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
		*to++ = b64_digits[group >> 18];
		*to++ = b64_digits[group >> 12 & 63];
		*to++ = left > 1 ? b64_digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? b64_digits[group & 63] : '=';
	}
	out->n += (n + 2) / 3 * 4;
}

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four into three bytes; the last `pad` of the four are '='. False if not canonical. */
static bool b64_group(const char *p, size_t pad, char *to)
{
	uint32_t group = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - pad ? b64_value(p[i]) : 0;
		if (value < 0)
			return false;
		group = group << 6 | (uint32_t)value;
	}
	if (group & ((1u << (8 * pad)) - 1))
		return false; /* bits that no encoder sets: a second spelling of the same bytes */
	for (size_t i = 0; i < 3 - pad; i++)
		to[i] = (char)(group >> (16 - 8 * i));
	return true;
}

int b64_decode(struct buf *out, struct str text)
{
	size_t pad = 0;
	if (text.n % 4)
		return ERR_SYNTAX;
	while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
		pad++;
	size_t n = text.n / 4 * 3 - pad;
	char *to = buf_room(out, n);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i += 4)
		if (!b64_group(text.p + i, i + 4 == text.n ? pad : 0, to + i / 4 * 3))
			return ERR_SYNTAX;
	out->n += n;
	return 0;
}

static const char b32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void b32_encode(struct buf *out, const void *p, size_t n)
{
	const uint8_t *in = p;
	uint32_t bits = 0;
	unsigned count = 0;
	char *to = n <= SIZE_MAX / 8 ? buf_room(out, (n * 8 + 4) / 5) : NULL;
	if (!to) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (count += 8; count >= 5; count -= 5)
			*to++ = b32_digits[bits >> (count - 5) & 31];
	}
	if (count)
		*to++ = b32_digits[bits << (5 - count) & 31];
	out->n += (n * 8 + 4) / 5;
}

static int b32_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

int b32_decode(struct buf *out, struct str text)
{
	uint32_t bits = 0;
	unsigned count = 0;
	char *to = buf_room(out, text.n / 8 * 5 + text.n % 8 * 5 / 8);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		int value = b32_value(text.p[i]);
		if (value < 0)
			return ERR_SYNTAX;
		bits = bits << 5 | (uint32_t)value;
		count += 5;
		if (count >= 8) {
			count -= 8;
			*to++ = (char)(bits >> count);
		}
	}
	/* A digit too many, or bits that no encoder sets: a second spelling of the same bytes. */
	if (count >= 5 || bits & ((1u << count) - 1))
		return ERR_SYNTAX;
	out->n += text.n / 8 * 5 + text.n % 8 * 5 / 8;
	return 0;
}

void hex_encode(struct buf *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = p;
	char *to = buf_room(out, n * 2);
	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		*to++ = digits[in[i] >> 4];
		*to++ = digits[in[i] & 15];
	}
	out->n += n * 2;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_decode(struct buf *out, struct str text)
{
	if (text.n % 2)
		return ERR_SYNTAX;
	char *to = buf_room(out, text.n / 2);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);
		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		*to++ = (char)(high << 4 | low);
	}
	out->n += text.n / 2;
	return 0;
}
