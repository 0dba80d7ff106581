/* Finding the byte that matters next. Private to xml/. Sixteen bytes at a time where the machine can
 * (SSE2 is part of every x86-64), else by table; never reads at or behind `end`. */
#ifndef XML_SCAN_H
#define XML_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	XML_CH_NAME = 1,  /* ASCII that may stand in a name; without the colon */
	XML_CH_START = 2, /* ASCII that may begin a name; without the colon */
	XML_CH_SPACE = 4, /* tab, LF, CR, space */
	XML_CH_STOP = 8,  /* needs a look in text: < & ] controls and all that is not ASCII */
	XML_CH_WRITE = 16 /* needs a look when written: < > & ' " controls and all that is not ASCII */
};
extern const uint8_t xml_class[256];

static inline bool xml_ch(char c, unsigned class) { return xml_class[(uint8_t)c] & class; }

static inline bool xml_high(char c) /* part of a character beyond ASCII */ { return (uint8_t)c >= 0x80; }

#if defined(__SSE2__)
#include <emmintrin.h>

enum { XML_LANES = 16 };

static inline __m128i xml_load(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

static inline __m128i xml_eq(__m128i v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); }

/* Signed comparison: true for controls and for bytes from 0x80 on. */
static inline __m128i xml_odd(__m128i v) { return _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); }

static inline unsigned xml_mask_text(const char *p)
{
	__m128i v = xml_load(p);
	__m128i a = _mm_or_si128(xml_eq(v, '<'), xml_eq(v, '&'));
	__m128i b = _mm_or_si128(xml_eq(v, ']'), xml_odd(v));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(a, b));
}

static inline unsigned xml_mask_value(const char *p, char quote)
{
	__m128i v = xml_load(p);
	__m128i a = _mm_or_si128(xml_eq(v, '<'), xml_eq(v, '&'));
	__m128i b = _mm_or_si128(xml_eq(v, quote), xml_odd(v));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(a, b));
}

static inline __m128i xml_within(__m128i v, char first, char last)
{
	return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(first - 1))),
		_mm_cmplt_epi8(v, _mm_set1_epi8((char)(last + 1))));
}

/* Bytes that are not XML_CH_NAME. */
static inline unsigned xml_mask_name(const char *p)
{
	__m128i v = xml_load(p);
	__m128i letter = xml_within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
	__m128i other = _mm_andnot_si128(xml_eq(v, '/'), xml_within(v, '-', '9'));
	__m128i name = _mm_or_si128(_mm_or_si128(letter, other), xml_eq(v, '_'));
	return (unsigned)_mm_movemask_epi8(name) ^ 0xffffu;
}

/* a lies behind b in one buffer that ends at `end`. */
static inline bool xml_same(const char *a, const char *b, size_t n, const char *end)
{
	if (n > XML_LANES || end - a < XML_LANES)
		return memcmp(a, b, n) == 0;
	unsigned equal = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(xml_load(a), xml_load(b)));
	return !(~equal & ((1u << n) - 1));
}

#else

enum { XML_LANES = 8 };

static inline unsigned xml_mask_text(const char *p)
{
	unsigned m = 0;
	for (unsigned i = 0; i < XML_LANES; i++)
		m |= (unsigned)xml_ch(p[i], XML_CH_STOP) << i;
	return m;
}

static inline unsigned xml_mask_value(const char *p, char quote)
{
	unsigned m = 0;
	for (unsigned i = 0; i < XML_LANES; i++)
		m |= (unsigned)((xml_ch(p[i], XML_CH_STOP) && p[i] != ']') || p[i] == quote) << i;
	return m;
}

static inline unsigned xml_mask_name(const char *p)
{
	unsigned m = 0;
	for (unsigned i = 0; i < XML_LANES; i++)
		m |= (unsigned)!xml_ch(p[i], XML_CH_NAME) << i;
	return m;
}

static inline bool xml_same(const char *a, const char *b, size_t n, const char *end)
{
	(void)end;
	return memcmp(a, b, n) == 0;
}

#endif

/* First byte of text that needs a look, or end. */
static inline const char *xml_scan_text(const char *p, const char *end)
{
	for (; end - p >= XML_LANES; p += XML_LANES) {
		unsigned m = xml_mask_text(p);
		if (m)
			return p + __builtin_ctz(m);
	}
	while (p < end && !xml_ch(*p, XML_CH_STOP))
		p++;
	return p;
}

/* First byte of an attribute's value that needs a look (the quote, <, &, a control, not ASCII), or end. */
static inline const char *xml_scan_value(const char *p, const char *end, char quote)
{
	for (; end - p >= XML_LANES; p += XML_LANES) {
		unsigned m = xml_mask_value(p, quote);
		if (m)
			return p + __builtin_ctz(m);
	}
	while (p < end && *p != quote && (!xml_ch(*p, XML_CH_STOP) || *p == ']'))
		p++;
	return p;
}

/* First byte that is no ASCII name character, or end. */
static inline const char *xml_scan_name(const char *p, const char *end)
{
	for (; end - p >= XML_LANES; p += XML_LANES) {
		unsigned m = xml_mask_name(p);
		if (m)
			return p + __builtin_ctz(m);
	}
	while (p < end && xml_ch(*p, XML_CH_NAME))
		p++;
	return p;
}

static inline const char *xml_scan_space(const char *p, const char *end)
{
	while (p < end && xml_ch(*p, XML_CH_SPACE))
		p++;
	return p;
}

#endif
