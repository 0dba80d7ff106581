#include "trace/share.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/credentials.h"
#include "trace/packet.h"
#include "trace/pcapng.h"

enum {
	FLOWS_MAX = 16384,
	KEY = 36, /* two addresses, two ports */
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_ICMP6 = 58,
	QUOTED = 28, /* of a packet that came back: headers, as short as they may be */
	SYN = 2,
	MASK = 'x'
};

/* One TCP segment with data, or one exported stanza. */
struct segment {
	uint32_t flow, seq, order;
	uint32_t at, n;       /* of its data, in the file */
	uint32_t ip_at, ip_n; /* of its packet; 0: no checksum to be made right */
	bool changed;
};

struct flow {
	char key[KEY];
	uint32_t first; /* sequence number */
	bool whole;     /* from its beginning */
};

struct share {
	char *p; /* the file */
	struct segment *segments;
	struct flow *flows;
	uint32_t n, cap, flow_n, flow_cap, frame;
	const char *closed; /* what of it cannot be searched; NULL: nothing */
	struct share_result result;
	struct buf *why;
	/* while a piece is searched */
	uint32_t piece_first, piece_end; /* segments */
	uint32_t piece_seq;              /* of its first byte */
};

static unsigned get16(const char *p) { return (unsigned)((uint8_t)p[0] << 8 | (uint8_t)p[1]); }

static uint32_t get32(const char *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

/* ---- packets -> segments ---- */

static struct segment *add_segment(struct share *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->segments = xrealloc(s->segments, s->cap * sizeof(*s->segments));
	}
	s->segments[s->n] = (struct segment){.order = s->n};
	return &s->segments[s->n++];
}

static struct flow *add_flow(struct share *s, const char key[KEY], uint32_t seq, bool whole)
{
	if (s->flow_n == s->flow_cap) {
		s->flow_cap = s->flow_cap ? 2 * s->flow_cap : 64;
		s->flows = xrealloc(s->flows, s->flow_cap * sizeof(*s->flows));
	}
	s->flows[s->flow_n] = (struct flow){.first = seq, .whole = whole};
	memcpy(s->flows[s->flow_n].key, key, KEY);
	return &s->flows[s->flow_n++];
}

/* The latest with these ends: ports are used again. */
static struct flow *find_flow(struct share *s, const char key[KEY])
{
	for (uint32_t i = s->flow_n; i-- > 0;)
		if (memcmp(s->flows[i].key, key, KEY) == 0)
			return &s->flows[i];
	return NULL;
}

static int refuse(struct share *s, const char *what)
{
	buf_fmt(s->why, "frame %u: %s cannot be looked into: leave it out (wireside trace save -Y)", s->frame, what);
	return ERR_UNSUPPORTED;
}

/* tcp: the segment, n bytes of it in the file; key: begins with the addresses. */
static int take_tcp(struct share *s, struct str ip, struct str tcp, char key[KEY])
{
	size_t head = tcp.n >= 20 ? (size_t)((uint8_t)tcp.p[12] >> 4) * 4 : 0;
	bool syn = tcp.n >= 20 && tcp.p[13] & SYN;
	struct flow *f;
	struct segment *g;

	if (head < 20)
		return refuse(s, "a TCP segment without its head");
	if (head > tcp.n)
		head = tcp.n;
	memcpy(key + 32, tcp.p, 4);
	f = find_flow(s, key);
	if (!f || (syn && f->first != get32(tcp.p + 4) + 1)) {
		if (s->flow_n == FLOWS_MAX) {
			buf_z(s->why, "there are too many connections in it");
			return ERR_LIMIT;
		}
		f = add_flow(s, key, get32(tcp.p + 4) + syn, syn);
	}
	if (tcp.n == head)
		return 0;
	g = add_segment(s);
	g->flow = (uint32_t)(f - s->flows);
	g->seq = get32(tcp.p + 4) + syn - f->first;
	g->at = (uint32_t)(tcp.p + head - s->p);
	g->n = (uint32_t)(tcp.n - head);
	g->ip_at = (uint32_t)(ip.p - s->p);
	g->ip_n = (uint32_t)ip.n;
	return 0;
}

