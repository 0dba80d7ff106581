#include "trace/explain_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trace/vantage.h"
#include "tui/filter.h"

enum { CONNECTIONS_MAX = 100 };

/* ---- writing ---- */

void explain_say(struct explain *x, const char *fmt, ...)
{
	CLEANUP(buf_clear) struct buf text = {.max = EXPLAIN_TEXT_MAX};
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

void explain_ask(struct explain *x, const char *question) { buf_fmt(x->out, "\n%u. %s\n", ++x->question, question); }

void explain_prove(struct explain *x, const char *filter)
{
	if (x->stream >= 0)
		buf_fmt(x->out, "   filter: tcp.stream == %d && (%s)\n", (int)x->stream, filter);
	else
		buf_fmt(x->out, "   filter: %s\n", filter);
}

const char *explain_name(const struct explain *x, unsigned host, struct buf *store)
{
	buf_reset(store);
	host_label(x->d, host, store);
	return buf_cstr(store);
}

/* ---- walking ---- */

const struct dissected_frame *explain_next(const struct explain *x, uint32_t *i)
{
	while (*i < x->d->n) {
		const struct dissected_frame *f = &x->d->frames[(*i)++];

		if (x->stream == EXPLAIN_ALL ||
			(x->stream == EXPLAIN_STANZAS ? f->stream < 0 && field_has(f, F_CHAT) : f->stream == x->stream))
			return f;
	}
	return NULL;
}

static const struct dissected_frame *first_with(const struct explain *x, unsigned flags, unsigned mask)
{
	EACH(f, x)
	if ((f->flags & mask) == flags)
		return f;
	return NULL;
}

/* ---- the whole file ---- */

static void on_hosts(struct explain *x)
{
	explain_ask(x, EXPLAIN_FIRST);
	for (unsigned i = 0; i < x->d->host_n; i++) {
		CLEANUP(buf_clear) struct buf store = {.max = 1000};
		CLEANUP(buf_clear) struct buf ports = {.max = 100};
		const struct dissected_host *h = &x->d->hosts[i];

		if (h->no_machine) {
			explain_say(x, "%s%s", explain_name(x, i, &store),
				memchr(h->name.p, '@', h->name.n) ? ": a room, or somebody on a server" : "");
			continue;
		}
		host_ports(h, &ports);
		explain_say(x, "%s: address %.*s%s%.*s%s%s%s", explain_name(x, i, &store), STR_FMT(h->address),
			h->link_local.n ? " and " : "", STR_FMT(h->link_local), buf_cstr(&ports),
			!h->person[0]        ? ""
				: h->guessed ? ", as it calls itself (no stream begins in this capture): "
					     : ", on its streams called ",
			h->person);
	}
	if (x->d->dropped) {
		CLEANUP(buf_clear) struct buf text = {.max = 1000};

		dropped_put(x->d, &text);
		explain_say(x, "%s", buf_cstr(&text));
	}
	if (dissected_stanzas(x->d))
		explain_say(x, "These are the names in the stanzas. On which machines they are is not in this file.");
	explain_prove(x, dissected_stanzas(x->d) ? "chat.from || chat.to" : "ip.addr || ipv6.addr");
}

static void on_discovery(struct explain *x)
{
	CLEANUP(buf_clear) struct buf text = {.max = EXPLAIN_TEXT_MAX};
	unsigned n = 0, hidden = 0;

	explain_ask(x, "How do they find each other?");
	EACH(f, x)
	{
		CLEANUP(buf_clear) struct buf store = {.max = 1000};

		if (!str_is(field_of(x->d, f, F_PROTOCOL), "MDNS"))
			continue;
		hidden += !f->shown;
		if (!f->shown || n++ >= EXPLAIN_LISTED)
			continue;
		buf_reset(&text);
		frame_text(x->d, f, 0, &text);
		explain_say(x, "frame %u: %s to everybody on the wire: %s", f->number, explain_name(x, f->from, &store),
			buf_cstr(&text));
	}
	if (!n && hidden)
		explain_say(x, "Not among the frames that are shown: the filter hides %u packet%s of multicast DNS.",
			hidden, hidden == 1 ? "" : "s");
	else if (!n)
		explain_say(x,
			dissected_stanzas(x->d) ? "Not in this trace: it has stanzas, not packets."
						: "Not in this trace: there is no packet of multicast DNS.");
	else if (n > EXPLAIN_LISTED)
		explain_say(x, "... and %u more", n - EXPLAIN_LISTED);
	explain_prove(x, "mdns");
}

/* ---- one connection ---- */

static void put_syn(struct explain *x, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1000};

	explain_say(x, "frame %u: %s begins with sequence number %.*s (absolute; shown as 0)", f->number,
		explain_name(x, f->from, &store), STR_FMT(field_first(x->d, f, F_SEQ_RAW)));
	explain_say(x, "   options: MSS %.*s, window scale 2^%.*s%s%s; window %.*s",
		STR_FMT(field_first(x->d, f, F_MSS)), STR_FMT(field_first(x->d, f, F_WSCALE)),
		field_has(f, F_SACK) ? ", SACK" : "", field_has(f, F_TIMESTAMP) ? ", timestamps" : "",
		STR_FMT(field_first(x->d, f, F_WINDOW)));
}

