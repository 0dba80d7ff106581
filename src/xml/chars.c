#include "xml/chars.h"

#include "base/mem.h"
#include "xml/scan.h"

#define NAME (XML_CH_NAME | XML_CH_START)

#define LOOK (XML_CH_STOP | XML_CH_WRITE)

const uint8_t xml_class[256] = {
	[0 ... 8] = LOOK,
	['\t'] = LOOK | XML_CH_SPACE,
	['\n'] = LOOK | XML_CH_SPACE,
	[11 ... 12] = LOOK,
	['\r'] = LOOK | XML_CH_SPACE,
	[14 ... 31] = LOOK,
	[' '] = XML_CH_SPACE,
	['&'] = LOOK,
	['<'] = LOOK,
	[']'] = XML_CH_STOP,
	['>'] = XML_CH_WRITE,
	['\''] = XML_CH_WRITE,
	['"'] = XML_CH_WRITE,
	['-'] = XML_CH_NAME,
	['.'] = XML_CH_NAME,
	['0' ... '9'] = XML_CH_NAME,
	['A' ... 'Z'] = NAME,
	['_'] = NAME,
	['a' ... 'z'] = NAME,
	[0x80 ... 0xff] = LOOK,
};

struct range {
	uint32_t first, last;
};

static const struct range starts[] = {
	{'A', 'Z'},
	{'_', '_'},
	{'a', 'z'},
	{0xc0, 0xd6},
	{0xd8, 0xf6},
	{0xf8, 0x2ff},
	{0x370, 0x37d},
	{0x37f, 0x1fff},
	{0x200c, 0x200d},
	{0x2070, 0x218f},
	{0x2c00, 0x2fef},
	{0x3001, 0xd7ff},
	{0xf900, 0xfdcf},
	{0xfdf0, 0xfffd},
	{0x10000, 0xeffff},
};
static const struct range others[] = {
	{'-', '.'},
	{'0', '9'},
	{0xb7, 0xb7},
	{0x300, 0x36f},
	{0x203f, 0x2040},
};

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && r[i].first <= c; i++)
		if (c <= r[i].last)
			return true;
	return false;
}

bool xml_is_name_start(uint32_t c) { return in_ranges(starts, ARRAY_LEN(starts), c); }

bool xml_is_name(uint32_t c)
{
	return in_ranges(starts, ARRAY_LEN(starts), c) || in_ranges(others, ARRAY_LEN(others), c);
}

bool xml_is_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xd800 || (c >= 0xe000 && c <= 0x10ffff && c != 0xfffe && c != 0xffff);
}

static bool continues(char c) { return ((uint8_t)c & 0xc0) == 0x80; }

unsigned xml_utf8_get(const char *p, const char *end, uint32_t *ret)
{
	const uint8_t *b = (const uint8_t *)p;
	size_t n = (size_t)(end - p);
	if (b[0] < 0x80) {
		*ret = b[0];
		return 1;
	}
	if (b[0] < 0xe0) {
		*ret = (b[0] & 0x1fu) << 6 | (n > 1 ? b[1] & 0x3fu : 0);
		return b[0] >= 0xc2 && n > 1 && continues(p[1]) ? 2 : 0;
	}
	if (n < 3 || !continues(p[1]) || !continues(p[2]))
		return 0;
	uint32_t c = (b[0] & 0xfu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
	if (b[0] < 0xf0) {
		*ret = c;
		return c >= 0x800 && (c < 0xd800 || c > 0xdfff) ? 3 : 0;
	}
	if (b[0] > 0xf4 || n < 4 || !continues(p[3]))
		return 0;
	c = (c & 0x7fffu) << 6 | (b[3] & 0x3fu);
	*ret = c;
	return c >= 0x10000 && c <= 0x10ffff ? 4 : 0;
}

unsigned xml_utf8_put(char *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static bool lead(char c, uint8_t first, uint8_t last) { return (uint8_t)((uint8_t)c - first) <= last - first; }

/* One character, most of them by the quick checks: those of two bytes, and of three where all are legal. */
static inline unsigned legal(const char *p, const char *end, enum xml_event *ret_why)
{
	if (end - p > 1 && lead(p[0], 0xc2, 0xdf) && continues(p[1]))
		return 2;
	if (end - p > 2 && lead(p[0], 0xe1, 0xec) && continues(p[1]) && continues(p[2]))
		return 3;
	uint32_t c = 0;
	unsigned n = xml_utf8_get(p, end, &c);
	if (n && xml_is_char(c))
		return n;
	*ret_why = n ? XML_NOT_WELL_FORMED : XML_BAD_UTF8;
	return 0;
}

const char *xml_utf8_run(const char *p, const char *end, enum xml_event *ret_why)
{
	while (p < end) {
		if (*p == ' ') { /* between words, as it comes back here anyway */
			p++;
			continue;
		}
		if (!xml_high(*p))
			break;
		unsigned n = legal(p, end, ret_why);
		if (!n)
			return NULL;
		p += n;
	}
	return p;
}

const char *xml_name_rest(const char *p, const char *end, bool start, enum xml_event *ret_why)
{
	while (p < end) {
		uint32_t c = 0;
		unsigned n = xml_utf8_get(p, end, &c);
		if (!n) {
			*ret_why = XML_BAD_UTF8;
			return NULL;
		}
		if (start ? !xml_is_name_start(c) : !xml_is_name(c))
			break;
		start = false;
		p += n;
	}
	if (!start)
		return p;
	*ret_why = XML_NOT_WELL_FORMED;
	return NULL;
}
