#include "trace/dissect.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/hosts.h"
#include "trace/tshark.h"

#define SEPARATOR "\x1f"
#define AGGREGATOR "\x1e"
enum { SEPARATOR_BYTE = 0x1f, AGGREGATOR_BYTE = 0x1e };

static const char *const names[FIELDS] = {
	[F_NUMBER] = "frame.number",
	[F_TIME] = "frame.time_relative",
	[F_PROTOCOL] = "_ws.col.Protocol",
	[F_INFO] = "_ws.col.Info",
	[F_IP_FROM] = "ip.src",
	[F_IP_TO] = "ip.dst",
	[F_IP6_FROM] = "ipv6.src",
	[F_IP6_TO] = "ipv6.dst",
	[F_HOST_FROM] = "ip.src_host",
	[F_HOST_TO] = "ip.dst_host",
	[F_STREAM] = "tcp.stream",
	[F_PORT_FROM] = "tcp.srcport",
	[F_PORT_TO] = "tcp.dstport",
	[F_FLAGS] = "tcp.flags",
	[F_SEQ] = "tcp.seq",
	[F_SEQ_RAW] = "tcp.seq_raw",
	[F_ACK] = "tcp.ack",
	[F_ACK_RAW] = "tcp.ack_raw",
	[F_LEN] = "tcp.len",
	[F_WINDOW] = "tcp.window_size",
	[F_WINDOW_SCALE] = "tcp.window_size_scalefactor",
	[F_MSS] = "tcp.options.mss_val",
	[F_WSCALE] = "tcp.options.wscale.shift",
	[F_SACK] = "tcp.options.sack_perm",
	[F_TIMESTAMP] = "tcp.options.timestamp.tsval",
	[F_RETRANSMISSION] = "tcp.analysis.retransmission",
	[F_NEEDLESS] = "tcp.analysis.spurious_retransmission",
	[F_RTO] = "tcp.analysis.rto",
	[F_OUT_OF_ORDER] = "tcp.analysis.out_of_order",
	[F_DUPLICATE_ACK] = "tcp.analysis.duplicate_ack",
	[F_TWICE_FROM] = "tcp.options.sack.dsack_le",
	[F_TWICE_TO] = "tcp.options.sack.dsack_re",
	[F_KEEPALIVE] = "tcp.analysis.keep_alive",
	[F_KEEPALIVE_ACK] = "tcp.analysis.keep_alive_ack",
	[F_INITIAL_RTT] = "tcp.analysis.initial_rtt",
	[F_ACK_RTT] = "tcp.analysis.ack_rtt",
	[F_SEGMENTS] = "tcp.segment",
	[F_TLS_LENGTH] = "tls.record.length",
	[F_TLS_CONTENT] = "tls.record.content_type",
	[F_TLS_TYPE] = "tls.handshake.type",
	[F_TLS_VERSION] = "tls.handshake.extensions.supported_version",
	[F_TLS_CIPHER] = "tls.handshake.ciphersuite",
	[F_TLS_ALERT] = "tls.alert_message.desc",
	[F_ENCRYPTED] = "tls.record.opaque_type",
	[F_DNS_RESPONSE] = "dns.flags.response",
	[F_DNS_NAME] = "dns.qry.name",
	[F_DNS_TTL] = "dns.resp.ttl",
	[F_DNS_AUTHORITY] = "dns.count.auth_rr",
	[F_DNS_INSTANCE] = "dns.ptr.domain_name",
	[F_SRV_PORT] = "dns.srv.port",
	[F_CHAT] = "chat.row",
	[F_COMMENT] = "frame.comment",
	[F_FRAME_LEN] = "frame.len",
	[F_MAC_FROM] = "eth.src",
	[F_MAC_TO] = "eth.dst",
	[F_HOST6_FROM] = "ipv6.src_host",
	[F_HOST6_TO] = "ipv6.dst_host",
};

/* ---- fields ---- */

struct str field_first(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	struct str rest = field_of(d, f, i);

	return str_cut(&rest, AGGREGATOR_BYTE);
}

static uint32_t number(struct str s)
{
	uint64_t n = 0;

	return str_uint(s, UINT32_MAX, &n) == 0 ? (uint32_t)n : 0;
}

/* "0x0018", or a decimal number. */
static unsigned flags_of(struct str s)
{
	char text[16] = "";

	memcpy(text, s.p, s.n < sizeof(text) - 1 ? s.n : sizeof(text) - 1);
	return (unsigned)strtoul(text, NULL, 0);
}

static double seconds(struct str s)
{
	char text[40] = "";

	memcpy(text, s.p, s.n < sizeof(text) - 1 ? s.n : sizeof(text) - 1);
	return strtod(text, NULL);
}

double field_number(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	return seconds(field_first(d, f, i));
}

uint32_t field_uint(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	return number(field_first(d, f, i));
}

