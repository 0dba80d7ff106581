#include "trace/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ETHER = 14, IP4 = 20, IP6 = 40, TCP = 20, PROTOCOL_TCP = 6, ADDRESS_TEXT = 64 };

static void put16(char *p, unsigned v)
{
	p[0] = (char)(v >> 8);
	p[1] = (char)v;
}

static void put32(char *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned get16(const char *p) { return (unsigned)((uint8_t)p[0] << 8 | (uint8_t)p[1]); }

/* ---- checksums (RFC 1071) ---- */

static uint32_t sum(uint32_t so_far, const char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		so_far += get16(p + i);
	return n % 2 ? so_far + ((uint32_t)(uint8_t)p[n - 1] << 8) : so_far;
}

static unsigned fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

bool packet_mend_tcp(char *ip, size_t n)
{
	bool v6 = n && (uint8_t)ip[0] >> 4 == 6;
	size_t head = v6 ? IP6
		: n      ? (size_t)(ip[0] & 15) * 4
			 : 0,
	       whole = n < IP4 ? 0
		: v6           ? IP6 + get16(ip + 4)
			       : get16(ip + 2);
	uint32_t s;

	if ((!v6 && (n < IP4 || (uint8_t)ip[0] >> 4 != 4)) || whole > n || whole < head + TCP ||
		ip[v6 ? 6 : 9] != PROTOCOL_TCP || (!v6 && (get16(ip + 6) & 0x3fff)))
		return false;
	put16(ip + head + 16, 0);
	s = v6 ? sum(0, ip + 8, 32) : sum(0, ip + 12, 8);
	s += PROTOCOL_TCP + (uint32_t)(whole - head);
	put16(ip + head + 16, fold(sum(s, ip + head, whole - head)));
	return true;
}

/* ---- making ---- */

bool packet_end_read(struct str text, struct packet_end *ret)
{
	char address[ADDRESS_TEXT];
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	struct str host = {text.p, colon ? (size_t)(colon - text.p) : 0};
	uint64_t port = 0;

	if (!colon || str_uint((struct str){colon + 1, text.n - host.n - 1}, 65535, &port) != 0)
		return false;
	*ret = (struct packet_end){.v6 = host.n && host.p[0] == '[', .port = (uint16_t)port};
	if (ret->v6 && (host.n < 2 || host.p[host.n - 1] != ']'))
		return false;
	if (ret->v6)
		host = (struct str){host.p + 1, host.n - 2};
	snprintf(address, sizeof(address), "%.*s", STR_FMT(host));
	return host.n < sizeof(address) && inet_pton(ret->v6 ? AF_INET6 : AF_INET, address, ret->address) == 1;
}

/* Locally administered addresses that tell the ends apart. */
static void put_ether(const struct packet_end *from, const struct packet_end *to, struct buf *out)
{
	size_t last = from->v6 ? 15 : 3;
	const char addresses[12] = {2, 0, 0, 0, (char)to->address[last - 1], (char)to->address[last], 2, 0, 0, 0,
		(char)from->address[last - 1], (char)from->address[last]};

	buf_add(out, addresses, sizeof(addresses));
	buf_add(out, from->v6 ? "\x86\xdd" : "\x08\x00", 2);
}

static void put_ip(const struct packet_end *from, const struct packet_end *to, size_t n, struct buf *out)
{
	char v4[IP4] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, PROTOCOL_TCP},
	     v6[IP6] = {0x60, 0, 0, 0, 0, 0, PROTOCOL_TCP, 64};

	if (from->v6) {
		put16(v6 + 4, (unsigned)n);
		memcpy(v6 + 8, from->address, 16);
		memcpy(v6 + 24, to->address, 16);
		buf_add(out, v6, sizeof(v6));
		return;
	}
	put16(v4 + 2, (unsigned)(IP4 + n));
	memcpy(v4 + 12, from->address, 4);
	memcpy(v4 + 16, to->address, 4);
	put16(v4 + 10, fold(sum(0, v4, sizeof(v4))));
	buf_add(out, v4, sizeof(v4));
}

void packet_put_tcp(const struct packet_end *from, const struct packet_end *to, uint32_t seq, uint32_t ack,
	struct str payload, struct buf *out)
{
	char tcp[TCP] = {0};
	size_t ip = out->n + ETHER;

	put16(tcp, from->port);
	put16(tcp + 2, to->port);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = 0x50; /* five words long */
	tcp[13] = 0x18; /* PSH, ACK */
	put16(tcp + 14, 0xffff);
	put_ether(from, to, out);
	put_ip(from, to, sizeof(tcp) + payload.n, out);
	buf_add(out, tcp, sizeof(tcp));
	buf_str(out, payload);
	if (buf_ok(out))
		packet_mend_tcp(out->p + ip, out->n - ip);
}
