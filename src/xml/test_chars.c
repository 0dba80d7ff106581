/* UTF-8, the character classes of XML, and the scans, against the plain definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "xml/chars.h"
#include "xml/scan.h"

/* What the bytes p..p+n say if they are one whole character, by the definition; else -1. */
static int64_t decode(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t mask, mark;
		uint32_t least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	if ((p[0] & forms[n - 1].mask) != forms[n - 1].mark)
		return -1;
	uint32_t c = p[0] & (uint8_t)~forms[n - 1].mask;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < forms[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? -1 : (int64_t)c;
}

static void check_sequence(const uint8_t *p, size_t n)
{
	uint32_t c = 0xeeeeeeee;
	unsigned got = xml_utf8_get((const char *)p, (const char *)p + n, &c);
	unsigned expected = 0;
	for (unsigned k = 1; k <= n && k <= 4; k++)
		if (decode(p, k) >= 0)
			expected = k;
	if (got != expected || (got && c != (uint32_t)decode(p, got)))
		fail_msg("%02x %02x %02x (%zu): %u, U+%04X", p[0], p[1], p[2], n, got, c);
}

static void test_utf8_get(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1u << 24; i += i < 1u << 16 || (i & 0xff) == 0xff ? 1 : 3) {
		uint8_t b[4] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 'x'};
		check_sequence(b, 3);
	}
	for (uint32_t i = 0; i < 1u << 16; i++) {
		uint8_t b[4] = {(uint8_t)(i >> 8), (uint8_t)i, 'x', 'x'};
		check_sequence(b, 1);
		check_sequence(b, 2);
		b[0] = (uint8_t)(0xee + (i >> 8) % 10); /* and the leads of four bytes with the edges behind them */
		b[1] = (uint8_t)i;
		b[2] = (uint8_t)(0x7f + 0x40 * (i >> 13 & 1));
		b[3] = (uint8_t)(0x80 + 0x3f * (i >> 14 & 1));
		check_sequence(b, 4);
	}
}

static void test_utf8_put(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char b[4];
		if (c == 0xd800)
			c = 0xe000;
		unsigned n = xml_utf8_put(b, c);
		assert_int_equal(decode((uint8_t *)b, n), c);
		enum xml_event why = XML_MORE;
		const char *end = xml_utf8_run(b, b + n, &why);
		if (c < 0x80) {
			assert_ptr_equal(end, c == ' ' ? b + 1 : b);
		} else if (c == 0xfffe || c == 0xffff) {
			assert_null(end);
			assert_int_equal(why, XML_NOT_WELL_FORMED);
		} else {
			assert_ptr_equal(end, b + n);
			assert_null(xml_utf8_run(b, b + n - 1, &why)); /* cut off */
			assert_int_equal(why, XML_BAD_UTF8);
		}
	}
}

static void test_is_char(void **state)
{
	(void)state;
	static const uint32_t edges[] = {/* first, first that is not, ... */
		0x9, 0xb, 0xd, 0xe, 0x20, 0xd800, 0xe000, 0xfffe, 0x10000, 0x110000};
	bool is = false;
	for (uint32_t c = 0, i = 0; c < 0x120000; c++) {
		if (i < ARRAY_LEN(edges) && c == edges[i]) {
			is = !is;
			i++;
		}
		assert_int_equal(xml_is_char(c), is);
	}
}

/* NameStartChar and NameChar of the fifth edition, without the colon, by their edges. */
static void test_names(void **state)
{
	(void)state;
	static const uint32_t start_edges[] = {'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1, 0xc0, 0xd7, 0xd8, 0xf7, 0xf8,
		0x300, 0x370, 0x37e, 0x37f, 0x2000, 0x200c, 0x200e, 0x2070, 0x2190, 0x2c00, 0x2ff0, 0x3001, 0xd800,
		0xf900, 0xfdd0, 0xfdf0, 0xfffe, 0x10000, 0xf0000};
	static const uint32_t more_edges[] = {'-', '/', '0', ':', 0xb7, 0xb8, 0x300, 0x370, 0x203f, 0x2041};
	bool start = false, more = false;
	for (uint32_t c = 0, i = 0, k = 0; c < 0x110000; c++) {
		if (i < ARRAY_LEN(start_edges) && c == start_edges[i]) {
			start = !start;
			i++;
		}
		if (k < ARRAY_LEN(more_edges) && c == more_edges[k]) {
			more = !more;
			k++;
		}
		assert_int_equal(xml_is_name_start(c), start);
		assert_int_equal(xml_is_name(c), start || more);
		if (c < 0x80) {
			assert_int_equal(xml_ch((char)c, XML_CH_START), start);
			assert_int_equal(xml_ch((char)c, XML_CH_NAME), start || more);
		}
	}
}

static bool stops_text(uint8_t c) { return c == '<' || c == '&' || c == ']' || c < 0x20 || c >= 0x80; }

static bool stops_value(uint8_t c, char quote)
{
	return c == '<' || c == '&' || c == (uint8_t)quote || c < 0x20 || c >= 0x80;
}

static bool in_name(uint8_t c) { return c < 0x80 && xml_is_name(c); }

/* Each byte, at each place of texts of all lengths around the width of a vector. */
static void test_scans(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 35; n++) {
		char *b = xmalloc(n);
		memset(b, 'a', n);
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				const char *end = b + n, *here = b + at;
				b[at] = (char)c;
				assert_ptr_equal(xml_scan_text(b, end), stops_text((uint8_t)c) ? here : end);
				assert_ptr_equal(xml_scan_value(b, end, '\''),
					stops_value((uint8_t)c, '\'') ? here : end);
				assert_ptr_equal(xml_scan_value(b, end, '"'),
					stops_value((uint8_t)c, '"') ? here : end);
				assert_ptr_equal(xml_scan_name(b, end), in_name((uint8_t)c) ? end : here);
				bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
				assert_int_equal(xml_ch((char)c, XML_CH_SPACE), space);
			}
			b[at] = 'a';
		}
		xfree(b);
	}
}

static void test_same(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n++)
		for (size_t behind = 0; behind <= 20; behind++) {
			size_t size = n + 1 + n + behind;
			char *text = xmalloc(size), *a = text + n + 1;
			memset(text, 'x', size);
			assert_true(xml_same(a, text, n, text + size));
			for (size_t i = 0; i < n; i++) {
				a[i] = 'y';
				assert_false(xml_same(a, text, n, text + size));
				a[i] = 'x';
			}
			if (behind)
				a[n] = 'y'; /* does not count */
			assert_true(xml_same(a, text, n, text + size));
			xfree(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_get),
		cmocka_unit_test(test_utf8_put),
		cmocka_unit_test(test_is_char),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_scans),
		cmocka_unit_test(test_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
