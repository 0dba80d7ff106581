/* Text of others for the answers of commands, which people see on a terminal: nothing in it is obeyed there, turns the direction of
 * writing or is not seen (str_is_unseen()). What is taken out becomes "?", and so does each byte that is no UTF-8. */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include "base/buf.h"

/* A part of a line: no line breaks and tabs either. */
void plain_put(struct buf *out, struct str text);
/* The same, and blanks until there are so many characters (printf counts bytes). */
void plain_put_column(struct buf *out, struct str text, unsigned characters);
/* A whole answer, whose line breaks and tabs are ours. */
void plain_put_lines(struct buf *out, struct str text);

#endif
