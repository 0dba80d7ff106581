/* Events as text: for people one line each (more only for texts with line breaks), for programs one JSON object a line.
 * Both are filtered. */
#ifndef TUI_TEXT_H
#define TUI_TEXT_H

#include "base/buf.h"
#include "client/event.h"

/* What a refusal begins with that only says how a command is used: it is shown as that. */
#define LINE_USAGE "usage: "

/* Without line end; nothing for what people need not see. now: wall ms, to know what is of another day. */
void text_of_event(struct buf *out, const struct client_event *e, int64_t now);
void text_json(struct buf *out, const struct client_event *e);

#endif
