/* The user's Wireshark, ready-made, without touching the user's own settings: with our profile, Lua and extcap in a private
 * configuration folder, $XDG_STATE_HOME/wireside/wireshark. */
#ifndef TRACE_OPEN_H
#define TRACE_OPEN_H

#include "base/buf.h"

/* What is opened: a file, or an interface that is captured at once, of ours as our extcap calls it; neither: just the window. */
struct open_what {
	const char *file;
	const char *live;
	const char *const *settings; /* "name:value", NULL at the end */
	const char *filter, *frame;  /* shown at first; NULL: all, the first one */
	bool folder_only;            /* starts nothing */
};

/* Puts the folder in order (ret_folder, at most FOLDER_PATH: its name) and becomes Wireshark. Returns only when that fails
 * or when the folder was all that was wanted: 0, ERR_ with a line in why. */
int open_window(const struct open_what *what, struct buf *ret_folder, struct buf *why);
/* The same with a file alone, and one setting; NULL: none. */
int open_wireshark(const char *file, const char *setting, struct buf *why);

#endif
