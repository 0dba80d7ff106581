/* `wireside trace follow`: the bytes of one connection, in the order of the stream. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/follow.h"
#include "trace/ladder.h"
#include "tui/filter.h"

enum { FOLLOWED_MAX = 128 << 20 };

/* How it is to be followed; NULL: it cannot be, and why not is said. */
static const char *way_of(const struct trace_args *a, const struct dissected *d, struct buf *why)
{
	struct connection_facts about = connection_facts(d, (int32_t)a->stream);

	if (a->stream >= d->stream_n && d->stream_n > 1)
		buf_fmt(why, "there is no connection %u in %s: there are 0 to %u", a->stream, a->file, d->stream_n - 1);
	else if (dissected_stanzas(d))
		buf_fmt(why, "%s has stanzas, not packets: there is no connection to follow; the ladder shows them all",
			a->file);
	else if (a->stream >= d->stream_n)
		buf_fmt(why, "there is no connection %u in %s: %s", a->stream, a->file,
			d->stream_n ? "there is only connection 0" : "there is none, nothing of TCP");
	else if (a->plain || !about.secured)
		return "tcp";
	else if (about.readable)
		return "tls";
	else
		buf_fmt(why, "connection %u is encrypted, and %s; --plain shows the bytes as they were on the wire",
			a->stream,
			about.handshake ? "its secrets are not in this file" : "its handshake is not in this file");
	return NULL;
}

static void put_end(const struct dissected *d, const struct dissected_frame *f, bool from, struct buf *out)
{
	host_label(d, from ? f->from : f->to, out);
	buf_fmt(out, ", port %.*s", STR_FMT(field_first(d, f, from ? F_PORT_FROM : F_PORT_TO)));
}

static void put_head(const struct trace_args *a, const struct dissected *d, const char *how, struct buf *out)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (f->stream != (int32_t)a->stream)
			continue;
		buf_fmt(out, "Connection %u%s: ", a->stream, strcmp(how, "tls") == 0 ? ", decrypted" : "");
		put_end(d, f, true, out);
		buf_z(out, ", with ");
		put_end(d, f, false, out);
		return;
	}
}

/* Each piece behind the name of whoever said it. */
static void put_pieces(const struct dissected *d, const struct followed *f, struct buf *out)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct str rest = {f->text.p ? f->text.p + f->piece[i].at : "", f->piece[i].n};
		CLEANUP(buf_clear) struct buf line = {.max = TRACE_VIEW_MAX};

		host_label(d, f->piece[i].host, &line);
		buf_z(&line, ": ");
		do {
			buf_str(&line, str_cut(&rest, '\n'));
			filter_line(out, buf_view(&line));
			buf_char(out, '\n');
			buf_reset(&line);
		} while (rest.p);
	}
}

static int show(const struct trace_args *a, const struct dissected *d, const char *how)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192}, head = {.max = 65536}, out = {.max = TRACE_VIEW_MAX};
	struct followed f;

	if (follow(a->file, d, a->stream, how, FOLLOWED_MAX, &f, &why) != 0) {
		trace_complain(" follow", &why);
		return 1;
	}
	put_head(a, d, how, &head);
	filter_line(&out, buf_view(&head));
	buf_z(&out, "\n");
	if (f.legend.n) {
		buf_reset(&head);
		buf_fmt(&head, "Nodes are called by their people: %s", buf_cstr(&f.legend));
		filter_line(&out, buf_view(&head));
		buf_z(&out, "\n");
	}
	buf_z(&out, "\n");
	put_pieces(d, &f, &out);
	if (f.cut || !buf_ok(&out))
		fputs("wireside: trace follow: there is more than can be shown\n", stderr);
	followed_clear(&f);
	return trace_write_out(a, buf_view(&out));
}

int trace_follow(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct dissected d;
	const char *way;
	int status = 1;

	if (dissect(a->file, NULL, &d, &why) != 0) {
		trace_complain(" follow", &why);
		return 1;
	}
	if (why.n)
		trace_complain(" follow", &why); /* a word about the file */
	buf_reset(&why);
	way = way_of(a, &d, &why);
	if (way)
		status = show(a, &d, way);
	else
		trace_complain(" follow", &why);
	dissected_clear(&d);
	return status;
}
