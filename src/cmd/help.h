/* What `--help` prints, as wide as the terminal is. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "base/buf.h"

/* text: lines, each as long as it likes. Words behind two blanks or more stand in a column of their own ("  --flag  what it
 * does"); what is in brackets is not torn apart; a line behind "Examples:" goes on with a backslash, so that it can still be
 * copied into a shell. Nothing is cut off. width: columns, at least HELP_NARROW. */
enum { HELP_NARROW = 20 };
void help_wrap(struct buf *out, struct str text, unsigned width);
/* To standard output: as wide as the terminal, at most 100 columns; 80 where there is none. */
void help_print(const char *text);

#endif
