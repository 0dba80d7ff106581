#include "trace/pdu.h"

/* wsutil/exported_pdu_tlvs.h: numbers are big-endian, texts filled up with zeros. */
enum {
	TAG_END = 0,
	TAG_DISSECTOR = 12,
	TAG_V4_FROM = 20,
	TAG_V4_TO,
	TAG_V6_FROM,
	TAG_V6_TO,
	TAG_PORT_TYPE,
	TAG_PORT_FROM,
	TAG_PORT_TO,
	PORT_TCP = 2
};

static void put16(struct buf *out, unsigned n)
{
	buf_char(out, (char)(n >> 8));
	buf_char(out, (char)n);
}

static void put_tag(struct buf *out, unsigned tag, const void *p, size_t n)
{
	size_t fill = (4 - n % 4) % 4;

	put16(out, tag);
	put16(out, (unsigned)(n + fill));
	buf_add(out, p, n);
	buf_add(out, "\0\0\0", fill);
}

static void put_number(struct buf *out, unsigned tag, uint32_t n)
{
	const uint8_t bytes[] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	put_tag(out, tag, bytes, sizeof(bytes));
}

void pdu_put(struct buf *out, const struct pdu_end *from, const struct pdu_end *to, struct str xml)
{
	put_tag(out, TAG_DISSECTOR, "xmpp", 4);
	put_tag(out, from->v6 ? TAG_V6_FROM : TAG_V4_FROM, from->address, from->v6 ? 16 : 4);
	put_tag(out, to->v6 ? TAG_V6_TO : TAG_V4_TO, to->address, to->v6 ? 16 : 4);
	put_number(out, TAG_PORT_TYPE, PORT_TCP);
	put_number(out, TAG_PORT_FROM, from->port);
	put_number(out, TAG_PORT_TO, to->port);
	put16(out, TAG_END);
	put16(out, 0);
	buf_str(out, xml);
}
