/* What a frame is, in words. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trace/ladder.h"

enum { TEXT_SHOWN = 60, EVENT_TEXT_MAX = 1 << 20, SEGMENTS_SHOWN = 8, LOOK_BACK = 1000 };

static const struct {
	unsigned number;
	const char *name;
} ciphers[] = {
	{0x1301, "AES-128-GCM with SHA-256"},
	{0x1302, "AES-256-GCM with SHA-384"},
	{0x1303, "ChaCha20-Poly1305"},
	{0xc02b, "ECDHE-ECDSA, AES-128-GCM"},
	{0xc02c, "ECDHE-ECDSA, AES-256-GCM"},
	{0xc02f, "ECDHE-RSA, AES-128-GCM"},
	{0xc030, "ECDHE-RSA, AES-256-GCM"},
};

const char *tls_cipher_name(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (ciphers[i].number == number)
			return ciphers[i].name;
	return "another cipher";
}

static const struct {
	unsigned bit;
	const char *name;
} flag_names[] = {{TCP_SYN, "SYN"}, {TCP_FIN, "FIN"}, {TCP_RST, "RST"}, {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"}};

void tcp_flags_put(unsigned flags, struct buf *out)
{
	const char *gap = "";

	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++)
		if (flags & flag_names[i].bit) {
			buf_fmt(out, "%s%s", gap, flag_names[i].name);
			gap = " ";
		}
}

/* A capture of ours has names for addresses: what its user calls those people. Names of machines have a domain. */
static bool is_label(const struct dissected_host *h)
{
	return h->name.n && !str_eq(h->name, h->address) && !memchr(h->name.p, '.', h->name.n) &&
		!memchr(h->name.p, ':', h->name.n);
}

/* Of one account there may be several programs: all but the first say which one they are. */
static bool is_second(const struct dissected *d, unsigned host)
{
	for (unsigned i = 0; i < host; i++)
		if (strcmp(d->hosts[i].person, d->hosts[host].person) == 0 &&
			str_eq(d->hosts[i].address, d->hosts[host].address))
			return true;
	return false;
}

void host_label(const struct dissected *d, unsigned host, struct buf *out)
{
	const struct dissected_host *h = &d->hosts[host < d->host_n ? host : 0];
	struct str person = host < d->host_n ? str_z(h->person) : STR_NONE;

	if (host >= d->host_n) {
		buf_z(out, "somebody");
	} else if (person.n && (h->port || !is_label(h))) {
		buf_str(out, str_cut(&person, '@'));
		if (h->port && is_second(d, host))
			buf_fmt(out, " (port %u)", h->port);
	} else if (h->port) {
		buf_fmt(out, memchr(h->address.p, ':', h->address.n) ? "[%.*s]:%u" : "%.*s:%u", STR_FMT(h->address),
			h->port);
	} else {
		buf_fmt(out, "%s%.*s", h->rest ? "others at " : "", STR_FMT(h->name));
	}
}

void host_ports(const struct dissected_host *h, struct buf *out)
{
	if (!h->port)
		return;
	buf_fmt(out, ", port %u", h->port);
	if (h->listens && h->listens != h->port)
		buf_fmt(out, " and %u", h->listens);
	else if (h->more_ports)
		buf_z(out, " and others");
}

/* Whoever speaks on the streams of this host is called as the host is. */
void speaker_label(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct buf *out)
{
	const char *person = f->from < d->host_n ? d->hosts[f->from].person : "";
	struct str rest = e->speaker;

	if (!e->from.n || (*person && str_is(e->speaker, person)))
		host_label(d, f->from, out);
	else
		buf_str(out, str_cut(&rest, '@'));
}

/* ---- TCP ---- */

const char *tcp_mark_name(const struct dissected_frame *f)
{
	if (f->flags & TCP_SYN)
		return f->flags & TCP_ACK ? "SYN,ACK" : "SYN";
	return f->flags & TCP_FIN ? "FIN" : "segment";
}

