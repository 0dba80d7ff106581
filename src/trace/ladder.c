#include "trace/ladder.h"

#include <stdio.h>

#include "base/mem.h"
#include "tui/filter.h"

enum { LANE = 14, LINE_MAX_BYTES = 1 << 16 };

struct ladder {
	const struct dissected *d;
	const struct ladder_options *o;
	struct buf *out;
	struct folded folded;
};

/* ---- lanes ---- */

/* The arrow from one host to another, or a mark for a packet to everybody. */
static void put_lanes(const struct ladder *l, const struct dissected_frame *f, bool encrypted)
{
	unsigned n = l->d->host_n, a = f ? f->from : HOST_NONE, b = f ? f->to : HOST_NONE;
	const char *dash = encrypted ? "=" : "-";

	for (unsigned lane = 0; lane < n; lane++) {
		bool here = a == lane && b == HOST_NONE;
		bool inside = a != HOST_NONE && b != HOST_NONE && lane >= (a < b ? a : b) && lane < (a < b ? b : a);

		buf_z(l->out, here ? "*" : "|");
		for (int i = 0; i < LANE && lane + 1 < n; i++) {
			bool head =
				inside && ((a < b && lane + 1 == b && i == LANE - 1) || (a > b && lane == b && i == 0));

			buf_z(l->out, head ? (a < b ? ">" : "<") : inside ? dash : " ");
		}
	}
}

/* Bytes of the text that fit above a lane. */
static size_t fitting(struct str text)
{
	size_t n = 0, next;

	while (n < text.n && (next = str_utf8_next((struct str){text.p + n, text.n - n})) &&
		filter_width((struct str){text.p, n + next}) <= LANE)
		n += next;
	return n;
}

static void put_header(const struct ladder *l)
{
	CLEANUP(buf_clear) struct buf raw = {.max = 1000};
	CLEANUP(buf_clear) struct buf name = {.max = 4000};

	buf_z(l->out, "   frame    seconds  ");
	for (unsigned i = 0; i < l->d->host_n; i++) {
		int width;

		buf_reset(&raw);
		buf_reset(&name);
		host_label(l->d, i, &raw);
		filter_line(&name, buf_view(&raw));
		buf_cut(&name, fitting(buf_view(&name)));
		width = (int)filter_width(buf_view(&name));
		buf_str(l->out, buf_view(&name));
		buf_fmt(l->out, "%*s", width < LANE + 1 ? LANE + 1 - width : 1, "");
	}
	buf_z(l->out, "\n");
}

static void put_hosts(const struct ladder *l)
{
	CLEANUP(buf_clear) struct buf line = {.max = LINE_MAX_BYTES};

	for (unsigned i = 0; i < l->d->host_n; i++) {
		const struct dissected_host *h = &l->d->hosts[i];

		buf_reset(&line);
		host_label(l->d, i, &line);
		if (!h->no_machine)
			buf_fmt(&line, ": %.*s", STR_FMT(h->address));
		host_ports(h, &line);
		if (!str_eq(h->name, h->address))
			buf_fmt(&line, " (%.*s)", STR_FMT(h->name));
		if (h->person[0])
			buf_fmt(&line, ", %s", h->person);
		filter_line(l->out, buf_view(&line));
		buf_z(l->out, "\n");
	}
}

/* ---- lines ---- */

static void put_line(struct ladder *l, const struct dissected_frame *f, struct str text)
{
	buf_fmt(l->out, "%8u %10.6f  ", f->number, f->time);
	put_lanes(l, f, f->encrypted);
	buf_z(l->out, "  ");
	filter_line(l->out, text);
	buf_z(l->out, "\n");
}

static void put_count(struct buf *out, unsigned n, const char *what)
{
	if (n)
		buf_fmt(out, "%s%u %s%s", out->n ? ", " : "", n, what, n > 1 ? "s" : "");
}

void folded_text(const struct folded *n, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {.max = 200};

	put_count(&text, n->acks, "bare ACK");
	put_count(&text, n->asks, "stanza acknowledgement");
	put_count(&text, n->others, "other packet");
	buf_str(out, buf_view(&text));
}

void folded_count(struct folded *n, enum fold what)
{
	n->acks += what == FOLD_ACK;
	n->asks += what == FOLD_ASK;
	n->others += what == FOLD_OTHER;
}

static void put_folded(struct ladder *l)
{
	CLEANUP(buf_clear) struct buf text = {.max = 200};

	folded_text(&l->folded, &text);
	l->folded = (struct folded){0};
	if (!text.n)
		return;
	buf_fmt(l->out, "%8s %10s  ", "", "");
	put_lanes(l, NULL, false);
	buf_fmt(l->out, "    . %s\n", buf_cstr(&text));
}

static bool is_chatter(const struct dissected *d, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = 1 << 20};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e))
		if (!str_is(e.kind, "ack") && !str_is(e.kind, "ack-request"))
			return false;
	return field_has(f, F_CHAT) && !f->again;
}

enum fold frame_fold(const struct dissected *d, const struct dissected_frame *f)
{
	struct hole hole;

	if (hole_shown(d, f, &hole))
		return FOLD_NONE;
	if (f->bare_ack && !f->completes && !field_has(f, F_KEEPALIVE) && !field_has(f, F_KEEPALIVE_ACK))
		return FOLD_ACK;
	if (is_chatter(d, f))
		return FOLD_ASK;
	return f->stream < 0 && !field_has(f, F_CHAT) && !str_is(field_of(d, f, F_PROTOCOL), "MDNS") ? FOLD_OTHER
												     : FOLD_NONE;
}

