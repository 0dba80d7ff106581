/* JSON texts (RFC 8259), for output that programs read. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/* "text" in quotes; controls and what is not seen (str_is_unseen()) escaped, because people look at it on a terminal, too; null if
 * absent. Bytes that are no UTF-8 become U+FFFD. */
void json_text(struct buf *out, struct str text);

#endif
