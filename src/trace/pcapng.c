#include "trace/pcapng.h"

#include "base/err.h"
#include "base/mem.h"

enum {
	MAGIC = 0x1a2b3c4d,
	HEAD = 8,   /* kind and length of a block */
	FRAME = 12, /* with the length again at its end */
	RESOLUTION_DEFAULT = 6,
	SECRETS_TLS = 0x544c534b /* "TLSK" */
};
/* Option codes of the blocks that have them. */
enum { OPT_END, OPT_COMMENT, SHB_APPLICATION = 4, IF_NAME = 2, IF_DESCRIPTION, IF_RESOLUTION = 9 };
enum { ISB_RECEIVED = 4, ISB_DROPPED };
enum { EPB_FLAGS = 2 };
enum { NAME_END, NAME_V4, NAME_V6 };

/* ---- writing: in the byte order of this machine, which the section header tells ---- */

static void put16(struct buf *out, uint16_t v) { buf_add(out, &v, sizeof(v)); }
static void put32(struct buf *out, uint32_t v) { buf_add(out, &v, sizeof(v)); }

static size_t padding(size_t n) { return -n & 3; }

static void pad(struct buf *out, size_t n) { buf_add(out, "\0\0\0", padding(n)); }

/* Returns where the block begins, for end(). */
static size_t begin(struct buf *out, enum pcapng_kind kind)
{
	size_t start = out->n;

	put32(out, kind);
	put32(out, 0);
	return start;
}

static void end(struct buf *out, size_t start)
{
	uint32_t length = (uint32_t)(out->n - start + 4);

	put32(out, length);
	if (buf_ok(out))
		memcpy(out->p + start + 4, &length, sizeof(length));
	else
		buf_cut(out, start);
}

static void put_option(struct buf *out, uint16_t code, const void *p, size_t n)
{
	if (n > UINT16_MAX)
		n = UINT16_MAX;
	put16(out, code);
	put16(out, (uint16_t)n);
	buf_add(out, p, n);
	pad(out, n);
}

static void put_text(struct buf *out, uint16_t code, struct str text)
{
	if (text.p)
		put_option(out, code, text.p, text.n);
}

static void put_end(struct buf *out) { put_option(out, OPT_END, NULL, 0); }

void pcapng_put_section(struct buf *out, struct str application, struct str comment)
{
	size_t start = begin(out, PCAPNG_SECTION);

	put32(out, MAGIC);
	put16(out, 1);
	put16(out, 0);
	put32(out, UINT32_MAX); /* length of the section: not known */
	put32(out, UINT32_MAX);
	put_text(out, OPT_COMMENT, comment);
	put_text(out, SHB_APPLICATION, application);
	put_end(out);
	end(out, start);
}

void pcapng_put_interface(struct buf *out, uint16_t link_type, struct str name, struct str description)
{
	size_t start = begin(out, PCAPNG_INTERFACE);
	uint8_t nanoseconds = 9;

	put16(out, link_type);
	put16(out, 0);
	put32(out, PCAPNG_SNAPLEN);
	put_text(out, IF_NAME, name);
	put_text(out, IF_DESCRIPTION, description);
	put_option(out, IF_RESOLUTION, &nanoseconds, 1);
	put_end(out);
	end(out, start);
}

void pcapng_put_names(struct buf *out, const struct pcapng_name *names, size_t n)
{
	size_t start = begin(out, PCAPNG_NAMES);

	for (size_t i = 0; i < n; i++) {
		size_t address = names[i].v6 ? 16 : 4, size = address + names[i].name.n + 1;

		if (size > UINT16_MAX)
			continue;
		put16(out, names[i].v6 ? NAME_V6 : NAME_V4);
		put16(out, (uint16_t)size);
		buf_add(out, names[i].address, address);
		buf_str(out, names[i].name);
		buf_char(out, '\0');
		pad(out, size);
	}
	put16(out, NAME_END);
	put16(out, 0);
	end(out, start);
}

void pcapng_put_secrets(struct buf *out, struct str lines)
{
	size_t start = begin(out, PCAPNG_SECRETS);

	put32(out, SECRETS_TLS);
	put32(out, (uint32_t)lines.n);
	buf_str(out, lines);
	pad(out, lines.n);
	end(out, start);
}