unsigned frame_events(const struct dissected *d, const struct dissected_frame *f)
{
	struct str rows = field_of(d, f, F_CHAT);
	unsigned n = 0;

	while (rows.p && rows.n) {
		str_cut(&rows, 0x1e);
		n++;
	}
	return n ? n : 1;
}

/* Counted instead of shown. */
static bool fold(struct ladder *l, const struct dissected_frame *f)
{
	enum fold what = l->o->all ? FOLD_NONE : frame_fold(l->d, f);

	folded_count(&l->folded, what);
	return what != FOLD_NONE;
}

static void put_comment(struct ladder *l, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf text = {.max = LINE_MAX_BYTES};

	if (!field_has(f, F_COMMENT))
		return;
	buf_fmt(&text, "comment: %.*s", STR_FMT(field_first(l->d, f, F_COMMENT)));
	put_line(l, f, buf_view(&text));
}

static void put_frame(struct ladder *l, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf text = {.max = LINE_MAX_BYTES};

	if (fold(l, f))
		return;
	put_folded(l);
	put_comment(l, f);
	for (unsigned i = 0; buf_reset(&text), frame_text(l->d, f, i, &text); i++)
		put_line(l, f, buf_view(&text));
}

/* ---- how connections ended ---- */

static void put_ended(const struct dissected *d, const struct connection_facts *about, uint32_t stream, struct buf *out)
{
	bool whole = !holes_count(d, (int32_t)stream);
	const char *first = whole ? " first" : " as far as this capture shows";

	if (about->ended_by) {
		const struct dissected_frame *f = &d->frames[about->ended_by - 1];

		host_label(d, f->from, out);
		buf_fmt(out, " ended the stream of connection %u%s, in frame %u", stream, first, f->number);
	}
	if (about->closed_by) {
		const struct dissected_frame *f = &d->frames[about->closed_by - 1];

		buf_z(out, out->n ? "; " : "");
		host_label(d, f->from, out);
		buf_fmt(out,
			f->flags & TCP_FIN ? " closed connection %u%s, with FIN in frame %u"
					   : " broke connection %u off%s, with RST in frame %u",
			stream, f->flags & TCP_FIN || !whole ? first : "", f->number);
	}
}

/* What of it is not in the file: its beginning, or bytes on the way. */
static void put_missing(const struct dissected *d, const struct connection_facts *about, uint32_t stream,
	struct buf *out)
{
	unsigned holes = holes_count(d, (int32_t)stream);

	if (about->data && !about->syn)
		buf_fmt(out, "%sthe beginning of connection %u is not in this capture", out->n ? "; " : "", stream);
	if (holes)
		buf_fmt(out, "%sin %u place%s bytes of connection %u are not in this capture", out->n ? "; " : "",
			holes, holes == 1 ? "" : "s", stream);
}

static void put_closing(const struct ladder *l, uint32_t stream)
{
	struct connection_facts about = connection_facts(l->d, (int32_t)stream);
	CLEANUP(buf_clear) struct buf text = {.max = 2000};

	put_ended(l->d, &about, stream, &text);
	put_missing(l->d, &about, stream, &text);
	if (!text.n)
		return;
	filter_line(l->out, buf_view(&text));
	buf_z(l->out, "\n");
}

void ladder_put_header(const struct dissected *d, struct buf *out) { put_header(&(struct ladder){.d = d, .out = out}); }

void ladder_put_frames(const struct dissected *d, const struct ladder_options *o, uint32_t from, uint32_t to,
	struct folded *open, struct buf *out)
{
	struct ladder l = {.d = d, .o = o, .out = out, .folded = *open};

	for (uint32_t i = from; i < to; i++)
		if (d->frames[i].shown)
			put_frame(&l, &d->frames[i]);
	*open = l.folded;
}

void ladder_put_folded(const struct dissected *d, struct folded *open, struct buf *out)
{
	struct ladder l = {.d = d, .out = out, .folded = *open};

	put_folded(&l);
	*open = l.folded;
}

void ladder_put_end(const struct dissected *d, struct folded *open, struct buf *out)
{
	struct ladder l = {.d = d, .out = out, .folded = *open};

	put_folded(&l);
	*open = l.folded;
	buf_z(out, "\n");
	for (uint32_t i = 0; i < d->stream_n && i < 1000; i++)
		put_closing(&l, i);
	dropped_put(d, out);
	buf_z(out, d->dropped ? "\n" : "");
	if (d->cut)
		buf_z(out, "There is more than can be shown: give a filter.\n");
}

static void put_size(const struct dissected *d, struct buf *out)
{
	uint32_t shown = dissected_shown(d);

	buf_fmt(out, "%u frame%s", shown, shown == 1 ? "" : "s");
	if (shown != d->n)
		buf_fmt(out, " of %u", d->n);
	buf_fmt(out, ", %.3f s. %s\n\n", d->n ? d->frames[d->n - 1].time : 0.0,
		dissected_stanzas(d) ? LADDER_STANZAS : LADDER_LEGEND);
}

void ladder_put(const struct dissected *d, const struct ladder_options *o, struct buf *out)
{
	struct ladder l = {.d = d, .o = o, .out = out};
	struct folded open = {0};

	put_hosts(&l);
	put_size(d, out);
	put_header(&l);
	ladder_put_frames(d, o, 0, d->n, &open, out);
	ladder_put_end(d, &open, out);
}
