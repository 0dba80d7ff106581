#include "peer/peers_i.h"

static bool is_unseen(uint32_t c) { return c < ' ' || c == 0x7f || str_is_unseen(c); }

void label_put(struct buf *out, struct str text)
{
	while (text.n) {
		size_t n = str_utf8_next(text);

		if (!n || is_unseen(str_utf8_char(text.p, n)))
			buf_char(out, '?');
		else
			buf_add(out, text.p, n);
		n = n ? n : 1;
		text = (struct str){text.p + n, text.n - n};
	}
}

char *label_clean(struct str text)
{
	CLEANUP(buf_clear) struct buf out = {.max = text.n + 1};

	label_put(&out, text);
	return str_dup(buf_view(&out));
}