/* Errors quote the packet that they are about. */
static void mask_quoted(struct share *s, struct str icmp, size_t ip_head)
{
	for (size_t i = 8 + ip_head + 20; i < icmp.n; i++)
		s->p[(size_t)(icmp.p - s->p) + i] = MASK;
}

static int take_ip4(struct share *s, struct str ip)
{
	size_t head = (size_t)(ip.p[0] & 15) * 4, whole = ip.n >= 20 ? get16(ip.p + 2) : 0;
	char key[KEY] = {0};

	if (ip.n < 20 || head < 20 || head > ip.n)
		return refuse(s, "an IP packet that is not whole");
	if (whole < ip.n && whole >= head)
		ip.n = whole;
	memcpy(key, ip.p + 12, 8);
	if (ip.p[9] == PROTOCOL_ICMP && ip.n > head &&
		(ip.p[head] == 3 || ip.p[head] == 4 || ip.p[head] == 5 || ip.p[head] > 10))
		mask_quoted(s, (struct str){ip.p + head, ip.n - head}, 20);
	if (ip.p[9] == 4 || ip.p[9] == 41 || ip.p[9] == 47)
		return refuse(s, "a tunnel");
	if (ip.p[9] != PROTOCOL_TCP)
		return 0;
	if (get16(ip.p + 6) & 0x3fff)
		return refuse(s, "a fragment");
	return take_tcp(s, ip, (struct str){ip.p + head, ip.n - head}, key);
}

static int take_ip6(struct share *s, struct str ip)
{
	char key[KEY] = {0};
	unsigned protocol = ip.n >= 40 ? (uint8_t)ip.p[6] : 0;

	if (ip.n < 40)
		return refuse(s, "an IP packet that is not whole");
	if (40 + (size_t)get16(ip.p + 4) < ip.n)
		ip.n = 40 + (size_t)get16(ip.p + 4);
	memcpy(key, ip.p + 8, 32);
	if (protocol == PROTOCOL_ICMP6 && ip.n > 40 && (uint8_t)ip.p[40] < 128)
		mask_quoted(s, (struct str){ip.p + 40, ip.n - 40}, 40);
	if (protocol == PROTOCOL_TCP)
		return take_tcp(s, ip, (struct str){ip.p + 40, ip.n - 40}, key);
	/* Hop-by-hop options are those of multicast listeners. */
	if (protocol == 43 || protocol == 44 || protocol == 60 || protocol == 4 || protocol == 41 || protocol == 47)
		return refuse(s, "a packet with more IP headers");
	return 0;
}

static int take_ip(struct share *s, struct str ip)
{
	unsigned version = ip.n ? (uint8_t)ip.p[0] >> 4 : 0;

	return version == 4 ? take_ip4(s, ip) : version == 6 ? take_ip6(s, ip) : refuse(s, "a packet");
}

/* A stanza as the program saw it: tags, then the text. */
static int take_pdu(struct share *s, struct str data)
{
	struct segment *g;
	size_t at = 0;
	char key[KEY] = {0};

	while (at + 4 <= data.n && get16(data.p + at))
		at += 4 + get16(data.p + at + 2);
	at += 4;
	if (at >= data.n)
		return 0;
	if (s->flow_n == FLOWS_MAX)
		return ERR_LIMIT;
	g = add_segment(s);
	g->flow = (uint32_t)(add_flow(s, key, 0, true) - s->flows);
	g->at = (uint32_t)(data.p + at - s->p);
	g->n = (uint32_t)(data.n - at);
	return 0;
}