static void take_tcp(struct dissected *d, struct dissected_frame *f)
{
	f->stream = field_has(f, F_STREAM) ? (int32_t)(number(field_first(d, f, F_STREAM)) & INT32_MAX) : -1;
	if (f->stream > DISSECTED_FRAMES_MAX) /* they are counted, one connection a frame at most */
		f->stream = -1;
	if (f->stream < 0)
		return;
	f->flags = flags_of(field_first(d, f, F_FLAGS));
	f->seq = number(field_first(d, f, F_SEQ));
	f->ack = number(field_first(d, f, F_ACK));
	f->len = number(field_first(d, f, F_LEN));
	f->bare_ack = f->len == 0 && (f->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
	if ((uint32_t)f->stream >= d->stream_n)
		d->stream_n = (uint32_t)f->stream + 1;
}

static struct dissected_frame *add_frame(struct dissected *d)
{
	if (d->n == DISSECTED_FRAMES_MAX) {
		d->cut = true;
		return NULL;
	}
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 256;
		d->frames = xrealloc(d->frames, d->cap * sizeof(*d->frames));
	}
	d->frames[d->n] = (struct dissected_frame){.shown = true};
	return &d->frames[d->n++];
}

bool dissect_line(struct dissected *d, struct str line)
{
	size_t at = d->text.n;
	struct dissected_frame *f;
	struct str rest;

	buf_str(&d->text, line);
	f = buf_ok(&d->text) ? add_frame(d) : NULL;
	if (!f) {
		d->cut = true;
		return false;
	}
	rest = (struct str){d->text.p + at, line.n};
	for (int i = 0; i < FIELDS && rest.p; i++) {
		struct str one = str_cut(&rest, SEPARATOR_BYTE);

		f->field[i].at = (uint32_t)(one.p - d->text.p);
		f->field[i].n = (uint32_t)one.n;
	}
	f->number = number(field_first(d, f, F_NUMBER));
	f->time = seconds(field_first(d, f, F_TIME));
	take_tcp(d, f);
	hosts_take(d, f);
	return true;
}

bool dissected_stanzas(const struct dissected *d)
{
	bool any = false;

	for (uint32_t i = 0; i < d->n; i++) {
		if (d->frames[i].stream >= 0 || !field_has(&d->frames[i], F_CHAT))
			return false;
		any = true;
	}
	return any;
}

uint32_t dissected_shown(const struct dissected *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++)
		n += d->frames[i].shown;
	return n;
}

/* ---- discovery ---- */

static bool has_goodbye(const struct dissected *d, const struct dissected_frame *f)
{
	struct str all = field_of(d, f, F_DNS_TTL);

	while (all.p && all.n)
		if (str_is(str_cut(&all, AGGREGATOR_BYTE), "0"))
			return true;
	return false;
}

enum discovery frame_discovery(const struct dissected *d, const struct dissected_frame *f)
{
	struct str response = field_first(d, f, F_DNS_RESPONSE);

	if (!str_is(response, "1") && !str_is(response, "True"))
		return DISCOVERY_ASKS;
	if (has_goodbye(d, f))
		return DISCOVERY_GOODBYE;
	return field_has(f, F_SRV_PORT) ? DISCOVERY_HERE : DISCOVERY_ANSWER;
}

/* Of all values the first "alice@alpha._presence._tcp.local" -> "alice@alpha". */
struct str discovered(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	struct str all = field_of(d, f, i), name = STR_NONE;

	while (all.p && all.n) {
		const char *at;

		name = str_cut(&all, AGGREGATOR_BYTE);
		at = name.n ? memmem(name.p, name.n, "._presence._tcp", 15) : NULL;
		if (at)
			return (struct str){name.p, (size_t)(at - name.p)};
	}
	return name.n ? name : STR("somebody");
}

/* ---- events ---- */

static int hex_digit(char c)
{
	const char *all = "0123456789ABCDEF", *at = c ? strchr(all, c) : NULL;

	return at ? (int)(at - all) : -1;
}

static struct str unquote(struct str s, struct buf *store)
{
	size_t at = store->n;

	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;

		if (low >= 0) {
			buf_char(store, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_char(store, s.p[i]);
		}
	}
	return buf_ok(store) ? (struct str){store->p ? store->p + at : "", store->n - at} : STR("");
}

static enum room_part room_part(struct str name)
{
	static const char *const parts[] = {[ROOM_SENT] = "sent", [ROOM_BACK] = "back", [ROOM_COPY] = "copy"};

	for (size_t i = ROOM_SENT; i < ARRAY_LEN(parts); i++)
		if (str_is(name, parts[i]))
			return (enum room_part)i;
	return ROOM_NONE;
}

