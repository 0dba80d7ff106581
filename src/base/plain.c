#include "base/plain.h"

static void put(struct buf *out, struct str text, bool lines)
{
	while (text.n) {
		size_t n = str_utf8_next(text);
		uint32_t c = n ? str_utf8_char(text.p, n) : 0;

		if ((c >= ' ' && c != 0x7f && !str_is_unseen(c)) || (lines && (c == '\n' || c == '\t')))
			buf_add(out, text.p, n);
		else
			buf_char(out, '?');
		n += !n;
		text = (struct str){text.p + n, text.n - n};
	}
}

void plain_put(struct buf *out, struct str text) { put(out, text, false); }
void plain_put_lines(struct buf *out, struct str text) { put(out, text, true); }
