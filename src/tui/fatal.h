/* The terminal is put back also where the program ends in the middle: its modes, and that it marks pastes. One terminal, standard
 * input. */
#ifndef TUI_FATAL_H
#define TUI_FATAL_H

#include "base/str.h"

/* As the terminal is now it shall be again; undo: what is written to it first, static. Only signals that would end the program count. */
void fatal_watch(struct str undo);
/* Somebody else has the terminal meanwhile. */
void fatal_pause(bool paused);
void fatal_unwatch(void);

#endif
