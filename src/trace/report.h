/* A capture as one page of HTML that needs nothing else: no network, no script. Every text of others is filtered and escaped. */
#ifndef TRACE_REPORT_H
#define TRACE_REPORT_H

#include "trace/dissect.h"

/* name: of the file, for people. */
void report_put(const struct dissected *d, struct str name, struct buf *out);

#endif
