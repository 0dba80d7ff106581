#include "trace/export.h"

#include "base/json.h"
#include "base/mem.h"
#include "trace/ladder.h"
#include "tui/filter.h"

enum { CELL_MAX = 1 << 20, EVENT_MAX = 64 << 20 };

/* ---- comma-separated values ---- */

static const char columns[] = EXPORT_CSV_BEGINS
	"flags,seq,ack,bytes,encrypted,sent_again,acked_by_frame,"
	"acked_after_ms,kind,chat_from,chat_to,chat_id,chat_text,other_frame,receipt_after_ms,info\r\n";

/* A cell that begins so is a formula to a spreadsheet. */
static bool is_formula(struct str s) { return s.n && s.p[0] && strchr("=+-@", s.p[0]); }

static void put_cell(struct buf *out, struct str text)
{
	CLEANUP(buf_clear) struct buf clean = {.max = 4 * CELL_MAX};

	filter_line(&clean, text);
	buf_z(out, is_formula(buf_view(&clean)) ? ",\"'" : ",\"");
	for (size_t i = 0; i < clean.n; i++) {
		if (clean.p[i] == '"')
			buf_char(out, '"');
		buf_char(out, clean.p[i]);
	}
	buf_char(out, '"');
}

static void put_host(const struct dissected *d, unsigned host, struct buf *out)
{
	CLEANUP(buf_clear) struct buf label = {.max = 4096};

	if (host != HOST_NONE)
		host_label(d, host, &label);
	put_cell(out, buf_view(&label));
}

static void put_tcp(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf flags = {.max = 100};

	tcp_flags_put(f->flags, &flags);
	buf_fmt(out, ",%d,%s,%u,%u,%u,%d,%d", (int)f->stream, buf_cstr(&flags), f->seq, f->ack, f->len, f->encrypted,
		frame_again(f));
	if (f->acked_by)
		buf_fmt(out, ",%u,%.6f", d->frames[f->acked_by - 1].number,
			(d->frames[f->acked_by - 1].time - f->time) * 1e3);
	else
		buf_z(out, ",,");
}

static void put_frame_cells(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	buf_fmt(out, "%u,%.9f", f->number, f->time);
	put_host(d, f->from, out);
	put_host(d, f->to, out);
	put_cell(out, field_of(d, f, F_PROTOCOL));
	if (f->stream >= 0)
		put_tcp(d, f, out);
	else
		buf_z(out, ",,,,,,,,,");
}

/* What a message says stands in quotes for people; for programs it is what was said. */
static struct str said(const struct chat_event *e)
{
	bool quoted =
		str_is(e->kind, "message") && e->text.n >= 2 && e->text.p[0] == '"' && e->text.p[e->text.n - 1] == '"';

	return quoted ? (struct str){e->text.p + 1, e->text.n - 2} : e->text;
}

static void put_event_cells(const struct chat_event *e, struct buf *out)
{
	const struct str cells[] = {e->kind, e->from, e->to, e->id, said(e)};

	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		put_cell(out, cells[i]);
	if (e->other)
		buf_fmt(out, ",%u,%.6f", e->other, e->latency * 1e3);
	else
		buf_z(out, ",,");
}

static void put_row(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct buf *out)
{
	put_frame_cells(d, f, out);
	if (e)
		put_event_cells(e, out);
	else
		buf_z(out, ",,,,,,,");
	put_cell(out, field_of(d, f, F_INFO));
	buf_z(out, "\r\n");
}

void export_csv(const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf store = {.max = EVENT_MAX};

	buf_z(out, columns);
	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];
		struct str rows = f->shown ? field_of(d, f, F_CHAT) : STR_NONE;
		struct chat_event e;

		if (f->shown && !field_has(f, F_CHAT))
			put_row(d, f, NULL, out);
		while (chat_next(&rows, &store, &e))
			put_row(d, f, &e, out);
	}
}

