#include "tui/filter.h"

#include <wchar.h>

#include "base/mem.h"

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
	c = str_utf8_char(s.p, n);
	if (c < ' ' || c == 0x7f)
		put_picture(out, (unsigned char)c);
	else if (str_is_unseen(c))
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
	int w = c.n == 1 ? 1 : wcwidth((wchar_t)str_utf8_char(c.p, c.n));

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

/* Up to the next space; more than `most` is not looked at. */
static unsigned word_width(struct str text, unsigned most)
{
	unsigned width = 0;

	while (text.n && width <= most && *text.p != ' ' && *text.p != '\n') {
		size_t n = str_utf8_next(text);

		n = n ? n : 1;
		width += cells((struct str){text.p, n});
		text = (struct str){text.p + n, text.n - n};
	}
	return width;
}

/* Before a word that fits into a line, but not into this one; any other is cut where the line ends. */
void filter_wrap(struct buf *out, struct str text, unsigned columns)
{
	unsigned at = 0, mark = sizeof(FILTER_MARK) - 1, word = 0;
	char before = '\n';

	if (columns < 2 * mark) {
		buf_str(out, text);
		return;
	}
	while (text.n) {
		size_t n = str_utf8_next(text);
		unsigned w;

		n = n ? n : 1;
		w = cells((struct str){text.p, n});
		word = before == ' ' ? word_width(text, columns) : w;
		before = *text.p;
		if (*text.p == '\n') {
			at = 0;
		} else if (*text.p == ' ' && at + w > columns) {
			buf_z(out, "\n" FILTER_MARK); /* it would be seen as one of the next line */
			at = mark;
			n = 0;
		} else if (at + w > columns || (at + word > columns && mark + word <= columns)) {
			buf_z(out, "\n" FILTER_MARK);
			at = mark + w;
		} else {
			at += w;
		}
		buf_add(out, text.p, n);
		n = n ? n : 1;
		text = (struct str){text.p + n, text.n - n};
	}
}
