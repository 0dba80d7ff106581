#include "trace/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trace/ladder.h"
#include "tui/filter.h"

enum { CONNECTIONS_MAX = 100, LISTED_MAX = 20, TEXT_MAX = 1 << 16 };

struct explain {
	const struct dissected *d;
	struct buf *out;
	int32_t stream; /* the connection in question */
	unsigned question;
};

/* ---- writing ---- */

/* The text is as it came: it is filtered here. */
static void say(struct explain *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct explain *x, const char *fmt, ...)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_MAX};
	char *made = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&made, fmt, ap);
	va_end(ap);
	if (n > 0)
		filter_line(&text, (struct str){made, (size_t)n});
	free(made);
	buf_fmt(x->out, "   %s\n", buf_cstr(&text));
}

static void ask(struct explain *x, const char *question) { buf_fmt(x->out, "\n%u. %s\n", ++x->question, question); }

static void prove(struct explain *x, const char *filter)
{
	if (x->stream >= 0)
		buf_fmt(x->out, "   filter: tcp.stream == %d && (%s)\n", (int)x->stream, filter);
	else
		buf_fmt(x->out, "   filter: %s\n", filter);
}

static const char *name_of(const struct explain *x, unsigned host, struct buf *store)
{
	buf_reset(store);
	host_label(x->d, host, store);
	return buf_cstr(store);
}

/* ---- walking ---- */

/* The next frame of the connection, from index *i on; NULL. */
static const struct dissected_frame *next(const struct explain *x, uint32_t *i)
{
	while (*i < x->d->n) {
		const struct dissected_frame *f = &x->d->frames[(*i)++];

		if (x->stream < 0 || f->stream == x->stream)
			return f;
	}
	return NULL;
}

#define EACH(f, x) \
	const struct dissected_frame *f; \
	for (uint32_t i_ = 0; (f = next(x, &i_));)

static const struct dissected_frame *first_with(const struct explain *x, unsigned flags, unsigned mask)
{
	EACH(f, x)
	if ((f->flags & mask) == flags)
		return f;
	return NULL;
}

static double ms(double seconds) { return seconds * 1e3; }

/* ---- the whole file ---- */

static void on_hosts(struct explain *x)
{
	ask(x, "Who is in this trace?");
	for (unsigned i = 0; i < x->d->host_n; i++) {
		CLEANUP(buf_clear) struct buf store = {.max = 1000};
		const struct dissected_host *h = &x->d->hosts[i];

		say(x, "%s: address %.*s%s%s", name_of(x, i, &store), STR_FMT(h->address),
			h->person[0] ? ", on its streams called " : "", h->person);
	}
	prove(x, "ip.addr || ipv6.addr");
}

static void on_discovery(struct explain *x)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_MAX};
	unsigned n = 0;

	ask(x, "How do they find each other?");
	EACH(f, x)
	if (str_is(field_of(x->d, f, F_PROTOCOL), "MDNS") && n++ < LISTED_MAX) {
		CLEANUP(buf_clear) struct buf store = {.max = 1000};

		buf_reset(&text);
		frame_text(x->d, f, 0, &text);
		say(x, "frame %u: %s to everybody on the wire: %s", f->number, name_of(x, f->from, &store),
			buf_cstr(&text));
	}
	if (!n)
		say(x, "Not in this trace: there is no packet of multicast DNS.");
	else if (n > LISTED_MAX)
		say(x, "... and %u more", n - LISTED_MAX);
	prove(x, "mdns");
}

/* ---- one connection ---- */

static void put_syn(struct explain *x, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};

	say(x, "frame %u: %s begins with sequence number %.*s (absolute; shown as 0)", f->number,
		name_of(x, f->from, &store), STR_FMT(field_first(x->d, f, F_SEQ_RAW)));
	say(x, "   options: MSS %.*s, window scale 2^%.*s%s%s; window %.*s", STR_FMT(field_first(x->d, f, F_MSS)),
		STR_FMT(field_first(x->d, f, F_WSCALE)), field_has(f, F_SACK) ? ", SACK" : "",
		field_has(f, F_TIMESTAMP) ? ", timestamps" : "", STR_FMT(field_first(x->d, f, F_WINDOW)));
}

static void on_handshake(struct explain *x)
{
	const struct dissected_frame *syn = first_with(x, TCP_SYN, TCP_SYN | TCP_ACK),
				     *answer = first_with(x, TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK), *third = NULL;

	ask(x, "Which segments are the three-way handshake, and where do the sequence numbers begin?");
	EACH(f, x)
	if (f->bare_ack && f->opener && f->seq == 1 && f->ack == 1 && !third)
		third = f;
	if (syn)
		put_syn(x, syn);
	if (answer)
		put_syn(x, answer);
	if (third)
		say(x, "frame %u: the acknowledgement that completes it; round trip %.3f ms", third->number,
			field_number(x->d, third, F_INITIAL_RTT) * 1e3);
	if (!syn && !answer)
		say(x, "It is not in this trace: the connection was there before.");
	prove(x, "tcp.flags.syn == 1 || (tcp.seq == 1 && tcp.ack == 1 && tcp.len == 0)");
}

