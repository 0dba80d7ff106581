#include "base/json.h"

static void put_char(struct buf *out, unsigned char c)
{
	if (c < 0x20 || c == 0x7f)
		buf_fmt(out, "\\u%04x", c);
	else if (c == '"' || c == '\\')
		buf_fmt(out, "\\%c", c);
	else
		buf_char(out, (char)c);
}

void json_text(struct buf *out, struct str text)
{
	if (!text.p) {
		buf_z(out, "null");
		return;
	}
	buf_char(out, '"');
	while (text.n) {
		size_t n = str_utf8_next(text);

		if (n == 1)
			put_char(out, (unsigned char)text.p[0]);
		else if (n)
			buf_add(out, text.p, n);
		else
			buf_z(out, "\\ufffd");
		text.p += n ? n : 1;
		text.n -= n ? n : 1;
	}
	buf_char(out, '"');
}