static void on_handshake(struct explain *x)
{
	const struct dissected_frame *syn = first_with(x, TCP_SYN, TCP_SYN | TCP_ACK),
				     *answer = first_with(x, TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK), *third = NULL;

	explain_ask(x, "Which segments are the three-way handshake, and where do the sequence numbers begin?");
	EACH(f, x)
	if (f->completes)
		third = f;
	if (syn)
		put_syn(x, syn);
	if (answer)
		put_syn(x, answer);
	if (third && field_has(third, F_INITIAL_RTT))
		explain_say(x, "frame %u: the acknowledgement that completes it; round trip %.3f ms", third->number,
			field_number(x->d, third, F_INITIAL_RTT) * 1e3);
	else if (third)
		explain_say(x, "frame %u: the acknowledgement that completes it", third->number);
	if (!syn && !answer)
		explain_say(x, "It is not in this trace: the connection was there before.");
	else if (!syn)
		explain_say(x, "The first of them, the SYN, is not in this trace.");
	else if (!answer)
		explain_say(x, "There is no answer to the SYN in this trace.");
	else if (!third)
		explain_say(x,
			"The third of them, an acknowledgement alone, is not in this trace: it was lost, or came together with data.");
	explain_prove(x, "tcp.flags.syn == 1 || (tcp.seq == 1 && tcp.ack == 1 && tcp.len == 0)");
}

static void on_encryption(struct explain *x)
{
	unsigned opaque = 0, data = 0, readable = 0;
	bool found = false;

	explain_ask(x, "Is it encrypted, and how?");
	EACH(f, x)
	{
		CLEANUP(buf_clear) struct buf text = {.max = EXPLAIN_TEXT_MAX};

		data += f->len > 0;
		readable += field_has(f, F_CHAT);
		opaque += f->encrypted && field_has(f, F_TLS_LENGTH) && !field_has(f, F_CHAT) &&
			!field_has(f, F_TLS_TYPE) && !field_has(f, F_TLS_ALERT);
		if (!field_has(f, F_TLS_TYPE))
			continue;
		frame_text(x->d, f, 0, &text);
		explain_say(x, "frame %u: %s", f->number, buf_cstr(&text));
		found = true;
	}
	if (!data)
		explain_say(x, "Nothing is said on it.");
	else if (!found && opaque)
		explain_say(x,
			"Yes, but the TLS handshake is not in this capture: it began later. So the version and the cipher are not "
			"known, and nothing of it can be read: %u frame%s stay%s closed.",
			opaque, opaque == 1 ? "" : "s", opaque == 1 ? "s" : "");
	else if (!found && !readable)
		explain_say(x, "That cannot be told: %s, and nothing in it is TLS or the beginning of a stanza.",
			connection_facts(x->d, x->stream).syn ? "what is said is no XMPP"
							      : "its beginning is not in this trace");
	else if (!found)
		explain_say(x, "No: everybody on the wire can read what is said.%s",
			connection_facts(x->d, x->stream).syn ? "" : " Its beginning is not in the capture.");
	else if (opaque)
		explain_say(x, "%u encrypted frame%s closed: %s secrets are not in this file.", opaque,
			opaque == 1 ? " stays" : "s stay", opaque == 1 ? "its" : "their");
	explain_prove(x, "tls.handshake");
}

static void on_numbers(struct explain *x)
{
	const struct dissected_frame *data = NULL;

	explain_ask(x, "How do the numbers move?");
	EACH(f, x)
	if (f->len && f->acked_by && !data)
		data = f;
	if (!data) {
		explain_say(x, "No data is acknowledged in this trace.");
		return;
	}
	explain_say(x, "frame %u begins at %u and has %u bytes: the next byte is %u", data->number, data->seq,
		data->len, data->seq + data->len);
	explain_say(x, "frame %u acknowledges with %u: all before that number has arrived",
		x->d->frames[data->acked_by - 1].number, x->d->frames[data->acked_by - 1].ack);
	explain_say(x, "SYN and FIN count as one byte each; an acknowledgement alone counts as none");
	explain_prove(x, "tcp.len > 0");
}

struct acks {
	double sum, most;
	unsigned n, window_least, announced_least; /* announced: the scale is not known */
};

static void measure(const struct explain *x, struct acks *ret)
{
	*ret = (struct acks){.window_least = UINT32_MAX, .announced_least = UINT32_MAX};
	EACH(f, x)
	{
		double took = field_number(x->d, f, F_ACK_RTT);
		unsigned window = (unsigned)field_number(x->d, f, F_WINDOW);
		bool scaled = !str_is(field_first(x->d, f, F_WINDOW_SCALE), "-1");
		unsigned *least = scaled ? &ret->window_least : &ret->announced_least;

		if (!(f->flags & TCP_RST) && window < *least)
			*least = window;
		if (!field_has(f, F_ACK_RTT))
			continue;
		ret->n++;
		ret->sum += took;
		ret->most = took > ret->most ? took : ret->most;
	}
}