static void on_encryption(struct explain *x)
{
	unsigned opaque = 0, data = 0, readable = 0;
	bool found = false;

	ask(x, "Is it encrypted, and how?");
	EACH(f, x)
	{
		CLEANUP(buf_clear) struct buf text = {.max = TEXT_MAX};

		data += f->len > 0;
		readable += field_has(f, F_CHAT);
		opaque += field_has(f, F_ENCRYPTED) && !field_has(f, F_CHAT) && !field_has(f, F_TLS_TYPE) &&
			!field_has(f, F_TLS_ALERT);
		if (!field_has(f, F_TLS_TYPE))
			continue;
		frame_text(x->d, f, 0, &text);
		say(x, "frame %u: %s", f->number, buf_cstr(&text));
		found = true;
	}
	if (!data)
		say(x, "Nothing is said on it.");
	else if (!found && (opaque || !readable))
		say(x, "Its beginning is not in this trace, and nothing in it can be read: it is probably encrypted.");
	else if (!found)
		say(x, "No: everybody on the wire can read what is said.");
	else if (opaque)
		say(x, "%u encrypted frames stay closed: their secrets are not in this file.", opaque);
	prove(x, "tls.handshake");
}

static void put_message(struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	CLEANUP(buf_clear) struct buf flags = {.max = 100};
	struct str text = e->text;

	if (text.n > 60)
		text.n = 60;
	tcp_flags_put(f->flags, &flags);
	say(x, "frame %u: %.*s: %.*s", f->number, STR_FMT(e->from), STR_FMT(text));
	say(x, "   bytes %u to %u of the stream, %u in this segment; flags %s", f->seq, f->seq + f->len - 1, f->len,
		buf_cstr(&flags));
	if (f->acked_by) {
		const struct dissected_frame *by = &x->d->frames[f->acked_by - 1];

		say(x, "   TCP acknowledges it in frame %u, after %.3f ms: acknowledgement number %u", by->number,
			ms(by->time - f->time), by->ack);
	} else {
		say(x, "   TCP does not acknowledge it in this trace");
	}
	if (e->other)
		say(x, "   the other program acknowledges it in frame %u, after %.3f ms: a receipt (XEP-0184)",
			e->other, ms(e->latency));
	else
		say(x, "   no receipt of the other program is in this trace");
}

static void on_messages(struct explain *x)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	unsigned n = 0;

	ask(x, "Which bytes are a chat message, and who acknowledges it where?");
	EACH(f, x)
	{
		struct str rows = field_of(x->d, f, F_CHAT);
		struct chat_event e;

		while (chat_next(&rows, &store, &e)) {
			chat_resolve(x->d, f, &e);
			if (str_is(e.kind, "message") && n++ < LISTED_MAX)
				put_message(x, f, &e);
		}
	}
	if (!n)
		say(x, "No message can be read in this trace.");
	else if (n > LISTED_MAX)
		say(x, "... and %u more", n - LISTED_MAX);
	prove(x, "chat.kind == \"message\" || chat.kind == \"receipt\"");
}

static void on_numbers(struct explain *x)
{
	const struct dissected_frame *data = NULL;

	ask(x, "How do the numbers move?");
	EACH(f, x)
	if (f->len && f->acked_by && !data)
		data = f;
	if (!data) {
		say(x, "No data is acknowledged in this trace.");
		return;
	}
	say(x, "frame %u begins at %u and has %u bytes: the next byte is %u", data->number, data->seq, data->len,
		data->seq + data->len);
	say(x, "frame %u acknowledges with %u: all before that number has arrived",
		x->d->frames[data->acked_by - 1].number, x->d->frames[data->acked_by - 1].ack);
	say(x, "SYN and FIN count as one byte each; an acknowledgement alone counts as none");
	prove(x, "tcp.len > 0");
}

struct acks {
	double sum, most;
	unsigned n, window_least;
};

static void measure(const struct explain *x, struct acks *ret)
{
	*ret = (struct acks){.window_least = UINT32_MAX};
	EACH(f, x)
	{
		double took = f->acked_by ? x->d->frames[f->acked_by - 1].time - f->time : 0;
		unsigned window = (unsigned)field_number(x->d, f, F_WINDOW);

		if (!(f->flags & TCP_RST) && window < ret->window_least)
			ret->window_least = window;
		if (!f->len || !f->acked_by)
			continue;
		ret->n++;
		ret->sum += took;
		ret->most = took > ret->most ? took : ret->most;
	}
}

static void on_times(struct explain *x)
{
	struct acks a;

	measure(x, &a);
	ask(x, "How fast does it go?");
	if (a.n)
		say(x, "%u segments with data were acknowledged by TCP after %.3f ms on average, %.3f ms at most", a.n,
			ms(a.sum / a.n), ms(a.most));
	if (a.window_least != UINT32_MAX)
		say(x, "the smallest receive window was %u bytes%s", a.window_least,
			a.window_least ? "" : ": somebody could take nothing more");
	prove(x, "tcp.analysis.ack_rtt");
}

