/* The visible table of what is spoken, and what is administered: composed here, handed to the core. */
#ifndef APP_FEATURES_H
#define APP_FEATURES_H

#include "core/command.h"
#include "core/feature.h"

extern const struct feature *const features[]; /* NULL at the end */
extern const struct command *const commands[]; /* NULL at the end */

/* docs/PROTOCOL.md as text. */
void features_write_protocol(struct buf *out);

#endif
