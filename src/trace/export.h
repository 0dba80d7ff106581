/* A capture as text for other programs. */
#ifndef TRACE_EXPORT_H
#define TRACE_EXPORT_H

#include "trace/dissect.h"

/* How both begin, and what comes soon after: by these a file is known for one of ours (cmd/trace_place.c). */
#define EXPORT_CSV_BEGINS "frame,seconds,from,to,protocol,connection,"
#define EXPORT_JSON_BEGINS "{\"file\": "
#define EXPORT_JSON_HAS "\"dropped\": "
/* Comma-separated values (RFC 4180, with its line ends): a row for each frame, or for each event on it. Texts of others are
 * filtered, and begin nothing that a spreadsheet would calculate. */
void export_csv(const struct dissected *d, struct buf *out);
/* One object: name, packets that were dropped while it was captured (null: not known), hosts, frames with their events. */
void export_json(const struct dissected *d, struct str name, struct buf *out);

#endif
