#include "tui/filter.h"

#include <wchar.h>

#include "base/mem.h"

static uint32_t decode(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = u[0] & first[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3f);
	return c;
}

/* C1 controls; marks, embeddings, overrides and isolates of direction; line and paragraph separators; what is invisible
 * and could hide a difference. The joiners U+200C and U+200D stay: emoji and several scripts need them. */
static const struct {
	uint32_t from, to;
} hidden[] = {
	{0x80, 0x9f},
	{0xad, 0xad},
	{0x61c, 0x61c},
	{0x180e, 0x180e},
	{0x200b, 0x200b},
	{0x200e, 0x200f},
	{0x2028, 0x202e},
	{0x2060, 0x206f},
	{0xfeff, 0xfeff},
	{0xfff9, 0xfffb},
	{0xe0000, 0xe0fff},
};

static bool is_hidden(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return true;
	return false;
}

/* U+2400 and on. */
static void put_picture(struct buf *out, unsigned char c)
{
	const char p[] = {(char)0xe2, (char)0x90, (char)(0x80 + (c == 0x7f ? 0x21 : c))};

	buf_add(out, p, sizeof(p));
}

static size_t put_char(struct buf *out, struct str s)
{
	size_t n = str_utf8_next(s);
	uint32_t c;

	if (!n) {
		buf_z(out, "\xef\xbf\xbd");
		return 1;
	}
	c = decode(s.p, n);
	if (c < ' ' || c == 0x7f)
		put_picture(out, (unsigned char)c);
	else if (is_hidden(c))
		buf_fmt(out, "<U+%04X>", (unsigned)c);
	else
		buf_add(out, s.p, n);
	return n;
}

static void filter(struct buf *out, struct str text, bool lines)
{
	while (text.n) {
		size_t n = 1;

		if (lines && str_starts(text, STR("\r\n")))
			n = 2;
		if (lines && text.p[n - 1] == '\n')
			buf_z(out, "\n" FILTER_MARK);
		else
			n = put_char(out, text);
		text = (struct str){text.p + n, text.n - n};
	}
}

void filter_line(struct buf *out, struct str text) { filter(out, text, false); }
void filter_text(struct buf *out, struct str text) { filter(out, text, true); }

/* Terminals do not agree about combining characters and emoji, so they count for the most they may take. */
static unsigned cells(struct str c)
{
	int w = c.n == 1 ? 1 : wcwidth((wchar_t)decode(c.p, c.n));

	return w == 1 ? 1 : w == 0 ? 1 : 2;
}

unsigned filter_width(struct str text)
{
	unsigned width = 0;

	while (text.n) {
		size_t n = str_utf8_next(text);

		n = n ? n : 1;
		width += cells((struct str){text.p, n});
		text = (struct str){text.p + n, text.n - n};
	}
	return width;
}

void filter_wrap(struct buf *out, struct str text, unsigned columns)
{
	unsigned at = 0, mark = sizeof(FILTER_MARK) - 1;

	if (columns < 2 * mark) {
		buf_str(out, text);
		return;
	}
	while (text.n) {
		size_t n = str_utf8_next(text);
		unsigned w;

		n = n ? n : 1;
		w = cells((struct str){text.p, n});
		if (*text.p == '\n') {
			at = 0;
		} else if (at + w > columns) {
			buf_z(out, "\n" FILTER_MARK);
			at = mark + w;
		} else {
			at += w;
		}
		buf_add(out, text.p, n);
		text = (struct str){text.p + n, text.n - n};
	}
}
