#include "trace/stats.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "trace/ladder.h"
#include "trace/vantage.h"
#include "tui/filter.h"

enum { KINDS_MAX = 32, CONNECTIONS_SHOWN = 100, LINE_BYTES = 4096 };

/* Seconds, to be sorted. */
struct series {
	double *v;
	uint32_t n, cap;
};

struct kind {
	char name[24];
	unsigned n;
};

struct connection {
	unsigned frames, again, needless, late;
	double bytes, first, last;
	unsigned from, to;
};

struct stats {
	const struct dissected *d;
	struct series receipts, acks;
	struct kind kinds[KINDS_MAX];
	unsigned kind_n, messages, encrypted;
	double bytes, text_bytes, tcp_bytes, first, last; /* the times of the frames that are counted */
	double more;   /* bytes of frames that the filter hides, and that carry a message it shows */
	bool *carries; /* frames that are in .more */
	struct connection *connections;
};

static void add(struct series *s, double v)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = v;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static void count_kind(struct stats *s, struct str kind)
{
	for (unsigned i = 0; i < s->kind_n; i++)
		if (str_is(kind, s->kinds[i].name)) {
			s->kinds[i].n++;
			return;
		}
	if (s->kind_n == KINDS_MAX || kind.n >= sizeof(s->kinds[0].name))
		return;
	memcpy(s->kinds[s->kind_n].name, kind.p, kind.n);
	s->kinds[s->kind_n++].n = 1;
}

/* A message that is shown counts with the bytes of all its segments. */
static void count_segments(struct stats *s, const struct dissected_frame *f, const struct chat_event *e)
{
	uint32_t *at, n;
	struct place p;

	if (f->stream < 0)
		return;
	chat_place(s->d, f, e, &p);
	n = place_segments(s->d, f, &p, NULL, 0);
	at = xcalloc(n + 1, sizeof(*at));
	n = place_segments(s->d, f, &p, at, n);
	for (uint32_t i = 0; i < n; i++) {
		if (s->carries[at[i]] || s->d->frames[at[i]].shown)
			continue;
		s->carries[at[i]] = true;
		s->more += field_number(s->d, &s->d->frames[at[i]], F_FRAME_LEN);
	}
	xfree(at);
}

static void count_events(struct stats *s, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	struct str rows = field_of(s->d, f, F_CHAT);
	struct chat_event e;

	while (chat_next(&rows, &store, &e)) {
		count_kind(s, e.kind);
		chat_resolve(s->d, f, &e);
		if (str_is(e.kind, "receipt") && e.other)
			add(&s->receipts, e.latency);
		if (!str_is(e.kind, "message"))
			continue;
		s->messages++;
		count_segments(s, f, &e);
		s->encrypted += f->encrypted;
		s->text_bytes += e.text.n > 2 ? (double)(e.text.n - 2) : 0;
	}
}

static void count_tcp(struct stats *s, const struct dissected_frame *f)
{
	struct connection *c = &s->connections[f->stream];

	if (!c->frames++) {
		c->first = f->time;
		c->from = f->from;
		c->to = f->to;
	}
	c->last = f->time;
	c->again += f->again == AGAIN_SENT;
	c->needless += f->again == AGAIN_NEEDLESS;
	c->late += f->again == AGAIN_LATE;
	c->bytes += f->len;
	s->tcp_bytes += f->len;
	if (f->len && f->acked_by)
		add(&s->acks, s->d->frames[f->acked_by - 1].time - f->time);
}

/* ---- writing ---- */

static double at(const struct series *s, double share)
{
	uint32_t i = (uint32_t)(share * s->n);

	return s->v[i < s->n ? i : s->n - 1] * 1e3;
}

static void put_series(struct buf *out, const char *name, struct series *s)
{
	if (!s->n) {
		buf_fmt(out, "%-34s none\n", name);
		return;
	}
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	buf_fmt(out, "%-34s %u, half of them within %.3f ms, 95 of 100 within %.3f ms, the slowest %.3f ms\n", name,
		s->n, at(s, 0.5), at(s, 0.95), at(s, 1));
}

