#include "peer/peers_i.h"

static const struct {
	uint32_t first, last;
} unseen[] = {
	{0, 0x1f},
	{0x7f, 0x9f},
	{0xad, 0xad},   /* soft hyphen */
	{0x61c, 0x61c}, /* from here on: directions, joiners, line ends, things without width */
	{0x180e, 0x180e},
	{0x200b, 0x200b}, /* between them joiners, which some scripts need */
	{0x200e, 0x200f},
	{0x2028, 0x202e},
	{0x2060, 0x206f},
	{0xfeff, 0xfeff},
	{0xfff9, 0xfffb},
	{0xe0000, 0xe0fff},
};

static bool is_unseen(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

/* Of n well-formed bytes. */
static uint32_t decode(const char *p, size_t n)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (uint8_t)p[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)p[i] & 0x3f);
	return c;
}

void label_put(struct buf *out, struct str text)
{
	while (text.n) {
		size_t n = str_utf8_next(text);

		if (!n || is_unseen(decode(text.p, n)))
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