static int take_ethernet(struct share *s, struct str data)
{
	size_t at = 12;

	if (data.n < 14)
		return 0;
	while (at + 6 <= data.n && (get16(data.p + at) == 0x8100 || get16(data.p + at) == 0x88a8))
		at += 4;
	switch (get16(data.p + at)) {
	case 0x0800:
	case 0x86dd:
		return take_ip(s, (struct str){data.p + at + 2, data.n - at - 2});
	case 0x8847:
	case 0x8863:
	case 0x8864:
		return refuse(s, "a tunnel");
	default:
		return 0;
	}
}

/* Link types in which IP begins behind so many bytes. */
static const struct {
	uint16_t link, head;
} links[] = {{101, 0}, {228, 0}, {229, 0}, {0, 4}, {108, 4}, {113, 16}, {276, 20}};

static int take_packet(struct share *s, const struct pcapng_block *b)
{
	s->frame++;
	if (b->link_type == PCAPNG_ETHERNET)
		return take_ethernet(s, b->packet.data);
	if (b->link_type == PCAPNG_UPPER_PDU)
		return take_pdu(s, b->packet.data);
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		struct str d = b->packet.data;

		if (links[i].link != b->link_type || d.n <= links[i].head)
			continue;
		d = (struct str){d.p + links[i].head, d.n - links[i].head};
		/* ARP and the like on the cooked kinds. */
		return (uint8_t)d.p[0] >> 4 == 4 || (uint8_t)d.p[0] >> 4 == 6 ? take_ip(s, d) : 0;
	}
	return refuse(s, "a packet of this kind of network");
}

/* ---- segments -> what is to be masked ---- */

