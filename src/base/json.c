#include "base/json.h"

/* UTF-16, as JSON has it. */
static void put_escape(struct buf *out, uint32_t c)
{
	if (c > 0xffff)
		buf_fmt(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
	else
		buf_fmt(out, "\\u%04x", (unsigned)c);
}

static void put_char(struct buf *out, struct str bytes)
{
	uint32_t c = str_utf8_char(bytes.p, bytes.n);

	if (c == '"' || c == '\\')
		buf_char(out, '\\');
	if (c < ' ' || c == 0x7f || str_is_unseen(c))
		put_escape(out, c);
	else
		buf_str(out, bytes);
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

		if (n)
			put_char(out, (struct str){text.p, n});
		else
			buf_z(out, "\\ufffd");
		n += !n;
		text = (struct str){text.p + n, text.n - n};
	}
	buf_char(out, '"');
}