/* ---- JSON ---- */

static void put_member(struct buf *out, const char *name, struct str text)
{
	buf_fmt(out, ", \"%s\": ", name);
	json_text(out, text);
}

static void json_event(const struct chat_event *e, struct buf *out)
{
	buf_z(out, "{\"kind\": ");
	json_text(out, e->kind);
	put_member(out, "stanza", e->stanza.n ? e->stanza : STR_NONE);
	put_member(out, "from", e->from.n ? e->from : STR_NONE);
	put_member(out, "to", e->to.n ? e->to : STR_NONE);
	put_member(out, "id", e->id.n ? e->id : STR_NONE);
	put_member(out, "text", said(e));
	if (e->other)
		buf_fmt(out, ", \"other_frame\": %u, \"receipt_after\": %.6f", e->other, e->latency);
	buf_char(out, '}');
}

static void json_events(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf store = {.max = EVENT_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;
	const char *gap = "";

	buf_z(out, ", \"events\": [");
	while (chat_next(&rows, &store, &e)) {
		buf_z(out, gap);
		json_event(&e, out);
		gap = ", ";
	}
	buf_char(out, ']');
}

static void json_tcp(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf flags = {.max = 100};

	tcp_flags_put(f->flags, &flags);
	buf_fmt(out,
		", \"connection\": %d, \"flags\": \"%s\", \"seq\": %u, \"seq_absolute\": %.0f, \"ack\": %u, \"bytes\": %u",
		(int)f->stream, buf_cstr(&flags), f->seq, field_number(d, f, F_SEQ_RAW), f->ack, f->len);
	buf_fmt(out, ", \"encrypted\": %s, \"sent_again\": %s", f->encrypted ? "true" : "false",
		frame_again(f) ? "true" : "false");
	if (f->acked_by)
		buf_fmt(out, ", \"acked_by_frame\": %u, \"acked_after\": %.9f", d->frames[f->acked_by - 1].number,
			d->frames[f->acked_by - 1].time - f->time);
}

static void json_frame(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	buf_fmt(out, "{\"frame\": %u, \"seconds\": %.9f", f->number, f->time);
	if (f->from != HOST_NONE)
		buf_fmt(out, ", \"from\": %u", f->from);
	if (f->to != HOST_NONE)
		buf_fmt(out, ", \"to\": %u", f->to);
	put_member(out, "protocol", field_of(d, f, F_PROTOCOL));
	put_member(out, "info", field_of(d, f, F_INFO));
	if (f->stream >= 0)
		json_tcp(d, f, out);
	if (field_has(f, F_CHAT))
		json_events(d, f, out);
	buf_char(out, '}');
}

void export_json(const struct dissected *d, struct str name, struct buf *out)
{
	const char *gap = "";

	buf_z(out, EXPORT_JSON_BEGINS);
	json_text(out, name);
	buf_z(out, ",\n" EXPORT_JSON_HAS);
	dropped_json(d, out);
	buf_z(out, ",\n\"hosts\": [");
	for (unsigned i = 0; i < d->host_n; i++) {
		CLEANUP(buf_clear) struct buf label = {.max = 4096};

		host_label(d, i, &label);
		buf_z(out, i ? ",\n  {\"label\": " : "\n  {\"label\": ");
		json_text(out, buf_view(&label));
		put_member(out, "address", d->hosts[i].address);
		put_member(out, "name", d->hosts[i].name);
		if (d->hosts[i].port)
			buf_fmt(out, ", \"port\": %u", d->hosts[i].port);
		buf_char(out, '}');
	}
	buf_z(out, "\n],\n\"frames\": [");
	for (uint32_t i = 0; i < d->n; i++) {
		if (!d->frames[i].shown)
			continue;
		buf_fmt(out, "%s\n  ", gap);
		gap = ",";
		json_frame(d, &d->frames[i], out);
	}
	buf_z(out, "\n]}\n");
}
