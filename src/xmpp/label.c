#include "xmpp/label.h"

bool label_may_begin(char c) { return !strchr("#*-> (|", c); }

/* Not whatever is not seen, the joiners too, nor a space that is none. */
bool label_may_have(const char *p, size_t n)
{
	uint32_t c = str_utf8_char(p, n);

	if (n == 1 && memchr(":@/\"'()", *p, 7))
		return false;
	return c >= ' ' && c != 0x7f && c != 0xa0 && c != 0x200c && c != 0x200d && !str_is_unseen(c);
}

bool label_is_plain(struct str label)
{
	if (!label.n || label.n > LABEL_MAX || !label_may_begin(label.p[0]) || label.p[label.n - 1] == ' ')
		return false;
	while (label.n) {
		size_t n = str_utf8_next(label);

		if (!n || !label_may_have(label.p, n))
			return false;
		label = (struct str){label.p + n, label.n - n};
	}
	return true;
}
