#include "base/plain.h"

/* How many characters it put. */
static unsigned put(struct buf *out, struct str text, bool lines)
{
	unsigned count = 0;

	for (; text.n; count++) {
		size_t n = str_utf8_next(text);
		uint32_t c = n ? str_utf8_char(text.p, n) : 0;

		if ((c >= ' ' && c != 0x7f && !str_is_unseen(c)) || (lines && (c == '\n' || c == '\t')))
			buf_add(out, text.p, n);
		else
			buf_char(out, '?');
		n += !n;
		text = (struct str){text.p + n, text.n - n};
	}
	return count;
}

void plain_put(struct buf *out, struct str text) { put(out, text, false); }
void plain_put_column(struct buf *out, struct str text, unsigned characters)
{
	for (unsigned n = put(out, text, false); n < characters; n++)
		buf_char(out, ' ');
}

void plain_put_lines(struct buf *out, struct str text) { put(out, text, true); }
