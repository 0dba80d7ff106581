/* `wireside trace follow`: the bytes of one connection, in the order of the stream. */
#include <stdio.h>

#include "app/trace_i.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/dissect.h"

/* How it is to be followed; NULL: it cannot be, and why not is said. */
static const char *way_of(const struct trace_args *a, const struct dissected *d, struct buf *why)
{
	struct connection_facts about = connection_facts(d, (int32_t)a->stream);

	if (a->stream >= d->stream_n && d->stream_n > 1)
		buf_fmt(why, "there is no connection %u in %s: there are 0 to %u", a->stream, a->file, d->stream_n - 1);
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

int trace_follow(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct dissected d;
	char how[64];
	const char *argv[] = {"tshark", "-q", "-r", a->file, "-z", how, NULL}, *way;

	if (dissect(a->file, NULL, &d, &why) != 0) {
		trace_complain(" follow", &why);
		return 1;
	}
	buf_reset(&why);
	way = way_of(a, &d, &why);
	dissected_clear(&d);
	if (!way) {
		trace_complain(" follow", &why);
		return 1;
	}
	snprintf(how, sizeof(how), "follow,%s,ascii,%u", way, a->stream);
	return trace_tshark(argv);
}
