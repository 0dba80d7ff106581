#include "base/codec.h"

#include "base/err.h"
#include "base/mem.h"

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

int b64_decode_folded(struct buf *out, struct str text)
{
	CLEANUP(buf_clear) struct buf plain = {.max = text.n};

	for (size_t i = 0; i < text.n; i++)
		if (!memchr(" \t\r\n", text.p[i], 4))
			buf_char(&plain, text.p[i]);
	return plain.n ? b64_decode(out, buf_view(&plain)) : 0;
}

void b32_encode(struct buf *out, const void *p, size_t n)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	const uint8_t *in = p;
	size_t full = (n * 8 + 4) / 5;
	char *to = buf_room(out, full);
	uint32_t bits = 0;
	unsigned have = 0;
	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 5; have -= 5)
			*to++ = digits[bits >> (have - 5) & 31];
	}
	if (have > 0)
		*to = digits[bits << (5 - have) & 31];
	out->n += full;
}

static int b32_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* What is left over at the end must be less than a digit and zero: one spelling only. */
int b32_decode(struct buf *out, struct str text)
{
	size_t n = text.n * 5 / 8;
	char *to = buf_room(out, n);
	uint32_t bits = 0;
	unsigned have = 0;
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		int value = b32_value(text.p[i]);
		if (value < 0)
			return ERR_SYNTAX;
		bits = bits << 5 | (uint32_t)value;
		have += 5;
		if (have >= 8) {
			have -= 8;
			*to++ = (char)(bits >> have);
		}
	}
	if (have >= 5 || bits & ((1u << have) - 1))
		return ERR_SYNTAX;
	out->n += n;
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