/* The same times mean something else at the one end than at the other. */
static void put_vantage(struct explain *x)
{
	CLEANUP(buf_clear) struct buf where = {.max = 1000};
	struct vantage v = vantage_of(x->d, x->stream);

	vantage_put(x->d, x->stream, &v, &where);
	if (where.n && v.measured)
		explain_say(x,
			"It was %s: the SYN was answered after %.3f ms, and that answer acknowledged %.3f ms later. Times are those "
			"that are measured there.",
			buf_cstr(&where), explain_ms(v.answered), explain_ms(v.completed));
	else if (where.n)
		explain_say(x, "It was %s. Times are those that are measured there.", buf_cstr(&where));
	else if (v.place == VANTAGE_SAME)
		explain_say(x,
			"At which end it was captured cannot be told, and makes no difference: the whole handshake took %.3f ms, so "
			"near are they to each other.",
			explain_ms(v.answered + v.completed));
	else
		explain_say(x, "At which end it was captured is not told: %s.",
			v.measured
				? "times and losses say nothing"
				: "its handshake is not whole in this capture, and nothing was lost that would show it");
}

static void on_times(struct explain *x)
{
	struct acks a;

	measure(x, &a);
	explain_ask(x, "How fast does it go?");
	put_vantage(x);
	if (a.n)
		explain_say(x, "%u frame%s data, SYN or FIN, on average %.3f ms after it came, %.3f ms at most", a.n,
			a.n == 1 ? " acknowledges" : "s acknowledge", explain_ms(a.sum / a.n), explain_ms(a.most));
	else
		explain_say(x, "No time between a segment and its acknowledgement can be told from this trace.");
	if (a.window_least != UINT32_MAX)
		explain_say(x, "the smallest receive window was %u bytes%s", a.window_least,
			a.window_least ? "" : ": somebody could take nothing more");
	if (a.announced_least != UINT32_MAX)
		explain_say(x,
			"the smallest receive window was %u as announced, unscaled: the handshake with its scale is not in the "
			"capture%s",
			a.announced_least, a.announced_least ? "" : "; somebody could take nothing more");
	explain_prove(x, "tcp.analysis.ack_rtt");
}

static void on_close(struct explain *x)
{
	struct connection_facts about = connection_facts(x->d, x->stream);

	explain_ask(x, "Who ends it: the stream of the chat, and the connection? Which segments close it?");
	explain_ends(x);
	explain_prove(x,
		about.readable ? "chat.kind == \"stream-end\" || tcp.flags.fin == 1 || tcp.flags.reset == 1"
			       : "tcp.flags.fin == 1 || tcp.flags.reset == 1");
}

/* Does the filter let anything of it through? */
static bool is_chosen(const struct explain *x)
{
	EACH(f, x)
	if (f->shown)
		return true;
	return false;
}

static void on_connection(struct explain *x)
{
	static void (*const questions[])(struct explain * x) = {on_handshake, on_encryption, explain_messages,
		on_numbers, on_times, explain_losses, on_close};
	CLEANUP(buf_clear) struct buf from = {.max = 1000};
	CLEANUP(buf_clear) struct buf to = {.max = 1000};
	uint32_t i = 0;
	const struct dissected_frame *f = explain_next(x, &i);

	if (!f || !is_chosen(x))
		return;
	buf_fmt(x->out, "\nConnection %d\n", (int)x->stream);
	explain_say(x, "%s, port %.*s, with %s, port %.*s", explain_name(x, f->from, &from),
		STR_FMT(field_first(x->d, f, F_PORT_FROM)), explain_name(x, f->to, &to),
		STR_FMT(field_first(x->d, f, F_PORT_TO)));
	for (size_t q = 0; q < ARRAY_LEN(questions); q++)
		questions[q](x);
}

/* Of stanzas that were captured without packets there is no TCP to be told. */
static void on_stanzas(struct explain *x)
{
	uint32_t i = 0;

	x->stream = EXPLAIN_STANZAS;
	if (!explain_next(x, &i) || !is_chosen(x))
		return;
	buf_z(x->out, "\nStanzas, not packets\n");
	explain_say(x, "They are as the program saw them: nothing is known of TCP and TLS.");
	explain_messages(x);
}

void explain_put(const struct dissected *d, struct buf *out)
{
	struct explain x = {.d = d, .out = out, .stream = EXPLAIN_ALL};

	on_hosts(&x);
	on_discovery(&x);
	on_stanzas(&x);
	for (uint32_t i = 0; i < d->stream_n && i < CONNECTIONS_MAX; i++) {
		x.stream = (int32_t)i;
		on_connection(&x);
	}
	if (d->stream_n > CONNECTIONS_MAX)
		buf_fmt(out, "\nThere are more connections: %u.\n", d->stream_n - CONNECTIONS_MAX);
}