static int by_place(const void *x, const void *y)
{
	const struct segment *a = x, *b = y;

	if (a->flow != b->flow)
		return a->flow < b->flow ? -1 : 1;
	if (a->seq != b->seq)
		return (int32_t)(a->seq - b->seq) < 0 ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* In every segment that has some of it: what was sent twice is masked twice. */
static void mask(void *arg, size_t at, size_t n)
{
	struct share *s = arg;

	s->result.credentials++;
	for (uint32_t i = s->piece_first; i < s->piece_end; i++) {
		struct segment *g = &s->segments[i];
		size_t begin = g->seq - s->piece_seq, end = begin + g->n;
		size_t from = at > begin ? at : begin, to = at + n < end ? at + n : end;

		if (from >= to)
			continue;
		memset(s->p + g->at + (from - begin), MASK, to - from);
		g->changed = true;
	}
}

/* The tag of an element of this local name. */
static bool has_element(struct str in, struct str name)
{
	for (size_t i = 0; i < in.n; i++) {
		const char *at = memchr(in.p + i, '<', in.n - i), *colon;
		struct str tag;

		if (!at)
			break;
		i = (size_t)(at - in.p);
		tag = (struct str){at + 1, in.n - i - 1};
		for (size_t n = 0; n < tag.n; n++)
			if (memchr(" \t\r\n/><", tag.p[n], 8))
				tag.n = n;
		colon = tag.n ? memchr(tag.p, ':', tag.n) : NULL;
		if (colon)
			str_cut(&tag, ':');
		if (str_eq(tag, name))
			return true;
	}
	return false;
}

/* What a server says over HTTP when it goes on as a WebSocket; somebody who writes of it in a chat has begun a stream before. */
static bool is_web(struct str piece, bool middle)
{
	return piece.n && (middle || !str_starts(str_trim(piece), STR("<"))) &&
		memmem(piece.p, piece.n, "HTTP/1.1 101 ", 13);
}

/* What cannot be searched, so it must not be there. XMPP is UTF-8 alone, but some other program may say a login in two bytes a letter;
 * behind these words a stream is compressed, or turned by the key of a WebSocket. */
static const char *closed_part(struct str piece, bool middle)
{
	static const char wide[] = "logins in UTF-16";
	static const struct {
		struct str word;
		const char *what;
	} words[] = {
		{STR("<\0a\0u\0t\0h\0"), wide},
		{STR("\0<\0a\0u\0t\0h"), wide},
		{STR("p\0a\0s\0s\0w\0"), wide},
		{STR("\0p\0a\0s\0s\0w"), wide},
		{STR("<\0r\0e\0s\0p\0o\0"), wide},
		{STR("\0<\0r\0e\0s\0p\0o"), wide},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (piece.n && memmem(piece.p, piece.n, words[i].word.p, words[i].word.n))
			return words[i].what;
	return has_element(piece, STR("compressed")) ? "a compressed stream"
		: is_web(piece, middle)              ? "a WebSocket"
						     : NULL;
}

/* Segments without a gap, from `first` on, are one piece. Returns the first one behind it. */
static uint32_t search_piece(struct share *s, uint32_t first)
{
	CLEANUP(buf_clear) struct buf piece = {.max = SHARE_FILE_MAX};
	const struct segment *g = &s->segments[first];
	const struct flow *f = &s->flows[g->flow];
	uint32_t i = first;
	bool middle;

	s->piece_seq = g->seq;
	for (; i < s->n && s->segments[i].flow == g->flow; i++) {
		const struct segment *next = &s->segments[i];
		size_t at = next->seq - s->piece_seq;

		if (at > piece.n)
			break;
		if (at + next->n > piece.n)
			buf_add(&piece, s->p + next->at + (piece.n - at), at + next->n - piece.n);
	}
	s->piece_first = first;
	s->piece_end = i;
	middle = !f->whole || s->piece_seq != 0;
	if (!s->closed)
		s->closed = closed_part(buf_view(&piece), middle);
	credentials_find(buf_view(&piece), middle, mask, s);
	return i;
}

static void search_all(struct share *s)
{
	if (s->n)
		qsort(s->segments, s->n, sizeof(*s->segments), by_place);
	for (uint32_t i = 0; i < s->n;)
		i = search_piece(s, i);
	for (uint32_t i = 0; i < s->n; i++)
		if (s->segments[i].changed && s->segments[i].ip_n)
			packet_mend_tcp(s->p + s->segments[i].ip_at, s->segments[i].ip_n);
}

/* ---- the file ---- */

static int each_block(struct share *s, struct str in, struct buf *out,
	int (*take)(struct share *, const struct pcapng_block *))
{
	struct pcapng_reader r;
	struct pcapng_block b;
	int n, err = 0;

	pcapng_reader_init(&r);
	while (!err && (n = pcapng_next(&r, &in, &b)) != 0) {
		if (n < 0)
			return n;
		if (b.kind == PCAPNG_SECRETS)
			s->result.secrets += out != NULL;
		else if (out)
			buf_str(out, b.raw);
		if (take && b.kind == PCAPNG_PACKET)
			err = take(s, &b);
	}
	return err ? err : in.n || !r.started ? ERR_SYNTAX : 0;
}

int share_bytes(struct buf *in, struct buf *out, struct share_result *ret, struct buf *why)
{
	struct share s = {.p = in->p, .why = why};
	int err = each_block(&s, buf_view(in), NULL, take_packet);

	if (!err) {
		search_all(&s);
		if (s.closed)
			buf_fmt(why,
				"it has %s, which cannot be made unreadable: leave it out (wireside trace save -Y)",
				s.closed);
		err = s.closed ? ERR_UNSUPPORTED : each_block(&s, buf_view(in), out, NULL);
	}
	if (!err && !buf_ok(out))
		err = ERR_LIMIT;
	if (err && !why->n)
		buf_z(why, err == ERR_SYNTAX ? "is no whole pcapng file" : err_name(err));
	*ret = s.result;
	ret->speech = !err && memmem(out->p, out->n, "<body", 5);
	xfree(s.segments);
	xfree(s.flows);
	return err;
}
