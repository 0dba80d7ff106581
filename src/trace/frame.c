#include "trace/frame.h"

enum {
	ETHER = 14,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TLS_HANDSHAKE = 22,
	HELLO_BYTES = 11 + TLS_RANDOM /* record header, message header, version, random */
};

static uint16_t get16(const char *p) { return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]); }

static struct str after(struct str s, size_t n) { return n <= s.n ? (struct str){s.p + n, s.n - n} : STR_NONE; }

static struct str first(struct str s, size_t n) { return (struct str){s.p, n < s.n ? n : s.n}; }

static struct str read_ipv4(struct str ip, struct frame *ret)
{
	size_t header;

	if (ip.n < 20 || (get16(ip.p + 6) & 0x1fff))
		return STR_NONE;
	header = (size_t)(ip.p[0] & 15) * 4;
	ret->protocol = (uint8_t)ip.p[9];
	memcpy(ret->from, ip.p + 12, 4);
	memcpy(ret->to, ip.p + 16, 4);
	/* Short frames are padded: the length of the packet counts. */
	return after(first(ip, get16(ip.p + 2)), header);
}

static struct str read_ipv6(struct str ip, struct frame *ret)
{
	if (ip.n < 40)
		return STR_NONE;
	ret->v6 = true;
	ret->protocol = (uint8_t)ip.p[6];
	memcpy(ret->from, ip.p + 8, 16);
	memcpy(ret->to, ip.p + 24, 16);
	return first(after(ip, 40), get16(ip.p + 4));
}

bool frame_read(struct str data, struct frame *ret)
{
	struct str rest = after(data, ETHER);
	uint16_t type = rest.p ? get16(data.p + 12) : 0;
	size_t header = 8;

	*ret = (struct frame){0};
	if (type == TYPE_VLAN && rest.n >= 4) {
		type = get16(rest.p + 2);
		rest = after(rest, 4);
	}
	rest = type == TYPE_IPV4 ? read_ipv4(rest, ret) : type == TYPE_IPV6 ? read_ipv6(rest, ret) : STR_NONE;
	if (!rest.p)
		return false;
	if (ret->protocol == FRAME_TCP && rest.n >= 20)
		header = (size_t)((uint8_t)rest.p[12] >> 4) * 4;
	else if (ret->protocol != FRAME_UDP || rest.n < 8)
		return ret->protocol != FRAME_TCP && ret->protocol != FRAME_UDP;
	ret->from_port = get16(rest.p);
	ret->to_port = get16(rest.p + 2);
	ret->payload = after(rest, header);
	return true;
}

enum frame_hello frame_hello(const struct frame *f, uint8_t random[TLS_RANDOM])
{
	const char *p = f->payload.p;

	if (f->protocol != FRAME_TCP || !p || f->payload.n < 6 || p[0] != TLS_HANDSHAKE || p[1] != 3)
		return HELLO_NONE;
	if (p[5] == HELLO_SERVER)
		return HELLO_SERVER;
	if (p[5] != HELLO_CLIENT || f->payload.n < HELLO_BYTES)
		return HELLO_NONE;
	memcpy(random, p + 11, TLS_RANDOM);
	return HELLO_CLIENT;
}