const char *tcp_mark_needless(const struct dissected_frame *f)
{
	if ((f->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return "the first had arrived, or this only answers the SYN that came again";
	return "the first had arrived";
}

static void put_syn(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	buf_fmt(out, "SYN%s  sequence number %.*s (absolute)", f->flags & TCP_ACK ? ", ACK" : "",
		STR_FMT(field_first(d, f, F_SEQ_RAW)));
	if (f->flags & TCP_ACK)
		buf_fmt(out, ", acknowledges %.*s", STR_FMT(field_first(d, f, F_ACK_RAW)));
	buf_fmt(out, ", window %.*s", STR_FMT(field_first(d, f, F_WINDOW)));
	if (field_has(f, F_MSS))
		buf_fmt(out, ", MSS %.*s", STR_FMT(field_first(d, f, F_MSS)));
	if (field_has(f, F_WSCALE))
		buf_fmt(out, ", window scale 2^%.*s", STR_FMT(field_first(d, f, F_WSCALE)));
	buf_z(out, field_has(f, F_SACK) ? ", SACK" : "");
	buf_z(out, field_has(f, F_TIMESTAMP) ? ", timestamps" : "");
}

void first_sent_put(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	uint32_t first = frame_first_sent(d, f);

	if (first)
		buf_fmt(out, "; first sent in frame %u, %.1f ms before", d->frames[first - 1].number,
			(f->time - d->frames[first - 1].time) * 1e3);
}

/* Only data is worth words of its own; a SYN that is sent again says so beside what it is. */
static void put_again(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	if (f->again == AGAIN_LATE && f->len) {
		buf_fmt(out, "OUT OF ORDER: %u bytes from sequence number %u come after later ones", f->len, f->seq);
		return;
	}
	if (!f->len) {
		buf_fmt(out, "%s the %s", f->again == AGAIN_LATE ? "OUT OF ORDER:" : "RETRANSMISSION of",
			tcp_mark_name(f));
		if (f->again == AGAIN_NEEDLESS)
			buf_fmt(out, ", NEEDLESS: %s", tcp_mark_needless(f));
		return;
	}
	buf_fmt(out, "RETRANSMISSION of %u bytes from sequence number %u", f->len, f->seq);
	if (f->needless_by)
		buf_fmt(out, ", NEEDLESS: they had arrived, as frame %u says (D-SACK)",
			d->frames[f->needless_by - 1].number);
	else if (f->again == AGAIN_NEEDLESS)
		buf_z(out, ", NEEDLESS: they were acknowledged already");
	else if (!f->had)
		buf_z(out, ": the first time they were lost on their way here");
	else if (field_has(f, F_RTO) && !frame_first_sent(d, f))
		buf_fmt(out, ": nobody had acknowledged them for %.0f ms", field_number(d, f, F_RTO) * 1e3);
	first_sent_put(d, f, out);
}

static bool put_tcp(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	if (f->again) {
		put_again(d, f, out);
	} else if (f->flags & TCP_SYN) {
		put_syn(d, f, out);
	} else if (f->flags & TCP_RST) {
		buf_z(out, "RST: whatever comes is thrown away");
	} else if (field_has(f, F_KEEPALIVE)) {
		buf_z(out, "TCP keepalive: are you there?");
	} else if (field_has(f, F_KEEPALIVE_ACK)) {
		buf_z(out, "TCP keepalive: I am");
	} else if (f->flags & TCP_FIN && !f->len) {
		buf_fmt(out, "FIN  sequence number %u: says no more", f->seq);
	} else if (f->completes) {
		buf_z(out, "ACK  handshake complete");
		if (field_has(f, F_INITIAL_RTT))
			buf_fmt(out, ", round trip %.3f ms", field_number(d, f, F_INITIAL_RTT) * 1e3);
	} else if (field_has(f, F_DUPLICATE_ACK)) {
		buf_fmt(out, "duplicate ACK: still waits for %u", f->ack);
	} else if (f->bare_ack) {
		buf_fmt(out, "ACK  up to %u", f->ack);
	} else {
		return false;
	}
	return true;
}

/* ---- TLS ---- */

static bool is_server_hello(const struct dissected *d, const struct dissected_frame *f)
{
	struct str types = field_of(d, f, F_TLS_TYPE);

	while (types.p)
		if (str_is(str_cut(&types, 0x1e), "2"))
			return true;
	return false;
}

/* "Server Hello, Certificate": tshark's own words. */
static void put_tls(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	buf_fmt(out, "TLS: %.*s", STR_FMT(field_of(d, f, F_INFO)));
	if (is_server_hello(d, f)) {
		CLEANUP(buf_clear) struct buf cipher = {.max = 32};

		buf_str(&cipher, field_first(d, f, F_TLS_CIPHER));
		buf_fmt(out, "  (%s, %s)", str_is(field_first(d, f, F_TLS_VERSION), "0x0304") ? "TLS 1.3" : "TLS 1.2",
			tls_cipher_name((unsigned)strtoul(buf_cstr(&cipher), NULL, 0)));
	}
}

/* ---- discovery ---- */

static void put_mdns(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	enum discovery what = frame_discovery(d, f);
	struct str instance = discovered(d, f, F_DNS_INSTANCE), asked = discovered(d, f, F_DNS_NAME);

	if (what == DISCOVERY_GOODBYE)
		buf_fmt(out, "mDNS: %.*s says goodbye", STR_FMT(instance));
	else if (what == DISCOVERY_HERE)
		buf_fmt(out, "mDNS: %.*s is here, on port %.*s", STR_FMT(instance),
			STR_FMT(field_first(d, f, F_SRV_PORT)));
	else if (what == DISCOVERY_ANSWER)
		buf_z(out, "mDNS: an answer");
	else if (field_has(f, F_DNS_AUTHORITY) && !str_is(field_first(d, f, F_DNS_AUTHORITY), "0"))
		buf_fmt(out, "mDNS: does anybody use the name %.*s?", STR_FMT(asked));
	else
		buf_fmt(out, "mDNS: who is there? (%.*s)", STR_FMT(field_first(d, f, F_DNS_NAME)));
}

/* ---- chat ---- */

void said_put(struct str text, struct buf *out)
{
	size_t n = 0, next;

	if (text.n <= TEXT_SHOWN) {
		buf_str(out, text);
		return;
	}
	while ((next = str_utf8_next((struct str){text.p + n, text.n - n})) && n + next <= TEXT_SHOWN)
		n += next;
	buf_str(out, (struct str){text.p, n});
	buf_fmt(out, "...\" (%zu bytes)", text.n - 2);
}

static void put_segments(const struct dissected *d, const struct dissected_frame *f, const struct place *p,
	struct buf *out)
{
	uint32_t segment[SEGMENTS_SHOWN], n = place_segments(d, f, p, segment, SEGMENTS_SHOWN);

	if (n > 1)
		buf_fmt(out, " in %u segments from frame %u on", n, d->frames[segment[0]].number);
}

void sent_again_put(const struct dissected *d, const uint32_t *at, uint32_t n, uint32_t at_most, const char *needless,
	struct buf *out)
{
	CLEANUP(buf_clear) struct buf list = {.max = 4096};
	uint32_t listed = 0;

	for (uint32_t i = 0; i < n && i < at_most; i++) {
		const struct dissected_frame *g = &d->frames[at[i]];

		if (!frame_lost_here(g))
			buf_fmt(&list, "%s%u%s", listed++ ? ", " : "", g->number,
				g->again == AGAIN_NEEDLESS ? needless : "");
	}
	if (n > at_most)
		buf_fmt(&list, listed ? " and %u more" : "%u more", n - at_most);
	if (list.n)
		buf_fmt(out, "sent again in %s%s",
			!listed                               ? ""
				: listed == 1 && n <= at_most ? "frame "
							      : "frames ",
			buf_cstr(&list));
}

static void put_sent_again(const struct dissected *d, const struct dissected_frame *f, const struct place *p,
	struct buf *out)
{
	CLEANUP(buf_clear) struct buf list = {.max = 4096};
	uint32_t again[SEGMENTS_SHOWN], n = place_again(d, f, p, again, SEGMENTS_SHOWN);

	for (uint32_t i = 0; i < n && i < SEGMENTS_SHOWN; i++)
		if (frame_lost_here(&d->frames[again[i]]))
			buf_fmt(out, "; frame %u is it sent again, the first time it was lost on its way here",
				d->frames[again[i]].number);
	sent_again_put(d, again, n, SEGMENTS_SHOWN, " (needlessly)", &list);
	if (list.n)
		buf_fmt(out, "; %s", buf_cstr(&list));
}

static void put_receipt(const struct chat_event *e, const char *gap, struct buf *out)
{
	if (str_is(e->kind, "message") && e->other)
		buf_fmt(out, "%sreceipt in frame %u after %.1f ms", gap, e->other, e->latency * 1e3);
	else if (e->room == ROOM_SENT && e->room_other)
		buf_fmt(out, "%sthe room sends it back in frame %u after %.1f ms", gap, e->room_other,
			e->room_after * 1e3);
	else if (e->room == ROOM_BACK && e->room_other)
		buf_fmt(out, "%sit was said in frame %u", gap, e->room_other);
}

static void put_delivery(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct buf *out)
{
	struct place p;

	if (f->stream < 0) { /* a stanza without a packet */
		put_receipt(e, "  ", out);
		return;
	}
	chat_place(d, f, e, &p);
	buf_z(out, "  [");
	tcp_flags_put(f->flags, out);
	buf_fmt(out, ", bytes %u to %u", p.first, p.last);
	put_segments(d, f, &p, out);
	buf_char(out, ']');
	if (p.acked_by) {
		const struct dissected_frame *by = &d->frames[p.acked_by - 1];

		buf_fmt(out, "  TCP: acknowledged by frame %u after %.1f ms", by->number, (by->time - f->time) * 1e3);
	}
	put_receipt(e, "; ", out);
	put_sent_again(d, f, &p, out);
}

static void put_event(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct buf *out)
{
	bool says = str_is(e->kind, "message"), ends = str_is(e->kind, "stream-end");

	if (e->from.n || says || ends) {
		speaker_label(d, f, e, out);
		if (e->room == ROOM_SENT)
			buf_fmt(out, " to %.*s", STR_FMT(e->to));
		buf_z(out, ": ");
	}
	if (str_is(e->kind, "receipt") && e->other)
		buf_fmt(out, "has the message of frame %u: receipt after %.1f ms", e->other, e->latency * 1e3);
	else
		said_put(e->text, out);
	if (says)
		put_delivery(d, f, e, out);
}

static bool put_nth_event(const struct dissected *d, const struct dissected_frame *f, unsigned i, struct buf *out)
{
	CLEANUP(buf_clear) struct buf store = {.max = 16 * EVENT_TEXT_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	for (unsigned at = 0; chat_next(&rows, &store, &e); at++)
		if (at == i) {
			chat_resolve(d, f, &e);
			put_event(d, f, &e, out);
			return true;
		}
	return false;
}

/* Could something of its direction be read already? */
static bool is_read_before(const struct dissected *d, const struct dissected_frame *f)
{
	uint32_t steps = 0;

	for (uint32_t i = f->before; i && steps < LOOK_BACK; i = d->frames[i - 1].before, steps++)
		if (field_has(&d->frames[i - 1], F_CHAT))
			return true;
	return f->before && steps == LOOK_BACK;
}

/* What in clear belongs to something that is not whole here. */
static void put_part(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	struct hole hole;

	buf_fmt(out, "data: bytes %u to %u, which ", f->seq, f->seq + f->len - 1);
	if (hole_before(d, f, &hole))
		buf_fmt(out, "cannot be read: bytes %u to %u before them are not in this capture", hole.first,
			hole.last);
	else if (hole_behind(d, f))
		buf_z(out, "go on in bytes that are not in this capture");
	else if (is_last_data(d, f))
		buf_z(out, "go on in a segment that is not in this capture");
	else if (!connection_facts(d, f->stream).syn && !is_read_before(d, f))
		buf_z(out, "are a part of something; the beginning of the connection is not in this capture");
	else
		buf_z(out, "go on in a later segment");
}

/* Nothing in it can be read, and why. */
static void put_closed(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	struct connection_facts about = connection_facts(d, f->stream);
	struct hole hole;

	if (f->encrypted && !about.handshake)
		buf_fmt(out, "%u encrypted bytes; the TLS handshake is not in this capture, so they stay closed",
			f->len);
	else if (f->encrypted && about.readable && hole_before(d, f, &hole))
		buf_fmt(out,
			"%u encrypted bytes, which stay closed: bytes %u to %u before them are not in this capture",
			f->len, hole.first, hole.last);
	else if (field_has(f, F_ENCRYPTED) || (about.secured && !about.readable))
		buf_fmt(out, "%u encrypted bytes, without their secrets in this file", f->len);
	else if (!about.syn && !about.readable)
		buf_fmt(out,
			"data: bytes %u to %u, which cannot be read: the beginning of the connection is not in this capture",
			f->seq, f->seq + f->len - 1);
	else
		put_part(d, f, out);
}

/* Of a frame by which it is seen that something is missing. */
static void put_hole(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	struct hole hole;

	if (!hole_shown(d, f, &hole))
		return;
	buf_fmt(out, "NOT IN THIS CAPTURE: bytes %u to %u of ", hole.first, hole.last);
	host_label(d, hole.by_ack ? f->to : f->from, out);
	buf_z(out, hole.by_ack ? ", which this acknowledges. " : ", before this. ");
}

bool frame_text(const struct dissected *d, const struct dissected_frame *f, unsigned i, struct buf *out)
{
	if (i == 0)
		put_hole(d, f, out);
	if (field_has(f, F_CHAT))
		return put_nth_event(d, f, i, out);
	if (i > 0)
		return false;
	if (f->stream >= 0 && put_tcp(d, f, out))
		return true;
	if (field_has(f, F_TLS_TYPE) || field_has(f, F_TLS_ALERT))
		put_tls(d, f, out);
	else if (str_is(field_of(d, f, F_PROTOCOL), "MDNS"))
		put_mdns(d, f, out);
	else if (f->stream >= 0)
		put_closed(d, f, out);
	else
		buf_fmt(out, "%.*s: %.*s", STR_FMT(field_of(d, f, F_PROTOCOL)), STR_FMT(field_of(d, f, F_INFO)));
	return true;
}
