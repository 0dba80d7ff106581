#include "trace/import.h"

#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/pcapng.h"

enum { LINE_BYTES = 16, MIDDLE = 8, RAW_IP = 101, NANO = 1000000000, STEP = 1000000, DIGITS_OF_NANO = 9 };
#define EPOCH_MAX 7000000000 /* seconds, of which the nanoseconds still fit */

struct import {
	const struct import_options *o;
	struct buf *out;
	struct buf data; /* of the packet that is being read */
	bool open, begun, back, next_back;
	bool skip, next_skip; /* no packet, but what Wireshark made of several */
	int64_t time, next_time, last_time;
	uint32_t seq[2];
	unsigned packets;
};

/* ---- times ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Eats a number of min to max digits. */
static bool eat_number(struct str *s, unsigned min, unsigned max, int64_t *ret)
{
	unsigned n = 0;
	int64_t v = 0;

	while (n < s->n && n < max && is_digit(s->p[n]))
		v = 10 * v + (s->p[n++] - '0');
	if (n < min)
		return false;
	*s = (struct str){s->p + n, s->n - n};
	*ret = v;
	return true;
}

static bool eat(struct str *s, const char *any)
{
	if (!s->n || !s->p[0] || !strchr(any, s->p[0]))
		return false;
	*s = (struct str){s->p + 1, s->n - 1};
	return true;
}

/* ".976123" -> nanoseconds; more digits than that are passed over. */
static int64_t eat_fraction(struct str *s)
{
	int64_t v = 0;
	unsigned n = 0;

	if (!eat(s, ".,"))
		return 0;
	for (; s->n && is_digit(s->p[0]); n++) {
		if (n < DIGITS_OF_NANO)
			v = 10 * v + (s->p[0] - '0');
		*s = (struct str){s->p + 1, s->n - 1};
	}
	for (; n < DIGITS_OF_NANO; n++)
		v *= 10;
	return v;
}

/* "22:49:13.976123" -> nanoseconds of the day. */
static bool eat_clock(struct str *s, int64_t *ret)
{
	int64_t h, m, sec;

	if (!eat_number(s, 1, 2, &h) || !eat(s, ":") || !eat_number(s, 2, 2, &m) || !eat(s, ":") ||
		!eat_number(s, 2, 2, &sec) || h > 23 || m > 59 || sec > 60)
		return false;
	*ret = (h * 3600 + m * 60 + sec) * NANO + eat_fraction(s);
	return true;
}

/* "Z", "+01:00" or nothing, which is taken as Z. */
static int64_t eat_zone(struct str *s)
{
	bool west = s->n && s->p[0] == '-';
	int64_t h, m = 0;

	if (eat(s, "Zz") || !eat(s, "+-") || !eat_number(s, 2, 2, &h))
		return 0;
	eat(s, ":");
	eat_number(s, 2, 2, &m);
	return (west ? -1 : 1) * (h * 3600 + m * 60) * NANO;
}