static void put_time(struct buf *out, int64_t time)
{
	put32(out, (uint32_t)((uint64_t)time >> 32));
	put32(out, (uint32_t)time);
}

void pcapng_put_packet(struct buf *out, const struct pcapng_packet *p)
{
	size_t start = begin(out, PCAPNG_PACKET);
	uint32_t way = p->way;

	put32(out, p->interface);
	put_time(out, p->time);
	put32(out, (uint32_t)p->data.n);
	put32(out, p->length);
	buf_str(out, p->data);
	pad(out, p->data.n);
	for (size_t i = 0; i < PCAPNG_COMMENTS_MAX && p->comments[i].p; i++)
		put_text(out, OPT_COMMENT, p->comments[i]);
	if (way)
		put_option(out, EPB_FLAGS, &way, sizeof(way));
	if (way || p->comments[0].p)
		put_end(out);
	end(out, start);
}

void pcapng_put_statistics(struct buf *out, uint32_t interface, int64_t time, uint64_t received, uint64_t dropped)
{
	size_t start = begin(out, PCAPNG_STATISTICS);

	put32(out, interface);
	put_time(out, time);
	put_option(out, ISB_RECEIVED, &received, sizeof(received));
	put_option(out, ISB_DROPPED, &dropped, sizeof(dropped));
	put_end(out);
	end(out, start);
}

/* ---- reading ---- */