/* The shortest of the other messages on this connection. */
static double usual_latency(const struct explain *x, uint32_t but)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	double least = 0;

	EACH(f, x)
	{
		struct str rows = field_of(x->d, f, F_CHAT);
		struct chat_event e;

		while (chat_next(&rows, &store, &e))
			if (str_is(e.kind, "message") && e.other && f->number != but &&
				(least <= 0 || e.latency < least))
				least = e.latency;
	}
	return least;
}

/* Was something of this direction sent again while the message waited for its receipt? The frame, or 0. */
static uint32_t again_between(const struct explain *x, const struct dissected_frame *message, uint32_t receipt)
{
	EACH(f, x)
	if ((field_has(f, F_RETRANSMISSION) || field_has(f, F_OUT_OF_ORDER)) && f->number > message->number &&
		f->number < receipt && f->opener == message->opener &&
		(int32_t)(f->seq - message->seq - message->len) < 0)
		return f->number;
	return 0;
}

static void put_wait(struct explain *x, const struct dissected_frame *f, const struct chat_event *e)
{
	uint32_t again = e->other ? again_between(x, f, e->other) : 0;
	double usual;

	if (!again)
		return;
	usual = usual_latency(x, f->number);
	if (usual > 0)
		say(x, "the message of frame %u had its receipt after %.1f ms, sent again in frame %u; without a loss here: %.1f ms",
			f->number, ms(e->latency), again, ms(usual));
	else
		say(x, "the message of frame %u had its receipt after %.1f ms, sent again in frame %u", f->number,
			ms(e->latency), again);
}

/* What people notice of it. */
static void put_waits(struct explain *x)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};

	EACH(f, x)
	{
		struct str rows = field_of(x->d, f, F_CHAT);
		struct chat_event e;

		while (chat_next(&rows, &store, &e))
			if (str_is(e.kind, "message"))
				put_wait(x, f, &e);
	}
}

static void on_losses(struct explain *x)
{
	unsigned n = 0;

	ask(x, "Was anything lost on the way, and what did it cost?");
	EACH(f, x)
	{
		if (!field_has(f, F_RETRANSMISSION) && !field_has(f, F_OUT_OF_ORDER))
			continue;
		if (n++ >= LISTED_MAX)
			continue;
		if (field_has(f, F_RTO))
			say(x, "frame %u: %u bytes sent again, %.0f ms after the first time", f->number, f->len,
				field_number(x->d, f, F_RTO) * 1e3);
		else
			say(x, "frame %u: %u bytes sent again", f->number, f->len);
	}
	if (!n)
		say(x, "No: no segment was sent twice.");
	else
		say(x, "%u segment%s sent again", n, n == 1 ? " was" : "s were");
	put_waits(x);
	prove(x, "tcp.analysis.retransmission || tcp.analysis.out_of_order");
}

static void on_close(struct explain *x)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};
	bool any = false;

	ask(x, "Which segments close it, and who begins?");
	EACH(f, x)
	{
		if (!(f->flags & (TCP_FIN | TCP_RST)))
			continue;
		say(x, "frame %u: %s %s%s", f->number, name_of(x, f->from, &store),
			f->flags & TCP_RST ? "breaks it off (RST)" : "says that it sends no more (FIN)",
			any ? "" : ": the first to close");
		any = true;
	}
	if (!any)
		say(x, "It stays open in this trace.");
	prove(x, "tcp.flags.fin == 1 || tcp.flags.reset == 1");
}

static void on_connection(struct explain *x)
{
	static void (*const questions[])(struct explain * x) = {on_handshake, on_encryption, on_messages, on_numbers,
		on_times, on_losses, on_close};
	CLEANUP(buf_clear) struct buf from = {.max = 1000};
	CLEANUP(buf_clear) struct buf to = {.max = 1000};
	uint32_t i = 0;
	const struct dissected_frame *f = next(x, &i);

	if (!f)
		return;
	buf_fmt(x->out, "\nConnection %d\n", (int)x->stream);
	say(x, "%s, port %.*s, with %s, port %.*s", name_of(x, f->from, &from),
		STR_FMT(field_first(x->d, f, F_PORT_FROM)), name_of(x, f->to, &to),
		STR_FMT(field_first(x->d, f, F_PORT_TO)));
	for (size_t q = 0; q < ARRAY_LEN(questions); q++)
		questions[q](x);
}

void explain_put(const struct dissected *d, struct buf *out)
{
	struct explain x = {.d = d, .out = out, .stream = -1};

	on_hosts(&x);
	on_discovery(&x);
	for (uint32_t i = 0; i < d->stream_n && i < CONNECTIONS_MAX; i++) {
		x.stream = (int32_t)i;
		on_connection(&x);
	}
	if (d->stream_n > CONNECTIONS_MAX)
		buf_fmt(out, "\nThere are %u connections more.\n", d->stream_n - CONNECTIONS_MAX);
}
