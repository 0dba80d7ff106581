/* A capture as one page of HTML that needs nothing else: no network, no script. Every text of others is filtered and escaped.
 * The parts are made by report_ladder.c, report_chart.c and report_tshark.c. */
#ifndef TRACE_REPORT_H
#define TRACE_REPORT_H

#include "trace/dissect.h"

struct report {
	const struct dissected *d;
	struct str name;     /* of the file, for people */
	const char *file;    /* asked again for the trees of fields and for what streams said; NULL: not */
	const char *filter;  /* as of dissect() */
	const char *sha256;  /* of the file, in hexadecimal; NULL: not told */
	struct str comments; /* of the capture, a line each; absent: none */
};

/* How both begin, and what comes soon after: by these a file is known for one of ours (cmd/trace_place.c). */
#define REPORT_BEGINS "<!doctype html>\n<html lang=\"en\">"
#define REPORT_POLICY "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
#define REPORT_SVG_BEGINS "<svg xmlns=\"http://www.w3.org/2000/svg\""
#define REPORT_SVG_STYLE "<style>text{font:12px ui-monospace,monospace"
void report_put(const struct report *r, struct buf *out);
/* The ladder alone, as a picture. */
void report_svg(const struct dissected *d, struct buf *out);

#endif