static void put_missing(const struct dissected *d, uint32_t stream, struct buf *out)
{
	struct connection_facts about = connection_facts(d, (int32_t)stream);
	CLEANUP(buf_clear) struct buf place = {.max = 1000};
	unsigned holes = holes_count(d, (int32_t)stream);
	struct vantage where;

	where = vantage_of(d, (int32_t)stream);
	vantage_put(d, (int32_t)stream, &where, &place);
	if (place.n)
		buf_fmt(out, "; %s", buf_cstr(&place));
	if (about.data && !about.syn)
		buf_z(out, "; its beginning is not in this capture");
	if (holes)
		buf_fmt(out, "; bytes are missing in %u place%s", holes, holes == 1 ? "" : "s");
}

static void put_connections(const struct stats *s, struct buf *out)
{
	for (uint32_t i = 0; i < s->d->stream_n && i < CONNECTIONS_SHOWN; i++) {
		CLEANUP(buf_clear) struct buf line = {.max = LINE_BYTES};
		const struct connection *c = &s->connections[i];

		if (!c->frames)
			continue;
		buf_fmt(&line, "connection %u, ", i);
		host_label(s->d, c->from, &line);
		buf_z(&line, " with ");
		host_label(s->d, c->to, &line);
		buf_fmt(&line,
			": %u frame%s, %.0f bytes of data, %u segment%s lost and sent again, %u needlessly, "
			"%u out of order, %.3f s",
			c->frames, c->frames == 1 ? "" : "s", c->bytes, c->again, c->again == 1 ? "" : "s", c->needless,
			c->late, c->last - c->first);
		put_missing(s->d, i, &line);
		filter_line(out, buf_view(&line));
		buf_z(out, "\n");
	}
}

/* Without a share where a part of what carried the text is not known. */
static void put_text(const struct stats *s, struct buf *out)
{
	double all = s->bytes + s->more;

	if (all <= 0)
		return;
	if (s->text_bytes > all)
		buf_fmt(out, "%-34s %.0f bytes are what people wrote\n", "text", s->text_bytes);
	else
		buf_fmt(out, "%-34s %.0f of %.0f bytes are what people wrote (%.1f %%)%s\n", "text", s->text_bytes, all,
			100 * s->text_bytes / all, s->more > 0 ? ", with all segments of their messages" : "");
}

static void put_all(struct stats *s, struct buf *out)
{
	double span = s->last - s->first;

	buf_fmt(out, "%-34s %u in %.3f s, %.0f bytes\n", STATS_FRAMES, dissected_shown(s->d), span, s->bytes);
	if (s->d->drops_told)
		buf_fmt(out, "%-34s %llu\n", STATS_DROPPED, (unsigned long long)s->d->dropped);
	else
		buf_fmt(out, "%-34s unknown: the file does not tell (only pcapng can, not compressed)\n",
			STATS_DROPPED);
	if (dissected_stanzas(s->d))
		buf_fmt(out, "%-34s %u; stanzas, not packets: how they went over the wire is not known\n", "messages",
			s->messages);
	else
		buf_fmt(out, "%-34s %u, %u of them encrypted on the wire\n", "messages", s->messages, s->encrypted);
	put_series(out, "receipts of the other program", &s->receipts);
	put_series(out, "acknowledgements by TCP", &s->acks);
	put_text(s, out);
	buf_z(out, "said on streams                   ");
	for (unsigned i = 0; i < s->kind_n; i++) {
		buf_z(out, i ? ", " : " ");
		filter_line(out, str_z(s->kinds[i].name));
		buf_fmt(out, " %u", s->kinds[i].n);
	}
	buf_z(out, s->kind_n ? "\n" : " nothing that can be read\n");
	put_connections(s, out);
}

/* ---- for programs ---- */