/* "2026-11-26T22:49:13.976123Z", also with a blank in the middle. */
static bool eat_date(struct str s, int64_t *ret)
{
	struct tm day = {0};
	int64_t y, m, d, clock;

	if (!eat_number(&s, 4, 4, &y) || !eat(&s, "-/") || !eat_number(&s, 2, 2, &m) || !eat(&s, "-/") ||
		!eat_number(&s, 2, 2, &d) || !eat(&s, "Tt ") || !eat_clock(&s, &clock) || y < 1970 || y > 2200 ||
		m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	day.tm_year = (int)y - 1900;
	day.tm_mon = (int)m - 1;
	day.tm_mday = (int)d;
	*ret = (int64_t)timegm(&day) * NANO + clock - eat_zone(&s);
	return true;
}

/* Seconds since 1970, with a fraction. */
static bool eat_epoch(struct str s, int64_t *ret)
{
	int64_t v;

	if (!eat_number(&s, 9, 10, &v) || v > EPOCH_MAX || !s.n || s.p[0] != '.')
		return false;
	*ret = v * NANO + eat_fraction(&s);
	return true;
}

/* The first time on the line, whatever stands around it. */
static bool find_time(struct str line, int64_t *ret)
{
	for (size_t i = 0; i < line.n; i++) {
		struct str rest = {line.p + i, line.n - i};

		if (!is_digit(line.p[i]) || (i && is_digit(line.p[i - 1])))
			continue;
		if (eat_date(rest, ret) || eat_epoch(rest, ret) || eat_clock(&rest, ret))
			return true;
	}
	return false;
}

/* ---- packets ---- */

static void put_payload(struct import *im)
{
	const struct packet_end *ends[2] = {im->o->from, im->o->to};
	CLEANUP(buf_clear) struct buf frame = {.max = PACKET_PAYLOAD_MAX + 200};

	packet_put_tcp(ends[im->back], ends[!im->back], im->seq[im->back], im->seq[!im->back], buf_view(&im->data),
		&frame);
	im->seq[im->back] += (uint32_t)im->data.n;
	pcapng_put_packet(im->out,
		&(struct pcapng_packet){.time = im->time, .length = (uint32_t)frame.n, .data = buf_view(&frame)});
}

/* Is it an IP packet without a frame around it? Its length says so. */
static bool is_raw_ip(const struct buf *b)
{
	unsigned version = b->n >= 20 ? (uint8_t)b->p[0] >> 4 : 0;
	size_t at = version == 4 ? 2 : 4, more = version == 4 ? 0 : 40;

	if (version != 4 && (version != 6 || b->n < 40))
		return false;
	return ((size_t)(uint8_t)b->p[at] << 8 | (uint8_t)b->p[at + 1]) + more == b->n;
}

static void begin_file(struct import *im)
{
	uint16_t link = !im->o->from && is_raw_ip(&im->data) ? RAW_IP : PCAPNG_ETHERNET;

	if (im->begun)
		return;
	pcapng_put_section(im->out, STR("Wireside " WIRESIDE_VERSION),
		im->o->from ? STR("imported from a text: addresses and headers are made up")
			    : STR("imported from a text"));
	pcapng_put_interface(im->out, link, STR("text"), STR("hexadecimal dump"));
	im->begun = true;
}

static void end_packet(struct import *im)
{
	if (!im->open || !im->data.n || im->skip)
		return;
	begin_file(im);
	if (im->o->from)
		put_payload(im);
	else
		pcapng_put_packet(im->out,
			&(struct pcapng_packet){.time = im->time,
				.length = (uint32_t)im->data.n,
				.data = buf_view(&im->data)});
	im->last_time = im->time;
	im->packets++;
	im->open = false;
}

/* Without a time of its own it comes a millisecond after the one before. */
static void begin_packet(struct import *im)
{
	end_packet(im);
	buf_reset(&im->data);
	im->open = true;
	im->back = im->next_back;
	im->skip = im->next_skip;
	im->next_skip = false;
	im->time = im->next_time >= 0 ? im->next_time : im->last_time + STEP;
	im->next_time = -1;
}

/* ---- lines ---- */

static int hex_digit(char c)
{
	const char *all = "0123456789abcdef", *at;

	c = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
	at = c ? strchr(all, c) : NULL;
	return at ? (int)(at - all) : -1;
}

static size_t hex_run(struct str s)
{
	size_t n = 0;

	while (n < s.n && hex_digit(s.p[n]) >= 0)
		n++;
	return n;
}

static size_t blanks(struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

static struct str after(struct str s, size_t n) { return (struct str){s.p + n, s.n - n}; }

/* "0010", "0x0010:", "00000010" at the beginning; false: this is no line of a dump. */
static bool eat_offset(struct str *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n;

	*s = after(*s, blanks(*s));
	if (str_starts(*s, STR("0x")))
		*s = after(*s, 2);
	n = hex_run(*s);
	if (n < 3 || n > 8)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 4 | (unsigned)hex_digit(s->p[i]);
	*s = after(*s, n);
	eat(s, ":");
	*ret = v;
	return !s->n || blanks(*s) > 0;
}

/* Bytes in groups of one to four, until what they mean as text begins: a wider gap, a bar, sixteen of them. */
static unsigned read_bytes(struct str s, uint8_t bytes[LINE_BYTES])
{
	unsigned n = 0;

	while (n < LINE_BYTES) {
		size_t gap = blanks(s), run;

		if (gap > 2 && n)
			break;
		if (gap == 2 && n && n != MIDDLE)
			break;
		s = after(s, gap);
		run = hex_run(s);
		if (!run || run % 2 || run > 8 || n + run / 2 > LINE_BYTES ||
			(run < s.n && s.p[run] != ' ' && s.p[run] != '\t'))
			break;
		for (size_t i = 0; i < run; i += 2)
			bytes[n++] = (uint8_t)(hex_digit(s.p[i]) << 4 | hex_digit(s.p[i + 1]));
		s = after(s, run);
	}
	return n;
}

/* What stands before a dump. */
static void take_heading(struct import *im, struct str line)
{
	struct str text = str_trim(line);
	int64_t time;

	if (text.n && strchr("><OI", text.p[0]) && text.p[0] && (text.n == 1 || text.p[1] == ' ' || text.p[1] == '\t'))
		im->next_back = text.p[0] == '<' || text.p[0] == 'I';
	if (find_time(text, &time))
		im->next_time = time;
	/* "Reassembled TCP (5106 bytes):", behind "Frame (828 bytes):". */
	im->next_skip = str_ends(text, STR(" bytes):")) && !str_starts(text, STR("Frame ("));
}

static int take_line(struct import *im, struct str line, struct buf *why)
{
	uint8_t bytes[LINE_BYTES];
	struct str rest = line;
	uint64_t offset = 0;
	unsigned n = 0;
	bool dump = eat_offset(&rest, &offset);

	if (dump)
		n = read_bytes(rest, bytes);
	if (!n) {
		/* An offset alone ends the dumps of od and hexdump. */
		if (!dump || offset != im->data.n)
			take_heading(im, line);
		return 0;
	}
	if (offset == 0)
		begin_packet(im);
	if (!im->open || offset != im->data.n) {
		buf_fmt(why, "offset %llx where %zx was to come (lines of more than %d bytes are not understood)",
			(unsigned long long)offset, im->open ? im->data.n : 0, LINE_BYTES);
		return ERR_SYNTAX;
	}
	buf_add(&im->data, bytes, n);
	if (!buf_ok(&im->data)) {
		buf_z(why, "a packet is too long");
		return ERR_LIMIT;
	}
	return 0;
}

static int read_all(struct import *im, struct str text, struct buf *why)
{
	CLEANUP(buf_clear) struct buf what = {.max = 1000};
	unsigned number = 0;
	int err = 0;

	while (!err && text.p && text.n) {
		number++;
		err = take_line(im, str_trim(str_cut(&text, '\n')), &what);
		if (!err && !buf_ok(im->out)) {
			buf_z(&what, "the file would be too long");
			err = ERR_LIMIT;
		}
	}
	if (err)
		buf_fmt(why, "line %u: %s", number, buf_cstr(&what));
	return err;
}

int import_text(struct str text, const struct import_options *o, struct buf *out, unsigned *ret_packets,
	struct buf *why)
{
	struct import im = {.o = o, .out = out, .next_time = -1, .last_time = -STEP, .seq = {1, 1}};
	int err;

	buf_init(&im.data, o->from ? PACKET_PAYLOAD_MAX : PCAPNG_SNAPLEN);
	err = read_all(&im, text, why);
	if (!err) {
		end_packet(&im);
		*ret_packets = im.packets;
	}
	if (!err && !im.packets) {
		buf_z(why, "there is no packet in it: lines with an offset and bytes, both hexadecimal");
		err = ERR_SYNTAX;
	}
	buf_clear(&im.data);
	return err;
}
