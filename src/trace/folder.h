/* Files that are put where Wireshark looks for them. */
#ifndef TRACE_FOLDER_H
#define TRACE_FOLDER_H

#include "base/buf.h"

enum { FOLDER_PATH = 4096, FOLDER_FILE_MAX = 1 << 20 };

/* $XDG_STATE_HOME/wireside/NAME, else ~/.local/state/wireside/NAME. */
void folder_state(char path[FOLDER_PATH], const char *name);
/* All of a file, of at most ret->max bytes. ERR_NOTFOUND, ERR_IO: errno tells. */
int folder_read(const char *path, struct buf *ret);
/* Instead of what is there. ERR_IO: errno tells. */
int folder_write(const char *path, struct str text);
/* Makes it with all above; on_made (NULL: nobody) hears of each that was not there. What is in such folders may be run as a
 * program: ERR_DENIED: others can write there whom mode does not let. ERR_IO: errno tells. */
typedef void folder_made_fn(void *arg, const char *path);
int folder_make(const char *path, unsigned mode, folder_made_fn *on_made, void *arg);

#endif