bool chat_next(struct str *rows, struct buf *store, struct chat_event *ret)
{
	struct str row, part[16];

	if (!rows->p || !rows->n)
		return false;
	row = str_cut(rows, AGGREGATOR_BYTE);
	buf_reset(store);
	/* Room for all at once, so that nothing moves. */
	if (!buf_room(store, row.n + 1))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		part[i] = row.p ? str_cut(&row, '|') : STR("");
		if (i < 6 || i == 8 || i == 12 || i == 14)
			part[i] = unquote(part[i], store);
	}
	*ret = (struct chat_event){.kind = part[0],
		.stanza = part[1],
		.id = part[2],
		.from = part[3],
		.to = part[4],
		.text = part[5],
		.speaker = part[12].n ? part[12] : part[3],
		.key = part[8],
		.other = number(part[6]),
		.latency = seconds(part[7]),
		.size = number(part[9]),
		.after = number(part[11]),
		.room = room_part(part[13]),
		.room_key = part[14],
		.of_room = part[15].n > 0};
	str_uint(part[10], UINT64_MAX, &ret->at);
	return true;
}

/* ---- all ---- */

static bool on_line(void *arg, struct str line) { return dissect_line(arg, line); }

void dissect_command(const char **argv, int at)
{
	static const char *const format[] = {"-T", "fields", "-E", "separator=" SEPARATOR, "-E",
		"aggregator=" AGGREGATOR, "-E", "occurrence=a"};

	memcpy(argv + at, format, sizeof(format));
	at += ARRAY_LEN(format);
	for (int i = 0; i < FIELDS; i++) {
		argv[at++] = "-e";
		argv[at++] = names[i];
	}
	argv[at] = NULL;
}

struct choosing {
	struct dissected *d;
	uint32_t next;
};

/* Numbers come in order. */
static bool on_chosen(void *arg, struct str line)
{
	struct choosing *c = arg;
	uint32_t n = number(line);

	while (c->next < c->d->n && c->d->frames[c->next].number < n)
		c->next++;
	if (c->next < c->d->n && c->d->frames[c->next].number == n)
		c->d->frames[c->next].shown = true;
	return true;
}

static int choose(const char *file, const char *filter, struct dissected *d, struct buf *why)
{
	const char *argv[] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o", dissect_order(d->as_it_came), "-r", file,
		"-Y", filter, "-T", "fields", "-e", "frame.number", NULL};
	struct choosing c = {.d = d};

	for (uint32_t i = 0; i < d->n; i++)
		d->frames[i].shown = false;
	buf_reset(why); /* a word about the file comes again */
	return tshark_run(argv, on_chosen, &c, why);
}

static bool waits(const struct dissected *d, const struct dissected_frame *f, bool growing)
{
	struct hole hole;

	if (!f->len || f->stream < 0 || field_has(f, F_CHAT) || (growing && !f->acked_by) || !hole_before(d, f, &hole))
		return false;
	/* With its secrets in the file it is read record by record, and behind a missing one no more. */
	return !f->encrypted || !connection_facts(d, f->stream).decrypted;
}

bool dissected_waits(const struct dissected *d, uint32_t from, bool growing)
{
	for (uint32_t i = from; i < d->n; i++)
		if (waits(d, &d->frames[i], growing))
			return true;
	return false;
}

const char *dissect_order(bool as_it_came)
{
	return as_it_came ? "tcp.reassemble_out_of_order:FALSE" : "tcp.reassemble_out_of_order:TRUE";
}

static int read_all(const char *file, bool as_it_came, struct dissected *d, struct buf *why)
{
	const char *argv[TSHARK_ARGS_MAX] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o", dissect_order(as_it_came),
		"-r", file};
	int err;

	dissect_command(argv, 8);
	*d = (struct dissected){.as_it_came = as_it_came};
	buf_init(&d->text, (size_t)1 << 30);
	err = tshark_run(argv, on_line, d, why);
	if (!err)
		dissect_end(d);
	return err;
}

static int read_well(const char *file, struct dissected *d, struct buf *why)
{
	int err = read_all(file, false, d, why);

	if (err || !dissected_waits(d, 0, false))
		return err;
	dissected_clear(d);
	buf_reset(why);
	return read_all(file, true, d, why);
}

static bool on_gap(void *arg, struct str line)
{
	*(bool *)arg = true;
	return false;
}

bool dissect_as_it_came(const char *file)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	const char *argv[] = {"tshark", "-r", file, "-Y", "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment",
		"-T", "fields", "-e", "frame.number", NULL};
	struct dissected d = {0};
	bool gap = false, as_it_came;

	/* What is only late makes such a mark, too: then all of it must be looked at. */
	if (tshark_run(argv, on_gap, &gap, &why) == 0 && gap)
		read_well(file, &d, &why);
	as_it_came = d.as_it_came;
	dissected_clear(&d);
	return as_it_came;
}

int dissect(const char *file, const char *filter, struct dissected *ret, struct buf *why)
{
	int err = read_well(file, ret, why);

	if (!err && filter)
		err = choose(file, filter, ret, why);
	if (!err && filter && ret->n && !dissected_shown(ret))
		buf_fmt(why, "%sthe filter lets none of the %u frames through", why->n ? "; " : "", ret->n);
	if (err)
		dissected_clear(ret);
	else
		capture_dropped(file, ret);
	return err;
}

void dissected_clear(struct dissected *d)
{
	hosts_clear(d);
	xfree(d->frames);
	track_free(&d->track);
	buf_clear(&d->text);
	*d = (struct dissected){0};
}