static uint32_t get32(const struct pcapng_reader *r, const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return r->big_endian ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]
			     : (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static uint16_t get16(const struct pcapng_reader *r, const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint16_t)(r->big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

/* The option's value; absent if it is not there. */
static struct str find_option(const struct pcapng_reader *r, struct str options, uint16_t code)
{
	while (options.n >= 4) {
		uint16_t found = get16(r, options.p), n = get16(r, options.p + 2);
		size_t size = 4 + n + padding(n);

		if (found == OPT_END || size > options.n)
			break;
		if (found == code)
			return (struct str){options.p + 4, n};
		options.p += size;
		options.n -= size;
	}
	return STR_NONE;
}

/* To nanoseconds. What does not fit is none of this world's times. */
static int64_t to_time(uint64_t ticks, uint8_t resolution)
{
	unsigned digits = resolution & 0x7f;
	unsigned __int128 t = ticks;

	if (resolution & 0x80)
		t = digits < 64 ? t * 1000000000u >> digits : 0;
	for (; !(resolution & 0x80) && digits < 9; digits++)
		t *= 10;
	for (; !(resolution & 0x80) && digits > 9 && t; digits--)
		t /= 10;
	return t > INT64_MAX ? 0 : (int64_t)t;
}

/* Options begin at `at`, if there are any. */
static bool is_commented(const struct pcapng_reader *r, struct str body, size_t at)
{
	return at < body.n && find_option(r, (struct str){body.p + at, body.n - at}, OPT_COMMENT).p;
}

static int read_section(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	r->interface_n = 0;
	if (body.n < 16 || get16(r, body.p + 4) != 1)
		return ERR_SYNTAX;
	ret->commented = is_commented(r, body, 16);
	return 1;
}

static int read_interface(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	struct str resolution;

	if (body.n < 8)
		return ERR_SYNTAX;
	if (r->interface_n == PCAPNG_INTERFACES_MAX)
		return ERR_LIMIT;
	resolution = find_option(r, (struct str){body.p + 8, body.n - 8}, IF_RESOLUTION);
	ret->commented = is_commented(r, body, 8);
	ret->link_type = r->link_type[r->interface_n] = get16(r, body.p);
	r->resolution[r->interface_n++] = resolution.n == 1 ? (uint8_t)resolution.p[0] : RESOLUTION_DEFAULT;
	return 1;
}

static int read_packet(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	struct pcapng_packet *p = &ret->packet;
	uint32_t captured;

	if (body.n < 20)
		return ERR_SYNTAX;
	p->interface = get32(r, body.p);
	captured = get32(r, body.p + 12);
	if (p->interface >= r->interface_n || captured > body.n - 20)
		return ERR_SYNTAX;
	p->time = to_time((uint64_t)get32(r, body.p + 4) << 32 | get32(r, body.p + 8), r->resolution[p->interface]);
	p->length = get32(r, body.p + 16);
	p->data = (struct str){body.p + 20, captured};
	ret->link_type = r->link_type[p->interface];
	ret->commented = is_commented(r, body, 20 + (size_t)captured + padding(captured));
	return 1;
}

static uint64_t get64(const struct pcapng_reader *r, struct str s)
{
	uint64_t low, high;

	if (s.n != 8)
		return 0;
	low = get32(r, s.p + (r->big_endian ? 4 : 0));
	high = get32(r, s.p + (r->big_endian ? 0 : 4));
	return high << 32 | low;
}

static int read_statistics(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	struct str options, dropped;

	if (body.n < 12)
		return ERR_SYNTAX;
	options = (struct str){body.p + 12, body.n - 12};
	dropped = find_option(r, options, ISB_DROPPED);
	ret->packet.interface = get32(r, body.p);
	ret->received = get64(r, find_option(r, options, ISB_RECEIVED));
	ret->dropped = get64(r, dropped);
	ret->drops_told = dropped.n == 8;
	return 1;
}

static int read_secrets(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	if (body.n < 8 || get32(r, body.p + 4) > body.n - 8)
		return ERR_SYNTAX;
	if (get32(r, body.p) == SECRETS_TLS)
		ret->secrets = (struct str){body.p + 8, get32(r, body.p + 4)};
	return 1;
}

static int read_body(struct pcapng_reader *r, struct str body, struct pcapng_block *ret)
{
	switch (ret->kind) {
	case PCAPNG_SECTION:
		return read_section(r, body, ret);
	case PCAPNG_INTERFACE:
		return read_interface(r, body, ret);
	case PCAPNG_PACKET:
		return read_packet(r, body, ret);
	case PCAPNG_STATISTICS:
		return read_statistics(r, body, ret);
	case PCAPNG_SECRETS:
		return read_secrets(r, body, ret);
	case PCAPNG_NAMES:
		ret->names = body;
		return 1;
	default:
		return 1;
	}
}

/* A section header tells the byte order of its own length, too. False: it is none. */
static bool take_order(struct pcapng_reader *r, const char *magic)
{
	r->big_endian = false;
	if (get32(r, magic) == MAGIC)
		return true;
	r->big_endian = true;
	return get32(r, magic) == MAGIC;
}

void pcapng_reader_init(struct pcapng_reader *r) { *r = (struct pcapng_reader){0}; }

int pcapng_next(struct pcapng_reader *r, struct str *in, struct pcapng_block *ret)
{
	struct pcapng_block b = {0};
	uint32_t length;
	int err;

	if (in->n < FRAME)
		return 0;
	b.kind = get32(r, in->p); /* that of a section header is the same in both orders */
	if (b.kind == PCAPNG_SECTION ? !take_order(r, in->p + HEAD) : !r->started)
		return ERR_SYNTAX;
	length = get32(r, in->p + 4);
	if (length < FRAME || length % 4)
		return ERR_SYNTAX;
	if (length > PCAPNG_BLOCK_MAX)
		return ERR_LIMIT;
	if (in->n < length)
		return 0;
	if (get32(r, in->p + length - 4) != length)
		return ERR_SYNTAX;
	b.raw = (struct str){in->p, length};
	err = read_body(r, (struct str){in->p + HEAD, length - FRAME}, &b);
	if (err < 0)
		return err;
	r->started = true;
	in->p += length;
	in->n -= length;
	*ret = b;
	return 1;
}

bool pcapng_next_name(const struct pcapng_reader *r, struct str *names, struct pcapng_name *ret)
{
	while (names->n >= 4) {
		uint16_t kind = get16(r, names->p), n = get16(r, names->p + 2);
		size_t size = 4 + n + padding(n), address = kind == NAME_V6 ? 16 : 4;
		const char *record = names->p + 4;

		if (kind == NAME_END || size > names->n)
			return false;
		names->p += size;
		names->n -= size;
		if ((kind != NAME_V4 && kind != NAME_V6) || n <= address)
			continue;
		*ret = (struct pcapng_name){.v6 = kind == NAME_V6,
			.name = {record + address, strnlen(record + address, n - address)}};
		memcpy(ret->address, record, address);
		return true;
	}
	return false;
}