static void json_series(struct buf *out, const char *name, struct series *s)
{
	buf_fmt(out, "  \"%s\": {\"count\": %u", name, s->n);
	if (s->n) {
		qsort(s->v, s->n, sizeof(*s->v), by_value);
		buf_fmt(out, ", \"median_ms\": %.3f, \"p95_ms\": %.3f, \"max_ms\": %.3f", at(s, 0.5), at(s, 0.95),
			at(s, 1));
	}
	buf_z(out, "},\n");
}

static void json_host(const struct stats *s, const char *name, unsigned host, struct buf *out)
{
	CLEANUP(buf_clear) struct buf label = {.max = LINE_BYTES};

	host_label(s->d, host, &label);
	buf_fmt(out, ", \"%s\": ", name);
	json_text(out, buf_view(&label));
}

static void json_connections(const struct stats *s, struct buf *out)
{
	const char *between = "";

	buf_z(out, "  \"connections\": [");
	for (uint32_t i = 0; i < s->d->stream_n; i++) {
		const struct connection *c = &s->connections[i];

		if (!c->frames)
			continue;
		buf_fmt(out, "%s\n    {\"connection\": %u", between, i);
		json_host(s, "from", c->from, out);
		json_host(s, "to", c->to, out);
		buf_fmt(out,
			", \"frames\": %u, \"bytes\": %.0f, \"sent_again\": %u, \"needlessly\": %u, \"out_of_order\": %u, "
			"\"holes\": %u, \"seconds\": %.6f}",
			c->frames, c->bytes, c->again, c->needless, c->late, holes_count(s->d, (int32_t)i),
			c->last - c->first);
		between = ",";
	}
	buf_z(out, *between ? "\n  ]\n" : "]\n");
}

static void put_json(struct stats *s, struct buf *out)
{
	buf_fmt(out, STATS_JSON_BEGINS "%u,\n  \"seconds\": %.6f,\n  \"bytes\": %.0f,\n  " STATS_JSON_HAS "%.0f,\n",
		dissected_shown(s->d), s->last - s->first, s->bytes, s->text_bytes);
	buf_z(out, "  \"dropped\": ");
	dropped_json(s->d, out);
	buf_z(out, ",\n");
	buf_fmt(out, "  \"text_in_bytes\": %.0f,\n", s->bytes + s->more);
	buf_fmt(out, "  \"messages\": %u,\n  \"messages_encrypted\": %u,\n", s->messages, s->encrypted);
	json_series(out, "receipts", &s->receipts);
	json_series(out, "tcp_acknowledgements", &s->acks);
	buf_z(out, "  \"said\": {");
	for (unsigned i = 0; i < s->kind_n; i++) {
		buf_z(out, i ? ", " : "");
		json_text(out, str_z(s->kinds[i].name));
		buf_fmt(out, ": %u", s->kinds[i].n);
	}
	buf_z(out, "},\n");
	json_connections(s, out);
	buf_z(out, "}\n");
}

/* ---- both ---- */

static void count_and_put(const struct dissected *d, void (*put)(struct stats *s, struct buf *out), struct buf *out)
{
	struct stats s = {.d = d,
		.connections = xcalloc((size_t)d->stream_n + 1, sizeof(*s.connections)),
		.carries = xcalloc((size_t)d->n + 1, sizeof(*s.carries))};

	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (!f->shown)
			continue;
		if (!s.bytes)
			s.first = f->time;
		s.last = f->time;
		s.bytes += field_number(d, f, F_FRAME_LEN);
		count_events(&s, f);
		if (f->stream >= 0)
			count_tcp(&s, f);
	}
	put(&s, out);
	xfree(s.receipts.v);
	xfree(s.acks.v);
	xfree(s.connections);
	xfree(s.carries);
}

void stats_put(const struct dissected *d, struct buf *out) { count_and_put(d, put_all, out); }
void stats_json(const struct dissected *d, struct buf *out) { count_and_put(d, put_json, out); }
